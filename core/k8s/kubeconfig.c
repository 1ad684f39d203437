/* SPDX-License-Identifier: Apache-2.0
 *
 * kubeconfig: see kubeconfig.h.  The file's lists of clusters, users and contexts are looked up by
 * name; what the chosen context does not use is not judged. */
#include "core/k8s/kubeconfig.h"

#include <stdint.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/sbuf.h"
#include "core/k8s/decode.h"
#include "core/k8s/document.h"

struct reading {
    struct decode decode;
    const char *file;
    struct kubeconfig *out;
    bool secure; /* https: credentials are looked at */
};

/* ---- values ---- */

/* An absent or empty string is none. */
static int read_string(struct reading *r, const struct field *up, const char *name,
                       const char **out)
{
    struct field f = field_member(up, name);
    const char *s = NULL;
    int rc = decode_string(&r->decode, &f, &s);
    if (rc == 0)
        *out = s && s[0] ? s : NULL;
    return rc;
}

static int copy_string(struct reading *r, const struct field *up, const char *name, char **out)
{
    const char *s;
    int rc = read_string(r, up, name, &s);
    if (rc == 0 && s)
        *out = mem_strdup(s);
    return rc;
}

static int unsupported(struct reading *r, const struct field *f, const char *why)
{
    decode_fail(&r->decode, f, "%s", why);
    if (r->decode.err)
        r->decode.err->code = ERR_UNSUPPORTED;
    return ERR_UNSUPPORTED;
}

static int base64_digit(char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : -1;
}

/* RFC 4648 section 4, line ends allowed anywhere.  False: it is not that, or holds a NUL. */
static bool base64_decode(const char *s, struct sbuf *out)
{
    uint32_t bits = 0;
    size_t n = 0, padding = 0;
    for (; *s; s++) {
        int digit = base64_digit(*s);
        if (*s == '\r' || *s == '\n')
            continue;
        if (*s != '=' && (digit < 0 || padding))
            return false;
        padding += *s == '=';
        if (*s == '=')
            continue;
        bits = bits << 6 | (uint32_t)digit;
        n++;
        if (n % 4 >= 2)
            sbuf_putc(out, (char)(bits >> (n % 4 == 2 ? 4 : 2)));
        else if (n % 4 == 0)
            sbuf_putc(out, (char)bits);
    }
    return n % 4 != 1 && padding == (4 - n % 4) % 4 && !memchr(sbuf_cstr(out), '\0', out->len);
}

static bool is_absolute(const char *name)
{
    bool drive = ((name[0] >= 'A' && name[0] <= 'Z') || (name[0] >= 'a' && name[0] <= 'z')) &&
                 name[1] == ':';
    return name[0] == '/' || name[0] == '\\' || drive;
}

/* The name of a file that the kubeconfig names, seen from where the agent runs. */
static char *beside(const char *file, const char *name)
{
    auto_sbuf path = SBUF_INIT;
    size_t n = strlen(file);
    while (n > 0 && file[n - 1] != '/' && file[n - 1] != '\\')
        n--;
    if (!is_absolute(name))
        sbuf_put(&path, file, n);
    sbuf_puts(&path, name);
    return sbuf_take(&path);
}

static int read_file_name(struct reading *r, const struct field *up, const char *name, char **out)
{
    const char *s;
    int rc = read_string(r, up, name, &s);
    if (rc == 0 && s)
        *out = beside(r->file, s);
    return rc;
}

/* NAME: a file; NAME-data: what would be in it, which counts if both are there. */
static int read_pem(struct reading *r, const struct field *up, const char *name, const char *data,
                    struct kubeconfig_pem *out)
{
    auto_sbuf text = SBUF_INIT;
    struct field f = field_member(up, data);
    const char *s;
    int rc = read_string(r, up, data, &s);
    if (rc < 0 || !s)
        return rc < 0 ? rc : read_file_name(r, up, name, &out->file);
    if (!base64_decode(s, &text))
        return decode_fail(&r->decode, &f, "is not text in base64");
    out->text = sbuf_take(&text);
    return 0;
}

static bool is_given(const struct kubeconfig_pem *p)
{
    return p->file || p->text;
}

/* ---- refusals ---- */

struct refusal {
    const char *name, *why;
};

/* Refuses the first of these members that is there and not empty. */
static int refuse(struct reading *r, const struct field *up, const struct refusal *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct field f = field_member(up, v[i].name);
        if (f.json && !(cJSON_IsString(f.json) && f.json->valuestring[0] == '\0'))
            return unsupported(r, &f, v[i].why);
    }
    return 0;
}

