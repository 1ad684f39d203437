/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/fake_target.h"
#include "tests/unit/engine/toy.h"

static int setup(void **state)
{
    struct fake_target *t = mem_calloc(1, sizeof *t);
    t->engine = toy_engine();
    t->space = TOY_MAIN;
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    struct fake_target *t = *state;
    size_t differences = engine_recompute(t->engine, NULL);
    engine_free(t->engine);
    fake_done(t);
    mem_free(t);
    return differences ? -1 : 0;
}

static void put(struct fake_target *t, const char *key, const char *words)
{
    toy_put(t->engine, key, words);
    engine_run(t->engine, 0);
}

static void sync_all(struct fake_target *t)
{
    while (fake_take(t))
        fake_settle(t, FAKE_DONE, 0);
}

static struct engine_counts counts(struct fake_target *t)
{
    return engine_counts(t->engine, TOY_MAIN);
}

static void test_plan_is_what_differs_in_key_order(void **state)
{
    struct fake_target *t = *state;
    put(t, "a", "red blue");
    assert_true(fake_take(t));
    assert_int_equal(t->out->n, 3);
    assert_memory_equal(t->out->items[0].key.p, "#", 1);
    assert_memory_equal(t->out->items[1].key.p, "blue", 4);
    assert_int_equal(t->out->items[1].op, PLAN_ADD);
    assert_null(t->out->items[1].installed.p);
    assert_false(engine_in_sync(t->engine, TOY_MAIN));
    fake_settle(t, FAKE_DONE, 0);
    assert_true(engine_in_sync(t->engine, TOY_MAIN));
    assert_int_equal(engine_acked(t->engine, TOY_MAIN), engine_generation(t->engine, TOY_MAIN));
    assert_string_equal(fake_get(t, "red"), "a");

    put(t, "b", "red");
    toy_remove(t->engine, "a");
    engine_run(t->engine, 0);
    assert_true(fake_take(t));
    assert_int_equal(t->out->n, 3); /* # modified, blue deleted, red modified */
    assert_int_equal(t->out->items[1].op, PLAN_DELETE);
    assert_int_equal(t->out->items[1].value.n, 0);
    assert_int_equal(t->out->items[2].op, PLAN_MODIFY);
    assert_memory_equal(t->out->items[2].installed.p, "a", 1);
    fake_settle(t, FAKE_DONE, 0);
    assert_false(fake_take(t));
    assert_null(fake_get(t, "blue"));
}

static void test_changes_while_a_plan_is_out(void **state)
{
    struct fake_target *t = *state;
    put(t, "a", "red");
    assert_true(fake_take(t));
    put(t, "b", "red");                                    /* changes what is on its way */
    put(t, "a", "");                                       /* and again */
    assert_memory_equal(t->out->items[1].value.p, "a", 1); /* the plan does not change */
    uint64_t promised = t->out->generation;
    fake_settle(t, FAKE_DONE, 0);
    assert_int_equal(engine_acked(t->engine, TOY_MAIN), promised);
    assert_true(promised < engine_generation(t->engine, TOY_MAIN));
    sync_all(t);
    assert_string_equal(fake_get(t, "red"), "b");
}

static void test_key_that_goes_while_its_add_is_out(void **state)
{
    struct fake_target *t = *state;
    put(t, "a", "red");
    assert_true(fake_take(t));
    toy_remove(t->engine, "a");
    engine_run(t->engine, 0);
    fake_settle(t, FAKE_DONE, 0);
    assert_non_null(fake_get(t, "red"));
    sync_all(t);
    assert_null(fake_get(t, "red"));

    put(t, "a", "red");
    assert_true(fake_take(t));
    toy_remove(t->engine, "a");
    engine_run(t->engine, 0);
    fake_settle(t, FAKE_REFUSED_UNNAMED, 0);
    sync_all(t);
    assert_int_equal(counts(t).desired, 1);
    assert_int_equal(counts(t).installed, 1);
}

