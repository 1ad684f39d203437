/* SPDX-License-Identifier: Apache-2.0
 *
 * The tables of HCN's documents.  The order of the fields is the order in which they are written.
 */
#include "hns/document.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define FIELD(kind, type_, key_, member)                                                           \
    .key = key_, .type = type_, .offset = offsetof(kind, member)
#define TABLE(name_, kind, fields_)                                                                \
    {                                                                                              \
        .name = name_, .size = sizeof(kind), .fields = fields_, .n_fields = ARRAY_LEN(fields_)     \
    }

/* ---- shared parts ---- */

static const struct codec_field hcn_version_fields[] = {
    {FIELD(struct hcn_version, CODEC_NUMBER, "Major", major), .flags = CODEC_ALWAYS},
    {FIELD(struct hcn_version, CODEC_NUMBER, "Minor", minor), .flags = CODEC_ALWAYS},
};
static const struct codec_struct hcn_version_struct =
    TABLE("version", struct hcn_version, hcn_version_fields);

static const struct codec_field hcn_route_fields[] = {
    {FIELD(struct hcn_route, CODEC_TEXT, "NextHop", next_hop), .flags = CODEC_ALWAYS},
    {FIELD(struct hcn_route, CODEC_TEXT, "DestinationPrefix", destination_prefix),
     .flags = CODEC_ALWAYS},
    {FIELD(struct hcn_route, CODEC_NUMBER, "Metric", metric), .max = UINT16_MAX},
};
static const struct codec_struct hcn_route_struct =
    TABLE("route", struct hcn_route, hcn_route_fields);

static const struct codec_field hcn_dns_fields[] = {
    {FIELD(struct hcn_dns, CODEC_TEXT, "Domain", domain), .flags = CODEC_ALWAYS},
    {FIELD(struct hcn_dns, CODEC_TEXTS, "Search", search), .flags = CODEC_ALWAYS},
    {FIELD(struct hcn_dns, CODEC_TEXTS, "ServerList", server_list), .flags = CODEC_ALWAYS},
    {FIELD(struct hcn_dns, CODEC_TEXTS, "Options", options), .flags = CODEC_ALWAYS},
};
static const struct codec_struct hcn_dns_struct = TABLE("dns", struct hcn_dns, hcn_dns_fields);

/* ---- policies ---- */

static const char *const hcn_actions[] = {"Allow", "Block", "Pass"};
static const char *const hcn_directions[] = {"In", "Out"};
static const char *const hcn_rule_types[] = {"Switch", "Host"};

