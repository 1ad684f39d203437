/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of the HTTP client share: a server and a client in one loop, calls whose owner
 * keeps what it hears, and holds that events come in order and at most as often as promised. */
#ifndef SEINE_TESTS_UNIT_IO_HTTP_WORLD_H
#define SEINE_TESTS_UNIT_IO_HTTP_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/sbuf.h"
#include "core/io/http_client.h"
#include "tests/support/h2_server.h"

enum { PATIENCE_MS = 60000, CALLS = 8, REQUESTS = 64, REFUSED = 7, CANCEL = 8, INTERNAL = 2 };

struct world;
enum { NOTHING, CANCEL_IT, CANCEL_OTHER, FREE_CLIENT, CALL_AGAIN };
struct heard {
    struct world *w;
    struct http_call *call;
    int n_heads, status, n_ends, code;
    unsigned retry_after_s;
    char type[64], text[ERR_TEXT_MAX];
    struct sbuf data;
    size_t n_data; /* events */
    /* what the owner does in its events: one of those above */
    int on_head, on_data, on_end;
    struct heard *other;
};
struct world {
    struct loop *loop;
    struct h2_server server;
    struct http_client *client;
    char url[64];
    struct heard calls[CALLS];
    struct h2_exchange *requests[REQUESTS];
    size_t n_requests;
    void (*on_request)(struct world *w, struct h2_exchange *x);
    char ca[160], cert[160], key[160], other_ca[160];
    struct stream_tls tls;
    const char *client_ca;
    const char *token;
    int n_refused, n_tls;
    struct sbuf body; /* of a test's own */
};

/* ---- begin and end: fixtures ---- */
int make_certificates(void **state); /* of the group */
int remove_certificates(void **state);
int setup(void **state);
int teardown(void **state);

/* ---- both ends ---- */
void answer_hello(struct world *w, struct h2_exchange *x); /* the server's habit at first */
void start_server_at(struct world *w, uint16_t port);      /* 0: any; sets w->url */
struct http_client_config config_of(struct world *w);
void start_client(struct world *w, const struct http_client_config *config);
void start(struct world *w); /* both */

/* ---- calls, by number ---- */
extern const struct http_call_events heard_events; /* of a struct heard */
struct heard *send_request(struct world *w, size_t i, const struct http_request *request);
struct heard *get(struct world *w, size_t i, const char *path);
void forget(struct heard *h); /* cancels it; its place is free again */

/* ---- waiting ---- */
#define RUN_UNTIL(w, condition)                                                                    \
    do {                                                                                           \
        int64_t end__ = loop_now((w)->loop) + PATIENCE_MS;                                         \
        while (!(condition) && loop_now((w)->loop) < end__)                                        \
            loop_run_once((w)->loop, 20);                                                          \
        assert_true(condition);                                                                    \
    } while (0)

void run_for(struct world *w, int ms);
/* Calls 'write' PIECES times in more than 'silence_ms', and never silent for as long as that,
 * unless the call ends: false if it was, because this program did not run for a while. */
enum { PIECES = 6, ATTEMPTS = 40 };
bool write_pieces(struct heard *h, int silence_ms, loop_fn *write, void *aux);
void expect_end(struct heard *h, int code);
void expect_whole(struct heard *h, int status, const char *body);

#endif
