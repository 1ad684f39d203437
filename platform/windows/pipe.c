/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of local endpoints: see platform/pipe.h.  Open vSwitch's rule is that of its
 * stream-windows.c: a path without a drive is below the run directory, and a pipe's name is the
 * path without its slashes. */
#include "platform/pipe.h"

#include <string.h>

#include "core/base/sbuf.h"
#include "platform/windows/os.h"
#include "platform/windows/paths.h"

#define PIPE_PREFIX "\\\\.\\pipe\\"
enum { PIPE_NAME_MAX = 256 }; /* the prefix included */

static const char *pipe_without(const char *text, const char *prefix)
{
    size_t n = strlen(prefix);
    return strncmp(text, prefix, n) == 0 ? text + n : text;
}

int pipe_path(const char *address, char *out, struct err *err)
{
    const char *name = pipe_without(address, "unix:");
    bool in_run_dir = name != address && !strchr(name, ':');
    name = pipe_without(pipe_without(name, "pipe:"), PIPE_PREFIX);
    auto_sbuf text = SBUF_INIT;
    sbuf_puts(&text, PIPE_PREFIX);
    size_t prefix = text.len;
    for (const char *c = in_run_dir ? PATHS_OVS_RUN_DIR : ""; *c; c++) {
        sbuf_puts(&text, *c == '/' || *c == '\\' ? "" : (char[]){*c, 0});
    }
    for (const char *c = name; *c; c++) {
        sbuf_puts(&text, *c == '/' || *c == '\\' ? "" : (char[]){*c, 0});
    }
    if (text.len == prefix || !*name || text.len > PIPE_NAME_MAX) {
        return err_set(err, ERR_INVALID, "%s: not a pipe's name, or longer than %d bytes", name,
                       PIPE_NAME_MAX - (int)prefix);
    }
    memcpy(out, text.data, text.len + 1);
    return 0;
}

bool pipe_is_native(void)
{
    return true;
}
