/* SPDX-License-Identifier: Apache-2.0
 *
 * Frontends of Services: the flow that finds a connection's frontend, and the groups that choose
 * its endpoint.  The chosen bucket commits the connection with its translation and sends the packet
 * on to policy, which so judges the endpoint.
 *
 * How a group chooses.  Up to DP_HASH_MAX endpoints, by the datapath's own hash of the connection:
 * a new connection then costs no question to ovs-vswitchd.  Open vSwitch maps at most 256 values of
 * that hash to buckets, and as many as the least weight asks for: ten equal weights would get 16,
 * and six endpoints twice the share of the other four.  So a small part of the first endpoint's
 * weight is given to a second bucket of it, which asks for more values.
 * More endpoints than that are chosen by ovs-vswitchd from the source's address and port.
 *
 * A group that is larger than an OpenFlow message cannot be read back (Open vSwitch 3.1 answers
 * with a wrong length), so many endpoints are spread over shards, groups of their own, by a hash
 * of each endpoint: one that comes or goes changes one shard alone. */
#include "core/pipeline/pipeline.h"

#include <string.h>

#include "core/base/hash.h"
#include "core/base/vec.h"
#include "ovs/group.h"

enum {
    DP_HASH_MAX = 64,     /* endpoints that the datapath's hash tells apart well enough */
    DP_HASH_VALUES = 256, /* Open vSwitch's limit */
    SHARD_MEAN = 256,     /* endpoints a shard, on the average */
    SHARD_MAX = 500,      /* what is surely below 64 KiB */
    SHARDS_MAX = 32,
    WEIGHT = 100
};
/* Group numbers: 1 | level (1 bit) | the frontend's hash (25) | 0 (5); shards have 0 in front and
 * their number at the end, so that a dump and a bundle name them before the group that uses them.
 */
#define GROUP_FRONTEND UINT32_C(0x80000000)
enum { GROUP_LEVEL_BIT = 30, GROUP_SHARD_BITS = 5 };

/* ---- numbers ---- */

/* Whether no frontend before this one has the same hash at the level, or is content with an
 * earlier level. */
static bool is_first(struct view *v, const char *key, unsigned level)
{
    char ikey[FRONTEND_HASH_KEY_MAX];
    size_t n;
    const struct row **rows =
        view_list_index(v, TABLE_FRONTEND, FRONTEND_BY_HASH,
                        frontend_hash_key(level, frontend_hash(key, level), ikey), &n);
    for (size_t i = 0; i < n && strcmp(rows[i]->key, key) < 0; i++)
        if (level == 0 || !is_first(v, rows[i]->key, level - 1))
            return false;
    return true;
}

/* 0: every number that the frontend could have is another one's. */
static uint32_t group_number(struct view *v, const char *key)
{
    for (unsigned level = 0; level < FRONTEND_LEVELS; level++)
        if (is_first(v, key, level))
            return GROUP_FRONTEND | level << GROUP_LEVEL_BIT |
                   frontend_hash(key, level) << GROUP_SHARD_BITS;
    return 0;
}

/* ---- groups ---- */

struct service_work {
    struct derive *derive;
    const struct intent_frontend *frontend;
    struct group_bucket *buckets;
    struct actions *actions; /* of the buckets, by position */
    size_t n;
};

static void work_init(struct service_work *w, struct derive *d, const struct intent_frontend *f)
{
    size_t max = f->n_endpoints + 1;
    *w = (struct service_work){.derive = d, .frontend = f};
    w->buckets = arena_alloc(derive_arena(d), max * sizeof *w->buckets);
    w->actions = arena_alloc(derive_arena(d), max * sizeof *w->actions);
}

static struct actions *add_bucket(struct service_work *w, uint32_t weight)
{
    struct actions *a = &w->actions[w->n];
    actions_init(a);
    w->buckets[w->n] =
        (struct group_bucket){.id = (uint32_t)w->n, .weight = (uint16_t)weight, .actions = a};
    w->n++;
    return a;
}

static void add_endpoint(struct service_work *w, const struct frontend_endpoint *e, uint32_t weight)
{
    auto_actions marks;
    actions_init(&marks);
    act_set_masked(&marks, F_CT_MARK, MARK_SERVICE | MARK_PENDING, MARK_SERVICE | MARK_PENDING);
    act_ct(add_bucket(w, weight), &(struct act_ct){.flags = ACT_CT_COMMIT,
                                                   .zone = flow_zone(e->ip.family),
                                                   .zone_field = F_N,
                                                   .table = STAGE_EGRESS_RULE,
                                                   .nat = true,
                                                   .nat_dst = true,
                                                   .ip_min = e->ip,
                                                   .port_min = e->port,
                                                   .exec = &marks});
}

