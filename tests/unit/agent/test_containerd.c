/* SPDX-License-Identifier: Apache-2.0
 *
 * containerd's configuration: the three versions of it, TOML's ways to write, what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "core/agent/containerd.h"
#include "core/base/mem.h"

static struct containerd_conf parsed(const char *text)
{
    struct containerd_conf c;
    struct err err = {0};
    uint32_t line = 0;
    if (containerd_conf_parse(text, strlen(text), &c, &line, &err) < 0)
        fail_msg("line %u: %s", (unsigned)line, err.text);
    return c;
}

static void expect(const char *text, uint32_t version, const char *bin, const char *conf)
{
    struct containerd_conf c = parsed(text);
    assert_int_equal(c.version, version);
    assert_string_equal(c.bin_dir ? c.bin_dir : "-", bin);
    assert_string_equal(c.conf_dir ? c.conf_dir : "-", conf);
    containerd_conf_done(&c);
}

static void each_version_has_its_plugin(void **state)
{
    (void)state;
    expect("[plugins.cri.cni]\nbin_dir = 'C:\\b'\nconf_dir = \"C:/c\"\n", 1, "C:\\b", "C:/c");
    expect("version = 2\r\n[plugins.\"io.containerd.grpc.v1.cri\".cni]\r\n"
           "  bin_dir = \"C:\\\\Program Files\\\\containerd\\\\cni\\\\bin\"\r\n"
           "  conf_dir = 'C:\\Program Files\\containerd\\cni\\conf' # here\r\n",
           2, "C:\\Program Files\\containerd\\cni\\bin",
           "C:\\Program Files\\containerd\\cni\\conf");
    expect("version = 3\n[plugins]\n[plugins.'io.containerd.cri.v1.runtime']\n"
           "[plugins.'io.containerd.cri.v1.runtime'.cni]\nbin_dirs = [ # several\n 'D:\\one',\n"
           " 'D:\\two', ]\nconf_dir = 'D:\\conf'\n",
           3, "D:\\one", "D:\\conf");
}

static void other_tables_are_not_meant(void **state)
{
    (void)state;
    expect("[plugins.other.cni]\nbin_dir = 'x'\n[cni]\nconf_dir = 'y'\n", 1, "-", "-");
    expect("[plugins.cri.cni.more]\nbin_dir = 'x'\n", 1, "-", "-");
    expect("[a]\ns = '''\n[plugins.cri.cni]\nbin_dir = \"x\"\n'''\n", 1, "-", "-");
    expect("[a]\nl = [\n '[plugins.cri.cni]',\n 'bin_dir', { k = ['v'], 'q' = 1.5 } ]\n", 1, "-",
           "-");
    expect("", 1, "-", "-");
}

static void toml_is_read_as_it_is_written(void **state)
{
    (void)state;
    expect("plugins.cri.cni.bin_dir = \"\\u0041\\U0001F41F\\t\"\n", 1, "A\xf0\x9f\x90\x9f\t", "-");
    expect("[plugins . cri]\ncni . conf_dir = \"\"\"\none\\\n   two\"\"\"\n", 1, "-", "onetwo");
    expect("[plugins.cri]\ncni.conf_dir = '''a'b''''\n", 1, "-", "a'b'");
    expect("[[plugins.cri.cni]]\nbin_dir='q'\nd = 1979-05-27T07:32:00+01:00\nf = -1e+3\nb = true\n",
           1, "q", "-");
}

static void what_is_wrong_has_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t line;
        const char *why;
    } bad[] = {
        {"a = 1\nb\n", 2, "'=' was expected"},
        {"a = 'x\n", 1, "a string without end"},
        {"\n[plugins\n", 2, "']' was expected"},
        {"a = [1, 2\n", 2, "',' or ']' was expected"},
        {"a = 1 b = 2\n", 1, "the line should have ended"},
        {"a = \"\\q\"\n", 1, "not an escape"},
        {"a = \"\\uD800\"\n", 1, "not an escape"},
        {"a =\n", 1, "a value was expected"},
        {"= 1\n", 1, "a key was expected"},
        {"a = {b = 1, c}\n", 1, "'=' was expected"},
        {"a = {b = 1\n", 2, "'}' was expected"},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct containerd_conf c;
        struct err err = {0};
        uint32_t line = 0;
        assert_int_equal(containerd_conf_parse(bad[i].text, strlen(bad[i].text), &c, &line, &err),
                         ERR_INVALID);
        assert_string_equal(err.text, bad[i].why);
        assert_int_equal(line, bad[i].line);
        containerd_conf_done(&c);
    }
}

static void depth_is_bounded(void **state)
{
    (void)state;
    char text[4096] = "a = ";
    memset(text + 4, '[', 4000);
    struct containerd_conf c;
    struct err err = {0};
    uint32_t line = 0;
    assert_int_equal(containerd_conf_parse(text, 4004, &c, &line, &err), ERR_INVALID);
    assert_string_equal(err.text, "nested too deep");
    containerd_conf_done(&c);
}

/* Every beginning of a file ends without reading past it (the sanitizer looks). */
static void every_truncation_ends(void **state)
{
    (void)state;
    static const char text[] = "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".cni]\n"
                               "bin_dir = \"C:\\\\b\\u0041\" # c\nconf_dir = '''x'''\n"
                               "l = [1, 'a', {b = \"\"\"c\"\"\"}]\n";
    for (size_t n = 0; n < sizeof text; n++) {
        auto_free char *cut = mem_dup(text, n ? n : 1);
        struct containerd_conf c;
        struct err err = {0};
        uint32_t line = 0;
        containerd_conf_parse(cut, n, &c, &line, &err);
        containerd_conf_done(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_version_has_its_plugin),
        cmocka_unit_test(other_tables_are_not_meant),
        cmocka_unit_test(toml_is_read_as_it_is_written),
        cmocka_unit_test(what_is_wrong_has_its_line),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(every_truncation_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
