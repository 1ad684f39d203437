/* SPDX-License-Identifier: Apache-2.0
 *
 * Metrics registry: series in a hash map, one for each (metric, label values) that was ever
 * written; a metric without labels shows even before its first write, as 0.  Text is sorted: by the
 * table, then by label values.  The loop thread owns it. */
#include "core/base/metrics.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/hmap.h"
#include "core/base/mem.h"

enum metrics_kind { METRICS_COUNTER, METRICS_GAUGE, METRICS_HISTOGRAM };
struct metrics_info {
    const char *name, *labels, *help;
    enum metrics_kind kind;
};
#define METRICS_INFO__(id, kind, name, labels, help)                                               \
    [METRIC_##id] = {name, labels, help, METRICS_##kind},
static const struct metrics_info metrics_infos[METRICS_N] = {METRICS_LIST(METRICS_INFO__)};
#undef METRICS_INFO__
static const char *const metrics_kinds[] = {
    [METRICS_COUNTER] = "counter", [METRICS_GAUGE] = "gauge", [METRICS_HISTOGRAM] = "histogram"};

/* Seconds: from a fast local answer to a Pod's whole timeout. */
static const double metrics_bounds[] = {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1,
                                        0.2,   0.5,   1,     2,    5,    10,   20};
enum { METRICS_N_BOUNDS = ARRAY_LEN(metrics_bounds) };

struct metrics_series {
    struct hmap_node node;
    enum metric metric;
    char *l1, *l2;     /* "" where there is none */
    double value;      /* histogram: the sum */
    uint64_t count;    /* histogram: observations in all */
    uint64_t *buckets; /* histogram: METRICS_N_BOUNDS, not cumulated */
};

static struct hmap metrics_all;

static uint64_t metrics_hash(enum metric m, const char *l1, const char *l2)
{
    return hash_str(l2, hash_str(l1, (uint64_t)m));
}

static struct metrics_series *metrics_find(enum metric m, const char *l1, const char *l2)
{
    HMAP_FOR_EACH_WITH_HASH(node, &metrics_all, metrics_hash(m, l1, l2)) {
        struct metrics_series *s = CONTAINER_OF(node, struct metrics_series, node);
        if (s->metric == m && !strcmp(s->l1, l1) && !strcmp(s->l2, l2)) {
            return s;
        }
    }
    return NULL;
}

static struct metrics_series *metrics_at(enum metric m, const char *l1, const char *l2)
{
    l1 = l1 ? l1 : "";
    l2 = l2 ? l2 : "";
    struct metrics_series *s = metrics_find(m, l1, l2);
    if (s) {
        return s;
    }
    s = mem_calloc(1, sizeof *s);
    s->metric = m;
    s->l1 = mem_strdup(l1);
    s->l2 = mem_strdup(l2);
    if (metrics_infos[m].kind == METRICS_HISTOGRAM) {
        s->buckets = mem_calloc(METRICS_N_BOUNDS, sizeof *s->buckets);
    }
    hmap_insert(&metrics_all, &s->node, metrics_hash(m, l1, l2));
    return s;
}

void metric_add(enum metric m, const char *l1, const char *l2, double by)
{
    assert(metrics_infos[m].kind != METRICS_HISTOGRAM);
    metrics_at(m, l1, l2)->value += by;
}

void metric_set(enum metric m, const char *l1, const char *l2, double value)
{
    assert(metrics_infos[m].kind == METRICS_GAUGE);
    metrics_at(m, l1, l2)->value = value;
}

void metric_count(enum metric m, const char *l1, double value)
{
    assert(metrics_infos[m].kind == METRICS_COUNTER);
    struct metrics_series *s = metrics_at(m, l1, NULL);
    s->value = value > s->value ? value : s->value;
}

void metric_observe(enum metric m, const char *l1, const char *l2, double value)
{
    assert(metrics_infos[m].kind == METRICS_HISTOGRAM);
    struct metrics_series *s = metrics_at(m, l1, l2);
    s->value += value;
    s->count++;
    for (size_t i = 0; i < METRICS_N_BOUNDS; i++) {
        if (value <= metrics_bounds[i]) {
            s->buckets[i]++;
            break;
        }
    }
}

double metric_get(enum metric m, const char *l1, const char *l2)
{
    const struct metrics_series *s = metrics_find(m, l1 ? l1 : "", l2 ? l2 : "");
    return s ? s->value : 0;
}

/* The shortest decimal that reads back as the same number. */
static void metrics_put_number(struct sbuf *out, double v)
{
    if (isnan(v) || isinf(v)) {
        sbuf_puts(out, isnan(v) ? "NaN" : v > 0 ? "+Inf" : "-Inf");
        return;
    }
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v) {
            break;
        }
    }
    sbuf_puts(out, text);
}

