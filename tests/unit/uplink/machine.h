/* SPDX-License-Identifier: Apache-2.0
 *
 * A machine in memory for the uplink's sequence: one physical adapter, the vNIC that comes and goes
 * with the HNS network, Open vSwitch's record, and the journal's file.  Time passes when the test
 * says so.
 *
 * Every act of the sequence has a number (machine.n_acts counts them).  At a chosen one the agent
 * dies: before the act or after it; from then on nothing of this life has any effect, until
 * machine_start() begins the next.  After each act it is checked that what the node had is not
 * lost: it is on the adapter, on the vNIC, or in the journal. */
#ifndef SEINE_TESTS_UNIT_UPLINK_MACHINE_H
#define SEINE_TESTS_UNIT_UPLINK_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "hns/uplink.h"

/* What the system does by itself when an adapter goes under a virtual switch or comes back. */
enum moves { MOVES_ALL, MOVES_NOTHING, MOVES_HALF /* addresses, but no routes and DNS */ };

struct machine {
    struct uplink_adapter nic, vnic; /* the vNIC counts while the network is there */
    bool network, extension;
    int vnic_after; /* looks until the vNIC is there */
    bool port;
    uint32_t ofport;
    bool flows;
    char *file; /* the journal; NULL: none */

    /* how things are */
    enum moves moves;
    bool ovs_down, hns_down, nic_gone;
    bool port_stays_numberless;
    const char *fail; /* name of the function that fails, with: */
    int fail_code, fail_times;
    bool (*chance)(struct machine *m); /* random failures; NULL: none */
    uint64_t seed;

    /* the agent's life */
    struct uplink *u;
    const char *choice;
    struct uplink_report report;
    int64_t now;
    int n_acts;
    int die_at; /* act number; 0: never */
    bool die_after, dead;
    char acts[4096];              /* their names, each followed by a space */
    struct uplink_adapter before; /* what the node had at first */
};

void machine_init(struct machine *m);
void machine_done(struct machine *m);
/* A new life of the agent. */
void machine_start(struct machine *m);
/* One run, then what the caller does with the report, then time: false, the agent is dead. */
bool machine_turn(struct machine *m);
/* Turns until the state is one of the ends (taken, none, failed) or 'patience_ms' passed. */
void machine_settle(struct machine *m, int64_t patience_ms);
/* Lives until an end is reached, whatever dies. */
void machine_live(struct machine *m);
void machine_reboot(struct machine *m);
/* All that is there, as text, but the journal's file and time. */
char *machine_text(const struct machine *m);
bool machine_is_reachable(const struct machine *m); /* the adapter or the vNIC has all */

/* An adapter "Ethernet0" with addresses of each kind. */
void machine_adapter(struct uplink_adapter *out);

#endif
