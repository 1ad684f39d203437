/* SPDX-License-Identifier: Apache-2.0
 *
 * Flows as text, byte for byte as `ovs-ofctl -O OpenFlow15 --no-stats --no-names dump-flows`: its
 * order of fields, its short names for protocols, its ways of writing masks and actions. */
#include "ovs/flow_internal.h"

#include <inttypes.h>
#include <string.h>

static const char *const ct_state_names[8] = {"new", "est", "rel",  "rpl",
                                              "inv", "trk", "snat", "dnat"};
static const char *const tcp_flag_names[12] = {"fin", "syn", "rst", "psh",   "ack",   "urg",
                                               "ece", "cwr", "ns",  "[800]", "[400]", "[200]"};

/* ---- match ---- */

static uint64_t number(const uint8_t *p, unsigned n)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < n; i++)
        v = v << 8 | p[i];
    return v;
}

/* Value of an exactly matched field, or -1. */
static int64_t exact_value(const struct match *m, enum field f)
{
    const struct match_field *mf = match_get(m, f);
    return mf && !mf->masked ? (int64_t)number(mf->value, field_table[f].bytes) : -1;
}

/* name=0x1/0x3, (0 as "0") */
static void put_hex(const struct match *m, enum field f, const char *name, struct sbuf *out)
{
    const struct match_field *mf = match_get(m, f);
    unsigned n = field_table[f].bytes;
    if (!mf)
        return;
    sbuf_printf(out, "%s=%#" PRIx64, name, number(mf->value, n));
    if (mf->masked)
        sbuf_printf(out, "/%#" PRIx64, number(mf->mask, n));
    sbuf_putc(out, ',');
}

/* name=80 or name=0x50/0xfff0, */
static void put_dec(const struct match *m, enum field f, const char *name, struct sbuf *out)
{
    const struct match_field *mf = match_get(m, f);
    unsigned n = field_table[f].bytes;
    if (!mf)
        return;
    if (mf->masked)
        sbuf_printf(out, "%s=0x%" PRIx64 "/0x%" PRIx64 ",", name, number(mf->value, n),
                    number(mf->mask, n));
    else
        sbuf_printf(out, "%s=%" PRIu64 ",", name, number(mf->value, n));
}

/* name=VALUE, in the field's own way */
static void put_own(const struct match *m, enum field f, const char *name, struct sbuf *out)
{
    const struct match_field *mf = match_get(m, f);
    if (!mf)
        return;
    sbuf_printf(out, "%s=", name);
    field_format(f, mf->value, mf->masked ? mf->mask : NULL, out);
    sbuf_putc(out, ',');
}

/* +new-est, or new|trk where all bits are told */
static void put_flags(const struct match_field *mf, const char *const *names, unsigned n_names,
                      struct sbuf *out)
{
    unsigned n = field_table[mf->field].bytes;
    uint64_t value = number(mf->value, n), mask = number(mf->mask, n);
    bool first = true;
    if (!mf->masked && !value)
        sbuf_putc(out, '0');
    for (unsigned i = 0; i < n_names; i++) {
        if (!(mask >> i & 1))
            continue;
        bool on = value >> i & 1;
        if (mf->masked)
            sbuf_printf(out, "%c%s", on ? '+' : '-', names[i]);
        else if (on)
            sbuf_printf(out, "%s%s", first ? "" : "|", names[i]);
        first &= !on;
    }
}

static void format_ct(const struct match *m, struct sbuf *out)
{
    const struct match_field *state = match_get(m, F_CT_STATE);
    if (state) {
        sbuf_puts(out, "ct_state=");
        put_flags(state, ct_state_names, 8, out);
        sbuf_putc(out, ',');
    }
    put_dec(m, F_CT_ZONE, "ct_zone", out);
    put_hex(m, F_CT_MARK, "ct_mark", out);
    put_own(m, F_CT_LABEL, "ct_label", out);
    put_own(m, F_CT_NW_SRC, "ct_nw_src", out);
    put_own(m, F_CT_IPV6_SRC, "ct_ipv6_src", out);
    put_own(m, F_CT_NW_DST, "ct_nw_dst", out);
    put_own(m, F_CT_IPV6_DST, "ct_ipv6_dst", out);
    if (match_get(m, F_CT_NW_PROTO)) {
        put_dec(m, F_CT_NW_PROTO, "ct_nw_proto", out);
        put_dec(m, F_CT_TP_SRC, "ct_tp_src", out);
        put_dec(m, F_CT_TP_DST, "ct_tp_dst", out);
    }
}

