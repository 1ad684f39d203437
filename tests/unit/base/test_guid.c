/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/guid.h"
#include "core/base/port.h"

#define TEXT "583cc151-73ec-4a6a-8b47-578297ad7623"

static struct guid guid(const char *s)
{
    struct guid g;
    assert_true(guid_parse(s, &g));
    return g;
}

static void test_text_forms_of_one_guid_are_equal(void **state)
{
    (void)state;
    static const char *const forms[] = {
        TEXT,
        "{" TEXT "}",
        "583CC151-73EC-4A6A-8B47-578297AD7623",
        "{583CC151-73EC-4A6A-8B47-578297AD7623}",
        "583cC151-73eC-4a6A-8B47-578297aD7623",
    };
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        struct guid g = guid(forms[i]);
        char text[GUID_TEXT_MAX];
        assert_string_equal(guid_format(&g, text), TEXT);
        assert_int_equal(g.b[0], 0x58);
        assert_int_equal(g.b[5], 0xec);
        assert_int_equal(g.b[15], 0x23);
    }
}

static void test_what_is_no_guid_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "{}",
        "/var/run/netns/x",
        "583cc151-73ec-4a6a-8b47-578297ad762",
        "583cc151-73ec-4a6a-8b47-578297ad76234",
        "{583cc151-73ec-4a6a-8b47-578297ad7623",
        "583cc151-73ec-4a6a-8b47-578297ad7623}",
        "{583cc151-73ec-4a6a-8b47-578297ad7623)",
        "{{583cc151-73ec-4a6a-8b47-578297ad762}",
        "583cc15173ec4a6a8b47578297ad7623",
        "583cc151-73ec-4a6a-8b47_578297ad7623",
        "583cc1517-3ec-4a6a-8b47-578297ad7623",
        "583cc151-73ec-4a6a-8b47-578297ad762g",
        "583cc151-73ec-4a6a-8b47-578297ad762 ",
        " 583cc151-73ec-4a6a-8b47-578297ad762",
        "+83cc151-73ec-4a6a-8b47-578297ad7623",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct guid g = guid(TEXT), before = g;
        if (guid_parse(bad[i], &g))
            fail_msg("accepted: %s", bad[i]);
        assert_true(guid_equal(&g, &before));
    }
}

static void test_each_cut_of_a_guid_is_refused(void **state)
{
    (void)state;
    static const char whole[] = "{" TEXT "}";
    for (size_t n = 0; n < sizeof whole - 1; n++) {
        char cut[sizeof whole];
        struct guid g;
        snprintf(cut, sizeof cut, "%.*s", (int)n, whole);
        assert_false(guid_parse(cut, &g));
    }
}

static void test_order_is_that_of_the_text(void **state)
{
    (void)state;
    struct guid zero = {{0}};
    struct guid a = guid("00000000-0000-0000-0000-000000000001");
    struct guid b = guid("01000000-0000-0000-0000-000000000000");
    assert_true(guid_is_zero(&zero));
    assert_false(guid_is_zero(&a));
    assert_true(guid_cmp(&a, &b) < 0);
    assert_true(guid_cmp(&b, &a) > 0);
    assert_int_equal(guid_cmp(&a, &a), 0);
    assert_false(guid_equal(&a, &b));
}

/* Endpoints are found again by these after a restart: they never change. */
static void test_a_name_gives_the_same_guid_for_ever(void **state)
{
    (void)state;
    char text[GUID_TEXT_MAX];
    struct guid g = guid_from_name("seine endpoint", "c1/eth0");
    assert_string_equal(guid_format(&g, text), "d9dd8acc-5818-8d07-bb60-50cbd6c7ec41");
    g = guid_from_name("", "");
    assert_string_equal(guid_format(&g, text), "2130748a-aac8-8268-b8ae-5a9a6b5fd45e");
}

static void test_names_and_spaces_give_different_guids(void **state)
{
    (void)state;
    struct guid seen[2000];
    size_t n = 0;
    for (int i = 0; i < 1000; i++) {
        char name[32];
        snprintf(name, sizeof name, "container-%d/eth0", i);
        seen[n++] = guid_from_name("a", name);
        seen[n++] = guid_from_name("b", name);
    }
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(seen[i].b[6] >> 4, 8);
        assert_int_equal(seen[i].b[8] >> 6, 2);
        for (size_t j = i + 1; j < n; j++)
            assert_false(guid_equal(&seen[i], &seen[j]));
    }
    struct guid ab = guid_from_name("a", "b"), ba = guid_from_name("b", "a");
    assert_false(guid_equal(&ab, &ba));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_forms_of_one_guid_are_equal),
        cmocka_unit_test(test_what_is_no_guid_is_refused),
        cmocka_unit_test(test_each_cut_of_a_guid_is_refused),
        cmocka_unit_test(test_order_is_that_of_the_text),
        cmocka_unit_test(test_a_name_gives_the_same_guid_for_ever),
        cmocka_unit_test(test_names_and_spaces_give_different_guids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
