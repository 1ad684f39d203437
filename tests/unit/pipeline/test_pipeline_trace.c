/* SPDX-License-Identifier: Apache-2.0
 *
 * The flows in a real Open vSwitch, asked by ofproto/trace.  Port 1 is the tunnel, 2 the gateway,
 * 3 web, 4 db; both live on node a. */
#include "tests/support/world_builder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/pipeline/pipeline.h"
#include "core/pipeline/world.h"
#include "tests/support/ofdriver.h"
#include "tests/support/ovs_sandbox.h"

enum { TUNNEL = 1, GATEWAY = 2, WEB = 3, DB = 4, UPLINK = 5, DROPPED = 0 };

static struct ovs_sandbox box;
static struct engine *engine;
static char web_mac[MAC_TEXT_MAX], db_mac[MAC_TEXT_MAX], gateway_mac[MAC_TEXT_MAX];

static void mac_of_local(const char *key, char *text)
{
    const struct intent_local *local = world_row(engine, TABLE_LOCAL, key);
    mac_format(&local->mac, text);
}

static void install(void)
{
    char path[128];
    struct err err = {0};
    struct ofdriver d;
    snprintf(path, sizeof path, "%s/br0.mgmt", box.dir);
    if (ofdriver_open(&d, path, NULL, &err) || ofdriver_dump(&d, &err))
        fail_msg("%s", err.text);
    engine_dump_begin(engine, SPACE_FLOW);
    for (size_t i = 0; i < d.rows.n; i++)
        if (d.rows.v[i].space == OFSESSION_FLOW)
            engine_dump_row(engine, SPACE_FLOW, d.rows.v[i].key, d.rows.v[i].value);
    engine_dump_end(engine, SPACE_FLOW);
    const struct plan *plan = engine_plan(engine, SPACE_FLOW);
    if (plan->n) {
        assert_int_equal(ofdriver_apply(&d, plan, NULL, NULL, &err), 0);
        if (d.outcome.result != OFSESSION_COMMITTED)
            fail_msg("%s", d.reason);
        engine_plan_done(engine, SPACE_FLOW);
    }
    ofdriver_close(&d);
    assert_true(engine_in_sync(engine, SPACE_FLOW));
}

static int setup(void **state)
{
    (void)state;
    engine = world_engine();
    world_config(engine, "a");
    world_node(engine, "a", "10.0.1.0/24 fd00:1::/64", "192.0.2.1");
    world_node(engine, "b", "10.0.2.0/24 fd00:2::/64", "192.0.2.2");
    world_pod(engine, "shop/web", "app: web", "");
    world_pod(engine, "shop/db", "app: db", "");
    world_pod(engine, "shop/far", "app: far", "10.0.2.9 fd00:2::9");
    world_attach(engine, &(struct world_attachment){.container = "web",
                                                    .pod = "shop/web",
                                                    .ips = "10.0.1.3 fd00:1::3",
                                                    .ofport = WEB});
    world_attach(engine, &(struct world_attachment){.container = "db",
                                                    .pod = "shop/db",
                                                    .ips = "10.0.1.4 fd00:1::4",
                                                    .ofport = DB});
    world_settle(engine);
    mac_of_local("web/eth0", web_mac);
    mac_of_local("db/eth0", db_mac);
    struct mac m = mac_from_name("gateway", "a");
    mac_format(&m, gateway_mac);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_done(engine);
    return 0;
}

static void policy(const char *key, const char *spec)
{
    world_policy(engine, key, spec);
    world_settle(engine);
}

/* A cached decision that depends on what a neighbour-discovery message says must name its code:
 * the kernel's datapath is told of target and link-layer addresses only then. */
static void expect_whole_megaflow(const char *text)
{
    for (const char *at = strstr(text, "Megaflow:"); at; at = strstr(at + 1, "Megaflow:")) {
        auto_sbuf line = SBUF_INIT;
        sbuf_put(&line, at, strcspn(at, "\n"));
        if (strstr(sbuf_cstr(&line), "nd_") && !strstr(line.data, "icmp_code=0"))
            fail_msg("a decision for all targets: %s", line.data);
    }
}

