/* SPDX-License-Identifier: Apache-2.0
 *
 * The reader of manifest files: cuts a text in chunks (YAML documents, or what is left of a JSON
 * stream), chunks in objects (a List's items), and parses one object when it is asked to.
 *
 * A chunk that begins like a JSON object is skimmed: a JSON List gives its items as pieces of text.
 * A chunk of YAML that may be a List is parsed as a whole, and its items are parts of the tree. */
#include "core/k8s/document.h"

#include <stdio.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/mem.h"
#include "core/k8s/tree.h"

struct document_reader {
    const char *text;
    size_t len;
    bool json_only;
    size_t at; /* where the next chunk begins */
    uint32_t at_line;

    /* the List at hand, in one of two forms */
    struct json_skim skim; /* items as text, offsets from skim_text */
    const char *skim_text;
    size_t skim_next, skim_at; /* next item; offset that skim_line belongs to */
    uint32_t skim_line;
    cJSON *list, *list_next;    /* a parsed List, its next item */
    char *item_kind, *item_api; /* of items that say none, or NULL */

    struct document current;
    cJSON *item; /* the current object where it is a part of 'list' */
    cJSON *root; /* the current object where it was parsed alone */
    struct tree tree;
};

struct document_reader *document_reader_new(const char *name, const char *text, size_t len)
{
    static const char bom[] = "\xef\xbb\xbf";
    struct document_reader *r = mem_calloc(1, sizeof *r);
    size_t n = strlen(name);
    r->text = text;
    r->len = len;
    r->at_line = 1;
    r->json_only = n >= 5 && !strcmp(name + n - 5, ".json");
    if (len >= 3 && !memcmp(text, bom, 3))
        r->at = 3;
    return r;
}

static void list_done(struct document_reader *r)
{
    json_skim_done(&r->skim);
    memset(&r->skim, 0, sizeof r->skim);
    r->skim_text = NULL;
    cJSON_Delete(r->list);
    r->list = r->list_next = r->item = NULL;
    mem_free(r->item_kind);
    mem_free(r->item_api);
    r->item_kind = r->item_api = NULL;
}

static void root_done(struct document_reader *r)
{
    cJSON_Delete(r->root);
    r->root = NULL;
    if (!r->list)
        tree_reset(&r->tree);
}

void document_reader_free(struct document_reader *r)
{
    if (!r)
        return;
    list_done(r);
    root_done(r);
    tree_done(&r->tree);
    mem_free(r);
}

static uint32_t count_lines(const char *s, size_t n)
{
    uint32_t lines = 0;
    for (const char *p = s; n && (p = memchr(p, '\n', n - (size_t)(p - s))); p++)
        lines++;
    return lines;
}

/* ---- chunks ---- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* "---" or "..." at the line's beginning, and nothing right behind it. */
static bool is_marker(const char *line, size_t n, const char *marker)
{
    return n >= 3 && !memcmp(line, marker, 3) && (n == 3 || is_space(line[3]));
}

/* Nothing but white space, a comment, or a directive. */
static bool is_idle(const char *line, size_t n)
{
    size_t i = 0;
    if (n && line[0] == '%')
        return true;
    while (i < n && is_space(line[i]))
        i++;
    return i == n || line[i] == '#';
}

/* Length of the YAML document that begins here: up to the next "---" line, or with the next "..."
 * line.  The "---" that only comments and directives precede is its own. */
static size_t chunk_len(const char *s, size_t n)
{
    bool begun = false;
    for (size_t i = 0; i < n;) {
        const char *end = memchr(s + i, '\n', n - i);
        size_t next = end ? (size_t)(end - s) + 1 : n;
        if (is_marker(s + i, next - i, "---")) {
            if (begun)
                return i;
            begun = true;
        } else if (is_marker(s + i, next - i, "...")) {
            return next;
        } else if (!is_idle(s + i, next - i)) {
            begun = true;
        }
        i = next;
    }
    return n;
}

/* Where the content of a chunk begins: behind "---", white space and comments.  A line that has
 * content begins with its indentation. */
static size_t content_at(const char *s, size_t n)
{
    size_t i = 0;
    while (i < n) {
        if (is_space(s[i])) {
            i++;
        } else if ((i == 0 || s[i - 1] == '\n') && is_marker(s + i, n - i, "---")) {
            i += 3;
        } else if (s[i] == '#') {
            const char *end = memchr(s + i, '\n', n - i);
            i = end ? (size_t)(end - s) + 1 : n;
        } else {
            break;
        }
    }
    size_t begin = i;
    while (begin && (s[begin - 1] == ' ' || s[begin - 1] == '\t'))
        begin--;
    return i < n && (begin == 0 || s[begin - 1] == '\n') ? begin : i;
}

