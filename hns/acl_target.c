/* SPDX-License-Identifier: Apache-2.0 */
#include "hns/acl_target.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/vec.h"
#include "core/intent/tables.h"
#include "hns/acl_peers.h"
#include "hns/acl_rule.h"

static char *encode(const struct hcn_policy *p, struct arena *a)
{
    auto_sbuf text = SBUF_INIT;
    hcn_policy_encode(p, &text);
    return arena_strdup(a, text.data);
}

/* ---- reading ---- */

static int cmp_line(const void *pa, const void *pb)
{
    const char *const *a = pa, *const *b = pb;
    return acl_line_cmp(*a, *b);
}

/* The list as SPACE_ACL has it; NULL: none. */
static char *list_of(const struct hcn_endpoint *e, const char *pod, struct arena *a)
{
    const char **lines = arena_alloc(a, e->policies.n * sizeof *lines);
    size_t n = 0;
    for (size_t i = 0; i < e->policies.n; i++)
        if (e->policies.v[i].type == HCN_POLICY_ACL)
            lines[n++] = encode(&e->policies.v[i], a);
    if (n == 0)
        return NULL;
    qsort(lines, n, sizeof *lines, cmp_line);
    auto_sbuf text = SBUF_INIT;
    sbuf_puts(&text, pod);
    for (size_t i = 0; i < n; i++)
        sbuf_printf(&text, "\n%s", lines[i]);
    return arena_strdup(a, text.data);
}

int acl_target_read(struct hns_client *h, const struct acl_place *places, size_t n, struct arena *a,
                    struct acl_rows *out, struct err *err)
{
    struct acl_rows rows = {.v = arena_alloc(a, n * sizeof *rows.v)};
    for (size_t i = 0; i < n; i++) {
        struct hcn_endpoint e;
        struct err why = {0};
        enum hns_found found = hns_endpoint_get(h, &places[i].endpoint, a, &e, &why);
        if (found == HNS_UNKNOWN)
            return hns_pass(&why, err);
        char *list = found == HNS_PRESENT ? list_of(&e, places[i].pod, a) : NULL;
        if (list)
            rows.v[rows.n++] = (struct acl_row){places[i].key, list};
    }
    *out = rows;
    return 0;
}

static bool is_our_set(const struct hcn_policy *p)
{
    return p->type == HCN_POLICY_SET && p->u.set.id &&
           strncmp(p->u.set.id, ACL_SET_PREFIX, sizeof ACL_SET_PREFIX - 1) == 0;
}

int acl_target_read_sets(struct hns_client *h, const struct guid *network, struct arena *a,
                         struct acl_rows *out, struct err *err)
{
    struct hcn_network n;
    struct err why = {0};
    enum hns_found found = hns_network_get(h, network, a, &n, &why);
    if (found == HNS_UNKNOWN)
        return hns_pass(&why, err);
    struct acl_rows rows = {NULL, 0};
    if (found == HNS_PRESENT)
        rows.v = arena_alloc(a, n.policies.n * sizeof *rows.v);
    for (size_t i = 0; found == HNS_PRESENT && i < n.policies.n; i++)
        if (is_our_set(&n.policies.v[i]))
            rows.v[rows.n++] =
                (struct acl_row){n.policies.v[i].u.set.id, encode(&n.policies.v[i], a)};
    *out = rows;
    return 0;
}

/* ---- writing lists ---- */

typedef VEC(struct hcn_policy) policy_vec;

static int add_policy(policy_vec *out, const char *text, size_t len, struct arena *a,
                      struct err *err)
{
    struct hcn_policy p;
    int rc = hcn_policy_decode(text, len, &p, a, err);
    if (rc == 0)
        VEC_PUSH(out, p);
    return rc;
}

/* The rules of an entry's text, behind its first line. */
static int add_rules(policy_vec *out, const char *text, struct arena *a, struct err *err)
{
    int rc = 0;
    for (const char *p = strchr(text, '\n'); p && rc == 0; p = strchr(p + 1, '\n'))
        rc = add_policy(out, p + 1, strcspn(p + 1, "\n"), a, err);
    return rc;
}

static int send_list(struct hns_client *h, const struct acl_change *c, struct arena *a,
                     struct err *err)
{
    struct hcn_endpoint e;
    struct err why = {0};
    enum hns_found found = hns_endpoint_get(h, &c->endpoint, a, &e, &why);
    if (found == HNS_UNKNOWN)
        return hns_pass(&why, err);
    if (found == HNS_ABSENT)
        return 0; /* nothing passes there; when it comes, it is read and gets its list */
    policy_vec all = VEC_INIT;
    for (size_t i = 0; i < e.policies.n; i++)
        if (e.policies.v[i].type != HCN_POLICY_ACL)
            VEC_PUSH(&all, e.policies.v[i]);
    int rc = add_rules(&all, c->text, a, err);
    if (rc == 0)
        rc = hns_endpoint_modify(h, &c->endpoint, HCN_UPDATE, &(struct hcn_policies){all.v, all.n},
                                 err);
    VEC_DONE(&all);
    return rc;
}

/* ---- writing sets ---- */

struct set_work {
    struct hns_client *h;
    const struct guid *network;
    struct arena *a;
};

static int send_sets(struct set_work *w, enum hcn_request_type type, const policy_vec *v,
                     struct err *err)
{
    if (v->n == 0)
        return 0;
    return hns_network_modify(w->h, w->network, type, &(struct hcn_policies){v->v, v->n}, err);
}

