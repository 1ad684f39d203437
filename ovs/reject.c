/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers to refused packets: read the packet's headers, write the answer's. */
#include "ovs/reject.h"

#include <string.h>

#include "ovs/flow.h"

enum { ETH_LEN = 14, IPV4_MIN = 20, IPV6_LEN = 40, TCP_LEN = 20, ICMP_LEN = 8 };
enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_ACK = 16 };
enum { REJECT_TTL = 64, IPV4_DONT_FRAGMENT = 0x4000, IPV4_FRAG_OFFSET = 0x1fff };
enum { EXT_HOP = 0, EXT_ROUTING = 43, EXT_FRAGMENT = 44, EXT_DESTINATION = 60, EXT_MAX = 8 };
enum { ICMP_UNREACHABLE = 3, ICMP_PORT = 3, ICMPV6_UNREACHABLE = 1, ICMPV6_PORT = 4 };
enum { ICMPV6_QUERIES = 128, ICMPV6_REDIRECT = 137 };
/* An answer over IPv4 is at most 576 bytes (RFC 1812, 4.3.2.3), over IPv6 the least MTU. */
enum { IPV4_ANSWER_MAX = 576, IPV6_ANSWER_MAX = 1280 };

struct reject_packet {
    const uint8_t *eth, *ip, *l4;
    size_t ip_len; /* of the IP packet, as far as it is here */
    size_t l4_len; /* of what follows the IP headers, as its length field says */
    size_t l4_here;
    uint8_t proto;
    bool v6;
};

/* ---- reading ---- */
static int reject_none(struct err *err, const char *why)
{
    return err_set(err, ERR_NOT_FOUND, "not answered: %s", why);
}

static int reject_short(struct err *err, const char *what)
{
    return err_set(err, ERR_TRUNCATED, "packet: %s is cut off", what);
}

static int reject_read_ipv4(struct reject_packet *p, struct err *err)
{
    if (p->ip_len < IPV4_MIN) {
        return reject_short(err, "IPv4 header");
    }
    size_t head = (size_t)(p->ip[0] & 15) * 4, total = get_be16(p->ip + 2);
    if (p->ip[0] >> 4 != 4 || head < IPV4_MIN || total < head) {
        return err_set(err, ERR_INVALID, "packet: IPv4 header of %zu bytes in %zu", head, total);
    }
    if (p->ip_len < head) {
        return reject_short(err, "IPv4 header");
    }
    if (get_be16(p->ip + 6) & IPV4_FRAG_OFFSET) {
        return reject_none(err, "a fragment behind the first");
    }
    p->proto = p->ip[9];
    p->l4 = p->ip + head;
    p->l4_len = total - head;
    p->ip_len = p->ip_len < total ? p->ip_len : total;
    p->l4_here = p->ip_len - head;
    return 0;
}

static int reject_read_ipv6(struct reject_packet *p, struct err *err)
{
    if (p->ip_len < IPV6_LEN) {
        return reject_short(err, "IPv6 header");
    }
    size_t total = IPV6_LEN + (size_t)get_be16(p->ip + 4), at = IPV6_LEN;
    if (p->ip[0] >> 4 != 6) {
        return err_set(err, ERR_INVALID, "packet: IP version %u in an IPv6 frame", p->ip[0] >> 4);
    }
    p->ip_len = p->ip_len < total ? p->ip_len : total;
    p->proto = p->ip[6];
    for (unsigned i = 0; i < EXT_MAX; i++) {
        uint8_t ext = p->proto;
        if (ext != EXT_HOP && ext != EXT_ROUTING && ext != EXT_FRAGMENT && ext != EXT_DESTINATION) {
            p->l4 = p->ip + at;
            p->l4_len = total - at;
            p->l4_here = p->ip_len - at;
            return 0;
        }
        if (p->ip_len < at + 8) {
            return reject_short(err, "IPv6 extension header");
        }
        if (ext == EXT_FRAGMENT && get_be16(p->ip + at + 2) & 0xfff8) {
            return reject_none(err, "a fragment behind the first");
        }
        p->proto = p->ip[at];
        at += ext == EXT_FRAGMENT ? 8 : ((size_t)p->ip[at + 1] + 1) * 8;
        if (p->ip_len < at) {
            return reject_short(err, "IPv6 extension header");
        }
    }
    return reject_none(err, "too many IPv6 extension headers");
}

