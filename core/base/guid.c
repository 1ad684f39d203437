/* SPDX-License-Identifier: Apache-2.0
 *
 * GUIDs: text forms, and GUIDs made from names. */
#include "core/base/guid.h"

#include <string.h>

#include "core/base/hash.h"
#include "core/base/sbuf.h"

enum { GUID_TEXT_LEN = GUID_TEXT_MAX - 1 };

static const char guid_digits[] = "0123456789abcdef";

/* The value of a hexadecimal digit, -1 if it is none. */
static int guid_digit(char c)
{
    c = c >= 'A' && c <= 'F' ? (char)(c - 'A' + 'a') : c;
    const char *at = c ? strchr(guid_digits, c) : NULL;
    return at ? (int)(at - guid_digits) : -1;
}

/* Before which byte a hyphen stands. */
static bool guid_hyphen_before(unsigned i)
{
    return i == 4 || i == 6 || i == 8 || i == 10;
}

static bool guid_parse_bare(const char *s, struct guid *out)
{
    for (unsigned i = 0; i < sizeof out->b; i++) {
        if (guid_hyphen_before(i) && *s++ != '-') {
            return false;
        }
        int high = guid_digit(s[0]), low = high < 0 ? -1 : guid_digit(s[1]);
        if (low < 0) {
            return false;
        }
        out->b[i] = (uint8_t)(high << 4 | low);
        s += 2;
    }
    return true;
}

bool guid_parse(const char *s, struct guid *out)
{
    struct guid g;
    size_t len = strlen(s);
    bool braces = len == GUID_TEXT_LEN + 2 && s[0] == '{' && s[len - 1] == '}';
    if ((!braces && len != GUID_TEXT_LEN) || !guid_parse_bare(s + braces, &g)) {
        return false;
    }
    *out = g;
    return true;
}

char *guid_format(const struct guid *g, char *buf)
{
    char *at = buf;
    for (unsigned i = 0; i < sizeof g->b; i++) {
        if (guid_hyphen_before(i)) {
            *at++ = '-';
        }
        *at++ = guid_digits[g->b[i] >> 4];
        *at++ = guid_digits[g->b[i] & 15];
    }
    *at = '\0';
    return buf;
}

bool guid_equal(const struct guid *a, const struct guid *b)
{
    return guid_cmp(a, b) == 0;
}

bool guid_is_zero(const struct guid *g)
{
    static const struct guid zero;
    return guid_equal(g, &zero);
}

int guid_cmp(const struct guid *a, const struct guid *b)
{
    return memcmp(a->b, b->b, sizeof a->b);
}

struct guid guid_from_name(const char *space, const char *name)
{
    struct guid g;
    uint64_t seed = hash_str(space, 0);
    set_be64(g.b, hash_str(name, seed));
    set_be64(g.b + 8, hash_str(name, hash_u64(seed)));
    g.b[6] = (uint8_t)((g.b[6] & 0x0f) | 0x80); /* version 8 */
    g.b[8] = (uint8_t)((g.b[8] & 0x3f) | 0x80); /* variant of RFC 9562 */
    return g;
}
