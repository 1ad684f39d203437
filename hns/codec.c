/* SPDX-License-Identifier: Apache-2.0
 *
 * Documents by tables: one function a direction and a field type. */
#include "hns/codec.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/guid.h"

/* ---- places and errors ---- */

static void codec_put_place(const struct codec_at *at, struct sbuf *out)
{
    if (!at->up) {
        sbuf_printf(out, "%s: ", at->key);
        return;
    }
    codec_put_place(at->up, out);
    if (at->key) {
        sbuf_printf(out, "%s%s", at->up->up ? "." : "", at->key);
    } else {
        sbuf_printf(out, "[%zu]", at->index);
    }
}

int codec_fail(const struct codec_at *at, struct err *err, const char *fmt, ...)
{
    auto_sbuf text = SBUF_INIT;
    va_list ap;
    codec_put_place(at, &text);
    sbuf_puts(&text, at->up ? ": " : "");
    va_start(ap, fmt);
    sbuf_vprintf(&text, fmt, ap);
    va_end(ap);
    return err_set(err, ERR_INVALID, "%s", text.data);
}

static int codec_full(const struct codec_at *at, struct err *err)
{
    codec_fail(at, err, "too big");
    if (err) {
        err->code = ERR_TOO_BIG;
    }
    return ERR_TOO_BIG;
}

void codec_json_cleanup(cJSON **json)
{
    cJSON_Delete(*json);
}

/* ---- writing ---- */

static const void *codec_at_offset(const void *obj, const struct codec_field *f)
{
    return (const char *)obj + f->offset;
}

static struct codec_list codec_list_get(const void *p)
{
    struct codec_list list;
    memcpy(&list, p, sizeof list);
    return list;
}

static uint64_t codec_number_get(const struct codec_field *f, const void *p)
{
    if (f->type == CODEC_WIDE) {
        return *(const uint64_t *)p;
    }
    return f->type == CODEC_NUMBER ? *(const uint32_t *)p : *(const bool *)p;
}

static bool codec_is_empty(const struct codec_struct *s, const void *obj);

static bool codec_field_is_empty(const struct codec_field *f, const void *p)
{
    switch (f->type) {
    case CODEC_TEXT:
    case CODEC_JSON: {
        const char *text = *(const char *const *)p;
        return !text || !*text;
    }
    case CODEC_NUMBER:
    case CODEC_WIDE:
    case CODEC_BOOL:
        return codec_number_get(f, p) == 0;
    case CODEC_GUID:
        return guid_is_zero(p);
    case CODEC_NAME:
        return false;
    case CODEC_TEXTS:
    case CODEC_LIST:
        return codec_list_get(p).n == 0;
    case CODEC_STRUCT:
        return codec_is_empty(f->sub, p);
    }
    return false;
}

static bool codec_is_empty(const struct codec_struct *s, const void *obj)
{
    for (size_t i = 0; i < s->n_fields; i++) {
        if (!codec_field_is_empty(&s->fields[i], codec_at_offset(obj, &s->fields[i]))) {
            return false;
        }
    }
    return !s->encode;
}

static void codec_put_texts(const struct codec_texts *texts, struct sbuf *out)
{
    sbuf_putc(out, '[');
    for (size_t i = 0; i < texts->n; i++) {
        sbuf_puts(out, i ? "," : "");
        sbuf_put_json(out, texts->v[i]);
    }
    sbuf_putc(out, ']');
}

static void codec_put_list(const struct codec_struct *s, const void *p, struct sbuf *out)
{
    struct codec_list list = codec_list_get(p);
    sbuf_putc(out, '[');
    for (size_t i = 0; i < list.n; i++) {
        sbuf_puts(out, i ? "," : "");
        codec_encode(s, (const char *)list.v + i * s->size, out);
    }
    sbuf_putc(out, ']');
}

static void codec_put_guid(const struct guid *g, struct sbuf *out)
{
    char text[GUID_TEXT_MAX];
    sbuf_put_json(out, guid_format(g, text));
}

static void codec_put_name(const struct codec_field *f, unsigned number, struct sbuf *out)
{
    assert(number < f->n_names);
    sbuf_put_json(out, f->names[number]);
}

static void codec_put_field(const struct codec_field *f, const void *p, struct sbuf *out)
{
    switch (f->type) {
    case CODEC_TEXT: {
        const char *text = *(const char *const *)p;
        sbuf_put_json(out, text ? text : "");
        break;
    }
    case CODEC_JSON: {
        const char *text = *(const char *const *)p;
        sbuf_puts(out, text && *text ? text : "{}");
        break;
    }
    case CODEC_NUMBER:
    case CODEC_WIDE:
        sbuf_printf(out, "%" PRIu64, codec_number_get(f, p));
        break;
    case CODEC_BOOL:
        sbuf_puts(out, *(const bool *)p ? "true" : "false");
        break;
    case CODEC_GUID:
        codec_put_guid(p, out);
        break;
    case CODEC_NAME:
        codec_put_name(f, *(const unsigned *)p, out);
        break;
    case CODEC_TEXTS:
        codec_put_texts(p, out);
        break;
    case CODEC_LIST:
        codec_put_list(f->sub, p, out);
        break;
    case CODEC_STRUCT:
        codec_encode(f->sub, p, out);
        break;
    }
}

