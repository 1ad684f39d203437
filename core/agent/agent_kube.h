/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside core/agent: an API server as the source of desired state, shared by its parts.
 *
 *   agent_kube.c       client, a reflector a kind, how it stands
 *   agent_kube_sync.c  what a sync waits for
 *   agent_kube_pod.c   Pods that an ADD waits for, read one by one
 *   agent_kube_cache.c what the server said last, in a file
 *   agent_kube_write.c what is written: the Node's condition, Events
 *   agent_kube_cut.c   Events on what could not be enforced whole
 *
 * One client carries all calls.  Reflectors (core/k8s/reflector.h) may not be called from within
 * what they call: what follows from their news is done deferred, in agent_kube_look(). */
#ifndef SEINE_AGENT_AGENT_KUBE_H
#define SEINE_AGENT_AGENT_KUBE_H

#include "core/agent/agent_internal.h"
#include "core/io/api_credentials.h"
#include "core/io/http_client.h"
#include "core/k8s/kinds.h"
#include "core/k8s/reflector.h"

enum {
    KUBE_STALE_MS = 1000,    /* a watch may be away for so long before it is told */
    KUBE_ANSWER_MS = 10000,  /* one small question */
    KUBE_SILENCE_MS = 20000, /* before an answer's head and in the middle of a list; how long a
                                watch may be silent, its reflector says */
    KUBE_AGAIN_MS = 500,     /* after one that failed */
    KUBE_POD_MS = 1000,      /* an ADD's Pod that the watch has not brought is read after */
    KUBE_POD_MAX_MS = 8000,  /* ... and again after at most, the time doubling */
};

struct agent_kube;
struct kube_kind {
    struct agent_kube *kube;
    enum k8s_kind kind;
    const struct kind_row *row;
    struct reflector *reflector;
    struct http_call *call; /* the reflector's */
    struct loop_timer *timer;
    struct http_call *ask; /* a sync's, for the version */
    bool asking;           /* a sync wants it */
    bool reaching;         /* the version is known, and the watch on its way to it */
};

struct kube_sync; /* who waits */
struct kube_read; /* a Pod */
struct kube_write;
struct kube_cache;
struct kube_cut;
struct kube_event;

struct agent_kube {
    struct agent *a;
    struct api_credentials *credentials;
    struct http_client *client;
    struct kube_kind kinds[K8S_N_KINDS];
    struct loop_deferred *look;

    /* since when not all of it is known to be as the server has it; 0: it is */
    uint64_t unsure_ns;
    bool stale;
    struct loop_timer *stale_timer;

    struct kube_sync *syncs;
    bool sync_round; /* versions are asked for, or not reached yet */
    struct loop_timer *sync_timer;

    struct hmap wanted; /* struct kube_read by key */
    struct loop_timer *wanted_timer;

    struct kube_write *write;
    struct kube_cache *cache;
    struct kube_cut *cut;
};

/* ---- agent_kube.c ---- */
/* Something moved: looks at it soon. */
void agent_kube_moved(struct agent_kube *k);
bool agent_kube_is_complete(const struct agent_kube *k);
/* A small GET whose answer comes whole. */
struct http_call *agent_kube_ask(struct agent_kube *k, const struct sbuf *path,
                                 http_answer_fn *answered, void *aux);

/* ---- agent_kube_sync.c ---- */
void agent_kube_sync(void *source, loop_fn *done, void *aux);
void agent_kube_sync_cancel(void *source, loop_fn *done, void *aux);
void agent_kube_sync_why(void *source, struct sbuf *out);
void agent_kube_sync_look(struct agent_kube *k);
void agent_kube_sync_again(void *kube);
void agent_kube_sync_end(struct agent_kube *k);

/* ---- agent_kube_pod.c ---- */
void agent_kube_pod_wanted(void *source, const char *key);
/* The reflector said something of it: it is that one's now. */
void agent_kube_pod_seen(struct agent_kube *k, const char *key);
void agent_kube_pod_look(struct agent_kube *k);
void agent_kube_pod_time(void *kube);
void agent_kube_pod_end(struct agent_kube *k);

/* ---- agent_kube_cache.c ---- */
/* Before the reflectors start, after they were made. */
void agent_kube_cache_start(struct agent_kube *k);
void agent_kube_cache_end(struct agent_kube *k);
/* Rows changed. */
void agent_kube_cache_changed(struct agent_kube *k);
/* The API server's Namespace kube-system has this UID. */
void agent_kube_cache_cluster(struct agent_kube *k, const char *uid);
/* The file was read, and is this cluster's as far as is known. */
bool agent_kube_cache_is_loaded(const struct agent_kube *k);
/* The server had its time to answer. */
bool agent_kube_cache_is_waited(const struct agent_kube *k);
/* Why the file could not be written the last time; nothing if it could. */
void agent_kube_cache_trouble(const struct agent_kube *k, struct sbuf *out);

/* ---- agent_kube_write.c ---- */
void agent_kube_write_start(struct agent_kube *k);
void agent_kube_write_end(struct agent_kube *k);
/* Events that were too many to be told. */
uint64_t agent_kube_events_dropped(const struct agent_kube *k);
/* Something moved that may have to be told. */
void agent_kube_write_look(struct agent_kube *k);
void agent_kube_ready(void *source);
void agent_kube_node_event(void *source, const char *reason, const char *action, const char *note);
void agent_kube_pod_isolated(void *source, const char *key);
/* It happened now (kube_event.h). */
void agent_kube_event(struct agent_kube *k, const struct kube_event *event);

/* ---- agent_kube_cut.c ---- */
void agent_kube_cut_start(struct agent_kube *k);
void agent_kube_cut_end(struct agent_kube *k);
void agent_kube_derived(void *source);

#endif
