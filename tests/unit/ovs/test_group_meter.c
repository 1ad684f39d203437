/* SPDX-License-Identifier: Apache-2.0
 *
 * Groups and meters: byte forms, dump entries, text. */
#include "tests/unit/ovs/ovs_test.h"

#include "ovs/group.h"
#include "ovs/meter.h"
#include "ovs/ofmsg.h"
#include "tests/unit/ovs/sample_flows.h"

static void a_select_group_has_weights_and_reads_back(void **state)
{
    (void)state;
    auto_actions a;
    auto_sbuf key = SBUF_INIT, value = SBUF_INIT, text = SBUF_INIT;
    actions_init(&a);
    act_output(&a, 2);
    const struct group_bucket b = {.id = 5, .weight = 100, .actions = &a};
    group_key_encode(9, &key);
    group_value_encode(&(struct group){.type = GROUP_SELECT, .buckets = &b, .n_buckets = 1},
                       &value);
    assert_hex(&key, "00000009");
    assert_hex(&value, "01 00000020 0020 0010 00000005 0000 0010 00000002 0000 000000000000"
                       "0000 0008 0064 0000");
    assert_int_equal(group_format(of_sbuf(&key), of_sbuf(&value), &text, NULL), 0);
    assert_string_equal(sbuf_cstr(&text), "group_id=9,type=select,bucket=bucket_id:5,weight:100,"
                                          "actions=output:2");
}

/* A dump entry made of a key and a value, as the switch sends it. */
static void put_group_entry(struct sbuf *out, struct bytes key, struct bytes value)
{
    const uint8_t *v = value.p;
    size_t start = out->len, len = get_be32(v + 1);
    sbuf_put_be16(out, 0);
    sbuf_put_u8(out, v[0]);
    sbuf_put_u8(out, 0);
    sbuf_put(out, key.p, 4);
    sbuf_put_be16(out, (uint16_t)len);
    sbuf_put_zeros(out, 6);
    sbuf_put(out, v + 5, value.n - 5);
    set_be16(out->data + start, (uint16_t)(out->len - start));
}

static void every_sample_comes_back_from_a_dump(void **state)
{
    (void)state;
    struct sample_rows rows = VEC_INIT;
    size_t n = 0;
    sample_rows_all(&rows);
    for (size_t i = 0; i < rows.n; i++) {
        auto_sbuf entry = SBUF_INIT, key = SBUF_INIT, value = SBUF_INIT, text = SBUF_INIT;
        struct err err = {0};
        if (rows.v[i].space != OFSESSION_GROUP)
            continue;
        n++;
        put_group_entry(&entry, rows.v[i].key, rows.v[i].value);
        struct bytes body = of_sbuf(&entry);
        assert_int_equal(ofmsg_group_desc_next(&body, &key, &value, &err), 1);
        assert_int_equal(value.len, rows.v[i].value.n);
        assert_memory_equal(value.data, rows.v[i].value.p, value.len);
        assert_int_equal(ofmsg_group_desc_next(&body, &key, &value, &err), 0);
        for (size_t cut = 1; cut < entry.len; cut++) {
            struct bytes copy = exact_copy(of_sbuf(&entry), cut), in = copy;
            assert_int_equal(ofmsg_group_desc_next(&in, &key, &value, &err), ERR_TRUNCATED);
            free_copy(copy);
        }
        for (size_t cut = 0; cut < rows.v[i].value.n; cut++) {
            struct bytes copy = exact_copy(rows.v[i].value, cut);
            sbuf_clear(&text);
            if (group_format(rows.v[i].key, copy, &text, &err))
                assert_int_equal(text.len, 0);
            free_copy(copy);
        }
    }
    assert_true(n >= 5);
    sample_rows_done(&rows);
}

static void an_unknown_group_is_kept_raw(void **state)
{
    (void)state;
    auto_sbuf entry = SBUF_INIT, key = SBUF_INIT, value = SBUF_INIT;
    struct err err = {0};
    /* one bucket whose action (pop_mpls) is unknown */
    put_hex_text(&entry, "0020 00 00 00000001 0010 000000000000"
                         "0010 0008 00000000 0014 0008 0800 0000");
    struct bytes body = of_sbuf(&entry);
    assert_int_equal(ofmsg_group_desc_next(&body, &key, &value, &err), 1);
    assert_hex(&value, "00 00000010 0010 0008 00000000 0014 0008 0800 0000");
}

static void count_target(void *aux, const struct ip *ip, uint16_t port)
{
    char text[IP_TEXT_MAX];
    sbuf_printf(aux, "%s:%u ", ip_format(ip, text), (unsigned)port);
}

