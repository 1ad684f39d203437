/* SPDX-License-Identifier: Apache-2.0
 *
 * Objects as JSON: only what is read, so that decoding the text gives an equal object.  What the
 * decoders fill in (defaults, the canonical form of selectors) is written out as they left it. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/base/sbuf.h"
#include "core/k8s/decode.h"

/* Parts what comes from what is there. */
static void sep(struct sbuf *out)
{
    char last = out->len ? out->data[out->len - 1] : '{';
    if (last != '{' && last != '[' && last != ':')
        sbuf_putc(out, ',');
}

static void put_key(struct sbuf *out, const char *key)
{
    sep(out);
    sbuf_put_json(out, key);
    sbuf_putc(out, ':');
}

/* Opens a member that is a map or a list; key NULL: an item. */
static void open(struct sbuf *out, const char *key, char bracket)
{
    if (key)
        put_key(out, key);
    else
        sep(out);
    sbuf_putc(out, bracket);
}

static void put_string(struct sbuf *out, const char *key, const char *value)
{
    if (key)
        put_key(out, key);
    else
        sep(out);
    sbuf_put_json(out, value);
}

static void put_given(struct sbuf *out, const char *key, const char *value)
{
    if (*value)
        put_string(out, key, value);
}

static void put_number(struct sbuf *out, const char *key, unsigned value)
{
    put_key(out, key);
    sbuf_printf(out, "%u", value);
}

static void put_bool(struct sbuf *out, const char *key, bool value)
{
    put_key(out, key);
    sbuf_puts(out, value ? "true" : "false");
}

static void put_ip(struct sbuf *out, const char *key, const struct ip *ip)
{
    char text[IP_TEXT_MAX];
    put_string(out, key, ip_format(ip, text));
}

static void put_prefixes(struct sbuf *out, const char *key, const struct prefix *v, size_t n)
{
    char text[PREFIX_TEXT_MAX];
    if (n == 0)
        return;
    open(out, key, '[');
    for (size_t i = 0; i < n; i++)
        put_string(out, NULL, prefix_format(&v[i], text));
    sbuf_putc(out, ']');
}

static void put_protocol(struct sbuf *out, uint8_t proto)
{
    put_string(out, "protocol", proto == 17 ? "UDP" : proto == 132 ? "SCTP" : "TCP");
}

static void put_selector(struct sbuf *out, const char *key, const struct selector *s)
{
    static const char *const ops[] = {[SEL_IN] = "In",
                                      [SEL_NOT_IN] = "NotIn",
                                      [SEL_EXISTS] = "Exists",
                                      [SEL_NOT_EXISTS] = "DoesNotExist"};
    open(out, key, '{');
    if (s->n_reqs) {
        open(out, "matchExpressions", '[');
        for (size_t i = 0; i < s->n_reqs; i++) {
            const struct requirement *r = &s->reqs[i];
            open(out, NULL, '{');
            put_string(out, "key", r->key);
            put_string(out, "operator", ops[r->op]);
            open(out, "values", '[');
            for (size_t k = 0; k < r->n_values; k++)
                put_string(out, NULL, r->values[k]);
            sbuf_puts(out, "]}");
        }
        sbuf_putc(out, ']');
    }
    sbuf_putc(out, '}');
}

/* ---- kinds ---- */

static void put_pod(struct sbuf *out, const union k8s_object *o)
{
    const struct pod *p = &o->pod;
    open(out, "spec", '{');
    put_given(out, "nodeName", p->node_name);
    if (p->host_network)
        put_bool(out, "hostNetwork", true);
    open(out, "containers", '[');
    /* One each: two containers may give the same name to different ports. */
    for (size_t i = 0; i < p->n_ports; i++) {
        open(out, NULL, '{');
        open(out, "ports", '[');
        open(out, NULL, '{');
        put_string(out, "name", p->ports[i].name);
        put_protocol(out, p->ports[i].proto);
        put_number(out, "containerPort", p->ports[i].port);
        sbuf_puts(out, "}]}");
    }
    sbuf_puts(out, "]}");
    open(out, "status", '{');
    if (p->phase == POD_FINISHED)
        put_string(out, "phase", "Failed");
    open(out, "podIPs", '[');
    for (size_t i = 0; i < p->n_ips; i++) {
        open(out, NULL, '{');
        put_ip(out, "ip", &p->ips[i]);
        sbuf_putc(out, '}');
    }
    sbuf_puts(out, "]}");
}

