/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory: the allocator that every part of Seine uses, and arenas on top of it.
 *
 * A small allocation that fails ends the process with one line: state is derived again at the next
 * start and the switch keeps what it has.  Only an arena with a limit says no, so decoders of what
 * peers send allocate from one and treat the refusal as an error of the input. */
#include "core/base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_FIRST_BLOCK = 1024, ARENA_MAX_BLOCK = 64 * 1024, ARENA_ALIGN = 8 };

/* A block's bytes follow it.  The first block of an arena is the one that is being filled. */
struct arena_block {
    struct arena_block *next;
    size_t size; /* bytes after this header */
};
_Static_assert(sizeof(struct arena_block) % ARENA_ALIGN == 0, "blocks' bytes are aligned");

PORT_NORETURN static void mem_exhausted(size_t n)
{
    (void)fprintf(stderr, "seine: out of memory (%zu bytes)\n", n);
    abort();
}

void *mem_alloc(size_t n)
{
    void *p = malloc(n ? n : 1);
    if (!p) {
        mem_exhausted(n);
    }
    return p;
}

void *mem_calloc(size_t n, size_t size)
{
    if (!n || !size) {
        n = size = 1;
    }
    void *p = calloc(n, size);
    if (!p) {
        mem_exhausted(n > SIZE_MAX / size ? SIZE_MAX : n * size);
    }
    return p;
}

void *mem_realloc(void *p, size_t n)
{
    p = realloc(p, n ? n : 1);
    if (!p) {
        mem_exhausted(n);
    }
    return p;
}

void *mem_dup(const void *p, size_t n)
{
    void *copy = mem_alloc(n);
    if (n) {
        memcpy(copy, p, n);
    }
    return copy;
}

char *mem_strdup(const char *s)
{
    return mem_dup(s, strlen(s) + 1);
}

char *mem_strndup(const char *s, size_t n)
{
    const char *end = memchr(s, 0, n);
    size_t len = end ? (size_t)(end - s) : n;
    char *copy = mem_alloc(len + 1);
    memcpy(copy, s, len);
    copy[len] = 0;
    return copy;
}

void mem_free(void *p)
{
    free(p);
}

void mem_free_cleanup(void *pp)
{
    void *p;
    memcpy(&p, pp, sizeof p);
    mem_free(p);
}

void arena_init(struct arena *a, size_t limit)
{
    *a = (struct arena){.limit = limit};
}

void arena_done(struct arena *a)
{
    while (a->blocks) {
        struct arena_block *next = a->blocks->next;
        mem_free(a->blocks);
        a->blocks = next;
    }
    arena_init(a, a->limit);
}

void arena_reset(struct arena *a)
{
    struct arena_block *keep = a->blocks;
    if (keep && keep->size > ARENA_MAX_BLOCK) {
        keep = NULL; /* an outsized one is not worth keeping */
    }
    if (keep) {
        a->blocks = keep->next;
        keep->next = NULL;
    }
    arena_done(a);
    a->blocks = keep;
}

/* Adds a block for n bytes.  One made for a single large request goes behind the block that is
 * being filled, so that the room left there is not lost. */
static void *arena_block_add(struct arena *a, size_t n)
{
    size_t size = a->blocks ? a->blocks->size * 2 : ARENA_FIRST_BLOCK;
    if (size > ARENA_MAX_BLOCK) {
        size = ARENA_MAX_BLOCK;
    }
    bool own = n > size / 2 && a->blocks;
    if (own || n > size) {
        size = n;
    }
    if (size > SIZE_MAX - sizeof(struct arena_block)) {
        mem_exhausted(size);
    }
    struct arena_block *b = mem_alloc(sizeof *b + size);
    b->size = size;
    if (own) {
        b->next = a->blocks->next;
        a->blocks->next = b;
    } else {
        b->next = a->blocks;
        a->blocks = b;
        a->used = n;
    }
    return b + 1;
}

void *arena_alloc(struct arena *a, size_t n)
{
    if (n > SIZE_MAX - ARENA_ALIGN) {
        n = SIZE_MAX - ARENA_ALIGN; /* refused by the limit or by the allocator */
    }
    n = n ? (n + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN : ARENA_ALIGN;
    if (a->limit && n > a->limit - a->total) {
        return NULL;
    }
    a->total += n;
    if (a->blocks && n <= a->blocks->size - a->used) {
        void *p = (char *)(a->blocks + 1) + a->used;
        a->used += n;
        return p;
    }
    return arena_block_add(a, n);
}

void *arena_dup(struct arena *a, const void *p, size_t n)
{
    void *copy = arena_alloc(a, n);
    if (copy && n) {
        memcpy(copy, p, n);
    }
    return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
    return arena_dup(a, s, strlen(s) + 1);
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n < 0) {
        return arena_strdup(a, "");
    }
    size_t len = (size_t)n;
    if (len < sizeof text) {
        return arena_dup(a, text, len + 1);
    }
    char *p = arena_alloc(a, len + 1);
    if (p) {
        va_start(ap, fmt);
        (void)vsnprintf(p, len + 1, fmt, ap);
        va_end(ap);
    }
    return p;
}
