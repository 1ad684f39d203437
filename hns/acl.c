/* SPDX-License-Identifier: Apache-2.0
 *
 * One attached Pod's list.  Rules that apply to it are taken policy by policy, in the order of
 * their names: each becomes terms, unless it says what the service cannot or does not fit any more;
 * that is left out, so it stays blocked, and is told with its policy's name. */
#include "hns/acl.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/hmap.h"
#include "core/base/vec.h"
#include "core/intent/intent.h"
#include "hns/acl_peers.h"
#include "hns/acl_rule.h"
#include "hns/acl_terms.h"
#include "hns/feature.h"

enum { PROTO_SCTP = 132 };

/* Why a policy's rule is not said whole. */
enum cause { CAUSE_SCTP, CAUSE_IPV6, CAUSE_SET, CAUSE_RANGES, CAUSE_LIST, CAUSE_N };
static const char *const cause_texts[CAUSE_N] = {
    [CAUSE_SCTP] = "SCTP: an access list cannot name it, so it stays blocked",
    [CAUSE_IPV6] = "IPv6: its peers stay blocked: ",
    [CAUSE_SET] = "more than 65536 addresses in one set, so they stay blocked",
    [CAUSE_RANGES] = "more than 1000 ranges of ports in one rule, so they stay blocked",
    [CAUSE_LIST] = ("a list would have more than 65536 addresses or 1000 combinations of ports, so "
                    "what does not fit stays blocked"),
};

/* A rule that was taken: other policies may say the same one. */
struct taken {
    struct hmap_node hmap;
    const struct applied_rule *rule;
    unsigned causes; /* enum cause, as bits */
};

typedef VEC(const char *) text_vec;
struct acl_work {
    struct derive *derive;
    const struct node_config *config;
    const struct intent_self *self; /* NULL: no own Node yet */
    const struct intent_local *pod;
    const struct row **applied;
    size_t n_applied;
    const char *no_ipv6; /* why not; NULL: IPv6 can be named */
    bool has_sets;
    bool own_ipv6_told;
    text_vec lines; /* encoded rules */
    /* of the direction under way */
    struct acl_terms *terms;
    struct hmap taken;
    unsigned causes; /* of the rule under way */
};

/* ---- what cannot be said ---- */

static void unsaid(struct acl_work *w, const char *text)
{
    derive_row(w->derive, TABLE_UNSAID, text, "", 1);
}

static void cause(struct acl_work *w, enum cause c)
{
    w->causes |= 1u << c;
}

static void unsaid_of_policy(struct acl_work *w, const char *policy, unsigned causes)
{
    for (int c = 0; c < CAUSE_N; c++)
        if (causes & 1u << c)
            unsaid(w, arena_printf(derive_arena(w->derive), "policy %s: %s%s", policy,
                                   cause_texts[c], c == CAUSE_IPV6 ? w->no_ipv6 : ""));
}

static void unsaid_own_ipv6(struct acl_work *w)
{
    if (w->own_ipv6_told)
        return;
    w->own_ipv6_told = true;
    unsaid(w, arena_printf(derive_arena(w->derive),
                           "node %s: IPv6: its own addresses and its Pods' stay blocked where a "
                           "policy isolates: %s",
                           w->config->node_name, w->no_ipv6));
}

/* ---- rules to terms ---- */

/* Adds the address, or leaves it out if the version does not know its family. */
static void add_prefix(struct acl_work *w, struct acl_term *t, const struct prefix *p)
{
    if (p->ip.family == 6 && w->no_ipv6) {
        cause(w, CAUSE_IPV6);
        return;
    }
    VEC_PUSH(&t->prefixes, *p);
    w->terms->n_addresses++;
}

static void add_set(struct acl_work *w, struct acl_term *t, const struct intent_id *set,
                    const struct acl_group *g)
{
    for (uint8_t family = 4; family <= 6; family = (uint8_t)(family + 2)) {
        if ((family == 4 ? g->n_ipv4 : g->n_ipv6) == 0)
            continue;
        auto_sbuf name = SBUF_INIT;
        acl_set_name(set, g, family, &name);
        VEC_PUSH(&t->sets, arena_strdup(derive_arena(w->derive), name.data));
        w->terms->n_addresses++;
    }
}

