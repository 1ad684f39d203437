/* SPDX-License-Identifier: Apache-2.0
 *
 * mirror: what an API server has, held by our client and nothing else: credentials, HTTP client and
 * a reflector a kind, without engine and switch.  Tests drive it through faults and compare.
 *
 *     mirror KUBECONFIG|in-cluster SOCKET [http1] [gzip] [stream] [crd] [json] [whole]
 *
 * "stream": ask for streaming lists first.  "crd": policies are those of group lab.seine.dev, which
 * the server may not serve.  "json": ask for JSON alone.  "whole": lists as
 * the agent asks for them, not in pages.
 *
 * On the socket, by HTTP: GET /state (a line of JSON: kinds, counters, memory), GET /objects (a
 * line of JSON an object), GET /encoded (the same, all that is held).  SIGTERM ends it, with
 * everything freed. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/agent/jsonout.h"
#include "core/base/addr.h"
#include "core/base/hash.h"
#include "core/base/hmap.h"
#include "core/base/mem.h"
#include "core/base/sbuf.h"
#include "core/io/api_credentials.h"
#include "core/io/http_client.h"
#include "core/io/http_server.h"
#include "core/io/loop.h"
#include "core/k8s/kinds.h"
#include "core/k8s/reflector.h"

enum {
    SILENCE_MS = 20000, /* as the agent's */
    PAGE = 500,         /* there are to be some */
};

struct mirror;
struct kind {
    struct mirror *m;
    struct kind_row row;
    struct reflector *reflector;
    struct http_call *call;
    struct loop_timer *timer;
    uint64_t puts, same, removes, strays, calls, protobuf;
};
struct mirror {
    struct loop *loop;
    struct api_credentials *credentials;
    struct http_client *client;
    struct http_server *server;
    struct hmap objects; /* struct held by kind and key */
    struct kind kinds[K8S_N_KINDS];
    uint64_t notes;
    bool json; /* ask for nothing else */
};
struct held {
    struct hmap_node node;
    struct object_meta *object;
    enum k8s_kind kind;
    char key[];
};

/* ---- what is held ---- */
static struct held *mirror_find(struct mirror *m, enum k8s_kind kind, const char *key)
{
    HMAP_FOR_EACH_WITH_HASH(node, &m->objects, hash_str(key, (uint64_t)kind)) {
        struct held *h = CONTAINER_OF(node, struct held, node);
        if (h->kind == kind && strcmp(h->key, key) == 0) {
            return h;
        }
    }
    return NULL;
}

static void mirror_drop(struct mirror *m, struct held *h)
{
    hmap_remove(&m->objects, &h->node);
    object_free(h->object);
    mem_free(h);
}

static void mirror_put(void *aux, enum k8s_kind kind, const char *key, void *object)
{
    struct kind *k = aux;
    struct held *h = mirror_find(k->m, kind, key);
    k->puts++;
    if (h) {
        k->same += object_equal(h->object, object);
        object_free(h->object);
    } else {
        size_t n = strlen(key) + 1;
        h = mem_calloc(1, sizeof *h + n);
        memcpy(h->key, key, n);
        h->kind = kind;
        hmap_insert(&k->m->objects, &h->node, hash_str(key, (uint64_t)kind));
    }
    h->object = object;
}

static void mirror_remove(void *aux, enum k8s_kind kind, const char *key)
{
    struct kind *k = aux;
    struct held *h = mirror_find(k->m, kind, key);
    k->removes++;
    if (h) {
        mirror_drop(k->m, h);
    } else {
        k->strays++;
    }
}

/* ---- calls ---- */
static void mirror_head(void *aux, const struct http_head *head)
{
    struct kind *k = aux;
    k->protobuf += strstr(head->content_type, "protobuf") != NULL;
    reflector_head(k->reflector, head->status, head->retry_after_s, head->content_type);
}

static void mirror_data(void *aux, const void *p, size_t n)
{
    struct kind *k = aux;
    reflector_data(k->reflector, p, n);
}

