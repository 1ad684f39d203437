/* SPDX-License-Identifier: Apache-2.0
 *
 * The switch as target: see flow_target.h.  Binds a session (ofsession.h, pure) to a stream, a
 * back-off and the engine.
 *
 * One thing is under way at a time: connecting, greeting, a dump, or a bundle.  What comes next is
 * decided in one place, flow_target_step__(), which runs deferred, at the end of a loop turn: so
 * several pokes are one bundle.  Sessions speak from within their input; the step runs outside. */
#include "ovs/flow_target.h"

#include <assert.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/mem.h"
#include "core/base/sbuf.h"
#include "ovs/reconnect.h"

enum {
    FLOW_TARGET_MIN_MS = 50,
    FLOW_TARGET_MAX_MS = 1000,
    FLOW_TARGET_REFUSED_MS = 30000,
    FLOW_TARGET_HOLD_MIN_MS = 500, /* after a refusal whose item is not known */
    FLOW_TARGET_HOLD_MAX_MS = 30000,
    FLOW_TARGET_CHUNK = 256 << 10, /* bytes handed to the stream at once, and kept waiting there */
};

struct flow_target {
    struct loop *loop;
    struct engine *engine;
    struct flow_target_config config; /* own strings */
    struct stream_tls tls;
    const struct flow_target_events *events;
    void *aux;

    struct stream *stream;
    struct ofsession *session; /* while the stream is open */
    struct reconnect reconnect;
    struct loop_timer *timer; /* the next try, or the session's deadline */
    struct loop_timer *retry; /* of refused items */
    struct loop_timer *hold;  /* while nothing is planned after a blind refusal */
    struct loop_deferred *step;
    struct err lost; /* code != 0: the connection must end, for this reason */

    bool gate, greeted;
    bool read;        /* this connection's content is the engine's installed */
    bool dump_open;   /* engine_dump_begin() without its end */
    bool want_dump;   /* read back before the next bundle */
    bool told_synced; /* 'acked' was called since reading back */
    bool settled;     /* everything was acknowledged once since reading back */
    bool holding;
    int64_t hold_ms;
    const struct plan *plans[OFSESSION_N_SPACES]; /* out now */
    struct flow_target_counters counters;
};

static void flow_target_pump__(struct flow_target *t);
static int flow_target_connect__(struct flow_target *t, struct err *err);

/* ---- the connection's end ---- */

/* A dump that was cut off leaves the engine with what came; the next connection dumps anew, before
 * anything is planned. */
static void flow_target_dump_close__(struct flow_target *t)
{
    for (int i = 0; t->dump_open && i < OFSESSION_N_SPACES; i++) {
        engine_dump_end(t->engine, t->config.spaces[i]);
    }
    t->dump_open = false;
}

static void flow_target_drop__(struct flow_target *t)
{
    struct ofsession *s = t->session;
    if (s) {
        ofsession_lost(s); /* settles a bundle as unknown */
    }
    t->session = NULL;
    ofsession_free(s);
    stream_close(t->stream);
    t->stream = NULL;
    flow_target_dump_close__(t);
    t->greeted = t->read = t->told_synced = false;
    t->lost = (struct err){0};
}

static void flow_target_lost__(struct flow_target *t, const struct err *why)
{
    struct err reason = *why;
    flow_target_drop__(t);
    loop_timer_at(t->timer, reconnect_lost(&t->reconnect, loop_now(t->loop)));
    if (t->events->disconnected) {
        t->events->disconnected(t->aux, &reason);
    }
}

/* ---- the session's events ---- */

static void flow_target_ready__(void *aux, const struct ofmsg_features *features)
{
    struct flow_target *t = aux;
    t->greeted = true;
    t->want_dump = true;
    t->counters.connections++;
    reconnect_up(&t->reconnect, loop_now(t->loop));
    if (t->events->connected) {
        t->events->connected(t->aux, features);
    }
    loop_deferred_schedule(t->step);
}

