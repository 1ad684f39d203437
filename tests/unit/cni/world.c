/* SPDX-License-Identifier: Apache-2.0
 *
 * A world for the agent's end of CNI, see world.h. */
#include "tests/unit/cni/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cni/env.h"
#include "core/base/mem.h"
#include "tests/support/os.h"

static struct world *the_world; /* the system's functions have no argument for it */

/* ---- system ---- */

static size_t world_find_interface(const struct world *w, const char *name)
{
    size_t i = 0;
    while (i < w->n_interfaces && strcmp(w->interfaces[i], name) != 0) {
        i++;
    }
    return i;
}

void world_add_interface(struct world *w, const char *name)
{
    snprintf(w->interfaces[w->n_interfaces++], sizeof *w->interfaces, "%s", name);
}

static int world_pod_create(const struct netif_pod *pod, struct err *err)
{
    struct world *w = the_world;
    sbuf_puts(&w->trace, "create ");
    w->created = *pod;
    if (w->create_rc) {
        return err_set(err, w->create_rc, "create was told to fail");
    }
    if (world_find_interface(w, pod->host_name) < w->n_interfaces) {
        return err_set(err, ERR_EXISTS, "%s is there", pod->host_name);
    }
    world_add_interface(w, pod->host_name);
    return 0;
}

static int world_pod_delete(const char *host_name, struct err *err)
{
    struct world *w = the_world;
    sbuf_puts(&w->trace, "delete ");
    if (w->delete_rc) {
        return err_set(err, w->delete_rc, "delete was told to fail");
    }
    size_t i = world_find_interface(w, host_name);
    if (i < w->n_interfaces) {
        memcpy(w->interfaces[i], w->interfaces[--w->n_interfaces], sizeof *w->interfaces);
    }
    return 0;
}

static int world_pod_check(const struct netif_pod *pod, struct err *err)
{
    (void)pod;
    return the_world->check_rc ? err_set(err, the_world->check_rc, "MTU is 1, not 2") : 0;
}

static int world_netns_check(const char *netns, struct err *err)
{
    const char *missing = the_world->missing_netns;
    if (the_world->netns_rc) {
        return err_set(err, the_world->netns_rc, "netns_check was told to fail");
    }
    return missing && strcmp(missing, netns) == 0
               ? err_set(err, ERR_NOT_FOUND, "network namespace %s: No such file", netns)
               : 0;
}

static int world_exists(const char *host_name, struct err *err)
{
    const struct world *w = the_world;
    return w->exists_rc ? err_set(err, w->exists_rc, "exists was told to fail")
                        : world_find_interface(w, host_name) < w->n_interfaces;
}

static int world_list(const char *owner, char ***names_out, size_t *n_out, struct err *err)
{
    (void)err;
    struct world *w = the_world;
    assert_string_equal(owner, "gw-test");
    if (w->list_rc) {
        return w->list_rc;
    }
    *names_out = mem_calloc(w->n_interfaces + 1, sizeof **names_out);
    *n_out = w->n_interfaces;
    for (size_t i = 0; i < w->n_interfaces; i++) {
        (*names_out)[i] = mem_strdup(w->interfaces[i]);
    }
    return 0;
}

static bool world_nic_exists(const char *name)
{
    const struct world *w = the_world;
    for (size_t i = 0; i < w->n_nics; i++) {
        if (strcmp(w->nics[i], name) == 0) {
            return true;
        }
    }
    return false;
}

void world_add_nic(struct world *w, const char *name)
{
    snprintf(w->nics[w->n_nics++], sizeof *w->nics, "%s", name);
}

static const struct attach_system world_system = {
    .pod_create = world_pod_create,
    .pod_delete = world_pod_delete,
    .pod_check = world_pod_check,
    .netns_check = world_netns_check,
    .exists = world_exists,
    .list = world_list,
    .nic_exists = world_nic_exists,
};

/* ---- switch ---- */

static void world_push(struct world *w, const struct world_event *e)
{
    assert_true(w->n_events < WORLD_MAX);
    w->events[w->n_events++] = *e;
}

static size_t world_find_port(const struct world *w, const char *name)
{
    size_t i = 0;
    while (i < w->n_ports && strcmp(w->ports[i].name, name) != 0) {
        i++;
    }
    return i;
}

