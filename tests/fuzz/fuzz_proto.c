/* SPDX-License-Identifier: Apache-2.0
 *
 * What an API server may send as Protobuf.  The first byte of the input says which kind it is read
 * as, the last in what pieces; what is between is read as each form of answer, at once and in
 * pieces, which must come to the same.  Objects are decoded too, and what comes of one must be what
 * its encoding gives again. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/mem.h"
#include "core/base/sbuf.h"
#include "core/k8s/decode.h"
#include "core/k8s/proto_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct reader {
    enum k8s_kind kind;
    struct sbuf log;
};

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void log_tree(struct reader *r, const char *type, const cJSON *json)
{
    char *text = json ? cJSON_PrintUnformatted(json) : NULL;
    sbuf_printf(&r->log, "%s %s", type, text ? text : "");
    cJSON_free(text);
}

/* What was written of an object is read to an equal one. */
static void check_encoding(const struct object_meta *object)
{
    auto_sbuf text = SBUF_INIT;
    struct object_meta *again = NULL;
    object_encode(object, &text);
    cJSON *json = cJSON_Parse(sbuf_cstr(&text));
    check(json && !object_decode(json, object->kind, &again, NULL) && object_equal(object, again));
    cJSON_Delete(json);
    object_free(again);
}

static void on_object(void *aux, const char *type, const cJSON *json)
{
    struct reader *r = aux;
    struct object_meta *object = NULL;
    log_tree(r, type, json);
    sbuf_putc(&r->log, '\n');
    if (!object_decode(json, r->kind, &object, NULL))
        check_encoding(object);
    object_free(object);
}

static void on_bad(void *aux, const char *type, const cJSON *json, const char *why)
{
    struct reader *r = aux;
    log_tree(r, type, json);
    sbuf_printf(&r->log, " ! %s\n", why);
    check(*why != '\0');
}

static void run(struct reader *r, enum json_stream_form form, const uint8_t *data, size_t size,
                size_t piece)
{
    const struct k8s_class *class = k8s_class_of(r->kind);
    struct proto_stream *s = proto_stream_new(form, class->kind, class->fields,
                                              &(struct json_stream_sink){r, on_object, on_bad});
    int rc = 0;
    for (size_t i = 0; i < size && !rc; i += piece) {
        size_t n = size - i < piece ? size - i : piece;
        auto_free void *copy = mem_dup(data + i, n);
        rc = proto_stream_put(s, copy, n, NULL);
    }
    if (!rc)
        rc = proto_stream_end(s, NULL);
    sbuf_printf(&r->log, "%d %s %s", rc, proto_stream_version(s), proto_stream_continue(s));
    proto_stream_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum json_stream_form forms[] = {JSON_STREAM_LIST, JSON_STREAM_WATCH,
                                                  JSON_STREAM_STATUS, JSON_STREAM_ONE};
    if (size < 2)
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        struct reader whole = {.kind = (enum k8s_kind)(data[0] % K8S_N_KINDS)}, cut = whole;
        run(&whole, forms[i], data + 1, size - 2, size);
        run(&cut, forms[i], data + 1, size - 2, (size_t)data[size - 1] % 9 + 1);
        check(!strcmp(sbuf_cstr(&whole.log), sbuf_cstr(&cut.log)));
        sbuf_done(&whole.log);
        sbuf_done(&cut.log);
    }
    check(intern_count() == 0);
    return 0;
}
