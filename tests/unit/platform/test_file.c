/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/base/sbuf.h"
#include "platform/ipc.h"
#include "platform/pipe.h"
#include "tests/support/os.h"

static char dir[128];

static const char *in_dir(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static int dir_setup(void **state)
{
    (void)state;
    return os_temp_dir(dir, sizeof dir);
}

static int dir_teardown(void **state)
{
    (void)state;
    os_remove_tree(dir);
    return 0;
}

static void written_file_is_private_and_whole(void **state)
{
    (void)state;
    char *text = NULL;
    size_t n = 0;
    assert_int_equal(file_write_atomic(in_dir("a/b/c.json"), "one", 3, NULL), 0);
    assert_int_equal(file_write_atomic(in_dir("a/b/c.json"), "second", 6, NULL), 0);
    assert_int_equal(file_read(in_dir("a/b/c.json"), 6, &text, &n, NULL), 0);
    assert_int_equal(n, 6);
    assert_string_equal(text, "second");
    mem_free(text);
    assert_true(os_is_private(in_dir("a/b/c.json")));
    assert_true(os_is_private(in_dir("a/b")));
}

static void no_temporary_file_is_left(void **state)
{
    (void)state;
    char **names = NULL;
    size_t n = 0;
    struct err err = {0};
    assert_int_equal(file_write_atomic(in_dir("b"), "x", 1, NULL), 0);
    assert_int_equal(file_write_atomic(in_dir("a"), "x", 1, NULL), 0);
    assert_int_equal(dir_make(in_dir("c"), NULL), 0);
    assert_int_equal(file_write_atomic(in_dir("c"), "x", 1, &err), ERR_IO); /* a folder is there */
    assert_non_null(strstr(err.text, "c: Is a directory"));
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
    assert_false(os_exists(in_dir("a")));
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
    assert_int_equal(dir_make(in_dir("x/f"), &err), ERR_IO);
    assert_non_null(strstr(err.text, "x/f: Not a directory"));
    assert_int_equal(dir_make(in_dir("x/f/g"), &err), ERR_IO);
    assert_non_null(strstr(err.text, "Not a directory"));
    assert_int_equal(dir_make_private(in_dir("x/y/own"), NULL), 0);
    assert_true(os_is_private(in_dir("x/y/own")));
}

static void a_folder_that_was_there_is_made_private(void **state)
{
    (void)state;
    assert_int_equal(os_make_dir(in_dir("run")), 0);
    assert_int_equal(dir_make_private(in_dir("run"), NULL), 0);
    assert_int_equal(file_write_atomic(in_dir("run/x"), "x", 1, NULL), 0);
    assert_int_equal(dir_make_private(in_dir("run"), NULL), 0);
    if (os_is_emulated()) {
        skip(); /* Wine takes rights for what is there already, and keeps the old ones */
    }
    assert_true(os_is_private(in_dir("run")));
    assert_true(os_is_private(in_dir("run/x")));
}

static void a_name_is_spelled_as_the_folder_has_it(void **state)
{
    (void)state;
    assert_int_equal(file_write_atomic(in_dir("Name"), "x", 1, NULL), 0);
    assert_true(file_is_spelled(in_dir("Name")));
    assert_true(file_is_spelled(in_dir("none")));
    assert_int_equal(file_is_spelled(in_dir("nAME")), !pipe_is_native()); /* Linux: another file */
}

static void a_strangers_folder_is_not_ours(void **state)
{
    (void)state;
    struct err err = {0};
    assert_int_equal(dir_make(in_dir("run"), NULL), 0);
    assert_int_equal(dir_make_private(in_dir("run"), &err), 0);
    if (os_give_away(in_dir("run")) < 0) {
        skip();
    }
    assert_int_equal(dir_make_private(in_dir("run"), &err), ERR_PERMISSION);
    assert_non_null(strstr(err.text, "run: belongs to another user"));
}

static void what_is_no_file_is_told_apart(void **state)
{
    (void)state;
    char *text = NULL, **names = NULL;
    size_t n = 0;
    struct err err = {0};
    assert_int_equal(file_write_atomic(in_dir("f"), "x", 1, NULL), 0);
    assert_int_equal(file_read(dir, 100, &text, &n, &err), ERR_IO);
    assert_non_null(strstr(err.text, ": Is a directory"));
    assert_int_equal(file_read(in_dir("f/g"), 100, &text, &n, &err), ERR_IO);
    assert_non_null(strstr(err.text, "f/g: Not a directory"));
    assert_int_equal(file_list(in_dir("f"), &names, &n, &err), ERR_IO);
    assert_non_null(strstr(err.text, "f: Not a directory"));
    assert_true(file_remove(dir, &err) < 0);
    assert_null(text);
    assert_null(names);
}

static void names_are_in_the_order_of_their_utf8(void **state)
{
    (void)state;
    /* U+FFE5 is after U+1F600 in UTF-16, before it in UTF-8. */
    static const char *const sorted[] = {"B", "a", "\xc3\xa9", "\xef\xbf\xa5", "\xf0\x9f\x98\x80"};
    char **names = NULL, *text = NULL;
    size_t n = 0, len = 0;
    for (size_t i = ARRAY_LEN(sorted); i-- > 0;) {
        assert_int_equal(file_write_atomic(in_dir(sorted[i]), sorted[i], 1, NULL), 0);
    }
    assert_int_equal(file_list(dir, &names, &n, NULL), 0);
    assert_int_equal(n, ARRAY_LEN(sorted));
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(names[i], sorted[i]);
        assert_int_equal(file_read(in_dir(names[i]), 10, &text, &len, NULL), 0);
        mem_free(text);
        mem_free(names[i]);
    }
    mem_free(names);
}

