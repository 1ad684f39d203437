/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "tests/support/world_builder.h"

/* a/x is attached and lets in from all of namespace a, from app=w anywhere, and from team b. */
static struct engine *three_sets(void)
{
    struct engine *e = world_intents();
    world_pod(e, "a/x", "app: x", "");
    world_attach_pod(e, "a/x", "10.0.0.5");
    world_namespace(e, "b", "team: b");
    world_policy(e, "a/p",
                 "podSelector: {}, ingress: [{from: [{podSelector: {}}, {namespaceSelector: {}, "
                 "podSelector: {matchLabels: {app: w}}}, "
                 "{namespaceSelector: {matchLabels: {team: b}}}]}]");
    assert_int_equal(world_count(e, TABLE_SET), 3);
    return e;
}

static const struct intent_member *member(struct engine *e, const char *key)
{
    return world_row(e, TABLE_MEMBER, key);
}

static void pod_lists_each_set_once_in_order(void **state)
{
    (void)state;
    struct engine *e = three_sets();
    world_pod(e, "b/w", "app: w", "10.1.0.1 fd00::1");
    const struct intent_member *m = member(e, "b/w");
    assert_non_null(m);
    assert_int_equal(m->n_ips, 2);
    assert_int_equal(m->n_entries, 2);
    assert_true(intent_id_cmp(&m->entries[0].set, &m->entries[1].set) < 0);
    for (uint32_t i = 0; i < m->n_entries; i++) {
        char key[INTENT_ID_TEXT_MAX];
        assert_non_null(world_row(e, TABLE_SET, intent_id_format(&m->entries[i].set, key)));
        assert_int_equal(m->entries[i].proto | m->entries[i].port, 0);
    }
    world_done(e);
}

static void pod_in_no_set_has_no_row(void **state)
{
    (void)state;
    struct engine *e = three_sets();
    world_pod(e, "c/y", "app: why", "10.1.0.2");
    assert_null(member(e, "c/y"));
    world_pod(e, "c/y", "app: w", "10.1.0.2");
    assert_non_null(member(e, "c/y"));
    world_done(e);
}

static void pod_without_address_has_no_row(void **state)
{
    (void)state;
    struct engine *e = three_sets();
    world_pod(e, "b/w", "app: w", "");
    assert_null(member(e, "b/w"));
    world_attach_pod(e, "b/w", "10.0.0.9");
    const struct intent_member *m = member(e, "b/w");
    assert_int_equal(m->n_ips, 1);
    world_detach(e, "c-w");
    assert_null(member(e, "b/w"));
    world_done(e);
}

static void rows_hold_no_stray_bytes(void **state)
{
    (void)state;
    struct engine *e = three_sets();
    world_pod(e, "b/w", "app: w", "10.1.0.1");
    const struct intent_member *m = member(e, "b/w");
    static const struct ip empty;
    for (size_t i = m->n_ips; i < MEMBER_MAX_IPS; i++)
        assert_memory_equal(&m->ips[i], &empty, sizeof empty);
    assert_int_equal(m->entries[0].pad | m->entries[0].pad2, 0);
    world_done(e);
}

static void superseded_and_blocked_attachments_give_no_address(void **state)
{
    (void)state;
    struct engine *e = three_sets();
    world_pod_full(e, &(struct world_pod){
                          .key = "b/w", .labels = "app: w", .ips = "10.8.0.1", .meta = "uid: u"});
    world_attach(e, &(struct world_attachment){
                        .container = "c1", .pod = "b/w", .ips = "10.0.0.7", .sequence = 1});
    world_attach(e, &(struct world_attachment){
                        .container = "c2", .pod = "b/w", .ips = "10.0.0.8", .sequence = 2});
    const struct intent_member *m = member(e, "b/w");
    assert_int_equal(m->n_ips, 1);
    assert_int_equal(m->ips[0].b[3], 8);
    world_detach(e, "c1");
    world_attach(e, &(struct world_attachment){
                        .container = "c2", .pod = "b/w", .uid = "old", .ips = "10.0.0.8"});
    m = member(e, "b/w");
    assert_int_equal(m->ips[0].b[1], 8); /* the object's own address */
    world_done(e);
}

static void two_interfaces_of_a_pod_are_one_row(void **state)
{
    (void)state;
    struct engine *e = three_sets();
    world_pod(e, "a/y", "", "");
    world_attach(e, &(struct world_attachment){.container = "y", .pod = "a/y", .ips = "10.0.0.7"});
    world_attach(e, &(struct world_attachment){
                        .container = "y", .ifname = "net1", .pod = "a/y", .ips = "10.0.1.7"});
    assert_int_equal(member(e, "a/y")->n_ips, 2);
    /* The same of a container without identity: two units agree about the row. */
    world_policy(e, "default/p", "podSelector: {}, ingress: [{from: [{podSelector: {}}]}]");
    world_attach(e, &(struct world_attachment){.container = "raw", .ips = "10.0.0.8"});
    world_attach(
        e, &(struct world_attachment){.container = "raw", .ifname = "net1", .ips = "10.0.1.8"});
    assert_int_equal(member(e, "default/raw")->n_ips, 2);
    world_done(e);
}

static void one_address_in_two_pods_stands_in_both(void **state)
{
    (void)state;
    struct engine *e = three_sets();
    world_pod(e, "b/w", "app: w", "10.1.0.1");
    world_pod(e, "b/v", "app: v", "10.1.0.1");
    assert_int_equal(member(e, "b/w")->n_entries, 2);
    assert_int_equal(member(e, "b/v")->n_entries, 1);
    world_done(e);
}

static void port_names_give_an_entry_a_number(void **state)
{
    (void)state;
    struct engine *e = three_sets();
    world_policy(e, "a/p",
                 "podSelector: {}, policyTypes: [Egress], "
                 "egress: [{to: [{podSelector: {}}], ports: [{port: http}]}]");
    world_pod_full(e, &(struct world_pod){
                          .key = "a/y",
                          .ips = "10.1.0.1",
                          .spec = "containers: [{name: c, image: i, ports: [{name: http, "
                                  "containerPort: 81}]}, {name: d, image: i, ports: "
                                  "[{name: http, containerPort: 80}, {name: x, containerPort: 1}, "
                                  "{name: http, containerPort: 9, protocol: UDP}]}]"});
    const struct intent_member *m = member(e, "a/y");
    assert_int_equal(m->n_entries, 2);
    assert_int_equal(m->entries[0].port, 80);
    assert_int_equal(m->entries[1].port, 81);
    assert_int_equal(m->entries[1].proto, TCP);
    world_done(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pod_lists_each_set_once_in_order),
        cmocka_unit_test(pod_in_no_set_has_no_row),
        cmocka_unit_test(pod_without_address_has_no_row),
        cmocka_unit_test(rows_hold_no_stray_bytes),
        cmocka_unit_test(superseded_and_blocked_attachments_give_no_address),
        cmocka_unit_test(two_interfaces_of_a_pod_are_one_row),
        cmocka_unit_test(one_address_in_two_pods_stands_in_both),
        cmocka_unit_test(port_names_give_an_entry_a_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
