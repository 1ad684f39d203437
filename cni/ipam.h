/* SPDX-License-Identifier: Apache-2.0
 *
 * Addresses of this node's Pods.  One pool for each podCIDR; the network address, the first address
 * (the gateway's) and, with IPv4, the last one (broadcast) are never given.  The address that was
 * released longest ago is given first, and one that was never given counts as released before all
 * others; so an address just released is the last to come again.
 *
 * Pure: holds no record of its own.  At start the caller holds the addresses of the ports' records
 * and tells the history of releases that it kept.  At most IPAM_POOL_MAX addresses of a podCIDR are
 * used, which bounds the memory. */
#ifndef SEINE_CNI_IPAM_H
#define SEINE_CNI_IPAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/addr.h"
#include "core/base/err.h"

enum { IPAM_POOL_MAX = 65536, IPAM_MAX_POOLS = 8, IPAM_MAX_IPS = 2 };

struct ipam;
struct ipam *ipam_new(void);
void ipam_free(struct ipam *m); /* NULL is fine */

/* The podCIDRs from now on, several of one family are used in order; those that can hold no Pod
 * give nothing.  Addresses that are held stay held, in or out of the pools. */
void ipam_set_pools(struct ipam *m, const struct prefix *cidrs, size_t n);
/* One free address of each family that has a pool.  Nothing is held if one family has none left:
 * ERR_EXHAUSTED naming the podCIDR; ERR_AGAIN if there is no pool at all. */
int ipam_allocate(struct ipam *m, struct ip out[IPAM_MAX_IPS], size_t *n_out, struct err *err);
/* Holds this free address of a pool.  ERR_NOT_FOUND: in no pool, or never given; ERR_EXISTS: held.
 */
int ipam_take(struct ipam *m, const struct ip *ip, struct err *err);
/* Holds an address that a record has, in whatever pool or none; each hold needs its release. */
void ipam_hold(struct ipam *m, const struct ip *ip);
/* Gives up one hold: the address goes to the end of the queue of its pool. */
void ipam_release(struct ipam *m, const struct ip *ip);
/* At start: this address was released, later than those told before; no matter if it is held. */
void ipam_was_released(struct ipam *m, const struct ip *ip);
/* The released addresses of each family, the one released longest ago first. */
typedef void ipam_released_fn(void *aux, const struct ip *ip);
void ipam_each_released(const struct ipam *m, ipam_released_fn *fn, void *aux);

/* The podCIDR that has this address, and its gateway.  False: none has. */
bool ipam_pool_of(const struct ipam *m, const struct ip *ip, struct prefix *cidr_out,
                  struct ip *gateway_out);
size_t ipam_n_pools(const struct ipam *m);
/* Addresses left for one family. */
uint64_t ipam_n_free(const struct ipam *m, uint8_t family);
bool ipam_has_family(const struct ipam *m, uint8_t family);
/* Whether ipam_allocate() would fail now. */
bool ipam_is_exhausted(const struct ipam *m);

#endif
