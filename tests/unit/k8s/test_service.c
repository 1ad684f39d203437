/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/k8s/k8s_test.h"

#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/sbuf.h"

#define SERVICE "apiVersion: v1\nkind: Service\n"
#define SLICE "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
#define NAMED "metadata: {name: a}\n"
#define PORTS "ports: [{port: 80}]"

static void a_service_is_read_in_every_field(void **state)
{
    (void)state;
    char text[IP_TEXT_MAX], key[K8S_KEY_MAX];
    struct service *s =
        k8s_object(SERVICE "metadata: {name: web, namespace: shop, labels: {app: web}, uid: u}\n"
                           "spec:\n"
                           "  type: LoadBalancer\n"
                           "  selector: {app: web}\n"
                           "  clusterIP: 10.96.0.7\n"
                           "  clusterIPs: [10.96.0.7, 'fd00:10::7']\n"
                           "  ports:\n"
                           "  - {name: http, port: 80, targetPort: web, nodePort: 30080}\n"
                           "  - {name: dns, port: 53, protocol: UDP, targetPort: 5353}\n"
                           "  - {name: dns-tcp, port: 53}\n"
                           "  - {name: '1', port: 9, protocol: SCTP}\n");
    assert_int_equal(s->meta.kind, K8S_SERVICE);
    assert_string_equal(k8s_key(&s->meta, key), "shop/web");
    assert_int_equal(s->meta.labels.n, 0); /* nobody selects Services */
    assert_int_equal(s->type, SERVICE_LOAD_BALANCER);
    assert_string_equal(service_type_name(s->type), "LoadBalancer");
    assert_false(s->headless);
    assert_int_equal(s->n_cluster_ips, 2);
    assert_string_equal(ip_format(&s->cluster_ips[1], text), "fd00:10::7");
    assert_int_equal(s->n_ports, 4);
    assert_string_equal(s->ports[1].name, "dns");
    assert_int_equal(s->ports[1].proto, 17);
    assert_int_equal(s->ports[1].port, 53);
    assert_int_equal(s->ports[2].proto, 6);
    assert_int_equal(s->ports[3].proto, 132);
    object_free(s);
    assert_nothing_interned();
}

static void a_service_has_defaults(void **state)
{
    (void)state;
    char text[IP_TEXT_MAX];
    struct service *s = k8s_object(SERVICE NAMED "spec: {" PORTS "}\n");
    assert_int_equal(s->type, SERVICE_CLUSTER_IP);
    assert_int_equal(s->n_cluster_ips, 0); /* nobody gave it one yet */
    assert_string_equal(s->ports[0].name, "");
    object_free(s);
    s = k8s_object(SERVICE NAMED "spec: {clusterIP: 10.0.0.1, " PORTS "}\n");
    assert_int_equal(s->n_cluster_ips, 1);
    assert_string_equal(ip_format(&s->cluster_ips[0], text), "10.0.0.1");
    object_free(s);
    s = k8s_object(SERVICE NAMED "spec: {clusterIP: '', clusterIPs: [], " PORTS "}\n");
    assert_int_equal(s->n_cluster_ips, 0);
    assert_false(s->headless);
    object_free(s);
}

static void services_without_an_address_are_told_apart(void **state)
{
    (void)state;
    struct service *s = k8s_object(SERVICE NAMED "spec: {clusterIP: None, clusterIPs: [None]}\n");
    assert_true(s->headless);
    assert_int_equal(s->n_cluster_ips + s->n_ports, 0);
    object_free(s);
    s = k8s_object(SERVICE NAMED "spec: {clusterIP: None, " PORTS "}\n");
    assert_true(s->headless);
    object_free(s);
    s = k8s_object(SERVICE NAMED "spec: {type: ExternalName, externalName: a.example}\n");
    assert_int_equal(s->type, SERVICE_EXTERNAL_NAME);
    object_free(s);
}

