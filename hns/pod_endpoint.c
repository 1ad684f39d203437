/* SPDX-License-Identifier: Apache-2.0
 *
 * Pods' endpoints: making (namespace, ours there?, addresses free?, endpoint, attached), removing,
 * comparing, listing.
 *
 * What was read of an endpoint is kept, so that looking for an address asks once about each
 * endpoint, not each time about all: an endpoint's addresses do not change while it lives.  Before
 * anything is done about one, it is read again. */
#include "hns/pod_endpoint.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/hmap.h"
#include "core/base/vec.h"
#include "hns/network.h"

enum { POD_ENDPOINT_ARENA = 256 << 20, POD_ENDPOINT_MAX_IPS = 8 };

/* What is known of an endpoint. */
struct pod_seen {
    struct hmap_node node; /* in pod_endpoint.seen, by GUID */
    struct guid id;
    struct ip ips[POD_ENDPOINT_MAX_IPS];
    size_t n_ips;
    uint32_t mtu; /* to be set; 0: done, or not ours to set */
    bool listed;  /* in the enumeration at hand */
};
struct pod_endpoint {
    struct pod_endpoint_config config;
    char *network, *owner;
    atomic_flag lock; /* around 'seen': held for a look-up, never for a call */
    struct hmap seen;
};

/* ---- what is known ---- */

static void pod_lock(struct pod_endpoint *p)
{
    while (atomic_flag_test_and_set_explicit(&p->lock, memory_order_acquire)) {}
}

static void pod_unlock(struct pod_endpoint *p)
{
    atomic_flag_clear_explicit(&p->lock, memory_order_release);
}

static struct pod_seen *pod_seen_find(struct pod_endpoint *p, const struct guid *id)
{
    HMAP_FOR_EACH_WITH_HASH(node, &p->seen, hash_bytes(id, sizeof *id, 0)) {
        struct pod_seen *s = CONTAINER_OF(node, struct pod_seen, node);
        if (guid_equal(&s->id, id)) {
            return s;
        }
    }
    return NULL;
}

static void pod_seen_remove(struct pod_endpoint *p, struct pod_seen *s)
{
    hmap_remove(&p->seen, &s->node);
    mem_free(s);
}

static void pod_forget(struct pod_endpoint *p, const struct guid *id)
{
    pod_lock(p);
    struct pod_seen *s = pod_seen_find(p, id);
    if (s) {
        pod_seen_remove(p, s);
    }
    pod_unlock(p);
}

/* The addresses of an endpoint as they are now; text that is no address is passed over. */
static void pod_seen_fill(struct pod_seen *s, const struct hcn_endpoint *e)
{
    s->n_ips = 0;
    for (size_t i = 0; i < e->ips.n && s->n_ips < POD_ENDPOINT_MAX_IPS; i++) {
        const char *text = e->ips.v[i].ip_address;
        s->n_ips += text && ip_parse(text, &s->ips[s->n_ips]);
    }
}

/* 'mtu' 0: as it was. */
static void pod_remember(struct pod_endpoint *p, const struct hcn_endpoint *e, uint32_t mtu)
{
    pod_lock(p);
    struct pod_seen *s = pod_seen_find(p, &e->id);
    if (!s) {
        s = mem_calloc(1, sizeof *s);
        s->id = e->id;
        hmap_insert(&p->seen, &s->node, hash_bytes(&e->id, sizeof e->id, 0));
    }
    pod_seen_fill(s, e);
    s->mtu = mtu ? mtu : s->mtu;
    s->listed = true;
    pod_unlock(p);
}

static bool pod_seen_has(const struct pod_seen *s, const struct netif_pod *pod)
{
    for (size_t i = 0; i < s->n_ips; i++) {
        for (size_t j = 0; j < pod->n_addresses; j++) {
            if (ip_equal(&s->ips[i], &pod->addresses[j].address.ip)) {
                return true;
            }
        }
    }
    return false;
}

/* Forgets what is no more. */
static void pod_seen_prune(struct pod_endpoint *p, const struct hcn_guids *ids)
{
    pod_lock(p);
    HMAP_FOR_EACH(node, &p->seen) {
        CONTAINER_OF(node, struct pod_seen, node)->listed = false;
    }
    for (size_t i = 0; i < ids->n; i++) {
        struct pod_seen *s = pod_seen_find(p, &ids->v[i]);
        if (s) {
            s->listed = true;
        }
    }
    HMAP_FOR_EACH_SAFE(node, next, &p->seen) {
        struct pod_seen *s = CONTAINER_OF(node, struct pod_seen, node);
        if (!s->listed) {
            pod_seen_remove(p, s);
        }
    }
    pod_unlock(p);
}

