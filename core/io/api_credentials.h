/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the API server is and how to be let in: from a kubeconfig file, or from inside a Pod by its
 * service account (KUBERNETES_SERVICE_HOST and _PORT, and the files token and ca.crt).
 *
 * Files are read when they are needed, so that what rotates is followed: a token file at most each
 * minute, and at once after it was refused; authority, certificate and key before each connection.
 * The kubeconfig itself is read once.  Loop thread. */
#ifndef SEINE_IO_API_CREDENTIALS_H
#define SEINE_IO_API_CREDENTIALS_H

#include <stdbool.h>

#include "core/base/err.h"
#include "core/io/http_client.h"

struct api_credentials;

#define API_ACCOUNT_DIR "/var/run/secrets/kubernetes.io/serviceaccount"
enum { API_TOKEN_MS = 60000 };

struct api_credentials_config {
    const char *kubeconfig;  /* file; NULL: the service account */
    const char *context;     /* of the kubeconfig; NULL: its current one */
    const char *api_server;  /* "https://HOST:PORT": goes before the address found otherwise */
    const char *account_dir; /* NULL: API_ACCOUNT_DIR, as program_mounted() */
};
/* Reads what there is.  ERR_INVALID, ERR_UNSUPPORTED, ERR_NOT_FOUND (no such file; or not in a Pod
 * and no kubeconfig), ERR_PERMISSION: with the file, and the line where there is one. */
int api_credentials_new(struct loop *l, const struct api_credentials_config *config,
                        struct api_credentials **out, struct err *err);
/* After the client that uses them.  NULL is fine. */
void api_credentials_free(struct api_credentials *c);

/* Fills in server, credentials and gzip of a client's configuration. */
void api_credentials_use(struct api_credentials *c, struct http_client_config *config);
/* "https://10.96.0.1:443". */
const char *api_credentials_server(const struct api_credentials *c);
/* What an operator should know of them ("FILE: the server's certificate is not verified"), or
 * NULL. */
const char *api_credentials_warning(const struct api_credentials *c);
/* Why the token's file could not be read when it was to be ("FILE: No such file or directory"), ""
 * if it could: the token as it was goes on being sent. */
const char *api_credentials_trouble(const struct api_credentials *c);

#endif
