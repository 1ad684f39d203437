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
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/base/sbuf.h"
#include "platform/ipc.h"

static char dir[64];
static char out[8192]; /* of the last run: stdout */
static char complaint[8192];

static void slurp(const char *path, char *buf, size_t size)
{
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t n = fread(buf, 1, size - 1, f);
    buf[n] = 0;
    fclose(f);
}

/* Runs the plugin with "VARIABLE=value ..." and the configuration; its exit status. */
static int run(const char *variables, const char *config)
{
    auto_sbuf line = SBUF_INIT, path = SBUF_INIT;
    sbuf_printf(&path, "%s/config", dir);
    assert_int_equal(file_write_atomic(path.data, config, strlen(config), NULL), 0);
    sbuf_printf(&line, "env -i %s %s < %s > %s/out 2> %s/err", variables, SEINE_CNI, path.data, dir,
                dir);
    int status = system(line.data);
    sbuf_clear(&path);
    sbuf_printf(&path, "%s/out", dir);
    slurp(path.data, out, sizeof out);
    sbuf_clear(&path);
    sbuf_printf(&path, "%s/err", dir);
    slurp(path.data, complaint, sizeof complaint);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static const char *config_text(const char *version)
{
    static char text[256];
    snprintf(text, sizeof text,
             "{\"cniVersion\":\"%s\",\"name\":\"seine\",\"type\":\"seine-cni\","
             "\"socket\":\"%s/run/agent.sock\"}",
             version, dir);
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
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/seine-test-plugin-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int dir_teardown(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
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
    char command[256];
    snprintf(command, sizeof command, "env -i %s --version | grep -q '^seine-cni [0-9]'",
             SEINE_CNI);
    assert_int_equal(system(command), 0);
    snprintf(command, sizeof command, "env -i %s --help | grep -q 0.3.1", SEINE_CNI);
    assert_int_equal(system(command), 0);
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
    sbuf_printf(&path, "%s/run/deletions", dir);
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
    sbuf_printf(&file, "%s/run", dir); /* a file where the folder should be */
    assert_int_equal(file_write_atomic(file.data, "", 0, NULL), 0);
    assert_int_equal(run("CNI_COMMAND=DEL" VARIABLES, config_text("1.0.0")), 1);
    assert_out("\"code\":5,");
}

/* Plays the agent for one request: answers with these bytes, keeps the request's body. */
static pid_t play_agent(const char *answer)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    auto_sbuf run_dir = SBUF_INIT;
    sbuf_printf(&run_dir, "%s/run", dir);
    assert_int_equal(dir_make(run_dir.data, NULL), 0);
    snprintf(sa.sun_path, sizeof sa.sun_path, "%s/run/agent.sock", dir);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&sa, sizeof sa), 0);
    assert_int_equal(listen(listener, 1), 0);
    pid_t child = fork();
    if (child == 0) {
        char in[8192] = "";
        size_t n = 0;
        int fd = accept(listener, NULL, NULL);
        while (!strstr(in, "\"config\"") || !strchr(strstr(in, "\"config\""), '\n')) {
            ssize_t got = read(fd, in + n, sizeof in - 1 - n);
            if (got <= 0) {
                _exit(1);
            }
            n += (size_t)got;
        }
        auto_sbuf file = SBUF_INIT;
        sbuf_printf(&file, "%s/request", dir);
        file_write_atomic(file.data, in, n, NULL);
        ssize_t sent = write(fd, answer, strlen(answer));
        close(fd);
        sbuf_done(&file);
        _exit(sent < 0);
    }
    close(listener);
    return child;
}

static void agents_answer_is_printed(void **state)
{
    (void)state;
    char request[8192], file[128];
    pid_t agent = play_agent("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{\"result\":1}");
    assert_int_equal(run("CNI_COMMAND=ADD CNI_ARGS='A=b;C=d'" VARIABLES, config_text("1.1.0")), 0);
    assert_string_equal(out, "{\"result\":1}");
    waitpid(agent, NULL, 0);
    snprintf(file, sizeof file, "%s/request", dir);
    slurp(file, request, sizeof request);
    assert_non_null(strstr(request, "POST /v1/cni HTTP/1.1\r\n"));
    assert_non_null(strstr(request, "{\"command\":\"ADD\",\"containerID\":\"c1\",\"netns\":"
                                    "\"/run/netns/x\",\"ifname\":\"eth0\",\"args\":\"A=b;C=d\","
                                    "\"config\":\"{\\\"cniVersion\\\":\\\"1.1.0\\\""));
}

static void agents_error_is_printed_and_fails(void **state)
{
    (void)state;
    pid_t agent = play_agent("HTTP/1.1 500 Error\r\nContent-Length: 10\r\n\r\n{\"code\":7}");
    assert_int_equal(run("CNI_COMMAND=ADD" VARIABLES, config_text("1.1.0")), 1);
    assert_string_equal(out, "{\"code\":7}");
    waitpid(agent, NULL, 0);
}

static void answer_that_is_none_is_an_error(void **state)
{
    (void)state;
    pid_t agent = play_agent("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno");
    assert_int_equal(run("CNI_COMMAND=ADD" VARIABLES, config_text("1.1.0")), 1);
    assert_out("\"code\":5,");
    assert_out("404");
    waitpid(agent, NULL, 0);
}

static void agent_that_dies_in_the_middle_is_away(void **state)
{
    (void)state;
    pid_t agent = play_agent("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"res");
    assert_int_equal(run("CNI_COMMAND=ADD" VARIABLES, config_text("1.1.0")), 1);
    assert_out("\"code\":11,");
    waitpid(agent, NULL, 0);
}

static void deletion_that_died_in_the_middle_is_noted(void **state)
{
    (void)state;
    char folder[128], **names = NULL;
    size_t n = 0;
    pid_t agent = play_agent("");
    assert_int_equal(run("CNI_COMMAND=DEL" VARIABLES, config_text("1.1.0")), 0);
    waitpid(agent, NULL, 0);
    snprintf(folder, sizeof folder, "%s/run/deletions", dir);
    assert_int_equal(file_list(folder, &names, &n, NULL), 0);
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
