/* SPDX-License-Identifier: Apache-2.0
 *
 * Platform contract: the system's service manager, seen from both sides.
 *
 * From inside: a program that the manager started tells it how far it is, is told to stop, and logs
 * to a file and to the system's event log, since its stderr leads nowhere.  From outside: services
 * are installed, asked about, started, stopped and removed.
 *
 * Linux: a program always runs in the foreground, what is around it does the rest; installing and
 * the like is ERR_UNSUPPORTED. */
#ifndef SEINE_PLATFORM_SERVICE_H
#define SEINE_PLATFORM_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

/* ---- from inside ---- */
typedef int service_main_fn(int argc, char **argv);
/* Runs 'fn' with these arguments and returns what it returns: as the main of service 'name' (on a
 * thread of the manager's) if the service manager started this process, else directly.  0 tells the
 * manager that all is well; anything else is a failure, after which it starts the service again.
 * A service that somebody else made (an MSI) first gives itself what such a one may lack: quotes
 * around its path, the restart after a failure. */
int service_main_run(const char *name, int argc, char **argv, service_main_fn *fn);
/* Whether this process runs under the service manager. */
bool service_is_managed(void);
/* Tells the manager that the service has started; until then it is "starting". */
void service_tell_running(void);
/* Tells the manager that the service has stopped, with this exit code: for a main that ends the
 * process instead of returning. */
void service_tell_stopped(int exit_code);
/* From now on 'fn' is called when the manager wants the service to stop or the machine goes down:
 * on a foreign thread, and at once (on this one) if that was asked already.  NULL: no more calls;
 * none is under way when this returns. */
typedef void service_stop_fn(void *aux);
void service_on_stop(service_stop_fn *fn, void *aux);

/* Opens the log of a service: 'path' grows to 'limit' bytes, then becomes "path.1" (replacing an
 * earlier one) and begins anew.  Missing folders are made.  Under the manager stderr goes to
 * "path.stderr".  ERR_UNSUPPORTED, ERR_PERMISSION, ERR_IO. */
int service_log_open(const char *path, uint64_t limit, struct err *err);
void service_log_close(void);
/* Appends; nothing happens if no log is open. */
void service_log_write(const void *p, size_t n);
/* One entry of the system's event log, under the service's name.  Quiet where there is none. */
enum service_event { SERVICE_EVENT_ERROR, SERVICE_EVENT_WARNING, SERVICE_EVENT_INFO };
void service_log_event(enum service_event kind, const char *text);

/* ---- from outside ---- */
struct service_spec {
    const char *name, *display, *description;
    const char *program;     /* full path; quoted in the manager's command line */
    const char *const *args; /* after it */
    size_t n_args;
};
enum service_state { /* (winsvc.h has the names without IS) */
                     SERVICE_IS_ABSENT,
                     SERVICE_IS_STOPPED,
                     SERVICE_IS_STARTING,
                     SERVICE_IS_STOPPING,
                     SERVICE_IS_RUNNING,
                     SERVICE_IS_OTHER, /* paused, which no service of ours ever is */
};
struct service_status {
    enum service_state state;
    bool automatic;      /* starts with the machine */
    bool restarts;       /* the manager starts it again after a failure */
    bool restarts_known; /* whether the manager tells that at all */
    uint32_t pid;        /* 0: none */
    uint32_t exit_code;  /* of the last run, once stopped; the program's own where it gave one */
    char command[1024];  /* the manager's command line, "" if not known; cut if longer */
};

/* Makes the service, or gives an existing one these properties: automatic (and not delayed: without
 * it the node's Pods have no network), restarted after a failure (in 5, 10, then 30 s), registered
 * with the event log.  Does not start it.
 * ERR_PERMISSION, ERR_CONFLICT (marked for removal while somebody holds it), ERR_UNSUPPORTED. */
int service_install(const struct service_spec *spec, struct err *err);
/* Gives an installed service the command line that service_query() told of it.  ERR_NOT_FOUND. */
int service_set_command(const char *name, const char *command, struct err *err);
/* Removes it, stopped or not, and its registration with the event log.  Absent is success. */
int service_remove(const char *name, struct err *err);
/* Starts it and waits until it runs; running already is success.  ERR_NOT_FOUND, ERR_TIMEOUT,
 * ERR_CLOSED (it ended instead: the text says with which code). */
int service_start(const char *name, unsigned timeout_ms, struct err *err);
/* Stops it and waits until it has; stopped or absent is success.  ERR_TIMEOUT. */
int service_stop(const char *name, unsigned timeout_ms, struct err *err);
/* What the manager says of it; SERVICE_IS_ABSENT is an answer too.  Needs no rights of its own:
 * what may not be read stays empty. */
int service_query(const char *name, struct service_status *out, struct err *err);
#endif
