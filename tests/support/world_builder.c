/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/world_builder.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "core/agent/verdict.h"
#include "core/k8s/document.h"
#include "core/node/node_intents.h"
#include "core/pod/pod_local.h"
#include "core/policy/policy.h"
#include "core/service/service.h"

static const struct table_class tables[TABLE_N] = {
    [TABLE_POD] = {"pod", object_free, object_equal, {NULL}},
    [TABLE_NAMESPACE] = {"namespace", object_free, object_equal, {NULL}},
    [TABLE_NODE] = {"node", object_free, object_equal, {NULL}},
    [TABLE_POLICY] = {"policy", object_free, object_equal, {NULL}},
    [TABLE_SERVICE] = {"service", object_free, object_equal, {NULL}},
    [TABLE_ENDPOINT_SLICE] = {"endpoint_slice", object_free, object_equal, {slice_by_service}},
    [TABLE_ATTACHMENT] = {"attachment", attachment_free, attachment_equal, {attachment_by_pod}},
    [TABLE_CONFIG] = {"config", node_config_free, node_config_equal, {NULL}},
    [TABLE_SELF] = {.name = "self"},
    [TABLE_REMOTE] = {.name = "remote"},
    [TABLE_LOCAL] = {.name = "local", .indexes = {intent_local_by_pod, intent_local_by_namespace}},
    [TABLE_RULE] = {.name = "rule", .indexes = {intent_rule_by_set}},
    [TABLE_RULE_ID] = {.name = "rule_id"},
    [TABLE_SET] = {.name = "set", .indexes = {intent_set_by_anchor}},
    [TABLE_APPLIED] = {.name = "applied", .indexes = {intent_applied_by_local}},
    [TABLE_MEMBER] = {.name = "member"},
    [TABLE_FRONTEND] = {.name = "frontend", .indexes = {intent_frontend_by_hash}},
    [TABLE_PEERS] = {.name = "peers"},
    [TABLE_UNSAID] = {.name = "unsaid"},
};

static const struct unit_kind kinds[] = {
    {"self", 1, ENGINE_SINGLETON, node_self_derive},
    {"local", 1, TABLE_ATTACHMENT, pod_local_derive},
    {"remote", 2, TABLE_NODE, node_remote_derive},
    {"policy", 3, TABLE_POLICY, policy_rules_derive},
    {"service", 3, TABLE_SERVICE, service_derive},
    {"rule_id", 4, ENGINE_SINGLETON, policy_rule_id_derive},
    {"member", 4, TABLE_POD, policy_member_derive},
    {"bare_member", 4, TABLE_LOCAL, policy_bare_member_derive},
};

struct engine *world_intents(void)
{
    return engine_new(&(struct engine_config){
        .tables = tables, .n_tables = TABLE_N, .kinds = kinds, .n_kinds = ARRAY_LEN(kinds)});
}

/* ---- objects ---- */

static void put_object(struct engine *e, const cJSON *json)
{
    static const enum world_table table_of[] = {
        [K8S_POD] = TABLE_POD,         [K8S_NAMESPACE] = TABLE_NAMESPACE,
        [K8S_NODE] = TABLE_NODE,       [K8S_NETWORK_POLICY] = TABLE_POLICY,
        [K8S_SERVICE] = TABLE_SERVICE, [K8S_ENDPOINT_SLICE] = TABLE_ENDPOINT_SLICE};
    const cJSON *api = cJSON_GetObjectItemCaseSensitive(json, "apiVersion");
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(json, "kind");
    enum k8s_kind kind = K8S_POD;
    struct object_meta *object;
    struct err err = {0};
    char key[K8S_KEY_MAX];
    if (!k8s_kind_of(cJSON_GetStringValue(api), cJSON_GetStringValue(name), &kind))
        fail_msg("unknown kind");
    if (object_decode(json, kind, &object, &err))
        fail_msg("%s", err.text);
    k8s_key(object, key);
    store_put(engine_store(e), (int)table_of[kind], key, object);
}

void world_yaml(struct engine *e, const char *yaml)
{
    struct document_reader *r = document_reader_new("world.yaml", yaml, strlen(yaml));
    struct document doc;
    const cJSON *json;
    uint32_t line;
    struct err err = {0};
    int rc;
    while ((rc = document_next(r, &doc, &line, &err)) == 1) {
        if (document_parse(r, &json, &line, &err))
            break;
        if (json)
            put_object(e, json);
    }
    if (err.code)
        fail_msg("line %u: %s\n%s", (unsigned)line, err.text, yaml);
    document_reader_free(r);
}

