/* SPDX-License-Identifier: Apache-2.0
 *
 * The OpenFlow session: see ofsession.h for its life and its contract.
 *
 * An apply goes in phases, each a run of messages that ends with a barrier; the next phase begins
 * when the barrier is answered and no error came:
 *     meters (OVS keeps them out of bundles) -> open and fill the bundle -> commit -> meters'
 * deletes The barrier before the commit is needed: a message that a bundle refuses is left out of
 * it, and a commit would then do the rest.  On an error the bundle is discarded and the plan
 * refused. Messages are made from the plan only as the owner asks for output, so that a plan of any
 * size needs little memory. */
#include "ovs/ofsession.h"

#include "core/base/mem.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum phase { PHASE_NONE, PHASE_METER, PHASE_FILL, PHASE_COMMIT, PHASE_UNMETER, PHASE_DISCARD };
enum { BUNDLE_FLAGS = OFMSG_BUNDLE_ATOMIC | OFMSG_BUNDLE_ORDERED };

/* A run of plan items of one space and kind. */
struct cursor {
    enum ofsession_space space;
    bool deletes, others; /* which operations */
    size_t next;
};

struct apply {
    const struct plan *plans[OFSESSION_N_SPACES];
    enum phase phase;
    struct cursor run[3]; /* what the phase sends */
    size_t n_runs, at_run;
    bool opened, ended; /* bundle opened; the phase's barrier was sent */
    uint32_t bundle, xid_base, control_xid, barrier_xid;
    uint32_t first_xid[OFSESSION_N_SPACES + 1]; /* of item 0 of each space; end */
    size_t n_mods[OFSESSION_N_SPACES];
    bool failed, trivial;
    enum ofsession_space bad_space;
    size_t bad_item;
    char reason[ERR_TEXT_MAX];
};

struct ofsession {
    struct ofsession_config config;
    const struct ofsession_events *events;
    void *aux;
    enum ofsession_state state;
    struct sbuf in, out;
    uint32_t last_xid;
    int64_t born, last_rx, progress, echo_sent; /* echo_sent < 0: none under way */
    struct ofmsg_features features;
    bool got_features;
    uint32_t setup_barrier;
    /* dump */
    uint32_t dump_xid[OFSESSION_N_SPACES];
    size_t dump_at;
    struct sbuf key, value;
    struct apply apply;
};

/* The order of a dump, and what each part is called on the wire. */
static const struct {
    enum ofsession_space space;
    enum ofmsg_multipart type;
    int (*next)(struct bytes *body, struct sbuf *key, struct sbuf *value, struct err *err);
} dump_parts[OFSESSION_N_SPACES] = {
    {OFSESSION_METER, OFMSG_MP_METER_DESC, ofmsg_meter_desc_next},
    {OFSESSION_GROUP, OFMSG_MP_GROUP_DESC, ofmsg_group_desc_next},
    {OFSESSION_FLOW, OFMSG_MP_FLOW_DESC, ofmsg_flow_desc_next},
};

static uint32_t new_xid(struct ofsession *s)
{
    if (++s->last_xid == 0)
        s->last_xid = 1;
    return s->last_xid;
}

static int64_t or_default(int64_t v, int64_t other)
{
    return v ? v : other;
}

struct ofsession *ofsession_new(const struct ofsession_config *config,
                                const struct ofsession_events *events, void *aux, int64_t now)
{
    struct ofsession *s = mem_calloc(1, sizeof *s);
    struct ofsession_config c = config ? *config : (struct ofsession_config){0};
    c.hello_timeout = or_default(c.hello_timeout, 10000);
    c.echo_interval = or_default(c.echo_interval, 5000);
    c.echo_timeout = or_default(c.echo_timeout, 15000);
    c.reply_timeout = or_default(c.reply_timeout, 60000);
    s->config = c;
    s->events = events;
    s->aux = aux;
    s->born = s->last_rx = s->progress = now;
    s->echo_sent = -1;
    ofmsg_hello_encode(new_xid(s), &s->out);
    return s;
}

