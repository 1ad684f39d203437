/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests as runtimes send them, and each way to get them wrong with its code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cni/request.h"

struct parsed {
    struct request r;
    struct cni_error e;
    int code;
};

static void parsed_done(struct parsed *p)
{
    request_done(&p->r);
}
#define auto_parsed PORT_CLEANUP(parsed_done) struct parsed

static struct parsed parse(const char *command, const char *args, const char *config)
{
    struct parsed p;
    auto_sbuf body = SBUF_INIT;
    struct cni_env env = {command, "c1", "/run/netns/x", "eth0", args};
    cni_env_format(&env, config, &body);
    p.code = request_parse(&p.r, body.data, body.len, &p.e);
    return p;
}

#define HEAD "{\"cniVersion\":\"1.1.0\",\"name\":\"seine\",\"type\":\"seine-cni\""

static void plain_add_is_a_pod_of_its_own(void **state)
{
    (void)state;
    auto_parsed p = parse("ADD", "", HEAD ",\"unknown\":{\"x\":[1]}}");
    assert_int_equal(p.code, 0);
    assert_int_equal(p.r.verb, CNI_ADD);
    assert_string_equal(p.r.version->name, "1.1.0");
    assert_string_equal(p.r.network, "seine");
    assert_string_equal(p.r.env.container_id, "c1");
    assert_string_equal(p.r.env.netns, "/run/netns/x");
    assert_string_equal(p.r.env.ifname, "eth0");
    assert_true(p.r.own_pod);
    assert_string_equal(p.r.pod_namespace, "default");
    assert_string_equal(p.r.pod_name, "c1");
    assert_string_equal(p.r.pod_uid, "");
    assert_string_equal(p.r.dns, "");
}

static void arguments_tell_the_pod(void **state)
{
    (void)state;
    auto_parsed p = parse("ADD",
                          "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-0;"
                          "K8S_POD_INFRA_CONTAINER_ID=abc;K8S_POD_UID=u-1",
                          HEAD "}");
    assert_int_equal(p.code, 0);
    assert_false(p.r.own_pod);
    assert_string_equal(p.r.pod_namespace, "shop");
    assert_string_equal(p.r.pod_name, "web-0");
    assert_string_equal(p.r.pod_uid, "u-1");
}

static void name_without_namespace_is_a_pod_of_its_own(void **state)
{
    (void)state;
    auto_parsed p = parse("ADD", "IgnoreUnknown=1;K8S_POD_NAME=My_c1;K8S_POD_UID=u", HEAD "}");
    assert_int_equal(p.code, 0);
    assert_true(p.r.own_pod);
    assert_string_equal(p.r.pod_name, "c1");
    assert_string_equal(p.r.pod_uid, "");
}

static void malformed_arguments_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "x", "=x", "A=b;x", "K8S_POD_NAME=a/b", "K8S_POD_NAMESPACE=a b", "A=1;=2"};
    static const char *const good[] = {"", ";", "A=", "A=b;;C=d;", "K8S_POD_NAME="};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        auto_parsed p = parse("ADD", bad[i], HEAD "}");
        if (p.code != CNI_INVALID_ENVIRONMENT || !strstr(p.e.msg, "CNI_ARGS")) {
            fail_msg("%s: %d %s", bad[i], p.code, p.e.msg);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        auto_parsed p = parse("ADD", good[i], HEAD "}");
        assert_int_equal(p.code, 0);
    }
}

