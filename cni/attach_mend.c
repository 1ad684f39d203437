/* SPDX-License-Identifier: Apache-2.0
 *
 * Interfaces that went by themselves: a restart of the service that keeps them (HNS) or of the
 * network takes those of running Pods away.  Each attached Pod's interface is looked for, under its
 * lock; where it is gone and its namespace still there it is made again with the addresses and the
 * MAC that it had, and its port is added again, since the device is another.
 *
 * Strays: interfaces of ours that no record has, since they would not go when their ADD failed, or
 * came when nobody waited for them any more.  No record is given the name of one, so that their
 * removal meets nobody.  All of this is tried until it is done. */
#include <string.h>

#include "cni/attach_internal.h"
#include "core/base/log.h"

enum { MEND_RETRY_MIN_MS = 500, MEND_RETRY_MAX_MS = 15000, MEND_SWEEP_MS = 5000 };

static int64_t mend_now(const struct attach *a)
{
    return a->host->now(a->config.host_aux);
}

/* When to try again, and twice as long after that. */
static int64_t mend_later(const struct attach *a, unsigned *ms)
{
    int64_t due;
    *ms = *ms ? *ms : MEND_RETRY_MIN_MS;
    due = mend_now(a) + *ms;
    *ms = *ms * 2 < MEND_RETRY_MAX_MS ? *ms * 2 : MEND_RETRY_MAX_MS;
    return due;
}

/* ---- interfaces of attached Pods ---- */

static void mend_again(struct attach *a)
{
    if (a->mend_due == INT64_MAX) {
        a->mend_due = mend_later(a, &a->mend_ms);
    }
}

static void mend_end(struct attach_call *c, bool good)
{
    struct attach *a = c->a;
    a->mending--;
    if (!good) {
        mend_again(a);
    } else if (!a->mending && a->mend_due == INT64_MAX) {
        a->mend_ms = 0;
    }
    call_end(c);
}

static void mend_port_done(void *aux, const struct err *err)
{
    struct attach_call *c = aux;
    struct attach *a = c->a;
    if (a->stopped) {
        return;
    }
    c->rec->stale = err->code != 0;
    mend_end(c, err->code == 0);
    attach_poke(a);
}

static void mend_port(struct attach_call *c)
{
    struct attach_id ids[ATTACH_MAX_IDS];
    size_t n = record_ids(c->rec, &c->r.arena, ids);
    c->a->host->port_add(c->a->config.host_aux, c->rec->att->interface, ids, n, mend_port_done, c);
}

/* On a work thread.  rc 1: it was there, 0: made again. */
static void mend_run_interface(void *arg)
{
    struct attach_call *c = arg;
    const struct attach_system *system = c->a->system;
    c->rc = system->netns_check(c->pod.netns, &c->err);
    c->netns_bad = c->rc < 0;
    if (c->netns_bad) {
        return;
    }
    c->rc = system->exists(c->pod.host_name, &c->err);
    if (c->rc == 0) {
        c->rc = system->pod_create(&c->pod, &c->err);
    }
}

static void mend_interface_done(struct attach_call *c)
{
    struct record *rec = c->rec;
    bool gone = c->netns_bad && (c->rc == ERR_NOT_FOUND || c->rc == ERR_INVALID);
    if (gone) {
        log_msg(LOG_AREA_CNI, LOG_INFO, "%s: its namespace is gone: %s stays until DEL", rec->key,
                rec->att->interface);
        mend_end(c, true);
    } else if (c->rc < 0) {
        log_msg(LOG_AREA_CNI, LOG_WARN, "%s: interface %s: %s; tried again", rec->key,
                rec->att->interface, c->err.text);
        mend_end(c, false);
    } else if (c->rc == 1 && !rec->stale) {
        mend_end(c, true);
    } else {
        if (c->rc == 0) {
            log_msg(LOG_AREA_CNI, LOG_WARN, "%s: its interface %s was gone: made again", rec->key,
                    rec->att->interface);
        }
        rec->stale = true;
        mend_port(c);
    }
}

static void mend_start(struct attach_call *c)
{
    c->rec = record_find(c->a, c->r.env.container_id, c->r.env.ifname);
    if (!c->rec || c->rec->leaving || !c->rec->settled) {
        mend_end(c, true);
        return;
    }
    record_pod(c->a, c->rec, attach_node_now(c->a).userspace_datapath, &c->pod);
    call_work(c, mend_run_interface, mend_interface_done);
}

static void mend_all(struct attach *a)
{
    VEC(struct attach_call *) calls = VEC_INIT;
    HMAP_FOR_EACH(node, &a->records) {
        const struct record *rec = CONTAINER_OF(node, struct record, node);
        struct attach_call *c =
            rec->settled && !rec->leaving ? call_new_for(a, rec, cni_version_newest()) : NULL;
        if (c) {
            c->quiet = true;
            c->start = mend_start;
            VEC_PUSH(&calls, c);
        }
    }
    a->mending = (unsigned)calls.n;
    for (size_t i = 0; i < calls.n; i++) {
        call_enter(calls.v[i]);
    }
    VEC_DONE(&calls);
}

void mend_soon(struct attach *a)
{
    a->mend_due = mend_now(a);
    a->mend_ms = 0;
    mend_sweep_soon(a);
}

/* ---- strays ---- */

struct mend_strays {
    struct attach *a;
    VEC(char *) names;
};

