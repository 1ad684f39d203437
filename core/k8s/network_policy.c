/* SPDX-License-Identifier: Apache-2.0
 *
 * NetworkPolicy (networking.k8s.io/v1) with the API server's validation and defaults: protocol TCP;
 * without policyTypes ingress isolates always, and egress if there is an egress rule. */
#include <string.h>

#include "core/k8s/decode.h"
#include "core/k8s/names.h"

/* ---- step one: ports ---- */

static int read_port_number(struct decode *d, const struct field *f, struct np_port *p)
{
    struct field port = field_member(f, "port"), end = field_member(f, "endPort");
    int from = 0, to = 0;

    if (cJSON_IsString(port.json)) {
        if (end.json)
            return decode_fail(d, &end, "must not be given when port is a name");
        return decode_name(d, &port, name_port_problem, &p->name);
    }
    if (port.json && !cJSON_IsNumber(port.json))
        return decode_fail(d, &port, "must be a number or a name");
    if (!port.json && end.json)
        return decode_fail(d, &end, "must not be given without port");
    int rc = decode_int(d, &port, 1, 65535, &from);
    to = from;
    if (!rc)
        rc = decode_int(d, &end, 1, 65535, &to);
    if (rc)
        return rc;
    if (to < from)
        return decode_fail(d, &end, "below port");
    p->port = (uint16_t)from;
    p->end = (uint16_t)to;
    return 0;
}

static int read_ports(struct decode *d, const struct field *f, struct np_rule *rule)
{
    size_t n, i = 0;
    int rc = decode_list(d, f, &n);
    if (rc)
        return rc;
    struct np_port *ports = decode_array(d, n, sizeof *ports);
    for (const cJSON *c = n ? f->json->child : NULL; c; c = c->next, i++) {
        struct field one = field_item(f, c, i), proto = field_member(&one, "protocol");
        if ((rc = decode_object(d, &one)) || (rc = decode_protocol(d, &proto, &ports[i].proto)) ||
            (rc = read_port_number(d, &one, &ports[i])))
            return rc;
    }
    rule->ports = ports;
    rule->n_ports = n;
    return 0;
}

/* ---- step one: peers ---- */

static int read_block(struct decode *d, const struct field *f, struct np_peer *peer)
{
    struct field cidr = field_member(f, "cidr"), except = field_member(f, "except");
    size_t n, i = 0;
    int rc = decode_object(d, f);

    if (!rc)
        rc = decode_cidr(d, &cidr, &peer->cidr);
    if (!rc)
        rc = decode_list(d, &except, &n);
    if (rc)
        return rc;
    struct prefix *v = decode_array(d, n, sizeof *v);
    for (const cJSON *c = n ? except.json->child : NULL; c; c = c->next, i++) {
        struct field one = field_item(&except, c, i);
        if ((rc = decode_cidr(d, &one, &v[i])))
            return rc;
        if (v[i].len <= peer->cidr.len || !prefix_covers(&peer->cidr, &v[i]))
            return decode_fail(d, &one, "must lie inside cidr and be smaller");
    }
    peer->is_block = true;
    peer->except = v;
    peer->n_except = n;
    return 0;
}

static int read_peer(struct decode *d, const struct field *f, struct np_peer *peer)
{
    struct field block = field_member(f, "ipBlock"), pods = field_member(f, "podSelector");
    struct field namespaces = field_member(f, "namespaceSelector");
    int rc = decode_object(d, f);

    if (rc)
        return rc;
    if (!block.json && !pods.json && !namespaces.json)
        return decode_fail(d, f, "must hold podSelector, namespaceSelector or ipBlock");
    if (block.json && (pods.json || namespaces.json))
        return decode_fail(d, &block, "must not be given beside a selector");
    if (block.json)
        return read_block(d, &block, peer);
    peer->has_pod_selector = pods.json != NULL;
    peer->has_ns_selector = namespaces.json != NULL;
    rc = decode_selector(d, &pods, &peer->pods);
    if (!rc)
        rc = decode_selector(d, &namespaces, &peer->namespaces);
    return rc;
}

static int read_peers(struct decode *d, const struct field *f, struct np_rule *rule)
{
    size_t n, i = 0;
    int rc = decode_list(d, f, &n);
    if (rc)
        return rc;
    struct np_peer *peers = decode_array(d, n, sizeof *peers);
    for (const cJSON *c = n ? f->json->child : NULL; c; c = c->next, i++) {
        struct field one = field_item(f, c, i);
        if ((rc = read_peer(d, &one, &peers[i])))
            return rc;
    }
    rule->peers = peers;
    rule->n_peers = n;
    return 0;
}

/* ---- step one: the policy ---- */

struct direction {
    const char *name, *peers; /* of the members */
};
static const struct direction ingress = {"ingress", "from"}, egress = {"egress", "to"};

