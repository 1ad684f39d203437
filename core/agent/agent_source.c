/* SPDX-License-Identifier: Apache-2.0
 *
 * What all sources share: objects become rows of the input tables, and what an attached Pod needs
 * outlives its object: a Pod attached here keeps its last object when the object goes, as its
 * labels decide who may reach it until the runtime takes it away; so does its Namespace, where the
 * source says so.  Where objects come from is one class: agent_folder.c, agent_kube.c. */
#include "core/agent/agent_internal.h"

#include <string.h>

#include "core/base/hash.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/pod/pod_local.h"

static const int source_tables[K8S_N_KINDS] = {
    [K8S_POD] = TABLE_POD,         [K8S_NAMESPACE] = TABLE_NAMESPACE,
    [K8S_NODE] = TABLE_NODE,       [K8S_NETWORK_POLICY] = TABLE_POLICY,
    [K8S_SERVICE] = TABLE_SERVICE, [K8S_ENDPOINT_SLICE] = TABLE_ENDPOINT_SLICE,
};

int agent_source_table(enum k8s_kind kind)
{
    return source_tables[kind];
}

/* ---- kept rows ---- */
struct source_kept {
    struct hmap_node node;
    int table;
    char *key;
};

static struct source_kept *source_kept_find(const struct agent *a, int table, const char *key)
{
    HMAP_FOR_EACH_WITH_HASH(node, &a->kept, hash_str(key, (uint64_t)table)) {
        struct source_kept *k = CONTAINER_OF(node, struct source_kept, node);
        if (k->table == table && strcmp(k->key, key) == 0) {
            return k;
        }
    }
    return NULL;
}

static void source_kept_add(struct agent *a, int table, const char *key)
{
    struct source_kept *k = mem_calloc(1, sizeof *k);
    k->table = table;
    k->key = mem_strdup(key);
    hmap_insert(&a->kept, &k->node, hash_str(key, (uint64_t)table));
}

static void source_kept_drop(struct agent *a, struct source_kept *k)
{
    hmap_remove(&a->kept, &k->node);
    mem_free(k->key);
    mem_free(k);
}

bool agent_own_node_is_kept(const struct agent *a)
{
    return source_kept_find(a, TABLE_NODE, a->o->node_name) != NULL;
}

bool agent_pod_is_kept(const struct agent *a, const char *key)
{
    return source_kept_find(a, TABLE_POD, key) != NULL;
}

/* Whether this Pod is attached on this node. */
static bool source_is_attached(const struct agent *a, const char *key)
{
    struct arena arena;
    size_t n = 0;
    arena_init(&arena, 0);
    store_list_index(a->store, TABLE_ATTACHMENT, ATTACHMENT_BY_POD, key, &arena, &n);
    arena_done(&arena);
    return n > 0;
}

/* Whether a Pod of this namespace is attached on this node. */
static bool source_has_attached(const struct agent *a, const char *namespace_)
{
    struct arena arena;
    size_t n = 0, len = strlen(namespace_);
    bool found = false;
    arena_init(&arena, 0);
    const struct row **rows = store_list(a->store, TABLE_ATTACHMENT, &arena, &n);
    for (size_t i = 0; i < n && !found; i++) {
        const char *pod = attachment_pod(rows[i]->value, &arena);
        found = strncmp(pod, namespace_, len) == 0 && pod[len] == '/';
    }
    arena_done(&arena);
    return found;
}

static void source_forget(struct agent *a, int table, const char *key)
{
    struct source_kept *k = source_kept_find(a, table, key);
    if (k) {
        source_kept_drop(a, k);
        store_remove(a->store, table, key);
        agent_changed(a);
    }
}

void agent_pod_detached(struct agent *a, const char *namespace_, const char *name)
{
    auto_sbuf key = SBUF_INIT;
    sbuf_printf(&key, "%s/%s", namespace_, name);
    if (!source_is_attached(a, key.data)) {
        source_forget(a, TABLE_POD, key.data);
    }
    if (store_count(a->store, TABLE_ATTACHMENT) == 0) {
        source_forget(a, TABLE_NODE, a->o->node_name);
    }
    if (source_kept_find(a, TABLE_NAMESPACE, namespace_) && !source_has_attached(a, namespace_)) {
        source_forget(a, TABLE_NAMESPACE, namespace_);
    }
}

