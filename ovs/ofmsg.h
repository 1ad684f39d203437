/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenFlow 1.5 messages (ONF TS-025) as Open vSwitch speaks them, with the Nicira messages that
 * Seine uses: encoders append one whole message to an sbuf, decoders read one whole message that
 * ofmsg_header_decode() framed.  Decoders check every length before they read; what a peer sends
 * wrongly is ERR_TRUNCATED, ERR_INVALID or ERR_UNSUPPORTED, never an assert. */
#ifndef SEINE_OVS_OFMSG_H
#define SEINE_OVS_OFMSG_H

#include "ovs/flow.h"

enum { OFMSG_VERSION = 6, OFMSG_HEADER_LEN = 8, OFMSG_MAX_LEN = 65535 };
enum ofmsg_type {
    OFMSG_HELLO = 0,
    OFMSG_ERROR = 1,
    OFMSG_ECHO_REQUEST = 2,
    OFMSG_ECHO_REPLY = 3,
    OFMSG_EXPERIMENTER = 4,
    OFMSG_FEATURES_REQUEST = 5,
    OFMSG_FEATURES_REPLY = 6,
    OFMSG_SET_CONFIG = 9,
    OFMSG_PACKET_IN = 10,
    OFMSG_FLOW_REMOVED = 11,
    OFMSG_PORT_STATUS = 12,
    OFMSG_PACKET_OUT = 13,
    OFMSG_FLOW_MOD = 14,
    OFMSG_GROUP_MOD = 15,
    OFMSG_MULTIPART_REQUEST = 18,
    OFMSG_MULTIPART_REPLY = 19,
    OFMSG_BARRIER_REQUEST = 20,
    OFMSG_BARRIER_REPLY = 21,
    OFMSG_METER_MOD = 29,
    OFMSG_BUNDLE_CONTROL = 33,
    OFMSG_BUNDLE_ADD = 34
};
enum ofmsg_multipart {
    OFMSG_MP_FLOW_DESC = 1,
    OFMSG_MP_GROUP_DESC = 7,
    OFMSG_MP_METER_DESC = 10,
    OFMSG_MP_PORT_DESC = 13
};
enum ofmsg_bundle_op {
    OFMSG_BUNDLE_OPEN = 0,
    OFMSG_BUNDLE_OPENED = 1,
    OFMSG_BUNDLE_CLOSE = 2,
    OFMSG_BUNDLE_CLOSED = 3,
    OFMSG_BUNDLE_COMMIT = 4,
    OFMSG_BUNDLE_COMMITTED = 5,
    OFMSG_BUNDLE_DISCARD = 6,
    OFMSG_BUNDLE_DISCARDED = 7
};
enum { OFMSG_BUNDLE_ATOMIC = 1, OFMSG_BUNDLE_ORDERED = 2 };

struct ofmsg_header {
    uint8_t version, type;
    uint16_t len;
    uint32_t xid;
};
/* Frames the first message of 'in'.  1: '*out' is filled and in.n >= out->len; 0: more bytes are
 * needed; ERR_PROTOCOL: a length below that of a header. */
int ofmsg_header_decode(struct bytes in, struct ofmsg_header *out, struct err *err);

/* ---- plain messages ---- */
void ofmsg_hello_encode(uint32_t xid, struct sbuf *out); /* offers version 1.5 alone */
/* 0 if the peer's hello allows 1.5 (by its bitmap, else by its version), else ERR_UNSUPPORTED. */
int ofmsg_hello_check(struct bytes msg, struct err *err);
/* A message without body: features, barrier, echo request. */
void ofmsg_simple_encode(enum ofmsg_type type, uint32_t xid, struct sbuf *out);
void ofmsg_echo_reply_encode(struct bytes request, struct sbuf *out);
void ofmsg_set_config_encode(uint32_t xid, uint16_t miss_send_len, struct sbuf *out);
/* Packet-ins in NXT_PACKET_IN2 form; which controller id this connection has. */
void ofmsg_packet_in_format_encode(uint32_t xid, struct sbuf *out);
void ofmsg_controller_id_encode(uint32_t xid, uint16_t id, struct sbuf *out);

struct ofmsg_features {
    uint64_t datapath_id;
    uint32_t n_buffers, capabilities;
    uint8_t n_tables, auxiliary_id;
};
int ofmsg_features_decode(struct bytes msg, struct ofmsg_features *out, struct err *err);

struct ofmsg_error {
    uint16_t type, code;   /* 0xffff: an experimenter's */
    uint32_t experimenter; /* with type 0xffff */
    char name[64];         /* "OFPFMFC_TABLE_FULL", "NXBRC_..." or "type 5 code 9" */
};
int ofmsg_error_decode(struct bytes msg, struct ofmsg_error *out, struct err *err);

/* ---- modifications ---- */
enum ofmsg_mod { OFMSG_ADD, OFMSG_MODIFY, OFMSG_DELETE };
/* From the key and value forms of flow.h, group.h, meter.h; 'value' is ignored for a delete.
 * A flow's MODIFY is an ADD of the same match and priority, which replaces all of it; its delete
 * is strict.  Only malformed keys or values fail: ERR_INVALID, ERR_TOO_BIG. */
