/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include <cjson/cJSON.h>

#include "core/ctl/ctl.h"
#include "core/k8s/document.h"

static void yaml_is(const char *json, const char *want)
{
    auto_sbuf out = SBUF_INIT;
    cJSON *tree = cJSON_Parse(json);
    assert_non_null(tree);
    ctl_yaml(tree, &out);
    cJSON_Delete(tree);
    if (strcmp(sbuf_cstr(&out), want) != 0) {
        fail_msg("%s gave\n%s\nwanted\n%s", json, out.data, want);
    }
}

static void yaml_is_kubectl_s(void **state)
{
    (void)state;
    yaml_is("{\"apiVersion\":\"seine.dev/v1\",\"kind\":\"PodList\",\"items\":[]}",
            "apiVersion: seine.dev/v1\nkind: PodList\nitems: []\n");
    yaml_is("{\"items\":[{\"name\":\"a\",\"ips\":[\"10.0.0.1\",\"fd00::1\"]},{\"name\":\"b\"}]}",
            "items:\n- name: a\n  ips:\n  - \"10.0.0.1\"\n  - fd00::1\n- name: b\n");
    yaml_is("{\"a\":{\"b\":{\"c\":1}},\"d\":true,\"e\":null,\"f\":{}}",
            "a:\n  b:\n    c: 1\nd: true\ne: null\nf: {}\n");
    yaml_is("[[1,2],[3]]", "- - 1\n  - 2\n- - 3\n");
    yaml_is("[]", "[]\n");
}

/* Strings must come back as the strings that they were. */
static void yaml_strings_come_back(void **state)
{
    (void)state;
    static const char *const strings[] = {
        "plain",
        "",
        "true",
        "no",
        "null",
        "~",
        "12",
        "1.5",
        "0x10",
        "-",
        "- a",
        "? b",
        ": c",
        "a: b",
        "a:",
        "a #b",
        "#a",
        "'q'",
        "\"d\"",
        "[x]",
        "{y}",
        "a,b",
        "&a",
        "*a",
        "!t",
        "|",
        ">",
        "%x",
        "@x",
        "`x`",
        "tab\there",
        "line\nbreak",
        "back\\slash",
        " lead",
        "trail ",
        "10.80.1.0/24",
        "fd00::1",
        "::",
        "02:00:00:00:00:01",
        "1e3",
        "off",
        "=",
        "ns/name",
        "team in (a,b)",
        "\xc3\xa4",
    };
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
        auto_sbuf text = SBUF_INIT;
        cJSON *tree = cJSON_CreateObject();
        cJSON_AddStringToObject(tree, "s", strings[i]);
        cJSON_AddStringToObject(tree, strings[i], "value");
        ctl_yaml(tree, &text);
        cJSON_Delete(tree);
        struct document_reader *reader = document_reader_new("x.yaml", text.data, text.len);
        struct document document;
        const cJSON *back = NULL;
        uint32_t line = 0;
        struct err err = {0};
        if (document_next(reader, &document, &line, &err) != 1 ||
            document_parse(reader, &back, &line, &err) != 0 || !back) {
            fail_msg("'%s' gave\n%s\n%s", strings[i], text.data, err.text);
        }
        const cJSON *s = cJSON_GetObjectItemCaseSensitive(back, "s");
        const cJSON *key = cJSON_GetObjectItemCaseSensitive(back, strings[i]);
        if (!cJSON_IsString(s) || strcmp(s->valuestring, strings[i]) != 0 || !key) {
            fail_msg("'%s' came back otherwise:\n%s", strings[i], text.data);
        }
        document_reader_free(reader);
    }
}

static void json_is_kubectl_s(void **state)
{
    (void)state;
    auto_sbuf out = SBUF_INIT;
    cJSON *tree = cJSON_Parse("{\"a\":\"x\\n\",\"b\":[1,{\"c\":true}],\"d\":[],\"e\":{}}");
    ctl_json(tree, &out);
    assert_string_equal(out.data, "{\n    \"a\": \"x\\n\",\n    \"b\": [\n        1,\n"
                                  "        {\n            \"c\": true\n        }\n    ],\n"
                                  "    \"d\": [],\n    \"e\": {}\n}\n");
    cJSON *back = cJSON_Parse(out.data);
    assert_true(cJSON_Compare(tree, back, true));
    cJSON_Delete(tree);
    cJSON_Delete(back);
}

static const struct ctl_column columns[] = {{"NAME", "name", false},   {"ADDRESSES", "ips", false},
                                            {"LOCAL", "local", false}, {"LABELS", "labels", true},
                                            {"N", "n", false},         {NULL, NULL, false}};

static void tables_are_aligned(void **state)
{
    (void)state;
    auto_sbuf out = SBUF_INIT;
    cJSON *items = cJSON_Parse("[{\"name\":\"a\",\"ips\":[\"10.0.0.1\",\"fd00::1\"],\"local\":true,"
                               "\"n\":3,\"labels\":{\"k\":\"v\",\"l\":\"w\"}},"
                               "{\"name\":\"longer-name\",\"ips\":[],\"local\":false}]");
    ctl_table(items, columns, false, &out);
    assert_string_equal(out.data, "NAME          ADDRESSES          LOCAL   N\n"
                                  "a             10.0.0.1,fd00::1   yes     3\n"
                                  "longer-name   -                  no      -\n");
    sbuf_clear(&out);
    ctl_table(items, columns, true, &out);
    assert_string_equal(out.data, "NAME          ADDRESSES          LOCAL   LABELS    N\n"
                                  "a             10.0.0.1,fd00::1   yes     k=v,l=w   3\n"
                                  "longer-name   -                  no      -         -\n");
    cJSON_Delete(items);
}

static void a_table_of_nothing_has_its_titles(void **state)
{
    (void)state;
    auto_sbuf out = SBUF_INIT;
    cJSON *items = cJSON_CreateArray();
    ctl_table(items, columns, false, &out);
    assert_string_equal(out.data, "NAME   ADDRESSES   LOCAL   N\n");
    cJSON_Delete(items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(yaml_is_kubectl_s),
        cmocka_unit_test(yaml_strings_come_back),
        cmocka_unit_test(json_is_kubectl_s),
        cmocka_unit_test(tables_are_aligned),
        cmocka_unit_test(a_table_of_nothing_has_its_titles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
