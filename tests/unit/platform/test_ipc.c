/* SPDX-License-Identifier: Apache-2.0
 *
 * The client's end of the local socket against a listener of the test's own. */
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
#include "platform/peer.h"
#include "platform/pipe.h"
#include "platform/process.h"
#include "tests/support/os.h"
#include "tests/unit/platform/ipc_server.h"

enum { PATIENCE_MS = 60000 };

static char path[64], nobody[64];
static struct ipc_server *server;

static int server_setup(void **state)
{
    (void)state;
    unsigned salt = (unsigned)(process_now_ns() / 1000);
    const char *folder = pipe_is_native() ? "" : "/tmp/";
    snprintf(path, sizeof path, "%sseine-test-ipc-%u.sock", folder, salt);
    snprintf(nobody, sizeof nobody, "%sseine-no-such-%u.sock", folder, salt);
    server = ipc_server_new(path);
    return server ? 0 : -1;
}

static int server_teardown(void **state)
{
    (void)state;
    ipc_server_free(server);
    server = NULL;
    return 0;
}

static void bytes_go_both_ways(void **state)
{
    (void)state;
    struct ipc *c = NULL;
    char buf[16] = "";
    size_t n = 0;
    assert_int_equal(ipc_connect(path, PATIENCE_MS, &c, NULL), 0);
    uint64_t peer = ipc_server_accept(server);
    assert_int_equal(ipc_write(c, "hello", 5, PATIENCE_MS, NULL), 0);
    assert_int_equal(ipc_server_read(peer, buf, sizeof buf), 5);
    assert_memory_equal(buf, "hello", 5);
    assert_true(ipc_server_write(peer, "world!", 6));
    assert_int_equal(ipc_read(c, buf, 4, PATIENCE_MS, &n, NULL), 0);
    assert_int_equal(n, 4);
    assert_int_equal(ipc_read(c, buf, sizeof buf, PATIENCE_MS, &n, NULL), 0);
    assert_int_equal(n, 2);
    ipc_server_drop(peer);
    assert_int_equal(ipc_read(c, buf, sizeof buf, PATIENCE_MS, &n, NULL), 0);
    assert_int_equal(n, 0);
    ipc_close(c);
}

static void what_was_written_before_the_end_is_read(void **state)
{
    (void)state;
    struct ipc *c = NULL;
    size_t big = 40000, got = 0, n = 1;
    auto_free char *much = mem_calloc(1, big), *in = mem_calloc(1, big);
    memset(much, 'x', big);
    assert_int_equal(ipc_connect(path, PATIENCE_MS, &c, NULL), 0);
    uint64_t peer = ipc_server_accept(server);
    assert_true(ipc_server_write(peer, much, big));
    ipc_server_drop(peer);
    while (n) {
        assert_int_equal(ipc_read(c, in + got, big - got + 1, PATIENCE_MS, &n, NULL), 0);
        got += n;
    }
    assert_int_equal(got, big);
    ipc_close(c);
}

static void address_may_say_its_kind(void **state)
{
    (void)state;
    char address[100];
    struct ipc *c = NULL;
    struct err err = {0};
    snprintf(address, sizeof address, "%s%s", pipe_is_native() ? "pipe:" : "unix:", path);
    assert_int_equal(ipc_connect(address, PATIENCE_MS, &c, NULL), 0);
    ipc_server_drop(ipc_server_accept(server));
    ipc_close(c);
    c = NULL;
    snprintf(address, sizeof address, "\\\\.\\pipe\\%s", path);
    if (pipe_is_native()) {
        assert_int_equal(ipc_connect(address, PATIENCE_MS, &c, NULL), 0);
        ipc_close(c);
    } else {
        assert_int_equal(ipc_connect(address, PATIENCE_MS, &c, &err), ERR_INVALID);
        assert_int_equal(ipc_connect("pipe:x", PATIENCE_MS, &c, &err), ERR_INVALID);
    }
}

