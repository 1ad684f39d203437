/* SPDX-License-Identifier: Apache-2.0
 *
 * The NICs of Pods: what Open vSwitch opens for a Pod's port.  An HNS endpoint named NAME gets a
 * NIC "vEthernet (NAME)" in the compartment of its Pod; a container of a Hyper-V machine has its
 * NIC by the bare name.  IP Helper changes interfaces of the thread's own compartment alone, so the
 * thread goes there and comes back. */
#include "platform/netif.h"

#include <stdio.h>
#include <wchar.h>

#include "core/base/mem.h"
#include "platform/windows/iphelper.h"

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

struct nic {
    NET_LUID luid;
    NET_IF_COMPARTMENT_ID compartment;
};

static bool nic_find(const char *host_name, struct nic *out)
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
        if (found) {
            out->luid = nic->Luid;
            out->compartment = nic->CompartmentId;
        }
    }
    mem_free(list);
    return found;
}

bool netif_pod_nic_exists(const char *host_name)
{
    struct nic nic;
    return nic_find(host_name, &nic);
}

/* ---- the MTU ---- */

typedef DWORD WINAPI nic_enter_fn(NET_IF_COMPARTMENT_ID id);
typedef NET_IF_COMPARTMENT_ID WINAPI nic_where_fn(void);
typedef void nic_any_fn(void);

static nic_any_fn *nic_function(const char *name)
{
    HMODULE library = GetModuleHandleW(L"iphlpapi.dll");
    return library ? (nic_any_fn *)GetProcAddress(library, name) : NULL;
}

/* NO_ERROR also where the family is not spoken; 'n' counts those that are. */
static DWORD nic_set_family(const struct iphelper *ip, const struct nic *nic, unsigned family,
                            uint32_t mtu, unsigned *n)
{
    MIB_IPINTERFACE_ROW row;
    DWORD code = iphelper_interface(ip, &nic->luid, family, &row);
    if (code != NO_ERROR) {
        return code == ERROR_NOT_FOUND || code == ERROR_FILE_NOT_FOUND ? NO_ERROR : code;
    }
    ++*n;
    if (row.NlMtu == mtu) {
        return NO_ERROR;
    }
    row.NlMtu = mtu;
    return iphelper_interface_set(ip, &row);
}

static int nic_set_mtu(const struct nic *nic, const char *name, uint32_t mtu, struct err *err)
{
    const struct iphelper *ip = NULL;
    unsigned n = 0;
    int rc = iphelper_get(&ip, err);
    if (rc < 0) {
        return rc;
    }
    DWORD code = nic_set_family(ip, nic, 4, mtu, &n);
    code = code == NO_ERROR ? nic_set_family(ip, nic, 6, mtu, &n) : code;
    if (code != NO_ERROR) {
        return os_err(err, code, "MTU of interface %s", name);
    }
    return n ? 0 : err_set(err, ERR_NOT_FOUND, "interface %s speaks no IP yet", name);
}

int netif_pod_set_mtu(const char *host_name, uint32_t mtu, struct err *err)
{
    struct nic nic;
    nic_enter_fn *enter = (nic_enter_fn *)nic_function("SetCurrentThreadCompartmentId");
    nic_where_fn *where = (nic_where_fn *)nic_function("GetCurrentThreadCompartmentId");
    if (!enter || !where) {
        return err_set(err, ERR_UNSUPPORTED, "IP Helper: no compartments on this system");
    }
    if (!nic_find(host_name, &nic)) {
        return err_set(err, ERR_NOT_FOUND, "interface %s is not there", host_name);
    }
    NET_IF_COMPARTMENT_ID home = where();
    DWORD code = enter(nic.compartment);
    if (code != NO_ERROR) {
        return os_err(err, code, "compartment of interface %s", host_name);
    }
    int rc = nic_set_mtu(&nic, host_name, mtu, err);
    enter(home);
    return rc;
}
