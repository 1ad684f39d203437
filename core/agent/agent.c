/* SPDX-License-Identifier: Apache-2.0
 *
 * The agent's life: lock, parts, loop, end; and its pulse: input changed -> derive, in slices ->
 * plans to the targets -> acknowledged -> who waits is told. */
#include "core/agent/agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/agent/agent_internal.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/metrics.h"
#include "core/io/work.h"
#include "core/pipeline/world.h"
#include "platform/ipc.h"
#include "platform/process.h"
#include "platform/service.h"

enum {
    AGENT_SLICE = 2000,    /* units derived in one turn of the loop */
    AGENT_DRAIN_MS = 1000, /* so long the end waits for calls of the system, of 2 s in all */
    AGENT_TURN_MS = 50,
};

/* ---- progress ---- */
/* Of the switch, or of access lists. */
static bool agent_in_sync(const struct agent *a)
{
    return a->acl ? agent_acl_in_sync(a) : flow_target_in_sync(a->target);
}

static bool agent_is_connected(const struct agent *a)
{
    return a->acl ? agent_acl_is_up(a) : flow_target_is_connected(a->target);
}

static void agent_poke_target(struct agent *a)
{
    if (a->acl) {
        agent_acl_look(a);
    } else {
        flow_target_poke(a->target);
    }
}

static void agent_gate(struct agent *a)
{
    if (a->acl) {
        agent_acl_gate(a);
    } else {
        agent_switch_gate(a);
    }
}

static bool agent_mark_is_acked(const struct agent *a)
{
    static const int flows[] = {SPACE_FLOW, SPACE_GROUP, SPACE_METER};
    static const int lists[] = {SPACE_ACL_SET, SPACE_ACL};
    const int *spaces = a->acl ? lists : flows;
    if (!a->flows_whole && !agent_in_sync(a)) {
        return false;
    }
    for (size_t i = 0; i < (a->acl ? ARRAY_LEN(lists) : ARRAY_LEN(flows)); i++) {
        if (engine_counts(a->engine, spaces[i]).refused ||
            (!engine_in_sync(a->engine, spaces[i]) &&
             engine_acked(a->engine, spaces[i]) < a->mark.generation[spaces[i]])) {
            return false;
        }
    }
    return true;
}

static void agent_mark_set(struct agent *a)
{
    a->mark = (struct agent_mark){
        .set = true, .revision = store_revision(a->store), .since_ns = a->changed_ns};
    for (int i = 0; i < SPACE_N; i++) {
        a->mark.generation[i] = engine_generation(a->engine, i);
    }
    a->changed_ns = 0;
}

static void agent_mark_acked(struct agent *a)
{
    a->acked_revision = a->mark.revision;
    a->mark.set = false;
    if (a->mark.since_ns) {
        metric_observe(METRIC_SYNC_DURATION, NULL, NULL,
                       (double)(loop_now_ns() - a->mark.since_ns) / 1e9);
    }
}

/* What was derived and is acknowledged moves 'acked_revision' on. */
static void agent_look_acked(struct agent *a)
{
    uint64_t before = a->acked_revision;
    if (!a->gate || !agent_is_connected(a)) {
        return;
    }
    if (a->mark.set && agent_mark_is_acked(a)) {
        agent_mark_acked(a);
    }
    if (!a->mark.set && !engine_is_dirty(a->engine) &&
        (a->acked_revision < store_revision(a->store) || !a->flows_whole)) {
        agent_mark_set(a);
        if (agent_mark_is_acked(a)) {
            agent_mark_acked(a);
        }
    }
    if (!engine_is_dirty(a->engine)) {
        a->flows_whole = a->flows_whole || agent_in_sync(a);
        a->changed_ns = 0; /* what is left changed nothing, or is in the mark */
    }
    if (a->acked_revision != before) {
        attach_flows_changed(a->attach, a->acked_revision);
    }
}

void agent_progress(struct agent *a)
{
    if (a->stopping || (!a->db && !a->acl)) {
        return;
    }
    agent_gate(a);
    agent_acl_look(a);
    host_poke(a);
    agent_look_acked(a);
    wait_look(a);
}

/* The first whole lists are still on their way: nothing may be written, and what is derived now
 * would be derived again with each object that comes. */
