/* SPDX-License-Identifier: Apache-2.0
 *
 * Double of vmcompute.dll, as much of it as tells the version of the host networking service:
 * version 1 of its interface, a call with a method and a path. */
#include "link.h"

#include <stdlib.h>

#include <objbase.h>

HRESULT WINAPI HNSCall(PCWSTR method, PCWSTR path, PCWSTR object, PWSTR *response);

HRESULT WINAPI HNSCall(PCWSTR method, PCWSTR path, PCWSTR object, PWSTR *response)
{
    char *texts[] = {link_utf8(method), link_utf8(path), link_utf8(object)};
    const char *args[6] = {"hns"};
    for (unsigned i = 0; i < 3; i++)
        args[i + 1] = texts[i] ? texts[i] : "";
    struct link_reply reply;
    bool ok = link_call(args, &reply);
    for (unsigned i = 0; i < 3; i++)
        free(texts[i]);
    *response = NULL;
    if (!ok)
        return (HRESULT)0x800706BA;
    HRESULT hr = (HRESULT)strtoul(link_text(&reply, 0), NULL, 10);
    if (SUCCEEDED(hr))
        *response = link_cotask(link_text(&reply, 1));
    link_reply_free(&reply);
    return hr;
}

BOOL WINAPI DllMain(HINSTANCE module, DWORD reason, void *reserved);
BOOL WINAPI DllMain(HINSTANCE module, DWORD reason, void *reserved)
{
    (void)reserved;
    if (reason == DLL_PROCESS_ATTACH) {
        DisableThreadLibraryCalls(module);
        link_hide_exports(module, L"seine-double.absent");
    }
    return TRUE;
}
