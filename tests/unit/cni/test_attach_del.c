/* SPDX-License-Identifier: Apache-2.0
 *
 * DEL, GC, CHECK and STATUS of the agent's end. */
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
    *state = world_new();
    return 0;
}

static int teardown(void **state)
{
    world_free(*state);
    return 0;
}

/* ---- DEL ---- */

static void everything_goes_in_the_promised_order(void **state)
{
    struct world *w = *state;
    world_ask(w, "ADD", "c1", "", "");
    sbuf_clear(&w->trace);
    world_ask(w, "DEL", "c1", "", "");
    assert_string_equal(w->trace.data, "unrow port_del delete reply ");
    world_expect(w, 0, "");
    assert_string_equal(w->replies[1].body, "");
    world_expect_counts(w, 0);
}

static void deleting_the_unknown_is_success(void **state)
{
    struct world *w = *state;
    world_ask(w, "DEL", "c1", "", "");
    world_expect(w, 0, "");
    world_ask(w, "ADD", "c1", "", "");
    world_ask(w, "DEL", "c1", "", "");
    world_ask(w, "DEL", "c1", "", "");
    world_expect(w, 0, "");
    world_expect_counts(w, 0);
}

static void vanished_namespace_is_no_matter(void **state)
{
    struct world *w = *state;
    world_ask(w, "ADD", "c1", "", "");
    w->missing_netns = "/run/netns/x";
    w->n_interfaces = 0;
    world_ask(w, "DEL", "c1", "", "");
    world_expect(w, 0, "");
    world_expect_counts(w, 0);
}

static void switch_that_is_away_loses_its_port_later(void **state)
{
    struct world *w = *state;
    world_ask(w, "ADD", "c1", "", "");
    world_connect(w, false);
    world_ask(w, "DEL", "c1", "", "");
    world_expect(w, 0, "");
    assert_int_equal(w->n_interfaces, 0);
    assert_int_equal(w->n_rows, 0);
    assert_int_equal(w->n_ports, 1);
    world_connect(w, true);
    world_expect_counts(w, 0);
}

static void port_of_a_new_add_is_not_taken_for_the_old_one(void **state)
{
    struct world *w = *state;
    world_ask(w, "ADD", "c1", "", "");
    w->port_del_rc = ERR_CLOSED;
    world_ask(w, "DEL", "c1", "", "");
    w->port_del_rc = 0;
    world_ask(w, "ADD", "c1", "", "");
    world_expect(w, 0, "10.9.0.3");
    world_connect(w, false);
    world_connect(w, true);
    world_expect_counts(w, 1);
}

static void interface_that_cannot_be_removed_is_tried_again(void **state)
{
    struct world *w = *state;
    world_ask(w, "ADD", "c1", "", "");
    w->delete_rc = ERR_IO;
    world_ask(w, "DEL", "c1", "", "");
    world_expect(w, 5, "told to fail");
    w->delete_rc = 0;
    world_connect(w, false);
    world_connect(w, true); /* the port must not be added again meanwhile */
    assert_int_equal(w->n_ports, 0);
    world_ask(w, "DEL", "c1", "", "");
    world_expect(w, 0, "");
    world_expect_counts(w, 0);
}

static void released_addresses_are_remembered_in_order(void **state)
{
    struct world *w = *state;
    world_set_families(w, "10.9.0.0/29", NULL);
    world_ask(w, "ADD", "c1", "", "");
    world_ask(w, "ADD", "c2", "", "");
    world_ask(w, "DEL", "c2", "", "");
    world_ask(w, "DEL", "c1", "", "");
    world_restart(w, true);
    static const char *const expected[] = {"10.9.0.4/", "10.9.0.5/", "10.9.0.6/", "10.9.0.3/",
                                           "10.9.0.2/"};
    for (size_t i = 0; i < 5; i++) {
        char container[8];
        snprintf(container, sizeof container, "d%zu", i);
        world_ask(w, "ADD", container, "", "");
        world_expect(w, 0, expected[i]);
    }
}

