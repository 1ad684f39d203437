/* SPDX-License-Identifier: Apache-2.0
 *
 * The HTTP client where the server speaks HTTP/1.1 alone: the bytes of both sides are the test's
 * own. */
#include "tests/unit/io/http_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

#define OK_HEAD "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n"
#define HELLO OK_HEAD "Content-Length: 5\r\n\r\nhello"

/* What the server says to each request that is whole, and what it heard last. */
static const char *response;
static size_t response_len;
static bool hang_up;
static unsigned n_whole;
static struct h2_peer *last_peer;
static char heard[4096];

static void say(const char *text)
{
    response = text;
    response_len = strlen(text);
}

static void on_bytes(void *aux, struct h2_peer *peer, struct sbuf *in)
{
    (void)aux;
    const char *end = strstr(sbuf_cstr(in), "\r\n\r\n"),
               *sized = strstr(in->data, "content-length: ");
    size_t n = end ? (size_t)(end - in->data) + 4 : 0;
    n += end && sized && sized < end ? (size_t)strtoul(sized + 16, NULL, 10) : 0;
    if (!end || in->len < n)
        return;
    snprintf(heard, sizeof heard, "%.*s", (int)n, in->data);
    sbuf_pull(in, n);
    n_whole++;
    last_peer = peer;
    if (!response)
        return;
    h2_raw(peer, response, response_len);
    if (hang_up)
        h2_peer_finish(peer);
}

/* Without TLS, or with it. */
static void start1(struct world *w, bool tls, const struct http_client_config *limits)
{
    struct http_client_config config;
    w->server.bytes = on_bytes;
    w->tls.protocols = "http/1.1";
    if (tls) {
        start_server_at(w, 0);
    } else {
        w->server.aux = w;
        h2_server_start(&w->server, w->loop, NULL);
        snprintf(w->url, sizeof w->url, "http://127.0.0.1:%u", w->server.port);
    }
    config = config_of(w);
    if (limits) {
        config.ping_ms = limits->ping_ms;
        config.ping_wait_ms = limits->ping_wait_ms;
        config.idle_ms = limits->idle_ms;
    }
    start_client(w, &config);
}

static int setup1(void **state)
{
    say(HELLO);
    hang_up = false;
    n_whole = 0;
    return setup(state);
}

/* ---- what is said ---- */

static void a_request_is_text(void **state)
{
    struct world *w = *state;
    char expected[512];
    static const struct http_header header = {"x-test", "yes"};
    w->token = "secret";
    start1(w, true, NULL);
    struct http_request request = {.method = "PATCH",
                                   .path = "/a?b",
                                   .headers = &header,
                                   .n_headers = 1,
                                   .body = "{}",
                                   .body_len = 2};
    struct heard *h = send_request(w, 0, &request);
    expect_whole(h, 200, "hello");
    assert_string_equal(h->type, "a/b");
    snprintf(expected, sizeof expected,
             "PATCH /a?b HTTP/1.1\r\nhost: %s\r\nuser-agent: seine\r\n"
             "authorization: Bearer secret\r\nx-test: yes\r\ncontent-length: 2\r\n\r\n{}",
             w->url + strlen("https://"));
    assert_string_equal(heard, expected);
    struct http_client_state s;
    http_client_state(w->client, &s);
    assert_string_equal(s.protocol, "http/1.1");
}

static void nothing_secret_goes_without_tls(void **state)
{
    struct world *w = *state;
    w->token = "secret";
    start1(w, false, NULL);
    expect_whole(get(w, 0, "/"), 200, "hello");
    assert_null(strstr(heard, "secret"));
    assert_int_equal(w->n_tls, 0);
}

/* ---- how a body ends ---- */

static void a_body_ends_as_its_head_says(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *text, *body;
        int status;
    } cases[] = {
        {HELLO, "hello", 200},
        {OK_HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n", "hello",
         200},
        {OK_HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n",
         "hello", 200},
        {"HTTP/1.1 204 No Content\r\n\r\n", "", 204},
        {"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", "", 304},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", "ab", 200},
        {"HTTP/1.1 103 Early\r\nContent-Length: 3\r\n\r\n" HELLO, "hello", 200},
        {"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", "", 429},
    };
    static const size_t pieces[] = {0, 1, 2, 3, 5, 8, 13};
    start1(w, false, NULL);
    for (size_t p = 0; p < ARRAY_LEN(pieces); p++) {
        w->server.piece = pieces[p];
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
            say(cases[i].text);
            expect_whole(get(w, 0, "/"), cases[i].status, cases[i].body);
            assert_int_equal(w->calls[0].retry_after_s, cases[i].status == 429 ? 7 : 0);
            forget(&w->calls[0]);
        }
    }
    assert_int_equal(w->server.n_accepted, 1); /* kept for the next call */
    say("HTTP/1.0 200 OK\r\n\r\nhello");
    hang_up = true;
    expect_whole(get(w, 0, "/"), 200, "hello");
    RUN_UNTIL(w, w->server.n_peers == 0);
}