#define ACL(type_, key_, member) FIELD(struct hcn_acl, type_, key_, member), .flags = CODEC_ALWAYS
static const struct codec_field hcn_acl_fields[] = {
    {ACL(CODEC_TEXT, "Protocols", protocols)},
    {ACL(CODEC_NAME, "Action", action), .names = hcn_actions, .n_names = ARRAY_LEN(hcn_actions)},
    {ACL(CODEC_NAME, "Direction", direction), .names = hcn_directions,
     .n_names = ARRAY_LEN(hcn_directions)},
    {ACL(CODEC_TEXT, "LocalAddresses", local_addresses)},
    {ACL(CODEC_TEXT, "RemoteAddresses", remote_addresses)},
    {ACL(CODEC_TEXT, "LocalPorts", local_ports)},
    {ACL(CODEC_TEXT, "RemotePorts", remote_ports)},
    {ACL(CODEC_NAME, "RuleType", rule_type), .names = hcn_rule_types,
     .n_names = ARRAY_LEN(hcn_rule_types)},
    {ACL(CODEC_NUMBER, "Priority", priority), .max = UINT16_MAX},
};
static const struct codec_field hcn_port_mapping_fields[] = {
    {FIELD(struct hcn_port_mapping, CODEC_NUMBER, "Protocol", protocol)},
    {FIELD(struct hcn_port_mapping, CODEC_NUMBER, "InternalPort", internal_port),
     .max = UINT16_MAX},
    {FIELD(struct hcn_port_mapping, CODEC_NUMBER, "ExternalPort", external_port),
     .max = UINT16_MAX},
    {FIELD(struct hcn_port_mapping, CODEC_TEXT, "VIP", vip)},
    {FIELD(struct hcn_port_mapping, CODEC_NUMBER, "Flags", flags)},
};
static const struct codec_field hcn_outbound_nat_fields[] = {
    {FIELD(struct hcn_outbound_nat, CODEC_TEXT, "VirtualIP", virtual_ip)},
    {FIELD(struct hcn_outbound_nat, CODEC_TEXTS, "Exceptions", exceptions)},
    {FIELD(struct hcn_outbound_nat, CODEC_TEXTS, "Destinations", destinations)},
    {FIELD(struct hcn_outbound_nat, CODEC_NUMBER, "Flags", flags)},
    {FIELD(struct hcn_outbound_nat, CODEC_NUMBER, "MaxPortPoolUsage", max_port_pool_usage),
     .max = UINT16_MAX},
};
static const struct codec_field hcn_sdn_route_fields[] = {
    {FIELD(struct hcn_sdn_route, CODEC_TEXT, "DestinationPrefix", destination_prefix)},
    {FIELD(struct hcn_sdn_route, CODEC_TEXT, "NextHop", next_hop)},
    {FIELD(struct hcn_sdn_route, CODEC_BOOL, "NeedEncap", need_encap), .flags = CODEC_ALWAYS},
};
static const struct codec_field hcn_extension_fields[] = {
    {FIELD(struct hcn_vswitch_extension, CODEC_GUID, "ExtensionID", id), .flags = CODEC_ALWAYS},
    {FIELD(struct hcn_vswitch_extension, CODEC_BOOL, "Enable", enable), .flags = CODEC_ALWAYS},
};
static const struct codec_field hcn_set_fields[] = {
    {FIELD(struct hcn_set, CODEC_TEXT, "Id", id), .flags = CODEC_ALWAYS},
    {FIELD(struct hcn_set, CODEC_TEXT, "Name", name), .flags = CODEC_ALWAYS},
    {FIELD(struct hcn_set, CODEC_TEXT, "PolicyType", policy_type), .flags = CODEC_ALWAYS},
    {FIELD(struct hcn_set, CODEC_TEXT, "Values", values), .flags = CODEC_ALWAYS},
};

/* Settings of one value: their offset is that of the union itself. */
#define ONE(type_, key_) .key = key_, .type = type_, .flags = CODEC_ALWAYS
static const struct codec_field hcn_port_name_fields[] = {{ONE(CODEC_TEXT, "Name")}};
static const struct codec_field hcn_qos_fields[] = {
    {ONE(CODEC_WIDE, "MaximumOutgoingBandwidthInBytes")}};
static const struct codec_field hcn_overhead_fields[] = {
    {ONE(CODEC_NUMBER, "Overhead"), .max = UINT16_MAX}};
static const struct codec_field hcn_provider_address_fields[] = {
    {ONE(CODEC_TEXT, "ProviderAddress")}};
static const struct codec_field hcn_adapter_fields[] = {{ONE(CODEC_TEXT, "NetworkAdapterName")}};
static const struct codec_field hcn_source_mac_fields[] = {{ONE(CODEC_TEXT, "SourceMacAddress")}};
static const struct codec_field hcn_automatic_dns_fields[] = {{ONE(CODEC_BOOL, "Enable")}};

#define SETTINGS(fields_) TABLE("settings", union hcn_settings, fields_)
#define NO_SETTINGS                                                                                \
    {                                                                                              \
        .name = "settings"                                                                         \
    }
static const struct {
    const char *name;
    struct codec_struct settings;
} hcn_policy_types[HCN_POLICY_N_TYPES] = {
    [HCN_POLICY_OTHER] = {"", NO_SETTINGS},
    [HCN_POLICY_ACL] = {"ACL", SETTINGS(hcn_acl_fields)},
    [HCN_POLICY_PORT_NAME] = {"PortName", SETTINGS(hcn_port_name_fields)},
    [HCN_POLICY_PORT_MAPPING] = {"PortMapping", SETTINGS(hcn_port_mapping_fields)},
    [HCN_POLICY_OUTBOUND_NAT] = {"OutBoundNAT", SETTINGS(hcn_outbound_nat_fields)},
    [HCN_POLICY_SDN_ROUTE] = {"SDNRoute", SETTINGS(hcn_sdn_route_fields)},
    [HCN_POLICY_QOS] = {"QOS", SETTINGS(hcn_qos_fields)},
    [HCN_POLICY_L2_DRIVER] = {"L2Driver", NO_SETTINGS},
    [HCN_POLICY_ENCAP_OVERHEAD] = {"EncapOverhead", SETTINGS(hcn_overhead_fields)},
    [HCN_POLICY_PROVIDER_ADDRESS] = {"ProviderAddress", SETTINGS(hcn_provider_address_fields)},
    [HCN_POLICY_NET_ADAPTER_NAME] = {"NetAdapterName", SETTINGS(hcn_adapter_fields)},
    [HCN_POLICY_VSWITCH_EXTENSION] = {"VSwitchExtension", SETTINGS(hcn_extension_fields)},
    [HCN_POLICY_SOURCE_MAC_ADDRESS] = {"SourceMacAddress", SETTINGS(hcn_source_mac_fields)},
    [HCN_POLICY_AUTOMATIC_DNS] = {"AutomaticDNS", SETTINGS(hcn_automatic_dns_fields)},
    [HCN_POLICY_SET] = {"SetPolicy", SETTINGS(hcn_set_fields)},
};

