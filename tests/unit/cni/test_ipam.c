/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cni/ipam.h"

static struct ip ip_of(const char *text)
{
    struct ip ip;
    assert_true(ip_parse(text, &ip));
    return ip;
}

static struct ipam *mk_ipam(const char *first, const char *second)
{
    struct prefix cidrs[2];
    assert_true(prefix_parse(first, &cidrs[0]));
    assert_true(!second || prefix_parse(second, &cidrs[1]));
    struct ipam *m = ipam_new();
    ipam_set_pools(m, cidrs, second ? 2 : 1);
    return m;
}

/* The next address of the first family, as text. */
static const char *next(struct ipam *m)
{
    static char text[IP_TEXT_MAX];
    struct ip ips[IPAM_MAX_IPS];
    size_t n = 0;
    struct err err = {0};
    return ipam_allocate(m, ips, &n, &err) < 0 ? "none" : ip_format(&ips[0], text);
}

static void release(struct ipam *m, const char *text)
{
    struct ip ip = ip_of(text);
    ipam_release(m, &ip);
}

static void network_gateway_and_broadcast_are_never_given(void **state)
{
    (void)state;
    struct ipam *m = mk_ipam("10.9.0.8/29", NULL);
    static const char *const expected[] = {"10.9.0.10", "10.9.0.11", "10.9.0.12",
                                           "10.9.0.13", "10.9.0.14", "none"};
    for (int round = 0; round < 3; round++) {
        assert_int_equal(ipam_n_free(m, 4), 5);
        for (size_t i = 0; i < 6; i++) {
            assert_string_equal(next(m), expected[i]);
        }
        assert_true(ipam_is_exhausted(m));
        for (size_t i = 0; i < 5; i++) {
            release(m, expected[i]);
        }
        assert_false(ipam_is_exhausted(m));
    }
    ipam_free(m);
}

static void longest_released_comes_first(void **state)
{
    (void)state;
    struct ipam *m = mk_ipam("10.9.0.0/29", NULL);
    assert_string_equal(next(m), "10.9.0.2");
    assert_string_equal(next(m), "10.9.0.3");
    assert_string_equal(next(m), "10.9.0.4");
    release(m, "10.9.0.3");
    release(m, "10.9.0.2");
    /* never given before released */
    assert_string_equal(next(m), "10.9.0.5");
    assert_string_equal(next(m), "10.9.0.6");
    assert_string_equal(next(m), "10.9.0.3");
    release(m, "10.9.0.3");
    assert_string_equal(next(m), "10.9.0.2");
    assert_string_equal(next(m), "10.9.0.3");
    assert_string_equal(next(m), "none");
    ipam_free(m);
}

static void one_of_each_family_or_none(void **state)
{
    (void)state;
    struct ipam *m = mk_ipam("10.9.0.0/30", "fd09::/64");
    struct ip ips[IPAM_MAX_IPS];
    struct err err = {0};
    char text[IP_TEXT_MAX];
    size_t n = 0;
    assert_int_equal(ipam_allocate(m, ips, &n, &err), 0);
    assert_int_equal(n, 2);
    assert_string_equal(ip_format(&ips[0], text), "10.9.0.2");
    assert_string_equal(ip_format(&ips[1], text), "fd09::2");
    uint64_t left = ipam_n_free(m, 6);
    assert_int_equal(ipam_allocate(m, ips, &n, &err), ERR_EXHAUSTED);
    assert_non_null(strstr(err.text, "10.9.0.0/30"));
    assert_int_equal(ipam_n_free(m, 6), left);
    ipam_free(m);
}

static void small_pools_hold_no_pod(void **state)
{
    (void)state;
    static const char *const cidrs[] = {"10.9.0.0/31", "10.9.0.1/32", "fd09::/127", "fd09::1/128"};
    for (size_t i = 0; i < 4; i++) {
        struct ipam *m = mk_ipam(cidrs[i], NULL);
        struct ip ips[IPAM_MAX_IPS];
        struct err err = {0};
        size_t n = 0;
        assert_int_equal(ipam_n_pools(m), 0);
        assert_int_equal(ipam_allocate(m, ips, &n, &err), ERR_AGAIN);
        ipam_free(m);
    }
    struct ipam *m = mk_ipam("fd09::/126", NULL);
    assert_string_equal(next(m), "fd09::2");
    assert_string_equal(next(m), "fd09::3"); /* IPv6 has no broadcast */
    assert_string_equal(next(m), "none");
    ipam_free(m);
}

