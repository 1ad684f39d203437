/* SPDX-License-Identifier: Apache-2.0
 *
 * What each command asks and prints. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/addr.h"
#include "core/base/mem.h"
#include "core/base/version.h"
#include "core/ctl/ctl.h"
#include "core/pipeline/stages.h"
#include "platform/process.h"

enum { CTL_AGAIN_MS = 20 };

static bool ctl_is_tree(const struct ctl *c)
{
    return c->output == CTL_JSON || c->output == CTL_YAML;
}

static const cJSON *ctl_at(const cJSON *json, const char *a, const char *b)
{
    const cJSON *found = cJSON_GetObjectItemCaseSensitive(json, a);
    return b ? cJSON_GetObjectItemCaseSensitive(found, b) : found;
}

static const char *ctl_text(const cJSON *json, const char *a, const char *b)
{
    const char *text = cJSON_GetStringValue(ctl_at(json, a, b));
    return text ? text : "";
}

static double ctl_number(const cJSON *json, const char *a, const char *b)
{
    const cJSON *n = ctl_at(json, a, b);
    return cJSON_IsNumber(n) ? n->valuedouble : 0;
}

static bool ctl_true(const cJSON *json, const char *a, const char *b)
{
    return cJSON_IsTrue(ctl_at(json, a, b));
}

/* ---- status ---- */
static void ctl_status_sources(const cJSON *status, struct sbuf *out)
{
    const cJSON *source, *error;
    cJSON_ArrayForEach(source, ctl_at(status, "sources", NULL)) {
        sbuf_printf(out, "%-14s%s: %s%s%s\n", "source", ctl_text(source, "name", NULL),
                    ctl_true(source, "complete", NULL) ? "complete" : "incomplete",
                    ctl_true(source, "cached", NULL) ? ", its cache holds" : "",
                    ctl_true(source, "stale", NULL) ? ", stale" : "");
        cJSON_ArrayForEach(error, ctl_at(source, "errors", NULL)) {
            sbuf_printf(out, "%-14s%s\n", "", cJSON_GetStringValue(error));
        }
    }
}

static void ctl_status_failures(const cJSON *status, struct sbuf *out)
{
    const cJSON *failure;
    cJSON_ArrayForEach(failure, ctl_at(status, "failures", NULL)) {
        sbuf_printf(out, "%-14s%s: %s\n", "failure", ctl_text(failure, "unit", NULL),
                    ctl_text(failure, "reason", NULL));
    }
}

static void ctl_status_unsaid(const cJSON *status, struct sbuf *out)
{
    const cJSON *line;
    cJSON_ArrayForEach(line, ctl_at(status, "unsaid", NULL)) {
        sbuf_printf(out, "%-14s%s\n", "not said", cJSON_GetStringValue(line));
    }
}

static void ctl_status_cni(const cJSON *status, struct sbuf *out)
{
    const cJSON *line;
    cJSON_ArrayForEach(line, ctl_at(status, "cni", "troubles")) {
        sbuf_printf(out, "%-14s%s\n", "CNI", cJSON_GetStringValue(line));
    }
}

/* "taking Ethernet0, step addresses: why" */
static void ctl_status_uplink(const cJSON *s, struct sbuf *out)
{
    const char *step = ctl_text(s, "uplink", "step"), *error = ctl_text(s, "uplink", "error");
    const char *adapter = ctl_text(s, "uplink", "adapter");
    sbuf_printf(out, "%-14s%s%s%s%s%s%s%s\n", "uplink", ctl_text(s, "uplink", "state"),
                *adapter ? " " : "", adapter, *step ? ", step " : "", step, *error ? ": " : "",
                error);
}

