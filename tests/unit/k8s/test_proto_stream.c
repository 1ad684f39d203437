/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/k8s/k8s_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/mem.h"
#include "core/base/sbuf.h"
#include "core/k8s/answer_stream.h"
#include "core/k8s/decode.h"
#include "core/k8s/proto_stream.h"
#include "tests/unit/k8s/objgen.h"
#include "tests/unit/k8s/proto_build.h"
#include "tests/unit/k8s/stream_lab.h"

static const struct wire_field below[] = {WIRE_FIELD(STRING, 1, "a"), WIRE_FIELD(INT, 2, "b"),
                                          WIRE_FIELD(STRINGS, 3, "list"), WIRE_FIELDS_END};
static const struct wire_field keys[] = {WIRE_KEY("read"), WIRE_FIELDS_END};
static const struct wire_field fields[] = {WIRE_FIELD(STRING, 1, "name"),
                                           WIRE_FIELD_OF(MESSAGES, 2, "some", below),
                                           WIRE_FIELD_OF(MESSAGE, 300, "one", below),
                                           WIRE_FIELD(MAP, 4, "labels"),
                                           WIRE_FIELD_OF(MAP, 5, "notes", keys),
                                           WIRE_FIELD(INT_OR_STRING, 6, "port"),
                                           WIRE_FIELD(TIME, 7, "made"),
                                           WIRE_FIELD(BOOL, 8, "on"),
                                           WIRE_FIELD(INT, 9, "n"),
                                           WIRE_FIELDS_END};

static struct stream_sample sample(enum json_stream_form form, const struct sbuf *body,
                                   const char *wanted)
{
    return (struct stream_sample){"Thing", fields, form, body->data, body->len, wanted};
}

static void expect(enum json_stream_form form, const struct sbuf *body, int rc, const char *wanted)
{
    struct stream_sample s = sample(form, body, wanted);
    stream_lab_expect(&s, rc);
}

/* ---- samples ---- */

static void put_tree(struct sbuf *out, const struct wire_field *rows, const char *json)
{
    cJSON *tree = cJSON_Parse(json);
    assert_true(tree && proto_put_tree(out, rows, tree));
    cJSON_Delete(tree);
}

/* Fields of each form that no table has. */
static void put_unknown(struct sbuf *out)
{
    static const unsigned char fixed[] = {0xa1, 6, 1, 2, 3, 4, 5, 6, 7, 8, 0xa5, 6, 1, 2, 3, 4};
    proto_put_text(out, 99, "\x0a\x01x skipped");
    proto_put_number(out, 98, UINT64_MAX);
    sbuf_put(out, fixed, sizeof fixed);
    proto_put_text(out, 536870911, "");
}

static void put_object(struct sbuf *out, const char *json)
{
    put_unknown(out);
    put_tree(out, fields, json);
    put_unknown(out);
}

static void put_item(struct sbuf *out, const char *json)
{
    auto_sbuf object = SBUF_INIT;
    put_object(&object, json);
    proto_put_message(out, 2, &object);
}

#define FIRST                                                                                      \
    "{\"name\":\"x\",\"some\":[{\"a\":\"1\",\"b\":-25},{\"list\":[\"q\",\"\"]}],\"one\":{\"a\":"   \
    "\"\xc3\xa9\",\"b\":2147483647},\"labels\":{\"k\":\"v\",\"\":\"\"},\"notes\":{\"read\":\"w\"}" \
    ","                                                                                            \
    "\"port\":80,\"made\":\"2026-11-28T06:40:59Z\",\"on\":true,\"n\":-1}"
#define SECOND "{\"some\":[{}],\"port\":\"http\",\"on\":false,\"n\":0}"

static void list_body(struct sbuf *out)
{
    auto_sbuf list = SBUF_INIT;
    proto_put_list_meta(&list, "17", "ab\\");
    put_unknown(&list);
    put_item(&list, FIRST);
    put_item(&list, SECOND);
    put_item(&list, "{}");
    proto_put_body(out, "ThingList", &list);
}
static const char list_result[] = " " FIRST "\n " SECOND "\n {}\n";

static void put_event(struct sbuf *out, const char *type, const char *json)
{
    auto_sbuf object = SBUF_INIT;
    put_object(&object, json);
    proto_put_event(out, type, "Thing", &object);
}

