/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/k8s/k8s_test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/sbuf.h"
#include "core/base/vec.h"
#include "core/k8s/folder.h"

/* ---- a sink that is a small store, and keeps what it was told ---- */

struct row {
    enum k8s_kind kind;
    char *key;
    void *object;
};
struct world {
    struct folder *folder;
    VEC(struct row) rows;
    struct sbuf told;  /* "+Pod default/a -Node b " since last asked */
    struct sbuf notes; /* one a line */
};

static struct row *find_row(struct world *w, enum k8s_kind kind, const char *key)
{
    for (size_t i = 0; i < w->rows.n; i++)
        if (w->rows.v[i].kind == kind && !strcmp(w->rows.v[i].key, key))
            return &w->rows.v[i];
    return NULL;
}

static void on_put(void *aux, enum k8s_kind kind, const char *key, void *object)
{
    struct world *w = aux;
    struct row *row = find_row(w, kind, key);
    sbuf_printf(&w->told, "+%s %s ", k8s_kind_name(kind), key);
    assert_int_equal(((struct object_meta *)object)->kind, kind);
    if (row) {
        object_free(row->object);
        row->object = object;
    } else {
        VEC_PUSH(&w->rows, ((struct row){kind, mem_strdup(key), object}));
    }
}

static void on_remove(void *aux, enum k8s_kind kind, const char *key)
{
    struct world *w = aux;
    struct row *row = find_row(w, kind, key);
    sbuf_printf(&w->told, "-%s %s ", k8s_kind_name(kind), key);
    assert_non_null(row); /* never for what was not put */
    object_free(row->object);
    mem_free(row->key);
    *row = w->rows.v[--w->rows.n];
}

static void on_note(void *aux, enum folder_note note, const char *text)
{
    static const char *const names[] = {[FOLDER_NOTE_BAD] = "bad",
                                        [FOLDER_NOTE_DUPLICATE] = "twice",
                                        [FOLDER_NOTE_UNKNOWN] = "unknown",
                                        [FOLDER_NOTE_MENDED] = "mended"};
    struct world *w = aux;
    sbuf_printf(&w->notes, "%s %s\n", names[note], text);
}

static struct world *world_new(void)
{
    struct world *w = mem_calloc(1, sizeof *w);
    w->folder = folder_new(&(struct folder_sink){w, on_put, on_remove, on_note});
    return w;
}

static void world_done(struct world *w)
{
    folder_free(w->folder);
    for (size_t i = 0; i < w->rows.n; i++) {
        object_free(w->rows.v[i].object);
        mem_free(w->rows.v[i].key);
    }
    VEC_DONE(&w->rows);
    sbuf_done(&w->told);
    sbuf_done(&w->notes);
    mem_free(w);
}

static void world_free(struct world *w)
{
    world_done(w);
    assert_nothing_interned();
}

static bool give(struct world *w, const char *name, const char *text)
{
    /* Not NUL-terminated, and gone afterwards: the folder keeps no text. */
    size_t len = strlen(text);
    char *copy = mem_dup(text, len);
    bool changed = folder_file(w->folder, name, copy, len);
    memset(copy, 'x', len);
    mem_free(copy);
    return changed;
}

static void check_told(struct world *w, const char *want, int line)
{
    if (strcmp(sbuf_cstr(&w->told), want))
        fail_msg("line %d: told \"%s\", wanted \"%s\"", line, sbuf_cstr(&w->told), want);
    sbuf_clear(&w->told);
}
#define TOLD(w, want) check_told(w, want, __LINE__)

static void check_notes(struct world *w, const char *want, int line)
{
    if (strcmp(sbuf_cstr(&w->notes), want))
        fail_msg("line %d: noted\n%swanted\n%s", line, sbuf_cstr(&w->notes), want);
    sbuf_clear(&w->notes);
}
#define NOTED(w, want) check_notes(w, want, __LINE__)

static void check_errors(struct world *w, const char *want, int line)
{
    const struct folder_error *e;
    auto_sbuf got = SBUF_INIT;
    size_t n = folder_errors(w->folder, &e);
    for (size_t i = 0; i < n; i++)
        sbuf_printf(&got, "%s%s\n", e[i].blocking ? "* " : "", e[i].text);
    if (strcmp(sbuf_cstr(&got), want))
        fail_msg("line %d: errors\n%swanted\n%s", line, sbuf_cstr(&got), want);
    struct folder_counts c;
    folder_counts(w->folder, &c);
    assert_int_equal(c.errors, n);
}
#define ERRORS(w, want) check_errors(w, want, __LINE__)

static const char *label_of(struct world *w, enum k8s_kind kind, const char *key, const char *label)
{
    struct row *row = find_row(w, kind, key);
    assert_non_null(row);
    return labels_get(&((struct object_meta *)row->object)->labels, label);
}

#define POD(name, v)                                                                               \
    "---\napiVersion: v1\nkind: Pod\nmetadata: {name: " name ", labels: {v: '" v "'}}\n"
