/* SPDX-License-Identifier: Apache-2.0
 *
 * The watched folder.  A pass lists the folder and looks at each file (on a work thread), then
 * reads those that changed, some at a time (again there), and tells them on the loop.  Where the
 * system names what changed, a pass is over these entries alone, and one over the whole folder
 * follows when the slow timer fires.  A change that comes while a pass runs starts another one.
 * What the system's watch cannot tell (the folder is another one now, or is missing, or a link's
 * target changed) is found by a slow timer.
 *
 * What a pass knows of a file is its stamp.  A file that was written while it was read, or in the
 * same tick of the file system's clock, has no stamp that can be trusted, and is read again by the
 * next pass. */
#include "core/io/dirwatch.h"

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "core/base/mem.h"
#include "core/base/sbuf.h"
#include "core/base/vec.h"
#include "core/io/work.h"
#include "platform/ipc.h"

enum {
    SETTLE_EVENTS_MS = 1,       /* several events at once are one pass */
    RACY_NS = 50 * 1000 * 1000, /* more than a tick of any file system's clock */
    BATCH_FILES = 256,
    BATCH_BYTES = 4 << 20,
    NAMES_MAX = 64, /* more entries at once: the whole folder */
};

/* ---- stamps ---- */

struct stamp {
    uint64_t dev, ino, size;
    int64_t mtime_ns, ctime_ns;
};
enum file_form { FORM_MISSING, FORM_FILE, FORM_FOLDER, FORM_OTHER };