static void a_slice_is_read_in_every_field(void **state)
{
    (void)state;
    char text[IP_TEXT_MAX], key[K8S_KEY_MAX];
    struct endpoint_slice *s = k8s_object(
        SLICE
        "metadata: {name: web-x7, namespace: shop, labels: {kubernetes.io/service-name: web,"
        " endpointslice.kubernetes.io/managed-by: c}}\n"
        "addressType: IPv6\n"
        "ports: [{name: http, port: 8080}, {name: dns, port: 53, protocol: UDP}, {name: all}]\n"
        "endpoints:\n"
        "- {addresses: ['fd00::1'], nodeName: n, conditions: {ready: true, serving: true}}\n"
        "- {addresses: ['fd00::2', 'fd00::3'], conditions: {ready: false}}\n"
        "- addresses: ['fd00::4']\n"
        "  conditions: {ready: false, serving: true, terminating: true}\n"
        "- {addresses: ['fd00::5'], conditions: {ready: true, serving: false}}\n"
        "- {addresses: ['fd00::6']}\n");
    static const uint8_t want[] = {
        ENDPOINT_READY | ENDPOINT_SERVING,       0,
        ENDPOINT_SERVING | ENDPOINT_TERMINATING, ENDPOINT_READY,
        ENDPOINT_READY | ENDPOINT_SERVING,
    };
    assert_string_equal(k8s_key(&s->meta, key), "shop/web-x7");
    assert_string_equal(s->service, "web");
    assert_int_equal(s->meta.labels.n, 0);
    assert_int_equal(s->family, 6);
    assert_int_equal(s->n_endpoints, ARRAY_LEN(want));
    for (size_t i = 0; i < ARRAY_LEN(want); i++)
        assert_int_equal(s->endpoints[i].conditions, want[i]);
    assert_string_equal(ip_format(&s->endpoints[1].ip, text), "fd00::2");
    assert_int_equal(s->n_ports, 3);
    assert_int_equal(s->ports[0].port, 8080);
    assert_int_equal(s->ports[1].proto, 17);
    assert_int_equal(s->ports[2].port, 0);
    object_free(s);
    assert_nothing_interned();
}

static void a_slice_has_defaults(void **state)
{
    (void)state;
    struct endpoint_slice *s = k8s_object(SLICE NAMED "addressType: IPv4\nports: null\n");
    assert_string_equal(s->service, "");
    assert_int_equal(s->n_ports + s->n_endpoints, 0);
    object_free(s);
    s = k8s_object(SLICE NAMED "addressType: FQDN\nendpoints: [{addresses: [a.example]}]\n"
                               "ports: [{port: 80}]\n");
    assert_int_equal(s->family, 0);
    assert_int_equal(s->n_endpoints, 0);
    assert_string_equal(s->ports[0].name, "");
    object_free(s);
}

struct bad {
    const char *text, *error; /* what the message begins with */
};

static void check_bad(const struct bad *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct err err = {0};
        k8s_bad_object(rows[i].text, &err);
        if (strncmp(err.text, rows[i].error, strlen(rows[i].error)))
            fail_msg("row %zu: \"%s\", wanted \"%s\"", i, err.text, rows[i].error);
    }
    assert_nothing_interned();
}

static void bad_services_are_refused_with_the_field(void **state)
{
    static const struct bad rows[] = {
        {SERVICE "metadata: {name: a.b}\n", "metadata.name: must be lower case"},
        {SERVICE NAMED, "spec.ports: is required"},
        {SERVICE NAMED "spec: []\n", "spec: must be a map"},
        {SERVICE NAMED "spec: {type: clusterIP, " PORTS "}\n",
         "spec.type: \"clusterIP\" is not a type"},
        {SERVICE NAMED "spec: {type: 7, " PORTS "}\n", "spec.type: must be a string"},
        {SERVICE NAMED "spec: {clusterIP: none, " PORTS "}\n",
         "spec.clusterIP: \"none\" is not an IP address"},
        {SERVICE NAMED "spec: {clusterIPs: 10.0.0.1, " PORTS "}\n",
         "spec.clusterIPs: must be a list"},
        {SERVICE NAMED "spec: {clusterIPs: [''], " PORTS "}\n", "spec.clusterIPs[0]: is required"},
        {SERVICE NAMED "spec: {clusterIPs: [1.1.1.1, None], " PORTS "}\n",
         "spec.clusterIPs[1]: None must stand alone"},
        {SERVICE NAMED "spec: {clusterIPs: [1.1.1.1, 1.1.1.2], " PORTS "}\n",
         "spec.clusterIPs[1]: may hold no more than one address of each family"},
        {SERVICE NAMED "spec: {clusterIPs: [1.1.1.1, '::1', '::2'], " PORTS "}\n",
         "spec.clusterIPs: may hold no more than one address of each family"},
        {SERVICE NAMED "spec: {clusterIP: 1.1.1.1, clusterIPs: [1.1.1.2], " PORTS "}\n",
         "spec.clusterIP: must be the first of spec.clusterIPs"},
        {SERVICE NAMED "spec: {clusterIP: None, clusterIPs: [1.1.1.2], " PORTS "}\n",
         "spec.clusterIP: must be the first of spec.clusterIPs"},
        {SERVICE NAMED "spec: {type: ExternalName, clusterIP: 1.1.1.1}\n",
         "spec.clusterIP: must not be given for an ExternalName Service"},
        {SERVICE NAMED "spec: {ports: {}}\n", "spec.ports: must be a list"},
        {SERVICE NAMED "spec: {ports: [80]}\n", "spec.ports[0]: must be a map"},
        {SERVICE NAMED "spec: {ports: [{}]}\n", "spec.ports[0].port: is required"},
        {SERVICE NAMED "spec: {ports: [{port: 0}]}\n",
         "spec.ports[0].port: must be between 1 and 65535"},
        {SERVICE NAMED "spec: {ports: [{port: http}]}\n", "spec.ports[0].port: must be an integer"},
        {SERVICE NAMED "spec: {ports: [{port: 1, name: A}]}\n",
         "spec.ports[0].name: must be lower case"},
        {SERVICE NAMED "spec: {ports: [{port: 1, name: 7}]}\n",
         "spec.ports[0].name: must be a string"},
        {SERVICE NAMED "spec: {ports: [{port: 1, protocol: udp}]}\n",
         "spec.ports[0].protocol: \"udp\" is not a protocol"},
        {SERVICE NAMED "spec: {ports: [{port: 1, name: a}, {port: 2}]}\n",
         "spec.ports[1].name: is required where there are several ports"},
        {SERVICE NAMED "spec: {ports: [{port: 1}, {port: 2}]}\n",
         "spec.ports[0].name: is required where there are several ports"},
        {SERVICE NAMED "spec: {ports: [{port: 1, name: a}, {port: 3, name: b}, {port: 2, name: "
                       "a}]}\n",
         "spec.ports: the name \"a\" occurs twice"},
        {SERVICE NAMED "spec: {ports: [{port: 1, name: a}, {port: 1, name: b}]}\n",
         "spec.ports: port 1 occurs twice with the same protocol"},
    };
    (void)state;
    check_bad(rows, ARRAY_LEN(rows));
}