#define BAD_POD(name)                                                                              \
    "---\napiVersion: v1\nkind: Pod\nmetadata: {name: " name "}\nspec: {hostNetwork: 7}\n"
#define NODE(name, cidr)                                                                           \
    "---\napiVersion: v1\nkind: Node\nmetadata: {name: " name "}\nspec: {podCIDRs: ['" cidr "']}"  \
    "\n"
#define POLICY(name, spec)                                                                         \
    "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: " name           \
    "}\nspec: " spec "\n"

/* ---- the plain course ---- */

static void objects_come_change_and_go(void **state)
{
    (void)state;
    struct world *w = world_new();
    assert_true(give(w, "a.yaml", POD("p", "1") POD("q", "1")));
    TOLD(w, "+Pod default/p +Pod default/q ");
    assert_false(give(w, "a.yaml", POD("p", "1") POD("q", "1")));
    TOLD(w, "");
    assert_true(give(w, "a.yaml", POD("q", "1") POD("p", "2") POD("r", "1")));
    TOLD(w, "+Pod default/p +Pod default/r ");
    assert_string_equal(label_of(w, K8S_POD, "default/p", "v"), "2");
    give(w, "a.yaml", POD("p", "2"));
    TOLD(w, "-Pod default/q -Pod default/r ");
    assert_true(folder_file_gone(w->folder, "a.yaml"));
    TOLD(w, "-Pod default/p ");
    assert_false(folder_file_gone(w->folder, "a.yaml"));
    NOTED(w, "");
    world_free(w);
}

static void only_wanted_names_are_read(void **state)
{
    (void)state;
    assert_true(folder_wants("a.yaml"));
    assert_true(folder_wants("a.b.yml"));
    assert_true(folder_wants("a.json"));
    assert_false(folder_wants(".a.yaml"));
    assert_false(folder_wants(".yaml"));
    assert_false(folder_wants("a.yaml~"));
    assert_false(folder_wants("a.YAML"));
    assert_false(folder_wants("yaml"));
    assert_false(folder_wants("a.txt"));
    assert_false(folder_wants(""));
}

static void an_object_that_says_the_same_is_not_told_again(void **state)
{
    (void)state;
    struct world *w = world_new();
    give(w, "a.yaml", POD("p", "1"));
    TOLD(w, "+Pod default/p ");
    give(w, "a.yaml", "# moved\n\n" POD("p", "1"));
    give(w, "a.yaml",
         "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\","
         "\"labels\":{\"v\":\"1\"}},\"status\":{\"hostIP\":\"1.1.1.1\"}}");
    TOLD(w, "");
    world_free(w);
}

static void an_object_can_move_to_another_file(void **state)
{
    char place[64];
    (void)state;
    struct world *w = world_new();
    give(w, "b.yaml", POD("p", "1"));
    give(w, "a.yaml", "# x\n" POD("p", "1"));
    folder_file_gone(w->folder, "b.yaml");
    assert_true(folder_place(w->folder, K8S_POD, "default/p", place, sizeof place));
    assert_string_equal(place, "a.yaml:3");
    assert_false(folder_place(w->folder, K8S_NODE, "p", place, sizeof place));
    assert_int_equal(w->rows.n, 1);
    world_free(w);
}

static void places_follow_a_document_that_moves(void **state)
{
    char place[64];
    (void)state;
    struct world *w = world_new();
    give(w, "a.yaml", POD("p", "1"));
    give(w, "a.yaml", "# one line more\n" POD("p", "1"));
    assert_true(folder_place(w->folder, K8S_POD, "default/p", place, sizeof place));
    assert_string_equal(place, "a.yaml:3");
    world_free(w);
}

static void lists_of_all_forms_are_unfolded(void **state)
{
    (void)state;
    struct world *w = world_new();
    give(w, "a.json",
         "{\"apiVersion\":\"v1\",\"kind\":\"PodList\",\"items\":[{\"metadata\":{\"name\":\"p\"}},\n"
         "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"s\"}}]}");
    give(w, "b.yaml",
         "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Node\n"
         "  metadata: {name: a}\n");
    TOLD(w, "+Pod default/p +Namespace s +Node a ");
    give(w, "c.yaml",
         "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: List\n"
         "  items: []\n");
    ERRORS(w, "* c.yaml:6: items: must be a list, in a List that is in no other\n");
    world_free(w);
}

static void one_item_of_a_big_list_is_told_alone(void **state)
{
    struct sbuf texts[2] = {SBUF_INIT, SBUF_INIT};
    (void)state;
    struct world *w = world_new();
    for (int t = 0; t < 2; t++) {
        sbuf_puts(&texts[t], "{\"kind\":\"List\",\"apiVersion\":\"v1\",\"items\":[");
        for (int i = 0; i < 500; i++)
            sbuf_printf(
                &texts[t],
                "%s\n{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p%d\","
                "\"labels\":{\"v\":\"%d\"}}}",
                i ? "," : "", i, t && i == 250 ? 9 : 1);
        sbuf_puts(&texts[t], "]}");
    }
    give(w, "a.json", sbuf_cstr(&texts[0]));
    assert_int_equal(w->rows.n, 500);
    sbuf_clear(&w->told);
    give(w, "a.json", sbuf_cstr(&texts[1]));
    TOLD(w, "+Pod default/p250 ");
    sbuf_done(&texts[0]);
    sbuf_done(&texts[1]);
    world_free(w);
}

