/* SPDX-License-Identifier: Apache-2.0
 *
 * The uplink's journal as text, and what adapters have compared: see uplink.h.  Reading is strict:
 * a journal that is not exactly what was written is not guessed at. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/port.h"
#include "hns/uplink.h"

enum { JOURNAL_VERSION = 1 };

static const char *const origins[UPLINK_N_ORIGINS] = {
    [UPLINK_MANUAL] = "manual", [UPLINK_DHCP] = "dhcp", [UPLINK_AUTO] = "auto"};
static const char *const directions[] = {[UPLINK_TAKE] = "take", [UPLINK_UNDO] = "undo"};

/* ---- writing ---- */

static void put_text(struct sbuf *out, const char *name, const char *value)
{
    sbuf_printf(out, "\"%s\":", name);
    sbuf_put_json(out, value);
    sbuf_putc(out, ',');
}

static void put_addresses(const struct uplink_adapter *a, struct sbuf *out)
{
    char text[PREFIX_TEXT_MAX];
    sbuf_puts(out, "\"addresses\":[");
    for (size_t i = 0; i < a->n_addresses; i++) {
        sbuf_printf(out, "%s{\"address\":\"%s\",\"origin\":\"%s\"}", i ? "," : "",
                    prefix_format(&a->addresses[i].address, text), origins[a->addresses[i].origin]);
    }
    sbuf_puts(out, "],");
}

static void put_routes(const struct uplink_adapter *a, struct sbuf *out)
{
    char to[PREFIX_TEXT_MAX], via[IP_TEXT_MAX];
    sbuf_puts(out, "\"routes\":[");
    for (size_t i = 0; i < a->n_routes; i++) {
        const struct uplink_route *r = &a->routes[i];
        sbuf_printf(out,
                    "%s{\"destination\":\"%s\",\"nextHop\":\"%s\",\"metric\":%" PRIu32
                    ",\"origin\":\"%s\"}",
                    i ? "," : "", prefix_format(&r->destination, to), ip_format(&r->next_hop, via),
                    r->metric, origins[r->origin]);
    }
    sbuf_puts(out, "],");
}

static void put_dns(const struct uplink_adapter *a, struct sbuf *out)
{
    char text[IP_TEXT_MAX];
    sbuf_printf(out, "\"dns\":{\"origin\":\"%s\",\"servers\":[", origins[a->dns]);
    for (size_t i = 0; i < a->n_servers; i++) {
        sbuf_printf(out, "%s\"%s\"", i ? "," : "", ip_format(&a->servers[i], text));
    }
    sbuf_puts(out, "],\"suffix\":");
    sbuf_put_json(out, a->suffix);
    sbuf_puts(out, "}");
}

static void put_adapter(const struct uplink_adapter *a, struct sbuf *out)
{
    char guid[GUID_TEXT_MAX], mac[MAC_TEXT_MAX];
    sbuf_puts(out, "\"adapter\":{");
    put_text(out, "name", a->name);
    put_text(out, "guid", guid_format(&a->guid, guid));
    put_text(out, "mac", mac_format(&a->mac, mac));
    sbuf_printf(out,
                "\"mtu\":%" PRIu32 ",\"metric4\":%" PRIu32 ",\"metric6\":%" PRIu32 ",\"dhcp\":%s,",
                a->mtu, a->metric[0], a->metric[1], a->dhcp ? "true" : "false");
    put_addresses(a, out);
    put_routes(a, out);
    put_dns(a, out);
    sbuf_putc(out, '}');
}

void uplink_journal_format(const struct uplink_journal *j, struct sbuf *out)
{
    sbuf_printf(out, "{\"version\":%d,", JOURNAL_VERSION);
    put_text(out, "direction", directions[j->direction]);
    put_text(out, "step", j->step);
    put_text(out, "reason", j->reason);
    put_text(out, "bridge", j->bridge);
    put_adapter(&j->adapter, out);
    sbuf_puts(out, "}\n");
}

