/* SPDX-License-Identifier: Apache-2.0
 *
 * sbuf: one growing block with a NUL kept behind its end. */
#include "core/base/sbuf.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"

enum { SBUF_MIN = 64 };

void sbuf_done(struct sbuf *b)
{
    mem_free(b->data);
    *b = (struct sbuf)SBUF_INIT;
}

void sbuf_clear(struct sbuf *b)
{
    b->len = 0;
    if (b->data) {
        b->data[0] = 0;
    }
}

void sbuf_reserve(struct sbuf *b, size_t more)
{
    assert(more < SIZE_MAX / 4 && b->len < SIZE_MAX / 4);
    size_t need = b->len + more + 1;
    if (need <= b->cap) {
        return;
    }
    size_t cap = b->cap ? b->cap : SBUF_MIN;
    while (cap < need) {
        cap *= 2;
    }
    b->data = mem_realloc(b->data, cap);
    b->cap = cap;
}

const char *sbuf_cstr(struct sbuf *b)
{
    sbuf_reserve(b, 0);
    b->data[b->len] = 0;
    return b->data;
}

char *sbuf_take(struct sbuf *b)
{
    (void)sbuf_cstr(b);
    char *data = b->data;
    *b = (struct sbuf)SBUF_INIT;
    return data;
}

/* Room for n more bytes, which count already; the caller writes them. */
static char *sbuf_more(struct sbuf *b, size_t n)
{
    if (b->cap - b->len <= n) {
        sbuf_reserve(b, n);
    }
    char *at = b->data + b->len;
    b->len += n;
    b->data[b->len] = 0;
    return at;
}

void sbuf_put(struct sbuf *b, const void *p, size_t n)
{
    char *at = sbuf_more(b, n);
    if (n) {
        memcpy(at, p, n);
    }
}

void *sbuf_put_zeros(struct sbuf *b, size_t n)
{
    sbuf_reserve(b, n);
    void *p = b->data + b->len;
    memset(p, 0, n + 1);
    b->len += n;
    return p;
}

void sbuf_puts(struct sbuf *b, const char *s)
{
    sbuf_put(b, s, strlen(s));
}

void sbuf_putc(struct sbuf *b, char c)
{
    *sbuf_more(b, 1) = c;
}

void sbuf_printf(struct sbuf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    sbuf_vprintf(b, fmt, ap);
    va_end(ap);
}

void sbuf_vprintf(struct sbuf *b, const char *fmt, va_list ap)
{
    sbuf_reserve(b, 0);
    va_list again;
    va_copy(again, ap);
    size_t room = b->cap - b->len;
    int n = vsnprintf(b->data + b->len, room, fmt, ap);
    if (n > 0 && (size_t)n >= room) {
        sbuf_reserve(b, (size_t)n);
        n = vsnprintf(b->data + b->len, b->cap - b->len, fmt, again);
    }
    va_end(again);
    b->len += n > 0 ? (size_t)n : 0;
    b->data[b->len] = 0;
}

void sbuf_put_json(struct sbuf *b, const char *s)
{
    static const char escapes[] = "\"\"\\\\\bb\ff\nn\rr\tt"; /* pairs: byte, letter */
    sbuf_putc(b, '"');
    for (; *s; s++) {
        size_t i = 0;
        while (i + 1 < sizeof escapes && escapes[i] != *s) {
            i += 2;
        }
        if (i + 1 < sizeof escapes) {
            sbuf_putc(b, '\\');
            sbuf_putc(b, escapes[i + 1]);
        } else if ((unsigned char)*s < 0x20 || *s == 0x7f) {
            sbuf_printf(b, "\\u%04x", (unsigned)(unsigned char)*s);
        } else {
            sbuf_putc(b, *s);
        }
    }
    sbuf_putc(b, '"');
}

void sbuf_put_u8(struct sbuf *b, uint8_t v)
{
    *sbuf_more(b, 1) = (char)v;
}

void sbuf_put_be16(struct sbuf *b, uint16_t v)
{
    set_be16(sbuf_more(b, 2), v);
}

void sbuf_put_be32(struct sbuf *b, uint32_t v)
{
    set_be32(sbuf_more(b, 4), v);
}

void sbuf_put_be64(struct sbuf *b, uint64_t v)
{
    set_be64(sbuf_more(b, 8), v);
}

void sbuf_pull(struct sbuf *b, size_t n)
{
    assert(n <= b->len);
    b->len -= n;
    if (b->data) {
        memmove(b->data, b->data + n, b->len);
        b->data[b->len] = 0;
    }
}
