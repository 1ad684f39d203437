/* SPDX-License-Identifier: Apache-2.0 */
#include "core/pod/attachment.h"

#include <string.h>

#include "core/base/mem.h"
#include "core/pod/pod_local.h"

struct attachment *attachment_new(void)
{
    return mem_calloc(1, sizeof(struct attachment));
}

static char *copy_text(const char *s)
{
    return s ? mem_strdup(s) : NULL;
}

struct attachment *attachment_copy(const struct attachment *a)
{
    struct attachment *c = mem_dup(a, sizeof *a);
    c->container_id = copy_text(a->container_id);
    c->cni_ifname = copy_text(a->cni_ifname);
    c->netns = copy_text(a->netns);
    c->interface = copy_text(a->interface);
    c->pod_namespace = copy_text(a->pod_namespace);
    c->pod_name = copy_text(a->pod_name);
    c->pod_uid = copy_text(a->pod_uid);
    return c;
}

void attachment_free(void *p)
{
    struct attachment *a = p;
    if (!a)
        return;
    mem_free(a->container_id);
    mem_free(a->cni_ifname);
    mem_free(a->netns);
    mem_free(a->interface);
    mem_free(a->pod_namespace);
    mem_free(a->pod_name);
    mem_free(a->pod_uid);
    mem_free(a);
}

static bool text_equal(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool addresses_equal(const struct attachment *a, const struct attachment *b)
{
    if (a->n_ips != b->n_ips || memcmp(&a->mac, &b->mac, sizeof a->mac) != 0)
        return false;
    for (size_t i = 0; i < a->n_ips; i++)
        if (!ip_equal(&a->ips[i], &b->ips[i]) || a->subnet_len[i] != b->subnet_len[i])
            return false;
    return true;
}

bool attachment_equal(const void *pa, const void *pb)
{
    const struct attachment *a = pa, *b = pb;
    return text_equal(a->container_id, b->container_id) &&
           text_equal(a->cni_ifname, b->cni_ifname) && text_equal(a->netns, b->netns) &&
           text_equal(a->interface, b->interface) &&
           text_equal(a->pod_namespace, b->pod_namespace) && text_equal(a->pod_name, b->pod_name) &&
           text_equal(a->pod_uid, b->pod_uid) && a->sequence == b->sequence &&
           a->ofport == b->ofport && addresses_equal(a, b);
}

const char *attachment_pod(const struct attachment *a, struct arena *arena)
{
    if (!attachment_is_named(a))
        return arena_printf(arena, "default/%s", a->container_id);
    return arena_printf(arena, "%s/%s", a->pod_namespace, a->pod_name);
}

bool attachment_is_named(const struct attachment *a)
{
    if (!a->pod_name || !*a->pod_name || !a->pod_namespace || !*a->pod_namespace)
        return false;
    /* How CNI records a container without a name. */
    bool own_name = text_equal(a->pod_namespace, "default") &&
                    text_equal(a->pod_name, a->container_id) && text_equal(a->pod_uid, "");
    return !own_name;
}

void attachment_by_pod(const struct row *row, struct index_sink *sink)
{
    struct arena arena;
    arena_init(&arena, 0);
    index_emit(sink, attachment_pod(row->value, &arena));
    arena_done(&arena);
}
