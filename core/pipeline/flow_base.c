/* SPDX-License-Identifier: Apache-2.0
 *
 * Flows that do not depend on any Pod: misses, connection tracking, the gateway port, the node's
 * own addresses, the uplink. */
#include "core/pipeline/pipeline.h"

#include <string.h>

enum { ARP_REQUEST = 1 };

/* Every stage ends in a flow of its own, so that a dump shows where packets go. */
static void put_misses(struct flow *f)
{
    for (size_t i = 0; i < stage_count; i++) {
        const struct stage_info *s = &stage_table[i];
        if (stage_is_reserved(s))
            continue;
        for (size_t k = 0; k < stage_count; k++)
            if (strcmp(stage_table[k].id, s->miss) == 0)
                act_goto(&f->actions, stage_table[k].table);
        flow_put(f, (enum stage)s->table, PRIORITY_MISS);
    }
}

/* Into connection tracking; translations of the connection are undone or done again. */
static void act_track(struct flow *f, uint8_t family)
{
    act_ct(&f->actions, &(struct act_ct){.zone = flow_zone(family),
                                         .zone_field = F_N,
                                         .table = STAGE_CONNTRACK_STATE,
                                         .nat = true});
}

/* What a Pod answers to itself as the endpoint of a Service: the address that stood for it becomes
 * its own again. */
static void put_hairpin_reply(struct flow *f, uint8_t family)
{
    struct ip ip = hairpin_address(family);
    struct prefix p = flow_host_prefix(&ip);
    flow_match_source(f, SOURCE_POD);
    flow_match_dst(f, &p);
    if (family == 4)
        act_move(&f->actions, F_IPV4_SRC, 0, F_IPV4_DST, 0, 32);
    else
        act_move(&f->actions, F_IPV6_SRC, 0, F_IPV6_DST, 0, 128);
    act_track(f, family);
    flow_put(f, STAGE_CONNTRACK_ZONE, PRIORITY_DIRECT);
}

static void put_conntrack(struct flow *f, uint8_t family)
{
    uint16_t zone = flow_zone(family);
    match_set(&f->match, F_ETH_TYPE, flow_eth_type(family));
    act_track(f, family);
    flow_put(f, STAGE_CONNTRACK_ZONE, PRIORITY_NORMAL);
    put_hairpin_reply(f, family);

    /* Remembered since it was translated; now it was let through. */
    auto_actions passed;
    actions_init(&passed);
    act_set_masked(&passed, F_CT_MARK, 0, MARK_PENDING);
    match_set(&f->match, F_ETH_TYPE, flow_eth_type(family));
    match_set_masked(&f->match, F_CT_MARK, MARK_PENDING, MARK_PENDING);
    act_set_masked(&f->actions, F_REG0, REG_TO_SERVICE, REG_TO_SERVICE);
    act_ct(&f->actions, &(struct act_ct){.flags = ACT_CT_COMMIT,
                                         .zone = zone,
                                         .zone_field = F_N,
                                         .table = NO_TABLE,
                                         .exec = &passed});
    act_goto(&f->actions, STAGE_OUTPUT);
    flow_put(f, STAGE_CONNTRACK_COMMIT, PRIORITY_DIRECT);

    match_set(&f->match, F_ETH_TYPE, flow_eth_type(family));
    match_set_masked(&f->match, F_CT_STATE, CT_NEW | CT_TRK, CT_NEW | CT_TRK);
    act_ct(&f->actions,
           &(struct act_ct){
               .flags = ACT_CT_COMMIT, .zone = zone, .zone_field = F_N, .table = NO_TABLE});
    act_goto(&f->actions, STAGE_OUTPUT);
    flow_put(f, STAGE_CONNTRACK_COMMIT, PRIORITY_NORMAL);

    match_set(&f->match, F_ETH_TYPE, flow_eth_type(family));
    act_dec_ttl(&f->actions);
    act_goto(&f->actions, STAGE_INGRESS_RULE);
    flow_put(f, STAGE_L3_DEC_TTL, PRIORITY_NORMAL);
}

static void act_past_policy(struct flow *f)
{
    act_set_masked(&f->actions, F_REG0, REG_PAST_POLICY, REG_PAST_POLICY);
    act_goto(&f->actions, STAGE_L3_FORWARDING);
}

static void match_established_sctp(struct flow *f, uint8_t family, uint64_t state, uint64_t mask)
{
    match_set(&f->match, F_ETH_TYPE, flow_eth_type(family));
    match_set(&f->match, F_IP_PROTO, PROTO_SCTP);
    match_set_masked(&f->match, F_CT_STATE, CT_EST | CT_TRK | state, CT_EST | CT_TRK | mask);
}

