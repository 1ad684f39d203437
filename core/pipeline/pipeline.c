/* SPDX-License-Identifier: Apache-2.0 */
#include "core/pipeline/pipeline.h"

#include <string.h>

#include "core/base/hash.h"

uint64_t flow_cookie(const char *kind, const char *unit_key)
{
    return UINT64_C(0x5e) << 56 | hash_str(unit_key, hash_str(kind, 0)) >> 8;
}

void flow_begin(struct flow *f, struct derive *d, const char *kind, const char *unit_key)
{
    memset(f, 0, sizeof *f);
    f->derive = d;
    f->cookie = flow_cookie(kind, unit_key);
    match_init(&f->match);
    actions_init(&f->actions);
    f->actions.wire = derive_buffer(d);
    f->key = derive_buffer(d);
    f->value = derive_buffer(d);
}

void flow_put(struct flow *f, enum stage stage, enum priority priority)
{
    sbuf_clear(&f->key);
    sbuf_clear(&f->value);
    flow_key_encode((uint8_t)stage, (uint16_t)priority, &f->match, &f->key);
    flow_value_encode(f->cookie, 0, 0, 0, &f->actions, &f->value);
    derive_out(f->derive, SPACE_FLOW, f->key.data, f->key.len, f->value.data, f->value.len);
    match_init(&f->match);
    actions_clear(&f->actions);
}

void flow_done(struct flow *f)
{
    derive_buffer_done(f->derive, &f->actions.wire);
    derive_buffer_done(f->derive, &f->key);
    derive_buffer_done(f->derive, &f->value);
}

const struct node_config *flow_config(struct derive *d)
{
    const struct row *row = view_get(derive_view(d), TABLE_CONFIG, "");
    return row ? row->value : NULL;
}

const struct intent_self *flow_self(struct derive *d)
{
    const struct row *row = view_get(derive_view(d), TABLE_SELF, "");
    return row ? row->value : NULL;
}

uint16_t flow_eth_type(uint8_t family)
{
    return family == 4 ? ETH_IPV4 : ETH_IPV6;
}

uint16_t flow_zone(uint8_t family)
{
    return family == 4 ? ZONE_IPV4 : ZONE_IPV6;
}

void flow_match_src(struct flow *f, const struct prefix *p)
{
    match_set(&f->match, F_ETH_TYPE, flow_eth_type(p->ip.family));
    match_set_prefix(&f->match, p->ip.family == 4 ? F_IPV4_SRC : F_IPV6_SRC, p);
}

void flow_match_dst(struct flow *f, const struct prefix *p)
{
    match_set(&f->match, F_ETH_TYPE, flow_eth_type(p->ip.family));
    match_set_prefix(&f->match, p->ip.family == 4 ? F_IPV4_DST : F_IPV6_DST, p);
}

struct prefix flow_host_prefix(const struct ip *ip)
{
    return (struct prefix){*ip, (uint8_t)ip_bits(ip)};
}

void flow_match_port(struct flow *f, uint8_t family, uint8_t proto, uint16_t port, uint16_t mask)
{
    enum field field = proto == PROTO_TCP ? F_TCP_DST : proto == PROTO_UDP ? F_UDP_DST : F_SCTP_DST;
    match_set(&f->match, F_ETH_TYPE, flow_eth_type(family));
    match_set(&f->match, F_IP_PROTO, proto);
    if (mask)
        match_set_masked(&f->match, field, port, mask);
}

void flow_match_neighbor_discovery(struct flow *f, uint64_t type)
{
    match_set(&f->match, F_ETH_TYPE, ETH_IPV6);
    match_set(&f->match, F_IP_PROTO, PROTO_ICMPV6);
    match_set(&f->match, F_ICMPV6_TYPE, type);
    match_set(&f->match, F_ICMPV6_CODE, 0);
}

void flow_match_source(struct flow *f, enum reg_source source)
{
    match_set_masked(&f->match, F_REG0, (uint64_t)source, REG_SOURCE_MASK);
}

void flow_act_output(struct flow *f, uint32_t ofport)
{
    act_set(&f->actions, F_REG1, ofport);
    act_set_masked(&f->actions, F_REG0, REG_HAS_OUTPUT, REG_HAS_OUTPUT);
}

void flow_act_arp_reply(struct flow *f, const struct ip *ip, const struct mac *mac)
{
    enum { ARP_REPLY = 2, MAC_BITS = 48, IPV4_BITS = 32 };
    struct actions *a = &f->actions;
    act_move(a, F_ETH_SRC, 0, F_ETH_DST, 0, MAC_BITS);
    act_set_mac(a, F_ETH_SRC, mac);
    act_set(a, F_ARP_OP, ARP_REPLY);
    act_move(a, F_ARP_SHA, 0, F_ARP_THA, 0, MAC_BITS);
    act_set_mac(a, F_ARP_SHA, mac);
    act_move(a, F_ARP_SPA, 0, F_ARP_TPA, 0, IPV4_BITS);
    act_set_ip(a, F_ARP_SPA, ip);
    act_output(a, OFPORT_IN_PORT);
}

size_t port_range_masks(uint16_t first, uint16_t last, struct port_mask *out)
{
    size_t n = 0;
    uint32_t at = first;
    while (at <= last) {
        uint32_t size = at ? at & (~at + 1) : UINT32_C(1) << 16; /* alignment of 'at' */
        while (at + size - 1 > last)
            size >>= 1;
        out[n++] = (struct port_mask){(uint16_t)at, (uint16_t)(UINT16_MAX & ~(size - 1))};
        at += size;
    }
    return n;
}

unsigned rule_clauses(const struct intent_rule *r)
{
    return 1u + !r->anyone + (r->ports == RULE_PORTS_LISTED);
}

unsigned rule_port_clause(const struct intent_rule *r)
{
    return 1u + !r->anyone;
}

enum stage rule_stage(uint8_t direction)
{
    return direction == DIRECTION_INGRESS ? STAGE_INGRESS_RULE : STAGE_EGRESS_RULE;
}

enum stage rule_allowed_stage(uint8_t direction)
{
    return direction == DIRECTION_INGRESS ? STAGE_CONNTRACK_COMMIT : STAGE_L3_FORWARDING;
}
