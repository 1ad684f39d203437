/* SPDX-License-Identifier: Apache-2.0
 *
 * What another node decides about its Pods, derived here: from the same objects, in an engine of
 * its own that has those Pods attached as their node's agent has them. */
#ifndef SEINE_AGENT_WHY_ELSEWHERE_H
#define SEINE_AGENT_WHY_ELSEWHERE_H

#include "core/engine/engine.h"

enum { WHY_ELSEWHERE_MAX = 64 }; /* Pods of one question */

/* An engine with these Pods ("namespace/name"; NULL is passed over) of other nodes than 'node'
 * attached, at most WHY_ELSEWHERE_MAX; NULL if there is none of them.  With Pods of several nodes
 * it is good for traffic from one Pod to another, not for that of a node's own address.  */
struct engine *why_elsewhere(const struct store *s, const char *node, const char *const *pods,
                             size_t n);
/* Gives its memory back to the system: the next question is far away.  NULL is fine. */
void why_elsewhere_free(struct engine *e);

#endif
