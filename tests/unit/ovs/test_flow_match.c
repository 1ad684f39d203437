/* SPDX-License-Identifier: Apache-2.0
 *
 * Matches and flow keys: canonical form, wire vectors read both ways, what a switch does to them.
 */
#include "tests/unit/ovs/ovs_test.h"

#include "ovs/flow_internal.h"

static void every_field_has_a_name_a_width_and_its_own_header(void **state)
{
    (void)state;
    for (int f = 0; f < F_N; f++) {
        const struct field_info *info = &field_table[f];
        assert_non_null(info->name);
        assert_true(info->bytes >= 1 && info->bytes <= FIELD_MAX_BYTES);
        assert_true(info->bits <= info->bytes * 8 && info->live_bits <= info->bits);
        assert_int_equal(field_by_oxm(info->oxm), f);
        assert_int_equal(field_by_oxm(info->nxm), f);
        assert_int_equal(info->oxm & 0xff, info->bytes);
        assert_string_equal(field_name((enum field)f), info->name);
        assert_int_equal(field_width((enum field)f), info->bytes);
        for (int g = 0; g < f; g++)
            assert_string_not_equal(info->name, field_table[g].name);
    }
    assert_int_equal(field_by_oxm(0x80005000), F_N);
    assert_int_equal(field_by_oxm(0xffff0204), F_N);
}

static void order_of_setting_does_not_matter(void **state)
{
    (void)state;
    struct match a, b;
    auto_sbuf ka = SBUF_INIT, kb = SBUF_INIT;
    match_init(&a);
    match_init(&b);
    match_set(&a, F_ETH_TYPE, ETH_IPV4);
    match_set(&a, F_REG3, 7);
    match_set(&a, F_IP_PROTO, PROTO_TCP);
    match_set(&a, F_TCP_DST, 80);
    match_set(&b, F_TCP_DST, 443);
    match_set(&b, F_IP_PROTO, PROTO_TCP);
    match_set(&b, F_TCP_DST, 80); /* again: replaces */
    match_set(&b, F_REG3, 7);
    match_set(&b, F_ETH_TYPE, ETH_IPV4);
    flow_key_encode(5, 100, &a, &ka);
    flow_key_encode(5, 100, &b, &kb);
    assert_int_equal(ka.len, kb.len);
    assert_memory_equal(ka.data, kb.data, ka.len);
    /* table 5, priority 100, reg3=7, eth_type=0x800, ip_proto=6, tcp_dst=80 */
    assert_hex(&ka, "05 0064 00010604 00000007 80000a02 0800 80001401 06 80001c02 0050");
}

static void masks_are_canonical(void **state)
{
    (void)state;
    struct match m;
    match_init(&m);
    match_set_masked(&m, F_REG1, 0xff, 0x0f);
    const struct match_field *f = match_get(&m, F_REG1);
    assert_true(f->masked);
    assert_int_equal(get_be32(f->value), 0x0f); /* value bits outside the mask are gone */
    match_set_masked(&m, F_REG1, 5, 0xffffffff);
    assert_false(match_get(&m, F_REG1)->masked);
    match_set_masked(&m, F_REG1, 5, 0);
    assert_null(match_get(&m, F_REG1));
    assert_int_equal(m.n, 0);
    match_set_masked(&m, F_CT_STATE, CT_TRK, 0xff); /* all the bits there are */
    assert_false(match_get(&m, F_CT_STATE)->masked);
    match_set_masked(&m, F_IP_FRAG, 1, 3);
    assert_false(match_get(&m, F_IP_FRAG)->masked);
    assert_null(match_get(&m, F_REG0));
}

static void prefixes_lose_their_host_bits(void **state)
{
    (void)state;
    struct match m;
    struct prefix p;
    auto_sbuf key = SBUF_INIT;
    match_init(&m);
    assert_true(prefix_parse("10.1.2.3/20", &p));
    match_set_prefix(&m, F_IPV4_SRC, &p);
    flow_key_encode(0, 0, &m, &key);
    assert_hex(&key, "00 0000 80001708 0a010000 fffff000");
    assert_true(prefix_parse("0.0.0.0/0", &p));
    match_set_prefix(&m, F_IPV4_SRC, &p);
    assert_int_equal(m.n, 0);
    assert_true(prefix_parse("fd00::/128", &p));
    match_set_prefix(&m, F_IPV6_DST, &p);
    assert_false(match_get(&m, F_IPV6_DST)->masked);
}

static void check_parse(const char *hex, const char *canonical)
{
    auto_sbuf in = SBUF_INIT, out = SBUF_INIT;
    struct match m;
    struct err err = {0};
    put_hex_text(&in, hex);
    if (match_parse(of_sbuf(&in), &m, &err))
        fail_msg("%s", err.text);
    match_put(&m, &out);
    assert_hex(&out, canonical);
}

