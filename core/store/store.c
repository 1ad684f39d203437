/* SPDX-License-Identifier: Apache-2.0
 *
 * Every write goes the same way: the index keys of the old value and of the new one are taken, the
 * buckets follow, then the hooks hear of the key, the whole table, and every bucket that held or
 * holds the row (its value counts too, so a bucket is told even where its rows stay the same). */
#include "core/store/store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/store/store_internal.h"

struct store *store_new(const struct table_class *classes, size_t n)
{
    struct store *s = mem_calloc(1, sizeof *s);
    pool_init(&s->pool);
    s->tables = mem_calloc(n, sizeof *s->tables);
    s->n_tables = n;
    for (size_t i = 0; i < n; i++) {
        s->tables[i].class_ = &classes[i];
        hmap_init(&s->tables[i].rows);
        for (int x = 0; x < STORE_MAX_INDEXES; x++)
            hmap_init(&s->tables[i].index[x]);
    }
    return s;
}

static void free_value(const struct table *t, const void *value)
{
    union {
        const void *in;
        void *out;
    } own = {value}; /* rows show values as const; input tables own them */
    if (t->class_->value_free)
        t->class_->value_free(own.out);
}

static void node_free(struct store *s, struct node *node)
{
    pool_free(&s->pool, node, sizeof *node + strlen(node->key) + 1);
}

static void table_done(struct store *s, struct table *t)
{
    HMAP_FOR_EACH_SAFE(n, next, &t->rows) {
        struct node *node = CONTAINER_OF(n, struct node, hmap);
        free_value(t, node->row.value);
        node_free(s, node);
    }
    hmap_done(&t->rows);
    VEC_DONE(&t->sorted);
    for (int x = 0; x < STORE_MAX_INDEXES; x++) {
        HMAP_FOR_EACH_SAFE(n, next, &t->index[x]) {
            struct bucket *b = CONTAINER_OF(n, struct bucket, hmap);
            bucket_free(s, b);
        }
        hmap_done(&t->index[x]);
    }
}

void store_free(struct store *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n_tables; i++)
        table_done(s, &s->tables[i]);
    pool_done(&s->pool);
    sbuf_done(&s->before.text);
    sbuf_done(&s->after.text);
    mem_free(s->tables);
    mem_free(s);
}

void store_set_hooks(struct store *s, const struct store_hooks *hooks)
{
    s->hooks = *hooks;
}

static struct table *table_of(const struct store *s, int table)
{
    assert(table >= 0 && (size_t)table < s->n_tables);
    return &s->tables[table];
}

static struct node *find(const struct table *t, const char *key, uint64_t hash)
{
    HMAP_FOR_EACH_WITH_HASH(n, &t->rows, hash) {
        struct node *node = CONTAINER_OF(n, struct node, hmap);
        if (strcmp(node->key, key) == 0)
            return node;
    }
    return NULL;
}

/* ---- telling ---- */

uint64_t note_by_hash(int table, int kind, uint64_t hash)
{
    enum { KINDS = NOTE_INDEX + STORE_MAX_INDEXES };
    return hash_u64(hash ^ hash_u64((uint64_t)table * KINDS + (uint64_t)kind + 1));
}

uint64_t note_of(int table, int kind, const char *text)
{
    return note_by_hash(table, kind, hash_str(text, 0));
}

static void tell(const struct store *s, int table, int kind, uint64_t hash)
{
    if (s->hooks.note)
        s->hooks.note(s->hooks.aux, note_by_hash(table, kind, hash));
}

static void tell_buckets(const struct store *s, int table, int index, const struct index_sink *keys)
{
    const char *k = keys->text.data;
    for (size_t i = 0; i < keys->n; i++, k = index_next(k))
        tell(s, table, NOTE_INDEX + index, hash_str(k, 0));
}

static void tell_row(const struct store *s, int table, const struct node *node)
{
    tell(s, table, NOTE_KEY, node->hmap.hash);
    tell(s, table, NOTE_LIST, hash_str("", 0));
}

static void tell_existence(const struct store *s, int table, const char *key, bool exists)
{
    if (s->hooks.row)
        s->hooks.row(s->hooks.aux, table, key, exists);
}

/* ---- writing ---- */

static bool sink_has(const struct index_sink *sink, const char *ikey)
{
    const char *k = sink->text.data;
    for (size_t i = 0; i < sink->n; i++, k = index_next(k))
        if (strcmp(k, ikey) == 0)
            return true;
    return false;
}

/* Moves 'node' in one index from the keys of 'before' to those of 'after' (either may be NULL). */
static void move_in_index(struct store *s, int table, int index, const struct node *node,
                          const struct row *before, const struct row *after)
{
    struct table *t = table_of(s, table);
    struct index_sink *old = &s->before, *new = &s->after;
    index_keys(t, index, before, old);
    index_keys(t, index, after, new);
    const char *k = old->text.data;
    for (size_t i = 0; i < old->n; i++, k = index_next(k))
        if (!sink_has(new, k))
            index_remove(s, t, index, k, node->key);
    k = new->text.data;
    for (size_t i = 0; i < new->n; i++, k = index_next(k)) {
        if (sink_has(old, k))
            continue;
        index_add(s, t, index, k, &node->row);
        tell(s, table, NOTE_INDEX + index, hash_str(k, 0));
    }
    tell_buckets(s, table, index, old);
}

