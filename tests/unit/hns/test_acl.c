/* SPDX-License-Identifier: Apache-2.0
 *
 * NetworkPolicies to access lists, one form after the other. */
#include <stdio.h>
#include <string.h>

#include "core/pipeline/world.h"
#include "hns/acl.h"
#include "tests/unit/hns/lists.h"

static const char own_in[] = "a/web In 100 Allow * 10.1.0.1/32,10.1.0.10/32,192.0.2.1/32 *";

/* web of namespace a, with a peer of the same namespace. */
static struct engine *two_pods(uint32_t major, uint32_t minor)
{
    struct engine *e = lists_world(major, minor);
    lists_pod(e, "a/web", "app: web", "10.1.0.10 fd00:1::a");
    world_pod(e, "a/db", "app: db", "10.2.0.11 fd00:2::b");
    return e;
}

/* ---- isolation ---- */

static void a_pod_that_nothing_isolates_is_allowed_explicitly(void **state)
{
    (void)state;
    struct engine *e = two_pods(11, 10);
    expect_rule(e, "a/web In 65000 Allow * * *");
    expect_rule(e, "a/web Out 65000 Allow * * *");
    expect_rules(e, "a/web", "In", 1);
    expect_rules(e, "a/web", "Out", 1);
    expect_rules(e, "a/db", "In", 0); /* not attached here */
    expect_unsaid(e, "");
    world_done(e);
}

static void each_direction_is_isolated_by_itself(void **state)
{
    (void)state;
    struct engine *e = two_pods(11, 10);
    world_policy(e, "a/p", "podSelector: {}, policyTypes: [Ingress]");
    expect_rule(e, "a/web In 65000 Block * * *");
    expect_rule(e, "a/web Out 65000 Allow * * *");
    world_policy(e, "a/p", "podSelector: {}, policyTypes: [Egress]");
    expect_rule(e, "a/web In 65000 Allow * * *");
    expect_rule(e, "a/web Out 65000 Block * * *");
    world_remove(e, TABLE_POLICY, "a/p");
    expect_rule(e, "a/web Out 65000 Allow * * *");
    world_done(e);
}

static void the_node_and_the_pod_itself_are_always_allowed(void **state)
{
    (void)state;
    struct engine *e = two_pods(11, 10);
    world_policy(e, "a/p", "podSelector: {}, policyTypes: [Ingress, Egress]");
    expect_rule(e, own_in);
    expect_rule(e, "a/web In 100 Allow * 2001:db8::1/128,fd00:1::1/128,fd00:1::a/128 *");
    expect_rule(e, "a/web Out 100 Allow * 10.1.0.10/32 *");
    expect_rule(e, "a/web Out 100 Allow * fd00:1::a/128 *");
    expect_rules(e, "a/web", "In", 3);
    expect_rules(e, "a/web", "Out", 3);
    world_done(e);
}

static void an_attachment_that_does_not_hold_is_blocked(void **state)
{
    (void)state;
    struct engine *e = lists_world(11, 10);
    world_attach(e,
                 &(struct world_attachment){.container = "c1", .pod = "a/gone", .ips = "10.1.0.9"});
    expect_rule(e, "a/gone In 65500 Block * * *");
    expect_rule(e, "a/gone Out 65500 Block * * *");
    expect_rules(e, "a/gone", "In", 1);
    world_pod(e, "a/gone", "", "10.1.0.9");
    expect_rule(e, "a/gone In 65000 Allow * * *");
    world_done(e);
}

static void a_newer_sandbox_holds_and_the_old_one_is_blocked(void **state)
{
    (void)state;
    struct engine *e = lists_world(11, 10);
    world_pod(e, "a/p", "", "10.1.0.9");
    world_attach(e, &(struct world_attachment){
                        .container = "c1", .pod = "a/p", .ips = "10.1.0.8", .sequence = 1});
    world_attach(e, &(struct world_attachment){
                        .container = "c2", .pod = "a/p", .ips = "10.1.0.9", .sequence = 2});
    expect_rule(e, "a/p In 65000 Allow * * *"); /* of c2: it decides where both are looked at */
    expect_rule(e, "a/p In 65500 Block * * *"); /* of c1 */
    expect_rules(e, "a/p", "In", 2);
    world_done(e);
}

/* ---- peers ---- */

