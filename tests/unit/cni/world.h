/* SPDX-License-Identifier: Apache-2.0
 *
 * A world for the agent's end of CNI: switch, system, objects and flows are played by lists here,
 * each can be told to fail, and nothing happens until world_pump().  Every act is a word in
 * world.trace, so that a test can hold the order. */
#ifndef SEINE_TESTS_CNI_WORLD_H
#define SEINE_TESTS_CNI_WORLD_H

#include "cni/attach.h"
#include "core/base/sbuf.h"

enum { WORLD_MAX = 64, WORLD_TIMEOUT_MS = 20000 };

struct world_port {
    char name[16];
    uint32_t ofport;
    bool internal;
    struct attach_id ids[16]; /* owned */
    size_t n_ids;
};
struct world_reply {
    int status;
    char body[2048];
};
struct world_event {
    attach_work_fn *run, *done;
    void *arg;
    attach_done_fn *port_done; /* instead of a work's done */
    struct err err;
};
struct world {
    struct attach *a;
    char run_dir[200], deletions[220];
    const char *netns;    /* of requests to come */
    bool hcn, late_ports; /* of the agent: from its next start on */
    struct attach_node node;
    struct prefix cidrs[2];
    int64_t now, timer;
    struct world_event events[WORLD_MAX];
    size_t n_events;
    struct world_port ports[WORLD_MAX];
    size_t n_ports;
    char interfaces[WORLD_MAX][16];
    size_t n_interfaces;
    char nics[WORLD_MAX][16]; /* devices of late ports */
    size_t n_nics;
    char rows[WORLD_MAX][64]; /* "key ofport" */
    size_t n_rows;
    char pods[WORLD_MAX][64]; /* "namespace/name/uid" */
    size_t n_pods;
    uint64_t revision;
    struct world_reply replies[WORLD_MAX];
    size_t n_replies;
    struct sbuf trace;
    uint32_t next_ofport;
    /* To fail on demand. */
    bool hold_acks, hold_ofport;
    int create_rc, delete_rc, port_add_rc, port_del_rc, check_rc, exists_rc, netns_rc, list_rc;
    int internal_rc;
    const char *port_error, *missing_netns;
    struct netif_pod created; /* strings borrowed: only numbers are to be looked at */
};

/* A ready node with podCIDR 10.9.0.0/24, switch there, records read. */
struct world *world_new(void);
/* The same before the switch was read: attach_switch_changed() is the test's. */
struct world *world_new_unread(void);
void world_free(struct world *w);
/* Ends the agent and starts another one on the same switch, system and files. */
void world_restart(struct world *w, bool read);
void world_pump(struct world *w);              /* until nothing is left to do */
bool world_step(struct world *w);              /* one event; false if there was none */
void world_sleep(struct world *w, int64_t ms); /* and pumps */
void world_connect(struct world *w, bool ready);
void world_know_pod(struct world *w, const char *pod); /* "namespace/name/uid" */
void world_set_families(struct world *w, const char *first, const char *second);

/* Sends a request; the configuration's part after the name, "" for none. Not pumped. */
struct attach_call *world_send(struct world *w, const char *verb, const char *container,
                               const char *args, const char *more);
/* Sends, pumps, and returns the last reply, which must be new. */
const struct world_reply *world_ask(struct world *w, const char *verb, const char *container,
                                    const char *args, const char *more);
/* The last reply is an error of that code that tells 'part', or a success with 'part' (code 0). */
void world_expect(const struct world *w, int code, const char *part);
/* Numbers of interfaces, ports, rows and attachments. */
void world_expect_counts(const struct world *w, size_t n);
const struct world_port *world_port_of(const struct world *w, const char *container);
const char *world_id(const struct world_port *p, const char *key);
void world_add_port(struct world *w, const char *name, const struct attach_id *ids, size_t n);
void world_add_interface(struct world *w, const char *name);
void world_tell_ports(struct world *w);
/* Windows: namespaces of HCN, ports whose device (of that port) comes when told. */
struct world *world_new_windows(void);
void world_add_nic(struct world *w, const char *name);

#endif
