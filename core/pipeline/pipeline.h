/* SPDX-License-Identifier: Apache-2.0
 *
 * Intents to flows: the unit kinds of the pipeline, and what they share. */
#ifndef SEINE_PIPELINE_PIPELINE_H
#define SEINE_PIPELINE_PIPELINE_H

#include "core/engine/engine.h"
#include "core/intent/intent.h"
#include "core/pipeline/stages.h"
#include "ovs/flow.h"

/* Unit kinds.  "flow_base": the constant flows, the gateway and the node's own addresses.
 * "flow_uplink": the node itself and its physical adapter, where that is a port of the bridge: it
 * depends on the configuration alone, so these flows can be written before everything else.
 * "flow_local" (TABLE_LOCAL): one attached Pod: classification, spoof guard, neighbours,
 * forwarding, its clauses and its isolation.  "flow_member" (TABLE_MEMBER): peer clauses by
 * address.  "flow_rule" (TABLE_RULE): prefixes, ports and what a met rule does.  "flow_remote"
 * (TABLE_REMOTE): tunnel, and the routes and neighbours by which the node itself gets there.
 * "flow_service" (TABLE_FRONTEND): a Service's port: the flow that finds it, its groups, or its
 * refusal.  "host_nat": SPACE_HOSTNAT. */
void flow_base_derive(struct derive *d, const char *key);
void flow_uplink_derive(struct derive *d, const char *key);
void flow_local_derive(struct derive *d, const char *key);
void flow_member_derive(struct derive *d, const char *key);
void flow_rule_derive(struct derive *d, const char *key);
void flow_remote_derive(struct derive *d, const char *key);
void flow_service_derive(struct derive *d, const char *key);
void host_nat_derive(struct derive *d, const char *key);

/* ---- building flows ---- */
/* Which unit a flow stands for: 0x5e in the highest byte, below it 56 bits of a hash of the unit's
 * kind and key. */
uint64_t flow_cookie(const char *kind, const char *unit_key);
/* One flow under construction; flow_begin() makes it empty, flow_put() emits it and empties it
 * again, keeping its memory; flow_done() gives that back to the engine.  The cookie is
 * flow_cookie() of the unit. */
struct flow {
    struct derive *derive;
    uint64_t cookie;
    struct match match;
    struct actions actions;
    struct sbuf key, value;
};
void flow_begin(struct flow *f, struct derive *d, const char *kind, const char *unit_key);
void flow_put(struct flow *f, enum stage stage, enum priority priority);
void flow_done(struct flow *f);
#define auto_flow PORT_CLEANUP(flow_done) struct flow

/* The unit's node configuration; NULL before the program has put it. */
const struct node_config *flow_config(struct derive *d);
const struct intent_self *flow_self(struct derive *d); /* NULL: no own Node yet */

/* ETH_IPV4 or ETH_IPV6. */
uint16_t flow_eth_type(uint8_t family);
/* Sets the Ethernet type and the address as source or destination. */
void flow_match_src(struct flow *f, const struct prefix *p);
void flow_match_dst(struct flow *f, const struct prefix *p);
struct prefix flow_host_prefix(const struct ip *ip);
/* Sets Ethernet type, protocol and the destination port's bits. */
void flow_match_port(struct flow *f, uint8_t family, uint8_t proto, uint16_t port, uint16_t mask);
/* Sets type (ICMPV6_NS or ICMPV6_NA) and code 0, which neighbour discovery always has (RFC 4861,
 * 4.3 and 4.4).  Not for tidiness: without an exact code Open vSwitch leaves target and link-layer
 * addresses out of the decisions that it hands to the kernel, and a decision about one target
 * then holds for all of them. */
enum { ICMPV6_RS = 133, ICMPV6_NS = 135, ICMPV6_NA = 136, ICMPV6_REDIRECT = 137 };
void flow_match_neighbor_discovery(struct flow *f, uint64_t type);
void flow_match_source(struct flow *f, enum reg_source source);
/* Loads reg1 and says so in reg0. */
void flow_act_output(struct flow *f, uint32_t ofport);
uint16_t flow_zone(uint8_t family);
/* Answers an ARP request for 'ip' by the port it came from. */
void flow_act_arp_reply(struct flow *f, const struct ip *ip, const struct mac *mac);

/* ---- packets for the agent ---- */
enum { PACKET_IN_CONTROLLER = 1 };       /* the agent's controller id */
enum packet_in { PACKET_IN_REJECT = 1 }; /* the first byte of userdata: what it is to do */
enum { METER_REJECT = 1, REJECT_PER_SECOND = 200, REJECT_BURST = 400 };
/* Ends the actions: the packet is refused at once (ovs/reject.h), by an answer of the agent to the
 * port that it came by.  At most REJECT_PER_SECOND in a second on a node, what is more is dropped:
 * the meter comes with the flow. */
void flow_act_reject(struct flow *f);

/* The fewest (value, mask) pairs that are exactly first..last; at most 30. */
struct port_mask {
    uint16_t value, mask;
};
enum { PORT_MASKS_MAX = 30 };
size_t port_range_masks(uint16_t first, uint16_t last, struct port_mask *out);

/* ---- conjunctions ---- */
/* Clauses of a rule: applied is 0, then peers if it has any, then ports if they are listed. */
unsigned rule_clauses(const struct intent_rule *r);
unsigned rule_port_clause(const struct intent_rule *r);
enum { CLAUSE_APPLIED = 0, CLAUSE_PEER = 1 };
/* Where rules of a direction are, and where a packet goes that one allows. */
enum stage rule_stage(uint8_t direction);
enum stage rule_allowed_stage(uint8_t direction);

#endif
