/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading JSON while it comes.
 *
 * One pass over the bytes.  Between tokens the reader knows what it expects and where the next
 * value goes (its slot); inside a token that the piece at hand cuts off it keeps what it has of it.
 * A value that is not kept is skipped by counting brackets, the fast path: of a Pod nine tenths are
 * skipped.  Levels are numbered from 1; a level's bracket is a bit, and only levels of kept values
 * have a frame that is used. */
#include "core/k8s/json_stream.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/mem.h"
#include "core/base/sbuf.h"
#include "core/k8s/json_text.h"
#include "core/k8s/stream_out.h"
#include "core/k8s/tree.h"

enum { OUTER_TOKEN_MAX = 64 * 1024, KEPT_TOKEN = 64 * 1024 };

/* Where in a token the reader is. */
enum lex {
    LEX_BETWEEN,
    LEX_STRING,
    LEX_WORD,        /* number, true, false, null */
    LEX_SKIP,        /* inside a container that is not kept */
    LEX_SKIP_STRING, /* inside a string of it, or that is not kept itself */
    LEX_SKIP_WORD,
};

enum expect {
    EXPECT_TOP, /* a value, or the end */
    EXPECT_VALUE,
    EXPECT_ITEM_OR_END,
    EXPECT_KEY,
    EXPECT_KEY_OR_END,
    EXPECT_COLON,
    EXPECT_MORE_OR_END,
    EXPECT_NOTHING,
};

/* Where the next value goes. */
enum dest {
    DEST_SKIP,
    DEST_TREE,   /* into the object at hand */
    DEST_OBJECT, /* it is an object */
    DEST_META,   /* a list's metadata, and of that: */
    DEST_VERSION,
    DEST_CONTINUE,
    DEST_ITEMS, /* a list's items */
    DEST_LIST,  /* the list itself */
    DEST_EVENT, /* an event, and of that: */
    DEST_TYPE,
};

struct slot {
    enum dest dest;
    const char *key; /* in the map of the tree; NULL in a list */
    const struct wire_field *fields;
};

struct frame {
    enum dest role;
    cJSON *node;                     /* of the tree */
    const struct wire_field *fields; /* of the members, or of the items' */
    uint64_t seen;                   /* rows of 'fields' that there was a member of */
};

struct json_stream {
    enum json_stream_form form;
    const struct wire_field *fields;

    enum lex lex;
    enum expect expect;
    bool is_key;  /* the string at hand */
    bool escaped; /* the piece before ended behind a backslash */
    bool broken;  /* by an error */
    bool has_items;
    unsigned depth, skip_to;
    uint64_t maps; /* bit n - 1: level n is a map */
    struct slot slot;
    struct frame frames[JSON_STREAM_DEPTH_MAX + 1];
    const char *p, *start, *end; /* the piece at hand */
    uint64_t before;             /* bytes before it */
    struct sbuf token;           /* what came of a token that was cut off */

    unsigned object_depth; /* level of the object at hand, 0: none */
    struct stream_out out;
};

static const struct wire_field causes_fields[] = {WIRE_FIELD(STRING, 1, "reason"), WIRE_FIELDS_END};
static const struct wire_field details_fields[] = {
    WIRE_FIELD(INT, 5, "retryAfterSeconds"), WIRE_FIELD_OF(MESSAGES, 4, "causes", causes_fields),
    WIRE_FIELDS_END};
static const struct wire_field status_meta_fields[] = {
    WIRE_FIELD(STRING, 2, "resourceVersion"), WIRE_FIELD(STRING, 3, "continue"), WIRE_FIELDS_END};
const struct wire_field wire_status_fields[] = {
    WIRE_FIELD_OF(MESSAGE, 1, "metadata", status_meta_fields),
    WIRE_KEY("kind"),
    WIRE_FIELD(STRING, 2, "status"),
    WIRE_FIELD(STRING, 4, "reason"),
    WIRE_FIELD(STRING, 3, "message"),
    WIRE_FIELD(INT, 6, "code"),
    WIRE_FIELD_OF(MESSAGE, 5, "details", details_fields),
    WIRE_FIELDS_END};
enum { STATUS_SEEN = 32 }; /* bits of a root's 'seen' that are wire_status_fields' */

/* ---- life ---- */

