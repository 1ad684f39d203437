/* SPDX-License-Identifier: Apache-2.0
 *
 * The installer, with real files and a service manager of the test's own: what it finds, what it
 * does, in which order, and that whatever fails leaves the node as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/agent/config_file.h"
#include "core/agent/install.h"
#include "core/agent/install_internal.h"
#include "core/base/mem.h"
#include "platform/ipc.h"
#include "tests/support/os.h"

/* ---- a machine ---- */
static struct machine {
    bool administrator;
    struct setup_version system, hns;
    int hns_rc, answers_rc, installed_rc, ready_rc;
    const char *answers, *installed;
    bool ready;
    /* the service manager */
    struct service_status service;
    int install_rc, remove_rc, start_rc, stop_rc;
    bool dies;             /* it ends a moment after its start */
    char program[512];     /* what the service runs, as it was when it started */
    char order[256];       /* what was asked of the manager: "stop start ..." */
    bool conflist_at_stop; /* whether the network configuration lay there */
    bool puts_back;        /* the agent does so with the network configuration until it stops */
} m;
static char root[256];
static struct sbuf lines;

static char *at(const char *relative)
{
    auto_sbuf path = SBUF_INIT;
    sbuf_printf(&path, "%s/%s", root, relative);
    return sbuf_take(&path);
}

static bool there(const char *relative)
{
    auto_free char *path = at(relative);
    return install_file_exists(path);
}

static void put(const char *relative, const char *text)
{
    auto_free char *path = at(relative);
    assert_int_equal(file_write_atomic(path, text, strlen(text), NULL), 0);
}

static void expect_text(const char *relative, const char *text)
{
    auto_free char *path = at(relative);
    auto_free char *now = NULL;
    size_t n;
    assert_int_equal(file_read(path, 1 << 20, &now, &n, NULL), 0);
    assert_string_equal(now, text);
}

static void asked(const char *what)
{
    size_t n = strlen(m.order);
    snprintf(m.order + n, sizeof m.order - n, "%s%s", n ? " " : "", what);
}

static bool fake_administrator(void)
{
    return m.administrator;
}

static int fake_system(struct setup_version *out, struct err *err)
{
    (void)err;
    *out = m.system;
    return 0;
}

static int fake_hns(struct setup_version *out, struct err *err)
{
    *out = m.hns;
    return m.hns_rc < 0 ? err_set(err, m.hns_rc, "hns: absent") : 0;
}

static int fake_answers(const struct options *o, char *version, size_t size, struct err *err)
{
    snprintf(version, size, "%s", m.answers);
    return m.answers_rc < 0 ? err_set(err, m.answers_rc, "%s: no such pipe", o->ovsdb) : 0;
}

static int fake_installed(char **program_out, char *version, size_t size, struct err *err)
{
    if (m.installed_rc < 0) {
        return err_set(err, m.installed_rc, "there is no service ovs-vswitchd");
    }
    *program_out = mem_strdup("ovs-vswitchd.exe");
    snprintf(version, size, "%s", m.installed);
    return 0;
}

static int fake_ready(const struct options *o, bool *ready_out, struct sbuf *why, struct err *err)
{
    (void)o;
    *ready_out = m.ready;
    if (!m.ready) {
        sbuf_puts(why, "not ready: no Node");
    }
    return m.ready_rc < 0 ? err_set(err, m.ready_rc, "agent away") : 0;
}

static int fake_install(const struct service_spec *spec, struct err *err)
{
    asked("install");
    if (m.install_rc < 0) {
        return err_set(err, m.install_rc, "manager says no");
    }
    if (m.service.state == SERVICE_IS_ABSENT) {
        m.service.state = SERVICE_IS_STOPPED;
    }
    m.service.automatic = m.service.restarts = m.service.restarts_known = true;
    snprintf(m.service.command, sizeof m.service.command, "\"%s\" %s %s", spec->program,
             spec->args[0], spec->args[1]);
    return 0;
}

static int fake_set_command(const char *name, const char *command, struct err *err)
{
    (void)name;
    (void)err;
    asked("command");
    snprintf(m.service.command, sizeof m.service.command, "%s", command);
    return 0;
}

