/* SPDX-License-Identifier: Apache-2.0
 *
 * containerd's configuration, as far as a CNI installer needs it: which folders hold the network
 * configuration and the plugins.  Reads the whole of TOML's syntax (v1.0.0) without keeping it:
 * versions 1, 2 and 3 of the file differ in the name of the plugin only. */
#ifndef SEINE_AGENT_CONTAINERD_H
#define SEINE_AGENT_CONTAINERD_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

enum { CONTAINERD_LIMIT = 1 << 20 };
struct containerd_conf {
    uint32_t version;         /* 1 where the file does not say; 3 is containerd 2.x */
    char *bin_dir, *conf_dir; /* NULL: not said; of several folders of plugins the first */
};
/* ERR_INVALID with the line in '*line_out'.  '*out' is to be done in any case. */
int containerd_conf_parse(const char *text, size_t len, struct containerd_conf *out,
                          uint32_t *line_out, struct err *err);
void containerd_conf_done(struct containerd_conf *c);

#endif
