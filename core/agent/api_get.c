/* SPDX-License-Identifier: Apache-2.0
 *
 * GET /v1/get/<what>: what the agent holds, as lists in kubectl's shape; flows, groups and meters
 * as text, one a line, sorted. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/agent/agent_internal.h"
#include "core/agent/api_get.h"
#include "core/base/mem.h"
#include "core/base/vec.h"
#include "core/intent/intent.h"
#include "core/pipeline/stages.h"
#include "core/pod/pod_local.h"
#include "core/policy/set.h"
#include "hns/acl.h"
#include "ovs/flow.h"
#include "ovs/group.h"
#include "ovs/meter.h"

void get_ips(struct get *g, const char *name, const struct ip *ips, size_t n)
{
    char text[IP_TEXT_MAX];
    jsonout_open(&g->j, name, '[');
    for (size_t i = 0; i < n; i++) {
        jsonout_text(&g->j, NULL, ip_format(&ips[i], text));
    }
    jsonout_close(&g->j, ']');
}

static void get_prefixes(struct get *g, const char *name, const struct prefix *p, size_t n)
{
    char text[PREFIX_TEXT_MAX];
    jsonout_open(&g->j, name, '[');
    for (size_t i = 0; i < n; i++) {
        jsonout_text(&g->j, NULL, prefix_format(&p[i], text));
    }
    jsonout_close(&g->j, ']');
}

/* ---- Pods ---- */
static void get_pod_labels(struct get *g, const struct pod *pod)
{
    jsonout_open(&g->j, "labels", '{');
    for (size_t i = 0; pod && i < pod->meta.labels.n; i++) {
        jsonout_text(&g->j, pod->meta.labels.v[i].key, pod->meta.labels.v[i].value);
    }
    jsonout_close(&g->j, '}');
}

/* The podCIDRs that the addresses came from, as far as they are known. */
static void get_subnets(struct get *g, const struct attachment *at)
{
    struct prefix known[ATTACHMENT_MAX_IPS];
    size_t n = 0;
    for (size_t i = 0; i < at->n_ips; i++) {
        struct prefix p = {.ip = at->ips[i], .len = at->subnet_len[i]};
        if (p.len) {
            known[n++] = prefix_masked(&p);
        }
    }
    get_prefixes(g, "podCIDRs", known, n);
}

static void get_attached_pod(struct get *g, const struct attachment *at)
{
    char mac[MAC_TEXT_MAX];
    const char *key = attachment_pod(at, &g->arena);
    const struct row *row = store_get(g->a->store, TABLE_POD, key);
    const struct pod *pod = row ? row->value : NULL;
    const char *slash = strchr(key, '/');
    jsonout_open(&g->j, NULL, '{');
    jsonout_text(&g->j, "namespace", arena_printf(&g->arena, "%.*s", (int)(slash - key), key));
    jsonout_text(&g->j, "name", slash + 1);
    jsonout_text(&g->j, "uid",
                 at->pod_uid && *at->pod_uid ? at->pod_uid
                 : pod                       ? pod->meta.uid
                                             : "");
    get_ips(g, "addresses", at->ips, at->n_ips);
    get_subnets(g, at);
    jsonout_text(&g->j, "node", g->a->o->node_name);
    jsonout_bool(&g->j, "local", true);
    jsonout_text(&g->j, "interface", at->interface);
    jsonout_number(&g->j, "ofPort", at->ofport);
    jsonout_text(&g->j, "mac", mac_format(&at->mac, mac));
    jsonout_text(&g->j, "containerID", at->container_id);
    jsonout_bool(&g->j, "named", attachment_is_named(at));
    get_pod_labels(g, pod);
    jsonout_close(&g->j, '}');
}

static void get_other_pod(struct get *g, const struct pod *pod)
{
    jsonout_open(&g->j, NULL, '{');
    jsonout_text(&g->j, "namespace", pod->meta.namespace_);
    jsonout_text(&g->j, "name", pod->meta.name);
    jsonout_text(&g->j, "uid", pod->meta.uid);
    get_ips(g, "addresses", pod->ips, pod->n_ips);
    jsonout_text(&g->j, "node", pod->node_name);
    jsonout_bool(&g->j, "local", false);
    jsonout_bool(&g->j, "hostNetwork", pod->host_network);
    jsonout_bool(&g->j, "finished", pod->phase == POD_FINISHED);
    get_pod_labels(g, pod);
    jsonout_close(&g->j, '}');
}

