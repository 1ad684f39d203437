/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include <cjson/cJSON.h>

#include "core/agent/verdict.h"
#include "tests/support/world_builder.h"

struct asked {
    struct arena arena;
    struct verdict verdict;
    struct err err;
    int rc;
};

static void ask(struct engine *e, struct asked *a, const struct verdict_query *q)
{
    world_settle(e);
    arena_init(&a->arena, 0);
    a->err = (struct err){0};
    a->rc = verdict_of(engine_store(e), q, &a->arena, &a->verdict, &a->err);
}

/* a/x and a/z are here, b/r is not; a/x lets in b on TCP 80 and sends to 192.0.2.0/24 only. */
static struct engine *world(void)
{
    struct engine *e = world_intents();
    world_config(e, "n0");
    world_node(e, "n0", "10.0.0.0/24", "192.168.0.1");
    world_pod(e, "a/x", "app: x", "");
    world_pod(e, "a/z", "app: z", "");
    world_pod(e, "b/r", "app: r", "10.1.0.1");
    world_attach_pod(e, "a/x", "10.0.0.5 fd00::5");
    world_attach_pod(e, "a/z", "10.0.0.6 fd00::6");
    world_policy(e, "a/p",
                 "podSelector: {matchLabels: {app: x}}, ingress: [{ports: [{port: 1}]}, "
                 "{from: [{namespaceSelector: {}, podSelector: {matchLabels: {app: r}}}],"
                 " ports: [{port: 80}]}], "
                 "egress: [{to: [{ipBlock: {cidr: 192.0.2.0/24}}]}]");
    world_policy(e, "a/deny", "podSelector: {matchLabels: {app: x}}");
    return e;
}

static void assert_text(const struct asked *a, const char *expected)
{
    auto_sbuf text = SBUF_INIT;
    verdict_table(&a->verdict, &text);
    assert_string_equal(sbuf_cstr(&text), expected);
}

static void rules_that_allow_are_named(void **state)
{
    (void)state;
    struct engine *e = world();
    struct asked a;
    ask(e, &a, &(struct verdict_query){.src = "b/r", .dst = "a/x", .proto = TCP, .port = 80});
    assert_int_equal(a.rc, 0);
    assert_true(a.verdict.allowed);
    const struct verdict_side *in = &a.verdict.side[DIRECTION_INGRESS];
    assert_true(in->here && in->allowed && in->isolated);
    assert_int_equal(in->n_policies, 2);
    assert_string_equal(in->policies[0], "a/deny");
    assert_int_equal(in->n_rules, 1);
    assert_string_equal(in->rules[0].policy, "a/p");
    assert_int_equal(in->rules[0].index, 1);
    assert_int_equal(in->rules[0].id, rule_id_hash(&in->rules[0].rule));
    assert_false(a.verdict.side[DIRECTION_EGRESS].here);
    assert_text(&a, "b/r (10.1.0.1) -> a/x (10.0.0.5) TCP 80: allow\n"
                    "DIRECTION  VERDICT   ISOLATED  BECAUSE\n"
                    "egress     -         -         decided where that party is\n"
                    "ingress    allow     yes       a/p ingress[1]\n");
    arena_done(&a.arena);
    world_done(e);
}

static void policies_that_isolate_are_named(void **state)
{
    (void)state;
    struct engine *e = world();
    struct asked a;
    ask(e, &a, &(struct verdict_query){.src = "a/z", .dst = "a/x", .proto = UDP, .port = 80});
    assert_false(a.verdict.allowed);
    assert_text(&a, "a/z (10.0.0.6) -> a/x (10.0.0.5) UDP 80: drop\n"
                    "DIRECTION  VERDICT   ISOLATED  BECAUSE\n"
                    "egress     allow     no        no policy isolates the Pod\n"
                    "ingress    drop      yes       no rule allows it: a/deny, a/p\n");
    arena_done(&a.arena);
    world_done(e);
}

static void egress_is_judged_by_destination_address(void **state)
{
    (void)state;
    struct engine *e = world();
    assert_true(world_allows(e, "a/x", "192.0.2.9", TCP, 80));
    assert_false(world_allows(e, "a/x", "192.0.3.9", TCP, 80));
    assert_false(world_allows(e, "a/x", "192.168.0.1", TCP, 80)); /* its own node: no exception */
    world_done(e);
}

