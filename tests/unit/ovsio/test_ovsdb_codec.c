/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "ovs/ovsdb_json.h"
#include "ovs/ovsdb_op.h"
#include "ovs/ovsdb_replica.h"

/* ---- framing ---- */

struct heard {
    int n, stop_at;
    struct sbuf text;
};

static int on_message(void *aux, cJSON *message, struct err *err)
{
    struct heard *h = aux;
    char *text = cJSON_PrintUnformatted(message);
    sbuf_printf(&h->text, "%s ", text);
    free(text);
    cJSON_Delete(message);
    h->n++;
    return h->n == h->stop_at ? err_set(err, ERR_CLOSED, "enough") : 0;
}

static int feed(const char *bytes, size_t step, size_t limit, struct heard *h, struct err *err)
{
    struct ovsdb_json j;
    ovsdb_json_init(&j, limit);
    int rc = 0;
    size_t n = strlen(bytes);
    for (size_t at = 0; at < n && !rc; at += step)
        rc = ovsdb_json_input(&j, bytes + at, at + step < n ? step : n - at, on_message, h, err);
    if (!rc && ovsdb_json_is_partial(&j))
        rc = ERR_TRUNCATED;
    ovsdb_json_done(&j);
    return rc;
}

static void messages_are_cut_wherever_bytes_are(void **state)
{
    (void)state;
    static const char bytes[] = "{\"a\":\"}{\\\"\"}\n {\"b\":[{},{}]}{\"c\":\"\\\\\"}";
    for (size_t step = 1; step <= sizeof bytes; step++) {
        struct heard h = {0};
        struct err err;
        assert_int_equal(feed(bytes, step, 0, &h, &err), 0);
        assert_string_equal(h.text.data, "{\"a\":\"}{\\\"\"} {\"b\":[{},{}]} {\"c\":\"\\\\\"} ");
        sbuf_done(&h.text);
    }
}

static void every_truncation_is_partial(void **state)
{
    (void)state;
    static const char bytes[] = "{\"method\":\"echo\",\"params\":[\"x\",{\"y\":null}],\"id\":1}";
    for (size_t n = 1; n + 1 < sizeof bytes; n++) {
        char *cut = mem_strndup(bytes, n);
        struct heard h = {0};
        assert_int_equal(feed(cut, n, 0, &h, NULL), ERR_TRUNCATED);
        assert_int_equal(h.n, 0);
        mem_free(cut);
    }
}

static void what_is_no_message_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        int code;
    } cases[] = {{"[1]", ERR_PROTOCOL},
                 {"x", ERR_PROTOCOL},
                 {"{\"a\":}", ERR_PROTOCOL},
                 {"{}}", ERR_PROTOCOL},
                 {"{\"a\":1 \"b\":2}", ERR_PROTOCOL},
                 {"\"s\"", ERR_PROTOCOL}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct heard h = {0};
        struct err err = {0};
        assert_int_equal(feed(cases[i].bytes, 100, 0, &h, &err), cases[i].code);
        assert_true(err.text[0] != '\0');
        sbuf_done(&h.text);
    }
}

static void size_and_depth_are_bounded(void **state)
{
    (void)state;
    struct heard h = {0};
    struct err err;
    assert_int_equal(feed("{\"aaaaaaaaaaaaaaaaaaaa\":1}", 3, 10, &h, &err), ERR_TOO_BIG);
    auto_sbuf deep = SBUF_INIT;
    for (int i = 0; i < OVSDB_JSON_MAX_DEPTH + 1; i++)
        sbuf_puts(&deep, "{\"a\":");
    assert_int_not_equal(feed(deep.data, deep.len, 0, &h, &err), 0);
    assert_int_not_equal(feed(deep.data, deep.len, 0, &h, &err), ERR_TRUNCATED);
    assert_int_equal(h.n, 0);
}

static void the_callee_can_stop(void **state)
{
    (void)state;
    struct heard h = {.stop_at = 2};
    struct err err;
    assert_int_equal(feed("{}{}{}", 100, 0, &h, &err), ERR_CLOSED);
    assert_int_equal(h.n, 2);
    sbuf_done(&h.text);
}

/* ---- values ---- */

#define UUID_A "00000000-0000-0000-0000-00000000000a"
#define UUID_B "00000000-0000-0000-0000-00000000000b"

