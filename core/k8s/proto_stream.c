/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading Protobuf while it comes.
 *
 * One pass over the bytes.  The reader is at a field of the innermost message, or inside its
 * varint, its length, its text, or what is skipped of it.  Messages that are entered lie on a stack
 * of levels, each with the offset where it ends; since all lengths are known beforehand, what is
 * not kept is skipped without being looked at, and so is the rest of an object that turns out bad.
 */
#include "core/k8s/proto_stream.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/mem.h"
#include "core/base/sbuf.h"
#include "core/k8s/json_text.h"
#include "core/k8s/stream_out.h"
#include "core/k8s/tree.h"

enum {
    LEVELS_MAX = 24,      /* the deepest table has 5 below an object, around it are 3 */
    EVENT_MAX = 64 << 20, /* longer ones are no events, but something else that is read as such */
    OUTER_TEXT_MAX = 64 * 1024,
    KEPT_TOKEN = 64 * 1024,
    KIND_MAX = 64,
    TIME_MAX = 64,
};

enum at {
    AT_FRAME, /* the four bytes of an event's length */
    AT_MAGIC,
    AT_FIELD,
    AT_VARINT,
    AT_LENGTH,
    AT_TEXT,
    AT_SKIP,
};

/* What a field is: a message to enter (the same says what level that is), a text, a number. */
enum part {
    PART_NOTHING, /* is skipped */
    PART_ROW,     /* of an object, by a table's row */
    PART_UNKNOWN,
    PART_BODY, /* a list or an object, by the form */
    PART_TYPE_META,
    PART_LIST,
    PART_LIST_META,
    PART_EVENT,
    PART_RAW,
    PART_MESSAGE, /* of the tree; an object too */
    PART_ENTRY,
    PART_CHOICE, /* IntOrString */
    PART_TIME,
    PART_ENCODING, /* texts from here */
    PART_KIND,
    PART_VERSION,
    PART_CONTINUE,
    PART_TYPE,
    PART_KEY,
    PART_VALUE,
    PART_CHOICE_TEXT,
    PART_CHOICE_TYPE, /* numbers from here */
    PART_CHOICE_INT,
    PART_SECONDS,
};

enum wire { PROTO_VARINT, PROTO_FIXED64, PROTO_LENGTH, PROTO_FIXED32 = 5 };

struct level {
    enum part part;
    uint64_t end; /* offset behind it */
    const char *name;
    cJSON *node;                     /* the map, or for an entry the map that it goes into */
    const struct wire_field *fields; /* of a message; of an entry: the keys, NULL: all */
    uint64_t seen;                   /* rows of 'fields' that there was a field of */
};

/* What is known of a map's entry, an IntOrString or a Time that is being read. */
struct pair {
    const char *key;
    char *value;
    uint64_t type, number;
    bool dropped, timed;
};

struct proto_stream {
    enum json_stream_form form;
    const char *wanted;
    const struct wire_field *fields;

    enum at at;
    bool broken;
    bool has_body; /* of the Unknown at hand */
    unsigned head; /* bytes read of a frame's length or a magic number */
    unsigned shift;
    uint64_t value; /* a varint in parts */
    enum part part; /* the field at hand */
    const struct wire_field *row;
    uint64_t skip_to, text_len;
    struct sbuf token;           /* what came of a text that was cut off */
    const char *p, *start, *end; /* the piece at hand */
    uint64_t before;             /* bytes before it */
    unsigned depth;
    struct level levels[LEVELS_MAX + 1]; /* from 1 */
    struct pair pair;

    unsigned object_depth; /* level of the object at hand, 0: none */
    char kind[KIND_MAX];
    struct stream_out out;
};

/* ---- life ---- */

struct proto_stream *proto_stream_new(enum json_stream_form form, const char *kind,
                                      const struct wire_field *fields,
                                      const struct json_stream_sink *sink)
{
    struct proto_stream *s = mem_calloc(1, sizeof *s);
    s->wanted = kind;
    s->fields = fields;
    stream_out_init(&s->out, sink);
    proto_stream_reset(s, form);
    return s;
}

void proto_stream_free(struct proto_stream *s)
{
    if (!s)
        return;
    stream_out_done(&s->out);
    sbuf_done(&s->token);
    mem_free(s);
}

