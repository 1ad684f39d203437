/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTP/2 (RFC 9113) for the HTTP client, by nghttp2 over memory.  A stream's user data is its call,
 * NULL once the call is gone: whatever comes for it then is not looked at.
 *
 * Windows: what comes is used up before the next bytes are read, so they bound nothing here but how
 * much may be under way, and are wide. */
#include <string.h>

#include <nghttp2/nghttp2.h>

#include "core/base/mem.h"
#include "core/io/http_client_internal.h"

enum {
    HTTP2_STREAM_WINDOW = 4 << 20,
    HTTP2_WINDOW = 16 << 20,
    HTTP2_OUTPUT = 64 << 10, /* bytes made at a time */
    HTTP2_FIELDS = 8,        /* of ours in a request, at most */
};

struct http2 {
    nghttp2_session *session;
    struct http_conn *conn;
};

/* ---- nghttp2's memory is ours ---- */

static void *http2_malloc__(size_t n, void *aux)
{
    (void)aux;
    return mem_alloc(n);
}

static void http2_free__(void *p, void *aux)
{
    (void)aux;
    mem_free(p);
}

static void *http2_calloc__(size_t n, size_t size, void *aux)
{
    (void)aux;
    return mem_calloc(n, size);
}

static void *http2_realloc__(void *p, size_t n, void *aux)
{
    (void)aux;
    return mem_realloc(p, n);
}

/* ---- what comes ---- */

static struct http_call *http2_call__(struct http2 *h, int32_t stream)
{
    return h->conn->dead ? NULL : nghttp2_session_get_stream_user_data(h->session, stream);
}

static void http2_forget__(struct http2 *h, int32_t stream)
{
    (void)nghttp2_session_set_stream_user_data(h->session, stream, NULL);
}

/* This side resets it; the call ends. */
static void http2_refuse__(struct http_call *call, int code, const char *text)
{
    struct err why;
    err_set(&why, code, "%s: %s", call->client->server, text);
    http_call_fail__(call, &why);
}

static int http2_field__(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                         size_t n, const uint8_t *value, size_t m, uint8_t flags, void *aux)
{
    struct http2 *h = aux;
    struct http_call *call = http2_call__(h, frame->hd.stream_id);
    (void)session;
    (void)flags;
    if (!call || call->headed) {
        return 0; /* nobody waits for it; or it is a trailer */
    }
    if (n == 7 && memcmp(name, ":status", 7) == 0) {
        for (size_t i = 0; i < m; i++) { /* three digits: nghttp2 has checked it */
            call->status = call->status * 10 + (value[i] - '0');
        }
    } else if (!http_call_field__(call, (const char *)name, n, (const char *)value, m)) {
        http2_refuse__(call, ERR_TOO_BIG, "the response's headers are too long");
    }
    return 0;
}

/* The end of the response, on its last frame.  A request that is still being sent is broken off. */
static void http2_whole__(struct http2 *h, struct http_call *call)
{
    int32_t stream = (int32_t)call->number;
    call->whole = true;
    if (call->body_sent < call->body.len) {
        nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, stream, NGHTTP2_NO_ERROR);
    }
    http2_forget__(h, stream);
    http_call_whole__(call);
}

static void http2_headers__(struct http2 *h, const nghttp2_frame *frame, struct http_call *call)
{
    if (!call->headed && call->status < 200) {
        http_call_forget_head__(call);
        return;
    }
    if (!call->headed) {
        http_call_head__(call);
    }
    call = http2_call__(h, frame->hd.stream_id); /* if the event left it there */
    if (call && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) {
        http2_whole__(h, call);
    }
}