void hcn_policy_encode(const struct hcn_policy *p, struct sbuf *out)
{
    bool other = p->type == HCN_POLICY_OTHER;
    sbuf_puts(out, "{\"Type\":");
    sbuf_put_json(out, other ? p->u.other.type : hcn_policy_types[p->type].name);
    if (!other) {
        sbuf_puts(out, ",\"Settings\":");
        codec_encode(&hcn_policy_types[p->type].settings, &p->u, out);
    } else if (p->u.other.settings) {
        sbuf_printf(out, ",\"Settings\":%s", p->u.other.settings);
    }
    sbuf_putc(out, '}');
}

static void hcn_policy_encode_hook(const void *obj, struct sbuf *out)
{
    hcn_policy_encode(obj, out);
}

static enum hcn_policy_type hcn_policy_type(const char *name)
{
    int type = HCN_POLICY_N_TYPES - 1;
    while (type > HCN_POLICY_OTHER && strcmp(hcn_policy_types[type].name, name) != 0) {
        type--;
    }
    return (enum hcn_policy_type)type;
}

static int hcn_policy_decode_other(const char *name, const cJSON *settings, struct hcn_policy *p,
                                   struct arena *a)
{
    p->u.other.type = arena_strdup(a, name);
    p->u.other.settings = settings ? codec_print(settings, a) : NULL;
    return p->u.other.type && (!settings || p->u.other.settings) ? 0 : ERR_TOO_BIG;
}

static int hcn_policy_decode_hook(const cJSON *json, void *obj, struct arena *a,
                                  const struct codec_at *at, struct err *err)
{
    struct hcn_policy *p = obj;
    const cJSON *name = codec_member(json, "Type"), *settings = codec_member(json, "Settings");
    struct codec_at type_at = {.up = at, .key = "Type"}, inner = {.up = at, .key = "Settings"};
    if (!cJSON_IsString(name)) {
        return codec_fail(&type_at, err, name ? "not a string" : "missing");
    }
    p->type = hcn_policy_type(name->valuestring);
    if (p->type != HCN_POLICY_OTHER) {
        return settings ? codec_decode_at(&hcn_policy_types[p->type].settings, settings, &p->u, a,
                                          &inner, err)
                        : 0;
    }
    int rc = hcn_policy_decode_other(name->valuestring, settings, p, a);
    return rc < 0 ? err_set(err, rc, "policy %.40s: too big", name->valuestring) : 0;
}

const struct codec_struct hcn_policy_struct = {
    .name = "policy",
    .size = sizeof(struct hcn_policy),
    .encode = hcn_policy_encode_hook,
    .decode = hcn_policy_decode_hook,
};

int hcn_policy_decode(const char *text, size_t len, struct hcn_policy *out, struct arena *a,
                      struct err *err)
{
    return codec_decode(&hcn_policy_struct, text, len, out, a, err);
}

const struct hcn_policy *hcn_policy_find(const struct hcn_policies *list, enum hcn_policy_type type)
{
    for (size_t i = 0; i < list->n; i++) {
        if (list->v[i].type == type) {
            return &list->v[i];
        }
    }
    return NULL;
}

/* ---- networks ---- */

static const char *const hcn_network_types[] = {
    [HCN_NETWORK_NAT] = "NAT",
    [HCN_NETWORK_ICS] = "ICS",
    [HCN_NETWORK_TRANSPARENT] = "Transparent",
    [HCN_NETWORK_L2BRIDGE] = "L2Bridge",
    [HCN_NETWORK_L2TUNNEL] = "L2Tunnel",
    [HCN_NETWORK_OVERLAY] = "Overlay",
    [HCN_NETWORK_PRIVATE] = "Private",
    [HCN_NETWORK_INTERNAL] = "Internal",
};
static_assert(ARRAY_LEN(hcn_network_types) == HCN_NETWORK_OTHER, "a network type lacks its name");

