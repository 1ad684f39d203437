/* SPDX-License-Identifier: Apache-2.0
 *
 * The switch as the engine's target: flows, groups and meters over one OpenFlow connection.
 *
 * On each connection the switch is read back (nothing is ever cleared): all its flows, groups and
 * meters become the engine's "installed".  Once the gate is open, what differs from the desired
 * sets is sent as one ordered atomic bundle and a barrier; then the next plan, and so on, until
 * nothing differs.  A bundle whose outcome is not known is followed by reading back.  While the
 * gate is closed nothing is written but the early flows, those of one cookie, and none is taken
 * away: the agent opens it when its sources are complete.
 *
 * What the switch refuses is told once and tried again when its value changes or after a while.
 * All is called on the loop thread; events come from the loop only. */
#ifndef SEINE_OVS_FLOW_TARGET_H
#define SEINE_OVS_FLOW_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/engine/engine.h"
#include "core/io/loop.h"
#include "core/io/stream.h"
#include "ovs/ofsession.h"

struct flow_target;

enum flow_target_state {
    FLOW_TARGET_DISCONNECTED, /* connecting or waiting to try again */
    FLOW_TARGET_GREETING,     /* stream open, version and features under way */
    FLOW_TARGET_READING,      /* dumping */
    FLOW_TARGET_IDLE,         /* nothing under way; in sync, or the gate is closed */
    FLOW_TARGET_WRITING       /* a bundle is out */
};

struct flow_target_counters {                   /* since flow_target_new() */
    uint64_t committed, refused, unknown;       /* bundles */
    uint64_t flow_mods, group_mods, meter_mods; /* sent, those inside bundles counted */
    uint64_t connections, dumps;
};

struct flow_target_config {
    const char *address;            /* --openflow */
    const struct stream_tls *tls;   /* NULL without ssl: */
    int spaces[OFSESSION_N_SPACES]; /* the engine's target numbers */
    unsigned retry_refused_ms;      /* refused keys are tried again after; 0: 30000 */
    uint16_t controller_id;
    uint64_t early_cookie; /* flows of this cookie do not wait for the gate; 0: none */
};

/* Members may be NULL. */
struct flow_target_events {
    /* Features are known, reading begins / the connection is gone or a try to connect failed, for
     * this reason. */
    void (*connected)(void *aux, const struct ofmsg_features *features);
    void (*disconnected)(void *aux, const struct err *why);
    /* The switch has been read: the engine's installed sets are its own.  Before the first bundle
     * of this connection. */
    void (*read_back)(void *aux);
    /* A bundle was committed; these of its plans are NULL where it had nothing of a space. 'first':
     * of this connection, so that additions may be things that a fresh switch only lacks.  Before
     * acked. */
    void (*committed)(void *aux, const struct plan *flows, const struct plan *groups, bool first);
    /* Something was acknowledged: engine_acked() may have grown.  Also called once after reading
     * back if nothing differed. */
    void (*acked)(void *aux);
    /* One line: which item the switch refused and why. */
    void (*refused)(void *aux, enum ofsession_space space, const char *reason);
    void (*port_status)(void *aux, enum ofmsg_port_reason reason, const struct ofmsg_port *port);
    void (*packet_in)(void *aux, const struct ofmsg_packet_in *pin);
};

/* Starts to connect.  'events' is borrowed, config copied; 'engine' outlives the target. */
int flow_target_new(struct loop *l, struct engine *engine, const struct flow_target_config *config,
                    const struct flow_target_events *events, void *aux, struct flow_target **out,
                    struct err *err);
/* Closes the connection at once; a bundle under way is settled as unknown.  NULL is fine. */
void flow_target_free(struct flow_target *t);

/* Opens (or closes) the gate; closing lets a bundle that is out come to its end. */
void flow_target_gate(struct flow_target *t, bool open);
/* Call after engine_run(): desired sets may have changed.  Cheap; sends in this loop turn's end. */
void flow_target_poke(struct flow_target *t);
/* Forgets waiting times and tries to connect now (the bridge has just been made). */
void flow_target_connect_now(struct flow_target *t);
/* Reads the switch back and repairs what differs, e.g. once an hour or on request. */
void flow_target_reread(struct flow_target *t);

enum flow_target_state flow_target_state(const struct flow_target *t);
bool flow_target_is_connected(const struct flow_target *t); /* greeted */
/* True when connected, read back, gate open, nothing under way and nothing that differs. */
bool flow_target_in_sync(const struct flow_target *t);
/* True when connected, read back, and no early flow that is desired differs. */
bool flow_target_early_done(const struct flow_target *t);
const struct flow_target_counters *flow_target_counters(const struct flow_target *t);
/* The session for packet-outs and resumes, or NULL; call flow_target_flush() after using it. */
struct ofsession *flow_target_session(struct flow_target *t);
void flow_target_flush(struct flow_target *t);

#endif
