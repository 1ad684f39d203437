/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/k8s/k8s_test.h"

#include <stdbool.h>
#include <string.h>

#include "core/k8s/names.h"

typedef const char *problem_fn(const char *s);
struct row {
    problem_fn *problem;
    const char *text;
    bool good;
};
#define A31 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A63 A31 A31 "a"

static void names_are_taken_or_refused_as_the_api_server_does(void **state)
{
    static const struct row rows[] = {
        {name_dns_label_problem, "a", true},
        {name_dns_label_problem, "a-b0", true},
        {name_dns_label_problem, "0a", true},
        {name_dns_label_problem, A63, true},
        {name_dns_label_problem, A63 "a", false},
        {name_dns_label_problem, "", false},
        {name_dns_label_problem, "A", false},
        {name_dns_label_problem, "-a", false},
        {name_dns_label_problem, "a-", false},
        {name_dns_label_problem, "a.b", false},
        {name_dns_label_problem, "a b", false},
        {name_dns_subdomain_problem, "a.b-c.d0", true},
        {name_dns_subdomain_problem, A63 "." A63 "." A63 "." A31, true},
        {name_dns_subdomain_problem, A63 "." A63 "." A63 "." A63, false},
        {name_dns_subdomain_problem, "a..b", false},
        {name_dns_subdomain_problem, ".a", false},
        {name_dns_subdomain_problem, "a.", false},
        {name_dns_subdomain_problem, "a_b", false},
        {name_label_key_problem, "app", true},
        {name_label_key_problem, "App_1.x-y", true},
        {name_label_key_problem, "kubernetes.io/metadata.name", true},
        {name_label_key_problem, A63, true},
        {name_label_key_problem, "a.b/" A63, true},
        {name_label_key_problem, A63 "a", false},
        {name_label_key_problem, "", false},
        {name_label_key_problem, "/a", false},
        {name_label_key_problem, "a/", false},
        {name_label_key_problem, "a/b/c", false},
        {name_label_key_problem, "A.b/c", false},
        {name_label_key_problem, "-a", false},
        {name_label_key_problem, "a b", false},
        {name_label_value_problem, "", true},
        {name_label_value_problem, "A_b.c-9", true},
        {name_label_value_problem, A63, true},
        {name_label_value_problem, A63 "a", false},
        {name_label_value_problem, "_a", false},
        {name_label_value_problem, "a/b", false},
        {name_label_value_problem, "\xc3\xa4", false},
        {name_port_problem, "http", true},
        {name_port_problem, "a-0", true},
        {name_port_problem, "0a", true},
        {name_port_problem, "abcdefghijklmno", true},
        {name_port_problem, "abcdefghijklmnop", false},
        {name_port_problem, "", false},
        {name_port_problem, "80", false},
        {name_port_problem, "a--b", false},
        {name_port_problem, "Http", false},
        {name_port_problem, "-a", false},
        {name_port_problem, "a_b", false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *why = rows[i].problem(rows[i].text);
        if ((why == NULL) != rows[i].good)
            fail_msg("row %zu \"%s\": %s", i, rows[i].text, why ? why : "taken");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_taken_or_refused_as_the_api_server_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
