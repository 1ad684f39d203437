/* SPDX-License-Identifier: Apache-2.0 */
#include "core/agent/verdict.h"

#include <string.h>

#include "core/base/vec.h"
#include "core/k8s/object.h"

struct judge {
    const struct store *store;
    struct arena *arena;
    struct verdict *out;
};

/* ---- parties ---- */

static const struct intent_local *local_of(const struct row *row)
{
    return row->value;
}

/* NULL if traffic can pass the attachment. */
static const char *closed_because(const struct intent_local *local)
{
    if (local->superseded)
        return "a newer sandbox of the Pod is attached";
    if (local->blocked)
        return "its Pod object is absent or has another UID";
    return local->ofport ? NULL : "its port has no number yet";
}

static bool holds(const struct intent_local *local)
{
    return !local->superseded && !local->blocked;
}

static const struct ip *ip_of_family(const struct ip *ips, size_t n, uint8_t family)
{
    for (size_t i = 0; i < n; i++)
        if (ips[i].family == family)
            return &ips[i];
    return NULL;
}

/* The address of that family among the Pod's attachments that hold, or do not. */
static bool attached_ip(const struct judge *j, struct verdict_party *p, uint8_t family, bool held)
{
    size_t n;
    const struct row **rows =
        store_list_index(j->store, TABLE_LOCAL, LOCAL_BY_POD, p->pod, j->arena, &n);
    for (size_t i = 0; i < n; i++) {
        const struct intent_local *local = local_of(rows[i]);
        const struct ip *ip = ip_of_family(local->ips, local->n_ips, family);
        if (!ip || holds(local) != held)
            continue;
        p->ip = *ip;
        p->local = rows[i];
        return true;
    }
    return false;
}

static bool has_holding(const struct judge *j, const char *pod)
{
    size_t n;
    const struct row **rows =
        store_list_index(j->store, TABLE_LOCAL, LOCAL_BY_POD, pod, j->arena, &n);
    for (size_t i = 0; i < n; i++)
        if (holds(local_of(rows[i])))
            return true;
    return false;
}

/* A Pod attached here has the attachment's addresses, any other those of its status. */
static bool pod_ip(const struct judge *j, struct verdict_party *p, uint8_t family)
{
    if (attached_ip(j, p, family, true))
        return true;
    if (has_holding(j, p->pod))
        return false;
    const struct row *row = store_get(j->store, TABLE_POD, p->pod);
    const struct pod *pod = row ? row->value : NULL;
    const struct ip *ip = pod ? ip_of_family(pod->ips, pod->n_ips, family) : NULL;
    if (!ip)
        return attached_ip(j, p, family, false);
    p->ip = *ip;
    return true;
}

/* The attachment that has the address; one that holds before one that does not. */
static const struct row *local_by_ip(const struct judge *j, const struct ip *ip)
{
    const struct row *found = NULL;
    size_t n;
    const struct row **rows = store_list(j->store, TABLE_LOCAL, j->arena, &n);
    for (size_t i = 0; i < n; i++) {
        const struct intent_local *local = local_of(rows[i]);
        for (size_t k = 0; k < local->n_ips; k++)
            if (ip_equal(&local->ips[k], ip) && (!found || holds(local)))
                found = rows[i];
    }
    return found;
}

/* The live Pod that has the address by its status; NULL: none. */
static const char *pod_by_ip(const struct judge *j, const struct ip *ip)
{
    size_t n;
    const struct row **rows = store_list(j->store, TABLE_POD, j->arena, &n);
    for (size_t i = 0; i < n; i++) {
        const struct pod *pod = rows[i]->value;
        if (pod->host_network || pod->phase == POD_FINISHED)
            continue;
        for (size_t k = 0; k < pod->n_ips; k++)
            if (ip_equal(&pod->ips[k], ip))
                return rows[i]->key;
    }
    return NULL;
}

static bool party_has(const struct judge *j, const struct verdict_party *p, uint8_t family)
{
    struct verdict_party probe = *p;
    return p->pod ? pod_ip(j, &probe, family) : p->ip.family == family;
}

/* A Service is asked for by its address: there may be two, and ports that it has not. */
static int no_such_pod(const struct judge *j, const char *key, struct err *err)
{
    char text[IP_TEXT_MAX];
    const struct row *row = store_get(j->store, TABLE_SERVICE, key);
    const struct service *s = row ? row->value : NULL;
    if (s && s->n_cluster_ips)
        return err_set(err, ERR_NOT_FOUND, "%s: no such Pod; the Service of that name has %s", key,
                       ip_format(&s->cluster_ips[0], text));
    if (s)
        return err_set(err, ERR_NOT_FOUND,
                       "%s: no such Pod; the Service of that name has no address of its own", key);
    return err_set(err, ERR_NOT_FOUND, "%s: no such Pod", key);
}