static void ctl_status_table(const cJSON *s, struct sbuf *out)
{
    static const char *const spaces[] = {"flows", "groups", "meters"};
    bool ready = ctl_true(s, "ready", NULL);
    sbuf_printf(out, "%-14s%s%s%s\n", "ready", ready ? "yes" : "no", ready ? "" : ": ",
                ctl_text(s, "reason", NULL));
    sbuf_printf(out, "%-14s%s\n%-14s%s\n", "node", ctl_text(s, "node", NULL), "version",
                ctl_text(s, "version", NULL));
    ctl_status_sources(s, out);
    sbuf_printf(out, "%-14s%s, datapath %s, %s\n", "Open vSwitch", ctl_text(s, "ovs", "version"),
                ctl_text(s, "ovs", "datapathType"),
                ctl_true(s, "ovs", "connected") ? "connected" : "NOT CONNECTED");
    for (size_t i = 0; i < ARRAY_LEN(spaces); i++) {
        sbuf_printf(out, "%-14s%.0f desired, %.0f installed\n", spaces[i],
                    ctl_number(s, spaces[i], "desired"), ctl_number(s, spaces[i], "installed"));
    }
    sbuf_printf(out, "%-14s%.0f committed, %.0f refused, %.0f unknown\n", "bundles",
                ctl_number(s, "bundles", "committed"), ctl_number(s, "bundles", "refused"),
                ctl_number(s, "bundles", "unknown"));
    sbuf_printf(out, "%-14s%.0f flow, %.0f group, %.0f meter mods\n", "messages",
                ctl_number(s, "messages", "flowMods"), ctl_number(s, "messages", "groupMods"),
                ctl_number(s, "messages", "meterMods"));
    sbuf_printf(out, "%-14s%.0f attached, MTU %.0f\n", "Pods", ctl_number(s, "pods", "attached"),
                ctl_number(s, "host", "podMTU"));
    if (*ctl_text(s, "hns", NULL)) {
        sbuf_printf(out, "%-14s%s\n", "hns", ctl_text(s, "hns", NULL));
    }
    if (*ctl_text(s, "uplink", "state") && strcmp(ctl_text(s, "uplink", "state"), "none") != 0) {
        ctl_status_uplink(s, out);
    }
    if (*ctl_text(s, "host", "error")) {
        sbuf_printf(out, "%-14s%s\n", "host", ctl_text(s, "host", "error"));
    }
    if (ctl_at(s, "acls", NULL)) {
        sbuf_printf(out, "%-14s%.0f desired, %.0f installed\n", "access lists",
                    ctl_number(s, "acls", "desired"), ctl_number(s, "acls", "installed"));
    }
    ctl_status_cni(s, out);
    ctl_status_unsaid(s, out);
    ctl_status_failures(s, out);
    sbuf_printf(out, "%-14s%.0f runs, %.0f differences\n", "recompute",
                ctl_number(s, "recompute", "runs"), ctl_number(s, "recompute", "differences"));
}

/* Asks until the agent answers or --wait is over: it may be starting just now. */
static int ctl_status_ask(struct ctl *c, cJSON **out, struct err *err)
{
    uint64_t end = process_now_ns() + (uint64_t)c->wait_ms * 1000000;
    for (;;) {
        uint64_t now = process_now_ns();
        auto_sbuf path = SBUF_INIT;
        uint32_t left_ms = now < end ? (uint32_t)((end - now) / 1000000) : 0;
        sbuf_printf(&path, "/v1/status?wait=%ums", (unsigned)left_ms);
        struct ctl_request r = {"GET", path.data, left_ms};
        int rc = ctl_ask_json(c, &r, out, err);
        bool away = rc == ERR_NOT_FOUND || rc == ERR_REFUSED || rc == ERR_CLOSED;
        if (!away || !left_ms) {
            return rc;
        }
        process_sleep_ms(CTL_AGAIN_MS);
    }
}

