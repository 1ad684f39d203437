/* SPDX-License-Identifier: Apache-2.0
 *
 * The data plane without Open vSwitch (--datapath-type hns): endpoints' access lists as targets of
 * the engine, and a place for the records of attachments.
 *
 *   read   version of the service, the network, what endpoints and sets are there: becomes
 *          node_config and what is installed
 *   apply  one plan of both spaces
 *
 * Both block, so they run on the work queue, one at a time.  After anything but success all is read
 * back before it is planned again.  The gate is the switch's: nothing is written before every
 * source is complete and the records were read.
 *
 * A record is a file of its own, PORT.json in <run-dir>/ports, written before the Pod has its
 * result: the ids that a port's row in Open vSwitch would hold. */
#include "core/agent/agent_internal.h"

#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/vec.h"
#include "core/intent/intent.h"
#include "core/io/work.h"
#include "hns/acl.h"
#include "hns/acl_target.h"
#include "hns/network.h"
#include "hns/pod_endpoint.h"
#include "platform/ipc.h"

enum {
    ACL_RETRY_MIN_MS = 100,
    ACL_RETRY_MAX_MS = 5000,
    ACL_EVENTS_MS = 1000, /* so long endpoints' events are gathered */
    ACL_RECORD_MAX = 65536,
    ACL_MAX_IDS = 64,
    ACL_OFPORT = 1, /* every port has one, as far as attachments go */
};

/* A request of the CNI end that is told its end in the next turn. */
struct acl_ended {
    attach_done_fn *done;
    void *aux;
    struct err err;
};
struct agent_acl {
    struct agent *a;
    char *dir;
    struct loop_deferred *tell;
    VEC(struct acl_ended) ended;
    struct loop_timer *retry, *events;
    unsigned retry_ms;
    bool busy, waiting, over;
    bool gathering; /* events, for 'events' */
    bool must_read;
    bool known;        /* the service's version and network */
    bool read_records; /* lists of recovered attachments were read too */
    struct guid network;
    char error[ERR_TEXT_MAX];
};

/* What a job needs, and what it found: no state is shared with the loop. */
struct acl_job {
    struct agent_acl *l;
    struct arena arena;
    struct hns_client *client;
    bool apply; /* else read */
    /* read */
    struct acl_place *places;
    size_t n_places;
    bool recovered;
    struct hcn_version version;
    struct acl_rows lists, sets;
    /* both */
    struct guid network;
    struct err err; /* code 0: all went well */
    /* apply */
    struct acl_changes list_changes, set_changes;
    struct acl_result result;
};

/* ---- on the work thread ---- */

static int acl_find_network(struct acl_job *job)
{
    struct hcn_network n;
    struct err why = {0};
    enum hns_found found = network_find(job->client, NETWORK_NAME, &job->arena, &n, &why);
    if (found == HNS_UNKNOWN) {
        return hns_pass(&why, &job->err);
    }
    if (found == HNS_ABSENT) {
        return err_set(&job->err, ERR_NOT_FOUND, "HNS network %s is not there", NETWORK_NAME);
    }
    job->network = n.id;
    return 0;
}

static void acl_job_run(void *aux)
{
    struct acl_job *job = aux;
    if (job->apply) {
        acl_target_apply(job->client, &job->network, &job->set_changes, &job->list_changes,
                         &job->result);
        return;
    }
    if (hns_version(job->client, &job->version, &job->err) < 0 || acl_find_network(job) < 0 ||
        acl_target_read(job->client, job->places, job->n_places, &job->arena, &job->lists,
                        &job->err) < 0) {
        return;
    }
    acl_target_read_sets(job->client, &job->network, &job->arena, &job->sets, &job->err);
}

/* ---- jobs ---- */

static struct acl_job *acl_job_new(struct agent_acl *l, bool apply)
{
    struct acl_job *job = mem_calloc(1, sizeof *job);
    job->l = l;
    job->apply = apply;
    job->client = agent_hns_client(l->a);
    job->network = l->network;
    arena_init(&job->arena, 0);
    return job;
}

static struct guid acl_endpoint(const struct agent *a, const char *key)
{
    const struct row *row = store_get(a->store, TABLE_ATTACHMENT, key);
    const struct attachment *at = row ? row->value : NULL;
    return at ? pod_endpoint_id(a->o->gateway, at->interface) : (struct guid){{0}};
}

