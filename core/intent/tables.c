/* SPDX-License-Identifier: Apache-2.0 */
#include "core/intent/tables.h"

#include <string.h>

#include "core/base/mem.h"

struct node_config *node_config_new(const char *node_name)
{
    struct node_config *c = mem_calloc(1, sizeof *c);
    c->node_name = mem_strdup(node_name);
    c->platform = mem_strdup("linux");
    c->gateway = mem_strdup("seine-gw0");
    c->gateway_ofport = 2;
    c->tunnel_ofport = 1;
    c->gateway_mac = mac_from_name("gateway", node_name);
    c->masquerade = true;
    c->encap = true;
    return c;
}

struct node_config *node_config_copy(const struct node_config *from)
{
    struct node_config *c = mem_dup(from, sizeof *c);
    c->node_name = mem_strdup(from->node_name);
    c->platform = mem_strdup(from->platform);
    c->gateway = mem_strdup(from->gateway);
    return c;
}

void node_config_free(void *p)
{
    struct node_config *c = p;
    if (!c)
        return;
    mem_free(c->node_name);
    mem_free(c->platform);
    mem_free(c->gateway);
    mem_free(c);
}

bool node_config_equal(const void *pa, const void *pb)
{
    const struct node_config *a = pa, *b = pb;
    return !strcmp(a->node_name, b->node_name) && !strcmp(a->platform, b->platform) &&
           !strcmp(a->gateway, b->gateway) && a->gateway_ofport == b->gateway_ofport &&
           a->tunnel_ofport == b->tunnel_ofport && a->uplink_ofport == b->uplink_ofport &&
           !memcmp(&a->gateway_mac, &b->gateway_mac, sizeof a->gateway_mac) &&
           a->netdev == b->netdev && a->masquerade == b->masquerade && a->encap == b->encap &&
           a->hns_major == b->hns_major && a->hns_minor == b->hns_minor;
}
