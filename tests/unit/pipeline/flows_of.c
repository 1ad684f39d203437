/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/pipeline/flows_of.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/intent/tables.h"
#include "ovs/flow.h"

void flows_of(struct engine *e, struct sbuf *out)
{
    struct arena a;
    arena_init(&a, 0);
    size_t n;
    const struct engine_entry *v = engine_entries(e, SPACE_FLOW, &a, &n);
    for (size_t i = 0; i < n; i++) {
        auto_sbuf line = SBUF_INIT;
        struct err err;
        if (flow_format(v[i].key, v[i].desired, &line, &err))
            fail_msg("%s", err.text);
        const char *text = strstr(line.data, ", ");
        assert_non_null(text);
        sbuf_puts(out, text + 2);
        sbuf_putc(out, '\n');
    }
    arena_done(&a);
}

void expect_flow(struct engine *e, const char *begin, bool want)
{
    auto_sbuf all = SBUF_INIT;
    flows_of(e, &all);
    bool found = false;
    for (const char *p = all.data; p && *p && !found; p = strchr(p, '\n') + 1)
        found = strncmp(p, begin, strlen(begin)) == 0;
    if (found != want)
        fail_msg("%s: %s\n%s", begin, want ? "absent" : "there", all.data);
}

size_t count_flows(struct engine *e, const char *text)
{
    auto_sbuf all = SBUF_INIT;
    flows_of(e, &all);
    size_t n = 0;
    for (const char *p = sbuf_cstr(&all); (p = strstr(p, text)); p += strcspn(p, "\n"))
        n++;
    return n;
}