static void add_group(struct acl_work *w, struct acl_term *t, const struct intent_id *set,
                      const struct acl_peers *p, const struct acl_group *g)
{
    if (acl_group_is_too_big(g)) {
        cause(w, CAUSE_SET);
        return;
    }
    if (w->has_sets) {
        add_set(w, t, set, g);
        return;
    }
    for (uint32_t i = 0; i < g->n_ipv4 + g->n_ipv6; i++)
        add_prefix(w, t, &acl_peers_prefixes(p)[g->first + i]);
}

static const struct acl_peers *peers_of(struct acl_work *w, const struct intent_id *set)
{
    char key[INTENT_ID_TEXT_MAX];
    const struct row *row =
        view_get(derive_view(w->derive), TABLE_PEERS, intent_id_format(set, key));
    return row ? row->value : NULL;
}

/* A term of the rule's own peers. */
static void add_term(struct acl_work *w, const struct intent_rule *rule, uint8_t proto,
                     const char *ports)
{
    struct acl_term *t = acl_terms_add(w->terms, proto, ports);
    t->anyone = rule->anyone;
    for (uint32_t i = 0; i < rule->n_prefixes; i++)
        add_prefix(w, t, &rule_prefixes(rule)[i]);
    for (uint32_t i = 0; i < rule->n_sets; i++) {
        const struct acl_peers *p = peers_of(w, &rule_sets(rule)[i]);
        for (uint32_t g = 0; p && g < p->n_groups; g++)
            add_group(w, t, &rule_sets(rule)[i], p, &p->groups[g]);
    }
}

static void take_listed(struct acl_work *w, const struct intent_rule *rule)
{
    const struct rule_port *v = rule_ports(rule);
    for (uint32_t from = 0, to; from < rule->n_ports; from = to) {
        for (to = from + 1; to < rule->n_ports && v[to].proto == v[from].proto;)
            to++;
        if (v[from].proto == PROTO_SCTP) {
            cause(w, CAUSE_SCTP);
            continue;
        }
        const char *ports = acl_ports_text(v + from, to - from, derive_arena(w->derive));
        if (ports)
            add_term(w, rule, v[from].proto, ports);
        else
            cause(w, CAUSE_RANGES);
    }
}

/* 'number' is one port of a name. */
static const char *one_port(struct acl_work *w, uint16_t number)
{
    return arena_printf(derive_arena(w->derive), "%u", (unsigned)number);
}

static void take_applied(struct acl_work *w, const struct intent_rule *rule,
                         const struct applied_rule *a)
{
    if (a->proto == PROTO_SCTP)
        cause(w, CAUSE_SCTP);
    else
        add_term(w, rule, a->proto, one_port(w, a->port));
}

/* An egress port name: each number with the peers that give it the name. */
static void take_member(struct acl_work *w, const struct intent_rule *rule)
{
    for (uint32_t i = 0; i < rule->n_sets; i++) {
        const struct acl_peers *p = peers_of(w, &rule_sets(rule)[i]);
        for (uint32_t g = 0; p && g < p->n_groups; g++) {
            const struct acl_group *group = &p->groups[g];
            if (group->proto == PROTO_SCTP) {
                cause(w, CAUSE_SCTP);
                continue;
            }
            struct acl_term *t = acl_terms_add(w->terms, group->proto, one_port(w, group->port));
            add_group(w, t, &rule_sets(rule)[i], p, group);
        }
    }
}

static void add_rule(struct acl_work *w, const struct intent_rule *rule,
                     const struct applied_rule *a)
{
    if (rule->ports == RULE_PORTS_ALL)
        add_term(w, rule, 0, "");
    else if (rule->ports == RULE_PORTS_LISTED)
        take_listed(w, rule);
    else if (rule->ports == RULE_PORTS_APPLIED)
        take_applied(w, rule, a);
    else
        take_member(w, rule);
}

static bool fits(const struct acl_terms *t)
{
    return t->v.n <= ACL_MAX_TERMS && t->n_addresses <= ACL_MAX_ADDRESSES;
}

/* Adds the rule's terms.  Where they are too many beside those of the rules before, these are
 * merged first; if that does not help, none of the rule is added. */
