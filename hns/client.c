/* SPDX-License-Identifier: Apache-2.0
 *
 * The client: every call goes through hns_call(), where the service's numbers become ours. */
#include "hns/client.h"

#include <assert.h>
#include <string.h>

#include "hns/hcn_error.h"

/* ---- how the service is reached ---- */

static int hns_default_call(void *aux, const struct hcn_call *call, struct hcn_reply *reply,
                            struct err *err)
{
    (void)aux;
    return hcn_call(call, reply, err);
}

static int hns_default_version(void *aux, struct hcn_reply *reply, struct err *err)
{
    (void)aux;
    return hcn_globals_version(reply, err);
}

const struct hns_ops hns_ops_default = {.call = hns_default_call, .version = hns_default_version};

void hns_init(struct hns_client *h, const struct hns_ops *ops, void *aux)
{
    memset(h, 0, sizeof *h);
    h->ops = ops ? ops : &hns_ops_default;
    h->aux = aux;
    atomic_init(&h->version, 0);
    atomic_init(&h->in_flight, 0);
    for (int i = 0; i < HNS_N_ENDS; i++) {
        atomic_init(&h->ends[i], 0);
    }
}

const char *hns_end_name(enum hns_end e)
{
    static const char *const names[HNS_N_ENDS] = {
        [HNS_END_OK] = "ok", [HNS_END_REFUSED] = "refused", [HNS_END_AWAY] = "away"};
    return names[e];
}

static int hns_call(struct hns_client *h, const struct hcn_call *call, struct hcn_reply *reply,
                    struct err *err)
{
    atomic_fetch_add(&h->in_flight, 1);
    int rc = h->ops->call(h->aux, call, reply, err);
    atomic_fetch_sub(&h->in_flight, 1);
    rc = rc == ERR_REFUSED ? hcn_error_set(reply, err) : rc;
    bool away = rc == ERR_AGAIN || rc == ERR_TIMEOUT;
    atomic_fetch_add(&h->ends[rc == 0 ? HNS_END_OK : away ? HNS_END_AWAY : HNS_END_REFUSED], 1);
    return rc;
}

/* Whether a call that failed with 'rc' says that the object itself is absent. */
static bool hns_says_absent(enum hcn_kind kind, int rc, const struct hcn_reply *reply)
{
    return rc == ERR_NOT_FOUND && hcn_error_is_absent(kind, hcn_error_number(reply));
}

/* What the service answered cannot be read: for the caller it is as if it had not answered. */
static int hns_unreadable(struct err *err)
{
    if (err) {
        err->code = ERR_PROTOCOL;
        err_wrap(err, "hns");
    }
    return ERR_PROTOCOL;
}

int hns_pass(const struct err *why, struct err *err)
{
    return err_set_os(err, why->code, why->os_code, "%s", why->text);
}

/* ---- version ---- */

static int hns_ask_version(struct hns_client *h, struct hcn_version *out, struct err *err)
{
    auto_hcn_reply reply = {0};
    int rc = h->ops->version(h->aux, &reply, err);
    if (rc == ERR_REFUSED) {
        return hcn_error_set(&reply, err);
    }
    if (rc < 0) {
        return rc;
    }
    rc = hcn_globals_decode(reply.json, strlen(reply.json), out, err);
    if (rc == ERR_REFUSED) { /* it answers, and has no version to tell */
        return ERR_UNSUPPORTED;
    }
    return rc < 0 ? hns_unreadable(err) : 0;
}

/* Asks anything: whether the service is there at all. */
static int hns_ask_anything(struct hns_client *h, struct err *err)
{
    auto_hcn_reply reply = {0};
    auto_sbuf query = SBUF_INIT;
    hcn_query_format(NULL, NULL, &query);
    struct hcn_call call = {.op = HCN_ENUMERATE, .kind = HCN_NETWORK, .json = query.data};
    return hns_call(h, &call, &reply, err);
}

