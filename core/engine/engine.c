/* SPDX-License-Identifier: Apache-2.0
 *
 * Units and the dirty queue.
 *
 * The store tells of each change by its note.  Units that read the note in their last derivation
 * are marked and queued by stage; a run takes the lowest stage that has any.  Since a kind reads
 * only what lower stages write, each unit is derived at most once a change, and what it reads is
 * whole. */
#include "core/engine/engine.h"

#include <assert.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/sort.h"
#include "core/engine/engine_internal.h"

/* ---- units ---- */

static uint64_t unit_hash(const struct unit_kind *kind, const char *key)
{
    return hash_u64(hash_str(key, 0) ^ (uintptr_t)kind);
}

static struct unit *find_hashed(const struct engine *e, const struct unit_kind *kind,
                                const char *key, uint64_t hash)
{
    HMAP_FOR_EACH_WITH_HASH(n, &e->units, hash) {
        struct unit *u = CONTAINER_OF(n, struct unit, hmap);
        if (u->kind == kind && strcmp(u->key, key) == 0)
            return u;
    }
    return NULL;
}

struct unit *unit_find(const struct engine *e, const struct unit_kind *kind, const char *key)
{
    return find_hashed(e, kind, key, unit_hash(kind, key));
}

void unit_mark(struct engine *e, struct unit *u)
{
    if (u->dirty)
        return;
    u->dirty = true;
    e->n_dirty++;
    VEC_PUSH(&e->queues[u->kind->stage].units, u);
}

static void unit_make(struct engine *e, const struct unit_kind *kind, const char *key)
{
    uint64_t hash = unit_hash(kind, key);
    struct unit *u = find_hashed(e, kind, key, hash);
    if (!u) {
        size_t n = strlen(key) + 1;
        u = pool_alloc(&e->pool, sizeof *u + n);
        memset(u, 0, sizeof *u);
        u->kind = kind;
        memcpy(u->key, key, n);
        hmap_insert(&e->units, &u->hmap, hash);
    }
    u->gone = false;
    unit_mark(e, u);
}

/* Takes 'failure' over; NULL: the unit does not fail. */
static void unit_set_failure(struct engine *e, struct unit *u, char *failure)
{
    e->n_failing_changes += !failure != !u->failure;
    if (failure && !u->failure) {
        u->failing_at = (uint32_t)e->failing.n;
        VEC_PUSH(&e->failing, u);
    } else if (!failure && u->failure) {
        struct unit *last = e->failing.v[--e->failing.n];
        e->failing.v[u->failing_at] = last;
        last->failing_at = u->failing_at;
    }
    mem_free(u->failure);
    u->failure = failure;
}

static void unit_free(struct engine *e, struct unit *u)
{
    for (struct contribution *c = u->contributions, *next; c; c = next) {
        next = c->next_in_unit;
        blob_unref(e, c->value);
        pool_free(&e->pool, c, sizeof *c);
    }
    pool_free(&e->pool, u->reads, u->n_reads * sizeof *u->reads);
    mem_free(u->failure);
    pool_free(&e->pool, u, sizeof *u + strlen(u->key) + 1);
}

/* ---- readers ---- */

static struct reader *reader_find(const struct engine *e, uint64_t note)
{
    struct hmap_node *n = hmap_first_with_hash(&e->readers, note);
    return n ? CONTAINER_OF(n, struct reader, hmap) : NULL;
}

static struct unit **reader_units(struct reader *r)
{
    return r->cap == 1 ? &r->units.one : r->units.many;
}

static void reader_units_free(struct engine *e, struct reader *r)
{
    if (r->cap > 1)
        pool_free(&e->pool, r->units.many, r->cap * sizeof *r->units.many);
}

static void reader_grow(struct engine *e, struct reader *r)
{
    assert(r->cap <= UINT32_MAX / 2);
    uint32_t cap = r->cap * 2;
    struct unit **many = pool_alloc(&e->pool, cap * sizeof *many);
    memcpy(many, reader_units(r), r->n * sizeof *many);
    reader_units_free(e, r);
    r->units.many = many;
    r->cap = cap;
}

static void reader_add(struct engine *e, uint64_t note, struct unit *u)
{
    struct reader *r = reader_find(e, note);
    if (!r) {
        r = pool_alloc(&e->pool, sizeof *r);
        r->n = r->cap = 1;
        r->units.one = u;
        hmap_insert(&e->readers, &r->hmap, note);
        return;
    }
    if (r->n == r->cap)
        reader_grow(e, r);
    reader_units(r)[r->n++] = u;
}

static void reader_free(struct engine *e, struct reader *r)
{
    reader_units_free(e, r);
    pool_free(&e->pool, r, sizeof *r);
}

static void reader_remove(struct engine *e, uint64_t note, const struct unit *u)
{
    struct reader *r = reader_find(e, note);
    assert(r);
    struct unit **units = reader_units(r);
    size_t i = 0;
    while (units[i] != u)
        i++;
    units[i] = units[--r->n];
    if (r->n)
        return;
    hmap_remove(&e->readers, &r->hmap);
    reader_free(e, r);
}