static void acl_take_places(struct acl_job *job)
{
    const struct agent *a = job->l->a;
    size_t n = 0;
    const struct row **rows = store_list(a->store, TABLE_LOCAL, &job->arena, &n);
    job->places = arena_alloc(&job->arena, n * sizeof *job->places);
    for (size_t i = 0; i < n; i++) {
        const struct intent_local *local = rows[i]->value;
        job->places[job->n_places++] =
            (struct acl_place){.key = arena_strdup(&job->arena, rows[i]->key),
                               .pod = arena_strdup(&job->arena, local->pod),
                               .endpoint = acl_endpoint(a, rows[i]->key)};
    }
}

static char *acl_text(struct arena *a, struct bytes b)
{
    char *text = b.p ? arena_alloc(a, b.n + 1) : NULL;
    if (text) {
        memcpy(text, b.p, b.n);
        text[b.n] = 0;
    }
    return text;
}

static struct acl_changes acl_take_plan(struct acl_job *job, int space)
{
    const struct plan *plan = engine_plan(job->l->a->engine, space);
    struct acl_change *v = arena_alloc(&job->arena, plan->n * sizeof *v);
    for (size_t i = 0; i < plan->n; i++) {
        v[i] = (struct acl_change){.op = plan->items[i].op,
                                   .key = acl_text(&job->arena, plan->items[i].key),
                                   .text = acl_text(&job->arena, plan->items[i].value)};
        v[i].endpoint = acl_endpoint(job->l->a, v[i].key);
    }
    return (struct acl_changes){v, plan->n};
}

/* ---- what came of them ---- */

static void acl_failed(struct agent_acl *l, const struct err *err)
{
    if (strcmp(l->error, err->text) != 0) {
        log_msg(LOG_AREA_HOST, LOG_WARN, "access lists: %s", err->text);
        snprintf(l->error, sizeof l->error, "%s", err->text);
    }
    l->must_read = true;
    l->waiting = true;
    loop_timer_after(l->retry, l->retry_ms);
    l->retry_ms = l->retry_ms * 2 < ACL_RETRY_MAX_MS ? l->retry_ms * 2 : ACL_RETRY_MAX_MS;
}

static void acl_succeeded(struct agent_acl *l)
{
    l->error[0] = 0;
    l->retry_ms = ACL_RETRY_MIN_MS;
}

static void acl_give(struct engine *e, int space, const struct acl_rows *rows)
{
    engine_dump_begin(e, space);
    for (size_t i = 0; i < rows->n; i++) {
        const struct acl_row *r = &rows->v[i];
        engine_dump_row(e, space, (struct bytes){r->key, strlen(r->key)},
                        (struct bytes){r->value, strlen(r->value)});
    }
    engine_dump_end(e, space);
}

static void acl_put_config(struct agent *a, const struct hcn_version *version)
{
    struct node_config *c = agent_config_new(a);
    c->hns_major = version->major;
    c->hns_minor = version->minor;
    a->config_known = true;
    agent_config_put(a, c);
}

static void acl_read_done(struct agent_acl *l, struct acl_job *job)
{
    struct agent *a = l->a;
    if (job->err.code) {
        acl_failed(l, &job->err);
        return;
    }
    bool first = !l->known;
    l->must_read = false;
    l->network = job->network;
    l->known = true;
    l->read_records = l->read_records || job->recovered;
    acl_give(a->engine, SPACE_ACL_SET, &job->sets);
    acl_give(a->engine, SPACE_ACL, &job->lists);
    acl_succeeded(l);
    acl_put_config(a, &job->version);
    if (first) {
        attach_switch_changed(a->attach);
    }
}

static void acl_settle(struct engine *e, int space, const struct acl_result *r)
{
    if (r->end == ACL_DONE) {
        engine_plan_done(e, space);
    } else if (r->end == ACL_REFUSED && r->space == space) {
        engine_plan_refused(e, space, r->item, r->err.text);
    } else {
        engine_plan_unknown(e, space);
    }
}

static void acl_apply_done(struct agent_acl *l, struct acl_job *job)
{
    struct agent *a = l->a;
    const struct acl_result *r = &job->result;
    if (job->set_changes.n) {
        acl_settle(a->engine, SPACE_ACL_SET, r);
    }
    if (job->list_changes.n) {
        acl_settle(a->engine, SPACE_ACL, r);
    }
    if (r->end == ACL_DONE) {
        acl_succeeded(l);
    } else {
        acl_failed(l, &r->err);
    }
}