static int fake_remove(const char *name, struct err *err)
{
    (void)name;
    asked("remove");
    if (m.remove_rc < 0) {
        return err_set(err, m.remove_rc, "manager says no");
    }
    m.service = (struct service_status){.state = SERVICE_IS_ABSENT};
    return 0;
}

static int fake_start(const char *name, unsigned timeout_ms, struct err *err)
{
    (void)name;
    (void)timeout_ms;
    asked("start");
    auto_free char *path = at("pf/Seine/seine-agent.exe");
    auto_free char *text = NULL;
    size_t n = 0;
    if (m.start_rc < 0) {
        return err_set(err, m.start_rc, "it ended with code 2");
    }
    if (file_read(path, sizeof m.program, &text, &n, NULL) == 0) {
        snprintf(m.program, sizeof m.program, "%s", text);
    }
    m.service.state = SERVICE_IS_RUNNING;
    m.service.pid = 77;
    return 0;
}

static int fake_stop(const char *name, unsigned timeout_ms, struct err *err)
{
    (void)name;
    (void)timeout_ms;
    asked("stop");
    m.conflist_at_stop = there("conf/10-seine.conflist");
    if (m.puts_back) {
        put("conf/10-seine.conflist", "{}");
    }
    if (m.stop_rc < 0) {
        return err_set(err, m.stop_rc, "does not stop");
    }
    if (m.service.state != SERVICE_IS_ABSENT) {
        m.service.state = SERVICE_IS_STOPPED;
    }
    return 0;
}

static int fake_query(const char *name, struct service_status *out, struct err *err)
{
    (void)name;
    (void)err;
    *out = m.service;
    return 0;
}

static void fake_sleep(unsigned ms)
{
    (void)ms;
    if (m.dies) {
        m.service.state = SERVICE_IS_STOPPED;
        m.service.exit_code = 1;
    }
}

static void collect(void *aux, enum install_result result, const char *name, const char *detail)
{
    static const char *const results[] = {"ok", "fail", "skip", "would"};
    (void)aux;
    sbuf_printf(&lines, "%s %s: %s\n", results[result], name, detail);
}

static int run(enum install_verb verb, struct install_options o)
{
    auto_free char *pf = at("pf");
    auto_free char *pd = at("pd");
    auto_free char *own = at("media");
    auto_free char *bin = at("bin");
    auto_free char *conf = at("conf");
    struct install_system s = {.is_administrator = fake_administrator,
                               .system_version = fake_system,
                               .hns_version = fake_hns,
                               .ovs_answers = fake_answers,
                               .ovs_installed = fake_installed,
                               .agent_ready = fake_ready,
                               .service_install = fake_install,
                               .service_set_command = fake_set_command,
                               .service_remove = fake_remove,
                               .service_start = fake_start,
                               .service_stop = fake_stop,
                               .service_query = fake_query,
                               .sleep_ms = fake_sleep,
                               .program_files = pf,
                               .program_data = pd,
                               .own_folder = own,
                               .separator = '/'};
    o.verb = verb;
    if (!o.containerd_config) {
        o.cni_bin_dir = bin;
        o.cni_conf_dir = conf;
    }
    sbuf_clear(&lines);
    m.order[0] = '\0';
    return install_run(&o, &s, collect, NULL);
}

#define RUN(verb, ...) run(INSTALL_##verb, (struct install_options){__VA_ARGS__})

static void says(const char *part)
{
    if (!strstr(sbuf_cstr(&lines), part)) {
        fail_msg("\"%s\" is not in:\n%s", part, lines.data);
    }
}

static const char *const programs[] = {"seine-agent.exe", "seine-cni.exe", "seinectl.exe"};

static void put_media(const char *version)
{
    for (size_t i = 0; i < ARRAY_LEN(programs); i++) {
        auto_sbuf path = SBUF_INIT;
        auto_sbuf text = SBUF_INIT;
        sbuf_printf(&path, "media/%s", programs[i]);
        sbuf_printf(&text, "%s %s", programs[i], version);
        put(path.data, text.data);
    }
}