static void mirror_ended(void *aux, const struct err *why)
{
    struct kind *k = aux;
    k->call = NULL;
    reflector_end(k->reflector, why);
}

static void mirror_send(void *aux, const char *path, const char *accept)
{
    static const struct http_call_events events = {
        .head = mirror_head, .data = mirror_data, .end = mirror_ended};
    struct kind *k = aux;
    const struct http_header headers[] = {{"accept", k->m->json ? "application/json" : accept}};
    struct http_request request = {.method = "GET",
                                   .path = path,
                                   .headers = headers,
                                   .n_headers = 1,
                                   .head_ms = SILENCE_MS,
                                   .silence_ms = strstr(path, "watch=") ? 0 : SILENCE_MS};
    k->calls++;
    k->call = http_client_call(k->m->client, &request, &events, k);
}

static void mirror_cancel(void *aux)
{
    struct kind *k = aux;
    http_call_cancel(k->call);
    k->call = NULL;
}

static void mirror_timer(void *aux, uint32_t ms)
{
    struct kind *k = aux;
    if (ms) {
        loop_timer_after(k->timer, ms);
    } else {
        loop_timer_cancel(k->timer);
    }
}

static void mirror_time(void *aux)
{
    struct kind *k = aux;
    reflector_timer(k->reflector, loop_timer_late(k->timer));
}

static void mirror_note(void *aux, enum log_level level, const char *text)
{
    struct kind *k = aux;
    k->m->notes++;
    fprintf(stderr, "%" PRIu64 " %d %s\n", loop_now_ns() / 1000000, (int)level, text);
}

static void mirror_changed(void *aux)
{
    (void)aux;
}

/* ---- what it tells ---- */
static void tell_ips(struct jsonout *j, const char *name, const struct ip *ips, size_t n)
{
    char text[IP_TEXT_MAX];
    jsonout_open(j, name, '[');
    for (size_t i = 0; i < n; i++) {
        jsonout_text(j, NULL, ip_format(&ips[i], text));
    }
    jsonout_close(j, ']');
}

static void tell_pod(struct jsonout *j, const struct pod *p)
{
    jsonout_text(j, "node", p->node_name);
    jsonout_bool(j, "hostNetwork", p->host_network);
    jsonout_bool(j, "finished", p->phase == POD_FINISHED);
    tell_ips(j, "ips", p->ips, p->n_ips);
}

static void tell_node(struct jsonout *j, const struct node *n)
{
    char text[PREFIX_TEXT_MAX];
    jsonout_open(j, "podCIDRs", '[');
    for (size_t i = 0; i < n->n_pod_cidrs; i++) {
        jsonout_text(j, NULL, prefix_format(&n->pod_cidrs[i], text));
    }
    jsonout_close(j, ']');
    tell_ips(j, "ips", n->internal_ips, n->n_internal_ips);
}

static void tell_policy(struct jsonout *j, const struct network_policy *p)
{
    jsonout_number(j, "selectors", p->pods.n_reqs);
    jsonout_bool(j, "ingressIsolates", p->ingress_isolates);
    jsonout_bool(j, "egressIsolates", p->egress_isolates);
    jsonout_number(j, "ingress", p->n_ingress);
    jsonout_number(j, "egress", p->n_egress);
}

static void tell_labels(struct jsonout *j, const struct labels *l)
{
    jsonout_open(j, "labels", '{');
    for (size_t i = 0; i < l->n; i++) {
        jsonout_text(j, l->v[i].key, l->v[i].value);
    }
    jsonout_close(j, '}');
}

static void tell_object(struct jsonout *j, const struct held *h)
{
    const void *o = h->object;
    jsonout_open(j, NULL, '{');
    jsonout_text(j, "kind", k8s_kind_name(h->kind));
    jsonout_text(j, "key", h->key);
    jsonout_text(j, "uid", h->object->uid);
    tell_labels(j, &h->object->labels);
    if (h->kind == K8S_POD) {
        tell_pod(j, o);
    } else if (h->kind == K8S_NODE) {
        tell_node(j, o);
    } else if (h->kind == K8S_NETWORK_POLICY) {
        tell_policy(j, o);
    } else if (h->kind == K8S_SERVICE) {
        const struct service *s = o;
        tell_ips(j, "ips", s->cluster_ips, s->n_cluster_ips);
        jsonout_number(j, "ports", s->n_ports);
    } else if (h->kind == K8S_ENDPOINT_SLICE) {
        const struct endpoint_slice *s = o;
        jsonout_text(j, "service", s->service);
        jsonout_number(j, "endpoints", s->n_endpoints);
    }
    jsonout_close(j, '}');
}

