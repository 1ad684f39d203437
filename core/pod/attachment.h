/* SPDX-License-Identifier: Apache-2.0
 *
 * An attachment: one Pod interface on this node, as CNI made it.  Rows of the input table
 * TABLE_ATTACHMENT, key "container-id/cni-ifname".  Its lasting record is in external_ids of its
 * OVS port (see docs/cni.md). */
#ifndef SEINE_POD_ATTACHMENT_H
#define SEINE_POD_ATTACHMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/addr.h"

enum { ATTACHMENT_MAX_IPS = 2 };
struct attachment {
    char *container_id;
    char *cni_ifname;                         /* name inside the Pod: eth0 */
    char *netns;                              /* path, or HCN namespace GUID */
    char *interface;                          /* host-side interface = OVS port name */
    char *pod_namespace, *pod_name, *pod_uid; /* uid "" if CNI_ARGS had none */
    uint64_t sequence;                        /* the newest attachment of a Pod holds */
    uint32_t ofport;                          /* 0: not there yet */
    struct mac mac;
    struct ip ips[ATTACHMENT_MAX_IPS];
    uint8_t subnet_len[ATTACHMENT_MAX_IPS]; /* of the podCIDR that each came from; 0: not known */
    size_t n_ips;
};
struct attachment *attachment_new(void);
struct attachment *attachment_copy(const struct attachment *a);
void attachment_free(void *a);
bool attachment_equal(const void *a, const void *b);

#endif
