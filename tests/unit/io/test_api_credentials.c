/* SPDX-License-Identifier: Apache-2.0
 *
 * Credentials as files give them, and what a server then sees of them: tokens that rotate,
 * authorities that change, client certificates. */
#include "tests/unit/io/http_world.h"

#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/io/api_credentials.h"
#include "platform/ipc.h"
#include "tests/support/os.h"

static char account[128]; /* the service account's folder */
static struct api_credentials *credentials;

static void put(const char *name, const char *text)
{
    char path[192];
    snprintf(path, sizeof path, "%s/%s", account, name);
    assert_int_equal(file_write_atomic(path, text, strlen(text), NULL), 0);
}

/* A copy of one of the world's certificates. */
static void put_copy(const char *name, const char *from)
{
    char *text;
    size_t n;
    assert_int_equal(file_read(from, 65536, &text, &n, NULL), 0);
    put(name, text);
    mem_free(text);
}

static int account_setup(void **state)
{
    setup(state);
    assert_int_equal(os_temp_dir(account, sizeof account), 0);
    os_set_variable("KUBERNETES_SERVICE_HOST", NULL);
    os_set_variable("KUBERNETES_SERVICE_PORT", NULL);
    return 0;
}

static int account_teardown(void **state)
{
    struct world *w = *state;
    http_client_free(w->client);
    w->client = NULL;
    api_credentials_free(credentials);
    credentials = NULL;
    os_remove_tree(account);
    os_set_variable("KUBERNETES_SERVICE_HOST", NULL);
    os_set_variable("KUBERNETES_SERVICE_PORT", NULL);
    return teardown(state);
}

static void open_credentials(struct world *w, const struct api_credentials_config *config)
{
    struct err err = {0};
    if (api_credentials_new(w->loop, config, &credentials, &err) != 0)
        fail_msg("%s", err.text);
    struct http_client_config client = {0};
    api_credentials_use(credentials, &client);
    start_client(w, &client);
}

static void expect_refused(struct world *w, const struct api_credentials_config *config, int code,
                           const char *text)
{
    struct err err = {0};
    if (api_credentials_new(w->loop, config, &credentials, &err) != code)
        fail_msg("%s", err.text);
    credentials = NULL;
    if (!strstr(err.text, text))
        fail_msg("%s", err.text);
}

/* A Pod's surroundings, of the world's server. */
static void be_in_a_pod(struct world *w)
{
    char port[8];
    start_server_at(w, 0);
    snprintf(port, sizeof port, "%u", w->server.port);
    os_set_variable("KUBERNETES_SERVICE_HOST", "127.0.0.1");
    os_set_variable("KUBERNETES_SERVICE_PORT", port);
    put_copy("ca.crt", w->ca);
    put("token", "first\n");
}

static void only_the_second_token_is_good(struct world *w, struct h2_exchange *x)
{
    (void)w;
    h2_answer(x, strcmp(x->token, "Bearer second") == 0 ? 200 : 401, "");
}

static void a_token_that_was_refused_is_read_again(void **state)
{
    struct world *w = *state;
    be_in_a_pod(w);
    w->on_request = only_the_second_token_is_good;
    open_credentials(w, &(struct api_credentials_config){.account_dir = account});
    assert_string_equal(api_credentials_server(credentials), w->url);
    assert_null(api_credentials_warning(credentials));
    expect_whole(get(w, 0, "/a"), 401, "");
    assert_string_equal(w->requests[0]->token, "Bearer first");
    put("token", "second");
    expect_whole(get(w, 1, "/b"), 200, "");
    put("token", "third"); /* not looked at: the second was not refused, a minute has not passed */
    expect_whole(get(w, 2, "/c"), 200, "");
}

static void a_token_that_cannot_be_read_stays_as_it_was(void **state)
{
    struct world *w = *state;
    be_in_a_pod(w);
    w->on_request = only_the_second_token_is_good;
    open_credentials(w, &(struct api_credentials_config){.account_dir = account});
    expect_whole(get(w, 0, "/a"), 401, "");
    put("token", "two words");
    expect_whole(get(w, 1, "/b"), 401, "");
    assert_string_equal(w->requests[1]->token, "Bearer first");
    assert_non_null(strstr(api_credentials_trouble(credentials), "token: holds no token"));
    put("token", "");
    expect_whole(get(w, 2, "/b"), 401, "");
    put("token", "sec\001ond");
    expect_whole(get(w, 3, "/b"), 401, "");
    put("token", "second\r\n");
    expect_whole(get(w, 4, "/c"), 200, "");
    assert_string_equal(api_credentials_trouble(credentials), "");
}

