/* SPDX-License-Identifier: Apache-2.0
 *
 * Groups: their byte form, their text, and their entries in a switch's dump.  A bucket is on the
 * wire as in OpenFlow 1.5, with its weight given for select groups alone; the selection method is
 * the property that Open vSwitch takes from Netronome. */
#include "ovs/group.h"

#include "ovs/flow_internal.h"
#include "ovs/ofmsg.h"
#include "ovs/ofmsg_internal.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

enum { BUCKET_LEN = 8, PROP_WEIGHT = 0, PROP_WATCH_PORT = 1, PROP_WATCH_GROUP = 2 };
enum {
    PROP_EXPERIMENTER = 0xffff,
    NTR_SELECTION_METHOD = 1,
    METHOD_LEN = 16,
    NTR_FIXED_LEN = 40,
    GROUP_DESC_LEN = 16
};
#define NTR_VENDOR UINT32_C(0x0000154d)

/* What else a bucket says. */
struct bucket_props {
    uint16_t weight;
    uint32_t watch_port, watch_group;
};
/* The selection method property. */
struct method {
    char name[METHOD_LEN + 1];
    uint64_t param;
    bool has[F_N];
    uint8_t mask[F_N][FIELD_MAX_BYTES];
};

void group_key_encode(uint32_t id, struct sbuf *out)
{
    sbuf_put_be32(out, id);
}

/* Ends a bucket that began at 'start' with BUCKET_LEN zero bytes and its actions. */
static void bucket_end(size_t start, uint32_t id, uint8_t type, const struct bucket_props *p,
                       struct sbuf *out)
{
    uint8_t b[4] = {0};
    size_t actions = out->len - start - BUCKET_LEN;
    if (type == GROUP_SELECT) {
        set_be16(b, p->weight);
        ofmsg_prop_put(PROP_WEIGHT, b, 4, out);
    }
    if (p->watch_port != OFPORT_ANY) {
        set_be32(b, p->watch_port);
        ofmsg_prop_put(PROP_WATCH_PORT, b, 4, out);
    }
    if (p->watch_group != UINT32_MAX) {
        set_be32(b, p->watch_group);
        ofmsg_prop_put(PROP_WATCH_GROUP, b, 4, out);
    }
    assert(out->len - start <= UINT16_MAX);
    set_be16(out->data + start, (uint16_t)(out->len - start));
    set_be16(out->data + start + 2, (uint16_t)actions);
    set_be32(out->data + start + 4, id);
}

static void method_put(const struct method *m, struct sbuf *out)
{
    size_t start = out->len;
    sbuf_put_be16(out, PROP_EXPERIMENTER);
    sbuf_put_be16(out, 0);
    sbuf_put_be32(out, NTR_VENDOR);
    sbuf_put_be32(out, NTR_SELECTION_METHOD);
    sbuf_put_be32(out, 0);
    sbuf_put(out, m->name, METHOD_LEN);
    sbuf_put_be64(out, m->param);
    for (size_t f = 0; f < F_N; f++) {
        if (!m->has[f])
            continue;
        sbuf_put_be32(out, field_table[f].oxm);
        sbuf_put(out, m->mask[f], field_table[f].bytes);
    }
    set_be16(out->data + start + 2, (uint16_t)(out->len - start));
    sbuf_pad8(out, start);
}

void group_value_encode(const struct group *g, struct sbuf *out)
{
    size_t start = out->len;
    sbuf_put_u8(out, (uint8_t)g->type);
    sbuf_put_be32(out, 0);
    for (size_t i = 0; i < g->n_buckets; i++) {
        const struct group_bucket *b = &g->buckets[i];
        struct bucket_props p = {b->weight, OFPORT_ANY, UINT32_MAX};
        size_t at = out->len;
        assert(b->actions->goto_table < 0 && !b->actions->meter);
        sbuf_put_zeros(out, BUCKET_LEN);
        sbuf_put(out, b->actions->wire.data, b->actions->wire.len);
        bucket_end(at, b->id, (uint8_t)g->type, &p, out);
    }
    set_be32(out->data + start + 1, (uint32_t)(out->len - start - GROUP_VALUE_MIN));
    if (!g->selection_method)
        return;
    struct method m = {.param = g->selection_param};
    assert(strlen(g->selection_method) < METHOD_LEN);
    memcpy(m.name, g->selection_method, strlen(g->selection_method));
    for (size_t i = 0; i < g->n_fields; i++) {
        m.has[g->fields[i]] = true;
        memset(m.mask[g->fields[i]], 0xff, FIELD_MAX_BYTES);
    }
    method_put(&m, out);
}

/* ---- reading ---- */