static size_t sort_notes(uint64_t *v, size_t n)
{
    if (n < 2)
        return n;
    sort_u64(v, n);
    size_t kept = 1;
    for (size_t i = 1; i < n; i++)
        if (v[i] != v[kept - 1])
            v[kept++] = v[i];
    return kept;
}

/* Makes the unit's notes those of this derivation. */
static void unit_set_reads(struct engine *e, struct unit *u, uint64_t *notes, size_t n)
{
    n = sort_notes(notes, n);
    if (n == u->n_reads && (n == 0 || memcmp(notes, u->reads, n * sizeof *notes) == 0))
        return;
    size_t o = 0, i = 0;
    while (o < u->n_reads || i < n) {
        if (i == n || (o < u->n_reads && u->reads[o] < notes[i]))
            reader_remove(e, u->reads[o++], u);
        else if (o == u->n_reads || notes[i] < u->reads[o])
            reader_add(e, notes[i++], u);
        else
            o++, i++;
    }
    pool_free(&e->pool, u->reads, u->n_reads * sizeof *u->reads);
    u->reads = n ? pool_dup(&e->pool, notes, n * sizeof *notes) : NULL;
    u->n_reads = (uint32_t)n;
}

/* ---- what the store tells ---- */

static void on_note(void *aux, uint64_t note)
{
    struct engine *e = aux;
    struct reader *r = reader_find(e, note);
    for (size_t i = 0; r && i < r->n; i++)
        unit_mark(e, reader_units(r)[i]);
}

static void on_row(void *aux, int table, const char *key, bool exists)
{
    struct engine *e = aux;
    for (size_t i = 0; i < e->config.n_kinds; i++) {
        const struct unit_kind *kind = &e->config.kinds[i];
        if (kind->drive != table)
            continue;
        if (exists) {
            unit_make(e, kind, key);
            continue;
        }
        struct unit *u = unit_find(e, kind, key);
        if (u) {
            u->gone = true;
            unit_mark(e, u);
        }
    }
}

/* ---- one derivation ---- */

static void on_read(void *aux, int table, uint64_t note)
{
    struct engine *e = aux;
    int stage = e->derive.unit->kind->stage;
    if (stage < e->read_by[table])
        e->read_by[table] = stage;
    assert(e->written_by[table] < e->read_by[table]);
    VEC_PUSH(&e->derive.reads, note);
}

struct view *derive_view(struct derive *d)
{
    return &d->view;
}

struct arena *derive_arena(struct derive *d)
{
    return &d->arena;
}

struct sbuf derive_buffer(struct derive *d)
{
    return d->n_buffers ? d->buffers[--d->n_buffers] : (struct sbuf)SBUF_INIT;
}

void derive_buffer_done(struct derive *d, struct sbuf *b)
{
    if (d->n_buffers == DERIVE_BUFFERS || b->cap > DERIVE_BUFFER_MAX) {
        sbuf_done(b);
        return;
    }
    sbuf_clear(b);
    d->buffers[d->n_buffers++] = *b;
    *b = (struct sbuf)SBUF_INIT;
}

static void emit(struct derive *d, size_t place, const void *key, size_t key_len, const void *value,
                 size_t value_len)
{
    assert(d->bytes.len + key_len + value_len <= UINT32_MAX);
    struct emitted m = {.place = (uint16_t)place,
                        .key_at = (uint32_t)d->bytes.len,
                        .key_len = (uint32_t)key_len,
                        .value_len = (uint32_t)value_len};
    sbuf_put(&d->bytes, key, key_len);
    m.value_at = (uint32_t)d->bytes.len;
    sbuf_put(&d->bytes, value, value_len);
    VEC_PUSH(&d->emitted, m);
}

void derive_row(struct derive *d, int table, const char *key, const void *blob, size_t len)
{
    struct engine *e = d->engine;
    assert(table >= 0 && (size_t)table < e->config.n_tables);
    assert(!e->config.tables[table].value_free);
    int stage = d->unit->kind->stage;
    if (stage > e->written_by[table])
        e->written_by[table] = stage;
    assert(e->written_by[table] < e->read_by[table]);
    emit(d, e->config.n_spaces + (size_t)table, key, strlen(key), blob, len);
}

void derive_out(struct derive *d, int space, const void *key, size_t key_len, const void *value,
                size_t value_len)
{
    assert(space >= 0 && (size_t)space < d->engine->config.n_spaces);
    emit(d, (size_t)space, key, key_len, value, value_len);
}

void derive_fail(struct derive *d, const char *fmt, ...)
{
    if (d->failure)
        return; /* the first reason holds */
    struct sbuf text = SBUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    sbuf_vprintf(&text, fmt, ap);
    va_end(ap);
    d->failure = sbuf_take(&text);
}

