/* SPDX-License-Identifier: Apache-2.0
 *
 * The cache: a file of all objects as they were last known (core/k8s/cache.h), for a start while
 * the API server is away.
 *
 * It is read once, before anything else: its objects are rows at once, and seeds of the reflectors,
 * whose first lists are then differences.  It is written when all kinds are complete: some time
 * after a change, at most every KUBE_CACHE_WRITE_MS, and at the end.  Writing happens on the work
 * queue, from references to the objects, which are immutable.
 *
 * Rows that outlived their objects (attached Pods need them) are written too: they still hold after
 * the next start. */
#include "core/agent/agent_kube.h"

#include <stdio.h>
#include <string.h>

#include "core/agent/agent.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/vec.h"
#include "core/io/work.h"
#include "core/k8s/cache.h"
#include "platform/ipc.h"

enum {
    KUBE_CACHE_LIMIT = 512 << 20,
    KUBE_CACHE_PIECE = 64 << 10,
    KUBE_CACHE_SOON_MS = 1000,   /* after a change */
    KUBE_CACHE_WRITE_MS = 10000, /* after the write before */
    KUBE_CACHE_GRACE_MS = 2000,  /* so long a silent API server is waited for */
};

/* What a write needs: no state is shared with the loop. */
struct cache_job {
    struct kube_cache *cache; /* NULL: it ended meanwhile */
    struct cache_job *next;   /* to be done after it */
    struct loop *loop;
    char *path, *dir, *cluster, *node;
    char versions[K8S_N_KINDS][JSON_STREAM_VERSION_MAX];
    VEC(void *) objects;
    size_t at; /* the next of them */
    enum { CACHE_HEAD, CACHE_OBJECTS, CACHE_DONE } stage;
    struct cache_writer writer;
    struct sbuf piece;
    struct err err;
};

struct kube_cache {
    struct agent_kube *k;
    char *path;
    struct cache_job *job; /* under way */
    struct loop_timer *timer;
    struct loop_timer *grace;
    bool dirty;
    char failed[ERR_TEXT_MAX]; /* why the last write did, "" if it did not */
    bool waited;               /* the grace is over */
    int64_t written;           /* when the last write began */
    struct cache_info info;
    bool loaded; /* the rows are those of the file, but for what came since */
};

/* ---- reading ---- */
static void cache_put(void *aux, enum k8s_kind kind, const char *key, void *object)
{
    struct kube_cache *c = aux;
    reflector_seed(c->k->kinds[kind].reflector, object_ref(object));
    agent_source_put(c->k->a, kind, key, object);
}

static void cache_load(struct kube_cache *c)
{
    auto_free char *text = NULL;
    size_t n = 0;
    struct err err = {0};
    const struct cache_sink sink = {.aux = c, .put = cache_put};
    int rc = file_read(c->path, KUBE_CACHE_LIMIT, &text, &n, &err);
    if (rc == 0) {
        rc = cache_read(text, n, NULL, c->k->a->o->node_name, &sink, &c->info, &err);
    }
    c->loaded = rc == 0;
    if (rc == 0) {
        log_msg(LOG_AREA_SOURCE, LOG_INFO, "cache %s: %zu objects", c->path, c->info.objects);
    } else if (rc != ERR_NOT_FOUND) {
        log_msg(LOG_AREA_SOURCE, LOG_WARN, "cache %s: ignored: %s", c->path, err.text);
    }
}

void agent_kube_cache_cluster(struct agent_kube *k, const char *uid)
{
    struct kube_cache *c = k->cache;
    if (c->loaded && strcmp(c->info.cluster, uid) != 0) {
        log_msg(LOG_AREA_SOURCE, LOG_WARN,
                "cache %s: ignored: it is of another cluster (Namespace kube-system has UID %s, "
                "not %s)",
                c->path, uid, c->info.cluster);
        c->loaded = false;
    }
}

bool agent_kube_cache_is_loaded(const struct agent_kube *k)
{
    return k->cache->loaded;
}

void agent_kube_cache_trouble(const struct agent_kube *k, struct sbuf *out)
{
    if (*k->cache->failed) {
        sbuf_printf(out, "the cache cannot be written: %s", k->cache->failed);
    }
}

bool agent_kube_cache_is_waited(const struct agent_kube *k)
{
    return k->cache->waited;
}

static void cache_grace_over(void *aux)
{
    struct kube_cache *c = aux;
    c->waited = true;
    agent_kube_moved(c->k);
}

/* ---- writing ---- */
static void cache_text(void *aux, const char *text, size_t n)
{
    struct cache_job *job = aux;
    sbuf_put(&job->piece, text, n);
}

static void cache_head(struct cache_job *job)
{
    struct cache_header header = {.cluster = job->cluster, .node = job->node};
    for (int i = 0; i < K8S_N_KINDS; i++) {
        header.versions[i] = job->versions[i][0] ? job->versions[i] : NULL;
    }
    job->writer = (struct cache_writer){.put = cache_text, .aux = job};
    cache_begin(&job->writer, &header);
}

/* The file is made while it is written: its text is never whole in memory. */
static size_t cache_next(void *aux, const void **p_out)
{
    struct cache_job *job = aux;
    sbuf_clear(&job->piece);
    if (job->stage == CACHE_HEAD) {
        cache_head(job);
        job->stage = CACHE_OBJECTS;
    }
    while (job->at < job->objects.n && job->piece.len < KUBE_CACHE_PIECE) {
        cache_object(&job->writer, job->objects.v[job->at++]);
    }
    if (job->stage == CACHE_OBJECTS && job->at == job->objects.n) {
        cache_end(&job->writer);
        job->stage = CACHE_DONE;
    }
    *p_out = job->piece.data;
    return job->piece.len;
}