static void an_authority_that_changed_is_read_again(void **state)
{
    struct world *w = *state;
    be_in_a_pod(w);
    put_copy("ca.crt", w->other_ca);
    open_credentials(w, &(struct api_credentials_config){.account_dir = account});
    expect_end(get(w, 0, "/a"), ERR_PERMISSION);
    put_copy("ca.crt", w->ca);
    expect_whole(get(w, 1, "/b"), 200, "hello");
    assert_string_equal(w->requests[0]->token, "Bearer first");
}

/* A kubeconfig of the world's server; 'user' is its user's members. */
static void put_kubeconfig(struct world *w, const char *cluster, const char *user)
{
    auto_sbuf text = SBUF_INIT;
    sbuf_printf(&text,
                "current-context: a\n"
                "contexts: [{name: a, context: {cluster: c, user: u}}]\n"
                "clusters: [{name: c, cluster: {server: \"%s\", %s}}]\n"
                "users: [{name: u, user: {%s}}]\n",
                w->url, cluster, user);
    put("config", sbuf_cstr(&text));
}

/* As client programs of clusters take it: what is named an authority is one. */
static void the_servers_own_certificate_may_be_the_authority(void **state)
{
    struct world *w = *state;
    be_in_a_pod(w);
    put_copy("ca.crt", w->cert);
    open_credentials(w, &(struct api_credentials_config){.account_dir = account});
    expect_whole(get(w, 0, "/a"), 200, "hello");
}

/* Certificate and key in one file, as kubelet keeps its own, with lines between that are neither.
 */
static void a_file_may_hold_certificate_and_key(void **state)
{
    struct world *w = *state;
    char path[192], *cert, *key;
    size_t n;
    auto_sbuf both = SBUF_INIT;
    w->tls.client_certificate_optional = false;
    start_server_at(w, 0);
    assert_int_equal(file_read(w->cert, 65536, &cert, &n, NULL), 0);
    assert_int_equal(file_read(w->key, 65536, &key, &n, NULL), 0);
    sbuf_printf(&both, "of node n1\n%s\n%s", cert, key);
    put("both.pem", both.data);
    mem_free(cert);
    mem_free(key);
    put_copy("ca.crt", w->ca);
    put_kubeconfig(w, "certificate-authority: ca.crt",
                   "client-certificate: both.pem, client-key: both.pem");
    snprintf(path, sizeof path, "%s/config", account);
    open_credentials(w, &(struct api_credentials_config){.kubeconfig = path});
    expect_whole(get(w, 0, "/a"), 200, "hello");
}

static void a_given_address_goes_before_the_pods_own(void **state)
{
    struct world *w = *state;
    be_in_a_pod(w);
    os_set_variable("KUBERNETES_SERVICE_HOST", "192.0.2.1");
    struct api_credentials_config config = {.account_dir = account, .api_server = w->url};
    open_credentials(w, &config);
    expect_whole(get(w, 0, "/a"), 200, "hello");
    assert_string_equal(w->requests[0]->token, "Bearer first");
}

static void an_ipv6_address_gets_brackets(void **state)
{
    struct world *w = *state;
    be_in_a_pod(w);
    os_set_variable("KUBERNETES_SERVICE_HOST", "fd00::1");
    os_set_variable("KUBERNETES_SERVICE_PORT", "443");
    open_credentials(w, &(struct api_credentials_config){.account_dir = account});
    assert_string_equal(api_credentials_server(credentials), "https://[fd00::1]:443");
}

static void a_kubeconfig_gives_all(void **state)
{
    struct world *w = *state;
    char path[192];
    w->tls.client_certificate_optional = false;
    start_server_at(w, 0);
    put_copy("ca.crt", w->ca);
    put_copy("me.crt", w->cert);
    put_copy("me.key", w->key);
    put_kubeconfig(w, "certificate-authority: ca.crt, tls-server-name: localhost",
                   "client-certificate: me.crt, client-key: me.key, token: abc");
    snprintf(path, sizeof path, "%s/config", account);
    open_credentials(w, &(struct api_credentials_config){.kubeconfig = path});
    expect_whole(get(w, 0, "/a"), 200, "hello");
    assert_string_equal(w->requests[0]->token, "Bearer abc");
    assert_string_equal(w->requests[0]->encoding, "gzip");
}

static void a_server_that_wants_a_certificate_gets_none(void **state)
{
    struct world *w = *state;
    char path[192];
    w->tls.client_certificate_optional = false;
    start_server_at(w, 0);
    put_copy("ca.crt", w->ca);
    put_kubeconfig(w, "certificate-authority: ca.crt", "token: abc");
    snprintf(path, sizeof path, "%s/config", account);
    open_credentials(w, &(struct api_credentials_config){.kubeconfig = path});
    struct heard *h = get(w, 0, "/a");
    RUN_UNTIL(w, h->n_ends == 1);
    assert_true(h->code == ERR_PROTOCOL || h->code == ERR_CLOSED || h->code == ERR_IO);
}

