/* SPDX-License-Identifier: Apache-2.0
 *
 * The replica: see ovsdb_replica.h. */
#include "ovs/ovsdb_replica.h"

#include <string.h>

#include "core/base/hash.h"
#include "core/base/mem.h"

static const char ovsdb_replica_no_id[] = "00000000-0000-0000-0000-000000000000";

struct ovsdb_replica {
    const struct ovsdb_table_spec *specs;
    size_t n;
    char last_id[OVSDB_UUID_LEN + 1];
    struct hmap *tables;
};

struct ovsdb_replica *ovsdb_replica_new(const struct ovsdb_table_spec *specs, size_t n)
{
    struct ovsdb_replica *r = mem_calloc(1, sizeof *r);
    r->specs = specs;
    r->n = n;
    r->tables = mem_calloc(n, sizeof *r->tables);
    for (size_t i = 0; i < n; i++) {
        hmap_init(&r->tables[i]);
    }
    ovsdb_replica_set_last_id(r, ovsdb_replica_no_id);
    return r;
}

static struct ovsdb_row *ovsdb_replica_row__(struct hmap_node *node)
{
    return node ? CONTAINER_OF(node, struct ovsdb_row, node) : NULL;
}

static void ovsdb_replica_row_free__(const struct ovsdb_table_spec *spec, struct ovsdb_row *row)
{
    for (size_t i = 0; i < spec->n_columns; i++) {
        ovsdb_datum_done(&row->columns[i]);
    }
    mem_free(row);
}

static void ovsdb_replica_remove__(struct ovsdb_replica *r, size_t table, struct ovsdb_row *row)
{
    hmap_remove(&r->tables[table], &row->node);
    ovsdb_replica_row_free__(&r->specs[table], row);
}

void ovsdb_replica_free(struct ovsdb_replica *r)
{
    if (!r) {
        return;
    }
    for (size_t i = 0; i < r->n; i++) {
        HMAP_FOR_EACH_SAFE(node, tmp, &r->tables[i]) {
            ovsdb_replica_remove__(r, i, ovsdb_replica_row__(node));
        }
        hmap_done(&r->tables[i]);
    }
    mem_free(r->tables);
    mem_free(r);
}

const struct ovsdb_table_spec *ovsdb_replica_specs(const struct ovsdb_replica *r, size_t *n_out)
{
    *n_out = r->n;
    return r->specs;
}

const char *ovsdb_replica_last_id(const struct ovsdb_replica *r)
{
    return r->last_id;
}

void ovsdb_replica_set_last_id(struct ovsdb_replica *r, const char *id)
{
    const char *valid = strlen(id) == OVSDB_UUID_LEN ? id : ovsdb_replica_no_id;
    memcpy(r->last_id, valid, sizeof r->last_id);
}

/* ---- applying ---- */

static struct ovsdb_row *ovsdb_replica_lookup__(const struct ovsdb_replica *r, size_t table,
                                                const char *uuid)
{
    HMAP_FOR_EACH_WITH_HASH(node, &r->tables[table], hash_str(uuid, 0)) {
        struct ovsdb_row *row = ovsdb_replica_row__(node);
        if (strcmp(row->uuid, uuid) == 0) {
            return row;
        }
    }
    return NULL;
}

static struct ovsdb_row *ovsdb_replica_create__(struct ovsdb_replica *r, size_t table,
                                                const char *uuid)
{
    const struct ovsdb_table_spec *spec = &r->specs[table];
    struct ovsdb_row *row = mem_calloc(1, sizeof *row + spec->n_columns * sizeof row->columns[0]);
    memcpy(row->uuid, uuid, sizeof row->uuid);
    for (size_t i = 0; i < spec->n_columns; i++) {
        ovsdb_datum_default(&row->columns[i], &spec->columns[i]);
    }
    hmap_insert(&r->tables[table], &row->node, hash_str(uuid, 0));
    return row;
}

/* Columns of "initial", "insert" (whole values) or "modify" (differences). */
static int ovsdb_replica_columns__(const struct ovsdb_table_spec *spec, struct ovsdb_row *row,
                                   const cJSON *columns, bool modify, struct err *err)
{
    for (size_t i = 0; i < spec->n_columns; i++) {
        const struct ovsdb_column *c = &spec->columns[i];
        const cJSON *json = cJSON_GetObjectItemCaseSensitive(columns, c->name);
        if (!json) {
            continue;
        }
        struct ovsdb_datum d;
        int rc = ovsdb_datum_decode(json, c, &d, err);
        if (rc != 0) {
            return rc;
        }
        if (modify) {
            ovsdb_datum_apply(&row->columns[i], &d, c);
        } else {
            ovsdb_datum_done(&row->columns[i]);
            row->columns[i] = d;
        }
    }
    return 0;
}