static void silence_is_a_time_out(void **state)
{
    (void)state;
    struct ipc *c = NULL;
    char buf[4];
    size_t n = 0;
    struct err err = {0};
    assert_int_equal(ipc_connect(path, PATIENCE_MS, &c, NULL), 0);
    assert_int_equal(ipc_read(c, buf, sizeof buf, 20, &n, &err), ERR_TIMEOUT);
    size_t big = 8 << 20;
    char *much = mem_calloc(1, big);
    assert_int_equal(ipc_write(c, much, big, 20, &err), ERR_TIMEOUT);
    mem_free(much);
    ipc_close(c);
}

static void peer_that_went_away_is_told_on_write(void **state)
{
    (void)state;
    struct ipc *c = NULL;
    struct err err = {0};
    assert_int_equal(ipc_connect(path, PATIENCE_MS, &c, NULL), 0);
    ipc_server_drop(ipc_server_accept(server));
    assert_int_equal(ipc_write(c, "x", 1, 100, &err), ERR_CLOSED);
    assert_string_equal(err.text, "write: Broken pipe");
    ipc_close(c);
}

static void nobody_there_is_told_apart(void **state)
{
    (void)state;
    struct ipc *c = NULL;
    struct err err = {0};
    assert_int_equal(ipc_connect(nobody, 100, &c, &err), ERR_NOT_FOUND);
    char want[128];
    snprintf(want, sizeof want, "%s: No such file or directory", nobody); /* as it was given */
    assert_string_equal(err.text, want);
    assert_int_equal(ipc_connect("", 100, &c, &err), ERR_INVALID);
    char *too_long = mem_calloc(1, 300);
    memset(too_long, 'a', 299);
    assert_int_equal(ipc_connect(too_long, 100, &c, &err), ERR_INVALID);
    mem_free(too_long);
    assert_null(c);
}

static void full_listener_is_a_time_out(void **state)
{
    (void)state;
    struct ipc *c[8] = {NULL};
    struct err err = {0};
    int rc = 0;
    size_t n = 0;
    for (; n < 8 && rc == 0; n++) {
        rc = ipc_connect(path, 30, &c[n], &err);
    }
    assert_int_equal(rc, ERR_TIMEOUT);
    /* Room is made by taking one. */
    ipc_server_drop(ipc_server_accept(server));
    assert_int_equal(ipc_connect(path, PATIENCE_MS, &c[n - 1], &err), 0);
    for (size_t i = 0; i < n; i++) {
        ipc_close(c[i]);
    }
}

static void root_is_known_as_peer(void **state)
{
    (void)state;
    struct ipc *c = NULL;
    struct err err = {0};
    assert_int_equal(ipc_connect(path, PATIENCE_MS, &c, NULL), 0);
    uint64_t peer = ipc_server_accept(server);
    assert_int_equal(peer_check_root(peer, &err), os_is_privileged() ? 0 : ERR_PERMISSION);
    ipc_server_drop(peer);
    ipc_close(c);
    assert_true(peer_check_root(UINT64_C(500), &err) < 0);
}

static void second_listener_is_refused(void **state)
{
    (void)state;
    if (!ipc_server_is_exclusive()) {
        skip();
    }
    struct ipc_server *second = ipc_server_new(path);
    ipc_server_free(second);
    assert_null(second);
}

int main(void)
{
#define SOCKET_TEST(name) cmocka_unit_test_setup_teardown(name, server_setup, server_teardown)
    const struct CMUnitTest tests[] = {
        SOCKET_TEST(bytes_go_both_ways),
        SOCKET_TEST(what_was_written_before_the_end_is_read),
        SOCKET_TEST(address_may_say_its_kind),
        SOCKET_TEST(silence_is_a_time_out),
        SOCKET_TEST(peer_that_went_away_is_told_on_write),
        SOCKET_TEST(nobody_there_is_told_apart),
        SOCKET_TEST(full_listener_is_a_time_out),
        SOCKET_TEST(root_is_known_as_peer),
        SOCKET_TEST(second_listener_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
