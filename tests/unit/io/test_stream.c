/* SPDX-License-Identifier: Apache-2.0
 *
 * Both ends of a stream in one loop: an echo server and a client, by local endpoint (unix socket or
 * named pipe), TCP and TLS. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/base/sbuf.h"
#include "core/io/stream.h"
#include "platform/ipc.h"
#include "platform/pipe.h"
#include "tests/support/certs.h"
#include "tests/support/os.h"
#include "tests/support/pace.h"

enum { PATIENCE_MS = 60000 };

struct world {
    char dir[128];
    struct loop *loop;
    struct stream_listener *listener;
    struct stream *server, *client;
    unsigned max_connections;
    bool opened, server_closed, closed, drained;
    int closed_code;
    char closed_text[ERR_TEXT_MAX];
    struct sbuf got;
    int rejected, accepted;
};

/* ---- the server echoes ---- */

static void server_input(void *aux, const void *p, size_t n)
{
    struct world *w = aux;
    assert_int_equal(stream_write(w->server, p, n), 0);
}

static void server_closed(void *aux, const struct err *why)
{
    struct world *w = aux;
    (void)why;
    w->server_closed = true;
    stream_close(w->server);
    w->server = NULL;
}

static const struct stream_events server_events = {.input = server_input, .closed = server_closed};

static void on_accept(void *aux, struct stream *s)
{
    struct world *w = aux;
    w->server = s;
    stream_set_events(s, &server_events, w);
}

/* ---- the client keeps what it hears ---- */

static void client_opened(void *aux)
{
    ((struct world *)aux)->opened = true;
}

static void client_input(void *aux, const void *p, size_t n)
{
    sbuf_put(&((struct world *)aux)->got, p, n);
}

static void client_drained(void *aux)
{
    ((struct world *)aux)->drained = true;
}

static void client_closed(void *aux, const struct err *why)
{
    struct world *w = aux;
    w->closed = true;
    w->closed_code = why->code;
    snprintf(w->closed_text, sizeof w->closed_text, "%s", why->text);
    stream_close(w->client);
    w->client = NULL;
}

static const struct stream_events client_events = {client_opened, client_input, client_drained,
                                                   client_closed};

static void run_until(struct world *w, const bool *flag)
{
    int64_t end = loop_now(w->loop) + PATIENCE_MS;
    while (!*flag && loop_now(w->loop) < end)
        loop_run_once(w->loop, 20);
    assert_true(*flag);
}

static void run_until_got(struct world *w, size_t n)
{
    int64_t end = loop_now(w->loop) + PATIENCE_MS;
    while (w->got.len < n && loop_now(w->loop) < end)
        loop_run_once(w->loop, 20);
    assert_int_equal(w->got.len, n);
}

/* ---- certificates ---- */

static void make_certificates(struct world *w)
{
    struct certs c = {.dir = w->dir};
    assert_true(certs_authority(&c, "ca"));
    assert_true(certs_authority(&c, "other"));
    assert_true(certs_issue(&c, "ca", "node"));
}

static const char *file(struct world *w, const char *name, char *buf)
{
    snprintf(buf, 160, "%s/%s", w->dir, name);
    return buf;
}

/* ---- begin and end ---- */

static int setup(void **state)
{
    struct world *w = mem_calloc(1, sizeof *w);
    assert_int_equal(os_temp_dir(w->dir, sizeof w->dir), 0);
    w->loop = loop_new();
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    stream_close(w->client);
    stream_close(w->server);
    stream_listener_close(w->listener);
    loop_free(w->loop);
    os_remove_tree(w->dir);
    sbuf_done(&w->got);
    mem_free(w);
    return 0;
}

static void on_reject(void *aux, const struct err *why)
{
    struct world *w = aux;
    assert_true(why->text[0] != '\0');
    w->rejected++;
}

static void on_one_of_many(void *aux, struct stream *s)
{
    struct world *w = aux;
    w->accepted++;
    stream_close(s);
}

