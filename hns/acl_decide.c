/* SPDX-License-Identifier: Apache-2.0 */
#include "hns/acl_decide.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/intent/tables.h"

enum { ANY_PROTOCOL = 256 };

struct decide {
    const struct acl_packet *p;
    const char *(*set)(void *aux, const char *id);
    void *aux;
    struct arena arena;
};

/* ---- parts of a rule: lists of words with commas; an empty one is everything ---- */

typedef bool word_fn(struct decide *d, const char *word);

static bool any_word(struct decide *d, const char *words, word_fn *matches)
{
    bool found = !words || !*words;
    for (const char *w = words; !found && w && *w;) {
        size_t n = strcspn(w, ",");
        char *word = arena_dup(&d->arena, w, n + 1);
        word[n] = '\0';
        found = matches(d, word);
        w += n + (w[n] == ',');
    }
    return found;
}

static bool is_protocol(struct decide *d, const char *word)
{
    uint64_t n = strtoull(word, NULL, 10);
    return n == ANY_PROTOCOL || n == d->p->proto;
}

static bool is_port(struct decide *d, const char *word)
{
    const char *dash = strchr(word, '-');
    uint64_t first = strtoull(word, NULL, 10), last = dash ? strtoull(dash + 1, NULL, 10) : first;
    return first <= d->p->port && d->p->port <= last;
}

static bool is_in_prefix(struct decide *d, const char *word)
{
    struct prefix prefix;
    struct ip ip;
    if (prefix_parse(word, &prefix))
        return prefix_contains(&prefix, &d->p->remote);
    return ip_parse(word, &ip) && ip_equal(&ip, &d->p->remote);
}

static bool is_address(struct decide *d, const char *word)
{
    struct hcn_policy p;
    const char *set = d->set ? d->set(d->aux, word) : NULL;
    if (!set)
        return is_in_prefix(d, word);
    return hcn_policy_decode(set, strlen(set), &p, &d->arena, NULL) == 0 &&
           p.type == HCN_POLICY_SET && p.u.set.values && *p.u.set.values &&
           any_word(d, p.u.set.values, is_in_prefix);
}

static bool matches(struct decide *d, const struct hcn_acl *r)
{
    const char *ports = r->direction == HCN_IN ? r->local_ports : r->remote_ports;
    return r->direction == (unsigned)d->p->direction && any_word(d, r->protocols, is_protocol) &&
           any_word(d, r->remote_addresses, is_address) && any_word(d, ports, is_port);
}

/* ---- a list ---- */

enum acl_verdict acl_decide(const char *list, const struct acl_packet *p,
                            const char *(*set)(void *aux, const char *id), void *aux)
{
    struct decide d = {.p = p, .set = set, .aux = aux};
    enum acl_verdict found = ACL_UNCLEAR;
    uint32_t best = UINT32_MAX;
    bool readable = true;
    arena_init(&d.arena, 0);
    for (const char *line = strchr(list, '\n'); line; line = strchr(line + 1, '\n')) {
        struct hcn_policy rule;
        if (hcn_policy_decode(line + 1, strcspn(line + 1, "\n"), &rule, &d.arena, NULL) < 0 ||
            rule.type != HCN_POLICY_ACL || rule.u.acl.action > HCN_BLOCK) {
            readable = false;
            continue;
        }
        enum acl_verdict says = rule.u.acl.action == HCN_ALLOW ? ACL_ALLOWED : ACL_DROPPED;
        if (rule.u.acl.priority > best || !matches(&d, &rule.u.acl))
            continue;
        found = rule.u.acl.priority < best || found == says ? says : ACL_UNCLEAR;
        best = rule.u.acl.priority;
    }
    arena_done(&d.arena);
    return readable ? found : ACL_UNCLEAR;
}

/* ---- what the service has ---- */

struct installed {
    const struct engine_entry *v;
    size_t n;
    struct arena *a;
};

static const char *text_of(struct installed *in, const char *key)
{
    for (size_t i = 0; i < in->n; i++) {
        const struct engine_entry *e = &in->v[i];
        if (!e->installed.p || e->key.n != strlen(key) || memcmp(e->key.p, key, e->key.n) != 0)
            continue;
        char *text = arena_alloc(in->a, e->installed.n + 1);
        memcpy(text, e->installed.p, e->installed.n);
        text[e->installed.n] = '\0';
        return text;
    }
    return NULL;
}

static const char *set_of(void *aux, const char *id)
{
    return text_of(aux, id);
}

enum acl_verdict acl_decide_installed(const struct engine *e, const char *key,
                                      const struct acl_packet *p)
{
    struct arena a;
    arena_init(&a, 0);
    struct installed lists = {.a = &a}, sets = {.a = &a};
    lists.v = engine_entries(e, SPACE_ACL, &a, &lists.n);
    sets.v = engine_entries(e, SPACE_ACL_SET, &a, &sets.n);
    const char *list = text_of(&lists, key);
    enum acl_verdict found = list ? acl_decide(list, p, set_of, &sets) : ACL_UNCLEAR;
    arena_done(&a);
    return found;
}
