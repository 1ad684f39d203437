/* SPDX-License-Identifier: Apache-2.0
 *
 * The folder source: desired state as a folder of manifests, as a pure module.
 *
 * The caller (core/io/dirwatch.h, or seine-agent render) says "file X has this content", "is gone",
 * "cannot be read"; the folder tells its sink which objects to put and to remove, and keeps per
 * file what is bad.  No file is opened here and no text is kept: per object one reference to the
 * decoded object, its place, and a hash of its text, so that what did not change in a changed file
 * is not parsed again.
 *
 * Rules (docs/objects.md tells them to users):
 *  - An object that several documents hold: the one later in byte order of the file names, then
 *    later in the file, holds; one note names both places; the other takes over when it goes.
 *  - A bad document leaves the last good version of its object in that file; a document so broken
 *    that it cannot be told whose it is leaves every object of the file that the rest of the file
 *    does not hold now.
 *  - A document that is bad at first load and has no last good version makes the source incomplete
 *    until it is mended or removed.  One that first comes later is reported, and no more.
 *  - Nodes whose podCIDRs overlap: the one that held the range first keeps it, the other one is
 *    an error and not an object until the overlap ends.  This never makes the source incomplete.
 *  - Unknown kinds are counted, and noted once each. */
#ifndef SEINE_K8S_FOLDER_H
#define SEINE_K8S_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/k8s/object.h"

struct folder;

enum folder_note {
    FOLDER_NOTE_BAD,       /* "file:line: path: reason" of a document that is bad now */
    FOLDER_NOTE_DUPLICATE, /* one object in two places */
    FOLDER_NOTE_UNKNOWN,   /* a kind that is not read */
    FOLDER_NOTE_MENDED,    /* a file without errors, after some */
};

/* Where objects go.  Callbacks must not call the folder. */
struct folder_sink {
    void *aux;
    /* 'object' (struct pod, namespace_, node, network_policy) is one reference that the callee
     * takes over and ends by object_free().  Also called for an object that changed. */
    void (*put)(void *aux, enum k8s_kind kind, const char *key, void *object);
    void (*remove)(void *aux, enum k8s_kind kind, const char *key);
    /* One line for the log; NULL: nobody wants it. */
    void (*note)(void *aux, enum folder_note note, const char *text);
};

/* '*sink' is copied.  The folder is empty, and incomplete until folder_first_load_done(). */
struct folder *folder_new(const struct folder_sink *sink);
/* Frees the folder's references; what was put stays the sink's.  NULL is fine. */
void folder_free(struct folder *f);

/* True if a file of this name is read: *.yaml, *.yml, *.json, not beginning with a dot. */
bool folder_wants(const char *name);

/* File 'name' (no folder in front) has this content now.  True if it differs from what was there;
 * the sink has then been told everything.  'text' need not be NUL-terminated. */
bool folder_file(struct folder *f, const char *name, const char *text, size_t len);
/* The same for a file that may be half-written: it has had this content for 'age_ms'.  Content that
 * is bad, or lacks an object that the file had, is taken only when it is FOLDER_SETTLE_MS old, an
 * empty file in place of objects when it is FOLDER_EMPTY_MS old (who redirects a program's output
 * empties the file first): the file would open Pods for the moment otherwise.  Returns 0 if the
 * content was taken (or is what is there), else after how many milliseconds to offer it again. */
enum { FOLDER_SETTLE_MS = 100, FOLDER_EMPTY_MS = 2000 };
unsigned folder_offer(struct folder *f, const char *name, const char *text, size_t len,
                      unsigned age_ms);
/* The file is not there (any more): its objects and errors go.  False if it was not known. */
bool folder_file_gone(struct folder *f, const char *name);
/* The file is there but cannot be read: a bad document; its objects keep their last version. */
bool folder_file_unreadable(struct folder *f, const char *name, const char *reason);
/* The folder itself cannot be listed, for this reason (one line, NULL: it can again).  All objects
 * stay.  A folder that never could be listed is incomplete. */
void folder_unreadable(struct folder *f, const char *path, const char *reason);
/* Names that are known, sorted: whoever lists the directory reports the missing ones as gone.
 * The array is the caller's to mem_free(); the names are the folder's until the next call. */
const char **folder_files(const struct folder *f, size_t *n_out);

/* All files that were there at the start have been given. */
void folder_first_load_done(struct folder *f);
/* First load done, and no document that was bad then is still bad without a good version. */
bool folder_complete(const struct folder *f);

/* What is wrong now, sorted by file and line. */
struct folder_error {
    const char *file; /* "" : the folder itself */
    uint32_t line;    /* 0: the whole file */
    const char *text; /* "file:line: path: reason" */
    bool blocking;    /* keeps the source incomplete */
};
/* '*out' is valid until the folder is next called; returns the number. */
size_t folder_errors(struct folder *f, const struct folder_error **out);

struct folder_counts {
    size_t files, bytes, documents, objects, duplicates, errors, blocking, unknown;
};
void folder_counts(const struct folder *f, struct folder_counts *out);
/* Kinds that were met and are not read, "apiVersion Kind", sorted; index 0 up; NULL at the end.
 * '*n_out': how many documents have it now. */
const char *folder_unknown(const struct folder *f, size_t index, size_t *n_out);

/* Where an object is said: "file:line" in 'buf'.  False if it is not (no longer) there. */
bool folder_place(const struct folder *f, enum k8s_kind kind, const char *key, char *buf,
                  size_t buf_size);

#endif
