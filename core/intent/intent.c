/* SPDX-License-Identifier: Apache-2.0 */
#include "core/intent/intent.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/sort.h"

/* ---- content ids ---- */

enum { SEED_HI = 0x5e11e, SEED_LO = 0x1d };

struct intent_id intent_id_of(const void *blob, size_t len)
{
    return (struct intent_id){hash_bytes(blob, len, SEED_HI), hash_bytes(blob, len, SEED_LO)};
}

static char *put_hex(char *at, uint64_t v)
{
    for (int shift = 60; shift >= 0; shift -= 4)
        *at++ = "0123456789abcdef"[v >> shift & 0xf];
    return at;
}

char *intent_id_format(const struct intent_id *id, char *buf)
{
    *put_hex(put_hex(buf, id->hi), id->lo) = '\0';
    return buf;
}

/* 16 or more: not a digit. */
static unsigned hex_digit(char c)
{
    unsigned digit = (unsigned)(unsigned char)c - '0', letter = (unsigned)(unsigned char)c - 'a';
    return digit < 10 ? digit : letter < 6 ? letter + 10 : 16;
}

static bool hex_u64(const char *s, uint64_t *out)
{
    uint64_t v = 0;
    unsigned all = 0;
    for (int i = 0; i < 16; i++) {
        unsigned d = hex_digit(s[i]);
        all |= d;
        v = v << 4 | (d & 0xf);
    }
    *out = v;
    return all < 16;
}

bool intent_id_parse(const char *key, struct intent_id *out)
{
    return strlen(key) == INTENT_ID_TEXT_MAX - 1 && hex_u64(key, &out->hi) &&
           hex_u64(key + 16, &out->lo);
}

int intent_id_cmp(const struct intent_id *a, const struct intent_id *b)
{
    if (a->hi != b->hi)
        return a->hi < b->hi ? -1 : 1;
    return a->lo == b->lo ? 0 : a->lo < b->lo ? -1 : 1;
}

/* ---- rules ---- */

const struct intent_id *rule_sets(const struct intent_rule *r)
{
    return (const void *)(r + 1);
}

const struct prefix *rule_prefixes(const struct intent_rule *r)
{
    return (const void *)(rule_sets(r) + r->n_sets);
}

/* Ports are two-byte aligned: a prefix has an even size. */
const struct rule_port *rule_ports(const struct intent_rule *r)
{
    return (const void *)(rule_prefixes(r) + r->n_prefixes);
}

static int cmp_id(const void *a, const void *b)
{
    return intent_id_cmp(a, b);
}

static int cmp_prefix(const void *a, const void *b)
{
    return prefix_cmp(a, b);
}

static int cmp_port(const void *pa, const void *pb)
{
    const struct rule_port *a = pa, *b = pb;
    if (a->proto != b->proto)
        return a->proto < b->proto ? -1 : 1;
    if (a->first != b->first)
        return a->first < b->first ? -1 : 1;
    return a->last == b->last ? 0 : a->last < b->last ? -1 : 1;
}

/* Sorts and drops duplicates; returns the number left. */
static size_t sort_unique(void *v, size_t n, size_t size, int (*cmp)(const void *, const void *))
{
    if (n < 2)
        return n;
    sort(v, n, size, cmp);
    char *p = v;
    size_t kept = 1;
    for (size_t i = 1; i < n; i++)
        if (cmp(p + (kept - 1) * size, p + i * size) != 0)
            memmove(p + kept++ * size, p + i * size, size);
    return kept;
}

void rule_encode(struct rule_parts *parts, struct sbuf *out)
{
    static_assert(sizeof(struct prefix) % 2 == 0, "ports stay aligned");
    parts->n_sets = sort_unique(parts->sets, parts->n_sets, sizeof *parts->sets, cmp_id);
    parts->n_prefixes =
        sort_unique(parts->prefixes, parts->n_prefixes, sizeof *parts->prefixes, cmp_prefix);
    parts->n_ports = sort_unique(parts->ports, parts->n_ports, sizeof *parts->ports, cmp_port);
    struct intent_rule r = {.direction = (uint8_t)parts->direction,
                            .anyone = parts->anyone,
                            .ports = (uint8_t)parts->ports_kind,
                            .n_sets = (uint32_t)parts->n_sets,
                            .n_prefixes = (uint32_t)parts->n_prefixes,
                            .n_ports = (uint32_t)parts->n_ports};
    sbuf_put(out, &r, sizeof r);
    sbuf_put(out, parts->sets, parts->n_sets * sizeof *parts->sets);
    sbuf_put(out, parts->prefixes, parts->n_prefixes * sizeof *parts->prefixes);
    sbuf_put(out, parts->ports, parts->n_ports * sizeof *parts->ports);
}