static int ovsdb_replica_row_update__(struct ovsdb_replica *r, size_t table, const cJSON *update,
                                      struct err *err)
{
    const struct ovsdb_table_spec *spec = &r->specs[table];
    const char *uuid = update->string;
    const cJSON *what = update->child;
    if (!uuid || strlen(uuid) != OVSDB_UUID_LEN || !cJSON_IsObject(update) || !what) {
        return err_set(err, ERR_PROTOCOL, "table %s: malformed row update", spec->name);
    }
    struct ovsdb_row *row = ovsdb_replica_lookup__(r, table, uuid);
    bool insert = strcmp(what->string, "initial") == 0 || strcmp(what->string, "insert") == 0;
    if (insert && cJSON_IsObject(what)) {
        if (row) { /* said again, whole */
            ovsdb_replica_remove__(r, table, row);
        }
        row = ovsdb_replica_create__(r, table, uuid);
        return ovsdb_replica_columns__(spec, row, what, false, err);
    }
    if (row && strcmp(what->string, "modify") == 0 && cJSON_IsObject(what)) {
        return ovsdb_replica_columns__(spec, row, what, true, err);
    }
    if (row && strcmp(what->string, "delete") == 0) {
        ovsdb_replica_remove__(r, table, row);
        return 0;
    }
    return err_set(err, ERR_PROTOCOL, "table %s: \"%.16s\" of row %s does not fit", spec->name,
                   what->string, uuid);
}

static int ovsdb_replica_table__(struct ovsdb_replica *r, const char *name, size_t *out)
{
    for (size_t i = 0; i < r->n; i++) {
        if (strcmp(r->specs[i].name, name) == 0) {
            *out = i;
            return 0;
        }
    }
    return ERR_NOT_FOUND;
}

static int ovsdb_replica_updates__(struct ovsdb_replica *r, const cJSON *updates, struct err *err)
{
    if (!cJSON_IsObject(updates)) {
        return err_set(err, ERR_PROTOCOL, "table updates are not an object");
    }
    for (const cJSON *t = updates->child; t; t = t->next) {
        size_t table;
        if (ovsdb_replica_table__(r, t->string, &table) != 0 || !cJSON_IsObject(t)) {
            return err_set(err, ERR_PROTOCOL, "update of table \"%.64s\" was not asked for",
                           t->string);
        }
        for (const cJSON *u = t->child; u; u = u->next) {
            int rc = ovsdb_replica_row_update__(r, table, u, err);
            if (rc != 0) {
                return rc;
            }
        }
    }
    return 0;
}

static void ovsdb_replica_mark__(struct ovsdb_replica *r, bool sweep)
{
    for (size_t i = 0; i < r->n; i++) {
        HMAP_FOR_EACH_SAFE(node, tmp, &r->tables[i]) {
            struct ovsdb_row *row = ovsdb_replica_row__(node);
            if (!sweep) {
                row->stale = true;
            } else if (row->stale) {
                ovsdb_replica_remove__(r, i, row);
            }
        }
    }
}

int ovsdb_replica_apply(struct ovsdb_replica *r, const cJSON *updates, bool snapshot,
                        struct err *err)
{
    if (snapshot) {
        ovsdb_replica_mark__(r, false);
    }
    int rc = ovsdb_replica_updates__(r, updates, err);
    if (rc != 0) {
        ovsdb_replica_set_last_id(r, ovsdb_replica_no_id);
        return rc;
    }
    if (snapshot) {
        ovsdb_replica_mark__(r, true);
    }
    return 0;
}

/* ---- reading ---- */

const struct ovsdb_row *ovsdb_replica_get(const struct ovsdb_replica *r, size_t table,
                                          const char *uuid)
{
    return ovsdb_replica_lookup__(r, table, uuid);
}

const struct ovsdb_row *ovsdb_replica_first(const struct ovsdb_replica *r, size_t table)
{
    return ovsdb_replica_row__(hmap_first(&r->tables[table]));
}

const struct ovsdb_row *ovsdb_replica_next(const struct ovsdb_replica *r, size_t table,
                                           const struct ovsdb_row *row)
{
    return ovsdb_replica_row__(hmap_next(&r->tables[table], &row->node));
}

const struct ovsdb_row *ovsdb_replica_find(const struct ovsdb_replica *r, size_t table,
                                           size_t column, const char *text)
{
    const struct ovsdb_row *row = ovsdb_replica_first(r, table);
    while (row &&
           (row->columns[column].n == 0 || strcmp(row->columns[column].keys[0], text) != 0)) {
        row = ovsdb_replica_next(r, table, row);
    }
    return row;
}

size_t ovsdb_replica_count(const struct ovsdb_replica *r, size_t table)
{
    return r->tables[table].n;
}
