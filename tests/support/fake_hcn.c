/* SPDX-License-Identifier: Apache-2.0
 *
 * The HCN service in memory. */
#include "tests/support/fake_hcn.h"

#include <stdlib.h>
#include <string.h>

#include "hns/hcn_error.h"

enum {
    FAKE_NOT_FOUND = 0x490, /* of Win32 */
    FAKE_AWAY = 0x6ba
};
#define FAKE_WIN32(n) (UINT32_C(0x80070000) | (uint32_t)(n))

static uint32_t fake_not_found(enum hcn_kind kind)
{
    return kind == HCN_NETWORK    ? HCN_E(0x01)
           : kind == HCN_ENDPOINT ? HCN_E(0x02)
                                  : FAKE_WIN32(FAKE_NOT_FOUND);
}

/* ---- objects ---- */

static struct fake_object *fake_find(struct fake_hcn *f, enum hcn_kind kind, const struct guid *id)
{
    for (size_t i = 0; i < f->objects[kind].n; i++)
        if (guid_equal(&f->objects[kind].v[i].id, id))
            return &f->objects[kind].v[i];
    return NULL;
}

static const char *fake_text(const cJSON *doc, const char *key)
{
    const cJSON *v = cJSON_GetObjectItem(doc, key);
    return cJSON_IsString(v) ? v->valuestring : "";
}

static bool fake_points_to(const cJSON *doc, const char *key, const struct guid *id)
{
    struct guid g;
    return guid_parse(fake_text(doc, key), &g) && guid_equal(&g, id);
}

static void fake_set(cJSON *doc, const char *key, cJSON *value)
{
    cJSON_DeleteItemFromObject(doc, key);
    if (value)
        cJSON_AddItemToObject(doc, key, value);
}

/* As the service has it: upper case. */
static void fake_set_guid(cJSON *doc, const char *key, const struct guid *id)
{
    char text[GUID_TEXT_MAX];
    guid_format(id, text);
    for (char *c = text; *c; c++)
        *c = (char)(*c >= 'a' && *c <= 'f' ? *c - 'a' + 'A' : *c);
    fake_set(doc, key, cJSON_CreateString(text));
}

static void fake_insert(struct fake_hcn *f, enum hcn_kind kind, const struct guid *id, cJSON *doc)
{
    struct fake_object o = {*id, doc};
    fake_set_guid(doc, "ID", id);
    VEC_PUSH(&f->objects[kind], o);
}

static void fake_drop(struct fake_hcn *f, enum hcn_kind kind, struct fake_object *o)
{
    cJSON_Delete(o->doc);
    *o = f->objects[kind].v[--f->objects[kind].n];
}

/* ---- creating ---- */

/* Each address must be in a subnet of the network, if that has any. */
static bool fake_subnet_has(const cJSON *network, const struct ip *ip)
{
    const cJSON *ipam, *subnet;
    bool any = false;
    cJSON_ArrayForEach(ipam, cJSON_GetObjectItem(network, "Ipams")) {
        cJSON_ArrayForEach(subnet, cJSON_GetObjectItem(ipam, "Subnets")) {
            struct prefix p;
            any = true;
            if (prefix_parse(fake_text(subnet, "IpAddressPrefix"), &p) && prefix_contains(&p, ip))
                return true;
        }
    }
    return !any;
}

static uint32_t fake_check_endpoint(struct fake_hcn *f, const struct hcn_call *call, cJSON *doc)
{
    struct fake_object *network = fake_find(f, HCN_NETWORK, &call->network);
    const cJSON *config;
    if (!network)
        return HCN_E(0x01);
    cJSON_ArrayForEach(config, cJSON_GetObjectItem(doc, "IpConfigurations")) {
        struct ip ip;
        if (!ip_parse(fake_text(config, "IpAddress"), &ip) || !fake_subnet_has(network->doc, &ip))
            return HCN_E(0x1e);
    }
    fake_set_guid(doc, "HostComputeNetwork", &call->network);
    return 0;
}

static uint32_t fake_check_network(struct fake_hcn *f, const cJSON *doc)
{
    for (size_t i = 0; i < f->objects[HCN_NETWORK].n; i++)
        if (strcmp(fake_text(f->objects[HCN_NETWORK].v[i].doc, "Name"), fake_text(doc, "Name")) ==
            0)
            return HCN_E(0x10);
    return 0;
}

