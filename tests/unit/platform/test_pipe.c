/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of local endpoints, and whom a named pipe lets in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "platform/pipe.h"
#include "tests/unit/platform/ipc_server.h"

struct named {
    const char *address;
    const char *linux_path;   /* NULL: refused */
    const char *windows_path; /* without \\.\pipe\; NULL: refused */
};

static const struct named named[] = {
    {"/run/seine/agent.sock", "/run/seine/agent.sock", "runseineagent.sock"},
    {"seine-agent", "seine-agent", "seine-agent"},
    {"\\\\.\\pipe\\seine-agent", NULL, "seine-agent"},
    {"pipe:seine-agent", NULL, "seine-agent"},
    {"pipe:\\\\.\\pipe\\seine-agent", NULL, "seine-agent"},
    {"pipe:C:\\ovs\\run\\db.sock", NULL, "C:ovsrundb.sock"},
    {"unix:C:/openvswitch/var/run/openvswitch/db.sock",
     "C:/openvswitch/var/run/openvswitch/db.sock", "C:openvswitchvarrunopenvswitchdb.sock"},
    /* Without a drive it is in Open vSwitch's run directory, as its own programs take it. */
    {"unix:db.sock", "db.sock", "C:openvswitchvarrunopenvswitchdb.sock"},
    {"unix:", NULL, NULL},
    {"pipe:", NULL, NULL},
    {"pipe:/\\", NULL, NULL},
    {"", NULL, NULL},
};

static void names_are_those_of_the_system(void **state)
{
    (void)state;
    static const char prefix[] = "\\\\.\\pipe\\";
    for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
        char path[PIPE_PATH_MAX] = "";
        struct err err = {0};
        const char *want = pipe_is_native() ? named[i].windows_path : named[i].linux_path;
        int rc = pipe_path(named[i].address, path, &err);
        if (!want) {
            assert_int_equal(rc, ERR_INVALID);
            assert_true(err.text[0]);
            continue;
        }
        assert_int_equal(rc, 0);
        size_t n = pipe_is_native() ? sizeof prefix - 1 : 0;
        assert_memory_equal(path, prefix, n);
        assert_string_equal(path + n, want);
    }
}

static void too_long_a_name_is_refused(void **state)
{
    (void)state;
    char address[PIPE_PATH_MAX + 100], path[PIPE_PATH_MAX];
    struct err err = {0};
    memset(address, 'a', sizeof address);
    address[sizeof address - 1] = 0;
    assert_int_equal(pipe_path(address, path, &err), ERR_INVALID);
}

static void a_pipe_is_for_system_and_administrators(void **state)
{
    (void)state;
    if (!pipe_is_native()) {
        int fd;
        struct err err = {0};
        struct pipe_listener *l = NULL;
        assert_int_equal(pipe_listen("/tmp/x", NULL, NULL, &l, &err), ERR_UNSUPPORTED);
        assert_int_equal(pipe_connect("/tmp/x", &fd, &err), ERR_UNSUPPORTED);
        return;
    }
    char rights[200] = "";
    struct ipc_server *s = ipc_server_new("seine-test-pipe-rights");
    assert_non_null(s);
    assert_true(ipc_server_rights("\\\\.\\pipe\\seine-test-pipe-rights", rights, sizeof rights));
    ipc_server_free(s);
    assert_string_equal(rights, "D:P(A;;GA;;;SY)(A;;GA;;;BA)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_those_of_the_system),
        cmocka_unit_test(too_long_a_name_is_refused),
        cmocka_unit_test(a_pipe_is_for_system_and_administrators),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
