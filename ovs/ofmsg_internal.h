/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the OpenFlow codec share among themselves.  Not for other folders. */
#ifndef SEINE_OVS_OFMSG_INTERNAL_H
#define SEINE_OVS_OFMSG_INTERNAL_H

#include "ovs/ofmsg.h"

enum { OFMSG_NX_VENDOR = 0x2320 };
enum {
    NXT_SET_PACKET_IN_FORMAT = 16,
    NXT_SET_CONTROLLER_ID = 20,
    NXT_RESUME = 28,
    NXT_PACKET_IN2 = 30,
    NXT_CT_FLUSH = 32
};

/* Starts a message; ofmsg_end() sets its length, or takes it back with ERR_TOO_BIG. */
size_t ofmsg_begin(uint8_t type, uint32_t xid, struct sbuf *out);
size_t ofmsg_begin_nx(uint32_t subtype, uint32_t xid, struct sbuf *out);
int ofmsg_end(size_t start, struct sbuf *out, struct err *err);

/* Properties: type, length (with this head, without padding), data, padding to 8. */
void ofmsg_prop_put(uint16_t type, const void *p, size_t n, struct sbuf *out);
/* Takes one off '*in': 1, 0 at the end, ERR_TRUNCATED or ERR_INVALID. */
int ofmsg_prop_next(struct bytes *in, uint16_t *type_out, struct bytes *data_out, struct err *err);

/* Takes off '*body' an entry whose length field is at its start: 1, 0 at the end, or an error. */
int ofmsg_entry_next(struct bytes *body, size_t min_len, const char *what, struct bytes *entry_out,
                     struct err *err);

#endif
