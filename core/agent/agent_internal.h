/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside core/agent: the agent's state, shared by its parts.
 *
 *   agent.c         making and ending it; running the engine; what was acknowledged
 *   agent_source.c  objects of the source -> input tables; what attached Pods keep
 *   agent_folder.c  the source that is a folder of manifests
 *   agent_kube*.c   the source that is an API server: agent_kube.h
 *   agent_switch.c  OVSDB and OpenFlow: ports, node_config, the gate
 *   agent_reject.c  packets that are refused at once are answered
 *   agent_host.c    gateway device, routes, masquerade: targets on the work queue
 *   agent_acl.c     access lists in place of the switch (--datapath-type hns, Windows)
 *   agent_hns.c     the service that keeps Pods' interfaces (Windows)
 *   agent_uplink.c  taking the physical adapter over, and the HNS network (Windows)
 *   agent_files.c   the files by which the container runtime finds Seine
 *   agent_cni.c     what the CNI end asks of the rest
 *   agent_wait.c    readiness, and who waits for it or for a sync
 *   api*.c          the local API
 *
 * Everything runs on the loop's thread. */
#ifndef SEINE_AGENT_AGENT_INTERNAL_H
#define SEINE_AGENT_AGENT_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "cni/attach.h"
#include "core/agent/options.h"
#include "core/base/hmap.h"
#include "core/engine/engine.h"
#include "core/intent/tables.h"
#include "core/io/http_server.h"
#include "core/io/loop.h"
#include "core/io/stream.h"
#include "core/k8s/object.h"
#include "hns/uplink.h"
#include "ovs/flow_target.h"
#include "ovs/switchdb.h"

struct agent_acl;
struct agent_uplink;
struct host;
struct agent_files;
struct agent_hns;
struct hns_client;
struct wait;

/* Input up to 'revision' was derived; it is acknowledged when each space has reached 'generation'.
 */
struct agent_mark {
    bool set;
    uint64_t revision;
    uint64_t generation[SPACE_N];
    uint64_t since_ns; /* the first change of input that it covers; 0: none */
};

/* How far the data plane may be written. */
enum agent_gate {
    AGENT_GATE_SHUT,
    AGENT_GATE_KEEP, /* what is missing is brought, nothing is taken away: the source is not whole
                      */
    AGENT_GATE_OPEN,
};

struct agent {
    const struct options *o;
    struct loop *loop;
    struct engine *engine;
    struct store *store;
    struct loop_deferred *run;
    struct loop_timer *audit;
    struct loop_signal *signals[2];
    struct loop_wakeup *stop; /* the service manager's way to say so */
    bool stopping;
    uint64_t started_ns;

    /* the source of desired state */
    const struct agent_source_class *source_class;
    void *source;     /* of that class; NULL: not started */
    struct hmap kept; /* rows whose object is gone, but an attached Pod needs them */
    bool swept;       /* ... since the attachments are known */
    uint64_t complete_ns;

    /* the switch */
    struct switchdb *db;
    struct flow_target *target;
    struct stream_tls tls;
    struct loop_timer *no_switch; /* so long may Open vSwitch not answer at all; NULL: for ever */
    bool failed;                  /* it did not: the agent ends with exit code 1 */
    bool config_known;            /* the bridge's ports were known once */
    enum agent_gate gate;
    bool flows_whole; /* since this connection, everything was acknowledged once */
    char disconnected[ERR_TEXT_MAX], refused[ERR_TEXT_MAX];
    struct unixctl *ask_version; /* under way */
    char ovs_version[64];        /* as ovs-vswitchd itself says; "" until known */

    struct agent_files *files;   /* what the container runtime finds */
    struct host *host;           /* NULL with access lists */
    struct agent_acl *acl;       /* access lists; NULL: Open vSwitch, then db and target */
    struct agent_hns *hns;       /* NULL on a system without */
    struct agent_uplink *uplink; /* the same */
    struct attach *attach;
    struct loop_timer *attach_timer;

