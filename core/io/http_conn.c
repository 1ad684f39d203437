/* SPDX-License-Identifier: Apache-2.0
 *
 * A connection of the HTTP client: see http_client_internal.h.  It moves bytes between its stream
 * and its protocol, and watches that the peer gives a sign of life while calls run. */
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/io/http_client_internal.h"

enum { HTTP_CONN_QUEUE = 256 << 10 }; /* bytes that may wait to be sent */

static void http_conn_rearm__(struct http_conn *conn);
static void http_conn_timer__(void *aux);
static void http_conn_deferred__(void *aux);

/* ---- life ---- */

static void http_conn_leave__(struct http_conn *conn)
{
    struct http_client *c = conn->client;
    if (--conn->busy > 0 || !conn->dead) {
        return;
    }
    *conn->link = conn->next;
    if (conn->next) {
        conn->next->link = conn->link;
    }
    conn->protocol->close(conn->session);
    mem_free(conn);
    http_client_settle__(c);
}

static void http_conn_close__(struct http_conn *conn)
{
    if (!conn->dead) {
        conn->dead = true;
        stream_close(conn->stream);
        conn->stream = NULL;
        loop_timer_free(conn->timer);
        loop_deferred_free(conn->deferred);
    }
}

void http_conn_drop__(struct http_conn *conn)
{
    conn->busy++;
    http_conn_close__(conn);
    while (conn->calls) {
        http_call_drop__(conn->calls);
    }
    http_conn_leave__(conn);
}

/* It broke: the calls on it end. */
static void http_conn_lost__(struct http_conn *conn, const struct err *why)
{
    bool was_needed = conn->calls != NULL;
    conn->busy++;
    http_conn_close__(conn);
    if (was_needed) {
        http_client_lost__(conn->client, conn->proven);
    }
    while (conn->calls) {
        http_call_end__(conn->calls, why);
    }
    http_conn_leave__(conn);
}

/* Nobody needs it: a friendly end. */
static void http_conn_finish__(struct http_conn *conn)
{
    stream_finish(conn->stream);
    conn->stream = NULL;
    http_conn_drop__(conn);
}

/* ---- sending ---- */

static void http_conn_flush__(struct http_conn *conn)
{
    auto_sbuf out = SBUF_INIT;
    struct err why;
    int rc = 0;
    conn->busy++;
    while (!conn->dead && rc == 0 && stream_queued(conn->stream) < HTTP_CONN_QUEUE) {
        sbuf_clear(&out);
        rc = conn->protocol->output(conn->session, &out, &why);
        if (rc == 0 &&
            (conn->dead || out.len == 0 || stream_write(conn->stream, out.data, out.len) != 0)) {
            break; /* nothing to send; or the stream is about to say that it is closed */
        }
    }
    if (!conn->dead && rc < 0) {
        http_conn_lost__(conn, &why);
    } else if (!conn->dead && conn->draining && !conn->calls) {
        http_conn_finish__(conn);
    }
    http_conn_leave__(conn);
}

void http_conn_send__(struct http_conn *conn)
{
    if (!conn->dead) {
        loop_deferred_schedule(conn->deferred);
    }
}

void http_conn_less__(struct http_conn *conn)
{
    http_conn_send__(conn);
    if (!conn->dead && !conn->calls) {
        http_conn_rearm__(conn); /* it may idle, and be silent for another time */
    }
    if (!conn->dead && conn->client->waiting) {
        http_client_soon__(conn->client);
    }
}

static void http_conn_drained__(void *aux)
{
    http_conn_flush__(aux);
}

/* ---- receiving ---- */

static void http_conn_read__(struct http_conn *conn, const void *p, size_t n,
                             const struct err *closed)
{
    struct err why;
    conn->busy++;
    int rc = conn->protocol->input(conn->session, p, n, &why);
    if (!conn->dead && rc < 0) {
        http_conn_lost__(conn, &why);
    } else if (!conn->dead && closed) {
        http_conn_lost__(conn, closed);
    } else if (!conn->dead) {
        http_conn_flush__(conn);
    }
    http_conn_leave__(conn);
}

void http_conn_heard__(struct http_conn *conn)
{
    conn->heard = loop_now(conn->client->loop);
    conn->pinged = 0;
}