static void token_clear(struct proto_stream *s)
{
    if (s->token.cap > KEPT_TOKEN)
        sbuf_done(&s->token);
    sbuf_clear(&s->token);
}

static void expect_field(struct proto_stream *s)
{
    s->at = AT_FIELD;
    s->shift = 0;
    s->value = 0;
}

void proto_stream_reset(struct proto_stream *s, enum json_stream_form form)
{
    s->form = form;
    expect_field(s);
    s->at = form == JSON_STREAM_WATCH ? AT_FRAME : AT_MAGIC;
    s->broken = s->has_body = false;
    s->head = s->depth = s->object_depth = 0;
    s->before = 0;
    s->kind[0] = '\0';
    token_clear(s);
    stream_out_reset(&s->out);
}

const char *proto_stream_version(const struct proto_stream *s)
{
    return s->out.version;
}

const char *proto_stream_continue(const struct proto_stream *s)
{
    return stream_out_continue(&s->out);
}

size_t proto_stream_memory(const struct proto_stream *s)
{
    return sizeof *s + s->token.cap + stream_out_memory(&s->out);
}

/* ---- errors ---- */

static uint64_t offset(const struct proto_stream *s)
{
    return s->before + (uint64_t)(s->p - s->start);
}

static struct level *top(struct proto_stream *s)
{
    return &s->levels[s->depth];
}

/* What is around the objects is not as it should be. */
static int broken(struct proto_stream *s, struct err *err, const char *why)
{
    s->broken = true;
    return err_set(err, ERR_PROTOCOL, "byte %llu: %s", (unsigned long long)offset(s), why);
}

/* The object at hand is bad: what is left of it is skipped. */
static void skip_object(struct proto_stream *s)
{
    s->depth = s->object_depth;
    s->at = AT_SKIP;
    s->skip_to = top(s)->end;
    token_clear(s);
}

static void fail_whole(struct proto_stream *s, const char *why)
{
    stream_out_fail(&s->out, "", why);
    skip_object(s);
}

/* The same for the field at hand, with its path. */
static void fail_value(struct proto_stream *s, const char *why)
{
    auto_sbuf path = SBUF_INIT;
    for (unsigned i = s->object_depth + 1; i <= s->depth; i++)
        stream_out_path(&path, s->levels[i].name);
    if (s->part == PART_ROW)
        stream_out_path(&path, s->row->name);
    if (top(s)->part == PART_ENTRY)
        stream_out_path(&path, s->pair.key);
    stream_out_fail(&s->out, sbuf_cstr(&path), why);
    skip_object(s);
}

/* Whichever it is that is bad. */
static int bad(struct proto_stream *s, struct err *err, const char *why)
{
    if (!s->object_depth)
        return broken(s, err, why);
    fail_value(s, why);
    return 0;
}

/* ---- the tree ---- */

/* A node in a map (with a key) or a list; NULL if the object became bad. */
static cJSON *put_node(struct proto_stream *s, cJSON *parent, const char *key, int type)
{
    cJSON *node = stream_out_node(&s->out, parent, key, type, offset(s));
    if (!node)
        skip_object(s);
    return node;
}

/* The container that a repeated field, or a map, puts its parts into. */
static cJSON *put_container(struct proto_stream *s, const struct wire_field *row, int type)
{
    cJSON *map = top(s)->node, *last = map->child ? map->child->prev : NULL;
    if (last && last->string == row->name)
        return last;
    for (cJSON *c = map->child; c; c = c->next)
        if (c->string == row->name)
            return c;
    return put_node(s, map, row->name, type);
}

/* Where the value of a row goes: the map, or the list of a repeated field. */
static cJSON *put_value(struct proto_stream *s, const struct wire_field *row, int type)
{
    bool listed = row->type == WIRE_STRINGS || row->type == WIRE_MESSAGES;
    cJSON *list = listed ? put_container(s, row, cJSON_Array) : NULL;
    if (listed)
        return list ? put_node(s, list, NULL, type) : NULL;
    return put_node(s, top(s)->node, row->name, type);
}

