/* SPDX-License-Identifier: Apache-2.0
 *
 * Steps: each finds out what is to be done; if nothing, it is skipped; with --dry-run it says what
 * it would do.  The network configuration comes last when installing and goes first when
 * uninstalling: as long as it lies there, the kubelet believes that Pods can have a network. */
#include <string.h>

#include "core/agent/cni_files.h"
#include "core/agent/config_file.h"
#include "core/agent/install_internal.h"
#include "core/base/mem.h"
#include "platform/ipc.h"

enum {
    STEP_START_MS = 60000, /* the service manager itself gives up after 30 s */
    STEP_STOP_MS = 30000,
    STEP_SETTLE_MS = 2000, /* a service that ends sooner than this did not start */
    STEP_SETTLE_STEP_MS = 250,
    STEP_LOG_LIMIT = 16 << 20,
    STEP_DEPTH = 8
};

#define STEP_PLUGIN "seine-cni.exe"
static const char *const step_programs[] = {"seine-agent.exe", STEP_PLUGIN, "seinectl.exe"};

static enum install_result step_fail(struct sbuf *detail, const struct err *err)
{
    sbuf_clear(detail);
    sbuf_puts(detail, err->text);
    return INSTALL_FAIL;
}

/* What a step says of something that is to be done: with --dry-run that is all. */
static bool step_only_tells(const struct install *i)
{
    return i->o->dry_run;
}

static char *step_source(const struct install *i, const char *name)
{
    return install_path(i, i->system->own_folder, name);
}

static bool step_programs_differ(const struct install *i)
{
    for (size_t n = 0; n < ARRAY_LEN(step_programs); n++) {
        auto_free char *from = step_source(i, step_programs[n]);
        auto_free char *to = install_path(i, i->programs, step_programs[n]);
        if (!setup_is_same_file(from, to) && !install_files_equal(from, to)) {
            return true;
        }
    }
    return false;
}

/* ---- the service's command line ---- */
static char *step_command(const struct install *i)
{
    auto_free char *program = install_path(i, i->programs, step_programs[0]);
    auto_sbuf command = SBUF_INIT;
    bool quoted = strpbrk(i->config, " \t") != NULL;
    sbuf_printf(&command, "\"%s\" --config %s%s%s", program, quoted ? "\"" : "", i->config,
                quoted ? "\"" : "");
    return sbuf_take(&command);
}

static bool step_service_differs(const struct install *i)
{
    auto_free char *command = step_command(i);
    bool fails_for_good = i->service.restarts_known && !i->service.restarts;
    return i->service.state == SERVICE_IS_ABSENT || !i->service.automatic || fails_for_good ||
           strcmp(command, i->service.command) != 0;
}

/* ---- stop ---- */
static int step_undo_stop(struct install *i, const struct install_undo *u, struct err *err)
{
    (void)u;
    return i->system->service_start(INSTALL_SERVICE, STEP_START_MS, err);
}

static bool step_is_stopped(const struct install *i)
{
    return i->service.state == SERVICE_IS_ABSENT || i->service.state == SERVICE_IS_STOPPED;
}

static enum install_result step_stop(struct install *i, struct sbuf *detail)
{
    struct err err = {0};
    sbuf_puts(detail, INSTALL_SERVICE);
    if (step_is_stopped(i)) {
        sbuf_puts(detail, " does not run");
        return INSTALL_SKIP;
    }
    if (step_only_tells(i)) {
        return INSTALL_WOULD;
    }
    install_push(i, (struct install_undo){.undo = step_undo_stop, .what = "stop"});
    return i->system->service_stop(INSTALL_SERVICE, STEP_STOP_MS, &err) < 0
               ? step_fail(detail, &err)
               : INSTALL_OK;
}

/* Installing stops a service only if there is something to change under it. */
static enum install_result step_stop_to_change(struct install *i, struct sbuf *detail)
{
    if (!step_is_stopped(i) && !step_programs_differ(i) && !step_service_differs(i)) {
        sbuf_puts(detail, "nothing to change under the service");
        return INSTALL_SKIP;
    }
    return step_stop(i, detail);
}