/* A node that can be installed on. */
static int setup(void **state)
{
    (void)state;
    assert_int_equal(os_temp_dir(root, sizeof root), 0);
    m = (struct machine){.administrator = true,
                         .system = {10, 0, 20348},
                         .hns = {13, 3, 0},
                         .answers = "3.3.1",
                         .installed_rc = ERR_NOT_FOUND};
    put_media("1");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    os_remove_tree(root);
    sbuf_done(&lines);
    return 0;
}

/* ---- installing ---- */
static void a_node_gets_everything_the_conflist_last(void **state)
{
    (void)state;
    assert_int_equal(RUN(INSTALL, .json = false), 0);
    says("ok administrator: yes\nok windows: 10.0.20348\nok hns: 13.3\nskip config: ");
    says("ok openvswitch: 3.3.1, answers at ");
    says("skip stop: seine-agent does not run\nok programs: to ");
    says("ok service: seine-agent: automatic, restarted on failure: \"");
    says("ok start: seine-agent runs: pid 77\nok conflist: ");
    assert_string_equal(m.order, "install start");
    expect_text("pf/Seine/seine-agent.exe", "seine-agent.exe 1");
    expect_text("pf/Seine/seinectl.exe", "seinectl.exe 1");
    expect_text("bin/seine-cni.exe", "seine-cni.exe 1");
    assert_true(there("conf/10-seine.conflist"));
    assert_true(there("pd/seine/config.yaml"));
    assert_true(there("pd/seine/objects"));
    assert_false(there("pf/Seine/seine-agent.exe.undo"));
    assert_false(there("bin/seine-cni.exe.new"));
}

static void twice_is_the_same_as_once(void **state)
{
    (void)state;
    assert_int_equal(RUN(INSTALL, .json = false), 0);
    assert_int_equal(RUN(INSTALL, .json = false), 0);
    assert_null(strstr(lines.data, "ok programs"));
    says("skip programs: ");
    says("skip config-file: ");
    says("skip service: ");
    says("skip cni-plugin: ");
    says("skip start: seine-agent runs: pid 77\nskip conflist: ");
    assert_string_equal(m.order, "");
}

static void a_dry_run_changes_nothing(void **state)
{
    (void)state;
    m.administrator = false;
    assert_int_equal(RUN(INSTALL, .dry_run = true), 0);
    says("skip administrator: ");
    says("would programs: to ");
    says("would config-file: ");
    says("would service: ");
    says("would cni-plugin: ");
    says("would start: seine-agent\nwould conflist: ");
    assert_string_equal(m.order, "");
    assert_false(there("pf"));
    assert_false(there("pd"));
    assert_false(there("bin"));
    assert_false(there("conf"));
}

static void the_configuration_is_the_service_s(void **state)
{
    (void)state;
    put("my config.yaml", "objects: /o\novsdb: tcp:192.0.2.1:6640\nopenflow: tcp:192.0.2.1:6653\n"
                          "socket: /s/agent.sock\n");
    auto_free char *config = at("my config.yaml");
    assert_int_equal(RUN(INSTALL, .config = config), 0);
    says("ok config: ");
    says("answers at tcp:192.0.2.1:6640");
    assert_non_null(strstr(m.service.command, "--config "));
    assert_false(there("pd/seine/config.yaml"));
    expect_text("conf/10-seine.conflist",
                "{\n  \"cniVersion\": \"1.0.0\",\n  \"name\": \"seine\",\n  \"plugins\": [\n    {\n"
                "      \"type\": \"seine-cni\",\n      \"socket\": \"/s/agent.sock\"\n    }\n  ]\n"
                "}\n");
    put("my config.yaml", "objects: /o\nmtu: 3\n");
    assert_int_equal(RUN(CHECK, .config = config), 1);
    says("my config.yaml:2: mtu: '3' is not a number from 576 to 65535");
}

static void the_first_configuration_is_valid_whatever_the_path(void **state)
{
    (void)state;
    struct options o;
    struct err err = {0};
    char program[] = "seine-agent", flag[] = "--config";
    auto_free char *path = at("it's a # folder/c.yaml");
    auto_free char *objects = at("it's a # folder/objects");
    char *argv[] = {program, flag, path};
    assert_int_equal(config_file_ensure(path, &err), 0);
    assert_int_equal(options_parse(&o, ARRAY_LEN(argv), argv, &err), 0);
    assert_string_equal(o.objects, objects);
    options_done(&o);
    assert_true(setup_is_folder(objects));
    put("it's a # folder/c.yaml", "mine");
    assert_int_equal(config_file_ensure(path, &err), 0);
    expect_text("it's a # folder/c.yaml", "mine");
}