static void verification_may_be_given_up_with_a_warning(void **state)
{
    struct world *w = *state;
    char path[192];
    start_server_at(w, 0);
    put_kubeconfig(w, "insecure-skip-tls-verify: true, disable-compression: true", "token: abc");
    snprintf(path, sizeof path, "%s/config", account);
    open_credentials(w, &(struct api_credentials_config){.kubeconfig = path});
    assert_non_null(strstr(api_credentials_warning(credentials), "not verified"));
    expect_whole(get(w, 0, "/a"), 200, "hello");
    assert_string_equal(w->requests[0]->encoding, "");
}

static void the_systems_authorities_do_not_know_us(void **state)
{
    struct world *w = *state;
    char path[192];
    start_server_at(w, 0);
    put_kubeconfig(w, "tls-server-name: localhost", "token: abc");
    snprintf(path, sizeof path, "%s/config", account);
    open_credentials(w, &(struct api_credentials_config){.kubeconfig = path});
    expect_end(get(w, 0, "/a"), ERR_PERMISSION);
}

static void what_is_wrong_is_said_at_once(void **state)
{
    struct world *w = *state;
    char path[192];
    struct api_credentials_config pod = {.account_dir = account};
    struct api_credentials_config file = {.kubeconfig = path};
    snprintf(path, sizeof path, "%s/config", account);
    expect_refused(w, &pod, ERR_NOT_FOUND, "KUBERNETES_SERVICE_HOST");
    expect_refused(w, &file, ERR_NOT_FOUND, "config");
    be_in_a_pod(w);
    put("token", "");
    expect_refused(w, &pod, ERR_INVALID, "token: holds no token");
    snprintf(path, sizeof path, "%s/token", account);
    os_remove_file(path);
    expect_refused(w, &pod, ERR_NOT_FOUND, "token");
    snprintf(path, sizeof path, "%s/ca.crt", account);
    os_remove_file(path);
    expect_refused(w, &pod, ERR_NOT_FOUND, "ca.crt");
    os_set_variable("KUBERNETES_SERVICE_PORT", "0");
    expect_refused(w, &pod, ERR_INVALID, "https://127.0.0.1:0");
    pod.api_server = "http://127.0.0.1";
    expect_refused(w, &pod, ERR_INVALID, "https://");
    snprintf(path, sizeof path, "%s/config", account);
    put_kubeconfig(w, "insecure-skip-tls-verify: true", "exec: {command: x}");
    expect_refused(w, &file, ERR_UNSUPPORTED, "config:4: users[0].user.exec: exec plugins");
    file.context = "b";
    expect_refused(w, &file, ERR_INVALID, "config:2: contexts: none is named \"b\"");
}

static void what_cannot_be_used_is_said_at_once(void **state)
{
    struct world *w = *state;
    char path[192];
    struct api_credentials_config pod = {.account_dir = account};
    struct api_credentials_config file = {.kubeconfig = path};
    snprintf(path, sizeof path, "%s/config", account);
    be_in_a_pod(w);
    put("ca.crt", "nothing\n");
    expect_refused(w, &pod, ERR_INVALID, "ca.crt: no start line");
    put_kubeconfig(w, "certificate-authority: ca.crt", "token: abc");
    expect_refused(w, &file, ERR_INVALID, "/ca.crt: no start line");
    put_kubeconfig(w, "certificate-authority-data: LS0t", "token: abc");
    expect_refused(w, &file, ERR_INVALID, "/config: certificate authority: no start line");
    put_copy("me.crt", w->cert);
    put_copy("me.key", w->ca);
    put_kubeconfig(w, "insecure-skip-tls-verify: true",
                   "client-certificate: me.crt, client-key: me.key");
    expect_refused(w, &file, ERR_INVALID, "/me.key: ");
    put("config", "current-context: a\ncontexts: [{name: a, context: {cluster: c}}]\n"
                  "clusters: [{name: c, cluster: {server: \"https://a:99999\"}}]\n");
    expect_refused(w, &file, ERR_INVALID, "/config: \"https://a:99999\": not https://HOST");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, account_setup, account_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_token_that_was_refused_is_read_again),
        TEST(a_token_that_cannot_be_read_stays_as_it_was),
        TEST(an_authority_that_changed_is_read_again),
        TEST(the_servers_own_certificate_may_be_the_authority),
        TEST(a_file_may_hold_certificate_and_key),
        TEST(a_given_address_goes_before_the_pods_own),
        TEST(an_ipv6_address_gets_brackets),
        TEST(a_kubeconfig_gives_all),
        TEST(a_server_that_wants_a_certificate_gets_none),
        TEST(verification_may_be_given_up_with_a_warning),
        TEST(the_systems_authorities_do_not_know_us),
        TEST(what_is_wrong_is_said_at_once),
        TEST(what_cannot_be_used_is_said_at_once),
    };
    return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