static void a_dump_in_the_switchs_own_form_becomes_ours(void **state)
{
    (void)state;
    /* xreg1 (64 bits) is reg2 and reg3 */
    check_parse("80010208 00000005 00000007", "00010404 00000005 00010604 00000007");
    /* the same masked to the low half: reg3 alone */
    check_parse("80010310 0000000000000007 00000000ffffffff", "00010604 00000007");
    /* xxreg0 is reg0..reg3 */
    check_parse("0001de10 00000001 00000002 00000003 00000004",
                "00010004 00000001 00010204 00000002 00010404 00000003 00010604 00000004");
    /* vlan_vid and vlan_pcp make vlan_tci; packet type Ethernet says nothing */
    check_parse("80005804 00000000 80000c02 1005 80000e01 03", "00000802 7005");
    check_parse("80000d04 1000 1000", "00000904 1000 1000");
    /* ct_state with the mask of all bits is exact; nxm forms become oxm ones */
    check_parse("0001d308 00000021 000000ff", "0001d204 00000021");
    check_parse("00000602 0800", "80000a02 0800");
}

static void bad_matches_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        int code;
    } cases[] = {
        {"800000", ERR_TRUNCATED},
        {"80000004 000000", ERR_TRUNCATED},
        {"80000002 0000", ERR_INVALID},             /* in_port of two bytes */
        {"80000104 00000001", ERR_INVALID},         /* masked, but no mask */
        {"80015208 0000000000000000", ERR_INVALID}, /* xreg41 */
        {"80010204 00000000", ERR_INVALID},
        {"80000c01 00", ERR_INVALID},
        {"80004404 00000000", ERR_UNSUPPORTED}, /* mpls_label */
        {"80005804 00010894", ERR_UNSUPPORTED}, /* packet type not Ethernet */
        {"ffff0208 0000232000000000", ERR_UNSUPPORTED},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        auto_sbuf in = SBUF_INIT;
        struct match m;
        struct err err = {0};
        put_hex_text(&in, cases[i].hex);
        assert_int_equal(match_parse(of_sbuf(&in), &m, &err), cases[i].code);
        assert_non_null(strstr(err.text, "match"));
    }
}

static void too_many_fields_are_refused_not_overrun(void **state)
{
    (void)state;
    auto_sbuf in = SBUF_INIT, rest = SBUF_INIT;
    struct match m;
    struct err err = {0};
    unsigned n = 0;
    for (int f = 0; f < F_N && n <= MATCH_MAX_FIELDS; f++) {
        if (F_XXREG0 <= f && f <= F_XXREG3)
            continue;
        sbuf_put_be32(&in, field_table[f].oxm);
        memset(sbuf_put_zeros(&in, field_table[f].bytes), 1, field_table[f].bytes);
        n++;
    }
    assert_int_equal(match_parse(of_sbuf(&in), &m, &err), ERR_TOO_BIG);
    assert_int_equal(match_parse_known(of_sbuf(&in), &m, &rest, &err), 0);
    assert_int_equal(m.n, MATCH_MAX_FIELDS);
    assert_true(rest.len > 0); /* what found no room is kept as it came */
}

static void keys_read_back_and_every_truncation_is_refused_or_shorter(void **state)
{
    (void)state;
    struct match m, back;
    auto_sbuf key = SBUF_INIT;
    uint8_t table;
    uint16_t priority;
    struct err err = {0};
    match_init(&m);
    match_set(&m, F_IN_PORT, 3);
    match_set_masked(&m, F_REG0, 1, 0xff);
    match_set(&m, F_ETH_TYPE, ETH_IPV6);
    flow_key_encode(7, 210, &m, &key);
    assert_int_equal(flow_key_decode(of_sbuf(&key), &table, &priority, &back, &err), 0);
    assert_int_equal(table, 7);
    assert_int_equal(priority, 210);
    assert_int_equal(back.n, 3);
    for (size_t n = 0; n < key.len; n++) {
        struct bytes cut = exact_copy(of_sbuf(&key), n);
        int r = flow_key_decode(cut, &table, &priority, &back, &err);
        if (r)
            assert_int_equal(r, ERR_TRUNCATED);
        else /* it ended between two fields */
            assert_true(back.n < 3);
        free_copy(cut);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_has_a_name_a_width_and_its_own_header),
        cmocka_unit_test(order_of_setting_does_not_matter),
        cmocka_unit_test(masks_are_canonical),
        cmocka_unit_test(prefixes_lose_their_host_bits),
        cmocka_unit_test(a_dump_in_the_switchs_own_form_becomes_ours),
        cmocka_unit_test(bad_matches_are_named),
        cmocka_unit_test(too_many_fields_are_refused_not_overrun),
        cmocka_unit_test(keys_read_back_and_every_truncation_is_refused_or_shorter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
