/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/k8s/reflector_lab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

/* The path, with T for the length of a watch as it should be. */
static void put_path(struct sbuf *out, const char *path)
{
    static const char name[] = "timeoutSeconds=";
    const char *at = strstr(path, name);
    if (!at) {
        sbuf_printf(out, "send %s\n", path);
        return;
    }
    const char *number = at + strlen(name), *rest = number + strspn(number, "0123456789");
    int seconds = atoi(number);
    bool usual = seconds >= REFLECTOR_WATCH_S && seconds < 2 * REFLECTOR_WATCH_S;
    bool brief = seconds >= 20 && seconds < 24;
    sbuf_printf(out, "send %.*s%s%s\n", (int)(number - path), path,
                usual   ? "T"
                : brief ? "brief"
                        : "short",
                rest);
}

static void on_send(void *aux, const char *path, const char *accept)
{
    struct lab *lab = aux;
    lab->json_asked = strcmp(accept, "application/json") == 0;
    assert_false(lab->calling);
    lab->calling = true;
    lab->sends++;
    sbuf_clear(&lab->path);
    sbuf_puts(&lab->path, path);
    put_path(&lab->log, path);
}

static void on_cancel(void *aux)
{
    struct lab *lab = aux;
    assert_true(lab->calling);
    lab->calling = false;
    sbuf_puts(&lab->log, "cancel\n");
}

static void on_timer(void *aux, uint32_t ms)
{
    struct lab *lab = aux;
    lab->timer = ms;
}

static size_t place(const struct lab *lab, const char *key, bool *there)
{
    size_t i = 0;
    while (i < lab->rows.n && strcmp(lab->rows.v[i].key, key) < 0)
        i++;
    *there = i < lab->rows.n && !strcmp(lab->rows.v[i].key, key);
    return i;
}

static void on_put(void *aux, enum k8s_kind kind, const char *key, void *object)
{
    struct lab *lab = aux;
    struct object_meta *meta = object;
    bool there;
    size_t i = place(lab, key, &there);
    assert_int_equal(meta->kind, kind);
    sbuf_printf(&lab->log, "put %s\n", key);
    if (there) {
        object_free(lab->rows.v[i].object);
        lab->rows.v[i].object = object;
        return;
    }
    struct lab_row row = {mem_strdup(key), object};
    VEC_PUSH(&lab->rows, row);
    memmove(lab->rows.v + i + 1, lab->rows.v + i, (lab->rows.n - 1 - i) * sizeof row);
    lab->rows.v[i] = row;
}

void lab_put(struct lab *lab, void *object)
{
    const struct object_meta *meta = object;
    char key[K8S_KEY_MAX];
    on_put(lab, meta->kind, k8s_key(meta, key), object);
}

static void drop_row(struct lab *lab, size_t i)
{
    mem_free(lab->rows.v[i].key);
    object_free(lab->rows.v[i].object);
    memmove(lab->rows.v + i, lab->rows.v + i + 1, (--lab->rows.n - i) * sizeof *lab->rows.v);
}

static void on_remove(void *aux, enum k8s_kind kind, const char *key)
{
    struct lab *lab = aux;
    bool there;
    size_t i = place(lab, key, &there);
    (void)kind;
    assert_true(there);
    sbuf_printf(&lab->log, "remove %s\n", key);
    drop_row(lab, i);
}

static void on_note(void *aux, enum log_level level, const char *text)
{
    struct lab *lab = aux;
    assert_true(*text && !strchr(text, '\n'));
    sbuf_printf(&lab->log, "%s %s\n", log_level_name(level), text);
}

static void on_changed(void *aux)
{
    struct lab *lab = aux;
    lab->changes++;
}

void lab_init(struct lab *lab, const struct kind_row *row)
{
    struct kind_row paged = *row;
    paged.page = row->page ? row->page : 500;
    lab_init_plain(lab, &paged);
}

void lab_init_plain(struct lab *lab, const struct kind_row *row)
{
    memset(lab, 0, sizeof *lab);
    lab->row = *row;
    lab->r = reflector_new(&lab->row, 7,
                           &(struct reflector_ops){lab, on_send, on_cancel, on_timer, on_put,
                                                   on_remove, on_note, on_changed});
}

