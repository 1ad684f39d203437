/* SPDX-License-Identifier: Apache-2.0
 *
 * The OVSDB session: see ovsdb_session.h. */
#include "ovs/ovsdb_session.h"

#include <string.h>

#include "core/base/mem.h"
#include "ovs/ovsdb_json.h"

#define OVSDB_SESSION_DATABASE "Open_vSwitch"
#define OVSDB_SESSION_MONITOR "seine"

struct ovsdb_request { /* a transaction that waits for its reply, in order of sending */
    struct ovsdb_request *next;
    int64_t id;
    ovsdb_reply_fn *reply;
    void *aux;
};

struct ovsdb_session {
    struct ovsdb_replica *replica;
    const struct ovsdb_session_events *events;
    void *aux;
    struct ovsdb_json json;
    struct sbuf out;
    int64_t next_id, monitor_id;
    struct ovsdb_request *requests, **requests_tail;
    int64_t started, last_rx;
    bool echo_sent, since, synced; /* 'since': monitor_cond_since, not monitor_cond */
};

static void ovsdb_session_monitor__(struct ovsdb_session *s);

struct ovsdb_session *ovsdb_session_new(struct ovsdb_replica *replica,
                                        const struct ovsdb_session_events *events, void *aux,
                                        int64_t now)
{
    struct ovsdb_session *s = mem_calloc(1, sizeof *s);
    s->replica = replica;
    s->events = events;
    s->aux = aux;
    s->next_id = 1;
    s->requests_tail = &s->requests;
    s->started = s->last_rx = now;
    s->since = true;
    ovsdb_json_init(&s->json, 0);
    ovsdb_session_monitor__(s);
    return s;
}

void ovsdb_session_free(struct ovsdb_session *s)
{
    if (!s) {
        return;
    }
    struct err err;
    err_set(&err, ERR_CLOSED, "OVSDB: the connection was lost before the reply");
    while (s->requests) {
        struct ovsdb_request *r = s->requests;
        s->requests = r->next;
        r->reply(r->aux, NULL, &err);
        mem_free(r);
    }
    ovsdb_json_done(&s->json);
    sbuf_done(&s->out);
    mem_free(s);
}

bool ovsdb_session_is_synced(const struct ovsdb_session *s)
{
    return s->synced;
}

/* ---- output ---- */

/* Takes the message. */
static void ovsdb_session_send__(struct ovsdb_session *s, cJSON *message)
{
    char *text = cJSON_PrintUnformatted(message);
    sbuf_puts(&s->out, text);
    cJSON_free(text);
    cJSON_Delete(message);
}

/* Sends a request; 'params' is taken.  Returns its id. */
static int64_t ovsdb_session_request__(struct ovsdb_session *s, const char *method, cJSON *params)
{
    cJSON *m = cJSON_CreateObject();
    int64_t id = s->next_id++;
    cJSON_AddNumberToObject(m, "id", (double)id);
    cJSON_AddStringToObject(m, "method", method);
    cJSON_AddItemToObject(m, "params", params);
    ovsdb_session_send__(s, m);
    return id;
}

static cJSON *ovsdb_session_columns__(const struct ovsdb_table_spec *spec)
{
    cJSON *list = cJSON_CreateArray(), *one = cJSON_CreateObject();
    cJSON *columns = cJSON_AddArrayToObject(one, "columns");
    for (size_t i = 0; i < spec->n_columns; i++) {
        cJSON_AddItemToArray(columns, cJSON_CreateString(spec->columns[i].name));
    }
    cJSON_AddItemToArray(list, one);
    return list;
}

static void ovsdb_session_monitor__(struct ovsdb_session *s)
{
    size_t n;
    const struct ovsdb_table_spec *specs = ovsdb_replica_specs(s->replica, &n);
    cJSON *tables = cJSON_CreateObject(), *params = cJSON_CreateArray();
    for (size_t i = 0; i < n; i++) {
        cJSON_AddItemToObject(tables, specs[i].name, ovsdb_session_columns__(&specs[i]));
    }
    cJSON_AddItemToArray(params, cJSON_CreateString(OVSDB_SESSION_DATABASE));
    cJSON_AddItemToArray(params, cJSON_CreateString(OVSDB_SESSION_MONITOR));
    cJSON_AddItemToArray(params, tables);
    if (s->since) {
        cJSON_AddItemToArray(params, cJSON_CreateString(ovsdb_replica_last_id(s->replica)));
    }
    s->monitor_id =
        ovsdb_session_request__(s, s->since ? "monitor_cond_since" : "monitor_cond", params);
}

