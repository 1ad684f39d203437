/* SPDX-License-Identifier: Apache-2.0
 *
 * Files with a way back: what was at the place is kept beside it as "NAME.undo" until all is done.
 * One that an earlier run left behind (it was killed) is what was there before that run, and is
 * kept: the way back leads to the last state that was whole. */
#include <string.h>

#include "core/agent/install_internal.h"
#include "core/base/mem.h"
#include "platform/ipc.h"

enum { INSTALL_FILE_LIMIT = 256 << 20 };

bool install_file_exists(const char *path)
{
    return setup_is_same_file(path, path);
}

bool install_files_equal(const char *a, const char *b)
{
    auto_free char *x = NULL;
    auto_free char *y = NULL;
    size_t n = 0, m = 0;
    return file_read(a, INSTALL_FILE_LIMIT, &x, &n, NULL) == 0 &&
           file_read(b, INSTALL_FILE_LIMIT, &y, &m, NULL) == 0 && n == m && memcmp(x, y, n) == 0;
}

static char *install_kept_name(const char *path)
{
    auto_sbuf name = SBUF_INIT;
    sbuf_printf(&name, "%s.undo", path);
    return sbuf_take(&name);
}

static int install_undo_file(struct install *i, const struct install_undo *u, struct err *err)
{
    (void)i;
    return u->kept ? setup_move_file(u->kept, u->path, err) : setup_remove_file(u->path, err);
}

/* A program that runs (this one, when it takes itself away) goes when the machine starts again. */
static void install_commit_file(struct install *i, const struct install_undo *u)
{
    (void)i;
    if (u->kept) {
        setup_remove_file(u->kept, NULL);
    }
}

static int install_undo_folder(struct install *i, const struct install_undo *u, struct err *err)
{
    (void)i;
    return setup_remove_folder(u->path, err);
}

static void install_push_file(struct install *i, const char *what, const char *path,
                              const char *kept)
{
    install_push(i, (struct install_undo){.undo = install_undo_file,
                                          .commit = install_commit_file,
                                          .what = what,
                                          .path = mem_strdup(path),
                                          .kept = kept ? mem_strdup(kept) : NULL});
}

/* Keeps what is at 'path' as a copy, so that the place is never empty. */
static int install_keep(struct install *i, const char *what, const char *path, struct err *err)
{
    auto_free char *kept = install_kept_name(path);
    if (!install_file_exists(path)) {
        install_push_file(i, what, path, NULL);
        return 0;
    }
    int rc = install_file_exists(kept) ? 0 : setup_copy_file(path, kept, err);
    if (rc == 0) {
        install_push_file(i, what, path, kept);
    }
    return rc;
}

int install_put_file(struct install *i, const char *what, const char *from, const char *to,
                     struct err *err)
{
    int rc = install_keep(i, what, to, err);
    return rc < 0 ? rc : setup_copy_file(from, to, err);
}

int install_put_text(struct install *i, const char *what, const char *to, const char *text,
                     struct err *err)
{
    int rc = install_keep(i, what, to, err);
    return rc < 0 ? rc : file_write_atomic(to, text, strlen(text), err);
}

int install_drop_file(struct install *i, const char *what, const char *path, struct err *err)
{
    auto_free char *kept = install_kept_name(path);
    if (!install_file_exists(path)) {
        return 0;
    }
    int rc = setup_move_file(path, kept, err);
    if (rc == 0) {
        install_push_file(i, what, path, kept);
    }
    return rc;
}

static int install_put_folder__(struct install *i, const char *what, const char *path,
                                int (*make)(const char *path, struct err *err), struct err *err)
{
    if (setup_is_folder(path)) {
        return 0;
    }
    int rc = make(path, err);
    if (rc == 0) {
        install_push(i, (struct install_undo){
                            .undo = install_undo_folder, .what = what, .path = mem_strdup(path)});
    }
    return rc;
}

int install_put_folder(struct install *i, const char *what, const char *path, struct err *err)
{
    return install_put_folder__(i, what, path, setup_make_folder, err);
}

int install_put_private_folder(struct install *i, const char *what, const char *path,
                               struct err *err)
{
    return install_put_folder__(i, what, path, dir_make, err);
}
