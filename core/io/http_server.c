/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTP server: see http_server.h.  A connection is in one of three states: reading a request,
 * waiting for its handler's answer, sending the answer.  Bytes that come while it is not reading
 * (pipelined requests) are kept up to a limit and read afterwards. */
#include "core/io/http_server.h"

#include <http_parser.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"

enum {
    HTTP_CHUNK = 256 << 10,    /* an answer is queued in pieces of this size */
    HTTP_AHEAD_MAX = 64 << 10, /* bytes that may come before they can be read */
};

enum http_state { HTTP_READING, HTTP_WAITING, HTTP_SENDING, HTTP_DEAD };

struct http_exchange {
    struct http_server *server;
    struct http_exchange *next, **link; /* of the server's connections */
    struct stream *stream;
    struct loop_timer *timer;
    http_parser parser;
    enum http_state state;
    bool keep_alive;
    int refuse; /* status to answer a bad request with, 0: none */
    struct sbuf ahead, target, body;
    size_t n_path; /* bytes of the path in 'target' */
    loop_fn *abandoned;
    void *abandoned_aux;
    struct sbuf answer;
    size_t sent; /* bytes of 'answer' that were queued */
};

struct http_server {
    struct loop *loop;
    struct stream_listener *listener;
    struct http_exchange *connections;
    http_handler_fn *handler;
    void *aux;
    size_t body_limit;
    bool stopped;
};

static void http_read__(struct http_exchange *x);

/* ---- life of a connection ---- */
static void http_free__(struct http_exchange *x)
{
    *x->link = x->next;
    if (x->next) {
        x->next->link = x->link;
    }
    stream_close(x->stream);
    loop_timer_free(x->timer);
    sbuf_done(&x->ahead);
    sbuf_done(&x->target);
    sbuf_done(&x->body);
    sbuf_done(&x->answer);
    mem_free(x);
}

/* Ends a connection and tells the handler's side, if that still has it. */
static void http_end__(struct http_exchange *x)
{
    loop_fn *abandoned = x->state == HTTP_WAITING ? x->abandoned : NULL;
    void *aux = x->abandoned_aux;
    x->state = HTTP_DEAD;
    http_free__(x);
    if (abandoned) {
        abandoned(aux);
    }
}

static void http_timeout__(void *aux)
{
    http_end__(aux);
}

static void http_next_request__(struct http_exchange *x)
{
    sbuf_clear(&x->target);
    sbuf_clear(&x->body);
    sbuf_done(&x->answer);
    x->sent = 0;
    x->refuse = 0;
    x->abandoned = NULL;
    x->state = HTTP_READING;
    loop_timer_after(x->timer, HTTP_IDLE_MS);
}

/* ---- sending ---- */
static void http_send__(struct http_exchange *x)
{
    size_t left = x->answer.len - x->sent;
    size_t n = left < HTTP_CHUNK ? left : HTTP_CHUNK;
    if (n) {
        if (stream_write(x->stream, x->answer.data + x->sent, n) < 0) {
            http_end__(x);
            return;
        }
        x->sent += n;
        loop_timer_after(x->timer, HTTP_SEND_MS);
        return;
    }
    if (!x->keep_alive || x->server->stopped) {
        http_end__(x);
        return;
    }
    http_next_request__(x);
    stream_resume(x->stream);
    http_read__(x);
}

static void http_drained__(void *aux)
{
    struct http_exchange *x = aux;
    if (x->state == HTTP_SENDING) {
        http_send__(x);
    }
}

void http_answer(struct http_exchange *x, int status, const char *content_type, struct sbuf *body)
{
    const char *reason = http_status_str((enum http_status)status);
    struct sbuf head = SBUF_INIT;
    sbuf_printf(&head, "HTTP/1.1 %d %s\r\n", status, reason);
    if (content_type) {
        sbuf_printf(&head, "Content-Type: %s\r\n", content_type);
    }
    sbuf_printf(&head, "Content-Length: %zu\r\nConnection: %s\r\n\r\n", body ? body->len : 0,
                x->keep_alive ? "keep-alive" : "close");
    if (body && x->parser.method != HTTP_HEAD) {
        sbuf_put(&head, sbuf_cstr(body), body->len);
    }
    if (body) {
        sbuf_done(body);
    }
    x->answer = head;
    x->state = HTTP_SENDING;
    http_send__(x);
}

