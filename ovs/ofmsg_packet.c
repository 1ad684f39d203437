/* SPDX-License-Identifier: Apache-2.0
 *
 * Packets: NXT_PACKET_IN2 with its continuation, NXT_RESUME, packet-out. */
#include "ovs/flow_internal.h"
#include "ovs/ofmsg.h"
#include "ovs/ofmsg_internal.h"

#include <string.h>

enum {
    PIN_PACKET,
    PIN_FULL_LEN,
    PIN_BUFFER_ID,
    PIN_TABLE,
    PIN_COOKIE,
    PIN_REASON,
    PIN_METADATA,
    PIN_USERDATA,
    PIN_CONTINUATION,
    PIN_N
};
enum { NX_HEADER_LEN = 16, OFPMT_OXM = 1 };

static int read_prop(uint16_t type, struct bytes data, struct ofmsg_packet_in *out, struct err *err)
{
    static const size_t min_len[PIN_N] = {[PIN_FULL_LEN] = 4,
                                          [PIN_BUFFER_ID] = 4,
                                          [PIN_TABLE] = 1,
                                          [PIN_COOKIE] = 12,
                                          [PIN_REASON] = 1};
    const uint8_t *p = data.p;
    if (type >= PIN_N)
        return 0;
    if (data.n < min_len[type])
        return err_set(err, ERR_INVALID, "packet-in: property %u of %zu bytes", type, data.n);
    switch (type) {
    case PIN_PACKET:
        out->packet = data;
        break;
    case PIN_FULL_LEN:
        out->full_len = get_be32(p);
        break;
    case PIN_TABLE:
        out->table = p[0];
        break;
    case PIN_COOKIE:
        out->cookie = get_be64(p + 4);
        break;
    case PIN_REASON:
        out->reason = p[0];
        break;
    case PIN_METADATA:
        out->raw_metadata = data;
        return match_parse_known(data, &out->metadata, NULL, err);
    case PIN_USERDATA:
        out->userdata = data;
        break;
    case PIN_CONTINUATION:
        out->continuation = data;
        break;
    default:
        break;
    }
    return 0;
}

int ofmsg_packet_in_decode(struct bytes msg, struct ofmsg_packet_in *out, struct err *err)
{
    const uint8_t *p = msg.p;
    if (msg.n < NX_HEADER_LEN)
        return err_set(err, ERR_TRUNCATED, "packet-in of %zu bytes", msg.n);
    if (get_be32(p + 8) != OFMSG_NX_VENDOR || get_be32(p + 12) != NXT_PACKET_IN2)
        return err_set(err, ERR_UNSUPPORTED, "experimenter message 0x%x %u",
                       (unsigned)get_be32(p + 8), (unsigned)get_be32(p + 12));
    struct ofmsg_packet_in pin = {0};
    struct bytes in = bytes_from(msg, NX_HEADER_LEN), data;
    uint16_t type;
    int r;
    match_init(&pin.metadata);
    while ((r = ofmsg_prop_next(&in, &type, &data, err)) > 0)
        if ((r = read_prop(type, data, &pin, err)))
            return r;
    if (r < 0)
        return r;
    if (!pin.packet.n)
        return err_set(err, ERR_INVALID, "packet-in without a packet");
    if (!pin.full_len)
        pin.full_len = (uint32_t)pin.packet.n;
    *out = pin;
    return 0;
}

int ofmsg_resume_encode(const struct ofmsg_packet_in *pin, uint32_t xid, struct sbuf *out,
                        struct err *err)
{
    uint8_t cookie[12] = {0};
    auto_sbuf metadata = SBUF_INIT;
    struct match ignored;
    if (pin->packet.n > OFMSG_MAX_LEN || pin->userdata.n > OFMSG_MAX_LEN ||
        pin->continuation.n > OFMSG_MAX_LEN)
        return err_set(err, ERR_TOO_BIG, "packet of %zu bytes", pin->packet.n);
    int r = match_parse_known(pin->raw_metadata, &ignored, &metadata, err);
    if (r)
        return r;
    match_put(&pin->metadata, &metadata);
    set_be64(cookie + 4, pin->cookie);
    size_t start = ofmsg_begin_nx(NXT_RESUME, xid, out);
    ofmsg_prop_put(PIN_PACKET, pin->packet.p, pin->packet.n, out);
    ofmsg_prop_put(PIN_TABLE, &pin->table, 1, out);
    ofmsg_prop_put(PIN_COOKIE, cookie, sizeof cookie, out);
    ofmsg_prop_put(PIN_REASON, &pin->reason, 1, out);
    ofmsg_prop_put(PIN_METADATA, metadata.data, metadata.len, out);
    if (pin->userdata.n)
        ofmsg_prop_put(PIN_USERDATA, pin->userdata.p, pin->userdata.n, out);
    if (pin->continuation.p)
        ofmsg_prop_put(PIN_CONTINUATION, pin->continuation.p, pin->continuation.n, out);
    return ofmsg_end(start, out, err);
}

int ofmsg_packet_out_encode(uint32_t in_port, const struct actions *actions, struct bytes packet,
                            uint32_t xid, struct sbuf *out, struct err *err)
{
    if (actions->wire.len > UINT16_MAX)
        return err_set(err, ERR_TOO_BIG, "actions of %zu bytes", actions->wire.len);
    size_t start = ofmsg_begin(OFMSG_PACKET_OUT, xid, out);
    sbuf_put_be32(out, UINT32_MAX); /* no buffer */
    sbuf_put_be16(out, (uint16_t)actions->wire.len);
    sbuf_put_be16(out, 0);
    sbuf_put_be16(out, OFPMT_OXM);
    sbuf_put_be16(out, 12);
    sbuf_put_be32(out, field_table[F_IN_PORT].oxm);
    sbuf_put_be32(out, in_port);
    sbuf_put_zeros(out, 4);
    sbuf_put(out, actions->wire.data, actions->wire.len);
    sbuf_put(out, packet.p, packet.n);
    return ofmsg_end(start, out, err);
}