/* Takes a bucket off '*in'; its actions, id and properties. */
static int bucket_next(struct bytes *in, struct bytes *actions_out, uint32_t *id_out,
                       struct bucket_props *props_out, struct err *err)
{
    struct bytes b, data;
    int r = ofmsg_entry_next(in, BUCKET_LEN, "bucket", &b, err);
    if (r <= 0)
        return r;
    const uint8_t *p = b.p;
    size_t len = get_be16(p + 2);
    if (len > b.n - BUCKET_LEN)
        return err_set(err, ERR_INVALID, "bucket: actions of %zu in %zu bytes", len, b.n);
    *actions_out = (struct bytes){p + BUCKET_LEN, len};
    *id_out = get_be32(p + 4);
    *props_out = (struct bucket_props){1, OFPORT_ANY, UINT32_MAX};
    struct bytes props = bytes_from(b, BUCKET_LEN + len);
    uint16_t type;
    while ((r = ofmsg_prop_next(&props, &type, &data, err)) > 0) {
        if (type <= PROP_WATCH_GROUP && data.n != 4)
            return err_set(err, ERR_INVALID, "bucket: property %u of %zu bytes", type, data.n);
        if (type == PROP_WEIGHT)
            props_out->weight = get_be16(data.p);
        else if (type == PROP_WATCH_PORT)
            props_out->watch_port = get_be32(data.p);
        else if (type == PROP_WATCH_GROUP)
            props_out->watch_group = get_be32(data.p);
    }
    return r < 0 ? r : 1;
}

static int method_read(struct bytes data, struct method *out, struct err *err)
{
    enum { FIXED = NTR_FIXED_LEN - 4 };
    const uint8_t *p = data.p;
    memset(out, 0, sizeof *out);
    if (data.n < FIXED)
        return err_set(err, ERR_INVALID, "group: selection method of %zu bytes", data.n);
    if (get_be32(p) != NTR_VENDOR || get_be32(p + 4) != NTR_SELECTION_METHOD)
        return err_set(err, ERR_UNSUPPORTED, "group: property of vendor 0x%x",
                       (unsigned)get_be32(p));
    memcpy(out->name, p + 12, METHOD_LEN);
    out->param = get_be64(p + 28);
    struct bytes in = bytes_from(data, FIXED), payload;
    while (in.n) {
        uint32_t header;
        int r = oxm_next(&in, &header, &payload, err);
        if (r)
            return r;
        enum field f = field_by_oxm(header);
        if (f == F_N)
            return err_set(err, ERR_UNSUPPORTED, "group: field 0x%08x", (unsigned)header);
        if (payload.n != field_table[f].bytes)
            return err_set(err, ERR_INVALID, "group: field %s", field_table[f].name);
        out->has[f] = true;
        memcpy(out->mask[f], payload.p, payload.n);
    }
    return 0;
}

/* Reads the group's properties: 1 if there is a method, 0 if not. */
static int props_read(struct bytes props, struct method *out, struct err *err)
{
    struct bytes data;
    uint16_t type;
    int r, found = 0;
    while ((r = ofmsg_prop_next(&props, &type, &data, err)) > 0) {
        if (type != PROP_EXPERIMENTER)
            return err_set(err, ERR_UNSUPPORTED, "group: property %u", type);
        if ((r = method_read(data, out, err)))
            return r;
        found = 1;
    }
    return r < 0 ? r : found;
}

static int buckets_canon(struct bytes in, uint8_t type, struct sbuf *out, struct err *err)
{
    struct bytes actions;
    struct bucket_props props;
    uint32_t id;
    int r;
    while ((r = bucket_next(&in, &actions, &id, &props, err)) > 0) {
        size_t at = out->len;
        sbuf_put_zeros(out, BUCKET_LEN);
        if ((r = actions_canon(actions, out, err)))
            return r;
        bucket_end(at, id, type, &props, out);
    }
    return r;
}

static int value_canon(uint8_t type, struct bytes buckets, struct bytes props, struct sbuf *out,
                       struct err *err)
{
    struct method m;
    sbuf_put_u8(out, type);
    sbuf_put_be32(out, 0);
    int r = buckets_canon(buckets, type, out, err);
    if (r)
        return r;
    set_be32(out->data + 1, (uint32_t)(out->len - GROUP_VALUE_MIN));
    r = props_read(props, &m, err);
    if (r > 0)
        method_put(&m, out);
    return r < 0 ? r : 0;
}

int ofmsg_group_desc_next(struct bytes *body, struct sbuf *key, struct sbuf *value, struct err *err)
{
    struct bytes entry;
    int r = ofmsg_entry_next(body, GROUP_DESC_LEN, "group", &entry, err);
    if (r <= 0)
        return r;
    const uint8_t *p = entry.p;
    size_t len = get_be16(p + 8);
    if (len > entry.n - GROUP_DESC_LEN)
        return err_set(err, ERR_INVALID, "group: buckets of %zu in %zu bytes", len, entry.n);
    struct bytes buckets = {p + GROUP_DESC_LEN, len};
    struct bytes props = bytes_from(entry, GROUP_DESC_LEN + len);
    sbuf_clear(key);
    sbuf_clear(value);
    sbuf_put(key, p + 4, 4);
    r = value_canon(p[2], buckets, props, value, err);
    if (r == ERR_UNSUPPORTED || r == ERR_TOO_BIG) { /* not ours; kept so that it can be deleted */
        sbuf_clear(value);
        sbuf_put_u8(value, p[2]);
        sbuf_put_be32(value, (uint32_t)len);
        sbuf_put(value, buckets.p, buckets.n);
        sbuf_put(value, props.p, props.n);
        r = 0;
    }
    return r ? r : 1;
}

