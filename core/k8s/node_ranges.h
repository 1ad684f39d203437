/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside core/k8s: Nodes whose podCIDRs overlap.  Traffic for a range can go to one Node only, so
 * the one that had it first keeps it: another Node's word, be it a mistake or a lie, must not draw
 * it away.  A source says which Nodes it wants, and what is free of overlap is told on. */
#ifndef SEINE_K8S_NODE_RANGES_H
#define SEINE_K8S_NODE_RANGES_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/sbuf.h"
#include "core/base/vec.h"
#include "core/k8s/object.h"

/* One Node: what is wanted, and what was told. */
struct node_slot {
    char *name;
    const void *origin;                /* the source's own, of what is wanted */
    struct object_meta *wanted, *sent; /* a reference each, or NULL */
    char *error;                       /* why what is wanted was not told, or NULL */
};

struct node_ranges_ops {
    void *aux;
    void (*put)(void *aux, const char *name, void *object); /* one reference */
    void (*remove)(void *aux, const char *name);
    /* Of two that are new at the same time the first has the range: for qsort() of pointers to
     * slots. */
    int (*order)(const void *a, const void *b);
    /* The error's text around what is said here; 'what' is "spec.podCIDRs[0]: 10.1.0.0/24 of Node a
     * overlaps 10.1.0.0/16 of Node b". */
    void (*describe)(const struct node_slot *slot, const struct node_slot *other, const char *what,
                     struct sbuf *out);
    void (*error)(void *aux, const char *text); /* one that is new */
};

struct node_ranges {
    struct node_ranges_ops ops;
    VEC(struct node_slot) slots; /* in no order */
    bool dirty;                  /* something was wanted since the last settling */
};

/* '*ops' is copied. */
void node_ranges_init(struct node_ranges *r, const struct node_ranges_ops *ops);
void node_ranges_done(struct node_ranges *r);
/* The Node is wanted as 'object' (NULL: not at all); nothing is told before the next settling. */
void node_ranges_want(struct node_ranges *r, const char *name, const void *origin,
                      const void *object);
/* The owner has this Node already. */
void node_ranges_seed(struct node_ranges *r, const char *name, const void *object);
void node_ranges_settle(struct node_ranges *r);

#endif
