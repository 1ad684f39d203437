/* SPDX-License-Identifier: Apache-2.0
 *
 * Transactions on Open_vSwitch: see switchdb_model.h.
 *
 * Each begins with waits that hold what was read, so that a change in between makes it fail as a
 * conflict instead of doing harm; and each increments next_cfg, so that ovs-vswitchd's cur_cfg
 * tells when it has been taken up. */
#include "ovs/switchdb_model.h"

#include <stdio.h>
#include <string.h>

#include "core/base/port.h"

/* What adopting a bridge changed, to be put back. */
#define SWITCHDB_FAIL_MODE_KEY "seine.saved-fail-mode"
#define SWITCHDB_PROTOCOLS_KEY "seine.saved-protocols"
#define SWITCHDB_OPENFLOW "OpenFlow15"

static const struct ovsdb_column switchdb_uuid_set = {"", OVSDB_UUID, OVSDB_SET};

static const char *const switchdb_protocols[] = {"OpenFlow10", "OpenFlow13", "OpenFlow14",
                                                 SWITCHDB_OPENFLOW};

static void switchdb_op_add__(cJSON *ops, cJSON *op)
{
    cJSON_AddItemToArray(ops, op);
}

/* next_cfg += 1, said, and read back. */
static void switchdb_op_finish__(cJSON *ops, const char *comment)
{
    cJSON *m = ovsdb_op_mutate("Open_vSwitch", ovsdb_where_all());
    ovsdb_op_mutate_add(m, "next_cfg", "+=", cJSON_CreateNumber(1));
    switchdb_op_add__(ops, m);
    switchdb_op_add__(ops, ovsdb_op_comment(comment));
    switchdb_op_add__(ops, ovsdb_op_select("Open_vSwitch", ovsdb_where_all(), "next_cfg"));
}

int64_t switchdb_model_next_cfg(const cJSON *result)
{
    const cJSON *last = cJSON_GetArrayItem(result, cJSON_GetArraySize(result) - 1);
    const cJSON *rows = cJSON_GetObjectItemCaseSensitive(last, "rows");
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(rows, 0), "next_cfg");
    return cJSON_IsNumber(v) && v->valuedouble > 0 && v->valuedouble < 9e15
               ? (int64_t)v->valuedouble
               : 0;
}

cJSON *switchdb_model_bump(void)
{
    cJSON *ops = cJSON_CreateArray();
    switchdb_op_finish__(ops, "seine: ask for ovs-vswitchd");
    return ops;
}

/* ---- ports ---- */

struct switchdb_new_port {                    /* what a port to insert is like */
    const char *name, *type, *owner, *symbol; /* symbol: names its rows in the transaction */
    const char *mac;                          /* NULL: none */
    bool flow_tunnel;
    uint32_t ofport_request;
    const struct switchdb_id *ids;
    size_t n_ids;
};

static cJSON *switchdb_tunnel_options__(void)
{
    cJSON *options = ovsdb_map();
    ovsdb_map_add(options, "key", "flow");
    ovsdb_map_add(options, "remote_ip", "flow");
    return options;
}

/* Inserts interface and port; returns the port's reference for a set of ports. */
static cJSON *switchdb_op_insert_port__(cJSON *ops, const struct switchdb_new_port *p)
{
    char iface_name[32], port_name[32];
    snprintf(iface_name, sizeof iface_name, "i_%s", p->symbol);
    snprintf(port_name, sizeof port_name, "p_%s", p->symbol);

    cJSON *iface = cJSON_CreateObject();
    cJSON_AddStringToObject(iface, "name", p->name);
    cJSON_AddStringToObject(iface, "type", p->type);
    if (p->mac) {
        cJSON_AddStringToObject(iface, "mac", p->mac);
    }
    if (p->flow_tunnel) {
        cJSON_AddItemToObject(iface, "options", switchdb_tunnel_options__());
    }
    if (p->ofport_request) {
        cJSON_AddNumberToObject(iface, "ofport_request", p->ofport_request);
    }
    switchdb_op_add__(ops, ovsdb_op_insert("Interface", iface_name, iface));

    cJSON *port = cJSON_CreateObject(), *ids = ovsdb_map();
    cJSON_AddStringToObject(port, "name", p->name);
    cJSON_AddItemToObject(port, "interfaces", ovsdb_named_uuid(iface_name));
    for (size_t i = 0; i < p->n_ids; i++) {
        ovsdb_map_add(ids, p->ids[i].key, p->ids[i].value);
    }
    if (p->owner) {
        ovsdb_map_add(ids, SWITCHDB_OWNER_KEY, p->owner);
    }
    cJSON_AddItemToObject(port, "external_ids", ids);
    switchdb_op_add__(ops, ovsdb_op_insert("Port", port_name, port));
    return ovsdb_named_uuid(port_name);
}

