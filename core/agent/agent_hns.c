/* SPDX-License-Identifier: Apache-2.0
 *
 * The service that keeps Pods' interfaces on Windows (HNS): whether it is there, and what it tells
 * on its own.  It is asked at the start, when it said that it goes, and again and again while it
 * does not answer.  When it is back, what it may have lost is looked for: the network
 * (agent_host.c) and the interfaces of attached Pods (cni/attach.h).  When it tells of an endpoint,
 * ports that wait for their device are looked at.  On a system without such a service nothing of
 * this is done.
 *
 * Asking blocks, so it runs on the work queue.  The service's callbacks come on threads of its own:
 * they set a flag and wake the loop. */
#include "core/agent/agent_internal.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/intent/intent.h"
#include "core/io/work.h"
#include "hns/acl_rule.h"
#include "hns/hcn_error.h"
#include "hns/network.h"
#include "hns/pod_endpoint.h"
#include "platform/process.h"

enum { HNS_RETRY_MIN_MS = 250, HNS_RETRY_MAX_MS = 5000, AGENT_HNS_N_CIDRS = 8 };
enum hns_flag { HNS_FLAG_NIC = 1, HNS_FLAG_NETWORK = 2, HNS_FLAG_GONE = 4 };

/* What the service's threads see.  It outlives the agent where a watch could not be ended. */
struct hns_door {
    atomic_flag lock; /* around 'wakeup' */
    atomic_uint flags;
    struct loop_wakeup *wakeup; /* NULL: nobody listens any more */
};
struct agent_hns {
    struct agent *a;
    struct hns_client client;
    struct pod_endpoint *endpoints;
    enum agent_hns_state state;
    char why[ERR_TEXT_MAX];
    struct hns_door *door;
    struct hcn_watch *watch;
    struct loop_timer *retry;
    unsigned retry_ms;
    bool busy, ended;
    bool rewatch; /* the watch says nothing any more */
    bool was_there;
    bool ipv4_only;                         /* this version has no dual stack */
    struct prefix cidrs[AGENT_HNS_N_CIDRS]; /* what agent_hns_pod_cidrs() gave last */
};
/* One question to the service: no state is shared with the loop. */
struct hns_job {
    struct agent_hns *h;
    struct hns_door *door;
    struct hcn_watch *old, *watch;
    bool rewatch;
    struct err err;  /* code 0: it answers */
    struct err ipv6; /* code 0: it has dual stack; ERR_UNSUPPORTED: it has none */
};

/* ---- on threads of the service ---- */
static void hns_door_lock(struct hns_door *door)
{
    while (atomic_flag_test_and_set(&door->lock)) {}
}

static void hns_door_unlock(struct hns_door *door)
{
    atomic_flag_clear(&door->lock);
}

static void hns_event(void *aux, uint32_t event, uint32_t hr, const char *data)
{
    struct hns_door *door = aux;
    unsigned flag = HNS_FLAG_NIC;
    (void)hr;
    (void)data;
    if (event == HCN_EVENT_SERVICE_DISCONNECT) {
        flag = HNS_FLAG_GONE;
    } else if (event == HCN_EVENT_NETWORK_DELETE) {
        flag = HNS_FLAG_NETWORK;
    }
    atomic_fetch_or(&door->flags, flag);
    hns_door_lock(door);
    if (door->wakeup) {
        loop_wakeup_send(door->wakeup);
    }
    hns_door_unlock(door);
}

/* ---- on the work queue ---- */
/* Events before the question: what happens in between is told. */
static void hns_job_watch(struct hns_job *job)
{
    struct err err = {0};
    hcn_unwatch(job->old);
    job->old = NULL;
    if (hcn_watch(hns_event, job->door, &job->watch, &err) < 0 && err.code != ERR_UNSUPPORTED) {
        job->err = err;
    }
}

static void hns_job_run(void *aux)
{
    struct hns_job *job = aux;
    auto_hcn_reply reply = {0};
    const struct hcn_call call = {
        .op = HCN_ENUMERATE,
        .kind = HCN_NETWORK,
        .json = "{\"SchemaVersion\":{\"Major\":2,\"Minor\":0},\"Flags\":0}",
    };
    if (hcn_load(&job->err) < 0) {
        return;
    }
    if (job->rewatch) {
        hns_job_watch(job);
    }
    if (!job->err.code && hcn_call(&call, &reply, &job->err) == ERR_REFUSED) {
        hcn_error_set(&reply, &job->err);
    }
    if (!job->err.code) {
        hns_need(&job->h->client, FEATURE_DUAL_STACK, &job->ipv6);
    }
}

