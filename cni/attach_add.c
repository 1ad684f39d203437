/* SPDX-License-Identifier: Apache-2.0
 *
 * ADD: node ready, addresses, interface (work thread), port with its record (one transaction), port
 * number, row of the attachment, Pod object, flows acknowledged, result.  A repeated ADD of what
 * stands joins at the port.  What fails or is cancelled takes back all that it made itself. */
#include <string.h>

#include "cni/attach_internal.h"
#include "cni/result.h"
#include "core/base/log.h"

static void add_fail(struct attach_call *c);
static void add_port(struct attach_call *c);

/* ---- success ---- */

static void add_succeed(struct attach_call *c)
{
    const struct record *rec = c->rec;
    struct result result = {.version = c->r.version,
                            .host_interface = rec->att->interface,
                            .pod_interface = rec->att->cni_ifname,
                            .sandbox = c->r.env.netns,
                            .pod_mac = rec->att->mac,
                            .mtu = rec->mtu,
                            .addresses = rec->addresses,
                            .n_addresses = rec->att->n_ips,
                            .dns = c->r.dns};
    c->rec->settled = true;
    result_format(&result, &c->out);
    call_end(c);
}

/* ---- waiting for others ---- */

static void add_advance_flows(struct attach_call *c)
{
    if (c->a->acked >= c->revision) {
        add_succeed(c);
    }
}

static void add_expire_flows(struct attach_call *c)
{
    struct attach_node node = attach_node_now(c->a);
    cni_error_set(&c->error, CNI_TRY_AGAIN,
                  "the switch has not acknowledged the Pod's flows in time%s%s",
                  *node.why ? ": " : "", node.why);
    add_fail(c);
}

static enum attach_pod_state add_pod_state(struct attach_call *c)
{
    const struct attachment *att = c->rec->att;
    return record_is_own_pod(c->rec) ? ATTACH_POD_KNOWN
                                     : c->a->host->pod(c->a->config.host_aux, att->pod_namespace,
                                                       att->pod_name, att->pod_uid);
}

static void add_advance_pod(struct attach_call *c)
{
    if (add_pod_state(c) == ATTACH_POD_KNOWN) {
        c->revision = c->a->host->revision(c->a->config.host_aux);
        call_wait(c, add_advance_flows, add_expire_flows);
    }
}

static void add_expire_pod(struct attach_call *c)
{
    const struct attachment *att = c->rec->att;
    bool other = add_pod_state(c) == ATTACH_POD_OTHER_UID;
    struct attach_node node = attach_node_now(c->a);
    cni_error_set(&c->error, CNI_TRY_AGAIN, "Pod %s/%s: %s%s%s", att->pod_namespace, att->pod_name,
                  other ? "the object has another UID" : "no such object yet",
                  *node.why ? "; " : "", node.why);
    add_fail(c);
}

static void add_advance_port(struct attach_call *c)
{
    struct record *rec = c->rec;
    bool late = c->a->config.late_ports; /* the port waits for its device, nobody for the port */
    if (*rec->port_error && !late) {
        cni_error_set(&c->error, CNI_PORT_REFUSED, "Open vSwitch refused port %s: %s",
                      rec->att->interface, rec->port_error);
        add_fail(c);
    } else if (rec->in_switch && (rec->att->ofport || late)) {
        record_publish(c->a, rec);
        call_wait(c, add_advance_pod, add_expire_pod);
    }
}

static void add_expire_port(struct attach_call *c)
{
    cni_error_set(&c->error, CNI_TRY_AGAIN, "Open vSwitch has not given port %s a number in time",
                  c->rec->att->interface);
    add_fail(c);
}

/* ---- the port ---- */

static bool add_was_cancelled(struct attach_call *c)
{
    if (c->cancelled) {
        cni_error_set(&c->error, CNI_TRY_AGAIN, "the container is being deleted");
        add_fail(c);
    }
    return c->cancelled;
}

