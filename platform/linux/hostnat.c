/* SPDX-License-Identifier: Apache-2.0
 *
 * Masquerade by one nftables table of our own, "inet seine-<gateway>", written by `nft -j` in one
 * transaction.  A row is one rule of the chain "postrouting" with one set:
 *
 *     ip saddr PREFIX  oifname != GATEWAY  ip daddr != @exceptN  masquerade
 *
 * The set holds the excepted prefixes.  nftables refuses intervals that overlap, so one that lies
 * in another is written as the other's comment: reading back gives exactly the row that was
 * written, and what somebody took out of the set is seen to be missing. */
#include "platform/hostnat.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/addr.h"
#include "core/base/mem.h"
#include "core/base/sbuf.h"
#include "core/base/vec.h"
#include "platform/linux/run.h"

enum { HOSTNAT_COMMENT_MAX = 120 };

struct hostnat_rule {
    struct prefix from;
    VEC(struct prefix) except; /* in the row's order */
    char gateway[64];
};

static void hostnat_rule_done(struct hostnat_rule *r)
{
    VEC_DONE(&r->except);
}
#define auto_rule PORT_CLEANUP(hostnat_rule_done) struct hostnat_rule

/* ---- rows ---- */

static bool hostnat_parse_except(char *list, struct hostnat_rule *r)
{
    char *rest = NULL;
    for (char *word = strtok_r(list, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
        struct prefix p;
        if (!prefix_parse(word, &p) || p.ip.family != r->from.ip.family) {
            return false;
        }
        VEC_PUSH(&r->except, p);
    }
    return true;
}

/* "masquerade PREFIX" and "except LIST gateway NAME"; the list may be empty. */
static bool hostnat_parse(const struct hostnat_row *row, struct hostnat_rule *r)
{
    static const char key_word[] = "masquerade ", except[] = "except ", gateway[] = "gateway ";
    auto_free char *key = mem_strndup(row->key.p, row->key.n);
    auto_free char *value = mem_strndup(row->value.p, row->value.n);
    if (strncmp(key, key_word, sizeof key_word - 1) != 0 ||
        !prefix_parse(key + sizeof key_word - 1, &r->from) ||
        strncmp(value, except, sizeof except - 1) != 0) {
        return false;
    }
    char *list = value + sizeof except - 1;
    char *name = strstr(list, gateway);
    if (!name || strlen(name + sizeof gateway - 1) >= sizeof r->gateway) {
        return false;
    }
    snprintf(r->gateway, sizeof r->gateway, "%s", name + sizeof gateway - 1);
    if (name > list) {
        name[-1] = 0; /* the space before it */
    }
    *name = 0;
    return hostnat_parse_except(list, r);
}

static void hostnat_emit(const struct hostnat_rule *r, hostnat_row_fn *row, void *aux)
{
    char text[PREFIX_TEXT_MAX];
    auto_sbuf key = SBUF_INIT, value = SBUF_INIT;
    sbuf_printf(&key, "masquerade %s", prefix_format(&r->from, text));
    sbuf_puts(&value, "except ");
    for (size_t i = 0; i < r->except.n; i++) {
        sbuf_printf(&value, "%s%s", i ? "," : "", prefix_format(&r->except.v[i], text));
    }
    sbuf_printf(&value, " gateway %s", r->gateway);
    row(aux, (struct bytes){key.data, key.len}, (struct bytes){value.data, value.len});
}

/* ---- writing ---- */

static const char *hostnat_protocol(const struct hostnat_rule *r)
{
    return r->from.ip.family == 4 ? "ip" : "ip6";
}

static void hostnat_put_prefix(struct sbuf *b, const struct prefix *p)
{
    char text[IP_TEXT_MAX];
    struct prefix masked = prefix_masked(p);
    if (p->len == ip_bits(&p->ip)) {
        sbuf_printf(b, "\"%s\"", ip_format(&p->ip, text));
    } else {
        sbuf_printf(b, "{\"prefix\":{\"addr\":\"%s\",\"len\":%u}}", ip_format(&masked.ip, text),
                    p->len);
    }
}

/* The prefix of the list that stands for list[i]: an earlier equal one, or one that covers it. */
static bool hostnat_is_covered(const struct hostnat_rule *r, size_t i)
{
    for (size_t j = 0; j < r->except.n; j++) {
        const struct prefix *a = &r->except.v[j], *b = &r->except.v[i];
        if (j != i && prefix_covers(a, b) && (!prefix_covers(b, a) || j < i)) {
            return true;
        }
    }
    return false;
}

/* What lies in list[i] and is not written itself, as a comment. */
static void hostnat_put_comment(struct sbuf *b, const struct hostnat_rule *r, size_t i)
{
    size_t begin = b->len;
    for (size_t j = 0; j < r->except.n; j++) {
        char text[PREFIX_TEXT_MAX];
        if (j == i || !prefix_covers(&r->except.v[i], &r->except.v[j])) {
            continue;
        }
        prefix_format(&r->except.v[j], text);
        if (b->len - begin + strlen(text) < HOSTNAT_COMMENT_MAX) {
            sbuf_printf(b, "%s%s", b->len > begin ? "," : ",\"comment\":\"", text);
        }
    }
    sbuf_puts(b, b->len > begin ? "\"" : "");
}

static void hostnat_put_set(struct sbuf *b, const char *table, const struct hostnat_rule *r,
                            size_t n)
{
    sbuf_printf(b,
                ",{\"add\":{\"set\":{\"family\":\"inet\",\"table\":\"%s\",\"name\":\"except%zu\","
                "\"type\":\"%s\",\"flags\":[\"interval\"]",
                table, n, r->from.ip.family == 4 ? "ipv4_addr" : "ipv6_addr");
    const char *sep = ",\"elem\":[";
    for (size_t i = 0; i < r->except.n; i++) {
        if (hostnat_is_covered(r, i)) {
            continue;
        }
        sbuf_printf(b, "%s{\"elem\":{\"val\":", sep);
        hostnat_put_prefix(b, &r->except.v[i]);
        hostnat_put_comment(b, r, i);
        sbuf_puts(b, "}}");
        sep = ",";
    }
    sbuf_puts(b, *sep == ',' && sep[1] ? "}}}" : "]}}}");
}

static void hostnat_put_rule(struct sbuf *b, const char *table, const struct hostnat_rule *r,
                             size_t n)
{
    sbuf_printf(b,
                ",{\"add\":{\"rule\":{\"family\":\"inet\",\"table\":\"%s\",\"chain\":"
                "\"postrouting\",\"expr\":[{\"match\":{\"op\":\"==\",\"left\":{\"payload\":"
                "{\"protocol\":\"%s\",\"field\":\"saddr\"}},\"right\":",
                table, hostnat_protocol(r));
    hostnat_put_prefix(b, &r->from);
    sbuf_puts(b, "}},{\"match\":{\"op\":\"!=\",\"left\":{\"meta\":{\"key\":\"oifname\"}},"
                 "\"right\":");
    sbuf_put_json(b, r->gateway);
    sbuf_printf(b,
                "}},{\"match\":{\"op\":\"!=\",\"left\":{\"payload\":{\"protocol\":\"%s\","
                "\"field\":\"daddr\"}},\"right\":\"@except%zu\"}},{\"masquerade\":null}]}}}",
                hostnat_protocol(r), n);
}

/* Adding before deleting makes the deletion succeed whether the table was there or not. */
static void hostnat_put_table(struct sbuf *b, const char *table)
{
    static const char *const verbs[] = {"add", "delete"};
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        sbuf_printf(b, "%s{\"%s\":{\"table\":{\"family\":\"inet\",\"name\":\"%s\"}}}", i ? "," : "",
                    verbs[i], table);
    }
}