static void flow_target_dump_row__(void *aux, enum ofsession_space space, struct bytes key,
                                   struct bytes value)
{
    struct flow_target *t = aux;
    engine_dump_row(t->engine, t->config.spaces[space], key, value);
}

static void flow_target_dump_end__(void *aux)
{
    struct flow_target *t = aux;
    flow_target_dump_close__(t);
    t->read = true;
    t->told_synced = false;
    t->settled = false;
    if (t->events->read_back) {
        t->events->read_back(t->aux);
    }
    loop_deferred_schedule(t->step);
}

static void flow_target_count__(struct flow_target *t, const struct ofsession_outcome *o)
{
    t->counters.flow_mods += o->n_mods[OFSESSION_FLOW];
    t->counters.group_mods += o->n_mods[OFSESSION_GROUP];
    t->counters.meter_mods += o->n_mods[OFSESSION_METER];
    t->counters.committed += o->result == OFSESSION_COMMITTED;
    t->counters.refused += o->result == OFSESSION_REFUSED;
    t->counters.unknown += o->result == OFSESSION_UNKNOWN;
}

/* Tells the engine what became of one space's plan. */
static void flow_target_settle__(struct flow_target *t, int i, const struct ofsession_outcome *o)
{
    int space = t->config.spaces[i];
    t->plans[i] = NULL;
    if (o->result == OFSESSION_COMMITTED) {
        engine_plan_done(t->engine, space);
    } else if (o->result == OFSESSION_UNKNOWN) {
        engine_plan_unknown(t->engine, space);
    } else {
        engine_plan_refused(t->engine, space, i == (int)o->space ? o->item : SIZE_MAX, o->reason);
    }
}

static void flow_target_refused__(struct flow_target *t, const struct ofsession_outcome *o)
{
    if (o->space == OFSESSION_METER) {
        t->want_dump = true; /* other meters may be there already */
    }
    if (o->item == SIZE_MAX) { /* nobody knows what to leave out: do not try in a circle */
        t->hold_ms = t->hold_ms ? t->hold_ms * 2 : FLOW_TARGET_HOLD_MIN_MS;
        t->hold_ms = t->hold_ms < FLOW_TARGET_HOLD_MAX_MS ? t->hold_ms : FLOW_TARGET_HOLD_MAX_MS;
        t->holding = true;
        loop_timer_after(t->hold, t->hold_ms);
    }
    loop_timer_after(t->retry, t->config.retry_refused_ms);
    if (t->events->refused) {
        t->events->refused(t->aux, o->space, o->reason);
    }
}

static void flow_target_applied__(void *aux, const struct ofsession_outcome *o)
{
    struct flow_target *t = aux;
    flow_target_count__(t, o);
    if (o->result == OFSESSION_COMMITTED && t->events->committed) {
        t->events->committed(t->aux, t->plans[OFSESSION_FLOW], t->plans[OFSESSION_GROUP],
                             !t->settled);
    }
    t->settled = t->settled || (o->result == OFSESSION_COMMITTED && t->gate);
    for (int i = 0; i < OFSESSION_N_SPACES; i++) {
        if (t->plans[i]) {
            flow_target_settle__(t, i, o);
        }
    }
    if (o->result == OFSESSION_REFUSED) {
        flow_target_refused__(t, o);
    } else if (o->result == OFSESSION_COMMITTED) {
        t->hold_ms = 0;
        t->told_synced = t->gate; /* early flows are not everything */
        if (t->events->acked) {
            t->events->acked(t->aux);
        }
    } else {
        t->want_dump = true;
    }
    loop_deferred_schedule(t->step);
}

static void flow_target_port_status__(void *aux, enum ofmsg_port_reason reason,
                                      const struct ofmsg_port *port)
{
    struct flow_target *t = aux;
    if (t->events->port_status) {
        t->events->port_status(t->aux, reason, port);
    }
}

