/* SPDX-License-Identifier: Apache-2.0
 *
 * GUIDs (UUIDs, RFC 9562) as plain values.  The bytes are in the order of the text: the struct GUID
 * of Windows, whose first three fields are integers of the machine, exists in platform/windows
 * alone. */
#ifndef SEINE_BASE_GUID_H
#define SEINE_BASE_GUID_H

#include <stdbool.h>
#include <stdint.h>

struct guid {
    uint8_t b[16];
};
enum { GUID_TEXT_MAX = 37 };

/* "583cc151-73ec-4a6a-8b47-578297ad7623" of any case, also in braces; the whole string.  False if
 * it is none ('*out' is then as before). */
bool guid_parse(const char *s, struct guid *out);
/* Lower case, without braces; 'buf' has at least GUID_TEXT_MAX bytes; returns buf. */
char *guid_format(const struct guid *g, char *buf);
bool guid_equal(const struct guid *a, const struct guid *b);
bool guid_is_zero(const struct guid *g);
/* Order of the text. */
int guid_cmp(const struct guid *a, const struct guid *b);
/* The same GUID for the same two strings on every system and in every release (version 8, from
 * hash_bytes of both): what has the name 'name' among all of the kind 'space'. */
struct guid guid_from_name(const char *space, const char *name);

#endif
