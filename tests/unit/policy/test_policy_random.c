/* SPDX-License-Identifier: Apache-2.0
 *
 * Random clusters and random changes: after each change the verdict that the intents give for every
 * attached Pod, address, direction and port is the one that the objects themselves say, read here
 * straight from the policies.  SEINE_SEED repeats one run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/agent/verdict.h"
#include "core/base/hash.h"
#include "core/pod/attachment.h"
#include "tests/support/world_builder.h"

enum { N_NAMESPACES = 3, N_PODS = 4, N_POLICIES = 3, N_CHANGES = 60, N_RUNS = 12 };
static const char *const namespaces[N_NAMESPACES] = {"a", "b", "c"}; /* c never has an object */

struct run {
    struct engine *e;
    uint64_t seed, n;
    size_t n_asked, n_allowed;
};

static unsigned rnd(struct run *r, unsigned below)
{
    return (unsigned)(hash_u64(r->seed + r->n++) % below);
}

static const char *pick(struct run *r, const char *const *words, size_t n)
{
    return words[rnd(r, (unsigned)n)];
}
#define PICK(r, ...)                                                                               \
    pick(r, (const char *const[]){__VA_ARGS__}, ARRAY_LEN(((const char *const[]){__VA_ARGS__})))

/* ---- random objects ---- */

static void pod_key(char *buf, unsigned ns, unsigned i)
{
    snprintf(buf, 16, "%s/p%u", namespaces[ns], i);
}

static void change_pod(struct run *r)
{
    unsigned ns = rnd(r, N_NAMESPACES), i = rnd(r, N_PODS);
    char key[16], ips[48], spec[256], labels[48];
    pod_key(key, ns, i);
    snprintf(labels, sizeof labels, "%s%s", PICK(r, "app: x", "app: z", "", "app: \"\""),
             PICK(r, "", ", tier: q", ", tier: r"));
    const char *l = labels[0] == ',' ? labels + 2 : labels;
    snprintf(ips, sizeof ips, "10.%u.0.%u%s", ns, i + 1, rnd(r, 2) ? "" : " fd00::");
    if (strstr(ips, "::"))
        snprintf(ips + strlen(ips), sizeof ips - strlen(ips), "%u:%u", ns, i + 1);
    snprintf(spec, sizeof spec,
             "hostNetwork: %s, containers: [{name: c, image: i, ports: "
             "[{name: %s, containerPort: %s, protocol: %s}]}, {name: d, image: i, ports: "
             "[{name: web, containerPort: %s}]}]",
             rnd(r, 10) ? "false" : "true", PICK(r, "web", "dns"), PICK(r, "80", "53"),
             PICK(r, "TCP", "UDP"), PICK(r, "80", "81"));
    world_pod_full(r->e, &(struct world_pod){.key = key,
                                             .labels = l,
                                             .ips = rnd(r, 8) ? ips : "",
                                             .spec = spec,
                                             .status = rnd(r, 8) ? NULL : "phase: Failed"});
}

static void change_attachment(struct run *r)
{
    unsigned ns = rnd(r, N_NAMESPACES), i = rnd(r, N_PODS);
    char key[16], ips[48], container[16], row[24];
    pod_key(key, ns, i);
    snprintf(container, sizeof container, "%s-%u", namespaces[ns], i);
    snprintf(row, sizeof row, "%s/eth0", container);
    if (store_get(engine_store(r->e), TABLE_ATTACHMENT, row)) {
        world_detach(r->e, container);
        return;
    }
    snprintf(ips, sizeof ips, "10.9.%u.%u fd09::%u:%u", ns, i + 1, ns, i + 1);
    world_attach(r->e, &(struct world_attachment){.container = container, .pod = key, .ips = ips});
}

static const char *selector(struct run *r)
{
    return PICK(r, "{}", "{matchLabels: {app: x}}", "{matchLabels: {app: z, tier: q}}",
                "{matchExpressions: [{key: app, operator: In, values: [x, z]}]}",
                "{matchExpressions: [{key: tier, operator: NotIn, values: [q]}]}",
                "{matchExpressions: [{key: app, operator: Exists}]}",
                "{matchExpressions: [{key: tier, operator: DoesNotExist}]}",
                "{matchLabels: {app: \"\"}}");
}