/* Whether an answer may go to who sent this, from where it was to go. */
static int reject_check_addresses(const struct reject_packet *p, struct err *err)
{
    bool all = p->eth[0] & 1 || p->eth[6] & 1;
    if (p->v6) {
        static const uint8_t any[16];
        all |= p->ip[24] == 0xff || p->ip[8] == 0xff || memcmp(p->ip + 8, any, 16) == 0;
    } else {
        all |= p->ip[16] >= 224 || p->ip[12] >= 224 || p->ip[12] == 0;
    }
    return all ? reject_none(err, "not from one host to one host") : 0;
}

static int reject_read(struct bytes packet, struct reject_packet *p, struct err *err)
{
    if (packet.n < ETH_LEN) {
        return reject_short(err, "Ethernet header");
    }
    *p = (struct reject_packet){.eth = packet.p, .ip_len = packet.n - ETH_LEN};
    p->ip = p->eth + ETH_LEN;
    uint16_t type = get_be16(p->eth + 12);
    if (type != ETH_IPV4 && type != ETH_IPV6) {
        return err_set(err, ERR_UNSUPPORTED, "packet: Ethernet type 0x%04x", type);
    }
    p->v6 = type == ETH_IPV6;
    int rc = p->v6 ? reject_read_ipv6(p, err) : reject_read_ipv4(p, err);
    return rc < 0 ? rc : reject_check_addresses(p, err);
}

/* ---- writing ---- */
/* The ones' complement sum of RFC 1071, carried on from 'sum'. */
static uint32_t reject_sum(uint32_t sum, const void *data, size_t n)
{
    const uint8_t *b = data;
    for (; n > 1; n -= 2, b += 2) {
        sum += get_be16(b);
    }
    sum += n ? (uint32_t)b[0] << 8 : 0;
    return (sum & 0xffff) + (sum >> 16);
}

static uint16_t reject_fold(uint32_t sum)
{
    while (sum >> 16) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return (uint16_t)~sum;
}

/* The sum of the pseudo header: addresses, length, protocol.  'ip' is the answer's. */
static uint32_t reject_pseudo(const uint8_t *ip, bool v6, uint8_t proto, size_t len)
{
    uint32_t sum = reject_sum((uint32_t)len + proto, v6 ? ip + 8 : ip + 12, v6 ? 32 : 8);
    return sum;
}

/* Ethernet and IP headers back to the sender, with room for 'len' bytes behind; returns them. */
static uint8_t *reject_put_head(const struct reject_packet *p, uint8_t proto, size_t len,
                                struct sbuf *out)
{
    size_t head = p->v6 ? IPV6_LEN : IPV4_MIN;
    uint8_t *b = sbuf_put_zeros(out, ETH_LEN + head + len);
    memcpy(b, p->eth + 6, 6);
    memcpy(b + 6, p->eth, 6);
    memcpy(b + 12, p->eth + 12, 2);
    uint8_t *ip = b + ETH_LEN;
    if (p->v6) {
        ip[0] = 6 << 4;
        set_be16(ip + 4, (uint16_t)len);
        ip[6] = proto;
        ip[7] = REJECT_TTL;
        memcpy(ip + 8, p->ip + 24, 16);
        memcpy(ip + 24, p->ip + 8, 16);
    } else {
        ip[0] = 4 << 4 | IPV4_MIN / 4;
        set_be16(ip + 2, (uint16_t)(head + len));
        set_be16(ip + 6, IPV4_DONT_FRAGMENT);
        ip[8] = REJECT_TTL;
        ip[9] = proto;
        memcpy(ip + 12, p->ip + 16, 4);
        memcpy(ip + 16, p->ip + 12, 4);
        set_be16(ip + 10, reject_fold(reject_sum(0, ip, IPV4_MIN)));
    }
    return ip + head;
}

