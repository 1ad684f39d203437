/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/k8s/json_stream.h"
#include "tests/unit/k8s/proto_build.h"
#include "tests/unit/k8s/reflector_lab.h"

static const struct kind_row optional_row = {
    .kind = K8S_NAMESPACE, .group_path = "/api/v1", .resource = "namespaces", .optional = true};

/* ---- the ordinary course ---- */

static void a_list_is_followed_by_a_watch_from_its_version(void **state)
{
    (void)state;
    struct lab lab;
    lab_init(&lab, kind_row(K8S_NAMESPACE));
    assert_int_equal(reflector_state(lab.r), REFLECTOR_NEW);
    assert_false(reflector_complete(lab.r));
    reflector_start(lab.r);
    lab_expect(&lab, SEND_LIST);
    assert_int_equal(reflector_state(lab.r), REFLECTOR_LISTING);
    lab_head(&lab, 200);
    lab_data(&lab, "{\"items\":[" NS("a", "1") ",");
    lab_expect(&lab, "put a\n");
    assert_false(reflector_complete(lab.r));
    assert_string_equal(reflector_version(lab.r), "");
    lab_data(&lab, NS("b", "2") "],\"metadata\":{\"resourceVersion\":\"10\"}}");
    lab_end(&lab);
    lab_expect(&lab, "put b\n" SEND_WATCH("10"));
    assert_true(reflector_complete(lab.r));
    assert_string_equal(reflector_version(lab.r), "10");
    lab_head(&lab, 200);
    assert_int_equal(reflector_state(lab.r), REFLECTOR_WATCHING);
    lab_data(&lab,
             EVENT("ADDED", NS("c", "11")) EVENT("MODIFIED", NS_LABELLED("a", "12", "windows"))
                 EVENT("DELETED", NS("b", "13")));
    lab_expect(&lab, "put c\nput a\nremove b\n");
    assert_string_equal(reflector_version(lab.r), "13");
    lab_expect_keys(&lab, "a c");
    lab_done(&lab);
}

static void pages_are_asked_for_one_by_one(void **state)
{
    (void)state;
    struct lab lab;
    lab_init(&lab, kind_row(K8S_NAMESPACE));
    reflector_start(lab.r);
    lab_answer(&lab, PAGE("10", "t=1", NS("a", "1")));
    lab_expect(&lab, SEND_LIST "put a\nsend /api/v1/namespaces?limit=500&continue=t%3D1\n");
    assert_false(reflector_complete(lab.r));
    lab_answer(&lab, PAGE("10", "t2", NS("b", "2")));
    lab_expect(&lab, "put b\nsend /api/v1/namespaces?limit=500&continue=t2\n");
    lab_answer(&lab, LIST("10", NS("c", "3")));
    lab_expect(&lab, "put c\n" SEND_WATCH("10"));
    assert_true(reflector_complete(lab.r));
    lab_done(&lab);
}

static void what_changes_nothing_that_is_read_is_not_told(void **state)
{
    (void)state;
    struct lab lab;
    lab_watching(&lab);
    lab_data(&lab, EVENT("MODIFIED", NS("a", "11")) EVENT("ADDED", NS("b", "12"))
                       EVENT("DELETED", NS("never-seen", "13")));
    lab_expect(&lab, "");
    assert_string_equal(reflector_version(lab.r), "13");
    lab_done(&lab);
}

static void bookmarks_move_the_version_on(void **state)
{
    (void)state;
    struct lab lab;
    lab_watching(&lab);
    lab_data(&lab, BOOKMARK("99"));
    assert_string_equal(reflector_version(lab.r), "99");
    lab_end(&lab);
    lab_expect(&lab, SEND_WATCH("99"));
    lab_expect_keys(&lab, "a b");
    lab_done(&lab);
}

/* Beats until a list is asked for; watches that are renewed meanwhile are taken up. */
static unsigned beats_until_list(struct lab *lab)
{
    for (unsigned n = 1; n < 100; n++) {
        assert_true(lab->timer > REFLECTOR_BEAT_MS * 9 / 10 && lab->timer <= REFLECTOR_BEAT_MS);
        unsigned sends = lab->sends;
        lab_timer(lab);
        if (!strstr(lab->path.data, "watch=1"))
            return n;
        if (lab->sends != sends)
            lab_head(lab, 200);
    }
    fail_msg("no list");
    return 0;
}

static void an_unknown_event_is_ignored_with_one_note(void **state)
{
    (void)state;
    struct lab lab;
    lab_watching(&lab);
    lab_data(&lab, EVENT("NEWS\\n", NS("x", "11")) EVENT("NEWS\\n", NS("x", "11"))
                       EVENT("ADDED", NS("c", "12")));
    lab_expect(&lab, "warn Namespace: events of an unknown type are ignored: \"NEWS?\"\nput c\n");
    unsigned before = 0;
    for (int i = 0; i < 9; i++) { /* what it told is looked for in lists, ever more seldom */
        unsigned beats = beats_until_list(&lab);
        assert_true(beats > before || beats == 1 + REFLECTOR_REREAD_MAX_MS / REFLECTOR_BEAT_MS);
        before = beats;
        lab_forget(&lab);
        lab_answer(&lab, LIST("20", NS("a", "1") "," NS("b", "2") "," NS("c", "12")));
        lab_head(&lab, 200);
        lab_data(&lab, EVENT("NEWS\\n", NS("x", "11")));
        assert_null(strstr(sbuf_cstr(&lab.log), "warn"));
    }
    lab_done(&lab);
}

/* ---- a watch that ends ---- */

static void a_watch_that_ended_is_taken_up_at_once(void **state)
{
    (void)state;
    struct lab lab;
    lab_watching(&lab);
    lab_data(&lab, EVENT("ADDED", NS("c", "11")));
    lab_end(&lab);
    lab_expect(&lab, "put c\n" SEND_WATCH("11"));
    lab_head(&lab, 200);
    lab_timer(&lab); /* it lasts */
    lab_end(&lab);
    lab_expect(&lab, SEND_WATCH("11"));
    assert_int_equal(reflector_state(lab.r), REFLECTOR_WATCHING);
    lab_done(&lab);
}

