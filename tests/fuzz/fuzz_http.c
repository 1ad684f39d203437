/* SPDX-License-Identifier: Apache-2.0
 *
 * What a server may send to the HTTP client, without sockets: the first byte chooses the protocol
 * and how the rest is cut, the rest comes for two calls (HTTP/1.1: one).  Events come in order,
 * the end at most once, no more bytes than were allowed. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/io/http_client_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BODY_LIMIT = 1 << 20, FUZZ_HTTP2 = 1, FUZZ_CANCEL = 2, FUZZ_PIECE_SHIFT = 2 };

struct fuzz_call {
    struct http_call *call;
    int n_heads, n_ends;
    size_t n;
    bool cancels; /* at its first bytes */
};

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void on_head(void *aux, const struct http_head *head)
{
    struct fuzz_call *f = aux;
    check(f->call && f->n_ends == 0 && ++f->n_heads == 1);
    check(head->status >= 200 && head->status <= 999 && head->content_type);
}

static void on_data(void *aux, const void *p, size_t n)
{
    struct fuzz_call *f = aux;
    f->n += n;
    check(f->call && p && n > 0 && f->n_heads == 1 && f->n_ends == 0 && f->n <= BODY_LIMIT);
    if (f->cancels) {
        http_call_cancel(f->call);
        f->call = NULL;
    }
}

static void on_end(void *aux, const struct err *why)
{
    struct fuzz_call *f = aux;
    check(f->call && ++f->n_ends == 1);
    check(why ? why->code < 0 && why->text[0] : f->n_heads == 1);
    f->call = NULL;
}

static const struct http_call_events events = {on_head, on_data, on_end};

static void begin(struct http_conn *conn, struct fuzz_call *f)
{
    static const struct http_request request = {
        .method = "GET", .path = "/", .body_limit = BODY_LIMIT};
    struct err err;
    f->call = http_call_new__(conn->client, &request, &events, f);
    http_call_link__(f->call, &conn->calls);
    f->call->conn = conn;
    check(conn->protocol->submit(conn->session, f->call, &err) == 0);
}

static bool input(struct http_conn *conn, const void *p, size_t n)
{
    auto_sbuf out = SBUF_INIT;
    struct err err = {0};
    int rc = conn->protocol->input(conn->session, p, n, &err);
    if (rc == 0)
        rc = conn->protocol->output(conn->session, &out, &err);
    check(rc == 0 || (rc < 0 && err.text[0]));
    return rc == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct loop *loop;
    const struct http_client_config config = {.server = "https://a"};
    struct fuzz_call calls[2] = {{0}};
    struct http_client *client;
    if (size < 1)
        return 0;
    loop = loop ? loop : loop_new();
    uint8_t how = data[0];
    size_t piece = how >> FUZZ_PIECE_SHIFT ? how >> FUZZ_PIECE_SHIFT : size;
    check(http_client_new(loop, &config, &client, NULL) == 0);
    struct http_conn *conn =
        http_conn_new__(client, how & FUZZ_HTTP2 ? &http2_protocol : &http1_protocol, "a:443");
    calls[0].cancels = how & FUZZ_CANCEL;
    begin(conn, &calls[0]);
    if (how & FUZZ_HTTP2)
        begin(conn, &calls[1]);
    bool goes_on = true;
    for (size_t at = 1; at < size && goes_on; at += piece) {
        size_t n = size - at < piece ? size - at : piece;
        auto_free uint8_t *bytes = mem_dup(data + at, n); /* of its very size */
        goes_on = input(conn, bytes, n);
    }
    if (goes_on)
        input(conn, NULL, 0);
    http_client_free(client);
    loop_run_once(loop, 0);
    return 0;
}
