/* SPDX-License-Identifier: Apache-2.0
 *
 * A TLS server for tests of the HTTP client, in the test's own loop: HTTP/2 by nghttp2, or HTTP/1.1
 * whose bytes the test writes itself.  What a test wants to go wrong, goes wrong here. */
#ifndef SEINE_TESTS_SUPPORT_H2_SERVER_H
#define SEINE_TESTS_SUPPORT_H2_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/sbuf.h"
#include "core/io/stream.h"

enum { H2_EXCHANGES = 64 };
struct h2_server;
struct h2_peer; /* one connection */
struct h2_exchange {
    struct h2_peer *peer;
    int32_t stream;
    char method[16], path[256], authority[256], token[256], header[256], encoding[32];
    struct sbuf body; /* of the request */
    bool complete;    /* the request is */
    bool reset;       /* by the client */
    uint32_t reset_code;
    struct sbuf out; /* of the response */
    size_t out_at;   /* of it were sent */
    bool out_end;    /* nothing follows 'out' */
    bool deferred, trailers;
};

struct h2_server {
    struct loop *loop;
    struct stream_listener *listener;
    uint16_t port;
    struct h2_peer *peers;
    unsigned n_accepted, n_peers, n_pings;

    /* A request is complete (HTTP/2).  aux is the server's. */
    void (*request)(void *aux, struct h2_exchange *x);
    /* Bytes that came on a connection that is not HTTP/2. */
    void (*bytes)(void *aux, struct h2_peer *peer, struct sbuf *in);
    void *aux;
    uint32_t max_calls; /* at once on a connection, 0: any number */

    /* what goes wrong */
    size_t piece; /* the output is written in pieces of this size, 0: as it comes */
    size_t cut;   /* after so many bytes of a connection's output it is closed, 0: never */
    bool deaf;    /* reads nothing any more */
    bool shut;    /* closes connections as soon as they are there */
};
/* Listens on 127.0.0.1 with 'tls' (NULL: without). */
void h2_server_start(struct h2_server *s, struct loop *l, const struct stream_tls *tls);
/* The same on a port. */
void h2_server_start_at(struct h2_server *s, struct loop *l, const struct stream_tls *tls,
                        uint16_t port);
void h2_server_stop(struct h2_server *s); /* with all its connections */

/* Answers: a head; then bytes; then the end.  'extra': pairs of name and value up to NULL. */
void h2_head(struct h2_exchange *x, int status, const char *const *extra);
void h2_write(struct h2_exchange *x, const void *p, size_t n);
void h2_end(struct h2_exchange *x);
void h2_answer(struct h2_exchange *x, int status, const char *body); /* all three */
void h2_informational(struct h2_exchange *x, int status);
void h2_trailers(struct h2_exchange *x); /* in place of h2_end() */
void h2_reset(struct h2_exchange *x, uint32_t code);
void h2_goaway(struct h2_peer *peer, int32_t last_stream, uint32_t code);
/* Bytes as they are, between the frames. */
void h2_raw(struct h2_peer *peer, const void *p, size_t n);
void h2_peer_close(struct h2_peer *peer);
void h2_peer_finish(struct h2_peer *peer);       /* when what was written is out */
size_t h2_peer_sent(const struct h2_peer *peer); /* bytes so far */

#endif