static void derive_begin(struct derive *d, struct unit *u)
{
    d->unit = u;
    d->reads.n = 0;
    d->emitted.n = 0;
    sbuf_clear(&d->bytes);
    d->failure = NULL;
}

static void unit_derive(struct engine *e, struct unit *u)
{
    struct derive *d = &e->derive;
    derive_begin(d, u);
    if (!u->gone) {
        e->n_derivations++;
        u->kind->derive(d, u->key);
    }
    unit_set_reads(e, u, d->reads.v, d->reads.n);
    unit_contribute(e, u, d);
    unit_set_failure(e, u, d->failure);
    arena_reset(&d->arena);
    if (u->gone) {
        assert(!u->contributions);
        hmap_remove(&e->units, &u->hmap);
        unit_free(e, u);
    }
}

/* ---- running ---- */

static struct unit *queue_pop(struct engine *e)
{
    for (int stage = 0; stage < e->n_stages; stage++) {
        struct queue *q = &e->queues[stage];
        if (q->head == q->units.n) {
            q->head = q->units.n = 0;
            continue;
        }
        struct unit *u = q->units.v[q->head++];
        e->n_dirty--;
        u->dirty = false;
        return u;
    }
    return NULL;
}

bool engine_run(struct engine *e, size_t budget)
{
    for (size_t n = 0; budget == 0 || n < budget; n++) {
        struct unit *u = queue_pop(e);
        if (!u)
            return true;
        unit_derive(e, u);
    }
    return e->n_dirty == 0;
}

bool engine_is_dirty(const struct engine *e)
{
    return e->n_dirty > 0;
}

/* ---- life ---- */

static int highest_stage(const struct engine_config *c)
{
    int top = 0;
    for (size_t i = 0; i < c->n_kinds; i++) {
        assert(c->kinds[i].stage >= 0);
        if (c->kinds[i].stage > top)
            top = c->kinds[i].stage;
    }
    return top;
}

static void make_places(struct engine *e)
{
    const struct engine_config *c = &e->config;
    e->n_places = c->n_spaces + c->n_tables;
    e->places = mem_calloc(e->n_places, sizeof *e->places);
    for (size_t i = 0; i < e->n_places; i++) {
        struct place *p = &e->places[i];
        hmap_init(&p->entries);
        size_t table = i - c->n_spaces;
        p->name = i < c->n_spaces ? c->spaces[i].name : c->tables[table].name;
        p->merge = i < c->n_spaces  ? c->spaces[i].merge
                   : c->table_merge ? c->table_merge[table]
                                    : NULL;
    }
}

struct engine *engine_new(const struct engine_config *config)
{
    struct engine *e = mem_calloc(1, sizeof *e);
    e->config = *config;
    pool_init(&e->pool);
    make_places(e);
    hmap_init(&e->units);
    hmap_init(&e->readers);
    e->n_stages = highest_stage(config) + 1;
    e->queues = mem_calloc((size_t)e->n_stages, sizeof *e->queues);
    e->written_by = mem_alloc(config->n_tables * sizeof *e->written_by);
    e->read_by = mem_alloc(config->n_tables * sizeof *e->read_by);
    for (size_t i = 0; i < config->n_tables; i++) {
        e->written_by[i] = -1;
        e->read_by[i] = e->n_stages;
    }
    e->store = store_new(config->tables, config->n_tables);
    store_set_hooks(e->store, &(struct store_hooks){on_note, on_row, e});
    arena_init(&e->derive.arena, 0);
    e->derive.engine = e;
    e->derive.view = (struct view){e->store, &e->derive.arena, on_read, e};
    for (size_t i = 0; i < config->n_kinds; i++)
        if (config->kinds[i].drive == ENGINE_SINGLETON)
            unit_make(e, &config->kinds[i], "");
    return e;
}

void engine_free(struct engine *e)
{
    if (!e)
        return;
    HMAP_FOR_EACH_SAFE(n, next, &e->units)
        unit_free(e, CONTAINER_OF(n, struct unit, hmap));
    hmap_done(&e->units);
    HMAP_FOR_EACH_SAFE(n, next, &e->readers)
        reader_free(e, CONTAINER_OF(n, struct reader, hmap));
    hmap_done(&e->readers);
    VEC_DONE(&e->failing);
    for (int i = 0; i < e->n_stages; i++)
        VEC_DONE(&e->queues[i].units);
    mem_free(e->queues);
    mem_free(e->written_by);
    mem_free(e->read_by);
    store_free(e->store);
    places_done(e);
    VEC_DONE(&e->derive.reads);
    VEC_DONE(&e->derive.emitted);
    sbuf_done(&e->derive.bytes);
    VEC_DONE(&e->derive.touched);
    while (e->derive.n_buffers)
        sbuf_done(&e->derive.buffers[--e->derive.n_buffers]);
    arena_done(&e->derive.arena);
    sbuf_done(&e->scratch);
    pool_done(&e->pool);
    mem_free(e);
}

struct store *engine_store(struct engine *e)
{
    return e->store;
}
