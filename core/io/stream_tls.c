/* SPDX-License-Identifier: Apache-2.0
 *
 * TLS for streams: OpenSSL over two memory BIOs, so that the sockets stay libuv's.  Version 1.2 or
 * later; the peer's chain is always verified, and its name where one is given.  The only file that
 * knows OpenSSL; its error queue is read here alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include "core/base/addr.h"
#include "core/base/mem.h"
#include "core/io/stream_internal.h"

struct tls_context {
    SSL_CTX *ctx;
    bool server;
    char *verify_name;
    struct sbuf protocols; /* for ALPN, in the wire's form */
};
struct tls {
    SSL *ssl;
    BIO *in, *out;     /* the SSL's */
    char protocol[16]; /* agreed on, "" none */
};

/* Fills err from OpenSSL's error queue, and empties that. */
static int tls_error__(struct err *err, int code, const char *what)
{
    char text[160] = "unknown reason";
    uint32_t e = (uint32_t)ERR_get_error();
    if (e != 0) {
        const char *reason = ERR_reason_error_string(e);
        if (reason) {
            (void)snprintf(text, sizeof text, "%s", reason);
        } else {
            ERR_error_string_n(e, text, sizeof text);
        }
    }
    int os_code = ERR_GET_LIB(e) == ERR_LIB_SYS ? ERR_GET_REASON(e) : 0;
    ERR_clear_error();
    if (os_code != 0) {
        return err_set_os(err, err_from_errno(os_code), os_code, "%s: %s", what, text);
    }
    return err_set(err, code, "%s: %s", what, text);
}

/* ---- what the context is made of ---- */

/* A BIO over a text or a file. */
static int tls_open__(const char *pem, const char *file, BIO **out, struct err *err)
{
    ERR_clear_error();
    *out = pem ? BIO_new_mem_buf(pem, -1) : BIO_new_file(file, "rb");
    return *out ? 0 : tls_error__(err, ERR_INVALID, pem ? "TLS" : file);
}

static const char *tls_name__(const char *pem, const char *file, const char *what)
{
    return pem ? what : file;
}

/* Ends what was read from 'bio': reading PEM ends with an error that is none. */
static void tls_read_done__(BIO *bio)
{
    BIO_free(bio);
    ERR_clear_error();
}

static int tls_load_authorities__(SSL_CTX *ctx, const struct stream_tls *config, struct err *err)
{
    if (config->verify_nothing) {
        return 0;
    }
    if (config->ca_system) {
        return SSL_CTX_set_default_verify_paths(ctx) == 1
                   ? 0
                   : tls_error__(err, ERR_INTERNAL, "the system's certificate authorities");
    }
    if (!config->ca_file && !config->ca_pem) {
        return err_set(err, ERR_INVALID, "no certificate authority file given");
    }
    BIO *bio;
    int rc = tls_open__(config->ca_pem, config->ca_file, &bio, err);
    if (rc != 0) {
        return rc;
    }
    size_t n = 0;
    X509_STORE *store = SSL_CTX_get_cert_store(ctx);
    for (X509 *x; (x = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL)) != NULL; n++) {
        X509_STORE_add_cert(store, x); /* with its own reference; twice the same is fine */
        X509_free(x);
    }
    bool ended = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    if (n == 0 || !ended) {
        rc = tls_error__(err, ERR_INVALID,
                         tls_name__(config->ca_pem, config->ca_file, "certificate authority"));
    }
    tls_read_done__(bio);
    return rc;
}

/* The certificate, and those between it and an authority. */
static int tls_load_chain__(SSL_CTX *ctx, const struct stream_tls *config, struct err *err)
{
    const char *name = tls_name__(config->cert_pem, config->cert_file, "certificate");
    BIO *bio;
    int rc = tls_open__(config->cert_pem, config->cert_file, &bio, err);
    if (rc != 0) {
        return rc;
    }
    X509 *x = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL);
    bool ok = x && SSL_CTX_use_certificate(ctx, x) == 1;
    X509_free(x);
    while (ok && (x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        ok = SSL_CTX_add0_chain_cert(ctx, x) == 1;
        if (!ok) {
            X509_free(x);
        }
    }
    ok = ok && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    rc = ok ? 0 : tls_error__(err, ERR_INVALID, name);
    tls_read_done__(bio);
    return rc;
}

