/* SPDX-License-Identifier: Apache-2.0
 *
 * vec: the growing half of the macros in vec.h.  Capacity doubles from 8. */
#include "core/base/vec.h"

#include <string.h>

static size_t grown(size_t size, size_t n, size_t cap)
{
    size_t more = cap ? cap * 2 : 8;
    if (more <= n || more > SIZE_MAX / size) {
        more = SIZE_MAX / size; /* the allocator says no */
    }
    return more;
}

void *vec_grow__(void *v, size_t size, size_t n, size_t *cap)
{
    *cap = grown(size, n, *cap);
    return mem_realloc(v, *cap * size);
}

void *vec_grow_in__(struct arena *a, void *v, size_t size, size_t n, size_t *cap)
{
    *cap = grown(size, n, *cap);
    void *more = arena_alloc(a, *cap * size);
    if (n) {
        memcpy(more, v, n * size);
    }
    return more;
}
