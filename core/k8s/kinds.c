/* SPDX-License-Identifier: Apache-2.0
 *
 * The rows of kinds, and the paths made from them. */
#include "core/k8s/kinds.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/mem.h"
#include "core/k8s/decode.h"
#include "core/k8s/json_stream.h"
#include "core/k8s/tree.h"

#define CORE "/api/v1"
#define NETWORKING "/apis/networking.k8s.io/v1"
/* A Service with this label, and its slices, are for another proxy. */
#define OURS "!service.kubernetes.io/service-proxy-name"

static const struct kind_row rows[] = {
    [K8S_POD] = {.kind = K8S_POD, .group_path = CORE, .resource = "pods", .namespaced = true},
    [K8S_NAMESPACE] = {.kind = K8S_NAMESPACE, .group_path = CORE, .resource = "namespaces"},
    [K8S_NODE] = {.kind = K8S_NODE, .group_path = CORE, .resource = "nodes"},
    [K8S_NETWORK_POLICY] = {.kind = K8S_NETWORK_POLICY,
                            .group_path = NETWORKING,
                            .resource = "networkpolicies",
                            .namespaced = true},
    [K8S_SERVICE] = {.kind = K8S_SERVICE,
                     .group_path = CORE,
                     .resource = "services",
                     .label_selector = OURS,
                     .namespaced = true},
    [K8S_ENDPOINT_SLICE] = {.kind = K8S_ENDPOINT_SLICE,
                            .group_path = "/apis/discovery.k8s.io/v1",
                            .resource = "endpointslices",
                            .label_selector = OURS,
                            .namespaced = true},
};
static_assert(ARRAY_LEN(rows) == K8S_N_KINDS, "a row for each kind");

const struct kind_row *kind_row(enum k8s_kind kind)
{
    assert(kind < K8S_N_KINDS);
    return &rows[kind];
}

/* ---- paths ---- */

/* All but what RFC 3986 calls unreserved is escaped. */
static void put_escaped(struct sbuf *out, const char *s)
{
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            strchr("-._~", *s))
            sbuf_putc(out, *s);
        else
            sbuf_printf(out, "%%%02X", c);
    }
}

static void put_query(struct sbuf *out, bool *first, const char *name, const char *value)
{
    if (!value)
        return;
    sbuf_printf(out, "%c%s=", *first ? '?' : '&', name);
    put_escaped(out, value);
    *first = false;
}

/* The collection in all Namespaces, and its narrowing. */
static void put_collection(const struct kind_row *row, struct sbuf *out, bool *first)
{
    sbuf_printf(out, "%s/%s", row->group_path, row->resource);
    *first = true;
    put_query(out, first, "fieldSelector", row->field_selector);
    put_query(out, first, "labelSelector", row->label_selector);
}

void kind_path_list(const struct kind_row *row, unsigned limit, const char *token, struct sbuf *out)
{
    char number[16];
    bool first;
    put_collection(row, out, &first);
    snprintf(number, sizeof number, "%u", limit);
    put_query(out, &first, "limit", limit ? number : NULL);
    put_query(out, &first, "continue", token);
}

static void put_watch(const struct kind_row *row, unsigned seconds, struct sbuf *out, bool *first)
{
    char number[16];
    put_collection(row, out, first);
    snprintf(number, sizeof number, "%u", seconds);
    put_query(out, first, "watch", "1");
    put_query(out, first, "allowWatchBookmarks", "true");
    put_query(out, first, "timeoutSeconds", number);
}

void kind_path_watch(const struct kind_row *row, const char *version, unsigned seconds,
                     struct sbuf *out)
{
    bool first;
    put_watch(row, seconds, out, &first);
    put_query(out, &first, "resourceVersion", version);
}

void kind_path_streaming(const struct kind_row *row, unsigned seconds, struct sbuf *out)
{
    bool first;
    put_watch(row, seconds, out, &first);
    put_query(out, &first, "sendInitialEvents", "true");
    put_query(out, &first, "resourceVersionMatch", "NotOlderThan");
}

void kind_path_version(const struct kind_row *row, struct sbuf *out)
{
    kind_path_list(row, 1, NULL, out);
}