void ofsession_free(struct ofsession *s)
{
    if (!s)
        return;
    sbuf_done(&s->in);
    sbuf_done(&s->out);
    sbuf_done(&s->key);
    sbuf_done(&s->value);
    mem_free(s);
}

enum ofsession_state ofsession_state(const struct ofsession *s)
{
    return s->state;
}

const struct ofmsg_features *ofsession_features(const struct ofsession *s)
{
    return s->got_features ? &s->features : NULL;
}

/* ---- apply ---- */

static size_t plan_len(const struct plan *p)
{
    return p ? p->n : 0;
}

/* Whether a plan has items of one kind. */
static bool plan_has(const struct plan *p, bool deletes)
{
    for (size_t i = 0; i < plan_len(p); i++)
        if ((p->items[i].op == PLAN_DELETE) == deletes)
            return true;
    return false;
}

static void finish_apply(struct ofsession *s, enum ofsession_result result, const char *reason)
{
    struct apply *a = &s->apply;
    char text[sizeof a->reason];
    snprintf(text, sizeof text, "%s", reason);
    struct ofsession_outcome o = {.result = result,
                                  .space = a->bad_space,
                                  .item = result == OFSESSION_REFUSED ? a->bad_item : SIZE_MAX,
                                  .reason = text};
    memcpy(o.n_mods, a->n_mods, sizeof o.n_mods);
    *a = (struct apply){.phase = PHASE_NONE};
    if (s->state == OFSESSION_APPLYING)
        s->state = OFSESSION_IDLE;
    if (s->events->applied)
        s->events->applied(s->aux, &o);
}

/* Ends the session; what is under way is unknown. */
static int fail(struct ofsession *s, int code, struct err *err)
{
    bool applying = s->state == OFSESSION_APPLYING;
    s->state = OFSESSION_DEAD;
    sbuf_clear(&s->out);
    sbuf_clear(&s->in);
    if (applying)
        finish_apply(s, OFSESSION_UNKNOWN, err && err->text[0] ? err->text : err_text(code));
    return code;
}

void ofsession_lost(struct ofsession *s)
{
    struct err err = {0};
    if (s->state != OFSESSION_DEAD)
        fail(s, err_set(&err, ERR_CLOSED, "connection lost"), &err);
}

static void add_run(struct apply *a, enum ofsession_space space, bool deletes, bool others)
{
    if ((deletes && plan_has(a->plans[space], true)) ||
        (others && plan_has(a->plans[space], false)))
        a->run[a->n_runs++] = (struct cursor){space, deletes, others, 0};
}

/* Fills in what a phase sends; false: nothing, it can be left out. */
static bool phase_begin(struct ofsession *s, enum phase phase)
{
    struct apply *a = &s->apply;
    bool bundled = plan_len(a->plans[OFSESSION_FLOW]) || plan_len(a->plans[OFSESSION_GROUP]);
    a->phase = phase;
    a->n_runs = a->at_run = 0;
    a->opened = a->ended = false;
    switch (phase) {
    case PHASE_METER:
        add_run(a, OFSESSION_METER, false, true);
        return a->n_runs > 0;
    case PHASE_FILL:
        add_run(a, OFSESSION_GROUP, false, true);
        add_run(a, OFSESSION_FLOW, true, true);
        add_run(a, OFSESSION_GROUP, true, false);
        return bundled;
    case PHASE_COMMIT:
        return bundled;
    case PHASE_UNMETER:
        add_run(a, OFSESSION_METER, true, false);
        return a->n_runs > 0;
    case PHASE_DISCARD:
        return true;
    case PHASE_NONE:
        break;
    }
    return false;
}

