/* SPDX-License-Identifier: Apache-2.0
 *
 * See sample_flows.h. */
#include "tests/unit/ovs/sample_flows.h"

#include "ovs/group.h"
#include "ovs/meter.h"

#include <assert.h>
#include <string.h>

static void add_row(struct sample_rows *rows, enum ofsession_space space, struct sbuf *key,
                    struct sbuf *value)
{
    uint8_t *p = mem_alloc(key->len + value->len);
    memcpy(p, key->data, key->len);
    memcpy(p + key->len, value->data, value->len);
    struct ofdriver_row row = {space, {p, key->len}, {p + key->len, value->len}};
    VEC_PUSH(rows, row);
    sbuf_done(key);
    sbuf_done(value);
}

static void add_flow(struct sample_rows *rows, const struct flow_head *h, const struct match *m,
                     const struct actions *a)
{
    struct sbuf key = SBUF_INIT, value = SBUF_INIT;
    flow_key_encode(h->table, h->priority, m, &key);
    flow_value_encode(h->cookie, h->flags, h->idle, h->hard, a, &value);
    add_row(rows, OFSESSION_FLOW, &key, &value);
}

void sample_rows_done(struct sample_rows *rows)
{
    for (size_t i = 0; i < rows->n; i++)
        mem_free((void *)(uintptr_t)rows->v[i].key.p);
    VEC_DONE(rows);
}

static struct ip ip(const char *s)
{
    struct ip out;
    bool ok = ip_parse(s, &out);
    assert(ok);
    (void)ok;
    return out;
}

static struct prefix prefix(const char *s)
{
    struct prefix out;
    bool ok = prefix_parse(s, &out);
    assert(ok);
    (void)ok;
    return out;
}

static struct mac mac(const char *s)
{
    struct mac out;
    bool ok = mac_parse(s, &out);
    assert(ok);
    (void)ok;
    return out;
}

void sample_row_output(struct sample_rows *rows, uint8_t table, uint16_t priority, uint32_t port)
{
    struct match m;
    auto_actions a;
    match_init(&m);
    actions_init(&a);
    act_output(&a, port);
    add_flow(rows, &(struct flow_head){.table = table, .priority = priority}, &m, &a);
}

void sample_row_group(struct sample_rows *rows, uint8_t table, uint16_t priority, uint32_t group)
{
    struct match m;
    auto_actions a;
    match_init(&m);
    actions_init(&a);
    act_group(&a, group);
    add_flow(rows, &(struct flow_head){.table = table, .priority = priority}, &m, &a);
}

/* ---- matches: one flow each in table 10 and on, with a drop ---- */

static void add_match(struct sample_rows *rows, uint16_t priority, const struct match *m)
{
    auto_actions a;
    actions_init(&a);
    add_flow(rows, &(struct flow_head){.table = 10, .priority = priority, .cookie = priority}, m,
             &a);
}

static void l2_matches(struct sample_rows *rows)
{
    struct match m;
    struct mac src = mac("02:00:00:00:00:01"), bits = mac("01:00:00:00:00:00");
    match_init(&m);
    match_set(&m, F_IN_PORT, 3);
    match_set_mac(&m, F_ETH_SRC, &src);
    match_set_bytes(&m, F_ETH_DST, bits.b, bits.b);
    add_match(rows, 1, &m);
    match_init(&m);
    match_set(&m, F_IN_PORT, OFPORT_LOCAL);
    match_set(&m, F_ETH_TYPE, 0x88b5);
    add_match(rows, 2, &m);
    match_init(&m);
    match_set_masked(&m, F_VLAN_TCI, 0x1000, 0x1000);
    add_match(rows, 3, &m);
    match_init(&m);
    match_set_masked(&m, F_VLAN_TCI, 0x1005, 0x1fff);
    add_match(rows, 4, &m);
    match_init(&m);
    match_set(&m, F_VLAN_TCI, 0x7005);
    add_match(rows, 5, &m);
    match_init(&m);
    match_set(&m, F_METADATA, 0x1234567890);
    match_set_masked(&m, F_TUN_ID, 0xff00, 0xffff00);
    match_set(&m, F_PKT_MARK, 0);
    add_match(rows, 6, &m);
    match_init(&m);
    for (int f = F_REG0; f <= F_REG15; f++)
        match_set_masked(&m, (enum field)f, (uint64_t)f * 77, f % 3 ? 0xffffffff : 0xffff);
    add_match(rows, 7, &m);
    match_init(&m);
    match_set(&m, F_REG1, 0);
    match_set_masked(&m, F_REG2, 0, 0x10);
    match_set(&m, F_CONJ_ID, 99);
    add_match(rows, 8, &m);
}

