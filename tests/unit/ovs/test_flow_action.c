/* SPDX-License-Identifier: Apache-2.0
 *
 * Actions and flow values: wire vectors, canonical re-encoding, text, merging. */
#include "tests/unit/ovs/ovs_test.h"

#include "ovs/flow_internal.h"
#include "tests/unit/ovs/sample_flows.h"

static void check_list(struct actions *a, const char *hex, const char *text)
{
    auto_sbuf canon = SBUF_INIT, out = SBUF_INIT;
    struct err err = {0};
    assert_hex(&a->wire, hex);
    if (actions_canon(of_sbuf(&a->wire), &canon, &err))
        fail_msg("%s", err.text);
    assert_hex(&canon, hex); /* what we build is canonical already */
    assert_int_equal(actions_format(of_sbuf(&a->wire), &out, &err), 0);
    assert_string_equal(sbuf_cstr(&out), text);
    actions_done(a);
    actions_init(a);
}

static void actions_have_their_wire_form_and_text(void **state)
{
    (void)state;
    auto_actions a;
    actions_init(&a);
    act_output(&a, 5);
    check_list(&a, "0000 0010 00000005 0000 000000000000", "output:5");
    act_output(&a, OFPORT_CONTROLLER);
    check_list(&a, "0000 0010 fffffffd ffff 000000000000", "CONTROLLER:65535");
    act_output_field(&a, F_REG1, 0, 32);
    check_list(&a, "ffff 0018 00002320 000f 001f 00010204 ffff 000000000000",
               "output:NXM_NX_REG1[]");
    act_set(&a, F_REG0, 0x12);
    check_list(&a, "0019 0010 00010004 00000012 00000000", "set_field:0x12->reg0");
    act_set_masked(&a, F_REG0, 0x12ff, 0xff);
    check_list(&a, "0019 0010 00010108 000000ff 000000ff", "set_field:0xff/0xff->reg0");
    act_move(&a, F_REG0, 0, F_REG1, 16, 16);
    check_list(&a, "001c 0018 0010 0000 0010 0000 00010004 00010204 00000000",
               "move:NXM_NX_REG0[0..15]->NXM_NX_REG1[16..31]");
    act_dec_ttl(&a);
    act_group(&a, 9);
    check_list(&a, "0018 0008 00000000 0016 0008 00000009", "dec_ttl,group:9");
    act_resubmit(&a, 40);
    act_resubmit_ct(&a, 41);
    check_list(&a,
               "ffff 0010 00002320 000e fff8 28 000000"
               "ffff 0010 00002320 002c fff8 29 000000",
               "resubmit(,40),resubmit(,41,ct)");
    act_conjunction(&a, 7, 1, 3);
    act_ct_clear(&a);
    check_list(&a,
               "ffff 0010 00002320 0022 01 03 00000007"
               "ffff 0010 00002320 002b 000000000000",
               "conjunction(7,2/3),ct_clear");
    act_note(&a, "ab", 2);
    check_list(&a, "ffff 0010 00002320 0008 616200000000", "note:61.62.00.00.00.00");
}

static void ct_carries_zone_nat_and_nested_actions(void **state)
{
    (void)state;
    auto_actions a, exec;
    actions_init(&a);
    actions_init(&exec);
    act_set(&exec, F_CT_MARK, 1);
    act_ct(&a, &(struct act_ct){.flags = ACT_CT_COMMIT,
                                .zone_field = F_REG6,
                                .zone_bits = 16,
                                .table = 30,
                                .nat = true,
                                .nat_dst = true,
                                .ip_min = ip_v4(0x0a010203),
                                .port_min = 80,
                                .exec = &exec});
    check_list(&a,
               "ffff 0040 00002320 0023 0001 00010c04 000f 1e 000000 0000"
               "ffff 0018 00002320 0024 0000 0002 0011 0a010203 0050 0000"
               "0019 0010 0001d604 00000001 00000000",
               "ct(commit,table=30,zone=NXM_NX_REG6[0..15],nat(dst=10.1.2.3:80),"
               "exec(set_field:0x1->ct_mark))");
    act_ct(&a, &(struct act_ct){.zone_field = F_N, .table = NO_TABLE});
    check_list(&a, "ffff 0018 00002320 0023 0000 00000000 0000 ff 000000 0000", "ct()");
}

