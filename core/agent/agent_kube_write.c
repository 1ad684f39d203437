/* SPDX-License-Identifier: Apache-2.0
 *
 * All that Seine writes to the API server: one condition of its own Node, by server-side apply when
 * the agent is first ready, and Events (kube_event.h).  Nothing waits for
 * a write, and none is made that finds what it would write. */
#include "core/agent/agent_kube.h"

#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/agent/kube_event.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/time_text.h"
#include "platform/process.h"

#define KUBE_MANAGER "seine-agent"
#define KUBE_CONDITION "NetworkUnavailable"
#define KUBE_REASON "SeineReady"

enum {
    KUBE_WRITE_AGAIN_MS = 5000,
    KUBE_NO_CIDR_MS = 10000,  /* so long may a Node be without podCIDR before it is an Event */
    KUBE_ISOLATED_MS = 30000, /* and a Pod have the sandbox of an earlier one */
};

/* A Pod whose attachment is another's. */
struct kube_isolated {
    struct kube_isolated *next;
    int64_t since;
    char key[];
};

struct kube_write {
    struct agent_kube *k;
    /* the condition */
    bool wanted;
    struct http_call *call;
    struct loop_timer *again;
    char node_uid[64]; /* of the Node that has it */
    /* Events */
    struct kube_event_book *book;
    struct http_call *event_call;
    struct loop_timer *event_timer;
    /* what is looked at again before it is an Event */
    bool no_cidr, unreadable;
    struct kube_isolated *isolated;
    struct loop_timer *later;
};

/* ---- the condition ---- */
static void kube_condition_end(struct kube_write *w, int status, const char *text)
{
    const struct node *own = agent_own_node(w->k->a);
    if (status >= 200 && status < 300) {
        w->wanted = false;
        snprintf(w->node_uid, sizeof w->node_uid, "%s", own ? own->meta.uid : "");
        return;
    }
    log_msg(LOG_AREA_SOURCE, LOG_WARN, "Node %s: condition " KUBE_CONDITION ": %d%s%s",
            w->k->a->o->node_name, status, *text ? " " : "", text);
    loop_timer_after(w->again, KUBE_WRITE_AGAIN_MS);
}

static void kube_condition_applied(void *aux, int status, const char *body, size_t n,
                                   const struct err *why)
{
    struct kube_write *w = aux;
    char text[ERR_TEXT_MAX] = "";
    w->call = NULL;
    if (!why && status >= 300) {
        kind_status_text(body, n, text, sizeof text);
    } else if (!why) {
        log_msg(LOG_AREA_SOURCE, LOG_INFO, "Node %s: " KUBE_CONDITION "=False (" KUBE_REASON ")",
                w->k->a->o->node_name);
    }
    kube_condition_end(w, status, why ? why->text : text);
}

static void kube_condition_document(const struct kube_write *w, struct sbuf *out)
{
    char time[TIME_TEXT_MAX];
    time_text_format(process_wall_ms(), TIME_SECONDS, time);
    sbuf_puts(out, "{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"name\":");
    sbuf_put_json(out, w->k->a->o->node_name);
    sbuf_printf(out,
                "},\"status\":{\"conditions\":[{\"type\":\"" KUBE_CONDITION
                "\",\"status\":\"False\",\"reason\":\"" KUBE_REASON
                "\",\"message\":\"Seine enforces on this node\","
                "\"lastHeartbeatTime\":\"%s\",\"lastTransitionTime\":\"%s\"}]}}",
                time, time);
}

static void kube_condition_apply(struct kube_write *w)
{
    static const struct http_header headers[] = {{"accept", "application/json"},
                                                 {"content-type", "application/apply-patch+yaml"}};
    auto_sbuf path = SBUF_INIT, body = SBUF_INIT;
    kube_condition_document(w, &body);
    sbuf_printf(&path, "/api/v1/nodes/%s/status?fieldManager=" KUBE_MANAGER "&force=true",
                w->k->a->o->node_name);
    struct http_request request = {.method = "PATCH",
                                   .path = path.data,
                                   .headers = headers,
                                   .n_headers = ARRAY_LEN(headers),
                                   .body = body.data,
                                   .body_len = body.len,
                                   .head_ms = KUBE_ANSWER_MS,
                                   .silence_ms = KUBE_ANSWER_MS};
    w->call = http_client_ask(w->k->client, &request, kube_condition_applied, w);
}