static bool stamp_equal(const struct stamp *a, const struct stamp *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
           a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

static int64_t time_ns(const uv_timespec_t *t)
{
    return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

static enum file_form form_of(const uv_stat_t *st)
{
    switch (st->st_mode & S_IFMT) {
    case S_IFREG:
        return FORM_FILE;
    case S_IFDIR:
        return FORM_FOLDER;
    default:
        return FORM_OTHER;
    }
}

/* Looks at a path; 'is_link' (may be NULL) tells if the last part is a link.  On a work thread. */
static enum file_form look(const char *path, struct stamp *out, bool *is_link)
{
    enum file_form form = FORM_MISSING;
    auto_free char *named = file_system_path(path);
    uv_fs_t req;
    bool link = false;
    int rc = is_link ? uv_fs_lstat(NULL, &req, named, NULL) : uv_fs_stat(NULL, &req, named, NULL);

    if (!rc && is_link && (req.statbuf.st_mode & S_IFMT) == S_IFLNK) {
        link = true;
        uv_fs_req_cleanup(&req);
        rc = uv_fs_stat(NULL, &req, named, NULL);
    }
    if (!rc) {
        const uv_stat_t *st = &req.statbuf;
        *out = (struct stamp){st->st_dev, st->st_ino, st->st_size, time_ns(&st->st_mtim),
                              time_ns(&st->st_ctim)};
        form = form_of(st);
    }
    uv_fs_req_cleanup(&req);
    if (is_link)
        *is_link = link;
    return form;
}

static int64_t wall_ns(void)
{
    uv_timeval64_t tv = {0};
    (void)uv_gettimeofday(&tv);
    return tv.tv_sec * 1000000000 + (int64_t)tv.tv_usec * 1000;
}

/* Could a write that this stamp does not show have followed it? */
static bool is_racy(const struct stamp *s, int64_t now_ns)
{
    int64_t newest = s->ctime_ns > s->mtime_ns ? s->ctime_ns : s->mtime_ns;
    return newest + RACY_NS > now_ns;
}

/* ---- state ---- */

struct known {
    char *name;
    struct stamp stamp; /* as told */
    bool trusted;       /* the stamp is enough to skip the file */
    struct stamp seen;  /* as last seen, since 'seen_at' */
    int64_t seen_at;
    bool link;
};
struct waiting {
    loop_fn *done;
    void *aux;
    bool begun; /* the pass that answers it has begun */
};

struct listing;
struct dirwatch {
    struct loop *loop;
    char *dir;
    const struct dirwatch_events *events;
    void *aux;
    struct loop_watch *watch;
    struct stamp dir_stamp;  /* of the folder that 'watch' watches */
    struct loop_timer *soon; /* a pass is wanted */
    bool soon_set;           /* by an event; a later one does not put it off */
    struct loop_timer *poll; /* what no event tells */
    VEC(struct known) files; /* sorted by name */
    VEC(struct waiting) syncs;
    VEC(char *) names;       /* entries that may have changed, for the next pass */
    bool whole;              /* the next pass is over the whole folder, not these alone */
    bool partial;            /* since the last one over the whole folder there were others */
    bool busy, again;        /* a pass runs; another one is wanted after it */
    bool all;                /* the pass is over the whole folder and takes files as settled */
    bool begun;              /* a pass was whole: what comes now comes while we watch */
    bool missing;            /* the folder could not be listed */
    bool links;              /* some file is a link */
    int64_t offer_at;        /* when a file wants to be offered again; INT64_MAX: none */
    struct listing *listing; /* of the pass that runs */
    size_t next;             /* of its files to be read */
    struct job *job;         /* on the work thread */
};

static void begin_pass(struct dirwatch *w);
static void continue_pass(struct dirwatch *w);
static void end_pass(struct dirwatch *w);

/* ---- jobs ---- */

/* What a job found about one file. */
struct found {
    char *name; /* the listing's */
    enum file_form form;
    struct stamp stamp;
    bool link;
    bool read; /* text or reason is there */
    bool trusted;
    char *text;
    size_t len;
    char *reason; /* why it cannot be read */
};
struct listing {
    VEC(struct found) files;
    VEC(size_t) todo; /* those to read */
};

/* One call on the work thread; holds plain copies of what it needs. */
struct job {
    struct dirwatch *w; /* NULL: the watch is gone */
    char *dir;
    bool identity_only; /* look at the folder itself, list nothing */
    VEC(char *) names;  /* look at these entries alone; empty: at all */
    const struct dirwatch_events *events;
    enum file_form dir_form;
    struct stamp dir_stamp;
    char *dir_reason;
    struct listing *listing; /* lent while it reads, made while it lists */
    size_t from, to;         /* of listing->todo */
};

static char *path_of(const char *dir, const char *name)
{
    struct sbuf b = SBUF_INIT;
    sbuf_printf(&b, "%s/%s", dir, name);
    return sbuf_take(&b);
}

static void listing_free(struct listing *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < l->files.n; i++) {
        mem_free(l->files.v[i].name);
        mem_free(l->files.v[i].text);
        mem_free(l->files.v[i].reason);
    }
    VEC_DONE(&l->files);
    VEC_DONE(&l->todo);
    mem_free(l);
}

static struct job *job_new(struct dirwatch *w)
{
    struct job *job = mem_calloc(1, sizeof *job);
    job->w = w;
    job->dir = mem_strdup(w->dir);
    job->events = w->events;
    w->job = job;
    return job;
}

static void names_done(char **names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        mem_free(names[i]);
}

static void job_free(struct job *job)
{
    names_done(job->names.v, job->names.n);
    VEC_DONE(&job->names);
    if (!job->w)
        listing_free(job->listing);
    mem_free(job->dir_reason);
    mem_free(job->dir);
    mem_free(job);
}

/* Ends a job: the watch that it was for, or NULL if that is gone (then the job is freed). */
static struct dirwatch *job_end(struct job *job)
{
    struct dirwatch *w = job->w;
    if (!w) {
        job_free(job);
        return NULL;
    }
    w->job = NULL;
    return w;
}

/* ---- listing ---- */

/* Takes the names over. */
static void list_names(struct job *job, char **names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct found f = {.name = names[i]};
        auto_free char *path = NULL;
        if (!job->events->wants(names[i])) {
            mem_free(names[i]);
            continue;
        }
        path = path_of(job->dir, names[i]);
        f.form = look(path, &f.stamp, &f.link);
        bool left_out = f.form == FORM_FOLDER || (f.form == FORM_MISSING && !f.link) ||
                        (job->names.n && !file_is_spelled(path)); /* a listing spells by itself */
        if (left_out)
            mem_free(names[i]);
        else
            VEC_PUSH(&job->listing->files, f);
    }
}