static void cache_job_run(void *aux)
{
    struct cache_job *job = aux;
    if (dir_make_private(job->dir, &job->err) == 0) {
        file_write_pieces(job->path, cache_next, job, &job->err);
    }
}

static void cache_job_free(struct cache_job *job)
{
    for (size_t i = 0; i < job->objects.n; i++) {
        object_free(job->objects.v[i]);
    }
    VEC_DONE(&job->objects);
    sbuf_done(&job->piece);
    sbuf_done(&job->writer.line); /* if it was given up */
    mem_free(job->path);
    mem_free(job->dir);
    mem_free(job->cluster);
    mem_free(job->node);
    mem_free(job);
}

static void cache_arm(struct kube_cache *c)
{
    int64_t soon = loop_now(c->k->a->loop) + KUBE_CACHE_SOON_MS;
    int64_t next = c->written ? c->written + KUBE_CACHE_WRITE_MS : soon;
    if (c->dirty && !c->job) {
        loop_timer_at(c->timer, next > soon ? next : soon);
    }
}

/* Each trouble is told once, and its end. */
static void cache_tell(const struct cache_job *job)
{
    const struct kube_cache *c = job->cache;
    if (job->err.code && (!c || strcmp(c->failed, job->err.text) != 0)) {
        log_msg(LOG_AREA_SOURCE, LOG_WARN, "cache %s: cannot be written: %s", job->path,
                job->err.text);
    } else if (!job->err.code && c && *c->failed) {
        log_msg(LOG_AREA_SOURCE, LOG_INFO, "cache %s: written again", job->path);
    }
}

static void cache_job_done(void *aux)
{
    struct cache_job *job = aux;
    struct kube_cache *c = job->cache;
    cache_tell(job);
    if (c) {
        c->job = NULL;
        snprintf(c->failed, sizeof c->failed, "%s", job->err.code ? job->err.text : "");
        c->dirty = c->dirty || *c->failed;
        cache_arm(c);
    }
    if (job->next) {
        work_submit(job->loop, cache_job_run, cache_job_done, job->next);
    }
    cache_job_free(job);
}

static void cache_take(struct cache_job *job, const struct agent *a)
{
    struct arena arena;
    arena_init(&arena, 0);
    for (int i = 0; i < K8S_N_KINDS; i++) {
        size_t n = 0;
        const struct row **rows =
            store_list(a->store, agent_source_table((enum k8s_kind)i), &arena, &n);
        for (size_t r = 0; r < n; r++) {
            VEC_PUSH(&job->objects, object_ref(rows[r]->value));
        }
    }
    arena_done(&arena);
}

/* NULL if the cluster is not known by its UID. */
static struct cache_job *cache_job_new(struct kube_cache *c)
{
    struct agent *a = c->k->a;
    const struct row *system = store_get(a->store, TABLE_NAMESPACE, "kube-system");
    const struct object_meta *meta = system ? system->value : NULL;
    if (!meta || !meta->uid_given) {
        return NULL;
    }
    struct cache_job *job = mem_calloc(1, sizeof *job);
    job->cache = c;
    job->loop = a->loop;
    job->path = mem_strdup(c->path);
    job->dir = mem_strdup(a->o->cache_dir);
    job->cluster = mem_strdup(meta->uid);
    job->node = mem_strdup(a->o->node_name);
    for (int i = 0; i < K8S_N_KINDS; i++) {
        snprintf(job->versions[i], sizeof job->versions[i], "%s",
                 reflector_version(c->k->kinds[i].reflector));
    }
    cache_take(job, a);
    return job;
}

static void cache_write(void *aux)
{
    struct kube_cache *c = aux;
    if (c->job || !c->dirty || !agent_kube_is_complete(c->k)) {
        return;
    }
    c->dirty = false;
    c->job = cache_job_new(c);
    c->written = loop_now(c->k->a->loop);
    if (c->job) {
        work_submit(c->job->loop, cache_job_run, cache_job_done, c->job);
    }
}

void agent_kube_cache_changed(struct agent_kube *k)
{
    if (!k->cache->dirty) {
        k->cache->dirty = true;
        cache_arm(k->cache);
    }
}

/* ---- life ---- */
void agent_kube_cache_start(struct agent_kube *k)
{
    struct kube_cache *c = mem_calloc(1, sizeof *c);
    auto_sbuf path = SBUF_INIT;
    sbuf_printf(&path, "%s/" AGENT_CACHE_NAME, k->a->o->cache_dir);
    c->k = k;
    c->path = sbuf_take(&path);
    c->timer = loop_timer_new(k->a->loop, cache_write, c);
    c->grace = loop_limit_new(k->a->loop, cache_grace_over, c);
    k->cache = c;
    cache_load(c);
    if (c->loaded) {
        loop_timer_after(c->grace, KUBE_CACHE_GRACE_MS);
    }
}

/* The last write goes on by itself: the agent's end waits for what is on the work queue. */
void agent_kube_cache_end(struct agent_kube *k)
{
    struct kube_cache *c = k->cache;
    if (!c) {
        return;
    }
    struct cache_job *last = c->dirty && agent_kube_is_complete(k) ? cache_job_new(c) : NULL;
    if (last) {
        last->cache = NULL;
    }
    if (c->job) {
        c->job->cache = NULL;
        c->job->next = last;
    } else if (last) {
        work_submit(last->loop, cache_job_run, cache_job_done, last);
    }
    loop_timer_free(c->timer);
    loop_timer_free(c->grace);
    mem_free(c->path);
    mem_free(c);
    k->cache = NULL;
}
