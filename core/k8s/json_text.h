/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside core/k8s: the tokens of JSON (RFC 8259) that need more than a look, for every reader. */
#ifndef SEINE_K8S_JSON_TEXT_H
#define SEINE_K8S_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the n bytes between two quotes say, as UTF-8 with a NUL behind it, into 'out' of n + 1
 * bytes. False with '*why' if they are not a JSON string: bad UTF-8, escapes, control characters,
 * \u0000. A surrogate without its other half becomes U+FFFD. */
bool json_text_decode(const char *s, size_t n, char *out, size_t *len_out, const char **why);
/* The number at s as RFC 8259 wants it: its length, 0 if it is none. */
size_t json_number_len(const char *s, const char *end);

/* Length of the well-formed UTF-8 sequence of two to four bytes that begins at s (RFC 3629), n > 0;
 * 0 if there is none. */
size_t json_utf8_len(const char *s, size_t n);

/* ---- eight bytes at a time, the first one lowest ---- */
#define JSON_EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

static inline uint64_t json_load8(const char *s)
{
    const unsigned char *b = (const unsigned char *)s;
    return (uint64_t)b[0] | (uint64_t)b[1] << 8 | (uint64_t)b[2] << 16 | (uint64_t)b[3] << 24 |
           (uint64_t)b[4] << 32 | (uint64_t)b[5] << 40 | (uint64_t)b[6] << 48 |
           (uint64_t)b[7] << 56; /* compilers make one load of this */
}

/* Nonzero if a byte is zero: the lowest bit that is set is the highest of the first such byte. */
static inline uint64_t json_zero_byte(uint64_t w)
{
    return (w - JSON_EACH(1)) & ~w & JSON_EACH(0x80);
}

/* Bytes from behind an opening quote to the closing one; n if there is none. */
static inline size_t json_text_end(const char *s, size_t n)
{
    size_t i = 0;
    while (i < n) {
        if (n - i >= 8) {
            uint64_t w = json_load8(s + i);
            uint64_t hit = json_zero_byte(w ^ JSON_EACH('"')) | json_zero_byte(w ^ JSON_EACH('\\'));
            if (!hit) {
                i += 8;
                continue;
            }
            uint64_t below =
                (hit & (0 - hit)) - 1; /* as many bytes of it as come before, and one */
            i += (size_t)((below & JSON_EACH(1)) * JSON_EACH(1) >> 56) - 1;
        }
        if (s[i] == '"')
            return i;
        i += s[i] == '\\' ? 2 : 1;
    }
    return n;
}

#endif
