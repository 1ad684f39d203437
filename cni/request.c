/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading requests, see request.h.  The configuration is checked before the variables where the
 * specification leaves the order open, except that an unknown verb says so at once. */
#include "cni/request.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <string.h>

#include "core/base/vec.h"

static void request_json_cleanup(cJSON **json)
{
    cJSON_Delete(*json);
}
#define auto_json PORT_CLEANUP(request_json_cleanup) cJSON

static const cJSON *request_member(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

/* A string member into the arena; "" if absent or null.  False: something else. */
static bool request_string(struct request *r, const cJSON *object, const char *key,
                           const char **out)
{
    const cJSON *value = request_member(object, key);
    *out = "";
    if (!value || cJSON_IsNull(value)) {
        return true;
    }
    if (!cJSON_IsString(value)) {
        return false;
    }
    *out = arena_strdup(&r->arena, value->valuestring);
    return true;
}

/* ---- CNI_ARGS: KEY=VALUE;KEY=VALUE ---- */

static bool request_is_pod_word(const char *s)
{
    size_t n = strlen(s);
    for (; *s; s++) {
        if ((unsigned char)*s <= ' ' || *s == '/' || *s == 127) {
            return false;
        }
    }
    return n > 0 && n <= 253;
}

static int request_take_arg(struct request *r, char *pair, struct cni_error *e)
{
    char *equals = strchr(pair, '=');
    if (!equals || equals == pair) {
        return cni_error_set(e, CNI_INVALID_ENVIRONMENT, "CNI_ARGS: \"%.60s\" is not KEY=VALUE",
                             pair);
    }
    *equals = 0;
    const char *value = equals + 1;
    const struct {
        const char *key;
        const char **to;
    } known[] = {{"K8S_POD_NAMESPACE", &r->pod_namespace},
                 {"K8S_POD_NAME", &r->pod_name},
                 {"K8S_POD_UID", &r->pod_uid}};
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (strcmp(pair, known[i].key) != 0) {
            continue;
        }
        if (*value && !request_is_pod_word(value)) {
            return cni_error_set(e, CNI_INVALID_ENVIRONMENT, "CNI_ARGS: %s: not a name", pair);
        }
        *known[i].to = value;
    }
    return 0;
}

/* Without namespace and name the container is a Pod of its own. */
static int request_identify(struct request *r, struct cni_error *e)
{
    r->pod_namespace = r->pod_name = r->pod_uid = "";
    char *args = arena_strdup(&r->arena, r->env.args);
    while (*args) {
        size_t n = strcspn(args, ";");
        bool more = args[n] == ';';
        args[n] = 0;
        int code = n ? request_take_arg(r, args, e) : 0;
        if (code) {
            return code;
        }
        args += n + more;
    }
    r->own_pod = !*r->pod_namespace || !*r->pod_name;
    if (r->own_pod) {
        r->pod_namespace = "default";
        r->pod_name = r->env.container_id;
        r->pod_uid = "";
    }
    return 0;
}

/* ---- dns and runtimeConfig ---- */

static bool request_is_string_list(const cJSON *list)
{
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, list) {
        if (!cJSON_IsString(item)) {
            return false;
        }
    }
    return cJSON_IsArray(list);
}

/* Keys of a dns object: in the configuration, in runtimeConfig.dns ("" if not there). */
static const struct {
    const char *name, *runtime_name;
    bool list;
} request_dns_keys[] = {
    {"nameservers", "servers", true},
    {"domain", "", false},
    {"search", "searches", true},
    {"options", "options", true},
};

/* Copies what is well formed; false: a value of another type. */
static bool request_copy_dns(const cJSON *from, bool runtime, cJSON *to)
{
    if (from && !cJSON_IsNull(from) && !cJSON_IsObject(from)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(request_dns_keys); i++) {
        const char *name = request_dns_keys[i].name;
        const char *key = runtime ? request_dns_keys[i].runtime_name : name;
        const cJSON *value = *key ? request_member(from, key) : NULL;
        if (!value || cJSON_IsNull(value)) {
            continue;
        }
        if (request_dns_keys[i].list ? !request_is_string_list(value) : !cJSON_IsString(value)) {
            return false;
        }
        cJSON_DeleteItemFromObjectCaseSensitive(to, name);
        cJSON_AddItemToObject(to, name, cJSON_Duplicate(value, true));
    }
    return true;
}

static int request_read_dns(struct request *r, const cJSON *config, const cJSON *runtime,
                            struct cni_error *e)
{
    auto_json *dns = cJSON_CreateObject();
    if (!request_copy_dns(request_member(config, "dns"), false, dns)) {
        return cni_error_set(e, CNI_INVALID_CONFIG, "dns: not as the specification has it");
    }
    if (!request_copy_dns(request_member(runtime, "dns"), true, dns)) {
        return cni_error_set(e, CNI_INVALID_CONFIG, "runtimeConfig.dns: not as it should be");
    }
    if (dns->child) {
        char *text = cJSON_PrintUnformatted(dns);
        r->dns = arena_strdup(&r->arena, text);
        cJSON_free(text);
    }
    return 0;
}

