/* SPDX-License-Identifier: Apache-2.0
 *
 * ADD, from every side: what it does in which order, what it waits for, and that each way to fail
 * leaves nothing behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/cni/world.h"

#define SHOP "K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web;K8S_POD_UID=u1"

static int setup(void **state)
{
    *state = world_new();
    return 0;
}

static int teardown(void **state)
{
    world_free(*state);
    return 0;
}

static void acts_come_in_the_promised_order(void **state)
{
    struct world *w = *state;
    w->hold_acks = true;
    world_send(w, "ADD", "c1", "", "");
    world_pump(w);
    assert_string_equal(w->trace.data, "create port_add row ");
    assert_int_equal(w->n_replies, 0);
    attach_flows_changed(w->a, w->revision - 1);
    assert_int_equal(w->n_replies, 0);
    attach_flows_changed(w->a, w->revision);
    assert_string_equal(w->trace.data, "create port_add row reply ");
    world_expect(w, 0,
                 "\"ips\":[{\"interface\":1,\"address\":\"10.9.0.2/24\",\"gateway\":"
                 "\"10.9.0.1\"}]");
    world_expect(w, 0, "\"sandbox\":\"/run/netns/x\"");
    world_expect_counts(w, 1);
}

static void record_holds_all_that_is_known(void **state)
{
    struct world *w = *state;
    world_know_pod(w, "shop/web/u1");
    world_set_families(w, "10.9.0.0/24", "fd09::/64");
    world_ask(w, "ADD", "c1", SHOP, "");
    world_expect(w, 0, "fd09::2/64");
    const struct world_port *p = world_port_of(w, "c1");
    assert_non_null(p);
    static const char *const ids[][2] = {
        {"seine.container-id", "c1"},
        {"seine.ifname", "eth0"},
        {"seine.netns", "/run/netns/x"},
        {"seine.pod-namespace", "shop"},
        {"seine.pod-name", "web"},
        {"seine.pod-uid", "u1"},
        {"seine.ips", "10.9.0.2,fd09::2"},
        {"seine.network", "seine"},
        {"seine.mtu", "1450"},
        {"seine.subnets", "10.9.0.0/24,fd09::/64"},
    };
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        assert_string_equal(world_id(p, ids[i][0]), ids[i][1]);
    }
    assert_int_equal(strncmp(p->name, "web-", 4), 0);
    assert_int_equal(strlen(p->name), 11);
}

static void interface_names_begin_with_a_letter_and_differ(void **state)
{
    struct world *w = *state;
    static const char *const names[][2] = {
        {"0day", "p0day-"}, {"a.very.long.pod.name", "averylo-"}, {"...", "p-"}};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char args[128], container[8], pod[64];
        snprintf(args, sizeof args, "K8S_POD_NAMESPACE=shop;K8S_POD_NAME=%s", names[i][0]);
        snprintf(container, sizeof container, "n%zu", i);
        snprintf(pod, sizeof pod, "shop/%s/u", names[i][0]);
        world_know_pod(w, pod);
        world_ask(w, "ADD", container, args, "");
        const struct world_port *p = world_port_of(w, container);
        assert_int_equal(strncmp(p->name, names[i][1], strlen(names[i][1])), 0);
        assert_true(strlen(p->name) <= 15);
    }
}

static void node_tells_mtu_and_datapath(void **state)
{
    struct world *w = *state;
    w->node.mtu = 1400;
    w->node.userspace_datapath = true;
    world_ask(w, "ADD", "c1", "", "");
    assert_int_equal(w->created.mtu, 1400);
    assert_true(w->created.userspace_datapath);
    assert_int_equal(w->created.n_addresses, 1);
}

static void repeated_add_is_the_same_add(void **state)
{
    struct world *w = *state;
    char first[2048];
    world_ask(w, "ADD", "c1", "", "");
    snprintf(first, sizeof first, "%s", w->replies[0].body);
    sbuf_clear(&w->trace);
    world_ask(w, "ADD", "c1", "", "");
    assert_string_equal(w->replies[1].body, first);
    assert_null(strstr(w->trace.data, "create"));
    assert_null(strstr(w->trace.data, "port_add"));
    world_expect_counts(w, 1);
}

static void failed_repetition_leaves_what_stands(void **state)
{
    struct world *w = *state;
    world_ask(w, "ADD", "c1", "", "");
    w->missing_netns = "/run/netns/x";
    world_ask(w, "ADD", "c1", "", "");
    world_expect(w, 4, "/run/netns/x");
    world_expect_counts(w, 1);
    w->missing_netns = NULL;
    w->hold_acks = true;
    w->revision++;
    world_send(w, "ADD", "c1", "", "");
    world_sleep(w, WORLD_TIMEOUT_MS);
    world_expect(w, 11, "not acknowledged");
    world_expect_counts(w, 1);
}

static void lost_interface_is_made_anew(void **state)
{
    struct world *w = *state;
    world_ask(w, "ADD", "c1", "", "");
    w->n_interfaces = 0;
    world_ask(w, "ADD", "c1", "", "");
    world_expect(w, 0, "10.9.0.");
    world_expect_counts(w, 1);
}

static void interface_that_cannot_be_read_is_not_taken_for_lost(void **state)
{
    struct world *w = *state;
    world_ask(w, "ADD", "c1", "", "");
    sbuf_clear(&w->trace);
    w->exists_rc = ERR_AGAIN;
    world_ask(w, "ADD", "c1", "", "");
    world_expect(w, 11, "told to fail");
    assert_string_equal(w->trace.data, "reply ");
    world_restart(w, true);
    world_expect_counts(w, 1);
}

static void pod_object_is_waited_for(void **state)
{
    struct world *w = *state;
    world_send(w, "ADD", "c1", SHOP, "");
    world_sleep(w, WORLD_TIMEOUT_MS - 1);
    assert_int_equal(w->n_replies, 0);
    world_know_pod(w, "shop/web/u1");
    world_expect(w, 0, "10.9.0.2");
    world_expect_counts(w, 1);
}

static void missing_pod_object_is_try_again_and_leaves_nothing(void **state)
{
    struct world *w = *state;
    world_send(w, "ADD", "c1", SHOP, "");
    world_sleep(w, WORLD_TIMEOUT_MS);
    world_expect(w, 11, "shop/web");
    world_expect(w, 11, "the reason"); /* names the bad file, if that is why */
    world_expect_counts(w, 0);
    world_know_pod(w, "shop/web/u1");
    world_ask(w, "ADD", "c1", SHOP, "");
    world_expect(w, 0, "10.9.0.3"); /* the address just given up comes last */
}

