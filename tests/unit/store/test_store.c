/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/sbuf.h"
#include "core/store/store_internal.h"

enum { TABLE_WORD, TABLE_BLOB, N_TABLES };

/* The words of a value are its index keys. */
static void by_word(const struct row *row, struct index_sink *sink)
{
    char *words = mem_strdup(row->value);
    for (char *w = strtok(words, " "); w; w = strtok(NULL, " "))
        index_emit(sink, w);
    mem_free(words);
}

static void by_length(const struct row *row, struct index_sink *sink)
{
    char text[32];
    snprintf(text, sizeof text, "%zu", row->len ? row->len : strlen(row->value));
    index_emit(sink, text);
}

static bool text_equal(const void *a, const void *b)
{
    return strcmp(a, b) == 0;
}

static const struct table_class classes[N_TABLES] = {
    [TABLE_WORD] = {"word", mem_free, text_equal, {by_word, by_length}},
    [TABLE_BLOB] = {.name = "blob", .indexes = {by_length}},
};

struct heard {
    struct store *store;
    VEC(uint64_t) notes;
    struct sbuf rows; /* "+key " and "-key " */
};

static void on_note(void *aux, uint64_t note)
{
    struct heard *h = aux;
    VEC_PUSH(&h->notes, note);
}

static void on_row(void *aux, int table, const char *key, bool exists)
{
    struct heard *h = aux;
    sbuf_printf(&h->rows, "%c%d%s ", exists ? '+' : '-', table, key);
}

static bool heard(const struct heard *h, int table, int kind, const char *text)
{
    for (size_t i = 0; i < h->notes.n; i++)
        if (h->notes.v[i] == note_of(table, kind, text))
            return true;
    return false;
}

static int setup(void **state)
{
    struct heard *h = mem_calloc(1, sizeof *h);
    h->store = store_new(classes, N_TABLES);
    store_set_hooks(h->store, &(struct store_hooks){on_note, on_row, h});
    *state = h;
    return 0;
}

static int teardown(void **state)
{
    struct heard *h = *state;
    store_free(h->store);
    VEC_DONE(&h->notes);
    sbuf_done(&h->rows);
    mem_free(h);
    return 0;
}

static bool put(struct heard *h, const char *key, const char *value)
{
    h->notes.n = 0;
    sbuf_clear(&h->rows);
    return store_put(h->store, TABLE_WORD, key, mem_strdup(value));
}

/* The keys of a list, joined by commas, in 'a'. */
static const char *joined(const struct row **rows, size_t n, struct arena *a)
{
    const char *text = "";
    for (size_t i = 0; i < n; i++)
        text = arena_printf(a, "%s%s%s", text, i ? "," : "", rows[i]->key);
    return text;
}

static void expect_list(const struct store *s, const char *expected)
{
    struct arena a;
    arena_init(&a, 0);
    size_t n;
    const struct row **rows = store_list(s, TABLE_WORD, &a, &n);
    assert_string_equal(joined(rows, n, &a), expected);
    arena_done(&a);
}

static void expect_index(const struct store *s, int index, const char *ikey, const char *expected)
{
    struct arena a;
    arena_init(&a, 0);
    size_t n;
    const struct row **rows = store_list_index(s, TABLE_WORD, index, ikey, &a, &n);
    assert_string_equal(joined(rows, n, &a), expected);
    arena_done(&a);
}

static void test_put_get_remove(void **state)
{
    struct heard *h = *state;
    assert_null(store_get(h->store, TABLE_WORD, "a"));
    assert_true(put(h, "a", "red"));
    const struct row *row = store_get(h->store, TABLE_WORD, "a");
    assert_string_equal(row->key, "a");
    assert_string_equal(row->value, "red");
    assert_int_equal(row->len, 0);
    assert_int_equal(store_count(h->store, TABLE_WORD), 1);
    assert_true(store_remove(h->store, TABLE_WORD, "a"));
    assert_false(store_remove(h->store, TABLE_WORD, "a"));
    assert_null(store_get(h->store, TABLE_WORD, "a"));
    assert_int_equal(store_count(h->store, TABLE_WORD), 0);
    assert_string_equal(store_table_name(h->store, TABLE_BLOB), "blob");
}

