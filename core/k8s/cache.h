/* SPDX-License-Identifier: Apache-2.0
 *
 * The text of the cache file: the objects of an API server as they were last known, so that an
 * agent that starts while the server is away enforces what was in force.  Pure: the owner writes
 * and reads the file.
 *
 *     seine-cache 1
 *     {"cluster":"UID","node":"NAME","versions":{"Pod":"123",...}}
 *     Pod {"metadata":{...},...}
 *     ...
 *     end COUNT HASH
 *
 * A line an object, as object_encode() writes it.  The hash is of every byte before its line, so
 * that a text that was cut or changed anywhere is refused as a whole: half a state would open
 * Pods. */
#ifndef SEINE_K8S_CACHE_H
#define SEINE_K8S_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/sbuf.h"
#include "core/k8s/json_stream.h"
#include "core/k8s/object.h"

/* ---- writing: begin, objects in any order, end ---- */

struct cache_writer {
    /* The next piece of the text. */
    void (*put)(void *aux, const char *text, size_t n);
    void *aux;
    struct sbuf line; /* internal from here on */
    uint64_t hash;
    uint64_t count;
};
struct cache_header {
    const char *cluster;               /* UID of the Namespace kube-system */
    const char *node;                  /* whose cache it is */
    const char *versions[K8S_N_KINDS]; /* resource versions; NULL: not known */
};
/* 'w->put' and 'w->aux' are set, the rest zero.  Memory is that of one line. */
void cache_begin(struct cache_writer *w, const struct cache_header *header);
void cache_object(struct cache_writer *w, const void *object);
void cache_end(struct cache_writer *w);

/* ---- reading ---- */

enum { CACHE_ID_MAX = 254 };
struct cache_info {
    char cluster[CACHE_ID_MAX], node[CACHE_ID_MAX];
    char versions[K8S_N_KINDS][JSON_STREAM_VERSION_MAX]; /* "": not known */
    size_t objects;
};
struct cache_sink {
    void *aux;
    /* 'object' is one reference that the callee takes over and ends by object_free(). */
    void (*put)(void *aux, enum k8s_kind kind, const char *key, void *object);
};
/* Gives all objects to the sink, or none.  'cluster' NULL: any (the API server cannot be asked).
 * '*info' is set on success and for ERR_CONFLICT.  Errors tell the reason in one line:
 * ERR_UNSUPPORTED  another format, or a kind that is not read
 * ERR_INVALID      cut or damaged
 * ERR_CONFLICT     of another cluster, or of another node */
int cache_read(const char *text, size_t len, const char *cluster, const char *node,
               const struct cache_sink *sink, struct cache_info *info, struct err *err);

#endif