/* An attachment, or a Pod without one. */
struct get_pod {
    const char *key; /* "namespace/name" */
    const struct attachment *at;
    const struct pod *pod;
};

/* By namespace, then name; attachments of one Pod, the oldest first. */
static int get_cmp_pod(const void *pa, const void *pb)
{
    const struct get_pod *a = pa, *b = pb;
    size_t n = strcspn(a->key, "/"), m = strcspn(b->key, "/");
    int c = memcmp(a->key, b->key, n < m ? n : m);
    c = c ? c : (n > m) - (n < m);
    c = c ? c : strcmp(a->key, b->key);
    if (c || !a->at || !b->at) {
        return c;
    }
    return a->at->sequence < b->at->sequence ? -1 : a->at->sequence > b->at->sequence;
}

/* Attached ones, and what else the source holds: all, or but the finished ones and those in their
 * node's network. */
static void get_pods(struct get *g)
{
    size_t n_at = 0, n = 0, n_of = 0, total = 0;
    const struct row **at = store_list(g->a->store, TABLE_ATTACHMENT, &g->arena, &n_at);
    const struct row **rows = store_list(g->a->store, TABLE_POD, &g->arena, &n);
    struct get_pod *list = arena_alloc(&g->arena, (n_at + n + 1) * sizeof *list);
    for (size_t i = 0; i < n_at; i++) {
        list[total++] = (struct get_pod){
            .key = attachment_pod(at[i]->value, &g->arena), .at = at[i]->value, .pod = NULL};
    }
    for (size_t i = 0; i < n; i++) {
        const struct pod *pod = rows[i]->value;
        bool shown = g->all || (pod->phase != POD_FINISHED && !pod->host_network);
        store_list_index(g->a->store, TABLE_ATTACHMENT, ATTACHMENT_BY_POD, rows[i]->key, &g->arena,
                         &n_of);
        if (shown && !n_of) {
            list[total++] = (struct get_pod){.key = rows[i]->key, .at = NULL, .pod = pod};
        }
    }
    if (total) {
        qsort(list, total, sizeof *list, get_cmp_pod);
    }
    for (size_t i = 0; i < total; i++) {
        if (list[i].at) {
            get_attached_pod(g, list[i].at);
        } else {
            get_other_pod(g, list[i].pod);
        }
    }
}

/* ---- nodes ---- */
static void get_nodes(struct get *g)
{
    size_t n = 0;
    char text[IP_TEXT_MAX];
    const struct row **rows = store_list(g->a->store, TABLE_NODE, &g->arena, &n);
    for (size_t i = 0; i < n; i++) {
        const struct node *node = rows[i]->value;
        const struct row *row = store_get(g->a->store, TABLE_REMOTE, rows[i]->key);
        const struct intent_remote *remote = row ? row->value : NULL;
        jsonout_open(&g->j, NULL, '{');
        jsonout_text(&g->j, "name", node->meta.name);
        jsonout_bool(&g->j, "local", strcmp(node->meta.name, g->a->o->node_name) == 0);
        get_prefixes(g, "podCIDRs", node->pod_cidrs, node->n_pod_cidrs);
        get_ips(g, "addresses", node->internal_ips, node->n_internal_ips);
        jsonout_text(&g->j, "os", node->os);
        jsonout_text(&g->j, "tunnel",
                     remote && remote->tunnel.family ? ip_format(&remote->tunnel, text) : "");
        jsonout_close(&g->j, '}');
    }
}

/* ---- policies ---- */
struct get_applied {
    const char *policy, *pod;
    const struct intent_applied *applied;
};

static int get_cmp_applied(const void *pa, const void *pb)
{
    const struct get_applied *a = pa, *b = pb;
    int c = strcmp(a->policy, b->policy);
    return c ? c : strcmp(a->pod, b->pod);
}