static void flow_target_packet_in__(void *aux, const struct ofmsg_packet_in *pin)
{
    struct flow_target *t = aux;
    if (t->events->packet_in) {
        t->events->packet_in(t->aux, pin);
    }
}

static const struct ofsession_events flow_target_session_events = {
    .ready = flow_target_ready__,
    .dump_row = flow_target_dump_row__,
    .dump_end = flow_target_dump_end__,
    .applied = flow_target_applied__,
    .port_status = flow_target_port_status__,
    .packet_in = flow_target_packet_in__,
};

/* ---- deciding what comes next ---- */

static void flow_target_dump__(struct flow_target *t)
{
    if (ofsession_dump(t->session, loop_now(t->loop)) != 0) {
        return;
    }
    t->want_dump = false;
    t->read = false;
    t->dump_open = true;
    t->counters.dumps++;
    for (int i = 0; i < OFSESSION_N_SPACES; i++) {
        engine_dump_begin(t->engine, t->config.spaces[i]);
    }
}

/* Takes the plans of the spaces that have something to do: how many items. */
static size_t flow_target_take_plans__(struct flow_target *t)
{
    size_t n = 0;
    for (int i = 0; i < OFSESSION_N_SPACES; i++) {
        if (engine_in_sync(t->engine, t->config.spaces[i])) {
            continue;
        }
        const struct plan *plan = engine_plan(t->engine, t->config.spaces[i]);
        if (plan->n == 0) { /* only refused keys are left */
            engine_plan_done(t->engine, t->config.spaces[i]);
            continue;
        }
        t->plans[i] = plan;
        n += plan->n;
    }
    return n;
}

static void flow_target_apply__(struct flow_target *t)
{
    if (flow_target_take_plans__(t) == 0) {
        if (!t->told_synced) { /* read back, and nothing differed */
            t->told_synced = true;
            t->settled = true;
            if (t->events->acked) {
                t->events->acked(t->aux);
            }
        }
        return;
    }
    int rc = ofsession_apply(t->session, t->plans, loop_now(t->loop));
    assert(rc == 0); /* it is idle */
    (void)rc;
}

/* ---- early flows ---- */

static bool flow_target_is_early__(void *aux, struct bytes key, struct bytes value)
{
    const uint64_t *cookie = aux;
    (void)key;
    return value.n >= sizeof *cookie && get_be64(value.p) == *cookie;
}

static bool flow_target_lacks_early__(const struct flow_target *t)
{
    uint64_t cookie = t->config.early_cookie;
    return cookie && engine_lacks_some(t->engine, t->config.spaces[OFSESSION_FLOW],
                                       flow_target_is_early__, &cookie);
}

static void flow_target_apply_early__(struct flow_target *t)
{
    if (!flow_target_lacks_early__(t)) {
        return;
    }
    t->plans[OFSESSION_FLOW] = engine_plan_some(t->engine, t->config.spaces[OFSESSION_FLOW],
                                                flow_target_is_early__, &t->config.early_cookie);
    int rc = ofsession_apply(t->session, t->plans, loop_now(t->loop));
    assert(rc == 0); /* it is idle */
    (void)rc;
}

static void flow_target_step__(void *aux)
{
    struct flow_target *t = aux;
    if (t->lost.code != 0) {
        struct err why = t->lost;
        flow_target_lost__(t, &why);
        return;
    }
    if (!t->session || ofsession_state(t->session) != OFSESSION_IDLE) {
        return;
    }
    if (t->want_dump) {
        flow_target_dump__(t);
    } else if (t->read && !t->holding && !engine_is_dirty(t->engine)) {
        /* Half of a change must never be sent: flow_target_poke() follows the end of deriving. */
        if (t->gate) {
            flow_target_apply__(t);
        } else {
            flow_target_apply_early__(t);
        }
    }
    flow_target_pump__(t);
}

/* ---- bytes ---- */

