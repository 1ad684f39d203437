/* SPDX-License-Identifier: Apache-2.0
 *
 * Pods that an ADD waits for.  A watch may be late or away while the server answers: the Pod is
 * then read by itself, and its row is there at once.  The reflector does not know of such a row, so
 * it is remembered here until the reflector says something of it, or has passed the version read
 * without a word: then the Pod is gone again. */
#include "core/agent/agent_kube.h"

#include <string.h>

#include "core/base/hash.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/k8s/json_stream.h"

struct kube_read {
    struct hmap_node node;
    struct agent_kube *kube;
    struct http_call *call;
    int64_t asked; /* when an ADD wanted it last */
    int64_t next;  /* when it is read next */
    unsigned wait_ms;
    bool held; /* its row comes from here */
    char version[JSON_STREAM_VERSION_MAX];
    char key[];
};

static struct kube_read *kube_read_find(const struct agent_kube *k, const char *key)
{
    HMAP_FOR_EACH_WITH_HASH(node, &k->wanted, hash_str(key, 0)) {
        struct kube_read *r = CONTAINER_OF(node, struct kube_read, node);
        if (strcmp(r->key, key) == 0) {
            return r;
        }
    }
    return NULL;
}

static void kube_read_drop(struct kube_read *r)
{
    http_call_cancel(r->call);
    hmap_remove(&r->kube->wanted, &r->node);
    mem_free(r);
}

/* Whether the watch has passed this version already. */
static bool kube_read_is_old(const struct kube_read *r)
{
    const struct reflector *pods = r->kube->kinds[K8S_POD].reflector;
    int order = 0;
    return reflector_state(pods) == REFLECTOR_WATCHING &&
           kind_version_compare(r->version, reflector_version(pods), &order) && order <= 0;
}

static void kube_read_answered(void *aux, int status, const char *body, size_t n,
                               const struct err *why)
{
    struct kube_read *r = aux;
    struct agent_kube *k = r->kube;
    struct object_meta *object = NULL;
    struct err err = {0};
    r->call = NULL;
    if (why || status != 200 || kind_version_parse(body, n, r->version, NULL) < 0) {
        return; /* asked again in time */
    }
    if (kube_read_is_old(r)) {
        kube_read_drop(r);
        return;
    }
    if (kind_object_parse(k->kinds[K8S_POD].row, body, n, &object, &err) < 0) {
        log_msg(LOG_AREA_SOURCE, LOG_WARN, "Pod %s: %s", r->key, err.text);
        return;
    }
    log_msg(LOG_AREA_SOURCE, LOG_INFO, "Pod %s: read by itself, before the watch brought it",
            r->key);
    r->held = true;
    auto_free char *key = mem_strdup(r->key);
    agent_source_put(k->a, K8S_POD, key, object);
}

static void kube_read_ask(struct kube_read *r)
{
    struct agent_kube *k = r->kube;
    auto_sbuf path = SBUF_INIT;
    const char *slash = strchr(r->key, '/');
    auto_free char *namespace_ = mem_strndup(r->key, (size_t)(slash - r->key));
    kind_path_object(k->kinds[K8S_POD].row, namespace_, slash + 1, &path);
    r->call = agent_kube_ask(k, &path, kube_read_answered, r);
}

void agent_kube_pod_time(void *aux)
{
    struct agent_kube *k = aux;
    int64_t now = loop_now(k->a->loop), next = INT64_MAX;
    HMAP_FOR_EACH_SAFE(node, after, &k->wanted) {
        struct kube_read *r = CONTAINER_OF(node, struct kube_read, node);
        if (r->held) {
            continue;
        }
        if (now - r->asked > k->a->o->pod_timeout_ms) {
            kube_read_drop(r);
            continue;
        }
        if (now >= r->next && !r->call) {
            r->wait_ms = r->wait_ms < KUBE_POD_MAX_MS ? r->wait_ms * 2 : KUBE_POD_MAX_MS;
            r->next = now + r->wait_ms;
            kube_read_ask(r);
        }
        next = r->next > now && r->next < next ? r->next : next;
    }
    loop_timer_at(k->wanted_timer, next);
}

void agent_kube_pod_wanted(void *source, const char *key)
{
    struct agent_kube *k = source;
    struct kube_read *r = kube_read_find(k, key);
    int64_t now = loop_now(k->a->loop);
    if (r || !strchr(key, '/')) {
        if (r) {
            r->asked = now;
        }
        return;
    }
    size_t n = strlen(key) + 1;
    r = mem_calloc(1, sizeof *r + n);
    memcpy(r->key, key, n);
    r->kube = k;
    r->asked = now;
    r->wait_ms = KUBE_POD_MS;
    r->next = now + KUBE_POD_MS;
    hmap_insert(&k->wanted, &r->node, hash_str(key, 0));
    loop_timer_at(k->wanted_timer, now); /* looks for the next time of all */
}

void agent_kube_pod_seen(struct agent_kube *k, const char *key)
{
    struct kube_read *r = k->wanted.n ? kube_read_find(k, key) : NULL;
    if (r) {
        kube_read_drop(r);
    }
}

void agent_kube_pod_look(struct agent_kube *k)
{
    HMAP_FOR_EACH_SAFE(node, after, &k->wanted) {
        struct kube_read *r = CONTAINER_OF(node, struct kube_read, node);
        if (r->held && kube_read_is_old(r)) {
            auto_free char *key = mem_strdup(r->key);
            kube_read_drop(r);
            agent_source_remove(k->a, K8S_POD, key);
        }
    }
}

void agent_kube_pod_end(struct agent_kube *k)
{
    HMAP_FOR_EACH_SAFE(node, after, &k->wanted) {
        kube_read_drop(CONTAINER_OF(node, struct kube_read, node));
    }
    hmap_done(&k->wanted);
}
