/* SPDX-License-Identifier: Apache-2.0
 *
 * The HCN service as the rest of hns/ uses it: structs instead of documents, our errors instead of
 * numbers, and reads with three answers.
 *
 * A read says PRESENT, ABSENT or UNKNOWN.  ABSENT is only what the service itself said; when it is
 * away, refuses, or answers what cannot be read, the answer is UNKNOWN with an error, and nothing
 * may be planned from it.  Lists are whole or an error.  An object that goes while a list is read
 * is left out of it.
 *
 * Writes end with 0, or with an error that says what is known afterwards:
 *   ERR_AGAIN, ERR_TIMEOUT   the service is away or did not answer: the outcome is not known, read
 *                            before trying again
 *   ERR_EXISTS, ERR_CONFLICT, ERR_INVALID, ERR_NOT_FOUND, ERR_UNSUPPORTED, ERR_PERMISSION, ERR_IO,
 *   ERR_EXHAUSTED            refused: nothing was done (hns/hcn_error.h)
 *
 * All calls block and are for work threads, any number at once; a client has no state but counters
 * and the version of the service, which is asked once.  Everything read lies in the caller's arena.
 */
#ifndef SEINE_HNS_CLIENT_H
#define SEINE_HNS_CLIENT_H

#include <stdatomic.h>

#include "hns/document.h"
#include "hns/feature.h"
#include "platform/hcn.h"

/* How the service is reached: the platform's calls, or a test's. */
struct hns_ops {
    int (*call)(void *aux, const struct hcn_call *call, struct hcn_reply *reply, struct err *err);
    int (*version)(void *aux, struct hcn_reply *reply, struct err *err);
};
extern const struct hns_ops hns_ops_default;

/* How calls ended.  A service that hangs shows in 'in_flight': its callers wait with it. */
enum hns_end { HNS_END_OK, HNS_END_REFUSED, HNS_END_AWAY, HNS_N_ENDS };
const char *hns_end_name(enum hns_end e); /* "ok", "refused", "away" */

struct hns_client {
    const struct hns_ops *ops;
    void *aux;
    atomic_uint version;          /* major << 16 | minor; 0: not asked yet */
    atomic_uint in_flight;        /* calls that have not returned */
    atomic_uint ends[HNS_N_ENDS]; /* calls that have, by how; read by any thread */
};
/* 'ops' is borrowed; NULL: hns_ops_default. */
void hns_init(struct hns_client *h, const struct hns_ops *ops, void *aux);

enum hns_found { HNS_UNKNOWN, HNS_ABSENT, HNS_PRESENT };
/* Passes the error of an unknown on to 'err' (may be NULL); returns its code. */
int hns_pass(const struct err *why, struct err *err);

/* The version of HNS; what does not tell its own is taken for the oldest with schema 2 (9.2).
 * ERR_AGAIN, ERR_UNSUPPORTED "hns: absent", ERR_PROTOCOL. */
int hns_version(struct hns_client *h, struct hcn_version *out, struct err *err);
/* 0, or ERR_UNSUPPORTED which says what version it needs; or an error of hns_version(). */
int hns_need(struct hns_client *h, enum feature f, struct err *err);

/* ---- reading ---- */
enum hns_found hns_network_get(struct hns_client *h, const struct guid *id, struct arena *a,
                               struct hcn_network *out, struct err *err);
/* By name; the first one if several have it. */
enum hns_found hns_network_find(struct hns_client *h, const char *name, struct arena *a,
                                struct hcn_network *out, struct err *err);
enum hns_found hns_endpoint_get(struct hns_client *h, const struct guid *id, struct arena *a,
                                struct hcn_endpoint *out, struct err *err);
enum hns_found hns_namespace_get(struct hns_client *h, const struct guid *id, struct arena *a,
                                 struct hcn_namespace *out, struct err *err);

/* The namespace of the host itself: the first one of type HostDefault. */
enum hns_found hns_namespace_host(struct hns_client *h, struct arena *a, struct hcn_namespace *out,
                                  struct err *err);

struct hns_networks {
    struct hcn_network *v;
    size_t n;
};
struct hns_endpoints {
    struct hcn_endpoint *v;
    size_t n;
};
int hns_network_list(struct hns_client *h, struct arena *a, struct hns_networks *out,
                     struct err *err);
/* Those of a network; NULL: all.  One enumeration, then one question each: once a pass. */
int hns_endpoint_list(struct hns_client *h, const struct guid *network, struct arena *a,
                      struct hns_endpoints *out, struct err *err);
/* Their GUIDs alone: one question.  (A service may pass over the network: the caller looks.) */
int hns_endpoint_ids(struct hns_client *h, const struct guid *network, struct arena *a,
                     struct hcn_guids *out, struct err *err);

/* ---- writing ---- */
/* With the id in the struct. */
int hns_network_create(struct hns_client *h, const struct hcn_network *n, struct err *err);
int hns_endpoint_create(struct hns_client *h, const struct hcn_endpoint *e, struct err *err);
/* Absent is success. */
int hns_network_delete(struct hns_client *h, const struct guid *id, struct err *err);
int hns_endpoint_delete(struct hns_client *h, const struct guid *id, struct err *err);
/* Detaches it first where it is attached. */
int hns_endpoint_remove(struct hns_client *h, const struct guid *id, struct err *err);
int hns_network_modify(struct hns_client *h, const struct guid *id, enum hcn_request_type type,
                       const struct hcn_policies *policies, struct err *err);
int hns_endpoint_modify(struct hns_client *h, const struct guid *id, enum hcn_request_type type,
                        const struct hcn_policies *policies, struct err *err);
/* HcnModifyNamespace.  ERR_CONFLICT: the endpoint is in a namespace already. */
int hns_attach(struct hns_client *h, const struct guid *namespace_, const struct guid *endpoint,
               struct err *err);
/* A namespace or endpoint that is gone is success. */
int hns_detach(struct hns_client *h, const struct guid *namespace_, const struct guid *endpoint,
               struct err *err);

#endif
