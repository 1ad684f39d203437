/* SPDX-License-Identifier: Apache-2.0
 *
 * An HTTP/1.1 server for local sockets and small TCP listeners: requests with a bounded body come
 * in, one at a time a connection; answers go out at once or later, of any length, with
 * Content-Length.  Connections are kept alive as the client asks, and ended when a request takes
 * too long to arrive.  Parsing is http_parser's (RFC 9112).
 *
 * All is called on the loop thread. */
#ifndef SEINE_IO_HTTP_SERVER_H
#define SEINE_IO_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/sbuf.h"
#include "core/io/loop.h"
#include "core/io/stream.h"

struct http_server;
struct http_exchange; /* one request that has not been answered */

enum {
    HTTP_HEAD_LIMIT = 16 << 10,  /* bytes of request line and headers */
    HTTP_TARGET_LIMIT = 4 << 10, /* bytes of path and query */
    HTTP_BODY_LIMIT = 1 << 20,   /* bytes of a body, unless configured */
    HTTP_REQUEST_MS = 10000,     /* from a request's first byte to its last */
    HTTP_IDLE_MS = 60000,        /* between requests */
    HTTP_SEND_MS = 30000,        /* without any progress of an answer */
};

/* A whole request has come: the handler calls http_answer(), now or later, exactly once. */
typedef void http_handler_fn(void *aux, struct http_exchange *x);

struct http_server_config {
    const char *address;        /* unix:, tcp:, pipe: (core/io/stream.h) */
    stream_peer_fn *peer_check; /* may be NULL */
    stream_reject_fn *rejected; /* may be NULL */
    size_t body_limit;          /* 0: HTTP_BODY_LIMIT */
    unsigned max_connections;   /* 0: 256 */
};
/* Listens.  Errors of stream_listen(). */
int http_server_new(struct loop *l, const struct http_server_config *config,
                    http_handler_fn *handler, void *aux, struct http_server **out, struct err *err);
/* Stops listening and ends all connections; exchanges that are still open are abandoned (their
 * abandoned callbacks are called) and must not be answered any more.  NULL is fine. */
void http_server_free(struct http_server *s);
/* Stops listening and calls no handler any more; answers that are under way still go out. */
void http_server_stop(struct http_server *s);
/* The port it listens on, 0 for local sockets. */
uint16_t http_server_port(const struct http_server *s);

/* ---- the request; valid until it is answered or abandoned ---- */
const char *http_method(const struct http_exchange *x); /* "GET" */
const char *http_path(const struct http_exchange *x);   /* without the query */
const char *http_body(const struct http_exchange *x, size_t *n_out);
/* Value of a key of the query, percent-decoded, into 'out' (cleared first).  False: absent or
 * malformed. */
bool http_query(const struct http_exchange *x, const char *key, struct sbuf *out);
/* Called once if the client goes away before the answer (or the server is freed): then the
 * exchange is gone.  NULL: nothing. */
void http_on_abandon(struct http_exchange *x, loop_fn *abandoned, void *aux);

/* ---- the answer: the exchange is gone afterwards ---- */
/* Moves 'body' out ('*body' is then empty); NULL: no body. */
void http_answer(struct http_exchange *x, int status, const char *content_type, struct sbuf *body);
/* A JSON object {"error": TEXT}. */
void http_answer_error(struct http_exchange *x, int status, const char *fmt, ...) PORT_PRINTF(3, 4);

#endif