/* Whether an endpoint is known, and if so, to have an address of the Pod's. */
static bool pod_is_seen(struct pod_endpoint *p, const struct guid *id, const struct netif_pod *pod,
                        bool *has)
{
    pod_lock(p);
    const struct pod_seen *s = pod_seen_find(p, id);
    *has = s && pod_seen_has(s, pod);
    pod_unlock(p);
    return s != NULL;
}

/* ---- objects ---- */

struct pod_endpoint *pod_endpoint_new(const struct pod_endpoint_config *config)
{
    struct pod_endpoint *p = mem_calloc(1, sizeof *p);
    p->config = *config;
    p->network = mem_strdup(config->network ? config->network : NETWORK_NAME);
    p->owner = mem_strdup(config->owner);
    p->config.nic_exists = config->nic_exists ? config->nic_exists : netif_pod_nic_exists;
    p->config.set_mtu = config->set_mtu ? config->set_mtu : netif_pod_set_mtu;
    atomic_flag_clear(&p->lock);
    hmap_init(&p->seen);
    return p;
}

void pod_endpoint_free(struct pod_endpoint *p)
{
    if (p) {
        HMAP_FOR_EACH_SAFE(node, next, &p->seen) {
            pod_seen_remove(p, CONTAINER_OF(node, struct pod_seen, node));
        }
        hmap_done(&p->seen);
        mem_free(p->network);
        mem_free(p->owner);
        mem_free(p);
    }
}

struct guid pod_endpoint_id(const char *owner, const char *name)
{
    auto_sbuf space = SBUF_INIT;
    sbuf_printf(&space, "seine endpoint %s", owner);
    return guid_from_name(space.data, name);
}

static bool pod_is_ours(const char *owner, const struct hcn_endpoint *e)
{
    struct guid id = pod_endpoint_id(owner, e->name ? e->name : "");
    return guid_equal(&id, &e->id);
}

/* ---- comparing ---- */

static bool pod_has_ip(const struct hcn_endpoint *e, const struct prefix *want)
{
    for (size_t i = 0; i < e->ips.n; i++) {
        if (hcn_ip_is(e->ips.v[i].ip_address, &want->ip) &&
            e->ips.v[i].prefix_length == want->len) {
            return true;
        }
    }
    return false;
}

/* By itself alone a Pod has no gateway. */
static bool pod_has_gateway(const struct netif_address *a)
{
    return a->gateway.family && !ip_equal(&a->gateway, &a->address.ip);
}

static const char *pod_default(const struct netif_address *a)
{
    return a->address.ip.family == 6 ? "::/0" : "0.0.0.0/0";
}

static bool pod_has_route(const struct hcn_endpoint *e, const struct netif_address *a)
{
    for (size_t i = 0; i < e->routes.n; i++) {
        const struct hcn_route *r = &e->routes.v[i];
        if (hcn_ip_is(r->next_hop, &a->gateway) && r->destination_prefix &&
            strcmp(r->destination_prefix, pod_default(a)) == 0) {
            return true;
        }
    }
    return false;
}

/* The first difference: ERR_CONFLICT.  Routes are compared where the service lists any. */
static int pod_compare(const struct hcn_endpoint *e, const struct netif_pod *pod, struct err *err)
{
    char text[PREFIX_TEXT_MAX], mac[MAC_TEXT_MAX];
    for (size_t i = 0; i < pod->n_addresses; i++) {
        const struct netif_address *a = &pod->addresses[i];
        if (!pod_has_ip(e, &a->address)) {
            return err_set(err, ERR_CONFLICT, "endpoint %s has not address %s", pod->host_name,
                           prefix_format(&a->address, text));
        }
        if (e->routes.n && pod_has_gateway(a) && !pod_has_route(e, a)) {
            return err_set(err, ERR_CONFLICT, "endpoint %s has no default route by %s",
                           pod->host_name, ip_format(&a->gateway, text));
        }
    }
    if (e->ips.n > pod->n_addresses) {
        return err_set(err, ERR_CONFLICT, "endpoint %s has %zu addresses, not %zu", pod->host_name,
                       e->ips.n, pod->n_addresses);
    }
    if (!hcn_mac_is(e->mac_address, &pod->mac)) {
        return err_set(err, ERR_CONFLICT, "endpoint %s: MAC is %.20s, not %s", pod->host_name,
                       e->mac_address ? e->mac_address : "none", mac_format(&pod->mac, mac));
    }
    return 0;
}

