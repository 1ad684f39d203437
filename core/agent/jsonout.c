/* SPDX-License-Identifier: Apache-2.0 */
#include "core/agent/jsonout.h"

#include <inttypes.h>

static void jsonout_lead(struct jsonout *j, const char *name)
{
    sbuf_puts(j->out, j->comma ? "," : "");
    if (name) {
        sbuf_put_json(j->out, name);
        sbuf_putc(j->out, ':');
    }
    j->comma = true;
}

void jsonout_open(struct jsonout *j, const char *name, char bracket)
{
    jsonout_lead(j, name);
    sbuf_putc(j->out, bracket);
    j->comma = false;
}

void jsonout_close(struct jsonout *j, char bracket)
{
    sbuf_putc(j->out, bracket);
    j->comma = true;
}

void jsonout_text(struct jsonout *j, const char *name, const char *text)
{
    jsonout_lead(j, name);
    sbuf_put_json(j->out, text);
}

void jsonout_number(struct jsonout *j, const char *name, uint64_t n)
{
    jsonout_lead(j, name);
    sbuf_printf(j->out, "%" PRIu64, n);
}

void jsonout_bool(struct jsonout *j, const char *name, bool value)
{
    jsonout_lead(j, name);
    sbuf_puts(j->out, value ? "true" : "false");
}

void jsonout_raw(struct jsonout *j, const char *name, const char *json)
{
    jsonout_lead(j, name);
    sbuf_puts(j->out, json);
}

void jsonout_list_open(struct jsonout *j, const char *kind)
{
    jsonout_open(j, NULL, '{');
    jsonout_text(j, "apiVersion", "seine.dev/v1");
    jsonout_text(j, "kind", kind);
    jsonout_open(j, "items", '[');
}

void jsonout_list_close(struct jsonout *j)
{
    jsonout_close(j, ']');
    jsonout_close(j, '}');
    sbuf_putc(j->out, '\n');
}