static void l3_matches(struct sample_rows *rows)
{
    struct match m;
    struct prefix net = prefix("10.1.2.0/24"), net6 = prefix("fd00:10::/64");
    struct ip host = ip("10.1.2.3"), host6 = ip("fd00:10::3"), outer = ip("192.0.2.1");
    struct ip outer6 = ip("2001:db8::1");
    match_init(&m);
    match_set(&m, F_ETH_TYPE, ETH_IPV4);
    match_set_prefix(&m, F_IPV4_SRC, &net);
    match_set_ip(&m, F_IPV4_DST, &host);
    match_set(&m, F_IP_TTL, 64);
    match_set(&m, F_IP_DSCP, 46);
    match_set_ip(&m, F_TUN_SRC, &outer);
    match_set_ip(&m, F_TUN_DST, &outer);
    add_match(rows, 20, &m);
    match_init(&m);
    match_set(&m, F_ETH_TYPE, ETH_IPV6);
    match_set_prefix(&m, F_IPV6_SRC, &net6);
    match_set_ip(&m, F_IPV6_DST, &host6);
    match_set_ip(&m, F_TUN_IPV6_SRC, &outer6);
    match_set_ip(&m, F_TUN_IPV6_DST, &outer6);
    match_set(&m, F_IP_PROTO, 89);
    add_match(rows, 21, &m);
    for (unsigned i = 0; i < 4; i++) {
        match_init(&m);
        match_set(&m, F_ETH_TYPE, i % 2 ? ETH_IPV6 : ETH_IPV4);
        match_set_masked(&m, F_IP_FRAG, i < 2 ? 1 : 3, i < 2 ? 1 : 3);
        add_match(rows, (uint16_t)(22 + i), &m);
    }
    match_init(&m);
    match_set(&m, F_ETH_TYPE, ETH_ARP);
    match_set(&m, F_ARP_OP, 1);
    match_set_ip(&m, F_ARP_SPA, &host);
    match_set_prefix(&m, F_ARP_TPA, &net);
    struct mac sha = mac("02:00:00:00:00:09");
    match_set_mac(&m, F_ARP_SHA, &sha);
    match_set_mac(&m, F_ARP_THA, &sha);
    add_match(rows, 27, &m);
    match_init(&m);
    match_set(&m, F_ETH_TYPE, ETH_IPV6);
    match_set(&m, F_IP_PROTO, PROTO_ICMPV6);
    match_set(&m, F_ICMPV6_TYPE, 135);
    match_set(&m, F_ICMPV6_CODE, 0);
    match_set_ip(&m, F_ND_TARGET, &host6);
    match_set_mac(&m, F_ND_SLL, &sha);
    add_match(rows, 28, &m);
    match_set(&m, F_ICMPV6_TYPE, 136);
    uint8_t none[6] = {0};
    match_set_bytes(&m, F_ND_SLL, none, none);
    match_set_mac(&m, F_ND_TLL, &sha);
    add_match(rows, 29, &m);
}

