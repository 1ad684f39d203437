/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/k8s/k8s_test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/mem.h"
#include "core/base/sbuf.h"
#include "core/k8s/document.h"

/* The whole text as one line: "LINE=JSON" for each object, "LINE!error" for what is bad. */
static void render(const char *name, const char *text, size_t len, struct sbuf *out)
{
    struct document_reader *r = document_reader_new(name, text, len);
    struct document doc;
    uint32_t line = 0;
    struct err err;
    int rc;

    sbuf_clear(out);
    while ((rc = document_next(r, &doc, &line, &err)) != 0) {
        const cJSON *json = NULL;
        if (rc > 0)
            rc = document_parse(r, &json, &line, &err) ? -1 : 1;
        if (rc < 0) {
            sbuf_printf(out, "%u!%s;", line, err.text);
        } else if (json) {
            char *s = cJSON_PrintUnformatted(json);
            sbuf_printf(out, "%u=%s;", doc.line, s);
            cJSON_free(s);
        }
    }
    document_reader_free(r);
}

struct row {
    const char *name, *text, *want;
};

static void check(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        auto_sbuf got = SBUF_INIT;
        size_t len = strlen(rows[i].text);
        /* Without a NUL behind, so that a read beyond the end is seen. */
        char *copy = mem_dup(rows[i].text, len);
        render(rows[i].name, copy, len, &got);
        mem_free(copy);
        if (strcmp(sbuf_cstr(&got), rows[i].want))
            fail_msg("row %zu:\n%s\ngave   %s\nwanted %s", i, rows[i].text, sbuf_cstr(&got),
                     rows[i].want);
    }
}

static void yaml_documents_are_cut_at_their_marks(void **state)
{
    static const struct row rows[] = {
        {"a.yaml", "", ""},
        {"a.yaml", "\n\n# nothing\n", ""},
        {"a.yaml", "---\n---\n# c\n---\n", ""},
        {"a.yaml", "a: 1\n", "1={\"a\":1};"},
        {"a.yaml", "a: 1", "1={\"a\":1};"},
        {"a.yaml",
         "\xef\xbb\xbf"
         "a: 1\n",
         "1={\"a\":1};"},
        {"a.yaml", "---\na: 1\n---\nb: 2\n", "2={\"a\":1};4={\"b\":2};"},
        {"a.yaml", "# c\n\n---\n# d\n  a: 1\n  b: 2\n", "5={\"a\":1,\"b\":2};"},
        {"a.yaml", "%YAML 1.1\n---\na: 1\n", "1={\"a\":1};"},
        {"a.yaml", "a: 1\r\n---\r\nb: 2\r\n", "1={\"a\":1};3={\"b\":2};"},
        {"a.yaml", "a: 1\n...\nb: 2\n", "1={\"a\":1};3={\"b\":2};"},
        {"a.yaml", "--- {a: 1}\n--- {b: 2}\n", "1={\"a\":1};2={\"b\":2};"},
        {"a.yaml", "--- # c\na: 1\n", "2={\"a\":1};"},
        {"a.yaml", "a: |\n  x\n  ---\n  z\n", "1={\"a\":\"x\\n---\\nz\\n\"};"},
        {"a.yaml", "---a: 1\n", "1={\"---a\":1};"},
        {"a.yaml", "- 1\n- 2\n", "1=[1,2];"},
        {"a.yaml", "a: [\n---\nb: 2\n", "1!YAML: did not find expected node content;3={\"b\":2};"},
        {"a.yaml", "a: 1\n b: 2\n---\nc: 3\n",
         "2!YAML: mapping values are not allowed in this context;4={\"c\":3};"},
        {"a.yaml", "a:\n  b: 'x\n\nc: 1\n",
         "4!YAML: found unexpected end of stream, while scanning a quoted scalar from line 2;"},
        {"a.yaml", "a: \x01\n",
         "1!YAML: control characters are not allowed (byte 3 of the document);"},
        {"a.yaml", "a: \xff\n", "1!YAML: invalid leading UTF-8 octet (byte 3 of the document);"},
    };
    (void)state;
    check(rows, ARRAY_LEN(rows));
}

