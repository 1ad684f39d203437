/* SPDX-License-Identifier: Apache-2.0 */
#include "hns/acl_rule.h"

#include <string.h>

/* What the service takes for "every protocol". */
enum { HCN_PROTOCOL_ANY = 256 };

void acl_rule_encode(const struct acl_rule *r, struct sbuf *out)
{
    bool in = r->direction == ACL_IN;
    sbuf_printf(out,
                "{\"Type\":\"ACL\",\"Settings\":{\"Protocols\":\"%u\",\"Action\":\"%s\","
                "\"Direction\":\"%s\",\"LocalAddresses\":\"\",\"RemoteAddresses\":\"",
                r->proto ? (unsigned)r->proto : (unsigned)HCN_PROTOCOL_ANY,
                r->allow ? "Allow" : "Block", in ? "In" : "Out");
    sbuf_puts(out, r->peers);
    sbuf_printf(out,
                "\",\"LocalPorts\":\"%s\",\"RemotePorts\":\"%s\",\"RuleType\":\"Switch\","
                "\"Priority\":%u}}",
                in ? r->ports : "", in ? "" : r->ports, (unsigned)r->priority);
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
