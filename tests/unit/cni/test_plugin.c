/* SPDX-License-Identifier: Apache-2.0
 *
 * The program seine-cni itself, run as a runtime runs it: with an agent that is away, and with a
 * listener that plays the agent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cni/journal.h"
#include "core/base/mem.h"
#include "core/base/sbuf.h"
#include "platform/ipc.h"
#include "platform/pipe.h"
#include "tests/support/os.h"
#include "tests/support/spawn.h"
#include "tests/unit/platform/ipc_server.h"

enum { PATH_ROOM = 256, VARIABLES_MAX = 8 };

static char dir[160];
static char agent_socket[PATH_ROOM + 16];
static char out[8192]; /* of the last run: stdout */
static char complaint[8192];

static void path_in_dir(char path[PATH_ROOM], const char *name)
{
    snprintf(path, PATH_ROOM, "%s/%s", dir, name);
}

static void slurp(const char *path, char *buf, size_t size)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(buf, 1, size - 1, f);
    buf[n] = 0;
    fclose(f);
}

/* Runs the plugin with an argument (NULL: none), "VARIABLE=value ..." and the configuration; its
 * exit status. */
static int run_with(const char *argument, const char *variables, const char *config)
{
    char in_path[PATH_ROOM], out_path[PATH_ROOM], err_path[PATH_ROOM];
    auto_free char *words = mem_strdup(variables);
    const char *list[VARIABLES_MAX + 1] = {NULL}, *arguments[] = {argument, NULL};
    size_t n = 0;
    for (char *word = strtok(words, " "); word && n < VARIABLES_MAX; word = strtok(NULL, " ")) {
        list[n++] = word;
    }
    path_in_dir(in_path, "config");
    path_in_dir(out_path, "out");
    path_in_dir(err_path, "err");
    file_remove(out_path, NULL);
    file_remove(err_path, NULL);
    assert_int_equal(file_write_atomic(in_path, config, strlen(config), NULL), 0);
    struct spawn spawn = {.program = SEINE_CNI,
                          .arguments = arguments,
                          .variables = list,
                          .in = in_path,
                          .out = out_path,
                          .err = err_path};
    int status = spawn_run(&spawn);
    slurp(out_path, out, sizeof out);
    slurp(err_path, complaint, sizeof complaint);
    return status;
}

static int run(const char *variables, const char *config)
{
    return run_with(NULL, variables, config);
}

static const char *config_text(const char *version)
{
    static char text[PATH_ROOM + 128];
    snprintf(text, sizeof text,
             "{\"cniVersion\":\"%s\",\"name\":\"seine\",\"type\":\"seine-cni\","
             "\"socket\":\"%s\"}",
             version, agent_socket);
    return text;
}

#define VARIABLES                                                                                  \
    " CNI_CONTAINERID=c1 CNI_NETNS=/run/netns/x CNI_IFNAME=eth0 CNI_PATH=/opt/cni/bin "

static void assert_out(const char *part)
{
    if (!strstr(out, part)) {
        fail_msg("\"%s\" is not in: %s", part, out);
    }
    assert_string_equal(complaint, "");
}

static int dir_setup(void **state)
{
    static int number;
    char path[PATH_ROOM];
    (void)state;
    if (os_temp_dir(dir, sizeof dir) < 0) {
        return -1;
    }
    path_in_dir(path, "run");
    if (pipe_is_native()) {
        snprintf(agent_socket, sizeof agent_socket, "seine-test-plugin-%d-%d-agent.sock",
                 os_process_id(), number++);
    } else {
        snprintf(agent_socket, sizeof agent_socket, "%s/agent.sock", path);
    }
    return dir_make(path, NULL);
}

static int dir_teardown(void **state)
{
    (void)state;
    auto_sbuf noted = SBUF_INIT;
    journal_folder(agent_socket, &noted);
    os_remove_tree(noted.data); /* on Windows it lies elsewhere */
    file_remove(noted.data, NULL);
    os_remove_tree(dir);
    return 0;
}

static void version_needs_no_agent(void **state)
{
    (void)state;
    assert_int_equal(run("CNI_COMMAND=VERSION", "{\"cniVersion\":\"0.4.0\"}"), 0);
    assert_out("{\"cniVersion\":\"0.4.0\",\"supportedVersions\":[\"0.3.0\",");
    assert_int_equal(run("CNI_COMMAND=VERSION", ""), 0);
    assert_out("{\"cniVersion\":\"1.1.0\",");
}

