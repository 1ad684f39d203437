/* SPDX-License-Identifier: Apache-2.0 */
#include "core/agent/options.h"

#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/addr.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/metrics.h"
#include "core/io/stream.h"
#include "core/k8s/document.h"
#include "core/k8s/names.h"
#include "platform/ipc.h"
#include "platform/process.h"
#include "platform/program.h"

enum { OPTIONS_FILE_LIMIT = 1 << 20, OPTIONS_IFNAME_MAX = 15, OPTIONS_MTU_MIN = 576 };

enum option_type {
    OPTION_TEXT,
    OPTION_NODE,    /* name of a Kubernetes object */
    OPTION_DEVICE,  /* name of an interface */
    OPTION_ADDRESS, /* unix:, tcp:, ssl:, pipe: */
    OPTION_HOST,    /* IP:PORT */
    OPTION_SERVER,  /* https://HOST:PORT */
    OPTION_CHOICE,
    OPTION_BOOL,
    OPTION_MTU,
    OPTION_DURATION,
    OPTION_LEVELS,
    OPTION_CHOICES, /* several, divided by commas */
    OPTION_N_TYPES
};

struct option_spec {
    const char *flag, *operand;
    enum option_type type;
    size_t offset;
    const char *initial;        /* what holds if nobody says otherwise; NULL: none, or made later */
    const char *shown;          /* the default as it is told where 'initial' does not say it */
    const char *const *choices; /* OPTION_CHOICE(S): ends with NULL */
    const char *meaning;
};

static const char *const options_datapaths[] = {"auto", "system", "netdev", "hns", NULL};
static const char *const options_modes[] = {"encap", NULL};
static const char *const options_tunnels[] = {"geneve", "vxlan", "gre", NULL};
static const char *const options_formats[] = {"text", "json", NULL};
static const char *const options_chained[] = {"portmap", "bandwidth", NULL};

