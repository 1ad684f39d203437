/* SPDX-License-Identifier: Apache-2.0
 *
 * Inputs are read once into the store of an engine that never runs; each derivation is a fresh
 * engine that shares the objects.  Nothing is printed before everything was read without fault. */
#include "core/agent/render.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/output.h"
#include "core/base/vec.h"
#include "core/intent/tables.h"
#include "core/k8s/folder.h"
#include "core/pipeline/world.h"
#include "core/pod/attachment.h"
#include "hns/acl.h"
#include "hns/feature.h"
#include "ovs/flow.h"
#include "ovs/group.h"
#include "ovs/meter.h"
#include "platform/ipc.h"
#include "platform/process.h"

enum { FILE_LIMIT = 64 << 20, REPEAT_MAX = 100000 };

static const int kind_table[K8S_N_KINDS] = {
    [K8S_POD] = TABLE_POD,         [K8S_NAMESPACE] = TABLE_NAMESPACE,
    [K8S_NODE] = TABLE_NODE,       [K8S_NETWORK_POLICY] = TABLE_POLICY,
    [K8S_SERVICE] = TABLE_SERVICE, [K8S_ENDPOINT_SLICE] = TABLE_ENDPOINT_SLICE};

/* ---- printing ---- */

typedef int format_fn(struct bytes key, struct bytes value, struct sbuf *out, struct err *err);

static int format_text(struct bytes key, struct bytes value, struct sbuf *out, struct err *err)
{
    (void)err;
    sbuf_put(out, key.p, key.n);
    sbuf_putc(out, ' ');
    sbuf_put(out, value.p, value.n);
    return 0;
}

static format_fn *const formats[SPACE_N] = {[SPACE_FLOW] = flow_format,
                                            [SPACE_GROUP] = group_format,
                                            [SPACE_METER] = meter_format,
                                            [SPACE_ROUTE] = format_text,
                                            [SPACE_HOSTNAT] = format_text};

static int cmp_line(const void *pa, const void *pb)
{
    const char *const *a = pa, *const *b = pb;
    return strcmp(*a, *b);
}

/* Each entry's line starts at an offset of 'text' and ends with NUL. */
static int format_lines(const struct engine_entry *entries, size_t n, int space, bool installed,
                        struct sbuf *text, size_t *offsets, size_t *n_lines, struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        struct bytes value = installed ? entries[i].installed : entries[i].desired;
        if (!value.p)
            continue;
        offsets[(*n_lines)++] = text->len;
        int rc = formats[space](entries[i].key, value, text, err);
        if (rc)
            return rc;
        sbuf_putc(text, '\0');
    }
    return 0;
}

int render_space(const struct engine *e, int space, bool installed, struct sbuf *out,
                 struct err *err)
{
    struct arena a;
    arena_init(&a, 0);
    size_t n, n_lines = 0;
    const struct engine_entry *entries = engine_entries(e, space, &a, &n);
    size_t *offsets = arena_alloc(&a, n * sizeof *offsets);
    auto_sbuf text = SBUF_INIT;
    int rc = format_lines(entries, n, space, installed, &text, offsets, &n_lines, err);
    const char **lines = arena_alloc(&a, n * sizeof *lines);
    for (size_t i = 0; i < n_lines; i++)
        lines[i] = text.data + offsets[i];
    if (n_lines > 1)
        qsort(lines, n_lines, sizeof *lines, cmp_line);
    for (size_t i = 0; !rc && i < n_lines; i++) {
        /* flow_format's line begins with the blank that ovs-ofctl prints. */
        sbuf_puts(out, lines[i] + (*lines[i] == ' '));
        sbuf_putc(out, '\n');
    }
    arena_done(&a);
    return rc;
}

int render_print(const struct engine *e, struct sbuf *out, struct err *err)
{
    static const struct {
        const char *title;
        int space;
    } sections[] = {
        {"# flows\n", SPACE_FLOW}, {"# groups\n", SPACE_GROUP}, {"# meters\n", SPACE_METER}};
    for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
        sbuf_puts(out, sections[i].title);
        int rc = render_space(e, sections[i].space, false, out, err);
        if (rc)
            return rc;
    }
    return 0;
}