/* ---- on the loop ---- */
static void hns_ask(struct agent_hns *h);

static void hns_say(struct agent_hns *h, enum agent_hns_state state, const char *why)
{
    if (h->state != state || strcmp(h->why, why) != 0) {
        log_msg(LOG_AREA_HOST, state == AGENT_HNS_READY ? LOG_INFO : LOG_WARN, "%s",
                state == AGENT_HNS_READY ? "hns: ready" : why);
    }
    h->state = state;
    snprintf(h->why, sizeof h->why, "%s", why);
}

static void hns_came(struct agent_hns *h)
{
    bool again = h->was_there;
    hns_say(h, AGENT_HNS_READY, "");
    h->was_there = true;
    h->retry_ms = HNS_RETRY_MIN_MS;
    host_reread(h->a);
    agent_acl_reread(h->a);
    agent_uplink_look(h->a);
    if (again) {
        attach_interfaces_changed(h->a->attach);
    }
}

static void hns_away(struct agent_hns *h, const struct err *err)
{
    auto_sbuf why = SBUF_INIT;
    sbuf_printf(&why, "%s%s", strncmp(err->text, "hns: ", 5) == 0 ? "" : "hns: away: ", err->text);
    hns_say(h, AGENT_HNS_AWAY, why.data);
    loop_timer_after(h->retry, h->retry_ms);
    h->retry_ms = h->retry_ms * 2 < HNS_RETRY_MAX_MS ? h->retry_ms * 2 : HNS_RETRY_MAX_MS;
}

/* Pods get addresses of those families alone that their endpoints can have. */
static void hns_take_families(struct agent_hns *h, const struct err *ipv6)
{
    bool known = !ipv6->code || ipv6->code == ERR_UNSUPPORTED;
    bool ipv4_only = ipv6->code == ERR_UNSUPPORTED;
    if (!known || ipv4_only == h->ipv4_only) {
        return;
    }
    h->ipv4_only = ipv4_only;
    if (ipv4_only) {
        log_msg(LOG_AREA_HOST, LOG_WARN, "hns: %s: Pods get no IPv6 address", ipv6->text);
    }
    attach_node_changed(h->a->attach);
}

const struct prefix *agent_hns_pod_cidrs(const struct agent *a, const struct prefix *cidrs,
                                         size_t *n)
{
    struct agent_hns *h = a->hns;
    size_t kept = 0;
    if (!h || !h->ipv4_only) {
        return cidrs;
    }
    for (size_t i = 0; i < *n && kept < ARRAY_LEN(h->cidrs); i++) {
        if (cidrs[i].ip.family == 4) {
            h->cidrs[kept++] = cidrs[i];
        }
    }
    *n = kept;
    return h->cidrs;
}

static void hns_job_done(void *aux)
{
    struct hns_job *job = aux;
    struct agent_hns *h = job->h;
    h->busy = false;
    if (job->rewatch) {
        h->watch = job->watch ? job->watch : job->old;
        h->rewatch = job->err.code != 0;
    }
    if (!h->ended) {
        bool was_ready = h->state == AGENT_HNS_READY;
        if (job->err.code == ERR_UNSUPPORTED) {
            hns_say(h, AGENT_HNS_ABSENT, "hns: absent");
        } else if (job->err.code) {
            hns_away(h, &job->err);
        } else {
            hns_take_families(h, &job->ipv6);
            if (!was_ready) {
                hns_came(h);
            }
        }
        agent_progress(h->a);
    }
    mem_free(job);
}

static void hns_ask(struct agent_hns *h)
{
    if (h->busy || h->ended) {
        return;
    }
    struct hns_job *job = mem_calloc(1, sizeof *job);
    *job = (struct hns_job){
        .h = h, .door = h->door, .old = h->rewatch ? h->watch : NULL, .rewatch = h->rewatch};
    h->busy = true;
    work_submit(h->a->loop, hns_job_run, hns_job_done, job);
}

static void hns_retry(void *aux)
{
    hns_ask(aux);
}

/* Events are hints: each is followed by a look. */
static void hns_woken(void *aux)
{
    struct agent_hns *h = aux;
    unsigned flags = atomic_exchange(&h->door->flags, 0);
    if (flags & HNS_FLAG_GONE) {
        struct err gone;
        h->rewatch = true;
        err_set(&gone, ERR_AGAIN, "the service went away");
        hns_away(h, &gone);
        agent_progress(h->a);
    } else if (flags & HNS_FLAG_NETWORK) {
        host_reread(h->a);
        agent_uplink_look(h->a);
        attach_interfaces_changed(h->a->attach);
    }
    if (flags & HNS_FLAG_NIC) {
        agent_acl_event(h->a);
        attach_nics_changed(h->a->attach);
    }
}

