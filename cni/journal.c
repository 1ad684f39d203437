/* SPDX-License-Identifier: Apache-2.0
 *
 * Files of deletions to come, see journal.h.  Names are hashes: ids may be longer than a file's
 * name may be. */
#include "cni/journal.h"

#include <inttypes.h>
#include <string.h>

#include "core/base/hash.h"
#include "platform/ipc.h"

void journal_folder(const char *dir, struct sbuf *out)
{
    sbuf_printf(out, "%s/deletions", dir);
}

void journal_dir_of(const char *socket, struct sbuf *out)
{
    const char *slash = strrchr(socket, '/');
    if (!slash) {
        sbuf_puts(out, ".");
    } else {
        sbuf_put(out, socket, slash == socket ? 1 : (size_t)(slash - socket));
    }
}

int journal_write(const char *dir, const struct cni_env *env, const char *config,
                  struct sbuf *path_out, struct err *err)
{
    auto_sbuf body = SBUF_INIT;
    cni_env_format(env, config, &body);
    return journal_write_body(dir, env, body.data, body.len, path_out, err);
}

int journal_write_body(const char *dir, const struct cni_env *env, const void *body, size_t n,
                       struct sbuf *path_out, struct err *err)
{
    uint64_t name = hash_str(env->ifname, hash_str(env->container_id, 0));
    sbuf_clear(path_out);
    journal_folder(dir, path_out);
    sbuf_printf(path_out, "/%016" PRIx64 ".json", name);
    return file_write_atomic(path_out->data, body, n, err);
}
