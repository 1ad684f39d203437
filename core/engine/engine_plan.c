/* SPDX-License-Identifier: Apache-2.0
 *
 * desired - installed = plan.  The pending list is kept as values change, so a plan costs what
 * differs, not what there is.  A plan holds references to its values and marks its entries; both
 * are given back when it is settled. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/engine/engine_internal.h"

static int cmp_key(const void *pa, const void *pb)
{
    const struct entry *const *qa = pa, *const *qb = pb;
    const struct entry *a = *qa, *b = *qb;
    size_t n = a->key_len < b->key_len ? a->key_len : b->key_len;
    int c = memcmp(a->key, b->key, n);
    return c ? c : a->key_len == b->key_len ? 0 : a->key_len < b->key_len ? -1 : 1;
}

static struct bytes bytes_of(const struct blob *b)
{
    return b ? (struct bytes){b->data, b->len} : (struct bytes){NULL, 0};
}

static void take(struct plan_out *out, struct plan_item *items, size_t i)
{
    struct entry *entry = out->entries[i];
    entry->in_plan = true;
    out->desired[i] = entry->desired ? blob_ref(entry->desired) : NULL;
    out->installed[i] = entry->installed ? blob_ref(entry->installed) : NULL;
    items[i] = (struct plan_item){.op = !entry->desired     ? PLAN_DELETE
                                        : !entry->installed ? PLAN_ADD
                                                            : PLAN_MODIFY,
                                  .key = {entry->key, entry->key_len},
                                  .value = bytes_of(entry->desired),
                                  .installed = bytes_of(entry->installed)};
}

/* 'wanted' NULL: everything that was not refused, and is not kept. */
static bool is_planned(const struct place *p, const struct entry *entry, plan_wanted_fn *wanted,
                       void *aux)
{
    struct bytes key = {entry->key, entry->key_len};
    if (entry->refused || (p->keep && !entry->desired))
        return false;
    return !wanted || (entry->desired && wanted(aux, key, bytes_of(entry->desired)));
}

void engine_keep(struct engine *e, int space, bool keep)
{
    struct place *p = place_of(e, space);
    if (p->keep && !keep) {
        p->generation++;
        p->out.some = true; /* a plan that is out has no deletes */
    }
    p->keep = keep;
}

bool engine_lacks_some(const struct engine *e, int space, plan_wanted_fn *wanted, void *aux)
{
    const struct place *p = place_of(e, space);
    for (size_t i = 0; i < p->pending.n; i++)
        if (is_planned(p, p->pending.v[i], wanted, aux))
            return true;
    return false;
}

const struct plan *engine_plan(struct engine *e, int space)
{
    return engine_plan_some(e, space, NULL, NULL);
}

const struct plan *engine_plan_some(struct engine *e, int space, plan_wanted_fn *wanted, void *aux)
{
    struct place *p = place_of(e, space);
    struct plan_out *out = &p->out;
    assert(out->state == PLAN_NONE && !p->must_dump && !p->dumping);
    out->plan = (struct plan){.generation = p->generation};
    out->some = wanted != NULL;
    size_t n = 0;
    out->entries = mem_alloc(p->pending.n * sizeof *out->entries);
    for (size_t i = 0; i < p->pending.n; i++)
        if (is_planned(p, p->pending.v[i], wanted, aux))
            out->entries[n++] = p->pending.v[i];
    if (n == 0) {
        p->acked = out->some ? p->acked : p->generation;
        mem_free(out->entries);
        out->entries = NULL;
        return &out->plan;
    }
    qsort(out->entries, n, sizeof *out->entries, cmp_key);
    struct plan_item *items = mem_alloc(n * sizeof *items);
    out->desired = mem_alloc(n * sizeof *out->desired);
    out->installed = mem_alloc(n * sizeof *out->installed);
    for (size_t i = 0; i < n; i++)
        take(out, items, i);
    out->plan.items = items;
    out->plan.n = n;
    out->state = PLAN_OUT;
    return &out->plan;
}

void plan_drop(struct engine *e, struct place *p)
{
    struct plan_out *out = &p->out;
    for (size_t i = 0; i < out->plan.n; i++) {
        struct entry *entry = out->entries[i];
        entry->in_plan = false;
        blob_unref(e, out->desired[i]);
        blob_unref(e, out->installed[i]);
        entry_drop_if_empty(e, entry);
    }
    const struct plan_item *items = out->plan.items;
    union {
        const struct plan_item *in;
        void *own;
    } u = {items};
    mem_free(u.own);
    mem_free(out->entries);
    mem_free(out->desired);
    mem_free(out->installed);
    *out = (struct plan_out){.state = PLAN_NONE};
}

void engine_plan_done(struct engine *e, int space)
{
    struct place *p = place_of(e, space);
    if (p->out.state == PLAN_NONE)
        return; /* an empty plan was settled when it was made */
    for (size_t i = 0; i < p->out.plan.n; i++)
        entry_set_installed(e, p->out.entries[i], p->out.desired[i]);
    p->acked = p->out.some ? p->acked : p->out.plan.generation;
    plan_drop(e, p);
}

void engine_plan_refused(struct engine *e, int space, size_t item, const char *reason)
{
    struct place *p = place_of(e, space);
    assert(p->out.state == PLAN_OUT);
    assert(item == SIZE_MAX || item < p->out.plan.n);
    if (item != SIZE_MAX) {
        struct entry *entry = p->out.entries[item];
        const struct plan_item *i = &p->out.plan.items[item];
        /* What was refused is the plan's value; a newer one has not been tried yet. */
        bool same =
            entry->desired ? blob_is(entry->desired, i->value.p, i->value.n) : i->op == PLAN_DELETE;
        if (same)
            entry_set_refused(e, entry, reason);
    }
    plan_drop(e, p);
}

void engine_plan_unknown(struct engine *e, int space)
{
    struct place *p = place_of(e, space);
    assert(p->out.state == PLAN_OUT);
    p->must_dump = true;
    plan_drop(e, p);
}

void engine_retry(struct engine *e, int space)
{
    struct place *p = place_of(e, space);
    for (size_t i = 0; p->n_refused && i < p->pending.n; i++)
        entry_set_refused(e, p->pending.v[i], NULL);
}

/* ---- reading a target back ---- */

void engine_dump_begin(struct engine *e, int space)
{
    struct place *p = place_of(e, space);
    assert(p->out.state == PLAN_NONE);
    p->dumping = true;
    p->dump++;
}

void engine_dump_row(struct engine *e, int space, struct bytes key, struct bytes value)
{
    struct place *p = place_of(e, space);
    assert(p->dumping);
    struct entry *entry = entry_get(e, space, key.p, key.n);
    entry->seen = p->dump;
    if (blob_is(entry->installed, value.p, value.n))
        return;
    struct blob *b = blob_is(entry->desired, value.p, value.n) ? blob_ref(entry->desired)
                                                               : blob_new(e, value.p, value.n);
    entry_set_installed(e, entry, b);
    blob_unref(e, b);
}

void engine_dump_end(struct engine *e, int space)
{
    struct place *p = place_of(e, space);
    assert(p->dumping);
    p->dumping = false;
    p->must_dump = false;
    HMAP_FOR_EACH_SAFE(n, next, &p->entries) {
        struct entry *entry = CONTAINER_OF(n, struct entry, hmap);
        if (!entry->installed || entry->seen == p->dump)
            continue;
        entry_set_installed(e, entry, NULL);
        entry_drop_if_empty(e, entry);
    }
}
