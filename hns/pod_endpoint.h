/* SPDX-License-Identifier: Apache-2.0
 *
 * Pods' interfaces on Windows: one HNS endpoint a Pod, in Seine's network, attached to the HCN
 * namespace that the runtime made for the Pod's sandbox.  This is what cni/attach.h drives there in
 * place of platform/netif.h's Pod half.
 *
 * The endpoint's name is the port's: the host-side name that cni/ gives.  Its GUID is made from
 * that name and the owner (the gateway's name), so that it is found, and known as ours, without a
 * record of its own: an endpoint is ours if its GUID is the one that its name gives.  Others are
 * never touched.
 *
 * What differs from Linux:
 *   - An endpoint that is not attached is half made: it does not count as there (exists), and the
 *     next create goes on with it.
 *   - Before an endpoint is made, endpoints with one of its addresses are looked for: a left-over
 *     one is known to swallow the new one's traffic.  One of ours that is not attached, or whose
 *     namespace is gone, is removed; any other is an error that names it.
 *   - IPv6 needs an HNS with dual stack: without it a Pod with an IPv6 address is refused.
 *   - HNS has no MTU of endpoints: that of the NIC, inside its compartment, is set as soon as the
 * NIC is there; before it is, the Pod's port waits (nic_exists).
 *   - DNS servers are the endpoint's: netif_pod.dns.
 *   - The service may be away: ERR_AGAIN, and nothing is taken for absent.
 *
 * After a restart of the service endpoints may be gone while their namespaces live: pod_create with
 * the record's values makes them again, the same GUID, addresses and MAC.  After a reboot
 * the namespaces are gone too: pod_create says ERR_NOT_FOUND, and the record goes by GC or DEL.
 *
 * All calls block and are for work threads, any number at once. */
#ifndef SEINE_HNS_POD_ENDPOINT_H
#define SEINE_HNS_POD_ENDPOINT_H

#include "cni/attach.h"
#include "hns/client.h"

struct pod_endpoint;
struct pod_endpoint_config {
    struct hns_client *hns;               /* borrowed */
    const char *network;                  /* NULL: NETWORK_NAME */
    const char *owner;                    /* the gateway's name */
    bool (*nic_exists)(const char *name); /* NULL: netif_pod_nic_exists */
    const struct hcn_policies *policies;  /* that an endpoint is made with; borrowed; NULL: none */
    /* The MTU of a Pod's NIC, in whatever compartment.  ERR_NOT_FOUND: it is not there (yet), asked
     * again; other errors hold nothing back.  NULL: netif_pod_set_mtu. */
    int (*set_mtu)(const char *name, uint32_t mtu, struct err *err);
};
struct pod_endpoint *pod_endpoint_new(const struct pod_endpoint_config *config);
void pod_endpoint_free(struct pod_endpoint *p); /* no call is under way; NULL is fine */

/* The GUID of the endpoint 'name' of 'owner'. */
struct guid pod_endpoint_id(const char *owner, const char *name);

/* As struct attach_system says.  Errors: ERR_AGAIN and ERR_TIMEOUT (the service), and
 *   create   ERR_INVALID (netns is no GUID, or the host's own), ERR_NOT_FOUND (no such namespace),
 *            ERR_EXISTS (our endpoint is there, and another: it differs, or is in another
 *            namespace), ERR_CONFLICT (an address is held), ERR_UNSUPPORTED
 *   check    ERR_CONFLICT: the first difference
 * What create made is removed again if it fails, as far as the service lets it. */
int pod_endpoint_create(struct pod_endpoint *p, const struct netif_pod *pod, struct err *err);
int pod_endpoint_delete(struct pod_endpoint *p, const char *name, struct err *err);
int pod_endpoint_check(struct pod_endpoint *p, const struct netif_pod *pod, struct err *err);
int pod_endpoint_netns_check(struct pod_endpoint *p, const char *netns, struct err *err);
/* 1: there and attached; 0; or an error. */
int pod_endpoint_exists(struct pod_endpoint *p, const char *name, struct err *err);
int pod_endpoint_list(struct pod_endpoint *p, const char *owner, char ***names_out, size_t *n_out,
                      struct err *err);
bool pod_endpoint_nic_exists(struct pod_endpoint *p, const char *name);

/* The same as a struct attach_system, which has no object: it acts on the one that was bound last
 * (before any call; NULL: unbinds). */
extern const struct attach_system pod_endpoint_system;
void pod_endpoint_bind(struct pod_endpoint *p);

#endif