static void fit_rule(struct acl_work *w, const struct intent_rule *rule,
                     const struct applied_rule *a)
{
    size_t n = w->terms->v.n;
    add_rule(w, rule, a);
    if (fits(w->terms))
        return;
    acl_terms_cut(w->terms, n);
    acl_terms_merge(w->terms);
    n = w->terms->v.n;
    add_rule(w, rule, a);
    if (fits(w->terms))
        return;
    acl_terms_cut(w->terms, n);
    cause(w, CAUSE_LIST);
}

static uint64_t taken_hash(const struct applied_rule *a)
{
    return hash_u64(a->rule.lo ^ ((uint64_t)a->proto << 16 | a->port));
}

static struct taken *find_taken(const struct acl_work *w, const struct applied_rule *a)
{
    HMAP_FOR_EACH_WITH_HASH(node, &w->taken, taken_hash(a)) {
        struct taken *t = CONTAINER_OF(node, struct taken, hmap);
        if (intent_id_cmp(&t->rule->rule, &a->rule) == 0 && t->rule->proto == a->proto &&
            t->rule->port == a->port)
            return t;
    }
    return NULL;
}

static struct taken *take_rule(struct acl_work *w, const struct applied_rule *a)
{
    char key[INTENT_ID_TEXT_MAX];
    const struct row *row =
        view_get(derive_view(w->derive), TABLE_RULE, intent_id_format(&a->rule, key));
    struct taken *t = arena_alloc(derive_arena(w->derive), sizeof *t);
    w->causes = 0;
    if (row)
        fit_rule(w, row->value, a);
    t->rule = a;
    t->causes = w->causes;
    hmap_insert(&w->taken, &t->hmap, taken_hash(a));
    return t;
}

/* ---- terms to rules ---- */

static void put_rule(struct acl_work *w, const struct acl_rule *r)
{
    auto_sbuf line = SBUF_INIT;
    acl_rule_encode(r, &line);
    VEC_PUSH(&w->lines, arena_strdup(derive_arena(w->derive), line.data));
}

/* Prefixes of one family, so many in a rule as one may have. */
static void put_family(struct acl_work *w, struct acl_rule r, const struct prefix *v, size_t n)
{
    for (size_t at = 0; at < n; at += ACL_MAX_IN_RULE) {
        auto_sbuf list = SBUF_INIT;
        acl_put_prefixes(v + at, n - at < ACL_MAX_IN_RULE ? n - at : ACL_MAX_IN_RULE, &list);
        r.peers = list.data;
        put_rule(w, &r);
    }
}

/* Merged prefixes: IPv4 comes first. */
static void put_prefixes(struct acl_work *w, const struct acl_rule *r, const struct prefix *v,
                         size_t n)
{
    size_t n_ipv4 = 0;
    while (n_ipv4 < n && v[n_ipv4].ip.family == 4)
        n_ipv4++;
    put_family(w, *r, v, n_ipv4);
    put_family(w, *r, v + n_ipv4, n - n_ipv4);
}

static void put_term(struct acl_work *w, enum hcn_direction direction, const struct acl_term *t)
{
    struct acl_rule r = {.direction = direction,
                         .allow = true,
                         .priority = ACL_PRIORITY_POLICY,
                         .proto = t->proto,
                         .peers = "",
                         .ports = t->ports};
    if (t->anyone)
        put_rule(w, &r);
    put_prefixes(w, &r, t->prefixes.v, t->prefixes.n);
    /* One set a rule: several in one are said to mean those that are in all of them. */
    for (size_t i = 0; i < t->sets.n; i++) {
        r.peers = t->sets.v[i];
        put_rule(w, &r);
    }
}

static void put_all(struct acl_work *w, enum hcn_direction direction, bool allow,
                    enum acl_priority priority)
{
    put_rule(w, &(struct acl_rule){.direction = direction,
                                   .allow = allow,
                                   .priority = (uint16_t)priority,
                                   .peers = "",
                                   .ports = ""});
}

/* ---- the addresses that no policy touches ---- */

static size_t add_own(struct acl_work *w, const struct ip *ips, size_t n, struct prefix *out)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (ips[i].family == 6 && w->no_ipv6)
            unsaid_own_ipv6(w);
        else
            out[kept++] = (struct prefix){ips[i], (uint8_t)ip_bits(&ips[i])};
    }
    return kept;
}

