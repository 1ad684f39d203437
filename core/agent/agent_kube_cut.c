/* SPDX-License-Identifier: Apache-2.0
 *
 * What could not be enforced whole because of a limit, as Events on the object that an operator
 * looks at: units of the engine that fail, flows that are cut in the switch, and what access lists
 * cannot say.  A cause is told once while it lasts, and only if it has lasted a moment.  Causes
 * that every node finds are one Event in the cluster (kube_event.h, 'shared'): no node leads, each
 * asks for the same one at a moment of its own.
 *
 * Little is kept, whatever goes wrong: the causes told, as hashes, up to a limit.  Beyond it there
 * is `seinectl status`. */
#include "core/agent/agent_kube.h"

#include <string.h>

#include "core/agent/kube_event.h"
#include "core/base/hash.h"
#include "core/base/mem.h"
#include "core/intent/intent.h"
#include "ovs/flow.h"

enum {
    CUT_LASTS_MS = 5000,  /* so long at least, */
    CUT_SPREAD_MS = 5000, /* and a part of this that differs from node to node */
    CUT_ROUND = 5,        /* so many are told at once, */
    CUT_AGAIN_MS = 60000, /* the next ones after this, */
    CUT_MAX = 50,         /* and so many in all while they last */
};

struct kube_cut {
    struct agent_kube *k;
    struct loop_timer *timer;
    bool waits; /* the timer is set */
    uint64_t failing;
    size_t conflicts; /* as they were when the timer was set last */
    uint64_t told[CUT_MAX];
    size_t n_told;
};

/* One cause. */
struct cut {
    enum k8s_kind kind;
    const char *key; /* of the object */
    const char *reason, *action;
    const char *note;
    bool everywhere; /* every node may find it */
};

typedef const char *cut_key_fn(const struct store *s, const char *unit_key, struct arena *a);

/* ---- from a unit of the engine to an object ---- */
static const char *cut_same_key(const struct store *s, const char *unit_key, struct arena *a)
{
    (void)s;
    (void)a;
    return unit_key;
}

static const char *cut_pod_of_local(const struct store *s, const char *unit_key, struct arena *a)
{
    const struct row *row = store_get(s, TABLE_LOCAL, unit_key);
    (void)a;
    return row ? ((const struct intent_local *)row->value)->pod : "";
}

static const char *cut_service_of_frontend(const struct store *s, const char *unit_key,
                                           struct arena *a)
{
    (void)s;
    return arena_printf(a, "%.*s", (int)frontend_service_len(unit_key), unit_key);
}

static const struct cut_unit {
    const char *unit; /* kind of it */
    cut_key_fn *key;
    enum k8s_kind kind;
    const char *reason, *action;
    bool of_node;    /* what it says holds for this node */
    bool everywhere; /* every node may find it */
} cut_units[] = {
    {"policy", cut_same_key, K8S_NETWORK_POLICY, "PeerLeftOut", "EnforcePolicy", false, true},
    {"flow_local", cut_pod_of_local, K8S_POD, "RulesCut", "EnforcePolicy", true, false},
    {"flow_member", cut_same_key, K8S_POD, "PeerCut", "EnforcePolicy", true, true},
    {"flow_service", cut_service_of_frontend, K8S_SERVICE, "EndpointsCut", "BalanceService", false,
     true},
};

/* ---- telling ---- */
static bool cut_is_in(const uint64_t *v, size_t n, uint64_t hash)
{
    for (size_t i = 0; i < n; i++) {
        if (v[i] == hash) {
            return true;
        }
    }
    return false;
}

static const struct object_meta *cut_object(struct agent_kube *k, const struct cut *cut)
{
    const struct row *row = store_get(k->a->store, agent_source_table(cut->kind), cut->key);
    return row ? row->value : NULL;
}

/* One look at all causes of this moment. */
struct cut_round {
    struct kube_cut *c;
    struct arena arena;
    uint64_t told[CUT_MAX]; /* of those that last */
    size_t n_told;
    unsigned n_new;
    bool more;
};

static void cut_tell(struct cut_round *r, const struct cut *cut)
{
    uint64_t hash = hash_str(cut->key, hash_str(cut->reason, (uint64_t)cut->kind));
    const struct object_meta *meta = cut_object(r->c->k, cut);
    bool before = cut_is_in(r->c->told, r->c->n_told, hash);
    if (!meta || cut_is_in(r->told, r->n_told, hash) || r->n_told == CUT_MAX) {
        return;
    }
    if (!before && r->n_new == CUT_ROUND) {
        r->more = true;
        return;
    }
    r->told[r->n_told++] = hash;
    if (!before) {
        r->n_new++;
        agent_kube_event(r->c->k, &(struct kube_event){.kind = cut->kind,
                                                       .shared = cut->everywhere,
                                                       .namespace_ = meta->namespace_,
                                                       .name = meta->name,
                                                       .uid = meta->uid,
                                                       .reason = cut->reason,
                                                       .action = cut->action,
                                                       .note = cut->note});
    }
}

