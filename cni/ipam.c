/* SPDX-License-Identifier: Apache-2.0
 *
 * Addresses of this node's Pods, see ipam.h.  Each address that was ever given is an entry: held,
 * or in the one queue of released addresses, oldest first.  Those never given need no entry: a
 * cursor for each pool goes over them once. */
#include "cni/ipam.h"

#include <string.h>

#include "core/base/hash.h"
#include "core/base/hmap.h"
#include "core/base/mem.h"

struct ipam_entry {
    struct hmap_node node;
    struct ip ip;
    unsigned holds;                   /* 0: in the queue */
    struct ipam_entry *older, *newer; /* in the queue */
};
struct ipam_pool {
    struct prefix cidr;
    uint64_t first, end; /* numbers of addresses that may be given: [first, end) */
    uint64_t cursor;     /* those before it were looked at */
    uint64_t used;       /* entries that are held and lie in [first, end) */
};
struct ipam {
    struct hmap entries;
    struct ipam_queue {
        struct ipam_entry *oldest, *newest;
    } queues[2]; /* IPv4, IPv6 */
    struct ipam_pool pools[IPAM_MAX_POOLS];
    size_t n_pools;
};

struct ipam *ipam_new(void)
{
    struct ipam *m = mem_calloc(1, sizeof *m);
    hmap_init(&m->entries);
    return m;
}

void ipam_free(struct ipam *m)
{
    if (!m) {
        return;
    }
    HMAP_FOR_EACH_SAFE(node, tmp, &m->entries) {
        hmap_remove(&m->entries, node);
        mem_free(CONTAINER_OF(node, struct ipam_entry, node));
    }
    hmap_done(&m->entries);
    mem_free(m);
}

/* ---- entries ---- */

static uint64_t ipam_hash(const struct ip *ip)
{
    return hash_bytes(ip->b, sizeof ip->b, ip->family);
}

static struct ipam_entry *ipam_find(const struct ipam *m, const struct ip *ip)
{
    HMAP_FOR_EACH_WITH_HASH(node, &m->entries, ipam_hash(ip)) {
        struct ipam_entry *e = CONTAINER_OF(node, struct ipam_entry, node);
        if (ip_equal(&e->ip, ip)) {
            return e;
        }
    }
    return NULL;
}

static struct ipam_entry *ipam_get(struct ipam *m, const struct ip *ip, bool *is_new)
{
    struct ipam_entry *e = ipam_find(m, ip);
    *is_new = !e;
    if (!e) {
        e = mem_calloc(1, sizeof *e);
        e->ip = *ip;
        hmap_insert(&m->entries, &e->node, ipam_hash(ip));
    }
    return e;
}

static struct ipam_queue *ipam_queue_of(struct ipam *m, uint8_t family)
{
    return &m->queues[family == 6];
}

static void ipam_enqueue(struct ipam *m, struct ipam_entry *e)
{
    struct ipam_queue *q = ipam_queue_of(m, e->ip.family);
    e->older = q->newest;
    e->newer = NULL;
    *(q->newest ? &q->newest->newer : &q->oldest) = e;
    q->newest = e;
}

static void ipam_unqueue(struct ipam *m, struct ipam_entry *e)
{
    struct ipam_queue *q = ipam_queue_of(m, e->ip.family);
    *(e->older ? &e->older->newer : &q->oldest) = e->newer;
    *(e->newer ? &e->newer->older : &q->newest) = e->older;
    e->older = e->newer = NULL;
}

static void ipam_forget(struct ipam *m, struct ipam_entry *e)
{
    hmap_remove(&m->entries, &e->node);
    mem_free(e);
}

/* ---- pools ---- */

/* Number of an address within a prefix: the low 64 bits of the difference are enough, since pools
 * are not larger than IPAM_POOL_MAX. False: it is not of the prefix, or far outside the pool. */