struct json_stream *json_stream_new(enum json_stream_form form, const struct wire_field *fields,
                                    const struct json_stream_sink *sink)
{
    struct json_stream *s = mem_calloc(1, sizeof *s);
    s->fields = fields;
    stream_out_init(&s->out, sink);
    json_stream_reset(s, form);
    return s;
}

void json_stream_free(struct json_stream *s)
{
    if (!s)
        return;
    stream_out_done(&s->out);
    sbuf_done(&s->token);
    mem_free(s);
}

static void token_clear(struct json_stream *s)
{
    if (s->token.cap > KEPT_TOKEN)
        sbuf_done(&s->token);
    sbuf_clear(&s->token);
    s->escaped = false;
}

void json_stream_reset(struct json_stream *s, enum json_stream_form form)
{
    s->form = form;
    s->lex = LEX_BETWEEN;
    s->expect = EXPECT_TOP;
    s->broken = s->has_items = false;
    s->depth = s->object_depth = 0;
    s->before = 0;
    token_clear(s);
    stream_out_reset(&s->out);
}

const char *json_stream_version(const struct json_stream *s)
{
    return s->out.version;
}

const char *json_stream_continue(const struct json_stream *s)
{
    return stream_out_continue(&s->out);
}

size_t json_stream_memory(const struct json_stream *s)
{
    return sizeof *s + s->token.cap + stream_out_memory(&s->out);
}

/* ---- errors ---- */

static uint64_t offset(const struct json_stream *s)
{
    return s->before + (uint64_t)(s->p - s->start);
}

/* The text is no such text. */
static int broken(struct json_stream *s, struct err *err, const char *why)
{
    s->broken = true;
    return err_set(err, ERR_PROTOCOL, "byte %llu: %s", (unsigned long long)offset(s), why);
}

/* The object at hand is bad: what is left of it is skipped. */
static void skip_object(struct json_stream *s)
{
    s->lex = LEX_SKIP;
    s->skip_to = s->object_depth - 1;
}

/* It is, by the value at hand: with the value's path. */
static void fail_value(struct json_stream *s, const char *why)
{
    auto_sbuf path = SBUF_INIT;
    for (unsigned i = s->object_depth + 1; i <= s->depth; i++)
        stream_out_path(&path, s->frames[i].node->string);
    stream_out_path(&path, s->slot.key);
    stream_out_fail(&s->out, sbuf_cstr(&path), why);
    skip_object(s);
}

static bool in_object(const struct json_stream *s)
{
    return s->object_depth && !s->out.why[0];
}

/* ---- the tree ---- */

/* A node where the slot says; NULL if the object became bad. */
static cJSON *put_node(struct json_stream *s, int type)
{
    cJSON *parent = s->frames[s->depth].node;
    cJSON *node = stream_out_node(&s->out, parent, s->slot.key, type, offset(s));
    if (!node)
        skip_object(s);
    return node;
}

/* What a string token says, in the arena; NULL if the object became bad. */
static char *put_text(struct json_stream *s, const char *raw, size_t n)
{
    char *text = arena_alloc(&s->out.arena, n + 1);
    const char *why;
    size_t len;
    if (json_text_decode(raw, n, text, &len, &why))
        return text;
    fail_value(s, why);
    return NULL;
}

/* ---- ends ---- */

static void value_done(struct json_stream *s)
{
    s->lex = LEX_BETWEEN;
    if (s->depth)
        s->expect = EXPECT_MORE_OR_END;
    else
        s->expect = s->form == JSON_STREAM_WATCH ? EXPECT_TOP : EXPECT_NOTHING;
}

static void object_done(struct json_stream *s)
{
    stream_out_end(&s->out, offset(s));
    s->object_depth = 0;
    value_done(s);
    if (s->form != JSON_STREAM_WATCH)
        stream_out_emit(&s->out);
}

/* ---- keys ---- */

static const struct wire_field *find_field(const struct wire_field *rows, const char *key, size_t n,
                                           unsigned *index_out)
{
    for (const struct wire_field *r = rows; r->name; r++)
        if (r->len == n && !memcmp(r->name, key, n)) {
            *index_out = (unsigned)(r - rows);
            return r;
        }
    return NULL;
}

static void listed_key(struct json_stream *s, struct frame *f, const char *key, size_t n)
{
    bool status = s->form == JSON_STREAM_WATCH && s->depth == s->object_depth;
    unsigned index;
    const struct wire_field *row = find_field(f->fields, key, n, &index);
    if (!row && status && (row = find_field(wire_status_fields, key, n, &index)))
        index += STATUS_SEEN;
    if (!row)
        return;
    uint64_t bit = UINT64_C(1) << (index & 63);
    s->slot = (struct slot){DEST_TREE, row->name, row->below};
    if (f->seen & bit)
        fail_value(s, TREE_TWICE);
    f->seen |= bit;
}

