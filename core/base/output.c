/* SPDX-License-Identifier: Apache-2.0
 *
 * Standard output. */
#include "core/base/output.h"

#include <errno.h>
#include <stdio.h>

#include "core/base/err.h"

int output_put(const char *program, const char *text, size_t n)
{
    if (fwrite(text, 1, n, stdout) == n && fflush(stdout) == 0)
        return 0;
    int os_errno = errno;
    fprintf(stderr, "%s: standard output cannot be written: %s (%d)\n", program,
            err_text(err_from_errno(os_errno)), os_errno);
    return 1;
}
