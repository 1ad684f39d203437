/* SPDX-License-Identifier: Apache-2.0
 *
 * Who is a peer, seen from the verdict: Pod shop/db is attached here and selected. */
#include <string.h>

#include "tests/support/world_builder.h"

/* shop/db here; shop/web, shop/bat, blog/web, bare/web (no Namespace object) elsewhere. */
static struct engine *cluster(void)
{
    struct engine *e = world_intents();
    world_namespace(e, "shop", "team: a");
    world_namespace(e, "blog", "team: b");
    world_pod(e, "shop/db", "app: db", "10.9.9.9");
    world_attach_pod(e, "shop/db", "10.0.0.5 fd00::5");
    world_pod(e, "shop/web", "app: web, tier: front", "10.0.1.1 fd00:1::1");
    world_pod(e, "shop/bat", "app: bat", "10.0.1.2");
    world_pod(e, "blog/web", "app: web", "10.0.2.1");
    world_pod(e, "bare/web", "app: web", "10.0.3.1");
    return e;
}

static bool from(struct engine *e, const char *src)
{
    return world_allows(e, src, "shop/db", TCP, 80);
}

/* Allowed sources as a text, one letter a Pod in the order of cluster(). */
static void assert_sources(struct engine *e, const char *peers, const char *expected)
{
    static const struct {
        const char *name, *pod;
    } pods[] = {{"w", "shop/web"}, {"t", "shop/bat"}, {"b", "blog/web"}, {"n", "bare/web"}};
    auto_sbuf spec = SBUF_INIT;
    auto_sbuf got = SBUF_INIT;
    sbuf_printf(&spec, "podSelector: {matchLabels: {app: db}}, ingress: [{from: [%s]}]", peers);
    world_policy(e, "shop/p", spec.data);
    for (size_t i = 0; i < ARRAY_LEN(pods); i++)
        if (from(e, pods[i].pod))
            sbuf_puts(&got, pods[i].name);
    assert_string_equal(sbuf_cstr(&got), expected);
}

static void each_peer_form_selects(void **state)
{
    (void)state;
    struct engine *e = cluster();
    assert_sources(e, "{podSelector: {}}", "wt");
    assert_sources(e, "{podSelector: {matchLabels: {app: web}}}", "w");
    assert_sources(e, "{namespaceSelector: {}}", "wtbn");
    assert_sources(e, "{namespaceSelector: {matchLabels: {team: b}}}", "b");
    assert_sources(e, "{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: bare}}}",
                   "n");
    assert_sources(e,
                   "{namespaceSelector: {matchExpressions: [{key: team, operator: Exists}]}, "
                   "podSelector: {matchLabels: {app: web}}}",
                   "wb");
    assert_sources(e,
                   "{podSelector: {matchLabels: {app: bat}}}, "
                   "{namespaceSelector: {matchLabels: {team: b}}}",
                   "tb");
    assert_sources(e, "{ipBlock: {cidr: 10.0.0.0/8}}", "wtbn");
    assert_sources(e, "{ipBlock: {cidr: 10.0.0.0/16, except: [10.0.1.0/31, 10.0.2.0/24]}}", "tn");
    world_done(e);
}

static void each_operator_selects(void **state)
{
    (void)state;
    struct engine *e = cluster();
#define EXPR(x) "{podSelector: {matchExpressions: [{key: " x "}]}}"
#define NS_EXPR(x) "{namespaceSelector: {matchExpressions: [{key: " x "}]}}"
    assert_sources(e, EXPR("app, operator: In, values: [bat, web]"), "wt");
    assert_sources(e, EXPR("app, operator: NotIn, values: [web]"), "t");
    assert_sources(e, EXPR("tier, operator: NotIn, values: [front]"), "t");
    assert_sources(e, EXPR("tier, operator: Exists"), "w");
    assert_sources(e, EXPR("tier, operator: DoesNotExist"), "t");
    assert_sources(e, NS_EXPR("team, operator: In, values: [a, b]"), "wtb");
    assert_sources(e, NS_EXPR("team, operator: NotIn, values: [a]"), "bn");
    assert_sources(e, NS_EXPR("team, operator: DoesNotExist"), "n");
    world_done(e);
}

static void nobody_named_means_everyone(void **state)
{
    (void)state;
    struct engine *e = cluster();
    world_policy(e, "shop/p", "podSelector: {}, ingress: [{}]");
    assert_true(from(e, "shop/bat"));
    assert_true(from(e, "192.0.2.1"));
    world_policy(e, "shop/p", "podSelector: {}, ingress: []");
    assert_false(from(e, "shop/bat"));
    assert_false(from(e, "192.0.2.1"));
    world_done(e);
}

static void both_families_follow_the_pod(void **state)
{
    (void)state;
    struct engine *e = cluster();
    world_policy(e, "shop/p", "podSelector: {}, ingress: [{from: [{podSelector: {}}]}]");
    assert_true(from(e, "10.0.1.1"));
    assert_true(from(e, "fd00:1::1"));
    assert_false(from(e, "fd00:1::2"));
    world_policy(e, "shop/p", "podSelector: {}, ingress: [{from: [{ipBlock: {cidr: \"::/0\"}}]}]");
    assert_false(from(e, "10.0.1.1"));
    assert_true(from(e, "fd00:1::2"));
    world_done(e);
}

static void attachment_says_the_address_of_a_local_peer(void **state)
{
    (void)state;
    struct engine *e = cluster();
    world_attach_pod(e, "shop/web", "10.0.0.7");
    world_policy(e, "shop/p",
                 "podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {}}]}]");
    assert_true(from(e, "10.0.0.7"));
    assert_false(from(e, "10.0.1.1")); /* what its status says */
    world_detach(e, "c-web");
    assert_true(from(e, "10.0.1.1"));
    world_done(e);
}