#define AT(member) offsetof(struct options, member)
static const struct option_spec options_table[] = {
    {"config", "FILE", OPTION_TEXT, AT(config), NULL, NULL, NULL,
     "YAML file whose keys are these flags without the dashes; a flag beats the file"},
    {"node-name", "NAME", OPTION_NODE, AT(node_name), NULL,
     "`NODE_NAME` from the environment, else the host name", NULL, "which Node object is this one"},
    {"objects", "DIR", OPTION_TEXT, AT(objects), NULL, NULL, NULL,
     "folder of manifests that holds the desired state, watched"},
    {"kubeconfig", "FILE", OPTION_TEXT, AT(kubeconfig), NULL, NULL, NULL,
     "kubeconfig file of the API server that holds the desired state; without it and `--objects`, "
     "the account that Kubernetes gives a Pod"},
    {"api-server", "URL", OPTION_SERVER, AT(api_server), NULL,
     "`KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT` from the environment", NULL,
     "`https://HOST:PORT` in place of the in-cluster address, which needs somebody to balance it; "
     "with "
     "the account's token and CA"},
    {"cache-dir", "DIR", OPTION_TEXT, AT(cache_dir), NULL,
     "`/var/lib/seine` (Windows: `%ProgramData%\\seine`)", NULL,
     "what the API server said last, for a start while it is away"},
    {"run-dir", "DIR", OPTION_TEXT, AT(run_dir), NULL,
     "`/run/seine` (Windows: `%ProgramData%\\seine`)", NULL,
     "socket, lock, journal; one agent a directory"},
    {"socket", "PATH", OPTION_TEXT, AT(socket), NULL,
     "`<run-dir>/agent.sock` (Windows: `\\\\.\\pipe\\seine-agent`)", NULL,
     "local API for `seine-cni` and `seinectl`; root only"},
    {"ovsdb", "ADDRESS", OPTION_ADDRESS, AT(ovsdb), NULL,
     "`unix:/var/run/openvswitch/db.sock` (Windows: "
     "`unix:C:/openvswitch/var/run/openvswitch/db.sock`)",
     NULL, "Open vSwitch's database: `unix:PATH`, `tcp:IP:PORT`, `ssl:IP:PORT`, `pipe:NAME`"},
    {"openflow", "ADDRESS", OPTION_ADDRESS, AT(openflow), NULL,
     "`unix:<folder of the OVSDB socket>/<bridge>.mgmt`", NULL,
     "the bridge's OpenFlow listener, same forms; must be given where `--ovsdb` is `tcp:` or "
     "`ssl:`"},
    {"ovs-ca", "FILE", OPTION_TEXT, AT(ovs_ca), NULL, NULL, NULL,
     "PEM file of the authority that Open vSwitch's certificate must come from (`ssl:`)"},
    {"ovs-certificate", "FILE", OPTION_TEXT, AT(ovs_certificate), NULL, NULL, NULL,
     "PEM file of the agent's certificate (`ssl:`)"},
    {"ovs-key", "FILE", OPTION_TEXT, AT(ovs_key), NULL, NULL, NULL,
     "PEM file of its private key (`ssl:`)"},
    {"bridge", "NAME", OPTION_DEVICE, AT(bridge), "br-int", NULL, NULL,
     "made if absent (`fail_mode=secure`), adopted if present; other bridges are never touched"},
    {"datapath-type", "TYPE", OPTION_CHOICE, AT(datapath_type), "auto", NULL, options_datapaths,
     "`auto`: `system` where the kernel has it, else `netdev`; `hns`: access lists without Open "
     "vSwitch, on Windows only"},
    {"gateway", "NAME", OPTION_DEVICE, AT(gateway), "seine-gw0", NULL, NULL,
     "internal port that holds the first address of each podCIDR"},
    {"tunnel", "NAME", OPTION_DEVICE, AT(tunnel), "seine-tun0", NULL, NULL, "tunnel port"},
    {"uplink", "auto|none|NAME", OPTION_TEXT, AT(uplink), NULL, "`none` (Windows: `auto`)", NULL,
     "Windows: the physical adapter that becomes the bridge's uplink; `auto`: the one that has the "
     "Node's InternalIP, unless that is on a bridge already"},
    {"traffic-mode", "MODE", OPTION_CHOICE, AT(traffic_mode), "encap", NULL, options_modes,
     "how Pods of other nodes are reached"},
    {"tunnel-type", "TYPE", OPTION_CHOICE, AT(tunnel_type), "geneve", NULL, options_tunnels,
     "tunnel between nodes; outer addresses are the Nodes' InternalIPs. With `netdev` the node's "
     "own "
     "must be on a netdev bridge of the same vswitchd"},
    {"mtu", "BYTES", OPTION_MTU, AT(mtu), NULL, "from the uplink, less the tunnel's overhead", NULL,
     "MTU of Pods"},
    {"pod-timeout", "TIME", OPTION_DURATION, AT(pod_timeout_ms), "20s", NULL, NULL,
     "how long an ADD may wait for its Pod object, port and acknowledgement"},
    {"masquerade", "true|false", OPTION_BOOL, AT(masquerade), "true", NULL, NULL,
     "traffic that leaves the cluster takes the node's address"},
    {"metrics-address", "IP:PORT", OPTION_HOST, AT(metrics_address), NULL, NULL, NULL,
     "where to serve `/metrics`, `/healthz`, `/readyz`"},
    {"proc-sys", "DIR", OPTION_TEXT, AT(proc_sys), "/proc/sys", NULL, NULL,
     "where IP forwarding is switched on; a container may find a writable one elsewhere"},
    {"cni-bin-dir", "DIR", OPTION_TEXT, AT(cni_bin_dir), NULL, NULL, NULL,
     "where `seine-agent install-cni` places `seine-cni`, and `cleanup` takes it away; the agent "
     "tells when it is gone"},
    {"cni-config", "FILE", OPTION_TEXT, AT(cni_config), NULL, NULL, NULL,
     "the container runtime's network configuration: written when the agent is ready for the first "
     "time, put back when it is gone or changed, taken away by `cleanup`"},
    {"cni-chained", "LIST", OPTION_CHOICES, AT(cni_chained), NULL, NULL, options_chained,
     "plugins that the network configuration calls after Seine's, divided by a comma; their "
     "programs "
     "are the runtime's"},
    {"audit-interval", "TIME", OPTION_DURATION, AT(audit_ms), "1h", NULL, NULL,
     "how often everything is derived again and the switch read back; `0s`: never"},
    {"log-level", "LEVELS", OPTION_LEVELS, AT(log_level), "info", NULL, NULL,
     "`error`, `warn`, `info` or `debug`, areas too: `info,openflow=debug`"},
    {"log-format", "FORMAT", OPTION_CHOICE, AT(log_format), "text", NULL, options_formats,
     "form of the lines on stderr"},
};
#undef AT
enum { OPTIONS_N = ARRAY_LEN(options_table) };

