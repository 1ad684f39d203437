/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "hns/hcn_error.h"

static void test_the_table_is_in_order_and_whole(void **state)
{
    (void)state;
    size_t n = 0;
    const struct hcn_error *t = hcn_error_table(&n);
    for (size_t i = 0; i < n; i++) {
        assert_true(i == 0 || t[i - 1].hr < t[i].hr);
        assert_true(t[i].hr & UINT32_C(0x80000000));
        assert_true(t[i].code < 0 && strcmp(err_name(t[i].code), "UNKNOWN") != 0);
        assert_true(t[i].name[0] && t[i].text[0]);
        assert_ptr_equal(hcn_error_find(t[i].hr), &t[i]);
    }
    for (unsigned low = 1; low <= 0x37; low++)
        if (!hcn_error_find(HCN_E(low)))
            fail_msg("0x%02x has no row", low);
    assert_null(hcn_error_find(0));
    assert_null(hcn_error_find(HCN_E(0x38)));
}

static void test_numbers_have_the_right_codes(void **state)
{
    (void)state;
    static const struct {
        uint32_t hr;
        int code;
    } cases[] = {
        {0x803b0001, ERR_NOT_FOUND},  {0x803b0002, ERR_NOT_FOUND},   {0x80070490, ERR_NOT_FOUND},
        {0x803b0010, ERR_EXISTS},     {0x803b0013, ERR_EXISTS},      {0x800700b7, ERR_EXISTS},
        {0x803b0014, ERR_CONFLICT},   {0x803b002b, ERR_CONFLICT},    {0x803b002c, ERR_CONFLICT},
        {0x803b001b, ERR_INVALID},    {0x803b001e, ERR_INVALID},     {0x803b001f, ERR_NOT_FOUND},
        {0x80070005, ERR_PERMISSION}, {0x80004001, ERR_UNSUPPORTED}, {0x8007007f, ERR_UNSUPPORTED},
        {0x800706ba, ERR_AGAIN},      {0x80070426, ERR_AGAIN},       {0x803b0020, ERR_AGAIN},
        {0x800705b4, ERR_TIMEOUT},    {0x80004005, ERR_IO},          {0x81234567, ERR_IO},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (hcn_error_code(cases[i].hr) != cases[i].code)
            fail_msg("0x%08x is %s", (unsigned)cases[i].hr, err_name(hcn_error_code(cases[i].hr)));
}

/* Whatever else is wrong, an object is absent only where the service says so. */
static void test_a_service_that_is_away_says_nothing_of_its_objects(void **state)
{
    (void)state;
    static const uint32_t away[] = {0x800706ba, 0x800706be, 0x800706bf, 0x800706bb,
                                    0x800706b5, 0x800706d9, 0x80070426, 0x80070422,
                                    0x80070424, 0x80010108, 0x8007045b, 0x803b0020};
    for (size_t i = 0; i < ARRAY_LEN(away); i++) {
        assert_true(hcn_error_is_away(away[i]));
        assert_int_equal(err_retry(hcn_error_code(away[i])), ERR_RETRY_LATER);
    }
    assert_false(hcn_error_is_away(0x803b0001));
    assert_false(hcn_error_is_away(0x80004005));
}

static void says(uint32_t hr, const char *record, int code, uint32_t number, const char *text)
{
    char copy[512] = "";
    struct hcn_reply reply = {.hr = hr, .function = "HcnOpenNetwork"};
    struct err err = {0};
    if (record) {
        strncpy(copy, record, sizeof copy - 1);
        reply.record = copy;
    }
    assert_int_equal(hcn_error_set(&reply, &err), code);
    assert_int_equal(err.code, code);
    assert_string_equal(err.text, text);
    assert_int_equal(err.os_code, number);
    assert_int_equal(hcn_error_number(&reply), number);
    assert_int_equal(hcn_error_set(&reply, NULL), code);
}

static void test_a_refusal_is_said_with_name_meaning_and_what_the_service_adds(void **state)
{
    (void)state;
    says(0x803b0001, NULL, ERR_NOT_FOUND, 0x803b0001,
         "HcnOpenNetwork: HCN_E_NETWORK_NOT_FOUND: no such network");
    says(0x803b001b, "{\"Success\":false,\"Error\":\"Invalid JSON. {{Foo,UnknownField}} \"}",
         ERR_INVALID, 0x803b001b,
         "HcnOpenNetwork: HCN_E_INVALID_JSON: invalid JSON (Invalid JSON. {{Foo,UnknownField}})");
    says(0x81234567, NULL, ERR_IO, 0x81234567, "HcnOpenNetwork: 0x81234567");
    says(0x81234567, "{\"Error\":\"Two\\r\\nlines.\"}", ERR_IO, 0x81234567,
         "HcnOpenNetwork: 0x81234567 (Two  lines)");
}

static void test_a_record_is_a_failure_even_after_success(void **state)
{
    (void)state;
    says(0,
         "{\"Success\":false,\"Error\":\"The network was not found. \",\"ErrorCode\":2151350273}",
         ERR_NOT_FOUND, 0x803b0001,
         "HcnOpenNetwork: HCN_E_NETWORK_NOT_FOUND: no such network (The network was not found)");
    says(0, "{\"Error\":\"Odd\"}", ERR_IO, 0, "HcnOpenNetwork: 0x00000000 (Odd)");
    says(0, "not json", ERR_IO, 0, "HcnOpenNetwork: 0x00000000");
    /* S_FALSE is no failure of its own */
    says(1, "{\"Error\":\"x\",\"ErrorCode\":2151350274}", ERR_NOT_FOUND, 0x803b0002,
         "HcnOpenNetwork: HCN_E_ENDPOINT_NOT_FOUND: no such endpoint (x)");
}

static void test_a_record_of_wrong_form_says_nothing(void **state)
{
    (void)state;
    static const char *const records[] = {"[]", "{\"Error\":7}", "{\"ErrorCode\":\"x\"}", "{",
                                          "\"\""};
    for (size_t i = 0; i < ARRAY_LEN(records); i++)
        says(0x803b0002, records[i], ERR_NOT_FOUND, 0x803b0002,
             "HcnOpenNetwork: HCN_E_ENDPOINT_NOT_FOUND: no such endpoint");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_table_is_in_order_and_whole),
        cmocka_unit_test(test_numbers_have_the_right_codes),
        cmocka_unit_test(test_a_service_that_is_away_says_nothing_of_its_objects),
        cmocka_unit_test(test_a_refusal_is_said_with_name_meaning_and_what_the_service_adds),
        cmocka_unit_test(test_a_record_is_a_failure_even_after_success),
        cmocka_unit_test(test_a_record_of_wrong_form_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
