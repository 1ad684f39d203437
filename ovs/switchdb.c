/* SPDX-License-Identifier: Apache-2.0
 *
 * switchdb: see switchdb.h.  Each change of the replica is looked at whole (switchdb_look__): which
 * ports differ from what was told, what has to be ensured, what the state is.  What the replica
 * means and which transactions follow is pure and lives in switchdb_model.c and switchdb_ops.c.
 *
 * Datapath type "auto": ovs-vswitchd lists "system" also where the kernel lacks the module, and
 * then leaves the bridge without a datapath id.  So the bridge is first made as "system"; if
 * ovs-vswitchd has taken our transaction up (cur_cfg) and there is no datapath id, it becomes
 * "netdev".  Open vSwitch itself is the probe, wherever it runs. */
#include "ovs/switchdb.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/metrics.h"
#include "core/base/sbuf.h"
#include "core/base/vec.h"
#include "ovs/ovsdb_client.h"
#include "ovs/switchdb_model.h"

enum { SWITCHDB_RETRY_MS = 500, SWITCHDB_CLEANUP_MS = 5000 };

struct switchdb_request { /* somebody waits for 'done' */
    struct switchdb_request *next;
    struct switchdb *db;
    switchdb_done_fn *done;
    void *aux;
    struct err err; /* of one that is finished */
};
struct switchdb_told { /* a port as its last event told it */
    char *name, *content;
};

struct switchdb {
    struct loop *loop;
    struct ovsdb_client *client;
    const struct switchdb_events *events;
    void *aux;
    struct switchdb_goal goal; /* own strings */
    struct stream_tls tls;     /* own strings */
    struct switchdb_request *finished, **finished_tail;
    struct loop_deferred *deferred; /* tells finished ones */
    struct loop_timer *retry, *cleanup_timer;
    VEC(struct switchdb_told) told; /* sorted by name */
    char *told_status;
    char error[ERR_TEXT_MAX];
    char *uplink; /* goal.uplink */
    bool hold_datapath;
    bool ensuring;      /* a transaction is out */
    bool ensure_off;    /* cleanup has begun */
    bool ensure_failed; /* 'error' stands until the retry */
    int64_t probe_cfg;  /* ovs-vswitchd must reach this before we judge it; 0: not asked */
    int64_t cleanup_cfg;
    struct switchdb_request *cleanup; /* committed, ovs-vswitchd not done yet */
};

static void switchdb_look__(struct switchdb *db);

static struct switchdb_model switchdb_model__(const struct switchdb *db)
{
    return switchdb_model(ovsdb_client_replica(db->client), db->goal.bridge);
}

/* ---- requests ---- */

static struct switchdb_request *switchdb_request__(struct switchdb *db, switchdb_done_fn *done,
                                                   void *aux)
{
    struct switchdb_request *r = mem_calloc(1, sizeof *r);
    r->db = db;
    r->done = done;
    r->aux = aux;
    return r;
}

static void switchdb_request_end__(struct switchdb_request *r, const struct err *err)
{
    if (r->done) {
        r->done(r->aux, err);
    }
    mem_free(r);
}

/* Ends a request from the loop, because its maker is still calling. */
static void switchdb_request_end_later__(struct switchdb_request *r, const struct err *err)
{
    struct switchdb *db = r->db;
    r->err = *err;
    r->next = NULL;
    *db->finished_tail = r;
    db->finished_tail = &r->next;
    loop_deferred_schedule(db->deferred);
}

static void switchdb_tell_finished__(void *aux)
{
    struct switchdb *db = aux;
    struct switchdb_request *r = db->finished;
    db->finished = NULL;
    db->finished_tail = &db->finished;
    while (r) {
        struct switchdb_request *next = r->next;
        struct err err = r->err;
        switchdb_request_end__(r, &err);
        r = next;
    }
}

static void switchdb_request_reply__(void *aux, const cJSON *result, const struct err *err)
{
    (void)result;
    switchdb_request_end__(aux, err);
}

/* Sends 'ops' (taken; NULL: nothing to do) for a request. */
static void switchdb_request_send__(struct switchdb_request *r, cJSON *ops, ovsdb_reply_fn *reply)
{
    struct err err = {0};
    if (!ops) {
        switchdb_request_end_later__(r, &err);
    } else if (ovsdb_client_transact(r->db->client, ops, reply, r) != 0) {
        err_set(&err, ERR_CLOSED, "OVSDB: not connected");
        switchdb_request_end_later__(r, &err);
    }
}