static void test_refused_key_waits_for_another_value_or_a_retry(void **state)
{
    struct fake_target *t = *state;
    put(t, "a", "red blue");
    assert_true(fake_take(t));
    fake_settle(t, FAKE_REFUSED, 2); /* red */
    assert_int_equal(counts(t).refused, 1);
    assert_true(fake_take(t));
    assert_int_equal(t->out->n, 2); /* the rest is planned again */
    fake_settle(t, FAKE_DONE, 0);
    assert_false(fake_take(t));
    assert_false(engine_in_sync(t->engine, TOY_MAIN));
    struct arena a;
    arena_init(&a, 0);
    size_t n;
    const struct engine_entry *v = engine_entries(t->engine, TOY_MAIN, &a, &n);
    assert_string_equal(v[2].refused, "OFPBMC_BAD_VALUE");
    arena_done(&a);

    engine_retry(t->engine, TOY_MAIN);
    assert_true(fake_take(t));
    fake_settle(t, FAKE_REFUSED, 0);
    put(t, "b", "red"); /* another value */
    assert_int_equal(counts(t).refused, 0);
    sync_all(t);
    assert_string_equal(fake_get(t, "red"), "a,b");
}

static void test_refused_value_that_is_no_longer_asked_for(void **state)
{
    struct fake_target *t = *state;
    put(t, "a", "red");
    assert_true(fake_take(t));
    put(t, "b", "red");
    fake_settle(t, FAKE_REFUSED, 1);
    assert_int_equal(counts(t).refused, 0); /* the new value was not refused */
    sync_all(t);
    assert_string_equal(fake_get(t, "red"), "a,b");
}

static void test_unknown_outcome_reads_back(void **state)
{
    struct fake_target *t = *state;
    put(t, "a", "red");
    assert_true(fake_take(t));
    fake_settle(t, FAKE_LOST_AFTER, 0);
    assert_true(engine_in_sync(t->engine, TOY_MAIN));
    put(t, "a", "blue");
    assert_true(fake_take(t));
    fake_settle(t, FAKE_LOST_BEFORE, 0);
    assert_int_equal(counts(t).pending, 2); /* red to delete, blue to add; the count stays */
    sync_all(t);
    assert_string_equal(fake_get(t, "blue"), "a");
    assert_null(fake_get(t, "red"));
}

static void test_start_with_a_filled_target_sends_nothing(void **state)
{
    struct fake_target *t = *state;
    fake_set(t, "red", "a");
    fake_set(t, "#", "1");
    fake_read_back(t);
    put(t, "a", "red");
    assert_false(fake_take(t));
    assert_true(engine_in_sync(t->engine, TOY_MAIN));
    assert_int_equal(t->n_items, 0);
    assert_int_equal(engine_acked(t->engine, TOY_MAIN), engine_generation(t->engine, TOY_MAIN));
}

static void test_strangers_and_losses_are_repaired(void **state)
{
    struct fake_target *t = *state;
    put(t, "a", "red blue");
    sync_all(t);
    fake_set(t, "stranger", "x");
    fake_set(t, "red", "changed");
    fake_set(t, "blue", NULL);
    size_t before = t->n_items;
    fake_read_back(t);
    assert_int_equal(counts(t).pending, 3);
    sync_all(t);
    assert_int_equal(t->n_items - before, 3);
    assert_null(fake_get(t, "stranger"));
    assert_string_equal(fake_get(t, "red"), "a");
    assert_string_equal(fake_get(t, "blue"), "a");
}

static void test_spaces_are_settled_alone(void **state)
{
    struct fake_target *t = *state;
    put(t, "a", "red");
    sync_all(t);
    assert_true(engine_in_sync(t->engine, TOY_MAIN));
    assert_false(engine_in_sync(t->engine, TOY_SECOND));
    const struct plan *plan = engine_plan(t->engine, TOY_SECOND);
    assert_int_equal(plan->n, 1);
    assert_memory_equal(plan->items[0].value.p, "red;", 4);
    engine_plan_done(t->engine, TOY_SECOND);
    assert_true(engine_in_sync(t->engine, TOY_SECOND));
}

