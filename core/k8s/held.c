/* SPDX-License-Identifier: Apache-2.0
 *
 * The objects of a reflector.  One reference each is kept, so that an event that changes nothing
 * that is read ends here: of a Pod's updates most are of that sort. */
#include "core/k8s/held.h"

#include <stdio.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/mem.h"

struct entry {
    struct hmap_node node;
    void *object;
    uint32_t round; /* the last one that it was met in */
};

static struct entry *entry_of(struct hmap_node *node)
{
    return CONTAINER_OF(node, struct entry, node);
}

static struct entry *find(const struct held *h, const char *key, uint64_t hash)
{
    char buf[K8S_KEY_MAX];
    HMAP_FOR_EACH_WITH_HASH(node, &h->objects, hash)
        if (!strcmp(k8s_key(entry_of(node)->object, buf), key))
            return entry_of(node);
    return NULL;
}

static void entry_free(struct held *h, struct entry *e)
{
    hmap_remove(&h->objects, &e->node);
    object_free(e->object);
    mem_free(e);
}

static struct entry *entry_new(struct held *h, void *object, uint64_t hash)
{
    struct entry *e = mem_calloc(1, sizeof *e);
    e->object = object;
    e->round = h->round;
    hmap_insert(&h->objects, &e->node, hash);
    return e;
}

void held_init(struct held *h, enum k8s_kind kind, const struct reflector_ops *ops)
{
    memset(h, 0, sizeof *h);
    h->kind = kind;
    h->ops = ops;
    hmap_init(&h->objects);
}

static void error_free(struct held *h, size_t i)
{
    char *key, *text;
    memcpy(&key, &h->errors.v[i].key, sizeof key); /* ours, handed out as const */
    memcpy(&text, &h->errors.v[i].text, sizeof text);
    mem_free(key);
    mem_free(text);
    h->errors.v[i] = h->errors.v[--h->errors.n];
    h->rounds.v[i] = h->rounds.v[--h->rounds.n];
}

void held_done(struct held *h)
{
    HMAP_FOR_EACH_SAFE(node, next, &h->objects)
        entry_free(h, entry_of(node));
    hmap_done(&h->objects);
    while (h->errors.n)
        error_free(h, h->errors.n - 1);
    VEC_DONE(&h->errors);
    VEC_DONE(&h->rounds);
}

/* ---- errors ---- */

static void note(const struct held *h, enum log_level level, const char *key, const char *text)
{
    auto_sbuf line = SBUF_INIT;
    sbuf_printf(&line, "%s %s: %s", k8s_kind_name(h->kind), *key ? key : "without a name", text);
    h->ops->note(h->ops->aux, level, sbuf_cstr(&line));
}

static size_t find_error(const struct held *h, const char *key)
{
    for (size_t i = 0; i < h->errors.n; i++)
        if (!strcmp(h->errors.v[i].key, key))
            return i;
    return h->errors.n;
}

/* The object is readable again, or gone. */
static void error_over(struct held *h, const char *key)
{
    size_t i = find_error(h, key);
    if (i == h->errors.n)
        return;
    note(h, LOG_INFO, key, "its error is over");
    error_free(h, i);
}

void held_bad(struct held *h, const char *key, const char *why)
{
    struct entry *e = find(h, key, hash_str(key, 0));
    size_t i = find_error(h, key);
    if (e)
        e->round = h->round;
    if (!*key)
        h->nameless = true;
    bool blocking = !e && (!h->listed || (i < h->errors.n && h->errors.v[i].blocking));
    auto_sbuf text = SBUF_INIT;
    sbuf_printf(&text, "%s %s: %s", k8s_kind_name(h->kind), *key ? key : "without a name", why);
    bool same = i < h->errors.n && !strcmp(h->errors.v[i].text, sbuf_cstr(&text));
    if (same) {
        h->rounds.v[i] = h->round;
        return;
    }
    if (i < h->errors.n)
        error_free(h, i);
    h->ops->note(h->ops->aux, LOG_WARN, sbuf_cstr(&text));
    VEC_PUSH(&h->errors, ((struct reflector_error){mem_strdup(key), sbuf_take(&text), blocking}));
    VEC_PUSH(&h->rounds, h->round);
}

bool held_complete(const struct held *h)
{
    for (size_t i = 0; i < h->errors.n; i++)
        if (h->errors.v[i].blocking)
            return false;
    return h->listed;
}

/* ---- objects ---- */

void held_seed(struct held *h, void *object)
{
    char key[K8S_KEY_MAX];
    uint64_t hash = hash_str(k8s_key(object, key), 0);
    struct entry *e = find(h, key, hash);
    if (e)
        entry_free(h, e);
    entry_new(h, object, hash);
}

void held_put(struct held *h, void *object)
{
    char key[K8S_KEY_MAX];
    uint64_t hash = hash_str(k8s_key(object, key), 0);
    struct entry *e = find(h, key, hash);
    bool same = e && object_equal(e->object, object);

    if (h->errors.n)
        error_over(h, key);
    if (same) {
        object_free(object);
    } else if (e) {
        object_free(e->object);
        e->object = object;
    } else {
        e = entry_new(h, object, hash);
    }
    e->round = h->round;
    if (!same)
        h->ops->put(h->ops->aux, h->kind, key, object_ref(object));
}

static void entry_remove(struct held *h, struct entry *e)
{
    char key[K8S_KEY_MAX];
    k8s_key(e->object, key);
    entry_free(h, e);
    h->ops->remove(h->ops->aux, h->kind, key);
}

void held_remove(struct held *h, const char *key)
{
    struct entry *e = find(h, key, hash_str(key, 0));
    error_over(h, key);
    if (e)
        entry_remove(h, e);
}

void held_round_begin(struct held *h)
{
    h->round++;
    h->nameless = false;
}

void held_round_end(struct held *h)
{
    for (size_t i = h->errors.n; i-- > 0;)
        if (h->rounds.v[i] != h->round)
            error_over(h, h->errors.v[i].key);
    HMAP_FOR_EACH_SAFE(node, next, &h->objects)
        if (!h->nameless && entry_of(node)->round != h->round)
            entry_remove(h, entry_of(node));
    h->listed = true;
}

void held_clear(struct held *h)
{
    held_round_begin(h);
    held_round_end(h);
}
