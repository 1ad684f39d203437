/* SPDX-License-Identifier: Apache-2.0
 *
 * Attachments to intents: who is attached on this node, and as whom. */
#ifndef SEINE_POD_POD_LOCAL_H
#define SEINE_POD_POD_LOCAL_H

#include "core/base/mem.h"
#include "core/engine/engine.h"
#include "core/pod/attachment.h"
#include "core/store/store.h"

/* Index of TABLE_ATTACHMENT. */
enum { ATTACHMENT_BY_POD };
index_fn attachment_by_pod;

/* Whether CNI told which Pod this is.  A container without a name is a Pod of its own: namespace
 * "default", its container id as name, no labels. */
bool attachment_is_named(const struct attachment *a);
/* "namespace/name" of the Pod, allocated in 'arena'. */
const char *attachment_pod(const struct attachment *a, struct arena *arena);

/* Unit kind "local", driven by TABLE_ATTACHMENT: writes the TABLE_LOCAL row of the same key.
 * Reads: attachments of the same Pod, its object. */
void pod_local_derive(struct derive *d, const char *key);

#endif
