/* SPDX-License-Identifier: Apache-2.0
 *
 * Node: podCIDRs, InternalIPs and operating system. */
#include <string.h>

#include "core/k8s/decode.h"
#include "core/k8s/names.h"

static int read_cidr_list(struct decode *d, const struct field *f, struct prefix *out, size_t n)
{
    size_t i = 0;
    if (n > 2)
        return decode_fail(d, f, "may hold no more than one CIDR of each family");
    for (const cJSON *c = n ? f->json->child : NULL; c; c = c->next, i++) {
        struct field one = field_item(f, c, i);
        int rc = decode_cidr(d, &one, &out[i]);
        if (rc)
            return rc;
        if (i && out[i].ip.family == out[0].ip.family)
            return decode_fail(d, &one, "may hold no more than one CIDR of each family");
    }
    return 0;
}

static int read_pod_cidrs(struct decode *d, const struct field *spec, struct node *node)
{
    struct field list = field_member(spec, "podCIDRs"), single = field_member(spec, "podCIDR");
    const char *text;
    struct prefix one;
    size_t n;
    int rc = decode_list(d, &list, &n);

    if (!rc)
        rc = decode_string(d, &single, &text);
    if (!rc && text && *text)
        rc = decode_cidr(d, &single, &one);
    if (rc)
        return rc;
    bool has_single = text && *text;
    struct prefix *cidrs = decode_array(d, n ? n : 1, sizeof *cidrs);
    if ((rc = read_cidr_list(d, &list, cidrs, n)))
        return rc;
    if (n && has_single && !prefix_equal(&one, &cidrs[0]))
        return decode_fail(d, &single, "must be the first of spec.podCIDRs");
    if (!n && has_single)
        cidrs[n++] = one;
    node->pod_cidrs = cidrs;
    node->n_pod_cidrs = n;
    return 0;
}

static int read_addresses(struct decode *d, const struct field *f, struct node *node)
{
    size_t n, i = 0;
    int rc = decode_list(d, f, &n);
    if (rc)
        return rc;
    struct ip *ips = decode_array(d, n, sizeof *ips);
    for (const cJSON *c = n ? f->json->child : NULL; c; c = c->next, i++) {
        struct field one = field_item(f, c, i), type = field_member(&one, "type");
        struct field address = field_member(&one, "address");
        const char *text;
        if ((rc = decode_object(d, &one)) || (rc = decode_string(d, &type, &text)))
            return rc;
        if (!text || strcmp(text, "InternalIP"))
            continue;
        if ((rc = decode_string(d, &address, &text)))
            return rc;
        /* Nobody checks it: a name would else keep all other nodes from their sources. */
        if (text && decode_is_ip(text, &ips[node->n_internal_ips]))
            node->n_internal_ips++;
    }
    node->internal_ips = ips;
    return 0;
}

/* Which of two Nodes was there first. */
static int read_created(struct decode *d, const struct field *root, struct node *node)
{
    struct field meta = field_member(root, "metadata");
    struct field created = field_member(&meta, "creationTimestamp");
    int rc = decode_string(d, &created, &node->created);
    if (rc)
        return rc;
    if (!node->created)
        node->created = "";
    if (strlen(node->created) > 64)
        return decode_fail(d, &created, "must be no more than 64 characters");
    decode_text(d, node->created);
    return 0;
}

static int node_read(struct decode *d, const struct field *root, union k8s_object *o)
{
    struct field spec = field_member(root, "spec"), status = field_member(root, "status");
    struct field addresses = field_member(&status, "addresses");
    int rc = decode_object(d, &spec);

    if (!rc)
        rc = read_pod_cidrs(d, &spec, &o->node);
    if (!rc)
        rc = decode_object(d, &status);
    if (!rc)
        rc = read_addresses(d, &addresses, &o->node);
    if (!rc)
        rc = read_created(d, root, &o->node);
    const char *os = labels_get(&o->meta.labels, "kubernetes.io/os");
    o->node.os = os && *os ? os : "linux";
    return rc;
}

static void node_settle(struct block *b, union k8s_object *o)
{
    struct node *n = &o->node;
    n->pod_cidrs = block_array(b, n->pod_cidrs, n->n_pod_cidrs, sizeof *n->pod_cidrs);
    n->internal_ips = block_array(b, n->internal_ips, n->n_internal_ips, sizeof *n->internal_ips);
    n->os = block_intern(n->os);
    n->created = block_text(b, n->created);
}

static void node_unref(const union k8s_object *o)
{
    intern_unref(o->node.os);
}

static bool node_equal(const union k8s_object *a, const union k8s_object *b)
{
    const struct node *x = &a->node, *y = &b->node;
    if (x->n_pod_cidrs != y->n_pod_cidrs || x->n_internal_ips != y->n_internal_ips ||
        strcmp(x->os, y->os) != 0 || strcmp(x->created, y->created) != 0)
        return false;
    for (size_t i = 0; i < x->n_pod_cidrs; i++)
        if (!prefix_equal(&x->pod_cidrs[i], &y->pod_cidrs[i]))
            return false;
    return ips_equal(x->internal_ips, y->internal_ips, x->n_internal_ips);
}

static const struct wire_field spec_fields[] = {
    WIRE_FIELD(STRING, 1, "podCIDR"), WIRE_FIELD(STRINGS, 7, "podCIDRs"), WIRE_FIELDS_END};
static const struct wire_field address_fields[] = {
    WIRE_FIELD(STRING, 1, "type"), WIRE_FIELD(STRING, 2, "address"), WIRE_FIELDS_END};
static const struct wire_field status_fields[] = {
    WIRE_FIELD_OF(MESSAGES, 5, "addresses", address_fields), WIRE_FIELDS_END};
static const struct wire_field node_fields[] = {
    K8S_META_FIELDS, WIRE_FIELD_OF(MESSAGE, 2, "spec", spec_fields),
    WIRE_FIELD_OF(MESSAGE, 3, "status", status_fields), WIRE_FIELDS_END};

const struct k8s_class node_class = {
    .api_version = "v1",
    .kind = "Node",
    .size = sizeof(struct node),
    .name_problem = name_dns_subdomain_problem,
    .fields = node_fields,
    .read = node_read,
    .settle = node_settle,
    .unref = node_unref,
    .equal = node_equal,
};
