/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/pace.h"

#include <stdatomic.h>

#include "core/base/mem.h"
#include "platform/process.h"
#include "tests/support/spawn.h"

enum { PACE_TURN_MS = 10, PACE_LOOK_MS = 5, PACE_NS_PER_MS = 1000000 };

void pace_run(struct loop *l, int ms)
{
    for (int64_t ran = 0; ran < ms;) {
        int64_t begin = loop_now(l);
        loop_run_once(l, PACE_TURN_MS);
        int64_t took = loop_now(l) - begin;
        ran += took < 2 * PACE_TURN_MS ? took : PACE_TURN_MS;
    }
}

struct pace_watch {
    struct spawn_thread *thread;
    atomic_bool over;
    int64_t stood_ns;
};

static void pace_look(void *aux)
{
    struct pace_watch *w = aux;
    for (uint64_t last = process_now_ns(); !atomic_load(&w->over);) {
        process_sleep_ms(PACE_LOOK_MS);
        uint64_t now = process_now_ns();
        int64_t stood = (int64_t)(now - last) - (int64_t)PACE_LOOK_MS * PACE_NS_PER_MS;
        w->stood_ns += stood >= (int64_t)PACE_STOP_MS * PACE_NS_PER_MS ? stood : 0;
        last = now;
    }
}

struct pace_watch *pace_watch_start(void)
{
    struct pace_watch *w = mem_calloc(1, sizeof *w);
    w->thread = spawn_thread_start(pace_look, w);
    return w;
}

int64_t pace_watch_end(struct pace_watch *w)
{
    atomic_store(&w->over, true);
    spawn_thread_join(w->thread);
    int64_t ms = w->stood_ns / PACE_NS_PER_MS;
    mem_free(w);
    return ms;
}
