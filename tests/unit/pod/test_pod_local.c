/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "tests/support/world_builder.h"

static const struct intent_local *local(struct engine *e, const char *key)
{
    const struct intent_local *row = world_row(e, TABLE_LOCAL, key);
    assert_non_null(row);
    return row;
}

static void local_row_shows_the_attachment(void **state)
{
    (void)state;
    struct engine *e = world_intents();
    char text[IP_TEXT_MAX];
    world_pod(e, "shop/web", "app: web", "");
    world_attach(e,
                 &(struct world_attachment){
                     .container = "c1", .pod = "shop/web", .ips = "10.0.0.5 fd00::5", .ofport = 9});
    const struct intent_local *row = local(e, "c1/eth0");
    assert_string_equal(row->pod, "shop/web");
    assert_int_equal(row->ofport, 9);
    assert_int_equal(row->n_ips, 2);
    assert_string_equal(ip_format(&row->ips[1], text), "fd00::5");
    struct mac mac = mac_from_name("test", "c1");
    assert_memory_equal(&row->mac, &mac, sizeof mac);
    assert_false(row->blocked || row->superseded);
    world_detach(e, "c1");
    assert_null(world_row(e, TABLE_LOCAL, "c1/eth0"));
    world_done(e);
}

static void newer_sandbox_supersedes(void **state)
{
    (void)state;
    struct engine *e = world_intents();
    world_pod(e, "shop/web", "", "");
    world_attach(e,
                 &(struct world_attachment){.container = "old", .pod = "shop/web", .sequence = 1});
    assert_false(local(e, "old/eth0")->superseded);
    world_attach(e,
                 &(struct world_attachment){.container = "new", .pod = "shop/web", .sequence = 2});
    assert_true(local(e, "old/eth0")->superseded);
    assert_false(local(e, "new/eth0")->superseded);
    /* Another interface of the same container, and another Pod, stand beside it. */
    world_attach(e, &(struct world_attachment){
                        .container = "new", .ifname = "net1", .pod = "shop/web", .sequence = 3});
    world_attach(e, &(struct world_attachment){.container = "x", .pod = "shop/db", .sequence = 4});
    assert_false(local(e, "new/eth0")->superseded);
    assert_false(local(e, "new/net1")->superseded);
    /* The newest goes: the one before holds again. */
    world_remove(e, TABLE_ATTACHMENT, "new/net1");
    world_detach(e, "new");
    assert_false(local(e, "old/eth0")->superseded);
    world_done(e);
}

static void other_uid_blocks(void **state)
{
    (void)state;
    struct engine *e = world_intents();
    world_pod_full(e, &(struct world_pod){.key = "shop/web", .meta = "uid: u1"});
    world_attach(e, &(struct world_attachment){.container = "c1", .pod = "shop/web", .uid = "u1"});
    assert_false(local(e, "c1/eth0")->blocked);
    world_pod_full(e, &(struct world_pod){.key = "shop/web", .meta = "uid: u2"});
    assert_true(local(e, "c1/eth0")->blocked);
    /* An object that says no UID is anybody's. */
    world_pod(e, "shop/web", "", "");
    assert_false(local(e, "c1/eth0")->blocked);
    world_done(e);
}

static void attachment_without_uid_takes_any_object(void **state)
{
    (void)state;
    struct engine *e = world_intents();
    world_pod_full(e, &(struct world_pod){.key = "shop/web", .meta = "uid: u1"});
    world_attach(e, &(struct world_attachment){.container = "c1", .pod = "shop/web"});
    assert_false(local(e, "c1/eth0")->blocked);
    world_done(e);
}

static void mirror_answers_to_its_static_pod(void **state)
{
    (void)state;
    struct engine *e = world_intents();
    world_pod_full(e, &(struct world_pod){
                          .key = "shop/web",
                          .meta = "uid: u1, annotations: {kubernetes.io/config.mirror: hash}"});
    world_attach(e,
                 &(struct world_attachment){.container = "c1", .pod = "shop/web", .uid = "hash"});
    assert_false(local(e, "c1/eth0")->blocked);
    world_attach(e, &(struct world_attachment){.container = "c1", .pod = "shop/web", .uid = "h2"});
    assert_true(local(e, "c1/eth0")->blocked);
    world_done(e);
}

static void named_pod_without_object_is_blocked(void **state)
{
    (void)state;
    struct engine *e = world_intents();
    world_attach(e, &(struct world_attachment){.container = "c1", .pod = "shop/web", .uid = "u1"});
    assert_true(local(e, "c1/eth0")->blocked);
    world_pod_full(e, &(struct world_pod){.key = "shop/web", .meta = "uid: u1"});
    assert_false(local(e, "c1/eth0")->blocked);
    world_done(e);
}

static void container_without_identity_is_its_own_pod(void **state)
{
    (void)state;
    struct engine *e = world_intents();
    world_attach(e, &(struct world_attachment){.container = "c1", .ips = "10.0.0.5"});
    const struct intent_local *row = local(e, "c1/eth0");
    assert_string_equal(row->pod, "default/c1");
    assert_false(row->blocked);
    world_done(e);
}

static void label_change_leaves_the_row(void **state)
{
    (void)state;
    struct engine *e = world_intents();
    world_pod(e, "shop/web", "app: web", "");
    world_attach_pod(e, "shop/web", "10.0.0.5");
    world_settle(e);
    uint64_t before = engine_n_derivations(e);
    const void *row = world_row(e, TABLE_LOCAL, "c-web/eth0");
    world_pod(e, "shop/web", "app: db", "");
    assert_ptr_equal(world_row(e, TABLE_LOCAL, "c-web/eth0"), row);
    /* Its attachment and its membership, nothing else. */
    assert_int_equal(engine_n_derivations(e) - before, 3);
    world_done(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(local_row_shows_the_attachment),
        cmocka_unit_test(newer_sandbox_supersedes),
        cmocka_unit_test(other_uid_blocks),
        cmocka_unit_test(attachment_without_uid_takes_any_object),
        cmocka_unit_test(mirror_answers_to_its_static_pod),
        cmocka_unit_test(named_pod_without_object_is_blocked),
        cmocka_unit_test(container_without_identity_is_its_own_pod),
        cmocka_unit_test(label_change_leaves_the_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
