/* SPDX-License-Identifier: Apache-2.0
 *
 * `seine-agent cleanup`: takes away what Seine made on this node, and only that.  In this order:
 * the uplink (on Windows), so that the node is reached by its own adapter, the flows of a bridge
 * that was adopted, ports and bridge in one transaction, then what lies outside Open vSwitch: Pods'
 * interfaces, guards, routes, masquerade, files.  What cannot be done is told, the rest goes on,
 * and the exit code is 1. */
#include <stdio.h>
#include <string.h>

#include "core/agent/agent.h"
#include "core/agent/cni_files.h"
#include "core/agent/uplink_ops.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/vec.h"
#include "core/intent/tables.h"
#include "core/io/loop.h"
#include "core/pipeline/world.h"
#include "cni/journal.h"
#include "hns/acl_target.h"
#include "hns/network.h"
#include "hns/pod_endpoint.h"
#include "ovs/flow_target.h"
#include "ovs/switchdb.h"
#include "platform/hostnat.h"
#include "platform/ipc.h"
#include "platform/netif.h"
#include "platform/pipe.h"
#include "platform/process.h"
#include "platform/route.h"
#include "platform/setup.h"

enum { CLEANUP_OVSDB_MS = 10000, CLEANUP_FLOWS_MS = 5000, CLEANUP_UPLINK_MS = 120000 };

struct cleanup {
    const struct options *o;
    struct loop *loop;
    struct switchdb *db;
    bool found; /* ports of ours on the bridge */
    bool done, failed;
    struct err result;
};

static void cleanup_tell(struct cleanup *c, const char *what, const struct err *err)
{
    log_msg(LOG_AREA_AGENT, LOG_ERROR, "cleanup: %s: %s", what, err->text);
    c->failed = true;
}

/* ---- Open vSwitch ---- */
static void cleanup_port(void *aux, const struct switchdb_port *port)
{
    struct cleanup *c = aux;
    c->found = c->found || port->owner != SWITCHDB_OTHER;
}

static void cleanup_done(void *aux, const struct err *err)
{
    struct cleanup *c = aux;
    c->result = *err;
    c->done = true;
}

static bool cleanup_is_done(const void *aux)
{
    const struct cleanup *c = aux;
    return c->done;
}

static bool cleanup_is_in_sync(const void *aux)
{
    return flow_target_in_sync(aux);
}

/* Every flow of an adopted bridge that Seine served is Seine's. */
static void cleanup_flows(struct cleanup *c)
{
    static const struct flow_target_events none;
    struct engine *engine = world_engine_empty();
    struct flow_target_config config = {.address = c->o->openflow,
                                        .spaces = {SPACE_FLOW, SPACE_GROUP, SPACE_METER}};
    struct stream_tls tls = {
        .ca_file = c->o->ovs_ca, .cert_file = c->o->ovs_certificate, .key_file = c->o->ovs_key};
    struct flow_target *target = NULL;
    struct err err = {0};
    config.tls = c->o->ovs_ca[0] ? &tls : NULL;
    while (!engine_run(engine, 0)) {}
    if (flow_target_new(c->loop, engine, &config, &none, c, &target, &err) == 0) {
        flow_target_gate(target, true);
        if (!loop_wait(c->loop, cleanup_is_in_sync, target, CLEANUP_FLOWS_MS)) {
            err_set(&err, ERR_TIMEOUT, "the switch did not answer");
        }
    }
    if (err.code) {
        cleanup_tell(c, "flows", &err);
    }
    flow_target_free(target);
    engine_free(engine);
}

static bool cleanup_has_read(const void *aux)
{
    const struct cleanup *c = aux;
    enum switchdb_state state = switchdb_status(c->db).state;
    return state == SWITCHDB_ENSURING || state == SWITCHDB_READY;
}

