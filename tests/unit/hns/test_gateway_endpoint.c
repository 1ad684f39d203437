/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "hns/gateway_endpoint.h"
#include "hns/hcn_error.h"
#include "hns/network.h"
#include "tests/support/fake_hcn.h"

#define HOST "aaaaaaaa-0000-0000-0000-000000000001"
#define GUEST "aaaaaaaa-0000-0000-0000-000000000002"
#define AWAY UINT32_C(0x800706ba)

struct fixture {
    struct fake_hcn *fake;
    struct hns_client hns;
    struct prefix cidrs[2];
    struct gateway_endpoint spec;
    struct guid id, host;
    struct err err;
    bool made;
};

static void make_network(struct fixture *x)
{
    struct guid id;
    struct network_spec spec = {.name = NETWORK_NAME, .subnets = x->cidrs, .n_subnets = 2};
    assert_int_equal(network_ensure(&x->hns, &spec, &id, &x->err), 0);
}

static int setup(void **state)
{
    struct fixture *x = mem_calloc(1, sizeof *x);
    x->fake = fake_hcn_new();
    hns_init(&x->hns, &fake_hcn_ops, x->fake);
    assert_true(prefix_parse("10.10.1.0/24", &x->cidrs[0]));
    assert_true(prefix_parse("fd00:10::/64", &x->cidrs[1]));
    x->spec = (struct gateway_endpoint){
        .name = "seine-gw0", .mac = mac_from_name("gateway", "a"), .cidrs = x->cidrs, .n_cidrs = 2};
    x->id = gateway_endpoint_id("seine-gw0");
    fake_hcn_put(x->fake, HCN_NAMESPACE, GUEST, "{\"Type\":\"Guest\",\"NamespaceId\":7}");
    x->host = fake_hcn_put(x->fake, HCN_NAMESPACE, HOST, "{\"Type\":\"HostDefault\"}");
    make_network(x);
    *state = x;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *x = *state;
    fake_hcn_free(x->fake);
    mem_free(x);
    return 0;
}

static void ensure(struct fixture *x, bool made)
{
    if (gateway_endpoint_ensure(&x->hns, &x->spec, &x->made, &x->err)) {
        fail_msg("%s", x->err.text);
    }
    assert_int_equal(x->made, made);
}

static const char *document(struct fixture *x)
{
    const char *text = fake_hcn_get(x->fake, HCN_ENDPOINT, &x->id);
    assert_non_null(text);
    return text;
}

static void test_it_is_made_once_and_attached_to_the_host(void **state)
{
    struct fixture *x = *state;
    char host[GUID_TEXT_MAX];
    ensure(x, true);
    assert_non_null(strstr(document(x), "\"Name\":\"seine-gw0\""));
    assert_non_null(strstr(document(x), "{\"IpAddress\":\"10.10.1.1\",\"PrefixLength\":24}"));
    assert_non_null(strstr(document(x), "{\"IpAddress\":\"fd00:10::1\",\"PrefixLength\":64}"));
    const char *in = strstr(document(x), "\"HostComputeNamespace\":\"");
    assert_non_null(in);
    assert_true(strncasecmp(in + strlen("\"HostComputeNamespace\":\""), guid_format(&x->host, host),
                            GUID_TEXT_MAX - 1) == 0);
    ensure(x, false);
    ensure(x, false);
    assert_int_equal(fake_hcn_calls(x->fake, HCN_CREATE, HCN_ENDPOINT), 1);
    assert_int_equal(fake_hcn_calls(x->fake, HCN_MODIFY, HCN_NAMESPACE), 1);
}

static void test_what_was_half_made_is_gone_on_with(void **state)
{
    struct fixture *x = *state;
    fake_hcn_fail(x->fake, HCN_MODIFY, HCN_NAMESPACE, AWAY, 1);
    assert_int_equal(gateway_endpoint_ensure(&x->hns, &x->spec, &x->made, &x->err), ERR_AGAIN);
    ensure(x, true);
    assert_int_equal(fake_hcn_calls(x->fake, HCN_CREATE, HCN_ENDPOINT), 1);
}

static void test_one_that_differs_is_made_anew(void **state)
{
    struct fixture *x = *state;
    ensure(x, true);
    x->spec.mac = mac_from_name("gateway", "b");
    ensure(x, true);
    x->spec.n_cidrs = 1;
    ensure(x, true);
    assert_null(strstr(document(x), "fd00:10::1"));
    ensure(x, false);
    assert_int_equal(fake_hcn_count(x->fake, HCN_ENDPOINT), 1);
    assert_int_equal(fake_hcn_calls(x->fake, HCN_CREATE, HCN_ENDPOINT), 3);
}

static void test_it_comes_again_with_the_network(void **state)
{
    struct fixture *x = *state;
    ensure(x, true);
    assert_int_equal(network_delete(&x->hns, NETWORK_NAME, &x->err), 0);
    assert_int_equal(fake_hcn_count(x->fake, HCN_ENDPOINT), 0);
    assert_int_equal(gateway_endpoint_ensure(&x->hns, &x->spec, &x->made, &x->err), ERR_AGAIN);
    assert_string_equal(x->err.text, "gateway's NIC: HNS network seine is not there");
    make_network(x);
    ensure(x, true);
}

static void test_without_dual_stack_ipv6_is_left_out(void **state)
{
    struct fixture *x = *state;
    x->fake->version = (struct hcn_version){.major = 9, .minor = 2};
    hns_init(&x->hns, &fake_hcn_ops, x->fake); /* it had asked already */
    ensure(x, true);
    assert_null(strstr(document(x), "fd00:10::1"));
    ensure(x, false);
}

static void test_a_service_that_is_away_makes_nothing(void **state)
{
    struct fixture *x = *state;
    static const struct {
        enum hcn_op op;
        enum hcn_kind kind;
    } calls[] = {{HCN_QUERY, HCN_NETWORK},
                 {HCN_QUERY, HCN_ENDPOINT},
                 {HCN_ENUMERATE, HCN_NAMESPACE},
                 {HCN_QUERY, HCN_NAMESPACE}};
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        fake_hcn_fail(x->fake, calls[i].op, calls[i].kind, AWAY, 1);
        assert_int_equal(gateway_endpoint_ensure(&x->hns, &x->spec, &x->made, &x->err), ERR_AGAIN);
    }
    ensure(x, true);
    assert_int_equal(fake_hcn_calls(x->fake, HCN_CREATE, HCN_ENDPOINT), 1);
}

static void test_without_a_namespace_of_the_host_it_says_so(void **state)
{
    struct fixture *x = *state;
    fake_hcn_remove(x->fake, HCN_NAMESPACE, &x->host);
    assert_int_equal(gateway_endpoint_ensure(&x->hns, &x->spec, &x->made, &x->err), ERR_NOT_FOUND);
    assert_string_equal(x->err.text, "gateway's NIC: HNS shows no namespace of the host");
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_it_is_made_once_and_attached_to_the_host),
        TEST(test_what_was_half_made_is_gone_on_with),
        TEST(test_one_that_differs_is_made_anew),
        TEST(test_it_comes_again_with_the_network),
        TEST(test_without_dual_stack_ipv6_is_left_out),
        TEST(test_a_service_that_is_away_makes_nothing),
        TEST(test_without_a_namespace_of_the_host_it_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