/* Open vSwitch's userspace connection tracking knows no SCTP ports, only the pair of addresses, so
 * "established" says little.  What goes from a client's port to a server's is judged packet by
 * packet, what comes from a server's port to a client's passes; of others, what the opener sends is
 * judged. */
static void put_sctp_states(struct flow *f, uint8_t family)
{
    static const uint64_t client = 0x8000; /* the bit that ephemeral ports have */
    match_established_sctp(f, family, 0, 0);
    match_set_masked(&f->match, F_SCTP_SRC, client, client);
    match_set_masked(&f->match, F_SCTP_DST, 0, client);
    act_goto(&f->actions, STAGE_EGRESS_RULE);
    flow_put(f, STAGE_CONNTRACK_STATE, PRIORITY_ALWAYS);

    match_established_sctp(f, family, 0, 0);
    match_set_masked(&f->match, F_SCTP_SRC, 0, client);
    match_set_masked(&f->match, F_SCTP_DST, client, client);
    act_past_policy(f);
    flow_put(f, STAGE_CONNTRACK_STATE, PRIORITY_ALWAYS);

    match_established_sctp(f, family, 0, CT_RPL);
    act_goto(&f->actions, STAGE_EGRESS_RULE);
    flow_put(f, STAGE_CONNTRACK_STATE, PRIORITY_DIRECT);
}

/* A connection to a Service is remembered before policy has judged it.  Until it was let through
 * each of its packets is judged, whatever its state (the userspace datapath calls it established
 * from the second packet on), and nothing comes back. */
static void put_service_states(struct flow *f)
{
    match_set_masked(&f->match, F_CT_MARK, MARK_PENDING, MARK_PENDING);
    match_set_masked(&f->match, F_CT_STATE, CT_TRK, CT_TRK | CT_INV | CT_RPL);
    act_goto(&f->actions, STAGE_EGRESS_RULE);
    flow_put(f, STAGE_CONNTRACK_STATE, PRIORITY_EXCEPTION);

    match_set_masked(&f->match, F_CT_MARK, MARK_PENDING, MARK_PENDING);
    match_set_masked(&f->match, F_CT_STATE, CT_TRK | CT_RPL, CT_TRK | CT_INV | CT_RPL);
    flow_put(f, STAGE_CONNTRACK_STATE, PRIORITY_EXCEPTION);

    flow_match_source(f, SOURCE_POD);
    match_set_masked(&f->match, F_CT_STATE, CT_NEW | CT_TRK, CT_NEW | CT_TRK);
    match_set_masked(&f->match, F_CT_MARK, 0, MARK_SERVICE);
    act_goto(&f->actions, STAGE_SERVICE);
    flow_put(f, STAGE_CONNTRACK_STATE, PRIORITY_WIDE);

    match_set_masked(&f->match, F_CT_MARK, MARK_SERVICE, MARK_SERVICE | MARK_PENDING);
    match_set_masked(&f->match, F_CT_STATE, CT_TRK, CT_TRK | CT_RPL);
    act_set_masked(&f->actions, F_REG0, REG_TO_SERVICE, REG_TO_SERVICE);
    act_goto(&f->actions, STAGE_OUTPUT);
    flow_put(f, STAGE_CONNTRACK_COMMIT, PRIORITY_DIRECT);
}

/* Packets of connections that were let through, and ICMP errors about them, skip policy. */
static void put_states(struct flow *f)
{
    static const uint64_t past_policy[] = {CT_EST, CT_REL};
    match_set_masked(&f->match, F_CT_STATE, CT_INV | CT_TRK, CT_INV | CT_TRK);
    flow_put(f, STAGE_CONNTRACK_STATE, PRIORITY_EXCEPTION);
    put_service_states(f);
    put_sctp_states(f, 4);
    put_sctp_states(f, 6);
    for (size_t i = 0; i < ARRAY_LEN(past_policy); i++) {
        uint64_t state = past_policy[i] | CT_TRK;
        match_set_masked(&f->match, F_CT_STATE, state, state);
        act_past_policy(f);
        flow_put(f, STAGE_CONNTRACK_STATE, PRIORITY_NORMAL);
    }
    match_set_masked(&f->match, F_REG0, REG_PAST_POLICY, REG_PAST_POLICY);
    act_goto(&f->actions, STAGE_CONNTRACK_COMMIT);
    flow_put(f, STAGE_INGRESS_RULE, PRIORITY_EXCEPTION);
}

