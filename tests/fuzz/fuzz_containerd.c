/* SPDX-License-Identifier: Apache-2.0
 *
 * containerd's configuration as anyone could write it: it is read, or refused with a line that is
 * there; what was read is read again the same with a comment and an empty table after it. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/agent/containerd.h"
#include "core/base/mem.h"
#include "core/base/sbuf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static bool equal(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_free char *text = mem_dup(data, size ? size : 1);
    struct containerd_conf first, again;
    struct err err = {0};
    uint32_t line = 0, lines = 1;
    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n';
    int rc = containerd_conf_parse(text, size, &first, &line, &err);
    if (rc < 0) {
        check(rc == ERR_INVALID && line >= 1 && line <= lines && err.text[0]);
    } else {
        auto_sbuf more = SBUF_INIT;
        sbuf_put(&more, text, size);
        sbuf_puts(&more, "\n# more\n[more.\"\"]\nbin_dir = 'x'\n");
        check(containerd_conf_parse(more.data, more.len, &again, &line, &err) == 0);
        check(first.version == again.version && equal(first.bin_dir, again.bin_dir) &&
              equal(first.conf_dir, again.conf_dir));
        containerd_conf_done(&again);
    }
    containerd_conf_done(&first);
    return 0;
}
