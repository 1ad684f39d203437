/* SPDX-License-Identifier: Apache-2.0 */
#include "core/agent/cni_files.h"

#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "platform/ipc.h"
#include "platform/process.h"
#include "platform/setup.h"

#define CNI_FILES_PLUGIN "seine-cni"
enum { CNI_FILES_LIMIT = 1 << 20 };

/* Plugins that may come after Seine's, and what the runtime has to tell them. */
static const struct {
    const char *type, *capability;
} cni_files_chained[] = {
    {"portmap", "portMappings"},
    {"bandwidth", "bandwidth"},
};

static int cni_files_find_chained(const char *name, size_t n)
{
    for (size_t i = 0; i < ARRAY_LEN(cni_files_chained); i++) {
        const char *type = cni_files_chained[i].type;
        if (strlen(type) == n && memcmp(type, name, n) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static void cni_files_put_seine(const struct options *o, struct sbuf *out)
{
    auto_free char *usual = process_default_socket(process_default_run_dir());
    sbuf_puts(out, "    {\"type\": \"" CNI_FILES_PLUGIN "\"");
    if (strcmp(o->socket, usual) != 0) {
        sbuf_puts(out, ", \"socket\": ");
        sbuf_put_json(out, o->socket);
    }
    sbuf_putc(out, '}');
}

/* A runtime that knows the key "cniVersions" (libcni 1.2) takes the newest version it speaks,
 * others read "cniVersion".  A chained plugin may be older than its runtime: then there is no
 * choice. */
void cni_files_config(const struct options *o, struct sbuf *out)
{
    sbuf_puts(out, "{\n  \"cniVersion\": \"1.0.0\",\n");
    if (!o->cni_chained[0]) {
        sbuf_puts(out, "  \"cniVersions\": [\"1.0.0\", \"1.1.0\"],\n");
    }
    sbuf_puts(out, "  \"name\": \"seine\",\n  \"plugins\": [\n");
    cni_files_put_seine(o, out);
    for (const char *p = o->cni_chained; *p;) {
        size_t n = strcspn(p, ",");
        int i = cni_files_find_chained(p, n);
        if (i >= 0) {
            sbuf_printf(out, ",\n    {\"type\": \"%s\", \"capabilities\": {\"%s\": true}}",
                        cni_files_chained[i].type, cni_files_chained[i].capability);
        }
        p += n + (p[n] ? 1 : 0);
    }
    sbuf_puts(out, "\n  ]\n}\n");
}

/* ---- the program ---- */
static void cni_files_program_name(const char *dir, struct sbuf *out)
{
    bool windows = strcmp(process_platform(), "windows") == 0;
    sbuf_printf(out, "%s/%s%s", dir, CNI_FILES_PLUGIN, windows ? ".exe" : "");
}

/* The plugin that came with this program lies beside it. */
static int cni_files_own_plugin(struct sbuf *out, struct err *err)
{
    auto_free char *own = NULL;
    int rc = setup_own_program(&own, err);
    if (rc < 0) {
        return rc;
    }
    size_t n = strlen(own);
    while (n && own[n - 1] != '/' && own[n - 1] != '\\') {
        n--;
    }
    own[n ? n - 1 : 0] = 0;
    cni_files_program_name(own, out);
    return 0;
}

static int cni_files_place_program(const struct options *o, struct sbuf *to, struct err *err)
{
    auto_sbuf from = SBUF_INIT;
    int rc = cni_files_own_plugin(&from, err);
    if (rc == 0) {
        rc = setup_make_folder(o->cni_bin_dir, err);
    }
    cni_files_program_name(o->cni_bin_dir, to);
    return rc < 0 ? rc : setup_copy_file(from.data, to->data, err);
}

int cni_files_install(const struct options *o)
{
    auto_sbuf to = SBUF_INIT;
    struct err err = {0};
    if (!o->cni_bin_dir[0]) {
        log_msg(LOG_AREA_CNI, LOG_ERROR, "install-cni: --cni-bin-dir: must be given");
        return 2;
    }
    if (cni_files_place_program(o, &to, &err) < 0) {
        log_msg(LOG_AREA_CNI, LOG_ERROR, "install-cni: %s", err.text);
        return 1;
    }
    log_msg(LOG_AREA_CNI, LOG_INFO, "the CNI plugin is placed: %s", to.data);
    return 0;
}

char *cni_files_lost_program(const struct options *o)
{
    auto_sbuf program = SBUF_INIT;
    if (!o->cni_bin_dir[0] || !setup_is_folder(o->cni_bin_dir)) {
        return NULL;
    }
    cni_files_program_name(o->cni_bin_dir, &program);
    return setup_is_same_file(program.data, program.data) ? NULL : sbuf_take(&program);
}

/* ---- the network configuration ---- */
static int cni_files_read_config(const struct options *o, const struct sbuf *want,
                                 enum cni_files_found *found_out)
{
    auto_free char *there = NULL;
    size_t n = 0;
    int rc = file_read(o->cni_config, CNI_FILES_LIMIT, &there, &n, NULL);
    bool right = rc == 0 && n == want->len && memcmp(there, want->data, n) == 0;
    *found_out = right ? CNI_FILES_RIGHT : rc == ERR_NOT_FOUND ? CNI_FILES_ABSENT : CNI_FILES_OTHER;
    return right ? 0 : ERR_NOT_FOUND;
}

int cni_files_write_config(const struct options *o, enum cni_files_found *found_out,
                           struct err *err)
{
    auto_sbuf text = SBUF_INIT;
    enum cni_files_found found;
    cni_files_config(o, &text);
    int rc = cni_files_read_config(o, &text, &found);
    if (rc < 0) {
        rc = file_write_atomic(o->cni_config, text.data, text.len, err);
    }
    if (rc == 0) {
        *found_out = found;
    }
    return rc;
}

/* Where the file's own name begins in a path: both separators serve on Windows. */
static size_t cni_files_base(const char *path)
{
    bool windows = strcmp(process_platform(), "windows") == 0;
    size_t n = strlen(path);
    while (n && path[n - 1] != '/' && !(windows && path[n - 1] == '\\')) {
        n--;
    }
    return n;
}

char *cni_files_config_folder(const struct options *o)
{
    size_t n = cni_files_base(o->cni_config);
    return n == 0 ? mem_strdup(".") : mem_strndup(o->cni_config, n > 1 ? n - 1 : n);
}

static bool cni_files_is_config(const char *name)
{
    const char *dot = strrchr(name, '.');
    return name[0] != '.' && dot &&
           (!strcmp(dot, ".conf") || !strcmp(dot, ".conflist") || !strcmp(dot, ".json"));
}

char *cni_files_preferred(const struct options *o)
{
    auto_free char *dir = cni_files_config_folder(o);
    const char *own = o->cni_config + cni_files_base(o->cni_config);
    char **names = NULL;
    char *found = NULL;
    size_t n = 0;
    if (file_list(dir, &names, &n, NULL) < 0) {
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        if (!found && cni_files_is_config(names[i]) && strcmp(names[i], own) < 0) {
            found = mem_strdup(names[i]);
        }
        mem_free(names[i]);
    }
    mem_free(names);
    return found;
}

int cni_files_remove(const struct options *o, struct err *err)
{
    auto_sbuf program = SBUF_INIT;
    int rc = o->cni_config[0] ? file_remove(o->cni_config, err) : 0;
    if (rc < 0 || !o->cni_bin_dir[0]) {
        return rc;
    }
    cni_files_program_name(o->cni_bin_dir, &program);
    return setup_remove_file(program.data, err);
}
