/* SPDX-License-Identifier: Apache-2.0
 *
 * YAML to a tree of JSON, as Kubernetes' own reader (sigs.k8s.io/yaml) makes it, from libyaml's
 * events.  A stack of open maps and lists takes the place of recursion.  A finished value is put
 * into the one above it, so that an anchor always names a finished one. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "core/base/mem.h"
#include "core/k8s/document.h"
#include "core/k8s/tree.h"

#define TAG "tag:yaml.org,2002:"

struct frame {
    cJSON *node;
    char *key; /* maps: the key whose value comes next, NULL: a key comes next */
    uint32_t key_line;
    bool merging;  /* the key was "<<" */
    cJSON *merges; /* a list of the maps to merge, NULL: none */
    char *anchor;
};
struct anchor {
    char *name;
    const cJSON *node;
};
struct builder {
    struct tree *t;
    uint32_t base; /* line of the text's first line */
    uint32_t line; /* of the event at hand */
    VEC(struct frame) stack;
    VEC(struct anchor) anchors;
    size_t alias_nodes;
    cJSON *root;
    struct err *err;
};

static int fail(struct builder *b, const char *why)
{
    return err_set(b->err, ERR_INVALID, "YAML: %s", why);
}

static struct frame *top(struct builder *b)
{
    return b->stack.n ? &b->stack.v[b->stack.n - 1] : NULL;
}

/* ---- scalars ---- */

enum scalar_kind { SCALAR_NULL, SCALAR_BOOL, SCALAR_INT, SCALAR_FLOAT, SCALAR_STRING };
struct scalar {
    enum scalar_kind kind;
    double number; /* also of a boolean: 0, 1 */
};

static bool resolve_word(const char *s, struct scalar *out)
{
    static const struct {
        const char *word;
        enum scalar_kind kind;
        int value;
    } words[] = {
        {"", SCALAR_NULL, 0},      {"~", SCALAR_NULL, 0},     {"null", SCALAR_NULL, 0},
        {"Null", SCALAR_NULL, 0},  {"NULL", SCALAR_NULL, 0},  {"y", SCALAR_BOOL, 1},
        {"Y", SCALAR_BOOL, 1},     {"yes", SCALAR_BOOL, 1},   {"Yes", SCALAR_BOOL, 1},
        {"YES", SCALAR_BOOL, 1},   {"true", SCALAR_BOOL, 1},  {"True", SCALAR_BOOL, 1},
        {"TRUE", SCALAR_BOOL, 1},  {"on", SCALAR_BOOL, 1},    {"On", SCALAR_BOOL, 1},
        {"ON", SCALAR_BOOL, 1},    {"n", SCALAR_BOOL, 0},     {"N", SCALAR_BOOL, 0},
        {"no", SCALAR_BOOL, 0},    {"No", SCALAR_BOOL, 0},    {"NO", SCALAR_BOOL, 0},
        {"false", SCALAR_BOOL, 0}, {"False", SCALAR_BOOL, 0}, {"FALSE", SCALAR_BOOL, 0},
        {"off", SCALAR_BOOL, 0},   {"Off", SCALAR_BOOL, 0},   {"OFF", SCALAR_BOOL, 0},
    };
    if (strlen(s) > 5)
        return false;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (!strcmp(s, words[i].word)) {
            *out = (struct scalar){words[i].kind, words[i].value};
            return true;
        }
    static const char *const special[] = {".nan", ".NaN", ".NAN", ".inf", ".Inf", ".INF"};
    const char *bare = *s == '+' || *s == '-' ? s + 1 : s;
    for (size_t i = 0; i < sizeof special / sizeof special[0]; i++)
        if (!strcmp(bare, special[i]) && (bare == s || i >= 3)) {
            *out = (struct scalar){SCALAR_FLOAT, i < 3 ? (double)NAN : (double)INFINITY};
            return true;
        }
    return false;
}