static void agent_away_is_try_again(void **state)
{
    (void)state;
    static const char *const verbs[] = {"ADD", "CHECK", "GC"};
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        char variables[256];
        snprintf(variables, sizeof variables, "CNI_COMMAND=%s" VARIABLES, verbs[i]);
        assert_int_equal(run(variables, config_text("1.0.0")), 1);
        assert_out("{\"cniVersion\":\"1.0.0\",\"code\":11,");
        assert_out("agent.sock");
    }
    assert_int_equal(run("CNI_COMMAND=STATUS", config_text("1.1.0")), 1);
    assert_out("\"code\":50,");
}

static void bad_input_is_told_by_its_code(void **state)
{
    (void)state;
    assert_int_equal(run("CNI_COMMAND=UPDATE" VARIABLES, config_text("1.0.0")), 1);
    assert_out("\"code\":4,");
    assert_int_equal(run("CNI_COMMAND=" VARIABLES, config_text("1.0.0")), 1);
    assert_out("\"code\":4,");
    assert_int_equal(run("CNI_COMMAND=ADD" VARIABLES, "{\"cniVersion\":"), 1);
    assert_out("\"code\":6,");
    assert_int_equal(run("CNI_COMMAND=ADD" VARIABLES, "{\"cniVersion\":\"1.0.0\",\"socket\":7}"),
                     1);
    assert_out("{\"cniVersion\":\"1.0.0\",\"code\":7,");
}

static void without_command_it_tells_its_use(void **state)
{
    (void)state;
    assert_int_equal(run("", ""), 2);
    assert_string_equal(out, "");
    assert_non_null(strstr(complaint, "usage: seine-cni"));
    assert_int_equal(run_with("--version", "", ""), 0);
    assert_int_equal(strncmp(out, "seine-cni 0.", 12), 0);
    assert_int_equal(run_with("--help", "", ""), 0);
    assert_out("0.3.1");
}

static void deletion_without_agent_is_noted(void **state)
{
    (void)state;
    char **names = NULL, *text = NULL;
    size_t n = 0;
    auto_sbuf path = SBUF_INIT;
    for (int again = 0; again < 2; again++) {
        assert_int_equal(run("CNI_COMMAND=DEL" VARIABLES, config_text("1.0.0")), 0);
        assert_string_equal(out, "");
    }
    assert_int_equal(
        run("CNI_COMMAND=DEL CNI_CONTAINERID=c2 CNI_IFNAME=eth0", config_text("1.0.0")), 0);
    journal_folder(agent_socket, &path);
    assert_int_equal(file_list(path.data, &names, &n, NULL), 0);
    assert_int_equal(n, 2);
    bool found = false;
    for (size_t i = 0; i < n; i++) {
        auto_sbuf file = SBUF_INIT;
        size_t len = 0;
        sbuf_printf(&file, "%s/%s", path.data, names[i]);
        assert_int_equal(file_read(file.data, 4096, &text, &len, NULL), 0);
        found |= strstr(text, "\"containerID\":\"c1\",\"netns\":\"/run/netns/x\"") != NULL;
        mem_free(text);
        mem_free(names[i]);
    }
    mem_free(names);
    assert_true(found);
}

static void deletion_of_nothing_in_particular_is_refused(void **state)
{
    (void)state;
    assert_int_equal(run("CNI_COMMAND=DEL CNI_IFNAME=eth0", config_text("1.0.0")), 1);
    assert_out("\"code\":4,");
    assert_out("CNI_CONTAINERID");
}

static void deletion_that_cannot_be_noted_fails(void **state)
{
    (void)state;
    auto_sbuf file = SBUF_INIT;
    journal_folder(agent_socket, &file); /* a file where the folder should be */
    assert_int_equal(file_write_atomic(file.data, "", 0, NULL), 0);
    assert_int_equal(run("CNI_COMMAND=DEL" VARIABLES, config_text("1.0.0")), 1);
    assert_out("\"code\":5,");
}

/* Plays the agent for one request: answers with these bytes, keeps what it was asked. */
struct agent {
    struct ipc_server *server;
    struct spawn_thread *thread;
    const char *answer;
    char request[8192];
};

static bool is_whole(const char *request)
{
    const char *config = strstr(request, "\"config\"");
    return config && strchr(config, '\n');
}

