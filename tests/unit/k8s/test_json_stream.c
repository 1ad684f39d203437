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
#include "tests/unit/k8s/stream_lab.h"

static const struct wire_field inner[] = {WIRE_KEY("a"), WIRE_KEY("b"), WIRE_FIELDS_END};
static const struct wire_field fields[] = {
    WIRE_KEY("name"), WIRE_FIELD_OF(MESSAGE, 2, "some", inner), WIRE_FIELDS_END};

static struct stream_sample sample(enum json_stream_form form, const char *text, const char *wanted)
{
    return (struct stream_sample){NULL, fields, form, text, strlen(text), wanted};
}

static void expect(enum json_stream_form form, const char *text, int rc, const char *wanted)
{
    struct stream_sample s = sample(form, text, wanted);
    stream_lab_expect(&s, rc);
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
    struct stream_sample s = sample(JSON_STREAM_LIST, list_text, list_result);
    stream_lab_expect_list(&s, "17", "ab\\");
}

static void a_list_may_tell_its_metadata_last(void **state)
{
    (void)state;
    static const char text[] =
        "{\"items\":[{\"name\":1}],\"metadata\":{\"continue\":\"t\",\"resourceVersion\":\"5\"}}";
    struct stream_sample s = sample(JSON_STREAM_LIST, text, " {\"name\":1}\n");
    stream_lab_expect_list(&s, "5", "t");
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

static void pieces_do_not_matter(void **state)
{
    (void)state;
    struct stream_sample list = sample(JSON_STREAM_LIST, list_text, list_result);
    struct stream_sample watch = sample(JSON_STREAM_WATCH, watch_text, watch_result);
    stream_lab_expect_any_pieces(&list);
    stream_lab_expect_any_pieces(&watch);
}

static void each_truncation_is_noticed(void **state)
{
    (void)state;
    struct stream_sample list = sample(JSON_STREAM_LIST, list_text, list_result);
    struct stream_sample watch = sample(JSON_STREAM_WATCH, watch_text, watch_result);
    stream_lab_expect_truncations(&list, 1); /* before the newline */
    /* at the start, behind three events and the space after two */
    stream_lab_expect_truncations(&watch, 8);
}

static void expect_refused(enum json_stream_form form, const char *text)
{
    struct stream_sample s = sample(form, text, "");
    struct stream_lab l;
    stream_lab_read(&l, &s);
    if (l.rc != ERR_PROTOCOL)
        fail_msg("%s -> %d", text, l.rc);
    stream_lab_close(&l);
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
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        expect_refused(JSON_STREAM_LIST, lists[i]);
    for (size_t i = 0; i < ARRAY_LEN(watches); i++)
        expect_refused(JSON_STREAM_WATCH, watches[i]);
}

static void a_broken_stream_stays_broken_until_reset(void **state)
{
    (void)state;
    static const char text[] = "{\"object\":{\"name\":\"x\"@}}";
    struct stream_sample s = sample(JSON_STREAM_WATCH, watch_text, watch_result);
    stream_lab_expect_broken(&s, text, strlen(text), "byte 22: expected ',' or a closing bracket");
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
    enum { FILL = JSON_STREAM_OBJECT_MAX };
    static const char *const heads[] = {
        "{\"items\":[{\"name\":\"big\",\"x\":\"", "{\"items\":[{\"name\":\"big\",\"some\":\"",
        "{\"items\":[{\"name\":\"big\",\"x\":[\"", "{\"items\":[{\"name\":\"big\",\""};
    static const char *const tails[] = {"\"}", "\"}", "\"]}", "\":1}"};
    auto_free char *fill = mem_alloc(FILL);
    memset(fill, '\\', FILL);
    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        auto_sbuf text = SBUF_INIT;
        sbuf_puts(&text, heads[i]);
        sbuf_put(&text, fill, FILL);
        sbuf_printf(&text, "%s,{\"name\":\"next\"}],\"metadata\":{\"resourceVersion\":\"9\"}}",
                    tails[i]);
        struct stream_sample s = sample(JSON_STREAM_LIST, text.data,
                                        "!  {\"name\":\"big\"} larger than 4 MiB\n"
                                        " {\"name\":\"next\"}\n");
        stream_lab_expect_large(&s);
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

/* The text is one object, and what comes of it begins and ends so. */
static void expect_ends(const char *text, const char *begin, const char *end)
{
    struct stream_sample s = sample(JSON_STREAM_ONE, text, "");
    struct stream_lab l;
    stream_lab_read(&l, &s);
    assert_int_equal(l.rc, 0);
    assert_true(l.text.len >= strlen(begin) + strlen(end));
    assert_memory_equal(l.text.data, begin, strlen(begin));
    assert_string_equal(l.text.data + l.text.len - strlen(end), end);
    stream_lab_close(&l);
}

static void depth_is_bounded_where_it_is_kept(void **state)
{
    (void)state;
    auto_sbuf kept = SBUF_INIT, skipped = SBUF_INIT, fits = SBUF_INIT;
    sbuf_puts(&kept, "{\"name\":\"x\",\"some\":{\"a\":");
    put_nested(&kept, JSON_STREAM_DEPTH_MAX - 1);
    sbuf_puts(&kept, "}}");
    sbuf_puts(&fits, "{\"name\":\"x\",\"some\":{\"a\":");
    put_nested(&fits, JSON_STREAM_DEPTH_MAX - 2);
    sbuf_puts(&fits, "}}");
    sbuf_puts(&skipped, "{\"name\":\"x\",\"gone\":");
    put_nested(&skipped, 100000);
    sbuf_puts(&skipped, "}");
    expect_ends(sbuf_cstr(&kept), "!  {\"name\":\"x\"", " nested too deeply\n");
    expect_ends(sbuf_cstr(&fits), " {\"name\":\"x\",\"some\":{\"a\":", "}}\n");
    expect(JSON_STREAM_ONE, sbuf_cstr(&skipped), 0, " {\"name\":\"x\"}\n");
}

/* An object of so many values: a map, a list in it, and numbers in that. */
static void put_values(struct sbuf *out, size_t n)
{
    sbuf_puts(out, "{\"some\":{\"a\":[0");
    for (size_t i = 3; i < n; i++)
        sbuf_puts(out, ",0");
    sbuf_puts(out, "]}}");
}

static void the_number_of_values_is_bounded(void **state)
{
    (void)state;
    auto_sbuf fits = SBUF_INIT, text = SBUF_INIT;
    put_values(&fits, JSON_STREAM_NODES_MAX);
    put_values(&text, JSON_STREAM_NODES_MAX + 1);
    expect_ends(sbuf_cstr(&fits), " {\"some\":{\"a\":[0,0", ",0]}}\n");
    expect_ends(sbuf_cstr(&text), "!  {\"some\":{\"a\":[0,0", ",0]}} too many values\n");
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
        stream_lab_put_json(&wanted, tree);
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
