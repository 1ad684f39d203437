/* SPDX-License-Identifier: Apache-2.0
 *
 * Taking the node's physical adapter over as uplink of the bridge, and giving it back.
 *
 * Open vSwitch sees packets on Windows where it is enabled as extension of a virtual switch, and a
 * virtual switch that reaches outside takes a physical adapter: the node's addresses then live on
 * a virtual adapter (vNIC) of the host, which is the bridge's local port.  The way there cuts the
 * node off for moments, and a half-done way could do so for good.  Hence a sequence of steps, each
 * idempotent and able to tell whether it is done, and a journal that is written and synced before
 * each act: who starts again, after a crash or a reboot, goes through the steps from the first one
 * and does what is not done.  A step that fails for good is followed by undoing all of them, in
 * reverse order, to the end.  In every end the node has the addresses, routes and DNS servers it
 * had.
 *
 *   step        is done when                              undone by
 *   snapshot    the journal holds what the adapter has    giving it back to the adapter
 *   switch      Open vSwitch answers (nothing moved yet)
 *   network     the HNS network is there                  deleting it, and all that is on it
 *   vnic        the host's vNIC on it is there
 *   name        the vNIC is called as the bridge
 *   addresses   the vNIC has what the adapter had
 *   port        the bridge's record has the uplink port   removing the port
 *   extension   Open vSwitch is enabled on the network    (goes with the network)
 *   flows       the port has a number, and the flows between it and the node are acknowledged
 *   check       the vNIC (still) has what the adapter had
 *
 * The order is what keeps the cut short.  Until "extension" the virtual switch forwards by itself;
 * from then on only what the bridge's flows say.  So the addresses are back and the port is
 * recorded before; what is left is that ovs-vswitchd opens the bridge and two flows are written,
 * which waits for nothing but this node's own agent (ovs/flow_target.h: early flows).  If that does
 * not come about in time, all is undone.  The extension alone is never switched off: a virtual
 * switch that forwards by itself knows no policies.
 *
 * HNS networks do not survive a reboot.  The journal does: it says which adapter (by GUID) was
 * taken and what it had.  What the adapter has again by itself counts too, and a new lease beats
 * the old one; the rest is put back from the journal.
 *
 * While taken, the journal follows what the vNIC has, so that an operator's later changes are what
 * is given back.
 *
 * Portable and without a clock of its own: the system is reached by struct uplink_ops, what the
 * loop knows of the switch comes in by struct uplink_switch.  uplink_run() blocks as HCN and the
 * system do and is meant for a thread of the work queue; one call at a time. */
#ifndef SEINE_HNS_UPLINK_H
#define SEINE_HNS_UPLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/addr.h"
#include "core/base/err.h"
#include "core/base/sbuf.h"
#include "platform/uplink.h"

/* ---- what the sequence acts on ---- */

struct uplink_network { /* Seine's HNS network as it is now */
    bool present;
    bool extension; /* Open vSwitch is enabled on it */
};

/* Errors: ERR_AGAIN, the service cannot tell now: asked again without limit, never taken for an
 * answer.  Codes of the class ERR_RETRY_NEVER are for good.  Others are tried again for a while:
 * adapters that come and go refuse much for a moment. */
struct uplink_ops {
    void *aux;
    /* platform/uplink.h */
    int (*by_name)(void *aux, const char *name, struct uplink_adapter *out, struct err *err);
    int (*by_guid)(void *aux, const struct guid *guid, struct uplink_adapter *out, struct err *err);
    int (*by_address)(void *aux, const struct ip *ip, struct uplink_adapter *out, struct err *err);
    int (*restore)(void *aux, const struct guid *guid, const struct uplink_adapter *want, bool all,
                   struct err *err);
    int (*rename)(void *aux, const struct guid *guid, const char *name, struct err *err);
    /* HNS.  Making what is there and deleting what is not there is success. */
    int (*network_read)(void *aux, struct uplink_network *out, struct err *err);
    int (*network_create)(void *aux, const char *adapter, struct err *err);
    int (*network_extension)(void *aux, bool on, struct err *err);
    int (*network_delete)(void *aux, struct err *err);
    /* The journal's file, synced when write returns.  ERR_NOT_FOUND: there is none. */
    int (*journal_read)(void *aux, char **text_out, size_t *n_out, struct err *err);
    int (*journal_write)(void *aux, const char *text, size_t n, struct err *err);
    int (*journal_remove)(void *aux, struct err *err);
    /* Asked between acts; NULL: never. */
    bool (*should_stop)(void *aux);
};

