/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/policy/set.h"
#include "tests/support/world_builder.h"

/* Selectors as literals: requirements in canonical order. */
#define VALUES(...) ((const char *const[]){__VA_ARGS__})
#define REQ(k, o, ...)                                                                             \
    {                                                                                              \
        .key = k, .op = o, .values = VALUES(__VA_ARGS__),                                          \
        .n_values = ARRAY_LEN(VALUES(__VA_ARGS__))                                                 \
    }
#define HAS(k, o)                                                                                  \
    {                                                                                              \
        .key = k, .op = o                                                                          \
    }
#define SELECTOR(...)                                                                              \
    ((struct selector){((const struct requirement[]){__VA_ARGS__}),                                \
                       ARRAY_LEN(((const struct requirement[]){__VA_ARGS__}))})
#define LABELS(...)                                                                                \
    ((struct labels){((const struct label[]){__VA_ARGS__}),                                        \
                     ARRAY_LEN(((const struct label[]){__VA_ARGS__}))})

static const struct labels none = {NULL, 0};

static const struct intent_set *encode(struct sbuf *b, const struct set_spec *spec)
{
    sbuf_clear(b);
    set_encode(spec, b);
    const struct intent_set *set = (const void *)b->data;
    assert_int_equal(b->len, sizeof *set + set->text_len);
    return set;
}

struct anchor_search {
    const struct intent_set *set;
    bool found;
};

static void on_anchor(void *aux, const char *anchor)
{
    struct anchor_search *s = aux;
    const char *p = s->set->text;
    for (uint32_t i = 0; i < s->set->n_anchors; i++, p += strlen(p) + 1)
        s->found = s->found || strcmp(p, anchor) == 0;
}

static bool meets(const struct intent_set *set, const struct set_pod *pod)
{
    struct anchor_search s = {set, false};
    auto_sbuf text = SBUF_INIT;
    set_pod_anchors(pod, &text, on_anchor, &s);
    return s.found;
}

/* Whether the Pod is in the set; one that is must also meet it. */
static bool is_member(const struct set_spec *spec, const struct set_pod *pod)
{
    auto_sbuf b = SBUF_INIT;
    const struct intent_set *set = encode(&b, spec);
    bool matches = set_matches(set, pod);
    if (matches && !meets(set, pod))
        fail_msg("a member does not meet its set");
    return matches;
}

static const struct labels web = {(const struct label[]){{"app", "web"}, {"tier", "x"}}, 2};
static const struct labels ns_labels = {
    (const struct label[]){{SET_NAMESPACE_LABEL, "shop"}, {"team", "a"}}, 2};

static struct set_pod shop_pod(const struct labels *labels)
{
    return (struct set_pod){.namespace_ = "shop", .namespace_labels = &ns_labels, .labels = labels};
}

static bool selects(struct selector s, const struct labels *labels)
{
    struct set_pod pod = shop_pod(labels);
    return is_member(&(struct set_spec){.namespace_ = "shop", .pods = &s}, &pod);
}

static void every_operator_decides(void **state)
{
    (void)state;
    assert_true(selects(SELECTOR(REQ("app", SEL_IN, "db", "web")), &web));
    assert_false(selects(SELECTOR(REQ("app", SEL_IN, "db", "we")), &web));
    assert_false(selects(SELECTOR(REQ("app", SEL_IN, "web")), &none));
    assert_true(selects(SELECTOR(REQ("app", SEL_NOT_IN, "db")), &web));
    assert_false(selects(SELECTOR(REQ("app", SEL_NOT_IN, "db", "web")), &web));
    assert_true(selects(SELECTOR(REQ("app", SEL_NOT_IN, "db")), &none));
    assert_true(selects(SELECTOR(HAS("tier", SEL_EXISTS)), &web));
    assert_false(selects(SELECTOR(HAS("tier", SEL_EXISTS)), &none));
    assert_true(selects(SELECTOR(HAS("zone", SEL_NOT_EXISTS)), &web));
    assert_false(selects(SELECTOR(HAS("app", SEL_NOT_EXISTS)), &web));
}

static void all_requirements_must_hold(void **state)
{
    (void)state;
    assert_true(selects(SELECTOR(REQ("app", SEL_IN, "web"), REQ("tier", SEL_NOT_IN, "y")), &web));
    assert_false(selects(SELECTOR(REQ("app", SEL_IN, "web"), HAS("tier", SEL_NOT_EXISTS)), &web));
    assert_true(selects((struct selector){NULL, 0}, &none));
}

