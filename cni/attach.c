/* SPDX-License-Identifier: Apache-2.0
 *
 * The agent's end of CNI: intake of requests, one lock a container, waiting and deadlines, what the
 * host tells.  The verbs are in attach_add.c, attach_del.c and attach_check.c, start-up in
 * attach_recover.c. */
#include "cni/attach.h"

#include <stdio.h>
#include <string.h>

#include "cni/attach_internal.h"
#include "core/base/hash.h"
#include "core/base/log.h"
#include "core/base/metrics.h"
#include "platform/ipc.h"
#include "platform/process.h"

static int attach_netif_exists(const char *host_name, struct err *err)
{
    (void)err;
    return netif_exists(host_name);
}

const struct attach_system attach_system_default = {
    .pod_create = netif_pod_create,
    .pod_delete = netif_pod_delete,
    .pod_check = netif_pod_check,
    .netns_check = netif_netns_check,
    .exists = attach_netif_exists,
    .list = netif_pod_list,
    .nic_exists = netif_pod_nic_exists,
};

struct attach *attach_new(const struct attach_config *config)
{
    struct attach *a = mem_calloc(1, sizeof *a);
    a->config = *config;
    a->host = config->host;
    a->system = config->system ? config->system : &attach_system_default;
    a->run_dir = config->run_dir ? mem_strdup(config->run_dir) : NULL;
    a->deletions = config->deletions ? mem_strdup(config->deletions) : NULL;
    a->owner = mem_strdup(config->owner ? config->owner : "");
    a->ipam = ipam_new();
    hmap_init(&a->records);
    hmap_init(&a->locks);
    a->recover_due = a->mend_due = a->strays_due = a->sweep_due = INT64_MAX;
    attach_node_changed(a);
    return a;
}

/* ---- calls ---- */

static void call_free(struct attach_call *c)
{
    struct attach *a = c->a;
    *(c->prev ? &c->prev->next : &a->calls) = c->next;
    if (c->next) {
        c->next->prev = c->prev;
    }
    a->ended++;
    request_done(&c->r);
    sbuf_done(&c->out);
    sbuf_done(&c->released);
    mem_free(c->body);
    mem_free(c->journal);
    mem_free(c);
}

static struct attach_call *call_alloc(struct attach *a, const void *body, size_t n)
{
    struct attach_call *c = mem_calloc(1, sizeof *c);
    c->a = a;
    c->next = a->calls;
    if (a->calls) {
        a->calls->prev = c;
    }
    a->calls = c;
    c->began_ns = process_now_ns();
    c->deadline = a->host->now(a->config.host_aux) + a->config.pod_timeout_ms;
    c->body = mem_strndup(body, n);
    c->body_len = n;
    request_parse(&c->r, body, n, &c->error);
    return c;
}

struct attach_call *call_new(struct attach *a, const void *body, size_t n)
{
    struct attach_call *c = call_alloc(a, body, n);
    if (c->error.code) {
        call_free(c);
        return NULL;
    }
    return c;
}

struct attach_call *call_new_for(struct attach *a, const struct record *rec,
                                 const struct cni_version *version)
{
    auto_sbuf config = SBUF_INIT, body = SBUF_INIT;
    sbuf_printf(&config, "{\"cniVersion\":\"%s\",\"name\":\"%s\",\"type\":\"seine-cni\"}",
                version->name, *rec->network ? rec->network : "seine");
    struct cni_env env = {.command = cni_verb_name(CNI_DEL),
                          .container_id = rec->att->container_id,
                          .netns = rec->att->netns,
                          .ifname = rec->att->cni_ifname,
                          .args = ""};
    cni_env_format(&env, config.data, &body);
    return call_new(a, body.data, body.len);
}

void call_wait(struct attach_call *c, void (*advance)(struct attach_call *c),
               void (*expire)(struct attach_call *c))
{
    c->advance = advance;
    c->expire = expire;
}

static void call_work_run(void *arg)
{
    struct attach_call *c = arg;
    c->run(c);
}

