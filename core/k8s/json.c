/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON after RFC 8259, strictly, with the line of each value: what cJSON's own parser does not
 * tell.  Also the skim of a List: manifests of whole clusters are one JSON List, and reading one
 * item of it at a time keeps memory small and lets unchanged items be skipped. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/sbuf.h"
#include "core/k8s/document.h"
#include "core/k8s/json_text.h"
#include "core/k8s/tree.h"

struct parser {
    struct tree *t;
    const char *p, *end;
    uint32_t line;
    size_t depth;
    struct sbuf text; /* of the string at hand */
    const char *why;  /* what is wrong, NULL: nothing yet */
    char why_key[64]; /* the key it is about, or "" */
};

static bool fail(struct parser *p, const char *why)
{
    if (!p->why)
        p->why = why;
    return false;
}

static void skip_space(struct parser *p)
{
    for (; p->p < p->end; p->p++) {
        if (*p->p == '\n')
            p->line++;
        else if (*p->p != ' ' && *p->p != '\t' && *p->p != '\r')
            return;
    }
}

/* ---- strings ---- */

/* At the opening quote; the text is in p->text then. */
static bool parse_string(struct parser *p)
{
    const char *from = ++p->p, *why;
    size_t left = (size_t)(p->end - from), n = json_text_end(from, left), len;
    sbuf_clear(&p->text);
    sbuf_reserve(&p->text, n);
    if (!json_text_decode(from, n, p->text.data, &len, &why))
        return fail(p, why);
    if (n == left)
        return fail(p, "a string does not end");
    p->text.len = len;
    p->p = from + n + 1;
    return true;
}

/* ---- other values ---- */

static cJSON *parse_number(struct parser *p)
{
    char buf[64];
    size_t n = json_number_len(p->p, p->end);
    if (n == 0 || n >= sizeof buf) {
        fail(p, n ? "a number is too long" : "not a JSON value");
        return NULL;
    }
    memcpy(buf, p->p, n);
    buf[n] = '\0';
    p->p += n;
    cJSON *node = tree_node(p->t, cJSON_Number, p->line);
    cJSON_SetNumberHelper(node, strtod(buf, NULL));
    return node;
}

static cJSON *parse_word(struct parser *p)
{
    static const struct {
        const char *word;
        int type;
    } words[] = {{"true", cJSON_True}, {"false", cJSON_False}, {"null", cJSON_NULL}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t n = strlen(words[i].word);
        if ((size_t)(p->end - p->p) >= n && !memcmp(p->p, words[i].word, n)) {
            p->p += n;
            return tree_node(p->t, words[i].type, p->line);
        }
    }
    return parse_number(p);
}

static cJSON *parse_value(struct parser *p);

/* After a value in a container: true to go on with the next one, false at the end or on error. */
static bool more(struct parser *p, char close)
{
    skip_space(p);
    if (p->p == p->end)
        return fail(p, close == '}' ? "a map does not end" : "a list does not end");
    char c = *p->p++;
    if (c == ',') {
        skip_space(p);
        return true;
    }
    return c == close ? false
                      : fail(p, close == '}' ? "expected ',' or '}'" : "expected ',' or ']'");
}

static bool parse_member(struct parser *p, cJSON *map)
{
    uint32_t line = p->line;
    if (p->p == p->end || *p->p != '"')
        return fail(p, "expected a key in quotes");
    if (!parse_string(p))
        return false;
    auto_free char *key = sbuf_take(&p->text);
    skip_space(p);
    if (p->p == p->end || *p->p != ':')
        return fail(p, "expected ':' after a key");
    p->p++;
    skip_space(p);
    size_t at = p->t->lines.n;
    cJSON *value = parse_value(p);
    if (!value)
        return false;
    p->t->lines.v[at].line = line;
    if (!tree_add_member(map, key, value, &p->why)) {
        cJSON_Delete(value);
        p->line = line;
        snprintf(p->why_key, sizeof p->why_key, "%s", key);
        return false;
    }
    return true;
}

static bool parse_element(struct parser *p, cJSON *list)
{
    cJSON *value = parse_value(p);
    return value && cJSON_AddItemToArray(list, value);
}

static cJSON *parse_container(struct parser *p, char close)
{
    bool map = close == '}', going = true;
    cJSON *node = tree_node(p->t, map ? cJSON_Object : cJSON_Array, p->line);
    if (++p->depth > DOCUMENT_DEPTH_MAX)
        fail(p, "nested too deeply");
    p->p++;
    skip_space(p);
    if (!p->why && p->p < p->end && *p->p == close) {
        p->p++;
        going = false;
    }
    while (going && !p->why)
        going = (map ? parse_member(p, node) : parse_element(p, node)) && more(p, close);
    p->depth--;
    if (p->why) {
        cJSON_Delete(node);
        return NULL;
    }
    return node;
}