static bool ipam_number(const struct ipam_pool *p, const struct ip *ip, uint64_t *out)
{
    if (!prefix_contains(&p->cidr, ip)) {
        return false;
    }
    struct ip base = prefix_nth(&p->cidr, 0);
    uint64_t n = 0;
    for (size_t i = 0; i < ip_bits(ip) / 8; i++) {
        if (n >> 56) {
            return false;
        }
        n = n << 8 | (uint64_t)(ip->b[i] ^ base.b[i]);
    }
    *out = n;
    return true;
}

static struct ipam_pool *ipam_pool_with(struct ipam *m, const struct ip *ip)
{
    for (size_t i = 0; i < m->n_pools; i++) {
        uint64_t n;
        if (ipam_number(&m->pools[i], ip, &n) && n >= m->pools[i].first && n < m->pools[i].end) {
            return &m->pools[i];
        }
    }
    return NULL;
}

static bool ipam_pool_make(struct ipam_pool *p, const struct prefix *cidr)
{
    unsigned host_bits = ip_bits(&cidr->ip) - cidr->len;
    uint64_t size = host_bits >= 17 ? IPAM_POOL_MAX + 2 : (uint64_t)1 << host_bits;
    bool broadcast = cidr->ip.family == 4 && host_bits < 17;
    *p = (struct ipam_pool){.cidr = prefix_masked(cidr), .first = 2, .cursor = 2};
    p->end = size - (broadcast ? 1 : 0);
    return p->end > p->first;
}

void ipam_set_pools(struct ipam *m, const struct prefix *cidrs, size_t n)
{
    m->n_pools = 0;
    for (size_t i = 0; i < n && m->n_pools < IPAM_MAX_POOLS; i++) {
        struct ipam_pool *p = &m->pools[m->n_pools];
        bool again = false;
        for (size_t j = 0; j < m->n_pools; j++) {
            again |= prefix_overlaps(&m->pools[j].cidr, &cidrs[i]);
        }
        m->n_pools += !again && ipam_pool_make(p, &cidrs[i]) ? 1 : 0;
    }
    HMAP_FOR_EACH_SAFE(node, tmp, &m->entries) {
        struct ipam_entry *e = CONTAINER_OF(node, struct ipam_entry, node);
        struct ipam_pool *p = ipam_pool_with(m, &e->ip);
        if (p && e->holds) {
            p->used++;
        } else if (!p && !e->holds) {
            ipam_unqueue(m, e);
            ipam_forget(m, e);
        }
    }
}

bool ipam_pool_of(const struct ipam *m, const struct ip *ip, struct prefix *cidr_out,
                  struct ip *gateway_out)
{
    for (size_t i = 0; i < m->n_pools; i++) {
        if (prefix_contains(&m->pools[i].cidr, ip)) {
            *cidr_out = m->pools[i].cidr;
            *gateway_out = prefix_nth(&m->pools[i].cidr, 1);
            return true;
        }
    }
    return false;
}

size_t ipam_n_pools(const struct ipam *m)
{
    return m->n_pools;
}

uint64_t ipam_n_free(const struct ipam *m, uint8_t family)
{
    uint64_t n = 0;
    for (size_t i = 0; i < m->n_pools; i++) {
        const struct ipam_pool *p = &m->pools[i];
        n += p->cidr.ip.family == family ? p->end - p->first - p->used : 0;
    }
    return n;
}

bool ipam_has_family(const struct ipam *m, uint8_t family)
{
    for (size_t i = 0; i < m->n_pools; i++) {
        if (m->pools[i].cidr.ip.family == family) {
            return true;
        }
    }
    return false;
}

bool ipam_is_exhausted(const struct ipam *m)
{
    for (unsigned family = 4; family <= 6; family += 2) {
        if (ipam_has_family(m, (uint8_t)family) && !ipam_n_free(m, (uint8_t)family)) {
            return true;
        }
    }
    return false;
}

/* ---- giving and taking back ---- */

