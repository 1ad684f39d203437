/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of match fields: names as ovs-ofctl has them, OXM (OpenFlow 1.5) and NXM (Nicira)
 * headers, widths, and how values are written.  One list makes the table and its inverse. */
#include "ovs/flow_internal.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

/* Classes of OXM headers; CLS_NONE keeps each field a slot of its own in the inverse. */
enum cls { CLS_NXM0, CLS_NXM1, CLS_OXM, CLS_NONE, CLS_N };
#define CLASS_NUMBER(c) ((c) == CLS_OXM ? UINT32_C(0x8000) : (c) == CLS_NXM1 ? 1u : 0u)

/* id, name, subfield name, OXM class, OXM field, NXM class, NXM field (the two are the same where
 * there is one form), bytes, bits, bits told apart in a match, maskable, text */
#define NX(X, id, name, num, bytes, bits, live, mask, text)                                        \
    X(id, name, "NXM_NX_" #id, CLS_NXM1, num, CLS_NONE, F_##id, bytes, bits, live, mask, text)
#define FIELDS(X)                                                                                  \
    X(IN_PORT, "in_port_oxm", "OXM_OF_IN_PORT", CLS_OXM, 0, CLS_NONE, F_IN_PORT, 4, 32, 32, 0,     \
      FT_PORT)                                                                                     \
    X(TUN_ID, "tun_id", "NXM_NX_TUN_ID", CLS_OXM, 38, CLS_NXM1, 16, 8, 64, 64, 1, FT_HEX)          \
    X(TUN_SRC, "tun_src", "NXM_NX_TUN_IPV4_SRC", CLS_NXM1, 31, CLS_NONE, F_TUN_SRC, 4, 32, 32, 1,  \
      FT_IPV4)                                                                                     \
    X(TUN_DST, "tun_dst", "NXM_NX_TUN_IPV4_DST", CLS_NXM1, 32, CLS_NONE, F_TUN_DST, 4, 32, 32, 1,  \
      FT_IPV4)                                                                                     \
    NX(X, TUN_IPV6_SRC, "tun_ipv6_src", 109, 16, 128, 128, 1, FT_IPV6)                             \
    NX(X, TUN_IPV6_DST, "tun_ipv6_dst", 110, 16, 128, 128, 1, FT_IPV6)                             \
    X(METADATA, "metadata", "OXM_OF_METADATA", CLS_OXM, 2, CLS_NONE, F_METADATA, 8, 64, 64, 1,     \
      FT_HEX)                                                                                      \
    NX(X, PKT_MARK, "pkt_mark", 33, 4, 32, 32, 1, FT_HEX)                                          \
    NX(X, REG0, "reg0", 0, 4, 32, 32, 1, FT_HEX)                                                   \
    NX(X, REG1, "reg1", 1, 4, 32, 32, 1, FT_HEX)                                                   \
    NX(X, REG2, "reg2", 2, 4, 32, 32, 1, FT_HEX)                                                   \
    NX(X, REG3, "reg3", 3, 4, 32, 32, 1, FT_HEX)                                                   \
    NX(X, REG4, "reg4", 4, 4, 32, 32, 1, FT_HEX)                                                   \
    NX(X, REG5, "reg5", 5, 4, 32, 32, 1, FT_HEX)                                                   \
    NX(X, REG6, "reg6", 6, 4, 32, 32, 1, FT_HEX)                                                   \
    NX(X, REG7, "reg7", 7, 4, 32, 32, 1, FT_HEX)                                                   \
    NX(X, REG8, "reg8", 8, 4, 32, 32, 1, FT_HEX)                                                   \
    NX(X, REG9, "reg9", 9, 4, 32, 32, 1, FT_HEX)                                                   \
    NX(X, REG10, "reg10", 10, 4, 32, 32, 1, FT_HEX)                                                \
    NX(X, REG11, "reg11", 11, 4, 32, 32, 1, FT_HEX)                                                \
    NX(X, REG12, "reg12", 12, 4, 32, 32, 1, FT_HEX)                                                \
    NX(X, REG13, "reg13", 13, 4, 32, 32, 1, FT_HEX)                                                \
    NX(X, REG14, "reg14", 14, 4, 32, 32, 1, FT_HEX)                                                \
    NX(X, REG15, "reg15", 15, 4, 32, 32, 1, FT_HEX)                                                \
    NX(X, XXREG0, "xxreg0", 111, 16, 128, 128, 1, FT_HEX)                                          \
    NX(X, XXREG1, "xxreg1", 112, 16, 128, 128, 1, FT_HEX)                                          \
    NX(X, XXREG2, "xxreg2", 113, 16, 128, 128, 1, FT_HEX)                                          \
    NX(X, XXREG3, "xxreg3", 114, 16, 128, 128, 1, FT_HEX)                                          \
    X(ETH_TYPE, "eth_type", "NXM_OF_ETH_TYPE", CLS_OXM, 5, CLS_NXM0, 3, 2, 16, 16, 0, FT_HEX)      \
    NX(X, CT_STATE, "ct_state", 105, 4, 32, 8, 1, FT_CT_STATE)                                     \
    NX(X, CT_ZONE, "ct_zone", 106, 2, 16, 16, 0, FT_HEX)                                           \
    NX(X, CT_MARK, "ct_mark", 107, 4, 32, 32, 1, FT_HEX)                                           \
    NX(X, CT_LABEL, "ct_label", 108, 16, 128, 128, 1, FT_HEX)                                      \
    NX(X, CT_NW_PROTO, "ct_nw_proto", 119, 1, 8, 8, 0, FT_DEC)                                     \
    NX(X, CT_NW_SRC, "ct_nw_src", 120, 4, 32, 32, 1, FT_IPV4)                                      \
    NX(X, CT_NW_DST, "ct_nw_dst", 121, 4, 32, 32, 1, FT_IPV4)                                      \
    NX(X, CT_IPV6_SRC, "ct_ipv6_src", 122, 16, 128, 128, 1, FT_IPV6)                               \
    NX(X, CT_IPV6_DST, "ct_ipv6_dst", 123, 16, 128, 128, 1, FT_IPV6)                               \
    NX(X, CT_TP_SRC, "ct_tp_src", 124, 2, 16, 16, 1, FT_DEC)                                       \
    NX(X, CT_TP_DST, "ct_tp_dst", 125, 2, 16, 16, 1, FT_DEC)                                       \
    NX(X, CONJ_ID, "conj_id", 37, 4, 32, 32, 0, FT_DEC)                                            \
    X(ETH_SRC, "eth_src", "NXM_OF_ETH_SRC", CLS_OXM, 4, CLS_NXM0, 2, 6, 48, 48, 1, FT_MAC)         \
    X(ETH_DST, "eth_dst", "NXM_OF_ETH_DST", CLS_OXM, 3, CLS_NXM0, 1, 6, 48, 48, 1, FT_MAC)         \
    X(VLAN_TCI, "vlan_tci", "NXM_OF_VLAN_TCI", CLS_NXM0, 4, CLS_NONE, F_VLAN_TCI, 2, 16, 16, 1,    \
      FT_HEX)                                                                                      \
    X(IP_PROTO, "nw_proto", "NXM_OF_IP_PROTO", CLS_OXM, 10, CLS_NXM0, 6, 1, 8, 8, 0, FT_DEC)       \
    X(IP_TTL, "nw_ttl", "NXM_NX_IP_TTL", CLS_NXM1, 29, CLS_NONE, F_IP_TTL, 1, 8, 8, 0, FT_DEC)     \
    X(IP_DSCP, "ip_dscp", "OXM_OF_IP_DSCP", CLS_OXM, 8, CLS_NONE, F_IP_DSCP, 1, 6, 6, 0, FT_DEC)   \
    X(IP_FRAG, "ip_frag", "NXM_NX_IP_FRAG", CLS_NXM1, 26, CLS_NONE, F_IP_FRAG, 1, 2, 2, 1,         \
      FT_FRAG)                                                                                     \
    X(IPV4_SRC, "ip_src", "NXM_OF_IP_SRC", CLS_OXM, 11, CLS_NXM0, 7, 4, 32, 32, 1, FT_IPV4)        \
    X(IPV4_DST, "ip_dst", "NXM_OF_IP_DST", CLS_OXM, 12, CLS_NXM0, 8, 4, 32, 32, 1, FT_IPV4)        \
    X(IPV6_SRC, "ipv6_src", "NXM_NX_IPV6_SRC", CLS_OXM, 26, CLS_NXM1, 19, 16, 128, 128, 1,         \
      FT_IPV6)                                                                                     \
    X(IPV6_DST, "ipv6_dst", "NXM_NX_IPV6_DST", CLS_OXM, 27, CLS_NXM1, 20, 16, 128, 128, 1,         \
      FT_IPV6)                                                                                     \
    X(ARP_OP, "arp_op", "NXM_OF_ARP_OP", CLS_OXM, 21, CLS_NXM0, 15, 2, 16, 16, 0, FT_DEC)          \
    X(ARP_SPA, "arp_spa", "NXM_OF_ARP_SPA", CLS_OXM, 22, CLS_NXM0, 16, 4, 32, 32, 1, FT_IPV4)      \
    X(ARP_TPA, "arp_tpa", "NXM_OF_ARP_TPA", CLS_OXM, 23, CLS_NXM0, 17, 4, 32, 32, 1, FT_IPV4)      \
    X(ARP_SHA, "arp_sha", "NXM_NX_ARP_SHA", CLS_OXM, 24, CLS_NXM1, 17, 6, 48, 48, 1, FT_MAC)       \
    X(ARP_THA, "arp_tha", "NXM_NX_ARP_THA", CLS_OXM, 25, CLS_NXM1, 18, 6, 48, 48, 1, FT_MAC)       \
    X(TCP_SRC, "tcp_src", "NXM_OF_TCP_SRC", CLS_OXM, 13, CLS_NXM0, 9, 2, 16, 16, 1, FT_DEC)        \
    X(TCP_DST, "tcp_dst", "NXM_OF_TCP_DST", CLS_OXM, 14, CLS_NXM0, 10, 2, 16, 16, 1, FT_DEC)       \
    X(TCP_FLAGS, "tcp_flags", "NXM_NX_TCP_FLAGS", CLS_OXM, 42, CLS_NXM1, 34, 2, 12, 12, 1,         \
      FT_TCP_FLAGS)                                                                                \
    X(UDP_SRC, "udp_src", "NXM_OF_UDP_SRC", CLS_OXM, 15, CLS_NXM0, 11, 2, 16, 16, 1, FT_DEC)       \
    X(UDP_DST, "udp_dst", "NXM_OF_UDP_DST", CLS_OXM, 16, CLS_NXM0, 12, 2, 16, 16, 1, FT_DEC)       \
    X(SCTP_SRC, "sctp_src", "OXM_OF_SCTP_SRC", CLS_OXM, 17, CLS_NONE, F_SCTP_SRC, 2, 16, 16, 1,    \
      FT_DEC)                                                                                      \
    X(SCTP_DST, "sctp_dst", "OXM_OF_SCTP_DST", CLS_OXM, 18, CLS_NONE, F_SCTP_DST, 2, 16, 16, 1,    \
      FT_DEC)                                                                                      \
    X(ICMP_TYPE, "icmp_type", "NXM_OF_ICMP_TYPE", CLS_OXM, 19, CLS_NXM0, 13, 1, 8, 8, 0, FT_DEC)   \
    X(ICMP_CODE, "icmp_code", "NXM_OF_ICMP_CODE", CLS_OXM, 20, CLS_NXM0, 14, 1, 8, 8, 0, FT_DEC)   \
    X(ICMPV6_TYPE, "icmpv6_type", "NXM_NX_ICMPV6_TYPE", CLS_OXM, 29, CLS_NXM1, 21, 1, 8, 8, 0,     \
      FT_DEC)                                                                                      \
    X(ICMPV6_CODE, "icmpv6_code", "NXM_NX_ICMPV6_CODE", CLS_OXM, 30, CLS_NXM1, 22, 1, 8, 8, 0,     \
      FT_DEC)                                                                                      \
    X(ND_TARGET, "nd_target", "NXM_NX_ND_TARGET", CLS_OXM, 31, CLS_NXM1, 23, 16, 128, 128, 1,      \
      FT_IPV6)                                                                                     \
    X(ND_SLL, "nd_sll", "NXM_NX_ND_SLL", CLS_OXM, 32, CLS_NXM1, 24, 6, 48, 48, 1, FT_MAC)          \
    X(ND_TLL, "nd_tll", "NXM_NX_ND_TLL", CLS_OXM, 33, CLS_NXM1, 25, 6, 48, 48, 1, FT_MAC)

#define HEADER(cls, num, bytes) (CLASS_NUMBER(cls) << 16 | (uint32_t)(num) << 9 | (bytes))
#define ROW(id, nm, sub, c, num, c2, num2, n, b, live, mask, txt)                                  \
    [F_##id] = {.name = nm,                                                                        \
                .sub_name = sub,                                                                   \
                .oxm = HEADER(c, num, n),                                                          \
                .nxm = (c2) == CLS_NONE ? HEADER(c, num, n) : HEADER(c2, num2, n),                 \
                .bytes = n,                                                                        \
                .bits = b,                                                                         \
                .live_bits = live,                                                                 \
                .maskable = mask,                                                                  \
                .text = txt},
const struct field_info field_table[F_N] = {FIELDS(ROW)};

/* The inverse: by class and field number, the field plus one. */
#define BACK(id, nm, sub, c, num, c2, num2, n, b, live, mask, txt)                                 \
    [c][num] = F_##id + 1, [c2][num2] = F_##id + 1,
static const uint8_t by_oxm[CLS_N][128] = {FIELDS(BACK)};

const char *field_name(enum field f)
{
    assert(f < F_N);
    return field_table[f].name;
}

unsigned field_width(enum field f)
{
    assert(f < F_N);
    return field_table[f].bytes;
}

enum field field_by_oxm(uint32_t header)
{
    uint32_t class = header >> 16;
    enum cls c = class == 0x8000 ? CLS_OXM : class == 1 ? CLS_NXM1 : class == 0 ? CLS_NXM0 : CLS_N;
    uint8_t found = c == CLS_N ? 0 : by_oxm[c][header >> 9 & 0x7f];
    return found ? (enum field)(found - 1) : F_N;
}

/* ---- text ---- */

void hex_format(const uint8_t *p, size_t n, struct sbuf *out)
{
    while (n && !*p)
        p++, n--;
    sbuf_puts(out, n ? "0x" : "0");
    for (size_t i = 0; i < n; i++)
        sbuf_printf(out, i ? "%02x" : "%x", p[i]);
}

void port_format(uint32_t port, struct sbuf *out)
{
    static const char *const reserved[] = {"UNSET", "IN_PORT",    "TABLE", "NORMAL", "FLOOD",
                                           "ALL",   "CONTROLLER", "LOCAL", "ANY"};
    if (port >= UINT32_C(0xfffffff7))
        sbuf_puts(out, reserved[port - UINT32_C(0xfffffff7)]);
    else
        sbuf_printf(out, "%" PRIu32, port);
}

/* Number of leading one bits if the mask is a prefix, else -1. */
static int mask_prefix_len(const uint8_t *mask, size_t n)
{
    int len = 0;
    bool ended = false;
    for (size_t i = 0; i < n * 8; i++) {
        bool bit = mask[i / 8] >> (7 - i % 8) & 1;
        if (bit && ended)
            return -1;
        ended |= !bit;
        len += bit;
    }
    return len;
}

static void format_ip(const uint8_t *value, const uint8_t *mask, uint8_t family, struct sbuf *out)
{
    size_t n = family == 4 ? 4 : 16;
    struct ip ip = {.family = family};
    char text[IP_TEXT_MAX];
    memcpy(ip.b, value, n);
    sbuf_puts(out, ip_format(&ip, text));
    int len = mask ? mask_prefix_len(mask, n) : (int)n * 8;
    if (len == (int)n * 8)
        return;
    if (len >= 0) {
        sbuf_printf(out, "/%d", len);
        return;
    }
    memcpy(ip.b, mask, n);
    sbuf_printf(out, "/%s", ip_format(&ip, text));
}

static void format_mac(const uint8_t *value, const uint8_t *mask, struct sbuf *out)
{
    struct mac mac;
    char text[MAC_TEXT_MAX];
    memcpy(mac.b, value, sizeof mac.b);
    sbuf_puts(out, mac_format(&mac, text));
    if (mask) {
        memcpy(mac.b, mask, sizeof mac.b);
        sbuf_printf(out, "/%s", mac_format(&mac, text));
    }
}

void field_format(enum field f, const uint8_t *value, const uint8_t *mask, struct sbuf *out)
{
    const struct field_info *info = &field_table[f];
    switch (info->text) {
    case FT_MAC:
        format_mac(value, mask, out);
        return;
    case FT_IPV4:
        format_ip(value, mask, 4, out);
        return;
    case FT_IPV6:
        format_ip(value, mask, 6, out);
        return;
    case FT_PORT:
        port_format(get_be32(value), out);
        return;
    case FT_DEC: {
        uint64_t v = 0;
        for (size_t i = 0; i < info->bytes; i++)
            v = v << 8 | value[i];
        sbuf_printf(out, "%" PRIu64, v);
        break;
    }
    case FT_HEX:
    case FT_CT_STATE:
    case FT_FRAG:
    case FT_TCP_FLAGS:
        hex_format(value, info->bytes, out);
        break;
    }
    if (mask) {
        sbuf_putc(out, '/');
        hex_format(mask, info->bytes, out);
    }
}

void field_format_sub(enum field f, unsigned ofs, unsigned n_bits, struct sbuf *out)
{
    sbuf_puts(out, field_table[f].sub_name);
    if (!ofs && n_bits == field_table[f].bits)
        sbuf_puts(out, "[]");
    else if (n_bits == 1)
        sbuf_printf(out, "[%u]", ofs);
    else
        sbuf_printf(out, "[%u..%u]", ofs, ofs + n_bits - 1);
}
