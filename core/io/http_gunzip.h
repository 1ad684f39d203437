/* SPDX-License-Identifier: Apache-2.0
 *
 * gzip (RFC 1952) decoded as it comes, with zlib: some 40 KB a stream, whatever it holds. */
#ifndef SEINE_IO_HTTP_GUNZIP_H
#define SEINE_IO_HTTP_GUNZIP_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"

struct http_gunzip;
struct http_gunzip *http_gunzip_new(void);
void http_gunzip_free(struct http_gunzip *g); /* NULL is fine */
/* Gives it bytes, which must stay while http_gunzip_read() has more. */
void http_gunzip_feed(struct http_gunzip *g, const void *p, size_t n);
/* Up to 'size' decoded bytes into 'out': > 0 their number, 0 all that was fed is used up.
 * ERR_PROTOCOL: it is not gzip. */
int http_gunzip_read(struct http_gunzip *g, void *out, unsigned size, struct err *err);
/* Has all come that its beginning promised? */
bool http_gunzip_is_whole(const struct http_gunzip *g);

#endif
