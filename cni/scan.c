/* SPDX-License-Identifier: Apache-2.0
 *
 * A JSON text (RFC 8259) walked once, without recursion beyond SCAN_DEPTH and without a tree. */
#include "cni/scan.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { SCAN_DEPTH = 64 };

struct scan {
    const char *at;
    unsigned depth;
};

static void scan_space(struct scan *s)
{
    s->at += strspn(s->at, " \t\r\n");
}

static bool scan_char(struct scan *s, char c)
{
    scan_space(s);
    if (*s->at != c) {
        return false;
    }
    s->at++;
    return true;
}

static void scan_put_utf8(struct sbuf *out, uint32_t c)
{
    if (c < 0x80) {
        sbuf_putc(out, (char)c);
    } else if (c < 0x800) {
        sbuf_put_u8(out, (uint8_t)(0xc0 | c >> 6));
        sbuf_put_u8(out, (uint8_t)(0x80 | (c & 0x3f)));
    } else if (c < 0x10000) {
        sbuf_put_u8(out, (uint8_t)(0xe0 | c >> 12));
        sbuf_put_u8(out, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
        sbuf_put_u8(out, (uint8_t)(0x80 | (c & 0x3f)));
    } else {
        sbuf_put_u8(out, (uint8_t)(0xf0 | c >> 18));
        sbuf_put_u8(out, (uint8_t)(0x80 | (c >> 12 & 0x3f)));
        sbuf_put_u8(out, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
        sbuf_put_u8(out, (uint8_t)(0x80 | (c & 0x3f)));
    }
}

static bool scan_hex4(struct scan *s, uint32_t *out)
{
    *out = 0;
    for (int i = 0; i < 4; i++, s->at++) {
        if (!isxdigit((unsigned char)*s->at)) {
            return false;
        }
        char digit[2] = {*s->at, 0};
        *out = *out << 4 | (uint32_t)strtoull(digit, NULL, 16);
    }
    return true;
}

/* Behind "\u": one unit, or two that make one character beyond the basic plane.  NUL is refused. */
static bool scan_unicode(struct scan *s, struct sbuf *out)
{
    uint32_t c, low;
    if (!scan_hex4(s, &c) || !c || (c >= 0xdc00 && c < 0xe000)) {
        return false;
    }
    if (c >= 0xd800 && c < 0xdc00) {
        if (strncmp(s->at, "\\u", 2) != 0) {
            return false;
        }
        s->at += 2;
        if (!scan_hex4(s, &low) || low < 0xdc00 || low > 0xdfff) {
            return false;
        }
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    scan_put_utf8(out, c);
    return true;
}

static bool scan_escape(struct scan *s, struct sbuf *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char c = *s->at;
    if (c == 'u') {
        s->at++;
        return scan_unicode(s, out);
    }
    const char *which = c ? strchr(from, c) : NULL;
    if (!which) {
        return false;
    }
    sbuf_putc(out, to[which - from]);
    s->at++;
    return true;
}

/* A string, its quote not yet read; the text goes to 'out'. */
static bool scan_text(struct scan *s, struct sbuf *out)
{
    sbuf_clear(out);
    if (!scan_char(s, '"')) {
        return false;
    }
    while (*s->at != '"') {
        if ((unsigned char)*s->at < ' ') {
            return false;
        }
        if (*s->at == '\\') {
            s->at++;
            if (!scan_escape(s, out)) {
                return false;
            }
        } else {
            sbuf_putc(out, *s->at++);
        }
    }
    s->at++;
    return true;
}

/* Numbers and words are the agent's parser's matter: here they only have to end. */
static bool scan_scalar(struct scan *s)
{
    size_t n = strspn(s->at, "+-.0123456789Eaeflnrstu");
    s->at += n;
    return n > 0;
}

static bool scan_value(struct scan *s);

static bool scan_members(struct scan *s, bool object)
{
    char close = object ? '}' : ']';
    s->at++;
    if (scan_char(s, close)) {
        return true;
    }
    auto_sbuf key = SBUF_INIT;
    do {
        if (object && (!scan_text(s, &key) || !scan_char(s, ':'))) {
            return false;
        }
        if (!scan_value(s)) {
            return false;
        }
    } while (scan_char(s, ','));
    return scan_char(s, close);
}

static bool scan_value(struct scan *s)
{
    scan_space(s);
    if (*s->at == '"') {
        auto_sbuf text = SBUF_INIT;
        return scan_text(s, &text);
    }
    if (*s->at != '{' && *s->at != '[') {
        return scan_scalar(s);
    }
    if (s->depth++ == SCAN_DEPTH) {
        return false;
    }
    bool whole = scan_members(s, *s->at == '{');
    s->depth--;
    return whole;
}

enum scan_result scan_string(const char *json, const char *key, struct sbuf *out)
{
    struct scan s = {.at = json};
    auto_sbuf name = SBUF_INIT;
    enum scan_result result = SCAN_ABSENT;
    if (!scan_char(&s, '{')) {
        return SCAN_MALFORMED;
    }
    bool empty = scan_char(&s, '}');
    while (!empty) {
        if (!scan_text(&s, &name) || !scan_char(&s, ':')) {
            return SCAN_MALFORMED;
        }
        bool wanted = strcmp(sbuf_cstr(&name), key) == 0;
        scan_space(&s);
        bool text = *s.at == '"';
        if (wanted && text ? !scan_text(&s, out) : !scan_value(&s)) {
            return SCAN_MALFORMED;
        }
        if (wanted) {
            result = text ? SCAN_FOUND : SCAN_NO_STRING;
        }
        if (!scan_char(&s, ',')) {
            empty = scan_char(&s, '}');
            if (!empty) {
                return SCAN_MALFORMED;
            }
        }
    }
    scan_space(&s);
    return *s.at ? SCAN_MALFORMED : result;
}