static bool starts_with_b(void *aux, struct bytes key, struct bytes value)
{
    assert_true(value.n > 0);
    ++*(int *)aux;
    return *(const char *)key.p == 'b';
}

static void test_some_of_a_plan_acknowledges_nothing(void **state)
{
    struct fake_target *t = *state;
    int asked = 0;
    put(t, "a", "red blue");
    assert_true(engine_lacks_some(t->engine, TOY_MAIN, starts_with_b, &asked));
    const struct plan *plan = engine_plan_some(t->engine, TOY_MAIN, starts_with_b, &asked);
    assert_int_equal(plan->n, 1);
    assert_memory_equal(plan->items[0].key.p, "blue", 4);
    engine_plan_done(t->engine, TOY_MAIN);
    assert_true(asked > 1);
    assert_false(engine_lacks_some(t->engine, TOY_MAIN, starts_with_b, &asked));
    assert_int_equal(engine_plan_some(t->engine, TOY_MAIN, starts_with_b, &asked)->n, 0);
    assert_int_equal(counts(t).installed, 1);
    assert_false(engine_in_sync(t->engine, TOY_MAIN));
    assert_int_equal(engine_acked(t->engine, TOY_MAIN), 0);
    /* What is to be deleted is never some of it. */
    toy_remove(t->engine, "a");
    engine_run(t->engine, 0);
    assert_false(engine_lacks_some(t->engine, TOY_MAIN, starts_with_b, &asked));
    plan = engine_plan(t->engine, TOY_MAIN);
    assert_int_equal(plan->items[plan->n - 1].op, PLAN_DELETE);
    engine_plan_done(t->engine, TOY_MAIN);
    assert_int_equal(engine_acked(t->engine, TOY_MAIN), engine_generation(t->engine, TOY_MAIN));
}

static void test_what_is_kept_is_not_deleted_but_acknowledged(void **state)
{
    struct fake_target *t = *state;
    put(t, "a", "red blue");
    sync_all(t);
    engine_keep(t->engine, TOY_MAIN, true);
    put(t, "a", "blue green");
    assert_false(engine_in_sync(t->engine, TOY_MAIN));
    const struct plan *plan = engine_plan(t->engine, TOY_MAIN);
    assert_int_equal(plan->n, 1);
    assert_memory_equal(plan->items[0].key.p, "green", 5);
    engine_plan_done(t->engine, TOY_MAIN);
    assert_true(engine_in_sync(t->engine, TOY_MAIN));
    assert_int_equal(engine_acked(t->engine, TOY_MAIN), engine_generation(t->engine, TOY_MAIN));
    assert_int_equal(counts(t).installed, 4);
    toy_remove(t->engine, "a");
    engine_run(t->engine, 0);
    sync_all(t); /* the row that counts the others */
    assert_true(engine_in_sync(t->engine, TOY_MAIN));
    assert_int_equal(counts(t).installed, 4);
    engine_keep(t->engine, TOY_MAIN, false);
    assert_false(engine_in_sync(t->engine, TOY_MAIN));
    plan = engine_plan(t->engine, TOY_MAIN);
    for (size_t i = 0; i < plan->n; i++)
        assert_int_equal(plan->items[i].op, PLAN_DELETE);
    engine_plan_done(t->engine, TOY_MAIN);
    assert_true(engine_in_sync(t->engine, TOY_MAIN));
    assert_int_equal(counts(t).installed, counts(t).desired);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_plan_is_what_differs_in_key_order),
        TEST(test_changes_while_a_plan_is_out),
        TEST(test_key_that_goes_while_its_add_is_out),
        TEST(test_refused_key_waits_for_another_value_or_a_retry),
        TEST(test_refused_value_that_is_no_longer_asked_for),
        TEST(test_unknown_outcome_reads_back),
        TEST(test_start_with_a_filled_target_sends_nothing),
        TEST(test_strangers_and_losses_are_repaired),
        TEST(test_spaces_are_settled_alone),
        TEST(test_some_of_a_plan_acknowledges_nothing),
        TEST(test_what_is_kept_is_not_deleted_but_acknowledged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