static void finished_and_host_network_are_no_peers(void **state)
{
    (void)state;
    struct engine *e = cluster();
    world_policy(e, "shop/p",
                 "podSelector: {matchLabels: {app: db}}, "
                 "ingress: [{from: [{podSelector: {}}]}]");
    assert_true(from(e, "10.0.1.2"));
    world_pod_full(
        e, &(struct world_pod){.key = "shop/bat", .ips = "10.0.1.2", .status = "phase: Succeeded"});
    assert_false(from(e, "10.0.1.2"));
    world_pod_full(
        e, &(struct world_pod){.key = "shop/bat", .ips = "10.0.1.2", .status = "phase: Failed"});
    assert_false(from(e, "10.0.1.2"));
    world_pod_full(
        e, &(struct world_pod){.key = "shop/bat", .ips = "10.0.1.2", .spec = "hostNetwork: true"});
    assert_false(from(e, "10.0.1.2"));
    /* The address now belongs to a live Pod; the finished one still shows it. */
    world_pod_full(
        e, &(struct world_pod){.key = "shop/bat", .ips = "10.0.1.2", .status = "phase: Succeeded"});
    world_pod(e, "shop/new", "", "10.0.1.2");
    assert_true(from(e, "10.0.1.2"));
    world_done(e);
}

static void peers_follow_labels_of_pods_and_namespaces(void **state)
{
    (void)state;
    struct engine *e = cluster();
    assert_sources(e,
                   "{namespaceSelector: {matchLabels: {team: b}}, "
                   "podSelector: {matchLabels: {app: web}}}",
                   "b");
    world_namespace(e, "bare", "team: b");
    assert_true(from(e, "bare/web"));
    world_remove(e, TABLE_NAMESPACE, "bare");
    assert_false(from(e, "bare/web"));
    world_pod(e, "blog/web", "app: other", "10.0.2.1");
    assert_false(from(e, "blog/web"));
    world_remove(e, TABLE_POD, "blog/web");
    assert_false(from(e, "10.0.2.1"));
    world_done(e);
}

static void egress_is_by_destination(void **state)
{
    (void)state;
    struct engine *e = cluster();
    world_policy(e, "shop/p",
                 "podSelector: {matchLabels: {app: db}}, policyTypes: [Egress], egress: "
                 "[{to: [{podSelector: {matchLabels: {app: web}}}, "
                 "{ipBlock: {cidr: 192.0.2.0/24, except: [192.0.2.128/25]}}]}]");
    assert_true(world_allows(e, "shop/db", "shop/web", TCP, 80));
    assert_false(world_allows(e, "shop/db", "shop/bat", TCP, 80));
    assert_true(world_allows(e, "shop/db", "192.0.2.1", ICMP, 0));
    assert_false(world_allows(e, "shop/db", "192.0.2.200", ICMP, 0));
    assert_true(world_allows(e, "shop/bat", "shop/db", TCP, 80)); /* ingress is open */
    world_done(e);
}

static void container_without_identity_is_peer_and_selected(void **state)
{
    (void)state;
    struct engine *e = world_intents();
    world_pod(e, "default/db", "app: db", "");
    world_attach_pod(e, "default/db", "10.0.0.5");
    world_attach(e, &(struct world_attachment){.container = "raw", .ips = "10.0.0.9"});
    world_policy(e, "default/p",
                 "podSelector: {}, ingress: [{from: [{podSelector: "
                 "{matchExpressions: [{key: app, operator: DoesNotExist}]}}]}]");
    assert_true(world_allows(e, "default/raw", "default/db", TCP, 1));
    assert_false(world_allows(e, "default/db", "default/raw", TCP, 1));
    world_done(e);
}

static void blocks_with_too_many_pieces_open_nothing(void **state)
{
    (void)state;
    struct engine *e = cluster();
    struct arena a;
    arena_init(&a, 0);
    auto_sbuf spec = SBUF_INIT;
    sbuf_puts(&spec, "podSelector: {}, ingress: [{from: [{podSelector: {}}, "
                     "{ipBlock: {cidr: \"::/0\", except: [");
    for (unsigned i = 0; i < 60; i++)
        sbuf_printf(&spec, "%s\"%x:%x::1/128\"", i ? ", " : "", i * 1093u + 7, i * 1013u + 3);
    sbuf_puts(&spec, "]}}]}]");
    world_policy(e, "shop/p", spec.data);
    assert_false(from(e, "2001:db8::1"));
    assert_true(from(e, "shop/bat")); /* the other peer holds */
    const char *why = world_failure(e, "policy", "shop/p", &a);
    assert_non_null(why);
    assert_non_null(strstr(why, "::/0"));
    world_policy(e, "shop/p",
                 "podSelector: {}, ingress: [{from: [{ipBlock: {cidr: \"::/0\", "
                 "except: [\"1::/16\"]}}]}]");
    assert_true(from(e, "2001:db8::1"));
    assert_null(world_failure(e, "policy", "shop/p", &a));
    arena_done(&a);
    world_done(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_peer_form_selects),
        cmocka_unit_test(each_operator_selects),
        cmocka_unit_test(nobody_named_means_everyone),
        cmocka_unit_test(both_families_follow_the_pod),
        cmocka_unit_test(attachment_says_the_address_of_a_local_peer),
        cmocka_unit_test(finished_and_host_network_are_no_peers),
        cmocka_unit_test(peers_follow_labels_of_pods_and_namespaces),
        cmocka_unit_test(egress_is_by_destination),
        cmocka_unit_test(container_without_identity_is_peer_and_selected),
        cmocka_unit_test(blocks_with_too_many_pieces_open_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