#define STATUS                                                                                     \
    "{\"metadata\":{\"resourceVersion\":\"\"},\"status\":\"Failure\",\"reason\":\"Expired\","      \
    "\"message\":\"too old\",\"code\":410,\"details\":{\"retryAfterSeconds\":7,\"causes\":[{"      \
    "\"reason\":\"ResourceVersionTooLarge\"}]}}"

static void put_status(struct sbuf *out)
{
    auto_sbuf status = SBUF_INIT;
    put_tree(&status, wire_status_fields, STATUS);
    put_unknown(&status);
    proto_put_event(out, "ERROR", "Status", &status);
}

static void watch_body(struct sbuf *out)
{
    put_event(out, "ADDED", FIRST);
    put_event(out, "DELETED", SECOND);
    put_status(out);
    put_event(out, "BOOKMARK", "{}");
}
static const char watch_result[] =
    "ADDED " FIRST "\nDELETED " SECOND "\nERROR " STATUS "\nBOOKMARK {}\n";

/* ---- what is well formed ---- */

static void a_list_gives_its_items_with_the_fields_that_are_read(void **state)
{
    (void)state;
    auto_sbuf body = SBUF_INIT;
    list_body(&body);
    struct stream_sample s = sample(JSON_STREAM_LIST, &body, list_result);
    stream_lab_expect_list(&s, "17", "ab\\");
}

static void a_list_may_tell_its_metadata_last(void **state)
{
    (void)state;
    auto_sbuf list = SBUF_INIT, body = SBUF_INIT;
    put_item(&list, "{\"name\":\"a\"}");
    proto_put_list_meta(&list, "5", "t");
    proto_put_body(&body, "ThingList", &list);
    struct stream_sample s = sample(JSON_STREAM_LIST, &body, " {\"name\":\"a\"}\n");
    stream_lab_expect_list(&s, "5", "t");
}

static void a_watch_gives_its_events(void **state)
{
    (void)state;
    auto_sbuf body = SBUF_INIT, empty = SBUF_INIT;
    expect(JSON_STREAM_WATCH, &body, 0, "");
    watch_body(&body);
    expect(JSON_STREAM_WATCH, &body, 0, watch_result);
    sbuf_put_be32(&empty, 0);
    expect(JSON_STREAM_WATCH, &empty, 0, "!   an event without an object\n");
}

/* An event is told when its last byte is there, not when the next one begins. */
static void an_event_is_told_with_its_last_byte(void **state)
{
    (void)state;
    auto_sbuf body = SBUF_INIT;
    struct stream_lab l;
    put_event(&body, "ADDED", FIRST);
    struct stream_sample s = sample(JSON_STREAM_WATCH, &body, "");
    stream_lab_open(&l, &s);
    assert_int_equal(stream_lab_put(&l, body.data, body.len - 1), 0);
    assert_string_equal(sbuf_cstr(&l.text), "");
    assert_int_equal(stream_lab_put(&l, body.data + body.len - 1, 1), 0);
    assert_string_equal(sbuf_cstr(&l.text), "ADDED " FIRST "\n");
    stream_lab_close(&l);
}

static void one_object_and_a_status_are_read(void **state)
{
    (void)state;
    auto_sbuf thing = SBUF_INIT, status = SBUF_INIT, body = SBUF_INIT, refusal = SBUF_INIT;
    put_object(&thing, FIRST);
    proto_put_body(&body, "Thing", &thing);
    expect(JSON_STREAM_ONE, &body, 0, " " FIRST "\n");
    expect(JSON_STREAM_STATUS, &body, 0, "!  {} of another kind: Thing\n");
    put_tree(&status, wire_status_fields, STATUS);
    proto_put_body(&refusal, "Status", &status);
    expect(JSON_STREAM_STATUS, &refusal, 0, " " STATUS "\n");
    expect(JSON_STREAM_ONE, &refusal, 0, "!  {} of another kind: Status\n");
}