static void bad_slices_are_refused_with_the_field(void **state)
{
    static const struct bad rows[] = {
        {SLICE NAMED, "addressType: is required"},
        {SLICE NAMED "addressType: ipv4\n", "addressType: \"ipv4\" is not an address type"},
        {SLICE NAMED "addressType: IPv4\nendpoints: {}\n", "endpoints: must be a list"},
        {SLICE NAMED "addressType: IPv4\nendpoints: [x]\n", "endpoints[0]: must be a map"},
        {SLICE NAMED "addressType: IPv4\nendpoints: [{}]\n",
         "endpoints[0].addresses: must hold an address"},
        {SLICE NAMED "addressType: IPv4\nendpoints: [{addresses: [a]}]\n",
         "endpoints[0].addresses[0]: \"a\" is not an IP address"},
        {SLICE NAMED "addressType: IPv4\nendpoints: [{addresses: [1.1.1.1, '::1']}]\n",
         "endpoints[0].addresses[1]: must be an IPv4 address"},
        {SLICE NAMED "addressType: IPv6\nendpoints: [{addresses: [1.1.1.1]}]\n",
         "endpoints[0].addresses[0]: must be an IPv6 address"},
        {SLICE NAMED
         "addressType: IPv4\nendpoints: [{addresses: [1.1.1.1], conditions: {ready: 'no'}}]\n",
         "endpoints[0].conditions.ready: must be true or false"},
        {SLICE NAMED "addressType: IPv4\nendpoints: [{addresses: [1.1.1.1], conditions: []}]\n",
         "endpoints[0].conditions: must be a map"},
        {SLICE NAMED "addressType: IPv4\nports: [{port: 65536}]\n",
         "ports[0].port: must be between 1 and 65535"},
        {SLICE NAMED "addressType: IPv4\nports: [{port: 1}, {port: 2}]\n",
         "ports[1].name: is absent twice"},
        {SLICE NAMED "addressType: IPv4\nports: [{name: a, port: 1}, {name: a, port: 2}]\n",
         "ports: the name \"a\" occurs twice"},
    };
    (void)state;
    check_bad(rows, ARRAY_LEN(rows));
}

static void lists_beyond_the_api_servers_bounds_are_refused(void **state)
{
    (void)state;
    struct err err = {0};
    auto_sbuf text = SBUF_INIT;
    sbuf_puts(&text, SLICE NAMED "addressType: IPv4\nendpoints:\n");
    for (int i = 0; i < 1001; i++)
        sbuf_printf(&text, "- {addresses: [10.0.%d.%d]}\n", i / 250, i % 250);
    k8s_bad_object(sbuf_cstr(&text), &err);
    assert_string_equal(err.text, "endpoints: may hold no more than 1000 endpoints");
    sbuf_clear(&text);
    sbuf_puts(&text, SLICE NAMED "addressType: IPv4\nendpoints: [{addresses: [");
    for (int i = 0; i < 101; i++)
        sbuf_printf(&text, "10.0.0.%d,", i);
    sbuf_puts(&text, "]}]\n");
    k8s_bad_object(sbuf_cstr(&text), &err);
    assert_string_equal(err.text, "endpoints[0].addresses: may hold no more than 100 addresses");
}