static void call_work_done(void *arg)
{
    struct attach_call *c = arg;
    struct attach *a = c->a;
    if (a->stopped) {
        return;
    }
    c->done(c);
    attach_poke(a);
}

void call_work(struct attach_call *c, attach_work_fn *run, void (*done)(struct attach_call *c))
{
    call_wait(c, NULL, NULL);
    c->run = run;
    c->done = done;
    c->a->host->work(c->a->config.host_aux, call_work_run, call_work_done, c);
}

/* ---- replies ---- */

static void call_log(const struct attach_call *c, double seconds)
{
    const struct request *r = &c->r;
    const char *verb = r->verb < CNI_N_VERBS ? cni_verb_name(r->verb) : "request";
    double ms = seconds * 1000;
    if (c->error.code) {
        log_msg(LOG_AREA_CNI, LOG_WARN, "%s %s/%s: %d: %s (%s) after %.1f ms", verb,
                r->env.container_id, r->env.ifname, c->error.code, c->error.msg, c->error.details,
                ms);
    } else {
        bool quiet = r->verb == CNI_STATUS || r->verb == CNI_VERSION;
        log_msg(LOG_AREA_CNI, quiet ? LOG_DEBUG : LOG_INFO, "%s %s/%s %s/%s: done in %.1f ms", verb,
                r->env.container_id, r->env.ifname, r->pod_namespace ? r->pod_namespace : "",
                r->pod_name ? r->pod_name : "", ms);
    }
}

static void call_count(const struct attach_call *c, double seconds)
{
    char result[16] = "success";
    const char *verb = c->r.verb < CNI_N_VERBS ? cni_verb_name(c->r.verb) : "none";
    if (c->error.code) {
        snprintf(result, sizeof result, "%d", c->error.code);
    }
    metric_add(METRIC_CNI_REQUESTS, verb, result, 1);
    metric_observe(METRIC_CNI_DURATION, verb, NULL, seconds);
}

static void call_reply(struct attach_call *c)
{
    double seconds = (double)(process_now_ns() - c->began_ns) / 1e9;
    if (!c->quiet) {
        call_log(c, seconds);
        call_count(c, seconds);
    }
    if (c->error.code) {
        sbuf_clear(&c->out);
        cni_error_format(&c->error, c->r.version->name, &c->out);
    }
    struct attach_reply reply = {
        .status = c->error.code ? 500 : 200, .body = sbuf_cstr(&c->out), .n = c->out.len};
    if (c->reply) {
        c->reply(c->aux, &reply);
    }
    call_free(c);
}

static void attach_reply_nothing(void *arg)
{
    (void)arg;
}

static void attach_reply_all(struct attach *a)
{
    while (a->replies && !a->stopped) {
        struct attach_call *c = a->replies;
        a->replies = c->next_queued;
        call_reply(c);
    }
}

static void attach_reply_scheduled(void *arg)
{
    struct attach *a = arg;
    a->replying = false;
    attach_reply_all(a);
}

static void call_reply_later(struct attach_call *c)
{
    struct attach *a = c->a;
    c->next_queued = NULL;
    *(a->replies ? &a->last_reply->next_queued : &a->replies) = c;
    a->last_reply = c;
}

/* ---- locks ---- */

static struct lock *lock_get(struct attach *a, const char *name)
{
    uint64_t hash = hash_str(name, 0);
    HMAP_FOR_EACH_WITH_HASH(node, &a->locks, hash) {
        struct lock *l = CONTAINER_OF(node, struct lock, node);
        if (strcmp(l->name, name) == 0) {
            return l;
        }
    }
    struct lock *l = mem_calloc(1, sizeof *l);
    l->name = mem_strdup(name);
    hmap_insert(&a->locks, &l->node, hash);
    return l;
}

static void lock_free(struct attach *a, struct lock *l)
{
    hmap_remove(&a->locks, &l->node);
    mem_free(l->name);
    mem_free(l);
}

