/* SPDX-License-Identifier: Apache-2.0
 *
 * The HTTP client against a real HTTP/2 server over TLS: what calls say and hear, what their owner
 * may do, how connections are made and named. */
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "tests/unit/io/http_world.h"

/* ---- calls ---- */

static void a_call_says_what_it_wants_and_hears_the_answer(void **state)
{
    struct world *w = *state;
    static const struct http_header headers[] = {{"accept", "application/json"},
                                                 {"x-test", "so it is"}};
    w->token = "secret";
    start(w);
    struct http_request request = {
        .method = "GET", .path = "/api/v1/pods?limit=1", .headers = headers, .n_headers = 2};
    struct heard *h = send_request(w, 0, &request);
    expect_whole(h, 200, "hello");
    assert_string_equal(h->type, "text/plain");
    struct h2_exchange *x = w->requests[0];
    assert_string_equal(x->method, "GET");
    assert_string_equal(x->path, "/api/v1/pods?limit=1");
    assert_string_equal(x->authority, w->url + strlen("https://"));
    assert_string_equal(x->token, "Bearer secret");
    assert_string_equal(x->header, "so it is");
    assert_string_equal(x->encoding, "");
    struct http_client_state s;
    http_client_state(w->client, &s);
    assert_string_equal(s.protocol, "h2");
    assert_string_equal(s.peer, w->url + strlen("https://"));
    assert_int_equal(s.n_calls, 0);
    assert_int_equal(s.n_connections, 1);
}

static void the_servers_prefix_goes_before_the_path(void **state)
{
    struct world *w = *state;
    start_server_at(w, 0);
    struct http_client_config config = config_of(w);
    char url[128];
    snprintf(url, sizeof url, "%s/k8s/clusters/c-1/", w->url);
    config.server = url;
    config.gzip = true;
    start_client(w, &config);
    expect_whole(get(w, 0, "/version"), 200, "hello");
    assert_string_equal(w->requests[0]->path, "/k8s/clusters/c-1/version");
    assert_string_equal(w->requests[0]->encoding, "gzip");
}

static void echo_length(struct world *w, struct h2_exchange *x)
{
    char text[32];
    (void)w;
    snprintf(text, sizeof text, "%zu", x->body.len);
    h2_answer(x, 201, text);
}

/* More than one window of the server's. */
static void a_body_of_any_length_goes_out(void **state)
{
    struct world *w = *state;
    enum { N = 3 << 20 };
    w->on_request = echo_length;
    start(w);
    char *body = mem_calloc(1, N);
    struct http_request request = {.method = "PATCH", .path = "/x", .body = body, .body_len = N};
    struct heard *h = send_request(w, 0, &request);
    mem_free(body); /* it was copied */
    expect_whole(h, 201, "3145728");
    assert_string_equal(w->requests[0]->method, "PATCH");
    request.body_len = HTTP_CLIENT_BODY_LIMIT + 1;
    expect_end(send_request(w, 1, &request), ERR_INVALID);
}

static void calls_share_one_connection_in_any_order(void **state)
{
    struct world *w = *state;
    w->on_request = NULL;
    start(w);
    for (size_t i = 0; i < CALLS; i++)
        get(w, i, "/x");
    RUN_UNTIL(w, w->n_requests == CALLS);
    for (size_t i = CALLS; i-- > 0;)
        h2_answer(w->requests[i], 400 + (int)i, w->requests[i]->path);
    for (size_t i = 0; i < CALLS; i++)
        expect_whole(&w->calls[i], 400 + (int)i, "/x");
    assert_int_equal(w->server.n_accepted, 1);
}