/* ---- programs ---- */
static enum install_result step_put_programs(struct install *i, struct sbuf *detail)
{
    struct err err = {0};
    if (!step_programs_differ(i)) {
        sbuf_printf(detail, "%s has them", i->programs);
        return INSTALL_SKIP;
    }
    sbuf_printf(detail, "to %s", i->programs);
    if (step_only_tells(i)) {
        return INSTALL_WOULD;
    }
    if (install_put_folder(i, "programs", i->programs, &err) < 0) {
        return step_fail(detail, &err);
    }
    for (size_t n = 0; n < ARRAY_LEN(step_programs); n++) {
        auto_free char *from = step_source(i, step_programs[n]);
        auto_free char *to = install_path(i, i->programs, step_programs[n]);
        if (!install_files_equal(from, to) && install_put_file(i, "programs", from, to, &err) < 0) {
            return step_fail(detail, &err);
        }
    }
    return INSTALL_OK;
}

static int step_undo_drop_folder(struct install *i, const struct install_undo *u, struct err *err)
{
    (void)i;
    return setup_make_folder(u->path, err);
}

static void step_commit_drop_folder(struct install *i, const struct install_undo *u)
{
    (void)i;
    setup_remove_folder(u->path, NULL);
}

static enum install_result step_drop_programs(struct install *i, struct sbuf *detail)
{
    struct err err = {0};
    sbuf_printf(detail, "from %s", i->programs);
    if (!setup_is_folder(i->programs)) {
        sbuf_clear(detail);
        sbuf_printf(detail, "no %s", i->programs);
        return INSTALL_SKIP;
    }
    if (step_only_tells(i)) {
        return INSTALL_WOULD;
    }
    /* Committed last, when the folder's files are gone (commits run in the stack's order). */
    install_push(i, (struct install_undo){.undo = step_undo_drop_folder,
                                          .commit = step_commit_drop_folder,
                                          .what = "programs",
                                          .path = mem_strdup(i->programs)});
    for (size_t n = 0; n < ARRAY_LEN(step_programs); n++) {
        auto_free char *path = install_path(i, i->programs, step_programs[n]);
        if (install_drop_file(i, "programs", path, &err) < 0) {
            return step_fail(detail, &err);
        }
    }
    return INSTALL_OK;
}

/* ---- the agent's configuration ---- */
static enum install_result step_put_config(struct install *i, struct sbuf *detail)
{
    struct err err = {0};
    auto_sbuf text = SBUF_INIT;
    auto_sbuf objects = SBUF_INIT;
    config_file_default(i->config, &text, &objects);
    sbuf_puts(detail, i->config);
    if (i->config_exists) {
        return INSTALL_SKIP;
    }
    sbuf_printf(detail, ", with objects: %s", objects.data);
    if (step_only_tells(i)) {
        return INSTALL_WOULD;
    }
    int rc = install_put_private_folder(i, "config-file", i->data, &err);
    rc = rc < 0 ? rc : install_put_private_folder(i, "config-file", objects.data, &err);
    rc = rc < 0 ? rc : install_put_text(i, "config-file", i->config, text.data, &err);
    return rc < 0 ? step_fail(detail, &err) : INSTALL_OK;
}

/* ---- the service ---- */
static int step_undo_service(struct install *i, const struct install_undo *u, struct err *err)
{
    return u->kept ? i->system->service_set_command(INSTALL_SERVICE, u->kept, err)
                   : i->system->service_remove(INSTALL_SERVICE, err);
}

static int step_make_service(const struct install *i, struct err *err)
{
    auto_free char *program = install_path(i, i->programs, step_programs[0]);
    const char *const args[] = {"--config", i->config ? i->config : ""};
    const struct service_spec spec = {
        .name = INSTALL_SERVICE,
        .display = "Seine node agent",
        .description = "Pod network, Services and network policy of this Kubernetes node",
        .program = program,
        .args = args,
        .n_args = ARRAY_LEN(args)};
    return i->system->service_install(&spec, err);
}

static int step_undo_drop_service(struct install *i, const struct install_undo *u, struct err *err)
{
    int rc = step_make_service(i, err);
    return rc < 0 ? rc : i->system->service_set_command(INSTALL_SERVICE, u->kept, err);
}

