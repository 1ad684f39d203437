/* SPDX-License-Identifier: Apache-2.0
 *
 * Modifications of flows, groups and meters, straight from the key and value bytes that the engine
 * holds: nearly a copy. */
#include "ovs/ofmsg.h"
#include "ovs/ofmsg_internal.h"

#include "ovs/group.h"
#include "ovs/meter.h"

#include <string.h>

enum { OFPFC_ADD = 0, OFPFC_DELETE = 3, OFPFC_DELETE_STRICT = 4, OFPMT_OXM = 1 };
enum { ALL_TABLES = 0xff };
#define GROUP_ALL_IDS UINT32_C(0xfffffffc)

/* An ofp_match: head, TLVs, padding. */
static void put_match(struct bytes oxm, struct sbuf *out)
{
    size_t start = out->len;
    sbuf_put_be16(out, OFPMT_OXM);
    sbuf_put_be16(out, (uint16_t)(4 + oxm.n));
    sbuf_put(out, oxm.p, oxm.n);
    sbuf_put_zeros(out, (8 - (out->len - start) % 8) % 8);
}

/* From the cookie to the flags. */
struct flow_mod_head {
    uint64_t cookie;
    uint8_t table, command;
    uint16_t idle, hard, priority, flags;
};

static void put_flow_mod_head(const struct flow_mod_head *h, struct sbuf *out)
{
    sbuf_put_be64(out, h->cookie);
    sbuf_put_be64(out, 0); /* cookie mask */
    sbuf_put_u8(out, h->table);
    sbuf_put_u8(out, h->command);
    sbuf_put_be16(out, h->idle);
    sbuf_put_be16(out, h->hard);
    sbuf_put_be16(out, h->priority);
    sbuf_put_be32(out, UINT32_MAX); /* no buffer */
    sbuf_put_be32(out, UINT32_MAX); /* any port */
    sbuf_put_be32(out, UINT32_MAX); /* any group */
    sbuf_put_be16(out, h->flags);
    sbuf_put_be16(out, 0); /* importance */
}

int ofmsg_flow_mod_encode(enum ofmsg_mod op, struct bytes key, struct bytes value, uint32_t xid,
                          struct sbuf *out, struct err *err)
{
    const uint8_t *k = key.p, *v = value.p;
    if (key.n < FLOW_KEY_MIN || (op != OFMSG_DELETE && value.n < FLOW_VALUE_MIN))
        return err_set(err, ERR_INVALID, "flow of %zu + %zu bytes", key.n, value.n);
    if (key.n > UINT16_MAX / 4 || (op != OFMSG_DELETE && value.n > OFMSG_MAX_LEN))
        return err_set(err, ERR_TOO_BIG, "flow of %zu + %zu bytes", key.n, value.n);
    struct flow_mod_head head = {.table = k[0], .priority = get_be16(k + 1)};
    if (op == OFMSG_DELETE) {
        head.command = OFPFC_DELETE_STRICT;
    } else {
        head.command = OFPFC_ADD;
        head.cookie = get_be64(v);
        head.flags = get_be16(v + 8);
        head.idle = get_be16(v + 10);
        head.hard = get_be16(v + 12);
    }
    size_t start = ofmsg_begin(OFMSG_FLOW_MOD, xid, out);
    put_flow_mod_head(&head, out);
    put_match((struct bytes){k + FLOW_KEY_MIN, key.n - FLOW_KEY_MIN}, out);
    if (op != OFMSG_DELETE)
        sbuf_put(out, v + FLOW_VALUE_MIN, value.n - FLOW_VALUE_MIN);
    return ofmsg_end(start, out, err);
}

void ofmsg_flow_delete_all_encode(uint32_t xid, struct sbuf *out)
{
    struct flow_mod_head head = {.table = ALL_TABLES, .command = OFPFC_DELETE};
    size_t start = ofmsg_begin(OFMSG_FLOW_MOD, xid, out);
    put_flow_mod_head(&head, out);
    put_match((struct bytes){NULL, 0}, out);
    ofmsg_end(start, out, NULL);
}

/* ---- groups ---- */

enum { OFPGC_ADD = 0, OFPGC_MODIFY = 1, OFPGC_DELETE = 2 };

static size_t begin_group_mod(uint16_t command, uint8_t type, uint32_t id, uint32_t xid,
                              struct sbuf *out)
{
    size_t start = ofmsg_begin(OFMSG_GROUP_MOD, xid, out);
    sbuf_put_be16(out, command);
    sbuf_put_u8(out, type);
    sbuf_put_u8(out, 0);
    sbuf_put_be32(out, id);
    return start;
}

static void put_group_rest(struct bytes buckets, struct bytes props, struct sbuf *out)
{
    sbuf_put_be16(out, (uint16_t)buckets.n);
    sbuf_put_be16(out, 0);
    sbuf_put_be32(out, UINT32_MAX); /* all buckets */
    sbuf_put(out, buckets.p, buckets.n);
    sbuf_put(out, props.p, props.n);
}

