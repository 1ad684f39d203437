/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/pod/pod_local.h"

static struct attachment *sample(void)
{
    struct attachment *a = attachment_new();
    a->container_id = mem_strdup("c1");
    a->cni_ifname = mem_strdup("eth0");
    a->netns = mem_strdup("/run/netns/x");
    a->interface = mem_strdup("p1");
    a->pod_namespace = mem_strdup("shop");
    a->pod_name = mem_strdup("web-0");
    a->pod_uid = mem_strdup("u1");
    a->sequence = 7;
    a->ofport = 12;
    a->mac = mac_from_name("t", "x");
    a->n_ips = 2;
    assert_true(ip_parse("10.0.0.5", &a->ips[0]) && ip_parse("fd00::5", &a->ips[1]));
    return a;
}

static void set_text(char **field, const char *text)
{
    mem_free(*field);
    *field = mem_strdup(text);
}

static void attachment_copies_everything(void **state)
{
    (void)state;
    struct attachment *a = sample(), *b = attachment_copy(a);
    assert_true(attachment_equal(a, b));
    assert_ptr_not_equal(a->pod_name, b->pod_name);
    attachment_free(a);
    assert_string_equal(b->pod_name, "web-0");
    attachment_free(b);
}

static void attachment_copies_what_is_half_built(void **state)
{
    (void)state;
    struct attachment *a = attachment_new(), *b = attachment_copy(a);
    assert_true(attachment_equal(a, b));
    assert_null(b->container_id);
    attachment_free(a);
    attachment_free(b);
    attachment_free(NULL);
}

static void attachment_differs_in_each_text(void **state)
{
    (void)state;
    static const size_t fields[] = {
        offsetof(struct attachment, container_id),  offsetof(struct attachment, cni_ifname),
        offsetof(struct attachment, netns),         offsetof(struct attachment, interface),
        offsetof(struct attachment, pod_namespace), offsetof(struct attachment, pod_name),
        offsetof(struct attachment, pod_uid)};
    struct attachment *a = sample();
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        struct attachment *b = attachment_copy(a);
        char **field = (void *)((char *)b + fields[i]);
        set_text(field, "other");
        assert_false(attachment_equal(a, b));
        set_text(field, *(char **)(void *)((char *)a + fields[i]));
        assert_true(attachment_equal(a, b));
        attachment_free(b);
    }
    attachment_free(a);
}

static void attachment_differs_in_each_number(void **state)
{
    (void)state;
    struct attachment *a = sample(), *b = attachment_copy(a);
    b->sequence++;
    assert_false(attachment_equal(a, b));
    b->sequence--;
    b->ofport = 0;
    assert_false(attachment_equal(a, b));
    b->ofport = a->ofport;
    b->mac.b[5] ^= 1;
    assert_false(attachment_equal(a, b));
    b->mac = a->mac;
    b->ips[1].b[15] ^= 1;
    assert_false(attachment_equal(a, b));
    b->ips[1] = a->ips[1];
    b->n_ips = 1;
    assert_false(attachment_equal(a, b));
    b->n_ips = 2;
    assert_true(attachment_equal(a, b));
    attachment_free(a);
    attachment_free(b);
}

static void attachment_names_its_pod(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 0);
    struct attachment *a = sample();
    assert_true(attachment_is_named(a));
    assert_string_equal(attachment_pod(a, &arena), "shop/web-0");
    /* Without the name or the namespace it is a Pod of its own. */
    set_text(&a->pod_namespace, "");
    assert_false(attachment_is_named(a));
    assert_string_equal(attachment_pod(a, &arena), "default/c1");
    set_text(&a->pod_namespace, "shop");
    set_text(&a->pod_name, "");
    assert_string_equal(attachment_pod(a, &arena), "default/c1");
    attachment_free(a);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attachment_copies_everything),
        cmocka_unit_test(attachment_copies_what_is_half_built),
        cmocka_unit_test(attachment_differs_in_each_text),
        cmocka_unit_test(attachment_differs_in_each_number),
        cmocka_unit_test(attachment_names_its_pod),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
