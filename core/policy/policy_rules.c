/* SPDX-License-Identifier: Apache-2.0
 *
 * One rule of a policy becomes resolved rules in two steps.  Its peers are said once for numbered
 * ports ("plain") and once for each port name of an egress rule, since such a set also asks for the
 * name.  Then each combination of peers and ports is encoded, put into TABLE_RULE, and noted in
 * every local Pod's APPLIED row. */
#include <string.h>

#include "core/base/sort.h"
#include "core/base/vec.h"
#include "core/k8s/object.h"
#include "core/policy/policy.h"
#include "core/policy/set.h"

struct target { /* a local Pod that the policy selects */
    const char *key;
    const struct pod *object; /* NULL: attached without one */
    VEC(struct applied_rule) rules;
};
struct policy_work {
    struct derive *derive;
    const char *key;
    const struct network_policy *policy;
    struct target *targets;
    size_t n_targets;
    enum intent_direction direction; /* of the rule under way, and its position */
    uint32_t index;
};
struct port_name {
    const char *name;
    uint8_t proto;
};
typedef VEC(struct intent_id) id_vec;
typedef VEC(struct prefix) prefix_vec;
struct peers { /* in the derivation's arena */
    bool anyone;
    id_vec sets;
    prefix_vec prefixes;
};

/* ---- whom the policy selects ---- */

static void find_targets(struct policy_work *w)
{
    static const struct labels none = {NULL, 0};
    struct view *v = derive_view(w->derive);
    size_t n;
    const struct row **locals =
        view_list_index(v, TABLE_LOCAL, LOCAL_BY_NAMESPACE, w->policy->meta.namespace_, &n);
    w->targets = arena_alloc(derive_arena(w->derive), n * sizeof *w->targets);
    for (size_t i = 0; i < n; i++) {
        const struct intent_local *local = locals[i]->value;
        if (local->superseded || local->blocked)
            continue;
        const struct row *row = view_get(v, TABLE_POD, local->pod);
        const struct pod *pod = row ? row->value : NULL;
        if (pod && pod->host_network)
            continue;
        if (selector_matches(&w->policy->pods, pod ? &pod->meta.labels : &none))
            w->targets[w->n_targets++] = (struct target){.key = locals[i]->key, .object = pod};
    }
}

/* ---- peers ---- */

/* Puts a row that is named by what it says; ends the buffer. */
static struct intent_id put_content(struct derive *d, int table, struct sbuf *blob)
{
    char key[INTENT_ID_TEXT_MAX];
    struct intent_id id = intent_id_of(blob->data, blob->len);
    derive_row(d, table, intent_id_format(&id, key), blob->data, blob->len);
    derive_buffer_done(d, blob);
    return id;
}

static struct intent_id put_set(struct policy_work *w, const struct set_spec *spec)
{
    struct sbuf blob = derive_buffer(w->derive);
    set_encode(spec, &blob);
    return put_content(w->derive, TABLE_SET, &blob);
}

static void add_block(struct policy_work *w, const struct np_peer *peer, struct peers *out)
{
    if (peer->n_except == 0) {
        VEC_PUSH_IN(derive_arena(w->derive), &out->prefixes, peer->cidr);
        return;
    }
    static const size_t max = POLICY_MAX_PREFIXES;
    struct prefix *parts = arena_alloc(derive_arena(w->derive), max * sizeof *parts);
    size_t n = prefix_subtract(&peer->cidr, peer->except, peer->n_except, parts, max);
    if (n > max) {
        char text[PREFIX_TEXT_MAX];
        derive_fail(w->derive, "%s: ipBlock %s: its exceptions split it into more than %d parts",
                    w->key, prefix_format(&peer->cidr, text), POLICY_MAX_PREFIXES);
        return;
    }
    for (size_t i = 0; i < n; i++)
        VEC_PUSH_IN(derive_arena(w->derive), &out->prefixes, parts[i]);
}

static void add_peer(struct policy_work *w, const struct np_peer *peer,
                     const struct port_name *port, struct peers *out)
{
    struct set_spec spec = {.port_name = port ? port->name : NULL,
                            .port_proto = port ? port->proto : 0};
    if (peer->is_block && !port) {
        add_block(w, peer, out);
        return;
    }
    if (peer->is_block) {
        spec.block = &peer->cidr;
        spec.except = peer->except;
        spec.n_except = peer->n_except;
    } else {
        spec.namespace_ = peer->has_ns_selector ? NULL : w->policy->meta.namespace_;
        spec.namespaces = peer->has_ns_selector ? &peer->namespaces : NULL;
        spec.pods = peer->has_pod_selector ? &peer->pods : NULL;
    }
    struct intent_id id = put_set(w, &spec);
    VEC_PUSH_IN(derive_arena(w->derive), &out->sets, id);
}