/* The port that the packet leaves by, and the trace in 'text'. */
static int trace(const char *packet, const char *ct_next, struct sbuf *text)
{
    auto_sbuf command = SBUF_INIT;
    install();
    sbuf_printf(&command, "ovs-appctl -t \"$PWD/vswitchd.ctl\" ofproto/trace br0 '%s'", packet);
    if (ct_next)
        sbuf_printf(&command, " --ct-next '%s'", ct_next);
    char *out = ovs_sandbox_run(&box, sbuf_cstr(&command));
    assert_non_null(out);
    sbuf_puts(text, out);
    free(out);
    expect_whole_megaflow(sbuf_cstr(text));
    const char *port = strstr(sbuf_cstr(text), "-> output port is ");
    if (port)
        return (int)strtol(port + strlen("-> output port is "), NULL, 10);
    return strstr(text->data, "output:in_port") || strstr(text->data, "IN_PORT") ? -1 : DROPPED;
}

static void expect_port(int port, const char *ct_next, const char *fmt, ...) PORT_PRINTF(3, 4);
static void expect_port(int port, const char *ct_next, const char *fmt, ...)
{
    auto_sbuf packet = SBUF_INIT, text = SBUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    sbuf_vprintf(&packet, fmt, ap);
    va_end(ap);
    int got = trace(packet.data, ct_next, &text);
    if (got != port)
        fail_msg("port %d, not %d:\n%s", got, port, text.data);
}

static void web_to_db(int port, unsigned tp_dst)
{
    expect_port(port, "trk,new",
                "in_port=3,tcp,dl_src=%s,dl_dst=%s,nw_src=10.0.1.3,nw_dst=10.0.1.4,nw_ttl=64,"
                "tcp_dst=%u",
                web_mac, db_mac, tp_dst);
    expect_port(port, "trk,new",
                "in_port=3,tcp6,dl_src=%s,dl_dst=%s,ipv6_src=fd00:1::3,ipv6_dst=fd00:1::4,"
                "nw_ttl=64,tcp_dst=%u",
                web_mac, db_mac, tp_dst);
}

static void test_pods_of_one_node(void **state)
{
    (void)state;
    web_to_db(DB, 5432);
    policy("shop/p", "podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: "
                     "{matchLabels: {app: web}}}], ports: [{port: 5432, endPort: 5440}]}]");
    web_to_db(DB, 5432);
    web_to_db(DB, 5440);
    web_to_db(DROPPED, 5441);
    policy("shop/e", "podSelector: {matchLabels: {app: web}}, policyTypes: [Egress]");
    web_to_db(DROPPED, 5432);
    /* What belongs to a connection passes all the same. */
    expect_port(DB, "trk,est",
                "in_port=3,tcp,dl_src=%s,dl_dst=%s,nw_src=10.0.1.3,nw_dst=10.0.1.4,nw_ttl=64,"
                "tcp_dst=9",
                web_mac, db_mac);
    expect_port(DROPPED, "trk,inv",
                "in_port=3,tcp,dl_src=%s,dl_dst=%s,nw_src=10.0.1.3,nw_dst=10.0.1.4,nw_ttl=64",
                web_mac, db_mac);
}

static void test_other_nodes(void **state)
{
    (void)state;
    expect_port(TUNNEL, "trk,new",
                "in_port=3,udp,dl_src=%s,dl_dst=%s,nw_src=10.0.1.3,nw_dst=10.0.2.9,nw_ttl=64",
                web_mac, gateway_mac);
    auto_sbuf known = SBUF_INIT, stranger = SBUF_INIT;
    sbuf_printf(&known,
                "in_port=1,tun_src=192.0.2.2,udp,dl_src=02:00:00:00:00:09,dl_dst=%s,"
                "nw_src=10.0.2.9,nw_dst=10.0.1.4,nw_ttl=64,udp_dst=53",
                gateway_mac);
    sbuf_printf(&stranger,
                "in_port=1,tun_src=192.0.2.3,udp,dl_src=02:00:00:00:00:09,dl_dst=%s,"
                "nw_src=10.0.2.9,nw_dst=10.0.1.4,nw_ttl=64,udp_dst=53",
                gateway_mac);
    expect_port(DB, "trk,new", "%s", known.data);
    expect_port(DROPPED, "trk,new", "%s", stranger.data);
    policy("shop/p", "podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: "
                     "{matchLabels: {app: far}}}], ports: [{port: 53, protocol: UDP}]}]");
    expect_port(DB, "trk,new", "%s", known.data);
    world_pod(engine, "shop/far", "app: other", "10.0.2.9");
    world_settle(engine);
    expect_port(DROPPED, "trk,new", "%s", known.data);
}