static void l4_matches(struct sample_rows *rows)
{
    static const struct {
        uint8_t proto;
        enum field src, dst;
    } kinds[] = {{PROTO_TCP, F_TCP_SRC, F_TCP_DST},
                 {PROTO_UDP, F_UDP_SRC, F_UDP_DST},
                 {PROTO_SCTP, F_SCTP_SRC, F_SCTP_DST}};
    struct match m;
    uint16_t priority = 40;
    for (unsigned i = 0; i < 6; i++) {
        match_init(&m);
        match_set(&m, F_ETH_TYPE, i % 2 ? ETH_IPV6 : ETH_IPV4);
        match_set(&m, F_IP_PROTO, kinds[i / 2].proto);
        match_set_masked(&m, kinds[i / 2].src, 0x1f90, 0xfff0);
        match_set(&m, kinds[i / 2].dst, 443);
        add_match(rows, priority++, &m);
    }
    match_init(&m);
    match_set(&m, F_ETH_TYPE, ETH_IPV4);
    match_set(&m, F_IP_PROTO, PROTO_ICMP);
    match_set(&m, F_ICMP_TYPE, 8);
    match_set(&m, F_ICMP_CODE, 0);
    add_match(rows, priority++, &m);
    match_init(&m);
    match_set(&m, F_ETH_TYPE, ETH_IPV4);
    match_set(&m, F_IP_PROTO, PROTO_TCP);
    match_set_masked(&m, F_TCP_FLAGS, 0x2, 0x12);
    add_match(rows, priority++, &m);
    match_set(&m, F_TCP_FLAGS, 0x12);
    add_match(rows, priority++, &m);
}

static void ct_matches(struct sample_rows *rows)
{
    struct match m;
    uint8_t label[16] = {0}, mask[16] = {0};
    struct ip host = ip("10.1.2.3"), host6 = ip("fd00:10::3");
    label[15] = 5;
    mask[15] = 0xff;
    match_init(&m);
    match_set_masked(&m, F_CT_STATE, CT_TRK | CT_EST, CT_TRK | CT_EST | CT_NEW | CT_INV | CT_RPL);
    match_set(&m, F_CT_ZONE, 65000);
    match_set_masked(&m, F_CT_MARK, 0x10, 0x70);
    match_set_bytes(&m, F_CT_LABEL, label, mask);
    add_match(rows, 60, &m);
    match_init(&m);
    match_set(&m, F_CT_STATE, CT_TRK | CT_NEW);
    match_set_bytes(&m, F_CT_LABEL, label, NULL);
    add_match(rows, 61, &m);
    match_init(&m);
    match_set(&m, F_ETH_TYPE, ETH_IPV4);
    match_set_masked(&m, F_CT_STATE, CT_TRK | CT_RPL, CT_TRK | CT_RPL);
    match_set(&m, F_CT_NW_PROTO, PROTO_TCP);
    match_set_ip(&m, F_CT_NW_SRC, &host);
    match_set_ip(&m, F_CT_NW_DST, &host);
    match_set(&m, F_CT_TP_SRC, 1234);
    match_set_masked(&m, F_CT_TP_DST, 0x50, 0xfff0);
    add_match(rows, 62, &m);
    match_init(&m);
    match_set(&m, F_ETH_TYPE, ETH_IPV6);
    match_set_masked(&m, F_CT_STATE, CT_TRK | CT_EST, CT_TRK | CT_EST);
    match_set_ip(&m, F_CT_IPV6_SRC, &host6);
    match_set_ip(&m, F_CT_IPV6_DST, &host6);
    add_match(rows, 63, &m);
}

/* ---- actions: one flow each in table 20 ---- */

static uint16_t action_priority;

/* 'eth' and 'proto' are prerequisites, 0: none. */
static void add_actions(struct sample_rows *rows, uint64_t eth, uint64_t proto, struct actions *a)
{
    struct match m;
    match_init(&m);
    if (eth)
        match_set(&m, F_ETH_TYPE, eth);
    if (proto)
        match_set(&m, F_IP_PROTO, proto);
    struct flow_head head = {.table = 20, .priority = ++action_priority};
    if (action_priority % 2) {
        head.cookie = 0xabc0000000000000 + action_priority;
        head.idle = 60;
        head.flags = FLOW_SEND_REM;
    } else {
        head.hard = 3600;
    }
    add_flow(rows, &head, &m, a);
    actions_done(a);
    actions_init(a);
}

