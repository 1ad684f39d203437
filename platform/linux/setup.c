/* SPDX-License-Identifier: Apache-2.0
 *
 * Installers of Linux are packages and manifests: of the machine there is nothing to tell.  Placing
 * program files works as the contract says. */
#include "platform/setup.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/mem.h"
#include "core/base/sbuf.h"
#include "platform/linux/os.h"

enum { SETUP_CHUNK = 1 << 16, SETUP_PROGRAM_MODE = 0755 };

bool setup_is_administrator(void)
{
    return geteuid() == 0;
}

int setup_system_version(struct setup_version *out, struct err *err)
{
    (void)out;
    return err_set(err, ERR_UNSUPPORTED, "version of the system: only on Windows");
}

int setup_folder(enum setup_folder folder, char **out, struct err *err)
{
    (void)folder;
    (void)out;
    return err_set(err, ERR_UNSUPPORTED, "folders of the system: only on Windows");
}

int setup_own_program(char **out, struct err *err)
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path);
    if (n < 0) {
        return os_err(err, errno, "/proc/self/exe");
    }
    *out = mem_strndup(path, (size_t)n);
    return 0;
}

int setup_full_path(const char *path, char **out, struct err *err)
{
    auto_sbuf full = SBUF_INIT;
    char dir[PATH_MAX];
    if (path[0] != '/') {
        if (!getcwd(dir, sizeof dir)) {
            return os_err(err, errno, "%s", path);
        }
        sbuf_printf(&full, "%s/", dir);
    }
    sbuf_puts(&full, path);
    *out = sbuf_take(&full);
    return 0;
}

bool setup_is_same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

bool setup_is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int setup_ask_program(const char *program, const char *arg, char *out, size_t size, struct err *err)
{
    (void)arg;
    (void)out;
    (void)size;
    return err_set(err, ERR_UNSUPPORTED, "%s: asking programs: only on Windows", program);
}

static int setup_copy_bytes(int from, int to)
{
    char buf[SETUP_CHUNK];
    for (;;) {
        ssize_t n = read(from, buf, sizeof buf);
        if (n <= 0) {
            return n < 0 ? errno : fsync(to) < 0 ? errno : 0;
        }
        for (ssize_t at = 0; at < n;) {
            ssize_t m = write(to, buf + at, (size_t)(n - at));
            if (m < 0) {
                return errno;
            }
            at += m;
        }
    }
}

int setup_copy_file(const char *from, const char *to, struct err *err)
{
    auto_sbuf name = SBUF_INIT;
    sbuf_printf(&name, "%s.new", to);
    auto_close int in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0) {
        return os_err(err, errno, "%s", from);
    }
    auto_close int out =
        open(name.data, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, SETUP_PROGRAM_MODE);
    if (out < 0) {
        return os_err(err, errno, "%s", to);
    }
    int problem = setup_copy_bytes(in, out);
    if (!problem && rename(name.data, to) < 0) {
        problem = errno;
    }
    if (problem) {
        unlink(name.data);
        return os_err(err, problem, "%s", to);
    }
    return os_sync_folder_of(to, err);
}

int setup_move_file(const char *from, const char *to, struct err *err)
{
    return rename(from, to) < 0 ? os_err(err, errno, "%s", to) : 0;
}

int setup_remove_file(const char *path, struct err *err)
{
    return unlink(path) == 0 || errno == ENOENT ? 0 : os_err(err, errno, "%s", path);
}

int setup_make_folder(const char *path, struct err *err)
{
    auto_free char *part = mem_strdup(path);
    for (char *p = part + 1; *p; p++) {
        if (*p == '/') {
            *p = '\0';
            if (mkdir(part, SETUP_PROGRAM_MODE) < 0 && errno != EEXIST) {
                return os_err(err, errno, "%s", path);
            }
            *p = '/';
        }
    }
    if (mkdir(part, SETUP_PROGRAM_MODE) == 0 || (errno == EEXIST && setup_is_folder(part))) {
        return 0;
    }
    return os_err(err, errno == EEXIST ? ENOTDIR : errno, "%s", path);
}

int setup_remove_folder(const char *path, struct err *err)
{
    if (rmdir(path) == 0 || errno == ENOENT || errno == ENOTEMPTY || errno == EEXIST) {
        return 0;
    }
    return os_err(err, errno, "%s", path);
}