/* Whether an attached Pod needs this object's row. */
static bool source_is_needed(const struct agent *a, enum k8s_kind kind, const char *key)
{
    bool wide = a->source_class->keeps_namespaces;
    switch (kind) {
    case K8S_POD:
        return source_is_attached(a, key);
    case K8S_NAMESPACE:
        return wide && source_has_attached(a, key);
    case K8S_NODE:
        return wide && strcmp(key, a->o->node_name) == 0 &&
               store_count(a->store, TABLE_ATTACHMENT) > 0;
    default:
        return false;
    }
}

/* Who is attached is not known yet: what may be needed stays until it is.  Only a cache brings
 * objects that are gone already. */
static bool source_may_be_needed(const struct agent *a, enum k8s_kind kind)
{
    return a->source_class->keeps_namespaces && a->attach && !attach_recovered(a->attach) &&
           (kind == K8S_POD || kind == K8S_NAMESPACE || kind == K8S_NODE);
}

/* True if the row stays. */
static bool source_keep(struct agent *a, enum k8s_kind kind, const char *key)
{
    bool needed = source_is_needed(a, kind, key);
    if ((!needed && !source_may_be_needed(a, kind)) ||
        !store_get(a->store, source_tables[kind], key)) {
        return false;
    }
    if (!source_kept_find(a, source_tables[kind], key)) {
        source_kept_add(a, source_tables[kind], key);
        log_msg(LOG_AREA_SOURCE, needed ? LOG_INFO : LOG_DEBUG,
                "%s %s: gone, but %s attached: its last state holds", k8s_kind_name(kind), key,
                kind == K8S_POD ? "still" : "Pods of it are");
    }
    return true;
}

/* The attachments are known: what is kept and not needed goes. */
static void source_sweep(struct agent *a)
{
    if (a->swept || !a->attach || !attach_recovered(a->attach)) {
        return;
    }
    a->swept = true;
    HMAP_FOR_EACH_SAFE(node, next, &a->kept) {
        struct source_kept *k = CONTAINER_OF(node, struct source_kept, node);
        for (int kind = 0; kind < K8S_N_KINDS; kind++) {
            if (k->table == source_tables[kind] &&
                !source_is_needed(a, (enum k8s_kind)kind, k->key)) {
                store_remove(a->store, k->table, k->key);
                source_kept_drop(a, k);
                agent_changed(a);
                break;
            }
        }
    }
}

bool agent_pod_is_isolated(const struct agent *a, const char *key)
{
    struct arena arena;
    size_t n = 0;
    bool other = false;
    const struct row *row = store_get(a->store, TABLE_POD, key);
    const struct pod *pod = row ? row->value : NULL;
    arena_init(&arena, 0);
    const struct row **rows =
        store_list_index(a->store, TABLE_ATTACHMENT, ATTACHMENT_BY_POD, key, &arena, &n);
    for (size_t i = 0; pod && pod->meta.uid_given && i < n; i++) {
        const char *uid = ((const struct attachment *)rows[i]->value)->pod_uid;
        other =
            other || (*uid && strcmp(uid, pod->meta.uid) != 0 && strcmp(uid, pod->mirror_uid) != 0);
    }
    arena_done(&arena);
    return other;
}

/* ---- what sources tell ---- */
static void source_pod_changed(struct agent *a, const char *key)
{
    const char *slash = strchr(key, '/');
    if (slash && a->attach) {
        auto_free char *namespace_ = mem_strndup(key, (size_t)(slash - key));
        attach_pod_changed(a->attach, namespace_, slash + 1);
    }
}

/* A Pod that was attached without a UID is the one that its object says: should another one come by
 * that name, it is seen to be another. */
static void source_give_uid(struct agent *a, const char *key, const struct object_meta *meta)
{
    struct arena arena;
    size_t n = 0;
    arena_init(&arena, 0);
    const struct row **rows =
        store_list_index(a->store, TABLE_ATTACHMENT, ATTACHMENT_BY_POD, key, &arena, &n);
    for (size_t i = 0; meta->uid_given && i < n; i++) {
        const struct attachment *at = rows[i]->value;
        if (!*at->pod_uid) {
            struct attachment *copy = attachment_copy(at);
            mem_free(copy->pod_uid);
            copy->pod_uid = mem_strdup(meta->uid);
            const char *row_key = arena_strdup(&arena, rows[i]->key);
            store_put(a->store, TABLE_ATTACHMENT, row_key, copy);
        }
    }
    arena_done(&arena);
}

void agent_pod_attached(struct agent *a, const char *namespace_, const char *name)
{
    auto_sbuf key = SBUF_INIT;
    sbuf_printf(&key, "%s/%s", namespace_, name);
    const struct row *row = store_get(a->store, TABLE_POD, key.data);
    if (row && !agent_pod_is_kept(a, key.data)) {
        source_give_uid(a, key.data, row->value);
    }
}