static void test_equal_value_changes_nothing(void **state)
{
    struct heard *h = *state;
    put(h, "a", "red");
    uint64_t before = store_revision(h->store);
    assert_false(put(h, "a", "red"));
    assert_int_equal(store_revision(h->store), before);
    assert_int_equal(h->notes.n, 0);
    assert_true(put(h, "a", "blue"));
    assert_true(store_revision(h->store) > before);
}

static void test_lists_are_sorted_before_and_after_listing(void **state)
{
    struct heard *h = *state;
    put(h, "b", "x");
    put(h, "c", "x");
    put(h, "a", "x");
    expect_list(h->store, "a,b,c");
    put(h, "bb", "x"); /* into the kept order */
    put(h, "A", "x");
    expect_list(h->store, "A,a,b,bb,c");
    store_remove(h->store, TABLE_WORD, "b");
    expect_list(h->store, "A,a,bb,c");
}

static void test_index_follows_values(void **state)
{
    struct heard *h = *state;
    put(h, "b", "red blue red");
    put(h, "a", "red");
    expect_index(h->store, 0, "red", "a,b");
    expect_index(h->store, 0, "blue", "b");
    expect_index(h->store, 0, "green", "");
    expect_index(h->store, 1, "3", "a");
    put(h, "b", "green");
    expect_index(h->store, 0, "red", "a");
    expect_index(h->store, 0, "green", "b");
    store_remove(h->store, TABLE_WORD, "a");
    expect_index(h->store, 0, "red", "");
}

static void test_notes_of_each_change(void **state)
{
    struct heard *h = *state;
    put(h, "a", "red blue");
    assert_true(heard(h, TABLE_WORD, NOTE_KEY, "a"));
    assert_true(heard(h, TABLE_WORD, NOTE_LIST, ""));
    assert_true(heard(h, TABLE_WORD, NOTE_INDEX, "red"));
    assert_false(heard(h, TABLE_BLOB, NOTE_KEY, "a"));
    assert_string_equal(h->rows.data, "+0a ");

    put(h, "a", "blue green"); /* left, stayed with another value, joined */
    assert_true(heard(h, TABLE_WORD, NOTE_INDEX, "red"));
    assert_true(heard(h, TABLE_WORD, NOTE_INDEX, "blue"));
    assert_true(heard(h, TABLE_WORD, NOTE_INDEX, "green"));
    assert_true(heard(h, TABLE_WORD, NOTE_INDEX + 1, "8"));
    assert_false(heard(h, TABLE_WORD, NOTE_INDEX + 1, "5"));
    assert_int_equal(h->rows.len, 0);

    h->notes.n = 0;
    store_remove(h->store, TABLE_WORD, "a");
    assert_true(heard(h, TABLE_WORD, NOTE_KEY, "a"));
    assert_true(heard(h, TABLE_WORD, NOTE_INDEX, "green"));
    assert_false(heard(h, TABLE_WORD, NOTE_INDEX, "red"));
    assert_string_equal(h->rows.data, "-0a ");
}

static void test_blobs_are_borrowed(void **state)
{
    struct heard *h = *state;
    static const char one[] = "one", three[] = "three";
    store_put_blob(h->store, TABLE_BLOB, "k", one, 3);
    const struct row *row = store_get(h->store, TABLE_BLOB, "k");
    assert_ptr_equal(row->value, one);
    assert_int_equal(row->len, 3);
    h->notes.n = 0;
    store_put_blob(h->store, TABLE_BLOB, "k", three, 5);
    assert_ptr_equal(store_get(h->store, TABLE_BLOB, "k")->value, three);
    assert_true(heard(h, TABLE_BLOB, NOTE_INDEX, "3"));
    assert_true(heard(h, TABLE_BLOB, NOTE_INDEX, "5"));
    assert_true(store_remove(h->store, TABLE_BLOB, "k"));
}

