/* SPDX-License-Identifier: Apache-2.0
 *
 * pool: blocks cut from front to back; what is freed goes to the front of its size's list.  The
 * rest of a block that is too small for what is asked goes to the lists too. */
#include "core/base/pool.h"

#include <assert.h>
#include <stdatomic.h>
#include <string.h>

#include "core/base/mem.h"

enum { POOL_FIRST_BLOCK = 1024, POOL_MAX_BLOCK = 64 * 1024 };

struct pool_block {
    struct pool_block *next;
    size_t size; /* bytes after this header */
};
_Static_assert(sizeof(struct pool_block) % POOL_UNIT == 0, "blocks' bytes are aligned");
_Static_assert(sizeof(void *) <= POOL_UNIT, "what is freed can hold the next");

void pool_init(struct pool *p)
{
    *p = (struct pool){.plain = PORT_SANITIZED};
}

/* Largest blocks that no pool has, for the next that needs one: a C library that gives pages back
 * at once (msvcrt does) lets who makes one large owner after another pay for each page again. */
static struct pool_block *kept;
static size_t n_kept;
static atomic_flag keeping = ATOMIC_FLAG_INIT;

static void kept_lock(void)
{
    while (atomic_flag_test_and_set_explicit(&keeping, memory_order_acquire)) {}
}

static void kept_unlock(void)
{
    atomic_flag_clear_explicit(&keeping, memory_order_release);
}

/* NULL: none is kept. */
static struct pool_block *kept_take(void)
{
    kept_lock();
    struct pool_block *b = kept;
    if (b) {
        kept = b->next;
        n_kept--;
    }
    kept_unlock();
    return b;
}

static bool kept_put(struct pool_block *b)
{
    kept_lock();
    bool room = n_kept < POOL_KEPT_MAX / POOL_MAX_BLOCK;
    if (room) {
        b->next = kept;
        kept = b;
        n_kept++;
    }
    kept_unlock();
    return room;
}

static struct pool_block *block_new(size_t size)
{
    struct pool_block *b = size == POOL_MAX_BLOCK ? kept_take() : NULL;
    if (!b) {
        b = mem_alloc(sizeof *b + size);
        b->size = size;
    }
    return b;
}

static void block_free(struct pool_block *b)
{
    if (b->size != POOL_MAX_BLOCK || !kept_put(b))
        mem_free(b);
}

static void blocks_free(struct pool *p)
{
    for (struct pool_block *b = p->blocks, *next; b; b = next) {
        next = b->next;
        block_free(b);
    }
    *p = (struct pool){.plain = p->plain};
}

void pool_done(struct pool *p)
{
    assert(p->n == 0);
    blocks_free(p);
}

static size_t round_up(size_t n)
{
    return n ? (n + POOL_UNIT - 1) / POOL_UNIT * POOL_UNIT : POOL_UNIT;
}

static void keep(struct pool *p, void *thing, size_t size)
{
    memcpy(thing, &p->freed[size / POOL_UNIT], sizeof(void *));
    p->freed[size / POOL_UNIT] = thing;
}

/* Room for at least POOL_MAX bytes. */
static void block_add(struct pool *p)
{
    if (p->left)
        keep(p, p->at, p->left); /* less than POOL_MAX */
    size_t size = p->blocks ? p->blocks->size * 2 : POOL_FIRST_BLOCK;
    if (size > POOL_MAX_BLOCK)
        size = POOL_MAX_BLOCK;
    struct pool_block *b = block_new(size);
    b->next = p->blocks;
    p->blocks = b;
    p->at = (char *)(b + 1);
    p->left = size;
}

void *pool_alloc(struct pool *p, size_t n)
{
    p->n++;
    if (p->plain || n > POOL_MAX)
        return mem_alloc(n);
    size_t size = round_up(n);
    void *thing = p->freed[size / POOL_UNIT];
    if (thing) {
        memcpy(&p->freed[size / POOL_UNIT], thing, sizeof(void *));
        return thing;
    }
    if (size > p->left)
        block_add(p);
    thing = p->at;
    p->at += size;
    p->left -= size;
    return thing;
}

void *pool_zalloc(struct pool *p, size_t n)
{
    return memset(pool_alloc(p, n), 0, n);
}

void *pool_dup(struct pool *p, const void *from, size_t n)
{
    void *copy = pool_alloc(p, n);
    if (n)
        memcpy(copy, from, n);
    return copy;
}

void pool_free(struct pool *p, void *thing, size_t n)
{
    if (!thing)
        return;
    assert(p->n);
    p->n--;
    if (p->plain || n > POOL_MAX)
        mem_free(thing);
    else
        keep(p, thing, round_up(n));
    if (p->n == 0)
        blocks_free(p);
}