/* "{" and then a quoted key or "}": JSON, where YAML's flow form is the other possibility. */
static bool looks_like_json(const char *s, size_t n)
{
    size_t i = 0;
    while (i < n && is_space(s[i]))
        i++;
    if (i == n || s[i++] != '{')
        return false;
    while (i < n && is_space(s[i]))
        i++;
    return i < n && (s[i] == '"' || s[i] == '}');
}

static bool ends_in_list(const char *kind, size_t n)
{
    return n >= 4 && !memcmp(kind + n - 4, "List", 4);
}

static bool holds(const char *s, size_t n, const char *word)
{
    size_t len = strlen(word);
    for (const char *p = s, *end = s + n; (size_t)(end - p) >= len; p++) {
        p = memchr(p, word[0], (size_t)(end - p) - len + 1);
        if (!p)
            return false;
        if (!memcmp(p, word, len))
            return true;
    }
    return false;
}

/* ---- Lists ---- */

/* "PodList" names the kind of items that say none; "List" does not. */
static void remember_kind(struct document_reader *r, const char *kind, size_t n, const char *api,
                          size_t api_len)
{
    if (n == 4)
        return;
    r->item_kind = mem_strndup(kind, n - 4);
    r->item_api = mem_strndup(api, api_len);
}

/* Begins a List whose text starts at s. */
static void list_begin_text(struct document_reader *r, const char *s, uint32_t line,
                            const struct json_skim *skim)
{
    r->skim = *skim;
    r->skim_text = s;
    r->skim_next = r->skim_at = 0;
    r->skim_line = line;
    remember_kind(r, s + skim->kind, skim->kind_len, s + skim->api, skim->api_len);
}

static int next_text_item(struct document_reader *r, struct document *out)
{
    struct json_piece item = r->skim.items.v[r->skim_next++];
    r->skim_line += count_lines(r->skim_text + r->skim_at, item.at - r->skim_at);
    r->skim_at = item.at;
    *out = (struct document){.line = r->skim_line,
                             .text = r->skim_text + item.at,
                             .len = item.len,
                             .context = r->item_kind ? hash_str(r->item_kind, 1) : 0};
    return 1;
}

static int next_tree_item(struct document_reader *r, struct document *out)
{
    r->item = r->list_next;
    r->list_next = r->item->next;
    *out = (struct document){.line = tree_line(&r->tree, r->item)};
    return 1;
}

/* If the tree is a List, it becomes the List at hand. */
static bool list_begin_tree(struct document_reader *r, cJSON *root)
{
    const char *kind = tree_member_text(root, "kind");
    const cJSON *items = cJSON_GetObjectItemCaseSensitive(root, "items");
    const char *api = tree_member_text(root, "apiVersion");

    if (!cJSON_IsObject(root) || !ends_in_list(kind, strlen(kind)) || !cJSON_IsArray(items))
        return false;
    r->list = root;
    r->list_next = items->child;
    remember_kind(r, kind, strlen(kind), api, strlen(api));
    return true;
}

/* ---- objects ---- */

static int parse_text(struct document_reader *r, struct tree_text *in, cJSON **out, struct err *err)
{
    size_t used;
    if (!r->json_only && !looks_like_json(in->text, in->len))
        return yaml_parse(&r->tree, in, out, err);
    int rc = json_parse(&r->tree, in, out, &used, err);
    if (!rc && used < in->len) {
        in->error_line = in->line + count_lines(in->text, used);
        cJSON_Delete(*out);
        rc = err_set(err, ERR_INVALID, "JSON: text behind the value");
    }
    if (!rc || r->json_only)
        return rc;
    /* YAML's flow form can look like JSON; if it is neither, JSON's complaint is the better. */
    struct tree_text again = *in;
    tree_reset(&r->tree);
    return yaml_parse(&r->tree, &again, out, NULL) ? rc : 0;
}

/* A chunk that cannot be skimmed and holds the word "List": only parsing tells whether it is one.
 * 1: it is, and is at hand now; 0: it is not. */
