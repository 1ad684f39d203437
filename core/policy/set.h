/* SPDX-License-Identifier: Apache-2.0
 *
 * Address sets: who is a peer.  A set is what a peer of a policy says (selectors, or a prefix where
 * a port name must be looked up by address), with the port name if the rule has one.  Equal sets
 * have equal bytes, whoever asked for them. */
#ifndef SEINE_POLICY_SET_H
#define SEINE_POLICY_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/sbuf.h"
#include "core/intent/intent.h"
#include "core/k8s/object.h"

/* What every Namespace has, its object or not. */
#define SET_NAMESPACE_LABEL "kubernetes.io/metadata.name"

struct set_spec {
    const char *namespace_;            /* exactly this one; NULL: by selector */
    const struct selector *namespaces; /* NULL with namespace_ NULL: every namespace */
    const struct selector *pods;       /* NULL: every Pod */
    const struct prefix *block;        /* not NULL: Pods by address, selectors unused */
    const struct prefix *except;
    size_t n_except;
    const char *port_name; /* NULL: none */
    uint8_t port_proto;
};
/* Appends the struct intent_set.  Namespaces selected by nothing but one name are that namespace.
 */
void set_encode(const struct set_spec *spec, struct sbuf *out);

/* A Pod, as sets see it. */
struct set_pod {
    const char *namespace_;
    const struct labels *namespace_labels, *labels;
    const struct ip *ips;
    size_t n_ips;
    const struct named_port *ports;
    size_t n_ports;
};
bool set_matches(const struct intent_set *set, const struct set_pod *pod);
/* Whether the set is one of addresses (a prefix): then a Pod's other addresses are not in it. */
bool set_is_block(const struct intent_set *set);
/* The port name that the set asks for, NULL: none. */
const char *set_port_name(const struct intent_set *set, uint8_t *proto_out);

/* Emits the anchors of a Pod: a set that it belongs to has one of them. */
void set_pod_anchors(const struct set_pod *pod, struct sbuf *text,
                     void (*anchor)(void *aux, const char *anchor), void *aux);

/* One line for people: "namespaces{team in (a,b)} pods{app=web} port http/TCP". */
void set_format(const struct intent_set *set, struct sbuf *out);

#endif
