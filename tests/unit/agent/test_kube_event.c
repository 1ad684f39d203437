/* SPDX-License-Identifier: Apache-2.0
 *
 * Events as documents: what is told, when, how often. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/agent/kube_event.h"
#include "core/base/mem.h"

#define WALL UINT64_C(1795838253123) /* 2026-11-28T03:57:33.123Z */

static int setup(void **state)
{
    *state = kube_event_book_new("n1");
    return 0;
}

static int teardown(void **state)
{
    kube_event_book_free(*state);
    return 0;
}

static void happen(struct kube_event_book *b, const char *name, int64_t now)
{
    struct kube_event e = {.namespace_ = "shop",
                           .name = name,
                           .uid = "u1",
                           .reason = "Isolated",
                           .action = "EnforcePolicy",
                           .note = "because \"so\""};
    kube_event_note(b, &e, now, WALL + (uint64_t)now);
}

/* The next call, which there must be, is answered by 'status'; its body, path and method. */
static cJSON *call(struct kube_event_book *b, int64_t now, int status, const char *method,
                   const char *path)
{
    struct kube_event_call c;
    assert_true(kube_event_next(b, now, &c));
    assert_string_equal(c.method, method);
    if (strncmp(sbuf_cstr(&c.path), path, strlen(path)) != 0) {
        fail_msg("%s", sbuf_cstr(&c.path));
    }
    cJSON *body = cJSON_Parse(sbuf_cstr(&c.body));
    assert_non_null(body);
    sbuf_done(&c.path);
    sbuf_done(&c.body);
    struct kube_event_call none;
    assert_false(kube_event_next(b, now, &none)); /* one is under way */
    kube_event_answered(b, status, now);
    return body;
}

static const char *text(const cJSON *o, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, key));
}

static bool is_quiet(struct kube_event_book *b, int64_t now)
{
    struct kube_event_call c;
    bool quiet = !kube_event_next(b, now, &c);
    if (!quiet) {
        sbuf_done(&c.path);
        sbuf_done(&c.body);
    }
    return quiet;
}

static void an_event_is_what_the_api_asks_for(void **state)
{
    struct kube_event_book *b = *state;
    assert_true(is_quiet(b, 0));
    assert_true(kube_event_due(b) == INT64_MAX);
    happen(b, "web", 0);
    assert_true(kube_event_due(b) == 0);
    cJSON *e = call(b, 0, 201, "POST", "/apis/events.k8s.io/v1/namespaces/shop/events");
    const cJSON *meta = cJSON_GetObjectItem(e, "metadata"),
                *of = cJSON_GetObjectItem(e, "regarding");
    assert_string_equal(text(e, "apiVersion"), "events.k8s.io/v1");
    assert_string_equal(text(e, "kind"), "Event");
    assert_string_equal(text(meta, "namespace"), "shop");
    assert_int_equal(strncmp(text(meta, "name"), "web.", 4), 0);
    assert_string_equal(text(e, "eventTime"), "2026-11-28T03:57:33.123000Z");
    assert_string_equal(text(e, "reportingController"), "seine.dev/agent");
    assert_string_equal(text(e, "reportingInstance"), "seine-agent-n1");
    assert_string_equal(text(e, "note"), "because \"so\"");
    assert_string_equal(text(e, "type"), "Warning");
    assert_string_equal(text(of, "kind"), "Pod");
    assert_string_equal(text(of, "uid"), "u1");
    cJSON_Delete(e);
    assert_true(is_quiet(b, 1));
}

static void a_node_s_event_is_in_the_default_namespace(void **state)
{
    struct kube_event_book *b = *state;
    struct kube_event n = {K8S_NODE, false,       "",      "n1",
                           "u",      "NoPodCIDR", "Start", "spec.podCIDRs is not set"};
    kube_event_note(b, &n, 5, WALL);
    cJSON *e = call(b, 5, 201, "POST", "/apis/events.k8s.io/v1/namespaces/default/events");
    const cJSON *of = cJSON_GetObjectItem(e, "regarding");
    assert_string_equal(text(cJSON_GetObjectItem(e, "metadata"), "namespace"), "default");
    assert_string_equal(text(of, "kind"), "Node");
    assert_null(cJSON_GetObjectItem(of, "namespace"));
    cJSON_Delete(e);
}

