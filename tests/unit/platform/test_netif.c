/* SPDX-License-Identifier: Apache-2.0
 *
 * Pods' interfaces, the gateway device and the uplink's MTU on real namespaces; what was made is
 * looked at with other programs (ip, ethtool, nft). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "platform/netif.h"
#include "tests/unit/platform/sandbox.h"

static struct netif_address addresses[2];

static void parse_address(struct netif_address *a, const char *prefix, const char *gateway)
{
    assert_true(prefix_parse(prefix, &a->address));
    assert_true(ip_parse(gateway, &a->gateway));
}

static struct netif_pod mk_pod(const struct sandbox_pod *sandbox)
{
    parse_address(&addresses[0], "10.9.0.5/24", "10.9.0.1");
    parse_address(&addresses[1], "fd09::5/64", "fd09::1");
    struct netif_pod pod = {.netns = sandbox->path,
                            .host_name = "web-0123456",
                            .pod_name = "eth0",
                            .mac = {{0x02, 0, 0, 0, 0, 0x05}},
                            .mtu = 1450,
                            .addresses = addresses,
                            .n_addresses = 2,
                            .owner = "gw-test"};
    return pod;
}

static void assert_shows(const struct sandbox_pod *pod, const char *command, const char *part)
{
    const char *out = sandbox_shell(pod, command);
    if (!strstr(out, part)) {
        fail_msg("%s: \"%s\" is not in:\n%s", command, part, out);
    }
}

static void assert_hides(const struct sandbox_pod *pod, const char *command, const char *part)
{
    const char *out = sandbox_shell(pod, command);
    if (strstr(out, part)) {
        fail_msg("%s: \"%s\" is in:\n%s", command, part, out);
    }
}

static int pod_setup(void **state)
{
    static struct sandbox_pod pod;
    sandbox_pod_start(&pod);
    *state = &pod;
    return pod.pid > 0 ? 0 : -1;
}

static int pod_teardown(void **state)
{
    sandbox_pod_end(*state);
    netif_pod_delete("web-0123456", NULL);
    return netif_cleanup(NULL);
}

static void pod_gets_its_interface_addresses_and_routes(void **state)
{
    const struct sandbox_pod *sandbox = *state;
    struct netif_pod pod = mk_pod(sandbox);
    struct err err = {0};
    if (netif_pod_create(&pod, &err) < 0) {
        fail_msg("%s", err.text);
    }
    assert_shows(sandbox, "ip link show eth0", "mtu 1450");
    assert_shows(sandbox, "ip link show eth0", "02:00:00:00:00:05");
    assert_shows(sandbox, "ip link show eth0", "LOWER_UP");
    assert_shows(sandbox, "ip link show lo", "LOWER_UP");
    assert_shows(sandbox, "ip -4 addr show eth0", "10.9.0.5/24 brd 10.9.0.255");
    assert_shows(sandbox, "ip -6 addr show eth0", "fd09::5/64 scope global nodad");
    assert_hides(sandbox, "ip -6 addr show dev eth0 to fd09::/64", "tentative");
    assert_shows(sandbox, "ip -4 route", "default via 10.9.0.1 dev eth0");
    assert_shows(sandbox, "ip -6 route", "default via fd09::1 dev eth0");
    assert_shows(NULL, "ip link show web-0123456", "mtu 1450");
    assert_shows(NULL, "ip link show web-0123456", "alias seine gw-test");
    assert_int_equal(netif_pod_check(&pod, &err), 0);
}

static void host_side_has_no_address_and_answers_no_arp(void **state)
{
    const struct sandbox_pod *sandbox = *state;
    struct netif_pod pod = mk_pod(sandbox);
    assert_int_equal(netif_pod_create(&pod, NULL), 0);
    assert_hides(NULL, "ip addr show web-0123456", "inet");
    assert_shows(NULL, "cat /proc/sys/net/ipv4/conf/web-0123456/arp_ignore", "8");
    /* The node has the gateway's address elsewhere: it must not answer for it on this side. */
    sandbox_shell(NULL, "ip link add gw type veth peer gwp && "
                        "ip addr add 10.9.0.1/24 dev gw && ip link set gwp up && "
                        "ip link set gw up");
    assert_shows(sandbox, "ping -c1 -W1 10.9.0.1", "100% packet loss");
    sandbox_shell(NULL, "ip link del gw");
}

