/* SPDX-License-Identifier: Apache-2.0
 *
 * What the contracts of platform/ ask for and this system does not answer yet: everything fails
 * with ERR_UNSUPPORTED and names itself, nothing pretends. */
#include "core/base/port.h"
#include "platform/hostnat.h"
#include "platform/ipc.h"
#include "platform/netif.h"
#include "platform/peer.h"
#include "platform/process.h"
#include "platform/route.h"

#define ABSENT(err) err_set(err, ERR_UNSUPPORTED, "%s: not on this system", __func__)

int ipc_connect(const char *address, unsigned timeout_ms, struct ipc **out, struct err *err)
{
    (void)address, (void)timeout_ms, (void)out;
    return ABSENT(err);
}

int ipc_write(struct ipc *c, const void *p, size_t n, unsigned timeout_ms, struct err *err)
{
    (void)c, (void)p, (void)n, (void)timeout_ms;
    return ABSENT(err);
}

int ipc_read(struct ipc *c, void *p, size_t n, unsigned timeout_ms, size_t *n_out, struct err *err)
{
    (void)c, (void)p, (void)n, (void)timeout_ms, (void)n_out;
    return ABSENT(err);
}

void ipc_close(struct ipc *c)
{
    (void)c;
}

int peer_check_root(uint64_t os_handle, struct err *err)
{
    (void)os_handle;
    return ABSENT(err);
}

int hostnat_dump(const char *gateway, hostnat_row_fn *row, void *aux, struct err *err)
{
    (void)gateway, (void)row, (void)aux;
    return ABSENT(err);
}

int hostnat_replace(const char *gateway, const struct hostnat_row *rows, size_t n, struct err *err)
{
    (void)gateway, (void)rows, (void)n;
    return ABSENT(err);
}

int route_dump(const char *dev, route_row_fn *row, void *aux, struct err *err)
{
    (void)dev, (void)row, (void)aux;
    return ABSENT(err);
}

int route_set(struct bytes key, struct bytes value, struct err *err)
{
    (void)key, (void)value;
    return ABSENT(err);
}

int netif_pod_create(const struct netif_pod *pod, struct err *err)
{
    (void)pod;
    return ABSENT(err);
}

int netif_pod_delete(const char *host_name, struct err *err)
{
    (void)host_name;
    return ABSENT(err);
}

int netif_pod_check(const struct netif_pod *pod, struct err *err)
{
    (void)pod;
    return ABSENT(err);
}

int netif_netns_check(const char *netns, struct err *err)
{
    (void)netns;
    return ABSENT(err);
}

bool netif_exists(const char *host_name)
{
    (void)host_name;
    return false;
}

bool netif_pod_nic_exists(const char *name)
{
    (void)name;
    return false;
}

int netif_pod_list(const char *owner, char ***names_out, size_t *n_out, struct err *err)
{
    (void)owner, (void)names_out, (void)n_out;
    return ABSENT(err);
}

int netif_device_set(const struct netif_device *dev, struct err *err)
{
    (void)dev;
    return ABSENT(err);
}

int netif_mtu_of_address(const struct ip *address, uint32_t *mtu_out, struct err *err)
{
    (void)address, (void)mtu_out;
    return ABSENT(err);
}

int netif_enable_forwarding(const char *proc_sys, struct err *err)
{
    (void)proc_sys;
    return ABSENT(err);
}

int netif_cleanup(struct err *err)
{
    return ABSENT(err);
}

int file_write_atomic(const char *path, const void *p, size_t n, struct err *err)
{
    (void)path, (void)p, (void)n;
    return ABSENT(err);
}

int file_append(const char *path, const void *p, size_t n, struct err *err)
{
    (void)path, (void)p, (void)n;
    return ABSENT(err);
}

int file_read(const char *path, size_t limit, char **out, size_t *n_out, struct err *err)
{
    (void)path, (void)limit, (void)out, (void)n_out;
    return ABSENT(err);
}

int file_remove(const char *path, struct err *err)
{
    (void)path;
    return ABSENT(err);
}

int file_list(const char *dir, char ***names_out, size_t *n_out, struct err *err)
{
    (void)dir, (void)names_out, (void)n_out;
    return ABSENT(err);
}

int dir_make(const char *path, struct err *err)
{
    (void)path;
    return ABSENT(err);
}

const char *process_default_run_dir(void)
{
    return "C:\\ProgramData\\seine";
}

const char *process_default_ovsdb(void)
{
    return "unix:C:/openvswitch/var/run/openvswitch/db.sock";
}

const char *process_platform(void)
{
    return "windows";
}

int process_lock(const char *path, struct process_lock **out, int *pid_out, struct err *err)
{
    (void)path, (void)out, (void)pid_out;
    return ABSENT(err);
}

void process_unlock(struct process_lock *l)
{
    (void)l;
}

uint64_t process_rss_kb(void)
{
    return 0;
}

uint64_t process_peak_rss_kb(void)
{
    return 0;
}

void process_trim_memory(void)
{
}

uint64_t process_now_ns(void)
{
    return 0;
}

uint64_t process_wall_ms(void)
{
    return 0;
}

void process_sleep_ms(unsigned ms)
{
    (void)ms;
}

int process_hostname(char *buf, size_t n)
{
    (void)buf, (void)n;
    return ERR_UNSUPPORTED;
}