/* ---- namespaces ---- */

static int pod_find_namespace(struct pod_endpoint *p, const char *netns, struct arena *a,
                              struct hcn_namespace *out, struct err *err)
{
    struct guid id;
    struct err why = {0};
    if (!guid_parse(netns ? netns : "", &id)) {
        return err_set(err, ERR_INVALID, "%.60s is not the GUID of an HCN namespace",
                       netns && *netns ? netns : "\"\"");
    }
    switch (hns_namespace_get(p->config.hns, &id, a, out, &why)) {
    case HNS_UNKNOWN:
        return hns_pass(&why, err);
    case HNS_ABSENT:
        return err_set(err, ERR_NOT_FOUND, "there is no HCN namespace %.60s", netns);
    case HNS_PRESENT:
        break;
    }
    if (out->type && strcmp(out->type, "HostDefault") == 0) {
        return err_set(err, ERR_INVALID, "HCN namespace %.60s is the host's own", netns);
    }
    return 0;
}

int pod_endpoint_netns_check(struct pod_endpoint *p, const char *netns, struct err *err)
{
    struct arena a;
    struct hcn_namespace ns;
    arena_init(&a, POD_ENDPOINT_ARENA);
    int rc = pod_find_namespace(p, netns, &a, &ns, err);
    arena_done(&a);
    return rc;
}

/* ---- making ---- */

/* One call of create. */
struct pod_make {
    struct pod_endpoint *p;
    const struct netif_pod *pod;
    struct arena a;
    struct guid id, network, namespace_;
    struct err *err;
};

/* As CNI has it. */
struct pod_dns {
    struct codec_texts nameservers, search, options;
    const char *domain;
};
#define POD_DNS(type_, key_, member)                                                               \
    {                                                                                              \
        .key = key_, .type = type_, .offset = offsetof(struct pod_dns, member)                     \
    }
static const struct codec_field pod_dns_fields[] = {
    POD_DNS(CODEC_TEXTS, "nameservers", nameservers),
    POD_DNS(CODEC_TEXT, "domain", domain),
    POD_DNS(CODEC_TEXTS, "search", search),
    POD_DNS(CODEC_TEXTS, "options", options),
};
static const struct codec_struct pod_dns_struct = {.name = "dns",
                                                   .size = sizeof(struct pod_dns),
                                                   .fields = pod_dns_fields,
                                                   .n_fields = ARRAY_LEN(pod_dns_fields)};

static int pod_make_dns(struct pod_make *m, struct hcn_dns *out)
{
    struct pod_dns dns;
    const char *text = m->pod->dns;
    memset(out, 0, sizeof *out);
    if (!text || !*text) {
        return 0;
    }
    int rc = codec_decode(&pod_dns_struct, text, strlen(text), &dns, &m->a, m->err);
    if (rc == 0) {
        *out = (struct hcn_dns){.domain = dns.domain,
                                .search = dns.search,
                                .server_list = dns.nameservers,
                                .options = dns.options};
    }
    return rc;
}

/* The endpoint's document. */
static int pod_make_document(struct pod_make *m, struct hcn_endpoint *e)
{
    const struct netif_pod *pod = m->pod;
    char text[PREFIX_TEXT_MAX], mac[HCN_MAC_TEXT_MAX];
    struct hcn_ip_config *ips = arena_alloc(&m->a, (pod->n_addresses + 1) * sizeof *ips);
    struct hcn_route *routes = arena_alloc(&m->a, (pod->n_addresses + 1) * sizeof *routes);
    size_t n_routes = 0;
    for (size_t i = 0; i < pod->n_addresses; i++) {
        const struct netif_address *a = &pod->addresses[i];
        ips[i] = (struct hcn_ip_config){arena_strdup(&m->a, ip_format(&a->address.ip, text)),
                                        a->address.len};
        if (pod_has_gateway(a)) {
            routes[n_routes++] =
                (struct hcn_route){.next_hop = arena_strdup(&m->a, ip_format(&a->gateway, text)),
                                   .destination_prefix = pod_default(a)};
        }
    }
    *e = (struct hcn_endpoint){.schema_version = HCN_SCHEMA_2,
                               .id = m->id,
                               .name = pod->host_name,
                               .network = m->network,
                               .ips = {ips, pod->n_addresses},
                               .routes = {routes, n_routes},
                               .mac_address = arena_strdup(&m->a, hcn_mac_format(&pod->mac, mac))};
    if (m->p->config.policies) {
        e->policies = *m->p->config.policies;
    }
    return pod_make_dns(m, &e->dns);
}

