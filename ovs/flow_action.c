/* SPDX-License-Identifier: Apache-2.0
 *
 * Actions: built in order, straight into wire form (OpenFlow 1.5 and Nicira extensions), in the one
 * encoding in which Open vSwitch hands them back.  Flow values: head and instructions. */
#include "ovs/flow_internal.h"

#include <assert.h>
#include <string.h>

void actions_init(struct actions *a)
{
    *a = (struct actions){.wire = SBUF_INIT, .goto_table = -1};
}

void actions_done(struct actions *a)
{
    sbuf_done(&a->wire);
    a->goto_table = -1;
    a->meter = 0;
}

void actions_clear(struct actions *a)
{
    sbuf_clear(&a->wire);
    a->goto_table = -1;
    a->meter = 0;
}

/* Starts an action; its length is set by act_end. */
static size_t act_begin(struct actions *a, uint16_t type)
{
    size_t start = a->wire.len;
    sbuf_put_be16(&a->wire, type);
    sbuf_put_be16(&a->wire, 0);
    return start;
}

static size_t act_begin_nx(struct actions *a, uint16_t subtype)
{
    size_t start = act_begin(a, OFPAT_EXPERIMENTER);
    sbuf_put_be32(&a->wire, NX_VENDOR_ID);
    sbuf_put_be16(&a->wire, subtype);
    return start;
}

static void act_end(struct actions *a, size_t start)
{
    sbuf_pad8(&a->wire, start);
    size_t len = a->wire.len - start;
    assert(len <= UINT16_MAX);
    set_be16(a->wire.data + start + 2, (uint16_t)len);
}

static uint16_t ofs_nbits(unsigned ofs, unsigned n_bits)
{
    assert(n_bits && n_bits <= 64 && ofs < 1024);
    return (uint16_t)(ofs << 6 | (n_bits - 1));
}

void act_output(struct actions *a, uint32_t port)
{
    size_t start = act_begin(a, OFPAT_OUTPUT);
    sbuf_put_be32(&a->wire, port);
    sbuf_put_be16(&a->wire, port == OFPORT_CONTROLLER ? 0xffff : 0);
    act_end(a, start);
}

void act_output_field(struct actions *a, enum field f, unsigned ofs, unsigned n_bits)
{
    assert(n_bits && ofs + n_bits <= field_table[f].bits);
    size_t start = act_begin_nx(a, NXAST_OUTPUT_REG);
    sbuf_put_be16(&a->wire, ofs_nbits(ofs, n_bits));
    sbuf_put_be32(&a->wire, field_table[f].nxm);
    sbuf_put_be16(&a->wire, 0xffff);
    sbuf_put_zeros(&a->wire, 6);
    act_end(a, start);
}

static void act_set_field(struct actions *a, enum field f, const uint8_t *value,
                          const uint8_t *mask)
{
    const struct field_info *info = &field_table[f];
    assert(f != F_IN_PORT);
    size_t start = act_begin(a, OFPAT_SET_FIELD);
    sbuf_put_be32(&a->wire, mask ? (info->oxm | OXM_HASMASK) + info->bytes : info->oxm);
    for (unsigned i = 0; i < info->bytes; i++)
        sbuf_put_u8(&a->wire, mask ? value[i] & mask[i] : value[i]);
    if (mask)
        sbuf_put(&a->wire, mask, info->bytes);
    act_end(a, start);
}

static void number_bytes(uint64_t v, enum field f, uint8_t out[8])
{
    unsigned n = field_table[f].bytes;
    assert(n <= 8);
    for (unsigned i = 0; i < n; i++)
        out[n - 1 - i] = (uint8_t)(v >> 8 * i);
}

void act_set(struct actions *a, enum field f, uint64_t value)
{
    uint8_t v[8] = {0};
    number_bytes(value, f, v);
    act_set_field(a, f, v, NULL);
}