static bool agent_is_reading(struct agent *a)
{
    const struct row *row = store_get(a->store, TABLE_CONFIG, "");
    const struct node_config *config = row ? row->value : NULL;
    bool early = config && config->uplink_ofport; /* its flows wait for no source */
    return !early && a->gate == AGENT_GATE_SHUT && agent_source_gate(a) == AGENT_GATE_SHUT;
}

/* One slice of deriving. */
static void agent_run_slice(void *aux)
{
    struct agent *a = aux;
    if (!agent_is_reading(a) && !engine_run(a->engine, AGENT_SLICE)) {
        loop_deferred_schedule(a->run);
        return;
    }
    agent_gate(a);
    agent_poke_target(a);
    attach_node_changed(a->attach);
    agent_source_derived(a);
    agent_progress(a);
}

void agent_changed(struct agent *a)
{
    if (a->stopping) {
        return;
    }
    if (!a->changed_ns) {
        a->changed_ns = loop_now_ns();
    }
    loop_deferred_schedule(a->run);
}

struct node_config *agent_config_new(const struct agent *a)
{
    struct node_config *c = node_config_new(a->o->node_name);
    mem_free(c->platform);
    mem_free(c->gateway);
    c->platform = mem_strdup(process_platform());
    c->gateway = mem_strdup(a->o->gateway);
    return c;
}

void agent_config_put(struct agent *a, struct node_config *c)
{
    if (store_put(a->store, TABLE_CONFIG, "", c)) {
        agent_changed(a);
    }
}

size_t agent_recompute(struct agent *a, struct sbuf *report)
{
    while (!engine_run(a->engine, 0)) {}
    size_t n = engine_recompute(a->engine, report);
    a->recompute_runs++;
    a->recompute_differences += n;
    metric_add(METRIC_RECOMPUTE_DIFFS, NULL, NULL, (double)n);
    if (n) {
        log_msg(LOG_AREA_ENGINE, LOG_ERROR, "recompute: %zu differences: %s", n,
                report ? sbuf_cstr(report) : "");
    }
    agent_poke_target(a);
    agent_changed(a);
    return n;
}

/* From time to time: derive everything again, and read the targets back. */
static void agent_audit(void *aux)
{
    struct agent *a = aux;
    auto_sbuf report = SBUF_INIT;
    if (a->ready) {
        agent_recompute(a, &report);
        if (a->acl) {
            agent_acl_reread(a);
        } else {
            flow_target_reread(a->target);
        }
        host_reread(a);
        agent_uplink_look(a);
        if (a->hns) {
            attach_interfaces_changed(a->attach);
        }
    }
    loop_timer_after(a->audit, a->o->audit_ms);
}

/* ---- life ---- */
static void agent_signal(void *aux)
{
    struct agent *a = aux;
    if (!a->stopping) {
        log_msg(LOG_AREA_AGENT, LOG_INFO, "stopping; the switch and its Pods stay as they are");
    }
    a->stopping = true;
    loop_stop(a->loop);
}

/* Called by the service manager on a thread of its own. */
static void agent_stop_asked(void *aux)
{
    struct agent *a = aux;
    loop_wakeup_send(a->stop);
}

static void agent_start_timers(struct agent *a)
{
    a->stop = loop_wakeup_new(a->loop, agent_signal, a);
    service_on_stop(agent_stop_asked, a);
    a->signals[0] = loop_signal_new(a->loop, LOOP_SIGNAL_TERM, agent_signal, a);
    a->signals[1] = loop_signal_new(a->loop, LOOP_SIGNAL_INT, agent_signal, a);
    a->run = loop_deferred_new(a->loop, agent_run_slice, a);
    a->audit = loop_timer_new(a->loop, agent_audit, a);
    if (a->o->audit_ms) {
        loop_timer_after(a->audit, a->o->audit_ms);
    }
}

/* Access lists alone: no switch, and none of the node's own stack is touched. */
static int agent_start_acl(struct agent *a, struct err *err)
{
    agent_acl_new(a);
    agent_hns_start(a);
    agent_cni_start(a);
    int rc = agent_acl_start(a, err);
    if (rc < 0) {
        return rc;
    }
    rc = agent_source_start(a, err);
    return rc < 0 ? rc : api_start(a, err);
}

static int agent_start(struct agent *a, struct err *err)
{
    agent_start_timers(a);
    agent_files_start(a);
    if (options_has_acl(a->o)) {
        return agent_start_acl(a, err);
    }
    host_start(a);
    agent_hns_start(a);
    agent_cni_start(a);
    int rc = agent_switch_start(a, err);
    if (rc < 0) {
        return rc;
    }
    agent_uplink_start(a);
    rc = agent_source_start(a, err);
    return rc < 0 ? rc : api_start(a, err);
}