/* Goes on to the next phase that has something to do, or to the end. */
static void phase_next(struct ofsession *s)
{
    struct apply *a = &s->apply;
    if (a->failed) {
        bool open = a->phase == PHASE_FILL;
        if (open && phase_begin(s, PHASE_DISCARD))
            return;
        finish_apply(s, OFSESSION_REFUSED, a->reason);
        return;
    }
    for (enum phase p = a->phase + 1; p <= PHASE_UNMETER; p++)
        if (phase_begin(s, p))
            return;
    finish_apply(s, OFSESSION_COMMITTED, "ok");
}

/* Gives each item of the plans an xid, so that an error names it. */
static void number_items(struct ofsession *s)
{
    struct apply *a = &s->apply;
    uint64_t total = 0;
    for (int i = 0; i < OFSESSION_N_SPACES; i++)
        total += plan_len(a->plans[i]);
    if (s->last_xid + total >= UINT32_MAX - 64)
        s->last_xid = 0;
    uint32_t xid = s->last_xid + 1;
    for (int i = 0; i < OFSESSION_N_SPACES; i++) {
        a->first_xid[i] = xid;
        xid += (uint32_t)plan_len(a->plans[i]);
    }
    a->first_xid[OFSESSION_N_SPACES] = xid;
    s->last_xid = xid - 1;
    a->bundle = new_xid(s);
}

int ofsession_apply(struct ofsession *s, const struct plan *const plans[OFSESSION_N_SPACES],
                    int64_t now)
{
    if (s->state != OFSESSION_IDLE)
        return ERR_AGAIN;
    struct apply *a = &s->apply;
    *a = (struct apply){.bad_item = SIZE_MAX};
    for (int i = 0; i < OFSESSION_N_SPACES; i++)
        a->plans[i] = plans[i];
    number_items(s);
    s->state = OFSESSION_APPLYING;
    s->progress = now;
    for (enum phase p = PHASE_METER; p <= PHASE_UNMETER; p++)
        if (phase_begin(s, p))
            return 0;
    a->phase = PHASE_NONE;
    a->trivial = true;
    return 0;
}

static void note_failure(struct apply *a, enum ofsession_space space, size_t item,
                         const char *reason)
{
    bool better = !a->failed || (a->bad_item == SIZE_MAX && item != SIZE_MAX);
    if (!better)
        return;
    a->failed = true;
    a->bad_space = space;
    a->bad_item = item;
    snprintf(a->reason, sizeof a->reason, "%s", reason);
}

static int encode_item(struct apply *a, enum ofsession_space space, size_t i, struct sbuf *out,
                       struct err *err)
{
    static const enum ofmsg_mod ops[] = {
        [PLAN_ADD] = OFMSG_ADD, [PLAN_MODIFY] = OFMSG_MODIFY, [PLAN_DELETE] = OFMSG_DELETE};
    const struct plan_item *item = &a->plans[space]->items[i];
    uint32_t xid = a->first_xid[space] + (uint32_t)i;
    if (space == OFSESSION_METER)
        return ofmsg_meter_mod_encode(ops[item->op], item->key, item->value, xid, out, err);
    size_t start = ofmsg_bundle_add_begin(a->bundle, BUNDLE_FLAGS, xid, out);
    int r = space == OFSESSION_FLOW
                ? ofmsg_flow_mod_encode(ops[item->op], item->key, item->value, xid, out, err)
                : ofmsg_group_mod_encode(ops[item->op], item->key, item->value, xid, out, err);
    if (!r)
        return ofmsg_bundle_add_end(start, out, err);
    out->len = start;
    return r;
}