/* Two nodes tell the same: the second finds it there, and only counts what happens again. */
static void what_every_node_may_tell_is_one_event(void **state)
{
    struct kube_event_book *b = *state, *other = kube_event_book_new("n2");
    struct kube_event e = {K8S_NETWORK_POLICY, true, "shop", "door", "u9",
                           "PeerLeftOut",      "A",  "so"};
    kube_event_note(b, &e, 0, WALL);
    kube_event_note(other, &e, 7, WALL + 7);
    cJSON *one = call(b, 0, 201, "POST", "/apis/events.k8s.io/v1/namespaces/shop/events");
    cJSON *two = call(other, 7, 409, "POST", "/apis/events.k8s.io/v1/namespaces/shop/events");
    const cJSON *of = cJSON_GetObjectItem(one, "regarding");
    assert_string_equal(text(of, "apiVersion"), "networking.k8s.io/v1");
    assert_string_equal(text(of, "kind"), "NetworkPolicy");
    assert_string_equal(text(of, "namespace"), "shop");
    assert_string_equal(text(cJSON_GetObjectItem(one, "metadata"), "name"),
                        text(cJSON_GetObjectItem(two, "metadata"), "name"));
    cJSON_Delete(one);
    cJSON_Delete(two);
    assert_true(is_quiet(other, KUBE_EVENT_SERIES_MS));
    e.reason = "Another";
    kube_event_note(other, &e, KUBE_EVENT_SERIES_MS, WALL);
    kube_event_note(b, &e, KUBE_EVENT_SERIES_MS, WALL);
    one = call(b, KUBE_EVENT_SERIES_MS, 201, "POST", "/");
    two = call(other, KUBE_EVENT_SERIES_MS, 409, "POST", "/");
    assert_string_equal(text(cJSON_GetObjectItem(one, "metadata"), "name"),
                        text(cJSON_GetObjectItem(two, "metadata"), "name"));
    cJSON_Delete(one);
    cJSON_Delete(two);
    kube_event_book_free(other);
}

static void what_happens_again_is_counted_now_and_then(void **state)
{
    struct kube_event_book *b = *state;
    happen(b, "web", 0);
    cJSON_Delete(call(b, 0, 201, "POST", "/"));
    for (int i = 1; i <= 50; i++) {
        happen(b, "web", i * 100);
    }
    assert_true(is_quiet(b, 5000));
    assert_true(kube_event_due(b) == KUBE_EVENT_SERIES_MS);
    cJSON *e = call(b, KUBE_EVENT_SERIES_MS, 200, "PATCH",
                    "/apis/events.k8s.io/v1/namespaces/shop/events/web.");
    const cJSON *series = cJSON_GetObjectItem(e, "series");
    assert_int_equal(cJSON_GetNumberValue(cJSON_GetObjectItem(series, "count")), 51);
    assert_string_equal(text(series, "lastObservedTime"), "2026-11-28T03:57:38.123000Z");
    cJSON_Delete(e);
    assert_true(is_quiet(b, 10 * KUBE_EVENT_SERIES_MS));
}

static void after_a_long_silence_it_is_a_new_event(void **state)
{
    struct kube_event_book *b = *state;
    happen(b, "web", 0);
    cJSON *first = call(b, 0, 201, "POST", "/");
    happen(b, "web", KUBE_EVENT_FORGET_MS);
    cJSON *second = call(b, KUBE_EVENT_FORGET_MS, 201, "POST", "/");
    assert_string_not_equal(text(cJSON_GetObjectItem(first, "metadata"), "name"),
                            text(cJSON_GetObjectItem(second, "metadata"), "name"));
    cJSON_Delete(first);
    cJSON_Delete(second);
}

