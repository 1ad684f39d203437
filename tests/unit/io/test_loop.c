/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/sbuf.h"
#include "core/io/loop.h"
#include "core/io/work.h"
#include "tests/support/os.h"

enum { PATIENCE_MS = 20000 };

struct told {
    struct sbuf text;
    struct loop *loop;
};

static int setup(void **state)
{
    static struct told t;
    t = (struct told){.loop = loop_new()};
    *state = &t;
    return 0;
}

static int teardown(void **state)
{
    struct told *t = *state;
    loop_free(t->loop);
    sbuf_done(&t->text);
    return 0;
}

static void run_until(struct told *t, size_t len)
{
    int64_t end = loop_now(t->loop) + PATIENCE_MS;
    while (t->text.len < len && loop_now(t->loop) < end)
        loop_run_once(t->loop, 20);
}

#define TELLS(name, letter)                                                                        \
    static void name(void *aux)                                                                    \
    {                                                                                              \
        sbuf_putc(&((struct told *)aux)->text, letter);                                            \
    }
TELLS(tell_a, 'a')
TELLS(tell_b, 'b')
TELLS(tell_c, 'c')

static void timers_fire_in_order_and_once(void **state)
{
    struct told *t = *state;
    struct loop_timer *a = loop_timer_new(t->loop, tell_a, t),
                      *b = loop_timer_new(t->loop, tell_b, t),
                      *c = loop_timer_new(t->loop, tell_c, t);
    int64_t now;
    do { /* until all are set before the first is due */
        now = loop_now(t->loop);
        loop_timer_at(b, now + 40);
        loop_timer_at(a, now + 5);
        loop_timer_at(c, now + 10);
    } while (loop_now(t->loop) >= now + 5);
    loop_timer_cancel(c);
    run_until(t, 2);
    loop_run_once(t->loop, 30);
    assert_string_equal(sbuf_cstr(&t->text), "ab");
    loop_timer_at(a, loop_now(t->loop) - 1000); /* the past: in the next turn */
    run_until(t, 3);
    assert_string_equal(sbuf_cstr(&t->text), "aba");
    loop_timer_free(a);
    loop_timer_free(b);
    loop_timer_free(c);
    loop_timer_free(NULL);
}

struct late {
    struct loop_timer *timer;
    uint32_t ms;
    bool called;
};

static void note_late(void *aux)
{
    struct late *l = aux;
    l->ms = loop_timer_late(l->timer);
    l->called = true;
}

static void a_timer_tells_how_late_it_is(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct late l = {.timer = NULL};
    l.timer = loop_timer_new(loop, note_late, &l);
    int64_t asked = loop_now(loop) + 5;
    loop_timer_at(l.timer, asked);
    while (loop_now(loop) < asked + 30) {}
    while (!l.called) {
        loop_run_once(loop, 1000);
    }
    assert_true(l.ms >= 20);
    loop_timer_free(l.timer);
    loop_free(loop);
}

static void setting_a_timer_again_replaces(void **state)
{
    struct told *t = *state;
    struct loop_timer *a = loop_timer_new(t->loop, tell_a, t);
    int64_t start = loop_now(t->loop);
    loop_timer_after(a, 1);
    loop_timer_after(a, 60);
    run_until(t, 1);
    assert_true(loop_now(t->loop) - start >= 55);
    assert_int_equal(t->text.len, 1);
    loop_timer_free(a);
}

static void hold_up(struct told *t, int ms)
{
    int64_t end = loop_now(t->loop) + ms;
    while (loop_now(t->loop) < end) {}
}

/* What waits comes first, and whoever waits with it has as much time more. */
static void a_limit_does_not_count_that_the_loop_was_held_up(void **state)
{
    struct told *t = *state;
    struct loop_timer *a = loop_limit_new(t->loop, tell_a, t);
    struct loop_wakeup *b = loop_wakeup_new(t->loop, tell_b, t);
    int64_t start = loop_now(t->loop);
    loop_timer_after(a, 20);
    loop_wakeup_send(b);
    hold_up(t, 100);
    run_until(t, 2);
    assert_string_equal(sbuf_cstr(&t->text), "ba");
    assert_true(loop_now(t->loop) - start >= 175);
    loop_timer_free(a);
    loop_wakeup_free(b);
}

static void a_limit_that_was_held_up_may_be_set_again(void **state)
{
    struct told *t = *state;
    struct loop_timer *a = loop_limit_new(t->loop, tell_a, t);
    int64_t start = loop_now(t->loop);
    loop_timer_at(a, start + 20);
    hold_up(t, 100);
    loop_run_once(t->loop, 0);
    loop_timer_at(a, start + 20); /* the same: what it was given stands */
    run_until(t, 1);
    assert_true(loop_now(t->loop) - start >= 175);

    loop_timer_after(a, 20);
    hold_up(t, 50);
    loop_run_once(t->loop, 0);
    sbuf_clear(&t->text);
    start = loop_now(t->loop);
    loop_timer_after(a, 100);
    run_until(t, 1);
    assert_true(loop_now(t->loop) - start >= 99);

    loop_timer_after(a, 20);
    hold_up(t, 50);
    loop_run_once(t->loop, 0);
    loop_timer_cancel(a);
    sbuf_clear(&t->text);
    loop_run_once(t->loop, 100);
    assert_int_equal(t->text.len, 0);
    loop_timer_free(a);
}

