/* SPDX-License-Identifier: Apache-2.0
 *
 * Matches: built field by field, kept in canonical order and form, so that equal matches are equal
 * bytes; read back from OXM lists, in our own form or in the one in which Open vSwitch dumps them
 * (registers in pairs, VLAN in two fields, a packet type that says Ethernet). */
#include "ovs/flow_internal.h"

#include <assert.h>
#include <string.h>

enum { XREG_CLASS = 0x8001, OXM_VLAN_VID = 6, OXM_VLAN_PCP = 7, OXM_PACKET_TYPE = 44 };

void match_init(struct match *m)
{
    m->n = 0;
}

/* Where 'f' is, or where it belongs. */
static size_t match_find(const struct match *m, enum field f)
{
    size_t i = 0;
    while (i < m->n && m->f[i].field < f)
        i++;
    return i;
}

const struct match_field *match_get(const struct match *m, enum field f)
{
    size_t i = match_find(m, f);
    return i < m->n && m->f[i].field == f ? &m->f[i] : NULL;
}

static void match_remove(struct match *m, enum field f)
{
    size_t i = match_find(m, f);
    if (i < m->n && m->f[i].field == f) {
        m->n--;
        memmove(&m->f[i], &m->f[i + 1], (m->n - i) * sizeof m->f[0]);
    }
}

/* The mask of all bits that a match on 'f' can tell apart. */
static void field_full_mask(enum field f, uint8_t mask[FIELD_MAX_BYTES])
{
    unsigned n = field_table[f].bytes, live = field_table[f].live_bits;
    memset(mask, 0, FIELD_MAX_BYTES);
    for (unsigned i = 0; i < live; i++)
        mask[n - 1 - i / 8] |= (uint8_t)(1u << i % 8);
}

/* False if there is no room. */
static bool match_try_set(struct match *m, enum field f, const uint8_t *value, const uint8_t *mask)
{
    unsigned n = field_table[f].bytes;
    struct match_field new = {.field = f};
    uint8_t full[FIELD_MAX_BYTES];
    bool any = false;
    field_full_mask(f, full);
    for (unsigned i = 0; i < n; i++) {
        new.mask[i] = mask ? mask[i] & full[i] : full[i];
        new.value[i] = value[i] & new.mask[i];
        any |= new.mask[i] != 0;
        new.masked |= new.mask[i] != full[i];
    }
    if (!any) {
        match_remove(m, f);
        return true;
    }
    size_t i = match_find(m, f);
    if (i == m->n || m->f[i].field != f) {
        if (m->n == MATCH_MAX_FIELDS)
            return false;
        memmove(&m->f[i + 1], &m->f[i], (m->n - i) * sizeof m->f[0]);
        m->n++;
    }
    m->f[i] = new;
    return true;
}

void match_set_bytes(struct match *m, enum field f, const void *value, const void *mask)
{
    bool ok = match_try_set(m, f, value, mask);
    assert(ok);
    (void)ok;
}

static void put_number(uint64_t v, unsigned n, uint8_t *out)
{
    assert(n <= 8);
    for (unsigned i = 0; i < n; i++)
        out[n - 1 - i] = (uint8_t)(v >> 8 * i);
}

void match_set(struct match *m, enum field f, uint64_t value)
{
    uint8_t v[8] = {0};
    put_number(value, field_table[f].bytes, v);
    match_set_bytes(m, f, v, NULL);
}

void match_set_masked(struct match *m, enum field f, uint64_t value, uint64_t mask)
{
    uint8_t v[8] = {0}, k[8] = {0};
    put_number(value, field_table[f].bytes, v);
    put_number(mask, field_table[f].bytes, k);
    match_set_bytes(m, f, v, k);
}

void match_set_mac(struct match *m, enum field f, const struct mac *mac)
{
    match_set_bytes(m, f, mac->b, NULL);
}

void match_set_prefix(struct match *m, enum field f, const struct prefix *p)
{
    struct ip mask = ip_mask(p->ip.family, p->len);
    assert(field_table[f].bytes == (p->ip.family == 4 ? 4 : 16));
    match_set_bytes(m, f, p->ip.b, mask.b);
}

void match_set_ip(struct match *m, enum field f, const struct ip *ip)
{
    assert(field_table[f].bytes == (ip->family == 4 ? 4 : 16));
    match_set_bytes(m, f, ip->b, NULL);
}

/* ---- wire ---- */

void match_put(const struct match *m, struct sbuf *out)
{
    for (size_t i = 0; i < m->n; i++) {
        const struct match_field *mf = &m->f[i];
        const struct field_info *info = &field_table[mf->field];
        uint32_t header = info->oxm;
        if (mf->masked)
            header = (header | OXM_HASMASK) + info->bytes;
        sbuf_put_be32(out, header);
        sbuf_put(out, mf->value, info->bytes);
        if (mf->masked)
            sbuf_put(out, mf->mask, info->bytes);
    }
}

int oxm_next(struct bytes *in, uint32_t *header_out, struct bytes *payload_out, struct err *err)
{
    if (in->n < OXM_HEADER_LEN)
        return err_set(err, ERR_TRUNCATED, "match: %zu bytes left, a field needs 4", in->n);
    uint32_t header = get_be32(in->p);
    size_t len = header & 0xff;
    if (in->n - OXM_HEADER_LEN < len)
        return err_set(err, ERR_TRUNCATED, "match: field 0x%08x is cut", (unsigned)header);
    *header_out = header;
    *payload_out = (struct bytes){(const uint8_t *)in->p + OXM_HEADER_LEN, len};
    *in = bytes_from(*in, OXM_HEADER_LEN + len);
    return 0;
}

