/* SPDX-License-Identifier: Apache-2.0
 *
 * Small worlds for tests: objects from short texts into an engine's input tables.  Nothing is
 * derived until world_settle().  All functions fail the running cmocka test on bad input. */
#ifndef SEINE_TESTS_SUPPORT_WORLD_BUILDER_H
#define SEINE_TESTS_SUPPORT_WORLD_BUILDER_H

/* cmocka needs these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/engine/engine.h"
#include "core/intent/intent.h"
#include "core/k8s/object.h"

/* An engine with the input tables and the kinds that make intents; no data plane. */
struct engine *world_intents(void);

/* Objects of a YAML text, each a document with apiVersion and kind; a later one of the same name
 * replaces the earlier. */
void world_yaml(struct engine *e, const char *yaml);
/* "namespace/name"; labels as YAML flow map without braces ("app: web, tier: db"); addresses
 * divided by spaces; both may be "". */
void world_pod(struct engine *e, const char *key, const char *labels, const char *ips);
/* The same with further members of spec, status and metadata, each a YAML flow map without braces.
 */
struct world_pod {
    const char *key, *labels, *ips;
    const char *spec, *status, *meta;
};
void world_pod_full(struct engine *e, const struct world_pod *pod);
void world_namespace(struct engine *e, const char *name, const char *labels);
/* 'spec': YAML flow map without braces. */
void world_policy(struct engine *e, const char *key, const char *spec);
/* 'ips': cluster addresses divided by spaces, "" for none; 'ports': a YAML list without brackets
 * ("{port: 80}"). */
void world_service(struct engine *e, const char *key, const char *ips, const char *ports);
/* A slice "NAME-SUFFIX" of the Service 'key'; 'endpoints': addresses divided by spaces, of the
 * family of the first; one with '-' behind it is not ready, with '~' it ends but still serves. */
void world_slice(struct engine *e, const char *key, const char *suffix, const char *endpoints,
                 const char *ports);
void world_node(struct engine *e, const char *name, const char *cidrs, const char *ips);
void world_config(struct engine *e, const char *node_name);
void world_remove(struct engine *e, enum world_table table, const char *key);

/* An attachment; its key is "container/eth0" unless an interface is given.  'pod' NULL: without
 * identity. */
struct world_attachment {
    const char *container, *ifname, *pod, *uid, *ips;
    uint8_t subnet_len; /* of the podCIDR that the first address came from; 0: not known */
    uint64_t sequence;
    uint32_t ofport; /* 0: a number is made up */
    bool no_port;    /* Open vSwitch has none yet */
};
void world_attach(struct engine *e, const struct world_attachment *a);
/* An attachment of 'pod' whose container is called like its name. */
void world_attach_pod(struct engine *e, const char *pod, const char *ips);
void world_detach(struct engine *e, const char *container);

/* Derives all that is dirty. */
void world_settle(struct engine *e);
/* Derives everything again; the test fails with the differences if there are any. */
void world_recheck(struct engine *e);
/* world_recheck(), then engine_free(). */
void world_done(struct engine *e);
/* The reason of a failed unit, in 'a'; NULL: the unit has not failed. */
const char *world_failure(struct engine *e, const char *kind, const char *key, struct arena *a);
/* Value of a row, NULL: absent. */
const void *world_row(struct engine *e, enum world_table table, const char *key);
size_t world_count(struct engine *e, enum world_table table);

/* Whether the intents allow it, as far as the parties are attached here ("ns/pod" or address). */
bool world_allows(struct engine *e, const char *src, const char *dst, uint8_t proto, uint16_t port);
enum { TCP = 6, UDP = 17, SCTP = 132, ICMP = 1 };

#endif