static void run_list(void *aux)
{
    struct job *job = aux;
    char **names = NULL;
    size_t n = 0;
    struct err err;

    /* The folder first: if it is replaced behind this look, the next pass sees that. */
    job->dir_form = look(job->dir, &job->dir_stamp, NULL);
    if (job->identity_only)
        return;
    if (job->dir_form == FORM_MISSING) {
        job->dir_reason = mem_strdup("no such folder");
        return;
    }
    if (job->dir_form != FORM_FOLDER) {
        job->dir_reason = mem_strdup("not a folder");
        return;
    }
    if (job->names.n) {
        n = job->names.n;
        names = mem_alloc(n * sizeof *names);
        for (size_t i = 0; i < n; i++)
            names[i] = mem_strdup(job->names.v[i]);
    } else if (file_list(job->dir, &names, &n, &err)) {
        bool gone = err.code == ERR_NOT_FOUND; /* since the look above */
        job->dir_reason = mem_strdup(gone ? "no such folder" : err.text);
        return;
    }
    job->listing = mem_calloc(1, sizeof *job->listing);
    list_names(job, names, n);
    mem_free(names);
}

/* ---- reading ---- */

static char *read_problem(const struct err *err)
{
    char text[64];
    if (err->code != ERR_TOO_BIG)
        return mem_strdup(err->text);
    snprintf(text, sizeof text, "larger than %d MiB", DIRWATCH_FILE_LIMIT >> 20);
    return mem_strdup(text);
}

static void read_file(const char *dir, struct found *f)
{
    struct stamp after;
    struct err err;
    f->read = true;
    if (f->form != FORM_FILE) {
        f->reason = mem_strdup(f->form == FORM_MISSING ? "a link to nothing" : "not a file");
        f->trusted = false;
        return;
    }
    auto_free char *path = path_of(dir, f->name);
    int64_t now = wall_ns();
    if (file_read(path, DIRWATCH_FILE_LIMIT, &f->text, &f->len, &err)) {
        f->text = NULL;
        f->reason = read_problem(&err);
        return;
    }
    f->trusted = look(path, &after, NULL) == FORM_FILE && stamp_equal(&after, &f->stamp) &&
                 !is_racy(&f->stamp, now);
}

static void run_read(void *aux)
{
    struct job *job = aux;
    size_t bytes = 0;
    for (; job->to < job->listing->todo.n; job->to++) {
        struct found *f = &job->listing->files.v[job->listing->todo.v[job->to]];
        if (job->to - job->from >= BATCH_FILES || bytes >= BATCH_BYTES)
            return;
        read_file(job->dir, f);
        bytes += f->len;
    }
}

/* ---- telling ---- */

static struct known *find_known(const struct dirwatch *w, const char *name, size_t *at)
{
    size_t low = 0, high = w->files.n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int c = strcmp(w->files.v[mid].name, name);
        if (c == 0)
            return &w->files.v[mid];
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    *at = low;
    return NULL;
}

/* The next pass must look at this entry. */
static void add_name(struct dirwatch *w, const char *name)
{
    for (size_t i = 0; i < w->names.n; i++)
        if (!strcmp(w->names.v[i], name))
            return;
    if (w->names.n >= NAMES_MAX)
        w->whole = true;
    else
        VEC_PUSH(&w->names, mem_strdup(name));
}