/* Registers 2n and 2n + 1 in one field of 64 bits. */
static int parse_xreg(unsigned n, struct bytes payload, bool masked, struct match *m)
{
    const uint8_t *value = payload.p;
    if (n >= 8 || payload.n != (masked ? 16u : 8u))
        return ERR_INVALID;
    const uint8_t *mask = masked ? value + 8 : NULL;
    for (unsigned i = 0; i < 2; i++)
        if (!match_try_set(m, (enum field)(F_REG0 + 2 * n + i), value + 4 * i,
                           mask ? mask + 4 * i : NULL))
            return ERR_TOO_BIG;
    return 0;
}

/* VLAN id (with the "present" bit) and priority make up the tag. */
static int parse_vlan(unsigned field, struct bytes payload, bool masked, struct match *m)
{
    const uint8_t *p = payload.p;
    const struct match_field *now = match_get(m, F_VLAN_TCI);
    uint32_t value = now ? get_be16(now->value) : 0, mask = now ? get_be16(now->mask) : 0;
    size_t bytes = field == OXM_VLAN_VID ? 2 : 1;
    if (payload.n != (masked ? 2 * bytes : bytes))
        return ERR_INVALID;
    if (field == OXM_VLAN_VID) {
        uint32_t part = masked ? get_be16(p + 2) & 0x1fffu : 0x1fff;
        value |= get_be16(p) & part;
        mask |= part;
    } else {
        uint32_t part = (masked ? p[1] & 7u : 7u) << 13;
        value |= (uint32_t)p[0] << 13 & part;
        mask |= part;
    }
    uint8_t v[2], k[2];
    set_be16(v, (uint16_t)value);
    set_be16(k, (uint16_t)mask);
    return match_try_set(m, F_VLAN_TCI, v, k) ? 0 : ERR_TOO_BIG;
}

static int parse_field(uint32_t header, struct bytes payload, struct match *m)
{
    bool masked = header & OXM_HASMASK;
    uint32_t class = header >> 16, number = header >> 9 & 0x7f;
    if (class == XREG_CLASS)
        return parse_xreg(number, payload, masked, m);
    if (class == 0x8000 && (number == OXM_VLAN_VID || number == OXM_VLAN_PCP))
        return parse_vlan(number, payload, masked, m);
    if (class == 0x8000 && number == OXM_PACKET_TYPE)
        return payload.n != 4 ? ERR_INVALID : get_be32(payload.p) ? ERR_UNSUPPORTED : 0;
    enum field f = field_by_oxm(header);
    if (f == F_N)
        return ERR_UNSUPPORTED;
    size_t bytes = field_table[f].bytes;
    if (payload.n != (masked ? 2 * bytes : bytes))
        return ERR_INVALID;
    const uint8_t *value = payload.p, *mask = masked ? value + bytes : NULL;
    if (F_XXREG0 <= f && f <= F_XXREG3) { /* four registers in one */
        for (unsigned i = 0; i < 4; i++)
            if (!match_try_set(m, (enum field)(F_REG0 + 4 * (f - F_XXREG0) + i), value + 4 * i,
                               mask ? mask + 4 * i : NULL))
                return ERR_TOO_BIG;
        return 0;
    }
    return match_try_set(m, f, value, mask) ? 0 : ERR_TOO_BIG;
}

int match_parse(struct bytes oxm, struct match *m, struct err *err)
{
    match_init(m);
    while (oxm.n) {
        uint32_t header = 0;
        struct bytes payload = {NULL, 0};
        int r = oxm_next(&oxm, &header, &payload, err);
        if (r)
            return r;
        r = parse_field(header, payload, m);
        if (r)
            return err_set(err, r, "match: field 0x%08x: %s", (unsigned)header, err_text(r));
    }
    return 0;
}

int match_parse_known(struct bytes oxm, struct match *m, struct sbuf *rest, struct err *err)
{
    match_init(m);
    while (oxm.n) {
        struct bytes before = oxm, payload = {NULL, 0};
        uint32_t header = 0;
        int r = oxm_next(&oxm, &header, &payload, err);
        if (r)
            return r;
        r = parse_field(header, payload, m);
        bool ethernet = header >> 9 == (UINT32_C(0x8000) << 7 | OXM_PACKET_TYPE);
        if (rest && (r == ERR_UNSUPPORTED || r == ERR_TOO_BIG || ethernet))
            sbuf_put(rest, before.p, before.n - oxm.n);
        else if (r == ERR_INVALID)
            return err_set(err, r, "match: field 0x%08x", (unsigned)header);
    }
    return 0;
}

/* ---- keys ---- */

void flow_key_encode(uint8_t table, uint16_t priority, const struct match *m, struct sbuf *out)
{
    sbuf_put_u8(out, table);
    sbuf_put_be16(out, priority);
    match_put(m, out);
}

int flow_key_decode(struct bytes key, uint8_t *table, uint16_t *priority, struct match *m,
                    struct err *err)
{
    if (key.n < FLOW_KEY_MIN)
        return err_set(err, ERR_TRUNCATED, "flow key: %zu bytes", key.n);
    struct match found;
    int r = match_parse(bytes_from(key, FLOW_KEY_MIN), &found, err);
    if (r)
        return r;
    *table = *(const uint8_t *)key.p;
    *priority = get_be16((const uint8_t *)key.p + 1);
    *m = found;
    return 0;
}
