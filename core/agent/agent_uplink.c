/* SPDX-License-Identifier: Apache-2.0
 *
 * The uplink: hns/uplink.h's sequence on the work queue, one run at a time, and what it asks of the
 * switch done on the loop.  A run is due when the sequence says so, when the switch changed, and
 * from time to time.  Once that is settled, the NIC of the gateway port is seen to: Open vSwitch
 * has no such port before.
 *
 * On a system without HNS (--uplink is "none" there) none of this exists. */
#include "core/agent/agent_internal.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "core/agent/uplink_ops.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/io/work.h"
#include "core/pipeline/pipeline.h"
#include "platform/process.h"

enum { AGENT_UPLINK_BRIDGES = 32, AGENT_UPLINK_RETRY_MS = 1000 };

struct agent_uplink {
    struct agent *a;
    struct uplink *u;
    struct uplink_system system; /* the work thread's while busy */
    struct uplink_report report; /* of the last run */
    struct loop_timer *timer;
    bool busy, again, ended;
    bool ran;            /* once at least */
    struct err gateway;  /* of the gateway's NIC; code 0: it is there */
    bool gateway_looked; /* once at least since the uplink is settled */
};

/* What a run knows, copied. */
struct agent_uplink_job {
    struct agent_uplink *w;
    struct uplink_switch sw;
    char why[ERR_TEXT_MAX];
    char *bridges[AGENT_UPLINK_BRIDGES];
    int64_t now;
    struct uplink_report report;
    bool settled, gateway_made;
    struct err gateway;
};

/* ---- on the work thread ---- */
static void agent_uplink_run(void *aux)
{
    struct agent_uplink_job *job = aux;
    uplink_run(job->w->u, job->now, &job->sw, &job->report);
    bool taken = job->report.state == UPLINK_TAKEN;
    job->settled = taken || job->report.state == UPLINK_NONE;
    if (job->settled &&
        uplink_system_gateway(&job->w->system, taken, &job->gateway_made, &job->gateway) == 0) {
        job->gateway.code = 0;
    }
}

/* ---- what is known of the switch ---- */
static void agent_uplink_copy_bridges(struct agent *a, struct agent_uplink_job *job)
{
    const char *names[AGENT_UPLINK_BRIDGES];
    size_t n = switchdb_bridges(a->db, names, ARRAY_LEN(names));
    n = n < ARRAY_LEN(names) ? n : ARRAY_LEN(names);
    for (size_t i = 0; i < n; i++) {
        job->bridges[i] = mem_strdup(names[i]);
    }
    union {
        char **own;
        const char *const *in;
    } u = {job->bridges};
    job->sw.bridges = u.in;
    job->sw.n_bridges = n;
}

static void agent_uplink_copy_switch(struct agent *a, struct agent_uplink_job *job)
{
    struct switchdb_status s = switchdb_status(a->db);
    const struct row *row = store_get(a->store, TABLE_CONFIG, "");
    const struct node_config *config = row ? row->value : NULL;
    job->sw.known = s.state > SWITCHDB_READING;
    job->sw.alive = job->sw.known && s.taken_up;
    job->sw.has_port = s.has_uplink;
    job->sw.ofport = s.uplink_ofport;
    job->sw.flows = config && config->uplink_ofport && config->uplink_ofport == s.uplink_ofport &&
                    flow_target_early_done(a->target);
    snprintf(job->why, sizeof job->why, "%s",
             *s.error                              ? s.error
             : flow_target_is_connected(a->target) ? ""
                                                   : a->disconnected);
    job->sw.why = *job->why ? job->why : NULL;
    if (job->sw.known) {
        agent_uplink_copy_bridges(a, job);
    }
}

static void agent_uplink_copy_node(struct agent_uplink *w)
{
    const struct node *own = agent_own_node(w->a);
    struct uplink_system *s = &w->system;
    s->n_cidrs = s->n_node_ips = 0;
    for (size_t i = 0; own && i < own->n_pod_cidrs && s->n_cidrs < ARRAY_LEN(s->cidrs); i++) {
        s->cidrs[s->n_cidrs++] = own->pod_cidrs[i];
    }
    for (size_t i = 0; own && i < own->n_internal_ips && s->n_node_ips < ARRAY_LEN(s->node_ips);
         i++) {
        s->node_ips[s->n_node_ips++] = own->internal_ips[i];
    }
    uplink_set_node_ips(w->u, s->node_ips, s->n_node_ips);
}

/* ---- what a run asks for ---- */
static void agent_uplink_port_gone(void *aux, const struct err *err)
{
    struct agent *a = aux;
    if (err->code && err->code != ERR_CLOSED) {
        log_msg(LOG_AREA_HOST, LOG_WARN, "uplink: its port: %s", err->text);
    }
    agent_uplink_look(a);
}

static void agent_uplink_port(struct agent_uplink *w)
{
    struct agent *a = w->a;
    const char *adapter = w->report.adapter;
    if (w->report.port == UPLINK_PORT_ADD) {
        switchdb_set_uplink(a->db, adapter);
    } else if (w->report.port == UPLINK_PORT_REMOVE) {
        switchdb_set_uplink(a->db, NULL);
        if (switchdb_status(a->db).has_uplink) {
            switchdb_port_del(a->db, &adapter, 1, agent_uplink_port_gone, a);
        }
    }
}

