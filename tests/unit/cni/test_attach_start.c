/* SPDX-License-Identifier: Apache-2.0
 *
 * Start-up: records become attachments, what a crash left is cleaned, noted deletions are done, and
 * requests wait for all that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cni/journal.h"
#include "core/base/mem.h"
#include "platform/ipc.h"
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

static size_t count_notes(const struct world *w)
{
    char **names = NULL;
    size_t n = 0;
    if (file_list(w->deletions, &names, &n, NULL) < 0) {
        return 0;
    }
    for (size_t i = 0; i < n; i++) {
        mem_free(names[i]);
    }
    mem_free(names);
    return n;
}

static void note(const struct world *w, const char *container)
{
    auto_sbuf path = SBUF_INIT;
    struct cni_env env = {"DEL", container, "", "eth0", ""};
    assert_int_equal(journal_write(w->deletions, &env,
                                   "{\"cniVersion\":\"1.0.0\",\"name\":\"seine\"}", &path, NULL),
                     0);
}

static void records_become_attachments_again(void **state)
{
    struct world *w = *state;
    world_set_families(w, "10.9.0.0/24", "fd09::/64");
    world_know_pod(w, "shop/web/u1");
    world_ask(w, "ADD", "c1", "K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web;K8S_POD_UID=u1", "");
    world_ask(w, "ADD", "c2", "", "");
    world_restart(w, true);
    world_expect_counts(w, 2);
    assert_true(attach_recovered(w->a));
    world_ask(w, "ADD", "c1", "K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web;K8S_POD_UID=u1", "");
    assert_string_equal(w->replies[2].body, w->replies[0].body);
    world_ask(w, "ADD", "c3", "", "");
    world_expect(w, 0, "10.9.0.4");
    assert_string_equal(world_id(world_port_of(w, "c3"), "seine.sequence"), "3");
}

static void nothing_is_sent_when_nothing_changed(void **state)
{
    struct world *w = *state;
    world_ask(w, "ADD", "c1", "", "");
    world_restart(w, false);
    world_tell_ports(w);
    attach_switch_changed(w->a);
    world_pump(w);
    assert_string_equal(w->trace.data, "row ");
}

static void changed_pod_cidr_leaves_attached_pods_their_addresses(void **state)
{
    struct world *w = *state;
    world_ask(w, "ADD", "c1", "", "");
    w->n_pods = 0;
    assert_true(prefix_parse("10.8.0.0/24", &w->cidrs[0]));
    world_restart(w, true);
    world_ask(w, "ADD", "c1", "", "");
    assert_string_equal(w->replies[1].body, w->replies[0].body);
    world_ask(w, "ADD", "c2", "", "");
    world_expect(w, 0, "10.8.0.2/24");
}

static void half_made_attachments_are_cleaned(void **state)
{
    struct world *w = *state;
    world_ask(w, "ADD", "c1", "", "");
    world_ask(w, "ADD", "c2", "", "");
    world_ask(w, "ADD", "c3", "", "");
    /* c1: its namespace went away with its interface.  Killed between interface and port: stray. */
    memmove(w->interfaces[0], w->interfaces[1], 2 * sizeof *w->interfaces);
    w->n_interfaces = 2;
    world_add_interface(w, "web-9999999");
    world_restart(w, true);
    world_expect_counts(w, 2);
    assert_null(world_port_of(w, "c1"));
}

static void port_without_identity_is_removed(void **state)
{
    struct world *w = *state;
    struct attach_id bad[] = {{"seine.ifname", "eth0"}};
    world_add_port(w, "odd", bad, 1);
    world_restart(w, true);
    world_expect_counts(w, 0);
}

