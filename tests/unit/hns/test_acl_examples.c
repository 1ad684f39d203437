/* SPDX-License-Identifier: Apache-2.0
 *
 * The sample manifests of docs/examples as access lists, against golden files.  SEINE_GOLDEN=write
 * writes them anew. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/k8s/folder.h"
#include "core/pipeline/world.h"
#include "hns/acl.h"
#include "tests/support/world_builder.h"

static void read_file(const char *path, struct sbuf *out)
{
    FILE *file = fopen(path, "rb");
    char part[4096];
    if (!file)
        fail_msg("%s: not to be read", path);
    for (size_t n; (n = fread(part, 1, sizeof part, file)) > 0;)
        sbuf_put(out, part, n);
    fclose(file);
    sbuf_cstr(out);
}

static void add_folder(struct engine *e, const char *dir)
{
    DIR *d = opendir(dir);
    assert_non_null(d);
    for (struct dirent *entry; (entry = readdir(d));) {
        auto_sbuf path = SBUF_INIT, text = SBUF_INIT;
        if (!folder_wants(entry->d_name))
            continue;
        sbuf_printf(&path, "%s/%s", dir, entry->d_name);
        read_file(path.data, &text);
        world_yaml(e, text.data);
    }
    closedir(d);
}

/* The samples' Pods of a node are attached, with the addresses that their objects show. */
static void attach_all(struct engine *e, const char *node)
{
    struct arena a;
    size_t n;
    arena_init(&a, 0);
    const struct row **rows = store_list(engine_store(e), TABLE_POD, &a, &n);
    for (size_t i = 0; i < n; i++) {
        const struct pod *pod = rows[i]->value;
        auto_sbuf ips = SBUF_INIT;
        for (size_t k = 0; k < pod->n_ips; k++) {
            char text[IP_TEXT_MAX];
            sbuf_printf(&ips, "%s%s", k ? " " : "", ip_format(&pod->ips[k], text));
        }
        if (strcmp(pod->node_name, node) == 0)
            world_attach_pod(e, rows[i]->key, sbuf_cstr(&ips));
    }
    arena_done(&a);
}

static void expect_golden(const char *node, uint32_t major, uint32_t minor)
{
    struct engine *e = world_engine_acl();
    struct node_config *c = node_config_new(node);
    c->hns_major = major;
    c->hns_minor = minor;
    store_put(engine_store(e), TABLE_CONFIG, "", c);
    add_folder(e, "docs/examples");
    add_folder(e, "docs/examples/policies");
    attach_all(e, node);
    world_settle(e);
    auto_sbuf path = SBUF_INIT, got = SBUF_INIT, golden = SBUF_INIT;
    acl_print(e, false, &got);
    acl_print_unsaid(e, &got);
    sbuf_printf(&path, "tests/unit/hns/golden/%s-%u.%u.txt", node, (unsigned)major,
                (unsigned)minor);
    const char *mode = getenv("SEINE_GOLDEN");
    if (mode && strcmp(mode, "write") == 0) {
        FILE *file = fopen(path.data, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(got.data, 1, got.len, file), got.len);
        fclose(file);
    }
    read_file(path.data, &golden);
    assert_string_equal(got.data, golden.data);
    world_done(e);
}

static void the_samples_are_as_printed_before(void **state)
{
    (void)state;
    expect_golden("node-a", 11, 10);
    expect_golden("node-b", 11, 10);
}

static void an_old_version_has_no_ipv6(void **state)
{
    (void)state;
    expect_golden("node-a", 9, 2);
}

static void a_new_version_has_sets(void **state)
{
    (void)state;
    expect_golden("node-a", 13, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_samples_are_as_printed_before),
        cmocka_unit_test(an_old_version_has_no_ipv6),
        cmocka_unit_test(a_new_version_has_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
