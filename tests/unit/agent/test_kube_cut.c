/* SPDX-License-Identifier: Apache-2.0
 *
 * Which limits are told as Events, on which object, when and how often: a real engine, a clock of
 * the test's own, and a list in place of the book of Events. */
#include "tests/support/world_builder.h"

#include <stdio.h>
#include <string.h>

#include "core/agent/agent_kube.h"
#include "core/agent/kube_event.h"
#include "core/base/mem.h"
#include "core/pipeline/world.h"
#include "ovs/flow.h"

/* ---- the rest of the agent ---- */
static struct fixture {
    struct options o;
    struct agent a;
    struct agent_kube k;
    struct sbuf events; /* a line each */
    int64_t timer;      /* what it was set to; -1: not */
    loop_fn *fn;
    void *aux;
} x;

struct loop_timer *loop_timer_new(struct loop *l, loop_fn *fn, void *aux)
{
    (void)l;
    x.fn = fn;
    x.aux = aux;
    x.timer = -1;
    return (struct loop_timer *)&x;
}

void loop_timer_free(struct loop_timer *t)
{
    (void)t;
    x.fn = NULL;
}

void loop_timer_after(struct loop_timer *t, int64_t delay_ms)
{
    (void)t;
    x.timer = delay_ms;
}

int agent_source_table(enum k8s_kind kind)
{
    static const int tables[] = {[K8S_POD] = TABLE_POD,
                                 [K8S_NODE] = TABLE_NODE,
                                 [K8S_NETWORK_POLICY] = TABLE_POLICY,
                                 [K8S_SERVICE] = TABLE_SERVICE};
    return tables[kind];
}

void agent_kube_event(struct agent_kube *k, const struct kube_event *e)
{
    assert_ptr_equal(k, &x.k);
    assert_true(e->uid[0] && e->action[0]);
    sbuf_printf(&x.events, "%s %s/%s %s%s: %s\n", k8s_kind_name(e->kind), e->namespace_, e->name,
                e->reason, e->shared ? " (shared)" : "", e->note);
}

/* ---- worlds ---- */
static void start(struct engine *e)
{
    x.o.node_name = mem_strdup("a");
    x.a = (struct agent){.o = &x.o, .engine = e, .store = engine_store(e)};
    x.k = (struct agent_kube){.a = &x.a};
    world_config(e, "a");
    world_node(e, "a", "10.0.1.0/24", "192.0.2.1");
    world_pod(e, "shop/web", "app: web", "");
    world_pod(e, "shop/far", "app: far", "10.0.2.9");
    world_attach_pod(e, "shop/web", "10.0.1.3");
    agent_kube_cut_start(&x.k);
}

static int setup(void **state)
{
    (void)state;
    start(world_engine());
    return 0;
}

static int setup_acl(void **state)
{
    (void)state;
    start(world_engine_acl());
    x.a.acl = (struct agent_acl *)&x;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    agent_kube_cut_end(&x.k);
    assert_null(x.fn);
    world_done(x.a.engine);
    mem_free(x.o.node_name);
    sbuf_done(&x.events);
    return 0;
}

/* Derives, and lets the time pass that the timer was set to. */
static void pass(void)
{
    world_settle(x.a.engine);
    agent_kube_derived(&x.k);
    if (x.timer >= 0) {
        x.timer = -1;
        x.fn(x.aux);
    }
}

static void expect(const char *events)
{
    assert_string_equal(sbuf_cstr(&x.events), events);
    sbuf_clear(&x.events);
}

/* A policy whose ipBlock splits too far. */
static void put_split(const char *key)
{
    auto_sbuf spec = SBUF_INIT;
    sbuf_puts(&spec, "podSelector: {}, ingress: [{from: [{ipBlock: {cidr: \"fd00::/8\", except: [");
    for (unsigned i = 0; i < 64; i++) {
        sbuf_printf(&spec, "%s\"fd%02x::1/128\"", i ? ", " : "", 4 * i);
    }
    sbuf_puts(&spec, "]}}]}]");
    world_policy(x.a.engine, key, spec.data);
}

#define SPLIT ": ipBlock fd00::/8: its exceptions split it into more than 4096 parts\n"

/* ---- tests ---- */
static void a_policy_s_peer_that_is_left_out_is_told_once_while_it_lasts(void **state)
{
    (void)state;
    pass();
    expect("");
    put_split("shop/p");
    world_settle(x.a.engine);
    agent_kube_derived(&x.k);
    assert_true(x.timer >= 5000 && x.timer < 10000); /* it must last */
    expect("");
    pass();
    expect("NetworkPolicy shop/p PeerLeftOut (shared): shop/p" SPLIT);
    for (int i = 0; i < 3; i++) {
        world_pod(x.a.engine, "shop/far", i % 2 ? "app: far" : "app: near", "10.0.2.9");
        pass();
    }
    put_split("shop/q"); /* another one: that alone */
    pass();
    expect("NetworkPolicy shop/q PeerLeftOut (shared): shop/q" SPLIT);
    world_remove(x.a.engine, TABLE_POLICY, "shop/p");
    pass();
    expect("");
    put_split("shop/p");
    pass();
    expect("NetworkPolicy shop/p PeerLeftOut (shared): shop/p" SPLIT);
}