static void older_records_have_defaults(void **state)
{
    struct world *w = *state;
    struct attach_id ids[] = {{"seine.container-id", "c9"},
                              {"seine.ifname", "eth0"},
                              {"seine.netns", "/run/netns/x"},
                              {"seine.pod-namespace", "default"},
                              {"seine.pod-name", "c9"},
                              {"seine.pod-uid", ""},
                              {"seine.ips", "10.9.0.7,x,10.9.0.8,10.9.0.9"}};
    world_add_port(w, "c9-1234567", ids, ARRAY_LEN(ids));
    world_add_interface(w, "c9-1234567");
    world_restart(w, true);
    world_expect_counts(w, 1);
    world_ask(w, "ADD", "c9", "", "");
    world_expect(w, 0, "\"address\":\"10.9.0.7/24\",\"gateway\":\"10.9.0.1\"");
    world_expect(w, 0, "10.9.0.8/24");
}

/* The agent ends after each number of steps of an ADD; the next one cleans or keeps, and a DEL of
 * the container always leaves nothing. */
static void kill_at_any_moment_of_an_add_is_cleaned_by_del(void **state)
{
    struct world *w = *state;
    for (int steps = 0; steps < 6; steps++) {
        world_send(w, "ADD", "c1", "", "");
        for (int i = 0; i < steps; i++) {
            world_step(w);
        }
        world_restart(w, true);
        assert_int_equal(w->n_interfaces, w->n_ports);
        world_ask(w, "DEL", "c1", "", "");
        world_expect(w, 0, "");
        world_expect_counts(w, 0);
    }
}

static void kill_at_any_moment_of_an_add_is_cleaned_by_gc(void **state)
{
    struct world *w = *state;
    for (int steps = 0; steps < 6; steps++) {
        world_send(w, "ADD", "c1", "", "");
        for (int i = 0; i < steps; i++) {
            world_step(w);
        }
        world_restart(w, true);
        world_ask(w, "GC", "", "", ",\"cni.dev/valid-attachments\":[]");
        world_expect_counts(w, 0);
    }
}

static void kill_at_any_moment_of_a_del_is_finished_later(void **state)
{
    struct world *w = *state;
    for (int steps = 0; steps < 4; steps++) {
        world_ask(w, "ADD", "c1", "", "");
        world_send(w, "DEL", "c1", "", "");
        for (int i = 0; i < steps; i++) {
            world_step(w);
        }
        world_restart(w, true);
        world_ask(w, "DEL", "c1", "", "");
        world_expect(w, 0, "");
        world_expect_counts(w, 0);
    }
}

static void requests_wait_until_records_are_known(void **state)
{
    struct world *w = *state;
    world_restart(w, false);
    world_send(w, "ADD", "c1", "", "");
    world_send(w, "GC", "", "", ",\"cni.dev/valid-attachments\":[]");
    world_pump(w);
    assert_int_equal(w->n_replies, 0);
    world_ask(w, "STATUS", "", "", "");
    world_expect(w, 50, "");
    attach_switch_changed(w->a);
    world_pump(w);
    assert_int_equal(w->n_replies, 3);
    world_sleep(w, WORLD_TIMEOUT_MS);
    assert_int_equal(w->n_replies, 3);
}

static void switch_that_never_comes_is_try_again(void **state)
{
    struct world *w = *state;
    w->node.switch_ready = false;
    world_restart(w, true);
    world_send(w, "ADD", "c1", "", "");
    world_sleep(w, WORLD_TIMEOUT_MS);
    world_expect(w, 11, "the reason");
}

static void deletion_that_cannot_be_done_yet_is_noted(void **state)
{
    struct world *w = *state;
    world_ask(w, "ADD", "c1", "", "");
    w->node.switch_ready = false;
    world_restart(w, true);
    world_send(w, "DEL", "c1", "", "");
    world_sleep(w, 5000);
    world_expect(w, 0, "");
    assert_int_equal(count_notes(w), 1);
    world_tell_ports(w);
    world_connect(w, true);
    world_expect_counts(w, 0);
    assert_int_equal(count_notes(w), 0);
}

static void noted_deletions_come_before_requests(void **state)
{
    struct world *w = *state;
    world_ask(w, "ADD", "c1", "", "");
    world_ask(w, "ADD", "c2", "", "");
    note(w, "c1");
    note(w, "never-seen");
    world_restart(w, false);
    world_send(w, "ADD", "c1", "", "");
    world_tell_ports(w);
    attach_switch_changed(w->a);
    world_pump(w);
    world_expect(w, 0, "10.9.0.4"); /* a new one, not the noted */
    world_expect_counts(w, 2);
    assert_int_equal(count_notes(w), 0);
}

