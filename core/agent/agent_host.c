/* SPDX-License-Identifier: Apache-2.0
 *
 * The node's own stack: IP forwarding, the gateway device, and two targets of the engine, routes
 * and masquerade.  All of it blocks, so it runs on the work queue, one job at a time:
 *
 *   prepare  forwarding on; uplink's MTU; gateway device up with its addresses; both targets read
 *            back
 *   apply    the plans of both targets
 *
 * A job that fails is followed by preparing anew after a while.  Nothing is applied while the gate
 * to the switch is shut: what is there stays until the sources are complete. */
#include "core/agent/agent_internal.h"

#include <stdio.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/vec.h"
#include "core/intent/intent.h"
#include "core/io/work.h"
#include "platform/hostnat.h"
#include "platform/netif.h"
#include "platform/route.h"

enum {
    HOST_RETRY_MIN_MS = 100,
    HOST_RETRY_MAX_MS = 10000,
    HOST_MTU_FALLBACK = 1500,
};

struct host_row {
    struct bytes key, value; /* in the job's arena */
};
struct host_rows {
    VEC(struct host_row) rows;
};

/* What a job needs, and what it found: no state is shared with the loop. */
struct host_job {
    struct host *host;
    struct arena arena;
    bool apply; /* else prepare */
    char gateway[64];
    char proc_sys[STREAM_ADDRESS_MAX];
    bool masquerade;
    /* prepare */
    struct ip uplink;       /* the node's outer address; family 0: none */
    uint32_t mtu, overhead; /* mtu 0: from the uplink */
    struct netif_device device;
    struct prefix addresses[SELF_MAX_CIDRS];
    uint32_t mtu_found;
    /* apply, or found by prepare */
    struct host_rows routes, nat;
    bool set_routes, set_nat;
    struct hns_client *hns; /* NULL on a system without */
    struct err network_err; /* of the HNS network: the rest is done all the same */
    struct err err;         /* code 0: all went well */
    struct err mtu_err;     /* told, but no failure */
};

struct host {
    struct agent *a;
    struct loop_timer *retry;
    bool busy, must_prepare;
    bool waiting; /* for the retry timer */
    bool ended;
    bool whole; /* all that was wanted has been set, once since the start */
    unsigned retry_ms;
    uint32_t mtu;
    char error[ERR_TEXT_MAX];
    struct sbuf prepared; /* what the last prepare was made with */
};

/* ---- on the work thread ---- */
static void host_job_keep(struct host_job *job, struct host_rows *rows, struct bytes key,
                          struct bytes value)
{
    struct host_row row = {.key = {arena_dup(&job->arena, key.p, key.n), key.n},
                           .value = {arena_dup(&job->arena, value.p, value.n), value.n}};
    VEC_PUSH(&rows->rows, row);
}

static void host_keep_route(void *aux, struct bytes key, struct bytes value)
{
    struct host_job *job = aux;
    host_job_keep(job, &job->routes, key, value);
}

static void host_keep_nat(void *aux, struct bytes key, struct bytes value)
{
    struct host_job *job = aux;
    host_job_keep(job, &job->nat, key, value);
}

static void host_find_mtu(struct host_job *job)
{
    uint32_t uplink = HOST_MTU_FALLBACK;
    if (job->mtu) {
        job->mtu_found = job->mtu;
        return;
    }
    if (!job->uplink.family) {
        err_set(&job->mtu_err, ERR_NOT_FOUND, "the Node has no InternalIP");
    } else {
        netif_mtu_of_address(&job->uplink, &uplink, &job->mtu_err);
    }
    job->mtu_found = uplink > job->overhead ? uplink - job->overhead : uplink;
}

static int host_prepare_run(struct host_job *job)
{
    const struct netif_forwarding forwarding = {
        .proc_sys = job->proc_sys, .gateway = job->gateway, .uplink = job->uplink};
    int rc = netif_enable_forwarding(&forwarding, &job->err);
    if (rc < 0) {
        return err_wrap(&job->err, "IP forwarding");
    }
    host_find_mtu(job);
    job->device.name = job->gateway;
    job->device.mtu = job->mtu_found;
    job->device.addresses = job->addresses;
    rc = netif_device_set(&job->device, &job->err);
    if (rc < 0) {
        return err_wrap(&job->err, "gateway");
    }
    rc = route_dump(job->gateway, host_keep_route, job, &job->err);
    if (rc < 0) {
        return err_wrap(&job->err, "routes");
    }
    rc = hostnat_dump(job->gateway, host_keep_nat, job, &job->err);
    if (rc < 0 && !job->masquerade) {
        job->err = (struct err){0}; /* a node without nftables that needs none */
        return 0;
    }
    return rc < 0 ? err_wrap(&job->err, "masquerade") : 0;
}

