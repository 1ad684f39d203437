/* SPDX-License-Identifier: Apache-2.0
 *
 * Readiness, and requests that wait for it or for a sync.
 *
 * Ready: every source is complete, this node's own object with a podCIDR is there, the switch and
 * the node's stack have acknowledged everything derived, once since the connection stands.  What
 * comes later is not counted: readiness does not flicker with each change. */
#include "core/agent/agent_internal.h"

#include <stdio.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"

enum { WAIT_LINE_MAX = 20 }; /* so many bad documents are listed */

struct wait {
    struct wait *next, **link;
    struct agent *a;
    struct http_exchange *x;
    struct loop_timer *timer;
    bool sync;    /* else for readiness */
    bool reading; /* the source is being read again */
    bool expired;
    uint64_t revision;
};

/* ---- readiness ---- */
/* Why the data plane is not there, "" if it is. */
static void wait_plane(struct agent *a, struct sbuf *out)
{
    if (a->acl) {
        agent_acl_why(a, out);
        return;
    }
    struct switchdb_status db = switchdb_status(a->db);
    if (db.state != SWITCHDB_READY) {
        sbuf_printf(out, "OVSDB: %s", *db.error ? db.error : "not ready");
    } else if (!flow_target_is_connected(a->target)) {
        sbuf_printf(out, "OpenFlow: %s", *a->disconnected ? a->disconnected : "not connected");
    }
}

/* What the source is missing, "" if nothing is. */
static void wait_source(struct agent *a, struct sbuf *out)
{
    if (!agent_source_is_complete(a)) {
        sbuf_printf(out, "source %s: %s", a->source_class->name,
                    a->gate == AGENT_GATE_KEEP ? "its cache is in force: " : "");
        a->source_class->why(a->source, out);
    }
}

/* The first thing besides that is missing, "" if nothing is. */
static void wait_rest(struct agent *a, struct sbuf *out)
{
    const struct node *own = agent_own_node(a);
    auto_sbuf uplink = SBUF_INIT;
    auto_sbuf plane = SBUF_INIT;
    wait_plane(a, &plane);
    agent_uplink_why(a, &uplink);
    if (!own || agent_own_node_is_kept(a)) {
        sbuf_printf(out, "no Node object %s", a->o->node_name);
    } else if (!own->n_pod_cidrs) {
        sbuf_printf(out, "Node %s has no podCIDR (spec.podCIDRs)", a->o->node_name);
    } else if (*agent_hns_why(a)) {
        sbuf_puts(out, agent_hns_why(a));
    } else if (uplink.len) {
        sbuf_puts(out, uplink.data);
    } else if (plane.len) {
        sbuf_puts(out, plane.data);
    } else if (!attach_serves(a->attach)) {
        sbuf_puts(out, "the records of attached Pods are not read yet");
    } else if (!a->flows_whole) {
        sbuf_printf(out, "the switch has not acknowledged everything%s%s", *a->refused ? ": " : "",
                    a->refused);
    } else if (!host_mtu(a) || *host_error(a)) {
        sbuf_printf(out, "host: %s", *host_error(a) ? host_error(a) : "not set up yet");
    } else if (!host_is_whole(a)) {
        sbuf_puts(out, "host: routes and masquerade are not set yet");
    } else if (*agent_files_why(a)) {
        sbuf_printf(out, "--cni-config: %s", agent_files_why(a));
    }
}

/* The first thing that is missing, "" if nothing is. */
static void wait_reason(struct agent *a, struct sbuf *out)
{
    wait_source(a, out);
    if (!out->len) {
        wait_rest(a, out);
    }
}

static void wait_tell(struct agent *a, bool ready, const char *why)
{
    double seconds = (double)(loop_now_ns() - a->started_ns) / 1e9;
    if (ready) {
        log_msg(LOG_AREA_AGENT, LOG_INFO, "ready (%.3f s after the start)", seconds);
        agent_source_ready(a);
    } else {
        log_msg(LOG_AREA_AGENT, LOG_WARN, "not ready: %s", why);
    }
}

static void wait_ready(struct agent *a)
{
    auto_sbuf why = SBUF_INIT;
    auto_sbuf rest = SBUF_INIT;
    wait_source(a, &why);
    wait_rest(a, &rest);
    bool serves = rest.len == 0 && a->gate != AGENT_GATE_SHUT;
    sbuf_puts(&why, why.len ? "" : sbuf_cstr(&rest));
    bool ready = why.len == 0;
    bool told = ready != a->ready || serves != a->serves || strcmp(a->why, sbuf_cstr(&why)) != 0;
    if (ready != a->ready) {
        wait_tell(a, ready, sbuf_cstr(&why));
    }
    a->ready = ready;
    a->serves = serves;
    snprintf(a->why, sizeof a->why, "%s", sbuf_cstr(&why));
    if (told) {
        attach_node_changed(a->attach);
    }
    if (ready || *agent_files_why(a)) {
        agent_files_place(a);
    }
}

/* ---- who waits ---- */
static void wait_free(struct wait *w)
{
    *w->link = w->next;
    if (w->next) {
        w->next->link = w->link;
    }
    loop_timer_free(w->timer);
    mem_free(w);
}

