/* SPDX-License-Identifier: Apache-2.0
 *
 * The HTTP client: see http_client.h and, for how its files share the work,
 * http_client_internal.h.  Calls wait in a list until a connection takes them; while some wait and
 * none does, one attempt to connect is under way, or is put off. */
#include "core/io/http_client.h"

#include <stdio.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/mem.h"
#include "core/io/http_client_internal.h"

enum {
    HTTP_CONNS_MAX = 32, /* of HTTP/1.1, at once */
    HTTP_AGAIN_MIN_MS = 200,
    HTTP_AGAIN_MAX_MS = 5000,
    HTTP_PORT = 80,
    HTTPS_PORT = 443,
};

static void http_dial_next__(struct http_client *c);
static void http_schedule__(void *aux);
static void http_again__(void *aux);

/* ---- the server's address ---- */

static bool http_host_is_ok__(const char *s, size_t n, bool brackets)
{
    struct ip ip;
    char text[IP_TEXT_MAX];
    if (brackets) {
        snprintf(text, sizeof text, "%.*s", (int)(n < IP_TEXT_MAX ? n : 0), s);
        return n < IP_TEXT_MAX && ip_parse(text, &ip) && ip.family == 6;
    }
    for (size_t i = 0; i < n; i++) {
        bool ok = (s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') ||
                  (s[i] >= '0' && s[i] <= '9') || s[i] == '-' || s[i] == '.' || s[i] == '_';
        if (!ok) {
            return false;
        }
    }
    return n > 0 && n <= 253;
}

static bool http_port_is_ok__(const char *s, size_t n, uint16_t *out)
{
    uint32_t port = 0;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9' || i > 4) {
            return false;
        }
        port = port * 10 + (uint32_t)(s[i] - '0');
    }
    *out = (uint16_t)port;
    return n > 0 && port > 0 && port <= UINT16_MAX;
}

static bool http_prefix_is_ok__(const char *s)
{
    for (; *s; s++) {
        if ((unsigned char)*s <= ' ' || (unsigned char)*s >= 0x7f || *s == '?' || *s == '#') {
            return false;
        }
    }
    return true;
}

/* HOST[:PORT] of 'n' bytes. */
static bool http_authority__(struct http_client *c, const char *s, size_t n)
{
    bool brackets = n > 0 && s[0] == '[';
    const char *end = brackets ? memchr(s, ']', n) : memchr(s, ':', n);
    const char *host = s + brackets;
    size_t host_len = end ? (size_t)(end - host) : n;
    const char *rest = end ? end + brackets : s + n;
    size_t rest_len = n - (size_t)(rest - s);
    uint16_t usual = c->tls ? HTTPS_PORT : HTTP_PORT;
    c->port = usual;
    if ((brackets && !end) || !http_host_is_ok__(host, host_len, brackets) ||
        (rest_len > 0 &&
         (rest[0] != ':' || !http_port_is_ok__(rest + 1, rest_len - 1, &c->port)))) {
        return false;
    }
    struct sbuf authority = SBUF_INIT;
    c->host = mem_strndup(host, host_len);
    sbuf_printf(&authority, brackets ? "[%s]" : "%s", c->host);
    if (c->port != usual) {
        sbuf_printf(&authority, ":%u", c->port);
    }
    c->authority = sbuf_take(&authority);
    return true;
}

static int http_server__(struct http_client *c, const char *url, struct err *err)
{
    static const char secure[] = "https://", plain[] = "http://";
    c->tls = strncmp(url, secure, sizeof secure - 1) == 0;
    bool known = c->tls || strncmp(url, plain, sizeof plain - 1) == 0;
    const char *rest = known ? strstr(url, "://") + 3 : url;
    size_t n = strcspn(rest, "/"), prefix = strlen(rest + n);
    while (prefix > 0 && rest[n + prefix - 1] == '/') {
        prefix--;
    }
    if (!known || !http_authority__(c, rest, n) || !http_prefix_is_ok__(rest + n)) {
        return err_set(err, ERR_INVALID, "\"%.120s\": not https://HOST[:PORT][/PREFIX]", url);
    }
    c->prefix = mem_strndup(rest + n, prefix);
    struct sbuf server = SBUF_INIT;
    sbuf_printf(&server, "%s%s", c->tls ? secure : plain, c->authority);
    c->server = sbuf_take(&server);
    return 0;
}

/* ---- connecting ---- */

