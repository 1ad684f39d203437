/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "platform/process.h"

static void lock_path(char *path, size_t n)
{
    snprintf(path, n, "/tmp/seine-test-lock-%d", (int)getpid());
}

static void second_lock_names_the_holder(void **state)
{
    (void)state;
    char path[64];
    struct process_lock *first = NULL, *second = NULL;
    struct err err = {0};
    int pid = 0;
    lock_path(path, sizeof path);
    assert_int_equal(process_lock(path, &first, &pid, &err), 0);
    assert_int_equal(process_lock(path, &second, &pid, &err), ERR_EXISTS);
    assert_int_equal(pid, getpid());
    assert_null(second);
    process_unlock(first);
    assert_int_equal(process_lock(path, &second, &pid, &err), 0);
    process_unlock(second);
    process_unlock(NULL);
    unlink(path);
}

static void lock_ends_with_its_holder(void **state)
{
    (void)state;
    char path[64];
    struct process_lock *lock = NULL;
    int ready[2], pid = 0;
    char byte;
    lock_path(path, sizeof path);
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        bool held = process_lock(path, &lock, NULL, NULL) == 0;
        _exit(write(ready[1], held ? "y" : "n", 1) == 1 && pause() ? 0 : 1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    assert_int_equal(process_lock(path, &lock, &pid, NULL), ERR_EXISTS);
    assert_int_equal(pid, child);
    kill(child, 9);
    waitpid(child, NULL, 0);
    assert_int_equal(process_lock(path, &lock, &pid, NULL), 0);
    process_unlock(lock);
    unlink(path);
    close(ready[0]);
    close(ready[1]);
}

static void lock_in_a_missing_folder_is_an_error(void **state)
{
    (void)state;
    struct process_lock *lock = NULL;
    struct err err = {0};
    assert_int_equal(process_lock("/tmp/seine-no-such-dir/lock", &lock, NULL, &err), ERR_NOT_FOUND);
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
    assert_string_equal(process_default_run_dir(), "/run/seine");
    assert_string_equal(process_default_ovsdb(), "unix:/var/run/openvswitch/db.sock");
    assert_string_equal(process_platform(), "linux");
    assert_int_equal(process_hostname(host, sizeof host), 0);
    assert_true(strlen(host) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(second_lock_names_the_holder),
        cmocka_unit_test(lock_ends_with_its_holder),
        cmocka_unit_test(lock_in_a_missing_folder_is_an_error),
        cmocka_unit_test(memory_in_use_is_seen_to_grow),
        cmocka_unit_test(clock_does_not_go_back),
        cmocka_unit_test(defaults_are_the_documented_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
