/* SPDX-License-Identifier: Apache-2.0
 *
 * hmap: chained buckets, a power of two of them, grown when there are more nodes than buckets and
 * never shrunk (removing while iterating must not move nodes). */
#include "core/base/hmap.h"

#include <assert.h>

#include "core/base/mem.h"

enum { HMAP_MIN = 4 };

void hmap_init(struct hmap *m)
{
    *m = (struct hmap){NULL, 0, 0};
}

void hmap_done(struct hmap *m)
{
    mem_free(m->buckets);
    hmap_init(m);
}

static void hmap_resize(struct hmap *m, size_t n_buckets)
{
    struct hmap_node **buckets = mem_calloc(n_buckets, sizeof *buckets);
    size_t mask = n_buckets - 1;
    for (size_t i = 0; m->buckets && i <= m->mask; i++) {
        struct hmap_node *next;
        for (struct hmap_node *node = m->buckets[i]; node; node = next) {
            next = node->next;
            node->next = buckets[node->hash & mask];
            buckets[node->hash & mask] = node;
        }
    }
    mem_free(m->buckets);
    m->buckets = buckets;
    m->mask = mask;
}

void hmap_reserve(struct hmap *m, size_t n)
{
    size_t have = m->buckets ? m->mask + 1 : 0;
    size_t want = have ? have : HMAP_MIN;
    while (want < n) {
        want *= 2;
    }
    if (want != have) {
        hmap_resize(m, want);
    }
}

void hmap_insert(struct hmap *m, struct hmap_node *node, uint64_t hash)
{
    hmap_reserve(m, m->n + 1);
    node->hash = hash;
    node->next = m->buckets[hash & m->mask];
    m->buckets[hash & m->mask] = node;
    m->n++;
}

void hmap_remove(struct hmap *m, struct hmap_node *node)
{
    assert(m->n);
    struct hmap_node **at = &m->buckets[node->hash & m->mask];
    while (*at != node) {
        assert(*at);
        at = &(*at)->next;
    }
    *at = node->next;
    m->n--;
}

static struct hmap_node *hmap_with_hash(struct hmap_node *node, uint64_t hash)
{
    while (node && node->hash != hash) {
        node = node->next;
    }
    return node;
}

struct hmap_node *hmap_first_with_hash(const struct hmap *m, uint64_t hash)
{
    return m->buckets ? hmap_with_hash(m->buckets[hash & m->mask], hash) : NULL;
}

struct hmap_node *hmap_next_with_hash(const struct hmap_node *node)
{
    return hmap_with_hash(node->next, node->hash);
}

static struct hmap_node *hmap_from_bucket(const struct hmap *m, size_t i)
{
    for (; m->buckets && i <= m->mask; i++) {
        if (m->buckets[i]) {
            return m->buckets[i];
        }
    }
    return NULL;
}

struct hmap_node *hmap_first(const struct hmap *m)
{
    return m->n ? hmap_from_bucket(m, 0) : NULL;
}

struct hmap_node *hmap_next(const struct hmap *m, const struct hmap_node *node)
{
    return node->next ? node->next : hmap_from_bucket(m, (node->hash & m->mask) + 1);
}
