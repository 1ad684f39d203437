/* SPDX-License-Identifier: Apache-2.0
 *
 * The HTTP client when something is wrong: servers that hang, reset, go away, send garbage or too
 * much; every border and every cut of what they send; compressed bodies. */
#include <stdio.h>
#include <string.h>

#include <zlib.h>

#include "core/base/mem.h"
#include "tests/unit/io/http_world.h"

/* ---- time ---- */

static void a_head_that_does_not_come_ends_the_call(void **state)
{
    struct world *w = *state;
    w->on_request = NULL;
    start(w);
    struct heard *other = get(w, 1, "/other");
    RUN_UNTIL(w, w->n_requests == 1); /* connected: that takes as long as it takes */
    struct http_request request = {.method = "GET", .path = "/slow", .head_ms = 100};
    expect_end(send_request(w, 0, &request), ERR_TIMEOUT);
    RUN_UNTIL(w, w->n_requests == 2 && w->requests[1]->reset);
    h2_answer(w->requests[0], 200, "");
    expect_whole(other, 200, "");
    assert_int_equal(w->server.n_accepted, 1);
}

static void write_x(void *aux)
{
    h2_write(aux, "x", 1);
}

static void a_body_that_does_not_go_on_ends_the_call(void **state)
{
    enum { SILENCE_MS = 500 };
    struct world *w = *state;
    struct heard *h = NULL;
    bool written = false;
    w->on_request = NULL;
    start(w);
    struct http_request request = {.method = "GET", .path = "/slow", .silence_ms = SILENCE_MS};
    for (size_t i = 0; i < ATTEMPTS && !written; i++) {
        forget(&w->calls[0]);
        h = send_request(w, 0, &request);
        RUN_UNTIL(w, w->n_requests == i + 1);
        h2_head(w->requests[i], 200, NULL);
        RUN_UNTIL(w, h->n_heads == 1);
        written = write_pieces(h, SILENCE_MS, write_x, w->requests[i]);
    }
    assert_true(written);
    assert_int_equal(h->n_ends, 0);
    expect_end(h, ERR_TIMEOUT);
    assert_int_equal(h->data.len, PIECES);
    RUN_UNTIL(w, w->requests[w->n_requests - 1]->reset);
}

enum { PING_MS = 100, PING_WAIT_MS = 500 };

static void start_impatient(struct world *w)
{
    start_server_at(w, 0);
    struct http_client_config config = config_of(w);
    config.ping_ms = PING_MS;
    config.ping_wait_ms = PING_WAIT_MS;
    start_client(w, &config);
}

/* A PING follows only upon an answer to the one before. */
static void a_silent_server_that_answers_pings_is_alive(void **state)
{
    enum { PINGS = (PING_MS + PING_WAIT_MS) / PING_MS + 2 };
    struct world *w = *state;
    w->on_request = NULL;
    start_impatient(w);
    struct heard *h = get(w, 0, "/watch");
    RUN_UNTIL(w, w->n_requests == 1);
    int64_t since = loop_now(w->loop);
    h2_head(w->requests[0], 200, NULL);
    RUN_UNTIL(w, w->server.n_pings >= PINGS || h->n_ends);
    assert_int_equal(h->n_ends, 0);
    assert_true(loop_now(w->loop) - since >= (PINGS - 1) * PING_MS);
    h2_end(w->requests[0]);
    expect_end(h, 0);
}

static void a_server_that_hangs_is_found_out(void **state)
{
    struct world *w = *state;
    w->on_request = NULL;
    start_impatient(w);
    struct heard *h = get(w, 0, "/watch"), *other = get(w, 1, "/list");
    RUN_UNTIL(w, w->n_requests == 2);
    int64_t since = loop_now(w->loop);
    h2_head(w->requests[0], 200, NULL);
    RUN_UNTIL(w, h->n_heads == 1);
    w->server.deaf = true;
    expect_end(h, ERR_TIMEOUT);
    expect_end(other, ERR_TIMEOUT);
    assert_true(loop_now(w->loop) - since >= PING_MS + PING_WAIT_MS);
    RUN_UNTIL(w, w->server.n_peers == 0);
    w->server.deaf = false;
    w->on_request = answer_hello;
    expect_whole(get(w, 2, "/again"), 200, "hello");
    assert_int_equal(w->server.n_accepted, 2);
    struct http_client_state s;
    http_client_state(w->client, &s);
    assert_int_equal(s.lost, 1);
    assert_int_equal(s.silent, 1);
}

/* A frame of a kind that nobody knows is passed over (RFC 9113, 5.5), and swallows what follows:
 * bytes come, the answers to PINGs too, but none of them says anything. */
