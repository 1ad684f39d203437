/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside core/k8s: which fields of an object are read, for both of an API server's encodings.  A
 * table has a row a field and ends with a row without a name; what has no row is dropped while an
 * answer is read (json_stream.h, proto_stream.h).
 *
 * JSON goes by the names.  A list is passed through: the table of a field whose value is a list is
 * that of the list's items.  A value that is no map or list is kept whatever 'below' says, so that
 * a decoder can tell its wrong type.  Protobuf goes by numbers and types. */
#ifndef SEINE_K8S_WIRE_FIELDS_H
#define SEINE_K8S_WIRE_FIELDS_H

#include <stddef.h>
#include <stdint.h>

/* What a field is in Protobuf, and in the tree that comes of either encoding. */
enum wire_type {
    WIRE_KEY_OF_MAP, /* no field: a key that is read of a map, or of what is read as JSON alone */
    WIRE_STRING,
    WIRE_STRINGS, /* repeated: a list of strings */
    WIRE_INT,
    WIRE_BOOL,
    WIRE_MESSAGE,       /* a map of fields */
    WIRE_MESSAGES,      /* repeated: a list of such maps */
    WIRE_MAP,           /* map<string, string> */
    WIRE_INT_OR_STRING, /* a message of its own: a number or a string */
    WIRE_TIME,          /* a message of its own: a string, "2026-11-28T06:40:00Z" */
};

struct wire_field {
    const char *name;
    const struct wire_field *below; /* fields of a message, keys of a map; NULL: all of it */
    uint16_t len;                   /* of the name */
    uint16_t number;                /* in the kind's generated.proto */
    enum wire_type type;
};
#define WIRE_FIELD_OF(type, number, name, below)                                                   \
    {                                                                                              \
        name, below, sizeof(name) - 1, number, WIRE_##type                                         \
    }
#define WIRE_FIELD(type, number, name) WIRE_FIELD_OF(type, number, name, NULL)
#define WIRE_KEY(name) WIRE_FIELD_OF(KEY_OF_MAP, 0, name, NULL)
#define WIRE_FIELDS_END                                                                            \
    {                                                                                              \
        NULL, NULL, 0, 0, WIRE_KEY_OF_MAP                                                          \
    }

/* The fields of a Status: what an API server says when it refuses. */
extern const struct wire_field wire_status_fields[];

#endif