/* Digits of an integer: 0x, 0o, 0b, and 0 in front means octal. */
static bool resolve_int(const char *s, struct scalar *out)
{
    bool minus = *s == '-';
    unsigned base = 10;
    double v = 0;
    if (*s == '-' || *s == '+')
        s++;
    if (s[0] == '0' && s[1]) {
        char c = s[1];
        base = c == 'x' || c == 'X' ? 16 : c == 'b' || c == 'B' ? 2 : 8;
        s += base != 8 || c == 'o' || c == 'O' ? 2 : 1;
    }
    if (!*s)
        return false;
    for (; *s; s++) {
        unsigned digit = 99;
        if (*s >= '0' && *s <= '9')
            digit = (unsigned)(*s - '0');
        else if (*s >= 'a' && *s <= 'f')
            digit = (unsigned)(*s - 'a') + 10;
        else if (*s >= 'A' && *s <= 'F')
            digit = (unsigned)(*s - 'A') + 10;
        if (digit >= base)
            return false;
        v = v * base + digit;
    }
    *out = (struct scalar){SCALAR_INT, minus ? -v : v};
    return true;
}

static bool resolve_float(const char *s, struct scalar *out)
{
    const char *p = s;
    size_t whole, fraction = 0;
    if (*p == '-' || *p == '+')
        p++;
    p += whole = strspn(p, "0123456789");
    if (*p == '.')
        p += 1 + (fraction = strspn(p + 1, "0123456789"));
    if (whole + fraction == 0)
        return false;
    if (*p == 'e' || *p == 'E') {
        p++;
        if (*p == '-' || *p == '+')
            p++;
        size_t n = strspn(p, "0123456789");
        if (n == 0)
            return false;
        p += n;
    }
    if (*p)
        return false;
    *out = (struct scalar){SCALAR_FLOAT, strtod(s, NULL)};
    return true;
}

/* A plain scalar, NUL-terminated. */
static struct scalar resolve(const char *s)
{
    struct scalar out = {SCALAR_STRING, 0};
    char plain[64];
    size_t n = 0;

    if (resolve_word(s, &out) || !*s || !strchr("+-.0123456789", *s))
        return out;
    for (const char *p = s; *p; p++) {
        if (*p == '_' && *s != '.')
            continue;
        if (n == sizeof plain - 1)
            return out;
        plain[n++] = *p;
    }
    plain[n] = '\0';
    if (*s == '.' || !resolve_int(plain, &out))
        (void)resolve_float(plain, &out);
    return out;
}

static int tagged(struct builder *b, const char *tag, const char *text, struct scalar *out)
{
    static const struct {
        const char *tag;
        enum scalar_kind kind;
    } tags[] = {{TAG "null", SCALAR_NULL},
                {TAG "bool", SCALAR_BOOL},
                {TAG "int", SCALAR_INT},
                {TAG "float", SCALAR_FLOAT}};
    *out = (struct scalar){SCALAR_STRING, 0};
    if (!strcmp(tag, "!") || !strcmp(tag, TAG "str") || !strcmp(tag, TAG "timestamp"))
        return 0;
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        if (strcmp(tag, tags[i].tag))
            continue;
        *out = resolve(text);
        bool fits =
            out->kind == tags[i].kind || (out->kind == SCALAR_INT && tags[i].kind == SCALAR_FLOAT);
        return fits ? 0 : fail(b, "the value is not what its tag says");
    }
    return fail(b, "this tag is not supported");
}

