/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/k8s/k8s_test.h"

#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/k8s/stream_out.h"
#include "tests/unit/k8s/stream_lab.h"

enum { AT = 1000 }; /* where an object begins */

static void open_out(struct stream_out *o, struct stream_lab *l)
{
    struct json_stream_sink sink = stream_lab_sink(l);
    memset(l, 0, sizeof *l);
    stream_out_init(o, &sink);
}

/* Ends both; the sink was told just this. */
static void expect_told(struct stream_out *o, struct stream_lab *l, const char *wanted)
{
    assert_string_equal(sbuf_cstr(&l->text), wanted);
    stream_out_done(o);
    stream_lab_close(l);
}

static cJSON *put(struct stream_out *o, cJSON *parent, const char *key, int type)
{
    cJSON *node = stream_out_node(o, parent, key, type, AT);
    assert_non_null(node);
    return node;
}

static void nodes_are_told_in_the_order_they_came(void **state)
{
    (void)state;
    static char text[] = "x";
    struct stream_out o;
    struct stream_lab l;
    open_out(&o, &l);
    cJSON *root = stream_out_begin(&o, AT);
    assert_ptr_equal(o.object, root);
    put(&o, root, "name", cJSON_String)->valuestring = text;
    cJSON *list = put(&o, root, "list", cJSON_Array);
    put(&o, list, NULL, cJSON_True);
    put(&o, list, NULL, cJSON_NULL);
    cJSON *last = put(&o, list, NULL, cJSON_Object);
    put(&o, root, "a", cJSON_False);
    assert_ptr_equal(list->child->prev, last); /* as cJSON has it */
    assert_ptr_equal(last->prev, list->child->next);
    assert_null(last->next);
    stream_out_end(&o, AT + 1);
    snprintf(o.type, sizeof o.type, "ADDED");
    stream_out_emit(&o);
    expect_told(&o, &l, "ADDED {\"name\":\"x\",\"list\":[true,null,{}],\"a\":false}\n");
}

/* What is told of one object is not told of the next. */
static void an_object_is_forgotten_once_it_is_told(void **state)
{
    (void)state;
    struct stream_out o;
    struct stream_lab l;
    open_out(&o, &l);
    put(&o, stream_out_begin(&o, AT), "a", cJSON_Array);
    snprintf(o.type, sizeof o.type, "ADDED");
    stream_out_fail(&o, "a", "is no list");
    stream_out_end(&o, AT);
    stream_out_emit(&o);
    assert_null(o.object);
    stream_out_emit(&o);
    (void)stream_out_begin(&o, AT);
    stream_out_end(&o, AT);
    stream_out_emit(&o);
    expect_told(&o, &l,
                "! ADDED {\"a\":[]} a: is no list\n"
                "!   an event without an object\n"
                " {}\n");
}

static void an_object_may_have_so_many_bytes(void **state)
{
    (void)state;
    enum { LAST = AT + JSON_STREAM_OBJECT_MAX };
    struct stream_out o;
    struct stream_lab l;
    open_out(&o, &l);
    cJSON *root = stream_out_begin(&o, AT);
    assert_non_null(stream_out_node(&o, root, "a", cJSON_True, LAST));
    assert_true(stream_out_fits(&o, LAST));
    stream_out_end(&o, LAST);
    stream_out_emit(&o);
    root = stream_out_begin(&o, AT);
    assert_null(stream_out_node(&o, root, "a", cJSON_True, LAST + 1));
    stream_out_emit(&o);
    (void)stream_out_begin(&o, AT);
    stream_out_end(&o, LAST + 1);
    stream_out_emit(&o);
    (void)stream_out_begin(&o, AT);
    assert_false(stream_out_fits(&o, LAST + 1));
    stream_out_emit(&o);
    expect_told(&o, &l,
                " {\"a\":true}\n"
                "!  {} larger than 4 MiB\n"
                "!  {} larger than 4 MiB\n"
                "!  {} larger than 4 MiB\n");
}

/* The first thing that is wrong with it, however much of it is skipped then. */
static void a_bad_object_that_is_large_is_told_by_its_first_fault(void **state)
{
    (void)state;
    struct stream_out o;
    struct stream_lab l;
    open_out(&o, &l);
    (void)stream_out_begin(&o, AT);
    stream_out_fail(&o, "", "of another kind");
    stream_out_end(&o, AT + JSON_STREAM_OBJECT_MAX + 1);
    stream_out_emit(&o);
    expect_told(&o, &l, "!  {} of another kind\n");
}

