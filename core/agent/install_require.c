/* SPDX-License-Identifier: Apache-2.0
 *
 * Requirements: what must hold before anything is changed.  Each looks, tells, and leaves what it
 * found for the steps. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/agent/containerd.h"
#include "core/agent/install_internal.h"
#include "core/base/mem.h"
#include "platform/ipc.h"

/* Windows Server 2019; Open vSwitch's lines that have a Windows side; HNS with the interface of HCN
 * documents. */
enum {
    REQUIRE_WINDOWS_MAJOR = 10,
    REQUIRE_WINDOWS_BUILD = 17763,
    REQUIRE_OVS_MAJOR = 3,
    REQUIRE_OVS_MINOR_LAST = 7,
    REQUIRE_HNS_MAJOR = 9,
    REQUIRE_HNS_MINOR = 2
};

static bool require_changes_something(const struct install *i)
{
    return i->o->verb <= INSTALL_UPGRADE;
}

/* What may not be seen is no fault of the machine's. */
static enum install_result require_unseen(const struct install *i, const struct err *err)
{
    return err->code == ERR_PERMISSION && !require_changes_something(i) ? INSTALL_SKIP
                                                                        : INSTALL_FAIL;
}

static enum install_result require_administrator(struct install *i, struct sbuf *detail)
{
    if (i->system->is_administrator()) {
        sbuf_puts(detail, "yes");
        return INSTALL_OK;
    }
    if (require_changes_something(i) && !i->o->dry_run) {
        sbuf_puts(detail, "run this as Administrator");
        return INSTALL_FAIL;
    }
    sbuf_puts(detail, "not Administrator: what only Administrators may read is not seen");
    return INSTALL_SKIP;
}

static enum install_result require_windows(struct install *i, struct sbuf *detail)
{
    struct setup_version v;
    struct err err = {0};
    if (i->system->system_version(&v, &err) < 0) {
        sbuf_puts(detail, err.text);
        return INSTALL_FAIL;
    }
    sbuf_printf(detail, "%u.%u.%u", (unsigned)v.major, (unsigned)v.minor, (unsigned)v.build);
    if (v.major < REQUIRE_WINDOWS_MAJOR ||
        (v.major == REQUIRE_WINDOWS_MAJOR && v.build < REQUIRE_WINDOWS_BUILD)) {
        sbuf_printf(detail, ": Seine needs build %d (Windows Server 2019) or newer",
                    REQUIRE_WINDOWS_BUILD);
        return INSTALL_FAIL;
    }
    return INSTALL_OK;
}

static enum install_result require_hns(struct install *i, struct sbuf *detail)
{
    struct setup_version v;
    struct err err = {0};
    if (i->system->hns_version(&v, &err) < 0) {
        sbuf_printf(detail, "%s%s", err.text,
                    err.code == ERR_UNSUPPORTED ? ": enable the Windows feature Containers" : "");
        return require_unseen(i, &err);
    }
    sbuf_printf(detail, "%u.%u", (unsigned)v.major, (unsigned)v.minor);
    if (v.major < REQUIRE_HNS_MAJOR ||
        (v.major == REQUIRE_HNS_MAJOR && v.minor < REQUIRE_HNS_MINOR)) {
        sbuf_printf(detail, ": Seine needs %d.%d or newer", REQUIRE_HNS_MAJOR, REQUIRE_HNS_MINOR);
        return INSTALL_FAIL;
    }
    return INSTALL_OK;
}

/* ---- the agent's configuration ---- */
/* The value of --config in the command line of an installed service; NULL: none. */
static char *require_config_of(const char *command)
{
    static const char flag[] = " --config ";
    const char *p = strstr(command, flag);
    if (!p) {
        return NULL;
    }
    p += strlen(flag);
    bool quoted = *p == '"';
    p += quoted;
    return mem_strndup(p, strcspn(p, quoted ? "\"" : " "));
}

static int require_config_path(struct install *i, struct err *err)
{
    if (i->o->config) {
        return setup_full_path(i->o->config, &i->config, err);
    }
    i->config = require_config_of(i->service.command);
    if (!i->config) {
        i->config = install_path(i, i->data, "config.yaml");
    }
    return 0;
}