static void agent_uplink_tell(struct agent_uplink *w, const struct uplink_report *r)
{
    const struct uplink_report *old = &w->report;
    bool same = w->ran && r->state == old->state && strcmp(r->step, old->step) == 0 &&
                strcmp(r->error, old->error) == 0;
    if (same) {
        return;
    }
    log_msg(LOG_AREA_HOST, r->state == UPLINK_FAILED ? LOG_ERROR : LOG_INFO,
            "uplink%s%s: %s%s%s%s%s", *r->adapter ? " " : "", r->adapter,
            uplink_state_name(r->state), *r->step ? ", step " : "", r->step, *r->error ? ": " : "",
            r->error);
}

static void agent_uplink_take_gateway(struct agent_uplink *w, const struct agent_uplink_job *job)
{
    if (job->settled && job->gateway.code && strcmp(w->gateway.text, job->gateway.text) != 0) {
        log_msg(LOG_AREA_HOST, LOG_INFO, "%s", job->gateway.text);
    }
    w->gateway_looked = job->settled;
    w->gateway = job->gateway;
    if (job->gateway_made) {
        switchdb_ask_again(w->a->db); /* the port's NIC is there now */
    }
    if (job->gateway.code && !w->report.again_ms) {
        w->report.again_ms = AGENT_UPLINK_RETRY_MS;
    }
}

static void agent_uplink_take(struct agent_uplink *w, const struct agent_uplink_job *job)
{
    bool moved = !w->ran || job->report.state != w->report.state;
    agent_uplink_tell(w, &job->report);
    w->report = job->report;
    w->ran = true;
    agent_uplink_take_gateway(w, job);
    switchdb_hold_datapath(w->a->db, w->report.hold_datapath);
    agent_uplink_port(w);
    if (strcmp(w->report.step, "flows") == 0 && !switchdb_status(w->a->db).uplink_ofport) {
        switchdb_ask_again(w->a->db); /* the virtual switch is there now */
    }
    if (w->report.again_ms) {
        loop_timer_after(w->timer, w->report.again_ms);
    }
    if (moved) {
        host_reread(w->a);
    }
}

/* ---- runs ---- */
static void agent_uplink_free(struct agent_uplink *w)
{
    uplink_free(w->u);
    uplink_system_done(&w->system);
    mem_free(w);
}

static void agent_uplink_done(void *aux)
{
    struct agent_uplink_job *job = aux;
    struct agent_uplink *w = job->w;
    w->busy = false;
    if (w->ended) {
        agent_uplink_free(w);
    } else {
        agent_uplink_take(w, job);
        agent_progress(w->a);
        if (w->again) {
            agent_uplink_look(w->a);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(job->bridges); i++) {
        mem_free(job->bridges[i]);
    }
    mem_free(job);
}

void agent_uplink_look(struct agent *a)
{
    struct agent_uplink *w = a->uplink;
    if (!w || a->stopping || !a->db) {
        return;
    }
    if (w->busy) {
        w->again = true;
        return;
    }
    struct agent_uplink_job *job = mem_calloc(1, sizeof *job);
    job->w = w;
    job->now = loop_now(a->loop);
    w->busy = true;
    w->again = false;
    loop_timer_cancel(w->timer);
    agent_uplink_copy_switch(a, job);
    agent_uplink_copy_node(w);
    work_submit(a->loop, agent_uplink_run, agent_uplink_done, job);
}

static void agent_uplink_due(void *aux)
{
    struct agent_uplink *w = aux;
    agent_uplink_look(w->a);
}

/* ---- life ---- */
void agent_uplink_start(struct agent *a)
{
    bool none = strcmp(a->o->uplink, "none") == 0;
    if (strcmp(process_platform(), "windows") != 0) {
        return;
    }
    struct agent_uplink *w = mem_calloc(1, sizeof *w);
    struct uplink_ops ops;
    w->a = a;
    w->timer = loop_timer_new(a->loop, agent_uplink_due, w);
    w->report.state = UPLINK_DECIDING;
    w->report.hold_datapath = !none;
    uplink_system_init(&w->system, a->o->run_dir, &ops);
    w->system.gateway = a->o->gateway;
    w->system.gateway_mac = mac_from_name("gateway", a->o->node_name);
    w->u =
        uplink_new(&(struct uplink_config){.choice = a->o->uplink, .bridge = a->o->bridge}, &ops);
    a->uplink = w;
    switchdb_hold_datapath(a->db, w->report.hold_datapath);
    agent_uplink_look(a);
}

void agent_uplink_end(struct agent *a)
{
    struct agent_uplink *w = a->uplink;
    if (!w) {
        return;
    }
    a->uplink = NULL;
    loop_timer_free(w->timer);
    atomic_store(&w->system.stopping, true);
    w->ended = true;
    if (!w->busy) {
        agent_uplink_free(w);
    }
}

const struct uplink_report *agent_uplink_report(const struct agent *a)
{
    static const struct uplink_report none = {.state = UPLINK_NONE, .step = ""};
    return a->uplink && a->uplink->ran ? &a->uplink->report : a->uplink ? NULL : &none;
}

void agent_uplink_why(const struct agent *a, struct sbuf *out)
{
    const struct agent_uplink *w = a->uplink;
    if (!w) {
        return;
    }
    if (!w->ran) {
        sbuf_puts(out, "uplink: not looked at yet");
    } else if (w->report.state != UPLINK_NONE && w->report.state != UPLINK_TAKEN) {
        const char *step = w->report.step, *error = w->report.error;
        sbuf_printf(out, "uplink: %s%s%s%s%s", uplink_state_name(w->report.state), *step ? " " : "",
                    step, *error ? ": " : "", error);
    } else if (w->gateway.code || !w->gateway_looked) {
        sbuf_puts(out, w->gateway.code ? w->gateway.text : "gateway's NIC: not looked at yet");
    }
}