static void empty_value_needs_the_key(void **state)
{
    (void)state;
    struct labels empty = LABELS({"app", ""});
    assert_true(selects(SELECTOR(REQ("app", SEL_IN, "")), &empty));
    assert_false(selects(SELECTOR(REQ("app", SEL_IN, "")), &none));
}

static void namespaces_are_exact_or_selected(void **state)
{
    (void)state;
    struct set_pod pod = shop_pod(&web);
    struct selector team = SELECTOR(REQ("team", SEL_IN, "a", "b"));
    struct selector not_a = SELECTOR(REQ("team", SEL_NOT_IN, "a"));
    struct selector app = SELECTOR(REQ("app", SEL_IN, "web"));
    struct selector db = SELECTOR(REQ("app", SEL_IN, "db"));
    assert_true(is_member(&(struct set_spec){.namespace_ = "shop"}, &pod));
    assert_false(is_member(&(struct set_spec){.namespace_ = "sho"}, &pod));
    assert_true(is_member(&(struct set_spec){.namespaces = &team}, &pod));
    assert_false(is_member(&(struct set_spec){.namespaces = &not_a}, &pod));
    assert_true(is_member(&(struct set_spec){.namespaces = &team, .pods = &app}, &pod));
    assert_false(is_member(&(struct set_spec){.namespaces = &team, .pods = &db}, &pod));
    assert_true(is_member(&(struct set_spec){.namespaces = NULL}, &pod));
}

static void a_namespace_by_name_is_that_namespace(void **state)
{
    (void)state;
    auto_sbuf a = SBUF_INIT;
    auto_sbuf b = SBUF_INIT;
    struct selector name = SELECTOR(REQ(SET_NAMESPACE_LABEL, SEL_IN, "shop"));
    struct selector two = SELECTOR(REQ(SET_NAMESPACE_LABEL, SEL_IN, "bar", "shop"));
    encode(&a, &(struct set_spec){.namespaces = &name});
    encode(&b, &(struct set_spec){.namespace_ = "shop"});
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.data, b.data, a.len);
    struct set_pod pod = shop_pod(&web);
    assert_true(is_member(&(struct set_spec){.namespaces = &two}, &pod));
}

static void block_is_by_address_less_exceptions(void **state)
{
    (void)state;
    struct prefix block, except[2];
    struct ip in, out, excepted, six;
    assert_true(prefix_parse("10.0.0.0/8", &block) && prefix_parse("10.1.0.0/16", &except[0]) &&
                prefix_parse("10.2.0.0/16", &except[1]));
    assert_true(ip_parse("10.3.0.1", &in) && ip_parse("11.0.0.1", &out) &&
                ip_parse("10.2.9.9", &excepted) && ip_parse("fd00::1", &six));
    struct named_port http = {"http", TCP, 80};
    struct set_spec spec = {
        .block = &block, .except = except, .n_except = 2, .port_name = "http", .port_proto = TCP};
    struct set_pod pod = shop_pod(&web);
    pod.ports = &http;
    pod.n_ports = 1;
    pod.n_ips = 1;
    pod.ips = &in;
    assert_true(is_member(&spec, &pod));
    pod.ips = &out;
    assert_false(is_member(&spec, &pod));
    pod.ips = &excepted;
    assert_false(is_member(&spec, &pod));
    pod.ips = &six;
    assert_false(is_member(&spec, &pod));
    auto_sbuf b = SBUF_INIT;
    assert_true(set_is_block(encode(&b, &spec)));
    assert_false(set_is_block(encode(&b, &(struct set_spec){.port_name = "http"})));
}

static void port_name_is_part_of_the_set(void **state)
{
    (void)state;
    auto_sbuf a = SBUF_INIT;
    auto_sbuf b = SBUF_INIT;
    struct selector app = SELECTOR(REQ("app", SEL_IN, "web"));
    uint8_t proto = 0;
    const struct intent_set *set =
        encode(&a, &(struct set_spec){
                       .namespace_ = "shop", .pods = &app, .port_name = "dns", .port_proto = UDP});
    assert_string_equal(set_port_name(set, &proto), "dns");
    assert_int_equal(proto, UDP);
    encode(&b, &(struct set_spec){
                   .namespace_ = "shop", .pods = &app, .port_name = "dns", .port_proto = TCP});
    assert_true(a.len != b.len || memcmp(a.data, b.data, a.len) != 0);
    assert_null(set_port_name(encode(&a, &(struct set_spec){.namespace_ = "shop"}), &proto));
    assert_null(set_port_name(encode(&a, &(struct set_spec){.pods = &app}), &proto));
}

