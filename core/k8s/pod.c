/* SPDX-License-Identifier: Apache-2.0
 *
 * Pod: addresses, phase, node and named ports.  Only what is read is checked: a Pod without
 * containers (a sandbox's record, a sample) is as good as any. */
#include <string.h>

#include "core/k8s/decode.h"
#include "core/k8s/names.h"

/* Step one gathers ports here: how many there are is known only when all containers were seen. */
struct port_list {
    struct named_port *v;
    size_t n, cap;
    size_t first; /* of the container at hand */
};

static int read_port(struct decode *d, const struct field *f, struct port_list *list)
{
    struct field number = field_member(f, "containerPort"), name = field_member(f, "name");
    struct field proto = field_member(f, "protocol");
    struct named_port p = {0};
    int port = 0, rc = decode_object(d, f);

    if (!rc && !number.json)
        rc = decode_fail(d, &number, "is required");
    if (!rc)
        rc = decode_int(d, &number, 1, 65535, &port);
    if (!rc)
        rc = decode_protocol(d, &proto, &p.proto);
    if (!rc)
        rc = decode_string(d, &name, &p.name);
    if (rc || !p.name || !*p.name)
        return rc;
    const char *why = name_port_problem(p.name);
    if (why)
        return decode_fail(d, &name, "%s", why);
    for (size_t i = list->first; i < list->n; i++)
        if (list->v[i].proto == p.proto && !strcmp(list->v[i].name, p.name))
            return decode_fail(d, &name, "occurs twice in this container");
    p.port = (uint16_t)port;
    list->v[list->n++] = p;
    return 0;
}

static size_t count_ports(const cJSON *containers)
{
    size_t n = 0;
    for (const cJSON *c = cJSON_IsArray(containers) ? containers->child : NULL; c; c = c->next) {
        const cJSON *ports = cJSON_GetObjectItemCaseSensitive(c, "ports");
        if (cJSON_IsArray(ports))
            n += (size_t)cJSON_GetArraySize(ports);
    }
    return n;
}

/* An init container that is restarted always runs beside the others; the rest have ended. */
static int restarts_always(struct decode *d, const struct field *container, bool *out)
{
    struct field policy = field_member(container, "restartPolicy");
    const char *s;
    int rc = decode_string(d, &policy, &s);
    *out = !rc && s && !strcmp(s, "Always");
    return rc;
}

static int read_containers(struct decode *d, const struct field *f, bool init,
                           struct port_list *list)
{
    size_t n, i = 0;
    int rc = decode_list(d, f, &n);
    if (rc)
        return rc;
    for (const cJSON *c = n ? f->json->child : NULL; c; c = c->next, i++) {
        struct field one = field_item(f, c, i), ports = field_member(&one, "ports");
        bool runs = true;
        size_t n_ports, k = 0;
        if ((rc = decode_object(d, &one)) || (rc = decode_list(d, &ports, &n_ports)) ||
            (init && (rc = restarts_always(d, &one, &runs))))
            return rc;
        size_t before = list->n;
        list->first = before;
        for (const cJSON *p = n_ports ? ports.json->child : NULL; p; p = p->next, k++) {
            struct field port = field_item(&ports, p, k);
            if ((rc = read_port(d, &port, list)))
                return rc;
        }
        if (!runs)
            list->n = before;
    }
    return 0;
}

static int read_ports(struct decode *d, const struct field *spec, struct pod *pod)
{
    struct field containers = field_member(spec, "containers");
    struct field inits = field_member(spec, "initContainers");
    struct port_list list = {0};
    list.cap = count_ports(containers.json) + count_ports(inits.json);
    list.v = decode_array(d, list.cap, sizeof *list.v);
    int rc = read_containers(d, &inits, true, &list);
    if (!rc)
        rc = read_containers(d, &containers, false, &list);
    pod->ports = list.v;
    pod->n_ports = list.n;
    return rc;
}

/* status.podIPs: [{ip: A}, ...], at most one of each family. */
static int read_ip_list(struct decode *d, const struct field *f, struct ip *ips, size_t n)
{
    size_t i = 0;
    if (n > 2)
        return decode_fail(d, f, "may hold no more than one address of each family");
    for (const cJSON *c = n ? f->json->child : NULL; c; c = c->next, i++) {
        struct field one = field_item(f, c, i), ip = field_member(&one, "ip");
        int rc = decode_object(d, &one);
        if (!rc)
            rc = decode_ip(d, &ip, &ips[i]);
        if (rc)
            return rc;
        if (i && ips[i].family == ips[0].family)
            return decode_fail(d, &ip, "may hold no more than one address of each family");
    }
    return 0;
}

static int read_ips(struct decode *d, const struct field *status, struct pod *pod)
{
    struct field list = field_member(status, "podIPs"), single = field_member(status, "podIP");
    const char *text;
    struct ip one;
    size_t n;
    int rc = decode_list(d, &list, &n);

    if (!rc)
        rc = decode_string(d, &single, &text);
    if (!rc && text && *text)
        rc = decode_ip(d, &single, &one);
    if (rc)
        return rc;
    bool has_single = text && *text;
    struct ip *ips = decode_array(d, n ? n : 1, sizeof *ips);
    if ((rc = read_ip_list(d, &list, ips, n)))
        return rc;
    if (n && has_single && !ip_equal(&one, &ips[0]))
        return decode_fail(d, &single, "must be the first of status.podIPs");
    if (!n && has_single)
        ips[n++] = one;
    pod->ips = ips;
    pod->n_ips = n;
    return 0;
}

