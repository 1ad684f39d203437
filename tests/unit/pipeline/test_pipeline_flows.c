/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/world_builder.h"

#include <stdio.h>
#include <string.h>

#include "core/pipeline/pipeline.h"
#include "core/pipeline/world.h"
#include "tests/unit/pipeline/flows_of.h"

/* Two nodes; on node a: web (port 3), db (port 4). */
static int setup(void **state)
{
    struct engine *e = world_engine();
    world_config(e, "a");
    world_node(e, "a", "10.0.1.0/24 fd00:1::/64", "192.0.2.1");
    world_node(e, "b", "10.0.2.0/24 fd00:2::/64", "192.0.2.2");
    world_pod(e, "shop/web", "app: web", "");
    world_pod(e, "shop/db", "app: db", "");
    world_pod(e, "shop/far", "app: far", "10.0.2.9 fd00:2::9");
    world_attach(e, &(struct world_attachment){
                        .container = "web", .pod = "shop/web", .ips = "10.0.1.3", .ofport = 3});
    world_attach(
        e, &(struct world_attachment){
               .container = "db", .pod = "shop/db", .ips = "10.0.1.4 fd00:1::4", .ofport = 4});
    world_settle(e);
    *state = e;
    return 0;
}

static int teardown(void **state)
{
    world_done(*state);
    return 0;
}

/* What cleanup aims at. */
static void test_empty_world_wants_nothing_at_all(void **state)
{
    struct engine *e = world_engine_empty();
    (void)state;
    while (!engine_run(e, 0)) {}
    assert_false(engine_is_dirty(e));
    for (int i = 0; i < SPACE_N; i++) {
        assert_int_equal(engine_counts(e, i).desired, 0);
    }
    engine_free(e);
}

static void test_every_stage_in_use_has_a_miss(void **state)
{
    for (size_t i = 0; i < stage_count; i++) {
        auto_sbuf begin = SBUF_INIT;
        if (stage_table[i].table)
            sbuf_printf(&begin, "table=%u, ", (unsigned)stage_table[i].table);
        sbuf_puts(&begin, "priority=0 actions=");
        expect_flow(*state, begin.data, !stage_is_reserved(&stage_table[i]));
    }
}

static void test_pod_is_classified_and_guarded(void **state)
{
    expect_flow(*state, "priority=200,in_port=3 actions=set_field:0x3/0xf->reg0,goto_table:10",
                true);
    assert_int_equal(count_flows(*state, "table=10, priority=200,ip,in_port=3,"), 1);
    assert_int_equal(count_flows(*state, "table=10, priority=200,arp,in_port=3,"), 1);
    assert_int_equal(count_flows(*state, "in_port=3,icmp_type=135"), 0); /* no IPv6 address */
    /* Three targets' worth of discovery: own, link-local; each with its MAC or none. */
    assert_int_equal(count_flows(*state, "table=10, priority=230,icmp6,in_port=4"), 12);
    assert_int_equal(count_flows(*state, "table=10, priority=220,icmp6,in_port=4"), 2);
    assert_int_equal(count_flows(*state, "table=10, priority=210,icmp6,in_port=4"), 5);
}

static void test_port_that_is_not_there_yet_has_no_flows(void **state)
{
    struct engine *e = *state;
    world_attach(e, &(struct world_attachment){
                        .container = "x", .pod = "shop/web", .ips = "10.0.1.7", .no_port = true});
    world_settle(e);
    assert_int_equal(count_flows(e, "10.0.1.7"), 0);
}

static void test_newer_sandbox_takes_over(void **state)
{
    struct engine *e = *state;
    world_attach(e, &(struct world_attachment){.container = "web2",
                                               .pod = "shop/web",
                                               .ips = "10.0.1.5",
                                               .sequence = 100,
                                               .ofport = 5});
    world_settle(e);
    assert_int_equal(count_flows(e, "10.0.1.3"), 0);
    expect_flow(e, "priority=200,in_port=3 ", false);
    expect_flow(e, "priority=200,in_port=5 ", true);
    world_detach(e, "web2");
    world_settle(e);
    expect_flow(e, "priority=200,in_port=3 ", true);
}

