/* SPDX-License-Identifier: Apache-2.0
 *
 * The network: its document, what must be equal, and the way from absent to there. */
#include "hns/network.h"

#include <string.h>

enum { NETWORK_MAX_SUBNETS = 8, NETWORK_ARENA = 16 << 20 };

struct guid network_ovs_extension(void)
{
    return (struct guid){{0x58, 0x3c, 0xc1, 0x51, 0x73, 0xec, 0x4a, 0x6a, 0x8b, 0x47, 0x57, 0x82,
                          0x97, 0xad, 0x76, 0x23}};
}

struct guid network_id(const char *name)
{
    return guid_from_name("seine network", name);
}

/* ---- reading ---- */

enum hns_found network_find(struct hns_client *h, const char *name, struct arena *a,
                            struct hcn_network *out, struct err *err)
{
    struct guid id = network_id(name);
    enum hns_found found = hns_network_get(h, &id, a, out, err);
    return found == HNS_ABSENT ? hns_network_find(h, name, a, out, err) : found;
}

/* NULL: not listed. */
static const struct hcn_vswitch_extension *network_extension(const struct hcn_network *n)
{
    struct guid ovs = network_ovs_extension();
    for (size_t i = 0; i < n->policies.n; i++) {
        const struct hcn_policy *p = &n->policies.v[i];
        if (p->type == HCN_POLICY_VSWITCH_EXTENSION && guid_equal(&p->u.extension.id, &ovs)) {
            return &p->u.extension;
        }
    }
    return NULL;
}

bool network_has_extension(const struct hcn_network *n)
{
    const struct hcn_vswitch_extension *e = network_extension(n);
    return !e || e->enable;
}

/* ---- comparing ---- */

static bool network_has_subnet(const struct hcn_network *n, const struct prefix *want)
{
    struct prefix wanted = prefix_masked(want), p;
    for (size_t i = 0; i < n->ipams.n; i++) {
        for (size_t j = 0; j < n->ipams.v[i].subnets.n; j++) {
            const char *text = n->ipams.v[i].subnets.v[j].ip_address_prefix;
            if (text && prefix_parse(text, &p) && prefix_equal(&p, &wanted)) {
                return true;
            }
        }
    }
    return false;
}

/* The extension is not compared. */
static int network_compare(const struct hcn_network *n, const struct network_spec *spec,
                           struct err *err)
{
    char text[PREFIX_TEXT_MAX];
    const struct hcn_policy *adapter = hcn_policy_find(&n->policies, HCN_POLICY_NET_ADAPTER_NAME);
    if (n->type != HCN_NETWORK_TRANSPARENT) {
        return err_set(err, ERR_CONFLICT, "HNS network %s is of type %s, not Transparent",
                       spec->name, hcn_network_type_name(n->type));
    }
    if (spec->adapter && adapter && adapter->u.text &&
        strcmp(adapter->u.text, spec->adapter) != 0) {
        return err_set(err, ERR_CONFLICT, "HNS network %s is bound to adapter %.60s, not %.60s",
                       spec->name, adapter->u.text, spec->adapter);
    }
    for (size_t i = 0; i < spec->n_subnets; i++) {
        if (!network_has_subnet(n, &spec->subnets[i])) {
            return err_set(err, ERR_CONFLICT, "HNS network %s has no subnet %s", spec->name,
                           prefix_format(&spec->subnets[i], text));
        }
    }
    return 0;
}

/* ---- making ---- */

/* A network's document and what it points to. */
struct network_doc {
    struct hcn_policy policies[2];
    char text[NETWORK_MAX_SUBNETS][2][PREFIX_TEXT_MAX];
    struct hcn_route routes[NETWORK_MAX_SUBNETS];
    struct hcn_subnet subnets[NETWORK_MAX_SUBNETS];
    struct hcn_ipam ipam;
    struct hcn_network network;
};

/* A subnet whose gateway is its first address, as the gateway port has it. */
static void network_doc_subnet(struct network_doc *d, size_t i, const struct prefix *cidr)
{
    struct prefix subnet = prefix_masked(cidr);
    struct ip gateway = prefix_nth(&subnet, 1);
    d->routes[i] = (struct hcn_route){
        .next_hop = ip_format(&gateway, d->text[i][1]),
        .destination_prefix = subnet.ip.family == 6 ? "::/0" : "0.0.0.0/0",
    };
    d->subnets[i] = (struct hcn_subnet){.ip_address_prefix = prefix_format(&subnet, d->text[i][0]),
                                        .routes = {&d->routes[i], 1}};
}