/* The bridge is still the one that was read. */
static cJSON *switchdb_op_bridge_wait__(const struct switchdb_model *m)
{
    const char *name = m->bridge->columns[BRIDGE_NAME].keys[0];
    return ovsdb_op_wait("Bridge", ovsdb_where_uuid(m->bridge->uuid), "name",
                         cJSON_CreateString(name));
}

cJSON *switchdb_model_port_add(const struct switchdb_model *m,
                               const struct switchdb_port_spec *spec, struct err *err)
{
    if (!m->bridge) {
        err_set(err, ERR_NOT_FOUND, "the bridge is not there");
        return NULL;
    }
    const struct ovsdb_row *old = switchdb_model_port(m, spec->name);
    const struct ovsdb_row *any =
        ovsdb_replica_find(m->replica, SWITCHDB_PORT, PORT_NAME, spec->name);
    if ((any && !old) || (old && switchdb_model_owner(old) != SWITCHDB_POD)) {
        err_set(err, ERR_EXISTS, "port %s is there already and is not a Pod's", spec->name);
        return NULL;
    }
    cJSON *ops = cJSON_CreateArray();
    switchdb_op_add__(ops, switchdb_op_bridge_wait__(m));
    cJSON *port = switchdb_op_insert_port__(
        ops, &(struct switchdb_new_port){.name = spec->name,
                                         .type = spec->interface_type ? spec->interface_type : "",
                                         .owner = "pod",
                                         .symbol = "pod",
                                         .ofport_request = spec->ofport_request,
                                         .ids = spec->ids,
                                         .n_ids = spec->n_ids});
    cJSON *mutate = ovsdb_op_mutate("Bridge", ovsdb_where_uuid(m->bridge->uuid));
    if (old) {
        ovsdb_op_mutate_add(mutate, "ports", "delete", ovsdb_uuid(old->uuid));
    }
    ovsdb_op_mutate_add(mutate, "ports", "insert", port);
    switchdb_op_add__(ops, mutate);
    switchdb_op_finish__(ops, "seine: add a Pod's port");
    return ops;
}

cJSON *switchdb_model_port_del(const struct switchdb_model *m, const char *const *names, size_t n)
{
    cJSON *gone = ovsdb_set();
    size_t n_gone = 0;
    for (size_t i = 0; i < n; i++) {
        const struct ovsdb_row *port = switchdb_model_port(m, names[i]);
        if (port && switchdb_model_owner(port) != SWITCHDB_OTHER) {
            ovsdb_set_add(gone, ovsdb_uuid(port->uuid));
            n_gone++;
        }
    }
    if (n_gone == 0) {
        cJSON_Delete(gone);
        return NULL;
    }
    cJSON *ops = cJSON_CreateArray();
    cJSON *mutate = ovsdb_op_mutate("Bridge", ovsdb_where_uuid(m->bridge->uuid));
    ovsdb_op_mutate_add(mutate, "ports", "delete", gone);
    switchdb_op_add__(ops, mutate);
    switchdb_op_finish__(ops, "seine: remove Pods' ports");
    return ops;
}

cJSON *switchdb_model_set_type(const struct switchdb_model *m, const char *name, const char *type,
                               struct err *err)
{
    const struct ovsdb_row *port = switchdb_model_port(m, name);
    bool ours = port && switchdb_model_owner(port) == SWITCHDB_POD;
    const struct ovsdb_row *iface = ours ? switchdb_model_iface(m, port) : NULL;
    if (!iface) {
        err_set(err, ERR_NOT_FOUND, "no port %s of a Pod", name);
        return NULL;
    }
    *err = (struct err){0};
    const char *now = ovsdb_datum_text(&iface->columns[IFACE_TYPE], "");
    if (strcmp(now, type) == 0) {
        return NULL;
    }
    cJSON *ops = cJSON_CreateArray(), *row = cJSON_CreateObject();
    switchdb_op_add__(ops, ovsdb_op_wait("Interface", ovsdb_where_uuid(iface->uuid), "type",
                                         cJSON_CreateString(now)));
    cJSON_AddStringToObject(row, "type", type);
    switchdb_op_add__(ops, ovsdb_op_update("Interface", ovsdb_where_uuid(iface->uuid), row));
    switchdb_op_finish__(ops, "seine: the device of a Pod's port is there");
    return ops;
}

