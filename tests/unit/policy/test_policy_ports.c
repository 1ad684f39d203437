/* SPDX-License-Identifier: Apache-2.0
 *
 * Which ports a rule means: numbers, ranges, protocols, names in both directions. */
#include <string.h>

#include "tests/support/world_builder.h"

#define PORTS(x) "containers: [{name: c, image: i, ports: [" x "]}]"

static void named_pod(struct engine *e, const char *key, const char *labels, const char *ips,
                      const char *spec)
{
    world_pod_full(e, &(struct world_pod){.key = key, .labels = labels, .ips = ips, .spec = spec});
}

/* a/s is here: http is 8080. */
static struct engine *server(void)
{
    struct engine *e = world_intents();
    named_pod(e, "a/s", "app: s", "",
              PORTS("{name: http, containerPort: 8080}, "
                    "{name: dns, containerPort: 53, protocol: UDP}"));
    world_attach_pod(e, "a/s", "10.0.0.5");
    return e;
}

static void allow_ports(struct engine *e, const char *ports)
{
    auto_sbuf spec = SBUF_INIT;
    sbuf_printf(&spec, "podSelector: {}, ingress: [{ports: [%s]}]", ports);
    world_policy(e, "a/p", spec.data);
}

static bool in(struct engine *e, uint8_t proto, uint16_t port)
{
    return world_allows(e, "192.0.2.1", "a/s", proto, port);
}

static void numbers_and_ranges_hold_at_their_ends(void **state)
{
    (void)state;
    struct engine *e = server();
    allow_ports(e, "{port: 80}, {port: 1000, endPort: 1999}, {port: 9, protocol: SCTP}");
    assert_true(in(e, TCP, 80));
    assert_false(in(e, TCP, 81));
    assert_false(in(e, UDP, 80));
    assert_true(in(e, SCTP, 9));
    assert_false(in(e, TCP, 9));
    assert_false(in(e, TCP, 999));
    assert_true(in(e, TCP, 1000));
    assert_true(in(e, TCP, 1999));
    assert_false(in(e, TCP, 2000));
    assert_false(in(e, ICMP, 0));
    world_done(e);
}

static void protocol_alone_is_all_its_ports(void **state)
{
    (void)state;
    struct engine *e = server();
    allow_ports(e, "{protocol: UDP}");
    assert_true(in(e, UDP, 0));
    assert_true(in(e, UDP, 65535));
    assert_false(in(e, TCP, 80));
    assert_false(in(e, ICMP, 0));
    world_done(e);
}

static void no_ports_is_every_protocol(void **state)
{
    (void)state;
    struct engine *e = server();
    allow_ports(e, "");
    assert_true(in(e, TCP, 1));
    assert_true(in(e, ICMP, 0));
    assert_true(in(e, 47, 0));
    world_done(e);
}

static void ingress_name_is_the_selected_pods_own(void **state)
{
    (void)state;
    struct engine *e = server();
    named_pod(e, "a/t", "app: t", "", PORTS("{name: http, containerPort: 9090}"));
    world_attach_pod(e, "a/t", "10.0.0.6");
    allow_ports(e, "{port: http}, {port: 7}");
    assert_true(in(e, TCP, 8080));
    assert_false(in(e, TCP, 9090));
    assert_true(world_allows(e, "192.0.2.1", "a/t", TCP, 9090));
    assert_false(world_allows(e, "192.0.2.1", "a/t", TCP, 8080));
    assert_true(in(e, TCP, 7));
    /* The protocol is part of the name. */
    allow_ports(e, "{port: dns}");
    assert_false(in(e, TCP, 53));
    assert_false(in(e, UDP, 53));
    allow_ports(e, "{port: dns, protocol: UDP}");
    assert_true(in(e, UDP, 53));
    /* The Pod changes its number. */
    allow_ports(e, "{port: http}");
    named_pod(e, "a/s", "app: s", "", PORTS("{name: http, containerPort: 81}"));
    assert_true(in(e, TCP, 81));
    assert_false(in(e, TCP, 8080));
    world_done(e);
}

static void name_that_nobody_has_opens_nothing(void **state)
{
    (void)state;
    struct engine *e = server();
    allow_ports(e, "{port: nope}");
    assert_false(in(e, TCP, 8080));
    assert_int_equal(world_count(e, TABLE_RULE), 0);
    assert_int_equal(world_count(e, TABLE_APPLIED), 1);
    world_done(e);
}

static void one_name_on_two_containers_is_both_numbers(void **state)
{
    (void)state;
    struct engine *e = server();
    named_pod(e, "a/s", "", "",
              "containers: [{name: c, image: i, ports: [{name: http, containerPort: 80}]}, "
              "{name: d, image: i, ports: [{name: http, containerPort: 81}]}], "
              "initContainers: [{name: e, image: i, restartPolicy: Always, "
              "ports: [{name: http, containerPort: 82}]}, "
              "{name: f, image: i, ports: [{name: http, containerPort: 83}]}]");
    allow_ports(e, "{port: http}");
    assert_true(in(e, TCP, 80));
    assert_true(in(e, TCP, 81));
    assert_true(in(e, TCP, 82));
    assert_false(in(e, TCP, 83)); /* an init container that has ended */
    world_done(e);
}

