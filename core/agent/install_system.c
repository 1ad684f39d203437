/* SPDX-License-Identifier: Apache-2.0
 *
 * What the installer asks of the machine itself: Open vSwitch over its database, HNS over its
 * library, the agent over its local API, everything else over the platform's contracts. */
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "cni/client.h"
#include "core/agent/install_internal.h"
#include "core/base/mem.h"
#include "core/io/loop.h"
#include "core/io/work.h"
#include "hns/client.h"
#include "ovs/ovsdb_client.h"
#include "platform/hcn.h"
#include "platform/process.h"

enum { SYSTEM_OVSDB_MS = 5000, SYSTEM_HNS_MS = 10000, SYSTEM_API_MS = 5000 };

/* ---- Open vSwitch's database ---- */
struct system_ovsdb {
    bool done;
    struct err why;
};

static void system_ovsdb_synced(void *aux)
{
    struct system_ovsdb *s = aux;
    s->done = true;
}

static void system_ovsdb_lost(void *aux, const struct err *why)
{
    struct system_ovsdb *s = aux;
    s->why = *why;
    s->done = true;
}

static bool system_ovsdb_came(const void *aux)
{
    const struct system_ovsdb *s = aux;
    return s->done;
}

static void system_ovsdb_nothing(void *aux)
{
    (void)aux;
}

static int system_ovs_answers(const struct options *o, char *version, size_t size, struct err *err)
{
    static const struct ovsdb_column columns[] = {{"ovs_version", OVSDB_STRING, OVSDB_OPTIONAL}};
    static const struct ovsdb_table_spec spec = {"Open_vSwitch", columns, ARRAY_LEN(columns)};
    static const struct ovsdb_client_events events = {.connected = system_ovsdb_nothing,
                                                      .synced = system_ovsdb_synced,
                                                      .updated = system_ovsdb_nothing,
                                                      .lost = system_ovsdb_lost};
    struct system_ovsdb s = {.done = false};
    struct stream_tls tls = {
        .ca_file = o->ovs_ca, .cert_file = o->ovs_certificate, .key_file = o->ovs_key};
    struct ovsdb_client *client = NULL;
    struct loop *loop = loop_new();
    int rc = ovsdb_client_new(loop, o->ovsdb, o->ovs_ca[0] ? &tls : NULL, &spec, 1, &events, &s,
                              &client, err);
    if (rc == 0) {
        loop_wait(loop, system_ovsdb_came, &s, SYSTEM_OVSDB_MS);
    }
    if (rc == 0 && !ovsdb_client_is_synced(client)) {
        rc = s.why.code ? err_set(err, s.why.code, "%s", s.why.text)
                        : err_set(err, ERR_TIMEOUT, "%s: no answer", o->ovsdb);
    } else if (rc == 0) {
        const struct ovsdb_row *row = ovsdb_replica_first(ovsdb_client_replica(client), 0);
        snprintf(version, size, "%s", row ? ovsdb_datum_text(&row->columns[0], "") : "");
    }
    ovsdb_client_free(client);
    loop_free(loop);
    return rc;
}

/* ---- Open vSwitch's program ---- */
/* The service manager's command line begins with it. */
static char *system_first_word(const char *command)
{
    bool quoted = *command == '"';
    const char *p = command + quoted;
    size_t n = quoted ? strcspn(p, "\"") : strcspn(p, " ");
    const char *exe = strstr(p, ".exe");
    return mem_strndup(p, !quoted && exe ? (size_t)(exe - p) + 4 : n);
}

static int system_ovs_installed(char **program_out, char *version, size_t size, struct err *err)
{
    struct service_status status;
    int rc = service_query("ovs-vswitchd", &status, err);
    if (rc < 0) {
        return rc;
    }
    if (status.state == SERVICE_IS_ABSENT) {
        return err_set(err, ERR_NOT_FOUND, "there is no service ovs-vswitchd");
    }
    auto_free char *program = system_first_word(status.command);
    rc = setup_ask_program(program, "--version", version, size, err);
    if (rc == 0) {
        *program_out = mem_strdup(program);
    }
    return rc;
}

