/* SPDX-License-Identifier: Apache-2.0
 *
 * The tables and targets of Seine's engine, by number, and the node's own facts.  Intents (the
 * derived tables) are the seam between what objects mean (core/pod, core/policy, core/node) and
 * what a data plane does with it (core/pipeline: OpenFlow; hns: access lists): their layouts are in
 * core/intent/intent.h. */
#ifndef SEINE_INTENT_TABLES_H
#define SEINE_INTENT_TABLES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/addr.h"

enum world_table {
    /* inputs */
    TABLE_POD,            /* struct pod, key namespace/name */
    TABLE_NAMESPACE,      /* struct namespace_ */
    TABLE_NODE,           /* struct node */
    TABLE_POLICY,         /* struct network_policy */
    TABLE_SERVICE,        /* struct service */
    TABLE_ENDPOINT_SLICE, /* struct endpoint_slice */
    TABLE_ATTACHMENT,     /* struct attachment */
    TABLE_CONFIG,         /* struct node_config, the one key "" */
    /* derived: intents; core/pod, core/policy and core/node write them, intent.h lays them out */
    TABLE_SELF,     /* this node: podCIDRs, gateway and node addresses; the one key "" */
    TABLE_REMOTE,   /* other nodes, key: node name */
    TABLE_LOCAL,    /* attached Pods of this node, key: the attachment's */
    TABLE_RULE,     /* resolved rules that apply to a local Pod, key: content id */
    TABLE_RULE_ID,  /* conjunction ids of rules whose own hash is taken, key: content id */
    TABLE_SET,      /* address sets that those rules name, key: content id */
    TABLE_APPLIED,  /* what a policy means for a local Pod, key: INTENT_APPLIED_KEY */
    TABLE_MEMBER,   /* Pods that belong to at least one set, keys: intent.h */
    TABLE_FRONTEND, /* ports of Services at their addresses, keys: intent.h */
    /* derived, where access lists are the data plane: hns/acl.h lays them out */
    TABLE_PEERS,  /* a set's addresses, gathered and merged; key: the set's */
    TABLE_UNSAID, /* what the data plane cannot say; the key is the line that tells it */
    TABLE_N
};
enum world_space {
    SPACE_FLOW,
    SPACE_GROUP,
    SPACE_METER,
    SPACE_ROUTE,
    SPACE_HOSTNAT,
    SPACE_ACL_SET, /* address sets that access lists name */
    SPACE_ACL,     /* access lists of endpoints */
    SPACE_N
};

/* What the program knows about its node: a row of TABLE_CONFIG. */
struct node_config {
    char *node_name;
    char *platform;                         /* "linux" or "windows" */
    char *gateway;                          /* name of the internal port */
    uint32_t gateway_ofport, tunnel_ofport; /* by convention 2 and 1; asked for, then read back */
    uint32_t uplink_ofport;                 /* of the physical adapter; 0: none is on the bridge */
    struct mac gateway_mac;                 /* mac_from_name("gateway", node_name) */
    bool netdev;                            /* userspace datapath */
    bool masquerade;
    bool encap;                    /* there is a tunnel port */
    uint32_t hns_major, hns_minor; /* version of the service that access lists are for */
};
struct node_config *node_config_new(const char *node_name); /* defaults filled in */
struct node_config *node_config_copy(const struct node_config *c);
void node_config_free(void *c);
bool node_config_equal(const void *a, const void *b);

#endif
