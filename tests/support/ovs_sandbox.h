/* SPDX-License-Identifier: Apache-2.0
 *
 * A private Open vSwitch for tests: own folder, own ovsdb-server and ovs-vswitchd with the "dummy"
 * userspace datapath, one bridge br0 with ports p1..p4 (OpenFlow ports 1..4).  Needs no root and
 * touches no network.  Stopped by pid, its folder removed. */
#ifndef SEINE_TESTS_OVS_SANDBOX_H
#define SEINE_TESTS_OVS_SANDBOX_H

#include <stdbool.h>
#include <sys/types.h>

struct ovs_sandbox {
    char dir[64];
    pid_t ovsdb, vswitchd;
};

bool ovs_sandbox_available(void); /* Open vSwitch is installed */
/* Starts all; false (with a line on stderr) if it does not come up. */
bool ovs_sandbox_start(struct ovs_sandbox *s);
void ovs_sandbox_stop(struct ovs_sandbox *s);
/* Ends ovs-vswitchd at once and starts it again: flows are gone then. */
bool ovs_sandbox_restart_vswitchd(struct ovs_sandbox *s);
/* Runs a shell command with the sandbox's environment ($OVS_RUNDIR, folder as working directory);
 * its standard output as a string to free, NULL if it failed. */
char *ovs_sandbox_run(const struct ovs_sandbox *s, const char *command);

#endif
