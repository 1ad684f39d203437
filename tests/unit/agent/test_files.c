/* SPDX-License-Identifier: Apache-2.0
 *
 * The container runtime's files, looked after in a real folder: what comes back, when, how often,
 * and what is only told.  The fixture stands for the rest of the agent: it is ready or not, and
 * keeps what would be Events of the Node. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "core/agent/agent_internal.h"
#include "core/agent/cni_files.h"
#include "core/base/mem.h"
#include "core/base/metrics.h"
#include "core/io/work.h"
#include "platform/ipc.h"
#include "platform/process.h"
#include "tests/support/os.h"
#include "tests/support/pace.h"

enum { PATIENCE_MS = 60000, TURN_MS = 20, SETTLED_MS = 300 };

struct fixture {
    struct agent a;
    struct options o;
    struct sbuf events; /* a reason each, divided by blanks */
    char dir[160], config[256], program[256];
    bool ready;
};

static void on_event(void *source, const char *reason, const char *action, const char *note)
{
    struct fixture *x = source;
    assert_string_equal(action, "PlaceFiles");
    assert_true(note[0]);
    sbuf_printf(&x->events, "%s%s", x->events.len ? " " : "", reason);
}

static const struct agent_source_class fake_source = {.name = "fake", .node_event = on_event};

static void replace(char **slot, const char *text)
{
    mem_free(*slot);
    *slot = mem_strdup(text);
}

static int setup(void **state)
{
    struct fixture *x = mem_calloc(1, sizeof *x);
    struct err err = {0};
    char program[] = "seine-agent", folder[] = "--objects=/o";
    char *argv[] = {program, folder, NULL};
    bool windows = strcmp(process_platform(), "windows") == 0;
    assert_int_equal(os_temp_dir(x->dir, sizeof x->dir), 0);
    assert_int_equal(options_parse(&x->o, 2, argv, &err), 0);
    snprintf(x->config, sizeof x->config, "%s/net.d/10-seine.conflist", x->dir);
    snprintf(x->program, sizeof x->program, "%s/bin/seine-cni%s", x->dir, windows ? ".exe" : "");
    assert_int_equal(file_write_atomic(x->program, "#", 1, NULL), 0);
    replace(&x->o.cni_config, x->config);
    *strrchr(x->program, '/') = 0;
    replace(&x->o.cni_bin_dir, x->program);
    x->program[strlen(x->program)] = '/';
    x->a.o = &x->o;
    x->a.loop = loop_new();
    x->a.source = x;
    x->a.source_class = &fake_source;
    x->ready = true;
    metrics_reset();
    agent_files_start(&x->a);
    *state = x;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *x = *state;
    agent_files_end(&x->a);
    loop_free(x->a.loop);
    options_done(&x->o);
    sbuf_done(&x->events);
    os_remove_tree(x->dir);
    mem_free(x);
    return 0;
}

static void turn(struct fixture *x)
{
    if (x->ready || *agent_files_why(&x->a)) {
        agent_files_place(&x->a);
    }
    loop_run_once(x->a.loop, TURN_MS);
}

static void run_for(struct fixture *x, int ms)
{
    for (int ran = 0; ran < ms; ran += TURN_MS) {
        if (x->ready || *agent_files_why(&x->a)) {
            agent_files_place(&x->a);
        }
        pace_run(x->a.loop, TURN_MS);
    }
}

static bool is_right(const struct fixture *x)
{
    auto_free char *there = NULL;
    auto_sbuf want = SBUF_INIT;
    size_t n = 0;
    cni_files_config(&x->o, &want);
    return file_read(x->config, 1 << 20, &there, &n, NULL) == 0 && strcmp(there, want.data) == 0;
}

static void wait_right(struct fixture *x)
{
    int64_t end = loop_now(x->a.loop) + PATIENCE_MS;
    while (!is_right(x) && loop_now(x->a.loop) < end) {
        turn(x);
    }
    assert_true(is_right(x));
}

static void wait_events(struct fixture *x, const char *want)
{
    int64_t end = loop_now(x->a.loop) + PATIENCE_MS;
    while (strcmp(sbuf_cstr(&x->events), want) != 0 && loop_now(x->a.loop) < end) {
        turn(x);
    }
    assert_string_equal(sbuf_cstr(&x->events), want);
}