int ctl_status(struct ctl *c)
{
    auto_sbuf out = SBUF_INIT;
    struct err err = {0};
    cJSON *status = NULL;
    if (ctl_status_ask(c, &status, &err) < 0) {
        return ctl_fail(&err);
    }
    int rc;
    if (ctl_is_tree(c)) {
        rc = ctl_print_tree(status, c->output);
    } else {
        ctl_status_table(status, &out);
        rc = ctl_puts(out.data, out.len);
    }
    bool late = c->flags[CTL_FLAG_WAIT] && !ctl_true(status, "ready", NULL);
    if (late) {
        fprintf(stderr, "seinectl: not ready: %s\n", ctl_text(status, "reason", NULL));
    }
    cJSON_Delete(status);
    return rc ? rc : late ? CTL_FAILED : CTL_DONE;
}

/* ---- sync, recompute ---- */
int ctl_sync(struct ctl *c)
{
    auto_sbuf path = SBUF_INIT;
    struct err err = {0};
    cJSON *answer = NULL;
    const cJSON *line;
    sbuf_printf(&path, "/v1/sync?timeout=%ums", (unsigned)c->wait_ms);
    struct ctl_request r = {"POST", path.data, c->wait_ms};
    if (ctl_ask_json(c, &r, &answer, &err) < 0) {
        return ctl_fail(&err);
    }
    bool synced = ctl_true(answer, "synced", NULL);
    int rc = ctl_is_tree(c) ? ctl_print_tree(answer, c->output) : CTL_DONE;
    cJSON_ArrayForEach(line, ctl_at(answer, "missing", NULL)) {
        fprintf(stderr, "seinectl: not synced: %s\n", cJSON_GetStringValue(line));
    }
    cJSON_Delete(answer);
    return rc ? rc : synced ? CTL_DONE : CTL_FAILED;
}

int ctl_recompute(struct ctl *c)
{
    struct err err = {0};
    cJSON *answer = NULL;
    struct ctl_request r = {"POST", "/v1/recompute", 0};
    if (ctl_ask_json(c, &r, &answer, &err) < 0) {
        return ctl_fail(&err);
    }
    double n = ctl_number(answer, "differences", NULL);
    int rc;
    if (ctl_is_tree(c)) {
        rc = ctl_print_tree(answer, c->output);
    } else {
        auto_sbuf out = SBUF_INIT;
        sbuf_printf(&out, "differences: %.0f\n%s", n, ctl_text(answer, "report", NULL));
        rc = ctl_puts(out.data, out.len);
    }
    cJSON_Delete(answer);
    return rc ? rc : n > 0 ? CTL_FAILED : CTL_DONE;
}

/* ---- get ---- */
static const struct ctl_column ctl_pod_columns[] = {{"NAMESPACE", "namespace", false},
                                                    {"NAME", "name", false},
                                                    {"NODE", "node", false},
                                                    {"LOCAL", "local", false},
                                                    {"ADDRESSES", "addresses", false},
                                                    {"INTERFACE", "interface", false},
                                                    {"PORT", "ofPort", false},
                                                    {"MAC", "mac", true},
                                                    {"CONTAINER", "containerID", true},
                                                    {"UID", "uid", true},
                                                    {"LABELS", "labels", true},
                                                    {NULL, NULL, false}};
static const struct ctl_column ctl_node_columns[] = {{"NAME", "name", false},
                                                     {"LOCAL", "local", false},
                                                     {"PODCIDRS", "podCIDRs", false},
                                                     {"ADDRESSES", "addresses", false},
                                                     {"TUNNEL", "tunnel", false},
                                                     {"OS", "os", true},
                                                     {NULL, NULL, false}};
static const struct ctl_column ctl_policy_columns[] = {{"NAMESPACE", "namespace", false},
                                                       {"NAME", "name", false},
                                                       {"INGRESS", "ingress", false},
                                                       {"EGRESS", "egress", false},
                                                       {"RULES", "rules", false},
                                                       {"APPLIED-TO", "appliedTo", false},
                                                       {NULL, NULL, false}};
static const struct ctl_column ctl_rule_columns[] = {{"CONJUNCTION", "conjunction", false},
                                                     {"DIRECTION", "direction", false},
                                                     {"PORTS", "ports", false},
                                                     {"PEERS", "peers", false},
                                                     {"POLICIES", "policies", false},
                                                     {"ID", "id", true},
                                                     {NULL, NULL, false}};
