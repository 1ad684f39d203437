/* SPDX-License-Identifier: Apache-2.0
 *
 * An API server as the source: every kind of core/k8s/kinds.h is listed and watched by a reflector;
 * all calls share one client.  What holds when the server goes away goes on holding: the source
 * says that it is stale, and since when. */
#include "core/agent/agent_kube.h"

#include <string.h>

#include "core/base/hash.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/metrics.h"

/* ---- one kind's calls ---- */

/* The server lets one kind in: the others need not wait for their next try. */
static void kube_hurry(struct agent_kube *k)
{
    for (int i = 0; i < K8S_N_KINDS; i++) {
        if (reflector_state(k->kinds[i].reflector) == REFLECTOR_WAITING) {
            reflector_hurry(k->kinds[i].reflector);
        }
    }
}

static void kube_head(void *aux, const struct http_head *head)
{
    struct kube_kind *kind = aux;
    bool waited = reflector_state(kind->reflector) == REFLECTOR_WAITING;
    reflector_head(kind->reflector, head->status, head->retry_after_s, head->content_type);
    if (waited && head->status == 200) {
        kube_hurry(kind->kube);
    }
}

static void kube_data(void *aux, const void *p, size_t n)
{
    struct kube_kind *kind = aux;
    reflector_data(kind->reflector, p, n);
}

static void kube_ended(void *aux, const struct err *why)
{
    struct kube_kind *kind = aux;
    kind->call = NULL;
    reflector_end(kind->reflector, why);
}

static const struct http_call_events kube_events = {
    .head = kube_head, .data = kube_data, .end = kube_ended};

static void kube_send(void *aux, const char *path, const char *accept)
{
    struct kube_kind *kind = aux;
    const struct http_header headers[] = {{"accept", accept}};
    struct http_request request = {
        .method = "GET",
        .path = path,
        .headers = headers,
        .n_headers = ARRAY_LEN(headers),
        .head_ms = KUBE_SILENCE_MS,
        .silence_ms = strstr(path, "watch=") ? 0 : KUBE_SILENCE_MS,
    };
    kind->call = http_client_call(kind->kube->client, &request, &kube_events, kind);
}

static void kube_cancel(void *aux)
{
    struct kube_kind *kind = aux;
    http_call_cancel(kind->call);
    kind->call = NULL;
}

static void kube_timer(void *aux, uint32_t ms)
{
    struct kube_kind *kind = aux;
    if (ms) {
        loop_timer_after(kind->timer, ms);
    } else {
        loop_timer_cancel(kind->timer);
    }
}

static void kube_time(void *aux)
{
    struct kube_kind *kind = aux;
    reflector_timer(kind->reflector, loop_timer_late(kind->timer));
}

/* ---- what reflectors tell ---- */
static void kube_put(void *aux, enum k8s_kind kind, const char *key, void *object)
{
    struct kube_kind *of = aux;
    if (kind == K8S_POD) {
        agent_kube_pod_seen(of->kube, key);
    }
    if (kind == K8S_NAMESPACE && strcmp(key, "kube-system") == 0) {
        agent_kube_cache_cluster(of->kube, ((const struct object_meta *)object)->uid);
    }
    agent_kube_cache_changed(of->kube);
    if (kind == K8S_NODE && strcmp(key, of->kube->a->o->node_name) == 0) {
        agent_kube_moved(of->kube);
    }
    agent_source_put(of->kube->a, kind, key, object);
}

static void kube_remove(void *aux, enum k8s_kind kind, const char *key)
{
    struct kube_kind *of = aux;
    if (kind == K8S_POD) {
        agent_kube_pod_seen(of->kube, key);
    }
    agent_kube_cache_changed(of->kube);
    agent_source_remove(of->kube->a, kind, key);
}