static void test_direct_rule_is_one_flow(void **state)
{
    struct engine *e = *state;
    world_policy(e, "shop/p", "podSelector: {matchLabels: {app: web}}, ingress: [{}]");
    world_settle(e);
    expect_flow(e, "table=80, priority=210,reg1=0x3 actions=goto_table:90", true);
    expect_flow(e, "table=82, priority=200,reg1=0x3 actions=drop", true);
    assert_int_equal(count_flows(e, "conj"), 0);
    expect_flow(e, "table=46, priority=200,in_port=3 ", false);
}

static void test_isolation_by_direction(void **state)
{
    struct engine *e = *state;
    world_policy(e, "shop/p", "podSelector: {}, policyTypes: [Egress]");
    world_settle(e);
    expect_flow(e, "table=46, priority=200,in_port=3 actions=drop", true);
    expect_flow(e, "table=46, priority=200,in_port=4 actions=drop", true);
    assert_int_equal(count_flows(e, "table=82, priority=200"), 0);
    world_remove(e, TABLE_POLICY, "shop/p");
    world_settle(e);
    assert_int_equal(count_flows(e, "table=46, priority=200"), 0);
}

static void test_peer_and_port_are_clauses(void **state)
{
    struct engine *e = *state;
    world_policy(e, "shop/p",
                 "podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: "
                 "{matchLabels: {app: far}}}], ports: [{port: 5432}]}]");
    world_settle(e);
    assert_int_equal(count_flows(e, ",1/3)"), 1); /* the Pod */
    assert_int_equal(count_flows(e, ",2/3)"), 2); /* both addresses of far */
    assert_int_equal(count_flows(e, ",3/3)"), 2); /* both families */
    assert_int_equal(count_flows(e, "table=80, priority=200,conj_id="), 1);
    expect_flow(e, "table=80, priority=200,ip,nw_src=10.0.2.9 actions=conjunction(", true);
    expect_flow(e, "table=80, priority=200,tcp,tp_dst=5432 actions=conjunction(", true);
}

static void test_equal_rules_of_policies_are_one(void **state)
{
    struct engine *e = *state;
    static const char *const spec =
        "podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: "
        "{app: far}}}], ports: [{port: 1}]}]";
    world_policy(e, "shop/p", spec);
    world_settle(e);
    auto_sbuf one = SBUF_INIT, two = SBUF_INIT;
    flows_of(e, &one);
    world_policy(e, "shop/q", spec);
    world_settle(e);
    flows_of(e, &two);
    assert_string_equal(one.data, two.data);
}

/* A flow is a message: what it cannot hold is left out, and told, and the rest stands. */
static void test_more_rules_than_a_flow_holds(void **state)
{
    enum { MORE = FLOW_CONJUNCTIONS_MAX + 10 };
    struct arena arena;
    auto_sbuf spec = SBUF_INIT;
    sbuf_puts(&spec, "podSelector: {matchLabels: {app: web}}, ingress: [");
    for (unsigned i = 0; i < MORE; i++)
        sbuf_printf(&spec,
                    "%s{from: [{podSelector: {matchLabels: {app: far}}}], ports: [{port: %u}]}",
                    i ? ", " : "", 1000 + i);
    sbuf_puts(&spec, "]");
    world_policy(*state, "shop/many", sbuf_cstr(&spec));
    world_settle(*state);
    arena_init(&arena, 0);
    const char *local = world_failure(*state, "flow_local", "web/eth0", &arena);
    const char *peer = world_failure(*state, "flow_member", "shop/far", &arena);
    assert_string_equal(local, "4010 ingress rules apply to it, 4000 of them hold");
    assert_string_equal(peer, "peer of 4010 ingress rules of this node: it is let through by 4000 "
                              "of them only");
    arena_done(&arena);
    assert_int_equal(engine_counts(*state, SPACE_FLOW).conflicts, 3); /* both families */
    world_recheck(*state);
    world_remove(*state, TABLE_POLICY, "shop/many");
    world_settle(*state);
    assert_int_equal(engine_counts(*state, SPACE_FLOW).conflicts, 0);
}

