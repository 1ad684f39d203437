/* SPDX-License-Identifier: Apache-2.0 */
#include "core/agent/logline.h"

#include <stdio.h>

#include "core/base/sbuf.h"
#include "core/base/time_text.h"
#include "platform/process.h"
#include "platform/service.h"

/* One call a line, so that lines of several processes do not mix. */
static void logline_write(void *aux, struct sbuf *line)
{
    sbuf_putc(line, '\n');
    if (!aux) {
        service_log_write(line->data, line->len);
        return;
    }
    fwrite(line->data, 1, line->len, aux);
    fflush(aux);
}

/* The event log has a time and a kind of its own. */
static void logline_event(void *aux, enum log_area area, enum log_level level, const char *text)
{
    if (!aux && level <= LOG_WARN) {
        auto_sbuf event = SBUF_INIT;
        sbuf_printf(&event, "%s: %s", log_area_name(area), text);
        service_log_event(level == LOG_ERROR ? SERVICE_EVENT_ERROR : SERVICE_EVENT_WARNING,
                          event.data);
    }
}

void logline_text(void *aux, enum log_area area, enum log_level level, const char *text)
{
    auto_sbuf line = SBUF_INIT;
    char time[TIME_TEXT_MAX];
    logline_event(aux, area, level, text);
    time_text_format(process_wall_ms(), TIME_MILLI, time);
    sbuf_printf(&line, "%s %s %s: %s", time, log_level_name(level), log_area_name(area), text);
    logline_write(aux, &line);
}

void logline_json(void *aux, enum log_area area, enum log_level level, const char *text)
{
    auto_sbuf line = SBUF_INIT;
    char time[TIME_TEXT_MAX];
    logline_event(aux, area, level, text);
    time_text_format(process_wall_ms(), TIME_MILLI, time);
    sbuf_printf(&line, "{\"time\":\"%s\",\"level\":\"%s\",\"area\":\"%s\",\"msg\":", time,
                log_level_name(level), log_area_name(area));
    sbuf_put_json(&line, text);
    sbuf_putc(&line, '}');
    logline_write(aux, &line);
}
