/* SPDX-License-Identifier: Apache-2.0
 *
 * Kubernetes' Protobuf as an API server sends it, read while it comes: the twin of
 * core/k8s/json_stream.h.  Bytes in pieces of any size go in, one object at a time comes out as the
 * same cJSON tree that JSON gives, with the fields that somebody reads (core/k8s/wire_fields.h).
 *
 *     body      "k8s\0", then runtime.Unknown, in whose raw bytes the object or the list is
 *     a watch   for each event four bytes of length (big-endian) and a WatchEvent, in whose object
 *               there is a body as above
 *
 * What is not kept is skipped by its length.  Memory is that of one object's kept fields and of one
 * string that a piece cuts off.  An absent field has no member in the tree; an empty string that
 * was sent has one, where JSON often has none: no decoder tells the two apart.  Bytes of a string
 * that are not UTF-8 become U+FFFD, as they do on an API server that writes JSON.
 *
 * An object over the limits of json_stream.h, of another kind, or with a field that is not of its
 * type is told to 'bad' and reading goes on behind it: its length is known.  What is broken around
 * objects ends the stream: ERR_PROTOCOL. */
#ifndef SEINE_K8S_PROTO_STREAM_H
#define SEINE_K8S_PROTO_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"
#include "core/k8s/json_stream.h"
#include "core/k8s/wire_fields.h"

struct proto_stream;
/* 'kind' as in "Pod": lists must be of "PodList", what is watched of "Pod" or "Status".  It, and
 * 'fields', must last. */
struct proto_stream *proto_stream_new(enum json_stream_form form, const char *kind,
                                      const struct wire_field *fields,
                                      const struct json_stream_sink *sink);
void proto_stream_free(struct proto_stream *s); /* NULL is fine */
/* Forgets everything read, for a new body of this form. */
void proto_stream_reset(struct proto_stream *s, enum json_stream_form form);
/* The next bytes.  ERR_PROTOCOL: not such a body; nothing more can be read before a reset. */
int proto_stream_put(struct proto_stream *s, const void *data, size_t n, struct err *err);
/* No more bytes come: 0, or ERR_TRUNCATED if the body ends in the middle of something.  A watch may
 * end between two events, the other forms behind their raw bytes: what Unknown has behind these is
 * not missed. */
int proto_stream_end(struct proto_stream *s, struct err *err);

/* Of a list, as far as it was read: metadata.resourceVersion and metadata.continue, "" if absent.
 */
const char *proto_stream_version(const struct proto_stream *s);
const char *proto_stream_continue(const struct proto_stream *s);
/* Bytes of heap that the stream holds now. */
size_t proto_stream_memory(const struct proto_stream *s);

#endif
