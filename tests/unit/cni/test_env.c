/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cni/env.h"

static struct cni_env mk_env(const char *command)
{
    return (struct cni_env){command, "c1", "/run/netns/x", "eth0", ""};
}

static void each_verb_asks_for_its_variables(void **state)
{
    (void)state;
    /* verb; fails without container id, without netns, without ifname */
    static const struct {
        const char *verb;
        bool container, netns, ifname;
    } cases[] = {
        {"ADD", true, true, true},       {"DEL", true, false, true},
        {"CHECK", true, true, true},     {"GC", false, false, false},
        {"STATUS", false, false, false}, {"VERSION", false, false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct cni_error e;
        struct cni_env env = mk_env(cases[i].verb);
        assert_int_equal(cni_env_check(&env, &e), 0);
        env.container_id = "";
        assert_int_equal(cni_env_check(&env, &e), cases[i].container ? 4 : 0);
        env = mk_env(cases[i].verb);
        env.netns = "";
        assert_int_equal(cni_env_check(&env, &e), cases[i].netns ? 4 : 0);
        env = mk_env(cases[i].verb);
        env.ifname = "";
        assert_int_equal(cni_env_check(&env, &e), cases[i].ifname ? 4 : 0);
    }
}

static void unknown_verb_is_an_error(void **state)
{
    (void)state;
    static const char *const verbs[] = {"", "add", "ADD ", "UPDATE"};
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        struct cni_error e;
        struct cni_env env = mk_env(verbs[i]);
        assert_int_equal(cni_env_check(&env, &e), CNI_INVALID_ENVIRONMENT);
        assert_non_null(strstr(e.msg, "CNI_COMMAND"));
    }
}

static void names_follow_the_specification(void **state)
{
    (void)state;
    assert_true(cni_is_name("a"));
    assert_true(cni_is_name("0a.b_c-D"));
    assert_false(cni_is_name(""));
    assert_false(cni_is_name("-a"));
    assert_false(cni_is_name("_a"));
    assert_false(cni_is_name("a/b"));
    assert_false(cni_is_name("a b"));
    assert_true(cni_is_ifname("eth0"));
    assert_true(cni_is_ifname("fifteen-letters"));
    assert_false(cni_is_ifname("sixteen-letters-"));
    assert_false(cni_is_ifname(""));
    assert_false(cni_is_ifname("."));
    assert_false(cni_is_ifname(".."));
    assert_false(cni_is_ifname("a/b"));
    assert_false(cni_is_ifname("a:b"));
    assert_false(cni_is_ifname("a b"));
}

static void verbs_came_with_their_versions(void **state)
{
    (void)state;
    static const struct {
        const char *version;
        bool check, gc;
    } cases[] = {{"0.3.0", false, false},
                 {"0.3.1", false, false},
                 {"0.4.0", true, false},
                 {"1.0.0", true, false},
                 {"1.1.0", true, true}};
    assert_int_equal(cni_n_versions, ARRAY_LEN(cases));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct cni_version *v = cni_version_find(cases[i].version);
        assert_non_null(v);
        assert_true(cni_version_has(v, CNI_ADD) && cni_version_has(v, CNI_DEL));
        assert_int_equal(cni_version_has(v, CNI_CHECK), cases[i].check);
        assert_int_equal(cni_version_has(v, CNI_GC), cases[i].gc);
        assert_int_equal(cni_version_has(v, CNI_STATUS), cases[i].gc);
    }
    assert_null(cni_version_find("0.2.0"));
    assert_null(cni_version_find("1.2.0"));
    assert_null(cni_version_find(""));
    assert_string_equal(cni_version_newest()->name, "1.1.0");
}

static void version_lists_what_is_spoken(void **state)
{
    (void)state;
    auto_sbuf out = SBUF_INIT;
    cni_version_format("0.4.0", &out);
    assert_string_equal(out.data, "{\"cniVersion\":\"0.4.0\",\"supportedVersions\":[\"0.3.0\","
                                  "\"0.3.1\",\"0.4.0\",\"1.0.0\",\"1.1.0\"]}\n");
}

static void error_is_one_json_line(void **state)
{
    (void)state;
    auto_sbuf out = SBUF_INIT;
    struct cni_error e;
    struct err cause = {0};
    err_set(&cause, ERR_IO, "the \"cause\"");
    assert_int_equal(cni_error_cause(&e, CNI_TRY_AGAIN, &cause, "two\nlines %d", 7), 11);
    cni_error_format(&e, "1.0.0", &out);
    assert_string_equal(out.data, "{\"cniVersion\":\"1.0.0\",\"code\":11,\"msg\":\"two lines 7\","
                                  "\"details\":\"the \\\"cause\\\"\"}\n");
}

static void error_without_cause_tells_its_meaning(void **state)
{
    (void)state;
    struct cni_error e;
    assert_int_equal(cni_error_set(&e, CNI_NOT_ATTACHED, "x"), 100);
    assert_string_equal(e.details, cni_code_meaning(100));
    assert_true(strlen(e.details) > 0);
    assert_string_equal(cni_code_meaning(99), "");
    struct err silent = {0};
    cni_error_cause(&e, CNI_IO_FAILURE, &silent, "y");
    assert_string_equal(e.details, cni_code_meaning(5));
}

static void request_quotes_what_it_carries(void **state)
{
    (void)state;
    auto_sbuf out = SBUF_INIT;
    struct cni_env env = mk_env("ADD");
    env.args = "A=\"b\"";
    cni_env_format(&env, "{\"name\":\"n\"}", &out);
    assert_string_equal(out.data,
                        "{\"command\":\"ADD\",\"containerID\":\"c1\",\"netns\":\"/run/netns/x\","
                        "\"ifname\":\"eth0\",\"args\":\"A=\\\"b\\\"\","
                        "\"config\":\"{\\\"name\\\":\\\"n\\\"}\"}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_verb_asks_for_its_variables),
        cmocka_unit_test(unknown_verb_is_an_error),
        cmocka_unit_test(names_follow_the_specification),
        cmocka_unit_test(verbs_came_with_their_versions),
        cmocka_unit_test(version_lists_what_is_spoken),
        cmocka_unit_test(error_is_one_json_line),
        cmocka_unit_test(error_without_cause_tells_its_meaning),
        cmocka_unit_test(request_quotes_what_it_carries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
