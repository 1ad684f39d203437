/* SPDX-License-Identifier: Apache-2.0
 *
 * sort: each item sinks to its place among those before it, which costs nothing where it stands
 * right.  Longer ones are sorted by halves and merged. */
#include "core/base/sort.h"

#include <assert.h>
#include <string.h>

#include "core/base/mem.h"

enum { SORT_SHORT = 24, SORT_ITEM_MAX = 128, SORT_ROOM = 1024 };

/* Number of items at the front that are in order. */
static size_t in_order(const char *v, size_t n, size_t size, cmp_fn *cmp)
{
    size_t i = 1;
    while (i < n && cmp(v + (i - 1) * size, v + i * size) <= 0)
        i++;
    return i;
}

/* The first position among [0, i) whose item comes after that at i. */
static size_t place_of(const char *v, size_t i, size_t size, cmp_fn *cmp)
{
    size_t lo = 0, hi = i;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (cmp(v + mid * size, v + i * size) <= 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* The first n_sorted of them are in order. */
static void insert_each(char *v, size_t n_sorted, size_t n, size_t size, cmp_fn *cmp)
{
    char item[SORT_ITEM_MAX];
    for (size_t i = n_sorted; i < n; i++) {
        size_t at = place_of(v, i, size, cmp);
        memcpy(item, v + i * size, size);
        memmove(v + (at + 1) * size, v + at * size, (i - at) * size);
        memcpy(v + at * size, item, size);
    }
}

/* [0, mid) and [mid, n) are in order.  'room' is for the first. */
static void merge(char *v, size_t mid, size_t n, size_t size, cmp_fn *cmp, char *room)
{
    memcpy(room, v, mid * size);
    size_t a = 0, b = mid, to = 0;
    while (a < mid) {
        bool first = b == n || cmp(room + a * size, v + b * size) <= 0;
        memcpy(v + to++ * size, first ? room + a++ * size : v + b++ * size, size);
    }
}

static void sort_long(char *v, size_t n, size_t size, cmp_fn *cmp, char *room)
{
    size_t sorted = in_order(v, n, size, cmp);
    if (sorted == n)
        return;
    if (n <= SORT_SHORT) {
        insert_each(v, sorted, n, size, cmp);
        return;
    }
    size_t mid = n / 2;
    sort_long(v, mid, size, cmp, room);
    sort_long(v + mid * size, n - mid, size, cmp, room);
    merge(v, mid, n, size, cmp, room);
}

void sort(void *v, size_t n, size_t size, cmp_fn *cmp)
{
    if (n < 2)
        return;
    assert(size <= SORT_ITEM_MAX);
    size_t sorted = in_order(v, n, size, cmp);
    if (sorted == n)
        return;
    if (n <= SORT_SHORT) {
        insert_each(v, sorted, n, size, cmp);
        return;
    }
    char few[SORT_ROOM];
    auto_free char *many = n / 2 * size > sizeof few ? mem_alloc(n / 2 * size) : NULL;
    sort_long(v, n, size, cmp, many ? many : few);
}

static int cmp_u64(const void *pa, const void *pb)
{
    const uint64_t *a = pa, *b = pb;
    return *a < *b ? -1 : *a > *b;
}

void sort_u64(uint64_t *v, size_t n)
{
    if (n > SORT_SHORT) {
        sort(v, n, sizeof *v, cmp_u64);
        return;
    }
    for (size_t i = 1; i < n; i++) {
        uint64_t item = v[i];
        size_t at = i;
        for (; at && v[at - 1] > item; at--)
            v[at] = v[at - 1];
        v[at] = item;
    }
}
