/* SPDX-License-Identifier: Apache-2.0
 *
 * Addresses: IPv4 and IPv6 addresses and prefixes, Ethernet addresses; text forms after RFC 4291,
 * RFC 5952 and RFC 4632.  Plain values, compared by the functions here. */
#ifndef SEINE_BASE_ADDR_H
#define SEINE_BASE_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ip {
    uint8_t family; /* 4, 6, or 0: none */
    uint8_t b[16];  /* network order; IPv4 in the first four, the rest zero */
};
struct prefix {
    struct ip ip;
    uint8_t len; /* 0..32 or 0..128 */
};
struct mac {
    uint8_t b[6];
};
enum { IP_TEXT_MAX = 46, PREFIX_TEXT_MAX = 50, MAC_TEXT_MAX = 18 };

/* Strict text forms: no leading zeros, no white space, whole string.  False if not one. */
bool ip_parse(const char *s, struct ip *out);
bool prefix_parse(const char *s, struct prefix *out); /* host bits are kept as written */
bool mac_parse(const char *s, struct mac *out);
/* 'buf' has at least the _TEXT_MAX bytes above; returns buf. */
char *ip_format(const struct ip *ip, char *buf);
char *prefix_format(const struct prefix *p, char *buf);
char *mac_format(const struct mac *m, char *buf);

unsigned ip_bits(const struct ip *ip); /* 32, 128, or 0 */
int ip_cmp(const struct ip *a, const struct ip *b);
bool ip_equal(const struct ip *a, const struct ip *b);
struct ip ip_v4(uint32_t host_order);
uint32_t ip_to_v4(const struct ip *ip);
/* ip + n (n small); wraps to zero at the end of the space. */
struct ip ip_add(const struct ip *ip, uint64_t n);
/* The netmask of 'len' bits as an address. */
struct ip ip_mask(uint8_t family, unsigned len);
/* fe80:: address of 'mac' by modified EUI-64 (RFC 4291 appendix A). */
struct ip ip_link_local(const struct mac *mac);

struct prefix prefix_masked(const struct prefix *p); /* host bits cleared */
bool prefix_contains(const struct prefix *p, const struct ip *ip);
bool prefix_covers(const struct prefix *outer, const struct prefix *inner);
bool prefix_overlaps(const struct prefix *a, const struct prefix *b);
bool prefix_equal(const struct prefix *a, const struct prefix *b);
int prefix_cmp(const struct prefix *a, const struct prefix *b);
/* Address number n of the prefix (0 is the network address). */
struct ip prefix_nth(const struct prefix *p, uint64_t n);
/* 'from' less all of 'except' as the fewest prefixes, sorted; at most 'max' of them.
 * Returns their number, or max + 1 if there are more (then 'out' is not whole). */
size_t prefix_subtract(const struct prefix *from, const struct prefix *except, size_t n_except,
                       struct prefix *out, size_t max);
/* Makes the fewest prefixes of the same addresses, in place: masked, sorted, none inside another,
 * halves joined.  Returns their number. */
size_t prefix_merge(struct prefix *v, size_t n);
/* A locally administered unicast address made from a hash of the two strings. */
struct mac mac_from_name(const char *kind, const char *name);

#endif
