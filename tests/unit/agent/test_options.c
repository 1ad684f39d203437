/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/agent/options.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "platform/ipc.h"
#include "platform/process.h"
#include "tests/support/os.h"

enum { MAX_ARGS = 16 };

/* Splits 'line' at spaces and reads it; err->text is "" if all is well. */
static int parse(struct options *o, const char *line, struct err *err)
{
    char *argv[MAX_ARGS] = {NULL};
    int argc = 1;
    char *copy = mem_strdup(line);
    char program[] = "seine-agent";
    argv[0] = program;
    for (char *word = strtok(copy, " "); word && argc < MAX_ARGS; word = strtok(NULL, " ")) {
        argv[argc++] = word;
    }
    *err = (struct err){0};
    int rc = options_parse(o, argc, argv, err);
    mem_free(copy);
    return rc;
}

/* The options must be refused with exactly this line. */
static void refuses(const char *line, const char *want)
{
    struct options o;
    struct err err;
    int rc = parse(&o, line, &err);
    options_done(&o);
    if (rc != ERR_INVALID && rc != ERR_NOT_FOUND) {
        fail_msg("'%s' gave %d, wanted: %s", line, rc, want);
    }
    if (strncmp(err.text, want, strlen(want)) != 0 || strchr(err.text, '\n')) {
        fail_msg("'%s' gave\n%s\nwanted\n%s", line, err.text, want);
    }
}

static char file_name[] = "/tmp/seine-options-XXXXXX";

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(file_name);
    if (fd >= 0) {
        close(fd);
    }
    return fd < 0;
}

static int drop_file(void **state)
{
    (void)state;
    return unlink(file_name);
}

static void put_file(const char *text)
{
    assert_int_equal(file_write_atomic(file_name, text, strlen(text), NULL), 0);
}

static bool is_windows(void)
{
    return strcmp(process_platform(), "windows") == 0;
}

static void defaults_are_the_contract_s(void **state)
{
    (void)state;
    struct options o;
    struct err err;
    os_set_variable("NODE_NAME", "from-env");
    assert_int_equal(parse(&o, "--objects /o", &err), 0);
    assert_string_equal(o.node_name, "from-env");
    if (is_windows()) {
        assert_non_null(strstr(o.run_dir, "\\ProgramData\\seine"));
        assert_string_equal(o.cache_dir, o.run_dir);
        assert_string_equal(o.uplink, "auto");
        assert_string_equal(o.socket, "\\\\.\\pipe\\seine-agent");
        assert_string_equal(o.ovsdb, "unix:C:/openvswitch/var/run/openvswitch/db.sock");
        assert_string_equal(o.openflow, "unix:C:/openvswitch/var/run/openvswitch/br-int.mgmt");
    } else {
        assert_string_equal(o.run_dir, "/run/seine");
        assert_string_equal(o.cache_dir, "/var/lib/seine");
        assert_string_equal(o.uplink, "none");
        assert_string_equal(o.socket, "/run/seine/agent.sock");
        assert_string_equal(o.ovsdb, "unix:/var/run/openvswitch/db.sock");
        assert_string_equal(o.openflow, "unix:/var/run/openvswitch/br-int.mgmt");
    }
    assert_string_equal(o.bridge, "br-int");
    assert_string_equal(o.datapath_type, "auto");
    assert_string_equal(o.gateway, "seine-gw0");
    assert_string_equal(o.tunnel, "seine-tun0");
    assert_string_equal(o.traffic_mode, "encap");
    assert_string_equal(o.tunnel_type, "geneve");
    assert_int_equal(o.mtu, 0);
    assert_int_equal(o.pod_timeout_ms, 20000);
    assert_true(o.masquerade);
    assert_string_equal(o.metrics_address, "");
    assert_string_equal(o.log_level, "info");
    assert_string_equal(o.log_format, "text");
    assert_string_equal(o.proc_sys, "/proc/sys");
    options_done(&o);
    os_set_variable("NODE_NAME", NULL);
    assert_int_equal(parse(&o, "--objects /o", &err), 0);
    assert_true(o.node_name[0]); /* the host's */
    options_done(&o);
}