static void call_start(struct attach_call *c)
{
    static void (*const start[CNI_N_VERBS])(struct attach_call * c) = {
        [CNI_ADD] = add_start, [CNI_DEL] = del_start,       [CNI_CHECK] = check_start,
        [CNI_GC] = gc_start,   [CNI_STATUS] = status_start,
    };
    call_wait(c, NULL, NULL);
    (c->start ? c->start : start[c->r.verb])(c);
}

static void lock_release(struct attach_call *c)
{
    struct lock *l = c->lock;
    c->lock = NULL;
    l->running = l->first;
    if (!l->first) {
        lock_free(c->a, l);
        return;
    }
    l->first = l->running->next_queued;
    l->running->next_queued = NULL;
    call_start(l->running);
}

/* Whether the call works for this container, or on its record. */
static bool call_is_about(const struct attach_call *c, const struct cni_env *env)
{
    const struct attachment *att = c->rec ? c->rec->att : NULL;
    const char *const ids[] = {c->r.env.container_id, att ? att->container_id : ""};
    const char *const ifnames[] = {c->r.env.ifname, att ? att->cni_ifname : ""};
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        if (strcmp(ids[i], env->container_id) == 0 && strcmp(ifnames[i], env->ifname) == 0) {
            return true;
        }
    }
    return false;
}

void call_enter(struct attach_call *c)
{
    auto_sbuf name = SBUF_INIT;
    namespace_lock_name(c, &name);
    struct lock *l = lock_get(c->a, name.data);
    c->lock = l;
    call_wait(c, NULL, NULL);
    if (!l->running) {
        l->running = c;
        call_start(c);
        return;
    }
    *(l->first ? &l->last->next_queued : &l->first) = c;
    l->last = c;
    c->next_queued = NULL;
    if (c->r.verb == CNI_DEL && !c->start && l->running->r.verb == CNI_ADD &&
        call_is_about(l->running, &c->r.env)) {
        add_cancel(l->running);
    }
}

/* Replies go out in the order in which calls end, though one's end may end others. */
void call_end(struct attach_call *c)
{
    struct attach *a = c->a;
    a->depth++;
    call_wait(c, NULL, NULL);
    call_reply_later(c);
    if (c->lock) {
        lock_release(c);
    }
    if (c->parent) {
        gc_child_ended(c->parent, c);
    }
    attach_update_metrics(a);
    if (--a->depth == 0) {
        attach_reply_all(a);
    }
}

/* ---- intake ---- */

/* Requests wait until the records are known. */
static void call_advance_recovered(struct attach_call *c)
{
    if (!c->a->recovered) {
        return;
    }
    /* What it waited for is no fault of the Pod's: its own time begins now. */
    c->deadline = c->a->host->now(c->a->config.host_aux) + c->a->config.pod_timeout_ms;
    if (c->r.verb == CNI_GC) {
        call_start(c);
    } else {
        call_enter(c);
    }
}

static void call_expire_recovered(struct attach_call *c)
{
    if (c->r.verb == CNI_DEL) {
        del_expire(c);
        return;
    }
    struct attach_node node = attach_node_now(c->a);
    cni_error_set(&c->error, CNI_TRY_AGAIN, "the agent does not know its attachments yet: %s",
                  *node.why ? node.why : "starting");
    call_end(c);
}

static void call_take_in(struct attach_call *c)
{
    if (c->error.code || namespace_check(c)) {
        call_end(c);
    } else if (c->r.verb == CNI_VERSION) {
        cni_version_format(NULL, &c->out);
        call_end(c);
    } else if (c->r.verb == CNI_STATUS) {
        call_start(c);
    } else if (c->a->recovered) {
        call_advance_recovered(c);
    } else {
        if (c->r.verb == CNI_DEL && c->a->config.pod_timeout_ms > ATTACH_DEL_WAIT_MS) {
            c->deadline += ATTACH_DEL_WAIT_MS - (int64_t)c->a->config.pod_timeout_ms;
        }
        call_wait(c, call_advance_recovered, call_expire_recovered);
    }
}