static void test_spoofed_packets(void **state)
{
    (void)state;
    expect_port(DROPPED, "trk,new",
                "in_port=3,udp,dl_src=%s,dl_dst=%s,nw_src=10.0.1.4,nw_dst=10.0.1.1,nw_ttl=64",
                web_mac, gateway_mac);
    expect_port(DROPPED, "trk,new",
                "in_port=3,udp,dl_src=%s,dl_dst=%s,nw_src=10.0.1.3,nw_dst=10.0.1.1,nw_ttl=64",
                db_mac, gateway_mac);
    expect_port(DROPPED, NULL,
                "in_port=3,arp,dl_src=%s,arp_sha=%s,arp_spa=10.0.1.9,arp_tpa=10.0.1.4,arp_op=1",
                web_mac, web_mac);
    expect_port(DROPPED, NULL,
                "in_port=3,icmp6,dl_src=%s,ipv6_src=fd00:1::3,ipv6_dst=fd00:1::4,icmpv6_type=136,"
                "icmpv6_code=0,nd_target=fd00:1::1,nd_tll=%s",
                web_mac, web_mac);
    expect_port(DROPPED, NULL,
                "in_port=3,icmp6,dl_src=%s,ipv6_src=fd00:1::3,ipv6_dst=ff02::1:ff00:4,"
                "icmpv6_type=135,icmpv6_code=0,nd_target=fd00:1::4,nd_sll=%s",
                web_mac, db_mac);
    expect_port(DROPPED, NULL,
                "in_port=3,icmp6,dl_src=%s,ipv6_src=fd00:1::3,ipv6_dst=fd00:1::4,icmpv6_type=136,"
                "icmpv6_code=1",
                web_mac);
    expect_port(DROPPED, NULL, "in_port=3,dl_type=0x88cc,dl_src=%s", web_mac);
    expect_port(DROPPED, "trk,new", "in_port=9,udp,nw_src=10.0.1.3,nw_dst=10.0.1.4");
}

static void test_neighbours(void **state)
{
    (void)state;
    expect_port(-1, NULL,
                "in_port=3,arp,dl_src=%s,arp_sha=%s,arp_spa=10.0.1.3,arp_tpa=10.0.1.4,arp_op=1",
                web_mac, web_mac);
    expect_port(-1, NULL,
                "in_port=3,arp,dl_src=%s,arp_sha=%s,arp_spa=10.0.1.3,arp_tpa=10.0.1.1,arp_op=1",
                web_mac, web_mac);
    expect_port(DROPPED, NULL,
                "in_port=3,arp,dl_src=%s,arp_sha=%s,arp_spa=10.0.1.3,arp_tpa=10.0.1.3,arp_op=1",
                web_mac, web_mac);
    expect_port(DB, NULL,
                "in_port=3,icmp6,dl_src=%s,ipv6_src=fd00:1::3,ipv6_dst=ff02::1:ff00:4,"
                "icmpv6_type=135,icmpv6_code=0,nd_target=fd00:1::4,nd_sll=%s",
                web_mac, web_mac);
    expect_port(WEB, NULL,
                "in_port=4,icmp6,dl_src=%s,ipv6_src=fd00:1::4,ipv6_dst=fd00:1::3,icmpv6_type=136,"
                "icmpv6_code=0,nd_target=fd00:1::4,nd_tll=%s",
                db_mac, db_mac);
    expect_port(GATEWAY, NULL,
                "in_port=4,icmp6,dl_src=%s,ipv6_src=fd00:1::4,ipv6_dst=fe80::abcd,icmpv6_type=136,"
                "icmpv6_code=0,nd_target=fd00:1::4,nd_tll=%s",
                db_mac, db_mac);
    expect_port(GATEWAY, NULL,
                "in_port=3,icmp6,dl_src=%s,ipv6_src=fd00:1::3,ipv6_dst=ff02::1:ff00:1,"
                "icmpv6_type=135,icmpv6_code=0,nd_target=fd00:1::1,nd_sll=%s",
                web_mac, web_mac);
}

