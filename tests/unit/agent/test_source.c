/* SPDX-License-Identifier: Apache-2.0
 *
 * The folder source on a real folder, with the agent's engine but no switch: what of it is in the
 * input tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/agent/agent_internal.h"
#include "core/base/mem.h"
#include "core/pipeline/world.h"
#include "platform/ipc.h"
#include "tests/support/os.h"

enum { PATIENCE_MS = 5000, TURN_MS = 20 };

struct fixture {
    struct agent a;
    struct options o;
    char dir[160];
    bool synced;
};

static void on_run(void *aux)
{
    struct agent *a = aux;
    engine_run(a->engine, 0);
}

static void on_synced(void *aux)
{
    struct fixture *x = aux;
    x->synced = true;
}

/* Until everything that the folder holds now was told. */
static void sync_now(struct fixture *x)
{
    x->synced = false;
    x->a.source_class->sync(x->a.source, on_synced, x);
    int64_t end = loop_now(x->a.loop) + PATIENCE_MS;
    while (!x->synced && loop_now(x->a.loop) < end) {
        loop_run_once(x->a.loop, TURN_MS);
    }
    assert_true(x->synced);
}

static void put(struct fixture *x, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", x->dir, name);
    assert_int_equal(file_write_atomic(path, text, strlen(text), NULL), 0);
    sync_now(x);
}

static void drop(struct fixture *x, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", x->dir, name);
    assert_int_equal(file_remove(path, NULL), 0);
    sync_now(x);
}

static void put_pod(struct fixture *x, const char *uid, const char *app)
{
    char text[256];
    snprintf(text, sizeof text,
             "apiVersion: v1\nkind: Pod\nmetadata: {name: p, uid: %s, labels: {app: %s}}\n",
             *uid ? uid : "null", app);
    put(x, "pod.yaml", text);
}

static void attach(struct fixture *x, const char *key, const char *uid)
{
    struct attachment *at = attachment_new();
    at->container_id = mem_strdup(key);
    at->cni_ifname = mem_strdup("eth0");
    at->netns = mem_strdup("");
    at->interface = mem_strdup(key);
    at->pod_namespace = mem_strdup("default");
    at->pod_name = mem_strdup("p");
    at->pod_uid = mem_strdup(uid);
    store_put(x->a.store, TABLE_ATTACHMENT, key, at);
    agent_pod_attached(&x->a, "default", "p");
}

static void detach(struct fixture *x, const char *key)
{
    store_remove(x->a.store, TABLE_ATTACHMENT, key);
    agent_pod_detached(&x->a, "default", "p");
}

static const struct pod *pod(const struct fixture *x)
{
    const struct row *row = store_get(x->a.store, TABLE_POD, "default/p");
    return row ? row->value : NULL;
}

static const char *label(const struct fixture *x)
{
    return labels_get(&pod(x)->meta.labels, "app");
}

static const char *uid_of(const struct fixture *x, const char *key)
{
    const struct attachment *at = store_get(x->a.store, TABLE_ATTACHMENT, key)->value;
    return at->pod_uid;
}

static int setup(void **state)
{
    struct fixture *x = mem_calloc(1, sizeof *x);
    assert_int_equal(os_temp_dir(x->dir, sizeof x->dir), 0);
    x->o.objects = x->dir;
    static char name[] = "n1";
    x->o.node_name = name;
    x->a.o = &x->o;
    x->a.loop = loop_new();
    x->a.engine = world_engine();
    x->a.store = engine_store(x->a.engine);
    x->a.run = loop_deferred_new(x->a.loop, on_run, &x->a);
    hmap_init(&x->a.kept);
    assert_int_equal(agent_source_start(&x->a, NULL), 0);
    *state = x;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *x = *state;
    agent_source_end(&x->a);
    loop_deferred_free(x->a.run);
    loop_free(x->a.loop);
    engine_free(x->a.engine);
    os_remove_tree(x->dir);
    mem_free(x);
    return 0;
}

static void objects_come_change_and_go(void **state)
{
    struct fixture *x = *state;
    put_pod(x, "", "one");
    assert_string_equal(label(x), "one");
    put_pod(x, "", "two");
    assert_string_equal(label(x), "two");
    drop(x, "pod.yaml");
    assert_null(pod(x));
}

