/* SPDX-License-Identifier: Apache-2.0
 *
 * Addresses: what can be computed with them.  Their text forms are in addr_text.c. */
#include "core/base/addr.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/mem.h"
#include "core/base/sbuf.h"

unsigned ip_bits(const struct ip *ip)
{
    return ip->family == 4 ? 32 : ip->family == 6 ? 128 : 0;
}

int ip_cmp(const struct ip *a, const struct ip *b)
{
    if (a->family != b->family) {
        return a->family < b->family ? -1 : 1;
    }
    int order = memcmp(a->b, b->b, sizeof a->b);
    return order < 0 ? -1 : order > 0;
}

bool ip_equal(const struct ip *a, const struct ip *b)
{
    return ip_cmp(a, b) == 0;
}

struct ip ip_v4(uint32_t host_order)
{
    struct ip ip = {.family = 4};
    set_be32(ip.b, host_order);
    return ip;
}

uint32_t ip_to_v4(const struct ip *ip)
{
    return get_be32(ip->b);
}

struct ip ip_add(const struct ip *ip, uint64_t n)
{
    struct ip sum = *ip;
    for (size_t i = ip_bits(ip) / 8; i-- > 0 && n;) {
        uint64_t byte = sum.b[i] + (n & 0xff);
        sum.b[i] = (uint8_t)byte;
        n = (n >> 8) + (byte >> 8);
    }
    return sum;
}

struct ip ip_mask(uint8_t family, unsigned len)
{
    struct ip mask = {.family = family};
    unsigned bits = ip_bits(&mask);
    for (unsigned i = 0; i < len && i < bits; i++) {
        mask.b[i / 8] |= (uint8_t)(0x80u >> i % 8);
    }
    return mask;
}

struct ip ip_link_local(const struct mac *mac)
{
    const uint8_t *m = mac->b;
    struct ip ip = {
        .family = 6,
        .b = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, m[0] ^ 2u, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]}};
    return ip;
}

struct prefix prefix_masked(const struct prefix *p)
{
    struct prefix masked = *p;
    struct ip mask = ip_mask(p->ip.family, p->len);
    for (size_t i = 0; i < sizeof mask.b; i++) {
        masked.ip.b[i] &= mask.b[i];
    }
    return masked;
}

/* Whether the first 'len' bits are the same. */
static bool prefix_same_bits(const struct ip *a, const struct ip *b, unsigned len)
{
    unsigned rest = len % 8;
    return !memcmp(a->b, b->b, len / 8) &&
           (!rest || ((a->b[len / 8] ^ b->b[len / 8]) & (0xff00u >> rest & 0xff)) == 0);
}

bool prefix_contains(const struct prefix *p, const struct ip *ip)
{
    return p->ip.family && p->ip.family == ip->family && prefix_same_bits(&p->ip, ip, p->len);
}

bool prefix_covers(const struct prefix *outer, const struct prefix *inner)
{
    return outer->len <= inner->len && prefix_contains(outer, &inner->ip);
}

bool prefix_overlaps(const struct prefix *a, const struct prefix *b)
{
    return prefix_covers(a, b) || prefix_covers(b, a);
}

bool prefix_equal(const struct prefix *a, const struct prefix *b)
{
    return prefix_cmp(a, b) == 0;
}

int prefix_cmp(const struct prefix *a, const struct prefix *b)
{
    int order = ip_cmp(&a->ip, &b->ip);
    return order ? order : (a->len > b->len) - (a->len < b->len);
}

struct ip prefix_nth(const struct prefix *p, uint64_t n)
{
    struct prefix masked = prefix_masked(p);
    return ip_add(&masked.ip, n);
}

static int prefix_order(const void *a, const void *b)
{
    return prefix_cmp(a, b);
}

/* What prefix_subtract collects; n grows to max + 1 and no further. */
struct prefix_list {
    struct prefix *out;
    size_t n, max;
};

/* 'except' holds only prefixes inside 'p', sorted: a whole 'p' comes first, and those of its lower
 * half before those of its upper one.  Two halves are never both whole (then nothing would be
 * excepted from 'p'), so the result is the smallest. */
static void prefix_split(struct prefix p, const struct prefix *except, size_t n,
                         struct prefix_list *list)
{
    if (list->n > list->max || (n && except[0].len == p.len)) {
        return;
    }
    if (!n) {
        if (list->n < list->max) {
            list->out[list->n] = p;
        }
        list->n++;
        return;
    }
    struct prefix upper = p;
    upper.ip.b[p.len / 8] |= (uint8_t)(0x80u >> p.len % 8);
    p.len++;
    upper.len++;
    size_t n_lower = 0;
    while (n_lower < n && prefix_contains(&p, &except[n_lower].ip)) {
        n_lower++;
    }
    prefix_split(p, except, n_lower, list);
    prefix_split(upper, except + n_lower, n - n_lower, list);
}

size_t prefix_subtract(const struct prefix *from, const struct prefix *except, size_t n_except,
                       struct prefix *out, size_t max)
{
    struct prefix whole = prefix_masked(from);
    auto_free struct prefix *inside = mem_calloc(n_except, sizeof *inside);
    size_t n = 0;
    for (size_t i = 0; i < n_except; i++) {
        if (prefix_covers(&except[i], &whole)) {
            return 0;
        }
        if (prefix_covers(&whole, &except[i])) {
            inside[n++] = prefix_masked(&except[i]);
        }
    }
    if (n) {
        qsort(inside, n, sizeof *inside, prefix_order);
    }
    struct prefix_list list = {out, 0, max};
    prefix_split(whole, inside, n, &list);
    return list.n;
}

/* Whether the two are the halves of one shorter prefix. */
static bool prefix_are_halves(const struct prefix *a, const struct prefix *b)
{
    return a->ip.family == b->ip.family && a->len == b->len && a->len > 0 &&
           prefix_same_bits(&a->ip, &b->ip, a->len - 1u);
}

size_t prefix_merge(struct prefix *v, size_t n)
{
    size_t kept = 0;
    bool in_order = true; /* often: lists that were merged before */
    for (size_t i = 0; i < n; i++) {
        v[i] = prefix_masked(&v[i]);
        in_order = in_order && (i == 0 || prefix_cmp(&v[i - 1], &v[i]) <= 0);
    }
    if (!in_order) {
        qsort(v, n, sizeof *v, prefix_order);
    }
    for (size_t i = 0; i < n; i++) {
        if (kept && prefix_covers(&v[kept - 1], &v[i])) {
            continue;
        }
        v[kept++] = v[i];
        while (kept > 1 && prefix_are_halves(&v[kept - 2], &v[kept - 1])) {
            kept--;
            v[kept - 1].len--; /* the lower half's bits are the whole's */
        }
    }
    return kept;
}

struct mac mac_from_name(const char *kind, const char *name)
{
    uint64_t h = hash_str(name, hash_str(kind, 0));
    struct mac mac;
    for (size_t i = 0; i < sizeof mac.b; i++) {
        mac.b[i] = (uint8_t)(h >> 8 * i);
    }
    mac.b[0] = (uint8_t)((mac.b[0] & 0xfc) | 0x02);
    return mac;
}
