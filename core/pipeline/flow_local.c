/* SPDX-License-Identifier: Apache-2.0
 *
 * All flows of one attached Pod.  A Pod that is not whole has none: the classifier drops what its
 * port sends, and nothing is forwarded to it. */
#include "core/pipeline/pipeline.h"

#include <string.h>

#include "core/base/sort.h"
#include "core/base/vec.h"

enum { ARP_REQUEST = 1 };

struct local_work {
    struct flow *f;
    const struct node_config *config;
    const struct intent_local *pod;
    struct ip link_local;
    VEC(uint64_t) clauses[2]; /* by direction: rules in the one flow of the Pod's own clauses */
};

/* ---- what the Pod may send ---- */

static void match_sender(struct local_work *w)
{
    match_set(&w->f->match, F_IN_PORT, w->pod->ofport);
    match_set_mac(&w->f->match, F_ETH_SRC, &w->pod->mac);
}

static void put_source(struct local_work *w, const struct ip *ip)
{
    struct prefix p = flow_host_prefix(ip);
    match_sender(w);
    flow_match_src(w->f, &p);
    act_goto(&w->f->actions, STAGE_CONNTRACK_ZONE);
    flow_put(w->f, STAGE_SPOOF_GUARD, PRIORITY_NORMAL);
    if (ip->family != 4)
        return;
    match_sender(w);
    match_set(&w->f->match, F_ETH_TYPE, ETH_ARP);
    match_set_ip(&w->f->match, F_ARP_SPA, ip);
    match_set_mac(&w->f->match, F_ARP_SHA, &w->pod->mac);
    act_goto(&w->f->actions, STAGE_NEIGHBOR);
    flow_put(w->f, STAGE_SPOOF_GUARD, PRIORITY_NORMAL);
}

/* A solicitation names the sender's own MAC or none; so does an advertisement, and it speaks of
 * one of the Pod's own addresses. */
static void put_solicitation(struct local_work *w, const struct ip *src, const struct mac *named)
{
    match_sender(w);
    flow_match_neighbor_discovery(w->f, ICMPV6_NS);
    match_set_ip(&w->f->match, F_IPV6_SRC, src);
    match_set_mac(&w->f->match, F_ND_SLL, named);
    act_goto(&w->f->actions, STAGE_NEIGHBOR);
    flow_put(w->f, STAGE_SPOOF_GUARD, PRIORITY_EXCEPTION);
}

static void put_advertisement(struct local_work *w, const struct ip *src, const struct ip *target,
                              const struct mac *named)
{
    match_sender(w);
    flow_match_neighbor_discovery(w->f, ICMPV6_NA);
    match_set_ip(&w->f->match, F_IPV6_SRC, src);
    match_set_ip(&w->f->match, F_ND_TARGET, target);
    match_set_mac(&w->f->match, F_ND_TLL, named);
    act_goto(&w->f->actions, STAGE_NEIGHBOR);
    flow_put(w->f, STAGE_SPOOF_GUARD, PRIORITY_EXCEPTION);
}

/* The Pod's IPv6 addresses, the link-local one last. */
static size_t own_ipv6(const struct local_work *w, struct ip *out)
{
    size_t n = 0;
    for (size_t i = 0; i < w->pod->n_ips; i++)
        if (w->pod->ips[i].family == 6)
            out[n++] = w->pod->ips[i];
    if (n)
        out[n++] = w->link_local;
    return n;
}

static void put_neighbor_discovery_guard(struct local_work *w)
{
    static const struct mac none = {{0}};
    const struct mac *named[] = {&w->pod->mac, &none};
    struct ip own[LOCAL_MAX_IPS + 1];
    size_t n = own_ipv6(w, own);
    if (n == 0)
        return;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < ARRAY_LEN(named); k++) {
            put_solicitation(w, &own[i], named[k]);
            for (size_t t = 0; t < n; t++)
                put_advertisement(w, &own[i], &own[t], named[k]);
        }
    }
    /* Neighbour discovery with code 0 is dropped by a flow of its own: see
     * flow_match_neighbor_discovery(). */
    for (uint64_t type = ICMPV6_RS; type <= ICMPV6_REDIRECT; type++) {
        if (type == ICMPV6_NS || type == ICMPV6_NA) {
            match_set(&w->f->match, F_IN_PORT, w->pod->ofport);
            flow_match_neighbor_discovery(w->f, type);
            flow_put(w->f, STAGE_SPOOF_GUARD, PRIORITY_ALWAYS);
        }
        match_set(&w->f->match, F_IN_PORT, w->pod->ofport);
        match_set(&w->f->match, F_ETH_TYPE, ETH_IPV6);
        match_set(&w->f->match, F_IP_PROTO, PROTO_ICMPV6);
        match_set(&w->f->match, F_ICMPV6_TYPE, type);
        flow_put(w->f, STAGE_SPOOF_GUARD, PRIORITY_DIRECT);
    }
}

