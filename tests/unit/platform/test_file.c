/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/base/sbuf.h"
#include "platform/ipc.h"

static char dir[64];

static const char *in_dir(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static int dir_setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/seine-test-file-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int dir_teardown(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

static void written_file_is_private_and_whole(void **state)
{
    (void)state;
    char *text = NULL;
    size_t n = 0;
    struct stat st;
    assert_int_equal(file_write_atomic(in_dir("a/b/c.json"), "one", 3, NULL), 0);
    assert_int_equal(file_write_atomic(in_dir("a/b/c.json"), "second", 6, NULL), 0);
    assert_int_equal(file_read(in_dir("a/b/c.json"), 6, &text, &n, NULL), 0);
    assert_int_equal(n, 6);
    assert_string_equal(text, "second");
    mem_free(text);
    assert_int_equal(stat(in_dir("a/b/c.json"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(in_dir("a/b"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
}

static void no_temporary_file_is_left(void **state)
{
    (void)state;
    char **names = NULL;
    size_t n = 0;
    struct err err = {0};
    assert_int_equal(file_write_atomic(in_dir("b"), "x", 1, NULL), 0);
    assert_int_equal(file_write_atomic(in_dir("a"), "x", 1, NULL), 0);
    assert_int_equal(mkdir(in_dir("c"), 0700), 0);
    assert_true(file_write_atomic(in_dir("c"), "x", 1, &err) < 0); /* a folder is there */
    assert_int_equal(file_list(dir, &names, &n, NULL), 0);
    assert_int_equal(n, 3);
    assert_string_equal(names[0], "a");
    assert_string_equal(names[1], "b");
    assert_string_equal(names[2], "c");
    for (size_t i = 0; i < n; i++) {
        mem_free(names[i]);
    }
    mem_free(names);
}

static void too_long_file_is_refused(void **state)
{
    (void)state;
    char *text = NULL;
    size_t n = 0;
    struct err err = {0};
    assert_int_equal(file_write_atomic(in_dir("long"), "12345", 5, NULL), 0);
    assert_int_equal(file_read(in_dir("long"), 4, &text, &n, &err), ERR_TOO_BIG);
    assert_null(text);
}

static void the_absent_is_told(void **state)
{
    (void)state;
    char *text = NULL, **names = NULL;
    size_t n = 0;
    struct err err = {0};
    assert_int_equal(file_read(in_dir("none"), 4, &text, &n, &err), ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "none: No such file"));
    assert_int_equal(file_list(in_dir("none"), &names, &n, &err), ERR_NOT_FOUND);
    assert_int_equal(file_remove(in_dir("none"), &err), 0);
}

static void removed_file_is_gone(void **state)
{
    (void)state;
    assert_int_equal(file_write_atomic(in_dir("a"), "x", 1, NULL), 0);
    assert_int_equal(file_remove(in_dir("a"), NULL), 0);
    assert_int_equal(access(in_dir("a"), F_OK), -1);
}

static void appended_text_comes_after(void **state)
{
    (void)state;
    char *text = NULL;
    size_t n = 0;
    assert_int_equal(file_append(in_dir("log"), "one\n", 4, NULL), 0);
    assert_int_equal(file_append(in_dir("log"), "two\n", 4, NULL), 0);
    assert_int_equal(file_read(in_dir("log"), 100, &text, &n, NULL), 0);
    assert_string_equal(text, "one\ntwo\n");
    mem_free(text);
    struct err err = {0};
    assert_int_equal(file_append(in_dir("no/log"), "x", 1, &err), ERR_NOT_FOUND);
}

static void folder_is_made_with_its_parents(void **state)
{
    (void)state;
    struct err err = {0};
    assert_int_equal(dir_make(in_dir("x/y/z"), NULL), 0);
    assert_int_equal(dir_make(in_dir("x/y/z"), NULL), 0);
    assert_int_equal(file_write_atomic(in_dir("x/f"), "", 0, NULL), 0);
    assert_true(dir_make(in_dir("x/f"), &err) < 0);
    assert_true(dir_make(in_dir("x/f/g"), &err) < 0);
}

int main(void)
{
#define DIR_TEST(name) cmocka_unit_test_setup_teardown(name, dir_setup, dir_teardown)
    const struct CMUnitTest tests[] = {
        DIR_TEST(written_file_is_private_and_whole),
        DIR_TEST(no_temporary_file_is_left),
        DIR_TEST(too_long_file_is_refused),
        DIR_TEST(the_absent_is_told),
        DIR_TEST(removed_file_is_gone),
        DIR_TEST(appended_text_comes_after),
        DIR_TEST(folder_is_made_with_its_parents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