/* Whether somebody lives in the namespace of an endpoint.  1, 0, or an error. */
static int pod_is_alive(struct pod_make *m, const struct hcn_endpoint *e)
{
    struct hcn_namespace ns;
    struct err why = {0};
    if (guid_is_zero(&e->namespace_)) {
        return 0;
    }
    enum hns_found found = hns_namespace_get(m->p->config.hns, &e->namespace_, &m->a, &ns, &why);
    return found == HNS_UNKNOWN ? hns_pass(&why, m->err) : found == HNS_PRESENT;
}

/* An endpoint that has an address of the Pod's is removed, if it is a left-over of ours. */
static int pod_clear_holder(struct pod_make *m, const struct hcn_endpoint *e)
{
    int alive = pod_is_alive(m, e);
    if (alive < 0) {
        return alive;
    }
    if (!pod_is_ours(m->p->owner, e) || alive) {
        char id[GUID_TEXT_MAX];
        return err_set(m->err, ERR_CONFLICT, "endpoint %.60s (%s) has an address of %s",
                       e->name ? e->name : "", guid_format(&e->id, id), m->pod->host_name);
    }
    pod_forget(m->p, &e->id);
    return hns_endpoint_remove(m->p->config.hns, &e->id, m->err);
}

/* Looks at one endpoint, whatever is known of it. */
static int pod_look(struct pod_make *m, const struct guid *id)
{
    struct hcn_endpoint e;
    struct err why = {0};
    bool has = false;
    switch (hns_endpoint_get(m->p->config.hns, id, &m->a, &e, &why)) {
    case HNS_UNKNOWN:
        return hns_pass(&why, m->err);
    case HNS_ABSENT:
        pod_forget(m->p, id);
        return 0;
    case HNS_PRESENT:
        break;
    }
    pod_remember(m->p, &e, 0);
    pod_is_seen(m->p, id, m->pod, &has);
    return has && guid_equal(&e.network, &m->network) ? pod_clear_holder(m, &e) : 0;
}

/* Nobody else in the network has an address of the Pod's. */
static int pod_clear_addresses(struct pod_make *m)
{
    struct hcn_guids ids;
    int rc = hns_endpoint_ids(m->p->config.hns, &m->network, &m->a, &ids, m->err);
    if (rc < 0) {
        return rc;
    }
    pod_seen_prune(m->p, &ids);
    for (size_t i = 0; rc == 0 && i < ids.n; i++) {
        bool has = false, seen = pod_is_seen(m->p, &ids.v[i], m->pod, &has);
        rc = !seen || has ? pod_look(m, &ids.v[i]) : 0;
    }
    return rc;
}

static int pod_need_ipv6(struct pod_make *m)
{
    for (size_t i = 0; i < m->pod->n_addresses; i++) {
        if (m->pod->addresses[i].address.ip.family == 6) {
            return hns_need(m->p->config.hns, FEATURE_DUAL_STACK, m->err);
        }
    }
    return 0;
}

static int pod_find_network(struct pod_make *m)
{
    struct hcn_network n;
    struct err why = {0};
    switch (network_find(m->p->config.hns, m->p->network, &m->a, &n, &why)) {
    case HNS_UNKNOWN:
        return hns_pass(&why, m->err);
    case HNS_ABSENT:
        return err_set(m->err, ERR_AGAIN, "there is no HNS network %s yet", m->p->network);
    case HNS_PRESENT:
        break;
    }
    m->network = n.id;
    return 0;
}

/* What was perhaps made goes; the error that led here stays. */
static int pod_undo(struct pod_make *m, int rc)
{
    hns_endpoint_remove(m->p->config.hns, &m->id, NULL);
    pod_forget(m->p, &m->id);
    return rc;
}

/* Something that was there when we looked went meanwhile: that is no answer to the caller's
 * question, who asks again. */
static int pod_lasting(struct pod_make *m, int rc)
{
    if (rc != ERR_NOT_FOUND) {
        return rc;
    }
    if (m->err) {
        m->err->code = ERR_AGAIN;
    }
    return ERR_AGAIN;
}

