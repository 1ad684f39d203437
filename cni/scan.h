/* SPDX-License-Identifier: Apache-2.0
 *
 * Looks up one string in a JSON text without a parser's tree: what the plugin needs to know of its
 * configuration ("socket", "cniVersion") before the agent reads it properly. */
#ifndef SEINE_CNI_SCAN_H
#define SEINE_CNI_SCAN_H

#include "core/base/sbuf.h"

enum scan_result {
    SCAN_FOUND,
    SCAN_ABSENT,    /* an object without that key */
    SCAN_NO_STRING, /* the value is not a string */
    SCAN_MALFORMED, /* not one JSON object */
};
/* The value of the top-level member 'key' (the last one, if it comes twice) is put into 'out'. */
enum scan_result scan_string(const char *json, const char *key, struct sbuf *out);

#endif
