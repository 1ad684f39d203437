/* SPDX-License-Identifier: Apache-2.0
 *
 * Routes and neighbours to other nodes' Pods, by rtnetlink.  Ours carry ROUTE_PROTOCOL as their
 * protocol and (routes) as their metric, so that neither replacing nor removing one can meet a
 * route that somebody else made to the same place. */
#include "platform/route.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/sbuf.h"
#include "platform/linux/link.h"

/* One row, read. */
struct route_row {
    bool neighbour;
    struct prefix prefix; /* of a neighbour: its address */
    struct ip via;
    struct mac mac;
    char dev[IFNAMSIZ];
};

/* Splits "A B" at the one space: the word before it, or false. */
static bool route_word(const char **at, char *word, size_t size)
{
    size_t n = strcspn(*at, " ");
    if (!n || n >= size) {
        return false;
    }
    memcpy(word, *at, n);
    word[n] = 0;
    *at += n + ((*at)[n] == ' ');
    return true;
}

static bool route_parse_key(const char *key, struct route_row *row)
{
    char kind[8], what[PREFIX_TEXT_MAX];
    if (!route_word(&key, kind, sizeof kind) || !route_word(&key, what, sizeof what) || *key) {
        return false;
    }
    row->neighbour = strcmp(kind, "neigh") == 0;
    if (row->neighbour) {
        return ip_parse(what, &row->prefix.ip);
    }
    return strcmp(kind, "route") == 0 && prefix_parse(what, &row->prefix);
}

static bool route_parse_value(const char *value, struct route_row *row)
{
    char kind[8], what[IP_TEXT_MAX], word[8];
    if (!route_word(&value, kind, sizeof kind) || !route_word(&value, what, sizeof what) ||
        !route_word(&value, word, sizeof word) || strcmp(word, "dev") != 0 ||
        !route_word(&value, row->dev, sizeof row->dev) || *value) {
        return false;
    }
    return row->neighbour ? strcmp(kind, "lladdr") == 0 && mac_parse(what, &row->mac)
                          : strcmp(kind, "via") == 0 && ip_parse(what, &row->via);
}

static int route_set_route(struct nl *nl, const struct route_row *row, int index)
{
    struct link_route r = {.dst = row->prefix,
                           .gateway = row->via,
                           .index = index,
                           .metric = ROUTE_PROTOCOL,
                           .protocol = ROUTE_PROTOCOL,
                           .onlink = index != 0 && row->via.family};
    return index ? link_route_set(nl, &r) : link_route_del(nl, &r);
}

/* A neighbour's removal must say on which device: found by looking through all of them. */
struct route_find {
    struct ip ip;
    int index;
};

static void route_find_see(const struct link_neighbour *n, void *aux)
{
    struct route_find *f = aux;
    if (n->protocol == ROUTE_PROTOCOL && ip_equal(&n->ip, &f->ip)) {
        f->index = n->index;
    }
}

static int route_set_neighbour(struct nl *nl, const struct route_row *row, int index)
{
    struct link_neighbour n = {
        .index = index, .ip = row->prefix.ip, .mac = row->mac, .protocol = ROUTE_PROTOCOL};
    if (index) {
        return link_neighbour_set(nl, &n);
    }
    struct route_find f = {.ip = row->prefix.ip};
    int os = link_neighbour_each(nl, 0, route_find_see, &f);
    n.index = f.index;
    return os || !f.index ? os : link_neighbour_del(nl, &n);
}

int route_set(struct bytes key, struct bytes value, struct err *err)
{
    auto_free char *key_text = mem_strndup(key.p, key.n);
    auto_free char *value_text = mem_strndup(value.n ? value.p : "", value.n);
    struct route_row row = {0};
    if (!route_parse_key(key_text, &row) || (value.n && !route_parse_value(value_text, &row))) {
        return err_set(err, ERR_INVALID, "not a route: %s: %s", key_text, value_text);
    }
    auto_nl nl;
    int rc = nl_open(&nl, NETLINK_ROUTE, -1, err);
    if (rc < 0) {
        return rc;
    }
    struct link_info dev = {0};
    int os = value.n ? link_get(&nl, row.dev, &dev) : 0;
    if (!os) {
        os = row.neighbour ? route_set_neighbour(&nl, &row, dev.index)
                           : route_set_route(&nl, &row, dev.index);
    }
    bool absent = !value.n && (os == ESRCH || os == ENOENT || os == ENODEV);
    return os && !absent ? nl_err(&nl, os, err, "%s %s", key_text, value_text) : 0;
}

struct route_dump {
    int index;
    const char *dev;
    route_row_fn *row;
    void *aux;
};

static void route_dump_row(const struct route_dump *d, const char *key, const char *value)
{
    d->row(d->aux, (struct bytes){key, strlen(key)}, (struct bytes){value, strlen(value)});
}

static void route_dump_route(const struct link_route *r, void *aux)
{
    const struct route_dump *d = aux;
    if (r->protocol != ROUTE_PROTOCOL || r->index != d->index) {
        return;
    }
    char key[64], value[96], text[PREFIX_TEXT_MAX];
    snprintf(key, sizeof key, "route %s", prefix_format(&r->dst, text));
    snprintf(value, sizeof value, "via %s dev %s", ip_format(&r->gateway, text), d->dev);
    route_dump_row(d, key, value);
}

static void route_dump_neighbour(const struct link_neighbour *n, void *aux)
{
    const struct route_dump *d = aux;
    if (n->protocol != ROUTE_PROTOCOL) {
        return;
    }
    char key[64], value[96], text[IP_TEXT_MAX];
    snprintf(key, sizeof key, "neigh %s", ip_format(&n->ip, text));
    snprintf(value, sizeof value, "lladdr %s dev %s", mac_format(&n->mac, text), d->dev);
    route_dump_row(d, key, value);
}

int route_dump(const char *dev, route_row_fn *row, void *aux, struct err *err)
{
    auto_nl nl;
    int rc = nl_open(&nl, NETLINK_ROUTE, -1, err);
    if (rc < 0) {
        return rc;
    }
    struct link_info link;
    int os = link_get(&nl, dev, &link);
    if (os) {
        return nl_err(&nl, os, err, "interface %s", dev);
    }
    struct route_dump d = {.index = link.index, .dev = dev, .row = row, .aux = aux};
    os = link_route_each(&nl, route_dump_route, &d);
    os = os ? os : link_neighbour_each(&nl, link.index, route_dump_neighbour, &d);
    return os ? nl_err(&nl, os, err, "routes of %s", dev) : 0;
}
