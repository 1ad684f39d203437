/* SPDX-License-Identifier: Apache-2.0
 *
 * The uplink port in the record, with a real Open vSwitch: asked for, numbered as asked, kept when
 * nobody asks, taken away; and what is told about the bridge meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "ovs/switchdb.h"
#include "tests/support/ovs_sandbox.h"
#include "tests/support/pace.h"

enum { PATIENCE_MS = 60000 };

static struct ovs_sandbox box;

struct world {
    struct loop *loop;
    struct switchdb *db;
    int n_done;
    struct err err;
};

static const struct switchdb_events no_events;

static const char *datapath = "dummy";

#define UNTIL(w, condition)                                                                        \
    do {                                                                                           \
        int64_t end__ = loop_now((w)->loop) + PATIENCE_MS;                                         \
        while (!(condition) && loop_now((w)->loop) < end__) {                                      \
            loop_run_once((w)->loop, 20);                                                          \
        }                                                                                          \
        assert_true(condition);                                                                    \
    } while (0)

static void start(struct world *w)
{
    char address[160];
    struct err err = {0};
    snprintf(address, sizeof address, "unix:%s/db.sock", box.dir);
    struct switchdb_config config = {
        .address = address, .bridge = "br-node", .datapath_type = datapath, .gateway = "gw0"};
    if (switchdb_new(w->loop, &config, &no_events, w, &w->db, &err) < 0) {
        fail_msg("%s", err.text);
    }
}

static int setup(void **state)
{
    struct world *w = mem_calloc(1, sizeof *w);
    w->loop = loop_new();
    start(w);
    *state = w;
    return 0;
}

static void done(void *aux, const struct err *err)
{
    struct world *w = aux;
    w->err = *err;
    w->n_done++;
}

static void until_done(struct world *w)
{
    int n = w->n_done;
    UNTIL(w, w->n_done != n);
    if (w->err.code) {
        fail_msg("%s", w->err.text);
    }
}

static int teardown(void **state)
{
    struct world *w = *state;
    switchdb_cleanup(w->db, done, w);
    until_done(w);
    switchdb_free(w->db);
    loop_free(w->loop);
    mem_free(w);
    return 0;
}

static void until_ready(struct world *w)
{
    int64_t end = loop_now(w->loop) + PATIENCE_MS;
    while (switchdb_status(w->db).state != SWITCHDB_READY && loop_now(w->loop) < end) {
        loop_run_once(w->loop, 20);
    }
    if (switchdb_status(w->db).state != SWITCHDB_READY) {
        fail_msg("%s", switchdb_status(w->db).error);
    }
}

static void turn(struct world *w, int ms)
{
    pace_run(w->loop, ms);
}

/* What ovs-vsctl says, in 'out'. */
static const char *vsctl(const char *what, char out[64])
{
    char line[160];
    snprintf(line, sizeof line, "ovs-vsctl --db=unix:db.sock --timeout=60 %s", what);
    char *said = ovs_sandbox_run(&box, line);
    assert_non_null(said);
    snprintf(out, 64, "%s", said);
    free(said);
    return out;
}

static int64_t daemon_looked(void)
{
    char text[64];
    return strtoll(vsctl("get Open_vSwitch . cur_cfg", text), NULL, 10);
}

static void the_uplink_port_has_the_number_it_asks_for(void **state)
{
    struct world *w = *state;
    until_ready(w);
    assert_false(switchdb_status(w->db).has_uplink);
    assert_true(switchdb_status(w->db).taken_up);
    switchdb_set_uplink(w->db, "nic0");
    turn(w, 50);
    until_ready(w); /* which the number is part of now */
    struct switchdb_status s = switchdb_status(w->db);
    assert_true(s.has_uplink);
    assert_int_equal(s.uplink_ofport, SWITCHDB_UPLINK_OFPORT);
    struct switchdb_port port;
    assert_true(switchdb_port_get(w->db, "nic0", &port));
    assert_int_equal(port.owner, SWITCHDB_UPLINK);
    assert_string_equal(port.type, "");
}