static enum install_result require_config(struct install *i, struct sbuf *detail)
{
    struct err err = {0};
    char program[] = "seine-agent", flag[] = "--config", objects[] = "--objects";
    if (require_config_path(i, &err) < 0) {
        sbuf_puts(detail, err.text);
        return INSTALL_FAIL;
    }
    i->config_exists = install_file_exists(i->config);
    bool invented = !i->config_exists && !i->o->config;
    char *argv[] = {program, invented ? objects : flag, invented ? i->data : i->config};
    options_done(&i->agent);
    if (options_parse(&i->agent, ARRAY_LEN(argv), argv, &err) < 0) {
        sbuf_puts(detail, err.text);
        return require_unseen(i, &err);
    }
    sbuf_printf(detail, "%s%s", i->config,
                !invented                       ? ""
                : i->system->is_administrator() ? ": not there yet"
                                                : ": not there, or not to be seen");
    return invented ? INSTALL_SKIP : INSTALL_OK;
}

/* ---- Open vSwitch ---- */
/* The first "N.N" of the text. */
static bool require_version(const char *text, unsigned *major, unsigned *minor)
{
    for (const char *p = text; *p; p++) {
        if (*p < '0' || *p > '9' || (p != text && p[-1] >= '0' && p[-1] <= '9')) {
            continue;
        }
        if (sscanf(p, "%3u.%3u", major, minor) == 2) {
            return true;
        }
    }
    return false;
}

static enum install_result require_ovs_line(const char *version, struct sbuf *detail)
{
    unsigned major, minor;
    if (!require_version(version, &major, &minor)) {
        sbuf_puts(detail, ": its version is not told");
        return INSTALL_SKIP;
    }
    if (major != REQUIRE_OVS_MAJOR || minor > REQUIRE_OVS_MINOR_LAST) {
        sbuf_printf(detail, ": Seine on Windows needs one of the lines %d.0 to %d.%d",
                    REQUIRE_OVS_MAJOR, REQUIRE_OVS_MAJOR, REQUIRE_OVS_MINOR_LAST);
        return INSTALL_FAIL;
    }
    return INSTALL_OK;
}

/* Installed, whether it runs or not. */
static enum install_result require_ovs_installed(struct install *i, const struct err *silent,
                                                 struct sbuf *detail)
{
    auto_free char *program = NULL;
    char version[128] = "";
    struct err err = {0};
    if (i->system->ovs_installed(&program, version, sizeof version, &err) < 0) {
        sbuf_printf(detail, "%s; %s", silent->text, err.text);
        return silent->code == ERR_PERMISSION ? require_unseen(i, silent) : INSTALL_FAIL;
    }
    sbuf_printf(detail, "%s (%s); it does not answer now: %s", version, program, silent->text);
    return require_ovs_line(version, detail);
}

static enum install_result require_ovs(struct install *i, struct sbuf *detail)
{
    char version[128] = "";
    struct err err = {0};
    if (!i->agent.ovsdb || !i->agent.ovsdb[0]) {
        sbuf_puts(detail, "the configuration does not say where it is");
        return INSTALL_SKIP;
    }
    if (strcmp(i->agent.datapath_type, "hns") == 0) {
        sbuf_puts(detail, "not needed with datapath-type hns");
        return INSTALL_SKIP;
    }
    if (i->system->ovs_answers(&i->agent, version, sizeof version, &err) < 0) {
        return require_ovs_installed(i, &err, detail);
    }
    auto_free char *program = NULL;
    bool told =
        version[0] || i->system->ovs_installed(&program, version, sizeof version, NULL) == 0;
    sbuf_printf(detail, "%s%sanswers at %s", told ? version : "", told ? ", " : "", i->agent.ovsdb);
    return require_ovs_line(version, detail);
}

/* ---- containerd ---- */
static char *require_builtin(const struct install *i, const char *leaf)
{
    auto_free char *a = install_path(i, i->system->program_files, "containerd");
    auto_free char *b = install_path(i, a, "cni");
    return install_path(i, b, leaf);
}

static char *require_dir(const struct install *i, const char *given, const char *said,
                         const char *builtin)
{
    char *full = NULL;
    const char *dir = given ? given : said;
    if (dir && setup_full_path(dir, &full, NULL) == 0) {
        return full;
    }
    return require_builtin(i, builtin);
}

