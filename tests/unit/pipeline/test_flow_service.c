/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/world_builder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/pipeline/pipeline.h"
#include "core/pipeline/service_flush.h"
#include "core/pipeline/world.h"
#include "ovs/group.h"
#include "tests/unit/pipeline/flows_of.h"

#define PORT "{port: 8080}"

static int setup(void **state)
{
    struct engine *e = world_engine();
    world_config(e, "a");
    world_settle(e);
    *state = e;
    return 0;
}

static int teardown(void **state)
{
    world_done(*state);
    return 0;
}

/* All groups that are wanted, one a line. */
static void groups_of(struct engine *e, struct sbuf *out)
{
    struct arena a;
    struct err err = {0};
    size_t n;
    arena_init(&a, 0);
    const struct engine_entry *v = engine_entries(e, SPACE_GROUP, &a, &n);
    for (size_t i = 0; i < n; i++) {
        if (!v[i].desired.p)
            continue;
        if (group_format(v[i].key, v[i].desired, out, &err))
            fail_msg("%s", err.text);
        sbuf_putc(out, '\n');
    }
    arena_done(&a);
}

static size_t count(const char *text, const char *what)
{
    size_t n = 0;
    for (const char *p = text; (p = strstr(p, what)); p += strlen(what))
        n++;
    return n;
}

/* A Service of 'n' endpoints, 'skip' left out of them. */
static void serve(struct engine *e, unsigned n, unsigned skip)
{
    auto_sbuf endpoints = SBUF_INIT;
    world_service(e, "shop/web", "10.96.0.1", "{port: 80}");
    for (unsigned i = 0; i < n; i++) {
        if (i != skip)
            sbuf_printf(&endpoints, "%s10.0.%u.%u", endpoints.len ? " " : "", 1 + i / 250,
                        i % 250 + 1);
        if (i % 500 == 499 || i == n - 1) {
            auto_sbuf suffix = SBUF_INIT;
            sbuf_printf(&suffix, "s%u", i / 500);
            world_slice(e, "shop/web", suffix.data, sbuf_cstr(&endpoints), PORT);
            sbuf_clear(&endpoints);
        }
    }
    world_settle(e);
}

/* Whether the plan of the space has as many items; it is carried out. */
static void expect_plan(struct engine *e, int space, size_t want)
{
    const struct plan *plan = engine_plan(e, space);
    assert_int_equal(plan->n, want);
    if (plan->n)
        engine_plan_done(e, space);
}

static void a_frontend_is_a_flow_to_a_group(void **state)
{
    struct engine *e = *state;
    auto_sbuf text = SBUF_INIT, flow = SBUF_INIT;
    serve(e, 2, 9);
    groups_of(e, &text);
    const char *want = ",type=select,selection_method=dp_hash,selection_method_param=6,"
                       "bucket=bucket_id:0,weight:100,actions=ct(commit,table=44,zone=65520,"
                       "nat(dst=10.0.1.1:8080),exec(set_field:0x30/0x30->ct_mark)),"
                       "bucket=bucket_id:1,weight:100,actions=ct(commit,table=44,zone=65520,"
                       "nat(dst=10.0.1.2:8080),exec(set_field:0x30/0x30->ct_mark))\n";
    assert_string_equal(strchr(sbuf_cstr(&text), ','), want);
    sbuf_puts(&flow, "table=30, priority=200,tcp,nw_dst=10.96.0.1,tp_dst=80 actions=group:");
    sbuf_put(&flow, text.data + strlen("group_id="), strcspn(text.data, ",") - 9);
    expect_flow(e, sbuf_cstr(&flow), true);
}

static void ipv6_udp_and_sctp_have_their_own_zone_and_fields(void **state)
{
    struct engine *e = *state;
    auto_sbuf text = SBUF_INIT;
    world_service(e, "shop/web", "fd00:96::1",
                  "{name: a, port: 53, protocol: UDP}, {name: b, port: 7, protocol: SCTP}");
    world_slice(e, "shop/web", "a", "fd00:1::5",
                "{name: a, port: 54, protocol: UDP}, {name: b, port: 8, protocol: SCTP}");
    world_settle(e);
    groups_of(e, &text);
    assert_int_equal(count(text.data, "zone=65510,nat(dst=[fd00:1::5]:54)"), 1);
    assert_int_equal(count(text.data, "zone=65510,nat(dst=[fd00:1::5]:8)"), 1);
    expect_flow(e,
                "table=30, priority=200,udp6,ipv6_dst=fd00:96::1,tp_dst=53 actions=group:", true);
    expect_flow(e,
                "table=30, priority=200,sctp6,ipv6_dst=fd00:96::1,tp_dst=7 actions=group:", true);
}

