/* SPDX-License-Identifier: Apache-2.0
 *
 * Credentials of the API server's client: see api_credentials.h.  A service account is a kubeconfig
 * that nobody had to write: from then on both go the same way. */
#include "core/io/api_credentials.h"

#include <string.h>

#include "core/base/mem.h"
#include "core/base/sbuf.h"
#include "core/k8s/kubeconfig.h"
#include "platform/ipc.h"
#include "platform/program.h"

enum { API_FILE_LIMIT = 1 << 20 };

struct api_credentials {
    struct loop *loop;
    struct kubeconfig config;
    char *warning;
    char *token;       /* as it was read last */
    int64_t read_at;   /* when that was */
    bool refused;      /* it is worth nothing any more */
    struct err unread; /* why the file could not be read since */
};

/* ---- the token ---- */

/* The length of the one word in 'text', 0: it is not one that can be sent. */
static size_t api_token_len__(const char *text, size_t n)
{
    size_t len = strcspn(text, " \t\r\n");
    bool alone = text[len + strspn(text + len, " \t\r\n")] == '\0' && strlen(text) == n;
    for (size_t i = 0; i < len; i++) {
        alone = alone && text[i] > 0x20 && text[i] < 0x7f;
    }
    return alone ? len : 0;
}

/* Reads the token's file.  What cannot be read leaves the token as it was. */
static int api_token_read__(struct api_credentials *c, struct err *err)
{
    char *text;
    size_t n;
    int rc = file_read(c->config.token_file, API_FILE_LIMIT, &text, &n, err);
    if (rc != 0) {
        return rc;
    }
    size_t len = api_token_len__(text, n);
    if (len == 0) {
        mem_free(text);
        return err_set(err, ERR_INVALID, "%s: holds no token", c->config.token_file);
    }
    text[len] = '\0';
    mem_free(c->token);
    c->token = text;
    c->read_at = loop_now(c->loop);
    c->refused = false;
    c->unread.code = 0;
    return 0;
}

static const char *api_bearer__(void *aux)
{
    struct api_credentials *c = aux;
    if (!c->config.token_file) {
        return c->config.token;
    }
    if (c->refused || loop_now(c->loop) - c->read_at >= API_TOKEN_MS) {
        (void)api_token_read__(c, &c->unread);
    }
    return c->token;
}

static void api_refused__(void *aux)
{
    ((struct api_credentials *)aux)->refused = true;
}

/* ---- TLS ---- */

/* Files are read by whoever makes the connection, so each has what they hold at that time. */
static int api_tls__(void *aux, struct stream_tls *out, struct err *err)
{
    const struct kubeconfig *k = &((struct api_credentials *)aux)->config;
    (void)err;
    out->ca_file = k->ca.file;
    out->ca_pem = k->ca.text;
    out->cert_file = k->cert.file;
    out->cert_pem = k->cert.text;
    out->key_file = k->key.file;
    out->key_pem = k->key.text;
    out->verify_name = k->tls_server_name;
    out->verify_nothing = k->insecure;
    out->ca_system = !k->ca.file && !k->ca.text;
    return 0;
}

/* ---- where they come from ---- */

static int api_from_kubeconfig__(struct api_credentials *c, const char *file, const char *context,
                                 struct err *err)
{
    char *text;
    size_t n;
    int rc = file_read(file, API_FILE_LIMIT, &text, &n, err);
    if (rc == 0) {
        rc = kubeconfig_decode(file, text, n, context, &c->config, err);
        mem_free(text);
    }
    if (rc == 0 && c->config.insecure) {
        struct sbuf warning = SBUF_INIT;
        sbuf_printf(&warning,
                    "%s: insecure-skip-tls-verify: the server's certificate is not verified", file);
        c->warning = sbuf_take(&warning);
    }
    return rc;
}

static char *api_file__(const char *dir, const char *name)
{
    struct sbuf path = SBUF_INIT;
    sbuf_printf(&path, "%s/%s", dir, name);
    return sbuf_take(&path);
}

