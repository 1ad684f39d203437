/* SPDX-License-Identifier: Apache-2.0
 *
 * switchdb: the node's Open vSwitch configuration, over one OVSDB connection.
 *
 * It holds a replica of the rows of Open_vSwitch, Bridge, Port and Interface, and makes sure that
 * the bridge, the gateway port and the tunnel port are there (and the uplink port, once it was
 * asked for), in one transaction, each time it connects and whenever somebody takes one of them
 * away.  A bridge that is there already is adopted: what was changed of it is noted in its
 * external_ids and put back by cleanup.  Other bridges, their ports and controllers are never
 * written.
 *
 * Pod ports come and go with their record (external_ids) in one transaction each.  Ports of ours
 * carry external_ids:seine.owner (pod, gateway, tunnel, uplink); the bridge carries seine.bridge
 * (made or adopted).  All is called on the loop thread; callbacks come from the loop only, never
 * from within a call made here. */
#ifndef SEINE_OVS_SWITCHDB_H
#define SEINE_OVS_SWITCHDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/addr.h"
#include "core/base/err.h"
#include "core/io/loop.h"
#include "core/io/stream.h"

struct switchdb;

#define SWITCHDB_OWNER_KEY "seine.owner"
#define SWITCHDB_BRIDGE_KEY "seine.bridge"

enum switchdb_owner {
    SWITCHDB_OTHER,
    SWITCHDB_POD,
    SWITCHDB_GATEWAY,
    SWITCHDB_TUNNEL,
    SWITCHDB_UPLINK
};
/* The number that the uplink port asks for: none that Open vSwitch gives by itself, so that flows
 * with it can be written before the port has it. */
enum { SWITCHDB_UPLINK_OFPORT = 32767 };

struct switchdb_id {
    const char *key, *value;
};
/* A port of our bridge with its (only or first) interface, as the replica has it now. */
struct switchdb_port {
    const char *name;
    enum switchdb_owner owner;
    uint32_t ofport;   /* 0: none yet, or it failed: see error */
    const char *error; /* Interface.error, "" if none: "could not open network device ..." */
    const char *type;  /* Interface.type: "", "internal", "geneve" */
    bool has_mac;
    struct mac mac;                /* Interface.mac_in_use: of the host-side interface */
    const struct switchdb_id *ids; /* the port's external_ids, sorted by key */
    size_t n_ids;
};
/* Value of an id, or NULL. */
const char *switchdb_port_id(const struct switchdb_port *p, const char *key);

enum switchdb_state {
    SWITCHDB_DISCONNECTED, /* connecting, or waiting to try again */
    SWITCHDB_READING,      /* connected; the replica is not whole yet */
    SWITCHDB_ENSURING,     /* bridge and ports are being made, or could not be: see error */
    SWITCHDB_READY         /* bridge open in ovs-vswitchd, gateway, tunnel (uplink) have numbers */
};
struct switchdb_status {
    enum switchdb_state state;
    bool connected;
    const char *ovs_version;   /* "" until known */
    const char *datapath_type; /* of the bridge: "system", "netdev", or "" until known */
    bool bridge_adopted;
    const char *error;                      /* why it is not ready, one line; "" */
    uint32_t gateway_ofport, tunnel_ofport; /* 0: none */
    bool taken_up;   /* ovs-vswitchd has seen what was asked of it last, or the bridge is open */
    bool has_uplink; /* the record holds an uplink port of ours */
    uint32_t uplink_ofport; /* its number; 0: none */
};

/* What switchdb tells its owner.  Members may be NULL. */
struct switchdb_events {
    void (*state)(void *aux, const struct switchdb_status *status); /* any part of it changed */
    /* A port of our bridge appeared or changed / is gone.  After a reconnect only differences are
     * told. */
    void (*port)(void *aux, const struct switchdb_port *port);
    void (*port_gone)(void *aux, const char *name);
};

