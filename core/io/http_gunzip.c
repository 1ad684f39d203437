/* SPDX-License-Identifier: Apache-2.0
 *
 * gzip: see http_gunzip.h.  Several members one behind the other are one text. */
#include "core/io/http_gunzip.h"

#include <string.h>

#include <zlib.h>

#include "core/base/mem.h"

enum { HTTP_GUNZIP_BITS = 15 + 16 }; /* the largest window, with gzip's header and trailer */

struct http_gunzip {
    z_stream z;
    bool begun, at_end; /* of a member */
};

static voidpf http_gunzip_alloc__(voidpf aux, uInt n, uInt size)
{
    (void)aux;
    return mem_calloc(n, size);
}

static void http_gunzip_release__(voidpf aux, voidpf p)
{
    (void)aux;
    mem_free(p);
}

struct http_gunzip *http_gunzip_new(void)
{
    struct http_gunzip *g = mem_calloc(1, sizeof *g);
    g->z.zalloc = http_gunzip_alloc__;
    g->z.zfree = http_gunzip_release__;
    (void)inflateInit2(&g->z, HTTP_GUNZIP_BITS); /* fails only for memory or another zlib */
    return g;
}

void http_gunzip_free(struct http_gunzip *g)
{
    if (g) {
        inflateEnd(&g->z);
        mem_free(g);
    }
}

void http_gunzip_feed(struct http_gunzip *g, const void *p, size_t n)
{
    union {
        const void *in;
        Bytef *next; /* zlib reads through it only */
    } bytes = {.in = p};
    g->z.next_in = bytes.next;
    g->z.avail_in = (uInt)n;
}

int http_gunzip_read(struct http_gunzip *g, void *out, unsigned size, struct err *err)
{
    g->z.next_out = out;
    g->z.avail_out = size;
    while (g->z.avail_out == size) {
        if (g->at_end && g->z.avail_in > 0) {
            inflateReset(&g->z);
            g->at_end = false;
        }
        g->begun = g->begun || g->z.avail_in > 0;
        int rc = g->at_end ? Z_BUF_ERROR : inflate(&g->z, Z_NO_FLUSH);
        if (rc == Z_BUF_ERROR) {
            break; /* more is needed */
        }
        if (rc != Z_OK && rc != Z_STREAM_END) {
            return err_set(err, ERR_PROTOCOL, "not gzip: %s", g->z.msg ? g->z.msg : "no data");
        }
        g->at_end = rc == Z_STREAM_END;
    }
    return (int)(size - g->z.avail_out);
}

bool http_gunzip_is_whole(const struct http_gunzip *g)
{
    return g->at_end || !g->begun;
}