/* Moves output to the stream as far as that should hold, and sets the timer. */
static void flow_target_pump__(struct flow_target *t)
{
    if (!t->session || t->lost.code != 0) {
        return;
    }
    auto_sbuf out = SBUF_INIT;
    while (stream_queued(t->stream) < FLOW_TARGET_CHUNK &&
           ofsession_output(t->session, &out, FLOW_TARGET_CHUNK) > 0) {
        if (stream_write(t->stream, out.data, out.len) != 0) {
            err_set(&t->lost, ERR_CLOSED, "OpenFlow: cannot write");
            loop_deferred_schedule(t->step);
            return;
        }
        sbuf_clear(&out);
    }
    loop_timer_at(t->timer, ofsession_deadline(t->session));
}

static void flow_target_opened__(void *aux)
{
    struct flow_target *t = aux;
    struct ofsession_config config = {.controller_id = t->config.controller_id,
                                      .async = t->events->port_status || t->events->packet_in};
    t->session = ofsession_new(&config, &flow_target_session_events, t, loop_now(t->loop));
    flow_target_pump__(t);
}

static void flow_target_input__(void *aux, const void *p, size_t n)
{
    struct flow_target *t = aux;
    struct err err;
    if (ofsession_input(t->session, p, n, loop_now(t->loop), &err) != 0) {
        flow_target_lost__(t, &err);
        return;
    }
    flow_target_pump__(t);
}

static void flow_target_drained__(void *aux)
{
    flow_target_pump__(aux);
}

static void flow_target_closed__(void *aux, const struct err *why)
{
    flow_target_lost__(aux, why);
}

static const struct stream_events flow_target_stream_events = {
    .opened = flow_target_opened__,
    .input = flow_target_input__,
    .drained = flow_target_drained__,
    .closed = flow_target_closed__,
};

static int flow_target_connect__(struct flow_target *t, struct err *err)
{
    struct stream_config config = {.address = t->config.address, .tls = t->config.tls};
    return stream_connect(t->loop, &config, &flow_target_stream_events, t, &t->stream, err);
}

static void flow_target_timer__(void *aux)
{
    struct flow_target *t = aux;
    struct err err;
    int rc = 0;
    if (t->session) {
        rc = ofsession_run(t->session, loop_now(t->loop), &err);
    } else if (!t->stream) {
        rc = flow_target_connect__(t, &err);
    }
    if (rc != 0) {
        flow_target_lost__(t, &err);
        return;
    }
    flow_target_pump__(t);
}

/* ---- refusals ---- */

static void flow_target_retry__(void *aux)
{
    struct flow_target *t = aux;
    for (int i = 0; i < OFSESSION_N_SPACES; i++) {
        engine_retry(t->engine, t->config.spaces[i]);
    }
    loop_deferred_schedule(t->step);
}

static void flow_target_hold__(void *aux)
{
    struct flow_target *t = aux;
    t->holding = false;
    loop_deferred_schedule(t->step);
}

/* ---- public ---- */

static char *flow_target_copy__(const char *s)
{
    return s ? mem_strdup(s) : NULL;
}

static void flow_target_config_copy__(struct flow_target *t, const struct flow_target_config *c)
{
    t->config = *c;
    t->config.address = mem_strdup(c->address);
    if (c->retry_refused_ms == 0) {
        t->config.retry_refused_ms = FLOW_TARGET_REFUSED_MS;
    }
    if (c->tls) {
        t->tls = *c->tls;
        t->tls.ca_file = flow_target_copy__(c->tls->ca_file);
        t->tls.cert_file = flow_target_copy__(c->tls->cert_file);
        t->tls.key_file = flow_target_copy__(c->tls->key_file);
        t->tls.verify_name = flow_target_copy__(c->tls->verify_name);
        t->config.tls = &t->tls;
    }
}