/* ---- translations ---- */

/* The nat of a ct action's nested list, if it is of the destination. */
static void target_of(struct bytes nested, group_target_fn *fn, void *aux)
{
    struct action_ref a;
    struct nat_range range;
    while (action_next(&nested, &a, NULL) > 0) {
        bool nat = a.type == OFPAT_EXPERIMENTER && a.subtype == NXAST_NAT;
        if (nat && (get_be16((const uint8_t *)a.all.p + 12) & NX_NAT_DST) &&
            nat_read(a.all, &range, NULL) == 0 && range.min.family)
            fn(aux, &range.min, range.port_min);
    }
}

uint64_t group_targets(struct bytes value, group_target_fn *fn, void *aux)
{
    const uint8_t *v = value.p;
    size_t len = value.n < GROUP_VALUE_MIN ? 0 : get_be32(v + 1);
    if (value.n < GROUP_VALUE_MIN || len > value.n - GROUP_VALUE_MIN)
        return 0;
    struct bytes in = {v + GROUP_VALUE_MIN, len}, actions;
    struct bucket_props props;
    struct method m;
    uint32_t id;
    while (bucket_next(&in, &actions, &id, &props, NULL) > 0) {
        struct action_ref a;
        while (action_next(&actions, &a, NULL) > 0)
            if (a.type == OFPAT_EXPERIMENTER && a.subtype == NXAST_CT)
                target_of(bytes_from(a.all, CT_FIXED_LEN), fn, aux);
    }
    return props_read(bytes_from(value, GROUP_VALUE_MIN + len), &m, NULL) > 0 ? m.param : 0;
}

/* ---- text ---- */

static void method_format(const struct method *m, struct sbuf *out)
{
    size_t n = 0;
    sbuf_printf(out, ",selection_method=%s", m->name);
    if (m->param)
        sbuf_printf(out, ",selection_method_param=%" PRIu64, m->param);
    for (size_t f = 0; f < F_N; f++)
        n += m->has[f];
    if (!n)
        return;
    sbuf_puts(out, n == 1 ? ",fields=" : ",fields(");
    bool first = true;
    for (size_t f = 0; f < F_N; f++) {
        if (!m->has[f])
            continue;
        sbuf_printf(out, "%s%s", first ? "" : ",", field_table[f].name);
        bool full = true;
        for (unsigned i = 0; i < field_table[f].bytes; i++)
            full &= m->mask[f][i] == 0xff;
        if (!full) {
            sbuf_putc(out, '=');
            field_format((enum field)f, m->mask[f], NULL, out);
        }
        first = false;
    }
    if (n > 1)
        sbuf_putc(out, ')');
}

static int buckets_format(struct bytes in, uint8_t type, struct sbuf *out, struct err *err)
{
    struct bytes actions;
    struct bucket_props p;
    uint32_t id;
    int r;
    while ((r = bucket_next(&in, &actions, &id, &p, err)) > 0) {
        sbuf_printf(out, "bucket=bucket_id:%" PRIu32 ",", id);
        if (type == GROUP_SELECT && p.weight != 1)
            sbuf_printf(out, "weight:%u,", p.weight);
        if (p.watch_port != OFPORT_ANY) {
            sbuf_puts(out, "watch_port:");
            port_format(p.watch_port, out);
            sbuf_putc(out, ',');
        }
        if (p.watch_group != UINT32_MAX)
            sbuf_printf(out, "watch_group:%" PRIu32 ",", p.watch_group);
        sbuf_puts(out, "actions=");
        if (!actions.n)
            sbuf_puts(out, "drop");
        if ((r = actions_format(actions, out, err)))
            return r;
        sbuf_putc(out, ',');
    }
    return r;
}

int group_format(struct bytes key, struct bytes value, struct sbuf *out, struct err *err)
{
    static const char *const types[] = {"all", "select", "indirect", "ff", "unknown"};
    const uint8_t *v = value.p;
    struct method m;
    if (key.n != GROUP_KEY_LEN || value.n < GROUP_VALUE_MIN)
        return err_set(err, ERR_TRUNCATED, "group of %zu + %zu bytes", key.n, value.n);
    size_t len = get_be32(v + 1), start = out->len;
    if (len > value.n - GROUP_VALUE_MIN)
        return err_set(err, ERR_INVALID, "group: buckets of %zu bytes", len);
    sbuf_printf(out, "group_id=%" PRIu32 ",type=%s", get_be32(key.p), types[v[0] > 4 ? 4 : v[0]]);
    int r = props_read(bytes_from(value, GROUP_VALUE_MIN + len), &m, err);
    if (r > 0)
        method_format(&m, out);
    if (r >= 0) {
        sbuf_putc(out, ',');
        r = buckets_format((struct bytes){v + GROUP_VALUE_MIN, len}, v[0], out, err);
    }
    if (r < 0) {
        out->len = start;
        return r;
    }
    out->data[--out->len] = 0; /* the last comma */
    return 0;
}
