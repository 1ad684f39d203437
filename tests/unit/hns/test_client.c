/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "hns/hcn_error.h"
#include "tests/support/fake_hcn.h"

#define ID1 "aaaaaaaa-0000-0000-0000-000000000001"
#define ID2 "aaaaaaaa-0000-0000-0000-000000000002"
#define ID3 "aaaaaaaa-0000-0000-0000-000000000003"
#define AWAY UINT32_C(0x800706ba)

struct fixture {
    struct fake_hcn *fake;
    struct hns_client hns;
    struct arena a;
    struct err err;
};

static int setup(void **state)
{
    struct fixture *x = mem_calloc(1, sizeof *x);
    x->fake = fake_hcn_new();
    hns_init(&x->hns, &fake_hcn_ops, x->fake);
    arena_init(&x->a, 1 << 20);
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

static struct guid guid(const char *s)
{
    struct guid g;
    assert_true(guid_parse(s, &g));
    return g;
}

/* ---- version ---- */

static void test_the_version_is_asked_once(void **state)
{
    struct fixture *x = *state;
    struct hcn_version v;
    x->fake->version = (struct hcn_version){11, 10};
    assert_int_equal(hns_version(&x->hns, &v, &x->err), 0);
    assert_int_equal(v.major, 11);
    assert_int_equal(v.minor, 10);
    x->fake->version = (struct hcn_version){15, 0};
    assert_int_equal(hns_version(&x->hns, &v, &x->err), 0);
    assert_int_equal(v.major, 11);
}

static void test_a_service_that_tells_no_version_is_the_oldest(void **state)
{
    struct fixture *x = *state;
    struct hcn_version v;
    x->fake->no_version = true;
    assert_int_equal(hns_version(&x->hns, &v, &x->err), 0);
    assert_int_equal(v.major, 9);
    assert_int_equal(v.minor, 2);
}

static void test_an_answer_without_a_version_is_the_oldest_too(void **state)
{
    struct fixture *x = *state;
    struct hcn_version v;
    x->fake->odd_version = "{\"Success\":false,\"Error\":\"no such path\"}";
    assert_int_equal(hns_version(&x->hns, &v, &x->err), 0);
    assert_int_equal(v.major, 9);
    struct hns_client other;
    hns_init(&other, &fake_hcn_ops, x->fake);
    x->fake->odd_version = "{\"Success\":true,\"Output\":{\"Major\":70000,\"Minor\":0}}";
    assert_int_equal(hns_version(&other, &v, &x->err), ERR_PROTOCOL);
    x->fake->odd_version = "13.2";
    assert_int_equal(hns_version(&other, &v, &x->err), ERR_PROTOCOL);
}

static void test_no_version_is_taken_from_a_service_that_is_away(void **state)
{
    struct fixture *x = *state;
    struct hcn_version v;
    x->fake->down = true;
    assert_int_equal(hns_version(&x->hns, &v, &x->err), ERR_AGAIN);
    x->fake->no_version = true;
    assert_int_equal(hns_version(&x->hns, &v, &x->err), ERR_AGAIN);
    x->fake->missing = true;
    assert_int_equal(hns_version(&x->hns, &v, &x->err), ERR_UNSUPPORTED);
    assert_string_equal(x->err.text, "hns: absent");
    x->fake->missing = x->fake->down = x->fake->no_version = false;
    assert_int_equal(hns_version(&x->hns, &v, &x->err), 0);
    assert_int_equal(v.major, 13);
}

static void test_what_a_version_lacks_is_said(void **state)
{
    struct fixture *x = *state;
    x->fake->version = (struct hcn_version){10, 4};
    assert_int_equal(hns_need(&x->hns, FEATURE_SLASH32, &x->err), 0);
    assert_int_equal(hns_need(&x->hns, FEATURE_DUAL_STACK, &x->err), ERR_UNSUPPORTED);
    assert_string_equal(x->err.text, "IPv6DualStack needs HNS 11.10+, this is 10.4");
}

/* ---- three answers ---- */

static void test_present_absent_unknown(void **state)
{
    struct fixture *x = *state;
    struct guid id1 = fake_hcn_put(x->fake, HCN_NETWORK, ID1, "{\"Name\":\"a\"}"), id2 = guid(ID2);
    struct hcn_network n;
    struct hcn_endpoint e;
    struct hcn_namespace ns;
    assert_int_equal(hns_network_get(&x->hns, &id1, &x->a, &n, &x->err), HNS_PRESENT);
    assert_string_equal(n.name, "a");
    assert_true(guid_equal(&n.id, &id1));
    assert_int_equal(hns_network_get(&x->hns, &id2, &x->a, &n, &x->err), HNS_ABSENT);
    assert_int_equal(x->err.code, ERR_NOT_FOUND);
    assert_int_equal(hns_endpoint_get(&x->hns, &id2, &x->a, &e, &x->err), HNS_ABSENT);
    assert_int_equal(hns_namespace_get(&x->hns, &id2, &x->a, &ns, &x->err), HNS_ABSENT);
    x->fake->down = true;
    assert_int_equal(hns_network_get(&x->hns, &id1, &x->a, &n, &x->err), HNS_UNKNOWN);
    assert_int_equal(x->err.code, ERR_AGAIN);
    assert_int_equal(hns_namespace_get(&x->hns, &id1, &x->a, &ns, &x->err), HNS_UNKNOWN);
    assert_int_equal(hns_network_find(&x->hns, "a", &x->a, &n, &x->err), HNS_UNKNOWN);
    x->fake->down = false;
    x->fake->missing = true;
    assert_int_equal(hns_network_get(&x->hns, &id1, &x->a, &n, &x->err), HNS_UNKNOWN);
    assert_int_equal(x->err.code, ERR_UNSUPPORTED);
}

/* Whatever number of the table it is: absent only where it speaks of the object itself. */
static void test_only_the_objects_own_number_means_absent(void **state)
{
    struct fixture *x = *state;
    struct guid id = guid(ID1);
    size_t n = 0;
    const struct hcn_error *t = hcn_error_table(&n);
    for (size_t i = 0; i < n; i++) {
        struct hcn_endpoint e;
        bool own = t[i].hr == HCN_E(0x02) || t[i].hr == UINT32_C(0x80070490);
        fake_hcn_fail(x->fake, HCN_QUERY, HCN_ENDPOINT, t[i].hr, 1);
        enum hns_found found = hns_endpoint_get(&x->hns, &id, &x->a, &e, &x->err);
        assert_int_equal(found, own ? HNS_ABSENT : HNS_UNKNOWN);
        assert_true(own || x->err.code != ERR_NOT_FOUND);
        fake_hcn_fail(x->fake, HCN_DELETE, HCN_ENDPOINT, t[i].hr, 1);
        int rc = hns_endpoint_delete(&x->hns, &id, &x->err);
        assert_true(own ? rc == 0 : rc < 0 && rc != ERR_NOT_FOUND);
        struct hcn_guids ids;
        fake_hcn_fail(x->fake, HCN_ENUMERATE, HCN_ENDPOINT, t[i].hr, 1);
        rc = hns_endpoint_ids(&x->hns, NULL, &x->a, &ids, &x->err);
        assert_true(rc < 0 && rc != ERR_NOT_FOUND && x->err.code == rc);
    }
}

static void test_an_answer_that_cannot_be_read_is_unknown(void **state)
{
    struct fixture *x = *state;
    struct guid id = fake_hcn_put(x->fake, HCN_ENDPOINT, ID1, "{\"Flags\":\"x\"}");
    struct hcn_endpoint e;
    struct hns_endpoints list;
    assert_int_equal(hns_endpoint_get(&x->hns, &id, &x->a, &e, &x->err), HNS_UNKNOWN);
    assert_int_equal(x->err.code, ERR_PROTOCOL);
    assert_string_equal(x->err.text, "hns: endpoint: Flags: not a number");
    assert_int_equal(hns_endpoint_list(&x->hns, NULL, &x->a, &list, &x->err), ERR_PROTOCOL);
}

/* ---- lists ---- */

static void test_lists_are_whole_or_an_error(void **state)
{
    struct fixture *x = *state;
    struct hns_networks list;
    assert_int_equal(hns_network_list(&x->hns, &x->a, &list, &x->err), 0);
    assert_int_equal(list.n, 0);
    fake_hcn_put(x->fake, HCN_NETWORK, ID1, "{\"Name\":\"a\"}");
    fake_hcn_put(x->fake, HCN_NETWORK, ID2, "{\"Name\":\"b\",\"Type\":\"Overlay\"}");
    assert_int_equal(hns_network_list(&x->hns, &x->a, &list, &x->err), 0);
    assert_int_equal(list.n, 2);
    assert_string_equal(list.v[1].name, "b");
    x->fake->reorder = true;
    assert_int_equal(hns_network_list(&x->hns, &x->a, &list, &x->err), 0);
    assert_string_equal(list.v[0].name, "b");
    fake_hcn_fail(x->fake, HCN_QUERY, HCN_NETWORK, AWAY, 1);
    assert_int_equal(hns_network_list(&x->hns, &x->a, &list, &x->err), ERR_AGAIN);
    /* One that went meanwhile is left out. */
    fake_hcn_fail(x->fake, HCN_QUERY, HCN_NETWORK, HCN_E(0x01), 1);
    assert_int_equal(hns_network_list(&x->hns, &x->a, &list, &x->err), 0);
    assert_int_equal(list.n, 1);
    x->fake->down = true;
    assert_int_equal(hns_network_list(&x->hns, &x->a, &list, &x->err), ERR_AGAIN);
}

static void test_endpoints_of_a_network_even_if_the_filter_is_passed_over(void **state)
{
    struct fixture *x = *state;
    struct guid net = guid(ID1);
    struct hns_endpoints list;
    struct hcn_guids ids;
    fake_hcn_put(x->fake, HCN_ENDPOINT, ID2,
                 "{\"Name\":\"in\",\"HostComputeNetwork\":\"" ID1 "\"}");
    fake_hcn_put(x->fake, HCN_ENDPOINT, ID3,
                 "{\"Name\":\"out\",\"HostComputeNetwork\":\"" ID3 "\"}");
    assert_int_equal(hns_endpoint_ids(&x->hns, &net, &x->a, &ids, &x->err), 0);
    assert_int_equal(ids.n, 1);
    for (int loose = 0; loose < 2; loose++) {
        x->fake->loose = loose != 0;
        assert_int_equal(hns_endpoint_list(&x->hns, &net, &x->a, &list, &x->err), 0);
        assert_int_equal(list.n, 1);
        assert_string_equal(list.v[0].name, "in");
    }
    assert_int_equal(hns_endpoint_list(&x->hns, NULL, &x->a, &list, &x->err), 0);
    assert_int_equal(list.n, 2);
    assert_int_equal(fake_hcn_calls(x->fake, HCN_ENUMERATE, HCN_ENDPOINT), 4);
}

static void test_a_network_is_found_by_its_name(void **state)
{
    struct fixture *x = *state;
    struct hcn_network n;
    fake_hcn_put(x->fake, HCN_NETWORK, ID1, "{\"Name\":\"seine2\"}");
    fake_hcn_put(x->fake, HCN_NETWORK, ID2, "{\"Name\":\"seine\"}");
    x->fake->loose = true;
    assert_int_equal(hns_network_find(&x->hns, "seine", &x->a, &n, &x->err), HNS_PRESENT);
    assert_int_equal(n.id.b[15], 2);
    assert_int_equal(hns_network_find(&x->hns, "other", &x->a, &n, &x->err), HNS_ABSENT);
    fake_hcn_fail(x->fake, HCN_QUERY, HCN_NETWORK, AWAY, 1);
    assert_int_equal(hns_network_find(&x->hns, "seine", &x->a, &n, &x->err), HNS_UNKNOWN);
}

/* ---- writing ---- */

static void make_network(struct fixture *x)
{
    struct hcn_network n = {.schema_version = HCN_SCHEMA_2,
                            .id = guid(ID1),
                            .name = "seine",
                            .type = HCN_NETWORK_TRANSPARENT};
    assert_int_equal(hns_network_create(&x->hns, &n, &x->err), 0);
}

static struct guid make_endpoint(struct fixture *x, const char *id)
{
    struct hcn_ip_config ip = {"10.0.0.5", 24};
    struct hcn_endpoint e = {.schema_version = HCN_SCHEMA_2,
                             .id = guid(id),
                             .name = "p",
                             .network = guid(ID1),
                             .ips = {&ip, 1}};
    assert_int_equal(hns_endpoint_create(&x->hns, &e, &x->err), 0);
    return e.id;
}

static void test_an_endpoint_lives(void **state)
{
    struct fixture *x = *state;
    struct hcn_endpoint e;
    struct hcn_namespace ns;
    make_network(x);
    struct guid id = make_endpoint(x, ID2);
    struct guid ns_id = fake_hcn_put(x->fake, HCN_NAMESPACE, ID3, "{\"Type\":\"Host\"}");
    assert_int_equal(hns_attach(&x->hns, &ns_id, &id, &x->err), 0);
    assert_int_equal(hns_endpoint_get(&x->hns, &id, &x->a, &e, &x->err), HNS_PRESENT);
    assert_true(guid_equal(&e.namespace_, &ns_id));
    assert_int_equal(hns_namespace_get(&x->hns, &ns_id, &x->a, &ns, &x->err), HNS_PRESENT);
    assert_int_equal(ns.resources.n, 1);
    assert_true(guid_equal(&ns.resources.v[0].id, &id));
    assert_int_equal(hns_attach(&x->hns, &ns_id, &id, &x->err), ERR_CONFLICT);
    assert_int_equal(x->err.os_code, HCN_E(0x2b));
    assert_int_equal(hns_endpoint_delete(&x->hns, &id, &x->err), ERR_CONFLICT);
    assert_int_equal(hns_detach(&x->hns, &ns_id, &id, &x->err), 0);
    assert_int_equal(hns_endpoint_delete(&x->hns, &id, &x->err), 0);
    assert_int_equal(hns_endpoint_get(&x->hns, &id, &x->a, &e, &x->err), HNS_ABSENT);
}

static void test_what_is_gone_is_taken_away_with_success(void **state)
{
    struct fixture *x = *state;
    struct guid id = guid(ID2), ns = guid(ID3);
    assert_int_equal(hns_endpoint_delete(&x->hns, &id, &x->err), 0);
    assert_int_equal(hns_network_delete(&x->hns, &id, &x->err), 0);
    assert_int_equal(hns_detach(&x->hns, &ns, &id, &x->err), 0); /* no namespace */
    fake_hcn_put(x->fake, HCN_NAMESPACE, ID3, "{}");
    assert_int_equal(hns_detach(&x->hns, &ns, &id, &x->err), 0); /* no endpoint */
    x->fake->down = true;
    assert_int_equal(hns_endpoint_delete(&x->hns, &id, &x->err), ERR_AGAIN);
    assert_int_equal(hns_detach(&x->hns, &ns, &id, &x->err), ERR_AGAIN);
}

static void test_refusals_come_with_their_names(void **state)
{
    struct fixture *x = *state;
    struct hcn_endpoint e = {.id = guid(ID2), .network = guid(ID1)};
    assert_int_equal(hns_endpoint_create(&x->hns, &e, &x->err), ERR_NOT_FOUND);
    assert_string_equal(x->err.text, "HcnFake: HCN_E_NETWORK_NOT_FOUND: no such network");
    make_network(x);
    make_endpoint(x, ID2);
    assert_int_equal(hns_endpoint_create(&x->hns, &e, &x->err), ERR_EXISTS);
    assert_non_null(strstr(x->err.text, "ERROR_ALREADY_EXISTS"));
    struct hcn_network again = {.id = guid(ID3), .name = "seine"};
    assert_int_equal(hns_network_create(&x->hns, &again, &x->err), ERR_EXISTS);
    assert_int_equal(x->err.os_code, HCN_E(0x10));
}

/* S_OK with an ErrorRecord is a failure. */
static void test_a_record_after_success_fails_the_call(void **state)
{
    struct fixture *x = *state;
    struct guid id = guid(ID2);
    struct fake_rule r = {.op = HCN_DELETE,
                          .kind = HCN_ENDPOINT,
                          .record = "{\"Error\":\"no\",\"ErrorCode\":2147942405}",
                          .count = 1};
    VEC_PUSH(&x->fake->rules, r);
    assert_int_equal(hns_endpoint_delete(&x->hns, &id, &x->err), ERR_PERMISSION);
    assert_string_equal(x->err.text, "HcnFake: ERROR_ACCESS_DENIED: not permitted (no)");
}

static void test_policies_are_added_and_removed(void **state)
{
    struct fixture *x = *state;
    make_network(x);
    struct guid id = make_endpoint(x, ID2), net = guid(ID1);
    struct hcn_policy p[] = {{.type = HCN_POLICY_ACL, .u.acl = {.priority = 1}},
                             {.type = HCN_POLICY_ACL, .u.acl = {.priority = 2}}};
    struct hcn_policies two = {p, 2}, one = {p, 1};
    struct hcn_endpoint e;
    assert_int_equal(hns_endpoint_modify(&x->hns, &id, HCN_ADD, &two, &x->err), 0);
    assert_int_equal(hns_endpoint_modify(&x->hns, &id, HCN_REMOVE, &one, &x->err), 0);
    assert_int_equal(hns_endpoint_get(&x->hns, &id, &x->a, &e, &x->err), HNS_PRESENT);
    assert_int_equal(e.policies.n, 1);
    assert_int_equal(e.policies.v[0].u.acl.priority, 2);
    assert_int_equal(hns_endpoint_modify(&x->hns, &id, HCN_REMOVE, &one, &x->err), ERR_NOT_FOUND);
    assert_int_equal(hns_network_modify(&x->hns, &net, HCN_ADD, &one, &x->err), 0);
    assert_int_equal(fake_hcn_calls(x->fake, HCN_MODIFY, HCN_ENDPOINT), 3);
}

static unsigned in_flight_then; /* while a call was under way */

static int call_that_looks(void *aux, const struct hcn_call *call, struct hcn_reply *reply,
                           struct err *err)
{
    struct fixture *x = aux;
    in_flight_then = atomic_load(&x->hns.in_flight);
    return fake_hcn_ops.call(x->fake, call, reply, err);
}

static void test_calls_are_counted_by_how_they_end(void **state)
{
    struct fixture *x = *state;
    const struct hns_ops ops = {.call = call_that_looks};
    struct guid id = fake_hcn_put(x->fake, HCN_NETWORK, ID1, "{}"), other = guid(ID2);
    struct hcn_network n;
    hns_init(&x->hns, &ops, x);
    assert_int_equal(hns_network_get(&x->hns, &id, &x->a, &n, &x->err), HNS_PRESENT);
    assert_int_equal(hns_network_get(&x->hns, &id, &x->a, &n, &x->err), HNS_PRESENT);
    assert_int_equal(hns_network_get(&x->hns, &other, &x->a, &n, &x->err), HNS_ABSENT);
    x->fake->down = true;
    assert_int_equal(hns_network_get(&x->hns, &id, &x->a, &n, &x->err), HNS_UNKNOWN);
    static const unsigned want[HNS_N_ENDS] = {2, 1, 1};
    static const char *const names[HNS_N_ENDS] = {"ok", "refused", "away"};
    for (int i = 0; i < HNS_N_ENDS; i++) {
        assert_int_equal(atomic_load(&x->hns.ends[i]), want[i]);
        assert_string_equal(hns_end_name((enum hns_end)i), names[i]);
    }
    assert_int_equal(in_flight_then, 1);
    assert_int_equal(atomic_load(&x->hns.in_flight), 0);
}

/* The platform's own calls, where there is no service. */
static void test_without_a_service_everything_says_so(void **state)
{
    struct fixture *x = *state;
    struct guid id = guid(ID1);
    struct hcn_network n;
    struct hcn_version v;
    struct hns_client hns;
    if (hcn_load(NULL) == 0)
        skip();
    hns_init(&hns, NULL, NULL);
    assert_int_equal(hns_network_get(&hns, &id, &x->a, &n, &x->err), HNS_UNKNOWN);
    assert_string_equal(x->err.text, "hns: absent");
    assert_int_equal(hns_version(&hns, &v, &x->err), ERR_UNSUPPORTED);
    assert_int_equal(hns_need(&hns, FEATURE_ACL, &x->err), ERR_UNSUPPORTED);
    assert_string_equal(x->err.text, "hns: absent");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_the_version_is_asked_once),
        T(test_a_service_that_tells_no_version_is_the_oldest),
        T(test_an_answer_without_a_version_is_the_oldest_too),
        T(test_no_version_is_taken_from_a_service_that_is_away),
        T(test_what_a_version_lacks_is_said),
        T(test_present_absent_unknown),
        T(test_only_the_objects_own_number_means_absent),
        T(test_an_answer_that_cannot_be_read_is_unknown),
        T(test_lists_are_whole_or_an_error),
        T(test_endpoints_of_a_network_even_if_the_filter_is_passed_over),
        T(test_a_network_is_found_by_its_name),
        T(test_an_endpoint_lives),
        T(test_what_is_gone_is_taken_away_with_success),
        T(test_refusals_come_with_their_names),
        T(test_a_record_after_success_fails_the_call),
        T(test_policies_are_added_and_removed),
        T(test_calls_are_counted_by_how_they_end),
        T(test_without_a_service_everything_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
