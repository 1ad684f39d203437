/* SPDX-License-Identifier: Apache-2.0
 *
 * The flow model: match fields, actions, flows, as the pipeline writes them and as Open vSwitch
 * speaks them (OpenFlow 1.5 with Nicira extensions).
 *
 * A flow is a pair of byte strings, so that the engine can hold it without knowing OpenFlow:
 *   key   = table (1 byte) | priority (2, big endian) | match: OXM TLVs in our canonical order
 *   value = cookie (8) | flags (2) | idle (2) | hard (2) | instructions in wire form
 * Both are canonical: equal flows have equal bytes, whether they were built here or decoded from a
 * switch's dump, on every system.  Groups and meters have forms of their own (group.h). */
#ifndef SEINE_OVS_FLOW_H
#define SEINE_OVS_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/addr.h"
#include "core/base/err.h"
#include "core/base/sbuf.h"
#include "core/engine/engine.h"

/* Match fields that Seine knows, in canonical order.  The table behind them (flow_field.c) holds
 * the OXM/NXM class and field, width, maskability, prerequisites and the ovs-ofctl name. */
enum field {
    F_IN_PORT, /* 32 bit OpenFlow port */
    F_TUN_ID,
    F_TUN_SRC,
    F_TUN_DST,
    F_TUN_IPV6_SRC,
    F_TUN_IPV6_DST,
    F_METADATA,
    F_PKT_MARK,
    F_REG0,
    F_REG1,
    F_REG2,
    F_REG3,
    F_REG4,
    F_REG5,
    F_REG6,
    F_REG7,
    F_REG8,
    F_REG9,
    F_REG10,
    F_REG11,
    F_REG12,
    F_REG13,
    F_REG14,
    F_REG15,
    F_XXREG0,
    F_XXREG1,
    F_XXREG2,
    F_XXREG3,   /* 128 bit; actions only */
    F_ETH_TYPE, /* before what needs it */
    F_CT_STATE,
    F_CT_ZONE,
    F_CT_MARK,
    F_CT_LABEL,
    F_CT_NW_PROTO,
    F_CT_NW_SRC,
    F_CT_NW_DST,
    F_CT_IPV6_SRC,
    F_CT_IPV6_DST,
    F_CT_TP_SRC,
    F_CT_TP_DST,
    F_CONJ_ID,
    F_ETH_SRC,
    F_ETH_DST,
    F_VLAN_TCI,
    F_IPV4_SRC,
    F_IPV4_DST,
    F_IPV6_SRC,
    F_IPV6_DST,
    F_IP_PROTO,
    F_IP_DSCP,
    F_IP_TTL,
    F_IP_FRAG,
    F_ARP_OP,
    F_ARP_SPA,
    F_ARP_TPA,
    F_ARP_SHA,
    F_ARP_THA,
    F_TCP_SRC,
    F_TCP_DST,
    F_TCP_FLAGS,
    F_UDP_SRC,
    F_UDP_DST,
    F_SCTP_SRC,
    F_SCTP_DST,
    F_ICMP_TYPE,
    F_ICMP_CODE,
    F_ICMPV6_TYPE,
    F_ICMPV6_CODE,
    F_ND_TARGET,
    F_ND_SLL,
    F_ND_TLL,
    F_N
};
enum { FIELD_MAX_BYTES = 16, MATCH_MAX_FIELDS = 24 };
#define OFPORT_MAX UINT32_C(0xffffff00)
#define OFPORT_IN_PORT UINT32_C(0xfffffff8)
#define OFPORT_NORMAL UINT32_C(0xfffffffa)
#define OFPORT_CONTROLLER UINT32_C(0xfffffffd)
#define OFPORT_LOCAL UINT32_C(0xfffffffe)
#define OFPORT_ANY UINT32_C(0xffffffff)