static void order_does_not_matter(void **state)
{
    (void)state;
    static const char parts[] = "\x12\x03\x0a\x01"
                                "1"                          /* some[0] */
                                "\x22\x06\x12\x01v\x0a\x01k" /* labels: the value first */
                                "\x2a\x0a\x12\x01w\x0a\x05other"
                                "\x0a\x01x"
                                "\x2a\x09\x12\x01w\x0a\x04read"
                                "\x12\x02\x10\x07"  /* some[1] */
                                "\x22\x00"          /* an entry of nothing */
                                "\x32\x00\x3a\x00"; /* a port and a time of nothing */
    auto_sbuf thing = SBUF_INIT, body = SBUF_INIT;
    sbuf_put(&thing, parts, sizeof parts - 1);
    proto_put_body(&body, "Thing", &thing);
    expect(JSON_STREAM_ONE, &body, 0,
           " {\"some\":[{\"a\":\"1\"},{\"b\":7}],\"labels\":{\"k\":\"v\",\"\":\"\"},\"notes\":{"
           "\"read\":\"w\"},\"name\":\"x\",\"port\":0}\n");
}

/* ---- pieces, ends, damage ---- */

static void pieces_do_not_matter(void **state)
{
    (void)state;
    auto_sbuf list = SBUF_INIT, watch = SBUF_INIT;
    list_body(&list);
    watch_body(&watch);
    struct stream_sample a = sample(JSON_STREAM_LIST, &list, list_result);
    struct stream_sample b = sample(JSON_STREAM_WATCH, &watch, watch_result);
    stream_lab_expect_any_pieces(&a);
    stream_lab_expect_any_pieces(&b);
}

static void each_truncation_is_noticed(void **state)
{
    (void)state;
    auto_sbuf list = SBUF_INIT, watch = SBUF_INIT;
    list_body(&list);
    watch_body(&watch);
    struct stream_sample a = sample(JSON_STREAM_LIST, &list, list_result);
    struct stream_sample b = sample(JSON_STREAM_WATCH, &watch, watch_result);
    stream_lab_expect_truncations(&a, 2); /* in Unknown's tail */
    stream_lab_expect_truncations(&b, 4); /* at the start and behind events */
}

/* What came of the sample in one piece: is it an object that is bad, is it the end? */
static void read_both_ways(const struct stream_sample *s, size_t piece, size_t *told, size_t *ended)
{
    struct stream_lab whole, cut;
    stream_lab_read(&whole, s);
    stream_lab_open(&cut, s);
    stream_lab_give(&cut, s->data, s->len, (struct stream_cut){0, piece});
    assert_int_equal(whole.rc, cut.rc);
    assert_string_equal(sbuf_cstr(&whole.text), sbuf_cstr(&cut.text));
    *told += strchr(sbuf_cstr(&whole.text), '!') != NULL;
    *ended += whole.rc != 0;
    stream_lab_close(&whole);
    stream_lab_close(&cut);
}

/* Any byte may be any other: what comes out is the same in one piece and in many, and an object
 * that no damage was done to is there as long as the form holds. */
static void garbled_bytes_do_no_harm(void **state)
{
    (void)state;
    static const unsigned char masks[] = {0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff};
    size_t told = 0, ended = 0;
    for (int watch = 0; watch < 2; watch++) {
        auto_sbuf body = SBUF_INIT;
        (watch ? watch_body : list_body)(&body);
        struct stream_sample s = sample(watch ? JSON_STREAM_WATCH : JSON_STREAM_LIST, &body, "");
        for (size_t at = 0; at < body.len; at++)
            for (size_t k = 0; k < ARRAY_LEN(masks); k++) {
                body.data[at] = (char)(body.data[at] ^ masks[k]);
                read_both_ways(&s, 1 + at % 5, &told, &ended);
                body.data[at] = (char)(body.data[at] ^ masks[k]);
            }
    }
    assert_true(told > 1000 && ended > 1000);
}

static void expect_broken(enum json_stream_form form, const void *p, size_t n, const char *why)
{
    struct stream_sample s = {"Thing", fields, form, p, n, ""};
    struct stream_lab l;
    stream_lab_read(&l, &s);
    if (l.rc != ERR_PROTOCOL || !strstr(l.err.text, why))
        fail_msg("%d %s, wanted: %s", l.rc, l.rc ? l.err.text : "", why);
    stream_lab_close(&l);
}
#define EXPECT_BROKEN(form, bytes, why) expect_broken(form, bytes, sizeof(bytes) - 1, why)
#define LIST_HEAD "k8s\0\x0a\x0b\x12\x09ThingList"
#define EVENT_HEAD "\0\0\0\x20\x0a\x01X"

