/* SPDX-License-Identifier: Apache-2.0
 *
 * From a file's text to its objects, its complaints and the kinds that nobody reads.  One document
 * is in memory at a time; what stays of it is the decoded object. */
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/hash.h"
#include "core/base/sbuf.h"
#include "core/k8s/decode.h"
#include "core/k8s/document.h"
#include "core/k8s/folder_internal.h"

/* ---- what was there before, by the text's hash ---- */

struct memory_node {
    struct hmap_node node;
    const struct entry *entry;
};
struct memory {
    struct hmap map;
    struct memory_node *nodes;
};

static void memory_init(struct memory *m, const struct folder_file_state *before)
{
    size_t n = before ? before->entries.n : 0;
    hmap_init(&m->map);
    m->nodes = n ? mem_calloc(n, sizeof *m->nodes) : NULL;
    hmap_reserve(&m->map, n);
    for (size_t i = 0; i < n; i++) {
        m->nodes[i].entry = before->entries.v[i];
        if (m->nodes[i].entry->text_hash)
            hmap_insert(&m->map, &m->nodes[i].node, m->nodes[i].entry->text_hash);
    }
}

static void memory_done(struct memory *m)
{
    hmap_done(&m->map);
    mem_free(m->nodes);
}

static const struct entry *memory_find(const struct memory *m, uint64_t hash)
{
    struct hmap_node *node = hash ? hmap_first_with_hash(&m->map, hash) : NULL;
    return node ? CONTAINER_OF(node, struct memory_node, node)->entry : NULL;
}

static uint64_t document_hash(const struct document *doc)
{
    if (!doc->text)
        return 0;
    uint64_t h = hash_bytes(doc->text, doc->len, doc->context);
    return h ? h : 1;
}

/* ---- complaints ---- */

char *object_title(enum k8s_kind kind, const char *key)
{
    struct sbuf b = SBUF_INIT;
    sbuf_printf(&b, "%s %s", k8s_kind_name(kind), key);
    return sbuf_take(&b);
}

struct complaint complaint_make(const char *file, uint32_t line, const char *reason)
{
    struct sbuf b = SBUF_INIT;
    sbuf_puts(&b, file);
    if (line)
        sbuf_printf(&b, ":%u", line);
    sbuf_printf(&b, ": %s", reason);
    return (struct complaint){.line = line, .text = sbuf_take(&b)};
}

void complaints_done(complaint_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        mem_free(list->v[i].text);
        mem_free(list->v[i].key);
    }
    VEC_DONE(list);
}

void unknown_done(unknown_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        mem_free(list->v[i].name);
    VEC_DONE(list);
}

/* Takes 'key' over. */
static void complain(struct reading *r, const char *file, uint32_t line, const struct err *err,
                     char *key)
{
    struct complaint c = complaint_make(file, line, err->text);
    c.key = key;
    VEC_PUSH(&r->complaints, c);
}

static void count_unknown(struct reading *r, const char *api, const char *kind)
{
    char a[QUOTE_MAX], k[QUOTE_MAX];
    struct sbuf b = SBUF_INIT;
    sbuf_printf(&b, "%s %s", decode_quote(api, a), decode_quote(kind, k));
    auto_free char *name = sbuf_take(&b);
    size_t n = 0;
    for (const char *s = name; *s; s++) /* without the quotes */
        if (*s != '"')
            name[n++] = *s;
    name[n] = '\0';
    for (size_t i = 0; i < r->unknown.n; i++)
        if (!strcmp(r->unknown.v[i].name, name)) {
            r->unknown.v[i].n++;
            return;
        }
    VEC_PUSH(&r->unknown, ((struct unknown_kind){mem_strdup(name), 1}));
}

/* ---- one document ---- */

enum found { FOUND_KIND, FOUND_UNKNOWN, FOUND_BAD };