/* ---- reading: each member by its name and type, once, and no other ---- */

/* The members of one object; 'place' names it in errors. */
struct members {
    const cJSON *object;
    const char *place;
    size_t n_read;
    struct err *err;
    bool failed;
};

static void members_fail(struct members *m, const char *name, const char *what)
{
    if (!m->failed) {
        err_set(m->err, ERR_INVALID, "%s%s: %s", m->place, name, what);
    }
    m->failed = true;
}

static const cJSON *members_get(struct members *m, const char *name)
{
    const cJSON *at = cJSON_GetObjectItemCaseSensitive(m->object, name);
    m->n_read++;
    if (!at) {
        members_fail(m, name, "is missing");
    }
    return at;
}

/* After all were read: anything else there? */
static int members_end(struct members *m)
{
    if (!m->failed && (size_t)cJSON_GetArraySize(m->object) != m->n_read) {
        members_fail(m, "", "has a member that is not known, or one twice");
    }
    return m->failed ? ERR_INVALID : 0;
}

static const char *members_text(struct members *m, const char *name)
{
    const cJSON *at = members_get(m, name);
    if (at && !cJSON_IsString(at)) {
        members_fail(m, name, "must be text");
        return "";
    }
    return at ? at->valuestring : "";
}

static void members_copy(struct members *m, const char *name, char *out, size_t size)
{
    const char *text = members_text(m, name);
    if (strlen(text) >= size) {
        members_fail(m, name, "is too long");
        return;
    }
    snprintf(out, size, "%s", text);
}

static uint32_t members_u32(struct members *m, const char *name)
{
    const cJSON *at = members_get(m, name);
    double v = at && cJSON_IsNumber(at) ? at->valuedouble : -1;
    if (v < 0 || v > UINT32_MAX || v != (double)(uint32_t)v) {
        members_fail(m, name, "must be a whole number of 32 bits");
        return 0;
    }
    return (uint32_t)v;
}

static size_t members_word(struct members *m, const char *name, const char *const *words, size_t n)
{
    const char *text = members_text(m, name);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(text, words[i]) == 0) {
            return i;
        }
    }
    members_fail(m, name, "is none of the words known here");
    return 0;
}

static enum uplink_origin members_origin(struct members *m)
{
    return (enum uplink_origin)members_word(m, "origin", origins, ARRAY_LEN(origins));
}

/* An array of at most 'max' elements. */
static const cJSON *members_array(struct members *m, const char *name, size_t max, size_t *n_out)
{
    const cJSON *at = members_get(m, name);
    *n_out = 0;
    if (at && !cJSON_IsArray(at)) {
        members_fail(m, name, "must be a list");
    } else if (at && (size_t)cJSON_GetArraySize(at) > max) {
        members_fail(m, name, "has too many elements");
    } else if (at) {
        *n_out = (size_t)cJSON_GetArraySize(at);
    }
    return m->failed ? NULL : at;
}

static struct members members_of(struct members *outer, const cJSON *object, const char *place)
{
    /* The first that is wrong is told. */
    struct members m = {
        .object = object, .place = place, .err = outer->err, .failed = outer->failed};
    if (!cJSON_IsObject(object)) {
        members_fail(&m, "", "must be an object");
        m.object = NULL;
    }
    return m;
}

static void members_join(struct members *outer, struct members *inner)
{
    if (members_end(inner) < 0) {
        outer->failed = true;
    }
}

static void members_prefix(struct members *m, const char *name, struct prefix *out)
{
    if (!prefix_parse(members_text(m, name), out)) {
        members_fail(m, name, "is no prefix");
    }
}

static void read_addresses(struct members *m, struct uplink_adapter *a)
{
    const cJSON *at;
    const cJSON *all = members_array(m, "addresses", UPLINK_ADDRESSES_MAX, &a->n_addresses);
    size_t i = 0;
    cJSON_ArrayForEach(at, all) {
        struct members one = members_of(m, at, "adapter.addresses.");
        members_prefix(&one, "address", &a->addresses[i].address);
        a->addresses[i].origin = members_origin(&one);
        members_join(m, &one);
        i++;
    }
}

