/* SPDX-License-Identifier: Apache-2.0
 *
 * Hashes.  hash_bytes() gives the same value for the same bytes on every system and in every
 * release: cookies and conjunction ids are made from it. */
#ifndef SEINE_BASE_HASH_H
#define SEINE_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t hash_bytes(const void *p, size_t n, uint64_t seed);
uint64_t hash_str(const char *s, uint64_t seed);
uint64_t hash_u64(uint64_t v);

#endif
