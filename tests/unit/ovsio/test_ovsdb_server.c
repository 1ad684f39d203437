/* SPDX-License-Identifier: Apache-2.0
 *
 * Sessions with a real ovsdb-server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "ovs/switchdb_model.h"
#include "tests/support/ovs_sandbox.h"
#include "tests/support/ovsdb_driver.h"

static struct ovs_sandbox box;

struct fixture {
    struct ovsdb_replica *replica;
    struct ovsdb_driver driver;
};

static void hear_nothing(void *aux)
{
    (void)aux;
}

static const struct ovsdb_session_events quiet = {hear_nothing, hear_nothing};

static void open_session(struct fixture *f)
{
    char path[128];
    struct err err = {0};
    snprintf(path, sizeof path, "%s/db.sock", box.dir);
    if (ovsdb_driver_open(&f->driver, path, f->replica, &err))
        fail_msg("%s", err.text);
}

static int setup(void **state)
{
    struct fixture *f = mem_calloc(1, sizeof *f);
    f->replica = ovsdb_replica_new(switchdb_specs, SWITCHDB_N_TABLES);
    open_session(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    ovsdb_driver_close(&f->driver);
    ovsdb_replica_free(f->replica);
    mem_free(f);
    return 0;
}

static void vsctl(const char *what)
{
    auto_sbuf line = SBUF_INIT;
    sbuf_printf(&line, "ovs-vsctl --db=unix:db.sock --timeout=60 %s", what);
    char *out = ovs_sandbox_run(&box, line.data);
    assert_non_null(out);
    free(out);
}

static void expect_updated(struct fixture *f)
{
    struct err err = {0};
    if (ovsdb_driver_until(&f->driver, &f->driver.n_updated, f->driver.n_updated + 1, &err))
        fail_msg("%s", err.text);
}

static void the_replica_shows_what_others_do(void **state)
{
    struct fixture *f = *state;
    struct switchdb_model m = switchdb_model(f->replica, "br0");
    assert_non_null(m.bridge);
    assert_non_null(switchdb_model_port(&m, "p1"));
    assert_null(switchdb_model_port(&m, "extra"));
    vsctl("add-port br0 extra -- set Interface extra type=dummy");
    for (int i = 0; i < 20; i++) {
        m = switchdb_model(f->replica, "br0");
        if (switchdb_model_port(&m, "extra"))
            break;
        expect_updated(f);
    }
    assert_non_null(switchdb_model_port(&m, "extra"));
    vsctl("del-port br0 extra");
    for (int i = 0; i < 20 && switchdb_model_port(&m, "extra"); i++) {
        expect_updated(f);
        m = switchdb_model(f->replica, "br0");
    }
    assert_null(switchdb_model_port(&m, "extra"));
}

static cJSON *ops(cJSON *first, cJSON *second)
{
    cJSON *all = cJSON_CreateArray();
    cJSON_AddItemToArray(all, first);
    if (second)
        cJSON_AddItemToArray(all, second);
    return all;
}

/* Sets external_ids:k=value of br0, if external_ids is 'expected' (NULL: whatever it is). */
static cJSON *set_id(const char *value, cJSON *expected)
{
    cJSON *mutate = ovsdb_op_mutate("Bridge", ovsdb_where_name("name", "br0"));
    cJSON *add = ovsdb_map(), *gone = ovsdb_set();
    ovsdb_map_add(add, "k", value);
    ovsdb_set_add(gone, cJSON_CreateString("k"));
    ovsdb_op_mutate_add(mutate, "external_ids", "delete", gone);
    ovsdb_op_mutate_add(mutate, "external_ids", "insert", add);
    if (!expected)
        return ops(mutate, NULL);
    return ops(ovsdb_op_wait("Bridge", ovsdb_where_name("name", "br0"), "external_ids", expected),
               mutate);
}

