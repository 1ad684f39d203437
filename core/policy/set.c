/* SPDX-License-Identifier: Apache-2.0
 *
 * The text of a set is a row of NUL-terminated strings, anchors first:
 *   "N" name                 the namespace            (or)
 *   "S" requirements         namespaces by selector   (or)
 *   "B" prefix except... ""  Pods by address
 *   "P" requirements         Pods by selector
 *   "T" proto name           port name; proto in decimal
 * Requirements are strings "OKEY" with O the operator's letter, each followed by "=VALUE" strings;
 * an empty string ends them. */
#include "core/policy/set.h"

#include <stdio.h>
#include <string.h>

static const char op_letters[] = {
    [SEL_IN] = 'i', [SEL_NOT_IN] = 'n', [SEL_EXISTS] = 'e', [SEL_NOT_EXISTS] = 'x'};

enum { BOTH_ANCHORS_MAX = 16 };

/* ---- encoding ---- */

static void put(struct sbuf *out, const char *s)
{
    sbuf_put(out, s, strlen(s) + 1);
}

static void put_requirements(const struct selector *s, struct sbuf *out)
{
    for (size_t i = 0; s && i < s->n_reqs; i++) {
        const struct requirement *r = &s->reqs[i];
        sbuf_putc(out, op_letters[r->op]);
        put(out, r->key);
        for (size_t v = 0; v < r->n_values; v++) {
            sbuf_putc(out, '=');
            put(out, r->values[v]);
        }
    }
    put(out, "");
}

/* The In requirement with the fewest values: what narrows a set down the most. */
static const struct requirement *narrowest_in(const struct selector *s)
{
    const struct requirement *best = NULL;
    for (size_t i = 0; s && i < s->n_reqs; i++)
        if (s->reqs[i].op == SEL_IN && (!best || s->reqs[i].n_values < best->n_values))
            best = &s->reqs[i];
    return best;
}

/* One anchor a value of the requirement, after the text 'before'. */
static uint32_t put_value_anchors(const char *before, const struct requirement *r, struct sbuf *out)
{
    for (size_t v = 0; v < r->n_values; v++) {
        sbuf_puts(out, before);
        sbuf_puts(out, r->key);
        sbuf_putc(out, '=');
        put(out, r->values[v]);
    }
    return (uint32_t)r->n_values;
}

/* A value of each: a label that many Pods have, in namespaces with another, is few Pods. */
static uint32_t put_both_anchors(const struct requirement *namespaces,
                                 const struct requirement *pods, struct sbuf *out)
{
    auto_sbuf before = SBUF_INIT;
    for (size_t v = 0; v < namespaces->n_values; v++) {
        sbuf_clear(&before);
        sbuf_printf(&before, "@%s=%s|", namespaces->key, namespaces->values[v]);
        put_value_anchors(before.data, pods, out);
    }
    return (uint32_t)(namespaces->n_values * pods->n_values);
}

static void put_port_anchor(uint8_t proto, const char *name, struct sbuf *out)
{
    sbuf_printf(out, "#%u/%s", (unsigned)proto, name);
    sbuf_putc(out, '\0');
}

static uint32_t put_anchors(const struct set_spec *spec, struct sbuf *out)
{
    const struct requirement *pods = narrowest_in(spec->pods);
    const struct requirement *namespaces = narrowest_in(spec->namespaces);
    auto_sbuf before = SBUF_INIT;
    if (spec->block || (spec->port_name && !spec->namespace_ && !pods)) {
        put_port_anchor(spec->port_proto, spec->port_name, out);
        return 1;
    }
    if (spec->namespace_) {
        sbuf_printf(&before, "n%s|", spec->namespace_);
        if (pods)
            return put_value_anchors(before.data, pods, out);
        put(out, before.data);
        return 1;
    }
    if (pods && namespaces && pods->n_values * namespaces->n_values <= BOTH_ANCHORS_MAX)
        return put_both_anchors(namespaces, pods, out);
    if (pods)
        return put_value_anchors("*|", pods, out);
    if (namespaces)
        return put_value_anchors("@", namespaces, out);
    put(out, "*");
    return 1;
}

static void put_block(const struct set_spec *spec, struct sbuf *out)
{
    char text[PREFIX_TEXT_MAX];
    sbuf_putc(out, 'B');
    put(out, prefix_format(spec->block, text));
    for (size_t i = 0; i < spec->n_except; i++)
        put(out, prefix_format(&spec->except[i], text));
    put(out, "");
}