static void agent_serve(void *aux)
{
    struct agent *a = aux;
    uint64_t client = ipc_server_accept(a->server);
    for (size_t n = 0, got = 1; got && !is_whole(a->request); n += got) {
        got = ipc_server_read(client, a->request + n, sizeof a->request - 1 - n);
    }
    ipc_server_write(client, a->answer, strlen(a->answer));
    ipc_server_free(a->server); /* who asks once more finds nobody */
    ipc_server_drop(client);
}

static struct agent *play_agent(const char *answer)
{
    struct agent *a = mem_calloc(1, sizeof *a);
    a->answer = answer;
    a->server = ipc_server_new(agent_socket);
    assert_non_null(a->server);
    a->thread = spawn_thread_start(agent_serve, a);
    return a;
}

static void agent_end(struct agent *a)
{
    spawn_thread_join(a->thread);
    mem_free(a);
}

static void agents_answer_is_printed(void **state)
{
    (void)state;
    struct agent *a = play_agent("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{\"result\":1}");
    assert_int_equal(run("CNI_COMMAND=ADD CNI_ARGS=A=b;C=d" VARIABLES, config_text("1.1.0")), 0);
    assert_string_equal(out, "{\"result\":1}");
    assert_non_null(strstr(a->request, "POST /v1/cni HTTP/1.1\r\n"));
    assert_non_null(strstr(a->request, "{\"command\":\"ADD\",\"containerID\":\"c1\",\"netns\":"
                                       "\"/run/netns/x\",\"ifname\":\"eth0\",\"args\":\"A=b;C=d\","
                                       "\"config\":\"{\\\"cniVersion\\\":\\\"1.1.0\\\""));
    agent_end(a);
}

static void agents_error_is_printed_and_fails(void **state)
{
    (void)state;
    struct agent *a = play_agent("HTTP/1.1 500 Error\r\nContent-Length: 10\r\n\r\n{\"code\":7}");
    assert_int_equal(run("CNI_COMMAND=ADD" VARIABLES, config_text("1.1.0")), 1);
    assert_string_equal(out, "{\"code\":7}");
    agent_end(a);
}

static void answer_that_is_none_is_an_error(void **state)
{
    (void)state;
    struct agent *a = play_agent("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno");
    assert_int_equal(run("CNI_COMMAND=ADD" VARIABLES, config_text("1.1.0")), 1);
    assert_out("\"code\":5,");
    assert_out("404");
    agent_end(a);
}

static void agent_that_dies_in_the_middle_is_away(void **state)
{
    (void)state;
    struct agent *a = play_agent("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"res");
    assert_int_equal(run("CNI_COMMAND=ADD" VARIABLES, config_text("1.1.0")), 1);
    assert_out("\"code\":11,");
    agent_end(a);
}

static void deletion_that_died_in_the_middle_is_noted(void **state)
{
    (void)state;
    auto_sbuf folder = SBUF_INIT;
    char **names = NULL;
    size_t n = 0;
    struct agent *a = play_agent("");
    assert_int_equal(run("CNI_COMMAND=DEL" VARIABLES, config_text("1.1.0")), 0);
    agent_end(a);
    journal_folder(agent_socket, &folder);
    assert_int_equal(file_list(folder.data, &names, &n, NULL), 0);
    assert_int_equal(n, 1);
    mem_free(names[0]);
    mem_free(names);
}

int main(void)
{
#define DIR_TEST(name) cmocka_unit_test_setup_teardown(name, dir_setup, dir_teardown)
    const struct CMUnitTest tests[] = {
        DIR_TEST(version_needs_no_agent),
        DIR_TEST(agent_away_is_try_again),
        DIR_TEST(bad_input_is_told_by_its_code),
        DIR_TEST(without_command_it_tells_its_use),
        DIR_TEST(deletion_without_agent_is_noted),
        DIR_TEST(deletion_of_nothing_in_particular_is_refused),
        DIR_TEST(deletion_that_cannot_be_noted_fails),
        DIR_TEST(agents_answer_is_printed),
        DIR_TEST(agents_error_is_printed_and_fails),
        DIR_TEST(answer_that_is_none_is_an_error),
        DIR_TEST(agent_that_dies_in_the_middle_is_away),
        DIR_TEST(deletion_that_died_in_the_middle_is_noted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