static int read_network(struct set_work *w, struct hcn_network *out, struct err *err)
{
    struct err why = {0};
    enum hns_found found = hns_network_get(w->h, w->network, w->a, out, &why);
    if (found == HNS_UNKNOWN)
        return hns_pass(&why, err);
    return found == HNS_PRESENT ? 0 : err_set(err, ERR_NOT_FOUND, "no network to hold the sets");
}

static struct hcn_policy *find_set(struct hcn_policies *list, const char *id)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->v[i].type == HCN_POLICY_SET && list->v[i].u.set.id &&
            strcmp(list->v[i].u.set.id, id) == 0)
            return &list->v[i];
    return NULL;
}

static int send_new(struct set_work *w, const struct acl_change *c, struct err *err)
{
    policy_vec one = VEC_INIT;
    int rc = add_policy(&one, c->text, strlen(c->text), w->a, err);
    rc = rc ? rc : send_sets(w, HCN_ADD, &one, err);
    VEC_DONE(&one);
    return rc;
}

/* All sets go with the changed one: the request is right whether the service replaces those of the
 * type or those of the same id. */
static int send_changed(struct set_work *w, struct hcn_network *n, struct hcn_policy *set,
                        const struct acl_change *c, struct err *err)
{
    policy_vec all = VEC_INIT;
    int rc = hcn_policy_decode(c->text, strlen(c->text), set, w->a, err);
    for (size_t i = 0; i < n->policies.n; i++)
        if (n->policies.v[i].type == HCN_POLICY_SET)
            VEC_PUSH(&all, n->policies.v[i]);
    rc = rc ? rc : send_sets(w, HCN_UPDATE, &all, err);
    VEC_DONE(&all);
    return rc;
}

/* One set that is to be, or to go. */
static int send_set(struct set_work *w, const struct acl_change *c, struct err *err)
{
    struct hcn_network n;
    int rc = read_network(w, &n, err);
    if (rc)
        return c->op == PLAN_DELETE && rc == ERR_NOT_FOUND ? 0 : rc;
    struct hcn_policy *set = find_set(&n.policies, c->key);
    if (c->op != PLAN_DELETE && set && strcmp(encode(set, w->a), c->text) == 0)
        return 0; /* sent with the others */
    if (c->op != PLAN_DELETE)
        return set ? send_changed(w, &n, set, c, err) : send_new(w, c, err);
    if (!set)
        return 0;
    policy_vec one = VEC_INIT;
    VEC_PUSH(&one, *set);
    rc = send_sets(w, HCN_REMOVE, &one, err);
    VEC_DONE(&one);
    return rc;
}

/* Those that are new in one request; what cannot be sent so is left for one by one. */
static void send_all_new(struct set_work *w, const struct acl_changes *sets)
{
    struct hcn_network n;
    policy_vec fresh = VEC_INIT;
    int rc = read_network(w, &n, NULL);
    for (size_t i = 0; rc == 0 && i < sets->n; i++) {
        const struct acl_change *c = &sets->v[i];
        if (c->op != PLAN_DELETE && !find_set(&n.policies, c->key))
            rc = add_policy(&fresh, c->text, strlen(c->text), w->a, NULL);
    }
    if (rc == 0 && fresh.n > 1)
        send_sets(w, HCN_ADD, &fresh, NULL);
    VEC_DONE(&fresh);
}

/* ---- all of it ---- */

/* True: go on. */
static bool settle(struct acl_result *out, int space, size_t item, int rc)
{
    if (rc == 0)
        return true;
    out->end = rc == ERR_AGAIN || rc == ERR_TIMEOUT || rc == ERR_CLOSED || rc == ERR_PROTOCOL
                   ? ACL_UNKNOWN
                   : ACL_REFUSED;
    out->space = space;
    out->item = item;
    return false;
}

static void apply_new_sets(struct hns_client *h, const struct guid *network,
                           const struct acl_changes *sets)
{
    struct arena a;
    if (sets->n < 2)
        return;
    arena_init(&a, 0);
    send_all_new(&(struct set_work){.h = h, .network = network, .a = &a}, sets);
    arena_done(&a);
}

static bool apply_sets(struct hns_client *h, const struct guid *network,
                       const struct acl_changes *sets, bool going, struct acl_result *out)
{
    bool go_on = true;
    for (size_t i = 0; go_on && i < sets->n; i++) {
        struct arena a;
        if ((sets->v[i].op == PLAN_DELETE) != going)
            continue;
        arena_init(&a, 0);
        struct set_work w = {.h = h, .network = network, .a = &a};
        go_on = settle(out, SPACE_ACL_SET, i, send_set(&w, &sets->v[i], &out->err));
        arena_done(&a);
    }
    return go_on;
}

static bool apply_lists(struct hns_client *h, const struct acl_changes *lists,
                        struct acl_result *out)
{
    bool go_on = true;
    for (size_t i = 0; go_on && i < lists->n; i++) {
        struct arena a;
        if (lists->v[i].op == PLAN_DELETE)
            continue;
        arena_init(&a, 0);
        go_on = settle(out, SPACE_ACL, i, send_list(h, &lists->v[i], &a, &out->err));
        arena_done(&a);
    }
    return go_on;
}

void acl_target_apply(struct hns_client *h, const struct guid *network,
                      const struct acl_changes *sets, const struct acl_changes *lists,
                      struct acl_result *out)
{
    memset(out, 0, sizeof *out);
    out->end = ACL_DONE;
    apply_new_sets(h, network, sets);
    if (apply_sets(h, network, sets, false, out) && apply_lists(h, lists, out))
        apply_sets(h, network, sets, true, out);
}