static void containerd_says_where(void **state)
{
    (void)state;
    auto_free char *file = at("containerd.toml");
    auto_sbuf text = SBUF_INIT;
    sbuf_printf(&text,
                "version = 3\n[plugins.'io.containerd.cri.v1.runtime'.cni]\n"
                "bin_dirs = ['%s/cbin']\nconf_dir = '%s/cconf'\n",
                root, root);
    put("containerd.toml", text.data);
    assert_int_equal(RUN(INSTALL, .containerd_config = file), 0);
    expect_text("cbin/seine-cni.exe", "seine-cni.exe 1");
    auto_free char *conflist = at("cconf/10-seine.conflist");
    auto_free char *now = NULL;
    size_t n;
    assert_int_equal(file_read(conflist, 4096, &now, &n, NULL), 0);
    assert_non_null(strstr(now, "\"cniVersion\": \"1.1.0\""));
    put("containerd.toml", "version = \n");
    assert_int_equal(RUN(CHECK, .containerd_config = file), 1);
    says("containerd.toml:1: a value was expected");
}

static void an_earlier_conflist_is_named(void **state)
{
    (void)state;
    put("conf/05-other.conf", "{}");
    assert_int_equal(RUN(INSTALL, .json = false), 0);
    says("(warning: the runtime takes 05-other.conf before it)");
}

/* The agent runs in a container: only the runtime's side is the installer's. */
static void without_a_service_only_the_runtime_s_side(void **state)
{
    (void)state;
    assert_int_equal(RUN(INSTALL, .no_service = true), 0);
    assert_string_equal(m.order, "");
    assert_false(there("pf"));
    assert_true(there("pd/seine/config.yaml") && there("pd/seine/objects"));
    expect_text("bin/seine-cni.exe", "seine-cni.exe 1");
    assert_true(there("conf/10-seine.conflist"));
    m.ready = true;
    assert_int_equal(RUN(STATUS, .no_service = true), 0);
    put_media("2");
    assert_int_equal(RUN(UPGRADE, .no_service = true), 0);
    expect_text("bin/seine-cni.exe", "seine-cni.exe 2");
    assert_int_equal(RUN(UNINSTALL, .no_service = true), 0);
    assert_string_equal(m.order, "");
    assert_false(there("bin/seine-cni.exe") || there("conf/10-seine.conflist"));
}

/* ---- requirements ---- */
static void fails_before_anything_is_changed(const char *line)
{
    assert_int_equal(RUN(INSTALL, .json = false), 1);
    says(line);
    says("fail install: nothing was changed\n");
    assert_string_equal(m.order, "");
    assert_false(there("pf"));
    assert_false(there("bin"));
}

static void each_requirement_is_held(void **state)
{
    (void)state;
    m.administrator = false;
    fails_before_anything_is_changed("fail administrator: run this as Administrator\n");
    m.administrator = true;
    m.system = (struct setup_version){10, 0, 14393};
    fails_before_anything_is_changed("fail windows: 10.0.14393: Seine needs build 17763");
    m.system.build = 17763;
    m.hns_rc = ERR_UNSUPPORTED;
    fails_before_anything_is_changed(
        "fail hns: hns: absent: enable the Windows feature Containers");
    m.hns_rc = 0;
    m.hns = (struct setup_version){8, 9, 0};
    fails_before_anything_is_changed("fail hns: 8.9: Seine needs 9.2 or newer");
    m.hns = (struct setup_version){9, 2, 0};
    m.answers = "4.0.0";
    fails_before_anything_is_changed("fail openvswitch: 4.0.0, answers at ");
    m.answers = "2.17.9";
    fails_before_anything_is_changed("Seine on Windows needs one of the lines 3.0 to 3.7");
    m.answers_rc = ERR_NOT_FOUND;
    fails_before_anything_is_changed("no such pipe; there is no service ovs-vswitchd");
    assert_int_equal(RUN(CHECK, .json = false), 1);
    assert_null(strstr(lines.data, "nothing was changed"));
}

