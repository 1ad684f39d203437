/* SPDX-License-Identifier: Apache-2.0
 *
 * Default paths and the platform's name: the part of platform/process.h that the short-lived
 * programs use. */
#include "platform/process.h"

#include "core/base/sbuf.h"

const char *process_default_run_dir(void)
{
    return "/run/seine";
}

const char *process_default_cache_dir(void)
{
    return "/var/lib/seine";
}

const char *process_default_ovsdb(void)
{
    return "unix:/var/run/openvswitch/db.sock";
}

char *process_default_socket(const char *run_dir)
{
    struct sbuf path = SBUF_INIT;
    sbuf_printf(&path, "%s/agent.sock", run_dir);
    return sbuf_take(&path);
}

const char *process_platform(void)
{
    return "linux";
}
