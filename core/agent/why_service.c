/* SPDX-License-Identifier: Apache-2.0 */
#include "core/agent/why_service.h"

#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/mem.h"
#include "core/k8s/object.h"

const struct row *why_service_frontend(const struct store *s, const struct verdict *v,
                                       struct arena *a)
{
    size_t n = 0;
    const struct row **rows = store_list(s, TABLE_FRONTEND, a, &n);
    for (size_t i = 0; i < n; i++) {
        const struct intent_frontend *f = rows[i]->value;
        if (f->proto == v->query.proto && f->port == v->query.port && ip_equal(&f->ip, &v->dst.ip))
            return rows[i];
    }
    return NULL;
}

struct why_service *why_service_new(const struct row *frontend)
{
    const struct intent_frontend *f = frontend->value;
    size_t n = f->n_endpoints < WHY_ENDPOINTS_MAX ? f->n_endpoints : WHY_ENDPOINTS_MAX;
    struct why_service *s = mem_calloc(1, sizeof *s + n * sizeof *s->v);
    s->key = mem_strdup(frontend->key);
    s->n = n;
    s->more = f->n_endpoints - n;
    for (size_t i = 0; i < n; i++)
        s->v[i].at = f->endpoints[i];
    return s;
}

void why_service_free(struct why_service *s)
{
    for (size_t i = 0; s && i < s->n; i++) {
        mem_free(s->v[i].pod);
        mem_free(s->v[i].node);
        mem_free(s->v[i].because);
    }
    if (s)
        mem_free(s->key);
    mem_free(s);
}

static void put_because(struct why_endpoint *e, const struct verdict *v,
                        enum intent_direction direction)
{
    struct sbuf text = SBUF_INIT;
    sbuf_puts(&text, direction == DIRECTION_EGRESS ? "egress: " : "ingress: ");
    verdict_why_not(&v->side[direction], &text);
    e->because = sbuf_take(&text);
}

void why_endpoint_judge(struct why_endpoint *e, const struct verdict *v)
{
    e->allowed = e->allowed_here = v->allowed;
    e->ingress_here = v->side[DIRECTION_INGRESS].here;
    e->pod = v->dst.pod ? mem_strdup(v->dst.pod) : NULL;
    if (!v->side[DIRECTION_EGRESS].allowed)
        put_because(e, v, DIRECTION_EGRESS);
    else if (!v->allowed)
        put_because(e, v, DIRECTION_INGRESS);
}

void why_endpoint_judge_elsewhere(struct why_endpoint *e, const struct verdict *v, const char *node)
{
    e->node = mem_strdup(node);
    if (v->side[DIRECTION_INGRESS].allowed)
        return;
    e->allowed = false;
    if (!e->because)
        put_because(e, v, DIRECTION_INGRESS);
}

static size_t count_allowed(const struct why_service *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        n += s->v[i].allowed;
    return n;
}

bool why_service_allows_here(const struct why_service *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (!s->v[i].allowed_here)
            return false;
    return s->n > 0;
}

/* "refused", "allow", "drop", or "mixed": it depends on the endpoint. */
static const char *verdict_word(const struct why_service *s)
{
    size_t n = count_allowed(s);
    if (!s->n)
        return "refused";
    return n == s->n ? "allow" : n ? "mixed" : "drop";
}

/* Reads "ADDRESS,tp_dst=PORT", the address of IPv6 in brackets. */
static bool read_target(const char *p, struct frontend_endpoint *out)
{
    bool bracket = *p == '[';
    size_t n = strcspn(p += bracket, bracket ? "]" : ",");
    char text[IP_TEXT_MAX];
    if (n >= sizeof text)
        return false;
    memcpy(text, p, n);
    text[n] = '\0';
    p += n + bracket;
    if (strncmp(p, ",tp_dst=", strlen(",tp_dst=")) != 0)
        return false;
    out->port = (uint16_t)strtoull(p + strlen(",tp_dst="), NULL, 10);
    return ip_parse(text, &out->ip);
}