/* ---- the same object twice ---- */

static void the_later_file_holds_and_the_other_takes_over(void **state)
{
    (void)state;
    struct world *w = world_new();
    give(w, "b.yaml", POD("p", "b"));
    give(w, "a.yaml", "#\n" POD("p", "a"));
    assert_string_equal(label_of(w, K8S_POD, "default/p", "v"), "b");
    TOLD(w, "+Pod default/p ");
    NOTED(w, "twice a.yaml:3: Pod default/p is also in b.yaml:2, which holds\n");
    give(w, "c.yaml", POD("p", "c"));
    NOTED(w, "twice b.yaml:2: Pod default/p is also in c.yaml:2, which holds\n");
    assert_string_equal(label_of(w, K8S_POD, "default/p", "v"), "c");
    give(w, "b.yaml", POD("p", "b2"));
    give(w, "a.yaml", POD("p", "a2"));
    TOLD(w, "+Pod default/p ");
    NOTED(w, "");
    struct folder_counts counts;
    folder_counts(w->folder, &counts);
    assert_int_equal(counts.duplicates, 2);
    assert_int_equal(counts.objects, 1);
    folder_file_gone(w->folder, "c.yaml");
    assert_string_equal(label_of(w, K8S_POD, "default/p", "v"), "b2");
    give(w, "b.yaml", POD("q", "b"));
    assert_string_equal(label_of(w, K8S_POD, "default/p", "v"), "a2");
    folder_file_gone(w->folder, "a.yaml");
    TOLD(w, "+Pod default/p +Pod default/p +Pod default/q -Pod default/p ");
    folder_counts(w->folder, &counts);
    assert_int_equal(counts.duplicates, 0);
    ERRORS(w, "");
    world_free(w);
}

static void in_one_file_the_later_document_holds(void **state)
{
    (void)state;
    struct world *w = world_new();
    give(w, "a.yaml", POD("p", "1") POD("p", "2"));
    assert_string_equal(label_of(w, K8S_POD, "default/p", "v"), "2");
    NOTED(w, "twice a.yaml:2: Pod default/p is also in a.yaml:6, which holds\n");
    give(w, "a.yaml", POD("p", "2") POD("p", "1"));
    assert_string_equal(label_of(w, K8S_POD, "default/p", "v"), "1");
    give(w, "a.yaml", POD("p", "3"));
    assert_string_equal(label_of(w, K8S_POD, "default/p", "v"), "3");
    assert_int_equal(w->rows.n, 1);
    world_free(w);
}

static void byte_order_of_names_decides(void **state)
{
    static const char *const order[] = {"10.yaml", "2.yaml", "A.yaml", "a.yaml", "\xc3\xa4.yaml"};
    (void)state;
    struct world *w = world_new();
    for (size_t i = ARRAY_LEN(order); i-- > 0;) {
        char text[200];
        snprintf(text, sizeof text, POD("p", "%zu"), i);
        give(w, order[i], text);
        assert_string_equal(label_of(w, K8S_POD, "default/p", "v"), "4");
    }
    for (size_t i = ARRAY_LEN(order); i-- > 1;) {
        char want[24];
        snprintf(want, sizeof want, "%zu", i - 1);
        folder_file_gone(w->folder, order[i]);
        assert_string_equal(label_of(w, K8S_POD, "default/p", "v"), want);
    }
    world_free(w);
}

/* ---- bad documents ---- */

static void a_bad_document_leaves_the_rest_of_its_file(void **state)
{
    (void)state;
    struct world *w = world_new();
    give(w, "a.yaml", POD("p", "1") BAD_POD("q") POD("r", "1"));
    TOLD(w, "+Pod default/p +Pod default/r ");
    NOTED(w, "bad a.yaml:9: spec.hostNetwork: must be true or false, not a number\n");
    give(w, "a.yaml", POD("p", "1") "---\na: [\n" POD("r", "2"));
    TOLD(w, "+Pod default/r ");
    NOTED(w, "bad a.yaml:6: YAML: did not find expected node content\n");
    world_free(w);
}

static void a_bad_object_keeps_its_last_good_version(void **state)
{
    (void)state;
    struct world *w = world_new();
    folder_first_load_done(w->folder);
    give(w, "a.yaml", POD("p", "1") POD("q", "1"));
    sbuf_clear(&w->told);
    give(w, "a.yaml", BAD_POD("p"));
    TOLD(w, "-Pod default/q ");
    assert_string_equal(label_of(w, K8S_POD, "default/p", "v"), "1");
    ERRORS(w, "a.yaml:5: spec.hostNetwork: must be true or false, not a number\n");
    assert_true(folder_complete(w->folder));
    give(w, "a.yaml", "# still\n" BAD_POD("p") POD("s", "1"));
    TOLD(w, "+Pod default/s ");
    assert_string_equal(label_of(w, K8S_POD, "default/p", "v"), "1");
    sbuf_clear(&w->notes);
    give(w, "a.yaml", POD("p", "2"));
    TOLD(w, "-Pod default/s +Pod default/p ");
    NOTED(w, "mended a.yaml: no errors any more\n");
    ERRORS(w, "");
    world_free(w);
}

