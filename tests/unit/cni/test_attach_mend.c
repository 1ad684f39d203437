/* SPDX-License-Identifier: Apache-2.0
 *
 * Interfaces that a service keeps: it may be away, and lose them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/cni/world.h"

static int setup(void **state)
{
    *state = world_new_windows();
    return 0;
}

static int teardown(void **state)
{
    world_free(*state);
    return 0;
}

/* A Pod in a namespace of its own, with its port's number. */
static void add_pod(struct world *w, const char *container)
{
    static char netns[64];
    snprintf(netns, sizeof netns, "%08x-2222-3333-4444-555555555555", (unsigned)w->n_replies + 1);
    w->netns = netns;
    world_ask(w, "ADD", container, "", "");
    world_expect(w, 0, "10.9.0.");
    world_add_nic(w, world_port_of(w, container)->name);
    world_sleep(w, 1000);
    sbuf_clear(&w->trace);
}

static void lost_interfaces_are_made_again_with_what_they_had(void **state)
{
    struct world *w = *state;
    char address[64];
    add_pod(w, "c1");
    add_pod(w, "c2");
    snprintf(address, sizeof address, "%s", world_id(world_port_of(w, "c1"), "seine.ips"));
    w->n_interfaces = 0;
    attach_interfaces_changed(w->a);
    world_sleep(w, 1000);
    world_expect_counts(w, 2);
    assert_string_equal(world_id(world_port_of(w, "c1"), "seine.ips"), address);
    assert_int_equal(w->created.n_addresses, 1);
    assert_non_null(strstr(w->trace.data, "create "));
    assert_non_null(strstr(w->trace.data, "port_add "));
    assert_null(strstr(w->trace.data, "reply"));
    assert_null(strstr(w->rows[0], " 0")); /* the new port has its number */
    world_sleep(w, 10000);
    assert_true(w->timer == INT64_MAX);
}

static void interfaces_that_stand_are_left_alone(void **state)
{
    struct world *w = *state;
    add_pod(w, "c1");
    attach_interfaces_changed(w->a);
    world_sleep(w, 60000);
    assert_int_equal(w->trace.len, 0);
}

static void service_that_is_away_is_asked_again(void **state)
{
    struct world *w = *state;
    add_pod(w, "c1");
    w->n_interfaces = 0;
    w->netns_rc = ERR_AGAIN;
    attach_interfaces_changed(w->a);
    world_sleep(w, 300000);
    assert_int_equal(w->trace.len, 0); /* neither removed nor made */
    assert_int_equal(w->n_rows, 1);
    w->netns_rc = 0;
    w->create_rc = ERR_AGAIN;
    world_sleep(w, 30000);
    w->create_rc = 0;
    world_sleep(w, 30000);
    world_expect_counts(w, 1);
    world_sleep(w, 10000);
    assert_true(w->timer == INT64_MAX);
}

static void port_that_cannot_be_added_is_tried_again(void **state)
{
    struct world *w = *state;
    add_pod(w, "c1");
    w->n_interfaces = 0;
    w->port_add_rc = ERR_CONFLICT;
    attach_interfaces_changed(w->a);
    world_sleep(w, 1000);
    assert_int_equal(w->n_interfaces, 1);
    w->port_add_rc = 0;
    sbuf_clear(&w->trace);
    world_sleep(w, 5000);
    assert_int_equal(strncmp(w->trace.data, "port_add ", 9), 0); /* once, and nothing made */
    world_expect_counts(w, 1);
}

static void namespace_that_is_gone_waits_for_its_deletion(void **state)
{
    struct world *w = *state;
    add_pod(w, "c1");
    w->n_interfaces = 0;
    w->missing_netns = w->netns;
    attach_interfaces_changed(w->a);
    world_sleep(w, 60000);
    assert_int_equal(w->trace.len, 0);
    world_ask(w, "DEL", "c1", "", "");
    world_expect_counts(w, 0);
}

static void deletion_meanwhile_leaves_nothing(void **state)
{
    for (int steps = 0; steps < 8; steps++) {
        struct world *w = *state;
        add_pod(w, "c1");
        w->n_interfaces = 0;
        attach_interfaces_changed(w->a);
        attach_run(w->a, w->now);
        for (int i = 0; i < steps; i++) {
            world_step(w);
        }
        world_send(w, "DEL", "c1", "", "");
        world_pump(w);
        world_expect(w, 0, "");
        world_sleep(w, 10000);
        world_expect_counts(w, 0);
    }
}

/* ---- a start while the service is away ---- */

static void start_without_the_service_keeps_what_the_records_say(void **state)
{
    struct world *w = *state;
    add_pod(w, "c1");
    w->netns_rc = w->exists_rc = w->list_rc = ERR_AGAIN;
    world_restart(w, true);
    assert_true(attach_recovered(w->a));
    assert_false(attach_serves(w->a));
    world_expect_counts(w, 1);
    assert_string_equal(w->trace.data, "");
    size_t before = w->n_replies;
    world_send(w, "ADD", "c2", "", "");
    world_sleep(w, 10000);
    assert_int_equal(w->n_replies, before);
    world_sleep(w, 10000);
    world_expect(w, 11, "does not know its attachments");
    world_ask(w, "STATUS", "", "", "");
    world_expect(w, 50, "");
    w->netns_rc = w->exists_rc = w->list_rc = 0;
    world_sleep(w, 5000);
    assert_true(attach_serves(w->a));
    add_pod(w, "c2");
    world_expect_counts(w, 2);
}

