/* SPDX-License-Identifier: Apache-2.0
 *
 * Text form of stream addresses: see stream.h. */
#include "core/io/stream.h"

#include <assert.h>
#include <string.h>

#include "core/base/addr.h"
#include "core/base/port.h"
#include "core/io/stream_internal.h"
#include "platform/pipe.h"

static_assert((int)PIPE_PATH_MAX <= (int)STREAM_ADDRESS_MAX, "a local endpoint's name fits");

/* Longest path that a unix socket's address holds. */
enum { STREAM_UNIX_PATH_MAX = 107 };

static const struct {
    const char *prefix;
    enum stream_kind kind;
    bool has_port;
    size_t name_max;
} stream_kinds[] = {
    {"unix:", STREAM_UNIX, false, STREAM_UNIX_PATH_MAX},
    {"tcp:", STREAM_TCP, true, STREAM_ADDRESS_MAX - 1},
    {"ssl:", STREAM_SSL, true, STREAM_ADDRESS_MAX - 1},
    {"pipe:", STREAM_PIPE, false, 256},
};

static int stream_port_parse__(const char *s, uint16_t *out)
{
    uint32_t v = 0;
    if (*s == '\0') {
        return ERR_INVALID;
    }
    for (; *s; s++) {
        if (*s < '0' || *s > '9' || (v = v * 10 + (uint32_t)(*s - '0')) > UINT16_MAX) {
            return ERR_INVALID;
        }
    }
    *out = (uint16_t)v;
    return 0;
}

/* "IP:PORT" or "[IPv6]:PORT". */
static int stream_host_parse__(const char *text, const char *rest, struct stream_address *out,
                               struct err *err)
{
    const char *colon = strrchr(rest, ':');
    if (!colon || stream_port_parse__(colon + 1, &out->port) != 0) {
        return err_set(err, ERR_INVALID, "\"%s\": no port number at its end", text);
    }
    size_t n = (size_t)(colon - rest);
    bool brackets = n >= 2 && rest[0] == '[' && rest[n - 1] == ']';
    if (brackets) {
        rest++;
        n -= 2;
    }
    if (n >= IP_TEXT_MAX) {
        return err_set(err, ERR_INVALID, "\"%s\": not an IP address", text);
    }
    memcpy(out->name, rest, n);
    out->name[n] = '\0';
    struct ip ip;
    if (!ip_parse(out->name, &ip) || brackets != (ip.family == 6)) {
        return err_set(err, ERR_INVALID, "\"%s\": not an IP address%s", text,
                       brackets ? "" : " (IPv6 goes in brackets)");
    }
    return 0;
}

int stream_address_parse(const char *text, struct stream_address *out, struct err *err)
{
    struct stream_address a = {0};
    for (size_t i = 0; i < ARRAY_LEN(stream_kinds); i++) {
        size_t n = strlen(stream_kinds[i].prefix);
        if (strncmp(text, stream_kinds[i].prefix, n) != 0) {
            continue;
        }
        const char *rest = text + n;
        size_t len = strlen(rest);
        a.kind = stream_kinds[i].kind;
        if (len == 0 || len > stream_kinds[i].name_max) {
            return err_set(err, ERR_INVALID, "\"%s\": the part after %s must have 1 to %zu bytes",
                           text, stream_kinds[i].prefix, stream_kinds[i].name_max);
        }
        if (stream_kinds[i].has_port) {
            int rc = stream_host_parse__(text, rest, &a, err);
            if (rc != 0) {
                return rc;
            }
        } else {
            memcpy(a.name, rest, len + 1);
        }
        *out = a;
        return 0;
    }
    return err_set(err, ERR_INVALID, "\"%s\": not unix:PATH, tcp:IP:PORT, ssl:IP:PORT or pipe:NAME",
                   text);
}

int stream_address_parse_here__(const char *text, struct stream_address *out, struct err *err)
{
    int rc = stream_address_parse(text, out, err);
    return rc == 0 && stream_is_local__(out->kind) ? pipe_path(text, out->name, err) : rc;
}

int stream_address_check(const char *text, struct err *err)
{
    struct stream_address a;
    return stream_address_parse_here__(text, &a, err);
}
