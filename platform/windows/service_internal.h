/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the service share. */
#ifndef SEINE_PLATFORM_WINDOWS_SERVICE_INTERNAL_H
#define SEINE_PLATFORM_WINDOWS_SERVICE_INTERNAL_H

/* The registry key that names a source of the Application log, "%ls" being the service. */
#define SERVICE_LOG_KEY L"SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application\\"

/* Gives an installed service quotes around the path of this program and the restart after a
 * failure, if it lacks them.  What cannot be done stays as it is. */
void service_mend(const wchar_t *name);
/* Registers the service as a source of the Application log, and takes that away again. */
int service_log_register(const wchar_t *name, struct err *err);
void service_log_unregister(const wchar_t *name);
/* The source under which service_log_event() reports. */
void service_log_source(const wchar_t *name);

#endif