static void tell_objects(struct mirror *m, struct sbuf *out)
{
    HMAP_FOR_EACH(node, &m->objects) {
        struct jsonout j = {.out = out};
        tell_object(&j, CONTAINER_OF(node, struct held, node));
        sbuf_putc(out, '\n');
    }
}

/* All that is held of each object, in the encoding of our own. */
static void tell_encoded(struct mirror *m, struct sbuf *out)
{
    HMAP_FOR_EACH(node, &m->objects) {
        const struct held *h = CONTAINER_OF(node, struct held, node);
        sbuf_printf(out, "%s %s ", k8s_kind_name(h->kind), h->key);
        object_encode(h->object, out);
        sbuf_putc(out, '\n');
    }
}

/* VmRSS or VmHWM of this process. */
static uint64_t memory_kib(const char *field)
{
    char line[256];
    uint64_t kib = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f)) {
        if (strncmp(line, field, strlen(field)) == 0) {
            kib = strtoull(line + strlen(field) + 1, NULL, 10);
        }
    }
    if (f) {
        fclose(f);
    }
    return kib;
}

static void tell_kind(struct jsonout *j, const struct kind *k, enum k8s_kind kind)
{
    const struct reflector_error *errors;
    const struct reflector *r = k->reflector;
    jsonout_open(j, k8s_kind_name(kind), '{');
    jsonout_text(j, "state", reflector_state_name(reflector_state(r)));
    jsonout_bool(j, "complete", reflector_complete(r));
    jsonout_text(j, "version", reflector_version(r));
    jsonout_text(j, "trouble", reflector_trouble(r));
    jsonout_number(j, "held", reflector_count(r));
    jsonout_number(j, "errors", reflector_errors(r, &errors));
    jsonout_number(j, "puts", k->puts);
    jsonout_number(j, "same", k->same);
    jsonout_number(j, "removes", k->removes);
    jsonout_number(j, "strays", k->strays);
    jsonout_number(j, "calls", k->calls);
    jsonout_number(j, "protobuf", k->protobuf);
    jsonout_close(j, '}');
}

static void tell_state(struct mirror *m, struct sbuf *out)
{
    struct jsonout j = {.out = out};
    struct http_client_state state;
    http_client_state(m->client, &state);
    jsonout_open(&j, NULL, '{');
    jsonout_text(&j, "server", api_credentials_server(m->credentials));
    jsonout_text(&j, "protocol", state.protocol);
    jsonout_number(&j, "connections", state.n_connections);
    jsonout_number(&j, "connected", state.connected);
    jsonout_number(&j, "lost", state.lost);
    jsonout_number(&j, "received", state.received);
    jsonout_number(&j, "rssKiB", memory_kib("VmRSS"));
    jsonout_number(&j, "peakKiB", memory_kib("VmHWM"));
    jsonout_number(&j, "notes", m->notes);
    jsonout_open(&j, "kinds", '{');
    for (int i = 0; i < K8S_N_KINDS; i++) {
        tell_kind(&j, &m->kinds[i], (enum k8s_kind)i);
    }
    jsonout_close(&j, '}');
    jsonout_close(&j, '}');
    sbuf_putc(out, '\n');
}

static void mirror_asked(void *aux, struct http_exchange *x)
{
    auto_sbuf out = SBUF_INIT;
    if (strcmp(http_path(x), "/objects") == 0) {
        tell_objects(aux, &out);
    } else if (strcmp(http_path(x), "/encoded") == 0) {
        tell_encoded(aux, &out);
    } else if (strcmp(http_path(x), "/state") == 0) {
        tell_state(aux, &out);
    } else {
        http_answer_error(x, 404, "no such thing");
        return;
    }
    http_answer(x, 200, "application/json", &out);
}

