/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/fake_target.h"

#include <assert.h>
#include <string.h>

static struct fake_row *find(struct fake_target *t, struct bytes key)
{
    for (size_t i = 0; i < t->rows.n; i++)
        if (t->rows.v[i].key.len == key.n && memcmp(t->rows.v[i].key.data, key.p, key.n) == 0)
            return &t->rows.v[i];
    return NULL;
}

static void set(struct fake_target *t, struct bytes key, struct bytes value)
{
    struct fake_row *row = find(t, key);
    if (!row) {
        VEC_PUSH(&t->rows, (struct fake_row){0});
        row = &t->rows.v[t->rows.n - 1];
        sbuf_put(&row->key, key.p, key.n);
    }
    sbuf_clear(&row->value);
    sbuf_put(&row->value, value.p, value.n);
}

static void drop(struct fake_target *t, struct bytes key)
{
    struct fake_row *row = find(t, key);
    assert(row);
    sbuf_done(&row->key);
    sbuf_done(&row->value);
    *row = t->rows.v[--t->rows.n];
}

void fake_done(struct fake_target *t)
{
    for (size_t i = 0; i < t->rows.n; i++) {
        sbuf_done(&t->rows.v[i].key);
        sbuf_done(&t->rows.v[i].value);
    }
    VEC_DONE(&t->rows);
}

bool fake_take(struct fake_target *t)
{
    const struct plan *plan = engine_plan(t->engine, t->space);
    t->out = plan->n ? plan : NULL;
    return t->out != NULL;
}

/* As a switch does: an ADD must be new, the others must be there, and 'installed' must be so. */
static void carry_out(struct fake_target *t)
{
    for (size_t i = 0; i < t->out->n; i++) {
        const struct plan_item *item = &t->out->items[i];
        const struct fake_row *row = find(t, item->key);
        assert((item->op == PLAN_ADD) == (row == NULL));
        if (row)
            assert(row->value.len == item->installed.n &&
                   memcmp(row->value.data, item->installed.p, item->installed.n) == 0);
        if (item->op == PLAN_DELETE)
            drop(t, item->key);
        else
            set(t, item->key, item->value);
    }
    t->n_items += t->out->n;
}

void fake_settle(struct fake_target *t, enum fake_outcome outcome, size_t item)
{
    assert(t->out);
    if (outcome == FAKE_DONE || outcome == FAKE_LOST_AFTER)
        carry_out(t);
    t->out = NULL;
    switch (outcome) {
    case FAKE_DONE:
        engine_plan_done(t->engine, t->space);
        return;
    case FAKE_REFUSED:
        engine_plan_refused(t->engine, t->space, item, "OFPBMC_BAD_VALUE");
        return;
    case FAKE_REFUSED_UNNAMED:
        engine_plan_refused(t->engine, t->space, SIZE_MAX, "no reason");
        return;
    case FAKE_LOST_BEFORE:
    case FAKE_LOST_AFTER:
        engine_plan_unknown(t->engine, t->space);
        fake_read_back(t);
        return;
    }
}

static struct bytes text(const char *s)
{
    return (struct bytes){s, strlen(s)};
}

void fake_set(struct fake_target *t, const char *key, const char *value)
{
    if (value)
        set(t, text(key), text(value));
    else if (find(t, text(key)))
        drop(t, text(key));
}

void fake_read_back(struct fake_target *t)
{
    engine_dump_begin(t->engine, t->space);
    for (size_t i = 0; i < t->rows.n; i++) {
        const struct fake_row *row = &t->rows.v[i];
        engine_dump_row(t->engine, t->space, (struct bytes){row->key.data, row->key.len},
                        (struct bytes){row->value.data, row->value.len});
    }
    engine_dump_end(t->engine, t->space);
}

const char *fake_get(struct fake_target *t, const char *key)
{
    struct fake_row *row = find(t, text(key));
    return row ? sbuf_cstr(&row->value) : NULL;
}
