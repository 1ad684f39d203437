/* SPDX-License-Identifier: Apache-2.0 */
#include "core/pipeline/service_flush.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/vec.h"
#include "core/pipeline/stages.h"
#include "ovs/flow.h"
#include "ovs/group.h"

typedef VEC(struct service_flush) flush_vec;

static int cmp_end(const void *pa, const void *pb)
{
    const struct service_flush *a = pa, *b = pb;
    int c = a->proto != b->proto ? a->proto - b->proto : ip_cmp(&a->end, &b->end);
    return c ? c : (a->end_port > b->end_port) - (a->end_port < b->end_port);
}

static void add_end(void *aux, const struct ip *ip, uint16_t port)
{
    struct service_flush f = {.end = *ip, .end_port = port};
    flush_vec *v = aux;
    VEC_PUSH(v, f);
}

/* The endpoints of a group's value, if it is for UDP or SCTP. */
static void add_group(struct bytes value, flush_vec *v)
{
    size_t before = v->n;
    uint64_t proto = value.p ? group_targets(value, add_end, v) : 0;
    if (proto != PROTO_UDP && proto != PROTO_SCTP)
        v->n = before;
    for (size_t i = before; i < v->n; i++)
        v->v[i].proto = (uint8_t)proto;
}

/* What is in 'old' and not in 'now', each once. */
static void add_gone(flush_vec *old, flush_vec *now, flush_vec *out)
{
    if (old->n > 1)
        qsort(old->v, old->n, sizeof *old->v, cmp_end);
    if (now->n > 1)
        qsort(now->v, now->n, sizeof *now->v, cmp_end);
    for (size_t i = 0; i < old->n; i++) {
        bool twice = i && cmp_end(&old->v[i - 1], &old->v[i]) == 0;
        if (!twice && !(now->n && bsearch(&old->v[i], now->v, now->n, sizeof *now->v, cmp_end)))
            VEC_PUSH(out, old->v[i]);
    }
}

/* The address of a flow of a UDP or SCTP Service. */
static bool read_frontend(struct bytes key, struct service_flush *out)
{
    uint8_t table;
    uint16_t priority;
    struct match m;
    if (((const uint8_t *)key.p)[0] != STAGE_SERVICE ||
        flow_key_decode(key, &table, &priority, &m, NULL) != 0)
        return false;
    const struct match_field *v4 = match_get(&m, F_IPV4_DST), *v6 = match_get(&m, F_IPV6_DST);
    const struct match_field *udp = match_get(&m, F_UDP_DST), *sctp = match_get(&m, F_SCTP_DST);
    const struct match_field *port = udp ? udp : sctp;
    if (!port || (!v4 && !v6))
        return false;
    *out = (struct service_flush){.proto = udp ? PROTO_UDP : PROTO_SCTP,
                                  .dst = {.family = v4 ? 4 : 6}};
    memcpy(out->dst.b, v4 ? v4->value : v6->value, v4 ? 4 : 16);
    out->dst_port = (uint16_t)(port->value[0] << 8 | port->value[1]);
    return true;
}

/* The address of a flow that delivers to a Pod of this node. */
static bool read_pod(struct bytes key, struct ip *out)
{
    uint8_t table;
    uint16_t priority;
    struct match m;
    if (((const uint8_t *)key.p)[0] != STAGE_L3_FORWARDING ||
        flow_key_decode(key, &table, &priority, &m, NULL) != 0 || priority != PRIORITY_DIRECT)
        return false;
    const struct match_field *v4 = match_get(&m, F_IPV4_DST), *v6 = match_get(&m, F_IPV6_DST);
    if (!v4 && !v6)
        return false;
    *out = (struct ip){.family = v4 ? 4 : 6};
    memcpy(out->b, v4 ? v4->value : v6->value, v4 ? 4 : 16);
    return true;
}

/* What an added flow makes one forget. */
static void add_come(struct bytes key, flush_vec *out)
{
    struct service_flush f;
    struct ip pod;
    if (read_frontend(key, &f))
        VEC_PUSH(out, f);
    if (!read_pod(key, &pod))
        return;
    f = (struct service_flush){.src = pod};
    VEC_PUSH(out, f);
    f = (struct service_flush){.end = pod};
    VEC_PUSH(out, f);
}

size_t service_flushes(const struct plan *flows, const struct plan *groups, bool added,
                       struct arena *a, struct service_flush **out)
{
    flush_vec old = VEC_INIT, now = VEC_INIT, gone = VEC_INIT;
    for (size_t i = 0; groups && i < groups->n; i++) {
        add_group(groups->items[i].installed, &old);
        add_group(groups->items[i].value, &now);
    }
    add_gone(&old, &now, &gone);
    for (size_t i = 0; added && flows && i < flows->n; i++)
        if (flows->items[i].op == PLAN_ADD)
            add_come(flows->items[i].key, &gone);
    size_t n = gone.n;
    *out = arena_alloc(a, (n ? n : 1) * sizeof **out);
    if (n)
        memcpy(*out, gone.v, n * sizeof **out);
    VEC_DONE(&old);
    VEC_DONE(&now);
    VEC_DONE(&gone);
    return n;
}