/* Deletes keys of external_ids, then inserts pairs: a key that is there would else stay. */
cJSON *switchdb_model_set_ids(const struct switchdb_model *m, const struct ovsdb_row *port,
                              const struct switchdb_id *ids, size_t n)
{
    (void)m;
    cJSON *ops = cJSON_CreateArray(), *keys = ovsdb_set(), *pairs = ovsdb_map();
    for (size_t i = 0; i < n; i++) {
        ovsdb_set_add(keys, cJSON_CreateString(ids[i].key));
        if (ids[i].value) {
            ovsdb_map_add(pairs, ids[i].key, ids[i].value);
        }
    }
    const char *name = port->columns[PORT_NAME].keys[0];
    switchdb_op_add__(
        ops, ovsdb_op_wait("Port", ovsdb_where_uuid(port->uuid), "name", cJSON_CreateString(name)));
    cJSON *mutate = ovsdb_op_mutate("Port", ovsdb_where_uuid(port->uuid));
    ovsdb_op_mutate_add(mutate, "external_ids", "delete", keys);
    ovsdb_op_mutate_add(mutate, "external_ids", "insert", pairs);
    switchdb_op_add__(ops, mutate);
    return ops;
}

/* ---- ensure ---- */

static const char *switchdb_wanted_datapath__(const struct switchdb_model *m,
                                              const struct switchdb_goal *g)
{
    if (strcmp(g->datapath_type, "auto") != 0) {
        return g->datapath_type;
    }
    if (m->bridge && strcmp(switchdb_model_datapath(m), "system") != 0) {
        return switchdb_model_datapath(m); /* found earlier */
    }
    bool listed = ovsdb_datum_has(&m->ovs->columns[OVS_DATAPATH_TYPES], "system");
    return listed && !g->system_failed ? "system" : "netdev";
}

/* One of gateway and tunnel as it should be. */
static struct switchdb_new_port switchdb_wanted_port__(const struct switchdb_goal *g,
                                                       bool is_tunnel, char *mac)
{
    struct switchdb_new_port p = {
        .name = g->gateway, .type = "internal", .owner = "gateway", .symbol = "gateway"};
    if (is_tunnel) {
        return (struct switchdb_new_port){.name = g->tunnel,
                                          .type = g->tunnel_type,
                                          .owner = "tunnel",
                                          .symbol = "tunnel",
                                          .flow_tunnel = true};
    }
    static const struct mac none;
    if (memcmp(&g->gateway_mac, &none, sizeof none) != 0) {
        p.mac = mac_format(&g->gateway_mac, mac);
    }
    return p;
}

static struct switchdb_new_port switchdb_wanted_uplink__(const struct switchdb_goal *g)
{
    return (struct switchdb_new_port){.name = g->uplink,
                                      .type = "",
                                      .owner = "uplink",
                                      .symbol = "uplink",
                                      .ofport_request = SWITCHDB_UPLINK_OFPORT};
}

/* Corrects the interface of a port of ours. */
static void switchdb_op_mend_iface__(cJSON *ops, const struct ovsdb_row *iface,
                                     const struct switchdb_new_port *want)
{
    cJSON *row = cJSON_CreateObject();
    if (strcmp(ovsdb_datum_text(&iface->columns[IFACE_TYPE], ""), want->type) != 0) {
        cJSON_AddStringToObject(row, "type", want->type);
    }
    if (want->mac && strcmp(ovsdb_datum_text(&iface->columns[IFACE_MAC], ""), want->mac) != 0) {
        cJSON_AddStringToObject(row, "mac", want->mac);
    }
    const struct ovsdb_datum *options = &iface->columns[IFACE_OPTIONS];
    const char *remote = ovsdb_datum_get(options, "remote_ip");
    const char *key = ovsdb_datum_get(options, "key");
    if (want->flow_tunnel &&
        (!remote || !key || strcmp(remote, "flow") != 0 || strcmp(key, "flow") != 0)) {
        cJSON_AddItemToObject(row, "options", switchdb_tunnel_options__());
    }
    if (row->child) {
        switchdb_op_add__(ops, ovsdb_op_update("Interface", ovsdb_where_uuid(iface->uuid), row));
    } else {
        cJSON_Delete(row);
    }
}