/* The label whose name is the first n bytes of 'name', its value escaped. */
static void metrics_put_label(struct sbuf *out, const char *name, size_t n, const char *value)
{
    sbuf_put(out, name, n);
    sbuf_puts(out, "=\"");
    for (; *value; value++) {
        if (*value == '\n') {
            sbuf_puts(out, "\\n");
        } else {
            if (*value == '"' || *value == '\\') {
                sbuf_putc(out, '\\');
            }
            sbuf_putc(out, *value);
        }
    }
    sbuf_putc(out, '"');
}

/* One line: name, suffix, labels (and 'le' if not NULL), number. */
static void metrics_put_line(struct sbuf *out, const struct metrics_series *s, const char *suffix,
                             const char *le, double value)
{
    const struct metrics_info *info = &metrics_infos[s->metric];
    const char *labels = info->labels;
    sbuf_printf(out, "%s%s", info->name, suffix);
    char before = '{';
    for (const char *label = s->l1; *labels; label = s->l2, before = ',') {
        size_t n = strcspn(labels, ",");
        sbuf_putc(out, before);
        metrics_put_label(out, labels, n, label);
        labels += n + (labels[n] == ',');
    }
    if (le) {
        sbuf_putc(out, before);
        metrics_put_label(out, "le", 2, le);
    }
    if (le || before == ',') {
        sbuf_putc(out, '}');
    }
    sbuf_putc(out, ' ');
    metrics_put_number(out, value);
    sbuf_putc(out, '\n');
}

static void metrics_put_histogram(struct sbuf *out, const struct metrics_series *s)
{
    uint64_t below = 0;
    for (size_t i = 0; i < METRICS_N_BOUNDS; i++) {
        char le[32];
        below += s->buckets[i];
        (void)snprintf(le, sizeof le, "%g", metrics_bounds[i]);
        metrics_put_line(out, s, "_bucket", le, (double)below);
    }
    metrics_put_line(out, s, "_bucket", "+Inf", (double)s->count);
    metrics_put_line(out, s, "_sum", NULL, s->value);
    metrics_put_line(out, s, "_count", NULL, (double)s->count);
}

static int metrics_order(const void *a, const void *b)
{
    const struct metrics_series *x, *y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    if (x->metric != y->metric) {
        return x->metric < y->metric ? -1 : 1;
    }
    int order = strcmp(x->l1, y->l1);
    return order ? order : strcmp(x->l2, y->l2);
}

void metrics_format(struct sbuf *out)
{
    for (int m = 0; m < METRICS_N; m++) {
        if (!*metrics_infos[m].labels) {
            (void)metrics_at((enum metric)m, NULL, NULL);
        }
    }
    size_t n = 0;
    auto_free struct metrics_series **all =
        mem_calloc(metrics_all.n, sizeof(struct metrics_series *));
    HMAP_FOR_EACH(node, &metrics_all) {
        all[n++] = CONTAINER_OF(node, struct metrics_series, node);
    }
    qsort(all, n, sizeof(struct metrics_series *), metrics_order);
    for (size_t i = 0; i < n; i++) {
        const struct metrics_info *info = &metrics_infos[all[i]->metric];
        if (!i || all[i]->metric != all[i - 1]->metric) {
            sbuf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", info->name, info->help, info->name,
                        metrics_kinds[info->kind]);
        }
        if (info->kind == METRICS_HISTOGRAM) {
            metrics_put_histogram(out, all[i]);
        } else {
            metrics_put_line(out, all[i], "", NULL, all[i]->value);
        }
    }
}

void metrics_markdown(struct sbuf *out)
{
    sbuf_puts(out, "| metric | kind | labels | meaning |\n|---|---|---|---|\n");
    for (int m = 0; m < METRICS_N; m++) {
        const struct metrics_info *info = &metrics_infos[m];
        sbuf_printf(out, "| `%s` | %s | %s | %s |\n", info->name, metrics_kinds[info->kind],
                    *info->labels ? info->labels : "-", info->help);
    }
}

void metrics_reset(void)
{
    HMAP_FOR_EACH_SAFE(node, next, &metrics_all) {
        struct metrics_series *s = CONTAINER_OF(node, struct metrics_series, node);
        hmap_remove(&metrics_all, node);
        mem_free(s->l1);
        mem_free(s->l2);
        mem_free(s->buckets);
        mem_free(s);
    }
    hmap_done(&metrics_all);
}