static void cleanup_ports(struct cleanup *c)
{
    struct err err = {0};
    /* The first call only says that nothing is to be made; it ends as "not connected". */
    switchdb_cleanup(c->db, cleanup_done, c);
    loop_wait(c->loop, cleanup_is_done, c, CLEANUP_OVSDB_MS);
    if (!loop_wait(c->loop, cleanup_has_read, c, CLEANUP_OVSDB_MS)) {
        const char *why = switchdb_status(c->db).error;
        err_set(&err, ERR_TIMEOUT, "%s", *why ? why : "no answer");
        cleanup_tell(c, "OVSDB", &err);
        return;
    }
    switchdb_each_port(c->db, cleanup_port, c);
    if (c->found && switchdb_status(c->db).bridge_adopted) {
        cleanup_flows(c);
    }
    c->done = false;
    switchdb_cleanup(c->db, cleanup_done, c);
    if (!loop_wait(c->loop, cleanup_is_done, c, CLEANUP_OVSDB_MS)) {
        err_set(&c->result, ERR_TIMEOUT, "no answer");
    }
    if (c->result.code) {
        cleanup_tell(c, "OVSDB", &c->result);
    }
}

static void cleanup_switch(struct cleanup *c)
{
    static const struct switchdb_events none;
    struct stream_tls tls = {
        .ca_file = c->o->ovs_ca, .cert_file = c->o->ovs_certificate, .key_file = c->o->ovs_key};
    struct switchdb_config config = {
        .address = c->o->ovsdb,
        .tls = c->o->ovs_ca[0] ? &tls : NULL,
        .bridge = c->o->bridge,
        .datapath_type = c->o->datapath_type,
        .gateway = c->o->gateway,
        .tunnel = c->o->tunnel,
        .tunnel_type = c->o->tunnel_type,
    };
    struct err err = {0};
    c->loop = loop_new();
    if (switchdb_new(c->loop, &config, &none, c, &c->db, &err) < 0) {
        cleanup_tell(c, "OVSDB", &err);
    } else {
        cleanup_ports(c);
    }
    switchdb_free(c->db);
    loop_free(c->loop);
}

/* ---- the uplink ---- */
/* Back to the adapter; the port in the bridge's record goes with all others. */
static void cleanup_uplink_back(struct cleanup *c, struct uplink *u)
{
    static const struct uplink_switch gone = {.known = true};
    struct uplink_report r;
    int64_t end = (int64_t)(process_now_ns() / 1000000) + CLEANUP_UPLINK_MS, now;
    struct err err = {0};
    uplink_undo(u);
    do {
        now = (int64_t)(process_now_ns() / 1000000);
        uplink_run(u, now, &gone, &r);
        if (r.state == UPLINK_UNDOING || r.state == UPLINK_DECIDING) {
            process_sleep_ms(r.again_ms);
        }
    } while ((r.state == UPLINK_UNDOING || r.state == UPLINK_DECIDING) && now < end);
    if (r.state != UPLINK_NONE) {
        err_set(&err, ERR_TIMEOUT, "%s%s%s", r.step, *r.step ? ": " : "", r.error);
        cleanup_tell(c, "uplink", &err);
    }
}

static void cleanup_uplink(struct cleanup *c)
{
    struct uplink_system system;
    struct uplink_ops ops;
    struct err err = {0};
    if (strcmp(process_platform(), "windows") != 0) {
        return;
    }
    uplink_system_init(&system, c->o->run_dir, &ops);
    struct uplink *u =
        uplink_new(&(struct uplink_config){.choice = c->o->uplink, .bridge = c->o->bridge}, &ops);
    cleanup_uplink_back(c, u);
    if (uplink_system_forget(&system, &err) < 0) {
        cleanup_tell(c, "HNS network", &err);
    }
    uplink_free(u);
    uplink_system_done(&system);
}

