/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "core/base/err.h"

static void test_set_and_wrap(void **state)
{
    (void)state;
    struct err err = {0};
    assert_int_equal(err_set(&err, ERR_INVALID, "port %d", 7), ERR_INVALID);
    assert_string_equal(err.text, "port 7");
    assert_int_equal(err.os_code, 0);
    assert_int_equal(err_wrap(&err, "pod %s", "a"), ERR_INVALID);
    assert_string_equal(err.text, "pod a: port 7");
    assert_int_equal(err_set_os(&err, ERR_IO, ENOENT, "open"), ERR_IO);
    assert_int_equal(err.os_code, ENOENT);
}

static void test_null_is_fine(void **state)
{
    (void)state;
    assert_int_equal(err_set(NULL, ERR_CLOSED, "x"), ERR_CLOSED);
    assert_int_equal(err_wrap(NULL, "x"), ERR_INTERNAL);
}

static void test_long_text_is_cut(void **state)
{
    (void)state;
    struct err err;
    char text[2 * ERR_TEXT_MAX];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    err_set(&err, ERR_INVALID, "%s", text);
    assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
    err_wrap(&err, "context");
    assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
    assert_memory_equal(err.text, "context: a", 10);
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(err_name(ERR_INVALID), "INVALID");
    assert_string_equal(err_text(ERR_TIMEOUT), "timed out");
    assert_string_equal(err_text(0), "ok");
    assert_string_equal(err_text(-1000), "unknown error");
    assert_string_equal(err_text(5), "unknown error");
    assert_int_equal(err_retry(ERR_AGAIN), ERR_RETRY_LATER);
    assert_int_equal(err_retry(ERR_INTERNAL), ERR_RETRY_NEVER);
    assert_int_equal(err_retry(ERR_NOT_FOUND), ERR_RETRY_INPUT);
}

static void test_errno(void **state)
{
    (void)state;
    assert_int_equal(err_from_errno(ENOENT), ERR_NOT_FOUND);
    assert_int_equal(err_from_errno(EEXIST), ERR_EXISTS);
    assert_int_equal(err_from_errno(EACCES), ERR_PERMISSION);
    assert_int_equal(err_from_errno(EPERM), ERR_PERMISSION);
    assert_int_equal(err_from_errno(ETIMEDOUT), ERR_TIMEOUT);
    assert_int_equal(err_from_errno(EAGAIN), ERR_AGAIN);
    assert_int_equal(err_from_errno(EIO), ERR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_and_wrap),
        cmocka_unit_test(test_null_is_fine),
        cmocka_unit_test(test_long_text_is_cut),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_errno),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
