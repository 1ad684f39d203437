/* SPDX-License-Identifier: Apache-2.0
 *
 * What the COM objects of wbemdouble.dll share.  Each begins with struct com_object, counts its
 * references and answers for one interface, and for its security, which a client sets on what it
 * thinks to be a proxy. */
#ifndef SEINE_TESTS_WINDOWS_COM_H
#define SEINE_TESTS_WINDOWS_COM_H

#include "link.h"

#include <initguid.h>
#include <objbase.h>
#include <oleauto.h>

struct com_object {
    const void *vtbl;
    LONG refs;
    const IID *iid;
    void (*destroy)(void *self); /* frees what the object owns, not the object */
};
HRESULT WINAPI com_query(void *self, REFIID iid, void **out);
ULONG WINAPI com_ref(void *self);
ULONG WINAPI com_release(void *self);
HRESULT WINAPI com_unsupported(void *self);
void com_destroy_nothing(void *self);
/* An object without anything of its own; NULL. */
void *com_new(const void *vtbl, const IID *iid);

/* Members of a table of methods: a function whose parameters are of other types than the
 * interface's (its objects are ours), one that is not there, the three of IUnknown. */
#define COM_METHOD(VTBL, MEMBER, FUNCTION)                                                         \
    .MEMBER = (__typeof__(((VTBL *)NULL)->MEMBER))(void (*)(void))FUNCTION
#define COM_NOT(VTBL, MEMBER) COM_METHOD(VTBL, MEMBER, com_unsupported)
#define COM_METHODS(VTBL)                                                                          \
    COM_METHOD(VTBL, QueryInterface, com_query), COM_METHOD(VTBL, AddRef, com_ref),                \
        COM_METHOD(VTBL, Release, com_release)

/* The objects that the DLL's two classes make: NULL when there is no memory. */
void *wbem_locator_new(void);
void *netcon_manager_new(void);

#endif
