/* SPDX-License-Identifier: Apache-2.0
 *
 * Column values: see ovsdb_datum.h. */
#include "ovs/ovsdb_datum.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/port.h"

/* Largest integer that a double, hence cJSON, holds exactly. */
#define OVSDB_DATUM_INT_MAX 9007199254740992.0

static const char *const ovsdb_datum_zero[] = {
    [OVSDB_STRING] = "",
    [OVSDB_INTEGER] = "0",
    [OVSDB_REAL] = "0",
    [OVSDB_BOOLEAN] = "false",
    [OVSDB_UUID] = "00000000-0000-0000-0000-000000000000",
};

void ovsdb_datum_done(struct ovsdb_datum *d)
{
    for (size_t i = 0; i < d->n; i++) {
        mem_free(d->keys[i]);
        if (d->values) {
            mem_free(d->values[i]);
        }
    }
    mem_free(d->keys);
    mem_free(d->values);
    *d = (struct ovsdb_datum){0};
}

/* Position of 'key', or where it would go. */
static size_t ovsdb_datum_find__(const struct ovsdb_datum *d, const char *key, bool *found_out)
{
    size_t lo = 0, hi = d->n;
    *found_out = false;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int cmp = strcmp(d->keys[mid], key);
        if (cmp == 0) {
            *found_out = true;
            return mid;
        }
        if (cmp < 0) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

/* Takes key and value (NULL in a set) over. */
static void ovsdb_datum_insert__(struct ovsdb_datum *d, size_t at, char *key, char *value)
{
    d->keys = mem_realloc(d->keys, (d->n + 1) * sizeof *d->keys);
    memmove(d->keys + at + 1, d->keys + at, (d->n - at) * sizeof *d->keys);
    d->keys[at] = key;
    if (value) {
        d->values = mem_realloc(d->values, (d->n + 1) * sizeof *d->values);
        memmove(d->values + at + 1, d->values + at, (d->n - at) * sizeof *d->values);
        d->values[at] = value;
    }
    d->n++;
}

static void ovsdb_datum_remove__(struct ovsdb_datum *d, size_t at)
{
    mem_free(d->keys[at]);
    memmove(d->keys + at, d->keys + at + 1, (d->n - at - 1) * sizeof *d->keys);
    if (d->values) {
        mem_free(d->values[at]);
        memmove(d->values + at, d->values + at + 1, (d->n - at - 1) * sizeof *d->values);
    }
    d->n--;
}

void ovsdb_datum_default(struct ovsdb_datum *d, const struct ovsdb_column *c)
{
    *d = (struct ovsdb_datum){0};
    if (c->shape == OVSDB_SCALAR) {
        ovsdb_datum_insert__(d, 0, mem_strdup(ovsdb_datum_zero[c->atom]), NULL);
    }
}

/* ---- JSON ---- */

static char *ovsdb_datum_number__(const cJSON *json, bool integer)
{
    char text[40];
    double v = json->valuedouble;
    if (integer) {
        if (!(fabs(v) <= OVSDB_DATUM_INT_MAX) || floor(v) != v) {
            return NULL;
        }
        snprintf(text, sizeof text, "%" PRId64, (int64_t)v);
    } else {
        snprintf(text, sizeof text, "%.17g", v);
    }
    return mem_strdup(text);
}

/* ["uuid", "..."] and ["named-uuid", "..."]. */
static char *ovsdb_datum_uuid__(const cJSON *json)
{
    const cJSON *tag = cJSON_GetArrayItem(json, 0), *text = cJSON_GetArrayItem(json, 1);
    bool fits = cJSON_IsArray(json) && cJSON_GetArraySize(json) == 2 && cJSON_IsString(tag) &&
                cJSON_IsString(text) && strcmp(tag->valuestring, "uuid") == 0 &&
                strlen(text->valuestring) == OVSDB_UUID_LEN;
    return fits ? mem_strdup(text->valuestring) : NULL;
}

/* An atom as text, or NULL if it is not one of this kind. */
static char *ovsdb_datum_atom__(const cJSON *json, enum ovsdb_atom atom)
{
    switch (atom) {
    case OVSDB_STRING:
        return cJSON_IsString(json) ? mem_strdup(json->valuestring) : NULL;
    case OVSDB_INTEGER:
    case OVSDB_REAL:
        return cJSON_IsNumber(json) ? ovsdb_datum_number__(json, atom == OVSDB_INTEGER) : NULL;
    case OVSDB_BOOLEAN:
        return cJSON_IsBool(json) ? mem_strdup(cJSON_IsTrue(json) ? "true" : "false") : NULL;
    case OVSDB_UUID:
        return ovsdb_datum_uuid__(json);
    }
    return NULL;
}

static int ovsdb_datum_add__(struct ovsdb_datum *d, const cJSON *key, const cJSON *value,
                             enum ovsdb_atom atom)
{
    char *k = ovsdb_datum_atom__(key, atom);
    char *v = value ? ovsdb_datum_atom__(value, OVSDB_STRING) : NULL;
    bool found = false;
    size_t at = k ? ovsdb_datum_find__(d, k, &found) : 0;
    if (!k || found || (value && !v)) {
        mem_free(k);
        mem_free(v);
        return ERR_PROTOCOL;
    }
    ovsdb_datum_insert__(d, at, k, v);
    return 0;
}

/* The array behind ["set", ...] or ["map", ...], or NULL. */
static const cJSON *ovsdb_datum_tagged__(const cJSON *json, const char *want)
{
    const cJSON *tag = cJSON_GetArrayItem(json, 0), *list = cJSON_GetArrayItem(json, 1);
    return cJSON_IsArray(json) && cJSON_GetArraySize(json) == 2 && cJSON_IsString(tag) &&
                   strcmp(tag->valuestring, want) == 0 && cJSON_IsArray(list)
               ? list
               : NULL;
}

static int ovsdb_datum_decode_map__(const cJSON *json, struct ovsdb_datum *d)
{
    const cJSON *list = ovsdb_datum_tagged__(json, "map");
    if (!list) {
        return ERR_PROTOCOL;
    }
    for (const cJSON *pair = list->child; pair; pair = pair->next) {
        if (!cJSON_IsArray(pair) || cJSON_GetArraySize(pair) != 2 ||
            ovsdb_datum_add__(d, pair->child, pair->child->next, OVSDB_STRING) != 0) {
            return ERR_PROTOCOL;
        }
    }
    return 0;
}

static int ovsdb_datum_decode_set__(const cJSON *json, const struct ovsdb_column *c,
                                    struct ovsdb_datum *d)
{
    const cJSON *list = ovsdb_datum_tagged__(json, "set");
    if (!list) {
        return ovsdb_datum_add__(d, json, NULL, c->atom); /* one alone needs no tag */
    }
    for (const cJSON *item = list->child; item; item = item->next) {
        if (ovsdb_datum_add__(d, item, NULL, c->atom) != 0) {
            return ERR_PROTOCOL;
        }
    }
    bool fits = c->shape == OVSDB_SET || d->n == 1 || (d->n == 0 && c->shape == OVSDB_OPTIONAL);
    return fits ? 0 : ERR_PROTOCOL;
}

int ovsdb_datum_decode(const cJSON *json, const struct ovsdb_column *c, struct ovsdb_datum *out,
                       struct err *err)
{
    struct ovsdb_datum d = {0};
    int rc = c->shape == OVSDB_MAP ? ovsdb_datum_decode_map__(json, &d)
                                   : ovsdb_datum_decode_set__(json, c, &d);
    if (rc != 0) {
        ovsdb_datum_done(&d);
        return err_set(err, ERR_PROTOCOL, "column %s: not a value of its type", c->name);
    }
    *out = d;
    return 0;
}

static cJSON *ovsdb_datum_encode_atom__(const char *text, enum ovsdb_atom atom)
{
    switch (atom) {
    case OVSDB_INTEGER:
    case OVSDB_REAL:
        return cJSON_CreateNumber(strtod(text, NULL));
    case OVSDB_BOOLEAN:
        return cJSON_CreateBool(strcmp(text, "true") == 0);
    case OVSDB_UUID: {
        cJSON *pair = cJSON_CreateArray();
        cJSON_AddItemToArray(pair, cJSON_CreateString("uuid"));
        cJSON_AddItemToArray(pair, cJSON_CreateString(text));
        return pair;
    }
    case OVSDB_STRING:
        break;
    }
    return cJSON_CreateString(text);
}

cJSON *ovsdb_datum_encode(const struct ovsdb_datum *d, const struct ovsdb_column *c)
{
    if (c->shape == OVSDB_SCALAR && d->n == 1) {
        return ovsdb_datum_encode_atom__(d->keys[0], c->atom);
    }
    cJSON *outer = cJSON_CreateArray(), *list = cJSON_CreateArray();
    cJSON_AddItemToArray(outer, cJSON_CreateString(c->shape == OVSDB_MAP ? "map" : "set"));
    cJSON_AddItemToArray(outer, list);
    for (size_t i = 0; i < d->n; i++) {
        cJSON *item = ovsdb_datum_encode_atom__(d->keys[i], c->atom);
        if (c->shape == OVSDB_MAP) {
            cJSON *pair = cJSON_CreateArray();
            cJSON_AddItemToArray(pair, item);
            cJSON_AddItemToArray(pair, cJSON_CreateString(d->values[i]));
            item = pair;
        }
        cJSON_AddItemToArray(list, item);
    }
    return outer;
}

/* ---- differences ---- */

/* One element of a difference: in a set it changes sides; in a map an equal pair goes, another
 * value replaces, a new key comes. */
static void ovsdb_datum_toggle__(struct ovsdb_datum *d, char *key, char *value)
{
    bool found;
    size_t at = ovsdb_datum_find__(d, key, &found);
    if (!found) {
        ovsdb_datum_insert__(d, at, key, value);
        return;
    }
    if (value && strcmp(d->values[at], value) != 0) {
        mem_free(d->values[at]);
        d->values[at] = value;
    } else {
        ovsdb_datum_remove__(d, at);
        mem_free(value);
    }
    mem_free(key);
}

void ovsdb_datum_apply(struct ovsdb_datum *d, struct ovsdb_datum *diff,
                       const struct ovsdb_column *c)
{
    if (c->shape == OVSDB_SCALAR || c->shape == OVSDB_OPTIONAL) {
        ovsdb_datum_done(d);
        *d = *diff;
    } else {
        for (size_t i = 0; i < diff->n; i++) {
            ovsdb_datum_toggle__(d, diff->keys[i], diff->values ? diff->values[i] : NULL);
        }
        mem_free(diff->keys);
        mem_free(diff->values);
    }
    *diff = (struct ovsdb_datum){0};
}

/* ---- reading ---- */

bool ovsdb_datum_equal(const struct ovsdb_datum *a, const struct ovsdb_datum *b)
{
    if (a->n != b->n) {
        return false;
    }
    for (size_t i = 0; i < a->n; i++) {
        if (strcmp(a->keys[i], b->keys[i]) != 0 ||
            (a->values && b->values && strcmp(a->values[i], b->values[i]) != 0)) {
            return false;
        }
    }
    return true;
}

bool ovsdb_datum_has(const struct ovsdb_datum *d, const char *key)
{
    bool found;
    (void)ovsdb_datum_find__(d, key, &found);
    return found;
}

const char *ovsdb_datum_get(const struct ovsdb_datum *d, const char *key)
{
    bool found;
    size_t at = ovsdb_datum_find__(d, key, &found);
    return found && d->values ? d->values[at] : NULL;
}

const char *ovsdb_datum_text(const struct ovsdb_datum *d, const char *otherwise)
{
    return d->n ? d->keys[0] : otherwise;
}

int64_t ovsdb_datum_int(const struct ovsdb_datum *d, int64_t otherwise)
{
    int64_t v;
    return d->n && sscanf(d->keys[0], "%" SCNd64, &v) == 1 ? v : otherwise;
}
