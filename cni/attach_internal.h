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

/* Of a late port. */
struct care {
    int64_t since; /* it has no number since; 0: it has one, or needs none */
    int64_t due;   /* when to look at it again */
    int64_t made;  /* when it was made anew, being refused; 0: never */
    bool internal; /* it was when it was looked at last */
    bool asked;    /* it is being made "internal" */
    bool told;     /* a warning */
};

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
    bool internal;  /* the port is of type "internal" */
    bool stale;     /* the port is of an interface that was lost meanwhile */
    struct care care;
};

struct lock {
    struct hmap_node node; /* in attach.locks */
    char *name;            /* of the container, or of a namespace that several share */
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
    bool cancelled;                       /* an ADD whose container is being deleted */
    bool quiet;                           /* our own: neither told nor counted */
    void (*start)(struct attach_call *c); /* NULL: the verb's */
    bool fresh, port_tried, netif_made;   /* what an ADD made itself and takes back if it fails */
    bool netns_bad;                       /* of work: rc is about the namespace */
    struct cni_error error;               /* code 0: success */
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
    char *run_dir, *deletions, *owner;
    struct ipam *ipam;
    struct hmap records, locks;
    struct attach_call *calls; /* newest first */
    struct attach_call *replies, *last_reply;
    unsigned depth; /* inside calls from outside: replies wait until the outermost ends */
    bool replying;  /* replies are scheduled */
    bool stopped;
    bool recovering, known, recovered;
    int64_t recover_due; /* INT64_MAX: not to be tried again */
    unsigned recover_ms;
    bool switch_was_ready;
    uint64_t sequence; /* of the newest attachment */
    uint64_t acked;
    uint64_t ended;    /* calls freed so far */
    size_t releases;   /* since the history was written anew */
    VEC(char *) trash; /* ports that could not be removed yet */
    bool emptying;     /* some of them are being removed */
    /* attach_care.c */
    bool caring; /* devices are being looked for */
    size_t n_late;
    /* attach_mend.c */
    int64_t mend_due; /* when interfaces are to be looked for; INT64_MAX: never */
    unsigned mend_ms, mending;
    VEC(char *) strays; /* interfaces that could not be removed yet */
    int64_t strays_due;
    unsigned strays_ms;
    bool straying;
    int64_t sweep_due; /* when to look for strays that nobody told of */
    bool sweeping;
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
/* A call of our own about an attachment, as if its runtime had sent it; the verb is DEL. */
struct attach_call *call_new_for(struct attach *a, const struct record *rec,
                                 const struct cni_version *version);
/* 'run' on a work thread with the call as argument, then 'done'. */
void call_work(struct attach_call *c, attach_work_fn *run, void (*done)(struct attach_call *c));
/* Ends the call with c->error and c->out. */
void call_end(struct attach_call *c);
/* Adds the port of an attached Pod again, in place of what is there. */
void attach_repair_port(struct attach *a, struct record *rec);
/* CNI_IO_FAILURE, or CNI_TRY_AGAIN where the system said that it cannot tell now. */
enum cni_code attach_io_code(const struct attach *a, const struct err *err);
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

/* ---- attach_namespace.c: network namespaces, and who shares one ---- */
/* 0, or CNI_INVALID_ENVIRONMENT: CNI_NETNS has not the form that it must have. */
int namespace_check(struct attach_call *c);
bool namespace_equal(const struct attach *a, const char *one, const char *other);
/* The attachment of another container in the request's namespace, NULL: none, or they share none.
 */
struct record *namespace_record(const struct attach *a, const struct request *r);
/* What a call's lock is named by: calls that could meet in one record have one lock. */
void namespace_lock_name(const struct attach_call *c, struct sbuf *out);

/* ---- attach_care.c: late ports ---- */
/* Something about the record's port changed. */
void care_look(struct attach *a, struct record *rec);
void care_drop(struct attach *a, struct record *rec); /* the record goes */
int64_t care_deadline(const struct attach *a);
void care_run(struct attach *a, int64_t now);

/* ---- attach_mend.c: interfaces that went by themselves, or would not go ---- */
void mend_soon(struct attach *a); /* looks for the interfaces of all attached Pods */
/* An interface that could not be removed: it is tried again until it is gone. */
void mend_add_stray(struct attach *a, const char *name);
bool mend_is_stray(const struct attach *a, const char *name);
/* Looks, in a while, for interfaces of ours that no record has: the service may finish what an
 * agent asked of it when that one is dead already. */
void mend_sweep_soon(struct attach *a);
int64_t mend_deadline(const struct attach *a);
void mend_run(struct attach *a, int64_t now);
void mend_free(struct attach *a);

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
