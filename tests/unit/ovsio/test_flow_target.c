/* SPDX-License-Identifier: Apache-2.0
 *
 * The switch as a target, with a real ovs-vswitchd: reading back, bundles, the gate, restarts,
 * strangers and refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "ovs/flow.h"
#include "ovs/flow_target.h"
#include "tests/support/ovs_sandbox.h"
#include "tests/support/pace.h"

enum { TABLE_PORT, PATIENCE_MS = 60000, COOKIE = 0x5e, EARLY_COOKIE = 0xea };

static struct ovs_sandbox box;

/* ---- an engine: each row is a port, and a flow that says where what comes from it goes; that of
 * port 9 is an early one ---- */

static void derive_port(struct derive *d, const char *key)
{
    struct match m;
    auto_actions a;
    auto_sbuf k = SBUF_INIT, v = SBUF_INIT;
    const char *text = view_get(derive_view(d), TABLE_PORT, key)->value;
    match_init(&m);
    actions_init(&a);
    match_set(&m, F_IN_PORT, strtoull(key, NULL, 10));
    if (strcmp(text, "bad") == 0)
        act_group(&a, 77); /* there is no such group: the switch refuses it */
    else
        act_output(&a, (uint32_t)strtoull(text, NULL, 10));
    flow_key_encode(5, 100, &m, &k);
    flow_value_encode(strcmp(key, "9") == 0 ? EARLY_COOKIE : COOKIE, 0, 0, 0, &a, &v);
    derive_out(d, OFSESSION_FLOW, k.data, k.len, v.data, v.len);
}

static const struct table_class tables[] = {{"port", mem_free, NULL, {NULL}}};
static const struct unit_kind kinds[] = {{"port", 0, TABLE_PORT, derive_port}};
static const struct space_class spaces[] = {[OFSESSION_FLOW] = {"flow", flow_merge},
                                            [OFSESSION_GROUP] = {"group", NULL},
                                            [OFSESSION_METER] = {"meter", NULL}};

struct world {
    struct loop *loop;
    struct engine *engine;
    struct flow_target *target;
    int n_connected, n_disconnected, n_read_back, n_refused;
    char refused[256];
};

static void on_connected(void *aux, const struct ofmsg_features *features)
{
    (void)features;
    ((struct world *)aux)->n_connected++;
}

static void on_disconnected(void *aux, const struct err *why)
{
    assert_true(why->text[0] != '\0');
    ((struct world *)aux)->n_disconnected++;
}

static void on_read_back(void *aux)
{
    ((struct world *)aux)->n_read_back++;
}

static void on_refused(void *aux, enum ofsession_space space, const char *reason)
{
    struct world *w = aux;
    assert_int_equal(space, OFSESSION_FLOW);
    snprintf(w->refused, sizeof w->refused, "%s", reason);
    w->n_refused++;
}

static const struct flow_target_events events = {.connected = on_connected,
                                                 .disconnected = on_disconnected,
                                                 .read_back = on_read_back,
                                                 .refused = on_refused};

static void start(struct world *w)
{
    char address[160];
    struct err err = {0};
    snprintf(address, sizeof address, "unix:%s/br0.mgmt", box.dir);
    struct flow_target_config config = {
        .address = address,
        .spaces = {OFSESSION_FLOW, OFSESSION_GROUP, OFSESSION_METER},
        .early_cookie = EARLY_COOKIE,
    };
    w->engine = engine_new(&(struct engine_config){.tables = tables,
                                                   .n_tables = 1,
                                                   .kinds = kinds,
                                                   .n_kinds = 1,
                                                   .spaces = spaces,
                                                   .n_spaces = ARRAY_LEN(spaces)});
    if (flow_target_new(w->loop, w->engine, &config, &events, w, &w->target, &err))
        fail_msg("%s", err.text);
}

static void stop(struct world *w)
{
    assert_int_equal(engine_recompute(w->engine, NULL), 0);
    flow_target_free(w->target);
    engine_free(w->engine);
}

static void put(struct world *w, const char *port, const char *output)
{
    store_put(engine_store(w->engine), TABLE_PORT, port, mem_strdup(output));
    engine_run(w->engine, 0);
    flow_target_poke(w->target);
}

#define UNTIL(w, condition)                                                                        \
    do {                                                                                           \
        int64_t end__ = loop_now((w)->loop) + PATIENCE_MS;                                         \
        while (!(condition) && loop_now((w)->loop) < end__)                                        \
            loop_run_once((w)->loop, 20);                                                          \
        assert_true(condition);                                                                    \
    } while (0)

static void until_in_sync(struct world *w)
{
    UNTIL(w, flow_target_in_sync(w->target));
}

static char *ofctl(const char *command)
{
    char line[256];
    snprintf(line, sizeof line, "ovs-ofctl -O OpenFlow15 %s", command);
    char *out = ovs_sandbox_run(&box, line);
    assert_non_null(out);
    return out;
}

/* How many flows of table 5 the switch has that contain the text. */
static int in_switch(const char *text)
{
    auto_free char *out = ofctl("dump-flows --no-stats br0 table=5");
    int n = 0;
    for (const char *p = out; (p = strstr(p, text)); p++)
        n++;
    return n;
}

