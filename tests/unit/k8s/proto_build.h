/* SPDX-License-Identifier: Apache-2.0
 *
 * Kubernetes' Protobuf, written: what tests of its reader give it. */
#ifndef SEINE_TESTS_UNIT_PROTO_BUILD_H
#define SEINE_TESTS_UNIT_PROTO_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "core/base/sbuf.h"
#include "core/k8s/wire_fields.h"

/* ---- fields, appended ---- */
void proto_put_varint(struct sbuf *out, uint64_t v);
void proto_put_number(struct sbuf *out, unsigned number, uint64_t v);
void proto_put_bytes(struct sbuf *out, unsigned number, const void *p, size_t n);
void proto_put_text(struct sbuf *out, unsigned number, const char *text);
void proto_put_message(struct sbuf *out, unsigned number, const struct sbuf *message);
/* The members of a map that the table has.  False if one of them is not of its type (null is none,
 * as it is for an API server). */
bool proto_put_tree(struct sbuf *out, const struct wire_field *fields, const cJSON *map);

/* ---- what is around them ---- */
/* "k8s\0" and runtime.Unknown with the raw bytes. */
void proto_put_body(struct sbuf *out, const char *kind, const struct sbuf *raw);
/* A list's metadata. */
void proto_put_list_meta(struct sbuf *out, const char *version, const char *token);
/* One event of a watch, with its length before it. */
void proto_put_event(struct sbuf *out, const char *type, const char *kind, const struct sbuf *raw);

#endif
