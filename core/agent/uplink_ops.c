/* SPDX-License-Identifier: Apache-2.0 */
#include "core/agent/uplink_ops.h"

#include "core/agent/agent_internal.h"
#include "core/base/mem.h"
#include "core/base/sbuf.h"
#include "hns/gateway_endpoint.h"
#include "hns/network.h"
#include "platform/ipc.h"

enum { UPLINK_SYSTEM_ARENA = 16 << 20 };

/* ---- adapters ---- */
static int ops_by_name(void *aux, const char *name, struct uplink_adapter *out, struct err *err)
{
    (void)aux;
    return uplink_adapter_by_name(name, out, err);
}

static int ops_by_guid(void *aux, const struct guid *guid, struct uplink_adapter *out,
                       struct err *err)
{
    (void)aux;
    return uplink_adapter_by_guid(guid, out, err);
}

static int ops_by_address(void *aux, const struct ip *ip, struct uplink_adapter *out,
                          struct err *err)
{
    (void)aux;
    return uplink_adapter_by_address(ip, out, err);
}

static int ops_restore(void *aux, const struct guid *guid, const struct uplink_adapter *want,
                       bool all, struct err *err)
{
    (void)aux;
    return uplink_adapter_restore(guid, want, all, err);
}

static int ops_rename(void *aux, const struct guid *guid, const char *name, struct err *err)
{
    (void)aux;
    return uplink_adapter_rename(guid, name, err);
}

/* ---- the network ---- */
static int ops_network_read(void *aux, struct uplink_network *out, struct err *err)
{
    struct uplink_system *s = aux;
    struct hcn_network n;
    struct err why = {0};
    struct arena a;
    arena_init(&a, UPLINK_SYSTEM_ARENA);
    enum hns_found found = network_find(&s->hns, NETWORK_NAME, &a, &n, &why);
    *out = (struct uplink_network){
        .present = found == HNS_PRESENT,
        .extension = found == HNS_PRESENT && network_has_extension(&n),
    };
    arena_done(&a);
    return found == HNS_UNKNOWN ? hns_pass(&why, err) : 0;
}

static int ops_network_create(void *aux, const char *adapter, struct err *err)
{
    struct uplink_system *s = aux;
    struct guid id;
    struct network_spec spec = {.name = NETWORK_NAME,
                                .adapter = adapter,
                                .subnets = s->cidrs,
                                .n_subnets = s->n_cidrs,
                                .extension = false};
    return s->n_cidrs ? network_ensure(&s->hns, &spec, &id, err)
                      : err_set(err, ERR_AGAIN, "the Node has no podCIDR yet");
}

static int ops_network_extension(void *aux, bool on, struct err *err)
{
    struct uplink_system *s = aux;
    return network_set_extension(&s->hns, NETWORK_NAME, on, err);
}

static int ops_network_delete(void *aux, struct err *err)
{
    struct uplink_system *s = aux;
    return network_delete(&s->hns, NETWORK_NAME, err);
}

/* ---- the journal ---- */
static int ops_journal_read(void *aux, char **text_out, size_t *n_out, struct err *err)
{
    const struct uplink_system *s = aux;
    return file_read(s->path, UPLINK_JOURNAL_MAX, text_out, n_out, err);
}

static int ops_journal_write(void *aux, const char *text, size_t n, struct err *err)
{
    const struct uplink_system *s = aux;
    return file_write_atomic(s->path, text, n, err);
}

static int ops_journal_remove(void *aux, struct err *err)
{
    const struct uplink_system *s = aux;
    return file_remove(s->path, err);
}

static bool ops_should_stop(void *aux)
{
    struct uplink_system *s = aux;
    return atomic_load(&s->stopping);
}

/* ---- public ---- */
void uplink_system_init(struct uplink_system *s, const char *run_dir, struct uplink_ops *ops_out)
{
    auto_sbuf path = SBUF_INIT;
    sbuf_printf(&path, "%s/uplink.json", run_dir);
    hns_init(&s->hns, NULL, NULL);
    s->path = mem_strdup(path.data);
    s->n_cidrs = s->n_node_ips = 0;
    s->gateway = "";
    atomic_init(&s->stopping, false);
    *ops_out = (struct uplink_ops){
        .aux = s,
        .by_name = ops_by_name,
        .by_guid = ops_by_guid,
        .by_address = ops_by_address,
        .restore = ops_restore,
        .rename = ops_rename,
        .network_read = ops_network_read,
        .network_create = ops_network_create,
        .network_extension = ops_network_extension,
        .network_delete = ops_network_delete,
        .journal_read = ops_journal_read,
        .journal_write = ops_journal_write,
        .journal_remove = ops_journal_remove,
        .should_stop = ops_should_stop,
    };
}

void uplink_system_done(struct uplink_system *s)
{
    mem_free(s->path);
    s->path = NULL;
}

int uplink_system_gateway(struct uplink_system *s, bool taken, bool *made_out, struct err *err)
{
    const struct agent_hns_spec network = {.cidrs = s->cidrs,
                                           .n_cidrs = s->n_cidrs,
                                           .node_ip = s->n_node_ips ? s->node_ips[0]
                                                                    : (struct ip){.family = 0}};
    const struct gateway_endpoint gateway = {
        .name = s->gateway, .mac = s->gateway_mac, .cidrs = s->cidrs, .n_cidrs = s->n_cidrs};
    if (!s->n_cidrs) {
        return err_set(err, ERR_AGAIN, "the Node has no podCIDR yet");
    }
    int rc = taken ? 0 : agent_hns_network(&s->hns, &network, err);
    return rc < 0 ? rc : gateway_endpoint_ensure(&s->hns, &gateway, made_out, err);
}

int uplink_system_forget(struct uplink_system *s, struct err *err)
{
    int rc = network_delete(&s->hns, NETWORK_NAME, err);
    return rc == ERR_UNSUPPORTED ? 0 : rc;
}
