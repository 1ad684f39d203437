/* SPDX-License-Identifier: Apache-2.0
 *
 * NetworkPolicies to intents.  See core/intent/intent.h for what the rows mean. */
#ifndef SEINE_POLICY_POLICY_H
#define SEINE_POLICY_POLICY_H

#include <stddef.h>
#include <stdint.h>

#include "core/engine/engine.h"
#include "core/intent/intent.h"

/* Exceptions of one ipBlock may split it into at most so many prefixes; beyond that the peer is
 * left out (nothing is opened) and the policy's unit fails. */
enum { POLICY_MAX_PREFIXES = 4096 };

/* Unit kind "policy", driven by TABLE_POLICY: RULE, SET and APPLIED rows, none if the policy
 * selects no attached Pod. */
void policy_rules_derive(struct derive *d, const char *key);

/* Unit kind "rule_id", a singleton: RULE_ID rows for rules whose 32-bit hash another one has. */
void policy_rule_id_derive(struct derive *d, const char *key);
/* Its pure part.  'rules' in ascending order; ids_out[i] is the id of rules[i]: never 0, all
 * different, and equal to rule_id_hash() for all but the later ones of those that share it. */
void policy_assign_ids(const struct intent_id *rules, size_t n, uint32_t *ids_out);

/* Unit kinds "member", driven by TABLE_POD, and "bare_member", driven by TABLE_LOCAL for attached
 * Pods without an object: the MEMBER row of a Pod. */
void policy_member_derive(struct derive *d, const char *key);
void policy_bare_member_derive(struct derive *d, const char *key);

#endif