static int party_read(const struct judge *j, const char *text, struct verdict_party *p,
                      struct err *err)
{
    size_t n;
    *p = (struct verdict_party){.name = text};
    if (ip_parse(text, &p->ip))
        return 0;
    const char *slash = strchr(text, '/');
    if (!slash || slash == text || !slash[1] || strchr(slash + 1, '/'))
        return err_set(err, ERR_INVALID, "%s: neither NAMESPACE/POD nor an address", text);
    p->pod = text;
    store_list_index(j->store, TABLE_LOCAL, LOCAL_BY_POD, text, j->arena, &n);
    if (!n && !store_get(j->store, TABLE_POD, text))
        return no_such_pod(j, text, err);
    if (!party_has(j, p, 4) && !party_has(j, p, 6))
        return err_set(err, ERR_NOT_FOUND, "%s: has no address", text);
    return 0;
}

static void party_settle(const struct judge *j, struct verdict_party *p, uint8_t family)
{
    if (p->pod)
        pod_ip(j, p, family);
    if (!p->local)
        p->local = local_by_ip(j, &p->ip);
    if (p->local && !p->pod)
        p->pod = local_of(p->local)->pod;
    if (!p->pod)
        p->pod = pod_by_ip(j, &p->ip);
}

/* " (on node2)", so that one knows where to ask; "" if it is not known. */
static const char *where(const struct judge *j, const struct verdict_party *p)
{
    const struct row *row = p->pod ? store_get(j->store, TABLE_POD, p->pod) : NULL;
    const struct pod *pod = row ? row->value : NULL;
    return pod && *pod->node_name ? arena_printf(j->arena, " (on %s)", pod->node_name) : "";
}

static int parties_settle(const struct judge *j, struct err *err)
{
    struct verdict *v = j->out;
    static const uint8_t families[] = {4, 6};
    uint8_t asked = v->query.family, family = 0;
    for (size_t i = 0; i < ARRAY_LEN(families) && !family; i++)
        if ((!asked || asked == families[i]) && party_has(j, &v->src, families[i]) &&
            party_has(j, &v->dst, families[i]))
            family = families[i];
    if (!family && asked)
        return err_set(err, ERR_NOT_FOUND, "%s and %s do not both have an IPv%u address",
                       v->src.name, v->dst.name, (unsigned)asked);
    if (!family)
        return err_set(err, ERR_NOT_FOUND, "%s and %s have no address family in common",
                       v->src.name, v->dst.name);
    v->query.family = family;
    party_settle(j, &v->src, family);
    party_settle(j, &v->dst, family);
    if (!v->src.local && !v->dst.local)
        return err_set(err, ERR_NOT_FOUND, "neither %s%s nor %s%s is attached to this node",
                       v->src.name, where(j, &v->src), v->dst.name, where(j, &v->dst));
    return 0;
}

/* ---- rules ---- */

/* The rows of TABLE_MEMBER that have the address. */
struct peer {
    struct ip ip;
    const struct intent_member **rows;
    size_t n_rows;
};

static bool member_has(const struct intent_member *m, const struct ip *ip)
{
    for (uint32_t i = 0; i < m->n_ips; i++)
        if (ip_equal(&m->ips[i], ip))
            return true;
    return false;
}

static struct peer peer_of(const struct judge *j, const struct ip *ip)
{
    size_t n;
    const struct row **rows = store_list(j->store, TABLE_MEMBER, j->arena, &n);
    struct peer p = {.ip = *ip, .rows = arena_alloc(j->arena, n * sizeof *p.rows)};
    for (size_t i = 0; i < n; i++)
        if (member_has(rows[i]->value, ip))
            p.rows[p.n_rows++] = rows[i]->value;
    return p;
}

/* Whether the peer is in the set; of a set with a port name, with the query's port. */
static bool in_set(const struct judge *j, const struct peer *p, const struct intent_id *set,
                   bool with_port)
{
    const struct verdict_query *q = &j->out->query;
    for (size_t i = 0; i < p->n_rows; i++)
        for (uint32_t k = 0; k < p->rows[i]->n_entries; k++) {
            const struct member_entry *e = &p->rows[i]->entries[k];
            if (intent_id_cmp(&e->set, set) == 0 &&
                (!with_port || (e->proto == q->proto && e->port == q->port)))
                return true;
        }
    return false;
}

static bool peer_matches(const struct judge *j, const struct intent_rule *r, const struct peer *p)
{
    if (r->anyone)
        return true;
    for (uint32_t i = 0; i < r->n_sets; i++)
        if (in_set(j, p, &rule_sets(r)[i], r->ports == RULE_PORTS_MEMBER))
            return true;
    for (uint32_t i = 0; i < r->n_prefixes; i++)
        if (prefix_contains(&rule_prefixes(r)[i], &p->ip))
            return true;
    return false;
}

static bool ports_match(const struct judge *j, const struct intent_rule *r,
                        const struct applied_rule *applied)
{
    const struct verdict_query *q = &j->out->query;
    if (r->ports == RULE_PORTS_APPLIED)
        return applied->proto == q->proto && applied->port == q->port;
    if (r->ports != RULE_PORTS_LISTED)
        return true; /* of all ports, or of those that the members have */
    const struct rule_port *ports = rule_ports(r);
    for (uint32_t i = 0; i < r->n_ports; i++)
        if (ports[i].proto == q->proto && ports[i].first <= q->port && q->port <= ports[i].last)
            return true;
    return false;
}

