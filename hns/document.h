/* SPDX-License-Identifier: Apache-2.0
 *
 * The documents of HCN, schema 2: networks, endpoints, namespaces, their policies, queries and
 * modify requests, as structs.  How a document is written and read, and what happens to unknown
 * keys and wrong types, is said in hns/codec.h; the tables are in document.c.  Keys are HCN's own.
 *
 * Addresses, prefixes and Ethernet addresses are text here, since the service also lists what
 * others made; hcn_ip_is() and hcn_mac_is() compare them by meaning. */
#ifndef SEINE_HNS_DOCUMENT_H
#define SEINE_HNS_DOCUMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/addr.h"
#include "core/base/guid.h"
#include "hns/codec.h"

struct hcn_version {
    uint32_t major, minor;
};
/* Of every document we write. */
#define HCN_SCHEMA_2 ((struct hcn_version){.major = 2, .minor = 0})

struct hcn_route {
    const char *next_hop, *destination_prefix;
    uint32_t metric;
};
struct hcn_routes {
    struct hcn_route *v;
    size_t n;
};
struct hcn_dns {
    const char *domain;
    struct codec_texts search, server_list, options;
};

/* ---- policies of endpoints and of networks ---- */
enum hcn_policy_type {
    HCN_POLICY_OTHER, /* a type that is not here: kept as it is */
    HCN_POLICY_ACL,
    HCN_POLICY_PORT_NAME,
    HCN_POLICY_PORT_MAPPING,
    HCN_POLICY_OUTBOUND_NAT,
    HCN_POLICY_SDN_ROUTE,
    HCN_POLICY_QOS,
    HCN_POLICY_L2_DRIVER,
    HCN_POLICY_ENCAP_OVERHEAD,
    HCN_POLICY_PROVIDER_ADDRESS,
    HCN_POLICY_NET_ADAPTER_NAME,
    HCN_POLICY_VSWITCH_EXTENSION,
    HCN_POLICY_SOURCE_MAC_ADDRESS,
    HCN_POLICY_AUTOMATIC_DNS,
    HCN_POLICY_SET,
    HCN_POLICY_N_TYPES
};
/* An absent name is the first. */
enum hcn_action { HCN_ALLOW, HCN_BLOCK, HCN_PASS, HCN_ACTION_OTHER };
enum hcn_direction { HCN_IN, HCN_OUT, HCN_DIRECTION_OTHER };
enum hcn_rule_type { HCN_RULE_SWITCH, HCN_RULE_HOST, HCN_RULE_OTHER };
/* All keys are always written.  Lists are text with commas; "" or NULL: any. */
struct hcn_acl {
    const char *protocols; /* numbers: "6,17" */
    unsigned action;       /* enum hcn_action */
    unsigned direction;    /* enum hcn_direction */
    const char *local_addresses, *remote_addresses;
    const char *local_ports, *remote_ports;
    unsigned rule_type; /* enum hcn_rule_type */
    uint32_t priority;  /* at most 65535; the lowest decides */
};
struct hcn_port_mapping {
    uint32_t protocol, internal_port, external_port;
    const char *vip;
    uint32_t flags;
};
struct hcn_outbound_nat {
    const char *virtual_ip;
    struct codec_texts exceptions, destinations;
    uint32_t flags, max_port_pool_usage;
};
struct hcn_sdn_route {
    const char *destination_prefix, *next_hop;
    bool need_encap;
};
struct hcn_vswitch_extension {
    struct guid id;
    bool enable;
};
struct hcn_set {
    const char *id, *name, *policy_type /* IPSET, NESTEDIPSET */, *values;
};
union hcn_settings {
    struct hcn_acl acl;
    struct hcn_port_mapping port_mapping;
    struct hcn_outbound_nat outbound_nat;
    struct hcn_sdn_route sdn_route;
    struct hcn_vswitch_extension extension;
    struct hcn_set set;
    uint64_t max_bandwidth; /* QOS: bytes a second */
    uint32_t overhead;      /* ENCAP_OVERHEAD */
    bool enable;            /* AUTOMATIC_DNS */
    const char *text;       /* PORT_NAME, PROVIDER_ADDRESS, NET_ADAPTER_NAME, SOURCE_MAC_ADDRESS */
    struct {
        const char *type, *settings; /* settings: JSON, NULL if there are none */
    } other;
};
struct hcn_policy {
    enum hcn_policy_type type;
    union hcn_settings u;
};
struct hcn_policies {
    struct hcn_policy *v;
    size_t n;
};
/* The first of a type; NULL if there is none. */
const struct hcn_policy *hcn_policy_find(const struct hcn_policies *list,
                                         enum hcn_policy_type type);
/* One policy as it stands in a document: {"Type":"ACL","Settings":{...}}. */
void hcn_policy_encode(const struct hcn_policy *p, struct sbuf *out);
int hcn_policy_decode(const char *text, size_t len, struct hcn_policy *out, struct arena *a,
                      struct err *err);

