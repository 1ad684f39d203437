/* SPDX-License-Identifier: Apache-2.0
 *
 * Double of computenetwork.dll (HCN version 2).  The service itself is the node's host
 * (host/hcn.py): each call here is one request to it, so all processes of a node see the same
 * networks, endpoints and namespaces.  Handles are of this process: a kind and an id. */
#include "link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <computenetwork.h>
#include <objbase.h>

#define UNAVAILABLE ((HRESULT)0x800706BA) /* RPC_S_SERVER_UNAVAILABLE */
#define INVALID_HANDLE ((HRESULT)0x80070006)

enum { HANDLE_MAGIC = 0x48434e21 };

struct handle {
    uint32_t magic;
    GUID id;
};

/* One call: 'id' and 'settings' may be NULL, as may what is to be given back. */
struct call {
    const char *function;
    const GUID *id;
    const GUID *network; /* of HcnCreateEndpoint */
    PCWSTR settings;
    PWSTR *result;
    PWSTR *error;
    GUID *id_out;
};

static HRESULT ask(const struct call *c)
{
    char id[37] = "", network[37] = "";
    if (c->id)
        link_guid_format(c->id, id);
    if (c->network)
        link_guid_format(c->network, network);
    char *settings = link_utf8(c->settings);
    struct link_reply reply;
    bool ok = link_call((const char *const[]){"hcn", c->function, id, settings ? settings : "",
                                              network, settings ? "1" : "0", NULL},
                        &reply);
    free(settings);
    if (c->result)
        *c->result = NULL;
    if (c->error)
        *c->error = NULL;
    if (!ok)
        return UNAVAILABLE;
    HRESULT hr = (HRESULT)strtoul(link_text(&reply, 0), NULL, 10);
    if (SUCCEEDED(hr) && c->result)
        *c->result = link_cotask(link_text(&reply, 1));
    if (FAILED(hr) && c->error && *link_text(&reply, 2))
        *c->error = link_cotask(link_text(&reply, 2));
    if (SUCCEEDED(hr) && c->id_out)
        link_guid_parse(link_text(&reply, 3), c->id_out);
    link_reply_free(&reply);
    return hr;
}

static struct handle *handle_of(void *p)
{
    struct handle *h = p;
    return h && h->magic == HANDLE_MAGIC ? h : NULL;
}

/* Open and create: a call that gives a handle. */
static HRESULT ask_handle(struct call *c, void **handle_out)
{
    struct handle *h = calloc(1, sizeof *h);
    if (!h)
        return E_OUTOFMEMORY;
    h->magic = HANDLE_MAGIC;
    c->id_out = &h->id;
    HRESULT hr = ask(c);
    if (FAILED(hr)) {
        free(h);
        h = NULL;
    }
    if (handle_out)
        *handle_out = h;
    else
        free(h);
    return hr;
}

/* Modify, query: a call on a handle. */
static HRESULT ask_on(void *handle, struct call *c)
{
    const struct handle *h = handle_of(handle);
    if (!h)
        return INVALID_HANDLE;
    c->id = &h->id;
    return ask(c);
}

static HRESULT close_handle(const char *function, void *handle)
{
    struct handle *h = handle_of(handle);
    if (!h)
        return INVALID_HANDLE;
    HRESULT hr = ask(&(struct call){.function = function, .id = &h->id});
    h->magic = 0;
    free(h);
    return hr;
}

