/* SPDX-License-Identifier: Apache-2.0
 *
 * A folder of manifests as the source: core/io/dirwatch.h reads, core/k8s/folder.h decides which
 * object holds. */
#include "core/agent/agent_internal.h"

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/metrics.h"
#include "core/io/dirwatch.h"
#include "core/k8s/folder.h"

struct agent_folder {
    struct agent *a;
    struct folder *folder;
    struct dirwatch *watch;
};

/* ---- what the folder tells ---- */
static void agent_folder_put(void *aux, enum k8s_kind kind, const char *key, void *object)
{
    struct agent_folder *f = aux;
    agent_source_put(f->a, kind, key, object);
}

static void agent_folder_remove(void *aux, enum k8s_kind kind, const char *key)
{
    struct agent_folder *f = aux;
    agent_source_remove(f->a, kind, key);
}

static void agent_folder_note(void *aux, enum folder_note note, const char *text)
{
    (void)aux;
    bool bad = note == FOLDER_NOTE_BAD;
    bool warn = bad || note == FOLDER_NOTE_DUPLICATE;
    log_msg(LOG_AREA_SOURCE, bad ? LOG_ERROR : warn ? LOG_WARN : LOG_INFO, "%s", text);
}

/* ---- what the watch tells ---- */
static unsigned agent_folder_file(void *aux, const char *name, const char *text, size_t len,
                                  unsigned age_ms)
{
    struct agent_folder *f = aux;
    unsigned again_ms = folder_offer(f->folder, name, text, len, age_ms);
    if (again_ms == 0) {
        agent_changed(f->a);
    }
    return again_ms;
}

static void agent_folder_gone(void *aux, const char *name)
{
    struct agent_folder *f = aux;
    folder_file_gone(f->folder, name);
    agent_changed(f->a);
}

static void agent_folder_unreadable(void *aux, const char *name, const char *reason)
{
    struct agent_folder *f = aux;
    folder_file_unreadable(f->folder, name, reason);
}

static void agent_folder_listed(void *aux, const char *dir, const char *reason)
{
    struct agent_folder *f = aux;
    folder_unreadable(f->folder, dir, reason);
}

static void agent_folder_passed(void *aux)
{
    struct agent_folder *f = aux;
    folder_first_load_done(f->folder);
    agent_changed(f->a);
}

static const struct dirwatch_events agent_folder_events = {
    .wants = folder_wants,
    .file = agent_folder_file,
    .gone = agent_folder_gone,
    .unreadable = agent_folder_unreadable,
    .listed = agent_folder_listed,
    .passed = agent_folder_passed,
};

/* ---- the class ---- */
static int agent_folder_start(struct agent *a, void **out, struct err *err)
{
    (void)err;
    struct agent_folder *f = mem_calloc(1, sizeof *f);
    struct folder_sink sink = {.aux = f,
                               .put = agent_folder_put,
                               .remove = agent_folder_remove,
                               .note = agent_folder_note};
    f->a = a;
    f->folder = folder_new(&sink);
    f->watch = dirwatch_new(a->loop, a->o->objects, &agent_folder_events, f);
    *out = f;
    return 0;
}

static void agent_folder_end(void *source)
{
    struct agent_folder *f = source;
    dirwatch_free(f->watch);
    folder_free(f->folder);
    mem_free(f);
}

static void agent_folder_look(void *source, struct agent_source_state *out)
{
    struct agent_folder *f = source;
    out->complete = folder_complete(f->folder);
}

static void agent_folder_describe(void *source, struct sbuf *out)
{
    struct agent_folder *f = source;
    struct folder_counts counts;
    folder_counts(f->folder, &counts);
    sbuf_printf(out, "folder %s: complete: %zu files, %zu objects", f->a->o->objects, counts.files,
                counts.objects);
}

static void agent_folder_why(void *source, struct sbuf *out)
{
    struct agent_folder *f = source;
    const struct folder_error *errors;
    size_t n = folder_errors(f->folder, &errors);
    for (size_t i = 0; i < n; i++) {
        if (errors[i].blocking) {
            sbuf_puts(out, errors[i].text);
            return;
        }
    }
    sbuf_puts(out, "not read yet");
}

static void agent_folder_errors(void *source, agent_source_error_fn *tell, void *aux)
{
    struct agent_folder *f = source;
    const struct folder_error *errors;
    size_t n = folder_errors(f->folder, &errors);
    for (size_t i = 0; i < n; i++) {
        tell(aux, errors[i].text);
    }
}

static void agent_folder_sync(void *source, loop_fn *done, void *aux)
{
    struct agent_folder *f = source;
    dirwatch_sync(f->watch, done, aux);
}

static void agent_folder_sync_cancel(void *source, loop_fn *done, void *aux)
{
    struct agent_folder *f = source;
    dirwatch_sync_cancel(f->watch, done, aux);
}

static void agent_folder_sync_why(void *source, struct sbuf *out)
{
    (void)source;
    sbuf_puts(out, "the folder has not been read again");
}

static void agent_folder_metrics(void *source)
{
    struct agent_folder *f = source;
    const char *kind;
    size_t n = 0;
    struct folder_counts counts;
    folder_counts(f->folder, &counts);
    metric_set(METRIC_SOURCE_ERRORS, "folder", NULL, (double)counts.errors);
    for (size_t i = 0; (kind = folder_unknown(f->folder, i, &n)) != NULL; i++) {
        metric_count(METRIC_UNKNOWN_KINDS, kind, (double)n);
    }
}

const struct agent_source_class agent_folder_class = {
    .name = "folder",
    .start = agent_folder_start,
    .end = agent_folder_end,
    .look = agent_folder_look,
    .describe = agent_folder_describe,
    .why = agent_folder_why,
    .errors = agent_folder_errors,
    .sync = agent_folder_sync,
    .sync_cancel = agent_folder_sync_cancel,
    .sync_why = agent_folder_sync_why,
    .metrics = agent_folder_metrics,
};
