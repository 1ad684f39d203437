/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of routes as text, see route_row.h. */
#include "platform/route_row.h"

#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"

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

int route_row_parse(struct bytes key, struct bytes value, struct route_row *out, struct err *err)
{
    auto_free char *key_text = mem_strndup(key.p, key.n);
    auto_free char *value_text = mem_strndup(value.n ? value.p : "", value.n);
    memset(out, 0, sizeof *out);
    return route_parse_key(key_text, out) && (!value.n || route_parse_value(value_text, out))
               ? 0
               : err_set(err, ERR_INVALID, "not a route: %s: %s", key_text, value_text);
}

void route_row_tell(const struct route_row *r, route_row_fn *row, void *aux)
{
    char key[ROUTE_TEXT_MAX], value[ROUTE_TEXT_MAX], text[PREFIX_TEXT_MAX];
    if (r->neighbour) {
        snprintf(key, sizeof key, "neigh %s", ip_format(&r->prefix.ip, text));
        snprintf(value, sizeof value, "lladdr %s dev %s", mac_format(&r->mac, text), r->dev);
    } else {
        snprintf(key, sizeof key, "route %s", prefix_format(&r->prefix, text));
        snprintf(value, sizeof value, "via %s dev %s", ip_format(&r->via, text), r->dev);
    }
    row(aux, (struct bytes){key, strlen(key)}, (struct bytes){value, strlen(value)});
}