static enum install_result step_put_service(struct install *i, struct sbuf *detail)
{
    struct err err = {0};
    auto_free char *command = step_command(i);
    sbuf_printf(detail, "%s: automatic, restarted on failure: %s", INSTALL_SERVICE, command);
    if (!step_service_differs(i)) {
        return INSTALL_SKIP;
    }
    if (step_only_tells(i)) {
        return INSTALL_WOULD;
    }
    bool absent = i->service.state == SERVICE_IS_ABSENT;
    install_push(i, (struct install_undo){.undo = step_undo_service,
                                          .what = "service",
                                          .kept = absent ? NULL : mem_strdup(i->service.command)});
    return step_make_service(i, &err) < 0 ? step_fail(detail, &err) : INSTALL_OK;
}

static enum install_result step_drop_service(struct install *i, struct sbuf *detail)
{
    struct err err = {0};
    sbuf_puts(detail, INSTALL_SERVICE);
    if (i->service.state == SERVICE_IS_ABSENT) {
        sbuf_puts(detail, " is not installed");
        return INSTALL_SKIP;
    }
    if (step_only_tells(i)) {
        return INSTALL_WOULD;
    }
    install_push(i, (struct install_undo){.undo = step_undo_drop_service,
                                          .what = "service",
                                          .kept = mem_strdup(i->service.command)});
    return i->system->service_remove(INSTALL_SERVICE, &err) < 0 ? step_fail(detail, &err)
                                                                : INSTALL_OK;
}

/* The last line of the agent's log that tells an error. */
static void step_log_says(const struct install *i, struct sbuf *detail)
{
    auto_sbuf path = SBUF_INIT;
    auto_free char *text = NULL;
    const char *last = NULL;
    size_t n = 0;
    sbuf_printf(&path, "%s/logs/seine-agent.log", i->agent.run_dir ? i->agent.run_dir : i->data);
    if (file_read(path.data, STEP_LOG_LIMIT, &text, &n, NULL) < 0) {
        return;
    }
    for (const char *p = strstr(text, " error "); p; p = strstr(p + 1, " error ")) {
        last = p + 1;
    }
    if (last) {
        sbuf_printf(detail, "; its log: %.*s", (int)strcspn(last, "\r\n"), last);
    }
}

/* Runs, and goes on running. */
static int step_start_service(struct install *i, struct err *err)
{
    int rc = i->system->service_start(INSTALL_SERVICE, STEP_START_MS, err);
    for (int waited = 0; rc == 0 && waited < STEP_SETTLE_MS; waited += STEP_SETTLE_STEP_MS) {
        struct service_status now;
        i->system->sleep_ms(STEP_SETTLE_STEP_MS);
        rc = i->system->service_query(INSTALL_SERVICE, &now, err);
        if (rc == 0 && now.state != SERVICE_IS_RUNNING) {
            rc = err_set(err, ERR_CLOSED, "%s: it ended with code %u", INSTALL_SERVICE,
                         (unsigned)now.exit_code);
        }
    }
    return rc;
}

static int step_undo_start(struct install *i, const struct install_undo *u, struct err *err)
{
    (void)u;
    return i->system->service_stop(INSTALL_SERVICE, STEP_STOP_MS, err);
}

static enum install_result step_start(struct install *i, struct sbuf *detail)
{
    struct err err = {0};
    struct service_status now = {0};
    if (i->system->service_query(INSTALL_SERVICE, &now, NULL) == 0 &&
        now.state == SERVICE_IS_RUNNING && !i->o->dry_run) {
        sbuf_printf(detail, "%s runs: pid %u", INSTALL_SERVICE, (unsigned)now.pid);
        return INSTALL_SKIP;
    }
    sbuf_puts(detail, INSTALL_SERVICE);
    if (step_only_tells(i)) {
        bool stays = !step_is_stopped(i) && !step_programs_differ(i) && !step_service_differs(i);
        return stays ? INSTALL_SKIP : INSTALL_WOULD;
    }
    install_push(i, (struct install_undo){.undo = step_undo_start, .what = "start"});
    if (step_start_service(i, &err) < 0) {
        step_fail(detail, &err);
        step_log_says(i, detail);
        return INSTALL_FAIL;
    }
    if (i->system->service_query(INSTALL_SERVICE, &now, NULL) == 0) {
        sbuf_printf(detail, " runs: pid %u", (unsigned)now.pid);
    }
    return INSTALL_OK;
}