/* a/s is here; b/x has http 80, b/y http 8000, b/z none. */
static struct engine *client(const char *to)
{
    struct engine *e = server();
    auto_sbuf spec = SBUF_INIT;
    named_pod(e, "b/x", "app: x", "10.1.0.1 fd01::1", PORTS("{name: http, containerPort: 80}"));
    named_pod(e, "b/y", "app: why", "10.1.0.2", PORTS("{name: http, containerPort: 8000}"));
    world_pod(e, "b/z", "app: z", "10.1.0.3");
    sbuf_printf(&spec,
                "podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: http}]%s}]", to);
    world_policy(e, "a/p", spec.data);
    return e;
}

static bool out(struct engine *e, const char *dst, uint16_t port)
{
    return world_allows(e, "10.0.0.5", dst, TCP, port);
}

static void egress_name_to_anyone_is_each_pods_number(void **state)
{
    (void)state;
    struct engine *e = client("");
    assert_true(out(e, "10.1.0.1", 80));
    assert_false(out(e, "10.1.0.1", 8000));
    assert_true(out(e, "10.1.0.2", 8000));
    assert_false(out(e, "10.1.0.2", 80));
    assert_false(out(e, "10.1.0.3", 80));
    assert_false(out(e, "192.0.2.1", 80)); /* outside there are no named ports */
    world_done(e);
}

static void egress_name_with_selector(void **state)
{
    (void)state;
    struct engine *e = client(", to: [{namespaceSelector: {}, podSelector: "
                              "{matchLabels: {app: x}}}]");
    assert_true(out(e, "10.1.0.1", 80));
    assert_false(out(e, "10.1.0.2", 8000));
    named_pod(e, "b/x", "app: x", "10.1.0.1", PORTS("{name: http, containerPort: 443}"));
    assert_true(out(e, "10.1.0.1", 443));
    assert_false(out(e, "10.1.0.1", 80));
    world_done(e);
}

static void egress_name_with_block_is_by_address(void **state)
{
    (void)state;
    struct engine *e = client(", to: [{ipBlock: {cidr: 10.1.0.0/24, except: [10.1.0.2/32]}}]");
    assert_true(out(e, "10.1.0.1", 80));
    assert_false(out(e, "10.1.0.2", 8000)); /* excepted */
    assert_false(out(e, "10.1.0.77", 80));  /* no Pod has it */
    world_done(e);
}

static void egress_name_with_block_leaves_the_pods_other_address(void **state)
{
    (void)state;
    struct engine *e = client(", to: [{ipBlock: {cidr: 10.1.0.0/24}}]");
    world_attach(
        e, &(struct world_attachment){.container = "c-s", .pod = "a/s", .ips = "10.0.0.5 fd00::5"});
    assert_true(world_allows(e, "10.0.0.5", "10.1.0.1", TCP, 80));
    assert_false(world_allows(e, "fd00::5", "fd01::1", TCP, 80));
    assert_non_null(world_row(e, TABLE_MEMBER, "b/x 10.1.0.1"));
    assert_null(world_row(e, TABLE_MEMBER, "b/x"));
    assert_null(world_row(e, TABLE_MEMBER, "b/x fd01::1"));
    world_done(e);
}

static void names_and_numbers_stand_in_one_rule(void **state)
{
    (void)state;
    struct engine *e = client("");
    world_policy(e, "a/p",
                 "podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: http}, "
                 "{port: 22}, {port: dns, protocol: UDP}], to: [{namespaceSelector: {}}]}]");
    assert_true(out(e, "10.1.0.1", 80));
    assert_true(out(e, "10.1.0.3", 22));
    assert_false(out(e, "192.0.2.1", 22));
    assert_int_equal(world_count(e, TABLE_RULE), 3);
    world_done(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_and_ranges_hold_at_their_ends),
        cmocka_unit_test(protocol_alone_is_all_its_ports),
        cmocka_unit_test(no_ports_is_every_protocol),
        cmocka_unit_test(ingress_name_is_the_selected_pods_own),
        cmocka_unit_test(name_that_nobody_has_opens_nothing),
        cmocka_unit_test(one_name_on_two_containers_is_both_numbers),
        cmocka_unit_test(egress_name_to_anyone_is_each_pods_number),
        cmocka_unit_test(egress_name_with_selector),
        cmocka_unit_test(egress_name_with_block_is_by_address),
        cmocka_unit_test(egress_name_with_block_leaves_the_pods_other_address),
        cmocka_unit_test(names_and_numbers_stand_in_one_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
