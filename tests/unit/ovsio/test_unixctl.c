/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the control sockets of Open vSwitch's daemons are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ovs/unixctl.h"
#include "platform/ipc.h"
#include "tests/support/os.h"

static void a_socket_has_the_number_of_its_daemon(void **state)
{
    (void)state;
    char dir[200], path[256], want[256], out[256];
    struct err err = {0};
    assert_int_equal(os_temp_dir(dir, sizeof dir), 0);
    assert_int_equal(unixctl_address(dir, "ovs-vswitchd", out, sizeof out, &err), ERR_NOT_FOUND);
    snprintf(path, sizeof path, "%s/ovs-vswitchd.pid", dir);
    assert_int_equal(file_write_atomic(path, "412\n", 4, NULL), 0);
    assert_int_equal(unixctl_address(dir, "ovs-vswitchd", out, sizeof out, &err), 0);
    snprintf(want, sizeof want, "unix:%s/ovs-vswitchd.412.ctl", dir);
    assert_string_equal(out, want);
    assert_int_equal(file_write_atomic(path, "x1\n", 3, NULL), 0);
    assert_int_equal(unixctl_address(dir, "ovs-vswitchd", out, sizeof out, &err), ERR_INVALID);
    os_remove_tree(dir);
}

static void a_pipe_is_named_after_the_databases(void **state)
{
    (void)state;
    char out[128];
    struct err err = {0};
    assert_int_equal(unixctl_pipe_address("\\\\.\\pipe\\C:openvswitchvarrunopenvswitchdb.sock",
                                          "ovs-vswitchd", out, sizeof out, &err),
                     0);
    assert_string_equal(out, "pipe:\\\\.\\pipe\\C:openvswitchvarrunopenvswitchovs-vswitchd.ctl");
    static const char *const others[] = {"\\\\.\\pipe\\my-db", "sock", "", "db.sock2"};
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        assert_int_equal(unixctl_pipe_address(others[i], "ovs-vswitchd", out, sizeof out, &err),
                         ERR_UNSUPPORTED);
    }
    assert_int_equal(unixctl_pipe_address("db.sock", "d", out, 4, &err), ERR_TOO_BIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_socket_has_the_number_of_its_daemon),
        cmocka_unit_test(a_pipe_is_named_after_the_databases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
