/* SPDX-License-Identifier: Apache-2.0
 *
 * Late ports: the port of an attached Pod whose device comes some time later (Windows: the NIC of
 * an HNS endpoint).  By level: as long as the port has no number and is not "internal", the device
 * is looked for, on a work thread, at pauses that grow with the time waited; when it is there, the
 * port becomes "internal".  A port that Open vSwitch refused though it is "internal" is made anew,
 * which begins it all again.  It ends with the number, or with the attachment, never by itself. */
#include <string.h>

#include "cni/attach_internal.h"
#include "core/base/log.h"
#include "core/base/metrics.h"
#include "core/base/port.h"

enum {
    CARE_PAUSE_MIN_MS = 50,
    CARE_PAUSE_MAX_MS = 5000,
    CARE_REFUSED_MS = 5000, /* so long may Open vSwitch have an error on an "internal" port */
    CARE_WARN_MS = 30000,
};

struct care_nic {
    char *key, *name;
    uint64_t sequence; /* of the attachment: a later one of that key is another */
    bool there;
};
struct care_job { /* plain copies for the work thread */
    struct attach *a;
    VEC(struct care_nic) nics;
};
struct care_set { /* a port that is being made "internal" */
    struct attach *a;
    char *name;
};

static int64_t care_now(const struct attach *a)
{
    return a->host->now(a->config.host_aux);
}

/* A quarter of the time waited so far: what is missed is small against it. */
static int64_t care_pause(const struct record *rec, int64_t now)
{
    int64_t pause = (now - rec->care.since) / 4;
    pause = pause > CARE_PAUSE_MIN_MS ? pause : CARE_PAUSE_MIN_MS;
    return pause < CARE_PAUSE_MAX_MS ? pause : CARE_PAUSE_MAX_MS;
}

static void care_count(struct attach *a, int by)
{
    a->n_late = by > 0 ? a->n_late + 1 : a->n_late - 1;
    metric_set(METRIC_LATE_PORTS, NULL, NULL, (double)a->n_late);
}

void care_drop(struct attach *a, struct record *rec)
{
    if (rec->care.since) {
        care_count(a, -1);
    }
    rec->care = (struct care){.due = INT64_MAX};
}

void care_look(struct attach *a, struct record *rec)
{
    bool late = a->config.late_ports && rec->in_switch && !rec->leaving && rec->att->ofport == 0;
    if (late && !rec->care.since) {
        int64_t now = care_now(a);
        rec->care = (struct care){.since = now ? now : 1, .due = now};
        care_count(a, 1);
    } else if (!late && rec->care.since) {
        if (rec->care.told && rec->att->ofport) {
            log_msg(LOG_AREA_CNI, LOG_INFO, "%s: port %s has its number now", rec->key,
                    rec->att->interface);
        }
        care_drop(a, rec);
    }
    if (late && rec->care.internal && !rec->internal) {
        rec->care.due = care_now(a); /* another port: from the beginning */
    }
    rec->care.internal = rec->internal;
}

/* Without a switch there is nobody to tell of a device; its coming is told by attach_poke(). */
static bool care_can_run(const struct attach *a)
{
    return a->n_late && !a->caring && a->switch_was_ready;
}

int64_t care_deadline(const struct attach *a)
{
    int64_t when = INT64_MAX;
    if (!care_can_run(a)) {
        return when;
    }
    HMAP_FOR_EACH(node, &a->records) {
        const struct record *rec = CONTAINER_OF(node, struct record, node);
        if (rec->care.since && rec->care.due < when) {
            when = rec->care.due;
        }
    }
    return when;
}

void attach_nics_changed(struct attach *a)
{
    int64_t now = care_now(a);
    HMAP_FOR_EACH(node, &a->records) {
        struct record *rec = CONTAINER_OF(node, struct record, node);
        rec->care.due = rec->care.since ? now : INT64_MAX;
    }
    attach_run(a, now);
}

/* ---- the device is there ---- */

