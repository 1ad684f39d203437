/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "hns/hcn_error.h"
#include "hns/network.h"
#include "hns/pod_endpoint.h"
#include "tests/support/fake_hcn.h"

#define NS1 "aaaaaaaa-0000-0000-0000-000000000001"
#define NS2 "aaaaaaaa-0000-0000-0000-000000000002"
#define OTHER "bbbbbbbb-0000-0000-0000-000000000001"
#define AWAY UINT32_C(0x800706ba)
#define OWNER "seine-gw0"

struct fixture {
    struct fake_hcn *fake;
    struct hns_client hns;
    struct pod_endpoint *pods;
    struct netif_address addresses[2];
    struct netif_pod pod;
    struct guid id, ns1, ns2, network;
    struct err err;
};

static struct {
    bool nic;
    int rc;
    unsigned calls;
    uint32_t mtu;
} nic;

static bool nic_exists(const char *name)
{
    (void)name;
    return nic.nic;
}

static int set_mtu(const char *name, uint32_t mtu, struct err *err)
{
    assert_string_equal(name, "web-0-1f3c9d2");
    nic.calls++;
    nic.mtu = mtu;
    return nic.rc ? err_set(err, nic.rc, "no") : 0;
}

static struct netif_address address(const char *cidr, const char *gateway)
{
    struct netif_address a;
    assert_true(prefix_parse(cidr, &a.address) && ip_parse(gateway, &a.gateway));
    return a;
}

static void make_network(struct fixture *x)
{
    struct prefix subnets[2];
    assert_true(prefix_parse("10.10.1.0/24", &subnets[0]));
    assert_true(prefix_parse("fd00:10::/64", &subnets[1]));
    struct network_spec spec = {.name = NETWORK_NAME,
                                .adapter = "Ethernet0",
                                .subnets = subnets,
                                .n_subnets = 2,
                                .extension = true};
    assert_int_equal(network_ensure(&x->hns, &spec, &x->network, &x->err), 0);
}

static int setup(void **state)
{
    struct fixture *x = mem_calloc(1, sizeof *x);
    memset(&nic, 0, sizeof nic);
    x->fake = fake_hcn_new();
    hns_init(&x->hns, &fake_hcn_ops, x->fake);
    x->pods = pod_endpoint_new(&(struct pod_endpoint_config){
        .hns = &x->hns, .owner = OWNER, .nic_exists = nic_exists, .set_mtu = set_mtu});
    x->ns1 = fake_hcn_put(x->fake, HCN_NAMESPACE, NS1, "{\"NamespaceId\":2,\"Type\":\"Host\"}");
    x->ns2 = fake_hcn_put(x->fake, HCN_NAMESPACE, NS2, "{\"NamespaceId\":3,\"Type\":\"Host\"}");
    make_network(x);
    x->addresses[0] = address("10.10.1.5/24", "10.10.1.1");
    x->addresses[1] = address("fd00:10::5/64", "fd00:10::1");
    x->pod = (struct netif_pod){.netns = "{AAAAAAAA-0000-0000-0000-000000000001}",
                                .host_name = "web-0-1f3c9d2",
                                .pod_name = "eth0",
                                .mac = {{0x0a, 0, 0, 0, 0, 0x1b}},
                                .mtu = 1400,
                                .addresses = x->addresses,
                                .n_addresses = 2,
                                .owner = OWNER};
    x->id = pod_endpoint_id(OWNER, "web-0-1f3c9d2");
    fake_hcn_forget_calls(x->fake);
    *state = x;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *x = *state;
    pod_endpoint_free(x->pods);
    fake_hcn_free(x->fake);
    mem_free(x);
    return 0;
}

static void create(struct fixture *x)
{
    if (pod_endpoint_create(x->pods, &x->pod, &x->err))
        fail_msg("%s", x->err.text);
}

