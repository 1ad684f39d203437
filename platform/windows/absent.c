/* SPDX-License-Identifier: Apache-2.0
 *
 * What the contracts of platform/ ask for and this system does not answer yet: everything fails
 * with ERR_UNSUPPORTED and names itself, nothing pretends. */
#include "platform/hostnat.h"

#define ABSENT(err) err_set(err, ERR_UNSUPPORTED, "%s: not on this system", __func__)

int hostnat_dump(const char *gateway, hostnat_row_fn *row, void *aux, struct err *err)
{
    (void)gateway, (void)row, (void)aux;
    return ABSENT(err);
}

int hostnat_replace(const char *gateway, const struct hostnat_row *rows, size_t n, struct err *err)
{
    (void)gateway, (void)rows, (void)n;
    return ABSENT(err);
}
