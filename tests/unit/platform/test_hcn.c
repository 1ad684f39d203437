/* SPDX-License-Identifier: Apache-2.0
 *
 * HCN on a system that has none: Linux, and Windows (Wine) without its library. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "platform/hcn.h"

static void is_absent(int rc, const struct err *err)
{
    assert_int_equal(rc, ERR_UNSUPPORTED);
    assert_int_equal(err->code, ERR_UNSUPPORTED);
    assert_string_equal(err->text, "hns: absent");
}

static void test_every_call_says_that_hns_is_absent(void **state)
{
    (void)state;
    struct err err;
    is_absent(hcn_load(&err), &err);
    for (int op = 0; op < HCN_N_OPS; op++)
        for (int kind = 0; kind < HCN_N_KINDS; kind++) {
            struct hcn_call call = {.op = (enum hcn_op)op, .kind = (enum hcn_kind)kind};
            auto_hcn_reply reply = {0};
            memset(&err, 0, sizeof err);
            is_absent(hcn_call(&call, &reply, &err), &err);
            assert_int_equal(reply.hr, 0);
            assert_string_equal(reply.function, "");
            assert_null(reply.json);
            assert_null(reply.record);
        }
    auto_hcn_reply reply = {0};
    memset(&err, 0, sizeof err);
    is_absent(hcn_globals_version(&reply, &err), &err);
    const char *name = NULL;
    assert_int_equal(hcn_missing(&name, 1), 0);
}

static void event(void *aux, uint32_t number, uint32_t hr, const char *data)
{
    (void)aux;
    (void)number;
    (void)hr;
    (void)data;
    fail();
}

static void test_nothing_is_watched(void **state)
{
    (void)state;
    struct err err;
    struct hcn_watch *watch = NULL;
    is_absent(hcn_watch(event, NULL, &watch, &err), &err);
    assert_null(watch);
    hcn_unwatch(watch);
}

int main(void)
{
    if (hcn_load(NULL) == 0) {
        printf("skipped: this system has the service\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_call_says_that_hns_is_absent),
        cmocka_unit_test(test_nothing_is_watched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