static void a_server_that_lost_its_place_is_found_out(void **state)
{
    struct world *w = *state;
    w->on_request = NULL;
    start_impatient(w);
    struct heard *h = get(w, 0, "/watch");
    RUN_UNTIL(w, w->n_requests == 1);
    h2_head(w->requests[0], 200, NULL);
    RUN_UNTIL(w, h->n_heads == 1);
    h2_raw(w->requests[0]->peer, "\0\x40\0\x7f\0\0\0\0\0", 9);
    for (int i = 0; i < PATIENCE_MS / 50 && !h->n_ends; i++) {
        h2_write(w->requests[0], "x", 1);
        run_for(w, 50);
    }
    assert_int_equal(h->data.len, 0);
    expect_end(h, ERR_TIMEOUT);
}

static void hold_up(struct world *w, int ms)
{
    int64_t end = loop_now(w->loop) + ms;
    while (loop_now(w->loop) < end) {}
}

/* What has come while the loop was held up counts first. */
static void a_loop_that_was_held_up_blames_nobody(void **state)
{
    enum { HELD_MS = 200 };
    struct world *w = *state;
    w->on_request = NULL;
    start_impatient(w);
    struct http_request request = {
        .method = "GET", .path = "/x", .head_ms = HELD_MS, .silence_ms = HELD_MS};
    struct heard *h = get(w, 1, "/connect");
    RUN_UNTIL(w, w->n_requests == 1);
    h2_answer(w->requests[0], 200, "");
    expect_whole(h, 200, "");
    h = send_request(w, 0, &request);
    RUN_UNTIL(w, w->n_requests == 2);
    h2_head(w->requests[1], 200, NULL);
    hold_up(w, 2 * HELD_MS);
    RUN_UNTIL(w, h->n_heads == 1);
    h2_write(w->requests[1], "in ", 3);
    hold_up(w, 2 * HELD_MS);
    RUN_UNTIL(w, h->data.len == 3);
    h2_write(w->requests[1], "time", 4);
    hold_up(w, 2 * HELD_MS);
    h2_end(w->requests[1]);
    expect_whole(h, 200, "in time");
}

/* Nor whom it could not hear: the server's answer to a PING is on its way only after the loop,
 * which is its own too, goes on. */
static void who_was_held_up_too_has_time_to_answer(void **state)
{
    struct world *w = *state;
    struct http_client_state s;
    w->on_request = NULL;
    start_impatient(w);
    struct heard *h = get(w, 0, "/watch");
    RUN_UNTIL(w, w->n_requests == 1);
    h2_head(w->requests[0], 200, NULL);
    RUN_UNTIL(w, h->n_heads == 1);
    for (unsigned i = 1; i <= 2; i++) {
        RUN_UNTIL(w, w->server.n_pings >= i);
        hold_up(w, PING_WAIT_MS + 100);
    }
    RUN_UNTIL(w, w->server.n_pings >= 5 || h->n_ends);
    http_client_state(w->client, &s);
    assert_int_equal(s.silent, 0);
    h2_end(w->requests[0]);
    expect_end(h, 0);
}

static void a_connection_without_calls_is_given_up_in_time(void **state)
{
    struct world *w = *state;
    start_server_at(w, 0);
    struct http_client_config config = config_of(w);
    config.idle_ms = 150;
    start_client(w, &config);
    expect_whole(get(w, 0, "/"), 200, "hello");
    assert_int_equal(w->server.n_peers, 1);
    RUN_UNTIL(w, w->server.n_peers == 0);
    assert_int_equal(w->server.n_pings, 0);
    struct http_client_state s;
    http_client_state(w->client, &s);
    assert_string_equal(s.protocol, "");
    assert_int_equal(s.lost, 0);
    expect_whole(get(w, 1, "/"), 200, "hello");
}

/* ---- what a server may do ---- */

static void a_refused_call_may_be_sent_again(void **state)
{
    struct world *w = *state;
    w->on_request = NULL;
    start(w);
    struct heard *h = get(w, 0, "/x");
    RUN_UNTIL(w, w->n_requests == 1);
    h2_reset(w->requests[0], REFUSED);
    expect_end(h, ERR_AGAIN);
    assert_int_equal(h->n_heads, 0);
}

