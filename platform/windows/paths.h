/* SPDX-License-Identifier: Apache-2.0
 *
 * Places of this system that more than one file of platform/windows needs. */
#ifndef SEINE_PLATFORM_WINDOWS_PATHS_H
#define SEINE_PLATFORM_WINDOWS_PATHS_H

/* Where Open vSwitch's own build for Windows keeps its sockets' names. */
#define PATHS_OVS_RUN_DIR "C:/openvswitch/var/run/openvswitch"

#endif
