/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/hash.h"
#include "core/base/sort.h"

enum { N_MAX = 300, WIDTH = 128 };

static size_t compared_width;

static int cmp_bytes(const void *a, const void *b)
{
    return memcmp(a, b, compared_width);
}

/* Against qsort(), each length about the limits, each width, few and many different items. */
static void test_sorts_as_qsort(void **state)
{
    (void)state;
    static const size_t widths[] = {1, 4, 8, 24, 64, 100, WIDTH};
    static uint8_t got[N_MAX * WIDTH], want[N_MAX * WIDTH];
    uint64_t seed = 0;
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
        for (size_t n = 0; n <= N_MAX; n++) {
            for (unsigned kinds = 2; kinds <= 200; kinds += 99) {
                compared_width = widths[w];
                memset(got, 0, sizeof got);
                for (size_t i = 0; i < n; i++)
                    got[i * widths[w]] = (uint8_t)(hash_u64(seed++) % kinds);
                memcpy(want, got, sizeof got);
                sort(got, n, widths[w], cmp_bytes);
                qsort(want, n, widths[w], cmp_bytes);
                assert_memory_equal(got, want, sizeof got);
            }
        }
    }
    sort(NULL, 0, 8, cmp_bytes);
}

static void test_sorts_numbers(void **state)
{
    (void)state;
    uint64_t v[N_MAX], seed = 0;
    for (size_t n = 0; n <= N_MAX; n++) {
        uint64_t sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += v[i] = hash_u64(seed++) >> (n % 2 ? 0 : 58);
        sort_u64(v, n);
        for (size_t i = 0; i < n; i++) {
            sum -= v[i];
            assert_true(i == 0 || v[i - 1] <= v[i]);
        }
        assert_true(sum == 0);
    }
}

static size_t n_compared;

static int cmp_counted(const void *pa, const void *pb)
{
    const uint32_t *a = pa, *b = pb;
    n_compared++;
    return *a < *b ? -1 : *a > *b;
}

static void test_what_is_in_order_costs_one_look(void **state)
{
    (void)state;
    uint32_t v[1000];
    for (uint32_t i = 0; i < 1000; i++)
        v[i] = i / 2;
    n_compared = 0;
    sort(v, 1000, sizeof *v, cmp_counted);
    assert_int_equal(n_compared, 999);
    assert_int_equal(v[999], 499);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sorts_as_qsort),
                                       cmocka_unit_test(test_sorts_numbers),
                                       cmocka_unit_test(test_what_is_in_order_costs_one_look)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
