/* SPDX-License-Identifier: Apache-2.0
 *
 * The rows: who is selected and isolated, what is shared, what a change costs. */
#include <stdio.h>
#include <string.h>

#include "tests/support/world_builder.h"

static struct engine *one_local(void)
{
    struct engine *e = world_intents();
    world_pod(e, "a/x", "app: x", "");
    world_attach_pod(e, "a/x", "10.0.0.5");
    return e;
}

static const struct intent_applied *applied(struct engine *e, const char *key)
{
    return world_row(e, TABLE_APPLIED, key);
}

static void policy_without_local_pod_leaves_nothing(void **state)
{
    (void)state;
    struct engine *e = one_local();
    world_pod(e, "b/y", "", "10.1.0.1");
    world_policy(e, "b/p", "podSelector: {}, ingress: [{from: [{podSelector: {}}]}]");
    world_policy(e, "a/p", "podSelector: {matchLabels: {app: other}}, ingress: [{}]");
    assert_int_equal(world_count(e, TABLE_RULE), 0);
    assert_int_equal(world_count(e, TABLE_SET), 0);
    assert_int_equal(world_count(e, TABLE_APPLIED), 0);
    assert_int_equal(world_count(e, TABLE_MEMBER), 0);
    world_done(e);
}

static void isolation_follows_policy_types(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        bool ingress, egress;
    } cases[] = {
        {"podSelector: {}", true, false},
        {"podSelector: {}, egress: [{}]", true, true},
        {"podSelector: {}, egress: []", true, false},
        {"podSelector: {}, policyTypes: [Egress]", false, true},
        {"podSelector: {}, policyTypes: [Ingress], egress: [{}]", true, false},
        {"podSelector: {}, policyTypes: [Ingress, Egress]", true, true},
    };
    struct engine *e = one_local();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        world_policy(e, "a/p", cases[i].spec);
        const struct intent_applied *row = applied(e, "c-x/eth0 a/p");
        assert_non_null(row);
        assert_int_equal(row->isolates[DIRECTION_INGRESS], cases[i].ingress);
        assert_int_equal(row->isolates[DIRECTION_EGRESS], cases[i].egress);
    }
    assert_string_equal(applied_policy("c-x/eth0 a/p"), "a/p");
    world_done(e);
}

static void rules_of_an_open_direction_are_not_resolved(void **state)
{
    (void)state;
    struct engine *e = one_local();
    world_policy(e, "a/p",
                 "podSelector: {}, policyTypes: [Ingress], egress: [{to: "
                 "[{podSelector: {}}]}]");
    assert_int_equal(world_count(e, TABLE_RULE), 0);
    assert_int_equal(world_count(e, TABLE_SET), 0);
    world_policy(e, "a/p",
                 "podSelector: {}, policyTypes: [Egress], ingress: [{from: "
                 "[{podSelector: {}}]}]");
    assert_int_equal(world_count(e, TABLE_RULE), 0);
    assert_int_equal(applied(e, "c-x/eth0 a/p")->n_rules, 0);
    world_done(e);
}

static void union_of_policies_decides(void **state)
{
    (void)state;
    struct engine *e = one_local();
    world_policy(e, "a/deny", "podSelector: {}");
    assert_false(world_allows(e, "192.0.2.1", "a/x", TCP, 80));
    world_policy(e, "a/open80", "podSelector: {}, ingress: [{ports: [{port: 80}]}]");
    world_policy(e, "a/open81", "podSelector: {}, ingress: [{ports: [{port: 81}]}]");
    assert_true(world_allows(e, "192.0.2.1", "a/x", TCP, 80));
    assert_true(world_allows(e, "192.0.2.1", "a/x", TCP, 81));
    assert_false(world_allows(e, "192.0.2.1", "a/x", TCP, 82));
    assert_true(world_allows(e, "a/x", "192.0.2.1", TCP, 82)); /* egress is not isolated */
    world_remove(e, TABLE_POLICY, "a/open80");
    assert_false(world_allows(e, "192.0.2.1", "a/x", TCP, 80));
    world_done(e);
}

