/* SPDX-License-Identifier: Apache-2.0 */
#include "hns/acl_peers.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/vec.h"
#include "hns/acl.h"
#include "hns/document.h"
#include "hns/feature.h"

const struct prefix *acl_peers_prefixes(const struct acl_peers *p)
{
    return (const void *)(p->groups + p->n_groups);
}

void acl_set_name(const struct intent_id *set, const struct acl_group *g, uint8_t family,
                  struct sbuf *out)
{
    char id[INTENT_ID_TEXT_MAX];
    sbuf_printf(out, ACL_SET_PREFIX "%s", intent_id_format(set, id));
    if (g->proto)
        sbuf_printf(out, "-%u-%u", (unsigned)g->proto, (unsigned)g->port);
    sbuf_printf(out, "-ipv%u", (unsigned)family);
}

void acl_put_prefixes(const struct prefix *v, size_t n, struct sbuf *out)
{
    char text[PREFIX_TEXT_MAX];
    for (size_t i = 0; i < n; i++) {
        if (i)
            sbuf_putc(out, ',');
        sbuf_puts(out, prefix_format(&v[i], text));
    }
}

bool acl_group_is_too_big(const struct acl_group *g)
{
    return g->n_ipv4 > ACL_MAX_ADDRESSES || g->n_ipv6 > ACL_MAX_ADDRESSES - g->n_ipv4;
}

/* ---- gathering ---- */

struct peer {
    uint8_t proto;
    uint16_t port;
    struct prefix address;
};
typedef VEC(struct peer) peer_vec;

static void take_member(const struct intent_member *m, const struct intent_id *set, peer_vec *out)
{
    for (uint32_t i = 0; i < m->n_entries; i++) {
        const struct member_entry *e = &m->entries[i];
        if (intent_id_cmp(&e->set, set) != 0)
            continue;
        for (uint32_t k = 0; k < m->n_ips; k++) {
            struct peer p = {e->proto, e->port, {m->ips[k], (uint8_t)ip_bits(&m->ips[k])}};
            VEC_PUSH(out, p);
        }
    }
}

static int cmp_peer(const void *pa, const void *pb)
{
    const struct peer *a = pa, *b = pb;
    if (a->proto != b->proto)
        return a->proto < b->proto ? -1 : 1;
    if (a->port != b->port)
        return a->port < b->port ? -1 : 1;
    return prefix_cmp(&a->address, &b->address);
}

/* One group of peers [from, to); its prefixes are appended to 'out', which has room. */
static struct acl_group take_group(const struct peer *from, const struct peer *to,
                                   struct prefix *out, uint32_t first)
{
    struct acl_group g;
    memset(&g, 0, sizeof g);
    g.proto = from->proto;
    g.port = from->port;
    g.first = first;
    size_t n = 0;
    for (const struct peer *p = from; p < to; p++)
        out[n++] = p->address;
    n = prefix_merge(out, n);
    for (size_t i = 0; i < n; i++)
        *(out[i].ip.family == 4 ? &g.n_ipv4 : &g.n_ipv6) += 1;
    return g;
}

static void put_set(struct derive *d, const struct intent_id *set, const struct acl_group *g,
                    const struct prefix *v, uint8_t family)
{
    size_t n = family == 4 ? g->n_ipv4 : g->n_ipv6;
    if (n == 0 || acl_group_is_too_big(g))
        return; /* no rule names it */
    auto_sbuf name = SBUF_INIT;
    auto_sbuf values = SBUF_INIT;
    auto_sbuf json = SBUF_INIT;
    acl_set_name(set, g, family, &name);
    acl_put_prefixes(family == 4 ? v : v + g->n_ipv4, n, &values);
    struct hcn_policy policy = {
        .type = HCN_POLICY_SET,
        .u.set = {
            .id = name.data, .name = name.data, .policy_type = "IPSET", .values = values.data}};
    hcn_policy_encode(&policy, &json);
    derive_out(d, SPACE_ACL_SET, name.data, name.len, json.data, json.len);
}

static void put_sets(struct derive *d, const struct intent_id *set, const struct acl_peers *p)
{
    const struct row *row = view_get(derive_view(d), TABLE_CONFIG, "");
    if (!row)
        return;
    struct hcn_version version = acl_version(row->value);
    if (!feature_is_in(FEATURE_SET_POLICY, &version))
        return;
    for (uint32_t i = 0; i < p->n_groups; i++) {
        const struct prefix *v = acl_peers_prefixes(p) + p->groups[i].first;
        put_set(d, set, &p->groups[i], v, 4);
        put_set(d, set, &p->groups[i], v, 6);
    }
}

/* The row of sorted peers. */
static void put_peers(struct derive *d, const char *key, const struct intent_id *set,
                      const peer_vec *peers)
{
    struct arena *a = derive_arena(d);
    struct acl_group *groups = arena_alloc(a, peers->n * sizeof *groups);
    struct prefix *prefixes = arena_alloc(a, peers->n * sizeof *prefixes);
    struct acl_peers head = {0, 0};
    for (size_t from = 0, to; from < peers->n; from = to) {
        for (to = from + 1; to < peers->n && peers->v[from].proto == peers->v[to].proto &&
                            peers->v[from].port == peers->v[to].port;)
            to++;
        struct acl_group g =
            take_group(&peers->v[from], peers->v + to, prefixes + head.n_prefixes, head.n_prefixes);
        head.n_prefixes += g.n_ipv4 + g.n_ipv6;
        groups[head.n_groups++] = g;
    }
    auto_sbuf blob = SBUF_INIT;
    sbuf_put(&blob, &head, sizeof head);
    sbuf_put(&blob, groups, head.n_groups * sizeof *groups);
    sbuf_put(&blob, prefixes, head.n_prefixes * sizeof *prefixes);
    derive_row(d, TABLE_PEERS, key, blob.data, blob.len);
    put_sets(d, set, (const void *)blob.data);
}

void acl_peers_derive(struct derive *d, const char *key)
{
    struct intent_id set;
    size_t n;
    if (!intent_id_parse(key, &set))
        return;
    const struct row **rows = view_list_index(derive_view(d), TABLE_MEMBER, MEMBER_BY_SET, key, &n);
    peer_vec peers = VEC_INIT;
    for (size_t i = 0; i < n; i++)
        take_member(rows[i]->value, &set, &peers);
    if (peers.n) {
        qsort(peers.v, peers.n, sizeof *peers.v, cmp_peer);
        put_peers(d, key, &set, &peers);
    }
    VEC_DONE(&peers);
}
