/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "hns/document.h"

#define NETWORK                                                                                    \
    "{\"SchemaVersion\":{\"Major\":2,\"Minor\":0},\"Name\":\"seine\",\"Type\":\"Transparent\","    \
    "\"Policies\":[{\"Type\":\"NetAdapterName\",\"Settings\":{\"NetworkAdapterName\":"             \
    "\"Ethernet0\"}},{\"Type\":\"VSwitchExtension\",\"Settings\":{\"ExtensionID\":"                \
    "\"583cc151-73ec-4a6a-8b47-578297ad7623\",\"Enable\":true}}],\"Ipams\":[{\"Type\":\"Static\"," \
    "\"Subnets\":[{\"IpAddressPrefix\":\"10.10.1.0/24\",\"Routes\":[{\"NextHop\":\"10.10.1.1\","   \
    "\"DestinationPrefix\":\"0.0.0.0/0\"}]}]}],\"Flags\":0}"
#define ENDPOINT                                                                                   \
    "{\"SchemaVersion\":{\"Major\":2,\"Minor\":0},\"Name\":\"pod-abc\",\"HostComputeNetwork\":"    \
    "\"aaaaaaaa-0000-0000-0000-000000000001\",\"IpConfigurations\":[{\"IpAddress\":"               \
    "\"10.10.1.5\",\"PrefixLength\":24}],\"Routes\":[{\"NextHop\":\"10.10.1.1\","                  \
    "\"DestinationPrefix\":\"0.0.0.0/0\"}],\"Dns\":{\"Domain\":\"\",\"Search\":[],"                \
    "\"ServerList\":[\"10.96.0.10\"],\"Options\":[]},\"MacAddress\":\"00-15-5D-01-02-03\","        \
    "\"Flags\":0}"
#define ACL                                                                                        \
    "{\"Type\":\"ACL\",\"Settings\":{\"Protocols\":\"6\",\"Action\":\"Allow\",\"Direction\":"      \
    "\"In\",\"LocalAddresses\":\"\",\"RemoteAddresses\":\"10.0.0.0/8\",\"LocalPorts\":"            \
    "\"80,8080-8090\",\"RemotePorts\":\"\",\"RuleType\":\"Switch\",\"Priority\":1000}}"

static int setup(void **state)
{
    static struct arena a;
    arena_init(&a, 1 << 20);
    *state = &a;
    return 0;
}

static int teardown(void **state)
{
    arena_done(*state);
    return 0;
}

static struct guid guid(const char *s)
{
    struct guid g;
    assert_true(guid_parse(s, &g));
    return g;
}

static int decode(const struct codec_struct *s, const char *text, void *out, struct arena *a,
                  struct err *err)
{
    return codec_decode(s, text, strlen(text), out, a, err);
}

/* ---- as they are written ---- */

static void test_a_network_is_written_in_a_fixed_order(void **state)
{
    (void)state;
    struct hcn_policy policies[] = {
        {.type = HCN_POLICY_NET_ADAPTER_NAME, .u.text = "Ethernet0"},
        {.type = HCN_POLICY_VSWITCH_EXTENSION,
         .u.extension = {guid("583cc151-73ec-4a6a-8b47-578297ad7623"), true}},
    };
    struct hcn_route route = {.next_hop = "10.10.1.1", .destination_prefix = "0.0.0.0/0"};
    struct hcn_subnet subnet = {.ip_address_prefix = "10.10.1.0/24", .routes = {&route, 1}};
    struct hcn_ipam ipam = {.type = "Static", .subnets = {&subnet, 1}};
    struct hcn_network n = {.schema_version = HCN_SCHEMA_2,
                            .name = "seine",
                            .type = HCN_NETWORK_TRANSPARENT,
                            .policies = {policies, 2},
                            .ipams = {&ipam, 1}};
    auto_sbuf out = SBUF_INIT;
    codec_encode(&hcn_network_struct, &n, &out);
    assert_string_equal(out.data, NETWORK);
}