/* A key that has a password is refused: nobody is there to be asked. */
static int tls_no_password__(char *buf, int size, int for_writing, void *aux)
{
    (void)buf, (void)size, (void)for_writing, (void)aux;
    return -1;
}

static int tls_load_key__(SSL_CTX *ctx, const struct stream_tls *config, struct err *err)
{
    BIO *bio;
    int rc = tls_open__(config->key_pem, config->key_file, &bio, err);
    if (rc != 0) {
        return rc;
    }
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, tls_no_password__, NULL);
    bool ok = key && SSL_CTX_use_PrivateKey(ctx, key) == 1 && SSL_CTX_check_private_key(ctx) == 1;
    rc = ok ? 0
            : tls_error__(err, ERR_INVALID,
                          tls_name__(config->key_pem, config->key_file, "private key"));
    EVP_PKEY_free(key);
    tls_read_done__(bio);
    return rc;
}

static int tls_load__(SSL_CTX *ctx, const struct stream_tls *config, bool server, struct err *err)
{
    bool has_cert = config->cert_file || config->cert_pem;
    bool has_key = config->key_file || config->key_pem;
    int rc = tls_load_authorities__(ctx, config, err);
    if (rc != 0) {
        return rc;
    }
    if (!has_cert || !has_key) {
        return server || has_cert || has_key
                   ? err_set(err, ERR_INVALID, "certificate and key files are needed both")
                   : 0;
    }
    rc = tls_load_chain__(ctx, config, err);
    return rc != 0 ? rc : tls_load_key__(ctx, config, err);
}

/* ---- ALPN ---- */

/* "a,b" in the wire's form: each name behind a byte of its length. */
static void tls_protocols__(const char *text, struct sbuf *out)
{
    while (*text) {
        size_t n = strcspn(text, ",");
        sbuf_put_u8(out, (uint8_t)n);
        sbuf_put(out, text, n);
        text += n + (text[n] == ',');
    }
}

static int tls_choose__(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                        const unsigned char *in, unsigned in_len, void *aux)
{
    const struct tls_context *c = aux;
    unsigned char *chosen;
    (void)ssl;
    if (SSL_select_next_proto(&chosen, out_len, (const unsigned char *)c->protocols.data,
                              (unsigned)c->protocols.len, in, in_len) != OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_NOACK; /* none in common: as if nothing had been offered */
    }
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static void tls_offer__(struct tls_context *c, const char *protocols)
{
    tls_protocols__(protocols, &c->protocols);
    if (c->server) {
        SSL_CTX_set_alpn_select_cb(c->ctx, tls_choose__, c);
    } else if (SSL_CTX_set_alpn_protos(c->ctx, (const unsigned char *)c->protocols.data,
                                       (unsigned)c->protocols.len) != 0) {
        abort(); /* memory, or a list that is not one: our own mistake */
    }
}

int tls_context_new(const struct stream_tls *config, bool server, struct tls_context **out,
                    struct err *err)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_method());
    if (!ctx) {
        return tls_error__(err, ERR_INTERNAL, "TLS");
    }
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION);
    int verify = config->verify_nothing ? SSL_VERIFY_NONE : SSL_VERIFY_PEER;
    if (server && !config->client_certificate_optional) {
        verify |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    }
    SSL_CTX_set_verify(ctx, verify, NULL);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    /* What is given as an authority is one, also where it was signed by another. */
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx), X509_V_FLAG_PARTIAL_CHAIN);

    int rc = tls_load__(ctx, config, server, err);
    if (rc != 0) {
        SSL_CTX_free(ctx);
        return rc;
    }
    struct tls_context *c = mem_calloc(1, sizeof *c);
    c->ctx = ctx;
    c->server = server;
    c->verify_name = config->verify_name ? mem_strdup(config->verify_name) : NULL;
    if (config->protocols) {
        tls_offer__(c, config->protocols);
    }
    *out = c;
    return 0;
}

void tls_context_free(struct tls_context *c)
{
    if (c) {
        SSL_CTX_free(c->ctx);
        mem_free(c->verify_name);
        sbuf_done(&c->protocols);
        mem_free(c);
    }
}

