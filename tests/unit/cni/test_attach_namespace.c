/* SPDX-License-Identifier: Apache-2.0
 *
 * Namespaces of HCN, as containerd uses them: the GUID's form, and the containers of one Pod that
 * share it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/cni/world.h"

#define SHOP "K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web;K8S_POD_UID=u1"
#define PREV                                                                                       \
    ",\"prevResult\":{\"interfaces\":[{\"name\":\"eth0\",\"sandbox\":\"x\"}],"                     \
    "\"ips\":[{\"address\":\"10.9.0.2/24\"}]}"

static int setup(void **state)
{
    struct world *w = world_new_windows();
    world_know_pod(w, "shop/web/u1");
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    world_free(*state);
    return 0;
}

static void add_sandbox(struct world *w)
{
    world_ask(w, "ADD", "sandbox", SHOP, "");
    world_expect(w, 0, ".2/24");
    world_add_nic(w, world_port_of(w, "sandbox")->name);
    world_sleep(w, 1000);
    sbuf_clear(&w->trace);
}

static void namespace_must_be_a_guid(void **state)
{
    static const char *const bad[] = {
        "/run/netns/x",
        "11111111-2222-3333-4444-55555555555",
        "11111111-2222-3333-4444-5555555555555",
        "{11111111-2222-3333-4444-555555555555",
        "11111111222233334444555555555555",
        "g1111111-2222-3333-4444-555555555555",
        "default",
    };
    struct world *w = *state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        w->netns = bad[i];
        world_ask(w, "ADD", "c1", "", "");
        world_expect(w, 4, "CNI_NETNS");
        world_ask(w, "CHECK", "c1", "", PREV);
        world_expect(w, 4, "CNI_NETNS");
        world_ask(w, "DEL", "c1", "", "");
        world_expect(w, 0, "");
    }
    assert_null(strstr(w->trace.data, "create"));
    world_expect_counts(w, 0);
}

static void guid_of_any_form_is_taken_and_given_back(void **state)
{
    static const char *const good[] = {
        "abcdef01-2222-3333-4444-555555555555", "ABCDEF01-2222-3333-4444-555555555555",
        "{abcdef01-2222-3333-4444-555555555555}", "{AbCdEf01-2222-3333-4444-555555555555}"};
    struct world *w = *state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        char sandbox[80];
        w->netns = good[i];
        snprintf(sandbox, sizeof sandbox, "\"sandbox\":\"%s\"", good[i]);
        world_ask(w, "ADD", "c1", "", ""); /* the same ADD again */
        world_expect(w, 0, sandbox);
        world_expect(w, 0, "10.9.0.2/24");
        world_expect_counts(w, 1);
    }
    assert_string_equal(world_id(world_port_of(w, "c1"), "seine.netns"), good[0]);
}

static void unknown_namespace_is_code_4(void **state)
{
    struct world *w = *state;
    w->missing_netns = w->netns;
    world_ask(w, "ADD", "c1", "", "");
    world_expect(w, 4, "CNI_NETNS");
    world_expect_counts(w, 0);
}

/* No answer is not "unknown". */
static void service_that_is_away_is_try_again(void **state)
{
    struct world *w = *state;
    w->netns_rc = ERR_AGAIN;
    world_ask(w, "ADD", "c1", "", "");
    world_expect(w, 11, "told to fail");
    w->netns_rc = 0;
    w->create_rc = ERR_TIMEOUT;
    world_ask(w, "ADD", "c1", "", "");
    world_expect(w, 11, "told to fail");
    world_expect_counts(w, 0);
    w->create_rc = 0; /* the addresses of those that failed are the last to come again */
    world_set_families(w, "10.9.1.0/24", NULL);
    add_sandbox(w);
    w->netns_rc = ERR_AGAIN;
    world_ask(w, "CHECK", "sandbox", SHOP,
              ",\"prevResult\":{\"interfaces\":[{\"name\":\"eth0\",\"sandbox\":\"x\"}],"
              "\"ips\":[{\"address\":\"10.9.1.2/24\"}]}");
    world_expect(w, 11, "cannot be read");
    w->netns_rc = 0;
    w->delete_rc = ERR_AGAIN;
    world_ask(w, "DEL", "sandbox", SHOP, "");
    world_expect(w, 11, "cannot be removed");
    w->delete_rc = 0;
    world_ask(w, "DEL", "sandbox", SHOP, "");
    world_expect(w, 0, "");
    world_expect_counts(w, 0);
}

