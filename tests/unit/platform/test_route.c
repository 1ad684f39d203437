/* SPDX-License-Identifier: Apache-2.0
 *
 * Routes and neighbours: what is set is dumped as the same rows, others' are left alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/sbuf.h"
#include "platform/route.h"
#include "tests/unit/platform/sandbox.h"

static struct bytes text(const char *s)
{
    return (struct bytes){s, strlen(s)};
}

static void collect(void *aux, struct bytes key, struct bytes value)
{
    sbuf_printf(aux, "%.*s = %.*s\n", (int)key.n, (const char *)key.p, (int)value.n,
                (const char *)value.p);
}

static void assert_dump(const char *const *lines, size_t n)
{
    auto_sbuf out = SBUF_INIT;
    struct err err = {0};
    size_t rows = 0;
    if (route_dump("gw0", collect, &out, &err) < 0) {
        fail_msg("%s", err.text);
    }
    for (const char *c = sbuf_cstr(&out); *c; c++) {
        rows += *c == '\n';
    }
    for (size_t i = 0; i < n; i++) {
        if (!strstr(sbuf_cstr(&out), lines[i])) {
            fail_msg("%s is not in\n%s", lines[i], out.data);
        }
    }
    assert_int_equal(rows, n);
}

static const char *const keys[] = {"route 10.9.1.0/24", "neigh 10.9.1.1", "route fd09:1::/64",
                                   "neigh fd09:1::1"};
static const char *const values[] = {"via 10.9.1.1 dev gw0", "lladdr aa:bb:cc:dd:ee:ff dev gw0",
                                     "via fd09:1::1 dev gw0", "lladdr aa:bb:cc:dd:ee:ff dev gw0"};
static const char *const lines[] = {"route 10.9.1.0/24 = via 10.9.1.1 dev gw0\n",
                                    "neigh 10.9.1.1 = lladdr aa:bb:cc:dd:ee:ff dev gw0\n",
                                    "route fd09:1::/64 = via fd09:1::1 dev gw0\n",
                                    "neigh fd09:1::1 = lladdr aa:bb:cc:dd:ee:ff dev gw0\n"};

static void set_all(bool there)
{
    for (size_t i = 0; i < 4; i++) {
        struct err err = {0};
        if (route_set("gw0", text(keys[i]), text(there ? values[i] : ""), &err) < 0) {
            fail_msg("%s: %s", keys[i], err.text);
        }
    }
}

static void rows_come_back_as_they_were_set(void **state)
{
    (void)state;
    assert_dump(NULL, 0);
    set_all(true);
    assert_dump(lines, 4);
    set_all(true); /* again: the same */
    assert_dump(lines, 4);
    assert_non_null(strstr(sandbox_shell(NULL, "ip route"), "10.9.1.0/24 via 10.9.1.1 dev gw0"));
    set_all(false);
    assert_dump(NULL, 0);
    set_all(false); /* removing the absent is success */
}

static void a_row_is_replaced(void **state)
{
    (void)state;
    static const char *const changed[] = {"route 10.9.1.0/24 = via 10.9.2.1 dev gw0\n",
                                          "neigh 10.9.1.1 = lladdr 02:00:00:00:00:09 dev gw0\n"};
    set_all(true);
    set_all(false);
    assert_int_equal(route_set("gw0", text(keys[0]), text(values[0]), NULL), 0);
    assert_int_equal(route_set("gw0", text(keys[1]), text(values[1]), NULL), 0);
    assert_int_equal(route_set("gw0", text(keys[0]), text("via 10.9.2.1 dev gw0"), NULL), 0);
    assert_int_equal(
        route_set("gw0", text(keys[1]), text("lladdr 02:00:00:00:00:09 dev gw0"), NULL), 0);
    assert_dump(changed, 2);
    set_all(false);
}

static void routes_of_others_are_left_alone(void **state)
{
    (void)state;
    sandbox_shell(NULL, "ip route add 10.9.1.0/24 dev gw0 && ip neigh add 10.9.0.77 lladdr "
                        "02:00:00:00:00:77 dev gw0 nud permanent");
    set_all(true);
    assert_dump(lines, 4);
    set_all(false);
    assert_non_null(strstr(sandbox_shell(NULL, "ip route"), "10.9.1.0/24 dev gw0"));
    assert_non_null(strstr(sandbox_shell(NULL, "ip neigh"), "10.9.0.77"));
}

static void rows_that_are_none_are_refused(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"route 10.9.1.0", "via 10.9.1.1 dev gw0"},
        {"rout 10.9.1.0/24", "via 10.9.1.1 dev gw0"},
        {"route 10.9.1.0/24", "via 10.9.1.1 on gw0"},
        {"route 10.9.1.0/24", "lladdr 02:00:00:00:00:09 dev gw0"},
        {"route 10.9.1.0/24", "via 10.9.1.1 dev gw0 more"},
        {"route 10.9.1.0/24", "via 10.9.1.1 dev a-name-that-is-too-long"},
        {"neigh 10.9.1.1", "lladdr 02:00:00:00:00 dev gw0"},
        {"neigh", ""},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err err = {0};
        assert_int_equal(route_set("gw0", text(bad[i][0]), text(bad[i][1]), &err), ERR_INVALID);
        assert_non_null(strstr(err.text, "not a route"));
    }
}

static void missing_device_is_named(void **state)
{
    (void)state;
    struct err err = {0};
    assert_int_equal(route_set("gw0", text(keys[0]), text("via 10.9.1.1 dev nodev"), &err),
                     ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "nodev"));
    assert_int_equal(route_dump("nodev", collect, NULL, &err), ERR_NOT_FOUND);
}

int main(void)
{
    if (!sandbox_enter()) {
        printf("skipped: network namespaces need root\n");
        return 77;
    }
    sandbox_shell(NULL, "ip link add gw0 type veth peer gw0p && "
                        "ip link set gw0p up && ip link set gw0 up && "
                        "ip addr add 10.9.0.1/24 dev gw0 && ip addr add fd09::1/64 dev gw0 nodad");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_back_as_they_were_set),
        cmocka_unit_test(a_row_is_replaced),
        cmocka_unit_test(rows_that_are_none_are_refused),
        cmocka_unit_test(missing_device_is_named),
        cmocka_unit_test(routes_of_others_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
