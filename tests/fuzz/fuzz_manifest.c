/* SPDX-License-Identifier: Apache-2.0
 *
 * Manifest files as anyone could write them.  The input is a file's content before and after a
 * change, parted by a line "====" (without one: twice the same).  It is given as YAML and as JSON,
 * to a folder whose sink checks what it is told; then it is given again to a new folder, which
 * must come to the same objects if nothing is bad. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/vec.h"
#include "core/k8s/folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct row {
    enum k8s_kind kind;
    char *key;
    void *object;
};
struct sink {
    VEC(struct row) rows;
};

static void check(bool holds)
{
    if (!holds)
        abort();
}

static struct row *find(struct sink *s, enum k8s_kind kind, const char *key)
{
    for (size_t i = 0; i < s->rows.n; i++)
        if (s->rows.v[i].kind == kind && !strcmp(s->rows.v[i].key, key))
            return &s->rows.v[i];
    return NULL;
}

static void on_put(void *aux, enum k8s_kind kind, const char *key, void *object)
{
    struct sink *s = aux;
    char buf[K8S_KEY_MAX];
    struct row *row = find(s, kind, key);
    struct object_meta *meta = object;

    check(meta->kind == kind && !strcmp(k8s_key(meta, buf), key) && *meta->uid);
    if (row) {
        object_free(row->object);
        row->object = object;
    } else {
        VEC_PUSH(&s->rows, ((struct row){kind, mem_strdup(key), object}));
    }
}

static void on_remove(void *aux, enum k8s_kind kind, const char *key)
{
    struct sink *s = aux;
    struct row *row = find(s, kind, key);
    check(row != NULL);
    object_free(row->object);
    mem_free(row->key);
    *row = s->rows.v[--s->rows.n];
}

static void on_note(void *aux, enum folder_note note, const char *text)
{
    (void)aux;
    (void)note;
    check(*text && !strchr(text, '\n'));
}

static struct folder *make(struct sink *s)
{
    memset(s, 0, sizeof *s);
    return folder_new(&(struct folder_sink){s, on_put, on_remove, on_note});
}

static void sink_done(struct sink *s)
{
    for (size_t i = 0; i < s->rows.n; i++) {
        object_free(s->rows.v[i].object);
        mem_free(s->rows.v[i].key);
    }
    VEC_DONE(&s->rows);
}

static void check_errors(struct folder *f)
{
    const struct folder_error *errors;
    size_t n = folder_errors(f, &errors);
    bool blocked = false;
    for (size_t i = 0; i < n; i++) {
        check(errors[i].text && strlen(errors[i].text) > 3);
        blocked = blocked || errors[i].blocking;
    }
    check(folder_complete(f) == !blocked);
}

struct text {
    const char *p;
    size_t n;
};

static void run(const char *name, struct text before, struct text after)
{
    struct sink a, b;
    struct folder *f = make(&a), *fresh = make(&b);
    const struct folder_error *errors;

    folder_file(f, name, before.p, before.n);
    folder_first_load_done(f);
    check_errors(f);
    (void)folder_offer(f, name, after.p, after.n, 0);
    folder_file(f, name, after.p, after.n);
    check_errors(f);
    check(!folder_file(f, name, after.p, after.n));
    folder_file(fresh, name, after.p, after.n);
    if (folder_errors(fresh, &errors) == 0) {
        check(folder_complete(f) && a.rows.n == b.rows.n);
        for (size_t i = 0; i < b.rows.n; i++) {
            struct row *row = find(&a, b.rows.v[i].kind, b.rows.v[i].key);
            check(row && object_equal(row->object, b.rows.v[i].object));
        }
    }
    folder_file_gone(f, name);
    check(a.rows.n == 0 && folder_complete(f));
    folder_free(f);
    folder_free(fresh);
    sink_done(&a);
    sink_done(&b);
    check(intern_count() == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char mark[] = "\n====\n";
    const size_t mark_len = sizeof mark - 1;
    const char *p = (const char *)data;
    struct text before = {p, size}, after = {p, size};

    for (size_t i = 0; i + mark_len <= size; i++)
        if (!memcmp(p + i, mark, mark_len)) {
            before.n = i;
            after = (struct text){p + i + mark_len, size - i - mark_len};
            break;
        }
    run("a.yaml", before, after);
    run("a.json", before, after);
    return 0;
}
