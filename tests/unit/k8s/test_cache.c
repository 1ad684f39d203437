/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/k8s/k8s_test.h"

#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/hash.h"
#include "core/base/vec.h"
#include "core/k8s/cache.h"

struct rows {
    VEC(void *) v;
    struct sbuf keys;
};

static void on_put(void *aux, enum k8s_kind kind, const char *key, void *object)
{
    struct rows *rows = aux;
    VEC_PUSH(&rows->v, object);
    sbuf_printf(&rows->keys, "%s %s\n", k8s_kind_name(kind), key);
}

static void rows_done(struct rows *rows)
{
    for (size_t i = 0; i < rows->v.n; i++)
        object_free(rows->v.v[i]);
    VEC_DONE(&rows->v);
    sbuf_done(&rows->keys);
}

static void on_text(void *aux, const char *text, size_t n)
{
    sbuf_put(aux, text, n);
}

static const char *const yamls[] = {
    "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, uid: u-1}\n",
    "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop, labels: {app: web}}\n"
    "status: {podIP: 10.0.0.1}\n",
    "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: shop}\n"
    "spec: {podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]}\n",
};

static void write_cache(struct sbuf *out, const char *cluster, const char *node)
{
    struct cache_writer w = {.put = on_text, .aux = out};
    struct cache_header header = {.cluster = cluster, .node = node};
    header.versions[K8S_POD] = "17";
    header.versions[K8S_NODE] = "";
    header.versions[K8S_NAMESPACE] = "9";
    cache_begin(&w, &header);
    for (size_t i = 0; i < ARRAY_LEN(yamls); i++) {
        void *object = k8s_object(yamls[i]);
        cache_object(&w, object);
        object_free(object);
    }
    cache_end(&w);
}

static int read_cache(const char *text, size_t n, struct rows *rows, struct cache_info *info,
                      struct err *err)
{
    memset(rows, 0, sizeof *rows);
    return cache_read(text, n, "c-1", "node-1", &(struct cache_sink){rows, on_put}, info, err);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    auto_sbuf text = SBUF_INIT;
    struct cache_info info;
    struct rows rows;
    struct err err;
    write_cache(&text, "c-1", "node-1");
    assert_int_equal(read_cache(text.data, text.len, &rows, &info, &err), 0);
    assert_string_equal(sbuf_cstr(&rows.keys),
                        "Namespace shop\nPod shop/web\nNetworkPolicy shop/p\n");
    assert_string_equal(info.cluster, "c-1");
    assert_string_equal(info.node, "node-1");
    assert_string_equal(info.versions[K8S_POD], "17");
    assert_string_equal(info.versions[K8S_NAMESPACE], "9");
    assert_string_equal(info.versions[K8S_NODE], "");
    assert_int_equal(info.objects, 3);
    for (size_t i = 0; i < ARRAY_LEN(yamls); i++) {
        void *object = k8s_object(yamls[i]);
        assert_true(object_equal(object, rows.v.v[i]));
        object_free(object);
    }
    rows_done(&rows);
    assert_nothing_interned();
}

static void a_cache_of_nothing_is_whole(void **state)
{
    (void)state;
    auto_sbuf text = SBUF_INIT;
    struct cache_writer w = {.put = on_text, .aux = &text};
    struct cache_header header = {.cluster = "c-1", .node = "node-1"};
    struct cache_info info;
    struct rows rows;
    struct err err;
    cache_begin(&w, &header);
    cache_end(&w);
    assert_int_equal(read_cache(text.data, text.len, &rows, &info, &err), 0);
    assert_int_equal(rows.v.n, 0);
    rows_done(&rows);
}

static void expect_refused(const char *text, size_t n, int code, const char *why)
{
    struct cache_info info;
    struct rows rows;
    struct err err = {0};
    int rc = read_cache(text, n, &rows, &info, &err);
    if (rc != code || (why && !strstr(err.text, why)))
        fail_msg("%d %s, wanted %d %s", rc, err.text, code, why);
    assert_int_equal(rows.v.n, 0); /* all or nothing */
    rows_done(&rows);
}

static void each_truncation_is_refused(void **state)
{
    (void)state;
    auto_sbuf text = SBUF_INIT;
    write_cache(&text, "c-1", "node-1");
    for (size_t n = 0; n < text.len; n++) {
        auto_free char *copy = mem_dup(text.data, n);
        expect_refused(copy, n, ERR_INVALID, "the cache is damaged: ");
    }
    sbuf_putc(&text, '\n');
    expect_refused(text.data, text.len, ERR_INVALID, "something follows its end");
    assert_nothing_interned();
}