static void test_named_ports(void **state)
{
    struct engine *e = *state;
    world_pod_full(
        e, &(struct world_pod){.key = "shop/db",
                               .labels = "app: db",
                               .ips = "",
                               .spec = "containers: [{name: c, image: i, ports: [{name: sql, "
                                       "containerPort: 5432}]}]"});
    world_policy(e, "shop/in",
                 "podSelector: {matchLabels: {app: db}}, ingress: [{ports: [{port: sql}]}]");
    world_policy(e, "shop/out",
                 "podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{to: "
                 "[{podSelector: {}}], ports: [{port: sql}]}]");
    world_settle(e);
    expect_flow(e, "table=80, priority=210,tcp,reg1=0x4,tp_dst=5432 actions=goto_table:90", true);
    expect_flow(e, "table=44, priority=200,tcp,nw_dst=10.0.1.4,tp_dst=5432 actions=conjunction(",
                true);
    assert_int_equal(count_flows(e, "nw_dst=10.0.2.9"), 0); /* has no port of that name */
    world_pod(e, "shop/db", "app: db", "");
    world_settle(e);
    assert_int_equal(count_flows(e, "tp_dst=5432"), 0);
}

static void test_block_and_exceptions(void **state)
{
    struct engine *e = *state;
    world_policy(e, "shop/p",
                 "podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{to: "
                 "[{ipBlock: {cidr: 10.0.0.0/30, except: [10.0.0.2/32]}}]}]");
    world_settle(e);
    expect_flow(e, "table=44, priority=200,ip,nw_dst=10.0.0.0/31 actions=conjunction(", true);
    expect_flow(e, "table=44, priority=200,ip,nw_dst=10.0.0.3 actions=conjunction(", true);
    assert_int_equal(count_flows(e, ",2/2)"), 2);
}

static void test_remote_nodes_come_and_go(void **state)
{
    struct engine *e = *state;
    expect_flow(e, "priority=200,tun_src=192.0.2.2,in_port=1 actions=set_field:0x1/0xf->reg0",
                true);
    assert_int_equal(count_flows(e, "nw_dst=10.0.2.0/24"), 2);
    assert_int_equal(engine_counts(e, SPACE_ROUTE).desired, 4); /* a route and a neighbour each */
    world_remove(e, TABLE_NODE, "b");
    world_settle(e);
    assert_int_equal(count_flows(e, "tun_src"), 0);
    assert_int_equal(engine_counts(e, SPACE_ROUTE).desired, 0);
}

static const char *host_value(struct engine *e, int space, const char *key, struct arena *a)
{
    size_t n;
    const struct engine_entry *v = engine_entries(e, space, a, &n);
    for (size_t i = 0; i < n; i++)
        if (v[i].key.n == strlen(key) && !memcmp(v[i].key.p, key, v[i].key.n))
            return arena_printf(a, "%.*s", (int)v[i].desired.n, (const char *)v[i].desired.p);
    return "(absent)";
}

static void test_host_rows(void **state)
{
    struct engine *e = *state;
    struct arena a;
    arena_init(&a, 0);
    struct mac m = mac_from_name("gateway", "b");
    char mac[MAC_TEXT_MAX];
    assert_string_equal(host_value(e, SPACE_ROUTE, "route 10.0.2.0/24", &a),
                        "via 10.0.2.1 dev seine-gw0");
    assert_string_equal(host_value(e, SPACE_ROUTE, "neigh fd00:2::1", &a),
                        arena_printf(&a, "lladdr %s dev seine-gw0", mac_format(&m, mac)));
    assert_string_equal(host_value(e, SPACE_HOSTNAT, "masquerade 10.0.1.0/24", &a),
                        "except 10.0.1.0/24,10.0.2.0/24 gateway seine-gw0");
    arena_done(&a);
}