/* Each word of the text between the two others, with commas. */
static void put_words(struct sbuf *out, const char *words, const char *before, const char *after)
{
    for (const char *w = words; *w;) {
        size_t n = strcspn(w, " ");
        sbuf_printf(out, "%s%s%.*s%s", w == words ? "" : ", ", before, (int)n, w, after);
        w += n + (w[n] == ' ');
    }
}

static const char *text_or(const char *s)
{
    return s ? s : "";
}

/* Name and namespace of "namespace/name". */
static void put_meta(struct sbuf *y, const char *key, const char *labels, const char *more)
{
    const char *slash = strchr(key, '/');
    sbuf_puts(y, "metadata: {");
    if (slash)
        sbuf_printf(y, "namespace: \"%.*s\", ", (int)(slash - key), key);
    sbuf_printf(y, "name: \"%s\", labels: {%s}", slash ? slash + 1 : key, text_or(labels));
    sbuf_printf(y, "%s%s}\n", more ? ", " : "", text_or(more));
}

void world_pod_full(struct engine *e, const struct world_pod *pod)
{
    auto_sbuf y = SBUF_INIT;
    sbuf_puts(&y, "apiVersion: v1\nkind: Pod\n");
    put_meta(&y, pod->key, pod->labels, pod->meta);
    sbuf_printf(&y, "spec: {%s}\nstatus: {podIPs: [", text_or(pod->spec));
    put_words(&y, text_or(pod->ips), "{ip: \"", "\"}");
    sbuf_printf(&y, "]%s%s}\n", pod->status ? ", " : "", text_or(pod->status));
    world_yaml(e, y.data);
}

void world_pod(struct engine *e, const char *key, const char *labels, const char *ips)
{
    world_pod_full(e, &(struct world_pod){.key = key, .labels = labels, .ips = ips});
}

void world_namespace(struct engine *e, const char *name, const char *labels)
{
    auto_sbuf y = SBUF_INIT;
    sbuf_puts(&y, "apiVersion: v1\nkind: Namespace\n");
    put_meta(&y, name, labels, NULL);
    world_yaml(e, y.data);
}

void world_policy(struct engine *e, const char *key, const char *spec)
{
    auto_sbuf y = SBUF_INIT;
    sbuf_puts(&y, "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n");
    put_meta(&y, key, NULL, NULL);
    sbuf_printf(&y, "spec: {%s}\n", spec);
    world_yaml(e, y.data);
}

void world_service(struct engine *e, const char *key, const char *ips, const char *ports)
{
    auto_sbuf y = SBUF_INIT;
    sbuf_puts(&y, "apiVersion: v1\nkind: Service\n");
    put_meta(&y, key, NULL, NULL);
    sbuf_puts(&y, "spec: {clusterIPs: [");
    put_words(&y, ips, "\"", "\"");
    sbuf_printf(&y, "], ports: [%s]}\n", ports);
    world_yaml(e, y.data);
}

static void put_endpoint(struct sbuf *y, const char *word, size_t n)
{
    const char *conditions = "ready: true";
    if (word[n - 1] == '-')
        conditions = "ready: false";
    if (word[n - 1] == '~')
        conditions = "ready: false, serving: true, terminating: true";
    n -= word[n - 1] == '-' || word[n - 1] == '~';
    sbuf_printf(y, "- {addresses: [\"%.*s\"], conditions: {%s}}\n", (int)n, word, conditions);
}

void world_slice(struct engine *e, const char *key, const char *suffix, const char *endpoints,
                 const char *ports)
{
    const char *name = strchr(key, '/') + 1;
    auto_sbuf y = SBUF_INIT;
    sbuf_puts(&y, "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n");
    sbuf_printf(&y, "metadata: {namespace: \"%.*s\", name: \"%s-%s\", ", (int)(name - 1 - key), key,
                name, suffix);
    sbuf_printf(&y, "labels: {%s: \"%s\"}}\n", SERVICE_NAME_LABEL, name);
    sbuf_printf(&y, "addressType: IPv%d\nports: [%s]\nendpoints:\n", strchr(endpoints, ':') ? 6 : 4,
                ports);
    for (const char *w = endpoints; *w;) {
        size_t n = strcspn(w, " ");
        put_endpoint(&y, w, n);
        w += n + (w[n] == ' ');
    }
    world_yaml(e, y.data);
}

