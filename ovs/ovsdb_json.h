/* SPDX-License-Identifier: Apache-2.0
 *
 * ovsdb_json: JSON messages out of a byte stream, in any pieces (RFC 7047 section 4 sends them one
 * after another with nothing between).  Finds where an object ends, bounds its size and depth, and
 * lets cJSON parse it.  Both OVSDB and ovs-vswitchd's control socket speak so. */
#ifndef SEINE_OVS_OVSDB_JSON_H
#define SEINE_OVS_OVSDB_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"
#include "core/base/sbuf.h"

enum { OVSDB_JSON_MAX_BYTES = 64 << 20, OVSDB_JSON_MAX_DEPTH = 64 };

struct ovsdb_json {
    struct sbuf buf;  /* the message that has begun */
    size_t max_bytes; /* of one message */
    unsigned depth;
    bool in_string, escape;
};
void ovsdb_json_init(struct ovsdb_json *j, size_t max_bytes /* 0: OVSDB_JSON_MAX_BYTES */);
void ovsdb_json_done(struct ovsdb_json *j);

/* One whole message, an object; the callee owns it.  Non-zero ends ovsdb_json_input() with it. */
typedef int ovsdb_json_fn(void *aux, cJSON *message, struct err *err);
/* Takes n bytes.  0, what 'fn' returned, ERR_PROTOCOL (not JSON, not an object), ERR_TOO_BIG.
 * After an error only _done is useful. */
int ovsdb_json_input(struct ovsdb_json *j, const void *p, size_t n, ovsdb_json_fn *fn, void *aux,
                     struct err *err);
/* True in the middle of a message. */
bool ovsdb_json_is_partial(const struct ovsdb_json *j);

void ovsdb_json_free(cJSON **json); /* for the cleanup attribute */
#define auto_json PORT_CLEANUP(ovsdb_json_free) cJSON

#endif