struct attach_call *attach_request(struct attach *a, const void *body, size_t n,
                                   attach_reply_fn *reply, void *aux)
{
    struct attach_call *c = call_alloc(a, body, n);
    c->reply = reply;
    c->aux = aux;
    a->depth++;
    call_take_in(c);
    attach_poke(a);
    a->depth--;
    if (a->replies && !a->replying) {
        a->replying = true; /* never from within this call: in the next turn */
        a->host->work(a->config.host_aux, attach_reply_nothing, attach_reply_scheduled, a);
    }
    return c;
}

void attach_abandon(struct attach_call *call)
{
    call->reply = NULL;
}

/* ---- waiting ---- */

struct attach_node attach_node_now(struct attach *a)
{
    struct attach_node node = {.why = ""};
    a->host->node(a->config.host_aux, &node);
    node.why = node.why ? node.why : "";
    return node;
}

static void attach_set_timer(struct attach *a)
{
    int64_t when = INT64_MAX;
    for (const struct attach_call *c = a->calls; c; c = c->next) {
        if (c->expire && c->deadline < when) {
            when = c->deadline;
        }
    }
    const int64_t others[] = {care_deadline(a), mend_deadline(a), a->recover_due};
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        when = others[i] < when ? others[i] : when;
    }
    a->host->timer(a->config.host_aux, when);
}

/* Ending a call may end or start others: then the list is gone over again. */
static bool attach_poke_once(struct attach *a)
{
    for (struct attach_call *c = a->calls; c; c = c->next) {
        void (*before)(struct attach_call * c) = c->advance;
        uint64_t ended = a->ended;
        if (!before) {
            continue;
        }
        before(c);
        if (a->ended != ended || c->advance != before) {
            return true;
        }
    }
    return false;
}

void attach_poke(struct attach *a)
{
    if (a->stopped) {
        return;
    }
    a->depth++;
    while (attach_poke_once(a)) {}
    attach_set_timer(a);
    if (--a->depth == 0) {
        attach_reply_all(a);
    }
}

void attach_run(struct attach *a, int64_t now)
{
    bool again = !a->stopped;
    a->depth++;
    while (again) {
        again = false;
        for (struct attach_call *c = a->calls; c && !again; c = c->next) {
            if (c->expire && c->deadline <= now) {
                c->expire(c);
                again = true;
            }
        }
    }
    if (!a->stopped) {
        care_run(a, now);
        mend_run(a, now);
        if (a->recover_due <= now) {
            attach_recover(a);
        }
    }
    a->depth--;
    attach_poke(a);
}

void attach_interfaces_changed(struct attach *a)
{
    mend_soon(a);
    attach_poke(a);
}

/* ---- ports to be removed ---- */

struct attach_trash {
    struct attach *a;
    VEC(char *) names;
};

static void attach_trash_done(void *aux, const struct err *err)
{
    struct attach_trash *t = aux;
    struct attach *a = t->a;
    a->emptying = false;
    for (size_t i = 0; i < t->names.n; i++) {
        if (err->code) {
            VEC_PUSH(&a->trash, t->names.v[i]);
        } else {
            mem_free(t->names.v[i]);
        }
    }
    VEC_DONE(&t->names);
    mem_free(t);
    if (err->code && err->code != ERR_CLOSED) {
        log_msg(LOG_AREA_CNI, LOG_WARN, "ports left behind cannot be removed: %s", err->text);
    }
}

void attach_empty_trash(struct attach *a)
{
    if (!a->trash.n || a->emptying || !attach_node_now(a).switch_ready) {
        return;
    }
    struct attach_trash *t = mem_calloc(1, sizeof *t);
    t->a = a;
    t->names.v = a->trash.v;
    t->names.n = a->trash.n;
    t->names.cap = a->trash.cap;
    a->trash.v = NULL;
    a->trash.n = a->trash.cap = 0;
    a->emptying = true;
    const char *const *names = (const char *const *)(void *)t->names.v;
    a->host->port_del(a->config.host_aux, names, t->names.n, attach_trash_done, t);
}

void attach_discard_port(struct attach *a, const char *name)
{
    attach_keep_port(a, name);
    VEC_PUSH(&a->trash, mem_strdup(name));
}

