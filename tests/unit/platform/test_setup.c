/* SPDX-License-Identifier: Apache-2.0
 *
 * What an installer needs of the system: program files are placed whole, paths are told as they
 * are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/sbuf.h"
#include "platform/ipc.h"
#include "platform/process.h"
#include "platform/setup.h"
#include "tests/support/os.h"

static char root[256];

static int setup(void **state)
{
    (void)state;
    return os_temp_dir(root, sizeof root);
}

static int teardown(void **state)
{
    (void)state;
    os_remove_tree(root);
    return 0;
}

static char *at(const char *name)
{
    auto_sbuf path = SBUF_INIT;
    sbuf_printf(&path, "%s/%s", root, name);
    return sbuf_take(&path);
}

static void put(const char *path, const char *text)
{
    assert_int_equal(file_write_atomic(path, text, strlen(text), NULL), 0);
}

static void expect(const char *path, const char *text)
{
    auto_free char *now = NULL;
    size_t n = 0;
    assert_int_equal(file_read(path, 1 << 20, &now, &n, NULL), 0);
    assert_string_equal(now, text);
}

static void files_are_copied_whole(void **state)
{
    (void)state;
    auto_free char *a = at("a b.exe");
    auto_free char *b = at("\xc3\xa4.exe");
    auto_free char *fresh = at("\xc3\xa4.exe.new");
    auto_free char *none = at("none");
    auto_free char *deep = at("none/x");
    struct err err = {0};
    put(a, "one");
    assert_int_equal(setup_copy_file(a, b, &err), 0);
    expect(b, "one");
    put(a, "two");
    put(fresh, "left by one that was killed");
    assert_int_equal(setup_copy_file(a, b, &err), 0);
    expect(b, "two");
    assert_false(setup_is_same_file(fresh, fresh));
    assert_int_equal(setup_copy_file(none, b, &err), ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "none: No such file or directory"));
    expect(b, "two");
    assert_int_equal(setup_copy_file(a, deep, &err), ERR_NOT_FOUND);
    assert_int_equal(setup_copy_file(a, root, &err), ERR_IO);
    assert_true(setup_is_folder(root));
}

static void files_are_moved_and_removed(void **state)
{
    (void)state;
    auto_free char *a = at("a");
    auto_free char *b = at("b");
    struct err err = {0};
    put(a, "one");
    put(b, "two");
    assert_false(setup_is_same_file(a, b));
    assert_int_equal(setup_move_file(a, b, &err), 0);
    expect(b, "one");
    assert_false(setup_is_same_file(a, a));
    assert_int_equal(setup_move_file(a, b, &err), ERR_NOT_FOUND);
    assert_int_equal(setup_remove_file(b, &err), 0);
    assert_int_equal(setup_remove_file(b, &err), 0);
    assert_false(setup_is_same_file(b, b));
    assert_int_not_equal(setup_remove_file(root, &err), 0);
    assert_true(setup_is_folder(root));
}

static void folders_are_made_with_their_parents(void **state)
{
    (void)state;
    auto_free char *deep = at("x/y z/w");
    auto_free char *up = at("x/y z");
    auto_free char *file = at("x/file");
    auto_free char *below = at("x/file/w");
    struct err err = {0};
    assert_int_equal(setup_make_folder(deep, &err), 0);
    assert_int_equal(setup_make_folder(deep, &err), 0);
    assert_true(setup_is_folder(deep));
    put(file, "");
    assert_false(setup_is_folder(file));
    assert_int_not_equal(setup_make_folder(file, &err), 0);
    assert_int_not_equal(setup_make_folder(below, &err), 0);
    assert_int_equal(setup_remove_folder(up, &err), 0); /* not empty: it stays */
    assert_true(setup_is_folder(up));
    assert_int_equal(setup_remove_folder(deep, &err), 0);
    assert_int_equal(setup_remove_folder(deep, &err), 0);
    assert_false(setup_is_folder(deep));
}

static void paths_are_told_from_the_root(void **state)
{
    (void)state;
    auto_free char *own = NULL;
    auto_free char *full = NULL;
    auto_free char *again = NULL;
    struct err err = {0};
    assert_int_equal(setup_own_program(&own, &err), 0);
    assert_non_null(strstr(own, "test_platform_setup"));
    assert_true(setup_is_same_file(own, own));
    assert_int_equal(setup_full_path("not-there/x", &full, &err), 0);
    assert_non_null(strstr(full, "not-there"));
    assert_true(strlen(full) > strlen("not-there/x"));
    assert_int_equal(setup_full_path(full, &again, &err), 0);
    assert_string_equal(again, full);
    if (strcmp(process_platform(), "windows") == 0) {
        auto_free char *mixed = NULL;
        assert_int_equal(setup_full_path("C:/a\\b", &mixed, &err), 0);
        assert_string_equal(mixed, "C:/a\\b");
    }
}

static void the_system_says_what_it_is(void **state)
{
    (void)state;
    struct setup_version v = {0};
    struct err err = {0};
    auto_free char *programs = NULL;
    auto_free char *data = NULL;
    char line[128];
    if (strcmp(process_platform(), "windows") != 0) {
        assert_int_equal(setup_system_version(&v, &err), ERR_UNSUPPORTED);
        assert_int_equal(setup_folder(SETUP_DATA, &data, &err), ERR_UNSUPPORTED);
        assert_null(data);
        return;
    }
    assert_int_equal(setup_system_version(&v, &err), 0);
    assert_true(v.major >= 10 && v.build > 10000);
    assert_int_equal(setup_folder(SETUP_PROGRAMS, &programs, &err), 0);
    assert_int_equal(setup_folder(SETUP_DATA, &data, &err), 0);
    assert_true(setup_is_folder(programs) && setup_is_folder(data));
    assert_int_equal(setup_ask_program("C:\\windows\\system32\\cmd.exe", "/c echo one two", line,
                                       sizeof line, &err),
                     0);
    assert_string_equal(line, "one two");
    assert_int_equal(setup_ask_program("C:\\no.exe", "x", line, sizeof line, &err), ERR_NOT_FOUND);
    assert_int_equal(
        setup_ask_program("C:\\windows\\system32\\cmd.exe", "/c exit 3", line, sizeof line, &err),
        ERR_PROTOCOL);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(files_are_copied_whole),
        TEST(files_are_moved_and_removed),
        TEST(folders_are_made_with_their_parents),
        TEST(paths_are_told_from_the_root),
        TEST(the_system_says_what_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
