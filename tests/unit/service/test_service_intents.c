/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/world_builder.h"

#include <string.h>

#define SHOP "shop/web"

static int setup(void **state)
{
    *state = world_intents();
    return 0;
}

static int teardown(void **state)
{
    world_done(*state);
    return 0;
}

/* The endpoints of a frontend as "ADDRESS:PORT ADDRESS:PORT"; "-": no such frontend. */
static void expect(struct engine *e, const char *key, const char *want)
{
    const struct intent_frontend *f = world_row(e, TABLE_FRONTEND, key);
    auto_sbuf got = SBUF_INIT;
    char text[IP_TEXT_MAX];
    for (uint32_t i = 0; f && i < f->n_endpoints; i++)
        sbuf_printf(&got, "%s%s:%u", i ? " " : "", ip_format(&f->endpoints[i].ip, text),
                    (unsigned)f->endpoints[i].port);
    assert_string_equal(f ? sbuf_cstr(&got) : "-", want);
}

static void a_service_has_a_frontend_a_port_and_family(void **state)
{
    struct engine *e = *state;
    world_service(e, SHOP, "10.96.0.1 fd00:96::1",
                  "{name: http, port: 80}, {name: dns, port: 53, protocol: UDP}");
    world_slice(e, SHOP, "a", "10.0.1.3 10.0.1.2",
                "{name: http, port: 8080}, {name: dns, port: 53, protocol: UDP}");
    world_slice(e, SHOP, "b", "fd00:1::2", "{name: http, port: 8080}");
    expect(e, "shop/web tcp/80 ipv4", "10.0.1.2:8080 10.0.1.3:8080");
    expect(e, "shop/web udp/53 ipv4", "10.0.1.2:53 10.0.1.3:53");
    expect(e, "shop/web tcp/80 ipv6", "fd00:1::2:8080");
    expect(e, "shop/web udp/53 ipv6", "");
    assert_int_equal(world_count(e, TABLE_FRONTEND), 4);
    const struct intent_frontend *f = world_row(e, TABLE_FRONTEND, "shop/web tcp/80 ipv4");
    assert_int_equal(ip_to_v4(&f->ip), 0x0a600001);
    assert_int_equal(f->port, 80);
    assert_int_equal(f->proto, TCP);
}

static void slices_are_matched_by_port_name_and_protocol(void **state)
{
    struct engine *e = *state;
    world_service(e, SHOP, "10.96.0.1", "{name: x, port: 80}");
    world_slice(e, SHOP, "a", "10.0.1.1", "{name: w, port: 1}");
    world_slice(e, SHOP, "b", "10.0.1.2", "{name: x, port: 2, protocol: UDP}");
    world_slice(e, SHOP, "c", "10.0.1.3", "{name: x}");
    world_slice(e, SHOP, "d", "10.0.1.4", "{name: x, port: 4}, {name: w, port: 5}");
    expect(e, "shop/web tcp/80 ipv4", "10.0.1.4:4");
    world_service(e, SHOP, "10.96.0.1", "{port: 80}");
    world_slice(e, SHOP, "e", "10.0.1.5", "{port: 9}");
    expect(e, "shop/web tcp/80 ipv4", "10.0.1.5:9");
}

/* A named target port may have another number in another Pod: each number has a slice of its own.
 */
static void a_port_name_may_have_several_numbers(void **state)
{
    struct engine *e = *state;
    world_service(e, SHOP, "10.96.0.1", "{name: x, port: 80}");
    world_slice(e, SHOP, "a", "10.0.1.1", "{name: x, port: 8080}");
    world_slice(e, SHOP, "b", "10.0.1.2", "{name: x, port: 9090}");
    expect(e, "shop/web tcp/80 ipv4", "10.0.1.1:8080 10.0.1.2:9090");
}

static void slices_of_others_do_not_count(void **state)
{
    struct engine *e = *state;
    world_service(e, SHOP, "10.96.0.1", "{port: 80}");
    world_slice(e, "shop/other", "a", "10.0.1.1", "{port: 80}");
    world_slice(e, "else/web", "a", "10.0.1.2", "{port: 80}");
    world_slice(e, SHOP, "v6", "fd00:1::1", "{port: 80}");
    expect(e, "shop/web tcp/80 ipv4", "");
    world_yaml(e, "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
                  "metadata: {namespace: shop, name: x}\naddressType: IPv4\n"
                  "ports: [{port: 80}]\nendpoints: [{addresses: [10.0.1.3]}]\n");
    expect(e, "shop/web tcp/80 ipv4", "");
}

