/* SPDX-License-Identifier: Apache-2.0
 *
 * vec: growing arrays by macro.  VEC(T) declares an anonymous struct { T *v; size_t n, cap; }. */
#ifndef SEINE_BASE_VEC_H
#define SEINE_BASE_VEC_H

#include "core/base/mem.h"

#define VEC(T)                                                                                     \
    struct {                                                                                       \
        T *v;                                                                                      \
        size_t n, cap;                                                                             \
    }
#define VEC_INIT                                                                                   \
    {                                                                                              \
        NULL, 0, 0                                                                                 \
    }
void *vec_grow__(void *v, size_t size, size_t n, size_t *cap);
/* Appends a value. */
#define VEC_PUSH(vec, value)                                                                       \
    ((vec)->n == (vec)->cap                                                                        \
         ? (void)((vec)->v = vec_grow__((vec)->v, sizeof *(vec)->v, (vec)->n, &(vec)->cap))        \
         : (void)0,                                                                                \
     (void)((vec)->v[(vec)->n++] = (value)))
/* The same for a vector that lives in an arena (one without a limit): it is freed with that, not by
 * VEC_DONE. */
void *vec_grow_in__(struct arena *a, void *v, size_t size, size_t n, size_t *cap);
#define VEC_PUSH_IN(arena, vec, value)                                                             \
    ((vec)->n == (vec)->cap ? (void)((vec)->v = vec_grow_in__((arena), (vec)->v, sizeof *(vec)->v, \
                                                              (vec)->n, &(vec)->cap))              \
                            : (void)0,                                                             \
     (void)((vec)->v[(vec)->n++] = (value)))
#define VEC_DONE(vec) (mem_free((vec)->v), (vec)->v = NULL, (vec)->n = (vec)->cap = 0)

#endif
