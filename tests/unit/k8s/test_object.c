/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/k8s/k8s_test.h"

#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/sbuf.h"

#define POD "apiVersion: v1\nkind: Pod\n"
#define NODE "apiVersion: v1\nkind: Node\n"
#define NAMESPACE "apiVersion: v1\nkind: Namespace\n"

static void a_pod_is_read_in_every_field(void **state)
{
    (void)state;
    struct pod *p = k8s_object(
        POD "metadata:\n"
            "  name: web-0\n"
            "  namespace: shop\n"
            "  uid: 11111111-2222\n"
            "  labels: {tier: front, app: web}\n"
            "  annotations: {kubernetes.io/config.mirror: abc, note: x}\n"
            "spec:\n"
            "  nodeName: node-a\n"
            "  hostNetwork: true\n"
            "  initContainers:\n"
            "  - {name: once, ports: [{containerPort: 1, name: gone}]}\n"
            "  - {name: side, restartPolicy: Always, ports: [{containerPort: 9, name: side}]}\n"
            "  containers:\n"
            "  - name: a\n"
            "    ports:\n"
            "    - {containerPort: 80, name: http}\n"
            "    - {containerPort: 53, name: dns, protocol: UDP}\n"
            "    - {containerPort: 53, name: dns}\n"
            "    - {containerPort: 99}\n"
            "  - {name: b, ports: [{containerPort: 7, name: http, protocol: SCTP}]}\n"
            "status:\n"
            "  phase: Running\n"
            "  podIP: 10.0.0.5\n"
            "  podIPs: [{ip: 10.0.0.5}, {ip: 'fd00::5'}]\n");
    char key[K8S_KEY_MAX], ip[IP_TEXT_MAX];
    assert_int_equal(p->meta.kind, K8S_POD);
    assert_string_equal(k8s_key(&p->meta, key), "shop/web-0");
    assert_string_equal(p->meta.uid, "11111111-2222");
    assert_true(p->meta.uid_given);
    assert_int_equal(p->meta.labels.n, 2);
    assert_string_equal(p->meta.labels.v[0].key, "app");
    assert_string_equal(p->mirror_uid, "abc");
    assert_string_equal(p->node_name, "node-a");
    assert_true(p->host_network);
    assert_int_equal(p->phase, POD_ACTIVE);
    assert_int_equal(p->n_ips, 2);
    assert_string_equal(ip_format(&p->ips[1], ip), "fd00::5");
    assert_int_equal(p->n_ports, 5);
    assert_string_equal(p->ports[0].name, "side");
    assert_string_equal(p->ports[1].name, "http");
    assert_int_equal(p->ports[1].proto, 6);
    assert_int_equal(p->ports[2].proto, 17);
    assert_int_equal(p->ports[4].proto, 132);
    assert_int_equal(p->ports[4].port, 7);
    object_free(p);
    assert_nothing_interned();
}

static void a_pod_has_defaults(void **state)
{
    (void)state;
    struct pod *p = k8s_object(POD "metadata: {name: a}\nspec: null\n");
    assert_string_equal(p->meta.namespace_, "default");
    assert_string_equal(p->node_name, "");
    assert_string_equal(p->mirror_uid, "");
    assert_false(p->host_network);
    assert_false(p->meta.uid_given);
    assert_int_equal(p->n_ips + p->n_ports + p->meta.labels.n, 0);
    object_free(p);
}

static void a_made_uid_is_stable_and_its_own(void **state)
{
    (void)state;
    struct pod *a = k8s_object(POD "metadata: {name: a, namespace: ns1}\n");
    struct pod *again = k8s_object(POD "metadata: {name: a, namespace: ns1, labels: {x: w}}\n");
    struct pod *other = k8s_object(POD "metadata: {name: a, namespace: m}\n");
    assert_int_equal(strlen(a->meta.uid), 36);
    assert_int_equal(a->meta.uid[14], '8');
    assert_string_equal(a->meta.uid, again->meta.uid);
    assert_string_not_equal(a->meta.uid, other->meta.uid);
    object_free(a);
    object_free(again);
    object_free(other);
}

static void phases_succeeded_and_failed_are_finished(void **state)
{
    static const struct {
        const char *phase;
        enum pod_phase want;
    } rows[] = {{"Pending", POD_ACTIVE},
                {"Unknown", POD_ACTIVE},
                {"Succeeded", POD_FINISHED},
                {"Failed", POD_FINISHED}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[200];
        snprintf(text, sizeof text, POD "metadata: {name: a}\nstatus: {phase: %s}\n",
                 rows[i].phase);
        struct pod *p = k8s_object(text);
        assert_int_equal(p->phase, rows[i].want);
        object_free(p);
    }
}

