/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/world_builder.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "core/agent/why_service.h"

static int setup(void **state)
{
    struct engine *e = world_intents();
    world_config(e, "a");
    world_node(e, "a", "10.0.1.0/24 fd00:1::/64", "192.0.2.1");
    world_pod(e, "shop/client", "app: client", "");
    world_pod(e, "shop/web", "app: web", "");
    world_attach_pod(e, "shop/client", "10.0.1.2 fd00:1::2");
    world_attach_pod(e, "shop/web", "10.0.1.3 fd00:1::3");
    world_pod(e, "shop/far", "app: far", "10.0.1.9");
    world_service(e, "shop/s", "10.96.0.1 fd00:96::1", "{port: 80}");
    world_slice(e, "shop/s", "a", "10.0.1.3 10.0.1.9", "{port: 8080}");
    world_slice(e, "shop/s", "b", "fd00:1::3", "{port: 8080}");
    world_settle(e);
    *state = e;
    return 0;
}

static int teardown(void **state)
{
    world_done(*state);
    return 0;
}

static struct verdict ask(struct engine *e, const char *dst, uint16_t port, struct arena *a)
{
    struct verdict_query q = {.src = "shop/client", .dst = dst, .proto = TCP, .port = port};
    struct verdict v;
    struct err err = {0};
    if (verdict_of(engine_store(e), &q, a, &v, &err))
        fail_msg("%s", err.text);
    return v;
}

static void a_service_is_found_by_address_protocol_and_port(void **state)
{
    struct arena a;
    arena_init(&a, 0);
    struct verdict v = ask(*state, "10.96.0.1", 80, &a);
    const struct row *row = why_service_frontend(engine_store(*state), &v, &a);
    assert_non_null(row);
    assert_string_equal(row->key, "shop/s tcp/80 ipv4");
    v.query.proto = UDP;
    assert_null(why_service_frontend(engine_store(*state), &v, &a));
    v = ask(*state, "10.96.0.1", 81, &a);
    assert_null(why_service_frontend(engine_store(*state), &v, &a));
    arena_done(&a);
}

static void the_chosen_endpoint_is_read_from_the_trace(void **state)
{
    static const char trace[] =
        "Replacing src/dst IP/ports to simulate NAT:\n"
        " Initial flow: \n Modified flow: \n"
        "22. ct_state=+new+trk, priority 190\n"
        " Initial flow: nw_src=10.0.1.2,tp_src=40000,nw_dst=10.96.0.1,tp_dst=80\n"
        " Modified flow: nw_src=10.0.1.2,tp_src=40000,nw_dst=10.0.1.9,tp_dst=8080\n";
    static const char trace6[] =
        " Modified flow: ipv6_src=[fd00:1::2],tp_src=1,ipv6_dst=[fd00:1::3],tp_dst=8080\n";
    struct arena a;
    arena_init(&a, 0);
    struct verdict v = ask(*state, "10.96.0.1", 80, &a);
    struct why_service *s = why_service_new(why_service_frontend(engine_store(*state), &v, &a));
    assert_int_equal(s->n, 2);
    assert_ptr_equal(why_service_choice(s, trace), &s->v[1]);
    assert_null(why_service_choice(s, " Modified flow: \n"));
    assert_null(why_service_choice(s, trace6));
    for (size_t n = 0; n < strlen(trace); n++) {
        auto_sbuf cut = SBUF_INIT;
        sbuf_put(&cut, trace, n);
        const struct why_endpoint *e = why_service_choice(s, sbuf_cstr(&cut));
        assert_true(!e || e == &s->v[1]);
    }
    why_service_free(s);
    v = ask(*state, "fd00:96::1", 80, &a);
    s = why_service_new(why_service_frontend(engine_store(*state), &v, &a));
    assert_ptr_equal(why_service_choice(s, trace6), &s->v[0]);
    why_service_free(s);
    arena_done(&a);
}