/* ---- values ---- */
bool options_duration(const char *text, uint32_t *ms_out)
{
    static const struct {
        const char *unit;
        uint32_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
    uint64_t n = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9' && n <= UINT32_MAX; p++) {
        n = n * 10 + (uint64_t)(*p - '0');
    }
    for (size_t i = 0; p != text && i < ARRAY_LEN(units); i++) {
        if (strcmp(p, units[i].unit) == 0 && n * units[i].ms <= UINT32_MAX) {
            *ms_out = (uint32_t)(n * units[i].ms);
            return true;
        }
    }
    return false;
}

static bool options_number(const char *text, uint32_t max, uint32_t *out)
{
    uint64_t n = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9' && n <= max; p++) {
        n = n * 10 + (uint64_t)(*p - '0');
    }
    if (p == text || *p || n > max) {
        return false;
    }
    *out = (uint32_t)n;
    return true;
}

/* IP:PORT, IPv6 in brackets. */
static int options_check_host(const char *text, struct err *err)
{
    auto_sbuf full = SBUF_INIT;
    struct stream_address address;
    sbuf_printf(&full, "tcp:%s", text);
    if (stream_address_parse(full.data, &address, NULL) < 0) {
        return err_set(err, ERR_INVALID, "'%s' is not IP:PORT", text);
    }
    return 0;
}

/* Host names are looked up when it is called. */
static int options_check_server(const char *text, struct err *err)
{
    static const char scheme[] = "https://";
    size_t n = sizeof scheme - 1;
    const char *host = text + n;
    uint32_t port = 0;
    if (strncmp(text, scheme, n) == 0 && *host) {
        size_t len = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
        bool named = len > (*host == '[' ? 3 : 0) && len <= strlen(host) &&
                     strcspn(host, "/?#@ \t\n") == strlen(host);
        if (named && host[len] == ':' && options_number(host + len + 1, 65535, &port) && port) {
            return 0;
        }
    }
    return err_set(err, ERR_INVALID, "'%s' is not https://HOST:PORT", text);
}

static int options_check_device(const char *text, struct err *err)
{
    size_t n = strlen(text);
    if (n == 0 || n > OPTIONS_IFNAME_MAX || strpbrk(text, "/ \t\n:") || strcmp(text, ".") == 0 ||
        strcmp(text, "..") == 0) {
        return err_set(err, ERR_INVALID,
                       "'%s' is not the name of an interface (1 to %d characters)", text,
                       OPTIONS_IFNAME_MAX);
    }
    return 0;
}

/* The first n bytes of 'text'. */
static int options_check_word(const struct option_spec *s, const char *text, size_t n,
                              struct err *err)
{
    auto_sbuf list = SBUF_INIT;
    for (const char *const *c = s->choices; *c; c++) {
        if (strlen(*c) == n && memcmp(*c, text, n) == 0) {
            return 0;
        }
        sbuf_printf(&list, "%s%s", list.len ? ", " : "", *c);
    }
    return err_set(err, ERR_INVALID, "'%.*s' is not one of %s", (int)n, text, list.data);
}

static int options_check_choices(const struct option_spec *s, const char *text, struct err *err)
{
    int rc = 0;
    for (const char *p = text; rc == 0 && *p;) {
        size_t n = strcspn(p, ",");
        rc = options_check_word(s, p, n, err);
        p += n + (p[n] ? 1 : 0);
    }
    return rc;
}

static int options_check_text(const struct option_spec *s, const char *text, struct err *err)
{
    const char *problem;
    switch (s->type) {
    case OPTION_ADDRESS:
        return stream_address_check(text, err);
    case OPTION_HOST:
        return options_check_host(text, err);
    case OPTION_SERVER:
        return options_check_server(text, err);
    case OPTION_DEVICE:
        return options_check_device(text, err);
    case OPTION_CHOICE:
        return options_check_word(s, text, strlen(text), err);
    case OPTION_CHOICES:
        return options_check_choices(s, text, err);
    case OPTION_LEVELS:
        return log_set_levels(text, err);
    case OPTION_NODE:
        problem = name_dns_subdomain_problem(text);
        return problem ? err_set(err, ERR_INVALID, "'%s': %s", text, problem) : 0;
    default:
        return *text ? 0 : err_set(err, ERR_INVALID, "must not be empty");
    }
}

