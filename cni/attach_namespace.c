/* SPDX-License-Identifier: Apache-2.0
 *
 * Network namespaces.  On Linux CNI_NETNS is a path and each container has its own attachment.  On
 * Windows it is the GUID of an HCN namespace: the runtime makes one for the Pod's sandbox and gives
 * it to the Pod's other containers too, each with an ADD and a DEL of its own.  The sandbox is the
 * container that has the record; the others are known by having none. */
#include <string.h>

#include "cni/attach_internal.h"
#include "core/base/guid.h"

int namespace_check(struct attach_call *c)
{
    struct guid guid;
    bool needed = c->r.verb == CNI_ADD || c->r.verb == CNI_CHECK;
    if (!c->a->config.hcn || !needed || guid_parse(c->r.env.netns, &guid)) {
        return 0;
    }
    return cni_error_set(&c->error, CNI_INVALID_ENVIRONMENT,
                         "CNI_NETNS: \"%.60s\" is not the GUID of an HCN namespace",
                         c->r.env.netns);
}

bool namespace_equal(const struct attach *a, const char *one, const char *other)
{
    struct guid x, y;
    if (a->config.hcn && guid_parse(one, &x) && guid_parse(other, &y)) {
        return guid_equal(&x, &y);
    }
    return strcmp(one, other) == 0;
}

struct record *namespace_record(const struct attach *a, const struct request *r)
{
    struct record *found = NULL;
    if (!a->config.hcn || !*r->env.netns) {
        return NULL;
    }
    HMAP_FOR_EACH(node, &a->records) {
        struct record *rec = CONTAINER_OF(node, struct record, node);
        if (strcmp(rec->att->container_id, r->env.container_id) == 0 ||
            !namespace_equal(a, rec->att->netns, r->env.netns)) {
            continue;
        }
        if (!found || strcmp(rec->att->cni_ifname, r->env.ifname) == 0) {
            found = rec;
        }
    }
    return found;
}

/* The lock of another call of the same container: whatever namespace either of them names. */
static const struct lock *namespace_lock_of_container(const struct attach_call *call)
{
    for (const struct attach_call *c = call->a->calls; c; c = c->next) {
        if (c->lock && strcmp(c->r.env.container_id, call->r.env.container_id) == 0) {
            return c->lock;
        }
    }
    return NULL;
}

/* The namespace of the container's attachments; a DEL may come without one. */
static const char *namespace_of_container(const struct attach *a, const char *container_id)
{
    HMAP_FOR_EACH(node, &a->records) {
        const struct record *rec = CONTAINER_OF(node, struct record, node);
        if (strcmp(rec->att->container_id, container_id) == 0) {
            return rec->att->netns;
        }
    }
    return NULL;
}

void namespace_lock_name(const struct attach_call *c, struct sbuf *out)
{
    const struct lock *lock = c->a->config.hcn ? namespace_lock_of_container(c) : NULL;
    const char *container_id = c->r.env.container_id;
    if (!c->a->config.hcn) {
        sbuf_puts(out, container_id);
        return;
    }
    if (lock) {
        sbuf_puts(out, lock->name);
        return;
    }
    const char *netns = namespace_of_container(c->a, container_id);
    struct guid guid;
    char text[GUID_TEXT_MAX];
    bool named = guid_parse(netns ? netns : c->r.env.netns, &guid);
    sbuf_printf(out, "%s %s", named ? "namespace" : "container",
                named ? guid_format(&guid, text) : container_id);
}
