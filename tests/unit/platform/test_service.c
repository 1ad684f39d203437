/* SPDX-License-Identifier: Apache-2.0
 *
 * Services: in the foreground a program runs as if there were no manager; where there is one, what
 * is given to it comes back. */
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
#include "platform/service.h"
#include "tests/support/os.h"

#define NAME "seine-unit-test"

static bool has_manager(void)
{
    return strcmp(process_platform(), "windows") == 0;
}

static int count_arguments(int argc, char **argv)
{
    assert_false(service_is_managed());
    service_tell_running();
    return argc * 10 + (strcmp(argv[1], "x") == 0);
}

static void in_the_foreground_main_is_called_directly(void **state)
{
    (void)state;
    char program[] = "p", word[] = "x";
    char *argv[] = {program, word, NULL};
    assert_int_equal(service_main_run(NAME, 2, argv, count_arguments), 21);
    assert_false(service_is_managed());
    service_on_stop(NULL, NULL);
    service_log_event(SERVICE_EVENT_ERROR, "to nobody");
    service_log_write("to nobody\n", 10);
}

static void size_is(const char *path, size_t expected)
{
    auto_free char *text = NULL;
    size_t n = 0;
    assert_int_equal(file_read(path, 1 << 20, &text, &n, NULL), 0);
    assert_int_equal(n, expected);
}

static void the_log_is_bounded(void **state)
{
    (void)state;
    char root[256];
    auto_sbuf path = SBUF_INIT;
    auto_sbuf old = SBUF_INIT;
    struct err err = {0};
    assert_int_equal(os_temp_dir(root, sizeof root), 0);
    sbuf_printf(&path, "%s/logs/\xc3\xa4.log", root);
    sbuf_printf(&old, "%s.1", path.data);
    if (!has_manager()) {
        assert_int_equal(service_log_open(path.data, 100, &err), ERR_UNSUPPORTED);
        os_remove_tree(root);
        return;
    }
    assert_int_equal(service_log_open(path.data, 100, &err), 0);
    for (int i = 0; i < 25; i++) /* 4 lines fit */
        service_log_write("a line of twenty-five b.\n", 25);
    service_log_close();
    size_is(path.data, 25);
    size_is(old.data, 100);
    /* Goes on where it ended; a line longer than the limit is kept whole. */
    assert_int_equal(service_log_open(path.data, 100, &err), 0);
    service_log_write("a line of twenty-five b.\n", 25);
    size_is(path.data, 50);
    char large[300];
    memset(large, 'x', sizeof large);
    service_log_write(large, sizeof large);
    service_log_close();
    size_is(path.data, 300);
    size_is(old.data, 50);
    service_log_write("nothing\n", 8);
    size_is(path.data, 300);
    os_remove_tree(root);
}

static void a_service_comes_back_as_it_was_made(void **state)
{
    (void)state;
    const char *const args[] = {"--config", "C:\\a b\\",   "say \"x\"",
                                "",         "C:\\plain\\", "\\\"\\\\"};
    struct service_spec spec = {.name = NAME,
                                .display = "Seine unit test",
                                .description = "made and removed by a test",
                                .program = "C:\\Program Files\\x y\\z.exe",
                                .args = args,
                                .n_args = ARRAY_LEN(args)};
    struct service_status s;
    struct err err = {0};
    if (!has_manager()) {
        assert_int_equal(service_install(&spec, &err), ERR_UNSUPPORTED);
        assert_int_equal(service_query(NAME, &s, &err), ERR_UNSUPPORTED);
        assert_int_equal(service_remove(NAME, &err), ERR_UNSUPPORTED);
        return;
    }
    assert_int_equal(service_remove(NAME, &err), 0); /* what an earlier run may have left */
    assert_int_equal(service_query(NAME, &s, &err), 0);
    assert_int_equal(s.state, SERVICE_IS_ABSENT);
    assert_int_equal(service_start(NAME, 1000, &err), ERR_NOT_FOUND);
    assert_int_equal(service_stop(NAME, 1000, &err), 0);
    assert_int_equal(service_set_command(NAME, "x", &err), ERR_NOT_FOUND);

    assert_int_equal(service_install(&spec, &err), 0);
    assert_int_equal(service_query(NAME, &s, &err), 0);
    assert_int_equal(s.state, SERVICE_IS_STOPPED);
    assert_true(s.automatic);
    assert_true(s.restarts || !s.restarts_known);
    assert_string_equal(s.command, "\"C:\\Program Files\\x y\\z.exe\" --config \"C:\\a b\\\\\" "
                                   "\"say \\\"x\\\"\" \"\" C:\\plain\\ \"\\\\\\\"\\\\\\\\\"");
    spec.n_args = 0;
    assert_int_equal(service_install(&spec, &err), 0); /* changes it */
    assert_int_equal(service_query(NAME, &s, &err), 0);
    assert_string_equal(s.command, "\"C:\\Program Files\\x y\\z.exe\"");
    assert_int_equal(service_set_command(NAME, "\"C:\\q.exe\" 1", &err), 0);
    assert_int_equal(service_query(NAME, &s, &err), 0);
    assert_string_equal(s.command, "\"C:\\q.exe\" 1");
    assert_int_equal(service_start(NAME, 5000, &err), ERR_NOT_FOUND); /* there is no such program */
    assert_int_equal(service_stop(NAME, 1000, &err), 0);
    assert_int_equal(service_remove(NAME, &err), 0);
    assert_int_equal(service_query(NAME, &s, &err), 0);
    assert_int_equal(s.state, SERVICE_IS_ABSENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_the_foreground_main_is_called_directly),
        cmocka_unit_test(the_log_is_bounded),
        cmocka_unit_test(a_service_comes_back_as_it_was_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
