/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/world_builder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/pipeline/pipeline.h"
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
    const char *want = ",type=select,selection_method=dp_hash,"
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
    assert_non_null(strstr(text.data, "selection_method=hash,fields(ip_src,tcp_src),bucket="));
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
        cmocka_unit_test_setup_teardown(frontends_of_one_hash_have_groups_of_their_own, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