/* A request can be worked on: else it ends as ERR_CLOSED. */
static bool switchdb_request_ready__(struct switchdb_request *r)
{
    if (ovsdb_client_is_synced(r->db->client)) {
        return true;
    }
    struct err err;
    err_set(&err, ERR_CLOSED, "OVSDB: not connected");
    switchdb_request_end_later__(r, &err);
    return false;
}

void switchdb_port_add(struct switchdb *db, const struct switchdb_port_spec *spec,
                       switchdb_done_fn *done, void *aux)
{
    struct switchdb_request *r = switchdb_request__(db, done, aux);
    if (!switchdb_request_ready__(r)) {
        return;
    }
    struct switchdb_model m = switchdb_model__(db);
    struct err err;
    cJSON *ops = switchdb_model_port_add(&m, spec, &err);
    if (!ops) {
        switchdb_request_end_later__(r, &err);
        return;
    }
    switchdb_request_send__(r, ops, switchdb_request_reply__);
}

void switchdb_port_del(struct switchdb *db, const char *const *names, size_t n,
                       switchdb_done_fn *done, void *aux)
{
    struct switchdb_request *r = switchdb_request__(db, done, aux);
    if (switchdb_request_ready__(r)) {
        struct switchdb_model m = switchdb_model__(db);
        switchdb_request_send__(r, switchdb_model_port_del(&m, names, n), switchdb_request_reply__);
    }
}

void switchdb_port_set_type(struct switchdb *db, const char *name, const char *type,
                            switchdb_done_fn *done, void *aux)
{
    struct switchdb_request *r = switchdb_request__(db, done, aux);
    if (!switchdb_request_ready__(r)) {
        return;
    }
    struct switchdb_model m = switchdb_model__(db);
    struct err err;
    cJSON *ops = switchdb_model_set_type(&m, name, type, &err);
    if (err.code) {
        switchdb_request_end_later__(r, &err);
        return;
    }
    switchdb_request_send__(r, ops, switchdb_request_reply__);
}

void switchdb_port_set_ids(struct switchdb *db, const char *name, const struct switchdb_id *ids,
                           size_t n, switchdb_done_fn *done, void *aux)
{
    struct switchdb_request *r = switchdb_request__(db, done, aux);
    if (!switchdb_request_ready__(r)) {
        return;
    }
    struct switchdb_model m = switchdb_model__(db);
    const struct ovsdb_row *port = switchdb_model_port(&m, name);
    if (!port || switchdb_model_owner(port) == SWITCHDB_OTHER) {
        struct err err;
        err_set(&err, ERR_NOT_FOUND, "no port %s of ours", name);
        switchdb_request_end_later__(r, &err);
        return;
    }
    switchdb_request_send__(r, switchdb_model_set_ids(&m, port, ids, n), switchdb_request_reply__);
}

/* ---- cleanup ---- */

static void switchdb_cleanup_end__(struct switchdb *db)
{
    struct switchdb_request *r = db->cleanup;
    struct err err = {0};
    db->cleanup = NULL;
    loop_timer_cancel(db->cleanup_timer);
    switchdb_request_end__(r, &err);
}

/* ovs-vswitchd is away or slow: the configuration is right all the same. */
static void switchdb_cleanup_timer__(void *aux)
{
    struct switchdb *db = aux;
    if (db->cleanup) {
        switchdb_cleanup_end__(db);
    }
}

static void switchdb_cleanup_reply__(void *aux, const cJSON *result, const struct err *err)
{
    struct switchdb_request *r = aux;
    struct switchdb *db = r->db;
    if (err->code != 0) {
        switchdb_request_end__(r, err);
        return;
    }
    db->cleanup = r;
    db->cleanup_cfg = switchdb_model_next_cfg(result);
    loop_timer_after(db->cleanup_timer, SWITCHDB_CLEANUP_MS);
}

void switchdb_cleanup(struct switchdb *db, switchdb_done_fn *done, void *aux)
{
    struct switchdb_request *r = switchdb_request__(db, done, aux);
    db->ensure_off = true;
    if (switchdb_request_ready__(r)) {
        struct switchdb_model m = switchdb_model__(db);
        switchdb_request_send__(r, switchdb_model_cleanup(&m), switchdb_cleanup_reply__);
    }
}