static const char *ns_selector(struct run *r)
{
    return PICK(r, "{}", "{matchLabels: {team: x}}",
                "{matchLabels: {kubernetes.io/metadata.name: c}}",
                "{matchExpressions: [{key: team, operator: NotIn, values: [x]}]}",
                "{matchExpressions: [{key: team, operator: DoesNotExist}]}",
                "{matchExpressions: [{key: kubernetes.io/metadata.name, operator: In, "
                "values: [a, c]}, {key: team, operator: Exists}]}");
}

static void put_peer(struct run *r, struct sbuf *out)
{
    switch (rnd(r, 4)) {
    case 0:
        sbuf_printf(out, "{podSelector: %s}", selector(r));
        break;
    case 1:
        sbuf_printf(out, "{namespaceSelector: %s}", ns_selector(r));
        break;
    case 2:
        sbuf_printf(out, "{namespaceSelector: %s, podSelector: %s}", ns_selector(r), selector(r));
        break;
    default:
        sbuf_printf(out, "{ipBlock: %s}",
                    PICK(r, "{cidr: 10.0.0.0/8}", "{cidr: 10.9.0.0/16, except: [10.9.1.0/24]}",
                         "{cidr: \"fd09::/32\", except: [\"fd09::1:0/112\"]}", "{cidr: 0.0.0.0/0}",
                         "{cidr: 192.0.2.0/24, except: [192.0.2.0/30, 192.0.2.64/26]}",
                         "{cidr: \"::/0\"}"));
    }
}

static void put_rule(struct run *r, bool ingress, struct sbuf *out)
{
    unsigned n_peers = rnd(r, 3), n_ports = rnd(r, 3);
    sbuf_printf(out, "{%s: [", ingress ? "from" : "to");
    for (unsigned i = 0; i < n_peers; i++) {
        sbuf_puts(out, i ? ", " : "");
        put_peer(r, out);
    }
    sbuf_puts(out, "], ports: [");
    for (unsigned i = 0; i < n_ports; i++)
        sbuf_printf(out, "%s%s", i ? ", " : "",
                    PICK(r, "{port: 80}", "{port: 79, endPort: 81}", "{protocol: UDP}",
                         "{port: web}", "{port: dns, protocol: UDP}", "{port: web, protocol: UDP}",
                         "{port: 53, protocol: UDP}", "{protocol: SCTP, port: 80}"));
    sbuf_puts(out, "]}");
}

static void change_policy(struct run *r)
{
    char key[16];
    snprintf(key, sizeof key, "%s/q%u", namespaces[rnd(r, N_NAMESPACES)], rnd(r, N_POLICIES));
    if (rnd(r, 4) == 0 && store_remove(engine_store(r->e), TABLE_POLICY, key))
        return;
    auto_sbuf spec = SBUF_INIT;
    sbuf_printf(&spec, "podSelector: %s%s", selector(r),
                PICK(r, "", ", policyTypes: [Ingress]", ", policyTypes: [Egress]",
                     ", policyTypes: [Ingress, Egress]"));
    for (int ingress = 0; ingress < 2; ingress++) {
        unsigned n = rnd(r, 3);
        sbuf_printf(&spec, ", %s: [", ingress ? "ingress" : "egress");
        for (unsigned i = 0; i < n; i++) {
            sbuf_puts(&spec, i ? ", " : "");
            put_rule(r, ingress, &spec);
        }
        sbuf_puts(&spec, "]");
    }
    world_policy(r->e, key, spec.data);
}

static void change_namespace(struct run *r)
{
    const char *name = namespaces[rnd(r, N_NAMESPACES - 1)];
    if (rnd(r, 3) == 0)
        store_remove(engine_store(r->e), TABLE_NAMESPACE, name);
    else
        world_namespace(r->e, name, PICK(r, "team: x", "team: w", ""));
}

static void change(struct run *r)
{
    static void (*const changes[])(struct run *) = {change_pod,    change_pod,    change_attachment,
                                                    change_policy, change_policy, change_namespace};
    changes[rnd(r, ARRAY_LEN(changes))](r);
}

/* ---- what the objects say ---- */

struct traffic {
    const struct pod *own;
    struct ip peer;
    bool ingress;
    uint8_t proto;
    uint16_t port;
};

