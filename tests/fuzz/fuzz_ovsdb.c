/* SPDX-License-Identifier: Apache-2.0
 *
 * What a database server could send: the input is the bytes of one connection, with a transaction
 * of ours pending.  They are given whole, and byte by byte, to two sessions; both must come to the
 * same end and, if it is no error, to the same replica. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ovs/ovsdb_session.h"
#include "ovs/switchdb_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void hear_nothing(void *aux)
{
    (void)aux;
}

static const struct ovsdb_session_events quiet = {hear_nothing, hear_nothing};

static void on_reply(void *aux, const cJSON *result, const struct err *err)
{
    int *n = aux;
    check(err->code <= 0 && (err->code == 0 || err->text[0]));
    check(err->code != 0 || result);
    ++*n;
}

static int feed(struct ovsdb_replica *replica, const uint8_t *data, size_t size, size_t step)
{
    struct ovsdb_session *s = ovsdb_session_new(replica, &quiet, NULL, 0);
    auto_sbuf out = SBUF_INIT;
    struct err err = {0};
    int replies = 0, rc = 0;
    ovsdb_session_output(s, &out);
    cJSON *ops = cJSON_CreateArray();
    cJSON_AddItemToArray(ops, ovsdb_op_comment("fuzz"));
    ovsdb_session_transact(s, ops, on_reply, &replies);
    for (size_t at = 0; at < size && !rc; at += step) {
        rc = ovsdb_session_input(s, data + at, size - at < step ? size - at : step, 0, &err);
        ovsdb_session_output(s, &out);
    }
    check(rc == 0 || err.text[0]);
    ovsdb_session_free(s);
    check(replies == 1);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ovsdb_replica *whole = ovsdb_replica_new(switchdb_specs, SWITCHDB_N_TABLES);
    struct ovsdb_replica *bytes = ovsdb_replica_new(switchdb_specs, SWITCHDB_N_TABLES);
    int rc = feed(whole, data, size, size ? size : 1);
    check(rc == feed(bytes, data, size, 1));
    for (size_t t = 0; !rc && t < SWITCHDB_N_TABLES; t++)
        check(ovsdb_replica_count(whole, t) == ovsdb_replica_count(bytes, t));
    struct switchdb_model m = switchdb_model(whole, "br-int");
    if (m.bridge)
        (void)switchdb_model_port(&m, "seine-gw0");
    ovsdb_replica_free(whole);
    ovsdb_replica_free(bytes);
    return 0;
}
