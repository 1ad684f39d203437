/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/addr.h"
#include "core/base/port.h"

static struct ip ip(const char *s)
{
    struct ip v;
    assert_true(ip_parse(s, &v));
    return v;
}

static struct prefix prefix(const char *s)
{
    struct prefix v;
    assert_true(prefix_parse(s, &v));
    return v;
}

static void test_ip_text(void **state)
{
    (void)state;
    /* text, canonical form (RFC 5952) */
    static const char *const good[][2] = {
        {"0.0.0.0", "0.0.0.0"},
        {"255.255.255.255", "255.255.255.255"},
        {"10.1.2.3", "10.1.2.3"},
        {"::", "::"},
        {"::1", "::1"},
        {"1::", "1::"},
        {"2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},    /* the first of equal runs */
        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"}, /* one group is not shortened */
        {"fe80::0001", "fe80::1"},
        {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
        {"0:0:0:0:0:0:0:0", "::"},
    };
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        char text[IP_TEXT_MAX];
        struct ip v = ip(good[i][0]);
        assert_string_equal(ip_format(&v, text), good[i][1]);
    }
}

static void test_ip_text_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.256",
        "01.2.3.4",
        "1.2.3.4 ",
        " 1.2.3.4",
        "1..2.3",
        ":",
        ":::",
        "1:2",
        "1::2::3",
        "12345::",
        "g::",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7:",
        ":1:2:3:4:5:6:7",
        "1.2.3.4/24",
        "-1.2.3.4",
        "1.2.3.+4",
    };
    struct ip v;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (ip_parse(bad[i], &v))
            fail_msg("accepted: %s", bad[i]);
}

static void test_prefix_text(void **state)
{
    (void)state;
    char text[PREFIX_TEXT_MAX];
    struct prefix p = prefix("10.1.2.3/8");
    assert_string_equal(prefix_format(&p, text), "10.1.2.3/8"); /* host bits as written */
    p = prefix_masked(&p);
    assert_string_equal(prefix_format(&p, text), "10.0.0.0/8");
    p = prefix("2001:db8::1/33");
    p = prefix_masked(&p);
    assert_string_equal(prefix_format(&p, text), "2001:db8::/33");
    static const char *const bad[] = {"10.0.0.0",    "10.0.0.0/",   "10.0.0.0/33", "::/129",
                                      "10.0.0.0/08", "10.0.0.0/-1", "/8",          "10.0.0.0/8 "};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (prefix_parse(bad[i], &p))
            fail_msg("accepted: %s", bad[i]);
}

static void test_mac_text(void **state)
{
    (void)state;
    struct mac m;
    char text[MAC_TEXT_MAX];
    assert_true(mac_parse("0A:00:fe:00:01:02", &m));
    assert_string_equal(mac_format(&m, text), "0a:00:fe:00:01:02");
    assert_false(mac_parse("0a:00:fe:00:01", &m));
    assert_false(mac_parse("0a:00:fe:00:01:02:03", &m));
    assert_false(mac_parse("0a-00-fe-00-01-02", &m));
    assert_false(mac_parse("0g:00:fe:00:01:02", &m));
}

static void test_ip_arithmetic(void **state)
{
    (void)state;
    char text[IP_TEXT_MAX];
    struct ip v = ip("10.0.0.255"), sum = ip_add(&v, 1);
    assert_string_equal(ip_format(&sum, text), "10.0.1.0");
    v = ip("255.255.255.255");
    sum = ip_add(&v, 1);
    assert_string_equal(ip_format(&sum, text), "0.0.0.0");
    v = ip("::ffff:ffff:ffff:ffff");
    sum = ip_add(&v, 2);
    assert_string_equal(ip_format(&sum, text), "::1:0:0:0:1");
    assert_int_equal(ip_to_v4(&(struct ip){.family = 4, .b = {10, 0, 0, 1}}), 0x0a000001);
    v = ip_v4(0xc0a80101);
    assert_string_equal(ip_format(&v, text), "192.168.1.1");
    v = ip_mask(4, 20);
    assert_string_equal(ip_format(&v, text), "255.255.240.0");
    v = ip_mask(6, 65);
    assert_string_equal(ip_format(&v, text), "ffff:ffff:ffff:ffff:8000::");
    struct prefix p = prefix("10.0.4.0/22");
    v = prefix_nth(&p, 258);
    assert_string_equal(ip_format(&v, text), "10.0.5.2");
}