/* ---- up and down ---- */
static void mirror_stop(void *loop)
{
    loop_stop(loop);
}

static bool has_word(char **words, const char *word)
{
    for (; *words; words++) {
        if (strcmp(*words, word) == 0) {
            return true;
        }
    }
    return false;
}

static int mirror_connect(struct mirror *m, const char *config, char **words, struct err *err)
{
    struct api_credentials_config from = {.kubeconfig =
                                              strcmp(config, "in-cluster") == 0 ? NULL : config};
    struct http_client_config client = {.user_agent = "seine-mirror"};
    int rc = api_credentials_new(m->loop, &from, &m->credentials, err);
    if (rc < 0) {
        return rc;
    }
    api_credentials_use(m->credentials, &client);
    m->json = has_word(words, "json");
    client.http1_only = has_word(words, "http1");
    client.gzip = has_word(words, "gzip");
    return http_client_new(m->loop, &client, &m->client, err);
}

static void mirror_start(struct mirror *m, char **words)
{
    for (int i = 0; i < K8S_N_KINDS; i++) {
        struct kind *k = &m->kinds[i];
        struct reflector_ops ops = {.aux = k,
                                    .send = mirror_send,
                                    .cancel = mirror_cancel,
                                    .timer = mirror_timer,
                                    .put = mirror_put,
                                    .remove = mirror_remove,
                                    .note = mirror_note,
                                    .changed = mirror_changed};
        k->m = m;
        k->row = *kind_row((enum k8s_kind)i);
        k->row.page = has_word(words, "whole") ? 0 : PAGE;
        k->row.streaming = has_word(words, "stream");
        if (i == K8S_NETWORK_POLICY && has_word(words, "crd")) {
            k->row.group_path = "/apis/lab.seine.dev/v1";
            k->row.optional = true;
        }
        k->timer = loop_timer_new(m->loop, mirror_time, k);
        k->reflector = reflector_new(&k->row, loop_now_ns() + (uint64_t)i, &ops);
    }
    for (int i = 0; i < K8S_N_KINDS; i++) {
        reflector_start(m->kinds[i].reflector);
    }
}

static void mirror_end(struct mirror *m)
{
    http_server_free(m->server);
    http_client_free(m->client);
    for (int i = 0; i < K8S_N_KINDS; i++) {
        reflector_free(m->kinds[i].reflector);
        loop_timer_free(m->kinds[i].timer);
    }
    api_credentials_free(m->credentials);
    HMAP_FOR_EACH_SAFE(node, next, &m->objects) {
        mirror_drop(m, CONTAINER_OF(node, struct held, node));
    }
    hmap_done(&m->objects);
}

int main(int argc, char **argv)
{
    struct mirror m = {.loop = loop_new()};
    struct err err = {.code = 0};
    if (argc < 3) {
        fprintf(
            stderr,
            "mirror KUBECONFIG|in-cluster SOCKET [http1] [gzip] [stream] [crd] [json] [whole]\n");
        return 2;
    }
    auto_sbuf address = SBUF_INIT;
    sbuf_printf(&address, "unix:%s", argv[2]);
    struct http_server_config config = {.address = sbuf_cstr(&address)};
    hmap_init(&m.objects);
    struct loop_signal *term = loop_signal_new(m.loop, LOOP_SIGNAL_TERM, mirror_stop, m.loop);
    int rc = mirror_connect(&m, argv[1], argv + 3, &err);
    if (rc == 0) {
        rc = http_server_new(m.loop, &config, mirror_asked, &m, &m.server, &err);
    }
    if (rc == 0) {
        mirror_start(&m, argv + 3);
        loop_run(m.loop);
    } else {
        fprintf(stderr, "mirror: %s\n", err.text);
    }
    mirror_end(&m);
    loop_signal_free(term);
    loop_free(m.loop);
    return rc == 0 ? 0 : 1;
}
