/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/log.h"
#include "core/base/sbuf.h"

static void into_buffer(void *aux, enum log_area area, enum log_level level, const char *text)
{
    sbuf_printf(aux, "%s/%s:%s|", log_area_name(area), log_level_name(level), text);
}

static int setup(void **state)
{
    static struct sbuf b;
    sbuf_clear(&b);
    log_set_sink(into_buffer, &b);
    *state = &b;
    return log_set_levels("info", NULL);
}

static int teardown(void **state)
{
    sbuf_done(*state);
    log_set_sink(NULL, NULL);
    return 0;
}

static void test_levels_by_area(void **state)
{
    struct sbuf *b = *state;
    assert_int_equal(log_set_levels("warn,openflow=debug", NULL), 0);
    assert_true(log_enabled(LOG_AREA_OPENFLOW, LOG_DEBUG));
    assert_false(log_enabled(LOG_AREA_CNI, LOG_INFO));
    log_msg(LOG_AREA_CNI, LOG_INFO, "no");
    log_msg(LOG_AREA_CNI, LOG_WARN, "w%d", 1);
    log_msg(LOG_AREA_OPENFLOW, LOG_DEBUG, "d");
    assert_string_equal(sbuf_cstr(b), "cni/warn:w1|openflow/debug:d|");
}

static void test_bad_levels_change_nothing(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(log_set_levels("debug,foo=info", &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "foo=info"));
    assert_false(log_enabled(LOG_AREA_AGENT, LOG_DEBUG));
    assert_int_equal(log_set_levels("loud", &err), ERR_INVALID);
    assert_int_equal(log_set_levels("", &err), ERR_INVALID);
    assert_int_equal(log_set_levels("info,", &err), ERR_INVALID);
}

static void test_a_message_is_one_line(void **state)
{
    struct sbuf *b = *state;
    log_msg(LOG_AREA_API, LOG_INFO, "%s", "a\nb\rc\x7f");
    assert_string_equal(sbuf_cstr(b), "api/info:a b c |");
    sbuf_clear(b);
    char text[5000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    log_msg(LOG_AREA_API, LOG_INFO, "%s", text);
    assert_true(b->len < 2100);
    assert_string_equal(b->data + b->len - 4, "...|");
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {TEST(test_levels_by_area),
                                       TEST(test_bad_levels_change_nothing),
                                       TEST(test_a_message_is_one_line)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
