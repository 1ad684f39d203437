/* SPDX-License-Identifier: Apache-2.0
 *
 * Connections on libuv: see stream.h.
 *
 * Phases: connecting -> (handshake) -> open -> ended -> gone.  'Ended' is after the closed event;
 * 'gone' is after stream_close(), when only libuv still knows the memory, until its close callback.
 * Output is double-buffered: 'sending' is libuv's until its callback, 'out' collects meanwhile, so
 * that many small writes become few large ones. */
#include "core/io/stream.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/io/stream_internal.h"
#include "platform/pipe.h"

static void stream_timer_cb__(void *aux);
static void stream_deferred_cb__(void *aux);
static void stream_flush__(struct stream *s);

struct stream *stream_new__(struct loop *l, enum stream_kind kind, size_t write_limit)
{
    struct stream *s = mem_calloc(1, sizeof *s);
    s->loop = l;
    s->write_limit = write_limit ? write_limit : STREAM_WRITE_LIMIT;
    if (stream_is_local__(kind)) {
        uv_pipe_init(loop_uv(l), &s->uv.pipe, 0);
    } else {
        uv_tcp_init(loop_uv(l), &s->uv.tcp);
    }
    s->timer = loop_limit_new(l, stream_timer_cb__, s);
    s->deferred = loop_deferred_new(l, stream_deferred_cb__, s);
    s->read_buf = mem_alloc(STREAM_READ_SIZE);
    return s;
}

static void stream_closed_cb__(uv_handle_t *handle)
{
    struct stream *s = CONTAINER_OF(handle, struct stream, uv);
    if (s->listener) {
        stream_listener_gone__(s->listener);
    }
    tls_free(s->tls);
    tls_context_free(s->context);
    sbuf_done(&s->out);
    sbuf_done(&s->sending);
    mem_free(s->read_buf);
    mem_free(s);
}

void stream_close(struct stream *s)
{
    if (!s || s->phase == STREAM_GONE) {
        return;
    }
    s->phase = STREAM_GONE;
    s->events = NULL;
    loop_ending_remove(&s->ending);
    loop_timer_free(s->timer);
    loop_timer_free(s->retry);
    loop_deferred_free(s->deferred);
    uv_close(&s->uv.handle, stream_closed_cb__);
}

static void stream_abandon__(struct loop_ending *e)
{
    stream_close(CONTAINER_OF(e, struct stream, ending));
}

void stream_finish(struct stream *s)
{
    if (s->phase != STREAM_OPEN) {
        stream_close(s);
        return;
    }
    s->events = NULL;
    s->finishing = true;
    uv_read_stop(&s->uv.stream);
    if (s->tls) {
        tls_shutdown(s->tls);
        stream_flush__(s);
    }
    if (stream_queued(s) == 0 || s->loop->going_down) {
        stream_close(s);
        return;
    }
    s->ending.abandon = stream_abandon__;
    loop_ending_add(s->loop, &s->ending);
    loop_timer_after(s->timer, STREAM_FINISH_MS);
}

/* ---- the end ---- */

/* Tells whoever is to be told that it is over. */
static void stream_fail__(struct stream *s, const struct err *why)
{
    if (s->phase == STREAM_ENDED || s->phase == STREAM_GONE) {
        return;
    }
    if (s->finishing) {
        stream_close(s);
        return;
    }
    bool handed_over = s->phase == STREAM_OPEN || !s->listener;
    s->phase = STREAM_ENDED;
    uv_read_stop(&s->uv.stream);
    loop_timer_cancel(s->timer);
    if (!handed_over) {
        stream_listener_failed__(s->listener, s, why);
    } else if (s->events && s->events->closed) {
        s->events->closed(s->aux, why);
    }
}

/* The same from within a call of the owner's: told in a later turn. */
static void stream_fail_later__(struct stream *s, const struct err *why)
{
    if (s->failure.code == 0) {
        s->failure = *why;
    }
    loop_deferred_schedule(s->deferred);
}

static void stream_timer_cb__(void *aux)
{
    struct stream *s = aux;
    struct err why;
    err_set(&why, ERR_TIMEOUT, "%s: %s took too long", s->peer,
            s->phase == STREAM_CONNECTING ? "connecting" : "TLS handshake");
    stream_fail__(s, &why); /* a stream that finishes is closed there */
}

/* ---- reading ---- */

static void stream_alloc_cb__(uv_handle_t *handle, size_t hint, uv_buf_t *buf)
{
    struct stream *s = CONTAINER_OF(handle, struct stream, uv);
    (void)hint;
    *buf = uv_buf_init(s->read_buf, STREAM_READ_SIZE);
}

static void stream_opened__(struct stream *s)
{
    s->phase = STREAM_OPEN;
    loop_timer_cancel(s->timer);
    if (s->listener) {
        stream_listener_opened__(s->listener, s);
    } else if (s->events && s->events->opened) {
        s->events->opened(s->aux);
    }
}