/* ---- HNS ---- */
struct system_hns {
    struct hcn_version version;
    struct err err;
    int rc;
    bool done;
};

static void system_hns_ask(void *aux)
{
    struct system_hns *s = aux;
    struct hns_client hns;
    hns_init(&hns, NULL, NULL);
    s->rc = hcn_load(&s->err);
    s->rc = s->rc < 0 ? s->rc : hns_version(&hns, &s->version, &s->err);
}

static void system_hns_asked(void *aux)
{
    struct system_hns *s = aux;
    s->done = true;
}

static bool system_hns_came(const void *aux)
{
    const struct system_hns *s = aux;
    return s->done;
}

/* A service that hangs would never answer: then the thread, its loop and what they use are left to
 * the end of the process. */
static int system_hns_version(struct setup_version *out, struct err *err)
{
    struct system_hns *s = mem_calloc(1, sizeof *s);
    struct loop *loop = loop_new();
    work_submit(loop, system_hns_ask, system_hns_asked, s);
    if (!loop_wait(loop, system_hns_came, s, SYSTEM_HNS_MS)) {
        return err_set(err, ERR_TIMEOUT, "hns: no answer within %d s", SYSTEM_HNS_MS / 1000);
    }
    int rc = s->rc < 0 ? err_set_os(err, s->rc, s->err.os_code, "%s", s->err.text) : 0;
    if (rc == 0) {
        *out = (struct setup_version){.major = s->version.major, .minor = s->version.minor};
    }
    loop_free(loop);
    mem_free(s);
    return rc;
}

/* ---- the agent ---- */
static int system_agent_ready(const struct options *o, bool *ready_out, struct sbuf *why_out,
                              struct err *err)
{
    auto_sbuf body = SBUF_INIT;
    int status = 0;
    struct client_request request = {.socket = o->socket,
                                     .method = "GET",
                                     .path = "/v1/status",
                                     .body = "",
                                     .connect_ms = SYSTEM_API_MS,
                                     .answer_ms = SYSTEM_API_MS};
    int rc = client_call(&request, &status, &body, err);
    if (rc < 0) {
        return rc;
    }
    cJSON *json = cJSON_ParseWithLength(sbuf_cstr(&body), body.len);
    const char *why = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "reason"));
    *ready_out = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "ready"));
    if (!*ready_out) {
        sbuf_printf(why_out, "not ready%s%s", why ? ": " : "", why ? why : "");
    }
    cJSON_Delete(json);
    return 0;
}

/* ---- the folders ---- */
static char *system_folder_of(const char *path)
{
    size_t n = strlen(path);
    while (n && path[n - 1] != '/' && path[n - 1] != '\\') {
        n--;
    }
    return mem_strndup(path, n ? n - 1 : 0);
}

int install_system_open(struct install_system *out, struct err *err)
{
    char *files = NULL, *data = NULL;
    auto_free char *own = NULL;
    int rc = setup_folder(SETUP_PROGRAMS, &files, err);
    rc = rc < 0 ? rc : setup_folder(SETUP_DATA, &data, err);
    rc = rc < 0 ? rc : setup_own_program(&own, err);
    if (rc < 0) {
        mem_free(files);
        mem_free(data);
        return rc == ERR_UNSUPPORTED ? err_set(err, rc, "only on a Windows node") : rc;
    }
    *out = (struct install_system){.is_administrator = setup_is_administrator,
                                   .system_version = setup_system_version,
                                   .hns_version = system_hns_version,
                                   .ovs_answers = system_ovs_answers,
                                   .ovs_installed = system_ovs_installed,
                                   .agent_ready = system_agent_ready,
                                   .service_install = service_install,
                                   .service_set_command = service_set_command,
                                   .service_remove = service_remove,
                                   .service_start = service_start,
                                   .service_stop = service_stop,
                                   .service_query = service_query,
                                   .sleep_ms = process_sleep_ms,
                                   .program_files = files,
                                   .program_data = data,
                                   .own_folder = system_folder_of(own),
                                   .separator = '\\'};
    return 0;
}

void install_system_close(struct install_system *s)
{
    mem_free(s->program_files);
    mem_free(s->program_data);
    mem_free(s->own_folder);
}
