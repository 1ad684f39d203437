/* SPDX-License-Identifier: Apache-2.0
 *
 * The reflector: keeps what an API server has of one kind, as a pure state machine.  It asks for
 * paths, is given what came, and tells its owner which objects to put and to remove.  It knows no
 * socket and no clock: the owner makes the calls and runs the one timer.
 *
 * A list (whole, in pages, or streamed as the beginning of a watch) is followed by watches, each
 * from the last version seen.  Whole is best: a server answers it from its cache, where all or some
 * of the pages, by its version and by what happened lately, cost it a read of its storage each.  A
 * list is a difference: objects equal to what is held are not told, and keys that a finished list
 * does not hold are removed at its end, never before.
 *
 * What it does when things go wrong:
 *  - The watch ends: the next one from the last version, at once if it had lasted
 *    REFLECTOR_BEAT_MS or brought something, else backing off.
 *  - The watch brings nothing, not even a bookmark, for four to five beats: is the kind quiet, or
 *    does this stream hang while its connection lives?  Nothing can tell but a new watch from the
 *    last version, at once in its place.  A quiet kind's watches are brief from then on, some 20 s:
 *    the server ends them, with a bookmark if it can, so that the last version stays young; one
 *    that has not ended after five beats is replaced.
 *  - Connection lost, 5xx, 429: the same request again, backing off with jitter, not before
 *    Retry-After (or the Status' retryAfterSeconds).
 *  - 410, or an ERROR event with it: a new list; in the middle of pages the list from its
 *    beginning, and unpaged if it happens again.
 *  - A list that is cut off on its way twice, or not begun in time: in pages from then on.
 *  - Version too large (504): again; from the third time on a new list (the server's storage went
 *    back).
 *  - 401, 403: backing off; a note names kind and verb.
 *  - 404 of an optional kind: complete and empty, looked for again every REFLECTOR_ABSENT_MS.
 *    Objects that were held stay until REFLECTOR_ABSENT_LOOKS looks in a row found nothing: a
 *    server that starts may not serve it yet, and policies must not open for that.
 *  - Streaming list refused: plain lists from then on.
 *  - Protobuf refused (406, 415), or not to be read three times in a row: JSON from then on.  A
 *    server that has no Protobuf of a kind answers JSON by itself.
 *  - An object that cannot be read: its last good version stays; one without, met in the first
 *    list, keeps the kind incomplete until it is mended or gone; one whose name cannot be told lets
 *    that list remove nothing.  It may have been garbled on its way: a new list after
 *    REFLECTOR_REREAD_MIN_MS, and ever more seldom while it stays so.
 *  - An unknown event type: ignored, with a note, and a new list as above; in a streaming list it
 *    counts as an object whose name cannot be told.
 *  - Nodes whose podCIDRs overlap: the one that was told, or else was created first, keeps the
 *    range; the other one is an error and not told until the overlap ends.  (Nodes are told at the
 *    end of a list, for that.)
 * Each trouble is noted once, when it begins, and once when it is over. */
#ifndef SEINE_K8S_REFLECTOR_H
#define SEINE_K8S_REFLECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/log.h"
#include "core/k8s/kinds.h"
#include "core/k8s/object.h"

enum {
    REFLECTOR_PAGE = 2000, /* objects a page, where lists are read in pages */
    REFLECTOR_CUTS = 2,    /* lists that did not come whole, until they are */
    REFLECTOR_BACKOFF_MIN_MS = 250,
    REFLECTOR_BACKOFF_MAX_MS = 10000, /* half of it is jitter */
    REFLECTOR_RETRY_AFTER_MAX_S = 60,
    REFLECTOR_BEAT_MS = 4800, /* a watch's time is counted in these; five are less than what a
                                 connection of HTTP/1.1 is given */
    REFLECTOR_REREAD_MIN_MS = 5000,
    REFLECTOR_REREAD_MAX_MS = 300000,
    REFLECTOR_ABSENT_MS = 30000,
    REFLECTOR_ABSENT_LOOKS = 3,
    REFLECTOR_WATCH_S = 300, /* a watch's length: this to twice this */
};

