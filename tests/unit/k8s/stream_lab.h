/* SPDX-License-Identifier: Apache-2.0
 *
 * A streaming reader of either encoding, and what came out of it: what the tests of
 * core/k8s/json_stream.h and proto_stream.h share. */
#ifndef SEINE_TESTS_UNIT_STREAM_LAB_H
#define SEINE_TESTS_UNIT_STREAM_LAB_H

#include <stddef.h>

#include <cjson/cJSON.h>

#include "core/base/sbuf.h"
#include "core/k8s/json_stream.h"
#include "core/k8s/proto_stream.h"

struct stream_lab {
    struct json_stream *json; /* one of the two */
    struct proto_stream *proto;
    struct sbuf text; /* what came out: "TYPE {...}\n", "! TYPE {...} why\n" */
    int rc;
    struct err err;
};

/* An answer, and what comes out of it. */
struct stream_sample {
    const char *kind; /* of Protobuf; NULL: it is JSON */
    const struct wire_field *fields;
    enum json_stream_form form;
    const void *data;
    size_t len;
    const char *wanted;
};

void stream_lab_put_json(struct sbuf *out, const cJSON *tree); /* NULL: nothing */
/* Writes what it is told to the lab's text. */
struct json_stream_sink stream_lab_sink(struct stream_lab *l);

/* A reader for the sample; '*l' need not be anything yet. */
void stream_lab_open(struct stream_lab *l, const struct stream_sample *s);
void stream_lab_reset(struct stream_lab *l, enum json_stream_form form);
/* Gives bytes in pieces: 'cut' of them, then the rest in pieces of 'piece' (0: at once), and, if no
 * piece was refused, the end.  'rc' and 'err' say how that went. */
struct stream_cut {
    size_t cut, piece;
};
void stream_lab_give(struct stream_lab *l, const void *data, size_t n, struct stream_cut how);
/* Gives bytes, but not the end. */
int stream_lab_put(struct stream_lab *l, const void *data, size_t n);
int stream_lab_end(struct stream_lab *l);
const char *stream_lab_version(const struct stream_lab *l);
const char *stream_lab_continue(const struct stream_lab *l);
size_t stream_lab_memory(const struct stream_lab *l);
void stream_lab_close(struct stream_lab *l);

/* ---- the whole of a test ---- */
/* Reads the sample at once; it is for the caller to close. */
void stream_lab_read(struct stream_lab *l, const struct stream_sample *s);
/* Just this comes out, and the reader ends with this code. */
void stream_lab_expect(const struct stream_sample *s, int rc);
/* Cut anywhere, in two or three or into single bytes: the same comes out. */
void stream_lab_expect_any_pieces(const struct stream_sample *s);
/* Of each beginning what is whole comes out, no more, and the end is noticed but in n_whole cases.
 */
void stream_lab_expect_truncations(const struct stream_sample *s, size_t n_whole);
/* A list tells its metadata, until the reader is reset. */
void stream_lab_expect_list(const struct stream_sample *s, const char *version, const char *next);
/* The bytes break a reader for the sample, which then says this and reads no more; once reset it
 * reads the sample. */
void stream_lab_expect_broken(const struct stream_sample *s, const void *data, size_t n,
                              const char *why);
/* In pieces and at once, in little memory. */
void stream_lab_expect_large(const struct stream_sample *s);

#endif
