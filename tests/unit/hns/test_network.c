/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "hns/hcn_error.h"
#include "hns/network.h"
#include "tests/support/fake_hcn.h"

#define FOREIGN "bbbbbbbb-0000-0000-0000-000000000001"
#define AWAY UINT32_C(0x800706ba)

struct fixture {
    struct fake_hcn *fake;
    struct hns_client hns;
    struct arena a;
    struct prefix subnets[2];
    struct network_spec spec;
    struct guid id;
    struct err err;
};

static int setup(void **state)
{
    struct fixture *x = mem_calloc(1, sizeof *x);
    x->fake = fake_hcn_new();
    hns_init(&x->hns, &fake_hcn_ops, x->fake);
    arena_init(&x->a, 1 << 20);
    assert_true(prefix_parse("10.10.1.0/24", &x->subnets[0]));
    assert_true(prefix_parse("fd00:10::/64", &x->subnets[1]));
    x->spec = (struct network_spec){.name = NETWORK_NAME,
                                    .adapter = "Ethernet0",
                                    .subnets = x->subnets,
                                    .n_subnets = 2,
                                    .extension = true};
    *state = x;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *x = *state;
    fake_hcn_free(x->fake);
    arena_done(&x->a);
    mem_free(x);
    return 0;
}

static void ensure(struct fixture *x)
{
    int rc = network_ensure(&x->hns, &x->spec, &x->id, &x->err);
    if (rc)
        fail_msg("%s", x->err.text);
}

static void test_it_is_made_once(void **state)
{
    struct fixture *x = *state;
    ensure(x);
    struct guid want = network_id("seine");
    assert_true(guid_equal(&x->id, &want));
    assert_string_equal(
        x->fake->calls.v[2].json,
        "{\"SchemaVersion\":{\"Major\":2,\"Minor\":0},\"ID\":\"bdac3ddd-a943-8460-b21d-"
        "aadada145b57\","
        "\"Name\":\"seine\",\"Type\":\"Transparent\",\"Policies\":[{\"Type\":\"NetAdapterName\","
        "\"Settings\":{\"NetworkAdapterName\":\"Ethernet0\"}},{\"Type\":\"VSwitchExtension\","
        "\"Settings\":{\"ExtensionID\":\"583cc151-73ec-4a6a-8b47-578297ad7623\",\"Enable\":true}}],"
        "\"Ipams\":[{\"Type\":\"Static\",\"Subnets\":[{\"IpAddressPrefix\":\"10.10.1.0/24\","
        "\"Routes\":[{\"NextHop\":\"10.10.1.1\",\"DestinationPrefix\":\"0.0.0.0/0\"}]},"
        "{\"IpAddressPrefix\":\"fd00:10::/64\",\"Routes\":[{\"NextHop\":\"fd00:10::1\","
        "\"DestinationPrefix\":\"::/0\"}]}]}],\"Flags\":0}");
    ensure(x);
    ensure(x);
    assert_int_equal(fake_hcn_calls(x->fake, HCN_CREATE, HCN_NETWORK), 1);
    assert_int_equal(fake_hcn_calls(x->fake, HCN_MODIFY, HCN_NETWORK), 0);
}

/* Whatever adapter the service takes is the right one. */
static void test_without_an_adapter_none_is_named_or_compared(void **state)
{
    struct fixture *x = *state;
    x->spec.adapter = NULL;
    ensure(x);
    assert_null(strstr(x->fake->calls.v[2].json, "NetAdapterName"));
    assert_non_null(
        strstr(x->fake->calls.v[2].json, "\"Policies\":[{\"Type\":\"VSwitchExtension\""));
    fake_hcn_forget(x->fake);
    x->spec.adapter = "Ethernet0";
    ensure(x);
    x->spec.adapter = NULL;
    ensure(x);
    assert_int_equal(fake_hcn_count(x->fake, HCN_NETWORK), 1);
}