void http_answer_error(struct http_exchange *x, int status, const char *fmt, ...)
{
    struct sbuf text = SBUF_INIT, body = SBUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    sbuf_vprintf(&text, fmt, ap);
    va_end(ap);
    sbuf_puts(&body, "{\"error\":");
    sbuf_put_json(&body, text.data);
    sbuf_puts(&body, "}\n");
    sbuf_done(&text);
    http_answer(x, status, "application/json", &body);
}

/* ---- reading ---- */
/* Notes why a request is refused; the parser stops. */
static int http_refuse__(struct http_exchange *x, int status)
{
    x->refuse = status;
    return -1;
}

static int http_begin_cb__(http_parser *p)
{
    struct http_exchange *x = p->data;
    loop_timer_after(x->timer, HTTP_REQUEST_MS);
    return 0;
}

static int http_url_cb__(http_parser *p, const char *at, size_t n)
{
    struct http_exchange *x = p->data;
    if (x->target.len + n > HTTP_TARGET_LIMIT) {
        return http_refuse__(x, 414);
    }
    sbuf_put(&x->target, at, n);
    return 0;
}

static int http_head_cb__(http_parser *p)
{
    struct http_exchange *x = p->data;
    bool sized = (p->flags & F_CONTENTLENGTH) != 0;
    return sized && p->content_length > x->server->body_limit ? http_refuse__(x, 413) : 0;
}

static int http_body_cb__(http_parser *p, const char *at, size_t n)
{
    struct http_exchange *x = p->data;
    if (x->body.len + n > x->server->body_limit) {
        return http_refuse__(x, 413);
    }
    sbuf_put(&x->body, at, n);
    return 0;
}

static int http_whole_cb__(http_parser *p)
{
    struct http_exchange *x = p->data;
    x->keep_alive = http_should_keep_alive(p) != 0;
    x->state = HTTP_WAITING;
    http_parser_pause(p, 1);
    return 0;
}

static const http_parser_settings http_settings = {
    .on_message_begin = http_begin_cb__,
    .on_url = http_url_cb__,
    .on_headers_complete = http_head_cb__,
    .on_body = http_body_cb__,
    .on_message_complete = http_whole_cb__,
};

/* The path and the query; only origin-form targets. */
static bool http_split_target__(struct http_exchange *x)
{
    const char *target = sbuf_cstr(&x->target);
    if (target[0] != '/' || strlen(target) != x->target.len) {
        return false;
    }
    char *query = strchr(x->target.data, '?');
    x->n_path = query ? (size_t)(query - x->target.data) : x->target.len;
    if (query) {
        *query = '\0';
    }
    return true;
}

static void http_dispatch__(struct http_exchange *x)
{
    loop_timer_cancel(x->timer);
    sbuf_cstr(&x->body);
    if (!http_split_target__(x)) {
        http_answer_error(x, 400, "the request's target is not a path");
    } else if (x->server->stopped) {
        http_answer_error(x, 503, "going down");
    } else {
        x->server->handler(x->server->aux, x);
    }
}

static void http_bad__(struct http_exchange *x)
{
    enum http_errno e = HTTP_PARSER_ERRNO(&x->parser);
    int status = x->refuse ? x->refuse : e == HPE_HEADER_OVERFLOW ? 431 : 400;
    x->keep_alive = false;
    x->state = HTTP_WAITING;
    sbuf_clear(&x->ahead);
    http_answer_error(x, status, "%s",
                      x->refuse ? "the request is too long" : http_errno_description(e));
}

/* Reads from what came ahead until a request is whole or no bytes are left. */
static void http_read__(struct http_exchange *x)
{
    if (x->state != HTTP_READING || x->ahead.len == 0) {
        return;
    }
    size_t n = http_parser_execute(&x->parser, &http_settings, x->ahead.data, x->ahead.len);
    enum http_errno e = HTTP_PARSER_ERRNO(&x->parser);
    if (x->state == HTTP_WAITING && (e == HPE_PAUSED || e == HPE_OK)) {
        if (e == HPE_PAUSED) {
            http_parser_pause(&x->parser, 0);
        }
        sbuf_pull(&x->ahead, n < x->ahead.len ? n : x->ahead.len);
        if (x->parser.upgrade) {
            x->refuse = 400;
            http_bad__(x);
            return;
        }
        http_dispatch__(x);
    } else if (e != HPE_OK) {
        http_bad__(x);
    } else {
        sbuf_clear(&x->ahead);
    }
}

