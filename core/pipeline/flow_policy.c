/* SPDX-License-Identifier: Apache-2.0
 *
 * Peers and ports of resolved rules, as clauses of conjunctive matches. */
#include "core/pipeline/pipeline.h"

#include "core/base/sort.h"
#include "core/base/vec.h"

/* ---- peers by address: one unit a Pod ---- */

/* One conjunction that an address of the Pod carries. */
struct mention {
    uint8_t direction, proto;
    uint16_t port; /* of a set with a port name */
    uint32_t id;
    uint8_t n_clauses;
};

static int cmp_mention(const void *pa, const void *pb)
{
    const struct mention *a = pa, *b = pb;
    if (a->direction != b->direction)
        return a->direction < b->direction ? -1 : 1;
    if (a->proto != b->proto)
        return a->proto < b->proto ? -1 : 1;
    if (a->port != b->port)
        return a->port < b->port ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}

static bool same_flow(const struct mention *a, const struct mention *b)
{
    return a->direction == b->direction && a->proto == b->proto && a->port == b->port;
}

typedef VEC(struct mention) mention_vec;

static void add_mentions(struct derive *d, const struct member_entry *e, mention_vec *out)
{
    char key[INTENT_ID_TEXT_MAX];
    size_t n;
    const struct row **rules = view_list_index(derive_view(d), TABLE_RULE, RULE_BY_SET,
                                               intent_id_format(&e->set, key), &n);
    for (size_t i = 0; i < n; i++) {
        const struct intent_rule *rule = rules[i]->value;
        struct intent_id id;
        if (!intent_id_parse(rules[i]->key, &id))
            continue;
        struct mention m = {.direction = rule->direction,
                            .proto = e->proto,
                            .port = e->port,
                            .id = rule_id_of(derive_view(d), &id),
                            .n_clauses = (uint8_t)rule_clauses(rule)};
        VEC_PUSH_IN(derive_arena(d), out, m);
    }
}

/* The mentions [from, to) of one flow, for one address: as many as one contribution holds. */
static void put_some_mentions(struct flow *f, const struct ip *ip, const struct mention *from,
                              const struct mention *to)
{
    struct prefix p = flow_host_prefix(ip);
    if (from->direction == DIRECTION_INGRESS)
        flow_match_src(f, &p);
    else
        flow_match_dst(f, &p);
    if (from->proto)
        flow_match_port(f, ip->family, from->proto, from->port, UINT16_MAX);
    for (const struct mention *m = from; m < to; m++)
        if (m == from || m->id != m[-1].id)
            act_conjunction(&f->actions, m->id, CLAUSE_PEER, m->n_clauses);
    flow_put(f, rule_stage(from->direction), PRIORITY_NORMAL);
}

/* All of them: contributions to one flow are joined. */
static void put_mentions(struct flow *f, const struct ip *ip, const struct mention *from,
                         const struct mention *to)
{
    for (const struct mention *next; from < to; from = next) {
        next = to - from > FLOW_CONJUNCTIONS_MAX ? from + FLOW_CONJUNCTIONS_MAX : to;
        put_some_mentions(f, ip, from, next);
    }
}

/* The flow is cut where it is too long for a message. */
static void check_mentions(struct derive *d, const struct mention *from, const struct mention *to)
{
    size_t n = 0;
    for (const struct mention *m = from; m < to; m++)
        n += m == from || m->id != m[-1].id;
    if (n > FLOW_CONJUNCTIONS_MAX)
        derive_fail(d, "peer of %zu %s rules of this node: it is let through by %d of them only", n,
                    from->direction == DIRECTION_INGRESS ? "ingress" : "egress",
                    FLOW_CONJUNCTIONS_MAX);
}

void flow_member_derive(struct derive *d, const char *key)
{
    const struct intent_member *member = view_get(derive_view(d), TABLE_MEMBER, key)->value;
    mention_vec mentions = VEC_INIT;
    for (uint32_t i = 0; i < member->n_entries; i++)
        add_mentions(d, &member->entries[i], &mentions);
    sort(mentions.v, mentions.n, sizeof *mentions.v, cmp_mention);
    auto_flow f;
    flow_begin(&f, d, "flow_member", key);
    for (size_t from = 0, to; from < mentions.n; from = to) {
        for (to = from + 1; to < mentions.n && same_flow(&mentions.v[from], &mentions.v[to]);)
            to++;
        check_mentions(d, mentions.v + from, mentions.v + to);
        for (uint32_t i = 0; i < member->n_ips; i++)
            put_mentions(&f, &member->ips[i], &mentions.v[from], mentions.v + to);
    }
}

/* ---- prefixes, ports, and what a met rule does: one unit a rule ---- */

static void put_prefixes(struct flow *f, const struct intent_rule *rule, uint32_t id)
{
    for (uint32_t i = 0; i < rule->n_prefixes; i++) {
        const struct prefix *p = &rule_prefixes(rule)[i];
        if (rule->direction == DIRECTION_INGRESS)
            flow_match_src(f, p);
        else
            flow_match_dst(f, p);
        act_conjunction(&f->actions, id, CLAUSE_PEER, (uint8_t)rule_clauses(rule));
        flow_put(f, rule_stage(rule->direction), PRIORITY_NORMAL);
    }
}

static void put_port(struct flow *f, const struct intent_rule *rule, uint32_t id,
                     const struct rule_port *port)
{
    struct port_mask masks[PORT_MASKS_MAX];
    size_t n = port_range_masks(port->first, port->last, masks);
    for (size_t i = 0; i < n; i++) {
        for (uint8_t family = 4; family <= 6; family = (uint8_t)(family + 2)) {
            flow_match_port(f, family, port->proto, masks[i].value, masks[i].mask);
            act_conjunction(&f->actions, id, (uint8_t)rule_port_clause(rule),
                            (uint8_t)rule_clauses(rule));
            flow_put(f, rule_stage(rule->direction), PRIORITY_NORMAL);
        }
    }
}

void flow_rule_derive(struct derive *d, const char *key)
{
    const struct intent_rule *rule = view_get(derive_view(d), TABLE_RULE, key)->value;
    struct intent_id content;
    if (rule_clauses(rule) == 1 || !intent_id_parse(key, &content))
        return; /* flow_local says it all */
    uint32_t id = rule_id_of(derive_view(d), &content);
    auto_flow f;
    flow_begin(&f, d, "flow_rule", key);
    put_prefixes(&f, rule, id);
    for (uint32_t i = 0; i < rule->n_ports; i++)
        put_port(&f, rule, id, &rule_ports(rule)[i]);
    match_set(&f.match, F_CONJ_ID, id);
    act_goto(&f.actions, (uint8_t)rule_allowed_stage(rule->direction));
    flow_put(&f, rule_stage(rule->direction), PRIORITY_NORMAL);
}
