/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/k8s/k8s_test.h"

#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/mem.h"
#include "core/k8s/document.h"

static int decode(const char *yaml, struct object_meta **out, struct err *err)
{
    struct document_reader *r = document_reader_new("t.yaml", yaml, strlen(yaml));
    struct document doc;
    const cJSON *json = NULL;
    uint32_t line;
    enum k8s_kind kind = K8S_POD;

    assert_int_equal(document_next(r, &doc, &line, err), 1);
    int rc = document_parse(r, &json, &line, err);
    if (rc)
        fail_msg("not YAML: %s", err->text);
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(json, "kind");
    const cJSON *api = cJSON_GetObjectItemCaseSensitive(json, "apiVersion");
    assert_true(k8s_kind_of(api->valuestring, name->valuestring, &kind));
    rc = object_decode(json, kind, out, err);
    document_reader_free(r);
    return rc;
}

void *k8s_object(const char *yaml)
{
    struct object_meta *object = NULL;
    struct err err = {0};
    if (decode(yaml, &object, &err))
        fail_msg("%s", err.text);
    return object;
}

void k8s_bad_object(const char *yaml, struct err *err)
{
    struct object_meta *object = NULL;
    if (decode(yaml, &object, err) == 0)
        fail_msg("no error in:\n%s", yaml);
    assert_int_equal(err->code, ERR_INVALID);
    assert_null(object);
}

void assert_nothing_interned(void)
{
    assert_int_equal(intern_count(), 0);
}