static void what_is_over_in_a_moment_is_not_told(void **state)
{
    (void)state;
    put_split("shop/p");
    world_settle(x.a.engine);
    agent_kube_derived(&x.k);
    world_remove(x.a.engine, TABLE_POLICY, "shop/p");
    pass();
    expect("");
    pass();
    assert_int_equal(x.timer, -1);
}

static void many_causes_are_told_some_at_a_time_and_not_without_end(void **state)
{
    (void)state;
    size_t told = 0;
    char key[24];
    for (int i = 0; i < 70; i++) {
        snprintf(key, sizeof key, "shop/p%02d", i);
        put_split(key);
    }
    pass();
    for (int round = 0; round < 20; round++) {
        size_t n = 0;
        for (const char *p = sbuf_cstr(&x.events); (p = strchr(p, '\n')); p++) {
            n++;
        }
        assert_true(n <= 5);
        told += n;
        sbuf_clear(&x.events);
        assert_true(x.timer == -1 || x.timer == 60000);
        if (x.timer >= 0) {
            x.timer = -1;
            x.fn(x.aux);
        }
    }
    assert_int_equal(told, 50);
}

static void rules_of_a_pod_and_of_a_peer_that_are_cut_are_told_on_the_pods(void **state)
{
    (void)state;
    auto_sbuf spec = SBUF_INIT;
    sbuf_puts(&spec, "podSelector: {matchLabels: {app: web}}, ingress: [");
    for (unsigned i = 0; i < FLOW_CONJUNCTIONS_MAX + 10; i++) {
        sbuf_printf(&spec,
                    "%s{from: [{podSelector: {matchLabels: {app: far}}}], ports: [{port: %u}]}",
                    i ? ", " : "", 1000 + i);
    }
    sbuf_puts(&spec, "]");
    world_policy(x.a.engine, "shop/many", spec.data);
    pass();
    expect(
        "Pod shop/web RulesCut: node a: 4010 ingress rules apply to it, 4000 of them hold\n"
        "Pod shop/far PeerCut (shared): node a: peer of 4010 ingress rules of this node: it is let "
        "through by 4000 of them only\n");
}

/* Two Services of one address stand for what takes 4,001 rules of one port and a minute of the
 * sanitizers: contributions of several units that one flow cannot hold (tests/kube/test_events.py
 * has the rules). */
static void a_flow_that_many_units_fill_is_told_on_the_node(void **state)
{
    (void)state;
    world_service(x.a.engine, "shop/one", "10.96.0.9", "{port: 80}");
    world_slice(x.a.engine, "shop/one", "s", "10.0.2.9", "{port: 80}");
    pass();
    assert_int_equal(x.timer, -1);
    world_service(x.a.engine, "shop/two", "10.96.0.9", "{port: 80}");
    world_slice(x.a.engine, "shop/two", "s", "10.0.2.10", "{port: 80}");
    pass();
    expect("Node /a RulesCut: more than 4000 rules name one port or one outside address: what "
           "only the others allow is dropped (flows cut: 1)\n");
    world_remove(x.a.engine, TABLE_SERVICE, "shop/two");
    pass();
    pass();
    expect("");
}

static void endpoints_that_are_left_out_are_told_on_the_service(void **state)
{
    (void)state;
    world_service(x.a.engine, "shop/big", "10.96.0.1", "{port: 80}");
    for (unsigned s = 0; s < 24; s++) {
        auto_sbuf ips = SBUF_INIT;
        char suffix[8];
        snprintf(suffix, sizeof suffix, "s%u", s);
        for (unsigned i = 0; i < 1000; i++) {
            sbuf_printf(&ips, "%s10.%u.%u.%u", i ? " " : "", 20 + s, i / 250, i % 250 + 1);
        }
        world_slice(x.a.engine, "shop/big", suffix, ips.data, "{port: 80}");
    }
    pass();
    static const char begin[] = "Service shop/big EndpointsCut (shared): 24000 endpoints, only ";
    assert_int_equal(strncmp(sbuf_cstr(&x.events), begin, sizeof begin - 1), 0);
}

static void what_access_lists_cannot_say_is_told_on_the_policy(void **state)
{
    (void)state;
    pass();
    assert_int_equal(x.timer, -1);
    static const char sctp[] =
        "podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: 1, protocol: SCTP}]}]";
    world_policy(x.a.engine, "shop/s", sctp);
    pass();
    expect("NetworkPolicy shop/s RulesNotSaid (shared): nodes without Open vSwitch: SCTP: an "
           "access list cannot name it, so it stays blocked\n");
    pass();
    expect("");
    world_remove(x.a.engine, TABLE_POLICY, "shop/s");
    pass();
    world_policy(x.a.engine, "shop/s", sctp);
    pass();
    assert_true(x.events.len > 0);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_policy_s_peer_that_is_left_out_is_told_once_while_it_lasts),
        TEST(what_is_over_in_a_moment_is_not_told),
        TEST(many_causes_are_told_some_at_a_time_and_not_without_end),
        TEST(rules_of_a_pod_and_of_a_peer_that_are_cut_are_told_on_the_pods),
        TEST(a_flow_that_many_units_fill_is_told_on_the_node),
        TEST(endpoints_that_are_left_out_are_told_on_the_service),
        cmocka_unit_test_setup_teardown(what_access_lists_cannot_say_is_told_on_the_policy,
                                        setup_acl, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