static void simple_actions(struct sample_rows *rows)
{
    auto_actions a;
    actions_init(&a);
    add_actions(rows, 0, 0, &a);
    act_goto(&a, 30);
    add_actions(rows, 0, 0, &a);
    act_output(&a, 1);
    act_output(&a, OFPORT_IN_PORT);
    act_output(&a, OFPORT_LOCAL);
    act_output(&a, OFPORT_NORMAL);
    act_output(&a, OFPORT_CONTROLLER);
    add_actions(rows, 0, 0, &a);
    act_output_field(&a, F_REG1, 0, 32);
    act_output_field(&a, F_REG2, 0, 16);
    add_actions(rows, 0, 0, &a);
    act_dec_ttl(&a);
    act_goto(&a, 255 - 1);
    add_actions(rows, ETH_IPV4, 0, &a);
    act_resubmit(&a, 40);
    act_ct_clear(&a);
    act_note(&a, "\x01\x02\x03", 3);
    act_note(&a, "0123456789", 10);
    add_actions(rows, 0, 0, &a);
    act_group(&a, 1);
    add_actions(rows, 0, 0, &a);
    act_conjunction(&a, 10, 0, 2);
    act_conjunction(&a, 11, 1, 3);
    add_actions(rows, 0, 0, &a);
    act_output(&a, 1);
    act_meter(&a, 5);
    add_actions(rows, 0, 0, &a);
    act_meter(&a, 5);
    act_goto(&a, 50);
    add_actions(rows, 0, 0, &a);
}

static void resubmit_ct(struct sample_rows *rows)
{
    struct match m;
    auto_actions a;
    match_init(&m);
    actions_init(&a);
    match_set(&m, F_ETH_TYPE, ETH_IPV4);
    match_set_masked(&m, F_CT_STATE, CT_TRK | CT_EST, CT_TRK | CT_EST);
    act_resubmit_ct(&a, 41);
    add_flow(rows, &(struct flow_head){.table = 20, .priority = 999}, &m, &a);
}

static void set_actions(struct sample_rows *rows)
{
    struct mac m = mac("02:00:00:00:00:09");
    struct ip host = ip("10.1.2.3"), host6 = ip("fd00:10::3");
    uint8_t big[16] = {0xfd, 1, 2, 3};
    auto_actions a;
    actions_init(&a);
    for (int f = F_REG0; f <= F_REG15; f++)
        act_set(&a, (enum field)f, (uint64_t)f);
    act_set_masked(&a, F_REG3, 0x30, 0xf0);
    act_set_masked(&a, F_REG4, 7, 0xffffffff);
    act_set_masked(&a, F_METADATA, 0x100, 0xff00);
    act_set(&a, F_TUN_ID, 0x123);
    act_set_ip(&a, F_TUN_DST, &host);
    act_set_ip(&a, F_TUN_SRC, &host);
    act_set_ip(&a, F_TUN_IPV6_DST, &host6);
    act_set(&a, F_PKT_MARK, 0);
    act_set_bytes(&a, F_XXREG0, big);
    act_set_bytes(&a, F_XXREG3, host6.b);
    act_set_mac(&a, F_ETH_SRC, &m);
    act_set_mac(&a, F_ETH_DST, &m);
    add_actions(rows, 0, 0, &a);
    act_set_ip(&a, F_IPV4_SRC, &host);
    act_set_ip(&a, F_IPV4_DST, &host);
    act_set(&a, F_IP_TTL, 3);
    act_set(&a, F_IP_DSCP, 10);
    act_set(&a, F_TCP_SRC, 80);
    act_set(&a, F_TCP_DST, 81);
    add_actions(rows, ETH_IPV4, PROTO_TCP, &a);
    act_set_ip(&a, F_IPV6_SRC, &host6);
    act_set_ip(&a, F_IPV6_DST, &host6);
    act_set(&a, F_UDP_DST, 53);
    add_actions(rows, ETH_IPV6, PROTO_UDP, &a);
    act_move(&a, F_ARP_SPA, 0, F_ARP_TPA, 0, 32);
    act_move(&a, F_ARP_SHA, 0, F_ARP_THA, 0, 48);
    act_move(&a, F_ETH_SRC, 0, F_ETH_DST, 0, 48);
    act_set(&a, F_ARP_OP, 2);
    act_set_mac(&a, F_ARP_SHA, &m);
    act_set_ip(&a, F_ARP_SPA, &host);
    act_output(&a, OFPORT_IN_PORT);
    add_actions(rows, ETH_ARP, 0, &a);
    act_move(&a, F_REG0, 3, F_REG1, 7, 1);
    act_move(&a, F_REG0, 0, F_REG1, 16, 16);
    act_move(&a, F_METADATA, 0, F_TUN_ID, 0, 64);
    act_move(&a, F_TUN_SRC, 0, F_REG7, 0, 32);
    add_actions(rows, 0, 0, &a);
}

