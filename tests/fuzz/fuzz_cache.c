/* SPDX-License-Identifier: Apache-2.0
 *
 * The cache file.  The input is read as it is, and once more with the end line that it would need:
 * what is then taken is written again and must be read again as the same. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/mem.h"
#include "core/base/vec.h"
#include "core/k8s/cache.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct rows {
    VEC(void *) v;
};

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void on_put(void *aux, enum k8s_kind kind, const char *key, void *object)
{
    struct rows *rows = aux;
    const struct object_meta *meta = object;
    check(meta->kind == kind && *key);
    VEC_PUSH(&rows->v, object);
}

static void on_text(void *aux, const char *text, size_t n)
{
    sbuf_put(aux, text, n);
}

static void write_again(const struct rows *rows, const struct cache_info *info, struct sbuf *out)
{
    struct cache_writer w = {.put = on_text, .aux = out};
    struct cache_header header = {.cluster = info->cluster, .node = info->node};
    for (size_t i = 0; i < K8S_N_KINDS; i++)
        header.versions[i] = info->versions[i];
    cache_begin(&w, &header);
    for (size_t i = 0; i < rows->v.n; i++)
        cache_object(&w, rows->v.v[i]);
    cache_end(&w);
}

static void rows_done(struct rows *rows)
{
    for (size_t i = 0; i < rows->v.n; i++)
        object_free(rows->v.v[i]);
    VEC_DONE(&rows->v);
}

static void run(const char *text, size_t n)
{
    struct rows rows = {0}, again = {0};
    struct cache_sink sink = {&rows, on_put}, second = {&again, on_put};
    struct cache_info info, same;
    struct err err;
    auto_sbuf out = SBUF_INIT;
    int rc = cache_read(text, n, NULL, "node-1", &sink, &info, &err);
    check(rc == 0 || (rows.v.n == 0 && *err.text));
    if (rc == 0) {
        check(info.objects == rows.v.n);
        write_again(&rows, &info, &out);
        check(cache_read(out.data, out.len, info.cluster, "node-1", &second, &same, &err) == 0);
        check(again.v.n == rows.v.n && !memcmp(&info, &same, sizeof info));
        for (size_t i = 0; i < rows.v.n; i++)
            check(object_equal(rows.v.v[i], again.v.v[i]));
    }
    rows_done(&rows);
    rows_done(&again);
    check(intern_count() == 0);
}

/* Appends the line that ends this text rightly. */
static void put_end(struct sbuf *text)
{
    uint64_t hash = 0, lines = 0;
    for (const char *p = sbuf_cstr(text), *end = p + text->len; p < end; lines++) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        hash = hash_bytes(p, (size_t)(newline + 1 - p), hash);
        p = newline + 1;
    }
    sbuf_printf(text, "end %" PRIu64 " %016" PRIx64 "\n", lines > 2 ? lines - 2 : 0, hash);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_sbuf text = SBUF_INIT;
    auto_free char *copy = mem_dup(data, size);
    run(copy, size);
    sbuf_puts(&text, "seine-cache 1\n");
    sbuf_put(&text, data, size);
    sbuf_putc(&text, '\n');
    put_end(&text);
    run(text.data, text.len);
    return 0;
}