static void anchors_are_the_narrowest(void **state)
{
    (void)state;
    auto_sbuf b = SBUF_INIT;
    struct selector wide_and_narrow =
        SELECTOR(REQ("a", SEL_IN, "1", "2", "3"), REQ("b", SEL_IN, "7"));
    struct selector team = SELECTOR(REQ("team", SEL_IN, "x", "y"));
    const struct {
        struct set_spec spec;
        uint32_t n;
        const char *first;
    } cases[] = {
        {{.namespace_ = "s", .pods = &wide_and_narrow}, 1, "ns|b=7"},
        {{.namespace_ = "s"}, 1, "ns|"},
        {{.namespaces = &team, .pods = &wide_and_narrow}, 2, "@team=x|b=7"},
        {{.pods = &wide_and_narrow}, 1, "*|b=7"},
        {{.namespaces = &team}, 2, "@team=x"},
        {{.namespaces = NULL}, 1, "*"},
        {{.port_name = "http", .port_proto = TCP}, 1, "#6/http"},
        {{.namespaces = &team, .port_name = "http", .port_proto = TCP}, 1, "#6/http"},
        {{.namespace_ = "s", .port_name = "http", .port_proto = TCP}, 1, "ns|"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct intent_set *set = encode(&b, &cases[i].spec);
        assert_int_equal(set->n_anchors, cases[i].n);
        assert_string_equal(set->text, cases[i].first);
    }
}

static void a_port_name_is_met_by_its_protocol(void **state)
{
    (void)state;
    struct named_port ports[] = {{"http", TCP, 80}, {"http", TCP, 81}, {"http", UDP, 80}};
    struct set_pod pod = shop_pod(&none);
    pod.ports = ports;
    pod.n_ports = ARRAY_LEN(ports);
    auto_sbuf b = SBUF_INIT;
    const struct intent_set *set =
        encode(&b, &(struct set_spec){.port_name = "http", .port_proto = UDP});
    assert_true(meets(set, &pod));
    pod.n_ports = 2;
    assert_false(meets(set, &pod));
}

static void format_is_for_people(void **state)
{
    (void)state;
    auto_sbuf b = SBUF_INIT;
    auto_sbuf text = SBUF_INIT;
    struct selector team = SELECTOR(REQ("team", SEL_IN, "a", "b"));
    struct selector pods = SELECTOR(REQ("app", SEL_IN, "web"), REQ("t", SEL_NOT_IN, "x"),
                                    HAS("u", SEL_EXISTS), HAS("v", SEL_NOT_EXISTS));
    set_format(encode(&b, &(struct set_spec){.namespaces = &team,
                                             .pods = &pods,
                                             .port_name = "http",
                                             .port_proto = TCP}),
               &text);
    assert_string_equal(text.data, "namespaces{team in (a,b)} pods{app=web, t notin (x), u, !v} "
                                   "port http/6");
    sbuf_clear(&text);
    set_format(encode(&b, &(struct set_spec){.namespace_ = "shop"}), &text);
    assert_string_equal(text.data, "namespace shop pods{}");
    struct prefix block, except;
    assert_true(prefix_parse("10.0.0.0/8", &block) && prefix_parse("10.1.0.0/16", &except));
    sbuf_clear(&text);
    set_format(encode(&b, &(struct set_spec){.block = &block,
                                             .except = &except,
                                             .n_except = 1,
                                             .port_name = "http",
                                             .port_proto = TCP}),
               &text);
    assert_string_equal(text.data, "block{10.0.0.0/8 except 10.1.0.0/16} port http/6");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operator_decides),
        cmocka_unit_test(all_requirements_must_hold),
        cmocka_unit_test(empty_value_needs_the_key),
        cmocka_unit_test(namespaces_are_exact_or_selected),
        cmocka_unit_test(a_namespace_by_name_is_that_namespace),
        cmocka_unit_test(block_is_by_address_less_exceptions),
        cmocka_unit_test(port_name_is_part_of_the_set),
        cmocka_unit_test(anchors_are_the_narrowest),
        cmocka_unit_test(a_port_name_is_met_by_its_protocol),
        cmocka_unit_test(format_is_for_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