/* Tells a file that was read, or puts its offer off. */
static void tell_one(struct dirwatch *w, struct found *f)
{
    size_t at;
    struct known *k = find_known(w, f->name, &at);
    int64_t now = loop_now(w->loop);
    unsigned age = UINT_MAX, wait = 0;

    if (!k || !f->read)
        return;
    if (f->reason) {
        w->events->unreadable(w->aux, f->name, f->reason);
        k->trusted = false;
        return;
    }
    if (!w->all)
        age = (unsigned)(now - k->seen_at);
    wait = w->events->file(w->aux, f->name, f->text, f->len, age);
    if (wait) {
        int64_t when = now + wait;
        w->offer_at = when < w->offer_at ? when : w->offer_at;
        k->trusted = false;
        add_name(w, f->name);
        return;
    }
    k->stamp = f->stamp;
    k->trusted = f->trusted;
}

static void after_read(void *aux)
{
    struct job *job = aux;
    struct dirwatch *w = job_end(job);
    if (!w)
        return;
    for (size_t i = job->from; i < job->to; i++) {
        struct found *f = &w->listing->files.v[w->listing->todo.v[i]];
        tell_one(w, f);
        mem_free(f->text);
        f->text = NULL;
    }
    w->next = job->to;
    job_free(job);
    continue_pass(w);
}

/* ---- a pass ---- */

static void set_poll(struct dirwatch *w)
{
    int64_t delay = w->missing || !w->watch ? DIRWATCH_MISSING_MS
                    : w->links              ? DIRWATCH_LINK_MS
                                            : DIRWATCH_SELF_MS;
    loop_timer_after(w->poll, delay);
}

static void on_change(void *aux, const char *name)
{
    struct dirwatch *w = aux;
    if (w->watch && loop_watch_has_ended(w->watch)) {
        loop_watch_free(w->watch);
        w->watch = NULL;
        set_poll(w); /* not at once: it may be on its way out */
        return;
    }
    if (!name || (w->links && !w->events->wants(name)))
        w->whole = true; /* a link's way may lead through what has another name */
    else if (!w->events->wants(name))
        return;
    else
        add_name(w, name);
    if (w->soon_set)
        return;
    w->soon_set = true;
    loop_timer_after(w->soon, SETTLE_EVENTS_MS);
}

static void on_any_change(void *aux)
{
    on_change(aux, NULL);
}

static void on_soon(void *aux)
{
    struct dirwatch *w = aux;
    w->soon_set = false;
    begin_pass(w);
}

/* Watches the folder that is there now, if that is another one than is watched.  True if so: what
 * changed before the watch was set must be looked for. */
static bool watch_again(struct dirwatch *w, const struct stamp *now)
{
    struct loop_watch *fresh = NULL;
    if (w->watch && w->dir_stamp.dev == now->dev && w->dir_stamp.ino == now->ino)
        return false;
    loop_watch_free(w->watch);
    w->watch = NULL;
    if (loop_watch_new(w->loop, w->dir, on_any_change, w, &fresh, NULL))
        return false; /* the poll timer is what is left */
    loop_watch_name(fresh, on_change);
    w->watch = fresh;
    w->dir_stamp = *now;
    return true;
}

static void known_done(struct known *k)
{
    mem_free(k->name);
}

/* Did the job look at this entry? */
static bool was_looked_at(const struct job *job, const char *name)
{
    bool found = job->names.n == 0;
    for (size_t i = 0; i < job->names.n && !found; i++)
        found = !strcmp(job->names.v[i], name);
    return found;
}

/* Files that are not there any more. */
static void tell_gone(struct dirwatch *w, const struct job *job)
{
    const struct listing *l = job->listing;
    size_t kept = 0, i = 0;
    for (size_t k = 0; k < w->files.n; k++) {
        struct known *file = &w->files.v[k];
        while (i < l->files.n && strcmp(l->files.v[i].name, file->name) < 0)
            i++;
        bool there = i < l->files.n && !strcmp(l->files.v[i].name, file->name);
        if (there || !was_looked_at(job, file->name)) {
            w->files.v[kept++] = *file;
            continue;
        }
        w->events->gone(w->aux, file->name);
        known_done(file);
    }
    w->files.n = kept;
}