void ovsdb_session_transact(struct ovsdb_session *s, cJSON *ops, ovsdb_reply_fn *reply, void *aux)
{
    struct ovsdb_request *r = mem_calloc(1, sizeof *r);
    cJSON_InsertItemInArray(ops, 0, cJSON_CreateString(OVSDB_SESSION_DATABASE));
    r->id = ovsdb_session_request__(s, "transact", ops);
    r->reply = reply;
    r->aux = aux;
    *s->requests_tail = r;
    s->requests_tail = &r->next;
}

size_t ovsdb_session_output(struct ovsdb_session *s, struct sbuf *out)
{
    size_t n = s->out.len;
    sbuf_put(out, s->out.data, n);
    sbuf_clear(&s->out);
    return n;
}

/* ---- replies ---- */

static int ovsdb_session_monitor_reply__(struct ovsdb_session *s, const cJSON *result,
                                         const cJSON *error, struct err *err)
{
    if (error) {
        if (s->since && cJSON_IsString(error) &&
            strcmp(error->valuestring, "unknown method") == 0) {
            s->since = false;
            ovsdb_session_monitor__(s);
            return 0;
        }
        (void)ovsdb_op_error(
            cJSON_IsObject(error) ? cJSON_GetObjectItemCaseSensitive(error, "error") : error,
            cJSON_GetObjectItemCaseSensitive(error, "details"), err);
        return err_wrap(err, "monitor");
    }
    bool found = false;
    const cJSON *id = NULL, *updates = result;
    if (s->since) { /* [found, last-txn-id, updates] */
        id = cJSON_GetArrayItem(result, 1);
        updates = cJSON_GetArrayItem(result, 2);
        found = cJSON_IsTrue(cJSON_GetArrayItem(result, 0));
        if (!cJSON_IsArray(result) || !cJSON_IsString(id) || !updates) {
            return err_set(err, ERR_PROTOCOL, "malformed reply to monitor_cond_since");
        }
    }
    int rc = ovsdb_replica_apply(s->replica, updates, !found, err);
    if (rc != 0) {
        return rc;
    }
    ovsdb_replica_set_last_id(s->replica, id ? id->valuestring : "");
    s->synced = true;
    s->events->synced(s->aux);
    return 0;
}

static int ovsdb_session_transact_reply__(struct ovsdb_session *s, int64_t id, const cJSON *result,
                                          const cJSON *error, struct err *err)
{
    struct ovsdb_request **link = &s->requests;
    while (*link && (*link)->id != id) {
        link = &(*link)->next;
    }
    struct ovsdb_request *r = *link;
    if (!r) {
        return err_set(err, ERR_PROTOCOL, "reply to a request that was not made");
    }
    *link = r->next;
    if (!r->next) {
        s->requests_tail = link;
    }
    struct err outcome = {0};
    if (error) {
        (void)ovsdb_op_error(
            cJSON_IsObject(error) ? cJSON_GetObjectItemCaseSensitive(error, "error") : error,
            cJSON_GetObjectItemCaseSensitive(error, "details"), &outcome);
    } else {
        (void)ovsdb_op_result(result, &outcome);
    }
    r->reply(r->aux, result, &outcome);
    mem_free(r);
    return 0;
}

static int ovsdb_session_reply__(struct ovsdb_session *s, const cJSON *message, struct err *err)
{
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(message, "id");
    const cJSON *result = cJSON_GetObjectItemCaseSensitive(message, "result");
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(message, "error");
    if (cJSON_IsNull(error)) {
        error = NULL;
    }
    if (cJSON_IsString(id) && strcmp(id->valuestring, "echo") == 0) {
        return 0;
    }
    bool is_id = cJSON_IsNumber(id) && id->valuedouble >= 0 && id->valuedouble < (double)s->next_id;
    if (!is_id || (!result && !error)) {
        return err_set(err, ERR_PROTOCOL, "neither a request nor a reply");
    }
    if ((int64_t)id->valuedouble == s->monitor_id && !s->synced) {
        return ovsdb_session_monitor_reply__(s, result, error, err);
    }
    return ovsdb_session_transact_reply__(s, (int64_t)id->valuedouble, result, error, err);
}

/* ---- requests and notifications of the server ---- */