static const struct ctl_column ctl_service_columns[] = {{"NAMESPACE", "namespace", false},
                                                        {"NAME", "name", false},
                                                        {"TYPE", "type", false},
                                                        {"CLUSTER-IPS", "clusterIPs", false},
                                                        {"PORTS", "ports", false},
                                                        {"ENDPOINTS", "endpoints", false},
                                                        {NULL, NULL, false}};
static const struct ctl_column ctl_endpoint_columns[] = {{"NAMESPACE", "namespace", false},
                                                         {"SERVICE", "service", false},
                                                         {"CLUSTER-IP", "clusterIP", false},
                                                         {"PORT", "port", false},
                                                         {"ADDRESS", "address", false},
                                                         {"TARGET-PORT", "targetPort", false},
                                                         {NULL, NULL, false}};

static const struct {
    const char *name, *kind;
    const struct ctl_column *columns; /* NULL: text, one a line */
} ctl_gets[] = {
    {"pods", "PodList", ctl_pod_columns},
    {"nodes", "NodeList", ctl_node_columns},
    {"policies", "NetworkPolicyList", ctl_policy_columns},
    {"rules", "RuleList", ctl_rule_columns},
    {"services", "ServiceList", ctl_service_columns},
    {"endpoints", "EndpointList", ctl_endpoint_columns},
    {"flows", "FlowList", NULL},
    {"groups", "GroupList", NULL},
    {"meters", "MeterList", NULL},
    {"acls", "AclList", NULL},
};
const char *const ctl_lists[] = {"pods",  "nodes",  "policies", "rules", "services", "endpoints",
                                 "flows", "groups", "meters",   "acls",  NULL};

static size_t ctl_get_find(const char *name)
{
    size_t i = 0;
    while (i < ARRAY_LEN(ctl_gets) && strcmp(ctl_gets[i].name, name) != 0) {
        i++;
    }
    return i;
}

int ctl_get_check(struct ctl *c, struct err *err)
{
    static const enum ctl_flag text_only[] = {CTL_FLAG_DESIRED, CTL_FLAG_INSTALLED,
                                              CTL_FLAG_EXPLAIN, CTL_FLAG_TABLE};
    size_t i = ctl_get_find(c->operands[0]);
    if (i == ARRAY_LEN(ctl_gets)) {
        return err_set(err, ERR_INVALID, "get: '%s' is none of %s", c->operands[0],
                       c->command->operands);
    }
    for (size_t f = 0; f < ARRAY_LEN(text_only); f++) {
        bool fits = text_only[f] == CTL_FLAG_TABLE     ? strcmp(c->operands[0], "flows") == 0
                    : text_only[f] == CTL_FLAG_EXPLAIN ? strcmp(c->operands[0], "acls") != 0
                                                       : true;
        fits = fits && !ctl_gets[i].columns;
        if (c->flags[text_only[f]] && !fits) {
            return err_set(err, ERR_INVALID, "--%s: not a flag of get %s",
                           ctl_flags[text_only[f]].name, c->operands[0]);
        }
    }
    if (c->flags[CTL_FLAG_ALL] && strcmp(c->operands[0], "pods") != 0) {
        return err_set(err, ERR_INVALID, "--all: not a flag of get %s", c->operands[0]);
    }
    if (c->flags[CTL_FLAG_DESIRED] && c->flags[CTL_FLAG_INSTALLED]) {
        return err_set(err, ERR_INVALID, "--installed: not together with --desired");
    }
    return 0;
}