static enum found find_kind(struct reading *r, const cJSON *json, enum k8s_kind *kind,
                            const cJSON **where, struct err *err)
{
    struct field root = {.json = json};
    struct field api = field_member(&root, "apiVersion"), name = field_member(&root, "kind");
    const char *api_text = NULL, *name_text = NULL;
    struct decode d;

    decode_init(&d, err);
    int rc = json && cJSON_IsObject(json) ? 0 : decode_fail(&d, &root, "not a Kubernetes object");
    if (!rc)
        rc = decode_string(&d, &name, &name_text);
    if (!rc)
        rc = decode_string(&d, &api, &api_text);
    if (!rc && (!name_text || !*name_text))
        rc = decode_fail(&d, &name, "is required");
    if (!rc && (!api_text || !*api_text))
        rc = decode_fail(&d, &api, "is required");
    bool known = !rc && k8s_kind_of(api_text, name_text, kind);
    size_t n = name_text ? strlen(name_text) : 0;
    if (!rc && !known && n >= 4 && !strcmp(name_text + n - 4, "List") &&
        cJSON_GetObjectItemCaseSensitive(json, "items")) {
        struct field items = field_member(&root, "items");
        rc = decode_fail(&d, &items, "must be a list, in a List that is in no other");
    }
    if (!rc && !known)
        count_unknown(r, api_text, name_text);
    *where = d.where;
    decode_done(&d);
    if (rc)
        return FOUND_BAD;
    return known ? FOUND_KIND : FOUND_UNKNOWN;
}

/* Where a Node says its podCIDRs. */
static uint32_t find_cidr_line(const struct document_reader *reader, const cJSON *json)
{
    const cJSON *spec = cJSON_GetObjectItemCaseSensitive(json, "spec");
    const cJSON *cidrs = cJSON_GetObjectItemCaseSensitive(spec, "podCIDRs");
    if (!cidrs)
        cidrs = cJSON_GetObjectItemCaseSensitive(spec, "podCIDR");
    return document_line(reader, cidrs);
}

static void read_document(struct reading *r, const char *file, struct document_reader *reader,
                          const struct document *doc)
{
    const cJSON *json, *where = NULL;
    struct fresh fresh = {.text_hash = document_hash(doc), .line = doc->line};
    char key[K8S_KEY_MAX];
    enum k8s_kind kind;
    uint32_t line = doc->line;
    struct err err;

    if (document_parse(reader, &json, &line, &err)) {
        complain(r, file, line, &err, NULL);
        return;
    }
    if (!json || cJSON_IsNull(json))
        return;
    r->n_documents++;
    enum found found = find_kind(r, json, &kind, &where, &err);
    if (found == FOUND_UNKNOWN)
        return;
    if (found == FOUND_BAD) {
        complain(r, file, document_line(reader, where), &err, NULL);
        return;
    }
    if (object_decode_at(json, kind, &fresh.object, &where, &err)) {
        bool known = object_identify(json, kind, key);
        complain(r, file, document_line(reader, where), &err,
                 known ? object_title(kind, key) : NULL);
        return;
    }
    fresh.cidr_line = kind == K8S_NODE ? find_cidr_line(reader, json) : doc->line;
    VEC_PUSH(&r->objects, fresh);
}

static void take_from_memory(struct reading *r, const struct entry *known,
                             const struct document *doc)
{
    struct fresh fresh = {.object = object_ref(known->object),
                          .text_hash = known->text_hash,
                          .line = doc->line,
                          .cidr_line = doc->line + (known->cidr_line - known->line)};
    r->n_documents++;
    VEC_PUSH(&r->objects, fresh);
}

void folder_read(const char *name, const char *text, size_t len,
                 const struct folder_file_state *before, struct reading *out)
{
    struct document_reader *reader = document_reader_new(name, text, len);
    struct document doc;
    struct memory memory;
    uint32_t line = 0;
    struct err err;
    int rc;

    memset(out, 0, sizeof *out);
    memory_init(&memory, before);
    while ((rc = document_next(reader, &doc, &line, &err)) != 0) {
        const struct entry *known = rc > 0 ? memory_find(&memory, document_hash(&doc)) : NULL;
        if (rc < 0)
            complain(out, name, line, &err, NULL);
        else if (known)
            take_from_memory(out, known, &doc);
        else
            read_document(out, name, reader, &doc);
    }
    memory_done(&memory);
    document_reader_free(reader);
}