/* ---- attachments ---- */

static int take_text(const cJSON *item, const char *key, bool required, char **out, struct err *err)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(item, key);
    if (!v && !required) {
        *out = mem_strdup("");
        return 0;
    }
    if (!cJSON_IsString(v) || (required && !*v->valuestring))
        return err_set(err, ERR_INVALID, "%s: must be a string%s", key,
                       required ? " that is not empty" : "");
    *out = mem_strdup(v->valuestring);
    return 0;
}

/* Optional: the podCIDRs that the addresses came from. */
static int take_subnets(const cJSON *item, struct attachment *a, struct err *err)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(item, "podCIDRs"), *v;
    if (list && !cJSON_IsArray(list))
        return err_set(err, ERR_INVALID, "podCIDRs: must be a list");
    cJSON_ArrayForEach(v, list) {
        struct prefix p;
        if (!cJSON_IsString(v) || !prefix_parse(v->valuestring, &p))
            return err_set(err, ERR_INVALID, "podCIDRs: not a prefix");
        for (size_t i = 0; i < a->n_ips; i++)
            if (prefix_contains(&p, &a->ips[i]))
                a->subnet_len[i] = p.len;
    }
    return 0;
}

static int take_addresses(const cJSON *item, struct attachment *a, struct err *err)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(item, "addresses"), *v;
    if (!cJSON_IsArray(list))
        return err_set(err, ERR_INVALID, "addresses: must be a list");
    cJSON_ArrayForEach(v, list) {
        if (a->n_ips == ATTACHMENT_MAX_IPS)
            return err_set(err, ERR_INVALID, "addresses: more than %d", ATTACHMENT_MAX_IPS);
        if (!cJSON_IsString(v) || !ip_parse(v->valuestring, &a->ips[a->n_ips]))
            return err_set(err, ERR_INVALID, "addresses[%zu]: not an address", a->n_ips);
        a->n_ips++;
    }
    return 0;
}

static int take_port(const cJSON *item, struct attachment *a, struct err *err)
{
    const cJSON *port = cJSON_GetObjectItemCaseSensitive(item, "ofPort");
    double number = cJSON_IsNumber(port) ? port->valuedouble : -1;
    if (!(number >= 0 && number < (double)OFPORT_MAX) || (double)(uint32_t)number != number)
        return err_set(err, ERR_INVALID, "ofPort: not a port number");
    a->ofport = (uint32_t)number;
    const cJSON *mac = cJSON_GetObjectItemCaseSensitive(item, "mac");
    if (!cJSON_IsString(mac) || !mac_parse(mac->valuestring, &a->mac))
        return err_set(err, ERR_INVALID, "mac: not an Ethernet address");
    return 0;
}

static int take_attachment(const cJSON *item, struct attachment *a, struct err *err)
{
    const struct {
        const char *key;
        bool required;
        char **out;
    } texts[] = {{"namespace", true, &a->pod_namespace},
                 {"name", true, &a->pod_name},
                 {"uid", false, &a->pod_uid},
                 {"containerID", true, &a->container_id},
                 {"interface", false, &a->interface}};
    if (!cJSON_IsObject(item))
        return err_set(err, ERR_INVALID, "not an object");
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        int rc = take_text(item, texts[i].key, texts[i].required, texts[i].out, err);
        if (rc)
            return rc;
    }
    a->cni_ifname = mem_strdup("eth0");
    a->netns = mem_strdup("");
    int rc = take_port(item, a, err);
    rc = rc ? rc : take_addresses(item, a, err);
    return rc ? rc : take_subnets(item, a, err);
}

