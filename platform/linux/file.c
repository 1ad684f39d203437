/* SPDX-License-Identifier: Apache-2.0
 *
 * Small file acts of platform/ipc.h, on POSIX files.  What is written by temporary name is synced
 * with its folder before the rename counts, so that it survives a loss of power. */
#include "platform/ipc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/base/sbuf.h"
#include "core/base/vec.h"
#include "platform/file_shared.h"
#include "platform/linux/os.h"

int os_err(struct err *err, int os_errno, const char *fmt, ...)
{
    char context[ERR_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(context, sizeof context, fmt, ap);
    va_end(ap);
    char text[128] = "";
    return err_set_os(err, err_from_errno(os_errno), os_errno, "%s: %s", context,
                      strerror_r(os_errno, text, sizeof text));
}

static int file_write_all(int fd, const void *p, size_t n)
{
    for (const char *at = p; n;) {
        ssize_t done = write(fd, at, n);
        if (done < 0 && errno != EINTR) {
            return errno;
        }
        if (done > 0) {
            at += done;
            n -= (size_t)done;
        }
    }
    return 0;
}

/* The folder part of a path: "." if it has none. */
static char *file_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash) {
        return mem_strdup(".");
    }
    return slash == path ? mem_strdup("/") : mem_strndup(path, (size_t)(slash - path));
}

static int file_sync_folder(const char *dir, struct err *err)
{
    auto_close int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0) {
        return os_err(err, errno, "%s", dir);
    }
    return 0;
}

int os_sync_folder_of(const char *path, struct err *err)
{
    auto_free char *dir = file_folder(path);
    return file_sync_folder(dir, err);
}

static int file_write_temporary(const char *temporary, file_piece_fn *next, void *aux,
                                struct err *err)
{
    auto_close int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return os_err(err, errno, "%s", temporary);
    }
    const void *p = NULL;
    int failed = 0;
    for (size_t n = next(aux, &p); n && !failed; n = failed ? 0 : next(aux, &p)) {
        failed = file_write_all(fd, p, n);
    }
    if (!failed && fsync(fd) < 0) {
        failed = errno;
    }
    return failed ? os_err(err, failed, "%s", temporary) : 0;
}

int file_write_pieces(const char *path, file_piece_fn *next, void *aux, struct err *err)
{
    auto_free char *dir = file_folder(path);
    int rc = dir_make(dir, err);
    if (rc < 0) {
        return rc;
    }
    /* A dot-name, so that who lists the folder does not take it for a whole file. */
    auto_sbuf temporary = SBUF_INIT;
    const char *base = strrchr(path, '/');
    sbuf_printf(&temporary, "%s/.%s.%ld", dir, base ? base + 1 : path, (long)getpid());
    rc = file_write_temporary(temporary.data, next, aux, err);
    if (rc == 0 && rename(temporary.data, path) < 0) {
        rc = os_err(err, errno, "%s", path);
    }
    if (rc < 0) {
        unlink(temporary.data);
        return rc;
    }
    return file_sync_folder(dir, err);
}

int file_append(const char *path, const void *p, size_t n, struct err *err)
{
    auto_close int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    int failed = fd < 0 ? errno : file_write_all(fd, p, n);
    return failed ? os_err(err, failed, "%s", path) : 0;
}

int file_read(const char *path, size_t limit, char **out, size_t *n_out, struct err *err)
{
    auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return os_err(err, errno, "%s", path);
    }
    auto_sbuf text = SBUF_INIT;
    char part[16384];
    for (;;) {
        ssize_t n = read(fd, part, sizeof part);
        if (n < 0 && errno != EINTR) {
            return os_err(err, errno, "%s", path);
        }
        if (n == 0) {
            break;
        }
        if (n > 0) {
            sbuf_put(&text, part, (size_t)n);
        }
        if (text.len > limit) {
            return err_set(err, ERR_TOO_BIG, "%s: more than %zu bytes", path, limit);
        }
    }
    *n_out = text.len;
    *out = sbuf_take(&text);
    return 0;
}

int file_remove(const char *path, struct err *err)
{
    return unlink(path) == 0 || errno == ENOENT ? 0 : os_err(err, errno, "%s", path);
}

int file_list(const char *dir, char ***names_out, size_t *n_out, struct err *err)
{
    DIR *d = opendir(dir);
    if (!d) {
        return os_err(err, errno, "%s", dir);
    }
    VEC(char *) names = VEC_INIT;
    for (struct dirent *e = readdir(d); e; e = readdir(d)) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
            VEC_PUSH(&names, mem_strdup(e->d_name));
        }
    }
    closedir(d);
    file_names_sort(names.v, names.n);
    *names_out = names.v;
    *n_out = names.n;
    return 0;
}

bool file_is_spelled(const char *path)
{
    (void)path;
    return true;
}

char *file_system_path(const char *path)
{
    return mem_strdup(path);
}

int dir_make(const char *path, struct err *err)
{
    struct stat st;
    if (stat(path, &st) == 0) {
        return S_ISDIR(st.st_mode) ? 0 : os_err(err, ENOTDIR, "%s", path);
    }
    auto_free char *part = mem_strdup(path);
    for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (mkdir(part, 0700) < 0 && errno != EEXIST) {
            return os_err(err, errno, "%s", part);
        }
        *slash = '/';
    }
    if (mkdir(path, 0700) < 0 && errno != EEXIST) {
        return os_err(err, errno, "%s", path);
    }
    return 0;
}

int dir_make_private(const char *path, struct err *err)
{
    struct stat st;
    int rc = dir_make(path, err);
    if (rc < 0) {
        return rc;
    }
    if (stat(path, &st) < 0) {
        return os_err(err, errno, "%s", path);
    }
    return st.st_uid == 0 || st.st_uid == geteuid()
               ? 0
               : err_set(err, ERR_PERMISSION, "%s: belongs to another user", path);
}