void codec_encode(const struct codec_struct *s, const void *obj, struct sbuf *out)
{
    if (s->encode) {
        s->encode(obj, out);
        return;
    }
    const char *before = "";
    sbuf_putc(out, '{');
    for (size_t i = 0; i < s->n_fields; i++) {
        const struct codec_field *f = &s->fields[i];
        const void *p = codec_at_offset(obj, f);
        if ((f->flags & CODEC_ALWAYS) || !codec_field_is_empty(f, p)) {
            sbuf_printf(out, "%s\"%s\":", before, f->key);
            codec_put_field(f, p, out);
            before = ",";
        }
    }
    sbuf_putc(out, '}');
}

/* ---- reading ---- */

const cJSON *codec_member(const cJSON *json, const char *key)
{
    const cJSON *value = cJSON_GetObjectItem(json, key);
    return value && !cJSON_IsNull(value) ? value : NULL;
}

const char *codec_print(const cJSON *json, struct arena *a)
{
    char *text = cJSON_PrintUnformatted(json);
    const char *copy = text ? arena_strdup(a, text) : NULL;
    cJSON_free(text);
    return copy;
}

static int codec_get_text(const cJSON *json, const char **out, struct arena *a,
                          const struct codec_at *at, struct err *err)
{
    if (!cJSON_IsString(json)) {
        return codec_fail(at, err, "not a string");
    }
    const char *text = arena_strdup(a, json->valuestring);
    if (!text) {
        return codec_full(at, err);
    }
    *out = text;
    return 0;
}

static int codec_get_number(const cJSON *json, uint64_t max, uint64_t *out,
                            const struct codec_at *at, struct err *err)
{
    double value = json->valuedouble;
    if (!cJSON_IsNumber(json)) {
        return codec_fail(at, err, "not a number");
    }
    if (!(value >= 0) || value > (double)max) {
        return codec_fail(at, err, "not in 0..%" PRIu64, max);
    }
    uint64_t whole = (uint64_t)value;
    if ((double)whole < value) {
        return codec_fail(at, err, "not a whole number");
    }
    *out = whole;
    return 0;
}

static int codec_get_guid(const cJSON *json, struct guid *out, const struct codec_at *at,
                          struct err *err)
{
    const char *text = cJSON_IsString(json) ? json->valuestring : NULL;
    if (!text || (*text && !guid_parse(text, out))) {
        return codec_fail(at, err, "not a GUID");
    }
    return 0;
}

static int codec_get_name(const struct codec_field *f, const cJSON *json, unsigned *out,
                          const struct codec_at *at, struct err *err)
{
    if (!cJSON_IsString(json)) {
        return codec_fail(at, err, "not a string");
    }
    unsigned i = 0;
    while (i < f->n_names && strcmp(f->names[i], json->valuestring) != 0) {
        i++;
    }
    *out = i;
    return 0;
}

/* How many elements a list has. */
static int codec_count(const cJSON *json, size_t *n_out, const struct codec_at *at, struct err *err)
{
    if (!cJSON_IsArray(json)) {
        return codec_fail(at, err, "not a list");
    }
    size_t n = 0;
    for (const cJSON *item = json->child; item; item = item->next) {
        n++;
    }
    if (n > CODEC_LIST_MAX) {
        return codec_full(at, err);
    }
    *n_out = n;
    return 0;
}

static int codec_get_texts(const cJSON *json, struct codec_texts *out, struct arena *a,
                           const struct codec_at *at, struct err *err)
{
    size_t n = 0, i = 0;
    int rc = codec_count(json, &n, at, err);
    if (rc < 0) {
        return rc;
    }
    const char **v = arena_alloc(a, (n ? n : 1) * sizeof *v);
    if (!v) {
        return codec_full(at, err);
    }
    for (const cJSON *item = json->child; item; item = item->next, i++) {
        struct codec_at inner = {.up = at, .index = i};
        rc = codec_get_text(item, &v[i], a, &inner, err);
        if (rc < 0) {
            return rc;
        }
    }
    *out = (struct codec_texts){v, n};
    return 0;
}

static int codec_get_list(const struct codec_struct *s, const cJSON *json, void *out,
                          struct arena *a, const struct codec_at *at, struct err *err);

static int codec_get_json(const cJSON *json, const char **out, struct arena *a,
                          const struct codec_at *at, struct err *err)
{
    const char *text = codec_print(json, a);
    if (!text) {
        return codec_full(at, err);
    }
    *out = text;
    return 0;
}

static int codec_get_whole(const struct codec_field *f, const cJSON *json, void *p,
                           const struct codec_at *at, struct err *err)
{
    bool wide = f->type == CODEC_WIDE;
    uint64_t value = 0, max = wide ? CODEC_NUMBER_MAX : f->max ? f->max : UINT32_MAX;
    int rc = codec_get_number(json, max, &value, at, err);
    if (rc == 0 && wide) {
        *(uint64_t *)p = value;
    } else if (rc == 0) {
        *(uint32_t *)p = (uint32_t)value;
    }
    return rc;
}