int render_attachments(const char *json, size_t len, struct store *store, struct err *err)
{
    cJSON *list = cJSON_ParseWithLength(json, len);
    const cJSON *item;
    int rc = 0;
    uint64_t sequence = 0;
    if (!cJSON_IsArray(list))
        rc = err_set(err, ERR_INVALID, list ? "not a list" : "not JSON");
    cJSON_ArrayForEach(item, list) {
        if (rc)
            break;
        struct attachment *a = attachment_new();
        rc = take_attachment(item, a, err);
        a->sequence = sequence + 1;
        if (rc) {
            err_wrap(err, "[%d]", (int)sequence);
            attachment_free(a);
            break;
        }
        struct sbuf key = SBUF_INIT;
        sbuf_printf(&key, "%s/%s", a->container_id, a->cni_ifname);
        store_put(store, TABLE_ATTACHMENT, key.data, a);
        sbuf_done(&key);
        sequence++;
    }
    cJSON_Delete(list);
    return rc;
}

/* ---- reading ---- */

static void on_put(void *aux, enum k8s_kind kind, const char *key, void *object)
{
    store_put(aux, kind_table[kind], key, object);
}

static void on_remove(void *aux, enum k8s_kind kind, const char *key)
{
    store_remove(aux, kind_table[kind], key);
}

static void feed_file(struct folder *folder, const char *dir, const char *name)
{
    auto_sbuf path = SBUF_INIT;
    auto_free char *text = NULL;
    size_t len;
    struct err err;
    sbuf_printf(&path, "%s/%s", dir, name);
    if (file_read(path.data, FILE_LIMIT, &text, &len, &err))
        folder_file_unreadable(folder, name, err.text);
    else
        folder_file(folder, name, text, len);
}

static int read_folder(const char *dir, struct store *store, struct sbuf *errors)
{
    const struct folder_sink sink = {.aux = store, .put = on_put, .remove = on_remove};
    struct err err;
    char **names = NULL;
    size_t n = 0;
    int rc = file_list(dir, &names, &n, &err);
    if (rc) {
        sbuf_printf(errors, "%s\n", err.text);
        return rc;
    }
    struct folder *folder = folder_new(&sink);
    for (size_t i = 0; i < n; i++) {
        if (folder_wants(names[i]))
            feed_file(folder, dir, names[i]);
        mem_free(names[i]);
    }
    mem_free(names);
    folder_first_load_done(folder);
    const struct folder_error *bad;
    size_t n_bad = folder_errors(folder, &bad);
    for (size_t i = 0; i < n_bad; i++)
        sbuf_printf(errors, "%s\n", bad[i].text);
    folder_free(folder);
    return n_bad ? ERR_INVALID : 0;
}

static int read_attachments(const char *path, struct store *store, struct sbuf *errors)
{
    auto_free char *text = NULL;
    size_t len;
    struct err err;
    int rc = file_read(path, FILE_LIMIT, &text, &len, &err);
    if (!rc && (rc = render_attachments(text, len, store, &err)))
        err_wrap(&err, "%s", path);
    if (rc)
        sbuf_printf(errors, "%s\n", err.text);
    return rc;
}

/* ---- deriving ---- */

struct render_args {
    const char *objects, *node_name, *attachments, *platform;
    uint32_t repeat;
    bool said_repeat;
    const char *datapath, *hns_version; /* as they were given */
    bool acl;                           /* access lists in place of flows */
    struct hcn_version hns;
};

static void put_config(const struct render_args *args, struct store *store)
{
    struct node_config *c = node_config_new(args->node_name);
    const struct row *row = store_get(store, TABLE_NODE, args->node_name);
    const char *platform = args->platform;
    if (!platform)
        platform = row ? ((const struct node *)row->value)->os : "linux";
    mem_free(c->platform);
    c->platform = mem_strdup(platform);
    c->hns_major = args->hns.major;
    c->hns_minor = args->hns.minor;
    store_put(store, TABLE_CONFIG, "", c);
}

static void copy_table(const struct store *from, struct store *to, int table,
                       void *(*copy)(const void *value))
{
    struct arena a;
    arena_init(&a, 0);
    size_t n;
    const struct row **rows = store_list(from, table, &a, &n);
    for (size_t i = 0; i < n; i++)
        store_put(to, table, rows[i]->key, copy(rows[i]->value));
    arena_done(&a);
}

static void *copy_attachment(const void *value)
{
    return attachment_copy(value);
}