static void userspace_datapath_has_guard_and_finished_checksums(void **state)
{
    const struct sandbox_pod *sandbox = *state;
    struct netif_pod pod = mk_pod(sandbox);
    struct err err = {0};
    pod.userspace_datapath = true;
    if (netif_pod_create(&pod, &err) < 0) {
        fail_msg("%s", err.text);
    }
    assert_shows(sandbox, "ethtool -k eth0", "tx-checksumming: off");
    assert_shows(sandbox, "ethtool -k eth0", "tx-tcp-segmentation: off");
    assert_shows(NULL, "nft list table netdev seine-guard", "chain web-0123456");
    assert_shows(NULL, "nft list table netdev seine-guard", "policy drop");
    assert_int_equal(netif_pod_delete("web-0123456", NULL), 0);
    assert_hides(NULL, "nft list ruleset", "web-0123456");
    assert_int_equal(netif_cleanup(NULL), 0);
    assert_hides(NULL, "nft list ruleset", "seine-guard");
}

static void kernel_datapath_has_no_guard(void **state)
{
    struct netif_pod pod = mk_pod(*state);
    assert_int_equal(netif_pod_create(&pod, NULL), 0);
    assert_hides(NULL, "nft list ruleset", "seine-guard");
}

static void taken_name_is_an_error_and_leaves_nothing(void **state)
{
    const struct sandbox_pod *sandbox = *state;
    struct netif_pod pod = mk_pod(sandbox);
    struct err err = {0};
    sandbox_shell(sandbox, "ip link add eth0 type veth peer eth0p");
    assert_int_equal(netif_pod_create(&pod, &err), ERR_EXISTS);
    assert_non_null(strstr(err.text, "eth0"));
    assert_false(netif_exists("web-0123456"));
}

static void failing_halfway_takes_everything_back(void **state)
{
    const struct sandbox_pod *sandbox = *state;
    struct netif_pod pod = mk_pod(sandbox);
    struct err err = {0};
    pod.userspace_datapath = true;
    /* The second address's gateway is not in its network: the kernel refuses the route. */
    parse_address(&addresses[1], "10.9.1.5/24", "10.77.0.1");
    assert_true(netif_pod_create(&pod, &err) < 0);
    assert_non_null(strstr(err.text, "10.77.0.1"));
    assert_false(netif_exists("web-0123456"));
    assert_hides(sandbox, "ip link", "eth0");
    assert_hides(NULL, "nft list ruleset", "web-0123456");
}

static void ipv6_turned_off_in_the_namespace_is_turned_on_for_the_pod(void **state)
{
    const struct sandbox_pod *sandbox = *state;
    struct netif_pod pod = mk_pod(sandbox);
    struct err err = {0};
    sandbox_shell(sandbox, "sysctl -w net.ipv6.conf.all.disable_ipv6=1 "
                           "net.ipv6.conf.default.disable_ipv6=1");
    pod.proc_sys = "/nowhere"; /* a container has another place, and no other will do */
    assert_true(netif_pod_create(&pod, &err) < 0);
    pod.proc_sys = "/proc/self/root/proc/sys";
    if (netif_pod_create(&pod, &err) < 0) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(netif_pod_delete(pod.host_name, &err), 0);
    pod.proc_sys = NULL;
    if (netif_pod_create(&pod, &err) < 0) {
        fail_msg("%s", err.text);
    }
    assert_shows(sandbox, "ip -6 addr show eth0", "fd09::5/64");
}