static uint32_t fake_create(struct fake_hcn *f, const struct hcn_call *call)
{
    struct guid id = call->id;
    cJSON *doc = cJSON_Parse(call->json);
    uint32_t hr = cJSON_IsObject(doc) ? 0 : HCN_E(0x1b);
    if (f->own_ids)
        id = guid_from_name("fake", call->json);
    if (!hr && fake_find(f, call->kind, &id))
        hr = call->kind == HCN_NETWORK ? HCN_E(0x10) : FAKE_WIN32(0xb7);
    if (!hr && call->kind == HCN_ENDPOINT)
        hr = fake_check_endpoint(f, call, doc);
    if (!hr && call->kind == HCN_NETWORK)
        hr = fake_check_network(f, doc);
    if (hr)
        cJSON_Delete(doc);
    else
        fake_insert(f, call->kind, &id, doc);
    return hr;
}

/* ---- deleting ---- */

static bool fake_is_used(struct fake_hcn *f, const struct hcn_call *call, const cJSON *doc)
{
    struct guid ns;
    if (call->kind == HCN_ENDPOINT)
        return guid_parse(fake_text(doc, "HostComputeNamespace"), &ns) &&
               fake_find(f, HCN_NAMESPACE, &ns);
    for (size_t i = 0; call->kind == HCN_NETWORK && i < f->objects[HCN_ENDPOINT].n; i++)
        if (fake_points_to(f->objects[HCN_ENDPOINT].v[i].doc, "HostComputeNetwork", &call->id))
            return true;
    return false;
}

static uint32_t fake_delete(struct fake_hcn *f, const struct hcn_call *call)
{
    struct fake_object *o = fake_find(f, call->kind, &call->id);
    if (!o)
        return fake_not_found(call->kind);
    if (fake_is_used(f, call, o->doc))
        return HCN_E(0x2c);
    fake_drop(f, call->kind, o);
    return 0;
}

/* ---- modifying ---- */

static void fake_resource(cJSON *namespace_, const struct guid *endpoint, bool add)
{
    cJSON *list = cJSON_GetObjectItem(namespace_, "Resources");
    if (!list)
        list = cJSON_AddArrayToObject(namespace_, "Resources");
    for (int i = cJSON_GetArraySize(list); i-- > 0;)
        if (fake_points_to(cJSON_GetObjectItem(cJSON_GetArrayItem(list, i), "Data"), "ID",
                           endpoint))
            cJSON_DeleteItemFromArray(list, i);
    if (add) {
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "Type", "Endpoint");
        fake_set_guid(cJSON_AddObjectToObject(item, "Data"), "ID", endpoint);
        cJSON_AddItemToArray(list, item);
    }
}

static uint32_t fake_modify_namespace(struct fake_hcn *f, struct fake_object *ns, const cJSON *r)
{
    struct guid id;
    bool add = strcmp(fake_text(r, "RequestType"), "Add") == 0;
    if (strcmp(fake_text(r, "ResourceType"), "Endpoint") != 0 ||
        !guid_parse(fake_text(cJSON_GetObjectItem(r, "Settings"), "EndpointId"), &id))
        return HCN_E(0x1b);
    struct fake_object *e = fake_find(f, HCN_ENDPOINT, &id);
    if (!e)
        return HCN_E(0x02);
    bool attached = *fake_text(e->doc, "HostComputeNamespace") != 0;
    if (add && attached)
        return HCN_E(0x2b);
    fake_resource(ns->doc, &id, add);
    fake_set(e->doc, "HostComputeNamespace", NULL);
    if (add)
        fake_set_guid(e->doc, "HostComputeNamespace", &ns->id);
    return 0;
}

static bool fake_has_type(const cJSON *list, const cJSON *policy)
{
    const cJSON *other;
    cJSON_ArrayForEach(other, list) {
        if (strcmp(fake_text(other, "Type"), fake_text(policy, "Type")) == 0)
            return true;
    }
    return false;
}

static int fake_index(const cJSON *list, const cJSON *policy)
{
    for (int i = 0; i < cJSON_GetArraySize(list); i++)
        if (cJSON_Compare(cJSON_GetArrayItem(list, i), policy, true))
            return i;
    return -1;
}

