/* SPDX-License-Identifier: Apache-2.0
 *
 * The store: all state that derivations read.  Tables of rows; a row is a text key and a value.
 *
 * - Input tables hold what sources say (Kubernetes objects, attachments, node configuration): the
 *   value is a pointer to a typed object that the row owns and its class frees.
 * - Derived tables hold what units derive for later stages: the value is a blob of 'len' bytes,
 *   8-byte aligned, equal when its bytes are equal.  Only the engine writes them.
 *
 * Every table may have indexes: a function names the index keys of a row.  Derivations read
 * through a view, which notes each key, index key and whole-table list that was asked for, found or
 * not; the engine turns the notes into "who must be derived again".  A row or bucket that a view
 * returned stays valid until the store is next written.  Lists come in byte order of the keys. */
#ifndef SEINE_STORE_STORE_H
#define SEINE_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/mem.h"

struct store;
struct view;
struct index_sink; /* collects index keys; see index_emit() */

struct row {
    const char *key;
    const void *value;
    size_t len; /* derived rows: bytes of the blob; input rows: 0 */
};

typedef void index_fn(const struct row *row, struct index_sink *sink);
/* Adds one index key of the row (copied; emitting one twice is the same as once). */
void index_emit(struct index_sink *sink, const char *ikey);

enum { STORE_MAX_INDEXES = 4 };
struct table_class {
    const char *name;
    /* Input tables: frees a value.  NULL makes the table a derived one. */
    void (*value_free)(void *value);
    /* Input tables: equal values change nothing.  NULL: never equal. */
    bool (*value_equal)(const void *a, const void *b);
    index_fn *indexes[STORE_MAX_INDEXES]; /* unused ones NULL */
};

/* 'classes' is a const array whose positions are the table numbers; it must outlive the store. */
struct store *store_new(const struct table_class *classes, size_t n);
void store_free(struct store *s);

/* Input tables.  store_put takes 'value' over, in any case; true if the row changed.
 * store_remove: true if there was one. */
bool store_put(struct store *s, int table, const char *key, void *value);
bool store_remove(struct store *s, int table, const char *key);
/* Reads that leave no note: for programs around the engine, never for derivations. */
const struct row *store_get(const struct store *s, int table, const char *key);
size_t store_count(const struct store *s, int table);
/* All rows of a table in key order, allocated in 'a'. */
const struct row **store_list(const struct store *s, int table, struct arena *a, size_t *n_out);
const struct row **store_list_index(const struct store *s, int table, int index, const char *ikey,
                                    struct arena *a, size_t *n_out);
const char *store_table_name(const struct store *s, int table);
uint64_t store_revision(const struct store *s); /* grows with each change */

/* Derivations' reads: each leaves a note. */
const struct row *view_get(struct view *v, int table, const char *key); /* NULL: absent (noted) */
const struct row **view_list(struct view *v, int table, size_t *n_out);
const struct row **view_list_index(struct view *v, int table, int index, const char *ikey,
                                   size_t *n_out);

#endif