static void read_routes(struct members *m, struct uplink_adapter *a)
{
    const cJSON *at;
    const cJSON *all = members_array(m, "routes", UPLINK_ROUTES_MAX, &a->n_routes);
    size_t i = 0;
    cJSON_ArrayForEach(at, all) {
        struct members one = members_of(m, at, "adapter.routes.");
        struct uplink_route *r = &a->routes[i];
        members_prefix(&one, "destination", &r->destination);
        if (!ip_parse(members_text(&one, "nextHop"), &r->next_hop)) {
            members_fail(&one, "nextHop", "is no address");
        }
        r->metric = members_u32(&one, "metric");
        r->origin = members_origin(&one);
        members_join(m, &one);
        i++;
    }
}

static void read_dns(struct members *m, struct uplink_adapter *a)
{
    struct members dns = members_of(m, members_get(m, "dns"), "adapter.dns.");
    const cJSON *at;
    a->dns = members_origin(&dns);
    const cJSON *all = members_array(&dns, "servers", UPLINK_SERVERS_MAX, &a->n_servers);
    size_t i = 0;
    cJSON_ArrayForEach(at, all) {
        if (!cJSON_IsString(at) || !ip_parse(at->valuestring, &a->servers[i])) {
            members_fail(&dns, "servers", "has an element that is no address");
        }
        i++;
    }
    members_copy(&dns, "suffix", a->suffix, sizeof a->suffix);
    members_join(m, &dns);
}

static void read_adapter(struct members *root, struct uplink_adapter *a)
{
    struct members m = members_of(root, members_get(root, "adapter"), "adapter.");
    members_copy(&m, "name", a->name, sizeof a->name);
    if (!guid_parse(members_text(&m, "guid"), &a->guid)) {
        members_fail(&m, "guid", "is no GUID");
    }
    if (!mac_parse(members_text(&m, "mac"), &a->mac)) {
        members_fail(&m, "mac", "is no Ethernet address");
    }
    a->mtu = members_u32(&m, "mtu");
    a->metric[0] = members_u32(&m, "metric4");
    a->metric[1] = members_u32(&m, "metric6");
    const cJSON *dhcp = members_get(&m, "dhcp");
    if (dhcp && !cJSON_IsBool(dhcp)) {
        members_fail(&m, "dhcp", "must be true or false");
    }
    a->dhcp = cJSON_IsTrue(dhcp);
    a->physical = true; /* no other is taken */
    read_addresses(&m, a);
    read_routes(&m, a);
    read_dns(&m, a);
    members_join(root, &m);
}

static int read_journal(const cJSON *json, struct uplink_journal *out, struct err *err)
{
    struct members none = {.err = err};
    struct members root = members_of(&none, json, "");
    uint32_t version = members_u32(&root, "version");
    if (!root.failed && version != JOURNAL_VERSION) {
        members_fail(&root, "version", "is of another release");
    }
    out->direction =
        (enum uplink_direction)members_word(&root, "direction", directions, ARRAY_LEN(directions));
    members_copy(&root, "step", out->step, sizeof out->step);
    members_copy(&root, "reason", out->reason, sizeof out->reason);
    members_copy(&root, "bridge", out->bridge, sizeof out->bridge);
    read_adapter(&root, &out->adapter);
    return members_end(&root);
}

