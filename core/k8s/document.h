/* SPDX-License-Identifier: Apache-2.0
 *
 * Documents: the text of a manifest file, YAML or JSON, as a sequence of objects with places.
 *
 * A file is cut in documents first (YAML at its "---" lines, which no scalar can hold; JSON at the
 * end of each value), so that a broken one spoils no other.  A List kind (kind ends in "List" and
 * there is an "items" list) is unfolded.  A document of one JSON List is cut at its items without
 * being parsed as a whole, so that the reader's memory is that of one object.
 *
 * YAML scalars are resolved as Kubernetes does (YAML 1.1 with plain yes/no/on/off as booleans, and
 * 0o17 besides 017; what is quoted is a string); keys become strings; "<<" merges; aliases are
 * copied, at most DOCUMENT_ALIAS_NODES nodes a document.  A key that occurs twice is an error. */
#ifndef SEINE_K8S_DOCUMENT_H
#define SEINE_K8S_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

struct cJSON;

enum { DOCUMENT_DEPTH_MAX = 100, DOCUMENT_ALIAS_NODES = 100000 };

/* A cursor over the objects of a text, which must stay until document_reader_free(). */
struct document_reader;
/* 'name' only decides whether the text is JSON alone (ends in ".json"). */
struct document_reader *document_reader_new(const char *name, const char *text, size_t len);
void document_reader_free(struct document_reader *r); /* NULL is fine */

/* One object's place and text. */
struct document {
    uint32_t line;    /* where it begins, from 1 */
    const char *text; /* its bytes in the file; NULL: an item of a List in YAML, which has none */
    size_t len;
    uint64_t context; /* what besides the text decides its meaning: items without a kind */
};
/* Goes to the next object: 1, or 0 at the end of the text.  ERR_INVALID for a piece that cannot be
 * read as an object: '*out' has its place, '*line_out' that of the error; reading goes on after
 * it. */
int document_next(struct document_reader *r, struct document *out, uint32_t *line_out,
                  struct err *err);
/* Parses the current object.  The tree is the reader's and lasts until its next call; NULL if the
 * document is empty (comments).  ERR_INVALID with '*line_out'. */
int document_parse(struct document_reader *r, const struct cJSON **out, uint32_t *line_out,
                   struct err *err);
/* The line where 'node' of the current tree is said (the key's line for a member); the object's
 * own line if it is not known. */
uint32_t document_line(const struct document_reader *r, const struct cJSON *node);

#endif
