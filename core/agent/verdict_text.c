/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/agent/verdict.h"

static const char *const direction_names[] = {
    [DIRECTION_INGRESS] = "ingress", [DIRECTION_EGRESS] = "egress"};

const char *verdict_proto_name(uint8_t proto)
{
    static const struct {
        uint8_t proto;
        const char *name;
    } names[] = {{6, "TCP"}, {17, "UDP"}, {132, "SCTP"}, {1, "ICMP"}, {58, "ICMPv6"}};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (names[i].proto == proto)
            return names[i].name;
    return NULL;
}

static const char *word(bool allowed)
{
    return allowed ? "allow" : "drop";
}

/* ---- table ---- */

static void put_party(const struct verdict_party *p, struct sbuf *out)
{
    char text[IP_TEXT_MAX];
    ip_format(&p->ip, text);
    sbuf_puts(out, p->name);
    if (!p->pod)
        return;
    sbuf_printf(out, " (%s)", strcmp(p->pod, p->name) == 0 ? text : p->pod);
}

static void put_traffic(const struct verdict_query *q, struct sbuf *out)
{
    const char *name = verdict_proto_name(q->proto);
    if (name)
        sbuf_printf(out, " %s", name);
    else
        sbuf_printf(out, " protocol %u", (unsigned)q->proto);
    if (q->port)
        sbuf_printf(out, " %u", (unsigned)q->port);
}

static void put_rules(const struct verdict_side *side, enum intent_direction direction,
                      struct sbuf *out)
{
    for (size_t i = 0; i < side->n_rules; i++) {
        if (i)
            sbuf_printf(out, "%-31s", "");
        sbuf_printf(out, "%s %s[%u]\n", side->rules[i].policy, direction_names[direction],
                    (unsigned)side->rules[i].index);
    }
}

void verdict_why_not(const struct verdict_side *side, struct sbuf *out)
{
    if (side->because) {
        sbuf_puts(out, side->because);
        return;
    }
    sbuf_puts(out, "no rule allows it:");
    for (size_t i = 0; i < side->n_policies; i++)
        sbuf_printf(out, "%s %s", i ? "," : "", side->policies[i]);
}

static void put_reason(const struct verdict_side *side, enum intent_direction direction,
                       struct sbuf *out)
{
    if (!side->here) {
        sbuf_puts(out, "decided where that party is\n");
    } else if (side->allowed && side->because) {
        sbuf_printf(out, "%s\n", side->because);
    } else if (!side->isolated) {
        sbuf_puts(out, "no policy isolates the Pod\n");
    } else if (side->allowed) {
        put_rules(side, direction, out);
    } else {
        verdict_why_not(side, out);
        sbuf_putc(out, '\n');
    }
}

static void put_side(const struct verdict *v, enum intent_direction direction, struct sbuf *out)
{
    const struct verdict_side *side = &v->side[direction];
    sbuf_printf(out, "%-11s%-10s%-10s", direction_names[direction],
                side->here ? word(side->allowed) : "-",
                !side->here      ? "-"
                : side->isolated ? "yes"
                                 : "no");
    put_reason(side, direction, out);
}

void verdict_table(const struct verdict *v, struct sbuf *out)
{
    put_party(&v->src, out);
    sbuf_puts(out, " -> ");
    put_party(&v->dst, out);
    put_traffic(&v->query, out);
    sbuf_printf(out, ": %s\n%-11s%-10s%-10s%s\n", word(v->allowed), "DIRECTION", "VERDICT",
                "ISOLATED", "BECAUSE");
    put_side(v, DIRECTION_EGRESS, out);
    put_side(v, DIRECTION_INGRESS, out);
}

/* ---- JSON ---- */

static void add_party(cJSON *to, const char *name, const struct verdict_party *p)
{
    char text[IP_TEXT_MAX];
    cJSON *party = cJSON_AddObjectToObject(to, name);
    cJSON_AddStringToObject(party, "name", p->name);
    if (p->pod)
        cJSON_AddStringToObject(party, "pod", p->pod);
    cJSON_AddStringToObject(party, "address", ip_format(&p->ip, text));
    cJSON_AddBoolToObject(party, "local", p->local != NULL);
}

static void add_rule(cJSON *rules, enum intent_direction direction, const struct verdict_rule *r)
{
    char key[INTENT_ID_TEXT_MAX];
    cJSON *rule = cJSON_CreateObject();
    cJSON_AddItemToArray(rules, rule);
    cJSON_AddStringToObject(rule, "policy", r->policy);
    cJSON_AddStringToObject(rule, "direction", direction_names[direction]);
    cJSON_AddNumberToObject(rule, "index", r->index);
    cJSON_AddStringToObject(rule, "rule", intent_id_format(&r->rule, key));
    cJSON_AddNumberToObject(rule, "id", r->id);
}

static void add_side(cJSON *to, const struct verdict *v, enum intent_direction direction)
{
    const struct verdict_side *s = &v->side[direction];
    cJSON *side = cJSON_AddObjectToObject(to, direction_names[direction]);
    cJSON_AddStringToObject(side, "verdict", word(s->allowed));
    cJSON_AddBoolToObject(side, "isolated", s->isolated);
    cJSON_AddBoolToObject(side, "here", s->here);
    if (s->because)
        cJSON_AddStringToObject(side, "because", s->because);
    cJSON *policies = cJSON_AddArrayToObject(side, "policies");
    for (size_t i = 0; i < s->n_policies; i++)
        cJSON_AddItemToArray(policies, cJSON_CreateString(s->policies[i]));
    cJSON *rules = cJSON_AddArrayToObject(side, "rules");
    for (size_t i = 0; i < s->n_rules; i++)
        add_rule(rules, direction, &s->rules[i]);
}

cJSON *verdict_json(const struct verdict *v)
{
    char number[4];
    const char *proto = verdict_proto_name(v->query.proto);
    snprintf(number, sizeof number, "%u", (unsigned)v->query.proto);
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "verdict", word(v->allowed));
    add_party(json, "source", &v->src);
    add_party(json, "destination", &v->dst);
    cJSON_AddNumberToObject(json, "family", v->query.family);
    cJSON_AddStringToObject(json, "protocol", proto ? proto : number);
    cJSON_AddNumberToObject(json, "port", v->query.port);
    add_side(json, v, DIRECTION_EGRESS);
    add_side(json, v, DIRECTION_INGRESS);
    return json;
}