/* No look is under way any more, and none begins until the next turn. */
static void settle(struct fixture *x)
{
    while (work_pending(x->a.loop)) {
        loop_run_once(x->a.loop, TURN_MS);
    }
}

static void start(struct fixture *x)
{
    wait_right(x);
    run_for(x, SETTLED_MS);
    settle(x);
    assert_string_equal(sbuf_cstr(&x->events), "");
}

static double restored(const struct fixture *x)
{
    agent_files_metrics(&x->a);
    return metric_get(METRIC_CNI_RESTORED, NULL, NULL);
}

static void put(const struct fixture *x, const char *name)
{
    auto_sbuf path = SBUF_INIT;
    sbuf_printf(&path, "%s/net.d/%s", x->dir, name);
    assert_int_equal(file_write_atomic(path.data, "{}", 2, NULL), 0);
}

static void drop(const struct fixture *x, const char *name)
{
    auto_sbuf path = SBUF_INIT;
    sbuf_printf(&path, "%s/net.d/%s", x->dir, name);
    assert_int_equal(os_remove_file(path.data), 0);
}

static void nothing_is_written_before_the_agent_is_ready(void **state)
{
    struct fixture *x = *state;
    x->ready = false;
    run_for(x, SETTLED_MS);
    assert_false(os_exists(x->config));
    x->ready = true;
    start(x);
    assert_true(restored(x) == 0);
}

static void a_configuration_that_is_gone_comes_back(void **state)
{
    struct fixture *x = *state;
    start(x);
    drop(x, "10-seine.conflist");
    wait_right(x);
    wait_events(x, "NetworkRestored");
    assert_true(restored(x) == 1);
}

static void a_configuration_that_was_changed_comes_back(void **state)
{
    struct fixture *x = *state;
    start(x);
    put(x, "10-seine.conflist");
    wait_right(x);
    wait_events(x, "NetworkRestored");
    put(x, "99-other.conf"); /* nothing is ours that has another name */
    run_for(x, 2 * SETTLED_MS);
    assert_string_equal(sbuf_cstr(&x->events), "NetworkRestored");
}

static void the_folder_comes_back_too(void **state)
{
    struct fixture *x = *state;
    char folder[200];
    snprintf(folder, sizeof folder, "%s/net.d", x->dir);
    start(x);
    os_remove_tree(folder);
    wait_right(x);
    wait_events(x, "NetworkRestored");
    drop(x, "10-seine.conflist"); /* the new folder is watched */
    wait_right(x);
    wait_events(x, "NetworkRestored NetworkRestored");
}

static void it_stays_away_until_the_agent_is_ready_again(void **state)
{
    struct fixture *x = *state;
    start(x);
    x->ready = false;
    drop(x, "10-seine.conflist");
    run_for(x, 2 * SETTLED_MS);
    assert_false(os_exists(x->config));
    x->ready = true;
    wait_right(x);
    wait_events(x, "NetworkRestored");
}

static void who_takes_it_away_each_time_is_met_ever_less_often(void **state)
{
    struct fixture *x = *state;
    start(x);
    int64_t began = loop_now(x->a.loop);
    for (int i = 0; i < 3; i++) {
        drop(x, "10-seine.conflist");
        wait_right(x);
    }
    /* At once, after 1 s, and 2 s after that. */
    assert_true(loop_now(x->a.loop) - began >= 3000);
    wait_events(x, "NetworkRestored NetworkRestored NetworkRestored");
}

static void what_cannot_be_put_back_is_a_reason_not_to_be_ready(void **state)
{
    struct fixture *x = *state;
    char folder[200];
    snprintf(folder, sizeof folder, "%s/net.d", x->dir);
    int64_t end = loop_now(x->a.loop) + PATIENCE_MS;
    start(x);
    x->ready = false;
    os_remove_tree(folder);
    while (file_write_atomic(folder, "a file", 6, NULL) < 0 && loop_now(x->a.loop) < end) {
        turn(x); /* Windows: until the agent does not watch the folder any more */
    }
    x->ready = true;
    while (!*agent_files_why(&x->a) && loop_now(x->a.loop) < end) {
        turn(x);
    }
    assert_true(*agent_files_why(&x->a));
    agent_files_metrics(&x->a);
    assert_true(metric_get(METRIC_CNI_FILES, "unwritable", NULL) == 1);
    assert_int_equal(os_remove_file(folder), 0);
    wait_right(x);
    wait_events(x, "NetworkRestored");
    assert_string_equal(agent_files_why(&x->a), "");
}

