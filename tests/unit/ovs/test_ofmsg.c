/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenFlow messages: vectors read both ways, every truncation, errors by name. */
#include "tests/unit/ovs/ovs_test.h"

#include "ovs/ofmsg.h"

static void plain_messages_have_their_bytes(void **state)
{
    (void)state;
    auto_sbuf b = SBUF_INIT;
    ofmsg_hello_encode(1, &b);
    assert_hex(&b, "06 00 0010 00000001 0001 0008 00000040");
    sbuf_clear(&b);
    ofmsg_simple_encode(OFMSG_BARRIER_REQUEST, 2, &b);
    assert_hex(&b, "06 14 0008 00000002");
    sbuf_clear(&b);
    ofmsg_set_config_encode(3, 0xffff, &b);
    assert_hex(&b, "06 09 000c 00000003 0000 ffff");
    sbuf_clear(&b);
    ofmsg_packet_in_format_encode(4, &b);
    assert_hex(&b, "06 04 0014 00000004 00002320 00000010 00000002");
    sbuf_clear(&b);
    ofmsg_controller_id_encode(5, 9, &b);
    assert_hex(&b, "06 04 0018 00000005 00002320 00000014 000000000000 0009");
    sbuf_clear(&b);
    ofmsg_bundle_control_encode(OFMSG_BUNDLE_COMMIT, 7, 3, 6, &b);
    assert_hex(&b, "06 21 0010 00000006 00000007 0004 0003");
    sbuf_clear(&b);
    ofmsg_multipart_request_encode(OFMSG_MP_FLOW_DESC, 7, &b);
    assert_hex(&b, "06 12 0038 00000007 0001 0000 00000000 ff 000000 ffffffff ffffffff 00000000"
                   "0000000000000000 0000000000000000 0001 0004 00000000");
    sbuf_clear(&b);
    ofmsg_multipart_request_encode(OFMSG_MP_GROUP_DESC, 8, &b);
    assert_hex(&b, "06 12 0018 00000008 0007 0000 00000000 fffffffc 00000000");
}

/* As ovs-ofctl 3.1 sends "ct-flush zone=65520 TUPLE [TUPLE]". */
static void forgetting_connections_is_written_as_ovs_ofctl_does(void **state)
{
    auto_sbuf b = SBUF_INIT;
    struct ofmsg_ct_flush f = {
        .zone = 65520, .proto = 17, .dst = ip_v4(0x0a600001), .dst_port = 53};
    (void)state;
    ofmsg_ct_flush_encode(&f, 2, &b);
    assert_hex(&b, "06 04 0048 00000002 00002320 00000020 11 00000000000000"
                   "0000 0028 00000000 0001 0014 00000000000000000000ffff0a600001 00000000"
                   "0003 0008 0035 0000 0002 0008 fff0 0000");
    sbuf_clear(&b);
    f = (struct ofmsg_ct_flush){.zone = 65510, .proto = 17, .dst_port = 53, .end_port = 5353};
    ip_parse("fd00::1", &f.dst);
    ip_parse("fd00::2", &f.end);
    ofmsg_ct_flush_encode(&f, 2, &b);
    assert_hex(&b, "06 04 0070 00000002 00002320 00000020 11 00000000000000"
                   "0000 0028 00000000 0001 0014 fd000000000000000000000000000001 00000000"
                   "0003 0008 0035 0000"
                   "0001 0028 00000000 0000 0014 fd000000000000000000000000000002 00000000"
                   "0002 0008 14e9 0000 0002 0008 ffe6 0000");
    sbuf_clear(&b);
    f = (struct ofmsg_ct_flush){.zone = 65520, .src = ip_v4(0x0a600001)};
    ofmsg_ct_flush_encode(&f, 2, &b);
    assert_hex(&b, "06 04 0040 00000002 00002320 00000020 00 00000000000000"
                   "0000 0020 00000000 0000 0014 00000000000000000000ffff0a600001 00000000"
                   "0002 0008 fff0 0000");
}

