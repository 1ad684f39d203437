/* SPDX-License-Identifier: Apache-2.0
 *
 * The agent's end of CNI: requests come in as the bytes that seine-cni sent, replies go out as the
 * bytes it prints.  One object, on the loop thread, that owns all attachments of this node: their
 * records, the addresses, one lock a container, and what is under way.  It speaks to the rest of
 * the agent only through struct cni_host below and through the attach_saw_* and attach_*_changed
 * calls, so that it can be driven whole by a test.
 *
 * The host's callbacks that end later (port_add, port_del, work) must end from the loop, never from
 * within the call, and exactly once.
 *
 * Two things differ by system, each by a member of struct attach_config:
 *
 *   hcn         CNI_NETNS is the GUID of an HCN namespace (Windows), which all containers of a Pod
 *               share: an ADD in a namespace that has its interface gives that interface's result
 *               and makes nothing, and the DEL of such a container finds no record and does
 *               nothing.  The service that keeps the interfaces may be away: what it does not
 *               answer is not known, never absent, and is looked at again.
 *   late_ports  the device of a port comes some time after the port: ADD ends without the port's
 *               number (no flow admits anything without it), and the port is seen to for as long as
 *               the Pod is attached: once the device is there it becomes "internal", its number
 *               then reaches the Pod's row.
 *
 * Life:
 *   1. attach_new().  Requests may come at once: they wait until the records are known.
 *   2. The host tells each port of ours by attach_saw_port() as it sees it, now and ever after.
 *   3. When the switch's configuration was read whole (switchdb READY) the host calls
 *      attach_switch_changed().  The first time, records become attachments, what was half made is
 *      taken away, the deletions that seine-cni noted while the agent was away are done, and only
 *      then the waiting requests. */
#ifndef SEINE_CNI_ATTACH_H
#define SEINE_CNI_ATTACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/addr.h"
#include "core/base/err.h"
#include "core/pod/attachment.h"
#include "platform/netif.h"

struct attach;
struct attach_call; /* one request under way */

/* One external_id of a port: the layout of ovs/switchdb.h's struct switchdb_id. */
struct attach_id {
    const char *key, *value;
};
/* A Pod port of ours as the switch has it. */
struct attach_port {
    const char *name;
    uint32_t ofport;   /* 0: none yet */
    const char *error; /* what Open vSwitch says against it; "" if nothing */
    bool internal;     /* of type "internal" */
    const struct attach_id *ids;
    size_t n_ids;
};
/* The node as the host knows it at this moment.  Strings and arrays are borrowed until the next
 * turn of the loop. */
struct attach_node {
    const struct prefix *pod_cidrs; /* of this node's own Node object; none: not known yet */
    size_t n_pod_cidrs;
    uint32_t mtu;            /* of Pods */
    bool userspace_datapath; /* datapath type netdev */
    bool switch_ready;       /* bridge and ports stand, OVSDB and OpenFlow are connected */
    bool ready;              /* what /readyz says */
    bool serves;     /* ADD is served: ready, or all but the whole of the sources is there */
    const char *why; /* one line: what is missing where not ready; "" */
};
enum attach_pod_state {
    ATTACH_POD_UNKNOWN,   /* no such object (yet) */
    ATTACH_POD_KNOWN,     /* object with this UID, or the request gave none */
    ATTACH_POD_OTHER_UID, /* object of that name, but another Pod */
};

/* Ends a request to the switch: err->code 0 when committed; ERR_CLOSED: outcome not known. */
typedef void attach_done_fn(void *aux, const struct err *err);
typedef void attach_work_fn(void *arg);

