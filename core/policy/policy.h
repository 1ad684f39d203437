/* SPDX-License-Identifier: Apache-2.0
 *
 * The unit kinds of NetworkPolicy: policies, Pods and Namespaces to resolved rules, address sets
 * and their members (layouts: core/intent/intent.h).
 *
 * Direction of the data: a policy that selects no Pod attached here leaves nothing.  One that does
 * leaves its rules, the sets that they name, and an APPLIED row for each such Pod.  Sets carry
 * anchors; each Pod of the cluster looks up the sets that its own labels point to and says in its
 * MEMBER row which of them it is in. */
#ifndef SEINE_POLICY_POLICY_H
#define SEINE_POLICY_POLICY_H

#include "core/engine/engine.h"
#include "core/intent/intent.h"

/* Stage 3, driven by TABLE_POLICY: kind "policy".  Reads TABLE_POLICY, TABLE_LOCAL, TABLE_POD;
 * writes TABLE_RULE, TABLE_SET, TABLE_APPLIED.  Fails (derive_fail) where an ipBlock less its
 * exceptions takes more than POLICY_MAX_PREFIXES prefixes; that peer is left out then. */
enum { POLICY_MAX_PREFIXES = 4096 };
void policy_derive(struct derive *d, const char *key);

/* Stage 4, singleton: kind "rule_id".  Reads TABLE_RULE, writes TABLE_RULE_ID. */
void policy_rule_id_derive(struct derive *d, const char *key);
/* Gives each of the n rules, sorted and different, its id: its hash of 32 bits, or, where a rule
 * before it has that, the next number that no rule has.  Never 0.  'hash' is rule_id_hash outside
 * tests. */
typedef uint32_t policy_hash_fn(const struct intent_id *rule);
void policy_rule_id_assign(const struct intent_id *rules, size_t n, policy_hash_fn *hash,
                           uint32_t *ids_out);

/* Stage 4, driven by TABLE_POD: kind "member"; driven by TABLE_LOCAL: kind "member_bare", for
 * containers that are Pods of their own and have no object.  Both read TABLE_SET by anchor,
 * TABLE_NAMESPACE, TABLE_LOCAL, TABLE_POD, and write TABLE_MEMBER. */
void policy_member_derive(struct derive *d, const char *key);
void policy_member_bare_derive(struct derive *d, const char *key);

#endif
