/* SPDX-License-Identifier: Apache-2.0
 *
 * The engine, the target and a service in memory: lists reach their endpoints, and nothing else
 * happens to them. */
#include <stdio.h>
#include <string.h>

#include "core/pipeline/world.h"
#include "core/pod/attachment.h"
#include "hns/acl.h"
#include "hns/acl_target.h"
#include "tests/support/fake_hcn.h"
#include "tests/unit/hns/lists.h"

static const uint32_t RPC_CALL_FAILED = 0x800706be, INVALID_JSON = 0x803b001b;

#define NETWORK_ID "11111111-1111-1111-1111-111111111111"

struct lab {
    struct engine *e;
    struct fake_hcn *f;
    struct hns_client h;
    struct guid network;
};

static struct guid endpoint_of(const char *key)
{
    return guid_from_name("test endpoint", key);
}

/* ---- what an agent does ---- */

static size_t places_of(struct lab *n, struct acl_place *out, struct arena *a)
{
    size_t n_rows;
    const struct row **rows = store_list(engine_store(n->e), TABLE_LOCAL, a, &n_rows);
    for (size_t i = 0; i < n_rows; i++)
        out[i] =
            (struct acl_place){rows[i]->key, ((const struct intent_local *)rows[i]->value)->pod,
                               endpoint_of(rows[i]->key)};
    return n_rows;
}

static void give(struct engine *e, int space, const struct acl_rows *rows)
{
    engine_dump_begin(e, space);
    for (size_t i = 0; i < rows->n; i++)
        engine_dump_row(e, space, (struct bytes){rows->v[i].key, strlen(rows->v[i].key)},
                        (struct bytes){rows->v[i].value, strlen(rows->v[i].value)});
    engine_dump_end(e, space);
}

/* Reads back; the error's code. */
static int dump(struct lab *n)
{
    struct arena a;
    struct acl_place places[16];
    struct acl_rows lists, sets;
    struct err err = {0};
    arena_init(&a, 0);
    int rc = acl_target_read(&n->h, places, places_of(n, places, &a), &a, &lists, &err);
    if (rc == 0)
        rc = acl_target_read_sets(&n->h, &n->network, &a, &sets, &err);
    if (rc == 0) {
        give(n->e, SPACE_ACL, &lists);
        give(n->e, SPACE_ACL_SET, &sets);
    }
    arena_done(&a);
    return rc;
}

static char *text_of(struct arena *a, struct bytes b)
{
    char *text = b.p ? arena_alloc(a, b.n + 1) : NULL;
    if (text) {
        memcpy(text, b.p, b.n);
        text[b.n] = '\0';
    }
    return text;
}

static struct acl_changes changes_of(const struct plan *p, struct arena *a)
{
    struct acl_change *v = arena_alloc(a, p->n * sizeof *v);
    for (size_t i = 0; i < p->n; i++) {
        v[i] = (struct acl_change){.op = p->items[i].op,
                                   .key = text_of(a, p->items[i].key),
                                   .text = text_of(a, p->items[i].value)};
        v[i].endpoint = endpoint_of(v[i].key);
    }
    return (struct acl_changes){v, p->n};
}

static void settle(struct engine *e, int space, const struct acl_result *r)
{
    if (r->end == ACL_DONE)
        engine_plan_done(e, space);
    else if (r->end == ACL_REFUSED && r->space == space)
        engine_plan_refused(e, space, r->item, r->err.text);
    else
        engine_plan_unknown(e, space);
}

/* One plan of both spaces, sent and settled; what was not done whole is read back. */
static struct acl_result send_once(struct lab *n)
{
    struct arena a;
    struct acl_result r;
    arena_init(&a, 0);
    world_settle(n->e);
    struct acl_changes sets = changes_of(engine_plan(n->e, SPACE_ACL_SET), &a);
    struct acl_changes lists = changes_of(engine_plan(n->e, SPACE_ACL), &a);
    acl_target_apply(&n->h, &n->network, &sets, &lists, &r);
    if (sets.n)
        settle(n->e, SPACE_ACL_SET, &r);
    if (lists.n)
        settle(n->e, SPACE_ACL, &r);
    arena_done(&a);
    return r;
}

static bool is_done(struct lab *n)
{
    return engine_in_sync(n->e, SPACE_ACL) && engine_in_sync(n->e, SPACE_ACL_SET);
}