static void watches_that_end_at_once_are_not_asked_for_in_a_loop(void **state)
{
    (void)state;
    struct lab lab;
    uint32_t before = 0;
    lab_watching(&lab);
    for (int i = 0; i < 12; i++) {
        lab_end(&lab);
        lab_expect(&lab, "");
        assert_int_equal(reflector_state(lab.r), REFLECTOR_WAITING);
        assert_true(lab.timer > before / 2 && lab.timer <= REFLECTOR_BACKOFF_MAX_MS);
        before = lab.timer;
        lab_timer(&lab);
        lab_expect(&lab, SEND_WATCH("10"));
        lab_head(&lab, 200);
    }
    assert_true(before > REFLECTOR_BACKOFF_MAX_MS / 2);
    lab_timer(&lab);
    lab_end(&lab);
    lab_expect(&lab, SEND_WATCH("10"));
    lab_head(&lab, 200);
    lab_end(&lab);
    assert_true(lab.timer <= REFLECTOR_BACKOFF_MIN_MS); /* from the start again */
    lab_done(&lab);
}

static void a_lost_connection_is_noted_once_and_when_over(void **state)
{
    (void)state;
    struct lab lab;
    lab_watching(&lab);
    lab_data(&lab, EVENT("ADDED", NS("c", "11")) "{\"type\":\"ADDED\",\"obj");
    lab_lose(&lab);
    lab_expect(&lab, "put c\nwarn Namespace: cannot watch namespaces: the connection was lost\n");
    assert_string_equal(reflector_trouble(lab.r),
                        "cannot watch namespaces: the connection was lost");
    lab_timer(&lab);
    lab_lose(&lab); /* without a head */
    lab_timer(&lab);
    lab_expect(&lab, SEND_WATCH("11") SEND_WATCH("11"));
    lab_head(&lab, 200);
    lab_data(&lab, EVENT("ADDED", NS("d", "12")));
    lab_expect(&lab, "put d\ninfo Namespace: read from the API server again\n");
    assert_string_equal(reflector_trouble(lab.r), "");
    lab_done(&lab);
}

static void a_truncated_watch_is_taken_up_from_the_last_whole_event(void **state)
{
    (void)state;
    struct lab lab;
    lab_watching(&lab);
    lab_data(&lab, EVENT("ADDED", NS("c", "11")) "{\"type\":\"ADDED\",\"obj");
    lab_end(&lab);
    lab_expect(
        &lab,
        "put c\nwarn Namespace: cannot watch namespaces: the answer is not to be read: the text "
        "ends after 95 bytes, before its end\n");
    lab_timer(&lab);
    lab_expect(&lab, SEND_WATCH("11"));
    lab_done(&lab);
}

static void garbage_ends_the_call(void **state)
{
    (void)state;
    struct lab lab;
    lab_watching(&lab);
    lab_data(&lab, "<html>");
    lab_expect(
        &lab,
        "cancel\nwarn Namespace: cannot watch namespaces: the answer is not to be read: byte 0: "
        "expected a value\n");
    lab_timer(&lab);
    lab_expect(&lab, SEND_WATCH("10"));
    lab_expect_keys(&lab, "a b");
    lab_done(&lab);
}

static void an_empty_answer_removes_nothing(void **state)
{
    (void)state;
    static const char *const bodies[] = {"", "{}", "{\"items\":[]}", "null",
                                         "{\"metadata\":{\"resourceVersion\":\"5\"}}"};
    struct lab lab;
    lab_watching(&lab);
    lab_data(&lab, ERROR_EVENT("410", "Expired"));
    lab_forget(&lab);
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        bool cancelled;
        lab_head(&lab, 200);
        lab_data(&lab, bodies[i]);
        cancelled = !lab.calling;
        if (!cancelled)
            lab_end(&lab);
        lab_expect_keys(&lab, "a b");
        lab_timer(&lab);
    }
    assert_true(reflector_complete(lab.r));
    lab_done(&lab);
}

/* ---- refusals ---- */

static void an_expired_watch_leads_to_a_list_that_is_a_difference(void **state)
{
    (void)state;
    struct lab lab;
    lab_watching(&lab);
    lab_data(&lab, EVENT("ADDED", NS("c", "11")) ERROR_EVENT("410", "Expired")
                       EVENT("DELETED", NS("a", "12")));
    lab_expect(
        &lab,
        "put c\ncancel\ninfo Namespace: the watch was left behind: reading a new list\n" SEND_LIST);
    lab_head(&lab, 200);
    lab_data(&lab,
             "{\"items\":[" NS("a", "1") "," NS_LABELLED("c", "20", "windows") "," NS("d", "21"));
    lab_expect(&lab, "put c\nput d\n");
    lab_expect_keys(&lab, "a b c d"); /* b goes when the list has ended, not before */
    lab_data(&lab, "],\"metadata\":{\"resourceVersion\":\"30\"}}");
    lab_end(&lab);
    lab_expect(&lab, "remove b\n" SEND_WATCH("30"));
    lab_done(&lab);
}

static void a_real_410_is_the_same(void **state)
{
    (void)state;
    struct lab lab;
    lab_watching(&lab);
    lab_lose(&lab);
    lab_timer(&lab);
    lab_forget(&lab);
    lab_refuse(&lab, 410, "Expired");
    lab_expect(&lab, "info Namespace: the watch was left behind: reading a new list\n" SEND_LIST);
    lab_answer(&lab, LIST("30", ""));
    assert_int_equal(lab.rows.n, 0);
    lab_forget(&lab);
    lab_refuse(&lab, 410, "Expired"); /* again: no loop */
    lab_expect(&lab, "warn Namespace: cannot watch namespaces: 410 Expired\n");
    lab_timer(&lab);
    lab_expect(&lab, SEND_LIST);
    lab_done(&lab);
}

