/* SPDX-License-Identifier: Apache-2.0
 *
 * The running process: lock, memory, clock, name.  The lock is the kernel's (flock), so it cannot
 * outlive its holder; the pid in the file is for the message only. */
#include "platform/process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "platform/linux/os.h"

struct process_lock {
    int fd;
};

static int process_read_pid(int fd)
{
    char text[24] = "";
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    return n > 0 ? (int)strtoimax(text, NULL, 10) : 0;
}

int process_lock(const char *path, struct process_lock **out, int *pid_out, struct err *err)
{
    auto_close int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return os_err(err, errno, "%s", path);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK) {
            return os_err(err, errno, "%s", path);
        }
        int pid = process_read_pid(fd);
        if (pid_out) {
            *pid_out = pid;
        }
        return err_set(err, ERR_EXISTS, "%s: held by process %d", path, pid);
    }
    char text[24];
    int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)n, 0) != n) {
        return os_err(err, errno, "%s", path);
    }
    struct process_lock *l = mem_calloc(1, sizeof *l);
    l->fd = os_steal(&fd);
    *out = l;
    return 0;
}

/* The file stays: removing it would let two processes lock two files of one name. */
void process_unlock(struct process_lock *l)
{
    if (l) {
        close(l->fd);
        mem_free(l);
    }
}

size_t process_end_signals(int out[PROCESS_END_SIGNALS])
{
    out[0] = SIGTERM;
    return 1;
}

/* A "Name:   123 kB" line of /proc/self/status. */
static uint64_t process_status_kb(const char *name)
{
    FILE *f = fopen("/proc/self/status", "re");
    if (!f) {
        return 0;
    }
    char line[256];
    uint64_t kb = 0;
    size_t n = strlen(name);
    while (fgets(line, sizeof line, f)) {
        if (strncmp(line, name, n) == 0 && line[n] == ':') {
            kb = strtoull(line + n + 1, NULL, 10);
            break;
        }
    }
    fclose(f);
    return kb;
}

uint64_t process_rss_kb(void)
{
    return process_status_kb("VmRSS");
}

uint64_t process_peak_rss_kb(void)
{
    return process_status_kb("VmHWM");
}

void process_trim_memory(void)
{
    malloc_trim(0);
}

void process_sleep_ms(unsigned ms)
{
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = (int)(ms % 1000) * 1000000};
    while (nanosleep(&left, &left) < 0 && errno == EINTR) {}
}

uint64_t process_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t process_wall_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

int process_hostname(char *buf, size_t n)
{
    if (gethostname(buf, n) < 0) {
        return err_from_errno(errno);
    }
    buf[n - 1] = 0;
    for (char *c = buf; *c; c++) {
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c + ('a' - 'A')) : *c;
    }
    return 0;
}