const struct why_endpoint *why_service_choice(const struct why_service *s, const char *trace)
{
    static const char lead[] = "Modified flow: ";
    struct frontend_endpoint at = {0};
    bool known = false;
    for (const char *line = strstr(trace, lead); line; line = strstr(line + 1, lead)) {
        const char *end = line + strcspn(line, "\n"), *dst = strstr(line, "_dst=");
        if (dst && dst < end && strncmp(dst - 2, "tp", 2) != 0)
            known = read_target(dst + strlen("_dst="), &at) || known;
    }
    for (size_t i = 0; known && i < s->n; i++)
        if (ip_equal(&s->v[i].at.ip, &at.ip) && s->v[i].at.port == at.port)
            return &s->v[i];
    return NULL;
}

/* The Service that has the address, or NULL. */
static const struct row *service_of(const struct store *s, const struct ip *ip, struct arena *a)
{
    size_t n;
    const struct row **rows = store_list(s, TABLE_SERVICE, a, &n);
    for (size_t i = 0; i < n; i++) {
        const struct service *service = rows[i]->value;
        for (size_t k = 0; k < service->n_cluster_ips; k++)
            if (ip_equal(&service->cluster_ips[k], ip))
                return rows[i];
    }
    return NULL;
}

bool why_service_other_port(const struct store *s, const struct verdict *v, struct sbuf *note)
{
    struct arena arena;
    arena_init(&arena, 0);
    const struct row *row = service_of(s, &v->dst.ip, &arena);
    if (row) {
        const struct service *service = row->value;
        sbuf_printf(note, "%s is the address of Service %s, which answers at", v->dst.name,
                    row->key);
        for (size_t i = 0; i < service->n_ports; i++)
            sbuf_printf(note, "%s %u/%s", i ? "," : "", (unsigned)service->ports[i].port,
                        verdict_proto_name(service->ports[i].proto));
        sbuf_puts(note, " alone");
    }
    arena_done(&arena);
    return row != NULL;
}

/* ---- printing ---- */

void why_service_table(const struct why_service *s, const struct verdict *v, struct sbuf *out)
{
    static const char *const words[][2] = {
        {"refused", "refused at once: no endpoint is ready"},
        {"allow", "allow"},
        {"drop", "drop"},
        {"mixed", "it depends on the endpoint"},
    };
    char text[IP_TEXT_MAX];
    const char *word = verdict_word(s);
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strcmp(words[i][0], word) == 0)
            sbuf_printf(out, "verdict    %s\n", words[i][1]);
    sbuf_printf(out, "from       %s\nservice    %s at %s\n", v->src.name, s->key, v->dst.name);
    for (size_t i = 0; i < s->n; i++) {
        const struct why_endpoint *e = &s->v[i];
        sbuf_printf(out, "endpoint   %s port %u", ip_format(&e->at.ip, text), (unsigned)e->at.port);
        if (e->pod)
            sbuf_printf(out, " (%s%s%s)", e->pod, e->node ? " on " : "", e->node ? e->node : "");
        sbuf_puts(out, e->allowed ? ": allow" : ": drop");
        if (e->because)
            sbuf_printf(out, ", %s", e->because);
        else if (!e->ingress_here && !e->node)
            sbuf_puts(out, ", as far as this node decides");
        sbuf_putc(out, '\n');
    }
    if (s->more)
        sbuf_printf(out, "           and %zu more\n", s->more);
}

cJSON *why_service_json(const struct why_service *s, const struct verdict *v)
{
    char text[IP_TEXT_MAX];
    cJSON *o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, "verdict", verdict_word(s));
    cJSON_AddStringToObject(o, "source", v->src.name);
    cJSON_AddStringToObject(o, "destination", v->dst.name);
    cJSON_AddStringToObject(o, "service", s->key);
    cJSON *list = cJSON_AddArrayToObject(o, "endpoints");
    for (size_t i = 0; i < s->n; i++) {
        const struct why_endpoint *e = &s->v[i];
        cJSON *one = cJSON_CreateObject();
        cJSON_AddStringToObject(one, "address", ip_format(&e->at.ip, text));
        cJSON_AddNumberToObject(one, "port", e->at.port);
        if (e->pod)
            cJSON_AddStringToObject(one, "pod", e->pod);
        cJSON_AddStringToObject(one, "verdict", e->allowed ? "allow" : "drop");
        cJSON_AddBoolToObject(one, "ingressDecidedHere", e->ingress_here);
        if (e->node)
            cJSON_AddStringToObject(one, "node", e->node);
        if (e->because)
            cJSON_AddStringToObject(one, "because", e->because);
        cJSON_AddItemToArray(list, one);
    }
    return o;
}
