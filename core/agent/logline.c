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
static void logline_write(void *aux, enum log_level level, struct sbuf *line)
{
    if (!aux && level <= LOG_WARN) {
        service_log_event(level == LOG_ERROR ? SERVICE_EVENT_ERROR : SERVICE_EVENT_WARNING,
                          line->data);
    }
    sbuf_putc(line, '\n');
    if (!aux) {
        service_log_write(line->data, line->len);
        return;
    }
    fwrite(line->data, 1, line->len, aux);
    fflush(aux);
}

void logline_text(void *aux, enum log_area area, enum log_level level, const char *text)
{
    auto_sbuf line = SBUF_INIT;
    char time[LOGLINE_TIME_MAX];
    logline_time(time);
    sbuf_printf(&line, "%s %s %s: %s", time, log_level_name(level), log_area_name(area), text);
    logline_write(aux, level, &line);
}

void logline_json(void *aux, enum log_area area, enum log_level level, const char *text)
{
    auto_sbuf line = SBUF_INIT;
    char time[LOGLINE_TIME_MAX];
    logline_time(time);
    sbuf_printf(&line, "{\"time\":\"%s\",\"level\":\"%s\",\"area\":\"%s\",\"msg\":", time,
                log_level_name(level), log_area_name(area));
    sbuf_put_json(&line, text);
    sbuf_putc(&line, '}');
    logline_write(aux, level, &line);
}