static int pod_attach(struct pod_make *m)
{
    struct hns_client *hns = m->p->config.hns;
    struct hcn_endpoint e;
    int rc = hns_attach(hns, &m->namespace_, &m->id, m->err);
    if (rc == ERR_CONFLICT && /* by a call whose answer was lost */
        hns_endpoint_get(hns, &m->id, &m->a, &e, NULL) == HNS_PRESENT &&
        guid_equal(&e.namespace_, &m->namespace_)) {
        rc = 0;
    }
    return rc < 0 ? pod_undo(m, pod_lasting(m, rc)) : 0;
}

/* Ours is there: all is well, or it is half made, or another. */
static int pod_adopt(struct pod_make *m, const struct hcn_endpoint *e)
{
    struct err why = {0};
    if (pod_compare(e, m->pod, &why) < 0) {
        return err_set(m->err, ERR_EXISTS, "%s", why.text);
    }
    pod_remember(m->p, e, m->pod->mtu);
    if (guid_is_zero(&e->namespace_)) {
        return pod_attach(m);
    }
    return guid_equal(&e->namespace_, &m->namespace_)
               ? 0
               : err_set(m->err, ERR_EXISTS, "endpoint %s is in another namespace",
                         m->pod->host_name);
}

static int pod_make_fresh(struct pod_make *m)
{
    struct hcn_endpoint e;
    int rc = pod_need_ipv6(m);
    rc = rc < 0 ? rc : pod_find_network(m);
    rc = rc < 0 ? rc : pod_clear_addresses(m);
    rc = rc < 0 ? rc : pod_make_document(m, &e);
    if (rc < 0) {
        return rc;
    }
    rc = hns_endpoint_create(m->p->config.hns, &e, m->err);
    if (rc < 0) { /* whatever was said, it may have been made */
        return pod_undo(m, pod_lasting(m, rc));
    }
    pod_remember(m->p, &e, m->pod->mtu);
    return pod_attach(m);
}

static int pod_make_in(struct pod_make *m)
{
    struct hcn_namespace ns;
    struct hcn_endpoint e;
    struct err why = {0};
    int rc = pod_find_namespace(m->p, m->pod->netns, &m->a, &ns, m->err);
    if (rc < 0) {
        return rc;
    }
    m->namespace_ = ns.id;
    switch (hns_endpoint_get(m->p->config.hns, &m->id, &m->a, &e, &why)) {
    case HNS_UNKNOWN:
        return hns_pass(&why, m->err);
    case HNS_PRESENT:
        return pod_adopt(m, &e);
    case HNS_ABSENT:
        break;
    }
    return pod_make_fresh(m);
}

int pod_endpoint_create(struct pod_endpoint *p, const struct netif_pod *pod, struct err *err)
{
    struct pod_make m = {
        .p = p, .pod = pod, .id = pod_endpoint_id(p->owner, pod->host_name), .err = err};
    arena_init(&m.a, POD_ENDPOINT_ARENA);
    int rc = pod_make_in(&m);
    arena_done(&m.a);
    return rc;
}

/* ---- removing ---- */

int pod_endpoint_delete(struct pod_endpoint *p, const char *name, struct err *err)
{
    struct guid id = pod_endpoint_id(p->owner, name);
    pod_forget(p, &id);
    return hns_endpoint_remove(p->config.hns, &id, err);
}

/* ---- looking ---- */

static int pod_check_found(const struct hcn_endpoint *e, const struct netif_pod *pod,
                           struct err *err)
{
    struct guid ns;
    int rc = pod_compare(e, pod, err);
    if (rc < 0) {
        return rc;
    }
    if (!guid_parse(pod->netns, &ns) || !guid_equal(&ns, &e->namespace_)) {
        return err_set(err, ERR_CONFLICT, "endpoint %s is %s", pod->host_name,
                       guid_is_zero(&e->namespace_) ? "not attached" : "in another namespace");
    }
    return 0;
}

int pod_endpoint_check(struct pod_endpoint *p, const struct netif_pod *pod, struct err *err)
{
    struct guid id = pod_endpoint_id(p->owner, pod->host_name);
    struct hcn_endpoint e;
    struct arena a;
    struct err why = {0};
    int rc = 0;
    arena_init(&a, POD_ENDPOINT_ARENA);
    enum hns_found found = hns_endpoint_get(p->config.hns, &id, &a, &e, &why);
    if (found == HNS_UNKNOWN) {
        rc = hns_pass(&why, err);
    } else if (found == HNS_ABSENT) {
        rc = err_set(err, ERR_CONFLICT, "endpoint %s is gone", pod->host_name);
    } else {
        rc = pod_check_found(&e, pod, err);
    }
    arena_done(&a);
    return rc;
}