static void what_is_written_is_heard_at_once(void **state)
{
    struct world *w = *state;
    w->on_request = NULL;
    start(w);
    struct heard *h = get(w, 0, "/watch");
    RUN_UNTIL(w, w->n_requests == 1);
    h2_head(w->requests[0], 200, NULL);
    RUN_UNTIL(w, h->n_heads == 1);
    for (size_t i = 1; i <= 5; i++) {
        h2_write(w->requests[0], "{}\n", 3);
        RUN_UNTIL(w, h->data.len == 3 * i);
    }
    assert_int_equal(h->n_ends, 0);
    h2_end(w->requests[0]);
    expect_whole(h, 200, "{}\n{}\n{}\n{}\n{}\n");
}

static void interim_heads_and_trailers_are_not_the_head(void **state)
{
    struct world *w = *state;
    static const char *const headers[] = {"retry-after", "3", "content-type", "a/b", NULL};
    w->on_request = NULL;
    start(w);
    struct heard *h = get(w, 0, "/x");
    RUN_UNTIL(w, w->n_requests == 1);
    h2_informational(w->requests[0], 103);
    run_for(w, 20);
    assert_int_equal(h->n_heads, 0);
    h2_head(w->requests[0], 503, headers);
    h2_write(w->requests[0], "no", 2);
    h2_trailers(w->requests[0]);
    expect_whole(h, 503, "no");
    assert_int_equal(h->retry_after_s, 3);
    assert_string_equal(h->type, "a/b");
}

static void retry_after_is_a_number_or_nothing(void **state)
{
    struct world *w = *state;
    static const char *const said[] = {"0", "120", "99999999999999999999",
                                       "Fri, 31 Dec 1999 23:59:59 GMT", "-1"};
    static const unsigned understood[] = {0, 120, 3600, 0, 0};
    w->on_request = NULL;
    start(w);
    for (size_t i = 0; i < ARRAY_LEN(said); i++) {
        const char *headers[] = {"retry-after", said[i], NULL};
        struct heard *h = get(w, 0, "/x");
        RUN_UNTIL(w, w->n_requests == i + 1);
        h2_head(w->requests[i], 429, headers);
        h2_end(w->requests[i]);
        expect_whole(h, 429, "");
        assert_int_equal(h->retry_after_s, understood[i]);
        forget(h);
    }
}

static void a_call_that_cannot_be_sent_ends(void **state)
{
    struct world *w = *state;
    static const struct http_header bad = {"x-test", "a\r\nb: c"};
    start(w);
    expect_end(get(w, 0, "/a b"), ERR_INVALID);
    expect_end(get(w, 1, "/a\r\nhost: x"), ERR_INVALID);
    expect_end(get(w, 2, "a"), ERR_INVALID);
    expect_end(get(w, 3, "/a\tb"), ERR_INVALID);
    struct http_request request = {.method = "GET", .path = "/", .headers = &bad, .n_headers = 1};
    expect_end(send_request(w, 4, &request), ERR_INVALID);
    expect_whole(get(w, 5, "/"), 200, "hello");
    assert_int_equal(w->n_requests, 1);
}

static void answer_401(struct world *w, struct h2_exchange *x)
{
    (void)w;
    h2_answer(x, strcmp(x->token, "Bearer new") == 0 ? 200 : 401, "");
}

static void a_token_is_asked_for_with_each_call(void **state)
{
    struct world *w = *state;
    w->on_request = answer_401;
    w->token = "old";
    start(w);
    expect_whole(get(w, 0, "/"), 401, "");
    assert_int_equal(w->n_refused, 1);
    w->token = "new";
    expect_whole(get(w, 1, "/"), 200, "");
    w->token = NULL;
    expect_whole(get(w, 2, "/"), 401, "");
    assert_string_equal(w->requests[2]->token, "");
    assert_int_equal(w->n_refused, 2);
    assert_int_equal(w->n_tls, 1); /* a connection, three calls */
}

/* ---- whole answers ---- */

struct answer {
    int n, status, code;
    struct sbuf body;
};

static void on_answer(void *aux, int status, const char *body, size_t n, const struct err *why)
{
    struct answer *a = aux;
    a->n++;
    a->status = status;
    a->code = why ? why->code : 0;
    assert_true(why ? !body : body[n] == '\0');
    sbuf_put(&a->body, body ? body : "", n);
}

