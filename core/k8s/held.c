/* SPDX-License-Identifier: Apache-2.0
 *
 * The objects of a reflector.  One reference each is kept, so that an event that changes nothing
 * that is read ends here: of a Pod's updates most are of that sort. */
#include "core/k8s/held.h"

#include <stdio.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/mem.h"
#include "core/k8s/decode.h"

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

/* ---- Nodes: the one that was created first has the range ---- */

static void node_put(void *aux, const char *name, void *object)
{
    const struct held *h = aux;
    h->ops->put(h->ops->aux, K8S_NODE, name, object);
}

static void node_remove(void *aux, const char *name)
{
    const struct held *h = aux;
    h->ops->remove(h->ops->aux, K8S_NODE, name);
}

static const char *created(const struct node_slot *slot)
{
    const union k8s_object *o = (const void *)slot->wanted;
    return o->node.created;
}

/* By the times as the server writes them, all in the same form; one without comes last. */
static int node_order(const void *a, const void *b)
{
    const struct node_slot *const *x = a, *const *y = b;
    const char *p = created(*x), *q = created(*y);
    int c = !*p - !*q;
    if (c == 0)
        c = strcmp(p, q);
    return c ? c : strcmp((*x)->name, (*y)->name);
}

static void node_describe(const struct node_slot *slot, const struct node_slot *other,
                          const char *what, struct sbuf *out)
{
    (void)other;
    sbuf_printf(out, "Node %s: %s", slot->name, what);
}

static void node_error(void *aux, const char *text)
{
    const struct held *h = aux;
    h->ops->note(h->ops->aux, LOG_WARN, text);
}

static void tell_put(struct held *h, const char *key, const void *object)
{
    if (h->kind == K8S_NODE)
        node_ranges_want(&h->nodes, key, NULL, object);
    else
        h->ops->put(h->ops->aux, h->kind, key, object_ref(object));
}

static void tell_remove(struct held *h, const char *key)
{
    if (h->kind == K8S_NODE)
        node_ranges_want(&h->nodes, key, NULL, NULL);
    else
        h->ops->remove(h->ops->aux, h->kind, key);
}

/* ---- life ---- */

void held_init(struct held *h, enum k8s_kind kind, const struct reflector_ops *ops)
{
    memset(h, 0, sizeof *h);
    h->kind = kind;
    h->ops = ops;
    hmap_init(&h->objects);
    node_ranges_init(&h->nodes, &(struct node_ranges_ops){.aux = h,
                                                          .put = node_put,
                                                          .remove = node_remove,
                                                          .order = node_order,
                                                          .describe = node_describe,
                                                          .error = node_error});
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
    VEC_DONE(&h->listed_errors);
    node_ranges_done(&h->nodes);
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
    h->complaints++;
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
    if (h->kind == K8S_NODE)
        node_ranges_seed(&h->nodes, key, object);
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
        tell_put(h, key, object);
}

static void entry_remove(struct held *h, struct entry *e)
{
    char key[K8S_KEY_MAX];
    k8s_key(e->object, key);
    entry_free(h, e);
    tell_remove(h, key);
}

void held_remove(struct held *h, const char *key)
{
    struct entry *e = find(h, key, hash_str(key, 0));
    error_over(h, key);
    if (e)
        entry_remove(h, e);
}

static void list_errors(struct held *h)
{
    h->listed_errors.n = 0;
    for (size_t i = 0; i < h->errors.n; i++)
        VEC_PUSH(&h->listed_errors, h->errors.v[i]);
    for (size_t i = 0; i < h->nodes.slots.n; i++) {
        const struct node_slot *s = &h->nodes.slots.v[i];
        if (s->error)
            VEC_PUSH(&h->listed_errors, ((struct reflector_error){s->name, s->error, false}));
    }
}

/* Nodes wait for the end of a round: only then is it known which of them there are. */
void held_settle(struct held *h)
{
    if (h->kind == K8S_NODE && !h->in_round)
        node_ranges_settle(&h->nodes);
    list_errors(h);
}

void held_round_begin(struct held *h)
{
    h->round++;
    h->in_round = true;
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
    h->in_round = false;
}

void held_clear(struct held *h)
{
    held_round_begin(h);
    held_round_end(h);
}