static void other_container_of_the_pod_gets_the_sandboxs_result(void **state)
{
    struct world *w = *state;
    char first[2048];
    add_sandbox(w);
    snprintf(first, sizeof first, "%s", w->replies[w->n_replies - 1].body);
    world_ask(w, "ADD", "workload", SHOP, "");
    assert_string_equal(w->replies[w->n_replies - 1].body, first);
    world_ask(w, "ADD", "workload", SHOP, ""); /* and again */
    assert_string_equal(w->replies[w->n_replies - 1].body, first);
    world_ask(w, "ADD", "nameless", "", "");
    assert_string_equal(w->replies[w->n_replies - 1].body, first);
    assert_string_equal(w->trace.data, "row reply row reply row reply "); /* nothing is made */
    world_expect_counts(w, 1);
}

static void its_deletion_changes_nothing(void **state)
{
    struct world *w = *state;
    add_sandbox(w);
    world_ask(w, "ADD", "workload", SHOP, "");
    world_ask(w, "DEL", "workload", SHOP, "");
    world_expect(w, 0, "");
    world_expect_counts(w, 1);
    assert_string_equal(w->trace.data, "row reply reply ");
    world_restart(w, true);
    world_ask(w, "DEL", "workload", SHOP, "");
    world_expect(w, 0, "");
    world_expect_counts(w, 1);
    world_ask(w, "ADD", "workload", SHOP, ""); /* known by its namespace after a restart too */
    world_expect(w, 0, "10.9.0.2/24");
    world_expect_counts(w, 1);
    world_ask(w, "DEL", "sandbox", SHOP, "");
    world_expect_counts(w, 0);
}

static void sandbox_goes_before_its_containers(void **state)
{
    struct world *w = *state;
    add_sandbox(w);
    world_ask(w, "ADD", "workload", SHOP, "");
    world_ask(w, "DEL", "sandbox", SHOP, "");
    world_expect_counts(w, 0);
    w->missing_netns = w->netns;
    world_ask(w, "DEL", "workload", SHOP, "");
    world_expect(w, 0, "");
    world_ask(w, "ADD", "workload", SHOP, "");
    world_expect(w, 4, "CNI_NETNS");
    world_expect_counts(w, 0);
}

static void check_of_the_other_container_is_the_sandboxs(void **state)
{
    struct world *w = *state;
    add_sandbox(w);
    world_ask(w, "CHECK", "workload", SHOP, PREV);
    world_expect(w, 0, "");
    w->check_rc = ERR_CONFLICT;
    world_ask(w, "CHECK", "workload", SHOP, PREV);
    world_expect(w, 101, "MTU");
    world_ask(w, "DEL", "sandbox", SHOP, "");
    world_ask(w, "CHECK", "workload", SHOP, PREV);
    world_expect(w, 100, "not attached");
}

static void namespace_of_another_pod_is_refused(void **state)
{
    struct world *w = *state;
    add_sandbox(w);
    world_know_pod(w, "shop/other/u2");
    world_ask(w, "ADD", "c2", "K8S_POD_NAMESPACE=shop;K8S_POD_NAME=other", "");
    world_expect(w, 4, "that of Pod shop/web");
    world_expect_counts(w, 1);
}

static void other_namespaces_are_other_pods(void **state)
{
    struct world *w = *state;
    add_sandbox(w);
    w->netns = "11111111-2222-3333-4444-555555555556";
    world_ask(w, "ADD", "newer", SHOP, ""); /* a new sandbox of the same Pod */
    world_expect(w, 0, "10.9.0.3/24");
    world_expect_counts(w, 2);
    world_ask(w, "DEL", "sandbox", SHOP, "");
    world_expect_counts(w, 1);
    assert_non_null(world_port_of(w, "newer"));
}