static void open_vswitch_may_be_silent_or_nameless(void **state)
{
    (void)state;
    m.answers_rc = ERR_REFUSED;
    m.installed_rc = 0;
    m.installed = "ovs-vswitchd (Open vSwitch) 3.7.0";
    assert_int_equal(RUN(CHECK, .json = false), 0);
    says("ok openvswitch: ovs-vswitchd (Open vSwitch) 3.7.0 (ovs-vswitchd.exe); it does not answer "
         "now: ");
    m.installed = "ovs-vswitchd (Open vSwitch) 3.8.0";
    assert_int_equal(RUN(CHECK, .json = false), 1);
    m.answers_rc = 0;
    m.answers = "";
    m.installed_rc = ERR_NOT_FOUND;
    assert_int_equal(RUN(CHECK, .json = false), 0);
    says("skip openvswitch: answers at ");
    says(": its version is not told\n");
}

static void checking_needs_no_administrator(void **state)
{
    (void)state;
    m.administrator = false;
    m.answers_rc = ERR_PERMISSION;
    m.hns_rc = ERR_PERMISSION;
    assert_int_equal(RUN(CHECK, .json = false), 0);
    says("skip administrator: not Administrator: what only Administrators may read is not seen\n");
    says("skip hns: ");
    says("skip openvswitch: ");
    assert_false(there("pf"));
}

/* ---- rollback ---- */
static void rolled_back(enum install_verb verb, const char *reason)
{
    assert_int_equal(run(verb, (struct install_options){.json = false}), 1);
    says(reason);
    says("rolled back: the node is as it was\n");
}

static void nothing_is_left(void)
{
    assert_false(there("pf/Seine/seine-agent.exe"));
    assert_false(there("pf/Seine"));
    assert_false(there("bin/seine-cni.exe"));
    assert_false(there("conf/10-seine.conflist"));
    assert_false(there("pd/seine"));
    assert_int_equal(m.service.state, SERVICE_IS_ABSENT);
}

static void a_missing_program_is_rolled_back(void **state)
{
    (void)state;
    auto_free char *path = at("media/seinectl.exe");
    assert_int_equal(file_remove(path, NULL), 0);
    rolled_back(INSTALL_INSTALL, "fail programs: ");
    nothing_is_left();
    assert_string_equal(m.order, "");
}

static void a_manager_that_refuses_is_rolled_back(void **state)
{
    (void)state;
    m.install_rc = ERR_CONFLICT;
    rolled_back(INSTALL_INSTALL, "fail service: manager says no\n");
    says("ok rollback: service\nok rollback: config-file\nok rollback: programs\n");
    nothing_is_left();
}

static void a_plugin_folder_that_is_a_file_is_rolled_back(void **state)
{
    (void)state;
    put("bin", "no folder");
    rolled_back(INSTALL_INSTALL, "fail cni-plugin: ");
    nothing_is_left();
    assert_string_equal(m.order, "install remove");
    expect_text("bin", "no folder");
}

static void a_service_that_does_not_start_is_rolled_back(void **state)
{
    (void)state;
    put("pd/seine/logs/seine-agent.log",
        "t error agent: first\nt error agent: no switch\nt info x\n");
    auto_sbuf config = SBUF_INIT;
    sbuf_printf(&config, "objects: /o\nrun-dir: %s/pd/seine\n", root);
    put("pd/seine/config.yaml", config.data);
    m.start_rc = ERR_CLOSED;
    rolled_back(INSTALL_INSTALL,
                "fail start: it ended with code 2; its log: error agent: no switch\n");
    assert_string_equal(m.order, "install start stop remove");
    expect_text("pd/seine/config.yaml", config.data);
    assert_false(there("pf/Seine"));
    m.start_rc = 0;
    m.dies = true;
    rolled_back(INSTALL_INSTALL, "fail start: seine-agent: it ended with code 1");
    assert_false(there("pf/Seine"));
}

