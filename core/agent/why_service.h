/* SPDX-License-Identifier: Apache-2.0
 *
 * `seinectl why POD SERVICE-ADDRESS PORT`: what the connection may become.  The Service's endpoints
 * are judged one by one; which of them a connection gets is the switch's choice, and the trace says
 * which one it chose. */
#ifndef SEINE_AGENT_WHY_SERVICE_H
#define SEINE_AGENT_WHY_SERVICE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/agent/verdict.h"

struct why_endpoint {
    struct frontend_endpoint at;
    bool allowed;      /* as far as it is known */
    bool allowed_here; /* as far as this node decides, which the switch is compared with */
    bool ingress_here; /* ingress is decided here too */
    char *pod;         /* the one that has the address, or NULL */
    char *node;        /* the other node whose decision about ingress is known, or NULL */
    char *because;     /* why it is dropped: "egress: no rule allows it: a/b"; NULL: it is not */
    uint32_t out_port; /* where an allowed packet leaves; 0: any */
};
struct why_service {
    char *key; /* the frontend's */
    size_t n;  /* of the endpoints, WHY_ENDPOINTS_MAX at most */
    size_t more;
    struct why_endpoint v[];
};
enum { WHY_ENDPOINTS_MAX = 200 };

/* The frontend that the verdict's destination and port are, or NULL. */
const struct row *why_service_frontend(const struct store *s, const struct verdict *v,
                                       struct arena *a);
/* Its endpoints, not yet judged.  The caller frees it. */
struct why_service *why_service_new(const struct row *frontend);
void why_service_free(struct why_service *s);
/* 'v' is this node's verdict about the endpoint. */
void why_endpoint_judge(struct why_endpoint *e, const struct verdict *v);
/* After it: 'v' is the verdict of 'node', which decides ingress. */
void why_endpoint_judge_elsewhere(struct why_endpoint *e, const struct verdict *v,
                                  const char *node);
bool why_service_allows_here(const struct why_service *s); /* all endpoints, on this node */
/* The endpoint that a trace's text shows to be chosen, or NULL. */
const struct why_endpoint *why_service_choice(const struct why_service *s, const char *trace);

/* Whether the verdict's destination is an address of a Service; 'note' then says which, and where
 * it answers. */
bool why_service_other_port(const struct store *s, const struct verdict *v, struct sbuf *note);

/* 'v' is the verdict about the Service's own address: who asks what. */
void why_service_table(const struct why_service *s, const struct verdict *v, struct sbuf *out);
struct cJSON *why_service_json(const struct why_service *s, const struct verdict *v);

#endif