void kind_path_object(const struct kind_row *row, const char *namespace_, const char *name,
                      struct sbuf *out)
{
    sbuf_printf(out, "%s/", row->group_path);
    if (row->namespaced) {
        sbuf_puts(out, "namespaces/");
        put_escaped(out, namespace_);
        sbuf_putc(out, '/');
    }
    sbuf_printf(out, "%s/", row->resource);
    put_escaped(out, name);
}

/* ---- answers that come whole ---- */

struct answer {
    enum k8s_kind kind;
    struct object_meta *object;
    char *version;
    struct sbuf *status;
    int rc;
    struct err *err;
};

static void on_bad(void *aux, const char *type, const cJSON *object, const char *why)
{
    struct answer *a = aux;
    (void)type;
    (void)object;
    a->rc = err_set(a->err, ERR_INVALID, "%s", why);
}

static void on_version(void *aux, const char *type, const cJSON *object)
{
    struct answer *a = aux;
    const cJSON *meta = cJSON_GetObjectItemCaseSensitive(object, "metadata");
    const char *version = tree_member_text(meta, "resourceVersion");
    (void)type;
    if (!*version || strlen(version) >= JSON_STREAM_VERSION_MAX)
        a->rc = err_set(a->err, ERR_PROTOCOL, "no metadata.resourceVersion");
    else
        memcpy(a->version, version, strlen(version) + 1);
}

static void on_object(void *aux, const char *type, const cJSON *object)
{
    struct answer *a = aux;
    (void)type;
    a->rc = object_decode(object, a->kind, &a->object, a->err);
}

static void on_status(void *aux, const char *type, const cJSON *object)
{
    struct answer *a = aux;
    const char *reason = tree_member_text(object, "reason"),
               *message = tree_member_text(object, "message");
    (void)type;
    sbuf_printf(a->status, "%s%s%s", reason, *reason && *message ? ": " : "", message);
}

static int read_whole(const struct wire_field *fields, const struct json_stream_sink *sink,
                      const char *text, size_t len)
{
    struct answer *a = sink->aux;
    struct json_stream *s = json_stream_new(JSON_STREAM_ONE, fields, sink);
    int rc = json_stream_put(s, text, len, a->err);
    if (!rc)
        rc = json_stream_end(s, a->err);
    if (!rc)
        rc = a->rc;
    json_stream_free(s);
    return rc == ERR_TRUNCATED ? ERR_PROTOCOL : rc;
}

int kind_version_parse(const char *text, size_t len, char *out, struct err *err)
{
    static const struct wire_field fields[] = {K8S_META_FIELDS, WIRE_FIELDS_END};
    char version[JSON_STREAM_VERSION_MAX] = "";
    struct answer a = {.version = version, .err = err};
    int rc = read_whole(fields, &(struct json_stream_sink){&a, on_version, on_bad}, text, len);
    if (!rc)
        memcpy(out, version, sizeof version);
    return rc;
}

int kind_object_parse(const struct kind_row *row, const char *text, size_t len,
                      struct object_meta **out, struct err *err)
{
    struct answer a = {.kind = row->kind, .err = err};
    int rc = read_whole(k8s_class_of(row->kind)->fields,
                        &(struct json_stream_sink){&a, on_object, on_bad}, text, len);
    if (rc)
        object_free(a.object);
    else
        *out = a.object;
    return rc;
}

void kind_status_text(const char *text, size_t len, char *out, size_t out_size)
{
    auto_sbuf status = SBUF_INIT;
    struct answer a = {.status = &status};
    if (read_whole(wire_status_fields, &(struct json_stream_sink){&a, on_status, on_bad}, text,
                   len))
        sbuf_clear(&status);
    for (size_t i = 0; i < status.len; i++)
        if ((unsigned char)status.data[i] < 0x20 || status.data[i] == 0x7f)
            status.data[i] = ' ';
    snprintf(out, out_size, "%s", sbuf_cstr(&status));
}

static bool is_number(const char *s)
{
    return *s && strspn(s, "0123456789") == strlen(s);
}

bool kind_version_compare(const char *a, const char *b, int *out)
{
    if (!is_number(a) || !is_number(b))
        return false;
    a += strspn(a, "0");
    b += strspn(b, "0");
    size_t n = strlen(a), m = strlen(b);
    int c = n == m ? strcmp(a, b) : n < m ? -1 : 1;
    *out = (c > 0) - (c < 0);
    return true;
}
