/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/base/sort.h"
#include "core/base/vec.h"
#include "core/k8s/object.h"
#include "core/policy/policy.h"
#include "core/policy/set.h"

typedef VEC(struct member_entry) entry_vec;
struct member_work {
    struct derive *derive;
    struct set_pod pod;
    entry_vec entries;                    /* of all addresses; in the derivation's arena */
    entry_vec by_address[MEMBER_MAX_IPS]; /* of one: sets of a prefix */
};

/* ---- addresses ---- */

/* Those of the attachments that hold; false if the Pod is not attached here. */
static bool attached_ips(struct derive *d, const char *pod, struct ip *ips, size_t *n_ips)
{
    size_t n;
    const struct row **rows = view_list_index(derive_view(d), TABLE_LOCAL, LOCAL_BY_POD, pod, &n);
    bool attached = false;
    for (size_t i = 0; i < n; i++) {
        const struct intent_local *local = rows[i]->value;
        if (local->superseded || local->blocked)
            continue;
        attached = true;
        for (size_t k = 0; k < local->n_ips && *n_ips < MEMBER_MAX_IPS; k++)
            ips[(*n_ips)++] = local->ips[k];
    }
    return attached;
}

static size_t pod_ips(struct derive *d, const char *key, const struct pod *pod, struct ip *ips)
{
    size_t n = 0;
    if (pod && (pod->host_network || pod->phase == POD_FINISHED))
        return 0;
    if (attached_ips(d, key, ips, &n) || !pod)
        return n;
    for (size_t i = 0; i < pod->n_ips && n < MEMBER_MAX_IPS; i++)
        ips[n++] = pod->ips[i];
    return n;
}

/* ---- sets ---- */

static void add_entry(struct member_work *w, entry_vec *out, const char *set, uint8_t proto,
                      uint16_t port)
{
    struct member_entry e;
    memset(&e, 0, sizeof e);
    if (!intent_id_parse(set, &e.set))
        return;
    e.proto = proto;
    e.port = port;
    VEC_PUSH_IN(derive_arena(w->derive), out, e);
}

/* One entry, or one for each number that carries the set's port name. */
static void enter_set(struct member_work *w, const struct row *row, entry_vec *out)
{
    const struct set_pod *pod = &w->pod;
    uint8_t proto;
    const char *name = set_port_name(row->value, &proto);
    if (!name)
        add_entry(w, out, row->key, 0, 0);
    for (size_t i = 0; name && i < pod->n_ports; i++)
        if (pod->ports[i].proto == proto && strcmp(pod->ports[i].name, name) == 0)
            add_entry(w, out, row->key, proto, pod->ports[i].port);
}

static void try_set(struct member_work *w, const struct row *row)
{
    if (!set_is_block(row->value)) {
        if (set_matches(row->value, &w->pod))
            enter_set(w, row, &w->entries);
        return;
    }
    struct set_pod one = w->pod;
    one.n_ips = 1;
    for (size_t i = 0; i < w->pod.n_ips; i++) {
        one.ips = &w->pod.ips[i];
        if (set_matches(row->value, &one))
            enter_set(w, row, &w->by_address[i]);
    }
}

static void try_anchor(void *aux, const char *anchor)
{
    struct member_work *w = aux;
    size_t n;
    const struct row **sets =
        view_list_index(derive_view(w->derive), TABLE_SET, SET_BY_ANCHOR, anchor, &n);
    for (size_t i = 0; i < n; i++)
        try_set(w, sets[i]);
}

static int cmp_entry(const void *pa, const void *pb)
{
    const struct member_entry *a = pa, *b = pb;
    int c = intent_id_cmp(&a->set, &b->set);
    if (c)
        return c;
    if (a->proto != b->proto)
        return a->proto < b->proto ? -1 : 1;
    return a->port == b->port ? 0 : a->port < b->port ? -1 : 1;
}

static void put_member(struct derive *d, const char *key, const struct ip *ips, size_t n_ips,
                       entry_vec *entries)
{
    struct intent_member head;
    memset(&head, 0, sizeof head);
    head.n_ips = (uint32_t)n_ips;
    memcpy(head.ips, ips, n_ips * sizeof *ips);
    sort(entries->v, entries->n, sizeof *entries->v, cmp_entry);
    struct sbuf blob = derive_buffer(d);
    sbuf_put(&blob, &head, sizeof head);
    for (size_t i = 0; i < entries->n; i++) {
        if (i && cmp_entry(&entries->v[i], &entries->v[i - 1]) == 0)
            continue;
        sbuf_put(&blob, &entries->v[i], sizeof entries->v[i]);
        head.n_entries++;
    }
    memcpy(blob.data, &head, sizeof head);
    derive_row(d, TABLE_MEMBER, key, blob.data, blob.len);
    derive_buffer_done(d, &blob);
}

static void put_members(struct member_work *w, const char *key)
{
    if (w->entries.n)
        put_member(w->derive, key, w->pod.ips, w->pod.n_ips, &w->entries);
    for (size_t i = 0; i < w->pod.n_ips; i++) {
        char text[IP_TEXT_MAX];
        const struct ip *ip = &w->pod.ips[i];
        if (w->by_address[i].n)
            put_member(w->derive,
                       arena_printf(derive_arena(w->derive), "%s %s", key, ip_format(ip, text)), ip,
                       1, &w->by_address[i]);
    }
}

static void find_sets(struct member_work *w, const char *key)
{
    struct view *v = derive_view(w->derive);
    struct arena *a = derive_arena(w->derive);
    char *ns = arena_dup(a, key, strcspn(key, "/") + 1);
    ns[strcspn(key, "/")] = '\0';
    const struct row *row = view_get(v, TABLE_NAMESPACE, ns);
    struct label name = {SET_NAMESPACE_LABEL, ns};
    struct labels only_name = {&name, 1};
    w->pod.namespace_ = ns;
    w->pod.namespace_labels =
        row ? &((const struct namespace_ *)row->value)->meta.labels : &only_name;
    struct sbuf text = derive_buffer(w->derive);
    set_pod_anchors(&w->pod, &text, try_anchor, w);
    derive_buffer_done(w->derive, &text);
    put_members(w, key);
}

static void derive_member(struct derive *d, const char *key, const struct pod *pod)
{
    static const struct labels none = {NULL, 0};
    struct ip ips[MEMBER_MAX_IPS];
    struct member_work w = {.derive = d,
                            .pod = {.labels = pod ? &pod->meta.labels : &none,
                                    .ips = ips,
                                    .ports = pod ? pod->ports : NULL,
                                    .n_ports = pod ? pod->n_ports : 0}};
    w.pod.n_ips = pod_ips(d, key, pod, ips);
    if (w.pod.n_ips)
        find_sets(&w, key);
}

void policy_member_derive(struct derive *d, const char *key)
{
    derive_member(d, key, view_get(derive_view(d), TABLE_POD, key)->value);
}

void policy_bare_member_derive(struct derive *d, const char *key)
{
    const struct intent_local *local = view_get(derive_view(d), TABLE_LOCAL, key)->value;
    if (!view_get(derive_view(d), TABLE_POD, local->pod))
        derive_member(d, local->pod, NULL);
}