static cJSON *parse_value(struct parser *p)
{
    if (p->t->n_nodes >= TREE_NODES_MAX)
        fail(p, "too many values in one document");
    else if (p->p == p->end)
        fail(p, "the text ends where a value should be");
    if (p->why)
        return NULL;
    if (*p->p == '{')
        return parse_container(p, '}');
    if (*p->p == '[')
        return parse_container(p, ']');
    if (*p->p != '"')
        return parse_word(p);
    uint32_t line = p->line;
    if (!parse_string(p))
        return NULL;
    cJSON *node = tree_node(p->t, cJSON_String, line);
    tree_set_string(node, sbuf_cstr(&p->text), p->text.len);
    return node;
}

int json_parse(struct tree *t, struct tree_text *in, cJSON **out, size_t *used_out, struct err *err)
{
    struct parser p = {.t = t, .p = in->text, .end = in->text + in->len, .line = in->line};
    skip_space(&p);
    cJSON *node = parse_value(&p);
    if (node)
        skip_space(&p);
    sbuf_done(&p.text);
    if (!node) {
        in->error_line = p.line;
        if (*p.why_key)
            return err_set(err, ERR_INVALID, "JSON: key \"%s\" %s", p.why_key, p.why);
        return err_set(err, ERR_INVALID, "JSON: %s", p.why);
    }
    *used_out = (size_t)(p.p - in->text);
    *out = node;
    return 0;
}

/* ---- the skim ---- */

static size_t skim_space(const char *s, size_t i, size_t len)
{
    while (i < len && (s[i] == ' ' || s[i] == '\t' || s[i] == '\n' || s[i] == '\r'))
        i++;
    return i;
}

/* From an opening quote to behind the closing one; 0 if there is none. */
static size_t skim_string(const char *s, size_t i, size_t len)
{
    size_t n = json_text_end(s + i + 1, len - i - 1);
    return n == len - i - 1 ? 0 : i + n + 2;
}

/* From the first byte of a value to behind its last; 0 if it does not end. */
static size_t skim_value(const char *s, size_t i, size_t len)
{
    size_t depth = 0;
    while (i < len) {
        char c = s[i];
        if (c == '"') {
            i = skim_string(s, i, len);
            if (i == 0)
                return 0;
        } else if (c == '{' || c == '[') {
            depth++;
            i++;
        } else if (c == '}' || c == ']') {
            if (depth == 0)
                return 0;
            depth--;
            i++;
        } else {
            i++;
            bool word_ends = i == len || strchr(",]} \t\r\n", s[i]);
            if (depth || !word_ends)
                continue;
        }
        if (depth == 0)
            return i;
    }
    return 0;
}

/* From the opening bracket; notes each item. */
static size_t skim_items(const char *s, size_t i, size_t len, struct json_skim *out)
{
    i = skim_space(s, i + 1, len);
    if (i < len && s[i] == ']')
        return i + 1;
    while (i < len) {
        size_t end = skim_value(s, i, len);
        if (end == 0)
            return 0;
        VEC_PUSH(&out->items, ((struct json_piece){i, end - i}));
        i = skim_space(s, end, len);
        if (i < len && s[i] == ']')
            return i + 1;
        if (i >= len || s[i] != ',')
            return 0;
        i = skim_space(s, i + 1, len);
    }
    return 0;
}

static bool key_is(const char *s, const struct json_piece *key, const char *name)
{
    return key->len == strlen(name) && !memcmp(s + key->at, name, key->len);
}

/* A member's value, at 'i'; returns where it ends, or 0. */
static size_t skim_member(const char *s, size_t i, size_t len, const struct json_piece *key,
                          struct json_skim *out)
{
    if (key_is(s, key, "items") && s[i] == '[') {
        if (out->has_items)
            return 0;
        out->has_items = true;
        return skim_items(s, i, len, out);
    }
    size_t end = skim_value(s, i, len);
    bool text = end > i + 1 && s[i] == '"' && !memchr(s + i, '\\', end - i);
    if (text && key_is(s, key, "kind")) {
        out->kind = i + 1;
        out->kind_len = end - i - 2;
    } else if (text && key_is(s, key, "apiVersion")) {
        out->api = i + 1;
        out->api_len = end - i - 2;
    }
    return end;
}

bool json_skim(const char *text, size_t len, struct json_skim *out)
{
    memset(out, 0, sizeof *out);
    size_t i = 0;
    if (len == 0 || text[0] != '{')
        return false;
    for (char want = '{'; i < len && text[i] == want; want = ',') {
        i = skim_space(text, i + 1, len);
        if (i < len && text[i] == '}' && want == '{')
            break;
        if (i >= len || text[i] != '"')
            return false;
        struct json_piece key = {i + 1, 0};
        if ((i = skim_string(text, i, len)) == 0)
            return false;
        key.len = i - 1 - key.at;
        i = skim_space(text, i, len);
        if (i >= len || text[i] != ':')
            return false;
        i = skim_space(text, i + 1, len);
        if (i >= len || (i = skim_member(text, i, len, &key, out)) == 0)
            return false;
        i = skim_space(text, i, len);
    }
    if (i >= len || text[i] != '}')
        return false;
    out->len = i + 1;
    return true;
}

void json_skim_done(struct json_skim *s)
{
    VEC_DONE(&s->items);
}
