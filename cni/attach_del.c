/* SPDX-License-Identifier: Apache-2.0
 *
 * DEL: row, port, interface, addresses, in this order, so that what is left by a crash in the
 * middle is an interface that the next start knows by its alias.  GC is a DEL of each attachment
 * of the network that is not in the list. */
#include <string.h>

#include "cni/attach_internal.h"
#include "cni/journal.h"
#include "core/base/log.h"
#include "platform/ipc.h"

/* ---- DEL ---- */

static void del_forget_note(struct attach_call *c)
{
    if (c->journal) {
        file_remove(c->journal, NULL);
    }
}

static void del_run_unknown(void *arg)
{
    del_forget_note(arg);
}

static void del_end(struct attach_call *c)
{
    call_end(c);
}

/* On a work thread: the interface, the history of releases, the journal's file. */
static void del_run(void *arg)
{
    struct attach_call *c = arg;
    c->rc = c->a->system->pod_delete(c->pod.host_name, &c->err);
    if (c->rc < 0) {
        return;
    }
    auto_sbuf path = SBUF_INIT;
    attach_history_path(c->a, &path);
    if (path.len && c->released.len) {
        file_append(path.data, c->released.data, c->released.len, NULL);
    }
    del_forget_note(c);
}

static void del_done(struct attach_call *c)
{
    if (c->rc < 0) {
        cni_error_cause(&c->error, attach_io_code(c->a, &c->err), &c->err,
                        "interface %s cannot be removed", c->pod.host_name);
        call_end(c);
        return;
    }
    size_t n = c->rec->att->n_ips;
    attach_release(c->a, c->rec, NULL);
    record_remove(c->a, c->rec);
    c->rec = NULL;
    attach_history_tidy(c->a, n);
    call_end(c);
}

static void del_port_done(void *aux, const struct err *err)
{
    struct attach_call *c = aux;
    struct attach *a = c->a;
    if (a->stopped) {
        return;
    }
    if (err->code) {
        /* Open vSwitch is away: the Pod goes nevertheless, its port as soon as that is back. */
        attach_discard_port(a, c->rec->att->interface);
        log_msg(LOG_AREA_CNI, LOG_WARN, "port %s is removed later: %s", c->rec->att->interface,
                err->text);
    }
    call_work(c, del_run, del_done);
    attach_poke(a);
}

void del_start(struct attach_call *c)
{
    struct attach *a = c->a;
    c->rec = record_find(a, c->r.env.container_id, c->r.env.ifname);
    if (!c->rec && !namespace_record(a, &c->r)) {
        mend_sweep_soon(a); /* perhaps an ADD was cut short */
    }
    if (!c->rec && c->journal) {
        call_work(c, del_run_unknown, del_end);
        return;
    }
    if (!c->rec) {
        call_end(c);
        return;
    }
    c->rec->leaving = true;
    record_retract(a, c->rec);
    record_pod(a, c->rec, false, &c->pod);
    for (size_t i = 0; i < c->rec->att->n_ips; i++) {
        char text[IP_TEXT_MAX];
        sbuf_printf(&c->released, "%s\n", ip_format(&c->rec->att->ips[i], text));
    }
    const char *name = c->rec->att->interface;
    a->host->port_del(a->config.host_aux, &name, 1, del_port_done, c);
}

/* The records cannot be read (Open vSwitch is away): noted, as the plugin does it. */
static void del_run_note(void *arg)
{
    struct attach_call *c = arg;
    auto_sbuf path = SBUF_INIT;
    c->rc = journal_write_body(c->a->deletions, &c->r.env, c->body, c->body_len, &path, &c->err);
}

static void del_note_done(struct attach_call *c)
{
    if (c->rc < 0) {
        cni_error_cause(&c->error, CNI_IO_FAILURE, &c->err, "the deletion cannot be noted");
    }
    call_end(c);
}

void del_expire(struct attach_call *c)
{
    if (c->a->deletions) {
        call_work(c, del_run_note, del_note_done);
    } else {
        cni_error_set(&c->error, CNI_TRY_AGAIN, "Open vSwitch is away");
        call_end(c);
    }
}

/* ---- GC ---- */

static bool gc_is_valid(const struct request *r, const struct attachment *att)
{
    for (size_t i = 0; i < r->n_valid; i++) {
        if (strcmp(r->valid[i].container_id, att->container_id) == 0 &&
            strcmp(r->valid[i].ifname, att->cni_ifname) == 0) {
            return true;
        }
    }
    return false;
}

static bool gc_wants(const struct request *r, const struct record *rec)
{
    bool ours = !*rec->network || strcmp(rec->network, r->network) == 0;
    return ours && rec->settled && !rec->leaving && !gc_is_valid(r, rec->att);
}

static void gc_child_done(struct attach_call *parent)
{
    if (--parent->children == 0) {
        call_end(parent);
    }
}

void gc_child_ended(struct attach_call *parent, const struct attach_call *child)
{
    if (child->error.code && !parent->error.code) {
        parent->error = child->error;
    }
    gc_child_done(parent);
}

void gc_start(struct attach_call *c)
{
    VEC(struct attach_call *) children = VEC_INIT;
    HMAP_FOR_EACH(node, &c->a->records) {
        const struct record *rec = CONTAINER_OF(node, struct record, node);
        struct attach_call *child =
            gc_wants(&c->r, rec) ? call_new_for(c->a, rec, c->r.version) : NULL;
        if (child) {
            VEC_PUSH(&children, child);
        }
    }
    c->children = children.n + 1; /* one for this loop: children may end at once */
    for (size_t i = 0; i < children.n; i++) {
        log_msg(LOG_AREA_CNI, LOG_INFO, "GC removes %s/%s", children.v[i]->r.env.container_id,
                children.v[i]->r.env.ifname);
        children.v[i]->parent = c;
        call_enter(children.v[i]);
    }
    VEC_DONE(&children);
    mend_sweep_soon(c->a);
    gc_child_done(c);
}