static void every_cut_is_an_error_once(void **state)
{
    struct world *w = *state;
    static const char *const texts[] = {
        HELLO, OK_HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"};
    start1(w, false, NULL);
    struct http_client_config config = config_of(w);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        for (size_t cut = 1; cut < strlen(texts[i]); cut++) {
            http_client_free(w->client); /* one of its own: no back-off */
            start_client(w, &config);
            forget(&w->calls[0]);
            say(texts[i]);
            w->server.cut = cut;
            expect_end(get(w, 0, "/"), ERR_CLOSED);
        }
    }
}

static void what_is_no_http_is_an_error(void **state)
{
    struct world *w = *state;
    static char long_head[HTTP_CLIENT_HEAD_LIMIT + 4000];
    static const struct {
        const char *text;
        int code;
    } cases[] = {
        {"\x15\x03\x01", ERR_PROTOCOL},
        {"SSH-2.0-x\r\n", ERR_PROTOCOL},
        {"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", ERR_PROTOCOL},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", ERR_PROTOCOL},
        {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
         ERR_PROTOCOL},
        {OK_HEAD "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", ERR_PROTOCOL},
        {OK_HEAD "Content-Encoding: br\r\nContent-Length: 1\r\n\r\nx", ERR_PROTOCOL},
        {OK_HEAD "Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx", ERR_PROTOCOL},
        {long_head, ERR_TOO_BIG},
    };
    snprintf(long_head, sizeof long_head, "HTTP/1.1 200 OK\r\nX-Long: ");
    memset(long_head + strlen(long_head), 'x', sizeof long_head - 1 - strlen(long_head));
    start1(w, false, NULL);
    struct http_client_config config = config_of(w);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        http_client_free(w->client); /* one of its own: no back-off */
        start_client(w, &config);
        say(cases[i].text);
        expect_end(get(w, 0, "/"), cases[i].code);
        http_client_free(w->client);
        w->client = NULL;
        RUN_UNTIL(w, w->server.n_peers == 0);
        forget(&w->calls[0]);
    }
}

/* ---- connections ---- */

