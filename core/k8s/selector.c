/* SPDX-License-Identifier: Apache-2.0
 *
 * Label selectors (metav1.LabelSelector): reading with the API server's checks, matching, and the
 * canonical form, in which two selectors that say the same requirements are equal field by field:
 * matchLabels become In with one value, values and requirements are sorted and single. */
#include <stdlib.h>
#include <string.h>

#include "core/k8s/decode.h"
#include "core/k8s/names.h"

static int text_cmp(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

static int requirement_cmp(const void *a, const void *b)
{
    const struct requirement *x = a, *y = b;
    int c = strcmp(x->key, y->key);
    if (c == 0)
        c = (int)x->op - (int)y->op;
    if (c == 0)
        c = (x->n_values > y->n_values) - (x->n_values < y->n_values);
    for (size_t i = 0; c == 0 && i < x->n_values; i++)
        c = strcmp(x->values[i], y->values[i]);
    return c;
}

static size_t sort_unique(void *v, size_t n, size_t size, int (*cmp)(const void *, const void *))
{
    char *p = v;
    size_t kept = 0;
    if (n)
        qsort(v, n, size, cmp);
    for (size_t i = 0; i < n; i++) {
        if (kept && !cmp(p + (kept - 1) * size, p + i * size))
            continue;
        if (kept != i)
            memcpy(p + kept * size, p + i * size, size);
        kept++;
    }
    return kept;
}

/* The "values" of an expression; "In" and "NotIn" need some, the others must have none. */
static int read_values(struct decode *d, const struct field *expr, struct requirement *req)
{
    struct field values = field_member(expr, "values");
    size_t n, i = 0;
    int rc = decode_list(d, &values, &n);
    if (rc)
        return rc;
    bool wanted = req->op == SEL_IN || req->op == SEL_NOT_IN;
    if (wanted && n == 0)
        return decode_fail(d, &values, "must be given when the operator is In or NotIn");
    if (!wanted && n)
        return decode_fail(d, &values,
                           "must not be given when the operator is Exists or DoesNotExist");
    const char **v = decode_array(d, n, sizeof *v);
    for (const cJSON *c = n ? values.json->child : NULL; c; c = c->next, i++) {
        struct field one = field_item(&values, c, i);
        if ((rc = decode_string(d, &one, &v[i])))
            return rc;
        if (!v[i])
            v[i] = "";
        const char *why = name_label_value_problem(v[i]);
        if (why)
            return decode_fail(d, &one, "%s", why);
    }
    req->n_values = sort_unique(v, n, sizeof *v, text_cmp);
    req->values = v;
    return 0;
}

static int read_expression(struct decode *d, const struct field *expr, struct requirement *req)
{
    static const struct {
        const char *name;
        enum selector_op op;
    } ops[] = {{"In", SEL_IN},
               {"NotIn", SEL_NOT_IN},
               {"Exists", SEL_EXISTS},
               {"DoesNotExist", SEL_NOT_EXISTS}};
    struct field key = field_member(expr, "key"), op = field_member(expr, "operator");
    char quoted[QUOTE_MAX];
    const char *name;
    int rc = decode_object(d, expr);

    if (!rc)
        rc = decode_name(d, &key, name_label_key_problem, &req->key);
    if (!rc)
        rc = decode_string(d, &op, &name);
    if (rc)
        return rc;
    if (!name || !*name)
        return decode_fail(d, &op, "is required: In, NotIn, Exists or DoesNotExist");
    for (size_t i = 0; i < ARRAY_LEN(ops); i++)
        if (!strcmp(ops[i].name, name)) {
            req->op = ops[i].op;
            return read_values(d, expr, req);
        }
    return decode_fail(d, &op, "%s is not an operator: In, NotIn, Exists or DoesNotExist",
                       decode_quote(name, quoted));
}

int decode_selector(struct decode *d, const struct field *f, struct selector *out)
{
    struct field labels = field_member(f, "matchLabels");
    struct field exprs = field_member(f, "matchExpressions");
    struct labels match;
    size_t n, i = 0;
    int rc = decode_object(d, f);

    if (!rc)
        rc = decode_labels(d, &labels, &match);
    if (!rc)
        rc = decode_list(d, &exprs, &n);
    if (rc)
        return rc;
    struct requirement *reqs = decode_array(d, match.n + n, sizeof *reqs);
    for (; i < match.n; i++) {
        const char **value = decode_array(d, 1, sizeof *value);
        value[0] = match.v[i].value;
        reqs[i] = (struct requirement){
            .key = match.v[i].key, .op = SEL_IN, .values = value, .n_values = 1};
    }
    for (const cJSON *c = n ? exprs.json->child : NULL; c; c = c->next, i++) {
        struct field one = field_item(&exprs, c, i - match.n);
        if ((rc = read_expression(d, &one, &reqs[i])))
            return rc;
    }
    *out = (struct selector){reqs, sort_unique(reqs, i, sizeof *reqs, requirement_cmp)};
    return 0;
}

static bool requirement_holds(const struct requirement *r, const struct labels *l)
{
    const char *value = labels_get(l, r->key);
    if (r->op == SEL_EXISTS || r->op == SEL_NOT_EXISTS)
        return (value != NULL) == (r->op == SEL_EXISTS);
    bool found = false;
    for (size_t i = 0; value && i < r->n_values && !found; i++)
        found = r->values[i] == value || !strcmp(r->values[i], value);
    return found == (r->op == SEL_IN);
}

bool selector_matches(const struct selector *s, const struct labels *l)
{
    for (size_t i = 0; i < s->n_reqs; i++)
        if (!requirement_holds(&s->reqs[i], l))
            return false;
    return true;
}

struct selector block_selector(struct block *b, const struct selector *s)
{
    struct requirement *reqs = block_array(b, s->reqs, s->n_reqs, sizeof *reqs);
    for (size_t i = 0; i < s->n_reqs; i++) {
        const char **v = block_array(b, reqs[i].values, reqs[i].n_values, sizeof *v);
        for (size_t k = 0; k < reqs[i].n_values; k++)
            v[k] = block_intern(v[k]);
        reqs[i].key = block_intern(reqs[i].key);
        reqs[i].values = v;
    }
    return (struct selector){reqs, s->n_reqs};
}

void selector_unref(const struct selector *s)
{
    for (size_t i = 0; i < s->n_reqs; i++) {
        intern_unref(s->reqs[i].key);
        for (size_t k = 0; k < s->reqs[i].n_values; k++)
            intern_unref(s->reqs[i].values[k]);
    }
}

bool selector_equal(const struct selector *a, const struct selector *b)
{
    if (a->n_reqs != b->n_reqs)
        return false;
    for (size_t i = 0; i < a->n_reqs; i++)
        if (requirement_cmp(&a->reqs[i], &b->reqs[i]))
            return false;
    return true;
}