static void test_after_a_reboot_it_is_made_anew(void **state)
{
    struct fixture *x = *state;
    ensure(x);
    fake_hcn_forget(x->fake);
    assert_int_equal(fake_hcn_count(x->fake, HCN_NETWORK), 0);
    ensure(x);
    assert_int_equal(fake_hcn_count(x->fake, HCN_NETWORK), 1);
    assert_int_equal(fake_hcn_calls(x->fake, HCN_CREATE, HCN_NETWORK), 2);
}

static void test_a_service_that_is_away_makes_nothing(void **state)
{
    struct fixture *x = *state;
    ensure(x);
    x->fake->down = true;
    assert_int_equal(network_ensure(&x->hns, &x->spec, &x->id, &x->err), ERR_AGAIN);
    assert_int_equal(network_delete(&x->hns, "seine", &x->err), ERR_AGAIN);
    assert_int_equal(network_set_extension(&x->hns, "seine", true, &x->err), ERR_AGAIN);
    x->fake->down = false;
    fake_hcn_fail(x->fake, HCN_QUERY, HCN_NETWORK, AWAY, 1);
    assert_int_equal(network_ensure(&x->hns, &x->spec, &x->id, &x->err), ERR_AGAIN);
    assert_int_equal(fake_hcn_calls(x->fake, HCN_CREATE, HCN_NETWORK), 1);
}

/* The answer to the making was lost: the next call finds it. */
static void test_a_lost_answer_is_read_again(void **state)
{
    struct fixture *x = *state;
    fake_hcn_lose(x->fake, HCN_CREATE, HCN_NETWORK, AWAY, 1);
    assert_int_equal(network_ensure(&x->hns, &x->spec, &x->id, &x->err), ERR_AGAIN);
    ensure(x);
    assert_int_equal(fake_hcn_calls(x->fake, HCN_CREATE, HCN_NETWORK), 1);
    /* Lost as "exists": what is there counts. */
    fake_hcn_forget(x->fake);
    fake_hcn_lose(x->fake, HCN_CREATE, HCN_NETWORK, HCN_E(0x10), 1);
    ensure(x);
}

static void test_what_is_not_shown_yet_is_asked_again(void **state)
{
    struct fixture *x = *state;
    fake_hcn_fail(x->fake, HCN_QUERY, HCN_NETWORK, HCN_E(0x01), 3);
    assert_int_equal(network_ensure(&x->hns, &x->spec, &x->id, &x->err), ERR_AGAIN);
    assert_string_equal(x->err.text, "HNS network seine was made and is not there yet");
    ensure(x);
}

static void test_one_with_a_guid_of_the_services_own_is_found_by_name(void **state)
{
    struct fixture *x = *state;
    x->fake->own_ids = true;
    ensure(x);
    struct guid own = network_id("seine");
    assert_false(guid_equal(&x->id, &own));
    ensure(x);
    assert_int_equal(fake_hcn_calls(x->fake, HCN_CREATE, HCN_NETWORK), 1);
    assert_int_equal(network_delete(&x->hns, "seine", &x->err), 0);
    assert_int_equal(fake_hcn_count(x->fake, HCN_NETWORK), 0);
}

static void differs(struct fixture *x, const char *json, const char *text)
{
    fake_hcn_put(x->fake, HCN_NETWORK, FOREIGN, json);
    assert_int_equal(network_ensure(&x->hns, &x->spec, &x->id, &x->err), ERR_CONFLICT);
    assert_string_equal(x->err.text, text);
}

