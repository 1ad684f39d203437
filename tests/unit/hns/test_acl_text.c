/* SPDX-License-Identifier: Apache-2.0
 *
 * Rules, ports and terms as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "hns/acl_rule.h"
#include "hns/acl_terms.h"

static void a_rule_is_the_endpoint_policy_to_the_letter(void **state)
{
    (void)state;
    auto_sbuf out = SBUF_INIT;
    acl_rule_encode(&(struct acl_rule){.direction = HCN_IN,
                                       .allow = true,
                                       .priority = 1000,
                                       .proto = 6,
                                       .peers = "10.0.0.0/8",
                                       .ports = "80,8080-8090"},
                    &out);
    assert_string_equal(
        out.data, "{\"Type\":\"ACL\",\"Settings\":{\"Protocols\":\"6\",\"Action\":\"Allow\","
                  "\"Direction\":\"In\",\"LocalAddresses\":\"\",\"RemoteAddresses\":\"10.0.0.0/8\","
                  "\"LocalPorts\":\"80,8080-8090\",\"RemotePorts\":\"\",\"RuleType\":\"Switch\","
                  "\"Priority\":1000}}");
    sbuf_clear(&out);
    acl_rule_encode(
        &(struct acl_rule){.direction = HCN_OUT, .priority = 65000, .peers = "", .ports = "53"},
        &out);
    assert_string_equal(
        out.data, "{\"Type\":\"ACL\",\"Settings\":{\"Protocols\":\"256\",\"Action\":\"Block\","
                  "\"Direction\":\"Out\",\"LocalAddresses\":\"\",\"RemoteAddresses\":\"\","
                  "\"LocalPorts\":\"\",\"RemotePorts\":\"53\",\"RuleType\":\"Switch\","
                  "\"Priority\":65000}}");
}

static char *encoded(enum hcn_direction direction, uint16_t priority, const char *peers)
{
    struct sbuf out = SBUF_INIT;
    acl_rule_encode(
        &(struct acl_rule){
            .direction = direction, .priority = priority, .peers = peers, .ports = ""},
        &out);
    return sbuf_take(&out);
}

static void lines_go_by_direction_then_priority_then_text(void **state)
{
    (void)state;
    auto_free char *in = encoded(HCN_IN, 65000, "10.0.0.0/8");
    auto_free char *out = encoded(HCN_OUT, 100, "10.0.0.0/8");
    auto_free char *first = encoded(HCN_OUT, 1000, "10.0.0.0/8");
    auto_free char *text = encoded(HCN_OUT, 1000, "10.0.0.0/9");
    assert_true(acl_line_cmp(in, out) < 0);
    assert_true(acl_line_cmp(out, in) > 0);
    assert_true(acl_line_cmp(out, first) < 0); /* 100 before 1000: by number */
    assert_true(acl_line_cmp(first, text) < 0);
    assert_int_equal(acl_line_cmp(text, text), 0);
}

static void expect_ports(const struct rule_port *v, size_t n, const char *text)
{
    struct arena a;
    arena_init(&a, 0);
    assert_string_equal(acl_ports_text(v, n, &a), text);
    arena_done(&a);
}

static void ports_are_joined_where_they_meet(void **state)
{
    (void)state;
    expect_ports((struct rule_port[]){{6, 0, 80, 80}}, 1, "80");
    expect_ports((struct rule_port[]){{6, 0, 80, 80}, {6, 0, 82, 82}}, 2, "80,82");
    expect_ports((struct rule_port[]){{6, 0, 80, 80}, {6, 0, 81, 82}}, 2, "80-82");
    expect_ports((struct rule_port[]){{6, 0, 80, 90}, {6, 0, 85, 86}, {6, 0, 90, 91}}, 3, "80-91");
    expect_ports((struct rule_port[]){{6, 0, 0, 65535}}, 1, "");
    expect_ports((struct rule_port[]){{6, 0, 0, 7}, {6, 0, 8, 65535}}, 2, "");
    expect_ports((struct rule_port[]){{6, 0, 1, 65535}}, 1, "1-65535");
    expect_ports((struct rule_port[]){{6, 0, 65535, 65535}}, 1, "65535");
}

static void add_prefix(struct acl_term *t, const char *text)
{
    struct prefix p;
    memset(&p, 0, sizeof p);
    assert_true(prefix_parse(text, &p));
    VEC_PUSH(&t->prefixes, p);
}

static void terms_of_equal_ports_become_one(void **state)
{
    (void)state;
    struct acl_terms t;
    memset(&t, 0, sizeof t);
    add_prefix(acl_terms_add(&t, 17, "53"), "10.0.0.0/9");
    add_prefix(acl_terms_add(&t, 6, "53"), "10.0.0.0/9");
    add_prefix(acl_terms_add(&t, 17, "53"), "10.128.0.0/9");
    struct acl_term *sets = acl_terms_add(&t, 6, "53");
    VEC_PUSH(&sets->sets, "b");
    VEC_PUSH(&sets->sets, "a");
    VEC_PUSH(&sets->sets, "b");
    acl_terms_merge(&t);
    assert_int_equal(t.v.n, 2);
    assert_int_equal(t.v.v[0].proto, 6);
    assert_int_equal(t.v.v[0].sets.n, 2);
    assert_string_equal(t.v.v[0].sets.v[0], "a");
    assert_int_equal(t.v.v[1].prefixes.n, 1);
    assert_int_equal(t.v.v[1].prefixes.v[0].len, 8);
    acl_terms_done(&t);
}

static void everyone_makes_a_terms_other_peers_needless(void **state)
{
    (void)state;
    struct acl_terms t;
    memset(&t, 0, sizeof t);
    add_prefix(acl_terms_add(&t, 6, "80"), "10.0.0.0/9");
    acl_terms_add(&t, 6, "80")->anyone = true;
    add_prefix(acl_terms_add(&t, 0, ""), "10.0.0.0/9");
    acl_terms_merge(&t);
    assert_int_equal(t.v.n, 2);
    assert_false(t.v.v[0].anyone);
    assert_true(t.v.v[1].anyone && t.v.v[1].prefixes.n == 0);
    acl_terms_add(&t, 0, "")->anyone = true;
    acl_terms_merge(&t);
    assert_int_equal(t.v.n, 1); /* all to everyone: nothing else is left to say */
    acl_terms_done(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rule_is_the_endpoint_policy_to_the_letter),
        cmocka_unit_test(lines_go_by_direction_then_priority_then_text),
        cmocka_unit_test(ports_are_joined_where_they_meet),
        cmocka_unit_test(terms_of_equal_ports_become_one),
        cmocka_unit_test(everyone_makes_a_terms_other_peers_needless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