/* Of a map that is kept whole. */
static void any_key(struct json_stream *s, struct frame *f, const char *raw, size_t n)
{
    const char *key = put_text(s, raw, n);
    if (!key)
        return;
    s->slot = (struct slot){.dest = DEST_TREE, .key = key};
    const char *why = tree_bad_key(f->node, key);
    if (why)
        fail_value(s, why);
}

static bool key_is(const char *key, size_t n, const char *name)
{
    return n == strlen(name) && !memcmp(key, name, n);
}

/* Of what is around the objects. */
static void outer_key(struct json_stream *s, enum dest role, const char *key, size_t n)
{
    static const struct {
        enum dest role, dest;
        const char *name;
    } keys[] = {
        {DEST_LIST, DEST_META, "metadata"},
        {DEST_LIST, DEST_ITEMS, "items"},
        {DEST_META, DEST_VERSION, "resourceVersion"},
        {DEST_META, DEST_CONTINUE, "continue"},
        {DEST_EVENT, DEST_TYPE, "type"},
        {DEST_EVENT, DEST_OBJECT, "object"},
    };
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (keys[i].role == role && key_is(key, n, keys[i].name))
            s->slot = (struct slot){.dest = keys[i].dest, .fields = s->fields};
}

static bool has_control(const char *raw, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)raw[i] < 0x20)
            return true;
    return false;
}

/* A key that is garbled must not pass for one that nobody reads. */
static int key_done(struct json_stream *s, const char *raw, size_t n, struct err *err)
{
    struct frame *f = &s->frames[s->depth];
    s->expect = EXPECT_COLON;
    s->slot = (struct slot){.dest = DEST_SKIP};
    if (has_control(raw, n)) {
        if (f->role != DEST_TREE)
            return broken(s, err, "a control character in a key");
        fail_value(s, "a control character in a key");
    } else if (f->role != DEST_TREE) {
        outer_key(s, f->role, raw, n);
    } else if (!f->fields) {
        any_key(s, f, raw, n);
    } else if (!memchr(raw, '\\', n)) {
        listed_key(s, f, raw, n);
    } else {
        const char *key = put_text(s, raw, n);
        if (key)
            listed_key(s, f, key, strlen(key));
    }
    return 0;
}

/* ---- scalars ---- */

static int outer_string(struct json_stream *s, const char *raw, size_t n, struct err *err)
{
    auto_free char *text = mem_alloc(n + 1);
    const char *why;
    size_t len;
    if (!json_text_decode(raw, n, text, &len, &why))
        return broken(s, err, why);
    switch (s->slot.dest) {
    case DEST_TYPE:
        snprintf(s->out.type, sizeof s->out.type, "%s", text);
        break;
    case DEST_CONTINUE:
        sbuf_clear(&s->out.next);
        sbuf_put(&s->out.next, text, len);
        break;
    case DEST_VERSION:
        if (len >= sizeof s->out.version)
            return broken(s, err, "a resourceVersion is too long");
        memcpy(s->out.version, text, len + 1);
        break;
    default:
        return broken(s, err, "a string where an object or a list should be");
    }
    return 0;
}

static int string_done(struct json_stream *s, const char *raw, size_t n, struct err *err)
{
    if (s->slot.dest != DEST_TREE) {
        value_done(s);
        return outer_string(s, raw, n, err);
    }
    char *text = put_text(s, raw, n);
    cJSON *node = text ? put_node(s, cJSON_String) : NULL;
    if (node) {
        node->valuestring = text;
        value_done(s);
    }
    return 0;
}

static double number(const char *raw, size_t n)
{
    enum { EXACT = 15 }; /* digits that a double holds */
    char text[64];
    double v = 0;
    size_t i = 0;
    for (; i < n && raw[i] >= '0' && raw[i] <= '9'; i++)
        v = v * 10 + (raw[i] - '0');
    if (i == n && n <= EXACT)
        return v;
    memcpy(text, raw, n);
    text[n] = '\0';
    return strtod(text, NULL);
}