static void a_document_beyond_recognition_keeps_all_that_is_missing(void **state)
{
    (void)state;
    struct world *w = world_new();
    give(w, "a.yaml", POD("p", "1") POD("q", "1") POD("r", "1"));
    folder_first_load_done(w->folder);
    sbuf_clear(&w->told);
    /* Half written: cut in the middle of q. */
    give(w, "a.yaml", POD("p", "2") "---\napiVersion: v1\nkind: Pod\nmetadata: {name: q, lab");
    TOLD(w, "+Pod default/p ");
    assert_int_equal(w->rows.n, 3);
    assert_true(folder_complete(w->folder));
    give(w, "a.yaml", POD("p", "2"));
    TOLD(w, "-Pod default/q -Pod default/r ");
    world_free(w);
}

static void every_half_written_length_is_survived(void **state)
{
    static const char before[] = POD("p", "1") POD("q", "1");
    static const char after[] = POD("p", "2") POD("q", "2") POD("r", "2");
    (void)state;
    for (size_t len = 0; len <= strlen(after); len++) {
        struct world *w = world_new();
        give(w, "a.yaml", before);
        folder_first_load_done(w->folder);
        auto_free char *part = mem_strndup(after, len);
        give(w, "a.yaml", part);
        assert_true(folder_complete(w->folder));
        give(w, "a.yaml", after);
        assert_int_equal(w->rows.n, 3);
        assert_string_equal(label_of(w, K8S_POD, "default/q", "v"), "2");
        ERRORS(w, "");
        world_free(w);
    }
}

static void bad_at_first_load_makes_the_source_incomplete(void **state)
{
    (void)state;
    struct world *w = world_new();
    assert_false(folder_complete(w->folder));
    give(w, "a.yaml", POD("p", "1"));
    give(w, "b.yaml", POD("q", "1") POLICY("x", "{ingress: [{from: [{}]}]}"));
    folder_first_load_done(w->folder);
    assert_false(folder_complete(w->folder));
    ERRORS(w, "* b.yaml:9: spec.ingress[0].from[0]: must hold podSelector, namespaceSelector or "
              "ipBlock\n");
    /* What is said meanwhile goes on, and the file is still bad when other parts of it change. */
    give(w, "a.yaml", POD("p", "2"));
    give(w, "b.yaml", "#\n" POD("q", "2") POLICY("x", "{ingress: [{from: [{}]}]}"));
    assert_false(folder_complete(w->folder));
    TOLD(w, "+Pod default/p +Pod default/q +Pod default/p +Pod default/q ");
    give(w, "b.yaml", POLICY("x", "{}"));
    assert_true(folder_complete(w->folder));
    /* From now on it has a last good version. */
    give(w, "b.yaml", POLICY("x", "{ingress: [{from: [{}]}]}"));
    assert_true(folder_complete(w->folder));
    assert_non_null(find_row(w, K8S_NETWORK_POLICY, "default/x"));
    ERRORS(w, "b.yaml:5: spec.ingress[0].from[0]: must hold podSelector, namespaceSelector or "
              "ipBlock\n");
    world_free(w);
}

static void removing_the_document_or_its_file_completes_the_source(void **state)
{
    (void)state;
    struct world *w = world_new();
    give(w, "a.yaml", POD("p", "1") BAD_POD("q"));
    give(w, "b.yaml", "{");
    folder_first_load_done(w->folder);
    give(w, "a.yaml", POD("p", "1"));
    assert_false(folder_complete(w->folder));
    folder_file_gone(w->folder, "b.yaml");
    assert_true(folder_complete(w->folder));
    world_free(w);
}

static void a_keyless_bad_document_blocks_until_its_file_is_without(void **state)
{
    (void)state;
    struct world *w = world_new();
    give(w, "a.yaml", POD("p", "1") "---\na: [\n");
    folder_first_load_done(w->folder);
    assert_false(folder_complete(w->folder));
    /* Removing p looks as if its version were kept, but what the broken one is nobody knows. */
    give(w, "a.yaml", "---\na: [\n");
    assert_false(folder_complete(w->folder));
    /* It can be told now whose it is, and it was never good. */
    give(w, "a.yaml", BAD_POD("z"));
    assert_false(folder_complete(w->folder));
    give(w, "a.yaml", POD("z", "1"));
    assert_true(folder_complete(w->folder));
    world_free(w);
}

