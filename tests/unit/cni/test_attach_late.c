/* SPDX-License-Identifier: Apache-2.0
 *
 * Late ports: ADD ends before the port has a number, and the port is seen to until it has one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/metrics.h"
#include "tests/unit/cni/world.h"

static int setup(void **state)
{
    metrics_reset();
    *state = world_new_windows();
    return 0;
}

static int teardown(void **state)
{
    world_free(*state);
    return 0;
}

static double late(void)
{
    return metric_get(METRIC_LATE_PORTS, NULL, NULL);
}

static const char *name_of(const struct world *w, const char *container)
{
    const struct world_port *p = world_port_of(w, container);
    assert_non_null(p);
    return p->name;
}

static void add_ends_without_a_number_but_not_without_its_flows(void **state)
{
    struct world *w = *state;
    w->hold_acks = true;
    world_send(w, "ADD", "c1", "", "");
    world_pump(w);
    assert_string_equal(w->trace.data, "create port_add row ");
    assert_string_equal(w->rows[0], "c1/eth0 0");
    assert_int_equal(w->n_replies, 0);
    attach_flows_changed(w->a, w->revision);
    world_expect(w, 0, "\"address\":\"10.9.0.2/24\"");
    world_expect_counts(w, 1);
    assert_true(late() == 1);
}

static void what_open_vswitch_says_meanwhile_is_no_failure(void **state)
{
    struct world *w = *state;
    w->port_error = "could not open network device (No such device)";
    world_ask(w, "ADD", "c1", "", "");
    world_expect(w, 0, "10.9.0.2/24");
}

static void port_becomes_internal_when_its_device_comes(void **state)
{
    struct world *w = *state;
    world_ask(w, "ADD", "c1", "", "");
    world_sleep(w, 3000);
    assert_null(strstr(w->trace.data, "internal"));
    assert_false(world_port_of(w, "c1")->internal);
    world_add_nic(w, name_of(w, "c1"));
    sbuf_clear(&w->trace);
    world_sleep(w, 1000);
    assert_string_equal(w->trace.data, "internal row ");
    assert_string_equal(w->rows[0], "c1/eth0 1");
    assert_true(late() == 0);
    world_sleep(w, 10000);
    assert_true(w->timer == INT64_MAX);
}

static void notification_ends_the_pause(void **state)
{
    struct world *w = *state;
    world_ask(w, "ADD", "c1", "", "");
    world_sleep(w, 60000);
    world_add_nic(w, name_of(w, "c1"));
    world_pump(w);
    assert_false(world_port_of(w, "c1")->internal);
    attach_nics_changed(w->a);
    world_pump(w);
    assert_true(world_port_of(w, "c1")->internal);
}

static void type_that_is_being_changed_is_not_changed_again(void **state)
{
    struct world *w = *state;
    world_ask(w, "ADD", "c1", "", "");
    world_add_nic(w, name_of(w, "c1"));
    sbuf_clear(&w->trace);
    attach_nics_changed(w->a);
    assert_true(world_step(w));
    assert_string_equal(w->trace.data, "internal ");
    attach_nics_changed(w->a);
    /* The device is seen again before Open vSwitch answers. */
    assert_int_equal(w->n_events, 2);
    struct world_event answer = w->events[0];
    w->events[0] = w->events[1];
    w->events[1] = answer;
    assert_true(world_step(w));
    assert_string_equal(w->trace.data, "internal ");
    world_pump(w);
    assert_string_equal(w->trace.data, "internal row ");
}

static void device_is_looked_for_without_end_at_growing_pauses(void **state)
{
    struct world *w = *state;
    size_t looks = 0;
    world_ask(w, "ADD", "c1", "", "");
    int64_t end = w->now + 3600 * 1000, last = w->now, longest = 0;
    while (w->timer <= end) {
        assert_true(w->timer > w->now || looks == 0);
        w->now = w->timer > w->now ? w->timer : w->now;
        longest = w->now - last > longest ? w->now - last : longest;
        last = w->now;
        attach_run(w->a, w->now);
        world_pump(w);
        looks++;
    }
    assert_in_range(longest, 4000, 5000);
    assert_in_range(looks, 700, 800);
    world_add_nic(w, name_of(w, "c1"));
    world_sleep(w, 5000);
    assert_string_equal(w->rows[0], "c1/eth0 1");
}

static void change_of_type_that_fails_is_tried_again(void **state)
{
    static const int codes[] = {ERR_CLOSED, ERR_CONFLICT};
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        struct world *w = *state;
        char container[8], netns[40];
        snprintf(container, sizeof container, "c%zu", i);
        snprintf(netns, sizeof netns, "%08zx-2222-3333-4444-555555555555", i);
        w->netns = netns;
        world_ask(w, "ADD", container, "", "");
        world_add_nic(w, name_of(w, container));
        w->internal_rc = codes[i];
        world_sleep(w, 2000);
        assert_false(world_port_of(w, container)->internal);
        w->internal_rc = 0;
        world_sleep(w, 2000);
        assert_true(world_port_of(w, container)->internal);
    }
}