static void network_doc_init(struct network_doc *d, const struct network_spec *spec)
{
    memset(d, 0, sizeof *d);
    d->policies[0].type = HCN_POLICY_NET_ADAPTER_NAME;
    d->policies[0].u.text = spec->adapter;
    d->policies[1].type = HCN_POLICY_VSWITCH_EXTENSION;
    d->policies[1].u.extension.id = network_ovs_extension();
    d->policies[1].u.extension.enable = spec->extension;
    for (size_t i = 0; i < spec->n_subnets; i++) {
        network_doc_subnet(d, i, &spec->subnets[i]);
    }
    d->ipam.type = "Static";
    d->ipam.subnets.v = d->subnets;
    d->ipam.subnets.n = spec->n_subnets;
    d->network.schema_version = HCN_SCHEMA_2;
    d->network.id = network_id(spec->name);
    d->network.name = spec->name;
    d->network.type = HCN_NETWORK_TRANSPARENT;
    d->network.policies = spec->adapter ? (struct hcn_policies){d->policies, 2}
                                        : (struct hcn_policies){d->policies + 1, 1};
    d->network.ipams.v = &d->ipam;
    d->network.ipams.n = spec->n_subnets ? 1 : 0;
}

/* ---- ensuring ---- */

static int network_write_extension(struct hns_client *h, const struct guid *id, bool on,
                                   struct err *err)
{
    struct hcn_policy p = {.type = HCN_POLICY_VSWITCH_EXTENSION,
                           .u.extension = {network_ovs_extension(), on}};
    return hns_network_modify(h, id, HCN_UPDATE, &(struct hcn_policies){&p, 1}, err);
}

/* Reads it again: what the service says after a change, not what was asked for. */
static int network_confirm_extension(struct hns_client *h, const char *name, bool on,
                                     struct arena *a, struct err *err)
{
    struct hcn_network n;
    struct err why = {0};
    switch (network_find(h, name, a, &n, &why)) {
    case HNS_UNKNOWN:
        return hns_pass(&why, err);
    case HNS_ABSENT:
        return err_set(err, ERR_AGAIN, "HNS network %s is gone", name);
    case HNS_PRESENT:
        break;
    }
    return network_has_extension(&n) == on
               ? 0
               : err_set(err, ERR_CONFLICT,
                         "HNS network %s: the extension of Open vSwitch stays %s", name,
                         on ? "disabled" : "enabled");
}

static int network_change_extension(struct hns_client *h, const char *name, const struct guid *id,
                                    bool on, struct err *err)
{
    struct arena a;
    int rc = network_write_extension(h, id, on, err);
    if (rc < 0) {
        return rc;
    }
    arena_init(&a, NETWORK_ARENA);
    rc = network_confirm_extension(h, name, on, &a, err);
    arena_done(&a);
    return rc;
}

static int network_make(struct hns_client *h, const struct network_spec *spec, struct err *err)
{
    struct network_doc d;
    int rc = hns_need(h, FEATURE_V2_API, err);
    if (rc < 0) {
        return rc;
    }
    network_doc_init(&d, spec);
    return hns_network_create(h, &d.network, err);
}

/* What is to be there: without IPv6 where the service has none. */
static int network_plan(struct hns_client *h, const struct network_spec *spec,
                        struct prefix *subnets, struct network_spec *out, struct err *err)
{
    size_t n = 0;
    for (size_t i = 0; i < spec->n_subnets; i++) {
        int rc = spec->subnets[i].ip.family == 6 ? hns_need(h, FEATURE_DUAL_STACK, err) : 0;
        if (rc < 0 && rc != ERR_UNSUPPORTED) {
            return rc;
        }
        if (rc == 0 && n == NETWORK_MAX_SUBNETS) {
            return err_set(err, ERR_TOO_BIG, "HNS network %s: more than %d subnets", spec->name,
                           NETWORK_MAX_SUBNETS);
        }
        if (rc == 0) {
            subnets[n++] = spec->subnets[i];
        }
    }
    *out = *spec;
    out->subnets = subnets;
    out->n_subnets = n;
    return 0;
}