static int nobody_may(uint64_t os_handle, struct err *err)
{
    assert_true(os_handle != 0);
    return err_set(err, ERR_PERMISSION, "you may not");
}

static void listen_at(struct world *w, const char *address, const struct stream_tls *tls)
{
    struct err err = {0};
    struct stream_listen_config config = {.address = address,
                                          .tls = tls,
                                          .rejected = on_reject,
                                          .max_connections = w->max_connections};
    if (stream_listen(w->loop, &config, on_accept, w, &w->listener, &err))
        fail_msg("%s", err.text);
}

static void connect_to(struct world *w, const char *address, const struct stream_tls *tls)
{
    struct err err = {0};
    struct stream_config config = {
        .address = address, .tls = tls, .connect_timeout_ms = PATIENCE_MS};
    if (stream_connect(w->loop, &config, &client_events, w, &w->client, &err))
        fail_msg("%s", err.text);
}

/* Half a megabyte there and back, then the client's end is told to the server. */
static void expect_echo(struct world *w)
{
    enum { N = 1 << 19 };
    run_until(w, &w->opened);
    auto_free uint8_t *bytes = mem_alloc(N);
    for (size_t i = 0; i < N; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 251);
    assert_int_equal(stream_write(w->client, bytes, N), 0);
    run_until_got(w, N);
    assert_memory_equal(w->got.data, bytes, N);
    assert_true(w->drained);
    assert_int_equal(stream_queued(w->client), 0);
    stream_close(w->client);
    w->client = NULL;
    run_until(w, &w->server_closed);
    assert_false(w->closed); /* not for one's own close */
}

/* Named pipes have one name space for all of the machine; the folder's name keeps tests apart. */
static void local_endpoints_echo(void **state)
{
    struct world *w = *state;
    char address[160];
    snprintf(address, sizeof address, "unix:%s/s", w->dir);
    listen_at(w, address, NULL);
    connect_to(w, address, NULL);
    expect_echo(w);
}

static void tcp_echoes(void **state)
{
    struct world *w = *state;
    char address[64];
    listen_at(w, "tcp:127.0.0.1:0", NULL);
    snprintf(address, sizeof address, "tcp:127.0.0.1:%u", stream_listener_port(w->listener));
    connect_to(w, address, NULL);
    expect_echo(w);
}

struct tls_files {
    char ca[160], cert[160], key[160];
    struct stream_tls tls;
};

static struct stream_tls *tls_of(struct world *w, struct tls_files *f, const char *ca)
{
    f->tls = (struct stream_tls){.ca_file = file(w, ca, f->ca),
                                 .cert_file = file(w, "node.pem", f->cert),
                                 .key_file = file(w, "node.key", f->key)};
    return &f->tls;
}

static void connect_tls(struct world *w, const char *client_ca)
{
    struct tls_files server, client;
    char address[64];
    make_certificates(w);
    listen_at(w, "ssl:127.0.0.1:0", tls_of(w, &server, "ca.pem"));
    snprintf(address, sizeof address, "ssl:127.0.0.1:%u", stream_listener_port(w->listener));
    connect_to(w, address, tls_of(w, &client, client_ca));
}

static void tls_echoes(void **state)
{
    connect_tls(*state, "ca.pem");
    expect_echo(*state);
}

static void an_authority_that_is_not_ours_is_refused(void **state)
{
    struct world *w = *state;
    connect_tls(w, "other.pem");
    run_until(w, &w->closed);
    assert_false(w->opened);
    assert_non_null(strstr(w->closed_text, "certificate"));
}