static void pages_that_expire_are_read_from_the_start_then_unpaged(void **state)
{
    (void)state;
    struct lab lab;
    lab_watching(&lab);
    lab_data(&lab, ERROR_EVENT("410", "Gone"));
    lab_head(&lab, 200);
    lab_data(&lab, PAGE("20", "t", NS("a", "1") "," NS("c", "3")));
    lab_end(&lab);
    lab_forget(&lab);
    lab_refuse(&lab, 410, "Expired");
    lab_expect(&lab, "warn Namespace: cannot list namespaces: 410 Expired\n");
    lab_expect_keys(&lab, "a b c");
    lab_timer(&lab);
    lab_expect(&lab, "send /api/v1/namespaces\n");
    lab_answer(&lab, LIST("30", NS("a", "1")));
    lab_expect(
        &lab,
        "remove c\nremove b\ninfo Namespace: read from the API server again\n" SEND_WATCH("30"));
    lab_done(&lab);
}

static void retry_after_is_held(void **state)
{
    (void)state;
    struct lab lab;
    lab_watching(&lab);
    lab_lose(&lab);
    lab_timer(&lab);
    lab_forget(&lab);
    lab_head_after(&lab, 429, 7);
    lab_data(&lab, "slow down");
    lab_end(&lab);
    lab_expect(&lab, "warn Namespace: cannot watch namespaces: 429\n");
    assert_true(lab.timer > 7000 && lab.timer <= 7000 + REFLECTOR_BACKOFF_MAX_MS);
    lab_timer(&lab);
    lab_head(&lab, 503);
    lab_data(&lab, "{\"code\":503,\"reason\":\"ServiceUnavailable\",\"message\":\"a\\nb\","
                   "\"details\":{\"retryAfterSeconds\":3}}");
    lab_end(&lab);
    lab_expect(
        &lab,
        SEND_WATCH("10") "warn Namespace: cannot watch namespaces: 503 ServiceUnavailable: a b\n");
    assert_true(lab.timer > 3000 && lab.timer <= 3000 + REFLECTOR_BACKOFF_MAX_MS);
    lab_timer(&lab);
    lab_head_after(&lab, 500, 4000000);
    lab_end(&lab);
    assert_true(lab.timer <= REFLECTOR_RETRY_AFTER_MAX_S * 1000 + REFLECTOR_BACKOFF_MAX_MS);
    lab_expect_keys(&lab, "a b");
    lab_done(&lab);
}

static void a_version_of_the_future_is_tried_again_then_listed(void **state)
{
    (void)state;
    struct lab lab;
    lab_watching(&lab);
    lab_lose(&lab);
    for (int i = 0; i < 2; i++) {
        lab_timer(&lab);
        lab_head(&lab, 504);
        lab_data(&lab, TOO_LARGE);
        lab_end(&lab);
        assert_true(lab.timer > 1000);
    }
    lab_timer(&lab);
    lab_head(&lab, 200);
    lab_forget(&lab);
    lab_data(&lab, "{\"type\":\"ERROR\",\"object\":" TOO_LARGE "}");
    lab_expect(&lab, "cancel\n");
    lab_timer(&lab);
    lab_expect(&lab, SEND_LIST);
    lab_answer(&lab, LIST("3", NS("a", "1"))); /* older: the storage went back */
    lab_expect(&lab, "remove b\ninfo Namespace: read from the API server again\n" SEND_WATCH("3"));
    lab_done(&lab);
}

static void a_permission_that_lacks_is_named(void **state)
{
    (void)state;
    struct lab lab;
    lab_init(&lab, kind_row(K8S_NAMESPACE));
    reflector_start(lab.r);
    lab_refuse(&lab, 403, "Forbidden");
    lab_expect(&lab,
               SEND_LIST "error Namespace: not permitted to list namespaces: 403 Forbidden\n");
    lab_timer(&lab);
    lab_refuse(&lab, 403, "Forbidden");
    lab_expect(&lab, SEND_LIST);
    assert_false(reflector_complete(lab.r));
    lab_timer(&lab);
    lab_answer(&lab, LIST("5", ""));
    lab_expect(&lab, SEND_LIST "info Namespace: read from the API server again\n" SEND_WATCH("5"));
    lab_refuse(&lab, 401, "Unauthorized");
    lab_expect(&lab, "error Namespace: not permitted to watch namespaces: 401 Unauthorized\n");
    assert_true(reflector_complete(lab.r));
    reflector_hurry(lab.r); /* a new token */
    lab_expect(&lab, SEND_WATCH("5"));
    reflector_hurry(lab.r);
    lab_expect(&lab, "");
    lab_done(&lab);
}

static void a_lost_page_is_asked_for_again(void **state)
{
    (void)state;
    struct lab lab;
    lab_init(&lab, kind_row(K8S_NAMESPACE));
    reflector_start(lab.r);
    lab_answer(&lab, PAGE("10", "t", NS("a", "1")));
    lab_head(&lab, 200);
    lab_data(&lab, "{\"items\":[" NS("b", "2") ",");
    lab_forget(&lab);
    lab_lose(&lab);
    lab_timer(&lab);
    lab_expect(&lab, "warn Namespace: cannot list namespaces: the connection was lost\n"
                     "send /api/v1/namespaces?limit=500&continue=t\n");
    lab_answer(&lab, LIST("10", NS("b", "2") "," NS("c", "3")));
    lab_expect(&lab, "put c\ninfo Namespace: read from the API server again\n" SEND_WATCH("10"));
    lab_expect_keys(&lab, "a b c");
    lab_done(&lab);
}

static void what_a_lost_first_page_brought_may_be_gone(void **state)
{
    (void)state;
    struct lab lab;
    lab_init(&lab, kind_row(K8S_NAMESPACE));
    reflector_start(lab.r);
    lab_head(&lab, 200);
    lab_data(&lab, "{\"items\":[" NS("a", "1") "," NS("b", "2") ",");
    lab_lose(&lab);
    lab_timer(&lab);
    lab_forget(&lab);
    lab_answer(&lab, LIST("12", NS("b", "2") "," NS("c", "11")));
    lab_expect(
        &lab, "put c\nremove a\ninfo Namespace: read from the API server again\n" SEND_WATCH("12"));
    lab_expect_keys(&lab, "b c");
    lab_done(&lab);
}

