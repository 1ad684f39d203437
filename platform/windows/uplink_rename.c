/* SPDX-License-Identifier: Apache-2.0
 *
 * An adapter's alias.  The way that is documented is INetConnection::Rename of the network
 * connections' manager (COM, netshell.dll, also on Server Core); the name is kept in the registry,
 * where the adapter's own key is written if the manager does not know the adapter.  What counts is
 * what the system says afterwards. */
#include <stdio.h>
#include <string.h>
#include <wchar.h>

/* COM's macros for C. */
#define COBJMACROS
#include "platform/windows/uplink.h"

#include <netcon.h>
#include <objbase.h>

#include "core/base/mem.h"

enum { RENAME_TRIES = 20, RENAME_WAIT_MS = 50 };

static const CLSID rename_manager = {
    0xba126ad1, 0x2166, 0x11d1, {0xb1, 0xd0, 0x00, 0x80, 0x5f, 0xc1, 0x27, 0x0e}};
static const IID rename_manager_iid = {
    0xc08956a2, 0x1cd3, 0x11d1, {0xb1, 0xc5, 0x00, 0x80, 0x5f, 0xc1, 0x27, 0x0e}};

static void rename_free_properties(NETCON_PROPERTIES *p)
{
    CoTaskMemFree(p->pszwName);
    CoTaskMemFree(p->pszwDeviceName);
    CoTaskMemFree(p);
}

/* Is it this adapter's?  Then it gets the name, and '*hr' tells how that went. */
static bool rename_one(INetConnection *connection, const GUID *guid, const wchar_t *name,
                       HRESULT *hr)
{
    NETCON_PROPERTIES *p = NULL;
    if (FAILED(INetConnection_GetProperties(connection, &p)) || !p) {
        return false;
    }
    bool found = memcmp(&p->guidId, guid, sizeof *guid) == 0;
    rename_free_properties(p);
    if (found) {
        *hr = INetConnection_Rename(connection, name);
    }
    return found;
}

static HRESULT rename_in(IEnumNetConnection *all, const GUID *guid, const wchar_t *name)
{
    HRESULT hr = HRESULT_FROM_WIN32(ERROR_NOT_FOUND);
    INetConnection *one = NULL;
    ULONG n = 0;
    bool found = false;
    while (!found && IEnumNetConnection_Next(all, 1, &one, &n) == S_OK && n == 1) {
        found = rename_one(one, guid, name, &hr);
        INetConnection_Release(one);
    }
    return hr;
}

static HRESULT rename_by_manager(const GUID *guid, const wchar_t *name)
{
    INetConnectionManager *manager = NULL;
    IEnumNetConnection *all = NULL;
    HRESULT com = CoInitializeEx(NULL, COINIT_MULTITHREADED);
    union {
        INetConnectionManager **as_manager;
        void **as_any;
    } out = {&manager};
    HRESULT hr = CoCreateInstance(&rename_manager, NULL, CLSCTX_LOCAL_SERVER | CLSCTX_INPROC_SERVER,
                                  &rename_manager_iid, out.as_any);
    if (SUCCEEDED(hr)) {
        hr = INetConnectionManager_EnumConnections(manager, NCME_DEFAULT, &all);
        INetConnectionManager_Release(manager);
    }
    if (hr == S_OK && all) {
        hr = rename_in(all, guid, name);
        IEnumNetConnection_Release(all);
    } else if (SUCCEEDED(hr)) {
        hr = HRESULT_FROM_WIN32(ERROR_NOT_FOUND);
    }
    if (SUCCEEDED(com)) {
        CoUninitialize();
    }
    return hr;
}

static DWORD rename_in_registry(const struct guid *guid, const wchar_t *name)
{
    wchar_t key[256];
    char text[GUID_TEXT_MAX];
    swprintf(key, ARRAY_LEN(key),
             L"SYSTEM\\CurrentControlSet\\Control\\Network\\"
             L"{4D36E972-E325-11CE-BFC1-08002BE10318}\\{%hs}\\Connection",
             guid_format(guid, text));
    return (DWORD)RegSetKeyValueW(HKEY_LOCAL_MACHINE, key, L"Name", REG_SZ, name,
                                  (DWORD)((wcslen(name) + 1) * sizeof *name));
}

/* 1: it has the name; 0: not (yet). */
static int rename_look(const struct guid *guid, const char *name, struct err *err)
{
    struct uplink_adapter other, own;
    int rc = uplink_adapter_by_guid(guid, &own, err);
    if (rc < 0) {
        return rc;
    }
    rc = uplink_adapter_by_name(name, &other, err);
    if (rc == ERR_NOT_FOUND) {
        return 0;
    }
    if (rc < 0) {
        return rc;
    }
    return guid_equal(&other.guid, guid)
               ? 1
               : err_set(err, ERR_EXISTS, "another adapter is called '%s'", name);
}

int uplink_adapter_rename(const struct guid *guid, const char *name, struct err *err)
{
    auto_free wchar_t *wide = os_wide(name);
    GUID id = uplink_guid_out(guid);
    int rc = rename_look(guid, name, err);
    if (rc != 0) {
        return rc < 0 ? rc : 0;
    }
    HRESULT hr = rename_by_manager(&id, wide);
    DWORD code = FAILED(hr) ? rename_in_registry(guid, wide) : ERROR_SUCCESS;
    for (int i = 0; rc == 0 && i < RENAME_TRIES; i++) {
        rc = rename_look(guid, name, err);
        if (rc == 0) {
            Sleep(RENAME_WAIT_MS);
        }
    }
    if (rc != 0) {
        return rc < 0 ? rc : 0;
    }
    return code != ERROR_SUCCESS ? os_err(err, code, "the adapter's name")
           : FAILED(hr)          ? os_err_hr(err, hr, "the adapter's name")
                        : err_set(err, ERR_TIMEOUT, "the adapter is not called '%s'", name);
}