static char **options_text_at(struct options *o, const struct option_spec *s)
{
    return (char **)(void *)((char *)o + s->offset);
}

/* Sets one option from text; err->text is the reason alone. */
static int options_set(struct options *o, const struct option_spec *s, const char *text,
                       struct err *err)
{
    void *at = (char *)o + s->offset;
    bool yes = strcmp(text, "true") == 0;
    switch (s->type) {
    case OPTION_BOOL:
        *(bool *)at = yes;
        return yes || strcmp(text, "false") == 0
                   ? 0
                   : err_set(err, ERR_INVALID, "'%s' is neither true nor false", text);
    case OPTION_MTU:
        return options_number(text, 65535, at) && *(uint32_t *)at >= OPTIONS_MTU_MIN
                   ? 0
                   : err_set(err, ERR_INVALID, "'%s' is not a number from %d to 65535", text,
                             OPTIONS_MTU_MIN);
    case OPTION_DURATION:
        return options_duration(text, at)
                   ? 0
                   : err_set(err, ERR_INVALID, "'%s' is not a time like 20s, 500ms, 2m or 1h",
                             text);
    default:
        break;
    }
    int rc = options_check_text(s, text, err);
    if (rc < 0) {
        return rc;
    }
    char **slot = options_text_at(o, s);
    mem_free(*slot);
    *slot = mem_strdup(text);
    return 0;
}

static bool options_is_text(const struct option_spec *s)
{
    return s->type != OPTION_BOOL && s->type != OPTION_MTU && s->type != OPTION_DURATION;
}

static const struct option_spec *options_find(const char *flag, size_t n)
{
    for (size_t i = 0; i < OPTIONS_N; i++) {
        if (strlen(options_table[i].flag) == n && strncmp(options_table[i].flag, flag, n) == 0) {
            return &options_table[i];
        }
    }
    return NULL;
}

/* ---- arguments ---- */
/* Who said a value: what came later in this list is not overwritten by what comes earlier. */
enum options_origin { ORIGIN_DEFAULT, ORIGIN_FILE, ORIGIN_FLAG };

struct options_reading {
    struct options *o;
    enum options_origin origin[OPTIONS_N];
};

static bool options_word(struct options *o, const char *arg)
{
    bool *words[] = {&o->help, &o->help, &o->version, &o->markdown};
    static const char *const names[] = {"--help", "-h", "--version", "--markdown"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(arg, names[i]) == 0) {
            *words[i] = true;
            return true;
        }
    }
    return false;
}

/* One argument, and its value if that is the next one: returns how many were taken. */
static int options_argument(struct options_reading *r, char **argv, int left, struct err *err)
{
    const char *arg = argv[0];
    if (strncmp(arg, "--", 2) != 0) {
        return err_set(err, ERR_INVALID, "%s: not a flag (see --help)", arg);
    }
    size_t n = strcspn(arg + 2, "=");
    const struct option_spec *s = options_find(arg + 2, n);
    if (!s) {
        return err_set(err, ERR_INVALID, "--%.*s: no such flag (see --help)", (int)n, arg + 2);
    }
    const char *value = arg[2 + n] == '=' ? arg + 3 + n : NULL;
    int taken = 1;
    bool alone = s->type == OPTION_BOOL &&
                 (left < 2 || (strcmp(argv[1], "true") != 0 && strcmp(argv[1], "false") != 0));
    if (!value && alone) {
        value = "true";
    } else if (!value && left < 2) {
        return err_set(err, ERR_INVALID, "--%s: needs a value", s->flag);
    } else if (!value) {
        value = argv[1];
        taken = 2;
    }
    if (options_set(r->o, s, value, err) < 0) {
        return err_wrap(err, "--%s", s->flag);
    }
    r->origin[s - options_table] = ORIGIN_FLAG;
    return taken;
}

