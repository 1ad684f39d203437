/* SPDX-License-Identifier: Apache-2.0
 *
 * An API server's answers about one kind, in the encoding that the server chose for each: Protobuf
 * (proto_stream.h) or JSON (json_stream.h).  What comes out is the same. */
#ifndef SEINE_K8S_ANSWER_STREAM_H
#define SEINE_K8S_ANSWER_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "core/k8s/json_stream.h"
#include "core/k8s/object.h"

/* To be asked for: Protobuf, and JSON where a server does not have it (what is declared by a
 * CustomResourceDefinition); JSON alone, for one that refuses to choose. */
#define ANSWER_ACCEPT "application/vnd.kubernetes.protobuf, application/json"
#define ANSWER_ACCEPT_JSON "application/json"

struct answer_stream;
struct answer_stream *answer_stream_new(enum k8s_kind kind, const struct json_stream_sink *sink);
void answer_stream_free(struct answer_stream *s); /* NULL is fine */
/* A new answer, of this form; by its Content-Type (NULL: none), JSON unless it says Protobuf. */
void answer_stream_begin(struct answer_stream *s, enum json_stream_form form,
                         const char *content_type);

/* ---- of the answer begun last: as json_stream.h has it ---- */
int answer_stream_put(struct answer_stream *s, const void *data, size_t n, struct err *err);
int answer_stream_end(struct answer_stream *s, struct err *err);
bool answer_stream_is_protobuf(const struct answer_stream *s);
const char *answer_stream_version(const struct answer_stream *s);
const char *answer_stream_continue(const struct answer_stream *s);

#endif
