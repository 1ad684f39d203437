/* SPDX-License-Identifier: Apache-2.0
 *
 * The pipeline as data: stages (OpenFlow tables), registers, connection-tracking zones.  Numbers,
 * printed names, miss rules and documentation come from here alone; `seinectl pipeline` and
 * docs/pipeline.md are this table printed.
 *
 * A packet of a Pod passes:
 *   Classifier -> SpoofGuard -> (ARP, ND: Neighbor) or ConntrackZone -> ConntrackState ->
 *   (new: ServiceLB) -> EgressRule -> EgressDefault -> L3Forwarding -> L3DecTTL -> IngressRule ->
 * IngressDefault -> ConntrackCommit -> Output Packets of established connections skip both
 * policies.  Where the node's physical adapter is a port of the bridge (the uplink), what passes
 * between it and the node itself ends in Classifier.
 */
#ifndef SEINE_PIPELINE_STAGES_H
#define SEINE_PIPELINE_STAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/addr.h"
#include "core/base/sbuf.h"

/* id, table, printed name, feature, what a miss does ("drop" or the next stage's id), matched
 * fields, doc.  Reserved stages have the miss action "reserved": no flow is in them, none goes
 * there. */
#define STAGE_LIST(X)                                                                              \
    X(CLASSIFIER, 0, "Classifier", "pods", "drop", "in_port, tun_src",                             \
      "Where the packet comes from: a Pod, the gateway, or a known node's tunnel.  Between the "   \
      "node itself and its uplink packets just pass.")                                             \
    X(TRACE, 4, "Trace", "tracing", "reserved", "",                                                \
      "Packets that an operator follows are marked here.")                                         \
    X(SPOOF_GUARD, 10, "SpoofGuard", "pods", "drop", "in_port, dl_src, addresses of the packet",   \
      "A Pod sends only from its own MAC and addresses, in IPv4, IPv6, ARP and ND.")               \
    X(NEIGHBOR, 14, "Neighbor", "pods", "drop", "arp, nd, in_port",                                \
      "ARP is answered with true MACs; neighbour solicitations go to the port that has the "       \
      "address.")                                                                                  \
    X(CONNTRACK_ZONE, 20, "ConntrackZone", "policy", "drop", "dl_type",                            \
      "Sends the packet through connection tracking, in the zone of its family.")                  \
    X(CONNTRACK_STATE, 22, "ConntrackState", "policy", "EGRESS_RULE", "ct_state",                  \
      "Invalid packets are dropped; what belongs to a connection that was let through skips "      \
      "policy.")                                                                                   \
    X(SERVICE, 30, "ServiceLB", "services", "EGRESS_RULE", "destination, protocol, port",          \
      "New connections of Pods to Service addresses become connections to endpoints: groups and "  \
      "translation.")                                                                              \
    X(CLUSTER_EGRESS, 40, "ClusterEgressRule", "policy", "reserved", "",                           \
      "Cluster-wide policies, tiers before the namespaces' own.")                                  \
    X(EGRESS_RULE, 44, "EgressRule", "policy", "EGRESS_DEFAULT",                                   \
      "in_port, destination, protocol, port, conj_id",                                             \
      "NetworkPolicy egress rules: conjunctive matches of Pod, peer and port.")                    \
    X(EGRESS_DEFAULT, 46, "EgressDefault", "policy", "L3_FORWARDING", "in_port",                   \
      "What no rule allowed is dropped, if it comes from a Pod that is isolated for egress.")      \
    X(EGRESS_NODE, 50, "EgressNode", "egress", "reserved", "",                                     \
      "Traffic that leaves by an Egress address is sent to the node that holds it.")               \
    X(L3_FORWARDING, 60, "L3Forwarding", "routing", "drop", "reg0, dl_dst, destination",           \
      "The destination decides the output port and the MACs: local Pod, gateway, other node.")     \
    X(L3_DEC_TTL, 62, "L3DecTTL", "routing", "drop", "in_port, dl_type",                           \
      "One hop less for what is routed here; what the node sends was counted by the node.")        \
    X(CLUSTER_INGRESS, 76, "ClusterIngressRule", "policy", "reserved", "",                         \
      "Cluster-wide policies, tiers before the namespaces' own.")                                  \
    X(INGRESS_RULE, 80, "IngressRule", "policy", "INGRESS_DEFAULT",                                \
      "reg0, reg1, source, protocol, port, conj_id",                                               \
      "NetworkPolicy ingress rules; the node's own packets to its Pods pass.")                     \
    X(INGRESS_DEFAULT, 82, "IngressDefault", "policy", "CONNTRACK_COMMIT", "reg1",                 \
      "What no rule allowed is dropped, if it goes to a Pod that is isolated for ingress.")        \
    X(CONNTRACK_COMMIT, 90, "ConntrackCommit", "policy", "OUTPUT", "ct_state, dl_type",            \
      "A new connection that got here was let through: it is remembered.")                         \
    X(OUTPUT, 92, "Output", "pods", "drop", "reg0, in_port, reg1", "To the port in reg1.")

