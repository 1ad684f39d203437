/* SPDX-License-Identifier: Apache-2.0
 *
 * Codes of the system in the words of Linux, and ours alone: nothing of the system's language. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <wchar.h>

#include "core/base/mem.h"
#include "platform/windows/os.h"

static void codes_have_the_words_of_linux(void **state)
{
    (void)state;
    static const struct {
        DWORD code;
        int err;
        const char *text;
    } known[] = {
        {ERROR_FILE_NOT_FOUND, ERR_NOT_FOUND, "x: No such file or directory"},
        {ERROR_ACCESS_DENIED, ERR_PERMISSION, "x: Permission denied"},
        {ERROR_ALREADY_EXISTS, ERR_EXISTS, "x: File exists"},
        {ERROR_DISK_FULL, ERR_EXHAUSTED, "x: No space left on device"},
        {ERROR_BROKEN_PIPE, ERR_CLOSED, "x: Broken pipe"},
        {ERROR_DIRECTORY, ERR_IO, "x: Not a directory"},
        {54321, ERR_IO, "x: system error 54321"},
    };
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        struct err err = {0};
        assert_int_equal(os_err(&err, known[i].code, "%s", "x"), known[i].err);
        assert_string_equal(err.text, known[i].text);
        assert_int_equal(err.os_code, known[i].code);
    }
}

static void results_of_com_are_known_too(void **state)
{
    (void)state;
    struct err err = {0};
    assert_int_equal(os_err_hr(&err, (HRESULT)0x80041003, "x"), ERR_PERMISSION);
    assert_string_equal(err.text, "x: Permission denied");
    assert_int_equal(os_err_hr(&err, HRESULT_FROM_WIN32(ERROR_ACCESS_DENIED), "x"), ERR_PERMISSION);
    assert_int_equal(os_err_hr(&err, (HRESULT)0x8BADF00D, "x"), ERR_IO);
    assert_string_equal(err.text, "x: system error 0x8badf00d");
}

static void paths_are_made_long_only_where_they_must(void **state)
{
    (void)state;
    char deep[400] = "C:/";
    memset(deep + 3, 'd', 300);
    wchar_t *plain = os_path("C:/a/b"), *extended = os_path(deep), *there = os_path("\\\\?\\C:\\x");
    assert_int_equal(wcscmp(plain, L"C:/a/b"), 0);
    assert_int_equal(wcsncmp(extended, L"\\\\?\\C:\\ddd", 10), 0);
    assert_int_equal(wcscmp(there, L"\\\\?\\C:\\x"), 0);
    mem_free(plain);
    mem_free(extended);
    mem_free(there);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_have_the_words_of_linux),
        cmocka_unit_test(results_of_com_are_known_too),
        cmocka_unit_test(paths_are_made_long_only_where_they_must),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
