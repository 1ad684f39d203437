/* SPDX-License-Identifier: Apache-2.0 */
#include "platform/program.h"

#include <stdlib.h>

#include "core/base/mem.h"

void program_start(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
}

const char *program_variable(const char *name)
{
    return getenv(name);
}

char *program_mounted(const char *path)
{
    return mem_strdup(path);
}
