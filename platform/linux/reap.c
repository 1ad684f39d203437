/* SPDX-License-Identifier: Apache-2.0
 *
 * A thread of its own sends the request; the caller looks whether the name is still listed, and
 * leaves as soon as it is not, or as the thread has an answer.  What the two share is freed by
 * whoever leaves last. */
#include "platform/linux/reap.h"

#include <errno.h>
#include <net/if.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "core/base/mem.h"
#include "platform/linux/link.h"

enum { LOOK_NS = 200000, NS_PER_S = 1000000000 };

struct reap {
    pthread_mutex_t lock;
    pthread_cond_t answered;
    int holders; /* caller and thread */
    bool done;
    int rc;
    struct err err;
    char name[IFNAMSIZ];
};

static atomic_int reaping;

static int reap_now(const char *name, struct err *err)
{
    auto_nl nl;
    int rc = nl_open(&nl, NETLINK_ROUTE, -1, err);
    if (rc < 0) {
        return rc;
    }
    int os = link_delete(&nl, name);
    return os && os != ENODEV ? nl_err(&nl, os, err, "removing %s", name) : 0;
}

/* Unlocks; the last holder frees. */
static void reap_leave(struct reap *r)
{
    bool last = --r->holders == 0;
    pthread_mutex_unlock(&r->lock);
    if (!last) {
        return;
    }
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->answered);
    mem_free(r);
}

static void *reap_thread(void *arg)
{
    struct reap *r = arg;
    struct err err = {0};
    int rc = reap_now(r->name, &err);
    pthread_mutex_lock(&r->lock);
    r->done = true;
    r->rc = rc;
    r->err = err;
    pthread_cond_signal(&r->answered);
    reap_leave(r);
    atomic_fetch_sub(&reaping, 1);
    return NULL;
}

/* A little while, or until the thread has its answer. */
static void reap_wait(struct reap *r)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += LOOK_NS;
    if (until.tv_nsec >= NS_PER_S) {
        until.tv_sec++;
        until.tv_nsec -= NS_PER_S;
    }
    pthread_cond_timedwait(&r->answered, &r->lock, &until);
}

static int reap_watch(struct reap *r, struct err *err)
{
    pthread_mutex_lock(&r->lock);
    while (!r->done && if_nametoindex(r->name) != 0) {
        reap_wait(r);
    }
    int rc = r->done ? r->rc : 0;
    if (rc < 0 && err) {
        *err = r->err;
    }
    reap_leave(r);
    return rc;
}

static struct reap *reap_start(const char *name)
{
    struct reap *r = mem_calloc(1, sizeof *r);
    pthread_attr_t attr;
    pthread_t thread;
    r->holders = 2;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->answered, NULL);
    (void)snprintf(r->name, sizeof r->name, "%s", name);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    int os = pthread_create(&thread, &attr, reap_thread, r);
    pthread_attr_destroy(&attr);
    if (os == 0) {
        return r;
    }
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->answered);
    mem_free(r);
    return NULL;
}

int reap_link(const char *name, struct err *err)
{
    if (if_nametoindex(name) == 0) {
        return 0;
    }
    struct reap *r = atomic_fetch_add(&reaping, 1) < REAP_MAX ? reap_start(name) : NULL;
    if (r) {
        return reap_watch(r, err);
    }
    atomic_fetch_sub(&reaping, 1);
    return reap_now(name, err);
}
