/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/engine/toy.h"

struct fixture {
    struct engine *engine;
    struct arena arena;
};

static int setup(void **state)
{
    struct fixture *f = mem_calloc(1, sizeof *f);
    f->engine = toy_engine();
    arena_init(&f->arena, 0);
    *state = f;
    return 0;
}

/* The recompute check ends every test. */
static int teardown(void **state)
{
    struct fixture *f = *state;
    auto_sbuf report = SBUF_INIT;
    size_t n = engine_recompute(f->engine, &report);
    if (n)
        print_error("%s", sbuf_cstr(&report));
    engine_free(f->engine);
    arena_done(&f->arena);
    mem_free(f);
    return n ? -1 : 0;
}

static void expect(struct fixture *f, const char *key, const char *value)
{
    const char *got = toy_desired(f->engine, key, &f->arena);
    if (!value)
        assert_null(got);
    else
        assert_string_equal(got ? got : "(absent)", value);
}

static void test_inputs_become_outputs_through_stages(void **state)
{
    struct fixture *f = *state;
    toy_put(f->engine, "a", "red blue");
    assert_true(engine_is_dirty(f->engine));
    assert_true(engine_run(f->engine, 0));
    assert_false(engine_is_dirty(f->engine));
    expect(f, "red", "a");
    expect(f, "blue", "a");
    expect(f, "#", "2");
}

static void test_singletons_run_without_input(void **state)
{
    struct fixture *f = *state;
    engine_run(f->engine, 0);
    expect(f, "#", "0");
}

static void test_contributions_merge_and_unmerge(void **state)
{
    struct fixture *f = *state;
    toy_put(f->engine, "b", "red");
    toy_put(f->engine, "a", "red");
    engine_run(f->engine, 0);
    expect(f, "red", "a,b"); /* by unit key, not by time */
    toy_put(f->engine, "a", "blue");
    engine_run(f->engine, 0);
    expect(f, "red", "b");
    toy_remove(f->engine, "b");
    engine_run(f->engine, 0);
    expect(f, "red", NULL);
    expect(f, "#", "1");
}

static void test_only_readers_are_derived(void **state)
{
    struct fixture *f = *state;
    toy_put(f->engine, "a", "red");
    toy_put(f->engine, "b", "blue");
    engine_run(f->engine, 0);
    uint64_t before = engine_n_derivations(f->engine);
    toy_put(f->engine, "b", "blue "); /* same row, another text: item b, word blue */
    engine_run(f->engine, 0);
    assert_int_equal(engine_n_derivations(f->engine) - before, 2);
    before = engine_n_derivations(f->engine);
    toy_put(f->engine, "b", "blue ");
    engine_run(f->engine, 0);
    assert_int_equal(engine_n_derivations(f->engine), before);
}

static void test_row_that_goes_and_comes_between_runs(void **state)
{
    struct fixture *f = *state;
    toy_put(f->engine, "a", "red");
    engine_run(f->engine, 0);
    uint64_t generation = engine_generation(f->engine, TOY_MAIN);
    toy_remove(f->engine, "a");
    toy_put(f->engine, "a", "red");
    engine_run(f->engine, 0);
    expect(f, "red", "a");
    assert_int_equal(engine_generation(f->engine, TOY_MAIN), generation);
    toy_put(f->engine, "x", "green");
    toy_remove(f->engine, "x");
    engine_run(f->engine, 0);
    expect(f, "green", NULL);
    assert_int_equal(engine_generation(f->engine, TOY_MAIN), generation);
}

static void test_budget_bounds_a_run(void **state)
{
    struct fixture *f = *state;
    toy_put(f->engine, "a", "red blue green");
    int runs = 0;
    while (!engine_run(f->engine, 1))
        runs++;
    assert_int_equal(engine_n_derivations(f->engine), 5); /* item, three words, summary */
    assert_true(runs >= 4);
    expect(f, "#", "3");
}

static void test_failure_is_kept_until_it_is_mended(void **state)
{
    struct fixture *f = *state;
    uint64_t failing = engine_failing(f->engine);
    toy_put(f->engine, "a", "fail red");
    engine_run(f->engine, 0);
    size_t n;
    assert_true(engine_failing(f->engine) > failing);
    const struct engine_failure *v = engine_failures(f->engine, &f->arena, &n);
    assert_int_equal(n, 1);
    assert_string_equal(v[0].kind, "item");
    assert_string_equal(v[0].key, "a");
    assert_string_equal(v[0].reason, "item a cannot be");
    expect(f, "red", "a"); /* what it contributed holds */
    failing = engine_failing(f->engine);
    toy_put(f->engine, "a", "fail blue");
    engine_run(f->engine, 0);
    assert_true(engine_failing(f->engine) == failing);
    toy_put(f->engine, "a", "red");
    engine_run(f->engine, 0);
    assert_true(engine_failing(f->engine) > failing);
    engine_failures(f->engine, &f->arena, &n);
    assert_int_equal(n, 0);
}

