/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers to refused packets: what comes back, what is left unanswered, and each truncation. */
#include "tests/unit/ovs/ovs_test.h"

#include "ovs/reject.h"

#define ETH4 "0a0000000001 0a0000000002 0800 "
#define MULTICAST4 "0b0000000001 0a0000000002 0800 "
#define ETH6 "0a0000000001 0a0000000002 86dd "
/* 10.1.0.2:40000 -> 10.96.0.1:80 */
#define SYN4                                                                                       \
    ETH4 "4500002c 12344000 40060000 0a010002 0a600001 "                                           \
         "9c400050 00000064 00000000 6002ffff 00000000 020405b4"
#define UDP4 ETH4 "45000020 12340000 40110000 0a010002 0a600001 9c400035 000c0000 61626364"
/* fd00::2 -> fd00:96::1 */
#define IP6(len, next)                                                                             \
    "60000000 " len next "40 fd000000000000000000000000000002 fd000096000000000000000000000001 "
#define SYN6 ETH6 IP6("0014", "06") "9c400050 00000064 00000000 5002ffff 00000000"
#define UDP6 ETH6 IP6("000c", "11") "9c400035 000c0000 61626364"

static int answer(const char *hex, struct sbuf *out, struct err *err)
{
    auto_sbuf in = SBUF_INIT;
    put_hex_text(&in, hex);
    struct bytes exact = exact_copy(of_sbuf(&in), in.len);
    int rc = reject_answer(exact, out, err);
    free((void *)(uintptr_t)exact.p);
    return rc;
}