static void equal_rules_and_sets_are_one_row(void **state)
{
    (void)state;
    struct engine *e = one_local();
    char key[16];
    for (int i = 0; i < 20; i++) {
        snprintf(key, sizeof key, "a/p%d", i);
        world_policy(e, key,
                     "podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {r: c}}}, "
                     "{ipBlock: {cidr: 192.0.2.0/24}}], ports: [{port: 80}, {port: 80}]}]");
    }
    assert_int_equal(world_count(e, TABLE_RULE), 1);
    assert_int_equal(world_count(e, TABLE_SET), 1);
    assert_int_equal(world_count(e, TABLE_APPLIED), 20);
    world_remove(e, TABLE_POLICY, "a/p3");
    assert_int_equal(world_count(e, TABLE_RULE), 1);
    for (int i = 0; i < 20; i++) {
        snprintf(key, sizeof key, "a/p%d", i);
        if (i != 3)
            world_remove(e, TABLE_POLICY, key);
    }
    assert_int_equal(world_count(e, TABLE_RULE), 0);
    assert_int_equal(world_count(e, TABLE_SET), 0);
    world_done(e);
}

static void order_of_peers_and_ports_makes_no_difference(void **state)
{
    (void)state;
    struct engine *e = one_local();
    world_policy(e, "a/p",
                 "podSelector: {}, ingress: [{from: [{podSelector: {}}, {ipBlock: {cidr: "
                 "192.0.2.0/24}}], ports: [{port: 1}, {port: 2, protocol: UDP}]}]");
    world_policy(e, "a/q",
                 "podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 192.0.2.7/24}}, "
                 "{podSelector: {}}], ports: [{port: 2, protocol: UDP}, {port: 1}]}]");
    assert_int_equal(world_count(e, TABLE_RULE), 1);
    world_done(e);
}

static void host_network_and_other_namespaces_are_not_selected(void **state)
{
    (void)state;
    struct engine *e = one_local();
    world_pod(e, "b/x", "app: x", "");
    world_attach(e, &(struct world_attachment){.container = "cb", .pod = "b/x"});
    world_policy(e, "a/p", "podSelector: {}");
    assert_non_null(applied(e, "c-x/eth0 a/p"));
    assert_null(applied(e, "cb/eth0 a/p"));
    world_pod_full(e, &(struct world_pod){.key = "a/x", .spec = "hostNetwork: true"});
    assert_null(applied(e, "c-x/eth0 a/p"));
    world_done(e);
}

static void finished_pod_stays_isolated_while_attached(void **state)
{
    (void)state;
    struct engine *e = one_local();
    world_policy(e, "a/p", "podSelector: {}");
    world_pod_full(e, &(struct world_pod){.key = "a/x", .status = "phase: Succeeded"});
    assert_non_null(applied(e, "c-x/eth0 a/p"));
    world_detach(e, "c-x");
    assert_null(applied(e, "c-x/eth0 a/p"));
    world_done(e);
}

static void only_the_newest_sandbox_is_selected(void **state)
{
    (void)state;
    struct engine *e = one_local();
    world_policy(e, "a/p", "podSelector: {}, ingress: [{}]");
    world_attach(e, &(struct world_attachment){
                        .container = "new", .pod = "a/x", .ips = "10.0.0.6", .sequence = 9});
    assert_null(applied(e, "c-x/eth0 a/p"));
    assert_non_null(applied(e, "new/eth0 a/p"));
    assert_false(world_allows(e, "192.0.2.1", "10.0.0.5", TCP, 80));
    assert_true(world_allows(e, "192.0.2.1", "10.0.0.6", TCP, 80));
    world_done(e);
}

static void other_uid_passes_nothing(void **state)
{
    (void)state;
    struct engine *e = world_intents();
    world_pod_full(e, &(struct world_pod){.key = "a/x", .meta = "uid: u1"});
    world_attach(e, &(struct world_attachment){
                        .container = "c", .pod = "a/x", .uid = "u1", .ips = "10.0.0.5"});
    assert_true(world_allows(e, "192.0.2.1", "10.0.0.5", TCP, 80));
    world_pod_full(e, &(struct world_pod){.key = "a/x", .meta = "uid: u2", .ips = "10.7.0.1"});
    assert_false(world_allows(e, "192.0.2.1", "10.0.0.5", TCP, 80));
    assert_false(world_allows(e, "10.0.0.5", "192.0.2.1", TCP, 80));
    world_done(e);
}

