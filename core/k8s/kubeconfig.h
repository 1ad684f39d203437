/* SPDX-License-Identifier: Apache-2.0
 *
 * kubeconfig: a client's configuration file as kubectl writes it (kind Config, apiVersion v1), one
 * context of it.  Text in, struct out: no file is opened here.
 *
 * Only the chosen context's cluster and user are judged.  Refused are: exec, auth-provider,
 * username and password, impersonation, proxy-url, and a certificate without its key.  An http://
 * server is taken, but no credential is ever given for one.  insecure-skip-tls-verify is taken
 * where no authority is named beside it, since somebody wrote it on purpose: the caller warns. */
#ifndef SEINE_K8S_KUBECONFIG_H
#define SEINE_K8S_KUBECONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"

/* PEM text from a file, or from the configuration itself; both NULL: not given. */
struct kubeconfig_pem {
    char *file; /* a relative name is made one beside the kubeconfig */
    char *text;
};
struct kubeconfig {
    char *server;             /* "https://HOST[:PORT][/PREFIX]" */
    char *name_space;         /* "default" if none is said */
    char *tls_server_name;    /* NULL: the server's own */
    bool insecure;            /* the server's certificate is not looked at */
    bool disable_compression; /* the server is not to be asked for gzip */
    struct kubeconfig_pem ca, cert, key;
    char *token, *token_file; /* token_file, where there is one, counts */
};
/* 'file' is the name for messages and for what is relative to it.  'context': NULL for the file's
 * own current-context.  ERR_INVALID or ERR_UNSUPPORTED with "FILE:LINE: path: reason"; '*out' need
 * not be freed then. */
int kubeconfig_decode(const char *file, const char *text, size_t len, const char *context,
                      struct kubeconfig *out, struct err *err);
void kubeconfig_done(struct kubeconfig *k);

#endif
