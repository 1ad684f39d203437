/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside core/k8s: what comes out of the readers of an API server's answers (json_stream.c,
 * proto_stream.c), whichever encoding they read: objects, one at a time, and what is known of the
 * list or the event around them.  The readers know where they are in the bytes and which value is
 * next; this knows the object at hand, its limits, and what is told of it.
 *
 *     begin        the root, an empty map
 *     node         a value of the object, as often as there is one
 *     end          its last byte was read
 *     emit         the sink is told of it; all is ready for the next one
 *
 * At any point between begin and emit an object can become bad: by fail(), or because node(),
 * fits() or end() finds it over a limit.  Then 'why' says why, what the tree has by then stays for
 * the sink, and the reader has to skip what is left of the object.
 *
 * The tree, its keys and its texts lie in the arena, of which one block is kept for the next
 * object. Offsets are of the answer: they tell how large an object is. */
#ifndef SEINE_K8S_STREAM_OUT_H
#define SEINE_K8S_STREAM_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "core/base/mem.h"
#include "core/base/sbuf.h"
#include "core/k8s/json_stream.h"

enum { STREAM_OUT_WHY_MAX = 160, STREAM_OUT_TYPE_MAX = 32 };

struct stream_out {
    struct json_stream_sink sink;
    cJSON *object;                  /* the root, NULL: none since the last emit */
    uint64_t start;                 /* where it begins */
    size_t n_nodes;                 /* below it */
    struct arena arena;             /* for the keys and texts that the tree is given, too */
    char why[STREAM_OUT_WHY_MAX];   /* "": the object is not bad */
    char type[STREAM_OUT_TYPE_MAX]; /* the event's; for the reader to set, until emit */

    /* Of a list's metadata; for the reader to set, until reset. */
    char version[JSON_STREAM_VERSION_MAX];
    struct sbuf next; /* "continue" */
};

void stream_out_init(struct stream_out *o, const struct json_stream_sink *sink);
void stream_out_done(struct stream_out *o);
/* For a new answer. */
void stream_out_reset(struct stream_out *o);
const char *stream_out_continue(const struct stream_out *o);
/* Bytes of heap. */
size_t stream_out_memory(const struct stream_out *o);

/* ---- the object at hand ---- */
/* The root of an object that begins at the offset; never NULL. */
cJSON *stream_out_begin(struct stream_out *o, uint64_t at);
/* A new node, the last one of a map (with a key, which must last as the tree does) or of a list
 * (NULL).  NULL if the object, by its number of values or by the offset, is over a limit. */
cJSON *stream_out_node(struct stream_out *o, cJSON *parent, const char *key, int type, uint64_t at);
/* The object is bad, for a value at this path ("": no one value). */
void stream_out_fail(struct stream_out *o, const char *path, const char *why);
/* Appends a name to a path, with a dot between; one that nobody would read is left out. */
void stream_out_path(struct sbuf *path, const char *name);
/* False if the object is larger than JSON_STREAM_OBJECT_MAX, as it reaches to the offset. */
static inline bool stream_out_fits(struct stream_out *o, uint64_t at)
{
    bool fits = at - o->start <= JSON_STREAM_OBJECT_MAX;
    if (!fits)
        stream_out_fail(o, "", "larger than 4 MiB");
    return fits;
}
/* The object ends at the offset. */
void stream_out_end(struct stream_out *o, uint64_t at);
/* Tells the sink of the object, or that it is bad, or that there was none. */
void stream_out_emit(struct stream_out *o);

#endif