static void values_hold_head_and_instructions(void **state)
{
    (void)state;
    auto_actions a;
    auto_sbuf v = SBUF_INIT;
    actions_init(&a);
    flow_value_encode(1, 0, 0, 0, &a, &v);
    assert_hex(&v, "0000000000000001 0000 0000 0000"); /* drop */
    sbuf_clear(&v);
    act_goto(&a, 9);
    act_output(&a, 1);
    act_meter(&a, 4); /* goes first wherever it was asked for */
    flow_value_encode(2, FLOW_SEND_REM, 10, 20, &a, &v);
    assert_hex(&v, "0000000000000002 0001 000a 0014"
                   "0004 0020 00000000 001d 0008 00000004"
                   "0000 0010 00000001 0000 000000000000"
                   "0001 0008 09 000000");
}

static void foreign_encodings_become_canonical(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {
        /* max_len of a port that is not the controller */
        {"0000 0010 00000005 ffff 000000000000", "0000 0010 00000005 0000 000000000000"},
        /* set_field with a full mask, in the Nicira form of the field: eth_dst */
        {"0019 0018 0000030c 020000000001 ffffffffffff 00000000",
         "0019 0010 80000606 020000000001 0000"},
        /* move between fields in their Nicira forms: eth_src to eth_dst */
        {"001c 0018 0030 0000 0000 0000 00000406 00000206 00000000",
         "001c 0018 0030 0000 0000 0000 80000806 80000606 00000000"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        auto_sbuf in = SBUF_INIT, out = SBUF_INIT;
        struct err err = {0};
        put_hex_text(&in, cases[i].in);
        if (actions_canon(of_sbuf(&in), &out, &err))
            fail_msg("%zu: %s", i, err.text);
        assert_hex(&out, cases[i].out);
    }
}

static void bad_actions_are_errors(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        int code;
    } cases[] = {
        {"0000", ERR_TRUNCATED},
        {"0000 0000 00000000", ERR_INVALID},
        {"0000 0004 00000000", ERR_INVALID},
        {"0000 0008 00000000", ERR_INVALID}, /* output of 8 bytes */
        {"0000 0010 00000000", ERR_TRUNCATED},
        {"000f 0008 00000000", ERR_UNSUPPORTED},
        {"ffff 0008 00002320", ERR_INVALID},
        {"ffff 0010 00001234 0000 000000000000", ERR_UNSUPPORTED},
        {"ffff 0010 00002320 0063 000000000000", ERR_UNSUPPORTED},
        {"ffff 0010 00002320 0023 000000000000", ERR_INVALID}, /* ct of 16 bytes */
        {"0019 0010 000100ff 00000012 00000000", ERR_TRUNCATED},
        {"001c 0018 0010 0000 0010 0000 ffffffff 00010204 00000000", ERR_UNSUPPORTED},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        auto_sbuf in = SBUF_INIT, out = SBUF_INIT;
        struct err err = {0};
        put_hex_text(&in, cases[i].hex);
        assert_int_equal(actions_canon(of_sbuf(&in), &out, &err), cases[i].code);
        assert_true(err.text[0]);
    }
}

static void nesting_without_end_is_refused(void **state)
{
    (void)state;
    auto_sbuf in = SBUF_INIT, out = SBUF_INIT;
    struct err err = {0};
    for (unsigned i = 0; i < 20; i++) { /* clone(clone(clone(... */
        sbuf_put_be16(&in, 0xffff);
        sbuf_put_be16(&in, (uint16_t)(16 * (20 - i)));
        put_hex_text(&in, "00002320 002a 000000000000");
    }
    assert_int_equal(actions_canon(of_sbuf(&in), &out, &err), ERR_TOO_BIG);
    assert_int_equal(actions_format(of_sbuf(&in), &out, &err), ERR_TOO_BIG);
}