static void namespaces_are_told_apart(void **state)
{
    const struct sandbox_pod *sandbox = *state;
    struct err err = {0};
    assert_int_equal(netif_netns_check(sandbox->path, &err), 0);
    assert_int_equal(netif_netns_check("/run/netns/no-such", &err), ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "/run/netns/no-such"));
    assert_int_equal(netif_netns_check("/proc/self/ns/uts", &err), ERR_INVALID);
    assert_int_equal(netif_netns_check("/etc/passwd", &err), ERR_INVALID);
    assert_int_equal(netif_netns_check("/proc/self/ns/net", &err), ERR_INVALID);
}

static void check_names_the_first_difference(void **state)
{
    static const struct {
        const char *command, *told, *repair;
    } cases[] = {
        {"ip link set eth0 mtu 1400", "MTU is 1400, not 1450", "ip link set eth0 mtu 1450"},
        {"ip addr del 10.9.0.5/24 dev eth0", "10.9.0.5/24", "ip addr add 10.9.0.5/24 dev eth0"},
        {"ip route del default", "10.9.0.1", "ip route add default via 10.9.0.1"},
        {"ip link set eth0 address 02:00:00:00:00:77", "02:00:00:00:00:77",
         "ip link set eth0 address 02:00:00:00:00:05"},
        {"ip link set eth0 down", "is down", "ip link set eth0 up"},
    };
    const struct sandbox_pod *sandbox = *state;
    struct netif_pod pod = mk_pod(sandbox);
    pod.n_addresses = 1;
    assert_int_equal(netif_pod_create(&pod, NULL), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};
        sandbox_shell(sandbox, cases[i].command);
        assert_int_equal(netif_pod_check(&pod, &err), ERR_CONFLICT);
        if (!strstr(err.text, cases[i].told)) {
            fail_msg("%s: %s", cases[i].command, err.text);
        }
        sandbox_shell(sandbox, cases[i].repair);
        if (i == 1) {
            sandbox_shell(sandbox, "ip route add default via 10.9.0.1");
        }
    }
    sandbox_shell(NULL, "ip link del web-0123456");
    struct err err = {0};
    assert_int_equal(netif_pod_check(&pod, &err), ERR_CONFLICT);
    assert_non_null(strstr(err.text, "gone from the node"));
}

static void deleting_the_absent_is_success(void **state)
{
    struct netif_pod pod = mk_pod(*state);
    assert_int_equal(netif_pod_delete("web-0123456", NULL), 0);
    assert_int_equal(netif_pod_create(&pod, NULL), 0);
    assert_true(netif_exists("web-0123456"));
    assert_int_equal(netif_pod_delete("web-0123456", NULL), 0);
    assert_int_equal(netif_pod_delete("web-0123456", NULL), 0);
    assert_false(netif_exists("web-0123456"));
}

static void list_has_the_owners_interfaces_only(void **state)
{
    struct netif_pod pod = mk_pod(*state);
    char **names = NULL;
    size_t n = 0;
    assert_int_equal(netif_pod_create(&pod, NULL), 0);
    sandbox_shell(NULL, "ip link add other type veth peer otherp");
    assert_int_equal(netif_pod_list("gw-test", &names, &n, NULL), 0);
    assert_int_equal(n, 1);
    assert_string_equal(names[0], "web-0123456");
    mem_free(names[0]);
    mem_free(names);
    assert_int_equal(netif_pod_list("gw-other", &names, &n, NULL), 0);
    assert_int_equal(n, 0);
    mem_free(names);
    sandbox_shell(NULL, "ip link del other");
}

