/* SPDX-License-Identifier: Apache-2.0
 *
 * Host names: see resolve.h.  A question that nobody waits for any more may still be with a thread:
 * its memory lives until that is through. */
#include "core/io/resolve.h"

#include <string.h>
#include <uv.h>

#include "core/base/mem.h"
#include "core/io/loop_uv.h"

struct resolve {
    uv_getaddrinfo_t uv;
    struct loop *loop;
    resolve_fn *answered; /* NULL: cancelled */
    void *aux;
    char *name;
    struct loop_deferred *at_once; /* for what needs no question */
    struct ip ip;
    int failed; /* libuv's error, or 0 */
};

static void resolve_free__(struct resolve *r)
{
    loop_deferred_free(r->at_once);
    mem_free(r->name);
    mem_free(r);
}

static void resolve_answer__(struct resolve *r, const struct ip *ips, size_t n)
{
    struct err why;
    resolve_fn *answered = r->answered;
    void *aux = r->aux;
    if (n == 0 && r->failed == UV_EAI_AGAIN) {
        err_set(&why, ERR_AGAIN, "%s: its address is not known at the moment", r->name);
    } else if (n == 0 && r->failed != 0 && r->failed != UV_EAI_NONAME &&
               r->failed != UV_EAI_NODATA) {
        err_set_os(&why, ERR_IO, r->failed, "%s: %s", r->name, uv_strerror(r->failed));
    } else if (n == 0) {
        err_set(&why, ERR_NOT_FOUND, "%s: no such host", r->name);
    }
    resolve_free__(r);
    if (answered) {
        answered(aux, ips, n, n == 0 ? &why : NULL);
    }
}

static bool resolve_ip__(const struct sockaddr *from, struct ip *out)
{
    char text[IP_TEXT_MAX + 16];
    const void *p = from;
    int rc = from->sa_family == AF_INET    ? uv_ip4_name(p, text, sizeof text)
             : from->sa_family == AF_INET6 ? uv_ip6_name(p, text, sizeof text)
                                           : UV_EINVAL;
    return rc == 0 && ip_parse(text, out);
}

static void resolve_cb__(uv_getaddrinfo_t *uv, int status, struct addrinfo *list)
{
    struct resolve *r = CONTAINER_OF(uv, struct resolve, uv);
    struct ip ips[RESOLVE_MAX];
    size_t n = 0;
    r->failed = status;
    for (struct addrinfo *a = list; status == 0 && a && n < RESOLVE_MAX; a = a->ai_next) {
        n += resolve_ip__(a->ai_addr, &ips[n]);
    }
    uv_freeaddrinfo(list);
    resolve_answer__(r, ips, n);
}

static void resolve_at_once__(void *aux)
{
    struct resolve *r = aux;
    struct ip ip = r->ip;
    resolve_answer__(r, &ip, r->failed == 0);
}

struct resolve *resolve_start(struct loop *l, const char *name, resolve_fn *answered, void *aux)
{
    struct resolve *r = mem_calloc(1, sizeof *r);
    struct addrinfo hints;
    memset(&hints, 0, sizeof hints);
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    r->loop = l;
    r->name = mem_strdup(name);
    r->answered = answered;
    r->aux = aux;
    if (!ip_parse(name, &r->ip)) {
        r->failed = uv_getaddrinfo(loop_uv(l), &r->uv, resolve_cb__, name, NULL, &hints);
        if (r->failed == 0) {
            return r;
        }
    }
    r->at_once = loop_deferred_new(l, resolve_at_once__, r);
    loop_deferred_schedule(r->at_once);
    return r;
}

void resolve_cancel(struct resolve *r)
{
    if (!r) {
        return;
    }
    r->answered = NULL;
    if (r->at_once) {
        resolve_free__(r);
    } else {
        (void)uv_cancel((uv_req_t *)&r->uv);
    }
}
