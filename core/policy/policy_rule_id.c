/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "core/policy/policy.h"

struct claim {
    uint32_t hash;
    uint32_t rule; /* position */
};

static int cmp_claim(const void *pa, const void *pb)
{
    const struct claim *a = pa, *b = pb;
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    return a->rule < b->rule ? -1 : a->rule > b->rule;
}

static int cmp_id(const void *pa, const void *pb)
{
    const uint32_t *a = pa, *b = pb;
    return *a == *b ? 0 : *a < *b ? -1 : 1;
}

static bool is_taken(const struct claim *claims, size_t n, uint32_t id)
{
    struct claim first = {id, 0};
    size_t lo = 0, hi = n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (cmp_claim(&claims[mid], &first) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < n && claims[lo].hash == id;
}

static bool is_given(const uint32_t *given, size_t n, uint32_t id)
{
    return n && bsearch(&id, given, n, sizeof *given, cmp_id) != NULL;
}

/* The first of each hash keeps it; each further one takes the next number that is nobody's hash
 * and has not been given. */
void policy_assign_ids(const struct intent_id *rules, size_t n, uint32_t *ids_out)
{
    struct claim *claims = mem_alloc(n * sizeof *claims);
    uint32_t *given = mem_alloc(n * sizeof *given);
    size_t n_given = 0;
    for (size_t i = 0; i < n; i++)
        claims[i] = (struct claim){rule_id_hash(&rules[i]), (uint32_t)i};
    if (n > 1)
        qsort(claims, n, sizeof *claims, cmp_claim);
    for (size_t i = 0; i < n; i++) {
        uint32_t id = claims[i].hash;
        ids_out[claims[i].rule] = id;
        if (i == 0 || claims[i - 1].hash != id)
            continue;
        while (id == 0 || is_taken(claims, n, id) || is_given(given, n_given, id))
            id++;
        ids_out[claims[i].rule] = id;
        given[n_given++] = id;
        qsort(given, n_given, sizeof *given, cmp_id);
    }
    mem_free(claims);
    mem_free(given);
}

void policy_rule_id_derive(struct derive *d, const char *key)
{
    (void)key;
    size_t n;
    const struct row **rows = view_list(derive_view(d), TABLE_RULE, &n);
    struct intent_id *rules = arena_alloc(derive_arena(d), n * sizeof *rules);
    uint32_t *ids = arena_alloc(derive_arena(d), n * sizeof *ids);
    for (size_t i = 0; i < n; i++)
        intent_id_parse(rows[i]->key, &rules[i]);
    policy_assign_ids(rules, n, ids);
    for (size_t i = 0; i < n; i++) {
        struct intent_rule_id row = {ids[i]};
        if (row.id != rule_id_hash(&rules[i]))
            derive_row(d, TABLE_RULE_ID, rows[i]->key, &row, sizeof row);
    }
}