/* Well-known values. */
enum { ETH_IPV4 = 0x0800, ETH_ARP = 0x0806, ETH_IPV6 = 0x86dd };
enum { PROTO_ICMP = 1, PROTO_TCP = 6, PROTO_UDP = 17, PROTO_ICMPV6 = 58, PROTO_SCTP = 132 };
enum {
    CT_NEW = 1,
    CT_EST = 2,
    CT_REL = 4,
    CT_RPL = 8,
    CT_INV = 16,
    CT_TRK = 32,
    CT_SNAT = 64,
    CT_DNAT = 128
}; /* bits of F_CT_STATE */

const char *field_name(enum field f); /* as ovs-ofctl prints it for OpenFlow 1.5 */
unsigned field_width(enum field f);   /* bytes */

/* ---- match ---- */
struct match_field {
    enum field field;
    bool masked;
    uint8_t value[FIELD_MAX_BYTES]; /* big endian, field_width bytes, already & mask */
    uint8_t mask[FIELD_MAX_BYTES];
};
struct match {
    size_t n;
    struct match_field f[MATCH_MAX_FIELDS]; /* canonical order, each field at most once */
};
void match_init(struct match *m); /* matches everything */
/* Setting a field again replaces it; an all-zero mask removes it; an all-ones mask is exact. */
void match_set(struct match *m, enum field f, uint64_t value); /* fields up to 8 bytes */
void match_set_masked(struct match *m, enum field f, uint64_t value, uint64_t mask);
void match_set_bytes(struct match *m, enum field f, const void *value, const void *mask);
void match_set_mac(struct match *m, enum field f, const struct mac *mac);
/* 'f' is F_*_SRC/DST of the address's family; the prefix's host bits are masked; len 0 adds
 * nothing.  Does not set F_ETH_TYPE. */
void match_set_prefix(struct match *m, enum field f, const struct prefix *p);
void match_set_ip(struct match *m, enum field f, const struct ip *ip);
const struct match_field *match_get(const struct match *m, enum field f); /* NULL: absent */

/* ---- actions and instructions ---- */
/* Built in order; kept as canonical wire bytes.  act_goto must come last; a list may be empty
 * (drop).  Methods assert on our own mistakes only. */
struct actions {
    struct sbuf wire; /* ofp_action_* and nx_action_* list */
    int goto_table;   /* -1: none */
    uint32_t meter;   /* 0: none */
};
void actions_init(struct actions *a);
void actions_done(struct actions *a);
void actions_clear(struct actions *a); /* empty again, keeps the memory */
#define auto_actions PORT_CLEANUP(actions_done) struct actions
void act_output(struct actions *a, uint32_t port);
/* Output to the port number that field bits [ofs, ofs + n_bits) hold: output:NXM_NX_REG1[]. */
void act_output_field(struct actions *a, enum field f, unsigned ofs, unsigned n_bits);
/* F_IN_PORT cannot be set (Open vSwitch refuses it): output to OFPORT_IN_PORT instead. */
void act_set(struct actions *a, enum field f, uint64_t value);
void act_set_masked(struct actions *a, enum field f, uint64_t value, uint64_t mask);
void act_set_bytes(struct actions *a, enum field f, const void *value);
void act_set_mac(struct actions *a, enum field f, const struct mac *mac);
void act_set_ip(struct actions *a, enum field f, const struct ip *ip);
void act_move(struct actions *a, enum field src, unsigned src_ofs, enum field dst, unsigned dst_ofs,
              unsigned n_bits);
