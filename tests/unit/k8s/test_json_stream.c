/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/k8s/k8s_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/mem.h"
#include "core/base/sbuf.h"
#include "core/k8s/decode.h"
#include "core/k8s/json_stream.h"

/* What came out, as text: "TYPE {...}\n", "! TYPE {...} why\n". */
struct result {
    struct sbuf text;
    int rc;
    struct err err;
};

static void put_tree(struct sbuf *out, const cJSON *tree)
{
    if (!tree)
        return;
    char *text = cJSON_PrintUnformatted(tree);
    sbuf_puts(out, text);
    cJSON_free(text);
}

static void on_object(void *aux, const char *type, const cJSON *object)
{
    struct result *r = aux;
    sbuf_printf(&r->text, "%s ", type);
    put_tree(&r->text, object);
    sbuf_putc(&r->text, '\n');
}

static void on_bad(void *aux, const char *type, const cJSON *object, const char *why)
{
    struct result *r = aux;
    sbuf_printf(&r->text, "! %s ", type);
    put_tree(&r->text, object);
    sbuf_printf(&r->text, " %s\n", why);
}

static const struct wire_field inner[] = {WIRE_KEY("a"), WIRE_KEY("b"), WIRE_FIELDS_END};
static const struct wire_field fields[] = {
    WIRE_KEY("name"), WIRE_FIELD_OF(MESSAGE, 2, "some", inner), WIRE_FIELDS_END};

static struct json_stream *stream_new(enum json_stream_form form, const struct wire_field *f,
                                      struct result *r)
{
    memset(r, 0, sizeof *r);
    return json_stream_new(form, f, &(struct json_stream_sink){r, on_object, on_bad});
}

/* Gives the text in pieces: 'cut' bytes, then the rest in pieces of 'piece' bytes (0: at once). */
static void give(struct json_stream *s, struct result *r, const char *text, size_t n, size_t cut,
                 size_t piece)
{
    for (size_t i = 0; i < n && !r->rc;) {
        size_t len = i < cut ? cut - i : piece ? piece : n - i;
        len = len > n - i ? n - i : len;
        /* a copy of its own, so that reading past it is seen */
        auto_free char *copy = mem_dup(text + i, len);
        r->rc = json_stream_put(s, copy, len, &r->err);
        i += len;
    }
    if (!r->rc)
        r->rc = json_stream_end(s, &r->err);
}

static void read_text(enum json_stream_form form, const struct wire_field *f, const char *text,
                      struct result *r)
{
    struct json_stream *s = stream_new(form, f, r);
    give(s, r, text, strlen(text), 0, 0);
    json_stream_free(s);
}

static void expect(enum json_stream_form form, const char *text, int rc, const char *wanted)
{
    struct result r;
    read_text(form, fields, text, &r);
    if (r.rc != rc || strcmp(sbuf_cstr(&r.text), wanted))
        fail_msg("%s\n -> %d %s\n%s\nwanted:\n%s", text, r.rc, r.rc ? r.err.text : "",
                 sbuf_cstr(&r.text), wanted);
    sbuf_done(&r.text);
}

static const char list_text[] =
    "{\"kind\":\"XList\",\"metadata\":{\"resourceVersion\":\"17\",\"continue\":\"a\\u0062\\\\\","
    "\"remainingItemCount\":3},\n \"items\" : "
    "[\r\n{\"name\":\"x\",\"gone\":{\"y\":[1,{\"}\":\"]\\\""
    "\"}]},\"some\":[{\"a\":1,\"b\":-2.5e1,\"c\":3}, "
    "{\"a\":\"q\\\\\\\"\\ud83d\\ude00\",\"d\":\"\\\\"
    "\"}]},\t{\"gone\":\"\",\"some\":{\"b\":[true,false,null,[],{}],\"n\\u0061me\":0,\"\\u0061\":{"
    "\"free\":{\"deep\":\"\\u00e9\\/\"}}}},{}]}\n";
static const char list_result[] =
    " {\"name\":\"x\",\"some\":[{\"a\":1,\"b\":-25},{\"a\":\"q\\\\\\\"\xf0\x9f\x98\x80\"}]}\n"
    " {\"some\":{\"b\":[true,false,null,[],{}],\"a\":{\"free\":{\"deep\":\"\xc3\xa9/\"}}}}\n"
    " {}\n";

