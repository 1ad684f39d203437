/* SPDX-License-Identifier: Apache-2.0
 *
 * What unit tests need of the system they run on. */
#ifndef SEINE_TESTS_SUPPORT_OS_H
#define SEINE_TESTS_SUPPORT_OS_H

/* Sets a variable of this process; NULL removes it. */
void os_set_variable(const char *name, const char *value);

#endif
