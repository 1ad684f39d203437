/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cni/result.h"
#include "core/base/mem.h"
#include "platform/ipc.h"

static struct netif_address addresses[2];

static struct result mk_result(const char *version)
{
    assert_true(prefix_parse("10.9.0.5/24", &addresses[0].address));
    assert_true(ip_parse("10.9.0.1", &addresses[0].gateway));
    assert_true(prefix_parse("fd09::5/64", &addresses[1].address));
    assert_true(ip_parse("fd09::1", &addresses[1].gateway));
    return (struct result){.version = cni_version_find(version),
                           .host_interface = "web-0123456",
                           .pod_interface = "eth0",
                           .sandbox = "/run/netns/x",
                           .pod_mac = {{2, 0, 0, 0, 0, 5}},
                           .mtu = 1450,
                           .addresses = addresses,
                           .n_addresses = 2,
                           .dns = ""};
}

static void newest_form_has_mtu_and_no_ip_version(void **state)
{
    (void)state;
    auto_sbuf out = SBUF_INIT;
    struct result r = mk_result("1.1.0");
    r.dns = "{\"domain\":\"d\"}";
    result_format(&r, &out);
    assert_string_equal(
        out.data,
        "{\"cniVersion\":\"1.1.0\",\"interfaces\":[{\"name\":\"web-0123456\",\"mtu\":1450},"
        "{\"name\":\"eth0\",\"mac\":\"02:00:00:00:00:05\",\"mtu\":1450,\"sandbox\":"
        "\"/run/netns/x\"}],\"ips\":[{\"interface\":1,\"address\":\"10.9.0.5/24\",\"gateway\":"
        "\"10.9.0.1\"},{\"interface\":1,\"address\":\"fd09::5/64\",\"gateway\":\"fd09::1\"}],"
        "\"routes\":[{\"dst\":\"0.0.0.0/0\",\"gw\":\"10.9.0.1\"},{\"dst\":\"::/0\",\"gw\":"
        "\"fd09::1\"}],\"dns\":{\"domain\":\"d\"}}\n");
}

static void form_1_0_has_no_mtu(void **state)
{
    (void)state;
    auto_sbuf out = SBUF_INIT;
    struct result r = mk_result("1.0.0");
    result_format(&r, &out);
    assert_null(strstr(out.data, "mtu"));
    assert_null(strstr(out.data, "\"version\""));
    assert_non_null(strstr(out.data, "\"dns\":{}}"));
}

static void old_forms_tell_the_ip_version(void **state)
{
    (void)state;
    static const char *const versions[] = {"0.3.0", "0.3.1", "0.4.0"};
    for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
        auto_sbuf out = SBUF_INIT;
        struct result r = mk_result(versions[i]);
        result_format(&r, &out);
        assert_non_null(strstr(out.data, versions[i]));
        assert_non_null(strstr(out.data, "{\"version\":\"4\",\"interface\":1,\"address\":"
                                         "\"10.9.0.5/24\""));
        assert_non_null(strstr(out.data, "{\"version\":\"6\",\"interface\":1,\"address\":"
                                         "\"fd09::5/64\""));
    }
}

static void one_family_has_one_route(void **state)
{
    (void)state;
    auto_sbuf out = SBUF_INIT;
    struct result r = mk_result("1.1.0");
    r.n_addresses = 1;
    result_format(&r, &out);
    assert_non_null(strstr(out.data, "\"routes\":[{\"dst\":\"0.0.0.0/0\",\"gw\":\"10.9.0.1\"}]"));
    assert_null(strstr(out.data, "fd09"));
}

/* The page's table is that of code.h. */
static void the_page_lists_every_code(void **state)
{
    (void)state;
    auto_free char *page = NULL;
    size_t n;
    assert_int_equal(file_read("docs/cni.md", 1 << 20, &page, &n, NULL), 0);
#define EXPECT_ROW(id, number, meaning)                                                            \
    assert_non_null(strstr(page, "\n| " #number " | " meaning " |\n"));
    CNI_CODES(EXPECT_ROW)
#undef EXPECT_ROW
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_lists_every_code),
        cmocka_unit_test(newest_form_has_mtu_and_no_ip_version),
        cmocka_unit_test(form_1_0_has_no_mtu),
        cmocka_unit_test(old_forms_tell_the_ip_version),
        cmocka_unit_test(one_family_has_one_route),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
