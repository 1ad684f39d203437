/* SPDX-License-Identifier: Apache-2.0
 *
 * The wiring of the engine: which tables, unit kinds and targets there are.  Programs make an
 * engine with world_engine(), fill the input tables of core/intent/tables.h through
 * engine_store(), and hand plans to targets. */
#ifndef SEINE_PIPELINE_WORLD_H
#define SEINE_PIPELINE_WORLD_H

#include "core/engine/engine.h"
#include "core/intent/tables.h"

struct engine *world_engine(void);
/* Only what the objects mean, without flows: for a verdict about another node. */
struct engine *world_engine_intents(void);
/* The same world for a node whose data plane is access lists (hns/acl.h): the same inputs and
 * intents, SPACE_ACL and SPACE_ACL_SET in place of flows. */
struct engine *world_engine_acl(void);
/* The same spaces with nothing derived into them: a target of it wants nothing at all (cleanup). */
struct engine *world_engine_empty(void);

#endif