static void an_object_may_have_so_many_values(void **state)
{
    (void)state;
    struct stream_out o;
    struct stream_lab l;
    open_out(&o, &l);
    for (int i = 0; i < 2; i++) { /* each one anew */
        cJSON *list = put(&o, stream_out_begin(&o, AT), "list", cJSON_Array);
        for (size_t n = 1; n < JSON_STREAM_NODES_MAX; n++)
            put(&o, list, NULL, cJSON_True);
        assert_string_equal(o.why, "");
        assert_null(stream_out_node(&o, list, NULL, cJSON_True, AT));
        assert_string_equal(o.why, "too many values");
        assert_int_equal(cJSON_GetArraySize(list), JSON_STREAM_NODES_MAX - 1);
        stream_out_reset(&o);
    }
    expect_told(&o, &l, "");
}

static void a_path_names_what_can_be_read(void **state)
{
    (void)state;
    static const char forty[] = "0123456789012345678901234567890123456789";
    auto_sbuf path = SBUF_INIT, longer = SBUF_INIT;
    stream_out_path(&path, NULL);
    stream_out_path(&path, "spec");
    stream_out_path(&path, NULL);
    stream_out_path(&path, forty);
    sbuf_printf(&longer, "%s0", forty);
    stream_out_path(&path, sbuf_cstr(&longer));
    stream_out_path(&path, "x");
    assert_string_equal(sbuf_cstr(&path), "spec.0123456789012345678901234567890123456789.x");
}

static void a_long_reason_is_cut_off(void **state)
{
    (void)state;
    struct stream_out o;
    struct stream_lab l;
    auto_sbuf path = SBUF_INIT;
    open_out(&o, &l);
    for (int i = 0; i < STREAM_OUT_WHY_MAX; i++)
        stream_out_path(&path, "x");
    (void)stream_out_begin(&o, AT);
    stream_out_fail(&o, sbuf_cstr(&path), "is bad");
    assert_int_equal(strlen(o.why), STREAM_OUT_WHY_MAX - 1);
    expect_told(&o, &l, "");
}

static void a_list_is_known_until_the_next_answer(void **state)
{
    (void)state;
    struct stream_out o;
    struct stream_lab l;
    open_out(&o, &l);
    assert_string_equal(stream_out_continue(&o), "");
    snprintf(o.version, sizeof o.version, "17");
    sbuf_puts(&o.next, "more");
    (void)stream_out_begin(&o, AT);
    stream_out_emit(&o);
    assert_string_equal(o.version, "17");
    assert_string_equal(stream_out_continue(&o), "more");
    (void)stream_out_begin(&o, AT);
    stream_out_reset(&o);
    assert_null(o.object);
    assert_string_equal(o.version, "");
    assert_string_equal(stream_out_continue(&o), "");
    expect_told(&o, &l, " {}\n");
}

/* However many objects there are, it is the memory of one. */
static void memory_is_that_of_one_object(void **state)
{
    (void)state;
    struct stream_out o;
    struct stream_lab l;
    size_t most = 0;
    open_out(&o, &l);
    assert_int_equal(stream_out_memory(&o), 0);
    for (int i = 0; i < 100; i++) {
        cJSON *list = put(&o, stream_out_begin(&o, AT), "list", cJSON_Array);
        for (int n = 0; n < 100; n++)
            put(&o, list, NULL, cJSON_Object);
        size_t now = stream_out_memory(&o);
        assert_true(now >= 102 * sizeof(cJSON));
        assert_true(i == 0 || now <= most);
        most = i == 0 ? now : most;
        stream_out_emit(&o);
        sbuf_clear(&l.text);
        assert_true(stream_out_memory(&o) < most);
    }
    expect_told(&o, &l, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_are_told_in_the_order_they_came),
        cmocka_unit_test(an_object_is_forgotten_once_it_is_told),
        cmocka_unit_test(an_object_may_have_so_many_bytes),
        cmocka_unit_test(a_bad_object_that_is_large_is_told_by_its_first_fault),
        cmocka_unit_test(an_object_may_have_so_many_values),
        cmocka_unit_test(a_path_names_what_can_be_read),
        cmocka_unit_test(a_long_reason_is_cut_off),
        cmocka_unit_test(a_list_is_known_until_the_next_answer),
        cmocka_unit_test(memory_is_that_of_one_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
