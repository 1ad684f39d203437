/* SPDX-License-Identifier: Apache-2.0
 *
 * Random histories: inputs change, runs are cut short, plans come to every end, the target is
 * changed behind the engine's back.  Whatever happened, at the end the target holds what an engine
 * that saw only the last inputs would want. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/fake_target.h"
#include "tests/unit/engine/toy.h"

enum { N_ITEMS = 8, N_HISTORIES = 60, N_STEPS = 300 };
static const char *const words[] = {"red", "blue", "green", "grey", "fail"};

struct world {
    struct fake_target target;
    char *items[N_ITEMS];
};

static void change_item(struct world *w)
{
    int i = rand() % N_ITEMS;
    char key[2] = {(char)('a' + i), 0};
    mem_free(w->items[i]);
    w->items[i] = NULL;
    if (rand() % 3 == 0) {
        toy_remove(w->target.engine, key);
        return;
    }
    struct sbuf text = SBUF_INIT;
    for (size_t k = 0; k < ARRAY_LEN(words); k++)
        if (rand() % 2)
            sbuf_printf(&text, "%s ", words[k]);
    toy_put(w->target.engine, key, sbuf_cstr(&text));
    w->items[i] = sbuf_take(&text);
}

static void step(struct world *w)
{
    struct fake_target *t = &w->target;
    switch (rand() % 6) {
    case 0:
    case 1:
        change_item(w);
        break;
    case 2:
        engine_run(t->engine, (size_t)(1 + rand() % 4));
        break;
    case 3:
        if (!t->out)
            fake_take(t);
        break;
    case 4:
        if (t->out)
            fake_settle(t, (enum fake_outcome)(rand() % 5), (size_t)rand() % t->out->n);
        break;
    default:
        if (t->out || rand() % 4)
            break;
        fake_set(t, words[(size_t)rand() % ARRAY_LEN(words)], rand() % 2 ? "odd" : NULL);
        fake_read_back(t);
    }
}

static void settle(struct fake_target *t)
{
    if (t->out)
        fake_settle(t, FAKE_DONE, 0);
    engine_run(t->engine, 0);
    engine_retry(t->engine, TOY_MAIN);
    while (fake_take(t))
        fake_settle(t, FAKE_DONE, 0);
    assert_true(engine_in_sync(t->engine, TOY_MAIN));
}

static void expect_as_fresh(struct world *w)
{
    struct engine *fresh = toy_engine();
    for (int i = 0; i < N_ITEMS; i++)
        if (w->items[i])
            toy_put(fresh, (char[2]){(char)('a' + i), 0}, w->items[i]);
    engine_run(fresh, 0);
    struct arena a;
    arena_init(&a, 0);
    size_t n;
    const struct engine_entry *v = engine_entries(fresh, TOY_MAIN, &a, &n);
    assert_int_equal(w->target.rows.n, n);
    for (size_t i = 0; i < n; i++) {
        const char *key = arena_printf(&a, "%.*s", (int)v[i].key.n, (const char *)v[i].key.p);
        const char *got = fake_get(&w->target, key);
        assert_non_null(got);
        assert_int_equal(strlen(got), v[i].desired.n);
        assert_memory_equal(got, v[i].desired.p, v[i].desired.n);
    }
    arena_done(&a);
    engine_free(fresh);
}

static void run_history(unsigned seed)
{
    srand(seed);
    struct world w = {.target = {.engine = toy_engine(), .space = TOY_MAIN}};
    for (int i = 0; i < N_STEPS; i++)
        step(&w);
    settle(&w.target);
    expect_as_fresh(&w);
    auto_sbuf report = SBUF_INIT;
    assert_int_equal(engine_recompute(w.target.engine, &report), 0);
    engine_free(w.target.engine);
    fake_done(&w.target);
    for (int i = 0; i < N_ITEMS; i++)
        mem_free(w.items[i]);
}

static void test_random_histories(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= N_HISTORIES; seed++)
        run_history(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_histories)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
