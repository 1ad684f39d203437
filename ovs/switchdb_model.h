/* SPDX-License-Identifier: Apache-2.0
 *
 * What Open vSwitch's configuration holds and what Seine wants of it: the pure half of switchdb.
 * Reads the replica, and makes transactions; nothing here sends or waits. */
#ifndef SEINE_OVS_SWITCHDB_MODEL_H
#define SEINE_OVS_SWITCHDB_MODEL_H

#include "ovs/ovsdb_op.h"
#include "ovs/ovsdb_replica.h"
#include "ovs/switchdb.h"

enum switchdb_table {
    SWITCHDB_OVS,
    SWITCHDB_BRIDGE,
    SWITCHDB_PORT,
    SWITCHDB_IFACE,
    SWITCHDB_N_TABLES
};
enum { OVS_BRIDGES, OVS_VERSION, OVS_DATAPATH_TYPES, OVS_NEXT_CFG, OVS_CUR_CFG };
enum {
    BRIDGE_NAME,
    BRIDGE_PORTS,
    BRIDGE_DP_TYPE,
    BRIDGE_DP_ID,
    BRIDGE_FAIL_MODE,
    BRIDGE_PROTOCOLS,
    BRIDGE_IDS
};
enum { PORT_NAME, PORT_IFACES, PORT_IDS };
enum {
    IFACE_NAME,
    IFACE_TYPE,
    IFACE_OFPORT,
    IFACE_ERROR,
    IFACE_MAC_IN_USE,
    IFACE_MAC,
    IFACE_OPTIONS
};
extern const struct ovsdb_table_spec switchdb_specs[SWITCHDB_N_TABLES];

struct switchdb_goal { /* the configuration, owned elsewhere */
    const char *bridge, *datapath_type, *gateway, *tunnel, *tunnel_type;
    const char *uplink; /* NULL: none is asked for */
    struct mac gateway_mac;
    bool system_failed; /* ovs-vswitchd could not open the bridge as "system" */
};
struct switchdb_model { /* borrowed from the replica, until its next change */
    const struct ovsdb_replica *replica;
    const struct ovsdb_row *ovs, *bridge; /* NULL: absent */
};
struct switchdb_model switchdb_model(const struct ovsdb_replica *r, const char *bridge);

bool switchdb_model_is_made(const struct switchdb_model *m); /* the bridge is Seine's own */
/* "system" or "netdev", "" without a bridge. */
const char *switchdb_model_datapath(const struct switchdb_model *m);
bool switchdb_model_is_open(const struct switchdb_model *m); /* ovs-vswitchd runs the bridge */

/* A port of our bridge by name, or NULL; its interface, or NULL. */
const struct ovsdb_row *switchdb_model_port(const struct switchdb_model *m, const char *name);
const struct ovsdb_row *switchdb_model_iface(const struct switchdb_model *m,
                                             const struct ovsdb_row *port);
enum switchdb_owner switchdb_model_owner(const struct ovsdb_row *port);
/* The uplink port of ours on our bridge, or NULL. */
const struct ovsdb_row *switchdb_model_uplink(const struct switchdb_model *m);
uint32_t switchdb_model_ofport(const struct switchdb_model *m, const char *name); /* 0: none */
/* The port's public form.  'ids' is room for the ids, at least port's PORT_IDS.n of them. */
void switchdb_model_describe(const struct switchdb_model *m, const struct ovsdb_row *port,
                             struct switchdb_id *ids, struct switchdb_port *out);

/* Transactions: NULL if nothing is to be done.  Those that change something end with a select of
 * next_cfg; switchdb_model_next_cfg() finds it in the result. */
/* What makes bridge, gateway and tunnel as they should be.  'problem' (code 0 if none) says what
 * Seine must not mend. */
cJSON *switchdb_model_ensure(const struct switchdb_model *m, const struct switchdb_goal *g,
                             struct err *problem);
/* Makes ovs-vswitchd tell when it has seen everything up to now. */
cJSON *switchdb_model_bump(void);
/* ERR_EXISTS, ERR_NOT_FOUND (no bridge) with NULL. */
cJSON *switchdb_model_port_add(const struct switchdb_model *m,
                               const struct switchdb_port_spec *spec, struct err *err);
cJSON *switchdb_model_port_del(const struct switchdb_model *m, const char *const *names, size_t n);
/* ERR_NOT_FOUND (no such port of a Pod, or it has no interface) with NULL. */
cJSON *switchdb_model_set_type(const struct switchdb_model *m, const char *name, const char *type,
                               struct err *err);
cJSON *switchdb_model_set_ids(const struct switchdb_model *m, const struct ovsdb_row *port,
                              const struct switchdb_id *ids, size_t n);
cJSON *switchdb_model_cleanup(const struct switchdb_model *m);
int64_t switchdb_model_next_cfg(const cJSON *result); /* 0: not there */

#endif
