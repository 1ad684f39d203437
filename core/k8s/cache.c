/* SPDX-License-Identifier: Apache-2.0
 *
 * The cache's text.  Reading goes over it twice: lines and hash first, and only a text that is
 * whole is decoded. */
#include "core/k8s/cache.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/hash.h"
#include "core/base/mem.h"
#include "core/base/vec.h"
#include "core/k8s/tree.h"

static const char magic[] = "seine-cache 1";

/* ---- writing ---- */

static void line_begin(struct cache_writer *w)
{
    sbuf_clear(&w->line);
}

static void line_end(struct cache_writer *w)
{
    sbuf_putc(&w->line, '\n');
    w->hash = hash_bytes(w->line.data, w->line.len, w->hash);
    w->put(w->aux, w->line.data, w->line.len);
}

static void put_versions(struct sbuf *out, const struct cache_header *header)
{
    const char *parting = "";
    for (size_t i = 0; i < K8S_N_KINDS; i++) {
        if (!header->versions[i] || !*header->versions[i])
            continue;
        sbuf_puts(out, parting);
        sbuf_put_json(out, k8s_kind_name((enum k8s_kind)i));
        sbuf_putc(out, ':');
        sbuf_put_json(out, header->versions[i]);
        parting = ",";
    }
}

void cache_begin(struct cache_writer *w, const struct cache_header *header)
{
    w->hash = w->count = 0;
    line_begin(w);
    sbuf_puts(&w->line, magic);
    line_end(w);
    line_begin(w);
    sbuf_puts(&w->line, "{\"cluster\":");
    sbuf_put_json(&w->line, header->cluster);
    sbuf_puts(&w->line, ",\"node\":");
    sbuf_put_json(&w->line, header->node);
    sbuf_puts(&w->line, ",\"versions\":{");
    put_versions(&w->line, header);
    sbuf_puts(&w->line, "}}");
    line_end(w);
}

void cache_object(struct cache_writer *w, const void *object)
{
    const struct object_meta *meta = object;
    line_begin(w);
    sbuf_printf(&w->line, "%s ", k8s_kind_name(meta->kind));
    object_encode(object, &w->line);
    line_end(w);
    w->count++;
}

void cache_end(struct cache_writer *w)
{
    line_begin(w);
    sbuf_printf(&w->line, "end %" PRIu64 " %016" PRIx64 "\n", w->count, w->hash);
    w->put(w->aux, w->line.data, w->line.len);
    sbuf_done(&w->line);
}

/* ---- reading: is it whole? ---- */

struct line {
    const char *text;
    size_t len; /* without the newline */
};
struct reader {
    const char *p, *end;
    uint64_t hash;  /* of the lines read */
    uint64_t count; /* of them */
};

static bool line_next(struct reader *r, struct line *out)
{
    const char *newline = r->p < r->end ? memchr(r->p, '\n', (size_t)(r->end - r->p)) : NULL;
    if (!newline)
        return false;
    *out = (struct line){r->p, (size_t)(newline - r->p)};
    r->p = newline + 1;
    return true;
}

static bool line_is(const struct line *line, const char *text)
{
    return line->len == strlen(text) && !memcmp(line->text, text, line->len);
}

static bool is_end(const struct line *line)
{
    return line->len >= 4 && !memcmp(line->text, "end ", 4);
}

static int damaged(struct err *err, const char *why)
{
    return err_set(err, ERR_INVALID, "the cache is damaged: %s", why);
}

static int check_whole(const char *text, size_t len, struct err *err)
{
    struct reader r = {.p = text, .end = text + len};
    struct line line;
    char wanted[64];
    if (!line_next(&r, &line))
        return damaged(err, "it has no first line");
    if (line.len >= 12 && !memcmp(line.text, magic, 12) && !line_is(&line, magic))
        return err_set(err, ERR_UNSUPPORTED, "the cache is of another format");
    if (!line_is(&line, magic))
        return damaged(err, "it does not begin as a cache");
    do {
        r.hash = hash_bytes(line.text, line.len + 1, r.hash);
        r.count++;
        if (!line_next(&r, &line))
            return damaged(err, "its end is missing");
    } while (!is_end(&line));
    if (r.count < 2)
        return damaged(err, "it has no header");
    snprintf(wanted, sizeof wanted, "end %" PRIu64 " %016" PRIx64, r.count - 2, r.hash);
    if (!line_is(&line, wanted))
        return damaged(err, "it is not what was written");
    return r.p == r.end ? 0 : damaged(err, "something follows its end");
}

/* ---- reading: what it says ---- */

struct decoded {
    struct cache_info *info;
    enum k8s_kind kind;
    VEC(struct object_meta *) objects;
    int rc;
    struct err *err;
};

static void copy(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text);
}

