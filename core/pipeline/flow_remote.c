/* SPDX-License-Identifier: Apache-2.0
 *
 * Other nodes: the tunnel to them, and what the node itself needs to get there or out. */
#include "core/pipeline/pipeline.h"

#include <stdlib.h>
#include <string.h>

enum { ARP_REQUEST = 1 };

/* Only known nodes may send by the tunnel. */
static void put_from_tunnel(struct flow *f, const struct node_config *c, const struct ip *tunnel)
{
    struct prefix p = flow_host_prefix(tunnel);
    match_set(&f->match, F_IN_PORT, c->tunnel_ofport);
    match_set_prefix(&f->match, tunnel->family == 4 ? F_TUN_SRC : F_TUN_IPV6_SRC, &p);
    act_set_masked(&f->actions, F_REG0, SOURCE_TUNNEL, REG_SOURCE_MASK);
    act_goto(&f->actions, STAGE_CONNTRACK_ZONE);
    flow_put(f, STAGE_CLASSIFIER, PRIORITY_NORMAL);
}

static void put_to_tunnel(struct flow *f, const struct node_config *c,
                          const struct intent_remote *remote, const struct prefix *cidr)
{
    /* Not back to where it came from. */
    flow_match_source(f, SOURCE_TUNNEL);
    flow_match_dst(f, cidr);
    flow_put(f, STAGE_L3_FORWARDING, PRIORITY_WIDE_EXCEPTION);

    flow_match_dst(f, cidr);
    act_set_mac(&f->actions, F_ETH_SRC, &c->gateway_mac);
    act_set_mac(&f->actions, F_ETH_DST, &remote->gateway_mac);
    act_set_ip(&f->actions, remote->tunnel.family == 4 ? F_TUN_DST : F_TUN_IPV6_DST,
               &remote->tunnel);
    flow_act_output(f, c->tunnel_ofport);
    act_goto(&f->actions, STAGE_L3_DEC_TTL);
    flow_put(f, STAGE_L3_FORWARDING, PRIORITY_WIDE);
}

/* ---- the node's own way there ---- */

static void put_host_row(struct derive *d, const char *key, const char *value)
{
    derive_out(d, SPACE_ROUTE, key, strlen(key), value, strlen(value));
}

static void put_route(struct derive *d, const struct node_config *c,
                      const struct intent_remote *remote, uint32_t i)
{
    struct arena *a = derive_arena(d);
    char prefix[PREFIX_TEXT_MAX], gateway[IP_TEXT_MAX], mac[MAC_TEXT_MAX];
    prefix_format(&remote->cidrs[i], prefix);
    ip_format(&remote->gateways[i], gateway);
    mac_format(&remote->gateway_mac, mac);
    put_host_row(d, arena_printf(a, "route %s", prefix),
                 arena_printf(a, "via %s dev %s", gateway, c->gateway));
    put_host_row(d, arena_printf(a, "neigh %s", gateway),
                 arena_printf(a, "lladdr %s dev %s", mac, c->gateway));
}

static void put_arp(struct flow *f, const struct node_config *c, const struct ip *gateway,
                    const struct mac *mac)
{
    match_set(&f->match, F_IN_PORT, c->gateway_ofport);
    match_set(&f->match, F_ETH_TYPE, ETH_ARP);
    match_set(&f->match, F_ARP_OP, ARP_REQUEST);
    match_set_ip(&f->match, F_ARP_TPA, gateway);
    flow_act_arp_reply(f, gateway, mac);
    flow_put(f, STAGE_NEIGHBOR, PRIORITY_NORMAL);
}

void flow_remote_derive(struct derive *d, const char *key)
{
    const struct node_config *config = flow_config(d);
    const struct intent_remote *remote = view_get(derive_view(d), TABLE_REMOTE, key)->value;
    if (!config || !config->encap || remote->tunnel.family == 0)
        return;
    auto_flow f;
    flow_begin(&f, d, "flow_remote", key);
    put_from_tunnel(&f, config, &remote->tunnel);
    for (uint32_t i = 0; i < remote->n_cidrs; i++) {
        put_to_tunnel(&f, config, remote, &remote->cidrs[i]);
        if (remote->gateways[i].family == 4)
            put_arp(&f, config, &remote->gateways[i], &remote->gateway_mac);
        put_route(d, config, remote, i);
    }
}

/* ---- out of the cluster ---- */

static int cmp_prefix(const void *a, const void *b)
{
    return prefix_cmp(a, b);
}

/* All podCIDRs of a family, sorted, joined by commas. */
static const char *all_cidrs(struct derive *d, const struct intent_self *self, uint8_t family)
{
    struct arena *a = derive_arena(d);
    size_t n_remotes, n = 0;
    const struct row **remotes = view_list(derive_view(d), TABLE_REMOTE, &n_remotes);
    struct prefix *all =
        arena_alloc(a, (SELF_MAX_CIDRS + n_remotes * REMOTE_MAX_CIDRS) * sizeof *all);
    for (uint32_t i = 0; i < self->n_cidrs; i++)
        if (self->cidrs[i].ip.family == family)
            all[n++] = self->cidrs[i];
    for (size_t r = 0; r < n_remotes; r++) {
        const struct intent_remote *remote = remotes[r]->value;
        for (uint32_t i = 0; i < remote->n_cidrs; i++)
            if (remote->cidrs[i].ip.family == family)
                all[n++] = remote->cidrs[i];
    }
    qsort(all, n, sizeof *all, cmp_prefix);
    auto_sbuf text = SBUF_INIT;
    for (size_t i = 0; i < n; i++) {
        char one[PREFIX_TEXT_MAX];
        if (i && prefix_equal(&all[i], &all[i - 1]))
            continue;
        sbuf_printf(&text, "%s%s", text.len ? "," : "", prefix_format(&all[i], one));
    }
    return arena_strdup(a, sbuf_cstr(&text));
}

void host_nat_derive(struct derive *d, const char *key)
{
    (void)key;
    const struct node_config *config = flow_config(d);
    const struct intent_self *self = flow_self(d);
    if (!config || !self || !config->masquerade)
        return;
    /* NetNat has no exceptions and no IPv6: see platform/hostnat.h. */
    bool netnat = !strcmp(config->platform, "windows");
    for (uint32_t i = 0; i < self->n_cidrs; i++) {
        char prefix[PREFIX_TEXT_MAX];
        if (netnat && self->cidrs[i].ip.family != 4)
            continue;
        prefix_format(&self->cidrs[i], prefix);
        const char *row = arena_printf(derive_arena(d), "masquerade %s", prefix);
        const char *value =
            netnat ? arena_printf(derive_arena(d), "gateway %s", config->gateway)
                   : arena_printf(derive_arena(d), "except %s gateway %s",
                                  all_cidrs(d, self, self->cidrs[i].ip.family), config->gateway);
        derive_out(d, SPACE_HOSTNAT, row, strlen(row), value, strlen(value));
    }
}