static void defaults_follow_what_was_given(void **state)
{
    (void)state;
    struct options o;
    struct err err;
    assert_int_equal(parse(&o,
                           "--objects=/o --node-name n --run-dir /r --bridge=br-x "
                           "--ovsdb unix:/a/b/db.sock --masquerade=false --mtu 1400",
                           &err),
                     0);
    assert_string_equal(o.socket, is_windows() ? "\\\\.\\pipe\\seine-agent" : "/r/agent.sock");
    assert_string_equal(o.openflow, "unix:/a/b/br-x.mgmt");
    assert_false(o.masquerade);
    assert_int_equal(o.mtu, 1400);
    options_done(&o);
    assert_int_equal(parse(&o, "--masquerade false --objects /o --node-name n --masquerade", &err),
                     0);
    assert_true(o.masquerade);
    options_done(&o);
}

static void named_pipes_are_for_windows(void **state)
{
    (void)state;
    struct options o;
    struct err err;
    if (!is_windows()) {
        refuses("--objects /o --node-name n --ovsdb pipe:db.sock",
                "--ovsdb: pipe:db.sock: named pipes");
        return;
    }
    assert_int_equal(parse(&o, "--objects /o --node-name n --ovsdb pipe:db.sock", &err), 0);
    assert_string_equal(o.openflow, "pipe:br-int.mgmt");
    options_done(&o);
    assert_int_equal(parse(&o, "--objects /o --node-name n --ovsdb pipe:C:ovsrundb.sock", &err), 0);
    assert_string_equal(o.openflow, "pipe:C:ovsrunbr-int.mgmt");
    assert_string_equal(o.socket, "\\\\.\\pipe\\seine-agent");
    options_done(&o);
}

static void an_uplink_is_for_windows(void **state)
{
    (void)state;
    struct options o;
    struct err err;
    if (is_windows()) {
        assert_int_equal(parse(&o, "--objects /o --uplink Ethernet9", &err), 0);
        assert_string_equal(o.uplink, "Ethernet9");
        options_done(&o);
    } else {
        refuses("--objects /o --uplink Ethernet9",
                "--uplink: an adapter is taken over on Windows only");
        refuses("--objects /o --datapath-type hns", "--datapath-type: hns is for Windows nodes");
    }
    assert_int_equal(parse(&o, "--objects /o --uplink auto", &err),
                     0); /* one file may serve both */
    options_done(&o);
    assert_int_equal(parse(&o, "--objects /o --uplink none", &err), 0);
    options_done(&o);
}

static void wrong_flags_are_named(void **state)
{
    (void)state;
    refuses("--no-such-flag", "--no-such-flag: no such flag");
    refuses("--no-such-flag=1", "--no-such-flag: no such flag");
    refuses("word", "word: not a flag");
    refuses("--mtu", "--mtu: needs a value");
    refuses("--mtu many", "--mtu: 'many' is not a number");
    refuses("--mtu 70000", "--mtu: '70000' is not a number");
    refuses("--mtu 10", "--mtu: '10' is not a number");
    refuses("--mtu 4294968796", "--mtu: ");
    refuses("--tunnel-type ipip", "--tunnel-type: 'ipip' is not one of geneve, vxlan, gre");
    refuses("--cni-chained portmap,tuning",
            "--cni-chained: 'tuning' is not one of portmap, bandwidth");
    refuses("--pod-timeout 20", "--pod-timeout: '20' is not a time");
    refuses("--pod-timeout=", "--pod-timeout: '' is not a time");
    refuses("--masquerade=yes", "--masquerade: 'yes' is neither");
    refuses("--bridge a-name-of-sixteen", "--bridge: ");
    refuses("--gateway a/b", "--gateway: ");
    refuses("--ovsdb http://x", "--ovsdb: ");
    static const char *const servers[] = {"http://h:1",       "https://",        "https://h",
                                          "https://h:0",      "https://h:99999", "https://h:1/x",
                                          "https://[fd00::1", "https://[]:1",    "https://:1"};
    for (size_t i = 0; i < ARRAY_LEN(servers); i++) {
        char line[64];
        snprintf(line, sizeof line, "--api-server %s", servers[i]);
        refuses(line, "--api-server: '");
    }
    refuses("--metrics-address 9101", "--metrics-address: '9101' is not IP:PORT");
    refuses("--log-level loud", "--log-level: loud: not a level");
    refuses("--node-name A_b", "--node-name: 'A_b'");
    refuses("--socket=", "--socket: must not be empty");
    refuses("--config /nonexistent/x.yaml", "--config: ");
}

