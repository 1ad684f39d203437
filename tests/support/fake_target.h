/* SPDX-License-Identifier: Apache-2.0
 *
 * A target in memory that can fail, delay and lie: what a switch may do to the engine. */
#ifndef SEINE_TESTS_SUPPORT_FAKE_TARGET_H
#define SEINE_TESTS_SUPPORT_FAKE_TARGET_H

#include "core/base/vec.h"
#include "core/engine/engine.h"

enum fake_outcome {
    FAKE_DONE,
    FAKE_REFUSED,         /* names the item at fault */
    FAKE_REFUSED_UNNAMED, /* does not */
    FAKE_LOST_BEFORE,     /* connection lost: nothing was done, and nobody knows */
    FAKE_LOST_AFTER       /* everything was done, and nobody knows */
};
struct fake_row {
    struct sbuf key, value;
};
struct fake_target {
    struct engine *engine;
    int space;
    VEC(struct fake_row) rows;
    const struct plan *out; /* taken, not yet settled */
    size_t n_items;         /* of all plans that were carried out */
};

void fake_done(struct fake_target *t);
/* Takes a plan; true if there is something in it. */
bool fake_take(struct fake_target *t);
/* Settles it; 'item' is the one at fault for FAKE_REFUSED.  After FAKE_LOST_ it reads back. */
void fake_settle(struct fake_target *t, enum fake_outcome outcome, size_t item);
/* Behind the engine's back. */
void fake_set(struct fake_target *t, const char *key, const char *value); /* NULL: removes */
void fake_read_back(struct fake_target *t);
/* The value of a key, NULL if absent. */
const char *fake_get(struct fake_target *t, const char *key);

#endif
