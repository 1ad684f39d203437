/* SPDX-License-Identifier: Apache-2.0
 *
 * Interfaces, their addresses and routes by rtnetlink.  A function that only asks the kernel
 * returns 0 or an errno value (see nl_err()), so that the caller can say what it was about. */
#ifndef SEINE_PLATFORM_LINUX_LINK_H
#define SEINE_PLATFORM_LINUX_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/addr.h"
#include "platform/linux/nl.h"

enum { LINK_NAME_SIZE = 16, LINK_ALIAS_SIZE = 256 };
struct link_info {
    int index;
    bool up;
    uint32_t mtu;
    struct mac mac;
    char name[LINK_NAME_SIZE];
    char alias[LINK_ALIAS_SIZE];
};
int link_get(struct nl *nl, const char *name, struct link_info *out); /* ENODEV */
int link_get_index(struct nl *nl, int index, struct link_info *out);
typedef void link_fn(const struct link_info *link, void *aux);
int link_each(struct nl *nl, link_fn *fn, void *aux);

/* A veth pair: 'host' here, 'peer' with MTU and MAC in the namespace 'peer_ns_fd'. */
struct link_veth {
    const char *host, *peer;
    int peer_ns_fd;
    uint32_t mtu;
    struct mac peer_mac;
};
int link_create_veth(struct nl *nl, const struct link_veth *veth);
int link_delete(struct nl *nl, const char *name); /* ENODEV */
/* Changes what is asked for: 0, NULL or false leave a property alone. */
struct link_change {
    uint32_t mtu;
    const struct mac *mac;
    const char *alias;
    bool up;
    bool mute; /* answers no ARP, has no IPv6 address of its own making */
};
int link_change(struct nl *nl, int index, const struct link_change *c);

struct link_address {
    int index;
    struct prefix prefix; /* host bits kept */
    bool link_local;
};
typedef void link_address_fn(const struct link_address *a, void *aux);
int link_address_each(struct nl *nl, link_address_fn *fn, void *aux);
/* IPv6 without duplicate address detection: usable at once. EEXIST. */
int link_address_add(struct nl *nl, int index, const struct prefix *address);
int link_address_del(struct nl *nl, int index, const struct prefix *address);

struct link_route {
    struct prefix dst;
    struct ip gateway; /* family 0: none */
    int index;         /* 0: none */
    uint32_t metric;
    uint8_t protocol;
    bool onlink; /* the gateway need not be in a connected network */
};
int link_route_set(struct nl *nl, const struct link_route *r); /* adds or replaces */
int link_route_del(struct nl *nl, const struct link_route *r); /* ESRCH */
/* Routes of the main table with one next hop at most. */
typedef void link_route_fn(const struct link_route *r, void *aux);
int link_route_each(struct nl *nl, link_route_fn *fn, void *aux);

struct link_neighbour {
    int index;
    struct ip ip;
    struct mac mac;
    uint8_t protocol;
};
int link_neighbour_set(struct nl *nl, const struct link_neighbour *n); /* permanent */
int link_neighbour_del(struct nl *nl, const struct link_neighbour *n); /* ENOENT */
typedef void link_neighbour_fn(const struct link_neighbour *n, void *aux);
/* Of one interface, or (index 0) of all. */
int link_neighbour_each(struct nl *nl, int index, link_neighbour_fn *fn, void *aux);

/* Address of 'n' bytes from the wire; family 0 if it is neither 4 nor 16. */
struct ip link_ip(const void *p, size_t n);

/* sysctl.c: writes PROC_SYS/NAME unless it has the value. */
int sysctl_set(const char *proc_sys, const char *name, const char *value, struct err *err);

/* offload.c: transmit checksums of an interface off, from within namespace 'ns_fd' (-1: here).
 * Returns 0 or an errno value. */
int offload_tx_off(int ns_fd, const char *name);

/* guard.c: the node's own stack takes nothing from 'name' (Open vSwitch's userspace datapath still
 * gets every frame).  Returns 0 or an error; removing what is absent is success. */
int guard_add(const char *name, struct err *err);
int guard_remove(const char *name, struct err *err);
int guard_remove_all(struct err *err);
int guard_tidy(struct err *err); /* removes those whose interface is gone */

#endif
