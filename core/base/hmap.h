/* SPDX-License-Identifier: Apache-2.0
 *
 * hmap: an intrusive hash map.  Nodes are embedded in the caller's structs and carry their hash;
 * the map owns only its bucket array.  Removing the current node while iterating with
 * HMAP_FOR_EACH_SAFE is allowed. */
#ifndef SEINE_BASE_HMAP_H
#define SEINE_BASE_HMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/port.h"

struct hmap_node {
    struct hmap_node *next;
    uint64_t hash;
};
struct hmap {
    struct hmap_node **buckets;
    size_t mask; /* buckets - 1 */
    size_t n;
};

void hmap_init(struct hmap *m);
void hmap_done(struct hmap *m); /* the nodes stay the caller's */
void hmap_insert(struct hmap *m, struct hmap_node *node, uint64_t hash);
void hmap_remove(struct hmap *m, struct hmap_node *node);
void hmap_reserve(struct hmap *m, size_t n);
/* First node of this hash, and the next one of the same hash; NULL at the end. */
struct hmap_node *hmap_first_with_hash(const struct hmap *m, uint64_t hash);
struct hmap_node *hmap_next_with_hash(const struct hmap_node *node);
/* All nodes, in no order. */
struct hmap_node *hmap_first(const struct hmap *m);
struct hmap_node *hmap_next(const struct hmap *m, const struct hmap_node *node);

#define HMAP_FOR_EACH_WITH_HASH(node, m, h)                                                        \
    for (struct hmap_node *node = hmap_first_with_hash(m, h); node;                                \
         node = hmap_next_with_hash(node))
#define HMAP_FOR_EACH(node, m)                                                                     \
    for (struct hmap_node *node = hmap_first(m); node; node = hmap_next(m, node))
#define HMAP_FOR_EACH_SAFE(node, tmp, m)                                                           \
    for (struct hmap_node *node = hmap_first(m), *tmp = node ? hmap_next(m, node) : NULL; node;    \
         node = tmp, tmp = node ? hmap_next(m, node) : NULL)

#endif
