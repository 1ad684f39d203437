/* SPDX-License-Identifier: Apache-2.0
 *
 * Masquerade rules through the real nft: rows come back as they were written, one table of ours,
 * others' untouched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/sbuf.h"
#include "platform/hostnat.h"
#include "tests/unit/platform/sandbox.h"

static struct hostnat_row row(const char *key, const char *value)
{
    return (struct hostnat_row){{key, strlen(key)}, {value, strlen(value)}};
}

static void collect(void *aux, struct bytes key, struct bytes value)
{
    sbuf_printf(aux, "%.*s = %.*s\n", (int)key.n, (const char *)key.p, (int)value.n,
                (const char *)value.p);
}

static void assert_dump(const char *expected)
{
    auto_sbuf out = SBUF_INIT;
    struct err err = {0};
    if (hostnat_dump("gw0", collect, &out, &err) < 0) {
        fail_msg("%s", err.text);
    }
    assert_string_equal(sbuf_cstr(&out), expected);
}

static void replace(const struct hostnat_row *rows, size_t n)
{
    struct err err = {0};
    if (hostnat_replace("gw0", rows, n, &err) < 0) {
        fail_msg("%s", err.text);
    }
}

static void no_table_is_no_rows(void **state)
{
    (void)state;
    assert_dump("");
    replace(NULL, 0);
    assert_dump("");
    assert_null(strstr(sandbox_shell(NULL, "nft list ruleset"), "seine"));
}

static void rows_come_back_as_they_were_written(void **state)
{
    (void)state;
    const struct hostnat_row rows[] = {
        row("masquerade 10.9.0.0/24", "except 10.9.0.0/24,10.9.1.0/24,10.9.7.7/32 gateway gw0"),
        row("masquerade fd09::/64", "except fd09::/64,fd09:0:0:1::/64 gateway gw0"),
    };
    replace(rows, 2);
    assert_dump("masquerade 10.9.0.0/24 = except 10.9.0.0/24,10.9.1.0/24,10.9.7.7/32 gateway gw0\n"
                "masquerade fd09::/64 = except fd09::/64,fd09:0:0:1::/64 gateway gw0\n");
    const char *out = sandbox_shell(NULL, "nft list table inet seine-gw0");
    assert_non_null(strstr(out, "hook postrouting"));
    assert_non_null(strstr(out, "ip saddr 10.9.0.0/24 oifname != \"gw0\""));
    assert_non_null(strstr(out, "masquerade"));
    replace(rows, 1);
    assert_dump(
        "masquerade 10.9.0.0/24 = except 10.9.0.0/24,10.9.1.0/24,10.9.7.7/32 gateway gw0\n");
    replace(NULL, 0);
    assert_dump("");
}

static void prefixes_within_others_come_back_too(void **state)
{
    (void)state;
    const struct hostnat_row rows[] = {
        row("masquerade 10.9.0.0/24",
            "except 10.9.0.0/16,10.9.0.0/24,10.9.3.0/24,10.10.0.0/24 gateway gw0")};
    replace(rows, 1);
    assert_dump("masquerade 10.9.0.0/24 = except "
                "10.9.0.0/16,10.9.0.0/24,10.9.3.0/24,10.10.0.0/24 gateway gw0\n");
    replace(NULL, 0);
}

static void what_somebody_took_out_is_missing(void **state)
{
    (void)state;
    const struct hostnat_row rows[] = {
        row("masquerade 10.9.0.0/24", "except 10.9.0.0/24,10.9.1.0/24 gateway gw0")};
    replace(rows, 1);
    sandbox_shell(NULL, "nft delete element inet seine-gw0 except0 '{ 10.9.1.0/24 }'");
    assert_dump("masquerade 10.9.0.0/24 = except 10.9.0.0/24 gateway gw0\n");
    sandbox_shell(NULL, "nft flush chain inet seine-gw0 postrouting");
    assert_dump("");
    replace(NULL, 0);
}

static void tables_of_others_are_left_alone(void **state)
{
    (void)state;
    const struct hostnat_row rows[] = {
        row("masquerade 10.9.0.0/24", "except 10.9.0.0/24 gateway gw0")};
    sandbox_shell(NULL, "nft add table inet other && nft add table inet seine-gw1");
    replace(rows, 1);
    replace(NULL, 0);
    const char *out = sandbox_shell(NULL, "nft list tables");
    assert_non_null(strstr(out, "inet other"));
    assert_non_null(strstr(out, "inet seine-gw1"));
    assert_null(strstr(out, "seine-gw0"));
}

static void bad_rows_change_nothing(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"masquerade 10.9.0.0", "except 10.9.0.0/24 gateway gw0"},
        {"masq 10.9.0.0/24", "except 10.9.0.0/24 gateway gw0"},
        {"masquerade 10.9.0.0/24", "10.9.0.0/24 gateway gw0"},
        {"masquerade 10.9.0.0/24", "except 10.9.0.0/24"},
        {"masquerade 10.9.0.0/24", "except fd09::/64 gateway gw0"},
        {"masquerade 10.9.0.0/24", "except 10.9.0.0/24,x gateway gw0"},
    };
    const struct hostnat_row good = row("masquerade 10.9.0.0/24", "except 10.9.0.0/24 gateway gw0");
    replace(&good, 1);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct hostnat_row rows[] = {good, row(bad[i][0], bad[i][1])};
        struct err err = {0};
        assert_int_equal(hostnat_replace("gw0", rows, 2, &err), ERR_INVALID);
        assert_non_null(strstr(err.text, bad[i][0]));
    }
    assert_dump("masquerade 10.9.0.0/24 = except 10.9.0.0/24 gateway gw0\n");
    replace(NULL, 0);
}

static void a_refusal_of_nft_is_told(void **state)
{
    (void)state;
    const struct hostnat_row rows[] = {
        row("masquerade 10.9.0.0/24", "except 10.9.0.0/24 gateway a-name-that-is-too-long")};
    struct err err = {0};
    assert_int_equal(hostnat_replace("gw0", rows, 1, &err), ERR_REFUSED);
    assert_non_null(strstr(err.text, "nft: "));
    setenv("PATH", "/nowhere", 1);
    assert_int_equal(hostnat_replace("gw0", rows, 1, &err), ERR_NOT_FOUND);
    setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
}

int main(void)
{
    if (!sandbox_enter()) {
        printf("skipped: network namespaces need root\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_table_is_no_rows),
        cmocka_unit_test(rows_come_back_as_they_were_written),
        cmocka_unit_test(prefixes_within_others_come_back_too),
        cmocka_unit_test(what_somebody_took_out_is_missing),
        cmocka_unit_test(tables_of_others_are_left_alone),
        cmocka_unit_test(bad_rows_change_nothing),
        cmocka_unit_test(a_refusal_of_nft_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