static void move_in_indexes(struct store *s, int table, const struct node *node,
                            const struct row *before, const struct row *after)
{
    const struct table_class *c = table_of(s, table)->class_;
    for (int x = 0; x < STORE_MAX_INDEXES && c->indexes[x]; x++)
        move_in_index(s, table, x, node, before, after);
}

static struct node *node_new(struct store *s, const char *key, const void *value, size_t len)
{
    size_t n = strlen(key) + 1;
    struct node *node = pool_alloc(&s->pool, sizeof *node + n);
    memcpy(node->key, key, n);
    node->row = (struct row){node->key, value, len};
    return node;
}

static void insert(struct store *s, int table, struct node *node, uint64_t hash)
{
    struct table *t = table_of(s, table);
    hmap_insert(&t->rows, &node->hmap, hash);
    if (t->is_listed)
        row_vec_insert(&t->sorted, &node->row);
    s->revision++;
    move_in_indexes(s, table, node, NULL, &node->row);
    tell_row(s, table, node);
    tell_existence(s, table, node->key, true);
}

static void change(struct store *s, int table, struct node *node, const void *value, size_t len)
{
    struct row before = node->row;
    node->row.value = value;
    node->row.len = len;
    s->revision++;
    move_in_indexes(s, table, node, &before, &node->row);
    tell_row(s, table, node);
}

bool store_put(struct store *s, int table, const char *key, void *value)
{
    struct table *t = table_of(s, table);
    assert(t->class_->value_free);
    uint64_t hash = hash_str(key, 0);
    struct node *node = find(t, key, hash);
    if (!node) {
        insert(s, table, node_new(s, key, value, 0), hash);
        return true;
    }
    const void *old = node->row.value;
    if (t->class_->value_equal && t->class_->value_equal(old, value)) {
        free_value(t, value);
        return false;
    }
    change(s, table, node, value, 0);
    free_value(t, old);
    return true;
}

void store_put_blob(struct store *s, int table, const char *key, const void *blob, size_t len)
{
    struct table *t = table_of(s, table);
    assert(!t->class_->value_free);
    uint64_t hash = hash_str(key, 0);
    struct node *node = find(t, key, hash);
    if (node)
        change(s, table, node, blob, len);
    else
        insert(s, table, node_new(s, key, blob, len), hash);
}

bool store_remove(struct store *s, int table, const char *key)
{
    struct table *t = table_of(s, table);
    struct node *node = find(t, key, hash_str(key, 0));
    if (!node)
        return false;
    hmap_remove(&t->rows, &node->hmap);
    if (t->is_listed)
        row_vec_remove(&t->sorted, node->key);
    s->revision++;
    move_in_indexes(s, table, node, &node->row, NULL);
    tell_row(s, table, node);
    tell_existence(s, table, node->key, false);
    free_value(t, node->row.value);
    node_free(s, node);
    return true;
}

/* ---- reading without notes ---- */

const struct row *store_get(const struct store *s, int table, const char *key)
{
    return store_get_hashed(s, table, key, hash_str(key, 0));
}

const struct row *store_get_hashed(const struct store *s, int table, const char *key, uint64_t hash)
{
    const struct node *node = find(table_of(s, table), key, hash);
    return node ? &node->row : NULL;
}

size_t store_count(const struct store *s, int table)
{
    return table_of(s, table)->rows.n;
}

static int by_key(const void *a, const void *b)
{
    const struct row *const *ra = a, *const *rb = b;
    return strcmp((*ra)->key, (*rb)->key);
}

/* From the first listing on the order is kept up instead of made again. */
static const row_vec *sorted_rows(const struct store *s, int table)
{
    struct table *t = table_of(s, table);
    if (!t->is_listed) {
        HMAP_FOR_EACH(n, &t->rows)
            VEC_PUSH(&t->sorted, &CONTAINER_OF(n, struct node, hmap)->row);
        if (t->sorted.n > 1)
            qsort(t->sorted.v, t->sorted.n, sizeof *t->sorted.v, by_key);
        t->is_listed = true;
    }
    return &t->sorted;
}

static const struct row **copy_rows(const row_vec *rows, struct arena *a, size_t *n_out)
{
    *n_out = rows ? rows->n : 0;
    const struct row **out = arena_alloc(a, *n_out * sizeof *out);
    for (size_t i = 0; i < *n_out; i++)
        out[i] = rows->v[i];
    return out;
}

const struct row **store_list(const struct store *s, int table, struct arena *a, size_t *n_out)
{
    return copy_rows(sorted_rows(s, table), a, n_out);
}

const struct row **store_list_index(const struct store *s, int table, int index, const char *ikey,
                                    struct arena *a, size_t *n_out)
{
    return store_list_hashed(s, table, (struct index_key){index, ikey, hash_str(ikey, 0)}, a,
                             n_out);
}

const struct row **store_list_hashed(const struct store *s, int table, struct index_key by,
                                     struct arena *a, size_t *n_out)
{
    const struct table *t = table_of(s, table);
    assert(by.index >= 0 && by.index < STORE_MAX_INDEXES && t->class_->indexes[by.index]);
    const struct bucket *b = index_find(t, by.index, by.text, by.hash);
    return copy_rows(b ? &b->rows : NULL, a, n_out);
}

const char *store_table_name(const struct store *s, int table)
{
    return table_of(s, table)->class_->name;
}

uint64_t store_revision(const struct store *s)
{
    return s->revision;
}