static int api_from_account__(struct api_credentials *c,
                              const struct api_credentials_config *config, struct err *err)
{
    const char *host = program_variable("KUBERNETES_SERVICE_HOST");
    const char *port = program_variable("KUBERNETES_SERVICE_PORT");
    struct sbuf server = SBUF_INIT;
    if (!config->api_server && (!host || !host[0] || !port || !port[0])) {
        return err_set(err, ERR_NOT_FOUND,
                       "no API server: no kubeconfig is given, and KUBERNETES_SERVICE_HOST and "
                       "KUBERNETES_SERVICE_PORT are not set, as they are in a Pod");
    }
    if (!config->api_server) {
        sbuf_printf(&server, strchr(host, ':') ? "https://[%s]:%s" : "https://%s:%s", host, port);
        c->config.server = sbuf_take(&server);
    }
    auto_free char *dir =
        config->account_dir ? mem_strdup(config->account_dir) : program_mounted(API_ACCOUNT_DIR);
    c->config.ca.file = api_file__(dir, "ca.crt");
    c->config.token_file = api_file__(dir, "token");
    return 0;
}

/* --api-server goes before what was found. */
static int api_override__(struct api_credentials *c, const char *server, struct err *err)
{
    if (strncmp(server, "https://", 8) != 0) {
        return err_set(err, ERR_INVALID,
                       "\"%.120s\": the API server's address must begin with https://", server);
    }
    mem_free(c->config.server);
    c->config.server = mem_strdup(server);
    return 0;
}

static int api_check_server__(struct api_credentials *c, struct err *err)
{
    struct http_client_config config = {.server = c->config.server};
    struct http_client *client;
    int rc = http_client_new(c->loop, &config, &client, err);
    if (rc == 0) {
        http_client_free(client);
    }
    return rc;
}

static int api_check_tls__(struct api_credentials *c, struct err *err)
{
    const char *const files[] = {c->config.ca.file, c->config.cert.file, c->config.key.file};
    struct stream_tls tls = {.ca_file = NULL};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(files); i++) {
        char *text = NULL;
        size_t n;
        rc = files[i] ? file_read(files[i], API_FILE_LIMIT, &text, &n, err) : 0;
        mem_free(text);
    }
    rc = rc != 0 ? rc : api_tls__(c, &tls, err);
    return rc != 0 ? rc : stream_tls_check(&tls, err);
}

/* Is all there, and can it be used, that will be needed?  So that a mistake is said at once. */
static int api_check__(struct api_credentials *c, const char *kubeconfig, struct err *err)
{
    int rc = api_check_server__(c, err);
    if (rc == 0 && strncmp(c->config.server, "https://", 8) == 0) {
        rc = api_check_tls__(c, err);
    }
    if (rc == 0 && c->config.token_file) {
        rc = api_token_read__(c, err);
    }
    return rc != 0 && kubeconfig ? err_wrap(err, "%s", kubeconfig) : rc;
}

int api_credentials_new(struct loop *l, const struct api_credentials_config *config,
                        struct api_credentials **out, struct err *err)
{
    struct api_credentials *c = mem_calloc(1, sizeof *c);
    c->loop = l;
    int rc = config->kubeconfig ? api_from_kubeconfig__(c, config->kubeconfig, config->context, err)
                                : api_from_account__(c, config, err);
    if (rc == 0 && config->api_server) {
        rc = api_override__(c, config->api_server, err);
    }
    rc = rc != 0 ? rc : api_check__(c, config->kubeconfig, err);
    if (rc != 0) {
        api_credentials_free(c);
        return rc;
    }
    *out = c;
    return 0;
}

void api_credentials_free(struct api_credentials *c)
{
    if (c) {
        kubeconfig_done(&c->config);
        mem_free(c->warning);
        mem_free(c->token);
        mem_free(c);
    }
}

/* ---- their use ---- */

void api_credentials_use(struct api_credentials *c, struct http_client_config *config)
{
    config->server = c->config.server;
    config->credentials = (struct http_credentials){api_tls__, api_bearer__, api_refused__, c};
    config->gzip = !c->config.disable_compression;
}

const char *api_credentials_server(const struct api_credentials *c)
{
    return c->config.server;
}

const char *api_credentials_warning(const struct api_credentials *c)
{
    return c->warning;
}

const char *api_credentials_trouble(const struct api_credentials *c)
{
    return c->unread.code ? c->unread.text : "";
}
