/* SPDX-License-Identifier: Apache-2.0
 *
 * Sorting that costs little where the input is short, in order already, or made of parts that are.
 * C libraries differ much in what qsort() costs there. */
#ifndef SEINE_BASE_SORT_H
#define SEINE_BASE_SORT_H

#include <stddef.h>
#include <stdint.h>

typedef int cmp_fn(const void *a, const void *b);
/* As qsort(), ties in the order in which they stood; items of at most 128 bytes.  n may be 0 and v
 * NULL. */
void sort(void *v, size_t n, size_t size, cmp_fn *cmp);
void sort_u64(uint64_t *v, size_t n);

#endif
