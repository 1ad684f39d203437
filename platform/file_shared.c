/* SPDX-License-Identifier: Apache-2.0
 *
 * The file acts of ipc.h that ask nothing of the system, see file_shared.h. */
#include "platform/file_shared.h"

#include <stdlib.h>
#include <string.h>

#include "platform/ipc.h"

static int file_order(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void file_names_sort(char **names, size_t n)
{
    if (n) { /* else there may be no array */
        qsort(names, n, sizeof *names, file_order);
    }
}

/* A text that is one piece. */
struct file_whole {
    const void *p;
    size_t n;
};

static size_t file_whole_next(void *aux, const void **p_out)
{
    struct file_whole *whole = aux;
    size_t n = whole->n;
    *p_out = whole->p;
    whole->n = 0;
    return n;
}

int file_write_atomic(const char *path, const void *p, size_t n, struct err *err)
{
    struct file_whole whole = {p, n};
    return file_write_pieces(path, file_whole_next, &whole, err);
}