static void refused(struct fixture *x, int code, const char *text)
{
    memset(&x->err, 0, sizeof x->err);
    assert_int_equal(pod_endpoint_create(x->pods, &x->pod, &x->err), code);
    assert_int_equal(x->err.code, code);
    if (!strstr(x->err.text, text))
        fail_msg("\"%s\" is not in \"%s\"", text, x->err.text);
}

static size_t endpoints(struct fixture *x)
{
    return fake_hcn_count(x->fake, HCN_ENDPOINT);
}

static void attached_to(struct fixture *x, const struct guid *ns)
{
    struct arena a;
    struct hcn_endpoint e;
    arena_init(&a, 0);
    assert_int_equal(hns_endpoint_get(&x->hns, &x->id, &a, &e, &x->err), HNS_PRESENT);
    assert_true(guid_equal(&e.namespace_, ns));
    arena_done(&a);
}

/* ---- making ---- */

static void test_an_endpoint_is_made_and_attached(void **state)
{
    struct fixture *x = *state;
    x->pod.dns = "{\"nameservers\":[\"10.96.0.10\"],\"domain\":\"cluster.local\","
                 "\"search\":[\"a.svc\",\"svc\"],\"options\":[\"ndots:5\"]}";
    create(x);
    size_t n = 0;
    while (x->fake->calls.v[n].op != HCN_CREATE)
        n++;
    assert_string_equal(
        x->fake->calls.v[n].json,
        "{\"SchemaVersion\":{\"Major\":2,\"Minor\":0},\"ID\":\"c14c1bfa-a1a4-827b-bf0a-"
        "6e46cfafbd21\",\"Name\":"
        "\"web-0-1f3c9d2\",\"HostComputeNetwork\":\"bdac3ddd-a943-8460-b21d-aadada145b57\","
        "\"IpConfigurations\":[{\"IpAddress\":\"10.10.1.5\",\"PrefixLength\":24},{\"IpAddress\":"
        "\"fd00:10::5\",\"PrefixLength\":64}],\"Routes\":[{\"NextHop\":\"10.10.1.1\","
        "\"DestinationPrefix\":\"0.0.0.0/0\"},{\"NextHop\":\"fd00:10::1\",\"DestinationPrefix\":"
        "\"::/0\"}],\"Dns\":{\"Domain\":\"cluster.local\",\"Search\":[\"a.svc\",\"svc\"],"
        "\"ServerList\":[\"10.96.0.10\"],\"Options\":[\"ndots:5\"]},\"MacAddress\":"
        "\"0A-00-00-00-00-1B\",\"Flags\":0}");
    attached_to(x, &x->ns1);
    assert_int_equal(pod_endpoint_exists(x->pods, "web-0-1f3c9d2", &x->err), 1);
    assert_int_equal(pod_endpoint_check(x->pods, &x->pod, &x->err), 0);
    assert_int_equal(fake_hcn_calls(x->fake, HCN_ENUMERATE, HCN_ENDPOINT), 1);
}

static void test_a_pod_by_itself_has_no_route(void **state)
{
    struct fixture *x = *state;
    x->addresses[0] = address("10.10.1.5/32", "10.10.1.5");
    x->pod.n_addresses = 1;
    create(x);
    assert_null(strstr(fake_hcn_get(x->fake, HCN_ENDPOINT, &x->id), "NextHop"));
    assert_int_equal(pod_endpoint_check(x->pods, &x->pod, &x->err), 0);
}

static void test_made_again_it_is_the_same(void **state)
{
    struct fixture *x = *state;
    create(x);
    x->pod.netns = NS1; /* in another form */
    create(x);
    create(x);
    assert_int_equal(endpoints(x), 1);
    assert_int_equal(fake_hcn_calls(x->fake, HCN_CREATE, HCN_ENDPOINT), 1);
    assert_int_equal(fake_hcn_calls(x->fake, HCN_MODIFY, HCN_NAMESPACE), 1);
}