static int host_apply_run(struct host_job *job)
{
    for (size_t i = 0; job->set_routes && i < job->routes.rows.n; i++) {
        int rc = route_set(job->gateway, job->routes.rows.v[i].key, job->routes.rows.v[i].value,
                           &job->err);
        if (rc < 0) {
            return err_wrap(&job->err, "routes");
        }
    }
    if (!job->set_nat) {
        return 0;
    }
    VEC(struct hostnat_row) rows = VEC_INIT;
    for (size_t i = 0; i < job->nat.rows.n; i++) {
        struct hostnat_row row = {job->nat.rows.v[i].key, job->nat.rows.v[i].value};
        VEC_PUSH(&rows, row);
    }
    int rc = hostnat_replace(job->gateway, rows.v, rows.n, &job->err);
    VEC_DONE(&rows);
    return rc < 0 ? err_wrap(&job->err, "masquerade") : 0;
}

static void host_job_run(void *aux)
{
    struct host_job *job = aux;
    if (!job->apply && job->hns) {
        const struct agent_hns_spec spec = {
            .cidrs = job->addresses, .n_cidrs = job->device.n_addresses, .node_ip = job->uplink};
        agent_hns_network(job->hns, &spec, &job->network_err);
    }
    int rc = job->apply ? host_apply_run(job) : host_prepare_run(job);
    if (rc == 0) {
        job->err.code = 0;
    }
}

/* ---- on the loop ---- */
static struct host_job *host_job_new(struct host *h, bool apply)
{
    struct host_job *job = mem_calloc(1, sizeof *job);
    const struct options *o = h->a->o;
    job->host = h;
    job->apply = apply;
    job->masquerade = o->masquerade;
    arena_init(&job->arena, 0);
    snprintf(job->gateway, sizeof job->gateway, "%s", o->gateway);
    snprintf(job->proc_sys, sizeof job->proc_sys, "%s", o->proc_sys);
    return job;
}

static void host_job_free(struct host_job *job)
{
    VEC_DONE(&job->routes.rows);
    VEC_DONE(&job->nat.rows);
    arena_done(&job->arena);
    mem_free(job);
}

/* Bytes that a tunnel adds: outer headers and the inner Ethernet header. */
static uint32_t host_overhead(const char *tunnel_type, uint8_t family)
{
    static const struct {
        const char *type;
        uint32_t bytes;
    } types[] = {{"geneve", 8 + 8 + 14}, {"vxlan", 8 + 8 + 14}, {"gre", 8 + 14}};
    uint32_t bytes = family == 6 ? 40 : 20;
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        bytes += strcmp(types[i].type, tunnel_type) == 0 ? types[i].bytes : 0;
    }
    return bytes;
}

/* The outer address: IPv4 where the node has one, as the tunnels' choice is. */
static struct ip host_uplink(const struct node *own)
{
    struct ip found = {.family = 0};
    for (size_t i = 0; i < own->n_internal_ips; i++) {
        const struct ip *ip = &own->internal_ips[i];
        if (!found.family || (found.family == 6 && ip->family == 4)) {
            found = *ip;
        }
    }
    return found;
}

static struct host_job *host_prepare_new(struct host *h, const struct node *own,
                                         const struct intent_self *self)
{
    struct host_job *job = host_job_new(h, false);
    const struct node_config *config = store_get(h->a->store, TABLE_CONFIG, "")->value;
    job->uplink = host_uplink(own);
    job->mtu = h->a->o->mtu;
    job->overhead = host_overhead(h->a->o->tunnel_type, job->uplink.family);
    for (uint32_t i = 0; i < self->n_gateways; i++) {
        job->addresses[i] = (struct prefix){.ip = self->gateways[i], .len = self->cidrs[i].len};
    }
    job->device.n_addresses = self->n_gateways;
    const struct uplink_report *uplink = agent_uplink_report(h->a);
    job->hns = uplink && uplink->state == UPLINK_NONE ? agent_hns_client(h->a) : NULL;
    job->device.mac = config->gateway_mac;
    job->device.userspace_datapath = config->netdev;
    return job;
}