static const struct ovsdb_column name_column = {"name", OVSDB_STRING, OVSDB_SCALAR},
                                 port_column = {"ofport", OVSDB_INTEGER, OVSDB_OPTIONAL},
                                 ports_column = {"ports", OVSDB_UUID, OVSDB_SET},
                                 ids_column = {"external_ids", OVSDB_STRING, OVSDB_MAP},
                                 flag_column = {"up", OVSDB_BOOLEAN, OVSDB_SCALAR};

static int decode(const char *json, const struct ovsdb_column *c, struct ovsdb_datum *out)
{
    auto_json *tree = cJSON_Parse(json);
    assert_non_null(tree);
    return ovsdb_datum_decode(tree, c, out, NULL);
}

static void values_come_and_go(void **state)
{
    (void)state;
    static const struct {
        const struct ovsdb_column *column;
        const char *json, *again;
    } cases[] = {
        {&name_column, "\"br-int\"", "\"br-int\""},
        {&port_column, "7", "[\"set\",[7]]"},
        {&port_column, "[\"set\",[]]", "[\"set\",[]]"},
        {&flag_column, "true", "true"},
        {&ports_column, "[\"set\",[[\"uuid\",\"" UUID_B "\"],[\"uuid\",\"" UUID_A "\"]]]",
         "[\"set\",[[\"uuid\",\"" UUID_A "\"],[\"uuid\",\"" UUID_B "\"]]]"},
        {&ids_column, "[\"map\",[[\"b\",\"2\"],[\"a\",\"1\"]]]",
         "[\"map\",[[\"a\",\"1\"],[\"b\",\"2\"]]]"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct ovsdb_datum d = {0};
        assert_int_equal(decode(cases[i].json, cases[i].column, &d), 0);
        auto_json *tree = ovsdb_datum_encode(&d, cases[i].column);
        char *text = cJSON_PrintUnformatted(tree);
        assert_string_equal(text, cases[i].again);
        free(text);
        ovsdb_datum_done(&d);
    }
}

static void wrong_values_are_refused(void **state)
{
    (void)state;
    static const struct {
        const struct ovsdb_column *column;
        const char *json;
    } cases[] = {
        {&name_column, "5"},
        {&name_column, "[\"set\",[\"a\",\"b\"]]"},
        {&port_column, "\"x\""},
        {&port_column, "1.5"},
        {&ports_column, "[\"set\"]"},
        {&ports_column, "[\"uuid\",\"short\"]"},
        {&ids_column, "[\"map\",[[\"a\"]]]"},
        {&ids_column, "[\"map\",{}]"},
        {&ids_column, "\"a\""},
        {&flag_column, "1"},
        {&name_column, "null"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct ovsdb_datum d = {0};
        if (decode(cases[i].json, cases[i].column, &d) != ERR_PROTOCOL)
            fail_msg("accepted: %s", cases[i].json);
        ovsdb_datum_done(&d);
    }
}

static void differences_apply(void **state)
{
    (void)state;
    struct ovsdb_datum d = {0}, diff = {0};
    decode("[\"map\",[[\"a\",\"1\"],[\"b\",\"2\"]]]", &ids_column, &d);
    /* update2: same pair removes, other value replaces, new key adds. */
    decode("[\"map\",[[\"a\",\"1\"],[\"b\",\"3\"],[\"c\",\"4\"]]]", &ids_column, &diff);
    ovsdb_datum_apply(&d, &diff, &ids_column);
    assert_null(ovsdb_datum_get(&d, "a"));
    assert_string_equal(ovsdb_datum_get(&d, "b"), "3");
    assert_string_equal(ovsdb_datum_get(&d, "c"), "4");
    ovsdb_datum_done(&d);

    decode("[\"uuid\",\"" UUID_A "\"]", &ports_column, &d);
    decode("[\"set\",[[\"uuid\",\"" UUID_A "\"],[\"uuid\",\"" UUID_B "\"]]]", &ports_column, &diff);
    ovsdb_datum_apply(&d, &diff, &ports_column);
    assert_int_equal(d.n, 1);
    assert_true(ovsdb_datum_has(&d, UUID_B));
    ovsdb_datum_done(&d);

    decode("5", &port_column, &d);
    decode("6", &port_column, &diff);
    ovsdb_datum_apply(&d, &diff, &port_column);
    assert_int_equal(ovsdb_datum_int(&d, -1), 6);
    ovsdb_datum_done(&d);
}

/* ---- the replica ---- */

static const struct ovsdb_column port_columns[] = {{"name", OVSDB_STRING, OVSDB_SCALAR},
                                                   {"external_ids", OVSDB_STRING, OVSDB_MAP}};
static const struct ovsdb_table_spec specs[] = {{"Port", port_columns, ARRAY_LEN(port_columns)}};

static int apply(struct ovsdb_replica *r, const char *json, bool snapshot)
{
    auto_json *tree = cJSON_Parse(json);
    assert_non_null(tree);
    return ovsdb_replica_apply(r, tree, snapshot, NULL);
}

static void a_replica_follows_updates(void **state)
{
    (void)state;
    struct ovsdb_replica *r = ovsdb_replica_new(specs, 1);
    assert_int_equal(apply(r, "{\"Port\":{\"" UUID_A "\":{\"initial\":{\"name\":\"a\"}}}}", true),
                     0);
    assert_int_equal(apply(r, "{\"Port\":{\"" UUID_B "\":{\"insert\":{\"name\":\"b\"}}}}", false),
                     0);
    assert_int_equal(ovsdb_replica_count(r, 0), 2);
    assert_int_equal(apply(r, "{\"Port\":{\"" UUID_B "\":{\"modify\":{\"name\":\"c\"}}}}", false),
                     0);
    const struct ovsdb_row *row = ovsdb_replica_get(r, 0, UUID_B);
    assert_string_equal(ovsdb_datum_text(&row->columns[0], ""), "c");
    assert_ptr_equal(ovsdb_replica_find(r, 0, 0, "c"), row);
    assert_int_equal(apply(r, "{\"Port\":{\"" UUID_A "\":{\"delete\":null}}}", false), 0);
    assert_null(ovsdb_replica_get(r, 0, UUID_A));
    /* A snapshot drops what is not in it. */
    assert_int_equal(apply(r, "{\"Port\":{\"" UUID_A "\":{\"initial\":{\"name\":\"z\"}}}}", true),
                     0);
    assert_int_equal(ovsdb_replica_count(r, 0), 1);
    assert_null(ovsdb_replica_get(r, 0, UUID_B));
    ovsdb_replica_free(r);
}

static void a_replica_that_cannot_follow_forgets_its_id(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{\"Port\":{\"" UUID_A "\":{\"modify\":{\"name\":\"x\"}}}}", /* no such row */
        "{\"Port\":{\"" UUID_A "\":{\"insert\":{\"name\":5}}}}",
        "{\"Port\":{\"short\":{\"insert\":{}}}}",
        "{\"Port\":{\"" UUID_A "\":{\"unknown\":{}}}}",
        "{\"Port\":[]}",
        "[]",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct ovsdb_replica *r = ovsdb_replica_new(specs, 1);
        ovsdb_replica_set_last_id(r, UUID_B);
        if (apply(r, bad[i], false) != ERR_PROTOCOL)
            fail_msg("accepted: %s", bad[i]);
        assert_string_not_equal(ovsdb_replica_last_id(r), UUID_B);
        ovsdb_replica_free(r);
    }
}

/* ---- results ---- */

static int result_of(const char *json, struct err *err)
{
    auto_json *tree = cJSON_Parse(json);
    return ovsdb_op_result(tree, err);
}

static void results_are_translated(void **state)
{
    (void)state;
    struct err err = {0};
    assert_int_equal(result_of("[{},{\"count\":1}]", &err), 0);
    assert_int_equal(result_of("[{\"error\":\"timed out\",\"details\":\"d\"}]", &err),
                     ERR_CONFLICT);
    assert_int_not_equal(result_of("[{},{\"error\":\"constraint violation\"}]", &err), 0);
    assert_non_null(strstr(err.text, "constraint violation"));
    assert_int_not_equal(result_of("{}", &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_cut_wherever_bytes_are),
        cmocka_unit_test(every_truncation_is_partial),
        cmocka_unit_test(what_is_no_message_is_refused),
        cmocka_unit_test(size_and_depth_are_bounded),
        cmocka_unit_test(the_callee_can_stop),
        cmocka_unit_test(values_come_and_go),
        cmocka_unit_test(wrong_values_are_refused),
        cmocka_unit_test(differences_apply),
        cmocka_unit_test(a_replica_follows_updates),
        cmocka_unit_test(a_replica_that_cannot_follow_forgets_its_id),
        cmocka_unit_test(results_are_translated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