static void test_the_guid_is_the_names_and_the_owners(void **state)
{
    (void)state;
    struct guid a = pod_endpoint_id("gw", "a"), b = pod_endpoint_id("gw", "b");
    struct guid c = pod_endpoint_id("gw2", "a"), again = pod_endpoint_id("gw", "a");
    assert_false(guid_equal(&a, &b));
    assert_false(guid_equal(&a, &c));
    assert_true(guid_equal(&a, &again));
}

static void test_one_that_differs_is_there_already(void **state)
{
    struct fixture *x = *state;
    create(x);
    x->pod.mac.b[5]++;
    refused(x, ERR_EXISTS, "endpoint web-0-1f3c9d2: MAC is 0A-00-00-00-00-1B");
    x->pod.mac.b[5]--;
    x->pod.netns = NS2;
    refused(x, ERR_EXISTS, "endpoint web-0-1f3c9d2 is in another namespace");
    x->pod.netns = NS1;
    x->addresses[0] = address("10.10.1.6/24", "10.10.1.1");
    refused(x, ERR_EXISTS, "has not address 10.10.1.6/24");
    attached_to(x, &x->ns1);
    assert_int_equal(endpoints(x), 1);
}

/* A crash between making and attaching: it does not count as there, and is gone on with. */
static void test_a_half_made_one_is_finished(void **state)
{
    struct fixture *x = *state;
    create(x);
    assert_int_equal(hns_detach(&x->hns, &x->ns1, &x->id, &x->err), 0);
    assert_int_equal(pod_endpoint_exists(x->pods, "web-0-1f3c9d2", &x->err), 0);
    assert_int_equal(pod_endpoint_check(x->pods, &x->pod, &x->err), ERR_CONFLICT);
    assert_string_equal(x->err.text, "endpoint web-0-1f3c9d2 is not attached");
    create(x);
    attached_to(x, &x->ns1);
    assert_int_equal(fake_hcn_calls(x->fake, HCN_CREATE, HCN_ENDPOINT), 1);
}

/* The service lost the endpoints, the namespaces live: as they were. */
static void test_a_lost_one_is_made_again_as_it_was(void **state)
{
    struct fixture *x = *state;
    create(x);
    auto_free char *before = mem_strdup(fake_hcn_get(x->fake, HCN_ENDPOINT, &x->id));
    fake_hcn_remove(x->fake, HCN_ENDPOINT, &x->id);
    assert_int_equal(pod_endpoint_exists(x->pods, "web-0-1f3c9d2", &x->err), 0);
    create(x);
    assert_string_equal(fake_hcn_get(x->fake, HCN_ENDPOINT, &x->id), before);
}

static void test_after_a_reboot_nothing_is_made(void **state)
{
    struct fixture *x = *state;
    create(x);
    fake_hcn_forget(x->fake);
    make_network(x);
    refused(x, ERR_NOT_FOUND, "there is no HCN namespace");
    assert_int_equal(endpoints(x), 0);
}

/* ---- namespaces ---- */

static void test_namespaces(void **state)
{
    struct fixture *x = *state;
    fake_hcn_put(x->fake, HCN_NAMESPACE, OTHER, "{\"Type\":\"HostDefault\"}");
    static const struct {
        const char *netns;
        int code;
    } cases[] = {
        {NS1, 0},
        {"{" NS1 "}", 0},
        {"{AAAAAAAA-0000-0000-0000-000000000002}", 0},
        {"AAAAAAAA-0000-0000-0000-000000000003", ERR_NOT_FOUND},
        {OTHER, ERR_INVALID},
        {"/var/run/netns/x", ERR_INVALID},
        {"{" NS1, ERR_INVALID},
        {"", ERR_INVALID},
        {NULL, ERR_INVALID},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        x->err.code = 0;
        assert_int_equal(pod_endpoint_netns_check(x->pods, cases[i].netns, &x->err), cases[i].code);
        assert_int_equal(x->err.code, cases[i].code);
        x->pod.netns = cases[i].netns;
        if (cases[i].code)
            refused(x, cases[i].code, "namespace");
    }
    assert_int_equal(endpoints(x), 0);
    x->fake->down = true;
    assert_int_equal(pod_endpoint_netns_check(x->pods, NS1, &x->err), ERR_AGAIN);
}

