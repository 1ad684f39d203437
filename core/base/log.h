/* SPDX-License-Identifier: Apache-2.0
 *
 * Logging: one line an event, with an area and a level.  The program sets the sink and the levels;
 * the sink adds time and form (text or JSON). */
#ifndef SEINE_BASE_LOG_H
#define SEINE_BASE_LOG_H

#include <stdbool.h>

#include "core/base/err.h"
#include "core/base/port.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_N_LEVELS };
#define LOG_AREAS(X)                                                                               \
    X(AGENT, "agent")                                                                              \
    X(SOURCE, "source")                                                                            \
    X(ENGINE, "engine")                                                                            \
    X(OPENFLOW, "openflow") X(OVSDB, "ovsdb") X(CNI, "cni") X(HOST, "host") X(API, "api")
#define LOG_ENUM__(id, name) LOG_AREA_##id,
enum log_area { LOG_AREAS(LOG_ENUM__) LOG_N_AREAS };
#undef LOG_ENUM__

typedef void log_sink_fn(void *aux, enum log_area area, enum log_level level, const char *text);
void log_set_sink(log_sink_fn *sink, void *aux); /* NULL: stderr in text form */
/* "info" or "info,openflow=debug,..."; 0 or ERR_INVALID naming the part. */
int log_set_levels(const char *spec, struct err *err);
bool log_enabled(enum log_area area, enum log_level level);
void log_msg(enum log_area area, enum log_level level, const char *fmt, ...) PORT_PRINTF(3, 4);
const char *log_area_name(enum log_area area);
const char *log_level_name(enum log_level level);

#endif