int ofmsg_group_mod_encode(enum ofmsg_mod op, struct bytes key, struct bytes value, uint32_t xid,
                           struct sbuf *out, struct err *err)
{
    const uint8_t *v = value.p;
    struct bytes buckets = {NULL, 0}, props = {NULL, 0};
    uint8_t type = 0;
    uint16_t command = OFPGC_DELETE;
    if (key.n != GROUP_KEY_LEN || (op != OFMSG_DELETE && value.n < GROUP_VALUE_MIN))
        return err_set(err, ERR_INVALID, "group of %zu + %zu bytes", key.n, value.n);
    if (op != OFMSG_DELETE) {
        size_t len = get_be32(v + 1);
        if (len > value.n - GROUP_VALUE_MIN)
            return err_set(err, ERR_INVALID, "group: buckets of %zu bytes", len);
        if (len > OFMSG_MAX_LEN)
            return err_set(err, ERR_TOO_BIG, "group: buckets of %zu bytes", len);
        command = op == OFMSG_ADD ? OFPGC_ADD : OFPGC_MODIFY;
        type = v[0];
        buckets = (struct bytes){v + GROUP_VALUE_MIN, len};
        props = (struct bytes){v + GROUP_VALUE_MIN + len, value.n - GROUP_VALUE_MIN - len};
    }
    size_t start = begin_group_mod(command, type, get_be32(key.p), xid, out);
    put_group_rest(buckets, props, out);
    return ofmsg_end(start, out, err);
}

void ofmsg_group_delete_all_encode(uint32_t xid, struct sbuf *out)
{
    struct bytes none = {NULL, 0};
    size_t start = begin_group_mod(OFPGC_DELETE, 0, GROUP_ALL_IDS, xid, out);
    put_group_rest(none, none, out);
    ofmsg_end(start, out, NULL);
}

/* ---- tracked connections ---- */

enum { CT_ORIG_TUPLE = 0, CT_REPLY_TUPLE = 1, CT_ZONE = 2 }; /* properties */
enum { CT_SRC = 0, CT_DST = 1, CT_SRC_PORT = 2, CT_DST_PORT = 3 };

/* A property of 16 bits, padded inside. */
static void put_prop_u16(uint16_t type, uint16_t value, struct sbuf *out)
{
    uint8_t b[4] = {0};
    set_be16(b, value);
    ofmsg_prop_put(type, b, sizeof b, out);
}

/* IPv4 addresses are mapped into IPv6. */
static void put_prop_ip(uint16_t type, const struct ip *ip, struct sbuf *out)
{
    uint8_t b[16] = {[10] = 0xff, [11] = 0xff};
    if (ip->family == 4)
        memcpy(b + 12, ip->b, 4);
    else
        memcpy(b, ip->b, sizeof b);
    ofmsg_prop_put(type, b, sizeof b, out);
}

static size_t begin_tuple(uint16_t type, struct sbuf *out)
{
    sbuf_put_be16(out, type);
    sbuf_put_zeros(out, 6);
    return out->len - 8;
}

/* One that holds nothing is left out. */
static void end_tuple(size_t start, struct sbuf *out)
{
    if (out->len == start + 8)
        out->len = start;
    else
        set_be16(out->data + start + 2, (uint16_t)(out->len - start));
}

static void put_end(uint16_t ip_type, const struct ip *ip, uint16_t port_type, uint16_t port,
                    struct sbuf *out)
{
    if (ip->family)
        put_prop_ip(ip_type, ip, out);
    if (port)
        put_prop_u16(port_type, port, out);
}

void ofmsg_ct_flush_encode(const struct ofmsg_ct_flush *f, uint32_t xid, struct sbuf *out)
{
    size_t start = ofmsg_begin_nx(NXT_CT_FLUSH, xid, out);
    sbuf_put_u8(out, f->proto);
    sbuf_put_zeros(out, 7);
    size_t tuple = begin_tuple(CT_ORIG_TUPLE, out);
    put_end(CT_SRC, &f->src, CT_SRC_PORT, 0, out);
    put_end(CT_DST, &f->dst, CT_DST_PORT, f->dst_port, out);
    end_tuple(tuple, out);
    tuple = begin_tuple(CT_REPLY_TUPLE, out);
    put_end(CT_SRC, &f->end, CT_SRC_PORT, f->end_port, out);
    end_tuple(tuple, out);
    put_prop_u16(CT_ZONE, f->zone, out);
    ofmsg_end(start, out, NULL);
}

/* ---- meters ---- */

int ofmsg_meter_mod_encode(enum ofmsg_mod op, struct bytes key, struct bytes value, uint32_t xid,
                           struct sbuf *out, struct err *err)
{
    const uint8_t *v = value.p;
    if (key.n != METER_KEY_LEN || (op != OFMSG_DELETE && value.n < METER_VALUE_MIN))
        return err_set(err, ERR_INVALID, "meter of %zu + %zu bytes", key.n, value.n);
    size_t start = ofmsg_begin(OFMSG_METER_MOD, xid, out);
    sbuf_put_be16(out, (uint16_t)op); /* add 0, modify 1, delete 2 */
    sbuf_put_be16(out, op == OFMSG_DELETE ? 0 : get_be16(v));
    sbuf_put(out, key.p, METER_KEY_LEN);
    if (op != OFMSG_DELETE)
        sbuf_put(out, v + METER_VALUE_MIN, value.n - METER_VALUE_MIN);
    return ofmsg_end(start, out, err);
}