static void stream_input__(struct stream *s, const void *p, size_t n)
{
    if (s->events && s->events->input) {
        s->events->input(s->aux, p, n);
    }
}

/* Hands on what TLS has decrypted, until there is no more, a pause or the end. */
static void stream_tls_drain__(struct stream *s)
{
    char plain[16384];
    while (s->phase == STREAM_OPEN && !s->paused && !s->finishing) {
        struct err err;
        int n = tls_read(s->tls, plain, sizeof plain, &err);
        stream_flush__(s); /* key updates, alerts */
        if (n < 0) {
            err_wrap(&err, "%s", s->peer);
            stream_fail__(s, &err);
        }
        if (n <= 0) {
            return;
        }
        stream_input__(s, plain, (size_t)n);
    }
}

static void stream_tls_input__(struct stream *s)
{
    if (s->phase == STREAM_HANDSHAKE) {
        struct err err;
        int rc = tls_handshake(s->tls, &err);
        stream_flush__(s);
        if (rc < 0) {
            err_wrap(&err, "%s", s->peer);
            stream_fail__(s, &err);
            return;
        }
        if (rc == 0) {
            return;
        }
        stream_opened__(s);
    }
    stream_tls_drain__(s);
}

static void stream_read_cb__(uv_stream_t *uv, ssize_t n, const uv_buf_t *buf)
{
    struct stream *s = CONTAINER_OF(uv, struct stream, uv);
    if (n < 0) {
        struct err why;
        if (n == UV_EOF) {
            err_set(&why, ERR_CLOSED, "%s: closed by the peer", s->peer);
        } else {
            loop_uv_error(&why, (int)n, s->peer);
        }
        stream_fail__(s, &why);
    } else if (n > 0 && s->tls) {
        tls_feed(s->tls, buf->base, (size_t)n);
        stream_tls_input__(s);
    } else if (n > 0) {
        stream_input__(s, buf->base, (size_t)n);
    }
}

void stream_pause(struct stream *s)
{
    if (!s->paused && s->phase == STREAM_OPEN) {
        s->paused = true;
        uv_read_stop(&s->uv.stream);
    }
}

void stream_resume(struct stream *s)
{
    if (s->paused && s->phase == STREAM_OPEN) {
        s->paused = false;
        uv_read_start(&s->uv.stream, stream_alloc_cb__, stream_read_cb__);
        if (s->tls) {
            loop_deferred_schedule(s->deferred); /* something may be decrypted already */
        }
    }
}

static void stream_deferred_cb__(void *aux)
{
    struct stream *s = aux;
    if (s->failure.code != 0) {
        struct err why = s->failure;
        stream_fail__(s, &why);
    } else if (s->tls) {
        stream_tls_drain__(s);
    }
}

/* ---- writing ---- */

static void stream_write_cb__(uv_write_t *req, int status)
{
    struct stream *s = CONTAINER_OF(req, struct stream, write);
    sbuf_clear(&s->sending);
    if (status < 0) {
        struct err why;
        loop_uv_error(&why, status, s->peer);
        sbuf_clear(&s->out);
        stream_fail__(s, &why);
        return;
    }
    stream_flush__(s);
    if (stream_queued(s) != 0) {
        return;
    }
    if (s->finishing) {
        stream_close(s);
    } else if (s->phase == STREAM_OPEN && s->events && s->events->drained) {
        s->events->drained(s->aux);
    }
}

static void stream_flush__(struct stream *s)
{
    if (s->tls) {
        tls_flush(s->tls, &s->out);
    }
    if (s->sending.len != 0 || s->out.len == 0 || s->phase == STREAM_ENDED ||
        s->phase == STREAM_GONE) {
        return;
    }
    struct sbuf empty = s->sending;
    s->sending = s->out;
    s->out = empty;
    uv_buf_t buf = uv_buf_init(s->sending.data, (unsigned)s->sending.len);
    int rc = uv_write(&s->write, &s->uv.stream, &buf, 1, stream_write_cb__);
    if (rc != 0) {
        struct err why;
        loop_uv_error(&why, rc, s->peer);
        sbuf_clear(&s->sending);
        stream_fail_later__(s, &why);
    }
}

int stream_write(struct stream *s, const void *p, size_t n)
{
    if (s->phase != STREAM_OPEN || s->finishing || s->failure.code != 0) {
        return ERR_CLOSED;
    }
    size_t queued = stream_queued(s);
    if (queued > s->write_limit || n > s->write_limit - queued) {
        return ERR_EXHAUSTED;
    }
    if (s->tls) {
        struct err why;
        if (tls_write(s->tls, p, n, &why) != 0) {
            stream_fail_later__(s, &why);
            return ERR_CLOSED;
        }
    } else {
        sbuf_put(&s->out, p, n);
    }
    stream_flush__(s);
    return 0;
}

size_t stream_queued(const struct stream *s)
{
    return s->out.len + s->sending.len;
}

bool stream_is_open(const struct stream *s)
{
    return s->phase == STREAM_OPEN;
}

