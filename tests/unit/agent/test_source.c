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

#include <cjson/cJSON.h>

#include "core/agent/agent_internal.h"
#include "core/base/mem.h"
#include "core/pipeline/world.h"
#include "platform/ipc.h"
#include "tests/support/os.h"

enum { PATIENCE_MS = 60000, TURN_MS = 20 };

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

/* ---- a source that says how it stands ---- */
static struct agent_source_state told_state;
static size_t n_isolated;

static void state_of_a_toy(void *source, struct agent_source_state *out)
{
    (void)source;
    *out = told_state;
}

static void describe_a_toy(void *source, struct sbuf *out)
{
    (void)source;
    sbuf_puts(out, "toy: complete");
}

static void isolated_in_a_toy(void *source, const char *key)
{
    (void)source;
    assert_string_equal(key, "default/p");
    n_isolated++;
}

static void end_a_toy(void *source)
{
    (void)source;
}

static const struct agent_source_class toy = {.name = "toy",
                                              .keeps_namespaces = true,
                                              .end = end_a_toy,
                                              .look = state_of_a_toy,
                                              .describe = describe_a_toy,
                                              .pod_isolated = isolated_in_a_toy};

static void become_a_toy(struct fixture *x)
{
    agent_source_end(&x->a);
    hmap_init(&x->a.kept);
    x->a.source_class = &toy;
    x->a.source = x;
    told_state = (struct agent_source_state){.complete = false};
    n_isolated = 0;
}

static void give(struct fixture *x, enum k8s_kind kind, const char *text)
{
    struct object_meta *object = NULL;
    char key[K8S_KEY_MAX];
    cJSON *json = cJSON_Parse(text);
    assert_non_null(json);
    assert_int_equal(object_decode(json, kind, &object, NULL), 0);
    cJSON_Delete(json);
    k8s_key(object, key);
    agent_source_put(&x->a, kind, key, object);
}

static bool holds(const struct fixture *x, int table, const char *key)
{
    return store_get(x->a.store, table, key) != NULL;
}

static void namespace_and_node_hold_while_a_pod_is_attached(void **state)
{
    struct fixture *x = *state;
    become_a_toy(x);
    give(x, K8S_NAMESPACE, "{\"metadata\":{\"name\":\"default\",\"labels\":{\"a\":\"b\"}}}");
    give(x, K8S_NAMESPACE, "{\"metadata\":{\"name\":\"defaults\"}}");
    give(x, K8S_NODE, "{\"metadata\":{\"name\":\"n1\"},\"spec\":{\"podCIDR\":\"10.1.0.0/24\"}}");
    give(x, K8S_NODE, "{\"metadata\":{\"name\":\"n2\"}}");
    attach(x, "c1", "");
    agent_source_remove(&x->a, K8S_NAMESPACE, "default");
    agent_source_remove(&x->a, K8S_NAMESPACE, "defaults");
    agent_source_remove(&x->a, K8S_NODE, "n1");
    agent_source_remove(&x->a, K8S_NODE, "n2");
    assert_true(holds(x, TABLE_NAMESPACE, "default"));
    assert_false(holds(x, TABLE_NAMESPACE, "defaults"));
    assert_true(holds(x, TABLE_NODE, "n1"));
    assert_true(agent_own_node_is_kept(&x->a));
    assert_false(holds(x, TABLE_NODE, "n2"));
    give(x, K8S_NODE, "{\"metadata\":{\"name\":\"n1\"}}");
    assert_false(agent_own_node_is_kept(&x->a));
    agent_source_remove(&x->a, K8S_NODE, "n1");
    detach(x, "c1");
    assert_false(holds(x, TABLE_NAMESPACE, "default"));
    assert_false(holds(x, TABLE_NODE, "n1"));
}

static void an_attachment_of_an_earlier_pod_is_told(void **state)
{
    struct fixture *x = *state;
    become_a_toy(x);
    attach(x, "c1", "u1");
    give(x, K8S_POD, "{\"metadata\":{\"name\":\"p\",\"namespace\":\"default\",\"uid\":\"u1\"}}");
    assert_false(agent_pod_is_isolated(&x->a, "default/p"));
    /* A mirror Pod is the one whose UID it carries. */
    give(x, K8S_POD,
         "{\"metadata\":{\"name\":\"p\",\"namespace\":\"default\",\"uid\":\"u2\","
         "\"annotations\":{\"kubernetes.io/config.mirror\":\"u1\"}}}");
    assert_int_equal(n_isolated, 0);
    give(x, K8S_POD, "{\"metadata\":{\"name\":\"p\",\"namespace\":\"default\",\"uid\":\"u3\"}}");
    assert_int_equal(n_isolated, 1);
    assert_true(agent_pod_is_isolated(&x->a, "default/p"));
}

static enum agent_gate gate(struct fixture *x, bool rest)
{
    engine_run(x->a.engine, 0);
    agent_gate_set(&x->a, rest);
    return x->a.gate;
}

static void the_gate_opens_half_for_a_cache_and_wholly_for_lists(void **state)
{
    struct fixture *x = *state;
    become_a_toy(x);
    x->a.config_known = true;
    store_put(x->a.store, TABLE_CONFIG, "", node_config_new("n1"));
    told_state.cached = true;
    assert_int_equal(gate(x, true), AGENT_GATE_SHUT); /* no Node */
    give(x, K8S_NODE, "{\"metadata\":{\"name\":\"n1\"},\"spec\":{\"podCIDR\":\"10.1.0.0/24\"}}");
    assert_int_equal(gate(x, true), AGENT_GATE_SHUT); /* the server may answer yet */
    told_state.enforced = true;
    assert_int_equal(gate(x, false), AGENT_GATE_SHUT);
    assert_int_equal(gate(x, true), AGENT_GATE_KEEP);
    x->a.flows_whole = true;
    told_state.complete = true;
    assert_int_equal(gate(x, true), AGENT_GATE_OPEN);
    assert_false(x->a.flows_whole); /* what was kept goes first */
    told_state = (struct agent_source_state){.complete = false};
    assert_int_equal(gate(x, false), AGENT_GATE_OPEN);
    agent_source_remove(&x->a, K8S_NODE, "n1");
    assert_int_equal(gate(x, true), AGENT_GATE_SHUT);
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
        TEST(namespace_and_node_hold_while_a_pod_is_attached),
        TEST(an_attachment_of_an_earlier_pod_is_told),
        TEST(the_gate_opens_half_for_a_cache_and_wholly_for_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
