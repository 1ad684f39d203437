/* SPDX-License-Identifier: Apache-2.0
 *
 * Node objects to intents: what this node holds, and how the others are reached. */
#ifndef SEINE_NODE_NODE_INTENTS_H
#define SEINE_NODE_NODE_INTENTS_H

#include "core/engine/engine.h"

/* Unit kind "self", a singleton: TABLE_SELF from TABLE_CONFIG, this node's own object and the
 * attachments, whose podCIDRs may be former ones; no row while there is no object, or no podCIDR by
 * either. */
void node_self_derive(struct derive *d, const char *key);

/* Unit kind "remote", driven by TABLE_NODE: TABLE_REMOTE for every other node with a podCIDR.  The
 * tunnel goes to an address of a family that both nodes have, IPv4 first. */
void node_remote_derive(struct derive *d, const char *key);

#endif