static void put_namespace(struct sbuf *out, const union k8s_object *o)
{
    (void)out;
    (void)o; /* the metadata is all */
}

static void put_node(struct sbuf *out, const union k8s_object *o)
{
    const struct node *n = &o->node;
    open(out, "spec", '{');
    put_prefixes(out, "podCIDRs", n->pod_cidrs, n->n_pod_cidrs);
    sbuf_putc(out, '}');
    open(out, "status", '{');
    open(out, "addresses", '[');
    for (size_t i = 0; i < n->n_internal_ips; i++) {
        open(out, NULL, '{');
        put_string(out, "type", "InternalIP");
        put_ip(out, "address", &n->internal_ips[i]);
        sbuf_putc(out, '}');
    }
    sbuf_puts(out, "]}");
}

static void put_np_ports(struct sbuf *out, const struct np_rule *rule)
{
    open(out, "ports", '[');
    for (size_t i = 0; i < rule->n_ports; i++) {
        const struct np_port *p = &rule->ports[i];
        open(out, NULL, '{');
        put_protocol(out, p->proto);
        if (p->name)
            put_string(out, "port", p->name);
        else if (p->port)
            put_number(out, "port", p->port);
        if (p->end != p->port)
            put_number(out, "endPort", p->end);
        sbuf_putc(out, '}');
    }
    sbuf_putc(out, ']');
}

static void put_np_peer(struct sbuf *out, const struct np_peer *peer)
{
    char text[PREFIX_TEXT_MAX];
    open(out, NULL, '{');
    if (peer->is_block) {
        open(out, "ipBlock", '{');
        put_string(out, "cidr", prefix_format(&peer->cidr, text));
        put_prefixes(out, "except", peer->except, peer->n_except);
        sbuf_putc(out, '}');
    }
    if (peer->has_pod_selector)
        put_selector(out, "podSelector", &peer->pods);
    if (peer->has_ns_selector)
        put_selector(out, "namespaceSelector", &peer->namespaces);
    sbuf_putc(out, '}');
}

static void put_np_rules(struct sbuf *out, const char *direction, const char *peers,
                         const struct np_rule *rules, size_t n)
{
    open(out, direction, '[');
    for (size_t i = 0; i < n; i++) {
        open(out, NULL, '{');
        put_np_ports(out, &rules[i]);
        open(out, peers, '[');
        for (size_t k = 0; k < rules[i].n_peers; k++)
            put_np_peer(out, &rules[i].peers[k]);
        sbuf_puts(out, "]}");
    }
    sbuf_putc(out, ']');
}

static void put_network_policy(struct sbuf *out, const union k8s_object *o)
{
    const struct network_policy *p = &o->policy;
    open(out, "spec", '{');
    put_selector(out, "podSelector", &p->pods);
    open(out, "policyTypes", '[');
    if (p->ingress_isolates)
        put_string(out, NULL, "Ingress");
    if (p->egress_isolates)
        put_string(out, NULL, "Egress");
    sbuf_putc(out, ']');
    put_np_rules(out, "ingress", "from", p->ingress, p->n_ingress);
    put_np_rules(out, "egress", "to", p->egress, p->n_egress);
    sbuf_putc(out, '}');
}