/* ---- objects that cannot be read ---- */

static void a_bad_object_keeps_its_last_good_version(void **state)
{
    (void)state;
    struct lab lab;
    const struct reflector_error *errors;
    lab_watching(&lab);
    lab_data(&lab, EVENT("MODIFIED", BAD("a", "11")) EVENT("MODIFIED", BAD("a", "12")));
    lab_expect(&lab, "warn Namespace a: " BAD_WHY "\n");
    assert_string_equal(reflector_version(lab.r), "12");
    assert_int_equal(reflector_errors(lab.r, &errors), 1);
    assert_string_equal(errors[0].key, "a");
    assert_false(errors[0].blocking);
    assert_true(reflector_complete(lab.r));
    lab_data(&lab, ERROR_EVENT("410", "Expired"));
    lab_forget(&lab);
    lab_answer(&lab, LIST("20", BAD("a", "12"))); /* it stays through a list, b does not */
    lab_expect(&lab, "remove b\n" SEND_WATCH("20"));
    lab_head(&lab, 200);
    lab_data(&lab, EVENT("MODIFIED", NS("a", "21")));
    lab_expect(&lab, "info Namespace a: its error is over\n");
    assert_int_equal(reflector_errors(lab.r, &errors), 0);
    lab_data(&lab, EVENT("MODIFIED", BAD("a", "22")) EVENT("DELETED", BAD("a", "23")));
    lab_expect(&lab, "warn Namespace a: " BAD_WHY "\n"
                     "info Namespace a: its error is over\nremove a\n");
    assert_int_equal(reflector_errors(lab.r, &errors), 0);
    lab_done(&lab);
}

static void a_bad_object_of_the_first_list_keeps_it_incomplete(void **state)
{
    (void)state;
    struct lab lab;
    const struct reflector_error *errors;
    lab_init(&lab, kind_row(K8S_NAMESPACE));
    reflector_start(lab.r);
    lab_answer(&lab, LIST("10", NS("a", "1") "," BAD("b", "2") "," BAD("c", "3")));
    assert_false(reflector_complete(lab.r));
    assert_int_equal(reflector_errors(lab.r, &errors), 2);
    assert_true(errors[0].blocking && errors[1].blocking);
    lab_head(&lab, 200);
    lab_data(&lab, EVENT("MODIFIED", BAD("b", "11")));
    assert_false(reflector_complete(lab.r));
    lab_data(&lab, EVENT("MODIFIED", NS("b", "12")));
    assert_false(reflector_complete(lab.r));
    unsigned changes = lab.changes;
    lab_data(&lab, EVENT("DELETED", BAD("c", "13")));
    assert_true(reflector_complete(lab.r));
    assert_int_equal(lab.changes, changes + 1);
    lab_data(&lab, EVENT("ADDED", BAD("d", "14"))); /* one that comes later is noted alone */
    assert_true(reflector_complete(lab.r));
    lab_expect_keys(&lab, "a b");
    lab_done(&lab);
}

static void a_list_with_a_nameless_object_removes_nothing(void **state)
{
    (void)state;
    struct lab lab;
    lab_watching(&lab);
    lab_data(&lab, ERROR_EVENT("410", "Expired"));
    lab_answer(&lab, LIST("20", NS("a", "1") "," NAMELESS("2")));
    lab_expect_keys(&lab, "a b");
    lab_head(&lab, 200);
    lab_forget(&lab);
    lab_timer(&lab); /* the watch has settled */
    lab_timer(&lab);
    lab_expect(&lab, "cancel\n" SEND_LIST);
    lab_answer(&lab, LIST("30", NS("a", "1")));
    lab_expect(&lab,
               "info Namespace without a name: its error is over\nremove b\n" SEND_WATCH("30"));
    lab_done(&lab);
}

/* It may have been garbled on its way. */
static void what_cannot_be_read_is_read_again(void **state)
{
    (void)state;
    struct lab lab;
    lab_watching(&lab);
    lab_timer(&lab);
    lab_data(&lab, EVENT("MODIFIED", BAD("a", "11")));
    unsigned before = 0;
    for (int i = 0; i < 10; i++) {
        unsigned beats = beats_until_list(&lab);
        assert_true(beats > before || beats == 1 + REFLECTOR_REREAD_MAX_MS / REFLECTOR_BEAT_MS);
        before = beats;
        lab_answer(&lab, LIST("20", BAD("a", "11") "," NS("b", "2")));
        lab_head(&lab, 200);
    }
    assert_int_equal(before, 1 + REFLECTOR_REREAD_MAX_MS / REFLECTOR_BEAT_MS);
    lab_timer(&lab);
    lab_data(&lab, EVENT("MODIFIED", BAD("b", "21"))); /* another one is not waited for so long */
    assert_int_equal(beats_until_list(&lab), 1);
    lab_answer(&lab, LIST("30", NS("a", "11") "," NS("b", "21")));
    lab_head(&lab, 200);
    lab_timer(&lab);
    lab_data(&lab, EVENT("MODIFIED", BAD("a", "31")));
    lab_forget(&lab);
    lab_data(&lab, EVENT("MODIFIED", NS("a", "32")));
    lab_timer(&lab); /* mended meanwhile */
    lab_expect(&lab, "info Namespace a: its error is over\n");
    lab_done(&lab);
}

/* Its name alone would be that of another Pod, in Namespace default. */
static void a_bad_object_without_its_namespace_is_nameless(void **state)
{
    (void)state;
#define POD(more) "{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"1\"" more "}}"
    struct lab lab;
    lab_init(&lab, kind_row(K8S_POD));
    reflector_start(lab.r);
    lab_answer(&lab, LIST("10", POD(",\"namespace\":\"shop\"")));
    lab_expect_keys(&lab, "shop/a");
    lab_head(&lab, 200);
    lab_data(&lab, ERROR_EVENT("410", "Expired"));
    lab_answer(&lab, LIST("20", POD(",\"labels\":{\"a\":\"_\"}")));
    lab_expect_keys(&lab, "shop/a");
    lab_head(&lab, 200);
    lab_forget(&lab);
    lab_data(&lab, EVENT("DELETED", POD("")));
    lab_expect(&lab,
               "cancel\nwarn Pod: an object without a name was deleted: reading a new list\n");
    lab_timer(&lab);
    lab_answer(&lab, LIST("30", POD(",\"namespace\":\"shop\"")));
    lab_expect_keys(&lab, "shop/a");
    lab_done(&lab);
#undef POD
}