/* update3: [monitor, last-txn-id, updates]; update2: [monitor, updates]. */
static int ovsdb_session_update__(struct ovsdb_session *s, const cJSON *params, bool has_id,
                                  struct err *err)
{
    const cJSON *id = has_id ? cJSON_GetArrayItem(params, 1) : NULL;
    const cJSON *updates = cJSON_GetArrayItem(params, has_id ? 2 : 1);
    if (!cJSON_IsArray(params) || !updates || (has_id && !cJSON_IsString(id)) || !s->synced) {
        return err_set(err, ERR_PROTOCOL, "malformed or unexpected update");
    }
    int rc = ovsdb_replica_apply(s->replica, updates, false, err);
    if (rc != 0) {
        return rc;
    }
    if (id) {
        ovsdb_replica_set_last_id(s->replica, id->valuestring);
    }
    s->events->updated(s->aux);
    return 0;
}

/* Answers a request: with 'result' (borrowed), or with an error. */
static void ovsdb_session_answer__(struct ovsdb_session *s, const cJSON *id, const cJSON *result)
{
    cJSON *m = cJSON_CreateObject();
    cJSON_AddItemToObject(m, "id", cJSON_Duplicate(id, true));
    cJSON_AddItemToObject(m, "result", result ? cJSON_Duplicate(result, true) : cJSON_CreateNull());
    cJSON_AddItemToObject(m, "error",
                          result ? cJSON_CreateNull() : cJSON_CreateString("unknown method"));
    ovsdb_session_send__(s, m);
}

static int ovsdb_session_method__(struct ovsdb_session *s, const cJSON *message,
                                  const cJSON *method, struct err *err)
{
    const char *name = cJSON_IsString(method) ? method->valuestring : "";
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(message, "id");
    const cJSON *params = cJSON_GetObjectItemCaseSensitive(message, "params");
    if (strcmp(name, "update3") == 0 || strcmp(name, "update2") == 0) {
        return ovsdb_session_update__(s, params, name[6] == '3', err);
    }
    if (strcmp(name, "monitor_canceled") == 0) {
        ovsdb_replica_set_last_id(s->replica, "");
        return err_set(err, ERR_CLOSED, "OVSDB: the server ended the monitor");
    }
    if (id && !cJSON_IsNull(id)) {
        bool echo = strcmp(name, "echo") == 0 && params;
        ovsdb_session_answer__(s, id, echo ? params : NULL);
    }
    return 0;
}

static int ovsdb_session_message__(void *aux, cJSON *message, struct err *err)
{
    struct ovsdb_session *s = aux;
    const cJSON *method = cJSON_GetObjectItemCaseSensitive(message, "method");
    int rc = method ? ovsdb_session_method__(s, message, method, err)
                    : ovsdb_session_reply__(s, message, err);
    cJSON_Delete(message);
    return rc;
}

int ovsdb_session_input(struct ovsdb_session *s, const void *p, size_t n, int64_t now,
                        struct err *err)
{
    s->last_rx = now;
    s->echo_sent = false;
    return ovsdb_json_input(&s->json, p, n, ovsdb_session_message__, s, err);
}

/* ---- time ---- */

int ovsdb_session_run(struct ovsdb_session *s, int64_t now, struct err *err)
{
    int64_t silence = now - s->last_rx;
    if (!s->synced && now - s->started >= OVSDB_GREET_TIMEOUT_MS) {
        return err_set(err, ERR_TIMEOUT, "OVSDB: no reply to the monitor request");
    }
    if (silence >= OVSDB_ECHO_INTERVAL_MS + OVSDB_ECHO_TIMEOUT_MS) {
        return err_set(err, ERR_TIMEOUT, "OVSDB: the server is silent");
    }
    if (silence >= OVSDB_ECHO_INTERVAL_MS && !s->echo_sent) {
        s->echo_sent = true;
        sbuf_puts(&s->out, "{\"id\":\"echo\",\"method\":\"echo\",\"params\":[]}");
    }
    return 0;
}

int64_t ovsdb_session_deadline(const struct ovsdb_session *s)
{
    int64_t at = s->last_rx + OVSDB_ECHO_INTERVAL_MS;
    if (s->echo_sent) {
        at += OVSDB_ECHO_TIMEOUT_MS;
    }
    int64_t greet = s->started + OVSDB_GREET_TIMEOUT_MS;
    return !s->synced && greet < at ? greet : at;
}
