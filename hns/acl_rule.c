/* SPDX-License-Identifier: Apache-2.0 */
#include "hns/acl_rule.h"

#include <stdio.h>
#include <string.h>

static const char any_protocol[] = "256";

void acl_rule_encode(const struct acl_rule *r, struct sbuf *out)
{
    bool in = r->direction == HCN_IN;
    char number[4];
    snprintf(number, sizeof number, "%u", (unsigned)r->proto);
    struct hcn_policy policy = {.type = HCN_POLICY_ACL,
                                .u.acl = {.protocols = r->proto ? number : any_protocol,
                                          .action = r->allow ? HCN_ALLOW : HCN_BLOCK,
                                          .direction = r->direction,
                                          .local_addresses = "",
                                          .remote_addresses = r->peers,
                                          .local_ports = in ? r->ports : "",
                                          .remote_ports = in ? "" : r->ports,
                                          .rule_type = HCN_RULE_SWITCH,
                                          .priority = r->priority}};
    hcn_policy_encode(&policy, out);
}

const struct hcn_policies *acl_blocked(void)
{
    static struct hcn_policy rules[] = {
        {.type = HCN_POLICY_ACL,
         .u.acl = {.protocols = any_protocol,
                   .action = HCN_BLOCK,
                   .direction = HCN_IN,
                   .rule_type = HCN_RULE_SWITCH,
                   .priority = ACL_PRIORITY_BLOCKED}},
        {.type = HCN_POLICY_ACL,
         .u.acl = {.protocols = any_protocol,
                   .action = HCN_BLOCK,
                   .direction = HCN_OUT,
                   .rule_type = HCN_RULE_SWITCH,
                   .priority = ACL_PRIORITY_BLOCKED}},
    };
    static const struct hcn_policies list = {rules, ARRAY_LEN(rules)};
    return &list;
}

/* ---- order ---- */

static bool is_out(const char *line)
{
    return strstr(line, "\"Direction\":\"Out\"") != NULL;
}

static unsigned priority_of(const char *line)
{
    static const char key[] = "\"Priority\":";
    const char *at = strstr(line, key);
    unsigned n = 0;
    for (at = at ? at + sizeof key - 1 : ""; *at >= '0' && *at <= '9'; at++)
        n = n * 10 + (unsigned)(*at - '0');
    return n;
}

int acl_line_cmp(const char *a, const char *b)
{
    bool out_a = is_out(a), out_b = is_out(b);
    if (out_a != out_b)
        return out_a ? 1 : -1;
    unsigned priority_a = priority_of(a), priority_b = priority_of(b);
    if (priority_a != priority_b)
        return priority_a < priority_b ? -1 : 1;
    return strcmp(a, b);
}