struct cni_host {
    void (*node)(void *aux, struct attach_node *out);
    enum attach_pod_state (*pod)(void *aux, const char *namespace_, const char *name,
                                 const char *uid);
    /* Puts (a copy of) a row of TABLE_ATTACHMENT, or removes it (NULL). */
    void (*attachment)(void *aux, const char *key, const struct attachment *a);
    /* A number that stands for all rows put so far: attach_flows_changed(n') with n' >= n says that
     * everything derived from them is in the switch and acknowledged. */
    uint64_t (*revision)(void *aux);
    /* One transaction each, as switchdb_port_add() and switchdb_port_del() do it. */
    void (*port_add)(void *aux, const char *name, const struct attach_id *ids, size_t n_ids,
                     attach_done_fn *done, void *done_aux);
    void (*port_del)(void *aux, const char *const *names, size_t n, attach_done_fn *done,
                     void *done_aux);
    /* Makes the port's type "internal" (switchdb_port_set_type); for late_ports alone. */
    void (*port_internal)(void *aux, const char *name, attach_done_fn *done, void *done_aux);
    /* 'run' on a work thread, then 'done' on the loop (work_submit). */
    void (*work)(void *aux, attach_work_fn *run, attach_work_fn *done, void *arg);
    int64_t (*now)(void *aux);              /* monotonic milliseconds */
    void (*timer)(void *aux, int64_t when); /* call attach_run() then; replaces the one before */
};
/* The system calls made on work threads: the platform's, or a test's. */
struct attach_system {
    int (*pod_create)(const struct netif_pod *pod, struct err *err);
    int (*pod_delete)(const char *host_name, struct err *err);
    int (*pod_check)(const struct netif_pod *pod, struct err *err);
    int (*netns_check)(const char *netns, struct err *err);
    /* 1 or 0; an error where it cannot be known now: never taken as absent. */
    int (*exists)(const char *host_name, struct err *err);
    int (*list)(const char *owner, char ***names_out, size_t *n_out, struct err *err);
    /* Whether the device that Open vSwitch would open for this port is there; for late_ports. */
    bool (*nic_exists)(const char *host_name);
};
extern const struct attach_system attach_system_default;

struct attach_config {
    const struct cni_host *host; /* borrowed, as are host_aux, system, proc_sys */
    void *host_aux;
    const struct attach_system *system; /* NULL: attach_system_default */
    const char *run_dir;                /* holds "released"; NULL: no files */
    const char *deletions;              /* journal_folder() of the socket; NULL: no notes */
    const char *proc_sys;               /* of netif_pod */
    const char *owner;                  /* whose interfaces these are: the gateway's name */
    unsigned pod_timeout_ms;            /* --pod-timeout */
    bool hcn, late_ports;               /* see above */
};
struct attach *attach_new(const struct attach_config *config);
/* Ending: after attach_stop() what the host calls back (switchdb_free() ends its requests, the work
 * queue drains) has no effect and no reply comes; then attach_free(), after which nothing may call
 * back.  What was half made is taken up by the next start.  NULL is fine. */
void attach_stop(struct attach *a);
void attach_free(struct attach *a);

/* ---- requests: POST /v1/cni ---- */
/* What goes back: HTTP status 200 (body is the plugin's stdout, perhaps empty; exit 0) or 500 (body
 * is a CNI error; exit 1).  Never called from within attach_request(). */
struct attach_reply {
    int status;
    const char *body;
    size_t n;
};
typedef void attach_reply_fn(void *aux, const struct attach_reply *reply);
struct attach_call *attach_request(struct attach *a, const void *body, size_t n,
                                   attach_reply_fn *reply, void *aux);
/* The client went away: the request goes on, its reply is dropped.  Only before the reply. */
void attach_abandon(struct attach_call *call);

/* ---- what the host tells ---- */
void attach_saw_port(struct attach *a, const struct attach_port *port); /* appeared or changed */
void attach_saw_port_gone(struct attach *a, const char *name);
/* switch_ready of attach_node may have changed. */
void attach_switch_changed(struct attach *a);
/* podCIDRs, readiness or MTU of attach_node may have changed. */
void attach_node_changed(struct attach *a);
/* A Pod object came, changed or went. */
void attach_pod_changed(struct attach *a, const char *namespace_, const char *name);
/* Everything up to this revision is in the switch and acknowledged. */
void attach_flows_changed(struct attach *a, uint64_t acked_revision);
/* The time asked for by cni_host.timer has come. */
void attach_run(struct attach *a, int64_t now);
/* Devices may have come: late ports are looked at now instead of at their next time. */
void attach_nics_changed(struct attach *a);
/* Interfaces may have gone by themselves (hcn: the service was restarted, the network was made
 * anew): those of attached Pods are looked for, and made again with the addresses that they had
 * where their namespace is still there. */
void attach_interfaces_changed(struct attach *a);

/* Records were read and their rows are put: flows may be derived from them. */
bool attach_recovered(const struct attach *a);
/* What was half made is taken away too: requests are served. */
bool attach_serves(const struct attach *a);
/* Whether ADD would be refused for want of addresses: part of readiness for CNI STATUS only. */
bool attach_pool_exhausted(const struct attach *a);
/* Attachments of this node now. */
size_t attach_count(const struct attach *a);

#endif
