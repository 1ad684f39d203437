/* SPDX-License-Identifier: Apache-2.0
 *
 * Platform contract: interfaces, in two halves: those of Pods, and the node's own devices.  On
 * Windows a Pod's interface is an HNS endpoint, which hns/pod_endpoint.h makes: there the first
 * half answers ERR_UNSUPPORTED, but for netif_exists() and netif_pod_nic_exists().  All calls may
 * block for some milliseconds and run on the work queue, never on the loop; they share no state but
 * the system.  Errors: ERR_NOT_FOUND (network namespace or interface absent), ERR_EXISTS,
 * ERR_PERMISSION, ERR_IO; text names the object. */
#ifndef SEINE_PLATFORM_NETIF_H
#define SEINE_PLATFORM_NETIF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/addr.h"
#include "core/base/err.h"

/* ---- Pods' interfaces ---- */

struct netif_address {
    struct prefix address; /* address with the subnet's length, host bits kept */
    struct ip gateway;
};
struct netif_pod {
    const char *netns;     /* Linux: path; Windows: HCN namespace GUID */
    const char *host_name; /* host-side interface, at most 15 bytes */
    const char *pod_name;  /* name inside: eth0 */
    struct mac mac;        /* of the Pod's side */
    uint32_t mtu;
    const struct netif_address *addresses;
    size_t n_addresses;
    bool userspace_datapath; /* netdev: transmit checksums off inside, ingress guard outside */
    const char *dns;         /* Windows: CNI's dns object as JSON, NULL or "": none.  Elsewhere the
                              * runtime writes resolv.conf */
    const char *proc_sys;    /* Linux: where sysctls are written, NULL: /proc/sys, which a container
                              * may only read */
    const char *owner;       /* kept with the host side: netif_pod_list() finds it; may be NULL */
};
/* Makes the pair, both ends up and configured (addresses, default routes by the gateways, MTU).
 * What it made is removed again if it fails.  ERR_EXISTS: pod_name is taken in the namespace. */
int netif_pod_create(const struct netif_pod *pod, struct err *err);
/* Removes both ends.  ERR_NOT_FOUND never: absent is success. */
int netif_pod_delete(const char *host_name, struct err *err);
/* Compares what is there with 'pod' (CHECK).  ERR_CONFLICT names the first difference. */
int netif_pod_check(const struct netif_pod *pod, struct err *err);
/* Whether a network namespace exists: 0, ERR_NOT_FOUND, ERR_INVALID (not one). */
int netif_netns_check(const char *netns, struct err *err);
bool netif_exists(const char *host_name);
/* Whether the device that Open vSwitch opens for a Pod's port is there, in whatever network
 * namespace or compartment.  Linux: the host-side interface itself.  Windows: a NIC "vEthernet
 * (NAME)" or NAME, which comes some time after its endpoint was attached. */
bool netif_pod_nic_exists(const char *host_name);
/* Windows: sets the MTU of that NIC, both families, in whatever compartment it is; HNS has none of
 * its own.  ERR_NOT_FOUND: it is not there, or speaks no IP (yet).  Linux: ERR_UNSUPPORTED, since
 * netif_pod_create() has set it. */
int netif_pod_set_mtu(const char *host_name, uint32_t mtu, struct err *err);
/* Host-side interfaces that netif_pod_create() made for 'owner' and that are still there, in byte
 * order; the caller frees each and the array.  Guards that outlived their interface (its namespace
 * went while nobody looked) are removed on the way. */
int netif_pod_list(const char *owner, char ***names_out, size_t *n_out, struct err *err);

/* ---- the node's own devices.  Windows finds one by its alias NAME, else "vEthernet (NAME)" ----
 */

/* Makes a device of this node up with exactly these addresses (of Seine's; foreign link-local ones
 * stay), MTU and MAC: the gateway port. */
struct netif_device {
    const char *name;
    uint32_t mtu;
    struct mac mac;
    const struct prefix *addresses; /* host bits kept */
    size_t n_addresses;
    bool userspace_datapath;
};
int netif_device_set(const struct netif_device *dev, struct err *err);
/* MTU of the interface that holds 'address', or that routes towards the default. ERR_NOT_FOUND. */
int netif_mtu_of_address(const struct ip *address, uint32_t *mtu_out, struct err *err);
/* Forwarding of both families.  Linux: of the whole network namespace, through 'proc_sys'. Windows:
 * between the gateway and the adapter that has the node's address ('uplink'; family 0: none); a
 * family that an adapter does not speak is left out.  ERR_NOT_FOUND: no gateway (Windows). */
struct netif_forwarding {
    const char *proc_sys, *gateway;
    struct ip uplink;
};
int netif_enable_forwarding(const struct netif_forwarding *f, struct err *err);
/* Removes the guards and what else netif made outside the pairs (cleanup). */
int netif_cleanup(struct err *err);

#endif
