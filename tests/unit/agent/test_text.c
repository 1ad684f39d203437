/* SPDX-License-Identifier: Apache-2.0
 *
 * What the agent writes: JSON as it goes, lines of the log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/agent/jsonout.h"
#include "core/agent/logline.h"

static void json_has_its_commas(void **state)
{
    (void)state;
    auto_sbuf out = SBUF_INIT;
    struct jsonout j = {.out = &out};
    jsonout_open(&j, NULL, '{');
    jsonout_text(&j, "a", "x\"y\n");
    jsonout_open(&j, "empty", '[');
    jsonout_close(&j, ']');
    jsonout_open(&j, "list", '[');
    jsonout_number(&j, NULL, UINT64_MAX);
    jsonout_bool(&j, NULL, true);
    jsonout_open(&j, NULL, '{');
    jsonout_close(&j, '}');
    jsonout_raw(&j, NULL, "null");
    jsonout_close(&j, ']');
    jsonout_bool(&j, "b", false);
    jsonout_close(&j, '}');
    assert_string_equal(out.data, "{\"a\":\"x\\\"y\\n\",\"empty\":[],"
                                  "\"list\":[18446744073709551615,true,{},null],\"b\":false}");
}

static void lists_have_kubectl_s_shape(void **state)
{
    (void)state;
    auto_sbuf out = SBUF_INIT;
    struct jsonout j = {.out = &out};
    jsonout_list_open(&j, "PodList");
    jsonout_text(&j, NULL, "one");
    jsonout_text(&j, NULL, "two");
    jsonout_list_close(&j);
    assert_string_equal(out.data, "{\"apiVersion\":\"seine.dev/v1\",\"kind\":\"PodList\","
                                  "\"items\":[\"one\",\"two\"]}\n");
}

/* One line of a sink. */
static void log_one(log_sink_fn *sink, const char *text, char *out, size_t size)
{
    FILE *f = tmpfile();
    assert_non_null(f);
    sink(f, LOG_AREA_SOURCE, LOG_WARN, text);
    rewind(f);
    size_t n = fread(out, 1, size - 1, f);
    out[n] = 0;
    fclose(f);
}

static void text_lines_begin_with_the_time(void **state)
{
    (void)state;
    char line[256];
    log_one(logline_text, "folder \"x\"", line, sizeof line);
    /* 2026-01-31T12:00:00.123Z */
    assert_int_equal(line[4], '-');
    assert_int_equal(line[10], 'T');
    assert_int_equal(line[19], '.');
    assert_int_equal(line[23], 'Z');
    assert_string_equal(line + 24, " warn source: folder \"x\"\n");
}

static void json_lines_are_json(void **state)
{
    (void)state;
    char line[256];
    log_one(logline_json, "folder \"x\"", line, sizeof line);
    assert_int_equal(line[strlen(line) - 1], '\n');
    cJSON *json = cJSON_Parse(line);
    assert_non_null(json);
    assert_string_equal(cJSON_GetObjectItem(json, "level")->valuestring, "warn");
    assert_string_equal(cJSON_GetObjectItem(json, "area")->valuestring, "source");
    assert_string_equal(cJSON_GetObjectItem(json, "msg")->valuestring, "folder \"x\"");
    assert_int_equal(strlen(cJSON_GetObjectItem(json, "time")->valuestring), 24);
    cJSON_Delete(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_has_its_commas),
        cmocka_unit_test(lists_have_kubectl_s_shape),
        cmocka_unit_test(text_lines_begin_with_the_time),
        cmocka_unit_test(json_lines_are_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
