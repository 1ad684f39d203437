/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/base/time_text.h"

static void times_are_utc_with_so_many_digits(void **state)
{
    (void)state;
    char out[TIME_TEXT_MAX];
    assert_string_equal(time_text_format(0, TIME_MILLI, out), "1970-01-01T00:00:00.000Z");
    assert_string_equal(time_text_format(1795828245007, TIME_MILLI, out),
                        "2026-11-28T01:10:45.007Z");
    assert_string_equal(time_text_format(1795828245007, TIME_MICRO, out),
                        "2026-11-28T01:10:45.007000Z");
    assert_string_equal(time_text_format(951782399999, TIME_MILLI, out),
                        "2000-02-28T23:59:59.999Z");
    assert_string_equal(time_text_format(951868799999, TIME_SECONDS, out), "2000-02-29T23:59:59Z");
}

static void a_time_that_has_no_name_is_the_first(void **state)
{
    (void)state;
    char out[TIME_TEXT_MAX];
    assert_string_equal(time_text_format(UINT64_MAX, TIME_MILLI, out), "1970-01-01T00:00:00.615Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_utc_with_so_many_digits),
        cmocka_unit_test(a_time_that_has_no_name_is_the_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