static void selectors_become_addresses_of_each_family(void **state)
{
    (void)state;
    struct engine *e = two_pods(11, 10);
    world_policy(e, "a/p",
                 "podSelector: {matchLabels: {app: web}}, ingress: [{from: "
                 "[{podSelector: {matchLabels: {app: db}}}]}]");
    expect_rule(e, "a/web In 1000 Allow * 10.2.0.11/32 *");
    expect_rule(e, "a/web In 1000 Allow * fd00:2::b/128 *");
    world_pod(e, "a/db2", "app: db", "10.2.0.10");
    expect_rule(e, "a/web In 1000 Allow * 10.2.0.10/31 *"); /* joined with its neighbour */
    world_remove(e, TABLE_POD, "a/db");
    expect_rule(e, "a/web In 1000 Allow * 10.2.0.10/32 *");
    expect_rules(e, "a/web", "In", 4);
    world_done(e);
}

static void a_peer_that_nobody_is_allows_nobody(void **state)
{
    (void)state;
    struct engine *e = two_pods(11, 10);
    world_policy(e, "a/p",
                 "podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: "
                 "{app: none}}}]}]");
    expect_rules(e, "a/web", "In", 3); /* own addresses of both families, base */
    world_done(e);
}

static void exceptions_are_taken_out_of_the_block(void **state)
{
    (void)state;
    struct engine *e = two_pods(11, 10);
    world_policy(e, "a/p",
                 "podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: "
                 "{cidr: 10.0.0.0/8, except: [10.128.0.0/9, 10.64.0.0/10]}}, "
                 "{ipBlock: {cidr: 10.1.2.0/24}}]}]");
    expect_rule(e, "a/web Out 1000 Allow * 10.0.0.0/10 *"); /* the second block is inside */
    world_done(e);
}

static void everyone_is_an_empty_list(void **state)
{
    (void)state;
    struct engine *e = two_pods(11, 10);
    world_policy(e, "a/p", "podSelector: {}, ingress: [{}]");
    world_policy(e, "a/q", "podSelector: {}, ingress: [{ports: [{port: 80}]}]");
    expect_rule(e, "a/web In 1000 Allow * * *");
    expect_rules(e, "a/web", "In", 4); /* all is allowed: the port says nothing more */
    world_done(e);
}

/* ---- ports ---- */

static void ports_are_ranges_by_protocol(void **state)
{
    (void)state;
    struct engine *e = two_pods(11, 10);
    world_policy(e, "a/p",
                 "podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{ports: [{port: 80}, "
                 "{port: 8080, endPort: 8089}, {port: 8090}, {protocol: UDP}]}], "
                 "egress: [{ports: [{port: 53, protocol: UDP}, {port: 53}]}]");
    expect_rule(e, "a/web In 1000 Allow 6 * 80,8080-8090");
    expect_rule(e, "a/web In 1000 Allow 17 * *");
    expect_rule(e, "a/web Out 1000 Allow 17 * 53");
    expect_rule(e, "a/web Out 1000 Allow 6 * 53");
    world_done(e);
}

static void equal_ports_of_several_policies_are_one_rule(void **state)
{
    (void)state;
    struct engine *e = two_pods(11, 10);
    world_policy(e, "a/p",
                 "podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 198.51.100.0/25}}], "
                 "ports: [{port: 80}]}]");
    world_policy(e, "a/q",
                 "podSelector: {}, ingress: [{from: [{ipBlock: {cidr: "
                 "198.51.100.128/25}}], ports: [{port: 80}]}]");
    expect_rule(e, "a/web In 1000 Allow 6 198.51.100.0/24 80");
    expect_rules(e, "a/web", "In", 4);
    world_done(e);
}

static void ingress_names_are_the_numbers_of_the_pod(void **state)
{
    (void)state;
    struct engine *e = two_pods(11, 10);
    world_pod_full(e, &(struct world_pod){.key = "a/web",
                                          .labels = "app: web",
                                          .ips = "10.1.0.10 fd00:1::a",
                                          .spec = "containers: [{name: c, image: i, ports: [{name: "
                                                  "http, containerPort: 8080}]}]"});
    world_policy(e, "a/p", "podSelector: {}, ingress: [{ports: [{port: http}, {port: none}]}]");
    expect_rule(e, "a/web In 1000 Allow 6 * 8080");
    expect_rules(e, "a/web", "In", 4);
    world_done(e);
}

