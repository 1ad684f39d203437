/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/k8s/k8s_test.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/mem.h"
#include "core/k8s/decode.h"
#include "core/k8s/json_stream.h"
#include "tests/unit/k8s/objgen.h"

/* What a text comes to: through cJSON whole, or through the stream with a table of fields. */
struct outcome {
    enum k8s_kind kind;
    struct object_meta *object;
    struct err err;
    char *tree; /* as text */
};

static void on_object(void *aux, const char *type, const cJSON *json)
{
    struct outcome *o = aux;
    (void)type;
    o->tree = cJSON_PrintUnformatted(json);
    (void)object_decode(json, o->kind, &o->object, &o->err);
}

static void on_bad(void *aux, const char *type, const cJSON *json, const char *why)
{
    (void)aux;
    (void)type;
    (void)json;
    fail_msg("%s", why);
}

static void through_stream(struct outcome *o, const struct wire_field *fields, const char *text)
{
    struct json_stream *s =
        json_stream_new(JSON_STREAM_ONE, fields, &(struct json_stream_sink){o, on_object, on_bad});
    struct err err;
    if (json_stream_put(s, text, strlen(text), &err) || json_stream_end(s, &err))
        fail_msg("%s:\n%s", err.text, text);
    json_stream_free(s);
}

static void outcome_done(struct outcome *o)
{
    object_free(o->object);
    cJSON_free(o->tree);
}

static void check_round_trip(const void *object, enum k8s_kind kind)
{
    auto_sbuf once = SBUF_INIT, twice = SBUF_INIT;
    struct outcome all = {.kind = kind}, read = {.kind = kind};
    object_encode(object, &once);
    through_stream(&all, NULL, sbuf_cstr(&once));
    through_stream(&read, k8s_class_of(kind)->fields, sbuf_cstr(&once));
    if (!all.object || !object_equal(all.object, object))
        fail_msg("%s:\n%s", all.err.text, sbuf_cstr(&once));
    assert_true(read.object && object_equal(read.object, object));
    /* what is written is what is read, no more and no less */
    assert_string_equal(all.tree, read.tree);
    object_encode(all.object, &twice);
    assert_string_equal(sbuf_cstr(&once), sbuf_cstr(&twice));
    assert_null(strchr(sbuf_cstr(&once), '\n'));
    outcome_done(&all);
    outcome_done(&read);
}

/* The fields that the stream drops make no difference to a decoder, and what is encoded decodes to
 * an equal object. */
static void random_objects(unsigned bad, size_t *good_out, size_t *bad_out)
{
    auto_sbuf text = SBUF_INIT;
    struct objgen gen = {.random = 17 + bad, .out = &text, .bad = bad};
    for (int i = 0; i < 2500; i++) {
        struct outcome whole = {.kind = (enum k8s_kind)(i % K8S_N_KINDS)}, read = whole;
        sbuf_clear(&text);
        objgen_put(&gen, whole.kind);
        cJSON *tree = cJSON_Parse(sbuf_cstr(&text));
        assert_non_null(tree);
        on_object(&whole, "", tree);
        cJSON_Delete(tree);
        through_stream(&read, k8s_class_of(read.kind)->fields, sbuf_cstr(&text));
        if (!whole.object != !read.object || strcmp(whole.err.text, read.err.text) != 0)
            fail_msg("%s | %s:\n%s", whole.err.text, read.err.text, sbuf_cstr(&text));
        if (whole.object) {
            assert_true(object_equal(whole.object, read.object));
            check_round_trip(whole.object, whole.kind);
            ++*good_out;
        } else {
            ++*bad_out;
        }
        outcome_done(&whole);
        outcome_done(&read);
    }
}

static void what_is_dropped_is_not_missed_and_what_is_written_is_read(void **state)
{
    (void)state;
    size_t good = 0, bad = 0;
    random_objects(0, &good, &bad);
    assert_true(good > 2450);
    random_objects(10, &good, &bad);
    assert_true(bad > 800);
    assert_nothing_interned();
}

static void an_object_is_written_in_short(void **state)
{
    (void)state;
    auto_sbuf text = SBUF_INIT;
    void *pod =
        k8s_object("apiVersion: v1\nkind: Pod\n"
                   "metadata: {name: web, namespace: shop, uid: u, labels: {a: b}}\n"
                   "spec: {nodeName: node-1, containers: [{ports: [{containerPort: 80, name: w}]}"
                   "]}\n"
                   "status: {podIPs: [{ip: 10.0.0.1}]}\n");
    object_encode(pod, &text);
    assert_string_equal(
        sbuf_cstr(&text),
        "{\"metadata\":{\"name\":\"web\",\"namespace\":\"shop\",\"uid\":\"u\",\"labels\":{\"a\":"
        "\"b\"}},\"spec\":{\"nodeName\":\"node-1\",\"containers\":[{\"ports\":[{\"name\":\"w\","
        "\"protocol\":\"TCP\",\"containerPort\":80}]}]},\"status\":{\"podIPs\":[{\"ip\":"
        "\"10.0.0.1\"}]}}");
    object_free(pod);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_dropped_is_not_missed_and_what_is_written_is_read),
        cmocka_unit_test(an_object_is_written_in_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
