/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside the API's lists: one being written, and the lists that have a file of their own. */
#ifndef SEINE_AGENT_API_GET_H
#define SEINE_AGENT_API_GET_H

#include "core/agent/agent_internal.h"
#include "core/agent/jsonout.h"
#include "core/base/mem.h"
#include "core/base/sbuf.h"

struct get_use;
struct get {
    struct agent *a;
    struct arena arena;
    struct jsonout j;
    struct sbuf body;
    struct get_use *uses; /* by rule; NULL: not listed yet */
    size_t n_uses;
    bool all; /* Pods: the finished ones and those in their node's network too */
};

/* A member that is a list of addresses. */
void get_ips(struct get *g, const char *name, const struct ip *ips, size_t n);

/* Services as their objects say, with how many endpoints each port has; and the endpoints. */
void get_services(struct get *g);
void get_endpoints(struct get *g);

#endif