const char *hcn_network_type_name(unsigned type)
{
    return type < HCN_NETWORK_OTHER ? hcn_network_types[type] : "other";
}

static const struct codec_field hcn_subnet_fields[] = {
    {FIELD(struct hcn_subnet, CODEC_TEXT, "IpAddressPrefix", ip_address_prefix),
     .flags = CODEC_ALWAYS},
    {FIELD(struct hcn_subnet, CODEC_JSON, "Policies", policies)},
    {FIELD(struct hcn_subnet, CODEC_LIST, "Routes", routes), .sub = &hcn_route_struct},
};
static const struct codec_struct hcn_subnet_struct =
    TABLE("subnet", struct hcn_subnet, hcn_subnet_fields);

static const struct codec_field hcn_ipam_fields[] = {
    {FIELD(struct hcn_ipam, CODEC_TEXT, "Type", type)},
    {FIELD(struct hcn_ipam, CODEC_LIST, "Subnets", subnets), .sub = &hcn_subnet_struct},
};
static const struct codec_struct hcn_ipam_struct = TABLE("ipam", struct hcn_ipam, hcn_ipam_fields);

static const struct codec_field hcn_network_fields[] = {
    {FIELD(struct hcn_network, CODEC_STRUCT, "SchemaVersion", schema_version),
     .sub = &hcn_version_struct},
    {FIELD(struct hcn_network, CODEC_GUID, "ID", id)},
    {FIELD(struct hcn_network, CODEC_TEXT, "Name", name)},
    {FIELD(struct hcn_network, CODEC_NAME, "Type", type), .names = hcn_network_types,
     .n_names = ARRAY_LEN(hcn_network_types)},
    {FIELD(struct hcn_network, CODEC_LIST, "Policies", policies), .sub = &hcn_policy_struct},
    {FIELD(struct hcn_network, CODEC_LIST, "Ipams", ipams), .sub = &hcn_ipam_struct},
    {FIELD(struct hcn_network, CODEC_STRUCT, "Dns", dns), .sub = &hcn_dns_struct},
    {FIELD(struct hcn_network, CODEC_NUMBER, "Flags", flags), .flags = CODEC_ALWAYS},
};
const struct codec_struct hcn_network_struct =
    TABLE("network", struct hcn_network, hcn_network_fields);

/* ---- endpoints ---- */

static const struct codec_field hcn_ip_config_fields[] = {
    {FIELD(struct hcn_ip_config, CODEC_TEXT, "IpAddress", ip_address), .flags = CODEC_ALWAYS},
    {FIELD(struct hcn_ip_config, CODEC_NUMBER, "PrefixLength", prefix_length),
     .flags = CODEC_ALWAYS, .max = 128},
};
static const struct codec_struct hcn_ip_config_struct =
    TABLE("ip configuration", struct hcn_ip_config, hcn_ip_config_fields);

static const struct codec_field hcn_endpoint_fields[] = {
    {FIELD(struct hcn_endpoint, CODEC_STRUCT, "SchemaVersion", schema_version),
     .sub = &hcn_version_struct},
    {FIELD(struct hcn_endpoint, CODEC_GUID, "ID", id)},
    {FIELD(struct hcn_endpoint, CODEC_TEXT, "Name", name)},
    {FIELD(struct hcn_endpoint, CODEC_GUID, "HostComputeNetwork", network)},
    {FIELD(struct hcn_endpoint, CODEC_GUID, "HostComputeNamespace", namespace_)},
    {FIELD(struct hcn_endpoint, CODEC_LIST, "IpConfigurations", ips), .sub = &hcn_ip_config_struct},
    {FIELD(struct hcn_endpoint, CODEC_LIST, "Routes", routes), .sub = &hcn_route_struct},
    {FIELD(struct hcn_endpoint, CODEC_STRUCT, "Dns", dns), .sub = &hcn_dns_struct},
    {FIELD(struct hcn_endpoint, CODEC_TEXT, "MacAddress", mac_address)},
    {FIELD(struct hcn_endpoint, CODEC_LIST, "Policies", policies), .sub = &hcn_policy_struct},
    {FIELD(struct hcn_endpoint, CODEC_NUMBER, "Flags", flags), .flags = CODEC_ALWAYS},
};
const struct codec_struct hcn_endpoint_struct =
    TABLE("endpoint", struct hcn_endpoint, hcn_endpoint_fields);

