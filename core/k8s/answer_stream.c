/* SPDX-License-Identifier: Apache-2.0
 *
 * Either reader, made when it is needed first. */
#include "core/k8s/answer_stream.h"

#include <string.h>

#include "core/base/mem.h"
#include "core/k8s/decode.h"
#include "core/k8s/proto_stream.h"

struct answer_stream {
    const struct k8s_class *class;
    struct json_stream_sink sink;
    struct json_stream *json;
    struct proto_stream *proto;
    bool is_proto; /* the answer at hand */
};

struct answer_stream *answer_stream_new(enum k8s_kind kind, const struct json_stream_sink *sink)
{
    struct answer_stream *s = mem_calloc(1, sizeof *s);
    s->class = k8s_class_of(kind);
    s->sink = *sink;
    answer_stream_begin(s, JSON_STREAM_LIST, NULL);
    return s;
}

void answer_stream_free(struct answer_stream *s)
{
    if (!s)
        return;
    json_stream_free(s->json);
    proto_stream_free(s->proto);
    mem_free(s);
}

/* The type without its parameters, in whatever case. */
static bool is_protobuf(const char *content_type)
{
    static const char name[] = "application/vnd.kubernetes.protobuf";
    size_t n = strcspn(content_type, "; \t");
    if (n != sizeof name - 1)
        return false;
    for (size_t i = 0; i < n; i++) {
        char c = content_type[i];
        if ((c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c) != name[i])
            return false;
    }
    return true;
}

void answer_stream_begin(struct answer_stream *s, enum json_stream_form form,
                         const char *content_type)
{
    s->is_proto = content_type && is_protobuf(content_type);
    if (s->is_proto && s->proto)
        proto_stream_reset(s->proto, form);
    else if (s->is_proto)
        s->proto = proto_stream_new(form, s->class->kind, s->class->fields, &s->sink);
    else if (s->json)
        json_stream_reset(s->json, form);
    else
        s->json = json_stream_new(form, s->class->fields, &s->sink);
}

int answer_stream_put(struct answer_stream *s, const void *data, size_t n, struct err *err)
{
    return s->is_proto ? proto_stream_put(s->proto, data, n, err)
                       : json_stream_put(s->json, data, n, err);
}

int answer_stream_end(struct answer_stream *s, struct err *err)
{
    return s->is_proto ? proto_stream_end(s->proto, err) : json_stream_end(s->json, err);
}

bool answer_stream_is_protobuf(const struct answer_stream *s)
{
    return s->is_proto;
}

const char *answer_stream_version(const struct answer_stream *s)
{
    return s->is_proto ? proto_stream_version(s->proto) : json_stream_version(s->json);
}

const char *answer_stream_continue(const struct answer_stream *s)
{
    return s->is_proto ? proto_stream_continue(s->proto) : json_stream_continue(s->json);
}