static void test_ip_order(void **state)
{
    (void)state;
    struct ip four = ip("255.0.0.0"), six = ip("::"), ten = ip("10.0.0.0");
    assert_true(ip_cmp(&four, &six) < 0); /* families first */
    assert_true(ip_cmp(&ten, &four) < 0);
    assert_true(ip_equal(&ten, &ten));
    assert_false(ip_equal(&ten, &six));
}

static void test_prefix_relations(void **state)
{
    (void)state;
    struct prefix ten = prefix("10.0.0.0/8"), sub = prefix("10.1.0.0/16"),
                  other = prefix("11.0.0.0/8"), all = prefix("0.0.0.0/0"), six = prefix("::/0");
    struct ip in = ip("10.255.255.255"), out = ip("11.0.0.0"), v6 = ip("a00::");
    assert_true(prefix_contains(&ten, &in));
    assert_false(prefix_contains(&ten, &out));
    assert_false(prefix_contains(&all, &v6));
    assert_true(prefix_contains(&six, &v6));
    assert_true(prefix_covers(&ten, &sub));
    assert_false(prefix_covers(&sub, &ten));
    assert_true(prefix_overlaps(&sub, &ten));
    assert_false(prefix_overlaps(&ten, &other));
    assert_false(prefix_overlaps(&all, &six));
    assert_true(prefix_equal(&ten, &ten));
    assert_true(prefix_cmp(&ten, &sub) < 0);
}

/* Each address is in exactly one result or in an exception. */
static void check_subtract(const char *from_text, const char *const *texts, size_t n)
{
    struct prefix from = prefix(from_text), except[8], out[64];
    for (size_t i = 0; i < n; i++)
        except[i] = prefix(texts[i]);
    size_t n_out = prefix_subtract(&from, except, n, out, 64);
    assert_true(n_out <= 64);
    for (uint64_t a = 0; a < 256; a++) {
        struct ip v = prefix_nth(&from, a);
        size_t hits = 0, excepted = 0;
        for (size_t i = 0; i < n_out; i++)
            hits += prefix_contains(&out[i], &v);
        for (size_t i = 0; i < n; i++)
            excepted |= prefix_contains(&except[i], &v);
        assert_int_equal(hits, !excepted);
    }
    for (size_t i = 1; i < n_out; i++)
        assert_true(prefix_cmp(&out[i - 1], &out[i]) < 0);
}

static void test_prefix_subtract(void **state)
{
    (void)state;
    static const char *const one[] = {"192.168.0.64/26"};
    static const char *const nested[] = {"192.168.0.0/25", "192.168.0.16/28", "192.168.0.255/32"};
    static const char *const same[] = {"192.168.0.128/25", "192.168.0.0/25"};
    check_subtract("192.168.0.0/24", NULL, 0);
    check_subtract("192.168.0.0/24", one, 1);
    check_subtract("192.168.0.0/24", nested, 3);
    check_subtract("192.168.0.0/24", same, 2);
    static const char *const six[] = {"2001:db8::40/122", "2001:db8::1/128"};
    check_subtract("2001:db8::/120", six, 2);

    struct prefix from = prefix("10.0.0.0/8"), except = prefix("10.1.2.3/32"), out[64];
    assert_int_equal(prefix_subtract(&from, &except, 1, out, 64), 24); /* one a bit: fewest */
    assert_int_equal(prefix_subtract(&from, &except, 1, out, 10), 11); /* more than there is room */
    assert_int_equal(prefix_subtract(&from, &from, 1, out, 64), 0);
    struct prefix outside = prefix("11.0.0.0/8");
    assert_int_equal(prefix_subtract(&from, &outside, 1, out, 64), 1);
}