static void put_output(struct flow *f)
{
    match_set_masked(&f->match, F_REG0, REG_HAS_OUTPUT, REG_HAS_OUTPUT);
    act_output_field(&f->actions, F_REG1, 0, 32);
    flow_put(f, STAGE_OUTPUT, PRIORITY_NORMAL);
}

/* ---- the gateway port ---- */

static void put_gateway_port(struct flow *f, const struct node_config *c)
{
    match_set(&f->match, F_IN_PORT, c->gateway_ofport);
    act_set_masked(&f->actions, F_REG0, SOURCE_GATEWAY, REG_SOURCE_MASK);
    act_goto(&f->actions, STAGE_SPOOF_GUARD);
    flow_put(f, STAGE_CLASSIFIER, PRIORITY_NORMAL);

    match_set(&f->match, F_IN_PORT, c->gateway_ofport);
    match_set(&f->match, F_ETH_TYPE, ETH_ARP);
    act_goto(&f->actions, STAGE_NEIGHBOR);
    flow_put(f, STAGE_SPOOF_GUARD, PRIORITY_NORMAL);
    for (uint64_t type = ICMPV6_NS; type <= ICMPV6_NA; type++) {
        match_set(&f->match, F_IN_PORT, c->gateway_ofport);
        flow_match_neighbor_discovery(f, type);
        act_goto(&f->actions, STAGE_NEIGHBOR);
        flow_put(f, STAGE_SPOOF_GUARD, PRIORITY_ALWAYS);
    }
    for (uint8_t family = 4; family <= 6; family = (uint8_t)(family + 2)) {
        match_set(&f->match, F_IN_PORT, c->gateway_ofport);
        match_set(&f->match, F_ETH_TYPE, flow_eth_type(family));
        act_goto(&f->actions, STAGE_CONNTRACK_ZONE);
        flow_put(f, STAGE_SPOOF_GUARD, PRIORITY_NORMAL);
    }
    /* The node may solicit from a link-local address of any form. */
    flow_match_source(f, SOURCE_POD);
    flow_match_neighbor_discovery(f, ICMPV6_NA);
    flow_act_output(f, c->gateway_ofport);
    act_goto(&f->actions, STAGE_OUTPUT);
    flow_put(f, STAGE_NEIGHBOR, PRIORITY_REST);
    /* The node's own routing has counted the hop. */
    match_set(&f->match, F_IN_PORT, c->gateway_ofport);
    act_goto(&f->actions, STAGE_INGRESS_RULE);
    flow_put(f, STAGE_L3_DEC_TTL, PRIORITY_DIRECT);
}

/* What no other flow of the stage knows: a Pod's traffic leaves the cluster by the gateway.  What
 * comes from elsewhere does not go back there. */
static void put_outside(struct flow *f, const struct node_config *c, uint8_t family)
{
    struct prefix multicast = {.ip = {.family = family, .b = {family == 4 ? 0xe0 : 0xff}},
                               .len = family == 4 ? 4 : 8};
    flow_match_dst(f, &multicast);
    flow_put(f, STAGE_L3_FORWARDING, PRIORITY_WIDE);
    if (family == 6) {
        struct prefix link_local = {.ip = {.family = 6, .b = {0xfe, 0x80}}, .len = 10};
        flow_match_dst(f, &link_local);
        flow_put(f, STAGE_L3_FORWARDING, PRIORITY_WIDE);
    }
    flow_match_source(f, SOURCE_POD);
    match_set(&f->match, F_ETH_TYPE, flow_eth_type(family));
    act_set_mac(&f->actions, F_ETH_DST, &c->gateway_mac);
    flow_act_output(f, c->gateway_ofport);
    act_goto(&f->actions, STAGE_INGRESS_RULE); /* the node itself counts this hop */
    flow_put(f, STAGE_L3_FORWARDING, PRIORITY_REST);
}

/* ---- the node's own addresses ---- */

static void put_gateway_address(struct flow *f, const struct node_config *c, const struct ip *ip)
{
    struct prefix p = flow_host_prefix(ip);
    flow_match_dst(f, &p);
    act_set_mac(&f->actions, F_ETH_DST, &c->gateway_mac);
    flow_act_output(f, c->gateway_ofport);
    act_goto(&f->actions, STAGE_INGRESS_RULE);
    flow_put(f, STAGE_L3_FORWARDING, PRIORITY_NORMAL);
    if (ip->family == 4) {
        match_set(&f->match, F_ETH_TYPE, ETH_ARP);
        match_set(&f->match, F_ARP_OP, ARP_REQUEST);
        match_set_ip(&f->match, F_ARP_TPA, ip);
        flow_act_arp_reply(f, ip, &c->gateway_mac);
        flow_put(f, STAGE_NEIGHBOR, PRIORITY_NORMAL);
    }
}