static void on_header(void *aux, const char *type, const cJSON *json)
{
    struct decoded *d = aux;
    const cJSON *versions = cJSON_GetObjectItemCaseSensitive(json, "versions");
    (void)type;
    copy(d->info->cluster, CACHE_ID_MAX, tree_member_text(json, "cluster"));
    copy(d->info->node, CACHE_ID_MAX, tree_member_text(json, "node"));
    for (size_t i = 0; i < K8S_N_KINDS; i++)
        copy(d->info->versions[i], JSON_STREAM_VERSION_MAX,
             tree_member_text(versions, k8s_kind_name((enum k8s_kind)i)));
}

static void on_object(void *aux, const char *type, const cJSON *json)
{
    struct decoded *d = aux;
    struct object_meta *object;
    (void)type;
    d->rc = object_decode(json, d->kind, &object, d->err);
    if (!d->rc)
        VEC_PUSH(&d->objects, object);
}

static void on_bad(void *aux, const char *type, const cJSON *json, const char *why)
{
    struct decoded *d = aux;
    (void)type;
    (void)json;
    d->rc = damaged(d->err, why);
}

/* One JSON text through the stream. */
static int read_json(struct decoded *d, struct json_stream *s, const char *text, size_t len)
{
    d->rc = 0;
    json_stream_reset(s, JSON_STREAM_ONE);
    int rc = json_stream_put(s, text, len, d->err);
    if (!rc)
        rc = json_stream_end(s, d->err);
    rc = rc ? rc : d->rc;
    if (rc) {
        err_wrap(d->err, "the cache cannot be read");
        return ERR_INVALID;
    }
    return 0;
}

static bool find_kind(const char *name, size_t n, enum k8s_kind *out)
{
    for (size_t i = 0; i < K8S_N_KINDS; i++) {
        const char *known = k8s_kind_name((enum k8s_kind)i);
        if (strlen(known) == n && !memcmp(known, name, n)) {
            *out = (enum k8s_kind)i;
            return true;
        }
    }
    return false;
}

static int read_line(struct decoded *d, struct json_stream *s, const struct line *line)
{
    const char *space = memchr(line->text, ' ', line->len);
    if (!space)
        return damaged(d->err, "a line without a kind");
    size_t n = (size_t)(space - line->text);
    if (!find_kind(line->text, n, &d->kind))
        return err_set(d->err, ERR_UNSUPPORTED, "the cache has a kind that is not read");
    return read_json(d, s, space + 1, line->len - n - 1);
}

static int read_header(struct decoded *d, const struct line *line, const char *cluster,
                       const char *node)
{
    struct json_stream *s =
        json_stream_new(JSON_STREAM_ONE, NULL, &(struct json_stream_sink){d, on_header, on_bad});
    int rc = read_json(d, s, line->text, line->len);
    json_stream_free(s);
    if (rc)
        return rc;
    if (strcmp(d->info->node, node) != 0)
        return err_set(d->err, ERR_CONFLICT, "the cache is of another node: %.100s", d->info->node);
    if (cluster && strcmp(d->info->cluster, cluster) != 0)
        return err_set(d->err, ERR_CONFLICT, "the cache is of another cluster: %.100s",
                       d->info->cluster);
    return 0;
}

static int read_objects(struct decoded *d, struct reader *r)
{
    struct json_stream *s =
        json_stream_new(JSON_STREAM_ONE, NULL, &(struct json_stream_sink){d, on_object, on_bad});
    struct line line;
    int rc = 0;
    while (!rc && line_next(r, &line) && !is_end(&line))
        rc = read_line(d, s, &line);
    json_stream_free(s);
    return rc;
}

static void give_all(struct decoded *d, const struct cache_sink *sink)
{
    char key[K8S_KEY_MAX];
    for (size_t i = 0; i < d->objects.n; i++) {
        struct object_meta *object = d->objects.v[i];
        sink->put(sink->aux, object->kind, k8s_key(object, key), object);
    }
}

int cache_read(const char *text, size_t len, const char *cluster, const char *node,
               const struct cache_sink *sink, struct cache_info *info, struct err *err)
{
    struct decoded d = {.info = info, .err = err};
    struct reader r = {.p = text, .end = text + len};
    struct line line = {0};
    memset(info, 0, sizeof *info);
    int rc = check_whole(text, len, err);
    if (rc)
        return rc;
    (void)line_next(&r, &line);
    (void)line_next(&r, &line);
    rc = read_header(&d, &line, cluster, node);
    if (!rc)
        rc = read_objects(&d, &r);
    info->objects = d.objects.n;
    if (!rc)
        give_all(&d, sink);
    else
        for (size_t i = 0; i < d.objects.n; i++)
            object_free(d.objects.v[i]);
    VEC_DONE(&d.objects);
    return rc;
}
