/* SPDX-License-Identifier: Apache-2.0
 *
 * ovsdb_replica: a copy of chosen columns of chosen tables, kept by update2/update3 messages.  It
 * outlives connections: its last transaction id lets monitor_cond_since send only what is new. */
#ifndef SEINE_OVS_OVSDB_REPLICA_H
#define SEINE_OVS_OVSDB_REPLICA_H

#include "core/base/hmap.h"
#include "ovs/ovsdb_datum.h"

struct ovsdb_table_spec {
    const char *name;
    const struct ovsdb_column *columns;
    size_t n_columns;
};
struct ovsdb_row {
    struct hmap_node node;
    char uuid[OVSDB_UUID_LEN + 1];
    bool stale;                   /* while a snapshot is read: not in it yet */
    struct ovsdb_datum columns[]; /* as many as the table's spec has, in its order */
};

struct ovsdb_replica;
/* 'specs' must outlive it; positions are table numbers. */
struct ovsdb_replica *ovsdb_replica_new(const struct ovsdb_table_spec *specs, size_t n);
void ovsdb_replica_free(struct ovsdb_replica *r); /* NULL is fine */
const struct ovsdb_table_spec *ovsdb_replica_specs(const struct ovsdb_replica *r, size_t *n_out);

/* Applies <table-updates2>.  'snapshot': it holds all rows that there are, others are dropped.
 * ERR_PROTOCOL: malformed, or a change of a row that is not here; the replica is then no copy of
 * anything and its last id is forgotten. */
int ovsdb_replica_apply(struct ovsdb_replica *r, const cJSON *updates, bool snapshot,
                        struct err *err);
/* Transaction id that the content stands for; the zero UUID if none. */
const char *ovsdb_replica_last_id(const struct ovsdb_replica *r);
void ovsdb_replica_set_last_id(struct ovsdb_replica *r, const char *id);

/* Reading; rows are valid until the next apply. */
const struct ovsdb_row *ovsdb_replica_get(const struct ovsdb_replica *r, size_t table,
                                          const char *uuid);
const struct ovsdb_row *ovsdb_replica_first(const struct ovsdb_replica *r, size_t table);
const struct ovsdb_row *ovsdb_replica_next(const struct ovsdb_replica *r, size_t table,
                                           const struct ovsdb_row *row);
/* A row whose column's first atom is 'text', or NULL. */
const struct ovsdb_row *ovsdb_replica_find(const struct ovsdb_replica *r, size_t table,
                                           size_t column, const char *text);
size_t ovsdb_replica_count(const struct ovsdb_replica *r, size_t table);

#endif