static const char watch_text[] =
    "{\"type\":\"ADDED\",\"object\":{\"name\":\"a\",\"x\":{\"y\":\"\\\\\"}}}\n"
    "{\"object\":{\"some\":{\"a\":\"\\\"\"},\"more\":[[1,2],\"]\"]},\"extra\":[{}],\"type\":"
    "\"DELETED\"}\r\n\n"
    "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"metadata\":{},\"status\":\"Failure\","
    "\"message\":\"too old\",\"reason\":\"Expired\",\"code\":410,\"apiVersion\":\"v1\"}}"
    "{\"type\":\"BOOKMARK\",\"object\":{\"name\":null,\"some\":7}}";
static const char watch_result[] =
    "ADDED {\"name\":\"a\"}\n"
    "DELETED {\"some\":{\"a\":\"\\\"\"}}\n"
    "ERROR {\"kind\":\"Status\",\"metadata\":{},\"status\":\"Failure\",\"message\":\"too old\","
    "\"reason\":\"Expired\",\"code\":410}\n"
    "BOOKMARK {\"name\":null,\"some\":7}\n";

static void a_list_gives_its_items_with_the_fields_that_are_read(void **state)
{
    (void)state;
    struct result r;
    struct json_stream *s = stream_new(JSON_STREAM_LIST, fields, &r);
    assert_string_equal(json_stream_version(s), "");
    assert_string_equal(json_stream_continue(s), "");
    give(s, &r, list_text, strlen(list_text), 0, 0);
    assert_int_equal(r.rc, 0);
    assert_string_equal(sbuf_cstr(&r.text), list_result);
    assert_string_equal(json_stream_version(s), "17");
    assert_string_equal(json_stream_continue(s), "ab\\");
    json_stream_reset(s, JSON_STREAM_LIST);
    assert_string_equal(json_stream_version(s), "");
    assert_string_equal(json_stream_continue(s), "");
    json_stream_free(s);
    sbuf_done(&r.text);
}

static void a_list_may_tell_its_metadata_last(void **state)
{
    (void)state;
    struct result r;
    struct json_stream *s = stream_new(JSON_STREAM_LIST, fields, &r);
    static const char text[] =
        "{\"items\":[{\"name\":1}],\"metadata\":{\"continue\":\"t\",\"resourceVersion\":\"5\"}}";
    give(s, &r, text, strlen(text), 0, 0);
    assert_int_equal(r.rc, 0);
    assert_string_equal(sbuf_cstr(&r.text), " {\"name\":1}\n");
    assert_string_equal(json_stream_version(s), "5");
    assert_string_equal(json_stream_continue(s), "t");
    json_stream_free(s);
    sbuf_done(&r.text);
}

static void a_watch_gives_its_events(void **state)
{
    (void)state;
    expect(JSON_STREAM_WATCH, watch_text, 0, watch_result);
    expect(JSON_STREAM_WATCH, "", 0, "");
    expect(JSON_STREAM_WATCH, "{\"type\":\"X\"}{}", 0,
           "! X  an event without an object\n!   an event without an object\n");
    expect(JSON_STREAM_WATCH, "{\"type\":null,\"object\":{}}", 0, " {}\n");
}

/* Cut anywhere, in two or three or into single bytes: the same comes out. */
static void pieces_do_not_matter(void **state)
{
    (void)state;
    static const struct {
        enum json_stream_form form;
        const char *text, *wanted;
    } samples[] = {{JSON_STREAM_LIST, list_text, list_result},
                   {JSON_STREAM_WATCH, watch_text, watch_result}};
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        size_t n = strlen(samples[i].text);
        for (size_t cut = 0; cut <= n; cut++)
            for (size_t piece = 0; piece < 8; piece++) {
                struct result r;
                struct json_stream *s = stream_new(samples[i].form, fields, &r);
                give(s, &r, samples[i].text, n, cut, piece);
                json_stream_free(s);
                if (r.rc || strcmp(sbuf_cstr(&r.text), samples[i].wanted))
                    fail_msg("cut at %zu, then %zu: %d %s\n%s", cut, piece, r.rc, r.err.text,
                             sbuf_cstr(&r.text));
                sbuf_done(&r.text);
            }
    }
}

static size_t lines(const char *s)
{
    size_t n = 0;
    for (; *s; s++)
        n += *s == '\n';
    return n;
}