void act_set_masked(struct actions *a, enum field f, uint64_t value, uint64_t mask)
{
    uint8_t v[8] = {0}, k[8] = {0};
    unsigned bits = field_table[f].bits;
    uint64_t all = bits >= 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
    number_bytes(value, f, v);
    number_bytes(mask, f, k);
    if (mask & all)
        act_set_field(a, f, v, (mask & all) == all ? NULL : k);
}

void act_set_bytes(struct actions *a, enum field f, const void *value)
{
    act_set_field(a, f, value, NULL);
}

void act_set_mac(struct actions *a, enum field f, const struct mac *mac)
{
    act_set_field(a, f, mac->b, NULL);
}

void act_set_ip(struct actions *a, enum field f, const struct ip *ip)
{
    assert(field_table[f].bytes == (ip->family == 4 ? 4 : 16));
    act_set_field(a, f, ip->b, NULL);
}

void act_move(struct actions *a, enum field src, unsigned src_ofs, enum field dst, unsigned dst_ofs,
              unsigned n_bits)
{
    assert(n_bits && src_ofs + n_bits <= field_table[src].bits);
    assert(dst_ofs + n_bits <= field_table[dst].bits);
    size_t start = act_begin(a, OFPAT_COPY_FIELD);
    sbuf_put_be16(&a->wire, (uint16_t)n_bits);
    sbuf_put_be16(&a->wire, (uint16_t)src_ofs);
    sbuf_put_be16(&a->wire, (uint16_t)dst_ofs);
    sbuf_put_be16(&a->wire, 0);
    sbuf_put_be32(&a->wire, field_table[src].oxm);
    sbuf_put_be32(&a->wire, field_table[dst].oxm);
    act_end(a, start);
}

void act_dec_ttl(struct actions *a)
{
    act_end(a, act_begin(a, OFPAT_DEC_TTL));
}

void act_group(struct actions *a, uint32_t group_id)
{
    size_t start = act_begin(a, OFPAT_GROUP);
    sbuf_put_be32(&a->wire, group_id);
    act_end(a, start);
}

static void put_resubmit(struct actions *a, uint16_t subtype, uint8_t table)
{
    size_t start = act_begin_nx(a, subtype);
    sbuf_put_be16(&a->wire, 0xfff8); /* the packet's own port */
    sbuf_put_u8(&a->wire, table);
    act_end(a, start);
}

void act_resubmit(struct actions *a, uint8_t table)
{
    put_resubmit(a, NXAST_RESUBMIT_TABLE, table);
}

void act_resubmit_ct(struct actions *a, uint8_t table)
{
    put_resubmit(a, NXAST_RESUBMIT_TABLE_CT, table);
}

void act_ct_clear(struct actions *a)
{
    act_end(a, act_begin_nx(a, NXAST_CT_CLEAR));
}

void conjunction_put(uint64_t number, struct sbuf *out)
{
    uint8_t wire[CONJUNCTION_LEN];
    set_be16(wire, OFPAT_EXPERIMENTER);
    set_be16(wire + 2, CONJUNCTION_LEN);
    set_be32(wire + 4, NX_VENDOR_ID);
    set_be16(wire + 8, NXAST_CONJUNCTION);
    set_be16(wire + 10, (uint16_t)number);
    set_be32(wire + 12, (uint32_t)(number >> 16));
    sbuf_put(out, wire, sizeof wire);
}

void act_conjunction(struct actions *a, uint32_t id, uint8_t clause, uint8_t n)
{
    conjunction_put((uint64_t)id << 16 | (uint16_t)(clause << 8 | n), &a->wire);
}

void act_note(struct actions *a, const void *p, size_t n)
{
    size_t start = act_begin_nx(a, NXAST_NOTE);
    sbuf_put(&a->wire, p, n);
    while (a->wire.len - start < 16)
        sbuf_put_u8(&a->wire, 0);
    act_end(a, start);
}

static void put_prop(struct sbuf *out, uint16_t type, const void *p, size_t n)
{
    size_t start = out->len;
    assert(n <= 0xffff - 4);
    sbuf_put_be16(out, type);
    sbuf_put_be16(out, (uint16_t)(4 + n));
    sbuf_put(out, p, n);
    sbuf_pad8(out, start);
}