/* One Pod's addresses as the contract says: its attachment's, else its status's. */
static bool pod_has(struct run *r, const struct row *row, const struct ip *ip)
{
    const struct pod *pod = row->value;
    char key[32];
    snprintf(key, sizeof key, "%s-%s/eth0", pod->meta.namespace_, pod->meta.name + 1);
    const struct row *attached = store_get(engine_store(r->e), TABLE_ATTACHMENT, key);
    const struct attachment *a = attached ? attached->value : NULL;
    const struct ip *ips = a ? a->ips : pod->ips;
    size_t n = a ? a->n_ips : pod->n_ips;
    for (size_t i = 0; i < n; i++)
        if (ip_equal(&ips[i], ip))
            return !pod->host_network && pod->phase == POD_ACTIVE;
    return false;
}

/* The live Pod that has the address; addresses are unique here. */
static const struct pod *pod_at(struct run *r, const struct ip *ip, struct arena *a)
{
    size_t n;
    const struct row **rows = store_list(engine_store(r->e), TABLE_POD, a, &n);
    for (size_t i = 0; i < n; i++)
        if (pod_has(r, rows[i], ip))
            return rows[i]->value;
    return NULL;
}

static bool namespace_matches(struct run *r, const char *name, const struct selector *s)
{
    const struct row *row = store_get(engine_store(r->e), TABLE_NAMESPACE, name);
    struct label only = {"kubernetes.io/metadata.name", name};
    struct labels bare = {&only, 1};
    return selector_matches(s, row ? &((const struct namespace_ *)row->value)->meta.labels : &bare);
}

static bool peer_says(struct run *r, const struct network_policy *p, const struct np_peer *peer,
                      const struct traffic *t, const struct pod *at)
{
    if (peer->is_block) {
        for (size_t i = 0; i < peer->n_except; i++)
            if (prefix_contains(&peer->except[i], &t->peer))
                return false;
        return prefix_contains(&peer->cidr, &t->peer);
    }
    if (!at || (peer->has_pod_selector && !selector_matches(&peer->pods, &at->meta.labels)))
        return false;
    return peer->has_ns_selector ? namespace_matches(r, at->meta.namespace_, &peer->namespaces)
                                 : strcmp(at->meta.namespace_, p->meta.namespace_) == 0;
}

static bool port_says(const struct np_port *port, const struct traffic *t, const struct pod *server)
{
    if (port->proto != t->proto)
        return false;
    if (!port->name)
        return (!port->port && !port->end) || (port->port <= t->port && t->port <= port->end);
    for (size_t i = 0; server && i < server->n_ports; i++)
        if (server->ports[i].proto == t->proto && server->ports[i].port == t->port &&
            strcmp(server->ports[i].name, port->name) == 0)
            return true;
    return false;
}

static bool rule_says(struct run *r, const struct network_policy *p, const struct np_rule *rule,
                      const struct traffic *t, const struct pod *at)
{
    bool peer = rule->n_peers == 0, port = rule->n_ports == 0;
    for (size_t i = 0; i < rule->n_peers; i++)
        peer = peer || peer_says(r, p, &rule->peers[i], t, at);
    for (size_t i = 0; i < rule->n_ports; i++)
        port = port || port_says(&rule->ports[i], t, t->ingress ? t->own : at);
    return peer && port;
}

static bool objects_say(struct run *r, const struct traffic *t, struct arena *a)
{
    size_t n;
    const struct row **rows = store_list(engine_store(r->e), TABLE_POLICY, a, &n);
    const struct pod *at = pod_at(r, &t->peer, a);
    bool isolated = false;
    for (size_t i = 0; i < n; i++) {
        const struct network_policy *p = rows[i]->value;
        if (t->own->host_network || strcmp(p->meta.namespace_, t->own->meta.namespace_) != 0 ||
            !selector_matches(&p->pods, &t->own->meta.labels) ||
            !(t->ingress ? p->ingress_isolates : p->egress_isolates))
            continue;
        isolated = true;
        const struct np_rule *rules = t->ingress ? p->ingress : p->egress;
        for (size_t k = 0; k < (t->ingress ? p->n_ingress : p->n_egress); k++)
            if (rule_says(r, p, &rules[k], t, at))
                return true;
    }
    return !isolated;
}

/* ---- comparing ---- */