static void instructions_other_than_apply_and_goto_are_kept_raw(void **state)
{
    (void)state;
    static const char *const unknown[] = {
        "0005 0008 00000000",                    /* clear-actions */
        "0001 0008 05000000 0004 0008 00000000", /* in the wrong order */
        "0001 0008 05000000 0001 0008 06000000",
    };
    for (size_t i = 0; i < ARRAY_LEN(unknown); i++) {
        auto_sbuf in = SBUF_INIT, out = SBUF_INIT;
        put_hex_text(&in, unknown[i]);
        assert_int_equal(instructions_canon(of_sbuf(&in), &out, NULL), ERR_UNSUPPORTED);
    }
    auto_sbuf in = SBUF_INIT, out = SBUF_INIT;
    put_hex_text(&in, "0004 0008 00000000"); /* an empty list says nothing */
    assert_int_equal(instructions_canon(of_sbuf(&in), &out, NULL), 0);
    assert_int_equal(out.len, 0);
}

static void samples_survive_every_truncation_and_are_fixed_points(void **state)
{
    (void)state;
    struct sample_rows rows = VEC_INIT;
    sample_rows_all(&rows);
    for (size_t i = 0; i < rows.n; i++) {
        if (rows.v[i].space != OFSESSION_FLOW)
            continue;
        struct bytes v = rows.v[i].value;
        struct bytes wire = bytes_from(v, FLOW_VALUE_MIN);
        auto_sbuf once = SBUF_INIT, text = SBUF_INIT;
        struct err err = {0};
        assert_int_equal(instructions_canon(wire, &once, &err), 0);
        assert_int_equal(once.len, wire.n);
        if (wire.n)
            assert_memory_equal(once.data, wire.p, wire.n);
        assert_int_equal(flow_format(rows.v[i].key, v, &text, &err), 0);
        for (size_t n = 0; n < v.n; n++) {
            struct bytes cut = exact_copy(v, n);
            sbuf_clear(&text);
            int r = flow_format(rows.v[i].key, cut, &text, &err);
            if (r) /* an error leaves no half of a line */
                assert_int_equal(text.len, 0);
            sbuf_clear(&once);
            if (n >= FLOW_VALUE_MIN)
                instructions_canon(bytes_from(cut, FLOW_VALUE_MIN), &once, &err);
            free_copy(cut);
        }
    }
    sample_rows_done(&rows);
}

/* ---- merging ---- */

static void put_conj(struct sbuf *out, uint64_t cookie, const uint32_t (*conj)[3], size_t n)
{
    auto_actions a;
    actions_init(&a);
    for (size_t i = 0; i < n; i++)
        act_conjunction(&a, conj[i][0], (uint8_t)conj[i][1], (uint8_t)conj[i][2]);
    flow_value_encode(cookie, 0, 0, 0, &a, out);
}

static void conjunctions_of_several_units_are_joined(void **state)
{
    (void)state;
    static const uint32_t one[][3] = {{9, 1, 2}, {3, 0, 2}}, two[][3] = {{3, 0, 2}, {3, 1, 2}};
    static const uint32_t all[][3] = {{3, 0, 2}, {3, 1, 2}, {9, 1, 2}};
    auto_sbuf a = SBUF_INIT, b = SBUF_INIT, want = SBUF_INIT, ab = SBUF_INIT, ba = SBUF_INIT;
    put_conj(&a, 7, one, 2);
    put_conj(&b, 5, two, 2);
    put_conj(&want, 5, all, 3);
    struct bytes values[] = {of_sbuf(&a), of_sbuf(&b)}, turned[] = {of_sbuf(&b), of_sbuf(&a)};
    assert_true(flow_merge(values, 2, &ab));
    assert_true(flow_merge(turned, 2, &ba));
    assert_int_equal(ab.len, want.len);
    assert_memory_equal(ab.data, want.data, want.len);
    assert_int_equal(ba.len, want.len);
    assert_memory_equal(ba.data, want.data, want.len);
    sbuf_clear(&ab);
    assert_true(flow_merge(values, 1, &ab)); /* alone it is sorted too */
    assert_int_equal(ab.len, a.len);
    assert_int_equal(get_be32(ab.data + FLOW_VALUE_MIN + 8 + 12), 3);
}