int ofmsg_flow_mod_encode(enum ofmsg_mod op, struct bytes key, struct bytes value, uint32_t xid,
                          struct sbuf *out, struct err *err);
int ofmsg_group_mod_encode(enum ofmsg_mod op, struct bytes key, struct bytes value, uint32_t xid,
                           struct sbuf *out, struct err *err);
int ofmsg_meter_mod_encode(enum ofmsg_mod op, struct bytes key, struct bytes value, uint32_t xid,
                           struct sbuf *out, struct err *err);
/* A flow-mod that deletes every flow of every table / every group. */
void ofmsg_flow_delete_all_encode(uint32_t xid, struct sbuf *out);
void ofmsg_group_delete_all_encode(uint32_t xid, struct sbuf *out);

/* NXT_CT_FLUSH (Open vSwitch 3.1): forgets the tracked connections of a zone that have what is
 * given of these; a protocol, a family or a port of 0: any. */
struct ofmsg_ct_flush {
    uint16_t zone;
    uint8_t proto;
    struct ip src, dst; /* as the connection was opened */
    uint16_t dst_port;
    struct ip end; /* where replies come from: the destination after its translation */
    uint16_t end_port;
};
void ofmsg_ct_flush_encode(const struct ofmsg_ct_flush *f, uint32_t xid, struct sbuf *out);

/* ---- bundles ---- */
void ofmsg_bundle_control_encode(enum ofmsg_bundle_op op, uint32_t id, uint16_t flags, uint32_t xid,
                                 struct sbuf *out);
/* Puts the head of a bundle-add before a message: call begin, encode the message with the same
 * xid, call end with what begin returned. */
size_t ofmsg_bundle_add_begin(uint32_t id, uint16_t flags, uint32_t xid, struct sbuf *out);
int ofmsg_bundle_add_end(size_t begin, struct sbuf *out, struct err *err);
int ofmsg_bundle_control_decode(struct bytes msg, enum ofmsg_bundle_op *op_out, uint32_t *id_out,
                                struct err *err);

/* ---- multipart ---- */
/* A request for everything of its kind (all tables, groups, meters, ports). */
void ofmsg_multipart_request_encode(enum ofmsg_multipart type, uint32_t xid, struct sbuf *out);
struct ofmsg_reply {
    uint16_t type;
    bool more;         /* further parts follow */
    struct bytes body; /* entries */
};
int ofmsg_multipart_decode(struct bytes msg, struct ofmsg_reply *out, struct err *err);
/* Take the next entry off '*body': 1 with key and value appended to the (cleared) buffers, 0 at the
 * end, else an error; the body is then useless.  A flow with fields or actions that Seine does not
 * know comes with its match and instructions as they are on the wire: it can still be deleted. */
int ofmsg_flow_desc_next(struct bytes *body, struct sbuf *key, struct sbuf *value, struct err *err);
int ofmsg_group_desc_next(struct bytes *body, struct sbuf *key, struct sbuf *value,
                          struct err *err);
int ofmsg_meter_desc_next(struct bytes *body, struct sbuf *key, struct sbuf *value,
                          struct err *err);

struct ofmsg_port {
    uint32_t number;
    struct mac mac;
    char name[17];
    uint32_t config, state;
};
int ofmsg_port_desc_next(struct bytes *body, struct ofmsg_port *out, struct err *err);
enum ofmsg_port_reason { OFMSG_PORT_ADD = 0, OFMSG_PORT_DELETE = 1, OFMSG_PORT_MODIFY = 2 };
int ofmsg_port_status_decode(struct bytes msg, enum ofmsg_port_reason *reason_out,
                             struct ofmsg_port *out, struct err *err);

/* ---- packets ---- */
struct ofmsg_packet_in { /* NXT_PACKET_IN2; all memory is the message's */
    struct bytes packet;
    uint32_t full_len;
    uint8_t table, reason;
    uint64_t cookie;
    struct match metadata;     /* registers, in_port, ct_*, tunnel; unknown fields left out */
    struct bytes raw_metadata; /* as it came, for ofmsg_resume_encode */
    struct bytes userdata;
    struct bytes continuation; /* p == NULL: none; whole property data for ofmsg_resume_encode */
};
int ofmsg_packet_in_decode(struct bytes msg, struct ofmsg_packet_in *out, struct err *err);
/* NXT_RESUME: lets a paused packet go on.  'metadata' may hold changed registers; the packet may be
 * changed.  ERR_TOO_BIG if it does not fit a message. */
int ofmsg_resume_encode(const struct ofmsg_packet_in *pin, uint32_t xid, struct sbuf *out,
                        struct err *err);
/* Sends a packet through 'actions' as if it had come by 'in_port' (OFPORT_CONTROLLER: by none). */
int ofmsg_packet_out_encode(uint32_t in_port, const struct actions *actions, struct bytes packet,
                            uint32_t xid, struct sbuf *out, struct err *err);

#endif