static void deep_paths_are_no_limit(void **state)
{
    (void)state;
    auto_sbuf path = SBUF_INIT;
    char *text = NULL, **names = NULL;
    size_t n = 0;
    sbuf_puts(&path, dir);
    for (int i = 0; i < 8; i++) {
        sbuf_puts(&path, "/a-name-of-sixty-bytes-that-fills-the-two-hundred-and-sixty-of-old");
    }
    assert_int_equal(dir_make(path.data, NULL), 0);
    size_t folder = path.len;
    sbuf_puts(&path, "/f");
    assert_int_equal(file_write_atomic(path.data, "deep", 4, NULL), 0);
    assert_int_equal(file_read(path.data, 10, &text, &n, NULL), 0);
    assert_string_equal(text, "deep");
    mem_free(text);
    assert_int_equal(file_append(path.data, "er", 2, NULL), 0);
    path.data[folder] = 0;
    assert_int_equal(file_list(path.data, &names, &n, NULL), 0);
    assert_int_equal(n, 1);
    mem_free(names[0]);
    mem_free(names);
    path.data[folder] = '/';
    assert_int_equal(file_remove(path.data, NULL), 0);
    assert_int_equal(file_read(path.data, 10, &text, &n, NULL), ERR_NOT_FOUND);
}

static void bytes_are_kept_as_they_are(void **state)
{
    (void)state;
    static const char bytes[] = "a\r\nb\nc\x1a"
                                "d\0e";
    char *text = NULL;
    size_t n = 0;
    assert_int_equal(file_write_atomic(in_dir("bytes"), bytes, sizeof bytes, NULL), 0);
    assert_int_equal(file_append(in_dir("bytes"), bytes, sizeof bytes, NULL), 0);
    assert_int_equal(file_read(in_dir("bytes"), 100, &text, &n, NULL), 0);
    assert_int_equal(n, 2 * sizeof bytes);
    assert_memory_equal(text, bytes, sizeof bytes);
    assert_memory_equal(text + sizeof bytes, bytes, sizeof bytes);
    mem_free(text);
}

struct pieces {
    int left;
    char text[8];
};

static size_t next_piece(void *aux, const void **p_out)
{
    struct pieces *x = aux;
    if (!x->left) {
        return 0;
    }
    snprintf(x->text, sizeof x->text, "%d,", x->left--);
    *p_out = x->text;
    return strlen(x->text);
}

static void a_file_is_written_in_pieces(void **state)
{
    (void)state;
    struct pieces x = {.left = 12};
    auto_free char *text = NULL;
    size_t n = 0;
    assert_int_equal(file_write_pieces(in_dir("pieces"), next_piece, &x, NULL), 0);
    assert_int_equal(file_read(in_dir("pieces"), 100, &text, &n, NULL), 0);
    assert_string_equal(text, "12,11,10,9,8,7,6,5,4,3,2,1,");
    assert_int_equal(file_write_pieces(in_dir("pieces"), next_piece, &x, NULL), 0);
    mem_free(text);
    assert_int_equal(file_read(in_dir("pieces"), 100, &text, &n, NULL), 0);
    assert_int_equal(n, 0);
}

int main(void)
{
#define DIR_TEST(name) cmocka_unit_test_setup_teardown(name, dir_setup, dir_teardown)
    const struct CMUnitTest tests[] = {
        DIR_TEST(written_file_is_private_and_whole),
        DIR_TEST(a_file_is_written_in_pieces),
        DIR_TEST(no_temporary_file_is_left),
        DIR_TEST(too_long_file_is_refused),
        DIR_TEST(the_absent_is_told),
        DIR_TEST(removed_file_is_gone),
        DIR_TEST(appended_text_comes_after),
        DIR_TEST(folder_is_made_with_its_parents),
        DIR_TEST(a_folder_that_was_there_is_made_private),
        DIR_TEST(a_name_is_spelled_as_the_folder_has_it),
        DIR_TEST(a_strangers_folder_is_not_ours),
        DIR_TEST(what_is_no_file_is_told_apart),
        DIR_TEST(names_are_in_the_order_of_their_utf8),
        DIR_TEST(deep_paths_are_no_limit),
        DIR_TEST(bytes_are_kept_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
