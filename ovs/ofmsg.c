/* SPDX-License-Identifier: Apache-2.0
 *
 * Framing and the plain messages: hello, echo, features, set-up, bundle control. */
#include "ovs/ofmsg.h"
#include "ovs/ofmsg_internal.h"

#include <assert.h>
#include <string.h>

enum { HELLO_VERSIONBITMAP = 1, BUNDLE_CONTROL_LEN = 16 };

int ofmsg_header_decode(struct bytes in, struct ofmsg_header *out, struct err *err)
{
    const uint8_t *p = in.p;
    if (in.n < OFMSG_HEADER_LEN)
        return 0;
    struct ofmsg_header h = {p[0], p[1], get_be16(p + 2), get_be32(p + 4)};
    if (h.len < OFMSG_HEADER_LEN)
        return err_set(err, ERR_PROTOCOL, "message type %u says length %u", h.type, h.len);
    if (in.n < h.len)
        return 0;
    *out = h;
    return 1;
}

size_t ofmsg_begin(uint8_t type, uint32_t xid, struct sbuf *out)
{
    size_t start = out->len;
    sbuf_put_u8(out, OFMSG_VERSION);
    sbuf_put_u8(out, type);
    sbuf_put_be16(out, 0);
    sbuf_put_be32(out, xid);
    return start;
}

size_t ofmsg_begin_nx(uint32_t subtype, uint32_t xid, struct sbuf *out)
{
    size_t start = ofmsg_begin(OFMSG_EXPERIMENTER, xid, out);
    sbuf_put_be32(out, OFMSG_NX_VENDOR);
    sbuf_put_be32(out, subtype);
    return start;
}

int ofmsg_end(size_t start, struct sbuf *out, struct err *err)
{
    size_t len = out->len - start;
    if (len > OFMSG_MAX_LEN) {
        out->len = start;
        return err_set(err, ERR_TOO_BIG, "message of %zu bytes", len);
    }
    set_be16(out->data + start + 2, (uint16_t)len);
    return 0;
}

/* For messages that cannot be too long. */
static void end_short(size_t start, struct sbuf *out)
{
    int r = ofmsg_end(start, out, NULL);
    assert(!r);
    (void)r;
}

void ofmsg_hello_encode(uint32_t xid, struct sbuf *out)
{
    size_t start = ofmsg_begin(OFMSG_HELLO, xid, out);
    sbuf_put_be16(out, HELLO_VERSIONBITMAP);
    sbuf_put_be16(out, 8);
    sbuf_put_be32(out, UINT32_C(1) << OFMSG_VERSION);
    end_short(start, out);
}

int ofmsg_hello_check(struct bytes msg, struct err *err)
{
    const uint8_t *p = msg.p;
    if (msg.n < OFMSG_HEADER_LEN)
        return err_set(err, ERR_TRUNCATED, "hello of %zu bytes", msg.n);
    struct bytes in = {p + OFMSG_HEADER_LEN, msg.n - OFMSG_HEADER_LEN};
    while (in.n >= 8) {
        const uint8_t *e = in.p;
        uint16_t type = get_be16(e), len = get_be16(e + 2);
        if (len < 4 || len > in.n)
            break;
        if (type == HELLO_VERSIONBITMAP && len >= 8) {
            uint32_t bits = get_be32(e + 4);
            return bits >> OFMSG_VERSION & 1
                       ? 0
                       : err_set(err, ERR_UNSUPPORTED,
                                 "the switch does not offer OpenFlow 1.5 (versions 0x%x)",
                                 (unsigned)bits);
        }
        size_t whole = (len + 7u) / 8 * 8;
        in = (struct bytes){e + whole, whole < in.n ? in.n - whole : 0};
    }
    if (p[0] >= OFMSG_VERSION)
        return 0;
    return err_set(err, ERR_UNSUPPORTED, "the switch speaks OpenFlow version %u at most", p[0]);
}