/* ---- the runtime's side ---- */
static enum install_result step_put_plugin(struct install *i, struct sbuf *detail)
{
    struct err err = {0};
    auto_free char *from = step_source(i, STEP_PLUGIN);
    auto_free char *to = install_path(i, i->bin_dir, STEP_PLUGIN);
    sbuf_puts(detail, to);
    if (install_files_equal(from, to)) {
        return INSTALL_SKIP;
    }
    if (step_only_tells(i)) {
        return INSTALL_WOULD;
    }
    int rc = install_put_folder(i, "cni-plugin", i->bin_dir, &err);
    rc = rc < 0 ? rc : install_put_file(i, "cni-plugin", from, to, &err);
    return rc < 0 ? step_fail(detail, &err) : INSTALL_OK;
}

static enum install_result step_drop(struct install *i, const char *what, const char *dir,
                                     const char *name, struct sbuf *detail)
{
    struct err err = {0};
    auto_free char *path = install_path(i, dir, name);
    bool there = install_file_exists(path);
    sbuf_printf(detail, "%s%s", there ? "" : "no ", path);
    if (!there || step_only_tells(i)) {
        return there ? INSTALL_WOULD : INSTALL_SKIP;
    }
    return install_drop_file(i, what, path, &err) < 0 ? step_fail(detail, &err) : INSTALL_OK;
}

static enum install_result step_drop_plugin(struct install *i, struct sbuf *detail)
{
    return step_drop(i, "cni-plugin", i->bin_dir, STEP_PLUGIN, detail);
}

/* Whether the agent is told (--cni-config) to see to this very file: it would put its own text in
 * place of another. */
static bool step_agent_has_conflist(const struct install *i)
{
    const char *file = i->agent.cni_config;
    size_t n = file ? strlen(file) : 0, m = strlen(INSTALL_CONFLIST);
    if (n < m || strcmp(file + n - m, INSTALL_CONFLIST) != 0) {
        return false;
    }
    auto_free char *dir = cni_files_config_folder(&i->agent);
    return setup_is_same_file(dir, i->conf_dir);
}

/* The version of CNI is the newest that the runtime surely knows: containerd 2 reads 1.1.0, earlier
 * ones refuse it. */
static void step_conflist_text(const struct install *i, struct sbuf *out)
{
    if (step_agent_has_conflist(i)) {
        cni_files_config(&i->agent, out);
        return;
    }
    sbuf_printf(out, "{\n  \"cniVersion\": \"%s\",\n  \"name\": \"seine\",\n  \"plugins\": [\n",
                i->containerd_version >= 3 ? "1.1.0" : "1.0.0");
    sbuf_puts(out, "    {\n      \"type\": \"seine-cni\"");
    if (i->agent.socket && i->agent.socket[0]) {
        sbuf_puts(out, ",\n      \"socket\": ");
        sbuf_put_json(out, i->agent.socket);
    }
    sbuf_puts(out, "\n    }\n  ]\n}\n");
}

/* The runtime takes the first file in byte order. */
static void step_conflist_first(const struct install *i, struct sbuf *detail)
{
    char **names = NULL;
    size_t n = 0;
    if (file_list(i->conf_dir, &names, &n, NULL) < 0) {
        return;
    }
    for (size_t k = 0; k < n; k++) {
        const char *dot = strrchr(names[k], '.');
        bool counts =
            dot && (!strcmp(dot, ".conf") || !strcmp(dot, ".conflist") || !strcmp(dot, ".json"));
        if (k == 0 && counts && strcmp(names[k], INSTALL_CONFLIST) < 0) {
            sbuf_printf(detail, " (warning: the runtime takes %s before it)", names[k]);
        }
        mem_free(names[k]);
    }
    mem_free(names);
}

