/* SPDX-License-Identifier: Apache-2.0
 *
 * A folder of files, followed: tells what is in each file, when it changes, and when it is gone.
 * Reading happens on a work thread, some files at a time; events come on the loop's thread.
 *
 * Links are followed, sub-folders are left out.  A file is read again only if its size, times or
 * identity changed.  The folder may be missing, come later, be replaced, or be a link that is
 * turned elsewhere (as kubelet does); files may be links to places that nobody watches: then, and
 * only then, the folder is looked through every DIRWATCH_LINK_MS. */
#ifndef SEINE_IO_DIRWATCH_H
#define SEINE_IO_DIRWATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"
#include "core/io/loop.h"

enum {
    DIRWATCH_FILE_LIMIT = 64 << 20, /* bytes of one file */
    DIRWATCH_LINK_MS = 2000,        /* how often, while some file is a link */
    DIRWATCH_SELF_MS = 5000,        /* how often it is checked that the folder is the same one */
    DIRWATCH_MISSING_MS = 500,      /* how often, while the folder is missing */
};

/* What is told; all must be there.  Callbacks must not free the watch. */
struct dirwatch_events {
    /* Is a file of this name of interest?  Also called on a work thread: no state. */
    bool (*wants)(const char *name);
    /* The file has this content, which was first seen 'age_ms' ago; UINT_MAX: take it as it is (the
     * first pass, a sync).  Returns 0, or after how many
     * milliseconds it wants to be offered the file again: then it was not taken. */
    unsigned (*file)(void *aux, const char *name, const char *text, size_t len, unsigned age_ms);
    void (*gone)(void *aux, const char *name);
    void (*unreadable)(void *aux, const char *name, const char *reason);
    /* Before the files of each pass: the folder could be listed ('reason' NULL) or not. */
    void (*listed)(void *aux, const char *dir, const char *reason);
    /* A pass over the folder is done: all that it held has been told.  Not after one in which the
     * folder could not be listed. */
    void (*passed)(void *aux);
};

struct dirwatch;
/* Begins to follow 'dir' (copied), which need not be there yet.  'events' is borrowed. */
struct dirwatch *dirwatch_new(struct loop *l, const char *dir, const struct dirwatch_events *events,
                              void *aux);
void dirwatch_free(struct dirwatch *w); /* NULL is fine; no event comes after it */

/* Looks at every file, reads those whose stamps do not surely show that they are as they were, and
 * tells them as settled (age UINT_MAX): all that the folder held at the moment of this call.  Then
 * calls 'done' once, also if the folder could not be listed.  May be called again before that. */
void dirwatch_sync(struct dirwatch *w, loop_fn *done, void *aux);
/* Forgets a sync that has not been answered. */
void dirwatch_sync_cancel(struct dirwatch *w, loop_fn *done, void *aux);

#endif
