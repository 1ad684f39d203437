/* SPDX-License-Identifier: Apache-2.0
 *
 * The sample manifests of docs/examples are good input, all of them. */
#include "tests/unit/k8s/k8s_test.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/k8s/folder.h"

static size_t n_objects[K8S_N_KINDS];

static void on_put(void *aux, enum k8s_kind kind, const char *key, void *object)
{
    (void)aux;
    (void)key;
    n_objects[kind]++;
    object_free(object);
}

static void on_remove(void *aux, enum k8s_kind kind, const char *key)
{
    (void)aux;
    (void)kind;
    (void)key;
    fail();
}

static void on_note(void *aux, enum folder_note note, const char *text)
{
    (void)aux;
    (void)note;
    fail_msg("%s", text);
}

static size_t give_all(struct folder *f, const char *dir)
{
    DIR *d = opendir(dir);
    size_t n = 0;
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        char path[512], text[16384];
        if (!folder_wants(e->d_name))
            continue;
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        size_t len = fread(text, 1, sizeof text, file);
        assert_true(len < sizeof text);
        fclose(file);
        folder_file(f, e->d_name, text, len);
        n++;
    }
    closedir(d);
    return n;
}

static void the_samples_are_good(void **state)
{
    (void)state;
    struct folder *f = folder_new(&(struct folder_sink){NULL, on_put, on_remove, on_note});
    assert_true(give_all(f, "docs/examples") >= 3);
    assert_true(give_all(f, "docs/examples/policies") >= 7);
    folder_first_load_done(f);
    assert_true(folder_complete(f));
    assert_int_equal(n_objects[K8S_NODE], 2);
    assert_int_equal(n_objects[K8S_NAMESPACE], 3);
    assert_true(n_objects[K8S_POD] >= 5);
    assert_true(n_objects[K8S_NETWORK_POLICY] >= 7);
    assert_true(n_objects[K8S_SERVICE] >= 2);
    assert_true(n_objects[K8S_ENDPOINT_SLICE] >= 2);
    folder_free(f);
    assert_nothing_interned();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_samples_are_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
