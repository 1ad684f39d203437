/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ovs/reconnect.h"

enum { MIN_MS = 100, MAX_MS = 5000 };

static void waits_double_up_to_the_bound(void **state)
{
    (void)state;
    struct reconnect r;
    reconnect_init(&r, MIN_MS, MAX_MS, 1);
    int64_t wait = MIN_MS;
    for (int i = 0; i < 12; i++) {
        int64_t next = reconnect_lost(&r, 1000);
        assert_in_range(next - 1000, wait / 2, wait);
        wait = wait * 2 < MAX_MS ? wait * 2 : MAX_MS;
    }
}

static void a_connection_that_lasted_starts_afresh(void **state)
{
    (void)state;
    struct reconnect r;
    reconnect_init(&r, MIN_MS, MAX_MS, 1);
    for (int i = 0; i < 6; i++)
        reconnect_lost(&r, 0);
    reconnect_up(&r, 10000);
    assert_in_range(reconnect_lost(&r, 10000 + 10 * MAX_MS) - (10000 + 10 * MAX_MS), MIN_MS / 2,
                    MIN_MS);
}

static void a_reset_makes_the_next_wait_short(void **state)
{
    (void)state;
    struct reconnect r;
    reconnect_init(&r, MIN_MS, MAX_MS, 1);
    for (int i = 0; i < 6; i++)
        reconnect_lost(&r, 0);
    reconnect_reset(&r);
    assert_in_range(reconnect_lost(&r, 0), MIN_MS / 2, MIN_MS);
}

static void agents_do_not_try_in_step(void **state)
{
    (void)state;
    struct reconnect a, b;
    reconnect_init(&a, MIN_MS, MAX_MS, 1);
    reconnect_init(&b, MIN_MS, MAX_MS, 2);
    int same = 0;
    for (int i = 0; i < 20; i++)
        same += reconnect_lost(&a, 0) == reconnect_lost(&b, 0);
    assert_in_range(same, 0, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_double_up_to_the_bound),
        cmocka_unit_test(a_connection_that_lasted_starts_afresh),
        cmocka_unit_test(a_reset_makes_the_next_wait_short),
        cmocka_unit_test(agents_do_not_try_in_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
