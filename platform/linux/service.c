/* SPDX-License-Identifier: Apache-2.0
 *
 * No service manager is spoken to: the program runs in the foreground. */
#include "platform/service.h"

int service_main_run(const char *name, int argc, char **argv, service_main_fn *fn)
{
    (void)name;
    return fn(argc, argv);
}

bool service_is_managed(void)
{
    return false;
}

void service_tell_running(void)
{
}

void service_tell_stopped(int exit_code)
{
    (void)exit_code;
}

void service_on_stop(service_stop_fn *fn, void *aux)
{
    (void)fn;
    (void)aux;
}

static int service_unsupported(struct err *err)
{
    return err_set(err, ERR_UNSUPPORTED, "services: only on Windows");
}

int service_log_open(const char *path, uint64_t limit, struct err *err)
{
    (void)path;
    (void)limit;
    return service_unsupported(err);
}

void service_log_close(void)
{
}

void service_log_write(const void *p, size_t n)
{
    (void)p;
    (void)n;
}

void service_log_event(enum service_event kind, const char *text)
{
    (void)kind;
    (void)text;
}

int service_install(const struct service_spec *spec, struct err *err)
{
    (void)spec;
    return service_unsupported(err);
}

int service_set_command(const char *name, const char *command, struct err *err)
{
    (void)name;
    (void)command;
    return service_unsupported(err);
}

int service_remove(const char *name, struct err *err)
{
    (void)name;
    return service_unsupported(err);
}

int service_start(const char *name, unsigned timeout_ms, struct err *err)
{
    (void)name;
    (void)timeout_ms;
    return service_unsupported(err);
}

int service_stop(const char *name, unsigned timeout_ms, struct err *err)
{
    (void)name;
    (void)timeout_ms;
    return service_unsupported(err);
}

int service_query(const char *name, struct service_status *out, struct err *err)
{
    (void)name;
    (void)out;
    return service_unsupported(err);
}
