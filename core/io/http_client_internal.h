/* SPDX-License-Identifier: Apache-2.0
 *
 * What the HTTP client's files share, and nobody else sees:
 *
 *     http_client.c   the client: its calls that wait, the server's addresses, back-off
 *     http_conn.c     one connection: bytes, liveness, the calls that run on it
 *     http_call.c     one call: its request's copy, its response's head, decoding, events
 *     http2.c         protocol HTTP/2 (nghttp2)
 *     http1.c         protocol HTTP/1.1 (http_parser)
 *     http_gunzip.c   decoding (zlib)
 *     http_ask.c      answers in one piece
 *
 * An event may free anything.  So a call that is inside an event is only marked and freed when the
 * event has returned ('busy'), and so are a connection whose protocol is reading, and the client.
 */
#ifndef SEINE_IO_HTTP_CLIENT_INTERNAL_H
#define SEINE_IO_HTTP_CLIENT_INTERNAL_H

#include "core/base/sbuf.h"
#include "core/base/vec.h"
#include "core/io/http_client.h"
#include "core/io/http_gunzip.h"
#include "core/io/resolve.h"

struct http_conn;

/* ---- a call ---- */
enum http_coding { HTTP_CODING_NONE, HTTP_CODING_GZIP, HTTP_CODING_OTHER };
struct http_call {
    struct http_call *next, **link; /* of the list that it is in */
    struct http_client *client;
    struct http_conn *conn; /* NULL: waits for one */
    const struct http_call_events *events;
    void *aux;
    loop_fn *dispose; /* called with aux when the call's memory goes, or NULL */
    struct loop_timer *timer;
    unsigned busy;
    bool over; /* gone for its owner */

    /* the request */
    char *method, *path; /* path: prefix included */
    VEC(struct http_header) headers;
    struct sbuf body;
    size_t body_sent;
    bool invalid; /* has bytes that cannot be sent */

    /* the response */
    int status; /* 0: not begun */
    bool headed, whole;
    size_t head_bytes;
    unsigned retry_after_s;
    char content_type[64];
    enum http_coding coding;
    struct http_gunzip *gunzip;
    uint64_t body_limit, body_bytes;
    unsigned silence_ms;
    int64_t heard;  /* when something of it came last */
    int64_t number; /* the protocol's: HTTP/2's stream */
};
struct http_call *http_call_new__(struct http_client *c, const struct http_request *request,
                                  const struct http_call_events *events, void *aux);
void http_call_link__(struct http_call *call, struct http_call **list);
void http_call_unlink__(struct http_call *call);
/* Forgets it, with no event. */
void http_call_drop__(struct http_call *call);
/* Ends it with the event; it is off its list already or will be.  'why' NULL: whole. */
void http_call_end__(struct http_call *call, const struct err *why);
/* Ends it from this side: the protocol is told, then the owner. */
void http_call_fail__(struct http_call *call, const struct err *why);

/* What a protocol reads.  After each of these the call may be gone. */
/* A field of the head (before http_call_head__()).  False: over the limit. */
bool http_call_field__(struct http_call *call, const char *name, size_t n, const char *value,
                       size_t m);
void http_call_forget_head__(struct http_call *call); /* it was an interim one, 1xx */
void http_call_head__(struct http_call *call);
void http_call_body__(struct http_call *call, const void *p, size_t n);
/* All of the response has come: end event. */
void http_call_whole__(struct http_call *call);

/* ---- a protocol over a connection ---- */
struct http_protocol {
    const char *name;
    bool pings;
    void *(*open)(struct http_conn *conn);
    void (*close)(void *session);
    /* Is there room for one more call? */
    bool (*takes)(const void *session);
    /* Begins a call, of which nothing was sent.  ERR_AGAIN: not on this connection. */
    int (*submit)(void *session, struct http_call *call, struct err *err);
    void (*cancel)(void *session, struct http_call *call);
    /* Bytes from the peer; p == NULL: it closed.  < 0: the connection is broken. */
    int (*input)(void *session, const void *p, size_t n, struct err *err);
    /* Appends some of what is to be sent. */
    int (*output)(void *session, struct sbuf *out, struct err *err);
    void (*ping)(void *session);
};
extern const struct http_protocol http2_protocol, http1_protocol;

/* ---- a connection ---- */
struct http_conn {
    struct http_client *client;
    struct http_conn *next, **link;
    struct stream *stream;
    const struct http_protocol *protocol;
    void *session;
    struct http_call *calls;
    struct loop_timer *timer;       /* liveness */
    struct loop_deferred *deferred; /* to send */
    char peer[STREAM_ADDRESS_MAX];
    int64_t heard, pinged; /* pinged 0: no PING is out */
    bool draining;         /* takes no further calls */
    bool proven;           /* some response began */
    bool dead;
    unsigned busy;
};
/* One without a stream yet. */
struct http_conn *http_conn_new__(struct http_client *c, const struct http_protocol *protocol,
                                  const char *peer);
/* Gives it its stream, which is open. */
void http_conn_attach__(struct http_conn *conn, struct stream *stream);
/* Puts a waiting call on it.  False: it does not take it. */
bool http_conn_take__(struct http_conn *conn, struct http_call *call);
void http_conn_send__(struct http_conn *conn); /* soon */
/* The protocol understood something of what came.  Bytes alone are no sign of life: a peer that has
 * lost its place can send them for hours. */
void http_conn_heard__(struct http_conn *conn);
/* A call has left it. */
void http_conn_less__(struct http_conn *conn);
/* Ends it; calls on it are forgotten. */
void http_conn_drop__(struct http_conn *conn);

/* ---- the client ---- */
struct http_client {
    struct loop *loop;
    struct http_client_config config; /* its strings are the client's own */
    char *server, *authority, *host, *prefix, *user_agent;
    bool tls;
    uint16_t port;

    struct http_conn *conns;
    struct http_call *waiting, *ending;
    struct loop_deferred *schedule;
    char *gunzip_buf; /* shared: what is in it is used up before anything else happens */

    /* the attempt to connect */
    bool dialing;
    struct resolve *resolve;
    struct stream *dialed;
    struct ip ips[RESOLVE_MAX];
    size_t n_ips, next_ip;
    struct ip good; /* answered the last time, or none */
    char peer[STREAM_ADDRESS_MAX];
    struct err failure;
    unsigned failures; /* in a row */
    struct loop_timer *again;
    bool backing_off;
    uint64_t rng;

    uint64_t connected, lost, silent, received;
    const char *protocol; /* of the newest connection */
    unsigned busy;
    bool freed;
};
void http_client_soon__(struct http_client *c); /* looks for connections for calls that wait */
/* A connection works (a response began) / was lost, before that or after it. */
void http_client_proven__(struct http_client *c);
void http_client_lost__(struct http_client *c, bool proven);
/* Frees the client if that was asked for and nothing of it is in use any more. */
void http_client_settle__(struct http_client *c);

#endif
