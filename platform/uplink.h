/* SPDX-License-Identifier: Apache-2.0
 *
 * Platform contract: the node's adapters, as far as taking one over as uplink needs them: what an
 * adapter has, putting it back (onto it or onto another adapter), and its name.
 *
 * Only facts and single acts are here.  In which order, when to wait, what to do after a crash is
 * hns/uplink.h, which is portable.  An adapter or address that is waited for is looked for again:
 * the system's notifications are hints at best.
 *
 * All calls block for some milliseconds and run on the work queue, never on the loop; they share no
 * state but the system.  Errors, where not said otherwise: ERR_PERMISSION, ERR_IO (err->os_code is
 * the system's own), ERR_UNSUPPORTED (not on this system). */
#ifndef SEINE_PLATFORM_UPLINK_H
#define SEINE_PLATFORM_UPLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/addr.h"
#include "core/base/err.h"
#include "core/base/guid.h"

/* Where an address, a route or a list of DNS servers comes from.  What is not manual comes back by
 * itself: it is put back only to bridge the time until then, and router advertisements' never. */
enum uplink_origin { UPLINK_MANUAL, UPLINK_DHCP, UPLINK_AUTO, UPLINK_N_ORIGINS };

enum {
    UPLINK_NAME_MAX = 256, /* bytes of UTF-8 with the NUL */
    UPLINK_SUFFIX_MAX = 256,
    UPLINK_ADDRESSES_MAX = 64,
    UPLINK_ROUTES_MAX = 256,
    UPLINK_SERVERS_MAX = 16,
};

struct uplink_address {
    struct prefix address; /* host bits kept */
    enum uplink_origin origin;
};
struct uplink_route { /* by a next hop; those of the adapter's own prefixes come with addresses */
    struct prefix destination;
    struct ip next_hop;
    uint32_t metric;
    enum uplink_origin origin;
};

/* An adapter of the node's own network compartment, a plain value.  Link-local addresses are left
 * out: they belong to the adapter. */
struct uplink_adapter {
    char name[UPLINK_NAME_MAX]; /* the alias: "Ethernet0" */
    struct guid guid;
    struct mac mac;
    bool physical; /* a NIC (of the machine or of the virtual machine), no virtual switch's */
    bool up;
    uint32_t mtu;
    uint32_t metric[2]; /* interface metric of IPv4 and IPv6; 0: automatic */
    bool dhcp;          /* IPv4 addresses are asked for */
    size_t n_addresses, n_routes, n_servers;
    struct uplink_address addresses[UPLINK_ADDRESSES_MAX];
    struct uplink_route routes[UPLINK_ROUTES_MAX];
    enum uplink_origin dns; /* of the servers */
    struct ip servers[UPLINK_SERVERS_MAX];
    char suffix[UPLINK_SUFFIX_MAX]; /* the adapter's own DNS suffix; "" */
};

/* The adapter of that alias (case counts not) / GUID / with that address.  ERR_NOT_FOUND: there is
 * none now.  ERR_TOO_BIG: it has more than the limits above; nothing is left out silently. */
int uplink_adapter_by_name(const char *name, struct uplink_adapter *out, struct err *err);
int uplink_adapter_by_guid(const struct guid *guid, struct uplink_adapter *out, struct err *err);
int uplink_adapter_by_address(const struct ip *ip, struct uplink_adapter *out, struct err *err);

/* Gives the adapter 'guid' what it lacks of 'want': addresses, routes, DNS servers and suffix,
 * interface metrics, MTU.  What it has beside stays; what it has already is left alone, so doing it
 * again is doing nothing.  The name is not touched.  Addresses that are not manual are given only
 * if their turn to come by themselves is over: with 'all'.  ERR_NOT_FOUND: no such adapter. */
int uplink_adapter_restore(const struct guid *guid, const struct uplink_adapter *want, bool all,
                           struct err *err);

/* Gives the adapter that alias.  It may have it already.  ERR_EXISTS: another one has it.
 * ERR_NOT_FOUND: no such adapter. */
int uplink_adapter_rename(const struct guid *guid, const char *name, struct err *err);

#endif