static int read_status(struct decode *d, const struct field *root, struct pod *pod)
{
    struct field status = field_member(root, "status"), phase = field_member(&status, "phase");
    const char *text;
    int rc = decode_object(d, &status);

    if (!rc)
        rc = decode_string(d, &phase, &text);
    if (rc)
        return rc;
    bool finished = text && (!strcmp(text, "Succeeded") || !strcmp(text, "Failed"));
    pod->phase = finished ? POD_FINISHED : POD_ACTIVE;
    return read_ips(d, &status, pod);
}

static int read_mirror(struct decode *d, const struct field *root, struct pod *pod)
{
    struct field meta = field_member(root, "metadata");
    struct field notes = field_member(&meta, "annotations");
    struct field mirror = field_member(&notes, MIRROR_ANNOTATION);
    int rc = decode_object(d, &notes);
    if (!rc)
        rc = decode_string(d, &mirror, &pod->mirror_uid);
    if (rc)
        return rc;
    if (!pod->mirror_uid)
        pod->mirror_uid = "";
    decode_text(d, pod->mirror_uid);
    return 0;
}

static int pod_read(struct decode *d, const struct field *root, union k8s_object *o)
{
    struct pod *pod = &o->pod;
    struct field spec = field_member(root, "spec");
    struct field node = field_member(&spec, "nodeName"), host = field_member(&spec, "hostNetwork");
    int rc = decode_object(d, &spec);

    if (!rc)
        rc = decode_string(d, &node, &pod->node_name);
    if (rc)
        return rc;
    if (!pod->node_name)
        pod->node_name = "";
    const char *why = *pod->node_name ? name_dns_subdomain_problem(pod->node_name) : NULL;
    if (why)
        return decode_fail(d, &node, "%s", why);
    rc = decode_bool(d, &host, &pod->host_network);
    if (!rc)
        rc = read_ports(d, &spec, pod);
    if (!rc)
        rc = read_status(d, root, pod);
    if (!rc)
        rc = read_mirror(d, root, pod);
    return rc;
}

static void pod_settle(struct block *b, union k8s_object *o)
{
    struct pod *pod = &o->pod;
    pod->ports = block_ports(b, pod->ports, pod->n_ports);
    pod->ips = block_array(b, pod->ips, pod->n_ips, sizeof *pod->ips);
    pod->node_name = block_intern(pod->node_name);
    pod->mirror_uid = block_text(b, pod->mirror_uid);
}

static void pod_unref(const union k8s_object *o)
{
    intern_unref(o->pod.node_name);
    ports_unref(o->pod.ports, o->pod.n_ports);
}

static bool pod_equal(const union k8s_object *a, const union k8s_object *b)
{
    const struct pod *x = &a->pod, *y = &b->pod;
    if (strcmp(x->node_name, y->node_name) || x->host_network != y->host_network ||
        x->phase != y->phase || x->n_ips != y->n_ips || x->n_ports != y->n_ports ||
        strcmp(x->mirror_uid, y->mirror_uid))
        return false;
    return ips_equal(x->ips, y->ips, x->n_ips) && named_ports_equal(x->ports, y->ports, x->n_ports);
}

static const struct wire_field port_fields[] = {WIRE_FIELD(INT, 3, "containerPort"),
                                                WIRE_FIELD(STRING, 1, "name"),
                                                WIRE_FIELD(STRING, 4, "protocol"), WIRE_FIELDS_END};
static const struct wire_field container_fields[] = {
    WIRE_FIELD_OF(MESSAGES, 6, "ports", port_fields), WIRE_FIELD(STRING, 24, "restartPolicy"),
    WIRE_FIELDS_END};
static const struct wire_field spec_fields[] = {
    WIRE_FIELD(STRING, 10, "nodeName"), WIRE_FIELD(BOOL, 11, "hostNetwork"),
    WIRE_FIELD_OF(MESSAGES, 2, "containers", container_fields),
    WIRE_FIELD_OF(MESSAGES, 20, "initContainers", container_fields), WIRE_FIELDS_END};
static const struct wire_field ip_fields[] = {WIRE_FIELD(STRING, 1, "ip"), WIRE_FIELDS_END};
static const struct wire_field status_fields[] = {
    WIRE_FIELD(STRING, 1, "phase"), WIRE_FIELD(STRING, 6, "podIP"),
    WIRE_FIELD_OF(MESSAGES, 12, "podIPs", ip_fields), WIRE_FIELDS_END};
static const struct wire_field pod_fields[] = {
    K8S_META_FIELDS, WIRE_FIELD_OF(MESSAGE, 2, "spec", spec_fields),
    WIRE_FIELD_OF(MESSAGE, 3, "status", status_fields), WIRE_FIELDS_END};

const struct k8s_class pod_class = {
    .api_version = "v1",
    .kind = "Pod",
    .namespaced = true,
    .size = sizeof(struct pod),
    .name_problem = name_dns_subdomain_problem,
    .fields = pod_fields,
    .read = pod_read,
    .settle = pod_settle,
    .unref = pod_unref,
    .equal = pod_equal,
};