static void egress_names_are_the_numbers_of_each_peer(void **state)
{
    (void)state;
    struct engine *e = two_pods(11, 10);
    for (unsigned i = 1; i <= 2; i++) {
        char key[16], ips[16], spec[96];
        snprintf(key, sizeof key, "a/s%u", i);
        snprintf(ips, sizeof ips, "10.3.0.%u", i);
        snprintf(spec, sizeof spec,
                 "containers: [{name: c, image: i, ports: [{name: http, containerPort: %u}]}]",
                 8000 + i);
        world_pod_full(e, &(struct world_pod){.key = key, .ips = ips, .spec = spec});
    }
    world_policy(e, "a/p",
                 "podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: http}]}]");
    expect_rule(e, "a/web Out 1000 Allow 6 10.3.0.1/32 8001");
    expect_rule(e, "a/web Out 1000 Allow 6 10.3.0.2/32 8002");
    world_done(e);
}

/* ---- what cannot be said ---- */

static void sctp_stays_blocked_and_is_named(void **state)
{
    (void)state;
    struct engine *e = two_pods(11, 10);
    world_policy(e, "a/p",
                 "podSelector: {}, ingress: [{ports: [{port: 80, protocol: SCTP}, "
                 "{port: 81}]}]");
    expect_rule(e, "a/web In 1000 Allow 6 * 81");
    expect_rules(e, "a/web", "In", 4);
    expect_unsaid(e, "policy a/p: SCTP: an access list cannot name it, so it stays blocked\n");
    world_remove(e, TABLE_POLICY, "a/p");
    expect_unsaid(e, "");
    world_done(e);
}

static void every_policy_that_says_it_is_named(void **state)
{
    (void)state;
    struct engine *e = two_pods(11, 10);
    world_policy(e, "a/p", "podSelector: {}, ingress: [{ports: [{port: 80, protocol: SCTP}]}]");
    world_policy(e, "a/q", "podSelector: {}, ingress: [{ports: [{port: 80, protocol: SCTP}]}]");
    expect_unsaid(e, "policy a/p: SCTP: an access list cannot name it, so it stays blocked\n"
                     "policy a/q: SCTP: an access list cannot name it, so it stays blocked\n");
    world_done(e);
}

static void ipv6_needs_its_version(void **state)
{
    (void)state;
    struct engine *e = two_pods(11, 9);
    world_policy(e, "a/p", "podSelector: {}, ingress: [{from: [{podSelector: {}}]}]");
    world_policy(e, "a/q", "podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}]");
    expect_rule(e, own_in);
    expect_rule(e, "a/web In 1000 Allow * 10.0.0.0/8 *");
    expect_rules(e, "a/web", "In", 3);
    expect_unsaid(e, "node n1: IPv6: its own addresses and its Pods' stay blocked where a policy "
                     "isolates: IPv6DualStack needs HNS 11.10+, this is 11.9\n"
                     "policy a/p: IPv6: its peers stay blocked: IPv6DualStack needs HNS 11.10+, "
                     "this is 11.9\n");
    world_done(e);
}

static void what_a_list_cannot_hold_stays_blocked(void **state)
{
    (void)state;
    struct engine *e = two_pods(11, 10);
    auto_sbuf spec = SBUF_INIT;
    sbuf_puts(&spec, "podSelector: {}, ingress: [{ports: [");
    for (unsigned i = 0; i <= ACL_MAX_PORT_RANGES; i++)
        sbuf_printf(&spec, "%s{port: %u}", i ? ", " : "", 2 * i + 1);
    sbuf_puts(&spec, "]}, {ports: [{port: 9}]}]");
    world_policy(e, "a/p", spec.data);
    expect_rule(e, "a/web In 1000 Allow 6 * 9");
    expect_rules(e, "a/web", "In", 4);
    expect_unsaid(e, "policy a/p: more than 1000 ranges of ports in one rule, so they stay "
                     "blocked\n");
    world_done(e);
}

/* One rule a port. */
static void put_ports(struct engine *e, const char *key, unsigned from, unsigned to)
{
    auto_sbuf spec = SBUF_INIT;
    sbuf_puts(&spec, "podSelector: {}, ingress: [");
    for (unsigned i = from; i < to; i++)
        sbuf_printf(&spec, "%s{ports: [{port: %u}]}", i > from ? ", " : "", i);
    sbuf_puts(&spec, "]");
    world_policy(e, key, spec.data);
}