void ofmsg_simple_encode(enum ofmsg_type type, uint32_t xid, struct sbuf *out)
{
    end_short(ofmsg_begin((uint8_t)type, xid, out), out);
}

void ofmsg_echo_reply_encode(struct bytes request, struct sbuf *out)
{
    assert(request.n >= OFMSG_HEADER_LEN && request.n <= OFMSG_MAX_LEN);
    size_t start = out->len;
    sbuf_put(out, request.p, request.n);
    out->data[start] = OFMSG_VERSION;
    out->data[start + 1] = OFMSG_ECHO_REPLY;
    end_short(start, out);
}

void ofmsg_set_config_encode(uint32_t xid, uint16_t miss_send_len, struct sbuf *out)
{
    size_t start = ofmsg_begin(OFMSG_SET_CONFIG, xid, out);
    sbuf_put_be16(out, 0);
    sbuf_put_be16(out, miss_send_len);
    end_short(start, out);
}

void ofmsg_packet_in_format_encode(uint32_t xid, struct sbuf *out)
{
    enum { FORMAT_PACKET_IN2 = 2 };
    size_t start = ofmsg_begin_nx(NXT_SET_PACKET_IN_FORMAT, xid, out);
    sbuf_put_be32(out, FORMAT_PACKET_IN2);
    end_short(start, out);
}

void ofmsg_controller_id_encode(uint32_t xid, uint16_t id, struct sbuf *out)
{
    size_t start = ofmsg_begin_nx(NXT_SET_CONTROLLER_ID, xid, out);
    sbuf_put_zeros(out, 6);
    sbuf_put_be16(out, id);
    end_short(start, out);
}

int ofmsg_features_decode(struct bytes msg, struct ofmsg_features *out, struct err *err)
{
    const uint8_t *p = msg.p;
    if (msg.n < 32)
        return err_set(err, ERR_TRUNCATED, "features reply of %zu bytes", msg.n);
    *out = (struct ofmsg_features){.datapath_id = get_be64(p + 8),
                                   .n_buffers = get_be32(p + 16),
                                   .n_tables = p[20],
                                   .auxiliary_id = p[21],
                                   .capabilities = get_be32(p + 24)};
    return 0;
}

/* ---- bundles ---- */

void ofmsg_bundle_control_encode(enum ofmsg_bundle_op op, uint32_t id, uint16_t flags, uint32_t xid,
                                 struct sbuf *out)
{
    size_t start = ofmsg_begin(OFMSG_BUNDLE_CONTROL, xid, out);
    sbuf_put_be32(out, id);
    sbuf_put_be16(out, (uint16_t)op);
    sbuf_put_be16(out, flags);
    end_short(start, out);
}

size_t ofmsg_bundle_add_begin(uint32_t id, uint16_t flags, uint32_t xid, struct sbuf *out)
{
    size_t start = ofmsg_begin(OFMSG_BUNDLE_ADD, xid, out);
    sbuf_put_be32(out, id);
    sbuf_put_be16(out, 0);
    sbuf_put_be16(out, flags);
    return start;
}

int ofmsg_bundle_add_end(size_t begin, struct sbuf *out, struct err *err)
{
    return ofmsg_end(begin, out, err);
}

int ofmsg_bundle_control_decode(struct bytes msg, enum ofmsg_bundle_op *op_out, uint32_t *id_out,
                                struct err *err)
{
    const uint8_t *p = msg.p;
    if (msg.n < BUNDLE_CONTROL_LEN)
        return err_set(err, ERR_TRUNCATED, "bundle control of %zu bytes", msg.n);
    uint16_t op = get_be16(p + 12);
    if (op > OFMSG_BUNDLE_DISCARDED)
        return err_set(err, ERR_INVALID, "bundle control type %u", op);
    *op_out = (enum ofmsg_bundle_op)op;
    *id_out = get_be32(p + 8);
    return 0;
}
