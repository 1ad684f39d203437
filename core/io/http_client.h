/* SPDX-License-Identifier: Apache-2.0
 *
 * An HTTP client of one server: many calls at once, responses as streams.  Over TLS, HTTP/2 where
 * the server offers it (RFC 9113): then one connection carries all calls, and a PING finds out
 * that it hangs.  Otherwise HTTP/1.1 (RFC 9112), a connection for each call that runs, kept for
 * the next.  Nothing is sent to another server: redirects and proxies are not followed.
 *
 *     config    server, credentials, limits of time
 *     request   method, path, headers, body: copied at once
 *     events    head, then data as it comes, then end: exactly one end a call
 *
 * Connections are made when a call needs one, all addresses of the server's name in turn.  When
 * none answers, the calls that wait for it end with that error, and the next attempt is made when
 * there is a call again, 0.1 s to 5 s later (growing, with jitter).  A connection that is lost ends
 * the calls on it; nothing is ever sent twice.
 *
 * All is called on the loop thread.  Events come from the loop only, never from within a call made
 * here.  From within an event everything here may be called, http_client_free() too. */
#ifndef SEINE_IO_HTTP_CLIENT_H
#define SEINE_IO_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/io/loop.h"
#include "core/io/stream.h"

struct http_client;
struct http_call; /* from http_client_call() to its end event or http_call_cancel() */

enum {
    HTTP_CLIENT_HEAD_MS = 30000,       /* from the call to its response's head */
    HTTP_CLIENT_CONNECT_MS = 5000,     /* one address: connection and TLS handshake */
    HTTP_CLIENT_PING_MS = 15000,       /* of silence, then a PING asks */
    HTTP_CLIENT_PING_WAIT_MS = 10000,  /* for any byte after it */
    HTTP_CLIENT_IDLE_MS = 60000,       /* a connection without calls is kept */
    HTTP_CLIENT_HEAD_LIMIT = 64 << 10, /* bytes of a response's headers */
    HTTP_CLIENT_BODY_LIMIT = 4 << 20,  /* bytes of a request's body */
};

/* Where what is secret comes from: core/io/api_credentials.h has the implementation.  Members may
 * be NULL. */
struct http_credentials {
    /* Fills in authority, certificate and key before each connection; 'out' is zeroed, what it then
     * points to must stay until the next turn of the loop.  NULL: the system's authorities. */
    int (*tls)(void *aux, struct stream_tls *out, struct err *err);
    /* The bearer token for a call that is about to be sent, or NULL: none. */
    const char *(*bearer)(void *aux);
    /* A call was answered 401: what bearer() gave is worth nothing any more. */
    void (*refused)(void *aux);
    void *aux;
};

struct http_client_config {
    /* "https://HOST[:PORT][/PREFIX]", or http:// (then HTTP/1.1, and no credentials are sent).
     * HOST is a name or an IP address, IPv6 in brackets.  PREFIX goes before each path. */
    const char *server;
    struct http_credentials credentials;
    const char *user_agent; /* NULL: "seine" */
    bool gzip;              /* ask for compressed responses; they are decoded either way */
    bool http1_only;        /* do not offer HTTP/2 */
    /* 0: the values above.  Liveness: with calls on a connection and nothing received for ping_ms,
     * a PING is sent; with nothing for ping_wait_ms more, the connection is ended.  HTTP/1.1 has no
     * PING: it is ended after the sum. */
    unsigned connect_ms, ping_ms, ping_wait_ms, idle_ms;
};

struct http_header {
    const char *name, *value; /* names in lower case */
};
struct http_request {
    const char *method; /* "GET" */
    const char *path;   /* with its query, percent-encoded; begins with "/" */
    const struct http_header
        *headers; /* besides host, authorization, user-agent, accept-encoding */
    size_t n_headers;
    const void *body; /* NULL: none */
    size_t body_len;
    unsigned head_ms;    /* to the response's head, waiting for a connection included; 0: above */
    unsigned silence_ms; /* after the head, between its bytes; 0: no limit (a watch) */
    uint64_t body_limit; /* bytes of the response, decoded; 0: no limit */
};

/* What a response's head said.  Valid during the event. */
struct http_head {
    int status;               /* 200 to 599 */
    unsigned retry_after_s;   /* 0: not said (or as a date, which is not read) */
    const char *content_type; /* never NULL */
};
/* Members may be NULL. */
struct http_call_events {
    void (*head)(void *aux, const struct http_head *head);
    /* Decoded bytes of the body, n > 0, at any border. */
    void (*data)(void *aux, const void *p, size_t n);
    /* It is over and the call is gone.  why == NULL: the response was whole, of whatever status.
     * Else why->code is
     *   ERR_AGAIN       the server says that it has not looked at it: may be sent again as it is
     *   ERR_TIMEOUT     head_ms, silence_ms, or no sign of life on the connection
     *   ERR_TOO_BIG     HTTP_CLIENT_HEAD_LIMIT or body_limit
     *   ERR_PERMISSION  the server's certificate is not to be trusted
     *   ERR_INVALID, ERR_NOT_FOUND   credentials or the server's name: somebody has to mend it
     *   ERR_PROTOCOL, ERR_CLOSED, ERR_REFUSED, ERR_IO   connection broken, reset or not made */
    void (*end)(void *aux, const struct err *why);
};

/* ERR_INVALID: config->server is not an address as above.  The config is copied, but for what the
 * credentials' aux points to. */
int http_client_new(struct loop *l, const struct http_client_config *config,
                    struct http_client **out, struct err *err);
/* Ends all connections; calls are gone without their end event.  NULL is fine. */
void http_client_free(struct http_client *c);

/* Begins a call.  'events' is borrowed for the call's life.  Never NULL. */
struct http_call *http_client_call(struct http_client *c, const struct http_request *request,
                                   const struct http_call_events *events, void *aux);
/* Gives it up (HTTP/2: RST_STREAM): no event follows, the call is gone.  NULL is fine. */
void http_call_cancel(struct http_call *call);

/* ---- whole answers ---- */
/* The response as a whole (body: NUL-terminated, at most request->body_limit bytes, by default
 * 1 MiB), or why there is none; then status is 0 and body NULL. */
typedef void http_answer_fn(void *aux, int status, const char *body, size_t n,
                            const struct err *why);
/* A call whose answer comes in one piece; cancelled like any other. */
struct http_call *http_client_ask(struct http_client *c, const struct http_request *request,
                                  http_answer_fn *answered, void *aux);

/* ---- how it is doing ---- */
struct http_client_state {
    const char *protocol; /* "h2", "http/1.1"; "" while there is no connection */
    const char *peer;     /* "10.0.0.1:6443": connected, or tried last; "" before the first */
    size_t n_calls, n_connections;
    uint64_t connected, lost; /* connections made, and ended by an error, since the beginning */
    uint64_t silent;          /* of those lost: given up because nothing came */
    uint64_t received;        /* bytes of HTTP, TLS taken off */
};
void http_client_state(const struct http_client *c, struct http_client_state *out);

#endif
