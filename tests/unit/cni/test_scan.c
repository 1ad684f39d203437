/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cni/scan.h"

static void strings_are_found_and_unescaped(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{\"k\":\"v\"}", "v"},
        {" { \"a\" : [1, {\"k\":\"no\"}], \"k\" : \"yes\" } \n", "yes"},
        {"{\"k\":\"1\",\"k\":\"2\"}", "2"},
        {"{\"k\":\"\"}", ""},
        {"{\"\\u006b\":\"v\"}", "v"},
        {"{\"k\":\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\"}", "a\"\\/\b\f\n\r\t"},
        {"{\"k\":\"\\u00e4\\u20ac\\ud83d\\ude00\"}", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"{\"x\":{\"y\":[true,false,null,-1.5e+3]},\"k\":\"v\"}", "v"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        auto_sbuf out = SBUF_INIT;
        assert_int_equal(scan_string(cases[i][0], "k", &out), SCAN_FOUND);
        assert_string_equal(sbuf_cstr(&out), cases[i][1]);
    }
}

static void absence_is_told_apart_from_other_types(void **state)
{
    (void)state;
    auto_sbuf out = SBUF_INIT;
    assert_int_equal(scan_string("{}", "k", &out), SCAN_ABSENT);
    assert_int_equal(scan_string("{\"a\":\"k\"}", "k", &out), SCAN_ABSENT);
    assert_int_equal(scan_string("{\"a\":{\"k\":\"v\"}}", "k", &out), SCAN_ABSENT);
    assert_int_equal(scan_string("{\"k\":1}", "k", &out), SCAN_NO_STRING);
    assert_int_equal(scan_string("{\"k\":null}", "k", &out), SCAN_NO_STRING);
    assert_int_equal(scan_string("{\"k\":[\"v\"]}", "k", &out), SCAN_NO_STRING);
}

static void malformed_texts_are_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "[]",
        "\"k\"",
        "{",
        "{\"k\"",
        "{\"k\":",
        "{\"k\":\"v",
        "{\"k\":\"v\"",
        "{\"k\":\"v\",",
        "{\"k\":\"v\"}x",
        "{k:1}",
        "{\"k\" \"v\"}",
        "{\"k\":\"\\x\"}",
        "{\"k\":\"\\u12\"}",
        "{\"k\":\"\\u0000\"}",
        "{\"k\":\"\\udc00\"}",
        "{\"k\":\"\\ud800x\"}",
        "{\"k\":\"\\ud800\\u0041\"}",
        "{\"k\":\"a\nb\"}",
        "{\"a\":}",
        "{\"a\":[1,]}",
        "{\"a\":[1 2]}",
        "{\"a\":{\"b\"}}",
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        auto_sbuf out = SBUF_INIT;
        if (scan_string(cases[i], "k", &out) != SCAN_MALFORMED) {
            fail_msg("taken: %s", cases[i]);
        }
    }
}

static void depth_is_bounded(void **state)
{
    (void)state;
    auto_sbuf deep = SBUF_INIT, out = SBUF_INIT;
    for (size_t levels = 60; levels < 200000; levels = levels * 50) {
        sbuf_clear(&deep);
        sbuf_puts(&deep, "{\"a\":");
        for (size_t i = 0; i < levels; i++) {
            sbuf_putc(&deep, '[');
        }
        for (size_t i = 0; i < levels; i++) {
            sbuf_putc(&deep, ']');
        }
        sbuf_puts(&deep, ",\"k\":\"v\"}");
        assert_int_equal(scan_string(deep.data, "k", &out),
                         levels == 60 ? SCAN_FOUND : SCAN_MALFORMED);
    }
}

static void each_truncation_is_refused(void **state)
{
    (void)state;
    static const char whole[] = "{\"a\":[{\"b\":\"\\u00e4\"}],\"k\":\"v\\n\",\"c\":true}";
    auto_sbuf out = SBUF_INIT;
    assert_int_equal(scan_string(whole, "k", &out), SCAN_FOUND);
    for (size_t n = 0; n < sizeof whole - 1; n++) {
        char part[sizeof whole];
        memcpy(part, whole, n);
        part[n] = 0;
        assert_int_equal(scan_string(part, "k", &out), SCAN_MALFORMED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_are_found_and_unescaped),
        cmocka_unit_test(absence_is_told_apart_from_other_types),
        cmocka_unit_test(malformed_texts_are_refused),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(each_truncation_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
