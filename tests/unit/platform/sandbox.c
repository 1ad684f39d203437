/* SPDX-License-Identifier: Apache-2.0
 *
 * Network namespaces of a test's own, see sandbox.h. */
#include "tests/unit/platform/sandbox.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

bool sandbox_enter(void)
{
    return geteuid() == 0 && unshare(CLONE_NEWNET) == 0;
}

void sandbox_pod_start(struct sandbox_pod *pod)
{
    int ready[2];
    char byte = 0;
    if (pipe(ready) < 0) {
        return;
    }
    pod->pid = fork();
    if (pod->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(ready[0]);
        bool moved = unshare(CLONE_NEWNET) == 0;
        if (!moved || write(ready[1], "r", 1) != 1) {
            _exit(1);
        }
        for (;;) {
            pause();
        }
    }
    close(ready[1]);
    if (read(ready[0], &byte, 1) != 1) {
        fprintf(stderr, "no network namespace for a Pod\n");
    }
    close(ready[0]);
    snprintf(pod->path, sizeof pod->path, "/proc/%d/ns/net", (int)pod->pid);
}

void sandbox_pod_end(struct sandbox_pod *pod)
{
    if (pod->pid > 0) {
        kill(pod->pid, SIGKILL);
        waitpid(pod->pid, NULL, 0);
        pod->pid = 0;
    }
}

const char *sandbox_shell(const struct sandbox_pod *pod, const char *command)
{
    static char out[16384];
    char line[1024];
    if (pod) {
        snprintf(line, sizeof line, "nsenter --net=%s %s 2>&1", pod->path, command);
    } else {
        snprintf(line, sizeof line, "%s 2>&1", command);
    }
    FILE *f = popen(line, "r");
    size_t n = f ? fread(out, 1, sizeof out - 1, f) : 0;
    out[n] = 0;
    if (f) {
        pclose(f);
    }
    return out;
}