static int http2_frame__(nghttp2_session *session, const nghttp2_frame *frame, void *aux)
{
    struct http2 *h = aux;
    (void)session;
    http_conn_heard__(h->conn);
    if (frame->hd.type == NGHTTP2_GOAWAY) {
        h->conn->draining = true;
        return 0;
    }
    struct http_call *call = frame->hd.stream_id != 0 ? http2_call__(h, frame->hd.stream_id) : NULL;
    if (call && frame->hd.type == NGHTTP2_HEADERS) {
        http2_headers__(h, frame, call);
    } else if (call && frame->hd.type == NGHTTP2_DATA &&
               (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) {
        http2_whole__(h, call);
    }
    return 0;
}

static int http2_data__(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *p,
                        size_t n, void *aux)
{
    struct http2 *h = aux;
    struct http_call *call = http2_call__(h, stream);
    (void)session;
    (void)flags;
    http_conn_heard__(h->conn);
    if (call) {
        http_call_body__(call, p, n);
    }
    return 0;
}

static void http2_reset__(struct http_call *call, uint32_t code)
{
    struct err why;
    if (code == NGHTTP2_REFUSED_STREAM) {
        err_set(&why, ERR_AGAIN, "%s: the server did not take the call", call->client->server);
    } else {
        err_set(&why, code == NGHTTP2_PROTOCOL_ERROR ? ERR_PROTOCOL : ERR_CLOSED,
                "%s: stream ended: %s", call->client->server, nghttp2_http2_strerror(code));
    }
    http_call_end__(call, &why);
}

static int http2_closed__(nghttp2_session *session, int32_t stream, uint32_t code, void *aux)
{
    struct http2 *h = aux;
    struct http_call *call = http2_call__(h, stream);
    (void)session;
    if (call) {
        http2_forget__(h, stream);
        http2_reset__(call, code);
    }
    return 0;
}

/* A request that the session would not send after all: the server goes away. */
static int http2_not_sent__(nghttp2_session *session, const nghttp2_frame *frame, int code,
                            void *aux)
{
    struct http2 *h = aux;
    (void)session;
    (void)code;
    if (frame->hd.type != NGHTTP2_HEADERS || h->conn->dead) {
        return 0;
    }
    for (struct http_call *call = h->conn->calls; call; call = call->next) {
        if (call->number == frame->hd.stream_id) {
            http2_forget__(h, frame->hd.stream_id);
            http2_reset__(call, NGHTTP2_REFUSED_STREAM);
            break;
        }
    }
    return 0;
}

/* ---- the session ---- */

static void http2_new__(struct http2 *h)
{
    nghttp2_mem mem = {NULL, http2_malloc__, http2_free__, http2_calloc__, http2_realloc__};
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, http2_field__);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, http2_frame__);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, http2_data__);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, http2_closed__);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, http2_not_sent__);
    nghttp2_option_new(&option);
    nghttp2_option_set_no_closed_streams(option, 1);
    nghttp2_session_client_new3(&h->session, callbacks, h, option, &mem);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
}

static void *http2_open__(struct http_conn *conn)
{
    static const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, HTTP2_STREAM_WINDOW},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HTTP_CLIENT_HEAD_LIMIT},
    };
    struct http2 *h = mem_calloc(1, sizeof *h);
    h->conn = conn;
    http2_new__(h);
    nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings, ARRAY_LEN(settings));
    nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, 0, HTTP2_WINDOW);
    return h;
}

static void http2_close__(void *session)
{
    struct http2 *h = session;
    nghttp2_session_del(h->session);
    mem_free(h);
}

static bool http2_takes__(const void *session)
{
    const struct http2 *h = session;
    return nghttp2_session_check_request_allowed(h->session) != 0;
}

/* ---- what goes out ---- */

/* nghttp2's vectors point to bytes that it only reads. */
static uint8_t *http2_bytes__(const char *s)
{
    union {
        const char *text;
        uint8_t *bytes;
    } u = {.text = s};
    return u.bytes;
}

static void http2_put__(nghttp2_nv *v, size_t *n, const char *name, const char *value)
{
    v[(*n)++] = (nghttp2_nv){http2_bytes__(name), http2_bytes__(value), strlen(name), strlen(value),
                             NGHTTP2_NV_FLAG_NONE};
}

static ssize_t http2_body__(nghttp2_session *session, int32_t stream, uint8_t *buf, size_t size,
                            uint32_t *flags, nghttp2_data_source *source, void *aux)
{
    struct http_call *call = http2_call__(aux, stream);
    (void)session;
    (void)source;
    if (!call) {
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* it was cancelled */
    }
    size_t left = call->body.len - call->body_sent, n = left < size ? left : size;
    memcpy(buf, call->body.data + call->body_sent, n);
    call->body_sent += n;
    if (call->body_sent == call->body.len) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    }
    return (ssize_t)n;
}