static int ctl_get_list(struct ctl *c, const char *path, const struct ctl_column *columns)
{
    struct err err = {0};
    cJSON *list = NULL;
    auto_sbuf out = SBUF_INIT;
    struct ctl_request r = {"GET", path, 0};
    if (ctl_ask_json(c, &r, &list, &err) < 0) {
        return ctl_fail(&err);
    }
    int rc;
    if (ctl_is_tree(c)) {
        rc = ctl_print_tree(list, c->output);
    } else {
        ctl_table(ctl_at(list, "items", NULL), columns, c->output == CTL_WIDE, &out);
        rc = ctl_puts(out.data, out.len);
    }
    cJSON_Delete(list);
    return rc;
}

/* Lines as a list in kubectl's shape, without headings; explained ones "TEXT # UNIT, UNIT" taken
 * apart. */
static cJSON *ctl_lines_tree(char *text, const char *kind)
{
    cJSON *list = cJSON_CreateObject();
    cJSON_AddStringToObject(list, "apiVersion", "seine.dev/v1");
    cJSON_AddStringToObject(list, "kind", kind);
    cJSON *items = cJSON_AddArrayToObject(list, "items");
    for (char *line = text, *end; line && (end = strchr(line, '\n')); line = end + 1) {
        *end = 0;
        if (strcmp(line, "# acls") == 0 || strcmp(line, "# sets") == 0) {
            continue;
        }
        char *units = strstr(line, " # ");
        cJSON *item = cJSON_CreateObject();
        if (units) {
            *units = 0;
        }
        cJSON_AddStringToObject(item, "text", line);
        if (units) {
            cJSON_AddStringToObject(item, "units", units + 3);
        }
        cJSON_AddItemToArray(items, item);
    }
    return list;
}

static int ctl_get_lines(struct ctl *c, const char *path, const char *kind)
{
    auto_sbuf body = SBUF_INIT;
    struct err err = {0};
    struct ctl_request r = {"GET", path, 0};
    if (ctl_ask(c, &r, &body, &err) < 0) {
        return ctl_fail(&err);
    }
    if (!ctl_is_tree(c)) {
        return ctl_puts(sbuf_cstr(&body), body.len);
    }
    sbuf_cstr(&body);
    cJSON *list = ctl_lines_tree(body.data, kind);
    int rc = ctl_print_tree(list, c->output);
    cJSON_Delete(list);
    return rc;
}

int ctl_get(struct ctl *c)
{
    auto_sbuf path = SBUF_INIT;
    size_t i = ctl_get_find(c->operands[0]);
    sbuf_printf(&path, "/v1/get/%s?side=%s", ctl_gets[i].name,
                c->flags[CTL_FLAG_INSTALLED] ? "installed" : "desired");
    if (c->flags[CTL_FLAG_EXPLAIN]) {
        sbuf_puts(&path, "&explain=true");
    }
    if (c->flags[CTL_FLAG_ALL]) {
        sbuf_puts(&path, "&all=true");
    }
    if (c->flags[CTL_FLAG_TABLE]) {
        sbuf_puts(&path, "&table=");
        ctl_put_query(&path, c->flags[CTL_FLAG_TABLE]);
    }
    return ctl_gets[i].columns ? ctl_get_list(c, path.data, ctl_gets[i].columns)
                               : ctl_get_lines(c, path.data, ctl_gets[i].kind);
}