static void a_nameless_delete_leads_to_a_list(void **state)
{
    (void)state;
    struct lab lab;
    lab_watching(&lab);
    lab_data(&lab, EVENT("DELETED", NAMELESS("11")));
    lab_expect(
        &lab, "cancel\nwarn Namespace: an object without a name was deleted: reading a new list\n");
    lab_timer(&lab);
    lab_answer(&lab, LIST("20", NS("a", "1")));
    lab_expect_keys(&lab, "a");
    lab_done(&lab);
}

/* ---- kinds that may not be there ---- */

static void an_optional_kind_that_is_not_served_is_complete_and_empty(void **state)
{
    (void)state;
    struct lab lab;
    lab_init(&lab, &optional_row);
    reflector_start(lab.r);
    lab_refuse(&lab, 404, "NotFound");
    lab_expect(&lab, SEND_LIST "info Namespace: not served by this API server\n");
    assert_true(reflector_complete(lab.r));
    assert_int_equal(reflector_state(lab.r), REFLECTOR_ABSENT);
    unsigned changes = lab.changes;
    for (int i = 0; i < 5; i++) {
        assert_true(lab.timer > REFLECTOR_ABSENT_MS * 8 / 10 && lab.timer <= REFLECTOR_ABSENT_MS);
        lab_timer(&lab);
        lab_refuse(&lab, 404, "NotFound");
        lab_expect(&lab, SEND_LIST);
    }
    assert_int_equal(lab.changes, changes);
    lab_timer(&lab);
    lab_answer(&lab, LIST("10", NS("a", "1")));
    lab_expect(&lab, SEND_LIST "put a\n" SEND_WATCH("10"));
    lab_done(&lab);
}

static void an_optional_kind_that_goes_keeps_its_objects_for_some_looks(void **state)
{
    (void)state;
    struct lab lab;
    lab_init(&lab, &optional_row);
    reflector_start(lab.r);
    lab_answer(&lab, LIST("10", NS("a", "1")));
    lab_refuse(&lab, 404, "NotFound"); /* of the watch: a list tells */
    lab_timer(&lab);
    lab_forget(&lab);
    lab_refuse(&lab, 404, "NotFound");
    lab_expect(&lab, "warn Namespace: not served any more: its objects are kept for the moment\n");
    lab_timer(&lab);
    lab_refuse(&lab, 404, "NotFound");
    lab_expect_keys(&lab, "a");
    lab_timer(&lab);
    lab_forget(&lab);
    lab_refuse(&lab, 404, "NotFound");
    lab_expect(&lab, "info Namespace: not served by this API server\nremove a\n");
    assert_true(reflector_complete(lab.r));
    lab_done(&lab);
}

static void a_kind_that_must_be_there_is_not_taken_for_empty(void **state)
{
    (void)state;
    struct lab lab;
    lab_init(&lab, kind_row(K8S_NAMESPACE));
    reflector_start(lab.r);
    lab_refuse(&lab, 404, "NotFound");
    lab_expect(&lab, SEND_LIST "warn Namespace: cannot list namespaces: 404 NotFound\n");
    assert_false(reflector_complete(lab.r));
    lab_timer(&lab);
    lab_expect(&lab, SEND_LIST);
    lab_done(&lab);
}

/* ---- from a cache, and sync ---- */

static void a_first_list_is_a_difference_to_the_cache(void **state)
{
    (void)state;
    struct lab lab;
    lab_init(&lab, kind_row(K8S_NAMESPACE));
    static const char *const names[] = {"a", "b"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        auto_sbuf yaml = SBUF_INIT;
        sbuf_printf(&yaml, "apiVersion: v1\nkind: Namespace\nmetadata: {name: %s}\n", names[i]);
        void *object = k8s_object(sbuf_cstr(&yaml));
        lab_put(&lab, object_ref(object));
        reflector_seed(lab.r, object);
    }
    lab_forget(&lab);
    assert_false(reflector_complete(lab.r));
    reflector_start(lab.r);
    lab_answer(&lab, LIST("10", NS("b", "2") "," BAD("a", "3") "," NS("c", "4")));
    lab_expect(&lab, SEND_LIST "warn Namespace a: " BAD_WHY "\nput c\n" SEND_WATCH("10"));
    assert_true(reflector_complete(lab.r)); /* a has a good version, the cache's */
    lab_head(&lab, 200);
    lab_data(&lab, ERROR_EVENT("410", "Expired"));
    lab_answer(&lab, LIST("20", NS("c", "4")));
    lab_expect_keys(&lab, "c");
    lab_done(&lab);
}

static void sync_is_told_by_the_watch_if_it_has_passed(void **state)
{
    (void)state;
    struct lab lab;
    lab_watching(&lab);
    assert_true(reflector_reached(lab.r));
    reflector_reach(lab.r, "10");
    assert_true(reflector_reached(lab.r));
    reflector_reach(lab.r, "12");
    assert_false(reflector_reached(lab.r));
    lab_data(&lab, EVENT("ADDED", NS("c", "11")));
    assert_false(reflector_reached(lab.r));
    unsigned changes = lab.changes;
    lab_data(&lab, BOOKMARK("12"));
    assert_true(reflector_reached(lab.r));
    assert_int_equal(lab.changes, changes + 1);
    lab_forget(&lab);
    lab_timer(&lab); /* the watch goes on */
    lab_expect(&lab, "");
    assert_true(lab.timer > REFLECTOR_REACH_MS);
    lab_done(&lab);
}

