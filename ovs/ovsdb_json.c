/* SPDX-License-Identifier: Apache-2.0
 *
 * Framing of JSON messages: see ovsdb_json.h.  The scanner knows strings, escapes and brackets and
 * nothing else: whether what lies between is JSON, cJSON says. */
#include "ovs/ovsdb_json.h"

#include <stdint.h>

void ovsdb_json_init(struct ovsdb_json *j, size_t max_bytes)
{
    *j = (struct ovsdb_json){.max_bytes = max_bytes ? max_bytes : OVSDB_JSON_MAX_BYTES};
}

void ovsdb_json_done(struct ovsdb_json *j)
{
    sbuf_done(&j->buf);
}

bool ovsdb_json_is_partial(const struct ovsdb_json *j)
{
    return j->depth != 0;
}

void ovsdb_json_free(cJSON **json)
{
    cJSON_Delete(*json);
    *json = NULL;
}

/* One byte: 1 if it ends a message, 0, or an error. */
static int ovsdb_json_scan__(struct ovsdb_json *j, char c, struct err *err)
{
    if (j->in_string) {
        if (j->escape) {
            j->escape = false;
        } else if (c == '\\') {
            j->escape = true;
        } else if (c == '"') {
            j->in_string = false;
        }
        return 0;
    }
    switch (c) {
    case '"':
        j->in_string = true;
        return 0;
    case '{':
    case '[':
        if (++j->depth > OVSDB_JSON_MAX_DEPTH) {
            return err_set(err, ERR_TOO_BIG, "JSON nested deeper than %d", OVSDB_JSON_MAX_DEPTH);
        }
        return 0;
    case '}':
    case ']':
        return --j->depth == 0; /* depth > 0: a message begins with '{' */
    default:
        return 0;
    }
}

static bool ovsdb_json_is_space__(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static int ovsdb_json_parse__(struct ovsdb_json *j, ovsdb_json_fn *fn, void *aux, struct err *err)
{
    const char *end = NULL;
    cJSON *message = cJSON_ParseWithLengthOpts(j->buf.data, j->buf.len, &end, false);
    bool whole = message && end == j->buf.data + j->buf.len && cJSON_IsObject(message);
    sbuf_clear(&j->buf);
    if (!whole) {
        cJSON_Delete(message);
        return err_set(err, ERR_PROTOCOL, "malformed JSON message");
    }
    return fn(aux, message, err);
}

int ovsdb_json_input(struct ovsdb_json *j, const void *p, size_t n, ovsdb_json_fn *fn, void *aux,
                     struct err *err)
{
    const char *s = p;
    size_t start = 0; /* of this piece of the message at hand */
    for (size_t i = 0; i < n; i++) {
        if (j->depth == 0 && s[i] != '{') {
            if (!ovsdb_json_is_space__(s[i])) {
                return err_set(err, ERR_PROTOCOL, "JSON message does not begin with an object");
            }
            start = i + 1;
            continue;
        }
        int rc = ovsdb_json_scan__(j, s[i], err);
        if (rc == 1) {
            sbuf_put(&j->buf, s + start, i + 1 - start);
            start = i + 1;
            rc = ovsdb_json_parse__(j, fn, aux, err);
        }
        if (rc != 0) {
            return rc;
        }
        if (j->buf.len + (i + 1 - start) > j->max_bytes) {
            return err_set(err, ERR_TOO_BIG, "JSON message of more than %zu bytes", j->max_bytes);
        }
    }
    if (start < n) {
        sbuf_put(&j->buf, s + start, n - start);
    }
    return 0;
}
