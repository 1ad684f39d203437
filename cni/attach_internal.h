/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the agent's end share: records, calls, locks.
 *
 * A call goes through steps.  It is either busy (something it began will call it back) or waits:
 * then 'advance' is tried after every event and 'expire' is called at its deadline.  Each of them
 * may end the call, which frees it. */
#ifndef SEINE_CNI_ATTACH_INTERNAL_H
#define SEINE_CNI_ATTACH_INTERNAL_H

#include "cni/attach.h"
#include "cni/ipam.h"
#include "cni/request.h"
#include "core/base/hmap.h"
#include "core/base/sbuf.h"
#include "core/base/vec.h"

enum { ATTACH_MAX_IDS = 16, ATTACH_RELEASED_REWRITE = 4096, ATTACH_DEL_WAIT_MS = 5000 };

/* An attachment: what its port's record says, and what is known of the port. */
struct record {
    struct hmap_node node; /* in attach.records, by key */
    char *key;             /* "container-id/ifname" */
    struct attachment *att;
    char *network;
    struct netif_address addresses[ATTACHMENT_MAX_IPS];
    uint32_t mtu;
    char *port_error;
    bool in_switch; /* the switch told of its port */
    bool row;       /* its row is set */
    bool settled;   /* made whole: no ADD is under way */
    bool leaving;   /* a DEL is under way */
};

struct lock {
    struct hmap_node node; /* in attach.locks */
    char *container_id;
    struct attach_call *running, *first, *last; /* first..last wait */
};

struct attach_call {
    struct attach *a;
    struct attach_call *next, *prev; /* of attach.calls */
    struct attach_call *next_queued; /* for the lock, or to be replied */
    struct lock *lock;
    struct request r;
    char *body; /* as it came */
    size_t body_len;
    attach_reply_fn *reply; /* NULL: nobody waits for it */
    void *aux;
    uint64_t began_ns;
    int64_t deadline;
    void (*advance)(struct attach_call *c);
    void (*expire)(struct attach_call *c);
    struct record *rec;
    struct netif_pod pod; /* for work threads: borrowed from the record, which stays meanwhile */
    uint64_t revision;
    bool cancelled;                     /* an ADD whose container is being deleted */
    bool fresh, port_tried, netif_made; /* what an ADD made itself and takes back if it fails */
    bool netns_bad;                     /* of work: rc is about the namespace */
    struct cni_error error;             /* code 0: success */
    struct sbuf out;
    char *journal;              /* a replayed deletion: its file */
    struct attach_call *parent; /* a GC that waits for it */
    size_t children;
    /* Of work: */
    attach_work_fn *run;
    void (*done)(struct attach_call *c);
    int rc;
    struct err err;
    struct sbuf released; /* lines for the history of releases */
};

struct attach {
    struct attach_config config;
    const struct cni_host *host;
    const struct attach_system *system;
    char *run_dir, *owner;
    struct ipam *ipam;
    struct hmap records, locks;
    struct attach_call *calls; /* newest first */
    struct attach_call *replies, *last_reply;
    unsigned depth; /* inside calls from outside: replies wait until the outermost ends */
    bool replying;  /* replies are scheduled */
    bool stopped;
    bool recovering, recovered;
    bool switch_was_ready;
    uint64_t sequence; /* of the newest attachment */
    uint64_t acked;
    uint64_t ended;    /* calls freed so far */
    size_t releases;   /* since the history was written anew */
    VEC(char *) trash; /* ports that could not be removed yet */
    bool emptying;     /* some of them are being removed */
};

/* ---- attach.c ---- */
struct attach_node attach_node_now(struct attach *a);
/* Tries to advance each waiting call, and sets the timer. */
void attach_poke(struct attach *a);
/* A call of our own: of a journal's file, or a child of a GC.  NULL if the body is bad. */
struct attach_call *call_new(struct attach *a, const void *body, size_t n);
void call_enter(struct attach_call *c); /* waits for its container's lock, then starts */
void call_wait(struct attach_call *c, void (*advance)(struct attach_call *c),
               void (*expire)(struct attach_call *c));
/* 'run' on a work thread with the call as argument, then 'done'. */
void call_work(struct attach_call *c, attach_work_fn *run, void (*done)(struct attach_call *c));
/* Ends the call with c->error and c->out. */
void call_end(struct attach_call *c);
/* Removes a port sooner or later. */
void attach_discard_port(struct attach *a, const char *name);
void attach_keep_port(struct attach *a, const char *name); /* it is wanted again */
void attach_empty_trash(struct attach *a);
/* Gives up the record's addresses (and tells the history, by lines into 'released'). */
void attach_release(struct attach *a, struct record *rec, struct sbuf *released);
void attach_update_metrics(struct attach *a);
/* The history of releases: its path ("" without files), and writing it anew if it has grown. */
void attach_history_path(const struct attach *a, struct sbuf *out);
void attach_history_tidy(struct attach *a, size_t more);

/* ---- attach_record.c ---- */
struct record *record_find(const struct attach *a, const char *container_id, const char *ifname);
struct record *record_find_port(const struct attach *a, const char *name);
/* A new record of this request with these addresses, inserted; its port's name is free. */
struct record *record_make(struct attach *a, const struct request *r, const struct ip *ips,
                           size_t n);
/* Reads the record of a port and inserts it; NULL if it is none. */
struct record *record_read(struct attach *a, const struct attach_port *port);
void record_remove(struct attach *a, struct record *rec); /* and frees it */
/* The port's external_ids, made in 'arena'. */
size_t record_ids(const struct record *rec, struct arena *arena, struct attach_id *out);
void record_pod(const struct attach *a, const struct record *rec, bool userspace,
                struct netif_pod *out);
void record_publish(struct attach *a, struct record *rec);
void record_retract(struct attach *a, struct record *rec);
void record_saw_port(struct record *rec, const struct attach_port *port);
/* The container is a Pod of its own: no object will come for it. */
bool record_is_own_pod(const struct record *rec);

/* ---- the verbs ---- */
void add_start(struct attach_call *c);
void add_cancel(struct attach_call *c); /* a DEL of the same container came */
void del_start(struct attach_call *c);
void del_expire(struct attach_call *c); /* the records could not be read in time */
void gc_start(struct attach_call *c);
void gc_child_ended(struct attach_call *parent, const struct attach_call *child);
void check_start(struct attach_call *c);
void status_start(struct attach_call *c);

/* ---- attach_recover.c ---- */
void attach_recover(struct attach *a);

#endif