static void acl_job_done(void *aux)
{
    struct acl_job *job = aux;
    struct agent_acl *l = job->l;
    l->busy = false;
    if (l->over) {
        mem_free(l);
    } else {
        if (job->apply) {
            acl_apply_done(l, job);
        } else {
            acl_read_done(l, job);
        }
        agent_progress(l->a);
    }
    arena_done(&job->arena);
    mem_free(job);
}

static void acl_submit(struct agent_acl *l, struct acl_job *job)
{
    l->busy = true;
    work_submit(l->a->loop, acl_job_run, acl_job_done, job);
}

/* ---- what is to be done ---- */

static void acl_read(struct agent_acl *l)
{
    struct acl_job *job = acl_job_new(l, false);
    job->recovered = attach_recovered(l->a->attach) && !engine_is_dirty(l->a->engine);
    acl_take_places(job);
    acl_submit(l, job);
}

static void acl_apply(struct agent_acl *l)
{
    struct acl_job *job = acl_job_new(l, true);
    job->set_changes = acl_take_plan(job, SPACE_ACL_SET);
    job->list_changes = acl_take_plan(job, SPACE_ACL);
    if (job->set_changes.n || job->list_changes.n) {
        acl_submit(l, job);
    } else {
        arena_done(&job->arena);
        mem_free(job);
    }
}

void agent_acl_look(struct agent *a)
{
    struct agent_acl *l = a->acl;
    if (!l || l->busy || l->waiting || agent_hns_state(a) != AGENT_HNS_READY) {
        return;
    }
    bool recovered = attach_recovered(a->attach) && !engine_is_dirty(a->engine);
    if (l->must_read || (recovered && !l->read_records)) {
        acl_read(l);
    } else if (a->gate && !engine_is_dirty(a->engine)) {
        acl_apply(l);
    }
}

static void acl_retry(void *aux)
{
    struct agent_acl *l = aux;
    l->waiting = false;
    engine_retry(l->a->engine, SPACE_ACL_SET);
    engine_retry(l->a->engine, SPACE_ACL);
    agent_progress(l->a);
}

void agent_acl_reread(struct agent *a)
{
    if (a->acl) {
        a->acl->must_read = true;
        agent_acl_look(a);
    }
}

static void acl_gathered(void *aux)
{
    struct agent_acl *l = aux;
    l->gathering = false;
    agent_acl_reread(l->a);
}

void agent_acl_event(struct agent *a)
{
    struct agent_acl *l = a->acl;
    if (l && !l->gathering) {
        l->gathering = true;
        loop_timer_after(l->events, ACL_EVENTS_MS);
    }
}

void agent_acl_gate(struct agent *a)
{
    agent_gate_set(a, attach_recovered(a->attach) && a->acl->read_records &&
                          !engine_is_dirty(a->engine));
}

bool agent_acl_is_up(const struct agent *a)
{
    return a->acl->known && agent_hns_state(a) == AGENT_HNS_READY;
}

bool agent_acl_in_sync(const struct agent *a)
{
    return a->acl->known && !a->acl->must_read && engine_in_sync(a->engine, SPACE_ACL) &&
           engine_in_sync(a->engine, SPACE_ACL_SET);
}

void agent_acl_why(const struct agent *a, struct sbuf *out)
{
    if (a->acl->error[0]) {
        sbuf_printf(out, "access lists: %s", a->acl->error);
    } else if (!a->acl->known) {
        sbuf_puts(out, "access lists: not read yet");
    }
}

/* ---- records ---- */

static void acl_tell_ended(void *aux)
{
    struct agent_acl *l = aux;
    for (size_t i = 0; i < l->ended.n; i++) { /* telling may add more */
        struct acl_ended one = l->ended.v[i];
        one.done(one.aux, &one.err);
    }
    l->ended.n = 0;
}

static void acl_end(struct agent_acl *l, attach_done_fn *done, void *aux, const struct err *err)
{
    VEC_PUSH(&l->ended, ((struct acl_ended){done, aux, *err}));
    loop_deferred_schedule(l->tell);
}

static void acl_path(const struct agent_acl *l, const char *name, struct sbuf *out)
{
    sbuf_printf(out, "%s/%s.json", l->dir, name);
}

static void acl_see(struct agent *a, const char *name, const struct attach_id *ids, size_t n)
{
    struct attach_port seen = {
        .name = name, .ofport = ACL_OFPORT, .error = "", .internal = true, .ids = ids, .n_ids = n};
    attach_saw_port(a->attach, &seen);
}

