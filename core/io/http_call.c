/* SPDX-License-Identifier: Apache-2.0
 *
 * One call: see http_client_internal.h.  Protocols put in what they read; here it becomes the
 * owner's events, within the limits of size and time that the request set. */
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/io/http_client_internal.h"

enum { HTTP_GUNZIP_SIZE = 32 << 10, HTTP_RETRY_AFTER_MAX = 3600 };

static void http_call_timer__(void *aux);

/* ---- the request's copy ---- */

/* May it stand in a request line or in a field?  'least' is the smallest byte that may. */
static bool http_is_clean__(const char *s, unsigned char least)
{
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if ((c < least && c != '\t') || c == 0x7f) {
            return false;
        }
    }
    return true;
}

static void http_call_copy__(struct http_call *call, const struct http_request *request)
{
    struct sbuf path = SBUF_INIT;
    sbuf_printf(&path, "%s%s", call->client->prefix, request->path);
    call->path = sbuf_take(&path);
    call->method = mem_strdup(request->method);
    call->invalid = request->path[0] != '/' || !http_is_clean__(call->path, 0x21) ||
                    strchr(call->path, '\t') || request->body_len > HTTP_CLIENT_BODY_LIMIT;
    for (size_t i = 0; i < request->n_headers; i++) {
        struct http_header h = {mem_strdup(request->headers[i].name),
                                mem_strdup(request->headers[i].value)};
        call->invalid = call->invalid || !http_is_clean__(h.value, 0x20);
        VEC_PUSH(&call->headers, h);
    }
    if (request->body_len > 0 && !call->invalid) {
        sbuf_put(&call->body, request->body, request->body_len);
    }
}

struct http_call *http_call_new__(struct http_client *c, const struct http_request *request,
                                  const struct http_call_events *events, void *aux)
{
    struct http_call *call = mem_calloc(1, sizeof *call);
    call->client = c;
    call->events = events;
    call->aux = aux;
    call->body_limit = request->body_limit;
    call->silence_ms = request->silence_ms;
    call->timer = loop_limit_new(c->loop, http_call_timer__, call);
    http_call_copy__(call, request);
    loop_timer_after(call->timer, request->head_ms ? request->head_ms : HTTP_CLIENT_HEAD_MS);
    return call;
}

/* ---- life ---- */

void http_call_link__(struct http_call *call, struct http_call **list)
{
    while (*list) {
        list = &(*list)->next; /* first come, first served; lists are short */
    }
    call->next = NULL;
    call->link = list;
    *list = call;
}

void http_call_unlink__(struct http_call *call)
{
    if (call->link) {
        *call->link = call->next;
        if (call->next) {
            call->next->link = call->link;
        }
        call->link = NULL;
    }
}

static void http_call_free__(struct http_call *call)
{
    for (size_t i = 0; i < call->headers.n; i++) {
        union {
            const char *text;
            void *own;
        } name = {.text = call->headers.v[i].name}, value = {.text = call->headers.v[i].value};
        mem_free(name.own);
        mem_free(value.own);
    }
    VEC_DONE(&call->headers);
    mem_free(call->method);
    mem_free(call->path);
    sbuf_done(&call->body);
    http_gunzip_free(call->gunzip);
    if (call->dispose) {
        call->dispose(call->aux);
    }
    mem_free(call);
}

/* Takes it from everybody; freed at once, or when its events have returned. */
static void http_call_detach__(struct http_call *call)
{
    struct http_conn *conn = call->conn;
    call->over = true;
    call->conn = NULL;
    http_call_unlink__(call);
    loop_timer_free(call->timer);
    call->timer = NULL;
    if (conn) {
        http_conn_less__(conn);
    }
}

static void http_call_leave__(struct http_call *call)
{
    if (--call->busy == 0 && call->over) {
        http_call_free__(call);
    }
}

void http_call_drop__(struct http_call *call)
{
    call->busy++;
    http_call_detach__(call);
    http_call_leave__(call);
}

void http_call_end__(struct http_call *call, const struct err *why)
{
    call->busy++;
    http_call_detach__(call);
    if (call->events->end) {
        call->events->end(call->aux, why);
    }
    http_call_leave__(call);
}

static void http_call_withdraw__(struct http_call *call)
{
    if (call->conn && !call->conn->dead) {
        call->conn->protocol->cancel(call->conn->session, call);
        http_conn_send__(call->conn);
    }
}

void http_call_fail__(struct http_call *call, const struct err *why)
{
    http_call_withdraw__(call);
    http_call_end__(call, why);
}

void http_call_cancel(struct http_call *call)
{
    if (call) {
        http_call_withdraw__(call);
        http_call_drop__(call);
    }
}

/* ---- time ---- */

static void http_call_timer__(void *aux)
{
    struct http_call *call = aux;
    struct err why;
    int64_t left = call->headed ? call->heard + call->silence_ms - loop_now(call->client->loop) : 0;
    if (left > 0) {
        loop_timer_after(call->timer, left);
        return;
    }
    err_set(&why, ERR_TIMEOUT, "%s: %s", call->client->server,
            call->headed ? "the response does not go on"
            : call->conn ? "no response in time"
                         : "no connection in time");
    if (!call->conn && call->client->failure.code != 0) {
        err_set(&why, ERR_TIMEOUT, "no connection in time: %s", call->client->failure.text);
    }
    http_call_fail__(call, &why);
}