static void what_is_no_list_or_event_ends_the_stream(void **state)
{
    (void)state;
    EXPECT_BROKEN(JSON_STREAM_LIST, "{\"kind\":\"List\"}", "byte 0: not Kubernetes' Protobuf");
    EXPECT_BROKEN(JSON_STREAM_LIST, "k8s\1", "byte 3: not Kubernetes' Protobuf");
    EXPECT_BROKEN(JSON_STREAM_LIST, "k8s\0\x12\x00", "not a list of this kind");
    EXPECT_BROKEN(JSON_STREAM_LIST, "k8s\0\x0a\x07\x12\x05Thing\x12\x00", "not a list of this");
    EXPECT_BROKEN(JSON_STREAM_LIST, "k8s\0\x0a\x02\x12\x05Thing", "reaches beyond");
    EXPECT_BROKEN(JSON_STREAM_LIST, "k8s\0\x10\x07", "byte 5: not of its type");
    EXPECT_BROKEN(JSON_STREAM_LIST, "k8s\0\x07", "not a field");
    EXPECT_BROKEN(JSON_STREAM_LIST, "k8s\0\x0b", "not of its type");
    EXPECT_BROKEN(JSON_STREAM_LIST, "k8s\0\x7b", "not a field");
    EXPECT_BROKEN(JSON_STREAM_LIST, "k8s\0\x00", "not a field");
    EXPECT_BROKEN(JSON_STREAM_LIST, "k8s\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", "not a field");
    EXPECT_BROKEN(JSON_STREAM_LIST, "k8s\0\xf8\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
                  "not a number");
    EXPECT_BROKEN(JSON_STREAM_LIST, "k8s\0\x1a\x04gzip", "encoded once more");
    EXPECT_BROKEN(JSON_STREAM_LIST, LIST_HEAD "\x12\x04\x0a\x02\x12\x01", "reaches beyond");
    EXPECT_BROKEN(JSON_STREAM_LIST, LIST_HEAD "\x12\x03\x12\x02\x0a", "reaches beyond");
    EXPECT_BROKEN(JSON_STREAM_LIST, LIST_HEAD "\x12\x02\xd9\x06", "reaches beyond");
    EXPECT_BROKEN(JSON_STREAM_LIST, LIST_HEAD "\x12\x01\x92", "not a field");
    EXPECT_BROKEN(JSON_STREAM_LIST, LIST_HEAD "\x12\x05\x0a\x03\x12\x01\xff", "not UTF-8");
    EXPECT_BROKEN(JSON_STREAM_LIST, LIST_HEAD "\x12\x00\x12\x00", "two objects");
    EXPECT_BROKEN(JSON_STREAM_LIST, LIST_HEAD "\x12\x00", "without resourceVersion");
    EXPECT_BROKEN(JSON_STREAM_LIST, LIST_HEAD "\x12\xff\xff\x7f\x0a\xf0\xff\x7f\x1a\x81\x80\x04",
                  "too long");
    EXPECT_BROKEN(JSON_STREAM_WATCH, "\x04\0\0\1", "byte 4: an event that is too long");
    EXPECT_BROKEN(JSON_STREAM_WATCH, "\0\0\0\2\x08\x01", "not of its type");
    EXPECT_BROKEN(JSON_STREAM_WATCH, EVENT_HEAD "\x12\x06\x0a\x03k8s", "without its magic");
    EXPECT_BROKEN(JSON_STREAM_WATCH, EVENT_HEAD "\x12\x06\x0a\x04k9s\0", "not Kubernetes'");
    EXPECT_BROKEN(JSON_STREAM_WATCH, EVENT_HEAD "\x12\x20\x0a", "reaches beyond");
    EXPECT_BROKEN(JSON_STREAM_WATCH, EVENT_HEAD "\x12\x0a\x0a\x08k8s\0\x12\x00\x12\x00",
                  "two objects");
}

static void a_broken_stream_stays_broken_until_reset(void **state)
{
    (void)state;
    auto_sbuf body = SBUF_INIT;
    watch_body(&body);
    struct stream_sample s = sample(JSON_STREAM_WATCH, &body, watch_result);
    stream_lab_expect_broken(&s, "\0\0\0\2\x08\x01", 6, "byte 5: not of its type");
}

/* ---- bad objects ---- */