static void a_document_that_turns_bad_later_blocks_nothing(void **state)
{
    (void)state;
    struct world *w = world_new();
    folder_first_load_done(w->folder);
    assert_true(folder_complete(w->folder));
    give(w, "a.yaml", BAD_POD("p"));
    give(w, "b.yaml", "{");
    assert_true(folder_complete(w->folder));
    ERRORS(w, "a.yaml:5: spec.hostNetwork: must be true or false, not a number\n"
              "b.yaml:1: YAML: did not find expected node content\n");
    world_free(w);
}

static void another_bad_document_does_not_inherit_the_block(void **state)
{
    (void)state;
    struct world *w = world_new();
    give(w, "a.yaml", BAD_POD("p"));
    folder_first_load_done(w->folder);
    assert_false(folder_complete(w->folder));
    give(w, "a.yaml", POD("p", "1") BAD_POD("new"));
    assert_true(folder_complete(w->folder));
    world_free(w);
}

static void an_unreadable_file_is_a_bad_document(void **state)
{
    (void)state;
    struct world *w = world_new();
    assert_true(folder_file_unreadable(w->folder, "a.yaml", "permission denied"));
    assert_false(folder_file_unreadable(w->folder, "a.yaml", "permission denied"));
    folder_first_load_done(w->folder);
    assert_false(folder_complete(w->folder));
    ERRORS(w, "* a.yaml: permission denied\n");
    give(w, "a.yaml", POD("p", "1"));
    assert_true(folder_complete(w->folder));
    folder_file_unreadable(w->folder, "a.yaml", "too big");
    assert_int_equal(w->rows.n, 1);
    assert_true(folder_complete(w->folder));
    NOTED(w, "bad a.yaml: permission denied\nmended a.yaml: no errors any more\n"
             "bad a.yaml: too big\n");
    assert_true(give(w, "a.yaml", POD("p", "1")));
    ERRORS(w, "");
    folder_file_gone(w->folder, "a.yaml");
    assert_int_equal(w->rows.n, 0);
    world_free(w);
}

static void a_bad_version_in_a_later_file_leaves_the_earlier_one(void **state)
{
    (void)state;
    struct world *w = world_new();
    folder_first_load_done(w->folder);
    give(w, "a.yaml", POD("p", "a"));
    give(w, "b.yaml", BAD_POD("p"));
    assert_string_equal(label_of(w, K8S_POD, "default/p", "v"), "a");
    give(w, "b.yaml", POD("p", "b"));
    give(w, "b.yaml", BAD_POD("p"));
    assert_string_equal(label_of(w, K8S_POD, "default/p", "v"), "b");
    folder_file_gone(w->folder, "b.yaml");
    assert_string_equal(label_of(w, K8S_POD, "default/p", "v"), "a");
    ERRORS(w, "");
    world_free(w);
}

