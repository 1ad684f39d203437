/* SPDX-License-Identifier: Apache-2.0
 *
 * Masquerade by NetNat (WMI class MSFT_NetNat): one instance "seine-GATEWAY-N" a row.  An instance
 * says only whose addresses it translates: what leaves by the gateway port never meets it, and
 * exceptions there are none.  IPv4 alone. */
#include "platform/hostnat.h"

#include <stdio.h>
#include <string.h>

#include "core/base/addr.h"
#include "core/base/mem.h"
#include "core/base/sbuf.h"
#include "core/base/vec.h"
#include "platform/windows/wmi.h"

#define HOSTNAT_NAMESPACE L"ROOT\\StandardCimv2"
#define HOSTNAT_CLASS L"MSFT_NetNat"
enum { HOSTNAT_NAME, HOSTNAT_PREFIX };
static const wchar_t *const hostnat_properties[] = {
    [HOSTNAT_NAME] = L"Name", [HOSTNAT_PREFIX] = L"InternalIPInterfaceAddressPrefix", NULL};

/* An instance of ours. */
struct hostnat_instance {
    char *path;
    struct prefix from;
    unsigned number;
    bool wanted;
};
struct hostnat_ours {
    struct sbuf begin; /* "seine-GATEWAY-" */
    VEC(struct hostnat_instance) all;
};

static void hostnat_ours_done(struct hostnat_ours *o)
{
    for (size_t i = 0; i < o->all.n; i++) {
        mem_free(o->all.v[i].path);
    }
    VEC_DONE(&o->all);
    sbuf_done(&o->begin);
}
#define auto_ours PORT_CLEANUP(hostnat_ours_done) struct hostnat_ours

/* The digits behind "seine-GATEWAY-"; anything else is somebody else's. */
static bool hostnat_number(const struct hostnat_ours *o, const char *name, unsigned *out)
{
    const char *digits = name + o->begin.len;
    if (strncmp(name, o->begin.data, o->begin.len) != 0 || !*digits || strlen(digits) > 6 ||
        strspn(digits, "0123456789") != strlen(digits)) {
        return false;
    }
    return sscanf(digits, "%u", out) == 1;
}

static int hostnat_see(void *aux, const char *const *values, const char *path)
{
    struct hostnat_ours *o = aux;
    struct hostnat_instance i = {0};
    if (hostnat_number(o, values[HOSTNAT_NAME], &i.number)) {
        /* One that somebody changed into something else has no prefix: it is removed. */
        (void)prefix_parse(values[HOSTNAT_PREFIX], &i.from);
        i.path = mem_strdup(path);
        VEC_PUSH(&o->all, i);
    }
    return 0;
}

static int hostnat_read(struct wmi *w, const char *gateway, struct hostnat_ours *out,
                        struct err *err)
{
    sbuf_printf(&out->begin, "seine-%s-", gateway);
    int rc = wmi_open(w, HOSTNAT_NAMESPACE, err);
    return rc < 0 ? rc : wmi_each(w, HOSTNAT_CLASS, hostnat_properties, hostnat_see, out, err);
}

int hostnat_dump(const char *gateway, hostnat_row_fn *row, void *aux, struct err *err)
{
    auto_wmi w = {NULL, false};
    auto_ours ours = {SBUF_INIT, VEC_INIT};
    int rc = hostnat_read(&w, gateway, &ours, err);
    auto_sbuf value = SBUF_INIT;
    sbuf_printf(&value, "gateway %s", gateway);
    for (size_t i = 0; rc == 0 && i < ours.all.n; i++) {
        char key[80], text[PREFIX_TEXT_MAX];
        if (ours.all.v[i].from.ip.family) {
            snprintf(key, sizeof key, "masquerade %s", prefix_format(&ours.all.v[i].from, text));
            row(aux, (struct bytes){key, strlen(key)}, (struct bytes){value.data, value.len});
        }
    }
    return rc;
}

/* ---- replacing ---- */

