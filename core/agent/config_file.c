/* SPDX-License-Identifier: Apache-2.0 */
#include "core/agent/config_file.h"

#include <string.h>

#include "core/base/mem.h"
#include "platform/ipc.h"

enum { CONFIG_FILE_LIMIT = 1 << 20 };

/* A path as YAML takes it, whatever is in it. */
static void config_file_quote(struct sbuf *out, const char *text)
{
    sbuf_putc(out, '\'');
    for (const char *c = text; *c; c++) {
        sbuf_puts(out, *c == '\'' ? "''" : (char[]){*c, '\0'});
    }
    sbuf_putc(out, '\'');
}

void config_file_default(const char *path, struct sbuf *text_out, struct sbuf *objects_out)
{
    size_t n = strlen(path);
    while (n && path[n - 1] != '/' && path[n - 1] != '\\') {
        n--;
    }
    sbuf_put(objects_out, path, n);
    sbuf_puts(objects_out, "objects");
    sbuf_puts(text_out, "# seine-agent: the flags of --help without their dashes.\nobjects: ");
    config_file_quote(text_out, objects_out->data);
    sbuf_putc(text_out, '\n');
}

int config_file_ensure(const char *path, struct err *err)
{
    auto_sbuf text = SBUF_INIT;
    auto_sbuf objects = SBUF_INIT;
    auto_free char *there = NULL;
    size_t n = 0;
    int rc = file_read(path, CONFIG_FILE_LIMIT, &there, &n, NULL);
    if (rc != ERR_NOT_FOUND) {
        return 0; /* what is wrong with it is told by who reads it */
    }
    config_file_default(path, &text, &objects);
    rc = dir_make(objects.data, err);
    return rc < 0 ? rc : file_write_atomic(path, text.data, text.len, err);
}