static void hostnat_put_chain(struct sbuf *b, const char *table)
{
    sbuf_printf(b,
                ",{\"add\":{\"table\":{\"family\":\"inet\",\"name\":\"%s\"}}}"
                ",{\"add\":{\"chain\":{\"family\":\"inet\",\"table\":\"%s\",\"name\":"
                "\"postrouting\",\"type\":\"nat\",\"hook\":\"postrouting\",\"prio\":100,"
                "\"policy\":\"accept\"}}}",
                table, table);
}

int hostnat_replace(const char *gateway, const struct hostnat_row *rows, size_t n, struct err *err)
{
    auto_sbuf table = SBUF_INIT, script = SBUF_INIT, out = SBUF_INIT;
    sbuf_printf(&table, "seine-%s", gateway);
    sbuf_puts(&script, "{\"nftables\":[");
    hostnat_put_table(&script, table.data);
    if (n) {
        hostnat_put_chain(&script, table.data);
    }
    for (size_t i = 0; i < n; i++) {
        auto_rule rule = {.except = VEC_INIT};
        if (!hostnat_parse(&rows[i], &rule)) {
            return err_set(err, ERR_INVALID, "not a masquerade row: %.*s: %.*s", (int)rows[i].key.n,
                           (const char *)rows[i].key.p, (int)rows[i].value.n,
                           (const char *)rows[i].value.p);
        }
        hostnat_put_set(&script, table.data, &rule, i);
        hostnat_put_rule(&script, table.data, &rule, i);
    }
    sbuf_puts(&script, "]}");
    static const char *const argv[] = {"nft", "-j", "-f", "-", NULL};
    return run_program(argv, script.data, script.len, &out, err);
}

/* ---- reading ---- */

