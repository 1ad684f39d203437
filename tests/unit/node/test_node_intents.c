/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "tests/support/world_builder.h"

static void assert_ip(const struct ip *ip, const char *expected)
{
    char text[IP_TEXT_MAX];
    assert_string_equal(ip_format(ip, text), expected);
}

static void assert_prefix(const struct prefix *p, const char *expected)
{
    char text[PREFIX_TEXT_MAX];
    assert_string_equal(prefix_format(p, text), expected);
}

static struct engine *with_node(const char *cidrs, const char *ips)
{
    struct engine *e = world_intents();
    world_config(e, "n0");
    world_node(e, "n0", cidrs, ips);
    return e;
}

static void self_takes_first_cidr_of_each_family(void **state)
{
    (void)state;
    struct engine *e = with_node("fd00:1::/64 10.1.0.0/24", "192.168.0.1 fd01::1");
    const struct intent_self *self = world_row(e, TABLE_SELF, "");
    assert_non_null(self);
    assert_int_equal(self->n_cidrs, 2);
    assert_prefix(&self->cidrs[0], "10.1.0.0/24");
    assert_prefix(&self->cidrs[1], "fd00:1::/64");
    assert_int_equal(self->n_gateways, 2);
    assert_ip(&self->gateways[0], "10.1.0.1");
    assert_ip(&self->gateways[1], "fd00:1::1");
    assert_int_equal(self->n_node_ips, 2);
    assert_ip(&self->node_ips[1], "fd01::1");
    world_done(e);
}

static void self_waits_for_node_and_cidr(void **state)
{
    (void)state;
    struct engine *e = world_intents();
    assert_null(world_row(e, TABLE_SELF, ""));
    world_node(e, "n0", "", "192.168.0.1");
    world_config(e, "n0");
    assert_null(world_row(e, TABLE_SELF, ""));
    world_node(e, "n0", "10.1.0.0/24", "192.168.0.1");
    assert_non_null(world_row(e, TABLE_SELF, ""));
    world_remove(e, TABLE_NODE, "n0");
    assert_null(world_row(e, TABLE_SELF, ""));
    world_done(e);
}

static void self_follows_a_changed_cidr(void **state)
{
    (void)state;
    struct engine *e = with_node("10.1.0.0/24", "192.168.0.1");
    assert_non_null(world_row(e, TABLE_SELF, ""));
    world_node(e, "n0", "10.9.0.0/24", "192.168.0.1");
    const struct intent_self *self = world_row(e, TABLE_SELF, "");
    assert_int_equal(self->n_cidrs, 1);
    assert_ip(&self->gateways[0], "10.9.0.1");
    world_done(e);
}

static void former_cidrs_last_as_long_as_a_pod_has_one(void **state)
{
    (void)state;
    struct engine *e = with_node("10.1.0.0/24", "192.168.0.1");
    world_attach(e, &(struct world_attachment){
                        .container = "a", .pod = "d/a", .ips = "10.1.0.5", .subnet_len = 24});
    world_attach(e, &(struct world_attachment){
                        .container = "b", .pod = "d/b", .ips = "10.1.0.6", .subnet_len = 24});
    world_attach(e, &(struct world_attachment){.container = "c", .pod = "d/c", .ips = "10.4.0.6"});
    const struct intent_self *self = world_row(e, TABLE_SELF, "");
    assert_int_equal(self->n_cidrs, 1);
    world_node(e, "n0", "10.9.0.0/24", "192.168.0.1");
    world_attach(e, &(struct world_attachment){
                        .container = "n", .pod = "d/n", .ips = "10.9.0.2", .subnet_len = 24});
    world_attach(e, &(struct world_attachment){
                        .container = "o", .pod = "d/o", .ips = "10.0.8.2", .subnet_len = 22});
    self = world_row(e, TABLE_SELF, "");
    assert_int_equal(self->n_cidrs, 3);
    assert_int_equal(self->n_gateways, 3);
    assert_prefix(&self->cidrs[0], "10.9.0.0/24");
    assert_prefix(&self->cidrs[1], "10.0.8.0/22");
    assert_prefix(&self->cidrs[2], "10.1.0.0/24");
    assert_ip(&self->gateways[1], "10.0.8.1");
    assert_ip(&self->gateways[2], "10.1.0.1");
    world_detach(e, "a");
    self = world_row(e, TABLE_SELF, "");
    assert_int_equal(self->n_cidrs, 3);
    world_node(e, "n0", "", "192.168.0.1");
    self = world_row(e, TABLE_SELF, "");
    assert_int_equal(self->n_cidrs, 3);
    assert_prefix(&self->cidrs[2], "10.9.0.0/24");
    world_node(e, "n0", "10.9.0.0/24", "192.168.0.1");
    world_detach(e, "b");
    world_detach(e, "o");
    self = world_row(e, TABLE_SELF, "");
    assert_int_equal(self->n_cidrs, 1);
    world_done(e);
}

