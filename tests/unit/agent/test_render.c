/* SPDX-License-Identifier: Apache-2.0
 *
 * `render` as a command: what it prints where, and what it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "core/agent/render.h"
#include "tests/support/capture.h"

#define SAMPLES "render --objects docs/examples --node-name node-a"

static void refuses(const char *flags, const char *reason)
{
    auto_sbuf out = SBUF_INIT, err = SBUF_INIT, line = SBUF_INIT, want = SBUF_INIT;
    sbuf_printf(&line, "%s", flags);
    sbuf_printf(&want, "%s\n", reason);
    assert_int_equal(capture(render_main, line.data, &out, &err), 2);
    assert_string_equal(out.data, "");
    assert_string_equal(err.data, want.data);
}

static void wrong_flags_are_one_line_and_exit_2(void **state)
{
    (void)state;
    refuses("render --node-name n", "--objects: must be given");
    refuses("render --objects docs/examples", "--node-name: must be given");
    refuses(SAMPLES " --platform bsd", "--platform: must be linux or windows");
    refuses(SAMPLES " --repeat 0", "--repeat: must be a number from 1 to 100000");
    refuses(SAMPLES " --repeat 100001", "--repeat: must be a number from 1 to 100000");
    refuses(SAMPLES " --repeat 2x", "--repeat: must be a number from 1 to 100000");
    refuses(SAMPLES " --datapath-type dummy",
            "--datapath-type: must be auto, system, netdev or hns");
    refuses(SAMPLES " --hns-version 11.10", "--hns-version: only with --datapath-type hns");
    refuses(SAMPLES " --datapath-type hns --hns-version 11", "--hns-version: must be like 11.10");
    refuses(SAMPLES " --datapath-type hns --hns-version 9.1",
            "--hns-version: access lists need 9.2 or newer");
}

static void flows_are_the_same_on_each_platform(void **state)
{
    (void)state;
    auto_sbuf plain = SBUF_INIT, other = SBUF_INIT, err = SBUF_INIT;
    assert_int_equal(capture(render_main, SAMPLES, &plain, &err), 0);
    assert_string_equal(err.data, "");
    assert_int_equal(strncmp(plain.data, "# flows\n", 8), 0);
    assert_non_null(strstr(plain.data, "\n# groups\ngroup_id="));
    assert_non_null(strstr(plain.data, "\n# meters\nmeter=1 "));
    assert_null(strchr(plain.data, '\r'));
    static const char *const lines[] = {SAMPLES " --platform linux", SAMPLES " --platform=windows",
                                        SAMPLES " --datapath-type netdev"};
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        assert_int_equal(capture(render_main, lines[i], &other, &err), 0);
        assert_string_equal(other.data, plain.data);
    }
}

static void repeated_it_prints_once_and_says_how_long_it_took(void **state)
{
    (void)state;
    auto_sbuf once = SBUF_INIT, repeated = SBUF_INIT, err = SBUF_INIT;
    unsigned times, kb;
    double load, derive, print;
    int end = 0;
    assert_int_equal(capture(render_main, SAMPLES, &once, &err), 0);
    assert_int_equal(capture(render_main, SAMPLES " --repeat 3", &repeated, &err), 0);
    assert_string_equal(once.data, repeated.data);
    int n = sscanf(err.data,
                   "render: %u times, load %lf s, derive %lf s, print %lf s, peak RSS %u kB%n",
                   &times, &load, &derive, &print, &kb, &end);
    assert_int_equal(n, 5);
    assert_int_equal(times, 3);
    assert_string_equal(err.data + end, "\n");
    assert_true(load >= 0 && derive > 0 && print >= 0 && kb > 0);
}

static void access_lists_take_the_place_of_flows(void **state)
{
    (void)state;
    auto_sbuf given = SBUF_INIT, usual = SBUF_INIT, err = SBUF_INIT;
    assert_int_equal(
        capture(render_main, SAMPLES " --datapath-type hns --hns-version 11.10", &given, &err), 0);
    assert_string_equal(given.data, "# acls\n"); /* nothing is attached */
    assert_int_equal(capture(render_main, SAMPLES " --datapath-type hns", &usual, &err), 0);
    assert_string_equal(usual.data, given.data);
    assert_int_equal(
        capture(render_main, SAMPLES " --datapath-type=hns --hns-version=13.0", &given, &err), 0);
    assert_string_equal(given.data, "# acls\n# sets\n");
    assert_string_equal(err.data, "");
}

static void a_folder_that_is_not_there_is_exit_1(void **state)
{
    (void)state;
    auto_sbuf out = SBUF_INIT, err = SBUF_INIT;
    assert_int_equal(capture(render_main, "render --objects docs/none --node-name n", &out, &err),
                     1);
    assert_string_equal(out.data, "");
    assert_non_null(strstr(err.data, "docs/none"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_flags_are_one_line_and_exit_2),
        cmocka_unit_test(flows_are_the_same_on_each_platform),
        cmocka_unit_test(repeated_it_prints_once_and_says_how_long_it_took),
        cmocka_unit_test(access_lists_take_the_place_of_flows),
        cmocka_unit_test(a_folder_that_is_not_there_is_exit_1),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