/* Emits the group and empties the work. */
static void put_group(struct service_work *w, uint32_t id, bool dp_hash)
{
    bool v4 = w->frontend->ip.family == 4;
    uint8_t proto = w->frontend->proto;
    enum field fields[] = {v4 ? F_IPV4_SRC : F_IPV6_SRC, proto == PROTO_TCP   ? F_TCP_SRC
                                                         : proto == PROTO_UDP ? F_UDP_SRC
                                                                              : F_SCTP_SRC};
    struct group g = {.type = GROUP_SELECT,
                      .buckets = w->buckets,
                      .n_buckets = w->n,
                      .selection_method = dp_hash ? "dp_hash" : "hash",
                      .selection_param = proto, /* seeds the hash; service_flush.c reads it */
                      .fields = dp_hash ? NULL : fields,
                      .n_fields = dp_hash ? 0 : ARRAY_LEN(fields)};
    auto_sbuf key = SBUF_INIT, value = SBUF_INIT;
    group_key_encode(id, &key);
    group_value_encode(&g, &value);
    derive_out(w->derive, SPACE_GROUP, key.data, key.len, value.data, value.len);
    for (size_t i = 0; i < w->n; i++)
        actions_done(&w->actions[i]);
    w->n = 0;
}

/* The weight of the small second bucket of the first endpoint, 0 for none: with it the whole asks
 * for sixteen times as many hash values as there are endpoints.  Powers of two divide evenly. */
static uint32_t small_weight(uint32_t n)
{
    uint32_t values = 1;
    if ((n & (n - 1)) == 0)
        return 0;
    while (values < 16 * n && values < DP_HASH_VALUES)
        values *= 2;
    return n * WEIGHT / (values / 2 + 1);
}

static void put_small(struct service_work *w, uint32_t id)
{
    const struct intent_frontend *f = w->frontend;
    uint32_t small = small_weight(f->n_endpoints);
    for (uint32_t i = 0; i < f->n_endpoints; i++)
        add_endpoint(w, &f->endpoints[i], i == 0 ? WEIGHT - small : WEIGHT);
    if (small)
        add_endpoint(w, &f->endpoints[0], small);
    put_group(w, id, true);
}

static uint32_t shard_of(const struct frontend_endpoint *e, uint32_t n_shards)
{
    return (uint32_t)hash_bytes(e, sizeof *e, 0) & (n_shards - 1);
}

static void put_shard(struct service_work *w, uint32_t id, uint32_t shard, uint32_t n_shards)
{
    const struct intent_frontend *f = w->frontend;
    for (uint32_t i = 0; i < f->n_endpoints; i++)
        if (shard_of(&f->endpoints[i], n_shards) == shard && w->n < SHARD_MAX)
            add_endpoint(w, &f->endpoints[i], WEIGHT);
    put_group(w, id, false);
}

static void put_large(struct service_work *w, uint32_t id)
{
    uint32_t n_shards = 1, used[SHARDS_MAX] = {0}, served = 0;
    while (w->frontend->n_endpoints / n_shards > SHARD_MEAN && n_shards < SHARDS_MAX)
        n_shards *= 2;
    if (n_shards == 1) {
        put_shard(w, id, 0, 1);
        return;
    }
    for (uint32_t i = 0; i < w->frontend->n_endpoints; i++)
        served += used[shard_of(&w->frontend->endpoints[i], n_shards)]++ < SHARD_MAX;
    for (uint32_t s = 0; s < n_shards; s++)
        if (used[s])
            put_shard(w, (id & ~GROUP_FRONTEND) | s, s, n_shards);
    for (uint32_t s = 0; s < n_shards; s++)
        if (used[s])
            act_group(add_bucket(w, WEIGHT), (id & ~GROUP_FRONTEND) | s);
    put_group(w, id, true);
    if (served < w->frontend->n_endpoints)
        derive_fail(w->derive, "%u endpoints, only %u of them are used",
                    (unsigned)w->frontend->n_endpoints, (unsigned)served);
}

/* ---- the frontend ---- */

static void match_frontend(struct flow *f, const struct intent_frontend *front)
{
    struct prefix p = flow_host_prefix(&front->ip);
    flow_match_dst(f, &p);
    flow_match_port(f, front->ip.family, front->proto, front->port, UINT16_MAX);
}

void flow_service_derive(struct derive *d, const char *key)
{
    const struct intent_frontend *front = view_get(derive_view(d), TABLE_FRONTEND, key)->value;
    uint32_t id = group_number(derive_view(d), key);
    auto_flow f;
    flow_begin(&f, d, "flow_service", key);
    match_frontend(&f, front);
    if (id == 0) {
        derive_fail(d, "no number is left for its group");
    } else if (front->n_endpoints) {
        struct service_work w;
        work_init(&w, d, front);
        if (front->n_endpoints <= DP_HASH_MAX)
            put_small(&w, id);
        else
            put_large(&w, id);
        act_group(&f.actions, id);
    } else {
        flow_act_reject(&f);
    }
    flow_put(&f, STAGE_SERVICE, PRIORITY_NORMAL);
}