static int read_rules(struct decode *d, const struct field *spec, const struct direction *dir,
                      const struct np_rule **out, size_t *n_out)
{
    struct field f = field_member(spec, dir->name);
    size_t n, i = 0;
    int rc = decode_list(d, &f, &n);
    if (rc)
        return rc;
    struct np_rule *rules = decode_array(d, n, sizeof *rules);
    for (const cJSON *c = n ? f.json->child : NULL; c; c = c->next, i++) {
        struct field one = field_item(&f, c, i), ports = field_member(&one, "ports");
        struct field peers = field_member(&one, dir->peers);
        if ((rc = decode_object(d, &one)) || (rc = read_ports(d, &ports, &rules[i])) ||
            (rc = read_peers(d, &peers, &rules[i])))
            return rc;
    }
    *out = rules;
    *n_out = n;
    return 0;
}

static int read_types(struct decode *d, const struct field *spec, struct network_policy *p)
{
    struct field f = field_member(spec, "policyTypes");
    char quoted[QUOTE_MAX];
    size_t n, i = 0;
    int rc = decode_list(d, &f, &n);
    if (rc)
        return rc;
    if (n > 2)
        return decode_fail(d, &f, "may hold no more than two types");
    for (const cJSON *c = n ? f.json->child : NULL; c; c = c->next, i++) {
        struct field one = field_item(&f, c, i);
        const char *type;
        if ((rc = decode_string(d, &one, &type)))
            return rc;
        if (type && !strcmp(type, "Ingress"))
            p->ingress_isolates = true;
        else if (type && !strcmp(type, "Egress"))
            p->egress_isolates = true;
        else
            return decode_fail(d, &one, "%s is not a policy type: Ingress or Egress",
                               decode_quote(type ? type : "", quoted));
    }
    if (n == 0) {
        p->ingress_isolates = true;
        p->egress_isolates = p->n_egress > 0;
    }
    return 0;
}

static int policy_read(struct decode *d, const struct field *root, union k8s_object *o)
{
    struct network_policy *p = &o->policy;
    struct field spec = field_member(root, "spec"), pods = field_member(&spec, "podSelector");
    int rc = decode_object(d, &spec);

    if (!rc)
        rc = decode_selector(d, &pods, &p->pods);
    if (!rc)
        rc = read_rules(d, &spec, &ingress, &p->ingress, &p->n_ingress);
    if (!rc)
        rc = read_rules(d, &spec, &egress, &p->egress, &p->n_egress);
    if (!rc)
        rc = read_types(d, &spec, p);
    return rc;
}

/* ---- step two ---- */

static const struct np_rule *settle_rules(struct block *b, const struct np_rule *v, size_t n)
{
    struct np_rule *rules = block_array(b, v, n, sizeof *rules);
    for (size_t i = 0; i < n; i++) {
        struct np_port *ports = block_array(b, rules[i].ports, rules[i].n_ports, sizeof *ports);
        struct np_peer *peers = block_array(b, rules[i].peers, rules[i].n_peers, sizeof *peers);
        for (size_t k = 0; k < rules[i].n_ports; k++)
            if (ports[k].name)
                ports[k].name = block_intern(ports[k].name);
        for (size_t k = 0; k < rules[i].n_peers; k++) {
            struct np_peer *p = &peers[k];
            p->except = block_array(b, p->except, p->n_except, sizeof *p->except);
            p->pods = block_selector(b, &p->pods);
            p->namespaces = block_selector(b, &p->namespaces);
        }
        rules[i].ports = ports;
        rules[i].peers = peers;
    }
    return rules;
}

static void policy_settle(struct block *b, union k8s_object *o)
{
    struct network_policy *p = &o->policy;
    p->pods = block_selector(b, &p->pods);
    p->ingress = settle_rules(b, p->ingress, p->n_ingress);
    p->egress = settle_rules(b, p->egress, p->n_egress);
}

static void unref_rules(const struct np_rule *rules, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < rules[i].n_ports; k++)
            intern_unref(rules[i].ports[k].name);
        for (size_t k = 0; k < rules[i].n_peers; k++) {
            selector_unref(&rules[i].peers[k].pods);
            selector_unref(&rules[i].peers[k].namespaces);
        }
    }
}

static void policy_unref(const union k8s_object *o)
{
    selector_unref(&o->policy.pods);
    unref_rules(o->policy.ingress, o->policy.n_ingress);
    unref_rules(o->policy.egress, o->policy.n_egress);
}

/* ---- equality ---- */

static bool ports_equal(const struct np_port *a, const struct np_port *b)
{
    if (a->proto != b->proto || a->port != b->port || a->end != b->end || !a->name != !b->name)
        return false;
    return !a->name || !strcmp(a->name, b->name);
}

