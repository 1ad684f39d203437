/* SPDX-License-Identifier: Apache-2.0
 *
 * The program itself, without any Open vSwitch: what it says and does while it waits for one.  A
 * temporary folder holds its run directory and its objects. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cni/client.h"
#include "core/base/mem.h"
#include "platform/ipc.h"
#include "platform/pipe.h"
#include "platform/process.h"
#include "tests/support/os.h"
#include "tests/support/pace.h"
#include "tests/support/spawn.h"

enum { PATIENCE_MS = 60000, STOP_MS = 2000, ANSWER_MS = 60000, PATH_ROOM = 256 };

struct fixture {
    char dir[160];
    char socket[PATH_ROOM], objects[PATH_ROOM], run[PATH_ROOM], log[PATH_ROOM];
    struct spawned *agent;
};

static const char node_yaml[] =
    "apiVersion: v1\nkind: Node\nmetadata: {name: n1}\nspec: {podCIDR: 10.1.0.0/24}\n"
    "status: {addresses: [{type: InternalIP, address: 192.0.2.1}]}\n";
static const char pod_yaml[] = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, labels: {a: b}}\n"
                               "spec: {nodeName: n2}\nstatus: {podIP: 10.1.1.9}\n";

static void put(const struct fixture *x, const char *name, const char *text)
{
    char path[2 * PATH_ROOM];
    snprintf(path, sizeof path, "%s/%s", x->objects, name);
    assert_int_equal(file_write_atomic(path, text, strlen(text), NULL), 0);
}

/* Starts the program with a word before its flags (NULL: none). */
static struct spawned *start(const struct fixture *x, const char *word)
{
    char ovsdb[PATH_ROOM];
    snprintf(ovsdb, sizeof ovsdb, "unix:%s/no-db.sock", x->dir);
    const char *arguments[] = {word ? word : "run",
                               "--objects",
                               x->objects,
                               "--node-name",
                               "n1",
                               "--run-dir",
                               x->run,
                               "--socket",
                               x->socket,
                               "--ovsdb",
                               ovsdb,
                               "--datapath-type",
                               "netdev",
                               NULL};
    struct spawn spawn = {.program = SEINE_AGENT, .arguments = arguments, .err = x->log};
    struct spawned *p = spawn_start(&spawn);
    assert_non_null(p);
    return p;
}

/* Asks the agent; the status, and the body in 'body'. */
static int ask(const struct fixture *x, const char *method, const char *path, struct sbuf *body)
{
    struct client_request request = {.socket = x->socket,
                                     .method = method,
                                     .path = path,
                                     .body = "",
                                     .connect_ms = ANSWER_MS,
                                     .answer_ms = ANSWER_MS};
    int status = 0;
    sbuf_clear(body);
    return client_call(&request, &status, body, NULL) < 0 ? -1 : status;
}

static uint64_t patience(void)
{
    return process_now_ns() + (uint64_t)PATIENCE_MS * 1000000;
}

static void wait_for_socket(const struct fixture *x)
{
    auto_sbuf body = SBUF_INIT;
    uint64_t end = patience();
    while (ask(x, "GET", "/healthz", &body) != 200 && process_now_ns() < end) {
        process_sleep_ms(10);
    }
    assert_string_equal(sbuf_cstr(&body), "ok\n");
}

/* Asks until the answer, of this status each time, holds 'text'. */
static void ask_until(const struct fixture *x, const char *method, const char *path, int status,
                      const char *text, struct sbuf *body)
{
    for (uint64_t end = patience(); process_now_ns() < end; process_sleep_ms(10)) {
        assert_int_equal(ask(x, method, path, body), status);
        if (strstr(sbuf_cstr(body), text)) {
            return;
        }
    }
    fail_msg("%s: '%s' does not come, but '%s'", path, text, sbuf_cstr(body));
}

static int setup(void **state)
{
    static int number;
    struct fixture *x = mem_calloc(1, sizeof *x);
    assert_int_equal(os_temp_dir(x->dir, sizeof x->dir), 0);
    snprintf(x->run, sizeof x->run, "%s/run", x->dir);
    snprintf(x->objects, sizeof x->objects, "%s/objects", x->dir);
    snprintf(x->log, sizeof x->log, "%s/log", x->dir);
    if (pipe_is_native()) {
        snprintf(x->socket, sizeof x->socket, "seine-agent-test-%d-%d", os_process_id(), number++);
    } else {
        snprintf(x->socket, sizeof x->socket, "%s/run/agent.sock", x->dir);
    }
    assert_int_equal(dir_make(x->objects, NULL), 0);
    put(x, "node.yaml", node_yaml);
    put(x, "pod.yaml", pod_yaml);
    x->agent = start(x, NULL);
    *state = x;
    wait_for_socket(x);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *x = *state;
    spawn_stop(x->agent, SPAWN_KILL);
    spawn_wait(x->agent);
    os_remove_tree(x->dir);
    mem_free(x);
    return 0;
}

