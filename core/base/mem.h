/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory: small allocations abort on exhaustion (the agent is level-triggered and restartable).
 * What a peer sizes must be bounded by the caller before it comes here. */
#ifndef SEINE_BASE_MEM_H
#define SEINE_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/port.h"

void *mem_alloc(size_t n);               /* never NULL; n == 0 gives a pointer to free */
void *mem_calloc(size_t n, size_t size); /* zeroed; aborts on overflow */
void *mem_realloc(void *p, size_t n);
void *mem_dup(const void *p, size_t n);
char *mem_strdup(const char *s);
char *mem_strndup(const char *s, size_t n);
void mem_free(void *p); /* NULL is fine */

/* Cleanup attribute for heap pointers: auto_free char *s = ... */
void mem_free_cleanup(void *pp);
#define auto_free PORT_CLEANUP(mem_free_cleanup)

/* Arena: one an event, derivation or request; freed whole.  Blocks grow by doubling up to 64 KiB;
 * larger requests get their own block.  All memory is 8-byte aligned and not zeroed. */
struct arena_block;
struct arena {
    struct arena_block *blocks;
    size_t used;  /* of the first block */
    size_t limit; /* bytes in all, 0: none */
    size_t total; /* bytes handed out */
};
void arena_init(struct arena *a, size_t limit);
void arena_done(struct arena *a);
/* Forgets all allocations but keeps one block for reuse. */
void arena_reset(struct arena *a);
/* NULL only if a limit was given and is reached. */
void *arena_alloc(struct arena *a, size_t n);
void *arena_dup(struct arena *a, const void *p, size_t n);
char *arena_strdup(struct arena *a, const char *s);
char *arena_printf(struct arena *a, const char *fmt, ...) PORT_PRINTF(2, 3);

/* Interned strings: equal strings share one refcounted copy, so that labels and names of many
 * objects cost little and compare by pointer.  One pool a process (the loop thread's). */
const char *intern_ref(const char *s, size_t n);
const char *intern_again(const char *interned); /* one more reference */
void intern_unref(const char *interned);        /* NULL is fine */
size_t intern_count(void);

#endif