/* ---- access lists ---- */
static void cleanup_sets(struct cleanup *c, struct hns_client *client, struct arena *a)
{
    struct acl_rows rows = {NULL, 0};
    struct acl_result result;
    struct guid network = network_id(NETWORK_NAME);
    struct hcn_network found;
    struct err err = {0}, why = {0};
    enum hns_found there = network_find(client, NETWORK_NAME, a, &found, &why);
    if (there == HNS_UNKNOWN) {
        hns_pass(&why, &err);
    } else if (there == HNS_PRESENT) {
        network = found.id;
        acl_target_read_sets(client, &network, a, &rows, &err);
    }
    struct acl_change *v = arena_alloc(a, rows.n * sizeof *v);
    for (size_t i = 0; i < rows.n; i++) {
        v[i] = (struct acl_change){.op = PLAN_DELETE, .key = rows.v[i].key};
    }
    acl_target_apply(client, &network, &(struct acl_changes){v, rows.n},
                     &(struct acl_changes){NULL, 0}, &result);
    if (err.code || result.end != ACL_DONE) {
        cleanup_tell(c, "address sets", err.code ? &err : &result.err);
    }
}

/* Pods' endpoints with their lists, the sets, and the records. */
static void cleanup_lists(struct cleanup *c)
{
    struct hns_client client;
    struct arena a;
    struct err err = {0};
    char **names = NULL;
    size_t n = 0;
    hns_init(&client, NULL, NULL);
    arena_init(&a, 0);
    struct pod_endpoint *pods =
        pod_endpoint_new(&(struct pod_endpoint_config){.hns = &client, .owner = c->o->gateway});
    if (pod_endpoint_list(pods, c->o->gateway, &names, &n, &err) < 0) {
        cleanup_tell(c, "Pods' endpoints", &err);
    }
    for (size_t i = 0; i < n; i++) {
        if (pod_endpoint_delete(pods, names[i], &err) < 0) {
            cleanup_tell(c, names[i], &err);
        }
        mem_free(names[i]);
    }
    mem_free(names);
    cleanup_sets(c, &client, &a);
    pod_endpoint_free(pods);
    arena_done(&a);
}

/* ---- the node's own stack ---- */
static void cleanup_pods(struct cleanup *c)
{
    char **names = NULL;
    size_t n = 0;
    struct err err = {0};
    if (netif_pod_list(c->o->gateway, &names, &n, &err) < 0) {
        if (err.code == ERR_UNSUPPORTED) { /* endpoints: they went with their network */
            return;
        }
        cleanup_tell(c, "Pods' interfaces", &err);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (netif_pod_delete(names[i], &err) < 0) {
            cleanup_tell(c, names[i], &err);
        }
        mem_free(names[i]);
    }
    mem_free(names);
}

struct cleanup_keys {
    VEC(char *) v; /* NUL-terminated */
};

static void cleanup_route(void *aux, struct bytes key, struct bytes value)
{
    struct cleanup_keys *keys = aux;
    (void)value;
    VEC_PUSH(&keys->v, mem_strndup(key.p, key.n));
}

static void cleanup_routes(struct cleanup *c)
{
    struct cleanup_keys keys = {VEC_INIT};
    struct err err = {0};
    int rc = route_dump(c->o->gateway, cleanup_route, &keys, &err);
    if (rc < 0 && rc != ERR_NOT_FOUND) { /* routes go with their device */
        cleanup_tell(c, "routes", &err);
    }
    for (size_t i = 0; i < keys.v.n; i++) {
        struct bytes key = {keys.v.v[i], strlen(keys.v.v[i])};
        rc = route_set(c->o->gateway, key, (struct bytes){NULL, 0}, &err);
        if (rc < 0 && rc != ERR_NOT_FOUND) {
            cleanup_tell(c, keys.v.v[i], &err);
        }
        mem_free(keys.v.v[i]);
    }
    VEC_DONE(&keys.v);
}

static void cleanup_host(struct cleanup *c)
{
    struct err err = {0};
    if (hostnat_replace(c->o->gateway, NULL, 0, &err) < 0) {
        cleanup_tell(c, "masquerade", &err);
    }
    if (netif_cleanup(&err) < 0) {
        cleanup_tell(c, "guards", &err);
    }
}

/* ---- files ---- */
static void cleanup_file(struct cleanup *c, const char *dir, const char *name)
{
    auto_sbuf path = SBUF_INIT;
    struct err err = {0};
    sbuf_printf(&path, "%s/%s", dir, name);
    if (file_remove(path.data, &err) < 0) {
        cleanup_tell(c, path.data, &err);
    }
}

