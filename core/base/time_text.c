/* SPDX-License-Identifier: Apache-2.0
 *
 * Times as text, see time_text.h. */
#include "core/base/time_text.h"

#include <stdio.h>
#include <time.h>

char *time_text_format(uint64_t wall_ms, enum time_digits digits, char out[TIME_TEXT_MAX])
{
    time_t whole = (time_t)(wall_ms / 1000);
    char seconds[24] = "", fraction[8];
    const struct tm *tm = gmtime(&whole);
    if (!tm || !strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", tm)) {
        snprintf(seconds, sizeof seconds, "1970-01-01T00:00:00");
    }
    snprintf(fraction, sizeof fraction, "%03u000", (unsigned)(wall_ms % 1000));
    snprintf(out, TIME_TEXT_MAX, "%s%s%.*sZ", seconds, digits ? "." : "", (int)digits, fraction);
    return out;
}
