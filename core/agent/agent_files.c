/* SPDX-License-Identifier: Apache-2.0
 *
 * The two files by which the container runtime finds Seine (cni_files.h).  The network
 * configuration is written when the agent is ready for the first time and put back whenever it is
 * gone or changed while the agent is ready: without it the kubelet starts no Pod.  What the agent
 * does not see to is told: somebody else's configuration that the runtime takes first, and a CNI
 * program that is gone.
 *
 * A look at the files is work of the disk, so it is done on the work queue: after a change of the
 * folder, and now and then, as watches may miss one.  What cannot be written is told once, makes
 * the agent not ready, and is tried again.  Whoever takes our file away each time it comes back is
 * met ever less often, not fought. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/agent/agent_internal.h"
#include "core/agent/cni_files.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/metrics.h"
#include "core/io/work.h"

enum {
    FILES_SETTLE_MS = 100, /* several changes of the folder are one look */
    FILES_LOOK_MS = 30000, /* without any */
    FILES_RETRY_MS = 5000, /* after one that could not write */
    /* After the file was put back, the next look at it waits: so long at first, twice as long each
     * time, and so long at most; anew once nobody touched it for a while. */
    FILES_WAIT_MS = 1000,
    FILES_WAIT_MAX_MS = 64000,
    FILES_CALM_MS = 600000,
};

/* One look; lives on the work queue. */
struct files_look {
    struct err err;
    enum cni_files_found found;
    char *preferred, *lost; /* cni_files.h */
};

struct agent_files {
    struct agent *a;
    struct loop_watch *watch; /* of the configuration's folder, until it changes; NULL: none */
    struct loop_timer *timer;
    bool due;   /* a look is wanted, and taken when the agent is ready */
    bool soon;  /* the timer is set for a change of the folder */
    bool again; /* such a change came while a look was under way */
    bool busy, placed, ended;
    int64_t not_before, wait_ms, restored_at;
    uint64_t n_restored;
    char error[ERR_TEXT_MAX];
    char *preferred, *lost; /* as told */
    struct files_look look;
};

static bool files_is_wanted(const struct agent *a)
{
    return a->o->cni_config[0] || a->o->cni_bin_dir[0];
}

/* ---- when ---- */
static void files_look_after(struct agent_files *f, int64_t delay_ms)
{
    int64_t when = loop_now(f->a->loop) + delay_ms;
    loop_timer_at(f->timer, when > f->not_before ? when : f->not_before);
}

static void files_time(void *aux)
{
    struct agent_files *f = aux;
    f->soon = false;
    f->due = true;
    agent_progress(f->a);
}

/* A look follows, which watches anew.  Not before: on Windows a folder that was removed keeps its
 * name until nobody watches it. */
static void files_changed(void *aux)
{
    struct agent_files *f = aux;
    loop_watch_free(f->watch);
    f->watch = NULL;
    if (f->busy) {
        f->again = true;
    } else if (!f->soon && !f->due) {
        f->soon = true;
        files_look_after(f, FILES_SETTLE_MS);
    }
}

/* Made anew before each look, since the folder may be another one now. */
static void files_watch(struct agent_files *f)
{
    struct loop_watch *fresh = NULL;
    if (f->a->o->cni_config[0]) {
        auto_free char *dir = cni_files_config_folder(f->a->o);
        loop_watch_new(f->a->loop, dir, files_changed, f, &fresh, NULL);
    }
    loop_watch_free(f->watch);
    f->watch = fresh;
}

/* ---- what was found ---- */
/* Something that lasts: told when it comes, and when it goes. */
static bool files_is_news(char **told, char **now)
{
    bool same = strcmp(*told ? *told : "", *now ? *now : "") == 0;
    mem_free(same ? *now : *told);
    *told = same ? *told : *now;
    *now = NULL;
    return !same;
}

static void files_tell(struct agent_files *f, const char *reason, const char *text)
{
    log_msg(LOG_AREA_CNI, LOG_WARN, "%s", text);
    agent_source_node_event(f->a, reason, "PlaceFiles", text);
}

static void files_put_preferred(const struct agent_files *f, struct sbuf *out)
{
    sbuf_printf(out,
                "the runtime takes %s, which lies beside %s and comes first: Pods are not Seine's "
                "until that goes",
                f->preferred, f->a->o->cni_config);
}

static void files_put_lost(const struct agent_files *f, struct sbuf *out)
{
    sbuf_printf(out, "the CNI plugin is gone, no Pod can start: %s (install-cni places it)",
                f->lost);
}

static void files_tell_others(struct agent_files *f)
{
    auto_sbuf text = SBUF_INIT;
    if (files_is_news(&f->preferred, &f->look.preferred)) {
        if (f->preferred) {
            files_put_preferred(f, &text);
            files_tell(f, "OtherNetworkFirst", text.data);
        } else {
            log_msg(LOG_AREA_CNI, LOG_INFO, "no other network configuration comes first any more");
        }
    }
    sbuf_clear(&text);
    if (files_is_news(&f->lost, &f->look.lost)) {
        if (f->lost) {
            files_put_lost(f, &text);
            files_tell(f, "PluginLost", text.data);
        } else {
            log_msg(LOG_AREA_CNI, LOG_INFO, "the CNI plugin is there again");
        }
    }
}