static void sync_of_a_quiet_kind_is_told_by_a_list(void **state)
{
    (void)state;
    struct lab lab;
    lab_watching(&lab);
    reflector_reach(lab.r, "500");
    assert_int_equal(lab.timer, REFLECTOR_REACH_MS);
    lab_timer(&lab);
    lab_expect(&lab, "cancel\n" SEND_LIST);
    assert_int_equal(reflector_state(lab.r), REFLECTOR_WATCHING);
    assert_false(reflector_reached(lab.r));
    lab_answer(&lab, LIST("501", NS("a", "1") "," NS("c", "11")));
    assert_true(reflector_reached(lab.r));
    lab_expect(&lab, "put c\nremove b\n" SEND_WATCH("501"));
    assert_int_equal(reflector_state(lab.r), REFLECTOR_WATCHING);
    lab_done(&lab);
}

static void sync_while_a_watch_is_asked_for_begins_with_its_head(void **state)
{
    (void)state;
    struct lab lab;
    lab_watching(&lab);
    lab_lose(&lab);
    lab_timer(&lab);
    lab_forget(&lab);
    reflector_reach(lab.r, "500"); /* the head has not come */
    lab_head(&lab, 200);
    assert_int_equal(lab.timer, REFLECTOR_REACH_MS);
    lab_timer(&lab);
    lab_expect(&lab, "cancel\n" SEND_LIST);
    lab_answer(&lab, LIST("501", NS("a", "1") "," NS("b", "2")));
    assert_true(reflector_reached(lab.r));
    lab_done(&lab);
}

static void sync_of_a_large_quiet_kind_is_told_by_a_short_watch(void **state)
{
    (void)state;
    struct lab lab;
    lab_watching_many(&lab);
    reflector_reach(lab.r, "500");
    lab_timer(&lab);
    lab_expect(&lab, "cancel\n" SEND_SHORT("10"));
    lab_head(&lab, 200);
    lab_data(&lab, EVENT("ADDED", NS("c", "11")));
    assert_false(reflector_reached(lab.r));
    lab_end(&lab);
    assert_true(reflector_reached(lab.r));
    lab_expect(&lab, "put c\n" SEND_WATCH("11"));
    assert_int_equal(reflector_state(lab.r), REFLECTOR_WATCHING);
    lab_done(&lab);
}

static void a_sync_while_one_is_on_its_way_begins_anew(void **state)
{
    (void)state;
    struct lab lab;
    lab_watching_many(&lab);
    reflector_reach(lab.r, "500");
    lab_timer(&lab);
    lab_head(&lab, 200);
    reflector_reach(lab.r, "600");
    lab_forget(&lab);
    lab_end(&lab);
    assert_false(reflector_reached(lab.r));
    lab_expect(&lab, SEND_SHORT("10"));
    lab_head(&lab, 200);
    lab_lose(&lab);
    assert_false(reflector_reached(lab.r)); /* lost: not told by this end */
    lab_timer(&lab);
    lab_head(&lab, 200);
    lab_end(&lab);
    assert_true(reflector_reached(lab.r));
    lab_done(&lab);

    lab_watching(&lab);
    reflector_reach(lab.r, "500");
    lab_timer(&lab);
    lab_forget(&lab);
    lab_head(&lab, 200);
    reflector_reach(lab.r, "600");
    lab_data(&lab, LIST("550", NS("a", "1")));
    lab_end(&lab);
    assert_false(reflector_reached(lab.r)); /* this list was asked for before */
    lab_expect(&lab, "remove b\n" SEND_LIST);
    lab_lose(&lab);
    lab_timer(&lab);
    assert_false(reflector_reached(lab.r));
    lab_answer(&lab, LIST("600", NS("a", "1")));
    assert_true(reflector_reached(lab.r));
    lab_done(&lab);
}

static void sync_before_the_list_is_told_by_the_list(void **state)
{
    (void)state;
    struct lab lab;
    lab_init(&lab, kind_row(K8S_NAMESPACE));
    reflector_reach(lab.r, "versions-are-opaque");
    reflector_start(lab.r);
    assert_false(reflector_reached(lab.r));
    lab_answer(&lab, LIST("x", ""));
    assert_true(reflector_reached(lab.r));
    lab_done(&lab);
}

/* ---- Nodes ---- */

#define NODE(name, created, cidr)                                                                  \
    "{\"metadata\":{\"name\":\"" name                                                              \
    "\",\"resourceVersion\":\"9\",\"creationTimestamp\":\"" created                                \
    "\"},\"spec\":{\"podCIDRs\":[\"" cidr "\"]}}"
#define SEND_NODES "send /api/v1/nodes?limit=500\n"
#define WATCH_NODES(version)                                                                       \
    "send "                                                                                        \
    "/api/v1/nodes?watch=1&allowWatchBookmarks=true&timeoutSeconds=T&resourceVersion=" version     \
    "\n"

static void the_node_that_was_first_keeps_its_range(void **state)
{
    (void)state;
    struct lab lab;
    const struct reflector_error *errors;
    lab_init(&lab, kind_row(K8S_NODE));
    reflector_start(lab.r);
    lab_answer(&lab, LIST("10", NODE("a", "2026-02-01T00:00:00Z", "10.1.0.0/16") "," NODE(
                                    "b", "2026-01-01T00:00:00Z", "10.1.2.0/24")));
    lab_expect(&lab, SEND_NODES WATCH_NODES("10") "put b\nwarn Node a: spec.podCIDRs[0]: "
                                                  "10.1.0.0/16 of Node a overlaps 10.1.2.0/24 of "
                                                  "Node b\n");
    assert_true(reflector_complete(lab.r));
    assert_int_equal(reflector_errors(lab.r, &errors), 1);
    assert_string_equal(errors[0].key, "a");
    assert_false(errors[0].blocking);
    lab_head(&lab, 200);
    lab_data(&lab, EVENT("ADDED", NODE("c", "2025-01-01T00:00:00Z", "10.1.2.0/25")));
    lab_expect(&lab, "warn Node c: spec.podCIDRs[0]: 10.1.2.0/25 of Node c overlaps 10.1.2.0/24 of "
                     "Node b\n"); /* older, but later told */
    lab_data(&lab, EVENT("DELETED", NODE("b", "2026-01-01T00:00:00Z", "10.1.2.0/24")));
    lab_expect(&lab, "remove b\nput c\nwarn Node a: spec.podCIDRs[0]: 10.1.0.0/16 of Node a "
                     "overlaps 10.1.2.0/25 of Node c\n");
    lab_data(&lab, EVENT("MODIFIED", NODE("c", "2025-01-01T00:00:00Z", "10.2.0.0/24")));
    lab_expect(&lab, "put c\nput a\n");
    assert_int_equal(reflector_errors(lab.r, &errors), 0);
    lab_done(&lab);
}