static void notes_that_are_none_are_left_alone(void **state)
{
    struct world *w = *state;
    static const char status[] = "{\"command\":\"STATUS\",\"config\":\"{\\\"cniVersion\\\":"
                                 "\\\"1.1.0\\\",\\\"name\\\":\\\"seine\\\"}\"}";
    static const char *const texts[] = {"", "x", "{\"command\":\"ADD\"}", status};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        char path[256];
        snprintf(path, sizeof path, "%s/deletions/%zu.json", w->run_dir, i);
        assert_int_equal(file_write_atomic(path, texts[i], strlen(texts[i]), NULL), 0);
    }
    world_restart(w, true);
    assert_true(attach_recovered(w->a));
    assert_int_equal(count_notes(w), ARRAY_LEN(texts));
    world_ask(w, "ADD", "c1", "", "");
    world_expect(w, 0, "");
}

static void removed_port_is_added_again(void **state)
{
    struct world *w = *state;
    world_ask(w, "ADD", "c1", "", "");
    char name[16];
    snprintf(name, sizeof name, "%s", w->ports[0].name);
    struct attach_id none[1];
    world_add_port(w, name, none, 0); /* frees the ids */
    w->n_ports = 0;
    attach_saw_port_gone(w->a, name);
    world_pump(w);
    world_expect_counts(w, 1);
    assert_string_equal(world_id(world_port_of(w, "c1"), "seine.ips"), "10.9.0.2");
    assert_non_null(strstr(w->rows[0], "c1/eth0 "));
    assert_null(strstr(w->rows[0], " 0"));
}

static void ports_lost_while_away_are_added_again(void **state)
{
    struct world *w = *state;
    world_ask(w, "ADD", "c1", "", "");
    char name[16];
    snprintf(name, sizeof name, "%s", w->ports[0].name);
    world_connect(w, false);
    struct attach_id none[1];
    world_add_port(w, name, none, 0);
    w->n_ports = 0;
    attach_saw_port_gone(w->a, name);
    world_pump(w);
    assert_int_equal(w->n_ports, 0);
    world_connect(w, true);
    world_expect_counts(w, 1);
}

static void new_port_number_reaches_the_row(void **state)
{
    struct world *w = *state;
    world_ask(w, "ADD", "c1", "", "");
    w->ports[0].ofport = 77;
    world_tell_ports(w);
    world_pump(w);
    assert_string_equal(w->rows[0], "c1/eth0 77");
}

static void port_that_comes_back_without_attachment_goes(void **state)
{
    struct world *w = *state;
    struct attach_id ids[] = {{"seine.container-id", "old"}, {"seine.ifname", "eth0"}};
    world_add_port(w, "old-1234567", ids, 2);
    world_tell_ports(w);
    world_pump(w);
    world_expect_counts(w, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(records_become_attachments_again),
        TEST(nothing_is_sent_when_nothing_changed),
        TEST(changed_pod_cidr_leaves_attached_pods_their_addresses),
        TEST(half_made_attachments_are_cleaned),
        TEST(port_without_identity_is_removed),
        TEST(older_records_have_defaults),
        TEST(kill_at_any_moment_of_an_add_is_cleaned_by_del),
        TEST(kill_at_any_moment_of_an_add_is_cleaned_by_gc),
        TEST(kill_at_any_moment_of_a_del_is_finished_later),
        TEST(requests_wait_until_records_are_known),
        TEST(switch_that_never_comes_is_try_again),
        TEST(deletion_that_cannot_be_done_yet_is_noted),
        TEST(noted_deletions_come_before_requests),
        TEST(notes_that_are_none_are_left_alone),
        TEST(removed_port_is_added_again),
        TEST(ports_lost_while_away_are_added_again),
        TEST(new_port_number_reaches_the_row),
        TEST(port_that_comes_back_without_attachment_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
