/* SPDX-License-Identifier: Apache-2.0
 *
 * Nodes whose podCIDRs overlap: traffic for a range can go to one Node only, so the one that had
 * it first keeps it.  All other kinds go to the sink as they are; a Node goes here, as a want, and
 * only what is free of overlap is told.  Nodes that are told never overlap one another, so each
 * pass compares only the wanted changes with the rest. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/sbuf.h"
#include "core/k8s/decode.h"
#include "core/k8s/folder_internal.h"

static const struct node *as_node(const struct object_meta *object)
{
    const union k8s_object *o = (const void *)object;
    return &o->node;
}

void folder_nodes_want(struct folder *f, const char *key, const struct entry *holder)
{
    struct node_slot *slot = NULL;
    for (size_t i = 0; i < f->nodes.n && !slot; i++)
        if (!strcmp(f->nodes.v[i].name, key))
            slot = &f->nodes.v[i];
    if (!slot) {
        VEC_PUSH(&f->nodes, ((struct node_slot){.name = mem_strdup(key)}));
        slot = &f->nodes.v[f->nodes.n - 1];
    }
    object_free(slot->wanted_object);
    slot->wanted = holder;
    slot->wanted_object = holder ? object_ref(holder->object) : NULL;
}

static void slot_done(struct node_slot *s)
{
    object_free(s->wanted_object);
    object_free(s->sent);
    mem_free(s->error);
    mem_free(s->name);
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
static const struct node_slot *find_overlap(const struct folder *f, const struct node_slot *self,
                                            const struct node *node, size_t *mine, size_t *theirs)
{
    for (size_t i = 0; i < f->nodes.n; i++) {
        const struct node_slot *s = &f->nodes.v[i];
        if (s != self && s->sent && s->sent == s->wanted_object &&
            overlap(node, as_node(s->sent), mine, theirs))
            return s;
    }
    return NULL;
}

static char *describe(const struct node_slot *slot, const struct node_slot *other, size_t mine,
                      size_t theirs)
{
    const struct node *a = as_node(slot->wanted_object), *b = as_node(other->sent);
    char at[PREFIX_TEXT_MAX], bt[PREFIX_TEXT_MAX];
    struct sbuf text = SBUF_INIT;
    sbuf_printf(&text, "%s:%u: spec.podCIDRs[%zu]: %s of Node %s overlaps %s of Node %s (%s:%u)",
                slot->wanted->file->name, slot->wanted->cidr_line, mine,
                prefix_format(&a->pod_cidrs[mine], at), a->meta.name,
                prefix_format(&b->pod_cidrs[theirs], bt), b->meta.name, other->wanted->file->name,
                other->wanted->cidr_line);
    return sbuf_take(&text);
}

static void tell(struct folder *f, struct node_slot *slot)
{
    object_free(slot->sent);
    slot->sent = object_ref(slot->wanted_object);
    f->sink.put(f->sink.aux, K8S_NODE, slot->name, object_ref(slot->sent));
}

/* Drops slots that nobody wants, and settles those that did not change in what is read. */
static void settle_plain(struct folder *f)
{
    for (size_t i = f->nodes.n; i-- > 0;) {
        struct node_slot *s = &f->nodes.v[i];
        if (!s->wanted_object) {
            if (s->sent)
                f->sink.remove(f->sink.aux, K8S_NODE, s->name);
            slot_done(s);
            *s = f->nodes.v[--f->nodes.n];
        } else if (s->sent && object_equal(s->sent, s->wanted_object)) {
            object_free(s->sent);
            s->sent = object_ref(s->wanted_object);
            mem_free(s->error);
            s->error = NULL;
        }
    }
}

static int slot_cmp(const void *a, const void *b)
{
    struct node_slot *const *x = a, *const *y = b;
    const struct entry *p = (*x)->wanted, *q = (*y)->wanted;
    int c = strcmp(p->file->name, q->file->name);
    return c ? c : (p->line > q->line) - (p->line < q->line);
}

/* A change that overlaps leaves the Node's last version, unless that is taken by now too. */
static void fall_back(struct folder *f, struct node_slot *slot)
{
    size_t mine, theirs;
    if (!slot->sent || !find_overlap(f, slot, as_node(slot->sent), &mine, &theirs))
        return;
    f->sink.remove(f->sink.aux, K8S_NODE, slot->name);
    object_free(slot->sent);
    slot->sent = NULL;
}

void folder_nodes_settle(struct folder *f)
{
    VEC(struct node_slot *) changes = VEC_INIT;
    settle_plain(f);
    for (size_t i = 0; i < f->nodes.n; i++)
        if (f->nodes.v[i].sent != f->nodes.v[i].wanted_object)
            VEC_PUSH(&changes, &f->nodes.v[i]);
    if (changes.n)
        qsort(changes.v, changes.n, sizeof *changes.v, slot_cmp);
    for (size_t i = 0; i < changes.n; i++) {
        struct node_slot *slot = changes.v[i];
        size_t mine = 0, theirs = 0;
        const struct node_slot *other =
            find_overlap(f, slot, as_node(slot->wanted_object), &mine, &theirs);
        auto_free char *before = slot->error;
        slot->error = other ? describe(slot, other, mine, theirs) : NULL;
        if (!other)
            tell(f, slot);
        else if (!before || strcmp(before, slot->error))
            folder_note(f, FOLDER_NOTE_BAD, slot->error);
    }
    for (size_t i = 0; i < changes.n; i++)
        if (changes.v[i]->error)
            fall_back(f, changes.v[i]);
    VEC_DONE(&changes);
}

void folder_nodes_done(struct folder *f)
{
    for (size_t i = 0; i < f->nodes.n; i++)
        slot_done(&f->nodes.v[i]);
    VEC_DONE(&f->nodes);
}