static void http_back_off__(struct http_client *c)
{
    unsigned shift = c->failures < 8 ? c->failures : 8;
    unsigned d = (unsigned)HTTP_AGAIN_MIN_MS << shift;
    c->failures++;
    d = d < HTTP_AGAIN_MAX_MS ? d : HTTP_AGAIN_MAX_MS;
    c->rng = hash_u64(c->rng + loop_now_ns());
    c->backing_off = true;
    loop_timer_after(c->again, d / 2 + (unsigned)(c->rng % (d / 2 + 1)));
}

static void http_again__(void *aux)
{
    struct http_client *c = aux;
    c->backing_off = false;
    http_client_soon__(c);
}

/* No address answered: whoever waits is told. */
static void http_dial_failed__(struct http_client *c)
{
    c->dialing = false;
    http_back_off__(c);
    c->busy++;
    while (c->waiting) {
        struct http_call *call = c->waiting;
        http_call_unlink__(call);
        http_call_link__(call, &c->ending);
    }
    while (c->ending) {
        struct err why = c->failure;
        http_call_end__(c->ending, &why);
    }
    c->busy--;
    http_client_settle__(c);
}

static void http_dial_opened__(void *aux)
{
    struct http_client *c = aux;
    struct stream *stream = c->dialed;
    c->dialing = false;
    c->dialed = NULL;
    c->connected++;
    c->good = c->ips[c->next_ip - 1];
    const struct http_protocol *protocol =
        strcmp(stream_protocol(stream), "h2") == 0 ? &http2_protocol : &http1_protocol;
    c->protocol = protocol->name;
    http_conn_attach__(http_conn_new__(c, protocol, c->peer), stream);
    http_client_soon__(c);
}

static void http_dial_closed__(void *aux, const struct err *why)
{
    struct http_client *c = aux;
    stream_close(c->dialed);
    c->dialed = NULL;
    c->failure = *why;
    http_dial_next__(c);
}

static const struct stream_events http_dial_events = {
    .opened = http_dial_opened__,
    .closed = http_dial_closed__,
};

static int http_dial_tls__(struct http_client *c, struct stream_tls *tls, struct err *err)
{
    const struct http_credentials *credentials = &c->config.credentials;
    memset(tls, 0, sizeof *tls);
    int rc = 0;
    if (credentials->tls) {
        rc = credentials->tls(credentials->aux, tls, err);
    } else {
        tls->ca_system = true;
    }
    if (!tls->verify_name) {
        tls->verify_name = c->host;
    }
    tls->protocols = c->config.http1_only ? "http/1.1" : "h2,http/1.1";
    return rc;
}

static int http_dial_ip__(struct http_client *c, const struct ip *ip, struct err *err)
{
    char text[IP_TEXT_MAX], address[STREAM_ADDRESS_MAX];
    struct stream_tls tls;
    struct stream_config config = {
        .address = address,
        .tls = c->tls ? &tls : NULL,
        .connect_timeout_ms = c->config.connect_ms,
    };
    snprintf(c->peer, sizeof c->peer, ip->family == 6 ? "[%s]:%u" : "%s:%u", ip_format(ip, text),
             c->port);
    snprintf(address, sizeof address, "%s:%.64s", c->tls ? "ssl" : "tcp", c->peer);
    int rc = c->tls ? http_dial_tls__(c, &tls, err) : 0;
    return rc != 0 ? rc : stream_connect(c->loop, &config, &http_dial_events, c, &c->dialed, err);
}

/* Tries the next address, or gives up. */
static void http_dial_next__(struct http_client *c)
{
    while (c->next_ip < c->n_ips) {
        if (http_dial_ip__(c, &c->ips[c->next_ip++], &c->failure) == 0) {
            return;
        }
    }
    http_dial_failed__(c);
}

static void http_resolved__(void *aux, const struct ip *ips, size_t n, const struct err *why)
{
    struct http_client *c = aux;
    c->resolve = NULL;
    c->n_ips = n;
    c->next_ip = 0;
    for (size_t i = 0; i < n; i++) {
        c->ips[i] = ips[i];
        if (ip_equal(&ips[i], &c->good)) { /* it answered the last time */
            c->ips[i] = c->ips[0];
            c->ips[0] = c->good;
        }
    }
    if (why) {
        c->failure = *why;
    }
    http_dial_next__(c);
}

/* ---- calls and connections ---- */

void http_client_soon__(struct http_client *c)
{
    if (!c->freed) {
        loop_deferred_schedule(c->schedule);
    }
}

void http_client_proven__(struct http_client *c)
{
    c->failures = 0;
}

void http_client_lost__(struct http_client *c, bool proven)
{
    c->lost++;
    if (!proven && !c->freed) {
        http_back_off__(c);
    }
}