static struct engine *derive_once(const struct render_args *args, const struct store *inputs)
{
    struct engine *e = args->acl ? world_engine_acl() : world_engine();
    for (size_t i = 0; i < K8S_N_KINDS; i++)
        copy_table(inputs, engine_store(e), kind_table[i], object_ref);
    copy_table(inputs, engine_store(e), TABLE_ATTACHMENT, copy_attachment);
    put_config(args, engine_store(e)); /* now that the Node object is known */
    engine_run(e, 0);
    return e;
}

static int cmp_double(const void *pa, const void *pb)
{
    const double *a = pa, *b = pb;
    return *a < *b ? -1 : *a > *b;
}

static double seconds_since(uint64_t start_ns)
{
    return (double)(process_now_ns() - start_ns) / 1e9;
}

/* Access lists, and on stderr what they cannot say. */
static int print_acls(struct engine *e, struct sbuf *out)
{
    auto_sbuf unsaid = SBUF_INIT;
    acl_print(e, false, out);
    acl_print_unsaid(e, &unsaid);
    fputs(sbuf_cstr(&unsaid), stderr);
    return 0;
}

static int derive_and_print(const struct render_args *args, const struct store *inputs,
                            double load_s)
{
    double *times = mem_calloc(args->repeat, sizeof *times);
    struct engine *e = NULL;
    for (uint32_t i = 0; i < args->repeat; i++) {
        engine_free(e);
        uint64_t start = process_now_ns();
        e = derive_once(args, inputs);
        times[i] = seconds_since(start);
    }
    qsort(times, args->repeat, sizeof *times, cmp_double);
    double median = times[args->repeat / 2];
    mem_free(times);
    uint64_t start = process_now_ns();
    auto_sbuf out = SBUF_INIT;
    struct err err;
    int rc = args->acl ? print_acls(e, &out) : render_print(e, &out, &err);
    engine_free(e);
    if (rc)
        fprintf(stderr, "render: %s\n", err.text);
    else
        rc = output_put("render", out.data, out.len);
    if (args->said_repeat)
        fprintf(stderr,
                "render: %u times, load %.6f s, derive %.6f s, print %.6f s, peak RSS %llu kB\n",
                (unsigned)args->repeat, load_s, median, seconds_since(start),
                (unsigned long long)process_peak_rss_kb());
    return rc ? 1 : 0;
}

static int render_run(const struct render_args *args)
{
    uint64_t start = process_now_ns();
    struct engine *inputs = world_engine();
    auto_sbuf errors = SBUF_INIT;
    int rc = read_folder(args->objects, engine_store(inputs), &errors);
    if (args->attachments && read_attachments(args->attachments, engine_store(inputs), &errors))
        rc = ERR_INVALID;
    if (rc)
        fputs(sbuf_cstr(&errors), stderr);
    else
        rc = derive_and_print(args, engine_store(inputs), seconds_since(start));
    engine_free(inputs);
    return rc ? 1 : 0;
}

/* ---- the command line ---- */

static const char usage[] =
    "usage: seine-agent render --objects DIR --node-name N [--attachments FILE]\n"
    "                          [--platform linux|windows] [--repeat N]\n"
    "                          [--datapath-type TYPE] [--hns-version X.Y]\n"
    "Prints what node N would hold: flows, groups and meters, without a switch.\n"
    "  --objects DIR       folder of manifests\n"
    "  --node-name N       which Node object is this one\n"
    "  --attachments FILE  JSON list of {namespace, name, uid, containerID, interface, ofPort,\n"
    "                      mac, addresses[], podCIDRs[]}: the Pods attached to the node;\n"
    "                      of one Pod's the oldest first, podCIDRs may be left out\n"
    "  --platform P        linux or windows; else as the Node's label kubernetes.io/os says\n"
    "  --repeat N          derive N times from nothing, say on stderr how long it took\n"
    "  --datapath-type T   hns: access lists in place of flows; auto, system, netdev: flows\n"
    "  --hns-version X.Y   with hns: what its version can say, 9.2 or newer; else 11.10\n";

static int usage_error(const char *text)
{
    fprintf(stderr, "%s\n", text);
    return 2;
}