/* ---- namespaces ---- */

static void hcn_resource_encode(const void *obj, struct sbuf *out)
{
    const struct hcn_resource *r = obj;
    char id[GUID_TEXT_MAX];
    sbuf_puts(out, "{\"Type\":");
    sbuf_put_json(out, r->type ? r->type : "");
    sbuf_printf(out, ",\"Data\":{\"ID\":\"%s\"}}", guid_format(&r->id, id));
}

/* A container's ID need not be a GUID: it is then left zero. */
static int hcn_resource_decode(const cJSON *json, void *obj, struct arena *a,
                               const struct codec_at *at, struct err *err)
{
    struct hcn_resource *r = obj;
    struct codec_at type_at = {.up = at, .key = "Type"};
    const cJSON *type = codec_member(json, "Type");
    const cJSON *id = codec_member(codec_member(json, "Data"), "ID");
    if (!cJSON_IsString(type)) {
        return codec_fail(&type_at, err, type ? "not a string" : "missing");
    }
    r->type = arena_strdup(a, type->valuestring);
    if (cJSON_IsString(id)) {
        guid_parse(id->valuestring, &r->id);
    }
    return r->type ? 0 : err_set(err, ERR_TOO_BIG, "namespace: too big");
}

static const struct codec_struct hcn_resource_struct = {
    .name = "resource",
    .size = sizeof(struct hcn_resource),
    .encode = hcn_resource_encode,
    .decode = hcn_resource_decode,
};

static const struct codec_field hcn_namespace_fields[] = {
    {FIELD(struct hcn_namespace, CODEC_STRUCT, "SchemaVersion", schema_version),
     .sub = &hcn_version_struct},
    {FIELD(struct hcn_namespace, CODEC_GUID, "ID", id)},
    {FIELD(struct hcn_namespace, CODEC_NUMBER, "NamespaceId", namespace_id)},
    {FIELD(struct hcn_namespace, CODEC_TEXT, "Type", type)},
    {FIELD(struct hcn_namespace, CODEC_LIST, "Resources", resources), .sub = &hcn_resource_struct},
};
const struct codec_struct hcn_namespace_struct =
    TABLE("namespace", struct hcn_namespace, hcn_namespace_fields);

/* ---- requests and queries ---- */

static const char *const hcn_request_types[] = {
    [HCN_ADD] = "Add",         [HCN_REMOVE] = "Remove", [HCN_UPDATE] = "Update",
    [HCN_REFRESH] = "Refresh", [HCN_RESET] = "Reset",
};
static const struct codec_field hcn_request_fields[] = {
    {FIELD(struct hcn_request, CODEC_TEXT, "ResourceType", resource_type), .flags = CODEC_ALWAYS},
    {FIELD(struct hcn_request, CODEC_NAME, "RequestType", request_type), .names = hcn_request_types,
     .n_names = ARRAY_LEN(hcn_request_types)},
    {FIELD(struct hcn_request, CODEC_JSON, "Settings", settings)},
};
const struct codec_struct hcn_request_struct =
    TABLE("request", struct hcn_request, hcn_request_fields);

void hcn_request_policies(enum hcn_request_type type, const struct hcn_policies *policies,
                          struct sbuf *out)
{
    auto_sbuf settings = SBUF_INIT;
    sbuf_puts(&settings, "{\"Policies\":[");
    for (size_t i = 0; i < policies->n; i++) {
        sbuf_puts(&settings, i ? "," : "");
        hcn_policy_encode(&policies->v[i], &settings);
    }
    sbuf_puts(&settings, "]}");
    struct hcn_request r = {"Policy", type, settings.data};
    codec_encode(&hcn_request_struct, &r, out);
}

void hcn_request_endpoint(enum hcn_request_type type, const struct guid *endpoint, struct sbuf *out)
{
    char id[GUID_TEXT_MAX];
    auto_sbuf settings = SBUF_INIT;
    sbuf_printf(&settings, "{\"EndpointId\":\"%s\"}", guid_format(endpoint, id));
    struct hcn_request r = {"Endpoint", type, settings.data};
    codec_encode(&hcn_request_struct, &r, out);
}