static void an_answer_comes_in_one_piece(void **state)
{
    struct world *w = *state;
    struct answer a = {0};
    struct http_request request = {.method = "GET", .path = "/"};
    w->server.piece = 1;
    start(w);
    http_client_ask(w->client, &request, on_answer, &a);
    RUN_UNTIL(w, a.n == 1);
    assert_int_equal(a.status, 200);
    assert_string_equal(sbuf_cstr(&a.body), "hello");
    request.body_limit = 4;
    http_client_ask(w->client, &request, on_answer, &a);
    RUN_UNTIL(w, a.n == 2);
    assert_int_equal(a.code, ERR_TOO_BIG);
    assert_int_equal(a.status, 0);
    http_call_cancel(http_client_ask(w->client, &request, on_answer, &a));
    run_for(w, 50);
    assert_int_equal(a.n, 2);
    sbuf_done(&a.body);
}

/* ---- giving up ---- */

static void cancelling_resets_the_stream_alone(void **state)
{
    struct world *w = *state;
    w->on_request = NULL;
    start(w);
    struct heard *h = get(w, 0, "/a"), *other = get(w, 1, "/b");
    RUN_UNTIL(w, w->n_requests == 2);
    h2_head(w->requests[0], 200, NULL);
    h2_write(w->requests[0], "x", 1);
    RUN_UNTIL(w, h->data.len == 1);
    http_call_cancel(h->call);
    h2_write(w->requests[0], "y", 1); /* under way */
    RUN_UNTIL(w, w->requests[0]->reset);
    assert_int_equal(w->requests[0]->reset_code, CANCEL);
    assert_int_equal(h->data.len, 1);
    assert_int_equal(h->n_ends, 0);
    h->call = NULL;
    h2_answer(w->requests[1], 200, "still");
    expect_whole(other, 200, "still");
    assert_int_equal(w->server.n_accepted, 1);
}

static void calls_may_be_cancelled_before_they_were_sent(void **state)
{
    struct world *w = *state;
    start(w);
    http_call_cancel(get(w, 0, "/a")->call);
    struct heard *other = get(w, 1, "/b");
    loop_run_once(w->loop, 5);
    http_call_cancel(get(w, 2, "/c")->call);
    w->calls[0].call = w->calls[2].call = NULL;
    expect_whole(other, 200, "hello");
    http_call_cancel(get(w, 3, "/d")->call); /* there is a connection, but the loop had no turn */
    w->calls[3].call = NULL;
    run_for(w, 50);
    assert_int_equal(w->n_requests, 1);
    http_call_cancel(NULL);
}

static void anything_may_be_done_in_an_event(void **state)
{
    struct world *w = *state;
    static const int acts[] = {CANCEL_IT, CANCEL_OTHER, FREE_CLIENT, CALL_AGAIN};
    for (size_t i = 0; i < 3 * ARRAY_LEN(acts); i++) {
        w->on_request = NULL;
        w->n_requests = 0;
        start(w);
        struct heard *h = get(w, 0, "/a"), *other = get(w, 1, "/b");
        int what = acts[i / 3];
        h->on_head = i % 3 == 0 ? what : NOTHING;
        h->on_data = i % 3 == 1 ? what : NOTHING;
        h->on_end = i % 3 == 2 && what != CANCEL_IT ? what : NOTHING;
        h->other = what == CALL_AGAIN ? &w->calls[2] : other;
        RUN_UNTIL(w, w->n_requests == 2);
        w->on_request = answer_hello;
        h2_answer(w->requests[0], 200, "some text");
        RUN_UNTIL(w, h->n_ends == 1 || !h->call);
        if (what != FREE_CLIENT && what != CANCEL_OTHER) {
            h2_answer(w->requests[1], 200, "more");
            expect_whole(other, 200, "more");
        }
        if (what == CALL_AGAIN)
            expect_whole(&w->calls[2], 200, "hello");
        run_for(w, 10);
        assert_int_equal(h->n_ends, what == CANCEL_OTHER || what == CALL_AGAIN || i % 3 == 2);
        assert_int_equal(other->n_ends, what != FREE_CLIENT && what != CANCEL_OTHER);
        http_client_free(w->client);
        w->client = NULL;
        for (size_t c = 0; c < 3; c++) {
            w->calls[c].call = NULL;
            forget(&w->calls[c]);
        }
        h2_server_stop(&w->server);
    }
}