/* All APPLIED rows in order of their policies. */
static struct get_applied *get_applied_list(struct get *g, size_t *n_out)
{
    size_t n = 0;
    const struct row **rows = store_list(g->a->store, TABLE_APPLIED, &g->arena, &n);
    struct get_applied *list = arena_alloc(&g->arena, (n + 1) * sizeof *list);
    for (size_t i = 0; i < n; i++) {
        size_t local_len = strcspn(rows[i]->key, " ");
        const char *local = arena_printf(&g->arena, "%.*s", (int)local_len, rows[i]->key);
        const struct row *row = store_get(g->a->store, TABLE_LOCAL, local);
        list[i] = (struct get_applied){
            .policy = applied_policy(rows[i]->key),
            .pod = row ? ((const struct intent_local *)row->value)->pod : local,
            .applied = rows[i]->value,
        };
    }
    if (n) {
        qsort(list, n, sizeof *list, get_cmp_applied);
    }
    *n_out = n;
    return list;
}

static int get_cmp_id(const void *a, const void *b)
{
    return intent_id_cmp(a, b);
}

static uint64_t get_count_rules(struct get *g, const struct get_applied *list, size_t n)
{
    size_t total = 0, at = 0, distinct = 0;
    for (size_t i = 0; i < n; i++) {
        total += list[i].applied->n_rules;
    }
    struct intent_id *ids = arena_alloc(&g->arena, (total + 1) * sizeof *ids);
    for (size_t i = 0; i < n; i++) {
        for (uint32_t r = 0; r < list[i].applied->n_rules; r++) {
            ids[at++] = list[i].applied->rules[r].rule;
        }
    }
    if (total) {
        qsort(ids, total, sizeof *ids, get_cmp_id);
    }
    for (size_t i = 0; i < total; i++) {
        distinct += i == 0 || intent_id_cmp(&ids[i], &ids[i - 1]) != 0;
    }
    return distinct;
}

static void get_policies(struct get *g)
{
    size_t n = 0, n_applied = 0, at = 0;
    const struct row **rows = store_list(g->a->store, TABLE_POLICY, &g->arena, &n);
    const struct get_applied *list = get_applied_list(g, &n_applied);
    for (size_t i = 0; i < n; i++) {
        const struct network_policy *p = rows[i]->value;
        while (at < n_applied && strcmp(list[at].policy, rows[i]->key) < 0) {
            at++;
        }
        size_t first = at;
        jsonout_open(&g->j, NULL, '{');
        jsonout_text(&g->j, "namespace", p->meta.namespace_);
        jsonout_text(&g->j, "name", p->meta.name);
        jsonout_bool(&g->j, "ingress", p->ingress_isolates);
        jsonout_bool(&g->j, "egress", p->egress_isolates);
        jsonout_open(&g->j, "appliedTo", '[');
        for (; at < n_applied && strcmp(list[at].policy, rows[i]->key) == 0; at++) {
            jsonout_text(&g->j, NULL, list[at].pod);
        }
        jsonout_close(&g->j, ']');
        jsonout_number(&g->j, "rules", get_count_rules(g, list + first, at - first));
        jsonout_close(&g->j, '}');
    }
}

/* ---- rules ---- */
/* One use of a rule: "NAMESPACE/POLICY ingress[0]". */
struct get_use {
    struct intent_id rule;
    const char *text;
};

static int get_cmp_use(const void *pa, const void *pb)
{
    const struct get_use *a = pa, *b = pb;
    int c = intent_id_cmp(&a->rule, &b->rule);
    return c ? c : strcmp(a->text, b->text);
}