/* "10.1.2.3/24" or "10.1.2.3". */
static bool request_parse_ip(const char *text, struct ip *out)
{
    struct prefix p;
    if (prefix_parse(text, &p)) {
        *out = p.ip;
        return true;
    }
    return ip_parse(text, out);
}

static int request_read_ips(struct request *r, const cJSON *list, struct cni_error *e)
{
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, list) {
        struct ip ip;
        bool again = false;
        if (!cJSON_IsString(item) || !request_parse_ip(item->valuestring, &ip)) {
            return cni_error_set(e, CNI_INVALID_CONFIG, "runtimeConfig.ips: not an address");
        }
        for (size_t i = 0; i < r->n_ips; i++) {
            again |= r->ips[i].family == ip.family;
        }
        if (again) {
            return cni_error_set(e, CNI_INVALID_CONFIG,
                                 "runtimeConfig.ips: more than one address of a family");
        }
        r->ips[r->n_ips++] = ip;
    }
    return 0;
}

static int request_read_runtime(struct request *r, const cJSON *runtime, struct cni_error *e)
{
    if (runtime && !cJSON_IsNull(runtime) && !cJSON_IsObject(runtime)) {
        return cni_error_set(e, CNI_INVALID_CONFIG, "runtimeConfig: not an object");
    }
    const cJSON *mac = request_member(runtime, "mac"), *ips = request_member(runtime, "ips");
    if (mac && !cJSON_IsNull(mac)) {
        r->has_mac =
            cJSON_IsString(mac) && mac_parse(mac->valuestring, &r->mac) && !(r->mac.b[0] & 1);
        if (!r->has_mac) {
            return cni_error_set(e, CNI_INVALID_CONFIG, "runtimeConfig.mac: not a unicast MAC");
        }
    }
    if (ips && !cJSON_IsNull(ips) && !cJSON_IsArray(ips)) {
        return cni_error_set(e, CNI_INVALID_CONFIG, "runtimeConfig.ips: not a list");
    }
    return request_read_ips(r, ips, e);
}

/* ---- prevResult of CHECK ---- */

static int request_read_prev_interfaces(struct request *r, const cJSON *list, int *ours,
                                        struct cni_error *e)
{
    const cJSON *item = NULL;
    int at = 0;
    *ours = -1;
    cJSON_ArrayForEach(item, list) {
        const char *name, *sandbox, *mac;
        if (!cJSON_IsObject(item) || !request_string(r, item, "name", &name) ||
            !request_string(r, item, "sandbox", &sandbox) ||
            !request_string(r, item, "mac", &mac)) {
            return cni_error_set(e, CNI_INVALID_CONFIG, "prevResult.interfaces[%d]: malformed", at);
        }
        if (*sandbox && strcmp(name, r->env.ifname) == 0) {
            r->prev.has_interface = true;
            r->prev.mac = mac;
            *ours = at;
        } else if (!*sandbox && !*r->prev.host_interface) {
            r->prev.host_interface = name;
        }
        at++;
    }
    return 0;
}

static int request_read_prev_ips(struct request *r, const cJSON *list, int ours,
                                 struct cni_error *e)
{
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, list) {
        const cJSON *address = request_member(item, "address");
        const cJSON *interface = request_member(item, "interface");
        struct ip ip;
        if (!cJSON_IsString(address) || !request_parse_ip(address->valuestring, &ip)) {
            return cni_error_set(e, CNI_INVALID_CONFIG, "prevResult.ips: not an address");
        }
        bool other = cJSON_IsNumber(interface) && ours >= 0 && interface->valueint != ours;
        if (!other && r->prev.n_ips < REQUEST_MAX_PREV_IPS) {
            r->prev.ips[r->prev.n_ips++] = ip;
        }
    }
    return 0;
}

static int request_read_prev(struct request *r, const cJSON *config, struct cni_error *e)
{
    const cJSON *prev = request_member(config, "prevResult");
    bool given = prev && !cJSON_IsNull(prev);
    r->prev = (struct request_prev){.given = given, .host_interface = "", .mac = ""};
    if (r->verb == CNI_ADD && given) {
        return cni_error_set(e, CNI_INVALID_CONFIG,
                             "prevResult: seine-cni must be the first plugin of its list");
    }
    if (r->verb != CNI_CHECK) {
        return 0;
    }
    if (!given) {
        return cni_error_set(e, CNI_INVALID_CONFIG, "prevResult: missing");
    }
    if (!cJSON_IsObject(prev)) {
        return cni_error_set(e, CNI_INVALID_CONFIG, "prevResult: not an object");
    }
    int ours;
    int code = request_read_prev_interfaces(r, request_member(prev, "interfaces"), &ours, e);
    return code ? code : request_read_prev_ips(r, request_member(prev, "ips"), ours, e);
}

