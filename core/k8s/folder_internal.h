/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside core/k8s: the parts of the folder source.  folder_read.c makes objects and complaints of a
 * text; folder.c holds them per file and decides what the sink is told; node_ranges.c holds Nodes
 * back whose podCIDRs overlap. */
#ifndef SEINE_K8S_FOLDER_INTERNAL_H
#define SEINE_K8S_FOLDER_INTERNAL_H

#include "core/base/hmap.h"
#include "core/base/vec.h"
#include "core/k8s/folder.h"
#include "core/k8s/node_ranges.h"

/* One object as one file says it. */
struct entry {
    struct hmap_node node; /* folder->objects, by kind and key */
    struct folder_file_state *file;
    struct object_meta *object; /* one reference */
    uint64_t text_hash;         /* of the document; 0: it has no text of its own */
    uint32_t line, cidr_line;   /* the object's; Nodes: that of podCIDRs */
    bool old;                   /* while its file is read again: not found yet */
    bool stale;                 /* the last good version of what is bad now */
    bool changed;               /* differs from what the sink was told of this entry */
    bool put;                   /* the sink has it from here (not Nodes: node_slot) */
};
/* What is wrong with a file. */
struct complaint {
    uint32_t line;
    char *text; /* "file:line: path: reason" */
    char *key;  /* "Kind namespace/name" of the object, NULL: unknown */
    bool blocking;
};
struct unknown_kind {
    char *name; /* "apiVersion Kind" */
    size_t n;
};
typedef VEC(struct complaint) complaint_list;
typedef VEC(struct unknown_kind) unknown_list;

struct folder_file_state {
    char *name;
    uint64_t hash;
    size_t len;
    bool readable;
    size_t n_documents;
    VEC(struct entry *) entries;
    complaint_list complaints;
    unknown_list unknown;
};

struct folder {
    struct folder_sink sink;
    VEC(struct folder_file_state *) files; /* sorted by name */
    struct hmap objects;
    struct node_ranges nodes; /* a slot's origin: the entry that says it */
    VEC(char *) noted_kinds;  /* unknown ones that were noted */
    char *dir_error;
    bool first_done;
    size_t n_blocking, n_duplicates;
    VEC(struct folder_error) errors; /* for folder_errors() */
};

/* ---- folder_read.c ---- */
struct fresh {
    struct object_meta *object;
    uint64_t text_hash;
    uint32_t line, cidr_line;
};
struct reading {
    VEC(struct fresh) objects;
    complaint_list complaints;
    unknown_list unknown;
    size_t n_documents;
};
/* Reads a text.  Documents that 'before' (a file's entries) has with the same bytes are taken from
 * there without being parsed. */
void folder_read(const char *name, const char *text, size_t len,
                 const struct folder_file_state *before, struct reading *out);
void complaints_done(complaint_list *list);
void unknown_done(unknown_list *list);
/* A complaint of a whole file (line 0) or of a place in it. */
struct complaint complaint_make(const char *file, uint32_t line, const char *reason);
/* "Kind namespace/name", allocated. */
char *object_title(enum k8s_kind kind, const char *key);

/* ---- folder.c ---- */
void folder_note(const struct folder *f, enum folder_note note, const char *text);

#endif