static void put_word(struct json_stream *s, const char *raw, size_t n)
{
    static const struct {
        const char *word;
        int type;
    } words[] = {{"true", cJSON_True}, {"false", cJSON_False}, {"null", cJSON_NULL}};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (key_is(raw, n, words[i].word)) {
            if (put_node(s, words[i].type))
                value_done(s);
            return;
        }
    if (json_number_len(raw, raw + n) != n) {
        fail_value(s, "not a JSON value");
        return;
    }
    cJSON *node = put_node(s, cJSON_Number);
    if (!node)
        return;
    cJSON_SetNumberHelper(node, number(raw, n));
    value_done(s);
}

static int word_done(struct json_stream *s, const char *raw, size_t n, struct err *err)
{
    if (s->slot.dest == DEST_TREE) {
        put_word(s, raw, n);
        return 0;
    }
    if (!key_is(raw, n, "null") || s->slot.dest == DEST_OBJECT)
        return broken(s, err, "expected an object");
    s->has_items = s->has_items || s->slot.dest == DEST_ITEMS;
    value_done(s);
    return 0;
}

/* ---- containers ---- */

static void enter(struct json_stream *s, bool map)
{
    if (s->depth++ < JSON_STREAM_DEPTH_MAX) {
        uint64_t bit = UINT64_C(1) << (s->depth - 1);
        s->maps = map ? s->maps | bit : s->maps & ~bit;
    }
    s->expect = map ? EXPECT_KEY_OR_END : EXPECT_ITEM_OR_END;
}

/* True if the closing bracket is that of the level. */
static bool leave(struct json_stream *s, char c)
{
    bool map = c == '}';
    if (s->depth <= JSON_STREAM_DEPTH_MAX && (s->maps >> (s->depth - 1) & 1) != map)
        return false;
    s->depth--;
    return true;
}

/* The next value goes into the list that the reader is in. */
static void next_item(struct json_stream *s)
{
    const struct frame *f = &s->frames[s->depth];
    s->slot = (struct slot){.dest = f->role, .fields = f->fields};
    if (f->role == DEST_ITEMS)
        s->slot = (struct slot){.dest = DEST_OBJECT, .fields = s->fields};
}

static void open_object(struct json_stream *s)
{
    cJSON *root = stream_out_begin(&s->out, offset(s));
    enter(s, true);
    s->frames[s->depth] = (struct frame){DEST_TREE, root, s->slot.fields, 0};
    s->object_depth = s->depth;
}

/* A container of an object. */
static void open_kept(struct json_stream *s, bool map)
{
    bool deep = s->depth >= JSON_STREAM_DEPTH_MAX;
    cJSON *node = deep ? NULL : put_node(s, map ? cJSON_Object : cJSON_Array);
    if (deep) {
        stream_out_fail(&s->out, "", "nested too deeply");
        skip_object(s);
    }
    enter(s, map);
    if (node)
        s->frames[s->depth] = (struct frame){DEST_TREE, node, s->slot.fields, 0};
}

static int open_container(struct json_stream *s, bool map, struct err *err)
{
    enum dest dest = s->slot.dest;
    if (dest == DEST_TREE) {
        open_kept(s, map);
    } else if (dest == DEST_OBJECT && map) {
        if (s->out.object)
            return broken(s, err, "an event with two objects");
        open_object(s);
    } else if (map ? dest == DEST_LIST || dest == DEST_EVENT || dest == DEST_META
                   : dest == DEST_ITEMS && !s->has_items) {
        s->has_items = s->has_items || dest == DEST_ITEMS;
        enter(s, map);
        s->frames[s->depth] = (struct frame){.role = dest};
    } else {
        return broken(s, err, "not the form of a list or an event");
    }
    if (!map && s->lex == LEX_BETWEEN)
        next_item(s);
    return 0;
}

static int close_container(struct json_stream *s, char c, struct err *err)
{
    enum dest role = s->frames[s->depth].role;
    if (!leave(s, c))
        return broken(s, err, "a bracket of the wrong kind");
    if (s->object_depth && s->depth < s->object_depth) {
        object_done(s);
        return 0;
    }
    value_done(s);
    if (role == DEST_EVENT)
        stream_out_emit(&s->out);
    return 0;
}

/* ---- what is skipped ---- */

static void skip_done(struct json_stream *s)
{
    if (s->object_depth && s->depth < s->object_depth)
        object_done(s);
    else
        value_done(s);
}