/* ---- addresses ---- */

static void put_holder(struct fixture *x, const char *name, bool ours, const char *ns)
{
    auto_sbuf json = SBUF_INIT;
    char id[GUID_TEXT_MAX], net[GUID_TEXT_MAX];
    struct guid g = pod_endpoint_id(OWNER, name);
    sbuf_printf(&json,
                "{\"Name\":\"%s\",\"HostComputeNetwork\":\"%s\",\"IpConfigurations\":["
                "{\"IpAddress\":\"10.10.1.5\",\"PrefixLength\":24}]%s%s%s}",
                name, guid_format(&x->network, net), ns ? ",\"HostComputeNamespace\":\"" : "",
                ns ? ns : "", ns ? "\"" : "");
    fake_hcn_put(x->fake, HCN_ENDPOINT, ours ? guid_format(&g, id) : OTHER, json.data);
}

static void test_a_left_over_of_ours_gives_its_address_back(void **state)
{
    struct fixture *x = *state;
    put_holder(x, "old-1", true, NULL);
    create(x);
    assert_int_equal(endpoints(x), 1);
    /* Its namespace is gone. */
    assert_int_equal(pod_endpoint_delete(x->pods, "web-0-1f3c9d2", &x->err), 0);
    put_holder(x, "old-2", true, "cccccccc-0000-0000-0000-000000000001");
    create(x);
    assert_int_equal(endpoints(x), 1);
}

static void test_whoever_else_has_the_address_keeps_it(void **state)
{
    struct fixture *x = *state;
    put_holder(x, "old-1", true, NS2);
    refused(x, ERR_CONFLICT, "endpoint old-1 (");
    assert_int_equal(endpoints(x), 1);
    fake_hcn_forget(x->fake);
    make_network(x);
    fake_hcn_put(x->fake, HCN_NAMESPACE, NS1, "{}");
    put_holder(x, "theirs", false, NULL);
    refused(x, ERR_CONFLICT, "endpoint theirs (" OTHER ") has an address of web-0-1f3c9d2");
    refused(x, ERR_CONFLICT, "endpoint theirs");
    assert_int_equal(endpoints(x), 1);
    /* In another network it is no matter. */
    fake_hcn_put(x->fake, HCN_ENDPOINT, OTHER,
                 "{\"Name\":\"theirs\",\"HostComputeNetwork\":\"" OTHER "\",\"IpConfigurations\":["
                 "{\"IpAddress\":\"10.10.1.5\",\"PrefixLength\":24}]}");
    x->fake->loose = true;
    create(x);
    assert_int_equal(endpoints(x), 2);
}

static void test_each_endpoint_is_read_once(void **state)
{
    struct fixture *x = *state;
    for (int i = 0; i < 20; i++) {
        char name[16], cidr[32];
        snprintf(name, sizeof name, "pod-%d", i);
        snprintf(cidr, sizeof cidr, "10.10.1.%d/24", 10 + i);
        x->addresses[0] = address(cidr, "10.10.1.1");
        x->pod.host_name = name;
        x->pod.n_addresses = 1;
        create(x);
    }
    assert_int_equal(endpoints(x), 20);
    assert_int_equal(fake_hcn_calls(x->fake, HCN_ENUMERATE, HCN_ENDPOINT), 20);
    assert_int_equal(fake_hcn_calls(x->fake, HCN_QUERY, HCN_ENDPOINT), 20); /* is it there? */
    /* Another agent on the same node knows nothing yet: once each. */
    struct pod_endpoint *fresh = pod_endpoint_new(
        &(struct pod_endpoint_config){.hns = &x->hns, .owner = OWNER, .nic_exists = nic_exists});
    fake_hcn_forget_calls(x->fake);
    for (int i = 0; i < 3; i++) {
        char cidr[32];
        snprintf(cidr, sizeof cidr, "10.10.1.%d/24", 100 + i);
        x->addresses[0] = address(cidr, "10.10.1.1");
        x->pod.host_name = i == 0 ? "new-0" : i == 1 ? "new-1" : "new-2";
        assert_int_equal(pod_endpoint_create(fresh, &x->pod, &x->err), 0);
    }
    assert_int_equal(fake_hcn_calls(x->fake, HCN_QUERY, HCN_ENDPOINT), 3 + 20);
    pod_endpoint_free(fresh);
}

