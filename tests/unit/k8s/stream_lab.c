/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/k8s/k8s_test.h"

#include "tests/unit/k8s/stream_lab.h"

#include <string.h>

#include "core/base/mem.h"

void stream_lab_put_json(struct sbuf *out, const cJSON *tree)
{
    if (!tree)
        return;
    char *text = cJSON_PrintUnformatted(tree);
    sbuf_puts(out, text);
    cJSON_free(text);
}

static void on_object(void *aux, const char *type, const cJSON *object)
{
    struct stream_lab *l = aux;
    sbuf_printf(&l->text, "%s ", type);
    stream_lab_put_json(&l->text, object);
    sbuf_putc(&l->text, '\n');
}

static void on_bad(void *aux, const char *type, const cJSON *object, const char *why)
{
    struct stream_lab *l = aux;
    sbuf_printf(&l->text, "! %s ", type);
    stream_lab_put_json(&l->text, object);
    sbuf_printf(&l->text, " %s\n", why);
}

struct json_stream_sink stream_lab_sink(struct stream_lab *l)
{
    return (struct json_stream_sink){l, on_object, on_bad};
}

/* ---- either reader ---- */

void stream_lab_open(struct stream_lab *l, const struct stream_sample *s)
{
    struct json_stream_sink sink = stream_lab_sink(l);
    memset(l, 0, sizeof *l);
    if (s->kind)
        l->proto = proto_stream_new(s->form, s->kind, s->fields, &sink);
    else
        l->json = json_stream_new(s->form, s->fields, &sink);
}

void stream_lab_reset(struct stream_lab *l, enum json_stream_form form)
{
    if (l->proto)
        proto_stream_reset(l->proto, form);
    else
        json_stream_reset(l->json, form);
}

int stream_lab_put(struct stream_lab *l, const void *data, size_t n)
{
    /* a copy of its own, so that reading past it is seen */
    auto_free char *copy = mem_dup(data, n);
    return l->proto ? proto_stream_put(l->proto, copy, n, &l->err)
                    : json_stream_put(l->json, copy, n, &l->err);
}

int stream_lab_end(struct stream_lab *l)
{
    return l->proto ? proto_stream_end(l->proto, &l->err) : json_stream_end(l->json, &l->err);
}

void stream_lab_give(struct stream_lab *l, const void *data, size_t n, struct stream_cut how)
{
    for (size_t i = 0; i < n && !l->rc;) {
        size_t len = i < how.cut ? how.cut - i : how.piece ? how.piece : n - i;
        len = len > n - i ? n - i : len;
        l->rc = stream_lab_put(l, (const char *)data + i, len);
        i += len;
    }
    if (!l->rc)
        l->rc = stream_lab_end(l);
}

const char *stream_lab_version(const struct stream_lab *l)
{
    return l->proto ? proto_stream_version(l->proto) : json_stream_version(l->json);
}

const char *stream_lab_continue(const struct stream_lab *l)
{
    return l->proto ? proto_stream_continue(l->proto) : json_stream_continue(l->json);
}

size_t stream_lab_memory(const struct stream_lab *l)
{
    return l->proto ? proto_stream_memory(l->proto) : json_stream_memory(l->json);
}

void stream_lab_close(struct stream_lab *l)
{
    json_stream_free(l->json);
    proto_stream_free(l->proto);
    sbuf_done(&l->text);
}

/* ---- the whole of a test ---- */

void stream_lab_read(struct stream_lab *l, const struct stream_sample *s)
{
    stream_lab_open(l, s);
    stream_lab_give(l, s->data, s->len, (struct stream_cut){0, 0});
}

void stream_lab_expect(const struct stream_sample *s, int rc)
{
    struct stream_lab l;
    stream_lab_read(&l, s);
    if (l.rc != rc || strcmp(sbuf_cstr(&l.text), s->wanted))
        fail_msg("%s\n -> %d %s\n%s\nwanted: %d\n%s", s->kind ? s->kind : (const char *)s->data,
                 l.rc, l.rc ? l.err.text : "", sbuf_cstr(&l.text), rc, s->wanted);
    stream_lab_close(&l);
}

void stream_lab_expect_any_pieces(const struct stream_sample *s)
{
    for (size_t cut = 0; cut <= s->len; cut++)
        for (size_t piece = 0; piece < 8; piece++) {
            struct stream_lab l;
            stream_lab_open(&l, s);
            stream_lab_give(&l, s->data, s->len, (struct stream_cut){cut, piece});
            if (l.rc || strcmp(sbuf_cstr(&l.text), s->wanted))
                fail_msg("cut at %zu, then %zu: %d %s\n%s", cut, piece, l.rc, l.err.text,
                         sbuf_cstr(&l.text));
            stream_lab_close(&l);
        }
}

void stream_lab_expect_truncations(const struct stream_sample *s, size_t n_whole)
{
    size_t whole = 0;
    for (size_t n = 0; n < s->len; n++) {
        struct stream_lab l;
        stream_lab_open(&l, s);
        stream_lab_give(&l, s->data, n, (struct stream_cut){0, 0});
        assert_true(l.rc == 0 || l.rc == ERR_TRUNCATED);
        assert_memory_equal(sbuf_cstr(&l.text), s->wanted, l.text.len);
        assert_true(s->form != JSON_STREAM_WATCH || l.text.len < strlen(s->wanted));
        whole += l.rc == 0;
        stream_lab_close(&l);
    }
    assert_int_equal(whole, n_whole);
}

void stream_lab_expect_list(const struct stream_sample *s, const char *version, const char *next)
{
    struct stream_lab l;
    stream_lab_open(&l, s);
    assert_string_equal(stream_lab_version(&l), "");
    assert_string_equal(stream_lab_continue(&l), "");
    stream_lab_give(&l, s->data, s->len, (struct stream_cut){0, 0});
    assert_int_equal(l.rc, 0);
    assert_string_equal(sbuf_cstr(&l.text), s->wanted);
    assert_string_equal(stream_lab_version(&l), version);
    assert_string_equal(stream_lab_continue(&l), next);
    stream_lab_reset(&l, JSON_STREAM_LIST);
    assert_string_equal(stream_lab_version(&l), "");
    assert_string_equal(stream_lab_continue(&l), "");
    stream_lab_close(&l);
}

void stream_lab_expect_broken(const struct stream_sample *s, const void *data, size_t n,
                              const char *why)
{
    struct stream_lab l;
    stream_lab_open(&l, s);
    assert_int_equal(stream_lab_put(&l, data, n), ERR_PROTOCOL);
    assert_string_equal(l.err.text, why);
    assert_int_equal(stream_lab_put(&l, s->data, s->len), ERR_PROTOCOL);
    assert_int_equal(stream_lab_end(&l), ERR_PROTOCOL);
    stream_lab_reset(&l, s->form);
    stream_lab_give(&l, s->data, s->len, (struct stream_cut){0, 1});
    assert_int_equal(l.rc, 0);
    assert_string_equal(sbuf_cstr(&l.text), s->wanted);
    stream_lab_close(&l);
}

void stream_lab_expect_large(const struct stream_sample *s)
{
    enum { PIECE = 100000, MEMORY = 200000 };
    for (size_t piece = 0; piece <= PIECE; piece += PIECE) {
        struct stream_lab l;
        stream_lab_open(&l, s);
        stream_lab_give(&l, s->data, s->len, (struct stream_cut){0, piece});
        assert_int_equal(l.rc, 0);
        assert_string_equal(sbuf_cstr(&l.text), s->wanted);
        assert_true(stream_lab_memory(&l) < MEMORY);
        stream_lab_close(&l);
    }
}