static void test_an_endpoint_is_written_in_a_fixed_order(void **state)
{
    (void)state;
    struct hcn_route route = {.next_hop = "10.10.1.1", .destination_prefix = "0.0.0.0/0"};
    struct hcn_ip_config ip = {"10.10.1.5", 24};
    const char *server = "10.96.0.10";
    struct hcn_endpoint e = {.schema_version = HCN_SCHEMA_2,
                             .name = "pod-abc",
                             .network = guid("aaaaaaaa-0000-0000-0000-000000000001"),
                             .ips = {&ip, 1},
                             .routes = {&route, 1},
                             .dns = {.server_list = {&server, 1}},
                             .mac_address = "00-15-5D-01-02-03"};
    auto_sbuf out = SBUF_INIT;
    codec_encode(&hcn_endpoint_struct, &e, &out);
    assert_string_equal(out.data, ENDPOINT);
}

static void test_each_policy_has_its_text_both_ways(void **state)
{
    static const struct {
        const char *text;
        struct hcn_policy policy;
    } cases[] = {
        {ACL,
         {HCN_POLICY_ACL,
          {.acl = {.protocols = "6",
                   .remote_addresses = "10.0.0.0/8",
                   .local_ports = "80,8080-8090",
                   .priority = 1000}}}},
        {"{\"Type\":\"PortName\",\"Settings\":{\"Name\":\"web-1\"}}",
         {HCN_POLICY_PORT_NAME, {.text = "web-1"}}},
        {"{\"Type\":\"PortMapping\",\"Settings\":{\"Protocol\":6,\"InternalPort\":80,"
         "\"ExternalPort\":8080,\"VIP\":\"10.0.0.9\",\"Flags\":1}}",
         {HCN_POLICY_PORT_MAPPING, {.port_mapping = {6, 80, 8080, "10.0.0.9", 1}}}},
        {"{\"Type\":\"OutBoundNAT\",\"Settings\":{\"VirtualIP\":\"10.0.0.9\"}}",
         {HCN_POLICY_OUTBOUND_NAT, {.outbound_nat = {.virtual_ip = "10.0.0.9"}}}},
        {"{\"Type\":\"SDNRoute\",\"Settings\":{\"DestinationPrefix\":\"10.2.0.0/16\","
         "\"NextHop\":\"10.1.0.1\",\"NeedEncap\":true}}",
         {HCN_POLICY_SDN_ROUTE, {.sdn_route = {"10.2.0.0/16", "10.1.0.1", true}}}},
        {"{\"Type\":\"QOS\",\"Settings\":{\"MaximumOutgoingBandwidthInBytes\":9007199254740991}}",
         {HCN_POLICY_QOS, {.max_bandwidth = CODEC_NUMBER_MAX}}},
        {"{\"Type\":\"L2Driver\",\"Settings\":{}}", {HCN_POLICY_L2_DRIVER, {.text = NULL}}},
        {"{\"Type\":\"EncapOverhead\",\"Settings\":{\"Overhead\":50}}",
         {HCN_POLICY_ENCAP_OVERHEAD, {.overhead = 50}}},
        {"{\"Type\":\"ProviderAddress\",\"Settings\":{\"ProviderAddress\":\"10.0.0.1\"}}",
         {HCN_POLICY_PROVIDER_ADDRESS, {.text = "10.0.0.1"}}},
        {"{\"Type\":\"SourceMacAddress\",\"Settings\":{\"SourceMacAddress\":\"00-15-5D-00-00-01\"}"
         "}",
         {HCN_POLICY_SOURCE_MAC_ADDRESS, {.text = "00-15-5D-00-00-01"}}},
        {"{\"Type\":\"AutomaticDNS\",\"Settings\":{\"Enable\":true}}",
         {HCN_POLICY_AUTOMATIC_DNS, {.enable = true}}},
        {"{\"Type\":\"SetPolicy\",\"Settings\":{\"Id\":\"s1\",\"Name\":\"n1\",\"PolicyType\":"
         "\"IPSET\",\"Values\":\"10.0.0.1,10.0.0.2\"}}",
         {HCN_POLICY_SET, {.set = {"s1", "n1", "IPSET", "10.0.0.1,10.0.0.2"}}}},
        {"{\"Type\":\"Strange\",\"Settings\":{\"a\":[1,{\"b\":null}]}}",
         {HCN_POLICY_OTHER, {.other = {"Strange", "{\"a\":[1,{\"b\":null}]}"}}}},
        {"{\"Type\":\"Bare\"}", {HCN_POLICY_OTHER, {.other = {"Bare", NULL}}}},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct hcn_policy back;
        struct err err;
        auto_sbuf once = SBUF_INIT, twice = SBUF_INIT;
        hcn_policy_encode(&cases[i].policy, &once);
        assert_string_equal(once.data, cases[i].text);
        assert_int_equal(hcn_policy_decode(once.data, once.len, &back, *state, &err), 0);
        assert_int_equal(back.type, cases[i].policy.type);
        hcn_policy_encode(&back, &twice);
        assert_string_equal(twice.data, cases[i].text);
    }
}