static void bad_configurations_have_their_codes(void **state)
{
    (void)state;
    static const struct {
        const char *config;
        int code;
        const char *told;
    } cases[] = {
        {"", 6, "configuration"},
        {"[]", 6, "configuration"},
        {"{\"cniVersion\":", 6, "configuration"},
        {HEAD "} x", 6, "configuration"},
        {"{\"name\":\"seine\"}", 1, "cniVersion"},
        {"{\"cniVersion\":\"0.2.0\",\"name\":\"seine\"}", 1, "0.2.0"},
        {"{\"cniVersion\":\"2.0.0\",\"name\":\"seine\"}", 1, "2.0.0"},
        {"{\"cniVersion\":7,\"name\":\"seine\"}", 7, "cniVersion"},
        {"{\"cniVersion\":\"1.0.0\"}", 7, "name"},
        {"{\"cniVersion\":\"1.0.0\",\"name\":\"a b\"}", 7, "name"},
        {"{\"cniVersion\":\"1.0.0\",\"name\":[]}", 7, "name"},
        {HEAD ",\"ipam\":{}}", 7, "ipam"},
        {HEAD ",\"ipam\":{\"type\":\"host-local\"}}", 7, "ipam"},
        {HEAD ",\"dns\":7}", 7, "dns"},
        {HEAD ",\"dns\":{\"nameservers\":\"10.0.0.1\"}}", 7, "dns"},
        {HEAD ",\"dns\":{\"search\":[7]}}", 7, "dns"},
        {HEAD ",\"dns\":{\"domain\":[]}}", 7, "dns"},
        {HEAD ",\"runtimeConfig\":[]}", 7, "runtimeConfig"},
        {HEAD ",\"runtimeConfig\":{\"mac\":\"x\"}}", 7, "mac"},
        {HEAD ",\"runtimeConfig\":{\"mac\":\"01:00:00:00:00:01\"}}", 7, "mac"},
        {HEAD ",\"runtimeConfig\":{\"ips\":\"10.0.0.1\"}}", 7, "ips"},
        {HEAD ",\"runtimeConfig\":{\"ips\":[\"10.0.0\"]}}", 7, "ips"},
        {HEAD ",\"runtimeConfig\":{\"ips\":[7]}}", 7, "ips"},
        {HEAD ",\"runtimeConfig\":{\"ips\":[\"10.0.0.1\",\"10.0.0.2/24\"]}}", 7, "ips"},
        {HEAD ",\"runtimeConfig\":{\"dns\":{\"servers\":7}}}", 7, "dns"},
        {HEAD ",\"prevResult\":{}}", 7, "prevResult"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        auto_parsed p = parse("ADD", "", cases[i].config);
        if (p.code != cases[i].code || !strstr(p.e.msg, cases[i].told)) {
            fail_msg("%s: %d %s", cases[i].config, p.code, p.e.msg);
        }
    }
}

static void error_is_told_in_the_version_asked(void **state)
{
    (void)state;
    auto_parsed p = parse("ADD", "", "{\"cniVersion\":\"0.4.0\",\"name\":\"seine\",\"ipam\":{}}");
    assert_string_equal(p.r.version->name, "0.4.0");
    auto_parsed q = parse("ADD", "", "{");
    assert_string_equal(q.r.version->name, "1.1.0");
}

static void verbs_older_than_their_version_are_incompatible(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"CHECK", "0.3.1"}, {"GC", "1.0.0"}, {"STATUS", "1.0.0"}, {"GC", "0.4.0"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char config[128];
        snprintf(config, sizeof config, "{\"cniVersion\":\"%s\",\"name\":\"seine\"}", cases[i][1]);
        auto_parsed p = parse(cases[i][0], "", config);
        assert_int_equal(p.code, CNI_INCOMPATIBLE_VERSION);
    }
}

static void dns_is_taken_from_both_places(void **state)
{
    (void)state;
    auto_parsed p = parse("ADD", "",
                          HEAD ",\"dns\":{\"nameservers\":[\"10.0.0.10\"],\"domain\":\"d\","
                               "\"search\":[\"a\"],\"more\":1}}");
    assert_string_equal(p.r.dns, "{\"nameservers\":[\"10.0.0.10\"],\"domain\":\"d\","
                                 "\"search\":[\"a\"]}");
    auto_parsed q = parse("ADD", "",
                          HEAD ",\"dns\":{\"nameservers\":[\"10.0.0.10\"]},\"runtimeConfig\":"
                               "{\"dns\":{\"servers\":[\"10.0.0.53\"],\"searches\":[\"b\"],"
                               "\"options\":[\"ndots:5\"]},\"portMappings\":[]}}");
    assert_string_equal(q.r.dns, "{\"nameservers\":[\"10.0.0.53\"],\"search\":[\"b\"],"
                                 "\"options\":[\"ndots:5\"]}");
}

static void runtime_may_ask_for_addresses_and_mac(void **state)
{
    (void)state;
    char text[IP_TEXT_MAX];
    auto_parsed p = parse("ADD", "",
                          HEAD ",\"runtimeConfig\":{\"mac\":\"02:00:00:00:00:09\","
                               "\"ips\":[\"10.9.0.9/24\",\"fd09::9\"]}}");
    assert_int_equal(p.code, 0);
    assert_true(p.r.has_mac);
    assert_int_equal(p.r.mac.b[5], 9);
    assert_int_equal(p.r.n_ips, 2);
    assert_string_equal(ip_format(&p.r.ips[0], text), "10.9.0.9");
    assert_string_equal(ip_format(&p.r.ips[1], text), "fd09::9");
}

