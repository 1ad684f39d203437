/* SPDX-License-Identifier: Apache-2.0
 *
 * What stream.c (connections), stream_listener.c and stream_tls.c share, and nobody else sees. */
#ifndef SEINE_IO_STREAM_INTERNAL_H
#define SEINE_IO_STREAM_INTERNAL_H

#include <uv.h>

#include "core/base/sbuf.h"
#include "core/io/loop_uv.h"
#include "core/io/stream.h"

/* ---- TLS over memory: bytes in, bytes out ---- */
struct tls;         /* one connection */
struct tls_context; /* files read and checked */
int tls_context_new(const struct stream_tls *config, bool server, struct tls_context **out,
                    struct err *err);
void tls_context_free(struct tls_context *c); /* NULL is fine */
struct tls *tls_new(const struct tls_context *c);
void tls_free(struct tls *t); /* NULL is fine */
/* Begins, or goes on with the handshake: 1 done, 0 more bytes are needed, or an error. */
int tls_handshake(struct tls *t, struct err *err);
const char *tls_protocol(struct tls *t);               /* agreed on, "" none */
void tls_feed(struct tls *t, const void *p, size_t n); /* ciphertext that came */
/* Up to n bytes of plain text into p: > 0 their number, 0 none now, ERR_CLOSED or another error. */
int tls_read(struct tls *t, void *p, size_t n, struct err *err);
int tls_write(struct tls *t, const void *p, size_t n, struct err *err);
void tls_shutdown(struct tls *t);                /* puts a close notice into the output */
void tls_flush(struct tls *t, struct sbuf *out); /* ciphertext to send is appended */

/* ---- a connection ---- */
enum stream_phase { STREAM_CONNECTING, STREAM_HANDSHAKE, STREAM_OPEN, STREAM_ENDED, STREAM_GONE };

enum {
    STREAM_READ_SIZE = 64 << 10,
    STREAM_CONNECT_MS = 5000,
    STREAM_FINISH_MS = 5000,
    STREAM_BUSY_MS = 20
};

struct stream {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_pipe_t pipe;
        uv_tcp_t tcp;
    } uv;
    struct loop *loop;
    enum stream_phase phase;
    const struct stream_events *events;
    void *aux;
    struct stream_listener *listener; /* whose connection this is, or NULL */
    struct tls *tls;
    struct tls_context *context;        /* a client's */
    char peer[STREAM_ADDRESS_MAX + 16]; /* for error texts */

    uv_connect_t connect;
    uv_write_t write;
    struct sbuf out, sending; /* waiting; with libuv now */
    size_t write_limit;
    bool paused, finishing;

    struct loop_timer *timer;       /* connect, handshake, finish */
    struct loop_timer *retry;       /* of opening a named pipe, or NULL */
    struct loop_deferred *deferred; /* to report 'failure', or to go on reading after a pause */
    struct err failure;             /* code != 0: to be reported */
    struct loop_ending ending;
    char *read_buf;
};

/* stream_address_parse(), with the name of a local endpoint as this system opens it (see
 * platform/pipe.h).  ERR_INVALID. */
int stream_address_parse_here__(const char *text, struct stream_address *out, struct err *err);
/* What a connection and a listener are made of. */
struct stream_start {
    struct stream_address address;
    struct tls_context *context; /* the caller's now; NULL: no TLS */
};
int stream_start__(const char *address, const struct stream_tls *tls, bool server,
                   struct stream_start *out, struct err *err);
static inline bool stream_is_local__(enum stream_kind kind)
{
    return kind == STREAM_UNIX || kind == STREAM_PIPE;
}
/* A stream around a handle that is not connected yet. */
struct stream *stream_new__(struct loop *l, enum stream_kind kind, size_t write_limit);
/* Gives the stream its descriptor; 0 or a libuv error, then it is closed. */
int stream_open_fd__(struct stream *s, int fd);
/* The socket is connected: handshake or open. */
void stream_connected__(struct stream *s);

/* The listener's part: called instead of events while a connection is not handed over. */
void stream_listener_opened__(struct stream_listener *sl, struct stream *s);
void stream_listener_failed__(struct stream_listener *sl, struct stream *s, const struct err *why);
void stream_listener_gone__(struct stream_listener *sl); /* a stream of it was freed */

#endif
