/* SPDX-License-Identifier: Apache-2.0
 *
 * See ovs_sandbox.h. */
#include "tests/support/ovs_sandbox.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char schema[] = "/usr/share/openvswitch/vswitch.ovsschema";

bool ovs_sandbox_available(void)
{
    return !access("/usr/sbin/ovsdb-server", X_OK) && !access("/usr/sbin/ovs-vswitchd", X_OK) &&
           !access("/usr/bin/ovs-ofctl", X_OK) && !access(schema, R_OK);
}

char *ovs_sandbox_run(const struct ovs_sandbox *s, const char *command)
{
    char line[4096];
    snprintf(line, sizeof line,
             "cd %s && export OVS_RUNDIR=%s OVS_DBDIR=%s OVS_LOGDIR=%s OVS_SYSCONFDIR=%s && %s",
             s->dir, s->dir, s->dir, s->dir, s->dir, command);
    FILE *f = popen(line, "r");
    if (!f)
        return NULL;
    size_t len = 0, cap = 1 << 16, n;
    char *out = malloc(cap);
    while (out && (n = fread(out + len, 1, cap - len - 1, f)) > 0) {
        len += n;
        if (cap - len < 4096)
            out = realloc(out, cap *= 2);
    }
    if (out)
        out[len] = 0;
    if (pclose(f)) {
        fprintf(stderr, "failed: %s\n", command);
        free(out);
        return NULL;
    }
    return out;
}

static bool run(const struct ovs_sandbox *s, const char *command)
{
    char *out = ovs_sandbox_run(s, command);
    free(out);
    return out != NULL;
}

static pid_t spawn(const struct ovs_sandbox *s, const char *log, char *const argv[])
{
    pid_t pid = fork();
    if (pid)
        return pid;
    if (chdir(s->dir))
        _exit(127);
    setenv("OVS_RUNDIR", s->dir, 1);
    setenv("OVS_DBDIR", s->dir, 1);
    setenv("OVS_LOGDIR", s->dir, 1);
    setenv("OVS_SYSCONFDIR", s->dir, 1);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd >= 0) {
        dup2(fd, 1);
        dup2(fd, 2);
    }
    execv(argv[0], argv);
    _exit(127);
}

static bool wait_for(const struct ovs_sandbox *s, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", s->dir, name);
    for (int i = 0; i < 6000; i++) {
        if (!access(path, F_OK))
            return true;
        usleep(10000);
    }
    fprintf(stderr, "no %s\n", path);
    return false;
}

static bool start_vswitchd(struct ovs_sandbox *s)
{
    static char program[] = "/usr/sbin/ovs-vswitchd", dummy[] = "--enable-dummy=system",
                system[] = "--disable-system", ctl[] = "--unixctl=vswitchd.ctl",
                db[] = "unix:db.sock", quiet[] = "-vconsole:warn";
    char *argv[] = {program, dummy, system, ctl, quiet, db, NULL};
    s->vswitchd = spawn(s, "vswitchd.log", argv);
    return s->vswitchd > 0 && run(s, "ovs-vsctl --db=unix:db.sock --timeout=60 set open . "
                                     "external_ids:started=$(date +%N)");
}

bool ovs_sandbox_start(struct ovs_sandbox *s)
{
    static char program[] = "/usr/sbin/ovsdb-server", remote[] = "--remote=punix:db.sock",
                ctl[] = "--unixctl=ovsdb.ctl", db[] = "conf.db", quiet[] = "-vconsole:warn";
    char *argv[] = {program, remote, ctl, quiet, db, NULL};
    char command[256];
    memset(s, 0, sizeof *s);
    snprintf(s->dir, sizeof s->dir, "/tmp/seine-ovs-XXXXXX");
    if (!mkdtemp(s->dir))
        return false;
    snprintf(command, sizeof command, "ovsdb-tool create conf.db %s", schema);
    if (!run(s, command))
        return false;
    s->ovsdb = spawn(s, "ovsdb.log", argv);
    if (s->ovsdb <= 0 || !wait_for(s, "db.sock") ||
        !run(s, "ovs-vsctl --db=unix:db.sock --no-wait init") || !start_vswitchd(s))
        return false;
    return run(s, "ovs-vsctl --db=unix:db.sock --timeout=60 add-br br0 "
                  "-- set bridge br0 datapath_type=dummy fail_mode=secure protocols=OpenFlow15 "
                  "-- add-port br0 p1 -- set interface p1 type=dummy ofport_request=1 "
                  "-- add-port br0 p2 -- set interface p2 type=dummy ofport_request=2 "
                  "-- add-port br0 p3 -- set interface p3 type=dummy ofport_request=3 "
                  "-- add-port br0 p4 -- set interface p4 type=dummy ofport_request=4 "
                  "-- add-port br0 p5 -- set interface p5 type=dummy ofport_request=5") &&
           wait_for(s, "br0.mgmt");
}

static void stop(pid_t *pid)
{
    if (*pid > 0) {
        kill(*pid, SIGKILL);
        waitpid(*pid, NULL, 0);
    }
    *pid = 0;
}

bool ovs_sandbox_restart_vswitchd(struct ovs_sandbox *s)
{
    stop(&s->vswitchd);
    return run(s, "rm -f br0.mgmt br0.snoop") && start_vswitchd(s) && wait_for(s, "br0.mgmt");
}

void ovs_sandbox_stop(struct ovs_sandbox *s)
{
    stop(&s->vswitchd);
    stop(&s->ovsdb);
    if (s->dir[0]) {
        char command[128];
        snprintf(command, sizeof command, "rm -rf %s", s->dir);
        if (system(command))
            fprintf(stderr, "%s is left\n", s->dir);
    }
    s->dir[0] = 0;
}
