/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/spawn.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SPAWN_MAX_ARGUMENTS = 32, SPAWN_FAILED = 127 };
extern char **environ;

struct spawned {
    pid_t pid;
};

static void spawn_redirect(int fd, const char *path, int flags)
{
    int file = open(path ? path : "/dev/null", flags, 0600);
    if (file < 0 || dup2(file, fd) < 0) {
        _exit(SPAWN_FAILED);
    }
}

static void spawn_child(const struct spawn *s)
{
    const char *arguments[SPAWN_MAX_ARGUMENTS + 2] = {s->program};
    for (int i = 0; s->arguments && s->arguments[i] && i < SPAWN_MAX_ARGUMENTS; i++) {
        arguments[i + 1] = s->arguments[i];
    }
    spawn_redirect(0, s->in, O_RDONLY);
    spawn_redirect(1, s->out, O_WRONLY | O_CREAT | O_APPEND);
    spawn_redirect(2, s->err, O_WRONLY | O_CREAT | O_APPEND);
    execve(s->program, (char *const *)(uintptr_t)arguments,
           s->variables ? (char *const *)(uintptr_t)s->variables : environ);
    _exit(SPAWN_FAILED);
}

struct spawned *spawn_start(const struct spawn *s)
{
    struct spawned *p = calloc(1, sizeof *p);
    if (!p || (p->pid = fork()) < 0) {
        free(p);
        return NULL;
    }
    if (p->pid == 0) {
        spawn_child(s);
    }
    return p;
}

int spawn_id(const struct spawned *p)
{
    return p->pid;
}

bool spawn_stop(struct spawned *p, enum spawn_stop how)
{
    static const int signals[] = {
        [SPAWN_TERMINATE] = SIGTERM, [SPAWN_INTERRUPT] = SIGINT, [SPAWN_KILL] = SIGKILL};
    return kill(p->pid, signals[how]) == 0;
}

int spawn_wait(struct spawned *p)
{
    int status = 0;
    pid_t pid = waitpid(p->pid, &status, 0);
    bool ended = pid == p->pid && WIFEXITED(status);
    free(p);
    return ended ? WEXITSTATUS(status) : -1;
}

int spawn_run(const struct spawn *s)
{
    struct spawned *p = spawn_start(s);
    return p ? spawn_wait(p) : -1;
}

struct spawn_thread {
    pthread_t id;
    void (*fn)(void *aux);
    void *aux;
};

static void *spawn_thread_main(void *aux)
{
    struct spawn_thread *t = aux;
    t->fn(t->aux);
    return NULL;
}

struct spawn_thread *spawn_thread_start(void (*fn)(void *aux), void *aux)
{
    struct spawn_thread *t = calloc(1, sizeof *t);
    if (!t) {
        abort();
    }
    t->fn = fn;
    t->aux = aux;
    if (pthread_create(&t->id, NULL, spawn_thread_main, t) != 0) {
        abort();
    }
    return t;
}

void spawn_thread_join(struct spawn_thread *t)
{
    pthread_join(t->id, NULL);
    free(t);
}
