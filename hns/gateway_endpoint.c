/* SPDX-License-Identifier: Apache-2.0 */
#include "hns/gateway_endpoint.h"

#include "hns/network.h"

enum { GATEWAY_MAX_CIDRS = 4, GATEWAY_ARENA = 16 << 20 };

struct gateway_ensure {
    struct hns_client *h;
    const struct gateway_endpoint *spec;
    struct arena a;
    struct guid id, network;
    struct prefix addresses[GATEWAY_MAX_CIDRS];
    size_t n_addresses;
    struct err *err;
};

struct guid gateway_endpoint_id(const char *name)
{
    return guid_from_name("seine gateway", name);
}

/* What it is to have on this HNS. */
static int gateway_plan(struct gateway_ensure *g)
{
    for (size_t i = 0; i < g->spec->n_cidrs && g->n_addresses < GATEWAY_MAX_CIDRS; i++) {
        struct prefix cidr = prefix_masked(&g->spec->cidrs[i]);
        int rc = cidr.ip.family == 6 ? hns_need(g->h, FEATURE_DUAL_STACK, g->err) : 0;
        if (rc < 0 && rc != ERR_UNSUPPORTED) {
            return rc;
        }
        if (rc == 0) {
            g->addresses[g->n_addresses++] =
                (struct prefix){.ip = prefix_nth(&cidr, 1), .len = cidr.len};
        }
    }
    return 0;
}

static int gateway_find_network(struct gateway_ensure *g)
{
    struct hcn_network n;
    struct err why = {0};
    switch (network_find(g->h, NETWORK_NAME, &g->a, &n, &why)) {
    case HNS_UNKNOWN:
        return hns_pass(&why, g->err);
    case HNS_ABSENT:
        return err_set(g->err, ERR_AGAIN, "HNS network %s is not there", NETWORK_NAME);
    case HNS_PRESENT:
        break;
    }
    g->network = n.id;
    return 0;
}

static bool gateway_is_right(const struct gateway_ensure *g, const struct hcn_endpoint *e)
{
    bool same = guid_equal(&e->network, &g->network) && hcn_mac_is(e->mac_address, &g->spec->mac) &&
                e->ips.n == g->n_addresses;
    for (size_t i = 0; same && i < g->n_addresses; i++) {
        bool has = false;
        for (size_t k = 0; k < e->ips.n; k++) {
            has = has || hcn_ip_is(e->ips.v[k].ip_address, &g->addresses[i].ip);
        }
        same = has;
    }
    return same;
}

static int gateway_make(struct gateway_ensure *g)
{
    char text[IP_TEXT_MAX], mac[HCN_MAC_TEXT_MAX];
    struct hcn_ip_config ips[GATEWAY_MAX_CIDRS];
    for (size_t i = 0; i < g->n_addresses; i++) {
        ips[i] = (struct hcn_ip_config){arena_strdup(&g->a, ip_format(&g->addresses[i].ip, text)),
                                        g->addresses[i].len};
    }
    struct hcn_endpoint e = {.schema_version = HCN_SCHEMA_2,
                             .id = g->id,
                             .name = g->spec->name,
                             .network = g->network,
                             .ips = {ips, g->n_addresses},
                             .mac_address = hcn_mac_format(&g->spec->mac, mac)};
    int rc = hns_endpoint_create(g->h, &e, g->err);
    return rc == ERR_EXISTS ? err_set(g->err, ERR_AGAIN, "endpoint %s was made meanwhile", e.name)
                            : rc;
}

static int gateway_attach(struct gateway_ensure *g)
{
    struct hcn_namespace host;
    struct err why = {0};
    switch (hns_namespace_host(g->h, &g->a, &host, &why)) {
    case HNS_UNKNOWN:
        return hns_pass(&why, g->err);
    case HNS_ABSENT:
        return err_set(g->err, ERR_NOT_FOUND, "HNS shows no namespace of the host");
    case HNS_PRESENT:
        break;
    }
    return hns_attach(g->h, &host.id, &g->id, g->err);
}

static int gateway_ensure_in(struct gateway_ensure *g, bool *made_out)
{
    struct hcn_endpoint e;
    struct err why = {0};
    int rc = gateway_plan(g);
    rc = rc < 0 ? rc : gateway_find_network(g);
    if (rc < 0) {
        return rc;
    }
    enum hns_found found = hns_endpoint_get(g->h, &g->id, &g->a, &e, &why);
    if (found == HNS_UNKNOWN) {
        return hns_pass(&why, g->err);
    }
    if (found == HNS_PRESENT && !gateway_is_right(g, &e)) {
        rc = hns_endpoint_remove(g->h, &g->id, g->err);
        found = HNS_ABSENT;
    }
    bool attached = found == HNS_PRESENT && !guid_is_zero(&e.namespace_);
    if (rc == 0 && found == HNS_ABSENT) {
        rc = gateway_make(g);
    }
    if (rc == 0 && !attached) {
        rc = gateway_attach(g);
    }
    if (rc == 0) {
        *made_out = !attached;
    }
    return rc;
}

int gateway_endpoint_ensure(struct hns_client *h, const struct gateway_endpoint *spec,
                            bool *made_out, struct err *err)
{
    struct gateway_ensure g = {
        .h = h, .spec = spec, .id = gateway_endpoint_id(spec->name), .err = err};
    arena_init(&g.a, GATEWAY_ARENA);
    int rc = gateway_ensure_in(&g, made_out);
    arena_done(&g.a);
    return rc < 0 ? err_wrap(err, "gateway's NIC") : 0;
}