static int options_arguments(struct options_reading *r, int argc, char **argv, struct err *err)
{
    for (int i = 1; i < argc;) {
        if (options_word(r->o, argv[i])) {
            i++;
            continue;
        }
        int taken = options_argument(r, argv + i, argc - i, err);
        if (taken < 0) {
            return taken;
        }
        i += taken;
    }
    return 0;
}

/* ---- the file ---- */
static int options_file_value(struct options_reading *r, const struct option_spec *s,
                              const cJSON *json, struct err *err)
{
    auto_sbuf text = SBUF_INIT;
    bool whole = cJSON_IsNumber(json) && json->valuedouble >= 0 &&
                 json->valuedouble <= UINT32_MAX &&
                 json->valuedouble == (double)(uint32_t)json->valuedouble;
    if (cJSON_IsString(json)) {
        sbuf_puts(&text, json->valuestring);
    } else if (cJSON_IsBool(json) && s->type == OPTION_BOOL) {
        sbuf_puts(&text, cJSON_IsTrue(json) ? "true" : "false");
    } else if (whole && s->type == OPTION_MTU) {
        sbuf_printf(&text, "%.0f", json->valuedouble);
    } else {
        return err_set(err, ERR_INVALID, "must be %s",
                       s->type == OPTION_BOOL ? "true or false"
                       : s->type == OPTION_MTU
                           ? "a number"
                           : "text (in quotes where it looks like something else)");
    }
    size_t i = (size_t)(s - options_table);
    if (r->origin[i] == ORIGIN_FLAG) {
        struct options spare = {0}; /* checked, but not used */
        int rc = options_set(&spare, s, sbuf_cstr(&text), err);
        options_done(&spare);
        return rc;
    }
    r->origin[i] = ORIGIN_FILE;
    return options_set(r->o, s, sbuf_cstr(&text), err);
}

static int options_file_member(struct options_reading *r, const cJSON *json, struct err *err)
{
    const struct option_spec *s = options_find(json->string, strlen(json->string));
    if (!s || s->offset == offsetof(struct options, config)) {
        err_set(err, ERR_INVALID, "no such key");
    } else if (options_file_value(r, s, json, err) == 0) {
        return 0;
    }
    return err_wrap(err, "%.60s", json->string);
}

static void options_reader_free(struct document_reader **r)
{
    document_reader_free(*r);
}

static int options_file_text(struct options_reading *r, const char *text, size_t len,
                             uint32_t *line, struct err *err)
{
    PORT_CLEANUP(options_reader_free)
    struct document_reader *reader = document_reader_new("config.yaml", text, len);
    struct document document;
    const cJSON *root = NULL;
    bool seen = false;
    for (int rc = document_next(reader, &document, line, err); rc;
         rc = document_next(reader, &document, line, err)) {
        if (rc < 0 || document_parse(reader, &root, line, err) < 0) {
            return ERR_INVALID;
        }
        if (!root) {
            continue;
        }
        *line = document.line;
        if (seen) {
            return err_set(err, ERR_INVALID, "a second document");
        }
        seen = true;
        if (!cJSON_IsObject(root)) {
            return err_set(err, ERR_INVALID, "not a map of keys to values");
        }
        const cJSON *member;
        cJSON_ArrayForEach(member, root) {
            *line = document_line(reader, member);
            if (options_file_member(r, member, err) < 0) {
                return ERR_INVALID;
            }
        }
    }
    return 0;
}

static int options_file(struct options_reading *r, struct err *err)
{
    const char *path = r->o->config;
    auto_free char *text = NULL;
    size_t len = 0;
    int rc = file_read(path, OPTIONS_FILE_LIMIT, &text, &len, err);
    if (rc < 0) {
        return err_wrap(err, "--config");
    }
    uint32_t line = 1;
    rc = options_file_text(r, text, len, &line, err);
    return rc < 0 ? err_wrap(err, "%s:%u", path, (unsigned)line) : 0;
}

/* ---- what holds where nothing was said, and what must hold together ---- */
static void options_default(struct options *o)
{
    for (size_t i = 0; i < OPTIONS_N; i++) {
        const struct option_spec *s = &options_table[i];
        if (options_is_text(s)) {
            *options_text_at(o, s) = mem_strdup(s->initial ? s->initial : "");
        } else if (s->initial) {
            options_set(o, s, s->initial, NULL);
        }
    }
}

static void options_replace(char **slot, const char *text)
{
    mem_free(*slot);
    *slot = mem_strdup(text);
}

