/* SPDX-License-Identifier: Apache-2.0
 *
 * seine-cni: the CNI plugin.  A thin client: it hands the CNI_ variables and its standard input to
 * the agent's local socket and prints what comes back.  Alone it answers VERSION, and it knows what
 * to say when the agent is away: ADD and the rest fail with 11, STATUS with 50, and a DEL is
 * written to the journal and succeeds, since a runtime must be able to remove a Pod at any time. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cni/client.h"
#include "cni/code.h"
#include "cni/env.h"
#include "cni/journal.h"
#include "cni/scan.h"
#include "core/base/mem.h"
#include "core/base/output.h"
#include "core/base/version.h"
#include "platform/ipc.h"
#include "platform/process.h"
#include "platform/program.h"

enum {
    MAIN_CONFIG_LIMIT = 4 << 20,
    MAIN_CONNECT_MS = 2000,
    MAIN_ANSWER_MS = 230000, /* kubelet gives a Pod's sandbox four minutes */
};

static const char main_usage[] =
    "usage: seine-cni is started by a container runtime, with CNI_COMMAND and other CNI_\n"
    "variables in its environment and a network configuration on standard input.\n"
    "\n"
    "  --version   print the version\n"
    "  --help      print this\n"
    "\n"
    "Versions of the CNI specification: 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0\n"
    "Configuration: {\"cniVersion\":\"1.1.0\",\"name\":\"seine\",\"type\":\"seine-cni\",\n"
    "                \"socket\":\"/run/seine/agent.sock\"}\n";

/* One call of the plugin. */
struct main_call {
    enum cni_verb verb;
    struct cni_env env;
    struct sbuf config, socket, version; /* version: to answer in */
};

static void main_call_done(struct main_call *c)
{
    sbuf_done(&c->config);
    sbuf_done(&c->socket);
    sbuf_done(&c->version);
}

static const char *main_variable(const char *name)
{
    const char *value = program_variable(name);
    return value ? value : "";
}

static int main_print(const char *text)
{
    return output_put("seine-cni", text, strlen(text));
}

static int main_fail(struct main_call *c, const struct cni_error *e)
{
    auto_sbuf out = SBUF_INIT;
    cni_error_format(e, sbuf_cstr(&c->version), &out);
    main_print(out.data);
    return 1;
}

static int main_read_config(struct main_call *c, struct cni_error *e)
{
    char part[8192];
    for (size_t n = fread(part, 1, sizeof part, stdin); n; n = fread(part, 1, sizeof part, stdin)) {
        sbuf_put(&c->config, part, n);
        if (c->config.len > MAIN_CONFIG_LIMIT) {
            return cni_error_set(e, CNI_DECODE_FAILURE, "configuration: too long");
        }
    }
    return ferror(stdin) ? cni_error_set(e, CNI_IO_FAILURE, "configuration: cannot be read") : 0;
}

/* The version to answer in, and the agent's socket. */
static int main_scan_config(struct main_call *c, struct cni_error *e)
{
    auto_sbuf asked = SBUF_INIT;
    const char *config = sbuf_cstr(&c->config);
    enum scan_result version = scan_string(config, "cniVersion", &asked);
    bool spoken = version == SCAN_FOUND && cni_version_find(sbuf_cstr(&asked));
    sbuf_puts(&c->version, spoken ? asked.data : cni_version_newest()->name);
    enum scan_result socket = scan_string(config, "socket", &c->socket);
    if (c->verb != CNI_VERSION && version == SCAN_MALFORMED) {
        return cni_error_set(e, CNI_DECODE_FAILURE, "configuration: not a JSON object");
    }
    if (socket == SCAN_NO_STRING || (socket == SCAN_FOUND && !c->socket.len)) {
        return cni_error_set(e, CNI_INVALID_CONFIG, "socket: must be a path");
    }
    if (socket != SCAN_FOUND) {
        auto_free char *known = process_default_socket(process_default_run_dir());
        sbuf_clear(&c->socket);
        sbuf_puts(&c->socket, known);
    }
    return 0;
}

