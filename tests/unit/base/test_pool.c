/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/base/pool.h"

/* Both ways of taking memory, whatever this build does by itself. */
static int setup_cut(void **state)
{
    struct pool *p = *state = mem_alloc(sizeof *p);
    pool_init(p);
    p->plain = false;
    return 0;
}

static int setup_plain(void **state)
{
    struct pool *p = *state = mem_alloc(sizeof *p);
    pool_init(p);
    p->plain = true;
    return 0;
}

static int teardown(void **state)
{
    struct pool *p = *state;
    pool_done(p);
    assert_null(p->blocks);
    mem_free(p);
    return 0;
}

static bool is_filled(const uint8_t *p, size_t n, uint8_t with)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != with)
            return false;
    return true;
}

/* A third is freed and made again in other sizes, several times over: nothing may overlap. */
static void test_things_stay_apart(void **state)
{
    enum { N = 600, ROUNDS = 7 };
    struct pool *p = *state;
    uint8_t *things[N] = {NULL};
    size_t sizes[N] = {0};
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t i = round % 3; i < N; i += round ? 3 : 1) {
            pool_free(p, things[i], sizes[i]);
            sizes[i] = (i * 7 + round * 131) % (POOL_MAX + 40);
            things[i] = pool_alloc(p, sizes[i]);
            assert_int_equal((uintptr_t)things[i] % POOL_UNIT, 0);
            memset(things[i], (int)(i & 0xff), sizes[i]);
        }
        assert_int_equal(p->n, N);
        for (size_t i = 0; i < N; i++)
            assert_true(is_filled(things[i], sizes[i], (uint8_t)(i & 0xff)));
    }
    for (size_t i = 0; i < N; i++)
        pool_free(p, things[i], sizes[i]);
    assert_int_equal(p->n, 0);
}

static void test_zeroed_and_copied(void **state)
{
    struct pool *p = *state;
    uint8_t *dirty = pool_alloc(p, 100);
    memset(dirty, 0xff, 100);
    pool_free(p, dirty, 100);
    uint8_t *zeros = pool_zalloc(p, 100);
    assert_true(is_filled(zeros, 100, 0));
    char *copy = pool_dup(p, "abc", 4);
    assert_string_equal(copy, "abc");
    void *none = pool_dup(p, NULL, 0);
    assert_non_null(none);
    pool_free(p, zeros, 100);
    pool_free(p, copy, 4);
    pool_free(p, none, 0);
    pool_free(p, NULL, 9);
}

/* What was freed is used again before the system is asked. */
static void test_freed_memory_is_used_again(void **state)
{
    struct pool *p = *state;
    void *held = pool_alloc(p, 8);
    for (int i = 0; i < 100000; i++)
        pool_free(p, pool_alloc(p, 48), 48);
    assert_non_null(p->blocks);
    void *first = p->blocks;
    char *at = p->at;
    void *again = pool_alloc(p, 41); /* the same size when rounded */
    assert_ptr_equal(p->blocks, first);
    assert_ptr_equal(p->at, at);
    pool_free(p, again, 41);
    pool_free(p, held, 8);
}

static void test_memory_goes_back_with_the_last_thing(void **state)
{
    struct pool *p = *state;
    void *a = pool_alloc(p, 24), *b = pool_alloc(p, POOL_MAX + 1);
    pool_free(p, a, 24);
    assert_non_null(p->blocks);
    pool_free(p, b, POOL_MAX + 1);
    assert_null(p->blocks);
    pool_free(p, pool_alloc(p, 24), 24);
}

/* Whether one of them lies where 'wanted' says. */
static bool fill(struct pool *p, void **things, size_t n, const void *wanted)
{
    bool found = false;
    for (size_t i = 0; i < n; i++) {
        things[i] = pool_alloc(p, POOL_MAX);
        found = found || things[i] == wanted;
    }
    return found;
}

static void drain(struct pool *p, void **things, size_t n)
{
    for (size_t i = 0; i < n; i++)
        pool_free(p, things[i], POOL_MAX);
}

static void test_blocks_go_from_pool_to_pool(void **state)
{
    enum { N = 1000 };
    struct pool *p = *state, next;
    pool_init(&next);
    next.plain = false;
    static void *things[N], *others[N];
    fill(p, things, N, NULL);
    void *last = things[N - 1];
    assert_false(fill(&next, others, N, last)); /* not while it is in use */
    drain(&next, others, N);
    drain(p, things, N);
    assert_true(fill(&next, others, N, last));
    drain(&next, others, N);
    pool_done(&next);
}

/* Twice as much as is kept: all of it can be had again and again. */
static void test_more_than_is_kept(void **state)
{
    enum { N = 2 * POOL_KEPT_MAX / POOL_MAX };
    struct pool *p = *state;
    void **things = mem_alloc(N * sizeof *things);
    for (int round = 0; round < 3; round++) {
        fill(p, things, N, NULL);
        drain(p, things, N);
        assert_null(p->blocks);
    }
    mem_free(things);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_things_stay_apart, setup_cut, teardown),
        cmocka_unit_test_setup_teardown(test_things_stay_apart, setup_plain, teardown),
        cmocka_unit_test_setup_teardown(test_zeroed_and_copied, setup_cut, teardown),
        cmocka_unit_test_setup_teardown(test_zeroed_and_copied, setup_plain, teardown),
        cmocka_unit_test_setup_teardown(test_freed_memory_is_used_again, setup_cut, teardown),
        cmocka_unit_test_setup_teardown(test_memory_goes_back_with_the_last_thing, setup_cut,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_blocks_go_from_pool_to_pool, setup_cut, teardown),
        cmocka_unit_test_setup_teardown(test_more_than_is_kept, setup_cut, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