/* What Open vSwitch makes of weights: as many hash values as the least weight asks for. */
static unsigned hash_values(const char *group)
{
    unsigned total = 0, least = UINT32_MAX, values = 16;
    for (const char *p = group; (p = strstr(p, "weight:")); p++) {
        unsigned w = (unsigned)strtoul(p + strlen("weight:"), NULL, 10);
        total += w;
        least = w < least ? w : least;
    }
    while (values < (total + least - 1) / least)
        values *= 2;
    return values;
}

static void uneven_numbers_of_endpoints_get_many_hash_values(void **state)
{
    struct engine *e = *state;
    for (unsigned n = 2; n <= 64; n++) {
        auto_sbuf text = SBUF_INIT;
        bool even = (n & (n - 1)) == 0;
        serve(e, n, n);
        groups_of(e, &text);
        assert_int_equal(count(text.data, "bucket="), n + !even);
        assert_int_equal(count(text.data, "nat(dst=10.0.1.1:8080)"), 1 + !even);
        unsigned values = hash_values(text.data);
        if (even ? values % n != 0 : values < 256 && values < 16 * n)
            fail_msg("%u endpoints: %u values", n, values);
        assert_true(values <= 256);
    }
}

static void many_endpoints_are_chosen_by_address_and_port(void **state)
{
    struct engine *e = *state;
    auto_sbuf text = SBUF_INIT;
    serve(e, 65, 65);
    groups_of(e, &text);
    assert_non_null(
        strstr(text.data,
               "selection_method=hash,selection_method_param=6,fields(ip_src,tcp_src),bucket="));
    assert_int_equal(count(text.data, "bucket="), 65);
    assert_int_equal(count(text.data, "group_id="), 1);
}

static void very_many_endpoints_are_spread_over_shards(void **state)
{
    struct engine *e = *state;
    auto_sbuf text = SBUF_INIT;
    serve(e, 1000, 1000);
    groups_of(e, &text);
    assert_int_equal(count(text.data, "group_id="), 5);
    assert_int_equal(count(text.data, "actions=ct("), 1000);
    assert_int_equal(count(text.data, "actions=group:"), 4);
    for (const char *line = text.data; *line; line = strchr(line, '\n') + 1) {
        auto_sbuf one = SBUF_INIT;
        sbuf_put(&one, line, strcspn(line, "\n"));
        size_t n = count(sbuf_cstr(&one), "actions=ct(");
        assert_true(n == 0 || (n > 150 && n < 350));
        /* The one that uses the others is the last. */
        assert_true((n == 0) == (strchr(line, '\n')[1] == '\0'));
    }
}

static void an_endpoint_that_goes_changes_one_group(void **state)
{
    static const unsigned sizes[] = {5, 60, 100, 1000};
    struct engine *e = *state;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        serve(e, sizes[i], sizes[i]);
        (void)engine_plan(e, SPACE_GROUP);
        engine_plan_done(e, SPACE_GROUP);
        (void)engine_plan(e, SPACE_FLOW);
        engine_plan_done(e, SPACE_FLOW);
        serve(e, sizes[i], 3);
        expect_plan(e, SPACE_GROUP, 1);
        expect_plan(e, SPACE_FLOW, 0);
    }
}

/* Found by trying: their keys have one hash at the first level. */
static void frontends_of_one_hash_have_groups_of_their_own(void **state)
{
    struct engine *e = *state;
    uint32_t *seen = mem_calloc(FRONTEND_HASHES, sizeof *seen);
    char key[64];
    uint32_t a = 0, b = 0;
    for (uint32_t i = 1; !b; i++) {
        snprintf(key, sizeof key, "ns/s%u tcp/80 ipv4", (unsigned)i);
        uint32_t *at = &seen[frontend_hash(key, 0)];
        a = *at;
        b = a ? i : 0;
        *at = i;
    }
    mem_free(seen);
    const uint32_t both[] = {b, a};
    for (size_t i = 0; i < ARRAY_LEN(both); i++) {
        char ip[16];
        snprintf(key, sizeof key, "ns/s%u", (unsigned)both[i]);
        snprintf(ip, sizeof ip, "10.96.0.%zu", i + 1);
        world_service(e, key, ip, "{port: 80}");
        world_slice(e, key, "a", "10.0.1.1", PORT);
        world_settle(e);
    }
    auto_sbuf text = SBUF_INIT;
    groups_of(e, &text);
    assert_int_equal(count(text.data, "group_id="), 2);
    assert_int_equal(engine_counts(e, SPACE_GROUP).conflicts, 0);
}