static int main_ask(struct main_call *c, int *status, struct sbuf *answer, struct err *err)
{
    auto_sbuf body = SBUF_INIT;
    cni_env_format(&c->env, sbuf_cstr(&c->config), &body);
    struct client_request request = {.socket = c->socket.data,
                                     .path = "/v1/cni",
                                     .body = body.data,
                                     .connect_ms = MAIN_CONNECT_MS,
                                     .answer_ms = MAIN_ANSWER_MS};
    return client_call(&request, status, answer, err);
}

static int main_answer(struct main_call *c, int status, struct sbuf *answer)
{
    if (status == 200) {
        return main_print(sbuf_cstr(answer));
    }
    if (status == 500 && answer->len) {
        main_print(answer->data);
        return 1;
    }
    struct cni_error e;
    cni_error_set(&e, CNI_IO_FAILURE, "the agent answered with HTTP status %d", status);
    return main_fail(c, &e);
}

/* DEL with the agent away.  An agent that started between the question and the note has read the
 * journal already: so it is asked once more. */
static int main_note_deletion(struct main_call *c)
{
    struct cni_error e;
    if (cni_env_check(&c->env, &e)) {
        return main_fail(c, &e);
    }
    auto_sbuf dir = SBUF_INIT, path = SBUF_INIT, answer = SBUF_INIT;
    struct err err = {0};
    journal_folder(c->socket.data, &dir);
    if (journal_write(dir.data, &c->env, sbuf_cstr(&c->config), &path, &err) < 0) {
        cni_error_cause(&e, CNI_IO_FAILURE, &err,
                        "the agent is away and the deletion cannot be noted");
        return main_fail(c, &e);
    }
    int status = 0;
    if (main_ask(c, &status, &answer, &err) < 0) {
        return 0;
    }
    if (status == 200) {
        file_remove(path.data, NULL);
    }
    return main_answer(c, status, &answer);
}

/* The agent could not be asked, or did not answer. */
static int main_agent_away(struct main_call *c, const struct err *cause)
{
    struct cni_error e;
    if (cause->code == ERR_PERMISSION || cause->code == ERR_INVALID) {
        cni_error_cause(&e, CNI_IO_FAILURE, cause, "the agent's socket cannot be used");
        return main_fail(c, &e);
    }
    if (c->verb == CNI_DEL) {
        return main_note_deletion(c);
    }
    cni_error_cause(&e, c->verb == CNI_STATUS ? CNI_NOT_AVAILABLE : CNI_TRY_AGAIN, cause,
                    "the Seine agent is away");
    return main_fail(c, &e);
}

static int main_serve(struct main_call *c)
{
    struct cni_error e;
    if (!cni_verb_parse(c->env.command, &c->verb)) {
        sbuf_puts(&c->version, cni_version_newest()->name);
        cni_env_check(&c->env, &e);
        return main_fail(c, &e);
    }
    if (main_read_config(c, &e) || main_scan_config(c, &e)) {
        if (!c->version.len) {
            sbuf_puts(&c->version, cni_version_newest()->name);
        }
        return main_fail(c, &e);
    }
    auto_sbuf answer = SBUF_INIT;
    if (c->verb == CNI_VERSION) {
        cni_version_format(c->version.data, &answer);
        return main_print(answer.data);
    }
    struct err err = {0};
    int status = 0;
    int rc = main_ask(c, &status, &answer, &err);
    return rc < 0 ? main_agent_away(c, &err) : main_answer(c, status, &answer);
}

/* Started by no container runtime. */
static int main_no_call(const char *flag)
{
    if (strcmp(flag, "--version") == 0) {
        auto_sbuf text = SBUF_INIT;
        sbuf_printf(&text, "seine-cni %s\n", version_text());
        return main_print(text.data);
    }
    if (strcmp(flag, "--help") == 0) {
        return main_print(main_usage);
    }
    fputs(main_usage, stderr);
    return 2;
}

int main(int argc, char **argv)
{
    program_start(&argc, &argv);
    if (!program_variable("CNI_COMMAND")) {
        return main_no_call(argc == 2 ? argv[1] : "");
    }
    PORT_CLEANUP(main_call_done)
    struct main_call c = {
        .env = {.command = main_variable("CNI_COMMAND"),
                .container_id = main_variable("CNI_CONTAINERID"),
                .netns = main_variable("CNI_NETNS"),
                .ifname = main_variable("CNI_IFNAME"),
                .args = main_variable("CNI_ARGS")},
    };
    return main_serve(&c);
}