static void test_another_network_of_the_name_is_left_alone(void **state)
{
    struct fixture *x = *state;
    differs(x, "{\"Name\":\"seine\"}", "HNS network seine is of type NAT, not Transparent");
    assert_int_equal(network_delete(&x->hns, "seine", &x->err), ERR_CONFLICT);
    assert_string_equal(x->err.text, "HNS network seine is of type NAT: it is not ours");
    differs(
        x,
        "{\"Name\":\"seine\",\"Type\":\"Transparent\",\"Policies\":[{\"Type\":\"NetAdapterName\","
        "\"Settings\":{\"NetworkAdapterName\":\"Ethernet1\"}}]}",
        "HNS network seine is bound to adapter Ethernet1, not Ethernet0");
    differs(x,
            "{\"Name\":\"seine\",\"Type\":\"Transparent\",\"Ipams\":[{\"Subnets\":[{"
            "\"IpAddressPrefix\":\"10.10.1.0/24\"}]}]}",
            "HNS network seine has no subnet fd00:10::/64");
    assert_int_equal(fake_hcn_calls(x->fake, HCN_CREATE, HCN_NETWORK), 0);
    assert_int_equal(fake_hcn_calls(x->fake, HCN_MODIFY, HCN_NETWORK), 0);
    assert_int_equal(fake_hcn_count(x->fake, HCN_NETWORK), 1);
}

static void test_one_that_says_less_is_taken_as_made(void **state)
{
    struct fixture *x = *state;
    x->spec.n_subnets = 0;
    struct guid id = fake_hcn_put(x->fake, HCN_NETWORK, FOREIGN,
                                  "{\"Name\":\"seine\",\"Type\":\"Transparent\"}");
    ensure(x);
    assert_true(guid_equal(&x->id, &id));
}

static void test_without_dual_stack_there_is_no_ipv6_subnet(void **state)
{
    struct fixture *x = *state;
    x->fake->version = (struct hcn_version){10, 4};
    ensure(x);
    const char *doc = fake_hcn_get(x->fake, HCN_NETWORK, &x->id);
    assert_non_null(strstr(doc, "10.10.1.0/24"));
    assert_null(strstr(doc, "fd00"));
    ensure(x);
}

static void test_a_service_without_the_second_schema_is_refused(void **state)
{
    struct fixture *x = *state;
    x->spec.n_subnets = 1;
    x->fake->version = (struct hcn_version){7, 2};
    assert_int_equal(network_ensure(&x->hns, &x->spec, &x->id, &x->err), ERR_UNSUPPORTED);
    assert_string_equal(x->err.text, "V2Api needs HNS 9.2+, this is 7.2");
}

static void test_too_many_subnets_are_refused(void **state)
{
    struct fixture *x = *state;
    struct prefix many[9];
    for (size_t i = 0; i < ARRAY_LEN(many); i++)
        many[i] = x->subnets[0];
    x->spec.subnets = many;
    x->spec.n_subnets = ARRAY_LEN(many);
    assert_int_equal(network_ensure(&x->hns, &x->spec, &x->id, &x->err), ERR_TOO_BIG);
}

/* ---- the extension ---- */

static bool has_extension(struct fixture *x)
{
    struct hcn_network n;
    assert_int_equal(network_find(&x->hns, "seine", &x->a, &n, &x->err), HNS_PRESENT);
    return network_has_extension(&n);
}

static void test_the_extension_is_switched(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(network_set_extension(&x->hns, "seine", true, &x->err), ERR_NOT_FOUND);
    x->spec.extension = false;
    ensure(x);
    assert_false(has_extension(x));
    assert_int_equal(network_set_extension(&x->hns, "seine", true, &x->err), 0);
    assert_true(has_extension(x));
    assert_int_equal(network_set_extension(&x->hns, "seine", true, &x->err), 0);
    assert_int_equal(fake_hcn_calls(x->fake, HCN_MODIFY, HCN_NETWORK), 1);
    ensure(x); /* never disables it */
    assert_true(has_extension(x));
    assert_int_equal(network_set_extension(&x->hns, "seine", false, &x->err), 0);
    assert_false(has_extension(x));
    x->spec.extension = true;
    ensure(x);
    assert_true(has_extension(x));
    struct guid id = x->id;
    const char *doc = fake_hcn_get(x->fake, HCN_NETWORK, &id);
    assert_non_null(strstr(doc, "Ethernet0")); /* the other policies stay */
}

