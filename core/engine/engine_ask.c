/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/engine/engine_internal.h"

struct engine_counts engine_counts(const struct engine *e, int space)
{
    const struct place *p = place_of(e, space);
    return (struct engine_counts){.desired = p->n_desired,
                                  .installed = p->n_installed,
                                  .pending = p->pending.n,
                                  .refused = p->n_refused,
                                  .conflicts = p->n_conflicts};
}

bool engine_in_sync(const struct engine *e, int space)
{
    const struct place *p = place_of(e, space);
    bool settled = p->out.state == PLAN_NONE && !p->must_dump && !p->dumping;
    for (size_t i = 0; settled && i < p->pending.n; i++)
        settled = p->keep && !p->pending.v[i]->desired;
    return settled;
}

uint64_t engine_generation(const struct engine *e, int space)
{
    return place_of(e, space)->generation;
}

uint64_t engine_acked(const struct engine *e, int space)
{
    return place_of(e, space)->acked;
}

static int cmp_entry(const void *pa, const void *pb)
{
    const struct engine_entry *a = pa, *b = pb;
    size_t n = a->key.n < b->key.n ? a->key.n : b->key.n;
    int c = memcmp(a->key.p, b->key.p, n);
    return c ? c : a->key.n == b->key.n ? 0 : a->key.n < b->key.n ? -1 : 1;
}

static struct bytes bytes_of(const struct blob *b)
{
    return b ? (struct bytes){b->data, b->len} : (struct bytes){NULL, 0};
}

struct engine_entry *engine_entries(const struct engine *e, int space, struct arena *a,
                                    size_t *n_out)
{
    const struct place *p = place_of(e, space);
    struct engine_entry *v = arena_alloc(a, p->entries.n * sizeof *v);
    size_t n = 0;
    HMAP_FOR_EACH(node, &p->entries) {
        const struct entry *entry = CONTAINER_OF(node, struct entry, hmap);
        if (!entry->desired && !entry->installed)
            continue; /* only a plan still holds it */
        v[n++] = (struct engine_entry){.key = {entry->key, entry->key_len},
                                       .desired = bytes_of(entry->desired),
                                       .installed = bytes_of(entry->installed),
                                       .refused = entry->refused};
    }
    if (n > 1)
        qsort(v, n, sizeof *v, cmp_entry);
    *n_out = n;
    return v;
}

static int cmp_text(const void *pa, const void *pb)
{
    const char *const *a = pa, *const *b = pb;
    return strcmp(*a, *b);
}

const char **engine_owners(const struct engine *e, int space, struct bytes key, struct arena *a,
                           size_t *n_out)
{
    place_of(e, space);
    const struct entry *entry = entry_find(e, space, key.p, key.n);
    const struct contribution *first = entry ? entry->contributions : NULL;
    size_t n = 0;
    for (const struct contribution *c = first; c; c = c->next_in_entry)
        n++;
    const char **v = arena_alloc(a, n * sizeof *v);
    *n_out = 0;
    for (const struct contribution *c = first; c; c = c->next_in_entry)
        v[(*n_out)++] = arena_printf(a, "%s/%s", c->unit->kind->name, c->unit->key);
    if (n > 1)
        qsort(v, n, sizeof *v, cmp_text);
    return v;
}

static int cmp_failure(const void *pa, const void *pb)
{
    const struct engine_failure *a = pa, *b = pb;
    int c = strcmp(a->kind, b->kind);
    return c ? c : strcmp(a->key, b->key);
}

struct engine_failure *engine_failures(const struct engine *e, struct arena *a, size_t *n_out)
{
    size_t n = e->failing.n;
    struct engine_failure *v = arena_alloc(a, n * sizeof *v);
    for (size_t i = 0; i < n; i++) {
        const struct unit *u = e->failing.v[i];
        v[i] = (struct engine_failure){u->kind->name, u->key, u->failure};
    }
    if (n > 1)
        qsort(v, n, sizeof *v, cmp_failure);
    *n_out = n;
    return v;
}

uint64_t engine_failing(const struct engine *e)
{
    return e->n_failing_changes;
}

size_t engine_n_units(const struct engine *e)
{
    return e->units.n;
}

uint64_t engine_n_derivations(const struct engine *e)
{
    return e->n_derivations;
}

/* ---- the oracle ---- */

static void report_unit(struct engine *e, const struct unit_kind *kind, char sign, const char *key)
{
    e->n_reported++;
    if (e->report)
        sbuf_printf(e->report, "unit %c %s/%s\n", sign, kind->name, key);
}

/* Each driving row has its unit, and each unit its row. */
static void check_units(struct engine *e)
{
    size_t expected = 0;
    struct arena a;
    arena_init(&a, 0);
    for (size_t i = 0; i < e->config.n_kinds; i++) {
        const struct unit_kind *kind = &e->config.kinds[i];
        if (kind->drive == ENGINE_SINGLETON) {
            expected++;
            continue;
        }
        size_t n;
        const struct row **rows = store_list(e->store, kind->drive, &a, &n);
        expected += n;
        for (size_t k = 0; k < n; k++)
            if (!unit_find(e, kind, rows[k]->key))
                report_unit(e, kind, '+', rows[k]->key);
        arena_reset(&a);
    }
    arena_done(&a);
    if (e->units.n == expected)
        return;
    HMAP_FOR_EACH(node, &e->units) {
        const struct unit *u = CONTAINER_OF(node, struct unit, hmap);
        if (u->kind->drive != ENGINE_SINGLETON && !store_get(e->store, u->kind->drive, u->key))
            report_unit(e, u->kind, '-', u->key);
    }
}

/* Merges every key again, touched or not. */
static void settle_all(struct engine *e)
{
    for (size_t i = 0; i < e->n_places; i++) {
        HMAP_FOR_EACH(node, &e->places[i].entries)
            entry_settle(e, CONTAINER_OF(node, struct entry, hmap));
        arena_reset(&e->derive.arena);
    }
}

size_t engine_recompute(struct engine *e, struct sbuf *report)
{
    engine_run(e, 0);
    e->recomputing = true;
    e->report = report;
    e->n_reported = 0;
    check_units(e);
    HMAP_FOR_EACH(node, &e->units)
        unit_mark(e, CONTAINER_OF(node, struct unit, hmap));
    engine_run(e, 0);
    settle_all(e);
    engine_run(e, 0);
    e->recomputing = false;
    e->report = NULL;
    return e->n_reported;
}