static void test_what_went_behind_our_back_is_not_remembered(void **state)
{
    struct fixture *x = *state;
    create(x);
    fake_hcn_remove(x->fake, HCN_ENDPOINT, &x->id);
    x->pod.host_name = "web-1-0000001"; /* the same addresses */
    create(x);
    assert_int_equal(endpoints(x), 1);
    /* A holder that goes between the list and the look. */
    fake_hcn_fail(x->fake, HCN_QUERY, HCN_ENDPOINT, HCN_E(0x02), 2); /* ours, then the holder */
    x->pod.host_name = "web-2-0000001";
    create(x);
}

/* ---- what HNS cannot do ---- */

static void test_without_dual_stack_a_pod_with_ipv6_is_refused(void **state)
{
    struct fixture *x = *state;
    x->fake->version = (struct hcn_version){10, 4};
    struct hns_client old;
    hns_init(&old, &fake_hcn_ops, x->fake);
    struct pod_endpoint *pods = pod_endpoint_new(
        &(struct pod_endpoint_config){.hns = &old, .owner = OWNER, .nic_exists = nic_exists});
    assert_int_equal(pod_endpoint_create(pods, &x->pod, &x->err), ERR_UNSUPPORTED);
    assert_string_equal(x->err.text, "IPv6DualStack needs HNS 11.10+, this is 10.4");
    assert_int_equal(endpoints(x), 0);
    x->pod.n_addresses = 1;
    assert_int_equal(pod_endpoint_create(pods, &x->pod, &x->err), 0);
    pod_endpoint_free(pods);
}

static void test_without_the_network_it_is_tried_later(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(network_delete(&x->hns, NETWORK_NAME, &x->err), 0);
    refused(x, ERR_AGAIN, "there is no HNS network seine yet");
    make_network(x);
    fake_hcn_fail(x->fake, HCN_CREATE, HCN_ENDPOINT, HCN_E(0x01), 1);
    refused(x, ERR_AGAIN, "HCN_E_NETWORK_NOT_FOUND");
    create(x);
}

static void test_a_refusal_leaves_nothing(void **state)
{
    struct fixture *x = *state;
    x->addresses[0] = address("10.99.0.5/24", "10.99.0.1"); /* in no subnet */
    refused(x, ERR_INVALID, "HCN_E_INVALID_IP");
    assert_int_equal(endpoints(x), 0);
    x->addresses[0] = address("10.10.1.5/24", "10.10.1.1");
    fake_hcn_fail(x->fake, HCN_MODIFY, HCN_NAMESPACE, HCN_E(0x2e), 1);
    refused(x, ERR_IO, "HCN_E_NAMESPACE_ATTACH_FAILED");
    assert_int_equal(endpoints(x), 0);
    x->pod.dns = "{\"nameservers\":1}";
    refused(x, ERR_INVALID, "dns: nameservers: not a list");
    assert_int_equal(endpoints(x), 0);
}

/* Every call of a create may fail or be carried out with its answer lost: nothing is left, and
 * another try ends well. */
