/* SPDX-License-Identifier: Apache-2.0 */
#include "core/agent/logline.h"

#include <stdio.h>
#include <time.h>

#include "core/base/sbuf.h"
#include "platform/process.h"
#include "platform/service.h"

enum { LOGLINE_TIME_MAX = 40 };

static void logline_time(char out[LOGLINE_TIME_MAX])
{
    uint64_t now = process_wall_ms();
    time_t whole = (time_t)(now / 1000);
    char seconds[24] = "";
    const struct tm *tm = gmtime(&whole);
    if (tm) {
        strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", tm);
    }
    snprintf(out, LOGLINE_TIME_MAX, "%s.%03dZ", seconds, (int)(now % 1000));
}

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
    char time[LOGLINE_TIME_MAX];
    logline_event(aux, area, level, text);
    logline_time(time);
    sbuf_printf(&line, "%s %s %s: %s", time, log_level_name(level), log_area_name(area), text);
    logline_write(aux, &line);
}

void logline_json(void *aux, enum log_area area, enum log_level level, const char *text)
{
    auto_sbuf line = SBUF_INIT;
    char time[LOGLINE_TIME_MAX];
    logline_event(aux, area, level, text);
    logline_time(time);
    sbuf_printf(&line, "{\"time\":\"%s\",\"level\":\"%s\",\"area\":\"%s\",\"msg\":", time,
                log_level_name(level), log_area_name(area));
    sbuf_put_json(&line, text);
    sbuf_putc(&line, '}');
    logline_write(aux, &line);
}
