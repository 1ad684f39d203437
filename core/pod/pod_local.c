/* SPDX-License-Identifier: Apache-2.0 */
#include "core/pod/pod_local.h"

#include <string.h>

#include "core/intent/intent.h"
#include "core/k8s/object.h"

/* A newer sandbox of the same Pod holds; other interfaces of the same sandbox stand beside it. */
static bool is_superseded(struct derive *d, const struct attachment *a, const char *pod)
{
    size_t n;
    const struct row **rows =
        view_list_index(derive_view(d), TABLE_ATTACHMENT, ATTACHMENT_BY_POD, pod, &n);
    for (size_t i = 0; i < n; i++) {
        const struct attachment *other = rows[i]->value;
        if (other->sequence > a->sequence && strcmp(other->container_id, a->container_id) != 0)
            return true;
    }
    return false;
}

/* The object that decides about this Pod is not to be had: none is there, or it is another's. */
static bool is_blocked(struct derive *d, const struct attachment *a, const char *pod)
{
    const struct row *row = view_get(derive_view(d), TABLE_POD, pod);
    if (!attachment_is_named(a))
        return false;
    if (!row)
        return true;
    const struct pod *object = row->value;
    if (!object->meta.uid_given || !a->pod_uid || !*a->pod_uid)
        return false;
    /* The node knows a static Pod by the UID that its mirror carries as an annotation. */
    return strcmp(object->meta.uid, a->pod_uid) != 0 && strcmp(object->mirror_uid, a->pod_uid) != 0;
}

void pod_local_derive(struct derive *d, const char *key)
{
    const struct attachment *a = view_get(derive_view(d), TABLE_ATTACHMENT, key)->value;
    const char *pod = attachment_pod(a, derive_arena(d));
    size_t len = sizeof(struct intent_local) + strlen(pod) + 1;
    struct intent_local *local = arena_alloc(derive_arena(d), len);
    memset(local, 0, len);
    local->ofport = a->ofport;
    local->blocked = is_blocked(d, a, pod);
    local->superseded = is_superseded(d, a, pod);
    local->mac = a->mac;
    for (size_t i = 0; i < a->n_ips && i < LOCAL_MAX_IPS; i++)
        local->ips[local->n_ips++] = a->ips[i];
    memcpy(local->pod, pod, strlen(pod) + 1);
    derive_row(d, TABLE_LOCAL, key, local, len);
}