static void each_changed_bit_is_refused(void **state)
{
    (void)state;
    auto_sbuf text = SBUF_INIT;
    write_cache(&text, "c-1", "node-1");
    for (size_t i = 0; i < text.len * 8; i++) {
        struct cache_info info;
        struct rows rows;
        struct err err = {0};
        text.data[i / 8] = (char)(text.data[i / 8] ^ 1 << i % 8);
        int rc = read_cache(text.data, text.len, &rows, &info, &err);
        assert_true(rc == ERR_INVALID || rc == ERR_UNSUPPORTED);
        assert_int_equal(rows.v.n, 0);
        text.data[i / 8] = (char)(text.data[i / 8] ^ 1 << i % 8);
        rows_done(&rows);
    }
    assert_nothing_interned();
}

static void a_line_that_is_missing_or_moved_is_refused(void **state)
{
    (void)state;
    auto_sbuf text = SBUF_INIT, less = SBUF_INIT;
    write_cache(&text, "c-1", "node-1");
    const char *pod = strstr(text.data, "\nPod ") + 1, *policy = strstr(text.data, "\nNetwork") + 1;
    sbuf_put(&less, text.data, (size_t)(pod - text.data));
    sbuf_puts(&less, policy);
    expect_refused(less.data, less.len, ERR_INVALID, "it is not what was written");
}

static void a_cache_of_another_is_refused(void **state)
{
    (void)state;
    struct cache_info info;
    struct rows rows = {0};
    struct err err;
    auto_sbuf cluster = SBUF_INIT, node = SBUF_INIT;
    write_cache(&cluster, "c-2", "node-1");
    expect_refused(cluster.data, cluster.len, ERR_CONFLICT, "of another cluster: c-2");
    write_cache(&node, "c-1", "node-2");
    expect_refused(node.data, node.len, ERR_CONFLICT, "of another node: node-2");
    /* whose cluster it is cannot always be asked */
    assert_int_equal(cache_read(cluster.data, cluster.len, NULL, "node-1",
                                &(struct cache_sink){&rows, on_put}, &info, &err),
                     0);
    assert_string_equal(info.cluster, "c-2");
    assert_int_equal(rows.v.n, 3);
    rows_done(&rows);
}

/* A text with a right hash may still not be ours. */
static void check_made(const char *line, int code, const char *why)
{
    auto_sbuf text = SBUF_INIT;
    struct cache_writer w = {.put = on_text, .aux = &text};
    struct cache_header header = {.cluster = "c-1", .node = "node-1"};
    cache_begin(&w, &header);
    void *object = k8s_object(yamls[0]);
    cache_object(&w, object);
    object_free(object);
    /* as cache_object() would have written it */
    sbuf_clear(&w.line);
    sbuf_printf(&w.line, "%s\n", line);
    w.hash = hash_bytes(w.line.data, w.line.len, w.hash);
    w.put(w.aux, w.line.data, w.line.len);
    w.count++;
    cache_end(&w);
    expect_refused(text.data, text.len, code, why);
}

static void a_line_that_is_not_an_object_is_refused(void **state)
{
    (void)state;
    check_made("Cat {}", ERR_UNSUPPORTED, "a kind that is not read");
    check_made("Pod", ERR_INVALID, "a line without a kind");
    check_made("Pod {", ERR_INVALID, "the cache cannot be read: ");
    check_made("Pod {\"metadata\":{\"name\":\"a\",\"name\":\"b\"}}", ERR_INVALID, "occurs twice");
    check_made("Pod {\"metadata\":{\"name\":\"_\"}}", ERR_INVALID, "metadata.name");
    assert_nothing_interned();
}

static void another_format_is_told_from_damage(void **state)
{
    (void)state;
    auto_sbuf text = SBUF_INIT;
    write_cache(&text, "c-1", "node-1");
    text.data[12] = '2';
    expect_refused(text.data, text.len, ERR_UNSUPPORTED, "of another format");
    expect_refused("hello\n", 6, ERR_INVALID, "it does not begin as a cache");
    expect_refused("", 0, ERR_INVALID, "it has no first line");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(a_cache_of_nothing_is_whole),
        cmocka_unit_test(each_truncation_is_refused),
        cmocka_unit_test(each_changed_bit_is_refused),
        cmocka_unit_test(a_line_that_is_missing_or_moved_is_refused),
        cmocka_unit_test(a_cache_of_another_is_refused),
        cmocka_unit_test(a_line_that_is_not_an_object_is_refused),
        cmocka_unit_test(another_format_is_told_from_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