/* ---- why ---- */
/* "PORT", "PORT/PROTO" or "icmp" into '*port' and '*proto'. */
static bool ctl_why_port(const char *text, unsigned *port, const char **proto)
{
    static const char *const protos[] = {"tcp", "udp", "sctp"};
    unsigned n = 0;
    const char *p = text;
    if (strcmp(text, "icmp") == 0) {
        *port = 0;
        *proto = text;
        return true;
    }
    for (; *p >= '0' && *p <= '9' && n <= UINT16_MAX; p++) {
        n = n * 10 + (unsigned)(*p - '0');
    }
    if (p == text || n == 0 || n > UINT16_MAX || (*p && *p != '/')) {
        return false;
    }
    *port = n;
    *proto = *p ? p + 1 : "tcp";
    for (size_t i = 0; i < ARRAY_LEN(protos); i++) {
        if (strcmp(*proto, protos[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool ctl_why_party(const char *text)
{
    struct ip ip;
    const char *slash = strchr(text, '/');
    return ip_parse(text, &ip) || (slash && slash != text && slash[1] && !strchr(slash + 1, '/'));
}

int ctl_why_check(struct ctl *c, struct err *err)
{
    const char *family = c->flags[CTL_FLAG_FAMILY], *proto;
    unsigned port;
    for (size_t i = 0; i < 2; i++) {
        if (!ctl_why_party(c->operands[i])) {
            return err_set(err, ERR_INVALID, "why: '%s' is neither NAMESPACE/POD nor an address",
                           c->operands[i]);
        }
    }
    if (c->n_operands == 3 && !ctl_why_port(c->operands[2], &port, &proto)) {
        return err_set(err, ERR_INVALID, "why: '%s' is no PORT/PROTO (1 to 65535; tcp, udp, sctp)",
                       c->operands[2]);
    }
    if (family && strcmp(family, "4") != 0 && strcmp(family, "6") != 0) {
        return err_set(err, ERR_INVALID, "--family: '%s' is neither 4 nor 6", family);
    }
    return 0;
}

int ctl_why(struct ctl *c)
{
    auto_sbuf path = SBUF_INIT;
    struct err err = {0};
    cJSON *answer = NULL;
    unsigned port = 0;
    const char *proto = "icmp";
    if (c->n_operands == 3) {
        ctl_why_port(c->operands[2], &port, &proto);
    }
    sbuf_puts(&path, "/v1/why?src=");
    ctl_put_query(&path, c->operands[0]);
    sbuf_puts(&path, "&dst=");
    ctl_put_query(&path, c->operands[1]);
    sbuf_printf(&path, "&port=%u&proto=%s", port, proto);
    if (c->flags[CTL_FLAG_FAMILY]) {
        sbuf_printf(&path, "&family=%s", c->flags[CTL_FLAG_FAMILY]);
    }
    struct ctl_request r = {"GET", path.data, 0};
    if (ctl_ask_json(c, &r, &answer, &err) < 0) {
        return ctl_fail(&err);
    }
    const char *text = ctl_text(answer, "text", NULL);
    int rc = ctl_is_tree(c) ? ctl_print_tree(ctl_at(answer, "answer", NULL), c->output)
                            : ctl_puts(text, strlen(text));
    bool agree = ctl_true(answer, "agree", NULL);
    cJSON_Delete(answer);
    return rc ? rc : agree ? CTL_DONE : CTL_FAILED;
}

/* ---- what needs no agent ---- */
int ctl_pipeline(struct ctl *c)
{
    auto_sbuf out = SBUF_INIT;
    if (c->flags[CTL_FLAG_MARKDOWN]) {
        pipeline_docs(&out);
    } else {
        pipeline_print(&out);
    }
    return ctl_puts(sbuf_cstr(&out), out.len);
}

/* The agent's version too, where one answers. */
int ctl_version(struct ctl *c)
{
    struct err err = {0};
    cJSON *status = NULL, *versions = cJSON_CreateObject();
    struct ctl_request r = {"GET", "/v1/status", 0};
    bool asked = ctl_ask_json(c, &r, &status, &err) == 0;
    cJSON_AddStringToObject(versions, "client", version_text());
    if (asked) {
        cJSON_AddStringToObject(versions, "agent", ctl_text(status, "version", NULL));
        cJSON_AddStringToObject(versions, "ovs", ctl_text(status, "ovs", "version"));
    }
    int rc;
    if (ctl_is_tree(c)) {
        rc = ctl_print_tree(versions, c->output);
    } else {
        auto_sbuf out = SBUF_INIT;
        const cJSON *item;
        cJSON_ArrayForEach(item, versions) {
            sbuf_printf(&out, "%-8s%s\n", item->string, item->valuestring);
        }
        rc = ctl_puts(out.data, out.len);
    }
    cJSON_Delete(versions);
    cJSON_Delete(status);
    return rc;
}
