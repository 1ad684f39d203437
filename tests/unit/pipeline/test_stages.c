/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/pipeline/stages.h"

static const struct stage_info *miss_of(const struct stage_info *s)
{
    for (size_t i = 0; i < stage_count; i++)
        if (strcmp(stage_table[i].id, s->miss) == 0)
            return &stage_table[i];
    return NULL;
}

static void test_tables_ascend_and_names_are_unique(void **state)
{
    (void)state;
    for (size_t i = 0; i < stage_count; i++) {
        if (i)
            assert_true(stage_table[i - 1].table < stage_table[i].table);
        assert_ptr_equal(stage_find(stage_table[i].table), &stage_table[i]);
        assert_ptr_equal(stage_by_name(stage_table[i].name), &stage_table[i]);
        assert_true(stage_table[i].doc[strlen(stage_table[i].doc) - 1] == '.');
    }
    assert_null(stage_find(255));
    assert_null(stage_by_name("None"));
}

/* A miss drops, or goes forward to a stage that is in use. */
static void test_misses_lead_forward(void **state)
{
    (void)state;
    for (size_t i = 0; i < stage_count; i++) {
        const struct stage_info *s = &stage_table[i];
        if (stage_is_reserved(s) || strcmp(s->miss, "drop") == 0)
            continue;
        const struct stage_info *next = miss_of(s);
        assert_non_null(next);
        assert_true(next->table > s->table);
        assert_false(stage_is_reserved(next));
    }
}

static void test_the_page_is_the_table_printed(void **state)
{
    (void)state;
    auto_sbuf page = SBUF_INIT, file = SBUF_INIT;
    pipeline_docs(&page);
    FILE *f = fopen("docs/pipeline.md", "rb");
    assert_non_null(f);
    char block[4096];
    for (size_t n; (n = fread(block, 1, sizeof block, f)) > 0;)
        sbuf_put(&file, block, n);
    fclose(f);
    assert_string_equal(sbuf_cstr(&file), sbuf_cstr(&page));
}

static void test_print_has_a_line_a_stage(void **state)
{
    (void)state;
    auto_sbuf text = SBUF_INIT;
    pipeline_print(&text);
    size_t lines = 0;
    for (const char *p = text.data; *p; p++)
        lines += *p == '\n';
    assert_int_equal(lines, stage_count + 1);
    assert_non_null(strstr(text.data, "44     EgressRule           policy     EgressDefault"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables_ascend_and_names_are_unique),
        cmocka_unit_test(test_misses_lead_forward),
        cmocka_unit_test(test_the_page_is_the_table_printed),
        cmocka_unit_test(test_print_has_a_line_a_stage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
