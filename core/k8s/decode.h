/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside core/k8s: what the decoders of the kinds share.
 *
 * A kind is decoded in two steps.  First its fields are read and checked into arrays of a scratch
 * arena, strings borrowed from the JSON tree; this step can fail, and counts the bytes that the
 * arrays take.  Then the object is copied into one block of that size, strings interned; this step
 * cannot fail, so nothing has to be taken back.
 *
 * A field is where the decoder is in the tree; fields chain up on the C stack, so that a path is
 * only ever built for an error. */
#ifndef SEINE_K8S_DECODE_H
#define SEINE_K8S_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/k8s/json_stream.h"
#include "core/k8s/object.h"

struct decode {
    struct arena scratch;
    size_t need;        /* bytes of the object's block besides its struct */
    const cJSON *where; /* after an error: the node it is about */
    struct err *err;
};
void decode_init(struct decode *d, struct err *err);
void decode_done(struct decode *d);
/* 'n' elements of 'size' bytes, zeroed, in the scratch arena and in the count. */
void *decode_array(struct decode *d, size_t n, size_t size);
/* 's' will be copied into the block by block_text(). */
void decode_text(struct decode *d, const char *s);

struct field {
    const struct field *up;
    const char *name; /* of a member; NULL: an item */
    size_t index;
    const cJSON *json; /* NULL: absent, or null */
};
/* The member 'name'; absent too if 'up' is. */
struct field field_member(const struct field *up, const char *name);
struct field field_item(const struct field *up, const cJSON *item, size_t index);
/* Sets err to "path: text" and d->where; returns ERR_INVALID. */
int decode_fail(struct decode *d, const struct field *f, const char *fmt, ...) PORT_PRINTF(3, 4);
/* User's text made fit for a message: cut, without control characters. */
enum { QUOTE_MAX = 44 };
const char *decode_quote(const char *s, char buf[QUOTE_MAX]);

/* Checks of type; an absent field is fine, and n is 0, the string NULL, the value as it was. */
int decode_object(struct decode *d, const struct field *f);
int decode_list(struct decode *d, const struct field *f, size_t *n_out);
int decode_string(struct decode *d, const struct field *f, const char **out);
int decode_bool(struct decode *d, const struct field *f, bool *out);
/* An integer in min..max. */
int decode_int(struct decode *d, const struct field *f, int min, int max, int *out);
/* A string; absent or "" is an error. */
int decode_required(struct decode *d, const struct field *f, const char **out);
/* A string that must satisfy one of core/k8s/names.h; absent or "" is an error. */
typedef const char *name_problem_fn(const char *s);
int decode_name(struct decode *d, const struct field *f, name_problem_fn *problem,
                const char **out);
/* TCP (also if absent), UDP, SCTP. */
int decode_protocol(struct decode *d, const struct field *f, uint8_t *out);
/* Ports of a Service or an EndpointSlice: names are DNS labels, each once, "" where there is none
 * (how many of these is not checked); a number may be absent (0 then) unless 'numbered'. */
int decode_service_ports(struct decode *d, const struct field *f, bool numbered,
                         const struct named_port **out, size_t *n_out);
/* Addresses; ::ffff:a.b.c.d is taken as IPv4, 010.0.0.1 as 10.0.0.1, as the API server takes them.
 * "" is an error. */
bool decode_is_ip(const char *text, struct ip *out);
int decode_ip(struct decode *d, const struct field *f, struct ip *out);
int decode_cidr(struct decode *d, const struct field *f, struct prefix *out);
/* A map of label keys to values, sorted. */
int decode_labels(struct decode *d, const struct field *f, struct labels *out);
/* Forgets labels that were read: nobody needs them in this kind. */
void decode_drop_labels(struct decode *d, struct labels *l);
int decode_selector(struct decode *d, const struct field *f, struct selector *out);

/* ---- the object's block ---- */
struct block {
    char *data;
    size_t used, size;
};
void *block_array(struct block *b, const void *src, size_t n, size_t size);
const char *block_text(struct block *b, const char *s);
static inline const char *block_intern(const char *s);
struct labels block_labels(struct block *b, const struct labels *l);
struct selector block_selector(struct block *b, const struct selector *s);
const struct named_port *block_ports(struct block *b, const struct named_port *v, size_t n);
void ports_unref(const struct named_port *v, size_t n);
bool ips_equal(const struct ip *a, const struct ip *b, size_t n);
bool named_ports_equal(const struct named_port *a, const struct named_port *b, size_t n);
void labels_unref(const struct labels *l);
void selector_unref(const struct selector *s);
bool labels_equal(const struct labels *a, const struct labels *b);
bool selector_equal(const struct selector *a, const struct selector *b);

/* ---- the kinds ---- */
union k8s_object {
    struct object_meta meta;
    struct pod pod;
    struct namespace_ namespace_;
    struct node node;
    struct network_policy policy;
    struct service service;
    struct endpoint_slice slice;
};
struct k8s_class {
    const char *api_version, *kind;
    bool namespaced;
    size_t size;
    name_problem_fn *name_problem;
    /* What 'read' and the reading of the metadata look at: all else is dropped while an answer of
     * the API server is read.  Its first row is K8S_META_FIELDS. */
    const struct wire_field *fields;
    /* Step one, of everything but the metadata (done already).  'root' is the object. */
    int (*read)(struct decode *d, const struct field *root, union k8s_object *o);
    /* Step two: '*o' is a copy of the scratch struct whose pointers are still the scratch's. */
    void (*settle)(struct block *b, union k8s_object *o);
    void (*unref)(const union k8s_object *o); /* the interned strings */
    bool (*equal)(const union k8s_object *a, const union k8s_object *b);
};
extern const struct wire_field k8s_meta_fields[];
#define MIRROR_ANNOTATION "kubernetes.io/config.mirror"
#define K8S_META_FIELDS WIRE_FIELD_OF(MESSAGE, 1, "metadata", k8s_meta_fields)
const struct k8s_class *k8s_class_of(enum k8s_kind kind);
extern const struct k8s_class pod_class, namespace_class, node_class, network_policy_class,
    service_class, endpoint_slice_class;

/* object_decode() that also tells the node of the tree that the error is about. */
int object_decode_at(const cJSON *json, enum k8s_kind kind, struct object_meta **out,
                     const cJSON **where_out, struct err *err);
/* Kind, namespace and name alone, as far as they can be read: for telling whose version a broken
 * object is.  False if not even that holds. */
bool object_identify(const cJSON *json, enum k8s_kind kind, char key[K8S_KEY_MAX]);

static inline const char *block_intern(const char *s)
{
    size_t n = 0;
    while (s[n])
        n++;
    return intern_ref(s, n);
}

#endif
