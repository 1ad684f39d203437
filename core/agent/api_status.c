/* SPDX-License-Identifier: Apache-2.0
 *
 * What GET /v1/status and GET /metrics say. */
#include <inttypes.h>
#include <string.h>

#include "core/agent/agent_internal.h"
#include "core/base/mem.h"
#include "core/base/metrics.h"
#include "core/base/version.h"
#include "hns/acl.h"
#include "hns/client.h"

enum { STATUS_ERRORS_MAX = 100 };

struct status_errors {
    struct sbuf *out;
    size_t n;
};

static void status_error(void *aux, const char *text)
{
    struct status_errors *e = aux;
    if (e->n < STATUS_ERRORS_MAX) {
        sbuf_puts(e->out, e->n ? "," : "");
        sbuf_put_json(e->out, text);
    }
    e->n++;
}

static void status_sources(struct agent *a, struct sbuf *out)
{
    struct agent_source_state state;
    struct status_errors errors = {.out = out};
    agent_source_look(a, &state);
    sbuf_printf(out, "\"sources\":[{\"name\":\"%s\",\"complete\":%s,\"completeAfterSeconds\":",
                a->source_class->name, state.complete ? "true" : "false");
    if (a->complete_ns) {
        sbuf_printf(out, "%.6f", (double)(a->complete_ns - a->started_ns) / 1e9);
    } else {
        sbuf_puts(out, "null");
    }
    sbuf_printf(out, ",\"cached\":%s,\"stale\":%s", state.cached ? "true" : "false",
                state.stale ? "true" : "false");
    if (state.stale) {
        sbuf_printf(out, ",\"staleSeconds\":%.3f", state.stale_s);
    }
    sbuf_puts(out, ",\"errors\":[");
    a->source_class->errors(a->source, status_error, &errors);
    if (a->source_class->troubles) {
        a->source_class->troubles(a->source, status_error, &errors);
    }
    sbuf_puts(out, "]}],");
}

static void status_space(struct agent *a, const char *name, int space, struct sbuf *out)
{
    struct engine_counts c = engine_counts(a->engine, space);
    sbuf_printf(out, "\"%s\":{\"desired\":%zu,\"installed\":%zu", name, c.desired, c.installed);
    if (c.refused) {
        sbuf_printf(out, ",\"refused\":%zu", c.refused);
    }
    sbuf_puts(out, "},");
}

static void status_failures(struct agent *a, struct sbuf *out)
{
    struct arena arena;
    arena_init(&arena, 0);
    size_t n = 0;
    const struct engine_failure *f = engine_failures(a->engine, &arena, &n);
    sbuf_puts(out, "\"failures\":[");
    for (size_t i = 0; i < n && i < STATUS_ERRORS_MAX; i++) {
        sbuf_printf(out, "%s{\"unit\":", i ? "," : "");
        sbuf_put_json(out, arena_printf(&arena, "%s/%s", f[i].kind, f[i].key));
        sbuf_puts(out, ",\"reason\":");
        sbuf_put_json(out, f[i].reason);
        sbuf_putc(out, '}');
    }
    sbuf_puts(out, "],");
    arena_done(&arena);
}

/* What access lists cannot say, a line each. */
static void status_unsaid(struct agent *a, struct sbuf *out)
{
    auto_sbuf text = SBUF_INIT;
    acl_print_unsaid(a->engine, &text);
    sbuf_cstr(&text);
    sbuf_puts(out, "\"unsaid\":[");
    for (char *line = text.data, *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = 0;
        sbuf_puts(out, line == text.data ? "" : ",");
        sbuf_put_json(out, line);
    }
    sbuf_puts(out, "],");
}

static void status_switch(struct agent *a, struct sbuf *out)
{
    if (a->acl) {
        status_space(a, "acls", SPACE_ACL, out);
        status_unsaid(a, out);
        sbuf_puts(out, "\"ovs\":{\"version\":\"\",\"datapathType\":\"hns\",\"connected\":false},");
        return;
    }
    const struct flow_target_counters *c = flow_target_counters(a->target);
    struct switchdb_status db = switchdb_status(a->db);
    sbuf_printf(out,
                "\"bundles\":{\"committed\":%" PRIu64 ",\"refused\":%" PRIu64
                ",\"unknown\":%" PRIu64 "},",
                c->committed, c->refused, c->unknown);
    sbuf_printf(out,
                "\"messages\":{\"flowMods\":%" PRIu64 ",\"groupMods\":%" PRIu64
                ",\"meterMods\":%" PRIu64 "},",
                c->flow_mods, c->group_mods, c->meter_mods);
    sbuf_puts(out, "\"ovs\":{\"version\":");
    sbuf_put_json(out, agent_switch_version(a));
    sbuf_puts(out, ",\"datapathType\":");
    sbuf_put_json(out, db.datapath_type);
    bool connected = db.connected && flow_target_is_connected(a->target);
    sbuf_printf(out, ",\"connected\":%s},", connected ? "true" : "false");
}

