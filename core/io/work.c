/* SPDX-License-Identifier: Apache-2.0
 *
 * Work on libuv's thread pool: see work.h. */
#include "core/io/work.h"

#include <assert.h>
#include <uv.h>

#include "core/base/mem.h"
#include "core/io/loop_uv.h"

struct work {
    uv_work_t uv;
    struct loop *loop;
    work_fn *run, *done;
    void *aux;
};

static void work_run__(uv_work_t *uv)
{
    struct work *w = CONTAINER_OF(uv, struct work, uv);
    w->run(w->aux);
}

static void work_done__(uv_work_t *uv, int status)
{
    struct work *w = CONTAINER_OF(uv, struct work, uv);
    work_fn *done = w->done;
    void *aux = w->aux;
    (void)status; /* work is never cancelled */
    w->loop->n_work--;
    mem_free(w);
    done(aux);
}

void work_submit(struct loop *l, work_fn *run, work_fn *done, void *aux)
{
    struct work *w = mem_calloc(1, sizeof *w);
    w->loop = l;
    w->run = run;
    w->done = done;
    w->aux = aux;
    l->n_work++;
    int rc = uv_queue_work(&l->uv, &w->uv, work_run__, work_done__);
    assert(rc == 0); /* fails only without a function */
    (void)rc;
}

size_t work_pending(const struct loop *l)
{
    return l->n_work;
}