static void add_port_done(void *aux, const struct err *err)
{
    struct attach_call *c = aux;
    struct attach *a = c->a;
    if (a->stopped) {
        return;
    }
    c->rec->stale = c->rec->stale && err->code;
    if (err->code && c->rec->stale) {
        mend_soon(a);
    }
    if (err->code) {
        bool away = err->code == ERR_CLOSED || err->code == ERR_TIMEOUT;
        cni_error_cause(&c->error, away ? CNI_TRY_AGAIN : CNI_PORT_REFUSED, err,
                        "port %s cannot be added", c->rec->att->interface);
        add_fail(c);
    } else if (!add_was_cancelled(c)) {
        call_wait(c, add_advance_port, add_expire_port);
    }
    attach_poke(a);
}

static void add_port(struct attach_call *c)
{
    struct attach *a = c->a;
    struct attach_id ids[ATTACH_MAX_IDS];
    size_t n = record_ids(c->rec, &c->r.arena, ids);
    c->port_tried = true;
    attach_keep_port(a, c->rec->att->interface);
    a->host->port_add(a->config.host_aux, c->rec->att->interface, ids, n, add_port_done, c);
}

/* ---- the interface ---- */

/* On a work thread.  An interface of our name without a record is a left-over of ours. */
static void add_run_netif(void *arg)
{
    struct attach_call *c = arg;
    const struct attach_system *system = c->a->system;
    c->rc = system->netns_check(c->pod.netns, &c->err);
    c->netns_bad = c->rc < 0;
    if (c->netns_bad) {
        return;
    }
    c->rc = system->pod_create(&c->pod, &c->err);
    if (c->rc == ERR_EXISTS && system->exists(c->pod.host_name, NULL) == 1) {
        c->rc = system->pod_delete(c->pod.host_name, &c->err);
        c->rc = c->rc < 0 ? c->rc : system->pod_create(&c->pod, &c->err);
    }
}

static void add_netif_failed(struct attach_call *c)
{
    const struct err *err = &c->err;
    if (attach_io_code(c->a, err) == CNI_TRY_AGAIN) {
        c->netif_made = c->fresh && !c->netns_bad; /* perhaps: it is looked for and removed */
        cni_error_cause(&c->error, CNI_TRY_AGAIN, err, "the Pod's interface cannot be made now");
    } else if (c->netns_bad && err->code != ERR_PERMISSION && err->code != ERR_UNSUPPORTED) {
        cni_error_set(&c->error, CNI_INVALID_ENVIRONMENT, "CNI_NETNS: %s", err->text);
    } else if (err->code == ERR_EXISTS) {
        cni_error_cause(&c->error, CNI_INTERFACE_TAKEN, err, "CNI_IFNAME: %s is taken",
                        c->pod.pod_name);
    } else {
        cni_error_cause(&c->error, CNI_IO_FAILURE, err, "the Pod's interface cannot be made");
    }
    add_fail(c);
}

static void add_netif_done(struct attach_call *c)
{
    if (c->rc < 0) {
        add_netif_failed(c);
        return;
    }
    c->netif_made = true;
    if (!add_was_cancelled(c)) {
        add_port(c);
    }
}

/* ---- addresses ---- */

static void add_release(struct attach *a, const struct ip *ips, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ipam_release(a->ipam, &ips[i]);
    }
}

/* Those asked for by runtimeConfig. */
static int add_take_asked(struct attach_call *c)
{
    struct err err = {0};
    for (size_t i = 0; i < c->r.n_ips; i++) {
        if (ipam_take(c->a->ipam, &c->r.ips[i], &err) < 0) {
            add_release(c->a, c->r.ips, i);
            return cni_error_set(&c->error, CNI_ADDRESS_TAKEN, "%s", err.text);
        }
    }
    return 0;
}