static void pod_ip_stands_in_for_pod_ips(void **state)
{
    (void)state;
    char ip[IP_TEXT_MAX];
    struct pod *p = k8s_object(POD "metadata: {name: a}\nstatus: {podIP: '::ffff:10.1.2.3'}\n");
    assert_int_equal(p->n_ips, 1);
    assert_string_equal(ip_format(&p->ips[0], ip), "10.1.2.3");
    object_free(p);
    p = k8s_object(POD "metadata: {name: a}\nstatus: {podIP: '', podIPs: []}\n");
    assert_int_equal(p->n_ips, 0);
    object_free(p);
}

static void a_namespace_always_has_its_name_as_label(void **state)
{
    (void)state;
    struct namespace_ *n =
        k8s_object(NAMESPACE "metadata: {name: shop, labels: {a: b, team: x, zone: z}}\n");
    assert_int_equal(n->meta.labels.n, 4);
    assert_string_equal(labels_get(&n->meta.labels, "kubernetes.io/metadata.name"), "shop");
    for (size_t i = 1; i < n->meta.labels.n; i++)
        assert_true(strcmp(n->meta.labels.v[i - 1].key, n->meta.labels.v[i].key) < 0);
    object_free(n);
    n = k8s_object(NAMESPACE
                   "metadata: {name: shop, labels: {kubernetes.io/metadata.name: forged}}\n");
    assert_int_equal(n->meta.labels.n, 1);
    assert_string_equal(n->meta.labels.v[0].value, "shop");
    object_free(n);
    assert_nothing_interned();
}

static void a_node_is_read(void **state)
{
    (void)state;
    char text[PREFIX_TEXT_MAX];
    struct node *n = k8s_object(
        NODE "metadata: {name: node-a, labels: {kubernetes.io/os: windows}}\n"
             "spec: {podCIDR: 10.1.0.7/24, podCIDRs: [10.1.0.7/24, 'fd00:1::/64']}\n"
             "status: {addresses: [{type: Hostname, address: node-a},"
             " {type: InternalIP, address: 192.168.0.1}, {type: InternalIP, address: 'fd::1'}]}\n");
    assert_string_equal(n->os, "windows");
    assert_int_equal(n->n_pod_cidrs, 2);
    assert_string_equal(prefix_format(&n->pod_cidrs[0], text), "10.1.0.0/24");
    assert_string_equal(prefix_format(&n->pod_cidrs[1], text), "fd00:1::/64");
    assert_int_equal(n->n_internal_ips, 2);
    assert_string_equal(ip_format(&n->internal_ips[0], text), "192.168.0.1");
    assert_string_equal(n->meta.namespace_, "");
    object_free(n);
    n = k8s_object(NODE "metadata: {name: b}\nspec: {podCIDR: 10.2.0.0/24}\n");
    assert_string_equal(n->os, "linux");
    assert_int_equal(n->n_pod_cidrs, 1);
    object_free(n);
    assert_nothing_interned();
}

/* The API server takes numbers with zeros in front in all of its older fields. */
static void leading_zeros_are_decimal(void **state)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"010.001.000.0", "10.1.0.0"}, {"00::00ff", "::ff"}, {"::ffff:010.1.2.03", "10.1.2.3"}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char ip[IP_TEXT_MAX];
        auto_sbuf text = SBUF_INIT;
        sbuf_printf(&text, POD "metadata: {name: a}\nstatus: {podIP: '%s'}\n", rows[i].in);
        struct pod *p = k8s_object(sbuf_cstr(&text));
        assert_int_equal(p->n_ips, 1);
        assert_string_equal(ip_format(&p->ips[0], ip), rows[i].out);
        object_free(p);
    }
    char cidr[PREFIX_TEXT_MAX];
    struct node *n = k8s_object(NODE "metadata: {name: a}\nspec: {podCIDR: 010.2.0.0/024}\n");
    assert_string_equal(prefix_format(&n->pod_cidrs[0], cidr), "10.2.0.0/24");
    object_free(n);
    assert_nothing_interned();
}

