/* SPDX-License-Identifier: Apache-2.0
 *
 * Service: type, cluster addresses and ports, with the API server's validation.  Where a packet
 * goes in the end (selector, target ports) stands in its EndpointSlices.  A Service from a folder
 * may lack the cluster addresses that an API server would have given it. */
#include <stdlib.h>
#include <string.h>

#include "core/k8s/decode.h"
#include "core/k8s/names.h"

static const char *const type_names[] = {
    [SERVICE_CLUSTER_IP] = "ClusterIP",
    [SERVICE_NODE_PORT] = "NodePort",
    [SERVICE_LOAD_BALANCER] = "LoadBalancer",
    [SERVICE_EXTERNAL_NAME] = "ExternalName",
};

const char *service_type_name(enum service_type type)
{
    return (size_t)type < ARRAY_LEN(type_names) ? type_names[type] : "unknown";
}

static int read_type(struct decode *d, const struct field *f, struct service *s)
{
    char quoted[QUOTE_MAX];
    const char *text;
    int rc = decode_string(d, f, &text);
    if (rc || !text || !*text)
        return rc;
    for (size_t i = 0; i < ARRAY_LEN(type_names); i++)
        if (!strcmp(text, type_names[i])) {
            s->type = (enum service_type)i;
            return 0;
        }
    return decode_fail(d, f, "%s is not a type: ClusterIP, NodePort, LoadBalancer or ExternalName",
                       decode_quote(text, quoted));
}

/* ---- addresses ---- */

/* One entry of clusterIPs, or clusterIP: an address, "None", or nothing yet. */
struct cluster_ip {
    bool given, none;
    struct ip ip;
};

static int read_cluster_ip(struct decode *d, const struct field *f, struct cluster_ip *out)
{
    const char *text;
    int rc = decode_string(d, f, &text);
    memset(out, 0, sizeof *out);
    if (rc || !text || !*text)
        return rc;
    out->given = true;
    out->none = !strcmp(text, "None");
    return out->none ? 0 : decode_ip(d, f, &out->ip);
}

/* spec.clusterIPs: ["None"], or at most one address of each family. */
static int read_ip_list(struct decode *d, const struct field *f, struct service *s, struct ip *ips,
                        size_t n)
{
    size_t i = 0;
    if (n > 2)
        return decode_fail(d, f, "may hold no more than one address of each family");
    for (const cJSON *c = n ? f->json->child : NULL; c; c = c->next, i++) {
        struct field one = field_item(f, c, i);
        struct cluster_ip ip;
        int rc = read_cluster_ip(d, &one, &ip);
        if (rc)
            return rc;
        if (!ip.given)
            return decode_fail(d, &one, "is required");
        if (ip.none && n > 1)
            return decode_fail(d, &one, "None must stand alone");
        s->headless = ip.none;
        ips[i] = ip.ip;
        if (i && ips[1].family == ips[0].family)
            return decode_fail(d, &one, "may hold no more than one address of each family");
    }
    return 0;
}

static int read_cluster_ips(struct decode *d, const struct field *spec, struct service *s)
{
    struct field list = field_member(spec, "clusterIPs"), single = field_member(spec, "clusterIP");
    struct cluster_ip one;
    size_t n;
    int rc = decode_list(d, &list, &n);

    if (!rc)
        rc = read_cluster_ip(d, &single, &one);
    if (rc)
        return rc;
    struct ip *ips = decode_array(d, n ? n : 1, sizeof *ips);
    if ((rc = read_ip_list(d, &list, s, ips, n)))
        return rc;
    if (n && one.given && (one.none != s->headless || !ip_equal(&one.ip, &ips[0])))
        return decode_fail(d, &single, "must be the first of spec.clusterIPs");
    if (!n && one.given) {
        s->headless = one.none;
        ips[n++] = one.ip;
    }
    if (s->type == SERVICE_EXTERNAL_NAME && n && !s->headless)
        return decode_fail(d, single.json ? &single : &list,
                           "must not be given for an ExternalName Service");
    s->cluster_ips = ips;
    s->n_cluster_ips = s->headless ? 0 : n;
    return 0;
}

/* ---- ports ---- */

static int cmp_number(const void *pa, const void *pb)
{
    const struct named_port *a = pa, *b = pb;
    return a->proto != b->proto ? (a->proto < b->proto ? -1 : 1)
                                : (a->port > b->port) - (a->port < b->port);
}