static void expect_bad_of(const char *kind, const void *p, size_t n, const char *wanted)
{
    auto_sbuf object = SBUF_INIT, body = SBUF_INIT, result = SBUF_INIT;
    sbuf_put(&object, p, n);
    put_unknown(&object);
    proto_put_event(&body, "A", kind, &object);
    put_event(&body, "B", "{\"name\":\"y\"}");
    sbuf_printf(&result, "! A %s\nB {\"name\":\"y\"}\n", wanted);
    expect(JSON_STREAM_WATCH, &body, 0, sbuf_cstr(&result));
}
#define EXPECT_BAD(bytes, wanted) expect_bad_of("Thing", bytes, sizeof(bytes) - 1, wanted)

static void a_bad_value_costs_its_object_alone(void **state)
{
    (void)state;
    EXPECT_BAD("\x0a\x01x\x0a\x01y", "{\"name\":\"x\"} name: occurs twice in this map");
    EXPECT_BAD("\x22\x03\x0a\x01k\x22\x03\x0a\x01k",
               "{\"labels\":{\"k\":\"\"}} labels.k: occurs twice in this map");
    EXPECT_BAD("\x2a\x06\x0a\x04read\x2a\x06\x0a\x04read",
               "{\"notes\":{\"read\":\"\"}} notes.read: occurs twice in this map");
    EXPECT_BAD("\x0a\x02x\0", "{} name: a string must not hold NUL");
    EXPECT_BAD("\x22\x06\x0a\x01k\x12\x01\0",
               "{\"labels\":{}} labels.k: a string must not hold NUL");
    EXPECT_BAD("\x08\x01", "{} name: not of its type");
    EXPECT_BAD("\x0a\x01x\x42\x01\x01", "{\"name\":\"x\"} on: not of its type");
    EXPECT_BAD("\x12\x02\x08\x01", "{\"some\":[{}]} some.a: not of its type");
    EXPECT_BAD("\x12\x03\x0a\x02q", "{\"some\":[{}]} some.a: a field reaches beyond its message");
    EXPECT_BAD("\x12\x02\xa5\x06", "{\"some\":[{}]} some: a field reaches beyond its message");
    EXPECT_BAD("\x12\x01\x8a", "{\"some\":[{}]} some: not a field");
    EXPECT_BAD("\x12\x01\x13", "{\"some\":[{}]} some.b: not of its type");
    EXPECT_BAD("\x12\x01\x3b", "{\"some\":[{}]} some: not a field");
    EXPECT_BAD("\x12\x02\x10\xff", "{\"some\":[{}]} some.b: not a number");
    EXPECT_BAD("\x32\x02\x12\x00", "{} port: not of its type");
    EXPECT_BAD("\x3a\x0a\x08\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "{} made: not a time");
    expect_bad_of("Other", "", 0, "{} of another kind: Other");
}

static void an_object_over_the_limit_is_named_and_skipped(void **state)
{
    (void)state;
    enum { FILL = JSON_STREAM_OBJECT_MAX };
    auto_free char *fill = mem_alloc(FILL);
    memset(fill, 'x', FILL);
    for (unsigned number = 1; number <= 99; number += 49) { /* "name" twice, unknown, unknown */
        auto_sbuf item = SBUF_INIT, list = SBUF_INIT, body = SBUF_INIT, one = SBUF_INIT;
        proto_put_bytes(number == 1 ? &one : &item, number, fill, FILL);
        proto_put_message(&item, 300, &one);
        proto_put_text(&item, 1, "big");
        proto_put_list_meta(&list, "9", "");
        proto_put_message(&list, 2, &item);
        put_item(&list, "{\"name\":\"next\"}");
        proto_put_body(&body, "ThingList", &list);
        struct stream_sample s =
            sample(JSON_STREAM_LIST, &body,
                   number == 1 ? "!  {\"one\":{}} larger than 4 MiB\n {\"name\":\"next\"}\n"
                               : "!  {} larger than 4 MiB\n {\"name\":\"next\"}\n");
        stream_lab_expect_large(&s);
    }
}

/* An object of so many values: a list, and empty maps in it. */
static void read_values(struct stream_lab *l, size_t n)
{
    auto_sbuf item = SBUF_INIT, body = SBUF_INIT;
    for (size_t i = 1; i < n; i++)
        proto_put_bytes(&item, 2, "", 0);
    proto_put_body(&body, "Thing", &item);
    struct stream_sample s = sample(JSON_STREAM_ONE, &body, "");
    stream_lab_read(l, &s);
    assert_int_equal(l->rc, 0);
}

static void the_number_of_values_is_bounded(void **state)
{
    (void)state;
    struct stream_lab l;
    read_values(&l, JSON_STREAM_NODES_MAX);
    assert_null(strchr(sbuf_cstr(&l.text), '!'));
    stream_lab_close(&l);
    read_values(&l, JSON_STREAM_NODES_MAX + 1);
    assert_non_null(strstr(sbuf_cstr(&l.text), " too many values\n"));
    stream_lab_close(&l);
}

/* ---- values ---- */

static void expect_object(const void *p, size_t n, const char *wanted)
{
    auto_sbuf object = SBUF_INIT, body = SBUF_INIT, result = SBUF_INIT;
    sbuf_put(&object, p, n);
    proto_put_body(&body, "Thing", &object);
    sbuf_printf(&result, " %s\n", wanted);
    expect(JSON_STREAM_ONE, &body, 0, sbuf_cstr(&result));
}
#define EXPECT_OBJECT(bytes, wanted) expect_object(bytes, sizeof(bytes) - 1, wanted)

static void texts_that_are_not_utf8_are_mended(void **state)
{
    (void)state;
    EXPECT_OBJECT("\x0a\x03"
                  "a\xff"
                  "b",
                  "{\"name\":\"a\xef\xbf\xbd"
                  "b\"}");
    EXPECT_OBJECT("\x0a\x02\xe2\x82", "{\"name\":\"\xef\xbf\xbd\xef\xbf\xbd\"}");
    EXPECT_OBJECT("\x0a\x03\xe2\x82\xac", "{\"name\":\"\xe2\x82\xac\"}");
}

static void expect_time(int64_t seconds, const char *wanted)
{
    auto_sbuf time = SBUF_INIT, object = SBUF_INIT, text = SBUF_INIT;
    proto_put_number(&time, 1, (uint64_t)seconds);
    proto_put_message(&object, 7, &time);
    sbuf_printf(&text, "{\"made\":\"%s\"}", wanted);
    expect_object(object.data, object.len, sbuf_cstr(&text));
}

static void times_are_told_as_text(void **state)
{
    (void)state;
    expect_time(0, "1970-01-01T00:00:00Z");
    expect_time(-1, "1969-12-31T23:59:59Z");
    expect_time(951782400, "2000-02-29T00:00:00Z");
    expect_time(1709251199, "2024-02-29T23:59:59Z");
    expect_time(4107542400, "2100-03-01T00:00:00Z");
    expect_time(253402300799, "9999-12-31T23:59:59Z");
    expect_time(-62135596800, "0001-01-01T00:00:00Z");
}

/* ---- both encodings ---- */

struct outcome {
    enum k8s_kind kind;
    struct object_meta *object;
    struct err err;
};

static void on_outcome(void *aux, const char *type, const cJSON *json)
{
    struct outcome *o = aux;
    (void)type;
    (void)object_decode(json, o->kind, &o->object, &o->err);
}

static void on_bad_outcome(void *aux, const char *type, const cJSON *json, const char *why)
{
    struct outcome *o = aux;
    (void)type;
    (void)json;
    err_set(&o->err, ERR_INVALID, "%s", why);
}

static void read_outcome(struct outcome *o, const struct sbuf *raw)
{
    const struct k8s_class *class = k8s_class_of(o->kind);
    auto_sbuf body = SBUF_INIT;
    struct err err;
    struct proto_stream *s =
        proto_stream_new(JSON_STREAM_ONE, class->kind, class->fields,
                         &(struct json_stream_sink){o, on_outcome, on_bad_outcome});
    proto_put_body(&body, class->kind, raw);
    assert_int_equal(proto_stream_put(s, body.data, body.len, &err), 0);
    assert_int_equal(proto_stream_end(s, &err), 0);
    proto_stream_free(s);
}

/* Any object that Protobuf can say comes to the same by both ways, or is refused by both. */
static void both_encodings_come_to_the_same(void **state)
{
    (void)state;
    auto_sbuf text = SBUF_INIT;
    size_t good = 0, refused = 0;
    for (int i = 0; i < 4000; i++) {
        struct objgen gen = {.random = (uint64_t)i, .out = &text, .bad = i % 2 ? 10 : 0};
        struct outcome json = {.kind = (enum k8s_kind)(i % K8S_N_KINDS)}, proto = json;
        auto_sbuf raw = SBUF_INIT;
        sbuf_clear(&text);
        objgen_put(&gen, json.kind);
        cJSON *tree = cJSON_Parse(sbuf_cstr(&text));
        on_outcome(&json, "", tree);
        if (proto_put_tree(&raw, k8s_class_of(json.kind)->fields, tree)) {
            read_outcome(&proto, &raw);
            if (!json.object != !proto.object || strcmp(json.err.text, proto.err.text) != 0)
                fail_msg("%s | %s:\n%s", json.err.text, proto.err.text, sbuf_cstr(&text));
            assert_true(!json.object || object_equal(json.object, proto.object));
            good += json.object != NULL;
            refused += json.object == NULL;
        }
        cJSON_Delete(tree);
        object_free(json.object);
        object_free(proto.object);
    }
    assert_true(good > 1500 && refused > 200);
    assert_nothing_interned();
}

static void the_content_type_tells_the_encoding(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        bool proto;
    } types[] = {
        {"application/vnd.kubernetes.protobuf", true},
        {"application/vnd.kubernetes.protobuf;stream=watch", true},
        {"Application/Vnd.Kubernetes.ProtoBuf ; charset=x", true},
        {"application/vnd.kubernetes.protobuf2", false},
        {"application/vnd.kubernetes.proto", false},
        {"application/json", false},
        {"text/html; application/vnd.kubernetes.protobuf", false},
        {"", false},
        {NULL, false},
    };
    struct outcome o = {.kind = K8S_NODE};
    struct answer_stream *s =
        answer_stream_new(K8S_NODE, &(struct json_stream_sink){&o, on_outcome, on_bad_outcome});
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        const char *text = types[i].proto ? "k8s" : "{\"ite";
        answer_stream_begin(s, JSON_STREAM_LIST, types[i].type);
        assert_int_equal(answer_stream_is_protobuf(s), types[i].proto);
        assert_int_equal(answer_stream_put(s, text, strlen(text), NULL), 0);
        assert_int_equal(answer_stream_end(s, NULL), ERR_TRUNCATED);
        assert_string_equal(answer_stream_version(s), "");
        assert_string_equal(answer_stream_continue(s), "");
    }
    answer_stream_free(s);
}