/* Goes on in a string.  True if its end is there: p is behind the closing quote; else p == end. */
static bool scan_string(struct json_stream *s)
{
    const char *from = s->p + s->escaped;
    const char *quote = from + json_text_end(from, (size_t)(s->end - from)), *back = s->end;
    s->escaped = false;
    if (quote < s->end) {
        s->p = quote + 1;
        return true;
    }
    while (back > from && back[-1] == '\\')
        back--;
    s->escaped = (s->end - back) % 2;
    s->p = s->end;
    return false;
}

static void skip_string(struct json_stream *s)
{
    s->lex = LEX_SKIP_STRING;
    if (s->p == s->end || !scan_string(s))
        return;
    s->lex = LEX_SKIP;
    if (s->depth == s->skip_to)
        skip_done(s);
}

/* In a container that is not kept. */
static int skip(struct json_stream *s, struct err *err)
{
    enum { PLAIN, QUOTE, OPEN, CLOSE };
    static const unsigned char class[256] = {
        ['"'] = QUOTE, ['{'] = OPEN, ['['] = OPEN, ['}'] = CLOSE, [']'] = CLOSE};
    while (s->p < s->end && s->lex == LEX_SKIP) {
        char c = *s->p++;
        switch (class[(unsigned char)c]) {
        case QUOTE:
            skip_string(s);
            break;
        case OPEN:
            if (s->depth > INT32_MAX)
                return broken(s, err, "nested too deeply");
            enter(s, c == '{');
            break;
        case CLOSE:
            if (!leave(s, c))
                return broken(s, err, "a bracket of the wrong kind");
            if (s->depth == s->skip_to)
                skip_done(s);
            break;
        default:
            break;
        }
    }
    return 0;
}

/* ---- tokens ---- */

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '+' || c == '.';
}

static void skip_word(struct json_stream *s)
{
    while (s->p < s->end && is_word(*s->p))
        s->p++;
    if (s->p < s->end)
        value_done(s);
}

/* What there is of a token from 'from' to 'to' is kept. */
static int token_part(struct json_stream *s, const char *from, const char *to, struct err *err)
{
    if (!in_object(s) && s->token.len + (size_t)(to - from) > OUTER_TOKEN_MAX)
        return broken(s, err, "a string is too long");
    sbuf_put(&s->token, from, (size_t)(to - from));
    return 0;
}

static int string_token(struct json_stream *s, struct err *err)
{
    const char *raw = s->p;
    bool whole = scan_string(s);
    size_t n = (size_t)(s->p - raw) - whole;
    if (!whole || s->token.len) {
        int rc = token_part(s, raw, raw + n, err);
        if (rc || !whole)
            return rc;
        raw = s->token.data;
        n = s->token.len;
    }
    int rc = 0;
    s->lex = LEX_BETWEEN;
    if (s->is_key)
        rc = key_done(s, raw, n, err);
    else
        rc = string_done(s, raw, n, err);
    token_clear(s);
    return rc;
}

static int word_token(struct json_stream *s, struct err *err)
{
    enum { WORD_MAX = 63 };
    const char *raw = s->p;
    while (s->p < s->end && is_word(*s->p))
        s->p++;
    size_t n = (size_t)(s->p - raw);
    if (s->token.len + n > WORD_MAX)
        return broken(s, err, "a number is too long");
    if (s->p == s->end || s->token.len) {
        sbuf_put(&s->token, raw, n);
        if (s->p == s->end)
            return 0;
        raw = s->token.data;
        n = s->token.len;
    }
    int rc = word_done(s, raw, n, err);
    token_clear(s);
    return rc;
}

static int value_token(struct json_stream *s, char c, struct err *err)
{
    bool kept = s->slot.dest != DEST_SKIP, container = c == '{' || c == '[';
    if (!kept)
        s->skip_to = s->depth;
    s->is_key = false;
    if (c == '"' && s->depth) {
        s->p++;
        s->lex = kept ? LEX_STRING : LEX_SKIP_STRING;
    } else if (is_word(c) && s->depth) {
        s->lex = kept ? LEX_WORD : LEX_SKIP_WORD;
    } else if (container && kept) {
        s->p++;
        return open_container(s, c == '{', err);
    } else if (container) {
        s->p++;
        s->lex = LEX_SKIP;
        enter(s, c == '{');
    } else {
        return broken(s, err, "expected a value");
    }
    return 0;
}