/* Add appends, Remove takes equal ones away, Update replaces those of the types it names. */
static uint32_t fake_modify_policies(struct fake_object *o, const cJSON *r)
{
    const char *type = fake_text(r, "RequestType");
    const cJSON *wanted = cJSON_GetObjectItem(cJSON_GetObjectItem(r, "Settings"), "Policies");
    const cJSON *p;
    cJSON *list = cJSON_GetObjectItem(o->doc, "Policies");
    if (strcmp(fake_text(r, "ResourceType"), "Policy") != 0 || !cJSON_IsArray(wanted))
        return HCN_E(0x1b);
    if (!list)
        list = cJSON_AddArrayToObject(o->doc, "Policies");
    if (strcmp(type, "Update") == 0)
        for (int i = cJSON_GetArraySize(list); i-- > 0;)
            if (fake_has_type(wanted, cJSON_GetArrayItem(list, i)))
                cJSON_DeleteItemFromArray(list, i);
    cJSON_ArrayForEach(p, wanted) {
        int at = fake_index(list, p);
        if (strcmp(type, "Remove") != 0)
            cJSON_AddItemToArray(list, cJSON_Duplicate(p, true));
        else if (at < 0)
            return HCN_E(0x08);
        else
            cJSON_DeleteItemFromArray(list, at);
    }
    return 0;
}

static uint32_t fake_modify(struct fake_hcn *f, const struct hcn_call *call)
{
    struct fake_object *o = fake_find(f, call->kind, &call->id);
    cJSON *request = cJSON_Parse(call->json);
    uint32_t hr = !o                            ? fake_not_found(call->kind)
                  : !request                    ? HCN_E(0x1b)
                  : call->kind == HCN_NAMESPACE ? fake_modify_namespace(f, o, request)
                                                : fake_modify_policies(o, request);
    cJSON_Delete(request);
    return hr;
}

/* ---- reading ---- */

static char *fake_print(const cJSON *doc)
{
    char *text = cJSON_PrintUnformatted(doc), *copy = mem_strdup(text);
    cJSON_free(text);
    return copy;
}

static bool fake_matches(const cJSON *doc, const cJSON *filter)
{
    const cJSON *want;
    cJSON_ArrayForEach(want, filter) {
        bool network = strcmp(want->string, "VirtualNetwork") == 0;
        const char *has = fake_text(doc, network ? "HostComputeNetwork" : want->string);
        struct guid a, b;
        bool guids = guid_parse(has, &a) && guid_parse(want->valuestring, &b);
        if (guids ? !guid_equal(&a, &b) : strcmp(has, want->valuestring) != 0)
            return false;
    }
    return true;
}

static char *fake_enumerate(struct fake_hcn *f, const struct hcn_call *call)
{
    cJSON *query = cJSON_Parse(call->json), *list = cJSON_CreateArray();
    cJSON *filter = cJSON_Parse(fake_text(query, "Filter"));
    for (size_t i = 0; i < f->objects[call->kind].n; i++) {
        const struct fake_object *o = &f->objects[call->kind].v[i];
        cJSON *id = cJSON_CreateString(fake_text(o->doc, "ID"));
        if (!f->loose && !fake_matches(o->doc, filter))
            cJSON_Delete(id);
        else if (f->reorder)
            cJSON_InsertItemInArray(list, 0, id);
        else
            cJSON_AddItemToArray(list, id);
    }
    char *text = fake_print(list);
    cJSON_Delete(query);
    cJSON_Delete(list);
    cJSON_Delete(filter);
    return text;
}

static uint32_t fake_query(struct fake_hcn *f, const struct hcn_call *call, char **out)
{
    struct fake_object *o = fake_find(f, call->kind, &call->id);
    if (!o)
        return fake_not_found(call->kind);
    *out = fake_print(o->doc);
    return 0;
}

/* ---- the service ---- */

static struct fake_rule *fake_rule(struct fake_hcn *f, const struct hcn_call *call)
{
    for (size_t i = 0; i < f->rules.n; i++) {
        struct fake_rule *r = &f->rules.v[i];
        if (r->op == call->op && r->kind == call->kind && r->count) {
            r->count -= r->count > 0;
            return r;
        }
    }
    return NULL;
}

static uint32_t fake_do(struct fake_hcn *f, const struct hcn_call *call, char **out)
{
    switch (call->op) {
    case HCN_ENUMERATE:
        *out = fake_enumerate(f, call);
        return 0;
    case HCN_CREATE:
        return fake_create(f, call);
    case HCN_QUERY:
        return fake_query(f, call, out);
    case HCN_MODIFY:
        return fake_modify(f, call);
    default:
        return fake_delete(f, call);
    }
}

