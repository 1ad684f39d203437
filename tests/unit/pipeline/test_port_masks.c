/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/pipeline/pipeline.h"

/* Every port of the range is in exactly one mask, and none outside it is. */
static size_t check(uint16_t first, uint16_t last)
{
    static uint8_t hits[UINT16_MAX + 1];
    struct port_mask masks[PORT_MASKS_MAX];
    size_t n = port_range_masks(first, last, masks);
    assert_in_range(n, 1, PORT_MASKS_MAX);
    memset(hits, 0, sizeof hits);
    for (size_t i = 0; i < n; i++)
        for (uint32_t p = 0; p <= UINT16_MAX; p++)
            hits[p] = (uint8_t)(hits[p] + ((p & masks[i].mask) == masks[i].value));
    for (uint32_t p = 0; p <= UINT16_MAX; p++)
        assert_int_equal(hits[p], p >= first && p <= last);
    return n;
}

static void test_known_ranges(void **state)
{
    (void)state;
    assert_int_equal(check(80, 80), 1);
    assert_int_equal(check(0, UINT16_MAX), 1);
    assert_int_equal(check(1, UINT16_MAX - 1), PORT_MASKS_MAX); /* the worst one */
    assert_int_equal(check(1024, 2047), 1);
    assert_int_equal(check(8080, 8090), 3);
    assert_int_equal(check(UINT16_MAX, UINT16_MAX), 1);
    assert_int_equal(check(0, 0), 1);
    assert_int_equal(check(30000, 32767), 5);
}

static void test_random_ranges(void **state)
{
    (void)state;
    srand(11);
    for (int i = 0; i < 100; i++) {
        uint16_t a = (uint16_t)rand(), b = (uint16_t)rand();
        check(a < b ? a : b, a < b ? b : a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_ranges),
        cmocka_unit_test(test_random_ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
