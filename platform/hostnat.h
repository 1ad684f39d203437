/* SPDX-License-Identifier: Apache-2.0
 *
 * Platform contract: masquerade of what leaves the cluster.  Rows of SPACE_HOSTNAT.
 *   key   = text "masquerade PREFIX" (a podCIDR of this node)
 *   value = Linux: text "except PREFIX,PREFIX... gateway NAME" (all podCIDRs of that family,
 * sorted); Windows: text "gateway NAME", IPv4 alone: NetNat has no exceptions and no IPv6 Linux:
 * one nftables table "seine-<gateway>" by `nft -j`, replaced in one transaction.  Windows:
 * instances "seine-<gateway>-N" of the WMI class MSFT_NetNat; the service knows no transactions, so
 * what is not wanted goes first, and a failure leaves fewer rules than rows.  Others' are never
 * touched. */
#ifndef SEINE_PLATFORM_HOSTNAT_H
#define SEINE_PLATFORM_HOSTNAT_H

#include "core/base/err.h"
#include "core/engine/engine.h"

typedef void hostnat_row_fn(void *aux, struct bytes key, struct bytes value);
int hostnat_dump(const char *gateway, hostnat_row_fn *row, void *aux, struct err *err);
/* Makes the rules exactly these rows; n == 0 removes everything of ours.  ERR_INVALID: not a row of
 * this system; ERR_UNSUPPORTED (Windows): there is no NetNat. */
struct hostnat_row {
    struct bytes key, value;
};
int hostnat_replace(const char *gateway, const struct hostnat_row *rows, size_t n, struct err *err);

#endif
