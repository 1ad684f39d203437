/* SPDX-License-Identifier: Apache-2.0
 *
 * Interned strings: one pool of the loop thread's.  A string lives in one allocation behind its
 * count; the caller holds a pointer to the text and the pool finds the head before it.  When the
 * last string goes, the pool's buckets go too: nothing is left at the end of a process. */
#include <assert.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/hmap.h"
#include "core/base/mem.h"

struct interned {
    struct hmap_node node;
    uint32_t refs;
    uint32_t len;
    char text[];
};

static struct hmap intern_pool;

static struct interned *intern_head(const char *text)
{
    struct interned *head;
    /* The text was handed out as const; its head is ours. */
    const char *at = text - offsetof(struct interned, text);
    memcpy(&head, &at, sizeof head);
    return head;
}

const char *intern_ref(const char *s, size_t n)
{
    assert(n < UINT32_MAX);
    uint64_t hash = hash_bytes(s, n, 0);
    HMAP_FOR_EACH_WITH_HASH(node, &intern_pool, hash) {
        struct interned *i = CONTAINER_OF(node, struct interned, node);
        if (i->len == n && (!n || !memcmp(i->text, s, n))) {
            i->refs++;
            return i->text;
        }
    }
    struct interned *i = mem_alloc(sizeof *i + n + 1);
    i->refs = 1;
    i->len = (uint32_t)n;
    if (n) {
        memcpy(i->text, s, n);
    }
    i->text[n] = 0;
    hmap_insert(&intern_pool, &i->node, hash);
    return i->text;
}

const char *intern_again(const char *interned)
{
    intern_head(interned)->refs++;
    return interned;
}

void intern_unref(const char *interned)
{
    if (!interned) {
        return;
    }
    struct interned *i = intern_head(interned);
    assert(i->refs);
    if (--i->refs) {
        return;
    }
    hmap_remove(&intern_pool, &i->node);
    mem_free(i);
    if (!intern_pool.n) {
        hmap_done(&intern_pool);
    }
}

size_t intern_count(void)
{
    return intern_pool.n;
}