static void test_conflict_is_counted_and_the_first_holds(void **state)
{
    struct fixture *f = *state;
    toy_put(f->engine, "b", "clash");
    toy_put(f->engine, "a", "clash");
    engine_run(f->engine, 0);
    const struct row *row = store_get(engine_store(f->engine), TOY_CLASH, "only");
    assert_int_equal(row->len, 1);
    assert_memory_equal(row->value, "a", 1);
    toy_remove(f->engine, "a");
    engine_run(f->engine, 0);
    assert_memory_equal(store_get(engine_store(f->engine), TOY_CLASH, "only")->value, "b", 1);
}

static void test_owners_name_units(void **state)
{
    struct fixture *f = *state;
    toy_put(f->engine, "a", "red");
    engine_run(f->engine, 0);
    size_t n;
    const char **v = engine_owners(f->engine, TOY_MAIN, (struct bytes){"red", 3}, &f->arena, &n);
    assert_int_equal(n, 1);
    assert_string_equal(v[0], "word/red");
    v = engine_owners(f->engine, TOY_MAIN, (struct bytes){"none", 4}, &f->arena, &n);
    assert_int_equal(n, 0);
}

static void test_units_are_counted(void **state)
{
    struct fixture *f = *state;
    toy_put(f->engine, "a", "red blue");
    engine_run(f->engine, 0);
    assert_int_equal(engine_n_units(f->engine), 4);
    toy_remove(f->engine, "a");
    engine_run(f->engine, 0);
    assert_int_equal(engine_n_units(f->engine), 1);
}

/* ---- the oracle finds an impure derivation ---- */

static int moods;

static void derive_moody(struct derive *d, const char *key)
{
    (void)key;
    const char *mood = moods++ % 2 ? "sad" : "glad";
    derive_out(d, 0, "mood", 4, mood, strlen(mood));
}

static void test_recompute_reports_what_differs(void **state)
{
    (void)state;
    static const struct table_class no_tables[] = {{.name = "none"}};
    static const struct unit_kind kind[] = {{"moody", 0, ENGINE_SINGLETON, derive_moody}};
    static const struct space_class space[] = {{"main", NULL}};
    struct engine *e = engine_new(&(struct engine_config){.tables = no_tables,
                                                          .n_tables = 1,
                                                          .kinds = kind,
                                                          .n_kinds = 1,
                                                          .spaces = space,
                                                          .n_spaces = 1});
    auto_sbuf report = SBUF_INIT;
    assert_int_equal(engine_recompute(e, &report), 1);
    assert_string_equal(sbuf_cstr(&report), "main ~ mood\n");
    engine_free(e);
}

/* More than the engine keeps, all at once, in each of two derivations. */
static void derive_with_buffers(struct derive *d, const char *key)
{
    (void)key;
    struct sbuf all[20];
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        all[i] = derive_buffer(d);
        assert_int_equal(all[i].len, 0);
        sbuf_printf(&all[i], "value %zu", i);
    }
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        char name[24];
        (void)snprintf(name, sizeof name, "value %zu", i);
        assert_string_equal(all[i].data, name);
        derive_out(d, 0, name, strlen(name), all[i].data, all[i].len);
        derive_buffer_done(d, &all[i]);
        assert_null(all[i].data);
    }
}

static void test_buffers_are_empty_and_nobody_elses(void **state)
{
    (void)state;
    static const struct table_class no_tables[] = {{.name = "none"}};
    static const struct unit_kind kinds[] = {{"one", 0, ENGINE_SINGLETON, derive_with_buffers},
                                             {"two", 1, ENGINE_SINGLETON, derive_with_buffers}};
    static const struct space_class space[] = {{"main", NULL}};
    struct engine *e = engine_new(&(struct engine_config){.tables = no_tables,
                                                          .n_tables = 1,
                                                          .kinds = kinds,
                                                          .n_kinds = 2,
                                                          .spaces = space,
                                                          .n_spaces = 1});
    engine_run(e, 0);
    assert_int_equal(engine_counts(e, 0).desired, 20);
    assert_int_equal(engine_counts(e, 0).conflicts, 0);
    assert_int_equal(engine_recompute(e, NULL), 0);
    engine_free(e);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_inputs_become_outputs_through_stages),
        TEST(test_singletons_run_without_input),
        TEST(test_contributions_merge_and_unmerge),
        TEST(test_only_readers_are_derived),
        TEST(test_row_that_goes_and_comes_between_runs),
        TEST(test_budget_bounds_a_run),
        TEST(test_failure_is_kept_until_it_is_mended),
        TEST(test_conflict_is_counted_and_the_first_holds),
        TEST(test_owners_name_units),
        TEST(test_units_are_counted),
        cmocka_unit_test(test_recompute_reports_what_differs),
        cmocka_unit_test(test_buffers_are_empty_and_nobody_elses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
