/* SPDX-License-Identifier: Apache-2.0
 *
 * Listening on libuv: see stream.h.  The listener lives until it is closed and the last of its
 * connections is freed, so that connections can count themselves out. */
#include "core/io/stream.h"

#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/io/stream_internal.h"
#include "platform/pipe.h"

enum { STREAM_BACKLOG = 128, STREAM_MAX_CONNECTIONS = 256, STREAM_RETRY_MS = 100 };
/* File type bits of a mode, and those of a socket, as libuv reports them on every system. */
enum { STREAM_MODE_TYPE = 0170000, STREAM_MODE_SOCKET = 0140000, STREAM_MODE_PRIVATE = 0600 };

struct stream_listener {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_pipe_t pipe;
        uv_tcp_t tcp;
        uv_async_t woken; /* by 'native' */
    } uv;
    struct pipe_listener *native; /* where local endpoints are named pipes, else NULL */
    struct loop_timer *retry;     /* of its accept */
    struct loop *loop;
    struct stream_address address;
    char text[STREAM_ADDRESS_MAX + 16];
    struct tls_context *context;
    stream_peer_fn *peer_check;
    stream_accept_fn *accept;
    stream_reject_fn *rejected;
    void *aux;
    size_t write_limit, max_connections, n_connections;
    bool closing, closed;
};

static void stream_listener_free__(struct stream_listener *sl)
{
    if (sl->closed && sl->n_connections == 0) {
        tls_context_free(sl->context);
        mem_free(sl);
    }
}

static void stream_listener_closed_cb__(uv_handle_t *handle)
{
    struct stream_listener *sl = CONTAINER_OF(handle, struct stream_listener, uv);
    sl->closed = true;
    stream_listener_free__(sl);
}

void stream_listener_close(struct stream_listener *sl)
{
    if (sl && !sl->closing) {
        sl->closing = true;
        pipe_listener_free(sl->native); /* nobody wakes us any more */
        sl->native = NULL;
        loop_timer_free(sl->retry);
        sl->retry = NULL;
        uv_close(&sl->uv.handle, stream_listener_closed_cb__); /* removes a socket's path too */
    }
}

void stream_listener_gone__(struct stream_listener *sl)
{
    sl->n_connections--;
    stream_listener_free__(sl);
}

static void stream_listener_reject__(struct stream_listener *sl, const struct err *why)
{
    if (sl->rejected && !sl->closing) {
        sl->rejected(sl->aux, why);
    }
}

void stream_listener_opened__(struct stream_listener *sl, struct stream *s)
{
    if (sl->closing) {
        stream_close(s);
        return;
    }
    sl->accept(sl->aux, s);
}

void stream_listener_failed__(struct stream_listener *sl, struct stream *s, const struct err *why)
{
    stream_listener_reject__(sl, why);
    stream_close(s);
}

/* Who is it?  Only local peers can be asked. */
static int stream_listener_check__(struct stream_listener *sl, struct stream *s, struct err *err)
{
    if (!sl->peer_check || !stream_is_local__(sl->address.kind)) {
        return 0;
    }
    uv_os_fd_t fd;
    int rc = uv_fileno(&s->uv.handle, &fd);
    if (rc != 0) {
        return loop_uv_error(err, rc, sl->text);
    }
    return sl->peer_check((uint64_t)(uintptr_t)fd, err);
}

static struct stream *stream_listener_new__(struct stream_listener *sl)
{
    struct stream *s = stream_new__(sl->loop, sl->address.kind, sl->write_limit);
    s->listener = sl;
    sl->n_connections++;
    snprintf(s->peer, sizeof s->peer, "%s", sl->text);
    return s;
}

/* A connection whose handle is open, or could not be ('rc'). */
static void stream_listener_take__(struct stream_listener *sl, struct stream *s, int rc)
{
    struct err why;
    if (rc != 0) {
        loop_uv_error(&why, rc, sl->text);
    } else if (sl->n_connections > sl->max_connections) {
        rc = err_set(&why, ERR_EXHAUSTED, "%s: more than %zu connections", sl->text,
                     sl->max_connections);
    } else {
        rc = stream_listener_check__(sl, s, &why);
    }
    if (rc != 0) {
        stream_listener_failed__(sl, s, &why);
        return;
    }
    if (sl->context) {
        s->tls = tls_new(sl->context);
        loop_timer_after(s->timer, STREAM_CONNECT_MS);
    }
    stream_connected__(s);
}

static void stream_listener_connection_cb__(uv_stream_t *uv, int status)
{
    struct stream_listener *sl = CONTAINER_OF(uv, struct stream_listener, uv);
    if (status < 0) {
        struct err why;
        loop_uv_error(&why, status, sl->text);
        stream_listener_reject__(sl, &why);
        return;
    }
    struct stream *s = stream_listener_new__(sl);
    int rc = uv_accept(&sl->uv.stream, &s->uv.stream);
    if (rc == 0 && !stream_is_local__(sl->address.kind)) {
        uv_tcp_nodelay(&s->uv.tcp, 1); /* as with those that we make */
    }
    stream_listener_take__(sl, s, rc);
}

