/* SPDX-License-Identifier: Apache-2.0
 *
 * acl-apply.exe: sends printed access lists to endpoints, by the code that an agent would use, and
 * prints what they hold then.
 *
 *   acl-apply NETWORK [NAMESPACE/POD ENDPOINT]...      GUIDs; the text of `render` on stdin
 *
 * On stderr: "N changes: done", "... refused: WHY" or "... unknown: WHY".  Exit code 0, 3, 4. */
#include <stdio.h>
#include <string.h>

#include "core/base/vec.h"
#include "core/intent/tables.h"
#include "hns/acl_target.h"

enum { EXIT_USAGE = 2, EXIT_REFUSED, EXIT_UNKNOWN, MAX_PLACES = 16 };

struct work {
    struct hns_client hns;
    struct guid network;
    struct acl_place places[MAX_PLACES];
    size_t n_places;
    struct arena a;
    VEC(struct acl_row) sets; /* wanted */
    VEC(struct acl_change) set_changes, list_changes;
};

static void read_all(struct sbuf *out)
{
    char part[4096];
    for (size_t n; (n = fread(part, 1, sizeof part, stdin)) > 0;)
        sbuf_put(out, part, n);
}

/* What the text says for a Pod, in the form of an entry of SPACE_ACL. */
static char *list_of(struct work *w, const char *pod, char **lines, size_t n)
{
    auto_sbuf out = SBUF_INIT;
    size_t len = strlen(pod);
    sbuf_puts(&out, pod);
    for (size_t i = 0; i < n; i++)
        if (strncmp(lines[i], pod, len) == 0 && lines[i][len] == ' ')
            sbuf_printf(&out, "\n%s", lines[i] + len + 1);
    return arena_strdup(&w->a, out.data);
}

static void take_set(struct work *w, char *line)
{
    struct hcn_policy p;
    if (hcn_policy_decode(line, strlen(line), &p, &w->a, NULL) == 0 && p.type == HCN_POLICY_SET)
        VEC_PUSH(&w->sets, ((struct acl_row){p.u.set.id, line}));
}

static const char *find(const struct acl_row *v, size_t n, const char *key)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(v[i].key, key) == 0)
            return v[i].value;
    return NULL;
}

static void plan_lists(struct work *w, const struct acl_rows *have, char **lines, size_t n)
{
    for (size_t i = 0; i < w->n_places; i++) {
        const struct acl_place *p = &w->places[i];
        const char *is = find(have->v, have->n, p->key);
        struct acl_change c = {.op = is ? PLAN_MODIFY : PLAN_ADD,
                               .endpoint = p->endpoint,
                               .key = p->key,
                               .text = list_of(w, p->pod, lines, n)};
        if (!is || strcmp(is, c.text) != 0)
            VEC_PUSH(&w->list_changes, c);
    }
}

static void plan_sets(struct work *w, const struct acl_rows *have)
{
    for (size_t i = 0; i < w->sets.n; i++) {
        const struct acl_row *want = &w->sets.v[i];
        const char *is = find(have->v, have->n, want->key);
        struct acl_change c = {
            .op = is ? PLAN_MODIFY : PLAN_ADD, .key = want->key, .text = want->value};
        if (!is || strcmp(is, want->value) != 0)
            VEC_PUSH(&w->set_changes, c);
    }
    for (size_t i = 0; i < have->n; i++) {
        struct acl_change c = {.op = PLAN_DELETE, .key = have->v[i].key};
        if (!find(w->sets.v, w->sets.n, have->v[i].key))
            VEC_PUSH(&w->set_changes, c);
    }
}

static int read_back(struct work *w, struct acl_rows *lists, struct acl_rows *sets, struct err *err)
{
    int rc = acl_target_read(&w->hns, w->places, w->n_places, &w->a, lists, err);
    return rc ? rc : acl_target_read_sets(&w->hns, &w->network, &w->a, sets, err);
}

static void print(const struct acl_rows *lists, const struct acl_rows *sets)
{
    for (size_t i = 0; i < lists->n; i++)
        printf("%s\n", lists->v[i].value);
    for (size_t i = 0; i < sets->n; i++)
        printf("%s\n", sets->v[i].value);
}

static int apply(struct work *w, char **lines, size_t n)
{
    static const char *const ends[] = {"done", "refused", "unknown"};
    struct acl_rows lists, sets;
    struct acl_result r;
    struct err err = {0};
    if (read_back(w, &lists, &sets, &err)) {
        fprintf(stderr, "0 changes: unknown: %s\n", err.text);
        return EXIT_UNKNOWN;
    }
    plan_lists(w, &lists, lines, n);
    plan_sets(w, &sets);
    acl_target_apply(&w->hns, &w->network,
                     &(struct acl_changes){w->set_changes.v, w->set_changes.n},
                     &(struct acl_changes){w->list_changes.v, w->list_changes.n}, &r);
    fprintf(stderr, "%u changes: %s%s%s\n", (unsigned)(w->list_changes.n + w->set_changes.n),
            ends[r.end], r.end ? ": " : "", r.end ? r.err.text : "");
    if (read_back(w, &lists, &sets, &err) == 0)
        print(&lists, &sets);
    return r.end == ACL_DONE ? 0 : r.end == ACL_REFUSED ? EXIT_REFUSED : EXIT_UNKNOWN;
}

static bool take_arguments(struct work *w, int argc, char **argv)
{
    if (argc < 2 || argc % 2 || argc / 2 - 1 > MAX_PLACES || !guid_parse(argv[1], &w->network))
        return false;
    for (int i = 2; i < argc; i += 2) {
        struct acl_place *p = &w->places[w->n_places++];
        p->key = p->pod = argv[i];
        if (!guid_parse(argv[i + 1], &p->endpoint))
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct work w;
    memset(&w, 0, sizeof w);
    if (!take_arguments(&w, argc, argv)) {
        fprintf(stderr, "usage: acl-apply NETWORK [NAMESPACE/POD ENDPOINT]... < LISTS\n");
        return EXIT_USAGE;
    }
    arena_init(&w.a, 0);
    hns_init(&w.hns, NULL, NULL);
    auto_sbuf text = SBUF_INIT;
    VEC(char *) lines = VEC_INIT;
    read_all(&text);
    for (char *line = strtok(text.data, "\r\n"); line; line = strtok(NULL, "\r\n")) {
        VEC_PUSH(&lines, line);
        if (*line == '{')
            take_set(&w, line);
    }
    int rc = apply(&w, lines.v, lines.n);
    VEC_DONE(&lines);
    VEC_DONE(&w.sets);
    VEC_DONE(&w.set_changes);
    VEC_DONE(&w.list_changes);
    arena_done(&w.a);
    return rc;
}
