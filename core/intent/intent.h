/* SPDX-License-Identifier: Apache-2.0
 *
 * Intents: what the objects mean for this node, free of any data plane's terms.  They are rows of
 * the derived tables of tables.h; this header lays out their blobs and names their keys.
 *
 * How a policy becomes intents.  Each ingress or egress rule of a NetworkPolicy that selects an
 * attached Pod becomes one or more resolved rules (one with its numbered ports, one for each named
 * port).  A resolved rule says: direction, peers, ports.  To whom it applies is not part of it, so
 * equal rules of any number of policies are one row: its key is a hash of its content.  Peers are
 * prefixes (ipBlock less its exceptions) and address sets; a set is a pair of selectors, also
 * keyed by content, so equal selectors share one set.  Which Pods are in which sets stands in one
 * MEMBER row a Pod, so that a Pod's change costs its own row and nothing else.
 *
 * Named ports.  Of ingress rules they are resolved by the Pod that the rule applies to: the APPLIED
 * row carries the numbers, and the rule has no ports of its own.  Of egress rules they are resolved
 * by the Pod that is the peer: the set is of (selector or prefix, port name), its MEMBER entries
 * carry the numbers.
 *
 * Blobs hold no pointers and no uninitialised bytes; they are equal when their bytes are equal.
 * Arrays follow the fixed part; the accessors below find them.  Rows are read-only. */
#ifndef SEINE_INTENT_INTENT_H
#define SEINE_INTENT_INTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/addr.h"
#include "core/base/sbuf.h"
#include "core/intent/tables.h"
#include "core/store/store.h"

/* ---- content ids: a 128-bit hash of a canonical blob ---- */
struct intent_id {
    uint64_t hi, lo;
};
enum { INTENT_ID_TEXT_MAX = 33 }; /* 32 hex digits */
struct intent_id intent_id_of(const void *blob, size_t len);
char *intent_id_format(const struct intent_id *id, char *buf); /* the row's key; returns buf */
bool intent_id_parse(const char *key, struct intent_id *out);
int intent_id_cmp(const struct intent_id *a, const struct intent_id *b);

/* ---- SELF ---- */
enum { SELF_MAX_CIDRS = 8, SELF_MAX_IPS = 8 };
struct intent_self {
    uint32_t n_cidrs, n_gateways, n_node_ips;
    /* The Node's first of each family, IPv4 first; then those that it had before and that attached
     * Pods still have addresses of, sorted. */
    struct prefix cidrs[SELF_MAX_CIDRS];
    struct ip gateways[SELF_MAX_CIDRS]; /* first address of each of them */
    struct ip node_ips[SELF_MAX_IPS];   /* InternalIPs */
};

/* ---- REMOTE ---- */
enum { REMOTE_MAX_CIDRS = 4 };
struct intent_remote {
    uint32_t n_cidrs;
    struct prefix cidrs[REMOTE_MAX_CIDRS];
    struct ip gateways[REMOTE_MAX_CIDRS]; /* first address of each */
    struct ip tunnel;                     /* outer address: of a family that this node has too, IPv4
                                             first; family 0: not reachable */
    struct mac gateway_mac;               /* mac_from_name("gateway", node) */
};

/* ---- LOCAL: indexes by Pod and by namespace ---- */
enum { LOCAL_BY_POD, LOCAL_BY_NAMESPACE };
enum { LOCAL_MAX_IPS = 2 };
struct intent_local {
    uint32_t ofport;    /* 0: Open vSwitch has not given one yet: no flows */
    uint8_t blocked;    /* 1: its Pod object is absent or another Pod's (UID): nothing passes */
    uint8_t superseded; /* 1: a newer sandbox of the Pod is attached: nothing passes */
    uint8_t n_ips;
    uint8_t pad;
    struct mac mac;
    struct ip ips[LOCAL_MAX_IPS];
    char pod[]; /* "namespace/name", NUL-terminated */
};

/* ---- RULE: index by set ---- */
enum { RULE_BY_SET };
enum intent_direction { DIRECTION_INGRESS, DIRECTION_EGRESS };
enum rule_ports {
    RULE_PORTS_ALL,     /* every protocol and port */
    RULE_PORTS_LISTED,  /* 'ports' below */
    RULE_PORTS_APPLIED, /* ingress, a named port: numbers stand in APPLIED rows */
    RULE_PORTS_MEMBER   /* egress, a named port: numbers stand in MEMBER entries */
};
struct rule_port {
    uint8_t proto; /* IP protocol number */
    uint8_t pad;
    uint16_t first, last; /* 0..65535: every port of the protocol */
};
struct intent_rule {
    uint8_t direction; /* enum intent_direction */
    uint8_t anyone;    /* 1: every peer; then no sets and no prefixes */
    uint8_t ports;     /* enum rule_ports */
    uint8_t pad;
    uint32_t n_sets, n_prefixes, n_ports;
    /* struct intent_id sets[], struct prefix prefixes[], struct rule_port ports[]: each sorted and
     * without duplicates.  anyone == 0 and no peers: matches nobody. */
};
const struct intent_id *rule_sets(const struct intent_rule *r);
const struct prefix *rule_prefixes(const struct intent_rule *r);
const struct rule_port *rule_ports(const struct intent_rule *r);
/* Appends the blob of a rule; the arrays are sorted and made unique in place. */
struct rule_parts {
    enum intent_direction direction;
    bool anyone;
    enum rule_ports ports_kind;
    struct intent_id *sets;
    size_t n_sets;
    struct prefix *prefixes;
    size_t n_prefixes;
    struct rule_port *ports;
    size_t n_ports;
};
void rule_encode(struct rule_parts *parts, struct sbuf *out);

