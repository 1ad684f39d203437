/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON documents by tables: a struct is described once, field by field, and from that written as
 * compact JSON in the order of the table and read back.
 *
 * Writing: what is empty (NULL, "", 0, false, no elements, a struct of only such) is left out
 * unless the field is CODEC_ALWAYS.  Reading: keys are found whatever their case; unknown keys are
 * passed over; null and an absent key leave the field zero; a value of the wrong type, a number
 * that is not whole or too large and a list that is too long are errors that name their place:
 * "endpoint: IpConfigurations[1].PrefixLength: not a number".  Text and lists lie in the caller's
 * arena; nothing read outlives it. */
#ifndef SEINE_HNS_CODEC_H
#define SEINE_HNS_CODEC_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/sbuf.h"

enum {
    CODEC_LIST_MAX = 65536,        /* elements of one list */
    CODEC_DOCUMENT_MAX = 16 << 20, /* bytes of one document */
    CODEC_DEPTH_MAX = 64,          /* nesting of one document */
};
#define CODEC_NUMBER_MAX UINT64_C(0x1fffffffffffff) /* 2^53 - 1: what JSON carries safely */

/* The type of the field in the struct, and its form in JSON. */
enum codec_type {
    CODEC_TEXT,   /* const char *: a string */
    CODEC_NUMBER, /* uint32_t */
    CODEC_WIDE,   /* uint64_t, at most CODEC_NUMBER_MAX */
    CODEC_BOOL,   /* bool */
    CODEC_GUID,   /* struct guid: a string, read with or without braces */
    CODEC_NAME,   /* unsigned: a string of 'names'; one not there is read as n_names */
    CODEC_TEXTS,  /* struct codec_texts: a list of strings */
    CODEC_STRUCT, /* the struct of 'sub' */
    CODEC_LIST,   /* struct { T *v; size_t n; } of 'sub' */
    CODEC_JSON,   /* const char *: any value, as compact JSON */
};
enum { CODEC_ALWAYS = 1 /* written even if empty */ };

struct codec_texts {
    const char **v;
    size_t n;
};
struct codec_list { /* how a list of whatever type lies in memory */
    void *v;
    size_t n;
};
struct codec_at; /* the place in a document, for errors */

struct codec_struct;
struct codec_field {
    const char *key;
    size_t offset;
    enum codec_type type;
    unsigned flags;
    uint32_t max; /* NUMBER: the largest; 0: 2^32 - 1 */
    const struct codec_struct *sub;
    const char *const *names; /* [0] is what an absent key means */
    size_t n_names;
};
struct codec_struct {
    const char *name; /* begins the place in errors */
    size_t size;
    const struct codec_field *fields;
    size_t n_fields;
    /* Instead of the fields, where they depend on each other. */
    void (*encode)(const void *obj, struct sbuf *out);
    int (*decode)(const cJSON *json, void *obj, struct arena *a, const struct codec_at *at,
                  struct err *err);
};

/* Appends the document. */
void codec_encode(const struct codec_struct *s, const void *obj, struct sbuf *out);
/* Reads a document; '*obj' is zero or whole: after an error it is as after memset.  ERR_INVALID
 * (not JSON, wrong type), ERR_TOO_BIG. */
int codec_decode(const struct codec_struct *s, const char *text, size_t len, void *obj,
                 struct arena *a, struct err *err);

/* ---- for hooks of codec_struct ---- */
struct codec_at {
    const struct codec_at *up; /* NULL: the document, whose name is 'key' */
    const char *key;
    size_t index; /* of the list 'up', where key is NULL */
};
/* ERR_INVALID with "PLACE: " before the text. */
int codec_fail(const struct codec_at *at, struct err *err, const char *fmt, ...) PORT_PRINTF(3, 4);
int codec_decode_at(const struct codec_struct *s, const cJSON *json, void *obj, struct arena *a,
                    const struct codec_at *at, struct err *err);
/* The member, whatever the case of its key; NULL if absent or null. */
const cJSON *codec_member(const cJSON *json, const char *key);
/* The value as compact JSON in the arena; NULL if the arena refuses. */
const char *codec_print(const cJSON *json, struct arena *a);
/* Parses a whole text: one value, nothing behind it but white space.  cJSON_Delete() it. */
int codec_parse(const char *text, size_t len, cJSON **out, struct err *err);

void codec_json_cleanup(cJSON **json);
#define auto_codec_json PORT_CLEANUP(codec_json_cleanup) cJSON

#endif