static void transactions_commit_or_conflict(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(ovsdb_driver_transact(&f->driver, set_id("1", NULL)), 0);
    cJSON *right = ovsdb_map(), *wrong = ovsdb_map();
    ovsdb_map_add(right, "k", "1");
    ovsdb_map_add(wrong, "k", "other");
    assert_int_equal(ovsdb_driver_transact(&f->driver, set_id("2", wrong)), ERR_CONFLICT);
    assert_int_equal(ovsdb_driver_transact(&f->driver, set_id("2", right)), 0);
    char *out = ovs_sandbox_run(&box, "ovs-vsctl --db=unix:db.sock get Bridge br0 external_ids:k");
    assert_non_null(out);
    assert_memory_equal(out, "\"2\"", 3);
    free(out);
}

static void refusals_name_what_is_wrong(void **state)
{
    struct fixture *f = *state;
    cJSON *row = cJSON_CreateObject();
    cJSON_AddStringToObject(row, "no_such_column", "x");
    cJSON *op = ovsdb_op_update("Bridge", ovsdb_where_name("name", "br0"), row);
    assert_int_not_equal(ovsdb_driver_transact(&f->driver, ops(op, NULL)), 0);
    assert_non_null(strstr(f->driver.reply_text, "no_such_column"));
}

static void a_replica_outlives_its_connection(void **state)
{
    struct fixture *f = *state;
    ovsdb_driver_close(&f->driver);
    vsctl("set Bridge br0 external_ids:k=while-away");
    open_session(f);
    struct switchdb_model m = switchdb_model(f->replica, "br0");
    assert_non_null(switchdb_model_port(&m, "p1"));
    vsctl("remove Bridge br0 external_ids k");
    expect_updated(f);
}

/* Bytes that come one by one give the same replica. */
static void the_borders_of_reads_do_not_matter(void **state)
{
    struct fixture *f = *state;
    struct ovsdb_replica *again = ovsdb_replica_new(switchdb_specs, SWITCHDB_N_TABLES);
    struct ovsdb_session *s = ovsdb_session_new(again, &quiet, NULL, 0);
    struct err err = {0};
    auto_sbuf ignored = SBUF_INIT;
    for (size_t i = 0; i < f->driver.seen.len; i++) {
        if (ovsdb_session_input(s, f->driver.seen.data + i, 1, 0, &err))
            fail_msg("%s", err.text);
        ovsdb_session_output(s, &ignored);
    }
    for (size_t t = 0; t < SWITCHDB_N_TABLES; t++)
        assert_int_equal(ovsdb_replica_count(again, t), ovsdb_replica_count(f->replica, t));
    assert_string_equal(ovsdb_replica_last_id(again), ovsdb_replica_last_id(f->replica));
    ovsdb_session_free(s);
    ovsdb_replica_free(again);
}

static void silence_is_asked_about_and_then_ends(void **state)
{
    (void)state;
    struct ovsdb_replica *r = ovsdb_replica_new(switchdb_specs, SWITCHDB_N_TABLES);
    struct ovsdb_session *s = ovsdb_session_new(r, &quiet, NULL, 1000);
    struct err err = {0};
    assert_int_equal(ovsdb_session_run(s, 1000 + OVSDB_GREET_TIMEOUT_MS - 1, &err), 0);
    assert_true(ovsdb_session_deadline(s) <= 1000 + OVSDB_GREET_TIMEOUT_MS);
    assert_int_equal(ovsdb_session_run(s, 1000 + OVSDB_GREET_TIMEOUT_MS, &err), ERR_TIMEOUT);
    ovsdb_session_free(s);
    ovsdb_replica_free(r);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_replica_shows_what_others_do),
        TEST(transactions_commit_or_conflict),
        TEST(refusals_name_what_is_wrong),
        TEST(a_replica_outlives_its_connection),
        TEST(the_borders_of_reads_do_not_matter),
        cmocka_unit_test(silence_is_asked_about_and_then_ends),
    };
    if (!ovs_sandbox_available() || !ovs_sandbox_start(&box)) {
        printf("skipped: no Open vSwitch here\n");
        return 77;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ovs_sandbox_stop(&box);
    return failed;
}