static void ct_actions(struct sample_rows *rows)
{
    auto_actions a, exec;
    actions_init(&a);
    actions_init(&exec);
    act_set(&exec, F_CT_MARK, 0x10);
    act_set_masked(&exec, F_CT_MARK, 0x20, 0xf0);
    uint8_t label[16] = {1, 2, 3, [15] = 9};
    act_set_bytes(&exec, F_CT_LABEL, label);
    act_move(&exec, F_REG0, 0, F_CT_MARK, 0, 8);
    act_ct(&a, &(struct act_ct){.zone = 65520, .zone_field = F_N, .table = 30});
    add_actions(rows, ETH_IPV4, 0, &a);
    act_ct(&a, &(struct act_ct){.zone_field = F_REG6, .zone_bits = 16, .table = 30, .nat = true});
    add_actions(rows, ETH_IPV4, 0, &a);
    act_ct(&a, &(struct act_ct){.flags = ACT_CT_COMMIT,
                                .zone = 1,
                                .zone_field = F_N,
                                .table = NO_TABLE,
                                .exec = &exec});
    add_actions(rows, ETH_IPV6, 0, &a);
    act_ct(&a, &(struct act_ct){
                   .flags = ACT_CT_COMMIT | ACT_CT_FORCE, .zone_field = F_N, .table = NO_TABLE});
    add_actions(rows, ETH_IPV4, 0, &a);
    act_ct(&a, &(struct act_ct){.flags = ACT_CT_COMMIT,
                                .zone_field = F_N,
                                .table = 40,
                                .nat = true,
                                .nat_dst = true,
                                .ip_min = ip("10.1.2.3"),
                                .port_min = 8080,
                                .exec = &exec});
    add_actions(rows, ETH_IPV4, PROTO_TCP, &a);
    act_ct(&a, &(struct act_ct){.flags = ACT_CT_COMMIT,
                                .zone_field = F_N,
                                .table = 40,
                                .nat = true,
                                .nat_src = true,
                                .nat_random = true,
                                .nat_persistent = true,
                                .ip_min = ip("10.1.2.3"),
                                .ip_max = ip("10.1.2.9"),
                                .port_min = 1024,
                                .port_max = 65535});
    add_actions(rows, ETH_IPV4, PROTO_TCP, &a);
    act_ct(&a, &(struct act_ct){.flags = ACT_CT_COMMIT,
                                .zone_field = F_N,
                                .table = 40,
                                .nat = true,
                                .nat_src = true,
                                .nat_hash = true,
                                .ip_min = ip("fd00::1"),
                                .ip_max = ip("fd00::9")});
    add_actions(rows, ETH_IPV6, 0, &a);
    act_ct(&a, &(struct act_ct){.flags = ACT_CT_COMMIT,
                                .zone_field = F_N,
                                .table = 40,
                                .nat = true,
                                .nat_dst = true,
                                .ip_min = ip("fd00::1"),
                                .port_min = 80});
    add_actions(rows, ETH_IPV6, PROTO_TCP, &a);
    act_ct(
        &a,
        &(struct act_ct){
            .flags = ACT_CT_COMMIT, .zone_field = F_N, .table = 40, .nat = true, .nat_src = true});
    add_actions(rows, ETH_IPV4, 0, &a);
}