static int parse_as_list(struct document_reader *r, const struct document *doc, uint32_t *line_out,
                         struct err *err)
{
    struct tree_text in = {doc->text, doc->len, doc->line, doc->line};
    cJSON *root = NULL;
    int rc = parse_text(r, &in, &root, err);
    if (rc) {
        *line_out = in.error_line;
        return rc;
    }
    if (root && list_begin_tree(r, root))
        return 1;
    cJSON_Delete(root);
    tree_reset(&r->tree);
    return 0;
}

/* The object of one JSON value at the reader's place: the skimmed length, or all that is left if
 * it has no sound form. 1: '*out' is an object; 0: a List is at hand. */
static int next_json(struct document_reader *r, size_t chunk_end, struct document *out)
{
    const char *s = r->text + r->at;
    struct json_skim skim;
    bool sound = json_skim(s, chunk_end - r->at, &skim);
    uint32_t line = r->at_line;
    size_t n = sound ? skim.len : chunk_end - r->at;

    r->at += n;
    r->at_line += count_lines(s, n);
    if (sound && skim.has_items && ends_in_list(s + skim.kind, skim.kind_len)) {
        list_begin_text(r, s, line, &skim);
        return 0;
    }
    json_skim_done(&skim);
    *out = (struct document){.line = line, .text = s, .len = n};
    return 1;
}

/* Steps over white space (JSON) or over what precedes the content of a chunk (YAML). */
static void step(struct document_reader *r, size_t n)
{
    r->at_line += count_lines(r->text + r->at, n);
    r->at += n;
}

/* The next object of the text outside of Lists: 1, 0 at the end, an error; or a List is begun. */
static int next_chunk(struct document_reader *r, struct document *out, uint32_t *line_out,
                      struct err *err)
{
    size_t left = r->len - r->at;
    size_t chunk = r->json_only ? left : chunk_len(r->text + r->at, left);
    size_t lead = content_at(r->text + r->at, chunk);

    size_t end = r->at + chunk;
    if (r->json_only)
        lead = 0;
    bool json = r->json_only || looks_like_json(r->text + r->at + lead, chunk - lead);
    while (json && r->at + lead < end && is_space(r->text[r->at + lead]))
        lead++;
    step(r, lead);
    if (r->at == end)
        return 0;
    if (json && next_json(r, end, out) == 0)
        return 0;
    if (!json) {
        *out = (struct document){.line = r->at_line, .text = r->text + r->at, .len = end - r->at};
        step(r, end - r->at);
    }
    if (!holds(out->text, out->len, "List"))
        return 1;
    int rc = parse_as_list(r, out, line_out, err);
    return rc < 0 ? rc : !rc;
}

int document_next(struct document_reader *r, struct document *out, uint32_t *line_out,
                  struct err *err)
{
    root_done(r);
    for (;;) {
        int rc = 0;
        if (r->skim_text && r->skim_next < r->skim.items.n)
            rc = next_text_item(r, &r->current);
        else if (r->list_next)
            rc = next_tree_item(r, &r->current);
        if (!rc) {
            list_done(r);
            tree_reset(&r->tree);
            if (r->at >= r->len)
                return 0;
            rc = next_chunk(r, &r->current, line_out, err);
        }
        if (rc) {
            *out = r->current;
            return rc;
        }
    }
}

/* Gives an item of a PodList what the list says for it. */
static void complete_item(struct document_reader *r, cJSON *item)
{
    if (!r->item_kind || !cJSON_IsObject(item) || cJSON_GetObjectItemCaseSensitive(item, "kind") ||
        cJSON_GetObjectItemCaseSensitive(item, "apiVersion"))
        return;
    cJSON_AddStringToObject(item, "kind", r->item_kind);
    cJSON_AddStringToObject(item, "apiVersion", r->item_api);
}

int document_parse(struct document_reader *r, const struct cJSON **out, uint32_t *line_out,
                   struct err *err)
{
    cJSON *root = r->item;
    if (!root) {
        struct tree_text in = {r->current.text, r->current.len, r->current.line, r->current.line};
        root_done(r);
        int rc = parse_text(r, &in, &root, err);
        if (rc) {
            *line_out = in.error_line;
            return rc;
        }
        r->root = root;
    }
    complete_item(r, root);
    *out = root;
    return 0;
}

uint32_t document_line(const struct document_reader *r, const struct cJSON *node)
{
    uint32_t line = tree_line(&r->tree, node);
    return line ? line : r->current.line;
}