/* Whether the Node has the condition as it would be written. */
static bool kube_condition_is_there(const char *body, size_t n)
{
    cJSON *root = cJSON_ParseWithLength(body, n);
    const cJSON *status = cJSON_GetObjectItemCaseSensitive(root, "status");
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(status, "conditions"), *c;
    bool found = false;
    cJSON_ArrayForEach(c, list) {
        const char *type = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(c, "type"));
        const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(c, "status"));
        const char *reason = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(c, "reason"));
        found = found || (type && value && reason && strcmp(type, KUBE_CONDITION) == 0 &&
                          strcmp(value, "False") == 0 && strcmp(reason, KUBE_REASON) == 0);
    }
    cJSON_Delete(root);
    return found;
}

static void kube_condition_read(void *aux, int status, const char *body, size_t n,
                                const struct err *why)
{
    struct kube_write *w = aux;
    w->call = NULL;
    if (!why && status == 200 && !kube_condition_is_there(body, n)) {
        kube_condition_apply(w);
    } else {
        kube_condition_end(w, status, why ? why->text : "");
    }
}

static void kube_condition_look(void *aux)
{
    struct kube_write *w = aux;
    auto_sbuf path = SBUF_INIT;
    if (!w->wanted || w->call) {
        return;
    }
    kind_path_object(w->k->kinds[K8S_NODE].row, "", w->k->a->o->node_name, &path);
    w->call = agent_kube_ask(w->k, &path, kube_condition_read, w);
}

void agent_kube_ready(void *source)
{
    struct agent_kube *k = source;
    const struct node *own = agent_own_node(k->a);
    struct kube_write *w = k->write;
    if (own && strcmp(w->node_uid, own->meta.uid) != 0) {
        w->wanted = true;
        kube_condition_look(w);
    }
}

/* ---- Events ---- */
static void kube_event_arm(struct kube_write *w)
{
    loop_timer_at(w->event_timer, kube_event_due(w->book));
}

static void kube_event_told(void *aux, int status, const char *body, size_t n,
                            const struct err *why)
{
    struct kube_write *w = aux;
    char text[ERR_TEXT_MAX] = "";
    w->event_call = NULL;
    if (!why && status >= 400 && status != 409) {
        kind_status_text(body, n, text, sizeof text);
        log_msg(LOG_AREA_SOURCE, LOG_INFO, "Event: %d %s", status, text);
    }
    kube_event_answered(w->book, why ? 0 : status, loop_now(w->k->a->loop));
    kube_event_arm(w);
}

static void kube_event_send(void *aux)
{
    struct kube_write *w = aux;
    struct kube_event_call call;
    if (w->event_call || !kube_event_next(w->book, loop_now(w->k->a->loop), &call)) {
        kube_event_arm(w);
        return;
    }
    struct http_header headers[] = {{"accept", "application/json"},
                                    {"content-type", call.content_type}};
    struct http_request request = {.method = call.method,
                                   .path = sbuf_cstr(&call.path),
                                   .headers = headers,
                                   .n_headers = ARRAY_LEN(headers),
                                   .body = call.body.data,
                                   .body_len = call.body.len,
                                   .head_ms = KUBE_ANSWER_MS,
                                   .silence_ms = KUBE_ANSWER_MS};
    w->event_call = http_client_ask(w->k->client, &request, kube_event_told, w);
    sbuf_done(&call.path);
    sbuf_done(&call.body);
}

void agent_kube_event(struct agent_kube *k, const struct kube_event *event)
{
    struct kube_write *w = k->write;
    kube_event_note(w->book, event, loop_now(w->k->a->loop), process_wall_ms());
    kube_event_arm(w);
}

void agent_kube_node_event(void *source, const char *reason, const char *action, const char *note)
{
    struct agent_kube *k = source;
    const struct node *own = agent_own_node(k->a);
    struct kube_event event = {.kind = K8S_NODE,
                               .namespace_ = "",
                               .name = k->a->o->node_name,
                               .uid = own ? own->meta.uid : "",
                               .reason = reason,
                               .action = action,
                               .note = note};
    if (own) {
        agent_kube_event(k, &event);
    }
}

uint64_t agent_kube_events_dropped(const struct agent_kube *k)
{
    return kube_event_dropped(k->write->book);
}

