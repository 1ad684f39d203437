/* SPDX-License-Identifier: Apache-2.0
 *
 * An adapter's MAC.  A driver reads "NetworkAddress" from its own key below the class of network
 * adapters when it starts; so the value is written there and the device is disabled and enabled. */
#include "platform/windows/netif_mac.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "core/base/mem.h"

#define NETIF_MAC_CLASS L"{4D36E972-E325-11CE-BFC1-08002BE10318}"
enum { NETIF_MAC_KEY_MAX = 300, NETIF_MAC_WAIT_MS = 10000, NETIF_MAC_LOOK_MS = 100 };

static void netif_mac_close(HKEY *key)
{
    if (*key) {
        RegCloseKey(*key);
    }
}
#define auto_key PORT_CLEANUP(netif_mac_close) HKEY

/* "{GUID}" as the registry has it. */
static void netif_mac_guid(const GUID *g, wchar_t *out, size_t n)
{
    swprintf(out, n, L"{%08X-%04X-%04X-%02X%02X-%02X%02X%02X%02X%02X%02X}", (unsigned)g->Data1,
             g->Data2, g->Data3, g->Data4[0], g->Data4[1], g->Data4[2], g->Data4[3], g->Data4[4],
             g->Data4[5], g->Data4[6], g->Data4[7]);
}

static DWORD netif_mac_read(HKEY key, const wchar_t *sub, const wchar_t *name, wchar_t *out)
{
    DWORD size = NETIF_MAC_KEY_MAX * sizeof *out;
    return (DWORD)RegGetValueW(key, sub, name, RRF_RT_REG_SZ, NULL, out, &size);
}

/* The driver's key of the adapter. */
static DWORD netif_mac_key(const wchar_t *guid, HKEY *out)
{
    auto_key class = NULL;
    DWORD code = (DWORD)RegOpenKeyExW(
        HKEY_LOCAL_MACHINE, L"SYSTEM\\CurrentControlSet\\Control\\Class\\" NETIF_MAC_CLASS, 0,
        KEY_READ, &class);
    for (DWORD i = 0; code == ERROR_SUCCESS; i++) {
        wchar_t name[NETIF_MAC_KEY_MAX], owner[NETIF_MAC_KEY_MAX];
        DWORD n = NETIF_MAC_KEY_MAX;
        code = (DWORD)RegEnumKeyExW(class, i, name, &n, NULL, NULL, NULL, NULL);
        if (code == ERROR_SUCCESS &&
            netif_mac_read(class, name, L"NetCfgInstanceId", owner) == ERROR_SUCCESS &&
            _wcsicmp(owner, guid) == 0) {
            return (DWORD)RegOpenKeyExW(class, name, 0, KEY_READ | KEY_SET_VALUE, out);
        }
    }
    return code == ERROR_NO_MORE_ITEMS || code == ERROR_FILE_NOT_FOUND ? ERROR_NOT_FOUND : code;
}

/* Functions of cfgmgr32.dll, whose codes are its own: 0 is success. */
struct netif_mac_devices {
    DWORD(WINAPI *locate)(DWORD *, WCHAR *, ULONG);
    DWORD(WINAPI *disable)(DWORD, ULONG);
    DWORD(WINAPI *enable)(DWORD, ULONG);
};

static bool netif_mac_devices_get(struct netif_mac_devices *out)
{
    HMODULE library = LoadLibraryExW(L"cfgmgr32.dll", NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
    FARPROC f[3] = {NULL, NULL, NULL};
    if (library) {
        f[0] = GetProcAddress(library, "CM_Locate_DevNodeW");
        f[1] = GetProcAddress(library, "CM_Disable_DevNode");
        f[2] = GetProcAddress(library, "CM_Enable_DevNode");
    }
    static_assert(sizeof f == sizeof *out, "one slot a function");
    memcpy(out, f, sizeof f);
    return f[0] && f[1] && f[2];
}

static int netif_mac_restart(const wchar_t *guid, struct err *err)
{
    struct netif_mac_devices devices;
    wchar_t key[NETIF_MAC_KEY_MAX], id[NETIF_MAC_KEY_MAX];
    swprintf(key, ARRAY_LEN(key),
             L"SYSTEM\\CurrentControlSet\\Control\\Network\\" NETIF_MAC_CLASS L"\\%ls\\Connection",
             guid);
    DWORD code = netif_mac_read(HKEY_LOCAL_MACHINE, key, L"PnPInstanceId", id), device = 0;
    if (code != ERROR_SUCCESS) {
        return os_err(err, code, "its device");
    }
    if (!netif_mac_devices_get(&devices)) {
        return os_err(err, ERROR_PROC_NOT_FOUND, "cfgmgr32");
    }
    code = devices.locate(&device, id, 0);
    code = code ? code : devices.disable(device, 0);
    code = code ? code : devices.enable(device, 0);
    return code ? err_set_os(err, ERR_IO, code, "its device does not start anew: code %u",
                             (unsigned)code)
                : 0;
}

int netif_mac_set(const GUID *adapter, const struct mac *mac, struct err *err)
{
    auto_key key = NULL;
    wchar_t guid[64], value[16];
    netif_mac_guid(adapter, guid, ARRAY_LEN(guid));
    swprintf(value, ARRAY_LEN(value), L"%02X%02X%02X%02X%02X%02X", mac->b[0], mac->b[1], mac->b[2],
             mac->b[3], mac->b[4], mac->b[5]);
    DWORD code = netif_mac_key(guid, &key);
    if (code == ERROR_SUCCESS) {
        code = (DWORD)RegSetValueExW(key, L"NetworkAddress", 0, REG_SZ, (const BYTE *)value,
                                     (DWORD)((wcslen(value) + 1) * sizeof *value));
    }
    return code == ERROR_SUCCESS ? netif_mac_restart(guid, err)
                                 : os_err(err, code, "its driver's settings");
}

int netif_mac_wait(const struct iphelper *ip, MIB_IF_ROW2 *link, const struct mac *mac,
                   struct err *err)
{
    NET_LUID luid = link->InterfaceLuid;
    for (unsigned waited = 0; waited < NETIF_MAC_WAIT_MS; waited += NETIF_MAC_LOOK_MS) {
        memset(link, 0, sizeof *link);
        link->InterfaceLuid = luid;
        if (ip->get_link(link) == NO_ERROR && link->PhysicalAddressLength == sizeof mac->b &&
            memcmp(link->PhysicalAddress, mac->b, sizeof mac->b) == 0) {
            return 0;
        }
        Sleep(NETIF_MAC_LOOK_MS);
    }
    char text[MAC_TEXT_MAX];
    return err_set(err, ERR_TIMEOUT, "the adapter does not take MAC %s", mac_format(mac, text));
}
