/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/base/vec.h"

static void test_heap(void **state)
{
    (void)state;
    auto_free char *s = mem_strndup("hello", 3);
    assert_string_equal(s, "hel");
    auto_free char *whole = mem_strndup("hi", 10);
    assert_string_equal(whole, "hi");
    auto_free int *zeros = mem_calloc(10, sizeof *zeros);
    for (int i = 0; i < 10; i++)
        assert_int_equal(zeros[i], 0);
    void *none = mem_alloc(0);
    assert_non_null(none);
    mem_free(none);
    mem_free(NULL);
    auto_free char *copy = mem_dup("ab", 3);
    copy = mem_realloc(copy, 100);
    assert_string_equal(copy, "ab");
}

static void test_arena_is_aligned_and_apart(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 0);
    uint8_t *last = NULL;
    size_t last_n = 0;
    for (size_t n = 0; n < 3000; n += 7) {
        uint8_t *p = arena_alloc(&a, n);
        assert_int_equal((uintptr_t)p % 8, 0);
        memset(p, (int)(n & 0xff), n);
        for (size_t i = 0; i < last_n; i++)
            assert_int_equal(last[i], (last_n)&0xff);
        last = p;
        last_n = n;
    }
    uint8_t *big = arena_alloc(&a, 1 << 20);
    memset(big, 1, 1 << 20);
    assert_string_equal(arena_strdup(&a, "x"), "x");
    assert_string_equal(arena_printf(&a, "%d-%s", 5, "y"), "5-y");
    arena_done(&a);
}

static void test_arena_limit(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 1000);
    assert_non_null(arena_alloc(&a, 600));
    assert_null(arena_alloc(&a, 600));
    arena_reset(&a);
    assert_non_null(arena_alloc(&a, 900));
    arena_done(&a);
}

static void test_arena_reset_reuses(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 0);
    for (int round = 0; round < 1000; round++) {
        char *p = arena_alloc(&a, 5000);
        p[0] = 1;
        p[4999] = 1;
        arena_reset(&a);
        assert_int_equal(a.total, 0);
    }
    arena_done(&a);
}

static void test_vectors_grow_in_an_arena(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 0);
    VEC(uint32_t) even = VEC_INIT, odd = VEC_INIT;
    for (uint32_t i = 0; i < 5000; i++) {
        VEC_PUSH_IN(&a, &even, 2 * i);
        VEC_PUSH_IN(&a, &odd, 2 * i + 1);
    }
    assert_int_equal(even.n, 5000);
    for (uint32_t i = 0; i < 5000; i++) {
        assert_int_equal(even.v[i], 2 * i);
        assert_int_equal(odd.v[i], 2 * i + 1);
    }
    arena_done(&a);
}

static void test_intern(void **state)
{
    (void)state;
    size_t before = intern_count();
    const char *a = intern_ref("color", 5), *b = intern_ref("colorful", 5);
    const char *c = intern_ref("colorful", 8), *d = intern_again(a);
    assert_ptr_equal(a, b);
    assert_ptr_equal(a, d);
    assert_ptr_not_equal(a, c);
    assert_string_equal(a, "color");
    assert_int_equal(intern_count(), before + 2);
    intern_unref(a);
    intern_unref(b);
    assert_string_equal(d, "color");
    intern_unref(d);
    intern_unref(c);
    intern_unref(NULL);
    assert_int_equal(intern_count(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heap),
        cmocka_unit_test(test_arena_is_aligned_and_apart),
        cmocka_unit_test(test_arena_limit),
        cmocka_unit_test(test_arena_reset_reuses),
        cmocka_unit_test(test_vectors_grow_in_an_arena),
        cmocka_unit_test(test_intern),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