/* ---- what is looked at again before it is told ---- */
static void kube_tell_isolated(struct kube_write *w, const char *key)
{
    const struct row *row = store_get(w->k->a->store, TABLE_POD, key);
    const struct pod *pod = row ? row->value : NULL;
    if (!pod || !agent_pod_is_isolated(w->k->a, key)) {
        return;
    }
    struct kube_event event = {
        .kind = K8S_POD,
        .namespace_ = pod->meta.namespace_,
        .name = pod->meta.name,
        .uid = pod->meta.uid,
        .reason = "SandboxOfAnotherPod",
        .action = "EnforcePolicy",
        .note = "its network is still that of an earlier Pod of this name, and isolated until "
                "that one is deleted"};
    agent_kube_event(w->k, &event);
}

static void kube_later(void *aux)
{
    struct kube_write *w = aux;
    struct agent *a = w->k->a;
    const struct node *own = agent_own_node(a);
    int64_t now = loop_now(a->loop), next = INT64_MAX;
    for (struct kube_isolated **link = &w->isolated, *i; (i = *link) != NULL;) {
        if (now - i->since < KUBE_ISOLATED_MS) {
            next = i->since + KUBE_ISOLATED_MS < next ? i->since + KUBE_ISOLATED_MS : next;
            link = &i->next;
            continue;
        }
        *link = i->next;
        kube_tell_isolated(w, i->key);
        mem_free(i);
    }
    if (w->no_cidr && own && !own->n_pod_cidrs) {
        agent_kube_node_event(w->k, "NoPodCIDR", "Start",
                              "spec.podCIDRs is not set: no Pod can get an address on this Node");
    }
    w->no_cidr = false;
    loop_timer_at(w->later, next);
}

void agent_kube_pod_isolated(void *source, const char *key)
{
    struct agent_kube *k = source;
    struct kube_write *w = k->write;
    size_t n = strlen(key) + 1;
    for (struct kube_isolated *i = w->isolated; i; i = i->next) {
        if (strcmp(i->key, key) == 0) {
            return;
        }
    }
    struct kube_isolated *i = mem_calloc(1, sizeof *i + n);
    memcpy(i->key, key, n);
    i->since = loop_now(k->a->loop);
    i->next = w->isolated;
    w->isolated = i;
    if (!w->no_cidr) {
        loop_timer_after(w->later, KUBE_ISOLATED_MS);
    }
}

static void kube_look_unreadable(struct kube_write *w)
{
    const struct reflector_error *errors;
    size_t n = 0;
    for (int i = 0; !n && i < K8S_N_KINDS; i++) {
        n = reflector_errors(w->k->kinds[i].reflector, &errors);
    }
    if (n && !w->unreadable) {
        agent_kube_node_event(w->k, "UnreadableObject", "ReadObjects", errors[0].text);
    }
    w->unreadable = n > 0;
}

void agent_kube_write_look(struct agent_kube *k)
{
    struct kube_write *w = k->write;
    const struct node *own = agent_own_node(k->a);
    if (own && !own->n_pod_cidrs && !w->no_cidr) {
        w->no_cidr = true;
        loop_timer_after(w->later, KUBE_NO_CIDR_MS);
    }
    if (k->a->ready) {
        agent_kube_ready(k);
    }
    kube_look_unreadable(w);
}

void agent_kube_write_start(struct agent_kube *k)
{
    struct kube_write *w = mem_calloc(1, sizeof *w);
    w->k = k;
    w->again = loop_timer_new(k->a->loop, kube_condition_look, w);
    w->event_timer = loop_timer_new(k->a->loop, kube_event_send, w);
    w->later = loop_timer_new(k->a->loop, kube_later, w);
    w->book = kube_event_book_new(k->a->o->node_name);
    k->write = w;
}

void agent_kube_write_end(struct agent_kube *k)
{
    struct kube_write *w = k->write;
    if (!w) {
        return;
    }
    http_call_cancel(w->call);
    http_call_cancel(w->event_call);
    loop_timer_free(w->again);
    loop_timer_free(w->event_timer);
    loop_timer_free(w->later);
    kube_event_book_free(w->book);
    while (w->isolated) {
        struct kube_isolated *i = w->isolated;
        w->isolated = i->next;
        mem_free(i);
    }
    mem_free(w);
    k->write = NULL;
}