static void world_drop_port(struct world *w, size_t i)
{
    for (size_t j = 0; j < w->ports[i].n_ids; j++) {
        mem_free((void *)(uintptr_t)w->ports[i].ids[j].key);
        mem_free((void *)(uintptr_t)w->ports[i].ids[j].value);
    }
    w->ports[i] = w->ports[--w->n_ports];
}

void world_add_port(struct world *w, const char *name, const struct attach_id *ids, size_t n)
{
    size_t at = world_find_port(w, name);
    if (at < w->n_ports) {
        world_drop_port(w, at);
    }
    struct world_port *p = &w->ports[w->n_ports++];
    snprintf(p->name, sizeof p->name, "%s", name);
    p->ofport = w->hold_ofport || w->late_ports ? 0 : ++w->next_ofport;
    p->internal = false;
    p->n_ids = n;
    for (size_t i = 0; i < n; i++) {
        p->ids[i] = (struct attach_id){mem_strdup(ids[i].key), mem_strdup(ids[i].value)};
    }
}

static void world_tell_port(struct world *w, const struct world_port *p)
{
    struct attach_port port = {.name = p->name,
                               .ofport = p->ofport,
                               .error = w->port_error ? w->port_error : "",
                               .internal = p->internal,
                               .ids = p->ids,
                               .n_ids = p->n_ids};
    attach_saw_port(w->a, &port);
}

void world_tell_ports(struct world *w)
{
    for (size_t i = 0; i < w->n_ports; i++) {
        world_tell_port(w, &w->ports[i]);
    }
}

static void world_port_add(void *aux, const char *name, const struct attach_id *ids, size_t n_ids,
                           attach_done_fn *done, void *done_aux)
{
    struct world *w = aux;
    struct world_event e = {.port_done = done, .arg = done_aux};
    sbuf_puts(&w->trace, "port_add ");
    if (w->port_add_rc || !w->node.switch_ready) {
        err_set(&e.err, w->port_add_rc ? w->port_add_rc : ERR_CLOSED, "port_add was told to fail");
    } else {
        world_add_port(w, name, ids, n_ids);
    }
    world_push(w, &e);
}

static void world_port_internal(void *aux, const char *name, attach_done_fn *done, void *done_aux)
{
    struct world *w = aux;
    struct world_event e = {.port_done = done, .arg = done_aux};
    size_t at = world_find_port(w, name);
    sbuf_puts(&w->trace, "internal ");
    if (w->internal_rc || at == w->n_ports) {
        err_set(&e.err, w->internal_rc ? w->internal_rc : ERR_NOT_FOUND, "was told to fail");
    } else {
        w->ports[at].internal = true;
        w->ports[at].ofport = w->hold_ofport ? 0 : ++w->next_ofport;
    }
    world_push(w, &e);
}

static void world_port_del(void *aux, const char *const *names, size_t n, attach_done_fn *done,
                           void *done_aux)
{
    struct world *w = aux;
    struct world_event e = {.port_done = done, .arg = done_aux};
    sbuf_puts(&w->trace, "port_del ");
    if (w->port_del_rc || !w->node.switch_ready) {
        err_set(&e.err, w->port_del_rc ? w->port_del_rc : ERR_CLOSED, "port_del was told to fail");
    }
    for (size_t i = 0; i < n && !e.err.code; i++) {
        size_t at = world_find_port(w, names[i]);
        if (at < w->n_ports) {
            world_drop_port(w, at);
        }
    }
    world_push(w, &e);
}

/* ---- the rest of the host ---- */

static void world_node(void *aux, struct attach_node *out)
{
    *out = ((struct world *)aux)->node;
}

static enum attach_pod_state world_pod(void *aux, const char *namespace_, const char *name,
                                       const char *uid)
{
    const struct world *w = aux;
    char prefix[128];
    snprintf(prefix, sizeof prefix, "%s/%s/", namespace_, name);
    for (size_t i = 0; i < w->n_pods; i++) {
        if (strncmp(w->pods[i], prefix, strlen(prefix)) == 0) {
            bool same = !*uid || strcmp(w->pods[i] + strlen(prefix), uid) == 0;
            return same ? ATTACH_POD_KNOWN : ATTACH_POD_OTHER_UID;
        }
    }
    return ATTACH_POD_UNKNOWN;
}