/* While there is no connection all kinds complain alike: kube_stale() tells it once. */
static void kube_note(void *aux, enum log_level level, const char *text)
{
    const struct kube_kind *kind = aux;
    struct http_client_state state;
    http_client_state(kind->kube->client, &state);
    bool quiet = level == LOG_WARN && state.n_connections == 0;
    log_msg(LOG_AREA_SOURCE, quiet ? LOG_DEBUG : level, "%s", text);
}

static void kube_changed(void *aux)
{
    struct kube_kind *kind = aux;
    agent_kube_moved(kind->kube);
}

/* ---- how it stands ---- */
void agent_kube_moved(struct agent_kube *k)
{
    loop_deferred_schedule(k->look);
}

bool agent_kube_is_complete(const struct agent_kube *k)
{
    for (int i = 0; i < K8S_N_KINDS; i++) {
        if (!reflector_complete(k->kinds[i].reflector)) {
            return false;
        }
    }
    return true;
}

/* Every watch stands. */
static bool kube_is_sure(const struct agent_kube *k)
{
    for (int i = 0; i < K8S_N_KINDS; i++) {
        enum reflector_state state = reflector_state(k->kinds[i].reflector);
        if (state != REFLECTOR_WATCHING && state != REFLECTOR_ABSENT) {
            return false;
        }
    }
    return true;
}

/* What keeps a kind from being watched; what was the trouble before, once it is, counts no more. */
static const char *kube_kind_trouble(const struct kube_kind *kind)
{
    bool watched = reflector_state(kind->reflector) == REFLECTOR_WATCHING;
    return watched ? "" : reflector_trouble(kind->reflector);
}

/* The first trouble at hand, "" if there is none. */
static const char *kube_trouble(const struct agent_kube *k)
{
    for (int i = 0; i < K8S_N_KINDS; i++) {
        const char *trouble = kube_kind_trouble(&k->kinds[i]);
        if (*trouble) {
            return trouble;
        }
    }
    return "";
}

static void kube_fresh(struct agent_kube *k)
{
    if (k->stale) {
        log_msg(LOG_AREA_SOURCE, LOG_INFO, "API server %s: back after %.1f s",
                api_credentials_server(k->credentials),
                (double)(loop_now_ns() - k->unsure_ns) / 1e9);
    }
    k->stale = false;
    k->unsure_ns = 0;
    loop_timer_cancel(k->stale_timer);
}

static void kube_stale(void *aux)
{
    struct agent_kube *k = aux;
    const char *trouble = kube_trouble(k);
    const char *unread = api_credentials_trouble(k->credentials);
    bool holds = agent_kube_is_complete(k) || agent_kube_cache_is_loaded(k);
    k->stale = true;
    log_msg(LOG_AREA_SOURCE, *trouble ? LOG_WARN : LOG_INFO, "API server %s: %s%s%s%s",
            api_credentials_server(k->credentials), holds ? "what holds may be old: " : "",
            *trouble ? trouble : "its lists are under way", *unread ? "; " : "", unread);
}

static void kube_look_fresh(struct agent_kube *k)
{
    if (kube_is_sure(k)) {
        kube_fresh(k);
    } else if (!k->unsure_ns) {
        k->unsure_ns = loop_now_ns();
        loop_timer_after(k->stale_timer, KUBE_STALE_MS);
    }
}

static void kube_look(void *aux)
{
    struct agent_kube *k = aux;
    kube_look_fresh(k);
    agent_kube_pod_look(k);
    agent_kube_sync_look(k);
    agent_kube_write_look(k);
    agent_changed(k->a);
}

struct http_call *agent_kube_ask(struct agent_kube *k, const struct sbuf *path,
                                 http_answer_fn *answered, void *aux)
{
    static const struct http_header accept[] = {{"accept", "application/json"}};
    struct http_request request = {.method = "GET",
                                   .path = path->data,
                                   .headers = accept,
                                   .n_headers = ARRAY_LEN(accept),
                                   .head_ms = KUBE_ANSWER_MS,
                                   .silence_ms = KUBE_ANSWER_MS};
    return http_client_ask(k->client, &request, answered, aux);
}

