/* SPDX-License-Identifier: Apache-2.0
 *
 * Files of deletions to come, see journal.h.  Names are hashes: ids may be longer than a file's
 * name may be. */
#include "cni/journal.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/mem.h"
#include "platform/ipc.h"
#include "platform/pipe.h"
#include "platform/process.h"

/* The name behind "\\.\pipe\". */
static const char *journal_pipe_name(const char *path)
{
    const char *slash = strrchr(path, '\\');
    return slash ? slash + 1 : path;
}

static bool journal_is_same_name(const char *a, const char *b)
{
    while (*a && tolower((unsigned char)*a) == tolower((unsigned char)*b)) {
        a++;
        b++;
    }
    return *a == *b;
}

/* Pipes are in no folder: the notes for the default one have one, and in it a folder for each other
 * one.  What a folder's name may not have becomes "_". */
static void journal_pipe_folder(const char *socket, struct sbuf *out)
{
    char path[PIPE_PATH_MAX] = "", known_path[PIPE_PATH_MAX] = "";
    const char *run_dir = process_default_run_dir();
    auto_free char *known = process_default_socket(run_dir);
    const char *name = pipe_path(socket, path, NULL) == 0 ? journal_pipe_name(path) : socket;
    pipe_path(known, known_path, NULL);
    sbuf_printf(out, "%s/deletions", run_dir);
    if (journal_is_same_name(name, journal_pipe_name(known_path))) {
        return;
    }
    sbuf_putc(out, '/');
    for (; *name; name++) {
        sbuf_putc(out, (unsigned char)*name < ' ' || strchr("<>:\"|?*/\\", *name) ? '_' : *name);
    }
}

void journal_folder(const char *socket, struct sbuf *out)
{
    const char *slash = strrchr(socket, '/');
    if (pipe_is_native()) {
        journal_pipe_folder(socket, out);
        return;
    }
    if (!slash) {
        sbuf_putc(out, '.');
    } else {
        sbuf_put(out, socket, slash == socket ? 1 : (size_t)(slash - socket));
    }
    sbuf_puts(out, "/deletions");
}

int journal_write(const char *folder, const struct cni_env *env, const char *config,
                  struct sbuf *path_out, struct err *err)
{
    auto_sbuf body = SBUF_INIT;
    cni_env_format(env, config, &body);
    return journal_write_body(folder, env, body.data, body.len, path_out, err);
}

int journal_write_body(const char *folder, const struct cni_env *env, const void *body, size_t n,
                       struct sbuf *path_out, struct err *err)
{
    uint64_t name = hash_str(env->ifname, hash_str(env->container_id, 0));
    sbuf_clear(path_out);
    sbuf_printf(path_out, "%s/%016" PRIx64 ".json", folder, name);
    return file_write_atomic(path_out->data, body, n, err);
}
