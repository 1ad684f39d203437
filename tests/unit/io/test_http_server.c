/* SPDX-License-Identifier: Apache-2.0
 *
 * The server against a raw client on the same loop: bytes in, bytes out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/io/http_server.h"

enum { TURN_MS = 20, PATIENCE_MS = 60000, LONG_ANSWER = 20 << 20, SMALL_BODY = 1000 };

struct fixture {
    struct loop *loop;
    struct http_server *server;
    /* the client */
    struct stream *client;
    struct sbuf got;
    bool closed;
    /* what the handler saw */
    struct http_exchange *held;
    size_t n_requests, n_abandoned;
    struct sbuf seen;
};

/* ---- the handler: the path says what to do ---- */
static void on_abandoned(void *aux)
{
    struct fixture *x = aux;
    x->n_abandoned++;
    x->held = NULL;
}

static void on_request(void *aux, struct http_exchange *e)
{
    struct fixture *x = aux;
    struct sbuf body = SBUF_INIT, value = SBUF_INIT;
    size_t n = 0;
    const char *sent = http_body(e, &n);
    x->n_requests++;
    sbuf_printf(&x->seen, "[%s %s", http_method(e), http_path(e));
    if (http_query(e, "q", &value)) {
        sbuf_printf(&x->seen, " q=%s", sbuf_cstr(&value));
    }
    sbuf_printf(&x->seen, " %.*s]", (int)n, sent ? sent : "");
    sbuf_done(&value);
    if (strcmp(http_path(e), "/later") == 0) {
        x->held = e;
        http_on_abandon(e, on_abandoned, x);
    } else if (strcmp(http_path(e), "/long") == 0) {
        memset(sbuf_put_zeros(&body, LONG_ANSWER), 'x', LONG_ANSWER);
        http_answer(e, 200, "text/plain", &body);
    } else if (strcmp(http_path(e), "/empty") == 0) {
        http_answer(e, 204, NULL, NULL);
    } else if (strcmp(http_path(e), "/error") == 0) {
        http_answer_error(e, 404, "no \"%s\"", "such");
    } else {
        sbuf_puts(&body, "hello");
        http_answer(e, 200, "text/plain", &body);
    }
}

/* ---- the client ---- */
static void on_input(void *aux, const void *p, size_t n)
{
    struct fixture *x = aux;
    sbuf_put(&x->got, p, n);
}

static void on_closed(void *aux, const struct err *why)
{
    struct fixture *x = aux;
    (void)why;
    x->closed = true;
}

static const struct stream_events client_events = {.input = on_input, .closed = on_closed};

static void turn(struct fixture *x)
{
    loop_run_once(x->loop, TURN_MS);
}

static void connect_client(struct fixture *x)
{
    char address[64];
    struct err err;
    snprintf(address, sizeof address, "tcp:127.0.0.1:%u", (unsigned)http_server_port(x->server));
    struct stream_config config = {.address = address};
    stream_close(x->client);
    x->closed = false;
    sbuf_clear(&x->got);
    assert_int_equal(stream_connect(x->loop, &config, &client_events, x, &x->client, &err), 0);
    int64_t end = loop_now(x->loop) + PATIENCE_MS;
    while (!stream_is_open(x->client) && loop_now(x->loop) < end) {
        turn(x);
    }
    assert_true(stream_is_open(x->client));
}

static void say(struct fixture *x, const char *text)
{
    assert_int_equal(stream_write(x->client, text, strlen(text)), 0);
}

/* Runs until the client has got 'text', or fails. */
static void expect(struct fixture *x, const char *text)
{
    int64_t end = loop_now(x->loop) + PATIENCE_MS;
    while (!strstr(sbuf_cstr(&x->got), text) && loop_now(x->loop) < end) {
        turn(x);
    }
    if (!strstr(sbuf_cstr(&x->got), text)) {
        fail_msg("wanted '%s', got '%.500s'", text, x->got.data);
    }
}

static void expect_closed(struct fixture *x)
{
    int64_t end = loop_now(x->loop) + PATIENCE_MS;
    while (!x->closed && loop_now(x->loop) < end) {
        turn(x);
    }
    assert_true(x->closed);
}

static int setup(void **state)
{
    struct fixture *x = mem_calloc(1, sizeof *x);
    struct http_server_config config = {.address = "tcp:127.0.0.1:0", .body_limit = SMALL_BODY};
    struct err err;
    x->loop = loop_new();
    if (http_server_new(x->loop, &config, on_request, x, &x->server, &err) < 0) {
        return -1;
    }
    *state = x;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *x = *state;
    stream_close(x->client);
    http_server_free(x->server);
    loop_free(x->loop);
    sbuf_done(&x->got);
    sbuf_done(&x->seen);
    mem_free(x);
    return 0;
}