/* ---- cni.dev/valid-attachments of GC ---- */

static int request_read_valid(struct request *r, const cJSON *config, struct cni_error *e)
{
    static const char key[] = "cni.dev/valid-attachments";
    const cJSON *list = request_member(config, key), *item = NULL;
    if (r->verb != CNI_GC) {
        return 0;
    }
    if (!cJSON_IsArray(list)) {
        return cni_error_set(e, CNI_INVALID_CONFIG, "%s: %s", key, list ? "not a list" : "missing");
    }
    struct request_attachment *valid =
        arena_alloc(&r->arena, sizeof *valid * ((size_t)cJSON_GetArraySize(list) + 1));
    cJSON_ArrayForEach(item, list) {
        struct request_attachment *v = &valid[r->n_valid];
        if (!cJSON_IsObject(item) || !request_string(r, item, "containerID", &v->container_id) ||
            !request_string(r, item, "ifname", &v->ifname) || !*v->container_id || !*v->ifname) {
            return cni_error_set(e, CNI_INVALID_CONFIG, "%s[%zu]: malformed", key, r->n_valid);
        }
        r->n_valid++;
    }
    r->valid = valid;
    return 0;
}

/* ---- the configuration ---- */

static int request_read_version(struct request *r, const cJSON *config, struct cni_error *e)
{
    const char *asked;
    if (!request_string(r, config, "cniVersion", &asked)) {
        return cni_error_set(e, CNI_INVALID_CONFIG, "cniVersion: not a string");
    }
    const struct cni_version *v = cni_version_find(asked);
    if (!v) {
        return cni_error_set(e, CNI_INCOMPATIBLE_VERSION, "cniVersion: \"%.20s\" is not supported",
                             asked);
    }
    r->version = v;
    if (!cni_version_has(v, r->verb)) {
        return cni_error_set(e, CNI_INCOMPATIBLE_VERSION, "cniVersion: %s has no %s", v->name,
                             cni_verb_name(r->verb));
    }
    return 0;
}

static int request_read_names(struct request *r, const cJSON *config, struct cni_error *e)
{
    if (!request_string(r, config, "name", &r->network) || !cni_is_name(r->network)) {
        return cni_error_set(e, CNI_INVALID_CONFIG, "name: missing, or not a network's name");
    }
    if (request_member(config, "ipam")) {
        return cni_error_set(e, CNI_INVALID_CONFIG,
                             "ipam: Seine assigns addresses itself, from the Node's podCIDRs");
    }
    return 0;
}

static int request_read_config(struct request *r, const char *text, struct cni_error *e)
{
    auto_json *config = cJSON_ParseWithOpts(text, NULL, true);
    if (!cJSON_IsObject(config)) {
        return cni_error_set(e, CNI_DECODE_FAILURE, "configuration: not a JSON object");
    }
    const cJSON *runtime = request_member(config, "runtimeConfig");
    int code = request_read_version(r, config, e);
    code = code ? code : cni_env_check(&r->env, e);
    code = code ? code : request_read_names(r, config, e);
    code = code ? code : request_identify(r, e);
    code = code ? code : request_read_runtime(r, runtime, e);
    code = code ? code : request_read_dns(r, config, runtime, e);
    code = code ? code : request_read_prev(r, config, e);
    return code ? code : request_read_valid(r, config, e);
}

int request_parse(struct request *r, const void *body, size_t n, struct cni_error *e)
{
    *r = (struct request){.verb = CNI_N_VERBS, .version = cni_version_newest(), .dns = ""};
    r->env = (struct cni_env){"", "", "", "", ""};
    arena_init(&r->arena, 0);
    auto_json *envelope = n <= REQUEST_LIMIT ? cJSON_ParseWithLength(body, n) : NULL;
    const char *config = "";
    const struct {
        const char *key;
        const char **to;
    } members[] = {{"command", &r->env.command}, {"containerID", &r->env.container_id},
                   {"netns", &r->env.netns},     {"ifname", &r->env.ifname},
                   {"args", &r->env.args},       {"config", &config}};
    bool whole = cJSON_IsObject(envelope);
    for (size_t i = 0; whole && i < ARRAY_LEN(members); i++) {
        whole = request_string(r, envelope, members[i].key, members[i].to);
    }
    if (!whole) {
        return cni_error_set(e, CNI_DECODE_FAILURE, "not a request of seine-cni");
    }
    if (!cni_verb_parse(r->env.command, &r->verb)) {
        return cni_env_check(&r->env, e);
    }
    return r->verb == CNI_VERSION ? 0 : request_read_config(r, config, e);
}

void request_done(struct request *r)
{
    arena_done(&r->arena);
}
