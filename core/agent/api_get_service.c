/* SPDX-License-Identifier: Apache-2.0
 *
 * GET /v1/get/services, /v1/get/endpoints. */
#include "core/agent/api_get.h"

#include <string.h>

#include "core/agent/verdict.h"
#include "core/intent/intent.h"
#include "core/k8s/object.h"

static const char *get_service_port(struct get *g, uint8_t proto, uint16_t port)
{
    const char *name = verdict_proto_name(proto);
    return arena_printf(&g->arena, "%u/%s", (unsigned)port, name ? name : "?");
}

/* How many endpoints connections to the Service's first address get by this port. */
static uint32_t get_count_endpoints(struct get *g, const struct row *row,
                                    const struct named_port *port)
{
    const struct service *s = row->value;
    struct intent_frontend f = {.proto = port->proto, .port = port->port};
    if (s->n_cluster_ips == 0) {
        return 0;
    }
    f.ip = s->cluster_ips[0];
    const struct row *front =
        store_get(g->a->store, TABLE_FRONTEND, frontend_key(&g->arena, row->key, &f));
    return front ? ((const struct intent_frontend *)front->value)->n_endpoints : 0;
}

static void get_service(struct get *g, const struct row *row)
{
    const struct service *s = row->value;
    jsonout_open(&g->j, NULL, '{');
    jsonout_text(&g->j, "namespace", s->meta.namespace_);
    jsonout_text(&g->j, "name", s->meta.name);
    jsonout_text(&g->j, "type", service_type_name(s->type));
    jsonout_bool(&g->j, "headless", s->headless);
    get_ips(g, "clusterIPs", s->cluster_ips, s->n_cluster_ips);
    jsonout_open(&g->j, "ports", '[');
    for (size_t i = 0; i < s->n_ports; i++) {
        jsonout_text(&g->j, NULL, get_service_port(g, s->ports[i].proto, s->ports[i].port));
    }
    jsonout_close(&g->j, ']');
    jsonout_open(&g->j, "endpoints", '[');
    for (size_t i = 0; i < s->n_ports; i++) {
        jsonout_number(&g->j, NULL, get_count_endpoints(g, row, &s->ports[i]));
    }
    jsonout_close(&g->j, ']');
    jsonout_close(&g->j, '}');
}

void get_services(struct get *g)
{
    size_t n = 0;
    const struct row **rows = store_list(g->a->store, TABLE_SERVICE, &g->arena, &n);
    for (size_t i = 0; i < n; i++) {
        get_service(g, rows[i]);
    }
}

static void get_endpoint(struct get *g, const char *key, const struct intent_frontend *f,
                         const struct frontend_endpoint *e)
{
    char text[IP_TEXT_MAX];
    size_t space = strcspn(key, "/");
    jsonout_open(&g->j, NULL, '{');
    jsonout_text(&g->j, "namespace", arena_printf(&g->arena, "%.*s", (int)space, key));
    jsonout_text(&g->j, "service",
                 arena_printf(&g->arena, "%.*s", (int)(frontend_service_len(key) - space - 1),
                              key + space + 1));
    jsonout_text(&g->j, "clusterIP", ip_format(&f->ip, text));
    jsonout_text(&g->j, "port", get_service_port(g, f->proto, f->port));
    jsonout_text(&g->j, "address", ip_format(&e->ip, text));
    jsonout_number(&g->j, "targetPort", e->port);
    jsonout_close(&g->j, '}');
}

void get_endpoints(struct get *g)
{
    size_t n = 0;
    const struct row **rows = store_list(g->a->store, TABLE_FRONTEND, &g->arena, &n);
    for (size_t i = 0; i < n; i++) {
        const struct intent_frontend *f = rows[i]->value;
        for (uint32_t k = 0; k < f->n_endpoints; k++) {
            get_endpoint(g, rows[i]->key, f, &f->endpoints[k]);
        }
    }
}
