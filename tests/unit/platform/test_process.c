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
#include "platform/ipc.h"
#include "platform/pipe.h"
#include "platform/process.h"
#include "platform/program.h"
#include "tests/support/os.h"

static char dir[128], path[160];

static int dir_setup(void **state)
{
    (void)state;
    if (os_temp_dir(dir, sizeof dir) < 0) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/lock", dir);
    return 0;
}

static int dir_teardown(void **state)
{
    (void)state;
    os_remove_tree(dir);
    return 0;
}

static void second_lock_names_the_holder(void **state)
{
    (void)state;
    struct process_lock *first = NULL, *second = NULL;
    struct err err = {0};
    int pid = 0;
    assert_int_equal(process_lock(path, &first, &pid, &err), 0);
    assert_int_equal(process_lock(path, &second, &pid, &err), ERR_EXISTS);
    assert_int_equal(pid, os_process_id());
    assert_null(second);
    process_unlock(first);
    assert_int_equal(process_lock(path, &second, &pid, &err), 0);
    process_unlock(second);
    process_unlock(NULL);
}

/* The other process: holds the lock, says so by a file, and waits to be killed. */
static int hold(const char *lock_path)
{
    struct process_lock *lock = NULL;
    char ready[200];
    snprintf(ready, sizeof ready, "%s.held", lock_path);
    if (process_lock(lock_path, &lock, NULL, NULL) < 0 ||
        file_write_atomic(ready, "", 0, NULL) < 0) {
        return 1;
    }
    process_sleep_ms(60000);
    return 0;
}

static void lock_ends_with_its_holder(void **state)
{
    (void)state;
    struct process_lock *lock = NULL;
    char ready[200];
    int pid = 0;
    snprintf(ready, sizeof ready, "%s.held", path);
    struct os_child *child = os_child_start(path);
    for (int i = 0; i < 6000 && !os_exists(ready); i++) {
        process_sleep_ms(10);
    }
    assert_true(os_exists(ready));
    assert_int_equal(process_lock(path, &lock, &pid, NULL), ERR_EXISTS);
    assert_int_equal(pid, os_child_id(child));
    os_child_kill(child);
    assert_int_equal(process_lock(path, &lock, &pid, NULL), 0);
    process_unlock(lock);
}

static void lock_in_a_missing_folder_is_an_error(void **state)
{
    (void)state;
    struct process_lock *lock = NULL;
    struct err err = {0};
    char missing[200];
    snprintf(missing, sizeof missing, "%s/none/lock", dir);
    assert_int_equal(process_lock(missing, &lock, NULL, &err), ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "none/lock: No such file"));
}

static void memory_in_use_is_seen_to_grow(void **state)
{
    (void)state;
    uint64_t before = process_rss_kb();
    size_t n = 64 << 20;
    char *p = mem_alloc(n);
    memset(p, 1, n);
    assert_true(process_rss_kb() >= before + 60000);
    assert_true(process_peak_rss_kb() >= before + 60000);
    mem_free(p);
    process_trim_memory();
}

static void clock_does_not_go_back(void **state)
{
    (void)state;
    uint64_t last = process_now_ns();
    for (int i = 0; i < 1000; i++) {
        uint64_t now = process_now_ns();
        assert_true(now >= last);
        last = now;
    }
}

static void defaults_are_the_documented_ones(void **state)
{
    (void)state;
    char host[256];
    auto_free char *socket = process_default_socket("/r");
    if (pipe_is_native()) {
        assert_non_null(strstr(process_default_run_dir(), ":\\ProgramData\\seine"));
        assert_string_equal(process_default_ovsdb(),
                            "unix:C:/openvswitch/var/run/openvswitch/db.sock");
        assert_string_equal(process_platform(), "windows");
        assert_string_equal(socket, "\\\\.\\pipe\\seine-agent");
    } else {
        assert_string_equal(process_default_run_dir(), "/run/seine");
        assert_string_equal(process_default_ovsdb(), "unix:/var/run/openvswitch/db.sock");
        assert_string_equal(process_platform(), "linux");
        assert_string_equal(socket, "/r/agent.sock");
    }
    assert_int_equal(process_hostname(host, sizeof host), 0);
    assert_true(strlen(host) > 0);
}

static void wall_clock_is_of_this_century(void **state)
{
    (void)state;
    uint64_t ms = process_wall_ms(), ns = process_now_ns();
    assert_true(ms > UINT64_C(1700000000000) && ms < UINT64_C(4102444800000));
    process_sleep_ms(30);
    assert_true(process_wall_ms() >= ms + 20);
    assert_true(process_now_ns() >= ns + 20000000);
}

static void expect_mounted(const char *sandbox, const char *linux, const char *windows)
{
    os_set_variable("CONTAINER_SANDBOX_MOUNT_POINT", sandbox);
    char *got = program_mounted("/var/run/secrets");
    bool is_windows = strcmp(process_platform(), "windows") == 0;
    assert_string_equal(got, is_windows ? windows : linux);
    mem_free(got);
}

static void mounts_of_a_pod_are_found(void **state)
{
    static const char *const folders[] = {"/var", "/var/run", "/var/run/secrets"};
    const char *usual = "/var/run/secrets", *bound = "C:/var/run/secrets";
    char below[200], slash[160], backslash[160];
    (void)state;
    snprintf(below, sizeof below, "%s%s", dir, usual);
    snprintf(slash, sizeof slash, "%s/", dir);
    snprintf(backslash, sizeof backslash, "%s\\", dir);
    expect_mounted(NULL, usual, bound);
    expect_mounted("", usual, bound);
    expect_mounted("\\", usual, bound);
    expect_mounted(dir, usual, bound);
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        char folder[200];
        snprintf(folder, sizeof folder, "%s%s", dir, folders[i]);
        assert_int_equal(os_make_dir(folder), 0);
    }
    expect_mounted(dir, usual, below);
    expect_mounted(slash, usual, below);
    expect_mounted(backslash, usual, below);
    os_set_variable("CONTAINER_SANDBOX_MOUNT_POINT", NULL);
}

int main(int argc, char **argv)
{
    program_start(&argc, &argv);
    if (argc > 1) {
        return hold(argv[1]);
    }
#define DIR_TEST(name) cmocka_unit_test_setup_teardown(name, dir_setup, dir_teardown)
    const struct CMUnitTest tests[] = {
        DIR_TEST(second_lock_names_the_holder),
        DIR_TEST(lock_ends_with_its_holder),
        DIR_TEST(lock_in_a_missing_folder_is_an_error),
        DIR_TEST(mounts_of_a_pod_are_found),
        cmocka_unit_test(memory_in_use_is_seen_to_grow),
        cmocka_unit_test(clock_does_not_go_back),
        cmocka_unit_test(wall_clock_is_of_this_century),
        cmocka_unit_test(defaults_are_the_documented_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