int hns_version(struct hns_client *h, struct hcn_version *out, struct err *err)
{
    unsigned known = atomic_load(&h->version);
    struct hcn_version v = {.major = known >> 16, .minor = known & 0xffff};
    int rc = known ? 0 : hns_ask_version(h, &v, err);
    if (rc == ERR_UNSUPPORTED) { /* it cannot tell, or there is none */
        rc = hns_ask_anything(h, err);
        v = feature_hns_of_schema(&HCN_SCHEMA_2);
    }
    if (rc < 0) {
        return rc;
    }
    if (v.major > 0x7fff || v.minor > 0xffff) {
        return err_set(err, ERR_PROTOCOL, "hns: a version of %u.%u", (unsigned)v.major,
                       (unsigned)v.minor);
    }
    atomic_store(&h->version, (unsigned)(v.major << 16 | v.minor));
    *out = v;
    return 0;
}

int hns_need(struct hns_client *h, enum feature f, struct err *err)
{
    struct hcn_version v;
    int rc = hns_version(h, &v, err);
    if (rc < 0 || feature_is_in(f, &v)) {
        return rc;
    }
    auto_sbuf text = SBUF_INIT;
    feature_explain(f, &v, &text);
    return err_set(err, ERR_UNSUPPORTED, "%s", text.data);
}

/* ---- reading one ---- */

/* Where the id lies in what is read. */
enum { HNS_ID_OFFSET = offsetof(struct hcn_network, id) };
static_assert(offsetof(struct hcn_endpoint, id) == HNS_ID_OFFSET, "ids lie at one place");
static_assert(offsetof(struct hcn_namespace, id) == HNS_ID_OFFSET, "ids lie at one place");

/* What is not known is never told with a code that could be taken for absence. */
static enum hns_found hns_unknown(int rc, struct err *err)
{
    if (rc == ERR_NOT_FOUND && err) {
        err->code = ERR_IO;
    }
    return HNS_UNKNOWN;
}

static enum hns_found hns_get(struct hns_client *h, enum hcn_kind kind, const struct guid *id,
                              struct arena *a, void *out, struct err *err)
{
    static const struct codec_struct *const structs[HCN_N_KINDS] = {
        [HCN_NETWORK] = &hcn_network_struct,
        [HCN_ENDPOINT] = &hcn_endpoint_struct,
        [HCN_NAMESPACE] = &hcn_namespace_struct,
    };
    auto_hcn_reply reply = {0};
    auto_sbuf query = SBUF_INIT;
    hcn_query_format(NULL, NULL, &query);
    struct hcn_call call = {.op = HCN_QUERY, .kind = kind, .id = *id, .json = query.data};
    int rc = hns_call(h, &call, &reply, err);
    if (rc < 0) {
        return hns_says_absent(kind, rc, &reply) ? HNS_ABSENT : hns_unknown(rc, err);
    }
    if (codec_decode(structs[kind], reply.json, strlen(reply.json), out, a, err) < 0) {
        hns_unreadable(err);
        return HNS_UNKNOWN;
    }
    memcpy((char *)out + HNS_ID_OFFSET, id, sizeof *id); /* a reply need not repeat it */
    return HNS_PRESENT;
}

enum hns_found hns_network_get(struct hns_client *h, const struct guid *id, struct arena *a,
                               struct hcn_network *out, struct err *err)
{
    return hns_get(h, HCN_NETWORK, id, a, out, err);
}

enum hns_found hns_endpoint_get(struct hns_client *h, const struct guid *id, struct arena *a,
                                struct hcn_endpoint *out, struct err *err)
{
    return hns_get(h, HCN_ENDPOINT, id, a, out, err);
}

enum hns_found hns_namespace_get(struct hns_client *h, const struct guid *id, struct arena *a,
                                 struct hcn_namespace *out, struct err *err)
{
    return hns_get(h, HCN_NAMESPACE, id, a, out, err);
}

/* ---- reading many ---- */

static int hns_enumerate(struct hns_client *h, enum hcn_kind kind, const char *query,
                         struct arena *a, struct hcn_guids *out, struct err *err)
{
    auto_hcn_reply reply = {0};
    struct hcn_call call = {.op = HCN_ENUMERATE, .kind = kind, .json = query};
    int rc = hns_call(h, &call, &reply, err);
    if (rc < 0) {
        hns_unknown(rc, err);
        return rc == ERR_NOT_FOUND ? ERR_IO : rc;
    }
    rc = hcn_guids_decode(reply.json, strlen(reply.json), out, a, err);
    return rc < 0 ? hns_unreadable(err) : 0;
}

static int hns_no_memory(struct err *err)
{
    return err_set(err, ERR_TOO_BIG, "hns: a list is too big");
}