/* The short name of Ethernet type and protocol; tells which of the two it covers. */
static void format_proto(int64_t eth, int64_t proto, bool *type_out, bool *proto_out,
                         struct sbuf *out)
{
    static const struct {
        int proto;
        const char *v4, *v6;
    } names[] = {{PROTO_ICMP, "icmp", NULL},
                 {PROTO_ICMPV6, NULL, "icmp6"},
                 {PROTO_TCP, "tcp", "tcp6"},
                 {PROTO_UDP, "udp", "udp6"},
                 {PROTO_SCTP, "sctp", "sctp6"}};
    *type_out = eth == ETH_IPV4 || eth == ETH_IPV6 || eth == ETH_ARP || eth == 0x8035;
    *proto_out = false;
    if (!*type_out)
        return;
    const char *text = eth == ETH_IPV4 ? "ip" : eth == ETH_IPV6 ? "ipv6" : "arp";
    if (eth == 0x8035)
        text = "rarp";
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *name = eth == ETH_IPV4 ? names[i].v4 : eth == ETH_IPV6 ? names[i].v6 : NULL;
        if (name && names[i].proto == proto) {
            text = name;
            *proto_out = true;
        }
    }
    sbuf_printf(out, "%s,", text);
}

static void format_vlan(const struct match *m, struct sbuf *out)
{
    const struct match_field *mf = match_get(m, F_VLAN_TCI);
    if (!mf)
        return;
    uint32_t value = get_be16(mf->value), mask = get_be16(mf->mask);
    uint32_t vid = mask & 0xfff, pcp = mask & 0xe000, present = 0x1000;
    if (mask & value & present && (!vid || vid == 0xfff) && (!pcp || pcp == 0xe000) &&
        (vid || pcp)) {
        if (vid)
            sbuf_printf(out, "dl_vlan=%u,", (unsigned)(value & 0xfff));
        if (pcp)
            sbuf_printf(out, "dl_vlan_pcp=%u,", (unsigned)(value >> 13));
    } else if (!mf->masked) {
        sbuf_printf(out, "vlan_tci=0x%04x,", (unsigned)value);
    } else {
        sbuf_printf(out, "vlan_tci=0x%04x/0x%04x,", (unsigned)value, (unsigned)mask);
    }
}

static void format_frag(const struct match *m, struct sbuf *out)
{
    static const char *const texts[4][4] = {
        [1] = {"no", "yes", NULL, NULL},
        [2] = {"not_later", NULL, "later", NULL},
        [3] = {"no", "first", "<error>", "later"},
    };
    const struct match_field *mf = match_get(m, F_IP_FRAG);
    if (mf)
        sbuf_printf(out, "nw_frag=%s,", texts[mf->mask[0] & 3][mf->value[0] & 3]);
}

static void format_l3(const struct match *m, int64_t eth, bool proto_done, struct sbuf *out)
{
    bool arp = eth == ETH_ARP || eth == 0x8035;
    put_own(m, F_IPV6_SRC, "ipv6_src", out);
    put_own(m, F_IPV6_DST, "ipv6_dst", out);
    put_own(m, F_ARP_SPA, "arp_spa", out);
    put_own(m, F_ARP_TPA, "arp_tpa", out);
    put_own(m, F_IPV4_SRC, "nw_src", out);
    put_own(m, F_IPV4_DST, "nw_dst", out);
    if (!proto_done)
        put_dec(m, F_IP_PROTO, "nw_proto", out);
    if (arp) {
        put_dec(m, F_ARP_OP, "arp_op", out);
        put_own(m, F_ARP_SHA, "arp_sha", out);
        put_own(m, F_ARP_THA, "arp_tha", out);
    }
    const struct match_field *dscp = match_get(m, F_IP_DSCP);
    if (dscp)
        sbuf_printf(out, "nw_tos=%u,", (unsigned)dscp->value[0] << 2);
    put_dec(m, F_IP_TTL, "nw_ttl", out);
    format_frag(m, out);
}

