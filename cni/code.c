/* SPDX-License-Identifier: Apache-2.0
 *
 * CNI error codes, see code.h; the form is that of the CNI specification, section "Error". */
#include "cni/code.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const struct {
    int code;
    const char *meaning;
} cni_codes[] = {
#define CNI_CODE_ROW__(id, number, meaning) {number, meaning},
    CNI_CODES(CNI_CODE_ROW__)
#undef CNI_CODE_ROW__
};

const char *cni_code_meaning(int code)
{
    for (size_t i = 0; i < ARRAY_LEN(cni_codes); i++) {
        if (cni_codes[i].code == code) {
            return cni_codes[i].meaning;
        }
    }
    return "";
}

static int cni_error_fill(struct cni_error *e, enum cni_code code, const char *details,
                          const char *fmt, va_list ap) PORT_PRINTF(4, 0);
static int cni_error_fill(struct cni_error *e, enum cni_code code, const char *details,
                          const char *fmt, va_list ap)
{
    e->code = (int)code;
    vsnprintf(e->msg, sizeof e->msg, fmt, ap);
    snprintf(e->details, sizeof e->details, "%s", details);
    for (char *c = e->msg; *c; c++) {
        *c = *c == '\n' || *c == '\r' ? ' ' : *c;
    }
    return e->code;
}

int cni_error_set(struct cni_error *e, enum cni_code code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    cni_error_fill(e, code, cni_code_meaning((int)code), fmt, ap);
    va_end(ap);
    return e->code;
}

int cni_error_cause(struct cni_error *e, enum cni_code code, const struct err *cause,
                    const char *fmt, ...)
{
    bool told = cause && cause->text[0];
    va_list ap;
    va_start(ap, fmt);
    cni_error_fill(e, code, told ? cause->text : cni_code_meaning((int)code), fmt, ap);
    va_end(ap);
    return e->code;
}

void cni_error_format(const struct cni_error *e, const char *version, struct sbuf *out)
{
    sbuf_puts(out, "{\"cniVersion\":");
    sbuf_put_json(out, version);
    sbuf_printf(out, ",\"code\":%d,\"msg\":", e->code);
    sbuf_put_json(out, e->msg);
    sbuf_puts(out, ",\"details\":");
    sbuf_put_json(out, e->details);
    sbuf_puts(out, "}\n");
}
