/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/h2_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nghttp2/nghttp2.h>

#include <cmocka.h>

#include "core/base/mem.h"

struct h2_peer {
    struct h2_server *server;
    struct h2_peer *next, **link;
    struct stream *stream;
    nghttp2_session *session; /* NULL: not HTTP/2 */
    struct h2_exchange *exchanges[H2_EXCHANGES];
    size_t n_exchanges;
    struct sbuf in;
    size_t sent;
    bool dead;
    unsigned busy;
};

/* ---- connections ---- */

static void peer_free(struct h2_peer *p)
{
    for (size_t i = 0; i < p->n_exchanges; i++) {
        sbuf_done(&p->exchanges[i]->body);
        sbuf_done(&p->exchanges[i]->out);
        mem_free(p->exchanges[i]);
    }
    nghttp2_session_del(p->session);
    sbuf_done(&p->in);
    mem_free(p);
}

static void peer_leave(struct h2_peer *p)
{
    if (--p->busy == 0 && p->dead)
        peer_free(p);
}

void h2_peer_close(struct h2_peer *p)
{
    if (p->dead)
        return;
    p->busy++;
    p->dead = true;
    *p->link = p->next;
    if (p->next)
        p->next->link = p->link;
    p->server->n_peers--;
    stream_close(p->stream);
    peer_leave(p);
}

void h2_peer_finish(struct h2_peer *p)
{
    stream_finish(p->stream);
    p->stream = NULL;
    h2_peer_close(p);
}

/* Bytes go out, as the server's faults want it. */
static void peer_put(struct h2_peer *p, const uint8_t *bytes, size_t n)
{
    struct h2_server *s = p->server;
    bool cut = s->cut && p->sent + n >= s->cut;
    if (cut)
        n = s->cut - p->sent;
    for (size_t at = 0; at < n && !p->dead;) {
        size_t piece = s->piece && n - at > s->piece ? s->piece : n - at;
        if (stream_write(p->stream, bytes + at, piece) != 0)
            break;
        at += piece;
    }
    p->sent += n;
    if (cut && !p->dead)
        h2_peer_finish(p);
}

static void peer_flush(struct h2_peer *p)
{
    const uint8_t *bytes;
    ssize_t n;
    p->busy++;
    while (!p->dead && stream_queued(p->stream) < 1 << 20 &&
           (n = nghttp2_session_mem_send(p->session, &bytes)) > 0)
        peer_put(p, bytes, (size_t)n);
    peer_leave(p);
}

size_t h2_peer_sent(const struct h2_peer *p)
{
    return p->sent;
}

static void peer_input(void *aux, const void *bytes, size_t n)
{
    struct h2_peer *p = aux;
    struct h2_server *s = p->server;
    if (s->deaf)
        return;
    p->busy++;
    if (!p->session) {
        sbuf_put(&p->in, bytes, n);
        s->bytes(s->aux, p, &p->in);
    } else if (nghttp2_session_mem_recv(p->session, bytes, n) < 0) {
        h2_peer_close(p);
    } else if (!p->dead) {
        peer_flush(p);
    }
    peer_leave(p);
}

static void peer_drained(void *aux)
{
    struct h2_peer *p = aux;
    if (p->session)
        peer_flush(p);
}

static void peer_closed(void *aux, const struct err *why)
{
    (void)why;
    h2_peer_close(aux);
}

static const struct stream_events peer_events = {
    .input = peer_input, .drained = peer_drained, .closed = peer_closed};

/* ---- HTTP/2 ---- */

static struct h2_exchange *exchange_of(struct h2_peer *p, int32_t stream)
{
    return nghttp2_session_get_stream_user_data(p->session, stream);
}

static int on_begin(nghttp2_session *session, const nghttp2_frame *frame, void *aux)
{
    struct h2_peer *p = aux;
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    struct h2_exchange *x = mem_calloc(1, sizeof *x);
    x->peer = p;
    x->stream = frame->hd.stream_id;
    assert_true(p->n_exchanges < H2_EXCHANGES);
    p->exchanges[p->n_exchanges++] = x;
    nghttp2_session_set_stream_user_data(session, x->stream, x);
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t n, const uint8_t *value, size_t m, uint8_t flags, void *aux)
{
    struct h2_exchange *x = exchange_of(aux, frame->hd.stream_id);
    struct {
        const char *name;
        char *to;
        size_t size;
    } known[] = {
        {":method", x->method, sizeof x->method},
        {":path", x->path, sizeof x->path},
        {":authority", x->authority, sizeof x->authority},
        {"authorization", x->token, sizeof x->token},
        {"x-test", x->header, sizeof x->header},
        {"accept-encoding", x->encoding, sizeof x->encoding},
    };
    (void)session;
    (void)flags;
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (n == strlen(known[i].name) && !memcmp(name, known[i].name, n))
            snprintf(known[i].to, known[i].size, "%.*s", (int)m, (const char *)value);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *bytes,
                   size_t n, void *aux)
{
    (void)session;
    (void)flags;
    sbuf_put(&exchange_of(aux, stream)->body, bytes, n);
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *aux)
{
    struct h2_peer *p = aux;
    (void)session;
    p->server->n_pings += frame->hd.type == NGHTTP2_PING && !(frame->hd.flags & NGHTTP2_FLAG_ACK);
    if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) {
        struct h2_exchange *x = exchange_of(p, frame->hd.stream_id);
        x->complete = true;
        p->server->request(p->server->aux, x);
    }
    if (frame->hd.type == NGHTTP2_RST_STREAM) {
        struct h2_exchange *x = exchange_of(p, frame->hd.stream_id);
        if (x) {
            x->reset = true;
            x->reset_code = frame->rst_stream.error_code;
        }
    }
    return 0;
}

