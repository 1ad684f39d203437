/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading typed fields from a JSON tree with an error that names the field, and the block that an
 * object is copied into.  Member names are matched with case, null is absent, unknown members are
 * ignored: all as the API server does. */
#include "core/k8s/decode.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/sbuf.h"
#include "core/k8s/names.h"

static size_t round8(size_t n)
{
    return (n + 7) & ~(size_t)7;
}

void decode_init(struct decode *d, struct err *err)
{
    memset(d, 0, sizeof *d);
    arena_init(&d->scratch, 0);
    d->err = err;
}

void decode_done(struct decode *d)
{
    arena_done(&d->scratch);
}

void *decode_array(struct decode *d, size_t n, size_t size)
{
    size_t bytes = n * size; /* n is a number of JSON nodes in memory: no overflow */
    void *p = arena_alloc(&d->scratch, bytes ? bytes : 1);
    memset(p, 0, bytes);
    d->need += round8(bytes);
    return p;
}

void decode_text(struct decode *d, const char *s)
{
    d->need += round8(strlen(s) + 1);
}

struct field field_member(const struct field *up, const char *name)
{
    struct field f = {.up = up, .name = name};
    f.json = up->json ? cJSON_GetObjectItemCaseSensitive(up->json, name) : NULL;
    if (cJSON_IsNull(f.json))
        f.json = NULL;
    return f;
}

struct field field_item(const struct field *up, const cJSON *item, size_t index)
{
    struct field f = {.up = up, .index = index, .json = item};
    if (cJSON_IsNull(item))
        f.json = NULL;
    return f;
}

const char *decode_quote(const char *s, char buf[QUOTE_MAX])
{
    size_t i = 0;
    buf[i++] = '"';
    for (; *s && i < QUOTE_MAX - 6; s++)
        buf[i++] = *s >= 0x20 && *s < 0x7f ? *s : '?';
    if (*s) {
        memcpy(buf + i, "...", 3);
        i += 3;
    }
    buf[i++] = '"';
    buf[i] = '\0';
    return buf;
}

static void path_put(struct sbuf *b, const struct field *f)
{
    char quoted[QUOTE_MAX];
    if (!f->up)
        return;
    path_put(b, f->up);
    if (!f->name)
        sbuf_printf(b, "[%zu]", f->index);
    else if (strpbrk(f->name, "./:\" ") || strlen(f->name) > 40)
        sbuf_printf(b, "[%s]", decode_quote(f->name, quoted));
    else
        sbuf_printf(b, "%s%s", b->len ? "." : "", f->name);
}

int decode_fail(struct decode *d, const struct field *f, const char *fmt, ...)
{
    char text[ERR_TEXT_MAX];
    va_list ap;
    auto_sbuf path = SBUF_INIT;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    path_put(&path, f);
    while (f && !f->json)
        f = f->up;
    d->where = f ? f->json : NULL;
    if (path.len == 0)
        return err_set(d->err, ERR_INVALID, "%s", text);
    return err_set(d->err, ERR_INVALID, "%s: %s", sbuf_cstr(&path), text);
}

static const char *type_name(const cJSON *json)
{
    switch (json->type & 0xff) {
    case cJSON_False:
    case cJSON_True:
        return "a boolean";
    case cJSON_Number:
        return "a number";
    case cJSON_String:
        return "a string";
    case cJSON_Array:
        return "a list";
    case cJSON_Object:
        return "a map";
    default:
        return "null";
    }
}

static int fail_type(struct decode *d, const struct field *f, const char *wanted)
{
    return decode_fail(d, f, "must be %s, not %s", wanted, type_name(f->json));
}

int decode_object(struct decode *d, const struct field *f)
{
    return !f->json || cJSON_IsObject(f->json) ? 0 : fail_type(d, f, "a map");
}

int decode_list(struct decode *d, const struct field *f, size_t *n_out)
{
    size_t n = 0;
    if (f->json) {
        if (!cJSON_IsArray(f->json))
            return fail_type(d, f, "a list");
        for (const cJSON *c = f->json->child; c; c = c->next)
            n++;
    }
    *n_out = n;
    return 0;
}

int decode_string(struct decode *d, const struct field *f, const char **out)
{
    *out = NULL;
    if (!f->json)
        return 0;
    if (!cJSON_IsString(f->json))
        return fail_type(d, f, "a string");
    *out = f->json->valuestring;
    return 0;
}

int decode_bool(struct decode *d, const struct field *f, bool *out)
{
    if (!f->json)
        return 0;
    if (!cJSON_IsBool(f->json))
        return fail_type(d, f, "true or false");
    *out = cJSON_IsTrue(f->json);
    return 0;
}

int decode_int(struct decode *d, const struct field *f, int min, int max, int *out)
{
    if (!f->json)
        return 0;
    if (!cJSON_IsNumber(f->json))
        return fail_type(d, f, "an integer");
    double v = f->json->valuedouble;
    if (!(v >= min && v <= max))
        return decode_fail(d, f, "must be between %d and %d", min, max);
    if (v != (double)(int)v)
        return decode_fail(d, f, "must be an integer");
    *out = (int)v;
    return 0;
}

int decode_required(struct decode *d, const struct field *f, const char **out)
{
    int rc = decode_string(d, f, out);
    if (!rc && (!*out || !**out))
        rc = decode_fail(d, f, "is required");
    return rc;
}

int decode_name(struct decode *d, const struct field *f, name_problem_fn *problem, const char **out)
{
    const char *s;
    int rc = decode_required(d, f, &s);
    if (rc)
        return rc;
    const char *why = problem(s);
    if (why)
        return decode_fail(d, f, "%s", why);
    *out = s;
    return 0;
}