/* What is missing first: on Windows what makes Pods' interfaces, which is not on every machine. */
static const char *first_cause(void)
{
    return strcmp(process_platform(), "windows") == 0 ? "hns: absent" : "OVSDB";
}

static void it_is_alive_but_not_ready(void **state)
{
    const struct fixture *x = *state;
    auto_sbuf body = SBUF_INIT;
    /* Alive comes before the folder is read: the cause moves on to the first that stays. */
    ask_until(x, "GET", "/readyz", 503, first_cause(), &body);
    assert_int_equal(ask(x, "GET", "/v1/status?wait=50ms", &body), 200);
    assert_non_null(strstr(body.data, "\"ready\":false"));
    assert_non_null(strstr(body.data, "\"node\":\"n1\""));
    assert_non_null(strstr(body.data, "\"complete\":true"));
    assert_non_null(strstr(body.data, "\"connected\":false"));
}

static void lists_are_answered_without_a_switch(void **state)
{
    const struct fixture *x = *state;
    auto_sbuf body = SBUF_INIT;
    ask_until(x, "GET", "/v1/get/pods", 200, "\"name\":\"p\"", &body); /* the folder is read */
    assert_non_null(strstr(body.data, "\"addresses\":[\"10.1.1.9\"]"));
    assert_non_null(strstr(body.data, "\"labels\":{\"a\":\"b\"}"));
    assert_int_equal(ask(x, "GET", "/v1/get/nodes", &body), 200);
    assert_non_null(strstr(body.data, "\"podCIDRs\":[\"10.1.0.0/24\"]"));
    static const char *const lists[] = {"policies", "rules", "flows", "groups", "meters"};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        char path[64];
        snprintf(path, sizeof path, "/v1/get/%s", lists[i]);
        assert_int_equal(ask(x, "GET", path, &body), 200);
    }
}

static void unknown_paths_and_methods_are_refused(void **state)
{
    const struct fixture *x = *state;
    auto_sbuf body = SBUF_INIT;
    assert_int_equal(ask(x, "GET", "/nothing", &body), 404);
    assert_int_equal(ask(x, "GET", "/v1/get/dances", &body), 404);
    assert_int_equal(ask(x, "GET", "/v1/get/", &body), 404);
    assert_int_equal(ask(x, "POST", "/v1/get/pods", &body), 404);
    assert_int_equal(ask(x, "GET", "/v1/sync", &body), 405);
    assert_int_equal(ask(x, "DELETE", "/v1/status", &body), 405);
    assert_int_equal(ask(x, "GET", "/v1/get/flows?table=NoSuch", &body), 400);
    assert_int_equal(ask(x, "GET", "/v1/why?src=a/b", &body), 400);
    assert_int_equal(ask(x, "GET", "/v1/why?src=a/b&dst=a/c&proto=ftp", &body), 400);
}

static void a_sync_tells_what_is_missing(void **state)
{
    const struct fixture *x = *state;
    auto_sbuf body = SBUF_INIT;
    static const char path[] = "/v1/sync?timeout=100ms";
    assert_int_equal(ask(x, "POST", path, &body), 200);
    assert_non_null(strstr(body.data, "\"synced\":false"));
    ask_until(x, "POST", path, 200, first_cause(), &body); /* in 100 ms it may not be read yet */
    assert_non_null(strstr(body.data, "\"synced\":false"));
    put(x, "bad.yaml", "kind: Pod\napiVersion: v1\nmetadata: {name: 5}\n");
    ask_until(x, "POST", path, 200, "bad.yaml:3", &body);
    assert_non_null(strstr(body.data, "\"synced\":false"));
}

static void a_sync_reads_what_is_there_at_its_call(void **state)
{
    const struct fixture *x = *state;
    auto_sbuf body = SBUF_INIT;
    for (int i = 0; i < 20; i++) {
        char yaml[160], want[32];
        snprintf(want, sizeof want, "\"name\":\"q%d\"", i);
        snprintf(yaml, sizeof yaml, "kind: Pod\napiVersion: v1\nmetadata: {name: q%d}\n", i);
        put(x, "q.yaml", yaml);
        /* A busy machine may not have read it in time: then the answer says so. */
        uint64_t end = patience();
        do {
            assert_int_equal(ask(x, "POST", "/v1/sync?timeout=50ms", &body), 200);
        } while (strstr(body.data, "has not been read again") && process_now_ns() < end);
        assert_int_equal(ask(x, "GET", "/v1/get/pods", &body), 200);
        if (!strstr(body.data, want)) {
            fail_msg("round %d: %s is not in %s", i, want, body.data);
        }
    }
}

static void recompute_finds_no_difference(void **state)
{
    const struct fixture *x = *state;
    auto_sbuf body = SBUF_INIT;
    assert_int_equal(ask(x, "POST", "/v1/recompute", &body), 200);
    assert_non_null(strstr(body.data, "\"differences\":0"));
    assert_int_equal(ask(x, "GET", "/v1/status", &body), 200);
    assert_non_null(strstr(body.data, "\"recompute\":{\"runs\":1,\"differences\":0}"));
}

