/* SPDX-License-Identifier: Apache-2.0
 *
 * What the contracts of platform/ ask for and this system does not answer yet: everything fails
 * with ERR_UNSUPPORTED and names itself, nothing pretends. */
#include "core/base/port.h"
#include "platform/hostnat.h"
#include "platform/netif.h"
#include "platform/route.h"

#define ABSENT(err) err_set(err, ERR_UNSUPPORTED, "%s: not on this system", __func__)

int hostnat_dump(const char *gateway, hostnat_row_fn *row, void *aux, struct err *err)
{
    (void)gateway, (void)row, (void)aux;
    return ABSENT(err);
}

int hostnat_replace(const char *gateway, const struct hostnat_row *rows, size_t n, struct err *err)
{
    (void)gateway, (void)rows, (void)n;
    return ABSENT(err);
}

int route_dump(const char *dev, route_row_fn *row, void *aux, struct err *err)
{
    (void)dev, (void)row, (void)aux;
    return ABSENT(err);
}

int route_set(struct bytes key, struct bytes value, struct err *err)
{
    (void)key, (void)value;
    return ABSENT(err);
}

int netif_pod_create(const struct netif_pod *pod, struct err *err)
{
    (void)pod;
    return ABSENT(err);
}

int netif_pod_delete(const char *host_name, struct err *err)
{
    (void)host_name;
    return ABSENT(err);
}

int netif_pod_check(const struct netif_pod *pod, struct err *err)
{
    (void)pod;
    return ABSENT(err);
}

int netif_netns_check(const char *netns, struct err *err)
{
    (void)netns;
    return ABSENT(err);
}

bool netif_exists(const char *host_name)
{
    (void)host_name;
    return false;
}

int netif_pod_list(const char *owner, char ***names_out, size_t *n_out, struct err *err)
{
    (void)owner, (void)names_out, (void)n_out;
    return ABSENT(err);
}

int netif_device_set(const struct netif_device *dev, struct err *err)
{
    (void)dev;
    return ABSENT(err);
}

int netif_mtu_of_address(const struct ip *address, uint32_t *mtu_out, struct err *err)
{
    (void)address, (void)mtu_out;
    return ABSENT(err);
}

int netif_enable_forwarding(const char *proc_sys, struct err *err)
{
    (void)proc_sys;
    return ABSENT(err);
}

int netif_cleanup(struct err *err)
{
    return ABSENT(err);
}
