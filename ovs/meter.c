/* SPDX-License-Identifier: Apache-2.0
 *
 * Meters: their byte form, their text, and their entries in a switch's dump. */
#include "ovs/meter.h"

#include "ovs/flow_internal.h"
#include "ovs/ofmsg.h"
#include "ovs/ofmsg_internal.h"

#include <inttypes.h>

enum { BAND_DROP = 1, BAND_DSCP_REMARK = 2, METER_DESC_LEN = 8 };
/* Above are the switch's own meters. */
#define METER_ID_MAX UINT32_C(0xffff0000)

void meter_key_encode(uint32_t id, struct sbuf *out)
{
    sbuf_put_be32(out, id);
}

void meter_value_encode(const struct meter *m, struct sbuf *out)
{
    sbuf_put_be16(out, m->flags);
    sbuf_put_be16(out, BAND_DROP);
    sbuf_put_be16(out, METER_BAND_LEN);
    sbuf_put_be32(out, m->rate);
    sbuf_put_be32(out, m->flags & METER_BURST ? m->burst : 0);
    sbuf_put_be32(out, 0);
}

/* Bands: each of a known length; the burst counts only where the flags say so. */
static int bands_canon(struct bytes bands, uint16_t flags, struct sbuf *out, struct err *err)
{
    while (bands.n) {
        const uint8_t *p = bands.p;
        if (bands.n < METER_BAND_LEN)
            return err_set(err, ERR_TRUNCATED, "meter: %zu bytes left", bands.n);
        if (get_be16(p + 2) != METER_BAND_LEN)
            return err_set(err, ERR_INVALID, "meter: band of length %u", get_be16(p + 2));
        size_t start = out->len;
        sbuf_put(out, p, METER_BAND_LEN);
        if (!(flags & METER_BURST))
            set_be32(out->data + start + 8, 0);
        bands = bytes_from(bands, METER_BAND_LEN);
    }
    return 0;
}

int ofmsg_meter_desc_next(struct bytes *body, struct sbuf *key, struct sbuf *value, struct err *err)
{
    struct bytes entry;
    for (;;) {
        int r = ofmsg_entry_next(body, METER_DESC_LEN, "meter", &entry, err);
        if (r <= 0)
            return r;
        const uint8_t *p = entry.p;
        sbuf_clear(key);
        sbuf_clear(value);
        sbuf_put(key, p + 4, 4);
        sbuf_put(value, p + 2, 2);
        r = bands_canon(bytes_from(entry, METER_DESC_LEN), get_be16(p + 2), value, err);
        if (r)
            return r;
        if (get_be32(p + 4) <= METER_ID_MAX)
            return 1;
    }
}

static void band_format(const uint8_t *p, uint16_t flags, struct sbuf *out)
{
    uint16_t type = get_be16(p);
    if (type == BAND_DROP || type == BAND_DSCP_REMARK)
        sbuf_printf(out, "type=%s", type == BAND_DROP ? "drop" : "dscp_remark");
    else
        sbuf_printf(out, "type=%u", type);
    sbuf_printf(out, " rate=%" PRIu32, get_be32(p + 4));
    if (flags & METER_BURST)
        sbuf_printf(out, " burst_size=%" PRIu32, get_be32(p + 8));
    if (type == BAND_DSCP_REMARK)
        sbuf_printf(out, " prec_level=%u", p[12]);
}

int meter_format(struct bytes key, struct bytes value, struct sbuf *out, struct err *err)
{
    static const struct {
        uint16_t flag;
        const char *name;
    } names[] = {{METER_KBPS, "kbps "},
                 {METER_PKTPS, "pktps "},
                 {METER_BURST, "burst "},
                 {METER_STATS, "stats "}};
    if (key.n != METER_KEY_LEN || value.n < METER_VALUE_MIN)
        return err_set(err, ERR_TRUNCATED, "meter of %zu + %zu bytes", key.n, value.n);
    if ((value.n - METER_VALUE_MIN) % METER_BAND_LEN)
        return err_set(err, ERR_INVALID, "meter: bands of %zu bytes", value.n - METER_VALUE_MIN);
    const uint8_t *v = value.p;
    uint16_t flags = get_be16(v);
    sbuf_printf(out, "meter=%" PRIu32 " ", get_be32(key.p));
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (flags & names[i].flag)
            sbuf_puts(out, names[i].name);
    sbuf_puts(out, "bands=");
    for (size_t at = METER_VALUE_MIN; at < value.n; at += METER_BAND_LEN) {
        if (at > METER_VALUE_MIN)
            sbuf_putc(out, ' ');
        band_format(v + at, flags, out);
    }
    return 0;
}
