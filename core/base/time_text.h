/* SPDX-License-Identifier: Apache-2.0
 *
 * Times as people and API servers read them: UTC, as RFC 3339 has it. */
#ifndef SEINE_BASE_TIME_TEXT_H
#define SEINE_BASE_TIME_TEXT_H

#include <stdint.h>

/* How many digits of a second's fraction: Kubernetes has none in its Time and six in its MicroTime.
 */
enum time_digits { TIME_SECONDS = 0, TIME_MILLI = 3, TIME_MICRO = 6 };
enum { TIME_TEXT_MAX = 40 };

/* Milliseconds since 1970; of a time that the system cannot name, its fraction of the first second
 * of 1970.  Returns 'out'. */
char *time_text_format(uint64_t wall_ms, enum time_digits digits, char out[TIME_TEXT_MAX]);

#endif
