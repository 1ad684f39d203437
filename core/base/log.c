/* SPDX-License-Identifier: Apache-2.0
 *
 * Logging: levels by area, one sink.  A message is one line: control characters in it become
 * spaces, so that what a peer sent cannot forge lines. */
#include "core/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LOG_TEXT_MAX = 2048 };

#define LOG_NAME__(id, name) [LOG_AREA_##id] = name,
static const char *const log_area_names[LOG_N_AREAS] = {LOG_AREAS(LOG_NAME__)};
#undef LOG_NAME__
static const char *const log_level_names[LOG_N_LEVELS] = {"error", "warn", "info", "debug"};

#define LOG_DEFAULT__(id, name) [LOG_AREA_##id] = LOG_INFO,
static enum log_level log_levels[LOG_N_AREAS] = {LOG_AREAS(LOG_DEFAULT__)};
#undef LOG_DEFAULT__
static log_sink_fn *log_sink;
static void *log_sink_aux;

void log_set_sink(log_sink_fn *sink, void *aux)
{
    log_sink = sink;
    log_sink_aux = aux;
}

/* Position of the name of n bytes in the list, or n_names. */
static size_t log_find(const char *const *names, size_t n_names, const char *s, size_t n)
{
    size_t i = 0;
    while (i < n_names && (strlen(names[i]) != n || memcmp(names[i], s, n) != 0)) {
        i++;
    }
    return i;
}

/* One part: "level" or "area=level". */
static int log_parse_part(const char *s, size_t n, enum log_level *levels, struct err *err)
{
    const char *eq = memchr(s, '=', n);
    const char *level_text = eq ? eq + 1 : s;
    size_t level_len = n - (size_t)(level_text - s);
    size_t level = log_find(log_level_names, LOG_N_LEVELS, level_text, level_len);
    if (level == LOG_N_LEVELS) {
        return err_set(err, ERR_INVALID, "%.*s: not a level (error, warn, info, debug)", (int)n, s);
    }
    size_t area = eq ? log_find(log_area_names, LOG_N_AREAS, s, (size_t)(eq - s)) : 0;
    if (area == LOG_N_AREAS) {
        return err_set(err, ERR_INVALID, "%.*s: no such area", (int)n, s);
    }
    size_t end = eq ? area + 1 : LOG_N_AREAS;
    for (size_t i = area; i < end; i++) {
        levels[i] = (enum log_level)level;
    }
    return 0;
}

int log_set_levels(const char *spec, struct err *err)
{
    enum log_level levels[LOG_N_AREAS];
    memcpy(levels, log_levels, sizeof levels);
    for (;;) {
        size_t n = strcspn(spec, ",");
        int rc = log_parse_part(spec, n, levels, err);
        if (rc) {
            return rc;
        }
        if (!spec[n]) {
            break;
        }
        spec += n + 1;
    }
    memcpy(log_levels, levels, sizeof levels);
    return 0;
}

bool log_enabled(enum log_area area, enum log_level level)
{
    return level <= log_levels[area];
}

static void log_tidy(char *text, int n)
{
    if (n >= LOG_TEXT_MAX) {
        memcpy(text + LOG_TEXT_MAX - 4, "...", 4);
    }
    for (char *c = text; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            *c = ' ';
        }
    }
}

void log_msg(enum log_area area, enum log_level level, const char *fmt, ...)
{
    if (!log_enabled(area, level)) {
        return;
    }
    char text[LOG_TEXT_MAX] = "";
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    log_tidy(text, n);
    if (log_sink) {
        log_sink(log_sink_aux, area, level, text);
    } else {
        (void)fprintf(stderr, "%s %s: %s\n", log_level_names[level], log_area_names[area], text);
    }
}

const char *log_area_name(enum log_area area)
{
    return log_area_names[area];
}

const char *log_level_name(enum log_level level)
{
    return log_level_names[level];
}