/* Adds to 'ports' what is missing, mends what is there. */
static void switchdb_ensure_port__(const struct switchdb_model *m, cJSON *ops, cJSON *ports,
                                   const struct switchdb_new_port *want, struct err *problem)
{
    const struct ovsdb_row *port = switchdb_model_port(m, want->name);
    if (!port) {
        if (ovsdb_replica_find(m->replica, SWITCHDB_PORT, PORT_NAME, want->name)) {
            err_set(problem, ERR_EXISTS, "port %s is on another bridge", want->name);
            return;
        }
        ovsdb_set_add(ports, switchdb_op_insert_port__(ops, want));
        return;
    }
    const char *owner = ovsdb_datum_get(&port->columns[PORT_IDS], SWITCHDB_OWNER_KEY);
    const struct ovsdb_row *iface = switchdb_model_iface(m, port);
    if (!owner || strcmp(owner, want->owner) != 0) {
        err_set(problem, ERR_EXISTS, "port %s is there already and is not Seine's %s port",
                want->name, want->owner);
    } else if (iface) {
        switchdb_op_mend_iface__(ops, iface, want);
    }
}

static void switchdb_ensure_ports__(const struct switchdb_model *m, const struct switchdb_goal *g,
                                    cJSON *ops, cJSON *ports, struct err *problem)
{
    char mac[MAC_TEXT_MAX];
    if (g->gateway) {
        struct switchdb_new_port want = switchdb_wanted_port__(g, false, mac);
        switchdb_ensure_port__(m, ops, ports, &want, problem);
    }
    if (g->tunnel) {
        struct switchdb_new_port want = switchdb_wanted_port__(g, true, mac);
        switchdb_ensure_port__(m, ops, ports, &want, problem);
    }
    if (g->uplink) {
        struct switchdb_new_port want = switchdb_wanted_uplink__(g);
        switchdb_ensure_port__(m, ops, ports, &want, problem);
    }
}

static void switchdb_ensure_new_bridge__(const struct switchdb_model *m,
                                         const struct switchdb_goal *g, cJSON *ops,
                                         struct err *problem)
{
    cJSON *ports = ovsdb_set(), *protocols = ovsdb_set(), *ids = ovsdb_map();
    switchdb_op_add__(
        ops, ovsdb_op_wait("Open_vSwitch", ovsdb_where_all(), "bridges",
                           ovsdb_datum_encode(&m->ovs->columns[OVS_BRIDGES], &switchdb_uuid_set)));
    ovsdb_set_add(ports, switchdb_op_insert_port__(
                             ops, &(struct switchdb_new_port){
                                      .name = g->bridge, .type = "internal", .symbol = "local"}));
    switchdb_ensure_ports__(m, g, ops, ports, problem);
    for (size_t i = 0; i < ARRAY_LEN(switchdb_protocols); i++) {
        ovsdb_set_add(protocols, cJSON_CreateString(switchdb_protocols[i]));
    }
    ovsdb_map_add(ids, SWITCHDB_BRIDGE_KEY, "made");

    cJSON *row = cJSON_CreateObject();
    cJSON_AddStringToObject(row, "name", g->bridge);
    cJSON_AddStringToObject(row, "datapath_type", switchdb_wanted_datapath__(m, g));
    cJSON_AddStringToObject(row, "fail_mode", "secure");
    cJSON_AddItemToObject(row, "ports", ports);
    cJSON_AddItemToObject(row, "protocols", protocols);
    cJSON_AddItemToObject(row, "external_ids", ids);
    switchdb_op_add__(ops, ovsdb_op_insert("Bridge", "bridge", row));
    cJSON *mutate = ovsdb_op_mutate("Open_vSwitch", ovsdb_where_uuid(m->ovs->uuid));
    ovsdb_op_mutate_add(mutate, "bridges", "insert", ovsdb_named_uuid("bridge"));
    switchdb_op_add__(ops, mutate);
}

