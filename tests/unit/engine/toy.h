/* SPDX-License-Identifier: Apache-2.0
 *
 * A toy world with every form of unit.
 *
 * Input "item": text of words.  Kind "item" (stage 1) gives each word a row of the derived table
 * "word": the item's key; several items' keys are merged to a sorted list.  Kind "word" (stage 2)
 * puts "word=items" into the target and the whole text of the items into it too, read by index.
 * The singleton "summary" (stage 3) counts the words.  A word "fail" fails its item, "clash"
 * contributes an item's own key to one row without a merge rule. */
#ifndef SEINE_TESTS_UNIT_ENGINE_TOY_H
#define SEINE_TESTS_UNIT_ENGINE_TOY_H

#include "core/engine/engine.h"

enum { TOY_ITEM, TOY_WORD, TOY_CLASH, TOY_N_TABLES };
enum { TOY_MAIN, TOY_SECOND, TOY_N_SPACES };

struct engine *toy_engine(void);
void toy_put(struct engine *e, const char *key, const char *words);
void toy_remove(struct engine *e, const char *key);
/* Desired value in TOY_MAIN as text in 'a', NULL: absent. */
const char *toy_desired(struct engine *e, const char *key, struct arena *a);

#endif
