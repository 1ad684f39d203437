/* SPDX-License-Identifier: Apache-2.0
 *
 * Running another program to its end.  Its input is a memory file and its outputs are read
 * together, so neither side can wait for the other. */
#include "platform/linux/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "platform/linux/os.h"

extern char **environ;

struct run_pipes {
    int in;           /* memory file with the input */
    int out[2];       /* its stdout: our end, its end */
    int complaint[2]; /* its stderr */
};

static void run_pipes_close(struct run_pipes *p)
{
    os_close_cleanup(&p->in);
    os_close_cleanup(&p->out[0]);
    os_close_cleanup(&p->out[1]);
    os_close_cleanup(&p->complaint[0]);
    os_close_cleanup(&p->complaint[1]);
}

static int run_pipes_open(struct run_pipes *p, const char *input, size_t n)
{
    *p = (struct run_pipes){-1, {-1, -1}, {-1, -1}};
    p->in = memfd_create("seine-input", MFD_CLOEXEC);
    if (p->in < 0 || pipe2(p->out, O_CLOEXEC) < 0 || pipe2(p->complaint, O_CLOEXEC) < 0) {
        return errno;
    }
    for (size_t done = 0; done < n;) {
        ssize_t w = write(p->in, input + done, n - done);
        if (w < 0) {
            return errno;
        }
        done += (size_t)w;
    }
    return lseek(p->in, 0, SEEK_SET) < 0 ? errno : 0;
}

static int run_spawn(const char *const *argv, const struct run_pipes *p, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, p->in, 0);
    posix_spawn_file_actions_adddup2(&actions, p->out[1], 1);
    posix_spawn_file_actions_adddup2(&actions, p->complaint[1], 2);
    /* The parent's blocked and ignored signals are its own matter. */
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    union {
        const char *const *from;
        char *const *to;
    } args = {.from = argv};
    int os = posix_spawnp(pid, argv[0], &actions, &attributes, args.to, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return os;
}

static int64_t run_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Reads what is there; false at the end. */
static bool run_read_some(int fd, struct sbuf *to)
{
    char part[16384];
    ssize_t n = read(fd, part, sizeof part);
    if (n > 0 && to->len <= RUN_OUTPUT_LIMIT) {
        sbuf_put(to, part, (size_t)n);
    }
    return n > 0 || (n < 0 && errno == EINTR);
}

/* Reads both outputs to their ends; false when the time is up. */
static bool run_collect(struct run_pipes *p, struct sbuf *out, struct sbuf *complaint)
{
    int64_t deadline = run_now() + RUN_TIMEOUT_MS;
    struct pollfd fds[2] = {{.fd = p->out[0], .events = POLLIN},
                            {.fd = p->complaint[0], .events = POLLIN}};
    struct sbuf *to[2] = {out, complaint};
    while (fds[0].fd >= 0 || fds[1].fd >= 0) {
        int64_t left = deadline - run_now();
        int rc = left > 0 ? poll(fds, 2, (int)left) : 0;
        if (rc == 0) {
            return false;
        }
        for (size_t i = 0; rc > 0 && i < 2; i++) {
            if (fds[i].fd >= 0 && fds[i].revents && !run_read_some(fds[i].fd, to[i])) {
                fds[i].fd = -1;
            }
        }
    }
    return true;
}

int run_program(const char *const *argv, const char *input, size_t n, struct sbuf *out,
                struct err *err)
{
    PORT_CLEANUP(run_pipes_close) struct run_pipes p;
    int os = run_pipes_open(&p, input, n);
    pid_t pid = 0;
    os = os ? os : run_spawn(argv, &p, &pid);
    if (os) {
        return os_err(err, os, "%s", argv[0]);
    }
    os_close_cleanup(&p.out[1]);
    os_close_cleanup(&p.complaint[1]);
    p.out[1] = p.complaint[1] = -1;
    auto_sbuf complaint = SBUF_INIT;
    bool in_time = run_collect(&p, out, &complaint);
    if (!in_time) {
        kill(pid, SIGKILL);
    }
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    if (!in_time) {
        return err_set(err, ERR_TIMEOUT, "%s: took longer than %d s", argv[0],
                       RUN_TIMEOUT_MS / 1000);
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        const char *line = sbuf_cstr(&complaint);
        return err_set(err, ERR_REFUSED, "%s: %.*s", argv[0], (int)strcspn(line, "\n"), line);
    }
    return out->len > RUN_OUTPUT_LIMIT ? err_set(err, ERR_TOO_BIG, "%s: too much output", argv[0])
                                       : 0;
}