static void http_input__(void *aux, const void *p, size_t n)
{
    struct http_exchange *x = aux;
    sbuf_put(&x->ahead, p, n);
    if (x->state == HTTP_READING) {
        http_read__(x);
    } else if (x->ahead.len > HTTP_AHEAD_MAX) {
        stream_pause(x->stream);
    }
}

static void http_closed__(void *aux, const struct err *why)
{
    (void)why;
    http_end__(aux);
}

static const struct stream_events http_events = {
    .input = http_input__,
    .drained = http_drained__,
    .closed = http_closed__,
};

static void http_accept__(void *aux, struct stream *stream)
{
    struct http_server *s = aux;
    struct http_exchange *x = mem_calloc(1, sizeof *x);
    x->server = s;
    x->stream = stream;
    x->timer = loop_limit_new(s->loop, http_timeout__, x);
    x->next = s->connections;
    x->link = &s->connections;
    if (x->next) {
        x->next->link = &x->next;
    }
    s->connections = x;
    http_parser_init(&x->parser, HTTP_REQUEST);
    x->parser.data = x;
    loop_timer_after(x->timer, HTTP_IDLE_MS);
    stream_set_events(stream, &http_events, x);
}

/* ---- the server ---- */
int http_server_new(struct loop *l, const struct http_server_config *config,
                    http_handler_fn *handler, void *aux, struct http_server **out, struct err *err)
{
    struct http_server *s = mem_calloc(1, sizeof *s);
    s->loop = l;
    s->handler = handler;
    s->aux = aux;
    s->body_limit = config->body_limit ? config->body_limit : HTTP_BODY_LIMIT;
    struct stream_listen_config listen = {
        .address = config->address,
        .peer_check = config->peer_check,
        .rejected = config->rejected,
        .max_connections = config->max_connections,
    };
    http_parser_set_max_header_size(HTTP_HEAD_LIMIT);
    int rc = stream_listen(l, &listen, http_accept__, s, &s->listener, err);
    if (rc < 0) {
        mem_free(s);
        return rc;
    }
    *out = s;
    return 0;
}

void http_server_stop(struct http_server *s)
{
    stream_listener_close(s->listener);
    s->listener = NULL;
    s->stopped = true;
}

void http_server_free(struct http_server *s)
{
    if (!s) {
        return;
    }
    http_server_stop(s);
    while (s->connections) {
        http_end__(s->connections);
    }
    mem_free(s);
}

uint16_t http_server_port(const struct http_server *s)
{
    return stream_listener_port(s->listener);
}

/* ---- the request ---- */
const char *http_method(const struct http_exchange *x)
{
    return http_method_str((enum http_method)x->parser.method);
}

const char *http_path(const struct http_exchange *x)
{
    return x->target.data;
}

const char *http_body(const struct http_exchange *x, size_t *n_out)
{
    *n_out = x->body.len;
    return x->body.data;
}

static int http_hex__(char c)
{
    const char *digits = "0123456789abcdef", *at;
    char lower = c >= 'A' && c <= 'F' ? (char)(c + 32) : c;
    at = lower ? strchr(digits, lower) : NULL;
    return at ? (int)(at - digits) : -1;
}

static bool http_decode__(const char *p, size_t n, struct sbuf *out)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] != '%') {
            sbuf_putc(out, p[i] == '+' ? ' ' : p[i]);
            continue;
        }
        int high = i + 2 < n ? http_hex__(p[i + 1]) : -1;
        int low = i + 2 < n ? http_hex__(p[i + 2]) : -1;
        if (high < 0 || low < 0 || (high == 0 && low == 0)) {
            return false;
        }
        sbuf_putc(out, (char)(high << 4 | low));
        i += 2;
    }
    return true;
}

bool http_query(const struct http_exchange *x, const char *key, struct sbuf *out)
{
    size_t n_key = strlen(key);
    sbuf_clear(out);
    if (x->n_path >= x->target.len) {
        return false;
    }
    for (const char *p = x->target.data + x->n_path + 1; *p;) {
        size_t n = strcspn(p, "&");
        if (n > n_key && strncmp(p, key, n_key) == 0 && p[n_key] == '=') {
            return http_decode__(p + n_key + 1, n - n_key - 1, out);
        }
        p += n + (p[n] == '&');
    }
    return false;
}

void http_on_abandon(struct http_exchange *x, loop_fn *abandoned, void *aux)
{
    x->abandoned = abandoned;
    x->abandoned_aux = aux;
}