/* Notes on a bridge of others, before anything of it is changed. */
static void switchdb_ensure_adopt__(const struct switchdb_model *m, cJSON *mutate)
{
    const struct ovsdb_datum *ids = &m->bridge->columns[BRIDGE_IDS];
    if (ovsdb_datum_get(ids, SWITCHDB_BRIDGE_KEY)) {
        return;
    }
    cJSON *notes = ovsdb_map();
    ovsdb_map_add(notes, SWITCHDB_BRIDGE_KEY, "adopted");
    const char *mode = ovsdb_datum_text(&m->bridge->columns[BRIDGE_FAIL_MODE], "");
    ovsdb_map_add(notes, SWITCHDB_FAIL_MODE_KEY, mode);
    const struct ovsdb_datum *protocols = &m->bridge->columns[BRIDGE_PROTOCOLS];
    if (protocols->n > 0 && !ovsdb_datum_has(protocols, SWITCHDB_OPENFLOW)) {
        ovsdb_map_add(notes, SWITCHDB_PROTOCOLS_KEY, SWITCHDB_OPENFLOW);
    }
    ovsdb_op_mutate_add(mutate, "external_ids", "insert", notes);
}

/* Columns of the bridge that must have one value. */
static void switchdb_ensure_bridge_row__(const struct switchdb_model *m,
                                         const struct switchdb_goal *g, cJSON *ops,
                                         struct err *problem)
{
    cJSON *row = cJSON_CreateObject();
    const char *type = switchdb_model_datapath(m), *want = switchdb_wanted_datapath__(m, g);
    bool automatic = strcmp(g->datapath_type, "auto") == 0;
    if (strcmp(type, want) != 0 && switchdb_model_is_made(m)) {
        cJSON_AddStringToObject(row, "datapath_type", want);
    } else if (strcmp(type, want) != 0 && !automatic) {
        err_set(problem, ERR_CONFLICT, "bridge %s is not ours and has datapath type %s, not %s",
                g->bridge, type, want);
    }
    if (strcmp(ovsdb_datum_text(&m->bridge->columns[BRIDGE_FAIL_MODE], ""), "secure") != 0) {
        cJSON_AddStringToObject(row, "fail_mode", "secure");
    }
    if (row->child) {
        switchdb_op_add__(ops, ovsdb_op_update("Bridge", ovsdb_where_uuid(m->bridge->uuid), row));
    } else {
        cJSON_Delete(row);
    }
}

static void switchdb_ensure_old_bridge__(const struct switchdb_model *m,
                                         const struct switchdb_goal *g, cJSON *ops,
                                         struct err *problem)
{
    cJSON *ports = ovsdb_set();
    cJSON *mutate = ovsdb_op_mutate("Bridge", ovsdb_where_uuid(m->bridge->uuid));
    switchdb_ensure_adopt__(m, mutate);
    const struct ovsdb_datum *protocols = &m->bridge->columns[BRIDGE_PROTOCOLS];
    if (protocols->n > 0 && !ovsdb_datum_has(protocols, SWITCHDB_OPENFLOW)) {
        ovsdb_op_mutate_add(mutate, "protocols", "insert", cJSON_CreateString(SWITCHDB_OPENFLOW));
    }
    switchdb_ensure_bridge_row__(m, g, ops, problem);
    switchdb_ensure_ports__(m, g, ops, ports, problem);
    if (cJSON_GetArrayItem(ports, 1)->child) {
        ovsdb_op_mutate_add(mutate, "ports", "insert", ports);
    } else {
        cJSON_Delete(ports);
    }
    if (cJSON_GetObjectItemCaseSensitive(mutate, "mutations")->child) {
        switchdb_op_add__(ops, mutate);
    } else {
        cJSON_Delete(mutate);
    }
    if (ops->child) { /* only on what was read */
        cJSON *wait = ovsdb_op_wait(
            "Bridge", ovsdb_where_uuid(m->bridge->uuid), "ports",
            ovsdb_datum_encode(&m->bridge->columns[BRIDGE_PORTS], &switchdb_uuid_set));
        cJSON_InsertItemInArray(ops, 0, wait);
    }
}