static bool parse_repeat(const char *text, uint32_t *out)
{
    uint32_t v = 0;
    for (const char *c = text; *c; c++) {
        if (*c < '0' || *c > '9' || v > REPEAT_MAX)
            return false;
        v = v * 10 + (uint32_t)(*c - '0');
    }
    *out = v;
    return v > 0 && v <= REPEAT_MAX;
}

static bool is_one_of(const char *word, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(word, *words) == 0)
            return true;
    return false;
}

static int check_datapath(struct render_args *args)
{
    static const char *const types[] = {"auto", "system", "netdev", "hns", NULL};
    if (args->datapath && !is_one_of(args->datapath, types))
        return usage_error("--datapath-type: must be auto, system, netdev or hns");
    args->acl = args->datapath && strcmp(args->datapath, "hns") == 0;
    if (args->hns_version && !args->acl)
        return usage_error("--hns-version: only with --datapath-type hns");
    if (feature_version_parse(args->hns_version ? args->hns_version : ACL_DEFAULT_VERSION,
                              &args->hns, NULL))
        return usage_error("--hns-version: must be like 11.10");
    if (!feature_is_in(FEATURE_ACL, &args->hns) || !feature_is_in(FEATURE_V2_API, &args->hns))
        return usage_error("--hns-version: access lists need 9.2 or newer");
    return 0;
}

static int check_args(struct render_args *args)
{
    if (!args->objects)
        return usage_error("--objects: must be given");
    if (!args->node_name || !*args->node_name)
        return usage_error("--node-name: must be given");
    if (args->platform && strcmp(args->platform, "linux") && strcmp(args->platform, "windows"))
        return usage_error("--platform: must be linux or windows");
    return check_datapath(args);
}

/* A flag, and where its value goes. */
struct render_flag {
    const char *name, **value;
};

static const char **value_of(const struct render_flag *flags, const char *name, size_t n)
{
    for (; flags->name; flags++)
        if (strlen(flags->name) == n && !strncmp(flags->name, name, n))
            return flags->value;
    return NULL;
}

/* Reads "--NAME VALUE" and "--NAME=VALUE", as the agent's own flags are read.  0, or 2: told. */
static int read_flags(const struct render_flag *flags, char **argv, const char **help)
{
    for (; *argv && !*help; argv++) {
        const char *arg = *argv;
        size_t n = strcspn(arg, "=");
        const char **value = value_of(flags, arg, n);
        if (!strcmp(arg, "--help") || !strcmp(arg, "-h")) {
            *help = arg;
        } else if (strncmp(arg, "--", 2) || !value) {
            bool flag = !strncmp(arg, "--", 2);
            fprintf(stderr,
                    flag ? "%.*s: no such flag (see --help)\n" : "%.*s: not a flag (see --help)\n",
                    (int)(flag ? n : strlen(arg)), arg);
            return 2;
        } else if (arg[n] == '=') {
            *value = arg + n + 1;
        } else if (!*++argv) {
            fprintf(stderr, "%s: needs a value\n", arg);
            return 2;
        } else {
            *value = *argv;
        }
    }
    return 0;
}

int render_main(int argc, char **argv)
{
    struct render_args args = {.repeat = 1};
    const char *help = NULL, *repeat = NULL;
    const struct render_flag flags[] = {{"--objects", &args.objects},
                                        {"--node-name", &args.node_name},
                                        {"--attachments", &args.attachments},
                                        {"--platform", &args.platform},
                                        {"--repeat", &repeat},
                                        {"--datapath-type", &args.datapath},
                                        {"--hns-version", &args.hns_version},
                                        {NULL, NULL}};
    int rc = argc > 0 ? read_flags(flags, argv + 1, &help) : 0;
    if (help)
        return output_put("render", usage, strlen(usage));
    args.said_repeat = repeat != NULL;
    if (!rc && repeat && !parse_repeat(repeat, &args.repeat))
        return usage_error("--repeat: must be a number from 1 to 100000");
    rc = rc ? rc : check_args(&args);
    return rc ? rc : render_run(&args);
}
