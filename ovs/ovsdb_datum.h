/* SPDX-License-Identifier: Apache-2.0
 *
 * ovsdb_datum: the value of one column (RFC 7047 section 5.1), as sorted text atoms: a set has
 * keys, a map has keys and values, a scalar is a set of one.  Integers, booleans and reals are text
 * too ("12", "true"), UUIDs their 36 characters: all that Seine does with them is compare and copy.
 *
 * Also the two directions of JSON, and the differences that update2 and update3 speak in
 * (ovsdb-server(7) 4.1.15). */
#ifndef SEINE_OVS_OVSDB_DATUM_H
#define SEINE_OVS_OVSDB_DATUM_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

enum ovsdb_atom { OVSDB_STRING, OVSDB_INTEGER, OVSDB_REAL, OVSDB_BOOLEAN, OVSDB_UUID };
enum ovsdb_shape {
    OVSDB_SCALAR,   /* exactly one */
    OVSDB_OPTIONAL, /* none or one */
    OVSDB_SET,      /* may hold several: changes come as differences */
    OVSDB_MAP       /* of strings to strings; changes come as differences */
};
enum { OVSDB_UUID_LEN = 36 };

struct ovsdb_column {
    const char *name;
    enum ovsdb_atom atom;
    enum ovsdb_shape shape;
};

struct ovsdb_datum {
    size_t n;
    char **keys;   /* sorted by strcmp, no two equal */
    char **values; /* maps: as many; else NULL */
};
void ovsdb_datum_done(struct ovsdb_datum *d); /* empties it */
/* The default of a column: empty, or "", "0", "false", the zero UUID for a scalar. */
void ovsdb_datum_default(struct ovsdb_datum *d, const struct ovsdb_column *c);
/* Decodes a JSON value of this column.  ERR_PROTOCOL says what is wrong. */
int ovsdb_datum_decode(const cJSON *json, const struct ovsdb_column *c, struct ovsdb_datum *out,
                       struct err *err);
/* Makes a new JSON value of it. */
cJSON *ovsdb_datum_encode(const struct ovsdb_datum *d, const struct ovsdb_column *c);
/* Applies what update2 says in "modify": sets and maps by difference, others by the new value.
 * 'diff' is used up. */
void ovsdb_datum_apply(struct ovsdb_datum *d, struct ovsdb_datum *diff,
                       const struct ovsdb_column *c);
bool ovsdb_datum_equal(const struct ovsdb_datum *a, const struct ovsdb_datum *b);
bool ovsdb_datum_has(const struct ovsdb_datum *d, const char *key);
/* A map's value for a key, or NULL. */
const char *ovsdb_datum_get(const struct ovsdb_datum *d, const char *key);
/* The first (or only) atom, or 'otherwise'. */
const char *ovsdb_datum_text(const struct ovsdb_datum *d, const char *otherwise);
int64_t ovsdb_datum_int(const struct ovsdb_datum *d, int64_t otherwise);

#endif