static struct get_use *get_uses(struct get *g, size_t *n_out)
{
    size_t n = 0;
    const struct row **rows = store_list(g->a->store, TABLE_APPLIED, &g->arena, &n);
    VEC(struct get_use) uses = VEC_INIT;
    for (size_t i = 0; i < n; i++) {
        const struct intent_applied *applied = rows[i]->value;
        for (uint32_t r = 0; r < applied->n_rules; r++) {
            const struct applied_rule *rule = &applied->rules[r];
            const char *text = arena_printf(
                &g->arena, "%s %s[%" PRIu32 "]", applied_policy(rows[i]->key),
                rule->direction == DIRECTION_INGRESS ? "ingress" : "egress", rule->index);
            VEC_PUSH(&uses, ((struct get_use){rule->rule, text}));
        }
    }
    if (uses.n) {
        qsort(uses.v, uses.n, sizeof uses.v[0], get_cmp_use);
    }
    struct get_use *out = arena_dup(&g->arena, uses.v, uses.n * sizeof uses.v[0]);
    *n_out = uses.n;
    VEC_DONE(&uses);
    return out;
}

static const char *get_protocol(struct get *g, uint8_t proto)
{
    static const struct {
        uint8_t number;
        const char *name;
    } names[] = {{6, "TCP"}, {17, "UDP"}, {132, "SCTP"}, {1, "ICMP"}, {58, "ICMPv6"}};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (names[i].number == proto) {
            return names[i].name;
        }
    }
    return arena_printf(&g->arena, "%u", (unsigned)proto);
}

static const char *get_port(struct get *g, const struct rule_port *p)
{
    const char *proto = get_protocol(g, p->proto);
    if (p->first == 0 && p->last == UINT16_MAX) {
        return proto;
    }
    return p->first == p->last
               ? arena_printf(&g->arena, "%s/%u", proto, (unsigned)p->first)
               : arena_printf(&g->arena, "%s/%u-%u", proto, (unsigned)p->first, (unsigned)p->last);
}

static void get_rule_ports(struct get *g, const struct intent_rule *rule)
{
    static const char *const kinds[] = {
        [RULE_PORTS_ALL] = "every protocol and port",
        [RULE_PORTS_APPLIED] = "named port of the Pod that it applies to",
        [RULE_PORTS_MEMBER] = "named port of the peer",
    };
    jsonout_open(&g->j, "ports", '[');
    for (uint32_t i = 0; rule->ports == RULE_PORTS_LISTED && i < rule->n_ports; i++) {
        jsonout_text(&g->j, NULL, get_port(g, &rule_ports(rule)[i]));
    }
    if (rule->ports != RULE_PORTS_LISTED) {
        jsonout_text(&g->j, NULL, kinds[rule->ports]);
    }
    jsonout_close(&g->j, ']');
}

static void get_rule_peers(struct get *g, const struct intent_rule *rule)
{
    char id[INTENT_ID_TEXT_MAX], prefix[PREFIX_TEXT_MAX];
    jsonout_open(&g->j, "peers", '[');
    if (rule->anyone) {
        jsonout_text(&g->j, NULL, "everyone");
    }
    for (uint32_t i = 0; i < rule->n_sets; i++) {
        auto_sbuf text = SBUF_INIT;
        const struct row *set =
            store_get(g->a->store, TABLE_SET, intent_id_format(&rule_sets(rule)[i], id));
        if (set) {
            set_format(set->value, &text);
        }
        jsonout_text(&g->j, NULL, set ? sbuf_cstr(&text) : id);
    }
    for (uint32_t i = 0; i < rule->n_prefixes; i++) {
        jsonout_text(&g->j, NULL, prefix_format(&rule_prefixes(rule)[i], prefix));
    }
    jsonout_close(&g->j, ']');
}

static uint32_t get_rule_number(struct get *g, const char *key, const struct intent_id *id)
{
    const struct row *row = store_get(g->a->store, TABLE_RULE_ID, key);
    return row ? ((const struct intent_rule_id *)row->value)->id : rule_id_hash(id);
}