/* What is known of the switch: of a moment, level-triggered. */
struct uplink_switch {
    bool known;                 /* the database was read: 'bridges' and 'has_port' hold */
    bool alive;                 /* the bridge's record is there and ovs-vswitchd has taken it up */
    bool has_port;              /* the record holds the uplink port */
    uint32_t ofport;            /* of that port; 0: none yet */
    bool flows;                 /* the flows between it and the node are acknowledged */
    const char *why;            /* what is missing, one line; NULL: nothing to say */
    const char *const *bridges; /* names of all bridges: their local ports are called so */
    size_t n_bridges;
};

struct uplink_config {
    const char *choice; /* "auto", "none", or the adapter's name */
    const char *bridge;
    const struct ip *node_ips; /* the node's InternalIPs, for "auto" */
    size_t n_node_ips;
};

/* ---- running it ---- */

enum uplink_state {
    UPLINK_DECIDING, /* not known yet whether there is something to take */
    UPLINK_NONE,     /* nothing is taken */
    UPLINK_TAKING,
    UPLINK_TAKEN,
    UPLINK_UNDOING,
    UPLINK_FAILED, /* nothing is taken; tried again by a new start only.  Or the journal is bad */
    UPLINK_N_STATES
};
const char *uplink_state_name(enum uplink_state s); /* "deciding", ... */

/* What is to become of the uplink port in the bridge's record. */
enum uplink_port { UPLINK_PORT_LEAVE, UPLINK_PORT_ADD, UPLINK_PORT_REMOVE };

/* After a run: what it came to, and what the caller has to do. */
struct uplink_report {
    enum uplink_state state;
    const char *step;         /* at hand; "" outside of taking and undoing */
    char error[ERR_TEXT_MAX]; /* what is waited for or has failed; "" */
    enum uplink_port port;
    bool hold_datapath;            /* a bridge that does not open says nothing yet */
    char adapter[UPLINK_NAME_MAX]; /* its name; "" */
    uint32_t again_ms;             /* run again after, or when the switch changed; 0: no need */
};

struct uplink;
/* Copies 'config' and 'ops'.  Nothing is read or done yet. */
struct uplink *uplink_new(const struct uplink_config *config, const struct uplink_ops *ops);
void uplink_free(struct uplink *u); /* NULL is fine */
/* The InternalIPs became known or changed: matters while deciding. */
void uplink_set_node_ips(struct uplink *u, const struct ip *ips, size_t n);
/* Goes as far as it can at this moment ('now_ms', monotonic), forward or back, and says where that
 * is.  With nothing to do it only looks.  Never waits for time to pass. */
void uplink_run(struct uplink *u, int64_t now_ms, const struct uplink_switch *sw,
                struct uplink_report *out);
/* From now on: gives the adapter back.  Ends in UPLINK_NONE. */
void uplink_undo(struct uplink *u);

/* ---- the journal, apart ---- */

enum uplink_direction { UPLINK_TAKE, UPLINK_UNDO };
enum { UPLINK_REASON_MAX = 200, UPLINK_JOURNAL_MAX = 1 << 17, UPLINK_STEP_MAX = 16 };
struct uplink_journal {
    enum uplink_direction direction;
    char step[UPLINK_STEP_MAX];     /* what is acted on: one of the steps above, or "done" */
    char reason[UPLINK_REASON_MAX]; /* why it is undone; "" */
    char bridge[UPLINK_NAME_MAX];
    struct uplink_adapter adapter;
};
/* One line of JSON with its newline, always the same bytes for the same content. */
void uplink_journal_format(const struct uplink_journal *j, struct sbuf *out);
/* Reads exactly what the above writes; members in any order.  ERR_INVALID names the member. */
int uplink_journal_parse(const char *text, size_t n, struct uplink_journal *out, struct err *err);

/* Whether 'have' has all that 'want' has, but what router advertisements give.  'why' (may be NULL)
 * gets the first that is missing: "no address 192.0.2.10/24". */
bool uplink_adapter_covers(const struct uplink_adapter *have, const struct uplink_adapter *want,
                           struct err *why);
/* What an adapter should have after a reboot: all that either has; but a lease of 'now' beats one
 * of 'then', and no route leads to a next hop that no address reaches.  'now' gives identity and
 * name.
 */
void uplink_adapter_merge(const struct uplink_adapter *now, const struct uplink_adapter *then,
                          struct uplink_adapter *out);
/* What an adapter should be given back when its successor has 'now': that, family by family, but
 * what 'then' has where 'now' has nothing.  'then' gives identity and name. */
void uplink_adapter_follow(const struct uplink_adapter *now, const struct uplink_adapter *then,
                           struct uplink_adapter *out);

#endif