static void format_l4(const struct match *m, struct sbuf *out)
{
    static const struct {
        enum field f;
        const char *name;
    } order[] = {{F_ICMP_TYPE, "icmp_type"},   {F_ICMP_CODE, "icmp_code"},
                 {F_ICMPV6_TYPE, "icmp_type"}, {F_ICMPV6_CODE, "icmp_code"},
                 {F_TCP_SRC, "tp_src"},        {F_TCP_DST, "tp_dst"},
                 {F_UDP_SRC, "tp_src"},        {F_UDP_DST, "tp_dst"},
                 {F_SCTP_SRC, "tp_src"},       {F_SCTP_DST, "tp_dst"}};
    for (size_t i = 0; i < ARRAY_LEN(order); i++)
        put_dec(m, order[i].f, order[i].name, out);
    put_own(m, F_ND_TARGET, "nd_target", out);
    put_own(m, F_ND_SLL, "nd_sll", out);
    put_own(m, F_ND_TLL, "nd_tll", out);
    const struct match_field *flags = match_get(m, F_TCP_FLAGS);
    if (flags) {
        sbuf_puts(out, "tcp_flags=");
        put_flags(flags, tcp_flag_names, 12, out);
        sbuf_putc(out, ',');
    }
}

void match_format(const struct match *m, uint16_t priority, struct sbuf *out)
{
    enum { DEFAULT_PRIORITY = 0x8000 };
    size_t start = out->len;
    int64_t eth = exact_value(m, F_ETH_TYPE);
    bool type_done, proto_done;
    if (priority != DEFAULT_PRIORITY)
        sbuf_printf(out, "priority=%u,", priority);
    put_hex(m, F_PKT_MARK, "pkt_mark", out);
    put_dec(m, F_CONJ_ID, "conj_id", out);
    format_ct(m, out);
    format_proto(eth, exact_value(m, F_IP_PROTO), &type_done, &proto_done, out);
    for (enum field f = F_REG0; f <= F_REG15; f++)
        put_hex(m, f, field_table[f].name, out);
    put_hex(m, F_TUN_ID, "tun_id", out);
    put_own(m, F_TUN_SRC, "tun_src", out);
    put_own(m, F_TUN_DST, "tun_dst", out);
    put_own(m, F_TUN_IPV6_SRC, "tun_ipv6_src", out);
    put_own(m, F_TUN_IPV6_DST, "tun_ipv6_dst", out);
    put_hex(m, F_METADATA, "metadata", out);
    put_own(m, F_IN_PORT, "in_port", out);
    format_vlan(m, out);
    put_own(m, F_ETH_SRC, "dl_src", out);
    put_own(m, F_ETH_DST, "dl_dst", out);
    if (!type_done && eth >= 0)
        sbuf_printf(out, "dl_type=0x%04x,", (unsigned)eth);
    format_l3(m, eth, proto_done, out);
    format_l4(m, out);
    if (out->len > start)
        out->data[--out->len] = 0;
}

/* ---- actions ---- */

static int list_format(struct bytes list, struct sbuf *out, unsigned depth, struct err *err);

static void put_hex_dots(const uint8_t *p, size_t n, struct sbuf *out)
{
    for (size_t i = 0; i < n; i++)
        sbuf_printf(out, "%s%02x", i ? "." : "", p[i]);
}

/* Reads a subfield whose header and width must be right. */
static int check_sub(uint32_t header, unsigned ofs, unsigned n_bits, enum field *f_out,
                     struct err *err)
{
    enum field f = field_by_oxm(header);
    if (f == F_N)
        return err_set(err, ERR_UNSUPPORTED, "field 0x%08x in an action", (unsigned)header);
    if (!n_bits || ofs + n_bits > field_table[f].bits)
        return err_set(err, ERR_INVALID, "%s[%u..%u]", field_table[f].sub_name, ofs,
                       ofs + n_bits - 1);
    *f_out = f;
    return 0;
}

static int format_output(const uint8_t *p, struct sbuf *out)
{
    uint32_t port = get_be32(p + 4);
    if (port < OFPORT_MAX)
        sbuf_puts(out, "output:");
    port_format(port, out);
    if (port == OFPORT_CONTROLLER)
        sbuf_printf(out, ":%u", get_be16(p + 8));
    return 0;
}

static int format_output_reg(const uint8_t *p, struct sbuf *out, struct err *err)
{
    unsigned on = get_be16(p + 10);
    enum field f = F_N;
    int r = check_sub(get_be32(p + 12), on >> 6, (on & 0x3f) + 1, &f, err);
    if (r)
        return r;
    sbuf_puts(out, "output:");
    field_format_sub(f, on >> 6, (on & 0x3f) + 1, out);
    return 0;
}

