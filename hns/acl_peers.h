/* SPDX-License-Identifier: Apache-2.0
 *
 * Addresses of a set, gathered: a row of TABLE_PEERS.  A set with a port name has one group for
 * each number that its members give the name; any other set has the one group (0, 0). */
#ifndef SEINE_HNS_ACL_PEERS_H
#define SEINE_HNS_ACL_PEERS_H

#include <stdint.h>

#include "core/intent/intent.h"

struct acl_group {
    uint8_t proto, pad;
    uint16_t port;
    uint32_t first; /* position of its prefixes in the row's */
    uint32_t n_ipv4, n_ipv6;
};
struct acl_peers {
    uint32_t n_groups, n_prefixes;
    struct acl_group groups[]; /* by protocol and port */
    /* struct prefix prefixes[]: each group's merged (prefix_merge), IPv4 first */
};
const struct prefix *acl_peers_prefixes(const struct acl_peers *p);

#define ACL_SET_PREFIX "seine-" /* of every id of ours */
/* The id by which rules name a group's addresses of one family; in 'out'. */
void acl_set_name(const struct intent_id *set, const struct acl_group *g, uint8_t family,
                  struct sbuf *out);
/* Appends prefixes divided by commas. */
void acl_put_prefixes(const struct prefix *v, size_t n, struct sbuf *out);
/* Whether a group is more than one list may hold. */
bool acl_group_is_too_big(const struct acl_group *g);

#endif