static void each_way_of_being_bad_has_its_place(void **state)
{
    static const struct {
        const char *name, *text, *error;
    } rows[] = {
        {"a.yaml", "a: 1\n", "a.yaml:1: kind: is required"},
        {"a.yaml", "#\n\nkind: Pod\n", "a.yaml:3: apiVersion: is required"},
        {"a.yaml", "kind: [Pod]\n", "a.yaml:1: kind: must be a string, not a list"},
        {"a.yaml", "kind: Pod\napiVersion: 1\n",
         "a.yaml:2: apiVersion: must be a string, not a number"},
        {"a.yaml", "kind: Pod\napiVersion: v1\n", "a.yaml:1: metadata.name: is required"},
        {"a.yaml", "kind: Pod\napiVersion: v1\nmetadata:\n  labels: {}\n",
         "a.yaml:3: metadata.name: is required"},
        {"a.yaml", "- kind: Pod\n", "a.yaml:1: not a Kubernetes object"},
        {"a.yaml", "hello\n", "a.yaml:1: not a Kubernetes object"},
        {"a.json", "[]", "a.json:1: not a Kubernetes object"},
        {"a.json", "{\"kind\": \"Pod\",\n\"kind\": \"Node\"}",
         "a.json:2: JSON: key \"kind\" occurs twice in this map"},
        {"a.json",
         "{\"apiVersion\": \"v1\",\n\"kind\": \"Pod\",\n\"metadata\": {\"name\": \"a\"},\n"
         "\"spec\": {\n\"nodeName\": 7}}",
         "a.json:5: spec.nodeName: must be a string, not a number"},
        {"a.yaml",
         "kind: List\napiVersion: v1\nitems:\n- kind: Pod\n  apiVersion: v1\n  metadata:\n"
         "    name: a\n    labels:\n      b: 7\n",
         "a.yaml:9: metadata.labels.b: must be a string, not a number"},
        {"a.yaml", "kind: List\napiVersion: v1\nitems: 7\n",
         "a.yaml:3: items: must be a list, in a List that is in no other"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct folder_error *e;
        struct world *w = world_new();
        give(w, rows[i].name, rows[i].text);
        assert_int_equal(folder_errors(w->folder, &e), 1);
        if (strcmp(e[0].text, rows[i].error))
            fail_msg("row %zu: %s, wanted %s", i, e[0].text, rows[i].error);
        assert_true(e[0].blocking);
        world_free(w);
    }
}

/* ---- unknown kinds ---- */

static void unknown_kinds_are_counted_and_noted_once(void **state)
{
    static const char map[] = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n";
    static const char job[] = "---\napiVersion: batch/v1\nkind: Job\nmetadata: {name: x}\n";
    size_t n;
    (void)state;
    struct world *w = world_new();
    give(w, "a.yaml",
         "---\napiVersion: v1\nkind: ConfigMap\n---\napiVersion: v1\nkind: ConfigMap\n");
    give(w, "b.yaml", map);
    give(w, "c.yaml", job);
    folder_first_load_done(w->folder);
    NOTED(w, "unknown a.yaml: v1 ConfigMap is not a kind that is read\n"
             "unknown c.yaml: batch/v1 Job is not a kind that is read\n");
    assert_true(folder_complete(w->folder));
    ERRORS(w, "");
    assert_string_equal(folder_unknown(w->folder, 0, &n), "batch/v1 Job");
    assert_int_equal(n, 1);
    assert_string_equal(folder_unknown(w->folder, 1, &n), "v1 ConfigMap");
    assert_int_equal(n, 3);
    assert_null(folder_unknown(w->folder, 2, &n));
    folder_file_gone(w->folder, "c.yaml");
    give(w, "d.yaml", job);
    NOTED(w, "");
    struct folder_counts c;
    folder_counts(w->folder, &c);
    assert_int_equal(c.unknown, 4);
    assert_int_equal(c.documents, 4);
    assert_int_equal(c.files, 3);
    world_free(w);
}

/* ---- Nodes ---- */

static void overlapping_pod_cidrs_hold_the_newcomer_back(void **state)
{
    (void)state;
    struct world *w = world_new();
    give(w, "a.yaml", NODE("a", "10.1.0.0/24"));
    give(w, "b.yaml", NODE("b", "10.1.0.128/25"));
    folder_first_load_done(w->folder);
    TOLD(w, "+Node a ");
    NOTED(w, "bad b.yaml:5: spec.podCIDRs[0]: 10.1.0.128/25 of Node b overlaps 10.1.0.0/24 of Node "
             "a (a.yaml:5)\n");
    assert_true(folder_complete(w->folder));
    ERRORS(w, "b.yaml:5: spec.podCIDRs[0]: 10.1.0.128/25 of Node b overlaps 10.1.0.0/24 of Node "
              "a (a.yaml:5)\n");
    give(w, "c.yaml", NODE("c", "10.2.0.0/24"));
    TOLD(w, "+Node c ");
    NOTED(w, "");
    folder_file_gone(w->folder, "a.yaml");
    TOLD(w, "-Node a +Node b ");
    ERRORS(w, "");
    world_free(w);
}

static void a_node_that_moves_onto_another_keeps_its_last_range(void **state)
{
    (void)state;
    struct world *w = world_new();
    give(w, "a.yaml", NODE("a", "10.1.0.0/24"));
    give(w, "b.yaml", NODE("b", "10.2.0.0/24"));
    sbuf_clear(&w->told);
    give(w, "a.yaml", NODE("a", "10.2.0.0/16"));
    TOLD(w, "");
    ERRORS(w, "a.yaml:5: spec.podCIDRs[0]: 10.2.0.0/16 of Node a overlaps 10.2.0.0/24 of Node b "
              "(b.yaml:5)\n");
    give(w, "a.yaml", NODE("a", "10.1.0.0/24"));
    TOLD(w, "");
    ERRORS(w, "");
    give(w, "a.yaml", NODE("a", "10.2.0.0/16"));
    give(w, "b.yaml", NODE("b", "10.9.0.0/24"));
    TOLD(w, "+Node a +Node b ");
    ERRORS(w, "");
    world_free(w);
}

static void nodes_can_change_places(void **state)
{
    (void)state;
    struct world *w = world_new();
    give(w, "a.yaml", NODE("a", "10.1.0.0/24") NODE("b", "10.2.0.0/24"));
    sbuf_clear(&w->told);
    give(w, "a.yaml", NODE("a", "10.2.0.0/24") NODE("b", "10.1.0.0/24"));
    TOLD(w, "+Node a +Node b ");
    ERRORS(w, "");
    folder_file_gone(w->folder, "a.yaml");
    TOLD(w, "-Node b -Node a ");
    world_free(w);
}

static void a_node_in_two_files_is_one_node(void **state)
{
    (void)state;
    struct world *w = world_new();
    give(w, "a.yaml", NODE("a", "10.1.0.0/24"));
    give(w, "b.yaml", NODE("a", "10.1.0.0/25"));
    TOLD(w, "+Node a +Node a ");
    ERRORS(w, "");
    folder_file_gone(w->folder, "b.yaml");
    TOLD(w, "+Node a ");
    world_free(w);
}

static void a_node_never_told_is_never_removed(void **state)
{
    (void)state;
    struct world *w = world_new();
    give(w, "a.yaml", NODE("a", "10.1.0.0/24"));
    give(w, "b.yaml", NODE("b", "10.1.0.0/24"));
    folder_file_gone(w->folder, "b.yaml");
    TOLD(w, "+Node a ");
    ERRORS(w, "");
    world_free(w);
}

/* ---- files that may be half-written ---- */

static unsigned offer(struct world *w, const char *name, const char *text, unsigned age_ms)
{
    return folder_offer(w->folder, name, text, strlen(text), age_ms);
}

static void what_adds_or_changes_is_taken_at_once(void **state)
{
    (void)state;
    struct world *w = world_new();
    assert_int_equal(offer(w, "a.yaml", POD("p", "1"), 0), 0);
    assert_int_equal(offer(w, "a.yaml", POD("p", "2") POD("q", "1"), 0), 0);
    assert_int_equal(offer(w, "a.yaml", POD("p", "2") POD("q", "1"), 0), 0);
    TOLD(w, "+Pod default/p +Pod default/p +Pod default/q ");
    world_free(w);
}

static void what_lacks_an_object_must_be_settled(void **state)
{
    (void)state;
    struct world *w = world_new();
    give(w, "a.yaml", POD("p", "1") POD("q", "1"));
    sbuf_clear(&w->told);
    assert_int_equal(offer(w, "a.yaml", POD("p", "2"), 30), 70);
    assert_int_equal(offer(w, "a.yaml", BAD_POD("p") POD("q", "1"), 0), 100);
    assert_int_equal(offer(w, "a.yaml", "# nothing\n", 100), 1900);
    assert_int_equal(offer(w, "a.yaml", "", 0), 2000);
    TOLD(w, "");
    NOTED(w, "");
    assert_int_equal(offer(w, "a.yaml", POD("p", "2"), 100), 0);
    TOLD(w, "-Pod default/q +Pod default/p ");
    assert_int_equal(offer(w, "a.yaml", "", 2000), 0);
    TOLD(w, "-Pod default/p ");
    assert_int_equal(offer(w, "a.yaml", "", 0), 0);
    world_free(w);
}

static void a_new_file_that_is_bad_must_be_settled(void **state)
{
    (void)state;
    struct world *w = world_new();
    assert_int_equal(offer(w, "a.yaml", POD("p", "1") "---\nkind: P", 0), 100);
    assert_int_equal(offer(w, "b.yaml", "", 0), 0);
    ERRORS(w, "");
    assert_int_equal(offer(w, "a.yaml", POD("p", "1") "---\nkind: P", 100), 0);
    ERRORS(w, "* a.yaml:6: apiVersion: is required\n");
    TOLD(w, "+Pod default/p ");
    world_free(w);
}

/* A writer that empties the file and writes it byte by byte, read after each. */
static void nothing_is_lost_while_a_file_is_written_in_place(void **state)
{
    static const char text[] = POD("p", "1") POD("q", "2") POLICY("x", "{}");
    (void)state;
    struct world *w = world_new();
    give(w, "a.yaml", text);
    for (size_t len = 0; len < strlen(text); len++) {
        (void)folder_offer(w->folder, "a.yaml", text, len, 50);
        assert_int_equal(w->rows.n, 3);
    }
    assert_int_equal(offer(w, "a.yaml", text, 0), 0);
    ERRORS(w, "");
    world_free(w);
}

/* ---- the folder itself ---- */

static void an_unreadable_folder_keeps_everything(void **state)
{
    (void)state;
    struct world *w = world_new();
    folder_unreadable(w->folder, "/etc/objects", "no such folder");
    ERRORS(w, "* /etc/objects: no such folder\n");
    folder_unreadable(w->folder, "/etc/objects", "no such folder");
    folder_unreadable(w->folder, "/etc/objects", NULL);
    give(w, "a.yaml", POD("p", "1"));
    folder_first_load_done(w->folder);
    folder_unreadable(w->folder, "/etc/objects", "no such folder");
    ERRORS(w, "/etc/objects: no such folder\n");
    assert_true(folder_complete(w->folder));
    assert_int_equal(w->rows.n, 1);
    NOTED(w, "bad /etc/objects: no such folder\nmended /etc/objects: can be read again\n"
             "bad /etc/objects: no such folder\n");
    world_free(w);
}

static void files_are_listed_in_byte_order(void **state)
{
    size_t n;
    (void)state;
    struct world *w = world_new();
    give(w, "b.yaml", "");
    give(w, "a.yaml", "");
    give(w, "B.yaml", "");
    const char **names = folder_files(w->folder, &n);
    assert_int_equal(n, 3);
    assert_string_equal(names[0], "B.yaml");
    assert_string_equal(names[1], "a.yaml");
    assert_string_equal(names[2], "b.yaml");
    mem_free(names);
    world_free(w);
}

static unsigned roll(unsigned *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 16;
}

/* Random files of few objects, good and bad: what the sink holds afterwards is what a new folder
 * that is given the same files holds, when none of them is bad. */
static void random_changes_end_where_a_new_folder_begins(void **state)
{
    enum { FILES = 4, NAMES = 5 };
    unsigned seed = 20240607;
    (void)state;
    for (int round = 0; round < 60; round++) {
        struct world *w = world_new(), *fresh = world_new();
        struct sbuf now[FILES];
        bool there[FILES] = {false};
        memset(now, 0, sizeof now);
        for (int step = 0; step < 60; step++) {
            bool last = step >= 60 - FILES;
            size_t f = last ? (size_t)(step - (60 - FILES)) : roll(&seed) % FILES;
            char name[] = {(char)('a' + f), '.', 'y', 'm', 'l', '\0'};
            sbuf_clear(&now[f]);
            there[f] = roll(&seed) % 4 != 0;
            for (unsigned i = roll(&seed) % 4 + 1; i > 0 && there[f]; i--) {
                unsigned which = roll(&seed) % NAMES, v = roll(&seed) % 3;
                unsigned form = roll(&seed) % (last ? 2 : 4);
                if (form == 0)
                    sbuf_printf(&now[f], POD("p%u", "%u"), which, v);
                else if (form == 1)
                    sbuf_printf(&now[f], NODE("n%u", "10.%u.%u.0/24"), which, which, v);
                else if (form == 2)
                    sbuf_printf(&now[f], BAD_POD("p%u"), which);
                else
                    sbuf_puts(&now[f], "---\n[\n");
            }
            if (there[f])
                give(w, name, sbuf_cstr(&now[f]));
            else
                folder_file_gone(w->folder, name);
        }
        for (size_t f = 0; f < FILES; f++) {
            char name[] = {(char)('a' + f), '.', 'y', 'm', 'l', '\0'};
            if (there[f])
                give(fresh, name, sbuf_cstr(&now[f]));
            sbuf_done(&now[f]);
        }
        ERRORS(w, "");
        assert_int_equal(w->rows.n, fresh->rows.n);
        for (size_t i = 0; i < w->rows.n; i++) {
            struct row *a = &w->rows.v[i], *b = find_row(fresh, a->kind, a->key);
            if (!b || !object_equal(a->object, b->object))
                fail_msg("round %d: %s differs (seed 20240607)", round, a->key);
        }
        world_done(w);
        world_done(fresh);
        assert_nothing_interned();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_come_change_and_go),
        cmocka_unit_test(only_wanted_names_are_read),
        cmocka_unit_test(an_object_that_says_the_same_is_not_told_again),
        cmocka_unit_test(an_object_can_move_to_another_file),
        cmocka_unit_test(places_follow_a_document_that_moves),
        cmocka_unit_test(lists_of_all_forms_are_unfolded),
        cmocka_unit_test(one_item_of_a_big_list_is_told_alone),
        cmocka_unit_test(the_later_file_holds_and_the_other_takes_over),
        cmocka_unit_test(in_one_file_the_later_document_holds),
        cmocka_unit_test(byte_order_of_names_decides),
        cmocka_unit_test(a_bad_document_leaves_the_rest_of_its_file),
        cmocka_unit_test(a_bad_object_keeps_its_last_good_version),
        cmocka_unit_test(a_document_beyond_recognition_keeps_all_that_is_missing),
        cmocka_unit_test(every_half_written_length_is_survived),
        cmocka_unit_test(bad_at_first_load_makes_the_source_incomplete),
        cmocka_unit_test(removing_the_document_or_its_file_completes_the_source),
        cmocka_unit_test(a_keyless_bad_document_blocks_until_its_file_is_without),
        cmocka_unit_test(a_document_that_turns_bad_later_blocks_nothing),
        cmocka_unit_test(another_bad_document_does_not_inherit_the_block),
        cmocka_unit_test(an_unreadable_file_is_a_bad_document),
        cmocka_unit_test(a_bad_version_in_a_later_file_leaves_the_earlier_one),
        cmocka_unit_test(each_way_of_being_bad_has_its_place),
        cmocka_unit_test(unknown_kinds_are_counted_and_noted_once),
        cmocka_unit_test(overlapping_pod_cidrs_hold_the_newcomer_back),
        cmocka_unit_test(a_node_that_moves_onto_another_keeps_its_last_range),
        cmocka_unit_test(nodes_can_change_places),
        cmocka_unit_test(a_node_in_two_files_is_one_node),
        cmocka_unit_test(a_node_never_told_is_never_removed),
        cmocka_unit_test(what_adds_or_changes_is_taken_at_once),
        cmocka_unit_test(what_lacks_an_object_must_be_settled),
        cmocka_unit_test(a_new_file_that_is_bad_must_be_settled),
        cmocka_unit_test(nothing_is_lost_while_a_file_is_written_in_place),
        cmocka_unit_test(an_unreadable_folder_keeps_everything),
        cmocka_unit_test(files_are_listed_in_byte_order),
        cmocka_unit_test(random_changes_end_where_a_new_folder_begins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
