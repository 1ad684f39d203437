/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists that come as the beginning of a watch. */
#include <string.h>

#include "tests/unit/k8s/reflector_lab.h"

static const struct kind_row streaming_row = {
    .kind = K8S_NAMESPACE, .group_path = "/api/v1", .resource = "namespaces", .streaming = true};

static void a_streaming_list_ends_with_its_bookmark(void **state)
{
    (void)state;
    struct lab lab;
    lab_init(&lab, &streaming_row);
    reflector_start(lab.r);
    lab_expect(&lab, SEND_STREAMING);
    lab_head(&lab, 200);
    lab_data(&lab, EVENT("ADDED", NS("a", "1")) BOOKMARK("5") EVENT("ADDED", NS("b", "2")));
    assert_false(reflector_complete(lab.r));
    assert_string_equal(reflector_version(lab.r), "");
    lab_data(&lab, INITIAL_END("10") EVENT("ADDED", NS("c", "11")));
    lab_expect(&lab, "put a\nput b\nput c\n");
    assert_true(reflector_complete(lab.r));
    assert_string_equal(reflector_version(lab.r), "11");
    assert_int_equal(reflector_state(lab.r), REFLECTOR_WATCHING);
    lab_end(&lab);
    lab_expect(&lab, SEND_WATCH("11"));
    lab_head(&lab, 200);
    lab_data(&lab, ERROR_EVENT("410", "Expired"));
    lab_forget(&lab);
    lab_head(&lab, 200);
    lab_data(&lab, EVENT("ADDED", NS("a", "1")));
    lab_expect_keys(&lab, "a b c");
    lab_data(&lab, INITIAL_END("20"));
    lab_expect_keys(&lab, "a");
    lab_done(&lab);
}

static void an_unknown_event_in_a_streaming_list_removes_nothing(void **state)
{
    (void)state;
    struct lab lab;
    lab_init(&lab, &streaming_row);
    reflector_start(lab.r);
    lab_head(&lab, 200);
    lab_data(&lab, EVENT("ADDED", NS("a", "1")) EVENT("ADDED", NS("b", "2")) INITIAL_END("10"));
    lab_data(&lab, ERROR_EVENT("410", "Expired"));
    lab_head(&lab, 200);
    lab_data(&lab, EVENT("AD?ED", NS("a", "1")) EVENT("ADDED", NS("b", "2")) INITIAL_END("20"));
    lab_expect_keys(&lab, "a b");
    lab_timer(&lab); /* it has lasted: what could not be read is read again */
    lab_timer(&lab);
    lab_head(&lab, 200);
    lab_data(&lab, EVENT("ADDED", NS("b", "2")) INITIAL_END("30"));
    lab_expect_keys(&lab, "b");
    lab_done(&lab);
}

static void a_streaming_list_that_breaks_off_begins_again(void **state)
{
    (void)state;
    struct lab lab;
    lab_init(&lab, &streaming_row);
    reflector_start(lab.r);
    lab_head(&lab, 200);
    lab_data(&lab, EVENT("ADDED", NS("a", "1")));
    lab_forget(&lab);
    lab_end(&lab);
    lab_expect(&lab, "");
    lab_timer(&lab);
    lab_expect(&lab, SEND_STREAMING);
    lab_lose(&lab);
    lab_timer(&lab);
    lab_head(&lab, 200);
    lab_data(&lab, EVENT("ADDED", NS("b", "2")) INITIAL_END("10"));
    lab_expect_keys(&lab, "b");
    lab_done(&lab);
}

static void refuse_streaming(const char *how, int status, const char *body)
{
    struct lab lab;
    lab_init(&lab, &streaming_row);
    reflector_start(lab.r);
    lab_forget(&lab);
    lab_head(&lab, status);
    if (*body)
        lab_data(&lab, body);
    if (status != 200)
        lab_end(&lab);
    else if (!*body)
        lab_timer(&lab);
    lab_expect(&lab, how);
    lab_answer(&lab, LIST("10", NS("a", "1")));
    lab_head(&lab, 200);
    lab_forget(&lab);
    lab_data(&lab, ERROR_EVENT("410", "Expired"));
    lab_expect(&lab,
               "cancel\ninfo Namespace: the watch was left behind: reading a new list\n" SEND_LIST);
    lab_done(&lab);
}

static void a_server_without_streaming_lists_is_remembered(void **state)
{
    (void)state;
    static const char refused[] =
        "info Namespace: no streaming lists by this API server: reading plain ones\n" SEND_LIST;
    static const char cancelled[] = "cancel\ninfo Namespace: no streaming lists by this API "
                                    "server: reading plain ones\n" SEND_LIST;
    static const char silent[] =
        "cancel\ninfo Namespace: a streaming list does not come to its end: "
        "reading plain ones\n" SEND_LIST;
    refuse_streaming(refused, 422, "{\"reason\":\"Invalid\",\"code\":422}");
    refuse_streaming(refused, 400, "");
    refuse_streaming(cancelled, 200, ERROR_EVENT("500", "InternalError"));
    refuse_streaming(silent, 200, "");
}

static void a_busy_server_is_no_server_without_streaming_lists(void **state)
{
    (void)state;
    static const int codes[] = {401, 403, 429, 500, 503};
    struct lab lab;
    lab_init(&lab, &streaming_row);
    reflector_start(lab.r);
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        lab_refuse(&lab, codes[i], "Busy");
        lab_forget(&lab);
        lab_timer(&lab);
        lab_expect(&lab, SEND_STREAMING);
    }
    lab_done(&lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_streaming_list_ends_with_its_bookmark),
        cmocka_unit_test(an_unknown_event_in_a_streaming_list_removes_nothing),
        cmocka_unit_test(a_streaming_list_that_breaks_off_begins_again),
        cmocka_unit_test(a_server_without_streaming_lists_is_remembered),
        cmocka_unit_test(a_busy_server_is_no_server_without_streaming_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