static void peer_new_session(struct h2_peer *p)
{
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_option_new(&option);
    nghttp2_option_set_max_send_header_block_length(option, 1 << 20);
    nghttp2_session_server_new2(&p->session, callbacks, p, option);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_settings_entry most = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, p->server->max_calls};
    nghttp2_submit_settings(p->session, NGHTTP2_FLAG_NONE, &most, p->server->max_calls ? 1 : 0);
}

static void on_accept(void *aux, struct stream *stream)
{
    struct h2_server *s = aux;
    s->n_accepted++;
    if (s->shut) {
        stream_close(stream);
        return;
    }
    struct h2_peer *p = mem_calloc(1, sizeof *p);
    p->server = s;
    p->stream = stream;
    p->next = s->peers;
    p->link = &s->peers;
    if (p->next)
        p->next->link = &p->next;
    s->peers = p;
    s->n_peers++;
    stream_set_events(stream, &peer_events, p);
    if (!strcmp(stream_protocol(stream), "h2")) {
        peer_new_session(p);
        peer_flush(p);
    }
}

void h2_server_start_at(struct h2_server *s, struct loop *l, const struct stream_tls *tls,
                        uint16_t port)
{
    char address[64];
    struct err err;
    struct stream_listen_config config = {.address = address, .tls = tls};
    snprintf(address, sizeof address, "%s:127.0.0.1:%u", tls ? "ssl" : "tcp", port);
    s->loop = l;
    if (stream_listen(l, &config, on_accept, s, &s->listener, &err) != 0)
        fail_msg("%s", err.text);
    s->port = stream_listener_port(s->listener);
}

void h2_server_start(struct h2_server *s, struct loop *l, const struct stream_tls *tls)
{
    h2_server_start_at(s, l, tls, 0);
}

void h2_server_stop(struct h2_server *s)
{
    stream_listener_close(s->listener);
    s->listener = NULL;
    while (s->peers)
        h2_peer_close(s->peers);
}

/* ---- answers ---- */

static nghttp2_nv nv(const char *name, const char *value)
{
    union {
        const char *text;
        uint8_t *bytes;
    } a = {.text = name}, b = {.text = value};
    return (nghttp2_nv){a.bytes, b.bytes, strlen(name), strlen(value), NGHTTP2_NV_FLAG_NONE};
}

static ssize_t on_read(nghttp2_session *session, int32_t stream, uint8_t *buf, size_t size,
                       uint32_t *flags, nghttp2_data_source *source, void *aux)
{
    struct h2_exchange *x = source->ptr;
    size_t left = x->out.len - x->out_at, n = left < size ? left : size;
    (void)session;
    (void)stream;
    (void)aux;
    if (n == 0 && !x->out_end) {
        x->deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    memcpy(buf, sbuf_cstr(&x->out) + x->out_at, n);
    x->out_at += n;
    if (x->out_end && n == left)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (x->out_end && n == left && x->trailers) {
        nghttp2_nv v[] = {nv("x-trailer", "1"), nv("retry-after", "99")};
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        nghttp2_submit_trailer(session, stream, v, 2);
    }
    return (ssize_t)n;
}

void h2_head(struct h2_exchange *x, int status, const char *const *extra)
{
    nghttp2_nv v[16];
    char text[16];
    size_t n = 0;
    nghttp2_data_provider data = {.source = {.ptr = x}, .read_callback = on_read};
    snprintf(text, sizeof text, "%d", status);
    v[n++] = nv(":status", text);
    for (; extra && extra[0]; extra += 2)
        v[n++] = nv(extra[0], extra[1]);
    nghttp2_submit_response(x->peer->session, x->stream, v, n, &data);
    peer_flush(x->peer);
}

void h2_informational(struct h2_exchange *x, int status)
{
    char text[16];
    snprintf(text, sizeof text, "%d", status);
    nghttp2_nv v[] = {nv(":status", text), nv("retry-after", "77")};
    nghttp2_submit_headers(x->peer->session, NGHTTP2_FLAG_NONE, x->stream, NULL, v, 2, NULL);
    peer_flush(x->peer);
}

static void exchange_resume(struct h2_exchange *x)
{
    if (x->deferred) {
        x->deferred = false;
        nghttp2_session_resume_data(x->peer->session, x->stream);
    }
    peer_flush(x->peer);
}

void h2_write(struct h2_exchange *x, const void *p, size_t n)
{
    sbuf_put(&x->out, p, n);
    exchange_resume(x);
}

void h2_end(struct h2_exchange *x)
{
    x->out_end = true;
    exchange_resume(x);
}

void h2_answer(struct h2_exchange *x, int status, const char *body)
{
    sbuf_puts(&x->out, body);
    x->out_end = true;
    h2_head(x, status, NULL);
}

void h2_trailers(struct h2_exchange *x)
{
    x->trailers = true;
    h2_end(x);
}

void h2_reset(struct h2_exchange *x, uint32_t code)
{
    nghttp2_submit_rst_stream(x->peer->session, NGHTTP2_FLAG_NONE, x->stream, code);
    peer_flush(x->peer);
}

void h2_goaway(struct h2_peer *p, int32_t last_stream, uint32_t code)
{
    nghttp2_submit_goaway(p->session, NGHTTP2_FLAG_NONE, last_stream, code, NULL, 0);
    peer_flush(p);
}

void h2_raw(struct h2_peer *p, const void *bytes, size_t n)
{
    p->busy++;
    peer_put(p, bytes, n);
    peer_leave(p);
}