/* The functions that all four kinds of objects have. */
#define KIND(T, TYPE)                                                                              \
    HRESULT WINAPI HcnEnumerate##T##s(PCWSTR query, PWSTR *list, PWSTR *error)                     \
    {                                                                                              \
        return ask(&(struct call){.function = "HcnEnumerate" #T "s",                               \
                                  .settings = query,                                               \
                                  .result = list,                                                  \
                                  .error = error});                                                \
    }                                                                                              \
    HRESULT WINAPI HcnOpen##T(REFGUID id, TYPE *handle, PWSTR *error)                              \
    {                                                                                              \
        return ask_handle(&(struct call){.function = "HcnOpen" #T, .id = id, .error = error},      \
                          handle);                                                                 \
    }                                                                                              \
    HRESULT WINAPI HcnModify##T(TYPE handle, PCWSTR settings, PWSTR *error)                        \
    {                                                                                              \
        return ask_on(                                                                             \
            handle,                                                                                \
            &(struct call){.function = "HcnModify" #T, .settings = settings, .error = error});     \
    }                                                                                              \
    HRESULT WINAPI HcnQuery##T##Properties(TYPE handle, PCWSTR query, PWSTR *out, PWSTR *error)    \
    {                                                                                              \
        return ask_on(handle, &(struct call){.function = "HcnQuery" #T "Properties",               \
                                             .settings = query,                                    \
                                             .result = out,                                        \
                                             .error = error});                                     \
    }                                                                                              \
    HRESULT WINAPI HcnDelete##T(REFGUID id, PWSTR *error)                                          \
    {                                                                                              \
        return ask(&(struct call){.function = "HcnDelete" #T, .id = id, .error = error});          \
    }                                                                                              \
    HRESULT WINAPI HcnClose##T(TYPE handle)                                                        \
    {                                                                                              \
        return close_handle("HcnClose" #T, handle);                                                \
    }

KIND(Network, HCN_NETWORK)
KIND(Endpoint, HCN_ENDPOINT)
KIND(Namespace, HCN_NAMESPACE)
KIND(LoadBalancer, HCN_LOADBALANCER)

#define CREATE(T, TYPE)                                                                            \
    HRESULT WINAPI HcnCreate##T(REFGUID id, PCWSTR settings, TYPE *handle, PWSTR *error)           \
    {                                                                                              \
        return ask_handle(                                                                         \
            &(struct call){                                                                        \
                .function = "HcnCreate" #T, .id = id, .settings = settings, .error = error},       \
            handle);                                                                               \
    }

CREATE(Network, HCN_NETWORK)
CREATE(Namespace, HCN_NAMESPACE)
CREATE(LoadBalancer, HCN_LOADBALANCER)

HRESULT WINAPI HcnCreateEndpoint(HCN_NETWORK network, REFGUID id, PCWSTR settings,
                                 HCN_ENDPOINT *handle, PWSTR *error)
{
    const struct handle *h = handle_of(network);
    if (!h)
        return INVALID_HANDLE;
    return ask_handle(&(struct call){.function = "HcnCreateEndpoint",
                                     .id = id,
                                     .network = &h->id,
                                     .settings = settings,
                                     .error = error},
                      handle);
}

/* Notifications: a thread a registration, which waits on a connection of its own. */
struct registration {
    HCN_NOTIFICATION_CALLBACK callback;
    void *context;
    SOCKET socket;
    HANDLE thread;
    DWORD thread_id;
};

static DWORD WINAPI notify_thread(void *arg)
{
    const struct registration *r = arg;
    struct link_reply message;
    while (link_read(r->socket, &message)) {
        WCHAR *data = link_utf16(link_text(&message, 2));
        r->callback((DWORD)strtoul(link_text(&message, 0), NULL, 10), r->context,
                    (HRESULT)strtoul(link_text(&message, 1), NULL, 10),
                    data && data[0] ? data : NULL);
        free(data);
        link_reply_free(&message);
    }
    return 0;
}

HRESULT WINAPI HcnRegisterServiceCallback(HCN_NOTIFICATION_CALLBACK callback, void *context,
                                          HCN_CALLBACK *handle)
{
    HRESULT hr = ask(&(struct call){.function = "HcnRegisterServiceCallback"});
    if (FAILED(hr))
        return hr;
    struct registration *r = calloc(1, sizeof *r);
    if (!r)
        return E_OUTOFMEMORY;
    *r = (struct registration){.callback = callback, .context = context};
    r->socket = link_open((const char *const[]){"hcn-subscribe", NULL});
    struct link_reply hello = {NULL, 0};
    if (r->socket == INVALID_SOCKET || !link_read(r->socket, &hello)) {
        free(r);
        return UNAVAILABLE;
    }
    link_reply_free(&hello);
    r->thread = CreateThread(NULL, 0, notify_thread, r, 0, &r->thread_id);
    *handle = r;
    return S_OK;
}

HRESULT WINAPI HcnUnregisterServiceCallback(HCN_CALLBACK handle)
{
    struct registration *r = handle;
    if (!r)
        return INVALID_HANDLE;
    ask(&(struct call){.function = "HcnUnregisterServiceCallback"});
    shutdown(r->socket, SD_BOTH);
    closesocket(r->socket);
    if (GetCurrentThreadId() != r->thread_id)
        WaitForSingleObject(r->thread, INFINITE);
    CloseHandle(r->thread);
    if (GetCurrentThreadId() != r->thread_id)
        free(r);
    return S_OK;
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