static void object_with_another_uid_is_not_the_pod(void **state)
{
    struct world *w = *state;
    world_know_pod(w, "shop/web/u2");
    world_send(w, "ADD", "c1", SHOP, "");
    world_sleep(w, WORLD_TIMEOUT_MS);
    world_expect(w, 11, "another UID");
    world_expect_counts(w, 0);
}

static void request_without_uid_takes_any_object(void **state)
{
    struct world *w = *state;
    world_know_pod(w, "shop/web/u2");
    world_ask(w, "ADD", "c1", "K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web", "");
    world_expect(w, 0, "10.9.0.2");
}

static void failing_system_calls_leave_nothing(void **state)
{
    struct world *w = *state;
    static const struct {
        int rc, code;
    } cases[] = {{ERR_EXISTS, 110}, {ERR_IO, 5}, {ERR_PERMISSION, 5}, {ERR_NOT_FOUND, 5}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        w->create_rc = cases[i].rc;
        world_ask(w, "ADD", "c1", "", "");
        world_expect(w, cases[i].code, "told to fail");
        world_expect_counts(w, 0);
    }
    w->create_rc = 0;
    w->missing_netns = "/run/netns/x";
    world_ask(w, "ADD", "c1", "", "");
    world_expect(w, 4, "CNI_NETNS");
    world_expect_counts(w, 0);
}

static void interface_left_over_is_replaced(void **state)
{
    struct world *w = *state;
    char name[16];
    world_ask(w, "ADD", "c1", "", "");
    snprintf(name, sizeof name, "%s", w->interfaces[0]);
    world_ask(w, "DEL", "c1", "", "");
    world_add_interface(w, name);
    world_ask(w, "ADD", "c1", "", "");
    world_expect(w, 0, name);
    world_expect_counts(w, 1);
}

static void refused_ports_leave_nothing(void **state)
{
    struct world *w = *state;
    w->port_add_rc = ERR_CLOSED;
    world_ask(w, "ADD", "c1", "", "");
    world_expect(w, 11, "told to fail");
    world_expect_counts(w, 0);
    w->port_add_rc = ERR_EXISTS;
    world_ask(w, "ADD", "c1", "", "");
    world_expect(w, 111, "told to fail");
    world_expect_counts(w, 0);
    w->port_add_rc = 0;
    w->port_error = "could not open network device";
    world_ask(w, "ADD", "c1", "", "");
    world_expect(w, 111, "could not open network device");
    world_expect_counts(w, 0);
}