static void a_server_that_does_not_answer_is_asked_again(void **state)
{
    struct kube_event_book *b = *state;
    static const int bad[] = {0, 429, 500};
    int64_t now = 0;
    happen(b, "web", now);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        cJSON_Delete(call(b, now, bad[i], "POST", "/"));
        assert_true(is_quiet(b, now + KUBE_EVENT_AGAIN_MS - 1));
        now += KUBE_EVENT_AGAIN_MS;
    }
    cJSON_Delete(call(b, now, 201, "POST", "/"));
    happen(b, "web", now);
    now += KUBE_EVENT_SERIES_MS;
    cJSON_Delete(call(b, now, 503, "PATCH", "/"));
    now += KUBE_EVENT_AGAIN_MS;
    cJSON *e = call(b, now, 200, "PATCH", "/");
    assert_int_equal(
        cJSON_GetNumberValue(cJSON_GetObjectItem(cJSON_GetObjectItem(e, "series"), "count")), 2);
    cJSON_Delete(e);
    assert_true(is_quiet(b, now));
}

static void a_refusal_is_taken(void **state)
{
    struct kube_event_book *b = *state;
    happen(b, "web", 0);
    cJSON_Delete(call(b, 0, 403, "POST", "/"));
    assert_true(is_quiet(b, KUBE_EVENT_AGAIN_MS));
}

static void an_event_that_was_deleted_is_made_anew(void **state)
{
    struct kube_event_book *b = *state;
    happen(b, "web", 0);
    cJSON_Delete(call(b, 0, 201, "POST", "/"));
    happen(b, "web", 1);
    cJSON_Delete(call(b, KUBE_EVENT_SERIES_MS, 404, "PATCH", "/"));
    assert_true(is_quiet(b, KUBE_EVENT_SERIES_MS + 1));
    happen(b, "web", 2 * KUBE_EVENT_SERIES_MS);
    cJSON_Delete(call(b, 2 * KUBE_EVENT_SERIES_MS, 201, "POST", "/"));
}

static void a_flood_is_cut_and_counted(void **state)
{
    struct kube_event_book *b = *state;
    char name[16];
    for (int i = 0; i < KUBE_EVENT_BURST + 5; i++) {
        snprintf(name, sizeof name, "p%d", i);
        happen(b, name, 0);
    }
    assert_int_equal(kube_event_dropped(b), 5);
    happen(b, "late", KUBE_EVENT_FILL_MS);
    assert_int_equal(kube_event_dropped(b), 5);
    happen(b, "later", KUBE_EVENT_FILL_MS);
    assert_int_equal(kube_event_dropped(b), 6);
    int n = 0;
    while (!is_quiet(b, KUBE_EVENT_FILL_MS)) {
        kube_event_answered(b, 500, KUBE_EVENT_FILL_MS); /* is_quiet() took it */
        n++;
    }
    assert_int_equal(n, KUBE_EVENT_BURST + 1);
}

static void a_note_is_cut_between_characters(void **state)
{
    struct kube_event_book *b = *state;
    char note[KUBE_EVENT_NOTE_MAX + 8];
    memset(note, 'x', sizeof note);
    memcpy(note + KUBE_EVENT_NOTE_MAX - 1, "\xc3\xa4", 3);
    struct kube_event n = {K8S_NODE, false, "", "n1", "u", "R", "A", note};
    kube_event_note(b, &n, 0, WALL);
    cJSON *e = call(b, 0, 201, "POST", "/");
    assert_int_equal(strlen(text(e, "note")), KUBE_EVENT_NOTE_MAX - 1);
    cJSON_Delete(e);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_event_is_what_the_api_asks_for),
        TEST(a_node_s_event_is_in_the_default_namespace),
        TEST(what_every_node_may_tell_is_one_event),
        TEST(what_happens_again_is_counted_now_and_then),
        TEST(after_a_long_silence_it_is_a_new_event),
        TEST(a_server_that_does_not_answer_is_asked_again),
        TEST(a_refusal_is_taken),
        TEST(an_event_that_was_deleted_is_made_anew),
        TEST(a_flood_is_cut_and_counted),
        TEST(a_note_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
