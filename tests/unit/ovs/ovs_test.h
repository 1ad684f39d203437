/* SPDX-License-Identifier: Apache-2.0
 *
 * What the unit tests of ovs/ share: hex vectors and flow text. */
#ifndef SEINE_TESTS_OVS_TEST_H
#define SEINE_TESTS_OVS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/base/sbuf.h"
#include "ovs/flow.h"

static inline struct bytes of_sbuf(const struct sbuf *b)
{
    return (struct bytes){b->data, b->len};
}

/* "01 02 ff" (blanks anywhere) appended as bytes. */
static inline void put_hex_text(struct sbuf *out, const char *hex)
{
    unsigned byte;
    for (; *hex; hex++) {
        if (*hex == ' ' || *hex == '\n')
            continue;
        if (sscanf(hex, "%2x", &byte) != 1)
            fail_msg("bad hex at %s", hex);
        sbuf_put_u8(out, (uint8_t)byte);
        hex++;
    }
}

static inline void assert_hex(const struct sbuf *b, const char *hex)
{
    struct sbuf want = SBUF_INIT, ours = SBUF_INIT, theirs = SBUF_INIT;
    put_hex_text(&want, hex);
    for (size_t i = 0; i < b->len; i++)
        sbuf_printf(&ours, "%02x", (uint8_t)b->data[i]);
    for (size_t i = 0; i < want.len; i++)
        sbuf_printf(&theirs, "%02x", (uint8_t)want.data[i]);
    assert_string_equal(sbuf_cstr(&ours), sbuf_cstr(&theirs));
    sbuf_done(&want);
    sbuf_done(&ours);
    sbuf_done(&theirs);
}

/* An exact copy on the heap, so that a read beyond its end is seen. */
static inline struct bytes exact_copy(struct bytes b, size_t n)
{
    uint8_t *p = malloc(n ? n : 1);
    assert_non_null(p);
    if (n)
        memcpy(p, b.p, n);
    return (struct bytes){p, n};
}

static inline void free_copy(struct bytes b)
{
    free((void *)(uintptr_t)b.p);
}

#endif
