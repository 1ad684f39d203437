/* SPDX-License-Identifier: Apache-2.0
 *
 * The folder of manifests as a source: core/io/dirwatch.h reads, core/k8s/folder.h decides which
 * object holds, here they become rows of the input tables.
 *
 * A Pod that is attached here keeps its last object when the object goes: its labels decide who may
 * reach it until the runtime takes it away. */
#include "core/agent/agent_internal.h"

#include <string.h>

#include "core/base/hash.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/pod/pod_local.h"

static const int source_tables[K8S_N_KINDS] = {
    [K8S_POD] = TABLE_POD,
    [K8S_NAMESPACE] = TABLE_NAMESPACE,
    [K8S_NODE] = TABLE_NODE,
    [K8S_NETWORK_POLICY] = TABLE_POLICY,
};

/* ---- kept Pods ---- */
struct source_kept {
    struct hmap_node node;
    char *key;
};

static struct source_kept *source_kept_find(const struct agent *a, const char *key)
{
    HMAP_FOR_EACH_WITH_HASH(node, &a->kept, hash_str(key, 0)) {
        struct source_kept *k = CONTAINER_OF(node, struct source_kept, node);
        if (strcmp(k->key, key) == 0) {
            return k;
        }
    }
    return NULL;
}

static void source_kept_drop(struct agent *a, struct source_kept *k)
{
    hmap_remove(&a->kept, &k->node);
    mem_free(k->key);
    mem_free(k);
}

bool agent_pod_is_kept(const struct agent *a, const char *key)
{
    return source_kept_find(a, key) != NULL;
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

void agent_pod_detached(struct agent *a, const char *namespace_, const char *name)
{
    auto_sbuf key = SBUF_INIT;
    sbuf_printf(&key, "%s/%s", namespace_, name);
    struct source_kept *k = source_kept_find(a, key.data);
    if (k && !source_is_attached(a, key.data)) {
        source_kept_drop(a, k);
        store_remove(a->store, TABLE_POD, key.data);
        agent_changed(a);
    }
}

/* True if the row stays because the Pod is attached. */
static bool source_keep(struct agent *a, const char *key)
{
    if (!store_get(a->store, TABLE_POD, key) || !source_is_attached(a, key)) {
        return false;
    }
    struct source_kept *k = mem_calloc(1, sizeof *k);
    k->key = mem_strdup(key);
    hmap_insert(&a->kept, &k->node, hash_str(key, 0));
    log_msg(LOG_AREA_SOURCE, LOG_INFO, "Pod %s: gone, but still attached: keeps its last labels",
            key);
    return true;
}

/* ---- what the folder tells ---- */
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

static void source_put(void *aux, enum k8s_kind kind, const char *key, void *object)
{
    struct agent *a = aux;
    struct source_kept *k = kind == K8S_POD ? source_kept_find(a, key) : NULL;
    if (k) {
        source_kept_drop(a, k);
    }
    if (store_put(a->store, source_tables[kind], key, object)) {
        agent_changed(a);
    }
    if (kind == K8S_POD) {
        source_give_uid(a, key, store_get(a->store, TABLE_POD, key)->value);
        source_pod_changed(a, key);
    }
}

static void source_remove(void *aux, enum k8s_kind kind, const char *key)
{
    struct agent *a = aux;
    if (kind == K8S_POD && source_keep(a, key)) {
        source_pod_changed(a, key);
        return;
    }
    if (store_remove(a->store, source_tables[kind], key)) {
        agent_changed(a);
    }
}

static void source_note(void *aux, enum folder_note note, const char *text)
{
    (void)aux;
    bool bad = note == FOLDER_NOTE_BAD;
    bool warn = bad || note == FOLDER_NOTE_DUPLICATE;
    log_msg(LOG_AREA_SOURCE, bad ? LOG_ERROR : warn ? LOG_WARN : LOG_INFO, "%s", text);
}

/* ---- what the watch tells ---- */
static unsigned source_file(void *aux, const char *name, const char *text, size_t len,
                            unsigned age_ms)
{
    struct agent *a = aux;
    unsigned again_ms = folder_offer(a->folder, name, text, len, age_ms);
    if (again_ms == 0) {
        agent_changed(a);
    }
    return again_ms;
}

static void source_gone(void *aux, const char *name)
{
    struct agent *a = aux;
    folder_file_gone(a->folder, name);
    agent_changed(a);
}

static void source_unreadable(void *aux, const char *name, const char *reason)
{
    struct agent *a = aux;
    folder_file_unreadable(a->folder, name, reason);
}

static void source_listed(void *aux, const char *dir, const char *reason)
{
    struct agent *a = aux;
    folder_unreadable(a->folder, dir, reason);
}

static void source_passed(void *aux)
{
    struct agent *a = aux;
    folder_first_load_done(a->folder);
    agent_changed(a);
}

static const struct dirwatch_events source_events = {
    .wants = folder_wants,
    .file = source_file,
    .gone = source_gone,
    .unreadable = source_unreadable,
    .listed = source_listed,
    .passed = source_passed,
};

void agent_source_start(struct agent *a)
{
    struct folder_sink sink = {
        .aux = a, .put = source_put, .remove = source_remove, .note = source_note};
    a->folder = folder_new(&sink);
    a->watch = dirwatch_new(a->loop, a->o->objects, &source_events, a);
}

void agent_source_end(struct agent *a)
{
    dirwatch_free(a->watch);
    folder_free(a->folder);
    HMAP_FOR_EACH_SAFE(node, next, &a->kept) {
        source_kept_drop(a, CONTAINER_OF(node, struct source_kept, node));
    }
    hmap_done(&a->kept);
}

bool agent_source_is_complete(struct agent *a)
{
    bool complete = folder_complete(a->folder);
    if (complete && !a->complete_ns) {
        struct folder_counts counts;
        folder_counts(a->folder, &counts);
        a->complete_ns = loop_now_ns();
        log_msg(LOG_AREA_SOURCE, LOG_INFO, "folder %s: complete: %zu files, %zu objects",
                a->o->objects, counts.files, counts.objects);
    }
    return complete;
}

const struct node *agent_own_node(const struct agent *a)
{
    const struct row *row = store_get(a->store, TABLE_NODE, a->o->node_name);
    return row ? row->value : NULL;
}