static void test_a_change_that_is_not_there_afterwards_is_said(void **state)
{
    struct fixture *x = *state;
    x->spec.extension = false;
    ensure(x);
    fake_hcn_fail(x->fake, HCN_MODIFY, HCN_NETWORK, 0, 1); /* "done", and nothing was */
    assert_int_equal(network_set_extension(&x->hns, "seine", true, &x->err), ERR_CONFLICT);
    assert_string_equal(x->err.text,
                        "HNS network seine: the extension of Open vSwitch stays disabled");
    fake_hcn_fail(x->fake, HCN_MODIFY, HCN_NETWORK, HCN_E(0x1f), 1);
    assert_int_equal(network_set_extension(&x->hns, "seine", true, &x->err), ERR_NOT_FOUND);
    assert_non_null(strstr(x->err.text, "HCN_E_SWITCH_EXTENSION_NOT_FOUND"));
}

static void test_deleting_takes_the_endpoints_along(void **state)
{
    struct fixture *x = *state;
    ensure(x);
    struct hcn_endpoint e = {.id = network_id("e"), .name = "p", .network = x->id};
    struct guid ns = fake_hcn_put(x->fake, HCN_NAMESPACE, FOREIGN, "{}"), net = x->id;
    assert_int_equal(hns_endpoint_create(&x->hns, &e, &x->err), 0);
    assert_int_equal(hns_attach(&x->hns, &ns, &e.id, &x->err), 0);
    assert_int_equal(hns_network_delete(&x->hns, &net, &x->err), ERR_CONFLICT); /* by itself */
    fake_hcn_fail(x->fake, HCN_DELETE, HCN_ENDPOINT, AWAY, 1);
    assert_int_equal(network_delete(&x->hns, "seine", &x->err), ERR_AGAIN);
    assert_int_equal(network_delete(&x->hns, "seine", &x->err), 0);
    assert_int_equal(fake_hcn_count(x->fake, HCN_ENDPOINT), 0);
    assert_int_equal(fake_hcn_count(x->fake, HCN_NETWORK), 0);
    assert_int_equal(network_delete(&x->hns, "seine", &x->err), 0);
}

/* Every call may fail: nothing is ever made twice, and a later call goes through. */
static void test_whatever_call_fails_the_next_try_ends_well(void **state)
{
    struct fixture *x = *state;
    static const enum hcn_op ops[] = {HCN_ENUMERATE, HCN_CREATE, HCN_QUERY, HCN_MODIFY};
    for (size_t i = 0; i < ARRAY_LEN(ops); i++)
        for (int lose = 0; lose < 2; lose++)
            for (int n = 1; n < 4; n++) {
                fake_hcn_forget(x->fake);
                if (lose)
                    fake_hcn_lose(x->fake, ops[i], HCN_NETWORK, AWAY, n);
                else
                    fake_hcn_fail(x->fake, ops[i], HCN_NETWORK, AWAY, n);
                int tries = 0;
                while (network_ensure(&x->hns, &x->spec, &x->id, &x->err)) {
                    assert_int_equal(x->err.code, ERR_AGAIN);
                    assert_true(++tries < 5);
                }
                assert_int_equal(fake_hcn_count(x->fake, HCN_NETWORK), 1);
                x->fake->rules.n = 0;
            }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_it_is_made_once),
        T(test_without_an_adapter_none_is_named_or_compared),
        T(test_after_a_reboot_it_is_made_anew),
        T(test_a_service_that_is_away_makes_nothing),
        T(test_a_lost_answer_is_read_again),
        T(test_what_is_not_shown_yet_is_asked_again),
        T(test_one_with_a_guid_of_the_services_own_is_found_by_name),
        T(test_another_network_of_the_name_is_left_alone),
        T(test_one_that_says_less_is_taken_as_made),
        T(test_without_dual_stack_there_is_no_ipv6_subnet),
        T(test_a_service_without_the_second_schema_is_refused),
        T(test_too_many_subnets_are_refused),
        T(test_the_extension_is_switched),
        T(test_a_change_that_is_not_there_afterwards_is_said),
        T(test_deleting_takes_the_endpoints_along),
        T(test_whatever_call_fails_the_next_try_ends_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