/* ---- the class ---- */
static int kube_connect(struct agent_kube *k, struct err *err)
{
    const struct options *o = k->a->o;
    struct api_credentials_config from = {.kubeconfig = o->kubeconfig[0] ? o->kubeconfig : NULL,
                                          .api_server = o->api_server[0] ? o->api_server : NULL};
    struct http_client_config client = {.user_agent = NULL};
    int rc = api_credentials_new(k->a->loop, &from, &k->credentials, err);
    if (rc == 0) {
        api_credentials_use(k->credentials, &client);
        rc = http_client_new(k->a->loop, &client, &k->client, err);
    }
    if (rc < 0) {
        err_wrap(err, "%s", from.kubeconfig ? "--kubeconfig" : "in-cluster account");
        return ERR_INVALID;
    }
    const char *warning = api_credentials_warning(k->credentials);
    if (warning) {
        log_msg(LOG_AREA_SOURCE, LOG_WARN, "%s", warning);
    }
    return 0;
}

static void kube_kind_start(struct agent_kube *k, int i)
{
    struct kube_kind *kind = &k->kinds[i];
    struct reflector_ops ops = {.aux = kind,
                                .send = kube_send,
                                .cancel = kube_cancel,
                                .timer = kube_timer,
                                .put = kube_put,
                                .remove = kube_remove,
                                .note = kube_note,
                                .changed = kube_changed};
    kind->kube = k;
    kind->kind = (enum k8s_kind)i;
    kind->row = kind_row(kind->kind);
    kind->timer = loop_timer_new(k->a->loop, kube_time, kind);
    kind->reflector =
        reflector_new(kind->row, hash_str(k->a->o->node_name, loop_now_ns() + (uint64_t)i), &ops);
}

static void kube_end(void *source)
{
    struct agent_kube *k = source;
    agent_kube_sync_end(k);
    agent_kube_pod_end(k);
    agent_kube_cache_end(k);
    agent_kube_cut_end(k);
    agent_kube_write_end(k);
    http_client_free(k->client);
    for (int i = 0; i < K8S_N_KINDS; i++) {
        reflector_free(k->kinds[i].reflector);
        loop_timer_free(k->kinds[i].timer);
    }
    api_credentials_free(k->credentials);
    loop_timer_free(k->stale_timer);
    loop_timer_free(k->sync_timer);
    loop_timer_free(k->wanted_timer);
    loop_deferred_free(k->look);
    mem_free(k);
}

static int kube_start(struct agent *a, void **out, struct err *err)
{
    struct agent_kube *k = mem_calloc(1, sizeof *k);
    k->a = a;
    hmap_init(&k->wanted);
    int rc = kube_connect(k, err);
    if (rc < 0) {
        kube_end(k);
        return rc;
    }
    k->look = loop_deferred_new(a->loop, kube_look, k);
    k->stale_timer = loop_limit_new(a->loop, kube_stale, k);
    k->sync_timer = loop_timer_new(a->loop, agent_kube_sync_again, k);
    k->wanted_timer = loop_timer_new(a->loop, agent_kube_pod_time, k);
    agent_kube_write_start(k);
    agent_kube_cut_start(k);
    for (int i = 0; i < K8S_N_KINDS; i++) {
        kube_kind_start(k, i);
    }
    agent_kube_cache_start(k);
    for (int i = 0; i < K8S_N_KINDS; i++) {
        reflector_start(k->kinds[i].reflector);
    }
    *out = k;
    return 0;
}

static void kube_state(void *source, struct agent_source_state *out)
{
    const struct agent_kube *k = source;
    out->complete = agent_kube_is_complete(k);
    out->cached = !out->complete && agent_kube_cache_is_loaded(k);
    out->enforced = out->cached && (*kube_trouble(k) || agent_kube_cache_is_waited(k));
    out->stale = (out->complete || out->cached) && k->stale;
    out->stale_s = k->unsure_ns ? (double)(loop_now_ns() - k->unsure_ns) / 1e9 : 0;
}