int flow_target_new(struct loop *l, struct engine *engine, const struct flow_target_config *config,
                    const struct flow_target_events *events, void *aux, struct flow_target **out,
                    struct err *err)
{
    struct flow_target *t = mem_calloc(1, sizeof *t);
    t->loop = l;
    t->engine = engine;
    t->events = events;
    t->aux = aux;
    flow_target_config_copy__(t, config);
    t->timer = loop_limit_new(l, flow_target_timer__, t);
    t->retry = loop_timer_new(l, flow_target_retry__, t);
    t->hold = loop_timer_new(l, flow_target_hold__, t);
    t->step = loop_deferred_new(l, flow_target_step__, t);
    reconnect_init(&t->reconnect, FLOW_TARGET_MIN_MS, FLOW_TARGET_MAX_MS,
                   hash_str(config->address, loop_now_ns()));
    int rc = flow_target_connect__(t, err);
    if (rc != 0) {
        flow_target_free(t);
        return rc;
    }
    *out = t;
    return 0;
}

void flow_target_free(struct flow_target *t)
{
    if (!t) {
        return;
    }
    static const struct flow_target_events none;
    t->events = &none;
    flow_target_drop__(t);
    loop_timer_free(t->timer);
    loop_timer_free(t->retry);
    loop_timer_free(t->hold);
    loop_deferred_free(t->step);
    const char *const strings[] = {t->config.address, t->tls.ca_file, t->tls.cert_file,
                                   t->tls.key_file, t->tls.verify_name};
    for (size_t i = 0; i < ARRAY_LEN(strings); i++) {
        mem_free((void *)(uintptr_t)strings[i]); /* our own copies */
    }
    mem_free(t);
}

void flow_target_gate(struct flow_target *t, bool open)
{
    t->gate = open;
    loop_deferred_schedule(t->step);
}

void flow_target_poke(struct flow_target *t)
{
    loop_deferred_schedule(t->step);
}

void flow_target_connect_now(struct flow_target *t)
{
    if (!t->stream) {
        reconnect_reset(&t->reconnect);
        loop_timer_after(t->timer, 0);
    }
}

void flow_target_reread(struct flow_target *t)
{
    t->want_dump = true;
    loop_deferred_schedule(t->step);
}

enum flow_target_state flow_target_state(const struct flow_target *t)
{
    if (!t->session) {
        return FLOW_TARGET_DISCONNECTED;
    }
    switch (ofsession_state(t->session)) {
    case OFSESSION_HELLO:
    case OFSESSION_FEATURES:
        return FLOW_TARGET_GREETING;
    case OFSESSION_DUMPING:
        return FLOW_TARGET_READING;
    case OFSESSION_APPLYING:
        return FLOW_TARGET_WRITING;
    case OFSESSION_IDLE:
        return t->read ? FLOW_TARGET_IDLE : FLOW_TARGET_READING;
    case OFSESSION_DEAD:
        break;
    }
    return FLOW_TARGET_DISCONNECTED;
}

bool flow_target_is_connected(const struct flow_target *t)
{
    return t->greeted;
}

bool flow_target_in_sync(const struct flow_target *t)
{
    bool same = t->greeted && t->read && t->gate && flow_target_state(t) == FLOW_TARGET_IDLE;
    for (int i = 0; same && i < OFSESSION_N_SPACES; i++) {
        same = engine_in_sync(t->engine, t->config.spaces[i]);
    }
    return same;
}

bool flow_target_early_done(const struct flow_target *t)
{
    return t->greeted && t->read && flow_target_state(t) == FLOW_TARGET_IDLE &&
           !engine_is_dirty(t->engine) && !flow_target_lacks_early__(t);
}

const struct flow_target_counters *flow_target_counters(const struct flow_target *t)
{
    return &t->counters;
}

struct ofsession *flow_target_session(struct flow_target *t)
{
    return t->greeted ? t->session : NULL;
}

void flow_target_flush(struct flow_target *t)
{
    flow_target_pump__(t);
}