static void a_reset_ends_one_call(void **state)
{
    struct world *w = *state;
    w->on_request = NULL;
    start(w);
    struct heard *h = get(w, 0, "/x"), *half = get(w, 1, "/y"), *other = get(w, 2, "/z");
    RUN_UNTIL(w, w->n_requests == 3);
    h2_head(w->requests[1], 200, NULL);
    h2_write(w->requests[1], "half", 4);
    RUN_UNTIL(w, half->data.len == 4);
    h2_reset(w->requests[0], INTERNAL);
    h2_reset(w->requests[1], 0); /* "no error", but not the end */
    expect_end(h, ERR_CLOSED);
    expect_end(half, ERR_CLOSED);
    assert_non_null(strstr(h->text, "INTERNAL_ERROR"));
    h2_answer(w->requests[2], 200, "");
    expect_whole(other, 200, "");
}

/* GOAWAY: calls above the last stream were not looked at, those below go on, new ones go
 * elsewhere. */
static void a_server_may_go_away_in_peace(void **state)
{
    struct world *w = *state;
    w->on_request = NULL;
    start(w);
    struct heard *served = get(w, 0, "/a"), *late = get(w, 1, "/b");
    RUN_UNTIL(w, w->n_requests == 2);
    h2_goaway(w->requests[0]->peer, w->requests[0]->stream, 0);
    expect_end(late, ERR_AGAIN);
    w->on_request = answer_hello;
    expect_whole(get(w, 2, "/c"), 200, "hello");
    assert_int_equal(w->server.n_accepted, 2);
    assert_int_equal(served->n_ends, 0);
    h2_answer(w->requests[0], 200, "served");
    expect_whole(served, 200, "served");
    RUN_UNTIL(w, w->server.n_peers == 1);
    struct http_client_state s;
    http_client_state(w->client, &s);
    assert_int_equal(s.lost, 0);
}

static void a_server_may_go_away_in_anger(void **state)
{
    struct world *w = *state;
    w->on_request = NULL;
    start(w);
    struct heard *h = get(w, 0, "/a");
    RUN_UNTIL(w, w->n_requests == 1);
    h2_goaway(w->requests[0]->peer, 0, 11 /* ENHANCE_YOUR_CALM */);
    expect_end(h, ERR_AGAIN);
    RUN_UNTIL(w, w->server.n_peers == 0);
    w->on_request = answer_hello;
    expect_whole(get(w, 1, "/"), 200, "hello");
}

static void no_more_calls_are_sent_than_the_server_takes(void **state)
{
    struct world *w = *state;
    w->on_request = NULL;
    w->server.max_calls = 1;
    start(w);
    struct heard *first = get(w, 0, "/a");
    RUN_UNTIL(w, w->n_requests == 1);
    struct heard *second = get(w, 1, "/b");
    run_for(w, 50);
    assert_int_equal(w->n_requests, 1);
    h2_answer(w->requests[0], 200, "");
    expect_whole(first, 200, "");
    RUN_UNTIL(w, w->n_requests == 2);
    h2_answer(w->requests[1], 200, "");
    expect_whole(second, 200, "");
}

static void garbage_ends_the_connection(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *bytes;
        size_t n;
    } garbage[] = {
        {"HTTP/1.1 400 Bad Request\r\n\r\n", 28},
        {"\0\0\x04\x08\0\0\0\0\0\0\0\0\0", 13},         /* WINDOW_UPDATE by 0 */
        {"\0\0\x05\x04\0\0\0\0\0\0\0\0\0\0", 14},       /* SETTINGS of 5 bytes */
        {"\0\0\x01\0\0\0\0\0\x63x", 10},                /* DATA of an idle stream */
        {"\xff\xff\xff\0\0\0\0\0\x01", 9},              /* a frame of 16 MB */
        {"\0\0\x03\x01\x04\0\0\0\x01\xff\xff\xff", 12}, /* HPACK that is none */
        {"\0\0\x04\x03\0\0\0\0\0\0\0\0\0", 13},         /* RST_STREAM of no stream */
    };
    struct http_client_config config;
    w->on_request = NULL;
    start_server_at(w, 0);
    config = config_of(w);
    for (size_t i = 0; i < ARRAY_LEN(garbage); i++) {
        start_client(w, &config); /* of its own: no back-off */
        struct heard *h = get(w, 0, "/a"), *other = get(w, 1, "/b");
        w->n_requests = 0;
        RUN_UNTIL(w, w->n_requests == 2);
        h2_raw(w->requests[0]->peer, garbage[i].bytes, garbage[i].n);
        RUN_UNTIL(w, h->n_ends == 1 && other->n_ends == 1);
        if ((h->code != ERR_PROTOCOL && h->code != ERR_CLOSED) || h->code != other->code)
            fail_msg("%zu: %s, %s", i, h->text, other->text);
        RUN_UNTIL(w, w->server.n_peers == 0);
        forget(h);
        forget(other);
        http_client_free(w->client);
        w->client = NULL;
    }
}