static enum install_result step_put_conflist(struct install *i, struct sbuf *detail)
{
    struct err err = {0};
    auto_sbuf text = SBUF_INIT;
    auto_free char *path = install_path(i, i->conf_dir, INSTALL_CONFLIST);
    auto_free char *now = NULL;
    size_t n = 0;
    step_conflist_text(i, &text);
    sbuf_puts(detail, path);
    step_conflist_first(i, detail);
    if (file_read(path, STEP_LOG_LIMIT, &now, &n, NULL) == 0 && strcmp(now, text.data) == 0) {
        return INSTALL_SKIP;
    }
    if (step_only_tells(i)) {
        return INSTALL_WOULD;
    }
    int rc = install_put_folder(i, "conflist", i->conf_dir, &err);
    rc = rc < 0 ? rc : install_put_text(i, "conflist", path, text.data, &err);
    return rc < 0 ? step_fail(detail, &err) : INSTALL_OK;
}

static enum install_result step_drop_conflist(struct install *i, struct sbuf *detail)
{
    return step_drop(i, "conflist", i->conf_dir, INSTALL_CONFLIST, detail);
}

/* An agent that sees to the network configuration may have put it back before it stopped.  The way
 * back is on the stack already. */
static enum install_result step_stop_for_good(struct install *i, struct sbuf *detail)
{
    struct err err = {0};
    enum install_result r = step_stop(i, detail);
    auto_free char *path = install_path(i, i->conf_dir, INSTALL_CONFLIST);
    if (r == INSTALL_OK && setup_remove_file(path, &err) < 0) {
        return step_fail(detail, &err);
    }
    return r;
}

/* ---- data ---- */
static int step_purge(const struct install *i, const char *dir, int depth, struct err *err)
{
    char **names = NULL;
    size_t n = 0;
    int rc = file_list(dir, &names, &n, err);
    if (rc < 0) {
        return rc == ERR_NOT_FOUND ? 0 : rc;
    }
    for (size_t k = 0; k < n; k++) {
        auto_free char *path = install_path(i, dir, names[k]);
        if (rc == 0) {
            rc = !setup_is_folder(path) ? setup_remove_file(path, err)
                 : depth < STEP_DEPTH   ? step_purge(i, path, depth + 1, err)
                                        : err_set(err, ERR_TOO_BIG, "%s: too deep", path);
        }
        mem_free(names[k]);
    }
    mem_free(names);
    return rc < 0 ? rc : setup_remove_folder(dir, err);
}

/* After everything else went well: there is no way back from here. */
static enum install_result step_data(struct install *i, struct sbuf *detail)
{
    struct err err = {0};
    sbuf_puts(detail, i->data);
    if (!i->o->purge || !setup_is_folder(i->data)) {
        sbuf_puts(detail,
                  setup_is_folder(i->data) ? " stays (--purge removes it)" : " is not there");
        return INSTALL_SKIP;
    }
    if (step_only_tells(i)) {
        return INSTALL_WOULD;
    }
    return step_purge(i, i->data, 0, &err) < 0 ? step_fail(detail, &err) : INSTALL_OK;
}

/* ---- after all went well ---- */
static void step_clean_beside(const char *path)
{
    static const char *const ends[] = {".undo", ".new", ".old"};
    for (size_t n = 0; n < ARRAY_LEN(ends); n++) {
        auto_sbuf name = SBUF_INIT;
        sbuf_printf(&name, "%s%s", path, ends[n]);
        setup_remove_file(name.data, NULL);
    }
}

void install_clean(const struct install *i)
{
    for (size_t n = 0; n < ARRAY_LEN(step_programs); n++) {
        auto_free char *path = install_path(i, i->programs, step_programs[n]);
        step_clean_beside(path);
    }
    auto_free char *plugin = install_path(i, i->bin_dir, STEP_PLUGIN);
    auto_free char *conflist = install_path(i, i->conf_dir, INSTALL_CONFLIST);
    step_clean_beside(plugin);
    step_clean_beside(conflist);
}