/* ---- ensuring ---- */

static void switchdb_ensure_reply__(void *aux, const cJSON *result, const struct err *err)
{
    struct switchdb *db = aux;
    db->ensuring = false;
    if (err->code == 0) {
        db->probe_cfg = switchdb_model_next_cfg(result);
    } else if (err->code != ERR_CLOSED) {
        db->ensure_failed = true;
        memcpy(db->error, err->text, sizeof db->error);
        loop_timer_after(db->retry, SWITCHDB_RETRY_MS);
    }
    if (err->code != ERR_CLOSED) {
        switchdb_look__(db);
    }
}

static void switchdb_retry__(void *aux)
{
    struct switchdb *db = aux;
    db->ensure_failed = false;
    if (ovsdb_client_is_synced(db->client)) {
        switchdb_look__(db);
    }
}

/* ovs-vswitchd has taken up what we asked it to. */
static bool switchdb_probed__(const struct switchdb *db, const struct switchdb_model *m)
{
    return db->probe_cfg != 0 && m->ovs &&
           ovsdb_datum_int(&m->ovs->columns[OVS_CUR_CFG], 0) >= db->probe_cfg;
}

/* What is to be sent now, or NULL; 'error' says what is in the way. */
static cJSON *switchdb_ensure_ops__(struct switchdb *db, const struct switchdb_model *m)
{
    bool shut = switchdb_model_is_made(m) && !switchdb_model_is_open(m);
    bool probing = shut && strcmp(db->goal.datapath_type, "auto") == 0 &&
                   strcmp(switchdb_model_datapath(m), "system") == 0;
    if (probing && !db->hold_datapath && switchdb_probed__(db, m)) {
        db->goal.system_failed = true;
    }
    struct err problem;
    cJSON *ops = switchdb_model_ensure(m, &db->goal, &problem);
    memcpy(db->error, problem.text, sizeof db->error);
    if (!ops && (probing || (shut && db->hold_datapath)) && db->probe_cfg == 0) {
        ops = switchdb_model_bump(); /* a bridge of an earlier run: judge it by this one */
    }
    return ops;
}

static void switchdb_ensure__(struct switchdb *db, const struct switchdb_model *m)
{
    if (db->ensuring || db->ensure_off || db->ensure_failed) {
        return;
    }
    cJSON *ops = switchdb_ensure_ops__(db, m);
    if (ops && ovsdb_client_transact(db->client, ops, switchdb_ensure_reply__, db) == 0) {
        db->ensuring = true;
    }
}

/* What is asked for changed: looked at from the loop. */
static void switchdb_look_again__(struct switchdb *db)
{
    if (ovsdb_client_is_synced(db->client)) {
        loop_timer_after(db->retry, 0);
    }
}

void switchdb_set_uplink(struct switchdb *db, const char *adapter)
{
    bool same =
        (!adapter && !db->uplink) || (adapter && db->uplink && strcmp(adapter, db->uplink) == 0);
    if (same) {
        return;
    }
    mem_free(db->uplink);
    db->uplink = adapter ? mem_strdup(adapter) : NULL;
    db->goal.uplink = db->uplink;
    switchdb_look_again__(db);
}

void switchdb_hold_datapath(struct switchdb *db, bool hold)
{
    if (db->hold_datapath != hold) {
        db->hold_datapath = hold;
        db->probe_cfg = 0; /* what was seen meanwhile does not count: it is asked anew */
        switchdb_look_again__(db);
    }
}

void switchdb_ask_again(struct switchdb *db)
{
    if (!db->ensuring && !db->ensure_off && ovsdb_client_is_synced(db->client) &&
        ovsdb_client_transact(db->client, switchdb_model_bump(), switchdb_ensure_reply__, db) ==
            0) {
        db->ensuring = true;
    }
}

size_t switchdb_bridges(const struct switchdb *db, const char **names_out, size_t max)
{
    const struct ovsdb_replica *r = ovsdb_client_replica(db->client);
    size_t n = 0;
    for (const struct ovsdb_row *row = ovsdb_replica_first(r, SWITCHDB_BRIDGE); row;
         row = ovsdb_replica_next(r, SWITCHDB_BRIDGE, row)) {
        if (n < max) {
            names_out[n] = ovsdb_datum_text(&row->columns[BRIDGE_NAME], "");
        }
        n++;
    }
    return n;
}

/* ---- telling ---- */