    /* progress */
    struct agent_mark mark;
    uint64_t acked_revision;
    uint64_t changed_ns; /* the first change of input that no mark covers yet; 0: none */
    bool ready;
    bool serves; /* ready, or would be if the source were complete: its cache is in force */
    char why[ERR_TEXT_MAX];
    struct wait *waits;
    uint64_t recompute_runs, recompute_differences;

    struct http_server *api, *metrics;
};

/* ---- agent.c ---- */
/* Input changed: derive soon, in slices of a loop turn. */
void agent_changed(struct agent *a);
/* The node's configuration, as far as it is the same with a switch and with access lists. */
struct node_config *agent_config_new(const struct agent *a);
/* Takes it over. */
void agent_config_put(struct agent *a, struct node_config *c);
/* A target acknowledged something or changed its state. */
void agent_progress(struct agent *a);
/* Derives everything again; returns the number of differences, and what they are. */
size_t agent_recompute(struct agent *a, struct sbuf *report);

/* ---- agent_source.c, and the sources ---- */
/* How a source stands at this moment. */
struct agent_source_state {
    bool complete;  /* its first whole list was delivered, and nothing of it is in question */
    bool cached;    /* not complete: what holds is what an earlier run has kept */
    bool enforced;  /* cached, and it is all that is to be had for the time being */
    bool stale;     /* complete or cached, but it cannot be heard now: what holds may be old */
    double stale_s; /* for so long */
};
typedef void agent_source_error_fn(void *aux, const char *text);

/* Where objects come from.  A source tells them by agent_source_put() and agent_source_remove(). */
struct agent_source_class {
    const char *name;
    bool keeps_namespaces; /* and this Node: their state holds while a Pod of them is attached */
    /* ERR_INVALID: the options that concern it are wrong, told whole. */
    int (*start)(struct agent *a, void **source_out, struct err *err);
    void (*end)(void *source);
    void (*look)(void *source, struct agent_source_state *out);
    void (*describe)(void *source, struct sbuf *out); /* one line, when it is first complete */
    void (*why)(void *source, struct sbuf *out);      /* why it is not complete */
    /* Objects that cannot be read now, one call each; and what else is wrong (NULL: nothing ever),
     * which does not keep a sync from being whole. */
    void (*errors)(void *source, agent_source_error_fn *tell, void *aux);
    void (*troubles)(void *source, agent_source_error_fn *tell, void *aux);
    /* Calls 'done' once when all that the source holds at this moment was told. */
    void (*sync)(void *source, loop_fn *done, void *aux);
    void (*sync_cancel)(void *source, loop_fn *done, void *aux);
    void (*sync_why)(void *source, struct sbuf *out); /* what a sync still waits for */
    void (*metrics)(void *source);
    /* An ADD waits for this Pod, "namespace/name".  NULL: nothing can be done about it. */
    void (*pod_wanted)(void *source, const char *key);
    /* For who reads the source to see; each may be NULL.  The agent is ready; an operator should
     * look at the Node; this Pod has the attachment of an earlier one of its name; all is derived,
     * and what a limit has cut may be told. */
    void (*ready)(void *source);
    void (*node_event)(void *source, const char *reason, const char *action, const char *note);
    void (*pod_isolated)(void *source, const char *key);
    void (*derived)(void *source);
};
extern const struct agent_source_class agent_folder_class, agent_kube_class;

/* ERR_INVALID: an option is wrong. */
int agent_source_start(struct agent *a, struct err *err);
void agent_source_end(struct agent *a);
void agent_source_look(struct agent *a, struct agent_source_state *out);
bool agent_source_is_complete(struct agent *a);
/* How far the source lets the data plane be written, and the same of the agent as a whole: 'rest'
 * says that all else it waits for is there.  Once open it is shut only by what makes the desired
 * sets meaningless. */
enum agent_gate agent_source_gate(struct agent *a);
void agent_gate_set(struct agent *a, bool rest);
/* Tell by the source what its class can tell; without effect if it cannot. */
void agent_source_ready(struct agent *a);
void agent_source_derived(struct agent *a);
void agent_source_node_event(struct agent *a, const char *reason, const char *action,
                             const char *note);