static int format_set_field(struct bytes all, struct sbuf *out, struct err *err)
{
    struct set_field s;
    int r = set_field_read(all, &s, err);
    if (r)
        return r;
    sbuf_puts(out, "set_field:");
    field_format(s.field, s.value, s.mask, out);
    sbuf_printf(out, "->%s", field_table[s.field].name);
    return 0;
}

static int format_move(const uint8_t *p, struct sbuf *out, struct err *err)
{
    unsigned n = get_be16(p + 4), src_ofs = get_be16(p + 6), dst_ofs = get_be16(p + 8);
    enum field src = F_N, dst = F_N;
    int r = check_sub(get_be32(p + 12), src_ofs, n, &src, err);
    if (!r)
        r = check_sub(get_be32(p + 16), dst_ofs, n, &dst, err);
    if (r)
        return r;
    sbuf_puts(out, "move:");
    field_format_sub(src, src_ofs, n, out);
    sbuf_puts(out, "->");
    field_format_sub(dst, dst_ofs, n, out);
    return 0;
}

static void format_resubmit(const uint8_t *p, bool ct, struct sbuf *out)
{
    uint16_t port = get_be16(p + 10);
    if (port != 0xfff8 && p[12] == NO_TABLE) {
        sbuf_puts(out, "resubmit:");
        port_format(port < 0xff00 ? port : port | UINT32_C(0xffff0000), out);
        return;
    }
    sbuf_puts(out, "resubmit(");
    if (port != 0xfff8)
        port_format(port < 0xff00 ? port : port | UINT32_C(0xffff0000), out);
    sbuf_putc(out, ',');
    if (p[12] != NO_TABLE)
        sbuf_printf(out, "%u", p[12]);
    sbuf_puts(out, ct ? ",ct)" : ")");
}

/* What a controller2 action says. */
struct controller_props {
    struct act_controller c;
    bool has_meter;
};

static int controller_prop(uint16_t type, struct bytes data, struct controller_props *out)
{
    static const size_t want[] = {
        [NXAC2_MAX_LEN] = 4, [NXAC2_CONTROLLER_ID] = 4, [NXAC2_REASON] = 1, [NXAC2_METER_ID] = 4};
    if (type > NXAC2_METER_ID)
        return ERR_UNSUPPORTED;
    if (type != NXAC2_USERDATA && data.n != want[type])
        return ERR_INVALID;
    switch (type) {
    case NXAC2_MAX_LEN:
        out->c.max_len = get_be16(data.p);
        break;
    case NXAC2_CONTROLLER_ID:
        out->c.controller_id = get_be16(data.p);
        break;
    case NXAC2_REASON:
        out->c.reason = *(const uint8_t *)data.p;
        break;
    case NXAC2_USERDATA:
        out->c.userdata = data.p;
        out->c.userdata_len = data.n;
        break;
    case NXAC2_PAUSE:
        out->c.pause = true;
        break;
    case NXAC2_METER_ID:
        out->c.meter_id = get_be32(data.p);
        out->has_meter = true;
        break;
    default:
        break;
    }
    return 0;
}

static int controller_read(struct bytes all, struct controller_props *out, struct err *err)
{
    struct bytes in = bytes_from(all, 16);
    *out = (struct controller_props){.c = {.max_len = 0xffff, .reason = 1}};
    while (in.n >= 4) {
        const uint8_t *p = in.p;
        uint16_t type = get_be16(p), len = get_be16(p + 2);
        if (len < 4 || len > in.n)
            return err_set(err, ERR_INVALID, "controller: property %u of length %u", type, len);
        int r = controller_prop(type, (struct bytes){p + 4, len - 4u}, out);
        if (r)
            return err_set(err, r, "controller: property %u", type);
        size_t whole = (len + 7u) / 8 * 8;
        in = bytes_from(in, whole < in.n ? whole : in.n);
    }
    return 0;
}

