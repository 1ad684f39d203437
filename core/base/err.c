/* SPDX-License-Identifier: Apache-2.0
 *
 * Errors: the texts of the list, and the one translation of errno. */
#include "core/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct err_info {
    const char *name;
    const char *text;
    enum err_retry retry;
};
#define ERR_INFO__(name, text, retry) [ERR_INDEX_##name] = {#name, text, retry},
static const struct err_info err_infos[ERR_N_CODES] = {
    [ERR_INDEX_NONE] = {"OK", "ok", ERR_RETRY_NEVER}, ERR_LIST(ERR_INFO__)};
#undef ERR_INFO__

static const struct {
    int os;
    int code;
} err_errnos[] = {
    {EINVAL, ERR_INVALID},
    {ENAMETOOLONG, ERR_INVALID},
    {EILSEQ, ERR_INVALID},
    {E2BIG, ERR_TOO_BIG},
    {EMSGSIZE, ERR_TOO_BIG},
    {EFBIG, ERR_TOO_BIG},
    {ERANGE, ERR_TOO_BIG},
    {ENOSYS, ERR_UNSUPPORTED},
    {EOPNOTSUPP, ERR_UNSUPPORTED},
    {ENOTSUP, ERR_UNSUPPORTED},
    {EAFNOSUPPORT, ERR_UNSUPPORTED},
    {ENOENT, ERR_NOT_FOUND},
    {ENODEV, ERR_NOT_FOUND},
    {ESRCH, ERR_NOT_FOUND},
    {ENXIO, ERR_NOT_FOUND},
    {EADDRNOTAVAIL, ERR_NOT_FOUND},
    {EEXIST, ERR_EXISTS},
    {EADDRINUSE, ERR_EXISTS},
    {EBUSY, ERR_CONFLICT},
    {ENOSPC, ERR_EXHAUSTED},
    {ENOMEM, ERR_EXHAUSTED},
    {EMFILE, ERR_EXHAUSTED},
    {ENFILE, ERR_EXHAUSTED},
    {ENOBUFS, ERR_EXHAUSTED},
    {EAGAIN, ERR_AGAIN},
    {EWOULDBLOCK, ERR_AGAIN},
    {EINTR, ERR_AGAIN},
    {EINPROGRESS, ERR_AGAIN},
    {ETIMEDOUT, ERR_TIMEOUT},
    {EPIPE, ERR_CLOSED},
    {ECONNRESET, ERR_CLOSED},
    {ECONNABORTED, ERR_CLOSED},
    {ENOTCONN, ERR_CLOSED},
    {ENETDOWN, ERR_CLOSED},
    {ECONNREFUSED, ERR_REFUSED},
    {EPROTO, ERR_PROTOCOL},
    {EBADMSG, ERR_PROTOCOL},
    {EPERM, ERR_PERMISSION},
    {EACCES, ERR_PERMISSION},
    {EROFS, ERR_PERMISSION},
};

static const struct err_info *err_info(int code)
{
    return code <= 0 && code > -(int)ERR_N_CODES ? &err_infos[-code] : NULL;
}

/* Cuts the text where a newline begins and marks what did not fit. */
static void err_tidy(struct err *err, int n)
{
    if (n < 0) {
        err->text[0] = 0;
    } else if (n >= ERR_TEXT_MAX) {
        memcpy(err->text + ERR_TEXT_MAX - 4, "...", 4);
    }
    size_t len = strlen(err->text);
    while (len && err->text[len - 1] == '\n') {
        err->text[--len] = 0;
    }
    for (char *c = err->text; *c; c++) {
        *c = *c == '\n' ? ' ' : *c;
    }
}

int err_set(struct err *err, int code, const char *fmt, ...)
{
    if (err) {
        va_list ap;
        va_start(ap, fmt);
        err->code = code;
        err->os_code = 0;
        err_tidy(err, vsnprintf(err->text, sizeof err->text, fmt, ap));
        va_end(ap);
    }
    return code;
}

int err_set_os(struct err *err, int code, long long os_code, const char *fmt, ...)
{
    if (err) {
        va_list ap;
        va_start(ap, fmt);
        err->code = code;
        err->os_code = os_code;
        err_tidy(err, vsnprintf(err->text, sizeof err->text, fmt, ap));
        va_end(ap);
    }
    return code;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
    if (!err) {
        return ERR_INTERNAL;
    }
    char cause[ERR_TEXT_MAX];
    memcpy(cause, err->text, sizeof cause);
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(err->text, sizeof err->text, fmt, ap);
    va_end(ap);
    if (n >= 0 && n < ERR_TEXT_MAX) {
        int more = snprintf(err->text + n, sizeof err->text - (size_t)n, ": %s", cause);
        n += more > 0 ? more : 0;
    }
    err_tidy(err, n);
    return err->code;
}

const char *err_text(int code)
{
    const struct err_info *info = err_info(code);
    return info ? info->text : "unknown error";
}

const char *err_name(int code)
{
    const struct err_info *info = err_info(code);
    return info ? info->name : "UNKNOWN";
}

enum err_retry err_retry(int code)
{
    const struct err_info *info = err_info(code);
    return info ? info->retry : ERR_RETRY_NEVER;
}

int err_from_errno(int os_errno)
{
    for (size_t i = 0; i < ARRAY_LEN(err_errnos); i++) {
        if (err_errnos[i].os == os_errno) {
            return err_errnos[i].code;
        }
    }
    return os_errno ? ERR_IO : ERR_OK;
}
