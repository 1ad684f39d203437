/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/sort.h"
#include "core/engine/engine_internal.h"

/* ---- blobs ---- */

struct blob *blob_new(struct engine *e, const void *p, size_t n)
{
    static_assert(sizeof(struct blob) % 8 == 0, "data is aligned");
    assert(n <= UINT32_MAX);
    struct blob *b = pool_alloc(&e->pool, sizeof *b + n);
    b->refs = 1;
    b->len = (uint32_t)n;
    if (n)
        memcpy(b->data, p, n);
    return b;
}

struct blob *blob_ref(struct blob *b)
{
    b->refs++;
    return b;
}

void blob_unref(struct engine *e, struct blob *b)
{
    if (b && --b->refs == 0)
        pool_free(&e->pool, b, sizeof *b + b->len);
}

bool blob_is(const struct blob *b, const void *p, size_t n)
{
    return b && b->len == n && (n == 0 || memcmp(b->data, p, n) == 0);
}

static bool blob_equal(const struct blob *a, const struct blob *b)
{
    return a == b || (a && b && blob_is(a, b->data, b->len));
}

/* ---- entries ---- */

struct place *place_of(const struct engine *e, int space)
{
    assert(space >= 0 && (size_t)space < e->config.n_spaces);
    return &e->places[space];
}

static struct entry *find_hashed(const struct engine *e, int place, const void *key, size_t n,
                                 uint64_t hash)
{
    HMAP_FOR_EACH_WITH_HASH(node, &e->places[place].entries, hash) {
        struct entry *entry = CONTAINER_OF(node, struct entry, hmap);
        if (entry->key_len == n && memcmp(entry->key, key, n) == 0)
            return entry;
    }
    return NULL;
}

struct entry *entry_find(const struct engine *e, int place, const void *key, size_t n)
{
    return find_hashed(e, place, key, n, hash_bytes(key, n, 0));
}

struct entry *entry_get(struct engine *e, int place, const void *key, size_t n)
{
    uint64_t hash = hash_bytes(key, n, 0);
    struct entry *entry = find_hashed(e, place, key, n, hash);
    if (entry)
        return entry;
    entry = pool_alloc(&e->pool, sizeof *entry + n + 1);
    memset(entry, 0, sizeof *entry);
    entry->key_len = (uint32_t)n;
    entry->pending_at = NOT_PENDING;
    entry->place = (uint16_t)place;
    memcpy(entry->key, key, n);
    entry->key[n] = '\0';
    hmap_insert(&e->places[place].entries, &entry->hmap, hash);
    return entry;
}

void entry_drop_if_empty(struct engine *e, struct entry *entry)
{
    if (entry->contributions || entry->desired || entry->installed || entry->in_plan)
        return;
    assert(entry->pending_at == NOT_PENDING);
    entry_set_refused(e, entry, NULL);
    hmap_remove(&e->places[entry->place].entries, &entry->hmap);
    pool_free(&e->pool, entry, sizeof *entry + entry->key_len + 1);
}

/* Keeps the pending list: entries whose desired and installed values differ. */
static void entry_compare(struct engine *e, struct entry *entry)
{
    struct place *p = &e->places[entry->place];
    bool differs = !blob_equal(entry->desired, entry->installed);
    if (differs == (entry->pending_at != NOT_PENDING))
        return;
    if (differs) {
        entry->pending_at = (uint32_t)p->pending.n;
        VEC_PUSH(&p->pending, entry);
        return;
    }
    struct entry *last = p->pending.v[--p->pending.n];
    p->pending.v[entry->pending_at] = last;
    last->pending_at = entry->pending_at;
    entry->pending_at = NOT_PENDING;
}

void entry_set_installed(struct engine *e, struct entry *entry, struct blob *installed)
{
    struct place *p = &e->places[entry->place];
    p->n_installed += (size_t)(installed != NULL) - (size_t)(entry->installed != NULL);
    struct blob *keep =
        installed && blob_equal(installed, entry->desired) ? entry->desired : installed;
    struct blob *old = entry->installed;
    entry->installed = keep ? blob_ref(keep) : NULL;
    blob_unref(e, old);
    if (blob_equal(entry->installed, entry->desired))
        entry_set_refused(e, entry, NULL);
    entry_compare(e, entry);
}

void entry_set_refused(struct engine *e, struct entry *entry, const char *reason)
{
    struct place *p = &e->places[entry->place];
    p->n_refused += (size_t)(reason != NULL) - (size_t)(entry->refused != NULL);
    mem_free(entry->refused);
    entry->refused = reason ? mem_strdup(reason) : NULL;
}