struct switchdb_config {
    const char *address;          /* --ovsdb */
    const struct stream_tls *tls; /* NULL without ssl: */
    const char *bridge;           /* --bridge */
    const char *datapath_type;    /* "auto", "system", "netdev" */
    const char *gateway;          /* name of the internal port; NULL: none */
    struct mac gateway_mac;       /* all zero: OVS chooses */
    const char *tunnel;           /* name of the tunnel port; NULL: none */
    const char *tunnel_type;      /* "geneve", "vxlan", "gre" */
};
/* Starts to connect.  'events' and 'config' strings are copied except 'events' itself, which is
 * borrowed.  ERR_INVALID on a bad address or TLS files. */
int switchdb_new(struct loop *l, const struct switchdb_config *config,
                 const struct switchdb_events *events, void *aux, struct switchdb **out,
                 struct err *err);
/* Closes; requests under way end with ERR_CLOSED from within this call.  Not from within an event
 * or a 'done' of this object. */
void switchdb_free(struct switchdb *db); /* NULL is fine */

struct switchdb_status switchdb_status(const struct switchdb *db); /* borrowed strings */
/* Ports of our bridge.  The memory is the replica's until the next loop turn. */
bool switchdb_port_get(const struct switchdb *db, const char *name, struct switchdb_port *out);
typedef void switchdb_port_fn(void *aux, const struct switchdb_port *port);
void switchdb_each_port(const struct switchdb *db, switchdb_port_fn *fn, void *aux);

/* Ends a request.  err->code 0: the transaction is committed (for port_add the port number may
 * still come: see the port event).  ERR_CLOSED: not connected, or the connection went away and the
 * outcome is not known: both requests may simply be made again.  Called exactly once. */
typedef void switchdb_done_fn(void *aux, const struct err *err);

struct switchdb_port_spec {
    const char *name;              /* host-side interface */
    const char *interface_type;    /* "": system device; "internal" */
    const struct switchdb_id *ids; /* the record: external_ids of the port */
    size_t n_ids;
    uint32_t ofport_request; /* 0: OVS chooses */
};
/* Adds a Pod's port with its record to our bridge in one transaction.  A port of ours with this
 * name that is there already is replaced in the same transaction; one of others: ERR_EXISTS. */
void switchdb_port_add(struct switchdb *db, const struct switchdb_port_spec *spec,
                       switchdb_done_fn *done, void *aux);
/* Removes ports of ours in one transaction.  Absent ones are success; others' are left alone. */
void switchdb_port_del(struct switchdb *db, const char *const *names, size_t n,
                       switchdb_done_fn *done, void *aux);
/* Gives the interface of a Pod's port of ours another type: where the device comes later than its
 * port, "" becomes "internal".  Of that type already: success.  ERR_NOT_FOUND. */
void switchdb_port_set_type(struct switchdb *db, const char *name, const char *type,
                            switchdb_done_fn *done, void *aux);
/* Sets or (value NULL) removes ids of a port of ours.  ERR_NOT_FOUND. */
void switchdb_port_set_ids(struct switchdb *db, const char *name, const struct switchdb_id *ids,
                           size_t n, switchdb_done_fn *done, void *aux);
/* From now on the bridge has 'adapter' as uplink port; NULL: none is added, one that is there stays
 * (switchdb_port_del() takes it away). */
void switchdb_set_uplink(struct switchdb *db, const char *adapter);
/* While true, a bridge that ovs-vswitchd does not open is not taken as a sign that it lacks the
 * datapath (--datapath-type auto): on Windows none opens before there is a virtual switch. */
void switchdb_hold_datapath(struct switchdb *db, bool hold);
/* Makes ovs-vswitchd look at its configuration again: it tries to open what it could not. */
void switchdb_ask_again(struct switchdb *db);
/* Names of all bridges, ours and others', in no order; at most 'max' are written, all are counted.
 * The strings are the replica's until the next loop turn. */
size_t switchdb_bridges(const struct switchdb *db, const char **names_out, size_t max);
/* Removes all of ours: Pod, gateway, tunnel and uplink ports; the bridge if we made it and no port
 * of others is on it, else our notes on it and what adopting changed.  From this call on nothing is
 * ensured any more. */
void switchdb_cleanup(struct switchdb *db, switchdb_done_fn *done, void *aux);

#endif
