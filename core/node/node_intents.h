/* SPDX-License-Identifier: Apache-2.0
 *
 * Unit kinds "self" and "remote": Node objects to rows of TABLE_SELF and TABLE_REMOTE. */
#ifndef SEINE_NODE_NODE_INTENTS_H
#define SEINE_NODE_NODE_INTENTS_H

#include "core/engine/engine.h"

/* Stage 1, singleton: this node.  Reads TABLE_CONFIG and its own row of TABLE_NODE; writes the one
 * row of TABLE_SELF, none while the Node object is not there. */
void node_self_derive(struct derive *d, const char *key);

/* Stage 2, driven by TABLE_NODE: another node.  Reads TABLE_NODE, TABLE_CONFIG, TABLE_SELF; writes
 * the row of TABLE_REMOTE that has the node's name, none for this node. */
void node_remote_derive(struct derive *d, const char *key);

#endif