static void test_gateway(void **state)
{
    (void)state;
    policy("shop/p", "podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 198.51.100.0/24}}]}]");
    /* The node itself is always let in, others by address. */
    static const struct {
        const char *src;
        int port;
    } cases[] = {{"10.0.1.1", DB},
                 {"192.0.2.1", DB},
                 {"192.0.2.2", DROPPED},
                 {"198.51.100.7", DB},
                 {"203.0.113.1", DROPPED}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        expect_port(cases[i].port, "trk,new",
                    "in_port=2,tcp,dl_src=%s,dl_dst=%s,nw_src=%s,nw_dst=10.0.1.4,nw_ttl=63",
                    gateway_mac, db_mac, cases[i].src);
    /* A Pod may not pretend to be the node. */
    expect_port(DROPPED, "trk,new",
                "in_port=3,tcp,dl_src=%s,dl_dst=%s,nw_src=192.0.2.1,nw_dst=10.0.1.4,nw_ttl=63",
                web_mac, db_mac);
    expect_port(GATEWAY, "trk,new",
                "in_port=3,tcp,dl_src=%s,dl_dst=%s,nw_src=10.0.1.3,nw_dst=203.0.113.1,nw_ttl=64",
                web_mac, gateway_mac);
    expect_port(DROPPED, "trk,new",
                "in_port=2,tcp,dl_src=%s,nw_src=203.0.113.1,nw_dst=203.0.113.2,nw_ttl=64",
                gateway_mac);
    expect_port(DROPPED, "trk,new",
                "in_port=3,tcp,dl_src=%s,dl_dst=%s,nw_src=10.0.1.3,nw_dst=10.0.1.77,nw_ttl=64",
                web_mac, gateway_mac);
    expect_port(TUNNEL, "trk,new",
                "in_port=2,tcp,dl_src=%s,nw_src=10.0.1.1,nw_dst=10.0.2.9,nw_ttl=64", gateway_mac);
}

static void test_pod_to_itself(void **state)
{
    (void)state;
    policy("shop/p", "podSelector: {}, policyTypes: [Ingress, Egress]");
    expect_port(-1, "trk,new",
                "in_port=3,tcp,dl_src=%s,dl_dst=%s,nw_src=10.0.1.3,nw_dst=10.0.1.3,nw_ttl=64",
                web_mac, gateway_mac);
}

static void test_hops_are_counted_where_packets_are_routed(void **state)
{
    (void)state;
    auto_sbuf text = SBUF_INIT, packet = SBUF_INIT;
    sbuf_printf(&packet,
                "in_port=3,udp,dl_src=%s,dl_dst=%s,nw_src=10.0.1.3,nw_dst=10.0.2.9,nw_ttl=64",
                web_mac, gateway_mac);
    assert_int_equal(trace(packet.data, "trk,new", &text), TUNNEL);
    assert_non_null(strstr(text.data, "dec_ttl"));
    sbuf_clear(&text);
    sbuf_clear(&packet);
    sbuf_printf(&packet,
                "in_port=3,udp,dl_src=%s,dl_dst=%s,nw_src=10.0.1.3,nw_dst=10.0.1.4,nw_ttl=64",
                web_mac, db_mac);
    assert_int_equal(trace(packet.data, "trk,new", &text), DB);
    assert_null(strstr(text.data, "dec_ttl"));
}

/* The node's packets and the outer ones of tunnels pass between LOCAL and the uplink; what comes in
 * by the uplink reaches no Pod, whatever it says. */
static void test_uplink(void **state)
{
    (void)state;
    auto_sbuf text = SBUF_INIT;
    struct node_config *c = node_config_new("a");
    c->uplink_ofport = UPLINK;
    store_put(engine_store(engine), TABLE_CONFIG, "", c);
    world_settle(engine);
    static const struct {
        const char *packet, *action;
    } wire[] = {
        {"in_port=LOCAL,udp,nw_src=192.0.2.1,nw_dst=192.0.2.2,udp_dst=6081", "\n    output:5\n"},
        {"in_port=LOCAL,arp,arp_spa=192.0.2.1,arp_tpa=192.0.2.2,arp_op=1", "\n    output:5\n"},
        {"in_port=LOCAL,ipv6,ipv6_src=fe80::1,ipv6_dst=ff02::1", "\n    output:5\n"},
        {"in_port=5,udp,nw_src=192.0.2.2,nw_dst=192.0.2.1,udp_dst=6081", "\n    LOCAL\n"},
        {"in_port=5,arp,arp_spa=192.0.2.2,arp_tpa=192.0.2.1,arp_op=1", "\n    LOCAL\n"},
        {"in_port=5,tcp,nw_src=10.0.2.9,nw_dst=10.0.1.4,tcp_dst=5432", "\n    LOCAL\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(wire); i++) {
        sbuf_clear(&text);
        trace(wire[i].packet, NULL, &text);
        if (!strstr(text.data, wire[i].action) || strstr(text.data, "\n10. "))
            fail_msg("%s", text.data);
    }
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_pods_of_one_node), TEST(test_other_nodes),
        TEST(test_spoofed_packets),  TEST(test_neighbours),
        TEST(test_gateway),          TEST(test_pod_to_itself),
        TEST(test_uplink),           TEST(test_hops_are_counted_where_packets_are_routed),
    };
    if (!ovs_sandbox_available() || !ovs_sandbox_start(&box)) {
        printf("skipped: no Open vSwitch here\n");
        return 77;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ovs_sandbox_stop(&box);
    return failed;
}