/* ---- tests ---- */
static void a_request_is_answered(void **state)
{
    struct fixture *x = *state;
    connect_client(x);
    say(x, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
    expect(x, "\r\n\r\nhello");
    assert_non_null(strstr(x->got.data, "HTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(x->got.data, "Content-Type: text/plain\r\n"));
    assert_non_null(strstr(x->got.data, "Content-Length: 5\r\n"));
    assert_string_equal(sbuf_cstr(&x->seen), "[GET /x ]");
}

static void a_connection_serves_many_requests(void **state)
{
    struct fixture *x = *state;
    connect_client(x);
    for (unsigned i = 1; i <= 5; i++) {
        sbuf_clear(&x->got);
        say(x, "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
        expect(x, "hello");
        assert_int_equal(x->n_requests, i);
    }
    assert_false(x->closed);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    struct fixture *x = *state;
    connect_client(x);
    say(x, "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /error HTTP/1.1\r\nHost: h\r\n\r\n"
           "GET /3 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    expect_closed(x);
    assert_string_equal(sbuf_cstr(&x->seen), "[GET /1 ][GET /error ][GET /3 ]");
    const char *first = strstr(x->got.data, "200 OK");
    const char *second = first ? strstr(first, "404 Not Found") : NULL;
    assert_non_null(second);
    assert_non_null(strstr(second, "200 OK"));
}

static void a_request_may_come_byte_by_byte(void **state)
{
    struct fixture *x = *state;
    static const char text[] =
        "POST /b?q=a%20b HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody";
    connect_client(x);
    for (size_t i = 0; i < sizeof text - 1; i++) {
        assert_int_equal(stream_write(x->client, text + i, 1), 0);
        loop_run_once(x->loop, 1);
    }
    expect(x, "hello");
    assert_string_equal(sbuf_cstr(&x->seen), "[POST /b q=a b body]");
}

static void chunked_bodies_are_put_together(void **state)
{
    struct fixture *x = *state;
    connect_client(x);
    say(x, "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
           "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    expect(x, "hello");
    assert_string_equal(sbuf_cstr(&x->seen), "[POST /c abcde]");
}

static void query_values_are_decoded(void **state)
{
    struct fixture *x = *state;
    static const struct {
        const char *query, *seen;
    } rows[] = {
        {"q=a%2Fb+c", "[GET /q q=a/b c ]"},
        {"z=1&q=2", "[GET /q q=2 ]"},
        {"q=", "[GET /q q= ]"},
        {"qq=1", "[GET /q ]"},
        {"q=%zz", "[GET /q ]"},
        {"q=%4", "[GET /q ]"},
        {"q=%00", "[GET /q ]"},
        {"q=1&q=2", "[GET /q q=1 ]"},
        {"", "[GET /q ]"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[200];
        connect_client(x);
        sbuf_clear(&x->seen);
        snprintf(text, sizeof text, "GET /q?%s HTTP/1.1\r\nHost: h\r\n\r\n", rows[i].query);
        say(x, text);
        expect(x, "hello");
        assert_string_equal(sbuf_cstr(&x->seen), rows[i].seen);
    }
}

static void answers_may_come_later(void **state)
{
    struct fixture *x = *state;
    connect_client(x);
    say(x, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    while (!x->held) {
        turn(x);
    }
    turn(x);
    assert_int_equal(x->got.len, 0);
    struct sbuf body = SBUF_INIT;
    sbuf_puts(&body, "now");
    http_answer(x->held, 200, "text/plain", &body);
    expect(x, "\r\n\r\nnow");
    assert_int_equal(x->n_abandoned, 0);
    /* And the connection goes on. */
    say(x, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
    expect(x, "hello");
}

static void a_client_that_goes_abandons_its_request(void **state)
{
    struct fixture *x = *state;
    connect_client(x);
    say(x, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    while (!x->held) {
        turn(x);
    }
    stream_close(x->client);
    x->client = NULL;
    int64_t end = loop_now(x->loop) + PATIENCE_MS;
    while (!x->n_abandoned && loop_now(x->loop) < end) {
        turn(x);
    }
    assert_int_equal(x->n_abandoned, 1);
}

static void freeing_the_server_abandons_what_is_open(void **state)
{
    struct fixture *x = *state;
    connect_client(x);
    say(x, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    while (!x->held) {
        turn(x);
    }
    http_server_free(x->server);
    x->server = NULL;
    assert_int_equal(x->n_abandoned, 1);
    expect_closed(x);
}

static void stopping_lets_answers_go_out_but_serves_no_more(void **state)
{
    struct fixture *x = *state;
    connect_client(x);
    say(x, "GET /later HTTP/1.1\r\nHost: h\r\n\r\n");
    while (!x->held) {
        turn(x);
    }
    http_server_stop(x->server);
    struct sbuf body = SBUF_INIT;
    sbuf_puts(&body, "last");
    http_answer(x->held, 200, "text/plain", &body);
    expect(x, "last");
    expect_closed(x);
}

static void long_answers_arrive_whole(void **state)
{
    struct fixture *x = *state;
    connect_client(x);
    say(x, "GET /long HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    expect_closed(x);
    const char *body = strstr(x->got.data, "\r\n\r\n");
    assert_non_null(body);
    assert_int_equal(x->got.len - (size_t)(body + 4 - x->got.data), LONG_ANSWER);
}

static void answers_without_body_and_head_have_none(void **state)
{
    struct fixture *x = *state;
    connect_client(x);
    say(x, "GET /empty HTTP/1.1\r\nHost: h\r\n\r\n");
    expect(x, "204 No Content\r\n");
    sbuf_clear(&x->got);
    say(x, "HEAD /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    expect_closed(x);
    assert_non_null(strstr(x->got.data, "Content-Length: 5\r\n"));
    assert_null(strstr(x->got.data, "hello"));
}

static void errors_are_json(void **state)
{
    struct fixture *x = *state;
    connect_client(x);
    say(x, "GET /error HTTP/1.1\r\nHost: h\r\n\r\n");
    expect(x, "{\"error\":\"no \\\"such\\\"\"}\n");
}

static void bad_requests_are_refused_and_end_the_connection(void **state)
{
    struct fixture *x = *state;
    auto_sbuf huge = SBUF_INIT, target = SBUF_INIT;
    sbuf_puts(&huge, "GET /x HTTP/1.1\r\nHost: h\r\nX: ");
    memset(sbuf_put_zeros(&huge, HTTP_HEAD_LIMIT + 100), 'a', HTTP_HEAD_LIMIT + 100);
    sbuf_puts(&target, "GET /");
    memset(sbuf_put_zeros(&target, HTTP_TARGET_LIMIT + 100), 'a', HTTP_TARGET_LIMIT + 100);
    sbuf_puts(&target, " HTTP/1.1\r\nHost: h\r\n\r\n");
    const struct {
        const char *text, *status;
    } rows[] = {
        {"nonsense\r\n\r\n", " 400 "},
        {"GET x HTTP/1.1\r\nHost: h\r\n\r\n", " 400 "},
        {"GET * HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", " 400 "},
        {"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", " 400 "},
        {"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n", " 413 "},
        {"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na", " 400 "},
        {huge.data, " 431 "},
        {target.data, " 414 "},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        connect_client(x);
        say(x, rows[i].text);
        expect_closed(x);
        if (!strstr(sbuf_cstr(&x->got), rows[i].status)) {
            fail_msg("'%.40s' gave '%.80s'", rows[i].text, x->got.data);
        }
    }
    assert_int_equal(x->n_requests, 0);
}

static void a_chunked_body_cannot_pass_the_limit(void **state)
{
    struct fixture *x = *state;
    auto_sbuf text = SBUF_INIT;
    sbuf_puts(&text, "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n");
    memset(sbuf_put_zeros(&text, 0x400), 'a', 0x400);
    sbuf_puts(&text, "\r\n0\r\n\r\n");
    connect_client(x);
    say(x, text.data);
    expect(x, " 413 ");
    expect_closed(x);
    assert_int_equal(x->n_requests, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_request_is_answered),
        TEST(a_connection_serves_many_requests),
        TEST(pipelined_requests_are_answered_in_order),
        TEST(a_request_may_come_byte_by_byte),
        TEST(chunked_bodies_are_put_together),
        TEST(query_values_are_decoded),
        TEST(answers_may_come_later),
        TEST(a_client_that_goes_abandons_its_request),
        TEST(freeing_the_server_abandons_what_is_open),
        TEST(stopping_lets_answers_go_out_but_serves_no_more),
        TEST(long_answers_arrive_whole),
        TEST(answers_without_body_and_head_have_none),
        TEST(errors_are_json),
        TEST(bad_requests_are_refused_and_end_the_connection),
        TEST(a_chunked_body_cannot_pass_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