/* The API server gives each namespace its name as a label, so a selector of that one label names a
 * namespace: its set is the one of that namespace's own policies, and has the narrower anchor. */
static const char *only_namespace(const struct selector *s)
{
    bool is_name = s && s->n_reqs == 1 && s->reqs[0].op == SEL_IN && s->reqs[0].n_values == 1 &&
                   strcmp(s->reqs[0].key, SET_NAMESPACE_LABEL) == 0;
    return is_name ? s->reqs[0].values[0] : NULL;
}

void set_encode(const struct set_spec *asked, struct sbuf *out)
{
    struct set_spec canonical = *asked;
    const struct set_spec *spec = &canonical;
    if (!canonical.namespace_)
        canonical.namespace_ = only_namespace(canonical.namespaces);
    struct intent_set head = {0};
    size_t start = out->len;
    sbuf_put(out, &head, sizeof head);
    size_t text = out->len;
    head.n_anchors = put_anchors(spec, out);
    head.anchors_len = (uint32_t)(out->len - text);
    if (spec->block) {
        put_block(spec, out);
    } else {
        sbuf_putc(out, spec->namespace_ ? 'N' : 'S');
        if (spec->namespace_)
            put(out, spec->namespace_);
        else
            put_requirements(spec->namespaces, out);
        sbuf_putc(out, 'P');
        put_requirements(spec->pods, out);
    }
    if (spec->port_name) {
        sbuf_printf(out, "T%u", (unsigned)spec->port_proto);
        sbuf_putc(out, '\0');
        put(out, spec->port_name);
    }
    head.text_len = (uint32_t)(out->len - text);
    memcpy(out->data + start, &head, sizeof head);
}

/* ---- reading ---- */

static const char *next(const char *s)
{
    return s + strlen(s) + 1;
}

static const char *body(const struct intent_set *set)
{
    return set->text + set->anchors_len;
}

static const char *end(const struct intent_set *set)
{
    return set->text + set->text_len;
}

/* Past the requirements that begin at 's'. */
static const char *skip_list(const char *s)
{
    while (*s)
        s = next(s);
    return s + 1;
}

static bool one_matches(const char *req, const struct labels *labels)
{
    const char *have = labels_get(labels, req + 1);
    if (*req == 'e')
        return have != NULL;
    if (*req == 'x')
        return have == NULL;
    bool in = false;
    for (const char *v = next(req); have && *v == '='; v = next(v))
        in = in || strcmp(v + 1, have) == 0;
    return *req == 'i' ? in : !in;
}

static bool list_matches(const char *s, const struct labels *labels)
{
    for (; *s; s = next(s))
        if (*s != '=' && !one_matches(s, labels))
            return false;
    return true;
}

static bool in_block(const char *s, const struct ip *ip)
{
    struct prefix p;
    if (!prefix_parse(s, &p) || !prefix_contains(&p, ip))
        return false;
    for (s = next(s); *s; s = next(s))
        if (prefix_parse(s, &p) && prefix_contains(&p, ip))
            return false;
    return true;
}

bool set_matches(const struct intent_set *set, const struct set_pod *pod)
{
    const char *s = body(set);
    if (*s == 'B') {
        for (size_t i = 0; i < pod->n_ips; i++)
            if (in_block(s + 1, &pod->ips[i]))
                return true;
        return false;
    }
    if (*s == 'N') {
        if (strcmp(s + 1, pod->namespace_) != 0)
            return false;
        s = next(s);
    } else {
        if (!list_matches(s + 1, pod->namespace_labels))
            return false;
        s = skip_list(s + 1);
    }
    return list_matches(s + 1, pod->labels);
}

bool set_is_block(const struct intent_set *set)
{
    return *body(set) == 'B';
}

/* Where the port name stands, or the end. */
static const char *port_part(const struct intent_set *set)
{
    const char *s = body(set);
    if (*s == 'B')
        return skip_list(s + 1);
    s = *s == 'N' ? next(s) : skip_list(s + 1);
    return skip_list(s + 1);
}

const char *set_port_name(const struct intent_set *set, uint8_t *proto_out)
{
    const char *s = port_part(set);
    if (s >= end(set))
        return NULL;
    unsigned proto = 0;
    for (const char *digit = s + 1; *digit; digit++)
        proto = proto * 10 + (unsigned)(*digit - '0');
    *proto_out = (uint8_t)proto;
    return next(s);
}