/* Solicitations of the gateway and advertisements to it, by either of its addresses. */
static void put_gateway_neighbor(struct flow *f, const struct node_config *c, const struct ip *ip)
{
    flow_match_neighbor_discovery(f, ICMPV6_NS);
    match_set_ip(&f->match, F_ND_TARGET, ip);
    flow_act_output(f, c->gateway_ofport);
    act_goto(&f->actions, STAGE_OUTPUT);
    flow_put(f, STAGE_NEIGHBOR, PRIORITY_NORMAL);

    flow_match_neighbor_discovery(f, ICMPV6_NA);
    match_set_ip(&f->match, F_IPV6_DST, ip);
    flow_act_output(f, c->gateway_ofport);
    act_goto(&f->actions, STAGE_OUTPUT);
    flow_put(f, STAGE_NEIGHBOR, PRIORITY_NORMAL);
}

/* Probes and the node's other own packets to its Pods are always allowed. */
static void put_own_source(struct flow *f, const struct ip *ip)
{
    struct prefix p = flow_host_prefix(ip);
    flow_match_source(f, SOURCE_GATEWAY);
    flow_match_src(f, &p);
    act_goto(&f->actions, STAGE_CONNTRACK_COMMIT);
    flow_put(f, STAGE_INGRESS_RULE, PRIORITY_ALWAYS);
}

static bool is_gateway(const struct intent_self *self, const struct ip *ip)
{
    for (uint32_t i = 0; i < self->n_gateways; i++)
        if (ip_equal(&self->gateways[i], ip))
            return true;
    return false;
}

static void put_self(struct flow *f, const struct node_config *c, const struct intent_self *self)
{
    struct ip link_local = ip_link_local(&c->gateway_mac);
    for (uint32_t i = 0; i < self->n_gateways; i++) {
        put_gateway_address(f, c, &self->gateways[i]);
        put_own_source(f, &self->gateways[i]);
        if (self->gateways[i].family == 6) {
            put_gateway_neighbor(f, c, &self->gateways[i]);
            put_gateway_neighbor(f, c, &link_local);
        }
    }
    for (uint32_t i = 0; i < self->n_node_ips; i++)
        if (!is_gateway(self, &self->node_ips[i]))
            put_own_source(f, &self->node_ips[i]);
    /* An address of this node's range that no Pod has. */
    for (uint32_t i = 0; i < self->n_cidrs; i++) {
        flow_match_dst(f, &self->cidrs[i]);
        flow_put(f, STAGE_L3_FORWARDING, PRIORITY_WIDE);
    }
}

void flow_base_derive(struct derive *d, const char *key)
{
    const struct node_config *config = flow_config(d);
    const struct intent_self *self = flow_self(d);
    auto_flow f;
    flow_begin(&f, d, "flow_base", key);
    put_misses(&f);
    put_states(&f);
    put_output(&f);
    put_conntrack(&f, 4);
    put_conntrack(&f, 6);
    if (!config)
        return;
    put_gateway_port(&f, config);
    put_outside(&f, config, 4);
    put_outside(&f, config, 6);
    if (self)
        put_self(&f, config, self);
}

/* ---- the uplink ---- */

/* What the node sends goes out as it is, what comes in is the node's: its own traffic and the
 * tunnels' outer packets.  Nothing else is between the two, and no Pod is reached this way but by
 * the node's own routing, as without a switch. */
static void put_wire(struct flow *f, uint32_t from, uint32_t to)
{
    match_set(&f->match, F_IN_PORT, from);
    act_output(&f->actions, to);
    flow_put(f, STAGE_CLASSIFIER, PRIORITY_NORMAL);
}

void flow_uplink_derive(struct derive *d, const char *key)
{
    const struct node_config *config = flow_config(d);
    if (!config || config->uplink_ofport == 0)
        return;
    auto_flow f;
    flow_begin(&f, d, "flow_uplink", key);
    put_wire(&f, OFPORT_LOCAL, config->uplink_ofport);
    put_wire(&f, config->uplink_ofport, OFPORT_LOCAL);
}
