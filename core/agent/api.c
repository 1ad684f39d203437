/* SPDX-License-Identifier: Apache-2.0
 *
 * The local API: HTTP/1.1 with JSON over the agent's socket; and the three pages for monitoring,
 * which --metrics-address serves too. */
#include <stdio.h>
#include <string.h>

#include "core/agent/agent_internal.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "platform/peer.h"
#include "platform/pipe.h"

enum { API_WAIT_MS = 30000, API_METRICS_CONNECTIONS = 32, API_CNI_LIMIT = 8 << 20 };

struct api_route {
    const char *method, *path;
    void (*serve)(struct agent *a, struct http_exchange *x);
};

/* A number of milliseconds in the query. */
static uint32_t api_ms(const struct http_exchange *x, const char *key, uint32_t otherwise)
{
    auto_sbuf text = SBUF_INIT;
    uint32_t ms = otherwise;
    return http_query(x, key, &text) && options_duration(sbuf_cstr(&text), &ms) ? ms : otherwise;
}

static void api_text(struct http_exchange *x, int status, const char *text)
{
    struct sbuf body = SBUF_INIT;
    sbuf_printf(&body, "%s\n", text);
    http_answer(x, status, "text/plain; charset=utf-8", &body);
}

static void api_healthz(struct agent *a, struct http_exchange *x)
{
    (void)a;
    api_text(x, 200, "ok");
}

static void api_readyz(struct agent *a, struct http_exchange *x)
{
    wait_look(a);
    api_text(x, a->ready ? 200 : 503, a->ready ? "ok" : a->why);
}

static void api_metrics(struct agent *a, struct http_exchange *x)
{
    struct sbuf body = SBUF_INIT;
    api_metrics_format(a, &body);
    http_answer(x, 200, "text/plain; version=0.0.4; charset=utf-8", &body);
}

static void api_status(struct agent *a, struct http_exchange *x)
{
    uint32_t wait_ms = api_ms(x, "wait", 0);
    wait_look(a);
    if (wait_ms && !a->ready) {
        wait_status(a, x, wait_ms);
        return;
    }
    struct sbuf body = SBUF_INIT;
    api_status_format(a, &body);
    http_answer(x, 200, "application/json", &body);
}

static void api_sync(struct agent *a, struct http_exchange *x)
{
    wait_sync(a, x, api_ms(x, "timeout", API_WAIT_MS));
}

static void api_recompute(struct agent *a, struct http_exchange *x)
{
    struct sbuf body = SBUF_INIT;
    auto_sbuf report = SBUF_INIT;
    size_t n = agent_recompute(a, &report);
    sbuf_printf(&body, "{\"differences\":%zu,\"report\":", n);
    sbuf_put_json(&body, sbuf_cstr(&report));
    sbuf_puts(&body, "}\n");
    http_answer(x, 200, "application/json", &body);
}

/* ---- CNI ---- */
struct api_cni {
    struct agent *a;
    struct http_exchange *x; /* NULL: the client went away */
    struct attach_call *call;
};

static void api_cni_reply(void *aux, const struct attach_reply *reply)
{
    struct api_cni *c = aux;
    if (reply->status != 200 && attach_pool_exhausted(c->a->attach)) {
        agent_source_node_event(c->a, "AddressesExhausted", "AttachPod",
                                "no address is left in spec.podCIDRs: no Pod can start here");
    }
    if (c->x) {
        struct sbuf body = SBUF_INIT;
        sbuf_put(&body, reply->body, reply->n);
        http_answer(c->x, reply->status, "application/json", &body);
    }
    mem_free(c);
}

static void api_cni_abandoned(void *aux)
{
    struct api_cni *c = aux;
    attach_abandon(c->call);
    mem_free(c);
}

static void api_cni(struct agent *a, struct http_exchange *x)
{
    size_t n = 0;
    const char *body = http_body(x, &n);
    struct api_cni *c = mem_calloc(1, sizeof *c);
    c->a = a;
    c->x = x;
    http_on_abandon(x, api_cni_abandoned, c);
    c->call = attach_request(a->attach, body, n, api_cni_reply, c);
}

static const struct api_route api_routes[] = {
    {"POST", "/v1/cni", api_cni},   {"GET", "/v1/status", api_status},
    {"POST", "/v1/sync", api_sync}, {"POST", "/v1/recompute", api_recompute},
    {"GET", "/v1/why", api_why},
};
static const struct api_route api_pages[] = {
    {"GET", "/healthz", api_healthz},
    {"GET", "/readyz", api_readyz},
    {"GET", "/metrics", api_metrics},
};

/* ---- serving ---- */
static bool api_serve_table(struct agent *a, struct http_exchange *x,
                            const struct api_route *routes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(routes[i].path, http_path(x)) != 0) {
            continue;
        }
        if (strcmp(routes[i].method, http_method(x)) != 0) {
            http_answer_error(x, 405, "%s: use %s", http_path(x), routes[i].method);
        } else {
            routes[i].serve(a, x);
        }
        return true;
    }
    return false;
}

static void api_serve(void *aux, struct http_exchange *x)
{
    struct agent *a = aux;
    static const char prefix[] = "/v1/get/";
    if (api_serve_table(a, x, api_routes, ARRAY_LEN(api_routes)) ||
        api_serve_table(a, x, api_pages, ARRAY_LEN(api_pages))) {
        return;
    }
    if (strncmp(http_path(x), prefix, sizeof prefix - 1) == 0 &&
        strcmp(http_method(x), "GET") == 0) {
        api_get(a, x, http_path(x) + sizeof prefix - 1);
        return;
    }
    http_answer_error(x, 404, "%s: no such path", http_path(x));
}

static void api_serve_pages(void *aux, struct http_exchange *x)
{
    if (!api_serve_table(aux, x, api_pages, ARRAY_LEN(api_pages))) {
        http_answer_error(x, 404, "%s: no such path", http_path(x));
    }
}

static void api_rejected(void *aux, const struct err *why)
{
    (void)aux;
    log_msg(LOG_AREA_API, LOG_WARN, "turned away: %s", why->text);
}

int api_start(struct agent *a, struct err *err)
{
    auto_sbuf address = SBUF_INIT, metrics = SBUF_INIT;
    sbuf_printf(&address, "%s:%s", pipe_is_native() ? "pipe" : "unix", a->o->socket);
    struct http_server_config local = {.address = address.data,
                                       .peer_check = peer_check_root,
                                       .rejected = api_rejected,
                                       .body_limit = API_CNI_LIMIT};
    int rc = http_server_new(a->loop, &local, api_serve, a, &a->api, err);
    if (rc < 0) {
        return err_wrap(err, "--socket");
    }
    if (!a->o->metrics_address[0]) {
        return 0;
    }
    sbuf_printf(&metrics, "tcp:%s", a->o->metrics_address);
    struct http_server_config pages = {.address = metrics.data,
                                       .rejected = api_rejected,
                                       .max_connections = API_METRICS_CONNECTIONS};
    rc = http_server_new(a->loop, &pages, api_serve_pages, a, &a->metrics, err);
    return rc < 0 ? err_wrap(err, "--metrics-address") : 0;
}

void api_stop(struct agent *a)
{
    if (a->api) {
        http_server_stop(a->api);
    }
    if (a->metrics) {
        http_server_stop(a->metrics);
    }
}

void api_end(struct agent *a)
{
    http_server_free(a->api);
    http_server_free(a->metrics);
    a->api = NULL;
    a->metrics = NULL;
}