static void a_port_that_nobody_asks_for_stays_until_it_is_taken_away(void **state)
{
    struct world *w = *state;
    until_ready(w);
    switchdb_set_uplink(w->db, "nic0");
    turn(w, 50);
    until_ready(w);
    switchdb_free(w->db); /* a new life knows nothing yet */
    start(w);
    until_ready(w);
    assert_true(switchdb_status(w->db).has_uplink);
    static const char *const names[] = {"nic0"};
    switchdb_port_del(w->db, names, 1, done, w);
    until_done(w);
    UNTIL(w, !switchdb_status(w->db).has_uplink);
    switchdb_set_uplink(w->db, "nic0"); /* and comes again, also when others take it */
    turn(w, 50);
    until_ready(w);
    char before[64], now[64];
    static const char row[] = "--if-exists get Port nic0 _uuid";
    vsctl(row, before);
    vsctl("del-port nic0", now);
    UNTIL(w, strlen(vsctl(row, now)) == strlen(before) && strcmp(now, before) != 0);
    turn(w, 50);
    until_ready(w);
    assert_int_equal(switchdb_status(w->db).uplink_ofport, SWITCHDB_UPLINK_OFPORT);
}

static void a_strangers_port_of_that_name_is_told(void **state)
{
    struct world *w = *state;
    until_ready(w);
    char text[64];
    struct switchdb_port port;
    vsctl("add-port br-node nic9", text);
    UNTIL(w, switchdb_port_get(w->db, "nic9", &port));
    switchdb_set_uplink(w->db, "nic9");
    UNTIL(w, strstr(switchdb_status(w->db).error, "nic9"));
    assert_int_equal(switchdb_status(w->db).state, SWITCHDB_ENSURING);
    assert_string_equal(switchdb_status(w->db).error,
                        "port nic9 is there already and is not Seine's uplink port");
    switchdb_set_uplink(w->db, NULL);
    turn(w, 50);
    until_ready(w);
    vsctl("del-port nic9", text);
}

static void all_bridges_are_named(void **state)
{
    struct world *w = *state;
    const char *names[1] = {""};
    until_ready(w);
    assert_int_equal(switchdb_bridges(w->db, names, 1), 2); /* the sandbox's own beside */
    assert_true(strcmp(names[0], "br-node") == 0 || strcmp(names[0], "br0") == 0);
}

static void asking_again_makes_the_daemon_look(void **state)
{
    struct world *w = *state;
    until_ready(w);
    int64_t before = daemon_looked();
    switchdb_ask_again(w->db);
    UNTIL(w, daemon_looked() != before);
    assert_int_equal(daemon_looked(), before + 1);
}

/* Holding is about bridges that do not open; and what ends it asks anew. */
static void a_bridge_that_opens_is_ready_while_it_is_held(void **state)
{
    struct world *w = *state;
    switchdb_free(w->db);
    datapath = "auto";
    start(w);
    datapath = "dummy";
    switchdb_hold_datapath(w->db, true);
    until_ready(w);
    char *type = mem_strdup(switchdb_status(w->db).datapath_type);
    switchdb_hold_datapath(w->db, false);
    turn(w, 300);
    until_ready(w);
    assert_string_equal(switchdb_status(w->db).datapath_type, type);
    assert_true(switchdb_status(w->db).taken_up);
    mem_free(type);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_uplink_port_has_the_number_it_asks_for),
        TEST(a_port_that_nobody_asks_for_stays_until_it_is_taken_away),
        TEST(a_strangers_port_of_that_name_is_told),
        TEST(all_bridges_are_named),
        TEST(a_bridge_that_opens_is_ready_while_it_is_held),
        TEST(asking_again_makes_the_daemon_look),
    };
    if (!ovs_sandbox_available() || !ovs_sandbox_start(&box)) {
        printf("skipped: no Open vSwitch here\n");
        return 77;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ovs_sandbox_stop(&box);
    return failed;
}