static void controller_actions(struct sample_rows *rows)
{
    auto_actions a;
    actions_init(&a);
    act_controller(&a, &(struct act_controller){.max_len = 0xffff, .reason = 1});
    add_actions(rows, 0, 0, &a);
    act_controller(&a, &(struct act_controller){.max_len = 128,
                                                .reason = 0,
                                                .controller_id = 3,
                                                .userdata = "\x01\x02\xff",
                                                .userdata_len = 3,
                                                .pause = true,
                                                .meter_id = 5});
    add_actions(rows, 0, 0, &a);
    act_controller(&a, &(struct act_controller){.max_len = 0xffff, .reason = 2, .pause = true});
    add_actions(rows, 0, 0, &a);
}

static void learn_actions(struct sample_rows *rows)
{
    auto_actions a;
    actions_init(&a);
    const struct learn_spec specs[] = {
        {.kind = LEARN_MATCH,
         .n_bits = 16,
         .src_is_value = true,
         .value = {0x08, 0},
         .dst = F_ETH_TYPE},
        {.kind = LEARN_MATCH, .n_bits = 8, .src_is_value = true, .value = {6}, .dst = F_IP_PROTO},
        {.kind = LEARN_MATCH, .n_bits = 32, .src = F_IPV4_DST, .dst = F_IPV4_DST},
        {.kind = LEARN_MATCH, .n_bits = 32, .src = F_IPV4_SRC, .dst = F_IPV4_DST},
        {.kind = LEARN_MATCH, .n_bits = 16, .src = F_TCP_DST, .dst = F_TCP_DST},
        {.kind = LEARN_MATCH,
         .n_bits = 4,
         .src_is_value = true,
         .value = {5},
         .dst = F_REG4,
         .dst_ofs = 8},
        {.kind = LEARN_LOAD, .n_bits = 32, .src = F_REG3, .dst = F_REG3},
        {.kind = LEARN_LOAD,
         .n_bits = 3,
         .src_is_value = true,
         .value = {2},
         .dst = F_REG4,
         .dst_ofs = 16},
        {.kind = LEARN_LOAD, .n_bits = 128, .src = F_XXREG3, .dst = F_XXREG3},
        {.kind = LEARN_LOAD, .n_bits = 1, .src_is_value = true, .value = {1}, .dst = F_REG5},
        {.kind = LEARN_OUTPUT, .n_bits = 32, .src = F_REG1},
    };
    act_learn(&a, &(struct act_learn){.table = 60,
                                      .priority = 200,
                                      .idle = 10,
                                      .hard = 300,
                                      .fin_idle = 1,
                                      .fin_hard = 2,
                                      .cookie = 0x1234,
                                      .send_flow_rem = true,
                                      .delete_learned = true,
                                      .specs = specs,
                                      .n_specs = ARRAY_LEN(specs)});
    act_set(&a, F_REG0, 1);
    add_actions(rows, ETH_IPV4, PROTO_TCP, &a);
    act_learn(&a, &(struct act_learn){.table = 61, .priority = 0x8000});
    add_actions(rows, ETH_IPV4, PROTO_TCP, &a);
}