static void headers_have_a_limit(void **state)
{
    struct world *w = *state;
    enum { N = 9000, HEADERS = 9 };
    static char value[N + 1];
    const char *headers[2 * HEADERS + 1] = {0};
    memset(value, 'v', N);
    for (size_t i = 0; i < HEADERS; i++) {
        headers[2 * i] = "x-long";
        headers[2 * i + 1] = value;
    }
    w->on_request = NULL;
    start(w);
    struct heard *h = get(w, 0, "/a"), *other = get(w, 1, "/b");
    RUN_UNTIL(w, w->n_requests == 2);
    h2_head(w->requests[0], 200, headers);
    expect_end(h, ERR_TOO_BIG);
    assert_int_equal(h->n_heads, 0);
    h2_answer(w->requests[1], 200, "");
    expect_whole(other, 200, "");
}

static void a_body_has_the_limit_that_was_asked_for(void **state)
{
    struct world *w = *state;
    start(w);
    struct http_request request = {.method = "GET", .path = "/", .body_limit = 5};
    expect_whole(send_request(w, 0, &request), 200, "hello");
    request.body_limit = 4;
    struct heard *h = send_request(w, 1, &request);
    expect_end(h, ERR_TOO_BIG);
    assert_int_equal(h->data.len, 0);
}

static void answer_body(struct world *w, struct h2_exchange *x)
{
    sbuf_put(&x->out, w->body.data, w->body.len);
    x->out_end = true;
    h2_head(x, 200, NULL);
}

static void fill(struct sbuf *b, size_t n)
{
    sbuf_reserve(b, n);
    for (size_t i = 0; i < n; i++)
        sbuf_putc(b, (char)('a' + (i * 7 + i / 997) % 26));
}

static void a_long_list_comes_whole(void **state)
{
    struct world *w = *state;
    fill(&w->body, 10 << 20);
    w->on_request = answer_body;
    start(w);
    struct heard *h = get(w, 0, "/list"), *other = get(w, 1, "/list");
    expect_end(h, 0);
    expect_end(other, 0);
    assert_int_equal(h->data.len, w->body.len);
    assert_memory_equal(h->data.data, w->body.data, w->body.len);
    assert_memory_equal(other->data.data, w->body.data, w->body.len);
}

/* ---- borders and cuts ---- */

static void borders_may_be_anywhere(void **state)
{
    struct world *w = *state;
    fill(&w->body, 2000);
    w->on_request = answer_body;
    start(w);
    for (size_t piece = 1; piece < 40; piece += piece < 12 ? 1 : 9) {
        w->server.piece = piece;
        struct heard *h = get(w, 0, "/x");
        w->n_requests = 0;
        expect_end(h, 0);
        assert_int_equal(h->data.len, w->body.len);
        assert_memory_equal(h->data.data, w->body.data, w->body.len);
        forget(h);
    }
}

/* The connection ends after each number of bytes that the server may have sent. */
static void every_cut_is_an_error_once(void **state)
{
    struct world *w = *state;
    struct http_client_config config;
    start_server_at(w, 0);
    config = config_of(w);
    start_client(w, &config);
    expect_whole(get(w, 0, "/"), 200, "hello");
    size_t all = h2_peer_sent(w->requests[0]->peer);
    assert_true(all > 40 && all < 400);
    for (size_t cut = 1; cut <= all; cut++) {
        http_client_free(w->client); /* one of its own: no back-off */
        start_client(w, &config);
        forget(&w->calls[0]);
        w->n_requests = 0;
        w->server.cut = cut;
        struct heard *h = get(w, 0, "/");
        RUN_UNTIL(w, h->n_ends == 1);
        assert_true(h->code == 0 || h->code == ERR_CLOSED || h->code == ERR_PROTOCOL ||
                    h->code == ERR_IO);
        assert_true(h->code != 0 || (cut + 40 > all && !strcmp(h->data.data, "hello")));
    }
}

/* ---- gzip ---- */

static void gzip(const struct sbuf *in, struct sbuf *out)
{
    union {
        const char *in;
        Bytef *next;
    } bytes = {.in = in->data};
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    uLong most = deflateBound(&z, (uLong)in->len) + 64;
    size_t at = out->len;
    z.next_in = bytes.next;
    z.avail_in = (uInt)in->len;
    z.next_out = sbuf_put_zeros(out, most);
    z.avail_out = (uInt)most;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    out->len = at + z.total_out;
    deflateEnd(&z);
}

static void answer_gzip(struct world *w, struct h2_exchange *x)
{
    static const char *const headers[] = {"content-encoding", "gzip", NULL};
    sbuf_put(&x->out, w->body.data, w->body.len);
    x->out_end = true;
    h2_head(x, 200, headers);
}