static void world_attachment(void *aux, const char *key, const struct attachment *a)
{
    struct world *w = aux;
    sbuf_puts(&w->trace, a ? "row " : "unrow ");
    w->revision++;
    size_t i = 0;
    while (i < w->n_rows && strncmp(w->rows[i], key, strlen(key)) != 0) {
        i++;
    }
    if (i < w->n_rows) {
        memmove(w->rows[i], w->rows[--w->n_rows], sizeof *w->rows);
    }
    if (a) {
        snprintf(w->rows[w->n_rows++], sizeof *w->rows, "%s %u", key, (unsigned)a->ofport);
    }
}

static uint64_t world_revision(void *aux)
{
    return ((struct world *)aux)->revision;
}

static void world_work(void *aux, attach_work_fn *run, attach_work_fn *done, void *arg)
{
    world_push(aux, &(struct world_event){.run = run, .done = done, .arg = arg});
}

static int64_t world_now(void *aux)
{
    return ((struct world *)aux)->now;
}

static void world_timer(void *aux, int64_t when)
{
    ((struct world *)aux)->timer = when;
}

static const struct cni_host world_host = {
    .node = world_node,
    .pod = world_pod,
    .attachment = world_attachment,
    .revision = world_revision,
    .port_add = world_port_add,
    .port_del = world_port_del,
    .port_internal = world_port_internal,
    .work = world_work,
    .now = world_now,
    .timer = world_timer,
};

/* ---- life ---- */

static void world_start(struct world *w)
{
    struct attach_config config = {.host = &world_host,
                                   .host_aux = w,
                                   .system = &world_system,
                                   .run_dir = w->run_dir,
                                   .deletions = w->deletions,
                                   .owner = "gw-test",
                                   .pod_timeout_ms = WORLD_TIMEOUT_MS,
                                   .hcn = w->hcn,
                                   .late_ports = w->late_ports};
    w->a = attach_new(&config);
}

void world_set_families(struct world *w, const char *first, const char *second)
{
    assert_true(prefix_parse(first, &w->cidrs[0]));
    assert_true(!second || prefix_parse(second, &w->cidrs[1]));
    w->node.pod_cidrs = w->cidrs;
    w->node.n_pod_cidrs = second ? 2 : 1;
    if (w->a) {
        attach_node_changed(w->a);
    }
}

static struct world *world_alloc(void)
{
    struct world *w = mem_calloc(1, sizeof *w);
    the_world = w;
    w->netns = "/run/netns/x";
    assert_int_equal(os_temp_dir(w->run_dir, sizeof w->run_dir), 0);
    snprintf(w->deletions, sizeof w->deletions, "%s/deletions", w->run_dir);
    w->node = (struct attach_node){
        .mtu = 1450, .switch_ready = true, .ready = true, .serves = true, .why = "the reason"};
    world_set_families(w, "10.9.0.0/24", NULL);
    return w;
}

struct world *world_new_unread(void)
{
    struct world *w = world_alloc();
    world_start(w);
    return w;
}

struct world *world_new_windows(void)
{
    struct world *w = world_alloc();
    w->hcn = w->late_ports = true;
    w->netns = "11111111-2222-3333-4444-555555555555";
    world_start(w);
    attach_switch_changed(w->a);
    world_pump(w);
    sbuf_clear(&w->trace);
    return w;
}

struct world *world_new(void)
{
    struct world *w = world_new_unread();
    attach_switch_changed(w->a);
    world_pump(w);
    sbuf_clear(&w->trace);
    return w;
}

void world_restart(struct world *w, bool read)
{
    attach_stop(w->a);
    while (world_step(w)) {}
    attach_free(w->a);
    w->n_rows = 0;
    world_start(w);
    if (read) {
        world_tell_ports(w);
        attach_switch_changed(w->a);
        world_pump(w);
    }
    sbuf_clear(&w->trace);
}

void world_free(struct world *w)
{
    attach_stop(w->a);
    while (world_step(w)) {}
    attach_free(w->a);
    while (w->n_ports) {
        world_drop_port(w, 0);
    }
    sbuf_done(&w->trace);
    os_remove_tree(w->run_dir);
    mem_free(w);
}