/* The length of a text with U+FFFD for what is not UTF-8; written to 'out' unless that is NULL. */
static size_t mend_text(const char *raw, size_t n, char *out)
{
    size_t len = 0;
    for (size_t i = 0; i < n;) {
        const char *from = raw + i;
        size_t good = (unsigned char)*from < 0x80 ? 1 : json_utf8_len(from, n - i);
        i += good ? good : 1;
        from = good ? from : "\xef\xbf\xbd";
        good = good ? good : 3;
        if (out)
            memcpy(out + len, from, good);
        len += good;
    }
    return len;
}

/* A text in the arena; NULL if the object became bad. */
static char *put_text(struct proto_stream *s, const char *raw, size_t n)
{
    if (memchr(raw, '\0', n)) {
        fail_value(s, "a string must not hold NUL");
        return NULL;
    }
    size_t len = mend_text(raw, n, NULL);
    char *text = arena_alloc(&s->out.arena, len + 1);
    if (len == n)
        memcpy(text, raw, n);
    else
        mend_text(raw, n, text);
    text[len] = '\0';
    return text;
}

/* ---- small messages of a value ---- */

/* A key of the map at hand; NULL if it is not read, or the object became bad. */
static const char *find_key(struct proto_stream *s, const char *raw, size_t n)
{
    const struct wire_field *rows = top(s)->fields;
    if (!rows)
        return put_text(s, raw, n);
    for (; rows->name; rows++)
        if (rows->len == n && !memcmp(rows->name, raw, n))
            return rows->name;
    return NULL;
}

static void key_done(struct proto_stream *s, const char *raw, size_t n)
{
    s->pair.key = find_key(s, raw, n);
    s->pair.dropped = !s->pair.key;
}

static void entry_done(struct proto_stream *s)
{
    struct pair *e = &s->pair;
    cJSON *map = top(s)->node;
    if (!e->key && top(s)->fields)
        return;
    e->key = e->key ? e->key : "";
    const char *why = tree_bad_key(map, e->key);
    if (why) {
        fail_value(s, why);
        return;
    }
    static char none[] = "";
    cJSON *node = put_node(s, map, e->key, cJSON_String);
    if (node)
        node->valuestring = e->value ? e->value : none;
}

static double int_of(uint64_t varint)
{
    int64_t v;
    memcpy(&v, &varint, sizeof v);
    return (double)v;
}

static void choice_done(struct proto_stream *s)
{
    static char none[] = "";
    const struct level *l = top(s);
    bool text = s->pair.type == 1;
    cJSON *node = put_node(s, l->node, l->name, text ? cJSON_String : cJSON_Number);
    if (node && text)
        node->valuestring = s->pair.value ? s->pair.value : none;
    else if (node)
        cJSON_SetNumberHelper(node, int_of(s->pair.number));
}

/* The date of a day since 1970-01-01, by years that begin in March. */
static void date_of(int64_t day, char out[TIME_MAX], unsigned second)
{
    uint64_t d = (uint64_t)(day + 719468), era = d / 146097, of_era = d % 146097;
    uint64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    uint64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    uint64_t month = (5 * of_year + 2) / 153, date = of_year - (153 * month + 2) / 5 + 1;
    month = month < 10 ? month + 3 : month - 9;
    year += era * 400 + (month <= 2);
    snprintf(out, TIME_MAX, "%04u-%02u-%02uT%02u:%02u:%02uZ", (unsigned)year, (unsigned)month,
             (unsigned)date, second / 3600, second / 60 % 60, second % 60);
}

/* An empty one is no time: JSON has null. */
static void time_done(struct proto_stream *s)
{
    enum { DAY = 86400 };
    const int64_t first = -INT64_C(62135596800), last = INT64_C(253402300799); /* 1 to 9999 */
    char text[TIME_MAX];
    int64_t seconds;
    if (!s->pair.timed)
        return;
    memcpy(&seconds, &s->pair.number, sizeof seconds);
    if (seconds < first || seconds > last) {
        fail_value(s, "not a time");
        return;
    }
    int64_t day = (seconds - first) / DAY + first / DAY;
    date_of(day, text, (unsigned)((seconds - first) % DAY));
    cJSON *node = put_node(s, top(s)->node, top(s)->name, cJSON_String);
    if (node)
        node->valuestring = arena_strdup(&s->out.arena, text);
}

/* ---- levels ---- */

static void object_done(struct proto_stream *s)
{
    stream_out_end(&s->out, offset(s));
    s->object_depth = 0;
    if (s->form != JSON_STREAM_WATCH)
        stream_out_emit(&s->out);
}

