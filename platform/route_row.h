/* SPDX-License-Identifier: Apache-2.0
 *
 * The text of route.h's rows, read and written: the same on every system. */
#ifndef SEINE_PLATFORM_ROUTE_ROW_H
#define SEINE_PLATFORM_ROUTE_ROW_H

#include <stdbool.h>

#include "core/base/addr.h"
#include "platform/route.h"

enum { ROUTE_DEV_MAX = 16, ROUTE_TEXT_MAX = 96 };

struct route_row {
    bool neighbour;
    struct prefix prefix; /* of a neighbour: its address */
    struct ip via;
    struct mac mac;
    char dev[ROUTE_DEV_MAX];
};
/* Reads a row; an empty value (a removal) leaves all but the key zero.  ERR_INVALID names it. */
int route_row_parse(struct bytes key, struct bytes value, struct route_row *out, struct err *err);
/* Tells a row in that text. */
void route_row_tell(const struct route_row *r, route_row_fn *row, void *aux);

#endif
