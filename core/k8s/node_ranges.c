/* SPDX-License-Identifier: Apache-2.0
 *
 * Nodes whose podCIDRs overlap.  Nodes that are told never overlap one another, so each settling
 * compares only the wanted changes with the rest. */
#include "core/k8s/node_ranges.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/k8s/decode.h"

void node_ranges_init(struct node_ranges *r, const struct node_ranges_ops *ops)
{
    memset(r, 0, sizeof *r);
    r->ops = *ops;
}

static void slot_done(struct node_slot *s)
{
    object_free(s->wanted);
    object_free(s->sent);
    mem_free(s->error);
    mem_free(s->name);
}

void node_ranges_done(struct node_ranges *r)
{
    for (size_t i = 0; i < r->slots.n; i++)
        slot_done(&r->slots.v[i]);
    VEC_DONE(&r->slots);
}

static struct node_slot *slot_get(struct node_ranges *r, const char *name)
{
    for (size_t i = 0; i < r->slots.n; i++)
        if (!strcmp(r->slots.v[i].name, name))
            return &r->slots.v[i];
    VEC_PUSH(&r->slots, ((struct node_slot){.name = mem_strdup(name)}));
    return &r->slots.v[r->slots.n - 1];
}

void node_ranges_want(struct node_ranges *r, const char *name, const void *origin,
                      const void *object)
{
    struct node_slot *slot = slot_get(r, name);
    r->dirty = true;
    object_free(slot->wanted);
    slot->origin = origin;
    slot->wanted = object ? object_ref(object) : NULL;
}

void node_ranges_seed(struct node_ranges *r, const char *name, const void *object)
{
    struct node_slot *slot = slot_get(r, name);
    node_ranges_want(r, name, NULL, object);
    object_free(slot->sent);
    slot->sent = object_ref(object);
}

static const struct node *as_node(const struct object_meta *object)
{
    const union k8s_object *o = (const void *)object;
    return &o->node;
}

/* The first overlap of two Nodes, as indexes of their podCIDRs. */
static bool overlap(const struct node *a, const struct node *b, size_t *ia, size_t *ib)
{
    for (size_t i = 0; i < a->n_pod_cidrs; i++)
        for (size_t k = 0; k < b->n_pod_cidrs; k++)
            if (prefix_overlaps(&a->pod_cidrs[i], &b->pod_cidrs[k])) {
                *ia = i;
                *ib = k;
                return true;
            }
    return false;
}

/* A slot, other than 'self', whose Node is told and overlaps 'node'. */
static const struct node_slot *find_overlap(const struct node_ranges *r,
                                            const struct node_slot *self, const struct node *node,
                                            size_t *mine, size_t *theirs)
{
    for (size_t i = 0; i < r->slots.n; i++) {
        const struct node_slot *s = &r->slots.v[i];
        if (s != self && s->sent && s->sent == s->wanted &&
            overlap(node, as_node(s->sent), mine, theirs))
            return s;
    }
    return NULL;
}

static char *describe(const struct node_ranges *r, const struct node_slot *slot,
                      const struct node_slot *other, size_t mine, size_t theirs)
{
    const struct node *a = as_node(slot->wanted), *b = as_node(other->sent);
    char at[PREFIX_TEXT_MAX], bt[PREFIX_TEXT_MAX];
    auto_sbuf what = SBUF_INIT;
    struct sbuf text = SBUF_INIT;
    sbuf_printf(&what, "spec.podCIDRs[%zu]: %s of Node %s overlaps %s of Node %s", mine,
                prefix_format(&a->pod_cidrs[mine], at), a->meta.name,
                prefix_format(&b->pod_cidrs[theirs], bt), b->meta.name);
    r->ops.describe(slot, other, sbuf_cstr(&what), &text);
    return sbuf_take(&text);
}

static void tell(struct node_ranges *r, struct node_slot *slot)
{
    object_free(slot->sent);
    slot->sent = object_ref(slot->wanted);
    r->ops.put(r->ops.aux, slot->name, object_ref(slot->sent));
}

/* Drops slots that nobody wants, and settles those that did not change in what is read. */
static void settle_plain(struct node_ranges *r)
{
    for (size_t i = r->slots.n; i-- > 0;) {
        struct node_slot *s = &r->slots.v[i];
        if (!s->wanted) {
            if (s->sent)
                r->ops.remove(r->ops.aux, s->name);
            slot_done(s);
            *s = r->slots.v[--r->slots.n];
        } else if (s->sent && object_equal(s->sent, s->wanted)) {
            object_free(s->sent);
            s->sent = object_ref(s->wanted);
            mem_free(s->error);
            s->error = NULL;
        }
    }
}

/* A change that overlaps leaves the Node's last version, unless that is taken by now too. */
static void fall_back(struct node_ranges *r, struct node_slot *slot)
{
    size_t mine, theirs;
    if (!slot->sent || !find_overlap(r, slot, as_node(slot->sent), &mine, &theirs))
        return;
    r->ops.remove(r->ops.aux, slot->name);
    object_free(slot->sent);
    slot->sent = NULL;
}

void node_ranges_settle(struct node_ranges *r)
{
    VEC(struct node_slot *) changes = VEC_INIT;
    if (!r->dirty)
        return;
    r->dirty = false;
    settle_plain(r);
    for (size_t i = 0; i < r->slots.n; i++)
        if (r->slots.v[i].sent != r->slots.v[i].wanted)
            VEC_PUSH(&changes, &r->slots.v[i]);
    if (changes.n)
        qsort(changes.v, changes.n, sizeof *changes.v, r->ops.order);
    for (size_t i = 0; i < changes.n; i++) {
        struct node_slot *slot = changes.v[i];
        size_t mine = 0, theirs = 0;
        const struct node_slot *other =
            find_overlap(r, slot, as_node(slot->wanted), &mine, &theirs);
        auto_free char *before = slot->error;
        slot->error = other ? describe(r, slot, other, mine, theirs) : NULL;
        if (!other)
            tell(r, slot);
        else if (!before || strcmp(before, slot->error) != 0)
            r->ops.error(r->ops.aux, slot->error);
    }
    for (size_t i = 0; i < changes.n; i++)
        if (changes.v[i]->error)
            fall_back(r, changes.v[i]);
    VEC_DONE(&changes);
}