static void switch_that_is_away_is_waited_for(void **state)
{
    struct world *w = *state;
    world_ask(w, "ADD", "c1", "", "");
    world_add_nic(w, name_of(w, "c1"));
    world_connect(w, false);
    sbuf_clear(&w->trace);
    assert_true(w->timer > w->now); /* nobody is woken for it */
    world_sleep(w, 60000);
    assert_int_equal(w->trace.len, 0);
    world_connect(w, true);
    world_sleep(w, 1000);
    assert_string_equal(w->rows[0], "c1/eth0 1");
}

/* Open vSwitch could not open the device though it is "internal": the port is made anew. */
static void refused_port_begins_again(void **state)
{
    struct world *w = *state;
    world_ask(w, "ADD", "c1", "", "");
    world_add_nic(w, name_of(w, "c1"));
    w->hold_ofport = true;
    w->port_error = "device is busy";
    world_sleep(w, 2000);
    assert_true(world_port_of(w, "c1")->internal);
    sbuf_clear(&w->trace);
    world_sleep(w, 8000);
    assert_non_null(strstr(w->trace.data, "port_add "));
    assert_non_null(strstr(w->trace.data, "internal "));
    w->hold_ofport = false;
    w->port_error = NULL;
    world_sleep(w, 10000);
    world_tell_ports(w);
    world_pump(w);
    assert_null(strstr(w->rows[0], " 0"));
    world_expect_counts(w, 1);
}

static void deletion_ends_the_care(void **state)
{
    struct world *w = *state;
    world_ask(w, "ADD", "c1", "", "");
    char name[16];
    snprintf(name, sizeof name, "%s", name_of(w, "c1"));
    world_ask(w, "DEL", "c1", "", "");
    world_expect_counts(w, 0);
    assert_true(late() == 0);
    world_add_nic(w, name);
    sbuf_clear(&w->trace);
    world_sleep(w, 60000);
    assert_int_equal(w->trace.len, 0);
}

static void deletion_while_the_device_is_looked_for_is_no_matter(void **state)
{
    struct world *w = *state;
    world_ask(w, "ADD", "c1", "", "");
    world_add_nic(w, name_of(w, "c1"));
    w->now += 10000;
    attach_run(w->a, w->now); /* the look is on its way */
    world_send(w, "DEL", "c1", "", "");
    world_pump(w);
    world_expect(w, 0, "");
    world_expect_counts(w, 0);
    assert_null(strstr(w->trace.data, "internal"));
}

static void restart_takes_the_care_up(void **state)
{
    struct world *w = *state;
    world_ask(w, "ADD", "c1", "", "");
    world_add_nic(w, name_of(w, "c1"));
    world_restart(w, true);
    assert_string_equal(w->rows[0], "c1/eth0 0");
    world_sleep(w, 1000);
    assert_string_equal(w->rows[0], "c1/eth0 1");
    world_expect_counts(w, 1);
}

static void check_waits_for_the_number(void **state)
{
    struct world *w = *state;
    static const char prev[] =
        ",\"prevResult\":{\"interfaces\":[{\"name\":\"eth0\",\"sandbox\":\"x\"}],"
        "\"ips\":[{\"address\":\"10.9.0.2/24\"}]}";
    world_ask(w, "ADD", "c1", "", "");
    size_t before = w->n_replies;
    world_send(w, "CHECK", "c1", "", prev);
    world_pump(w);
    assert_int_equal(w->n_replies, before);
    world_add_nic(w, name_of(w, "c1"));
    world_sleep(w, 1000);
    world_expect(w, 0, "");
    world_ask(w, "DEL", "c1", "", "");
    w->n_nics = 0;
    world_set_families(w, "10.9.1.0/24", NULL);
    world_ask(w, "ADD", "c2", "", "");
    world_send(w, "CHECK", "c2", "",
               ",\"prevResult\":{\"interfaces\":[{\"name\":\"eth0\",\"sandbox\":\"x\"}],"
               "\"ips\":[{\"address\":\"10.9.1.2/24\"}]}");
    world_sleep(w, WORLD_TIMEOUT_MS);
    world_expect(w, 103, "has no number");
}

/* Where ports are not late, nothing of this is done: ADD waits as it always did. */
static void other_ports_are_waited_for(void **state)
{
    struct world *w = *state;
    w->late_ports = false;
    world_restart(w, true);
    w->hold_ofport = true;
    world_send(w, "ADD", "c1", "", "");
    world_sleep(w, WORLD_TIMEOUT_MS);
    world_expect(w, 11, "number in time");
    assert_null(strstr(w->trace.data, "internal"));
    world_expect_counts(w, 0);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(add_ends_without_a_number_but_not_without_its_flows),
        TEST(what_open_vswitch_says_meanwhile_is_no_failure),
        TEST(port_becomes_internal_when_its_device_comes),
        TEST(notification_ends_the_pause),
        TEST(type_that_is_being_changed_is_not_changed_again),
        TEST(device_is_looked_for_without_end_at_growing_pauses),
        TEST(change_of_type_that_fails_is_tried_again),
        TEST(switch_that_is_away_is_waited_for),
        TEST(refused_port_begins_again),
        TEST(deletion_ends_the_care),
        TEST(deletion_while_the_device_is_looked_for_is_no_matter),
        TEST(restart_takes_the_care_up),
        TEST(check_waits_for_the_number),
        TEST(other_ports_are_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