static void a_conflist_that_cannot_be_written_is_rolled_back(void **state)
{
    (void)state;
    put("conf", "no folder");
    rolled_back(INSTALL_INSTALL, "fail conflist: ");
    assert_string_equal(m.order, "install start stop remove");
    assert_false(there("pf/Seine"));
    assert_false(there("bin/seine-cni.exe"));
    assert_int_equal(m.service.state, SERVICE_IS_ABSENT);
}

/* ---- upgrading ---- */
static void upgrading_needs_an_installed_one(void **state)
{
    (void)state;
    assert_int_equal(RUN(UPGRADE, .json = false), 1);
    says("fail service: not installed: use install\n");
}

static void upgrading_replaces_and_keeps_the_configuration(void **state)
{
    (void)state;
    put("c.yaml", "objects: /o\n");
    auto_free char *config = at("c.yaml");
    assert_int_equal(RUN(INSTALL, .config = config), 0);
    put_media("2");
    assert_int_equal(RUN(UPGRADE, .json = false), 0);
    says("ok stop: seine-agent\nok programs: ");
    says("c.yaml");
    assert_string_equal(m.order, "stop start");
    assert_string_equal(m.program, "seine-agent.exe 2");
    expect_text("bin/seine-cni.exe", "seine-cni.exe 2");
    assert_int_equal(RUN(UPGRADE, .json = false), 0);
    assert_string_equal(m.order, "");
}

static void an_upgrade_that_does_not_run_is_taken_back(void **state)
{
    (void)state;
    assert_int_equal(RUN(INSTALL, .json = false), 0);
    put_media("2");
    m.start_rc = ERR_CLOSED;
    assert_int_equal(RUN(UPGRADE, .json = false), 1);
    says("fail start: it ended with code 2");
    /* The old one does not start either while the manager refuses: it is said. */
    says("fail rollback: stop: it ended with code 2\n");
    says("fail upgrade: could not be rolled back whole: see above\n");
    expect_text("pf/Seine/seine-agent.exe", "seine-agent.exe 1");
    m.start_rc = 0;
    m.service.state = SERVICE_IS_RUNNING;
    m.dies = true;
    assert_int_equal(RUN(UPGRADE, .json = false), 1);
    says("fail upgrade: rolled back: the node is as it was\n");
    assert_string_equal(m.order, "stop start stop start");
    assert_string_equal(m.program, "seine-agent.exe 1");
    expect_text("pf/Seine/seine-agent.exe", "seine-agent.exe 1");
    expect_text("bin/seine-cni.exe", "seine-cni.exe 1");
}

static void another_configuration_is_taken_back_too(void **state)
{
    (void)state;
    put("a.yaml", "objects: /o\n");
    put("b.yaml", "objects: /o\n");
    auto_free char *a = at("a.yaml");
    auto_free char *b = at("b.yaml");
    assert_int_equal(RUN(INSTALL, .config = a), 0);
    auto_free char *command = mem_strdup(m.service.command);
    m.dies = true;
    assert_int_equal(RUN(UPGRADE, .config = b), 1);
    assert_string_equal(m.service.command, command);
    m.dies = false;
    m.service.state = SERVICE_IS_RUNNING;
    assert_int_equal(RUN(UPGRADE, .config = b), 0);
    assert_non_null(strstr(m.service.command, "b.yaml"));
}

/* What an installer that was killed left behind is completed by the next one, and its copies are
 * the way back to what was whole. */