static void status_uplink(struct agent *a, struct sbuf *out)
{
    const struct uplink_report *r = agent_uplink_report(a);
    sbuf_puts(out, "\"uplink\":{\"state\":");
    sbuf_put_json(out, r ? uplink_state_name(r->state) : "deciding");
    sbuf_puts(out, ",\"step\":");
    sbuf_put_json(out, r ? r->step : "");
    sbuf_puts(out, ",\"adapter\":");
    sbuf_put_json(out, r ? r->adapter : "");
    sbuf_puts(out, ",\"error\":");
    sbuf_put_json(out, r ? r->error : "");
    sbuf_puts(out, "},");
}

void api_status_format(struct agent *a, struct sbuf *out)
{
    sbuf_printf(out, "{\"ready\":%s,\"version\":\"%s\",\"node\":", a->ready ? "true" : "false",
                version_text());
    sbuf_put_json(out, a->o->node_name);
    sbuf_puts(out, ",\"reason\":");
    sbuf_put_json(out, a->why);
    sbuf_putc(out, ',');
    status_sources(a, out);
    status_space(a, "flows", SPACE_FLOW, out);
    status_space(a, "groups", SPACE_GROUP, out);
    status_space(a, "meters", SPACE_METER, out);
    status_switch(a, out);
    status_failures(a, out);
    if (a->hns) {
        sbuf_printf(out, "\"hns\":\"%s\",", agent_hns_name(a));
    }
    status_uplink(a, out);
    sbuf_puts(out, "\"cni\":");
    agent_files_status(a, out);
    sbuf_putc(out, ',');
    sbuf_printf(out, "\"host\":{\"error\":");
    sbuf_put_json(out, host_error(a));
    sbuf_printf(out, ",\"podMTU\":%" PRIu32 "},\"pods\":{\"attached\":%zu},", host_mtu(a),
                attach_count(a->attach));
    sbuf_printf(out, "\"recompute\":{\"runs\":%" PRIu64 ",\"differences\":%" PRIu64 "}}\n",
                a->recompute_runs, a->recompute_differences);
}

/* ---- metrics: what is counted elsewhere is read when asked for ---- */
static void metrics_spaces(struct agent *a)
{
    static const struct {
        int space;
        const char *name;
    } spaces[] = {{SPACE_FLOW, "flow"},
                  {SPACE_GROUP, "group"},
                  {SPACE_METER, "meter"},
                  {SPACE_ROUTE, "route"},
                  {SPACE_HOSTNAT, "hostnat"}};
    for (size_t i = 0; i < ARRAY_LEN(spaces); i++) {
        struct engine_counts c = engine_counts(a->engine, spaces[i].space);
        metric_count(METRIC_CONFLICTS, spaces[i].name, (double)c.conflicts);
    }
    struct engine_counts flows = engine_counts(a->engine, SPACE_FLOW);
    metric_set(METRIC_FLOWS, "desired", NULL, (double)flows.desired);
    metric_set(METRIC_FLOWS, "installed", NULL, (double)flows.installed);
}

static void metrics_hns(struct agent *a)
{
    struct hns_client *h = agent_hns_client(a);
    for (int i = 0; h && i < HNS_N_ENDS; i++) {
        metric_count(METRIC_HNS_CALLS, hns_end_name((enum hns_end)i), atomic_load(&h->ends[i]));
    }
    metric_set(METRIC_HNS_IN_FLIGHT, NULL, NULL, h ? atomic_load(&h->in_flight) : 0);
}

void api_metrics_format(struct agent *a, struct sbuf *out)
{
    a->source_class->metrics(a->source);
    metrics_spaces(a);
    metrics_hns(a);
    agent_files_metrics(a);
    if (a->target) {
        const struct flow_target_counters *c = flow_target_counters(a->target);
        metric_count(METRIC_FLOW_MODS, NULL, (double)c->flow_mods);
        metric_count(METRIC_BUNDLES, "committed", (double)c->committed);
        metric_count(METRIC_BUNDLES, "refused", (double)c->refused);
        metric_count(METRIC_BUNDLES, "unknown", (double)c->unknown);
    }
    metrics_format(out);
}