static void wait_read(void *aux)
{
    struct wait *w = aux;
    w->reading = false;
    w->revision = store_revision(w->a->store);
    agent_changed(w->a);
}

static void wait_abandoned(void *aux)
{
    struct wait *w = aux;
    if (w->reading) {
        w->a->source_class->sync_cancel(w->a->source, wait_read, w);
    }
    wait_free(w);
}

static void wait_expired(void *aux)
{
    struct wait *w = aux;
    w->expired = true;
    wait_look(w->a);
}

void wait_missing(struct agent *a, uint64_t revision, struct sbuf *out)
{
    auto_sbuf why = SBUF_INIT;
    wait_reason(a, &why);
    if (why.len) {
        sbuf_printf(out, "%s\n", why.data);
    } else if (a->acked_revision < revision) {
        sbuf_printf(out, "the switch has not acknowledged everything%s%s\n",
                    *a->refused ? ": " : "", a->refused);
    }
    if (!host_is_settled(a)) {
        sbuf_printf(out, "host: %s\n", *host_error(a) ? host_error(a) : "routes are being set");
    }
}

struct wait_errors {
    struct sbuf *out;
    size_t n;
};

static void wait_error(void *aux, const char *text)
{
    struct wait_errors *e = aux;
    if (e->n++ < WAIT_LINE_MAX) {
        sbuf_printf(e->out, "%s\n", text);
    }
}

static void wait_source_errors(struct agent *a, struct sbuf *out)
{
    struct wait_errors e = {.out = out};
    a->source_class->errors(a->source, wait_error, &e);
    if (e.n > WAIT_LINE_MAX) {
        sbuf_printf(out, "%zu more bad documents\n", e.n - (size_t)WAIT_LINE_MAX);
    }
}

/* {"synced": BOOL, "missing": [LINE...]} */
static void wait_answer_sync(struct wait *w, struct sbuf *missing)
{
    struct sbuf body = SBUF_INIT;
    wait_source_errors(w->a, missing);
    if (w->reading) {
        w->a->source_class->sync_why(w->a->source, missing);
        sbuf_putc(missing, '\n');
    }
    sbuf_printf(&body, "{\"synced\":%s,\"missing\":[", missing->len ? "false" : "true");
    char *line = missing->len ? missing->data : NULL;
    for (bool first = true; line && *line; first = false) {
        char *end = strchr(line, '\n');
        *end = 0;
        sbuf_puts(&body, first ? "" : ",");
        sbuf_put_json(&body, line);
        line = end + 1;
    }
    sbuf_puts(&body, "]}\n");
    http_answer(w->x, 200, "application/json", &body);
}

static void wait_answer(struct wait *w, struct sbuf *missing)
{
    if (w->sync) {
        wait_answer_sync(w, missing);
    } else {
        struct sbuf body = SBUF_INIT;
        api_status_format(w->a, &body);
        http_answer(w->x, 200, "application/json", &body);
    }
    if (w->reading) { /* only now: what it waits for was told above */
        w->a->source_class->sync_cancel(w->a->source, wait_read, w);
    }
    wait_free(w);
}

static bool wait_is_over(struct wait *w, struct sbuf *missing)
{
    if (!w->sync) {
        return w->expired || w->a->ready;
    }
    if (!w->reading) {
        wait_missing(w->a, w->revision, missing);
    }
    return w->expired || (!w->reading && missing->len == 0);
}

void wait_look(struct agent *a)
{
    wait_ready(a);
    for (struct wait *w = a->waits, *next; w; w = next) {
        auto_sbuf missing = SBUF_INIT;
        next = w->next;
        if (wait_is_over(w, &missing)) {
            wait_answer(w, &missing);
        }
    }
}

static struct wait *wait_new(struct agent *a, struct http_exchange *x, uint32_t timeout_ms)
{
    struct wait *w = mem_calloc(1, sizeof *w);
    w->a = a;
    w->x = x;
    w->timer = loop_limit_new(a->loop, wait_expired, w);
    w->next = a->waits;
    w->link = &a->waits;
    if (w->next) {
        w->next->link = &w->next;
    }
    a->waits = w;
    loop_timer_after(w->timer, timeout_ms);
    http_on_abandon(x, wait_abandoned, w);
    return w;
}

void wait_status(struct agent *a, struct http_exchange *x, uint32_t timeout_ms)
{
    wait_new(a, x, timeout_ms);
    wait_look(a);
}

void wait_sync(struct agent *a, struct http_exchange *x, uint32_t timeout_ms)
{
    struct wait *w = wait_new(a, x, timeout_ms);
    w->sync = true;
    w->reading = true;
    a->source_class->sync(a->source, wait_read, w);
}

void wait_end(struct agent *a)
{
    while (a->waits) {
        if (a->waits->reading) {
            a->source_class->sync_cancel(a->source, wait_read, a->waits);
        }
        http_on_abandon(a->waits->x, NULL, NULL); /* its server goes later than it */
        wait_free(a->waits);
    }
}