static bool peers_equal(const struct np_peer *a, const struct np_peer *b)
{
    if (a->is_block != b->is_block || a->has_pod_selector != b->has_pod_selector ||
        a->has_ns_selector != b->has_ns_selector || a->n_except != b->n_except ||
        (a->is_block && !prefix_equal(&a->cidr, &b->cidr)))
        return false;
    for (size_t i = 0; i < a->n_except; i++)
        if (!prefix_equal(&a->except[i], &b->except[i]))
            return false;
    return selector_equal(&a->pods, &b->pods) && selector_equal(&a->namespaces, &b->namespaces);
}

static bool rules_equal(const struct np_rule *a, const struct np_rule *b)
{
    if (a->n_ports != b->n_ports || a->n_peers != b->n_peers)
        return false;
    for (size_t i = 0; i < a->n_ports; i++)
        if (!ports_equal(&a->ports[i], &b->ports[i]))
            return false;
    for (size_t i = 0; i < a->n_peers; i++)
        if (!peers_equal(&a->peers[i], &b->peers[i]))
            return false;
    return true;
}

static bool policy_equal(const union k8s_object *a, const union k8s_object *b)
{
    const struct network_policy *x = &a->policy, *y = &b->policy;
    if (x->ingress_isolates != y->ingress_isolates || x->egress_isolates != y->egress_isolates ||
        x->n_ingress != y->n_ingress || x->n_egress != y->n_egress ||
        !selector_equal(&x->pods, &y->pods))
        return false;
    for (size_t i = 0; i < x->n_ingress; i++)
        if (!rules_equal(&x->ingress[i], &y->ingress[i]))
            return false;
    for (size_t i = 0; i < x->n_egress; i++)
        if (!rules_equal(&x->egress[i], &y->egress[i]))
            return false;
    return true;
}

static const struct wire_field expression_fields[] = {
    WIRE_FIELD(STRING, 1, "key"), WIRE_FIELD(STRING, 2, "operator"),
    WIRE_FIELD(STRINGS, 3, "values"), WIRE_FIELDS_END};
static const struct wire_field selector_fields[] = {
    WIRE_FIELD(MAP, 1, "matchLabels"),
    WIRE_FIELD_OF(MESSAGES, 2, "matchExpressions", expression_fields), WIRE_FIELDS_END};
static const struct wire_field block_fields[] = {WIRE_FIELD(STRING, 1, "cidr"),
                                                 WIRE_FIELD(STRINGS, 2, "except"), WIRE_FIELDS_END};
static const struct wire_field peer_fields[] = {
    WIRE_FIELD_OF(MESSAGE, 1, "podSelector", selector_fields),
    WIRE_FIELD_OF(MESSAGE, 2, "namespaceSelector", selector_fields),
    WIRE_FIELD_OF(MESSAGE, 3, "ipBlock", block_fields), WIRE_FIELDS_END};
static const struct wire_field port_fields[] = {WIRE_FIELD(STRING, 1, "protocol"),
                                                WIRE_FIELD(INT_OR_STRING, 2, "port"),
                                                WIRE_FIELD(INT, 3, "endPort"), WIRE_FIELDS_END};
static const struct wire_field ingress_fields[] = {WIRE_FIELD_OF(MESSAGES, 1, "ports", port_fields),
                                                   WIRE_FIELD_OF(MESSAGES, 2, "from", peer_fields),
                                                   WIRE_FIELDS_END};
static const struct wire_field egress_fields[] = {WIRE_FIELD_OF(MESSAGES, 1, "ports", port_fields),
                                                  WIRE_FIELD_OF(MESSAGES, 2, "to", peer_fields),
                                                  WIRE_FIELDS_END};
static const struct wire_field spec_fields[] = {
    WIRE_FIELD_OF(MESSAGE, 1, "podSelector", selector_fields),
    WIRE_FIELD_OF(MESSAGES, 2, "ingress", ingress_fields),
    WIRE_FIELD_OF(MESSAGES, 3, "egress", egress_fields), WIRE_FIELD(STRINGS, 4, "policyTypes"),
    WIRE_FIELDS_END};
static const struct wire_field policy_fields[] = {
    K8S_META_FIELDS, WIRE_FIELD_OF(MESSAGE, 2, "spec", spec_fields), WIRE_FIELDS_END};

const struct k8s_class network_policy_class = {
    .api_version = "networking.k8s.io/v1",
    .kind = "NetworkPolicy",
    .namespaced = true,
    .size = sizeof(struct network_policy),
    .name_problem = name_dns_subdomain_problem,
    .fields = policy_fields,
    .read = policy_read,
    .settle = policy_settle,
    .unref = policy_unref,
    .equal = policy_equal,
};