/* Everything that a port event says, as one string to compare. */
static void switchdb_port_content__(const struct switchdb_port *p, struct sbuf *out)
{
    char mac[MAC_TEXT_MAX] = "";
    sbuf_printf(out, "%d|%u|%s|%s|%s", (int)p->owner, (unsigned)p->ofport,
                p->has_mac ? mac_format(&p->mac, mac) : "", p->type, p->error);
    for (size_t i = 0; i < p->n_ids; i++) {
        sbuf_printf(out, "|%s=%s", p->ids[i].key, p->ids[i].value);
    }
}

/* The port as it was told, or where it goes. */
static size_t switchdb_told_find__(const struct switchdb *db, const char *name, bool *found_out)
{
    size_t i = 0;
    int cmp = 1;
    while (i < db->told.n && (cmp = strcmp(db->told.v[i].name, name)) < 0) {
        i++;
    }
    *found_out = i < db->told.n && cmp == 0;
    return i;
}

static void switchdb_told_set__(struct switchdb *db, const char *name, char *content)
{
    bool found;
    size_t at = switchdb_told_find__(db, name, &found);
    if (found) {
        mem_free(db->told.v[at].content);
        db->told.v[at].content = content;
        return;
    }
    struct switchdb_told t = {.name = mem_strdup(name), .content = content};
    VEC_PUSH(&db->told, t);
    memmove(db->told.v + at + 1, db->told.v + at, (db->told.n - 1 - at) * sizeof t);
    db->told.v[at] = t;
}

static void switchdb_tell_port__(struct switchdb *db, const struct switchdb_model *m,
                                 const struct ovsdb_row *row)
{
    auto_free struct switchdb_id *ids = mem_calloc(row->columns[PORT_IDS].n + 1, sizeof *ids);
    struct switchdb_port port;
    switchdb_model_describe(m, row, ids, &port);
    auto_sbuf content = SBUF_INIT;
    switchdb_port_content__(&port, &content);
    bool found;
    size_t at = switchdb_told_find__(db, port.name, &found);
    if (found && strcmp(db->told.v[at].content, sbuf_cstr(&content)) == 0) {
        return;
    }
    switchdb_told_set__(db, port.name, sbuf_take(&content));
    if (db->events->port) {
        db->events->port(db->aux, &port);
    }
}

static void switchdb_tell_gone__(struct switchdb *db, const struct switchdb_model *m)
{
    for (size_t i = db->told.n; i-- > 0;) {
        struct switchdb_told t = db->told.v[i];
        if (switchdb_model_port(m, t.name)) {
            continue;
        }
        memmove(db->told.v + i, db->told.v + i + 1, (db->told.n - i - 1) * sizeof t);
        db->told.n--;
        if (db->events->port_gone) {
            db->events->port_gone(db->aux, t.name);
        }
        mem_free(t.name);
        mem_free(t.content);
    }
}

static void switchdb_tell_ports__(struct switchdb *db, const struct switchdb_model *m)
{
    switchdb_tell_gone__(db, m);
    const struct ovsdb_datum *ports = m->bridge ? &m->bridge->columns[BRIDGE_PORTS] : NULL;
    for (size_t i = 0; ports && i < ports->n; i++) {
        const struct ovsdb_row *row = ovsdb_replica_get(m->replica, SWITCHDB_PORT, ports->keys[i]);
        if (row) {
            switchdb_tell_port__(db, m, row);
        }
    }
}

/* Tells the status if any part of it differs from what was told. */
static void switchdb_tell_status__(struct switchdb *db)
{
    struct switchdb_status s = switchdb_status(db);
    auto_sbuf text = SBUF_INIT;
    sbuf_printf(&text, "%d|%d|%s|%s|%d|%s|%u|%u|%d%d%u", (int)s.state, s.connected, s.ovs_version,
                s.datapath_type, s.bridge_adopted, s.error, (unsigned)s.gateway_ofport,
                (unsigned)s.tunnel_ofport, s.taken_up, s.has_uplink, (unsigned)s.uplink_ofport);
    if (db->told_status && strcmp(db->told_status, sbuf_cstr(&text)) == 0) {
        return;
    }
    mem_free(db->told_status);
    db->told_status = sbuf_take(&text);
    if (db->events->state) {
        db->events->state(db->aux, &s);
    }
}

