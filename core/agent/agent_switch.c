/* SPDX-License-Identifier: Apache-2.0
 *
 * The switch: what OVSDB says about ports becomes node_config and goes to the CNI end; OpenFlow's
 * connection and acknowledgements move the agent on.
 *
 * The gate: nothing is written to the switch before every source is complete, this node's own
 * object is there with a podCIDR (or attached Pods have one that it had before), the bridge's port
 * numbers are known, the records of attached Pods were read, and all of it was derived.  Until then
 * the switch keeps what it has.  A source that has no more than its cache opens it half: what is
 * missing is brought, nothing is taken away. */
#include "core/agent/agent_internal.h"

#include <stdio.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/metrics.h"
#include "core/pipeline/pipeline.h"
#include "ovs/unixctl.h"
#include "platform/pipe.h"

enum { SWITCH_MAX_IDS = 64, SWITCH_AUTO_MS = 8000 };

/* ---- OVSDB ---- */
/* The uplink's number: as Open vSwitch says, or as it is asked for. */
static uint32_t switch_uplink(const struct switchdb_status *status)
{
    return status->uplink_ofport ? status->uplink_ofport
           : status->has_uplink  ? (uint32_t)SWITCHDB_UPLINK_OFPORT
                                 : 0;
}

/* Before all of the bridge is ready its uplink's flows are wanted already: they are the early ones.
 * What was known of the rest stays. */
static void switch_put_uplink(struct agent *a, uint32_t uplink_ofport)
{
    const struct row *row = store_get(a->store, TABLE_CONFIG, "");
    const struct node_config *old = row ? row->value : NULL;
    if (old ? old->uplink_ofport == uplink_ofport : !uplink_ofport) {
        return;
    }
    struct node_config *c = old ? node_config_copy(old) : node_config_new(a->o->node_name);
    c->uplink_ofport = uplink_ofport;
    agent_config_put(a, c);
}

static void switch_put_config(struct agent *a, const struct switchdb_status *status)
{
    struct node_config *c = agent_config_new(a);
    c->gateway_ofport = status->gateway_ofport;
    c->tunnel_ofport = status->tunnel_ofport;
    c->uplink_ofport = switch_uplink(status);
    c->netdev = strcmp(status->datapath_type, "netdev") == 0;
    c->masquerade = a->o->masquerade;
    c->encap = true;
    a->config_known = true;
    agent_config_put(a, c);
}

static void switch_state(void *aux, const struct switchdb_status *status)
{
    struct agent *a = aux;
    if (a->no_switch && status->state > SWITCHDB_READING) { /* it answers */
        loop_timer_cancel(a->no_switch);
    }
    static const char *const names[] = {"disconnected", "reading", "ensuring", "ready"};
    log_msg(LOG_AREA_OVSDB, LOG_INFO, "%s%s%s", names[status->state], *status->error ? ": " : "",
            status->error);
    if (status->state == SWITCHDB_READY) {
        switch_put_config(a, status);
        if (!flow_target_is_connected(a->target)) {
            flow_target_connect_now(a->target);
        }
        host_reread(a);
    } else if (status->state == SWITCHDB_ENSURING) {
        switch_put_uplink(a, switch_uplink(status));
    }
    agent_uplink_look(a);
    attach_switch_changed(a->attach);
    agent_progress(a);
}

static void switch_port(void *aux, const struct switchdb_port *port)
{
    struct agent *a = aux;
    struct attach_id ids[SWITCH_MAX_IDS];
    size_t n = port->n_ids < ARRAY_LEN(ids) ? port->n_ids : ARRAY_LEN(ids);
    if (port->owner == SWITCHDB_GATEWAY) {
        host_reread(a);
    }
    if (port->owner != SWITCHDB_POD) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        ids[i] = (struct attach_id){port->ids[i].key, port->ids[i].value};
    }
    struct attach_port seen = {.name = port->name,
                               .ofport = port->ofport,
                               .error = port->error ? port->error : "",
                               .internal = strcmp(port->type, "internal") == 0,
                               .ids = ids,
                               .n_ids = n};
    attach_saw_port(a->attach, &seen);
}

static void switch_port_gone(void *aux, const char *name)
{
    struct agent *a = aux;
    attach_saw_port_gone(a->attach, name);
}

static const struct switchdb_events switch_db_events = {
    .state = switch_state, .port = switch_port, .port_gone = switch_port_gone};

/* ---- the daemon's own words ---- */
int agent_switch_control(const struct agent *a, char *out, size_t size, struct err *err)
{
    struct stream_address db;
    int rc = stream_address_parse(a->o->ovsdb, &db, err);
    if (rc < 0 || (db.kind != STREAM_UNIX && db.kind != STREAM_PIPE)) {
        return err_set(err, ERR_UNSUPPORTED, "ovs-vswitchd is not on this machine");
    }
    char pipe[PIPE_PATH_MAX];
    if (pipe_is_native()) {
        rc = pipe_path(a->o->ovsdb, pipe, err);
        return rc < 0 ? rc : unixctl_pipe_address(pipe, "ovs-vswitchd", out, size, err);
    }
    char *slash = strrchr(db.name, '/');
    *(slash ? slash : db.name) = 0;
    return unixctl_address(db.name, "ovs-vswitchd", out, size, err);
}

static void switch_version_told(void *aux, const char *text, const struct err *err)
{
    struct agent *a = aux;
    a->ask_version = NULL;
    const char *digits = err->code ? NULL : strpbrk(text, "0123456789");
    if (digits) {
        snprintf(a->ovs_version, sizeof a->ovs_version, "%.*s", (int)strcspn(digits, " \n"),
                 digits);
    }
}

