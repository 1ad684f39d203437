/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading the replica of Open_vSwitch: see switchdb_model.h.  The transactions are in
 * switchdb_ops.c. */
#include "ovs/switchdb_model.h"

#include <string.h>

#include "core/base/port.h"

static const struct ovsdb_column switchdb_ovs_columns[] = {
    [OVS_BRIDGES] = {"bridges", OVSDB_UUID, OVSDB_SET},
    [OVS_VERSION] = {"ovs_version", OVSDB_STRING, OVSDB_OPTIONAL},
    [OVS_DATAPATH_TYPES] = {"datapath_types", OVSDB_STRING, OVSDB_SET},
    [OVS_NEXT_CFG] = {"next_cfg", OVSDB_INTEGER, OVSDB_SCALAR},
    [OVS_CUR_CFG] = {"cur_cfg", OVSDB_INTEGER, OVSDB_SCALAR},
};
static const struct ovsdb_column switchdb_bridge_columns[] = {
    [BRIDGE_NAME] = {"name", OVSDB_STRING, OVSDB_SCALAR},
    [BRIDGE_PORTS] = {"ports", OVSDB_UUID, OVSDB_SET},
    [BRIDGE_DP_TYPE] = {"datapath_type", OVSDB_STRING, OVSDB_SCALAR},
    [BRIDGE_DP_ID] = {"datapath_id", OVSDB_STRING, OVSDB_OPTIONAL},
    [BRIDGE_FAIL_MODE] = {"fail_mode", OVSDB_STRING, OVSDB_OPTIONAL},
    [BRIDGE_PROTOCOLS] = {"protocols", OVSDB_STRING, OVSDB_SET},
    [BRIDGE_IDS] = {"external_ids", OVSDB_STRING, OVSDB_MAP},
};
static const struct ovsdb_column switchdb_port_columns[] = {
    [PORT_NAME] = {"name", OVSDB_STRING, OVSDB_SCALAR},
    [PORT_IFACES] = {"interfaces", OVSDB_UUID, OVSDB_SET},
    [PORT_IDS] = {"external_ids", OVSDB_STRING, OVSDB_MAP},
};
static const struct ovsdb_column switchdb_iface_columns[] = {
    [IFACE_NAME] = {"name", OVSDB_STRING, OVSDB_SCALAR},
    [IFACE_TYPE] = {"type", OVSDB_STRING, OVSDB_SCALAR},
    [IFACE_OFPORT] = {"ofport", OVSDB_INTEGER, OVSDB_OPTIONAL},
    [IFACE_ERROR] = {"error", OVSDB_STRING, OVSDB_OPTIONAL},
    [IFACE_MAC_IN_USE] = {"mac_in_use", OVSDB_STRING, OVSDB_OPTIONAL},
    [IFACE_MAC] = {"mac", OVSDB_STRING, OVSDB_OPTIONAL},
    [IFACE_OPTIONS] = {"options", OVSDB_STRING, OVSDB_MAP},
};
#define SWITCHDB_SPEC__(name, columns)                                                             \
    {                                                                                              \
        name, columns, ARRAY_LEN(columns)                                                          \
    }
const struct ovsdb_table_spec switchdb_specs[SWITCHDB_N_TABLES] = {
    [SWITCHDB_OVS] = SWITCHDB_SPEC__("Open_vSwitch", switchdb_ovs_columns),
    [SWITCHDB_BRIDGE] = SWITCHDB_SPEC__("Bridge", switchdb_bridge_columns),
    [SWITCHDB_PORT] = SWITCHDB_SPEC__("Port", switchdb_port_columns),
    [SWITCHDB_IFACE] = SWITCHDB_SPEC__("Interface", switchdb_iface_columns),
};

struct switchdb_model switchdb_model(const struct ovsdb_replica *r, const char *bridge)
{
    return (struct switchdb_model){
        .replica = r,
        .ovs = ovsdb_replica_first(r, SWITCHDB_OVS),
        .bridge = ovsdb_replica_find(r, SWITCHDB_BRIDGE, BRIDGE_NAME, bridge),
    };
}

bool switchdb_model_is_made(const struct switchdb_model *m)
{
    const char *how =
        m->bridge ? ovsdb_datum_get(&m->bridge->columns[BRIDGE_IDS], SWITCHDB_BRIDGE_KEY) : NULL;
    return how && strcmp(how, "made") == 0;
}