static void wait_trouble(struct fixture *x, const char *part)
{
    auto_sbuf status = SBUF_INIT;
    int64_t end = loop_now(x->a.loop) + PATIENCE_MS;
    agent_files_status(&x->a, &status);
    while (!strstr(status.data, part) && loop_now(x->a.loop) < end) {
        turn(x);
        sbuf_clear(&status);
        agent_files_status(&x->a, &status);
    }
    if (!strstr(status.data, part)) {
        fail_msg("%s lacks %s", status.data, part);
    }
}

static void what_is_not_ours_to_mend_is_told_once(void **state)
{
    struct fixture *x = *state;
    start(x);
    wait_trouble(x, "\"troubles\":[]");
    put(x, "05-other.conflist");
    wait_events(x, "OtherNetworkFirst");
    wait_trouble(x, "the runtime takes 05-other.conflist");
    put(x, "98-more.conf");
    run_for(x, 2 * SETTLED_MS);
    assert_int_equal(os_remove_file(x->program), 0); /* not watched: found with the next look */
    put(x, "99-more.conf");
    wait_events(x, "OtherNetworkFirst PluginLost");
    wait_trouble(x, "the CNI plugin is gone");
    agent_files_metrics(&x->a);
    assert_true(metric_get(METRIC_CNI_FILES, "not-first", NULL) == 1);
    assert_true(metric_get(METRIC_CNI_FILES, "plugin-lost", NULL) == 1);
    assert_int_equal(file_write_atomic(x->program, "#", 1, NULL), 0);
    drop(x, "05-other.conflist");
    wait_trouble(x, "\"troubles\":[]");
    put(x, "06-other.conflist");
    wait_events(x, "OtherNetworkFirst PluginLost OtherNetworkFirst");
}

/* Nor does it end because our own file cannot be written meanwhile. */
static void what_is_told_stays_so_where_nothing_can_be_written(void **state)
{
    struct fixture *x = *state;
    start(x);
    put(x, "05-other.conflist");
    wait_events(x, "OtherNetworkFirst");
    settle(x);
    x->ready = false;
    drop(x, "10-seine.conflist");
    assert_int_equal(os_make_dir(x->config), 0);
    x->ready = true;
    int64_t end = loop_now(x->a.loop) + PATIENCE_MS;
    while (!*agent_files_why(&x->a) && loop_now(x->a.loop) < end) {
        turn(x);
    }
    assert_true(*agent_files_why(&x->a));
    agent_files_metrics(&x->a);
    assert_true(metric_get(METRIC_CNI_FILES, "not-first", NULL) == 1);
    assert_int_equal(os_remove_dir(x->config), 0);
    wait_right(x);
    wait_events(x, "OtherNetworkFirst NetworkRestored");
}

static void the_end_may_come_while_the_files_are_looked_at(void **state)
{
    struct fixture *x = *state;
    agent_files_place(&x->a);
    agent_files_end(&x->a);
    settle(x);
    assert_true(is_right(x));
    agent_files_start(&x->a);
    agent_files_place(&x->a);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_written_before_the_agent_is_ready),
        TEST(a_configuration_that_is_gone_comes_back),
        TEST(a_configuration_that_was_changed_comes_back),
        TEST(the_folder_comes_back_too),
        TEST(it_stays_away_until_the_agent_is_ready_again),
        TEST(who_takes_it_away_each_time_is_met_ever_less_often),
        TEST(what_cannot_be_put_back_is_a_reason_not_to_be_ready),
        TEST(what_is_not_ours_to_mend_is_told_once),
        TEST(what_is_told_stays_so_where_nothing_can_be_written),
        TEST(the_end_may_come_while_the_files_are_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