/* A server for localhost with everything as text, that knows two protocols. */
static void listen_with_texts(struct world *w, char *address)
{
    struct certs c = {.dir = w->dir};
    char path[160], *pem[3];
    size_t n;
    make_certificates(w);
    assert_true(certs_issue_for(&c, "ca", "server", "DNS:localhost,IP:127.0.0.1"));
    assert_int_equal(file_read(file(w, "ca.pem", path), 65536, &pem[0], &n, NULL), 0);
    assert_int_equal(file_read(file(w, "server.pem", path), 65536, &pem[1], &n, NULL), 0);
    assert_int_equal(file_read(file(w, "server.key", path), 65536, &pem[2], &n, NULL), 0);
    struct stream_tls tls = {.ca_pem = pem[0],
                             .cert_pem = pem[1],
                             .key_pem = pem[2],
                             .protocols = "h2,http/1.1",
                             .client_certificate_optional = true};
    listen_at(w, "ssl:127.0.0.1:0", &tls);
    snprintf(address, 64, "ssl:127.0.0.1:%u", stream_listener_port(w->listener));
    for (size_t i = 0; i < 3; i++)
        mem_free(pem[i]);
}

static const char *agreed_with(struct world *w, const char *protocols)
{
    char ca[160], address[64];
    listen_with_texts(w, address);
    struct stream_tls tls = {
        .ca_file = file(w, "ca.pem", ca), .verify_name = "localhost", .protocols = protocols};
    connect_to(w, address, &tls);
    run_until(w, &w->opened);
    return stream_protocol(w->client);
}

static void the_best_protocol_of_both_is_taken(void **state)
{
    assert_string_equal(agreed_with(*state, "http/1.1,h2"), "h2"); /* the server's order */
    expect_echo(*state);
}

static void no_protocol_in_common_is_none(void **state)
{
    assert_string_equal(agreed_with(*state, "spdy/3"), "");
}

static void no_protocol_need_be_offered(void **state)
{
    assert_string_equal(agreed_with(*state, NULL), "");
}

/* What a client that asks for 'name' meets; true: it got in. */
static bool gets_in(struct world *w, const char *address, const char *name, bool verify_nothing)
{
    char ca[160];
    struct stream_tls tls = {.ca_file = file(w, verify_nothing ? "none" : "ca.pem", ca),
                             .verify_name = name,
                             .verify_nothing = verify_nothing};
    int rejected = w->rejected;
    w->opened = w->closed = w->server_closed = false;
    connect_to(w, address, &tls);
    int64_t end = loop_now(w->loop) + PATIENCE_MS;
    while (!w->opened && !w->closed && loop_now(w->loop) < end)
        loop_run_once(w->loop, 20);
    assert_true(w->opened != w->closed);
    stream_close(w->client);
    w->client = NULL;
    while ((w->opened ? !w->server_closed : w->rejected == rejected) && loop_now(w->loop) < end)
        loop_run_once(w->loop, 20); /* the server has seen its end */
    assert_true(w->opened ? w->server_closed : w->rejected > rejected);
    return w->opened;
}

static void the_name_or_address_asked_for_must_be_the_servers(void **state)
{
    struct world *w = *state;
    char address[64];
    listen_with_texts(w, address);
    assert_true(gets_in(w, address, "localhost", false));
    assert_true(gets_in(w, address, "127.0.0.1", false));
    assert_false(gets_in(w, address, "elsewhere", false));
    assert_int_equal(w->closed_code, ERR_PERMISSION);
    assert_false(gets_in(w, address, "127.0.0.2", false));
    assert_false(gets_in(w, address, "::1", false));
    assert_true(gets_in(w, address, "elsewhere", true));
}

static void expect_bad_tls(struct world *w, const struct stream_tls *tls, int code,
                           const char *text)
{
    struct err err = {0};
    struct stream_config config = {.address = "ssl:127.0.0.1:1", .tls = tls};
    assert_int_equal(stream_connect(w->loop, &config, NULL, NULL, &w->client, &err), code);
    if (!strstr(err.text, text))
        fail_msg("%s", err.text);
}

