/* SPDX-License-Identifier: Apache-2.0
 *
 * The result of an ADD, in the version that was asked for. */
#ifndef SEINE_CNI_RESULT_H
#define SEINE_CNI_RESULT_H

#include "cni/env.h"
#include "core/base/addr.h"
#include "platform/netif.h"

struct result {
    const struct cni_version *version;
    const char *host_interface, *pod_interface, *sandbox;
    struct mac pod_mac;
    uint32_t mtu;
    const struct netif_address *addresses;
    size_t n_addresses;
    const char *dns; /* JSON object, "" if none */
};
/* The JSON object that a plugin prints, with a newline. */
void result_format(const struct result *r, struct sbuf *out);

#endif