static void what_goes_over_the_limit_is_named_and_nothing_else(void **state)
{
    (void)state;
    struct engine *e = two_pods(11, 10);
    put_ports(e, "a/p", 1, 601);
    put_ports(e, "a/q", 1001, 1601);
    put_ports(e, "a/r", 1, 601); /* says nothing that p does not */
    expect_rules(e, "a/web", "In", 3 + ACL_MAX_TERMS);
    expect_rule(e, "a/web In 1000 Allow 6 * 1400");
    expect_unsaid(e, "policy a/q: a list would have more than 65536 addresses or 1000 combinations "
                     "of ports, so what does not fit stays blocked\n");
    world_remove(e, TABLE_POLICY, "a/p");
    expect_unsaid(e, "policy a/r: a list would have more than 65536 addresses or 1000 combinations "
                     "of ports, so what does not fit stays blocked\n");
    world_done(e);
}

static void equal_ports_count_once(void **state)
{
    (void)state;
    struct engine *e = two_pods(11, 10);
    auto_sbuf spec = SBUF_INIT;
    sbuf_puts(&spec, "podSelector: {}, ingress: [");
    for (unsigned i = 0; i < ACL_MAX_TERMS + 200; i++)
        sbuf_printf(&spec, "%s{from: [{ipBlock: {cidr: 172.%u.%u.0/24}}], ports: [{port: 80}]}",
                    i ? ", " : "", 16 + i / 128, i % 128 * 2);
    sbuf_puts(&spec, "]");
    world_policy(e, "a/p", spec.data);
    expect_rules(e, "a/web", "In", 3 + 2); /* more addresses than one rule holds */
    expect_unsaid(e, "");
    world_done(e);
}

/* Blocks that no other block is beside: nothing of them can be joined. */
static void put_blocks(struct engine *e, const char *key, unsigned from, unsigned to)
{
    auto_sbuf spec = SBUF_INIT;
    sbuf_puts(&spec, "podSelector: {}, ingress: [{from: [");
    for (unsigned i = from; i < to; i++)
        sbuf_printf(&spec, "%s{ipBlock: {cidr: 172.%u.%u.0/24}}", i > from ? ", " : "",
                    16 + i / 128, i % 128 * 2);
    sbuf_puts(&spec, "]}]");
    world_policy(e, key, spec.data);
}

static void a_long_list_is_several_rules_of_one_priority(void **state)
{
    (void)state;
    struct engine *e = two_pods(11, 10);
    put_blocks(e, "a/p", 0, 2 * ACL_MAX_IN_RULE + 1);
    expect_rules(e, "a/web", "In", 3 + 3);
    expect_rule(e, "a/web In 1000 Allow * 172.31.160.0/24 *"); /* the last one, alone */
    expect_unsaid(e, "");
    world_done(e);
}

static void a_policy_that_splits_too_far_is_named(void **state)
{
    (void)state;
    struct engine *e = two_pods(11, 10);
    auto_sbuf spec = SBUF_INIT;
    sbuf_puts(&spec, "podSelector: {}, ingress: [{from: [{ipBlock: {cidr: \"fd00::/8\", except: [");
    for (unsigned i = 0; i < 64; i++)
        sbuf_printf(&spec, "%s\"fd%02x::1/128\"", i ? ", " : "", 4 * i);
    sbuf_puts(&spec, "]}}]}]");
    world_policy(e, "a/p", spec.data);
    expect_rules(e, "a/web", "In", 3);
    expect_unsaid(e, "policy a/p: ipBlock fd00::/8: its exceptions split it into more than 4096 "
                     "parts\n");
    world_done(e);
}

/* ---- sets ---- */

static void members_are_in_sets_where_the_version_has_them(void **state)
{
    (void)state;
    struct engine *e = two_pods(13, 0);
    world_policy(e, "a/p",
                 "podSelector: {matchLabels: {app: web}}, ingress: [{from: "
                 "[{podSelector: {matchLabels: {app: db}}}]}]");
    world_settle(e);
    auto_sbuf before = SBUF_INIT, after = SBUF_INIT;
    acl_print(e, false, &before);
    assert_non_null(strstr(before.data, "\"Values\":\"10.2.0.11/32\""));
    assert_non_null(strstr(before.data, "\"Values\":\"fd00:2::b/128\""));
    world_pod(e, "a/db2", "app: db", "10.9.0.1");
    world_settle(e);
    acl_print(e, false, &after);
    assert_non_null(strstr(after.data, "\"Values\":\"10.2.0.11/32,10.9.0.1/32\""));
    /* The lists stay as they are: only a set changed. */
    size_t lists = (size_t)(strstr(before.data, "# sets") - before.data);
    assert_memory_equal(before.data, after.data, lists);
    world_done(e);
}