static void other_values_must_agree(void **state)
{
    (void)state;
    auto_sbuf a = SBUF_INIT, b = SBUF_INIT, c = SBUF_INIT, out = SBUF_INIT;
    auto_actions act;
    static const uint32_t conj[][3] = {{9, 1, 2}};
    actions_init(&act);
    act_output(&act, 1);
    flow_value_encode(1, 0, 0, 0, &act, &a);
    act_output(&act, 2);
    flow_value_encode(1, 0, 0, 0, &act, &b);
    put_conj(&c, 1, conj, 1);
    struct bytes same[] = {of_sbuf(&a), of_sbuf(&a)}, differ[] = {of_sbuf(&a), of_sbuf(&b)};
    struct bytes mixed[] = {of_sbuf(&a), of_sbuf(&c)};
    assert_true(flow_merge(same, 2, &out));
    assert_int_equal(out.len, a.len);
    sbuf_clear(&out);
    assert_false(flow_merge(differ, 2, &out));
    assert_memory_equal(out.data, a.data, a.len); /* the first holds */
    sbuf_clear(&out);
    assert_false(flow_merge(mixed, 2, &out));
}

static void more_conjunctions_than_a_message_holds_are_a_conflict(void **state)
{
    (void)state;
    enum { N = 2500 };
    static uint32_t one[N][3], two[N][3];
    auto_sbuf a = SBUF_INIT, b = SBUF_INIT, out = SBUF_INIT;
    for (uint32_t i = 0; i < N; i++) {
        one[i][0] = i;
        two[i][0] = N + i;
        one[i][2] = two[i][2] = 2;
    }
    put_conj(&a, 1, (const uint32_t(*)[3])one, N);
    put_conj(&b, 1, (const uint32_t(*)[3])two, N);
    struct bytes values[] = {of_sbuf(&a), of_sbuf(&b)}, turned[] = {values[1], values[0]};
    auto_sbuf again = SBUF_INIT;
    assert_false(flow_merge(values, 2, &out));
    assert_int_equal(out.len, FLOW_VALUE_MIN + 8 + FLOW_CONJUNCTIONS_MAX * 16);
    assert_int_equal(get_be16(out.data + FLOW_VALUE_MIN + 2), 8 + FLOW_CONJUNCTIONS_MAX * 16);
    assert_int_equal(get_be32(out.data + out.len - 4), FLOW_CONJUNCTIONS_MAX - 1); /* the first */
    assert_false(flow_merge(turned, 2, &again));
    assert_memory_equal(out.data, again.data, out.len);
}

static void text_has_the_form_of_ovs_ofctl(void **state)
{
    (void)state;
    struct match m;
    struct ip ip;
    auto_actions a;
    auto_sbuf key = SBUF_INIT, value = SBUF_INIT, text = SBUF_INIT;
    match_init(&m);
    actions_init(&a);
    match_set(&m, F_ETH_TYPE, ETH_IPV6);
    match_set(&m, F_IP_PROTO, PROTO_TCP);
    match_set_masked(&m, F_TCP_DST, 0x1f40, 0xffc0);
    match_set_masked(&m, F_CT_STATE, CT_TRK, CT_TRK | CT_NEW);
    match_set_masked(&m, F_REG4, 0, 0x10);
    assert_true(ip_parse("fd00::5", &ip));
    match_set_ip(&m, F_IPV6_SRC, &ip);
    act_goto(&a, 12);
    flow_key_encode(3, 0x8000, &m, &key);
    flow_value_encode(0x10, 0, 0, 30, &a, &value);
    assert_int_equal(flow_format(of_sbuf(&key), of_sbuf(&value), &text, NULL), 0);
    assert_string_equal(sbuf_cstr(&text),
                        " cookie=0x10, table=3, hard_timeout=30, ct_state=-new+trk,tcp6,"
                        "reg4=0/0x10,ipv6_src=fd00::5,tp_dst=0x1f40/0xffc0 "
                        "actions=goto_table:12");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(actions_have_their_wire_form_and_text),
        cmocka_unit_test(ct_carries_zone_nat_and_nested_actions),
        cmocka_unit_test(values_hold_head_and_instructions),
        cmocka_unit_test(foreign_encodings_become_canonical),
        cmocka_unit_test(bad_actions_are_errors),
        cmocka_unit_test(nesting_without_end_is_refused),
        cmocka_unit_test(instructions_other_than_apply_and_goto_are_kept_raw),
        cmocka_unit_test(samples_survive_every_truncation_and_are_fixed_points),
        cmocka_unit_test(conjunctions_of_several_units_are_joined),
        cmocka_unit_test(other_values_must_agree),
        cmocka_unit_test(more_conjunctions_than_a_message_holds_are_a_conflict),
        cmocka_unit_test(text_has_the_form_of_ovs_ofctl),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
