/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/k8s/k8s_test.h"

#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"

#define POLICY "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\n"

static void a_policy_is_read_in_every_field(void **state)
{
    (void)state;
    struct network_policy *p = k8s_object(
        POLICY "spec:\n"
               "  podSelector: {matchLabels: {app: db}}\n"
               "  policyTypes: [Egress, Ingress]\n"
               "  ingress:\n"
               "  - from:\n"
               "    - podSelector: {}\n"
               "    - namespaceSelector: {matchLabels: {team: x}}\n"
               "      podSelector: {matchLabels: {app: web}}\n"
               "    - ipBlock: {cidr: 10.1.2.3/16, except: [10.1.9.9/24, 10.1.128.0/17]}\n"
               "    ports:\n"
               "    - port: 5432\n"
               "    - {port: 100, endPort: 200, protocol: UDP}\n"
               "    - {port: metrics, protocol: SCTP}\n"
               "    - {protocol: UDP}\n"
               "    - {}\n"
               "  - {}\n"
               "  egress:\n"
               "  - to: [{ipBlock: {cidr: 'fd00::/8'}}]\n");
    char text[PREFIX_TEXT_MAX];
    assert_true(p->ingress_isolates && p->egress_isolates);
    assert_int_equal(p->n_ingress, 2);
    assert_int_equal(p->n_egress, 1);
    const struct np_rule *r = &p->ingress[0];
    assert_int_equal(r->n_peers, 3);
    assert_true(r->peers[0].has_pod_selector && !r->peers[0].has_ns_selector);
    assert_int_equal(r->peers[0].pods.n_reqs, 0);
    assert_true(r->peers[1].has_pod_selector && r->peers[1].has_ns_selector);
    assert_string_equal(r->peers[1].namespaces.reqs[0].key, "team");
    assert_string_equal(r->peers[1].pods.reqs[0].values[0], "web");
    assert_true(r->peers[2].is_block);
    assert_string_equal(prefix_format(&r->peers[2].cidr, text), "10.1.0.0/16");
    assert_int_equal(r->peers[2].n_except, 2);
    assert_string_equal(prefix_format(&r->peers[2].except[0], text), "10.1.9.0/24");
    assert_int_equal(r->n_ports, 5);
    assert_int_equal(r->ports[0].proto, 6);
    assert_int_equal(r->ports[0].port, 5432);
    assert_int_equal(r->ports[0].end, 5432);
    assert_int_equal(r->ports[1].end, 200);
    assert_string_equal(r->ports[2].name, "metrics");
    assert_int_equal(r->ports[2].port, 0);
    assert_int_equal(r->ports[3].proto, 17);
    assert_int_equal(r->ports[3].end, 0);
    assert_null(r->ports[3].name);
    assert_int_equal(r->ports[4].proto, 6);
    assert_int_equal(p->ingress[1].n_peers + p->ingress[1].n_ports, 0);
    object_free(p);
    assert_nothing_interned();
}