void agent_acl_port_add(struct agent *a, const char *name, const struct attach_id *ids, size_t n,
                        attach_done_fn *done, void *aux)
{
    auto_sbuf path = SBUF_INIT;
    auto_sbuf text = SBUF_INIT;
    struct err err = {0};
    acl_path(a->acl, name, &path);
    for (size_t i = 0; i < n; i++) {
        sbuf_puts(&text, i ? ",\n" : "{\n");
        sbuf_put_json(&text, ids[i].key);
        sbuf_puts(&text, ": ");
        sbuf_put_json(&text, ids[i].value);
    }
    sbuf_puts(&text, n ? "\n}\n" : "{}\n");
    file_write_atomic(path.data, text.data, text.len, &err);
    if (!err.code) {
        acl_see(a, name, ids, n);
    }
    acl_end(a->acl, done, aux, &err);
}

void agent_acl_port_del(struct agent *a, const char *const *names, size_t n, attach_done_fn *done,
                        void *aux)
{
    struct err err = {0};
    for (size_t i = 0; i < n && !err.code; i++) {
        auto_sbuf path = SBUF_INIT;
        acl_path(a->acl, names[i], &path);
        if (file_remove(path.data, &err) == 0) {
            attach_saw_port_gone(a->attach, names[i]);
        }
    }
    acl_end(a->acl, done, aux, &err);
}

/* One record: its ids are told.  What cannot be read is told and left: its Pod stays blocked. */
static void acl_read_record(struct agent_acl *l, const char *file)
{
    static const char ending[] = ".json";
    struct attach_id ids[ACL_MAX_IDS];
    struct err err = {0};
    size_t len = strlen(file), stem = len - (sizeof ending - 1), n = 0, size = 0;
    if (len < sizeof ending || strcmp(file + stem, ending) != 0) {
        return;
    }
    auto_sbuf path = SBUF_INIT;
    auto_free char *text = NULL, *name = mem_strndup(file, stem);
    sbuf_printf(&path, "%s/%s", l->dir, file);
    cJSON *json = NULL;
    if (file_read(path.data, ACL_RECORD_MAX, &text, &size, &err) == 0) {
        json = cJSON_ParseWithLength(text, size);
    }
    if (!cJSON_IsObject(json)) {
        log_msg(LOG_AREA_CNI, LOG_ERROR, "%s: %s", path.data, err.code ? err.text : "no record");
    } else {
        const cJSON *id;
        cJSON_ArrayForEach(id, json) {
            if (cJSON_IsString(id) && n < ARRAY_LEN(ids)) {
                ids[n++] = (struct attach_id){id->string, id->valuestring};
            }
        }
        acl_see(l->a, name, ids, n);
    }
    cJSON_Delete(json);
}

static int acl_read_records(struct agent_acl *l, struct err *err)
{
    char **names = NULL;
    size_t n = 0;
    int rc = dir_make_private(l->dir, err);
    rc = rc < 0 ? rc : file_list(l->dir, &names, &n, err);
    for (size_t i = 0; i < n; i++) {
        acl_read_record(l, names[i]);
        mem_free(names[i]);
    }
    mem_free(names);
    return rc;
}

/* ---- life ---- */

void agent_acl_new(struct agent *a)
{
    auto_sbuf dir = SBUF_INIT;
    struct agent_acl *l = mem_calloc(1, sizeof *l);
    sbuf_printf(&dir, "%s/ports", a->o->run_dir);
    l->a = a;
    l->dir = sbuf_take(&dir);
    l->tell = loop_deferred_new(a->loop, acl_tell_ended, l);
    l->retry = loop_timer_new(a->loop, acl_retry, l);
    l->events = loop_timer_new(a->loop, acl_gathered, l);
    l->retry_ms = ACL_RETRY_MIN_MS;
    l->must_read = true;
    a->acl = l;
}

int agent_acl_start(struct agent *a, struct err *err)
{
    return acl_read_records(a->acl, err);
}

void agent_acl_end(struct agent *a)
{
    struct agent_acl *l = a->acl;
    if (!l) {
        return;
    }
    loop_deferred_free(l->tell);
    loop_timer_free(l->retry);
    loop_timer_free(l->events);
    VEC_DONE(&l->ended);
    mem_free(l->dir);
    a->acl = NULL;
    l->over = true;
    if (!l->busy) {
        mem_free(l);
    }
}