void agent_source_put(struct agent *a, enum k8s_kind kind, const char *key, void *object)
{
    struct source_kept *k = source_kept_find(a, source_tables[kind], key);
    if (k) {
        source_kept_drop(a, k);
    }
    if (store_put(a->store, source_tables[kind], key, object)) {
        agent_changed(a);
    }
    if (kind == K8S_POD) {
        source_give_uid(a, key, store_get(a->store, TABLE_POD, key)->value);
        source_pod_changed(a, key);
        if (a->source_class->pod_isolated && agent_pod_is_isolated(a, key)) {
            a->source_class->pod_isolated(a->source, key);
        }
    }
}

void agent_source_remove(struct agent *a, enum k8s_kind kind, const char *key)
{
    if (source_keep(a, kind, key)) {
        if (kind == K8S_POD) {
            source_pod_changed(a, key);
        }
        return;
    }
    if (store_remove(a->store, source_tables[kind], key)) {
        agent_changed(a);
    }
}

/* ---- life ---- */
int agent_source_start(struct agent *a, struct err *err)
{
    a->source_class = a->o->objects[0] ? &agent_folder_class : &agent_kube_class;
    return a->source_class->start(a, &a->source, err);
}

void agent_source_end(struct agent *a)
{
    if (a->source) {
        a->source_class->end(a->source);
        a->source = NULL;
    }
    HMAP_FOR_EACH_SAFE(node, next, &a->kept) {
        source_kept_drop(a, CONTAINER_OF(node, struct source_kept, node));
    }
    hmap_done(&a->kept);
}

void agent_source_look(struct agent *a, struct agent_source_state *out)
{
    *out = (struct agent_source_state){.complete = false};
    if (a->source) {
        a->source_class->look(a->source, out);
    }
    if (out->complete && !a->complete_ns) {
        auto_sbuf text = SBUF_INIT;
        a->complete_ns = loop_now_ns();
        a->source_class->describe(a->source, &text);
        log_msg(LOG_AREA_SOURCE, LOG_INFO, "%s", sbuf_cstr(&text));
    }
}

void agent_source_ready(struct agent *a)
{
    if (a->source && a->source_class->ready) {
        a->source_class->ready(a->source);
    }
}

void agent_source_derived(struct agent *a)
{
    if (a->source && a->source_class->derived) {
        a->source_class->derived(a->source);
    }
}

void agent_source_node_event(struct agent *a, const char *reason, const char *action,
                             const char *note)
{
    if (a->source && a->source_class->node_event) {
        a->source_class->node_event(a->source, reason, action, note);
    }
}

void agent_source_wants_pod(struct agent *a, const char *key)
{
    if (a->source && a->source_class->pod_wanted) {
        a->source_class->pod_wanted(a->source, key);
    }
}

bool agent_source_is_complete(struct agent *a)
{
    struct agent_source_state state;
    agent_source_look(a, &state);
    return state.complete;
}

enum agent_gate agent_source_gate(struct agent *a)
{
    struct agent_source_state state;
    agent_source_look(a, &state);
    return state.complete                   ? AGENT_GATE_OPEN
           : state.cached && state.enforced ? AGENT_GATE_KEEP
                                            : AGENT_GATE_SHUT;
}

static void source_gate_tell(const struct agent *a, enum agent_gate gate)
{
    const char *what = a->acl ? "access lists" : "the switch";
    if (gate == AGENT_GATE_OPEN) {
        log_msg(LOG_AREA_AGENT, LOG_INFO, "all sources are complete: %s may be written", what);
    } else if (gate == AGENT_GATE_KEEP) {
        log_msg(LOG_AREA_AGENT, LOG_WARN,
                "the cache is in force: %s may be added to, nothing is taken away", what);
    }
}

void agent_gate_set(struct agent *a, bool rest)
{
    source_sweep(a);
    bool named = store_get(a->store, TABLE_SELF, "") != NULL;
    enum agent_gate gate =
        rest && named && a->config_known ? agent_source_gate(a) : AGENT_GATE_SHUT;
    if (gate == a->gate || (gate < a->gate && named)) {
        return;
    }
    source_gate_tell(a, gate);
    for (int space = 0; space < SPACE_N; space++) {
        engine_keep(a->engine, space, gate != AGENT_GATE_OPEN);
    }
    a->flows_whole = false; /* what was kept is to go now */
    a->gate = gate;
}

const struct node *agent_own_node(const struct agent *a)
{
    const struct row *row = store_get(a->store, TABLE_NODE, a->o->node_name);
    return row ? row->value : NULL;
}
