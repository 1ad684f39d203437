/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/k8s/k8s_test.h"

#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"

/* A policy whose podSelector is the text (flow form). */
static struct network_policy *with_selector(const char *selector)
{
    char text[2048];
    snprintf(text, sizeof text,
             "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\n"
             "spec: {podSelector: %s}\n",
             selector);
    return k8s_object(text);
}

static struct namespace_ *with_labels(const char *labels)
{
    char text[2048];
    snprintf(text, sizeof text,
             "apiVersion: v1\nkind: Namespace\nmetadata: {name: ns1, labels: %s}\n", labels);
    return k8s_object(text);
}

struct row {
    const char *selector, *labels;
    bool matches;
};

static void each_operator_matches_as_kubernetes_says(void **state)
{
    static const struct row rows[] = {
        {"{}", "{}", true},
        {"{}", "{a: b}", true},
        {"{matchLabels: {a: b}}", "{a: b, c: d}", true},
        {"{matchLabels: {a: b}}", "{a: c}", false},
        {"{matchLabels: {a: b}}", "{}", false},
        {"{matchLabels: {a: \"\"}}", "{a: \"\"}", true},
        {"{matchLabels: {a: \"\"}}", "{}", false},
        {"{matchLabels: {a: b, c: d}}", "{a: b}", false},
        {"{matchLabels: {a: b, c: d}}", "{c: d, a: b}", true},
        {"{matchExpressions: [{key: a, operator: In, values: [x, b]}]}", "{a: b}", true},
        {"{matchExpressions: [{key: a, operator: In, values: [x, w]}]}", "{a: b}", false},
        {"{matchExpressions: [{key: a, operator: In, values: [x]}]}", "{}", false},
        {"{matchExpressions: [{key: a, operator: NotIn, values: [x, w]}]}", "{a: b}", true},
        {"{matchExpressions: [{key: a, operator: NotIn, values: [x, b]}]}", "{a: b}", false},
        {"{matchExpressions: [{key: a, operator: NotIn, values: [x]}]}", "{}", true},
        {"{matchExpressions: [{key: a, operator: NotIn, values: [\"\"]}]}", "{}", true},
        {"{matchExpressions: [{key: a, operator: Exists}]}", "{a: \"\"}", true},
        {"{matchExpressions: [{key: a, operator: Exists}]}", "{b: a}", false},
        {"{matchExpressions: [{key: a, operator: DoesNotExist}]}", "{b: a}", true},
        {"{matchExpressions: [{key: a, operator: DoesNotExist, values: []}]}", "{a: b}", false},
        {"{matchLabels: {a: b}, matchExpressions: [{key: c, operator: Exists}]}", "{a: b, c: d}",
         true},
        {"{matchLabels: {a: b}, matchExpressions: [{key: c, operator: Exists}]}", "{a: b}", false},
        {"{matchExpressions: [{key: a, operator: In, values: [b]},"
         " {key: a, operator: NotIn, values: [b]}]}",
         "{a: b}", false},
        {"{matchLabels: {kubernetes.io/metadata.name: ns1}}", "{}", true},
        {"{matchLabels: {kubernetes.io/metadata.name: ns1}}",
         "{kubernetes.io/metadata.name: forged}", true},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct network_policy *p = with_selector(rows[i].selector);
        struct namespace_ *ns = with_labels(rows[i].labels);
        if (selector_matches(&p->pods, &ns->meta.labels) != rows[i].matches)
            fail_msg("row %zu: %s on %s", i, rows[i].selector, rows[i].labels);
        object_free(p);
        object_free(ns);
    }
    assert_nothing_interned();
}

static void selectors_that_say_the_same_are_equal(void **state)
{
    static const struct {
        const char *a, *b;
        bool equal;
    } rows[] = {
        {"{matchLabels: {a: b}}", "{matchExpressions: [{key: a, operator: In, values: [b]}]}",
         true},
        {"{matchExpressions: [{key: a, operator: In, values: [c, b, c]}]}",
         "{matchExpressions: [{key: a, operator: In, values: [b, c]}]}", true},
        {"{matchExpressions: [{key: b, operator: Exists}, {key: a, operator: Exists}]}",
         "{matchExpressions: [{key: a, operator: Exists}, {key: b, operator: Exists}]}", true},
        {"{matchExpressions: [{key: a, operator: Exists}, {key: a, operator: Exists}]}",
         "{matchExpressions: [{key: a, operator: Exists}]}", true},
        {"{matchLabels: {a: b}}", "{matchLabels: {a: c}}", false},
        {"{}", "{matchLabels: {}, matchExpressions: []}", true},
        {"{}", "{matchLabels: {a: b}}", false},
        {"{matchExpressions: [{key: a, operator: Exists}]}",
         "{matchExpressions: [{key: a, operator: DoesNotExist}]}", false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct network_policy *a = with_selector(rows[i].a), *b = with_selector(rows[i].b);
        if (object_equal(a, b) != rows[i].equal)
            fail_msg("row %zu: %s and %s", i, rows[i].a, rows[i].b);
        assert_true(!rows[i].equal || a->pods.n_reqs == b->pods.n_reqs);
        object_free(a);
        object_free(b);
    }
}

static void requirements_and_values_are_sorted_and_interned(void **state)
{
    (void)state;
    struct network_policy *p = with_selector(
        "{matchLabels: {z: w}, matchExpressions: [{key: m, operator: In, values: [c, a, b, a]}]}");
    assert_int_equal(p->pods.n_reqs, 2);
    assert_string_equal(p->pods.reqs[0].key, "m");
    assert_int_equal(p->pods.reqs[0].n_values, 3);
    assert_string_equal(p->pods.reqs[0].values[0], "a");
    assert_string_equal(p->pods.reqs[0].values[2], "c");
    assert_string_equal(p->pods.reqs[1].key, "z");
    const char *again = intern_ref("z", 1);
    assert_ptr_equal(again, p->pods.reqs[1].key);
    intern_unref(again);
    object_free(p);
    assert_nothing_interned();
}

static void labels_are_found_by_key(void **state)
{
    (void)state;
    struct namespace_ *ns = with_labels("{d: 4x, b: 2x, a: 1x, c: 3x, x.io/y: z}");
    assert_string_equal(labels_get(&ns->meta.labels, "a"), "1x");
    assert_string_equal(labels_get(&ns->meta.labels, "b"), "2x");
    assert_string_equal(labels_get(&ns->meta.labels, "d"), "4x");
    assert_string_equal(labels_get(&ns->meta.labels, "x.io/y"), "z");
    assert_null(labels_get(&ns->meta.labels, "e"));
    assert_null(labels_get(&ns->meta.labels, ""));
    object_free(ns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_operator_matches_as_kubernetes_says),
        cmocka_unit_test(selectors_that_say_the_same_are_equal),
        cmocka_unit_test(requirements_and_values_are_sorted_and_interned),
        cmocka_unit_test(labels_are_found_by_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
