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
    bool allowed;      /* as far as this node decides */
    bool ingress_here; /* ingress is decided here too */
    char *pod;         /* of this node, or NULL */
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
void why_endpoint_judge(struct why_endpoint *e, const struct verdict *v);
bool why_service_allows(const struct why_service *s); /* all endpoints */
/* The endpoint that a trace's text shows to be chosen, or NULL. */
const struct why_endpoint *why_service_choice(const struct why_service *s, const char *trace);

/* 'v' is the verdict about the Service's own address: who asks what. */
void why_service_table(const struct why_service *s, const struct verdict *v, struct sbuf *out);
struct cJSON *why_service_json(const struct why_service *s, const struct verdict *v);

#endif
