/* SPDX-License-Identifier: Apache-2.0
 *
 * What all kinds share: the table of kinds, metadata, and the life of an object.  An object is one
 * block: a count of its holders, its struct, its arrays, and the texts that only it has (name,
 * uid); texts that many have are interned.  Each kind has a file of its own, but Namespace, which
 * is nothing but metadata: it is here. */
#include "core/k8s/object.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/mem.h"
#include "core/k8s/decode.h"
#include "core/k8s/names.h"

#define NAME_LABEL "kubernetes.io/metadata.name"

struct head {
    uint64_t holders; /* before the struct; keeps it 8-byte aligned */
};

static const struct k8s_class *const classes[] = {
    [K8S_POD] = &pod_class,         [K8S_NAMESPACE] = &namespace_class,
    [K8S_NODE] = &node_class,       [K8S_NETWORK_POLICY] = &network_policy_class,
    [K8S_SERVICE] = &service_class, [K8S_ENDPOINT_SLICE] = &endpoint_slice_class,
};
static_assert(ARRAY_LEN(classes) == K8S_N_KINDS, "a class for each kind");

const struct k8s_class *k8s_class_of(enum k8s_kind kind)
{
    return classes[kind];
}

bool k8s_kind_of(const char *api_version, const char *kind, enum k8s_kind *out)
{
    for (size_t i = 0; i < ARRAY_LEN(classes); i++)
        if (!strcmp(classes[i]->api_version, api_version) && !strcmp(classes[i]->kind, kind)) {
            *out = (enum k8s_kind)i;
            return true;
        }
    return false;
}

const char *k8s_kind_name(enum k8s_kind kind)
{
    return (size_t)kind < ARRAY_LEN(classes) ? classes[kind]->kind : "unknown";
}

const char *k8s_key(const struct object_meta *meta, char *buf)
{
    const char *ns = meta->namespace_;
    snprintf(buf, K8S_KEY_MAX, "%s%s%s", ns, *ns ? "/" : "", meta->name);
    return buf;
}

static struct head *head_of(const void *object)
{
    union {
        const void *in;
        char *out;
    } u = {object};
    return (struct head *)(void *)(u.out - sizeof(struct head));
}

/* ---- metadata ---- */

/* Bookmarks carry an annotation; the other one is a Pod's. */
static const struct wire_field annotation_fields[] = {WIRE_KEY("k8s.io/initial-events-end"),
                                                      WIRE_KEY(MIRROR_ANNOTATION), WIRE_FIELDS_END};
const struct wire_field k8s_meta_fields[] = {
    WIRE_FIELD(STRING, 1, "name"),
    WIRE_FIELD(STRING, 3, "namespace"),
    WIRE_FIELD(STRING, 5, "uid"),
    WIRE_FIELD(STRING, 6, "resourceVersion"),
    WIRE_FIELD(TIME, 8, "creationTimestamp"),
    WIRE_FIELD(MAP, 11, "labels"),
    WIRE_FIELD_OF(MAP, 12, "annotations", annotation_fields),
    WIRE_FIELDS_END};

/* A uid in the form of RFC 9562 version 8, the same for the same object on every system. */
static char *uid_make(struct decode *d, const struct k8s_class *class,
                      const struct object_meta *meta)
{
    enum { UID_SIZE = 37 };
    auto_free char *text = mem_alloc(strlen(class->kind) + K8S_KEY_MAX + 2);
    char key[K8S_KEY_MAX], *uid = arena_alloc(&d->scratch, UID_SIZE);
    int n = snprintf(text, strlen(class->kind) + K8S_KEY_MAX + 2, "%s/%s", class->kind,
                     k8s_key(meta, key));
    uint64_t a = hash_bytes(text, (size_t)n, 1), b = hash_bytes(text, (size_t)n, 2);

    snprintf(uid, UID_SIZE, "%08x-%04x-8%03x-%04x-%012llx", (unsigned)(a >> 32),
             (unsigned)(a >> 16 & 0xffff), (unsigned)(a & 0xfff),
             (unsigned)(b >> 48 & 0x3fff) | 0x8000,
             (unsigned long long)(b & UINT64_C(0xffffffffffff)));
    return uid;
}

static int read_namespace(struct decode *d, const struct field *f, const struct k8s_class *class,
                          const char **out)
{
    const char *ns;
    int rc = decode_string(d, f, &ns);
    if (rc)
        return rc;
    bool given = ns && *ns;
    if (!class->namespaced) {
        *out = "";
        return given
                   ? decode_fail(d, f, "must not be given: a %s is not in a Namespace", class->kind)
                   : 0;
    }
    const char *why = given ? name_dns_label_problem(ns) : NULL;
    if (why)
        return decode_fail(d, f, "%s", why);
    *out = given ? ns : "default";
    return 0;
}

static int read_uid(struct decode *d, const struct field *f, const struct k8s_class *class,
                    struct object_meta *meta)
{
    int rc = decode_string(d, f, &meta->uid);
    if (rc)
        return rc;
    meta->uid_given = meta->uid && *meta->uid;
    if (meta->uid_given && strlen(meta->uid) > 128)
        return decode_fail(d, f, "must be no more than 128 characters");
    if (!meta->uid_given)
        meta->uid = uid_make(d, class, meta);
    return 0;
}

static int read_meta(struct decode *d, const struct field *root, const struct k8s_class *class,
                     struct object_meta *meta)
{
    struct field f = field_member(root, "metadata");
    struct field name = field_member(&f, "name"), ns = field_member(&f, "namespace");
    struct field uid = field_member(&f, "uid"), labels = field_member(&f, "labels");
    int rc = decode_object(d, &f);