int hns_network_list(struct hns_client *h, struct arena *a, struct hns_networks *out,
                     struct err *err)
{
    struct hcn_guids ids;
    auto_sbuf query = SBUF_INIT;
    hcn_query_format(NULL, NULL, &query);
    int rc = hns_enumerate(h, HCN_NETWORK, query.data, a, &ids, err);
    if (rc < 0) {
        return rc;
    }
    struct hns_networks list = {.v = arena_alloc(a, (ids.n + 1) * sizeof *list.v)};
    for (size_t i = 0; list.v && i < ids.n; i++) {
        struct err why = {0};
        enum hns_found found = hns_network_get(h, &ids.v[i], a, &list.v[list.n], &why);
        if (found == HNS_UNKNOWN) {
            return hns_pass(&why, err);
        }
        list.n += found == HNS_PRESENT;
    }
    *out = list;
    return list.v ? 0 : hns_no_memory(err);
}

enum hns_found hns_network_find(struct hns_client *h, const char *name, struct arena *a,
                                struct hcn_network *out, struct err *err)
{
    struct hcn_guids ids;
    auto_sbuf query = SBUF_INIT;
    hcn_query_format("Name", name, &query);
    if (hns_enumerate(h, HCN_NETWORK, query.data, a, &ids, err) < 0) {
        return HNS_UNKNOWN;
    }
    for (size_t i = 0; i < ids.n; i++) {
        enum hns_found found = hns_network_get(h, &ids.v[i], a, out, err);
        bool named = found == HNS_PRESENT && out->name && strcmp(out->name, name) == 0;
        if (named || found == HNS_UNKNOWN) {
            return found;
        }
    }
    return HNS_ABSENT;
}

enum hns_found hns_namespace_host(struct hns_client *h, struct arena *a, struct hcn_namespace *out,
                                  struct err *err)
{
    struct hcn_guids ids;
    auto_sbuf query = SBUF_INIT;
    hcn_query_format(NULL, NULL, &query);
    if (hns_enumerate(h, HCN_NAMESPACE, query.data, a, &ids, err) < 0) {
        return HNS_UNKNOWN;
    }
    for (size_t i = 0; i < ids.n; i++) {
        enum hns_found found = hns_namespace_get(h, &ids.v[i], a, out, err);
        bool host = found == HNS_PRESENT && out->type && strcmp(out->type, "HostDefault") == 0;
        if (host || found == HNS_UNKNOWN) {
            return found;
        }
    }
    return HNS_ABSENT;
}

int hns_endpoint_ids(struct hns_client *h, const struct guid *network, struct arena *a,
                     struct hcn_guids *out, struct err *err)
{
    char id[GUID_TEXT_MAX];
    auto_sbuf query = SBUF_INIT;
    hcn_query_format(network ? "VirtualNetwork" : NULL, network ? guid_format(network, id) : NULL,
                     &query);
    return hns_enumerate(h, HCN_ENDPOINT, query.data, a, out, err);
}

int hns_endpoint_list(struct hns_client *h, const struct guid *network, struct arena *a,
                      struct hns_endpoints *out, struct err *err)
{
    struct hcn_guids ids;
    int rc = hns_endpoint_ids(h, network, a, &ids, err);
    if (rc < 0) {
        return rc;
    }
    struct hns_endpoints list = {.v = arena_alloc(a, (ids.n + 1) * sizeof *list.v)};
    for (size_t i = 0; list.v && i < ids.n; i++) {
        struct err why = {0};
        struct hcn_endpoint *e = &list.v[list.n];
        enum hns_found found = hns_endpoint_get(h, &ids.v[i], a, e, &why);
        if (found == HNS_UNKNOWN) {
            return hns_pass(&why, err);
        }
        list.n += found == HNS_PRESENT && (!network || guid_equal(&e->network, network));
    }
    *out = list;
    return list.v ? 0 : hns_no_memory(err);
}

/* ---- writing ---- */

/* ERR_NOT_FOUND is what the text says is missing: perhaps not the object itself. */
static int hns_write(struct hns_client *h, const struct hcn_call *call, struct err *err)
{
    auto_hcn_reply reply = {0};
    return hns_call(h, call, &reply, err);
}

