/* SPDX-License-Identifier: Apache-2.0
 *
 * Addresses: text forms.  Reading follows RFC 4291 section 2.2 for IPv6 (with an IPv4 tail) and
 * dotted decimal without leading zeros for IPv4.  Writing follows RFC 5952; addresses that carry an
 * IPv4 one (::a.b.c.d, ::ffff:a.b.c.d) are written with it, as Open vSwitch does. */
#include <stdio.h>
#include <string.h>

#include "core/base/addr.h"
#include "core/base/sbuf.h"

/* A decimal without leading zeros, at most 'max'; moves '*s' behind it. */
static bool addr_number(const char **s, unsigned max, unsigned *out)
{
    const char *c = *s;
    unsigned v = 0;
    if (*c < '0' || *c > '9' || (c[0] == '0' && c[1] >= '0' && c[1] <= '9')) {
        return false;
    }
    for (; *c >= '0' && *c <= '9'; c++) {
        v = v * 10 + (unsigned)(*c - '0');
        if (v > max) {
            return false;
        }
    }
    *s = c;
    *out = v;
    return true;
}

static bool addr_parse_v4(const char *s, uint8_t *out)
{
    for (int i = 0; i < 4; i++) {
        unsigned v;
        if ((i && *s++ != '.') || !addr_number(&s, 255, &v)) {
            return false;
        }
        out[i] = (uint8_t)v;
    }
    return !*s;
}

static int addr_hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Up to four hex digits; moves '*s' behind them. */
static bool addr_parse_word(const char **s, uint8_t *out)
{
    uint32_t v = 0;
    int n = 0;
    for (int d; n < 4 && (d = addr_hex_digit(**s)) >= 0; n++, (*s)++) {
        v = v << 4 | (uint32_t)d;
    }
    set_be16(out, (uint16_t)v);
    return n > 0;
}

/* The bytes as written, and where among them "::" stood (SIZE_MAX: nowhere). */
struct addr_v6 {
    uint8_t b[16];
    size_t n, gap;
};

/* The separator after a group: nothing at the end, ":" before another one, "::" once. */
static bool addr_parse_colons(const char **s, struct addr_v6 *v)
{
    if (!**s) {
        return true;
    }
    if ((*s)[0] != ':') {
        return false;
    }
    if ((*s)[1] == ':') {
        if (v->gap != SIZE_MAX) {
            return false;
        }
        v->gap = v->n;
        *s += 2;
        return true;
    }
    *s += 1;
    return v->n > 0 && **s; /* neither at the start nor at the end */
}

static bool addr_parse_v6(const char *s, uint8_t *out)
{
    struct addr_v6 v = {.gap = SIZE_MAX};
    if (*s == ':' && !addr_parse_colons(&s, &v)) {
        return false;
    }
    while (*s) {
        size_t digits = strcspn(s, ":.");
        if (s[digits] == '.' && v.n <= 12) {
            if (!addr_parse_v4(s, v.b + v.n)) {
                return false;
            }
            v.n += 4;
            break;
        }
        if (v.n > 14 || !addr_parse_word(&s, v.b + v.n)) {
            return false;
        }
        v.n += 2;
        if (!addr_parse_colons(&s, &v)) {
            return false;
        }
    }
    if (v.gap == SIZE_MAX ? v.n != 16 : v.n > 14) {
        return false;
    }
    size_t head = v.gap == SIZE_MAX ? 16 : v.gap;
    size_t tail = v.n - head;
    memset(out, 0, 16);
    memcpy(out, v.b, head);
    memcpy(out + 16 - tail, v.b + head, tail);
    return true;
}

bool ip_parse(const char *s, struct ip *out)
{
    struct ip ip = {.family = strchr(s, ':') ? 6 : 4};
    if (ip.family == 6 ? !addr_parse_v6(s, ip.b) : !addr_parse_v4(s, ip.b)) {
        return false;
    }
    *out = ip;
    return true;
}

bool prefix_parse(const char *s, struct prefix *out)
{
    char text[IP_TEXT_MAX];
    const char *slash = strchr(s, '/');
    size_t n = slash ? (size_t)(slash - s) : sizeof text;
    if (n >= sizeof text) {
        return false;
    }
    memcpy(text, s, n);
    text[n] = 0;
    struct prefix p;
    unsigned len;
    const char *end = s + n + 1;
    if (!ip_parse(text, &p.ip) || !addr_number(&end, ip_bits(&p.ip), &len) || *end) {
        return false;
    }
    p.len = (uint8_t)len;
    *out = p;
    return true;
}

bool mac_parse(const char *s, struct mac *out)
{
    struct mac mac;
    for (size_t i = 0; i < sizeof mac.b; i++) {
        if (i && *s++ != ':') {
            return false;
        }
        int high = addr_hex_digit(s[0]);
        int low = high < 0 ? -1 : addr_hex_digit(s[1]);
        if (low < 0) {
            return false;
        }
        mac.b[i] = (uint8_t)(high << 4 | low);
        s += 2;
    }
    if (*s) {
        return false;
    }
    *out = mac;
    return true;
}

/* The longest run of two or more zero groups, the first of equals. */
static int addr_zero_run(const uint8_t *b, int *len_out)
{
    int best = 8, best_len = 1;
    for (int i = 0, n = 0; i < 8; i++) {
        n = b[2 * i] || b[2 * i + 1] ? 0 : n + 1;
        if (n > best_len) {
            best = i + 1 - n;
            best_len = n;
        }
    }
    *len_out = best_len;
    return best;
}

static void addr_format_v6(const uint8_t *b, char *buf)
{
    int run_len;
    int run = addr_zero_run(b, &run_len);
    bool v4_tail = run == 0 && (run_len == 6 || (run_len == 5 && b[10] == 0xff && b[11] == 0xff));
    int groups = v4_tail ? 6 : 8;
    char *at = buf, *end = buf + IP_TEXT_MAX;
    for (int i = 0; i < groups; i++) {
        if (i == run) {
            at += snprintf(at, (size_t)(end - at), "::");
            i += run_len - 1;
            continue;
        }
        const char *colon = i && i != run + run_len ? ":" : "";
        at += snprintf(at, (size_t)(end - at), "%s%x", colon, (unsigned)get_be16(b + 2 * i));
    }
    if (v4_tail) {
        (void)snprintf(at, (size_t)(end - at), "%s%u.%u.%u.%u", run_len == 5 ? ":" : "", b[12],
                       b[13], b[14], b[15]);
    }
}

char *ip_format(const struct ip *ip, char *buf)
{
    const uint8_t *b = ip->b;
    if (ip->family == 4) {
        (void)snprintf(buf, IP_TEXT_MAX, "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
    } else if (ip->family == 6) {
        addr_format_v6(b, buf);
    } else {
        (void)snprintf(buf, IP_TEXT_MAX, "none");
    }
    return buf;
}

char *prefix_format(const struct prefix *p, char *buf)
{
    (void)ip_format(&p->ip, buf);
    size_t n = strlen(buf);
    (void)snprintf(buf + n, PREFIX_TEXT_MAX - n, "/%u", p->len);
    return buf;
}

char *mac_format(const struct mac *m, char *buf)
{
    const uint8_t *b = m->b;
    (void)snprintf(buf, MAC_TEXT_MAX, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4],
                   b[5]);
    return buf;
}
