/* SPDX-License-Identifier: Apache-2.0
 *
 * Features by version of HNS. */
#include "hns/feature.h"

#include <string.h>

static const struct feature_info feature_table[FEATURE_N] = {
    [FEATURE_ACL] = {"ACL", "7.2+"},
    [FEATURE_V2_API] = {"V2Api", "9.2+"},
    [FEATURE_REMOTE_SUBNET] = {"RemoteSubnetRoute", "9.2+"},
    [FEATURE_HOST_ROUTE] = {"HostRoute", "9.2+"},
    [FEATURE_DSR] = {"DSR", "9.3-9.x, 10.2+"},
    [FEATURE_VXLAN_PORT] = {"VxlanPort", "10.3+"},
    [FEATURE_SLASH32] = {"Slash32EndpointPrefixes", "9.3-9.x, 10.4+"},
    [FEATURE_L4_PROXY] = {"L4Proxy", "9.5-9.x, 10.5-10.x, 11.11-11.x, 12.1-12.x, 13.1+"},
    [FEATURE_ACL_PROTOCOL_252] = {"AclProtocol252", "11.0+"},
    [FEATURE_DUAL_STACK] = {"IPv6DualStack", "11.10+"},
    [FEATURE_SESSION_AFFINITY] = {"SessionAffinity", "12.0+"},
    [FEATURE_SET_POLICY] = {"SetPolicy", "13.0+"},
    [FEATURE_L4_WFP_PROXY] = {"L4WfpProxy", "13.2+"},
    [FEATURE_TIER_ACL] = {"TierAcl", "14.0+"},
    [FEATURE_NETWORK_ACL] = {"NetworkACL", "15.0+"},
    [FEATURE_NESTED_SET] = {"NestedIpSet", "15.0+"},
    [FEATURE_DISABLE_HOST_PORT] = {"DisableHostPort", "15.1+"},
    [FEATURE_MODIFY_LOADBALANCER] = {"ModifyLoadBalancer", "15.4+"},
    [FEATURE_ACCELNET] = {"Accelnet", "15.4+"},
};

/* By schema: 2.0 came with Windows Server 2019 (HNS 9.2), 2.6 with version 2004 (11.0), 2.11 with
 * Windows Server 2022 (13.0), 2.14 with Windows 11 (14.0). */
static const struct {
    struct hcn_version schema, hns;
} feature_schemas[] = {
    {{2, 14}, {14, 0}},
    {{2, 11}, {13, 0}},
    {{2, 6}, {11, 0}},
    {{2, 0}, {9, 2}},
};

const struct feature_info *feature_info(enum feature f)
{
    return &feature_table[f];
}

bool feature_is_in(enum feature f, const struct hcn_version *hns)
{
    return feature_ranges_contain(feature_table[f].ranges, hns);
}

void feature_explain(enum feature f, const struct hcn_version *hns, struct sbuf *out)
{
    sbuf_printf(out, "%s needs HNS %s, this is %u.%u", feature_table[f].name,
                feature_table[f].ranges, (unsigned)hns->major, (unsigned)hns->minor);
}

/* ---- text ---- */

/* A number without sign or leading zero, at '*s', which then stands behind it. */
static bool feature_number(const char **s, uint32_t *out)
{
    const char *at = *s;
    uint32_t n = 0;
    while (*at >= '0' && *at <= '9' && at - *s < 9) {
        n = n * 10 + (uint32_t)(*at++ - '0');
    }
    if (at == *s || (**s == '0' && at - *s > 1)) {
        return false;
    }
    *s = at;
    *out = n;
    return true;
}

static bool feature_version(const char **s, struct hcn_version *out)
{
    if (!feature_number(s, &out->major) || **s != '.') {
        return false;
    }
    (*s)++;
    return feature_number(s, &out->minor);
}

int feature_version_parse(const char *s, struct hcn_version *out, struct err *err)
{
    struct hcn_version v;
    const char *at = s;
    if (!feature_version(&at, &v) || *at) {
        return err_set(err, ERR_INVALID, "%.40s: not a version of HNS, such as 11.10", s);
    }
    *out = v;
    return 0;
}

static bool feature_is_before(const struct hcn_version *a, const struct hcn_version *b)
{
    return a->major != b->major ? a->major < b->major : a->minor < b->minor;
}

/* Whether the range at '*s' has the version; 's' then stands behind it, or is NULL. */
static bool feature_range(const char **s, const struct hcn_version *v)
{
    struct hcn_version from;
    uint32_t major = 0;
    bool good = feature_version(s, &from), open = good && **s == '+';
    bool closed = good && **s == '-';
    *s += open || closed;
    if (closed) {
        closed = feature_number(s, &major) && major == from.major && strncmp(*s, ".x", 2) == 0;
        *s += closed ? 2 : 0;
    }
    if (!open && !closed) {
        *s = NULL;
        return false;
    }
    return !feature_is_before(v, &from) && (open || v->major == from.major);
}

bool feature_ranges_contain(const char *ranges, const struct hcn_version *v)
{
    bool found = false, more = true;
    while (more) {
        found = feature_range(&ranges, v) || found;
        more = ranges && strncmp(ranges, ", ", 2) == 0;
        if (more) {
            ranges += 2;
        }
    }
    return found && ranges && !*ranges;
}

struct hcn_version feature_hns_of_schema(const struct hcn_version *schema)
{
    for (size_t i = 0; i < ARRAY_LEN(feature_schemas); i++) {
        if (!feature_is_before(schema, &feature_schemas[i].schema)) {
            return feature_schemas[i].hns;
        }
    }
    return (struct hcn_version){0};
}
