/* SPDX-License-Identifier: Apache-2.0
 *
 * Pool: many small things of one owner, each made and freed on its own.  A thing costs its size
 * rounded up to 8 bytes and nothing else: its owner knows the size and says it again when it frees.
 * Freed memory is kept for things of the same size until the last one is freed.  Then it goes to
 * the pools that come after, and what is more than POOL_KEPT_MAX bytes back to the allocator.  A
 * pool is of one thread.
 *
 * Builds with sanitizers take each thing from the allocator, so that these see it. */
#ifndef SEINE_BASE_POOL_H
#define SEINE_BASE_POOL_H

#include <stdbool.h>
#include <stddef.h>

enum { POOL_KEPT_MAX = 16 * 1024 * 1024 };
enum { POOL_UNIT = 8, POOL_MAX = 512, POOL_N_SIZES = POOL_MAX / POOL_UNIT + 1 };
struct pool_block;
struct pool {
    struct pool_block *blocks;
    char *at;                  /* of the block that is being filled */
    size_t left;               /* bytes behind 'at' */
    size_t n;                  /* things that are not freed */
    bool plain;                /* each from the allocator */
    void *freed[POOL_N_SIZES]; /* by size, each holds the next */
};
void pool_init(struct pool *p);
/* Asserts that everything was freed. */
void pool_done(struct pool *p);
/* 8-byte aligned and not zeroed; never NULL.  What is larger than POOL_MAX comes from the
 * allocator. */
void *pool_alloc(struct pool *p, size_t n);
void *pool_zalloc(struct pool *p, size_t n); /* zeroed */
void *pool_dup(struct pool *p, const void *from, size_t n);
/* 'n' as it was allocated with.  NULL is fine. */
void pool_free(struct pool *p, void *thing, size_t n);

#endif
