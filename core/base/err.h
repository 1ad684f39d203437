/* SPDX-License-Identifier: Apache-2.0
 *
 * Errors: one list of codes, and the caller's error object.
 *
 * A function that can fail returns 0 or a negative code of this list, and takes 'struct err *err'
 * last when text helps; err may always be NULL.  struct err lives on the caller's stack: failing
 * never allocates.  Callers add context on the way up with err_wrap().  Library code does not log:
 * whoever decides what happens next logs once. */
#ifndef SEINE_BASE_ERR_H
#define SEINE_BASE_ERR_H

#include "core/base/port.h"

/* name, text, when a retry can help */
#define ERR_LIST(X)                                                                                \
    X(INVALID, "invalid", ERR_RETRY_INPUT)         /* input breaks its own rules */                \
    X(TRUNCATED, "truncated", ERR_RETRY_INPUT)     /* shorter than its lengths say */              \
    X(TOO_BIG, "too big", ERR_RETRY_INPUT)         /* over a stated limit */                       \
    X(UNSUPPORTED, "unsupported", ERR_RETRY_NEVER) /* well-formed, but not known here */           \
    X(NOT_FOUND, "not found", ERR_RETRY_INPUT)                                                     \
    X(EXISTS, "exists", ERR_RETRY_INPUT)                                                           \
    X(CONFLICT, "conflict", ERR_RETRY_INPUT)                                                       \
    X(EXHAUSTED, "exhausted", ERR_RETRY_LATER) /* a pool or limit is used up */                    \
    X(AGAIN, "try again", ERR_RETRY_LATER)                                                         \
    X(TIMEOUT, "timed out", ERR_RETRY_LATER)                                                       \
    X(CLOSED, "closed", ERR_RETRY_LATER)           /* the peer went away */                        \
    X(REFUSED, "refused", ERR_RETRY_INPUT)         /* the peer said no */                          \
    X(PROTOCOL, "protocol error", ERR_RETRY_LATER) /* the peer broke the protocol */               \
    X(PERMISSION, "not permitted", ERR_RETRY_NEVER)                                                \
    X(IO, "i/o error", ERR_RETRY_LATER) /* the system said no; os_code tells */                    \
    X(INTERNAL, "internal error", ERR_RETRY_NEVER)

enum err_retry { ERR_RETRY_NEVER, ERR_RETRY_LATER, ERR_RETRY_INPUT };

#define ERR_ENUM__(name, text, retry) ERR_INDEX_##name,
enum err_index { ERR_INDEX_NONE, ERR_LIST(ERR_ENUM__) ERR_N_CODES };
#undef ERR_ENUM__

#define ERR_CODE__(name, text, retry) ERR_##name = -(int)ERR_INDEX_##name,
enum err_code { ERR_OK = 0, ERR_LIST(ERR_CODE__) };
#undef ERR_CODE__

enum { ERR_TEXT_MAX = 256 };

struct err {
    int code;                /* 0 or a negative ERR_ code */
    long long os_code;       /* errno or system error as it came, 0 if none */
    char text[ERR_TEXT_MAX]; /* one line, no trailing newline; cut if longer */
};

/* Fills '*err' (if not NULL) with 'code' and the text; returns 'code'. */
int err_set(struct err *err, int code, const char *fmt, ...) PORT_PRINTF(3, 4);
/* The same with the system's number kept beside. */
int err_set_os(struct err *err, int code, long long os_code, const char *fmt, ...)
    PORT_PRINTF(4, 5);
/* Puts "context: " before the text; returns err->code (ERR_INTERNAL if err is NULL). */
int err_wrap(struct err *err, const char *fmt, ...) PORT_PRINTF(2, 3);
/* The list's text for a code: "invalid"; "ok" for 0; "unknown error" otherwise. */
const char *err_text(int code);
/* The list's name for a code: "INVALID". */
const char *err_name(int code);
enum err_retry err_retry(int code);
/* Translates an errno value (positive) to a code. */
int err_from_errno(int os_errno);

#endif