static void what_is_no_certificate_is_said_at_once(void **state)
{
    struct world *w = *state;
    char path[160], other[160], *ca, *half;
    size_t n;
    make_certificates(w);
    assert_int_equal(file_read(file(w, "ca.pem", path), 65536, &ca, &n, NULL), 0);
    half = mem_strndup(ca, n / 2);
    expect_bad_tls(w, &(struct stream_tls){.ca_pem = "none"}, ERR_INVALID, "certificate authority");
    expect_bad_tls(w, &(struct stream_tls){.ca_pem = half}, ERR_INVALID, "certificate authority");
    expect_bad_tls(w, &(struct stream_tls){.ca_file = file(w, "absent", path)}, ERR_NOT_FOUND,
                   "absent");
    struct stream_tls tls = {.ca_pem = ca, .cert_file = file(w, "node.pem", path)};
    expect_bad_tls(w, &tls, ERR_INVALID, "both");
    tls.key_pem = "none";
    expect_bad_tls(w, &tls, ERR_INVALID, "private key");
    tls.key_pem = NULL;
    tls.key_file = file(w, "ca.key", other);
    expect_bad_tls(w, &tls, ERR_INVALID, "ca.key");
    tls.cert_pem = half;
    expect_bad_tls(w, &tls, ERR_INVALID, "certificate");
    mem_free(half);
    mem_free(ca);
}

static void nobody_listens(void **state)
{
    struct world *w = *state;
    char address[160];
    snprintf(address, sizeof address, "unix:%s/nobody", w->dir);
    connect_to(w, address, NULL);
    run_until(w, &w->closed);
    assert_int_equal(w->closed_code, ERR_NOT_FOUND);
    assert_non_null(strstr(w->closed_text, "unix:"));
    assert_non_null(strstr(w->closed_text, "nobody: no such file or directory"));
}

static void a_writer_that_is_not_read_meets_the_limit(void **state)
{
    struct world *w = *state;
    static uint8_t block[1 << 16];
    char address[160];
    snprintf(address, sizeof address, "unix:%s/s", w->dir);
    listen_at(w, address, NULL);
    connect_to(w, address, NULL);
    run_until(w, &w->opened);
    int rc = 0;
    size_t sent = 0;
    while (!rc && sent < 2 * (size_t)STREAM_WRITE_LIMIT) {
        rc = stream_write(w->client, block, sizeof block); /* the loop does not run */
        sent += rc ? 0 : sizeof block;
    }
    assert_int_equal(rc, ERR_EXHAUSTED);
    assert_true(stream_queued(w->client) <= STREAM_WRITE_LIMIT);
    assert_true(stream_is_open(w->client));
}

static void more_than_were_allowed_are_turned_away(void **state)
{
    struct world *w = *state;
    char address[160];
    snprintf(address, sizeof address, "unix:%s/s", w->dir);
    w->max_connections = 1;
    listen_at(w, address, NULL);
    connect_to(w, address, NULL);
    run_until(w, &w->opened);
    struct stream *first = w->client;
    w->opened = false;
    connect_to(w, address, NULL);
    run_until(w, &w->closed);
    assert_int_equal(w->rejected, 1);
    stream_close(first);
}

static void many_come_at_once(void **state)
{
    struct world *w = *state;
    enum { N = 24 };
    char address[160];
    struct err err = {0};
    struct stream *clients[N];
    struct stream_config config = {.address = address, .connect_timeout_ms = PATIENCE_MS};
    struct stream_listen_config listen = {.address = address, .rejected = on_reject};
    snprintf(address, sizeof address, "unix:%s/s", w->dir);
    assert_int_equal(stream_listen(w->loop, &listen, on_one_of_many, w, &w->listener, &err), 0);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(stream_connect(w->loop, &config, NULL, NULL, &clients[i], &err), 0);
    int64_t end = loop_now(w->loop) + PATIENCE_MS;
    while (w->accepted < N && loop_now(w->loop) < end)
        loop_run_once(w->loop, 20);
    assert_int_equal(w->accepted, N);
    assert_int_equal(w->rejected, 0);
    for (size_t i = 0; i < N; i++)
        stream_close(clients[i]);
}

