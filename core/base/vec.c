/* SPDX-License-Identifier: Apache-2.0
 *
 * vec: the growing half of the macros in vec.h.  Capacity doubles from 8. */
#include "core/base/vec.h"

void *vec_grow__(void *v, size_t size, size_t n, size_t *cap)
{
    size_t more = *cap ? *cap * 2 : 8;
    if (more <= n || more > SIZE_MAX / size) {
        more = SIZE_MAX / size; /* the allocator says no */
    }
    *cap = more;
    return mem_realloc(v, more * size);
}