int uplink_journal_parse(const char *text, size_t n, struct uplink_journal *out, struct err *err)
{
    struct uplink_journal read = {.direction = UPLINK_TAKE};
    if (n == 0 || text[n - 1] != '\n') {
        return err_set(err, ERR_INVALID, "is cut off");
    }
    if (memchr(text, 0, n)) {
        return err_set(err, ERR_INVALID, "has a NUL byte");
    }
    const char *end = NULL;
    cJSON *json = cJSON_ParseWithLengthOpts(text, n, &end, 0);
    if (!json || end != text + n - 1) {
        cJSON_Delete(json);
        return err_set(err, ERR_INVALID, "is not JSON");
    }
    int rc = read_journal(json, &read, err);
    cJSON_Delete(json);
    if (rc == 0) {
        *out = read;
    }
    return rc;
}

/* ---- what adapters have ---- */

static bool has_address(const struct uplink_adapter *a, const struct prefix *p)
{
    for (size_t i = 0; i < a->n_addresses; i++) {
        if (prefix_equal(&a->addresses[i].address, p)) {
            return true;
        }
    }
    return false;
}

static bool has_route(const struct uplink_adapter *a, const struct uplink_route *r)
{
    for (size_t i = 0; i < a->n_routes; i++) {
        if (prefix_equal(&a->routes[i].destination, &r->destination) &&
            ip_equal(&a->routes[i].next_hop, &r->next_hop)) {
            return true;
        }
    }
    return false;
}

static bool has_servers(const struct uplink_adapter *have, const struct uplink_adapter *want)
{
    if (want->dns != UPLINK_MANUAL) {
        return true;
    }
    bool same = have->n_servers == want->n_servers && strcmp(have->suffix, want->suffix) == 0;
    for (size_t i = 0; same && i < want->n_servers; i++) {
        same = ip_equal(&have->servers[i], &want->servers[i]);
    }
    return same;
}