static void compare(struct run *r, const char *own, const char *peer, struct traffic *t)
{
    struct arena a;
    struct verdict v;
    struct err err = {0};
    arena_init(&a, 0);
    assert_true(ip_parse(peer, &t->peer));
    struct verdict_query q = {.src = t->ingress ? peer : own,
                              .dst = t->ingress ? own : peer,
                              .proto = t->proto,
                              .port = t->port};
    if (verdict_of(engine_store(r->e), &q, &a, &v, &err))
        fail_msg("seed %llu: %s", (unsigned long long)r->seed, err.text);
    const struct verdict_side *side = &v.side[t->ingress ? DIRECTION_INGRESS : DIRECTION_EGRESS];
    bool expected = objects_say(r, t, &a);
    if (!side->because && side->allowed != expected)
        fail_msg("seed %llu step %llu: %s %s %s proto %u port %u: intents %d, objects %d",
                 (unsigned long long)r->seed, (unsigned long long)r->n, own,
                 t->ingress ? "from" : "to", peer, (unsigned)t->proto, (unsigned)t->port,
                 side->allowed, expected);
    r->n_asked++;
    r->n_allowed += side->allowed;
    arena_done(&a);
}

static void compare_peer(struct run *r, const char *own, const struct pod *pod, const char *peer)
{
    static const struct {
        uint8_t proto;
        uint16_t port;
    } kinds[] = {{TCP, 80}, {TCP, 81}, {TCP, 53}, {UDP, 53}, {UDP, 80}, {SCTP, 80}, {ICMP, 0}};
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++)
        for (int ingress = 0; ingress < 2; ingress++) {
            struct traffic t = {
                .own = pod, .ingress = ingress, .proto = kinds[k].proto, .port = kinds[k].port};
            compare(r, own, peer, &t);
        }
}

static void compare_pod(struct run *r, const struct attachment *a, const char *key)
{
    const struct row *object = store_get(engine_store(r->e), TABLE_POD, key);
    char peer[48];
    if (!object)
        return; /* blocked: nothing passes, whatever the policies say */
    for (unsigned family = 0; family < 2; family++) {
        char own[IP_TEXT_MAX];
        ip_format(&a->ips[family], own);
        for (unsigned i = 0; i < N_NAMESPACES * N_PODS; i++) {
            unsigned ns = i / N_PODS, p = i % N_PODS + 1;
            for (unsigned attached = 0; attached < 2; attached++) {
                snprintf(peer, sizeof peer, family ? "fd0%u::%u:%u" : "10.%u.%u.%u",
                         attached ? 9
                         : family ? 0
                                  : ns,
                         attached || family ? ns : 0, p);
                compare_peer(r, own, object->value, peer);
            }
        }
        compare_peer(r, own, object->value, family ? "2001:db8::1" : "192.0.2.2");
        compare_peer(r, own, object->value, family ? "fd09::1:77" : "192.0.2.5");
    }
}

/* Each attached Pod whose turn it is: all would take too long in a debug build. */
static void compare_some(struct run *r)
{
    struct arena a;
    size_t n;
    arena_init(&a, 0);
    const struct row **rows = store_list(engine_store(r->e), TABLE_ATTACHMENT, &a, &n);
    if (n) {
        const struct attachment *one = rows[rnd(r, (unsigned)n)]->value;
        char key[32];
        snprintf(key, sizeof key, "%s/%s", one->pod_namespace, one->pod_name);
        compare_pod(r, one, key);
    }
    arena_done(&a);
}

static void one_run(uint64_t seed, size_t *n_asked, size_t *n_allowed)
{
    struct run r = {.e = world_intents(), .seed = seed};
    for (int i = 0; i < 30; i++)
        change(&r);
    for (int i = 0; i < N_CHANGES; i++) {
        change(&r);
        world_settle(r.e);
        compare_some(&r);
        if (i % 10 == 0)
            world_recheck(r.e);
    }
    *n_asked += r.n_asked;
    *n_allowed += r.n_allowed;
    world_done(r.e);
}

static void intents_say_what_the_objects_say(void **state)
{
    (void)state;
    const char *given = getenv("SEINE_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : 20260101;
    size_t n_asked = 0, n_allowed = 0;
    for (unsigned i = 0; i < N_RUNS; i++)
        one_run(seed + i * 1000003u, &n_asked, &n_allowed);
    printf("seed %llu: %zu verdicts, %zu allowed\n", (unsigned long long)seed, n_asked, n_allowed);
    /* A run that says always the same would prove little. */
    assert_true(n_asked > 10000 && n_allowed > n_asked / 10 && n_allowed < n_asked * 9 / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(intents_say_what_the_objects_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