/* What came before the cut is given, no more, and the end is noticed. */
static void each_truncation_is_noticed(void **state)
{
    (void)state;
    struct result r;
    for (size_t n = 0; n + 1 < strlen(list_text); n++) {
        struct json_stream *s = stream_new(JSON_STREAM_LIST, fields, &r);
        give(s, &r, list_text, n, 0, 0);
        json_stream_free(s);
        assert_int_equal(r.rc, n == strlen(list_text) - 1 ? 0 : ERR_TRUNCATED);
        assert_memory_equal(sbuf_cstr(&r.text), list_result, r.text.len);
        sbuf_done(&r.text);
    }
    size_t whole = 0;
    for (size_t n = 0; n < strlen(watch_text); n++) {
        struct json_stream *s = stream_new(JSON_STREAM_WATCH, fields, &r);
        give(s, &r, watch_text, n, 0, 0);
        json_stream_free(s);
        assert_true(r.rc == 0 || r.rc == ERR_TRUNCATED);
        assert_memory_equal(sbuf_cstr(&r.text), watch_result, r.text.len);
        whole += r.rc == 0;
        assert_true(lines(sbuf_cstr(&r.text)) < 4);
        sbuf_done(&r.text);
    }
    assert_int_equal(whole, 8); /* at the start, behind three events and the space after two */
}

static void what_is_no_list_or_event_ends_the_stream(void **state)
{
    (void)state;
    static const char *const lists[] = {
        "[]",
        "null",
        "7",
        "{\"items\":{}}",
        "{\"items\":[7]}",
        "{\"items\":[null]}",
        "{\"items\":[\"x\"]}",
        "{\"items\":\"x\"}",
        "{\"items\":[[]]}",
        "{\"items\":[]} {}",
        "{\"items\":[],\"items\":[]}",
        "{\"metadata\":[]}",
        "{\"metadata\":\"x\"}",
        "{\"metadata\":{\"resourceVersion\":7}}",
        "{\"metadata\":{\"resourceVersion\":{}}}",
        "{\"items\":[{}}",
        "{\"items\":[{]",
        "{\"items\":[{\"x\":[}",
        "{\"items\":[{\"x\":{]",
        "{\"items\":[{},]}",
        "{\"items\" []}",
        "{items:[]}",
        "{\"a\":1,}",
        "{,}",
        "{\"items\":[]]",
        "}",
        "{\"items\":[{\"name\":}]}",
        "{\"items\":[{\"name\":@}]}",
        "{\"items\":[{\"name\":1 2}]}",
        "{\"items\":[],\"metadata\":{}}",
        "{\"metadata\":{\"resourceVersion\":\"1\"}}",
        "{\"metadata\":{\"resourceVersion\":\"\\x\"}}",
        "{}",
    };
    static const char *const watches[] = {
        "7",
        "[]",
        "null",
        "{\"object\":[]}",
        "{\"object\":null}",
        "{\"object\":\"x\"}",
        "{\"object\":{},\"object\":{}}",
        "{\"type\":{}}",
        "{\"type\":7}",
        "x",
    };
    struct result r;
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        read_text(JSON_STREAM_LIST, fields, lists[i], &r);
        if (r.rc != ERR_PROTOCOL)
            fail_msg("%s -> %d", lists[i], r.rc);
        sbuf_done(&r.text);
    }
    for (size_t i = 0; i < ARRAY_LEN(watches); i++) {
        read_text(JSON_STREAM_WATCH, fields, watches[i], &r);
        if (r.rc != ERR_PROTOCOL)
            fail_msg("%s -> %d", watches[i], r.rc);
        sbuf_done(&r.text);
    }
}

static void a_broken_stream_stays_broken_until_reset(void **state)
{
    (void)state;
    static const char text[] = "{\"object\":{\"name\":\"x\"@}}";
    struct result r;
    struct json_stream *s = stream_new(JSON_STREAM_WATCH, fields, &r);
    assert_int_equal(json_stream_put(s, text, strlen(text), &r.err), ERR_PROTOCOL);
    assert_string_equal(r.err.text, "byte 22: expected ',' or a closing bracket");
    assert_int_equal(json_stream_put(s, "}}", 2, &r.err), ERR_PROTOCOL);
    assert_int_equal(json_stream_end(s, &r.err), ERR_PROTOCOL);
    json_stream_reset(s, JSON_STREAM_WATCH);
    give(s, &r, watch_text, strlen(watch_text), 0, 1);
    assert_int_equal(r.rc, 0);
    assert_string_equal(sbuf_cstr(&r.text), watch_result);
    json_stream_free(s);
    sbuf_done(&r.text);
}

