/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the flow model share among themselves: the field table, OXM headers, and the
 * walk over action lists.  Not for other folders. */
#ifndef SEINE_OVS_FLOW_INTERNAL_H
#define SEINE_OVS_FLOW_INTERNAL_H

#include "ovs/flow.h"

/* How a field's value is written. */
enum field_text {
    FT_DEC,
    FT_HEX,
    FT_PORT,
    FT_CT_STATE,
    FT_MAC,
    FT_IPV4,
    FT_IPV6,
    FT_FRAG,
    FT_TCP_FLAGS
};
struct field_info {
    const char *name;     /* in set_field and learn */
    const char *sub_name; /* in subfields: NXM_NX_REG0[0..15] */
    uint32_t oxm;         /* header without mask, preferred in OpenFlow 1.5 */
    uint32_t nxm;         /* header where the Nicira form is wanted (learn, ct zone) */
    uint8_t bytes;
    uint8_t bits;      /* of the field as a subfield (128 at most) */
    uint8_t live_bits; /* low bits that a match can tell apart */
    bool maskable;
    enum field_text text;
};
extern const struct field_info field_table[F_N];
/* The field of an OXM or NXM header (mask bit and length ignored); F_N: not known here. */
enum field field_by_oxm(uint32_t header);

enum { OXM_HEADER_LEN = 4 };
#define OXM_HASMASK UINT32_C(0x100)
/* Splits one OXM TLV off 'in': its header, its payload.  ERR_TRUNCATED. */
int oxm_next(struct bytes *in, uint32_t *header_out, struct bytes *payload_out, struct err *err);

/* Reads a list of OXM TLVs into 'm' (from empty): any order, registers also in pairs, VLAN in its
 * two fields.  ERR_TRUNCATED, ERR_INVALID, ERR_UNSUPPORTED (field not known), ERR_TOO_BIG. */
int match_parse(struct bytes oxm, struct match *m, struct err *err);
/* The same, but fields that are not known or find no room are left out; those are appended to
 * 'rest' as they came (NULL: dropped). */
int match_parse_known(struct bytes oxm, struct match *m, struct sbuf *rest, struct err *err);
/* Appends the canonical TLVs. */
void match_put(const struct match *m, struct sbuf *out);
/* Appends the text of a match with its priority as `ovs-ofctl` does; nothing at the end. */
void match_format(const struct match *m, uint16_t priority, struct sbuf *out);
/* Appends a value as `ovs-ofctl` writes it in set_field and learn; mask NULL: exact. */
void field_format(enum field f, const uint8_t *value, const uint8_t *mask, struct sbuf *out);
void field_format_sub(enum field f, unsigned ofs, unsigned n_bits, struct sbuf *out);
void port_format(uint32_t port, struct sbuf *out);
void hex_format(const uint8_t *p, size_t n, struct sbuf *out); /* 0x1f; zero is 0 */

/* ---- actions on the wire ---- */
enum {
    OFPAT_OUTPUT = 0,
    OFPAT_PUSH_VLAN = 17,
    OFPAT_POP_VLAN = 18,
    OFPAT_GROUP = 22,
    OFPAT_DEC_TTL = 24,
    OFPAT_SET_FIELD = 25,
    OFPAT_COPY_FIELD = 28,
    OFPAT_METER = 29,
    OFPAT_EXPERIMENTER = 0xffff
};
#define NX_VENDOR_ID UINT32_C(0x00002320)
enum {
    NXAST_NOTE = 8,
    NXAST_RESUBMIT_TABLE = 14,
    NXAST_OUTPUT_REG = 15,
    NXAST_LEARN = 16,
    NXAST_EXIT = 17,
    NXAST_CONJUNCTION = 34,
    NXAST_CT = 35,
    NXAST_NAT = 36,
    NXAST_CONTROLLER2 = 37,
    NXAST_CLONE = 42,
    NXAST_CT_CLEAR = 43,
    NXAST_RESUBMIT_TABLE_CT = 44
};
enum { NX_NAT_SRC = 1, NX_NAT_DST = 2, NX_NAT_PERSISTENT = 4, NX_NAT_HASH = 8, NX_NAT_RANDOM = 16 };
enum {
    NX_RANGE_IP4_MIN = 1,
    NX_RANGE_IP4_MAX = 2,
    NX_RANGE_IP6_MIN = 4,
    NX_RANGE_IP6_MAX = 8,
    NX_RANGE_PORT_MIN = 16,
    NX_RANGE_PORT_MAX = 32
};
enum {
    NXAC2_MAX_LEN,
    NXAC2_CONTROLLER_ID,
    NXAC2_REASON,
    NXAC2_USERDATA,
    NXAC2_PAUSE,
    NXAC2_METER_ID
};
enum {
    NX_LEARN_SRC_VALUE = 1 << 13,
    NX_LEARN_DST_LOAD = 1 << 11,
    NX_LEARN_DST_OUTPUT = 2 << 11,
    NX_LEARN_BITS_MASK = 0x3ff
};
enum { OFPIT_GOTO_TABLE = 1, OFPIT_APPLY_ACTIONS = 4 };
enum { ACTION_MAX_DEPTH = 4, CT_FIXED_LEN = 24, LEARN_FIXED_LEN = 32 };

/* One action of a list, its lengths checked against the list and against its own kind. */
struct action_ref {
    uint16_t type;    /* OFPAT_ */
    uint16_t subtype; /* NXAST_, for OFPAT_EXPERIMENTER */
    struct bytes all; /* with its header */
};
/* Takes the first action off '*list': 1, 0 at the end, ERR_TRUNCATED, ERR_INVALID, or
 * ERR_UNSUPPORTED for a kind that Seine does not know. */
int action_next(struct bytes *list, struct action_ref *out, struct err *err);
/* What an NXAST_NAT action translates to.  ERR_TRUNCATED. */
struct nat_range {
    struct ip min, max; /* family 0: absent */
    uint16_t port_min, port_max;
};
int nat_read(struct bytes all, struct nat_range *out, struct err *err);
/* What a set_field action sets.  ERR_TRUNCATED, ERR_INVALID, ERR_UNSUPPORTED (field not known). */
struct set_field {
    enum field field;
    const uint8_t *value, *mask; /* in 'all'; mask NULL: the whole field */
};
int set_field_read(struct bytes all, struct set_field *out, struct err *err);
/* Re-encodes an action list canonically. */
int actions_canon(struct bytes list, struct sbuf *out, struct err *err);
/* Re-encodes instructions canonically: at most one apply-actions, then at most one goto-table. */
int instructions_canon(struct bytes in, struct sbuf *out, struct err *err);
/* Appends an action list's text ("drop" is the caller's matter). */
int actions_format(struct bytes list, struct sbuf *out, struct err *err);
/* The bytes of the nth sub-range; the caller has checked it. */
/* A conjunction action as a number: id (32 bits), clause, number of clauses (8 each).  Nothing else
 * of it varies, and numbers are in the order of the canonical form. */
enum { CONJUNCTION_LEN = 16 };
void conjunction_put(uint64_t number, struct sbuf *out);

static inline struct bytes bytes_from(struct bytes b, size_t ofs)
{
    return (struct bytes){(const uint8_t *)b.p + ofs, b.n - ofs};
}
static inline void sbuf_pad8(struct sbuf *b, size_t start)
{
    sbuf_put_zeros(b, (8 - (b->len - start) % 8) % 8);
}

#endif
