/* SPDX-License-Identifier: Apache-2.0
 *
 * Printed access lists of a small world. */
#ifndef SEINE_TESTS_UNIT_HNS_LISTS_H
#define SEINE_TESTS_UNIT_HNS_LISTS_H

#include "tests/support/world_builder.h"

/* The world of access lists with node n1 (10.1.0.0/24, 192.0.2.1, and IPv6) and a version. */
struct engine *lists_world(uint32_t major, uint32_t minor);
/* A Pod with an object of the same addresses, attached. */
void lists_pod(struct engine *e, const char *key, const char *labels, const char *ips);
/* One rule: "NAMESPACE/POD DIRECTION PRIORITY ACTION PROTOCOL PEERS PORTS", "*" for all. */
void expect_rule(struct engine *e, const char *rule);
/* So many rules of the Pod in the direction ("In", "Out"). */
void expect_rules(struct engine *e, const char *pod, const char *direction, size_t n);
/* The lines that would go to stderr, whole. */
void expect_unsaid(struct engine *e, const char *text);

#endif