/* Returns whether one of them is about the flows of rules. */
static bool cut_units_tell(struct cut_round *r)
{
    const struct agent *a = r->c->k->a;
    size_t n = 0;
    bool flows = false;
    const struct engine_failure *f = engine_failures(a->engine, &r->arena, &n);
    for (size_t i = 0; i < n; i++) {
        for (size_t u = 0; u < ARRAY_LEN(cut_units); u++) {
            const struct cut_unit *unit = &cut_units[u];
            if (strcmp(f[i].kind, unit->unit) != 0) {
                continue;
            }
            flows = flows || unit->kind == K8S_POD;
            cut_tell(r, &(struct cut){.kind = unit->kind,
                                      .key = unit->key(a->store, f[i].key, &r->arena),
                                      .reason = unit->reason,
                                      .action = unit->action,
                                      .note = unit->of_node
                                                  ? arena_printf(&r->arena, "node %s: %s",
                                                                 a->o->node_name, f[i].reason)
                                                  : f[i].reason,
                                      .everywhere = unit->everywhere});
        }
    }
    return flows;
}

/* A flow that many units fill (of one port, of one outside address) is nobody's failure. */
static void cut_flows_tell(struct cut_round *r)
{
    const struct agent *a = r->c->k->a;
    size_t n = engine_counts(a->engine, SPACE_FLOW).conflicts;
    if (n) {
        cut_tell(r, &(struct cut){.kind = K8S_NODE,
                                  .key = a->o->node_name,
                                  .reason = "RulesCut",
                                  .action = "EnforcePolicy",
                                  .note = arena_printf(&r->arena,
                                                       "more than %d rules name one port or one "
                                                       "outside address: what only the others "
                                                       "allow is dropped (flows cut: %zu)",
                                                       FLOW_CONJUNCTIONS_MAX, n)});
    }
}

/* Lines "policy NAMESPACE/NAME: why". */
static void cut_unsaid_tell(struct cut_round *r)
{
    static const char policy[] = "policy ";
    size_t n = 0;
    const struct row **rows = store_list(r->c->k->a->store, TABLE_UNSAID, &r->arena, &n);
    for (size_t i = 0; i < n; i++) {
        const char *key = rows[i]->key + sizeof policy - 1, *why = strstr(rows[i]->key, ": ");
        if (strncmp(rows[i]->key, policy, sizeof policy - 1) != 0 || !why || why < key) {
            continue;
        }
        cut_tell(r,
                 &(struct cut){.kind = K8S_NETWORK_POLICY,
                               .key = arena_printf(&r->arena, "%.*s", (int)(why - key), key),
                               .reason = "RulesNotSaid",
                               .action = "EnforcePolicy",
                               .note = arena_printf(&r->arena, "nodes without Open vSwitch%s", why),
                               .everywhere = true});
    }
}

static void cut_round(void *aux)
{
    struct kube_cut *c = aux;
    struct cut_round r = {.c = c};
    arena_init(&r.arena, 0);
    bool flows = cut_units_tell(&r);
    if (!flows) {
        cut_flows_tell(&r);
    }
    cut_unsaid_tell(&r);
    memcpy(c->told, r.told, r.n_told * sizeof *r.told);
    c->n_told = r.n_told;
    c->waits = r.more && r.n_told < CUT_MAX;
    if (c->waits) {
        loop_timer_after(c->timer, CUT_AGAIN_MS);
    }
    arena_done(&r.arena);
}

/* ---- when ---- */
void agent_kube_derived(void *source)
{
    struct agent_kube *k = source;
    struct kube_cut *c = k->cut;
    uint64_t failing = engine_failing(k->a->engine);
    size_t conflicts = engine_counts(k->a->engine, SPACE_FLOW).conflicts;
    bool unsaid = store_count(k->a->store, TABLE_UNSAID) || (k->a->acl && c->n_told);
    if (c->waits || (failing == c->failing && conflicts == c->conflicts && !unsaid)) {
        return;
    }
    c->failing = failing;
    c->conflicts = conflicts;
    c->waits = true;
    loop_timer_after(c->timer,
                     CUT_LASTS_MS + (int64_t)(hash_str(k->a->o->node_name, 0) % CUT_SPREAD_MS));
}

void agent_kube_cut_start(struct agent_kube *k)
{
    struct kube_cut *c = mem_calloc(1, sizeof *c);
    c->k = k;
    c->timer = loop_timer_new(k->a->loop, cut_round, c);
    k->cut = c;
}

void agent_kube_cut_end(struct agent_kube *k)
{
    if (k->cut) {
        loop_timer_free(k->cut->timer);
        mem_free(k->cut);
        k->cut = NULL;
    }
}