/* Sends the next item of the phase's runs; false if there is none. */
static bool put_item(struct apply *a, struct sbuf *out)
{
    while (a->at_run < a->n_runs) {
        struct cursor *c = &a->run[a->at_run];
        const struct plan *p = a->plans[c->space];
        while (c->next < p->n) {
            size_t i = c->next++;
            bool is_delete = p->items[i].op == PLAN_DELETE;
            struct err err = {0};
            if (!(is_delete ? c->deletes : c->others))
                continue;
            if (encode_item(a, c->space, i, out, &err)) {
                note_failure(a, c->space, i, err.text);
                a->at_run = a->n_runs; /* the rest is in vain */
                return false;
            }
            a->n_mods[c->space]++;
            return true;
        }
        a->at_run++;
    }
    return false;
}

/* One more message of the phase; false if it has sent all. */
static bool put_phase(struct ofsession *s, struct sbuf *out)
{
    struct apply *a = &s->apply;
    static const enum ofmsg_bundle_op control[] = {[PHASE_FILL] = OFMSG_BUNDLE_OPEN,
                                                   [PHASE_COMMIT] = OFMSG_BUNDLE_COMMIT,
                                                   [PHASE_DISCARD] = OFMSG_BUNDLE_DISCARD};
    bool controls = a->phase == PHASE_FILL || a->phase == PHASE_COMMIT || a->phase == PHASE_DISCARD;
    if (a->phase == PHASE_NONE || a->ended)
        return false;
    if (controls && !a->opened) {
        a->opened = true;
        a->control_xid = new_xid(s);
        ofmsg_bundle_control_encode(control[a->phase], a->bundle, BUNDLE_FLAGS, a->control_xid,
                                    out);
        return true;
    }
    if (put_item(a, out))
        return true;
    a->ended = true;
    a->barrier_xid = new_xid(s);
    ofmsg_simple_encode(OFMSG_BARRIER_REQUEST, a->barrier_xid, out);
    return true;
}

/* An error during an apply: whose is it?  False: nobody's here. */
static bool apply_error(struct ofsession *s, uint32_t xid, const struct ofmsg_error *e)
{
    struct apply *a = &s->apply;
    for (int i = 0; i < OFSESSION_N_SPACES; i++) {
        if (xid >= a->first_xid[i] && xid < a->first_xid[i + 1]) {
            note_failure(a, (enum ofsession_space)i, xid - a->first_xid[i], e->name);
            return true;
        }
    }
    if (a->opened && xid == a->control_xid) {
        if (a->phase != PHASE_DISCARD)
            note_failure(a, OFSESSION_FLOW, SIZE_MAX, e->name);
        return true;
    }
    return false;
}

/* ---- dump ---- */

int ofsession_dump(struct ofsession *s, int64_t now)
{
    if (s->state != OFSESSION_IDLE)
        return ERR_AGAIN;
    s->state = OFSESSION_DUMPING;
    s->progress = now;
    s->dump_at = 0;
    for (size_t i = 0; i < ARRAY_LEN(dump_parts); i++) {
        s->dump_xid[i] = new_xid(s);
        ofmsg_multipart_request_encode(dump_parts[i].type, s->dump_xid[i], &s->out);
    }
    return 0;
}

static void dump_part_end(struct ofsession *s)
{
    if (++s->dump_at < ARRAY_LEN(dump_parts))
        return;
    s->state = OFSESSION_IDLE;
    if (s->events->dump_end)
        s->events->dump_end(s->aux);
}

static int on_multipart(struct ofsession *s, struct bytes msg, uint32_t xid, struct err *err)
{
    struct ofmsg_reply reply;
    int r = ofmsg_multipart_decode(msg, &reply, err);
    if (r)
        return r;
    if (s->state != OFSESSION_DUMPING || xid != s->dump_xid[s->dump_at])
        return err_set(err, ERR_PROTOCOL, "multipart reply type %u that nobody asked for",
                       reply.type);
    if (reply.type != dump_parts[s->dump_at].type)
        return err_set(err, ERR_PROTOCOL, "multipart reply of type %u", reply.type);
    while ((r = dump_parts[s->dump_at].next(&reply.body, &s->key, &s->value, err)) > 0) {
        struct bytes key = {s->key.data, s->key.len}, value = {s->value.data, s->value.len};
        if (s->events->dump_row)
            s->events->dump_row(s->aux, dump_parts[s->dump_at].space, key, value);
    }
    if (r)
        return r;
    if (!reply.more)
        dump_part_end(s);
    return 0;
}