/* Notes what was seen of a file.  True if it is to be read. */
static bool note_seen(struct dirwatch *w, struct known *k, const struct found *f)
{
    if (!stamp_equal(&k->seen, &f->stamp)) {
        k->seen = f->stamp;
        k->seen_at = loop_now(w->loop);
    }
    k->link = f->link;
    return !k->trusted || !stamp_equal(&k->stamp, &f->stamp);
}

/* New files become known; what is to be read goes to the listing's todo. */
static void choose_files(struct dirwatch *w, struct listing *l)
{
    VEC(struct known) merged = VEC_INIT;
    size_t i = 0, k = 0;
    w->links = false;
    while (i < l->files.n || k < w->files.n) {
        int c = i == l->files.n   ? 1
                : k == w->files.n ? -1
                                  : strcmp(l->files.v[i].name, w->files.v[k].name);
        struct known next = {.seen_at = loop_now(w->loop)};
        if (c < 0)
            next.name = mem_strdup(l->files.v[i].name);
        else
            next = w->files.v[k++];
        if (c <= 0) {
            if (note_seen(w, &next, &l->files.v[i]))
                VEC_PUSH(&l->todo, i);
            i++;
        }
        w->links = w->links || next.link;
        VEC_PUSH(&merged, next);
    }
    VEC_DONE(&w->files);
    w->files.v = merged.v;
    w->files.n = merged.n;
    w->files.cap = merged.cap;
}

static void after_list(void *aux)
{
    struct job *job = aux;
    struct dirwatch *w = job_end(job);
    if (!w)
        return;
    w->listing = job->listing;
    w->missing = job->dir_reason != NULL;
    w->events->listed(w->aux, w->dir, job->dir_reason);
    if (w->missing) {
        loop_watch_free(w->watch);
        w->watch = NULL;
    } else {
        if (watch_again(w, &job->dir_stamp))
            w->again = w->whole = true;
        tell_gone(w, job);
        choose_files(w, w->listing);
    }
    job_free(job);
    w->next = 0;
    continue_pass(w);
}