/* A group of two translations and a bucket without one, with method and parameter. */
static void put_translations(struct sbuf *value)
{
    auto_actions a, b, c;
    struct ip v6;
    actions_init(&a);
    actions_init(&b);
    actions_init(&c);
    ip_parse("fd00::5", &v6);
    act_ct(&a, &(struct act_ct){.flags = ACT_CT_COMMIT,
                                .zone = 1,
                                .zone_field = F_N,
                                .table = 9,
                                .nat = true,
                                .nat_dst = true,
                                .ip_min = ip_v4(0x0a000001),
                                .port_min = 53});
    act_ct(&b, &(struct act_ct){.zone = 1,
                                .zone_field = F_N,
                                .table = 9,
                                .nat = true,
                                .nat_dst = true,
                                .ip_min = v6,
                                .port_min = 54});
    act_output(&c, 3);
    struct group_bucket buckets[] = {{0, 1, &a}, {1, 1, &c}, {2, 1, &b}};
    group_value_encode(&(struct group){.type = GROUP_SELECT,
                                       .buckets = buckets,
                                       .n_buckets = 3,
                                       .selection_method = "hash",
                                       .selection_param = 17},
                       value);
}

static void translations_are_read_from_a_group(void **state)
{
    auto_sbuf value = SBUF_INIT, text = SBUF_INIT;
    (void)state;
    put_translations(&value);
    assert_int_equal(group_targets(of_sbuf(&value), count_target, &text), 17);
    assert_string_equal(sbuf_cstr(&text), "10.0.0.1:53 fd00::5:54 ");
    for (size_t n = 0; n < value.len; n++) {
        char *cut = mem_dup(value.data, n + !n);
        sbuf_clear(&text);
        assert_int_equal(group_targets((struct bytes){cut, n}, count_target, &text), 0);
        mem_free(cut);
    }
}

static void bad_group_entries_are_errors(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "0008 0000 00000001 0000 000000000000",                    /* shorter than its head */
        "0010 0000 00000001 0010 000000000000",                    /* buckets beyond the entry */
        "0018 0000 00000001 0008 000000000000 0008 0008 00000000", /* actions beyond the bucket */
        "0018 0000 00000001 0008 000000000000 0004 0000 00000000", /* bucket below its head */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        auto_sbuf entry = SBUF_INIT, key = SBUF_INIT, value = SBUF_INIT;
        struct err err = {0};
        put_hex_text(&entry, cases[i]);
        struct bytes body = of_sbuf(&entry);
        assert_int_equal(ofmsg_group_desc_next(&body, &key, &value, &err), ERR_INVALID);
    }
}

static void a_meter_reads_back_and_prints(void **state)
{
    (void)state;
    auto_sbuf key = SBUF_INIT, value = SBUF_INIT, text = SBUF_INIT;
    auto_sbuf entry = SBUF_INIT, k = SBUF_INIT, v = SBUF_INIT;
    struct err err = {0};
    meter_key_encode(7, &key);
    meter_value_encode(&(struct meter){.flags = METER_PKTPS | METER_BURST, .rate = 100, .burst = 9},
                       &value);
    assert_hex(&value, "0006 0001 0010 00000064 00000009 00000000");
    assert_int_equal(meter_format(of_sbuf(&key), of_sbuf(&value), &text, &err), 0);
    assert_string_equal(sbuf_cstr(&text),
                        "meter=7 pktps burst bands=type=drop rate=100 burst_size=9");
    /* the switch's own meter (slow path) before ours is passed over */
    put_hex_text(&entry, "0008 0001 fffffffd");
    put_hex_text(&entry, "0018 0006 00000007 0001 0010 00000064 00000009 00000000");
    struct bytes body = of_sbuf(&entry);
    assert_int_equal(ofmsg_meter_desc_next(&body, &k, &v, &err), 1);
    assert_hex(&k, "00000007");
    assert_int_equal(v.len, value.len);
    assert_memory_equal(v.data, value.data, v.len);
    assert_int_equal(ofmsg_meter_desc_next(&body, &k, &v, &err), 0);
    for (size_t n = 1; n < 8; n++) {
        struct bytes copy = exact_copy(of_sbuf(&entry), n), in = copy;
        assert_int_equal(ofmsg_meter_desc_next(&in, &k, &v, &err), ERR_TRUNCATED);
        free_copy(copy);
    }
    assert_int_equal(meter_format(of_sbuf(&key), (struct bytes){value.data, 9}, &text, &err),
                     ERR_INVALID);
    assert_int_equal(meter_format(of_sbuf(&key), (struct bytes){value.data, 1}, &text, &err),
                     ERR_TRUNCATED);
}

static void a_burst_without_its_flag_counts_for_nothing(void **state)
{
    (void)state;
    auto_sbuf entry = SBUF_INIT, k = SBUF_INIT, v = SBUF_INIT;
    struct err err = {0};
    put_hex_text(&entry, "0018 0001 00000007 0001 0010 00000064 00000009 00000000");
    struct bytes body = of_sbuf(&entry);
    assert_int_equal(ofmsg_meter_desc_next(&body, &k, &v, &err), 1);
    assert_hex(&v, "0001 0001 0010 00000064 00000000 00000000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(translations_are_read_from_a_group),
        cmocka_unit_test(a_select_group_has_weights_and_reads_back),
        cmocka_unit_test(every_sample_comes_back_from_a_dump),
        cmocka_unit_test(an_unknown_group_is_kept_raw),
        cmocka_unit_test(bad_group_entries_are_errors),
        cmocka_unit_test(a_meter_reads_back_and_prints),
        cmocka_unit_test(a_burst_without_its_flag_counts_for_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