/* An ADD waits for this Pod, "namespace/name". */
void agent_source_wants_pod(struct agent *a, const char *key);
/* 'object' (core/k8s/object.h) is one reference that is taken over. */
void agent_source_put(struct agent *a, enum k8s_kind kind, const char *key, void *object);
void agent_source_remove(struct agent *a, enum k8s_kind kind, const char *key);
int agent_source_table(enum k8s_kind kind); /* where objects of a kind are rows */
/* This node's own object, NULL: none (yet). */
const struct node *agent_own_node(const struct agent *a);
/* ... and whether it is gone, and holds for the attached Pods alone. */
bool agent_own_node_is_kept(const struct agent *a);
bool agent_pod_is_kept(const struct agent *a, const char *key);
/* Whether an attachment of this Pod is that of an earlier one of its name. */
bool agent_pod_is_isolated(const struct agent *a, const char *key);
/* An attachment of a Pod came or changed. */
void agent_pod_attached(struct agent *a, const char *namespace_, const char *name);
/* The last attachment of a Pod went: its kept object goes too. */
void agent_pod_detached(struct agent *a, const char *namespace_, const char *name);

/* ---- agent_switch.c ---- */
int agent_switch_start(struct agent *a, struct err *err);
void agent_switch_end(struct agent *a);
bool agent_switch_is_ready(const struct agent *a);
/* The control socket of ovs-vswitchd.  ERR_UNSUPPORTED where it is on another machine; where it is
 * a named pipe, it may turn out not to be there. */
int agent_switch_control(const struct agent *a, char *out, size_t size, struct err *err);
const char *agent_switch_version(const struct agent *a);
/* Opens the gate once everything that it waits for is there. */
void agent_switch_gate(struct agent *a);

/* ---- agent_reject.c ---- */
/* A packet that a flow hands to the agent (core/pipeline/pipeline.h says for what). */
void agent_packet_in(void *aux, const struct ofmsg_packet_in *pin);
/* A bundle was committed (flow_target.h): tracked connections that nobody serves are forgotten. */
void agent_flush_committed(void *aux, const struct plan *flows, const struct plan *groups,
                           bool first);

/* ---- agent_host.c ---- */
void host_start(struct agent *a);
void host_end(struct agent *a);
/* Desired rows or the node changed: brings the system there. */
void host_poke(struct agent *a);
/* The system may have changed: reads it back first. */
void host_reread(struct agent *a);
bool host_is_settled(const struct agent *a);   /* as desired, nothing under way */
bool host_is_whole(const struct agent *a);     /* it was so once since the start */
const char *host_error(const struct agent *a); /* "" or why not */
uint32_t host_mtu(const struct agent *a);      /* of Pods; 0: not known yet */

/* ---- agent_acl.c ---- */
/* Before agent_cni_start(); the records are told by agent_acl_start(), after it. */
void agent_acl_new(struct agent *a);
int agent_acl_start(struct agent *a, struct err *err);
void agent_acl_end(struct agent *a);
/* Desired lists or the service's state changed: brings the service there.  Without effect where
 * there is Open vSwitch. */
void agent_acl_look(struct agent *a);
/* Endpoints may have changed: reads them back first. */
void agent_acl_reread(struct agent *a);
/* One of them came or went: the same, once for all that happens in a while. */
void agent_acl_event(struct agent *a);
/* As their counterparts of the switch. */
void agent_acl_gate(struct agent *a);
bool agent_acl_is_up(const struct agent *a);
bool agent_acl_in_sync(const struct agent *a);
void agent_acl_why(const struct agent *a, struct sbuf *out); /* nothing if it is up */
void agent_acl_port_add(struct agent *a, const char *name, const struct attach_id *ids, size_t n,
                        attach_done_fn *done, void *aux);