static void an_attached_pod_keeps_its_last_labels(void **state)
{
    struct fixture *x = *state;
    put_pod(x, "u1", "one");
    attach(x, "c1", "u1");
    put_pod(x, "u1", "two");
    assert_false(agent_pod_is_kept(&x->a, "default/p"));
    drop(x, "pod.yaml");
    assert_true(agent_pod_is_kept(&x->a, "default/p"));
    assert_string_equal(label(x), "two");
    /* Until it is detached. */
    detach(x, "c1");
    assert_false(agent_pod_is_kept(&x->a, "default/p"));
    assert_null(pod(x));
}

static void a_kept_pod_goes_with_its_last_attachment(void **state)
{
    struct fixture *x = *state;
    put_pod(x, "u1", "one");
    attach(x, "c1", "u1");
    attach(x, "c2", "u1");
    drop(x, "pod.yaml");
    detach(x, "c1");
    assert_non_null(pod(x));
    detach(x, "c2");
    assert_null(pod(x));
}

static void an_object_that_comes_back_holds_again(void **state)
{
    struct fixture *x = *state;
    put_pod(x, "u1", "one");
    attach(x, "c1", "u1");
    drop(x, "pod.yaml");
    put_pod(x, "u1", "back");
    assert_false(agent_pod_is_kept(&x->a, "default/p"));
    assert_string_equal(label(x), "back");
    detach(x, "c1");
    assert_non_null(pod(x)); /* the object is its own again */
}

static void an_attachment_takes_the_uid_of_its_object(void **state)
{
    struct fixture *x = *state;
    attach(x, "c1", "");
    assert_string_equal(uid_of(x, "c1"), "");
    put_pod(x, "u1", "one");
    assert_string_equal(uid_of(x, "c1"), "u1");
    attach(x, "c2", "");
    assert_string_equal(uid_of(x, "c2"), "u1");
    /* Another Pod of that name is not the one attached. */
    drop(x, "pod.yaml");
    put_pod(x, "u2", "one");
    assert_string_equal(uid_of(x, "c1"), "u1");
    attach(x, "c3", "given");
    assert_string_equal(uid_of(x, "c3"), "given");
}

static void a_uid_made_from_the_name_says_nothing(void **state)
{
    struct fixture *x = *state;
    attach(x, "c1", "");
    put_pod(x, "", "one");
    assert_false(pod(x)->meta.uid_given);
    assert_string_equal(uid_of(x, "c1"), "");
}

static void a_kept_object_gives_no_uid(void **state)
{
    struct fixture *x = *state;
    put_pod(x, "u1", "one");
    attach(x, "c1", "u1");
    drop(x, "pod.yaml");
    attach(x, "c2", "");
    assert_string_equal(uid_of(x, "c2"), "");
}

static void a_bad_document_at_first_keeps_the_source_incomplete(void **state)
{
    struct fixture *x = *state;
    char path[256];
    static const char bad[] = "apiVersion: v1\nkind: Pod\nmetadata: 3\n";
    snprintf(path, sizeof path, "%s/bad.yaml", x->dir);
    agent_source_end(&x->a); /* it may have looked already */
    assert_int_equal(file_write_atomic(path, bad, strlen(bad), NULL), 0);
    hmap_init(&x->a.kept);
    assert_int_equal(agent_source_start(&x->a, NULL), 0);
    sync_now(x);
    assert_false(agent_source_is_complete(&x->a));
    assert_int_equal(x->a.complete_ns, 0);
    drop(x, "bad.yaml");
    assert_true(agent_source_is_complete(&x->a));
    assert_true(x->a.complete_ns > 0);
    put(x, "bad.yaml", bad);
    assert_true(agent_source_is_complete(&x->a)); /* one that comes later is told, and no more */
}

static void the_own_node_is_found_by_name(void **state)
{
    struct fixture *x = *state;
    assert_null(agent_own_node(&x->a));
    put(x, "node.yaml",
        "apiVersion: v1\nkind: Node\nmetadata: {name: n1}\n"
        "spec: {podCIDR: 10.1.0.0/24}\n");
    assert_non_null(agent_own_node(&x->a));
    assert_int_equal(agent_own_node(&x->a)->n_pod_cidrs, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(objects_come_change_and_go),
        TEST(an_attached_pod_keeps_its_last_labels),
        TEST(a_kept_pod_goes_with_its_last_attachment),
        TEST(an_object_that_comes_back_holds_again),
        TEST(an_attachment_takes_the_uid_of_its_object),
        TEST(a_uid_made_from_the_name_says_nothing),
        TEST(a_kept_object_gives_no_uid),
        TEST(a_bad_document_at_first_keeps_the_source_incomplete),
        TEST(the_own_node_is_found_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
