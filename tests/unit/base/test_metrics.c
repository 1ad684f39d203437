/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/metrics.h"

static int reset(void **state)
{
    (void)state;
    metrics_reset();
    return 0;
}

static const char *format(struct sbuf *b)
{
    sbuf_clear(b);
    metrics_format(b);
    return sbuf_cstr(b);
}

static void test_counters_and_gauges(void **state)
{
    (void)state;
    auto_sbuf b = SBUF_INIT;
    metric_add(METRIC_FLOW_MODS, NULL, NULL, 2);
    metric_add(METRIC_FLOW_MODS, NULL, NULL, 3);
    metric_set(METRIC_FLOWS, "desired", NULL, 10);
    metric_set(METRIC_FLOWS, "desired", NULL, 7);
    assert_true(metric_get(METRIC_FLOW_MODS, NULL, NULL) == 5);
    assert_true(metric_get(METRIC_FLOWS, "installed", NULL) == 0);
    const char *text = format(&b);
    assert_non_null(strstr(text, "# TYPE seine_openflow_flow_mods_total counter\n"
                                 "seine_openflow_flow_mods_total 5\n"));
    assert_non_null(strstr(text, "seine_flows{state=\"desired\"} 7\n"));
}

static void test_unlabelled_metrics_are_there_from_the_start(void **state)
{
    (void)state;
    auto_sbuf b = SBUF_INIT;
    assert_non_null(strstr(format(&b), "\nseine_recompute_differences_total 0\n"));
}

static void test_labels_are_escaped_and_sorted(void **state)
{
    (void)state;
    auto_sbuf b = SBUF_INIT;
    metric_add(METRIC_CNI_REQUESTS, "b", "x", 1);
    metric_add(METRIC_CNI_REQUESTS, "a", "q\"\\\n", 1);
    const char *text = format(&b);
    const char *a =
        strstr(text, "seine_cni_requests_total{verb=\"a\",result=\"q\\\"\\\\\\n\"} 1\n");
    const char *second = strstr(text, "seine_cni_requests_total{verb=\"b\",result=\"x\"} 1\n");
    assert_non_null(a);
    assert_non_null(second);
    assert_true(a < second);
}

static void test_histogram(void **state)
{
    (void)state;
    auto_sbuf b = SBUF_INIT;
    metric_observe(METRIC_CNI_DURATION, "ADD", NULL, 0.003);
    metric_observe(METRIC_CNI_DURATION, "ADD", NULL, 1e9);
    const char *text = format(&b);
    assert_non_null(strstr(text, "# TYPE seine_cni_request_duration_seconds histogram\n"));
    assert_non_null(
        strstr(text, "seine_cni_request_duration_seconds_bucket{verb=\"ADD\",le=\"+Inf\"} 2\n"));
    assert_non_null(strstr(text, "seine_cni_request_duration_seconds_count{verb=\"ADD\"} 2\n"));
    assert_non_null(
        strstr(text, "seine_cni_request_duration_seconds_bucket{verb=\"ADD\",le=\"0.005\"} 1\n"));
}

static void test_the_page_has_a_row_for_each_metric(void **state)
{
    (void)state;
    auto_sbuf text = SBUF_INIT;
    size_t rows = 0;
    metrics_markdown(&text);
    for (const char *p = sbuf_cstr(&text); (p = strchr(p, '\n')) != NULL; p++) {
        rows++;
    }
    assert_int_equal(rows, METRICS_N + 2);
    assert_non_null(strstr(text.data, "| `seine_cni_requests_total` | counter | verb,result | "));
    assert_non_null(strstr(text.data, "| `seine_openflow_flow_mods_total` | counter | - | "));
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, reset, reset)
    const struct CMUnitTest tests[] = {
        TEST(test_counters_and_gauges),
        TEST(test_unlabelled_metrics_are_there_from_the_start),
        TEST(test_labels_are_escaped_and_sorted),
        TEST(test_histogram),
        TEST(test_the_page_has_a_row_for_each_metric),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
