/* SPDX-License-Identifier: Apache-2.0
 *
 * Installing and reading back N flows of a policy load, engine included, against ovs-ofctl with the
 * same flows on the same Open vSwitch in the same run.
 *     install:   derive, plan, one atomic bundle, barrier   | ovs-ofctl --bundle add-flows
 *     reconnect: connect, dump, compare, nothing to send    | ovs-ofctl --bundle replace-flows
 * Usage: bench_flows [N...]; a JSON line each, with the best of three rounds and the ratio.
 * Exit 1 if install's ratio is over 1 or reconnect's over 1/3; 77 without Open vSwitch. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/engine/engine.h"
#include "tests/support/ofdriver.h"
#include "tests/support/ovs_sandbox.h"

enum { TABLE_LOAD, FLOWS_A_UNIT = 100, ROUNDS = 3 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- the load: address sets and ports of conjunctive matches, and what they lead to ---- */

static void load_flow(struct derive *d, uint32_t i)
{
    struct match m;
    auto_actions a;
    auto_sbuf key = SBUF_INIT, value = SBUF_INIT;
    uint32_t conj = i / 10 * 10;
    uint16_t priority = 200;
    match_init(&m);
    actions_init(&a);
    match_set(&m, F_ETH_TYPE, ETH_IPV4);
    if (i % 10 == 0) {
        match_set(&m, F_CONJ_ID, conj);
        act_set(&a, F_REG5, conj);
        act_goto(&a, 60);
        priority = 210;
    } else if (i % 10 < 8) {
        struct ip ip = ip_v4(UINT32_C(0x0a000000) + i);
        match_set_ip(&m, i % 2 ? F_IPV4_SRC : F_IPV4_DST, &ip);
        act_conjunction(&a, conj, 0, 3);
        act_conjunction(&a, conj + 1, 0, 2);
    } else {
        match_set(&m, F_IP_PROTO, PROTO_TCP);
        match_set(&m, F_REG1, i / 1000);
        match_set(&m, F_TCP_DST, i % 60000 + 1);
        act_conjunction(&a, conj, 2, 3);
    }
    flow_key_encode(50, priority, &m, &key);
    flow_value_encode(0x5e10000000000000 + i, 0, 0, 0, &a, &value);
    derive_out(d, 0, key.data, key.len, value.data, value.len);
}

static void derive_load(struct derive *d, const char *key)
{
    uint32_t unit = (uint32_t)strtoul(key, NULL, 10);
    for (uint32_t i = 0; i < FLOWS_A_UNIT; i++)
        load_flow(d, unit * FLOWS_A_UNIT + i);
}

static void free_nothing(void *value)
{
    (void)value;
}

static struct engine *new_engine(void)
{
    static const struct table_class tables[] = {{.name = "load", .value_free = free_nothing}};
    static const struct unit_kind kinds[] = {{"load", 0, TABLE_LOAD, derive_load}};
    static const struct space_class spaces[] = {{"flow", flow_merge}};
    return engine_new(&(struct engine_config){.tables = tables,
                                              .n_tables = 1,
                                              .kinds = kinds,
                                              .n_kinds = 1,
                                              .spaces = spaces,
                                              .n_spaces = 1});
}

static void fill(struct engine *e, uint32_t n)
{
    static int some;
    for (uint32_t i = 0; i < n / FLOWS_A_UNIT; i++) {
        char key[16];
        snprintf(key, sizeof key, "%u", (unsigned)i);
        store_put(engine_store(e), TABLE_LOAD, key, &some);
    }
    engine_run(e, 0);
}

/* ---- ours ---- */

static struct ovs_sandbox box;

static void die(const char *what, const struct err *err)
{
    fprintf(stderr, "%s: %s\n", what, err ? err->text : "");
    ovs_sandbox_stop(&box);
    exit(1);
}

static void on_row(void *aux, enum ofsession_space space, struct bytes key, struct bytes value)
{
    if (space == OFSESSION_FLOW)
        engine_dump_row(aux, 0, key, value);
}

/* Connects, dumps into the engine; returns the plan. */
static const struct plan *connect_and_plan(struct engine *e, struct ofdriver *d)
{
    char path[128];
    struct err err = {0};
    snprintf(path, sizeof path, "%s/br0.mgmt", box.dir);
    if (ofdriver_open(d, path, NULL, &err))
        die("connect", &err);
    d->on_row = on_row;
    d->on_row_aux = e;
    engine_dump_begin(e, 0);
    if (ofdriver_dump(d, &err))
        die("dump", &err);
    engine_dump_end(e, 0);
    return engine_plan(e, 0);
}