#define STAGE_ENUM__(id, table, name, feature, miss, match, doc) STAGE_##id = (table),
enum stage { STAGE_LIST(STAGE_ENUM__) };
#undef STAGE_ENUM__

struct stage_info {
    uint8_t table;
    const char *id, *name, *feature, *miss, *match, *doc;
};
extern const struct stage_info stage_table[];
extern const size_t stage_count;
/* NULL: no such stage. */
const struct stage_info *stage_find(uint8_t table);
const struct stage_info *stage_by_name(const char *name); /* printed name, as users type it */
bool stage_is_reserved(const struct stage_info *s);

/* ---- registers: name, register, first bit, bits, doc ---- */
#define REG_LIST(X)                                                                                \
    X(SOURCE, 0, 0, 4, "Where the packet comes from: 1 tunnel, 2 gateway, 3 Pod.")                 \
    X(HAS_OUTPUT, 0, 8, 1, "reg1 holds an output port.")                                           \
    X(PAST_POLICY, 0, 9, 1, "The packet belongs to a connection that was let through.")            \
    X(TO_SERVICE, 0, 10, 1,                                                                        \
      "The packet goes to an endpoint of a Service, as the connection was opened.")                \
    X(OUTPUT_PORT, 1, 0, 32, "OpenFlow port that the packet leaves by.")
enum reg_source { SOURCE_TUNNEL = 1, SOURCE_GATEWAY = 2, SOURCE_POD = 3 };
#define REG_SOURCE_MASK UINT64_C(0xf)
#define REG_HAS_OUTPUT UINT64_C(0x100)
#define REG_PAST_POLICY UINT64_C(0x200)
#define REG_TO_SERVICE UINT64_C(0x400)

/* ---- connection-tracking zones: name, number, doc ---- */
#define ZONE_LIST(X)                                                                               \
    X(IPV4, 65520, "Connections of Pods, IPv4.")                                                   \
    X(IPV6, 65510, "Connections of Pods, IPv6.")
#define ZONE_ENUM__(name, number, doc) ZONE_##name = (number),
enum zone { ZONE_LIST(ZONE_ENUM__) };
#undef ZONE_ENUM__

/* ---- bits of a connection's mark (ct_mark): name, bit, doc ---- */
#define MARK_LIST(X)                                                                               \
    X(SERVICE, 4, "Opened to a Service's address, translated to an endpoint.")                     \
    X(PENDING, 5, "Translated, but not yet let through by policy: its packets are judged.")
#define MARK_ENUM__(name, bit, doc) MARK_##name = 1 << (bit),
enum mark { MARK_LIST(MARK_ENUM__) };
#undef MARK_ENUM__

/* Where a Pod's connection to a Service ends at the Pod itself, it sees this as the other end: were
 * it its own address, it would answer itself and not through the switch. */
struct ip hairpin_address(uint8_t family);

/* ---- priorities inside a stage, from the highest ---- */
enum priority {
    PRIORITY_EXCEPTION = 230, /* before every rule: established, own port's probes */
    PRIORITY_ALWAYS = 220,    /* always allowed */
    PRIORITY_DIRECT = 210,    /* rules without further conditions */
    PRIORITY_NORMAL = 200,    /* conjunctive matches, exact matches */
    PRIORITY_WIDE_EXCEPTION = 195,
    PRIORITY_WIDE = 190, /* wider than normal */
    PRIORITY_REST = 100, /* what is left of a kind */
    PRIORITY_MISS = 0
};

/* docs/pipeline.md. */
void pipeline_docs(struct sbuf *out);
/* The stages alone, one a line, for `seinectl pipeline`. */
void pipeline_print(struct sbuf *out);

#endif