static void an_empty_set_is_neither_named_nor_there(void **state)
{
    (void)state;
    struct engine *e = two_pods(13, 0);
    world_policy(e, "a/p",
                 "podSelector: {matchLabels: {app: web}}, ingress: [{from: "
                 "[{podSelector: {matchLabels: {app: none}}}]}]");
    expect_rules(e, "a/web", "In", 3);
    assert_int_equal(engine_counts(e, SPACE_ACL_SET).desired, 0);
    world_pod(e, "a/now", "app: none", "10.9.0.1");
    expect_rules(e, "a/web", "In", 4);
    assert_int_equal(engine_counts(e, SPACE_ACL_SET).desired, 1);
    world_done(e);
}

/* ---- both worlds ---- */

static void a_world_has_one_data_plane(void **state)
{
    (void)state;
    struct engine *acl = two_pods(11, 10), *ovs = world_engine();
    world_config(ovs, "n1");
    lists_pod(ovs, "a/web", "app: web", "10.1.0.10");
    world_settle(acl);
    world_settle(ovs);
    assert_int_equal(engine_counts(acl, SPACE_FLOW).desired, 0);
    assert_int_equal(engine_counts(acl, SPACE_ACL).desired, 1);
    assert_true(engine_counts(ovs, SPACE_FLOW).desired > 0);
    assert_int_equal(engine_counts(ovs, SPACE_ACL).desired, 0);
    world_done(acl);
    world_done(ovs);
}

static void the_systems_side_is_printed_apart(void **state)
{
    (void)state;
    struct engine *e = two_pods(11, 10);
    auto_sbuf desired = SBUF_INIT, installed = SBUF_INIT;
    world_settle(e);
    acl_print(e, true, &installed);
    assert_string_equal(installed.data, "# acls\n");
    engine_dump_begin(e, SPACE_ACL);
    engine_dump_end(e, SPACE_ACL);
    assert_int_equal(engine_plan(e, SPACE_ACL)->n, 1);
    engine_plan_done(e, SPACE_ACL);
    sbuf_clear(&installed);
    acl_print(e, true, &installed);
    acl_print(e, false, &desired);
    assert_string_equal(installed.data, desired.data);
    world_done(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pod_that_nothing_isolates_is_allowed_explicitly),
        cmocka_unit_test(each_direction_is_isolated_by_itself),
        cmocka_unit_test(the_node_and_the_pod_itself_are_always_allowed),
        cmocka_unit_test(an_attachment_that_does_not_hold_is_blocked),
        cmocka_unit_test(a_newer_sandbox_holds_and_the_old_one_is_blocked),
        cmocka_unit_test(selectors_become_addresses_of_each_family),
        cmocka_unit_test(a_peer_that_nobody_is_allows_nobody),
        cmocka_unit_test(exceptions_are_taken_out_of_the_block),
        cmocka_unit_test(everyone_is_an_empty_list),
        cmocka_unit_test(ports_are_ranges_by_protocol),
        cmocka_unit_test(equal_ports_of_several_policies_are_one_rule),
        cmocka_unit_test(ingress_names_are_the_numbers_of_the_pod),
        cmocka_unit_test(egress_names_are_the_numbers_of_each_peer),
        cmocka_unit_test(sctp_stays_blocked_and_is_named),
        cmocka_unit_test(every_policy_that_says_it_is_named),
        cmocka_unit_test(ipv6_needs_its_version),
        cmocka_unit_test(what_a_list_cannot_hold_stays_blocked),
        cmocka_unit_test(what_goes_over_the_limit_is_named_and_nothing_else),
        cmocka_unit_test(equal_ports_count_once),
        cmocka_unit_test(a_long_list_is_several_rules_of_one_priority),
        cmocka_unit_test(a_policy_that_splits_too_far_is_named),
        cmocka_unit_test(members_are_in_sets_where_the_version_has_them),
        cmocka_unit_test(an_empty_set_is_neither_named_nor_there),
        cmocka_unit_test(a_world_has_one_data_plane),
        cmocka_unit_test(the_systems_side_is_printed_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
