/* SPDX-License-Identifier: Apache-2.0
 *
 * Records of attachments: as structures here, as external_ids of the Pod's port in the switch,
 * which is where they last.  Keys that an older agent did not write have defaults. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cni/attach_internal.h"
#include "core/base/hash.h"

enum { RECORD_NAME_STEM = 7, RECORD_NAME_MAX = 15 };

/* ---- finding ---- */

static uint64_t record_hash(const char *key)
{
    return hash_str(key, 0);
}

static struct record *record_find_key(const struct attach *a, const char *key)
{
    HMAP_FOR_EACH_WITH_HASH(node, &a->records, record_hash(key)) {
        struct record *rec = CONTAINER_OF(node, struct record, node);
        if (strcmp(rec->key, key) == 0) {
            return rec;
        }
    }
    return NULL;
}

struct record *record_find(const struct attach *a, const char *container_id, const char *ifname)
{
    auto_sbuf key = SBUF_INIT;
    sbuf_printf(&key, "%s/%s", container_id, ifname);
    return record_find_key(a, key.data);
}

struct record *record_find_port(const struct attach *a, const char *name)
{
    HMAP_FOR_EACH(node, &a->records) {
        struct record *rec = CONTAINER_OF(node, struct record, node);
        if (strcmp(rec->att->interface, name) == 0) {
            return rec;
        }
    }
    return NULL;
}

bool record_is_own_pod(const struct record *rec)
{
    return !*rec->att->pod_uid && strcmp(rec->att->pod_namespace, "default") == 0 &&
           strcmp(rec->att->pod_name, rec->att->container_id) == 0;
}

/* ---- making ---- */

/* "web-0-1f3c9d2": the beginning of the Pod's name for people, a hash for uniqueness.  It begins
 * with a letter, since nftables wants that of a chain's name. */
static void record_name(const struct request *r, unsigned attempt, char name[RECORD_NAME_MAX + 1])
{
    uint64_t hash = hash_str(r->env.ifname, hash_str(r->env.container_id, attempt));
    char stem[RECORD_NAME_STEM + 1] = "p";
    size_t n = 0;
    for (const char *c = r->pod_name; *c && n < RECORD_NAME_STEM; c++) {
        bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z');
        bool digit = *c >= '0' && *c <= '9';
        if (n == 0 && !letter) {
            n = 1; /* keeps the "p" */
        }
        if (letter || digit || (n && *c == '-')) {
            stem[n] = *c;
            n += n < RECORD_NAME_STEM;
        }
    }
    snprintf(name, RECORD_NAME_MAX + 1, "%.*s-%07" PRIx64, n ? (int)n : 1, stem, hash & 0xfffffff);
}

static struct record *record_insert(struct attach *a, const char *container_id, const char *ifname)
{
    struct record *rec = mem_calloc(1, sizeof *rec);
    auto_sbuf key = SBUF_INIT;
    sbuf_printf(&key, "%s/%s", container_id, ifname);
    rec->key = sbuf_take(&key);
    rec->att = attachment_new();
    rec->port_error = mem_strdup("");
    rec->network = mem_strdup("");
    hmap_insert(&a->records, &rec->node, record_hash(rec->key));
    return rec;
}

static void record_set(char **field, const char *value)
{
    mem_free(*field);
    *field = mem_strdup(value ? value : "");
}

static void record_set_identity(struct record *rec, const struct request *r, const char *interface)
{
    record_set(&rec->att->container_id, r->env.container_id);
    record_set(&rec->att->cni_ifname, r->env.ifname);
    record_set(&rec->att->netns, r->env.netns);
    record_set(&rec->att->interface, interface);
    record_set(&rec->att->pod_namespace, r->pod_namespace);
    record_set(&rec->att->pod_name, r->pod_name);
    record_set(&rec->att->pod_uid, r->pod_uid);
    record_set(&rec->network, r->network);
}

/* The address with its podCIDR's length, and the podCIDR's gateway; alone if there is none. */
static void record_set_address(const struct attach *a, struct record *rec, size_t i,
                               const struct ip *ip)
{
    struct netif_address *address = &rec->addresses[i];
    struct prefix cidr = {.ip = *ip, .len = (uint8_t)ip_bits(ip)};
    address->gateway = *ip;
    bool known = ipam_pool_of(a->ipam, ip, &cidr, &address->gateway);
    address->address = (struct prefix){.ip = *ip, .len = cidr.len};
    rec->att->ips[i] = *ip;
    rec->att->subnet_len[i] = known ? cidr.len : 0;
}

struct record *record_make(struct attach *a, const struct request *r, const struct ip *ips,
                           size_t n)
{
    char name[RECORD_NAME_MAX + 1];
    unsigned attempt = 0;
    do {
        record_name(r, attempt++, name);
    } while (record_find_port(a, name) || mend_is_stray(a, name));
    struct record *rec = record_insert(a, r->env.container_id, r->env.ifname);
    record_set_identity(rec, r, name);
    rec->att->sequence = ++a->sequence;
    rec->att->mac = r->has_mac ? r->mac : mac_from_name("pod", rec->key);
    rec->att->n_ips = n;
    for (size_t i = 0; i < n; i++) {
        record_set_address(a, rec, i, &ips[i]);
    }
    return rec;
}

void record_remove(struct attach *a, struct record *rec)
{
    care_drop(a, rec);
    hmap_remove(&a->records, &rec->node);
    attachment_free(rec->att);
    mem_free(rec->key);
    mem_free(rec->network);
    mem_free(rec->port_error);
    mem_free(rec);
}

/* ---- external_ids ---- */