static void a_range_goes_over_in_a_list(void **state)
{
    (void)state;
    struct lab lab;
    lab_init(&lab, kind_row(K8S_NODE));
    reflector_start(lab.r);
    lab_answer(&lab, LIST("10", NODE("z", "2026-01-01T00:00:00Z", "10.1.2.0/24")));
    lab_head(&lab, 200);
    lab_data(&lab, ERROR_EVENT("410", "Expired"));
    lab_forget(&lab);
    lab_head(&lab, 200);
    lab_data(&lab, "{\"items\":[" NODE("a", "2026-02-01T00:00:00Z", "10.1.2.0/24"));
    lab_expect(&lab, ""); /* who has it is not known before the end */
    lab_data(&lab, "],\"metadata\":{\"resourceVersion\":\"20\"}}");
    lab_end(&lab);
    lab_expect(&lab, WATCH_NODES("20") "remove z\nput a\n");
    lab_done(&lab);
}

/* ---- everything at once ---- */

/* Whatever is cut off where: the objects are right at the end, and every call gets its answer. */
static void each_cut_of_each_answer_is_mended(void **state)
{
    (void)state;
    static const char list[] = LIST("20", NS("a", "1") "," NS("c", "3"));
    static const char events[] = EVENT("ADDED", NS("d", "21")) EVENT("DELETED", NS("a", "22"));
    for (size_t n = 0; n <= strlen(list); n++)
        for (int how = 0; how < 2; how++) {
            struct lab lab;
            lab_watching(&lab);
            lab_data(&lab, ERROR_EVENT("410", "Expired"));
            lab_head(&lab, 200);
            reflector_data(lab.r, list, n);
            if (how)
                lab_lose(&lab);
            else
                lab_end(&lab);
            if (how || n < strlen(list)) {
                bool b = lab.rows.n > 1 && !strcmp(lab.rows.v[1].key, "b");
                assert_true(b); /* nothing goes for what was not read to its end */
                lab_timer(&lab);
                lab_answer(&lab, list);
            }
            lab_expect_keys(&lab, "a c");
            lab_head(&lab, 200);
            size_t cut = n < strlen(events) ? n : strlen(events);
            reflector_data(lab.r, events, cut);
            if (how)
                lab_lose(&lab);
            else
                lab_end(&lab);
            if (!lab.calling)
                lab_timer(&lab);
            lab_head(&lab, 200);
            lab_data(&lab, events);
            lab_expect_keys(&lab, "c d");
            lab_done(&lab);
        }
}

/* ---- whole lists ---- */

#define SEND_WHOLE "send /api/v1/namespaces\n"

static void a_list_is_read_whole_while_it_comes_so(void **state)
{
    (void)state;
    struct lab lab;
    lab_init_plain(&lab, kind_row(K8S_NAMESPACE));
    reflector_start(lab.r);
    lab_answer(&lab, LIST("10", NS("a", "1")));
    lab_expect(&lab, SEND_WHOLE "put a\n" SEND_WATCH("10"));
    lab_done(&lab);
}

static void a_list_that_is_cut_off_twice_is_read_in_pages(void **state)
{
    (void)state;
    struct lab lab;
    struct err slow;
    lab_init_plain(&lab, kind_row(K8S_NAMESPACE));
    reflector_start(lab.r);
    lab_lose(&lab); /* no server: this says nothing about its lists */
    lab_timer(&lab);
    lab_head(&lab, 200);
    lab_data(&lab, "{\"items\":[" NS("a", "1"));
    lab_lose(&lab);
    lab_timer(&lab);
    lab_forget(&lab);
    err_set(&slow, ERR_TIMEOUT, "no answer in time");
    lab.calling = false;
    reflector_end(lab.r, &slow);
    lab_timer(&lab);
    lab_expect(&lab, "warn Namespace: cannot list namespaces: no answer in time\n"
                     "info Namespace: lists do not come whole: read in pages from now on\n"
                     "send /api/v1/namespaces?limit=2000\n");
    lab_answer(&lab, PAGE("10", "t", NS("a", "1")));
    lab_expect(&lab, "info Namespace: read from the API server again\n"
                     "send /api/v1/namespaces?limit=2000&continue=t\n");
    lab_answer(&lab, LIST("10", NS("b", "2")));
    lab_forget(&lab);
    lab_refuse(&lab, 410, "Expired");
    lab_expect(&lab, "info Namespace: the watch was left behind: reading a new list\n"
                     "send /api/v1/namespaces?limit=2000\n");
    lab_done(&lab);
}

static void a_server_that_says_504_twice_is_asked_for_pages(void **state)
{
    (void)state;
    struct lab lab;
    lab_init_plain(&lab, kind_row(K8S_NAMESPACE));
    reflector_start(lab.r);
    for (int i = 0; i < 2; i++) {
        lab_refuse(&lab, 504, "Timeout");
        lab_forget(&lab);
        lab_timer(&lab);
    }
    lab_expect(&lab, "send /api/v1/namespaces?limit=2000\n");
    lab_done(&lab);
}

/* ---- encodings ---- */

#define PROTOBUF "application/vnd.kubernetes.protobuf"

/* A list of no Namespaces. */
static void answer_protobuf(struct lab *lab, const char *version)
{
    auto_sbuf list = SBUF_INIT, body = SBUF_INIT;
    proto_put_list_meta(&list, version, "");
    proto_put_body(&body, "NamespaceList", &list);
    lab->content_type = PROTOBUF;
    lab_head(lab, 200);
    reflector_data(lab->r, body.data, body.len);
    lab_end(lab);
    lab->content_type = NULL;
}