static void care_set_done(void *aux, const struct err *err)
{
    struct care_set *set = aux;
    struct record *rec = record_find_port(set->a, set->name);
    if (rec) {
        rec->care.asked = false;
    }
    if (err->code && err->code != ERR_CLOSED && err->code != ERR_NOT_FOUND) {
        log_msg(LOG_AREA_CNI, LOG_WARN, "port %s cannot be made internal: %s", set->name,
                err->text);
    }
    mem_free(set->name);
    mem_free(set);
}

static void care_set_internal(struct attach *a, struct record *rec)
{
    rec->care.asked = true;
    struct care_set *set = mem_calloc(1, sizeof *set);
    set->a = a;
    set->name = mem_strdup(rec->att->interface);
    a->host->port_internal(a->config.host_aux, set->name, care_set_done, set);
}

/* ---- looking for devices ---- */

static void care_job_run(void *arg)
{
    struct care_job *job = arg;
    for (size_t i = 0; i < job->nics.n; i++) {
        job->nics.v[i].there = job->a->system->nic_exists(job->nics.v[i].name);
    }
}

static void care_job_take(struct attach *a, const struct care_nic *nic)
{
    struct record *rec = record_find_port(a, nic->name);
    bool same = rec && strcmp(rec->key, nic->key) == 0 && rec->att->sequence == nic->sequence;
    bool lacks = same && !rec->leaving && rec->care.since && !rec->internal && !rec->care.asked;
    if (lacks && nic->there) {
        care_set_internal(a, rec);
    }
}

static void care_job_done(void *arg)
{
    struct care_job *job = arg;
    struct attach *a = job->a;
    a->caring = false;
    for (size_t i = 0; i < job->nics.n; i++) {
        if (!a->stopped) {
            care_job_take(a, &job->nics.v[i]);
        }
        mem_free(job->nics.v[i].key);
        mem_free(job->nics.v[i].name);
    }
    VEC_DONE(&job->nics);
    mem_free(job);
    attach_poke(a);
}

static void care_job_add(struct care_job *job, const struct record *rec)
{
    struct care_nic nic = {.key = mem_strdup(rec->key),
                           .name = mem_strdup(rec->att->interface),
                           .sequence = rec->att->sequence};
    VEC_PUSH(&job->nics, nic);
}

/* ---- the time has come ---- */

static void care_warn(struct record *rec, int64_t now)
{
    const char *why = *rec->port_error ? rec->port_error
                      : rec->internal  ? "Open vSwitch has not opened it"
                                       : "its device is not there";
    rec->care.told = true;
    log_msg(LOG_AREA_CNI, LOG_WARN,
            "%s: port %s has no number for %d s: %s; nothing passes to or from the Pod until then",
            rec->key, rec->att->interface, (int)((now - rec->care.since) / 1000), why);
}

/* True: its device is to be looked for. */
static bool care_run_record(struct attach *a, struct record *rec, int64_t now)
{
    int64_t waited = now - rec->care.since;
    int64_t began = rec->care.made ? rec->care.made : rec->care.since;
    if (!rec->care.told && waited >= CARE_WARN_MS) {
        care_warn(rec, now);
    }
    rec->care.due = now + care_pause(rec, now);
    if (!rec->internal) {
        return true;
    }
    if (*rec->port_error && now - began >= CARE_REFUSED_MS && rec->settled) {
        rec->care.made = now;
        attach_repair_port(a, rec);
    }
    return false;
}

void care_run(struct attach *a, int64_t now)
{
    if (!care_can_run(a)) {
        return;
    }
    struct care_job *job = mem_calloc(1, sizeof *job);
    job->a = a;
    HMAP_FOR_EACH(node, &a->records) {
        struct record *rec = CONTAINER_OF(node, struct record, node);
        if (rec->care.since && rec->care.due <= now && care_run_record(a, rec, now)) {
            care_job_add(job, rec);
        }
    }
    if (!job->nics.n) {
        mem_free(job);
        return;
    }
    a->caring = true;
    a->host->work(a->config.host_aux, care_job_run, care_job_done, job);
}
