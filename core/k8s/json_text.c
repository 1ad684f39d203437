/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens of JSON.  Most strings are plain ASCII without an escape: those are checked and copied
 * eight bytes at a time, and only the rest is looked at byte by byte. */
#include "core/k8s/json_text.h"

#include <string.h>

size_t json_utf8_len(const char *text, size_t n)
{
    const unsigned char *s = (const unsigned char *)text;
    static const struct {
        unsigned char first_min, first_max, second_min, second_max, len;
    } forms[] = {
        {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
        {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
        {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (s[0] < forms[i].first_min || s[0] > forms[i].first_max)
            continue;
        if (n < forms[i].len || s[1] < forms[i].second_min || s[1] > forms[i].second_max)
            return 0;
        for (size_t k = 2; k < forms[i].len; k++)
            if ((s[k] & 0xc0) != 0x80)
                return 0;
        return forms[i].len;
    }
    return 0;
}

/* ---- the slow way, for what is not plain ---- */

struct text {
    const char *p, *end;
    char *out;
    const char *why;
};

static bool fail(struct text *t, const char *why)
{
    t->why = why;
    return false;
}

static void put_utf8(struct text *t, uint32_t c)
{
    char *o = t->out;
    if (c < 0x80) {
        *o++ = (char)c;
    } else if (c < 0x800) {
        *o++ = (char)(0xc0 | c >> 6);
        *o++ = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *o++ = (char)(0xe0 | c >> 12);
        *o++ = (char)(0x80 | (c >> 6 & 0x3f));
        *o++ = (char)(0x80 | (c & 0x3f));
    } else {
        *o++ = (char)(0xf0 | c >> 18);
        *o++ = (char)(0x80 | (c >> 12 & 0x3f));
        *o++ = (char)(0x80 | (c >> 6 & 0x3f));
        *o++ = (char)(0x80 | (c & 0x3f));
    }
    t->out = o;
}

static bool hex4(struct text *t, uint32_t *out)
{
    uint32_t v = 0;
    if (t->end - t->p < 4)
        return fail(t, "a string ends inside an escape");
    for (int i = 0; i < 4; i++) {
        char c = *t->p++;
        uint32_t digit;
        if (c >= '0' && c <= '9')
            digit = (uint32_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = (uint32_t)(c - 'a') + 10;
        else if (c >= 'A' && c <= 'F')
            digit = (uint32_t)(c - 'A') + 10;
        else
            return fail(t, "\\u needs four hexadecimal digits");
        v = v << 4 | digit;
    }
    *out = v;
    return true;
}

/* After "\u". */
static bool unicode_escape(struct text *t)
{
    uint32_t c, low;
    if (!hex4(t, &c))
        return false;
    if (c == 0)
        return fail(t, "a string must not hold NUL");
    if (c >= 0xd800 && c < 0xdc00 && t->end - t->p >= 2 && t->p[0] == '\\' && t->p[1] == 'u') {
        const char *mark = t->p;
        t->p += 2;
        if (!hex4(t, &low))
            return false;
        if (low >= 0xdc00 && low < 0xe000)
            c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        else
            t->p = mark;
    }
    put_utf8(t, c >= 0xd800 && c < 0xe000 ? 0xfffd : c);
    return true;
}

static bool escape(struct text *t)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (++t->p == t->end)
        return fail(t, "a string does not end");
    char c = *t->p++;
    if (c == 'u')
        return unicode_escape(t);
    const char *at = c ? strchr(from, c) : NULL;
    if (!at)
        return fail(t, "an unknown escape in a string");
    *t->out++ = to[at - from];
    return true;
}

static bool decode_slowly(struct text *t)
{
    while (t->p < t->end) {
        unsigned char c = (unsigned char)*t->p;
        size_t n = 1;
        if (c == '\\') {
            if (!escape(t))
                return false;
            continue;
        }
        if (c < 0x20)
            return fail(t, "a control character in a string");
        if (c >= 0x80)
            n = json_utf8_len(t->p, (size_t)(t->end - t->p));
        if (n == 0)
            return fail(t, "a string is not UTF-8");
        memcpy(t->out, t->p, n);
        t->out += n;
        t->p += n;
    }
    return true;
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '\\';
}

bool json_text_decode(const char *s, size_t n, char *out, size_t *len_out, const char **why)
{
    size_t i = 0;
    while (n - i >= 8) {
        uint64_t w = json_load8(s + i);
        /* Bytes below 0x20 lose a bit above when 0x20 is taken off; those of 0x80 have it. */
        if ((((w - JSON_EACH(0x20)) | w) & JSON_EACH(0x80)) | json_zero_byte(w ^ JSON_EACH('\\')))
            break;
        memcpy(out + i, &w, sizeof w);
        i += 8;
    }
    for (; i < n && is_plain((unsigned char)s[i]); i++)
        out[i] = s[i];
    struct text t = {.p = s + i, .end = s + n, .out = out + i};
    if (i < n && !decode_slowly(&t)) {
        *why = t.why;
        return false;
    }
    *t.out = '\0';
    *len_out = (size_t)(t.out - out);
    return true;
}

/* ---- numbers ---- */

static size_t digits(const char *s, const char *end)
{
    size_t n = 0;
    while (s + n < end && s[n] >= '0' && s[n] <= '9')
        n++;
    return n;
}

size_t json_number_len(const char *s, const char *end)
{
    const char *p = s;
    if (p < end && *p == '-')
        p++;
    size_t n = digits(p, end);
    if (n == 0 || (n > 1 && *p == '0'))
        return 0;
    p += n;
    if (p < end && *p == '.') {
        n = digits(p + 1, end);
        if (n == 0)
            return 0;
        p += 1 + n;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        n = digits(p, end);
        if (n == 0)
            return 0;
        p += n;
    }
    return (size_t)(p - s);
}
