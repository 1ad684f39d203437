/* SPDX-License-Identifier: Apache-2.0
 *
 * Where deletions are noted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cni/journal.h"
#include "core/base/mem.h"
#include "platform/ipc.h"
#include "platform/pipe.h"
#include "platform/process.h"
#include "tests/support/os.h"

static void expect_folder(const char *socket, const char *folder)
{
    auto_sbuf out = SBUF_INIT;
    journal_folder(socket, &out);
    assert_string_equal(sbuf_cstr(&out), folder);
}

static void folder_lies_beside_the_socket(void **state)
{
    (void)state;
    if (pipe_is_native()) {
        return;
    }
    expect_folder("/run/seine/agent.sock", "/run/seine/deletions");
    expect_folder("/agent.sock", "//deletions");
    expect_folder("agent.sock", "./deletions");
}

/* Any spelling of the default pipe's name is the default pipe. */
static void pipes_have_a_folder_each(void **state)
{
    static const struct {
        const char *socket, *folder;
    } cases[] = {
        {"\\\\.\\pipe\\seine-agent", ""},
        {"seine-agent", ""},
        {"pipe:Seine-Agent", ""},
        {"\\\\.\\pipe\\other", "/other"},
        {"other", "/other"},
        {"pipe:other", "/other"},
        {"\\\\.\\pipe\\seine-agent2", "/seine-agent2"},
        {"a:b*c", "/a_b_c"},
    };
    (void)state;
    for (size_t i = 0; pipe_is_native() && i < ARRAY_LEN(cases); i++) {
        auto_sbuf folder = SBUF_INIT;
        sbuf_printf(&folder, "%s/deletions%s", process_default_run_dir(), cases[i].folder);
        expect_folder(cases[i].socket, folder.data);
    }
}

static void the_same_attachment_has_one_note(void **state)
{
    (void)state;
    char dir[200], **names = NULL;
    size_t n = 0;
    assert_int_equal(os_temp_dir(dir, sizeof dir), 0);
    auto_sbuf path = SBUF_INIT, folder = SBUF_INIT;
    sbuf_printf(&folder, "%s/deep/deletions", dir);
    struct cni_env env = {"DEL", "c1", "", "eth0", ""};
    assert_int_equal(journal_write(folder.data, &env, "{\"a\":1}", &path, NULL), 0);
    assert_int_equal(journal_write(folder.data, &env, "{\"a\":2}", &path, NULL), 0);
    env.ifname = "eth1";
    assert_int_equal(journal_write(folder.data, &env, "{}", &path, NULL), 0);
    assert_int_equal(file_list(folder.data, &names, &n, NULL), 0);
    assert_int_equal(n, 2);
    for (size_t i = 0; i < n; i++) {
        mem_free(names[i]);
    }
    mem_free(names);
    auto_free char *text = NULL;
    assert_int_equal(file_read(path.data, 4096, &text, &n, NULL), 0);
    assert_non_null(strstr(text, "\"containerID\":\"c1\""));
    assert_non_null(strstr(text, "\"ifname\":\"eth1\""));
    os_remove_tree(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folder_lies_beside_the_socket),
        cmocka_unit_test(pipes_have_a_folder_each),
        cmocka_unit_test(the_same_attachment_has_one_note),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
