/* SPDX-License-Identifier: Apache-2.0
 *
 * One rule of an access list, as the endpoint policy "ACL" (hns/document.h). */
#ifndef SEINE_HNS_ACL_RULE_H
#define SEINE_HNS_ACL_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/sbuf.h"
#include "hns/document.h"

/* From the first that decides to the last.  Rules of one priority have one action. */
enum acl_priority {
    ACL_PRIORITY_OWN = 100,      /* the node's and the Pod's own addresses */
    ACL_PRIORITY_POLICY = 1000,  /* what policies allow */
    ACL_PRIORITY_BASE = 65000,   /* all the rest */
    ACL_PRIORITY_BLOCKED = 65500 /* of an attachment that does not hold: nothing passes */
};

struct acl_rule {
    enum hcn_direction direction;
    bool allow;
    uint16_t priority;
    uint8_t proto;     /* IP protocol number, 0: every one */
    const char *peers; /* prefixes divided by commas, or one set's id; "": everyone */
    const char *ports; /* of the Pod (In) or of the peer (Out), "80,8080-8090"; "": all */
};
/* Appends the compact JSON. */
void acl_rule_encode(const struct acl_rule *r, struct sbuf *out);

/* The list that lets nothing pass, of one rule each way: what an endpoint begins with. */
const struct hcn_policies *acl_blocked(void);

/* Order of encoded rules within a list: direction (In first), priority, text. */
int acl_line_cmp(const char *a, const char *b);

#endif