const char *switchdb_model_datapath(const struct switchdb_model *m)
{
    if (!m->bridge) {
        return "";
    }
    const char *type = ovsdb_datum_text(&m->bridge->columns[BRIDGE_DP_TYPE], "");
    return *type ? type : "system";
}

bool switchdb_model_is_open(const struct switchdb_model *m)
{
    return m->bridge && *ovsdb_datum_text(&m->bridge->columns[BRIDGE_DP_ID], "") != '\0';
}

const struct ovsdb_row *switchdb_model_port(const struct switchdb_model *m, const char *name)
{
    const struct ovsdb_row *port = ovsdb_replica_find(m->replica, SWITCHDB_PORT, PORT_NAME, name);
    bool ours = port && m->bridge && ovsdb_datum_has(&m->bridge->columns[BRIDGE_PORTS], port->uuid);
    return ours ? port : NULL;
}

const struct ovsdb_row *switchdb_model_iface(const struct switchdb_model *m,
                                             const struct ovsdb_row *port)
{
    const char *uuid = ovsdb_datum_text(&port->columns[PORT_IFACES], NULL);
    return uuid ? ovsdb_replica_get(m->replica, SWITCHDB_IFACE, uuid) : NULL;
}

enum switchdb_owner switchdb_model_owner(const struct ovsdb_row *port)
{
    static const char *const names[] = {
        [SWITCHDB_POD] = "pod",
        [SWITCHDB_GATEWAY] = "gateway",
        [SWITCHDB_TUNNEL] = "tunnel",
        [SWITCHDB_UPLINK] = "uplink",
    };
    const char *owner = ovsdb_datum_get(&port->columns[PORT_IDS], SWITCHDB_OWNER_KEY);
    for (size_t i = SWITCHDB_POD; owner && i < ARRAY_LEN(names); i++) {
        if (strcmp(owner, names[i]) == 0) {
            return (enum switchdb_owner)i;
        }
    }
    return SWITCHDB_OTHER;
}

const struct ovsdb_row *switchdb_model_uplink(const struct switchdb_model *m)
{
    const struct ovsdb_datum *ports = m->bridge ? &m->bridge->columns[BRIDGE_PORTS] : NULL;
    for (size_t i = 0; ports && i < ports->n; i++) {
        const struct ovsdb_row *port = ovsdb_replica_get(m->replica, SWITCHDB_PORT, ports->keys[i]);
        if (port && switchdb_model_owner(port) == SWITCHDB_UPLINK) {
            return port;
        }
    }
    return NULL;
}

static uint32_t switchdb_model_ofport__(const struct ovsdb_row *iface)
{
    int64_t n = iface ? ovsdb_datum_int(&iface->columns[IFACE_OFPORT], 0) : 0;
    return n > 0 && n <= UINT32_MAX ? (uint32_t)n : 0; /* -1: it failed */
}

uint32_t switchdb_model_ofport(const struct switchdb_model *m, const char *name)
{
    const struct ovsdb_row *port = name ? switchdb_model_port(m, name) : NULL;
    return port ? switchdb_model_ofport__(switchdb_model_iface(m, port)) : 0;
}

void switchdb_model_describe(const struct switchdb_model *m, const struct ovsdb_row *port,
                             struct switchdb_id *ids, struct switchdb_port *out)
{
    const struct ovsdb_row *iface = switchdb_model_iface(m, port);
    const struct ovsdb_datum *map = &port->columns[PORT_IDS];
    for (size_t i = 0; i < map->n; i++) {
        ids[i] = (struct switchdb_id){.key = map->keys[i], .value = map->values[i]};
    }
    *out = (struct switchdb_port){
        .name = port->columns[PORT_NAME].keys[0],
        .owner = switchdb_model_owner(port),
        .ofport = switchdb_model_ofport__(iface),
        .error = iface ? ovsdb_datum_text(&iface->columns[IFACE_ERROR], "") : "",
        .type = iface ? ovsdb_datum_text(&iface->columns[IFACE_TYPE], "") : "",
        .ids = ids,
        .n_ids = map->n,
    };
    out->has_mac =
        iface && mac_parse(ovsdb_datum_text(&iface->columns[IFACE_MAC_IN_USE], ""), &out->mac);
}

const char *switchdb_port_id(const struct switchdb_port *p, const char *key)
{
    for (size_t i = 0; i < p->n_ids; i++) {
        if (strcmp(p->ids[i].key, key) == 0) {
            return p->ids[i].value;
        }
    }
    return NULL;
}
