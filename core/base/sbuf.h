/* SPDX-License-Identifier: Apache-2.0
 *
 * sbuf: a growing buffer for text and for wire bytes.  data is always NUL-terminated beyond len
 * (once anything was put, or after sbuf_cstr), so text can be read as a C string. */
#ifndef SEINE_BASE_SBUF_H
#define SEINE_BASE_SBUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/port.h"

struct sbuf {
    char *data;
    size_t len;
    size_t cap;
};
#define SBUF_INIT                                                                                  \
    {                                                                                              \
        NULL, 0, 0                                                                                 \
    }

void sbuf_done(struct sbuf *b); /* frees; '*b' is then empty and usable */
#define auto_sbuf PORT_CLEANUP(sbuf_done) struct sbuf
void sbuf_clear(struct sbuf *b); /* len = 0, keeps the memory */
void sbuf_reserve(struct sbuf *b, size_t more);
char *sbuf_take(struct sbuf *b);       /* moves the memory out (never NULL); b is empty */
const char *sbuf_cstr(struct sbuf *b); /* never NULL */

void sbuf_put(struct sbuf *b, const void *p, size_t n);
void *sbuf_put_zeros(struct sbuf *b, size_t n); /* the new bytes; valid until the next put */
void sbuf_puts(struct sbuf *b, const char *s);
void sbuf_putc(struct sbuf *b, char c);
void sbuf_printf(struct sbuf *b, const char *fmt, ...) PORT_PRINTF(2, 3);
void sbuf_vprintf(struct sbuf *b, const char *fmt, va_list ap) PORT_PRINTF(2, 0);
/* 's' as a JSON string with its quotes. */
void sbuf_put_json(struct sbuf *b, const char *s);

/* Big-endian integers. */
void sbuf_put_u8(struct sbuf *b, uint8_t v);
void sbuf_put_be16(struct sbuf *b, uint16_t v);
void sbuf_put_be32(struct sbuf *b, uint32_t v);
void sbuf_put_be64(struct sbuf *b, uint64_t v);
/* Drops n bytes from the front. */
void sbuf_pull(struct sbuf *b, size_t n);

static inline uint16_t get_be16(const void *p)
{
    const uint8_t *b = p;
    return (uint16_t)((uint32_t)b[0] << 8 | b[1]);
}
static inline uint32_t get_be32(const void *p)
{
    const uint8_t *b = p;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}
static inline uint64_t get_be64(const void *p)
{
    return (uint64_t)get_be32(p) << 32 | get_be32((const uint8_t *)p + 4);
}
static inline void set_be16(void *p, uint16_t v)
{
    uint8_t *b = p;
    b[0] = (uint8_t)(v >> 8);
    b[1] = (uint8_t)v;
}
static inline void set_be32(void *p, uint32_t v)
{
    set_be16(p, (uint16_t)(v >> 16));
    set_be16((uint8_t *)p + 2, (uint16_t)v);
}
static inline void set_be64(void *p, uint64_t v)
{
    set_be32(p, (uint32_t)(v >> 32));
    set_be32((uint8_t *)p + 4, (uint32_t)v);
}

#endif
