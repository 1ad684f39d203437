/* SPDX-License-Identifier: Apache-2.0
 *
 * Tracked UDP connections to endpoints that are gone are forgotten (service_flush.h), in the
 * userspace datapath SCTP's too, and all that is tracked of an address that a Pod gets. */
#include "core/agent/agent_internal.h"

#include "core/base/log.h"
#include "core/base/metrics.h"
#include "core/pipeline/service_flush.h"
#include "core/pipeline/stages.h"

/* Each makes the switch look through all that it tracks. */
enum { FLUSHES_MAX = 1024, FLUSH_SCTP = 132 };

static void flush_send(struct ofsession *s, const struct service_flush *f)
{
    struct err err = {0};
    uint8_t family = f->dst.family ? f->dst.family : f->src.family | f->end.family;
    struct ofmsg_ct_flush m = {.zone = family == 4 ? ZONE_IPV4 : ZONE_IPV6,
                               .proto = f->proto,
                               .src = f->src,
                               .dst = f->dst,
                               .dst_port = f->dst_port,
                               .end = f->end,
                               .end_port = f->end_port};
    if (f->proto == FLUSH_SCTP) {
        m.dst_port = m.end_port = 0; /* it is tracked without */
    }
    if (ofsession_ct_flush(s, &m, &err) != 0) {
        log_msg(LOG_AREA_OPENFLOW, LOG_DEBUG, "forgetting a connection: %s", err.text);
    }
}

void agent_flush_committed(void *aux, const struct plan *flows, const struct plan *groups,
                           bool first)
{
    struct agent *a = aux;
    struct ofsession *s = flow_target_session(a->target);
    struct service_flush *v;
    struct arena arena;
    arena_init(&arena, 0);
    size_t n = service_flushes(flows, groups, !first, &arena, &v);
    const struct row *config = store_get(a->store, TABLE_CONFIG, "");
    bool netdev = config && ((const struct node_config *)config->value)->netdev;
    for (size_t i = 0; s && i < n && i < FLUSHES_MAX; i++) {
        if (v[i].proto != FLUSH_SCTP || netdev) {
            flush_send(s, &v[i]);
        }
    }
    if (s && n) {
        flow_target_flush(a->target);
    }
    if (n > FLUSHES_MAX) {
        metric_add(METRIC_LIMITS, "connections", NULL, (double)(n - FLUSHES_MAX));
        log_msg(
            LOG_AREA_OPENFLOW, LOG_WARN,
            "%zu endpoints have gone or Pods come at once: connections of %zu of them stay until "
            "they are silent",
            n, n - FLUSHES_MAX);
    }
    arena_done(&arena);
}
