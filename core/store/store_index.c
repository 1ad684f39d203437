/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/store/store_internal.h"

/* ---- rows in key order ---- */

/* Position of the first row whose key is not below 'key'. */
static size_t lower_bound(const row_vec *rows, const char *key)
{
    size_t lo = 0, hi = rows->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (strcmp(rows->v[mid]->key, key) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

void row_vec_insert(row_vec *rows, const struct row *row)
{
    size_t at = lower_bound(rows, row->key);
    VEC_PUSH(rows, row);
    memmove(rows->v + at + 1, rows->v + at, (rows->n - 1 - at) * sizeof *rows->v);
    rows->v[at] = row;
}

void row_vec_remove(row_vec *rows, const char *key)
{
    size_t at = lower_bound(rows, key);
    assert(at < rows->n && strcmp(rows->v[at]->key, key) == 0);
    rows->n--;
    memmove(rows->v + at, rows->v + at + 1, (rows->n - at) * sizeof *rows->v);
}

/* ---- index keys ---- */

const char *index_next(const char *ikey)
{
    return ikey + strlen(ikey) + 1;
}

void index_emit(struct index_sink *sink, const char *ikey)
{
    const char *p = sink->text.data;
    for (size_t i = 0; i < sink->n; i++, p = index_next(p))
        if (strcmp(p, ikey) == 0)
            return;
    sbuf_put(&sink->text, ikey, strlen(ikey) + 1);
    sink->n++;
}

void index_keys(const struct table *t, int index, const struct row *row, struct index_sink *out)
{
    sbuf_clear(&out->text);
    out->n = 0;
    if (row)
        t->class_->indexes[index](row, out);
}

/* ---- buckets ---- */

static struct bucket *find_writable(struct table *t, int index, const char *ikey, uint64_t hash)
{
    HMAP_FOR_EACH_WITH_HASH(n, &t->index[index], hash) {
        struct bucket *b = CONTAINER_OF(n, struct bucket, hmap);
        if (strcmp(b->ikey, ikey) == 0)
            return b;
    }
    return NULL;
}

const struct bucket *index_find(const struct table *t, int index, const char *ikey, uint64_t hash)
{
    HMAP_FOR_EACH_WITH_HASH(n, &t->index[index], hash) {
        const struct bucket *b = CONTAINER_OF(n, struct bucket, hmap);
        if (strcmp(b->ikey, ikey) == 0)
            return b;
    }
    return NULL;
}

void bucket_free(struct store *s, struct bucket *b)
{
    VEC_DONE(&b->rows);
    pool_free(&s->pool, b, sizeof *b + strlen(b->ikey) + 1);
}

void index_add(struct store *s, struct table *t, int index, const char *ikey, const struct row *row)
{
    uint64_t hash = hash_str(ikey, 0);
    struct bucket *b = find_writable(t, index, ikey, hash);
    if (!b) {
        size_t n = strlen(ikey) + 1;
        b = pool_zalloc(&s->pool, sizeof *b + n);
        memcpy(b->ikey, ikey, n);
        hmap_insert(&t->index[index], &b->hmap, hash);
    }
    row_vec_insert(&b->rows, row);
}

void index_remove(struct store *s, struct table *t, int index, const char *ikey, const char *key)
{
    struct bucket *b = find_writable(t, index, ikey, hash_str(ikey, 0));
    assert(b);
    row_vec_remove(&b->rows, key);
    if (b->rows.n)
        return;
    hmap_remove(&t->index[index], &b->hmap);
    bucket_free(s, b);
}
