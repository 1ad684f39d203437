/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/hash.h"

/* Cookies and conjunction ids are made from these: their values must never change. */
static void test_values_are_for_ever(void **state)
{
    (void)state;
    assert_true(hash_str("seine", 0) == hash_bytes("seine", 5, 0));
    assert_true(hash_bytes("", 0, 0) == UINT64_C(0xa706dd2f4d197e6f));
    assert_true(hash_bytes("seine", 5, 0) == UINT64_C(0x39b2ed3845a36b78));
    assert_true(hash_bytes("0123456789abcdef0", 17, 42) == UINT64_C(0xa2e724a78bce2eb4));
    assert_true(hash_u64(1) == UINT64_C(0x910a2dec89025cc1));
}

static void test_each_byte_and_the_seed_count(void **state)
{
    (void)state;
    uint8_t bytes[40] = {0};
    uint64_t zero = hash_bytes(bytes, sizeof bytes, 0);
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = 1;
        assert_true(hash_bytes(bytes, sizeof bytes, 0) != zero);
        bytes[i] = 0;
    }
    assert_true(hash_bytes(bytes, sizeof bytes, 1) != zero);
    assert_true(hash_bytes(bytes, sizeof bytes - 1, 0) != zero);
}

static int cmp(const void *pa, const void *pb)
{
    const uint64_t *a = pa, *b = pb;
    return *a == *b ? 0 : *a < *b ? -1 : 1;
}

static void test_spread(void **state)
{
    (void)state;
    enum { N = 20000, N_BUCKETS = 256 };
    static uint64_t all[N];
    int buckets[N_BUCKETS] = {0};
    for (uint64_t i = 0; i < N; i++) {
        all[i] = hash_bytes(&i, sizeof i, 0);
        buckets[all[i] % N_BUCKETS]++;
    }
    for (int i = 0; i < N_BUCKETS; i++)
        assert_in_range(buckets[i], N / N_BUCKETS / 2, N / N_BUCKETS * 2);
    qsort(all, N, sizeof *all, cmp);
    for (int i = 1; i < N; i++)
        assert_true(all[i] != all[i - 1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_are_for_ever),
        cmocka_unit_test(test_each_byte_and_the_seed_count),
        cmocka_unit_test(test_spread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