/* Merges the texts and expects the others, in order. */
static void check_merge(const char *const *texts, size_t n, const char *const *want, size_t n_want)
{
    struct prefix v[8];
    for (size_t i = 0; i < n; i++)
        v[i] = prefix(texts[i]);
    size_t n_out = prefix_merge(v, n);
    assert_int_equal(n_out, n_want);
    for (size_t i = 0; i < n_out; i++) {
        char text[PREFIX_TEXT_MAX];
        assert_string_equal(prefix_format(&v[i], text), want[i]);
    }
}
#define CHECK_MERGE(texts, ...)                                                                    \
    check_merge(texts, ARRAY_LEN(texts), (const char *const[]){__VA_ARGS__},                       \
                ARRAY_LEN(((const char *const[]){__VA_ARGS__})))

static void test_prefix_merge(void **state)
{
    (void)state;
    static const char *const halves[] = {"10.0.1.0/24", "10.0.0.0/24", "10.0.2.0/23",
                                         "10.0.4.0/24"};
    static const char *const inside[] = {"10.1.2.3/32", "10.0.0.0/8", "10.255.0.0/16"};
    static const char *const same[] = {"10.0.0.7/8", "10.0.0.0/8", "10.1.0.0/8"};
    static const char *const apart[] = {"10.0.1.0/24", "10.0.2.0/24"}; /* neighbours, not halves */
    static const char *const families[] = {"fd00::1/128", "10.0.0.1/32", "fd00::/128"};
    static const char *const all[] = {"128.0.0.0/1", "0.0.0.0/1", "::/0"};
    static const char *const chain[] = {"10.0.0.3/32", "10.0.0.2/32", "10.0.0.0/31", "10.0.0.4/30"};
    assert_int_equal(prefix_merge(NULL, 0), 0);
    CHECK_MERGE(halves, "10.0.0.0/22", "10.0.4.0/24");
    CHECK_MERGE(inside, "10.0.0.0/8");
    CHECK_MERGE(same, "10.0.0.0/8");
    CHECK_MERGE(apart, "10.0.1.0/24", "10.0.2.0/24");
    CHECK_MERGE(families, "10.0.0.1/32", "fd00::/127");
    CHECK_MERGE(all, "0.0.0.0/0", "::/0");
    CHECK_MERGE(chain, "10.0.0.0/29");
}

static void test_made_addresses(void **state)
{
    (void)state;
    struct mac a = mac_from_name("gateway", "n1"), b = mac_from_name("gateway", "n2"),
               c = mac_from_name("pod", "n1");
    assert_int_equal(a.b[0] & 3, 2); /* local, unicast */
    assert_memory_not_equal(a.b, b.b, 6);
    assert_memory_not_equal(a.b, c.b, 6);
    struct mac m;
    char text[IP_TEXT_MAX];
    assert_true(mac_parse("02:00:5e:10:00:01", &m));
    struct ip ll = ip_link_local(&m); /* the universal bit is turned */
    assert_string_equal(ip_format(&ll, text), "fe80::5eff:fe10:1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ip_text),          cmocka_unit_test(test_ip_text_refused),
        cmocka_unit_test(test_prefix_text),      cmocka_unit_test(test_mac_text),
        cmocka_unit_test(test_ip_arithmetic),    cmocka_unit_test(test_ip_order),
        cmocka_unit_test(test_prefix_relations), cmocka_unit_test(test_prefix_subtract),
        cmocka_unit_test(test_prefix_merge),     cmocka_unit_test(test_made_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