/* What a prepare job depends on, as bytes. */
static void host_prepare_key(const struct host_job *job, struct sbuf *out)
{
    char text[PREFIX_TEXT_MAX];
    sbuf_printf(out, "%d %s", job->device.userspace_datapath,
                job->uplink.family ? ip_format(&job->uplink, text) : "");
    for (size_t i = 0; i < job->device.n_addresses; i++) {
        sbuf_printf(out, " %s", prefix_format(&job->addresses[i], text));
    }
}

static void host_retry(void *aux)
{
    struct host *h = aux;
    h->waiting = false;
    agent_progress(h->a);
}

static void host_failed(struct host *h, const struct err *err)
{
    h->must_prepare = true;
    h->waiting = true;
    if (strcmp(h->error, err->text) != 0) {
        snprintf(h->error, sizeof h->error, "%s", err->text);
        /* The device may come a moment after its port. */
        log_msg(LOG_AREA_HOST, err->code == ERR_NOT_FOUND ? LOG_INFO : LOG_ERROR, "%s", err->text);
    }
    loop_timer_after(h->retry, h->retry_ms);
    h->retry_ms = h->retry_ms * 2 < HOST_RETRY_MAX_MS ? h->retry_ms * 2 : HOST_RETRY_MAX_MS;
}

static void host_take_dump(struct host *h, int space, const struct host_rows *rows)
{
    engine_dump_begin(h->a->engine, space);
    for (size_t i = 0; i < rows->rows.n; i++) {
        engine_dump_row(h->a->engine, space, rows->rows.v[i].key, rows->rows.v[i].value);
    }
    engine_dump_end(h->a->engine, space);
}

static void host_take_mtu(struct host *h, const struct host_job *job)
{
    if (job->mtu_found == h->mtu) {
        return;
    }
    if (job->mtu_err.code) {
        log_msg(LOG_AREA_HOST, LOG_WARN, "uplink's MTU: %s; taken as %d", job->mtu_err.text,
                HOST_MTU_FALLBACK);
    }
    log_msg(LOG_AREA_HOST, LOG_INFO, "MTU of Pods: %u", (unsigned)job->mtu_found);
    h->mtu = job->mtu_found;
    attach_node_changed(h->a->attach);
}

static void host_prepare_done(struct host *h, struct host_job *job)
{
    if (job->err.code) {
        host_failed(h, &job->err);
        return;
    }
    host_take_dump(h, SPACE_ROUTE, &job->routes);
    host_take_dump(h, SPACE_HOSTNAT, &job->nat);
    host_take_mtu(h, job);
    if (job->network_err.code) {
        host_failed(h, &job->network_err);
    }
}

static void host_apply_done(struct host *h, struct host_job *job)
{
    const bool took[] = {job->set_routes, job->set_nat};
    static const int spaces[] = {SPACE_ROUTE, SPACE_HOSTNAT};
    for (size_t i = 0; i < ARRAY_LEN(spaces); i++) {
        if (took[i] && job->err.code) {
            engine_plan_unknown(h->a->engine, spaces[i]);
        } else if (took[i]) {
            engine_plan_done(h->a->engine, spaces[i]);
        }
    }
    if (job->err.code) {
        host_failed(h, &job->err);
    } else {
        h->error[0] = 0;
        h->retry_ms = HOST_RETRY_MIN_MS;
    }
}

static void host_job_done(void *aux)
{
    struct host_job *job = aux;
    struct host *h = job->host;
    h->busy = false;
    if (h->ended) {
        mem_free(h);
    } else if (job->apply) {
        host_apply_done(h, job);
        agent_progress(h->a);
    } else {
        host_prepare_done(h, job);
        agent_progress(h->a);
    }
    host_job_free(job);
}

