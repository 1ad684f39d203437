/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTP/1.1 (RFC 9112) for the HTTP client, by http_parser: one call at a time on a connection.  A
 * call that is given up takes its connection with it, as there is no other way to stop the peer. */
#include <stdio.h>
#include <string.h>

#include <http_parser.h>

#include "core/base/mem.h"
#include "core/io/http_client_internal.h"

struct http1 {
    struct http_conn *conn;
    http_parser parser;
    struct http_call *call; /* NULL: none runs */
    struct sbuf out;
    struct sbuf name, value; /* of the field at hand, which may come in pieces */
    bool over;               /* too long a head */
};

static void *http1_open__(struct http_conn *conn)
{
    struct http1 *h = mem_calloc(1, sizeof *h);
    h->conn = conn;
    http_parser_init(&h->parser, HTTP_RESPONSE);
    h->parser.data = h;
    return h;
}

static void http1_close__(void *session)
{
    struct http1 *h = session;
    sbuf_done(&h->out);
    sbuf_done(&h->name);
    sbuf_done(&h->value);
    mem_free(h);
}

static bool http1_takes__(const void *session)
{
    const struct http1 *h = session;
    return !h->call;
}

/* ---- what goes out ---- */

static int http1_submit__(void *session, struct http_call *call, struct err *err)
{
    struct http1 *h = session;
    struct http_client *c = call->client;
    const struct http_credentials *credentials = &c->config.credentials;
    const char *token = credentials->bearer ? credentials->bearer(credentials->aux) : NULL;
    struct sbuf *out = &h->out;
    (void)err;
    sbuf_printf(out, "%s %s HTTP/1.1\r\nhost: %s\r\nuser-agent: %s\r\n", call->method, call->path,
                c->authority, c->user_agent);
    if (c->config.gzip) {
        sbuf_puts(out, "accept-encoding: gzip\r\n");
    }
    if (token) {
        sbuf_printf(out, "authorization: Bearer %s\r\n", token);
    }
    for (size_t i = 0; i < call->headers.n; i++) {
        sbuf_printf(out, "%s: %s\r\n", call->headers.v[i].name, call->headers.v[i].value);
    }
    if (call->body.len > 0 || strcmp(call->method, "GET") != 0) {
        sbuf_printf(out, "content-length: %zu\r\n", call->body.len);
    }
    sbuf_puts(out, "\r\n");
    sbuf_put(out, sbuf_cstr(&call->body), call->body.len);
    h->call = call;
    return 0;
}

static void http1_cancel__(void *session, struct http_call *call)
{
    struct http1 *h = session;
    (void)call;
    h->call = NULL;
    h->over = true;
    h->conn->draining = true; /* and ended as soon as nothing runs on it: now */
}

static int http1_output__(void *session, struct sbuf *out, struct err *err)
{
    struct http1 *h = session;
    (void)err;
    sbuf_put(out, sbuf_cstr(&h->out), h->out.len);
    sbuf_done(&h->out);
    return 0;
}

static void http1_ping__(void *session)
{
    (void)session; /* has none */
}

/* ---- what comes ---- */

static struct http_call *http1_call__(struct http1 *h)
{
    return h->conn->dead ? NULL : h->call;
}

/* The field that was collected is whole. */
static int http1_field_done__(struct http1 *h)
{
    struct http_call *call = http1_call__(h);
    bool ok =
        !call || call->headed || h->name.len == 0 ||
        http_call_field__(call, h->name.data, h->name.len, sbuf_cstr(&h->value), h->value.len);
    sbuf_clear(&h->name);
    sbuf_clear(&h->value);
    return ok ? 0 : -1;
}

static int http1_collect__(struct sbuf *to, const char *p, size_t n)
{
    if (to->len + n > HTTP_CLIENT_HEAD_LIMIT) {
        return -1;
    }
    sbuf_put(to, p, n);
    return 0;
}

/* Nobody asked: the parser stops. */
static int http1_begin_cb__(http_parser *p)
{
    struct http1 *h = p->data;
    return h->call ? 0 : -1;
}

static int http1_name_cb__(http_parser *p, const char *at, size_t n)
{
    struct http1 *h = p->data;
    if (h->value.len > 0 && http1_field_done__(h) != 0) {
        h->over = true;
        return -1;
    }
    h->over = http1_collect__(&h->name, at, n) != 0;
    return h->over ? -1 : 0;
}

static int http1_value_cb__(http_parser *p, const char *at, size_t n)
{
    struct http1 *h = p->data;
    h->over = http1_collect__(&h->value, at, n) != 0;
    return h->over ? -1 : 0;
}

static int http1_head_cb__(http_parser *p)
{
    struct http1 *h = p->data;
    struct http_call *call = http1_call__(h);
    if (http1_field_done__(h) != 0) {
        h->over = true;
        return -1;
    }
    if (!call) {
        return 0;
    }
    if (p->status_code < 200) {
        http_call_forget_head__(call);
        return p->status_code == 101 ? -1 : 1; /* nothing of that kind was asked for; no body */
    }
    call->status = (int)p->status_code;
    bool no_body = p->status_code == 204 || p->status_code == 304 || !strcmp(call->method, "HEAD");
    http_call_head__(call);
    return no_body ? 1 : 0;
}

static int http1_body_cb__(http_parser *p, const char *at, size_t n)
{
    struct http1 *h = p->data;
    struct http_call *call = http1_call__(h);
    if (call) {
        http_call_body__(call, at, n);
    }
    return 0;
}

static int http1_whole_cb__(http_parser *p)
{
    struct http1 *h = p->data;
    struct http_call *call = http1_call__(h);
    if (p->status_code < 200) {
        return 0;
    }
    if (!http_should_keep_alive(p) || h->out.len > 0) {
        h->conn->draining = true;
    }
    if (call) {
        h->call = NULL;
        http_call_whole__(call);
    }
    return 0;
}

static const http_parser_settings http1_settings = {
    .on_message_begin = http1_begin_cb__,
    .on_header_field = http1_name_cb__,
    .on_header_value = http1_value_cb__,
    .on_headers_complete = http1_head_cb__,
    .on_body = http1_body_cb__,
    .on_message_complete = http1_whole_cb__,
};

static int http1_input__(void *session, const void *p, size_t n, struct err *err)
{
    struct http1 *h = session;
    if (p) {
        http_conn_heard__(h->conn);
    }
    if (h->conn->draining && !h->call) {
        return 0; /* of a call that was given up */
    }
    http_parser_execute(&h->parser, &http1_settings, p ? p : "", n);
    enum http_errno e = HTTP_PARSER_ERRNO(&h->parser);
    if (h->conn->dead || h->conn->draining || e == HPE_OK || !p) {
        return 0; /* where the peer closed, its owner says so */
    }
    if (!h->call) {
        return err_set(err, ERR_PROTOCOL, "%s: a response to nothing", h->conn->peer);
    }
    if (h->over || e == HPE_HEADER_OVERFLOW) {
        return err_set(err, ERR_TOO_BIG, "%s: the response's headers are too long", h->conn->peer);
    }
    return err_set(err, ERR_PROTOCOL, "%s: HTTP/1.1: %s", h->conn->peer, http_errno_description(e));
}

const struct http_protocol http1_protocol = {
    .name = "http/1.1",
    .open = http1_open__,
    .close = http1_close__,
    .takes = http1_takes__,
    .submit = http1_submit__,
    .cancel = http1_cancel__,
    .input = http1_input__,
    .output = http1_output__,
    .ping = http1_ping__,
};
