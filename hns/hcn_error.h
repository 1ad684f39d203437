/* SPDX-License-Identifier: Apache-2.0
 *
 * What the numbers of the HCN service mean: the one table from HRESULT to our error codes and to
 * HCN's own names, and what an ErrorRecord says.  Portable: platform/hcn.h only brings the number.
 */
#ifndef SEINE_HNS_HCN_ERROR_H
#define SEINE_HNS_HCN_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "platform/hcn.h"

struct hcn_error {
    uint32_t hr;
    const char *name; /* "HCN_E_NETWORK_NOT_FOUND" */
    int code;         /* ERR_ of ours */
    const char *text; /* ours, not the system's: the same in every language */
};
/* A number of HCN's own. */
#define HCN_E(low) (UINT32_C(0x803b0000) | (uint32_t)(low))

/* The row of the table; NULL if the number is not in it. */
const struct hcn_error *hcn_error_find(uint32_t hr);
/* All rows, in ascending order. */
const struct hcn_error *hcn_error_table(size_t *n_out);
/* Our code for a number: ERR_IO for one that is not in the table. */
int hcn_error_code(uint32_t hr);
/* The service itself is away or stopping: nothing is known of its objects. */
bool hcn_error_is_away(uint32_t hr);

/* The number says that an object of this kind, by which it was asked, does not exist.  (Others of
 * ERR_NOT_FOUND speak of something that the object needs.) */
bool hcn_error_is_absent(enum hcn_kind kind, uint32_t hr);

/* The number a refused call failed with: that of its HRESULT, or of the ErrorRecord where the
 * HRESULT says success; 0 if neither has one. */
uint32_t hcn_error_number(const struct hcn_reply *reply);
/* For a reply that hcn_call() gave with ERR_REFUSED: our code, with the text
 * "HcnOpenNetwork: HCN_E_NETWORK_NOT_FOUND: no such network (WHAT THE SERVICE SAYS MORE)" and the
 * number in err->os_code.  Never 0.
 *   ERR_AGAIN       the service is away: never taken for absence
 *   ERR_NOT_FOUND, ERR_EXISTS, ERR_CONFLICT, ERR_INVALID, ERR_UNSUPPORTED, ERR_PERMISSION,
 *   ERR_EXHAUSTED, ERR_TIMEOUT, ERR_IO as in the table */
int hcn_error_set(const struct hcn_reply *reply, struct err *err);

#endif