static void test_lists_in_policies_come_back(void **state)
{
    static const char text[] = "{\"Type\":\"OutBoundNAT\",\"Settings\":{\"Exceptions\":["
                               "\"10.0.0.0/8\",\"fd00::/8\"],\"Destinations\":[\"1.1.1.1\"],"
                               "\"MaxPortPoolUsage\":64}}";
    struct hcn_policy p;
    assert_int_equal(hcn_policy_decode(text, sizeof text - 1, &p, *state, NULL), 0);
    assert_int_equal(p.u.outbound_nat.exceptions.n, 2);
    assert_string_equal(p.u.outbound_nat.exceptions.v[1], "fd00::/8");
    assert_int_equal(p.u.outbound_nat.max_port_pool_usage, 64);
    auto_sbuf out = SBUF_INIT;
    hcn_policy_encode(&p, &out);
    assert_string_equal(out.data, text);
}

static void test_requests(void **state)
{
    (void)state;
    auto_sbuf out = SBUF_INIT;
    struct guid e = guid("AAAAAAAA-0000-0000-0000-00000000000F");
    hcn_request_endpoint(HCN_ADD, &e, &out);
    assert_string_equal(out.data,
                        "{\"ResourceType\":\"Endpoint\",\"RequestType\":\"Add\",\"Settings\":"
                        "{\"EndpointId\":\"aaaaaaaa-0000-0000-0000-00000000000f\"}}");
    sbuf_clear(&out);
    hcn_request_endpoint(HCN_REMOVE, &e, &out);
    assert_non_null(strstr(out.data, "\"RequestType\":\"Remove\""));
    sbuf_clear(&out);
    struct hcn_policy two[] = {{.type = HCN_POLICY_PORT_NAME, .u.text = "a"},
                               {.type = HCN_POLICY_PORT_NAME, .u.text = "b"}};
    hcn_request_policies(HCN_UPDATE, &(struct hcn_policies){two, 2}, &out);
    assert_string_equal(out.data,
                        "{\"ResourceType\":\"Policy\",\"RequestType\":\"Update\",\"Settings\":"
                        "{\"Policies\":[{\"Type\":\"PortName\",\"Settings\":{\"Name\":\"a\"}},"
                        "{\"Type\":\"PortName\",\"Settings\":{\"Name\":\"b\"}}]}}");
    sbuf_clear(&out);
    hcn_request_policies(HCN_RESET, &(struct hcn_policies){NULL, 0}, &out);
    assert_string_equal(out.data, "{\"ResourceType\":\"Policy\",\"RequestType\":\"Reset\","
                                  "\"Settings\":{\"Policies\":[]}}");
}

static void test_the_filter_of_a_query_is_a_string_of_json(void **state)
{
    (void)state;
    auto_sbuf out = SBUF_INIT;
    hcn_query_format(NULL, NULL, &out);
    assert_string_equal(out.data, "{\"SchemaVersion\":{\"Major\":2,\"Minor\":0},\"Flags\":0}");
    sbuf_clear(&out);
    hcn_query_format("Name", "a \"b\" \\ c", &out);
    assert_string_equal(out.data, "{\"SchemaVersion\":{\"Major\":2,\"Minor\":0},\"Flags\":0,"
                                  "\"Filter\":\"{\\\"Name\\\":\\\"a \\\\\\\"b\\\\\\\" "
                                  "\\\\\\\\ c\\\"}\"}");
    cJSON *json = cJSON_Parse(out.data);
    cJSON *filter = cJSON_Parse(cJSON_GetObjectItem(json, "Filter")->valuestring);
    assert_string_equal(cJSON_GetObjectItem(filter, "Name")->valuestring, "a \"b\" \\ c");
    cJSON_Delete(filter);
    cJSON_Delete(json);
}

/* ---- as they are read ---- */

