/* SPDX-License-Identifier: Apache-2.0
 *
 * Default paths and the platform's name: the part of platform/process.h that the short-lived
 * programs use. */
#include "platform/process.h"

const char *process_default_run_dir(void)
{
    return "/run/seine";
}

const char *process_default_ovsdb(void)
{
    return "unix:/var/run/openvswitch/db.sock";
}

const char *process_platform(void)
{
    return "linux";
}