static void test_whatever_call_fails_nothing_is_left(void **state)
{
    struct fixture *x = *state;
    static const struct {
        enum hcn_op op;
        enum hcn_kind kind;
    } calls[] = {
        {HCN_QUERY, HCN_NAMESPACE},    {HCN_QUERY, HCN_ENDPOINT},  {HCN_QUERY, HCN_NETWORK},
        {HCN_ENUMERATE, HCN_ENDPOINT}, {HCN_CREATE, HCN_ENDPOINT}, {HCN_MODIFY, HCN_NAMESPACE},
    };
    static const uint32_t numbers[] = {AWAY, 0x80004005, 0x80070005, 0x8001011f};
    for (size_t i = 0; i < ARRAY_LEN(calls); i++)
        for (size_t j = 0; j < ARRAY_LEN(numbers); j++)
            for (int lose = 0; lose < 2; lose++) {
                if (lose)
                    fake_hcn_lose(x->fake, calls[i].op, calls[i].kind, numbers[j], 1);
                else
                    fake_hcn_fail(x->fake, calls[i].op, calls[i].kind, numbers[j], 1);
                int rc = pod_endpoint_create(x->pods, &x->pod, &x->err);
                assert_int_equal(rc, hcn_error_code(numbers[j]));
                x->fake->rules.n = 0;
                assert_int_equal(endpoints(x), 0);
                assert_int_equal(pod_endpoint_exists(x->pods, "web-0-1f3c9d2", &x->err), 0);
                create(x);
                attached_to(x, &x->ns1);
                assert_int_equal(pod_endpoint_delete(x->pods, "web-0-1f3c9d2", &x->err), 0);
                assert_int_equal(endpoints(x), 0);
            }
}

/* Attached, but the answer said "is in a namespace already". */
static void test_attached_by_a_lost_answer_is_attached(void **state)
{
    struct fixture *x = *state;
    fake_hcn_lose(x->fake, HCN_MODIFY, HCN_NAMESPACE, HCN_E(0x2b), 1);
    create(x);
    attached_to(x, &x->ns1);
}

/* The service went away for good after the endpoint was made: the next delete takes it. */
static void test_what_could_not_be_undone_goes_by_a_delete(void **state)
{
    struct fixture *x = *state;
    fake_hcn_fail(x->fake, HCN_MODIFY, HCN_NAMESPACE, AWAY, 1);
    fake_hcn_fail(x->fake, HCN_DELETE, HCN_ENDPOINT, AWAY, 1);
    refused(x, ERR_AGAIN, "RPC_S_SERVER_UNAVAILABLE");
    assert_int_equal(endpoints(x), 1);
    assert_int_equal(pod_endpoint_exists(x->pods, "web-0-1f3c9d2", &x->err), 0);
    assert_int_equal(pod_endpoint_delete(x->pods, "web-0-1f3c9d2", &x->err), 0);
    assert_int_equal(endpoints(x), 0);
}

static void test_a_namespace_that_goes_meanwhile_is_no_lasting_error(void **state)
{
    struct fixture *x = *state;
    fake_hcn_fail(x->fake, HCN_MODIFY, HCN_NAMESPACE, UINT32_C(0x80070490), 1);
    refused(x, ERR_AGAIN, "ERROR_NOT_FOUND");
    assert_int_equal(endpoints(x), 0);
}

static void test_with_the_service_away_nothing_is_known(void **state)
{
    struct fixture *x = *state;
    char **names = NULL;
    size_t n = 0;
    create(x);
    x->fake->down = true;
    refused(x, ERR_AGAIN, "RPC_S_SERVER_UNAVAILABLE");
    assert_int_equal(pod_endpoint_exists(x->pods, "web-0-1f3c9d2", &x->err), ERR_AGAIN);
    assert_int_equal(pod_endpoint_exists(x->pods, "nobody", &x->err), ERR_AGAIN);
    assert_int_equal(pod_endpoint_check(x->pods, &x->pod, &x->err), ERR_AGAIN);
    assert_int_equal(pod_endpoint_delete(x->pods, "web-0-1f3c9d2", &x->err), ERR_AGAIN);
    assert_int_equal(pod_endpoint_list(x->pods, OWNER, &names, &n, &x->err), ERR_AGAIN);
    assert_null(names);
    x->fake->down = false;
    assert_int_equal(pod_endpoint_exists(x->pods, "web-0-1f3c9d2", &x->err), 1);
}

/* ---- removing, listing, comparing ---- */