/* All clients of the named pipe that have connected. */
static void stream_listener_pipe__(void *aux)
{
    struct stream_listener *sl = aux;
    while (!sl->closing) {
        struct err why;
        int fd = -1, rc = pipe_accept(sl->native, &fd, &why);
        if (rc == 0) {
            struct stream *s = stream_listener_new__(sl);
            stream_listener_take__(sl, s, stream_open_fd__(s, fd));
            continue;
        }
        if (rc != ERR_AGAIN) {
            stream_listener_reject__(sl, &why);
        }
        if (rc != ERR_AGAIN && !sl->closing) {
            loop_timer_after(sl->retry, STREAM_RETRY_MS);
        }
        return;
    }
}

static void stream_listener_woken_cb__(uv_async_t *uv)
{
    stream_listener_pipe__(CONTAINER_OF(uv, struct stream_listener, uv));
}

/* On a thread of the system's. */
static void stream_listener_wake__(void *aux)
{
    struct stream_listener *sl = aux;
    uv_async_send(&sl->uv.woken);
}

/* ---- opening ---- */

/* A socket that a killed process left behind; nothing else is ever removed. */
static void stream_unlink_stale__(struct loop *l, const char *path)
{
    uv_fs_t req;
    bool is_socket = uv_fs_stat(loop_uv(l), &req, path, NULL) == 0 &&
                     (req.statbuf.st_mode & STREAM_MODE_TYPE) == STREAM_MODE_SOCKET;
    uv_fs_req_cleanup(&req);
    if (is_socket) {
        uv_fs_unlink(loop_uv(l), &req, path, NULL);
        uv_fs_req_cleanup(&req);
    }
}

/* Nobody can connect between bind and listen, so the mode is right from the first moment. */
static int stream_bind_local__(struct stream_listener *sl)
{
    bool is_path = sl->address.kind == STREAM_UNIX;
    if (is_path) {
        stream_unlink_stale__(sl->loop, sl->address.name);
    }
    int rc = uv_pipe_bind(&sl->uv.pipe, sl->address.name);
    if (rc == 0 && is_path) {
        uv_fs_t req;
        rc = uv_fs_chmod(loop_uv(sl->loop), &req, sl->address.name, STREAM_MODE_PRIVATE, NULL);
        uv_fs_req_cleanup(&req);
    }
    return rc;
}

static int stream_bind_tcp__(struct stream_listener *sl)
{
    struct sockaddr_storage ss;
    memset(&ss, 0, sizeof ss);
    const struct stream_address *a = &sl->address;
    int rc = strchr(a->name, ':') ? uv_ip6_addr(a->name, a->port, (void *)&ss)
                                  : uv_ip4_addr(a->name, a->port, (void *)&ss);
    return rc != 0 ? rc : uv_tcp_bind(&sl->uv.tcp, (void *)&ss, 0);
}

static int stream_listener_start__(struct stream_listener *sl, struct err *err)
{
    int rc;
    bool is_local = stream_is_local__(sl->address.kind);
    if (is_local && pipe_is_native()) {
        uv_async_init(loop_uv(sl->loop), &sl->uv.woken, stream_listener_woken_cb__);
        sl->retry = loop_timer_new(sl->loop, stream_listener_pipe__, sl);
        return pipe_listen(sl->address.name, stream_listener_wake__, sl, &sl->native, err);
    }
    if (is_local) {
        uv_pipe_init(loop_uv(sl->loop), &sl->uv.pipe, 0);
        rc = stream_bind_local__(sl);
    } else {
        uv_tcp_init(loop_uv(sl->loop), &sl->uv.tcp);
        rc = stream_bind_tcp__(sl);
    }
    rc = rc != 0 ? rc : uv_listen(&sl->uv.stream, STREAM_BACKLOG, stream_listener_connection_cb__);
    return rc != 0 ? loop_uv_error(err, rc, sl->text) : 0;
}

int stream_listen(struct loop *l, const struct stream_listen_config *config,
                  stream_accept_fn *accept, void *aux, struct stream_listener **out,
                  struct err *err)
{
    struct stream_start start;
    int rc = stream_start__(config->address, config->tls, true, &start, err);
    if (rc != 0) {
        return rc;
    }
    struct stream_listener *sl = mem_calloc(1, sizeof *sl);
    sl->loop = l;
    sl->address = start.address;
    snprintf(sl->text, sizeof sl->text, "%s", config->address);
    sl->context = start.context;
    sl->peer_check = config->peer_check;
    sl->rejected = config->rejected;
    sl->accept = accept;
    sl->aux = aux;
    sl->write_limit = config->write_limit;
    sl->max_connections =
        config->max_connections ? config->max_connections : STREAM_MAX_CONNECTIONS;
    rc = stream_listener_start__(sl, err);
    if (rc != 0) {
        stream_listener_close(sl);
        return rc;
    }
    *out = sl;
    return 0;
}

uint16_t stream_listener_port(const struct stream_listener *sl)
{
    struct sockaddr_storage ss;
    int len = sizeof ss;
    if (stream_is_local__(sl->address.kind) ||
        uv_tcp_getsockname(&sl->uv.tcp, (void *)&ss, &len) != 0) {
        return 0;
    }
    /* The port has the same place in both families' addresses. */
    return get_be16((const char *)&ss + 2);
}