/* 'port': peers that have a port of that name; NULL: any. */
static void find_peers(struct policy_work *w, const struct np_rule *rule,
                       const struct port_name *port, struct peers *out)
{
    *out = (struct peers){.anyone = rule->n_peers == 0 && !port};
    if (rule->n_peers == 0 && port) {
        struct intent_id everyone =
            put_set(w, &(struct set_spec){.port_name = port->name, .port_proto = port->proto});
        VEC_PUSH_IN(derive_arena(w->derive), &out->sets, everyone);
    }
    for (size_t i = 0; i < rule->n_peers; i++)
        add_peer(w, &rule->peers[i], port, out);
}

static bool nobody(const struct peers *p)
{
    return !p->anyone && p->sets.n == 0 && p->prefixes.n == 0;
}

/* ---- resolved rules ---- */

static struct intent_id put_rule(struct policy_work *w, struct peers *peers, enum rule_ports kind,
                                 struct rule_port *ports, size_t n_ports)
{
    struct rule_parts parts = {.direction = w->direction,
                               .anyone = peers->anyone,
                               .ports_kind = kind,
                               .sets = peers->sets.v,
                               .n_sets = peers->sets.n,
                               .prefixes = peers->prefixes.v,
                               .n_prefixes = peers->prefixes.n,
                               .ports = ports,
                               .n_ports = n_ports};
    struct sbuf blob = derive_buffer(w->derive);
    rule_encode(&parts, &blob);
    return put_content(w->derive, TABLE_RULE, &blob);
}

static void apply(struct policy_work *w, struct target *t, const struct intent_id *rule,
                  uint8_t proto, uint16_t port)
{
    struct applied_rule a;
    memset(&a, 0, sizeof a);
    a.rule = *rule;
    a.direction = (uint8_t)w->direction;
    a.index = w->index;
    a.proto = proto;
    a.port = port;
    VEC_PUSH_IN(derive_arena(w->derive), &t->rules, a);
}

static void apply_to_all(struct policy_work *w, const struct intent_id *rule)
{
    for (size_t i = 0; i < w->n_targets; i++)
        apply(w, &w->targets[i], rule, 0, 0);
}

static bool is_named(const struct named_port *have, const struct port_name *port)
{
    return have->proto == port->proto && strcmp(have->name, port->name) == 0;
}

static bool somebody_has(const struct policy_work *w, const struct port_name *port)
{
    for (size_t i = 0; i < w->n_targets; i++) {
        const struct pod *pod = w->targets[i].object;
        for (size_t p = 0; pod && p < pod->n_ports; p++)
            if (is_named(&pod->ports[p], port))
                return true;
    }
    return false;
}

/* An ingress port name: the numbers that each selected Pod itself gives it. */
static void apply_by_name(struct policy_work *w, const struct intent_id *rule,
                          const struct port_name *port)
{
    for (size_t i = 0; i < w->n_targets; i++) {
        const struct pod *pod = w->targets[i].object;
        for (size_t p = 0; pod && p < pod->n_ports; p++)
            if (is_named(&pod->ports[p], port))
                apply(w, &w->targets[i], rule, port->proto, pod->ports[p].port);
    }
}

static void resolve_numbered(struct policy_work *w, const struct np_rule *rule, struct peers *peers)
{
    struct rule_port *ports = arena_alloc(derive_arena(w->derive), rule->n_ports * sizeof *ports);
    size_t n = 0;
    for (size_t i = 0; i < rule->n_ports; i++) {
        const struct np_port *p = &rule->ports[i];
        if (p->name)
            continue;
        bool all = p->port == 0 && p->end == 0;
        ports[n++] = (struct rule_port){
            .proto = p->proto, .first = p->port, .last = all ? UINT16_MAX : p->end};
    }
    if (nobody(peers) || (n == 0 && rule->n_ports > 0))
        return;
    struct intent_id id = put_rule(w, peers, n ? RULE_PORTS_LISTED : RULE_PORTS_ALL, ports, n);
    apply_to_all(w, &id);
}