static void scalars_are_resolved_as_kubernetes_does(void **state)
{
    static const struct {
        const char *yaml, *json;
    } rows[] = {
        {"", "null"},
        {"~", "null"},
        {"null", "null"},
        {"Null", "null"},
        {"nULL", "\"nULL\""},
        {"true", "true"},
        {"True", "true"},
        {"tRUE", "\"tRUE\""},
        {"yes", "true"},
        {"on", "true"},
        {"y", "true"},
        {"Y", "true"},
        {"no", "false"},
        {"Off", "false"},
        {"n", "false"},
        {"'yes'", "\"yes\""},
        {"\"1\"", "\"1\""},
        {"1", "1"},
        {"+1", "1"},
        {"-1", "-1"},
        {"017", "15"},
        {"0o17", "15"},
        {"0x1F", "31"},
        {"-0x1f", "-31"},
        {"0b101", "5"},
        {"1_000", "1000"},
        {"08", "8"},
        {"1.5", "1.5"},
        {".5", "0.5"},
        {"1e3", "1000"},
        {"1.", "1"},
        {"-1.5e-1", "-0.15"},
        {"1.2.3", "\"1.2.3\""},
        {"1e", "\"1e\""},
        {"0x", "\"0x\""},
        {"+", "\"+\""},
        {"-", "[null]"},
        {".", "\".\""},
        {"..", "\"..\""},
        {"10.0.0.1", "\"10.0.0.1\""},
        {"1:30", "\"1:30\""},
        {"2001-01-01", "\"2001-01-01\""},
        {"fd00::1", "\"fd00::1\""},
        {"10.0.0.0/8", "\"10.0.0.0/8\""},
        {"!!str 1", "\"1\""},
        {"!!int 7", "7"},
        {"!!float 7", "7"},
        {"!!bool yes", "true"},
        {"!!str yes", "\"yes\""},
        {"! 1", "\"1\""},
        {"!!null ''", "null"},
        {"!!int '7'", "7"},
        {"abc", "\"abc\""},
        {"9223372036854775808", "9.22337203685478e+18"},
        {"|\n  a\n  b", "\"a\\nb\\n\""},
        {">-\n  a\n  b", "\"a b\""},
        {"'it''s'", "\"it's\""},
        {"\"a\\tb\\x41\"", "\"a\\tbA\""},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        auto_sbuf text = SBUF_INIT, got = SBUF_INIT, want = SBUF_INIT;
        bool list = rows[i].yaml[0] == '-' && !rows[i].yaml[1];
        sbuf_printf(&text, "k:%s%s\n", list ? "\n" : " ", rows[i].yaml);
        sbuf_printf(&want, "1={\"k\":%s};", rows[i].json);
        render("a.yaml", sbuf_cstr(&text), text.len, &got);
        if (strcmp(sbuf_cstr(&got), sbuf_cstr(&want)))
            fail_msg("%s gave %s wanted %s", rows[i].yaml, sbuf_cstr(&got), sbuf_cstr(&want));
    }
}