static void an_endpoint_that_moves_is_there_once_all_the_time(void **state)
{
    struct engine *e = *state;
    world_service(e, SHOP, "10.96.0.1", "{port: 80}");
    world_slice(e, SHOP, "a", "10.0.1.1 10.0.1.2", "{port: 80}");
    expect(e, "shop/web tcp/80 ipv4", "10.0.1.1:80 10.0.1.2:80");
    world_slice(e, SHOP, "b", "10.0.1.2- 10.0.1.3", "{port: 80}");
    expect(e, "shop/web tcp/80 ipv4", "10.0.1.1:80 10.0.1.2:80 10.0.1.3:80");
    world_slice(e, SHOP, "b", "10.0.1.2 10.0.1.3", "{port: 80}");
    world_slice(e, SHOP, "a", "10.0.1.1", "{port: 80}");
    expect(e, "shop/web tcp/80 ipv4", "10.0.1.1:80 10.0.1.2:80 10.0.1.3:80");
    world_remove(e, TABLE_ENDPOINT_SLICE, "shop/web-a");
    expect(e, "shop/web tcp/80 ipv4", "10.0.1.2:80 10.0.1.3:80");
}

static void ready_endpoints_go_before_those_that_end(void **state)
{
    struct engine *e = *state;
    world_service(e, SHOP, "10.96.0.1", "{port: 80}");
    world_slice(e, SHOP, "a", "10.0.1.1 10.0.1.2~ 10.0.1.3-", "{port: 80}");
    expect(e, "shop/web tcp/80 ipv4", "10.0.1.1:80");
    world_slice(e, SHOP, "a", "10.0.1.1- 10.0.1.2~ 10.0.1.3-", "{port: 80}");
    expect(e, "shop/web tcp/80 ipv4", "10.0.1.2:80");
    world_slice(e, SHOP, "a", "10.0.1.1- 10.0.1.3-", "{port: 80}");
    expect(e, "shop/web tcp/80 ipv4", "");
}

static void services_without_an_address_have_no_frontend(void **state)
{
    struct engine *e = *state;
    world_slice(e, SHOP, "a", "10.0.1.1", "{port: 80}");
    world_service(e, SHOP, "", "{port: 80}");
    expect(e, "shop/web tcp/80 ipv4", "-");
    world_service(e, SHOP, "None", "{port: 80}");
    assert_int_equal(world_count(e, TABLE_FRONTEND), 0);
    world_yaml(e, "apiVersion: v1\nkind: Service\nmetadata: {namespace: shop, name: web}\n"
                  "spec: {type: ExternalName, externalName: a.example, ports: [{port: 80}]}\n");
    assert_int_equal(world_count(e, TABLE_FRONTEND), 0);
    world_service(e, SHOP, "10.96.0.1", "{port: 80}");
    expect(e, "shop/web tcp/80 ipv4", "10.0.1.1:80");
    world_remove(e, TABLE_SERVICE, SHOP);
    assert_int_equal(world_count(e, TABLE_FRONTEND), 0);
}

static void a_slice_that_changes_derives_its_service_alone(void **state)
{
    struct engine *e = *state;
    world_service(e, SHOP, "10.96.0.1", "{port: 80}");
    world_service(e, "shop/other", "10.96.0.2", "{port: 80}");
    world_settle(e);
    uint64_t before = engine_n_derivations(e);
    world_slice(e, SHOP, "a", "10.0.1.1", "{port: 80}");
    world_settle(e);
    assert_int_equal(engine_n_derivations(e) - before, 1);
}

static void the_key_tells_its_service(void **state)
{
    struct arena a;
    struct intent_frontend f = {.ip = ip_v4(1), .proto = SCTP, .port = 7};
    (void)state;
    arena_init(&a, 0);
    const char *key = frontend_key(&a, SHOP, &f);
    assert_string_equal(key, "shop/web sctp/7 ipv4");
    assert_int_equal(frontend_service_len(key), strlen(SHOP));
    assert_true(frontend_hash(key, 0) < FRONTEND_HASHES);
    assert_int_not_equal(frontend_hash(key, 0), frontend_hash(key, 1));
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_service_has_a_frontend_a_port_and_family, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(slices_are_matched_by_port_name_and_protocol, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_port_name_may_have_several_numbers, setup, teardown),
        cmocka_unit_test_setup_teardown(slices_of_others_do_not_count, setup, teardown),
        cmocka_unit_test_setup_teardown(an_endpoint_that_moves_is_there_once_all_the_time, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ready_endpoints_go_before_those_that_end, setup, teardown),
        cmocka_unit_test_setup_teardown(services_without_an_address_have_no_frontend, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_slice_that_changes_derives_its_service_alone, setup,
                                        teardown),
        cmocka_unit_test(the_key_tells_its_service),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