static void an_address_without_the_port_is_a_services_too(void **state)
{
    auto_sbuf note = SBUF_INIT;
    struct arena a;
    arena_init(&a, 0);
    struct verdict v = ask(*state, "10.96.0.1", 81, &a);
    assert_true(why_service_other_port(engine_store(*state), &v, &note));
    assert_string_equal(
        sbuf_cstr(&note),
        "10.96.0.1 is the address of Service shop/s, which answers at 80/TCP alone");
    v = ask(*state, "10.96.0.2", 80, &a);
    assert_false(why_service_other_port(engine_store(*state), &v, &note));
    arena_done(&a);
}

static void a_service_is_asked_for_by_its_address(void **state)
{
    struct verdict_query q = {.src = "shop/client", .dst = "shop/s", .proto = TCP, .port = 80};
    struct verdict v;
    struct err err = {0};
    struct arena a;
    arena_init(&a, 0);
    assert_int_equal(verdict_of(engine_store(*state), &q, &a, &v, &err), ERR_NOT_FOUND);
    assert_string_equal(err.text, "shop/s: no such Pod; the Service of that name has 10.96.0.1");
    arena_done(&a);
}

static void expect_table(const struct why_service *s, const struct verdict *v, const char *want)
{
    auto_sbuf text = SBUF_INIT;
    why_service_table(s, v, &text);
    assert_string_equal(sbuf_cstr(&text), want);
}

static void the_table_names_each_endpoint(void **state)
{
    struct arena a;
    arena_init(&a, 0);
    struct verdict v = ask(*state, "10.96.0.1", 80, &a);
    struct why_service *s = why_service_new(why_service_frontend(engine_store(*state), &v, &a));
    struct verdict one = ask(*state, "10.0.1.3", 8080, &a);
    const char *policies[] = {"shop/shut", "shop/tight"};
    why_endpoint_judge(&s->v[0], &one);
    one = ask(*state, "10.0.1.9", 8080, &a);
    why_endpoint_judge(&s->v[1], &one);
    expect_table(s, &v,
                 "verdict    allow\nfrom       shop/client\n"
                 "service    shop/s tcp/80 ipv4 at 10.96.0.1\n"
                 "endpoint   10.0.1.3 port 8080 (shop/web): allow\n"
                 "endpoint   10.0.1.9 port 8080 (shop/far): allow, as far as this node decides\n");
    one.side[DIRECTION_INGRESS] = (struct verdict_side){
        .here = true, .isolated = true, .policies = policies, .n_policies = ARRAY_LEN(policies)};
    why_endpoint_judge_elsewhere(&s->v[1], &one, "b");
    expect_table(s, &v,
                 "verdict    it depends on the endpoint\nfrom       shop/client\n"
                 "service    shop/s tcp/80 ipv4 at 10.96.0.1\n"
                 "endpoint   10.0.1.3 port 8080 (shop/web): allow\n"
                 "endpoint   10.0.1.9 port 8080 (shop/far on b): drop, ingress: no rule allows it: "
                 "shop/shut, shop/tight\n");
    assert_true(why_service_allows_here(s));
    cJSON *json = why_service_json(s, &v);
    char *text = cJSON_PrintUnformatted(json);
    assert_non_null(strstr(text, "\"verdict\":\"mixed\""));
    assert_non_null(strstr(text, "{\"address\":\"10.0.1.3\",\"port\":8080,\"pod\":\"shop/web\","
                                 "\"verdict\":\"allow\",\"ingressDecidedHere\":true}"));
    assert_non_null(strstr(text, "\"pod\":\"shop/far\",\"verdict\":\"drop\","
                                 "\"ingressDecidedHere\":false,\"node\":\"b\",\"because\":"));
    cJSON_free(text);
    cJSON_Delete(json);
    s->n = 0;
    expect_table(s, &v,
                 "verdict    refused at once: no endpoint is ready\nfrom       shop/client\n"
                 "service    shop/s tcp/80 ipv4 at 10.96.0.1\n");
    assert_false(why_service_allows_here(s));
    s->n = 2;
    why_service_free(s);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_service_is_found_by_address_protocol_and_port, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_chosen_endpoint_is_read_from_the_trace, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_table_names_each_endpoint, setup, teardown),
        cmocka_unit_test_setup_teardown(an_address_without_the_port_is_a_services_too, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_service_is_asked_for_by_its_address, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