/* One bad object; the next one is read. */
static void expect_bad(const char *object, const char *wanted)
{
    auto_sbuf text = SBUF_INIT, result = SBUF_INIT;
    sbuf_printf(&text, "{\"type\":\"A\",\"object\":%s}{\"type\":\"B\",\"object\":{\"name\":1}}",
                object);
    sbuf_printf(&result, "! A %s\nB {\"name\":1}\n", wanted);
    expect(JSON_STREAM_WATCH, sbuf_cstr(&text), 0, sbuf_cstr(&result));
}

static void a_bad_value_costs_its_object_alone(void **state)
{
    (void)state;
    expect_bad("{\"name\":\"x\",\"some\":{\"a\":{\"k\":1,\"k\":2}},\"q\":[\"]\"]}",
               "{\"name\":\"x\",\"some\":{\"a\":{\"k\":1}}} some.a.k: occurs twice in this map");
    expect_bad("{\"name\":\"x\",\"some\":{},\"name\":\"y\"}",
               "{\"name\":\"x\",\"some\":{}} name: occurs twice in this map");
    expect_bad("{\"some\":[{\"a\":{\"k\":{}}},{\"b\":\"\xff\",\"a\":[{}]}]}",
               "{\"some\":[{\"a\":{\"k\":{}}},{}]} some.b: a string is not UTF-8");
    expect_bad("{\"name\":\"\\q\"}", "{} name: an unknown escape in a string");
    expect_bad("{\"name\":\"a\nb\"}", "{} name: a control character in a string");
    expect_bad("{\"name\":\"\\u0000\"}", "{} name: a string must not hold NUL");
    expect_bad("{\"some\":{\"a\":{\"\\u00\":{}}}}",
               "{\"some\":{\"a\":{}}} some.a: a string ends inside an escape");
    expect_bad("{\"name\":\"x\",\"so\x01me\":{}}", "{\"name\":\"x\"} a control character in a key");
    expect_bad("{\"some\":{\"a\":{},\"b\x1f\":[]}}",
               "{\"some\":{\"a\":{}}} some: a control character in a key");
    expect_bad("{\"name\":01}", "{} name: not a JSON value");
    expect_bad("{\"name\":nul}", "{} name: not a JSON value");
    expect_bad("{\"name\":1e}", "{} name: not a JSON value");
    /* what is skipped is not looked at so closely */
    expect(JSON_STREAM_ONE, "{\"x\":\"\xff\\q\",\"y\":{\"y\":01,\"y\":[nul,]},\"z\":tru}", 0,
           " {}\n");
}

static void an_object_over_the_limit_is_named_and_skipped(void **state)
{
    (void)state;
    enum { PIECE = 100000, FILL = JSON_STREAM_OBJECT_MAX };
    static const char *const heads[] = {
        "{\"items\":[{\"name\":\"big\",\"x\":\"", "{\"items\":[{\"name\":\"big\",\"some\":\"",
        "{\"items\":[{\"name\":\"big\",\"x\":[\"", "{\"items\":[{\"name\":\"big\",\""};
    static const char *const tails[] = {"\"}", "\"}", "\"]}", "\":1}"};
    auto_free char *fill = mem_alloc(FILL);
    memset(fill, '\\', FILL);
    for (size_t i = 0; i < ARRAY_LEN(heads); i++)
        for (size_t piece = 0; piece <= PIECE; piece += PIECE) {
            struct result r;
            auto_sbuf text = SBUF_INIT;
            struct json_stream *s = stream_new(JSON_STREAM_LIST, fields, &r);
            sbuf_puts(&text, heads[i]);
            sbuf_put(&text, fill, FILL);
            sbuf_printf(&text, "%s,{\"name\":\"next\"}],\"metadata\":{\"resourceVersion\":\"9\"}}",
                        tails[i]);
            give(s, &r, text.data, text.len, 0, piece);
            assert_int_equal(r.rc, 0);
            assert_string_equal(sbuf_cstr(&r.text), "!  {\"name\":\"big\"} larger than 4 MiB\n"
                                                    " {\"name\":\"next\"}\n");
            assert_true(json_stream_memory(s) < 200000);
            json_stream_free(s);
            sbuf_done(&r.text);
        }
}

static void put_nested(struct sbuf *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sbuf_puts(b, i % 2 ? "[" : "{\"a\":");
    sbuf_puts(b, "1");
    while (n-- > 0)
        sbuf_putc(b, n % 2 ? ']' : '}');
}