static void keys_merges_and_anchors_are_resolved(void **state)
{
    static const struct row rows[] = {
        {"a.yaml", "1: a\ntrue: b\n1.5: c\n", "1={\"1\":\"a\",\"true\":\"b\",\"1.5\":\"c\"};"},
        {"a.yaml", "on: a\n0x10: b\n", "1={\"true\":\"a\",\"16\":\"b\"};"},
        {"a.yaml", "~: a\n", "1!YAML: a map key must not be null;"},
        {"a.yaml", "{a: b}: c\n", "1!YAML: a map key must be a scalar;"},
        {"a.yaml", "a: 1\nb: 2\na: 3\n", "3!YAML: key \"a\" occurs twice in this map;"},
        {"a.yaml", "a: &x {b: 1}\nc: *x\n", "1={\"a\":{\"b\":1},\"c\":{\"b\":1}};"},
        {"a.yaml", "a: &x s\nb: [*x, *x]\n", "1={\"a\":\"s\",\"b\":[\"s\",\"s\"]};"},
        {"a.yaml", "a: &x 1\nb: &x 2\nc: *x\n", "1={\"a\":1,\"b\":2,\"c\":2};"},
        {"a.yaml", "a: *x\n", "1!YAML: unknown anchor \"x\";"},
        {"a.yaml", "a: &x 1\n---\nb: *x\n", "1={\"a\":1};3!YAML: unknown anchor \"x\";"},
        {"a.yaml", "a: &x [1, *x]\n", "1!YAML: an alias stands inside its own anchor;"},
        {"a.yaml", "a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  b: 9\n",
         "1={\"a\":{\"b\":1,\"c\":2},\"d\":{\"b\":9,\"c\":2}};"},
        {"a.yaml", "d:\n  <<: [{b: 1}, {b: 2, c: 3}]\n", "1={\"d\":{\"b\":1,\"c\":3}};"},
        {"a.yaml", "d:\n  <<: 7\n", "2!YAML: \"<<\" needs a map or a list of maps;"},
        {"a.yaml", "d: {'<<': 7}\n", "1={\"d\":{\"<<\":7}};"},
        {"a.yaml", "a: !!binary aGk=\n", "1!YAML: this tag is not supported;"},
        {"a.yaml", "a: !x {b: 1}\n", "1!YAML: this tag is not supported;"},
        {"a.yaml", "a: !!int x\n", "1!YAML: the value is not what its tag says;"},
        {"a.yaml", "a: .inf\n", "1!YAML: this number cannot be said in JSON;"},
        {"a.yaml", "a: \"b\\0c\"\n", "1!YAML: a string must not hold NUL;"},
    };
    (void)state;
    check(rows, ARRAY_LEN(rows));
}