void attach_keep_port(struct attach *a, const char *name)
{
    for (size_t i = 0; i < a->trash.n; i++) {
        if (strcmp(a->trash.v[i], name) == 0) {
            mem_free(a->trash.v[i]);
            a->trash.v[i] = a->trash.v[--a->trash.n];
            return;
        }
    }
}

void attach_release(struct attach *a, struct record *rec, struct sbuf *released)
{
    for (size_t i = 0; i < rec->att->n_ips; i++) {
        char text[IP_TEXT_MAX];
        ipam_release(a->ipam, &rec->att->ips[i]);
        if (released) {
            sbuf_printf(released, "%s\n", ip_format(&rec->att->ips[i], text));
        }
    }
    rec->att->n_ips = 0;
}

void attach_update_metrics(struct attach *a)
{
    static const struct {
        uint8_t family;
        const char *name;
    } families[] = {{4, "4"}, {6, "6"}};
    for (size_t i = 0; i < ARRAY_LEN(families); i++) {
        if (ipam_has_family(a->ipam, families[i].family)) {
            metric_set(METRIC_IPAM_FREE, families[i].name, NULL,
                       (double)ipam_n_free(a->ipam, families[i].family));
        }
    }
}

/* ---- what the host tells ---- */

struct attach_repair {
    struct attach *a;
    char *key, *name;
    struct arena arena;
};

static void attach_repair_done(void *aux, const struct err *err)
{
    struct attach_repair *repair = aux;
    if (err->code) {
        log_msg(LOG_AREA_CNI, LOG_WARN, "port %s of %s was removed and cannot be added again: %s",
                repair->name, repair->key, err->text);
    }
    arena_done(&repair->arena);
    mem_free(repair->key);
    mem_free(repair->name);
    mem_free(repair);
}

/* Somebody removed the port of an attached Pod, or its device is another: it is added again with
 * its record. */
void attach_repair_port(struct attach *a, struct record *rec)
{
    struct attach_repair *repair = mem_calloc(1, sizeof *repair);
    struct attach_id ids[ATTACH_MAX_IDS];
    arena_init(&repair->arena, 0);
    repair->a = a;
    repair->key = mem_strdup(rec->key);
    repair->name = mem_strdup(rec->att->interface);
    size_t n = record_ids(rec, &repair->arena, ids);
    a->host->port_add(a->config.host_aux, repair->name, ids, n, attach_repair_done, repair);
}

void attach_saw_port(struct attach *a, const struct attach_port *port)
{
    struct record *rec = record_find_port(a, port->name);
    if (!rec && !a->recovered) {
        rec = record_read(a, port);
        for (size_t i = 0; rec && i < rec->att->n_ips; i++) {
            ipam_hold(a->ipam, &rec->att->ips[i]);
        }
        if (rec) {
            rec->settled = true;
        } else {
            attach_discard_port(a, port->name);
        }
    }
    if (!rec) {
        if (a->recovered) {
            attach_discard_port(a, port->name); /* of an attachment that is no more */
            attach_empty_trash(a);
        }
        return;
    }
    uint32_t before = rec->att->ofport;
    record_saw_port(rec, port);
    if (rec->row && rec->att->ofport != before) {
        record_publish(a, rec);
    }
    care_look(a, rec);
    attach_poke(a);
}

void attach_saw_port_gone(struct attach *a, const char *name)
{
    struct record *rec = record_find_port(a, name);
    if (!rec) {
        return;
    }
    rec->in_switch = false;
    rec->att->ofport = 0;
    if (rec->row) {
        record_publish(a, rec);
    }
    care_look(a, rec);
    bool wanted = rec->settled && !rec->leaving;
    if (a->recovered && wanted && attach_node_now(a).switch_ready) {
        attach_repair_port(a, rec);
    }
    attach_poke(a);
}

static void attach_add_missing(struct attach *a)
{
    HMAP_FOR_EACH(node, &a->records) {
        struct record *rec = CONTAINER_OF(node, struct record, node);
        if (rec->settled && !rec->leaving && !rec->in_switch) {
            attach_repair_port(a, rec);
        }
    }
}