/* The replica changed. */
static void switchdb_look__(struct switchdb *db)
{
    struct switchdb_model m = switchdb_model__(db);
    switchdb_ensure__(db, &m);
    switchdb_tell_ports__(db, &m);
    switchdb_tell_status__(db);
    if (db->cleanup && m.ovs &&
        ovsdb_datum_int(&m.ovs->columns[OVS_CUR_CFG], 0) >= db->cleanup_cfg) {
        switchdb_cleanup_end__(db);
    }
}

/* Why a made configuration does not work yet. */
static const char *switchdb_waiting_for__(const struct switchdb *db, const struct switchdb_model *m)
{
    if (db->error[0]) {
        return db->error;
    }
    if (m->bridge && !switchdb_model_is_open(m)) {
        return switchdb_probed__(db, m) ? "ovs-vswitchd could not open the bridge (see its log)"
                                        : "waiting for ovs-vswitchd";
    }
    const char *const names[] = {db->goal.gateway, db->goal.tunnel, db->goal.uplink};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct ovsdb_row *port = names[i] ? switchdb_model_port(m, names[i]) : NULL;
        const struct ovsdb_row *iface = port ? switchdb_model_iface(m, port) : NULL;
        if (iface && iface->columns[IFACE_ERROR].n) {
            return ovsdb_datum_text(&iface->columns[IFACE_ERROR], "");
        }
    }
    return "waiting for port numbers";
}

static void switchdb_status_uplink__(const struct switchdb *db, const struct switchdb_model *m,
                                     struct switchdb_status *s)
{
    const struct ovsdb_row *uplink = switchdb_model_uplink(m);
    s->taken_up = switchdb_model_is_open(m) || (m->bridge && switchdb_probed__(db, m));
    s->has_uplink = uplink != NULL;
    s->uplink_ofport = uplink ? switchdb_model_ofport(m, uplink->columns[PORT_NAME].keys[0]) : 0;
}

struct switchdb_status switchdb_status(const struct switchdb *db)
{
    struct switchdb_status s = {.ovs_version = "", .datapath_type = "", .error = ""};
    s.connected = ovsdb_client_is_connected(db->client);
    if (!s.connected || !ovsdb_client_is_synced(db->client)) {
        s.state = s.connected ? SWITCHDB_READING : SWITCHDB_DISCONNECTED;
        s.error = db->error;
        return s;
    }
    struct switchdb_model m = switchdb_model__(db);
    s.ovs_version = m.ovs ? ovsdb_datum_text(&m.ovs->columns[OVS_VERSION], "") : "";
    s.datapath_type = switchdb_model_datapath(&m);
    s.bridge_adopted = m.bridge && !switchdb_model_is_made(&m);
    s.gateway_ofport = switchdb_model_ofport(&m, db->goal.gateway);
    s.tunnel_ofport = switchdb_model_ofport(&m, db->goal.tunnel);
    switchdb_status_uplink__(db, &m, &s);
    bool whole = switchdb_model_is_open(&m) && (!db->goal.gateway || s.gateway_ofport) &&
                 (!db->goal.tunnel || s.tunnel_ofport) && (!db->goal.uplink || s.uplink_ofport);
    s.state = whole && !db->error[0] && !db->ensuring ? SWITCHDB_READY : SWITCHDB_ENSURING;
    s.error = s.state == SWITCHDB_READY ? "" : switchdb_waiting_for__(db, &m);
    return s;
}

bool switchdb_port_get(const struct switchdb *db, const char *name, struct switchdb_port *out)
{
    static struct switchdb_id ids[64]; /* more are left out; good until the next call */
    struct switchdb_model m = switchdb_model__(db);
    const struct ovsdb_row *row = switchdb_model_port(&m, name);
    if (!row || row->columns[PORT_IDS].n > ARRAY_LEN(ids)) {
        return false;
    }
    switchdb_model_describe(&m, row, ids, out);
    return true;
}

void switchdb_each_port(const struct switchdb *db, switchdb_port_fn *fn, void *aux)
{
    struct switchdb_model m = switchdb_model__(db);
    const struct ovsdb_datum *ports = m.bridge ? &m.bridge->columns[BRIDGE_PORTS] : NULL;
    for (size_t i = 0; ports && i < ports->n; i++) {
        const struct ovsdb_row *row = ovsdb_replica_get(m.replica, SWITCHDB_PORT, ports->keys[i]);
        if (row) {
            auto_free struct switchdb_id *ids =
                mem_calloc(row->columns[PORT_IDS].n + 1, sizeof *ids);
            struct switchdb_port port;
            switchdb_model_describe(&m, row, ids, &port);
            fn(aux, &port);
        }
    }
}

