/* SPDX-License-Identifier: Apache-2.0
 *
 * Hashes: eight bytes at a time, read as little-endian on every machine, each mixed by multiply and
 * shift, closed by a finalizer that lets every input bit reach every output bit.  The values are
 * part of the project's outside (cookies, conjunction ids): the test pins some of them. */
#include "core/base/hash.h"

#include <string.h>

#define HASH_K1 UINT64_C(0x9e3779b97f4a7c15)
#define HASH_K2 UINT64_C(0xbf58476d1ce4e5b9)
#define HASH_K3 UINT64_C(0x94d049bb133111eb)

uint64_t hash_u64(uint64_t v)
{
    v += HASH_K1;
    v = (v ^ v >> 30) * HASH_K2;
    v = (v ^ v >> 27) * HASH_K3;
    return v ^ v >> 31;
}

/* Said in full, this is one load where the machine is little-endian. */
static uint64_t hash_load8(const uint8_t *p)
{
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 |
           (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 |
           (uint64_t)p[7] << 56;
}

static uint64_t hash_load(const uint8_t *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++) {
        v |= (uint64_t)p[i] << 8 * i;
    }
    return v;
}

static uint64_t hash_step(uint64_t h, uint64_t word)
{
    word *= HASH_K2;
    word ^= word >> 29;
    h = (h ^ word * HASH_K3) * HASH_K1;
    return h ^ h >> 32;
}

uint64_t hash_bytes(const void *p, size_t n, uint64_t seed)
{
    const uint8_t *b = p;
    uint64_t h = hash_u64(seed ^ (uint64_t)n * HASH_K1);
    size_t left = n;
    for (; left >= 8; left -= 8, b += 8) {
        h = hash_step(h, hash_load8(b));
    }
    if (left) {
        h = hash_step(h, hash_load(b, left));
    }
    return hash_u64(h);
}

uint64_t hash_str(const char *s, uint64_t seed)
{
    return hash_bytes(s, strlen(s), seed);
}