static int format_controller(struct bytes all, struct sbuf *out, struct err *err)
{
    static const char *const reasons[] = {"no_match",   "action", "invalid_ttl",
                                          "action_set", "group",  "packet_out"};
    struct controller_props p;
    int r = controller_read(all, &p, err);
    if (r)
        return r;
    const struct act_controller *c = &p.c;
    if (c->reason == 1 && !c->controller_id && !c->userdata_len && !c->pause && !p.has_meter) {
        sbuf_printf(out, "CONTROLLER:%u", c->max_len);
        return 0;
    }
    sbuf_puts(out, "controller(");
    if (c->reason != 1 && c->reason < ARRAY_LEN(reasons))
        sbuf_printf(out, "reason=%s,", reasons[c->reason]);
    else if (c->reason != 1)
        sbuf_printf(out, "reason=%u,", c->reason);
    if (c->max_len != 0xffff)
        sbuf_printf(out, "max_len=%u,", c->max_len);
    if (c->controller_id)
        sbuf_printf(out, "id=%u,", c->controller_id);
    if (c->userdata_len) {
        sbuf_puts(out, "userdata=");
        put_hex_dots(c->userdata, c->userdata_len, out);
        sbuf_putc(out, ',');
    }
    if (c->pause)
        sbuf_puts(out, "pause,");
    if (p.has_meter)
        sbuf_printf(out, "meter_id=%" PRIu32 ",", c->meter_id);
    out->data[out->len - 1] = ')';
    return 0;
}

/* ---- connection tracking ---- */

/* The parts of a nat action's range. */
int nat_read(struct bytes all, struct nat_range *out, struct err *err)
{
    uint16_t present = get_be16((const uint8_t *)all.p + 14);
    const uint8_t *p = (const uint8_t *)all.p + 16;
    size_t left = all.n - 16;
    *out = (struct nat_range){0};
    for (unsigned bit = 0; bit < 6; bit++) {
        if (!(present >> bit & 1))
            continue;
        size_t n = bit < 2 ? 4 : bit < 4 ? 16 : 2;
        if (left < n)
            return err_set(err, ERR_TRUNCATED, "nat: range 0x%x in %zu bytes", present, all.n - 16);
        if (bit < 4) {
            struct ip *ip = bit % 2 ? &out->max : &out->min;
            ip->family = n == 4 ? 4 : 6;
            memcpy(ip->b, p, n);
        } else {
            *(bit == 4 ? &out->port_min : &out->port_max) = get_be16(p);
        }
        p += n;
        left -= n;
    }
    return 0;
}

static void put_nat_ip(const struct ip *ip, bool bracket, struct sbuf *out)
{
    char text[IP_TEXT_MAX];
    bracket &= ip->family == 6;
    sbuf_printf(out, "%s%s%s", bracket ? "[" : "", ip_format(ip, text), bracket ? "]" : "");
}

static int format_nat(struct bytes all, struct sbuf *out, struct err *err)
{
    uint16_t flags = get_be16((const uint8_t *)all.p + 12);
    struct nat_range range;
    int r = nat_read(all, &range, err);
    if (r)
        return r;
    sbuf_puts(out, "nat");
    if (!(flags & (NX_NAT_SRC | NX_NAT_DST)))
        return 0;
    sbuf_puts(out, flags & NX_NAT_SRC ? "(src" : "(dst");
    if (range.min.family) {
        sbuf_putc(out, '=');
        put_nat_ip(&range.min, range.port_min != 0, out);
        if (range.max.family && !ip_equal(&range.min, &range.max)) {
            sbuf_putc(out, '-');
            put_nat_ip(&range.max, range.port_min != 0, out);
        }
    }
    if (range.port_min) {
        sbuf_printf(out, ":%u", range.port_min);
        if (range.port_max && range.port_max != range.port_min)
            sbuf_printf(out, "-%u", range.port_max);
    }
    if (flags & NX_NAT_PERSISTENT)
        sbuf_puts(out, ",persistent");
    if (flags & NX_NAT_HASH)
        sbuf_puts(out, ",hash");
    if (flags & NX_NAT_RANDOM)
        sbuf_puts(out, ",random");
    sbuf_putc(out, ')');
    return 0;
}

static int format_ct_zone(const uint8_t *p, struct sbuf *out, struct err *err)
{
    uint32_t header = get_be32(p + 12);
    unsigned value = get_be16(p + 16);
    enum field f = F_N;
    if (!header) {
        if (value)
            sbuf_printf(out, "zone=%u,", value);
        return 0;
    }
    int r = check_sub(header, value >> 6, (value & 0x3f) + 1, &f, err);
    if (r)
        return r;
    sbuf_puts(out, "zone=");
    field_format_sub(f, value >> 6, (value & 0x3f) + 1, out);
    sbuf_putc(out, ',');
    return 0;
}