/* Until nothing is left to send, but what was refused. */
static void send_all(struct lab *n)
{
    for (int i = 0; i < 20; i++) {
        if (send_once(n).end == ACL_DONE)
            return;
        assert_int_equal(dump(n), 0);
    }
    fail_msg("it does not end");
}

/* ---- a node ---- */

static void add_endpoint(struct lab *n, const char *key)
{
    struct guid id = endpoint_of(key);
    char text[GUID_TEXT_MAX];
    fake_hcn_put(n->f, HCN_ENDPOINT, guid_format(&id, text),
                 "{\"SchemaVersion\":{\"Major\":2,\"Minor\":0},\"Name\":\"x\","
                 "\"HostComputeNetwork\":\"" NETWORK_ID "\",\"Policies\":[{\"Type\":\"PortName\","
                 "\"Settings\":{\"Name\":\"port\"}}]}");
}

static const char *endpoint_doc(struct lab *n, const char *key)
{
    struct guid id = endpoint_of(key);
    return fake_hcn_get(n->f, HCN_ENDPOINT, &id);
}

/* web and api of namespace a with endpoints, db elsewhere, a policy. */
static struct lab lab_new(uint32_t major, uint32_t minor)
{
    struct lab n = {.e = lists_world(major, minor), .f = fake_hcn_new()};
    hns_init(&n.h, &fake_hcn_ops, n.f);
    n.f->version = (struct hcn_version){major, minor};
    n.network = fake_hcn_put(n.f, HCN_NETWORK, NETWORK_ID,
                             "{\"SchemaVersion\":{\"Major\":2,\"Minor\":0},\"Name\":\"seine\","
                             "\"Type\":\"L2Bridge\",\"Policies\":[{\"Type\":\"SetPolicy\","
                             "\"Settings\":{\"Id\":\"other-1\",\"Name\":\"other-1\","
                             "\"PolicyType\":\"IPSET\",\"Values\":\"10.9.9.9\"}}]}");
    lists_pod(n.e, "a/web", "app: web", "10.1.0.10");
    lists_pod(n.e, "a/api", "app: api", "10.1.0.11");
    world_pod(n.e, "a/db", "app: db", "10.2.0.12");
    world_policy(n.e, "a/p",
                 "podSelector: {matchLabels: {app: web}}, ingress: [{from: "
                 "[{podSelector: {matchLabels: {app: db}}}], ports: [{port: 80}]}]");
    add_endpoint(&n, "c-web/eth0");
    add_endpoint(&n, "c-api/eth0");
    world_settle(n.e);
    assert_int_equal(dump(&n), 0);
    return n;
}

static void lab_done(struct lab *n)
{
    world_done(n->e);
    fake_hcn_free(n->f);
}

static size_t n_modified(struct lab *n)
{
    return fake_hcn_calls(n->f, HCN_MODIFY, HCN_ENDPOINT);
}

/* The service's side is what is desired, as the engine knows it and as read back. */
static void expect_whole(struct lab *n)
{
    auto_sbuf desired = SBUF_INIT, installed = SBUF_INIT, read = SBUF_INIT;
    assert_true(is_done(n));
    acl_print(n->e, false, &desired);
    acl_print(n->e, true, &installed);
    assert_string_equal(installed.data, desired.data);
    assert_int_equal(dump(n), 0);
    acl_print(n->e, true, &read);
    assert_string_equal(read.data, desired.data);
    assert_true(is_done(n));
}

/* ---- tests ---- */

static void lists_reach_their_endpoints(void **state)
{
    (void)state;
    struct lab n = lab_new(11, 10);
    send_all(&n);
    expect_whole(&n);
    assert_int_equal(n_modified(&n), 2);
    assert_non_null(strstr(endpoint_doc(&n, "c-web/eth0"),
                           "\"RemoteAddresses\":\"10.2.0.12/32\",\"LocalPorts\":\"80\""));
    lab_done(&n);
}

static void what_else_an_endpoint_has_stays(void **state)
{
    (void)state;
    struct lab n = lab_new(11, 10);
    send_all(&n);
    world_remove(n.e, TABLE_POLICY, "a/p");
    send_all(&n);
    assert_non_null(strstr(endpoint_doc(&n, "c-web/eth0"), "\"PortName\""));
    assert_null(strstr(endpoint_doc(&n, "c-web/eth0"), "10.2.0.12"));
    expect_whole(&n);
    lab_done(&n);
}

