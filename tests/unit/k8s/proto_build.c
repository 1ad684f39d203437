/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/k8s/proto_build.h"

#include <stdio.h>
#include <string.h>

void proto_put_varint(struct sbuf *out, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        sbuf_putc(out, (char)(unsigned char)(v | 0x80));
    sbuf_putc(out, (char)(unsigned char)v);
}

void proto_put_number(struct sbuf *out, unsigned number, uint64_t v)
{
    proto_put_varint(out, number << 3);
    proto_put_varint(out, v);
}

void proto_put_bytes(struct sbuf *out, unsigned number, const void *p, size_t n)
{
    proto_put_varint(out, number << 3 | 2);
    proto_put_varint(out, n);
    sbuf_put(out, p, n);
}

void proto_put_text(struct sbuf *out, unsigned number, const char *text)
{
    proto_put_bytes(out, number, text, strlen(text));
}

void proto_put_message(struct sbuf *out, unsigned number, const struct sbuf *message)
{
    proto_put_bytes(out, number, message->len ? message->data : "", message->len);
}

/* ---- trees ---- */

static bool put_map(struct sbuf *out, unsigned number, const cJSON *map)
{
    if (!cJSON_IsObject(map))
        return false;
    for (const cJSON *c = map->child; c; c = c->next) {
        auto_sbuf entry = SBUF_INIT;
        if (!cJSON_IsString(c) && !cJSON_IsNull(c))
            return false;
        proto_put_text(&entry, 1, c->string);
        proto_put_text(&entry, 2, cJSON_IsString(c) ? c->valuestring : "");
        proto_put_message(out, number, &entry);
    }
    return true;
}

static uint64_t int_bits(double v)
{
    int64_t i = (int64_t)v;
    uint64_t bits;
    memcpy(&bits, &i, sizeof bits);
    return bits;
}

static bool is_int(const cJSON *json)
{
    return cJSON_IsNumber(json) && json->valuedouble >= INT32_MIN &&
           json->valuedouble <= INT32_MAX &&
           json->valuedouble == (double)(int64_t)json->valuedouble;
}

static bool put_choice(struct sbuf *out, unsigned number, const cJSON *value)
{
    auto_sbuf choice = SBUF_INIT;
    bool text = cJSON_IsString(value);
    if (!text && !is_int(value))
        return false;
    proto_put_number(&choice, 1, text);
    proto_put_number(&choice, 2, text ? 0 : int_bits(value->valuedouble));
    proto_put_text(&choice, 3, text ? value->valuestring : "");
    proto_put_message(out, number, &choice);
    return true;
}

/* Days since 1970-01-01, counted one by one. */
static int64_t day_of(int year, int month, int day)
{
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    int leap = year - (month < 3);
    return (int64_t)365 * year + leap / 4 - leap / 100 + leap / 400 + before[month - 1] + day - 1 -
           719527;
}

static bool put_time(struct sbuf *out, unsigned number, const cJSON *value)
{
    auto_sbuf time = SBUF_INIT;
    int y, mo, d, h, mi, s;
    if (!cJSON_IsString(value) ||
        sscanf(value->valuestring, "%4d-%2d-%2dT%2d:%2d:%2dZ", &y, &mo, &d, &h, &mi, &s) != 6 ||
        mo < 1 || mo > 12)
        return false;
    int64_t seconds = day_of(y, mo, d) * 86400 + h * 3600 + mi * 60 + s;
    proto_put_number(&time, 1, (uint64_t)seconds);
    proto_put_number(&time, 2, 0);
    proto_put_message(out, number, &time);
    return true;
}

static bool put_one(struct sbuf *out, const struct wire_field *row, const cJSON *value)
{
    auto_sbuf below = SBUF_INIT;
    switch (row->type) {
    case WIRE_STRING:
    case WIRE_STRINGS:
        if (cJSON_IsString(value))
            proto_put_text(out, row->number, value->valuestring);
        return cJSON_IsString(value);
    case WIRE_INT:
        if (is_int(value))
            proto_put_number(out, row->number, int_bits(value->valuedouble));
        return is_int(value);
    case WIRE_BOOL:
        proto_put_number(out, row->number, cJSON_IsTrue(value) ? 1 : 0);
        return cJSON_IsBool(value);
    case WIRE_MESSAGE:
    case WIRE_MESSAGES:
        if (!proto_put_tree(&below, row->below, value))
            return false;
        proto_put_message(out, row->number, &below);
        return true;
    case WIRE_MAP:
        return put_map(out, row->number, value);
    case WIRE_INT_OR_STRING:
        return put_choice(out, row->number, value);
    case WIRE_TIME:
        return put_time(out, row->number, value);
    case WIRE_KEY_OF_MAP:
        break;
    }
    return true;
}

static bool put_row(struct sbuf *out, const struct wire_field *row, const cJSON *value)
{
    if (row->type != WIRE_STRINGS && row->type != WIRE_MESSAGES)
        return put_one(out, row, value);
    if (!cJSON_IsArray(value))
        return false;
    for (const cJSON *c = value->child; c; c = c->next)
        if (!put_one(out, row, c))
            return false;
    return true;
}

bool proto_put_tree(struct sbuf *out, const struct wire_field *fields, const cJSON *map)
{
    if (!cJSON_IsObject(map))
        return false;
    for (const struct wire_field *row = fields; row->name; row++) {
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(map, row->name);
        if (value && !cJSON_IsNull(value) && !put_row(out, row, value))
            return false;
    }
    return true;
}

/* ---- what is around them ---- */

void proto_put_body(struct sbuf *out, const char *kind, const struct sbuf *raw)
{
    auto_sbuf type = SBUF_INIT;
    proto_put_text(&type, 1, "v1");
    proto_put_text(&type, 2, kind);
    sbuf_put(out, "k8s", 4);
    proto_put_message(out, 1, &type);
    proto_put_message(out, 2, raw);
    proto_put_text(out, 3, "");
    proto_put_text(out, 4, "");
}

void proto_put_list_meta(struct sbuf *out, const char *version, const char *token)
{
    auto_sbuf meta = SBUF_INIT;
    proto_put_text(&meta, 1, "");
    proto_put_text(&meta, 2, version);
    proto_put_text(&meta, 3, token);
    proto_put_number(&meta, 4, 17);
    proto_put_message(out, 1, &meta);
}

void proto_put_event(struct sbuf *out, const char *type, const char *kind, const struct sbuf *raw)
{
    auto_sbuf body = SBUF_INIT, extension = SBUF_INIT, event = SBUF_INIT;
    proto_put_body(&body, kind, raw);
    proto_put_message(&extension, 1, &body);
    proto_put_text(&event, 1, type);
    proto_put_message(&event, 2, &extension);
    sbuf_put_be32(out, (uint32_t)event.len);
    sbuf_put(out, event.data, event.len);
}
