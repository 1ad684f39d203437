/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/certs.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "core/base/mem.h"
#include "core/base/sbuf.h"
#include "platform/ipc.h"

enum { CERTS_SECONDS = 2 * 24 * 3600 };

static char *certs_path(const struct certs *c, const char *name, const char *ending)
{
    struct sbuf path = SBUF_INIT;
    sbuf_printf(&path, "%s/%s.%s", c->dir, name, ending);
    return sbuf_take(&path);
}

static bool certs_write(const struct certs *c, const char *name, const char *ending, BIO *bio)
{
    char *data = NULL;
    size_t n = (size_t)BIO_get_mem_data(bio, &data);
    char *path = certs_path(c, name, ending);
    bool ok = file_write_atomic(path, data, n, NULL) == 0;
    mem_free(path);
    BIO_free(bio);
    return ok;
}

static BIO *certs_read(const struct certs *c, const char *name, const char *ending)
{
    char *path = certs_path(c, name, ending), *text = NULL;
    size_t n = 0;
    BIO *bio = BIO_new(BIO_s_mem());
    if (file_read(path, 1 << 20, &text, &n, NULL) == 0) {
        BIO_write(bio, text, (int)n);
    }
    mem_free(text);
    mem_free(path);
    return bio;
}

static void certs_extend(X509 *x, int nid, const char *value)
{
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
}

static X509 *certs_new(const char *name, EVP_PKEY *key, bool is_authority)
{
    X509 *x = X509_new();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), is_authority ? 1 : 2);
    X509_gmtime_adj(X509_getm_notBefore(x), -60);
    X509_gmtime_adj(X509_getm_notAfter(x), CERTS_SECONDS);
    X509_set_pubkey(x, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               (const unsigned char *)name, -1, -1, 0);
    if (is_authority)
        certs_extend(x, NID_basic_constraints, "critical,CA:TRUE");
    return x;
}

static bool certs_keep(const struct certs *c, const char *name, X509 *x, EVP_PKEY *key)
{
    BIO *pem = BIO_new(BIO_s_mem()), *secret = BIO_new(BIO_s_mem());
    bool ok = PEM_write_bio_X509(pem, x) == 1 &&
              PEM_write_bio_PrivateKey(secret, key, NULL, NULL, 0, NULL, NULL) == 1;
    ok = certs_write(c, name, "pem", pem) && ok;
    ok = certs_write(c, name, "key", secret) && ok;
    X509_free(x);
    EVP_PKEY_free(key);
    return ok;
}

bool certs_authority(const struct certs *c, const char *name)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = certs_new(name, key, true);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    bool ok = X509_sign(x, key, EVP_sha256()) != 0;
    return certs_keep(c, name, x, key) && ok;
}

bool certs_issue(const struct certs *c, const char *authority, const char *name)
{
    return certs_issue_for(c, authority, name, NULL);
}

bool certs_issue_for(const struct certs *c, const char *authority, const char *name,
                     const char *names)
{
    BIO *pem = certs_read(c, authority, "pem"), *secret = certs_read(c, authority, "key");
    X509 *issuer = PEM_read_bio_X509(pem, NULL, NULL, NULL);
    EVP_PKEY *issuer_key = PEM_read_bio_PrivateKey(secret, NULL, NULL, NULL);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = certs_new(name, key, false);
    bool ok = issuer && issuer_key;
    if (names)
        certs_extend(x, NID_subject_alt_name, names);
    if (ok) {
        X509_set_issuer_name(x, X509_get_subject_name(issuer));
        ok = X509_sign(x, issuer_key, EVP_sha256()) != 0;
    }
    BIO_free(pem);
    BIO_free(secret);
    X509_free(issuer);
    EVP_PKEY_free(issuer_key);
    return certs_keep(c, name, x, key) && ok;
}