static void tell_a_and_hold_up(void *aux)
{
    tell_a(aux);
    hold_up(aux, 100);
}

static bool has_told_two(const void *aux)
{
    const struct told *t = aux;
    return t->text.len == 2;
}

/* The second comes when the limit is over, but for what the loop was held up. */
static void waiting_does_not_count_that_the_loop_was_held_up(void **state)
{
    struct told *t = *state;
    struct loop_timer *a = loop_timer_new(t->loop, tell_a_and_hold_up, t),
                      *b = loop_timer_new(t->loop, tell_b, t);
    loop_timer_after(a, 5);
    loop_timer_after(b, 125);
    assert_true(loop_wait(t->loop, has_told_two, t, 60));
    assert_string_equal(sbuf_cstr(&t->text), "ab");
    assert_true(loop_wait(t->loop, has_told_two, t, 0));

    sbuf_clear(&t->text);
    int64_t start = loop_now(t->loop);
    assert_false(loop_wait(t->loop, has_told_two, t, 30));
    assert_true(loop_now(t->loop) - start >= 29);
    loop_timer_free(a);
    loop_timer_free(b);
}

static void deferred_calls_are_one(void **state)
{
    struct told *t = *state;
    struct loop_deferred *a = loop_deferred_new(t->loop, tell_a, t);
    loop_deferred_schedule(a);
    loop_deferred_schedule(a);
    assert_int_equal(t->text.len, 0); /* not from within the call */
    run_until(t, 1);
    loop_run_once(t->loop, 5);
    assert_string_equal(sbuf_cstr(&t->text), "a");
    loop_deferred_schedule(a);
    loop_deferred_cancel(a);
    loop_run_once(t->loop, 5);
    assert_string_equal(sbuf_cstr(&t->text), "a");
    loop_deferred_free(a);
}

static struct told *working;

static void add_on_the_other_thread(void *aux)
{
    int *sum = aux;
    *sum += 1;
}

static void work_is_done(void *aux)
{
    assert_true(*(int *)aux > 0);
    sbuf_putc(&working->text, 'w');
}

static void work_ends_on_the_loop(void **state)
{
    struct told *t = *state;
    int sums[20] = {0};
    working = t;
    for (size_t i = 0; i < ARRAY_LEN(sums); i++)
        work_submit(t->loop, add_on_the_other_thread, work_is_done, &sums[i]);
    assert_int_equal(work_pending(t->loop), ARRAY_LEN(sums));
    assert_int_equal(t->text.len, 0);
    run_until(t, ARRAY_LEN(sums));
    assert_int_equal(t->text.len, ARRAY_LEN(sums));
    assert_int_equal(work_pending(t->loop), 0);
    for (size_t i = 0; i < ARRAY_LEN(sums); i++)
        assert_int_equal(sums[i], 1);
}

static void wake_from_the_other_thread(void *aux)
{
    for (int i = 0; i < 100; i++)
        loop_wakeup_send(aux);
}

static void other_thread_is_done(void *aux)
{
    (void)aux;
}

static void a_wakeup_comes_from_another_thread(void **state)
{
    struct told *t = *state;
    struct loop_wakeup *w = loop_wakeup_new(t->loop, tell_a, t);
    loop_run(t->loop); /* by itself it keeps nothing running */
    assert_int_equal(t->text.len, 0);
    work_submit(t->loop, wake_from_the_other_thread, other_thread_is_done, w);
    run_until(t, 1);
    assert_true(t->text.len >= 1);
    while (work_pending(t->loop))
        loop_run_once(t->loop, 20);
    loop_run_once(t->loop, 5);
    assert_true(t->text.len <= 100);
    loop_wakeup_send(w);
    loop_wakeup_free(w);
    size_t before = t->text.len;
    loop_run_once(t->loop, 5);
    assert_int_equal(t->text.len, before); /* no call after it was freed */
    loop_wakeup_free(NULL);
}

static void freeing_waits_for_work_under_way(void **state)
{
    struct told *t = *state;
    int sum = 0;
    working = t;
    work_submit(t->loop, add_on_the_other_thread, work_is_done, &sum);
    loop_free(t->loop);
    assert_int_equal(sum, 1);
    t->loop = loop_new();
}

static void the_end_is_asked_for(void **state)
{
    struct told *t = *state;
    struct loop_signal *term = loop_signal_new(t->loop, LOOP_SIGNAL_TERM, tell_a, t),
                       *interrupt = loop_signal_new(t->loop, LOOP_SIGNAL_INT, tell_b, t);
    bool asked = os_ask_to_end();
    if (asked) {
        run_until(t, 1);
        assert_string_equal(sbuf_cstr(&t->text), "a");
    }
    loop_signal_free(term);
    loop_signal_free(interrupt);
    loop_signal_free(NULL);
    if (!asked) {
        skip();
    }
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(timers_fire_in_order_and_once),
        TEST(a_timer_tells_how_late_it_is),
        TEST(setting_a_timer_again_replaces),
        TEST(a_limit_does_not_count_that_the_loop_was_held_up),
        TEST(a_limit_that_was_held_up_may_be_set_again),
        TEST(waiting_does_not_count_that_the_loop_was_held_up),
        TEST(deferred_calls_are_one),
        TEST(work_ends_on_the_loop),
        TEST(a_wakeup_comes_from_another_thread),
        TEST(freeing_waits_for_work_under_way),
        TEST(the_end_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