/* The nested list of a ct action: nat first and outside, the rest in exec(). */
static int format_ct_nested(struct bytes list, struct sbuf *out, unsigned depth, struct err *err)
{
    struct bytes rest = list;
    struct action_ref first;
    int r = action_next(&rest, &first, err);
    if (r <= 0)
        return r;
    if (first.type == OFPAT_EXPERIMENTER && first.subtype == NXAST_NAT) {
        if ((r = format_nat(first.all, out, err)))
            return r;
        sbuf_putc(out, ',');
        list = rest;
    }
    if (!list.n)
        return 0;
    sbuf_puts(out, "exec(");
    if ((r = list_format(list, out, depth + 1, err)))
        return r;
    sbuf_puts(out, "),");
    return 0;
}

static int format_ct_action(struct bytes all, struct sbuf *out, unsigned depth, struct err *err)
{
    const uint8_t *p = all.p;
    uint16_t flags = get_be16(p + 10), alg = get_be16(p + 22);
    sbuf_puts(out, "ct(");
    size_t start = out->len;
    if (flags & ACT_CT_COMMIT)
        sbuf_puts(out, "commit,");
    if (flags & ACT_CT_FORCE)
        sbuf_puts(out, "force,");
    if (p[18] != NO_TABLE)
        sbuf_printf(out, "table=%u,", p[18]);
    int r = format_ct_zone(p, out, err);
    if (!r)
        r = format_ct_nested(bytes_from(all, CT_FIXED_LEN), out, depth, err);
    if (r)
        return r;
    if (alg == 21 || alg == 69)
        sbuf_printf(out, "alg=%s,", alg == 21 ? "ftp" : "tftp");
    else if (alg)
        sbuf_printf(out, "alg=%u,", alg);
    if (out->len > start)
        out->len--;
    sbuf_putc(out, ')');
    return 0;
}

/* ---- learn ---- */

/* One specification of a learn action, read with its lengths checked. */
struct learn_ref {
    uint32_t head;
    unsigned n_bits;
    const uint8_t *imm;
    size_t imm_len;
    enum field src, dst;
    unsigned src_ofs, dst_ofs;
};

static int learn_sub(struct bytes *in, unsigned n_bits, enum field *f_out, unsigned *ofs_out,
                     struct err *err)
{
    const uint8_t *p = in->p;
    if (in->n < 6)
        return err_set(err, ERR_TRUNCATED, "learn: cut");
    *ofs_out = get_be16(p + 4);
    int r = check_sub(get_be32(p), *ofs_out, n_bits, f_out, err);
    *in = bytes_from(*in, 6);
    return r;
}

static int learn_spec_next(struct bytes *in, struct learn_ref *out, struct err *err)
{
    if (in->n < 2 || !get_be16(in->p)) /* padding */
        return 0;
    *out = (struct learn_ref){.head = get_be16(in->p)};
    out->n_bits = out->head & NX_LEARN_BITS_MASK;
    *in = bytes_from(*in, 2);
    int r = 0;
    if (!out->n_bits || out->n_bits > 128 ||
        out->head & ~(uint32_t)(NX_LEARN_BITS_MASK | NX_LEARN_SRC_VALUE | 3 << 11))
        return err_set(err, ERR_INVALID, "learn: specification 0x%04x", (unsigned)out->head);
    if (out->head & NX_LEARN_SRC_VALUE) {
        size_t whole = (out->n_bits + 15) / 16 * 2;
        if (in->n < whole)
            return err_set(err, ERR_TRUNCATED, "learn: cut");
        out->imm_len = (out->n_bits + 7) / 8;
        out->imm = (const uint8_t *)in->p + whole - out->imm_len;
        *in = bytes_from(*in, whole);
    } else {
        r = learn_sub(in, out->n_bits, &out->src, &out->src_ofs, err);
    }
    if (!r && !(out->head & NX_LEARN_DST_OUTPUT))
        r = learn_sub(in, out->n_bits, &out->dst, &out->dst_ofs, err);
    return r ? r : 1;
}

static void format_learn_match(const struct learn_ref *s, struct sbuf *out)
{
    const struct field_info *info = &field_table[s->dst];
    if (s->imm && !s->dst_ofs && s->n_bits == info->bits) {
        uint8_t value[FIELD_MAX_BYTES] = {0};
        memcpy(value + info->bytes - s->imm_len, s->imm, s->imm_len);
        sbuf_printf(out, "%s=", info->name);
        field_format(s->dst, value, NULL, out);
        return;
    }
    field_format_sub(s->dst, s->dst_ofs, s->n_bits, out);
    if (s->imm) {
        sbuf_putc(out, '=');
        hex_format(s->imm, s->imm_len, out);
    } else if (s->src != s->dst || s->src_ofs != s->dst_ofs) {
        sbuf_putc(out, '=');
        field_format_sub(s->src, s->src_ofs, s->n_bits, out);
    }
}

