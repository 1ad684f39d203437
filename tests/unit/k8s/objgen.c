/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/k8s/objgen.h"

#include <string.h>

#include "core/base/hash.h"
#include "core/base/mem.h"

static uint32_t below(struct objgen *g, uint32_t n)
{
    g->random = hash_u64(g->random);
    return (uint32_t)((g->random >> 32) % n);
}

static bool maybe(struct objgen *g)
{
    return below(g, 2);
}

static const char *pick(struct objgen *g, const char *const *v, size_t n)
{
    return v[below(g, (uint32_t)n)];
}
#define PICK(g, ...)                                                                               \
    pick(g, (const char *const[]){__VA_ARGS__},                                                    \
         sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static void sep(struct objgen *g)
{
    char last = g->out->data[g->out->len - 1];
    if (!strchr("{[:", last))
        sbuf_putc(g->out, ',');
}

static void raw(struct objgen *g, const char *key, const char *text)
{
    sep(g);
    if (key)
        sbuf_printf(g->out, "\"%s\":", key);
    sbuf_puts(g->out, text);
}

/* A member that nobody reads, at the begin or the end of a map. */
static void junk(struct objgen *g, bool end)
{
    const char *key =
        end ? PICK(g, "managedFields", "junk") : PICK(g, "ownerReferences", "statusCode");
    if (below(g, 4) == 0)
        raw(g, key,
            PICK(g, "[{\"f:a\":{\"f:b\":{}}}]", "\"}\\\"]\"", "[[],{},\"\\\\\"]", "-1.5e3", "null",
                 "{\"name\":\"x\",\"ports\":[{\"name\":\"y\"}]}"));
}

static void open(struct objgen *g, const char *key, char bracket)
{
    raw(g, key, bracket == '{' ? "{" : "[");
    if (bracket == '{')
        junk(g, false);
}

static void close(struct objgen *g, char bracket)
{
    if (bracket == '}')
        junk(g, true);
    sbuf_putc(g->out, bracket);
}

static void text(struct objgen *g, const char *key, const char *value)
{
    sep(g);
    if (key)
        sbuf_printf(g->out, "\"%s\":", key);
    if (g->bad && below(g, g->bad) == 0)
        value = PICK(g, "-", "a_b", "TCP", "UPPER", "x/y/z", "300.1.1.1", "10.0.0.0/33");
    sbuf_put_json(g->out, value);
}

static void number(struct objgen *g, const char *key, uint32_t value)
{
    sep(g);
    if (g->bad && below(g, g->bad) == 0)
        value = 70000;
    sbuf_printf(g->out, "\"%s\":%u", key, value);
}

static void labels(struct objgen *g, const char *key)
{
    static const char *const keys[] = {"app", "tier", "example.com/part", "kubernetes.io/os",
                                       "kubernetes.io/service-name"};
    raw(g, key, "{");
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (maybe(g))
            text(g, keys[i], PICK(g, "", "web", "db", "windows", "linux"));
    sbuf_putc(g->out, '}');
}

static void selector(struct objgen *g, const char *key)
{
    open(g, key, '{');
    if (maybe(g))
        labels(g, "matchLabels");
    if (maybe(g)) {
        open(g, "matchExpressions", '[');
        for (uint32_t n = below(g, 3); n; n--) {
            bool values = maybe(g);
            open(g, NULL, '{');
            text(g, "key", PICK(g, "app", "tier", "zone"));
            text(g, "operator",
                 values ? PICK(g, "In", "NotIn") : PICK(g, "Exists", "DoesNotExist"));
            open(g, "values", '[');
            for (uint32_t k = values ? below(g, 3) + 1 : 0; k; k--)
                text(g, NULL, PICK(g, "a", "b", "c", ""));
            close(g, ']');
            close(g, '}');
        }
        close(g, ']');
    }
    close(g, '}');
}

/* ---- kinds ---- */

static void containers(struct objgen *g, const char *key)
{
    open(g, key, '[');
    for (uint32_t n = below(g, 3); n; n--) {
        open(g, NULL, '{');
        if (maybe(g))
            text(g, "restartPolicy", "Always");
        open(g, "ports", '[');
        for (uint32_t k = below(g, 3); k; k--) {
            open(g, NULL, '{');
            number(g, "containerPort", below(g, 65535) + 1);
            if (maybe(g))
                text(g, "name", k == 1 ? "http" : "dns");
            if (maybe(g))
                text(g, "protocol", PICK(g, "TCP", "UDP", "SCTP"));
            close(g, '}');
        }
        close(g, ']');
        close(g, '}');
    }
    close(g, ']');
}

static void pod(struct objgen *g)
{
    if (maybe(g)) {
        open(g, "spec", '{');
        if (maybe(g))
            text(g, "nodeName", "node-1");
        if (maybe(g))
            raw(g, "hostNetwork", PICK(g, "true", "false", "null"));
        containers(g, "containers");
        if (maybe(g))
            containers(g, "initContainers");
        close(g, '}');
    }
    if (maybe(g)) {
        bool two = maybe(g);
        open(g, "status", '{');
        if (maybe(g))
            text(g, "phase", PICK(g, "Running", "Pending", "Failed", "Succeeded"));
        text(g, "podIP", "10.0.0.1");
        if (maybe(g))
            raw(g, "podIPs",
                two ? "[{\"ip\":\"10.0.0.1\"},{\"ip\":\"fd00::1\"}]" : "[{\"ip\":\"10.0.0.1\"}]");
        close(g, '}');
    }
}

static void node(struct objgen *g)
{
    open(g, "spec", '{');
    text(g, "podCIDR", "10.1.0.0/24");
    if (maybe(g))
        raw(g, "podCIDRs", "[\"10.1.0.0/24\",\"fd01::/64\"]");
    close(g, '}');
    open(g, "status", '{');
    open(g, "addresses", '[');
    for (uint32_t n = below(g, 4); n; n--) {
        open(g, NULL, '{');
        text(g, "type", PICK(g, "InternalIP", "Hostname", "ExternalIP"));
        text(g, "address", PICK(g, "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.9"));
        close(g, '}');
    }
    close(g, ']');
    close(g, '}');
}

static void peer(struct objgen *g)
{
    uint32_t form = below(g, 4);
    open(g, NULL, '{');
    if (form == 0) {
        open(g, "ipBlock", '{');
        text(g, "cidr", PICK(g, "10.0.0.0/8", "10.1.2.3/8"));
        if (maybe(g))
            raw(g, "except", "[\"10.2.0.0/16\",\"10.3.0.1/32\"]");
        close(g, '}');
    }
    if (form & 1)
        selector(g, "podSelector");
    if (form & 2)
        selector(g, "namespaceSelector");
    close(g, '}');
}

static void rules(struct objgen *g, const char *key, const char *peers)
{
    open(g, key, '[');
    for (uint32_t n = below(g, 3); n; n--) {
        open(g, NULL, '{');
        open(g, "ports", '[');
        for (uint32_t k = below(g, 3); k; k--) {
            open(g, NULL, '{');
            if (maybe(g))
                text(g, "protocol", PICK(g, "TCP", "UDP", "SCTP"));
            if (maybe(g)) {
                number(g, "port", below(g, 1000) + 1);
                if (maybe(g))
                    number(g, "endPort", 1000 + below(g, 1000));
            } else if (maybe(g)) {
                text(g, "port", "http");
            }
            close(g, '}');
        }
        close(g, ']');
        open(g, peers, '[');
        for (uint32_t k = below(g, 3); k; k--)
            peer(g);
        close(g, ']');
        close(g, '}');
    }
    close(g, ']');
}

static void policy(struct objgen *g)
{
    open(g, "spec", '{');
    selector(g, "podSelector");
    if (maybe(g))
        rules(g, "ingress", "from");
    if (maybe(g))
        rules(g, "egress", "to");
    if (maybe(g))
        raw(g, "policyTypes", PICK(g, "[\"Egress\"]", "[\"Ingress\",\"Egress\"]", "[]"));
    close(g, '}');
}

static void service_ports(struct objgen *g, bool numbered)
{
    uint32_t n = below(g, 3) + 1;
    open(g, "ports", '[');
    for (uint32_t i = 0; i < n; i++) {
        open(g, NULL, '{');
        if (n > 1)
            text(g, "name", i == 0 ? "a" : i == 1 ? "b" : "c");
        if (numbered || maybe(g))
            number(g, "port", below(g, 65535) + 1);
        if (maybe(g))
            text(g, "protocol", PICK(g, "TCP", "UDP", "SCTP"));
        close(g, '}');
    }
    close(g, ']');
}

static void service(struct objgen *g)
{
    open(g, "spec", '{');
    if (maybe(g))
        text(g, "type", PICK(g, "ClusterIP", "NodePort", "LoadBalancer", "ExternalName"));
    if (maybe(g))
        raw(g, "clusterIPs",
            PICK(g, "[\"None\"]", "[\"10.96.0.7\"]", "[\"10.96.0.7\",\"fd96::7\"]", "[]"));
    else if (maybe(g))
        text(g, "clusterIP", PICK(g, "None", "10.96.0.9", ""));
    service_ports(g, true);
    close(g, '}');
}

static void slice(struct objgen *g)
{
    bool v6 = maybe(g);
    text(g, "addressType", below(g, 8) == 0 ? "FQDN" : v6 ? "IPv6" : "IPv4");
    open(g, "endpoints", '[');
    for (uint32_t n = below(g, 4); n; n--) {
        open(g, NULL, '{');
        raw(g, "addresses", v6 ? "[\"fd00::5\"]" : "[\"10.0.0.5\",\"10.0.0.6\"]");
        open(g, "conditions", '{');
        if (maybe(g))
            raw(g, "ready", PICK(g, "true", "false", "null"));
        if (maybe(g))
            raw(g, "serving", PICK(g, "true", "false"));
        if (maybe(g))
            raw(g, "terminating", PICK(g, "true", "false"));
        close(g, '}');
        close(g, '}');
    }
    close(g, ']');
    service_ports(g, false);
}

static void nothing(struct objgen *g)
{
    (void)g;
}

void objgen_put(struct objgen *g, enum k8s_kind kind)
{
    static void (*const bodies[K8S_N_KINDS])(struct objgen *) = {
        [K8S_POD] = pod,         [K8S_NAMESPACE] = nothing,
        [K8S_NODE] = node,       [K8S_NETWORK_POLICY] = policy,
        [K8S_SERVICE] = service, [K8S_ENDPOINT_SLICE] = slice,
    };
    sbuf_putc(g->out, '{');
    junk(g, false);
    open(g, "metadata", '{');
    text(g, "name", PICK(g, "web-0", "db", "a"));
    if (kind != K8S_NAMESPACE && kind != K8S_NODE)
        text(g, "namespace", PICK(g, "default", "shop"));
    if (maybe(g))
        text(g, "uid", "11111111-2222-3333-4444-555555555555");
    text(g, "resourceVersion", "17");
    text(g, "creationTimestamp", "2026-11-28T04:07:57Z");
    labels(g, "labels");
    if (maybe(g)) {
        open(g, "annotations", '{');
        text(g, "note", "\u00e9 \\ \"");
        if (maybe(g))
            text(g, "kubernetes.io/config.mirror", "abc");
        close(g, '}');
    }
    close(g, '}');
    bodies[kind](g);
    close(g, '}');
}