static void test_what_is_written_is_read_back_the_same(void **state)
{
    static const struct {
        const struct codec_struct *s;
        const char *text;
    } cases[] = {
        {&hcn_network_struct, NETWORK},
        {&hcn_endpoint_struct, ENDPOINT},
        {&hcn_policy_struct, ACL},
        {&hcn_namespace_struct,
         "{\"SchemaVersion\":{\"Major\":2,\"Minor\":0},\"ID\":\"aaaaaaaa-0000-0000-0000-"
         "000000000001\",\"NamespaceId\":3,\"Type\":\"Host\",\"Resources\":[{\"Type\":\"Endpoint\","
         "\"Data\":{\"ID\":\"aaaaaaaa-0000-0000-0000-000000000002\"}}]}"},
        {&hcn_request_struct, "{\"ResourceType\":\"Port\",\"RequestType\":\"Refresh\"}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        union {
            struct hcn_network network;
            struct hcn_endpoint endpoint;
            struct hcn_policy policy;
            struct hcn_namespace namespace_;
            struct hcn_request request;
        } u;
        struct err err = {0};
        auto_sbuf out = SBUF_INIT;
        if (decode(cases[i].s, cases[i].text, &u, *state, &err))
            fail_msg("%s", err.text);
        codec_encode(cases[i].s, &u, &out);
        assert_string_equal(out.data, cases[i].text);
    }
}

/* A reply of the service: other keys, other case, braces, null. */
static void test_a_reply_is_read_whatever_else_is_in_it(void **state)
{
    static const char text[] =
        " {\"ID\":\"{AAAAAAAA-0000-0000-0000-000000000001}\",\"name\":\"x\","
        "\"HostComputeNamespace\":null,\"MacAddress\":\"00-15-5D-01-02-03\","
        "\"Health\":{\"Extra\":{}},\"IpConfigurations\":[],\"Policies\":[{\"Type\":\"New\","
        "\"Settings\":{\"x\":1}}],\"Strange\":[[]],\"Flags\":4294967295}\r\n";
    struct hcn_endpoint e;
    struct err err = {0};
    assert_int_equal(decode(&hcn_endpoint_struct, text, &e, *state, &err), 0);
    struct guid id = guid("aaaaaaaa-0000-0000-0000-000000000001");
    assert_true(guid_equal(&e.id, &id));
    assert_string_equal(e.name, "x");
    assert_true(guid_is_zero(&e.namespace_));
    assert_int_equal(e.ips.n, 0);
    assert_int_equal(e.policies.v[0].type, HCN_POLICY_OTHER);
    assert_string_equal(e.policies.v[0].u.other.settings, "{\"x\":1}");
    assert_int_equal(e.flags, UINT32_MAX);
}

static void test_a_network_without_a_type_is_nat(void **state)
{
    struct hcn_network n;
    assert_int_equal(decode(&hcn_network_struct, "{\"Name\":\"nat\"}", &n, *state, NULL), 0);
    assert_int_equal(n.type, HCN_NETWORK_NAT);
    assert_string_equal(hcn_network_type_name(n.type), "NAT");
    assert_int_equal(decode(&hcn_network_struct, "{\"Type\":\"Mesh\"}", &n, *state, NULL), 0);
    assert_int_equal(n.type, HCN_NETWORK_OTHER);
    assert_string_equal(hcn_network_type_name(n.type), "other");
    assert_int_equal(decode(&hcn_network_struct, "{\"Type\":\"Internal\"}", &n, *state, NULL), 0);
    assert_string_equal(hcn_network_type_name(n.type), "Internal");
}

static void test_containers_of_a_namespace_need_no_guid(void **state)
{
    static const char text[] = "{\"Resources\":[{\"Type\":\"Container\",\"Data\":{\"ID\":\"c1\"}},"
                               "{\"Type\":\"Endpoint\",\"Data\":{\"Id\":"
                               "\"AAAAAAAA-0000-0000-0000-000000000002\"}},{\"Type\":\"Odd\"}]}";
    struct hcn_namespace ns;
    assert_int_equal(decode(&hcn_namespace_struct, text, &ns, *state, NULL), 0);
    assert_int_equal(ns.resources.n, 3);
    assert_true(guid_is_zero(&ns.resources.v[0].id));
    struct guid id = guid("aaaaaaaa-0000-0000-0000-000000000002");
    assert_true(guid_equal(&ns.resources.v[1].id, &id));
    assert_true(guid_is_zero(&ns.resources.v[2].id));
}