static void http_conn_input__(void *aux, const void *p, size_t n)
{
    struct http_conn *conn = aux;
    conn->client->received += n;
    http_conn_read__(conn, p, n, NULL);
}

static void http_conn_closed__(void *aux, const struct err *why)
{
    http_conn_read__(aux, NULL, 0, why);
}

static const struct stream_events http_conn_events = {
    .input = http_conn_input__,
    .drained = http_conn_drained__,
    .closed = http_conn_closed__,
};

/* ---- liveness ---- */

/* Milliseconds of silence that are borne at this moment, counted from '*since_out'. */
static int64_t http_conn_patience__(const struct http_conn *conn, int64_t *since_out)
{
    const struct http_client_config *config = &conn->client->config;
    *since_out = conn->pinged ? conn->pinged : conn->heard;
    if (!conn->calls) {
        return config->idle_ms;
    }
    if (conn->pinged) {
        return config->ping_wait_ms;
    }
    return conn->protocol->pings ? config->ping_ms
                                 : (int64_t)config->ping_ms + config->ping_wait_ms;
}

static void http_conn_rearm__(struct http_conn *conn)
{
    int64_t since, patience = http_conn_patience__(conn, &since);
    loop_timer_at(conn->timer, since + patience);
}

/* It was silent for as long as was to be borne. */
static void http_conn_too_silent__(struct http_conn *conn)
{
    struct err why;
    if (!conn->calls) {
        http_conn_finish__(conn);
        return;
    }
    if (conn->protocol->pings && !conn->pinged) {
        conn->pinged = loop_now(conn->client->loop);
        conn->protocol->ping(conn->session);
        http_conn_rearm__(conn);
        http_conn_flush__(conn);
        return;
    }
    conn->client->silent++;
    err_set(&why, ERR_TIMEOUT, "%s: the connection is silent", conn->peer);
    http_conn_lost__(conn, &why);
}

static void http_conn_timer__(void *aux)
{
    struct http_conn *conn = aux;
    int64_t since, patience = http_conn_patience__(conn, &since);
    if (loop_now(conn->client->loop) < since + patience) {
        http_conn_rearm__(conn);
    } else {
        http_conn_too_silent__(conn);
    }
}

static void http_conn_deferred__(void *aux)
{
    http_conn_flush__(aux);
}

/* ---- calls ---- */

bool http_conn_take__(struct http_conn *conn, struct http_call *call)
{
    struct http_client *c = conn->client;
    struct err why;
    if (conn->dead || conn->draining || !conn->protocol->takes(conn->session)) {
        return false;
    }
    if (!conn->calls) {
        conn->heard = loop_now(c->loop); /* until now nobody minded silence */
    }
    http_call_unlink__(call);
    http_call_link__(call, &conn->calls);
    call->conn = conn;
    int rc = conn->protocol->submit(conn->session, call, &why);
    if (rc == ERR_AGAIN) {
        call->conn = NULL;
        http_call_unlink__(call);
        http_call_link__(call, &c->waiting);
        conn->draining = true;
        return false;
    }
    if (rc < 0) {
        http_call_end__(call, &why);
        return true;
    }
    http_conn_rearm__(conn);
    http_conn_send__(conn);
    return true;
}

struct http_conn *http_conn_new__(struct http_client *c, const struct http_protocol *protocol,
                                  const char *peer)
{
    struct http_conn *conn = mem_calloc(1, sizeof *conn);
    conn->client = c;
    conn->protocol = protocol;
    conn->timer = loop_limit_new(c->loop, http_conn_timer__, conn);
    conn->deferred = loop_deferred_new(c->loop, http_conn_deferred__, conn);
    conn->heard = loop_now(c->loop);
    snprintf(conn->peer, sizeof conn->peer, "%s", peer);
    conn->next = c->conns;
    conn->link = &c->conns;
    if (conn->next) {
        conn->next->link = &conn->next;
    }
    c->conns = conn;
    conn->session = conn->protocol->open(conn);
    return conn;
}

void http_conn_attach__(struct http_conn *conn, struct stream *stream)
{
    conn->stream = stream;
    stream_set_events(stream, &http_conn_events, conn);
    http_conn_rearm__(conn);
    http_conn_send__(conn);
}