static void put_own(struct acl_work *w, enum hcn_direction direction)
{
    struct prefix own[LOCAL_MAX_IPS + SELF_MAX_CIDRS + SELF_MAX_IPS];
    size_t n = add_own(w, w->pod->ips, w->pod->n_ips, own);
    if (w->self && direction == HCN_IN) {
        n += add_own(w, w->self->gateways, w->self->n_gateways, own + n);
        n += add_own(w, w->self->node_ips, w->self->n_node_ips, own + n);
    }
    put_prefixes(
        w,
        &(struct acl_rule){
            .direction = direction, .allow = true, .priority = ACL_PRIORITY_OWN, .ports = ""},
        own, prefix_merge(own, n));
}

/* ---- a list ---- */

static bool is_isolated(const struct acl_work *w, enum intent_direction direction)
{
    for (size_t i = 0; i < w->n_applied; i++)
        if (((const struct intent_applied *)w->applied[i]->value)->isolates[direction])
            return true;
    return false;
}

static void take_policy(struct acl_work *w, const struct row *row, enum intent_direction intent)
{
    const struct intent_applied *a = row->value;
    for (uint32_t i = 0; i < a->n_rules; i++) {
        if (a->rules[i].direction != intent)
            continue;
        const struct taken *t = find_taken(w, &a->rules[i]);
        if (!t)
            t = take_rule(w, &a->rules[i]);
        unsaid_of_policy(w, applied_policy(row->key), t->causes);
    }
}

static void put_policies(struct acl_work *w, enum intent_direction intent,
                         enum hcn_direction direction)
{
    struct acl_terms terms;
    memset(&terms, 0, sizeof terms);
    w->terms = &terms;
    hmap_init(&w->taken);
    for (size_t i = 0; i < w->n_applied; i++)
        take_policy(w, w->applied[i], intent);
    hmap_done(&w->taken);
    acl_terms_merge(&terms);
    for (size_t i = 0; i < terms.v.n; i++)
        put_term(w, direction, &terms.v.v[i]);
    acl_terms_done(&terms);
}

static void put_direction(struct acl_work *w, enum intent_direction intent,
                          enum hcn_direction direction)
{
    bool isolated = is_isolated(w, intent);
    if (isolated) {
        put_own(w, direction);
        put_policies(w, intent, direction);
    }
    put_all(w, direction, !isolated, ACL_PRIORITY_BASE);
}

static int cmp_line(const void *pa, const void *pb)
{
    const char *const *a = pa, *const *b = pb;
    return acl_line_cmp(*a, *b);
}

static void put_list(struct acl_work *w, const char *key)
{
    auto_sbuf text = SBUF_INIT;
    sbuf_puts(&text, w->pod->pod);
    qsort(w->lines.v, w->lines.n, sizeof *w->lines.v, cmp_line);
    for (size_t i = 0; i < w->lines.n; i++)
        sbuf_printf(&text, "\n%s", w->lines.v[i]);
    derive_out(w->derive, SPACE_ACL, key, strlen(key), text.data, text.len);
    VEC_DONE(&w->lines);
}

static void take_version(struct acl_work *w)
{
    struct hcn_version version = acl_version(w->config);
    w->has_sets = feature_is_in(FEATURE_SET_POLICY, &version);
    if (feature_is_in(FEATURE_DUAL_STACK, &version))
        return;
    auto_sbuf why = SBUF_INIT;
    feature_explain(FEATURE_DUAL_STACK, &version, &why);
    w->no_ipv6 = arena_strdup(derive_arena(w->derive), why.data);
}

void acl_derive(struct derive *d, const char *key)
{
    struct view *v = derive_view(d);
    const struct row *config = view_get(v, TABLE_CONFIG, ""), *self = view_get(v, TABLE_SELF, "");
    struct acl_work w = {.derive = d, .pod = view_get(v, TABLE_LOCAL, key)->value};
    if (!config)
        return;
    w.config = config->value;
    w.self = self ? self->value : NULL;
    take_version(&w);
    if (w.pod->blocked || w.pod->superseded) {
        put_all(&w, HCN_IN, false, ACL_PRIORITY_BLOCKED);
        put_all(&w, HCN_OUT, false, ACL_PRIORITY_BLOCKED);
    } else {
        w.applied = view_list_index(v, TABLE_APPLIED, APPLIED_BY_LOCAL, key, &w.n_applied);
        put_direction(&w, DIRECTION_INGRESS, HCN_IN);
        put_direction(&w, DIRECTION_EGRESS, HCN_OUT);
    }
    put_list(&w, key);
}