/* One address of each family: the one asked for, else a free one. */
static int add_allocate(struct attach_call *c, struct ip ips[IPAM_MAX_IPS], size_t *n)
{
    struct err err = {0};
    int code = add_take_asked(c);
    if (code) {
        return code;
    }
    if (ipam_allocate(c->a->ipam, ips, n, &err) < 0) {
        add_release(c->a, c->r.ips, c->r.n_ips);
        return cni_error_set(&c->error, CNI_TRY_AGAIN, "%s", err.text);
    }
    for (size_t i = 0; i < *n; i++) {
        for (size_t j = 0; j < c->r.n_ips; j++) {
            if (c->r.ips[j].family == ips[i].family) {
                add_release(c->a, &ips[i], 1);
                ips[i] = c->r.ips[j];
            }
        }
    }
    return 0;
}

static void add_make(struct attach_call *c)
{
    struct ip ips[IPAM_MAX_IPS];
    size_t n = 0;
    if (add_allocate(c, ips, &n)) {
        call_end(c);
        return;
    }
    struct attach_node node = attach_node_now(c->a);
    c->rec = record_make(c->a, &c->r, ips, n);
    c->rec->mtu = node.mtu;
    c->fresh = true;
    record_pod(c->a, c->rec, node.userspace_datapath, &c->pod);
    c->pod.dns = c->r.dns;
    call_work(c, add_run_netif, add_netif_done);
}

/* ---- an ADD of what is there already ---- */

static void add_run_replace(void *arg)
{
    struct attach_call *c = arg;
    c->rc = c->a->system->pod_delete(c->pod.host_name, &c->err);
}

static void add_replace_done(struct attach_call *c)
{
    if (c->rc < 0) {
        cni_error_cause(&c->error, CNI_IO_FAILURE, &c->err, "an old interface cannot be removed");
        call_end(c);
        return;
    }
    attach_discard_port(c->a, c->rec->att->interface);
    attach_release(c->a, c->rec, NULL);
    record_remove(c->a, c->rec);
    c->rec = NULL;
    add_make(c);
}

/* Where its namespace is still there, a lost interface comes back with all that it had. */
static void add_run_again(void *arg)
{
    struct attach_call *c = arg;
    c->rc = c->a->system->pod_create(&c->pod, &c->err);
}

static void add_again_done(struct attach_call *c)
{
    if (c->rc < 0) {
        add_netif_failed(c);
    } else {
        c->rec->stale = true; /* until its port is another */
        add_port(c);
    }
}

static void add_run_verify(void *arg)
{
    struct attach_call *c = arg;
    const struct attach_system *system = c->a->system;
    c->rc = system->netns_check(c->r.env.netns, &c->err);
    c->netns_bad = c->rc < 0;
    if (!c->netns_bad) {
        c->rc = system->exists(c->pod.host_name, &c->err);
    }
}

/* The same attachment: join it.  Its interface is gone, or it was in another namespace: anew. */
static void add_verify_done(struct attach_call *c)
{
    if (c->netns_bad) {
        add_netif_failed(c);
        return;
    }
    if (c->rc < 0) {
        cni_error_cause(&c->error, CNI_TRY_AGAIN, &c->err, "the Pod's interface cannot be read");
        add_fail(c);
        return;
    }
    bool same = namespace_equal(c->a, c->rec->att->netns, c->r.env.netns) && !c->rec->leaving;
    if (c->rc == 1 && same) {
        call_wait(c, add_advance_port, add_expire_port);
        return;
    }
    if (c->a->config.hcn && same) {
        log_msg(LOG_AREA_CNI, LOG_WARN, "%s: its interface %s was gone: made again", c->rec->key,
                c->rec->att->interface);
        call_work(c, add_run_again, add_again_done);
        return;
    }
    log_msg(LOG_AREA_CNI, LOG_WARN, "%s: its interface %s is gone or elsewhere: made anew",
            c->rec->key, c->rec->att->interface);
    c->rec->leaving = true;
    record_retract(c->a, c->rec);
    call_work(c, add_run_replace, add_replace_done);
}

