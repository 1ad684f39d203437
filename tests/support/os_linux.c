/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/os.h"

#include <stdlib.h>

void os_set_variable(const char *name, const char *value)
{
    if (value) {
        setenv(name, value, 1);
    } else {
        unsetenv(name);
    }
}