static int setup(void **state)
{
    struct world *w = mem_calloc(1, sizeof *w);
    free(ofctl("del-flows br0"));
    w->loop = loop_new();
    start(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    stop(w);
    loop_free(w->loop);
    mem_free(w);
    return 0;
}

static void nothing_is_written_while_the_gate_is_closed(void **state)
{
    struct world *w = *state;
    free(ofctl("add-flow br0 table=5,in_port=9,actions=drop"));
    put(w, "1", "2");
    UNTIL(w, w->n_read_back == 1);
    pace_run(w->loop, 300);
    assert_int_equal(w->n_read_back, 1);
    assert_int_equal(in_switch("in_port"), 1); /* the stranger's alone */
    assert_int_equal(flow_target_counters(w->target)->flow_mods, 0);
    flow_target_gate(w->target, true);
    until_in_sync(w);
    assert_int_equal(in_switch("actions=output:2"), 1);
    assert_int_equal(in_switch("in_port"), 1);
    assert_int_equal(flow_target_counters(w->target)->committed, 1);
    assert_int_equal(flow_target_counters(w->target)->flow_mods, 2);
}

static void early_flows_do_not_wait_for_the_gate(void **state)
{
    struct world *w = *state;
    free(ofctl("add-flow br0 table=5,priority=7,actions=drop")); /* a stranger's */
    put(w, "3", "4");
    put(w, "9", "4");
    UNTIL(w, flow_target_early_done(w->target));
    assert_false(flow_target_in_sync(w->target));
    assert_int_equal(flow_target_counters(w->target)->flow_mods, 1);
    assert_int_equal(engine_acked(w->engine, OFSESSION_FLOW), 0);
    assert_int_equal(in_switch("in_port=9 actions=output:4"), 1);
    assert_int_equal(in_switch("in_port=3"), 0);
    assert_int_equal(in_switch("priority=7"), 1);
    put(w, "9", "5"); /* a change of it goes out as well */
    assert_false(flow_target_early_done(w->target));
    UNTIL(w, flow_target_early_done(w->target));
    assert_int_equal(in_switch("in_port=9 actions=output:5"), 1);
    store_remove(engine_store(w->engine), TABLE_PORT, "9");
    engine_run(w->engine, 0);
    flow_target_poke(w->target);
    pace_run(w->loop, 200); /* nothing is taken away */
    assert_int_equal(in_switch("in_port=9"), 1);
    flow_target_gate(w->target, true);
    until_in_sync(w);
    assert_int_equal(in_switch("in_port=3"), 1);
    assert_int_equal(in_switch("in_port=9"), 0);
    assert_int_equal(in_switch("priority=7"), 0);
}

static void a_start_with_nothing_changed_sends_nothing(void **state)
{
    struct world *w = *state;
    put(w, "1", "2");
    put(w, "2", "1");
    flow_target_gate(w->target, true);
    until_in_sync(w);
    stop(w);
    start(w);
    put(w, "1", "2");
    put(w, "2", "1");
    flow_target_gate(w->target, true);
    until_in_sync(w);
    assert_int_equal(flow_target_counters(w->target)->flow_mods, 0);
    assert_int_equal(flow_target_counters(w->target)->committed, 0);
}

static void a_switch_that_starts_again_is_filled_in_one_bundle(void **state)
{
    struct world *w = *state;
    char port[16];
    for (int i = 1; i <= 50; i++) {
        snprintf(port, sizeof port, "%d", i);
        put(w, port, "3");
    }
    flow_target_gate(w->target, true);
    until_in_sync(w);
    uint64_t before = flow_target_counters(w->target)->committed;
    assert_true(ovs_sandbox_restart_vswitchd(&box));
    UNTIL(w, w->n_connected >= 2);
    until_in_sync(w);
    assert_int_equal(in_switch("actions=output:3"), 50);
    assert_int_equal(flow_target_counters(w->target)->committed, before + 1);
    assert_true(w->n_disconnected > 0);
}

static void what_others_change_is_repaired_when_read_again(void **state)
{
    struct world *w = *state;
    put(w, "1", "2");
    flow_target_gate(w->target, true);
    until_in_sync(w);
    free(ofctl("del-flows br0 table=5"));
    free(ofctl("add-flow br0 table=6,in_port=4,actions=drop"));
    uint64_t dumps = flow_target_counters(w->target)->dumps;
    flow_target_reread(w->target);
    UNTIL(w, flow_target_counters(w->target)->dumps > dumps);
    until_in_sync(w);
    assert_int_equal(in_switch("actions=output:2"), 1);
    auto_free char *out = ofctl("dump-flows --no-stats br0 table=6");
    assert_null(strstr(out, "in_port"));
}

static void a_refused_flow_is_named_and_the_rest_goes_in(void **state)
{
    struct world *w = *state;
    put(w, "1", "2");
    put(w, "2", "bad");
    flow_target_gate(w->target, true);
    UNTIL(w, w->n_refused >= 1 && flow_target_counters(w->target)->committed >= 1);
    assert_true(w->refused[0] != '\0');
    assert_int_equal(in_switch("actions=output:2"), 1);
    assert_int_equal(engine_counts(w->engine, OFSESSION_FLOW).refused, 1);
    assert_false(flow_target_in_sync(w->target));
    put(w, "2", "1"); /* another value is tried at once */
    until_in_sync(w);
    assert_int_equal(in_switch("actions=output:1"), 1);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_written_while_the_gate_is_closed),
        TEST(early_flows_do_not_wait_for_the_gate),
        TEST(a_start_with_nothing_changed_sends_nothing),
        TEST(a_switch_that_starts_again_is_filled_in_one_bundle),
        TEST(what_others_change_is_repaired_when_read_again),
        TEST(a_refused_flow_is_named_and_the_rest_goes_in),
    };
    if (!ovs_sandbox_available() || !ovs_sandbox_start(&box)) {
        printf("skipped: no Open vSwitch here\n");
        return 77;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ovs_sandbox_stop(&box);
    return failed;
}