static void desired_state_comes_from_one_place(void **state)
{
    (void)state;
    struct options o;
    struct err err;
    os_set_variable("KUBERNETES_SERVICE_HOST", NULL);
    refuses("--node-name n", "--objects: must be given, or --kubeconfig");
    refuses("--node-name n --objects /o --kubeconfig /k", "--kubeconfig: not together");
    refuses("--node-name n --objects /o --api-server https://h:1",
            "--api-server: not together with --objects");
    refuses("--node-name n --kubeconfig /k --api-server https://h:1",
            "--api-server: not together with --kubeconfig");
    assert_int_equal(parse(&o, "--node-name n --kubeconfig /k", &err), 0);
    assert_string_equal(o.kubeconfig, "/k");
    options_done(&o);
    assert_int_equal(parse(&o, "--node-name n --api-server https://[fd00::1]:6443", &err), 0);
    options_done(&o);
    os_set_variable("KUBERNETES_SERVICE_HOST", "10.96.0.1");
    assert_int_equal(parse(&o, "--node-name n --cache-dir /c", &err), 0);
    assert_string_equal(o.objects, "");
    assert_string_equal(o.cache_dir, "/c");
    options_done(&o);
    os_set_variable("KUBERNETES_SERVICE_HOST", NULL);
}

static void flags_must_go_together(void **state)
{
    (void)state;
    refuses("--node-name n --objects /o --ovsdb tcp:127.0.0.1:6640", "--openflow: must be given");
    refuses("--objects /o --gateway x0 --tunnel x0", "--gateway: bridge, gateway and tunnel");
    refuses("--objects /o --tunnel br-int", "--tunnel: bridge, gateway and tunnel");
    refuses("--objects /o --ovsdb ssl:127.0.0.1:6640 --openflow tcp:127.0.0.1:6653",
            "--ovs-ca: must be given");
    refuses("--objects /o --ovs-key /k", "--ovs-certificate: must be given with --ovs-key");
    os_set_variable("NODE_NAME", "No_Name");
    refuses("--objects /o", "--node-name: 'No_Name' from the environment");
    os_set_variable("NODE_NAME", NULL);
}

static void a_file_gives_values_and_a_flag_beats_it(void **state)
{
    (void)state;
    struct options o;
    struct err err;
    auto_sbuf line = SBUF_INIT;
    put_file("# comment\nnode-name: wrong\nobjects: /o\nmtu: 1400\nmasquerade: off\n"
             "metrics-address: 127.0.0.1:9101\npod-timeout: \"2m\"\n");
    sbuf_printf(&line, "--config %s --node-name right", file_name);
    assert_int_equal(parse(&o, line.data, &err), 0);
    assert_string_equal(o.node_name, "right");
    assert_string_equal(o.objects, "/o");
    assert_int_equal(o.mtu, 1400);
    assert_false(o.masquerade);
    assert_string_equal(o.metrics_address, "127.0.0.1:9101");
    assert_int_equal(o.pod_timeout_ms, 120000);
    options_done(&o);
}

