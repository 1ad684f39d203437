/* SPDX-License-Identifier: Apache-2.0
 *
 * Seine's HNS network: type Transparent, bound to one adapter, with Open vSwitch's extension of the
 * virtual switch, and the node's podCIDRs as its subnets.  Pods' endpoints are made in it.
 *
 * HNS networks do not survive a reboot, and a restart of the service may lose them: whoever calls
 * network_ensure() again has it made anew.  Making and deleting it moves the adapter to a virtual
 * switch and back, which cuts the node off for moments: hns/uplink.h says when.
 *
 * It is found by its GUID, which is made from its name, and where the service gave it another one,
 * by its name.  A network of that name that differs is somebody's mistake or somebody else's: one
 * clear error, and it is left alone. */
#ifndef SEINE_HNS_NETWORK_H
#define SEINE_HNS_NETWORK_H

#include "hns/client.h"

#define NETWORK_NAME "seine"

struct network_spec {
    const char *name;    /* NETWORK_NAME */
    const char *adapter; /* alias of the adapter it is bound to; NULL: the service takes one */
    /* podCIDRs; IPv6 ones are left out where this HNS has no dual stack. */
    const struct prefix *subnets;
    size_t n_subnets;
    bool extension; /* Open vSwitch's is enabled */
};

/* The extension that Open vSwitch is to the virtual switch. */
struct guid network_ovs_extension(void);
/* The GUID that a network of this name is made with. */
struct guid network_id(const char *name);

enum hns_found network_find(struct hns_client *h, const char *name, struct arena *a,
                            struct hcn_network *out, struct err *err);
/* Open vSwitch's extension is on.  A network that does not list it is taken to have it: it was made
 * so, and whether the service repeats it is not documented. */
bool network_has_extension(const struct hcn_network *n);
/* Makes it where it is absent, and enables (never disables) the extension where only that differs.
 * 0, with its GUID: it is there and as it should be.
 *   ERR_CONFLICT   a network of this name differs: the text says in what; nothing was done
 *   ERR_AGAIN      the service is away, or does not show yet what it made: call again
 *   and the errors of hns/client.h */
int network_ensure(struct hns_client *h, const struct network_spec *spec, struct guid *id_out,
                   struct err *err);
/* Enables or disables the extension.  ERR_NOT_FOUND: no such network; ERR_CONFLICT: the service
 * took the request and it is not so. */
int network_set_extension(struct hns_client *h, const char *name, bool on, struct err *err);
/* With all endpoints in it.  Absent is success; only a network with our own GUID or of our type is
 * deleted: ERR_CONFLICT. */
int network_delete(struct hns_client *h, const char *name, struct err *err);

#endif