static const struct refusal cluster_refusals[] = {
    {"proxy-url", "proxies are not supported: give an address that is reached directly"},
};
static const struct refusal user_refusals[] = {
    {"exec", "exec plugins are not supported: give a token, a token file or a client certificate"},
    {"auth-provider", "auth providers are not supported: give a token, a token file or a client "
                      "certificate"},
    {"username", "user name and password are not supported: give a token or a client certificate"},
    {"password", "user name and password are not supported: give a token or a client certificate"},
    {"as", "acting as somebody else is not supported"},
    {"as-uid", "acting as somebody else is not supported"},
    {"as-groups", "acting as somebody else is not supported"},
    {"as-user-extra", "acting as somebody else is not supported"},
};

/* ---- the lists ---- */

/* LIST[i].MEMBER of the item whose name is 'name'.  'item' and 'out' chain up to 'list'. */
static int find(struct reading *r, const struct field *list, const char *name, struct field *item,
                struct field *out)
{
    const cJSON *json;
    size_t n, i = 0;
    char quoted[QUOTE_MAX];
    bool found = false;
    int rc = decode_list(&r->decode, list, &n);
    if (rc < 0)
        return rc;
    cJSON_ArrayForEach(json, list->json) {
        struct field at = field_item(list, json, i++);
        const char *s;
        rc = decode_object(&r->decode, &at);
        rc = rc < 0 ? rc : read_string(r, &at, "name", &s);
        if (rc < 0)
            return rc;
        if (!s || strcmp(s, name) != 0)
            continue;
        if (found)
            return decode_fail(&r->decode, &at, "a second one named %s",
                               decode_quote(name, quoted));
        found = true;
        *item = at;
    }
    if (!found)
        return decode_fail(&r->decode, list, "none is named %s", decode_quote(name, quoted));
    *out = field_member(item, out->name);
    return decode_object(&r->decode, out);
}

static int read_server(struct reading *r, const struct field *cluster)
{
    struct field f = field_member(cluster, "server");
    const char *s = NULL;
    int rc = read_string(r, cluster, "server", &s);
    if (rc < 0)
        return rc;
    if (!s)
        return decode_fail(&r->decode, &f, "is required");
    r->secure = strncmp(s, "https://", 8) == 0;
    if (!r->secure && strncmp(s, "http://", 7) != 0)
        return decode_fail(&r->decode, &f, "must begin with https:// or http://");
    r->out->server = mem_strdup(s);
    return 0;
}

static int read_cluster(struct reading *r, const struct field *cluster)
{
    struct kubeconfig *k = r->out;
    struct field insecure = field_member(cluster, "insecure-skip-tls-verify");
    struct field compression = field_member(cluster, "disable-compression");
    int rc = refuse(r, cluster, cluster_refusals, ARRAY_LEN(cluster_refusals));
    rc = rc < 0 ? rc : read_server(r, cluster);
    rc = rc < 0 ? rc : copy_string(r, cluster, "tls-server-name", &k->tls_server_name);
    rc = rc < 0 ? rc : decode_bool(&r->decode, &insecure, &k->insecure);
    rc = rc < 0 ? rc : decode_bool(&r->decode, &compression, &k->disable_compression);
    rc = rc < 0
             ? rc
             : read_pem(r, cluster, "certificate-authority", "certificate-authority-data", &k->ca);
    if (rc == 0 && k->insecure && is_given(&k->ca))
        return decode_fail(&r->decode, &insecure,
                           "contradicts the certificate authority beside it");
    return rc;
}

/* What goes into a header is one word that can be printed. */
static int check_token(struct reading *r, const struct field *user)
{
    struct field f = field_member(user, "token");
    for (const char *s = r->out->token; s && *s; s++)
        if (*s <= 0x20 || *s >= 0x7f)
            return decode_fail(&r->decode, &f, "holds a character that no token has");
    return 0;
}

static int read_user(struct reading *r, const struct field *user)
{
    struct kubeconfig *k = r->out;
    int rc = refuse(r, user, user_refusals, ARRAY_LEN(user_refusals));
    if (rc < 0 || !r->secure)
        return rc;
    rc = copy_string(r, user, "token", &k->token);
    rc = rc < 0 ? rc : check_token(r, user);
    rc = rc < 0 ? rc : read_file_name(r, user, "tokenFile", &k->token_file);
    rc = rc < 0 ? rc : read_pem(r, user, "client-certificate", "client-certificate-data", &k->cert);
    rc = rc < 0 ? rc : read_pem(r, user, "client-key", "client-key-data", &k->key);
    if (rc == 0 && is_given(&k->cert) != is_given(&k->key))
        return decode_fail(&r->decode, user, "client-certificate and client-key go together");
    return rc;
}