static void json_is_read_strictly_with_lines(void **state)
{
    static const struct row rows[] = {
        {"a.json", "", ""},
        {"a.json", " \n ", ""},
        {"a.json", "{\"a\": [1, -2.5e1, true, false, null, \"x\"]}\n",
         "1={\"a\":[1,-25,true,false,null,\"x\"]};"},
        {"a.json", "{\"a\":1}\n{\"b\":2}\n\n{\"c\":3}", "1={\"a\":1};2={\"b\":2};4={\"c\":3};"},
        {"a.json", "{\"a\":1}{\"b\":2}", "1={\"a\":1};1={\"b\":2};"},
        {"a.json", "{\"a\": \"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e4\\ud83d\\ude00\"}",
         "1={\"a\":\"\\\"\\\\/\\b\\f\\n\\r\\tA\xc3\xa4\xf0\x9f\x98\x80\"};"},
        {"a.json", "{\"a\": \"\\ud83d\"}", "1={\"a\":\"\xef\xbf\xbd\"};"},
        {"a.json", "{\"a\": \"\\ude00x\"}", "1={\"a\":\"\xef\xbf\xbdx\"};"},
        {"a.json", "{\"a\": \"\\ud83d\\u0041\"}",
         "1={\"a\":\"\xef\xbf\xbd"
         "A\"};"},
        {"a.json", "[1]\n", "1=[1];"},
        {"a.json", "a: 1\n", "1!JSON: not a JSON value;"},
        {"a.json", "{\n \"a\": 1,\n}\n", "3!JSON: expected a key in quotes;"},
        {"a.json", "{\"a\": 1 \"b\": 2}\n", "1!JSON: expected ',' or '}';"},
        {"a.json", "{\"a\"\n 1}\n", "2!JSON: expected ':' after a key;"},
        {"a.json", "{\"a\": [1,\n2\n", "3!JSON: a list does not end;"},
        {"a.json", "{\"a\": 1\n", "2!JSON: a map does not end;"},
        {"a.json", "{\"a\": \"x\n\"}\n", "1!JSON: a control character in a string;"},
        {"a.json", "{\"a\": \"x", "1!JSON: a string does not end;"},
        {"a.json", "{\"a\": \"\\u12", "1!JSON: a string ends inside an escape;"},
        {"a.json", "{\"a\": \"\\u12g4\"}", "1!JSON: \\u needs four hexadecimal digits;"},
        {"a.json", "{\"a\": \"\\q\"}", "1!JSON: an unknown escape in a string;"},
        {"a.json", "{\"a\": \"\\u0000\"}", "1!JSON: a string must not hold NUL;"},
        {"a.json", "{\"a\": \"\xc3\"}", "1!JSON: a string is not UTF-8;"},
        {"a.json", "{\"a\": \"\xed\xa0\x80\"}", "1!JSON: a string is not UTF-8;"},
        {"a.json", "{\"a\": 01}", "1!JSON: not a JSON value;"},
        {"a.json", "{\"a\": .5}", "1!JSON: not a JSON value;"},
        {"a.json", "{\"a\": 1.}", "1!JSON: not a JSON value;"},
        {"a.json", "{\"a\": tru}", "1!JSON: not a JSON value;"},
        {"a.json", "{\"a\": 1,\n\"b\": 2,\n\"a\": 3}",
         "3!JSON: key \"a\" occurs twice in this map;"},
        {"a.json", "{\"a\":1} x", "1={\"a\":1};1!JSON: not a JSON value;"},
        {"a.json", "// no\n{}", "1!JSON: not a JSON value;"},
        /* In a YAML file JSON is found by its look, and YAML's flow form is one too. */
        {"a.yaml", "{\"a\":1}\n{\"b\":2}\n---\n{\"c\":\t3}\n",
         "1={\"a\":1};2={\"b\":2};4={\"c\":3};"},
        {"a.yaml", "{\"a\": b}\n", "1={\"a\":\"b\"};"},
        {"a.yaml", "  {a: 1}\n", "1={\"a\":1};"},
        {"a.yaml", "{\"a\": 1,\n \"b\": ]}\n", "2!JSON: not a JSON value;"},
    };
    (void)state;
    check(rows, ARRAY_LEN(rows));
}

static void lists_are_unfolded(void **state)
{
    static const struct row rows[] = {
        {"a.json", "{\"kind\":\"List\",\"items\":[{\"a\":1},\n{\"b\":2}\n,\n{\"c\":3}],\"x\":[]}",
         "1={\"a\":1};2={\"b\":2};4={\"c\":3};"},
        {"a.json", "{\"items\":[{\"a\":1}],\"apiVersion\":\"v1\",\"kind\":\"List\"}",
         "1={\"a\":1};"},
        {"a.json", "{\"kind\":\"List\",\"items\":[]}", ""},
        {"a.json", "{\"kind\":\"List\",\"items\":[]}\n{\"a\":1}", "2={\"a\":1};"},
        {"a.json",
         "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"items\":[{\"a\":1},{\"kind\":\"X\"}]}",
         "1={\"a\":1,\"kind\":\"Pod\",\"apiVersion\":\"v1\"};1={\"kind\":\"X\"};"},
        {"a.json", "{\"kind\":\"List\",\n\"items\":[{\"a\":1},\n{\"b\":x},\n{\"c\":\"]}\\\"\"}]}",
         "2={\"a\":1};3!JSON: not a JSON value;4={\"c\":\"]}\\\"\"};"},
        {"a.json", "{\"kind\":\"List\",\"items\":[{\"a\":1}\n{\"b\":2}]}",
         "2!JSON: expected ',' or ']';"},
        {"a.json", "{\"kind\":\"List\",\"items\":[1,\"x\"]}", "1=1;1=\"x\";"},
        {"a.json", "{\"kind\":\"Waitlist\",\"items\":[{}]}",
         "1={\"kind\":\"Waitlist\",\"items\":[{}]};"},
        {"a.json", "{\"kind\":\"List\",\"items\":{}}", "1={\"kind\":\"List\",\"items\":{}};"},
        {"a.yaml", "kind: List\nitems:\n- a: 1\n- b: 2\n---\nc: 3\n",
         "3={\"a\":1};4={\"b\":2};6={\"c\":3};"},
        {"a.yaml", "kind: NodeList\napiVersion: v1\nitems: [{a: 1}]\n",
         "3={\"a\":1,\"kind\":\"Node\",\"apiVersion\":\"v1\"};"},
        {"a.yaml", "{kind: List, items: [{a: 1}]}\n", "1={\"a\":1};"},
        {"a.yaml", "{\"kind\": List, \"items\": [{a: 1}]}\n", "1={\"a\":1};"},
        {"a.yaml", "kind: List\nitems:\n- a: [\n", "3!YAML: did not find expected node content;"},
        {"a.yaml", "a: List\nb: 1\n", "1={\"a\":\"List\",\"b\":1};"},
    };
    (void)state;
    check(rows, ARRAY_LEN(rows));
}