/* What the reflector asks of its owner.  None of these may call the reflector. */
struct reflector_ops {
    void *aux;
    /* Start a GET of this path (with query) and with this Accept.  At most one is under way. */
    void (*send)(void *aux, const char *path, const char *accept);
    /* Drop the call that is under way: none of its head, data and end is given any more. */
    void (*cancel)(void *aux);
    /* Call reflector_timer() after so long, instead of any time asked for before; 0: never. */
    void (*timer)(void *aux, uint32_t ms);
    /* 'object' (struct pod...) is one reference that the callee ends by object_free().  New, or
     * changed in a field that is read. */
    void (*put)(void *aux, enum k8s_kind kind, const char *key, void *object);
    void (*remove)(void *aux, enum k8s_kind kind, const char *key);
    /* One line for the log, beginning with the kind. */
    void (*note)(void *aux, enum log_level level, const char *text);
    /* reflector_complete(), _state() or _reached() answers otherwise than before. */
    void (*changed)(void *aux);
};

struct reflector;
/* 'seed' makes the jitter.  '*ops' is copied. */
struct reflector *reflector_new(const struct kind_row *row, uint64_t seed,
                                const struct reflector_ops *ops);
/* Ends its references; no op is called any more.  The owner drops a call under way.  NULL is fine.
 */
void reflector_free(struct reflector *r);
/* Before the start: an object that the owner has put already (from a cache); one reference, taken
 * over.  The first list is then a difference to these. */
void reflector_seed(struct reflector *r, void *object);
void reflector_start(struct reflector *r);

/* ---- what came; only for a call that was asked for and neither ended nor dropped ---- */
/* 'retry_after_s': the header's seconds, 0 if there is none; 'content_type': NULL or "" is JSON. */
void reflector_head(struct reflector *r, int status, unsigned retry_after_s,
                    const char *content_type);
void reflector_data(struct reflector *r, const void *data, size_t n); /* of the body */
/* The call is over: NULL if the body came whole, else what broke it. */
void reflector_end(struct reflector *r, const struct err *err);
/* The time asked for is over, since late_ms: what is counted in beats counts those too. */
void reflector_timer(struct reflector *r, uint32_t late_ms);
/* Do not wait any longer if it is a back-off that is waited for (a new token, a connection). */
void reflector_hurry(struct reflector *r);

/* ---- how it stands ---- */
enum reflector_state {
    REFLECTOR_NEW,
    REFLECTOR_LISTING,
    REFLECTOR_WATCHING, /* what is held is what the server has */
    REFLECTOR_WAITING,  /* backing off: what is held may be old */
    REFLECTOR_ABSENT,   /* the server does not serve the kind */
};
enum reflector_state reflector_state(const struct reflector *r);
const char *reflector_state_name(enum reflector_state state);
/* A list was finished at some time and nothing met in it is still unreadable without a good
 * version; true too for an optional kind that is not served. */
bool reflector_complete(const struct reflector *r);
/* The last version seen, "" before the first list is finished. */
const char *reflector_version(const struct reflector *r);
/* The trouble at hand in one line, "" if there is none. */
const char *reflector_trouble(const struct reflector *r);
size_t reflector_count(const struct reflector *r); /* objects held */

/* Objects that cannot be read now. */
struct reflector_error {
    const char *key;  /* "namespace/name"; "" if it cannot be told */
    const char *text; /* "Pod shop/web: spec.nodeName: ..." */
    bool blocking;    /* keeps the kind incomplete */
};
/* '*out' is valid until the next input; returns the number. */
size_t reflector_errors(const struct reflector *r, const struct reflector_error **out);

/* Sync: everything up to 'version' (of kind_path_version()) is wanted.  reflector_reached() turns
 * true when the watch has passed it.  A quiet kind's watch brings nothing to tell by, since
 * versions count the changes of all kinds together: after REFLECTOR_REACH_MS a kind of no more than
 * REFLECTOR_REACH_LIST objects is listed anew, and the watch of a larger one is taken up again as a
 * short one, whose end by the server tells that nothing is missing (about 1 s).  A later call
 * replaces the version by a newer one. */
enum { REFLECTOR_REACH_MS = 50, REFLECTOR_REACH_LIST = 500 };
void reflector_reach(struct reflector *r, const char *version);
bool reflector_reached(const struct reflector *r);

#endif
