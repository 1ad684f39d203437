/* SPDX-License-Identifier: Apache-2.0
 *
 * SPACE_ACL and SPACE_ACL_SET at the service: what it holds, and what is sent to it.
 *
 * A list is one endpoint's ACL policies, sent whole in one request, so that there is no moment in
 * which half of it holds.  Its other policies go with it as they were read: whether the service
 * replaces policies of other types is not relied upon.  Sets come before the lists that name them
 * and go after those.  Taking a list away sends nothing: an endpoint whose attachment went keeps
 * its last list until it goes itself; it is never opened.  A list whose endpoint is absent counts
 * as sent: nothing passes there, and who makes the endpoint reads back.
 *
 * All of it blocks and is for work threads: everything is passed as copies, and what is read lies
 * in the caller's arena. */
#ifndef SEINE_HNS_ACL_TARGET_H
#define SEINE_HNS_ACL_TARGET_H

#include "core/engine/engine.h"
#include "hns/client.h"

/* Which endpoint an entry of SPACE_ACL is. */
struct acl_place {
    const char *key, *pod; /* of the attachment: its row's key, "NAMESPACE/NAME" */
    struct guid endpoint;
};
/* Keys and values as the engine's spaces have them; values are NUL-terminated. */
struct acl_row {
    const char *key, *value;
};
struct acl_rows {
    struct acl_row *v;
    size_t n;
};

/* The lists that the endpoints hold; an endpoint that is absent or has none has no row.  An error
 * of hns/client.h: nothing is known, nothing may be planned. */
int acl_target_read(struct hns_client *h, const struct acl_place *places, size_t n, struct arena *a,
                    struct acl_rows *out, struct err *err);
/* Our sets in a network, by their ids; those of others are left out.  An absent network has none.
 */
int acl_target_read_sets(struct hns_client *h, const struct guid *network, struct arena *a,
                         struct acl_rows *out, struct err *err);

struct acl_change {
    enum plan_op op;
    struct guid endpoint;   /* lists */
    const char *key, *text; /* the entry's; text NULL for a deletion */
};
struct acl_changes {
    const struct acl_change *v;
    size_t n;
};
enum acl_end {
    ACL_DONE,
    ACL_REFUSED, /* 'item' of 'space' was refused; what came before it is done */
    ACL_UNKNOWN  /* the service is away or did not answer: read back */
};
struct acl_result {
    enum acl_end end;
    int space;
    size_t item;
    struct err err;
};
/* Sets that come or change, then lists, then sets that go.  Stops at what fails. */
void acl_target_apply(struct hns_client *h, const struct guid *network,
                      const struct acl_changes *sets, const struct acl_changes *lists,
                      struct acl_result *out);

#endif