/* ---- beginning ---- */

/* Another container of a Pod whose sandbox is attached: it has the sandbox's interface. */
static int add_share(struct attach_call *c)
{
    const struct request *r = &c->r;
    struct record *rec = namespace_record(c->a, r);
    if (!rec) {
        return 0;
    }
    const struct attachment *att = rec->att;
    bool same = r->own_pod || (strcmp(att->pod_namespace, r->pod_namespace) == 0 &&
                               strcmp(att->pod_name, r->pod_name) == 0);
    if (rec->leaving) {
        return cni_error_set(&c->error, CNI_TRY_AGAIN, "the Pod's sandbox is being deleted");
    }
    if (!same) {
        return cni_error_set(&c->error, CNI_INVALID_ENVIRONMENT,
                             "CNI_NETNS: the namespace is that of Pod %s/%s", att->pod_namespace,
                             att->pod_name);
    }
    c->rec = rec;
    return 0;
}

static void add_advance_node(struct attach_call *c)
{
    struct attach_node node = attach_node_now(c->a);
    if (!node.switch_ready || !node.serves) {
        return;
    }
    c->rec = record_find(c->a, c->r.env.container_id, c->r.env.ifname);
    if (!c->rec && add_share(c)) {
        call_end(c);
    } else if (c->rec) {
        record_pod(c->a, c->rec, node.userspace_datapath, &c->pod);
        c->pod.dns = c->r.dns;
        call_work(c, add_run_verify, add_verify_done);
    } else {
        add_make(c);
    }
}

static void add_expire_node(struct attach_call *c)
{
    struct attach_node node = attach_node_now(c->a);
    cni_error_set(&c->error, CNI_TRY_AGAIN, "the node is not ready: %s",
                  *node.why ? node.why : "starting");
    add_fail(c);
}

void add_start(struct attach_call *c)
{
    call_wait(c, add_advance_node, add_expire_node);
}

/* ---- failing ---- */

/* What the service did not remove because it was away goes when it is back. */
static void add_stray(struct attach_call *c)
{
    if (c->a->config.hcn) {
        mend_add_stray(c->a, c->rec->att->interface);
    }
}

static void add_undo_end(struct attach_call *c)
{
    if (c->rc < 0) {
        log_msg(LOG_AREA_CNI, LOG_WARN, "%s: interface %s is left behind: %s", c->rec->key,
                c->rec->att->interface, c->err.text);
        add_stray(c);
    }
    attach_release(c->a, c->rec, NULL);
    record_remove(c->a, c->rec);
    c->rec = NULL;
    call_end(c);
}

static void add_undo_netif(struct attach_call *c)
{
    c->rc = 0;
    if (c->netif_made) {
        call_work(c, add_run_replace, add_undo_end);
    } else {
        add_undo_end(c);
    }
}

static void add_undo_port_done(void *aux, const struct err *err)
{
    struct attach_call *c = aux;
    struct attach *a = c->a;
    if (a->stopped) {
        return;
    }
    if (err->code) {
        attach_discard_port(a, c->rec->att->interface);
    }
    add_undo_netif(c);
    attach_poke(a);
}

static void add_fail(struct attach_call *c)
{
    struct attach *a = c->a;
    call_wait(c, NULL, NULL);
    if (!c->fresh) {
        call_end(c);
        return;
    }
    c->rec->leaving = true;
    record_retract(a, c->rec);
    if (c->port_tried) {
        const char *name = c->rec->att->interface;
        a->host->port_del(a->config.host_aux, &name, 1, add_undo_port_done, c);
    } else {
        add_undo_netif(c);
    }
}

void add_cancel(struct attach_call *c)
{
    bool waits = c->expire != NULL;
    c->cancelled = true;
    if (waits) {
        add_was_cancelled(c);
    }
}