/* Seconds to derive n flows and have them in the switch. */
static double install(uint32_t n)
{
    struct engine *e = new_engine();
    struct ofdriver d;
    struct err err = {0};
    double start = now();
    fill(e, n);
    const struct plan *plan = connect_and_plan(e, &d);
    if (plan->n != n)
        die("plan of another size", NULL);
    if (ofdriver_apply(&d, plan, NULL, NULL, &err))
        die("apply", &err);
    if (d.outcome.result != OFSESSION_COMMITTED)
        die(d.reason, NULL);
    engine_plan_done(e, 0);
    double took = now() - start;
    ofdriver_close(&d);
    engine_free(e);
    return took;
}

/* Seconds from the connection to "nothing to do"; the desired flows are there already. */
static double reconnect(uint32_t n)
{
    struct engine *e = new_engine();
    struct ofdriver d;
    fill(e, n);
    double start = now();
    const struct plan *plan = connect_and_plan(e, &d);
    double took = now() - start;
    if (plan->n) {
        auto_sbuf text = SBUF_INIT;
        flow_format(plan->items[0].key, plan->items[0].value, &text, NULL);
        die(sbuf_cstr(&text), NULL);
    }
    engine_plan_done(e, 0);
    ofdriver_close(&d);
    engine_free(e);
    return took;
}

/* ---- theirs ---- */

static void ofctl(const char *command)
{
    char line[256];
    snprintf(line, sizeof line, "ovs-ofctl -O OpenFlow15 %s", command);
    char *out = ovs_sandbox_run(&box, line);
    if (!out)
        die(line, NULL);
    free(out);
}

static double timed_ofctl(const char *command)
{
    double start = now();
    ofctl(command);
    return now() - start;
}

static double best(double a, double b)
{
    return a == 0 || b < a ? b : a;
}

/* Whether times are judged. */
static bool is_timed(void)
{
    return !getenv("SEINE_BENCH_UNTIMED");
}

static bool report(const char *name, uint32_t n, double ours, double theirs, double limit)
{
    printf("{\"bench\":\"%s\",\"flows\":%u,\"seine_s\":%.4f,\"ovs_ofctl_s\":%.4f,"
           "\"ratio\":%.3f,\"limit\":%.3f}\n",
           name, (unsigned)n, ours, theirs, ours / theirs, limit);
    fflush(stdout);
    return ours <= theirs * limit || !is_timed(); /* told in any case */
}

static bool bench(uint32_t n)
{
    double t_install = 0, o_install = 0, t_reconnect = 0, o_replace = 0;
    for (int round = 0; round < (is_timed() ? ROUNDS : 1); round++) {
        ofctl("del-flows unix:br0.mgmt");
        t_install = best(t_install, install(n));
        if (!round)
            ofctl("--no-stats --no-names dump-flows unix:br0.mgmt | grep actions= > flows.txt");
        t_reconnect = best(t_reconnect, reconnect(n));
        o_replace = best(o_replace, timed_ofctl("--bundle replace-flows unix:br0.mgmt flows.txt"));
        ofctl("del-flows unix:br0.mgmt");
        o_install = best(o_install, timed_ofctl("--bundle add-flows unix:br0.mgmt flows.txt"));
    }
    bool ok = report("install", n, t_install, o_install, 1.0);
    return report("reconnect", n, t_reconnect, o_replace, 1.0 / 3) && ok;
}

int main(int argc, char **argv)
{
    static const uint32_t sizes[] = {1000, 10000, 100000};
    bool ok = true;
    if (!ovs_sandbox_available()) {
        fprintf(stderr, "Open vSwitch is not installed: skipped\n");
        return 77;
    }
    if (!ovs_sandbox_start(&box))
        die("no Open vSwitch", NULL);
    for (int i = 1; i < argc; i++)
        ok &= bench((uint32_t)strtoul(argv[i], NULL, 10));
    for (size_t i = 0; argc < 2 && i < ARRAY_LEN(sizes); i++)
        ok &= bench(sizes[i]);
    ovs_sandbox_stop(&box);
    return ok ? 0 : 1;
}
