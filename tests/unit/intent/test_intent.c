/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "tests/support/world_builder.h"

static void ids_are_the_content(void **state)
{
    (void)state;
    struct intent_id a = intent_id_of("abc", 3), b = intent_id_of("abc", 3);
    struct intent_id c = intent_id_of("abd", 3);
    assert_int_equal(intent_id_cmp(&a, &b), 0);
    assert_int_not_equal(intent_id_cmp(&a, &c), 0);
    assert_int_equal(intent_id_cmp(&a, &c), -intent_id_cmp(&c, &a));
    assert_int_not_equal(a.hi, a.lo);
}

static void ids_order_by_upper_then_lower_half(void **state)
{
    (void)state;
    struct intent_id a = {1, 9}, b = {2, 0}, c = {2, 1};
    assert_true(intent_id_cmp(&a, &b) < 0);
    assert_true(intent_id_cmp(&c, &b) > 0);
}

static void keys_read_back(void **state)
{
    (void)state;
    struct intent_id id = {0x00f0, UINT64_MAX - 1}, back;
    char key[INTENT_ID_TEXT_MAX];
    assert_string_equal(intent_id_format(&id, key), "00000000000000f0fffffffffffffffe");
    assert_true(intent_id_parse(key, &back));
    assert_int_equal(intent_id_cmp(&id, &back), 0);
}

static void only_keys_are_read(void **state)
{
    (void)state;
    struct intent_id id;
    assert_false(intent_id_parse("", &id));
    assert_false(intent_id_parse("00000000000000f0fffffffffffffff", &id));
    assert_false(intent_id_parse("00000000000000f0ffffffffffffffff0", &id));
    assert_false(intent_id_parse("00000000000000F0ffffffffffffffff", &id));
    assert_false(intent_id_parse("0000000000000 f0ffffffffffffffff", &id));
}

static struct prefix prefix(const char *text)
{
    struct prefix p;
    memset(&p, 0, sizeof p);
    assert_true(prefix_parse(text, &p));
    return p;
}

static void rules_are_sorted_and_single(void **state)
{
    (void)state;
    struct intent_id sets[] = {{2, 2}, {1, 1}, {2, 2}};
    struct prefix prefixes[] = {prefix("10.1.0.0/16"), prefix("10.0.0.0/8"), prefix("10.1.0.0/16")};
    struct rule_port ports[] = {{UDP, 0, 5, 5}, {TCP, 0, 8, 9}, {TCP, 0, 8, 8}, {UDP, 0, 5, 5}};
    auto_sbuf b = SBUF_INIT;
    rule_encode(&(struct rule_parts){.direction = DIRECTION_EGRESS,
                                     .ports_kind = RULE_PORTS_LISTED,
                                     .sets = sets,
                                     .n_sets = 3,
                                     .prefixes = prefixes,
                                     .n_prefixes = 3,
                                     .ports = ports,
                                     .n_ports = 4},
                &b);
    const struct intent_rule *r = (const void *)b.data;
    assert_int_equal(r->direction, DIRECTION_EGRESS);
    assert_int_equal(r->n_sets, 2);
    assert_int_equal(rule_sets(r)[0].hi, 1);
    assert_int_equal(r->n_prefixes, 2);
    assert_int_equal(rule_prefixes(r)[0].len, 8);
    assert_int_equal(r->n_ports, 3);
    assert_int_equal(rule_ports(r)[0].proto, TCP);
    assert_int_equal(rule_ports(r)[0].last, 8);
    assert_int_equal(rule_ports(r)[2].proto, UDP);
    assert_ptr_equal(rule_ports(r) + 3, b.data + b.len);
}

static void rule_hash_is_never_zero(void **state)
{
    (void)state;
    assert_int_equal(rule_id_hash(&(struct intent_id){5, 0}), 1);
    assert_int_equal(rule_id_hash(&(struct intent_id){5, 0x100000001}), 1);
    assert_int_equal(rule_id_hash(&(struct intent_id){5, 0x500000001}), 4);
}

static void rows_are_found_by_their_indexes(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 0);
    struct engine *e = world_intents();
    const struct store *s = engine_store(e);
    size_t n;
    world_pod(e, "a/x", "", "");
    world_attach_pod(e, "a/x", "10.0.0.5");
    world_policy(e, "a/p",
                 "podSelector: {}, ingress: [{from: [{podSelector: {matchExpressions: "
                 "[{key: k, operator: In, values: [v, w]}]}}]}]");
    world_settle(e);
    store_list_index(s, TABLE_LOCAL, LOCAL_BY_POD, "a/x", &a, &n);
    assert_int_equal(n, 1);
    store_list_index(s, TABLE_LOCAL, LOCAL_BY_NAMESPACE, "a", &a, &n);
    assert_int_equal(n, 1);
    store_list_index(s, TABLE_APPLIED, APPLIED_BY_LOCAL, "c-x/eth0", &a, &n);
    assert_int_equal(n, 1);
    const struct row **sets = store_list_index(s, TABLE_SET, SET_BY_ANCHOR, "na|k=w", &a, &n);
    assert_int_equal(n, 1);
    store_list_index(s, TABLE_SET, SET_BY_ANCHOR, "na|k=v", &a, &n);
    assert_int_equal(n, 1);
    store_list_index(s, TABLE_RULE, RULE_BY_SET, sets[0]->key, &a, &n);
    assert_int_equal(n, 1);
    arena_done(&a);
    world_done(e);
}

static void config_has_defaults_and_compares_whole(void **state)
{
    (void)state;
    struct node_config *a = node_config_new("n0"), *b = node_config_new("n0");
    struct node_config *c = node_config_new("n1");
    struct mac mac = mac_from_name("gateway", "n0");
    assert_memory_equal(&a->gateway_mac, &mac, sizeof mac);
    assert_int_equal(a->gateway_ofport, 2);
    assert_int_equal(a->tunnel_ofport, 1);
    assert_true(node_config_equal(a, b));
    assert_false(node_config_equal(a, c));
    b->masquerade = false;
    assert_false(node_config_equal(a, b));
    b->masquerade = true;
    b->tunnel_ofport = 7;
    assert_false(node_config_equal(a, b));
    node_config_free(a);
    node_config_free(b);
    node_config_free(c);
    node_config_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_the_content),
        cmocka_unit_test(ids_order_by_upper_then_lower_half),
        cmocka_unit_test(keys_read_back),
        cmocka_unit_test(only_keys_are_read),
        cmocka_unit_test(rules_are_sorted_and_single),
        cmocka_unit_test(rule_hash_is_never_zero),
        cmocka_unit_test(rows_are_found_by_their_indexes),
        cmocka_unit_test(config_has_defaults_and_compares_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
