/* SPDX-License-Identifier: Apache-2.0
 *
 * UDP and endpoints that change.  A tracked connection stays at its endpoint, as it should, but a
 * UDP client that keeps sending from one port never ends: neither when the endpoint is gone, nor
 * when a Service comes for an address that it sent to before.  Such connections must be forgotten;
 * the next packet is then a new one.  Which they are is read from what changed in the switch.
 *
 * SCTP is told as well: the userspace datapath tracks it without ports, so that all that a client
 * sends to an address is one connection, which may never end either.
 *
 * And Pods that come: what is tracked of their address was an earlier Pod's, and was judged by the
 * policies of that one.  Nothing of it may let a packet pass to or from the new one. */
#ifndef SEINE_PIPELINE_SERVICE_FLUSH_H
#define SEINE_PIPELINE_SERVICE_FLUSH_H

#include "core/base/addr.h"
#include "core/base/mem.h"
#include "core/engine/engine.h"

struct service_flush {
    uint8_t proto; /* 0: any */
    struct ip src; /* who opened it; family 0: any */
    struct ip dst; /* the Service's address; family 0: any */
    uint16_t dst_port;
    struct ip end; /* the endpoint's; family 0: any */
    uint16_t end_port;
};

/* What UDP and SCTP connections the committed plans leave behind: to endpoints that no group of the
 * plan has any more (whichever Service they were opened to: a group does not know it), and, if
 * 'added', to Service addresses that have come, and all from and to Pods of this node that have.
 * Either plan may be NULL.  The list is in 'a'. */
size_t service_flushes(const struct plan *flows, const struct plan *groups, bool added,
                       struct arena *a, struct service_flush **out);

#endif
