/* SPDX-License-Identifier: Apache-2.0
 *
 * Throw-away certificates for tests of TLS, made by the library itself: no other program is needed,
 * so that they run wherever the tests do. */
#ifndef SEINE_TESTS_SUPPORT_CERTS_H
#define SEINE_TESTS_SUPPORT_CERTS_H

#include <stdbool.h>

struct certs {
    const char *dir; /* where NAME.pem and NAME.key are written */
};
/* A self-signed authority. */
bool certs_authority(const struct certs *c, const char *name);
/* A certificate for 'name' that 'authority', made before, has signed. */
bool certs_issue(const struct certs *c, const char *authority, const char *name);
/* The same for a server's names and addresses: "DNS:localhost,IP:127.0.0.1". */
bool certs_issue_for(const struct certs *c, const char *authority, const char *name,
                     const char *names);

#endif