static void metrics_have_the_stable_names(void **state)
{
    const struct fixture *x = *state;
    static const char *const names[] = {
        "seine_openflow_flow_mods_total",    "seine_openflow_bundles_total{result=\"committed\"}",
        "seine_recompute_differences_total", "seine_flows{state=\"desired\"}",
        "seine_flows{state=\"installed\"}",  "seine_source_errors{source=\"folder\"} 0",
    };
    auto_sbuf body = SBUF_INIT;
    assert_int_equal(ask(x, "GET", "/metrics", &body), 200);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!strstr(body.data, names[i])) {
            fail_msg("%s is not in\n%s", names[i], body.data);
        }
    }
}

/* The log holds 'text' by now or soon. */
static void log_tells(const struct fixture *x, const char *text)
{
    for (uint64_t end = patience(); process_now_ns() < end; process_sleep_ms(20)) {
        auto_free char *log = NULL;
        size_t n = 0;
        if (file_read(x->log, 1 << 20, &log, &n, NULL) == 0 && strstr(log, text)) {
            return;
        }
    }
    fail_msg("the log does not tell: %s", text);
}

static void a_second_agent_names_the_first(void **state)
{
    const struct fixture *x = *state;
    char pid[64];
    assert_int_equal(spawn_wait(start(x, NULL)), 1);
    snprintf(pid, sizeof pid, "pid %d", spawn_id(x->agent));
    log_tells(x, pid);
    auto_sbuf body = SBUF_INIT;
    assert_int_equal(ask(x, "GET", "/healthz", &body), 200); /* and does it no harm */
}

static void cleanup_refuses_while_an_agent_runs(void **state)
{
    const struct fixture *x = *state;
    assert_int_equal(spawn_wait(start(x, "cleanup")), 1);
    log_tells(x, "another agent runs");
}

static void signals_end_it_in_time(void **state)
{
    struct fixture *x = *state;
    static const enum spawn_stop signals[] = {SPAWN_TERMINATE, SPAWN_INTERRUPT};
    for (size_t i = 0; i < 2; i++) {
        struct pace_watch *watch = pace_watch_start();
        uint64_t begin = process_now_ns();
        if (!spawn_stop(x->agent, signals[i])) {
            pace_watch_end(watch);
            skip(); /* without a console nobody can press Ctrl-Break */
        }
        assert_int_equal(spawn_wait(x->agent), 0);
        int64_t took = (int64_t)((process_now_ns() - begin) / 1000000);
        int64_t stood = pace_watch_end(watch);
        x->agent = start(x, NULL);
        if (took - stood >= STOP_MS) {
            fail_msg("it ended after %d ms, of which all stood still for %d", (int)took,
                     (int)stood);
        }
        wait_for_socket(x);
    }
}

static void a_killed_agent_s_socket_is_taken_over(void **state)
{
    struct fixture *x = *state;
    assert_true(spawn_stop(x->agent, SPAWN_KILL));
    assert_int_equal(spawn_wait(x->agent), -1);
    x->agent = start(x, NULL);
    wait_for_socket(x);
}

/* Runs it with a verb; the exit code, and what it said on stderr. */
static int verb_says(const struct fixture *x, const char *verb, char **said_out)
{
    size_t n = 0;
    char path[PATH_ROOM];
    const char *arguments[] = {verb, NULL};
    snprintf(path, sizeof path, "%s/said-%s", x->dir, verb);
    int code =
        spawn_run(&(struct spawn){.program = SEINE_AGENT, .arguments = arguments, .err = path});
    assert_int_equal(file_read(path, 4096, said_out, &n, NULL), 0);
    return code;
}

static void verbs_of_windows_are_wrong_usage(void **state)
{
    static const char *const verbs[] = {"install", "uninstall", "upgrade", "status", "check"};
    if (strcmp(process_platform(), "windows") == 0) {
        skip(); /* they are not wrong there, and would do what they say */
    }
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        auto_free char *said = NULL;
        char expected[80];
        snprintf(expected, sizeof expected, "seine-agent %s: only on a Windows node\n", verbs[i]);
        assert_int_equal(verb_says(*state, verbs[i], &said), 2);
        assert_string_equal(said, expected);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(verbs_of_windows_are_wrong_usage),
        TEST(it_is_alive_but_not_ready),
        TEST(lists_are_answered_without_a_switch),
        TEST(unknown_paths_and_methods_are_refused),
        TEST(a_sync_tells_what_is_missing),
        TEST(a_sync_reads_what_is_there_at_its_call),
        TEST(recompute_finds_no_difference),
        TEST(metrics_have_the_stable_names),
        TEST(a_second_agent_names_the_first),
        TEST(cleanup_refuses_while_an_agent_runs),
        TEST(signals_end_it_in_time),
        TEST(a_killed_agent_s_socket_is_taken_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