void ipam_hold(struct ipam *m, const struct ip *ip)
{
    bool is_new;
    struct ipam_entry *e = ipam_get(m, ip, &is_new);
    if (!is_new && !e->holds) {
        ipam_unqueue(m, e);
    }
    if (e->holds++ == 0) {
        struct ipam_pool *p = ipam_pool_with(m, ip);
        if (p) {
            p->used++;
        }
    }
}

void ipam_release(struct ipam *m, const struct ip *ip)
{
    struct ipam_entry *e = ipam_find(m, ip);
    if (!e || !e->holds || --e->holds) {
        return;
    }
    struct ipam_pool *p = ipam_pool_with(m, ip);
    if (p) {
        p->used--;
        ipam_enqueue(m, e);
    } else {
        ipam_forget(m, e);
    }
}

void ipam_was_released(struct ipam *m, const struct ip *ip)
{
    if (!ipam_pool_with(m, ip)) {
        return;
    }
    bool is_new;
    struct ipam_entry *e = ipam_get(m, ip, &is_new);
    if (e->holds) {
        return;
    }
    if (!is_new) {
        ipam_unqueue(m, e);
    }
    ipam_enqueue(m, e);
}

int ipam_take(struct ipam *m, const struct ip *ip, struct err *err)
{
    char text[IP_TEXT_MAX];
    const struct ipam_entry *e = ipam_find(m, ip);
    if (!ipam_pool_with(m, ip)) {
        return err_set(err, ERR_NOT_FOUND, "%s is not an address that this node gives to Pods",
                       ip_format(ip, text));
    }
    if (e && e->holds) {
        return err_set(err, ERR_EXISTS, "%s is in use", ip_format(ip, text));
    }
    ipam_hold(m, ip);
    return 0;
}

/* The next address of a pool that was never given. */
static bool ipam_pick_fresh(struct ipam *m, struct ipam_pool *p, struct ip *out)
{
    for (; p->cursor < p->end; p->cursor++) {
        *out = prefix_nth(&p->cidr, p->cursor);
        if (!ipam_find(m, out)) {
            return true;
        }
    }
    return false;
}

static bool ipam_pick(struct ipam *m, uint8_t family, struct ip *out)
{
    for (size_t i = 0; i < m->n_pools; i++) {
        if (m->pools[i].cidr.ip.family == family && ipam_pick_fresh(m, &m->pools[i], out)) {
            return true;
        }
    }
    const struct ipam_entry *oldest = ipam_queue_of(m, family)->oldest;
    if (oldest) {
        *out = oldest->ip;
    }
    return oldest != NULL;
}

void ipam_each_released(const struct ipam *m, ipam_released_fn *fn, void *aux)
{
    for (size_t i = 0; i < ARRAY_LEN(m->queues); i++) {
        for (const struct ipam_entry *e = m->queues[i].oldest; e; e = e->newer) {
            fn(aux, &e->ip);
        }
    }
}

static const struct prefix *ipam_first_cidr(const struct ipam *m, uint8_t family)
{
    for (size_t i = 0; i < m->n_pools; i++) {
        if (m->pools[i].cidr.ip.family == family) {
            return &m->pools[i].cidr;
        }
    }
    return NULL;
}

int ipam_allocate(struct ipam *m, struct ip out[IPAM_MAX_IPS], size_t *n_out, struct err *err)
{
    static const uint8_t families[] = {4, 6};
    struct ip picked[IPAM_MAX_IPS];
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        const struct prefix *cidr = ipam_first_cidr(m, families[i]);
        if (cidr && !ipam_pick(m, families[i], &picked[n++])) {
            char text[PREFIX_TEXT_MAX];
            return err_set(err, ERR_EXHAUSTED, "no free address in %s", prefix_format(cidr, text));
        }
    }
    if (!n) {
        return err_set(err, ERR_AGAIN, "this node has no podCIDR with room for Pods");
    }
    for (size_t i = 0; i < n; i++) {
        ipam_hold(m, &picked[i]);
        out[i] = picked[i];
    }
    *n_out = n;
    return 0;
}
