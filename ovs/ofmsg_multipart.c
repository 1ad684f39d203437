/* SPDX-License-Identifier: Apache-2.0
 *
 * Multipart requests and replies: flow descriptions (OpenFlow 1.5 form) and ports; groups and
 * meters are beside their models.  Every length is checked against what holds it. */
#include "ovs/flow_internal.h"
#include "ovs/ofmsg.h"
#include "ovs/ofmsg_internal.h"

#include <string.h>

enum { MULTIPART_LEN = 16, FLOW_DESC_LEN = 24, PORT_LEN = 40, OFPMT_OXM = 1, MP_MORE = 1 };

int ofmsg_entry_next(struct bytes *body, size_t min_len, const char *what, struct bytes *entry_out,
                     struct err *err)
{
    if (!body->n)
        return 0;
    if (body->n < min_len)
        return err_set(err, ERR_TRUNCATED, "%s: %zu bytes left", what, body->n);
    size_t len = get_be16(body->p);
    if (len < min_len)
        return err_set(err, ERR_INVALID, "%s: length %zu", what, len);
    if (len > body->n)
        return err_set(err, ERR_TRUNCATED, "%s: length %zu of %zu", what, len, body->n);
    *entry_out = (struct bytes){body->p, len};
    *body = bytes_from(*body, len);
    return 1;
}

void ofmsg_prop_put(uint16_t type, const void *p, size_t n, struct sbuf *out)
{
    size_t start = out->len;
    sbuf_put_be16(out, type);
    sbuf_put_be16(out, (uint16_t)(4 + n));
    sbuf_put(out, p, n);
    sbuf_pad8(out, start);
}

int ofmsg_prop_next(struct bytes *in, uint16_t *type_out, struct bytes *data_out, struct err *err)
{
    const uint8_t *p = in->p;
    if (!in->n)
        return 0;
    if (in->n < 4)
        return err_set(err, ERR_TRUNCATED, "properties: %zu bytes left", in->n);
    uint16_t type = get_be16(p), len = get_be16(p + 2);
    if (len < 4)
        return err_set(err, ERR_INVALID, "property %u: length %u", type, len);
    if (len > in->n)
        return err_set(err, ERR_TRUNCATED, "property %u: length %u of %zu", type, len, in->n);
    size_t whole = (len + 7u) / 8 * 8;
    *type_out = type;
    *data_out = (struct bytes){p + 4, len - 4u};
    *in = bytes_from(*in, whole < in->n ? whole : in->n);
    return 1;
}

void ofmsg_multipart_request_encode(enum ofmsg_multipart type, uint32_t xid, struct sbuf *out)
{
    size_t start = ofmsg_begin(OFMSG_MULTIPART_REQUEST, xid, out);
    sbuf_put_be16(out, (uint16_t)type);
    sbuf_put_be16(out, 0);
    sbuf_put_be32(out, 0);
    switch (type) {
    case OFMSG_MP_FLOW_DESC:
        sbuf_put_u8(out, 0xff); /* all tables */
        sbuf_put_zeros(out, 3);
        sbuf_put_be32(out, UINT32_MAX);
        sbuf_put_be32(out, UINT32_MAX);
        sbuf_put_zeros(out, 4 + 16);
        sbuf_put_be16(out, OFPMT_OXM);
        sbuf_put_be16(out, 4);
        sbuf_put_be32(out, 0);
        break;
    case OFMSG_MP_GROUP_DESC:
        sbuf_put_be32(out, UINT32_C(0xfffffffc));
        sbuf_put_be32(out, 0);
        break;
    case OFMSG_MP_METER_DESC:
    case OFMSG_MP_PORT_DESC:
        sbuf_put_be32(out, UINT32_MAX);
        sbuf_put_be32(out, 0);
        break;
    }
    ofmsg_end(start, out, NULL);
}

int ofmsg_multipart_decode(struct bytes msg, struct ofmsg_reply *out, struct err *err)
{
    const uint8_t *p = msg.p;
    if (msg.n < MULTIPART_LEN)
        return err_set(err, ERR_TRUNCATED, "multipart reply of %zu bytes", msg.n);
    *out = (struct ofmsg_reply){.type = get_be16(p + 8),
                                .more = get_be16(p + 10) & MP_MORE,
                                .body = {p + MULTIPART_LEN, msg.n - MULTIPART_LEN}};
    return 0;
}

/* ---- flows ---- */

/* The parts of a flow description. */
struct flow_desc {
    const uint8_t *head;
    struct bytes oxm, instructions;
};