static void what_is_wrong_in_a_file_has_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"node-name: x\nno-such-key: 1\n", ":2: no-such-key: no such key"},
        {"node-name: x\n\nmtu: many\n", ":3: mtu: 'many' is not a number"},
        {"node-name: x\nmtu: 1.5\n", ":2: mtu: must be a number"},
        {"node-name: x\nmtu: [1]\n", ":2: mtu: must be a number"},
        {"masquerade: 1\n", ":1: masquerade: must be true or false"},
        {"node-name: yes\n", ":1: node-name: must be text"},
        {"config: /x\n", ":1: config: no such key"},
        {"node-name: [x\n", ":"},
        {"objects: /o\n---\nmtu: 1400\n", ":3: a second document"},
        {"- a\n", ":1: "},
        {"bridge: br-x\nbridge: br-y\n", ":2: "},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        auto_sbuf line = SBUF_INIT, want = SBUF_INIT;
        put_file(rows[i].text);
        sbuf_printf(&line, "--config %s", file_name);
        sbuf_printf(&want, "%s%s", file_name, rows[i].want);
        refuses(line.data, want.data);
    }
    /* What a flag overrides is checked all the same. */
    auto_sbuf line = SBUF_INIT, want = SBUF_INIT;
    put_file("mtu: many\n");
    sbuf_printf(&line, "--mtu 1400 --config %s", file_name);
    sbuf_printf(&want, "%s:1: mtu: 'many'", file_name);
    refuses(line.data, want.data);
}

static void durations_have_units(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        uint32_t ms;
    } rows[] = {
        {"0s", true, 0},
        {"500ms", true, 500},
        {"20s", true, 20000},
        {"2m", true, 120000},
        {"1h", true, 3600000},
        {"5", false, 0},
        {"", false, 0},
        {"s", false, 0},
        {"-1s", false, 0},
        {"1.5s", false, 0},
        {"1 s", false, 0},
        {"2000h", false, 0},
        {"99999999999999999999s", false, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t ms = 0;
        if (options_duration(rows[i].text, &ms) != rows[i].ok || ms != rows[i].ms) {
            fail_msg("%s gave %u", rows[i].text, (unsigned)ms);
        }
    }
}

static void help_and_version_check_nothing(void **state)
{
    (void)state;
    struct options o;
    struct err err;
    assert_int_equal(parse(&o, "--help", &err), 0);
    assert_true(o.help && !o.markdown && !o.version);
    options_done(&o);
    assert_int_equal(parse(&o, "--help --markdown", &err), 0);
    assert_true(o.help && o.markdown);
    options_done(&o);
    assert_int_equal(parse(&o, "--version --kubeconfig /k", &err), 0);
    assert_true(o.version);
    options_done(&o);
    auto_sbuf help = SBUF_INIT;
    options_help(&help);
    assert_non_null(strstr(help.data, "--pod-timeout TIME"));
    assert_non_null(strstr(help.data, "(default: 20s)"));
    assert_null(strchr(help.data, '`'));
}

static void the_page_is_what_the_table_prints(void **state)
{
    (void)state;
    auto_sbuf page = SBUF_INIT;
    auto_free char *text = NULL;
    size_t n = 0;
    options_markdown(&page);
    if (getenv("SEINE_WRITE_GOLDEN")) {
        assert_int_equal(file_write_atomic("docs/configuration.md", page.data, page.len, NULL), 0);
    }
    assert_int_equal(file_read("docs/configuration.md", 1 << 20, &text, &n, NULL), 0);
    assert_string_equal(text, page.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_the_contract_s),
        cmocka_unit_test(defaults_follow_what_was_given),
        cmocka_unit_test(named_pipes_are_for_windows),
        cmocka_unit_test(an_uplink_is_for_windows),
        cmocka_unit_test(wrong_flags_are_named),
        cmocka_unit_test(desired_state_comes_from_one_place),
        cmocka_unit_test(flags_must_go_together),
        cmocka_unit_test(a_file_gives_values_and_a_flag_beats_it),
        cmocka_unit_test(what_is_wrong_in_a_file_has_its_place),
        cmocka_unit_test(durations_have_units),
        cmocka_unit_test(help_and_version_check_nothing),
        cmocka_unit_test(the_page_is_what_the_table_prints),
    };
    return cmocka_run_group_tests(tests, make_file, drop_file);
}