static void each_call_that_runs_has_a_connection(void **state)
{
    struct world *w = *state;
    start1(w, false, NULL);
    say(OK_HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\n{}\n\r\n");
    for (size_t i = 0; i < 3; i++) {
        get(w, i, "/watch");
        RUN_UNTIL(w, w->calls[i].data.len == 3);
    }
    assert_int_equal(w->server.n_peers, 3);
    say(HELLO);
    expect_whole(get(w, 3, "/"), 200, "hello");
    expect_whole(get(w, 4, "/"), 200, "hello"); /* on the same */
    assert_int_equal(w->server.n_accepted, 4);
    http_call_cancel(w->calls[1].call); /* takes its connection with it */
    w->calls[1].call = NULL;
    RUN_UNTIL(w, w->server.n_peers == 3);
    assert_int_equal(w->calls[0].n_ends + w->calls[1].n_ends + w->calls[2].n_ends, 0);
}

static void calls_beyond_the_limit_wait(void **state)
{
    struct world *w = *state;
    static struct heard many[40];
    start1(w, false, NULL);
    say(OK_HEAD "Content-Length: 5\r\n\r\n");
    for (size_t i = 0; i < ARRAY_LEN(many); i++) {
        static const struct http_request request = {.method = "GET", .path = "/"};
        memset(&many[i], 0, sizeof many[i]);
        many[i].w = w;
        many[i].call = http_client_call(w->client, &request, &heard_events, &many[i]);
    }
    RUN_UNTIL(w, n_whole == 32);
    run_for(w, 50);
    assert_int_equal(w->server.n_accepted, 32);
    say(HELLO);
    h2_raw(last_peer, "hello", 5); /* one place is free, and those who wait come to it in turn */
    RUN_UNTIL(w, n_whole == ARRAY_LEN(many));
    assert_int_equal(w->server.n_accepted, 32);
    for (size_t i = 0; i < ARRAY_LEN(many); i++) {
        http_call_cancel(many[i].call);
        sbuf_done(&many[i].data);
    }
}

static void a_connection_that_is_to_close_is_not_used_again(void **state)
{
    struct world *w = *state;
    start1(w, false, NULL);
    say("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello");
    expect_whole(get(w, 0, "/"), 200, "hello");
    expect_whole(get(w, 1, "/"), 200, "hello");
    assert_int_equal(w->server.n_accepted, 2);
    struct http_client_state s;
    http_client_state(w->client, &s);
    assert_int_equal(s.lost, 0);
}

static void a_response_to_nothing_ends_the_connection(void **state)
{
    struct world *w = *state;
    start1(w, false, NULL);
    expect_whole(get(w, 0, "/"), 200, "hello");
    h2_raw(last_peer, HELLO, strlen(HELLO));
    RUN_UNTIL(w, w->server.n_peers == 0);
    expect_whole(get(w, 1, "/"), 200, "hello");
    say(HELLO HELLO); /* one too many, at once */
    expect_whole(get(w, 2, "/"), 200, "hello");
    say(HELLO);
    RUN_UNTIL(w, w->server.n_peers == 0);
    expect_whole(get(w, 3, "/"), 200, "hello");
}

static void write_chunk(void *aux)
{
    (void)aux;
    h2_raw(last_peer, "3\r\n{}\n\r\n", 8);
}

static void silence_ends_a_watch_and_idleness_a_connection(void **state)
{
    struct world *w = *state;
    struct heard *h = NULL;
    bool written = false;
    struct http_client_config limits = {.ping_ms = 200, .ping_wait_ms = 300, .idle_ms = 60};
    start1(w, false, &limits);
    say(OK_HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\n{}\n\r\n");
    for (int i = 0; i < ATTEMPTS && !written; i++) {
        forget(&w->calls[0]);
        h = get(w, 0, "/watch");
        RUN_UNTIL(w, h->data.len == 3);
        written = write_pieces(h, 500, write_chunk, NULL);
    }
    assert_true(written);
    assert_int_equal(h->n_ends, 0);
    expect_end(h, ERR_TIMEOUT);
    assert_int_equal(h->data.len, 3 + 3 * PIECES);
    say(HELLO);
    forget(&w->calls[0]);
    expect_whole(get(w, 0, "/"), 200, "hello");
    RUN_UNTIL(w, w->server.n_peers == 0);
}

static void anything_may_be_done_in_an_event(void **state)
{
    struct world *w = *state;
    static const int acts[] = {CANCEL_IT, CANCEL_OTHER, FREE_CLIENT, CALL_AGAIN};
    for (size_t i = 0; i < 3 * ARRAY_LEN(acts); i++) {
        start1(w, i % 2 == 0, NULL);
        int what = acts[i / 3];
        struct heard *h = get(w, 0, "/a"), *other = get(w, 1, "/b");
        h->on_head = i % 3 == 0 ? what : NOTHING;
        h->on_data = i % 3 == 1 ? what : NOTHING;
        h->on_end = i % 3 == 2 && what != CANCEL_IT ? what : NOTHING;
        h->other = what == CALL_AGAIN ? &w->calls[2] : other;
        RUN_UNTIL(w, h->n_ends == 1 || !h->call);
        if (what != FREE_CLIENT && what != CANCEL_OTHER)
            expect_whole(other, 200, "hello");
        if (what == CALL_AGAIN)
            expect_whole(&w->calls[2], 200, "hello");
        run_for(w, 10);
        http_client_free(w->client);
        w->client = NULL;
        for (size_t c = 0; c < 3; c++) {
            w->calls[c].call = NULL;
            forget(&w->calls[c]);
        }
        h2_server_stop(&w->server);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup1, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_request_is_text),
        TEST(nothing_secret_goes_without_tls),
        TEST(a_body_ends_as_its_head_says),
        TEST(every_cut_is_an_error_once),
        TEST(what_is_no_http_is_an_error),
        TEST(each_call_that_runs_has_a_connection),
        TEST(calls_beyond_the_limit_wait),
        TEST(a_connection_that_is_to_close_is_not_used_again),
        TEST(a_response_to_nothing_ends_the_connection),
        TEST(silence_ends_a_watch_and_idleness_a_connection),
        TEST(anything_may_be_done_in_an_event),
    };
    return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
