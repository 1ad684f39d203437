/* SPDX-License-Identifier: Apache-2.0
 *
 * kubeconfig files: what is taken, and what is refused at which line. */
#include "tests/unit/k8s/k8s_test.h"

#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/sbuf.h"
#include "core/k8s/kubeconfig.h"

#define FILE_NAME "/etc/kubernetes/admin.conf"

static const char typical[] = "apiVersion: v1\n"
                              "kind: Config\n"
                              "preferences: {}\n"
                              "current-context: main\n"
                              "clusters:\n"
                              "- name: other\n"
                              "  cluster: {server: \"ftp://nowhere\", proxy-url: \"http://p\"}\n"
                              "- name: prod\n"
                              "  cluster:\n"
                              "    server: https://10.0.0.1:6443\n"
                              "    certificate-authority-data: LS0tCkNBCi0tLQo=\n"
                              "    tls-server-name: kubernetes\n"
                              "contexts:\n"
                              "- name: main\n"
                              "  context: {cluster: prod, user: me, namespace: apps}\n"
                              "- name: bare\n"
                              "  context: {cluster: prod}\n"
                              "- name: robot\n"
                              "  context: {cluster: prod, user: robot}\n"
                              "users:\n"
                              "- name: me\n"
                              "  user:\n"
                              "    client-certificate: pki/me.crt\n"
                              "    client-key: /secret/me.key\n"
                              "- name: robot\n"
                              "  user:\n"
                              "    token: abc\n"
                              "    tokenFile: ../token\n"
                              "- name: cloud\n"
                              "  user: {exec: {command: aws}}\n";

static void decode_as(const char *file, const char *text, const char *context,
                      struct kubeconfig *out)
{
    struct err err = {0};
    if (kubeconfig_decode(file, text, strlen(text), context, out, &err) != 0)
        fail_msg("%s", err.text);
}

static void the_current_context_is_taken(void **state)
{
    (void)state;
    struct kubeconfig k;
    decode_as(FILE_NAME, typical, NULL, &k);
    assert_string_equal(k.server, "https://10.0.0.1:6443");
    assert_string_equal(k.name_space, "apps");
    assert_string_equal(k.tls_server_name, "kubernetes");
    assert_string_equal(k.ca.text, "---\nCA\n---\n");
    assert_null(k.ca.file);
    assert_string_equal(k.cert.file, "/etc/kubernetes/pki/me.crt");
    assert_string_equal(k.key.file, "/secret/me.key");
    assert_null(k.token);
    assert_null(k.token_file);
    assert_false(k.insecure);
    assert_false(k.disable_compression);
    kubeconfig_done(&k);
}

static void another_context_may_be_asked_for(void **state)
{
    (void)state;
    struct kubeconfig k;
    decode_as(FILE_NAME, typical, "bare", &k);
    assert_string_equal(k.name_space, "default");
    assert_null(k.cert.file);
    kubeconfig_done(&k);
    decode_as("conf", typical, "robot", &k);
    assert_string_equal(k.token, "abc");
    assert_string_equal(k.token_file, "../token"); /* beside "conf" */
    kubeconfig_done(&k);
}