static int key_token(struct json_stream *s, char c, struct err *err)
{
    if (c != '"')
        return broken(s, err, "expected a key in quotes");
    s->p++;
    s->lex = LEX_STRING;
    s->is_key = true;
    return 0;
}

static int more_or_end(struct json_stream *s, char c, struct err *err)
{
    s->p++;
    if (c == '}' || c == ']')
        return close_container(s, c, err);
    if (c != ',')
        return broken(s, err, "expected ',' or a closing bracket");
    bool map = s->maps >> (s->depth - 1) & 1;
    s->expect = map ? EXPECT_KEY : EXPECT_VALUE;
    if (!map)
        next_item(s);
    return 0;
}

static void next_top(struct json_stream *s)
{
    static const enum dest tops[] = {[JSON_STREAM_ONE] = DEST_OBJECT,
                                     [JSON_STREAM_STATUS] = DEST_OBJECT,
                                     [JSON_STREAM_LIST] = DEST_LIST,
                                     [JSON_STREAM_WATCH] = DEST_EVENT};
    s->slot = (struct slot){.dest = tops[s->form], .fields = s->fields};
    if (s->form == JSON_STREAM_STATUS)
        s->slot.fields = wire_status_fields;
}

static int between(struct json_stream *s, struct err *err)
{
    while (s->p < s->end && is_space(*s->p))
        s->p++;
    if (s->p == s->end)
        return 0;
    char c = *s->p;
    switch (s->expect) {
    case EXPECT_TOP:
        next_top(s);
        return value_token(s, c, err);
    case EXPECT_VALUE:
        return value_token(s, c, err);
    case EXPECT_ITEM_OR_END:
        return c == ']' ? more_or_end(s, c, err) : value_token(s, c, err);
    case EXPECT_KEY:
        return key_token(s, c, err);
    case EXPECT_KEY_OR_END:
        return c == '}' ? more_or_end(s, c, err) : key_token(s, c, err);
    case EXPECT_COLON:
        if (c != ':')
            return broken(s, err, "expected ':' after a key");
        s->p++;
        s->expect = EXPECT_VALUE;
        return 0;
    case EXPECT_MORE_OR_END:
        return more_or_end(s, c, err);
    case EXPECT_NOTHING:
        break;
    }
    return broken(s, err, "something behind the end");
}

static int step(struct json_stream *s, struct err *err)
{
    switch (s->lex) {
    case LEX_STRING:
        return string_token(s, err);
    case LEX_WORD:
        return word_token(s, err);
    case LEX_SKIP:
        return skip(s, err);
    case LEX_SKIP_STRING:
        skip_string(s);
        return 0;
    case LEX_SKIP_WORD:
        skip_word(s);
        return 0;
    case LEX_BETWEEN:
        break;
    }
    return between(s, err);
}

/* The object at hand grew too large between two pieces. */
static void check_limit(struct json_stream *s)
{
    if (!in_object(s) || stream_out_fits(&s->out, offset(s)))
        return;
    bool string = s->lex == LEX_STRING || s->lex == LEX_SKIP_STRING, escaped = s->escaped;
    skip_object(s);
    token_clear(s);
    if (string)
        s->lex = LEX_SKIP_STRING;
    s->escaped = escaped;
}

int json_stream_put(struct json_stream *s, const void *data, size_t n, struct err *err)
{
    int rc = 0;
    if (s->broken)
        return err_set(err, ERR_PROTOCOL, "the text was broken before");
    s->p = s->start = data;
    s->end = s->start + n;
    while (!rc && s->p < s->end)
        rc = step(s, err);
    s->before += (uint64_t)(s->p - s->start);
    s->p = s->start = s->end = NULL;
    if (!rc)
        check_limit(s);
    return rc;
}

int json_stream_end(struct json_stream *s, struct err *err)
{
    bool watch = s->form == JSON_STREAM_WATCH;
    if (s->broken)
        return err_set(err, ERR_PROTOCOL, "the text was broken before");
    if (s->expect != (watch ? EXPECT_TOP : EXPECT_NOTHING) || s->lex != LEX_BETWEEN)
        return err_set(err, ERR_TRUNCATED, "the text ends after %llu bytes, before its end",
                       (unsigned long long)s->before);
    if (s->form == JSON_STREAM_LIST && (!s->has_items || !s->out.version[0]))
        return err_set(err, ERR_PROTOCOL, "a list without items or resourceVersion");
    return 0;
}