static void switch_ask_version(struct agent *a)
{
    char address[STREAM_ADDRESS_MAX + 64];
    struct unixctl_request request = {.address = address, .method = "version"};
    a->ovs_version[0] = 0;
    if (!a->ask_version && agent_switch_control(a, address, sizeof address, NULL) == 0) {
        a->ask_version = unixctl_call(a->loop, &request, switch_version_told, a, NULL);
    }
}

const char *agent_switch_version(const struct agent *a)
{
    return a->ovs_version[0] ? a->ovs_version : switchdb_status(a->db).ovs_version;
}

/* ---- OpenFlow ---- */
static void switch_connected(void *aux, const struct ofmsg_features *features)
{
    struct agent *a = aux;
    (void)features;
    a->disconnected[0] = 0;
    log_msg(LOG_AREA_OPENFLOW, LOG_INFO, "%s: connected", a->o->openflow);
    switch_ask_version(a);
    host_reread(a); /* ovs-vswitchd makes its internal devices anew when it starts */
    attach_switch_changed(a->attach);
    agent_progress(a);
}

static void switch_disconnected(void *aux, const struct err *why)
{
    struct agent *a = aux;
    a->flows_whole = false;
    if (why->code == ERR_TIMEOUT) {
        metric_add(METRIC_SILENT, "openflow", NULL, 1);
    }
    if (strcmp(a->disconnected, why->text) != 0) { /* each try that fails alike is told once */
        snprintf(a->disconnected, sizeof a->disconnected, "%s", why->text);
        bool expected = !a->db || switchdb_status(a->db).state != SWITCHDB_READY;
        log_msg(LOG_AREA_OPENFLOW, expected ? LOG_INFO : LOG_WARN, "%s", why->text);
    }
    attach_switch_changed(a->attach);
    agent_progress(a);
}

static void switch_acked(void *aux)
{
    struct agent *a = aux;
    if (flow_target_in_sync(a->target)) {
        a->refused[0] = 0;
    }
    agent_progress(a);
}

static void switch_refused(void *aux, enum ofsession_space space, const char *reason)
{
    struct agent *a = aux;
    (void)space;
    snprintf(a->refused, sizeof a->refused, "%s", reason);
    log_msg(LOG_AREA_OPENFLOW, LOG_ERROR, "refused by the switch: %s", reason);
    agent_progress(a);
}

static const struct flow_target_events switch_flow_events = {
    .connected = switch_connected,
    .disconnected = switch_disconnected,
    .committed = agent_flush_committed,
    .acked = switch_acked,
    .refused = switch_refused,
    .packet_in = agent_packet_in,
};

/* ---- together ---- */
bool agent_switch_is_ready(const struct agent *a)
{
    return switchdb_status(a->db).state == SWITCHDB_READY && flow_target_is_connected(a->target);
}

void agent_switch_gate(struct agent *a)
{
    enum agent_gate before = a->gate;
    agent_gate_set(a, attach_recovered(a->attach) && !engine_is_dirty(a->engine));
    if (a->gate != before) {
        flow_target_gate(a->target, a->gate != AGENT_GATE_SHUT);
    }
}

/* Where there is another datapath, "auto" is a question, and silence no answer to live with. */
static void switch_silent(void *aux)
{
    struct agent *a = aux;
    log_msg(LOG_AREA_OVSDB, LOG_ERROR,
            "--datapath-type auto: Open vSwitch does not answer at %s; without it there are only "
            "access lists, by --datapath-type hns",
            a->o->ovsdb);
    a->failed = true;
    a->stopping = true;
    loop_stop(a->loop);
}

static void switch_expect_answer(struct agent *a)
{
    if (a->hns && strcmp(a->o->datapath_type, "auto") == 0) {
        a->no_switch = loop_limit_new(a->loop, switch_silent, a);
        loop_timer_after(a->no_switch, SWITCH_AUTO_MS);
    }
}

int agent_switch_start(struct agent *a, struct err *err)
{
    const struct options *o = a->o;
    switch_expect_answer(a);
    a->tls = (struct stream_tls){.ca_file = o->ovs_ca,
                                 .cert_file = o->ovs_certificate[0] ? o->ovs_certificate : NULL,
                                 .key_file = o->ovs_key[0] ? o->ovs_key : NULL};
    const struct stream_tls *tls = o->ovs_ca[0] ? &a->tls : NULL;
    struct flow_target_config flows = {
        .address = o->openflow,
        .tls = tls,
        .spaces = {SPACE_FLOW, SPACE_GROUP, SPACE_METER},
        .controller_id = PACKET_IN_CONTROLLER,
        .early_cookie = flow_cookie("flow_uplink", ""),
    };
    int rc = flow_target_new(a->loop, a->engine, &flows, &switch_flow_events, a, &a->target, err);
    if (rc < 0) {
        return err_wrap(err, "--openflow");
    }
    struct switchdb_config db = {
        .address = o->ovsdb,
        .tls = tls,
        .bridge = o->bridge,
        .datapath_type = o->datapath_type,
        .gateway = o->gateway,
        .gateway_mac = mac_from_name("gateway", o->node_name),
        .tunnel = o->tunnel,
        .tunnel_type = o->tunnel_type,
    };
    rc = switchdb_new(a->loop, &db, &switch_db_events, a, &a->db, err);
    return rc < 0 ? err_wrap(err, "--ovsdb") : 0;
}

void agent_switch_end(struct agent *a)
{
    if (a->ask_version) {
        unixctl_cancel(a->ask_version);
    }
    loop_timer_free(a->no_switch);
    a->no_switch = NULL;
    switchdb_free(a->db);
    flow_target_free(a->target);
    a->db = NULL;
    a->target = NULL;
}
