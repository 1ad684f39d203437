/* SPDX-License-Identifier: Apache-2.0 */
#include "hns/acl_terms.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/sbuf.h"
#include "hns/acl.h"

struct acl_term *acl_terms_add(struct acl_terms *t, uint8_t proto, const char *ports)
{
    struct acl_term term;
    memset(&term, 0, sizeof term);
    term.proto = proto;
    term.ports = ports;
    VEC_PUSH(&t->v, term);
    return &t->v.v[t->v.n - 1];
}

static void term_done(struct acl_term *t)
{
    VEC_DONE(&t->prefixes);
    VEC_DONE(&t->sets);
}

void acl_terms_cut(struct acl_terms *t, size_t n)
{
    while (t->v.n > n) {
        struct acl_term *last = &t->v.v[--t->v.n];
        t->n_addresses -= last->prefixes.n + last->sets.n;
        term_done(last);
    }
}

void acl_terms_done(struct acl_terms *t)
{
    acl_terms_cut(t, 0);
    VEC_DONE(&t->v);
}

/* ---- merging ---- */

static int cmp_term(const void *pa, const void *pb)
{
    const struct acl_term *a = pa, *b = pb;
    if (a->proto != b->proto)
        return a->proto < b->proto ? -1 : 1;
    return strcmp(a->ports, b->ports);
}

static int cmp_text(const void *pa, const void *pb)
{
    const char *const *a = pa, *const *b = pb;
    return strcmp(*a, *b);
}

static void settle_term(struct acl_term *t)
{
    if (t->anyone)
        t->prefixes.n = t->sets.n = 0;
    t->prefixes.n = prefix_merge(t->prefixes.v, t->prefixes.n);
    if (t->sets.n < 2)
        return;
    qsort(t->sets.v, t->sets.n, sizeof *t->sets.v, cmp_text);
    size_t kept = 1;
    for (size_t i = 1; i < t->sets.n; i++)
        if (strcmp(t->sets.v[i], t->sets.v[kept - 1]) != 0)
            t->sets.v[kept++] = t->sets.v[i];
    t->sets.n = kept;
}

static void join(struct acl_term *into, struct acl_term *from)
{
    into->anyone = into->anyone || from->anyone;
    for (size_t i = 0; i < from->prefixes.n; i++)
        VEC_PUSH(&into->prefixes, from->prefixes.v[i]);
    for (size_t i = 0; i < from->sets.n; i++)
        VEC_PUSH(&into->sets, from->sets.v[i]);
    term_done(from);
}

void acl_terms_merge(struct acl_terms *t)
{
    size_t kept = 0;
    if (t->v.n > 1)
        qsort(t->v.v, t->v.n, sizeof *t->v.v, cmp_term);
    for (size_t i = 0; i < t->v.n; i++) {
        if (kept && cmp_term(&t->v.v[kept - 1], &t->v.v[i]) == 0)
            join(&t->v.v[kept - 1], &t->v.v[i]);
        else
            t->v.v[kept++] = t->v.v[i];
    }
    t->v.n = kept;
    t->n_addresses = 0;
    for (size_t i = 0; i < kept; i++) {
        settle_term(&t->v.v[i]);
        t->n_addresses += t->v.v[i].prefixes.n + t->v.v[i].sets.n;
    }
    if (kept && t->v.v[0].anyone && t->v.v[0].proto == 0)
        acl_terms_cut(t, 1);
}

/* ---- ports ---- */

const char *acl_ports_text(const struct rule_port *v, size_t n, struct arena *a)
{
    auto_sbuf out = SBUF_INIT;
    size_t n_ranges = 0;
    for (size_t i = 0; i < n;) {
        uint32_t first = v[i].first, last = v[i].last;
        for (i++; i < n && v[i].first <= last + 1; i++)
            if (v[i].last > last)
                last = v[i].last;
        if (first == 0 && last == UINT16_MAX)
            return "";
        if (++n_ranges > ACL_MAX_PORT_RANGES)
            return NULL;
        sbuf_printf(&out, "%s%u", out.len ? "," : "", (unsigned)first);
        if (last != first)
            sbuf_printf(&out, "-%u", (unsigned)last);
    }
    return arena_strdup(a, sbuf_cstr(&out));
}