int stream_tls_check(const struct stream_tls *tls, struct err *err)
{
    struct tls_context *c = NULL;
    int rc = tls_context_new(tls, false, &c, err);
    tls_context_free(c);
    return rc;
}

struct tls *tls_new(const struct tls_context *c)
{
    struct tls *t = mem_calloc(1, sizeof *t);
    t->ssl = SSL_new(c->ctx);
    t->in = BIO_new(BIO_s_mem());
    t->out = BIO_new(BIO_s_mem());
    if (!t->ssl || !t->in || !t->out) {
        abort(); /* memory, like mem_alloc() */
    }
    BIO_set_mem_eof_return(t->in, -1); /* empty means: more later */
    SSL_set_bio(t->ssl, t->in, t->out);
    if (c->server) {
        SSL_set_accept_state(t->ssl);
        return t;
    }
    SSL_set_connect_state(t->ssl);
    struct ip ip;
    if (c->verify_name && ip_parse(c->verify_name, &ip)) {
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(t->ssl), c->verify_name);
    } else if (c->verify_name) {
        SSL_set1_host(t->ssl, c->verify_name);
        SSL_set_tlsext_host_name(t->ssl, c->verify_name);
    }
    return t;
}

void tls_free(struct tls *t)
{
    if (t) {
        SSL_free(t->ssl); /* and the BIOs */
        mem_free(t);
    }
}

/* What a call's result means: 0 for "later", else an error.  Verification has its own text. */
static int tls_outcome__(struct tls *t, int result, const char *what, struct err *err)
{
    switch (SSL_get_error(t->ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return 0;
    case SSL_ERROR_ZERO_RETURN:
        return err_set(err, ERR_CLOSED, "closed by the peer");
    default:
        break;
    }
    int64_t verdict = SSL_get_verify_result(t->ssl);
    if (verdict != X509_V_OK && SSL_get_verify_mode(t->ssl) != SSL_VERIFY_NONE) {
        ERR_clear_error();
        return err_set(err, ERR_PERMISSION, "%s: peer's certificate: %s", what,
                       X509_verify_cert_error_string((int)verdict));
    }
    return tls_error__(err, ERR_PROTOCOL, what);
}

int tls_handshake(struct tls *t, struct err *err)
{
    ERR_clear_error();
    int rc = SSL_do_handshake(t->ssl);
    return rc == 1 ? 1 : tls_outcome__(t, rc, "TLS handshake", err);
}

const char *tls_protocol(struct tls *t)
{
    const unsigned char *p = NULL;
    unsigned n = 0;
    SSL_get0_alpn_selected(t->ssl, &p, &n);
    if (n < sizeof t->protocol) {
        memcpy(t->protocol, p ? (const char *)p : "", n);
        t->protocol[n] = '\0';
    }
    return t->protocol;
}

void tls_feed(struct tls *t, const void *p, size_t n)
{
    size_t done;
    if (BIO_write_ex(t->in, p, n, &done) != 1 || done != n) {
        abort(); /* memory */
    }
}

int tls_read(struct tls *t, void *p, size_t n, struct err *err)
{
    ERR_clear_error();
    int rc = SSL_read(t->ssl, p, n < 65536 ? (int)n : 65536);
    return rc > 0 ? rc : tls_outcome__(t, rc, "TLS", err);
}

int tls_write(struct tls *t, const void *p, size_t n, struct err *err)
{
    const char *at = p;
    while (n > 0) {
        size_t done = 0;
        ERR_clear_error();
        int rc = SSL_write_ex(t->ssl, at, n, &done);
        if (rc != 1) {
            rc = tls_outcome__(t, rc, "TLS", err);
            return rc != 0 ? rc : err_set(err, ERR_PROTOCOL, "TLS: renegotiation under way");
        }
        at += done;
        n -= done;
    }
    return 0;
}

void tls_shutdown(struct tls *t)
{
    ERR_clear_error();
    (void)SSL_shutdown(t->ssl);
    ERR_clear_error();
}

void tls_flush(struct tls *t, struct sbuf *out)
{
    char *data;
    int64_t n = BIO_get_mem_data(t->out, &data);
    if (n > 0) {
        sbuf_put(out, data, (size_t)n);
        (void)BIO_reset(t->out);
    }
}