static void a_restart_sends_nothing(void **state)
{
    (void)state;
    struct lab n = lab_new(13, 0);
    send_all(&n);
    fake_hcn_forget_calls(n.f);
    struct lab again = lab_new(13, 0);
    fake_hcn_free(again.f);
    again.f = n.f;
    hns_init(&again.h, &fake_hcn_ops, n.f);
    assert_int_equal(dump(&again), 0);
    assert_true(is_done(&again));
    send_all(&again);
    assert_int_equal(n_modified(&again), 0);
    assert_int_equal(fake_hcn_calls(n.f, HCN_MODIFY, HCN_NETWORK), 0);
    world_done(again.e);
    lab_done(&n);
}

static void a_change_is_one_request_to_the_endpoint_it_concerns(void **state)
{
    (void)state;
    struct lab n = lab_new(11, 10);
    send_all(&n);
    fake_hcn_forget_calls(n.f);
    world_pod(n.e, "a/db", "app: db", "10.2.0.99");
    send_all(&n);
    assert_int_equal(n_modified(&n), 1);
    assert_non_null(strstr(endpoint_doc(&n, "c-web/eth0"), "10.2.0.99/32"));
    expect_whole(&n);
    lab_done(&n);
}

static void a_service_that_is_away_is_unknown_and_nothing_is_planned(void **state)
{
    (void)state;
    struct lab n = lab_new(11, 10);
    n.f->down = true;
    assert_int_equal(send_once(&n).end, ACL_UNKNOWN);
    assert_int_equal(dump(&n), ERR_AGAIN);
    assert_false(is_done(&n));
    n.f->down = false;
    assert_int_equal(dump(&n), 0);
    send_all(&n);
    expect_whole(&n);
    lab_done(&n);
}

static void a_lost_answer_is_read_back_and_not_sent_again(void **state)
{
    (void)state;
    struct lab n = lab_new(11, 10);
    fake_hcn_lose(n.f, HCN_MODIFY, HCN_ENDPOINT, RPC_CALL_FAILED, 1);
    assert_int_equal(send_once(&n).end, ACL_UNKNOWN);
    fake_hcn_forget_calls(n.f);
    assert_int_equal(dump(&n), 0);
    send_all(&n);
    assert_int_equal(n_modified(&n), 1); /* the other endpoint's */
    expect_whole(&n);
    lab_done(&n);
}

static void a_refused_list_is_named_and_the_others_go_on(void **state)
{
    (void)state;
    struct lab n = lab_new(11, 10);
    fake_hcn_fail(n.f, HCN_MODIFY, HCN_ENDPOINT, INVALID_JSON, 1);
    send_all(&n);
    struct engine_counts counts = engine_counts(n.e, SPACE_ACL);
    assert_int_equal(counts.refused, 1);
    assert_int_equal(counts.installed, 1);
    engine_retry(n.e, SPACE_ACL);
    send_all(&n);
    expect_whole(&n);
    lab_done(&n);
}

static void an_endpoint_that_comes_later_gets_its_list(void **state)
{
    (void)state;
    struct lab n = lab_new(11, 10);
    lists_pod(n.e, "a/late", "", "10.1.0.13");
    send_all(&n);
    assert_true(is_done(&n)); /* nothing passes there */
    add_endpoint(&n, "c-late/eth0");
    assert_int_equal(dump(&n), 0);
    assert_false(is_done(&n));
    send_all(&n);
    expect_whole(&n);
    lab_done(&n);
}

static void an_endpoint_whose_attachment_went_is_not_opened(void **state)
{
    (void)state;
    struct lab n = lab_new(11, 10);
    send_all(&n);
    fake_hcn_forget_calls(n.f);
    world_detach(n.e, "c-web");
    send_all(&n);
    assert_int_equal(n_modified(&n), 0);
    assert_non_null(strstr(endpoint_doc(&n, "c-web/eth0"), "\"Action\":\"Block\""));
    assert_true(is_done(&n));
    lab_done(&n);
}

static void what_a_reboot_took_is_sent_again(void **state)
{
    (void)state;
    struct lab n = lab_new(11, 10);
    send_all(&n);
    struct guid web = endpoint_of("c-web/eth0");
    fake_hcn_remove(n.f, HCN_ENDPOINT, &web);
    add_endpoint(&n, "c-web/eth0");
    assert_int_equal(dump(&n), 0);
    assert_false(is_done(&n));
    send_all(&n);
    expect_whole(&n);
    lab_done(&n);
}