static uint32_t data_plane_id(const struct store *s, const struct applied_rule *applied)
{
    char key[INTENT_ID_TEXT_MAX];
    const struct row *row = store_get(s, TABLE_RULE_ID, intent_id_format(&applied->rule, key));
    return row ? ((const struct intent_rule_id *)row->value)->id : rule_id_hash(&applied->rule);
}

static bool applied_allows(const struct judge *j, const struct applied_rule *applied,
                           const struct peer *peer)
{
    char key[INTENT_ID_TEXT_MAX];
    const struct row *row = store_get(j->store, TABLE_RULE, intent_id_format(&applied->rule, key));
    return row && ports_match(j, row->value, applied) && peer_matches(j, row->value, peer);
}

/* One policy that applies to the Pod.  Named ports give a rule several entries: it counts once. */
static void judge_policy(const struct judge *j, const struct row *row,
                         enum intent_direction direction, const struct peer *peer)
{
    const struct intent_applied *applied = row->value;
    struct verdict_side *side = &j->out->side[direction];
    const struct verdict_rule *last = NULL;
    if (!applied->isolates[direction])
        return;
    side->isolated = true;
    side->policies[side->n_policies++] = applied_policy(row->key);
    for (uint32_t i = 0; i < applied->n_rules; i++) {
        const struct applied_rule *rule = &applied->rules[i];
        if (rule->direction != direction || !applied_allows(j, rule, peer) ||
            (last && last->index == rule->index && !intent_id_cmp(&last->rule, &rule->rule)))
            continue;
        side->rules[side->n_rules] = (struct verdict_rule){.policy = applied_policy(row->key),
                                                           .index = rule->index,
                                                           .rule = rule->rule,
                                                           .id = data_plane_id(j->store, rule)};
        last = &side->rules[side->n_rules++];
    }
}

static void judge_rules(const struct judge *j, const char *local, enum intent_direction direction,
                        const struct ip *peer_ip)
{
    struct verdict_side *side = &j->out->side[direction];
    struct peer peer = peer_of(j, peer_ip);
    size_t n, n_rules = 0;
    const struct row **rows =
        store_list_index(j->store, TABLE_APPLIED, APPLIED_BY_LOCAL, local, j->arena, &n);
    for (size_t i = 0; i < n; i++)
        n_rules += ((const struct intent_applied *)rows[i]->value)->n_rules;
    side->policies = arena_alloc(j->arena, n * sizeof *side->policies);
    side->rules = arena_alloc(j->arena, n_rules * sizeof *side->rules);
    for (size_t i = 0; i < n; i++)
        judge_policy(j, rows[i], direction, &peer);
    side->allowed = !side->isolated || side->n_rules > 0;
}

/* ---- directions ---- */

static bool is_own_address(const struct judge *j, const struct ip *ip)
{
    const struct row *row = store_get(j->store, TABLE_SELF, "");
    const struct intent_self *self = row ? row->value : NULL;
    for (uint32_t i = 0; self && i < self->n_gateways; i++)
        if (ip_equal(&self->gateways[i], ip))
            return true;
    for (uint32_t i = 0; self && i < self->n_node_ips; i++)
        if (ip_equal(&self->node_ips[i], ip))
            return true;
    return false;
}

static bool same_pod(const struct verdict *v)
{
    return v->src.local && v->dst.local &&
           strcmp(local_of(v->src.local)->pod, local_of(v->dst.local)->pod) == 0;
}

static void judge_side(const struct judge *j, enum intent_direction direction)
{
    struct verdict *v = j->out;
    bool ingress = direction == DIRECTION_INGRESS;
    const struct verdict_party *own = ingress ? &v->dst : &v->src;
    const struct verdict_party *peer = ingress ? &v->src : &v->dst;
    struct verdict_side *side = &v->side[direction];
    *side = (struct verdict_side){.here = own->local != NULL, .allowed = true};
    if (!side->here)
        return;
    const char *closed = closed_because(local_of(own->local));
    if (closed) {
        side->allowed = false;
        side->isolated = true;
        side->because = closed;
        return;
    }
    judge_rules(j, own->local->key, direction, &peer->ip);
    if (same_pod(v))
        side->because = "a Pod to itself is always allowed";
    else if (ingress && is_own_address(j, &peer->ip))
        side->because = "this node to its own Pods is always allowed";
    if (side->because)
        side->allowed = true;
}

int verdict_of(const struct store *s, const struct verdict_query *query, struct arena *a,
               struct verdict *out, struct err *err)
{
    struct judge j = {s, a, out};
    *out = (struct verdict){.query = *query};
    int rc = party_read(&j, query->src, &out->src, err);
    if (!rc)
        rc = party_read(&j, query->dst, &out->dst, err);
    if (!rc)
        rc = parties_settle(&j, err);
    if (rc)
        return rc;
    judge_side(&j, DIRECTION_EGRESS);
    judge_side(&j, DIRECTION_INGRESS);
    out->allowed = out->side[DIRECTION_EGRESS].allowed && out->side[DIRECTION_INGRESS].allowed;
    return 0;
}