static int http2_submit__(void *session, struct http_call *call, struct err *err)
{
    struct http2 *h = session;
    struct http_client *c = call->client;
    const struct http_credentials *credentials = &c->config.credentials;
    const char *token = credentials->bearer ? credentials->bearer(credentials->aux) : NULL;
    auto_sbuf bearer = SBUF_INIT;
    auto_free nghttp2_nv *v = mem_calloc(HTTP2_FIELDS + call->headers.n, sizeof *v);
    nghttp2_data_provider body = {.read_callback = http2_body__};
    size_t n = 0;
    http2_put__(v, &n, ":method", call->method);
    http2_put__(v, &n, ":scheme", c->tls ? "https" : "http");
    http2_put__(v, &n, ":authority", c->authority);
    http2_put__(v, &n, ":path", call->path);
    http2_put__(v, &n, "user-agent", c->user_agent);
    if (c->config.gzip) {
        http2_put__(v, &n, "accept-encoding", "gzip");
    }
    if (token) {
        sbuf_printf(&bearer, "Bearer %s", token);
        http2_put__(v, &n, "authorization", bearer.data);
        v[n - 1].flags = NGHTTP2_NV_FLAG_NO_INDEX;
    }
    for (size_t i = 0; i < call->headers.n; i++) {
        http2_put__(v, &n, call->headers.v[i].name, call->headers.v[i].value);
    }
    int32_t stream =
        nghttp2_submit_request(h->session, NULL, v, n, call->body.len ? &body : NULL, call);
    if (stream == NGHTTP2_ERR_STREAM_ID_NOT_AVAILABLE) {
        return ERR_AGAIN;
    }
    if (stream < 0) {
        return err_set(err, ERR_INVALID, "%s: %s", c->server, nghttp2_strerror(stream));
    }
    call->number = stream;
    return 0;
}

static void http2_cancel__(void *session, struct http_call *call)
{
    struct http2 *h = session;
    int32_t stream = (int32_t)call->number;
    http2_forget__(h, stream);
    nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL);
}

static int http2_broken__(struct http2 *h, ssize_t code, struct err *err)
{
    return err_set(err, ERR_PROTOCOL, "%s: HTTP/2: %s", h->conn->peer, nghttp2_strerror((int)code));
}

static int http2_input__(void *session, const void *p, size_t n, struct err *err)
{
    struct http2 *h = session;
    if (!p) {
        return 0; /* its owner knows why it closed */
    }
    ssize_t rc = nghttp2_session_mem_recv(h->session, p, n);
    return rc < 0 ? http2_broken__(h, rc, err) : 0;
}

static int http2_output__(void *session, struct sbuf *out, struct err *err)
{
    struct http2 *h = session;
    const uint8_t *p;
    ssize_t n;
    while (out->len < HTTP2_OUTPUT && !h->conn->dead &&
           (n = nghttp2_session_mem_send(h->session, &p)) != 0) {
        if (n < 0) {
            return http2_broken__(h, n, err);
        }
        sbuf_put(out, p, (size_t)n);
    }
    if (out->len == 0 && !h->conn->dead && !nghttp2_session_want_read(h->session) &&
        !nghttp2_session_want_write(h->session)) {
        return err_set(err, ERR_CLOSED, "%s: HTTP/2: the connection is over", h->conn->peer);
    }
    return 0;
}

static void http2_ping__(void *session)
{
    struct http2 *h = session;
    nghttp2_submit_ping(h->session, NGHTTP2_FLAG_NONE, NULL);
}

const struct http_protocol http2_protocol = {
    .name = "h2",
    .pings = true,
    .open = http2_open__,
    .close = http2_close__,
    .takes = http2_takes__,
    .submit = http2_submit__,
    .cancel = http2_cancel__,
    .input = http2_input__,
    .output = http2_output__,
    .ping = http2_ping__,
};