static void kube_describe(void *source, struct sbuf *out)
{
    const struct agent_kube *k = source;
    size_t n = 0;
    struct http_client_state state;
    http_client_state(k->client, &state);
    for (int i = 0; i < K8S_N_KINDS; i++) {
        n += reflector_count(k->kinds[i].reflector);
    }
    sbuf_printf(out, "API server %s (%s): complete: %zu objects",
                api_credentials_server(k->credentials), state.protocol, n);
}

static void kube_why(void *source, struct sbuf *out)
{
    const struct agent_kube *k = source;
    for (int i = 0; i < K8S_N_KINDS; i++) {
        const struct reflector *r = k->kinds[i].reflector;
        const struct reflector_error *errors;
        if (reflector_complete(r)) {
            continue;
        }
        size_t n = reflector_errors(r, &errors);
        for (size_t e = 0; e < n; e++) {
            if (errors[e].blocking) {
                sbuf_puts(out, errors[e].text);
                return;
            }
        }
        const char *trouble = reflector_trouble(r);
        if (*trouble) {
            sbuf_puts(out, trouble);
        } else {
            sbuf_printf(out, "%s: not listed yet", k8s_kind_name(k->kinds[i].kind));
        }
        return;
    }
}

static void kube_errors(void *source, agent_source_error_fn *tell, void *aux)
{
    const struct agent_kube *k = source;
    for (int i = 0; i < K8S_N_KINDS; i++) {
        const struct reflector *r = k->kinds[i].reflector;
        const struct reflector_error *errors;
        size_t n = reflector_errors(r, &errors);
        for (size_t e = 0; e < n; e++) {
            tell(aux, errors[e].text);
        }
    }
}

static void kube_troubles(void *source, agent_source_error_fn *tell, void *aux)
{
    const struct agent_kube *k = source;
    for (int i = 0; i < K8S_N_KINDS; i++) {
        const char *trouble = kube_kind_trouble(&k->kinds[i]);
        if (*trouble) {
            tell(aux, trouble);
        }
    }
    if (*api_credentials_trouble(k->credentials)) {
        tell(aux, api_credentials_trouble(k->credentials));
    }
    auto_sbuf cache = SBUF_INIT;
    agent_kube_cache_trouble(k, &cache);
    if (cache.len) {
        tell(aux, cache.data);
    }
}

static void kube_metrics(void *source)
{
    const struct agent_kube *k = source;
    struct agent_source_state state = {.complete = false};
    struct http_client_state client;
    size_t n = 0;
    for (int i = 0; i < K8S_N_KINDS; i++) {
        const struct reflector_error *errors;
        n += reflector_errors(k->kinds[i].reflector, &errors);
    }
    kube_state(source, &state);
    http_client_state(k->client, &client);
    metric_count(METRIC_SILENT, agent_kube_class.name, (double)client.silent);
    metric_count(METRIC_LIMITS, "events", (double)agent_kube_events_dropped(k));
    metric_set(METRIC_SOURCE_ERRORS, agent_kube_class.name, NULL, (double)n);
    metric_set(METRIC_SOURCE_STALE, agent_kube_class.name, NULL, state.stale ? state.stale_s : 0);
}

const struct agent_source_class agent_kube_class = {
    .name = "api-server",
    .keeps_namespaces = true,
    .start = kube_start,
    .end = kube_end,
    .look = kube_state,
    .describe = kube_describe,
    .why = kube_why,
    .errors = kube_errors,
    .troubles = kube_troubles,
    .sync = agent_kube_sync,
    .sync_cancel = agent_kube_sync_cancel,
    .sync_why = agent_kube_sync_why,
    .metrics = kube_metrics,
    .pod_wanted = agent_kube_pod_wanted,
    .ready = agent_kube_ready,
    .node_event = agent_kube_node_event,
    .pod_isolated = agent_kube_pod_isolated,
    .derived = agent_kube_derived,
};