static void port_without_number_is_try_again(void **state)
{
    struct world *w = *state;
    w->hold_ofport = true;
    world_send(w, "ADD", "c1", "", "");
    world_sleep(w, WORLD_TIMEOUT_MS);
    world_expect(w, 11, "number");
    world_expect_counts(w, 0);
}

static void flows_without_acknowledgement_are_try_again(void **state)
{
    struct world *w = *state;
    w->hold_acks = true;
    world_send(w, "ADD", "c1", "", "");
    world_sleep(w, WORLD_TIMEOUT_MS);
    world_expect(w, 11, "not acknowledged");
    world_expect_counts(w, 0);
}

static void node_that_is_not_ready_is_waited_for(void **state)
{
    struct world *w = *state;
    w->node.ready = w->node.serves = false;
    world_send(w, "ADD", "c1", "", "");
    world_pump(w);
    assert_string_equal(sbuf_cstr(&w->trace), "");
    w->node.ready = w->node.serves = true;
    attach_node_changed(w->a);
    world_pump(w);
    world_expect(w, 0, "10.9.0.2");
    w->node.ready = w->node.serves = false;
    world_send(w, "ADD", "c2", "", "");
    world_sleep(w, WORLD_TIMEOUT_MS);
    world_expect(w, 11, "the reason");
    world_expect_counts(w, 1);
}

static void a_node_that_serves_by_its_cache_need_not_be_ready(void **state)
{
    struct world *w = *state;
    w->node.ready = false;
    world_ask(w, "ADD", "c1", "", "");
    world_expect(w, 0, "10.9.0.2");
    world_ask(w, "STATUS", "", "", "");
    world_expect(w, 50, "the reason");
}

static void full_pool_is_try_again_until_something_goes(void **state)
{
    struct world *w = *state;
    world_set_families(w, "10.9.0.0/30", NULL);
    world_ask(w, "ADD", "c1", "", "");
    world_ask(w, "ADD", "c2", "", "");
    world_expect(
        w, 11,
        "\"no free address in 10.9.0.0/30\",\"details\":\"not possible now, but likely later\"");
    world_expect_counts(w, 1);
    assert_true(attach_pool_exhausted(w->a));
    world_ask(w, "DEL", "c1", "", "");
    world_ask(w, "ADD", "c2", "", "");
    world_expect(w, 0, "10.9.0.2");
}

static void asked_address_and_mac_are_given(void **state)
{
    struct world *w = *state;
    world_ask(w, "ADD", "c1", "",
              ",\"runtimeConfig\":{\"ips\":[\"10.9.0.77/24\"],\"mac\":\"02:00:00:00:00:77\"}");
    world_expect(w, 0, "10.9.0.77/24");
    world_expect(w, 0, "02:00:00:00:00:77");
    world_ask(w, "ADD", "c2", "", ",\"runtimeConfig\":{\"ips\":[\"10.9.0.77\"]}");
    world_expect(w, 112, "10.9.0.77 is in use");
    world_ask(w, "ADD", "c2", "", ",\"runtimeConfig\":{\"ips\":[\"10.8.0.77\"]}");
    world_expect(w, 112, "10.8.0.77");
    world_expect_counts(w, 1);
    world_set_families(w, "10.9.0.0/24", "fd09::/64");
    world_ask(w, "ADD", "c2", "", ",\"runtimeConfig\":{\"ips\":[\"10.9.0.78\"]}");
    world_expect(w, 0, "10.9.0.78/24");
    world_expect(w, 0, "fd09::2/64");
}

static void dns_comes_back_as_configured(void **state)
{
    struct world *w = *state;
    world_ask(w, "ADD", "c1", "", ",\"dns\":{\"nameservers\":[\"10.0.0.10\"]}");
    world_expect(w, 0, "\"dns\":{\"nameservers\":[\"10.0.0.10\"]}");
}

static void bad_request_is_answered_with_its_code(void **state)
{
    struct world *w = *state;
    world_ask(w, "ADD", "c1", "", ",\"ipam\":{}");
    world_expect(w, 7, "ipam");
    world_ask(w, "ADD", "-", "", "");
    world_expect(w, 4, "CNI_CONTAINERID");
    world_ask(w, "NONE", "c1", "", "");
    world_expect(w, 4, "NONE");
    world_ask(w, "VERSION", "c1", "", "");
    world_expect(w, 0, "supportedVersions");
    world_expect_counts(w, 0);
}

static void deletion_cancels_a_waiting_add(void **state)
{
    struct world *w = *state;
    world_send(w, "ADD", "c1", SHOP, "");
    world_pump(w);
    assert_int_equal(w->n_replies, 0);
    world_send(w, "DEL", "c1", SHOP, "");
    world_pump(w);
    assert_int_equal(w->n_replies, 2);
    assert_non_null(strstr(w->replies[0].body, "\"code\":11"));
    assert_int_equal(w->replies[1].status, 200);
    world_expect_counts(w, 0);
}

