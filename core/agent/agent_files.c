/* SPDX-License-Identifier: Apache-2.0
 *
 * The network configuration of the container runtime, written when the agent is ready for the first
 * time.  Writing syncs the disk, so it is done on the work queue; what cannot be written is told
 * once, makes the agent not ready, and is tried again. */
#include <stdio.h>
#include <string.h>

#include "core/agent/agent_internal.h"
#include "core/agent/cni_files.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/io/work.h"

enum { FILES_RETRY_MS = 5000 };

struct agent_files {
    struct agent *a;
    struct loop_timer *retry;
    bool busy, waiting, written, ended;
    char error[ERR_TEXT_MAX];
    struct err err;  /* of the work under way */
    char *preferred; /* somebody else's configuration, see cni_files.h */
};

static void files_look(void *aux)
{
    struct agent_files *f = aux;
    f->waiting = false;
    agent_progress(f->a);
}

void agent_files_start(struct agent *a)
{
    struct agent_files *f = mem_calloc(1, sizeof *f);
    f->a = a;
    f->retry = loop_timer_new(a->loop, files_look, f);
    a->files = f;
}

static void files_free(struct agent_files *f)
{
    mem_free(f->preferred);
    mem_free(f);
}

void agent_files_end(struct agent *a)
{
    struct agent_files *f = a->files;
    if (!f) {
        return;
    }
    a->files = NULL;
    loop_timer_free(f->retry);
    f->retry = NULL;
    f->ended = true;
    if (!f->busy) {
        files_free(f);
    }
}

static void files_run(void *aux)
{
    struct agent_files *f = aux;
    f->err.code = 0;
    mem_free(f->preferred);
    f->preferred = NULL;
    if (cni_files_write_config(f->a->o, &f->err) == 0) {
        f->preferred = cni_files_preferred(f->a->o);
    }
}

static void files_failed(struct agent_files *f)
{
    if (strcmp(f->error, f->err.text) != 0) {
        snprintf(f->error, sizeof f->error, "%s", f->err.text);
        log_msg(LOG_AREA_CNI, LOG_ERROR, "--cni-config: %s", f->error);
    }
    f->waiting = true;
    loop_timer_after(f->retry, FILES_RETRY_MS);
}

static void files_done(void *aux)
{
    struct agent_files *f = aux;
    f->busy = false;
    if (f->ended) {
        files_free(f);
        return;
    }
    if (f->err.code) {
        files_failed(f);
    } else {
        f->written = true;
        f->error[0] = 0;
        log_msg(LOG_AREA_CNI, LOG_INFO, "the network configuration is in place: %s",
                f->a->o->cni_config);
    }
    if (f->preferred) {
        log_msg(LOG_AREA_CNI, LOG_WARN,
                "the runtime takes %s, which lies beside it and comes first: Pods are not Seine's "
                "until that goes",
                f->preferred);
    }
    agent_progress(f->a);
}

void agent_files_place(struct agent *a)
{
    struct agent_files *f = a->files;
    bool wanted = f && a->o->cni_config[0] && !f->written && !a->stopping;
    if (wanted && !f->busy && !f->waiting) {
        f->busy = true;
        work_submit(a->loop, files_run, files_done, f);
    }
}

const char *agent_files_why(const struct agent *a)
{
    return a->files ? a->files->error : "";
}
