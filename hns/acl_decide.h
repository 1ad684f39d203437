/* SPDX-License-Identifier: Apache-2.0
 *
 * What a list does with one packet that opens a connection: the lowest Priority number that
 * matches.  It reads the text of a list as the service has it and knows nothing of how it was made,
 * so that it can say whether a list that is there means what policies mean. */
#ifndef SEINE_HNS_ACL_DECIDE_H
#define SEINE_HNS_ACL_DECIDE_H

#include <stdint.h>

#include "core/engine/engine.h"
#include "hns/document.h"

struct acl_packet {
    enum hcn_direction direction;
    struct ip remote; /* its source (In) or destination (Out) */
    uint8_t proto;
    uint16_t port; /* destination; 0 where the protocol has none */
};
enum acl_verdict {
    ACL_UNCLEAR, /* no rule matches, two of one priority disagree, or a rule cannot be read */
    ACL_ALLOWED,
    ACL_DROPPED
};
/* 'list' is the text of an entry of SPACE_ACL.  'set' gives the text of a set of that id, NULL:
 * there is none (then its rule matches nobody). */
enum acl_verdict acl_decide(const char *list, const struct acl_packet *p,
                            const char *(*set)(void *aux, const char *id), void *aux);

/* The same of what the service has for an endpoint, by its key in SPACE_ACL. */
enum acl_verdict acl_decide_installed(const struct engine *e, const char *key,
                                      const struct acl_packet *p);

#endif