/* Nobody checks a Node's addresses: a cloud may write a name there. */
static void an_internal_ip_that_is_none_is_left_out(void **state)
{
    (void)state;
    struct node *n =
        k8s_object(NODE "metadata: {name: a}\nstatus: {addresses: [{type: InternalIP, address: "
                        "a.internal}, {type: InternalIP}, {type: InternalIP, address: ''}, "
                        "{type: InternalIP, address: 192.0.2.1}]}\n");
    char text[IP_TEXT_MAX];
    assert_int_equal(n->n_internal_ips, 1);
    assert_string_equal(ip_format(&n->internal_ips[0], text), "192.0.2.1");
    object_free(n);
    assert_nothing_interned();
}

struct bad {
    const char *text, *error; /* what the message begins with */
};

static void bad_objects_are_refused_with_the_field(void **state)
{
    static const struct bad rows[] = {
        {POD "metadata: {}\n", "metadata.name: is required"},
        {POD "spec: {}\n", "metadata.name: is required"},
        {POD "metadata: [a]\n", "metadata: must be a map, not a list"},
        {POD "metadata: {name: 7}\n", "metadata.name: must be a string, not a number"},
        {POD "metadata: {name: yes}\n", "metadata.name: must be a string, not a boolean"},
        {POD "metadata: {name: A}\n", "metadata.name: must be lower case"},
        {POD "metadata: {name: a, namespace: a.b}\n", "metadata.namespace: must be lower case"},
        {POD "metadata: {name: a, uid: 7}\n", "metadata.uid: must be a string"},
        {POD "metadata: {name: a, labels: [x]}\n", "metadata.labels: must be a map"},
        {POD "metadata: {name: a, labels: {x: 1}}\n", "metadata.labels.x: must be a string"},
        {POD "metadata: {name: a, labels: {x: {}}}\n", "metadata.labels.x: must be a string"},
        {POD "metadata: {name: a, labels: {a.b/c: 'x y'}}\n",
         "metadata.labels[\"a.b/c\"]: a label value must be letters"},
        {POD "metadata: {name: a, labels: {-x: w}}\n", "metadata.labels.-x: a label key must be"},
        {POD "metadata: {name: a, annotations: 7}\n", "metadata.annotations: must be a map"},
        {POD "metadata: {name: a}\nspec: 7\n", "spec: must be a map, not a number"},
        {POD "metadata: {name: a}\nspec: {nodeName: 7}\n", "spec.nodeName: must be a string"},
        {POD "metadata: {name: a}\nspec: {nodeName: A_b}\n", "spec.nodeName: must be lower"},
        {POD "metadata: {name: a}\nspec: {hostNetwork: 'true'}\n",
         "spec.hostNetwork: must be true or false, not a string"},
        {POD "metadata: {name: a}\nspec: {containers: {}}\n", "spec.containers: must be a list"},
        {POD "metadata: {name: a}\nspec: {containers: [7]}\n", "spec.containers[0]: must be a map"},
        {POD "metadata: {name: a}\nspec: {containers: [{}, {ports: x}]}\n",
         "spec.containers[1].ports: must be a list"},
        {POD "metadata: {name: a}\nspec: {containers: [{ports: [{}]}]}\n",
         "spec.containers[0].ports[0].containerPort: is required"},
        {POD "metadata: {name: a}\nspec: {containers: [{ports: [{containerPort: 0}]}]}\n",
         "spec.containers[0].ports[0].containerPort: must be between 1 and 65535"},
        {POD "metadata: {name: a}\nspec: {containers: [{ports: [{containerPort: 65536}]}]}\n",
         "spec.containers[0].ports[0].containerPort: must be between 1 and 65535"},
        {POD "metadata: {name: a}\nspec: {containers: [{ports: [{containerPort: 1.5}]}]}\n",
         "spec.containers[0].ports[0].containerPort: must be an integer"},
        {POD "metadata: {name: a}\nspec: {containers: [{ports: [{containerPort: '80'}]}]}\n",
         "spec.containers[0].ports[0].containerPort: must be an integer, not a string"},
        {POD
         "metadata: {name: a}\nspec: {containers: [{ports: [{containerPort: 80, name: 80}]}]}\n",
         "spec.containers[0].ports[0].name: must be a string"},
        {POD
         "metadata: {name: a}\nspec: {containers: [{ports: [{containerPort: 80, name: '80'}]}]}\n",
         "spec.containers[0].ports[0].name: a port name must hold a letter"},
        {POD "metadata: {name: a}\nspec: {containers: [{ports: [{containerPort: 1, name: x}, "
             "{containerPort: 2, name: x}]}]}\n",
         "spec.containers[0].ports[1].name: occurs twice in this container"},
        {POD "metadata: {name: a}\nspec: {containers: [{ports: [{containerPort: 1, protocol: "
             "tcp}]}]}\n",
         "spec.containers[0].ports[0].protocol: \"tcp\" is not a protocol: TCP, UDP or SCTP"},
        {POD "metadata: {name: a}\nstatus: {podIP: 1.2.3}\n",
         "status.podIP: \"1.2.3\" is not an IP address"},
        {POD "metadata: {name: a}\nstatus: {podIPs: [1.2.3.4]}\n",
         "status.podIPs[0]: must be a map"},
        {POD "metadata: {name: a}\nstatus: {podIPs: [{}]}\n", "status.podIPs[0].ip: is required"},
        {POD "metadata: {name: a}\nstatus: {podIPs: [{ip: 1.2.3.4}, {ip: 1.2.3.5}]}\n",
         "status.podIPs[1].ip: may hold no more than one address of each family"},
        {POD "metadata: {name: a}\nstatus: {podIPs: [{ip: 1.2.3.4}, {ip: '::1'}, {ip: '::2'}]}\n",
         "status.podIPs: may hold no more than one address of each family"},
        {POD "metadata: {name: a}\nstatus: {podIP: 1.2.3.4, podIPs: [{ip: 1.2.3.5}]}\n",
         "status.podIP: must be the first of status.podIPs"},
        {POD "metadata: {name: a}\nstatus: {phase: 7}\n", "status.phase: must be a string"},
        {NAMESPACE "metadata: {name: a.b}\n", "metadata.name: must be lower case"},
        {NAMESPACE "metadata: {name: a, namespace: b}\n",
         "metadata.namespace: must not be given: a Namespace is not in a Namespace"},
        {NODE "metadata: {name: a, namespace: b}\n", "metadata.namespace: must not be given"},
        {NODE "metadata: {name: a}\nspec: {podCIDRs: 10.0.0.0/8}\n",
         "spec.podCIDRs: must be a list, not a string"},
        {NODE "metadata: {name: a}\nspec: {podCIDRs: [10.0.0.0]}\n",
         "spec.podCIDRs[0]: \"10.0.0.0\" is not a CIDR"},
        {NODE "metadata: {name: a}\nspec: {podCIDRs: [10.0.0.0/33]}\n",
         "spec.podCIDRs[0]: \"10.0.0.0/33\" is not a CIDR"},
        {NODE "metadata: {name: a}\nspec: {podCIDRs: [10.0.0.0/24, 10.1.0.0/24]}\n",
         "spec.podCIDRs[1]: may hold no more than one CIDR of each family"},
        {NODE "metadata: {name: a}\nspec: {podCIDR: 10.0.0.0/24, podCIDRs: [10.1.0.0/24]}\n",
         "spec.podCIDR: must be the first of spec.podCIDRs"},
        {NODE "metadata: {name: a}\nstatus: {addresses: {}}\n", "status.addresses: must be a list"},
        {NODE "metadata: {name: a}\nstatus: {addresses: [{type: InternalIP, address: 1}]}\n",
         "status.addresses[0].address: must be a string"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = {0};
        k8s_bad_object(rows[i].text, &err);
        if (strncmp(err.text, rows[i].error, strlen(rows[i].error)))
            fail_msg("row %zu: \"%s\", wanted \"%s\"", i, err.text, rows[i].error);
    }
    assert_nothing_interned();
}

static void objects_differ_in_each_field_that_is_read(void **state)
{
    static const char *const forms[] = {
        POD "metadata: {name: a}\n",
        POD "metadata: {name: b}\n",
        POD "metadata: {name: a, namespace: ns1}\n",
        POD "metadata: {name: a, uid: u}\n",
        POD "metadata: {name: a, labels: {x: w}}\n",
        POD "metadata: {name: a, labels: {x: z}}\n",
        POD "metadata: {name: a, annotations: {kubernetes.io/config.mirror: m}}\n",
        POD "metadata: {name: a}\nspec: {nodeName: n1}\n",
        POD "metadata: {name: a}\nspec: {hostNetwork: true}\n",
        POD "metadata: {name: a}\nspec: {containers: [{ports: [{name: x, containerPort: 1}]}]}\n",
        POD "metadata: {name: a}\nspec: {containers: [{ports: [{name: x, containerPort: 2}]}]}\n",
        POD "metadata: {name: a}\nspec: {containers: [{ports: [{name: w, containerPort: 1}]}]}\n",
        POD "metadata: {name: a}\nspec: {containers: [{ports: [{name: x, containerPort: 1, "
            "protocol: UDP}]}]}\n",
        POD "metadata: {name: a}\nstatus: {phase: Failed}\n",
        POD "metadata: {name: a}\nstatus: {podIP: 1.2.3.4}\n",
        POD "metadata: {name: a}\nstatus: {podIP: 1.2.3.5}\n",
        NODE "metadata: {name: a}\n",
        NODE "metadata: {name: a}\nspec: {podCIDR: 10.0.0.0/24}\n",
        NODE "metadata: {name: a}\nspec: {podCIDR: 10.0.0.0/25}\n",
        NODE "metadata: {name: a}\nstatus: {addresses: [{type: InternalIP, address: 1.1.1.1}]}\n",
        NODE "metadata: {name: a}\nstatus: {addresses: [{type: InternalIP, address: 1.1.1.2}]}\n",
        NODE "metadata: {name: a, labels: {kubernetes.io/os: windows}}\n",
        NAMESPACE "metadata: {name: a}\n",
        NAMESPACE "metadata: {name: a, labels: {b: c}}\n",
    };
    enum { N = ARRAY_LEN(forms) };
    void *x[N], *y[N];
    (void)state;
    for (size_t i = 0; i < N; i++) {
        x[i] = k8s_object(forms[i]);
        y[i] = k8s_object(forms[i]);
    }
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < N; k++)
            if (object_equal(x[i], y[k]) != (i == k))
                fail_msg("forms %zu and %zu", i, k);
    for (size_t i = 0; i < N; i++) {
        object_free(x[i]);
        object_free(y[i]);
    }
    assert_nothing_interned();
}