static void host_submit(struct host *h, struct host_job *job)
{
    h->busy = true;
    work_submit(h->a->loop, host_job_run, host_job_done, job);
}

/* Collects the plan of the routes; false: nothing to do. */
static bool host_plan_routes(struct host *h, struct host_job *job)
{
    if (engine_in_sync(h->a->engine, SPACE_ROUTE)) {
        return false;
    }
    const struct plan *plan = engine_plan(h->a->engine, SPACE_ROUTE);
    for (size_t i = 0; i < plan->n; i++) {
        host_job_keep(job, &job->routes, plan->items[i].key, plan->items[i].value);
    }
    return plan->n > 0;
}

/* Masquerade is replaced whole. */
static bool host_plan_nat(struct host *h, struct host_job *job)
{
    size_t n = 0;
    if (engine_in_sync(h->a->engine, SPACE_HOSTNAT) ||
        engine_plan(h->a->engine, SPACE_HOSTNAT)->n == 0) {
        return false;
    }
    struct engine_entry *e = engine_entries(h->a->engine, SPACE_HOSTNAT, &job->arena, &n);
    for (size_t i = 0; i < n; i++) {
        if (e[i].desired.p) {
            host_job_keep(job, &job->nat, e[i].key, e[i].desired);
        }
    }
    return true;
}

static void host_apply(struct host *h)
{
    struct host_job *job = host_job_new(h, true);
    job->set_routes = host_plan_routes(h, job);
    job->set_nat = host_plan_nat(h, job);
    if (job->set_routes || job->set_nat) {
        host_submit(h, job);
        return;
    }
    host_job_free(job);
    h->whole = true;
    h->error[0] = 0;
    h->retry_ms = HOST_RETRY_MIN_MS;
}

/* Takes the next step, if one is due. */
static void host_look(struct host *h)
{
    const struct node *own = agent_own_node(h->a);
    const struct row *self = store_get(h->a->store, TABLE_SELF, "");
    if (h->busy || h->waiting || h->a->stopping) {
        return;
    }
    if (!own || !self || !h->a->config_known) {
        return;
    }
    auto_sbuf key = SBUF_INIT;
    struct host_job *job = host_prepare_new(h, own, self->value);
    host_prepare_key(job, &key);
    bool differs = !h->prepared.len || strcmp(sbuf_cstr(&h->prepared), key.data) != 0;
    if (h->must_prepare || differs) {
        sbuf_clear(&h->prepared);
        sbuf_puts(&h->prepared, key.data);
        h->must_prepare = false;
        host_submit(h, job);
        return;
    }
    host_job_free(job);
    if (h->a->gate && !engine_is_dirty(h->a->engine)) {
        host_apply(h);
    }
}

void host_start(struct agent *a)
{
    struct host *h = mem_calloc(1, sizeof *h);
    h->a = a;
    h->retry = loop_timer_new(a->loop, host_retry, h);
    h->retry_ms = HOST_RETRY_MIN_MS;
    h->must_prepare = true;
    a->host = h;
}

void host_end(struct agent *a)
{
    struct host *h = a->host;
    if (!h) {
        return;
    }
    loop_timer_free(h->retry);
    sbuf_done(&h->prepared);
    a->host = NULL;
    h->ended = true;
    if (!h->busy) {
        mem_free(h);
    }
}

void host_poke(struct agent *a)
{
    if (a->host) {
        host_look(a->host);
    }
}

void host_reread(struct agent *a)
{
    if (!a->host) {
        return;
    }
    a->host->must_prepare = true;
    a->host->retry_ms = HOST_RETRY_MIN_MS;
    host_poke(a);
}

bool host_is_settled(const struct agent *a)
{
    const struct host *h = a->host;
    return !h ||
           (!h->busy && !h->must_prepare && !h->waiting && engine_in_sync(a->engine, SPACE_ROUTE) &&
            engine_in_sync(a->engine, SPACE_HOSTNAT));
}

bool host_is_whole(const struct agent *a)
{
    return !a->host || a->host->whole;
}

const char *host_error(const struct agent *a)
{
    return a->host ? a->host->error : "";
}

uint32_t host_mtu(const struct agent *a)
{
    return a->host ? a->host->mtu : a->o->mtu ? a->o->mtu : HOST_MTU_FALLBACK;
}