static void files_are_beside_the_configuration(void **state)
{
    (void)state;
    static const struct {
        const char *conf, *named, *meant;
    } cases[] = {
        {"conf", "ca", "ca"},
        {"a/conf", "ca", "a/ca"},
        {"/a/conf", "../ca", "/a/../ca"},
        {"/a/conf", "/ca", "/ca"},
        {"C:\\ProgramData\\seine\\conf", "ca.crt", "C:\\ProgramData\\seine\\ca.crt"},
        {"C:/x/conf", "D:\\\\ca.crt", "D:\\ca.crt"},
        {"C:\\x\\conf", "\\\\\\\\host\\\\ca.crt", "\\\\host\\ca.crt"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct kubeconfig k;
        auto_sbuf text = SBUF_INIT;
        sbuf_printf(&text,
                    "{\"current-context\":\"a\",\"contexts\":[{\"name\":\"a\",\"context\":"
                    "{\"cluster\":\"c\"}}],\"clusters\":[{\"name\":\"c\",\"cluster\":"
                    "{\"server\":\"https://a\",\"certificate-authority\":\"%s\"}}]}",
                    cases[i].named);
        decode_as(cases[i].conf, text.data, NULL, &k);
        assert_string_equal(k.ca.file, cases[i].meant);
        kubeconfig_done(&k);
    }
}

/* 'cluster' and 'user' are the members of both, on lines 6 and 8. */
static int decode_parts(const char *cluster, const char *user, struct kubeconfig *out,
                        struct err *err)
{
    auto_sbuf text = SBUF_INIT;
    sbuf_printf(&text,
                "current-context: a\n"
                "contexts:\n"
                "- {name: a, context: {cluster: c, user: u}}\n"
                "clusters:\n"
                "- name: c\n"
                "  cluster: {%s}\n"
                "users:\n"
                "- {name: u, user: {%s}}\n",
                cluster, user);
    return kubeconfig_decode("F", text.data, text.len, NULL, out, err);
}

#define SERVER "server: https://a"

static void what_is_not_supported_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *cluster, *user;
        int code;
        const char *text;
    } cases[] = {
        {SERVER ", proxy-url: http://p", "", ERR_UNSUPPORTED,
         "F:6: clusters[0].cluster.proxy-url: proxies are not supported"},
        {SERVER, "exec: {command: x}", ERR_UNSUPPORTED,
         "F:8: users[0].user.exec: exec plugins are not supported"},
        {SERVER, "auth-provider: {name: gcp}", ERR_UNSUPPORTED,
         "F:8: users[0].user.auth-provider: auth providers are not supported"},
        {SERVER, "username: me", ERR_UNSUPPORTED, "F:8: users[0].user.username: "},
        {SERVER, "password: x", ERR_UNSUPPORTED, "F:8: users[0].user.password: "},
        {SERVER, "as: root", ERR_UNSUPPORTED, "F:8: users[0].user.as: "},
        {SERVER, "as-groups: [a]", ERR_UNSUPPORTED, "F:8: users[0].user.as-groups: "},
        {SERVER, "client-key: x", ERR_INVALID,
         "F:8: users[0].user: client-certificate and client-key go together"},
        {SERVER, "client-certificate-data: LQ==", ERR_INVALID,
         "F:8: users[0].user: client-certificate and client-key go together"},
        {SERVER ", insecure-skip-tls-verify: true, certificate-authority: x", "", ERR_INVALID,
         "F:6: clusters[0].cluster.insecure-skip-tls-verify: contradicts"},
        {"", "", ERR_INVALID, "F:6: clusters[0].cluster.server: is required"},
        {"server: a:6443", "", ERR_INVALID, "F:6: clusters[0].cluster.server: must begin with"},
        {"server: 5", "", ERR_INVALID, "F:6: clusters[0].cluster.server: must be a string"},
        {SERVER ", certificate-authority-data: a*b=", "", ERR_INVALID,
         "F:6: clusters[0].cluster.certificate-authority-data: is not text in base64"},
        {SERVER, "token: [x]", ERR_INVALID, "F:8: users[0].user.token: must be a string"},
        {SERVER, "token: \"a\\r\\nx: b\"", ERR_INVALID,
         "F:8: users[0].user.token: holds a character that no token has"},
        {SERVER, "token: a b", ERR_INVALID, "F:8: users[0].user.token: holds a character"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct kubeconfig k;
        struct err err = {0};
        assert_int_equal(decode_parts(cases[i].cluster, cases[i].user, &k, &err), cases[i].code);
        assert_int_equal(err.code, cases[i].code);
        if (strncmp(err.text, cases[i].text, strlen(cases[i].text)) != 0)
            fail_msg("%s", err.text);
    }
}

static void what_is_empty_is_not_there(void **state)
{
    (void)state;
    struct kubeconfig k;
    struct err err = {0};
    if (decode_parts(SERVER ", proxy-url: \"\", tls-server-name: \"\", certificate-authority: \"\"",
                     "exec: null, username: \"\", as: \"\", client-key: \"\"", &k, &err) != 0)
        fail_msg("%s", err.text);
    assert_null(k.tls_server_name);
    assert_null(k.ca.file);
    assert_null(k.key.file);
    kubeconfig_done(&k);
}

static void no_credential_is_given_without_tls(void **state)
{
    (void)state;
    struct kubeconfig k;
    struct err err = {0};
    assert_int_equal(decode_parts("server: http://a:8080, disable-compression: true",
                                  "token: secret, client-key: x", &k, &err),
                     0);
    assert_null(k.token);
    assert_null(k.key.file);
    assert_true(k.disable_compression);
    kubeconfig_done(&k);
    assert_int_equal(decode_parts(SERVER ", insecure-skip-tls-verify: true", "token: t", &k, &err),
                     0);
    assert_true(k.insecure);
    assert_string_equal(k.token, "t");
    kubeconfig_done(&k);
}