struct reads {
    VEC(uint64_t) v;
};

static void on_read(void *aux, int table, uint64_t note)
{
    struct reads *r = aux;
    assert_int_equal(table, TABLE_WORD);
    VEC_PUSH(&r->v, note);
}

static void test_views_note_what_was_asked(void **state)
{
    struct heard *h = *state;
    put(h, "a", "red");
    struct arena a;
    arena_init(&a, 0);
    struct reads r = {VEC_INIT};
    struct view v = {h->store, &a, on_read, &r};
    size_t n;
    assert_null(view_get(&v, TABLE_WORD, "absent"));
    assert_non_null(view_get(&v, TABLE_WORD, "a"));
    view_list(&v, TABLE_WORD, &n);
    assert_int_equal(n, 1);
    view_list_index(&v, TABLE_WORD, 0, "blue", &n);
    assert_int_equal(n, 0);
    assert_int_equal(r.v.n, 4);
    assert_int_equal(r.v.v[0], note_of(TABLE_WORD, NOTE_KEY, "absent"));
    assert_int_equal(r.v.v[2], note_of(TABLE_WORD, NOTE_LIST, ""));
    assert_int_equal(r.v.v[3], note_of(TABLE_WORD, NOTE_INDEX, "blue"));
    VEC_DONE(&r.v);
    arena_done(&a);
}

/* Random writes; lists and buckets against a scan of the model. */
enum { MODEL_KEYS = 12, MODEL_WORDS = 4, MODEL_STEPS = 3000 };

static void check_model(const struct store *s, char *const *model)
{
    struct arena a;
    arena_init(&a, 0);
    const char *all = "";
    for (int w = 0; w < MODEL_WORDS; w++) {
        char word[2] = {(char)('p' + w), 0};
        const char *bucket = "";
        all = "";
        for (int k = 0; k < MODEL_KEYS; k++) {
            char key[2] = {(char)('a' + k), 0};
            if (!model[k])
                continue;
            all = arena_printf(&a, "%s%s%s", all, *all ? "," : "", key);
            if (strchr(model[k], word[0]))
                bucket = arena_printf(&a, "%s%s%s", bucket, *bucket ? "," : "", key);
        }
        expect_index(s, 0, word, bucket);
    }
    expect_list(s, all);
    arena_done(&a);
}

static void test_random_writes_against_a_model(void **state)
{
    struct heard *h = *state;
    char *model[MODEL_KEYS] = {NULL};
    srand(7);
    for (int step = 0; step < MODEL_STEPS; step++) {
        int k = rand() % MODEL_KEYS;
        char key[2] = {(char)('a' + k), 0};
        mem_free(model[k]);
        model[k] = NULL;
        if (rand() % 4 == 0) {
            store_remove(h->store, TABLE_WORD, key);
        } else {
            struct sbuf value = SBUF_INIT;
            for (int w = 0; w < MODEL_WORDS; w++)
                if (rand() % 2)
                    sbuf_printf(&value, "%c ", 'p' + w);
            model[k] = mem_strdup(sbuf_cstr(&value));
            store_put(h->store, TABLE_WORD, key, sbuf_take(&value));
        }
        h->notes.n = 0;
        if (step % 10 == 0)
            check_model(h->store, model);
    }
    for (int k = 0; k < MODEL_KEYS; k++)
        mem_free(model[k]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_put_get_remove, setup, teardown),
        cmocka_unit_test_setup_teardown(test_equal_value_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lists_are_sorted_before_and_after_listing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_index_follows_values, setup, teardown),
        cmocka_unit_test_setup_teardown(test_notes_of_each_change, setup, teardown),
        cmocka_unit_test_setup_teardown(test_blobs_are_borrowed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_views_note_what_was_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_random_writes_against_a_model, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