static void only_the_list_is_missing_and_nothing_is_served_either(void **state)
{
    struct world *w = *state;
    add_pod(w, "c1");
    w->list_rc = ERR_AGAIN;
    world_restart(w, true);
    assert_false(attach_serves(w->a));
    w->list_rc = 0;
    world_sleep(w, 5000);
    assert_true(attach_serves(w->a));
    world_expect_counts(w, 1);
}

static void namespace_found_gone_later_takes_its_attachment_along(void **state)
{
    struct world *w = *state;
    add_pod(w, "c1");
    w->netns_rc = ERR_AGAIN;
    world_restart(w, true);
    world_expect_counts(w, 1);
    w->netns_rc = 0;
    w->missing_netns = w->netns;
    world_sleep(w, 5000);
    world_expect_counts(w, 0);
}

/* A reboot: namespaces, endpoints and the network are gone, the records are not. */
static void start_after_a_reboot_removes_what_is_no_more(void **state)
{
    struct world *w = *state;
    add_pod(w, "c1");
    w->n_interfaces = 0;
    w->missing_netns = w->netns;
    world_restart(w, true);
    assert_true(attach_serves(w->a));
    world_expect_counts(w, 0);
}

static void start_makes_lost_interfaces_again(void **state)
{
    struct world *w = *state;
    add_pod(w, "c1");
    w->n_interfaces = 0;
    world_restart(w, true);
    world_sleep(w, 2000);
    world_expect_counts(w, 1);
    assert_non_null(strstr(w->trace.data, "create port_add "));
}

/* An endpoint outlives its namespace: at the start it goes with it. */
static void start_removes_interfaces_of_namespaces_that_are_gone(void **state)
{
    struct world *w = *state;
    add_pod(w, "c1");
    w->missing_netns = w->netns;
    world_restart(w, true);
    world_expect_counts(w, 0);
}

/* ---- strays ---- */

static void interface_that_could_not_be_taken_back_goes_later(void **state)
{
    struct world *w = *state;
    w->port_add_rc = ERR_REFUSED;
    w->delete_rc = ERR_AGAIN;
    world_ask(w, "ADD", "c1", "", "");
    world_expect(w, 111, "");
    assert_int_equal(w->n_interfaces, 1);
    world_sleep(w, 60000);
    assert_int_equal(w->n_interfaces, 1);
    w->delete_rc = 0;
    world_sleep(w, 20000);
    world_expect_counts(w, 0);
    world_sleep(w, 10000);
    assert_true(w->timer == INT64_MAX);
}

/* The outcome of making it is not known: it is removed in any case. */
static void interface_that_was_perhaps_made_is_removed(void **state)
{
    struct world *w = *state;
    w->create_rc = ERR_TIMEOUT;
    world_ask(w, "ADD", "c1", "", "");
    world_expect(w, 11, "told to fail");
    assert_non_null(strstr(w->trace.data, "create delete "));
}

static void container_that_comes_again_does_not_meet_its_stray(void **state)
{
    struct world *w = *state;
    w->port_add_rc = ERR_REFUSED;
    w->delete_rc = ERR_AGAIN;
    world_ask(w, "ADD", "c1", "", "");
    w->port_add_rc = 0;
    add_pod(w, "c1");
    assert_int_equal(w->n_interfaces, 2);
    w->delete_rc = 0;
    world_sleep(w, 20000);
    world_expect_counts(w, 1);
}

/* The service finishes what a dead agent asked of it. */
static void interface_that_comes_when_its_add_is_forgotten_is_removed(void **state)
{
    struct world *w = *state;
    add_pod(w, "c1");
    world_restart(w, true);
    world_add_interface(w, "late-1");
    w->list_rc = ERR_AGAIN;
    world_sleep(w, 20000);
    assert_int_equal(w->n_interfaces, 2);
    w->list_rc = 0;
    world_sleep(w, 20000);
    world_expect_counts(w, 1);
    assert_true(w->timer == INT64_MAX); /* and that is that */
    static const char *const verbs[] = {"DEL", "GC"};
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        world_add_interface(w, "late-2");
        world_sleep(w, 60000);
        assert_int_equal(w->n_interfaces, 2);
        w->netns = "";
        world_ask(w, verbs[i], i ? "" : "c2", "",
                  ",\"cni.dev/valid-attachments\":[{\"containerID\":\"c1\",\"ifname\":\"eth0\"}]");
        world_expect(w, 0, "");
        world_sleep(w, 10000);
        world_expect_counts(w, 1);
    }
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(lost_interfaces_are_made_again_with_what_they_had),
        TEST(interfaces_that_stand_are_left_alone),
        TEST(service_that_is_away_is_asked_again),
        TEST(port_that_cannot_be_added_is_tried_again),
        TEST(namespace_that_is_gone_waits_for_its_deletion),
        TEST(deletion_meanwhile_leaves_nothing),
        TEST(start_without_the_service_keeps_what_the_records_say),
        TEST(only_the_list_is_missing_and_nothing_is_served_either),
        TEST(namespace_found_gone_later_takes_its_attachment_along),
        TEST(start_after_a_reboot_removes_what_is_no_more),
        TEST(start_makes_lost_interfaces_again),
        TEST(start_removes_interfaces_of_namespaces_that_are_gone),
        TEST(interface_that_could_not_be_taken_back_goes_later),
        TEST(interface_that_was_perhaps_made_is_removed),
        TEST(container_that_comes_again_does_not_meet_its_stray),
        TEST(interface_that_comes_when_its_add_is_forgotten_is_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