static void base64_is_read_exactly(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out; /* NULL: refused */
    } cases[] = {
        {"YQ==", "a"},        {"YWI=", "ab"},           {"YWJj", "abc"},
        {"YWJjZA==", "abcd"}, {"Y\\nWJ\\r\\nj", "abc"}, {"YQ", NULL},
        {"YQ=", NULL},        {"YQ===", NULL},          {"Y", NULL},
        {"=YQ=", NULL},       {"YQ==YQ==", NULL},       {"YW Jj", NULL},
        {"AAAA", NULL},       {"YWJj=", NULL},          {"+/+/", "\xfb\xff\xbf"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct kubeconfig k;
        struct err err = {0};
        char cluster[128];
        snprintf(cluster, sizeof cluster, SERVER ", certificate-authority-data: \"%s\"",
                 cases[i].in);
        int rc = decode_parts(cluster, "", &k, &err);
        if ((rc == 0) != (cases[i].out != NULL))
            fail_msg("%s: %s", cases[i].in, err.text);
        if (rc == 0) {
            assert_string_equal(k.ca.text, cases[i].out);
            kubeconfig_done(&k);
        }
    }
}

static void what_is_missing_is_said_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *context, *error;
    } cases[] = {
        {"", NULL, "F:1: is empty"},
        {"# nothing\n", NULL, "F:1: is empty"},
        {"[]", NULL, "F:1: must be a map"},
        {"kind: Pod", NULL, "F:1: kind: must be Config"},
        {"\napiVersion: v2", NULL, "F:2: apiVersion: must be v1"},
        {"kind: Config\n", NULL, "F:1: current-context: is required"},
        {"current-context: x\n", NULL, "F:1: contexts: none is named \"x\""},
        {"current-context: x\ncontexts: []\n", NULL, "F:2: contexts: none is named \"x\""},
        {"contexts: [{name: z}]", "z", "F:1: contexts[0].context: cluster: is required"},
        {"contexts:\n- name: z\n- name: z\n", "z", "F:3: contexts[1]: a second one named \"z\""},
        {"contexts:\n- name: z\n  context: {cluster: c}", "z",
         "F:1: clusters: none is named \"c\""},
        {"contexts:\n- name: z\n  context: {cluster: c, user: u}\nclusters:\n- name: c\n"
         "  cluster: {server: https://a}\n",
         "z", "F:1: users: none is named \"u\""},
        {"contexts:\n- 5\n", "z", "F:2: contexts[0]: must be a map"},
        {"contexts: {}", "z", "F:1: contexts: must be a list"},
        {"a: b\n  c: d\n", NULL, "F:2: "},
        {"{\"a\": \n\n]", NULL, "F:3: "},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct kubeconfig k;
        struct err err = {0};
        assert_int_equal(kubeconfig_decode("F", cases[i].text, strlen(cases[i].text),
                                           cases[i].context, &k, &err),
                         ERR_INVALID);
        if (strncmp(err.text, cases[i].error, strlen(cases[i].error)) != 0)
            fail_msg("%zu: %s", i, err.text);
        assert_null(k.server);
    }
}

/* Whatever of it is there, it is taken or refused, and nothing is left behind. */
static void every_cut_is_taken_or_refused(void **state)
{
    (void)state;
    size_t taken = 0;
    for (size_t n = 0; n <= sizeof typical - 1; n++) {
        struct kubeconfig k;
        struct err err = {0};
        auto_free char *text = mem_dup(typical, n + 1); /* of its very size */
        int rc = kubeconfig_decode("F", text, n, NULL, &k, &err);
        assert_true(rc == 0 || strncmp(err.text, "F:", 2) == 0);
        taken += rc == 0;
        if (rc == 0)
            kubeconfig_done(&k);
    }
    assert_true(taken > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_current_context_is_taken),
        cmocka_unit_test(another_context_may_be_asked_for),
        cmocka_unit_test(files_are_beside_the_configuration),
        cmocka_unit_test(what_is_not_supported_is_named),
        cmocka_unit_test(what_is_empty_is_not_there),
        cmocka_unit_test(no_credential_is_given_without_tls),
        cmocka_unit_test(base64_is_read_exactly),
        cmocka_unit_test(what_is_missing_is_said_with_its_line),
        cmocka_unit_test(every_cut_is_taken_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
