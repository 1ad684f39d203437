/* SPDX-License-Identifier: Apache-2.0
 *
 * Platform contract: host routes and neighbours to other nodes' Pods.  Rows of SPACE_ROUTE.
 *   key   = text "route PREFIX" or "neigh ADDRESS"
 *   value = text "via ADDRESS dev NAME" or "lladdr MAC dev NAME"
 * Ours are recognised, others' are never touched.  Linux: by protocol number ROUTE_PROTOCOL.
 * Windows, where nobody marks routes: those on our device of metric ROUTE_PROTOCOL, and the
 * permanent neighbours that are their next hops. */
#ifndef SEINE_PLATFORM_ROUTE_H
#define SEINE_PLATFORM_ROUTE_H

#include "core/base/err.h"
#include "core/engine/engine.h"

enum { ROUTE_PROTOCOL = 83 };
typedef void route_row_fn(void *aux, struct bytes key, struct bytes value);
/* All of ours on device 'dev'. */
int route_dump(const char *dev, route_row_fn *row, void *aux, struct err *err);
/* Adds, replaces or removes (value.n == 0) one row of device 'dev'.  Removing the absent is
 * success, also where the device is gone.  ERR_INVALID: not a row; ERR_NOT_FOUND: no such device;
 * ERR_EXISTS (Windows): somebody else has made that very route. */
int route_set(const char *dev, struct bytes key, struct bytes value, struct err *err);

#endif