static void a_killed_upgrade_is_completed(void **state)
{
    (void)state;
    assert_int_equal(RUN(INSTALL, .json = false), 0);
    put_media("2");
    put("pf/Seine/seine-agent.exe.undo", "seine-agent.exe 1");
    put("pf/Seine/seine-agent.exe", "half");
    put("pf/Seine/seinectl.exe.new", "ha");
    m.dies = true;
    assert_int_equal(RUN(UPGRADE, .json = false), 1);
    expect_text("pf/Seine/seine-agent.exe", "seine-agent.exe 1");
    m.dies = false;
    m.service.state = SERVICE_IS_RUNNING;
    assert_int_equal(RUN(UPGRADE, .json = false), 0);
    expect_text("pf/Seine/seine-agent.exe", "seine-agent.exe 2");
    assert_false(there("pf/Seine/seine-agent.exe.undo"));
    assert_false(there("pf/Seine/seinectl.exe.new"));
    /* Killed when all files were in place: the next one has nothing to do, but that copy is no way
     * back any more. */
    put("pf/Seine/seine-agent.exe.undo", "seine-agent.exe 1");
    put("bin/seine-cni.exe.undo", "seine-cni.exe 1");
    put("conf/10-seine.conflist.new", "{");
    assert_int_equal(RUN(UPGRADE, .dry_run = true), 0);
    assert_true(there("pf/Seine/seine-agent.exe.undo"));
    assert_int_equal(RUN(UPGRADE, .json = false), 0);
    assert_false(there("pf/Seine/seine-agent.exe.undo") || there("bin/seine-cni.exe.undo"));
    assert_false(there("conf/10-seine.conflist.new"));
    put_media("3");
    m.dies = true;
    assert_int_equal(RUN(UPGRADE, .json = false), 1);
    expect_text("pf/Seine/seine-agent.exe", "seine-agent.exe 2");
}

/* ---- uninstalling ---- */
static void uninstalling_takes_the_conflist_first(void **state)
{
    (void)state;
    assert_int_equal(RUN(INSTALL, .json = false), 0);
    put("pd/seine/kept", "k");
    assert_int_equal(RUN(UNINSTALL, .dry_run = true), 0);
    says("would conflist: ");
    says("would service: ");
    assert_true(there("conf/10-seine.conflist"));
    assert_int_equal(RUN(UNINSTALL, .json = false), 0);
    assert_string_equal(m.order, "stop remove");
    assert_false(m.conflist_at_stop);
    assert_false(there("pf/Seine"));
    assert_false(there("bin/seine-cni.exe"));
    assert_false(there("conf/10-seine.conflist"));
    assert_true(there("pd/seine/kept"));
    assert_int_equal(RUN(UNINSTALL, .json = false), 0);
    says("skip service: seine-agent is not installed\n");
    assert_int_equal(RUN(UNINSTALL, .purge = true), 0);
    assert_false(there("pd/seine"));
}

static void a_service_that_stays_is_put_back(void **state)
{
    (void)state;
    assert_int_equal(RUN(INSTALL, .json = false), 0);
    auto_free char *command = mem_strdup(m.service.command);
    m.remove_rc = ERR_CONFLICT;
    rolled_back(INSTALL_UNINSTALL, "fail service: manager says no\n");
    assert_string_equal(m.order, "stop remove install command start");
    assert_string_equal(m.service.command, command);
    expect_text("pf/Seine/seine-agent.exe", "seine-agent.exe 1");
    expect_text("bin/seine-cni.exe", "seine-cni.exe 1");
    assert_true(there("conf/10-seine.conflist"));
    assert_false(there("conf/10-seine.conflist.undo"));
}

static void an_agent_that_sees_to_the_conflist_is_agreed_with(void **state)
{
    (void)state;
    auto_sbuf text = SBUF_INIT;
    auto_free char *config = at("told.yaml");
    auto_free char *command = NULL;
    sbuf_printf(&text, "objects: /o\ncni-config: %s/conf/10-seine.conflist\n", root);
    put("told.yaml", text.data);
    put("conf/99-other.conf", "{}");
    assert_int_equal(RUN(INSTALL, .config = config), 0);
    expect_text(
        "conf/10-seine.conflist",
        "{\n  \"cniVersion\": \"1.0.0\",\n  \"cniVersions\": [\"1.0.0\", \"1.1.0\"],\n"
        "  \"name\": \"seine\",\n  \"plugins\": [\n    {\"type\": \"seine-cni\"}\n  ]\n}\n");
    command = mem_strdup(m.service.command);
    m.puts_back = true;
    m.remove_rc = ERR_CONFLICT;
    rolled_back(INSTALL_UNINSTALL, "fail service: manager says no\n");
    assert_string_equal(m.service.command, command);
    assert_true(there("conf/10-seine.conflist"));
    m.remove_rc = 0;
    assert_int_equal(RUN(UNINSTALL, .json = false), 0);
    assert_false(m.conflist_at_stop);
    assert_false(there("conf/10-seine.conflist"));
    assert_true(there("conf/99-other.conf"));
}

