/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes JSON as it goes, without a tree: what the API lists can be long. */
#ifndef SEINE_AGENT_JSONOUT_H
#define SEINE_AGENT_JSONOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/sbuf.h"

struct jsonout {
    struct sbuf *out;
    bool comma; /* the next value needs one before it */
};

/* '{' or '[' with the name of the member (NULL: an item, or the whole); '}' or ']'. */
void jsonout_open(struct jsonout *j, const char *name, char bracket);
void jsonout_close(struct jsonout *j, char bracket);
/* Values, of a member or (name NULL) an item. */
void jsonout_text(struct jsonout *j, const char *name, const char *text);
void jsonout_number(struct jsonout *j, const char *name, uint64_t n);
void jsonout_bool(struct jsonout *j, const char *name, bool value);
/* Text that is JSON already. */
void jsonout_raw(struct jsonout *j, const char *name, const char *json);

/* kubectl's list: opens {"apiVersion":"seine.dev/v1","kind":KIND,"items":[ and closes it. */
void jsonout_list_open(struct jsonout *j, const char *kind);
void jsonout_list_close(struct jsonout *j);

#endif