static void gzip_is_decoded_at_any_border(void **state)
{
    struct world *w = *state;
    auto_sbuf plain = SBUF_INIT;
    fill(&plain, 100000);
    gzip(&plain, &w->body);
    gzip(&plain, &w->body); /* two members are one text */
    w->on_request = answer_gzip;
    start(w);
    static const size_t pieces[] = {0, 1, 7, 1000};
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
        w->server.piece = pieces[i];
        struct heard *h = get(w, 0, "/x");
        expect_end(h, 0);
        assert_int_equal(h->data.len, 2 * plain.len);
        assert_memory_equal(h->data.data, plain.data, plain.len);
        assert_memory_equal(h->data.data + plain.len, plain.data, plain.len);
        forget(h);
    }
}

static void gzip_that_is_cut_or_broken_is_an_error(void **state)
{
    struct world *w = *state;
    auto_sbuf plain = SBUF_INIT, packed = SBUF_INIT;
    fill(&plain, 300);
    gzip(&plain, &packed);
    w->on_request = answer_gzip;
    start(w);
    for (size_t n = 1; n < packed.len; n += n < 20 ? 1 : 13) {
        sbuf_clear(&w->body);
        sbuf_put(&w->body, packed.data, n);
        w->n_requests = 0;
        expect_end(get(w, 0, "/x"), ERR_PROTOCOL);
        forget(&w->calls[0]);
    }
    packed.data[packed.len - 6] ^= 1; /* its checksum */
    sbuf_clear(&w->body);
    sbuf_put(&w->body, packed.data, packed.len);
    expect_end(get(w, 1, "/x"), ERR_PROTOCOL);
    sbuf_clear(&w->body);
    sbuf_puts(&w->body, "this is no gzip");
    expect_end(get(w, 2, "/x"), ERR_PROTOCOL);
    sbuf_clear(&w->body); /* nothing at all is nothing */
    sbuf_puts(&w->body, "");
    expect_whole(get(w, 3, "/x"), 200, "");
}

static void a_little_gzip_that_means_much_is_bounded(void **state)
{
    struct world *w = *state;
    auto_sbuf plain = SBUF_INIT;
    sbuf_put_zeros(&plain, 20 << 20);
    gzip(&plain, &w->body);
    assert_true(w->body.len < 100000);
    w->on_request = answer_gzip;
    start(w);
    struct http_request request = {.method = "GET", .path = "/", .body_limit = 100000};
    struct heard *h = send_request(w, 0, &request);
    expect_end(h, ERR_TOO_BIG);
    assert_true(h->data.len <= 100000);
    struct heard *all = get(w, 1, "/");
    expect_end(all, 0);
    assert_int_equal(all->data.len, plain.len);
}

static void answer_brotli(struct world *w, struct h2_exchange *x)
{
    static const char *const headers[] = {"content-encoding", "br", NULL};
    (void)w;
    sbuf_puts(&x->out, "?");
    x->out_end = true;
    h2_head(x, 200, headers);
}

static void a_coding_that_was_not_asked_for_is_an_error(void **state)
{
    struct world *w = *state;
    w->on_request = answer_brotli;
    start(w);
    expect_end(get(w, 0, "/"), ERR_PROTOCOL);
}
int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_head_that_does_not_come_ends_the_call),
        TEST(a_body_that_does_not_go_on_ends_the_call),
        TEST(a_silent_server_that_answers_pings_is_alive),
        TEST(a_server_that_hangs_is_found_out),
        TEST(a_server_that_lost_its_place_is_found_out),
        TEST(a_loop_that_was_held_up_blames_nobody),
        TEST(who_was_held_up_too_has_time_to_answer),
        TEST(a_connection_without_calls_is_given_up_in_time),
        TEST(a_refused_call_may_be_sent_again),
        TEST(a_reset_ends_one_call),
        TEST(a_server_may_go_away_in_peace),
        TEST(a_server_may_go_away_in_anger),
        TEST(no_more_calls_are_sent_than_the_server_takes),
        TEST(garbage_ends_the_connection),
        TEST(headers_have_a_limit),
        TEST(a_body_has_the_limit_that_was_asked_for),
        TEST(a_long_list_comes_whole),
        TEST(borders_may_be_anywhere),
        TEST(every_cut_is_an_error_once),
        TEST(gzip_is_decoded_at_any_border),
        TEST(gzip_that_is_cut_or_broken_is_an_error),
        TEST(a_little_gzip_that_means_much_is_bounded),
        TEST(a_coding_that_was_not_asked_for_is_an_error),
    };
    return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
