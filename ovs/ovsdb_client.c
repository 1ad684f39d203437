/* SPDX-License-Identifier: Apache-2.0
 *
 * The OVSDB client: see ovsdb_client.h. */
#include "ovs/ovsdb_client.h"

#include "core/base/hash.h"
#include "core/base/mem.h"
#include "ovs/reconnect.h"

enum { OVSDB_CLIENT_MIN_MS = 100, OVSDB_CLIENT_MAX_MS = 4000 };

struct ovsdb_client {
    struct loop *loop;
    char *address;
    const struct stream_tls *tls;
    const struct ovsdb_client_events *events;
    void *aux;
    struct stream *stream;
    struct ovsdb_session *session;
    struct ovsdb_replica *replica;
    struct reconnect reconnect;
    struct loop_timer *timer; /* the next try, or the session's deadline */
    bool choked;              /* a request could not be queued: the connection must end */
};

static int ovsdb_client_connect__(struct ovsdb_client *c, struct err *err);

/* ---- the connection's end ---- */

static void ovsdb_client_lost__(struct ovsdb_client *c, const struct err *why)
{
    struct ovsdb_session *s = c->session;
    stream_close(c->stream);
    c->stream = NULL;
    c->session = NULL;
    c->choked = false;
    loop_timer_at(c->timer, reconnect_lost(&c->reconnect, loop_now(c->loop)));
    ovsdb_session_free(s);
    c->events->lost(c->aux, why);
}

/* ---- the session ---- */

/* Sends what there is to send and sets the timer. */
static void ovsdb_client_flush__(struct ovsdb_client *c)
{
    if (!c->session) {
        return;
    }
    auto_sbuf out = SBUF_INIT;
    if (ovsdb_session_output(c->session, &out) > 0 &&
        stream_write(c->stream, out.data, out.len) == ERR_EXHAUSTED) {
        struct err why;
        err_set(&why, ERR_EXHAUSTED, "OVSDB: the server does not read");
        ovsdb_client_lost__(c, &why);
        return;
    }
    loop_timer_at(c->timer, ovsdb_session_deadline(c->session));
}

static void ovsdb_client_synced__(void *aux)
{
    struct ovsdb_client *c = aux;
    reconnect_up(&c->reconnect, loop_now(c->loop));
    c->events->synced(c->aux);
}

static void ovsdb_client_updated__(void *aux)
{
    struct ovsdb_client *c = aux;
    c->events->updated(c->aux);
}

static const struct ovsdb_session_events ovsdb_client_session_events = {
    .synced = ovsdb_client_synced__, .updated = ovsdb_client_updated__};

static void ovsdb_client_opened__(void *aux)
{
    struct ovsdb_client *c = aux;
    c->session = ovsdb_session_new(c->replica, &ovsdb_client_session_events, c, loop_now(c->loop));
    c->events->connected(c->aux);
    ovsdb_client_flush__(c);
}

static void ovsdb_client_input__(void *aux, const void *p, size_t n)
{
    struct ovsdb_client *c = aux;
    struct err err;
    if (ovsdb_session_input(c->session, p, n, loop_now(c->loop), &err) != 0) {
        ovsdb_client_lost__(c, &err);
        return;
    }
    ovsdb_client_flush__(c);
}

static void ovsdb_client_closed__(void *aux, const struct err *why)
{
    ovsdb_client_lost__(aux, why);
}

static const struct stream_events ovsdb_client_stream_events = {
    .opened = ovsdb_client_opened__,
    .input = ovsdb_client_input__,
    .closed = ovsdb_client_closed__,
};

static void ovsdb_client_timer__(void *aux)
{
    struct ovsdb_client *c = aux;
    struct err err;
    if (c->choked) {
        err_set(&err, ERR_EXHAUSTED, "OVSDB: the server does not read");
        ovsdb_client_lost__(c, &err);
        return;
    }
    int rc = c->session ? ovsdb_session_run(c->session, loop_now(c->loop), &err)
                        : ovsdb_client_connect__(c, &err);
    if (rc != 0) {
        ovsdb_client_lost__(c, &err);
        return;
    }
    ovsdb_client_flush__(c);
}

static int ovsdb_client_connect__(struct ovsdb_client *c, struct err *err)
{
    struct stream_config config = {.address = c->address, .tls = c->tls};
    return stream_connect(c->loop, &config, &ovsdb_client_stream_events, c, &c->stream, err);
}

/* ---- public ---- */

int ovsdb_client_new(struct loop *l, const char *address, const struct stream_tls *tls,
                     const struct ovsdb_table_spec *specs, size_t n_specs,
                     const struct ovsdb_client_events *events, void *aux, struct ovsdb_client **out,
                     struct err *err)
{
    struct ovsdb_client *c = mem_calloc(1, sizeof *c);
    c->loop = l;
    c->address = mem_strdup(address);
    c->tls = tls;
    c->events = events;
    c->aux = aux;
    c->replica = ovsdb_replica_new(specs, n_specs);
    c->timer = loop_limit_new(l, ovsdb_client_timer__, c);
    reconnect_init(&c->reconnect, OVSDB_CLIENT_MIN_MS, OVSDB_CLIENT_MAX_MS,
                   hash_str(address, loop_now_ns()));
    int rc = ovsdb_client_connect__(c, err);
    if (rc != 0) {
        ovsdb_client_free(c);
        return rc;
    }
    *out = c;
    return 0;
}

void ovsdb_client_free(struct ovsdb_client *c)
{
    if (!c) {
        return;
    }
    stream_close(c->stream);
    struct ovsdb_session *s = c->session;
    c->session = NULL;
    ovsdb_session_free(s);
    loop_timer_free(c->timer);
    ovsdb_replica_free(c->replica);
    mem_free(c->address);
    mem_free(c);
}

const struct ovsdb_replica *ovsdb_client_replica(const struct ovsdb_client *c)
{
    return c->replica;
}

bool ovsdb_client_is_connected(const struct ovsdb_client *c)
{
    return c->session != NULL;
}

bool ovsdb_client_is_synced(const struct ovsdb_client *c)
{
    return c->session && ovsdb_session_is_synced(c->session);
}

int ovsdb_client_transact(struct ovsdb_client *c, cJSON *ops, ovsdb_reply_fn *reply, void *aux)
{
    if (!ovsdb_client_is_synced(c)) {
        cJSON_Delete(ops);
        return ERR_CLOSED;
    }
    ovsdb_session_transact(c->session, ops, reply, aux);
    auto_sbuf out = SBUF_INIT;
    ovsdb_session_output(c->session, &out);
    if (stream_write(c->stream, out.data, out.len) == ERR_EXHAUSTED) {
        c->choked = true; /* settled from the loop, as every end is */
        loop_timer_after(c->timer, 0);
    }
    return 0;
}