static void check_rows(const struct wire_field *rows, bool of_map)
{
    for (const struct wire_field *r = rows; r->name; r++) {
        bool message = r->type == WIRE_MESSAGE || r->type == WIRE_MESSAGES;
        assert_int_equal(r->len, strlen(r->name));
        assert_int_equal(of_map, r->type == WIRE_KEY_OF_MAP);
        assert_int_equal(of_map, r->number == 0);
        assert_true(message == (r->below != NULL) || r->type == WIRE_MAP);
        for (const struct wire_field *other = rows; other < r && !of_map; other++)
            assert_int_not_equal(other->number, r->number);
        if (r->below)
            check_rows(r->below, r->type == WIRE_MAP);
    }
}

static void each_kind_has_numbers_and_types(void **state)
{
    (void)state;
    for (int kind = 0; kind < K8S_N_KINDS; kind++)
        check_rows(k8s_class_of((enum k8s_kind)kind)->fields, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_gives_its_items_with_the_fields_that_are_read),
        cmocka_unit_test(a_list_may_tell_its_metadata_last),
        cmocka_unit_test(a_watch_gives_its_events),
        cmocka_unit_test(an_event_is_told_with_its_last_byte),
        cmocka_unit_test(one_object_and_a_status_are_read),
        cmocka_unit_test(order_does_not_matter),
        cmocka_unit_test(pieces_do_not_matter),
        cmocka_unit_test(each_truncation_is_noticed),
        cmocka_unit_test(garbled_bytes_do_no_harm),
        cmocka_unit_test(what_is_no_list_or_event_ends_the_stream),
        cmocka_unit_test(a_broken_stream_stays_broken_until_reset),
        cmocka_unit_test(a_bad_value_costs_its_object_alone),
        cmocka_unit_test(an_object_over_the_limit_is_named_and_skipped),
        cmocka_unit_test(the_number_of_values_is_bounded),
        cmocka_unit_test(texts_that_are_not_utf8_are_mended),
        cmocka_unit_test(times_are_told_as_text),
        cmocka_unit_test(both_encodings_come_to_the_same),
        cmocka_unit_test(the_content_type_tells_the_encoding),
        cmocka_unit_test(each_kind_has_numbers_and_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