void act_controller(struct actions *a, const struct act_controller *c)
{
    enum { REASON_ACTION = 1 };
    uint8_t b[4] = {0};
    size_t start = act_begin_nx(a, NXAST_CONTROLLER2);
    sbuf_put_zeros(&a->wire, 6);
    if (c->max_len != 0xffff) {
        set_be16(b, c->max_len);
        put_prop(&a->wire, NXAC2_MAX_LEN, b, 4);
    }
    if (c->controller_id) {
        set_be16(b, c->controller_id);
        put_prop(&a->wire, NXAC2_CONTROLLER_ID, b, 4);
    }
    if (c->reason != REASON_ACTION)
        put_prop(&a->wire, NXAC2_REASON, &c->reason, 1);
    if (c->userdata_len)
        put_prop(&a->wire, NXAC2_USERDATA, c->userdata, c->userdata_len);
    if (c->pause)
        put_prop(&a->wire, NXAC2_PAUSE, b, 0);
    if (c->meter_id) {
        set_be32(b, c->meter_id);
        put_prop(&a->wire, NXAC2_METER_ID, b, 4);
    }
    act_end(a, start);
}

static void put_nat(struct actions *a, const struct act_ct *ct)
{
    bool ranged = ct->nat_src || ct->nat_dst;
    bool has_max = ct->ip_max.family && !ip_equal(&ct->ip_min, &ct->ip_max);
    size_t n = ct->ip_min.family == 4 ? 4 : 16;
    uint16_t present = 0, flags = 0;
    assert(!(ct->nat_src && ct->nat_dst));
    assert(ranged || !(ct->ip_min.family || ct->port_min));
    flags |= ct->nat_src ? NX_NAT_SRC : 0;
    flags |= ct->nat_dst ? NX_NAT_DST : 0;
    flags |= ct->nat_persistent ? NX_NAT_PERSISTENT : 0;
    flags |= ct->nat_hash ? NX_NAT_HASH : 0;
    flags |= ct->nat_random ? NX_NAT_RANDOM : 0;
    if (ct->ip_min.family) {
        present |= n == 4 ? NX_RANGE_IP4_MIN : NX_RANGE_IP6_MIN;
        if (has_max)
            present |= n == 4 ? NX_RANGE_IP4_MAX : NX_RANGE_IP6_MAX;
        present |= ct->port_min ? NX_RANGE_PORT_MIN : 0;
        if (ct->port_min && ct->port_max > ct->port_min)
            present |= NX_RANGE_PORT_MAX;
    }
    size_t start = act_begin_nx(a, NXAST_NAT);
    sbuf_put_be16(&a->wire, 0);
    sbuf_put_be16(&a->wire, flags);
    sbuf_put_be16(&a->wire, present);
    if (ct->ip_min.family)
        sbuf_put(&a->wire, ct->ip_min.b, n);
    if (has_max)
        sbuf_put(&a->wire, ct->ip_max.b, n);
    if (present & NX_RANGE_PORT_MIN)
        sbuf_put_be16(&a->wire, ct->port_min);
    if (present & NX_RANGE_PORT_MAX)
        sbuf_put_be16(&a->wire, ct->port_max);
    act_end(a, start);
}

void act_ct(struct actions *a, const struct act_ct *ct)
{
    bool by_field = ct->zone_field != F_N;
    size_t start = act_begin_nx(a, NXAST_CT);
    sbuf_put_be16(&a->wire, ct->flags);
    sbuf_put_be32(&a->wire, by_field ? field_table[ct->zone_field].nxm : 0);
    sbuf_put_be16(&a->wire, by_field ? ofs_nbits(ct->zone_ofs, ct->zone_bits) : ct->zone);
    sbuf_put_u8(&a->wire, ct->table);
    sbuf_put_zeros(&a->wire, 5); /* and no application-level gateway */
    assert(a->wire.len - start == CT_FIXED_LEN);
    if (ct->nat)
        put_nat(a, ct);
    if (ct->exec)
        sbuf_put(&a->wire, ct->exec->wire.data, ct->exec->wire.len);
    act_end(a, start);
}