static void put_service_ports(struct sbuf *out, const struct named_port *v, size_t n)
{
    open(out, "ports", '[');
    for (size_t i = 0; i < n; i++) {
        open(out, NULL, '{');
        put_given(out, "name", v[i].name);
        put_protocol(out, v[i].proto);
        if (v[i].port)
            put_number(out, "port", v[i].port);
        sbuf_putc(out, '}');
    }
    sbuf_putc(out, ']');
}

static void put_service(struct sbuf *out, const union k8s_object *o)
{
    const struct service *s = &o->service;
    open(out, "spec", '{');
    put_string(out, "type", service_type_name(s->type));
    open(out, "clusterIPs", '[');
    if (s->headless)
        put_string(out, NULL, "None");
    for (size_t i = 0; i < s->n_cluster_ips; i++)
        put_ip(out, NULL, &s->cluster_ips[i]);
    sbuf_putc(out, ']');
    put_service_ports(out, s->ports, s->n_ports);
    sbuf_putc(out, '}');
}

static void put_endpoint_slice(struct sbuf *out, const union k8s_object *o)
{
    const struct endpoint_slice *s = &o->slice;
    put_string(out, "addressType", s->family == 4 ? "IPv4" : s->family == 6 ? "IPv6" : "FQDN");
    open(out, "endpoints", '[');
    for (size_t i = 0; i < s->n_endpoints; i++) {
        const struct endpoint *e = &s->endpoints[i];
        open(out, NULL, '{');
        open(out, "addresses", '[');
        put_ip(out, NULL, &e->ip);
        sbuf_putc(out, ']');
        open(out, "conditions", '{');
        put_bool(out, "ready", e->conditions & ENDPOINT_READY);
        put_bool(out, "serving", e->conditions & ENDPOINT_SERVING);
        put_bool(out, "terminating", e->conditions & ENDPOINT_TERMINATING);
        sbuf_puts(out, "}}");
    }
    sbuf_putc(out, ']');
    put_service_ports(out, s->ports, s->n_ports);
}

/* ---- metadata ---- */

static const char *annotation_of(const union k8s_object *o)
{
    return o->meta.kind == K8S_POD ? o->pod.mirror_uid : "";
}

/* Labels that are kept as something else. */
static void put_kept_labels(struct sbuf *out, const union k8s_object *o)
{
    if (o->meta.kind == K8S_ENDPOINT_SLICE)
        put_given(out, SERVICE_NAME_LABEL, o->slice.service);
}

static void put_meta(struct sbuf *out, const union k8s_object *o)
{
    const struct object_meta *meta = &o->meta;
    open(out, "metadata", '{');
    put_string(out, "name", meta->name);
    put_given(out, "namespace", meta->namespace_);
    if (meta->uid_given)
        put_string(out, "uid", meta->uid);
    if (meta->kind == K8S_NODE)
        put_given(out, "creationTimestamp", o->node.created);
    open(out, "labels", '{');
    for (size_t i = 0; i < meta->labels.n; i++)
        put_string(out, meta->labels.v[i].key, meta->labels.v[i].value);
    put_kept_labels(out, o);
    sbuf_putc(out, '}');
    if (*annotation_of(o)) {
        open(out, "annotations", '{');
        put_string(out, MIRROR_ANNOTATION, annotation_of(o));
        sbuf_putc(out, '}');
    }
    sbuf_putc(out, '}');
}

void object_encode(const void *object, struct sbuf *out)
{
    static void (*const encoders[])(struct sbuf *, const union k8s_object *) = {
        [K8S_POD] = put_pod,         [K8S_NAMESPACE] = put_namespace,
        [K8S_NODE] = put_node,       [K8S_NETWORK_POLICY] = put_network_policy,
        [K8S_SERVICE] = put_service, [K8S_ENDPOINT_SLICE] = put_endpoint_slice,
    };
    static_assert(ARRAY_LEN(encoders) == K8S_N_KINDS, "an encoder for each kind");
    const union k8s_object *o = object;
    sbuf_putc(out, '{');
    put_meta(out, o);
    encoders[o->meta.kind](out, o);
    sbuf_putc(out, '}');
}