static void test_a_wrong_type_is_named_with_its_place(void **state)
{
    static const struct {
        const struct codec_struct *s;
        const char *text, *error;
    } cases[] = {
        {&hcn_endpoint_struct, "[]", "endpoint: not an object"},
        {&hcn_endpoint_struct, "{\"ID\":7}", "endpoint: ID: not a GUID"},
        {&hcn_endpoint_struct, "{\"ID\":\"7\"}", "endpoint: ID: not a GUID"},
        {&hcn_endpoint_struct, "{\"Name\":{}}", "endpoint: Name: not a string"},
        {&hcn_endpoint_struct, "{\"Flags\":\"0\"}", "endpoint: Flags: not a number"},
        {&hcn_endpoint_struct, "{\"Flags\":-1}", "endpoint: Flags: not in 0..4294967295"},
        {&hcn_endpoint_struct, "{\"Flags\":1.5}", "endpoint: Flags: not a whole number"},
        {&hcn_endpoint_struct, "{\"Flags\":1e300}", "endpoint: Flags: not in 0..4294967295"},
        {&hcn_endpoint_struct, "{\"IpConfigurations\":{}}",
         "endpoint: IpConfigurations: not a list"},
        {&hcn_endpoint_struct, "{\"IpConfigurations\":[{},{\"PrefixLength\":129}]}",
         "endpoint: IpConfigurations[1].PrefixLength: not in 0..128"},
        {&hcn_endpoint_struct, "{\"Dns\":{\"Search\":[\"a\",1]}}",
         "endpoint: Dns.Search[1]: not a string"},
        {&hcn_endpoint_struct, "{\"Policies\":[{}]}", "endpoint: Policies[0].Type: missing"},
        {&hcn_endpoint_struct, "{\"Policies\":[{\"Type\":1}]}",
         "endpoint: Policies[0].Type: not a string"},
        {&hcn_endpoint_struct, "{\"Policies\":[{\"Type\":\"ACL\",\"Settings\":[]}]}",
         "endpoint: Policies[0].Settings: not an object"},
        {&hcn_endpoint_struct,
         "{\"Policies\":[{\"Type\":\"ACL\",\"Settings\":{\"Priority\":65536}}]}",
         "endpoint: Policies[0].Settings.Priority: not in 0..65535"},
        {&hcn_network_struct, "{\"Ipams\":[{\"Subnets\":[{\"Routes\":[3]}]}]}",
         "network: Ipams[0].Subnets[0].Routes[0]: not an object"},
        {&hcn_network_struct, "{\"Type\":2}", "network: Type: not a string"},
        {&hcn_network_struct, "{\"SchemaVersion\":2}", "network: SchemaVersion: not an object"},
        {&hcn_network_struct,
         "{\"Policies\":[{\"Type\":\"VSwitchExtension\",\"Settings\":{\"Enable\":1}}]}",
         "network: Policies[0].Settings.Enable: not true or false"},
        {&hcn_namespace_struct, "{\"Resources\":[{}]}", "namespace: Resources[0].Type: missing"},
        {&hcn_namespace_struct, "", "namespace: not JSON, byte 0"},
        {&hcn_namespace_struct, "{\"Type\":\"Host\"}}", "namespace: not JSON, byte 15"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        union {
            struct hcn_network network;
            struct hcn_endpoint endpoint;
            struct hcn_namespace namespace_;
        } u, zero;
        struct err err = {0};
        memset(&u, 0xff, sizeof u);
        memset(&zero, 0, sizeof zero);
        assert_int_equal(decode(cases[i].s, cases[i].text, &u, *state, &err), ERR_INVALID);
        assert_string_equal(err.text, cases[i].error);
        assert_memory_equal(&u, &zero, cases[i].s->size);
        assert_int_equal(decode(cases[i].s, cases[i].text, &u, *state, NULL), ERR_INVALID);
    }
}

static void test_each_cut_of_a_document_is_refused(void **state)
{
    static const char text[] = NETWORK;
    for (size_t n = 0; n < sizeof text - 1; n++) {
        struct hcn_network net;
        struct err err = {0};
        auto_free char *cut = mem_dup(text, n ? n : 1); /* so that a read beyond it is seen */
        assert_int_equal(codec_decode(&hcn_network_struct, cut, n, &net, *state, &err),
                         ERR_INVALID);
    }
}

/* ---- limits ---- */

static void test_what_is_too_big_is_refused(void **state)
{
    auto_sbuf deep = SBUF_INIT, list = SBUF_INIT;
    struct hcn_endpoint e;
    struct err err = {0};
    for (int i = 0; i < 100; i++)
        sbuf_puts(&deep, "{\"x\":");
    assert_int_equal(codec_decode(&hcn_endpoint_struct, deep.data, deep.len, &e, *state, &err),
                     ERR_TOO_BIG);
    assert_string_equal(err.text, "endpoint: nested deeper than 64");
    sbuf_puts(&list, "{\"Routes\":[{}");
    for (int i = 0; i < CODEC_LIST_MAX; i++)
        sbuf_puts(&list, ",{}");
    sbuf_puts(&list, "]}");
    assert_int_equal(codec_decode(&hcn_endpoint_struct, list.data, list.len, &e, *state, &err),
                     ERR_TOO_BIG);
    assert_string_equal(err.text, "endpoint: Routes: too big");
    sbuf_reserve(&list, CODEC_DOCUMENT_MAX);
    memset(list.data + list.len, ' ', CODEC_DOCUMENT_MAX);
    assert_int_equal(
        codec_decode(&hcn_endpoint_struct, list.data, CODEC_DOCUMENT_MAX + 1, &e, *state, &err),
        ERR_TOO_BIG);
}

static void test_brackets_in_strings_are_no_nesting(void **state)
{
    auto_sbuf text = SBUF_INIT;
    struct hcn_endpoint e;
    sbuf_puts(&text, "{\"Name\":\"\\\"");
    for (int i = 0; i < 100; i++)
        sbuf_puts(&text, "[{");
    sbuf_puts(&text, "\"}");
    assert_int_equal(codec_decode(&hcn_endpoint_struct, text.data, text.len, &e, *state, NULL), 0);
    assert_int_equal(strlen(e.name), 201);
}

/* An arena that refuses gives an error, at whatever allocation that happens. */
static void test_a_full_arena_is_an_error(void **state)
{
    (void)state;
    static const char *const texts[] = {NETWORK, ENDPOINT,
                                        "{\"Policies\":[{\"Type\":\"Odd\",\"Settings\":{}}]}"};
    int refused = 0;
    for (size_t t = 0; t < ARRAY_LEN(texts); t++)
        for (size_t limit = 1; limit < 3000; limit += 7) {
            struct arena small;
            struct hcn_network n;
            struct hcn_endpoint e;
            struct err err = {0};
            arena_init(&small, limit);
            int rc = t == 0 ? decode(&hcn_network_struct, texts[t], &n, &small, &err)
                            : decode(&hcn_endpoint_struct, texts[t], &e, &small, &err);
            assert_true(rc == 0 || (rc == ERR_TOO_BIG && err.code == ERR_TOO_BIG));
            refused += rc != 0;
            arena_done(&small);
        }
    assert_true(refused > 3);
}

/* ---- answers that are no objects ---- */

static void test_an_enumeration_is_a_list_of_guids(void **state)
{
    static const char text[] = "[\"AAAAAAAA-0000-0000-0000-000000000001\","
                               "\"aaaaaaaa-0000-0000-0000-000000000002\"]";
    struct hcn_guids ids;
    struct err err = {0};
    assert_int_equal(hcn_guids_decode(text, sizeof text - 1, &ids, *state, &err), 0);
    assert_int_equal(ids.n, 2);
    assert_int_equal(ids.v[1].b[15], 2);
    assert_int_equal(hcn_guids_decode("", 0, &ids, *state, &err), 0);
    assert_int_equal(ids.n, 0);
    assert_int_equal(hcn_guids_decode("[]", 2, &ids, *state, &err), 0);
    assert_int_equal(ids.n, 0);
    assert_int_equal(hcn_guids_decode("[\"x\"]", 5, &ids, *state, &err), ERR_INVALID);
    assert_string_equal(err.text, "enumeration: list[0]: not a GUID");
    assert_int_equal(hcn_guids_decode("null", 4, &ids, *state, &err), 0);
    assert_int_equal(hcn_guids_decode("{}", 2, &ids, *state, &err), ERR_INVALID);
    assert_int_equal(hcn_guids_decode("[1]", 3, &ids, *state, &err), ERR_INVALID);
    assert_int_equal(hcn_guids_decode("[", 1, &ids, *state, &err), ERR_INVALID);
}

static void test_the_version_of_hns(void **state)
{
    (void)state;
    static const char good[] = "{\"Success\":true,\"Output\":{\"Major\":11,\"Minor\":10}}";
    static const char bad[] = "{\"Success\":false,\"Error\":\"no such path\"}";
    struct hcn_version v = {0};
    struct err err = {0};
    assert_int_equal(hcn_globals_decode(good, sizeof good - 1, &v, &err), 0);
    assert_int_equal(v.major, 11);
    assert_int_equal(v.minor, 10);
    assert_int_equal(hcn_globals_decode(bad, sizeof bad - 1, &v, &err), ERR_REFUSED);
    assert_string_equal(err.text, "globals: no such path");
    assert_int_equal(hcn_globals_decode("{}", 2, &v, &err), ERR_REFUSED);
    assert_int_equal(hcn_globals_decode("{\"Success\":true}", 16, &v, &err), ERR_REFUSED);
    assert_string_equal(err.text, "globals: no version");
    assert_int_equal(hcn_globals_decode("{", 1, &v, &err), ERR_INVALID);
}

static void test_addresses_are_compared_by_meaning(void **state)
{
    (void)state;
    struct ip v4, v6;
    struct mac mac = {{0x00, 0x15, 0x5d, 0xab, 0x02, 0x03}};
    char text[HCN_MAC_TEXT_MAX];
    assert_true(ip_parse("10.0.0.1", &v4) && ip_parse("fd00::1", &v6));
    assert_true(hcn_ip_is("10.0.0.1", &v4));
    assert_true(hcn_ip_is("FD00:0:0:0:0:0:0:1", &v6));
    assert_false(hcn_ip_is("10.0.0.2", &v4));
    assert_false(hcn_ip_is("fe80::1%5", &v6));
    assert_false(hcn_ip_is(NULL, &v4));
    assert_string_equal(hcn_mac_format(&mac, text), "00-15-5D-AB-02-03");
    assert_true(hcn_mac_is(text, &mac));
    assert_true(hcn_mac_is("00:15:5d:ab:02:03", &mac));
    assert_false(hcn_mac_is("00-15-5D-AB-02-04", &mac));
    assert_false(hcn_mac_is("00-15-5D-AB-02", &mac));
    assert_false(hcn_mac_is(NULL, &mac));
}

static void test_the_first_policy_of_a_type_is_found(void **state)
{
    (void)state;
    struct hcn_policy v[] = {{.type = HCN_POLICY_ACL},
                             {.type = HCN_POLICY_PORT_NAME, .u.text = "a"},
                             {.type = HCN_POLICY_PORT_NAME, .u.text = "b"}};
    struct hcn_policies list = {v, 3};
    assert_string_equal(hcn_policy_find(&list, HCN_POLICY_PORT_NAME)->u.text, "a");
    assert_null(hcn_policy_find(&list, HCN_POLICY_QOS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_network_is_written_in_a_fixed_order),
        cmocka_unit_test(test_an_endpoint_is_written_in_a_fixed_order),
        cmocka_unit_test(test_each_policy_has_its_text_both_ways),
        cmocka_unit_test(test_lists_in_policies_come_back),
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_the_filter_of_a_query_is_a_string_of_json),
        cmocka_unit_test(test_what_is_written_is_read_back_the_same),
        cmocka_unit_test(test_a_reply_is_read_whatever_else_is_in_it),
        cmocka_unit_test(test_a_network_without_a_type_is_nat),
        cmocka_unit_test(test_containers_of_a_namespace_need_no_guid),
        cmocka_unit_test(test_a_wrong_type_is_named_with_its_place),
        cmocka_unit_test(test_each_cut_of_a_document_is_refused),
        cmocka_unit_test(test_what_is_too_big_is_refused),
        cmocka_unit_test(test_brackets_in_strings_are_no_nesting),
        cmocka_unit_test(test_a_full_arena_is_an_error),
        cmocka_unit_test(test_an_enumeration_is_a_list_of_guids),
        cmocka_unit_test(test_the_version_of_hns),
        cmocka_unit_test(test_addresses_are_compared_by_meaning),
        cmocka_unit_test(test_the_first_policy_of_a_type_is_found),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