/* A switch without meters says so by an error: then there are none. */
static int dump_error(struct ofsession *s, const struct ofmsg_error *e, struct err *err)
{
    if (dump_parts[s->dump_at].space != OFSESSION_METER)
        return err_set(err, ERR_REFUSED, "the switch refused a dump: %s", e->name);
    dump_part_end(s);
    return 0;
}

/* ---- messages that come ---- */

static int on_hello(struct ofsession *s, struct bytes msg, struct err *err)
{
    if (s->state != OFSESSION_HELLO)
        return 0;
    int r = ofmsg_hello_check(msg, err);
    if (r)
        return r;
    s->state = OFSESSION_FEATURES;
    ofmsg_simple_encode(OFMSG_FEATURES_REQUEST, new_xid(s), &s->out);
    if (s->config.async) {
        ofmsg_packet_in_format_encode(new_xid(s), &s->out);
        if (s->config.controller_id)
            ofmsg_controller_id_encode(new_xid(s), s->config.controller_id, &s->out);
        ofmsg_set_config_encode(new_xid(s), 0xffff, &s->out);
    }
    s->setup_barrier = new_xid(s);
    ofmsg_simple_encode(OFMSG_BARRIER_REQUEST, s->setup_barrier, &s->out);
    return 0;
}

static int on_barrier(struct ofsession *s, uint32_t xid, struct err *err)
{
    if (s->state == OFSESSION_FEATURES && xid == s->setup_barrier) {
        if (!s->got_features)
            return err_set(err, ERR_PROTOCOL, "barrier reply before the features reply");
        s->state = OFSESSION_IDLE;
        if (s->events->ready)
            s->events->ready(s->aux, &s->features);
        return 0;
    }
    if (s->state == OFSESSION_APPLYING && s->apply.ended && xid == s->apply.barrier_xid) {
        phase_next(s);
        return 0;
    }
    return err_set(err, ERR_PROTOCOL, "barrier reply that nobody asked for");
}

static int on_error(struct ofsession *s, struct bytes msg, uint32_t xid, struct err *err)
{
    struct ofmsg_error e;
    int r = ofmsg_error_decode(msg, &e, err);
    if (r)
        return r;
    if (s->state == OFSESSION_HELLO || s->state == OFSESSION_FEATURES)
        return err_set(err, ERR_UNSUPPORTED, "the switch refused the session: %s", e.name);
    if (s->state == OFSESSION_APPLYING && apply_error(s, xid, &e))
        return 0;
    if (s->state == OFSESSION_DUMPING && xid == s->dump_xid[s->dump_at])
        return dump_error(s, &e, err);
    if (s->events->stray_error)
        s->events->stray_error(s->aux, &e);
    return 0;
}

static int on_port_status(struct ofsession *s, struct bytes msg, struct err *err)
{
    enum ofmsg_port_reason reason;
    struct ofmsg_port port;
    int r = ofmsg_port_status_decode(msg, &reason, &port, err);
    if (!r && s->events->port_status)
        s->events->port_status(s->aux, reason, &port);
    return r;
}

static int on_experimenter(struct ofsession *s, struct bytes msg, struct err *err)
{
    struct ofmsg_packet_in pin;
    int r = ofmsg_packet_in_decode(msg, &pin, err);
    if (r == ERR_UNSUPPORTED) /* another extension: nothing for us */
        return 0;
    if (!r && s->events->packet_in)
        s->events->packet_in(s->aux, &pin);
    return r;
}