static int scalar_of(struct builder *b, const yaml_event_t *e, struct scalar *out)
{
    const char *text = (const char *)e->data.scalar.value;
    const char *tag = (const char *)e->data.scalar.tag;

    if (strlen(text) != e->data.scalar.length)
        return fail(b, "a string must not hold NUL");
    if (tag && !(e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE && !strcmp(tag, "!")))
        return tagged(b, tag, text, out);
    *out = (struct scalar){SCALAR_STRING, 0};
    if (e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
        *out = resolve(text);
    return 0;
}

static int scalar_node(struct builder *b, const char *text, const struct scalar *s, cJSON **out)
{
    static const int types[] = {[SCALAR_NULL] = cJSON_NULL,
                                [SCALAR_BOOL] = cJSON_False,
                                [SCALAR_INT] = cJSON_Number,
                                [SCALAR_FLOAT] = cJSON_Number,
                                [SCALAR_STRING] = cJSON_String};
    if (!isfinite(s->number))
        return fail(b, "this number cannot be said in JSON");
    int type = types[s->kind];
    if (s->kind == SCALAR_BOOL && s->number > 0)
        type = cJSON_True;
    cJSON *node = tree_node(b->t, type, b->line);
    if (type == cJSON_Number)
        cJSON_SetNumberHelper(node, s->number);
    if (type == cJSON_String)
        tree_set_string(node, text, strlen(text));
    *out = node;
    return 0;
}

/* The text that a scalar is as a key. */
static int key_text(struct builder *b, const char *text, const struct scalar *s, char **out)
{
    char buf[32];
    switch (s->kind) {
    case SCALAR_NULL:
        return fail(b, "a map key must not be null");
    case SCALAR_BOOL:
        *out = mem_strdup(s->number > 0 ? "true" : "false");
        return 0;
    case SCALAR_INT:
    case SCALAR_FLOAT:
        for (int digits = s->kind == SCALAR_INT ? 17 : 1; digits <= 17; digits++) {
            snprintf(buf, sizeof buf, "%.*g", digits, s->number);
            if (strtod(buf, NULL) == s->number)
                break;
        }
        *out = mem_strdup(buf);
        return 0;
    case SCALAR_STRING:
        break;
    }
    *out = mem_strdup(text);
    return 0;
}

/* ---- building ---- */

static int fail_key(struct builder *b, const char *key, const char *why)
{
    return err_set(b->err, ERR_INVALID, "YAML: key \"%.60s\" %s", key, why);
}

/* A finished value goes to its place, or is freed with an error. */
static int place(struct builder *b, cJSON *value)
{
    struct frame *f = top(b);
    const char *why;
    if (!f) {
        b->root = value;
        return 0;
    }
    if (cJSON_IsArray(f->node)) {
        cJSON_AddItemToArray(f->node, value);
        return 0;
    }
    if (f->merging && !cJSON_IsObject(value) && !cJSON_IsArray(value)) {
        cJSON_Delete(value);
        return fail(b, "\"<<\" needs a map or a list of maps");
    }
    if (f->merging) {
        if (!f->merges)
            f->merges = tree_node(b->t, cJSON_Array, b->line);
        cJSON_AddItemToArray(f->merges, value);
        f->merging = false;
        mem_free(f->key);
        f->key = NULL;
        return 0;
    }
    auto_free char *key = f->key;
    f->key = NULL;
    if (tree_add_member(f->node, key, value, &why))
        return 0;
    cJSON_Delete(value);
    b->line = f->key_line;
    return fail_key(b, key, why);
}

static bool wants_key(struct builder *b)
{
    const struct frame *f = top(b);
    return f && cJSON_IsObject(f->node) && !f->key;
}

/* The line to note for a value: its key's, so that a map is found where it is named. */
static uint32_t value_line(struct builder *b)
{
    const struct frame *f = top(b);
    return f && f->key ? f->key_line : b->line;
}

/* Takes 'name' over.  One too many is forgotten, and an alias to it is then unknown. */
static void note_anchor(struct builder *b, char *name, const cJSON *node)
{
    enum { ANCHORS_MAX = 1000 };
    for (size_t i = 0; i < b->anchors.n; i++)
        if (!strcmp(b->anchors.v[i].name, name)) {
            b->anchors.v[i].node = node; /* the later one holds from here */
            mem_free(name);
            return;
        }
    if (b->anchors.n < ANCHORS_MAX)
        VEC_PUSH(&b->anchors, ((struct anchor){name, node}));
    else
        mem_free(name);
}

static int on_scalar(struct builder *b, const yaml_event_t *e)
{
    const char *text = (const char *)e->data.scalar.value;
    const char *anchor = (const char *)e->data.scalar.anchor;
    struct scalar s = {SCALAR_STRING, 0};
    cJSON *node = NULL;
    int rc = scalar_of(b, e, &s);

    if (rc)
        return rc;
    if (wants_key(b)) {
        struct frame *f = top(b);
        if (anchor)
            return fail(b, "an anchor on a map key is not supported");
        f->key_line = b->line;
        f->merging = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && !strcmp(text, "<<");
        return key_text(b, text, &s, &f->key);
    }
    uint32_t line = b->line;
    b->line = value_line(b);
    rc = scalar_node(b, text, &s, &node);
    b->line = line;
    if (rc)
        return rc;
    if (anchor)
        note_anchor(b, mem_strdup(anchor), node);
    return place(b, node);
}

static int on_start(struct builder *b, int type, const yaml_char_t *anchor, const yaml_char_t *tag)
{
    struct frame f = {0};
    if (wants_key(b))
        return fail(b, "a map key must be a scalar");
    if (b->stack.n >= DOCUMENT_DEPTH_MAX)
        return fail(b, "nested too deeply");
    if (tag && strcmp((const char *)tag, "!") && strcmp((const char *)tag, TAG "map") &&
        strcmp((const char *)tag, TAG "seq"))
        return fail(b, "this tag is not supported");
    f.node = tree_node(b->t, type, value_line(b));
    if (anchor)
        f.anchor = mem_strdup((const char *)anchor);
    VEC_PUSH(&b->stack, f);
    return 0;
}

static int merge_map(struct builder *b, cJSON *into, const cJSON *from)
{
    if (!cJSON_IsObject(from))
        return fail(b, "\"<<\" needs a map or a list of maps");
    for (const cJSON *c = from->child; c; c = c->next) {
        const char *why;
        if (cJSON_GetObjectItemCaseSensitive(into, c->string))
            continue;
        cJSON *copy = tree_copy(b->t, c, b->line);
        if (!tree_add_member(into, c->string, copy, &why)) {
            cJSON_Delete(copy);
            return fail_key(b, c->string, why);
        }
    }
    return 0;
}

/* What the map says itself holds; earlier merges hold before later ones. */
static int merge_all(struct builder *b, cJSON *into, const cJSON *merges)
{
    for (const cJSON *m = merges->child; m; m = m->next) {
        int rc = 0;
        if (!cJSON_IsArray(m))
            rc = merge_map(b, into, m);
        for (const cJSON *c = cJSON_IsArray(m) ? m->child : NULL; c && !rc; c = c->next)
            rc = merge_map(b, into, c);
        if (rc)
            return rc;
    }
    return 0;
}

static int on_end(struct builder *b)
{
    struct frame f = *top(b);
    int rc = f.merges ? merge_all(b, f.node, f.merges) : 0;
    cJSON_Delete(f.merges);
    b->stack.n--;
    if (rc) {
        cJSON_Delete(f.node);
        mem_free(f.anchor);
        return rc;
    }
    if (f.anchor)
        note_anchor(b, f.anchor, f.node);
    return place(b, f.node);
}

static int on_alias(struct builder *b, const char *name)
{
    const cJSON *node = NULL;
    size_t n, height;
    for (size_t i = 0; i < b->anchors.n && !node; i++)
        if (!strcmp(b->anchors.v[i].name, name))
            node = b->anchors.v[i].node;
    for (size_t i = 0; i < b->stack.n; i++)
        if (b->stack.v[i].anchor && !strcmp(b->stack.v[i].anchor, name))
            return fail(b, "an alias stands inside its own anchor");
    if (!node)
        return err_set(b->err, ERR_INVALID, "YAML: unknown anchor \"%.60s\"", name);
    if (wants_key(b))
        return fail(b, "an alias as a map key is not supported");
    tree_measure(node, &n, &height);
    b->alias_nodes += n;
    if (b->alias_nodes > DOCUMENT_ALIAS_NODES)
        return fail(b, "aliases expand to too many values");
    if (b->stack.n + height > DOCUMENT_DEPTH_MAX)
        return fail(b, "nested too deeply");
    return place(b, tree_copy(b->t, node, value_line(b)));
}

static int on_event(struct builder *b, const yaml_event_t *e)
{
    b->line = b->base + (uint32_t)e->start_mark.line;
    if (b->t->n_nodes > TREE_NODES_MAX)
        return fail(b, "too many values in one document");
    switch (e->type) {
    case YAML_SCALAR_EVENT:
        return on_scalar(b, e);
    case YAML_ALIAS_EVENT:
        return on_alias(b, (const char *)e->data.alias.anchor);
    case YAML_SEQUENCE_START_EVENT:
        return on_start(b, cJSON_Array, e->data.sequence_start.anchor, e->data.sequence_start.tag);
    case YAML_MAPPING_START_EVENT:
        return on_start(b, cJSON_Object, e->data.mapping_start.anchor, e->data.mapping_start.tag);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return on_end(b);
    case YAML_DOCUMENT_START_EVENT:
        return b->root ? fail(b, "a second document without \"---\"") : 0;
    default:
        return 0;
    }
}

/* ---- the parser ---- */

static int parser_problem(struct builder *b, const yaml_parser_t *p)
{
    size_t line = p->problem_mark.line;
    /* Where the scanner only saw the end of the text, the context tells more. */
    bool context = p->context && p->context_mark.line < line;
    b->line = b->base + (uint32_t)line;
    if (p->error == YAML_READER_ERROR)
        return err_set(b->err, ERR_INVALID, "YAML: %s (byte %zu of the document)",
                       p->problem ? p->problem : "cannot be read", p->problem_offset);
    if (context)
        return err_set(b->err, ERR_INVALID, "YAML: %s, %s from line %u",
                       p->problem ? p->problem : "syntax error", p->context,
                       b->base + (uint32_t)p->context_mark.line);
    return err_set(b->err, ERR_INVALID, "YAML: %s", p->problem ? p->problem : "syntax error");
}

static void builder_done(struct builder *b)
{
    for (size_t i = 0; i < b->stack.n; i++) {
        struct frame *f = &b->stack.v[i];
        cJSON_Delete(f->node);
        cJSON_Delete(f->merges);
        mem_free(f->key);
        mem_free(f->anchor);
    }
    for (size_t i = 0; i < b->anchors.n; i++)
        mem_free(b->anchors.v[i].name);
    VEC_DONE(&b->stack);
    VEC_DONE(&b->anchors);
}

/* The number of the last line that is not blank: what an unexpected end is reported at. */
static uint32_t last_line(const struct tree_text *in)
{
    size_t n = in->len;
    uint32_t line = in->line;
    while (n && strchr(" \t\r\n", in->text[n - 1]))
        n--;
    for (size_t i = 0; i < n; i++)
        line += in->text[i] == '\n';
    return line;
}

int yaml_parse(struct tree *t, struct tree_text *in, cJSON **out, struct err *err)
{
    struct builder b = {.t = t, .base = in->line, .line = in->line, .err = err};
    yaml_parser_t parser;
    bool going = true;
    int rc = 0;

    if (!yaml_parser_initialize(&parser))
        return err_set(err, ERR_INTERNAL, "YAML: no memory");
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)in->text, in->len);
    while (going && !rc) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            rc = parser_problem(&b, &parser);
            break;
        }
        going = event.type != YAML_STREAM_END_EVENT;
        rc = on_event(&b, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    builder_done(&b);
    if (!rc) {
        *out = b.root;
        return 0;
    }
    uint32_t last = last_line(in);
    in->error_line = b.line < last ? b.line : last;
    cJSON_Delete(b.root);
    return rc;
}
