/* SPDX-License-Identifier: Apache-2.0 */
#include "platform/program.h"

#include <stdlib.h>

void program_start(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
}

const char *program_variable(const char *name)
{
    return getenv(name);
}