void attach_switch_changed(struct attach *a)
{
    bool ready = attach_node_now(a).switch_ready;
    bool came = ready && !a->switch_was_ready;
    a->switch_was_ready = ready;
    if (came && !a->recovered && !a->recovering && a->recover_due == INT64_MAX) {
        attach_recover(a);
    } else if (came && a->recovered) {
        attach_add_missing(a);
    }
    attach_empty_trash(a);
    attach_poke(a);
}

void attach_node_changed(struct attach *a)
{
    struct attach_node node = attach_node_now(a);
    ipam_set_pools(a->ipam, node.pod_cidrs, node.n_pod_cidrs);
    attach_update_metrics(a);
    attach_poke(a);
}

void attach_pod_changed(struct attach *a, const char *namespace_, const char *name)
{
    (void)namespace_;
    (void)name;
    attach_poke(a);
}

void attach_flows_changed(struct attach *a, uint64_t acked_revision)
{
    a->acked = acked_revision > a->acked ? acked_revision : a->acked;
    attach_poke(a);
}

bool attach_recovered(const struct attach *a)
{
    return a->known;
}

bool attach_serves(const struct attach *a)
{
    return a->recovered;
}

enum cni_code attach_io_code(const struct attach *a, const struct err *err)
{
    return a->config.hcn && err_retry(err->code) == ERR_RETRY_LATER && err->code != ERR_IO
               ? CNI_TRY_AGAIN
               : CNI_IO_FAILURE;
}

bool attach_pool_exhausted(const struct attach *a)
{
    return ipam_is_exhausted(a->ipam);
}

size_t attach_count(const struct attach *a)
{
    return a->records.n;
}

/* ---- the history of releases ---- */

void attach_history_path(const struct attach *a, struct sbuf *out)
{
    if (a->run_dir) {
        sbuf_printf(out, "%s/released", a->run_dir);
    }
}

struct attach_history {
    struct sbuf path, text;
};

static void attach_history_put(void *aux, const struct ip *ip)
{
    char text[IP_TEXT_MAX];
    sbuf_printf(aux, "%s\n", ip_format(ip, text));
}

static void attach_history_write(void *arg)
{
    struct attach_history *h = arg;
    file_write_atomic(h->path.data, sbuf_cstr(&h->text), h->text.len, NULL);
}

static void attach_history_written(void *arg)
{
    struct attach_history *h = arg;
    sbuf_done(&h->path);
    sbuf_done(&h->text);
    mem_free(h);
}

void attach_history_tidy(struct attach *a, size_t more)
{
    a->releases += more;
    if (!a->run_dir || a->releases < ATTACH_RELEASED_REWRITE) {
        return;
    }
    a->releases = 0;
    struct attach_history *h = mem_calloc(1, sizeof *h);
    attach_history_path(a, &h->path);
    ipam_each_released(a->ipam, attach_history_put, &h->text);
    a->host->work(a->config.host_aux, attach_history_write, attach_history_written, h);
}

void attach_stop(struct attach *a)
{
    a->stopped = true;
}

void attach_free(struct attach *a)
{
    if (!a) {
        return;
    }
    while (a->calls) {
        call_free(a->calls);
    }
    HMAP_FOR_EACH_SAFE(node, tmp, &a->locks) {
        lock_free(a, CONTAINER_OF(node, struct lock, node));
    }
    HMAP_FOR_EACH_SAFE(node, tmp, &a->records) {
        record_remove(a, CONTAINER_OF(node, struct record, node));
    }
    for (size_t i = 0; i < a->trash.n; i++) {
        mem_free(a->trash.v[i]);
    }
    VEC_DONE(&a->trash);
    mend_free(a);
    hmap_done(&a->locks);
    hmap_done(&a->records);
    ipam_free(a->ipam);
    mem_free(a->run_dir);
    mem_free(a->deletions);
    mem_free(a->owner);
    mem_free(a);
}
