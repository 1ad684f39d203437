/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/hash.h"
#include "core/base/hmap.h"
#include "core/base/vec.h"

struct item {
    struct hmap_node node;
    int value;
};

static struct item *find(const struct hmap *m, int value)
{
    HMAP_FOR_EACH_WITH_HASH(n, m, hash_u64((uint64_t)value)) {
        struct item *i = CONTAINER_OF(n, struct item, node);
        if (i->value == value)
            return i;
    }
    return NULL;
}

static void test_insert_find_remove(void **state)
{
    (void)state;
    enum { N = 1000 };
    static struct item items[N];
    struct hmap m;
    hmap_init(&m);
    assert_null(hmap_first(&m));
    assert_null(hmap_first_with_hash(&m, 1));
    for (int i = 0; i < N; i++) {
        items[i].value = i;
        hmap_insert(&m, &items[i].node, hash_u64((uint64_t)i));
    }
    assert_int_equal(m.n, N);
    for (int i = 0; i < N; i += 2)
        hmap_remove(&m, &items[i].node);
    for (int i = 0; i < N; i++)
        assert_ptr_equal(find(&m, i), i % 2 ? &items[i] : NULL);
    hmap_done(&m);
}

static void test_equal_hashes_stay_apart(void **state)
{
    (void)state;
    struct item items[4];
    struct hmap m;
    hmap_init(&m);
    for (int i = 0; i < 4; i++) {
        items[i].value = i;
        hmap_insert(&m, &items[i].node, 7);
    }
    int seen = 0;
    HMAP_FOR_EACH_WITH_HASH(n, &m, 7)
        seen |= 1 << CONTAINER_OF(n, struct item, node)->value;
    assert_int_equal(seen, 15);
    HMAP_FOR_EACH_WITH_HASH(n, &m, 8)
        fail();
    hmap_done(&m);
}

static void test_iteration_sees_each_once_and_may_remove(void **state)
{
    (void)state;
    enum { N = 300 };
    static struct item items[N];
    struct hmap m;
    hmap_init(&m);
    hmap_reserve(&m, N);
    for (int i = 0; i < N; i++) {
        items[i].value = 0;
        hmap_insert(&m, &items[i].node, hash_u64((uint64_t)i) % 32);
    }
    HMAP_FOR_EACH(n, &m)
        CONTAINER_OF(n, struct item, node)->value++;
    for (int i = 0; i < N; i++)
        assert_int_equal(items[i].value, 1);
    HMAP_FOR_EACH_SAFE(n, next, &m)
        hmap_remove(&m, n);
    assert_int_equal(m.n, 0);
    hmap_done(&m);
}

static void test_vec(void **state)
{
    (void)state;
    VEC(int) v = VEC_INIT;
    for (int i = 0; i < 1000; i++)
        VEC_PUSH(&v, i);
    assert_int_equal(v.n, 1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(v.v[i], i);
    VEC_DONE(&v);
    assert_null(v.v);
    assert_int_equal(v.cap, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_insert_find_remove),
        cmocka_unit_test(test_equal_hashes_stay_apart),
        cmocka_unit_test(test_iteration_sees_each_once_and_may_remove),
        cmocka_unit_test(test_vec),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