/* The deletion comes after each number of steps of the ADD. */
static void deletion_at_any_moment_of_an_add_leaves_nothing(void **state)
{
    struct world *w = *state;
    for (int steps = 0; steps < 6; steps++) {
        size_t before = w->n_replies;
        world_send(w, "ADD", "c1", "", "");
        for (int i = 0; i < steps; i++) {
            world_step(w);
        }
        world_send(w, "DEL", "c1", "", "");
        world_pump(w);
        assert_int_equal(w->n_replies, before + 2);
        assert_int_equal(w->replies[w->n_replies - 1].status, 200);
        world_expect_counts(w, 0);
    }
}

static void one_container_at_a_time_others_side_by_side(void **state)
{
    struct world *w = *state;
    world_send(w, "ADD", "c1", SHOP, "");
    world_send(w, "ADD", "c1", SHOP, "");
    world_send(w, "ADD", "c2", "", "");
    world_pump(w);
    assert_int_equal(w->n_replies, 1); /* c2's */
    world_know_pod(w, "shop/web/u1");
    assert_int_equal(w->n_replies, 3);
    assert_string_equal(w->replies[1].body, w->replies[2].body);
    world_expect_counts(w, 2);
}

static void abandoned_request_goes_on(void **state)
{
    struct world *w = *state;
    struct attach_call *call = world_send(w, "ADD", "c1", "", "");
    attach_abandon(call);
    world_pump(w);
    assert_int_equal(w->n_replies, 0);
    world_expect_counts(w, 1);
}

static void port_that_cannot_be_taken_back_goes_later(void **state)
{
    struct world *w = *state;
    w->hold_acks = true;
    world_send(w, "ADD", "c1", "", "");
    world_pump(w);
    w->port_del_rc = ERR_CLOSED;
    world_sleep(w, WORLD_TIMEOUT_MS);
    world_expect(w, 11, "not acknowledged");
    assert_int_equal(w->n_interfaces, 0);
    assert_int_equal(w->n_ports, 1);
    w->port_del_rc = 0;
    world_connect(w, false);
    world_connect(w, true);
    world_expect_counts(w, 0);
}

static void newest_sandbox_of_a_pod_has_the_highest_sequence(void **state)
{
    struct world *w = *state;
    world_know_pod(w, "shop/web/u1");
    world_ask(w, "ADD", "c1", SHOP, "");
    world_ask(w, "ADD", "c2", SHOP, "");
    assert_string_equal(world_id(world_port_of(w, "c1"), "seine.sequence"), "1");
    assert_string_equal(world_id(world_port_of(w, "c2"), "seine.sequence"), "2");
    world_ask(w, "DEL", "c1", SHOP, "");
    assert_non_null(world_port_of(w, "c2"));
    world_expect_counts(w, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(acts_come_in_the_promised_order),
        TEST(record_holds_all_that_is_known),
        TEST(interface_names_begin_with_a_letter_and_differ),
        TEST(node_tells_mtu_and_datapath),
        TEST(repeated_add_is_the_same_add),
        TEST(failed_repetition_leaves_what_stands),
        TEST(lost_interface_is_made_anew),
        TEST(interface_that_cannot_be_read_is_not_taken_for_lost),
        TEST(pod_object_is_waited_for),
        TEST(missing_pod_object_is_try_again_and_leaves_nothing),
        TEST(object_with_another_uid_is_not_the_pod),
        TEST(request_without_uid_takes_any_object),
        TEST(failing_system_calls_leave_nothing),
        TEST(interface_left_over_is_replaced),
        TEST(refused_ports_leave_nothing),
        TEST(port_without_number_is_try_again),
        TEST(flows_without_acknowledgement_are_try_again),
        TEST(node_that_is_not_ready_is_waited_for),
        TEST(a_node_that_serves_by_its_cache_need_not_be_ready),
        TEST(full_pool_is_try_again_until_something_goes),
        TEST(asked_address_and_mac_are_given),
        TEST(dns_comes_back_as_configured),
        TEST(bad_request_is_answered_with_its_code),
        TEST(deletion_cancels_a_waiting_add),
        TEST(deletion_at_any_moment_of_an_add_leaves_nothing),
        TEST(one_container_at_a_time_others_side_by_side),
        TEST(abandoned_request_goes_on),
        TEST(port_that_cannot_be_taken_back_goes_later),
        TEST(newest_sandbox_of_a_pod_has_the_highest_sequence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