/* By RFC 1071 the sum of all words, checksum included, is all ones. */
static uint32_t sum_of(uint32_t sum, const void *p, size_t n)
{
    const uint8_t *b = p;
    for (size_t i = 0; i < n; i++)
        sum += i % 2 ? b[i] : (uint32_t)b[i] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

static void assert_sums(const struct sbuf *out)
{
    const uint8_t *ip = (const uint8_t *)out->data + 14;
    bool v6 = ip[0] >> 4 == 6;
    size_t head = v6 ? 40 : 20, len = out->len - 14 - head;
    uint8_t proto = v6 ? ip[6] : ip[9];
    uint32_t pseudo = sum_of((uint32_t)len + proto, v6 ? ip + 8 : ip + 12, v6 ? 32 : 8);
    if (!v6)
        assert_int_equal(sum_of(0, ip, 20), 0xffff);
    assert_int_equal(v6 ? 40u + get_be16(ip + 4) : get_be16(ip + 2), head + len);
    assert_int_equal(sum_of(proto == PROTO_ICMP ? 0 : pseudo, ip + head, len), 0xffff);
}

static void a_tcp_syn_gets_a_reset(void **state)
{
    (void)state;
    auto_sbuf out = SBUF_INIT;
    assert_int_equal(answer(SYN4, &out, NULL), 0);
    assert_sums(&out);
    assert_memory_equal(out.data, "\x0a\0\0\0\0\x02\x0a\0\0\0\0\x01\x08\0", 14);
    assert_memory_equal(out.data + 14 + 12, "\x0a\x60\0\x01\x0a\x01\0\x02", 8);
    const uint8_t *tcp = (const uint8_t *)out.data + 14 + 20;
    assert_int_equal(get_be16(tcp), 80);
    assert_int_equal(get_be16(tcp + 2), 40000);
    assert_int_equal(get_be32(tcp + 8), 0x65); /* the SYN counts one */
    assert_int_equal(tcp[13], 0x14);           /* RST, ACK */
    assert_int_equal(out.len, 14 + 20 + 20);

    sbuf_clear(&out);
    assert_int_equal(answer(SYN6, &out, NULL), 0);
    assert_sums(&out);
    assert_int_equal(out.len, 14 + 40 + 20);
    assert_int_equal(out.data[14 + 40 + 13], 0x14);
}

static void a_segment_with_ack_gets_a_reset_from_there(void **state)
{
    (void)state;
    auto_sbuf out = SBUF_INIT;
    assert_int_equal(answer(ETH4 "45000028 12344000 40060000 0a010002 0a600001 "
                                 "9c400050 00000064 000000c8 5010ffff 00000000",
                            &out, NULL),
                     0);
    const uint8_t *tcp = (const uint8_t *)out.data + 14 + 20;
    assert_int_equal(get_be32(tcp + 4), 0xc8);
    assert_int_equal(get_be32(tcp + 8), 0);
    assert_int_equal(tcp[13], 0x04);
    assert_sums(&out);
}

static void a_datagram_gets_port_unreachable_with_itself_quoted(void **state)
{
    (void)state;
    auto_sbuf out = SBUF_INIT, in = SBUF_INIT;
    assert_int_equal(answer(UDP4, &out, NULL), 0);
    assert_sums(&out);
    put_hex_text(&in, UDP4);
    assert_memory_equal(out.data + 14 + 20, "\x03\x03", 2);
    assert_int_equal(out.len, 14 + 20 + 8 + in.len - 14);
    assert_memory_equal(out.data + 14 + 20 + 8, in.data + 14, in.len - 14);

    sbuf_clear(&out);
    assert_int_equal(answer(UDP6, &out, NULL), 0);
    assert_sums(&out);
    assert_memory_equal(out.data + 14 + 40, "\x01\x04", 2);
}

static void a_long_packet_is_quoted_in_part(void **state)
{
    (void)state;
    auto_sbuf in = SBUF_INIT, out = SBUF_INIT;
    put_hex_text(&in, ETH4 "45000bb8 12340000 40110000 0a010002 0a600001 9c400035 0ba40000");
    sbuf_put_zeros(&in, 3000 - (in.len - 14));
    assert_int_equal(reject_answer(of_sbuf(&in), &out, NULL), 0);
    assert_int_equal(out.len, 14 + 576);
    assert_sums(&out);

    sbuf_clear(&in);
    sbuf_clear(&out);
    put_hex_text(&in, ETH6 IP6("0b90", "11") "9c400035 0b900000");
    sbuf_put_zeros(&in, 14 + 40 + 0xb90 - in.len);
    assert_int_equal(reject_answer(of_sbuf(&in), &out, NULL), 0);
    assert_int_equal(out.len, REJECT_MAX);
    assert_sums(&out);
}

static void ipv6_extension_headers_are_passed_over(void **state)
{
    (void)state;
    auto_sbuf out = SBUF_INIT;
    assert_int_equal(answer(ETH6 IP6("001c", "00") "0600 010400000000 "
                                                   "9c400050 00000064 00000000 5002ffff 00000000",
                            &out, NULL),
                     0);
    assert_int_equal(out.data[14 + 6], PROTO_TCP);
    assert_sums(&out);
}

static void what_must_not_be_answered_is_not(void **state)
{
    (void)state;
    static const char *const packets[] = {
        /* a reset */
        ETH4 "45000028 12344000 40060000 0a010002 0a600001 9c400050 00000064 00000000 5004ffff "
             "00000000",
        /* ICMP and ICMPv6 errors, a redirect */
        ETH4 "4500001c 12340000 40010000 0a010002 0a600001 03030000 00000000",
        ETH6 IP6("0008", "3a") "01040000 00000000",
        ETH6 IP6("0008", "3a") "89000000 00000000",
        /* a fragment behind the first */
        ETH4 "45000020 12340010 40110000 0a010002 0a600001 9c400035 000c0000 61626364",
        ETH6 IP6("0010", "2c") "1100 0010 00000001 0000000000000000",
        /* to a group, from a group, from nobody, to a multicast MAC */
        ETH4 "45000020 12340000 40110000 0a010002 e0000001 9c400035 000c0000 61626364",
        ETH4 "45000020 12340000 40110000 e0000001 0a600001 9c400035 000c0000 61626364",
        ETH4 "45000020 12340000 40110000 00000000 0a600001 9c400035 000c0000 61626364",
        MULTICAST4 "45000020 12340000 40110000 0a010002 0a600001 9c400035 000c0000 61626364",
    };
    for (size_t i = 0; i < sizeof packets / sizeof *packets; i++) {
        auto_sbuf out = SBUF_INIT;
        struct err err = {0};
        assert_int_equal(answer(packets[i], &out, &err), ERR_NOT_FOUND);
        assert_int_equal(out.len, 0);
        assert_non_null(strstr(err.text, "not answered: "));
    }
}

static void broken_packets_are_named(void **state)
{
    (void)state;
    auto_sbuf out = SBUF_INIT;
    struct err err = {0};
    assert_int_equal(answer("0a0000000001 0a0000000002 0806 0001", &out, &err), ERR_UNSUPPORTED);
    assert_string_equal(err.text, "packet: Ethernet type 0x0806");
    assert_int_equal(answer(ETH4 "4300002c 12344000 40060000 0a010002 0a600001", &out, &err),
                     ERR_INVALID);
    assert_int_equal(answer(ETH6 "40000000 00140640 fd000000000000000000000000000002 "
                                 "fd000096000000000000000000000001",
                            &out, &err),
                     ERR_INVALID);
    assert_int_equal(answer(ETH4 "45000028 12344000 40060000 0a010002 0a600001 "
                                 "9c400050 00000064 00000000 f002ffff 00000000",
                            &out, &err),
                     ERR_INVALID);
    assert_string_equal(err.text, "packet: TCP header of 60 bytes in 20");
    assert_int_equal(out.len, 0);
}

static void each_truncation_is_an_error_or_an_answer(void **state)
{
    (void)state;
    static const char *const packets[] = {SYN4, UDP4, SYN6, UDP6,
                                          ETH6 IP6("0014", "00") "1100 010400000000 "
                                                                 "9c400035 000c0000 61626364"};
    for (size_t i = 0; i < sizeof packets / sizeof *packets; i++) {
        auto_sbuf in = SBUF_INIT;
        put_hex_text(&in, packets[i]);
        for (size_t n = 0; n < in.len; n++) {
            auto_sbuf out = SBUF_INIT;
            struct bytes cut = exact_copy(of_sbuf(&in), n);
            int rc = reject_answer(cut, &out, NULL);
            free((void *)(uintptr_t)cut.p);
            assert_true(rc == 0 || rc == ERR_TRUNCATED);
            assert_true((rc == 0) == (out.len > 0));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tcp_syn_gets_a_reset),
        cmocka_unit_test(a_segment_with_ack_gets_a_reset_from_there),
        cmocka_unit_test(a_datagram_gets_port_unreachable_with_itself_quoted),
        cmocka_unit_test(a_long_packet_is_quoted_in_part),
        cmocka_unit_test(ipv6_extension_headers_are_passed_over),
        cmocka_unit_test(what_must_not_be_answered_is_not),
        cmocka_unit_test(broken_packets_are_named),
        cmocka_unit_test(each_truncation_is_an_error_or_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