cJSON *switchdb_model_ensure(const struct switchdb_model *m, const struct switchdb_goal *g,
                             struct err *problem)
{
    *problem = (struct err){0};
    if (!m->ovs) {
        err_set(problem, ERR_NOT_FOUND, "the Open_vSwitch table has no row (ovs-vsctl init)");
        return NULL;
    }
    cJSON *ops = cJSON_CreateArray();
    if (m->bridge) {
        switchdb_ensure_old_bridge__(m, g, ops, problem);
    } else {
        switchdb_ensure_new_bridge__(m, g, ops, problem);
    }
    if (!ops->child) {
        cJSON_Delete(ops);
        return NULL;
    }
    switchdb_op_finish__(ops, "seine: bridge, gateway and tunnel");
    return ops;
}

/* ---- cleanup ---- */

static bool switchdb_cleanup_removes_bridge__(const struct switchdb_model *m)
{
    const struct ovsdb_datum *ports = &m->bridge->columns[BRIDGE_PORTS];
    const char *name = m->bridge->columns[BRIDGE_NAME].keys[0];
    for (size_t i = 0; i < ports->n; i++) {
        const struct ovsdb_row *port = ovsdb_replica_get(m->replica, SWITCHDB_PORT, ports->keys[i]);
        if (port && switchdb_model_owner(port) == SWITCHDB_OTHER &&
            strcmp(port->columns[PORT_NAME].keys[0], name) != 0) {
            return false;
        }
    }
    return switchdb_model_is_made(m);
}

/* Puts back what adopting changed. */
static void switchdb_cleanup_restore__(const struct switchdb_model *m, cJSON *ops, cJSON *mutate)
{
    static const char *const keys[] = {SWITCHDB_BRIDGE_KEY, SWITCHDB_FAIL_MODE_KEY,
                                       SWITCHDB_PROTOCOLS_KEY};
    const struct ovsdb_datum *ids = &m->bridge->columns[BRIDGE_IDS];
    const char *mode = ovsdb_datum_get(ids, SWITCHDB_FAIL_MODE_KEY);
    const char *protocol = ovsdb_datum_get(ids, SWITCHDB_PROTOCOLS_KEY);
    if (mode) {
        cJSON *row = cJSON_CreateObject();
        cJSON_AddItemToObject(row, "fail_mode", *mode ? cJSON_CreateString(mode) : ovsdb_set());
        switchdb_op_add__(ops, ovsdb_op_update("Bridge", ovsdb_where_uuid(m->bridge->uuid), row));
    }
    if (protocol) {
        ovsdb_op_mutate_add(mutate, "protocols", "delete", cJSON_CreateString(protocol));
    }
    cJSON *notes = ovsdb_set();
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        ovsdb_set_add(notes, cJSON_CreateString(keys[i]));
    }
    ovsdb_op_mutate_add(mutate, "external_ids", "delete", notes);
}

cJSON *switchdb_model_cleanup(const struct switchdb_model *m)
{
    if (!m->bridge || !m->ovs) {
        return NULL;
    }
    cJSON *ops = cJSON_CreateArray();
    if (switchdb_cleanup_removes_bridge__(m)) {
        cJSON *mutate = ovsdb_op_mutate("Open_vSwitch", ovsdb_where_uuid(m->ovs->uuid));
        ovsdb_op_mutate_add(mutate, "bridges", "delete", ovsdb_uuid(m->bridge->uuid));
        switchdb_op_add__(ops, mutate);
    } else {
        cJSON *mutate = ovsdb_op_mutate("Bridge", ovsdb_where_uuid(m->bridge->uuid));
        cJSON *gone = ovsdb_set();
        const struct ovsdb_datum *ports = &m->bridge->columns[BRIDGE_PORTS];
        for (size_t i = 0; i < ports->n; i++) {
            const struct ovsdb_row *port =
                ovsdb_replica_get(m->replica, SWITCHDB_PORT, ports->keys[i]);
            if (port && switchdb_model_owner(port) != SWITCHDB_OTHER) {
                ovsdb_set_add(gone, ovsdb_uuid(port->uuid));
            }
        }
        ovsdb_op_mutate_add(mutate, "ports", "delete", gone);
        switchdb_cleanup_restore__(m, ops, mutate);
        switchdb_op_add__(ops, mutate);
    }
    switchdb_op_finish__(ops, "seine: cleanup");
    return ops;
}
