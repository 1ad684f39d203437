/* SPDX-License-Identifier: Apache-2.0
 *
 * CHECK: prevResult against the record, the switch's port, the interfaces (work thread), the flows;
 * the first difference is the answer.  STATUS: whether ADD could be served now. */
#include <string.h>

#include "cni/attach_internal.h"

/* ---- CHECK ---- */

static void check_advance_flows(struct attach_call *c)
{
    if (c->a->acked >= c->revision) {
        call_end(c);
    }
}

static void check_expire_flows(struct attach_call *c)
{
    cni_error_set(&c->error, CNI_FLOWS_MISSING, "the switch has not acknowledged the Pod's flows");
    call_end(c);
}

static void check_run(void *arg)
{
    struct attach_call *c = arg;
    c->rc = c->a->system->netns_check(c->r.env.netns, &c->err);
    c->netns_bad = c->rc < 0;
    if (!c->netns_bad) {
        c->rc = c->a->system->pod_check(&c->pod, &c->err);
    }
}

static void check_done(struct attach_call *c)
{
    if (c->rc == 0) {
        c->revision = c->a->host->revision(c->a->config.host_aux);
        call_wait(c, check_advance_flows, check_expire_flows);
        return;
    }
    if (attach_io_code(c->a, &c->err) == CNI_TRY_AGAIN) {
        cni_error_cause(&c->error, CNI_TRY_AGAIN, &c->err, "the Pod's interface cannot be read");
    } else if (c->netns_bad) {
        cni_error_set(&c->error, CNI_INVALID_ENVIRONMENT, "CNI_NETNS: %s", c->err.text);
    } else if (c->rc == ERR_CONFLICT || c->rc == ERR_NOT_FOUND) {
        cni_error_set(&c->error, CNI_INTERFACE_DIFFERS, "%s", c->err.text);
    } else {
        cni_error_cause(&c->error, CNI_IO_FAILURE, &c->err, "the Pod's interface cannot be read");
    }
    call_end(c);
}

static bool check_has_ip(const struct ip *list, size_t n, const struct ip *ip)
{
    for (size_t i = 0; i < n; i++) {
        if (ip_equal(&list[i], ip)) {
            return true;
        }
    }
    return false;
}

static int check_prev_ips(struct attach_call *c)
{
    const struct request_prev *prev = &c->r.prev;
    const struct attachment *att = c->rec->att;
    char text[IP_TEXT_MAX];
    for (size_t i = 0; i < prev->n_ips; i++) {
        if (!check_has_ip(att->ips, att->n_ips, &prev->ips[i])) {
            return cni_error_set(&c->error, CNI_RESULT_DIFFERS,
                                 "prevResult has %s, which was not given",
                                 ip_format(&prev->ips[i], text));
        }
    }
    for (size_t i = 0; i < att->n_ips; i++) {
        if (!check_has_ip(prev->ips, prev->n_ips, &att->ips[i])) {
            return cni_error_set(&c->error, CNI_RESULT_DIFFERS,
                                 "prevResult lacks %s, which was given",
                                 ip_format(&att->ips[i], text));
        }
    }
    return 0;
}

static int check_prev(struct attach_call *c)
{
    const struct request_prev *prev = &c->r.prev;
    const struct attachment *att = c->rec->att;
    char mac[MAC_TEXT_MAX];
    mac_format(&att->mac, mac);
    if (!prev->has_interface) {
        return cni_error_set(&c->error, CNI_RESULT_DIFFERS, "prevResult has no interface %s",
                             att->cni_ifname);
    }
    if (*prev->host_interface && strcmp(prev->host_interface, att->interface) != 0) {
        return cni_error_set(&c->error, CNI_RESULT_DIFFERS,
                             "prevResult has %.15s on the node, not %s", prev->host_interface,
                             att->interface);
    }
    if (*prev->mac && strcmp(prev->mac, mac) != 0) {
        return cni_error_set(&c->error, CNI_RESULT_DIFFERS, "prevResult has MAC %.17s, not %s",
                             prev->mac, mac);
    }
    return check_prev_ips(c);
}

static int check_port(struct attach_call *c)
{
    const struct record *rec = c->rec;
    if (!rec->in_switch) {
        return cni_error_set(&c->error, CNI_PORT_DIFFERS, "the switch has no port %s",
                             rec->att->interface);
    }
    if (*rec->port_error || !rec->att->ofport) {
        return cni_error_set(&c->error, CNI_PORT_DIFFERS, "port %s: %s", rec->att->interface,
                             *rec->port_error ? rec->port_error : "has no number");
    }
    return 0;
}

/* The end of waiting for a late port, or there was nothing to wait for. */
static void check_go_on(struct attach_call *c)
{
    if (check_port(c)) {
        call_end(c);
        return;
    }
    record_pod(c->a, c->rec, attach_node_now(c->a).userspace_datapath, &c->pod);
    c->pod.netns = c->r.env.netns;
    call_work(c, check_run, check_done);
}

static void check_advance_port(struct attach_call *c)
{
    bool late = c->a->config.late_ports && c->rec->in_switch && !c->rec->att->ofport;
    if (!late) {
        check_go_on(c);
    }
}

void check_start(struct attach_call *c)
{
    c->rec = record_find(c->a, c->r.env.container_id, c->r.env.ifname);
    c->rec = c->rec ? c->rec : namespace_record(c->a, &c->r);
    if (!c->rec || c->rec->leaving) {
        cni_error_set(&c->error, CNI_NOT_ATTACHED, "%s/%s is not attached", c->r.env.container_id,
                      c->r.env.ifname);
        call_end(c);
    } else if (check_prev(c)) {
        call_end(c);
    } else {
        call_wait(c, check_advance_port, check_go_on);
        check_advance_port(c);
    }
}

/* ---- STATUS ---- */

void status_start(struct attach_call *c)
{
    struct attach_node node = attach_node_now(c->a);
    if (!node.switch_ready) {
        cni_error_set(&c->error, CNI_LIMITED, "Open vSwitch is away%s%s", *node.why ? ": " : "",
                      node.why);
    } else if (!node.ready || !c->a->recovered) {
        cni_error_set(&c->error, CNI_NOT_AVAILABLE, "not ready: %s",
                      *node.why ? node.why : "starting");
    } else if (ipam_is_exhausted(c->a->ipam)) {
        cni_error_set(&c->error, CNI_NOT_AVAILABLE, "no free address is left for Pods");
    }
    call_end(c);
}
