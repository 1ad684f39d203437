/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "core/base/mem.h"
#include "core/ctl/ctl.h"

enum { MAX_ARGS = 16 };

/* Splits 'line' at spaces; the arguments last until the next call. */
static int parse(struct ctl *c, const char *line, struct err *err)
{
    static char copy[512];
    static char program[] = "seinectl";
    char *argv[MAX_ARGS] = {program};
    int argc = 1;
    assert_true(strlen(line) < sizeof copy);
    memcpy(copy, line, strlen(line) + 1);
    for (char *word = strtok(copy, " "); word && argc < MAX_ARGS; word = strtok(NULL, " ")) {
        argv[argc++] = word;
    }
    *err = (struct err){0};
    return ctl_parse(c, argc, argv, err);
}

static void refuses(const char *line, const char *want)
{
    struct ctl c;
    struct err err;
    if (parse(&c, line, &err) != ERR_INVALID) {
        fail_msg("'%s' was taken", line);
    }
    if (!strstr(err.text, want) || strchr(err.text, '\n')) {
        fail_msg("'%s' gave '%s', wanted '%s'", line, err.text, want);
    }
}

static void takes(const char *line)
{
    struct ctl c;
    struct err err;
    if (parse(&c, line, &err) != 0) {
        fail_msg("'%s' was refused: %s", line, err.text);
    }
}

static void flags_stand_anywhere(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "--socket /s get pods -o wide",       "get --socket /s pods -o wide",
        "get pods -owide --socket=/s",        "-o wide get --socket /s pods",
        "get pods --output wide --socket /s", "get pods --output=wide --socket /s",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct ctl c;
        struct err err;
        if (parse(&c, lines[i], &err) != 0) {
            fail_msg("'%s' was refused: %s", lines[i], err.text);
        }
        assert_string_equal(c.command->name, "get");
        assert_string_equal(c.operands[0], "pods");
        assert_int_equal(c.n_operands, 1);
        assert_string_equal(c.flags[CTL_FLAG_SOCKET], "/s");
        assert_int_equal(c.output, CTL_WIDE);
    }
}

static void times_are_read_with_their_default(void **state)
{
    (void)state;
    struct ctl c;
    struct err err;
    assert_int_equal(parse(&c, "sync", &err), 0);
    assert_int_equal(c.wait_ms, 30000);
    assert_int_equal(parse(&c, "sync --timeout 2m", &err), 0);
    assert_int_equal(c.wait_ms, 120000);
    assert_int_equal(parse(&c, "status", &err), 0);
    assert_int_equal(c.wait_ms, 0);
    assert_int_equal(parse(&c, "status --wait 500ms", &err), 0);
    assert_int_equal(c.wait_ms, 500);
}

static void wrong_words_are_named(void **state)
{
    (void)state;
    refuses("", "a command is missing");
    refuses("--socket /s", "a command is missing");
    refuses("dance", "dance: no such command");
    refuses("get", "get: needs pods|nodes");
    refuses("get dances", "get: 'dances' is none of pods|nodes");
    refuses("get pods nodes", "nodes: one word too many");
    refuses("status now", "now: one word too many");
    refuses("get pods -o xml", "-o: 'xml' is none of table, wide, json, yaml");
    refuses("get pods -x", "-x: no such flag");
    refuses("get pods --no", "--no: no such flag");
    refuses("get pods -o", "--output: needs a value");
    refuses("status --wait x", "--wait: 'x' is not a time");
    refuses("status --timeout 3s", "--timeout: not a flag of status");
    refuses("get flows --explain=yes", "--explain: takes no value");
    refuses("get flows --desired --installed", "--installed: not together with --desired");
    refuses("get pods --installed", "--installed: not a flag of get pods");
    refuses("get groups --table 3", "--table: not a flag of get groups");
    refuses("get nodes --all", "--all: not a flag of get nodes");
    refuses("get acls --explain", "--explain: not a flag of get acls");
    refuses("completion fish", "completion: 'fish' is none of bash|zsh|powershell");
}

static void questions_are_checked_before_they_are_asked(void **state)
{
    (void)state;
    refuses("why a/b", "why: needs SRC DST");
    refuses("why x a/b", "why: 'x' is neither");
    refuses("why a/b /b", "why: '/b' is neither");
    refuses("why a/b a/", "why: 'a/' is neither");
    refuses("why a/b a/b/c", "why: 'a/b/c' is neither");
    refuses("why a/b 10.0.0.256", "why: '10.0.0.256' is neither");
    refuses("why a/b c/d 99999/tcp", "why: '99999/tcp' is no PORT/PROTO");
    refuses("why a/b c/d 0", "why: '0' is no PORT/PROTO");
    refuses("why a/b c/d 80/ftp", "why: '80/ftp' is no PORT/PROTO");
    refuses("why a/b c/d 80/", "why: '80/' is no PORT/PROTO");
    refuses("why a/b c/d 80tcp", "why: '80tcp' is no PORT/PROTO");
    refuses("why a/b c/d 99999999999999999999", "is no PORT/PROTO");
    refuses("why a/b c/d --family 5", "--family: '5' is neither 4 nor 6");
    takes("why a/b c/d");
    takes("why a/b 10.0.0.1 80");
    takes("why fd00::1 c/d 65535/udp --family 6");
    takes("why a/b c/d 36412/sctp -o json");
    takes("why a/b c/d icmp");
}

static void queries_are_percent_encoded(void **state)
{
    (void)state;
    auto_sbuf out = SBUF_INIT;
    ctl_put_query(&out, "a/b-c._~9 &=%+:\xc3\xa4");
    assert_string_equal(out.data, "a/b-c._~9%20%26%3D%25%2B%3A%C3%A4");
}

static void every_list_is_a_command_s_operand(void **state)
{
    (void)state;
    size_t n = 0;
    for (size_t i = 0; ctl_lists[i]; i++, n++) {
        char line[64] = "get ";
        takes(strcat(line, ctl_lists[i]));
    }
    assert_int_equal(n, 10);
}

static void an_absent_agent_is_told(void **state)
{
    (void)state;
    struct ctl c;
    struct err err;
    auto_sbuf body = SBUF_INIT;
    struct ctl_request r = {"GET", "/v1/status", 0};
    assert_int_equal(parse(&c, "status --socket /tmp/seine-no-such.sock", &err), 0);
    assert_int_equal(ctl_ask(&c, &r, &body, &err), ERR_NOT_FOUND);
    assert_non_null(strstr(err.text, "agent: "));
    assert_int_equal(body.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags_stand_anywhere),
        cmocka_unit_test(times_are_read_with_their_default),
        cmocka_unit_test(wrong_words_are_named),
        cmocka_unit_test(questions_are_checked_before_they_are_asked),
        cmocka_unit_test(queries_are_percent_encoded),
        cmocka_unit_test(every_list_is_a_command_s_operand),
        cmocka_unit_test(an_absent_agent_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
