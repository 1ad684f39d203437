/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/os.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

enum { OS_MAX_OPEN = 16 };

void os_set_variable(const char *name, const char *value)
{
    if (value) {
        setenv(name, value, 1);
    } else {
        unsetenv(name);
    }
}

int os_temp_dir(char *path_out, size_t size)
{
    int n = snprintf(path_out, size, "/tmp/seine-test-XXXXXX");
    return n > 0 && (size_t)n < size && mkdtemp(path_out) ? 0 : -1;
}

static int os_remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

void os_remove_tree(const char *path)
{
    nftw(path, os_remove_one, OS_MAX_OPEN, FTW_DEPTH | FTW_PHYS);
}
