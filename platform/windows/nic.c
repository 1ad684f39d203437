/* SPDX-License-Identifier: Apache-2.0
 *
 * The NICs of Pods: what Open vSwitch opens for a Pod's port.  An HNS endpoint named NAME gets a
 * NIC "vEthernet (NAME)" in the compartment of its Pod; a container of a Hyper-V machine has its
 * NIC by the bare name. */
#include <winsock2.h>

#include <iphlpapi.h>
#include <stdio.h>
#include <wchar.h>
#include <windows.h>

#include "core/base/mem.h"
#include "platform/netif.h"

enum { NIC_NAME_MAX = 300, NIC_TRIES = 4, NIC_BUFFER = 64 << 10 };

/* All adapters of all compartments; the list may grow between asking for its size and reading it.
 */
static IP_ADAPTER_ADDRESSES *nic_adapters(void)
{
    const ULONG flags = GAA_FLAG_INCLUDE_ALL_COMPARTMENTS | GAA_FLAG_INCLUDE_ALL_INTERFACES |
                        GAA_FLAG_SKIP_UNICAST | GAA_FLAG_SKIP_ANYCAST | GAA_FLAG_SKIP_MULTICAST |
                        GAA_FLAG_SKIP_DNS_SERVER;
    ULONG size = NIC_BUFFER;
    for (int i = 0; i < NIC_TRIES; i++) {
        IP_ADAPTER_ADDRESSES *list = mem_alloc(size);
        ULONG rc = GetAdaptersAddresses(AF_UNSPEC, flags, NULL, list, &size);
        if (rc == NO_ERROR) {
            return list;
        }
        mem_free(list);
        if (rc != ERROR_BUFFER_OVERFLOW) {
            return NULL;
        }
    }
    return NULL;
}

bool netif_pod_nic_exists(const char *host_name)
{
    wchar_t name[NIC_NAME_MAX], full[NIC_NAME_MAX + 16];
    if (!MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, host_name, -1, name, NIC_NAME_MAX)) {
        return false;
    }
    swprintf(full, NIC_NAME_MAX + 16, L"vEthernet (%ls)", name);
    IP_ADAPTER_ADDRESSES *list = nic_adapters();
    bool found = false;
    for (const IP_ADAPTER_ADDRESSES *nic = list; nic && !found; nic = nic->Next) {
        found = nic->FriendlyName &&
                (_wcsicmp(nic->FriendlyName, full) == 0 || _wcsicmp(nic->FriendlyName, name) == 0);
    }
    mem_free(list);
    return found;
}