static void leave(struct proto_stream *s)
{
    enum part part = top(s)->part;
    s->part = PART_NOTHING;
    if (part == PART_ENTRY)
        entry_done(s);
    else if (part == PART_CHOICE)
        choice_done(s);
    else if (part == PART_TIME)
        time_done(s);
    if (s->at == AT_SKIP)
        return; /* the object became bad, and its levels are gone */
    s->depth--;
    if (s->object_depth && s->depth < s->object_depth)
        object_done(s);
    if (part != PART_EVENT)
        return;
    stream_out_emit(&s->out);
    s->at = AT_FRAME;
    s->head = 0;
}

static void enter(struct proto_stream *s, enum part part, uint64_t n)
{
    if (s->depth == LEVELS_MAX) { /* no table is so deep */
        fail_whole(s, "nested too deeply");
        return;
    }
    s->levels[++s->depth] = (struct level){.part = part, .end = offset(s) + n};
}

/* Of which kind the object is that begins. */
static const struct wire_field *object_fields(struct proto_stream *s)
{
    bool status = !strcmp(s->kind, "Status");
    if (s->form == JSON_STREAM_LIST ||
        (!strcmp(s->kind, s->wanted) && s->form != JSON_STREAM_STATUS))
        return s->fields;
    return status && s->form != JSON_STREAM_ONE ? wire_status_fields : NULL;
}

static void enter_object(struct proto_stream *s, uint64_t n)
{
    char why[KIND_MAX + 40];
    const struct wire_field *fields = object_fields(s);
    enter(s, PART_MESSAGE, n);
    s->object_depth = s->depth;
    top(s)->node = stream_out_begin(&s->out, offset(s));
    top(s)->fields = fields;
    if (!fields) {
        snprintf(why, sizeof why, "of another kind: %s", s->kind);
        fail_whole(s, why);
    }
}

static int enter_list(struct proto_stream *s, uint64_t n, struct err *err)
{
    size_t len = strlen(s->wanted);
    if (strncmp(s->kind, s->wanted, len) != 0 || strcmp(s->kind + len, "List") != 0)
        return broken(s, err, "not a list of this kind");
    enter(s, PART_LIST, n);
    return 0;
}

static int enter_body(struct proto_stream *s, uint64_t n, struct err *err)
{
    if (s->has_body)
        return broken(s, err, "two objects where one should be");
    s->has_body = true;
    if (s->form == JSON_STREAM_LIST)
        return enter_list(s, n, err);
    enter_object(s, n);
    return 0;
}

/* "k8s\0" and what is behind it, in an event. */
static int enter_raw(struct proto_stream *s, uint64_t n, struct err *err)
{
    if (n < 4)
        return broken(s, err, "an object without its magic number");
    enter(s, PART_UNKNOWN, n);
    s->at = AT_MAGIC;
    s->head = 0;
    return 0;
}

/* A message that is a field of an object. */
static void enter_row(struct proto_stream *s, uint64_t n)
{
    const struct wire_field *row = s->row;
    enum part part = PART_MESSAGE;
    cJSON *node = top(s)->node;
    if (row->type == WIRE_MAP)
        part = PART_ENTRY;
    else if (row->type == WIRE_INT_OR_STRING)
        part = PART_CHOICE;
    else if (row->type == WIRE_TIME)
        part = PART_TIME;
    if (part == PART_ENTRY)
        node = put_container(s, row, cJSON_Object);
    else if (part == PART_MESSAGE)
        node = put_value(s, row, cJSON_Object);
    if (!node)
        return;
    enter(s, part, n);
    s->pair = (struct pair){0};
    top(s)->name = row->name;
    top(s)->node = node;
    top(s)->fields = row->below;
}

static int enter_part(struct proto_stream *s, uint64_t n, struct err *err)
{
    expect_field(s);
    switch (s->part) {
    case PART_ROW:
        enter_row(s, n);
        return 0;
    case PART_BODY:
        return enter_body(s, n, err);
    case PART_MESSAGE:
        enter_object(s, n);
        return 0;
    case PART_UNKNOWN:
        return enter_raw(s, n, err);
    default:
        break;
    }
    enter(s, s->part, n);
    return 0;
}

/* ---- fields ---- */

