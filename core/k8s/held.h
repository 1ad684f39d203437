/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside core/k8s: what a reflector holds of its kind: the objects, and which cannot be read.  A
 * list is a round: what it brings is marked, and at its end what is not marked goes. */
#ifndef SEINE_K8S_HELD_H
#define SEINE_K8S_HELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/hmap.h"
#include "core/base/vec.h"
#include "core/k8s/node_ranges.h"
#include "core/k8s/reflector.h"

struct held {
    enum k8s_kind kind;
    const struct reflector_ops *ops; /* put, remove, note */
    struct hmap objects;
    struct node_ranges nodes; /* of Nodes alone: what the owner is told goes through here */
    VEC(struct reflector_error) errors;
    VEC(uint32_t) rounds;                      /* in which each error was met */
    VEC(struct reflector_error) listed_errors; /* these, and what 'nodes' holds back */
    uint32_t round;
    uint32_t complaints; /* how many errors began so far */
    bool in_round;
    bool nameless; /* something of this round has no name that could be told */
    bool listed;   /* a round was finished */
};

void held_init(struct held *h, enum k8s_kind kind, const struct reflector_ops *ops);
void held_done(struct held *h);
/* An object that the owner has already. */
void held_seed(struct held *h, void *object);
/* After each input: tells what was held back until it can be judged. */
void held_settle(struct held *h);
void held_round_begin(struct held *h);
void held_round_end(struct held *h);
/* An object that is there now; one reference, taken over. */
void held_put(struct held *h, void *object);
/* It is there but cannot be read; 'key' "": whose it is cannot be told. */
void held_bad(struct held *h, const char *key, const char *why);
void held_remove(struct held *h, const char *key);
/* The kind is not served: nothing is there. */
void held_clear(struct held *h);
bool held_complete(const struct held *h);

#endif