/* The flushes that a change leaves, as "SRC|DST:PORT>END:PORT" with what is not said left out. */
static void expect_flushes(struct engine *e, bool added, const char *want)
{
    struct arena a;
    struct service_flush *v;
    auto_sbuf text = SBUF_INIT;
    char ip[IP_TEXT_MAX];
    arena_init(&a, 0);
    world_settle(e);
    const struct plan *groups = engine_plan(e, SPACE_GROUP), *flows = engine_plan(e, SPACE_FLOW);
    size_t n = service_flushes(flows, groups, added, &a, &v);
    for (size_t i = 0; i < n; i++) {
        sbuf_puts(&text, i ? " " : "");
        if (v[i].src.family)
            sbuf_printf(&text, "%s|", ip_format(&v[i].src, ip));
        if (v[i].dst.family)
            sbuf_printf(&text, "%s:%u", ip_format(&v[i].dst, ip), (unsigned)v[i].dst_port);
        sbuf_puts(&text, ">");
        if (v[i].end.family)
            sbuf_printf(&text, "%s:%u", ip_format(&v[i].end, ip), (unsigned)v[i].end_port);
    }
    assert_string_equal(sbuf_cstr(&text), want);
    if (groups->n)
        engine_plan_done(e, SPACE_GROUP);
    if (flows->n)
        engine_plan_done(e, SPACE_FLOW);
    arena_done(&a);
}

static void udp_endpoints_that_go_are_forgotten(void **state)
{
    static const char udp[] = "{name: u, port: 54, protocol: UDP}, {name: t, port: 81}";
    struct engine *e = *state;
    expect_flushes(e, true, "");
    world_service(e, "shop/dns", "10.96.0.9 fd00:96::9",
                  "{name: u, port: 53, protocol: UDP}, {name: t, port: 80}");
    world_slice(e, "shop/dns", "a", "10.0.1.1 10.0.1.2", udp);
    world_slice(e, "shop/dns", "b", "fd00:1::1", udp);
    expect_flushes(e, true, "10.96.0.9:53> fd00:96::9:53>");
    world_slice(e, "shop/dns", "a", "10.0.1.2 10.0.1.3", udp);
    expect_flushes(e, true, ">10.0.1.1:54");
    world_remove(e, TABLE_ENDPOINT_SLICE, "shop/dns-b");
    expect_flushes(e, true, ">fd00:1::1:54");
    world_remove(e, TABLE_SERVICE, "shop/dns");
    expect_flushes(e, true, ">10.0.1.2:54 >10.0.1.3:54");
    world_service(e, "shop/dns", "10.96.0.9", "{name: u, port: 53, protocol: UDP}");
    expect_flushes(e, false, "");
}

/* Its address was another Pod's before. */
static void all_that_is_tracked_of_a_pod_that_comes_is_forgotten(void **state)
{
    static const char all[] = "10.0.1.77|> >10.0.1.77:0 fd00:1::77|> >fd00:1::77:0";
    struct engine *e = *state;
    world_config(e, "a");
    world_node(e, "a", "10.0.1.0/24 fd00:1::/64", "192.0.2.1");
    expect_flushes(e, true, "");
    world_pod(e, "shop/new", "app: new", "");
    world_attach_pod(e, "shop/new", "10.0.1.77 fd00:1::77");
    expect_flushes(e, true, all);
    world_pod(e, "shop/new", "app: other", "");
    expect_flushes(e, true, "");
    world_pod(e, "shop/far", "app: new", "10.0.2.9");
    expect_flushes(e, true, "");
}

