/* SPDX-License-Identifier: Apache-2.0
 *
 * Start-up: the records that the switch's ports carry become attachments again.  What a crash left
 * half made is taken away: a port whose interface is gone (with its network namespace), an
 * interface of ours without a port.  Then the deletions that were noted are done. */
#include <stdio.h>
#include <string.h>

#include "cni/attach_internal.h"
#include "cni/journal.h"
#include "core/base/log.h"
#include "platform/ipc.h"

enum {
    RECOVER_HISTORY_LIMIT = 16 << 20,
    RECOVER_NOTE_LIMIT = REQUEST_LIMIT,
    RECOVER_RETRY_MIN_MS = 250,
    RECOVER_RETRY_MAX_MS = 4000,
};

enum recover_state {
    RECOVER_THERE,
    RECOVER_GONE,    /* with its namespace: the attachment is no more */
    RECOVER_LOST,    /* gone, but its namespace is there: it is made again */
    RECOVER_UNKNOWN, /* the system cannot tell now */
};
struct recover_port {
    char *name, *netns;
    enum recover_state state;
};
struct recover_note {
    char *path, *body;
    size_t n;
};
/* Plain copies for the work thread, and what it found. */
struct recover {
    struct attach *a;
    const struct attach_system *system;
    char *owner;
    struct sbuf folder, history;
    VEC(struct recover_port) ports;
    VEC(struct recover_note) notes;
    VEC(char *) strays;
    char *releases;
    bool hcn, unknown;
};