/* ---- anchors of a Pod ---- */

struct anchor_sink {
    void (*anchor)(void *aux, const char *anchor);
    void *aux;
};

/* Two containers may give one name to two numbers. */
static bool has_port_before(const struct set_pod *pod, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (pod->ports[k].proto == pod->ports[i].proto &&
            strcmp(pod->ports[k].name, pod->ports[i].name) == 0)
            return true;
    return false;
}

static void put_label(const char *before, const struct label *l, struct sbuf *out)
{
    sbuf_puts(out, before);
    sbuf_puts(out, l->key);
    sbuf_putc(out, '=');
    sbuf_puts(out, l->value);
}

/* Each label behind what 'text' holds, which stays. */
static void label_anchors(const char *before, const struct labels *labels, struct sbuf *text,
                          const struct anchor_sink *to)
{
    size_t kept = text->len;
    for (size_t i = 0; i < labels->n; i++) {
        put_label(before, &labels->v[i], text);
        to->anchor(to->aux, text->data);
        text->len = kept;
    }
}

static void port_anchors(const struct set_pod *pod, struct sbuf *text, const struct anchor_sink *to)
{
    for (size_t i = 0; i < pod->n_ports; i++) {
        sbuf_clear(text);
        put_port_anchor(pod->ports[i].proto, pod->ports[i].name, text);
        if (!has_port_before(pod, i))
            to->anchor(to->aux, text->data);
    }
}

void set_pod_anchors(const struct set_pod *pod, struct sbuf *text,
                     void (*anchor)(void *aux, const char *anchor), void *aux)
{
    const struct anchor_sink to = {anchor, aux};
    anchor(aux, "*");
    sbuf_clear(text);
    label_anchors("*|", pod->labels, text, &to);
    sbuf_putc(text, 'n');
    sbuf_puts(text, pod->namespace_);
    sbuf_putc(text, '|');
    anchor(aux, text->data);
    label_anchors("", pod->labels, text, &to);
    for (size_t i = 0; i < pod->namespace_labels->n; i++) {
        sbuf_clear(text);
        put_label("@", &pod->namespace_labels->v[i], text);
        anchor(aux, text->data);
        label_anchors("|", pod->labels, text, &to);
    }
    port_anchors(pod, text, &to);
}

/* ---- for people ---- */

static const char *format_requirement(const char *req, struct sbuf *out)
{
    const char *v = next(req);
    if (*req == 'e' || *req == 'x') {
        sbuf_printf(out, "%s%s", *req == 'x' ? "!" : "", req + 1);
        return v;
    }
    bool one = *v == '=' && *next(v) != '=';
    if (one && *req == 'i') {
        sbuf_printf(out, "%s=%s", req + 1, v + 1);
        return next(v);
    }
    sbuf_printf(out, "%s %s (", req + 1, *req == 'i' ? "in" : "notin");
    for (const char *first = v; *v == '='; v = next(v))
        sbuf_printf(out, "%s%s", v == first ? "" : ",", v + 1);
    sbuf_putc(out, ')');
    return v;
}

static const char *format_list(const char *s, struct sbuf *out)
{
    for (const char *first = s; *s;) {
        if (s != first)
            sbuf_puts(out, ", ");
        s = format_requirement(s, out);
    }
    return s + 1;
}

void set_format(const struct intent_set *set, struct sbuf *out)
{
    const char *s = body(set);
    if (*s == 'B') {
        sbuf_printf(out, "block{%s", s + 1);
        for (s = next(s); *s; s = next(s))
            sbuf_printf(out, " except %s", s);
        sbuf_putc(out, '}');
    } else {
        if (*s == 'N') {
            sbuf_printf(out, "namespace %s", s + 1);
            s = next(s);
        } else {
            sbuf_puts(out, "namespaces{");
            s = format_list(s + 1, out);
            sbuf_putc(out, '}');
        }
        sbuf_puts(out, " pods{");
        format_list(s + 1, out);
        sbuf_putc(out, '}');
    }
    uint8_t proto;
    const char *name = set_port_name(set, &proto);
    if (name)
        sbuf_printf(out, " port %s/%u", name, (unsigned)proto);
}