static void unread_fields_make_no_difference(void **state)
{
    (void)state;
    struct pod *a = k8s_object(POD "metadata: {name: a}\nspec: {nodeName: n1}\n");
    struct pod *b =
        k8s_object(POD "metadata: {name: a, resourceVersion: '7', annotations: {x: w}}\n"
                       "spec: {nodeName: n1, restartPolicy: Never}\n"
                       "status: {phase: Running, hostIP: 1.1.1.1}\n");
    assert_true(object_equal(a, b));
    object_free(a);
    object_free(b);
}

static void holders_share_an_object(void **state)
{
    (void)state;
    struct pod *p = k8s_object(POD "metadata: {name: a, labels: {x: w}}\n");
    void *again = object_ref(p);
    assert_ptr_equal(again, p);
    object_free(p);
    assert_string_equal(((struct pod *)again)->meta.name, "a");
    object_free(again);
    object_free(NULL);
    assert_nothing_interned();
}

static void kinds_are_known_by_version_and_name(void **state)
{
    enum k8s_kind kind = K8S_NODE;
    (void)state;
    assert_true(k8s_kind_of("v1", "Pod", &kind));
    assert_int_equal(kind, K8S_POD);
    assert_true(k8s_kind_of("networking.k8s.io/v1", "NetworkPolicy", &kind));
    assert_int_equal(kind, K8S_NETWORK_POLICY);
    assert_false(k8s_kind_of("v1", "NetworkPolicy", &kind));
    assert_false(k8s_kind_of("v1", "pod", &kind));
    assert_false(k8s_kind_of("", "", &kind));
    assert_string_equal(k8s_kind_name(K8S_NAMESPACE), "Namespace");
    assert_string_equal(k8s_kind_name(K8S_N_KINDS), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pod_is_read_in_every_field),
        cmocka_unit_test(a_pod_has_defaults),
        cmocka_unit_test(a_made_uid_is_stable_and_its_own),
        cmocka_unit_test(phases_succeeded_and_failed_are_finished),
        cmocka_unit_test(pod_ip_stands_in_for_pod_ips),
        cmocka_unit_test(a_namespace_always_has_its_name_as_label),
        cmocka_unit_test(a_node_is_read),
        cmocka_unit_test(leading_zeros_are_decimal),
        cmocka_unit_test(an_internal_ip_that_is_none_is_left_out),
        cmocka_unit_test(bad_objects_are_refused_with_the_field),
        cmocka_unit_test(objects_differ_in_each_field_that_is_read),
        cmocka_unit_test(unread_fields_make_no_difference),
        cmocka_unit_test(holders_share_an_object),
        cmocka_unit_test(kinds_are_known_by_version_and_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