uint32_t rule_id_hash(const struct intent_id *rule)
{
    uint32_t id = (uint32_t)(rule->lo ^ rule->lo >> 32);
    return id ? id : 1;
}

uint32_t rule_id_of(struct view *v, const struct intent_id *rule)
{
    char key[INTENT_ID_TEXT_MAX];
    const struct row *row = view_get(v, TABLE_RULE_ID, intent_id_format(rule, key));
    return row ? ((const struct intent_rule_id *)row->value)->id : rule_id_hash(rule);
}

const char *applied_policy(const char *key)
{
    const char *space = strchr(key, ' ');
    assert(space);
    return space + 1;
}

/* ---- frontends ---- */

const char *frontend_key(struct arena *a, const char *service, const struct intent_frontend *f)
{
    static const struct {
        uint8_t proto;
        const char *name;
    } names[] = {{6, "tcp"}, {17, "udp"}, {132, "sctp"}};
    const char *name = "ip";
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (names[i].proto == f->proto)
            name = names[i].name;
    return arena_printf(a, "%s %s/%u ipv%u", service, name, (unsigned)f->port,
                        (unsigned)f->ip.family);
}

size_t frontend_service_len(const char *key)
{
    return strcspn(key, " ");
}

uint32_t frontend_hash(const char *key, unsigned level)
{
    return (uint32_t)(hash_str(key, level) % FRONTEND_HASHES);
}

char *frontend_hash_key(unsigned level, uint32_t hash, char buf[FRONTEND_HASH_KEY_MAX])
{
    snprintf(buf, FRONTEND_HASH_KEY_MAX, "%u:%" PRIx32, level, hash);
    return buf;
}

/* ---- indexes ---- */

void intent_local_by_pod(const struct row *row, struct index_sink *sink)
{
    index_emit(sink, ((const struct intent_local *)row->value)->pod);
}

void intent_local_by_namespace(const struct row *row, struct index_sink *sink)
{
    const char *pod = ((const struct intent_local *)row->value)->pod;
    auto_free char *ns = mem_strndup(pod, strcspn(pod, "/"));
    index_emit(sink, ns);
}

void intent_rule_by_set(const struct row *row, struct index_sink *sink)
{
    const struct intent_rule *r = row->value;
    char key[INTENT_ID_TEXT_MAX];
    for (uint32_t i = 0; i < r->n_sets; i++)
        index_emit(sink, intent_id_format(&rule_sets(r)[i], key));
}

void intent_set_by_anchor(const struct row *row, struct index_sink *sink)
{
    const struct intent_set *s = row->value;
    const char *p = s->text;
    for (uint32_t i = 0; i < s->n_anchors; i++, p += strlen(p) + 1)
        index_emit(sink, p);
}

void intent_applied_by_local(const struct row *row, struct index_sink *sink)
{
    auto_free char *local = mem_strndup(row->key, strcspn(row->key, " "));
    index_emit(sink, local);
}

void intent_member_by_set(const struct row *row, struct index_sink *sink)
{
    const struct intent_member *m = row->value;
    char key[INTENT_ID_TEXT_MAX];
    for (uint32_t i = 0; i < m->n_entries; i++)
        if (i == 0 || intent_id_cmp(&m->entries[i].set, &m->entries[i - 1].set) != 0)
            index_emit(sink, intent_id_format(&m->entries[i].set, key));
}

void intent_frontend_by_hash(const struct row *row, struct index_sink *sink)
{
    char key[FRONTEND_HASH_KEY_MAX];
    for (unsigned level = 0; level < FRONTEND_LEVELS; level++)
        index_emit(sink, frontend_hash_key(level, frontend_hash(row->key, level), key));
}