static int flow_desc_split(struct bytes entry, struct flow_desc *out, struct err *err)
{
    out->head = entry.p;
    struct bytes in = bytes_from(entry, FLOW_DESC_LEN);
    if (in.n < 8)
        return err_set(err, ERR_TRUNCATED, "flow: no match in %zu bytes", entry.n);
    size_t type = get_be16(in.p), len = get_be16((const uint8_t *)in.p + 2);
    size_t whole = (len + 7) / 8 * 8;
    if (type != OFPMT_OXM || len < 4)
        return err_set(err, ERR_INVALID, "flow: match type %zu, length %zu", type, len);
    if (whole > in.n)
        return err_set(err, ERR_TRUNCATED, "flow: match of %zu in %zu bytes", len, in.n);
    out->oxm = (struct bytes){(const uint8_t *)in.p + 4, len - 4};
    in = bytes_from(in, whole);
    if (in.n < 4)
        return err_set(err, ERR_TRUNCATED, "flow: no statistics");
    len = get_be16((const uint8_t *)in.p + 2);
    whole = (len + 7) / 8 * 8;
    if (len < 4)
        return err_set(err, ERR_INVALID, "flow: statistics of %zu bytes", len);
    if (whole > in.n)
        return err_set(err, ERR_TRUNCATED, "flow: statistics of %zu in %zu bytes", len, in.n);
    out->instructions = bytes_from(in, whole);
    return 0;
}

/* Unknown parts stay as they are: such a flow is not ours, but must be deleted by its own match. */
static bool keep_raw(int r)
{
    return r == ERR_UNSUPPORTED || r == ERR_TOO_BIG;
}

int ofmsg_flow_desc_next(struct bytes *body, struct sbuf *key, struct sbuf *value, struct err *err)
{
    struct bytes entry = {NULL, 0};
    struct flow_desc d;
    struct match m;
    int r = ofmsg_entry_next(body, FLOW_DESC_LEN, "flow", &entry, err);
    if (r <= 0)
        return r;
    if ((r = flow_desc_split(entry, &d, err)))
        return r;
    sbuf_clear(key);
    sbuf_clear(value);
    r = match_parse(d.oxm, &m, err);
    if (r && !keep_raw(r))
        return r;
    if (r) {
        sbuf_put_u8(key, d.head[4]);
        sbuf_put(key, d.head + 6, 2);
        sbuf_put(key, d.oxm.p, d.oxm.n);
    } else {
        flow_key_encode(d.head[4], get_be16(d.head + 6), &m, key);
    }
    sbuf_put(value, d.head + 16, 8); /* cookie */
    sbuf_put(value, d.head + 12, 2); /* flags */
    sbuf_put(value, d.head + 8, 4);  /* idle, hard */
    r = instructions_canon(d.instructions, value, err);
    if (r && !keep_raw(r))
        return r;
    if (r) {
        value->len = FLOW_VALUE_MIN;
        sbuf_put(value, d.instructions.p, d.instructions.n);
    }
    return 1;
}

/* ---- ports ---- */

static void port_read(const uint8_t *p, struct ofmsg_port *out)
{
    *out = (struct ofmsg_port){
        .number = get_be32(p), .config = get_be32(p + 32), .state = get_be32(p + 36)};
    memcpy(out->mac.b, p + 8, 6);
    memcpy(out->name, p + 16, 16);
}

/* Number first, then length: unlike other entries. */
static int port_next(struct bytes *body, struct ofmsg_port *out, struct err *err)
{
    if (!body->n)
        return 0;
    if (body->n < PORT_LEN)
        return err_set(err, ERR_TRUNCATED, "port: %zu bytes left", body->n);
    size_t len = get_be16((const uint8_t *)body->p + 4);
    if (len < PORT_LEN)
        return err_set(err, ERR_INVALID, "port: length %zu", len);
    if (len > body->n)
        return err_set(err, ERR_TRUNCATED, "port: length %zu of %zu", len, body->n);
    port_read(body->p, out);
    *body = bytes_from(*body, len);
    return 1;
}

int ofmsg_port_desc_next(struct bytes *body, struct ofmsg_port *out, struct err *err)
{
    return port_next(body, out, err);
}

int ofmsg_port_status_decode(struct bytes msg, enum ofmsg_port_reason *reason_out,
                             struct ofmsg_port *out, struct err *err)
{
    const uint8_t *p = msg.p;
    if (msg.n < 16 + PORT_LEN)
        return err_set(err, ERR_TRUNCATED, "port status of %zu bytes", msg.n);
    if (p[8] > OFMSG_PORT_MODIFY)
        return err_set(err, ERR_INVALID, "port status: reason %u", p[8]);
    struct bytes body = {p + 16, msg.n - 16};
    int r = port_next(&body, out, err);
    if (r < 0)
        return r;
    *reason_out = (enum ofmsg_port_reason)p[8];
    return 0;
}
