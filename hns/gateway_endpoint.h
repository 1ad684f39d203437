/* SPDX-License-Identifier: Apache-2.0
 *
 * The gateway's NIC on Windows.  Open vSwitch makes no device for a port of type internal there: it
 * takes the NIC of that name, which is an HNS endpoint attached to the host's own namespace.
 *
 * Its GUID is made from its name, so it is found without a record.  It goes with the network, and
 * comes again with the next network_ensure() that is followed by this. */
#ifndef SEINE_HNS_GATEWAY_ENDPOINT_H
#define SEINE_HNS_GATEWAY_ENDPOINT_H

#include "hns/client.h"

struct gateway_endpoint {
    const char *name; /* of the gateway port */
    struct mac mac;
    /* The node's podCIDRs: it has the first address of each; IPv6 ones are left out where this HNS
     * has no dual stack. */
    const struct prefix *cidrs;
    size_t n_cidrs;
};

struct guid gateway_endpoint_id(const char *name);
/* Makes it in Seine's network and attaches it to the host, as far as that is not so; one that
 * differs is made anew.  '*made_out': something was done.
 *   ERR_AGAIN      the service is away, or the network is not there yet
 *   ERR_NOT_FOUND  the service shows no namespace of the host
 *   and the errors of hns/client.h */
int gateway_endpoint_ensure(struct hns_client *h, const struct gateway_endpoint *spec,
                            bool *made_out, struct err *err);

#endif