static void put_learn_spec(struct actions *a, const struct learn_spec *s)
{
    uint32_t head = s->n_bits;
    assert(s->n_bits && s->n_bits <= 128);
    head |= s->src_is_value ? NX_LEARN_SRC_VALUE : 0u;
    head |= s->kind == LEARN_LOAD ? NX_LEARN_DST_LOAD : 0u;
    head |= s->kind == LEARN_OUTPUT ? NX_LEARN_DST_OUTPUT : 0u;
    sbuf_put_be16(&a->wire, (uint16_t)head);
    if (s->src_is_value) {
        size_t n = (s->n_bits + 7) / 8;
        sbuf_put_zeros(&a->wire, n % 2);
        sbuf_put(&a->wire, s->value, n);
    } else {
        sbuf_put_be32(&a->wire, field_table[s->src].nxm);
        sbuf_put_be16(&a->wire, (uint16_t)s->src_ofs);
    }
    if (s->kind != LEARN_OUTPUT) {
        sbuf_put_be32(&a->wire, field_table[s->dst].nxm);
        sbuf_put_be16(&a->wire, (uint16_t)s->dst_ofs);
    }
}

void act_learn(struct actions *a, const struct act_learn *l)
{
    size_t start = act_begin_nx(a, NXAST_LEARN);
    sbuf_put_be16(&a->wire, l->idle);
    sbuf_put_be16(&a->wire, l->hard);
    sbuf_put_be16(&a->wire, l->priority);
    sbuf_put_be64(&a->wire, l->cookie);
    sbuf_put_be16(&a->wire,
                  (uint16_t)((l->send_flow_rem ? 1u : 0u) | (l->delete_learned ? 2u : 0u)));
    sbuf_put_u8(&a->wire, l->table);
    sbuf_put_u8(&a->wire, 0);
    sbuf_put_be16(&a->wire, l->fin_idle);
    sbuf_put_be16(&a->wire, l->fin_hard);
    assert(a->wire.len - start == LEARN_FIXED_LEN);
    for (size_t i = 0; i < l->n_specs; i++)
        put_learn_spec(a, &l->specs[i]);
    act_end(a, start);
}

void act_meter(struct actions *a, uint32_t meter_id)
{
    a->meter = meter_id;
}

void act_goto(struct actions *a, uint8_t table)
{
    a->goto_table = table;
}

void act_append(struct actions *a, const struct actions *src)
{
    sbuf_put(&a->wire, src->wire.data, src->wire.len);
    if (src->meter)
        a->meter = src->meter;
    if (src->goto_table >= 0)
        a->goto_table = src->goto_table;
}

void flow_value_encode(uint64_t cookie, uint16_t flags, uint16_t idle, uint16_t hard,
                       const struct actions *a, struct sbuf *out)
{
    enum { HEAD = 8, METER_LEN = 8 };
    size_t len = (a->meter ? METER_LEN : 0) + a->wire.len;
    sbuf_put_be64(out, cookie);
    sbuf_put_be16(out, flags);
    sbuf_put_be16(out, idle);
    sbuf_put_be16(out, hard);
    if (len) {
        assert(len + HEAD <= UINT16_MAX);
        sbuf_put_be16(out, OFPIT_APPLY_ACTIONS);
        sbuf_put_be16(out, (uint16_t)(HEAD + len));
        sbuf_put_be32(out, 0);
        if (a->meter) {
            sbuf_put_be16(out, OFPAT_METER);
            sbuf_put_be16(out, METER_LEN);
            sbuf_put_be32(out, a->meter);
        }
        sbuf_put(out, a->wire.data, a->wire.len);
    }
    if (a->goto_table >= 0) {
        sbuf_put_be16(out, OFPIT_GOTO_TABLE);
        sbuf_put_be16(out, 8);
        sbuf_put_u8(out, (uint8_t)a->goto_table);
        sbuf_put_zeros(out, 3);
    }
}