static void get_rules(struct get *g)
{
    size_t n = 0, n_uses = 0, at = 0;
    const struct row **rows = store_list(g->a->store, TABLE_RULE, &g->arena, &n);
    const struct get_use *uses = get_uses(g, &n_uses);
    for (size_t i = 0; i < n; i++) {
        const struct intent_rule *rule = rows[i]->value;
        struct intent_id id = {0};
        intent_id_parse(rows[i]->key, &id);
        while (at < n_uses && intent_id_cmp(&uses[at].rule, &id) < 0) {
            at++;
        }
        jsonout_open(&g->j, NULL, '{');
        jsonout_text(&g->j, "id", rows[i]->key);
        jsonout_number(&g->j, "conjunction", get_rule_number(g, rows[i]->key, &id));
        jsonout_text(&g->j, "direction",
                     rule->direction == DIRECTION_INGRESS ? "ingress" : "egress");
        get_rule_peers(g, rule);
        get_rule_ports(g, rule);
        jsonout_open(&g->j, "policies", '[');
        const char *last = "";
        for (; at < n_uses && intent_id_cmp(&uses[at].rule, &id) == 0; at++) {
            if (strcmp(uses[at].text, last) != 0) {
                jsonout_text(&g->j, NULL, uses[at].text);
            }
            last = uses[at].text;
        }
        jsonout_close(&g->j, ']');
        jsonout_close(&g->j, '}');
    }
}

static const struct {
    const char *what, *kind;
    void (*list)(struct get *g);
} get_lists[] = {
    {"pods", "PodList", get_pods},
    {"nodes", "NodeList", get_nodes},
    {"policies", "NetworkPolicyList", get_policies},
    {"rules", "RuleList", get_rules},
    {"services", "ServiceList", get_services},
    {"endpoints", "EndpointList", get_endpoints},
};

/* ---- flows, groups, meters ---- */
static const struct get_space {
    const char *what;
    int space;
    int (*format)(struct bytes key, struct bytes value, struct sbuf *out, struct err *err);
} get_spaces[] = {
    {"flows", SPACE_FLOW, flow_format},
    {"groups", SPACE_GROUP, group_format},
    {"meters", SPACE_METER, meter_format},
    {"acls", SPACE_ACL, NULL}, /* printed as render prints them */
};

struct get_query {
    bool installed, explain;
    int table; /* -1: all */
};

/* What flows of a unit kind are for. */
static const struct {
    const char *kind, *reason;
} get_reasons[] = {
    {"flow_base", "every node has it"},
    {"flow_uplink", "the node's own traffic by its physical adapter"},
    {"flow_local", "the attached Pod"},
    {"flow_member", "the Pod's addresses as a peer of rules"},
    {"flow_remote", "the way to the other node"},
    {"flow_service", "the Service's port"},
};

/* The policies that say a rule. */
static void get_explain_rule(struct get *g, const char *key, struct sbuf *line)
{
    struct intent_id id;
    bool first = true;
    if (!g->uses) {
        g->uses = get_uses(g, &g->n_uses);
    }
    if (!intent_id_parse(key, &id)) {
        return;
    }
    size_t low = 0, high = g->n_uses;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (intent_id_cmp(&g->uses[middle].rule, &id) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < g->n_uses && intent_id_cmp(&g->uses[low].rule, &id) == 0; low++) {
        if (first || strcmp(g->uses[low].text, g->uses[low - 1].text) != 0) {
            sbuf_printf(line, "%s%s", first ? " (" : ", ", g->uses[low].text);
            first = false;
        }
    }
    sbuf_puts(line, first ? "" : ")");
}

/* " # kind/key (reason)" of each unit that the entry comes from. */
static void get_explain(struct get *g, int space, struct bytes key, struct sbuf *line)
{
    static const char rule[] = "flow_rule/";
    size_t n = 0;
    struct arena arena;
    arena_init(&arena, 0);
    const char **owners = engine_owners(g->a->engine, space, key, &arena, &n);
    sbuf_puts(line, n ? " # " : " # not ours");
    for (size_t i = 0; i < n; i++) {
        size_t kind = strcspn(owners[i], "/");
        sbuf_printf(line, "%s%s", i ? ", " : "", owners[i]);
        for (size_t r = 0; r < ARRAY_LEN(get_reasons); r++) {
            if (strncmp(get_reasons[r].kind, owners[i], kind) == 0 && !get_reasons[r].kind[kind]) {
                sbuf_printf(line, " (%s)", get_reasons[r].reason);
            }
        }
        if (strncmp(owners[i], rule, sizeof rule - 1) == 0) {
            get_explain_rule(g, owners[i] + sizeof rule - 1, line);
        }
    }
    arena_done(&arena);
}

