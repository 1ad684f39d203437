/* SPDX-License-Identifier: Apache-2.0
 *
 * One OpenFlow 1.5 connection to Open vSwitch as a pure state machine: bytes and `now` go in;
 * bytes, events and a deadline come out.  No sockets, no clock, no libuv.
 *
 * A session lives as long as its connection: the owner makes one when the stream is open, and frees
 * it when the stream is gone.  Life: hello and version, features and set-up, then idle; from idle a
 * dump or an apply, one at a time.  Echo requests are answered and sent at any time.
 *
 *     stream open     -> s = ofsession_new(&config, &events, aux, now)
 *     bytes came      -> ofsession_input(s, p, n, now): non-zero: close the stream
 *     room to write   -> ofsession_output(s, &buf, max): append up to ~max bytes to 'buf', send
 *     deadline passed -> ofsession_run(s, now): non-zero: close the stream
 *     stream gone     -> ofsession_lost(s): settles what is under way, then ofsession_free(s)
 *
 * After each of input, run, and each request below, the owner must look at ofsession_output() and
 * ofsession_deadline() again.  Times are milliseconds of any monotonic clock.
 *
 * Events are called from within input, run and lost only, never from within a request; a callback
 * may make requests (dump, apply, packet-out), but must not free the session. */
#ifndef SEINE_OVS_OFSESSION_H
#define SEINE_OVS_OFSESSION_H

#include "core/engine/engine.h"
#include "ovs/ofmsg.h"

struct ofsession;

/* The three target spaces of a switch. */
enum ofsession_space { OFSESSION_FLOW, OFSESSION_GROUP, OFSESSION_METER, OFSESSION_N_SPACES };

enum ofsession_state {
    OFSESSION_HELLO,    /* waiting for the peer's hello */
    OFSESSION_FEATURES, /* waiting for features and the barrier after set-up */
    OFSESSION_IDLE,     /* ready for a request */
    OFSESSION_DUMPING,
    OFSESSION_APPLYING,
    OFSESSION_DEAD /* failed or lost; only free is useful */
};

enum ofsession_result {
    OFSESSION_COMMITTED, /* all of it is in the switch: bundle committed and barrier answered */
    OFSESSION_REFUSED,   /* nothing of the bundle is in the switch */
    OFSESSION_UNKNOWN /* connection lost or garbled before the reply: dump before anything else */
};
struct ofsession_outcome {
    enum ofsession_result result;
    /* Refused: the item at fault, if known (else item == SIZE_MAX), and why ("OFPFMFC_...").
     * OVS keeps meters out of bundles: they are sent before it (deletes after it), each alone.  So
     * space == OFSESSION_METER means that other meters of the plan may be there already: settle
     * that plan as refused, then dump. */
    enum ofsession_space space;
    size_t item;
    const char *reason;                /* never NULL; valid during the call */
    size_t n_mods[OFSESSION_N_SPACES]; /* modifications sent */
};

/* What the session tells its owner.  Members may be NULL. */
struct ofsession_events {
    /* Idle for the first time: dump and apply may be asked for. */
    void (*ready)(void *aux, const struct ofmsg_features *features);
    /* One entry of a dump, and its end.  Rows of one space come together; no end comes if the
     * connection is lost (the owner then begins anew). */
    void (*dump_row)(void *aux, enum ofsession_space space, struct bytes key, struct bytes value);
    void (*dump_end)(void *aux);
    void (*applied)(void *aux, const struct ofsession_outcome *outcome);
    void (*port_status)(void *aux, enum ofmsg_port_reason reason, const struct ofmsg_port *port);
    void (*packet_in)(void *aux, const struct ofmsg_packet_in *pin);
    /* An error message that answers nothing under way (e.g. of a packet-out). */
    void (*stray_error)(void *aux, const struct ofmsg_error *error);
};

struct ofsession_config {
    int64_t hello_timeout; /* until ready; 0: 10 s */
    int64_t echo_interval; /* silence after which we ask; 0: 5 s */
    int64_t echo_timeout;  /* silence after asking that ends the session; 0: 15 s */
    int64_t reply_timeout; /* an apply or a dump may take without any progress; 0: 60 s */
    uint16_t controller_id;
    bool async; /* ask for port status and packet-ins */
};

/* 'events' is borrowed for the session's life; 'config' may be NULL.  Never NULL. */
struct ofsession *ofsession_new(const struct ofsession_config *config,
                                const struct ofsession_events *events, void *aux, int64_t now);
void ofsession_free(struct ofsession *s); /* NULL is fine; calls no event */

/* Bytes that came, in any pieces.  0, or an error after which the session is dead: ERR_PROTOCOL,
 * ERR_UNSUPPORTED (version).  What was under way is then already settled as unknown. */
int ofsession_input(struct ofsession *s, const void *p, size_t n, int64_t now, struct err *err);
/* Appends bytes to send to 'out', at least one message if any is waiting, until 'out->len' is
 * 'max' or more.  Returns the number of bytes appended; 0: nothing to send now. */
size_t ofsession_output(struct ofsession *s, struct sbuf *out, size_t max);
bool ofsession_has_output(const struct ofsession *s);
/* Timers.  0, or ERR_TIMEOUT: the peer is silent, the session is dead. */
int ofsession_run(struct ofsession *s, int64_t now, struct err *err);
/* When ofsession_run() wants to be called next; INT64_MAX: never. */
int64_t ofsession_deadline(const struct ofsession *s);
/* The connection is gone: an apply under way ends as unknown, a dump without end. */
void ofsession_lost(struct ofsession *s);

enum ofsession_state ofsession_state(const struct ofsession *s);
const struct ofmsg_features *ofsession_features(const struct ofsession *s); /* once ready */

/* Asks for a dump of meters, groups and flows.  Only when idle (ERR_AGAIN otherwise). */
int ofsession_dump(struct ofsession *s, int64_t now);
/* Sends what the plans say: one ordered atomic bundle (groups to add or change, flows, groups to
 * delete), then a barrier; ends with events->applied.  plans[space] may be NULL or empty; all of
 * them empty is committed at once, without a message, by the next run (deadline is then 'now').
 * The plans are borrowed until the outcome.  Only when idle (ERR_AGAIN otherwise). */
int ofsession_apply(struct ofsession *s, const struct plan *const plans[OFSESSION_N_SPACES],
                    int64_t now);
/* Packets, in any state from idle on.  0, ERR_AGAIN (not ready), ERR_TOO_BIG. */
int ofsession_packet_out(struct ofsession *s, uint32_t in_port, const struct actions *actions,
                         struct bytes packet, struct err *err);
/* Forgets tracked connections.  0, or ERR_AGAIN (not ready).  A switch that cannot do it answers
 * with an error that nobody waits for. */
int ofsession_ct_flush(struct ofsession *s, const struct ofmsg_ct_flush *flush, struct err *err);
int ofsession_resume(struct ofsession *s, const struct ofmsg_packet_in *pin, struct err *err);

#endif
