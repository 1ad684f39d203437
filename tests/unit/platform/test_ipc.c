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
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "platform/ipc.h"
#include "platform/peer.h"

static char path[64];
static int listener = -1;

static int listen_at(const char *where, int backlog)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    snprintf(sa.sun_path, sizeof sa.sun_path, "%s", where);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (bind(fd, (struct sockaddr *)&sa, sizeof sa) < 0 || listen(fd, backlog) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static int listener_setup(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/seine-test-ipc-%d.sock", (int)getpid());
    unlink(path);
    listener = listen_at(path, 1);
    return listener >= 0 ? 0 : -1;
}

static int listener_teardown(void **state)
{
    (void)state;
    close(listener);
    return unlink(path);
}

static void bytes_go_both_ways(void **state)
{
    (void)state;
    struct ipc *c = NULL;
    char buf[16] = "";
    size_t n = 0;
    assert_int_equal(ipc_connect(path, 1000, &c, NULL), 0);
    int peer = accept(listener, NULL, NULL);
    assert_int_equal(ipc_write(c, "hello", 5, 1000, NULL), 0);
    assert_int_equal(read(peer, buf, sizeof buf), 5);
    assert_memory_equal(buf, "hello", 5);
    assert_int_equal(write(peer, "world!", 6), 6);
    assert_int_equal(ipc_read(c, buf, 4, 1000, &n, NULL), 0);
    assert_int_equal(n, 4);
    assert_int_equal(ipc_read(c, buf, sizeof buf, 1000, &n, NULL), 0);
    assert_int_equal(n, 2);
    close(peer);
    assert_int_equal(ipc_read(c, buf, sizeof buf, 1000, &n, NULL), 0);
    assert_int_equal(n, 0);
    ipc_close(c);
}

static void address_may_say_unix(void **state)
{
    (void)state;
    char address[80];
    struct ipc *c = NULL;
    snprintf(address, sizeof address, "unix:%s", path);
    assert_int_equal(ipc_connect(address, 1000, &c, NULL), 0);
    ipc_close(c);
}

static void silence_is_a_time_out(void **state)
{
    (void)state;
    struct ipc *c = NULL;
    char buf[4];
    size_t n = 0;
    struct err err = {0};
    assert_int_equal(ipc_connect(path, 1000, &c, NULL), 0);
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
    assert_int_equal(ipc_connect(path, 1000, &c, NULL), 0);
    close(accept(listener, NULL, NULL));
    assert_int_equal(ipc_write(c, "x", 1, 100, &err), ERR_CLOSED);
    ipc_close(c);
}

static void nobody_there_is_told_apart(void **state)
{
    (void)state;
    struct ipc *c = NULL;
    struct err err = {0};
    assert_int_equal(ipc_connect("/tmp/seine-no-such.sock", 100, &c, &err), ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "/tmp/seine-no-such.sock"));
    close(listener);
    assert_int_equal(ipc_connect(path, 100, &c, &err), ERR_REFUSED);
    unlink(path);
    listener = listen_at(path, 1);
    assert_int_equal(ipc_connect("", 100, &c, &err), ERR_INVALID);
    char *too_long = mem_calloc(1, 200);
    memset(too_long, 'a', 199);
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
    for (size_t i = 0; i < n; i++) {
        ipc_close(c[i]);
    }
}

static void root_is_known_as_peer(void **state)
{
    (void)state;
    struct ipc *c = NULL;
    struct err err = {0};
    assert_int_equal(ipc_connect(path, 1000, &c, NULL), 0);
    int peer = accept(listener, NULL, NULL);
    assert_int_equal(peer_check_root((uint64_t)peer, &err), geteuid() == 0 ? 0 : ERR_PERMISSION);
    close(peer);
    ipc_close(c);
    assert_true(peer_check_root((uint64_t)STDIN_FILENO + 500, &err) < 0);
}

int main(void)
{
#define SOCKET_TEST(name) cmocka_unit_test_setup_teardown(name, listener_setup, listener_teardown)
    const struct CMUnitTest tests[] = {
        SOCKET_TEST(bytes_go_both_ways),         SOCKET_TEST(address_may_say_unix),
        SOCKET_TEST(silence_is_a_time_out),      SOCKET_TEST(peer_that_went_away_is_told_on_write),
        SOCKET_TEST(nobody_there_is_told_apart), SOCKET_TEST(full_listener_is_a_time_out),
        SOCKET_TEST(root_is_known_as_peer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