/* ---- the file ---- */

static int expect_word(struct reading *r, const struct field *root, const char *name,
                       const char *word)
{
    struct field f = field_member(root, name);
    const char *s;
    int rc = read_string(r, root, name, &s);
    return rc < 0                      ? rc
           : s && strcmp(s, word) != 0 ? decode_fail(&r->decode, &f, "must be %s", word)
                                       : 0;
}

static int read_context(struct reading *r, const struct field *root, const char *name)
{
    struct field contexts = field_member(root, "contexts"), item, context = {.name = "context"};
    struct field clusters = field_member(root, "clusters"), a_cluster,
                 cluster = {.name = "cluster"};
    struct field users = field_member(root, "users"), a_user, user = {.name = "user"};
    const char *cluster_name = NULL, *user_name = NULL;
    int rc = find(r, &contexts, name, &item, &context);
    rc = rc < 0 ? rc : copy_string(r, &context, "namespace", &r->out->name_space);
    rc = rc < 0 ? rc : read_string(r, &context, "cluster", &cluster_name);
    rc = rc < 0 ? rc : read_string(r, &context, "user", &user_name);
    if (rc == 0 && !cluster_name)
        rc = decode_fail(&r->decode, &context, "cluster: is required");
    rc = rc < 0 ? rc : find(r, &clusters, cluster_name, &a_cluster, &cluster);
    rc = rc < 0 ? rc : read_cluster(r, &cluster);
    if (rc < 0 || !user_name)
        return rc;
    rc = find(r, &users, user_name, &a_user, &user);
    return rc < 0 ? rc : read_user(r, &user);
}

static int read_root(struct reading *r, const cJSON *json, const char *context)
{
    struct field root = {.json = json}, current = field_member(&root, "current-context");
    const char *name = NULL;
    int rc = decode_object(&r->decode, &root);
    rc = rc < 0 ? rc : expect_word(r, &root, "kind", "Config");
    rc = rc < 0 ? rc : expect_word(r, &root, "apiVersion", "v1");
    rc = rc < 0 ? rc : read_string(r, &root, "current-context", &name);
    if (rc < 0)
        return rc;
    name = context ? context : name;
    if (!name)
        return decode_fail(&r->decode, &current, "is required");
    rc = read_context(r, &root, name);
    if (rc == 0 && !r->out->name_space)
        r->out->name_space = mem_strdup("default");
    return rc;
}

/* The one document of the text; its reader's until the next call of that. */
static int parse(struct document_reader *reader, const cJSON **out, uint32_t *line, struct err *err)
{
    struct document d = {.line = 1};
    int more = document_next(reader, &d, line, err);
    *out = NULL;
    while (more == 1) {
        int rc = document_parse(reader, out, line, err);
        if (rc < 0 || *out)
            return rc;
        more = document_next(reader, &d, line, err); /* it was empty */
    }
    *line = more < 0 ? *line : 1;
    return more < 0 ? more : err_set(err, ERR_INVALID, "is empty");
}

int kubeconfig_decode(const char *file, const char *text, size_t len, const char *context,
                      struct kubeconfig *out, struct err *err)
{
    struct reading r = {.file = file, .out = out};
    struct err local;
    const cJSON *json = NULL;
    uint32_t line = 1;
    memset(out, 0, sizeof *out);
    err = err ? err : &local;
    decode_init(&r.decode, err);
    struct document_reader *reader = document_reader_new("", text, len);
    int rc = parse(reader, &json, &line, err);
    if (rc == 0) {
        rc = read_root(&r, json, context);
        line = document_line(reader, r.decode.where ? r.decode.where : json);
    }
    if (rc < 0) {
        kubeconfig_done(out);
        rc = err_wrap(err, "%s:%u", file, line);
    }
    document_reader_free(reader);
    decode_done(&r.decode);
    return rc;
}

static void pem_done(struct kubeconfig_pem *p)
{
    mem_free(p->file);
    mem_free(p->text);
}

void kubeconfig_done(struct kubeconfig *k)
{
    mem_free(k->server);
    mem_free(k->name_space);
    mem_free(k->tls_server_name);
    pem_done(&k->ca);
    pem_done(&k->cert);
    pem_done(&k->key);
    mem_free(k->token);
    mem_free(k->token_file);
    memset(k, 0, sizeof *k);
}