static int options_derive_name(struct options *o, struct err *err)
{
    char host[256] = "";
    const char *name = program_variable("NODE_NAME");
    if (o->node_name[0]) {
        return 0;
    }
    if ((!name || !*name) && process_hostname(host, sizeof host) == 0) {
        name = host;
    }
    if (!name || name_dns_subdomain_problem(name)) {
        return err_set(err, ERR_INVALID,
                       "--node-name: '%s' from the environment is no name of a Node",
                       name ? name : "");
    }
    options_replace(&o->node_name, name);
    return 0;
}

/* The OpenFlow listener lies beside the database's socket. */
static int options_derive_openflow(struct options *o, struct err *err)
{
    struct stream_address db;
    if (o->openflow[0] || stream_address_parse(o->ovsdb, &db, err) < 0) {
        return o->openflow[0] ? 0 : ERR_INVALID;
    }
    if (db.kind == STREAM_TCP || db.kind == STREAM_SSL) {
        return err_set(err, ERR_INVALID, "--openflow: must be given where --ovsdb is tcp: or ssl:");
    }
    /* A pipe's name has no slashes left where its folder ended. */
    static const char own_name[] = "db.sock";
    size_t dir = strlen(db.name), own = sizeof own_name - 1;
    bool is_flat = dir >= own && strcmp(db.name + dir - own, own_name) == 0;
    dir -= is_flat ? own : 0;
    while (!is_flat && dir && db.name[dir - 1] != '/' && db.name[dir - 1] != '\\') {
        dir--;
    }
    auto_sbuf text = SBUF_INIT;
    sbuf_printf(&text, "%s:%.*s%s.mgmt", db.kind == STREAM_PIPE ? "pipe" : "unix", (int)dir,
                db.name, o->bridge);
    options_replace(&o->openflow, text.data);
    return 0;
}

static int options_check_tls(const struct options *o, struct err *err)
{
    bool needed = strncmp(o->ovsdb, "ssl:", 4) == 0 || strncmp(o->openflow, "ssl:", 4) == 0;
    if (needed && !o->ovs_ca[0]) {
        return err_set(err, ERR_INVALID, "--ovs-ca: must be given for ssl:");
    }
    if (!o->ovs_certificate[0] != !o->ovs_key[0]) {
        return err_set(err, ERR_INVALID, "--%s: must be given with --%s",
                       o->ovs_key[0] ? "ovs-certificate" : "ovs-key",
                       o->ovs_key[0] ? "ovs-key" : "ovs-certificate");
    }
    return 0;
}

/* Desired state comes from exactly one place. */
static int options_check_source(const struct options *o, struct err *err)
{
    const char *host = program_variable("KUBERNETES_SERVICE_HOST");
    if (o->objects[0] && o->kubeconfig[0]) {
        return err_set(err, ERR_INVALID, "--kubeconfig: not together with --objects");
    }
    if (o->api_server[0] && (o->objects[0] || o->kubeconfig[0])) {
        return err_set(err, ERR_INVALID, "--api-server: not together with --%s",
                       o->objects[0] ? "objects" : "kubeconfig");
    }
    if (!o->objects[0] && !o->kubeconfig[0] && !o->api_server[0] && (!host || !*host)) {
        return err_set(err, ERR_INVALID,
                       "--objects: must be given, or --kubeconfig, where there is no in-cluster "
                       "account (KUBERNETES_SERVICE_HOST is not set)");
    }
    return 0;
}

static int options_check(const struct options *o, struct err *err)
{
    if (strcmp(o->gateway, o->tunnel) == 0 || strcmp(o->gateway, o->bridge) == 0 ||
        strcmp(o->tunnel, o->bridge) == 0) {
        return err_set(err, ERR_INVALID, "--%s: bridge, gateway and tunnel need different names",
                       strcmp(o->tunnel, o->bridge) == 0 ? "tunnel" : "gateway");
    }
    bool windows = strcmp(process_platform(), "windows") == 0;
    if (!windows && strcmp(o->uplink, "none") != 0 && strcmp(o->uplink, "auto") != 0) {
        return err_set(err, ERR_INVALID, "--uplink: an adapter is taken over on Windows only");
    }
    if (!windows && options_has_acl(o)) {
        return err_set(err, ERR_INVALID,
                       "--datapath-type: hns is for Windows nodes (`render` shows its lists "
                       "anywhere)");
    }
    int rc = options_check_tls(o, err);
    /* Last, as everything else about the flags should be told first. */
    return rc < 0 ? rc : options_check_source(o, err);
}