/* ---- networks ---- */
enum hcn_network_type { /* NAT is what an absent key means: the service leaves it out */
                        HCN_NETWORK_NAT,
                        HCN_NETWORK_ICS,
                        HCN_NETWORK_TRANSPARENT,
                        HCN_NETWORK_L2BRIDGE,
                        HCN_NETWORK_L2TUNNEL,
                        HCN_NETWORK_OVERLAY,
                        HCN_NETWORK_PRIVATE,
                        HCN_NETWORK_INTERNAL,
                        HCN_NETWORK_OTHER
};
const char *hcn_network_type_name(unsigned type); /* "Transparent"; "other" */
struct hcn_subnet {
    const char *ip_address_prefix;
    const char *policies; /* JSON */
    struct hcn_routes routes;
};
struct hcn_ipam {
    const char *type; /* "Static", "DHCP" */
    struct {
        struct hcn_subnet *v;
        size_t n;
    } subnets;
};
struct hcn_network {
    struct hcn_version schema_version;
    struct guid id;
    const char *name;
    unsigned type; /* enum hcn_network_type */
    struct hcn_policies policies;
    struct {
        struct hcn_ipam *v;
        size_t n;
    } ipams;
    struct hcn_dns dns;
    uint32_t flags;
};

/* ---- endpoints ---- */
struct hcn_ip_config {
    const char *ip_address;
    uint32_t prefix_length;
};
struct hcn_endpoint {
    struct hcn_version schema_version;
    struct guid id;
    const char *name;
    struct guid network;    /* HostComputeNetwork */
    struct guid namespace_; /* HostComputeNamespace: zero while not attached */
    struct {
        struct hcn_ip_config *v;
        size_t n;
    } ips; /* IpConfigurations */
    struct hcn_routes routes;
    struct hcn_dns dns;
    const char *mac_address; /* "00-15-5D-01-02-03" */
    struct hcn_policies policies;
    uint32_t flags;
};

/* ---- namespaces ---- */
struct hcn_resource {
    const char *type; /* "Endpoint", "Container" */
    struct guid id;   /* Data.ID; zero where that is no GUID */
};
struct hcn_namespace {
    struct hcn_version schema_version;
    struct guid id;
    uint32_t namespace_id; /* the network compartment's number */
    const char *type;      /* "Host", "HostDefault", "Guest", "GuestDefault" */
    struct {
        struct hcn_resource *v;
        size_t n;
    } resources;
};

/* ---- requests ---- */
/* RequestType: "Add", "Remove", "Update", "Refresh", "Reset". */
enum hcn_request_type { HCN_ADD, HCN_REMOVE, HCN_UPDATE, HCN_REFRESH, HCN_RESET };
struct hcn_request {
    const char *resource_type; /* "Policy", "Endpoint", ... */
    unsigned request_type;     /* enum hcn_request_type */
    const char *settings;      /* JSON */
};
/* ResourceType Policy with these policies: of an endpoint or a network. */
void hcn_request_policies(enum hcn_request_type type, const struct hcn_policies *policies,
                          struct sbuf *out);
/* ResourceType Endpoint: attaches an endpoint to a namespace, or detaches it. */
void hcn_request_endpoint(enum hcn_request_type type, const struct guid *endpoint,
                          struct sbuf *out);

/* A query: all objects where 'key' is NULL, else those whose member 'key' is 'value'.  The filter
 * goes as a string that holds JSON, as the service wants it. */
void hcn_query_format(const char *key, const char *value, struct sbuf *out);

/* What a list of GUIDs holds: the answer of an enumeration. */
struct hcn_guids {
    struct guid *v;
    size_t n;
};
/* '*out' in the arena.  An empty text is an empty list.  ERR_INVALID, ERR_TOO_BIG. */
int hcn_guids_decode(const char *text, size_t len, struct hcn_guids *out, struct arena *a,
                     struct err *err);

/* The version in an answer of GET /globals/version.  ERR_INVALID; ERR_REFUSED with the reason if it
 * says "Success":false, or has none. */
int hcn_globals_decode(const char *text, size_t len, struct hcn_version *out, struct err *err);

extern const struct codec_struct hcn_network_struct, hcn_endpoint_struct, hcn_namespace_struct,
    hcn_request_struct, hcn_policy_struct;

/* ---- text of addresses ---- */
bool hcn_ip_is(const char *text, const struct ip *ip);
enum { HCN_MAC_TEXT_MAX = 18 };
/* "00-15-5D-01-02-03"; 'buf' has at least HCN_MAC_TEXT_MAX bytes; returns buf. */
char *hcn_mac_format(const struct mac *mac, char *buf);
/* Dashes or colons, any case. */
bool hcn_mac_is(const char *text, const struct mac *mac);

#endif
