/* SPDX-License-Identifier: Apache-2.0
 *
 * Drives the contracts of routes, devices and host NAT from outside: one command a line on stdin,
 * words separated by '|', one answer on stdout: lines of rows, then "ok" or the error's name and
 * text.  A test runs it on a node and looks at the other side. */
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/sbuf.h"
#include "core/base/vec.h"
#include "platform/hostnat.h"
#include "platform/netif.h"
#include "platform/program.h"
#include "platform/route.h"

enum { PROBE_LINE_MAX = 4096, PROBE_WORDS_MAX = 16 };

struct probe {
    char *words[PROBE_WORDS_MAX]; /* the command, then its arguments; "" where none is left */
    size_t n;
    struct err err;
};

static struct bytes probe_bytes(const char *s)
{
    return (struct bytes){s, strlen(s)};
}

static void probe_row(void *aux, struct bytes key, struct bytes value)
{
    (void)aux;
    printf("%.*s = %.*s\n", (int)key.n, (const char *)key.p, (int)value.n, (const char *)value.p);
}

static int probe_route_set(struct probe *p)
{
    return route_set(p->words[1], probe_bytes(p->words[2]), probe_bytes(p->words[3]), &p->err);
}

static int probe_route_dump(struct probe *p)
{
    return route_dump(p->words[1], probe_row, NULL, &p->err);
}

/* device|NAME|MTU|MAC|ADDRESS|ADDRESS... */
static int probe_device(struct probe *p)
{
    struct prefix addresses[PROBE_WORDS_MAX];
    struct netif_device dev = {.name = p->words[1], .addresses = addresses};
    unsigned mtu = 0;
    if (sscanf(p->words[2], "%u", &mtu) != 1 ||
        (*p->words[3] && !mac_parse(p->words[3], &dev.mac))) {
        return err_set(&p->err, ERR_INVALID, "device: MTU or MAC");
    }
    dev.mtu = mtu;
    for (size_t i = 4; i < p->n; i++) {
        if (!prefix_parse(p->words[i], &addresses[dev.n_addresses++])) {
            return err_set(&p->err, ERR_INVALID, "device: %s", p->words[i]);
        }
    }
    return netif_device_set(&dev, &p->err);
}

static int probe_mtu(struct probe *p)
{
    struct ip ip = {0};
    uint32_t mtu = 0;
    (void)ip_parse(p->words[1], &ip);
    int rc = netif_mtu_of_address(&ip, &mtu, &p->err);
    if (rc == 0) {
        printf("%u\n", (unsigned)mtu);
    }
    return rc;
}

static int probe_forwarding(struct probe *p)
{
    struct netif_forwarding f = {.proc_sys = "/proc/sys", .gateway = p->words[1]};
    (void)ip_parse(p->words[2], &f.uplink);
    return netif_enable_forwarding(&f, &p->err);
}

static int probe_exists(struct probe *p)
{
    printf("%d %d\n", netif_exists(p->words[1]), netif_pod_nic_exists(p->words[1]));
    return 0;
}

static int probe_nat_dump(struct probe *p)
{
    return hostnat_dump(p->words[1], probe_row, NULL, &p->err);
}

/* nat-replace|GATEWAY|KEY|VALUE|KEY|VALUE... */
static int probe_nat_replace(struct probe *p)
{
    struct hostnat_row rows[PROBE_WORDS_MAX];
    size_t n = 0;
    for (size_t i = 2; i + 1 < p->n; i += 2) {
        rows[n++] = (struct hostnat_row){probe_bytes(p->words[i]), probe_bytes(p->words[i + 1])};
    }
    return hostnat_replace(p->words[1], rows, n, &p->err);
}

static const struct {
    const char *name;
    int (*run)(struct probe *p);
} probe_commands[] = {
    {"route-set", probe_route_set},   {"route-dump", probe_route_dump},
    {"device", probe_device},         {"mtu", probe_mtu},
    {"forwarding", probe_forwarding}, {"exists", probe_exists},
    {"nat-dump", probe_nat_dump},     {"nat-replace", probe_nat_replace},
};

static void probe_split(struct probe *p, char *line)
{
    static char none[1];
    p->n = 0;
    for (size_t i = 0; i < PROBE_WORDS_MAX; i++) {
        p->words[i] = none;
    }
    for (char *at = line; at && p->n < PROBE_WORDS_MAX;) {
        p->words[p->n++] = at;
        at = strchr(at, '|');
        if (at) {
            *at++ = 0;
        }
    }
}

static void probe_run(char *line)
{
    struct probe p = {.err = {0}};
    probe_split(&p, line);
    for (size_t i = 0; i < ARRAY_LEN(probe_commands); i++) {
        if (strcmp(p.words[0], probe_commands[i].name) == 0) {
            int rc = probe_commands[i].run(&p);
            printf("%s%s%s\n", rc < 0 ? err_name(rc) : "ok", rc < 0 ? " " : "",
                   rc < 0 ? p.err.text : "");
            return;
        }
    }
    printf("no such command: %s\n", p.words[0]);
}

int main(int argc, char **argv)
{
    char line[PROBE_LINE_MAX];
    program_start(&argc, &argv);
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\r\n")] = 0;
        probe_run(line);
        fflush(stdout);
    }
    return 0;
}
