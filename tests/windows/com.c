/* SPDX-License-Identifier: Apache-2.0
 *
 * wbemdouble.dll: the classes that the registry of a node's prefix says are its, and what their
 * objects share. */
#include "com.h"

#include <stdlib.h>

#include <wbemcli.h>

static const CLSID connection_manager = {
    0xba126ad1, 0x2166, 0x11d1, {0xb1, 0xd0, 0x00, 0x80, 0x5f, 0xc1, 0x27, 0x0e}};

HRESULT WINAPI com_unsupported(void *self)
{
    (void)self;
    return (HRESULT)WBEM_E_NOT_SUPPORTED;
}

void *com_new(const void *vtbl, const IID *iid)
{
    struct com_object *o = calloc(1, sizeof *o);
    if (o)
        *o = (struct com_object){vtbl, 1, iid, com_destroy_nothing};
    return o;
}

ULONG WINAPI com_ref(void *self)
{
    struct com_object *b = self;
    return (ULONG)InterlockedIncrement(&b->refs);
}

ULONG WINAPI com_release(void *self)
{
    struct com_object *b = self;
    LONG left = InterlockedDecrement(&b->refs);
    if (left == 0) {
        b->destroy(self);
        free(self);
    }
    return (ULONG)left;
}

void com_destroy_nothing(void *self)
{
    (void)self;
}

/* ---- security of the proxies that there are not ---- */

static HRESULT WINAPI security_query(void *self, REFIID iid, void **out)
{
    if (!IsEqualIID(iid, &IID_IClientSecurity) && !IsEqualIID(iid, &IID_IUnknown))
        return E_NOINTERFACE;
    *out = self;
    return S_OK;
}

static ULONG WINAPI security_ref(void *self)
{
    (void)self;
    return 1;
}

static HRESULT WINAPI security_set(IClientSecurity *self, IUnknown *proxy, DWORD authn, DWORD authz,
                                   OLECHAR *principal, DWORD level, DWORD imp, void *auth,
                                   DWORD capabilities)
{
    (void)self, (void)proxy, (void)authn, (void)authz, (void)principal, (void)level, (void)imp,
        (void)auth, (void)capabilities;
    return S_OK;
}

static IClientSecurityVtbl security_vtbl = {
    COM_METHOD(IClientSecurityVtbl, QueryInterface, security_query),
    COM_METHOD(IClientSecurityVtbl, AddRef, security_ref),
    COM_METHOD(IClientSecurityVtbl, Release, security_ref),
    COM_NOT(IClientSecurityVtbl, QueryBlanket),
    .SetBlanket = security_set,
    COM_NOT(IClientSecurityVtbl, CopyProxy),
};
static IClientSecurity security = {&security_vtbl};

HRESULT WINAPI com_query(void *self, REFIID iid, void **out)
{
    const struct com_object *b = self;
    *out = NULL;
    if (IsEqualIID(iid, &IID_IClientSecurity)) {
        *out = &security;
        return S_OK;
    }
    if (!IsEqualIID(iid, &IID_IUnknown) && !IsEqualIID(iid, b->iid))
        return E_NOINTERFACE;
    *out = self;
    com_ref(self);
    return S_OK;
}

/* ---- factories ---- */

static HRESULT create(void *(*new_object)(void), REFIID iid, void **out)
{
    struct com_object *o = new_object();
    *out = NULL;
    if (!o)
        return E_OUTOFMEMORY;
    HRESULT hr = com_query(o, iid, out);
    com_release(o);
    return hr;
}

static HRESULT WINAPI create_locator(IClassFactory *self, IUnknown *outer, REFIID iid, void **out)
{
    (void)self;
    return outer ? CLASS_E_NOAGGREGATION : create(wbem_locator_new, iid, out);
}

static HRESULT WINAPI create_manager(IClassFactory *self, IUnknown *outer, REFIID iid, void **out)
{
    (void)self;
    return outer ? CLASS_E_NOAGGREGATION : create(netcon_manager_new, iid, out);
}

static HRESULT WINAPI factory_lock(IClassFactory *self, BOOL lock)
{
    (void)self, (void)lock;
    return S_OK;
}

static const IClassFactoryVtbl locator_factory = {
    COM_METHODS(IClassFactoryVtbl),
    .CreateInstance = create_locator,
    .LockServer = factory_lock,
};
static const IClassFactoryVtbl manager_factory = {
    COM_METHODS(IClassFactoryVtbl),
    .CreateInstance = create_manager,
    .LockServer = factory_lock,
};

HRESULT WINAPI DllGetClassObject(REFCLSID class, REFIID iid, void **out)
{
    static struct com_object locators = {&locator_factory, 1, &IID_IClassFactory,
                                         com_destroy_nothing};
    static struct com_object managers = {&manager_factory, 1, &IID_IClassFactory,
                                         com_destroy_nothing};
    if (IsEqualCLSID(class, &CLSID_WbemLocator))
        return com_query(&locators, iid, out);
    if (IsEqualCLSID(class, &connection_manager))
        return com_query(&managers, iid, out);
    return CLASS_E_CLASSNOTAVAILABLE;
}

HRESULT WINAPI DllCanUnloadNow(void)
{
    return S_FALSE;
}
