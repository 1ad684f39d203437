/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "hns/feature.h"

static struct hcn_version version(const char *s)
{
    struct hcn_version v;
    assert_int_equal(feature_version_parse(s, &v, NULL), 0);
    return v;
}

static bool is_in(enum feature f, const char *s)
{
    struct hcn_version v = version(s);
    return feature_is_in(f, &v);
}

static void test_a_version_is_two_numbers(void **state)
{
    (void)state;
    struct hcn_version v = version("11.10");
    assert_int_equal(v.major, 11);
    assert_int_equal(v.minor, 10);
    v = version("0.0");
    assert_int_equal(v.major, 0);
    static const char *const bad[] = {"",       "11",    "11.",   ".10",   "11.10.1",      "v11.10",
                                      "11.10 ", " 11.1", "011.1", "11.01", "9999999999.0", "-1.0",
                                      "11.x",   "11,10", "+11.10"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err err = {0};
        if (feature_version_parse(bad[i], &v, &err) != ERR_INVALID)
            fail_msg("accepted: %s", bad[i]);
        assert_non_null(strstr(err.text, "not a version of HNS"));
    }
}

static void test_features_begin_and_pause_with_their_versions(void **state)
{
    (void)state;
    static const struct {
        enum feature f;
        const char *with, *without; /* with blanks between */
    } cases[] = {
        {FEATURE_ACL, "7.2 7.3 8.0 15.4", "7.1 6.9 0.0"},
        {FEATURE_V2_API, "9.2 9.10 10.0", "9.1 8.9"},
        {FEATURE_DSR, "9.3 9.99 10.2 11.0", "9.2 10.0 10.1"},
        {FEATURE_SLASH32, "9.3 9.4 10.4 11.0", "10.3 10.0 9.2"},
        {FEATURE_L4_PROXY, "9.5 9.9 10.5 10.6 11.11 11.12 12.1 13.1 14.0",
         "9.4 10.0 10.4 11.0 11.10 12.0 13.0"},
        {FEATURE_DUAL_STACK, "11.10 11.11 12.0", "11.9 11.1 10.99"},
        {FEATURE_SET_POLICY, "13.0 13.2", "12.99"},
        {FEATURE_TIER_ACL, "14.0 15.1", "13.9"},
        {FEATURE_MODIFY_LOADBALANCER, "15.4 16.0", "15.3"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        for (int with = 0; with < 2; with++) {
            char list[128], *save = list;
            strncpy(list, with ? cases[i].with : cases[i].without, sizeof list - 1);
            list[sizeof list - 1] = 0;
            while (*save) {
                char *word = save;
                save += strcspn(save, " ");
                if (*save)
                    *save++ = 0;
                if (is_in(cases[i].f, word) != (with != 0))
                    fail_msg("%s in %s", feature_info(cases[i].f)->name, word);
            }
        }
}

static void test_every_feature_has_a_name_and_good_ranges(void **state)
{
    (void)state;
    struct hcn_version newest = {1000, 0}, oldest = {0, 0};
    for (int f = 0; f < FEATURE_N; f++) {
        const struct feature_info *info = feature_info((enum feature)f);
        assert_true(info->name && info->name[0]);
        assert_true(feature_is_in((enum feature)f, &newest)); /* so the ranges can be read */
        assert_false(feature_is_in((enum feature)f, &oldest));
    }
}

static void test_what_is_no_list_of_ranges_contains_nothing(void **state)
{
    (void)state;
    struct hcn_version v = {9, 5};
    assert_true(feature_ranges_contain("9.3-9.x, 10.2+", &v));
    assert_true(feature_ranges_contain("10.2+, 9.3+", &v));
    static const char *const bad[] = {
        "",       "9",          "9.5",   "9.3-",       "9.3-10.x",   "9.3-9.y",     "9.3+,",
        "9.3+, ", "9.3+,10.2+", "9.3+ ", "9.3+, junk", "junk, 9.3+", "9.3-9.x10.2+"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (feature_ranges_contain(bad[i], &v))
            fail_msg("accepted: %s", bad[i]);
}

static void test_what_is_missing_is_explained(void **state)
{
    (void)state;
    struct hcn_version v = {10, 4};
    auto_sbuf out = SBUF_INIT;
    feature_explain(FEATURE_DUAL_STACK, &v, &out);
    assert_string_equal(out.data, "IPv6DualStack needs HNS 11.10+, this is 10.4");
}

static void test_a_schema_stands_for_the_oldest_hns_that_speaks_it(void **state)
{
    (void)state;
    static const struct {
        struct hcn_version schema, hns;
    } cases[] = {{{1, 0}, {0, 0}},   {{2, 0}, {9, 2}},   {{2, 5}, {9, 2}},   {{2, 6}, {11, 0}},
                 {{2, 10}, {11, 0}}, {{2, 11}, {13, 0}}, {{2, 14}, {14, 0}}, {{3, 0}, {14, 0}}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct hcn_version v = feature_hns_of_schema(&cases[i].schema);
        assert_int_equal(v.major, cases[i].hns.major);
        assert_int_equal(v.minor, cases[i].hns.minor);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_version_is_two_numbers),
        cmocka_unit_test(test_features_begin_and_pause_with_their_versions),
        cmocka_unit_test(test_every_feature_has_a_name_and_good_ranges),
        cmocka_unit_test(test_what_is_no_list_of_ranges_contains_nothing),
        cmocka_unit_test(test_what_is_missing_is_explained),
        cmocka_unit_test(test_a_schema_stands_for_the_oldest_hns_that_speaks_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
