/* SPDX-License-Identifier: Apache-2.0
 *
 * What the engine alone may do with a store: write derived tables, hear of changes, make views.
 *
 * A note is a 64-bit hash of what was asked for: a key of a table, an index key, or a whole table.
 * Two that collide cost a needless derivation, never a missing one. */
#ifndef SEINE_STORE_STORE_INTERNAL_H
#define SEINE_STORE_STORE_INTERNAL_H

#include "core/base/hmap.h"
#include "core/base/pool.h"
#include "core/base/sbuf.h"
#include "core/base/vec.h"
#include "core/store/store.h"

enum note_kind { NOTE_KEY, NOTE_LIST, NOTE_INDEX /* + index number */ };
uint64_t note_of(int table, int kind, const char *text);
/* The same by hash_str(text, 0), by which rows and buckets are found too. */
uint64_t note_by_hash(int table, int kind, uint64_t hash);

struct store_hooks {
    /* Something that notes say was changed. */
    void (*note)(void *aux, uint64_t note);
    /* A row came (exists) or went; not called when only its value changed. */
    void (*row)(void *aux, int table, const char *key, bool exists);
    void *aux;
};
void store_set_hooks(struct store *s, const struct store_hooks *hooks);

/* Derived tables: the row borrows 'blob', which stays the engine's and must live until the row has
 * another or is removed; a value that it replaces is still read while this runs. */
void store_put_blob(struct store *s, int table, const char *key, const void *blob, size_t len);

struct view {
    const struct store *store;
    struct arena *arena;
    void (*read)(void *aux, int table, uint64_t note);
    void *aux;
};

/* store_get() and store_list_index() where the hash is known: hash_str(key or ikey, 0). */
const struct row *store_get_hashed(const struct store *s, int table, const char *key,
                                   uint64_t hash);
struct index_key {
    int index;
    const char *text;
    uint64_t hash;
};
const struct row **store_list_hashed(const struct store *s, int table, struct index_key by,
                                     struct arena *a, size_t *n_out);

/* ---- the parts of a store ---- */
typedef VEC(const struct row *) row_vec; /* in key order */
void row_vec_insert(row_vec *rows, const struct row *row);
void row_vec_remove(row_vec *rows, const char *key);

struct node {
    struct hmap_node hmap;
    struct row row;
    char key[];
};
struct bucket {
    struct hmap_node hmap;
    row_vec rows;
    char ikey[];
};
struct table {
    const struct table_class *class_;
    struct hmap rows; /* struct node by key */
    row_vec sorted;   /* kept only once somebody has listed the table */
    bool is_listed;
    struct hmap index[STORE_MAX_INDEXES]; /* struct bucket by index key */
};
struct index_sink {
    struct sbuf text; /* NUL-terminated index keys, one after the other */
    size_t n;
};
struct store {
    struct pool pool; /* of nodes and buckets */
    struct table *tables;
    size_t n_tables;
    uint64_t revision;
    struct store_hooks hooks;
    struct index_sink before, after; /* of the write under way */
};

/* Emits the index keys of the row, each once; of no row (NULL): none. */
void index_keys(const struct table *t, int index, const struct row *row, struct index_sink *out);
void bucket_free(struct store *s, struct bucket *b);
const char *index_next(const char *ikey); /* the key after this one in a sink's text */
const struct bucket *index_find(const struct table *t, int index, const char *ikey, uint64_t hash);
void index_add(struct store *s, struct table *t, int index, const char *ikey,
               const struct row *row);
void index_remove(struct store *s, struct table *t, int index, const char *ikey, const char *key);

#endif
