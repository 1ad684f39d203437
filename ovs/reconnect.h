/* SPDX-License-Identifier: Apache-2.0
 *
 * reconnect: when to try again, as a pure value: back-off that doubles between two bounds, with
 * jitter, so that many agents do not come back in step.
 *
 *     reconnect_init(&r, 100, 8000, seed);
 *     connection failed or lost  -> at = reconnect_lost(&r, now);  try again at 'at'
 *     connection is good         -> reconnect_up(&r, now)
 *
 * The first try after a connection that stood long enough comes soon; a peer that accepts and drops
 * at once counts as failing. */
#ifndef SEINE_OVS_RECONNECT_H
#define SEINE_OVS_RECONNECT_H

#include <stdint.h>

struct reconnect {
    int64_t min_ms, max_ms; /* bounds of the waiting time */
    int64_t wait_ms;        /* the next waiting time, before jitter */
    int64_t up_since;       /* INT64_MIN: not up */
    uint64_t random;        /* xorshift state */
    unsigned failures;      /* in a row */
};

/* 'seed' is any number that differs between agents.  0 < min_ms <= max_ms. */
void reconnect_init(struct reconnect *r, int64_t min_ms, int64_t max_ms, uint64_t seed);
/* The connection is established. */
void reconnect_up(struct reconnect *r, int64_t now);
/* It failed or ended: returns the time of the next try, between half and the whole of the waiting
 * time from now.  A connection that stood at least max_ms starts again at min_ms. */
int64_t reconnect_lost(struct reconnect *r, int64_t now);
/* The peer is known to be there again: the next wait is the shortest. */
void reconnect_reset(struct reconnect *r);

#endif
