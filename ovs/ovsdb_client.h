/* SPDX-License-Identifier: Apache-2.0
 *
 * ovsdb_client: binds sessions to streams: connects, and again after each loss with back-off; keeps
 * the replica across connections. */
#ifndef SEINE_OVS_OVSDB_CLIENT_H
#define SEINE_OVS_OVSDB_CLIENT_H

#include "core/io/loop.h"
#include "core/io/stream.h"
#include "ovs/ovsdb_session.h"

struct ovsdb_client;

/* Called from the loop only. */
struct ovsdb_client_events {
    void (*connected)(void *aux);
    void (*synced)(void *aux);
    void (*updated)(void *aux);
    void (*lost)(void *aux, const struct err *why); /* also for each try that failed */
};

/* ERR_INVALID on a bad address or TLS files.  'tls', its strings, 'specs' and 'events' are borrowed
 * for the client's life. */
int ovsdb_client_new(struct loop *l, const char *address, const struct stream_tls *tls,
                     const struct ovsdb_table_spec *specs, size_t n_specs,
                     const struct ovsdb_client_events *events, void *aux, struct ovsdb_client **out,
                     struct err *err);
/* Pending transactions end with ERR_CLOSED from within this call.  Not from within an event or a
 * reply.  NULL is fine. */
void ovsdb_client_free(struct ovsdb_client *c);
const struct ovsdb_replica *ovsdb_client_replica(const struct ovsdb_client *c);
bool ovsdb_client_is_connected(const struct ovsdb_client *c);
bool ovsdb_client_is_synced(const struct ovsdb_client *c);
/* Only when synced; 'ops' is taken.  ERR_CLOSED (ops freed, no reply) otherwise. */
int ovsdb_client_transact(struct ovsdb_client *c, cJSON *ops, ovsdb_reply_fn *reply, void *aux);

#endif