static void objects_differ_in_each_field_that_is_read(void **state)
{
    static const char *const forms[] = {
        SERVICE NAMED "spec: {" PORTS "}\n",
        SERVICE NAMED "spec: {clusterIP: 1.1.1.1, " PORTS "}\n",
        SERVICE NAMED "spec: {clusterIP: 1.1.1.2, " PORTS "}\n",
        SERVICE NAMED "spec: {clusterIP: None, " PORTS "}\n",
        SERVICE NAMED "spec: {type: NodePort, " PORTS "}\n",
        SERVICE NAMED "spec: {ports: [{port: 81}]}\n",
        SERVICE NAMED "spec: {ports: [{port: 80, name: x}]}\n",
        SERVICE NAMED "spec: {ports: [{port: 80, protocol: UDP}]}\n",
        SERVICE NAMED "spec: {ports: [{port: 80, name: x}, {port: 81, name: w}]}\n",
        SLICE NAMED "addressType: IPv4\n",
        SLICE NAMED "addressType: IPv6\n",
        SLICE NAMED "addressType: FQDN\n",
        SLICE "metadata: {name: a, labels: {kubernetes.io/service-name: s}}\naddressType: IPv4\n",
        SLICE NAMED "addressType: IPv4\nendpoints: [{addresses: [1.1.1.1]}]\n",
        SLICE NAMED "addressType: IPv4\nendpoints: [{addresses: [1.1.1.2]}]\n",
        SLICE NAMED
        "addressType: IPv4\nendpoints: [{addresses: [1.1.1.1], conditions: {ready: false}}]\n",
        SLICE NAMED
        "addressType: IPv4\nendpoints: [{addresses: [1.1.1.1], conditions: {terminating: true}}]\n",
        SLICE NAMED "addressType: IPv4\nports: [{port: 1}]\n",
        SLICE NAMED "addressType: IPv4\nports: [{port: 2}]\n",
        SLICE NAMED "addressType: IPv4\nports: [{port: 1, name: x}]\n",
        SLICE NAMED "addressType: IPv4\nports: [{port: 1, protocol: SCTP}]\n",
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
    struct service *a = k8s_object(SERVICE NAMED "spec: {clusterIP: 1.1.1.1, " PORTS "}\n");
    struct service *b = k8s_object(
        SERVICE "metadata: {name: a, labels: {x: z}}\n"
                "spec: {clusterIPs: [1.1.1.1], selector: {a: b}, ports: [{port: 80, protocol: TCP,"
                " targetPort: http}]}\nstatus: {loadBalancer: {}}\n");
    assert_true(object_equal(a, b));
    object_free(a);
    object_free(b);
    struct endpoint_slice *s =
        k8s_object(SLICE NAMED "addressType: IPv4\nendpoints: [{addresses: [1.1.1.1]}]\n");
    struct endpoint_slice *t =
        k8s_object(SLICE "metadata: {name: a, labels: {x: z}}\naddressType: IPv4\n"
                         "endpoints: [{addresses: [1.1.1.1, 1.1.1.2], nodeName: n, zone: z,"
                         " conditions: {ready: true, serving: true, terminating: false}}]\n");
    assert_true(object_equal(s, t));
    object_free(s);
    object_free(t);
}

static void kinds_are_known_by_version_and_name(void **state)
{
    enum k8s_kind kind = K8S_NODE;
    (void)state;
    assert_true(k8s_kind_of("v1", "Service", &kind));
    assert_int_equal(kind, K8S_SERVICE);
    assert_true(k8s_kind_of("discovery.k8s.io/v1", "EndpointSlice", &kind));
    assert_int_equal(kind, K8S_ENDPOINT_SLICE);
    assert_false(k8s_kind_of("discovery.k8s.io/v1beta1", "EndpointSlice", &kind));
    assert_false(k8s_kind_of("v1", "Endpoints", &kind));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_service_is_read_in_every_field),
        cmocka_unit_test(a_service_has_defaults),
        cmocka_unit_test(services_without_an_address_are_told_apart),
        cmocka_unit_test(a_slice_is_read_in_every_field),
        cmocka_unit_test(a_slice_has_defaults),
        cmocka_unit_test(bad_services_are_refused_with_the_field),
        cmocka_unit_test(bad_slices_are_refused_with_the_field),
        cmocka_unit_test(lists_beyond_the_api_servers_bounds_are_refused),
        cmocka_unit_test(objects_differ_in_each_field_that_is_read),
        cmocka_unit_test(unread_fields_make_no_difference),
        cmocka_unit_test(kinds_are_known_by_version_and_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
