/* SPDX-License-Identifier: Apache-2.0
 *
 * What one direction of a Pod is allowed, as terms: a protocol, its ports, and the peers.  Terms
 * of equal protocol and ports become one, whichever policies they come from, so that a list says
 * the same however the policies are divided. */
#ifndef SEINE_HNS_ACL_TERMS_H
#define SEINE_HNS_ACL_TERMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/mem.h"
#include "core/base/vec.h"
#include "core/intent/intent.h"

struct acl_term {
    uint8_t proto;     /* 0: every protocol */
    bool anyone;       /* then no prefixes and no sets */
    const char *ports; /* "80,8080-8090"; "": all */
    VEC(struct prefix) prefixes;
    VEC(const char *) sets; /* ids */
};
struct acl_terms {
    VEC(struct acl_term) v;
    size_t n_addresses; /* of all terms, as they are now; sets count as one */
};

/* A new term without peers; 'ports' must live as long as the terms do. */
struct acl_term *acl_terms_add(struct acl_terms *t, uint8_t proto, const char *ports);
/* Joins equal terms and merges their prefixes; sorted by protocol and ports.  One that allows all
 * to everyone is all that is left. */
void acl_terms_merge(struct acl_terms *t);
/* Drops the terms from position 'n' on. */
void acl_terms_cut(struct acl_terms *t, size_t n);
void acl_terms_done(struct acl_terms *t);

/* The ranges of one protocol as text, joined where they meet; they are sorted by their first
 * port.  In 'a'; "" if they are all ports.  NULL: more than ACL_MAX_PORT_RANGES. */
const char *acl_ports_text(const struct rule_port *v, size_t n, struct arena *a);

#endif