static size_t http_client_conns__(const struct http_client *c)
{
    size_t n = 0;
    for (const struct http_conn *conn = c->conns; conn; conn = conn->next) {
        n += !conn->dead;
    }
    return n;
}

/* Puts the first call that waits on a connection. */
static bool http_place__(struct http_client *c)
{
    struct http_call *call = c->waiting;
    struct err why;
    if (call->invalid) {
        err_set(&why, ERR_INVALID, "%s: the request cannot be sent as it is", c->server);
        http_call_end__(call, &why);
        return true;
    }
    for (struct http_conn *conn = c->conns; conn; conn = conn->next) {
        if (http_conn_take__(conn, call)) {
            return true;
        }
    }
    return false;
}

static void http_schedule__(void *aux)
{
    struct http_client *c = aux;
    c->busy++;
    while (c->waiting && http_place__(c)) {}
    if (c->waiting && !c->dialing && !c->backing_off && http_client_conns__(c) < HTTP_CONNS_MAX) {
        c->dialing = true;
        c->resolve = resolve_start(c->loop, c->host, http_resolved__, c);
    }
    c->busy--;
    http_client_settle__(c);
}

struct http_call *http_client_call(struct http_client *c, const struct http_request *request,
                                   const struct http_call_events *events, void *aux)
{
    struct http_call *call = http_call_new__(c, request, events, aux);
    http_call_link__(call, &c->waiting);
    http_client_soon__(c);
    return call;
}

void http_client_state(const struct http_client *c, struct http_client_state *out)
{
    memset(out, 0, sizeof *out);
    for (const struct http_call *call = c->waiting; call; call = call->next) {
        out->n_calls++;
    }
    for (const struct http_conn *conn = c->conns; conn; conn = conn->next) {
        for (const struct http_call *call = conn->calls; call; call = call->next) {
            out->n_calls++;
        }
    }
    out->n_connections = http_client_conns__(c);
    out->protocol = out->n_connections ? c->protocol : "";
    out->peer = c->peer;
    out->connected = c->connected;
    out->lost = c->lost;
    out->silent = c->silent;
    out->received = c->received;
}

/* ---- life ---- */

static unsigned http_or__(unsigned v, unsigned usual)
{
    return v ? v : usual;
}

int http_client_new(struct loop *l, const struct http_client_config *config,
                    struct http_client **out, struct err *err)
{
    struct http_client *c = mem_calloc(1, sizeof *c);
    int rc = http_server__(c, config->server, err);
    if (rc != 0) {
        mem_free(c->authority);
        mem_free(c->host);
        mem_free(c);
        return rc;
    }
    c->loop = l;
    c->config = *config;
    c->config.connect_ms = http_or__(config->connect_ms, HTTP_CLIENT_CONNECT_MS);
    c->config.ping_ms = http_or__(config->ping_ms, HTTP_CLIENT_PING_MS);
    c->config.ping_wait_ms = http_or__(config->ping_wait_ms, HTTP_CLIENT_PING_WAIT_MS);
    c->config.idle_ms = http_or__(config->idle_ms, HTTP_CLIENT_IDLE_MS);
    if (!c->tls) {
        memset(&c->config.credentials, 0, sizeof c->config.credentials);
    }
    c->user_agent = mem_strdup(config->user_agent ? config->user_agent : "seine");
    c->schedule = loop_deferred_new(l, http_schedule__, c);
    c->again = loop_timer_new(l, http_again__, c);
    c->protocol = "";
    c->rng = loop_now_ns();
    *out = c;
    return 0;
}

void http_client_settle__(struct http_client *c)
{
    if (!c->freed || c->busy > 0 || c->conns) {
        return;
    }
    mem_free(c->server);
    mem_free(c->authority);
    mem_free(c->host);
    mem_free(c->prefix);
    mem_free(c->user_agent);
    mem_free(c->gunzip_buf);
    mem_free(c);
}

void http_client_free(struct http_client *c)
{
    if (!c) {
        return;
    }
    c->freed = true;
    c->busy++;
    loop_deferred_free(c->schedule);
    loop_timer_free(c->again);
    resolve_cancel(c->resolve);
    stream_close(c->dialed);
    c->dialed = NULL;
    while (c->waiting) {
        http_call_drop__(c->waiting);
    }
    while (c->ending) {
        http_call_drop__(c->ending);
    }
    for (struct http_conn *conn = c->conns, *next; conn; conn = next) {
        next = conn->next;
        http_conn_drop__(conn);
    }
    c->busy--;
    http_client_settle__(c);
}
