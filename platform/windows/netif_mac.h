/* SPDX-License-Identifier: Apache-2.0
 *
 * An adapter's MAC: kept in its driver's settings, read by the driver when the adapter starts. */
#ifndef SEINE_PLATFORM_WINDOWS_NETIF_MAC_H
#define SEINE_PLATFORM_WINDOWS_NETIF_MAC_H

#include "platform/windows/iphelper.h"

/* Writes the setting and starts the adapter anew.  ERR_NOT_FOUND: no adapter of that GUID has
 * settings. */
int netif_mac_set(const GUID *adapter, const struct mac *mac, struct err *err);
/* Waits until the adapter shows it; fills 'link' anew (its LUID may be another one).  ERR_TIMEOUT:
 * the driver did not take it. */
int netif_mac_wait(const struct iphelper *ip, MIB_IF_ROW2 *link, const struct mac *mac,
                   struct err *err);

#endif