/* a: [x,x,...] nine times, each of the one before: 10^9 if it were expanded. */
static void aliases_that_explode_are_refused(void **state)
{
    auto_sbuf text = SBUF_INIT, got = SBUF_INIT;
    (void)state;
    sbuf_puts(&text, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for (int i = 1; i < 10; i++) {
        sbuf_printf(&text, "a%d: &a%d [", i, i);
        for (int k = 0; k < 10; k++)
            sbuf_printf(&text, "%s*a%d", k ? "," : "", i - 1);
        sbuf_puts(&text, "]\n");
    }
    render("a.yaml", sbuf_cstr(&text), text.len, &got);
    assert_non_null(strstr(sbuf_cstr(&got), "!YAML: aliases expand to too many values;"));
}

static void nesting_is_bounded(void **state)
{
    static const char *const forms[][3] = {
        {"a.json", "[", "]"},
        {"a.json", "{\"a\":", "}"},
        {"a.yaml", "[", "]"},
        {"a.yaml", "{a: ", "}"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(forms); i++)
        for (int depth = DOCUMENT_DEPTH_MAX; depth < 100000; depth = depth * 10 + 1) {
            auto_sbuf text = SBUF_INIT, got = SBUF_INIT;
            for (int k = 0; k < depth; k++)
                sbuf_puts(&text, forms[i][1]);
            sbuf_puts(&text, "1");
            for (int k = 0; k < depth; k++)
                sbuf_puts(&text, forms[i][2]);
            render(forms[i][0], sbuf_cstr(&text), text.len, &got);
            bool refused = strstr(sbuf_cstr(&got), "nested too deeply") != NULL;
            assert_int_equal(refused, depth > DOCUMENT_DEPTH_MAX);
        }
}

/* Each alias adds the height of what it names: twenty of height 50 would be 1,000. */
static void aliases_cannot_nest_deeper_than_text(void **state)
{
    auto_sbuf text = SBUF_INIT, got = SBUF_INIT;
    (void)state;
    sbuf_puts(&text, "a0: &a0 1\n");
    for (int i = 1; i < 20; i++) {
        sbuf_printf(&text, "a%d: &a%d ", i, i);
        for (int k = 0; k < 50; k++)
            sbuf_puts(&text, "[");
        sbuf_printf(&text, "*a%d ", i - 1);
        for (int k = 0; k < 50; k++)
            sbuf_puts(&text, "]");
        sbuf_puts(&text, "\n");
    }
    render("a.yaml", sbuf_cstr(&text), text.len, &got);
    assert_non_null(strstr(sbuf_cstr(&got), "!YAML: nested too deeply;"));
}

static void too_many_keys_are_refused(void **state)
{
    static const char *const names[] = {"a.json", "a.yaml"};
    (void)state;
    for (size_t f = 0; f < ARRAY_LEN(names); f++) {
        auto_sbuf text = SBUF_INIT, got = SBUF_INIT;
        sbuf_puts(&text, "{");
        for (int i = 0; i < 5000; i++)
            sbuf_printf(&text, "%s\"k%d\": 1", i ? "," : "", i);
        sbuf_puts(&text, "}");
        render(names[f], sbuf_cstr(&text), text.len, &got);
        assert_non_null(strstr(sbuf_cstr(&got), "too many keys in this map;"));
    }
}

static uint32_t line_of(const char *text, const char *const *path)
{
    struct document_reader *r = document_reader_new("a.yaml", text, strlen(text));
    struct document doc;
    const cJSON *json = NULL;
    uint32_t line;
    assert_int_equal(document_next(r, &doc, &line, NULL), 1);
    assert_int_equal(document_parse(r, &json, &line, NULL), 0);
    for (; *path; path++)
        json = cJSON_IsArray(json) ? cJSON_GetArrayItem(json, atoi(*path))
                                   : cJSON_GetObjectItemCaseSensitive(json, *path);
    assert_non_null(json);
    line = document_line(r, json);
    document_reader_free(r);
    return line;
}

static void each_field_has_its_line(void **state)
{
    static const char yaml[] = "# c\na: 1\nb:\n  c:\n  - d: 1\n    e: 2\n  - f:\n      g\n";
    static const char json[] =
        "\n{\n\"a\": 1,\n\"b\":\n {\"c\":\n[{\"d\": 1,\n\"e\": 2},\n{\"f\":\n\"g\"\n}]}}";
    static const struct {
        const char *path[5];
        uint32_t yaml, json;
    } rows[] = {
        {{NULL}, 2, 2},
        {{"a", NULL}, 2, 3},
        {{"b", NULL}, 3, 4},
        {{"b", "c", NULL}, 4, 5},
        {{"b", "c", "0", NULL}, 5, 6},
        {{"b", "c", "0", "e", NULL}, 6, 7},
        {{"b", "c", "1", NULL}, 7, 8},
        {{"b", "c", "1", "f", NULL}, 7, 8},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(line_of(yaml, rows[i].path), rows[i].yaml);
        assert_int_equal(line_of(json, rows[i].path), rows[i].json);
    }
}

/* Every truncation of a text with everything in it ends in objects or errors, never in a read
 * beyond its end (the copies are exact). */
static void every_truncation_is_survived(void **state)
{
    static const char *const texts[] = {
        "%YAML 1.1\n---\na: &x [1, 'q', \"d\\u0041\", *y]\n<<: {b: |\n c\n}\n---\nkind: List\n"
        "items:\n- {a: !!str 1}\n...\n{\"j\": [1.5e3, \"\\ud83d\\ude00\", null]}\n",
        "{\"kind\": \"PodList\", \"apiVersion\": \"v1\", \"items\": [{\"a\": \"\\\\\"}, {\"b\":\n "
        "[true, {}]}], \"metadata\": {}} {\"c\": \"\\u00e4\xc3\xa4\"}",
    };
    static const char *const names[] = {"a.yaml", "a.json"};
    size_t whole = 0;
    (void)state;
    for (size_t t = 0; t < ARRAY_LEN(texts); t++)
        for (size_t n = 0; n < ARRAY_LEN(names); n++)
            for (size_t len = 0; len <= strlen(texts[t]); len++) {
                auto_sbuf got = SBUF_INIT;
                char *copy = mem_dup(texts[t], len);
                render(names[n], copy, len, &got);
                mem_free(copy);
                whole += got.len;
            }
    assert_true(whole > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(yaml_documents_are_cut_at_their_marks),
        cmocka_unit_test(scalars_are_resolved_as_kubernetes_does),
        cmocka_unit_test(keys_merges_and_anchors_are_resolved),
        cmocka_unit_test(json_is_read_strictly_with_lines),
        cmocka_unit_test(lists_are_unfolded),
        cmocka_unit_test(aliases_that_explode_are_refused),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(aliases_cannot_nest_deeper_than_text),
        cmocka_unit_test(too_many_keys_are_refused),
        cmocka_unit_test(each_field_has_its_line),
        cmocka_unit_test(every_truncation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
