/* SPDX-License-Identifier: Apache-2.0
 *
 * A CNI request as the agent reads it: the JSON object that seine-cni sent (env.h), with the
 * variables, CNI_ARGS and the network configuration of any spoken version checked by the rules of
 * the specification.  Everything is in the request's arena. */
#ifndef SEINE_CNI_REQUEST_H
#define SEINE_CNI_REQUEST_H

#include "cni/code.h"
#include "cni/env.h"
#include "core/base/addr.h"
#include "core/base/mem.h"

enum { REQUEST_LIMIT = 8 << 20, REQUEST_MAX_IPS = 2, REQUEST_MAX_PREV_IPS = 8 };

struct request_attachment { /* an element of cni.dev/valid-attachments */
    const char *container_id, *ifname;
};
/* prevResult, as far as CHECK compares it. */
struct request_prev {
    bool given;
    struct ip ips[REQUEST_MAX_PREV_IPS]; /* those of our interface, or of none in particular */
    size_t n_ips;
    const char *host_interface; /* the one interface without sandbox; "" if there is none */
    const char *mac;            /* of the interface CNI_IFNAME in the sandbox; "" if not told */
    bool has_interface;         /* it names CNI_IFNAME */
};
struct request {
    struct arena arena;
    enum cni_verb verb;
    struct cni_env env;
    const struct cni_version *version; /* never NULL: the newest where none could be read */
    const char *network;               /* the configuration's name */
    /* Identity: of the Pod, or of a container that is a Pod of its own. */
    bool own_pod;
    const char *pod_namespace, *pod_name, *pod_uid; /* uid "" if not told */
    const char *dns; /* JSON object to answer with, "" if none was configured */
    /* runtimeConfig */
    bool has_mac;
    struct mac mac;
    struct ip ips[REQUEST_MAX_IPS];
    size_t n_ips;
    struct request_prev prev;               /* CHECK */
    const struct request_attachment *valid; /* GC */
    size_t n_valid;
};
/* Reads and checks a request.  0, or a CNI code with '*e' filled; '*r' is to be done in any case,
 * and verb, version and env hold what could be read. */
int request_parse(struct request *r, const void *body, size_t n, struct cni_error *e);
void request_done(struct request *r);

#endif
