/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/io/http_world.h"

#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "tests/support/certs.h"
#include "tests/support/os.h"
#include "tests/support/pace.h"

static char dir[128]; /* certificates: made once */

/* ---- the server ---- */

static void on_request(void *aux, struct h2_exchange *x)
{
    struct world *w = aux;
    assert_true(w->n_requests < REQUESTS);
    w->requests[w->n_requests++] = x;
    if (w->on_request)
        w->on_request(w, x);
}

void answer_hello(struct world *w, struct h2_exchange *x)
{
    static const char *const headers[] = {"content-type", "text/plain", NULL};
    (void)w;
    sbuf_puts(&x->out, "hello");
    x->out_end = true;
    h2_head(x, 200, headers);
}

void start_server_at(struct world *w, uint16_t port)
{
    w->server.request = on_request;
    w->server.aux = w;
    h2_server_start_at(&w->server, w->loop, &w->tls, port);
    snprintf(w->url, sizeof w->url, "https://127.0.0.1:%u", w->server.port);
}

/* ---- the client ---- */

static int give_tls(void *aux, struct stream_tls *out, struct err *err)
{
    struct world *w = aux;
    (void)err;
    w->n_tls++;
    out->ca_file = w->client_ca;
    return 0;
}

static const char *give_token(void *aux)
{
    return ((struct world *)aux)->token;
}

static void on_refused(void *aux)
{
    ((struct world *)aux)->n_refused++;
}

struct http_client_config config_of(struct world *w)
{
    return (struct http_client_config){
        .server = w->url,
        .credentials = {give_tls, give_token, on_refused, w},
    };
}

void start_client(struct world *w, const struct http_client_config *config)
{
    struct err err;
    if (http_client_new(w->loop, config, &w->client, &err) != 0)
        fail_msg("%s", err.text);
}

void start(struct world *w)
{
    struct http_client_config config;
    start_server_at(w, 0);
    config = config_of(w);
    start_client(w, &config);
}

/* ---- a call's owner ---- */

static void act(struct heard *h, int what)
{
    static const struct http_request again = {.method = "GET", .path = "/again"};
    switch (what) {
    case CANCEL_IT:
        http_call_cancel(h->call);
        h->call = NULL;
        break;
    case CANCEL_OTHER:
        http_call_cancel(h->other->call);
        h->other->call = NULL;
        break;
    case FREE_CLIENT:
        http_client_free(h->w->client);
        h->w->client = NULL;
        h->call = NULL;
        break;
    case CALL_AGAIN:
        h->other->w = h->w;
        h->other->call = http_client_call(h->w->client, &again, &heard_events, h->other);
        break;
    default:
        break;
    }
}

static void on_head(void *aux, const struct http_head *head)
{
    struct heard *h = aux;
    assert_non_null(h->call);
    assert_int_equal(h->n_heads++, 0);
    assert_int_equal(h->n_ends, 0);
    h->status = head->status;
    h->retry_after_s = head->retry_after_s;
    snprintf(h->type, sizeof h->type, "%s", head->content_type);
    act(h, h->on_head);
}

static void on_data(void *aux, const void *p, size_t n)
{
    struct heard *h = aux;
    assert_non_null(h->call);
    assert_true(n > 0);
    assert_int_equal(h->n_heads, 1);
    assert_int_equal(h->n_ends, 0);
    h->n_data++;
    sbuf_put(&h->data, p, n);
    act(h, h->on_data);
}

static void on_end(void *aux, const struct err *why)
{
    struct heard *h = aux;
    assert_non_null(h->call);
    assert_int_equal(h->n_ends++, 0);
    h->call = NULL;
    h->code = why ? why->code : 0;
    assert_true(!why || (why->code < 0 && why->text[0]));
    assert_true(why || h->n_heads == 1);
    snprintf(h->text, sizeof h->text, "%s", why ? why->text : "");
    act(h, h->on_end);
}

const struct http_call_events heard_events = {on_head, on_data, on_end};

struct heard *send_request(struct world *w, size_t i, const struct http_request *request)
{
    struct heard *h = &w->calls[i];
    h->w = w;
    h->call = http_client_call(w->client, request, &heard_events, h);
    assert_int_equal(h->n_heads + h->n_ends, 0); /* never from within the call */
    return h;
}

struct heard *get(struct world *w, size_t i, const char *path)
{
    return send_request(w, i, &(struct http_request){.method = "GET", .path = path});
}

/* ---- waiting ---- */

void run_for(struct world *w, int ms)
{
    pace_run(w->loop, ms);
}

bool write_pieces(struct heard *h, int silence_ms, loop_fn *write, void *aux)
{
    struct loop *l = h->w->loop;
    int64_t last = loop_now(l), longest = 0;
    for (int i = 0; i < PIECES && !h->n_ends; i++) {
        run_for(h->w, silence_ms / (PIECES - 1));
        if (!h->n_ends)
            write(aux);
        int64_t now = loop_now(l);
        longest = now - last > longest ? now - last : longest;
        last = now;
    }
    return longest < silence_ms;
}

void expect_end(struct heard *h, int code)
{
    RUN_UNTIL(h->w, h->n_ends == 1);
    if (h->code != code)
        fail_msg("ended with %s: %s", err_name(h->code), h->text);
}

void expect_whole(struct heard *h, int status, const char *body)
{
    expect_end(h, 0);
    assert_int_equal(h->status, status);
    assert_string_equal(sbuf_cstr(&h->data), body);
}

void forget(struct heard *h)
{
    http_call_cancel(h->call);
    sbuf_done(&h->data);
    memset(h, 0, sizeof *h);
}

/* ---- begin and end ---- */

int make_certificates(void **state)
{
    (void)state;
    assert_int_equal(os_temp_dir(dir, sizeof dir), 0);
    struct certs c = {.dir = dir};
    assert_true(certs_authority(&c, "ca"));
    assert_true(certs_authority(&c, "other"));
    assert_true(certs_issue_for(&c, "ca", "server", "DNS:localhost,IP:127.0.0.1"));
    return 0;
}

int remove_certificates(void **state)
{
    (void)state;
    os_remove_tree(dir);
    return 0;
}

int setup(void **state)
{
    struct world *w = mem_calloc(1, sizeof *w);
    w->loop = loop_new();
    snprintf(w->ca, sizeof w->ca, "%s/ca.pem", dir);
    snprintf(w->cert, sizeof w->cert, "%s/server.pem", dir);
    snprintf(w->key, sizeof w->key, "%s/server.key", dir);
    snprintf(w->other_ca, sizeof w->other_ca, "%s/other.pem", dir);
    w->tls = (struct stream_tls){.ca_file = w->ca,
                                 .cert_file = w->cert,
                                 .key_file = w->key,
                                 .protocols = "h2",
                                 .client_certificate_optional = true};
    w->client_ca = w->ca;
    w->on_request = answer_hello;
    *state = w;
    return 0;
}

int teardown(void **state)
{
    struct world *w = *state;
    http_client_free(w->client);
    h2_server_stop(&w->server);
    for (size_t i = 0; i < CALLS; i++)
        sbuf_done(&w->calls[i].data);
    sbuf_done(&w->body);
    loop_free(w->loop);
    mem_free(w);
    return 0;
}