void hcn_query_format(const char *key, const char *value, struct sbuf *out)
{
    sbuf_puts(out, "{\"SchemaVersion\":{\"Major\":2,\"Minor\":0},\"Flags\":0");
    if (key) {
        auto_sbuf filter = SBUF_INIT;
        sbuf_putc(&filter, '{');
        sbuf_put_json(&filter, key);
        sbuf_putc(&filter, ':');
        sbuf_put_json(&filter, value);
        sbuf_putc(&filter, '}');
        sbuf_puts(out, ",\"Filter\":");
        sbuf_put_json(out, filter.data);
    }
    sbuf_putc(out, '}');
}

/* ---- answers that are no objects ---- */

struct hcn_answer {
    struct codec_texts texts;
};
static const struct codec_field hcn_answer_fields[] = {
    {FIELD(struct hcn_answer, CODEC_TEXTS, "list", texts)}};
static const struct codec_struct hcn_answer_struct =
    TABLE("enumeration", struct hcn_answer, hcn_answer_fields);

int hcn_guids_decode(const char *text, size_t len, struct hcn_guids *out, struct arena *a,
                     struct err *err)
{
    struct hcn_answer answer = {{NULL, 0}};
    auto_sbuf wrapped = SBUF_INIT;
    sbuf_printf(&wrapped, "{\"list\":");
    sbuf_put(&wrapped, len ? text : "[]", len ? len : 2);
    sbuf_putc(&wrapped, '}');
    int rc = codec_decode(&hcn_answer_struct, wrapped.data, wrapped.len, &answer, a, err);
    if (rc < 0) {
        return rc;
    }
    struct guid *v = arena_alloc(a, (answer.texts.n + 1) * sizeof *v);
    if (!v) {
        return err_set(err, ERR_TOO_BIG, "enumeration: too big");
    }
    for (size_t i = 0; i < answer.texts.n; i++) {
        if (!guid_parse(answer.texts.v[i], &v[i])) {
            return err_set(err, ERR_INVALID, "enumeration: list[%zu]: not a GUID", i);
        }
    }
    *out = (struct hcn_guids){v, answer.texts.n};
    return 0;
}

struct hcn_globals {
    bool success;
    const char *error;
    struct hcn_version output;
};
static const struct codec_field hcn_globals_fields[] = {
    {FIELD(struct hcn_globals, CODEC_BOOL, "Success", success)},
    {FIELD(struct hcn_globals, CODEC_TEXT, "Error", error)},
    {FIELD(struct hcn_globals, CODEC_STRUCT, "Output", output), .sub = &hcn_version_struct},
};
static const struct codec_struct hcn_globals_struct =
    TABLE("globals", struct hcn_globals, hcn_globals_fields);

int hcn_globals_decode(const char *text, size_t len, struct hcn_version *out, struct err *err)
{
    struct arena a;
    struct hcn_globals globals;
    arena_init(&a, CODEC_DOCUMENT_MAX);
    int rc = codec_decode(&hcn_globals_struct, text, len, &globals, &a, err);
    if (rc == 0 && (!globals.success || !globals.output.major)) {
        rc = err_set(err, ERR_REFUSED, "globals: %s", globals.error ? globals.error : "no version");
    }
    if (rc == 0) {
        *out = globals.output;
    }
    arena_done(&a);
    return rc;
}

/* ---- text of addresses ---- */

bool hcn_ip_is(const char *text, const struct ip *ip)
{
    struct ip other;
    return text && ip_parse(text, &other) && ip_equal(&other, ip);
}

char *hcn_mac_format(const struct mac *mac, char *buf)
{
    const uint8_t *b = mac->b;
    snprintf(buf, HCN_MAC_TEXT_MAX, "%02X-%02X-%02X-%02X-%02X-%02X", b[0], b[1], b[2], b[3], b[4],
             b[5]);
    return buf;
}

bool hcn_mac_is(const char *text, const struct mac *mac)
{
    char colons[MAC_TEXT_MAX];
    struct mac other;
    if (!text || strlen(text) != sizeof colons - 1) {
        return false;
    }
    for (size_t i = 0; i < sizeof colons; i++) {
        colons[i] = text[i] == '-' ? ':' : text[i];
    }
    return mac_parse(colons, &other) && memcmp(&other, mac, sizeof other) == 0;
}