void agent_hns_start(struct agent *a)
{
    if (strcmp(process_platform(), "windows") != 0) {
        return;
    }
    struct agent_hns *h = mem_calloc(1, sizeof *h);
    h->a = a;
    h->door = mem_calloc(1, sizeof *h->door);
    h->door->wakeup = loop_wakeup_new(a->loop, hns_woken, h);
    h->retry = loop_timer_new(a->loop, hns_retry, h);
    h->retry_ms = HNS_RETRY_MIN_MS;
    h->rewatch = true;
    hns_init(&h->client, NULL, NULL);
    h->endpoints = pod_endpoint_new(&(struct pod_endpoint_config){
        .hns = &h->client,
        .owner = a->o->gateway,
        .set_mtu = netif_pod_set_mtu,
        .policies = a->acl ? acl_blocked() : NULL,
    });
    pod_endpoint_bind(h->endpoints);
    snprintf(h->why, sizeof h->why, "hns: not asked yet");
    a->hns = h;
    hns_ask(h);
}

void agent_hns_end(struct agent *a)
{
    struct agent_hns *h = a->hns;
    if (!h) {
        return;
    }
    struct loop_wakeup *wakeup = h->door->wakeup;
    hns_door_lock(h->door);
    h->door->wakeup = NULL;
    hns_door_unlock(h->door);
    loop_wakeup_free(wakeup);
    loop_timer_free(h->retry);
    h->ended = true;
}

void agent_hns_free(struct agent *a)
{
    struct agent_hns *h = a->hns;
    if (!h) {
        return;
    }
    pod_endpoint_bind(NULL);
    pod_endpoint_free(h->endpoints);
    if (!h->watch) {
        mem_free(h->door);
    } /* else the service may still call: the process is about to end */
    mem_free(h);
    a->hns = NULL;
}

enum agent_hns_state agent_hns_state(const struct agent *a)
{
    return a->hns ? a->hns->state : AGENT_HNS_NONE;
}

struct hns_client *agent_hns_client(const struct agent *a)
{
    return a->hns ? &a->hns->client : NULL;
}

const struct attach_system *agent_hns_system(const struct agent *a)
{
    return a->hns ? &pod_endpoint_system : NULL;
}

/* A network that is made takes an adapter along. */
static int hns_may_take(struct hns_client *client, const struct ip *node_ip, struct err *err)
{
    struct arena arena;
    struct hcn_network found;
    struct err why = {0};
    auto_free struct uplink_adapter *adapter = mem_calloc(1, sizeof *adapter);
    arena_init(&arena, 0);
    enum hns_found there = network_find(client, NETWORK_NAME, &arena, &found, &why);
    arena_done(&arena);
    if (there == HNS_UNKNOWN) {
        return err_set(err, why.code ? why.code : ERR_AGAIN, "%s", why.text);
    }
    if (there == HNS_PRESENT || !node_ip->family ||
        uplink_adapter_by_address(node_ip, adapter, NULL) < 0 || !adapter->physical) {
        return 0;
    }
    return err_set(err, ERR_CONFLICT,
                   "network %s is not there, and making it would take adapter %.60s, which "
                   "--uplink leaves alone",
                   NETWORK_NAME, adapter->name);
}

int agent_hns_network(struct hns_client *client, const struct agent_hns_spec *spec, struct err *err)
{
    struct prefix subnets[SELF_MAX_CIDRS];
    struct guid id;
    for (size_t i = 0; i < spec->n_cidrs && i < ARRAY_LEN(subnets); i++) {
        subnets[i] = prefix_masked(&spec->cidrs[i]);
    }
    const struct network_spec want = {
        .name = NETWORK_NAME, .subnets = subnets, .n_subnets = spec->n_cidrs, .extension = true};
    int rc = hns_may_take(client, &spec->node_ip, err);
    rc = rc < 0 ? rc : network_ensure(client, &want, &id, err);
    if (rc < 0) {
        return err_wrap(err, "hns");
    }
    *err = (struct err){0};
    return 0;
}

const char *agent_hns_why(const struct agent *a)
{
    return a->hns ? a->hns->why : "";
}

const char *agent_hns_name(const struct agent *a)
{
    static const char *const names[] = {
        [AGENT_HNS_NONE] = "unknown",
        [AGENT_HNS_ABSENT] = "absent",
        [AGENT_HNS_AWAY] = "away",
        [AGENT_HNS_READY] = "ready",
    };
    return a->hns ? names[a->hns->state] : "";
}