int options_parse(struct options *o, int argc, char **argv, struct err *err)
{
    *o = (struct options){0};
    options_default(o);
    struct options_reading r = {.o = o};
    int rc = options_arguments(&r, argc, argv, err);
    if (rc < 0 || o->help || o->version) {
        return rc;
    }
    rc = o->config[0] ? options_file(&r, err) : 0;
    if (rc < 0) {
        return rc;
    }
    if (!o->run_dir[0]) {
        options_replace(&o->run_dir, process_default_run_dir());
    }
    if (!o->cache_dir[0]) {
        options_replace(&o->cache_dir, process_default_cache_dir());
    }
    if (!o->ovsdb[0]) {
        options_replace(&o->ovsdb, process_default_ovsdb());
    }
    if (!o->uplink[0]) {
        bool windows = strcmp(process_platform(), "windows") == 0;
        options_replace(&o->uplink, windows ? "auto" : "none");
    }
    if (!o->socket[0]) {
        auto_free char *socket = process_default_socket(o->run_dir);
        options_replace(&o->socket, socket);
    }
    rc = options_derive_openflow(o, err);
    rc = rc < 0 ? rc : options_check(o, err);
    return rc < 0 ? rc : options_derive_name(o, err);
}

bool options_has_acl(const struct options *o)
{
    return strcmp(o->datapath_type, "hns") == 0;
}

void options_done(struct options *o)
{
    for (size_t i = 0; i < OPTIONS_N; i++) {
        if (options_is_text(&options_table[i])) {
            char **slot = options_text_at(o, &options_table[i]);
            mem_free(*slot);
            *slot = NULL;
        }
    }
}

/* ---- help ---- */
enum { OPTIONS_HELP_COLUMN = 30, OPTIONS_HELP_WIDTH = 66 };

/* Text without the page's backquotes. */
static void options_plain(const char *text, struct sbuf *out)
{
    for (; *text; text++) {
        if (*text != '`') {
            sbuf_putc(out, *text);
        }
    }
}

/* Puts 'text' at the help's column, wrapped. */
static void options_wrap(const char *text, struct sbuf *out)
{
    size_t column = 0;
    for (const char *word = text; *word;) {
        size_t n = strcspn(word, " ");
        if (column && column + 1 + n > OPTIONS_HELP_WIDTH) {
            sbuf_printf(out, "\n%*s", OPTIONS_HELP_COLUMN, "");
            column = 0;
        }
        sbuf_printf(out, "%s%.*s", column ? " " : "", (int)n, word);
        column += n + (column ? 1 : 0);
        word += n + strspn(word + n, " ");
    }
    sbuf_putc(out, '\n');
}

static const char options_usage[] =
    "usage: seine-agent [run] [FLAGS]       serve this node, in the foreground\n"
    "       seine-agent cleanup [FLAGS]     take away all that Seine made on this node\n"
    "       seine-agent render --objects DIR --node-name NAME [--attachments FILE]\n"
    "                                       print what a node would hold; needs no switch\n"
    "       seine-agent install-cni [FLAGS] place the CNI plugin in --cni-bin-dir\n"
    "       seine-agent pause               nothing, until it is told to end\n"
    "       seine-agent install|uninstall|upgrade|status|check [--help]\n"
    "                                       put Seine on a Windows node, or take it away\n"
    "\n";

void options_help(struct sbuf *out)
{
    sbuf_puts(out, options_usage);
    for (size_t i = 0; i < OPTIONS_N; i++) {
        const struct option_spec *s = &options_table[i];
        auto_sbuf text = SBUF_INIT;
        options_plain(s->meaning, &text);
        const char *value = s->shown ? s->shown : s->initial;
        if (value) {
            sbuf_puts(&text, " (default: ");
            options_plain(value, &text);
            sbuf_putc(&text, ')');
        }
        size_t start = out->len;
        sbuf_printf(out, "  --%s %s", s->flag, s->operand);
        size_t width = out->len - start;
        sbuf_printf(out, width < OPTIONS_HELP_COLUMN - 1 ? "%*s" : "\n%*s",
                    width < OPTIONS_HELP_COLUMN - 1 ? (int)(OPTIONS_HELP_COLUMN - width)
                                                    : OPTIONS_HELP_COLUMN,
                    "");
        options_wrap(sbuf_cstr(&text), out);
    }
    sbuf_printf(out, "  %-28s%s\n  %-28s%s\n", "--help", "print this", "--version",
                "print the version");
}

