/* SPDX-License-Identifier: Apache-2.0 */
#include "core/node/node_intents.h"

#include <string.h>

#include "core/intent/intent.h"
#include "core/k8s/object.h"

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

void node_self_derive(struct derive *d, const char *key)
{
    const struct node_config *config;
    const struct node *node = own_node(d, &config);
    if (!node || node->n_pod_cidrs == 0)
        return;
    struct intent_self self;
    memset(&self, 0, sizeof self);
    take_cidr(node, 4, &self);
    take_cidr(node, 6, &self);
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