static void http_call_heard__(struct http_call *call)
{
    if (call->silence_ms) {
        call->heard = loop_now(call->client->loop);
    }
}

/* ---- the head ---- */

static bool http_is__(const char *p, size_t n, const char *word)
{
    if (n != strlen(word)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        char c = p[i] >= 'A' && p[i] <= 'Z' ? (char)(p[i] + 32) : p[i];
        if (c != word[i]) {
            return false;
        }
    }
    return true;
}

static void http_retry_after__(struct http_call *call, const char *p, size_t n)
{
    unsigned v = 0;
    for (size_t i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9') {
            return; /* a date */
        }
        v = v * 10 + (unsigned)(p[i] - '0');
        v = v < HTTP_RETRY_AFTER_MAX ? v : HTTP_RETRY_AFTER_MAX;
    }
    call->retry_after_s = v;
}

bool http_call_field__(struct http_call *call, const char *name, size_t n, const char *value,
                       size_t m)
{
    call->head_bytes += n + m;
    if (call->head_bytes > HTTP_CLIENT_HEAD_LIMIT) {
        return false;
    }
    if (http_is__(name, n, "content-type")) {
        m = m < sizeof call->content_type ? m : sizeof call->content_type - 1;
        memcpy(call->content_type, value, m);
        call->content_type[m] = '\0';
    } else if (http_is__(name, n, "content-encoding")) {
        call->coding = http_is__(value, m, "gzip")       ? HTTP_CODING_GZIP
                       : http_is__(value, m, "identity") ? HTTP_CODING_NONE
                                                         : HTTP_CODING_OTHER;
    } else if (http_is__(name, n, "retry-after")) {
        http_retry_after__(call, value, m);
    }
    return true;
}

void http_call_forget_head__(struct http_call *call)
{
    call->status = 0;
    call->head_bytes = 0;
    call->content_type[0] = '\0';
    call->coding = HTTP_CODING_NONE;
    call->retry_after_s = 0;
}

void http_call_head__(struct http_call *call)
{
    struct http_client *c = call->client;
    call->headed = true;
    call->conn->proven = true;
    http_client_proven__(c);
    if (call->silence_ms) {
        call->heard = loop_now(c->loop);
        loop_timer_after(call->timer, call->silence_ms);
    } else {
        loop_timer_cancel(call->timer);
    }
    if (call->status == 401 && c->config.credentials.refused) {
        c->config.credentials.refused(c->config.credentials.aux);
    }
    if (call->coding == HTTP_CODING_GZIP) {
        call->gunzip = http_gunzip_new();
    }
    struct http_head head = {call->status, call->retry_after_s, call->content_type};
    if (call->events->head) {
        call->busy++;
        call->events->head(call->aux, &head);
        http_call_leave__(call);
    }
}

/* ---- the body ---- */

/* The owner gets bytes; false: the call is over.  Called while busy. */
static bool http_call_give__(struct http_call *call, const void *p, size_t n)
{
    struct err why;
    call->body_bytes += n;
    if (call->body_limit && call->body_bytes > call->body_limit) {
        err_set(&why, ERR_TOO_BIG, "%s: the response is longer than %llu bytes",
                call->client->server, (unsigned long long)call->body_limit);
        http_call_fail__(call, &why);
    } else if (call->events->data) {
        call->events->data(call->aux, p, n);
    }
    return !call->over;
}

static void http_call_inflate__(struct http_call *call, const void *p, size_t n)
{
    struct http_client *c = call->client;
    struct err why;
    int got;
    if (!c->gunzip_buf) {
        c->gunzip_buf = mem_alloc(HTTP_GUNZIP_SIZE);
    }
    http_gunzip_feed(call->gunzip, p, n);
    while ((got = http_gunzip_read(call->gunzip, c->gunzip_buf, HTTP_GUNZIP_SIZE, &why)) > 0) {
        if (!http_call_give__(call, c->gunzip_buf, (size_t)got)) {
            return;
        }
    }
    if (got < 0) {
        err_wrap(&why, "%s", c->server);
        http_call_fail__(call, &why);
    }
}

void http_call_body__(struct http_call *call, const void *p, size_t n)
{
    struct http_client *c = call->client;
    struct err why;
    if (n == 0) {
        return;
    }
    http_call_heard__(call);
    call->busy++;
    if (call->coding == HTTP_CODING_OTHER) {
        err_set(&why, ERR_PROTOCOL, "%s: the response is coded in a way not asked for", c->server);
        http_call_fail__(call, &why);
    } else if (call->gunzip) {
        http_call_inflate__(call, p, n);
    } else {
        http_call_give__(call, p, n);
    }
    http_call_leave__(call);
}

void http_call_whole__(struct http_call *call)
{
    struct err why;
    if (call->gunzip && !http_gunzip_is_whole(call->gunzip)) {
        err_set(&why, ERR_PROTOCOL, "%s: the compressed response is cut off", call->client->server);
        http_call_end__(call, &why);
        return;
    }
    http_call_end__(call, NULL);
}