static const struct inner {
    enum part in;
    unsigned char number, wire;
    enum part part;
} inners[] = {
    {PART_ENTRY, 1, PROTO_LENGTH, PART_KEY},
    {PART_ENTRY, 2, PROTO_LENGTH, PART_VALUE},
    {PART_TIME, 1, PROTO_VARINT, PART_SECONDS},
    {PART_CHOICE, 1, PROTO_VARINT, PART_CHOICE_TYPE},
    {PART_CHOICE, 2, PROTO_VARINT, PART_CHOICE_INT},
    {PART_CHOICE, 3, PROTO_LENGTH, PART_CHOICE_TEXT},
    {PART_LIST, 1, PROTO_LENGTH, PART_LIST_META},
    {PART_LIST, 2, PROTO_LENGTH, PART_MESSAGE},
    {PART_LIST_META, 2, PROTO_LENGTH, PART_VERSION},
    {PART_LIST_META, 3, PROTO_LENGTH, PART_CONTINUE},
    {PART_EVENT, 1, PROTO_LENGTH, PART_TYPE},
    {PART_EVENT, 2, PROTO_LENGTH, PART_RAW},
    {PART_RAW, 1, PROTO_LENGTH, PART_UNKNOWN},
    {PART_UNKNOWN, 1, PROTO_LENGTH, PART_TYPE_META},
    {PART_UNKNOWN, 2, PROTO_LENGTH, PART_BODY},
    {PART_UNKNOWN, 3, PROTO_LENGTH, PART_ENCODING},
    {PART_TYPE_META, 2, PROTO_LENGTH, PART_KIND},
};

static enum wire wire_of(const struct wire_field *row)
{
    return row->type == WIRE_INT || row->type == WIRE_BOOL ? PROTO_VARINT : PROTO_LENGTH;
}

static bool is_repeated(const struct wire_field *row)
{
    return row->type == WIRE_STRINGS || row->type == WIRE_MESSAGES || row->type == WIRE_MAP;
}

/* The row of a field of an object; its wire type, that of the field unless there is none. */
static enum wire find_row(struct proto_stream *s, uint64_t number, enum wire wire)
{
    struct level *l = top(s);
    const struct wire_field *row = l->fields;
    while (row->name && row->number != number)
        row++;
    if (!row->name)
        return wire;
    s->part = PART_ROW;
    s->row = row;
    uint64_t bit = UINT64_C(1) << ((unsigned)(row - l->fields) & 63);
    if (l->seen & bit && !is_repeated(row))
        fail_value(s, TREE_TWICE);
    l->seen |= bit;
    return wire_of(row);
}

/* What the field at hand is, by its message and number. */
static enum wire find_part(struct proto_stream *s, uint64_t number, enum wire wire)
{
    enum part in = top(s)->part;
    if (in == PART_MESSAGE)
        return find_row(s, number, wire);
    for (size_t i = 0; i < ARRAY_LEN(inners); i++)
        if (inners[i].in == in && inners[i].number == number) {
            s->part = inners[i].part;
            return (enum wire)inners[i].wire;
        }
    return wire;
}

enum got { GOT_WHOLE, GOT_PART, GOT_BAD };

/* The next varint, within the message: 's->value' once it is whole. */
static enum got varint(struct proto_stream *s)
{
    uint64_t room = top(s)->end - offset(s);
    const char *end = room < (uint64_t)(s->end - s->p) ? s->p + room : s->end;
    if (s->shift == 0)
        s->value = 0;
    while (s->p < end) {
        unsigned char c = (unsigned char)*s->p++;
        if (s->shift == 63 && c > 1)
            return GOT_BAD;
        s->value |= (uint64_t)(c & 0x7f) << s->shift;
        s->shift += 7;
        if (c < 0x80) {
            s->shift = 0;
            return GOT_WHOLE;
        }
    }
    return offset(s) == top(s)->end ? GOT_BAD : GOT_PART;
}

/* Skips so many bytes, within the message. */
static int skip(struct proto_stream *s, uint64_t n, struct err *err)
{
    if (n > top(s)->end - offset(s))
        return bad(s, err, "a field reaches beyond its message");
    s->at = AT_SKIP;
    s->skip_to = offset(s) + n;
    return 0;
}