/* All calls of a connection end when it is lost; the first of them frees everything. */
static void the_client_may_be_freed_while_calls_end(void **state)
{
    struct world *w = *state;
    w->on_request = NULL;
    start(w);
    for (size_t i = 0; i < 4; i++)
        get(w, i, "/x")->on_end = FREE_CLIENT;
    RUN_UNTIL(w, w->n_requests == 4);
    h2_server_stop(&w->server);
    RUN_UNTIL(w, !w->client);
    int n = 0;
    for (size_t i = 0; i < 4; i++)
        n += w->calls[i].n_ends;
    assert_int_equal(n, 1);
    http_client_free(NULL);
}

/* ---- connections ---- */

static void a_lost_connection_ends_its_calls_and_the_next_is_made(void **state)
{
    struct world *w = *state;
    w->on_request = NULL;
    start(w);
    struct heard *h = get(w, 0, "/a"), *other = get(w, 1, "/b");
    RUN_UNTIL(w, w->n_requests == 2);
    h2_peer_close(w->requests[0]->peer);
    expect_end(h, ERR_CLOSED);
    expect_end(other, ERR_CLOSED);
    w->on_request = answer_hello;
    expect_whole(get(w, 2, "/c"), 200, "hello");
    struct http_client_state s;
    http_client_state(w->client, &s);
    assert_int_equal(s.connected, 2);
    assert_int_equal(s.lost, 1);
}

/* A server that lets everybody in and then hangs up is not asked without end. */
static void attempts_become_rare(void **state)
{
    struct world *w = *state;
    w->server.cut = 1;
    start(w);
    int64_t begin = loop_now(w->loop);
    for (unsigned n = 1; n <= 4; n++) {
        struct heard *h = get(w, 0, "/");
        RUN_UNTIL(w, h->n_ends == 1);
        assert_int_equal(w->server.n_accepted, n);
        forget(h);
    }
    /* 200 ms, 400 ms and 800 ms, of which half is jitter */
    assert_true(loop_now(w->loop) - begin >= 695);
    w->server.cut = 0;
    expect_whole(get(w, 0, "/"), 200, "hello"); /* and it is tried again by itself */
}

static void a_server_that_is_not_there_yet_is_tried_again(void **state)
{
    struct world *w = *state;
    start(w);
    uint16_t port = w->server.port;
    h2_server_stop(&w->server);
    run_for(w, 20);
    struct heard *h = get(w, 0, "/"), *other = get(w, 1, "/");
    RUN_UNTIL(w, h->n_ends == 1 && other->n_ends == 1);
    assert_true(h->code == ERR_REFUSED || h->code == ERR_IO || h->code == ERR_CLOSED ||
                h->code == ERR_TIMEOUT);
    assert_non_null(strstr(h->text, "127.0.0.1"));
    get(w, 2, "/"); /* waits for the next attempt */
    start_server_at(w, port);
    expect_whole(&w->calls[2], 200, "hello");
}

static void a_stranger_is_not_trusted(void **state)
{
    struct world *w = *state;
    w->client_ca = w->other_ca;
    start(w);
    struct heard *h = get(w, 0, "/");
    expect_end(h, ERR_PERMISSION);
    assert_non_null(strstr(h->text, "certificate"));
    w->client_ca = w->ca; /* it is read anew */
    expect_whole(get(w, 1, "/"), 200, "hello");
    assert_int_equal(w->n_requests, 1);
}