static const cJSON *hostnat_get(const cJSON *at, const char *path)
{
    char key[32];
    while (at && *path) {
        size_t n = strcspn(path, ".");
        snprintf(key, sizeof key, "%.*s", (int)n, path);
        at = cJSON_GetObjectItemCaseSensitive(at, key);
        path += n + (path[n] == '.');
    }
    return at;
}

static const char *hostnat_string(const cJSON *at, const char *path)
{
    const char *s = cJSON_GetStringValue(hostnat_get(at, path));
    return s ? s : "";
}

static bool hostnat_read_prefix(const cJSON *v, struct prefix *out)
{
    if (cJSON_IsString(v)) {
        if (!ip_parse(v->valuestring, &out->ip)) {
            return false;
        }
        out->len = (uint8_t)ip_bits(&out->ip);
        return true;
    }
    const cJSON *len = hostnat_get(v, "prefix.len");
    if (!cJSON_IsNumber(len) || !ip_parse(hostnat_string(v, "prefix.addr"), &out->ip)) {
        return false;
    }
    out->len = (uint8_t)len->valueint;
    return true;
}

static int hostnat_order(const void *a, const void *b)
{
    return prefix_cmp(a, b);
}

/* The elements of set NAME, and what their comments say lies in them, sorted. */
static void hostnat_read_set(const cJSON *objects, const char *name, struct hostnat_rule *r)
{
    const cJSON *object = NULL, *elem = NULL;
    cJSON_ArrayForEach(object, objects) {
        const cJSON *set = hostnat_get(object, "set");
        if (!set || strcmp(hostnat_string(set, "name"), name) != 0) {
            continue;
        }
        cJSON_ArrayForEach(elem, hostnat_get(set, "elem")) {
            const cJSON *value = hostnat_get(elem, "elem.val");
            struct prefix p;
            if (hostnat_read_prefix(value ? value : elem, &p)) {
                VEC_PUSH(&r->except, p);
            }
            auto_free char *covered = mem_strdup(hostnat_string(elem, "elem.comment"));
            hostnat_parse_except(covered, r);
        }
    }
    if (r->except.n) {
        qsort(r->except.v, r->except.n, sizeof *r->except.v, hostnat_order);
    }
}

/* A rule of ours; false if somebody made it something else: then it counts as missing. */
static bool hostnat_read_rule(const cJSON *objects, const cJSON *rule, struct hostnat_rule *r)
{
    const cJSON *match = NULL, *from = NULL, *gateway = NULL, *except = NULL;
    cJSON_ArrayForEach(match, hostnat_get(rule, "expr")) {
        const char *field = hostnat_string(match, "match.left.payload.field");
        const cJSON *right = hostnat_get(match, "match.right");
        from = strcmp(field, "saddr") == 0 ? right : from;
        except = strcmp(field, "daddr") == 0 ? right : except;
        gateway = hostnat_get(match, "match.left.meta") ? right : gateway;
    }
    if (!from || !cJSON_IsString(gateway) || !cJSON_IsString(except) ||
        !hostnat_read_prefix(from, &r->from) || except->valuestring[0] != '@') {
        return false;
    }
    snprintf(r->gateway, sizeof r->gateway, "%s", gateway->valuestring);
    hostnat_read_set(objects, except->valuestring + 1, r);
    return true;
}

static void hostnat_json_cleanup(cJSON **json)
{
    cJSON_Delete(*json);
}

int hostnat_dump(const char *gateway, hostnat_row_fn *row, void *aux, struct err *err)
{
    auto_sbuf table = SBUF_INIT, out = SBUF_INIT;
    sbuf_printf(&table, "seine-%s", gateway);
    const char *const argv[] = {"nft", "-j", "list", "table", "inet", table.data, NULL};
    struct err refusal = {0};
    int rc = run_program(argv, "", 0, &out, &refusal);
    if (rc == ERR_REFUSED && strstr(refusal.text, "No such file")) {
        return 0; /* no table: no rows */
    }
    if (rc < 0) {
        return err_set_os(err, rc, refusal.os_code, "%s", refusal.text);
    }
    PORT_CLEANUP(hostnat_json_cleanup) cJSON *json = cJSON_ParseWithLength(out.data, out.len);
    const cJSON *objects = hostnat_get(json, "nftables"), *object = NULL;
    if (!cJSON_IsArray(objects)) {
        return err_set(err, ERR_PROTOCOL, "nft: not the JSON that was expected");
    }
    cJSON_ArrayForEach(object, objects) {
        const cJSON *rule = hostnat_get(object, "rule");
        auto_rule r = {.except = VEC_INIT};
        if (rule && hostnat_read_rule(objects, rule, &r)) {
            hostnat_emit(&r, row, aux);
        }
    }
    return 0;
}