static int on_bundle_control(struct ofsession *s, struct bytes msg, struct err *err)
{
    enum ofmsg_bundle_op op;
    uint32_t id;
    int r = ofmsg_bundle_control_decode(msg, &op, &id, err);
    if (r)
        return r;
    if (s->state != OFSESSION_APPLYING || id != s->apply.bundle)
        return err_set(err, ERR_PROTOCOL, "bundle reply that nobody asked for");
    return 0; /* the barrier behind it decides */
}

static int on_message(struct ofsession *s, const struct ofmsg_header *h, struct bytes msg,
                      int64_t now, struct err *err)
{
    if (h->type != OFMSG_HELLO && s->state == OFSESSION_HELLO && h->type != OFMSG_ERROR)
        return err_set(err, ERR_PROTOCOL, "message type %u before hello", h->type);
    if (h->type != OFMSG_HELLO && h->type != OFMSG_ERROR && h->version != OFMSG_VERSION)
        return err_set(err, ERR_PROTOCOL, "message type %u of version %u", h->type, h->version);
    if (h->type != OFMSG_ECHO_REPLY && h->type != OFMSG_ECHO_REQUEST)
        s->progress = now;
    switch (h->type) {
    case OFMSG_HELLO:
        return on_hello(s, msg, err);
    case OFMSG_ERROR:
        return on_error(s, msg, h->xid, err);
    case OFMSG_ECHO_REQUEST:
        ofmsg_echo_reply_encode(msg, &s->out);
        return 0;
    case OFMSG_FEATURES_REPLY:
        s->got_features = true;
        return ofmsg_features_decode(msg, &s->features, err);
    case OFMSG_BARRIER_REPLY:
        return on_barrier(s, h->xid, err);
    case OFMSG_MULTIPART_REPLY:
        return on_multipart(s, msg, h->xid, err);
    case OFMSG_BUNDLE_CONTROL:
        return on_bundle_control(s, msg, err);
    case OFMSG_PORT_STATUS:
        return on_port_status(s, msg, err);
    case OFMSG_EXPERIMENTER:
        return on_experimenter(s, msg, err);
    default: /* echo replies, and what we did not ask for */
        return 0;
    }
}

/* Handles all whole messages of 'in'; what is left stays in it. */
static int take_messages(struct ofsession *s, struct bytes *in, int64_t now, struct err *err)
{
    struct ofmsg_header h;
    int r;
    while ((r = ofmsg_header_decode(*in, &h, err)) > 0) {
        struct bytes msg = {in->p, h.len};
        *in = (struct bytes){(const uint8_t *)in->p + h.len, in->n - h.len};
        if ((r = on_message(s, &h, msg, now, err)))
            return r;
        if (s->state == OFSESSION_DEAD)
            return ERR_CLOSED;
    }
    return r;
}

int ofsession_input(struct ofsession *s, const void *p, size_t n, int64_t now, struct err *err)
{
    struct err local = {0};
    struct bytes in = {p, n};
    if (s->state == OFSESSION_DEAD)
        return err_set(err, ERR_CLOSED, "the session has ended");
    if (n) {
        s->last_rx = now;
        s->echo_sent = -1;
    }
    bool kept = s->in.len > 0;
    if (kept) {
        sbuf_put(&s->in, p, n);
        in = (struct bytes){s->in.data, s->in.len};
    }
    int r = take_messages(s, &in, now, &local);
    if (r < 0) {
        if (err)
            *err = local;
        return s->state == OFSESSION_DEAD ? r : fail(s, r, &local);
    }
    if (kept)
        sbuf_pull(&s->in, s->in.len - in.n);
    else if (in.n)
        sbuf_put(&s->in, in.p, in.n);
    return 0;
}

/* ---- output ---- */

bool ofsession_has_output(const struct ofsession *s)
{
    const struct apply *a = &s->apply;
    if (s->out.len)
        return true;
    return s->state == OFSESSION_APPLYING && a->phase != PHASE_NONE && !a->ended;
}