bool uplink_adapter_covers(const struct uplink_adapter *have, const struct uplink_adapter *want,
                           struct err *why)
{
    char text[PREFIX_TEXT_MAX];
    for (size_t i = 0; i < want->n_addresses; i++) {
        const struct uplink_address *a = &want->addresses[i];
        if (a->origin != UPLINK_AUTO && !has_address(have, &a->address)) {
            err_set(why, ERR_NOT_FOUND, "no address %s", prefix_format(&a->address, text));
            return false;
        }
    }
    for (size_t i = 0; i < want->n_routes; i++) {
        const struct uplink_route *r = &want->routes[i];
        if (r->origin != UPLINK_AUTO && !has_route(have, r)) {
            err_set(why, ERR_NOT_FOUND, "no route to %s", prefix_format(&r->destination, text));
            return false;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(want->metric); i++) {
        if (want->metric[i] && have->metric[i] != want->metric[i]) {
            err_set(why, ERR_NOT_FOUND, "another interface metric");
            return false;
        }
    }
    if (!has_servers(have, want)) {
        err_set(why, ERR_NOT_FOUND, "other DNS servers");
        return false;
    }
    return true;
}

/* Of a family: any, or those of one origin. */
static bool has_family(const struct uplink_adapter *a, uint8_t family)
{
    for (size_t i = 0; i < a->n_addresses; i++) {
        if (a->addresses[i].address.ip.family == family && a->addresses[i].origin != UPLINK_AUTO) {
            return true;
        }
    }
    return false;
}

static bool has_lease(const struct uplink_adapter *a, uint8_t family)
{
    for (size_t i = 0; i < a->n_addresses; i++) {
        if (a->addresses[i].address.ip.family == family && a->addresses[i].origin == UPLINK_DHCP) {
            return true;
        }
    }
    return false;
}

static bool routes_family(const struct uplink_adapter *a, uint8_t family)
{
    for (size_t i = 0; i < a->n_routes; i++) {
        if (a->routes[i].destination.ip.family == family) {
            return true;
        }
    }
    return false;
}

static bool is_link_local(const struct ip *ip)
{
    return ip->family == 6 ? ip->b[0] == 0xfe && (ip->b[1] & 0xc0) == 0x80
                           : ip->b[0] == 169 && ip->b[1] == 254;
}

/* A next hop that an address of 'a' can reach. */
static bool is_near(const struct uplink_adapter *a, const struct ip *hop)
{
    for (size_t i = 0; i < a->n_addresses; i++) {
        if (prefix_contains(&a->addresses[i].address, hop)) {
            return true;
        }
    }
    return is_link_local(hop);
}

/* Adds what 'from' has of a family; 'leased' false: not what came by DHCP. */
static void add_addresses(struct uplink_adapter *out, const struct uplink_adapter *from,
                          uint8_t family, bool leased)
{
    for (size_t i = 0; i < from->n_addresses && out->n_addresses < UPLINK_ADDRESSES_MAX; i++) {
        const struct uplink_address *a = &from->addresses[i];
        if (a->address.ip.family == family && (leased || a->origin != UPLINK_DHCP) &&
            !has_address(out, &a->address)) {
            out->addresses[out->n_addresses++] = *a;
        }
    }
}

static void add_routes(struct uplink_adapter *out, const struct uplink_adapter *from,
                       uint8_t family, bool leased)
{
    for (size_t i = 0; i < from->n_routes && out->n_routes < UPLINK_ROUTES_MAX; i++) {
        const struct uplink_route *r = &from->routes[i];
        if (r->destination.ip.family == family && (leased || r->origin != UPLINK_DHCP) &&
            is_near(out, &r->next_hop) && !has_route(out, r)) {
            out->routes[out->n_routes++] = *r;
        }
    }
}

static void merge_family(const struct uplink_adapter *now, const struct uplink_adapter *then,
                         uint8_t family, struct uplink_adapter *out)
{
    bool old_lease = !has_lease(now, family);
    add_addresses(out, now, family, true);
    add_addresses(out, then, family, old_lease);
    add_routes(out, now, family, true);
    add_routes(out, then, family, old_lease);
}

static void follow_family(const struct uplink_adapter *now, const struct uplink_adapter *then,
                          uint8_t family, struct uplink_adapter *out)
{
    add_addresses(out, has_family(now, family) ? now : then, family, true);
    add_routes(out, routes_family(now, family) ? now : then, family, true);
}

/* What is left when the lists are made. */
static void finish(const struct uplink_adapter *now, const struct uplink_adapter *then,
                   const struct uplink_adapter *dns, struct uplink_adapter *out)
{
    out->dhcp = has_family(now, 4) ? now->dhcp || has_lease(out, 4) : then->dhcp;
    for (size_t i = 0; i < ARRAY_LEN(out->metric); i++) {
        out->metric[i] = now->metric[i] ? now->metric[i] : then->metric[i];
    }
    out->dns = dns->dns;
    out->n_servers = dns->n_servers;
    memcpy(out->servers, dns->servers, sizeof out->servers);
    snprintf(out->suffix, sizeof out->suffix, "%s", *now->suffix ? now->suffix : then->suffix);
}

void uplink_adapter_merge(const struct uplink_adapter *now, const struct uplink_adapter *then,
                          struct uplink_adapter *out)
{
    bool asked = then->n_servers && then->dns == UPLINK_MANUAL && now->dns != UPLINK_MANUAL;
    struct uplink_adapter merged = *now;
    merged.n_addresses = merged.n_routes = 0;
    merge_family(now, then, 4, &merged);
    merge_family(now, then, 6, &merged);
    finish(now, then, now->n_servers && !asked ? now : then, &merged);
    *out = merged;
}

void uplink_adapter_follow(const struct uplink_adapter *now, const struct uplink_adapter *then,
                           struct uplink_adapter *out)
{
    struct uplink_adapter followed = *now;
    followed.n_addresses = followed.n_routes = 0;
    follow_family(now, then, 4, &followed);
    follow_family(now, then, 6, &followed);
    finish(now, then, now->n_servers ? now : then, &followed);
    memcpy(followed.name, then->name, sizeof followed.name);
    followed.guid = then->guid;
    followed.mac = then->mac;
    followed.mtu = then->mtu;
    *out = followed;
}
