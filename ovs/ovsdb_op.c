/* SPDX-License-Identifier: Apache-2.0
 *
 * Operations of transactions: see ovsdb_op.h.  Holds the one translation of OVSDB's errors. */
#include "ovs/ovsdb_op.h"

#include <string.h>

#include "core/base/port.h"

/* ["a", b]; b is taken. */
static cJSON *ovsdb_pair__(const char *a, cJSON *b)
{
    cJSON *pair = cJSON_CreateArray();
    cJSON_AddItemToArray(pair, cJSON_CreateString(a));
    cJSON_AddItemToArray(pair, b);
    return pair;
}

static cJSON *ovsdb_where__(const char *column, cJSON *value)
{
    cJSON *clause = cJSON_CreateArray(), *where = cJSON_CreateArray();
    cJSON_AddItemToArray(clause, cJSON_CreateString(column));
    cJSON_AddItemToArray(clause, cJSON_CreateString("=="));
    cJSON_AddItemToArray(clause, value);
    cJSON_AddItemToArray(where, clause);
    return where;
}

cJSON *ovsdb_where_name(const char *column, const char *value)
{
    return ovsdb_where__(column, cJSON_CreateString(value));
}

cJSON *ovsdb_where_uuid(const char *uuid)
{
    return ovsdb_where__("_uuid", ovsdb_uuid(uuid));
}

cJSON *ovsdb_where_all(void)
{
    return cJSON_CreateArray();
}

cJSON *ovsdb_uuid(const char *uuid)
{
    return ovsdb_pair__("uuid", cJSON_CreateString(uuid));
}

cJSON *ovsdb_named_uuid(const char *name)
{
    return ovsdb_pair__("named-uuid", cJSON_CreateString(name));
}

cJSON *ovsdb_set(void)
{
    return ovsdb_pair__("set", cJSON_CreateArray());
}

void ovsdb_set_add(cJSON *set, cJSON *item)
{
    cJSON_AddItemToArray(cJSON_GetArrayItem(set, 1), item);
}

cJSON *ovsdb_map(void)
{
    return ovsdb_pair__("map", cJSON_CreateArray());
}

void ovsdb_map_add(cJSON *map, const char *key, const char *value)
{
    cJSON_AddItemToArray(cJSON_GetArrayItem(map, 1), ovsdb_pair__(key, cJSON_CreateString(value)));
}

static cJSON *ovsdb_op__(const char *op, const char *table)
{
    cJSON *o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "op", op);
    if (table) {
        cJSON_AddStringToObject(o, "table", table);
    }
    return o;
}

cJSON *ovsdb_op_insert(const char *table, const char *uuid_name, cJSON *row)
{
    cJSON *o = ovsdb_op__("insert", table);
    cJSON_AddItemToObject(o, "row", row);
    if (uuid_name) {
        cJSON_AddStringToObject(o, "uuid-name", uuid_name);
    }
    return o;
}

cJSON *ovsdb_op_update(const char *table, cJSON *where, cJSON *row)
{
    cJSON *o = ovsdb_op__("update", table);
    cJSON_AddItemToObject(o, "where", where);
    cJSON_AddItemToObject(o, "row", row);
    return o;
}

static void ovsdb_op_columns__(cJSON *o, const char *column)
{
    cJSON *columns = cJSON_AddArrayToObject(o, "columns");
    cJSON_AddItemToArray(columns, cJSON_CreateString(column));
}

cJSON *ovsdb_op_wait(const char *table, cJSON *where, const char *column, cJSON *value)
{
    cJSON *o = ovsdb_op__("wait", table);
    cJSON_AddNumberToObject(o, "timeout", 0);
    cJSON_AddItemToObject(o, "where", where);
    ovsdb_op_columns__(o, column);
    cJSON_AddStringToObject(o, "until", "==");
    cJSON *row = cJSON_CreateObject(), *rows = cJSON_AddArrayToObject(o, "rows");
    cJSON_AddItemToObject(row, column, value);
    cJSON_AddItemToArray(rows, row);
    return o;
}

cJSON *ovsdb_op_mutate(const char *table, cJSON *where)
{
    cJSON *o = ovsdb_op__("mutate", table);
    cJSON_AddItemToObject(o, "where", where);
    cJSON_AddArrayToObject(o, "mutations");
    return o;
}

void ovsdb_op_mutate_add(cJSON *op, const char *column, const char *mutator, cJSON *value)
{
    cJSON *m = ovsdb_pair__(column, cJSON_CreateString(mutator));
    cJSON_AddItemToArray(m, value);
    cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(op, "mutations"), m);
}

cJSON *ovsdb_op_select(const char *table, cJSON *where, const char *column)
{
    cJSON *o = ovsdb_op__("select", table);
    cJSON_AddItemToObject(o, "where", where);
    ovsdb_op_columns__(o, column);
    return o;
}

cJSON *ovsdb_op_comment(const char *text)
{
    cJSON *o = ovsdb_op__("comment", NULL);
    cJSON_AddStringToObject(o, "comment", text);
    return o;
}

/* ---- errors ---- */

static const struct {
    const char *name;
    int code;
} ovsdb_op_errors[] = {
    {"timed out", ERR_CONFLICT},
    {"constraint violation", ERR_EXISTS},
    {"referential integrity violation", ERR_CONFLICT},
    {"resources exhausted", ERR_EXHAUSTED},
    {"I/O error", ERR_IO},
    {"permission error", ERR_PERMISSION},
    {"not owner", ERR_PERMISSION},
    {"not leader", ERR_AGAIN},
    {"canceled", ERR_AGAIN},
    {"database removed", ERR_CLOSED},
    {"unknown database", ERR_NOT_FOUND},
    {"unknown method", ERR_UNSUPPORTED},
    {"duplicate uuid-name", ERR_INTERNAL},
};

int ovsdb_op_error(const cJSON *error, const cJSON *details, struct err *err)
{
    const char *name = cJSON_IsString(error) ? error->valuestring : "error of no known form";
    int code = ERR_REFUSED;
    for (size_t i = 0; i < ARRAY_LEN(ovsdb_op_errors); i++) {
        if (strcmp(name, ovsdb_op_errors[i].name) == 0) {
            code = ovsdb_op_errors[i].code;
        }
    }
    if (cJSON_IsString(details)) {
        return err_set(err, code, "OVSDB: %.60s: %.150s", name, details->valuestring);
    }
    return err_set(err, code, "OVSDB: %.60s", name);
}

int ovsdb_op_result(const cJSON *result, struct err *err)
{
    if (!cJSON_IsArray(result)) {
        return err_set(err, ERR_PROTOCOL, "OVSDB: result of a transaction is not a list");
    }
    for (const cJSON *r = result->child; r; r = r->next) {
        const cJSON *error = cJSON_GetObjectItemCaseSensitive(r, "error");
        if (error && !cJSON_IsNull(error)) {
            return ovsdb_op_error(error, cJSON_GetObjectItemCaseSensitive(r, "details"), err);
        }
    }
    return 0;
}