static const char *const options_type_names[OPTION_N_TYPES] = {
    [OPTION_TEXT] = "text",
    [OPTION_NODE] = "name of an object",
    [OPTION_DEVICE] = "name, at most 15 characters",
    [OPTION_ADDRESS] = "address",
    [OPTION_HOST] = "`IP:PORT`",
    [OPTION_SERVER] = "`https://HOST:PORT`",
    [OPTION_CHOICE] = NULL,
    [OPTION_BOOL] = "`true`, `false`",
    [OPTION_MTU] = "number",
    [OPTION_DURATION] = "time: `500ms`, `20s`, `2m`, `1h`",
    [OPTION_LEVELS] = "levels",
    [OPTION_CHOICES] = NULL,
};

static const char options_page_head[] =
    "# Configuration of seine-agent\n"
    "\n"
    "This page is printed by `seine-agent --help --markdown` from the option table.\n"
    "\n"
    "A flag is given as `--flag value` or `--flag=value`. `--config FILE` names a YAML file whose "
    "keys are the\n"
    "flags' names without the dashes; a flag beats the file. What is wrong is told in one line,\n"
    "`--KEY: reason` or `FILE:LINE: KEY: reason`, and the exit code is 2.\n"
    "\n"
    "```yaml\n"
    "node-name: node1\n"
    "objects: /etc/seine/objects\n"
    "tunnel-type: vxlan\n"
    "metrics-address: 127.0.0.1:9101\n"
    "log-level: info,openflow=debug\n"
    "```\n"
    "\n"
    "`seine-agent` runs in the foreground and logs to stderr. `SIGTERM` and `SIGINT` end it within "
    "two seconds and\n"
    "leave the switch, the Pods and their traffic as they are; `seine-agent cleanup` with the same "
    "flags takes away\n"
    "all that Seine made on the node, and only that.\n"
    "\n"
    "| flag | value | default | meaning |\n"
    "|---|---|---|---|\n";

/* Backquotes where the text has none of its own; pipes would end the cell. */
static void options_cell(const char *text, bool code, struct sbuf *out)
{
    bool quote = code && !strchr(text, '`');
    sbuf_puts(out, quote ? "`" : "");
    for (; *text; text++) {
        sbuf_puts(out, *text == '|' ? "\\" : "");
        sbuf_putc(out, *text);
    }
    sbuf_puts(out, quote ? "`" : "");
}

void options_markdown(struct sbuf *out)
{
    sbuf_puts(out, options_page_head);
    for (size_t i = 0; i < OPTIONS_N; i++) {
        const struct option_spec *s = &options_table[i];
        sbuf_printf(out, "| `--%s` | ", s->flag);
        if (s->choices) {
            for (const char *const *c = s->choices; *c; c++) {
                sbuf_printf(out, "%s`%s`", c == s->choices ? "" : ", ", *c);
            }
        } else {
            sbuf_puts(out, options_type_names[s->type]);
        }
        sbuf_puts(out, " | ");
        if (s->shown) {
            sbuf_puts(out, s->shown);
        } else {
            options_cell(s->initial ? s->initial : "none", s->initial != NULL, out);
        }
        sbuf_printf(out, " | %s |\n", s->meaning);
    }
    sbuf_puts(
        out,
        "\nDesired state comes from one place: `--objects`, `--kubeconfig`, or neither, which "
        "is the in-cluster account.\n"
        "\nEnvironment: `NODE_NAME` (see `--node-name`), `KUBERNETES_SERVICE_HOST` and "
        "`KUBERNETES_SERVICE_PORT` (see\n`--api-server`).\n"
        "\n## Metrics\n"
        "\n`/metrics` of `--metrics-address`, in Prometheus' text form. Which of them are worth "
        "an alarm: [operations.md](operations.md).\n\n");
    metrics_markdown(out);
}
