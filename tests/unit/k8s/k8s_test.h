/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of core/k8s share: objects from YAML text. */
#ifndef SEINE_TESTS_UNIT_K8S_TEST_H
#define SEINE_TESTS_UNIT_K8S_TEST_H

/* cmocka needs these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/err.h"
#include "core/k8s/object.h"

/* Decodes the one object of the text; fails the test if it is bad.  For object_free(). */
void *k8s_object(const char *yaml);
/* Decodes the text, which must be bad: the message goes to err. */
void k8s_bad_object(const char *yaml, struct err *err);
/* All interned strings are given back. */
void assert_nothing_interned(void);

#endif
