/* SPDX-License-Identifier: Apache-2.0
 *
 * What the CNI end (cni/attach.h) asks of the rest of the agent. */
#include "core/agent/agent_internal.h"

#include <string.h>

#include "cni/journal.h"
#include "core/base/mem.h"
#include "core/io/work.h"

/* What is missing; while nothing is, that what holds may be old. */
static const char *cni_why(struct agent *a)
{
    struct agent_source_state state;
    agent_source_look(a, &state);
    return a->ready && state.stale ? "the API server is away" : a->why;
}

void agent_cni_node(void *aux, struct attach_node *out)
{
    struct agent *a = aux;
    const struct node *own = agent_own_node(a);
    const struct row *config = store_get(a->store, TABLE_CONFIG, "");
    size_t n = own ? own->n_pod_cidrs : 0;
    const struct prefix *cidrs = own ? agent_hns_pod_cidrs(a, own->pod_cidrs, &n) : NULL;
    *out = (struct attach_node){
        .pod_cidrs = cidrs,
        .n_pod_cidrs = n,
        .mtu = host_mtu(a),
        .userspace_datapath = config && ((const struct node_config *)config->value)->netdev,
        .switch_ready =
            a->acl ? agent_acl_is_up(a) : a->db && a->target && agent_switch_is_ready(a),
        .ready = a->ready,
        .serves = a->serves,
        .why = cni_why(a),
    };
}

static enum attach_pod_state cni_pod(void *aux, const char *namespace_, const char *name,
                                     const char *uid)
{
    struct agent *a = aux;
    auto_sbuf key = SBUF_INIT;
    sbuf_printf(&key, "%s/%s", namespace_, name);
    const struct row *row = store_get(a->store, TABLE_POD, key.data);
    if (!row || agent_pod_is_kept(a, key.data)) {
        agent_source_wants_pod(a, key.data);
        return ATTACH_POD_UNKNOWN;
    }
    const struct object_meta *meta = &((const struct pod *)row->value)->meta;
    const char *mirror = ((const struct pod *)row->value)->mirror_uid;
    bool same = !*uid || !meta->uid_given || strcmp(meta->uid, uid) == 0 ||
                (*mirror && strcmp(mirror, uid) == 0);
    if (!same) {
        agent_source_wants_pod(a, key.data);
    }
    return same ? ATTACH_POD_KNOWN : ATTACH_POD_OTHER_UID;
}

static void cni_attachment(void *aux, const char *key, const struct attachment *at)
{
    struct agent *a = aux;
    const struct row *row = store_get(a->store, TABLE_ATTACHMENT, key);
    auto_free char *namespace_ = NULL, *name = NULL;
    if (row && !at) {
        namespace_ = mem_strdup(((const struct attachment *)row->value)->pod_namespace);
        name = mem_strdup(((const struct attachment *)row->value)->pod_name);
    }
    struct attachment *copy = at ? attachment_copy(at) : NULL;
    if (copy && row && !*copy->pod_uid) { /* found out meanwhile: agent_source.c */
        mem_free(copy->pod_uid);
        copy->pod_uid = mem_strdup(((const struct attachment *)row->value)->pod_uid);
    }
    bool changed = copy ? store_put(a->store, TABLE_ATTACHMENT, key, copy)
                        : store_remove(a->store, TABLE_ATTACHMENT, key);
    if (changed) {
        agent_changed(a);
    }
    if (changed && at) {
        agent_pod_attached(a, at->pod_namespace, at->pod_name);
    }
    if (name) {
        agent_pod_detached(a, namespace_, name);
    }
}

static uint64_t cni_revision(void *aux)
{
    const struct agent *a = aux;
    return store_revision(a->store);
}

static void cni_port_add(void *aux, const char *name, const struct attach_id *ids, size_t n_ids,
                         attach_done_fn *done, void *done_aux)
{
    struct agent *a = aux;
    if (a->acl) {
        agent_acl_port_add(a, name, ids, n_ids, done, done_aux);
        return;
    }
    struct switchdb_id *copy = mem_calloc(n_ids ? n_ids : 1, sizeof *copy);
    for (size_t i = 0; i < n_ids; i++) {
        copy[i] = (struct switchdb_id){ids[i].key, ids[i].value};
    }
    struct switchdb_port_spec spec = {
        .name = name, .interface_type = "", .ids = copy, .n_ids = n_ids};
    switchdb_port_add(a->db, &spec, done, done_aux);
    mem_free(copy);
}

static void cni_port_del(void *aux, const char *const *names, size_t n, attach_done_fn *done,
                         void *done_aux)
{
    struct agent *a = aux;
    if (a->acl) {
        agent_acl_port_del(a, names, n, done, done_aux);
        return;
    }
    switchdb_port_del(a->db, names, n, done, done_aux);
}

static void cni_port_internal(void *aux, const char *name, attach_done_fn *done, void *done_aux)
{
    struct agent *a = aux;
    switchdb_port_set_type(a->db, name, "internal", done, done_aux);
}

/* Work for the CNI end, after which the agent looks at its own progress: records may be known. */
struct cni_work {
    struct agent *a;
    attach_work_fn *run, *done;
    void *arg;
};

static void cni_work_run(void *aux)
{
    struct cni_work *w = aux;
    w->run(w->arg);
}

static void cni_work_done(void *aux)
{
    struct cni_work *w = aux;
    w->done(w->arg);
    if (!w->a->stopping) {
        agent_progress(w->a);
    }
    mem_free(w);
}

static void cni_work(void *aux, attach_work_fn *run, attach_work_fn *done, void *arg)
{
    struct agent *a = aux;
    struct cni_work *w = mem_calloc(1, sizeof *w);
    *w = (struct cni_work){.a = a, .run = run, .done = done, .arg = arg};
    work_submit(a->loop, cni_work_run, cni_work_done, w);
}

static int64_t cni_now(void *aux)
{
    const struct agent *a = aux;
    return loop_now(a->loop);
}

static void cni_timer(void *aux, int64_t when)
{
    struct agent *a = aux;
    if (a->attach_timer) {
        loop_timer_at(a->attach_timer, when);
    }
}

static void cni_time(void *aux)
{
    struct agent *a = aux;
    attach_run(a->attach, loop_now(a->loop));
}

static const struct cni_host cni_host = {
    .node = agent_cni_node,
    .pod = cni_pod,
    .attachment = cni_attachment,
    .revision = cni_revision,
    .port_add = cni_port_add,
    .port_del = cni_port_del,
    .port_internal = cni_port_internal,
    .work = cni_work,
    .now = cni_now,
    .timer = cni_timer,
};

void agent_cni_start(struct agent *a)
{
    auto_sbuf deletions = SBUF_INIT;
    journal_folder(a->o->socket, &deletions);
    struct attach_config config = {
        .host = &cni_host,
        .host_aux = a,
        .system = agent_hns_system(a),
        .run_dir = a->o->run_dir,
        .deletions = deletions.data,
        .proc_sys = a->o->proc_sys,
        .owner = a->o->gateway,
        .pod_timeout_ms = a->o->pod_timeout_ms,
        .hcn = a->hns != NULL,
        .late_ports = a->hns != NULL && !a->acl,
    };
    a->attach_timer = loop_limit_new(a->loop, cni_time, a);
    a->attach = attach_new(&config);
}