static int get_cmp_line(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static char *get_line(struct get *g, const struct get_space *space, const struct get_query *q,
                      const struct engine_entry *e)
{
    struct bytes value = q->installed ? e->installed : e->desired;
    struct sbuf line = SBUF_INIT;
    struct err err = {0};
    if (!value.p) {
        return NULL;
    }
    if (space->space == SPACE_FLOW && q->table >= 0 && ((const uint8_t *)e->key.p)[0] != q->table) {
        return NULL;
    }
    if (space->format(e->key, value, &line, &err) < 0) {
        sbuf_clear(&line);
        sbuf_printf(&line, "# cannot be shown: %s", err.text);
    } else if (q->explain) {
        get_explain(g, space->space, e->key, &line);
    }
    return sbuf_take(&line);
}

static void get_space(struct get *g, const struct get_space *space, const struct get_query *q)
{
    size_t n = 0;
    VEC(char *) lines = VEC_INIT;
    const struct engine_entry *e = engine_entries(g->a->engine, space->space, &g->arena, &n);
    for (size_t i = 0; i < n; i++) {
        char *line = get_line(g, space, q, &e[i]);
        if (line) {
            size_t blank = strspn(line, " ");
            memmove(line, line + blank, strlen(line + blank) + 1);
            VEC_PUSH(&lines, line);
        }
    }
    if (lines.n) {
        qsort(lines.v, lines.n, sizeof lines.v[0], get_cmp_line);
    }
    for (size_t i = 0; i < lines.n; i++) {
        sbuf_printf(&g->body, "%s\n", lines.v[i]);
        mem_free(lines.v[i]);
    }
    VEC_DONE(&lines);
}

/* Number of a pipeline table, given as number or name; -1: none. */
static int get_table_number(const char *text)
{
    const struct stage_info *stage = stage_by_name(text);
    int n = 0;
    if (stage) {
        return stage->table;
    }
    for (const char *p = text; *p; p++) {
        if (*p < '0' || *p > '9' || n > 254) {
            return -1;
        }
        n = n * 10 + (*p - '0');
    }
    return *text && n < 255 ? n : -1;
}

static bool get_query_parse(struct agent *a, const struct http_exchange *x, struct get_query *q)
{
    auto_sbuf text = SBUF_INIT;
    (void)a;
    *q = (struct get_query){.table = -1};
    q->installed = http_query(x, "side", &text) && strcmp(sbuf_cstr(&text), "installed") == 0;
    q->explain = http_query(x, "explain", &text) && strcmp(sbuf_cstr(&text), "true") == 0;
    if (http_query(x, "table", &text)) {
        q->table = get_table_number(sbuf_cstr(&text));
        return q->table >= 0;
    }
    return true;
}

void api_get(struct agent *a, struct http_exchange *x, const char *what)
{
    struct get g = {.a = a, .body = SBUF_INIT};
    struct get_query q;
    auto_sbuf all = SBUF_INIT;
    g.j.out = &g.body;
    g.all = http_query(x, "all", &all) && strcmp(sbuf_cstr(&all), "true") == 0;
    for (size_t i = 0; i < ARRAY_LEN(get_lists); i++) {
        if (strcmp(what, get_lists[i].what) == 0) {
            arena_init(&g.arena, 0);
            jsonout_list_open(&g.j, get_lists[i].kind);
            get_lists[i].list(&g);
            jsonout_list_close(&g.j);
            arena_done(&g.arena);
            http_answer(x, 200, "application/json", &g.body);
            return;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(get_spaces); i++) {
        if (strcmp(what, get_spaces[i].what) != 0) {
            continue;
        }
        if (!get_query_parse(a, x, &q)) {
            http_answer_error(x, 400, "no such table");
            return;
        }
        arena_init(&g.arena, 0);
        if (get_spaces[i].space == SPACE_ACL) {
            acl_print(a->engine, q.installed, &g.body);
        } else {
            get_space(&g, &get_spaces[i], &q);
        }
        arena_done(&g.arena);
        http_answer(x, 200, "text/plain; charset=utf-8", &g.body);
        return;
    }
    http_answer_error(x, 404, "%s: no such list", what);
}
