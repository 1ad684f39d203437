/* SPDX-License-Identifier: Apache-2.0
 *
 * One OVSDB connection (RFC 7047, ovsdb-server(7)) as a pure state machine: bytes and `now` go in;
 * bytes, events and a deadline come out.
 *
 * A session lives as long as its connection.  It asks for the replica's columns by
 * monitor_cond_since, with the replica's last transaction id, so that after a short break only the
 * differences come; from a server that does not know that, by monitor_cond.  Echo requests are
 * answered, and sent after silence.
 *
 *     stream open     -> s = ovsdb_session_new(replica, &events, aux, now)
 *     bytes came      -> ovsdb_session_input(): non-zero: close the stream
 *     room to write   -> ovsdb_session_output()
 *     deadline passed -> ovsdb_session_run(): non-zero: close the stream
 *     stream gone     -> ovsdb_session_free(): pending transactions end with ERR_CLOSED
 *
 * Events and replies are called from within input and free only. */
#ifndef SEINE_OVS_OVSDB_SESSION_H
#define SEINE_OVS_OVSDB_SESSION_H

#include "core/base/sbuf.h"
#include "ovs/ovsdb_op.h"
#include "ovs/ovsdb_replica.h"

struct ovsdb_session;

struct ovsdb_session_events {   /* both must be there */
    void (*synced)(void *aux);  /* the replica is whole, for the first time on this connection */
    void (*updated)(void *aux); /* later changes were applied to it */
};

enum {
    OVSDB_ECHO_INTERVAL_MS = 5000,
    OVSDB_ECHO_TIMEOUT_MS = 15000,
    OVSDB_GREET_TIMEOUT_MS = 15000
};

/* 'replica' and 'events' are borrowed for the session's life. */
struct ovsdb_session *ovsdb_session_new(struct ovsdb_replica *replica,
                                        const struct ovsdb_session_events *events, void *aux,
                                        int64_t now);
void ovsdb_session_free(struct ovsdb_session *s); /* NULL is fine */
/* 0, or ERR_PROTOCOL, ERR_TOO_BIG, ERR_UNSUPPORTED, ERR_NOT_FOUND, ERR_CLOSED: the session is
 * dead. */
int ovsdb_session_input(struct ovsdb_session *s, const void *p, size_t n, int64_t now,
                        struct err *err);
/* Moves the bytes to send to the end of 'out'; their number. */
size_t ovsdb_session_output(struct ovsdb_session *s, struct sbuf *out);
int ovsdb_session_run(struct ovsdb_session *s, int64_t now, struct err *err); /* or ERR_TIMEOUT */
int64_t ovsdb_session_deadline(const struct ovsdb_session *s);
bool ovsdb_session_is_synced(const struct ovsdb_session *s);

/* Result of a transaction.  err->code 0: committed, 'result' has one element an operation.  Else
 * 'result' may be NULL.  Called exactly once. */
typedef void ovsdb_reply_fn(void *aux, const cJSON *result, const struct err *err);
/* Sends the operations (a cJSON array, taken) as one transaction. */
void ovsdb_session_transact(struct ovsdb_session *s, cJSON *ops, ovsdb_reply_fn *reply, void *aux);

#endif
