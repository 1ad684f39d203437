/* SPDX-License-Identifier: Apache-2.0
 *
 * What an API server may send.  The input is a number of answers parted by lines "====": the first
 * byte of each says how it is given (its status, in what pieces, how it ends), the rest is its
 * body. Each body is read as a list and as a watch, at once and in pieces, which must come to the
 * same; then a reflector is given all of them one after the other, and what its owner was told must
 * be what it holds. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/mem.h"
#include "core/base/sbuf.h"
#include "core/base/vec.h"
#include "core/k8s/decode.h"
#include "core/k8s/json_stream.h"
#include "core/k8s/reflector.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

/* ---- the stream ---- */

static void log_tree(struct sbuf *log, const char *type, const cJSON *json)
{
    char *text = json ? cJSON_PrintUnformatted(json) : NULL;
    sbuf_printf(log, "%s %s", type, text ? text : "");
    cJSON_free(text);
}

static void on_object(void *aux, const char *type, const cJSON *json)
{
    log_tree(aux, type, json);
    sbuf_putc(aux, '\n');
}

static void on_bad(void *aux, const char *type, const cJSON *json, const char *why)
{
    log_tree(aux, type, json);
    sbuf_printf(aux, " ! %s\n", why);
    check(*why != '\0');
}

static int run_stream(enum json_stream_form form, const uint8_t *data, size_t size, size_t piece,
                      struct sbuf *log)
{
    struct json_stream *s = json_stream_new(form, k8s_class_of(K8S_POD)->fields,
                                            &(struct json_stream_sink){log, on_object, on_bad});
    int rc = 0;
    for (size_t i = 0; i < size && !rc; i += piece) {
        size_t n = size - i < piece ? size - i : piece;
        auto_free void *copy = mem_dup(data + i, n);
        rc = json_stream_put(s, copy, n, NULL);
    }
    if (!rc)
        rc = json_stream_end(s, NULL);
    sbuf_printf(log, "%d %s %s", rc, json_stream_version(s), json_stream_continue(s));
    json_stream_free(s);
    return rc;
}

static void check_pieces(const uint8_t *data, size_t size, size_t piece)
{
    static const enum json_stream_form forms[] = {JSON_STREAM_LIST, JSON_STREAM_WATCH,
                                                  JSON_STREAM_STATUS};
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        auto_sbuf whole = SBUF_INIT, cut = SBUF_INIT;
        (void)run_stream(forms[i], data, size, size ? size : 1, &whole);
        (void)run_stream(forms[i], data, size, piece, &cut);
        check(!strcmp(sbuf_cstr(&whole), sbuf_cstr(&cut)));
    }
}

/* ---- the reflector ---- */

struct owner {
    struct reflector *r;
    bool calling, timer;
    VEC(char *) keys;
};

static size_t find(const struct owner *o, const char *key)
{
    size_t i = 0;
    while (i < o->keys.n && strcmp(o->keys.v[i], key) != 0)
        i++;
    return i;
}

static void on_send(void *aux, const char *path, const char *accept)
{
    struct owner *o = aux;
    check(!o->calling && path[0] == '/' && strstr(accept, "application/json"));
    o->calling = true;
}

static void on_cancel(void *aux)
{
    struct owner *o = aux;
    check(o->calling);
    o->calling = false;
}

static void on_timer(void *aux, uint32_t ms)
{
    struct owner *o = aux;
    o->timer = ms > 0;
}

static void on_put(void *aux, enum k8s_kind kind, const char *key, void *object)
{
    struct owner *o = aux;
    const struct object_meta *meta = object;
    check(meta->kind == kind);
    if (find(o, key) == o->keys.n)
        VEC_PUSH(&o->keys, mem_strdup(key));
    object_free(object);
}

static void on_remove(void *aux, enum k8s_kind kind, const char *key)
{
    struct owner *o = aux;
    size_t i = find(o, key);
    (void)kind;
    check(i < o->keys.n);
    mem_free(o->keys.v[i]);
    o->keys.v[i] = o->keys.v[--o->keys.n];
}

static void on_note(void *aux, enum log_level level, const char *text)
{
    (void)aux;
    check(level < LOG_N_LEVELS && *text && !strchr(text, '\n'));
}

static void on_changed(void *aux)
{
    (void)aux;
}

/* One answer to the call under way; if there is none, the timer first. */
static void answer(struct owner *o, uint8_t how, const uint8_t *data, size_t size, size_t piece)
{
    static const int statuses[] = {200, 200, 200, 200, 404, 410, 429, 504};
    struct err err = {.code = ERR_CLOSED, .text = "gone"};
    if (!o->calling) {
        check(o->timer);
        o->timer = false;
        reflector_timer(o->r, 0);
    }
    check(o->calling);
    reflector_head(o->r, statuses[how & 7], how & 8 ? 3 : 0,
                   how & 64 ? "application/vnd.kubernetes.protobuf;stream=watch" : NULL);
    for (size_t i = 0; i < size && o->calling; i += piece) {
        size_t n = size - i < piece ? size - i : piece;
        auto_free void *copy = mem_dup(data + i, n);
        bool was = o->calling;
        reflector_data(o->r, copy, n);
        check(was);
        if (reflector_state(o->r) == REFLECTOR_WAITING)
            break;
    }
    if (!o->calling)
        return;
    o->calling = false;
    reflector_end(o->r, how & 16 ? &err : NULL);
    if (how & 32)
        reflector_reach(o->r, "77");
}

static void run_reflector(const uint8_t *data, size_t size, size_t piece)
{
    static const struct kind_row row = {.kind = K8S_POD,
                                        .group_path = "/api/v1",
                                        .resource = "pods",
                                        .namespaced = true,
                                        .optional = true,
                                        .streaming = true};
    static const char mark[] = "\n====\n";
    struct owner o = {0};
    o.r = reflector_new(&row, size,
                        &(struct reflector_ops){&o, on_send, on_cancel, on_timer, on_put, on_remove,
                                                on_note, on_changed});
    reflector_start(o.r);
    for (size_t at = 0; at < size;) {
        size_t end = at + 1;
        while (end < size && (size - end < 6 || memcmp(data + end, mark, 6) != 0))
            end++;
        answer(&o, data[at], data + at + 1, end - at - 1, piece);
        check(reflector_count(o.r) == o.keys.n);
        at = end + 6;
    }
    reflector_free(o.r);
    for (size_t i = 0; i < o.keys.n; i++)
        mem_free(o.keys.v[i]);
    VEC_DONE(&o.keys);
    check(intern_count() == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t piece = size ? (size_t)data[size - 1] % 9 + 1 : 1;
    if (size)
        check_pieces(data + 1, size - 1, piece);
    run_reflector(data, size, piece);
    return 0;
}