/* ---- status, arguments ---- */
static void status_tells_what_is_not_right(void **state)
{
    (void)state;
    assert_int_equal(RUN(STATUS, .json = false), 1);
    says("fail service: not installed\n");
    assert_int_equal(RUN(INSTALL, .json = false), 0);
    m.ready = true;
    assert_int_equal(RUN(STATUS, .json = false), 0);
    says("ok service: running, pid 77, automatic, restarted on failure: \"");
    says("ok agent: ready\n");
    m.ready = false;
    put_media("2");
    assert_int_equal(RUN(STATUS, .json = false), 1);
    says("fail agent: not ready: no Node\n");
    says("(upgrade would replace them)");
    m.service.state = SERVICE_IS_STOPPED;
    m.service.pid = 0;
    m.service.exit_code = 2;
    assert_int_equal(RUN(STATUS, .json = false), 1);
    says("fail service: stopped, ended with code 2, ");
}

static void arguments_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *argv[4];
        int argc;
        const char *text;
    } bad[] = {
        {{"install", "-o"}, 2, "-o: needs a value"},
        {{"install", "-o", "xml"}, 3, "-o: 'xml' is not one of text, json"},
        {{"install", "--config"}, 2, "--config: needs a value"},
        {{"install", "--config="}, 2, "--config: needs a value"},
        {{"install", "--dry-run=yes"}, 2, "--dry-run: takes no value"},
        {{"install", "--what"}, 2, "--what: no such flag (see --help)"},
        {{"install", "now"}, 2, "now: no such flag (see --help)"},
        {{"install", "--purge"}, 2, "--purge: only with uninstall"},
    };
    struct install_options o;
    struct err err;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        char *argv[4];
        for (int k = 0; k < bad[i].argc; k++)
            argv[k] = mem_strdup(bad[i].argv[k]);
        assert_int_equal(install_parse(&o, bad[i].argc, argv, &err), ERR_INVALID);
        assert_string_equal(err.text, bad[i].text);
        for (int k = 0; k < bad[i].argc; k++)
            mem_free(argv[k]);
    }
    char verb[] = "uninstall", a[] = "--cni-bin-dir=x=y", b[] = "--purge", c[] = "-o", d[] = "json";
    char *argv[] = {verb, a, b, c, d};
    assert_int_equal(install_parse(&o, ARRAY_LEN(argv), argv, &err), 0);
    assert_string_equal(o.cni_bin_dir, "x=y");
    assert_true(o.purge && o.json && !o.dry_run);
    assert_true(install_is_verb("check") && !install_is_verb("run") && !install_is_verb(""));
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_node_gets_everything_the_conflist_last),
        TEST(twice_is_the_same_as_once),
        TEST(a_dry_run_changes_nothing),
        TEST(the_configuration_is_the_service_s),
        TEST(the_first_configuration_is_valid_whatever_the_path),
        TEST(containerd_says_where),
        TEST(an_earlier_conflist_is_named),
        TEST(without_a_service_only_the_runtime_s_side),
        TEST(each_requirement_is_held),
        TEST(open_vswitch_may_be_silent_or_nameless),
        TEST(checking_needs_no_administrator),
        TEST(a_missing_program_is_rolled_back),
        TEST(a_manager_that_refuses_is_rolled_back),
        TEST(a_plugin_folder_that_is_a_file_is_rolled_back),
        TEST(a_service_that_does_not_start_is_rolled_back),
        TEST(a_conflist_that_cannot_be_written_is_rolled_back),
        TEST(upgrading_needs_an_installed_one),
        TEST(upgrading_replaces_and_keeps_the_configuration),
        TEST(an_upgrade_that_does_not_run_is_taken_back),
        TEST(another_configuration_is_taken_back_too),
        TEST(a_killed_upgrade_is_completed),
        TEST(uninstalling_takes_the_conflist_first),
        TEST(a_service_that_stays_is_put_back),
        TEST(an_agent_that_sees_to_the_conflist_is_agreed_with),
        TEST(status_tells_what_is_not_right),
        TEST(arguments_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
