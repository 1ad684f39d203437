/* SPDX-License-Identifier: Apache-2.0
 *
 * There is no HCN here: each call says so. */
#include "platform/hcn.h"

#include <string.h>

#include "core/base/mem.h"

static int hcn_absent(struct err *err)
{
    return err_set(err, ERR_UNSUPPORTED, "hns: absent");
}

void hcn_reply_done(struct hcn_reply *r)
{
    mem_free(r->json);
    mem_free(r->record);
    memset(r, 0, sizeof *r);
}

int hcn_call(const struct hcn_call *call, struct hcn_reply *reply, struct err *err)
{
    (void)call;
    reply->function = "";
    return hcn_absent(err);
}

int hcn_globals_version(struct hcn_reply *reply, struct err *err)
{
    reply->function = "";
    return hcn_absent(err);
}

int hcn_load(struct err *err)
{
    return hcn_absent(err);
}

/* Nothing is looked for here. */
size_t hcn_missing(const char **names_out, size_t max)
{
    (void)names_out;
    (void)max;
    return 0;
}

int hcn_watch(hcn_event_fn *fn, void *aux, struct hcn_watch **out, struct err *err)
{
    (void)fn;
    (void)aux;
    (void)out;
    return hcn_absent(err);
}

void hcn_unwatch(struct hcn_watch *w)
{
    (void)w;
}