static void groups_and_meters(struct sample_rows *rows)
{
    struct sbuf key = SBUF_INIT, value = SBUF_INIT;
    auto_actions one, two;
    actions_init(&one);
    actions_init(&two);
    act_set(&one, F_REG3, 0x0a010203);
    act_resubmit(&one, 30);
    act_output(&two, 2);
    const struct group_bucket buckets[] = {{.id = 0, .weight = 100, .actions = &one},
                                           {.id = 1, .weight = 1, .actions = &two}};
    group_key_encode(1, &key);
    group_value_encode(&(struct group){.type = GROUP_SELECT, .buckets = buckets, .n_buckets = 2},
                       &value);
    add_row(rows, OFSESSION_GROUP, &key, &value);
    group_key_encode(2, &key);
    group_value_encode(&(struct group){.type = GROUP_ALL, .buckets = buckets, .n_buckets = 2},
                       &value);
    add_row(rows, OFSESSION_GROUP, &key, &value);
    group_key_encode(3, &key);
    group_value_encode(&(struct group){.type = GROUP_INDIRECT, .buckets = buckets, .n_buckets = 1},
                       &value);
    add_row(rows, OFSESSION_GROUP, &key, &value);
    const enum field fields[] = {F_IPV4_SRC, F_IP_PROTO};
    group_key_encode(4, &key);
    group_value_encode(&(struct group){.type = GROUP_SELECT,
                                       .buckets = buckets,
                                       .n_buckets = 2,
                                       .selection_method = "hash",
                                       .selection_param = 7,
                                       .fields = fields,
                                       .n_fields = 2},
                       &value);
    add_row(rows, OFSESSION_GROUP, &key, &value);
    group_key_encode(5, &key);
    group_value_encode(&(struct group){.type = GROUP_SELECT, .selection_method = "dp_hash"},
                       &value);
    add_row(rows, OFSESSION_GROUP, &key, &value);
    meter_key_encode(5, &key);
    meter_value_encode(
        &(struct meter){.flags = METER_PKTPS | METER_BURST, .rate = 100, .burst = 200}, &value);
    add_row(rows, OFSESSION_METER, &key, &value);
    meter_key_encode(6, &key);
    meter_value_encode(&(struct meter){.flags = METER_KBPS | METER_STATS, .rate = 1000}, &value);
    add_row(rows, OFSESSION_METER, &key, &value);
}

void sample_rows_all(struct sample_rows *rows)
{
    struct match any;
    auto_actions drop;
    match_init(&any);
    actions_init(&drop);
    add_flow(rows, &(struct flow_head){.priority = 0x8000}, &any, &drop);
    add_flow(rows, &(struct flow_head){.priority = 0}, &any, &drop);
    action_priority = 0;
    l2_matches(rows);
    l3_matches(rows);
    l4_matches(rows);
    ct_matches(rows);
    simple_actions(rows);
    resubmit_ct(rows);
    set_actions(rows);
    ct_actions(rows);
    controller_actions(rows);
    learn_actions(rows);
    groups_and_meters(rows);
}