/* ---- GC ---- */

#define VALID(list) ",\"cni.dev/valid-attachments\":[" list "]"

static void collection_keeps_exactly_the_list(void **state)
{
    struct world *w = *state;
    world_ask(w, "ADD", "c1", "", "");
    world_ask(w, "ADD", "c2", "", "");
    world_ask(w, "ADD", "c3", "", "");
    world_ask(w, "GC", "", "",
              VALID("{\"containerID\":\"c2\",\"ifname\":\"eth0\"},"
                    "{\"containerID\":\"c3\",\"ifname\":\"eth1\"}"));
    world_expect(w, 0, "");
    world_expect_counts(w, 1);
    assert_non_null(world_port_of(w, "c2"));
    assert_int_equal(w->n_replies, 4);
    world_ask(w, "GC", "", "", VALID(""));
    world_expect_counts(w, 0);
    world_ask(w, "GC", "", "", VALID(""));
    world_expect(w, 0, "");
}

static void collection_without_list_does_nothing(void **state)
{
    struct world *w = *state;
    world_ask(w, "ADD", "c1", "", "");
    world_ask(w, "GC", "", "", "");
    world_expect(w, 7, "cni.dev/valid-attachments");
    world_expect_counts(w, 1);
}

static void collection_leaves_other_networks(void **state)
{
    struct world *w = *state;
    world_ask(w, "ADD", "c1", "", "");
    world_ask(w, "GC", "", "", ",\"name\":\"other\"" VALID(""));
    /* cJSON takes the first of two names: so this is the same network */
    world_expect(w, 0, "");
    world_expect_counts(w, 0);
    world_ask(w, "ADD", "c1", "", "");
    struct world_port *p = &w->ports[0];
    for (size_t i = 0; i < p->n_ids; i++) {
        if (strcmp(p->ids[i].key, "seine.network") == 0) {
            memcpy((char *)(uintptr_t)p->ids[i].value, "other", 5); /* as long as "seine" */
        }
    }
    world_restart(w, true);
    world_ask(w, "GC", "", "", VALID(""));
    world_expect(w, 0, "");
    world_expect_counts(w, 1);
}

static void failing_collection_tells_its_cause(void **state)
{
    struct world *w = *state;
    world_ask(w, "ADD", "c1", "", "");
    world_ask(w, "ADD", "c2", "", "");
    w->delete_rc = ERR_IO;
    world_ask(w, "GC", "", "", VALID(""));
    world_expect(w, 5, "told to fail");
    w->delete_rc = 0;
    world_ask(w, "DEL", "c1", "", "");
    world_ask(w, "DEL", "c2", "", "");
    world_expect_counts(w, 0);
}

static void add_under_way_is_not_collected(void **state)
{
    struct world *w = *state;
    w->hold_acks = true;
    world_send(w, "ADD", "c1", "", "");
    world_pump(w);
    world_ask(w, "GC", "", "", VALID(""));
    world_expect(w, 0, "");
    w->hold_acks = false;
    world_pump(w);
    world_expect(w, 0, "10.9.0.2");
    world_expect_counts(w, 1);
}

/* ---- CHECK ---- */

/* prevResult as the ADD gave it, with one text replaced by another. */
static void ask_check(struct world *w, const char *from, const char *to)
{
    char prev[2048], more[2600];
    const char *result = w->replies[0].body;
    const char *at = from ? strstr(result, from) : NULL;
    if (from) {
        assert_non_null(at);
        snprintf(prev, sizeof prev, "%.*s%s%s", (int)(at - result), result, to, at + strlen(from));
    } else {
        snprintf(prev, sizeof prev, "%s", result);
    }
    snprintf(more, sizeof more, ",\"prevResult\":%s", prev);
    world_ask(w, "CHECK", "c1", "", more);
}

static void whole_attachment_passes_the_check(void **state)
{
    struct world *w = *state;
    world_ask(w, "ADD", "c1", "", "");
    ask_check(w, NULL, NULL);
    world_expect(w, 0, "");
    assert_string_equal(w->replies[1].body, "");
}

