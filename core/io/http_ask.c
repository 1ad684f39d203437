/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers in one piece: see http_client_ask() in http_client.h. */
#include "core/base/mem.h"
#include "core/io/http_client_internal.h"

enum { HTTP_ASK_LIMIT = 1 << 20 };

struct http_ask {
    http_answer_fn *answered;
    void *aux;
    int status;
    struct sbuf body;
};

static void http_ask_head__(void *aux, const struct http_head *head)
{
    ((struct http_ask *)aux)->status = head->status;
}

static void http_ask_data__(void *aux, const void *p, size_t n)
{
    sbuf_put(&((struct http_ask *)aux)->body, p, n);
}

static void http_ask_end__(void *aux, const struct err *why)
{
    struct http_ask *a = aux;
    if (why) {
        a->answered(a->aux, 0, NULL, 0, why);
    } else {
        a->answered(a->aux, a->status, sbuf_cstr(&a->body), a->body.len, NULL);
    }
}

static void http_ask_dispose__(void *aux)
{
    struct http_ask *a = aux;
    sbuf_done(&a->body);
    mem_free(a);
}

static const struct http_call_events http_ask_events = {http_ask_head__, http_ask_data__,
                                                        http_ask_end__};

struct http_call *http_client_ask(struct http_client *c, const struct http_request *request,
                                  http_answer_fn *answered, void *aux)
{
    struct http_ask *a = mem_calloc(1, sizeof *a);
    struct http_request limited = *request;
    a->answered = answered;
    a->aux = aux;
    limited.body_limit = request->body_limit ? request->body_limit : HTTP_ASK_LIMIT;
    struct http_call *call = http_client_call(c, &limited, &http_ask_events, a);
    call->dispose = http_ask_dispose__;
    return call;
}