void world_node(struct engine *e, const char *name, const char *cidrs, const char *ips)
{
    auto_sbuf y = SBUF_INIT;
    sbuf_puts(&y, "apiVersion: v1\nkind: Node\n");
    put_meta(&y, name, NULL, NULL);
    sbuf_puts(&y, "spec: {podCIDRs: [");
    put_words(&y, cidrs, "\"", "\"");
    sbuf_puts(&y, "]}\nstatus: {addresses: [");
    put_words(&y, ips, "{type: InternalIP, address: \"", "\"}");
    sbuf_puts(&y, "]}\n");
    world_yaml(e, y.data);
}

void world_config(struct engine *e, const char *node_name)
{
    store_put(engine_store(e), TABLE_CONFIG, "", node_config_new(node_name));
}

void world_remove(struct engine *e, enum world_table table, const char *key)
{
    if (!store_remove(engine_store(e), (int)table, key))
        fail_msg("nothing to remove: %s", key);
}

/* ---- attachments ---- */

static void put_ips(struct attachment *a, const char *ips)
{
    for (const char *w = ips; *w;) {
        size_t n = strcspn(w, " ");
        auto_free char *one = mem_strndup(w, n);
        assert_true(a->n_ips < ATTACHMENT_MAX_IPS && ip_parse(one, &a->ips[a->n_ips++]));
        w += n + (w[n] == ' ');
    }
}

void world_attach(struct engine *e, const struct world_attachment *w)
{
    const char *slash = w->pod ? strchr(w->pod, '/') : NULL;
    struct attachment *a = attachment_new();
    auto_sbuf key = SBUF_INIT;
    a->container_id = mem_strdup(w->container);
    a->cni_ifname = mem_strdup(w->ifname ? w->ifname : "eth0");
    a->netns = mem_strdup("/run/netns/test");
    a->interface = mem_strdup(w->container);
    a->pod_namespace = slash ? mem_strndup(w->pod, (size_t)(slash - w->pod)) : mem_strdup("");
    a->pod_name = mem_strdup(slash ? slash + 1 : "");
    a->pod_uid = mem_strdup(text_or(w->uid));
    a->sequence = w->sequence;
    a->mac = mac_from_name("test", w->container);
    a->ofport = w->no_port ? 0 : w->ofport ? w->ofport : 100u + a->mac.b[5];
    put_ips(a, text_or(w->ips));
    a->subnet_len[0] = w->subnet_len;
    sbuf_printf(&key, "%s/%s", a->container_id, a->cni_ifname);
    store_put(engine_store(e), TABLE_ATTACHMENT, key.data, a);
}

void world_attach_pod(struct engine *e, const char *pod, const char *ips)
{
    auto_sbuf container = SBUF_INIT;
    sbuf_printf(&container, "c-%s", strchr(pod, '/') + 1);
    world_attach(e,
                 &(struct world_attachment){.container = container.data, .pod = pod, .ips = ips});
}

void world_detach(struct engine *e, const char *container)
{
    auto_sbuf key = SBUF_INIT;
    sbuf_printf(&key, "%s/eth0", container);
    world_remove(e, TABLE_ATTACHMENT, key.data);
}

/* ---- asking ---- */

void world_settle(struct engine *e)
{
    assert_true(engine_run(e, 0));
}

void world_recheck(struct engine *e)
{
    auto_sbuf report = SBUF_INIT;
    world_settle(e);
    if (engine_recompute(e, &report) != 0)
        fail_msg("derived again, differently:\n%s", sbuf_cstr(&report));
}

void world_done(struct engine *e)
{
    world_recheck(e);
    engine_free(e);
}

const char *world_failure(struct engine *e, const char *kind, const char *key, struct arena *a)
{
    size_t n;
    struct engine_failure *f = engine_failures(e, a, &n);
    for (size_t i = 0; i < n; i++)
        if (strcmp(f[i].kind, kind) == 0 && strcmp(f[i].key, key) == 0)
            return f[i].reason;
    return NULL;
}

const void *world_row(struct engine *e, enum world_table table, const char *key)
{
    world_settle(e);
    const struct row *row = store_get(engine_store(e), (int)table, key);
    return row ? row->value : NULL;
}

size_t world_count(struct engine *e, enum world_table table)
{
    world_settle(e);
    return store_count(engine_store(e), (int)table);
}

bool world_allows(struct engine *e, const char *src, const char *dst, uint8_t proto, uint16_t port)
{
    struct verdict_query q = {.src = src, .dst = dst, .proto = proto, .port = port};
    struct verdict v;
    struct err err = {0};
    struct arena a;
    arena_init(&a, 0);
    world_settle(e);
    if (verdict_of(engine_store(e), &q, &a, &v, &err))
        fail_msg("%s -> %s: %s", src, dst, err.text);
    arena_done(&a);
    return v.allowed;
}