static int tag_token(struct proto_stream *s, struct err *err)
{
    enum got got = varint(s);
    if (got == GOT_PART)
        return 0;
    uint64_t number = s->value >> 3;
    s->part = PART_NOTHING;
    if (got == GOT_BAD || number == 0 || number > 0x1fffffff)
        return bad(s, err, "not a field");
    enum wire wire = (enum wire)(s->value & 7);
    enum wire wanted = find_part(s, number, wire);
    if (s->at == AT_SKIP)
        return 0; /* the object became bad */
    if (wanted != wire)
        return bad(s, err, "not of its type");
    switch (wire) {
    case PROTO_VARINT:
        s->at = AT_VARINT;
        return 0;
    case PROTO_LENGTH:
        s->at = AT_LENGTH;
        return 0;
    case PROTO_FIXED64:
        return skip(s, 8, err);
    case PROTO_FIXED32:
        return skip(s, 4, err);
    }
    return bad(s, err, "not a field");
}

static void number_done(struct proto_stream *s, uint64_t v)
{
    cJSON *node;
    if (s->part == PART_CHOICE_TYPE) {
        s->pair.type = v;
    } else if (s->part == PART_CHOICE_INT || s->part == PART_SECONDS) {
        s->pair.number = v;
        s->pair.timed = true;
    } else if (s->part == PART_ROW && s->row->type == WIRE_BOOL) {
        put_value(s, s->row, v ? cJSON_True : cJSON_False);
    } else if (s->part == PART_ROW && (node = put_value(s, s->row, cJSON_Number))) {
        cJSON_SetNumberHelper(node, int_of(v));
    }
}

static int varint_token(struct proto_stream *s, struct err *err)
{
    enum got got = varint(s);
    if (got == GOT_PART)
        return 0;
    if (got == GOT_BAD)
        return bad(s, err, "not a number");
    uint64_t v = s->value;
    expect_field(s);
    number_done(s, v);
    return 0;
}

/* ---- texts ---- */

static int outer_text(struct proto_stream *s, const char *raw, size_t n, struct err *err)
{
    const struct {
        enum part part;
        char *out;
        size_t size;
    } texts[] = {{PART_KIND, s->kind, sizeof s->kind},
                 {PART_TYPE, s->out.type, sizeof s->out.type},
                 {PART_VERSION, s->out.version, sizeof s->out.version}};
    if (s->part == PART_ENCODING)
        return n ? broken(s, err, "an object that is encoded once more") : 0;
    if (memchr(raw, '\0', n) || mend_text(raw, n, NULL) != n)
        return broken(s, err, "a string is not UTF-8");
    if (s->part == PART_CONTINUE) {
        sbuf_clear(&s->out.next);
        sbuf_put(&s->out.next, raw, n);
    }
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (texts[i].part == s->part) {
            if (n >= texts[i].size && s->part == PART_VERSION)
                return broken(s, err, "a resourceVersion is too long");
            n = n < texts[i].size ? n : texts[i].size - 1;
            memcpy(texts[i].out, raw, n);
            texts[i].out[n] = '\0';
        }
    return 0;
}

static int text_done(struct proto_stream *s, const char *raw, size_t n, struct err *err)
{
    expect_field(s);
    if (!s->object_depth)
        return outer_text(s, raw, n, err);
    if (s->part == PART_KEY) {
        key_done(s, raw, n);
    } else if (s->part == PART_ROW) {
        char *text = put_text(s, raw, n);
        cJSON *node = text ? put_value(s, s->row, cJSON_String) : NULL;
        if (node)
            node->valuestring = text;
    } else {
        s->pair.value = put_text(s, raw, n);
    }
    return 0;
}

static int text_token(struct proto_stream *s, struct err *err)
{
    uint64_t left = s->text_len - s->token.len;
    size_t n = (size_t)(s->end - s->p);
    const char *raw = s->p;
    int rc;
    if (left <= n && s->token.len == 0) {
        s->p += left;
        return text_done(s, raw, (size_t)left, err);
    }
    n = left < n ? (size_t)left : n;
    sbuf_put(&s->token, raw, n);
    s->p += n;
    if (n < left)
        return 0;
    rc = text_done(s, s->token.data, s->token.len, err);
    token_clear(s);
    return rc;
}