static void files_restored(struct agent_files *f)
{
    auto_sbuf text = SBUF_INIT;
    f->n_restored++;
    f->restored_at = loop_now(f->a->loop);
    f->not_before = f->restored_at + f->wait_ms;
    f->wait_ms = f->wait_ms * 2 < FILES_WAIT_MAX_MS ? f->wait_ms * 2 : FILES_WAIT_MAX_MS;
    sbuf_printf(&text, "the network configuration was %s and is put back: %s",
                f->look.found == CNI_FILES_ABSENT ? "gone" : "changed", f->a->o->cni_config);
    files_tell(f, "NetworkRestored", text.data);
}

static void files_written(struct agent_files *f)
{
    bool calm = loop_now(f->a->loop) - f->restored_at >= FILES_CALM_MS;
    f->error[0] = 0;
    f->wait_ms = calm ? FILES_WAIT_MS : f->wait_ms;
    if (!f->a->o->cni_config[0]) {
        return;
    }
    if (!f->placed) {
        f->placed = true;
        log_msg(LOG_AREA_CNI, LOG_INFO, "the network configuration is in place: %s",
                f->a->o->cni_config);
    } else if (f->look.found != CNI_FILES_RIGHT) {
        files_restored(f);
    }
}

static void files_failed(struct agent_files *f)
{
    if (strcmp(f->error, f->look.err.text) != 0) {
        snprintf(f->error, sizeof f->error, "%s", f->look.err.text);
        log_msg(LOG_AREA_CNI, LOG_ERROR, "--cni-config: %s", f->error);
    }
}

/* ---- a look ---- */
static void files_run(void *aux)
{
    struct agent_files *f = aux;
    struct files_look *l = &f->look;
    const struct options *o = f->a->o;
    l->err.code = 0;
    l->found = CNI_FILES_RIGHT;
    if (o->cni_config[0]) {
        cni_files_write_config(o, &l->found, &l->err);
        l->preferred = cni_files_preferred(o);
    }
    l->lost = cni_files_lost_program(o);
}

static void files_free(struct agent_files *f)
{
    char *const texts[] = {f->preferred, f->lost, f->look.preferred, f->look.lost};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        mem_free(texts[i]);
    }
    mem_free(f);
}

/* The look may have made the folder: then what changed since is not known. */
static bool files_is_new_folder(struct agent_files *f)
{
    if (f->watch) {
        return false;
    }
    files_watch(f);
    return f->watch != NULL;
}

static void files_done(void *aux)
{
    struct agent_files *f = aux;
    f->busy = false;
    if (f->ended) {
        files_free(f);
        return;
    }
    bool failed = f->look.err.code != 0;
    if (failed) {
        files_failed(f);
    } else {
        files_written(f);
    }
    files_tell_others(f);
    f->soon = !failed && (f->again || files_is_new_folder(f));
    f->again = false;
    files_look_after(f, failed ? FILES_RETRY_MS : f->soon ? FILES_SETTLE_MS : FILES_LOOK_MS);
    agent_progress(f->a);
}

void agent_files_place(struct agent *a)
{
    struct agent_files *f = a->files;
    if (f && f->due && !f->busy && !a->stopping && files_is_wanted(a)) {
        f->due = false;
        f->busy = true;
        files_watch(f);
        work_submit(a->loop, files_run, files_done, f);
    }
}

/* ---- life, and what is said of it ---- */
void agent_files_start(struct agent *a)
{
    struct agent_files *f = mem_calloc(1, sizeof *f);
    f->a = a;
    f->due = true;
    f->wait_ms = FILES_WAIT_MS;
    f->timer = loop_timer_new(a->loop, files_time, f);
    a->files = f;
}

void agent_files_end(struct agent *a)
{
    struct agent_files *f = a->files;
    if (!f) {
        return;
    }
    a->files = NULL;
    loop_timer_free(f->timer);
    loop_watch_free(f->watch);
    f->watch = NULL;
    f->ended = true;
    if (!f->busy) {
        files_free(f);
    }
}

const char *agent_files_why(const struct agent *a)
{
    return a->files ? a->files->error : "";
}

void agent_files_status(const struct agent *a, struct sbuf *out)
{
    const struct agent_files *f = a->files;
    auto_sbuf text = SBUF_INIT;
    sbuf_printf(out, "{\"restored\":%" PRIu64 ",\"troubles\":[", f->n_restored);
    if (f->preferred) {
        files_put_preferred(f, &text);
        sbuf_put_json(out, text.data);
    }
    if (f->lost) {
        sbuf_puts(out, f->preferred ? "," : "");
        sbuf_clear(&text);
        files_put_lost(f, &text);
        sbuf_put_json(out, text.data);
    }
    sbuf_puts(out, "]}");
}

void agent_files_metrics(const struct agent *a)
{
    const struct agent_files *f = a->files;
    if (files_is_wanted(a)) {
        metric_count(METRIC_CNI_RESTORED, NULL, (double)f->n_restored);
        metric_set(METRIC_CNI_FILES, "unwritable", NULL, f->error[0] != 0);
        metric_set(METRIC_CNI_FILES, "not-first", NULL, f->preferred != NULL);
        metric_set(METRIC_CNI_FILES, "plugin-lost", NULL, f->lost != NULL);
    }
}