/* While nobody takes clients they wait; who ends meanwhile ends at once. */
static void a_busy_listener_is_waited_for(void **state)
{
    struct world *w = *state;
    enum { N = 12 };
    char address[160];
    struct err err = {0};
    struct stream *clients[N];
    struct stream_config config = {.address = address, .connect_timeout_ms = PATIENCE_MS};
    struct stream_listen_config listen = {.address = address, .rejected = on_reject};
    snprintf(address, sizeof address, "unix:%s/s", w->dir);
    struct loop *other = loop_new(); /* its listener gets no turn */
    assert_int_equal(stream_listen(other, &listen, on_one_of_many, w, &w->listener, &err), 0);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(stream_connect(w->loop, &config, NULL, NULL, &clients[i], &err), 0);
    int64_t start = loop_now(w->loop);
    pace_run(w->loop, 200);
    for (size_t i = 0; i < N; i++)
        stream_close(clients[i]);
    loop_free(w->loop); /* lets all that is closing end */
    w->loop = loop_new();
    assert_true(loop_now(w->loop) < start + PATIENCE_MS / 2); /* and not with their limit */
    stream_listener_close(w->listener);
    w->listener = NULL;
    loop_free(other);
}

static void a_peer_that_may_not_is_turned_away(void **state)
{
    struct world *w = *state;
    char address[160];
    struct err err = {0};
    struct stream_listen_config listen = {
        .address = address, .rejected = on_reject, .peer_check = nobody_may};
    snprintf(address, sizeof address, "unix:%s/s", w->dir);
    assert_int_equal(stream_listen(w->loop, &listen, on_accept, w, &w->listener, &err), 0);
    connect_to(w, address, NULL);
    run_until(w, &w->closed);
    assert_int_equal(w->rejected, 1);
    assert_null(w->server);
}

static void named_pipes_are_of_windows(void **state)
{
    struct world *w = *state;
    char address[160];
    struct err err = {0};
    struct stream_config config = {.address = address};
    snprintf(address, sizeof address, "pipe:seine-test-%d", os_process_id());
    if (!pipe_is_native()) {
        assert_int_equal(stream_connect(w->loop, &config, NULL, NULL, &w->client, &err),
                         ERR_INVALID);
        struct stream_listen_config listen = {.address = address};
        assert_int_equal(stream_listen(w->loop, &listen, on_accept, w, &w->listener, &err),
                         ERR_INVALID);
        assert_non_null(strstr(err.text, "named pipes are on Windows alone"));
        return;
    }
    listen_at(w, address, NULL);
    snprintf(address, sizeof address, "pipe:\\\\.\\pipe\\seine-test-%d", os_process_id());
    connect_to(w, address, NULL);
    expect_echo(w);
}

static void addresses_are_checked(void **state)
{
    (void)state;
    static const char *const good[] = {"unix:/a/b", "tcp:127.0.0.1:6640", "ssl:[::1]:1",
                                       "pipe:name"};
    static const char *const bad[] = {"",
                                      "unix:",
                                      "tcp:127.0.0.1",
                                      "tcp:host:1",
                                      "tcp:127.0.0.1:0x",
                                      "tcp:127.0.0.1:70000",
                                      "ssl:::1:1",
                                      "ftp:x"};
    struct stream_address a;
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_int_equal(stream_address_parse(good[i], &a, NULL), 0);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err err = {0};
        if (stream_address_parse(bad[i], &a, &err) != ERR_INVALID)
            fail_msg("accepted: %s", bad[i]);
        assert_true(err.text[0] != '\0');
    }
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(local_endpoints_echo),
        TEST(tcp_echoes),
        TEST(tls_echoes),
        TEST(an_authority_that_is_not_ours_is_refused),
        TEST(the_best_protocol_of_both_is_taken),
        TEST(no_protocol_in_common_is_none),
        TEST(no_protocol_need_be_offered),
        TEST(the_name_or_address_asked_for_must_be_the_servers),
        TEST(what_is_no_certificate_is_said_at_once),
        TEST(nobody_listens),
        TEST(a_writer_that_is_not_read_meets_the_limit),
        TEST(more_than_were_allowed_are_turned_away),
        TEST(many_come_at_once),
        TEST(a_busy_listener_is_waited_for),
        TEST(a_peer_that_may_not_is_turned_away),
        TEST(named_pipes_are_of_windows),
        cmocka_unit_test(addresses_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