/* The one that is there: as it should be, or what differs. */
static int network_accept(struct hns_client *h, const struct hcn_network *n,
                          const struct network_spec *spec, struct err *err)
{
    int rc = network_compare(n, spec, err);
    if (rc == 0 && spec->extension && !network_has_extension(n)) {
        rc = network_change_extension(h, spec->name, &n->id, true, err);
    }
    return rc;
}

static int network_ensure_in(struct hns_client *h, const struct network_spec *spec, struct arena *a,
                             struct guid *id_out, struct err *err)
{
    struct hcn_network n;
    struct err why = {0};
    enum hns_found found = network_find(h, spec->name, a, &n, &why);
    if (found == HNS_ABSENT) {
        int rc = network_make(h, spec, err);
        if (rc < 0 && rc != ERR_EXISTS) {
            return rc;
        }
        found = network_find(h, spec->name, a, &n, &why);
    }
    if (found == HNS_UNKNOWN) {
        return hns_pass(&why, err);
    }
    if (found == HNS_ABSENT) {
        return err_set(err, ERR_AGAIN, "HNS network %s was made and is not there yet", spec->name);
    }
    int rc = network_accept(h, &n, spec, err);
    if (rc == 0) {
        *id_out = n.id;
    }
    return rc;
}

int network_ensure(struct hns_client *h, const struct network_spec *spec, struct guid *id_out,
                   struct err *err)
{
    struct prefix subnets[NETWORK_MAX_SUBNETS];
    struct network_spec plan = *spec;
    struct arena a;
    int rc = network_plan(h, spec, subnets, &plan, err);
    if (rc < 0) {
        return rc;
    }
    arena_init(&a, NETWORK_ARENA);
    rc = network_ensure_in(h, &plan, &a, id_out, err);
    arena_done(&a);
    return rc;
}

/* ---- changing ---- */

int network_set_extension(struct hns_client *h, const char *name, bool on, struct err *err)
{
    struct arena a;
    struct hcn_network n;
    struct err why = {0};
    int rc = 0;
    arena_init(&a, NETWORK_ARENA);
    enum hns_found found = network_find(h, name, &a, &n, &why);
    if (found == HNS_UNKNOWN) {
        rc = hns_pass(&why, err);
    } else if (found == HNS_ABSENT) {
        rc = err_set(err, ERR_NOT_FOUND, "there is no HNS network %s", name);
    } else if (!network_extension(&n) || network_has_extension(&n) != on) {
        rc = network_change_extension(h, name, &n.id, on, err);
    }
    arena_done(&a);
    return rc;
}

/* The service deletes no network that has endpoints. */
static int network_empty(struct hns_client *h, const struct guid *id, struct err *err)
{
    struct arena a;
    struct hns_endpoints list;
    arena_init(&a, NETWORK_ARENA);
    int rc = hns_endpoint_list(h, id, &a, &list, err);
    for (size_t i = 0; rc == 0 && i < list.n; i++) {
        rc = hns_endpoint_remove(h, &list.v[i].id, err);
    }
    arena_done(&a);
    return rc;
}

static int network_delete_found(struct hns_client *h, const struct hcn_network *n, const char *name,
                                struct err *err)
{
    struct guid own = network_id(name);
    if (!guid_equal(&n->id, &own) && n->type != HCN_NETWORK_TRANSPARENT) {
        return err_set(err, ERR_CONFLICT, "HNS network %s is of type %s: it is not ours", name,
                       hcn_network_type_name(n->type));
    }
    int rc = network_empty(h, &n->id, err);
    return rc < 0 ? rc : hns_network_delete(h, &n->id, err);
}

int network_delete(struct hns_client *h, const char *name, struct err *err)
{
    struct arena a;
    struct hcn_network n;
    struct err why = {0};
    int rc = 0;
    arena_init(&a, NETWORK_ARENA);
    enum hns_found found = network_find(h, name, &a, &n, &why);
    if (found == HNS_UNKNOWN) {
        rc = hns_pass(&why, err);
    } else if (found == HNS_PRESENT) {
        rc = network_delete_found(h, &n, name, err);
    }
    arena_done(&a);
    return rc;
}
