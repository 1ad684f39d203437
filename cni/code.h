/* SPDX-License-Identifier: Apache-2.0
 *
 * CNI error codes: those of the specification and Seine's own from 100 on, one table, and the error
 * object that goes to the runtime.  docs/cni.md has the same table. */
#ifndef SEINE_CNI_CODE_H
#define SEINE_CNI_CODE_H

#include "core/base/err.h"
#include "core/base/sbuf.h"

/* id, number, what it means */
#define CNI_CODES(X)                                                                               \
    X(INCOMPATIBLE_VERSION, 1, "the configuration's cniVersion is not supported")                  \
    X(UNSUPPORTED_FIELD, 2, "a field of the configuration is not supported")                       \
    X(UNKNOWN_CONTAINER, 3, "the container is unknown or does not exist")                          \
    X(INVALID_ENVIRONMENT, 4, "a CNI_ variable is missing or invalid")                             \
    X(IO_FAILURE, 5, "reading, writing or a system call failed")                                   \
    X(DECODE_FAILURE, 6, "the configuration is not the JSON expected")                             \
    X(INVALID_CONFIG, 7, "the network configuration is invalid")                                   \
    X(TRY_AGAIN, 11, "not possible now, but likely later")                                         \
    X(NOT_AVAILABLE, 50, "ADD cannot be served now")                                               \
    X(LIMITED, 51, "ADD cannot be served now, attached Pods suffer too")                           \
    X(NOT_ATTACHED, 100, "there is no such attachment")                                            \
    X(INTERFACE_DIFFERS, 101, "the Pod's interface is not as it was made")                         \
    X(RESULT_DIFFERS, 102, "prevResult is not what was given to this container")                   \
    X(PORT_DIFFERS, 103, "the switch has not the Pod's port as it was made")                       \
    X(FLOWS_MISSING, 104, "the switch has not acknowledged the Pod's flows")                       \
    X(INTERFACE_TAKEN, 110, "the Pod has an interface of that name already")                       \
    X(PORT_REFUSED, 111, "Open vSwitch refused the Pod's port")                                    \
    X(ADDRESS_TAKEN, 112, "the address asked for cannot be given")
#define CNI_CODE_ENUM__(id, number, meaning) CNI_##id = number,
enum cni_code { CNI_OK = 0, CNI_CODES(CNI_CODE_ENUM__) };
#undef CNI_CODE_ENUM__

/* Meaning of a code, "" if it is none of the table. */
const char *cni_code_meaning(int code);

struct cni_error {
    int code; /* 0: none */
    char msg[ERR_TEXT_MAX];
    char details[ERR_TEXT_MAX];
};
/* Fills it: msg from the format, details from the code's meaning.  Returns 'code'. */
int cni_error_set(struct cni_error *e, enum cni_code code, const char *fmt, ...) PORT_PRINTF(3, 4);
/* The same with the text of 'cause' (if it has one) as details. */
int cni_error_cause(struct cni_error *e, enum cni_code code, const struct err *cause,
                    const char *fmt, ...) PORT_PRINTF(4, 5);
/* The JSON object that a plugin prints, with a newline. */
void cni_error_format(const struct cni_error *e, const char *version, struct sbuf *out);

#endif