/* ---- merging ---- */

static int cmp_bytes(const void *a, size_t na, const void *b, size_t nb)
{
    size_t n = na < nb ? na : nb;
    int c = n ? memcmp(a, b, n) : 0;
    return c ? c : na == nb ? 0 : na < nb ? -1 : 1;
}

/* Unit kind (as listed), unit key, value. */
static int cmp_contribution(const struct contribution *a, const struct contribution *b)
{
    if (a->unit->kind != b->unit->kind)
        return a->unit->kind < b->unit->kind ? -1 : 1;
    int c = a->unit == b->unit ? 0 : strcmp(a->unit->key, b->unit->key);
    return c ? c : cmp_bytes(a->value->data, a->value->len, b->value->data, b->value->len);
}

/* Without a merge function: all must be equal, the first holds. */
static bool all_equal(const struct contribution *first)
{
    for (const struct contribution *c = first->next_in_entry; c; c = c->next_in_entry)
        if (!blob_equal(first->value, c->value))
            return false;
    return true;
}

/* The values in the order of the contributions, in the derivation's arena. */
static struct bytes *values_of(struct engine *e, const struct entry *entry, size_t *n)
{
    *n = 0;
    for (const struct contribution *c = entry->contributions; c; c = c->next_in_entry)
        ++*n;
    struct bytes *values = arena_alloc(&e->derive.arena, *n * sizeof *values);
    size_t i = 0;
    for (const struct contribution *c = entry->contributions; c; c = c->next_in_entry)
        values[i++] = (struct bytes){c->value->data, c->value->len};
    return values;
}

/* The merged value, a new reference; NULL if there are no contributions. */
static struct blob *merge(struct engine *e, const struct entry *entry, bool *agreed)
{
    const struct place *p = &e->places[entry->place];
    const struct contribution *first = entry->contributions;
    *agreed = true;
    if (!first)
        return NULL;
    if (!p->merge) {
        *agreed = all_equal(first);
        return blob_ref(first->value);
    }
    size_t n;
    struct bytes *values = values_of(e, entry, &n);
    sbuf_clear(&e->scratch);
    *agreed = p->merge(values, n, &e->scratch);
    if (blob_is(first->value, e->scratch.data, e->scratch.len))
        return blob_ref(first->value);
    return blob_new(e, e->scratch.data, e->scratch.len);
}

static void set_conflict(struct engine *e, struct entry *entry, bool conflict)
{
    struct place *p = &e->places[entry->place];
    p->n_conflicts += (size_t)conflict - (size_t)entry->conflict;
    entry->conflict = conflict;
}

static bool is_printable(const struct entry *entry)
{
    for (uint32_t i = 0; i < entry->key_len; i++)
        if ((uint8_t)entry->key[i] < 0x20 || (uint8_t)entry->key[i] > 0x7e)
            return false;
    return true;
}

static void report_change(struct engine *e, const struct entry *entry, const struct blob *desired)
{
    e->n_reported++;
    if (!e->report)
        return;
    char sign = !entry->desired ? '+' : !desired ? '-' : '~';
    sbuf_printf(e->report, "%s %c ", e->places[entry->place].name, sign);
    if (is_printable(entry))
        sbuf_puts(e->report, entry->key);
    else
        for (uint32_t i = 0; i < entry->key_len; i++)
            sbuf_printf(e->report, "%02x", (uint8_t)entry->key[i]);
    sbuf_putc(e->report, '\n');
}

void entry_settle(struct engine *e, struct entry *entry)
{
    struct place *p = &e->places[entry->place];
    bool agreed;
    struct blob *desired = merge(e, entry, &agreed);
    set_conflict(e, entry, !agreed);
    if (blob_equal(desired, entry->desired)) {
        blob_unref(e, desired);
        return;
    }
    if (e->recomputing)
        report_change(e, entry, desired);
    if (desired && blob_equal(desired, entry->installed)) {
        blob_unref(e, desired);
        desired = blob_ref(entry->installed);
    }
    struct blob *old = entry->desired;
    entry->desired = desired;
    p->n_desired += (size_t)(desired != NULL) - (size_t)(old != NULL);
    p->generation++;
    if (entry->place < e->config.n_spaces) {
        entry_set_refused(e, entry, NULL);
        entry_compare(e, entry);
    } else {
        int table = (int)(entry->place - e->config.n_spaces);
        if (desired)
            store_put_blob(e->store, table, entry->key, desired->data, desired->len);
        else
            store_remove(e->store, table, entry->key);
    }
    blob_unref(e, old);
}