static void framing_waits_for_whole_messages(void **state)
{
    (void)state;
    auto_sbuf b = SBUF_INIT;
    struct ofmsg_header h;
    struct err err = {0};
    put_hex_text(&b, "06 02 000a 00000005 0102");
    for (size_t n = 0; n < b.len; n++)
        assert_int_equal(ofmsg_header_decode((struct bytes){b.data, n}, &h, &err), 0);
    assert_int_equal(ofmsg_header_decode(of_sbuf(&b), &h, &err), 1);
    assert_int_equal(h.len, 10);
    assert_int_equal(h.xid, 5);
    set_be16(b.data + 2, 7);
    assert_int_equal(ofmsg_header_decode(of_sbuf(&b), &h, &err), ERR_PROTOCOL);
    sbuf_clear(&b);
    put_hex_text(&b, "04 02 000a 00000005 0102");
    auto_sbuf reply = SBUF_INIT;
    ofmsg_echo_reply_encode(of_sbuf(&b), &reply);
    assert_hex(&reply, "06 03 000a 00000005 0102");
}

static void hello_is_judged_by_bitmap_then_by_version(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        int want;
    } cases[] = {
        {"06 00 0010 00000001 0001 0008 00000040", 0},
        {"06 00 0010 00000001 0001 0008 00000012", ERR_UNSUPPORTED},
        {"04 00 0010 00000001 0001 0008 00000052", 0}, /* the bitmap counts, not the version */
        {"06 00 0008 00000001", 0},
        {"05 00 0008 00000001", ERR_UNSUPPORTED},
        {"07 00 0008 00000001", 0},
        /* an unknown element before, padded */
        {"06 00 0018 00000001 0009 0006 0000 0000 0001 0008 00000010", ERR_UNSUPPORTED},
        {"06 00 000c 00000001 0001 0004", 0}, /* an empty bitmap element says nothing */
        {"06 00", ERR_TRUNCATED},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        auto_sbuf b = SBUF_INIT;
        struct err err = {0};
        put_hex_text(&b, cases[i].hex);
        struct bytes copy = exact_copy(of_sbuf(&b), b.len);
        assert_int_equal(ofmsg_hello_check(copy, &err), cases[i].want);
        free_copy(copy);
    }
}