static void test_deleting_detaches_and_is_never_too_late(void **state)
{
    struct fixture *x = *state;
    create(x);
    assert_int_equal(pod_endpoint_delete(x->pods, "web-0-1f3c9d2", &x->err), 0);
    assert_int_equal(endpoints(x), 0);
    assert_null(strstr(fake_hcn_get(x->fake, HCN_NAMESPACE, &x->ns1), "Data"));
    assert_int_equal(pod_endpoint_delete(x->pods, "web-0-1f3c9d2", &x->err), 0);
    create(x);
    fake_hcn_remove(x->fake, HCN_NAMESPACE, &x->ns1);
    assert_int_equal(pod_endpoint_delete(x->pods, "web-0-1f3c9d2", &x->err), 0);
    assert_int_equal(endpoints(x), 0);
}

static void test_only_ours_are_listed(void **state)
{
    struct fixture *x = *state;
    char **names = NULL;
    size_t n = 0;
    create(x);
    x->pod.host_name = "api-0-0000001";
    x->addresses[0] = address("10.10.1.7/24", "10.10.1.1");
    x->pod.n_addresses = 1;
    create(x);
    fake_hcn_put(x->fake, HCN_ENDPOINT, OTHER, "{\"Name\":\"web-0-1f3c9d2\"}");
    fake_hcn_put(x->fake, HCN_ENDPOINT, NS1, "{}");
    assert_int_equal(pod_endpoint_list(x->pods, OWNER, &names, &n, &x->err), 0);
    assert_int_equal(n, 2);
    assert_string_equal(names[0], "api-0-0000001");
    assert_string_equal(names[1], "web-0-1f3c9d2");
    for (size_t i = 0; i < n; i++)
        mem_free(names[i]);
    mem_free(names);
    assert_int_equal(pod_endpoint_list(x->pods, "other-gw", &names, &n, &x->err), 0);
    assert_int_equal(n, 0);
    mem_free(names);
}

static void test_check_names_the_first_difference(void **state)
{
    struct fixture *x = *state;
    assert_int_equal(pod_endpoint_check(x->pods, &x->pod, &x->err), ERR_CONFLICT);
    assert_string_equal(x->err.text, "endpoint web-0-1f3c9d2 is gone");
    create(x);
    struct netif_pod pod = x->pod;
    struct netif_address other[2] = {x->addresses[0], x->addresses[1]};
    pod.addresses = other;
    other[0] = address("10.10.1.5/25", "10.10.1.1");
    assert_int_equal(pod_endpoint_check(x->pods, &pod, &x->err), ERR_CONFLICT);
    assert_string_equal(x->err.text, "endpoint web-0-1f3c9d2 has not address 10.10.1.5/25");
    other[0] = address("10.10.1.5/24", "10.10.1.2");
    assert_int_equal(pod_endpoint_check(x->pods, &pod, &x->err), ERR_CONFLICT);
    assert_string_equal(x->err.text, "endpoint web-0-1f3c9d2 has no default route by 10.10.1.2");
    other[0] = x->addresses[0];
    pod.n_addresses = 1;
    assert_int_equal(pod_endpoint_check(x->pods, &pod, &x->err), ERR_CONFLICT);
    assert_string_equal(x->err.text, "endpoint web-0-1f3c9d2 has 2 addresses, not 1");
    pod = x->pod;
    pod.netns = NS2;
    assert_int_equal(pod_endpoint_check(x->pods, &pod, &x->err), ERR_CONFLICT);
    assert_string_equal(x->err.text, "endpoint web-0-1f3c9d2 is in another namespace");
}

/* ---- the NIC ---- */