/* A call of the system that hangs (HCN's may) is no reason to stay: nothing of it is needed any
 * more, and what was half made is taken up by the next start. */
static void agent_drain(struct agent *a)
{
    int64_t end = loop_now(a->loop) + AGENT_DRAIN_MS;
    while (work_pending(a->loop) && loop_now(a->loop) < end) {
        loop_run_once(a->loop, AGENT_TURN_MS);
    }
    if (work_pending(a->loop)) {
        log_msg(LOG_AREA_AGENT, LOG_WARN, "a call of the system hangs: left to itself");
        fflush(NULL);
        service_tell_stopped(a->failed);
        _Exit(a->failed);
    }
}

/* In this order nothing calls back into what is gone: see cni/attach.h. */
static void agent_end(struct agent *a)
{
    a->stopping = true;
    service_on_stop(NULL, NULL);
    loop_wakeup_free(a->stop);
    attach_stop(a->attach);
    api_stop(a);
    wait_end(a);
    api_end(a);
    agent_source_end(a);
    agent_uplink_end(a);
    agent_switch_end(a);
    agent_acl_end(a);
    agent_hns_end(a);
    host_end(a);
    agent_files_end(a);
    loop_timer_free(a->attach_timer);
    a->attach_timer = NULL;
    loop_timer_free(a->audit);
    loop_deferred_free(a->run);
    for (size_t i = 0; i < ARRAY_LEN(a->signals); i++) {
        loop_signal_free(a->signals[i]);
    }
    agent_drain(a);
    loop_free(a->loop);
    agent_hns_free(a);
    attach_free(a->attach);
    engine_free(a->engine);
}

int agent_lock(const struct options *o, struct process_lock **out, struct err *err)
{
    auto_sbuf path = SBUF_INIT;
    int pid = 0;
    int rc = dir_make_private(o->run_dir, err);
    if (rc < 0) {
        return rc;
    }
    sbuf_printf(&path, "%s/agent.lock", o->run_dir);
    rc = process_lock(path.data, out, &pid, err);
    return rc == ERR_EXISTS ? err_set(err, rc, "another agent runs with run directory %s: pid %d",
                                      o->run_dir, pid)
                            : rc;
}

static void agent_pause_end(void *aux)
{
    loop_stop(aux);
}

int agent_pause(void)
{
    struct loop *loop = loop_new();
    struct loop_signal *term = loop_signal_new(loop, LOOP_SIGNAL_TERM, agent_pause_end, loop);
    struct loop_signal *interrupt = loop_signal_new(loop, LOOP_SIGNAL_INT, agent_pause_end, loop);
    struct loop_timer *never = loop_timer_new(loop, agent_pause_end, loop);
    loop_timer_after(never, INT32_MAX);
    loop_run(loop);
    loop_timer_free(never);
    loop_signal_free(interrupt);
    loop_signal_free(term);
    loop_free(loop);
    return 0;
}

int agent_run(const struct options *o)
{
    struct err err = {0};
    struct process_lock *lock = NULL;
    if (agent_lock(o, &lock, &err) < 0) {
        log_msg(LOG_AREA_AGENT, LOG_ERROR, "%s", err.text);
        return 1;
    }
    struct agent a = {.o = o, .loop = loop_new(), .started_ns = loop_now_ns()};
    hmap_init(&a.kept);
    a.engine = options_has_acl(o) ? world_engine_acl() : world_engine();
    a.store = engine_store(a.engine);
    int rc = agent_start(&a, &err);
    if (rc < 0) {
        log_msg(LOG_AREA_AGENT, LOG_ERROR, "%s", err.text);
    } else {
        log_msg(LOG_AREA_AGENT, LOG_INFO, "node %s, source %s %s, %s%s", o->node_name,
                a.source_class->name,
                o->objects[0]      ? o->objects
                : o->kubeconfig[0] ? o->kubeconfig
                : o->api_server[0] ? o->api_server
                                   : "in-cluster account",
                a.acl ? "access lists" : "OVSDB ", a.acl ? "" : o->ovsdb);
        service_tell_running();
        loop_run(a.loop);
    }
    agent_end(&a);
    process_unlock(lock);
    return a.failed ? 1 : rc == 0 ? 0 : rc == ERR_INVALID ? 2 : 1;
}