static void policy_types_are_defaulted(void **state)
{
    static const struct {
        const char *spec;
        bool ingress, egress;
    } rows[] = {
        {"{podSelector: {}}", true, false},
        {"{podSelector: {}, ingress: []}", true, false},
        {"{podSelector: {}, egress: []}", true, false},
        {"{podSelector: {}, egress: [{}]}", true, true},
        {"{podSelector: {}, policyTypes: [], egress: [{}]}", true, true},
        {"{podSelector: {}, policyTypes: [Egress]}", false, true},
        {"{podSelector: {}, policyTypes: [Ingress], egress: [{}]}", true, false},
        {"{podSelector: {}, policyTypes: [Egress], ingress: [{}]}", false, true},
        {"{podSelector: {}, policyTypes: [Ingress, Ingress]}", true, false},
        {"{}", true, false},
        {"null", true, false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[400];
        snprintf(text, sizeof text, POLICY "spec: %s\n", rows[i].spec);
        struct network_policy *p = k8s_object(text);
        if (p->ingress_isolates != rows[i].ingress || p->egress_isolates != rows[i].egress)
            fail_msg("row %zu: %s", i, rows[i].spec);
        object_free(p);
    }
}

static void bad_policies_are_refused_with_the_field(void **state)
{
    static const struct {
        const char *spec, *error;
    } rows[] = {
        {"7", "spec: must be a map"},
        {"{podSelector: []}", "spec.podSelector: must be a map"},
        {"{podSelector: {matchLabels: [a]}}", "spec.podSelector.matchLabels: must be a map"},
        {"{podSelector: {matchLabels: {a: true}}}",
         "spec.podSelector.matchLabels.a: must be a string, not a boolean"},
        {"{podSelector: {matchLabels: {a: 'b c'}}}",
         "spec.podSelector.matchLabels.a: a label value"},
        {"{podSelector: {matchExpressions: {}}}",
         "spec.podSelector.matchExpressions: must be a list"},
        {"{podSelector: {matchExpressions: [{operator: Exists}]}}",
         "spec.podSelector.matchExpressions[0].key: is required"},
        {"{podSelector: {matchExpressions: [{key: '', operator: Exists}]}}",
         "spec.podSelector.matchExpressions[0].key: is required"},
        {"{podSelector: {matchExpressions: [{key: a b, operator: Exists}]}}",
         "spec.podSelector.matchExpressions[0].key: a label key"},
        {"{podSelector: {matchExpressions: [{key: a}]}}",
         "spec.podSelector.matchExpressions[0].operator: is required"},
        {"{podSelector: {matchLabels: {z: w}, matchExpressions: [{key: a, operator: Gt}]}}",
         "spec.podSelector.matchExpressions[0].operator: \"Gt\" is not an operator"},
        {"{podSelector: {matchExpressions: [{key: a, operator: in, values: [b]}]}}",
         "spec.podSelector.matchExpressions[0].operator: \"in\" is not an operator"},
        {"{podSelector: {matchExpressions: [{key: a, operator: In}]}}",
         "spec.podSelector.matchExpressions[0].values: must be given"},
        {"{podSelector: {matchExpressions: [{key: a, operator: NotIn, values: []}]}}",
         "spec.podSelector.matchExpressions[0].values: must be given"},
        {"{podSelector: {matchExpressions: [{key: a, operator: Exists, values: [b]}]}}",
         "spec.podSelector.matchExpressions[0].values: must not be given"},
        {"{podSelector: {matchExpressions: [{key: a, operator: DoesNotExist, values: [b]}]}}",
         "spec.podSelector.matchExpressions[0].values: must not be given"},
        {"{podSelector: {matchExpressions: [{key: a, operator: In, values: [b, 7]}]}}",
         "spec.podSelector.matchExpressions[0].values[1]: must be a string"},
        {"{podSelector: {matchExpressions: [{key: a, operator: In, values: ['b c']}]}}",
         "spec.podSelector.matchExpressions[0].values[0]: a label value"},
        {"{policyTypes: Ingress}", "spec.policyTypes: must be a list"},
        {"{policyTypes: [ingress]}", "spec.policyTypes[0]: \"ingress\" is not a policy type"},
        {"{policyTypes: [null]}", "spec.policyTypes[0]: \"\" is not a policy type"},
        {"{policyTypes: [Ingress, Egress, Ingress]}", "spec.policyTypes: may hold no more"},
        {"{ingress: {}}", "spec.ingress: must be a list"},
        {"{ingress: [7]}", "spec.ingress[0]: must be a map"},
        {"{ingress: [{from: {}}]}", "spec.ingress[0].from: must be a list"},
        {"{ingress: [{from: [7]}]}", "spec.ingress[0].from[0]: must be a map"},
        {"{ingress: [{from: [{}]}]}", "spec.ingress[0].from[0]: must hold podSelector"},
        {"{ingress: [{from: [null]}]}", "spec.ingress[0].from[0]: must hold podSelector"},
        {"{egress: [{to: [{podSelector: null}]}]}", "spec.egress[0].to[0]: must hold podSelector"},
        {"{ingress: [{from: [{podSelector: {}, ipBlock: {cidr: 10.0.0.0/8}}]}]}",
         "spec.ingress[0].from[0].ipBlock: must not be given beside a selector"},
        {"{ingress: [{from: [{namespaceSelector: {}, ipBlock: {cidr: 10.0.0.0/8}}]}]}",
         "spec.ingress[0].from[0].ipBlock: must not be given beside a selector"},
        {"{ingress: [{from: [{ipBlock: 10.0.0.0/8}]}]}",
         "spec.ingress[0].from[0].ipBlock: must be a map"},
        {"{ingress: [{from: [{ipBlock: {}}]}]}",
         "spec.ingress[0].from[0].ipBlock.cidr: is required"},
        {"{ingress: [{from: [{ipBlock: {cidr: ''}}]}]}",
         "spec.ingress[0].from[0].ipBlock.cidr: is required"},
        {"{ingress: [{from: [{ipBlock: {cidr: 10.0.0.0}}]}]}",
         "spec.ingress[0].from[0].ipBlock.cidr: \"10.0.0.0\" is not a CIDR"},
        {"{ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: 10.1.0.0/16}}]}]}",
         "spec.ingress[0].from[0].ipBlock.except: must be a list"},
        {"{ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/16]}}]}]}",
         "spec.ingress[0].from[0].ipBlock.except[0]: must lie inside cidr"},
        {"{ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/8]}}]}]}",
         "spec.ingress[0].from[0].ipBlock.except[0]: must lie inside cidr"},
        {"{ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [0.0.0.0/0]}}]}]}",
         "spec.ingress[0].from[0].ipBlock.except[0]: must lie inside cidr"},
        {"{ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: ['fd00::/16']}}]}]}",
         "spec.ingress[0].from[0].ipBlock.except[0]: must lie inside cidr"},
        {"{ingress: [{ports: {}}]}", "spec.ingress[0].ports: must be a list"},
        {"{ingress: [{ports: [80]}]}", "spec.ingress[0].ports[0]: must be a map"},
        {"{ingress: [{ports: [{port: 0}]}]}",
         "spec.ingress[0].ports[0].port: must be between 1 and 65535"},
        {"{ingress: [{ports: [{port: 65536}]}]}",
         "spec.ingress[0].ports[0].port: must be between 1 and 65535"},
        {"{ingress: [{ports: [{port: -1}]}]}",
         "spec.ingress[0].ports[0].port: must be between 1 and 65535"},
        {"{ingress: [{ports: [{port: true}]}]}",
         "spec.ingress[0].ports[0].port: must be a number or a name"},
        {"{ingress: [{ports: [{port: '80'}]}]}",
         "spec.ingress[0].ports[0].port: a port name must hold a letter"},
        {"{ingress: [{ports: [{port: ''}]}]}", "spec.ingress[0].ports[0].port: is required"},
        {"{ingress: [{ports: [{port: 80, protocol: ICMP}]}]}",
         "spec.ingress[0].ports[0].protocol: \"ICMP\" is not a protocol"},
        {"{ingress: [{}, {ports: [{}, {port: 80, endPort: 79}]}]}",
         "spec.ingress[1].ports[1].endPort: below port"},
        {"{ingress: [{ports: [{port: 80, endPort: 65536}]}]}",
         "spec.ingress[0].ports[0].endPort: must be between 1 and 65535"},
        {"{ingress: [{ports: [{endPort: 80}]}]}",
         "spec.ingress[0].ports[0].endPort: must not be given without port"},
        {"{ingress: [{ports: [{port: http, endPort: 80}]}]}",
         "spec.ingress[0].ports[0].endPort: must not be given when port is a name"},
        {"{egress: [{to: [{podSelector: {matchExpressions: [{key: a, operator: X}]}}]}]}",
         "spec.egress[0].to[0].podSelector.matchExpressions[0].operator: \"X\" is not"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[600];
        struct err err = {0};
        snprintf(text, sizeof text, POLICY "spec: %s\n", rows[i].spec);
        k8s_bad_object(text, &err);
        if (strncmp(err.text, rows[i].error, strlen(rows[i].error)))
            fail_msg("row %zu: \"%s\", wanted \"%s\"", i, err.text, rows[i].error);
    }
    assert_nothing_interned();
}

static void policies_differ_in_each_field(void **state)
{
    static const char *const specs[] = {
        "{}",
        "{podSelector: {matchLabels: {a: b}}}",
        "{policyTypes: [Egress]}",
        "{policyTypes: [Egress, Ingress]}",
        "{ingress: [{}]}",
        "{ingress: [{}, {}]}",
        "{egress: [{}]}",
        "{ingress: [{ports: [{port: 80}]}]}",
        "{ingress: [{ports: [{port: 81}]}]}",
        "{ingress: [{ports: [{port: 80, endPort: 81}]}]}",
        "{ingress: [{ports: [{port: 80, protocol: UDP}]}]}",
        "{ingress: [{ports: [{port: http}]}]}",
        "{ingress: [{ports: [{port: dns}]}]}",
        "{ingress: [{ports: [{}]}]}",
        "{ingress: [{from: [{podSelector: {}}]}]}",
        "{ingress: [{from: [{namespaceSelector: {}}]}]}",
        "{ingress: [{from: [{podSelector: {}, namespaceSelector: {}}]}]}",
        "{ingress: [{from: [{podSelector: {matchLabels: {a: b}}}]}]}",
        "{ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}]}",
        "{ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/9}}]}]}",
        "{ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}]}]}",
        "{ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.2.0.0/16]}}]}]}",
    };
    enum { N = ARRAY_LEN(specs) };
    void *x[N], *y[N];
    (void)state;
    for (size_t i = 0; i < N; i++) {
        char text[400];
        snprintf(text, sizeof text, POLICY "spec: %s\n", specs[i]);
        x[i] = k8s_object(text);
        y[i] = k8s_object(text);
    }
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < N; k++)
            if (object_equal(x[i], y[k]) != (i == k))
                fail_msg("%s and %s", specs[i], specs[k]);
    for (size_t i = 0; i < N; i++) {
        object_free(x[i]);
        object_free(y[i]);
    }
    assert_nothing_interned();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_policy_is_read_in_every_field),
        cmocka_unit_test(policy_types_are_defaulted),
        cmocka_unit_test(bad_policies_are_refused_with_the_field),
        cmocka_unit_test(policies_differ_in_each_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