static bool recover_is_port(const struct recover *r, const char *name)
{
    for (size_t i = 0; i < r->ports.n; i++) {
        if (strcmp(r->ports.v[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Interfaces of ours that no record has. */
static void recover_remove_strays(struct recover *r)
{
    char **names = NULL;
    size_t n = 0;
    if (r->system->list(r->owner, &names, &n, NULL) < 0) {
        r->unknown = r->hcn;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (recover_is_port(r, names[i]) || r->system->pod_delete(names[i], NULL) < 0) {
            mem_free(names[i]);
        } else {
            VEC_PUSH(&r->strays, names[i]);
        }
    }
    mem_free(names);
}

static void recover_read_notes(struct recover *r)
{
    char **names = NULL;
    size_t n = 0;
    if (file_list(r->folder.data, &names, &n, NULL) < 0) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(names[i]);
        bool whole = names[i][0] != '.' && len > 5 && strcmp(names[i] + len - 5, ".json") == 0;
        auto_sbuf path = SBUF_INIT;
        struct recover_note note = {0};
        sbuf_printf(&path, "%s/%s", r->folder.data, names[i]);
        if (whole && file_read(path.data, RECOVER_NOTE_LIMIT, &note.body, &note.n, NULL) == 0) {
            note.path = sbuf_take(&path);
            VEC_PUSH(&r->notes, note);
        }
        mem_free(names[i]);
    }
    mem_free(names);
}

/* An interface of HNS outlives its namespace, and may go without it. */
static enum recover_state recover_probe_hcn(const struct recover *r, const struct recover_port *p)
{
    int rc = r->system->netns_check(p->netns, NULL);
    if (rc == ERR_NOT_FOUND || rc == ERR_INVALID) {
        return RECOVER_GONE;
    }
    rc = rc < 0 ? rc : r->system->exists(p->name, NULL);
    return rc < 0 ? RECOVER_UNKNOWN : rc ? RECOVER_THERE : RECOVER_LOST;
}

static void recover_probe(struct recover *r, struct recover_port *p)
{
    if (r->hcn) {
        p->state = recover_probe_hcn(r, p);
    } else {
        p->state = r->system->exists(p->name, NULL) != 0 ? RECOVER_THERE : RECOVER_GONE;
    }
    r->unknown |= p->state == RECOVER_UNKNOWN;
    if (p->state == RECOVER_GONE) { /* its guard outlives it */
        int rc = r->system->pod_delete(p->name, NULL);
        r->unknown |= r->hcn && rc < 0;
    }
}

static void recover_run(void *arg)
{
    struct recover *r = arg;
    for (size_t i = 0; i < r->ports.n; i++) {
        recover_probe(r, &r->ports.v[i]);
    }
    recover_remove_strays(r);
    size_t n = 0;
    if (r->folder.len && !r->unknown) {
        recover_read_notes(r);
    }
    if (r->history.len && !r->unknown) {
        file_read(r->history.data, RECOVER_HISTORY_LIMIT, &r->releases, &n, NULL);
    }
}

static void recover_free(struct recover *r)
{
    for (size_t i = 0; i < r->ports.n; i++) {
        mem_free(r->ports.v[i].name);
        mem_free(r->ports.v[i].netns);
    }
    for (size_t i = 0; i < r->notes.n; i++) {
        mem_free(r->notes.v[i].path);
        mem_free(r->notes.v[i].body);
    }
    for (size_t i = 0; i < r->strays.n; i++) {
        mem_free(r->strays.v[i]);
    }
    VEC_DONE(&r->ports);
    VEC_DONE(&r->notes);
    VEC_DONE(&r->strays);
    sbuf_done(&r->folder);
    sbuf_done(&r->history);
    mem_free(r->owner);
    mem_free(r->releases);
    mem_free(r);
}

/* Lines of addresses, the one released longest ago first. */
static void recover_take_history(struct attach *a, const char *lines)
{
    size_t n = 0;
    for (; lines && *lines; n++) {
        char text[IP_TEXT_MAX];
        struct ip ip;
        size_t len = strcspn(lines, "\n");
        snprintf(text, sizeof text, "%.*s", (int)len, lines);
        if (ip_parse(text, &ip)) {
            ipam_was_released(a->ipam, &ip);
        }
        lines += len + (lines[len] == '\n');
    }
    attach_history_tidy(a, n);
}

static void recover_take_ports(const struct recover *r)
{
    struct attach *a = r->a;
    for (size_t i = 0; i < r->ports.n; i++) {
        struct record *rec = record_find_port(a, r->ports.v[i].name);
        if (!rec) {
            continue;
        }
        if (r->ports.v[i].state == RECOVER_LOST) {
            mend_soon(a);
        }
        if (r->ports.v[i].state != RECOVER_GONE) {
            record_publish(a, rec);
            continue;
        }
        log_msg(LOG_AREA_CNI, LOG_INFO, "%s: interface %s is gone: its port is removed", rec->key,
                rec->att->interface);
        record_retract(a, rec);
        attach_discard_port(a, rec->att->interface);
        attach_release(a, rec, NULL);
        record_remove(a, rec);
    }
}

static void recover_take_notes(const struct recover *r)
{
    for (size_t i = 0; i < r->notes.n; i++) {
        const struct recover_note *note = &r->notes.v[i];
        struct attach_call *c = call_new(r->a, note->body, note->n);
        if (c && c->r.verb == CNI_DEL) {
            c->journal = mem_strdup(note->path);
            call_enter(c);
        } else {
            log_msg(LOG_AREA_CNI, LOG_WARN, "%s: not a deletion, left alone", note->path);
            if (c) {
                call_end(c);
            }
        }
    }
}

/* The system cannot tell what is there: nothing is removed and no request served, but what the
 * records say holds. */
static void recover_later(struct recover *r)
{
    struct attach *a = r->a;
    for (size_t i = 0; i < r->ports.n; i++) {
        struct record *rec = record_find_port(a, r->ports.v[i].name);
        if (rec && !rec->row) {
            record_publish(a, rec);
        }
    }
    if (!a->known) {
        log_msg(LOG_AREA_CNI, LOG_WARN,
                "the Pods' interfaces cannot be read yet: %zu attachments "
                "are taken from their records",
                a->records.n);
    }
    a->known = true;
    a->recovering = false;
    a->recover_ms = a->recover_ms ? a->recover_ms * 2 : RECOVER_RETRY_MIN_MS;
    a->recover_ms = a->recover_ms < RECOVER_RETRY_MAX_MS ? a->recover_ms : RECOVER_RETRY_MAX_MS;
    a->recover_due = a->host->now(a->config.host_aux) + a->recover_ms;
    recover_free(r);
    attach_poke(a);
}

static void recover_done(void *arg)
{
    struct recover *r = arg;
    struct attach *a = r->a;
    if (a->stopped) {
        recover_free(r);
        return;
    }
    if (r->unknown) {
        recover_later(r);
        return;
    }
    for (size_t i = 0; i < r->strays.n; i++) {
        log_msg(LOG_AREA_CNI, LOG_INFO, "interface %s had no port: removed", r->strays.v[i]);
    }
    recover_take_history(a, r->releases);
    recover_take_ports(r); /* what these release comes later than all of the history */
    a->recovering = false;
    a->known = a->recovered = true;
    mend_sweep_soon(a);
    recover_take_notes(r);
    log_msg(LOG_AREA_CNI, LOG_INFO, "%zu attachments found, %zu noted deletions", a->records.n,
            r->notes.n);
    recover_free(r);
    attach_update_metrics(a);
    attach_empty_trash(a);
    attach_poke(a);
}

void attach_recover(struct attach *a)
{
    struct recover *r = mem_calloc(1, sizeof *r);
    r->a = a;
    r->system = a->system;
    r->owner = mem_strdup(a->owner);
    r->hcn = a->config.hcn;
    sbuf_puts(&r->folder, a->deletions ? a->deletions : "");
    attach_history_path(a, &r->history);
    HMAP_FOR_EACH(node, &a->records) {
        const struct record *rec = CONTAINER_OF(node, struct record, node);
        struct recover_port port = {.name = mem_strdup(rec->att->interface),
                                    .netns = mem_strdup(rec->att->netns)};
        VEC_PUSH(&r->ports, port);
    }
    a->recovering = true;
    a->recover_due = INT64_MAX;
    a->host->work(a->config.host_aux, recover_run, recover_done, r);
}
