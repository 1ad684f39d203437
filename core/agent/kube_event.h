/* SPDX-License-Identifier: Apache-2.0
 *
 * Events (events.k8s.io/v1) on objects where an operator should look, as a book: what happened goes
 * in, documents for the API server come out.  Pure: no clock, no socket.
 *
 * The same thing happening again is the same Event: its series counts, told at most once a
 * KUBE_EVENT_SERIES_MS.  New Events come from a bucket, so that a node in trouble does not flood
 * the server; what finds the bucket empty, or the book full, is dropped and counted. */
#ifndef SEINE_AGENT_KUBE_EVENT_H
#define SEINE_AGENT_KUBE_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/sbuf.h"
#include "core/k8s/object.h"

enum {
    KUBE_EVENT_SERIES_MS = 60000,
    KUBE_EVENT_FORGET_MS = 600000, /* so long after the last time it begins anew */
    KUBE_EVENT_AGAIN_MS = 5000,    /* after a call that failed */
    KUBE_EVENT_BURST = 20,
    KUBE_EVENT_FILL_MS = 6000, /* one more in the bucket */
    KUBE_EVENT_MAX = 128,      /* things in the book */
    KUBE_EVENT_NOTE_MAX = 1024,
    KUBE_EVENT_INSTANCE_MAX = 128,
};

/* One thing that happened.  'namespace_' "": an object without, whose Events are in "default". */
struct kube_event {
    enum k8s_kind kind;
    bool shared; /* every node may tell it: its Event's name is the same everywhere, and who finds
                    that it is there has nothing to tell */
    const char *namespace_, *name, *uid;
    const char *reason; /* "AddressesExhausted" */
    const char *action; /* what was being done: "AttachPod" */
    const char *note;   /* one sentence; cut at KUBE_EVENT_NOTE_MAX */
};

/* A call to make. */
struct kube_event_call {
    const char *method, *content_type;
    struct sbuf path, body; /* done by the caller */
};

struct kube_event_book;
struct kube_event_book *kube_event_book_new(const char *node_name);
void kube_event_book_free(struct kube_event_book *b); /* NULL is fine */

/* It happened, at 'now' (monotonic milliseconds) and 'wall_ms' since 1970. */
void kube_event_note(struct kube_event_book *b, const struct kube_event *event, int64_t now,
                     uint64_t wall_ms);
/* The next call that is due; false: none, or one is under way.  kube_event_answered() ends it. */
bool kube_event_next(struct kube_event_book *b, int64_t now, struct kube_event_call *out);
/* HTTP status of the answer, 0: there was none. */
void kube_event_answered(struct kube_event_book *b, int status, int64_t now);
/* When kube_event_next() may have something; INT64_MAX: not before something happens. */
int64_t kube_event_due(const struct kube_event_book *b);
uint64_t kube_event_dropped(const struct kube_event_book *b);

#endif
