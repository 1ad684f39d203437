/* SPDX-License-Identifier: Apache-2.0 */
#include "core/node/node_intents.h"

#include <string.h>

#include "core/intent/intent.h"
#include "core/k8s/object.h"
#include "core/pod/attachment.h"

static const struct node *own_node(struct derive *d, const struct node_config **config_out)
{
    const struct row *row = view_get(derive_view(d), TABLE_CONFIG, "");
    *config_out = row ? row->value : NULL;
    if (!row)
        return NULL;
    row = view_get(derive_view(d), TABLE_NODE, (*config_out)->node_name);
    return row ? row->value : NULL;
}

static bool has_family(const struct ip *ips, size_t n, uint8_t family)
{
    for (size_t i = 0; i < n; i++)
        if (ips[i].family == family)
            return true;
    return false;
}

/* The first podCIDR of a family. */
static void take_cidr(const struct node *node, uint8_t family, struct intent_self *self)
{
    for (size_t i = 0; i < node->n_pod_cidrs; i++) {
        const struct prefix *p = &node->pod_cidrs[i];
        if (p->ip.family != family)
            continue;
        self->cidrs[self->n_cidrs++] = *p;
        self->gateways[self->n_gateways++] = prefix_nth(p, 1);
        return;
    }
}

static bool has_cidr(const struct intent_self *self, const struct prefix *p)
{
    for (uint32_t i = 0; i < self->n_cidrs; i++)
        if (prefix_equal(&self->cidrs[i], p))
            return true;
    return false;
}

/* Adds a podCIDR in order behind the first 'n'. */
static void insert_cidr(struct intent_self *self, uint32_t n, const struct prefix *p)
{
    uint32_t at = self->n_cidrs;
    if (at == SELF_MAX_CIDRS || has_cidr(self, p))
        return;
    for (; at > n && prefix_cmp(&self->cidrs[at - 1], p) > 0; at--) {
        self->cidrs[at] = self->cidrs[at - 1];
        self->gateways[at] = self->gateways[at - 1];
    }
    self->cidrs[at] = *p;
    self->gateways[at] = prefix_nth(p, 1);
    self->n_cidrs = self->n_gateways = self->n_cidrs + 1;
}

/* PodCIDRs that the Node had before: Pods attached then keep their addresses and their gateway. */
static void take_former_cidrs(struct derive *d, const struct node *node, struct intent_self *self)
{
    size_t n;
    uint32_t own = self->n_cidrs;
    const struct row **rows = view_list(derive_view(d), TABLE_ATTACHMENT, &n);
    for (size_t r = 0; r < n; r++) {
        const struct attachment *at = rows[r]->value;
        for (size_t i = 0; i < at->n_ips; i++) {
            struct prefix p = {.ip = at->ips[i], .len = at->subnet_len[i]};
            bool known = p.len && p.len < ip_bits(&p.ip);
            p = prefix_masked(&p);
            for (size_t c = 0; known && c < node->n_pod_cidrs; c++)
                known = !prefix_equal(&node->pod_cidrs[c], &p);
            if (known)
                insert_cidr(self, own, &p);
        }
    }
}

void node_self_derive(struct derive *d, const char *key)
{
    const struct node_config *config;
    const struct node *node = own_node(d, &config);
    if (!node)
        return;
    struct intent_self self;
    memset(&self, 0, sizeof self);
    take_cidr(node, 4, &self);
    take_cidr(node, 6, &self);
    take_former_cidrs(d, node, &self);
    if (self.n_cidrs == 0)
        return;
    for (size_t i = 0; i < node->n_internal_ips && self.n_node_ips < SELF_MAX_IPS; i++)
        self.node_ips[self.n_node_ips++] = node->internal_ips[i];
    derive_row(d, TABLE_SELF, key, &self, sizeof self);
}

static struct ip tunnel_address(const struct node *own, const struct node *other)
{
    static const uint8_t families[] = {4, 6};
    for (size_t f = 0; f < ARRAY_LEN(families); f++) {
        if (own && !has_family(own->internal_ips, own->n_internal_ips, families[f]))
            continue;
        for (size_t i = 0; i < other->n_internal_ips; i++)
            if (other->internal_ips[i].family == families[f])
                return other->internal_ips[i];
    }
    return (struct ip){.family = 0};
}

void node_remote_derive(struct derive *d, const char *key)
{
    const struct node_config *config;
    const struct node *own = own_node(d, &config);
    const struct node *other = view_get(derive_view(d), TABLE_NODE, key)->value;
    if (!config || strcmp(config->node_name, key) == 0 || other->n_pod_cidrs == 0)
        return;
    struct intent_remote remote;
    memset(&remote, 0, sizeof remote);
    for (size_t i = 0; i < other->n_pod_cidrs && remote.n_cidrs < REMOTE_MAX_CIDRS; i++) {
        remote.gateways[remote.n_cidrs] = prefix_nth(&other->pod_cidrs[i], 1);
        remote.cidrs[remote.n_cidrs++] = other->pod_cidrs[i];
    }
    remote.tunnel = tunnel_address(own, other);
    remote.gateway_mac = mac_from_name("gateway", key);
    if (remote.tunnel.family == 0)
        derive_fail(d, "node %s has no InternalIP of a family that this node has", key);
    derive_row(d, TABLE_REMOTE, key, &remote, sizeof remote);
}
