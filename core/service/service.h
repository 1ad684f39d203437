/* SPDX-License-Identifier: Apache-2.0
 *
 * Services and their EndpointSlices to intents: one FRONTEND row for each port of a Service at each
 * of its cluster addresses.  Headless and ExternalName Services, and those that nobody gave an
 * address, have none. */
#ifndef SEINE_SERVICE_SERVICE_H
#define SEINE_SERVICE_SERVICE_H

#include "core/engine/engine.h"
#include "core/intent/intent.h"

/* Unit kind "service", driven by TABLE_SERVICE.
 *
 * The endpoints of a frontend are those of the Service's slices of its family, by the port's name
 * and protocol: the ready ones, or where none is ready the ones that still serve while they end.
 * One that is in two slices, as when it moves, is one; it is what the better of both says. */
void service_derive(struct derive *d, const char *key);

/* Index of TABLE_ENDPOINT_SLICE by the key of the Service it is of. */
enum { SLICE_BY_SERVICE };
index_fn slice_by_service;

#endif