/* ---- contributions ---- */

static int cmp_emitted(const void *pa, const void *pb)
{
    const struct emitted *a = pa, *b = pb;
    if (a->entry != b->entry)
        return (uintptr_t)a->entry < (uintptr_t)b->entry ? -1 : 1;
    return cmp_bytes(a->value, a->value_len, b->value, b->value_len);
}

/* < 0: the old one is not among the new; 0: it stays; > 0: the new one is not among the old. */
static int cmp_old_new(const struct contribution *old, const struct emitted *new)
{
    if (!old || !new)
        return old ? -1 : 1;
    if (old->entry != new->entry)
        return (uintptr_t)old->entry < (uintptr_t) new->entry ? -1 : 1;
    return cmp_bytes(old->value->data, old->value->len, new->value, new->value_len);
}

static void contribution_link(struct contribution *c)
{
    struct contribution **at = &c->entry->contributions;
    while (*at && cmp_contribution(*at, c) < 0)
        at = &(*at)->next_in_entry;
    c->next_in_entry = *at;
    *at = c;
}

static void contribution_unlink(struct contribution *c)
{
    struct contribution **at = &c->entry->contributions;
    while (*at != c)
        at = &(*at)->next_in_entry;
    *at = c->next_in_entry;
}

static struct contribution *contribution_new(struct engine *e, struct unit *u,
                                             const struct emitted *new)
{
    struct entry *entry = new->entry;
    struct contribution *c = pool_alloc(&e->pool, sizeof *c);
    c->unit = u;
    c->entry = entry;
    c->value = blob_is(entry->desired, new->value, new->value_len)
                   ? blob_ref(entry->desired)
                   : blob_new(e, new->value, new->value_len);
    contribution_link(c);
    return c;
}

/* Finds each emission's entry and sorts them as contributions are kept. */
static void resolve(struct engine *e, struct derive *d)
{
    for (size_t i = 0; i < d->emitted.n; i++) {
        struct emitted *m = &d->emitted.v[i];
        const uint8_t *bytes = (const uint8_t *)d->bytes.data;
        m->entry = entry_get(e, m->place, bytes + m->key_at, m->key_len);
        m->value = bytes + m->value_at;
    }
    sort(d->emitted.v, d->emitted.n, sizeof *d->emitted.v, cmp_emitted);
}

void unit_contribute(struct engine *e, struct unit *u, struct derive *d)
{
    resolve(e, d);
    d->touched.n = 0;
    struct contribution **at = &u->contributions;
    size_t i = 0;
    while (*at || i < d->emitted.n) {
        const struct emitted *new = i < d->emitted.n ? &d->emitted.v[i] : NULL;
        struct contribution *old = *at;
        int c = cmp_old_new(old, new);
        if (c == 0) {
            at = &old->next_in_unit;
            i++;
            continue;
        }
        struct entry *entry = c < 0 ? old->entry : new->entry;
        if (c < 0) {
            *at = old->next_in_unit;
            contribution_unlink(old);
            blob_unref(e, old->value);
            pool_free(&e->pool, old, sizeof *old);
        } else {
            struct contribution *added = contribution_new(e, u, new);
            added->next_in_unit = *at;
            *at = added;
            at = &added->next_in_unit;
            i++;
        }
        if (d->touched.n == 0 || d->touched.v[d->touched.n - 1] != entry)
            VEC_PUSH(&d->touched, entry);
    }
    for (size_t k = 0; k < d->touched.n; k++) {
        entry_settle(e, d->touched.v[k]);
        entry_drop_if_empty(e, d->touched.v[k]);
    }
}

void places_done(struct engine *e)
{
    for (size_t i = 0; i < e->n_places; i++) {
        struct place *p = &e->places[i];
        plan_drop(e, p);
        HMAP_FOR_EACH_SAFE(n, next, &p->entries) {
            struct entry *entry = CONTAINER_OF(n, struct entry, hmap);
            blob_unref(e, entry->desired);
            blob_unref(e, entry->installed);
            mem_free(entry->refused);
            pool_free(&e->pool, entry, sizeof *entry + entry->key_len + 1);
        }
        hmap_done(&p->entries);
        VEC_DONE(&p->pending);
    }
    mem_free(e->places);
}
