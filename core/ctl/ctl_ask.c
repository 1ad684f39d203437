/* SPDX-License-Identifier: Apache-2.0
 *
 * One question to the agent. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "cni/client.h"
#include "core/base/mem.h"
#include "core/ctl/ctl.h"
#include "platform/process.h"
#include "platform/program.h"

enum { CTL_CONNECT_MS = 3000, CTL_ANSWER_MS = 60000, CTL_ANSWER_LIMIT = 1 << 30 };

static char *ctl_socket(const struct ctl *c)
{
    const char *given = c->flags[CTL_FLAG_SOCKET];
    const char *env = program_variable("SEINE_SOCKET");
    if (given) {
        return mem_strdup(given);
    }
    if (env && *env) {
        return mem_strdup(env);
    }
    return process_default_socket(process_default_run_dir());
}

/* The agent's own words of {"error": TEXT}. */
static int ctl_refused(int status, const struct sbuf *body, struct err *err)
{
    cJSON *json = cJSON_ParseWithLength(body->data ? body->data : "", body->len);
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "error"));
    int rc = text ? err_set(err, ERR_REFUSED, "%s", text)
                  : err_set(err, ERR_PROTOCOL, "the agent answered with HTTP status %d", status);
    cJSON_Delete(json);
    return rc;
}

int ctl_ask(const struct ctl *c, const struct ctl_request *r, struct sbuf *body, struct err *err)
{
    auto_free char *socket = ctl_socket(c);
    int status = 0;
    struct client_request request = {.socket = socket,
                                     .method = r->method,
                                     .path = r->path,
                                     .body = "",
                                     .limit = CTL_ANSWER_LIMIT,
                                     .connect_ms = CTL_CONNECT_MS,
                                     .answer_ms = CTL_ANSWER_MS + r->answer_ms};
    int rc = client_call(&request, &status, body, err);
    if (rc < 0) {
        return err_wrap(err, "agent");
    }
    return status == 200 ? 0 : ctl_refused(status, body, err);
}

int ctl_ask_json(const struct ctl *c, const struct ctl_request *r, struct cJSON **out,
                 struct err *err)
{
    auto_sbuf body = SBUF_INIT;
    int rc = ctl_ask(c, r, &body, err);
    if (rc < 0) {
        return rc;
    }
    cJSON *json = cJSON_ParseWithLength(sbuf_cstr(&body), body.len);
    if (!json) {
        return err_set(err, ERR_PROTOCOL, "the agent's answer is not JSON");
    }
    *out = json;
    return 0;
}

void ctl_put_query(struct sbuf *out, const char *text)
{
    for (const char *p = text; *p; p++) {
        bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                     (*p >= '0' && *p <= '9') || strchr("-._~/", *p);
        if (plain) {
            sbuf_putc(out, *p);
        } else {
            sbuf_printf(out, "%%%02X", (unsigned)(unsigned char)*p);
        }
    }
}

int ctl_fail(const struct err *err)
{
    fprintf(stderr, "seinectl: %s\n", err->text);
    return CTL_FAILED;
}