static void device_gets_exactly_its_addresses(void **state)
{
    (void)state;
    struct prefix wanted[2];
    struct err err = {0};
    assert_true(prefix_parse("10.9.0.1/24", &wanted[0]));
    assert_true(prefix_parse("fd09::1/64", &wanted[1]));
    struct netif_device dev = {.name = "gw1",
                               .mtu = 1450,
                               .mac = {{0x02, 0, 0, 0, 0, 0x01}},
                               .addresses = wanted,
                               .n_addresses = 2};
    assert_int_equal(netif_device_set(&dev, &err), ERR_NOT_FOUND);
    sandbox_shell(NULL, "ip link add gw1 type veth peer gw1p && ip link set gw1p up && "
                        "ip addr add 10.8.0.1/24 dev gw1");
    for (int again = 0; again < 2; again++) {
        if (netif_device_set(&dev, &err) < 0) {
            fail_msg("%s", err.text);
        }
        assert_shows(NULL, "ip -4 addr show gw1", "10.9.0.1/24");
        assert_hides(NULL, "ip -4 addr show gw1", "10.8.0.1");
        assert_shows(NULL, "ip -6 addr show gw1", "fd09::1/64");
        assert_shows(NULL, "ip -6 addr show gw1", "fe80::");
        assert_shows(NULL, "ip link show gw1", "mtu 1450");
        assert_shows(NULL, "ip link show gw1", "02:00:00:00:00:01");
    }
    sandbox_shell(NULL, "ip link del gw1");
}

static void mtu_is_of_the_address_or_of_the_default_route(void **state)
{
    (void)state;
    struct ip address, elsewhere;
    uint32_t mtu = 0;
    assert_true(ip_parse("192.0.2.7", &address));
    assert_true(ip_parse("192.0.2.8", &elsewhere));
    assert_int_equal(netif_mtu_of_address(&address, &mtu, NULL), ERR_NOT_FOUND);
    sandbox_shell(NULL, "ip link add up0 mtu 1400 type veth peer up0p && "
                        "ip link set up0p up && ip link set up0 up && "
                        "ip addr add 192.0.2.7/24 dev up0");
    sandbox_shell(NULL, "ip link add up1 mtu 1300 type veth peer up1p && "
                        "ip link set up1p up && ip link set up1 up && "
                        "ip route add default dev up1");
    assert_int_equal(netif_mtu_of_address(&address, &mtu, NULL), 0);
    assert_int_equal(mtu, 1400);
    assert_int_equal(netif_mtu_of_address(&elsewhere, &mtu, NULL), 0);
    assert_int_equal(mtu, 1300);
    sandbox_shell(NULL, "ip link del up0; ip link del up1");
}

static void forwarding_is_set_through_the_given_folder(void **state)
{
    (void)state;
    struct err err = {0};
    assert_int_equal(
        netif_enable_forwarding(&(struct netif_forwarding){.proc_sys = "/proc/sys"}, &err), 0);
    assert_shows(NULL, "sysctl -n net.ipv4.ip_forward", "1");
    assert_shows(NULL, "sysctl -n net.ipv6.conf.all.forwarding", "1");
    assert_int_equal(
        netif_enable_forwarding(&(struct netif_forwarding){.proc_sys = "/nowhere"}, &err),
        ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "/nowhere/net/ipv4/ip_forward"));
}

int main(void)
{
    if (!sandbox_enter()) {
        printf("skipped: network namespaces need root\n");
        return 77;
    }
#define POD_TEST(name) cmocka_unit_test_setup_teardown(name, pod_setup, pod_teardown)
    const struct CMUnitTest tests[] = {
        POD_TEST(pod_gets_its_interface_addresses_and_routes),
        POD_TEST(host_side_has_no_address_and_answers_no_arp),
        POD_TEST(userspace_datapath_has_guard_and_finished_checksums),
        POD_TEST(kernel_datapath_has_no_guard),
        POD_TEST(taken_name_is_an_error_and_leaves_nothing),
        POD_TEST(failing_halfway_takes_everything_back),
        POD_TEST(ipv6_turned_off_in_the_namespace_is_turned_on_for_the_pod),
        POD_TEST(namespaces_are_told_apart),
        POD_TEST(check_names_the_first_difference),
        POD_TEST(deleting_the_absent_is_success),
        POD_TEST(list_has_the_owners_interfaces_only),
        cmocka_unit_test(device_gets_exactly_its_addresses),
        cmocka_unit_test(mtu_is_of_the_address_or_of_the_default_route),
        cmocka_unit_test(forwarding_is_set_through_the_given_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