void agent_acl_port_del(struct agent *a, const char *const *names, size_t n, attach_done_fn *done,
                        void *aux);

/* ---- agent_hns.c ---- */
enum agent_hns_state {
    AGENT_HNS_NONE, /* no such service on this system, or not asked yet */
    AGENT_HNS_ABSENT,
    AGENT_HNS_AWAY,
    AGENT_HNS_READY
};
void agent_hns_start(struct agent *a);
void agent_hns_end(struct agent *a);  /* nothing of it calls back any more */
void agent_hns_free(struct agent *a); /* no work is under way any more */
enum agent_hns_state agent_hns_state(const struct agent *a);
struct hns_client *agent_hns_client(const struct agent *a); /* NULL on a system without */
/* Those of the node's podCIDRs that Pods can have addresses of: an HNS without dual stack has IPv4
 * alone.  '*n' is theirs in and out; borrowed until the next call. */
const struct prefix *agent_hns_pod_cidrs(const struct agent *a, const struct prefix *cidrs,
                                         size_t *n);
/* The network that Pods' endpoints are made in, where no uplink is taken (which would make it): it
 * is made if it is absent, except where that would take the adapter that the node lives on.  On the
 * work queue. */
struct agent_hns_spec {
    const struct prefix *cidrs; /* podCIDRs, host bits are ignored */
    size_t n_cidrs;
    struct ip node_ip; /* family 0: none */
};
int agent_hns_network(struct hns_client *client, const struct agent_hns_spec *spec,
                      struct err *err);
/* What makes Pods' interfaces; NULL: the platform's own. */
const struct attach_system *agent_hns_system(const struct agent *a);
const char *agent_hns_name(const struct agent *a); /* "ready"; "" on a system without */
const char *agent_hns_why(const struct agent *a);  /* "" or why Pods cannot be attached for it */

/* ---- agent_uplink.c ---- */
/* After agent_switch_start(). */
void agent_uplink_start(struct agent *a);
void agent_uplink_end(struct agent *a);
/* Something that it waits for may have come. */
void agent_uplink_look(struct agent *a);
/* NULL: not known yet. */
const struct uplink_report *agent_uplink_report(const struct agent *a);
/* Why Pods cannot be attached for it; nothing if they can. */
void agent_uplink_why(const struct agent *a, struct sbuf *out);

/* ---- agent_files.c ---- */
void agent_files_start(struct agent *a);
void agent_files_end(struct agent *a);
/* The agent is ready: has the network configuration written, and put back, if a look is due. */
void agent_files_place(struct agent *a);
const char *agent_files_why(const struct agent *a); /* "" or why it could not be written */
/* A JSON object: how often it was put back, and what is wrong that Seine does not mend. */
void agent_files_status(const struct agent *a, struct sbuf *out);
void agent_files_metrics(const struct agent *a);

/* ---- agent_cni.c ---- */
void agent_cni_start(struct agent *a);

/* What attach_node says of this moment. */
void agent_cni_node(void *aux, struct attach_node *out);

/* ---- agent_wait.c ---- */
/* Looks again at readiness and at everyone who waits. */
void wait_look(struct agent *a);
/* Says what is not acknowledged of 'revision', one text a line; "" if nothing. */
void wait_missing(struct agent *a, uint64_t revision, struct sbuf *out);
void wait_status(struct agent *a, struct http_exchange *x, uint32_t timeout_ms);
void wait_sync(struct agent *a, struct http_exchange *x, uint32_t timeout_ms);
void wait_end(struct agent *a);

/* ---- api.c ---- */
int api_start(struct agent *a, struct err *err);
void api_stop(struct agent *a);
void api_end(struct agent *a);
/* api_status.c */
void api_status_format(struct agent *a, struct sbuf *out);
void api_metrics_format(struct agent *a, struct sbuf *out);
/* api_get.c: answers GET /v1/<what>. */
void api_get(struct agent *a, struct http_exchange *x, const char *what);
/* api_why.c */
void api_why(struct agent *a, struct http_exchange *x);

#endif