/* ---- the client's events ---- */

static void switchdb_connected__(void *aux)
{
    struct switchdb *db = aux;
    db->error[0] = '\0';
    db->probe_cfg = 0;
    db->ensure_failed = false;
    switchdb_tell_status__(db);
}

static void switchdb_changed__(void *aux)
{
    switchdb_look__(aux);
}

static void switchdb_lost__(void *aux, const struct err *why)
{
    struct switchdb *db = aux;
    memcpy(db->error, why->text, sizeof db->error);
    if (why->code == ERR_TIMEOUT) {
        metric_add(METRIC_SILENT, "ovsdb", NULL, 1);
    }
    switchdb_tell_status__(db);
}

static const struct ovsdb_client_events switchdb_client_events = {
    .connected = switchdb_connected__,
    .synced = switchdb_changed__,
    .updated = switchdb_changed__,
    .lost = switchdb_lost__,
};

/* ---- life ---- */

static char *switchdb_copy__(const char *s)
{
    return s ? mem_strdup(s) : NULL;
}

static void switchdb_config_copy__(struct switchdb *db, const struct switchdb_config *c)
{
    db->goal = (struct switchdb_goal){
        .bridge = switchdb_copy__(c->bridge),
        .datapath_type = switchdb_copy__(c->datapath_type ? c->datapath_type : "auto"),
        .gateway = switchdb_copy__(c->gateway),
        .tunnel = switchdb_copy__(c->tunnel),
        .tunnel_type = switchdb_copy__(c->tunnel_type ? c->tunnel_type : "geneve"),
        .gateway_mac = c->gateway_mac,
    };
    if (c->tls) {
        db->tls = *c->tls;
        db->tls.ca_file = switchdb_copy__(c->tls->ca_file);
        db->tls.cert_file = switchdb_copy__(c->tls->cert_file);
        db->tls.key_file = switchdb_copy__(c->tls->key_file);
        db->tls.verify_name = switchdb_copy__(c->tls->verify_name);
    }
}

static void switchdb_config_done__(struct switchdb *db)
{
    const char *const strings[] = {
        db->goal.bridge,   db->goal.datapath_type, db->goal.gateway,
        db->goal.tunnel,   db->goal.tunnel_type,   db->tls.ca_file,
        db->tls.cert_file, db->tls.key_file,       db->tls.verify_name,
    };
    for (size_t i = 0; i < ARRAY_LEN(strings); i++) {
        mem_free((void *)(uintptr_t)strings[i]); /* our own copies */
    }
}

int switchdb_new(struct loop *l, const struct switchdb_config *config,
                 const struct switchdb_events *events, void *aux, struct switchdb **out,
                 struct err *err)
{
    struct switchdb *db = mem_calloc(1, sizeof *db);
    db->loop = l;
    db->events = events;
    db->aux = aux;
    db->finished_tail = &db->finished;
    switchdb_config_copy__(db, config);
    db->deferred = loop_deferred_new(l, switchdb_tell_finished__, db);
    db->retry = loop_timer_new(l, switchdb_retry__, db);
    db->cleanup_timer = loop_timer_new(l, switchdb_cleanup_timer__, db);
    int rc = ovsdb_client_new(l, config->address, config->tls ? &db->tls : NULL, switchdb_specs,
                              SWITCHDB_N_TABLES, &switchdb_client_events, db, &db->client, err);
    if (rc != 0) {
        switchdb_free(db);
        return rc;
    }
    *out = db;
    return 0;
}

void switchdb_free(struct switchdb *db)
{
    if (!db) {
        return;
    }
    ovsdb_client_free(db->client);
    if (db->cleanup) {
        switchdb_cleanup_end__(db);
    }
    switchdb_tell_finished__(db);
    loop_deferred_free(db->deferred);
    loop_timer_free(db->retry);
    loop_timer_free(db->cleanup_timer);
    for (size_t i = 0; i < db->told.n; i++) {
        mem_free(db->told.v[i].name);
        mem_free(db->told.v[i].content);
    }
    VEC_DONE(&db->told);
    mem_free(db->told_status);
    mem_free(db->uplink);
    switchdb_config_done__(db);
    mem_free(db);
}