/* ---- sets ---- */

static const char *network_doc(struct lab *n)
{
    return fake_hcn_get(n->f, HCN_NETWORK, &n->network);
}

static void sets_come_first_and_go_last(void **state)
{
    (void)state;
    struct lab n = lab_new(13, 0);
    send_all(&n);
    expect_whole(&n);
    assert_non_null(strstr(network_doc(&n), "10.2.0.12/32"));
    bool list_seen = false;
    for (size_t i = 0; i < n.f->calls.n; i++) {
        const struct fake_call *c = &n.f->calls.v[i];
        list_seen = list_seen || (c->op == HCN_MODIFY && c->kind == HCN_ENDPOINT);
        assert_false(list_seen && c->op == HCN_MODIFY && c->kind == HCN_NETWORK);
    }
    fake_hcn_forget_calls(n.f);
    world_remove(n.e, TABLE_POLICY, "a/p");
    send_all(&n);
    assert_null(strstr(network_doc(&n), "10.2.0.12/32"));
    assert_int_equal(n.f->calls.v[n.f->calls.n - 1].kind, HCN_NETWORK);
    assert_non_null(strstr(network_doc(&n), "other-1")); /* somebody else's */
    expect_whole(&n);
    lab_done(&n);
}

static void a_new_member_changes_a_set_and_no_list(void **state)
{
    (void)state;
    struct lab n = lab_new(13, 0);
    send_all(&n);
    fake_hcn_forget_calls(n.f);
    world_pod(n.e, "a/db2", "app: db", "10.9.0.1");
    send_all(&n);
    assert_int_equal(n_modified(&n), 0);
    assert_int_equal(fake_hcn_calls(n.f, HCN_MODIFY, HCN_NETWORK), 1);
    assert_non_null(strstr(network_doc(&n), "10.2.0.12/32,10.9.0.1/32"));
    assert_non_null(strstr(network_doc(&n), "other-1"));
    expect_whole(&n);
    lab_done(&n);
}

static void many_new_sets_are_one_request(void **state)
{
    (void)state;
    struct lab n = lab_new(13, 0);
    world_policy(n.e, "a/q",
                 "podSelector: {}, policyTypes: [Egress], egress: [{to: "
                 "[{podSelector: {matchLabels: {app: api}}}, {namespaceSelector: {}}]}]");
    send_all(&n);
    assert_true(engine_counts(n.e, SPACE_ACL_SET).desired >= 3);
    assert_int_equal(fake_hcn_calls(n.f, HCN_MODIFY, HCN_NETWORK), 1);
    expect_whole(&n);
    lab_done(&n);
}

static void a_refused_set_is_named(void **state)
{
    (void)state;
    struct lab n = lab_new(13, 0);
    fake_hcn_fail(n.f, HCN_MODIFY, HCN_NETWORK, INVALID_JSON, 1);
    send_all(&n);
    assert_int_equal(engine_counts(n.e, SPACE_ACL_SET).refused, 1);
    engine_retry(n.e, SPACE_ACL_SET);
    send_all(&n);
    expect_whole(&n);
    lab_done(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_reach_their_endpoints),
        cmocka_unit_test(what_else_an_endpoint_has_stays),
        cmocka_unit_test(a_restart_sends_nothing),
        cmocka_unit_test(a_change_is_one_request_to_the_endpoint_it_concerns),
        cmocka_unit_test(a_service_that_is_away_is_unknown_and_nothing_is_planned),
        cmocka_unit_test(a_lost_answer_is_read_back_and_not_sent_again),
        cmocka_unit_test(a_refused_list_is_named_and_the_others_go_on),
        cmocka_unit_test(an_endpoint_that_comes_later_gets_its_list),
        cmocka_unit_test(an_endpoint_whose_attachment_went_is_not_opened),
        cmocka_unit_test(what_a_reboot_took_is_sent_again),
        cmocka_unit_test(sets_come_first_and_go_last),
        cmocka_unit_test(a_new_member_changes_a_set_and_no_list),
        cmocka_unit_test(many_new_sets_are_one_request),
        cmocka_unit_test(a_refused_set_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
