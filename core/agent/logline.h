/* SPDX-License-Identifier: Apache-2.0
 *
 * Log sinks of the programs: one line an event, with the time in UTC.  'aux' is the FILE to write
 * to; NULL: this is a service, the line goes to the service's log, and what is a warning or worse
 * to the system's event log too.
 *
 *   text  2026-01-31T12:00:00.123Z info source: folder /o: complete
 *   json  {"time":"2026-01-31T12:00:00.123Z","level":"info","area":"source","msg":"..."} */
#ifndef SEINE_AGENT_LOGLINE_H
#define SEINE_AGENT_LOGLINE_H

#include "core/base/log.h"

log_sink_fn logline_text, logline_json;

#endif