static void format_learn_spec(const struct learn_ref *s, struct sbuf *out)
{
    if (s->head & NX_LEARN_DST_OUTPUT) {
        sbuf_puts(out, "output:");
        if (s->imm)
            hex_format(s->imm, s->imm_len, out);
        else
            field_format_sub(s->src, s->src_ofs, s->n_bits, out);
        return;
    }
    if (!(s->head & NX_LEARN_DST_LOAD)) {
        format_learn_match(s, out);
        return;
    }
    sbuf_puts(out, "load:");
    if (s->imm)
        hex_format(s->imm, s->imm_len, out);
    else
        field_format_sub(s->src, s->src_ofs, s->n_bits, out);
    sbuf_puts(out, "->");
    field_format_sub(s->dst, s->dst_ofs, s->n_bits, out);
}

static int format_learn(struct bytes all, struct sbuf *out, struct err *err)
{
    const uint8_t *p = all.p;
    uint16_t idle = get_be16(p + 10), hard = get_be16(p + 12), priority = get_be16(p + 14);
    uint16_t flags = get_be16(p + 24), fin_idle = get_be16(p + 28), fin_hard = get_be16(p + 30);
    uint64_t cookie = get_be64(p + 16);
    sbuf_printf(out, "learn(table=%u", p[26]);
    if (idle)
        sbuf_printf(out, ",idle_timeout=%u", idle);
    if (hard)
        sbuf_printf(out, ",hard_timeout=%u", hard);
    if (fin_idle)
        sbuf_printf(out, ",fin_idle_timeout=%u", fin_idle);
    if (fin_hard)
        sbuf_printf(out, ",fin_hard_timeout=%u", fin_hard);
    if (priority != 0x8000)
        sbuf_printf(out, ",priority=%u", priority);
    sbuf_puts(out, flags & 1 ? ",send_flow_rem" : "");
    sbuf_puts(out, flags & 2 ? ",delete_learned" : "");
    if (cookie)
        sbuf_printf(out, ",cookie=%#" PRIx64, cookie);
    struct bytes in = bytes_from(all, LEARN_FIXED_LEN);
    struct learn_ref spec;
    int r;
    while ((r = learn_spec_next(&in, &spec, err)) > 0) {
        sbuf_putc(out, ',');
        format_learn_spec(&spec, out);
    }
    sbuf_putc(out, ')');
    return r;
}

/* ---- lists ---- */

static int format_nx(const struct action_ref *a, struct sbuf *out, unsigned depth, struct err *err)
{
    const uint8_t *p = a->all.p;
    switch (a->subtype) {
    case NXAST_NOTE:
        sbuf_puts(out, "note:");
        put_hex_dots(p + 10, a->all.n - 10, out);
        return 0;
    case NXAST_RESUBMIT_TABLE:
    case NXAST_RESUBMIT_TABLE_CT:
        format_resubmit(p, a->subtype == NXAST_RESUBMIT_TABLE_CT, out);
        return 0;
    case NXAST_OUTPUT_REG:
        return format_output_reg(p, out, err);
    case NXAST_LEARN:
        return format_learn(a->all, out, err);
    case NXAST_EXIT:
        sbuf_puts(out, "exit");
        return 0;
    case NXAST_CONJUNCTION:
        sbuf_printf(out, "conjunction(%" PRIu32 ",%d/%u)", get_be32(p + 12), p[10] + 1, p[11]);
        return 0;
    case NXAST_CT:
        return format_ct_action(a->all, out, depth, err);
    case NXAST_NAT:
        return format_nat(a->all, out, err);
    case NXAST_CONTROLLER2:
        return format_controller(a->all, out, err);
    case NXAST_CLONE: {
        sbuf_puts(out, "clone(");
        int r = list_format(bytes_from(a->all, 16), out, depth + 1, err);
        sbuf_putc(out, ')');
        return r;
    }
    case NXAST_CT_CLEAR:
        sbuf_puts(out, "ct_clear");
        return 0;
    default:
        return err_set(err, ERR_UNSUPPORTED, "action subtype %u", a->subtype);
    }
}