static void check_says_what_differs(void **state)
{
    struct world *w = *state;
    world_ask(w, "ADD", "c1", "", "");
    ask_check(w, "10.9.0.2/24", "10.9.0.9/24");
    world_expect(w, 102, "10.9.0.9");
    ask_check(w, "{\"interface\":1,\"address\":\"10.9.0.2/24\",\"gateway\":\"10.9.0.1\"}", "");
    world_expect(w, 102, "lacks 10.9.0.2");
    ask_check(w, "\"mac\":\"", "\"mac\":\"9");
    world_expect(w, 102, "MAC");
    ask_check(w, "\"eth0\"", "\"eth9\"");
    world_expect(w, 102, "eth0");
    w->check_rc = ERR_CONFLICT;
    ask_check(w, NULL, NULL);
    world_expect(w, 101, "MTU is 1, not 2");
    w->check_rc = ERR_IO;
    ask_check(w, NULL, NULL);
    world_expect(w, 5, "MTU");
    w->check_rc = 0;
    w->missing_netns = "/run/netns/x";
    ask_check(w, NULL, NULL);
    world_expect(w, 4, "CNI_NETNS");
    w->missing_netns = NULL;
    w->port_error = "no such device";
    world_tell_ports(w);
    ask_check(w, NULL, NULL);
    world_expect(w, 103, "no such device");
}

static void check_of_the_unknown_has_a_code_of_its_own(void **state)
{
    struct world *w = *state;
    world_ask(w, "ADD", "c1", "", "");
    world_ask(w, "DEL", "c1", "", "");
    ask_check(w, NULL, NULL);
    world_expect(w, 100, "c1/eth0");
}

static void check_waits_for_flows(void **state)
{
    struct world *w = *state;
    world_ask(w, "ADD", "c1", "", "");
    w->hold_acks = true;
    w->revision++;
    char more[2600];
    snprintf(more, sizeof more, ",\"prevResult\":%s", w->replies[0].body);
    world_send(w, "CHECK", "c1", "", more);
    world_sleep(w, WORLD_TIMEOUT_MS);
    world_expect(w, 104, "flows");
}

/* ---- STATUS ---- */

static void status_tells_whether_add_can_be_served(void **state)
{
    struct world *w = *state;
    world_ask(w, "STATUS", "", "", "");
    world_expect(w, 0, "");
    w->node.ready = false;
    world_ask(w, "STATUS", "", "", "");
    world_expect(w, 50, "the reason");
    w->node.switch_ready = false;
    world_ask(w, "STATUS", "", "", "");
    world_expect(w, 51, "the reason");
    w->node.ready = w->node.switch_ready = true;
    world_set_families(w, "10.9.0.0/30", NULL);
    world_ask(w, "STATUS", "", "", "");
    world_expect(w, 0, "");
    world_ask(w, "ADD", "c1", "", "");
    world_ask(w, "STATUS", "", "", "");
    world_expect(w, 50, "address");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(everything_goes_in_the_promised_order),
        TEST(deleting_the_unknown_is_success),
        TEST(vanished_namespace_is_no_matter),
        TEST(switch_that_is_away_loses_its_port_later),
        TEST(port_of_a_new_add_is_not_taken_for_the_old_one),
        TEST(interface_that_cannot_be_removed_is_tried_again),
        TEST(released_addresses_are_remembered_in_order),
        TEST(collection_keeps_exactly_the_list),
        TEST(collection_without_list_does_nothing),
        TEST(collection_leaves_other_networks),
        TEST(failing_collection_tells_its_cause),
        TEST(add_under_way_is_not_collected),
        TEST(whole_attachment_passes_the_check),
        TEST(check_says_what_differs),
        TEST(check_of_the_unknown_has_a_code_of_its_own),
        TEST(check_waits_for_flows),
        TEST(status_tells_whether_add_can_be_served),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
