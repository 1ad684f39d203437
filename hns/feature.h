/* SPDX-License-Identifier: Apache-2.0
 *
 * What a version of HNS can do: one table of features with the ranges of versions that have them.
 * The ranges are those of the vendor's own client; a feature that is listed as absent is not tried.
 */
#ifndef SEINE_HNS_FEATURE_H
#define SEINE_HNS_FEATURE_H

#include <stdbool.h>
#include <stddef.h>

#include "hns/document.h"

enum feature {
    FEATURE_ACL,
    FEATURE_V2_API,
    FEATURE_REMOTE_SUBNET,
    FEATURE_HOST_ROUTE,
    FEATURE_DSR,
    FEATURE_VXLAN_PORT,
    FEATURE_SLASH32,
    FEATURE_L4_PROXY,
    FEATURE_ACL_PROTOCOL_252,
    FEATURE_DUAL_STACK,
    FEATURE_SESSION_AFFINITY,
    FEATURE_SET_POLICY,
    FEATURE_L4_WFP_PROXY,
    FEATURE_TIER_ACL,
    FEATURE_NETWORK_ACL,
    FEATURE_NESTED_SET,
    FEATURE_DISABLE_HOST_PORT,
    FEATURE_MODIFY_LOADBALANCER,
    FEATURE_ACCELNET,
    FEATURE_N
};

struct feature_info {
    const char *name;   /* "IPv6DualStack" */
    const char *ranges; /* "9.3-9.x, 10.2+" */
};
const struct feature_info *feature_info(enum feature f);
/* Whether an HNS of this version has it. */
bool feature_is_in(enum feature f, const struct hcn_version *hns);
/* "IPv6DualStack needs HNS 11.10+, this is 10.4": for errors and events. */
void feature_explain(enum feature f, const struct hcn_version *hns, struct sbuf *out);

/* "11.10": two whole numbers, nothing else.  ERR_INVALID. */
int feature_version_parse(const char *s, struct hcn_version *out, struct err *err);
/* "VERSION+" (and every later one) or "VERSION-MAJOR.x" (to the end of that major, the same as
 * VERSION's), several with ", ".  False also if the text is no such list. */
bool feature_ranges_contain(const char *ranges, const struct hcn_version *v);

/* The HNS that goes with a schema version, for a service that does not tell its own: the oldest
 * that speaks it.  Zero for a schema before 2.0. */
struct hcn_version feature_hns_of_schema(const struct hcn_version *schema);

#endif