static void resolve_named(struct policy_work *w, const struct np_rule *rule,
                          const struct port_name *port, struct peers *plain)
{
    if (w->direction == DIRECTION_INGRESS) {
        if (nobody(plain) || !somebody_has(w, port))
            return;
        struct intent_id id = put_rule(w, plain, RULE_PORTS_APPLIED, NULL, 0);
        apply_by_name(w, &id, port);
        return;
    }
    struct peers peers;
    find_peers(w, rule, port, &peers);
    struct intent_id id = put_rule(w, &peers, RULE_PORTS_MEMBER, NULL, 0);
    apply_to_all(w, &id);
}

/* Whether some resolved rule will name the peers whatever their ports: else their sets would stand
 * there for nobody. */
static bool needs_plain_peers(const struct policy_work *w, const struct np_rule *rule)
{
    for (size_t i = 0; i < rule->n_ports; i++) {
        struct port_name port = {rule->ports[i].name, rule->ports[i].proto};
        if (!port.name || (w->direction == DIRECTION_INGRESS && somebody_has(w, &port)))
            return true;
    }
    return rule->n_ports == 0;
}

static void resolve_rule(struct policy_work *w, const struct np_rule *rule)
{
    struct peers plain = {.anyone = false};
    if (needs_plain_peers(w, rule))
        find_peers(w, rule, NULL, &plain);
    resolve_numbered(w, rule, &plain);
    for (size_t i = 0; i < rule->n_ports; i++)
        if (rule->ports[i].name)
            resolve_named(w, rule, &(struct port_name){rule->ports[i].name, rule->ports[i].proto},
                          &plain);
}

static void resolve_direction(struct policy_work *w, enum intent_direction direction,
                              const struct np_rule *rules, size_t n)
{
    w->direction = direction;
    for (size_t i = 0; i < n; i++) {
        w->index = (uint32_t)i;
        resolve_rule(w, &rules[i]);
    }
}

/* ---- applied ---- */

static int cmp_applied(const void *pa, const void *pb)
{
    const struct applied_rule *a = pa, *b = pb;
    if (a->direction != b->direction)
        return a->direction < b->direction ? -1 : 1;
    if (a->index != b->index)
        return a->index < b->index ? -1 : 1;
    int c = intent_id_cmp(&a->rule, &b->rule);
    if (c)
        return c;
    if (a->proto != b->proto)
        return a->proto < b->proto ? -1 : 1;
    return a->port == b->port ? 0 : a->port < b->port ? -1 : 1;
}

static void put_applied(struct policy_work *w, struct target *t)
{
    struct intent_applied head = {.isolates = {[DIRECTION_INGRESS] = w->policy->ingress_isolates,
                                               [DIRECTION_EGRESS] = w->policy->egress_isolates}};
    sort(t->rules.v, t->rules.n, sizeof *t->rules.v, cmp_applied);
    struct sbuf blob = derive_buffer(w->derive);
    sbuf_put(&blob, &head, sizeof head);
    for (size_t i = 0; i < t->rules.n; i++) {
        if (i && cmp_applied(&t->rules.v[i], &t->rules.v[i - 1]) == 0)
            continue;
        sbuf_put(&blob, &t->rules.v[i], sizeof t->rules.v[i]);
        head.n_rules++;
    }
    memcpy(blob.data, &head, sizeof head);
    const char *key = arena_printf(derive_arena(w->derive), "%s %s", t->key, w->key);
    derive_row(w->derive, TABLE_APPLIED, key, blob.data, blob.len);
    derive_buffer_done(w->derive, &blob);
}

void policy_rules_derive(struct derive *d, const char *key)
{
    const struct network_policy *policy = view_get(derive_view(d), TABLE_POLICY, key)->value;
    struct policy_work w = {.derive = d, .key = key, .policy = policy};
    find_targets(&w);
    if (w.n_targets == 0)
        return;
    if (policy->ingress_isolates)
        resolve_direction(&w, DIRECTION_INGRESS, policy->ingress, policy->n_ingress);
    if (policy->egress_isolates)
        resolve_direction(&w, DIRECTION_EGRESS, policy->egress, policy->n_egress);
    for (size_t i = 0; i < w.n_targets; i++)
        put_applied(&w, &w.targets[i]);
}