/* An endpoint that only changes its shard has not gone. */
static void endpoints_that_change_their_shard_stay(void **state)
{
    struct engine *e = *state;
    auto_sbuf some = SBUF_INIT;
    for (unsigned i = 0; i < 256; i++)
        sbuf_printf(&some, "%s10.0.%u.%u", i ? " " : "", 1 + i / 250, i % 250 + 1);
    world_service(e, "shop/dns", "10.96.0.9", "{port: 53, protocol: UDP}");
    world_slice(e, "shop/dns", "a", some.data, "{port: 53, protocol: UDP}");
    expect_flushes(e, false, "");
    assert_int_equal(engine_counts(e, SPACE_GROUP).desired, 1);
    sbuf_clear(&some);
    for (unsigned i = 0; i < 300; i++)
        sbuf_printf(&some, "%s10.9.%u.%u", i ? " " : "", 1 + i / 250, i % 250 + 1);
    world_slice(e, "shop/dns", "b", some.data, "{port: 53, protocol: UDP}");
    expect_flushes(e, false, "");
    assert_int_equal(engine_counts(e, SPACE_GROUP).desired, 5);
    world_slice(e, "shop/dns", "b", "10.0.1.7", "{port: 53, protocol: UDP}");
    world_settle(e);
    const struct plan *groups = engine_plan(e, SPACE_GROUP);
    struct arena a;
    struct service_flush *v;
    arena_init(&a, 0);
    assert_int_equal(service_flushes(NULL, groups, true, &a, &v), 300);
    assert_int_equal(service_flushes(NULL, NULL, true, &a, &v), 0);
    arena_done(&a);
    engine_plan_done(e, SPACE_GROUP);
}

static void one_address_claimed_twice_is_the_firsts(void **state)
{
    struct engine *e = *state;
    world_service(e, "shop/b", "10.96.0.1", "{port: 80}");
    world_slice(e, "shop/b", "x", "10.0.1.1", PORT);
    world_service(e, "shop/c", "10.96.0.1", "{port: 80}");
    world_settle(e);
    assert_int_equal(engine_counts(e, SPACE_FLOW).conflicts, 1);
    expect_flow(e, "table=30, priority=200,tcp,nw_dst=10.96.0.1,tp_dst=80 actions=group:", true);
    world_service(e, "shop/a", "10.96.0.1", "{port: 80}");
    world_settle(e);
    expect_flow(e, "table=30, priority=200,tcp,nw_dst=10.96.0.1,tp_dst=80 actions=controller(",
                true);
    world_remove(e, TABLE_SERVICE, "shop/a");
    world_remove(e, TABLE_SERVICE, "shop/c");
    world_settle(e);
    assert_int_equal(engine_counts(e, SPACE_FLOW).conflicts, 0);
}

static void a_frontend_without_endpoints_is_refused(void **state)
{
    struct engine *e = *state;
    world_service(e, "shop/web", "10.96.0.1 fd00:96::1", "{port: 80}");
    world_slice(e, "shop/web", "a", "10.0.1.1-", PORT);
    world_settle(e);
    expect_flow(e, "table=30, priority=200,tcp,nw_dst=10.96.0.1,tp_dst=80 actions=controller(",
                true);
    expect_flow(e, "table=30, priority=200,tcp6,ipv6_dst=fd00:96::1,tp_dst=80 actions=controller(",
                true);
    assert_int_equal(engine_counts(e, SPACE_METER).desired, 1);
    assert_int_equal(engine_counts(e, SPACE_GROUP).desired, 0);
    world_remove(e, TABLE_SERVICE, "shop/web");
    world_settle(e);
    assert_int_equal(engine_counts(e, SPACE_METER).desired, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_frontend_is_a_flow_to_a_group, setup, teardown),
        cmocka_unit_test_setup_teardown(ipv6_udp_and_sctp_have_their_own_zone_and_fields, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(uneven_numbers_of_endpoints_get_many_hash_values, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(many_endpoints_are_chosen_by_address_and_port, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(very_many_endpoints_are_spread_over_shards, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_endpoint_that_goes_changes_one_group, setup, teardown),
        cmocka_unit_test_setup_teardown(udp_endpoints_that_go_are_forgotten, setup, teardown),
        cmocka_unit_test_setup_teardown(endpoints_that_change_their_shard_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(all_that_is_tracked_of_a_pod_that_comes_is_forgotten, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(one_address_claimed_twice_is_the_firsts, setup, teardown),
        cmocka_unit_test_setup_teardown(a_frontend_without_endpoints_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(frontends_of_one_hash_have_groups_of_their_own, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