static void held_addresses_are_passed_over(void **state)
{
    (void)state;
    struct ipam *m = ipam_new();
    struct ip a = ip_of("10.9.0.2"), b = ip_of("10.9.0.4");
    struct prefix cidr;
    ipam_hold(m, &a); /* records come before the pool is known */
    assert_true(prefix_parse("10.9.0.0/29", &cidr));
    ipam_set_pools(m, &cidr, 1);
    ipam_hold(m, &b);
    assert_int_equal(ipam_n_free(m, 4), 3);
    assert_string_equal(next(m), "10.9.0.3");
    assert_string_equal(next(m), "10.9.0.5");
    assert_string_equal(next(m), "10.9.0.6");
    assert_string_equal(next(m), "none");
    ipam_hold(m, &a); /* twice: a second sandbox of one record */
    ipam_release(m, &a);
    assert_string_equal(next(m), "none");
    ipam_release(m, &a);
    assert_string_equal(next(m), "10.9.0.2");
    ipam_release(m, &(struct ip){4, {1, 2, 3, 4}}); /* never held: nothing happens */
    ipam_free(m);
}

static void history_survives_in_order(void **state)
{
    (void)state;
    struct ipam *m = mk_ipam("10.9.0.0/29", NULL);
    static const char *const told[] = {"10.9.0.2", "10.9.0.3", "10.9.0.2", "10.9.0.6", "10.7.0.1"};
    struct ip held = ip_of("10.9.0.6");
    ipam_hold(m, &held);
    for (size_t i = 0; i < 5; i++) {
        struct ip ip = ip_of(told[i]);
        ipam_was_released(m, &ip);
    }
    assert_string_equal(next(m), "10.9.0.4");
    assert_string_equal(next(m), "10.9.0.5");
    assert_string_equal(next(m), "10.9.0.3");
    assert_string_equal(next(m), "10.9.0.2");
    assert_string_equal(next(m), "none");
    ipam_free(m);
}

static void changed_pool_leaves_held_addresses(void **state)
{
    (void)state;
    struct ipam *m = mk_ipam("10.9.0.0/29", NULL);
    struct prefix other, again;
    assert_string_equal(next(m), "10.9.0.2");
    assert_string_equal(next(m), "10.9.0.3");
    release(m, "10.9.0.3");
    assert_true(prefix_parse("10.8.0.0/29", &other));
    assert_true(prefix_parse("10.9.0.0/29", &again));
    ipam_set_pools(m, &other, 1);
    assert_string_equal(next(m), "10.8.0.2");
    ipam_set_pools(m, &again, 1);
    assert_int_equal(ipam_n_free(m, 4), 4); /* 10.9.0.2 is held still */
    assert_string_equal(next(m), "10.9.0.3");
    release(m, "10.9.0.2");
    release(m, "10.8.0.2"); /* in no pool any more */
    assert_string_equal(next(m), "10.9.0.4");
    ipam_free(m);
}

static void asked_addresses_are_taken_if_free(void **state)
{
    (void)state;
    struct ipam *m = mk_ipam("10.9.0.0/29", NULL);
    static const struct {
        const char *ip;
        int rc;
    } cases[] = {{"10.9.0.4", 0},
                 {"10.9.0.4", ERR_EXISTS},
                 {"10.9.0.0", ERR_NOT_FOUND},
                 {"10.9.0.1", ERR_NOT_FOUND},
                 {"10.9.0.7", ERR_NOT_FOUND},
                 {"10.9.0.8", ERR_NOT_FOUND},
                 {"fd09::2", ERR_NOT_FOUND}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ip ip = ip_of(cases[i].ip);
        struct err err = {0};
        assert_int_equal(ipam_take(m, &ip, &err), cases[i].rc);
        assert_true(!cases[i].rc || strstr(err.text, cases[i].ip));
    }
    ipam_free(m);
}