static void applied_rules_say_where_they_stand(void **state)
{
    (void)state;
    struct engine *e = one_local();
    world_policy(e, "a/p",
                 "podSelector: {}, policyTypes: [Ingress, Egress], "
                 "ingress: [{ports: [{port: 1}]}, {ports: [{port: 2}]}], "
                 "egress: [{ports: [{port: 3}]}]");
    const struct intent_applied *row = applied(e, "c-x/eth0 a/p");
    assert_int_equal(row->n_rules, 3);
    assert_int_equal(row->rules[0].direction, DIRECTION_INGRESS);
    assert_int_equal(row->rules[0].index, 0);
    assert_int_equal(row->rules[1].index, 1);
    assert_int_equal(row->rules[2].direction, DIRECTION_EGRESS);
    assert_int_equal(row->rules[2].index, 0);
    char key[INTENT_ID_TEXT_MAX];
    const struct intent_rule *r =
        world_row(e, TABLE_RULE, intent_id_format(&row->rules[1].rule, key));
    assert_int_equal(r->n_ports, 1);
    assert_int_equal(rule_ports(r)[0].first, 2);
    assert_true(r->anyone);
    world_done(e);
}

/* 20 local Pods, 400 remote ones in 20 namespaces, 100 policies. */
static struct engine *large(void)
{
    struct engine *e = world_intents();
    char key[32], labels[32], ip[24], spec[160];
    for (int i = 0; i < 420; i++) {
        snprintf(key, sizeof key, "n%d/p%d", i % 20, i);
        snprintf(labels, sizeof labels, "app: a%d", i % 10);
        snprintf(ip, sizeof ip, "10.3.%d.%d", i / 200, i % 200 + 1);
        world_pod(e, key, labels, ip);
        if (i < 20)
            world_attach_pod(e, key, ip);
    }
    for (int i = 0; i < 100; i++) {
        snprintf(key, sizeof key, "n%d/q%d", i % 20, i);
        snprintf(spec, sizeof spec,
                 "podSelector: {}, ingress: [{from: [{namespaceSelector: {}, podSelector: "
                 "{matchLabels: {app: a%d}}}], ports: [{port: %d}]}]",
                 i % 7, i + 1);
        world_policy(e, key, spec);
    }
    world_settle(e);
    return e;
}

static void label_of_a_remote_pod_costs_one_derivation(void **state)
{
    (void)state;
    struct engine *e = large();
    uint64_t before = engine_n_derivations(e);
    world_pod(e, "n4/p44", "app: a5", "10.3.0.45");
    world_settle(e);
    assert_int_equal(engine_n_derivations(e) - before, 1);
    world_done(e);
}

static void label_of_a_local_pod_costs_its_namespaces_policies(void **state)
{
    (void)state;
    struct engine *e = large();
    uint64_t before = engine_n_derivations(e);
    world_pod(e, "n4/p4", "app: a5", "10.3.0.5");
    world_settle(e);
    /* Its attachment, its membership (said once for Pods, once for attachments), five policies. */
    assert_int_equal(engine_n_derivations(e) - before, 8);
    world_done(e);
}

static void status_of_a_pod_in_no_set_costs_one_derivation(void **state)
{
    (void)state;
    struct engine *e = large();
    uint64_t before = engine_n_derivations(e);
    world_pod(e, "n4/p64", "app: a9", "");
    world_settle(e);
    assert_true(engine_n_derivations(e) - before <= 1);
    world_done(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(policy_without_local_pod_leaves_nothing),
        cmocka_unit_test(isolation_follows_policy_types),
        cmocka_unit_test(rules_of_an_open_direction_are_not_resolved),
        cmocka_unit_test(union_of_policies_decides),
        cmocka_unit_test(equal_rules_and_sets_are_one_row),
        cmocka_unit_test(order_of_peers_and_ports_makes_no_difference),
        cmocka_unit_test(host_network_and_other_namespaces_are_not_selected),
        cmocka_unit_test(finished_pod_stays_isolated_while_attached),
        cmocka_unit_test(only_the_newest_sandbox_is_selected),
        cmocka_unit_test(other_uid_passes_nothing),
        cmocka_unit_test(applied_rules_say_where_they_stand),
        cmocka_unit_test(label_of_a_remote_pod_costs_one_derivation),
        cmocka_unit_test(label_of_a_local_pod_costs_its_namespaces_policies),
        cmocka_unit_test(status_of_a_pod_in_no_set_costs_one_derivation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