static void put_classifier(struct local_work *w)
{
    match_set(&w->f->match, F_IN_PORT, w->pod->ofport);
    act_set_masked(&w->f->actions, F_REG0, SOURCE_POD, REG_SOURCE_MASK);
    act_goto(&w->f->actions, STAGE_SPOOF_GUARD);
    flow_put(w->f, STAGE_CLASSIFIER, PRIORITY_NORMAL);
}

/* ---- how the Pod is found ---- */

static void put_arp(struct local_work *w, const struct ip *ip)
{
    match_set(&w->f->match, F_ETH_TYPE, ETH_ARP);
    match_set(&w->f->match, F_ARP_OP, ARP_REQUEST);
    match_set_ip(&w->f->match, F_ARP_TPA, ip);
    flow_act_arp_reply(w->f, ip, &w->pod->mac);
    flow_put(w->f, STAGE_NEIGHBOR, PRIORITY_NORMAL);
    /* Its own probes for its own address find nobody. */
    match_set(&w->f->match, F_IN_PORT, w->pod->ofport);
    match_set(&w->f->match, F_ETH_TYPE, ETH_ARP);
    match_set_ip(&w->f->match, F_ARP_TPA, ip);
    flow_put(w->f, STAGE_NEIGHBOR, PRIORITY_EXCEPTION);
}

static void put_neighbor(struct local_work *w, const struct ip *ip)
{
    flow_match_neighbor_discovery(w->f, ICMPV6_NS);
    match_set_ip(&w->f->match, F_ND_TARGET, ip);
    flow_act_output(w->f, w->pod->ofport);
    act_goto(&w->f->actions, STAGE_OUTPUT);
    flow_put(w->f, STAGE_NEIGHBOR, PRIORITY_NORMAL);

    flow_match_neighbor_discovery(w->f, ICMPV6_NA);
    match_set_ip(&w->f->match, F_IPV6_DST, ip);
    flow_act_output(w->f, w->pod->ofport);
    act_goto(&w->f->actions, STAGE_OUTPUT);
    flow_put(w->f, STAGE_NEIGHBOR, PRIORITY_NORMAL);
}

/* Routed packets (addressed to the gateway's MAC) get this node's as their source. */
static void put_forwarding(struct local_work *w, const struct ip *ip)
{
    struct prefix p = flow_host_prefix(ip);
    match_set_mac(&w->f->match, F_ETH_DST, &w->config->gateway_mac);
    flow_match_dst(w->f, &p);
    act_set_mac(&w->f->actions, F_ETH_SRC, &w->config->gateway_mac);
    act_set_mac(&w->f->actions, F_ETH_DST, &w->pod->mac);
    flow_act_output(w->f, w->pod->ofport);
    act_goto(&w->f->actions, STAGE_L3_DEC_TTL);
    flow_put(w->f, STAGE_L3_FORWARDING, PRIORITY_DIRECT);

    flow_match_dst(w->f, &p);
    act_set_mac(&w->f->actions, F_ETH_DST, &w->pod->mac);
    flow_act_output(w->f, w->pod->ofport);
    act_goto(&w->f->actions, STAGE_INGRESS_RULE);
    flow_put(w->f, STAGE_L3_FORWARDING, PRIORITY_NORMAL);
}

/* A Pod that reached itself through a Service must answer through the switch. */
static void put_service_hairpin(struct local_work *w, uint8_t family)
{
    struct ip ip = hairpin_address(family);
    match_set(&w->f->match, F_IN_PORT, w->pod->ofport);
    match_set(&w->f->match, F_REG1, w->pod->ofport);
    match_set(&w->f->match, F_ETH_TYPE, flow_eth_type(family));
    match_set_masked(&w->f->match, F_REG0, REG_TO_SERVICE, REG_TO_SERVICE);
    act_set_ip(&w->f->actions, family == 4 ? F_IPV4_SRC : F_IPV6_SRC, &ip);
    act_output(&w->f->actions, OFPORT_IN_PORT);
    flow_put(w->f, STAGE_OUTPUT, PRIORITY_EXCEPTION);
}

/* A Pod to itself is always allowed, and turns around at its port. */
static void put_hairpin(struct local_work *w)
{
    for (size_t i = 0; i < w->pod->n_ips; i++) {
        struct prefix p = flow_host_prefix(&w->pod->ips[i]);
        match_set(&w->f->match, F_IN_PORT, w->pod->ofport);
        flow_match_dst(w->f, &p);
        act_goto(&w->f->actions, STAGE_L3_FORWARDING);
        flow_put(w->f, STAGE_EGRESS_RULE, PRIORITY_ALWAYS);
        put_service_hairpin(w, w->pod->ips[i].family);
    }
    match_set(&w->f->match, F_IN_PORT, w->pod->ofport);
    match_set(&w->f->match, F_REG1, w->pod->ofport);
    act_goto(&w->f->actions, STAGE_CONNTRACK_COMMIT);
    flow_put(w->f, STAGE_INGRESS_RULE, PRIORITY_ALWAYS);
    match_set(&w->f->match, F_IN_PORT, w->pod->ofport);
    match_set(&w->f->match, F_REG1, w->pod->ofport);
    act_output(&w->f->actions, OFPORT_IN_PORT);
    flow_put(w->f, STAGE_OUTPUT, PRIORITY_DIRECT);
}

