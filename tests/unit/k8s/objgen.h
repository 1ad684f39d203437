/* SPDX-License-Identifier: Apache-2.0
 *
 * Random objects as JSON text, with every field that is read, fields that are not, and now and then
 * a value that is refused. */
#ifndef SEINE_TESTS_UNIT_OBJGEN_H
#define SEINE_TESTS_UNIT_OBJGEN_H

#include "core/base/sbuf.h"
#include "core/k8s/object.h"

struct objgen {
    uint64_t random;
    struct sbuf *out;
    unsigned bad; /* one value in so many is refused; 0: none */
};
/* Appends one object of the kind. */
void objgen_put(struct objgen *g, enum k8s_kind kind);

#endif