static int codec_get_bool(const cJSON *json, bool *out, const struct codec_at *at, struct err *err)
{
    if (!cJSON_IsBool(json)) {
        return codec_fail(at, err, "not true or false");
    }
    *out = cJSON_IsTrue(json);
    return 0;
}

static int codec_get_field(const struct codec_field *f, const cJSON *json, void *p, struct arena *a,
                           const struct codec_at *at, struct err *err)
{
    switch (f->type) {
    case CODEC_TEXT:
        return codec_get_text(json, p, a, at, err);
    case CODEC_NUMBER:
    case CODEC_WIDE:
        return codec_get_whole(f, json, p, at, err);
    case CODEC_BOOL:
        return codec_get_bool(json, p, at, err);
    case CODEC_GUID:
        return codec_get_guid(json, p, at, err);
    case CODEC_NAME:
        return codec_get_name(f, json, p, at, err);
    case CODEC_TEXTS:
        return codec_get_texts(json, p, a, at, err);
    case CODEC_STRUCT:
        return codec_decode_at(f->sub, json, p, a, at, err);
    case CODEC_LIST:
        return codec_get_list(f->sub, json, p, a, at, err);
    case CODEC_JSON:
        return codec_get_json(json, p, a, at, err);
    }
    return ERR_INTERNAL;
}

static int codec_get_list(const struct codec_struct *s, const cJSON *json, void *out,
                          struct arena *a, const struct codec_at *at, struct err *err)
{
    size_t n = 0, i = 0;
    int rc = codec_count(json, &n, at, err);
    if (rc < 0) {
        return rc;
    }
    char *v = arena_alloc(a, (n ? n : 1) * s->size);
    if (!v) {
        return codec_full(at, err);
    }
    for (const cJSON *item = json->child; item; item = item->next, i++) {
        struct codec_at inner = {.up = at, .index = i};
        rc = codec_decode_at(s, item, v + i * s->size, a, &inner, err);
        if (rc < 0) {
            return rc;
        }
    }
    struct codec_list list = {v, n};
    memcpy(out, &list, sizeof list);
    return 0;
}

int codec_decode_at(const struct codec_struct *s, const cJSON *json, void *obj, struct arena *a,
                    const struct codec_at *at, struct err *err)
{
    memset(obj, 0, s->size);
    if (!cJSON_IsObject(json)) {
        return codec_fail(at, err, "not an object");
    }
    if (s->decode) {
        return s->decode(json, obj, a, at, err);
    }
    for (size_t i = 0; i < s->n_fields; i++) {
        const struct codec_field *f = &s->fields[i];
        const cJSON *value = codec_member(json, f->key);
        struct codec_at inner = {.up = at, .key = f->key};
        int rc = value ? codec_get_field(f, value, (char *)obj + f->offset, a, &inner, err) : 0;
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

/* ---- text ---- */

/* cJSON recurses: the nesting is counted before it sees the text. */
static bool codec_is_shallow(const char *text, size_t len)
{
    size_t depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (in_string && c == '\\') {
            i++;
        } else if (c == '"') {
            in_string = !in_string;
        } else if (!in_string && (c == '{' || c == '[')) {
            if (++depth > CODEC_DEPTH_MAX) {
                return false;
            }
        } else if (!in_string && (c == '}' || c == ']')) {
            depth -= depth > 0;
        }
    }
    return true;
}

int codec_parse(const char *text, size_t len, cJSON **out, struct err *err)
{
    if (len > CODEC_DOCUMENT_MAX) {
        return err_set(err, ERR_TOO_BIG, "%zu bytes, at most %d", len, CODEC_DOCUMENT_MAX);
    }
    if (!codec_is_shallow(text, len)) {
        return err_set(err, ERR_TOO_BIG, "nested deeper than %d", CODEC_DEPTH_MAX);
    }
    const char *end = NULL;
    cJSON *json = cJSON_ParseWithLengthOpts(text, len, &end, 0);
    size_t used = end ? (size_t)(end - text) : 0;
    while (json && used < len && strchr(" \t\r\n", text[used]) && text[used]) {
        used++;
    }
    if (!json || used < len) {
        cJSON_Delete(json);
        return err_set(err, ERR_INVALID, "not JSON, byte %zu", used);
    }
    *out = json;
    return 0;
}

int codec_decode(const struct codec_struct *s, const char *text, size_t len, void *obj,
                 struct arena *a, struct err *err)
{
    auto_codec_json *json = NULL;
    memset(obj, 0, s->size);
    int rc = codec_parse(text, len, &json, err);
    if (rc < 0) {
        return err ? err_wrap(err, "%s", s->name) : rc;
    }
    struct codec_at at = {.key = s->name};
    rc = codec_decode_at(s, json, obj, a, &at, err);
    if (rc < 0) {
        memset(obj, 0, s->size);
    }
    return rc;
}