static void the_server_chooses_the_encoding_of_each_answer(void **state)
{
    (void)state;
    struct lab lab;
    lab_init(&lab, kind_row(K8S_NAMESPACE));
    reflector_start(lab.r);
    assert_false(lab.json_asked);
    answer_protobuf(&lab, "10");
    assert_true(reflector_complete(lab.r));
    lab_expect(&lab, SEND_LIST SEND_WATCH("10"));
    lab_head(&lab, 200);
    lab_data(&lab, EVENT("ADDED", NS("a", "11")));
    lab_end(&lab);
    lab_expect(&lab, "put a\n" SEND_WATCH("11"));
    assert_false(lab.json_asked);
    lab_done(&lab);
}

static void json_is_asked_for_where_protobuf_is_refused(void **state)
{
    (void)state;
    static const int codes[] = {406, 415};
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        struct lab lab;
        lab_init(&lab, kind_row(K8S_NAMESPACE));
        reflector_start(lab.r);
        lab_refuse(&lab, codes[i], "NotAcceptable");
        lab_expect(&lab, SEND_LIST "warn Namespace: no Protobuf by this API server: read as JSON "
                                   "from now on\n" SEND_LIST);
        assert_true(lab.json_asked);
        lab_refuse(&lab, codes[i], "NotAcceptable"); /* of JSON too: an error like any other */
        assert_true(lab.timer > 0 && !lab.calling);
        lab_timer(&lab);
        lab_answer(&lab, LIST("10", NS("a", "1")));
        assert_true(lab.json_asked && reflector_complete(lab.r));
        lab_done(&lab);
    }
}

static void json_is_asked_for_where_protobuf_is_not_to_be_read(void **state)
{
    (void)state;
    struct lab lab;
    lab_init(&lab, kind_row(K8S_NAMESPACE));
    reflector_start(lab.r);
    lab.content_type = PROTOBUF;
    for (int i = 0; i < 3; i++) {
        assert_false(lab.json_asked);
        lab_head(&lab, 200);
        lab_data(&lab, LIST("10", NS("a", "1")));
        assert_int_equal(lab.calling, i == 2); /* at once then */
        if (i < 2)
            lab_timer(&lab);
    }
    assert_true(lab.json_asked);
    lab.content_type = NULL;
    lab_answer(&lab, LIST("10", NS("a", "1")));
    assert_true(lab.json_asked && reflector_complete(lab.r));
    lab_expect_keys(&lab, "a");
    lab_done(&lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_is_followed_by_a_watch_from_its_version),
        cmocka_unit_test(pages_are_asked_for_one_by_one),
        cmocka_unit_test(what_changes_nothing_that_is_read_is_not_told),
        cmocka_unit_test(bookmarks_move_the_version_on),
        cmocka_unit_test(an_unknown_event_is_ignored_with_one_note),
        cmocka_unit_test(a_watch_that_ended_is_taken_up_at_once),
        cmocka_unit_test(watches_that_end_at_once_are_not_asked_for_in_a_loop),
        cmocka_unit_test(a_lost_connection_is_noted_once_and_when_over),
        cmocka_unit_test(a_truncated_watch_is_taken_up_from_the_last_whole_event),
        cmocka_unit_test(garbage_ends_the_call),
        cmocka_unit_test(an_empty_answer_removes_nothing),
        cmocka_unit_test(an_expired_watch_leads_to_a_list_that_is_a_difference),
        cmocka_unit_test(a_real_410_is_the_same),
        cmocka_unit_test(pages_that_expire_are_read_from_the_start_then_unpaged),
        cmocka_unit_test(retry_after_is_held),
        cmocka_unit_test(a_version_of_the_future_is_tried_again_then_listed),
        cmocka_unit_test(a_permission_that_lacks_is_named),
        cmocka_unit_test(a_lost_page_is_asked_for_again),
        cmocka_unit_test(what_a_lost_first_page_brought_may_be_gone),
        cmocka_unit_test(a_bad_object_keeps_its_last_good_version),
        cmocka_unit_test(a_bad_object_of_the_first_list_keeps_it_incomplete),
        cmocka_unit_test(a_list_with_a_nameless_object_removes_nothing),
        cmocka_unit_test(what_cannot_be_read_is_read_again),
        cmocka_unit_test(a_bad_object_without_its_namespace_is_nameless),
        cmocka_unit_test(a_nameless_delete_leads_to_a_list),
        cmocka_unit_test(an_optional_kind_that_is_not_served_is_complete_and_empty),
        cmocka_unit_test(an_optional_kind_that_goes_keeps_its_objects_for_some_looks),
        cmocka_unit_test(a_kind_that_must_be_there_is_not_taken_for_empty),
        cmocka_unit_test(a_first_list_is_a_difference_to_the_cache),
        cmocka_unit_test(sync_is_told_by_the_watch_if_it_has_passed),
        cmocka_unit_test(sync_of_a_quiet_kind_is_told_by_a_list),
        cmocka_unit_test(sync_while_a_watch_is_asked_for_begins_with_its_head),
        cmocka_unit_test(sync_of_a_large_quiet_kind_is_told_by_a_short_watch),
        cmocka_unit_test(a_sync_while_one_is_on_its_way_begins_anew),
        cmocka_unit_test(sync_before_the_list_is_told_by_the_list),
        cmocka_unit_test(the_node_that_was_first_keeps_its_range),
        cmocka_unit_test(a_range_goes_over_in_a_list),
        cmocka_unit_test(each_cut_of_each_answer_is_mended),
        cmocka_unit_test(a_list_is_read_whole_while_it_comes_so),
        cmocka_unit_test(a_list_that_is_cut_off_twice_is_read_in_pages),
        cmocka_unit_test(a_server_that_says_504_twice_is_asked_for_pages),
        cmocka_unit_test(the_server_chooses_the_encoding_of_each_answer),
        cmocka_unit_test(json_is_asked_for_where_protobuf_is_refused),
        cmocka_unit_test(json_is_asked_for_where_protobuf_is_not_to_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