static void test_netnat_has_no_exceptions_and_no_ipv6(void **state)
{
    struct engine *e = *state;
    struct arena a;
    arena_init(&a, 0);
    struct node_config *c = node_config_new("a");
    mem_free(c->platform);
    c->platform = mem_strdup("windows");
    store_put(engine_store(e), TABLE_CONFIG, "", c);
    world_settle(e);
    assert_string_equal(host_value(e, SPACE_HOSTNAT, "masquerade 10.0.1.0/24", &a),
                        "gateway seine-gw0");
    assert_string_equal(host_value(e, SPACE_HOSTNAT, "masquerade fd00:1::/64", &a), "(absent)");
    world_config(e, "a");
    world_settle(e);
    assert_string_equal(host_value(e, SPACE_HOSTNAT, "masquerade fd00:1::/64", &a),
                        "except fd00:1::/64,fd00:2::/64 gateway seine-gw0");
    arena_done(&a);
}

static void test_one_label_costs_few_derivations(void **state)
{
    struct engine *e = *state;
    char key[32];
    for (int i = 0; i < 200; i++) {
        snprintf(key, sizeof key, "shop/n%d", i);
        char ip[32];
        snprintf(ip, sizeof ip, "10.0.2.%d", 20 + i);
        world_pod(e, key, i % 2 ? "app: far" : "app: other", ip);
    }
    world_policy(e, "shop/p",
                 "podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: "
                 "{matchLabels: {app: far}}}]}]");
    world_settle(e);
    size_t before = count_flows(e, ",2/2)");
    uint64_t derivations = engine_n_derivations(e);
    world_pod(e, "shop/n0", "app: far", "10.0.2.20");
    world_settle(e);
    assert_int_equal(count_flows(e, ",2/2)"), before + 1);
    assert_true(engine_n_derivations(e) - derivations <= 3);
}

static void test_link_local_of_mac_in_discovery(void **state)
{
    assert_true(count_flows(*state, "nd_target=fe80::") > 0);
}

static void test_uplink_is_a_wire_to_the_node(void **state)
{
    struct engine *e = *state;
    auto_sbuf without = SBUF_INIT, after = SBUF_INIT;
    flows_of(e, &without);
    assert_int_equal(count_flows(e, "LOCAL"), 0);
    struct node_config *c = node_config_new("a");
    c->uplink_ofport = 77;
    store_put(engine_store(e), TABLE_CONFIG, "", c);
    world_settle(e);
    expect_flow(e, "priority=200,in_port=LOCAL actions=output:77", true);
    expect_flow(e, "priority=200,in_port=77 actions=LOCAL", true);
    assert_int_equal(count_flows(e, "77"), 2);
    assert_int_equal(count_flows(e, "LOCAL"), 2);
    world_config(e, "a");
    world_settle(e);
    flows_of(e, &after);
    assert_string_equal(without.data, after.data);
}

static void test_uplink_needs_the_configuration_alone(void **state)
{
    (void)state;
    struct engine *e = world_engine();
    struct node_config *c = node_config_new("nobody");
    c->uplink_ofport = 77;
    store_put(engine_store(e), TABLE_CONFIG, "", c);
    world_settle(e);
    assert_int_equal(count_flows(e, "LOCAL"), 2);
    world_done(e);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_every_stage_in_use_has_a_miss),
        TEST(test_empty_world_wants_nothing_at_all),
        TEST(test_pod_is_classified_and_guarded),
        TEST(test_port_that_is_not_there_yet_has_no_flows),
        TEST(test_newer_sandbox_takes_over),
        TEST(test_direct_rule_is_one_flow),
        TEST(test_isolation_by_direction),
        TEST(test_peer_and_port_are_clauses),
        TEST(test_equal_rules_of_policies_are_one),
        TEST(test_more_rules_than_a_flow_holds),
        TEST(test_named_ports),
        TEST(test_block_and_exceptions),
        TEST(test_remote_nodes_come_and_go),
        TEST(test_host_rows),
        TEST(test_netnat_has_no_exceptions_and_no_ipv6),
        TEST(test_one_label_costs_few_derivations),
        TEST(test_link_local_of_mac_in_discovery),
        TEST(test_uplink_is_a_wire_to_the_node),
        TEST(test_uplink_needs_the_configuration_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