bool world_step(struct world *w)
{
    if (!w->n_events) {
        return false;
    }
    struct world_event e = w->events[0];
    memmove(w->events, w->events + 1, --w->n_events * sizeof e);
    if (e.port_done) {
        e.port_done(e.arg, &e.err);
        world_tell_ports(w);
    } else {
        e.run(e.arg);
        e.done(e.arg);
    }
    return true;
}

void world_pump(struct world *w)
{
    uint64_t told = UINT64_MAX;
    while (world_step(w) || (!w->hold_acks && told != w->revision)) {
        if (!w->hold_acks && !w->n_events) {
            told = w->revision;
            attach_flows_changed(w->a, w->revision);
        }
    }
}

void world_sleep(struct world *w, int64_t ms)
{
    int64_t until = w->now + ms;
    world_pump(w);
    while (w->timer <= until) {
        w->now = w->timer > w->now ? w->timer : w->now;
        attach_run(w->a, w->now);
        world_pump(w);
    }
    w->now = until;
    world_pump(w);
}

void world_connect(struct world *w, bool ready)
{
    w->node.switch_ready = ready;
    attach_switch_changed(w->a);
    world_pump(w);
}

void world_know_pod(struct world *w, const char *pod)
{
    snprintf(w->pods[w->n_pods++], sizeof *w->pods, "%s", pod);
    attach_pod_changed(w->a, "", "");
    world_pump(w);
}

/* ---- requests ---- */

static void world_reply(void *aux, const struct attach_reply *reply)
{
    struct world *w = aux;
    struct world_reply *r = &w->replies[w->n_replies++];
    sbuf_puts(&w->trace, "reply ");
    r->status = reply->status;
    snprintf(r->body, sizeof r->body, "%s", reply->body);
    assert_int_equal(strlen(reply->body), reply->n);
}

struct attach_call *world_send(struct world *w, const char *verb, const char *container,
                               const char *args, const char *more)
{
    auto_sbuf config = SBUF_INIT, body = SBUF_INIT;
    size_t before = w->n_replies;
    sbuf_printf(&config, "{\"cniVersion\":\"1.1.0\",\"name\":\"seine\",\"type\":\"seine-cni\"%s}",
                more);
    struct cni_env env = {verb, container, w->netns, "eth0", args};
    cni_env_format(&env, config.data, &body);
    struct attach_call *call = attach_request(w->a, body.data, body.len, world_reply, w);
    assert_int_equal(w->n_replies, before); /* never from within */
    return call;
}

const struct world_reply *world_ask(struct world *w, const char *verb, const char *container,
                                    const char *args, const char *more)
{
    size_t before = w->n_replies;
    world_send(w, verb, container, args, more);
    world_pump(w);
    if (w->n_replies == before) {
        fail_msg("%s %s: no reply", verb, container);
    }
    return &w->replies[w->n_replies - 1];
}

void world_expect(const struct world *w, int code, const char *part)
{
    assert_true(w->n_replies > 0);
    const struct world_reply *r = &w->replies[w->n_replies - 1];
    char wanted[32] = "";
    if (code) {
        snprintf(wanted, sizeof wanted, "\"code\":%d,", code);
    }
    if (r->status != (code ? 500 : 200) || !strstr(r->body, wanted) || !strstr(r->body, part)) {
        fail_msg("expected %d \"%s\", got %d %s", code, part, r->status, r->body);
    }
}

void world_expect_counts(const struct world *w, size_t n)
{
    assert_int_equal(w->n_interfaces, n);
    assert_int_equal(w->n_ports, n);
    assert_int_equal(w->n_rows, n);
    assert_int_equal(attach_count(w->a), n);
}

const char *world_id(const struct world_port *p, const char *key)
{
    for (size_t i = 0; i < p->n_ids; i++) {
        if (strcmp(p->ids[i].key, key) == 0) {
            return p->ids[i].value;
        }
    }
    return "(none)";
}

const struct world_port *world_port_of(const struct world *w, const char *container)
{
    for (size_t i = 0; i < w->n_ports; i++) {
        if (strcmp(world_id(&w->ports[i], "seine.container-id"), container) == 0) {
            return &w->ports[i];
        }
    }
    return NULL;
}