bool mend_is_stray(const struct attach *a, const char *name)
{
    for (size_t i = 0; i < a->strays.n; i++) {
        if (strcmp(a->strays.v[i], name) == 0) {
            return true;
        }
    }
    return false;
}

void mend_add_stray(struct attach *a, const char *name)
{
    if (!mend_is_stray(a, name)) {
        VEC_PUSH(&a->strays, mem_strdup(name));
    }
    if (a->strays_due == INT64_MAX) {
        a->strays_due = mend_later(a, &a->strays_ms);
    }
}

static void mend_forget_stray(struct attach *a, const char *name)
{
    for (size_t i = 0; i < a->strays.n; i++) {
        if (strcmp(a->strays.v[i], name) == 0) {
            mem_free(a->strays.v[i]);
            a->strays.v[i] = a->strays.v[--a->strays.n];
            return;
        }
    }
}

/* On a work thread: the name of one that would not go becomes "". */
static void mend_run_strays(void *arg)
{
    struct mend_strays *job = arg;
    for (size_t i = 0; i < job->names.n; i++) {
        if (job->a->system->pod_delete(job->names.v[i], NULL) < 0) {
            job->names.v[i][0] = 0;
        }
    }
}

static void mend_strays_done(void *arg)
{
    struct mend_strays *job = arg;
    struct attach *a = job->a;
    a->straying = false;
    for (size_t i = 0; i < job->names.n; i++) {
        if (job->names.v[i][0] && !a->stopped) {
            log_msg(LOG_AREA_CNI, LOG_INFO, "interface %s that was left behind is removed",
                    job->names.v[i]);
            mend_forget_stray(a, job->names.v[i]);
        }
        mem_free(job->names.v[i]);
    }
    VEC_DONE(&job->names);
    mem_free(job);
    a->strays_ms = a->strays.n ? a->strays_ms : 0;
    a->strays_due = a->strays.n ? mend_later(a, &a->strays_ms) : INT64_MAX;
    attach_poke(a);
}

static void mend_remove_strays(struct attach *a)
{
    for (size_t i = a->strays.n; i-- > 0;) {
        if (record_find_port(a, a->strays.v[i])) { /* of an agent that knew it */
            mend_forget_stray(a, a->strays.v[i]);
        }
    }
    struct mend_strays *job = mem_calloc(1, sizeof *job);
    job->a = a;
    for (size_t i = 0; i < a->strays.n; i++) {
        VEC_PUSH(&job->names, mem_strdup(a->strays.v[i]));
    }
    a->straying = true;
    a->host->work(a->config.host_aux, mend_run_strays, mend_strays_done, job);
}

/* ---- looking for strays ---- */

struct mend_sweep {
    struct attach *a;
    char *owner, **names;
    size_t n;
    int rc;
};

static void mend_run_sweep(void *arg)
{
    struct mend_sweep *sweep = arg;
    sweep->rc = sweep->a->system->list(sweep->owner, &sweep->names, &sweep->n, NULL);
}

static void mend_sweep_done(void *arg)
{
    struct mend_sweep *sweep = arg;
    struct attach *a = sweep->a;
    a->sweeping = false;
    for (size_t i = 0; sweep->rc == 0 && i < sweep->n; i++) {
        if (!a->stopped && !record_find_port(a, sweep->names[i])) {
            mend_add_stray(a, sweep->names[i]);
        }
        mem_free(sweep->names[i]);
    }
    if (sweep->rc < 0) {
        mend_sweep_soon(a);
    } else {
        mem_free(sweep->names);
    }
    mem_free(sweep->owner);
    mem_free(sweep);
    attach_poke(a);
}

static void mend_sweep(struct attach *a)
{
    struct mend_sweep *sweep = mem_calloc(1, sizeof *sweep);
    sweep->a = a;
    sweep->owner = mem_strdup(a->owner);
    a->sweeping = true;
    a->host->work(a->config.host_aux, mend_run_sweep, mend_sweep_done, sweep);
}

void mend_sweep_soon(struct attach *a)
{
    if (a->config.hcn && a->sweep_due == INT64_MAX) {
        a->sweep_due = mend_now(a) + MEND_SWEEP_MS;
    }
}

/* ---- when ---- */

int64_t mend_deadline(const struct attach *a)
{
    int64_t strays = a->straying ? INT64_MAX : a->strays_due;
    int64_t mend = a->mending || !a->recovered ? INT64_MAX : a->mend_due;
    int64_t sweep = a->sweeping || !a->recovered ? INT64_MAX : a->sweep_due;
    mend = mend < sweep ? mend : sweep;
    return mend < strays ? mend : strays;
}

void mend_run(struct attach *a, int64_t now)
{
    if (a->recovered && !a->mending && a->mend_due <= now) {
        a->mend_due = INT64_MAX;
        mend_all(a);
    }
    if (!a->straying && a->strays_due <= now) {
        a->strays_due = INT64_MAX;
        mend_remove_strays(a);
    }
    if (a->recovered && !a->sweeping && a->sweep_due <= now) {
        a->sweep_due = INT64_MAX;
        mend_sweep(a);
    }
}

void mend_free(struct attach *a)
{
    for (size_t i = 0; i < a->strays.n; i++) {
        mem_free(a->strays.v[i]);
    }
    VEC_DONE(&a->strays);
}
