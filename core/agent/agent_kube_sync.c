/* SPDX-License-Identifier: Apache-2.0
 *
 * Sync with an API server, in rounds: each kind's version is read by a list of one object, then
 * the watch must pass it.  Who asks while a round is under way waits for the next one, since its
 * versions were perhaps read before. */
#include "core/agent/agent_kube.h"

#include "core/base/mem.h"
#include "core/k8s/json_stream.h"

struct kube_sync {
    struct kube_sync *next, **link;
    loop_fn *done;
    void *aux;
    bool in_round;
};

static void kube_sync_free(struct kube_sync *s)
{
    *s->link = s->next;
    if (s->next) {
        s->next->link = s->link;
    }
    mem_free(s);
}

/* ---- versions ---- */
static void kube_sync_answered(void *aux, int status, const char *body, size_t n,
                               const struct err *why)
{
    struct kube_kind *kind = aux;
    char version[JSON_STREAM_VERSION_MAX];
    kind->ask = NULL;
    if (!why && status == 200 && kind_version_parse(body, n, version, NULL) == 0) {
        kind->asking = false;
        kind->reaching = true;
        reflector_reach(kind->reflector, version);
    } else if (!why && status == 404 && kind->row->optional) {
        kind->asking = false; /* nothing of it is anywhere */
    } else {
        loop_timer_after(kind->kube->sync_timer, KUBE_AGAIN_MS);
    }
    agent_kube_moved(kind->kube);
}

static void kube_sync_ask(struct kube_kind *kind)
{
    auto_sbuf path = SBUF_INIT;
    kind_path_version(kind->row, &path);
    kind->ask = agent_kube_ask(kind->kube, &path, kube_sync_answered, kind);
}

static void kube_sync_begin(struct agent_kube *k)
{
    k->sync_round = k->syncs != NULL;
    for (struct kube_sync *s = k->syncs; s; s = s->next) {
        s->in_round = true;
    }
    for (int i = 0; k->sync_round && i < K8S_N_KINDS; i++) {
        k->kinds[i].asking = true;
        k->kinds[i].reaching = false;
        kube_sync_ask(&k->kinds[i]);
    }
}

void agent_kube_sync_again(void *aux)
{
    struct agent_kube *k = aux;
    for (int i = 0; k->sync_round && i < K8S_N_KINDS; i++) {
        if (k->kinds[i].asking && !k->kinds[i].ask) {
            kube_sync_ask(&k->kinds[i]);
        }
    }
}

/* Nobody waits any more. */
static void kube_sync_drop_round(struct agent_kube *k)
{
    k->sync_round = false;
    for (int i = 0; i < K8S_N_KINDS; i++) {
        http_call_cancel(k->kinds[i].ask);
        k->kinds[i].ask = NULL;
        k->kinds[i].asking = k->kinds[i].reaching = false;
    }
}

static bool kube_sync_has_reached(const struct kube_kind *kind)
{
    return !kind->asking && (!kind->reaching || reflector_reached(kind->reflector));
}

void agent_kube_sync_look(struct agent_kube *k)
{
    for (int i = 0; i < K8S_N_KINDS; i++) {
        if (!k->sync_round || !kube_sync_has_reached(&k->kinds[i])) {
            return;
        }
    }
    for (struct kube_sync *s = k->syncs, *next; s; s = next) {
        next = s->next;
        if (s->in_round) {
            loop_fn *done = s->done;
            void *aux = s->aux;
            kube_sync_free(s);
            done(aux);
        }
    }
    kube_sync_begin(k);
}

/* ---- who waits ---- */
void agent_kube_sync(void *source, loop_fn *done, void *aux)
{
    struct agent_kube *k = source;
    struct kube_sync *s = mem_calloc(1, sizeof *s);
    *s = (struct kube_sync){.next = k->syncs, .link = &k->syncs, .done = done, .aux = aux};
    if (s->next) {
        s->next->link = &s->next;
    }
    k->syncs = s;
    if (!k->sync_round) {
        kube_sync_begin(k);
    }
}

void agent_kube_sync_cancel(void *source, loop_fn *done, void *aux)
{
    struct agent_kube *k = source;
    for (struct kube_sync *s = k->syncs; s; s = s->next) {
        if (s->done == done && s->aux == aux) {
            kube_sync_free(s);
            break;
        }
    }
    if (!k->syncs) {
        kube_sync_drop_round(k);
    }
}

void agent_kube_sync_why(void *source, struct sbuf *out)
{
    const struct agent_kube *k = source;
    for (int i = 0; i < K8S_N_KINDS; i++) {
        const struct kube_kind *kind = &k->kinds[i];
        if (!kube_sync_has_reached(kind)) {
            const char *trouble = reflector_trouble(kind->reflector);
            sbuf_printf(out, "source %s: %s: %s%s%s", agent_kube_class.name,
                        k8s_kind_name(kind->kind),
                        kind->asking ? "the server has not said its version"
                                     : "the watch has not passed the server's version",
                        *trouble ? ": " : "", trouble);
            return;
        }
    }
    sbuf_printf(out, "source %s: not asked yet", agent_kube_class.name);
}

void agent_kube_sync_end(struct agent_kube *k)
{
    while (k->syncs) {
        kube_sync_free(k->syncs);
    }
    kube_sync_drop_round(k);
}
