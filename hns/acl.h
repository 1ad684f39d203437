/* SPDX-License-Identifier: Apache-2.0
 *
 * Intents to access lists of the Host Networking Service, for nodes without Open vSwitch: unit
 * kinds, what they leave in the store and in their targets' desired sets, and how it is printed.
 * The design and its limits: docs/windows-hns.md.
 *
 * Meaning of a list.  The lowest Priority number decides.  NetworkPolicies only allow, so a list
 * has three layers, and rules of one layer have one Action: explicit Allow of the addresses that no
 * policy touches (the node's own, inward; the Pod's own), Allow of what rules allow, and the base
 * rule that decides the rest: Block where a policy isolates that direction, else Allow.  Every
 * list has a base rule each way.  A Pod whose attachment is superseded or has no object has a list
 * that blocks both ways.
 *
 * What the service cannot say stays blocked and is told once: a row of TABLE_UNSAID whose key is
 * the line, "policy NAMESPACE/NAME: ..." or "node NAME: ...". */
#ifndef SEINE_HNS_ACL_H
#define SEINE_HNS_ACL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/engine/engine.h"
#include "core/intent/tables.h"
#include "hns/document.h"

/* The version of the service that lists are for if nobody says another one: with IPv6, without
 * sets. */
#define ACL_DEFAULT_VERSION "11.10"
/* Of a node's configuration. */
struct hcn_version acl_version(const struct node_config *c);

/* ---- limits ---- */
enum {
    ACL_MAX_IN_RULE = 1000,     /* addresses in one rule; more become further rules beside it */
    ACL_MAX_ADDRESSES = 65536,  /* of one set, and of one direction of a list */
    ACL_MAX_TERMS = 1000,       /* protocols and ports of one direction of a list */
    ACL_MAX_PORT_RANGES = 1000, /* of one protocol in one rule */
};

/* ---- unit kinds ---- */
/* Driven by TABLE_SET: TABLE_PEERS, and SPACE_ACL_SET where the version has sets. */
void acl_peers_derive(struct derive *d, const char *key);
/* Driven by TABLE_LOCAL: one entry of SPACE_ACL an endpoint, its key the attachment's; rows of
 * TABLE_UNSAID.  The value is text: "NAMESPACE/POD" and then one endpoint policy a line as compact
 * JSON, exactly as it goes to the service, sorted by direction, priority and text. */
void acl_derive(struct derive *d, const char *key);

/* ---- printing ---- */
/* "# acls", then a line a rule, "NAMESPACE/POD JSON", sorted by Pod, direction, priority and text;
 * where the version has sets "# sets" and a line a set.  'installed' chooses the system's side. */
void acl_print(struct engine *e, bool installed, struct sbuf *out);
/* The lines of TABLE_UNSAID and of policies that could not be resolved whole, sorted. */
void acl_print_unsaid(struct engine *e, struct sbuf *out);

#endif