static int fake_call(void *aux, const struct hcn_call *call, struct hcn_reply *reply,
                     struct err *err)
{
    struct fake_hcn *f = aux;
    char *out = NULL;
    if (f->missing)
        return err_set(err, ERR_UNSUPPORTED, "hns: absent");
    const struct fake_rule *rule = f->down ? NULL : fake_rule(f, call);
    reply->function = "HcnFake";
    if (f->down)
        reply->hr = FAKE_WIN32(FAKE_AWAY);
    else if (!rule || rule->after)
        reply->hr = fake_do(f, call, &out);
    if (rule) {
        reply->hr = rule->hr;
        reply->record = rule->record ? mem_strdup(rule->record) : NULL;
    }
    struct fake_call log = {call->op, call->kind, call->id,
                            mem_strdup(call->json ? call->json : ""), reply->hr};
    VEC_PUSH(&f->calls, log);
    if (reply->hr || reply->record) {
        mem_free(out);
        return err_set(err, ERR_REFUSED, "refused");
    }
    reply->json = out;
    return 0;
}

static int fake_version(void *aux, struct hcn_reply *reply, struct err *err)
{
    struct fake_hcn *f = aux;
    auto_sbuf text = SBUF_INIT;
    if (f->missing || f->no_version)
        return err_set(err, ERR_UNSUPPORTED, "hns: absent");
    reply->function = "HNSCall";
    if (f->down) {
        reply->hr = FAKE_WIN32(FAKE_AWAY);
        return err_set(err, ERR_REFUSED, "refused");
    }
    if (f->odd_version)
        sbuf_puts(&text, f->odd_version);
    else
        sbuf_printf(&text, "{\"Success\":true,\"Output\":{\"Major\":%u,\"Minor\":%u}}",
                    (unsigned)f->version.major, (unsigned)f->version.minor);
    reply->json = sbuf_take(&text);
    return 0;
}

const struct hns_ops fake_hcn_ops = {.call = fake_call, .version = fake_version};

struct fake_hcn *fake_hcn_new(void)
{
    struct fake_hcn *f = mem_calloc(1, sizeof *f);
    f->version = (struct hcn_version){13, 2};
    return f;
}

void fake_hcn_forget(struct fake_hcn *f)
{
    for (int kind = 0; kind < HCN_N_KINDS; kind++)
        while (f->objects[kind].n)
            fake_drop(f, (enum hcn_kind)kind, f->objects[kind].v);
}

void fake_hcn_forget_calls(struct fake_hcn *f)
{
    while (f->calls.n)
        mem_free(f->calls.v[--f->calls.n].json);
}

void fake_hcn_free(struct fake_hcn *f)
{
    fake_hcn_forget(f);
    fake_hcn_forget_calls(f);
    for (int kind = 0; kind < HCN_N_KINDS; kind++)
        VEC_DONE(&f->objects[kind]);
    VEC_DONE(&f->rules);
    VEC_DONE(&f->calls);
    mem_free(f);
}

void fake_hcn_fail(struct fake_hcn *f, enum hcn_op op, enum hcn_kind kind, uint32_t hr, int count)
{
    struct fake_rule r = {.op = op, .kind = kind, .hr = hr, .count = count};
    VEC_PUSH(&f->rules, r);
}

void fake_hcn_lose(struct fake_hcn *f, enum hcn_op op, enum hcn_kind kind, uint32_t hr, int count)
{
    struct fake_rule r = {.op = op, .kind = kind, .hr = hr, .count = count, .after = true};
    VEC_PUSH(&f->rules, r);
}

struct guid fake_hcn_put(struct fake_hcn *f, enum hcn_kind kind, const char *id, const char *json)
{
    struct guid g;
    cJSON *doc = cJSON_Parse(json);
    if (!guid_parse(id, &g) || !doc)
        abort();
    fake_hcn_remove(f, kind, &g);
    fake_insert(f, kind, &g, doc);
    return g;
}

void fake_hcn_remove(struct fake_hcn *f, enum hcn_kind kind, const struct guid *id)
{
    struct fake_object *o = fake_find(f, kind, id);
    if (o)
        fake_drop(f, kind, o);
}

const char *fake_hcn_get(struct fake_hcn *f, enum hcn_kind kind, const struct guid *id)
{
    static char text[8192];
    struct fake_object *o = fake_find(f, kind, id);
    if (!o || !cJSON_PrintPreallocated(o->doc, text, sizeof text, false))
        return NULL;
    return text;
}

size_t fake_hcn_count(const struct fake_hcn *f, enum hcn_kind kind)
{
    return f->objects[kind].n;
}

size_t fake_hcn_calls(const struct fake_hcn *f, enum hcn_op op, enum hcn_kind kind)
{
    size_t n = 0;
    for (size_t i = 0; i < f->calls.n; i++)
        n += f->calls.v[i].op == op && f->calls.v[i].kind == kind;
    return n;
}