int pod_endpoint_exists(struct pod_endpoint *p, const char *name, struct err *err)
{
    struct guid id = pod_endpoint_id(p->owner, name);
    struct hcn_endpoint e;
    struct arena a;
    struct err why = {0};
    arena_init(&a, POD_ENDPOINT_ARENA);
    enum hns_found found = hns_endpoint_get(p->config.hns, &id, &a, &e, &why);
    bool attached = found == HNS_PRESENT && !guid_is_zero(&e.namespace_);
    arena_done(&a);
    return found == HNS_UNKNOWN ? hns_pass(&why, err) : attached;
}

static int pod_order(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int pod_endpoint_list(struct pod_endpoint *p, const char *owner, char ***names_out, size_t *n_out,
                      struct err *err)
{
    VEC(char *) names = VEC_INIT;
    struct hns_endpoints list;
    struct arena a;
    arena_init(&a, POD_ENDPOINT_ARENA);
    int rc = hns_endpoint_list(p->config.hns, NULL, &a, &list, err);
    for (size_t i = 0; rc == 0 && i < list.n; i++) {
        if (list.v[i].name && pod_is_ours(owner, &list.v[i])) {
            VEC_PUSH(&names, mem_strdup(list.v[i].name));
        }
    }
    arena_done(&a);
    if (rc < 0) {
        return rc;
    }
    if (names.n) {
        qsort(names.v, names.n, sizeof *names.v, pod_order);
    }
    *names_out = names.v;
    *n_out = names.n;
    return 0;
}

/* ---- the NIC ---- */

static uint32_t pod_mtu_wanted(struct pod_endpoint *p, const struct guid *id)
{
    pod_lock(p);
    const struct pod_seen *s = pod_seen_find(p, id);
    uint32_t mtu = s ? s->mtu : 0;
    pod_unlock(p);
    return mtu;
}

static void pod_mtu_is_set(struct pod_endpoint *p, const struct guid *id)
{
    pod_lock(p);
    struct pod_seen *s = pod_seen_find(p, id);
    if (s) {
        s->mtu = 0;
    }
    pod_unlock(p);
}

bool pod_endpoint_nic_exists(struct pod_endpoint *p, const char *name)
{
    struct guid id = pod_endpoint_id(p->owner, name);
    if (!p->config.nic_exists(name)) {
        return false;
    }
    uint32_t mtu = pod_mtu_wanted(p, &id);
    int rc = mtu ? p->config.set_mtu(name, mtu, NULL) : 0;
    if (rc == ERR_NOT_FOUND || rc == ERR_AGAIN) {
        return false; /* not whole yet: it is asked again */
    }
    pod_mtu_is_set(p, &id);
    return true;
}

/* ---- as a system ---- */

static struct pod_endpoint *pod_bound;

void pod_endpoint_bind(struct pod_endpoint *p)
{
    pod_bound = p;
}

static int pod_system_create(const struct netif_pod *pod, struct err *err)
{
    return pod_endpoint_create(pod_bound, pod, err);
}

static int pod_system_delete(const char *name, struct err *err)
{
    return pod_endpoint_delete(pod_bound, name, err);
}

static int pod_system_check(const struct netif_pod *pod, struct err *err)
{
    return pod_endpoint_check(pod_bound, pod, err);
}

static int pod_system_netns_check(const char *netns, struct err *err)
{
    return pod_endpoint_netns_check(pod_bound, netns, err);
}

static int pod_system_exists(const char *name, struct err *err)
{
    return pod_endpoint_exists(pod_bound, name, err);
}

static int pod_system_list(const char *owner, char ***names_out, size_t *n_out, struct err *err)
{
    return pod_endpoint_list(pod_bound, owner, names_out, n_out, err);
}

static bool pod_system_nic_exists(const char *name)
{
    return pod_endpoint_nic_exists(pod_bound, name);
}

const struct attach_system pod_endpoint_system = {
    .pod_create = pod_system_create,
    .pod_delete = pod_system_delete,
    .pod_check = pod_system_check,
    .netns_check = pod_system_netns_check,
    .exists = pod_system_exists,
    .list = pod_system_list,
    .nic_exists = pod_system_nic_exists,
};