/* ---- policy ---- */

static void match_applied(struct local_work *w, uint8_t direction)
{
    match_set(&w->f->match, direction == DIRECTION_INGRESS ? F_REG1 : F_IN_PORT, w->pod->ofport);
}

static void put_isolation(struct local_work *w, uint8_t direction)
{
    match_applied(w, direction);
    flow_put(w->f, direction == DIRECTION_INGRESS ? STAGE_INGRESS_DEFAULT : STAGE_EGRESS_DEFAULT,
             PRIORITY_NORMAL);
}

/* The flow of one applied rule: a clause, or all of the rule if nothing else is asked. */
static void put_applied_flow(struct local_work *w, const struct applied_rule *a,
                             const struct intent_rule *rule, uint32_t id)
{
    unsigned n = rule_clauses(rule);
    if (n > 1)
        act_conjunction(&w->f->actions, id, CLAUSE_APPLIED, (uint8_t)n);
    else
        act_goto(&w->f->actions, (uint8_t)rule_allowed_stage(a->direction));
    flow_put(w->f, rule_stage(a->direction), n > 1 ? PRIORITY_NORMAL : PRIORITY_DIRECT);
}

static void put_applied_rule(struct local_work *w, const struct applied_rule *a)
{
    struct view *v = derive_view(w->f->derive);
    char key[INTENT_ID_TEXT_MAX];
    const struct row *row = view_get(v, TABLE_RULE, intent_id_format(&a->rule, key));
    if (!row)
        return; /* its policy goes in this very run */
    const struct intent_rule *rule = row->value;
    uint32_t id = rule_clauses(rule) > 1 ? rule_id_of(v, &a->rule) : 0;
    if (rule->ports != RULE_PORTS_APPLIED) {
        match_applied(w, a->direction);
        put_applied_flow(w, a, rule, id);
        if (id)
            VEC_PUSH_IN(derive_arena(w->f->derive), &w->clauses[a->direction], id);
        return;
    }
    for (uint8_t family = 4; family <= 6; family = (uint8_t)(family + 2)) {
        match_applied(w, a->direction);
        flow_match_port(w->f, family, a->proto, a->port, UINT16_MAX);
        put_applied_flow(w, a, rule, id);
    }
}

static size_t count_distinct(uint64_t *v, size_t n)
{
    size_t distinct = 0;
    sort_u64(v, n);
    for (size_t i = 0; i < n; i++)
        distinct += i == 0 || v[i] != v[i - 1];
    return distinct;
}

/* A flow of clauses is cut where it is too long for a message. */
static void check_clauses(struct local_work *w)
{
    static const char *const names[] = {
        [DIRECTION_INGRESS] = "ingress", [DIRECTION_EGRESS] = "egress"};
    for (uint8_t direction = 0; direction < 2; direction++) {
        size_t n = w->clauses[direction].n;
        if (n > FLOW_CONJUNCTIONS_MAX)
            n = count_distinct(w->clauses[direction].v, n);
        if (n > FLOW_CONJUNCTIONS_MAX)
            derive_fail(w->f->derive, "%zu %s rules apply to it, %d of them hold", n,
                        names[direction], FLOW_CONJUNCTIONS_MAX);
    }
}

static void put_policy(struct local_work *w, const char *key)
{
    size_t n;
    const struct row **rows =
        view_list_index(derive_view(w->f->derive), TABLE_APPLIED, APPLIED_BY_LOCAL, key, &n);
    for (size_t i = 0; i < n; i++) {
        const struct intent_applied *applied = rows[i]->value;
        for (uint8_t direction = 0; direction < 2; direction++)
            if (applied->isolates[direction])
                put_isolation(w, direction);
        for (uint32_t k = 0; k < applied->n_rules; k++)
            put_applied_rule(w, &applied->rules[k]);
    }
    check_clauses(w);
}

void flow_local_derive(struct derive *d, const char *key)
{
    const struct node_config *config = flow_config(d);
    const struct intent_local *pod = view_get(derive_view(d), TABLE_LOCAL, key)->value;
    if (!config || pod->ofport == 0 || pod->blocked || pod->superseded)
        return;
    auto_flow f;
    flow_begin(&f, d, "flow_local", key);
    struct local_work w = {.f = &f, .config = config, .pod = pod};
    w.link_local = ip_link_local(&pod->mac);
    put_classifier(&w);
    put_neighbor_discovery_guard(&w);
    for (size_t i = 0; i < pod->n_ips; i++) {
        put_source(&w, &pod->ips[i]);
        put_forwarding(&w, &pod->ips[i]);
        if (pod->ips[i].family == 4) {
            put_arp(&w, &pod->ips[i]);
        } else {
            put_neighbor(&w, &pod->ips[i]);
            put_neighbor(&w, &w.link_local);
        }
    }
    put_hairpin(&w);
    put_policy(&w, key);
}