static void pod_to_itself_is_allowed(void **state)
{
    (void)state;
    struct engine *e = world();
    struct asked a;
    ask(e, &a, &(struct verdict_query){.src = "a/x", .dst = "a/x", .proto = TCP, .port = 9});
    assert_true(a.verdict.allowed);
    assert_non_null(strstr(a.verdict.side[DIRECTION_INGRESS].because, "itself"));
    assert_non_null(a.verdict.side[DIRECTION_EGRESS].because);
    arena_done(&a.arena);
    world_done(e);
}

static void own_node_reaches_its_pods(void **state)
{
    (void)state;
    struct engine *e = world();
    assert_true(world_allows(e, "192.168.0.1", "a/x", TCP, 9));
    assert_true(world_allows(e, "10.0.0.1", "a/x", TCP, 9)); /* the gateway's address */
    assert_false(world_allows(e, "192.168.0.2", "a/x", TCP, 9));
    world_done(e);
}

static void family_is_the_one_in_common(void **state)
{
    (void)state;
    struct engine *e = world();
    struct asked a;
    ask(e, &a, &(struct verdict_query){.src = "a/z", .dst = "a/x", .proto = TCP});
    assert_int_equal(a.verdict.query.family, 4);
    arena_done(&a.arena);
    ask(e, &a, &(struct verdict_query){.src = "a/z", .dst = "a/x", .proto = TCP, .family = 6});
    assert_int_equal(a.verdict.src.ip.family, 6);
    arena_done(&a.arena);
    ask(e, &a, &(struct verdict_query){.src = "a/z", .dst = "2001:db8::1", .proto = TCP});
    assert_int_equal(a.verdict.query.family, 6);
    arena_done(&a.arena);
    ask(e, &a, &(struct verdict_query){.src = "b/r", .dst = "a/x", .proto = TCP, .family = 6});
    assert_int_equal(a.rc, ERR_NOT_FOUND);
    arena_done(&a.arena);
    ask(e, &a, &(struct verdict_query){.src = "b/r", .dst = "2001:db8::1", .proto = TCP});
    assert_int_equal(a.rc, ERR_NOT_FOUND);
    arena_done(&a.arena);
    world_done(e);
}

static void questions_without_an_answer_say_why(void **state)
{
    (void)state;
    static const struct {
        const char *src, *dst;
        int rc;
        const char *text;
    } cases[] = {
        {"web", "a/x", ERR_INVALID, "web"},
        {"/x", "a/x", ERR_INVALID, "/x"},
        {"a/", "a/x", ERR_INVALID, "a/"},
        {"a/x", "a/b/c", ERR_INVALID, "a/b/c"},
        {"a/x", "a/gone", ERR_NOT_FOUND, "no such Pod"},
        {"a/x", "b/mute", ERR_NOT_FOUND, "no address"},
        {"b/r", "192.0.2.1", ERR_NOT_FOUND, "neither"},
    };
    struct engine *e = world();
    world_pod(e, "b/mute", "", "");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct asked a;
        ask(e, &a, &(struct verdict_query){.src = cases[i].src, .dst = cases[i].dst, .proto = TCP});
        assert_int_equal(a.rc, cases[i].rc);
        assert_non_null(strstr(a.err.text, cases[i].text));
        arena_done(&a.arena);
    }
    world_done(e);
}

static void closed_attachment_drops_both_ways(void **state)
{
    (void)state;
    struct engine *e = world();
    struct asked a;
    world_attach(e, &(struct world_attachment){
                        .container = "c-z", .pod = "a/z", .ips = "10.0.0.6", .no_port = true});
    ask(e, &a, &(struct verdict_query){.src = "a/z", .dst = "192.0.2.1", .proto = TCP});
    assert_false(a.verdict.allowed);
    assert_true(a.verdict.side[DIRECTION_EGRESS].isolated);
    assert_non_null(strstr(a.verdict.side[DIRECTION_EGRESS].because, "port"));
    arena_done(&a.arena);
    world_remove(e, TABLE_POD, "a/z");
    ask(e, &a, &(struct verdict_query){.src = "192.0.2.1", .dst = "a/z", .proto = TCP});
    assert_false(a.verdict.allowed);
    assert_non_null(strstr(a.verdict.side[DIRECTION_INGRESS].because, "UID"));
    arena_done(&a.arena);
    world_done(e);
}

