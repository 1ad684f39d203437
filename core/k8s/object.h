/* SPDX-License-Identifier: Apache-2.0
 *
 * Kubernetes objects as Seine reads them: only the fields somebody uses.  Each object is one heap
 * allocation with its arrays inside; strings that repeat (label keys and values, namespaces) are
 * interned.  Objects are immutable once in the store.
 *
 * Decoders take a cJSON tree of one object (from YAML or JSON, apiVersion and kind included) and
 * apply the API server's validation and defaults; an error names the field path, for example
 * "spec.ingress[0].ports[1].endPort: below port". */
#ifndef SEINE_K8S_OBJECT_H
#define SEINE_K8S_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/addr.h"
#include "core/base/err.h"

struct cJSON;
struct sbuf;

struct label {
    const char *key, *value; /* interned */
};
struct labels {
    const struct label *v; /* sorted by key (strcmp), keys unique */
    size_t n;
};
/* Value of a label key, NULL if absent. */
const char *labels_get(const struct labels *l, const char *key);

/* ---- label selectors (metav1.LabelSelector), matchLabels folded into requirements ---- */
enum selector_op { SEL_IN, SEL_NOT_IN, SEL_EXISTS, SEL_NOT_EXISTS };
struct requirement {
    const char *key;
    enum selector_op op;
    const char *const *values; /* sorted, unique; In and NotIn only */
    size_t n_values;
};
struct selector {
    const struct requirement *reqs; /* sorted canonically; empty selects everything */
    size_t n_reqs;
};
bool selector_matches(const struct selector *s, const struct labels *l);

enum k8s_kind {
    K8S_POD,
    K8S_NAMESPACE,
    K8S_NODE,
    K8S_NETWORK_POLICY,
    K8S_SERVICE,
    K8S_ENDPOINT_SLICE,
    K8S_N_KINDS
};
struct object_meta {
    enum k8s_kind kind;
    const char *namespace_; /* "" for cluster-scoped kinds */
    const char *name;
    const char *uid; /* never empty: made from kind, namespace and name where the object has none */
    bool uid_given;
    struct labels labels;
};

struct named_port {
    const char *name; /* interned */
    uint8_t proto;    /* IP protocol number */
    uint16_t port;
};
enum pod_phase { POD_ACTIVE, POD_FINISHED }; /* finished: Succeeded or Failed */
struct pod {
    struct object_meta meta;
    const char *node_name; /* "" if unscheduled */
    bool host_network;
    enum pod_phase phase;
    const struct ip *ips; /* status.podIPs, else podIP */
    size_t n_ips;
    const struct named_port *ports; /* of containers and restartable init containers */
    size_t n_ports;
    const char *mirror_uid; /* annotation kubernetes.io/config.mirror, or "" */
};
struct namespace_ {
    struct object_meta meta; /* labels always hold kubernetes.io/metadata.name */
};
struct node {
    struct object_meta meta;
    const struct prefix *pod_cidrs; /* masked */
    size_t n_pod_cidrs;
    const struct ip *internal_ips;
    size_t n_internal_ips;
    const char *os;      /* label kubernetes.io/os, "linux" if absent */
    const char *created; /* metadata.creationTimestamp as it is written, "" if absent */
};

/* ---- networking.k8s.io/v1 NetworkPolicy ---- */
struct np_port {
    uint8_t proto;      /* default TCP */
    const char *name;   /* named port, or NULL */
    uint16_t port, end; /* number range (end == port for one); 0,0 with no name: all ports */
};
struct np_peer {
    bool is_block;
    struct prefix cidr; /* masked */
    const struct prefix *except;
    size_t n_except;
    bool has_pod_selector, has_ns_selector;
    struct selector pods, namespaces;
};
struct np_rule {
    const struct np_peer *peers; /* none: everyone */
    size_t n_peers;
    const struct np_port *ports; /* none: every protocol and port */
    size_t n_ports;
};
struct network_policy {
    struct object_meta meta;
    struct selector pods;
    bool ingress_isolates, egress_isolates; /* policyTypes after defaulting */
    const struct np_rule *ingress, *egress;
    size_t n_ingress, n_egress;
};

/* ---- Service ---- */
enum service_type {
    SERVICE_CLUSTER_IP,
    SERVICE_NODE_PORT,
    SERVICE_LOAD_BALANCER,
    SERVICE_EXTERNAL_NAME
};
/* Its labels are not kept: nobody selects Services. */
struct service {
    struct object_meta meta;
    enum service_type type;
    bool headless;                /* clusterIP "None" */
    const struct ip *cluster_ips; /* none if headless, or not given yet */
    size_t n_cluster_ips;
    const struct named_port *ports; /* name "": it has none, and is the only one */
    size_t n_ports;
};
const char *service_type_name(enum service_type type); /* "ClusterIP" ... */

/* ---- discovery.k8s.io/v1 EndpointSlice ---- */
enum endpoint_condition {                       /* bits; defaults filled in */
                          ENDPOINT_READY = 1,   /* also if not said */
                          ENDPOINT_SERVING = 2, /* as ready if not said */
                          ENDPOINT_TERMINATING = 4
};
struct endpoint {
    struct ip ip; /* the first address; the API gives no meaning to others */
    uint8_t conditions;
};
/* Of its labels only kubernetes.io/service-name is kept, as 'service'. */
struct endpoint_slice {
    struct object_meta meta;
    const char *service; /* interned; of the same namespace; "": of no Service */
    uint8_t family;      /* addressType: 4, 6; 0: FQDN, then there are no endpoints */
    const struct endpoint *endpoints;
    size_t n_endpoints;
    const struct named_port *ports; /* name "": none; port 0: not said, nothing is sent there */
    size_t n_ports;
};
#define SERVICE_NAME_LABEL "kubernetes.io/service-name"

/* "Pod" or "v1 Pod": the kinds that are read; false for all others. */
bool k8s_kind_of(const char *api_version, const char *kind, enum k8s_kind *out);
const char *k8s_kind_name(enum k8s_kind kind);
/* Store key of an object: "namespace/name" or "name".  'buf' must hold K8S_KEY_MAX bytes. */
enum { K8S_KEY_MAX = 64 + 254 + 2 };
const char *k8s_key(const struct object_meta *meta, char *buf);

/* Decodes one object of a known kind; the result is freed by object_free() (any kind: every object
 * starts with its meta).  ERR_INVALID with the field path. */
int object_decode(const struct cJSON *json, enum k8s_kind kind, struct object_meta **out,
                  struct err *err);
void object_free(void *object);
/* One more reference to an object (they are immutable, so holders can share); each is ended by
 * object_free().  Loop thread only. */
void *object_ref(const void *object);
bool object_equal(const void *a, const void *b); /* in every field that is read */
/* Appends the object as JSON in one line, only what is read: object_decode() of it gives an equal
 * object. */
void object_encode(const void *object, struct sbuf *out);

#endif