/* Reads the file if it is there.  SKIP: it is not. */
static enum install_result require_containerd_file(struct install *i, const char *path,
                                                   struct containerd_conf *conf,
                                                   struct sbuf *detail)
{
    auto_free char *text = NULL;
    size_t n = 0;
    uint32_t line = 0;
    struct err err = {0};
    int rc = file_read(path, CONTAINERD_LIMIT, &text, &n, &err);
    if (rc == ERR_NOT_FOUND && !i->o->containerd_config) {
        sbuf_printf(detail, "no %s", path);
        return INSTALL_SKIP;
    }
    if (rc < 0) {
        sbuf_puts(detail, err.text);
        return require_unseen(i, &err);
    }
    if (containerd_conf_parse(text, n, conf, &line, &err) < 0) {
        sbuf_printf(detail, "%s:%u: %s", path, (unsigned)line, err.text);
        return INSTALL_FAIL;
    }
    sbuf_printf(detail, "%s", path);
    i->containerd_version = conf->version;
    return INSTALL_OK;
}

static enum install_result require_containerd(struct install *i, struct sbuf *detail)
{
    PORT_CLEANUP(containerd_conf_done) struct containerd_conf conf = {0};
    auto_free char *home = install_path(i, i->system->program_files, "containerd");
    auto_free char *standard = install_path(i, home, "config.toml");
    bool both = i->o->cni_bin_dir && i->o->cni_conf_dir;
    const char *path = i->o->containerd_config ? i->o->containerd_config : standard;
    enum install_result r = require_containerd_file(i, path, &conf, detail);
    i->bin_dir = require_dir(i, i->o->cni_bin_dir, conf.bin_dir, "bin");
    i->conf_dir = require_dir(i, i->o->cni_conf_dir, conf.conf_dir, "conf");
    if (r == INSTALL_FAIL && both && !i->o->containerd_config) {
        r = INSTALL_SKIP; /* its folders are given: what is wrong with it is not our matter */
    }
    if (r == INSTALL_SKIP && !both && !setup_is_folder(home)) {
        sbuf_puts(detail, ": give --containerd-config, or --cni-bin-dir and --cni-conf-dir");
        return i->o->verb == INSTALL_UNINSTALL ? INSTALL_SKIP : INSTALL_FAIL;
    }
    if (r != INSTALL_FAIL) {
        sbuf_printf(detail, ": plugins in %s, configuration in %s", i->bin_dir, i->conf_dir);
    }
    return r;
}

/* ---- all of them ---- */
static enum install_result require_service(struct install *i, struct sbuf *detail)
{
    struct err err = {0};
    if (i->system->service_query(INSTALL_SERVICE, &i->service, &err) < 0) {
        sbuf_puts(detail, err.text);
        return require_unseen(i, &err);
    }
    if (i->o->verb == INSTALL_UPGRADE && i->service.state == SERVICE_IS_ABSENT &&
        !i->o->no_service) {
        sbuf_puts(detail, "not installed: use install");
        return INSTALL_FAIL;
    }
    return INSTALL_OK; /* what it is like is told by the steps */
}

static const struct {
    const char *name;
    enum install_result (*look)(struct install *i, struct sbuf *detail);
    uint32_t verbs;
} require_table[] = {
#define ON(verb) (1U << INSTALL_##verb)
#define ALL (ON(INSTALL) | ON(UPGRADE) | ON(CHECK) | ON(STATUS))
    {"administrator", require_administrator, ON(INSTALL) | ON(UPGRADE) | ON(CHECK) | ON(UNINSTALL)},
    {"windows", require_windows, ON(INSTALL) | ON(UPGRADE) | ON(CHECK)},
    {"service", require_service, ALL | ON(UNINSTALL)},
    {"hns", require_hns, ALL},
    {"config", require_config, ALL},
    {"openvswitch", require_ovs, ALL},
    {"containerd", require_containerd, ALL | ON(UNINSTALL)},
#undef ALL
#undef ON
};

bool install_require(struct install *i)
{
    bool all = true;
    for (size_t n = 0; n < ARRAY_LEN(require_table); n++) {
        auto_sbuf detail = SBUF_INIT;
        if (!(require_table[n].verbs >> i->o->verb & 1)) {
            continue;
        }
        enum install_result r = require_table[n].look(i, &detail);
        if (r != INSTALL_OK || detail.len) {
            install_tell(i, r, require_table[n].name, "%s", sbuf_cstr(&detail));
        }
        all = all && r != INSTALL_FAIL;
    }
    return all;
}