const char *stream_protocol(const struct stream *s)
{
    return s->tls && s->phase == STREAM_OPEN ? tls_protocol(s->tls) : "";
}

void stream_set_events(struct stream *s, const struct stream_events *events, void *aux)
{
    s->events = events;
    s->aux = aux;
}

/* ---- connecting ---- */

void stream_connected__(struct stream *s)
{
    int rc = uv_read_start(&s->uv.stream, stream_alloc_cb__, stream_read_cb__);
    if (rc != 0) {
        struct err why;
        loop_uv_error(&why, rc, s->peer);
        stream_fail_later__(s, &why);
        return;
    }
    if (!s->tls) {
        stream_opened__(s);
        return;
    }
    s->phase = STREAM_HANDSHAKE;
    stream_tls_input__(s);
}

static void stream_connect_cb__(uv_connect_t *req, int status)
{
    struct stream *s = CONTAINER_OF(req, struct stream, connect);
    if (s->phase != STREAM_CONNECTING) {
        return; /* closed or timed out meanwhile */
    }
    if (status < 0) {
        struct err why;
        loop_uv_error(&why, status, s->peer);
        stream_fail__(s, &why);
        return;
    }
    stream_connected__(s);
}

/* Hands a descriptor to libuv. */
int stream_open_fd__(struct stream *s, int fd)
{
    int rc = uv_pipe_open(&s->uv.pipe, fd);
    if (rc != 0) {
        uv_fs_t req;
        uv_fs_close(NULL, &req, fd, NULL); /* still ours */
        uv_fs_req_cleanup(&req);
    }
    return rc;
}

static void stream_try_pipe__(void *aux)
{
    struct stream *s = aux;
    struct err why;
    char path[PIPE_PATH_MAX];
    if (s->phase != STREAM_CONNECTING) {
        return; /* timed out meanwhile */
    }
    int fd = -1, rc = pipe_path(s->peer, path, &why);
    rc = rc < 0 ? rc : pipe_connect(path, &fd, &why);
    if (rc == ERR_AGAIN) {
        loop_timer_after(s->retry, STREAM_BUSY_MS);
        return;
    }
    int uv = rc == 0 ? stream_open_fd__(s, fd) : uv_translate_sys_error((int)why.os_code);
    if (uv != 0 && uv != UV_UNKNOWN) {
        rc = loop_uv_error(&why, uv, s->peer); /* in the words of every other stream */
    }
    if (rc < 0) {
        stream_fail__(s, &why);
    } else {
        stream_connected__(s);
    }
}

static int stream_connect_start__(struct stream *s, const struct stream_address *a)
{
    if (stream_is_local__(a->kind) && pipe_is_native()) {
        s->retry = loop_timer_new(s->loop, stream_try_pipe__, s);
        loop_timer_after(s->retry, 0); /* never from within the call */
        return 0;
    }
    if (stream_is_local__(a->kind)) {
        uv_pipe_connect(&s->connect, &s->uv.pipe, a->name, stream_connect_cb__);
        return 0;
    }
    struct sockaddr_storage ss;
    memset(&ss, 0, sizeof ss);
    int rc = strchr(a->name, ':') ? uv_ip6_addr(a->name, a->port, (void *)&ss)
                                  : uv_ip4_addr(a->name, a->port, (void *)&ss);
    if (rc != 0) {
        return rc;
    }
    uv_tcp_nodelay(&s->uv.tcp, 1);
    return uv_tcp_connect(&s->connect, &s->uv.tcp, (void *)&ss, stream_connect_cb__);
}

int stream_start__(const char *address, const struct stream_tls *tls, bool server,
                   struct stream_start *out, struct err *err)
{
    int rc = stream_address_parse_here__(address, &out->address, err);
    if (rc != 0) {
        return rc;
    }
    out->context = NULL;
    if (out->address.kind != STREAM_SSL) {
        return 0;
    }
    return tls ? tls_context_new(tls, server, &out->context, err)
               : err_set(err, ERR_INVALID, "%s: no TLS files given", address);
}

int stream_connect(struct loop *l, const struct stream_config *config,
                   const struct stream_events *events, void *aux, struct stream **out,
                   struct err *err)
{
    struct stream_start start;
    int rc = stream_start__(config->address, config->tls, false, &start, err);
    if (rc != 0) {
        return rc;
    }
    struct stream *s = stream_new__(l, start.address.kind, config->write_limit);
    snprintf(s->peer, sizeof s->peer, "%s", config->address);
    s->events = events;
    s->aux = aux;
    s->context = start.context;
    s->tls = start.context ? tls_new(start.context) : NULL;
    loop_timer_after(s->timer,
                     config->connect_timeout_ms ? config->connect_timeout_ms : STREAM_CONNECT_MS);
    rc = stream_connect_start__(s, &start.address);
    if (rc != 0) {
        struct err why;
        loop_uv_error(&why, rc, s->peer);
        stream_fail_later__(s, &why);
    }
    *out = s;
    return 0;
}