int decode_protocol(struct decode *d, const struct field *f, uint8_t *out)
{
    static const struct {
        const char *name;
        uint8_t number;
    } protocols[] = {{"TCP", 6}, {"UDP", 17}, {"SCTP", 132}};
    char quoted[QUOTE_MAX];
    const char *s;
    int rc = decode_string(d, f, &s);

    if (rc)
        return rc;
    if (!s || !*s) {
        *out = protocols[0].number;
        return 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(protocols); i++)
        if (!strcmp(s, protocols[i].name)) {
            *out = protocols[i].number;
            return 0;
        }
    return decode_fail(d, f, "%s is not a protocol: TCP, UDP or SCTP", decode_quote(s, quoted));
}

static bool is_mapped_v4(const struct ip *ip)
{
    static const uint8_t head[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return ip->family == 6 && !memcmp(ip->b, head, sizeof head);
}

static struct ip unmap_v4(const struct ip *ip)
{
    return ip_v4((uint32_t)ip->b[12] << 24 | (uint32_t)ip->b[13] << 16 | (uint32_t)ip->b[14] << 8 |
                 ip->b[15]);
}

static bool is_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* The text without zeros that lead a number: the API server takes "010.1.2.3" (and means 10) in
 * every field that is older than its stricter rules. */
static const char *without_zeros(const char *s, struct sbuf *out)
{
    for (bool leads = true; *s; s++) {
        if (leads && *s == '0' && is_digit(s[1]))
            continue;
        leads = !is_digit(*s);
        sbuf_putc(out, *s);
    }
    return sbuf_cstr(out);
}

bool decode_is_ip(const char *s, struct ip *out)
{
    auto_sbuf plain = SBUF_INIT;
    if (!ip_parse(s, out) && !ip_parse(without_zeros(s, &plain), out))
        return false;
    if (is_mapped_v4(out))
        *out = unmap_v4(out);
    return true;
}

int decode_ip(struct decode *d, const struct field *f, struct ip *out)
{
    char quoted[QUOTE_MAX];
    const char *s;
    int rc = decode_required(d, f, &s);
    if (rc)
        return rc;
    return decode_is_ip(s, out)
               ? 0
               : decode_fail(d, f, "%s is not an IP address", decode_quote(s, quoted));
}

bool ips_equal(const struct ip *a, const struct ip *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!ip_equal(&a[i], &b[i]))
            return false;
    return true;
}

int decode_cidr(struct decode *d, const struct field *f, struct prefix *out)
{
    auto_sbuf plain = SBUF_INIT;
    char quoted[QUOTE_MAX];
    const char *s;
    struct prefix p;
    int rc = decode_required(d, f, &s);
    if (rc)
        return rc;
    if (!prefix_parse(s, &p) && !prefix_parse(without_zeros(s, &plain), &p))
        return decode_fail(d, f, "%s is not a CIDR (address/length)", decode_quote(s, quoted));
    if (is_mapped_v4(&p.ip) && p.len >= 96) {
        p.ip = unmap_v4(&p.ip);
        p.len = (uint8_t)(p.len - 96);
    }
    *out = prefix_masked(&p);
    return 0;
}

static int label_cmp(const void *a, const void *b)
{
    const struct label *x = a, *y = b;
    return strcmp(x->key, y->key);
}

int decode_labels(struct decode *d, const struct field *f, struct labels *out)
{
    size_t n = 0;
    int rc = decode_object(d, f);
    if (rc)
        return rc;
    for (const cJSON *c = f->json ? f->json->child : NULL; c; c = c->next)
        n++;
    struct label *v = decode_array(d, n, sizeof *v);
    n = 0;
    for (const cJSON *c = f->json ? f->json->child : NULL; c; c = c->next) {
        struct field one = field_item(f, c, 0);
        one.name = c->string;
        const char *why = name_label_key_problem(c->string), *value;
        if (why)
            return decode_fail(d, &one, "%s", why);
        if ((rc = decode_string(d, &one, &value)))
            return rc;
        v[n++] = (struct label){c->string, value ? value : ""};
        if ((why = name_label_value_problem(v[n - 1].value)))
            return decode_fail(d, &one, "%s", why);
    }
    if (n)
        qsort(v, n, sizeof *v, label_cmp);
    *out = (struct labels){v, n};
    return 0;
}

void decode_drop_labels(struct decode *d, struct labels *l)
{
    d->need -= round8(l->n * sizeof *l->v);
    *l = (struct labels){NULL, 0};
}

void *block_array(struct block *b, const void *src, size_t n, size_t size)
{
    void *p = b->data + b->used;
    if (n)
        memcpy(p, src, n * size);
    b->used += round8(n * size);
    return p;
}

const char *block_text(struct block *b, const char *s)
{
    return block_array(b, s, strlen(s) + 1, 1);
}

struct labels block_labels(struct block *b, const struct labels *l)
{
    struct label *v = block_array(b, l->v, l->n, sizeof *v);
    for (size_t i = 0; i < l->n; i++) {
        v[i].key = block_intern(v[i].key);
        v[i].value = block_intern(v[i].value);
    }
    return (struct labels){v, l->n};
}

void labels_unref(const struct labels *l)
{
    for (size_t i = 0; i < l->n; i++) {
        intern_unref(l->v[i].key);
        intern_unref(l->v[i].value);
    }
}

bool labels_equal(const struct labels *a, const struct labels *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (strcmp(a->v[i].key, b->v[i].key) || strcmp(a->v[i].value, b->v[i].value))
            return false;
    return true;
}

const char *labels_get(const struct labels *l, const char *key)
{
    size_t low = 0, high = l->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int c = l->v[mid].key == key ? 0 : strcmp(l->v[mid].key, key);
        if (c == 0)
            return l->v[mid].value;
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}
