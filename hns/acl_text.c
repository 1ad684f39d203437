/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists printed. */
#include <stdlib.h>
#include <string.h>

#include "core/base/vec.h"
#include "hns/acl.h"
#include "hns/acl_rule.h"
#include "hns/feature.h"

struct hcn_version acl_version(const struct node_config *c)
{
    return (struct hcn_version){.major = c->hns_major, .minor = c->hns_minor};
}

/* ---- lists ---- */

struct line { /* a rule of a Pod */
    const char *pod, *json;
};
typedef VEC(struct line) line_vec;

static int cmp_line(const void *pa, const void *pb)
{
    const struct line *a = pa, *b = pb;
    int c = strcmp(a->pod, b->pod);
    return c ? c : acl_line_cmp(a->json, b->json);
}

/* The lines of one entry; 'text' is cut into them. */
static void take_lines(char *text, line_vec *out)
{
    for (char *p = strchr(text, '\n'); p;) {
        char *next = strchr(p + 1, '\n');
        *p = '\0';
        VEC_PUSH(out, ((struct line){text, p + 1}));
        p = next;
    }
}

static struct bytes side(const struct engine_entry *e, bool installed)
{
    return installed ? e->installed : e->desired;
}

static char *copy_text(struct arena *a, struct bytes value)
{
    char *text = arena_alloc(a, value.n + 1);
    memcpy(text, value.p, value.n);
    text[value.n] = '\0';
    return text;
}

/* Two attachments of one Pod may say the same: it is said once. */
static void print_lists(struct engine *e, bool installed, struct arena *a, struct sbuf *out)
{
    size_t n;
    line_vec lines = VEC_INIT;
    const struct engine_entry *entries = engine_entries(e, SPACE_ACL, a, &n);
    for (size_t i = 0; i < n; i++)
        if (side(&entries[i], installed).p)
            take_lines(copy_text(a, side(&entries[i], installed)), &lines);
    if (lines.n > 1)
        qsort(lines.v, lines.n, sizeof *lines.v, cmp_line);
    sbuf_puts(out, "# acls\n");
    for (size_t i = 0; i < lines.n; i++)
        if (i == 0 || cmp_line(&lines.v[i], &lines.v[i - 1]) != 0)
            sbuf_printf(out, "%s %s\n", lines.v[i].pod, lines.v[i].json);
    VEC_DONE(&lines);
}

static void print_sets(struct engine *e, bool installed, struct arena *a, struct sbuf *out)
{
    const struct row *row = store_get(engine_store(e), TABLE_CONFIG, "");
    if (!row)
        return;
    struct hcn_version version = acl_version(row->value);
    if (!feature_is_in(FEATURE_SET_POLICY, &version))
        return;
    size_t n;
    const struct engine_entry *entries = engine_entries(e, SPACE_ACL_SET, a, &n);
    sbuf_puts(out, "# sets\n");
    for (size_t i = 0; i < n; i++) {
        struct bytes value = side(&entries[i], installed);
        sbuf_put(out, value.p, value.p ? value.n : 0);
        sbuf_puts(out, value.p ? "\n" : "");
    }
}

void acl_print(struct engine *e, bool installed, struct sbuf *out)
{
    struct arena a;
    arena_init(&a, 0);
    print_lists(e, installed, &a, out);
    print_sets(e, installed, &a, out);
    arena_done(&a);
}

/* ---- what is not said ---- */

static int cmp_text(const void *pa, const void *pb)
{
    const char *const *a = pa, *const *b = pb;
    return strcmp(*a, *b);
}

void acl_print_unsaid(struct engine *e, struct sbuf *out)
{
    struct arena a;
    arena_init(&a, 0);
    size_t n_rows, n_failures;
    const struct row **rows = store_list(engine_store(e), TABLE_UNSAID, &a, &n_rows);
    const struct engine_failure *failures = engine_failures(e, &a, &n_failures);
    const char **lines = arena_alloc(&a, (n_rows + n_failures) * sizeof *lines);
    size_t n = 0;
    for (size_t i = 0; i < n_rows; i++)
        lines[n++] = rows[i]->key;
    for (size_t i = 0; i < n_failures; i++)
        if (strcmp(failures[i].kind, "policy") == 0)
            lines[n++] = arena_printf(&a, "policy %s", failures[i].reason);
    if (n > 1)
        qsort(lines, n, sizeof *lines, cmp_text);
    for (size_t i = 0; i < n; i++)
        sbuf_printf(out, "%s\n", lines[i]);
    arena_done(&a);
}
