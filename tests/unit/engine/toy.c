/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/engine/toy.h"

#include <string.h>

static bool text_equal(const void *a, const void *b)
{
    return strcmp(a, b) == 0;
}

static void each_word(const char *text, void (*fn)(void *aux, const char *word), void *aux)
{
    for (const char *p = text; *p;) {
        size_t n = strcspn(p, " ");
        if (n) {
            char *word = mem_strndup(p, n);
            fn(aux, word);
            mem_free(word);
        }
        p += n + (p[n] == ' ');
    }
}

static void emit_index(void *aux, const char *word)
{
    index_emit(aux, word);
}

static void by_word(const struct row *row, struct index_sink *sink)
{
    each_word(row->value, emit_index, sink);
}

struct item_word {
    struct derive *derive;
    const char *key;
};

static void put_word(void *aux, const char *word)
{
    struct item_word *w = aux;
    derive_row(w->derive, TOY_WORD, word, w->key, strlen(w->key));
    if (strcmp(word, "fail") == 0)
        derive_fail(w->derive, "item %s cannot be", w->key);
    if (strcmp(word, "clash") == 0)
        derive_row(w->derive, TOY_CLASH, "only", w->key, strlen(w->key));
}

static void derive_item(struct derive *d, const char *key)
{
    const struct row *row = view_get(derive_view(d), TOY_ITEM, key);
    each_word(row->value, put_word, &(struct item_word){d, key});
}

static void derive_word(struct derive *d, const char *key)
{
    const struct row *row = view_get(derive_view(d), TOY_WORD, key);
    derive_out(d, TOY_MAIN, key, strlen(key), row->value, row->len);
    size_t n;
    const struct row **items = view_list_index(derive_view(d), TOY_ITEM, 0, key, &n);
    struct sbuf all = SBUF_INIT;
    for (size_t i = 0; i < n; i++)
        sbuf_printf(&all, "%s;", (const char *)items[i]->value);
    derive_out(d, TOY_SECOND, key, strlen(key), all.data, all.len);
    sbuf_done(&all);
}

static void derive_summary(struct derive *d, const char *key)
{
    (void)key;
    size_t n;
    view_list(derive_view(d), TOY_WORD, &n);
    const char *text = arena_printf(derive_arena(d), "%zu", n);
    derive_out(d, TOY_MAIN, "#", 1, text, strlen(text));
}

static bool join(const struct bytes *values, size_t n, struct sbuf *out)
{
    for (size_t i = 0; i < n; i++) {
        if (i)
            sbuf_putc(out, ',');
        sbuf_put(out, values[i].p, values[i].n);
    }
    return true;
}

static const struct table_class tables[TOY_N_TABLES] = {
    [TOY_ITEM] = {"item", mem_free, text_equal, {by_word}},
    [TOY_WORD] = {.name = "word"},
    [TOY_CLASH] = {.name = "clash"},
};
static merge_fn *const merges[TOY_N_TABLES] = {[TOY_WORD] = join};
static const struct unit_kind kinds[] = {
    {"item", 1, TOY_ITEM, derive_item},
    {"word", 2, TOY_WORD, derive_word},
    {"summary", 3, ENGINE_SINGLETON, derive_summary},
};
static const struct space_class spaces[TOY_N_SPACES] = {{"main", NULL}, {"second", NULL}};

struct engine *toy_engine(void)
{
    return engine_new(&(struct engine_config){.tables = tables,
                                              .n_tables = TOY_N_TABLES,
                                              .table_merge = merges,
                                              .kinds = kinds,
                                              .n_kinds = ARRAY_LEN(kinds),
                                              .spaces = spaces,
                                              .n_spaces = TOY_N_SPACES});
}

void toy_put(struct engine *e, const char *key, const char *words)
{
    store_put(engine_store(e), TOY_ITEM, key, mem_strdup(words));
}

void toy_remove(struct engine *e, const char *key)
{
    store_remove(engine_store(e), TOY_ITEM, key);
}

const char *toy_desired(struct engine *e, const char *key, struct arena *a)
{
    size_t n;
    const struct engine_entry *v = engine_entries(e, TOY_MAIN, a, &n);
    for (size_t i = 0; i < n; i++) {
        if (v[i].key.n != strlen(key) || memcmp(v[i].key.p, key, v[i].key.n) != 0)
            continue;
        return v[i].desired.p
                   ? arena_printf(a, "%.*s", (int)v[i].desired.n, (const char *)v[i].desired.p)
                   : NULL;
    }
    return NULL;
}