static void remote_is_every_node_but_this(void **state)
{
    (void)state;
    struct engine *e = with_node("10.1.0.0/24", "192.168.0.1");
    world_node(e, "n1", "10.2.0.0/24 fd00:2::/64", "192.168.0.2");
    assert_null(world_row(e, TABLE_REMOTE, "n0"));
    const struct intent_remote *r = world_row(e, TABLE_REMOTE, "n1");
    assert_non_null(r);
    assert_int_equal(r->n_cidrs, 2);
    assert_prefix(&r->cidrs[1], "fd00:2::/64");
    assert_ip(&r->gateways[0], "10.2.0.1");
    assert_ip(&r->gateways[1], "fd00:2::1");
    assert_ip(&r->tunnel, "192.168.0.2");
    struct mac mac = mac_from_name("gateway", "n1");
    assert_memory_equal(&r->gateway_mac, &mac, sizeof mac);
    world_remove(e, TABLE_NODE, "n1");
    assert_null(world_row(e, TABLE_REMOTE, "n1"));
    world_done(e);
}

static void tunnel_takes_a_family_that_both_have(void **state)
{
    (void)state;
    struct engine *e = with_node("10.1.0.0/24", "fd01::1");
    world_node(e, "n1", "10.2.0.0/24", "192.168.0.2 fd01::2");
    assert_ip(&((const struct intent_remote *)world_row(e, TABLE_REMOTE, "n1"))->tunnel, "fd01::2");
    /* This node gets an IPv4 address too: IPv4 comes first. */
    world_node(e, "n0", "10.1.0.0/24", "fd01::1 192.168.0.1");
    assert_ip(&((const struct intent_remote *)world_row(e, TABLE_REMOTE, "n1"))->tunnel,
              "192.168.0.2");
    world_done(e);
}

static void node_without_common_family_is_told(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 0);
    struct engine *e = with_node("10.1.0.0/24", "192.168.0.1");
    world_node(e, "n1", "10.2.0.0/24", "fd01::2");
    const struct intent_remote *r = world_row(e, TABLE_REMOTE, "n1");
    assert_int_equal(r->tunnel.family, 0);
    assert_non_null(strstr(world_failure(e, "remote", "n1", &a), "InternalIP"));
    world_node(e, "n1", "10.2.0.0/24", "192.168.0.2");
    world_settle(e);
    assert_null(world_failure(e, "remote", "n1", &a));
    arena_done(&a);
    world_done(e);
}

static void remote_without_cidr_has_no_row(void **state)
{
    (void)state;
    struct engine *e = with_node("10.1.0.0/24", "192.168.0.1");
    world_node(e, "n1", "", "192.168.0.2");
    assert_null(world_row(e, TABLE_REMOTE, "n1"));
    world_done(e);
}

static void change_of_one_node_derives_that_node(void **state)
{
    (void)state;
    struct engine *e = with_node("10.1.0.0/24", "192.168.0.1");
    char name[8], cidr[24];
    for (int i = 1; i < 50; i++) {
        snprintf(name, sizeof name, "n%d", i);
        snprintf(cidr, sizeof cidr, "10.2.%d.0/24", i);
        world_node(e, name, cidr, "192.168.0.9");
    }
    world_settle(e);
    uint64_t before = engine_n_derivations(e);
    world_node(e, "n7", "10.2.7.0/24", "192.168.0.10");
    world_settle(e);
    assert_int_equal(engine_n_derivations(e) - before, 1);
    world_done(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(self_takes_first_cidr_of_each_family),
        cmocka_unit_test(self_waits_for_node_and_cidr),
        cmocka_unit_test(self_follows_a_changed_cidr),
        cmocka_unit_test(former_cidrs_last_as_long_as_a_pod_has_one),
        cmocka_unit_test(remote_is_every_node_but_this),
        cmocka_unit_test(tunnel_takes_a_family_that_both_have),
        cmocka_unit_test(node_without_common_family_is_told),
        cmocka_unit_test(remote_without_cidr_has_no_row),
        cmocka_unit_test(change_of_one_node_derives_that_node),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
