/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside core/k8s: the tokens of JSON (RFC 8259) that need more than a look, for every reader. */
#ifndef SEINE_K8S_JSON_TEXT_H
#define SEINE_K8S_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes from behind an opening quote to the closing one; n if there is none. */
size_t json_text_end(const char *s, size_t n);
/* What the n bytes between two quotes say, as UTF-8 with a NUL behind it, into 'out' of n + 1
 * bytes. False with '*why' if they are not a JSON string: bad UTF-8, escapes, control characters,
 * \u0000. A surrogate without its other half becomes U+FFFD. */
bool json_text_decode(const char *s, size_t n, char *out, size_t *len_out, const char **why);
/* The number at s as RFC 8259 wants it: its length, 0 if it is none. */
size_t json_number_len(const char *s, const char *end);

#endif
