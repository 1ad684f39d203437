/* SPDX-License-Identifier: Apache-2.0
 *
 * The object at hand of a streaming reader. */
#include "core/k8s/stream_out.h"

#include <stdio.h>
#include <string.h>

void stream_out_init(struct stream_out *o, const struct json_stream_sink *sink)
{
    *o = (struct stream_out){.sink = *sink};
    arena_init(&o->arena, 0);
}

void stream_out_done(struct stream_out *o)
{
    arena_done(&o->arena);
    sbuf_done(&o->next);
}

/* For the next object. */
static void forget(struct stream_out *o)
{
    arena_reset(&o->arena);
    o->object = NULL;
    o->why[0] = o->type[0] = '\0';
}

void stream_out_reset(struct stream_out *o)
{
    forget(o);
    o->version[0] = '\0';
    sbuf_clear(&o->next);
}

const char *stream_out_continue(const struct stream_out *o)
{
    return o->next.len ? o->next.data : "";
}

size_t stream_out_memory(const struct stream_out *o)
{
    return o->next.cap + o->arena.total;
}

/* ---- the object at hand ---- */

static cJSON *new_node(struct stream_out *o, int type)
{
    cJSON *node = arena_alloc(&o->arena, sizeof *node);
    memset(node, 0, sizeof *node);
    node->type = type;
    return node;
}

cJSON *stream_out_begin(struct stream_out *o, uint64_t at)
{
    o->start = at;
    o->n_nodes = 0;
    return o->object = new_node(o, cJSON_Object);
}

cJSON *stream_out_node(struct stream_out *o, cJSON *parent, const char *key, int type, uint64_t at)
{
    if (!stream_out_fits(o, at))
        return NULL;
    if (++o->n_nodes > JSON_STREAM_NODES_MAX) {
        stream_out_fail(o, "", "too many values");
        return NULL;
    }
    cJSON *node = new_node(o, type);
    if (key) {
        memcpy(&node->string, &key, sizeof key); /* cJSON's is not const; nobody writes to it */
        node->type |= cJSON_StringIsConst;
    }
    if (parent->child) {
        node->prev = parent->child->prev;
        node->prev->next = node;
    } else {
        parent->child = node;
    }
    parent->child->prev = node;
    return node;
}

void stream_out_fail(struct stream_out *o, const char *path, const char *why)
{
    snprintf(o->why, sizeof o->why, "%s%s%s", path, *path ? ": " : "", why);
}

void stream_out_path(struct sbuf *path, const char *name)
{
    enum { LONGEST = 40 };
    if (name && strlen(name) <= LONGEST)
        sbuf_printf(path, "%s%s", path->len ? "." : "", name);
}

void stream_out_end(struct stream_out *o, uint64_t at)
{
    if (!o->why[0])
        (void)stream_out_fits(o, at);
}

void stream_out_emit(struct stream_out *o)
{
    const struct json_stream_sink *sink = &o->sink;
    if (o->why[0])
        sink->bad(sink->aux, o->type, o->object, o->why);
    else if (!o->object)
        sink->bad(sink->aux, o->type, NULL, "an event without an object");
    else
        sink->object(sink->aux, o->type, o->object);
    forget(o);
}