static void depth_is_bounded_where_it_is_kept(void **state)
{
    (void)state;
    auto_sbuf kept = SBUF_INIT, skipped = SBUF_INIT, fits = SBUF_INIT;
    struct result r;
    sbuf_puts(&kept, "{\"name\":\"x\",\"some\":{\"a\":");
    put_nested(&kept, JSON_STREAM_DEPTH_MAX - 1);
    sbuf_puts(&kept, "}}");
    sbuf_puts(&fits, "{\"name\":\"x\",\"some\":{\"a\":");
    put_nested(&fits, JSON_STREAM_DEPTH_MAX - 2);
    sbuf_puts(&fits, "}}");
    sbuf_puts(&skipped, "{\"name\":\"x\",\"gone\":");
    put_nested(&skipped, 100000);
    sbuf_puts(&skipped, "}");
    read_text(JSON_STREAM_ONE, fields, sbuf_cstr(&kept), &r);
    assert_int_equal(r.rc, 0);
    assert_non_null(strstr(sbuf_cstr(&r.text), " nested too deeply\n"));
    assert_memory_equal(sbuf_cstr(&r.text), "!  {\"name\":\"x\"", 14);
    sbuf_done(&r.text);
    read_text(JSON_STREAM_ONE, fields, sbuf_cstr(&fits), &r);
    assert_int_equal(r.rc, 0);
    assert_memory_equal(sbuf_cstr(&r.text), " {\"name\":\"x\",\"some\":{\"a\":", 24);
    sbuf_done(&r.text);
    expect(JSON_STREAM_ONE, sbuf_cstr(&skipped), 0, " {\"name\":\"x\"}\n");
}

static void the_number_of_values_is_bounded(void **state)
{
    (void)state;
    auto_sbuf text = SBUF_INIT;
    struct result r;
    sbuf_puts(&text, "{\"some\":{\"a\":[0");
    for (size_t i = 0; i < JSON_STREAM_NODES_MAX; i++)
        sbuf_puts(&text, ",0");
    sbuf_puts(&text, "]}}");
    read_text(JSON_STREAM_ONE, fields, sbuf_cstr(&text), &r);
    assert_int_equal(r.rc, 0);
    assert_non_null(strstr(sbuf_cstr(&r.text), " too many values\n"));
    sbuf_done(&r.text);
}

/* The reader of a stream and the reader of files come to the same object. */
static void numbers_are_read_exactly(void **state)
{
    (void)state;
    static const char *const numbers[] = {
        "0", "-0", "65535", "999999999999999", "1234567890123456789", "0.5", "-1.25e-3", "1E+9"};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        auto_sbuf text = SBUF_INIT, wanted = SBUF_INIT;
        sbuf_printf(&text, "{\"name\":%s}", numbers[i]);
        cJSON *tree = cJSON_Parse(sbuf_cstr(&text));
        sbuf_putc(&wanted, ' ');
        put_tree(&wanted, tree);
        sbuf_putc(&wanted, '\n');
        expect(JSON_STREAM_ONE, sbuf_cstr(&text), 0, sbuf_cstr(&wanted));
        cJSON_Delete(tree);
    }
}

static void count_rows(const struct wire_field *rows)
{
    size_t n = 0;
    for (; rows[n].name; n++)
        if (rows[n].below)
            count_rows(rows[n].below);
    assert_true(n <= 32);
}

static void each_kind_has_a_table_that_fits_the_bits(void **state)
{
    (void)state;
    for (int kind = 0; kind < K8S_N_KINDS; kind++) {
        const struct wire_field *rows = k8s_class_of((enum k8s_kind)kind)->fields;
        assert_non_null(rows);
        assert_string_equal(rows[0].name, "metadata");
        count_rows(rows);
    }
    count_rows(wire_status_fields);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_gives_its_items_with_the_fields_that_are_read),
        cmocka_unit_test(a_list_may_tell_its_metadata_last),
        cmocka_unit_test(a_watch_gives_its_events),
        cmocka_unit_test(pieces_do_not_matter),
        cmocka_unit_test(each_truncation_is_noticed),
        cmocka_unit_test(what_is_no_list_or_event_ends_the_stream),
        cmocka_unit_test(a_broken_stream_stays_broken_until_reset),
        cmocka_unit_test(a_bad_value_costs_its_object_alone),
        cmocka_unit_test(an_object_over_the_limit_is_named_and_skipped),
        cmocka_unit_test(depth_is_bounded_where_it_is_kept),
        cmocka_unit_test(the_number_of_values_is_bounded),
        cmocka_unit_test(numbers_are_read_exactly),
        cmocka_unit_test(each_kind_has_a_table_that_fits_the_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
