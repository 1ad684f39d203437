/* SPDX-License-Identifier: Apache-2.0
 *
 * The system as the uplink's sequence (hns/uplink.h) acts on it: adapters by platform/uplink.h, the
 * HNS network by hns/network.h, the journal <run-dir>/uplink.json. */
#ifndef SEINE_AGENT_UPLINK_OPS_H
#define SEINE_AGENT_UPLINK_OPS_H

#include <stdatomic.h>

#include "core/base/addr.h"
#include "hns/client.h"
#include "hns/uplink.h"

enum { UPLINK_SYSTEM_CIDRS = 4, UPLINK_SYSTEM_IPS = 8 };
/* Filled by the caller between runs; a run's thread alone uses it meanwhile, but for 'stopping'. */
struct uplink_system {
    struct hns_client hns;
    char *path;                               /* of the journal */
    struct prefix cidrs[UPLINK_SYSTEM_CIDRS]; /* of this node: subnets of the network */
    struct ip node_ips[UPLINK_SYSTEM_IPS];
    size_t n_cidrs, n_node_ips;
    const char *gateway; /* its port's name; borrowed */
    struct mac gateway_mac;
    atomic_bool stopping; /* any thread: ends a run at its next act */
};
/* 'ops_out' refers to '*s'. */
void uplink_system_init(struct uplink_system *s, const char *run_dir, struct uplink_ops *ops_out);
void uplink_system_done(struct uplink_system *s);
/* Sees to the NIC of the gateway port; '*made_out': something was done.  Where no adapter is taken
 * ('taken' false) it sees to the network before. */
int uplink_system_gateway(struct uplink_system *s, bool taken, bool *made_out, struct err *err);
/* Deletes the network with all that is in it; a system without HNS has none. */
int uplink_system_forget(struct uplink_system *s, struct err *err);

#endif
