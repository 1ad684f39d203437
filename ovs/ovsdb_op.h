/* SPDX-License-Identifier: Apache-2.0
 *
 * ovsdb_op: operations of a transaction (RFC 7047 section 5.2) as JSON, and what the server says of
 * them.  Every maker hands a new cJSON object over; arguments marked 'taken' are used up. */
#ifndef SEINE_OVS_OVSDB_OP_H
#define SEINE_OVS_OVSDB_OP_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

/* "where" clauses: column == value; a row by its UUID; every row. */
cJSON *ovsdb_where_name(const char *column, const char *value);
cJSON *ovsdb_where_uuid(const char *uuid);
cJSON *ovsdb_where_all(void);

cJSON *ovsdb_uuid(const char *uuid);
cJSON *ovsdb_named_uuid(const char *name);
/* ["set", []] or ["map", []] to add to. */
cJSON *ovsdb_set(void);
void ovsdb_set_add(cJSON *set, cJSON *item /* taken */);
cJSON *ovsdb_map(void);
void ovsdb_map_add(cJSON *map, const char *key, const char *value);

/* 'row' and 'where' are taken.  'uuid_name' may be NULL. */
cJSON *ovsdb_op_insert(const char *table, const char *uuid_name, cJSON *row);
cJSON *ovsdb_op_update(const char *table, cJSON *where, cJSON *row);
/* Waits (not at all) until 'column' of the matching row equals 'value'; the transaction fails with
 * ERR_CONFLICT if it does not. */
cJSON *ovsdb_op_wait(const char *table, cJSON *where, const char *column, cJSON *value);
cJSON *ovsdb_op_mutate(const char *table, cJSON *where);
void ovsdb_op_mutate_add(cJSON *op, const char *column, const char *mutator, cJSON *value);
cJSON *ovsdb_op_select(const char *table, cJSON *where, const char *column);
cJSON *ovsdb_op_comment(const char *text);

/* Looks through the result of a "transact": 0, or the first error translated: ERR_CONFLICT (a wait
 * did not hold), ERR_EXISTS (constraint), ERR_PERMISSION, ERR_EXHAUSTED, ERR_REFUSED. */
int ovsdb_op_result(const cJSON *result, struct err *err);
/* An error member of a response or of one operation's result: "error: details". */
int ovsdb_op_error(const cJSON *error, const cJSON *details, struct err *err);

#endif
