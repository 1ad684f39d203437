/* SPDX-License-Identifier: Apache-2.0
 * A small blocking driver of ovsdb_session over a unix socket, for tests: runs the session until
 * what was asked for is done, and keeps every byte that the server sent. */
#ifndef SEINE_TESTS_OVSDB_DRIVER_H
#define SEINE_TESTS_OVSDB_DRIVER_H

#include "ovs/ovsdb_session.h"

struct ovsdb_driver {
    int fd;
    struct ovsdb_session *session;
    struct sbuf seen; /* bytes from the server */
    int n_synced, n_updated;
    bool replied;
    int reply_code;
    char reply_text[ERR_TEXT_MAX];
};
/* Connects and waits until the replica is whole. */
int ovsdb_driver_open(struct ovsdb_driver *d, const char *path, struct ovsdb_replica *replica,
                      struct err *err);
void ovsdb_driver_close(struct ovsdb_driver *d);
/* Sends a transaction and waits for its reply: the reply's code, its text in d->reply_text. */
int ovsdb_driver_transact(struct ovsdb_driver *d, cJSON *ops);
/* Runs until '*n' is at least 'least'; ERR_TIMEOUT after some seconds. */
int ovsdb_driver_until(struct ovsdb_driver *d, const int *n, int least, struct err *err);

#endif
