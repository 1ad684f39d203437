/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON as an API server sends it, read while it comes: bytes in pieces of any size go in, one
 * object at a time comes out as a cJSON tree that holds only the fields somebody reads.
 *
 * What is not kept is skipped without being stored, so memory is that of one object's kept fields
 * and of one token, whatever the answer's size.  The tree lies in an arena that is used again for
 * the next object; never cJSON_Delete() it.
 *
 * Kept values are checked after RFC 8259 (UTF-8, escapes, numbers; a key twice in a map is an
 * error), and every key beside them for control characters; of skipped ones the outer form alone:
 * strings end and brackets pair.
 *
 * An object over a limit (JSON_STREAM_OBJECT_MAX bytes as sent, JSON_STREAM_NODES_MAX kept values)
 * or with bad kept values is told to 'bad' and reading goes on behind it.  Text that is not JSON in
 * its outer form ends the stream: ERR_PROTOCOL. */
#ifndef SEINE_K8S_JSON_STREAM_H
#define SEINE_K8S_JSON_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"
#include "core/k8s/wire_fields.h"

struct cJSON;

enum {
    JSON_STREAM_OBJECT_MAX = 4 << 20,
    JSON_STREAM_NODES_MAX = 200000,
    JSON_STREAM_DEPTH_MAX = 64, /* of the whole text */
    JSON_STREAM_VERSION_MAX = 64,
};

enum json_stream_form {
    JSON_STREAM_ONE,    /* one object */
    JSON_STREAM_STATUS, /* one object, a Status: its fields are kept whatever 'fields' says */
    JSON_STREAM_LIST,   /* {"metadata": {...}, "items": [object...]}, members in any order */
    JSON_STREAM_WATCH,  /* {"type": "ADDED", "object": {...}} any number of times */
};

struct json_stream_sink {
    void *aux;
    /* One object; 'type' is the event's in a watch, else "".  The tree ends with the call.  Must
     * not call the stream. */
    void (*object)(void *aux, const char *type, const struct cJSON *object);
    /* One object that cannot be used, and why ("larger than 4 MiB", "metadata.labels: a key occurs
     * twice").  'object' holds what was kept of it before (perhaps not even a name), NULL if
     * nothing. */
    void (*bad)(void *aux, const char *type, const struct cJSON *object, const char *why);
};

struct json_stream;
/* 'fields' (NULL: keep all) must last.  In a watch the fields of a Status are kept besides. */
struct json_stream *json_stream_new(enum json_stream_form form, const struct wire_field *fields,
                                    const struct json_stream_sink *sink);
void json_stream_free(struct json_stream *s); /* NULL is fine */
/* Forgets everything read, for a new text of this form. */
void json_stream_reset(struct json_stream *s, enum json_stream_form form);
/* The next bytes.  ERR_PROTOCOL: not such a text; nothing more can be read before a reset. */
int json_stream_put(struct json_stream *s, const void *data, size_t n, struct err *err);
/* No more bytes come: 0, or ERR_TRUNCATED if the text ends in the middle of something.  A watch may
 * end between two events, the other forms after their one object. */
int json_stream_end(struct json_stream *s, struct err *err);

/* Of a list, as far as it was read: metadata.resourceVersion and metadata.continue, "" if absent.
 */
const char *json_stream_version(const struct json_stream *s);
const char *json_stream_continue(const struct json_stream *s);
/* Bytes of heap that the stream holds now. */
size_t json_stream_memory(const struct json_stream *s);

#endif