size_t record_ids(const struct record *rec, struct arena *arena, struct attach_id *out)
{
    const struct attachment *att = rec->att;
    auto_sbuf ips = SBUF_INIT, subnets = SBUF_INIT;
    char text[PREFIX_TEXT_MAX];
    for (size_t i = 0; i < att->n_ips; i++) {
        struct prefix subnet = prefix_masked(&rec->addresses[i].address);
        sbuf_printf(&ips, "%s%s", i ? "," : "", ip_format(&att->ips[i], text));
        sbuf_printf(&subnets, "%s%s", i ? "," : "", prefix_format(&subnet, text));
    }
    const struct attach_id ids[] = {
        {"seine.container-id", att->container_id},
        {"seine.ifname", att->cni_ifname},
        {"seine.netns", att->netns},
        {"seine.pod-namespace", att->pod_namespace},
        {"seine.pod-name", att->pod_name},
        {"seine.pod-uid", att->pod_uid},
        {"seine.ips", arena_strdup(arena, sbuf_cstr(&ips))},
        {"seine.subnets", arena_strdup(arena, sbuf_cstr(&subnets))},
        {"seine.mac", arena_strdup(arena, mac_format(&att->mac, text))},
        {"seine.mtu", arena_printf(arena, "%u", (unsigned)rec->mtu)},
        {"seine.network", rec->network},
        {"seine.sequence", arena_printf(arena, "%" PRIu64, att->sequence)},
    };
    memcpy(out, ids, sizeof ids);
    return ARRAY_LEN(ids);
}

static const char *record_id(const struct attach_port *port, const char *key)
{
    for (size_t i = 0; i < port->n_ids; i++) {
        if (strcmp(port->ids[i].key, key) == 0) {
            return port->ids[i].value;
        }
    }
    return "";
}

/* The next word of a list with commas. */
static const char *record_word(const char *list, char *word, size_t size)
{
    size_t n = strcspn(list, ",");
    snprintf(word, size, "%.*s", (int)n, list);
    return list + n + (list[n] == ',');
}

static void record_read_ips(const struct attach *a, struct record *rec,
                            const struct attach_port *port)
{
    const char *ips = record_id(port, "seine.ips"), *subnets = record_id(port, "seine.subnets");
    while (*ips && rec->att->n_ips < ATTACHMENT_MAX_IPS) {
        char word[PREFIX_TEXT_MAX];
        struct ip ip;
        struct prefix subnet;
        ips = record_word(ips, word, sizeof word);
        bool good = ip_parse(word, &ip);
        subnets = record_word(subnets, word, sizeof word);
        if (!good) {
            continue;
        }
        size_t i = rec->att->n_ips++;
        record_set_address(a, rec, i, &ip);
        if (prefix_parse(word, &subnet) && prefix_contains(&subnet, &ip)) {
            rec->addresses[i].address.len = subnet.len;
            rec->addresses[i].gateway = prefix_nth(&subnet, 1);
            rec->att->subnet_len[i] = subnet.len;
        }
    }
}

struct record *record_read(struct attach *a, const struct attach_port *port)
{
    const char *container_id = record_id(port, "seine.container-id");
    const char *ifname = record_id(port, "seine.ifname");
    if (!cni_is_name(container_id) || !cni_is_ifname(ifname) ||
        record_find(a, container_id, ifname)) {
        return NULL;
    }
    struct record *rec = record_insert(a, container_id, ifname);
    struct attachment *att = rec->att;
    record_set(&att->container_id, container_id);
    record_set(&att->cni_ifname, ifname);
    record_set(&att->interface, port->name);
    record_set(&att->netns, record_id(port, "seine.netns"));
    record_set(&att->pod_namespace, record_id(port, "seine.pod-namespace"));
    record_set(&att->pod_name, record_id(port, "seine.pod-name"));
    record_set(&att->pod_uid, record_id(port, "seine.pod-uid"));
    record_set(&rec->network, record_id(port, "seine.network"));
    att->sequence = strtoull(record_id(port, "seine.sequence"), NULL, 10);
    rec->mtu = (uint32_t)strtoull(record_id(port, "seine.mtu"), NULL, 10);
    if (!mac_parse(record_id(port, "seine.mac"), &att->mac)) {
        att->mac = mac_from_name("pod", rec->key);
    }
    record_read_ips(a, rec, port);
    a->sequence = att->sequence > a->sequence ? att->sequence : a->sequence;
    return rec;
}

/* ---- towards the rest ---- */

void record_saw_port(struct record *rec, const struct attach_port *port)
{
    rec->in_switch = true;
    rec->att->ofport = port->ofport;
    rec->internal = port->internal;
    record_set(&rec->port_error, port->error);
}

void record_pod(const struct attach *a, const struct record *rec, bool userspace,
                struct netif_pod *out)
{
    *out = (struct netif_pod){.netns = rec->att->netns,
                              .host_name = rec->att->interface,
                              .pod_name = rec->att->cni_ifname,
                              .mac = rec->att->mac,
                              .mtu = rec->mtu,
                              .addresses = rec->addresses,
                              .n_addresses = rec->att->n_ips,
                              .userspace_datapath = userspace,
                              .proc_sys = a->config.proc_sys,
                              .owner = a->owner};
}

void record_publish(struct attach *a, struct record *rec)
{
    rec->row = true;
    a->host->attachment(a->config.host_aux, rec->key, rec->att);
}

void record_retract(struct attach *a, struct record *rec)
{
    if (rec->row) {
        rec->row = false;
        a->host->attachment(a->config.host_aux, rec->key, NULL);
    }
}