/* ---- RULE_ID ---- */
/* The id by which a data plane names a rule (OpenFlow: conjunction id), never 0: a 32-bit hash of
 * the rule's content unless another rule has that already. */
struct intent_rule_id {
    uint32_t id;
};
uint32_t rule_id_hash(const struct intent_id *rule); /* what a rule without a RULE_ID row has */
/* Reads the RULE_ID row and falls back to the hash. */
uint32_t rule_id_of(struct view *v, const struct intent_id *rule);

/* ---- SET: index by anchor ---- */
enum { SET_BY_ANCHOR };
/* The canonical form of a set.  Anchors name what a member surely has, so that a Pod meets only
 * the sets that can hold it; set_anchors() of a set and of a Pod share a string if it is a member.
 * Encoding, matching: core/policy/set.h (it knows selectors); here only the index. */
struct intent_set {
    uint32_t n_anchors;
    uint32_t anchors_len; /* bytes of the NUL-terminated anchor strings at the start of 'text' */
    uint32_t text_len;
    char text[]; /* anchors, then the selectors in core/policy/set.c's form */
};

/* ---- APPLIED: index by the local Pod ---- */
enum { APPLIED_BY_LOCAL };
/* Key: "LOCALKEY NAMESPACE/POLICY" (neither holds a space). */
struct applied_rule {
    struct intent_id rule;
    uint8_t direction;
    uint8_t proto; /* RULE_PORTS_APPLIED: protocol and number; else 0 */
    uint16_t port;
    uint32_t index; /* position in spec.ingress or spec.egress */
};
struct intent_applied {
    uint8_t isolates[2]; /* by enum intent_direction */
    uint8_t pad[2];
    uint32_t n_rules;
    struct applied_rule rules[]; /* sorted by direction, index, rule, proto, port */
};
/* The key's halves. */
const char *applied_policy(const char *key);

/* ---- MEMBER: index by set, where a data plane asks a set for its addresses ---- */
enum { MEMBER_BY_SET };
/* Key: "namespace/name"; or "namespace/name ADDRESS" for what only this one address is in: sets of
 * a prefix.  For consumers both are the same: every address of a row is in every set of it. */
enum { MEMBER_MAX_IPS = 4 };
struct member_entry {
    struct intent_id set;
    uint8_t proto; /* a set with a port name: protocol and number of one such port; else 0 */
    uint8_t pad;
    uint16_t port;
    uint32_t pad2;
};
struct intent_member {
    uint32_t n_ips, n_entries;
    struct ip ips[MEMBER_MAX_IPS];
    uint8_t pad[4];
    struct member_entry entries[]; /* sorted */
};

/* ---- FRONTEND: index by the hashes of its key ---- */
enum { FRONTEND_BY_HASH };
/* One port of a Service at one of its addresses, and where connections to it go.  Its key is
 * "NAMESPACE/NAME PROTOCOL/PORT FAMILY", as "shop/web tcp/80 ipv4": it stays what it is while
 * endpoints come and go. */
struct frontend_endpoint {
    struct ip ip;
    uint8_t pad;
    uint16_t port;
};
struct intent_frontend {
    struct ip ip;
    uint8_t proto; /* IP protocol number */
    uint16_t port;
    uint32_t n_endpoints;                 /* 0: connections are refused */
    struct frontend_endpoint endpoints[]; /* sorted, each once */
};
/* The key of a frontend of the Service 'service', allocated in 'a'. */
const char *frontend_key(struct arena *a, const char *service, const struct intent_frontend *f);
/* The length of the Service's own key in it. */
size_t frontend_service_len(const char *key);
/* A number below FRONTEND_HASHES by which a data plane may name the frontend.  Two may have the
 * same one; then another 'level' (below FRONTEND_LEVELS) gives another number.  The index holds
 * each of them, as frontend_hash_key() writes it. */
enum { FRONTEND_HASHES = (1 << 25) - 8, FRONTEND_LEVELS = 2, FRONTEND_HASH_KEY_MAX = 16 };
uint32_t frontend_hash(const char *key, unsigned level);
char *frontend_hash_key(unsigned level, uint32_t hash, char buf[FRONTEND_HASH_KEY_MAX]);

/* Index functions of the tables above, for the table list of core/pipeline/world.c. */
index_fn intent_local_by_pod, intent_local_by_namespace, intent_rule_by_set, intent_set_by_anchor,
    intent_applied_by_local, intent_member_by_set, intent_frontend_by_hash;

#endif
