/* SPDX-License-Identifier: Apache-2.0
 *
 * reconnect: see reconnect.h.  Pure; `now` comes in, the time of the next try goes out. */
#include "ovs/reconnect.h"

void reconnect_init(struct reconnect *r, int64_t min_ms, int64_t max_ms, uint64_t seed)
{
    *r = (struct reconnect){
        .min_ms = min_ms, .max_ms = max_ms, .wait_ms = min_ms, .up_since = INT64_MIN};
    r->random = seed ? seed : 0x9e3779b97f4a7c15u; /* xorshift must not start at zero */
}

void reconnect_up(struct reconnect *r, int64_t now)
{
    r->up_since = now;
}

/* xorshift64: good enough to spread agents. */
static uint64_t reconnect_random__(struct reconnect *r)
{
    uint64_t x = r->random;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return r->random = x;
}

int64_t reconnect_lost(struct reconnect *r, int64_t now)
{
    if (r->up_since != INT64_MIN && now - r->up_since >= r->max_ms) {
        reconnect_reset(r);
    }
    r->up_since = INT64_MIN;
    r->failures++;

    int64_t wait = r->wait_ms;
    int64_t half = wait / 2;
    int64_t jitter = (int64_t)(reconnect_random__(r) % (uint64_t)(wait - half + 1));
    r->wait_ms = wait > r->max_ms / 2 ? r->max_ms : wait * 2;
    return now + half + jitter;
}

void reconnect_reset(struct reconnect *r)
{
    r->wait_ms = r->min_ms;
    r->failures = 0;
}