const char *const sample_texts[] = {
    "table=0,priority=0 actions=drop",
    "table=0,priority=200,in_port=1 actions=load:0x1->NXM_NX_REG0[0..15],goto_table:10",
    "table=0,priority=210,in_port=LOCAL,ip,nw_src=10.0.0.0/255.0.255.0 actions=NORMAL",
    "table=1,arp,in_port=2,arp_op=1,arp_spa=10.0.0.2,arp_sha=0a:00:00:00:00:02 "
    "actions=move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],set_field:2->arp_op,"
    "move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[],IN_PORT",
    "table=2,cookie=0x1234567812345678,priority=190,icmp6,icmp_type=135,icmp_code=0,"
    "nd_target=fe80::1,nd_sll=0a:00:00:00:00:02 actions=controller(userdata=00.00.00.00)",
    "table=2,icmp6,icmp_type=136,nd_tll=0a:00:00:00:00:02 actions=output:NXM_NX_REG1[]",
    "table=3,ct_state=+trk+est-new-inv,ct_mark=0x10/0x10,ip "
    "actions=ct(table=4,zone=NXM_NX_REG6[0..15],nat)",
    "table=3,ct_state=-trk,ipv6 actions=ct(table=4,zone=65510)",
    "table=3,ct_state=+new+trk,ct_zone=5,ct_label=0x1/0xff,tcp6 "
    "actions=ct(commit,zone=5,nat(src=[fd00::1]-[fd00::5]:1000-2000,random),"
    "exec(set_field:0x1/0xf->ct_mark,set_field:0x2->ct_label))",
    "table=3,priority=1,ct_state=+trk+rpl,ct_nw_proto=6,ct_nw_src=10.0.0.1,ct_nw_dst=10.0.0.2,"
    "ct_tp_src=80,ct_tp_dst=0x50/0xf0,ip actions=drop",
    "table=4,ip,nw_dst=10.0.0.5,tcp actions=ct(commit,nat(dst=10.0.0.1:80),alg=ftp)",
    "table=5,conj_id=5,ip actions=load:0x5->NXM_NX_REG5[],ct_clear,resubmit(,6)",
    "table=5,tcp,tp_dst=0x1f40/0xffc0 actions=conjunction(5,2/3),conjunction(8,1/2)",
    "table=5,udp,tp_src=53,nw_tos=184,nw_ttl=64 actions=dec_ttl,output:3",
    "table=5,sctp6,tp_dst=5000 actions=group:9",
    "table=5,tcp,tcp_flags=+syn-ack actions=note:01.02.03",
    "table=6,ip,nw_frag=later actions=drop",
    "table=6,ip,nw_frag=first actions=drop",
    "table=6,ip,nw_frag=not_later actions=drop",
    "table=6,ip,nw_frag=no actions=drop",
    "table=6,ipv6,nw_frag=yes actions=drop",
    "table=7,tcp,reg4=0x10000/0x70000,reg15=0x1 actions=learn(table=8,hard_timeout=300,priority="
    "200,delete_learned,cookie=0x5,eth_type=0x800,nw_proto=6,NXM_OF_IP_SRC[],NXM_OF_TCP_DST[],"
    "load:NXM_NX_REG4[0..15]->NXM_NX_REG4[0..15],load:0x2->NXM_NX_REG4[16..18],"
    "output:NXM_NX_REG1[]),set_field:0x1->xxreg3",
    "table=8,tun_id=0x5,tun_src=1.2.3.4,tun_dst=4.3.2.1,metadata=0x7/0xff actions=output:1",
    "table=8,tun_ipv6_src=fd00::1,pkt_mark=0x5/0x7 "
    "actions=set_field:fd00::9->tun_ipv6_dst,output:2",
    "table=9,dl_vlan=100 actions=pop_vlan,output:2",
    "table=9,vlan_tci=0x0000/0x1fff actions=push_vlan:0x8100,output:1",
    "table=9,priority=5,dl_vlan=7,dl_vlan_pcp=3 actions=drop",
    "table=9,dl_src=01:00:00:00:00:00/01:00:00:00:00:00,dl_type=0x88cc actions=exit",
    "table=9,ct_state=+trk+est,ip,in_port=3 "
    "actions=clone(set_field:1->reg0,output:1),resubmit(1,9),resubmit(,7,ct)",
    "table=9,in_port=4,idle_timeout=10,hard_timeout=20,send_flow_rem actions=controller(reason="
    "invalid_ttl,max_len=100,id=2,userdata=aa.bb.cc,pause)",
    "table=9,priority=9 actions=CONTROLLER:128",
    "table=9,priority=8,in_port=2 actions=meter:7,output:1",
    "table=9,priority=7,udp6,ipv6_src=fd00::/64,ipv6_dst=fd00::1 actions=set_field:1->udp_dst",
};
const size_t sample_texts_n = ARRAY_LEN(sample_texts);
