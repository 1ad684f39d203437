/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/os.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/wait.h>
#include <sys/stat.h>
#include <signal.h>

enum { OS_MAX_OPEN = 16 };

void os_set_variable(const char *name, const char *value)
{
    if (value) {
        setenv(name, value, 1);
    } else {
        unsetenv(name);
    }
}

int os_temp_dir(char *path_out, size_t size)
{
    int n = snprintf(path_out, size, "/tmp/seine-test-XXXXXX");
    return n > 0 && (size_t)n < size && mkdtemp(path_out) ? 0 : -1;
}

static int os_remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

void os_remove_tree(const char *path)
{
    nftw(path, os_remove_one, OS_MAX_OPEN, FTW_DEPTH | FTW_PHYS);
}

int os_process_id(void)
{
    return getpid();
}

bool os_is_privileged(void)
{
    return geteuid() == 0;
}

bool os_is_emulated(void)
{
    return false;
}

bool os_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

int os_make_dir(const char *path)
{
    return mkdir(path, 0700);
}

int os_remove_dir(const char *path)
{
    return rmdir(path);
}

int os_remove_file(const char *path)
{
    return unlink(path);
}

int os_rename(const char *from, const char *to)
{
    return rename(from, to);
}

int os_set_size(const char *path, uint64_t size)
{
    return truncate(path, (off_t)size);
}

int os_make_link(const char *target, const char *path)
{
    return symlink(target, path);
}

int os_make_fifo(const char *path)
{
    return mkfifo(path, 0600);
}

int os_give_away(const char *path)
{
    enum { OS_STRANGER = 54321 };
    return chown(path, OS_STRANGER, OS_STRANGER);
}

bool os_is_private(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && (st.st_mode & 077) == 0 && (st.st_mode & 0600) == 0600;
}

bool os_ask_to_end(void)
{
    return kill(getpid(), SIGTERM) == 0;
}

struct os_child {
    pid_t pid;
};

struct os_child *os_child_start(const char *argument)
{
    struct os_child *c = calloc(1, sizeof *c);
    if (!c || (c->pid = fork()) < 0) {
        abort();
    }
    if (c->pid == 0) {
        execl("/proc/self/exe", "test", argument, (char *)NULL);
        _exit(127);
    }
    return c;
}

int os_child_id(const struct os_child *c)
{
    return c->pid;
}

void os_child_kill(struct os_child *c)
{
    kill(c->pid, SIGKILL);
    waitpid(c->pid, NULL, 0);
    free(c);
}
