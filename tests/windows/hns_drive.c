/* SPDX-License-Identifier: Apache-2.0
 *
 * Drives hns/ over the real platform/windows/hcn.c: one command a run, its answer in lines, the
 * last of them "ok", or "CODE: text" with exit code 1.  test_hns.py gives the orders. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#include "core/base/mem.h"
#include "hns/network.h"
#include "hns/pod_endpoint.h"
#include "platform/program.h"

enum { MAX_ADDRESSES = 4, MAX_MISSING = 64 };
#define OWNER "seine-gw0"

struct drive {
    int argc;
    char **argv; /* behind the command's words */
    struct hns_client hns;
    struct pod_endpoint *pods;
    struct err err;
};

static void usage(void)
{
    fprintf(stderr, "hns-drive: see test_hns.py\n");
    exit(2);
}

static const char *arg(const struct drive *d, int i)
{
    if (i >= d->argc)
        usage();
    return d->argv[i];
}

/* ---- the service ---- */

static int load(struct drive *d)
{
    return hcn_load(&d->err);
}

static int missing(struct drive *d)
{
    const char *names[MAX_MISSING];
    size_t n = hcn_missing(names, MAX_MISSING);
    (void)d;
    for (size_t i = 0; i < n && i < MAX_MISSING; i++)
        printf("%s\n", names[i]);
    return 0;
}

static int version(struct drive *d)
{
    struct hcn_version v;
    int rc = hns_version(&d->hns, &v, &d->err);
    if (rc == 0)
        printf("%u.%u\n", (unsigned)v.major, (unsigned)v.minor);
    return rc;
}

/* One call as it is: OP KIND GUID JSON.  What the reply holds, a line each. */
static int call(struct drive *d)
{
    struct hcn_call c = {.op = (enum hcn_op)atoi(arg(d, 0)),
                         .kind = (enum hcn_kind)atoi(arg(d, 1)),
                         .json = arg(d, 3)};
    auto_hcn_reply reply = {0};
    guid_parse(arg(d, 2), &c.id);
    int rc = hcn_call(&c, &reply, &d->err);
    printf("%s 0x%08x\n%s\n%s\n", reply.function, (unsigned)reply.hr, reply.json ? reply.json : "-",
           reply.record ? reply.record : "-");
    return rc;
}

static void event(void *aux, uint32_t number, uint32_t hr, const char *data)
{
    (void)aux;
    printf("event 0x%x 0x%x %s\n", (unsigned)number, (unsigned)hr, data);
    fflush(stdout);
}

static void wait_for_line(void)
{
    char line[8];
    if (!fgets(line, sizeof line, stdin))
        clearerr(stdin);
}

/* Watches until a line comes, stops, and rests until another one or the end does. */
static int watch(struct drive *d)
{
    struct hcn_watch *w = NULL;
    int rc = hcn_watch(event, NULL, &w, &d->err);
    if (rc < 0)
        return rc;
    printf("watching\n");
    fflush(stdout);
    wait_for_line();
    hcn_unwatch(w);
    printf("unwatched\n");
    fflush(stdout);
    wait_for_line();
    return 0;
}

/* ---- the network ---- */

static int network_up(struct drive *d)
{
    struct prefix subnets[MAX_ADDRESSES];
    struct network_spec spec = {
        .name = NETWORK_NAME, .adapter = arg(d, 0), .subnets = subnets, .extension = true};
    struct guid id;
    char text[GUID_TEXT_MAX];
    for (int i = 1; i < d->argc && i <= MAX_ADDRESSES; i++)
        if (prefix_parse(arg(d, i), &subnets[spec.n_subnets]))
            spec.n_subnets++;
    int rc = network_ensure(&d->hns, &spec, &id, &d->err);
    if (rc == 0)
        printf("%s\n", guid_format(&id, text));
    return rc;
}

static int network_down(struct drive *d)
{
    return network_delete(&d->hns, NETWORK_NAME, &d->err);
}

static int network_switch(struct drive *d)
{
    return network_set_extension(&d->hns, NETWORK_NAME, strcmp(arg(d, 0), "on") == 0, &d->err);
}

/* ---- Pods ---- */

/* NETNS NAME MAC MTU [CIDR GATEWAY]... */
struct pod_args {
    struct netif_address addresses[MAX_ADDRESSES];
    struct netif_pod pod;
};
static void pod_args(const struct drive *d, struct pod_args *p)
{
    memset(p, 0, sizeof *p);
    p->pod = (struct netif_pod){.netns = arg(d, 0),
                                .host_name = arg(d, 1),
                                .pod_name = "eth0",
                                .mtu = (uint32_t)atoi(arg(d, 3)),
                                .addresses = p->addresses,
                                .dns = "{\"nameservers\":[\"10.96.0.10\"],\"search\":[\"svc\"]}",
                                .owner = OWNER};
    if (!mac_parse(arg(d, 2), &p->pod.mac))
        usage();
    for (int i = 4; i + 1 < d->argc && p->pod.n_addresses < MAX_ADDRESSES; i += 2) {
        struct netif_address *a = &p->addresses[p->pod.n_addresses++];
        if (!prefix_parse(arg(d, i), &a->address) || !ip_parse(arg(d, i + 1), &a->gateway))
            usage();
    }
}

