/* SPDX-License-Identifier: Apache-2.0
 *
 * The manager of network connections, as far as an adapter is renamed by it: enumerating the
 * connections, their properties, and Rename.  A connection is an adapter of the node's host. */
#include "com.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netcon.h>

static const IID manager_iid = {
    0xc08956a2, 0x1cd3, 0x11d1, {0xb1, 0xc5, 0x00, 0x80, 0x5f, 0xc1, 0x27, 0x0e}};
static const IID connections_iid = {
    0xc08956a0, 0x1cd3, 0x11d1, {0xb1, 0xc5, 0x00, 0x80, 0x5f, 0xc1, 0x27, 0x0e}};
static const IID connection_iid = {
    0xc08956a1, 0x1cd3, 0x11d1, {0xb1, 0xc5, 0x00, 0x80, 0x5f, 0xc1, 0x27, 0x0e}};

struct connection {
    struct com_object com;
    char guid[40], name[256], device[256];
};

static HRESULT WINAPI connection_properties(INetConnection *self, NETCON_PROPERTIES **out)
{
    const struct connection *c = (const void *)self;
    NETCON_PROPERTIES *p = CoTaskMemAlloc(sizeof *p);
    *out = p;
    if (!p)
        return E_OUTOFMEMORY;
    memset(p, 0, sizeof *p);
    link_guid_parse(c->guid, &p->guidId);
    p->pszwName = link_cotask(c->name);
    p->pszwDeviceName = link_cotask(c->device);
    p->Status = NCS_CONNECTED;
    p->MediaType = NCM_LAN;
    p->dwCharacter = NCCF_ALLOW_RENAME;
    return S_OK;
}

static HRESULT WINAPI connection_rename(INetConnection *self, LPCWSTR name)
{
    const struct connection *c = (const void *)self;
    char *utf8 = link_utf8(name);
    struct link_reply reply;
    bool ok = link_call(
        (const char *const[]){"ip", "RenameAdapter", c->guid, utf8 ? utf8 : "", NULL}, &reply);
    free(utf8);
    if (!ok)
        return HRESULT_FROM_WIN32(RPC_S_SERVER_UNAVAILABLE);
    DWORD code = (DWORD)strtoul(link_text(&reply, 0), NULL, 10);
    link_reply_free(&reply);
    return code == NO_ERROR ? S_OK : HRESULT_FROM_WIN32(code);
}

static const INetConnectionVtbl connection_vtbl = {
    COM_METHODS(INetConnectionVtbl),
    COM_NOT(INetConnectionVtbl, Connect),
    COM_NOT(INetConnectionVtbl, Disconnect),
    COM_NOT(INetConnectionVtbl, Delete),
    COM_NOT(INetConnectionVtbl, Duplicate),
    .GetProperties = connection_properties,
    COM_NOT(INetConnectionVtbl, GetUiObjectClassId),
    .Rename = connection_rename,
};

/* All adapters of a moment. */
struct connections {
    struct com_object com;
    struct link_reply adapters;
    const char *at; /* the last line given */
    bool begun;
};

static void connections_destroy(void *self)
{
    struct connections *e = self;
    link_reply_free(&e->adapters);
}

static struct connection *connection_new(const char *line)
{
    struct connection *c = calloc(1, sizeof *c);
    if (c) {
        c->com = (struct com_object){&connection_vtbl, 1, &connection_iid, com_destroy_nothing};
        link_field(line, 1, c->name, sizeof c->name);
        link_field(line, 2, c->device, sizeof c->device);
        link_field(line, 8, c->guid, sizeof c->guid);
    }
    return c;
}

static const char *connections_step(struct connections *e)
{
    if (!e->begun) {
        e->begun = true;
        e->at = link_next(&e->adapters, NULL); /* the status */
    }
    e->at = e->at ? link_next(&e->adapters, e->at) : NULL;
    return e->at;
}

static HRESULT WINAPI connections_next(IEnumNetConnection *self, ULONG n, INetConnection **out,
                                       ULONG *n_out)
{
    struct connections *e = (void *)self;
    ULONG given = 0;
    const char *line;
    while (given < n && (line = connections_step(e)) != NULL) {
        struct connection *c = link_number(line, 7) == 1 ? connection_new(line) : NULL;
        if (c)
            out[given++] = (void *)c;
    }
    if (n_out)
        *n_out = given;
    return given == n ? S_OK : S_FALSE;
}

static HRESULT WINAPI connections_reset(IEnumNetConnection *self)
{
    struct connections *e = (void *)self;
    e->begun = false;
    return S_OK;
}

static const IEnumNetConnectionVtbl connections_vtbl = {
    COM_METHODS(IEnumNetConnectionVtbl),    .Next = connections_next,
    COM_NOT(IEnumNetConnectionVtbl, Skip),  .Reset = connections_reset,
    COM_NOT(IEnumNetConnectionVtbl, Clone),
};

static HRESULT WINAPI manager_enumerate(INetConnectionManager *self, NETCONMGR_ENUM_FLAGS flags,
                                        IEnumNetConnection **out)
{
    struct connections *e = calloc(1, sizeof *e);
    (void)self, (void)flags;
    *out = NULL;
    if (!e)
        return E_OUTOFMEMORY;
    if (!link_call((const char *const[]){"ip", "Adapters", NULL}, &e->adapters)) {
        free(e);
        return HRESULT_FROM_WIN32(RPC_S_SERVER_UNAVAILABLE);
    }
    e->com = (struct com_object){&connections_vtbl, 1, &connections_iid, connections_destroy};
    *out = (void *)e;
    return S_OK;
}

static const INetConnectionManagerVtbl manager_vtbl = {
    COM_METHODS(INetConnectionManagerVtbl),
    .EnumConnections = manager_enumerate,
};

void *netcon_manager_new(void)
{
    return com_new(&manager_vtbl, &manager_iid);
}