static int reject_tcp(const struct reject_packet *p, struct sbuf *out, struct err *err)
{
    if (p->l4_here < TCP_LEN) {
        return reject_short(err, "TCP header");
    }
    const uint8_t *in = p->l4;
    size_t head = (size_t)(in[12] >> 4) * 4;
    if (head < TCP_LEN || head > p->l4_len) {
        return err_set(err, ERR_INVALID, "packet: TCP header of %zu bytes in %zu", head, p->l4_len);
    }
    if (in[13] & TCP_RST) {
        return reject_none(err, "a TCP reset");
    }
    uint8_t *tcp = reject_put_head(p, PROTO_TCP, TCP_LEN, out);
    memcpy(tcp, in + 2, 2);
    memcpy(tcp + 2, in, 2);
    tcp[12] = TCP_LEN / 4 << 4;
    if (in[13] & TCP_ACK) { /* what the peer expects next */
        memcpy(tcp + 4, in + 8, 4);
        tcp[13] = TCP_RST;
    } else {
        uint32_t flags = in[13];
        uint32_t took =
            (uint32_t)(p->l4_len - head) + (flags & TCP_SYN ? 1 : 0) + (flags & TCP_FIN ? 1 : 0);
        set_be32(tcp + 8, get_be32(in + 4) + took);
        tcp[13] = TCP_RST | TCP_ACK;
    }
    const uint8_t *ip = tcp - (p->v6 ? IPV6_LEN : IPV4_MIN);
    uint32_t sum = reject_pseudo(ip, p->v6, PROTO_TCP, TCP_LEN);
    set_be16(tcp + 16, reject_fold(reject_sum(sum, tcp, TCP_LEN)));
    return 0;
}

/* Errors, and redirects, are never answered: two hosts would go on forever. */
static bool reject_is_icmp_error(const struct reject_packet *p)
{
    uint8_t type = p->l4[0];
    if (p->v6) {
        return type < ICMPV6_QUERIES || type == ICMPV6_REDIRECT;
    }
    return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

static int reject_icmp(const struct reject_packet *p, struct sbuf *out, struct err *err)
{
    if (p->proto == (p->v6 ? PROTO_ICMPV6 : PROTO_ICMP)) {
        if (p->l4_here < 1) {
            return reject_short(err, "ICMP header");
        }
        if (reject_is_icmp_error(p)) {
            return reject_none(err, "an ICMP error");
        }
    }
    size_t room = (p->v6 ? IPV6_ANSWER_MAX - IPV6_LEN : IPV4_ANSWER_MAX - IPV4_MIN) - ICMP_LEN;
    size_t quoted = p->ip_len < room ? p->ip_len : room, len = ICMP_LEN + quoted;
    uint8_t *icmp = reject_put_head(p, p->v6 ? PROTO_ICMPV6 : PROTO_ICMP, len, out);
    icmp[0] = p->v6 ? ICMPV6_UNREACHABLE : ICMP_UNREACHABLE;
    icmp[1] = p->v6 ? ICMPV6_PORT : ICMP_PORT;
    memcpy(icmp + ICMP_LEN, p->ip, quoted);
    uint32_t sum = p->v6 ? reject_pseudo(icmp - IPV6_LEN, true, PROTO_ICMPV6, len) : 0;
    set_be16(icmp + 2, reject_fold(reject_sum(sum, icmp, len)));
    return 0;
}

int reject_answer(struct bytes packet, struct sbuf *out, struct err *err)
{
    struct reject_packet p;
    int rc = reject_read(packet, &p, err);
    if (rc < 0) {
        return rc;
    }
    return p.proto == PROTO_TCP ? reject_tcp(&p, out, err) : reject_icmp(&p, out, err);
}
