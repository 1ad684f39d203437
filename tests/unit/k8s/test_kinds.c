/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/k8s/k8s_test.h"

#include <string.h>

#include "core/base/sbuf.h"
#include "core/k8s/json_stream.h"
#include "core/k8s/kinds.h"

static const struct kind_row narrowed = {.kind = K8S_POD,
                                         .group_path = "/api/v1",
                                         .resource = "pods",
                                         .namespaced = true,
                                         .field_selector = "status.phase!=Failed",
                                         .label_selector = "a in (b,c)"};

static void check_path(struct sbuf *path, const char *wanted)
{
    assert_string_equal(sbuf_cstr(path), wanted);
    sbuf_clear(path);
}

static void paths_are_those_of_the_api(void **state)
{
    (void)state;
    auto_sbuf path = SBUF_INIT;
    const struct kind_row *policies = kind_row(K8S_NETWORK_POLICY), *nodes = kind_row(K8S_NODE);
    kind_path_list(nodes, 0, NULL, &path);
    check_path(&path, "/api/v1/nodes");
    kind_path_list(policies, 500, NULL, &path);
    check_path(&path, "/apis/networking.k8s.io/v1/networkpolicies?limit=500");
    kind_path_list(nodes, 500, "ey+/=&", &path);
    check_path(&path, "/api/v1/nodes?limit=500&continue=ey%2B%2F%3D%26");
    kind_path_watch(nodes, "17", 300, &path);
    check_path(&path, "/api/v1/nodes?watch=1&allowWatchBookmarks=true&timeoutSeconds=300"
                      "&resourceVersion=17");
    kind_path_streaming(nodes, 300, &path);
    check_path(&path, "/api/v1/nodes?watch=1&allowWatchBookmarks=true&timeoutSeconds=300"
                      "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan");
    kind_path_version(policies, &path);
    check_path(&path, "/apis/networking.k8s.io/v1/networkpolicies?limit=1");
    kind_path_object(policies, "shop", "a.b", &path);
    check_path(&path, "/apis/networking.k8s.io/v1/namespaces/shop/networkpolicies/a.b");
    kind_path_object(nodes, "ignored", "node-1", &path);
    check_path(&path, "/api/v1/nodes/node-1");
}

static void a_narrowed_kind_asks_for_less(void **state)
{
    (void)state;
    auto_sbuf path = SBUF_INIT;
    kind_path_list(&narrowed, 1, NULL, &path);
    check_path(&path, "/api/v1/pods?fieldSelector=status.phase%21%3DFailed"
                      "&labelSelector=a%20in%20%28b%2Cc%29&limit=1");
}

static void each_kind_has_its_row(void **state)
{
    (void)state;
    for (int i = 0; i < K8S_N_KINDS; i++) {
        const struct kind_row *row = kind_row((enum k8s_kind)i);
        assert_int_equal(row->kind, i);
        assert_true(row->group_path[0] == '/' && row->resource[0]);
    }
}

static void versions_are_read_from_lists_and_objects(void **state)
{
    (void)state;
    char version[JSON_STREAM_VERSION_MAX] = "before";
    struct err err;
    static const char list[] =
        "{\"kind\":\"PodList\",\"metadata\":{\"resourceVersion\":\"42\"},\"items\":[{\"metadata\":"
        "{\"resourceVersion\":\"7\"}}]}";
    static const char none[] = "{\"metadata\":{},\"items\":[]}";
    assert_int_equal(kind_version_parse(list, strlen(list), version, &err), 0);
    assert_string_equal(version, "42");
    for (size_t n = 0; n < strlen(list); n++)
        assert_int_equal(kind_version_parse(list, n, version, &err), ERR_PROTOCOL);
    assert_int_equal(kind_version_parse(none, strlen(none), version, &err), ERR_PROTOCOL);
    assert_string_equal(version, "42");
}

static void versions_are_compared_as_numbers(void **state)
{
    (void)state;
    int c = 7;
    assert_true(kind_version_compare("9", "10", &c) && c == -1);
    assert_true(kind_version_compare("99999999999999999999999", "99999999999999999999998", &c) &&
                c == 1);
    assert_true(kind_version_compare("007", "7", &c) && c == 0);
    assert_true(kind_version_compare("0", "00", &c) && c == 0);
    assert_false(kind_version_compare("", "1", &c));
    assert_false(kind_version_compare("1", "1a", &c));
}

static void one_object_is_read(void **state)
{
    (void)state;
    struct object_meta *object = NULL;
    struct err err;
    static const char text[] =
        "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"web\",\"namespace\":\"shop\",\"managedFields\":"
        "[{}]},\"spec\":{\"nodeName\":\"n1\"},\"status\":{\"podIP\":\"10.0.0.1\"}}";
    static const char bad[] = "{\"metadata\":{\"name\":\"web\"},\"spec\":{\"nodeName\":\"_\"}}";
    static const char nul[] = "{\"metadata\":{\"name\":\"\\u0000\"}}";
    const struct kind_row *pods = kind_row(K8S_POD);
    assert_int_equal(kind_object_parse(pods, text, strlen(text), &object, &err), 0);
    struct pod *pod = (struct pod *)object;
    assert_string_equal(pod->meta.name, "web");
    assert_string_equal(pod->node_name, "n1");
    assert_int_equal(pod->n_ips, 1);
    object_free(object);
    object = NULL;
    assert_int_equal(kind_object_parse(pods, bad, strlen(bad), &object, &err), ERR_INVALID);
    assert_non_null(strstr(err.text, "spec.nodeName: "));
    for (size_t n = 0; n < strlen(text); n++)
        assert_int_equal(kind_object_parse(pods, text, n, &object, &err), ERR_PROTOCOL);
    assert_int_equal(kind_object_parse(pods, nul, strlen(nul), &object, &err), ERR_INVALID);
    assert_string_equal(err.text, "metadata.name: a string must not hold NUL");
    assert_null(object);
    assert_nothing_interned();
}

static void a_refusal_is_one_line(void **state)
{
    (void)state;
    char text[64];
    static const char status[] = "{\"kind\":\"Status\",\"reason\":\"Forbidden\",\"message\":\"no\\n"
                                 "way\",\"code\":403}";
    kind_status_text(status, strlen(status), text, sizeof text);
    assert_string_equal(text, "Forbidden: no way");
    kind_status_text("<html>", 6, text, sizeof text);
    assert_string_equal(text, "");
    kind_status_text("{\"message\":\"m\"}", 15, text, sizeof text);
    assert_string_equal(text, "m");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_those_of_the_api),
        cmocka_unit_test(a_narrowed_kind_asks_for_less),
        cmocka_unit_test(each_kind_has_its_row),
        cmocka_unit_test(versions_are_read_from_lists_and_objects),
        cmocka_unit_test(versions_are_compared_as_numbers),
        cmocka_unit_test(one_object_is_read),
        cmocka_unit_test(a_refusal_is_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
