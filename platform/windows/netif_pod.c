/* SPDX-License-Identifier: Apache-2.0
 *
 * Pods' interfaces are HNS endpoints here, made by hns/pod_endpoint.h: each of these says so. */
#include "platform/netif.h"

static int netif_pod_absent(struct err *err)
{
    return err_set(err, ERR_UNSUPPORTED, "a Pod's interface is an HNS endpoint on this system");
}

int netif_pod_create(const struct netif_pod *pod, struct err *err)
{
    (void)pod;
    return netif_pod_absent(err);
}

int netif_pod_delete(const char *host_name, struct err *err)
{
    (void)host_name;
    return netif_pod_absent(err);
}

int netif_pod_check(const struct netif_pod *pod, struct err *err)
{
    (void)pod;
    return netif_pod_absent(err);
}

int netif_netns_check(const char *netns, struct err *err)
{
    (void)netns;
    return netif_pod_absent(err);
}

int netif_pod_list(const char *owner, char ***names_out, size_t *n_out, struct err *err)
{
    (void)owner;
    (void)names_out;
    (void)n_out;
    return netif_pod_absent(err);
}