/* Takes something away: that it is absent is success, any other refusal is not ERR_NOT_FOUND. */
static int hns_remove(struct hns_client *h, const struct hcn_call *call, struct err *err)
{
    auto_hcn_reply reply = {0};
    int rc = hns_call(h, call, &reply, err);
    bool detach = call->kind == HCN_NAMESPACE;
    if (hns_says_absent(call->kind, rc, &reply) ||
        (detach && hns_says_absent(HCN_ENDPOINT, rc, &reply))) {
        return 0;
    }
    hns_unknown(rc, err);
    return rc == ERR_NOT_FOUND ? ERR_IO : rc;
}

int hns_network_create(struct hns_client *h, const struct hcn_network *n, struct err *err)
{
    auto_sbuf json = SBUF_INIT;
    codec_encode(&hcn_network_struct, n, &json);
    return hns_write(
        h,
        &(struct hcn_call){.op = HCN_CREATE, .kind = HCN_NETWORK, .id = n->id, .json = json.data},
        err);
}

int hns_endpoint_create(struct hns_client *h, const struct hcn_endpoint *e, struct err *err)
{
    auto_sbuf json = SBUF_INIT;
    codec_encode(&hcn_endpoint_struct, e, &json);
    return hns_write(h,
                     &(struct hcn_call){.op = HCN_CREATE,
                                        .kind = HCN_ENDPOINT,
                                        .id = e->id,
                                        .network = e->network,
                                        .json = json.data},
                     err);
}

static int hns_delete(struct hns_client *h, enum hcn_kind kind, const struct guid *id,
                      struct err *err)
{
    return hns_remove(h, &(struct hcn_call){.op = HCN_DELETE, .kind = kind, .id = *id}, err);
}

int hns_network_delete(struct hns_client *h, const struct guid *id, struct err *err)
{
    return hns_delete(h, HCN_NETWORK, id, err);
}

int hns_endpoint_delete(struct hns_client *h, const struct guid *id, struct err *err)
{
    return hns_delete(h, HCN_ENDPOINT, id, err);
}

static int hns_modify(struct hns_client *h, enum hcn_kind kind, const struct guid *id,
                      const char *json, struct err *err)
{
    return hns_write(h, &(struct hcn_call){.op = HCN_MODIFY, .kind = kind, .id = *id, .json = json},
                     err);
}

int hns_network_modify(struct hns_client *h, const struct guid *id, enum hcn_request_type type,
                       const struct hcn_policies *policies, struct err *err)
{
    auto_sbuf json = SBUF_INIT;
    hcn_request_policies(type, policies, &json);
    return hns_modify(h, HCN_NETWORK, id, json.data, err);
}

int hns_endpoint_modify(struct hns_client *h, const struct guid *id, enum hcn_request_type type,
                        const struct hcn_policies *policies, struct err *err)
{
    auto_sbuf json = SBUF_INIT;
    hcn_request_policies(type, policies, &json);
    return hns_modify(h, HCN_ENDPOINT, id, json.data, err);
}

int hns_attach(struct hns_client *h, const struct guid *namespace_, const struct guid *endpoint,
               struct err *err)
{
    auto_sbuf json = SBUF_INIT;
    hcn_request_endpoint(HCN_ADD, endpoint, &json);
    return hns_modify(h, HCN_NAMESPACE, namespace_, json.data, err);
}

int hns_detach(struct hns_client *h, const struct guid *namespace_, const struct guid *endpoint,
               struct err *err)
{
    auto_sbuf json = SBUF_INIT;
    hcn_request_endpoint(HCN_REMOVE, endpoint, &json);
    return hns_remove(
        h,
        &(struct hcn_call){
            .op = HCN_MODIFY, .kind = HCN_NAMESPACE, .id = *namespace_, .json = json.data},
        err);
}

int hns_endpoint_remove(struct hns_client *h, const struct guid *id, struct err *err)
{
    struct arena a;
    struct hcn_endpoint e;
    struct err why = {0};
    int rc = 0;
    arena_init(&a, CODEC_DOCUMENT_MAX);
    enum hns_found found = hns_endpoint_get(h, id, &a, &e, &why);
    if (found == HNS_UNKNOWN) {
        rc = hns_pass(&why, err);
    } else if (found == HNS_PRESENT) {
        rc = guid_is_zero(&e.namespace_) ? 0 : hns_detach(h, &e.namespace_, id, err);
        rc = rc < 0 ? rc : hns_endpoint_delete(h, id, err);
    }
    arena_done(&a);
    return rc;
}