static void replaced_pod_is_judged_by_its_new_sandbox(void **state)
{
    (void)state;
    struct engine *e = world();
    struct asked a;
    world_attach(e, &(struct world_attachment){
                        .container = "new", .pod = "a/x", .ips = "10.0.0.77", .sequence = 5});
    ask(e, &a, &(struct verdict_query){.src = "b/r", .dst = "a/x", .proto = TCP, .port = 80});
    assert_string_equal(a.verdict.dst.local->key, "new/eth0");
    assert_true(a.verdict.allowed);
    arena_done(&a.arena);
    ask(e, &a, &(struct verdict_query){.src = "b/r", .dst = "10.0.0.5", .proto = TCP, .port = 80});
    assert_non_null(strstr(a.verdict.side[DIRECTION_INGRESS].because, "newer"));
    arena_done(&a.arena);
    world_done(e);
}

static const cJSON *member(const cJSON *json, const char *name)
{
    const cJSON *m = cJSON_GetObjectItemCaseSensitive(json, name);
    assert_non_null(m);
    return m;
}

static void json_has_the_contracts_keys(void **state)
{
    (void)state;
    struct engine *e = world();
    struct asked a;
    ask(e, &a, &(struct verdict_query){.src = "b/r", .dst = "a/x", .proto = TCP, .port = 80});
    cJSON *json = verdict_json(&a.verdict);
    assert_string_equal(member(json, "verdict")->valuestring, "allow");
    assert_string_equal(member(json, "protocol")->valuestring, "TCP");
    assert_int_equal(member(json, "port")->valueint, 80);
    const cJSON *in = member(json, "ingress");
    assert_string_equal(member(in, "verdict")->valuestring, "allow");
    assert_true(cJSON_IsTrue(member(in, "isolated")));
    const cJSON *rules = member(in, "rules");
    assert_int_equal(cJSON_GetArraySize(rules), 1);
    assert_string_equal(member(rules->child, "policy")->valuestring, "a/p");
    assert_int_equal(member(rules->child, "index")->valueint, 1);
    assert_string_equal(member(rules->child, "direction")->valuestring, "ingress");
    const cJSON *out = member(json, "egress");
    assert_string_equal(member(out, "verdict")->valuestring, "allow");
    assert_false(cJSON_IsTrue(member(out, "here")));
    assert_string_equal(member(member(json, "source"), "address")->valuestring, "10.1.0.1");
    cJSON_Delete(json);
    arena_done(&a.arena);
    ask(e, &a, &(struct verdict_query){.src = "a/z", .dst = "a/x", .proto = 47});
    json = verdict_json(&a.verdict);
    assert_string_equal(member(json, "verdict")->valuestring, "drop");
    assert_string_equal(member(json, "protocol")->valuestring, "47");
    assert_int_equal(cJSON_GetArraySize(member(member(json, "ingress"), "policies")), 2);
    cJSON_Delete(json);
    arena_done(&a.arena);
    world_done(e);
}

static void a_rule_of_several_named_ports_counts_once(void **state)
{
    (void)state;
    struct engine *e = world_intents();
    struct asked a;
    world_pod_full(
        e, &(struct world_pod){.key = "a/x",
                               .spec = "containers: [{name: c, image: i, ports: [{name: h, "
                                       "containerPort: 80}, {name: g, containerPort: 80}]}]"});
    world_attach_pod(e, "a/x", "10.0.0.5");
    world_policy(e, "a/p",
                 "podSelector: {}, ingress: [{ports: [{port: h}, {port: g}, {port: 80}]}]");
    ask(e, &a, &(struct verdict_query){.src = "192.0.2.1", .dst = "a/x", .proto = TCP, .port = 80});
    /* The numbered port and the names are two resolved rules of one rule. */
    assert_int_equal(a.verdict.side[DIRECTION_INGRESS].n_rules, 2);
    assert_int_equal(a.verdict.side[DIRECTION_INGRESS].rules[1].index, 0);
    arena_done(&a.arena);
    world_done(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_that_allow_are_named),
        cmocka_unit_test(policies_that_isolate_are_named),
        cmocka_unit_test(egress_is_judged_by_destination_address),
        cmocka_unit_test(pod_to_itself_is_allowed),
        cmocka_unit_test(own_node_reaches_its_pods),
        cmocka_unit_test(family_is_the_one_in_common),
        cmocka_unit_test(questions_without_an_answer_say_why),
        cmocka_unit_test(closed_attachment_drops_both_ways),
        cmocka_unit_test(replaced_pod_is_judged_by_its_new_sandbox),
        cmocka_unit_test(json_has_the_contracts_keys),
        cmocka_unit_test(a_rule_of_several_named_ports_counts_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