/* A text of n bytes begins. */
static int begin_text(struct proto_stream *s, uint64_t n, struct err *err)
{
    if (!s->object_depth && n > OUTER_TEXT_MAX)
        return broken(s, err, "a string is too long");
    if (s->object_depth && !stream_out_fits(&s->out, offset(s) + n)) {
        skip_object(s);
        return 0;
    }
    s->at = AT_TEXT;
    s->text_len = n;
    return text_token(s, err);
}

static bool is_text(const struct proto_stream *s)
{
    if (s->part == PART_ROW)
        return s->row->type == WIRE_STRING || s->row->type == WIRE_STRINGS;
    return s->part >= PART_ENCODING;
}

static int length_token(struct proto_stream *s, struct err *err)
{
    enum got got = varint(s);
    if (got == GOT_PART)
        return 0;
    if (got == GOT_BAD || s->value > top(s)->end - offset(s))
        return bad(s, err, "a field reaches beyond its message");
    if (s->part == PART_NOTHING || (s->part == PART_VALUE && s->pair.dropped))
        return skip(s, s->value, err);
    if (is_text(s))
        return begin_text(s, s->value, err);
    return enter_part(s, s->value, err);
}

/* ---- the outer form ---- */

static int magic_token(struct proto_stream *s, struct err *err)
{
    if (*s->p != "k8s"[s->head])
        return broken(s, err, "not Kubernetes' Protobuf");
    s->p++;
    if (++s->head < 4)
        return 0;
    s->head = 0;
    s->has_body = false;
    s->kind[0] = '\0';
    expect_field(s);
    if (s->depth == 0)
        s->levels[++s->depth] = (struct level){.part = PART_UNKNOWN, .end = UINT64_MAX};
    return 0;
}

static int frame_token(struct proto_stream *s, struct err *err)
{
    s->value = s->value << 8 | (unsigned char)*s->p++;
    if (++s->head < 4)
        return 0;
    uint64_t n = s->value & UINT32_MAX;
    if (n > EVENT_MAX)
        return broken(s, err, "an event that is too long");
    s->head = 0;
    expect_field(s);
    enter(s, PART_EVENT, n);
    return 0;
}

static int step(struct proto_stream *s, struct err *err)
{
    uint64_t n;
    switch (s->at) {
    case AT_FRAME:
        return frame_token(s, err);
    case AT_MAGIC:
        return magic_token(s, err);
    case AT_FIELD:
        return tag_token(s, err);
    case AT_VARINT:
        return varint_token(s, err);
    case AT_LENGTH:
        return length_token(s, err);
    case AT_TEXT:
        return text_token(s, err);
    case AT_SKIP:
        n = s->skip_to - offset(s);
        s->p = n < (uint64_t)(s->end - s->p) ? s->p + n : s->end;
        return 0;
    }
    return 0;
}

/* Ends what ends here. */
static void settle(struct proto_stream *s)
{
    for (;;) {
        if (s->at == AT_SKIP && s->skip_to == offset(s))
            expect_field(s);
        if (s->at != AT_FIELD || s->shift || !s->depth || top(s)->end != offset(s))
            return;
        leave(s);
    }
}

int proto_stream_put(struct proto_stream *s, const void *data, size_t n, struct err *err)
{
    int rc = 0;
    if (s->broken)
        return err_set(err, ERR_PROTOCOL, "the body was broken before");
    s->p = s->start = data;
    s->end = s->start + n;
    while (!rc && s->p < s->end) {
        rc = step(s, err);
        if (!rc)
            settle(s);
    }
    s->before += (uint64_t)(s->p - s->start);
    s->p = s->start = s->end = NULL;
    return rc;
}

int proto_stream_end(struct proto_stream *s, struct err *err)
{
    bool watch = s->form == JSON_STREAM_WATCH;
    bool between = s->at == AT_FIELD && s->shift == 0 && s->depth == 1 && s->has_body;
    if (s->broken)
        return err_set(err, ERR_PROTOCOL, "the body was broken before");
    if (watch ? s->at != AT_FRAME || s->head : !between)
        return err_set(err, ERR_TRUNCATED, "the body ends after %llu bytes, before its end",
                       (unsigned long long)s->before);
    if (s->form == JSON_STREAM_LIST && !s->out.version[0])
        return err_set(err, ERR_PROTOCOL, "a list without resourceVersion");
    return 0;
}