/* Both at once: whoever comes first has the endpoint, and there is one. */
static void containers_of_a_namespace_come_one_after_the_other(void **state)
{
    struct world *w = *state;
    world_send(w, "ADD", "sandbox", SHOP, "");
    world_send(w, "ADD", "workload", SHOP, "");
    world_pump(w);
    assert_int_equal(w->n_replies, 2);
    assert_string_equal(w->replies[0].body, w->replies[1].body);
    world_expect_counts(w, 1);
    assert_non_null(world_port_of(w, "sandbox"));
}

static void deletion_of_the_sandbox_cancels_who_waits_on_it(void **state)
{
    struct world *w = *state;
    add_sandbox(w);
    w->hold_acks = true;
    w->revision++;
    world_send(w, "ADD", "workload", SHOP, "");
    world_pump(w);
    world_send(w, "DEL", "sandbox", SHOP, "");
    world_pump(w);
    world_expect(w, 0, ""); /* the DEL; before it, the ADD */
    assert_int_equal(w->replies[w->n_replies - 2].status, 500);
    assert_non_null(strstr(w->replies[w->n_replies - 2].body, "\"code\":11,"));
    world_expect_counts(w, 0);
}

static void deletion_without_a_namespace_meets_its_add(void **state)
{
    struct world *w = *state;
    world_send(w, "ADD", "sandbox", SHOP, "");
    w->netns = "";
    world_send(w, "DEL", "sandbox", SHOP, "");
    world_pump(w);
    assert_int_equal(w->n_replies, 2);
    world_expect_counts(w, 0);
}

/* The runtime's list names the containers that share a namespace too. */
static void collection_knows_containers_without_a_record(void **state)
{
    struct world *w = *state;
    add_sandbox(w);
    world_ask(w, "ADD", "workload", SHOP, "");
    world_ask(w, "GC", "", "",
              ",\"cni.dev/valid-attachments\":[{\"containerID\":\"sandbox\",\"ifname\":\"eth0\"},"
              "{\"containerID\":\"workload\",\"ifname\":\"eth0\"}]");
    world_expect(w, 0, "");
    world_expect_counts(w, 1);
    world_ask(w, "GC", "", "", ",\"cni.dev/valid-attachments\":[]");
    world_expect(w, 0, "");
    world_expect_counts(w, 0);
}

static void lost_interface_comes_back_with_its_address(void **state)
{
    struct world *w = *state;
    static const char *const containers[] = {"sandbox", "workload"};
    add_sandbox(w);
    for (size_t i = 0; i < ARRAY_LEN(containers); i++) {
        w->n_interfaces = 0;
        sbuf_clear(&w->trace);
        world_ask(w, "ADD", containers[i], SHOP, "");
        world_expect(w, 0, "10.9.0.2/24");
        assert_non_null(strstr(w->trace.data, "create port_add "));
        assert_null(strstr(w->trace.data, "delete"));
        world_expect_counts(w, 1);
    }
}

/* Linux: a path is a path, and each container has an interface of its own. */
static void paths_are_compared_as_text(void **state)
{
    struct world *w = *state;
    w->hcn = w->late_ports = false;
    world_restart(w, true);
    world_ask(w, "ADD", "c1", "", "");
    world_ask(w, "ADD", "c2", "", "");
    world_expect(w, 0, "10.9.0.3/24");
    world_expect_counts(w, 2);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(namespace_must_be_a_guid),
        TEST(guid_of_any_form_is_taken_and_given_back),
        TEST(unknown_namespace_is_code_4),
        TEST(service_that_is_away_is_try_again),
        TEST(other_container_of_the_pod_gets_the_sandboxs_result),
        TEST(its_deletion_changes_nothing),
        TEST(sandbox_goes_before_its_containers),
        TEST(check_of_the_other_container_is_the_sandboxs),
        TEST(namespace_of_another_pod_is_refused),
        TEST(other_namespaces_are_other_pods),
        TEST(containers_of_a_namespace_come_one_after_the_other),
        TEST(deletion_of_the_sandbox_cancels_who_waits_on_it),
        TEST(deletion_without_a_namespace_meets_its_add),
        TEST(collection_knows_containers_without_a_record),
        TEST(lost_interface_comes_back_with_its_address),
        TEST(paths_are_compared_as_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
