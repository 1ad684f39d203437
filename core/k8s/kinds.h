/* SPDX-License-Identifier: Apache-2.0
 *
 * The kinds that Seine reads from an API server: one const row each, with where the server has it,
 * how it is narrowed, and which of its fields are read; and the paths made from a row.
 *
 * A new kind is a new enumerator in core/k8s/object.h, a k8s_class with its decoder, encoder and
 * field table in a file of its own (core/k8s/decode.h), and a row here. */
#ifndef SEINE_K8S_KINDS_H
#define SEINE_K8S_KINDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/sbuf.h"
#include "core/k8s/object.h"

struct kind_row {
    enum k8s_kind kind;
    const char *group_path; /* "/api/v1", "/apis/networking.k8s.io/v1" */
    const char *resource;   /* "pods" */
    bool namespaced;
    bool optional;  /* a server that does not serve it has none of it */
    bool streaming; /* ask for a streaming list first.  No row does: of 10,100 Pods it
                       took 1.4 times as long as a whole list, and as much of our CPU */
    unsigned page;  /* objects a page of a list; 0: it is read whole, where it comes so */
    const char *field_selector; /* narrowing by the server, or NULL */
    const char *label_selector;
};
/* The row of a kind; never NULL for a kind below K8S_N_KINDS. */
const struct kind_row *kind_row(enum k8s_kind kind);

/* ---- paths, with query; appended to 'out', every part escaped ---- */

/* A page of a list.  'limit' 0: all at once; 'token' is the "continue" of the page before, or NULL.
 */
void kind_path_list(const struct kind_row *row, unsigned limit, const char *token,
                    struct sbuf *out);
/* A watch behind 'version' that the server ends after 'seconds'. */
void kind_path_watch(const struct kind_row *row, const char *version, unsigned seconds,
                     struct sbuf *out);
/* A watch that begins with all objects, then a bookmark, then goes on. */
void kind_path_streaming(const struct kind_row *row, unsigned seconds, struct sbuf *out);
/* A list of one object, for its resourceVersion: kind_version_parse() reads the answer. */
void kind_path_version(const struct kind_row *row, struct sbuf *out);
/* One object; 'namespace_' is not looked at for kinds without. */
void kind_path_object(const struct kind_row *row, const char *namespace_, const char *name,
                      struct sbuf *out);

/* ---- answers that come whole ---- */

/* metadata.resourceVersion of a list or an object, into 'out' of JSON_STREAM_VERSION_MAX bytes.
 * ERR_PROTOCOL if there is none. */
int kind_version_parse(const char *text, size_t len, char *out, struct err *err);
/* One object of the kind, decoded.  ERR_PROTOCOL (not JSON), ERR_INVALID (with the field path). */
int kind_object_parse(const struct kind_row *row, const char *text, size_t len,
                      struct object_meta **out, struct err *err);
/* What a refusal says, "reason: message" in one line; "" if the body is not a Status. */
void kind_status_text(const char *text, size_t len, char *out, size_t out_size);

/* Resource versions: -1, 0, 1 as 'a' is older, equal, newer.  False if one of them is not a number:
 * such can only be compared for equality. */
bool kind_version_compare(const char *a, const char *b, int *out);

#endif
