/* SPDX-License-Identifier: Apache-2.0 */
#include "core/service/service.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/vec.h"
#include "core/k8s/object.h"

/* One endpoint as a slice tells it, with the number of the port that is asked for. */
struct found {
    struct frontend_endpoint at;
    uint8_t conditions;
};
typedef VEC(struct found) found_vec;

static int cmp_found(const void *pa, const void *pb)
{
    const struct found *a = pa, *b = pb;
    int c = ip_cmp(&a->at.ip, &b->at.ip);
    return c ? c : (a->at.port > b->at.port) - (a->at.port < b->at.port);
}

static void add_slice(const struct endpoint_slice *s, const struct named_port *port, uint8_t family,
                      found_vec *out)
{
    if (s->family != family)
        return;
    for (size_t p = 0; p < s->n_ports; p++) {
        if (s->ports[p].port == 0 || s->ports[p].proto != port->proto ||
            strcmp(s->ports[p].name, port->name) != 0)
            continue;
        for (size_t i = 0; i < s->n_endpoints; i++) {
            struct found f = {.at = {.ip = s->endpoints[i].ip, .port = s->ports[p].port},
                              .conditions = s->endpoints[i].conditions};
            VEC_PUSH(out, f);
        }
    }
}

/* Each endpoint once.  An endpoint that is ready in one slice is ready. */
static void unite(found_vec *v)
{
    size_t n = 0;
    if (v->n > 1)
        qsort(v->v, v->n, sizeof *v->v, cmp_found);
    for (size_t i = 0; i < v->n; i++) {
        if (n && cmp_found(&v->v[n - 1], &v->v[i]) == 0)
            v->v[n - 1].conditions |= v->v[i].conditions;
        else
            v->v[n++] = v->v[i];
    }
    v->n = n;
}

static bool any_ready(const found_vec *v)
{
    for (size_t i = 0; i < v->n; i++)
        if (v->v[i].conditions & ENDPOINT_READY)
            return true;
    return false;
}

static void put_row(struct derive *d, const char *key, const struct intent_frontend *head,
                    const found_vec *v)
{
    uint8_t wanted = any_ready(v) ? ENDPOINT_READY : ENDPOINT_SERVING | ENDPOINT_TERMINATING;
    size_t len = sizeof *head + v->n * sizeof *head->endpoints;
    struct intent_frontend *row = arena_alloc(derive_arena(d), len);
    memcpy(row, head, sizeof *head);
    row->n_endpoints = 0;
    for (size_t i = 0; i < v->n; i++)
        if ((v->v[i].conditions & wanted) == wanted)
            row->endpoints[row->n_endpoints++] = v->v[i].at;
    derive_row(d, TABLE_FRONTEND, key, row,
               sizeof *head + row->n_endpoints * sizeof *head->endpoints);
}

static void put_frontend(struct derive *d, const char *key, const struct intent_frontend *head,
                         const struct named_port *port)
{
    size_t n;
    const struct row **slices =
        view_list_index(derive_view(d), TABLE_ENDPOINT_SLICE, SLICE_BY_SERVICE, key, &n);
    found_vec v = VEC_INIT;
    for (size_t i = 0; i < n; i++)
        add_slice(slices[i]->value, port, head->ip.family, &v);
    unite(&v);
    put_row(d, frontend_key(derive_arena(d), key, head), head, &v);
    VEC_DONE(&v);
}

void service_derive(struct derive *d, const char *key)
{
    const struct service *s = view_get(derive_view(d), TABLE_SERVICE, key)->value;
    if (s->headless || s->type == SERVICE_EXTERNAL_NAME)
        return;
    for (size_t i = 0; i < s->n_cluster_ips; i++)
        for (size_t p = 0; p < s->n_ports; p++) {
            struct intent_frontend head = {
                .ip = s->cluster_ips[i], .proto = s->ports[p].proto, .port = s->ports[p].port};
            put_frontend(d, key, &head, &s->ports[p]);
        }
}

void slice_by_service(const struct row *row, struct index_sink *sink)
{
    const struct endpoint_slice *s = row->value;
    auto_sbuf key = SBUF_INIT;
    if (!*s->service)
        return;
    sbuf_printf(&key, "%s/%s", s->meta.namespace_, s->service);
    index_emit(sink, sbuf_cstr(&key));
}