static int format_action(const struct action_ref *a, struct sbuf *out, unsigned depth,
                         struct err *err)
{
    const uint8_t *p = a->all.p;
    switch (a->type) {
    case OFPAT_OUTPUT:
        return format_output(p, out);
    case OFPAT_PUSH_VLAN:
        sbuf_printf(out, "push_vlan:0x%04x", get_be16(p + 4));
        return 0;
    case OFPAT_POP_VLAN:
        sbuf_puts(out, "pop_vlan");
        return 0;
    case OFPAT_GROUP:
        sbuf_printf(out, "group:%" PRIu32, get_be32(p + 4));
        return 0;
    case OFPAT_DEC_TTL:
        sbuf_puts(out, "dec_ttl");
        return 0;
    case OFPAT_SET_FIELD:
        return format_set_field(a->all, out, err);
    case OFPAT_COPY_FIELD:
        return format_move(p, out, err);
    case OFPAT_METER:
        sbuf_printf(out, "meter:%" PRIu32, get_be32(p + 4));
        return 0;
    default:
        return format_nx(a, out, depth, err);
    }
}

static int list_format(struct bytes list, struct sbuf *out, unsigned depth, struct err *err)
{
    struct action_ref a;
    bool first = true;
    int r;
    if (depth > ACTION_MAX_DEPTH)
        return err_set(err, ERR_TOO_BIG, "actions nested more than %d deep", ACTION_MAX_DEPTH);
    if (!list.n)
        sbuf_puts(out, "drop");
    while ((r = action_next(&list, &a, err)) > 0) {
        if (!first)
            sbuf_putc(out, ',');
        first = false;
        if ((r = format_action(&a, out, depth, err)) < 0)
            return r;
    }
    return r;
}

int actions_format(struct bytes list, struct sbuf *out, struct err *err)
{
    return list.n ? list_format(list, out, 0, err) : 0;
}

static int instructions_format(struct bytes in, struct sbuf *out, struct err *err)
{
    if (!in.n)
        sbuf_puts(out, "drop");
    bool first = true;
    while (in.n) {
        const uint8_t *p = in.p;
        if (in.n < 8 || get_be16(p + 2) < 8 || get_be16(p + 2) > in.n)
            return err_set(err, ERR_INVALID, "flow value: instructions");
        uint16_t type = get_be16(p), len = get_be16(p + 2);
        if (!first)
            sbuf_putc(out, ',');
        first = false;
        if (type == OFPIT_GOTO_TABLE)
            sbuf_printf(out, "goto_table:%u", p[4]);
        else if (type != OFPIT_APPLY_ACTIONS)
            return err_set(err, ERR_UNSUPPORTED, "instruction %u", type);
        int r = type == OFPIT_GOTO_TABLE
                    ? 0
                    : list_format((struct bytes){p + 8, len - 8u}, out, 0, err);
        if (r)
            return r;
        in = bytes_from(in, len);
    }
    return 0;
}

static void head_format(const struct flow_head *h, struct sbuf *out)
{
    sbuf_putc(out, ' ');
    if (h->cookie)
        sbuf_printf(out, "cookie=0x%" PRIx64 ", ", h->cookie);
    if (h->table)
        sbuf_printf(out, "table=%u, ", h->table);
    if (h->idle)
        sbuf_printf(out, "idle_timeout=%u, ", h->idle);
    if (h->hard)
        sbuf_printf(out, "hard_timeout=%u, ", h->hard);
    if (h->flags & FLOW_SEND_REM)
        sbuf_puts(out, "send_flow_rem ");
}

int flow_format(struct bytes key, struct bytes value, struct sbuf *out, struct err *err)
{
    const uint8_t *v = value.p;
    struct flow_head head;
    struct match m;
    int r = flow_key_decode(key, &head.table, &head.priority, &m, err);
    if (r)
        return r;
    if (value.n < FLOW_VALUE_MIN)
        return err_set(err, ERR_TRUNCATED, "flow value: %zu bytes", value.n);
    head.cookie = get_be64(v);
    head.flags = get_be16(v + 8);
    head.idle = get_be16(v + 10);
    head.hard = get_be16(v + 12);
    size_t start = out->len;
    head_format(&head, out);
    size_t before = out->len;
    match_format(&m, head.priority, out);
    if (out->len > before)
        sbuf_putc(out, ' ');
    sbuf_puts(out, "actions=");
    r = instructions_format(bytes_from(value, FLOW_VALUE_MIN), out, err);
    if (r)
        out->len = start;
    return r;
}