static void test_the_mtu_is_set_when_the_nic_is_there(void **state)
{
    struct fixture *x = *state;
    create(x);
    assert_false(pod_endpoint_nic_exists(x->pods, "web-0-1f3c9d2"));
    assert_int_equal(nic.calls, 0);
    nic.nic = true;
    nic.rc = ERR_NOT_FOUND; /* not in its compartment yet */
    assert_false(pod_endpoint_nic_exists(x->pods, "web-0-1f3c9d2"));
    nic.rc = 0;
    assert_true(pod_endpoint_nic_exists(x->pods, "web-0-1f3c9d2"));
    assert_int_equal(nic.calls, 2);
    assert_int_equal(nic.mtu, 1400);
    assert_true(pod_endpoint_nic_exists(x->pods, "web-0-1f3c9d2"));
    assert_int_equal(nic.calls, 2);
    create(x); /* a repeated ADD sets it again */
    assert_true(pod_endpoint_nic_exists(x->pods, "web-0-1f3c9d2"));
    assert_int_equal(nic.calls, 3);
    assert_true(pod_endpoint_nic_exists(x->pods, "unknown"));
    assert_int_equal(nic.calls, 3);
}

static void test_an_mtu_that_cannot_be_set_holds_nothing_back(void **state)
{
    struct fixture *x = *state;
    create(x);
    nic.nic = true;
    nic.rc = ERR_UNSUPPORTED;
    assert_true(pod_endpoint_nic_exists(x->pods, "web-0-1f3c9d2"));
    assert_true(pod_endpoint_nic_exists(x->pods, "web-0-1f3c9d2"));
    assert_int_equal(nic.calls, 1);
}

static void test_as_a_system_it_is_the_bound_one(void **state)
{
    struct fixture *x = *state;
    const struct attach_system *s = &pod_endpoint_system;
    char **names = NULL;
    size_t n = 0;
    pod_endpoint_bind(x->pods);
    assert_int_equal(s->netns_check(x->pod.netns, &x->err), 0);
    assert_int_equal(s->exists(x->pod.host_name, &x->err), 0);
    assert_int_equal(s->pod_create(&x->pod, &x->err), 0);
    assert_int_equal(s->exists(x->pod.host_name, &x->err), 1);
    assert_int_equal(s->pod_check(&x->pod, &x->err), 0);
    assert_false(s->nic_exists(x->pod.host_name));
    assert_int_equal(s->list(OWNER, &names, &n, &x->err), 0);
    assert_int_equal(n, 1);
    mem_free(names[0]);
    mem_free(names);
    assert_int_equal(s->pod_delete(x->pod.host_name, &x->err), 0);
    assert_int_equal(endpoints(x), 0);
    pod_endpoint_bind(NULL);
    pod_endpoint_free(NULL);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_an_endpoint_is_made_and_attached),
        T(test_a_pod_by_itself_has_no_route),
        T(test_made_again_it_is_the_same),
        T(test_the_guid_is_the_names_and_the_owners),
        T(test_one_that_differs_is_there_already),
        T(test_a_half_made_one_is_finished),
        T(test_a_lost_one_is_made_again_as_it_was),
        T(test_after_a_reboot_nothing_is_made),
        T(test_namespaces),
        T(test_a_left_over_of_ours_gives_its_address_back),
        T(test_whoever_else_has_the_address_keeps_it),
        T(test_each_endpoint_is_read_once),
        T(test_what_went_behind_our_back_is_not_remembered),
        T(test_without_dual_stack_a_pod_with_ipv6_is_refused),
        T(test_without_the_network_it_is_tried_later),
        T(test_a_refusal_leaves_nothing),
        T(test_whatever_call_fails_nothing_is_left),
        T(test_attached_by_a_lost_answer_is_attached),
        T(test_what_could_not_be_undone_goes_by_a_delete),
        T(test_a_namespace_that_goes_meanwhile_is_no_lasting_error),
        T(test_with_the_service_away_nothing_is_known),
        T(test_deleting_detaches_and_is_never_too_late),
        T(test_only_ours_are_listed),
        T(test_check_names_the_first_difference),
        T(test_the_mtu_is_set_when_the_nic_is_there),
        T(test_an_mtu_that_cannot_be_set_holds_nothing_back),
        T(test_as_a_system_it_is_the_bound_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