void act_dec_ttl(struct actions *a);
void act_group(struct actions *a, uint32_t group_id);
void act_resubmit(struct actions *a, uint8_t table); /* resubmit(,table) */
void act_resubmit_ct(struct actions *a, uint8_t table);
void act_ct_clear(struct actions *a);
void act_conjunction(struct actions *a, uint32_t id, uint8_t clause /* 0-based */, uint8_t n);
void act_note(struct actions *a, const void *p, size_t n);
/* controller(userdata=..., pause, meter): NXAST_CONTROLLER2. */
struct act_controller {
    uint16_t max_len; /* 0xffff: whole packet */
    uint16_t controller_id;
    uint8_t reason;
    const void *userdata;
    size_t userdata_len;
    bool pause;
    uint32_t meter_id; /* 0: none */
};
void act_controller(struct actions *a, const struct act_controller *c);
enum { ACT_CT_COMMIT = 1, ACT_CT_FORCE = 2, NO_TABLE = 255 };
struct act_ct {
    uint16_t flags;        /* ACT_CT_ */
    uint16_t zone;         /* used when zone_field is F_N */
    enum field zone_field; /* F_N: immediate */
    unsigned zone_ofs, zone_bits;
    uint8_t table; /* recirculate to, or NO_TABLE */
    bool nat;      /* nat with the fields below, all may be empty: plain nat */
    bool nat_src, nat_dst, nat_hash, nat_random, nat_persistent;
    struct ip ip_min, ip_max;
    uint16_t port_min, port_max;
    const struct actions *exec; /* set ct_mark, ct_label; NULL: none */
};
void act_ct(struct actions *a, const struct act_ct *ct);
/* learn(): each spec is a match, a load or an output. */
enum learn_dst { LEARN_MATCH, LEARN_LOAD, LEARN_OUTPUT };
struct learn_spec {
    enum learn_dst kind;
    unsigned n_bits;
    bool src_is_value;
    uint8_t value[FIELD_MAX_BYTES]; /* big endian, (n_bits + 7) / 8 bytes */
    enum field src;
    unsigned src_ofs;
    enum field dst;
    unsigned dst_ofs;
};
struct act_learn {
    uint8_t table;
    uint16_t priority, idle, hard, fin_idle, fin_hard;
    uint64_t cookie;
    bool send_flow_rem, delete_learned;
    const struct learn_spec *specs;
    size_t n_specs;
};
void act_learn(struct actions *a, const struct act_learn *l);
void act_meter(struct actions *a, uint32_t meter_id);
void act_goto(struct actions *a, uint8_t table);
/* Appends all of 'src' (e.g. to build clone or bucket lists). */
void act_append(struct actions *a, const struct actions *src);

/* ---- flows as bytes ---- */
enum { FLOW_SEND_REM = 1, FLOW_KEY_MIN = 3, FLOW_VALUE_MIN = 14 };
struct flow_head {
    uint8_t table;
    uint16_t priority;
    uint64_t cookie;
    uint16_t flags, idle, hard;
};
void flow_key_encode(uint8_t table, uint16_t priority, const struct match *m, struct sbuf *out);
void flow_value_encode(uint64_t cookie, uint16_t flags, uint16_t idle, uint16_t hard,
                       const struct actions *a, struct sbuf *out);
/* Reads back.  ERR_TRUNCATED, ERR_INVALID, ERR_UNSUPPORTED name the place. */
int flow_key_decode(struct bytes key, uint8_t *table, uint16_t *priority, struct match *m,
                    struct err *err);
/* One flow in `ovs-ofctl -O OpenFlow15 --no-stats --no-names dump-flows` text, without newline:
 * " cookie=0x.., table=.., priority=.. actions=..".  The leading form is exactly ovs-ofctl's. */
int flow_format(struct bytes key, struct bytes value, struct sbuf *out, struct err *err);
/* The merge rule conj-union: the values' conjunction actions joined, sorted by id and clause,
 * duplicates dropped; cookie of the lowest value.  Values that are not pure conjunction lists must
 * be equal.  Of more than FLOW_CONJUNCTIONS_MAX, which is what a message can carry, the first are
 * kept, and it is a conflict.  A merge_fn of the engine for the whole flow space. */
enum { FLOW_CONJUNCTIONS_MAX = 4000 };
bool flow_merge(const struct bytes *values, size_t n, struct sbuf *out);

#endif