static void errors_have_names(void **state)
{
    (void)state;
    static const struct {
        const char *hex, *name;
    } cases[] = {
        {"06 01 000c 00000001 0005 0001", "OFPFMFC_TABLE_FULL"},
        {"06 01 000c 00000001 0002 0004", "OFPBAC_BAD_OUT_PORT"},
        {"06 01 000c 00000001 0011 000d", "OFPBFC_MSG_FAILED"},
        {"06 01 000c 00000001 0006 0009", "OFPGMFC_CHAINED_GROUP"},
        {"06 01 0010 00000001 ffff 000f 00002320", "NXBAC_BAD_CONJUNCTION"},
        {"06 01 0010 00000001 ffff 00ff 00002320", "experimenter 0x2320 code 255"},
        {"06 01 0010 00000001 ffff 0001 00001234", "experimenter 0x1234 code 1"},
        {"06 01 000c 00000001 0063 0001", "type 99 code 1"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        auto_sbuf b = SBUF_INIT;
        struct ofmsg_error e;
        struct err err = {0};
        put_hex_text(&b, cases[i].hex);
        assert_int_equal(ofmsg_error_decode(of_sbuf(&b), &e, &err), 0);
        assert_string_equal(e.name, cases[i].name);
        for (size_t n = 0; n < b.len; n++) {
            struct bytes cut = exact_copy(of_sbuf(&b), n);
            assert_int_equal(ofmsg_error_decode(cut, &e, &err), ERR_TRUNCATED);
            free_copy(cut);
        }
    }
}

static void flow_mods_are_made_from_key_and_value(void **state)
{
    (void)state;
    auto_sbuf key = SBUF_INIT, value = SBUF_INIT, out = SBUF_INIT;
    struct err err = {0};
    put_hex_text(&key, "05 0064 00010604 00000007");
    put_hex_text(&value, "0000000000000009 0001 000a 0014 0001 0008 06 000000");
    assert_int_equal(
        ofmsg_flow_mod_encode(OFMSG_ADD, of_sbuf(&key), of_sbuf(&value), 3, &out, &err), 0);
    const char *add = "06 0e 0048 00000003 0000000000000009 0000000000000000 05 00 000a 0014 0064"
                      "ffffffff ffffffff ffffffff 0001 0000 0001 000c 00010604 00000007 00000000"
                      "0001 0008 06 000000";
    assert_hex(&out, add);
    sbuf_clear(&out);
    ofmsg_flow_mod_encode(OFMSG_MODIFY, of_sbuf(&key), of_sbuf(&value), 3, &out, &err);
    assert_hex(&out, add); /* an addition replaces */
    sbuf_clear(&out);
    assert_int_equal(
        ofmsg_flow_mod_encode(OFMSG_DELETE, of_sbuf(&key), (struct bytes){NULL, 0}, 4, &out, &err),
        0);
    assert_hex(&out, "06 0e 0040 00000004 0000000000000000 0000000000000000 05 04 0000 0000 0064"
                     "ffffffff ffffffff ffffffff 0000 0000 0001 000c 00010604 00000007 00000000");
    sbuf_clear(&out);
    assert_int_equal(
        ofmsg_flow_mod_encode(OFMSG_ADD, of_sbuf(&value), (struct bytes){NULL, 0}, 4, &out, &err),
        ERR_INVALID);
    sbuf_put_zeros(&value, 65536);
    assert_int_equal(
        ofmsg_flow_mod_encode(OFMSG_ADD, of_sbuf(&key), of_sbuf(&value), 4, &out, &err),
        ERR_TOO_BIG);
    value.len = 65500;
    assert_int_equal(
        ofmsg_flow_mod_encode(OFMSG_ADD, of_sbuf(&key), of_sbuf(&value), 4, &out, &err),
        ERR_TOO_BIG);
    assert_int_equal(out.len, 0); /* nothing half done is left */
}

static void group_and_meter_mods_are_made_from_key_and_value(void **state)
{
    (void)state;
    auto_sbuf key = SBUF_INIT, value = SBUF_INIT, out = SBUF_INIT, meter = SBUF_INIT;
    struct err err = {0};
    put_hex_text(&key, "00000009");
    put_hex_text(&value, "01 00000008 0008 0000 00000001 ffff 0008 00000001");
    assert_int_equal(
        ofmsg_group_mod_encode(OFMSG_MODIFY, of_sbuf(&key), of_sbuf(&value), 3, &out, &err), 0);
    assert_hex(&out, "06 0f 0028 00000003 0001 01 00 00000009 0008 0000 ffffffff"
                     "0008 0000 00000001 ffff 0008 00000001");
    sbuf_clear(&out);
    ofmsg_group_mod_encode(OFMSG_DELETE, of_sbuf(&key), (struct bytes){NULL, 0}, 3, &out, &err);
    assert_hex(&out, "06 0f 0018 00000003 0002 00 00 00000009 0000 0000 ffffffff");
    sbuf_clear(&out);
    value.data[4] = 0x70; /* buckets longer than the value */
    assert_int_equal(
        ofmsg_group_mod_encode(OFMSG_ADD, of_sbuf(&key), of_sbuf(&value), 3, &out, &err),
        ERR_INVALID);
    put_hex_text(&meter, "0002 0001 0010 00000064 00000000 00000000");
    assert_int_equal(
        ofmsg_meter_mod_encode(OFMSG_ADD, of_sbuf(&key), of_sbuf(&meter), 3, &out, &err), 0);
    assert_hex(&out, "06 1d 0020 00000003 0000 0002 00000009 0001 0010 00000064 00000000 00000000");
    assert_int_equal(
        ofmsg_meter_mod_encode(OFMSG_ADD, of_sbuf(&meter), of_sbuf(&meter), 3, &out, &err),
        ERR_INVALID);
}

static void a_bundle_add_wraps_a_message_of_the_same_xid(void **state)
{
    (void)state;
    auto_sbuf out = SBUF_INIT;
    struct err err = {0};
    size_t at = ofmsg_bundle_add_begin(7, 3, 5, &out);
    ofmsg_simple_encode(OFMSG_BARRIER_REQUEST, 5, &out);
    assert_int_equal(ofmsg_bundle_add_end(at, &out, &err), 0);
    assert_hex(&out, "06 22 0018 00000005 00000007 0000 0003 06 14 0008 00000005");
    at = ofmsg_bundle_add_begin(7, 3, 5, &out);
    sbuf_put_zeros(&out, 65536);
    assert_int_equal(ofmsg_bundle_add_end(at, &out, &err), ERR_TOO_BIG);
    assert_int_equal(out.len, 24);
}

static void replies_are_read(void **state)
{
    (void)state;
    auto_sbuf b = SBUF_INIT;
    struct ofmsg_features f;
    struct ofmsg_reply reply;
    enum ofmsg_bundle_op op;
    uint32_t id;
    struct err err = {0};
    put_hex_text(&b, "06 06 0020 00000001 0000aabbccddeeff 00000100 fe 00 0000 0000004f 00000000");
    assert_int_equal(ofmsg_features_decode(of_sbuf(&b), &f, &err), 0);
    assert_true(f.datapath_id == UINT64_C(0xaabbccddeeff));
    assert_int_equal(f.n_tables, 254);
    assert_int_equal(f.capabilities, 0x4f);
    assert_int_equal(ofmsg_features_decode((struct bytes){b.data, 31}, &f, &err), ERR_TRUNCATED);
    sbuf_clear(&b);
    put_hex_text(&b, "06 13 0014 00000001 0001 0001 00000000 01020304");
    assert_int_equal(ofmsg_multipart_decode(of_sbuf(&b), &reply, &err), 0);
    assert_int_equal(reply.type, OFMSG_MP_FLOW_DESC);
    assert_true(reply.more);
    assert_int_equal(reply.body.n, 4);
    assert_int_equal(ofmsg_multipart_decode((struct bytes){b.data, 15}, &reply, &err),
                     ERR_TRUNCATED);
    sbuf_clear(&b);
    put_hex_text(&b, "06 21 0010 00000006 00000007 0005 0003");
    assert_int_equal(ofmsg_bundle_control_decode(of_sbuf(&b), &op, &id, &err), 0);
    assert_int_equal(op, OFMSG_BUNDLE_COMMITTED);
    assert_int_equal(id, 7);
    b.data[13] = 9;
    assert_int_equal(ofmsg_bundle_control_decode(of_sbuf(&b), &op, &id, &err), ERR_INVALID);
}

/* ---- flow descriptions ---- */

#define DESC_HEAD "05 00 0064 000a 0014 0001 0000 0000000000000009"
#define DESC_STATS "0000 0008 80020408"

static void a_flow_description_becomes_key_and_value(void **state)
{
    (void)state;
    auto_sbuf b = SBUF_INIT, key = SBUF_INIT, value = SBUF_INIT;
    struct err err = {0};
    /* xreg1 masked to reg3; goto_table:6 */
    put_hex_text(&b, "0048 0000" DESC_HEAD
                     "0001 0018 80010310 0000000000000007 00000000ffffffff" DESC_STATS
                     "0001 0008 06 000000");
    set_be16(b.data, (uint16_t)b.len);
    struct bytes body = of_sbuf(&b);
    assert_int_equal(ofmsg_flow_desc_next(&body, &key, &value, &err), 1);
    assert_hex(&key, "05 0064 00010604 00000007");
    assert_hex(&value, "0000000000000009 0001 000a 0014 0001 0008 06 000000");
    assert_int_equal(ofmsg_flow_desc_next(&body, &key, &value, &err), 0);
    for (size_t n = 1; n < b.len; n++) {
        struct bytes cut = exact_copy(of_sbuf(&b), n), in = cut;
        assert_int_equal(ofmsg_flow_desc_next(&in, &key, &value, &err), ERR_TRUNCATED);
        if (n >= 24) { /* and with a length that agrees with the cut */
            in = cut;
            set_be16((uint8_t *)(uintptr_t)cut.p, (uint16_t)n);
            int r = ofmsg_flow_desc_next(&in, &key, &value, &err);
            assert_true(r == ERR_TRUNCATED || r == ERR_INVALID || (r == 1 && n == b.len - 8));
        }
        free_copy(cut);
    }
}

static void unknown_parts_of_a_flow_are_kept_raw(void **state)
{
    (void)state;
    auto_sbuf b = SBUF_INIT, key = SBUF_INIT, value = SBUF_INIT;
    struct err err = {0};
    /* mpls_label=5; clear-actions */
    put_hex_text(&b, "0000 0000" DESC_HEAD "0001 000c 80004404 00000005 00000000" DESC_STATS
                     "0005 0008 00000000");
    set_be16(b.data, (uint16_t)b.len);
    struct bytes body = of_sbuf(&b);
    assert_int_equal(ofmsg_flow_desc_next(&body, &key, &value, &err), 1);
    assert_hex(&key, "05 0064 80004404 00000005");
    assert_hex(&value, "0000000000000009 0001 000a 0014 0005 0008 00000000");
    auto_sbuf text = SBUF_INIT, mod = SBUF_INIT;
    assert_int_equal(flow_format(of_sbuf(&key), of_sbuf(&value), &text, &err), ERR_UNSUPPORTED);
    assert_int_equal(
        ofmsg_flow_mod_encode(OFMSG_DELETE, of_sbuf(&key), of_sbuf(&value), 1, &mod, &err), 0);
}

/* ---- ports ---- */

static void ports_are_read(void **state)
{
    (void)state;
    auto_sbuf b = SBUF_INIT;
    struct ofmsg_port port;
    enum ofmsg_port_reason reason;
    struct err err = {0};
    put_hex_text(&b, "06 0c 0048 00000000 01 00000000000000"
                     "00000005 0038 0000 020000000009 0000"
                     "70310000000000000000000000000000 00000001 00000004"
                     "0000 0010 00000000 0000000000000000");
    assert_int_equal(ofmsg_port_status_decode(of_sbuf(&b), &reason, &port, &err), 0);
    assert_int_equal(reason, OFMSG_PORT_DELETE);
    assert_int_equal(port.number, 5);
    assert_string_equal(port.name, "p1");
    assert_int_equal(port.mac.b[5], 9);
    assert_int_equal(port.config, 1);
    assert_int_equal(port.state, 4);
    for (size_t n = 0; n < b.len; n++) {
        struct bytes cut = exact_copy(of_sbuf(&b), n);
        assert_int_equal(ofmsg_port_status_decode(cut, &reason, &port, &err), ERR_TRUNCATED);
        free_copy(cut);
    }
    b.data[8] = 3;
    assert_int_equal(ofmsg_port_status_decode(of_sbuf(&b), &reason, &port, &err), ERR_INVALID);
    struct bytes body = {b.data + 16, b.len - 16};
    assert_int_equal(ofmsg_port_desc_next(&body, &port, &err), 1);
    assert_int_equal(ofmsg_port_desc_next(&body, &port, &err), 0);
    set_be16(b.data + 20, 39);
    body = (struct bytes){b.data + 16, b.len - 16};
    assert_int_equal(ofmsg_port_desc_next(&body, &port, &err), ERR_INVALID);
}

/* ---- packets ---- */

static const char packet_in[] =
    "06 04 0000 00000000 00002320 0000001e"
    "0000 0012 020000000001020000000002 88b5 000000000000" /* packet of 14 bytes, padded */
    "0003 0005 07 000000"
    "0004 0010 00000000 0000000000001234"
    "0005 0005 01 000000"
    "0006 0028 00010004 00000005 80000004 00000003 80004404 00000009 80010008 0000000600000000"
    "0007 0006 aabb 0000"
    "0008 0010 00000000 1122334455667788";

static void a_packet_in_is_read_and_its_resume_keeps_all(void **state)
{
    (void)state;
    auto_sbuf b = SBUF_INIT, out = SBUF_INIT;
    struct ofmsg_packet_in pin, again;
    struct err err = {0};
    put_hex_text(&b, packet_in);
    set_be16(b.data + 2, (uint16_t)b.len);
    assert_int_equal(ofmsg_packet_in_decode(of_sbuf(&b), &pin, &err), 0);
    assert_int_equal(pin.packet.n, 14);
    assert_int_equal(pin.full_len, 14);
    assert_int_equal(pin.table, 7);
    assert_int_equal(pin.reason, 1);
    assert_true(pin.cookie == 0x1234);
    assert_int_equal(pin.userdata.n, 2);
    assert_int_equal(pin.continuation.n, 12);
    assert_int_equal(get_be32(match_get(&pin.metadata, F_REG0)->value), 6);
    assert_int_equal(get_be32(match_get(&pin.metadata, F_IN_PORT)->value), 3);
    match_set(&pin.metadata, F_REG5, 9);
    assert_int_equal(ofmsg_resume_encode(&pin, 8, &out, &err), 0);
    assert_int_equal(get_be32(out.data + 12), 28); /* NXT_RESUME */
    set_be32(out.data + 12, 30);                   /* it has the form of a packet-in */
    assert_int_equal(ofmsg_packet_in_decode(of_sbuf(&out), &again, &err), 0);
    assert_int_equal(again.packet.n, 14);
    assert_int_equal(again.continuation.n, 12);
    assert_memory_equal(again.continuation.p, pin.continuation.p, 12);
    assert_int_equal(get_be32(match_get(&again.metadata, F_REG5)->value), 9);
    /* the field that is not known here (mpls_label) is still there, once */
    const uint8_t label[] = {0x80, 0, 0x44, 4, 0, 0, 0, 9};
    assert_memory_equal(again.raw_metadata.p, label, sizeof label);
}

static void bad_packet_ins_are_errors(void **state)
{
    (void)state;
    auto_sbuf b = SBUF_INIT;
    struct ofmsg_packet_in pin;
    struct err err = {0};
    put_hex_text(&b, packet_in);
    for (size_t n = 0; n < b.len; n++) {
        struct bytes cut = exact_copy(of_sbuf(&b), n);
        int r = ofmsg_packet_in_decode(cut, &pin, &err);
        assert_true(r == 0 || r == ERR_TRUNCATED || r == ERR_INVALID);
        if (n < 34)
            assert_true(r != 0); /* the packet itself is not whole */
        free_copy(cut);
    }
    b.data[15] = 31;
    assert_int_equal(ofmsg_packet_in_decode(of_sbuf(&b), &pin, &err), ERR_UNSUPPORTED);
    sbuf_clear(&b);
    put_hex_text(&b, "06 04 0018 00000000 00002320 0000001e 0003 0004 00000000");
    assert_int_equal(ofmsg_packet_in_decode(of_sbuf(&b), &pin, &err), ERR_INVALID);
}

static void a_packet_out_names_its_port(void **state)
{
    (void)state;
    auto_sbuf b = SBUF_INIT;
    auto_actions a;
    struct err err = {0};
    actions_init(&a);
    act_output(&a, 2);
    assert_int_equal(ofmsg_packet_out_encode(1, &a, (struct bytes){"\xab\xcd", 2}, 9, &b, &err), 0);
    assert_hex(&b, "06 0d 0032 00000009 ffffffff 0010 0000 0001 000c 80000004 00000001 00000000"
                   "0000 0010 00000002 0000 000000000000 abcd");
    auto_sbuf big = SBUF_INIT;
    sbuf_put_zeros(&big, 65536);
    assert_int_equal(ofmsg_packet_out_encode(1, &a, of_sbuf(&big), 9, &b, &err), ERR_TOO_BIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forgetting_connections_is_written_as_ovs_ofctl_does),
        cmocka_unit_test(plain_messages_have_their_bytes),
        cmocka_unit_test(framing_waits_for_whole_messages),
        cmocka_unit_test(hello_is_judged_by_bitmap_then_by_version),
        cmocka_unit_test(errors_have_names),
        cmocka_unit_test(flow_mods_are_made_from_key_and_value),
        cmocka_unit_test(group_and_meter_mods_are_made_from_key_and_value),
        cmocka_unit_test(a_bundle_add_wraps_a_message_of_the_same_xid),
        cmocka_unit_test(replies_are_read),
        cmocka_unit_test(a_flow_description_becomes_key_and_value),
        cmocka_unit_test(unknown_parts_of_a_flow_are_kept_raw),
        cmocka_unit_test(ports_are_read),
        cmocka_unit_test(a_packet_in_is_read_and_its_resume_keeps_all),
        cmocka_unit_test(bad_packet_ins_are_errors),
        cmocka_unit_test(a_packet_out_names_its_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