static void check_needs_a_previous_result(void **state)
{
    (void)state;
    static const struct {
        const char *prev, *told;
    } cases[] = {
        {"", "missing"},
        {",\"prevResult\":null", "missing"},
        {",\"prevResult\":7", "object"},
        {",\"prevResult\":{\"interfaces\":[7]}", "interfaces[0]"},
        {",\"prevResult\":{\"interfaces\":[{\"name\":1}]}", "interfaces[0]"},
        {",\"prevResult\":{\"ips\":[{\"address\":7}]}", "ips"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char config[256];
        snprintf(config, sizeof config, HEAD "%s}", cases[i].prev);
        auto_parsed p = parse("CHECK", "", config);
        if (p.code != CNI_INVALID_CONFIG || !strstr(p.e.msg, cases[i].told)) {
            fail_msg("%s: %d %s", config, p.code, p.e.msg);
        }
    }
}

static void previous_result_is_read_for_our_interface(void **state)
{
    (void)state;
    char text[IP_TEXT_MAX];
    auto_parsed p = parse(
        "CHECK", "",
        HEAD ",\"prevResult\":{\"interfaces\":[{\"name\":\"web-1\"},{\"name\":\"eth0\",\"mac\":"
             "\"02:00:00:00:00:05\",\"sandbox\":\"/n\"},{\"name\":\"net1\",\"sandbox\":\"/n\"}],"
             "\"ips\":[{\"interface\":1,\"address\":\"10.9.0.5/24\"},{\"interface\":2,"
             "\"address\":\"10.8.0.5/24\"},{\"address\":\"fd09::5/64\"}]}}");
    assert_int_equal(p.code, 0);
    assert_true(p.r.prev.has_interface);
    assert_string_equal(p.r.prev.host_interface, "web-1");
    assert_string_equal(p.r.prev.mac, "02:00:00:00:00:05");
    assert_int_equal(p.r.prev.n_ips, 2);
    assert_string_equal(ip_format(&p.r.prev.ips[0], text), "10.9.0.5");
    assert_string_equal(ip_format(&p.r.prev.ips[1], text), "fd09::5");
}

static void collection_needs_its_list(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        ",\"cni.dev/valid-attachments\":null",
        ",\"cni.dev/valid-attachments\":{}",
        ",\"cni.dev/valid-attachments\":[7]",
        ",\"cni.dev/valid-attachments\":[{\"containerID\":\"c1\"}]",
        ",\"cni.dev/valid-attachments\":[{\"containerID\":7,\"ifname\":\"eth0\"}]",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        char config[256];
        snprintf(config, sizeof config, HEAD "%s}", bad[i]);
        auto_parsed p = parse("GC", "", config);
        assert_int_equal(p.code, CNI_INVALID_CONFIG);
        assert_non_null(strstr(p.e.msg, "cni.dev/valid-attachments"));
    }
    auto_parsed p = parse("GC", "",
                          HEAD ",\"cni.dev/valid-attachments\":[{\"containerID\":\"c1\","
                               "\"ifname\":\"eth0\"},{\"containerID\":\"c2\",\"ifname\":\"e\"}]}");
    assert_int_equal(p.code, 0);
    assert_int_equal(p.r.n_valid, 2);
    assert_string_equal(p.r.valid[1].container_id, "c2");
    assert_string_equal(p.r.valid[1].ifname, "e");
    auto_parsed q = parse("GC", "", HEAD ",\"cni.dev/valid-attachments\":[]}");
    assert_int_equal(q.code, 0);
    assert_int_equal(q.r.n_valid, 0);
}

static void what_is_no_request_is_refused(void **state)
{
    (void)state;
    static const char *const bodies[] = {"",
                                         "x",
                                         "[]",
                                         "{\"command\":7}",
                                         "{\"command\":\"ADD\"",
                                         "{\"command\":\"ADD\",\"config\":{}}"};
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct request r;
        struct cni_error e;
        assert_int_equal(request_parse(&r, bodies[i], strlen(bodies[i]), &e), CNI_DECODE_FAILURE);
        request_done(&r);
    }
    struct request r;
    struct cni_error e;
    assert_int_equal(request_parse(&r, "{}", 2, &e), CNI_INVALID_ENVIRONMENT);
    request_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_add_is_a_pod_of_its_own),
        cmocka_unit_test(arguments_tell_the_pod),
        cmocka_unit_test(name_without_namespace_is_a_pod_of_its_own),
        cmocka_unit_test(malformed_arguments_are_refused),
        cmocka_unit_test(bad_configurations_have_their_codes),
        cmocka_unit_test(error_is_told_in_the_version_asked),
        cmocka_unit_test(verbs_older_than_their_version_are_incompatible),
        cmocka_unit_test(dns_is_taken_from_both_places),
        cmocka_unit_test(runtime_may_ask_for_addresses_and_mac),
        cmocka_unit_test(check_needs_a_previous_result),
        cmocka_unit_test(previous_result_is_read_for_our_interface),
        cmocka_unit_test(collection_needs_its_list),
        cmocka_unit_test(what_is_no_request_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