/* Each protocol and number once. */
static int check_numbers(struct decode *d, const struct field *f, const struct service *s)
{
    size_t bytes = s->n_ports * sizeof *s->ports;
    struct named_port *v = arena_alloc(&d->scratch, bytes ? bytes : 1);
    if (s->n_ports < 2)
        return 0;
    memcpy(v, s->ports, bytes);
    qsort(v, s->n_ports, sizeof *v, cmp_number);
    for (size_t i = 1; i < s->n_ports; i++)
        if (cmp_number(&v[i - 1], &v[i]) == 0)
            return decode_fail(d, f, "port %u occurs twice with the same protocol",
                               (unsigned)v[i].port);
    return 0;
}

static int check_names(struct decode *d, const struct field *f, const struct service *s)
{
    size_t i = 0;
    for (const cJSON *c = s->n_ports > 1 ? f->json->child : NULL; c; c = c->next, i++) {
        struct field one = field_item(f, c, i), name = field_member(&one, "name");
        if (!*s->ports[i].name)
            return decode_fail(d, &name, "is required where there are several ports");
    }
    return 0;
}

static int read_ports(struct decode *d, const struct field *spec, struct service *s)
{
    struct field f = field_member(spec, "ports");
    int rc = decode_service_ports(d, &f, true, &s->ports, &s->n_ports);
    if (!rc && s->n_ports == 0 && !s->headless && s->type != SERVICE_EXTERNAL_NAME)
        rc = decode_fail(d, &f, "is required");
    if (!rc)
        rc = check_names(d, &f, s);
    if (!rc)
        rc = check_numbers(d, &f, s);
    return rc;
}

static int service_read(struct decode *d, const struct field *root, union k8s_object *o)
{
    struct service *s = &o->service;
    struct field spec = field_member(root, "spec"), type = field_member(&spec, "type");
    int rc = decode_object(d, &spec);

    decode_drop_labels(d, &o->meta.labels);
    if (!rc)
        rc = read_type(d, &type, s);
    if (!rc)
        rc = read_cluster_ips(d, &spec, s);
    if (!rc)
        rc = read_ports(d, &spec, s);
    return rc;
}

static void service_settle(struct block *b, union k8s_object *o)
{
    struct service *s = &o->service;
    s->ports = block_ports(b, s->ports, s->n_ports);
    s->cluster_ips = block_array(b, s->cluster_ips, s->n_cluster_ips, sizeof *s->cluster_ips);
}

static void service_unref(const union k8s_object *o)
{
    ports_unref(o->service.ports, o->service.n_ports);
}

static bool service_equal(const union k8s_object *a, const union k8s_object *b)
{
    const struct service *x = &a->service, *y = &b->service;
    if (x->type != y->type || x->headless != y->headless || x->n_cluster_ips != y->n_cluster_ips ||
        x->n_ports != y->n_ports)
        return false;
    return ips_equal(x->cluster_ips, y->cluster_ips, x->n_cluster_ips) &&
           named_ports_equal(x->ports, y->ports, x->n_ports);
}

static const struct wire_field port_fields[] = {WIRE_FIELD(STRING, 1, "name"),
                                                WIRE_FIELD(INT, 3, "port"),
                                                WIRE_FIELD(STRING, 2, "protocol"), WIRE_FIELDS_END};
static const struct wire_field spec_fields[] = {
    WIRE_FIELD(STRING, 4, "type"), WIRE_FIELD(STRING, 3, "clusterIP"),
    WIRE_FIELD(STRINGS, 18, "clusterIPs"), WIRE_FIELD_OF(MESSAGES, 1, "ports", port_fields),
    WIRE_FIELDS_END};
static const struct wire_field service_fields[] = {
    K8S_META_FIELDS, WIRE_FIELD_OF(MESSAGE, 2, "spec", spec_fields), WIRE_FIELDS_END};

const struct k8s_class service_class = {
    .api_version = "v1",
    .kind = "Service",
    .namespaced = true,
    .size = sizeof(struct service),
    .name_problem = name_dns_label_problem,
    .fields = service_fields,
    .read = service_read,
    .settle = service_settle,
    .unref = service_unref,
    .equal = service_equal,
};