/* ---- status ---- */
static enum install_result step_tell_service(struct install *i, struct sbuf *detail)
{
    static const char *const names[] = {
        [SERVICE_IS_ABSENT] = "not installed", [SERVICE_IS_STOPPED] = "stopped",
        [SERVICE_IS_STARTING] = "starting",    [SERVICE_IS_STOPPING] = "stopping",
        [SERVICE_IS_RUNNING] = "running",      [SERVICE_IS_OTHER] = "paused",
    };
    const struct service_status *s = &i->service;
    sbuf_puts(detail, names[s->state]);
    if (s->state == SERVICE_IS_ABSENT) {
        return INSTALL_FAIL;
    }
    if (s->pid) {
        sbuf_printf(detail, ", pid %u", (unsigned)s->pid);
    }
    if (s->state == SERVICE_IS_STOPPED && s->exit_code) {
        sbuf_printf(detail, ", ended with code %u", (unsigned)s->exit_code);
    }
    sbuf_printf(detail, ", %s, %s", s->automatic ? "automatic" : "not automatic",
                s->restarts         ? "restarted on failure"
                : s->restarts_known ? "not restarted on failure"
                                    : "whether restarted on failure is not told");
    if (s->command[0]) {
        sbuf_printf(detail, ": %s", s->command);
    }
    return s->state == SERVICE_IS_RUNNING ? INSTALL_OK : INSTALL_FAIL;
}

static enum install_result step_tell_file(const char *path, struct sbuf *detail)
{
    bool there = install_file_exists(path);
    sbuf_printf(detail, "%s%s", there ? "" : "no ", path);
    return there ? INSTALL_OK : INSTALL_FAIL;
}

static enum install_result step_tell_programs(struct install *i, struct sbuf *detail)
{
    for (size_t n = 0; n < ARRAY_LEN(step_programs); n++) {
        auto_free char *path = install_path(i, i->programs, step_programs[n]);
        if (!install_file_exists(path)) {
            return step_tell_file(path, detail);
        }
    }
    bool other = step_programs_differ(i);
    sbuf_printf(detail, "%s%s", i->programs,
                other ? ": not the same as beside this program (upgrade would replace them)" : "");
    return INSTALL_OK;
}

static enum install_result step_tell_plugin(struct install *i, struct sbuf *detail)
{
    auto_free char *path = install_path(i, i->bin_dir, STEP_PLUGIN);
    return step_tell_file(path, detail);
}

static enum install_result step_tell_conflist(struct install *i, struct sbuf *detail)
{
    auto_free char *path = install_path(i, i->conf_dir, INSTALL_CONFLIST);
    enum install_result r = step_tell_file(path, detail);
    step_conflist_first(i, detail);
    return r;
}

static enum install_result step_tell_agent(struct install *i, struct sbuf *detail)
{
    struct err err = {0};
    bool ready = false;
    if (!i->agent.socket || !i->agent.socket[0]) {
        sbuf_puts(detail, "the configuration could not be read");
        return INSTALL_SKIP;
    }
    int rc = i->system->agent_ready(&i->agent, &ready, detail, &err);
    if (rc < 0) {
        step_fail(detail, &err);
        return rc == ERR_PERMISSION ? INSTALL_SKIP : INSTALL_FAIL;
    }
    if (ready) {
        sbuf_puts(detail, "ready");
    }
    return ready ? INSTALL_OK : INSTALL_FAIL;
}

static const struct install_step steps_install[] = {
    {"stop", step_stop_to_change, true},     {"programs", step_put_programs, true},
    {"config-file", step_put_config, false}, {"service", step_put_service, true},
    {"cni-plugin", step_put_plugin, false},  {"start", step_start, true},
    {"conflist", step_put_conflist, false},  {NULL, NULL, false},
};
static const struct install_step steps_uninstall[] = {
    {"conflist", step_drop_conflist, false},
    {"stop", step_stop_for_good, true},
    {"cni-plugin", step_drop_plugin, false},
    {"programs", step_drop_programs, true},
    {"service", step_drop_service, true},
    {"data", step_data, false},
    {NULL, NULL, false},
};
static const struct install_step steps_status[] = {
    {"service", step_tell_service, true},    {"programs", step_tell_programs, true},
    {"cni-plugin", step_tell_plugin, false}, {"conflist", step_tell_conflist, false},
    {"agent", step_tell_agent, false},       {NULL, NULL, false},
};
static const struct install_step steps_check[] = {{NULL, NULL, false}};

const struct install_step *install_steps(enum install_verb verb)
{
    static const struct install_step *const all[INSTALL_N_VERBS] = {
        [INSTALL_INSTALL] = steps_install, [INSTALL_UNINSTALL] = steps_uninstall,
        [INSTALL_UPGRADE] = steps_install, [INSTALL_STATUS] = steps_status,
        [INSTALL_CHECK] = steps_check,
    };
    return all[verb];
}
