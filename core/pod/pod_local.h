/* SPDX-License-Identifier: Apache-2.0
 *
 * Unit kind "local": attachments of this node to rows of TABLE_LOCAL.
 *
 * What Pod an attachment belongs to is decided here, once: a newer sandbox of the same Pod
 * supersedes an older one, and an attachment whose UID is not the Pod object's belongs to a Pod
 * that is no more; nothing passes through either. */
#ifndef SEINE_POD_POD_LOCAL_H
#define SEINE_POD_POD_LOCAL_H

#include "core/engine/engine.h"
#include "core/k8s/object.h"
#include "core/pod/attachment.h"

/* Index of TABLE_ATTACHMENT by "namespace/name" of its Pod. */
enum { ATTACHMENT_BY_POD };
index_fn attachment_by_pod;

/* The Pod of an attachment as "namespace/name".  A container that came without a Pod's identity is
 * a Pod of its own: namespace "default", the container id as name.  'buf' holds POD_LOCAL_KEY_MAX
 * bytes; longer names are cut (the API server's limits forbid them).  Returns buf. */
enum { POD_LOCAL_KEY_MAX = 64 + 254 + 2 };
char *pod_local_key(const struct attachment *a, char *buf);
/* Whether the attachment came without a Pod's identity. */
bool pod_local_is_bare(const struct attachment *a);
/* Whether the object can be the attachment's Pod: their UIDs are equal, or one side has none.  A
 * mirror Pod also answers to the UID that its static Pod has on the node. */
bool pod_local_accepts(const struct attachment *a, const struct pod *pod);

/* Stage 1, driven by TABLE_ATTACHMENT: reads it and TABLE_POD, writes the row of TABLE_LOCAL that
 * has the attachment's key. */
void pod_local_derive(struct derive *d, const char *key);

#endif