    if (!rc)
        rc = decode_name(d, &name, class->name_problem, &meta->name);
    if (!rc)
        rc = read_namespace(d, &ns, class, &meta->namespace_);
    if (!rc)
        rc = read_uid(d, &uid, class, meta);
    if (!rc)
        rc = decode_labels(d, &labels, &meta->labels);
    if (rc)
        return rc;
    decode_text(d, meta->name);
    decode_text(d, meta->uid);
    return 0;
}

static void settle_meta(struct block *b, struct object_meta *meta)
{
    meta->namespace_ = block_intern(meta->namespace_);
    meta->name = block_text(b, meta->name);
    meta->uid = block_text(b, meta->uid);
    meta->labels = block_labels(b, &meta->labels);
}

static bool meta_equal(const struct object_meta *a, const struct object_meta *b)
{
    return a->kind == b->kind && a->uid_given == b->uid_given && !strcmp(a->name, b->name) &&
           !strcmp(a->namespace_, b->namespace_) && !strcmp(a->uid, b->uid) &&
           labels_equal(&a->labels, &b->labels);
}

/* ---- life ---- */

int object_decode_at(const cJSON *json, enum k8s_kind kind, struct object_meta **out,
                     const cJSON **where_out, struct err *err)
{
    const struct k8s_class *class = classes[kind];
    struct field root = {.json = json};
    union k8s_object o;
    struct decode d;

    decode_init(&d, err);
    memset(&o, 0, sizeof o);
    o.meta.kind = kind;
    int rc = decode_object(&d, &root);
    if (!rc)
        rc = read_meta(&d, &root, class, &o.meta);
    if (!rc)
        rc = class->read(&d, &root, &o);
    *where_out = rc ? d.where : NULL;
    if (!rc) {
        struct head *head = mem_alloc(sizeof *head + class->size + d.need);
        struct block b = {(char *)(head + 1) + class->size, 0, d.need};
        head->holders = 1;
        settle_meta(&b, &o.meta);
        class->settle(&b, &o);
        assert(b.used <= b.size);
        memcpy(head + 1, &o, class->size);
        *out = (struct object_meta *)(head + 1);
    }
    decode_done(&d);
    return rc;
}

int object_decode(const struct cJSON *json, enum k8s_kind kind, struct object_meta **out,
                  struct err *err)
{
    const cJSON *where;
    return object_decode_at(json, kind, out, &where, err);
}

bool object_identify(const cJSON *json, enum k8s_kind kind, char key[K8S_KEY_MAX])
{
    const struct k8s_class *class = classes[kind];
    struct field root = {.json = json}, f = field_member(&root, "metadata");
    struct field name = field_member(&f, "name"), ns = field_member(&f, "namespace");
    struct object_meta meta = {.kind = kind};
    struct decode d;

    decode_init(&d, NULL);
    bool known = cJSON_IsObject(json) && cJSON_IsObject(f.json) &&
                 !decode_name(&d, &name, class->name_problem, &meta.name) &&
                 !read_namespace(&d, &ns, class, &meta.namespace_);
    if (known)
        k8s_key(&meta, key);
    decode_done(&d);
    return known;
}

void *object_ref(const void *object)
{
    struct head *head = head_of(object);
    head->holders++;
    return head + 1;
}

void object_free(void *object)
{
    if (!object || --head_of(object)->holders)
        return;
    const union k8s_object *o = object;
    intern_unref(o->meta.namespace_);
    labels_unref(&o->meta.labels);
    classes[o->meta.kind]->unref(o);
    mem_free(head_of(object));
}

bool object_equal(const void *a, const void *b)
{
    const union k8s_object *x = a, *y = b;
    if (x == y)
        return true;
    return meta_equal(&x->meta, &y->meta) && classes[x->meta.kind]->equal(x, y);
}

/* ---- Namespace ---- */

/* The API server sets the label of the name, whatever is said. */
static int namespace_read(struct decode *d, const struct field *root, union k8s_object *o)
{
    const struct labels *old = &o->meta.labels;
    struct label *v = decode_array(d, old->n + 1, sizeof *v);
    size_t n = 0;
    bool put = false;

    (void)root;
    for (size_t i = 0; i < old->n; i++) {
        int c = strcmp(old->v[i].key, NAME_LABEL);
        if (!put && c >= 0) {
            v[n++] = (struct label){NAME_LABEL, o->meta.name};
            put = true;
        }
        if (c)
            v[n++] = old->v[i];
    }
    if (!put)
        v[n++] = (struct label){NAME_LABEL, o->meta.name};
    o->meta.labels = (struct labels){v, n};
    return 0;
}

static void namespace_settle(struct block *b, union k8s_object *o)
{
    (void)b;
    (void)o;
}

static void namespace_unref(const union k8s_object *o)
{
    (void)o;
}

static bool namespace_equal(const union k8s_object *a, const union k8s_object *b)
{
    (void)a;
    (void)b;
    return true; /* the metadata is all */
}

static const struct wire_field namespace_fields[] = {K8S_META_FIELDS, WIRE_FIELDS_END};

const struct k8s_class namespace_class = {
    .api_version = "v1",
    .kind = "Namespace",
    .size = sizeof(struct namespace_),
    .name_problem = name_dns_label_problem,
    .fields = namespace_fields,
    .read = namespace_read,
    .settle = namespace_settle,
    .unref = namespace_unref,
    .equal = namespace_equal,
};