static int hostnat_parse(const struct hostnat_row *row, const char *gateway, struct prefix *out,
                         struct err *err)
{
    static const char word[] = "masquerade ", by[] = "gateway ";
    auto_free char *key = mem_strndup(row->key.p, row->key.n);
    auto_free char *value = mem_strndup(row->value.p, row->value.n);
    if (strncmp(key, word, sizeof word - 1) != 0 || !prefix_parse(key + sizeof word - 1, out) ||
        strncmp(value, by, sizeof by - 1) != 0 || strcmp(value + sizeof by - 1, gateway) != 0) {
        return err_set(err, ERR_INVALID, "not a masquerade row: %s: %s", key, value);
    }
    return out->ip.family == 4 ? 0 : err_set(err, ERR_UNSUPPORTED, "%s: NetNat has no IPv6", key);
}

/* Rows that have their instance already are marked there. */
static bool hostnat_is_there(struct hostnat_ours *o, const struct prefix *from)
{
    for (size_t i = 0; i < o->all.n; i++) {
        if (!o->all.v[i].wanted && prefix_equal(&o->all.v[i].from, from)) {
            o->all.v[i].wanted = true;
            return true;
        }
    }
    return false;
}

static unsigned hostnat_free_number(const struct hostnat_ours *o)
{
    unsigned n = 0;
    for (size_t i = 0; i < o->all.n; i++) {
        if (o->all.v[i].number == n) {
            n++;
            i = (size_t)-1; /* from the first one again */
        }
    }
    return n;
}

static int hostnat_add(struct wmi *w, struct hostnat_ours *o, const struct prefix *from,
                       struct err *err)
{
    char text[PREFIX_TEXT_MAX];
    auto_sbuf name = SBUF_INIT;
    unsigned number = hostnat_free_number(o);
    sbuf_printf(&name, "%s%u", o->begin.data, number);
    struct prefix masked = prefix_masked(from);
    const struct wmi_value values[] = {
        {hostnat_properties[HOSTNAT_NAME], name.data},
        {hostnat_properties[HOSTNAT_PREFIX], prefix_format(&masked, text)},
    };
    int rc = wmi_create(w, HOSTNAT_CLASS, values, ARRAY_LEN(values), err);
    if (rc < 0) {
        return err_wrap(err, "NetNat of %s", text);
    }
    VEC_PUSH(&o->all,
             ((struct hostnat_instance){
                 .path = mem_strdup(""), .from = *from, .number = number, .wanted = true}));
    return 0;
}

/* Removes what no row wants: first, since the system refuses prefixes that overlap. */
static int hostnat_sweep(struct wmi *w, struct hostnat_ours *o, struct err *err)
{
    size_t kept = 0;
    int rc = 0;
    for (size_t i = 0; i < o->all.n; i++) {
        struct hostnat_instance *at = &o->all.v[i];
        if (rc < 0 || at->wanted || (rc = wmi_delete(w, at->path, err)) < 0) {
            o->all.v[kept++] = *at;
        } else {
            mem_free(at->path);
        }
    }
    o->all.n = kept;
    return rc;
}

int hostnat_replace(const char *gateway, const struct hostnat_row *rows, size_t n, struct err *err)
{
    VEC(struct prefix) from = VEC_INIT;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct prefix p;
        rc = hostnat_parse(&rows[i], gateway, &p, err);
        VEC_PUSH(&from, p);
    }
    auto_wmi w = {NULL, false};
    auto_ours ours = {SBUF_INIT, VEC_INIT};
    auto_free bool *there = mem_calloc(n + 1, sizeof *there);
    rc = rc < 0 ? rc : hostnat_read(&w, gateway, &ours, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        there[i] = hostnat_is_there(&ours, &from.v[i]);
    }
    rc = rc < 0 ? rc : hostnat_sweep(&w, &ours, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = there[i] ? 0 : hostnat_add(&w, &ours, &from.v[i], err);
    }
    VEC_DONE(&from);
    return rc;
}