static int pod_create(struct drive *d)
{
    struct pod_args p;
    pod_args(d, &p);
    return pod_endpoint_create(d->pods, &p.pod, &d->err);
}

/* As the agent does it: waits for the NIC, which is when its MTU is set. */
static int pod_attach(struct drive *d)
{
    struct pod_args p;
    pod_args(d, &p);
    int rc = pod_endpoint_create(d->pods, &p.pod, &d->err);
    for (int i = 0; rc == 0 && i < 1200; i++) {
        if (pod_endpoint_nic_exists(d->pods, p.pod.host_name))
            return 0;
        Sleep(50);
    }
    return rc < 0 ? rc : err_set(&d->err, ERR_TIMEOUT, "no NIC");
}

static int pod_check(struct drive *d)
{
    struct pod_args p;
    pod_args(d, &p);
    return pod_endpoint_check(d->pods, &p.pod, &d->err);
}

static int pod_delete(struct drive *d)
{
    return pod_endpoint_delete(d->pods, arg(d, 0), &d->err);
}

static int pod_exists(struct drive *d)
{
    int rc = pod_endpoint_exists(d->pods, arg(d, 0), &d->err);
    if (rc >= 0)
        printf("%d\n", rc);
    return rc < 0 ? rc : 0;
}

static int pod_list(struct drive *d)
{
    char **names = NULL;
    size_t n = 0;
    int rc = pod_endpoint_list(d->pods, OWNER, &names, &n, &d->err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        printf("%s\n", names[i]);
        mem_free(names[i]);
    }
    mem_free(names);
    return rc;
}

static int pod_netns(struct drive *d)
{
    return pod_endpoint_netns_check(d->pods, arg(d, 0), &d->err);
}

/* Many threads at once, each with Pods of its own in one namespace: THREADS ROUNDS NETNS. */
struct worker {
    struct drive *d;
    int number, failures;
    struct err err;
};

static DWORD WINAPI work(void *aux)
{
    struct worker *w = aux;
    for (int i = 0; i < atoi(arg(w->d, 1)); i++) {
        char name[16];
        struct netif_address a = {
            .address = {.ip = ip_v4(0x0a0a0164u + (uint32_t)w->number), .len = 24},
            .gateway = ip_v4(0x0a0a0101u)};
        snprintf(name, sizeof name, "t%d-%d", w->number, i);
        struct netif_pod pod = {.netns = arg(w->d, 2),
                                .host_name = name,
                                .mac = mac_from_name("pod", name),
                                .addresses = &a,
                                .n_addresses = 1,
                                .owner = OWNER};
        w->failures += pod_endpoint_create(w->d->pods, &pod, &w->err) < 0;
        w->failures += pod_endpoint_exists(w->d->pods, name, &w->err) != 1;
        w->failures += pod_endpoint_delete(w->d->pods, name, &w->err) < 0;
    }
    return 0;
}

static int threads(struct drive *d)
{
    enum { MAX = 16 };
    struct worker workers[MAX] = {0};
    HANDLE handles[MAX];
    int n = atoi(arg(d, 0)), failures = 0;
    for (int i = 0; i < n && i < MAX; i++) {
        workers[i].d = d;
        workers[i].number = i;
        handles[i] = CreateThread(NULL, 0, work, &workers[i], 0, NULL);
    }
    for (int i = 0; i < n && i < MAX; i++) {
        WaitForSingleObject(handles[i], INFINITE);
        failures += workers[i].failures;
        if (workers[i].failures)
            printf("%s\n", workers[i].err.text);
    }
    return failures ? err_set(&d->err, ERR_INTERNAL, "%d failures", failures) : 0;
}

static const struct {
    const char *name;
    int (*run)(struct drive *d);
} commands[] = {
    {"load", load},
    {"missing", missing},
    {"version", version},
    {"call", call},
    {"watch", watch},
    {"network-ensure", network_up},
    {"network-delete", network_down},
    {"network-extension", network_switch},
    {"pod-create", pod_create},
    {"pod-attach", pod_attach},
    {"pod-check", pod_check},
    {"pod-delete", pod_delete},
    {"pod-exists", pod_exists},
    {"pod-list", pod_list},
    {"pod-netns", pod_netns},
    {"threads", threads},
};

int main(int argc, char **argv)
{
    program_start(&argc, &argv);
    struct drive d = {.argc = argc - 2, .argv = argv + 2};
    hns_init(&d.hns, NULL, NULL);
    d.pods = pod_endpoint_new(
        &(struct pod_endpoint_config){.hns = &d.hns, .owner = OWNER, .set_mtu = netif_pod_set_mtu});
    for (size_t i = 0; argc > 1 && i < ARRAY_LEN(commands); i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            int rc = commands[i].run(&d);
            if (rc < 0)
                printf("%s: %s\n", err_name(d.err.code), d.err.text);
            else
                printf("ok\n");
            pod_endpoint_free(d.pods);
            return rc < 0;
        }
    }
    usage();
}