static int name_cmp(const void *a, const void *b)
{
    char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

/* Hands the names of a partial pass to its job, or drops them for a whole one. */
static void take_names(struct dirwatch *w, struct job *job)
{
    bool whole = w->whole || w->all || w->missing || !w->watch || w->names.n == 0;
    w->whole = false;
    w->partial = !whole;
    if (whole) {
        names_done(w->names.v, w->names.n);
        w->names.n = 0;
        return;
    }
    qsort(w->names.v, w->names.n, sizeof *w->names.v, name_cmp);
    job->names.v = w->names.v;
    job->names.n = w->names.n;
    job->names.cap = w->names.cap;
    memset(&w->names, 0, sizeof w->names);
}

static void begin_pass(struct dirwatch *w)
{
    if (w->busy) {
        w->again = true;
        return;
    }
    w->soon_set = false;
    loop_timer_cancel(w->soon);
    loop_timer_cancel(w->poll);
    w->busy = true;
    w->again = false;
    w->all = w->syncs.n > 0 || !w->begun;
    w->offer_at = INT64_MAX;
    for (size_t i = 0; i < w->syncs.n; i++)
        w->syncs.v[i].begun = true;
    struct job *job = job_new(w);
    take_names(w, job);
    work_submit(w->loop, run_list, after_list, job);
}

static void continue_pass(struct dirwatch *w)
{
    if (!w->listing || w->next >= w->listing->todo.n) {
        end_pass(w);
        return;
    }
    struct job *job = job_new(w);
    job->listing = w->listing;
    job->from = job->to = w->next;
    work_submit(w->loop, run_read, after_read, job);
}

/* Answers the syncs that waited for this pass. */
static void answer(struct dirwatch *w)
{
    VEC(struct waiting) now = VEC_INIT;
    size_t kept = 0;
    for (size_t i = 0; i < w->syncs.n; i++)
        if (w->syncs.v[i].begun)
            VEC_PUSH(&now, w->syncs.v[i]);
        else
            w->syncs.v[kept++] = w->syncs.v[i];
    w->syncs.n = kept;
    for (size_t i = 0; i < now.n; i++)
        now.v[i].done(now.v[i].aux);
    VEC_DONE(&now);
}

static void end_pass(struct dirwatch *w)
{
    bool whole = w->listing != NULL;
    listing_free(w->listing);
    w->listing = NULL;
    w->busy = false;
    w->begun = w->begun || whole;
    if (whole)
        w->events->passed(w->aux);
    answer(w);
    set_poll(w);
    if (w->again || w->syncs.n)
        begin_pass(w);
    else if (w->offer_at != INT64_MAX)
        loop_timer_at(w->soon, w->offer_at);
}

/* ---- the slow timer ---- */

static void after_identity(void *aux)
{
    struct job *job = aux;
    struct dirwatch *w = job_end(job);
    if (!w)
        return;
    bool same = job->dir_form == FORM_FOLDER && w->watch &&
                w->dir_stamp.dev == job->dir_stamp.dev && w->dir_stamp.ino == job->dir_stamp.ino;
    job_free(job);
    w->busy = false;
    set_poll(w);
    w->whole = w->whole || !same;
    if (!same || w->again || w->syncs.n)
        begin_pass(w);
}

static void on_poll(void *aux)
{
    struct dirwatch *w = aux;
    if (w->busy)
        return;
    if (w->links || w->missing || !w->watch || w->partial) {
        w->whole = true;
        begin_pass(w);
        return;
    }
    w->busy = true;
    struct job *job = job_new(w);
    job->identity_only = true;
    work_submit(w->loop, run_list, after_identity, job);
}

/* ---- the whole ---- */

struct dirwatch *dirwatch_new(struct loop *l, const char *dir, const struct dirwatch_events *events,
                              void *aux)
{
    struct dirwatch *w = mem_calloc(1, sizeof *w);
    w->loop = l;
    w->dir = mem_strdup(dir);
    w->events = events;
    w->aux = aux;
    w->offer_at = INT64_MAX;
    w->soon = loop_timer_new(l, on_soon, w);
    w->poll = loop_timer_new(l, on_poll, w);
    begin_pass(w);
    return w;
}

void dirwatch_free(struct dirwatch *w)
{
    if (!w)
        return;
    if (w->job)
        w->job->w = NULL; /* it ends later, and frees the listing if it has it */
    else
        listing_free(w->listing);
    loop_watch_free(w->watch);
    loop_timer_free(w->soon);
    loop_timer_free(w->poll);
    for (size_t i = 0; i < w->files.n; i++)
        known_done(&w->files.v[i]);
    VEC_DONE(&w->files);
    VEC_DONE(&w->syncs);
    names_done(w->names.v, w->names.n);
    VEC_DONE(&w->names);
    mem_free(w->dir);
    mem_free(w);
}

void dirwatch_sync(struct dirwatch *w, loop_fn *done, void *aux)
{
    VEC_PUSH(&w->syncs, ((struct waiting){.done = done, .aux = aux}));
    begin_pass(w);
}

void dirwatch_sync_cancel(struct dirwatch *w, loop_fn *done, void *aux)
{
    size_t kept = 0;
    for (size_t i = 0; i < w->syncs.n; i++)
        if (w->syncs.v[i].done != done || w->syncs.v[i].aux != aux)
            w->syncs.v[kept++] = w->syncs.v[i];
    w->syncs.n = kept;
}
