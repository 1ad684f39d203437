/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/policy/policy.h"
#include "tests/support/world_builder.h"

/* A rule whose hash is 'hash': rule_id_hash() folds the lower half. */
static struct intent_id with_hash(uint64_t hi, uint32_t hash)
{
    return (struct intent_id){hi, hash};
}

static void different_hashes_are_kept(void **state)
{
    (void)state;
    struct intent_id rules[] = {with_hash(1, 500), with_hash(2, 7), with_hash(3, 8)};
    uint32_t ids[3];
    policy_assign_ids(rules, 3, ids);
    for (int i = 0; i < 3; i++)
        assert_int_equal(ids[i], rule_id_hash(&rules[i]));
}

static void later_rule_of_a_hash_moves_on(void **state)
{
    (void)state;
    struct intent_id rules[] = {with_hash(1, 7), with_hash(2, 7), with_hash(3, 7)};
    uint32_t ids[3];
    policy_assign_ids(rules, 3, ids);
    assert_int_equal(ids[0], 7);
    assert_int_equal(ids[1], 8);
    assert_int_equal(ids[2], 9);
}

static void probing_passes_over_other_rules_hashes(void **state)
{
    (void)state;
    struct intent_id rules[] = {with_hash(1, 7), with_hash(2, 7), with_hash(3, 8), with_hash(4, 9)};
    uint32_t ids[4];
    policy_assign_ids(rules, 4, ids);
    assert_int_equal(ids[0], 7);
    assert_int_equal(ids[1], 10);
    assert_int_equal(ids[2], 8);
    assert_int_equal(ids[3], 9);
}

static void probing_wraps_past_zero(void **state)
{
    (void)state;
    struct intent_id rules[] = {with_hash(1, UINT32_MAX), with_hash(2, UINT32_MAX),
                                with_hash(3, 1)};
    uint32_t ids[3];
    policy_assign_ids(rules, 3, ids);
    assert_int_equal(ids[0], UINT32_MAX);
    assert_int_equal(ids[1], 2);
    assert_int_equal(ids[2], 1);
}

static void hash_zero_is_one(void **state)
{
    (void)state;
    struct intent_id rules[] = {with_hash(1, 0), with_hash(2, 1)};
    uint32_t ids[2];
    policy_assign_ids(rules, 2, ids);
    assert_int_equal(ids[0], 1);
    assert_int_equal(ids[1], 2);
}

static void nothing_to_assign_is_fine(void **state)
{
    (void)state;
    policy_assign_ids(NULL, 0, NULL);
}

static int cmp_u32(const void *pa, const void *pb)
{
    const uint32_t *a = pa, *b = pb;
    return *a < *b ? -1 : *a > *b;
}

static void many_collisions_stay_different(void **state)
{
    (void)state;
    enum { N = 2000 };
    static struct intent_id rules[N];
    static uint32_t ids[N];
    for (uint32_t i = 0; i < N; i++)
        rules[i] = with_hash(i + 1, (uint32_t)(hash_u64(i) % 300));
    policy_assign_ids(rules, N, ids);
    qsort(ids, N, sizeof *ids, cmp_u32);
    assert_int_not_equal(ids[0], 0);
    for (int i = 1; i < N; i++)
        assert_int_not_equal(ids[i], ids[i - 1]);
}

static void engine_writes_rows_only_for_moved_ids(void **state)
{
    (void)state;
    struct engine *e = world_intents();
    world_pod(e, "a/x", "", "");
    world_attach_pod(e, "a/x", "10.0.0.5");
    world_policy(e, "a/p",
                 "podSelector: {}, ingress: [{ports: [{port: 1}]}, "
                 "{ports: [{port: 2}]}]");
    assert_int_equal(world_count(e, TABLE_RULE), 2);
    assert_int_equal(world_count(e, TABLE_RULE_ID), 0);
    world_done(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(different_hashes_are_kept),
        cmocka_unit_test(later_rule_of_a_hash_moves_on),
        cmocka_unit_test(probing_passes_over_other_rules_hashes),
        cmocka_unit_test(probing_wraps_past_zero),
        cmocka_unit_test(hash_zero_is_one),
        cmocka_unit_test(nothing_to_assign_is_fine),
        cmocka_unit_test(many_collisions_stay_different),
        cmocka_unit_test(engine_writes_rows_only_for_moved_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
