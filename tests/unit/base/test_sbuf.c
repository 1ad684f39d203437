/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/base/sbuf.h"

static void test_text(void **state)
{
    (void)state;
    auto_sbuf b = SBUF_INIT;
    assert_string_equal(sbuf_cstr(&b), "");
    sbuf_puts(&b, "a");
    sbuf_putc(&b, 'b');
    sbuf_printf(&b, "%03d", 7);
    assert_string_equal(b.data, "ab007");
    assert_int_equal(b.len, 5);
    sbuf_clear(&b);
    assert_int_equal(b.len, 0);
    for (int i = 0; i < 5000; i++)
        sbuf_printf(&b, "%d,", i);
    assert_int_equal(strlen(b.data), b.len);
    auto_free char *taken = sbuf_take(&b);
    assert_memory_equal(taken, "0,1,2,", 6);
    assert_int_equal(b.len, 0);
    auto_free char *empty = sbuf_take(&b);
    assert_string_equal(empty, "");
}

static void test_big_endian(void **state)
{
    (void)state;
    auto_sbuf b = SBUF_INIT;
    sbuf_put_u8(&b, 1);
    sbuf_put_be16(&b, 0x0203);
    sbuf_put_be32(&b, 0x04050607);
    sbuf_put_be64(&b, UINT64_C(0x08090a0b0c0d0e0f));
    for (size_t i = 0; i < 15; i++)
        assert_int_equal((uint8_t)b.data[i], i + 1);
    assert_int_equal(get_be16(b.data + 1), 0x0203);
    assert_int_equal(get_be32(b.data + 3), 0x04050607);
    assert_true(get_be64(b.data + 7) == UINT64_C(0x08090a0b0c0d0e0f));
    uint8_t raw[8];
    set_be64(raw, UINT64_C(0xfffefdfcfbfaf9f8));
    assert_true(get_be64(raw) == UINT64_C(0xfffefdfcfbfaf9f8));
    sbuf_pull(&b, 3);
    assert_int_equal(get_be32(b.data), 0x04050607);
    assert_int_equal(b.len, 12);
    sbuf_pull(&b, 12);
    assert_int_equal(b.len, 0);
}

static void test_zeros_and_bytes(void **state)
{
    (void)state;
    auto_sbuf b = SBUF_INIT;
    uint8_t *z = sbuf_put_zeros(&b, 4);
    z[3] = 9;
    sbuf_put(&b, "\0x", 2);
    sbuf_put(&b, NULL, 0);
    assert_int_equal(b.len, 6);
    assert_memory_equal(b.data, "\0\0\0\t\0x", 7); /* and a NUL behind it */
}

static void test_json_strings(void **state)
{
    (void)state;
    auto_sbuf b = SBUF_INIT;
    sbuf_put_json(&b, "a\"b\\c\n\t\x01\xc3\xa9");
    assert_string_equal(b.data, "\"a\\\"b\\\\c\\n\\t\\u0001\xc3\xa9\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_big_endian),
        cmocka_unit_test(test_zeros_and_bytes),
        cmocka_unit_test(test_json_strings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
