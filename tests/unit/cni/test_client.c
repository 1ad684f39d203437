/* SPDX-License-Identifier: Apache-2.0
 *
 * The plugin's HTTP client against a server in a thread that answers with given bytes, in one piece
 * or byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cni/client.h"
#include "platform/pipe.h"
#include "tests/support/os.h"
#include "tests/support/spawn.h"
#include "tests/unit/platform/ipc_server.h"

/* The agent's end: what it says, and what it found. */
struct serving {
    struct ipc_server *server;
    const char *answer;
    size_t step;
    bool right;
};

/* Serves one connection: reads the request up to its body, writes the answer in steps. */
static void serve(void *aux)
{
    struct serving *s = aux;
    char in[4096] = "";
    uint64_t client = ipc_server_accept(s->server);
    for (size_t n = 0, got = 1; got && !strstr(in, "\r\n\r\nBODY"); n += got) {
        got = ipc_server_read(client, in + n, sizeof in - 1 - n);
    }
    s->right = strncmp(in, "POST /v1/cni HTTP/1.1\r\n", 23) == 0 &&
               strstr(in, "Content-Length: 4\r\n") && strstr(in, "\r\n\r\nBODY");
    size_t left = strlen(s->answer), step = s->step;
    for (const char *at = s->answer; left; at += step, left -= step) {
        step = step < left ? step : left;
        if (!ipc_server_write(client, at, step)) {
            break;
        }
    }
    ipc_server_drop(client);
}

struct answer {
    int rc, status;
    struct err err;
    char body[256];
};

static struct answer ask(const char *bytes, size_t step)
{
    char name[64];
    const char *folder = pipe_is_native() ? "" : "/tmp/";
    snprintf(name, sizeof name, "%sseine-test-client-%d.sock", folder, os_process_id());
    struct serving s = {.server = ipc_server_new(name), .answer = bytes, .step = step};
    assert_non_null(s.server);
    struct spawn_thread *thread = spawn_thread_start(serve, &s);
    struct answer a = {0};
    auto_sbuf body = SBUF_INIT;
    struct client_request request = {
        .socket = name, .path = "/v1/cni", .body = "BODY", .connect_ms = 60000, .answer_ms = 60000};
    a.rc = client_call(&request, &a.status, &body, &a.err);
    snprintf(a.body, sizeof a.body, "%s", sbuf_cstr(&body));
    spawn_thread_join(thread);
    assert_true(s.right);
    ipc_server_free(s.server);
    return a;
}

static void answers_with_length_are_read(void **state)
{
    (void)state;
    static const size_t steps[] = {1, 7, 4096};
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct answer a =
            ask("HTTP/1.1 200 OK\r\nX: y\r\ncontent-LENGTH:  5\r\n\r\nhello", steps[i]);
        assert_int_equal(a.rc, 0);
        assert_int_equal(a.status, 200);
        assert_string_equal(a.body, "hello");
    }
}

static void answers_until_the_end_are_read(void **state)
{
    (void)state;
    struct answer a = ask("HTTP/1.0 500 Oh\r\nX: y\r\n\r\n{\"code\":7}", 3);
    assert_int_equal(a.rc, 0);
    assert_int_equal(a.status, 500);
    assert_string_equal(a.body, "{\"code\":7}");
}

static void empty_answer_body_is_fine(void **state)
{
    (void)state;
    struct answer a = ask("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 100);
    assert_int_equal(a.rc, 0);
    assert_string_equal(a.body, "");
}

static void broken_answers_are_errors(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        int rc;
    } cases[] = {
        {"", ERR_CLOSED},
        {"HTTP/1.1 200 OK\r\nContent-Le", ERR_CLOSED},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", ERR_CLOSED},
        {"SSH-2.0-x and so on\r\n\r\n", ERR_PROTOCOL},
        {"HTTP/1.\r\n\r\n", ERR_PROTOCOL},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", ERR_PROTOCOL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct answer a = ask(cases[i].bytes, 4096);
        if (a.rc != cases[i].rc) {
            fail_msg("%s: %d %s", cases[i].bytes, a.rc, a.err.text);
        }
    }
}

static void absent_agent_is_told(void **state)
{
    (void)state;
    auto_sbuf body = SBUF_INIT;
    struct err err = {0};
    int status = 0;
    struct client_request request = {.socket = "seine-no-such.sock",
                                     .path = "/v1/cni",
                                     .body = "BODY",
                                     .connect_ms = 100,
                                     .answer_ms = 100};
    assert_int_equal(client_call(&request, &status, &body, &err), ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_with_length_are_read),
        cmocka_unit_test(answers_until_the_end_are_read),
        cmocka_unit_test(empty_answer_body_is_fine),
        cmocka_unit_test(broken_answers_are_errors),
        cmocka_unit_test(absent_agent_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