void lab_done(struct lab *lab)
{
    reflector_free(lab->r);
    while (lab->rows.n)
        drop_row(lab, lab->rows.n - 1);
    VEC_DONE(&lab->rows);
    sbuf_done(&lab->log);
    sbuf_done(&lab->path);
    assert_nothing_interned();
}

void lab_forget(struct lab *lab)
{
    sbuf_clear(&lab->log);
}

void lab_expect(struct lab *lab, const char *wanted)
{
    if (strcmp(sbuf_cstr(&lab->log), wanted))
        fail_msg("there is:\n%swanted:\n%s", sbuf_cstr(&lab->log), wanted);
    lab_forget(lab);
}

void lab_expect_keys(struct lab *lab, const char *wanted)
{
    auto_sbuf keys = SBUF_INIT;
    for (size_t i = 0; i < lab->rows.n; i++)
        sbuf_printf(&keys, "%s%s", i ? " " : "", lab->rows.v[i].key);
    assert_string_equal(sbuf_cstr(&keys), wanted);
    assert_int_equal(reflector_count(lab->r), lab->rows.n);
}

void lab_head_after(struct lab *lab, int status, unsigned retry_after_s)
{
    assert_true(lab->calling);
    reflector_head(lab->r, status, retry_after_s, lab->content_type);
}

void lab_head(struct lab *lab, int status)
{
    lab_head_after(lab, status, 0);
}

void lab_data(struct lab *lab, const char *text)
{
    assert_true(lab->calling);
    reflector_data(lab->r, text, strlen(text));
}

void lab_end(struct lab *lab)
{
    assert_true(lab->calling);
    lab->calling = false;
    reflector_end(lab->r, NULL);
}

void lab_lose(struct lab *lab)
{
    struct err err;
    err_set(&err, ERR_CLOSED, "the connection was lost");
    assert_true(lab->calling);
    lab->calling = false;
    reflector_end(lab->r, &err);
}

void lab_answer(struct lab *lab, const char *body)
{
    lab_head(lab, 200);
    lab_data(lab, body);
    lab_end(lab);
}

void lab_refuse(struct lab *lab, int code, const char *reason)
{
    auto_sbuf body = SBUF_INIT;
    sbuf_printf(&body, "{\"kind\":\"Status\",\"status\":\"Failure\",\"reason\":\"%s\",\"code\":%d}",
                reason, code);
    assert_true(lab->calling);
    reflector_head(lab->r, code, 0, "application/json");
    lab_data(lab, sbuf_cstr(&body));
    lab_end(lab);
}

void lab_timer(struct lab *lab)
{
    lab_timer_late(lab, 0);
}

void lab_timer_late(struct lab *lab, uint32_t late_ms)
{
    assert_true(lab->timer > 0);
    lab->timer = 0;
    reflector_timer(lab->r, late_ms);
}

void lab_watching(struct lab *lab)
{
    lab_init(lab, kind_row(K8S_NAMESPACE));
    reflector_start(lab->r);
    lab_answer(lab, LIST("10", NS("a", "1") "," NS("b", "2")));
    lab_head(lab, 200);
    lab_expect(lab, SEND_LIST "put a\nput b\n" SEND_WATCH("10"));
    assert_int_equal(reflector_state(lab->r), REFLECTOR_WATCHING);
    assert_true(reflector_complete(lab->r));
}

void lab_watching_many(struct lab *lab)
{
    auto_sbuf list = SBUF_INIT;
    sbuf_puts(&list, "{\"metadata\":{\"resourceVersion\":\"10\"},\"items\":[");
    for (unsigned i = 0; i <= REFLECTOR_REACH_LIST; i++)
        sbuf_printf(&list, "%s{\"metadata\":{\"name\":\"n-%u\"}}", i ? "," : "", i);
    sbuf_puts(&list, "]}");
    lab_init(lab, kind_row(K8S_NAMESPACE));
    reflector_start(lab->r);
    lab_answer(lab, sbuf_cstr(&list));
    lab_head(lab, 200);
    lab_forget(lab);
}
