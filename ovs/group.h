/* SPDX-License-Identifier: Apache-2.0
 *
 * Groups as bytes, for the engine: OpenFlow 1.5 group entries.
 *   key   = group id (4, big endian)
 *   value = type (1) | buckets length (4) | buckets in wire form | properties in wire form
 * Canonical: equal groups have equal bytes, built here or decoded from a switch's dump. */
#ifndef SEINE_OVS_GROUP_H
#define SEINE_OVS_GROUP_H

#include "ovs/flow.h"

enum group_type { GROUP_ALL = 0, GROUP_SELECT = 1, GROUP_INDIRECT = 2, GROUP_FF = 3 };
enum { GROUP_KEY_LEN = 4, GROUP_VALUE_MIN = 5 };

struct group_bucket {
    uint32_t id;                   /* bucket id; unique in the group */
    uint16_t weight;               /* GROUP_SELECT only */
    const struct actions *actions; /* goto and meter are not allowed in a bucket */
};
struct group {
    enum group_type type;
    const struct group_bucket *buckets;
    size_t n_buckets;
    /* GROUP_SELECT: "hash" or "dp_hash" selection method; NULL: the switch's default. */
    const char *selection_method;
    uint64_t selection_param;
    /* Fields that the hash method uses, all their bits; NULL: none given. */
    const enum field *fields;
    size_t n_fields;
};

/* Appends the key / value form. */
void group_key_encode(uint32_t id, struct sbuf *out);
void group_value_encode(const struct group *g, struct sbuf *out);
/* Calls 'fn' with the address and port of each bucket's ct(nat(dst=...)), in their order; buckets
 * that do something else, and what is malformed, are left out.  Returns the parameter of the
 * selection method, 0 if there is none. */
typedef void group_target_fn(void *aux, const struct ip *ip, uint16_t port);
uint64_t group_targets(struct bytes value, group_target_fn *fn, void *aux);
/* Appends one group in `ovs-ofctl -O OpenFlow15 dump-groups` text, without leading blank and
 * newline: "group_id=1,type=select,...".  0, or ERR_TRUNCATED, ERR_INVALID, ERR_UNSUPPORTED. */
int group_format(struct bytes key, struct bytes value, struct sbuf *out, struct err *err);

#endif
