/* SPDX-License-Identifier: Apache-2.0 */
#include "core/agent/why_elsewhere.h"

#include <string.h>

#include "core/base/mem.h"
#include "core/intent/intent.h"
#include "core/k8s/object.h"
#include "core/pipeline/world.h"
#include "core/pod/attachment.h"
#include "platform/process.h"

enum { WHY_FIRST_PORT = 3 };

static void why_copy_objects(const struct store *from, struct store *to)
{
    static const int tables[] = {TABLE_POD, TABLE_NAMESPACE, TABLE_NODE, TABLE_POLICY};
    struct arena arena;
    arena_init(&arena, 0);
    for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
        size_t n = 0;
        const struct row **rows = store_list(from, tables[t], &arena, &n);
        for (size_t i = 0; i < n; i++) {
            store_put(to, tables[t], rows[i]->key, object_ref(rows[i]->value));
        }
    }
    arena_done(&arena);
}

/* The i-th of them, as its node's agent has it attached. */
static void why_attach(struct store *s, const struct pod *pod, unsigned i)
{
    struct attachment *at = attachment_new();
    struct sbuf key = SBUF_INIT, container = SBUF_INIT, interface = SBUF_INIT;
    sbuf_printf(&container, "why%u", i);
    sbuf_printf(&interface, "why%u", i);
    sbuf_printf(&key, "why%u/eth0", i);
    at->container_id = sbuf_take(&container);
    at->cni_ifname = mem_strdup("eth0");
    at->netns = mem_strdup("");
    at->interface = sbuf_take(&interface);
    at->pod_namespace = mem_strdup(pod->meta.namespace_);
    at->pod_name = mem_strdup(pod->meta.name);
    at->pod_uid = mem_strdup(pod->meta.uid);
    at->sequence = 1;
    at->ofport = WHY_FIRST_PORT + i;
    at->mac = mac_from_name("pod", pod->meta.name);
    for (size_t k = 0; k < pod->n_ips && at->n_ips < ATTACHMENT_MAX_IPS; k++) {
        at->ips[at->n_ips++] = pod->ips[k];
    }
    store_put(s, TABLE_ATTACHMENT, sbuf_cstr(&key), at);
    sbuf_done(&key);
}

/* The Pod if another node has it, and decides about it. */
static const struct pod *why_pod_elsewhere(const struct store *s, const char *node, const char *key)
{
    const struct row *row = key ? store_get(s, TABLE_POD, key) : NULL;
    const struct pod *pod = row ? row->value : NULL;
    bool elsewhere = pod && *pod->node_name && strcmp(pod->node_name, node) != 0;
    bool live = elsewhere && !pod->host_network && pod->phase != POD_FINISHED && pod->n_ips;
    return live ? pod : NULL;
}

struct engine *why_elsewhere(const struct store *s, const char *node, const char *const *pods,
                             size_t n)
{
    struct engine *e = NULL;
    unsigned attached = 0;
    for (size_t i = 0; i < n && attached < WHY_ELSEWHERE_MAX; i++) {
        const struct pod *pod = why_pod_elsewhere(s, node, pods[i]);
        if (!pod) {
            continue;
        }
        if (!e) {
            e = world_engine_intents();
            why_copy_objects(s, engine_store(e));
            store_put(engine_store(e), TABLE_CONFIG, "", node_config_new(pod->node_name));
        }
        why_attach(engine_store(e), pod, attached++);
    }
    while (e && !engine_run(e, 0)) {}
    return e;
}

void why_elsewhere_free(struct engine *e)
{
    engine_free(e);
    if (e) {
        process_trim_memory();
    }
}