static void files_that_are_not_there_end_the_call(void **state)
{
    struct world *w = *state;
    w->client_ca = "no/such/file";
    start(w);
    expect_end(get(w, 0, "/"), ERR_NOT_FOUND);
    assert_int_equal(w->server.n_accepted, 0);
}

/* "localhost" is ::1 too, where nobody listens: the other address is tried. */
static void all_addresses_of_a_name_are_tried(void **state)
{
    struct world *w = *state;
    start_server_at(w, 0);
    struct http_client_config config = config_of(w);
    char url[64];
    snprintf(url, sizeof url, "https://localhost:%u", w->server.port);
    config.server = url;
    start_client(w, &config);
    expect_whole(get(w, 0, "/"), 200, "hello");
    assert_string_equal(w->requests[0]->authority, url + strlen("https://"));
}

static void an_unknown_name_is_said(void **state)
{
    struct world *w = *state;
    struct http_client_config config = config_of(w);
    config.server = "https://no-such-host.invalid";
    start_client(w, &config);
    struct heard *h = get(w, 0, "/");
    RUN_UNTIL(w, h->n_ends == 1);
    assert_true(h->code == ERR_NOT_FOUND || h->code == ERR_AGAIN);
    assert_non_null(strstr(h->text, "no-such-host.invalid"));
    http_call_cancel(get(w, 1, "/")->call); /* while it may be asked for */
    w->calls[1].call = NULL;
}

static void servers_addresses_are_checked(void **state)
{
    struct world *w = *state;
    static const char *const good[] = {"https://a", "https://a.b:1/", "http://[::1]:8080",
                                       "https://[::1]", "https://1.2.3.4/p/q"};
    static const char *const bad[] = {"",
                                      "a",
                                      "ftp://a",
                                      "https://",
                                      "https://a:",
                                      "https://a:0",
                                      "https://a:65536",
                                      "https://a:1x",
                                      "https://:1",
                                      "https://[::1",
                                      "https://[1.2.3.4]",
                                      "https://[::1]x",
                                      "https://u@a",
                                      "https://a/?q",
                                      "https://a/b c",
                                      "https://a b",
                                      "https:///x"};
    struct http_client *c;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct err err = {0};
        if (http_client_new(w->loop, &(struct http_client_config){.server = good[i]}, &c, &err))
            fail_msg("%s", err.text);
        http_client_free(c);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err err = {0};
        if (http_client_new(w->loop, &(struct http_client_config){.server = bad[i]}, &c, &err) !=
            ERR_INVALID)
            fail_msg("taken: %s", bad[i]);
        assert_non_null(strstr(err.text, bad[i]));
    }
}
int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_call_says_what_it_wants_and_hears_the_answer),
        TEST(the_servers_prefix_goes_before_the_path),
        TEST(a_body_of_any_length_goes_out),
        TEST(calls_share_one_connection_in_any_order),
        TEST(what_is_written_is_heard_at_once),
        TEST(interim_heads_and_trailers_are_not_the_head),
        TEST(retry_after_is_a_number_or_nothing),
        TEST(a_call_that_cannot_be_sent_ends),
        TEST(a_token_is_asked_for_with_each_call),
        TEST(an_answer_comes_in_one_piece),
        TEST(cancelling_resets_the_stream_alone),
        TEST(calls_may_be_cancelled_before_they_were_sent),
        TEST(anything_may_be_done_in_an_event),
        TEST(the_client_may_be_freed_while_calls_end),
        TEST(a_lost_connection_ends_its_calls_and_the_next_is_made),
        TEST(attempts_become_rare),
        TEST(a_server_that_is_not_there_yet_is_tried_again),
        TEST(a_stranger_is_not_trusted),
        TEST(files_that_are_not_there_end_the_call),
        TEST(all_addresses_of_a_name_are_tried),
        TEST(an_unknown_name_is_said),
        TEST(servers_addresses_are_checked),
    };
    return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