static void cleanup_folder(struct cleanup *c, const char *dir)
{
    char **names = NULL;
    size_t n = 0;
    if (file_list(dir, &names, &n, NULL) == 0) {
        for (size_t i = 0; i < n; i++) {
            cleanup_file(c, dir, names[i]);
            mem_free(names[i]);
        }
        mem_free(names);
    }
}

/* A file that is written by temporary name, and what a write that was cut short left of it. */
static void cleanup_atomic(struct cleanup *c, const char *dir, const char *name)
{
    char **names = NULL;
    size_t n = 0, len = strlen(name);
    if (file_list(dir, &names, &n, NULL) < 0) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const char *found = names[i];
        bool temporary =
            found[0] == '.' && strncmp(found + 1, name, len) == 0 && found[1 + len] == '.';
        if (temporary || strcmp(found, name) == 0) {
            cleanup_file(c, dir, found);
        }
        mem_free(names[i]);
    }
    mem_free(names);
}

static void cleanup_files(struct cleanup *c)
{
    auto_sbuf journal = SBUF_INIT, ports = SBUF_INIT;
    struct err err = {0};
    journal_folder(c->o->socket, &journal);
    cleanup_folder(c, journal.data);
    sbuf_printf(&ports, "%s/ports", c->o->run_dir);
    cleanup_folder(c, ports.data);
    cleanup_atomic(c, c->o->run_dir, "released");
    cleanup_atomic(c, c->o->cache_dir, AGENT_CACHE_NAME);
    if (!pipe_is_native() && file_remove(c->o->socket, &err) < 0) {
        cleanup_tell(c, c->o->socket, &err);
    }
}

/* Removed while it is held, so that nobody takes a file that goes; a system that keeps files that
 * are open lets it go afterwards. */
static void cleanup_lock(struct cleanup *c, struct process_lock *lock)
{
    auto_sbuf path = SBUF_INIT;
    sbuf_printf(&path, "%s/agent.lock", c->o->run_dir);
    bool kept = file_remove(path.data, NULL) < 0;
    process_unlock(lock);
    if (kept) {
        cleanup_file(c, c->o->run_dir, "agent.lock");
    }
}

/* Only once nothing is left of the data plane: a runtime without them has no network. */
static void cleanup_cni(struct cleanup *c)
{
    struct err err = {0};
    if (!c->failed && cni_files_remove(c->o, &err) < 0) {
        cleanup_tell(c, "CNI", &err);
    }
}

/* On Windows they hold the configuration and the log too, and are the installer's. */
static void cleanup_folders(struct cleanup *c)
{
    auto_sbuf journal = SBUF_INIT, ports = SBUF_INIT;
    struct err err = {0};
    journal_folder(c->o->socket, &journal);
    sbuf_printf(&ports, "%s/ports", c->o->run_dir);
    const char *const folders[] = {journal.data, ports.data, c->o->run_dir, c->o->cache_dir};
    bool windows = strcmp(process_platform(), "windows") == 0;
    for (size_t i = 0; i < ARRAY_LEN(folders) && !windows && !c->failed; i++) {
        if (setup_remove_folder(folders[i], &err) < 0) {
            cleanup_tell(c, folders[i], &err);
        }
    }
}

int cleanup_run(const struct options *o)
{
    struct cleanup c = {.o = o};
    struct process_lock *lock = NULL;
    struct err err = {0};
    if (agent_lock(o, &lock, &err) < 0) {
        log_msg(LOG_AREA_AGENT, LOG_ERROR, "%s", err.text);
        return 1;
    }
    if (options_has_acl(o)) {
        cleanup_lists(&c);
    } else {
        cleanup_routes(&c);
        cleanup_uplink(&c);
        cleanup_switch(&c);
        cleanup_pods(&c);
        cleanup_host(&c);
    }
    cleanup_cni(&c);
    cleanup_files(&c);
    cleanup_lock(&c, lock);
    cleanup_folders(&c);
    if (!c.failed) {
        log_msg(LOG_AREA_AGENT, LOG_INFO, "cleanup: nothing of Seine is left");
    }
    return c.failed ? 1 : 0;
}
