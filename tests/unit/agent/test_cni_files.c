/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/agent/cni_files.h"
#include "core/base/mem.h"
#include "platform/ipc.h"
#include "platform/process.h"
#include "tests/support/os.h"

static char root[512];

static int make_root(void **state)
{
    (void)state;
    return os_temp_dir(root, sizeof root);
}

static int drop_root(void **state)
{
    (void)state;
    os_remove_tree(root);
    return 0;
}

static char *at(const char *name)
{
    struct sbuf path = SBUF_INIT;
    sbuf_printf(&path, "%s/%s", root, name);
    return sbuf_take(&path);
}

static void replace(char **slot, char *text)
{
    mem_free(*slot);
    *slot = text;
}

static void init(struct options *o, const char *socket, const char *chained)
{
    struct err err = {0};
    char program[] = "seine-agent", folder[] = "--objects=/o";
    char *argv[] = {program, folder, NULL};
    assert_int_equal(options_parse(o, 2, argv, &err), 0);
    replace(&o->cni_chained, mem_strdup(chained));
    if (socket) {
        replace(&o->socket, mem_strdup(socket));
    }
}

static void expect_config(const char *socket, const char *chained, const char *want)
{
    struct options o;
    auto_sbuf text = SBUF_INIT;
    init(&o, socket, chained);
    cni_files_config(&o, &text);
    options_done(&o);
    assert_string_equal(text.data, want);
}

static void config_says_how_seine_is_called(void **state)
{
    (void)state;
    expect_config(
        NULL, "",
        "{\n  \"cniVersion\": \"1.0.0\",\n  \"cniVersions\": [\"1.0.0\", \"1.1.0\"],\n"
        "  \"name\": \"seine\",\n  \"plugins\": [\n    {\"type\": \"seine-cni\"}\n  ]\n}\n");
    expect_config(
        "/run/other/agent.sock", "portmap,bandwidth",
        "{\n  \"cniVersion\": \"1.0.0\",\n  \"name\": \"seine\",\n  \"plugins\": [\n"
        "    {\"type\": \"seine-cni\", \"socket\": \"/run/other/agent.sock\"},\n"
        "    {\"type\": \"portmap\", \"capabilities\": {\"portMappings\": true}},\n"
        "    {\"type\": \"bandwidth\", \"capabilities\": {\"bandwidth\": true}}\n  ]\n}\n");
}

static void config_is_written_whole_and_taken_away(void **state)
{
    (void)state;
    struct options o;
    struct err err = {0};
    auto_free char *file = at("net.d/10-seine.conflist");
    auto_free char *other = at("net.d/99-other.conf");
    auto_free char *program =
        at(strcmp(process_platform(), "windows") == 0 ? "bin/seine-cni.exe" : "bin/seine-cni");
    auto_free char *there = NULL;
    auto_sbuf want = SBUF_INIT;
    size_t n = 0;
    init(&o, NULL, "");
    replace(&o.cni_config, mem_strdup(file));
    replace(&o.cni_bin_dir, at("bin"));
    cni_files_config(&o, &want);
    assert_int_equal(file_write_atomic(file, "half", 4, &err), 0);
    assert_int_equal(file_write_atomic(other, "{}", 2, &err), 0);
    assert_int_equal(file_write_atomic(program, "#", 1, &err), 0);
    for (int i = 0; i < 3; i++) {
        static const enum cni_files_found found[] = {CNI_FILES_OTHER, CNI_FILES_RIGHT,
                                                     CNI_FILES_ABSENT};
        enum cni_files_found now;
        if (i == 2) {
            assert_int_equal(os_remove_file(file), 0);
        }
        assert_int_equal(cni_files_write_config(&o, &now, &err), 0);
        assert_int_equal(now, found[i]);
        mem_free(there);
        assert_int_equal(file_read(file, 1 << 20, &there, &n, &err), 0);
        assert_string_equal(there, want.data);
    }
    assert_null(cni_files_lost_program(&o));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(cni_files_remove(&o, &err), 0);
        assert_false(os_exists(file));
        assert_false(os_exists(program));
        assert_true(os_exists(other));
        auto_free char *lost = cni_files_lost_program(&o);
        assert_string_equal(lost, program);
    }
    replace(&o.cni_bin_dir, at("not-seen"));
    assert_null(cni_files_lost_program(&o));
    replace(&o.cni_bin_dir, mem_strdup(""));
    assert_null(cni_files_lost_program(&o));
    options_done(&o);
}

static void expect_preferred(const struct options *o, const char *want)
{
    auto_free char *name = cni_files_preferred(o);
    assert_string_equal(name ? name : "", want);
}

static void configuration_that_comes_before_is_named(void **state)
{
    (void)state;
    struct options o;
    static const char *const others[] = {"before/20-x.conflist", "before/.05-x.conf",
                                         "before/05-note.txt"};
    auto_free char *first = at("before/09-other.conf");
    init(&o, NULL, "");
    replace(&o.cni_config, at("before/10-seine.conflist"));
    expect_preferred(&o, "");
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        auto_free char *path = at(others[i]);
        assert_int_equal(file_write_atomic(path, "{}", 2, NULL), 0);
    }
    enum cni_files_found found;
    assert_int_equal(cni_files_write_config(&o, &found, NULL), 0);
    expect_preferred(&o, "");
    assert_int_equal(file_write_atomic(first, "{}", 2, NULL), 0);
    expect_preferred(&o, "09-other.conf");
    options_done(&o);
}

static void what_cannot_be_written_is_told(void **state)
{
    (void)state;
    struct options o;
    struct err err = {0};
    auto_free char *file = at("file");
    init(&o, NULL, "");
    assert_int_equal(file_write_atomic(file, "x", 1, &err), 0);
    replace(&o.cni_config, at("file/10-seine.conflist"));
    enum cni_files_found found;
    assert_true(cni_files_write_config(&o, &found, &err) < 0);
    assert_true(err.text[0]);
    options_done(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(config_says_how_seine_is_called),
        cmocka_unit_test(config_is_written_whole_and_taken_away),
        cmocka_unit_test(configuration_that_comes_before_is_named),
        cmocka_unit_test(what_cannot_be_written_is_told),
    };
    return cmocka_run_group_tests(tests, make_root, drop_root);
}