static void pool_and_gateway_of_an_address(void **state)
{
    (void)state;
    struct ipam *m = mk_ipam("10.9.0.0/29", "fd09::/64");
    struct ip ip = ip_of("fd09::77"), none = ip_of("fd0a::1"), gateway;
    struct prefix cidr;
    char text[PREFIX_TEXT_MAX];
    assert_true(ipam_pool_of(m, &ip, &cidr, &gateway));
    assert_string_equal(prefix_format(&cidr, text), "fd09::/64");
    assert_string_equal(ip_format(&gateway, text), "fd09::1");
    assert_false(ipam_pool_of(m, &none, &cidr, &gateway));
    ipam_free(m);
}

static void large_pool_is_bounded(void **state)
{
    (void)state;
    struct ipam *m = mk_ipam("fd09::/64", "10.0.0.0/8");
    assert_int_equal(ipam_n_free(m, 6), IPAM_POOL_MAX);
    assert_int_equal(ipam_n_free(m, 4), IPAM_POOL_MAX);
    for (size_t i = 0; i < IPAM_POOL_MAX; i++) {
        struct ip ips[IPAM_MAX_IPS];
        size_t n = 0;
        assert_int_equal(ipam_allocate(m, ips, &n, NULL), 0);
    }
    assert_string_equal(next(m), "none");
    release(m, "10.0.1.1");
    release(m, "fd09::101");
    assert_string_equal(next(m), "10.0.1.1");
    ipam_free(m);
}

static void collect(void *aux, const struct ip *ip)
{
    char text[IP_TEXT_MAX];
    strcat(aux, ip_format(ip, text));
    strcat(aux, " ");
}

static void released_are_listed_in_order(void **state)
{
    (void)state;
    struct ipam *m = mk_ipam("10.9.0.0/29", "fd09::/64");
    char list[256] = "";
    for (int i = 0; i < 3; i++) {
        next(m);
    }
    release(m, "fd09::3");
    release(m, "10.9.0.4");
    release(m, "10.9.0.2");
    ipam_each_released(m, collect, list);
    assert_string_equal(list, "10.9.0.4 10.9.0.2 fd09::3 ");
    ipam_free(m);
}

/* Against a model: a list of free addresses in the order in which they became free. */
static void random_use_agrees_with_the_model(void **state)
{
    (void)state;
    enum { N = 13 };
    unsigned seed = 20261124;
    struct ipam *m = mk_ipam("10.9.0.0/28", NULL);
    uint32_t free_list[N], held[N];
    size_t n_free = N, n_held = 0;
    for (uint32_t i = 0; i < N; i++) {
        free_list[i] = 0x0a090002 + i;
    }
    for (int step = 0; step < 20000; step++) {
        seed = seed * 1103515245 + 12345;
        bool give = (seed >> 16) % 2;
        struct ip ips[IPAM_MAX_IPS];
        size_t n = 0;
        if (give && ipam_allocate(m, ips, &n, NULL) == 0) {
            assert_true(n_free > 0);
            assert_int_equal(ip_to_v4(&ips[0]), free_list[0]);
            held[n_held++] = free_list[0];
            memmove(free_list, free_list + 1, --n_free * sizeof *free_list);
        } else if (give) {
            assert_int_equal(n_free, 0);
        } else if (n_held) {
            size_t which = (seed >> 20) % n_held;
            struct ip ip = ip_v4(held[which]);
            ipam_release(m, &ip);
            free_list[n_free++] = held[which];
            held[which] = held[--n_held];
        }
        assert_int_equal(ipam_n_free(m, 4), n_free);
    }
    ipam_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(network_gateway_and_broadcast_are_never_given),
        cmocka_unit_test(longest_released_comes_first),
        cmocka_unit_test(one_of_each_family_or_none),
        cmocka_unit_test(small_pools_hold_no_pod),
        cmocka_unit_test(held_addresses_are_passed_over),
        cmocka_unit_test(history_survives_in_order),
        cmocka_unit_test(changed_pool_leaves_held_addresses),
        cmocka_unit_test(asked_addresses_are_taken_if_free),
        cmocka_unit_test(pool_and_gateway_of_an_address),
        cmocka_unit_test(large_pool_is_bounded),
        cmocka_unit_test(released_are_listed_in_order),
        cmocka_unit_test(random_use_agrees_with_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
