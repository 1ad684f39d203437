/* SPDX-License-Identifier: Apache-2.0
 *
 * EndpointSlice (discovery.k8s.io/v1): a part of a Service's endpoints, all of one family, and the
 * ports that each of them has.  Validated as the API server does. */
#include <string.h>

#include "core/k8s/decode.h"
#include "core/k8s/names.h"

static int read_family(struct decode *d, const struct field *f, struct endpoint_slice *s)
{
    static const struct {
        const char *name;
        uint8_t family;
    } types[] = {{"IPv4", 4}, {"IPv6", 6}, {"FQDN", 0}};
    char quoted[QUOTE_MAX];
    const char *text;
    int rc = decode_required(d, f, &text);
    if (rc)
        return rc;
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (!strcmp(text, types[i].name)) {
            s->family = types[i].family;
            return 0;
        }
    return decode_fail(d, f, "%s is not an address type: IPv4, IPv6 or FQDN",
                       decode_quote(text, quoted));
}

/* ---- endpoints ---- */

static int read_addresses(struct decode *d, const struct field *f, uint8_t family,
                          struct endpoint *e)
{
    enum { ADDRESSES_MAX = 100 };
    size_t n, i = 0;
    int rc = decode_list(d, f, &n);
    if (rc)
        return rc;
    if (n == 0)
        return decode_fail(d, f, "must hold an address");
    if (n > ADDRESSES_MAX)
        return decode_fail(d, f, "may hold no more than %d addresses", ADDRESSES_MAX);
    for (const cJSON *c = f->json->child; c; c = c->next, i++) {
        struct field one = field_item(f, c, i);
        struct ip ip;
        if (family == 0)
            continue;
        if ((rc = decode_ip(d, &one, &ip)))
            return rc;
        if (ip.family != family)
            return decode_fail(d, &one, "must be an IPv%u address", (unsigned)family);
        if (i == 0)
            e->ip = ip;
    }
    return 0;
}

static int read_conditions(struct decode *d, const struct field *f, struct endpoint *e)
{
    struct field ready_f = field_member(f, "ready"), serving_f = field_member(f, "serving");
    struct field terminating_f = field_member(f, "terminating");
    bool ready = true, terminating = false;
    int rc = decode_object(d, f);

    if (!rc)
        rc = decode_bool(d, &ready_f, &ready);
    bool serving = ready;
    if (!rc)
        rc = decode_bool(d, &serving_f, &serving);
    if (!rc)
        rc = decode_bool(d, &terminating_f, &terminating);
    e->conditions = (uint8_t)((ready ? ENDPOINT_READY : 0) | (serving ? ENDPOINT_SERVING : 0) |
                              (terminating ? ENDPOINT_TERMINATING : 0));
    return rc;
}

static int read_endpoints(struct decode *d, const struct field *root, struct endpoint_slice *s)
{
    enum { ENDPOINTS_MAX = 1000 };
    struct field f = field_member(root, "endpoints");
    size_t n, i = 0;
    int rc = decode_list(d, &f, &n);
    if (rc)
        return rc;
    if (n > ENDPOINTS_MAX)
        return decode_fail(d, &f, "may hold no more than %d endpoints", ENDPOINTS_MAX);
    struct endpoint *v = decode_array(d, n, sizeof *v);
    for (const cJSON *c = n ? f.json->child : NULL; c; c = c->next, i++) {
        struct field one = field_item(&f, c, i), addresses = field_member(&one, "addresses");
        struct field conditions = field_member(&one, "conditions");
        if ((rc = decode_object(d, &one)) ||
            (rc = read_addresses(d, &addresses, s->family, &v[i])) ||
            (rc = read_conditions(d, &conditions, &v[i])))
            return rc;
    }
    s->endpoints = v;
    s->n_endpoints = s->family ? n : 0;
    return 0;
}

/* One port may be without a name. */
static int check_nameless(struct decode *d, const struct field *f, const struct endpoint_slice *s)
{
    size_t i = 0, nameless = 0;
    for (const cJSON *c = s->n_ports > 1 ? f->json->child : NULL; c; c = c->next, i++) {
        struct field one = field_item(f, c, i), name = field_member(&one, "name");
        nameless += !*s->ports[i].name;
        if (nameless > 1)
            return decode_fail(d, &name, "is absent twice");
    }
    return 0;
}

static int slice_read(struct decode *d, const struct field *root, union k8s_object *o)
{
    struct endpoint_slice *s = &o->slice;
    struct field type = field_member(root, "addressType"), ports = field_member(root, "ports");
    const char *service = labels_get(&o->meta.labels, SERVICE_NAME_LABEL);

    s->service = service ? service : "";
    decode_drop_labels(d, &o->meta.labels);
    int rc = read_family(d, &type, s);
    if (!rc)
        rc = read_endpoints(d, root, s);
    if (!rc)
        rc = decode_service_ports(d, &ports, false, &s->ports, &s->n_ports);
    if (!rc)
        rc = check_nameless(d, &ports, s);
    return rc;
}

static void slice_settle(struct block *b, union k8s_object *o)
{
    struct endpoint_slice *s = &o->slice;
    s->ports = block_ports(b, s->ports, s->n_ports);
    s->endpoints = block_array(b, s->endpoints, s->n_endpoints, sizeof *s->endpoints);
    s->service = block_intern(s->service);
}

static void slice_unref(const union k8s_object *o)
{
    intern_unref(o->slice.service);
    ports_unref(o->slice.ports, o->slice.n_ports);
}

static bool slice_equal(const union k8s_object *a, const union k8s_object *b)
{
    const struct endpoint_slice *x = &a->slice, *y = &b->slice;
    if (x->service != y->service || x->family != y->family || x->n_endpoints != y->n_endpoints ||
        x->n_ports != y->n_ports)
        return false;
    for (size_t i = 0; i < x->n_endpoints; i++)
        if (x->endpoints[i].conditions != y->endpoints[i].conditions ||
            !ip_equal(&x->endpoints[i].ip, &y->endpoints[i].ip))
            return false;
    return named_ports_equal(x->ports, y->ports, x->n_ports);
}

static const struct wire_field condition_fields[] = {
    WIRE_FIELD(BOOL, 1, "ready"), WIRE_FIELD(BOOL, 2, "serving"),
    WIRE_FIELD(BOOL, 3, "terminating"), WIRE_FIELDS_END};
static const struct wire_field endpoint_fields[] = {
    WIRE_FIELD(STRINGS, 1, "addresses"), WIRE_FIELD_OF(MESSAGE, 2, "conditions", condition_fields),
    WIRE_FIELDS_END};
static const struct wire_field port_fields[] = {WIRE_FIELD(STRING, 1, "name"),
                                                WIRE_FIELD(INT, 3, "port"),
                                                WIRE_FIELD(STRING, 2, "protocol"), WIRE_FIELDS_END};
static const struct wire_field slice_fields[] = {
    K8S_META_FIELDS, WIRE_FIELD(STRING, 4, "addressType"),
    WIRE_FIELD_OF(MESSAGES, 2, "endpoints", endpoint_fields),
    WIRE_FIELD_OF(MESSAGES, 3, "ports", port_fields), WIRE_FIELDS_END};

const struct k8s_class endpoint_slice_class = {
    .api_version = "discovery.k8s.io/v1",
    .kind = "EndpointSlice",
    .namespaced = true,
    .size = sizeof(struct endpoint_slice),
    .name_problem = name_dns_subdomain_problem,
    .fields = slice_fields,
    .read = slice_read,
    .settle = slice_settle,
    .unref = slice_unref,
    .equal = slice_equal,
};