size_t ofsession_output(struct ofsession *s, struct sbuf *out, size_t max)
{
    size_t start = out->len;
    if (s->out.len) {
        sbuf_put(out, s->out.data, s->out.len);
        sbuf_clear(&s->out);
    }
    while (s->state == OFSESSION_APPLYING && (out->len < max || out->len == start))
        if (!put_phase(s, out))
            break;
    return out->len - start;
}

/* ---- time ---- */

static bool awaits_reply(const struct ofsession *s)
{
    return s->state == OFSESSION_DUMPING || (s->state == OFSESSION_APPLYING && !s->apply.trivial);
}

int64_t ofsession_deadline(const struct ofsession *s)
{
    if (s->state == OFSESSION_DEAD)
        return INT64_MAX;
    if (s->state == OFSESSION_HELLO || s->state == OFSESSION_FEATURES)
        return s->born + s->config.hello_timeout;
    if (s->state == OFSESSION_APPLYING && s->apply.trivial)
        return s->progress;
    int64_t at = s->echo_sent >= 0 ? s->echo_sent + s->config.echo_timeout
                                   : s->last_rx + s->config.echo_interval;
    int64_t reply = s->progress + s->config.reply_timeout;
    return awaits_reply(s) && reply < at ? reply : at;
}

int ofsession_run(struct ofsession *s, int64_t now, struct err *err)
{
    struct err local = {0};
    if (s->state == OFSESSION_DEAD || now < ofsession_deadline(s))
        return 0;
    if (s->state == OFSESSION_APPLYING && s->apply.trivial) {
        finish_apply(s, OFSESSION_COMMITTED, "ok");
        return 0;
    }
    if (s->state == OFSESSION_HELLO || s->state == OFSESSION_FEATURES)
        err_set(&local, ERR_TIMEOUT, "no OpenFlow session within %" PRId64 " ms",
                s->config.hello_timeout);
    else if (awaits_reply(s) && now >= s->progress + s->config.reply_timeout)
        err_set(&local, ERR_TIMEOUT, "no reply within %" PRId64 " ms", s->config.reply_timeout);
    else if (s->echo_sent >= 0 && now >= s->echo_sent + s->config.echo_timeout)
        err_set(&local, ERR_TIMEOUT, "no echo reply within %" PRId64 " ms", s->config.echo_timeout);
    if (local.code) {
        if (err)
            *err = local;
        return fail(s, ERR_TIMEOUT, &local);
    }
    if (s->echo_sent < 0 && now >= s->last_rx + s->config.echo_interval) {
        s->echo_sent = now;
        ofmsg_simple_encode(OFMSG_ECHO_REQUEST, new_xid(s), &s->out);
    }
    return 0;
}

/* ---- packets ---- */

static bool is_ready(const struct ofsession *s)
{
    return s->state == OFSESSION_IDLE || s->state == OFSESSION_DUMPING ||
           s->state == OFSESSION_APPLYING;
}

int ofsession_packet_out(struct ofsession *s, uint32_t in_port, const struct actions *actions,
                         struct bytes packet, struct err *err)
{
    if (!is_ready(s))
        return err_set(err, ERR_AGAIN, "the session is not ready");
    return ofmsg_packet_out_encode(in_port, actions, packet, new_xid(s), &s->out, err);
}

int ofsession_ct_flush(struct ofsession *s, const struct ofmsg_ct_flush *flush, struct err *err)
{
    if (!is_ready(s))
        return err_set(err, ERR_AGAIN, "the session is not ready");
    ofmsg_ct_flush_encode(flush, new_xid(s), &s->out);
    return 0;
}

int ofsession_resume(struct ofsession *s, const struct ofmsg_packet_in *pin, struct err *err)
{
    if (!is_ready(s))
        return err_set(err, ERR_AGAIN, "the session is not ready");
    return ofmsg_resume_encode(pin, new_xid(s), &s->out, err);
}
