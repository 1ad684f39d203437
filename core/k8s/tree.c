/* SPDX-License-Identifier: Apache-2.0
 *
 * cJSON trees with lines: what the JSON and the YAML reader share.  cJSON's own allocator is used
 * throughout, so that cJSON_Delete() frees a tree. */
#include "core/k8s/tree.h"

#include <stdlib.h>
#include <string.h>

void tree_done(struct tree *t)
{
    VEC_DONE(&t->lines);
    t->n_nodes = 0;
}

void tree_reset(struct tree *t)
{
    enum { KEPT_LINES = 65536 };
    if (t->lines.cap > KEPT_LINES)
        VEC_DONE(&t->lines);
    t->lines.n = 0;
    t->n_nodes = 0;
}

/* Exhausted memory ends the program, as everywhere (core/base/mem.h). */
static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

static char *copy_text(const char *s, size_t n)
{
    char *p = must(cJSON_malloc(n + 1));
    memcpy(p, s, n);
    p[n] = '\0';
    return p;
}

cJSON *tree_node(struct tree *t, int type, uint32_t line)
{
    cJSON *node = must(cJSON_CreateNull());
    node->type = type;
    VEC_PUSH(&t->lines, ((struct tree_line){node, line}));
    t->n_nodes++;
    return node;
}

void tree_set_string(cJSON *node, const char *s, size_t n)
{
    node->valuestring = copy_text(s, n);
}

const char *tree_bad_key(const cJSON *map, const char *key)
{
    size_t n = 0;
    for (const cJSON *c = map->child; c; c = c->next, n++)
        if (!strcmp(c->string, key))
            return TREE_TWICE;
    return n < TREE_KEYS_MAX ? NULL : "too many keys in this map";
}

bool tree_add_member(cJSON *map, const char *key, cJSON *value, const char **why)
{
    const char *bad = tree_bad_key(map, key);
    if (bad) {
        *why = bad;
        return false;
    }
    value->string = copy_text(key, strlen(key));
    cJSON_AddItemToArray(map, value);
    return true;
}

const char *tree_member_text(const cJSON *map, const char *name)
{
    const cJSON *member = cJSON_GetObjectItemCaseSensitive(map, name);
    return cJSON_IsString(member) ? member->valuestring : "";
}

uint32_t tree_line(const struct tree *t, const cJSON *node)
{
    /* From the end: an address may have belonged to a node that is gone. */
    for (size_t i = t->lines.n; node && i-- > 0;)
        if (t->lines.v[i].node == node)
            return t->lines.v[i].line;
    return 0;
}

void tree_measure(const cJSON *node, size_t *n_nodes, size_t *height)
{
    size_t n = 1, below = 0;
    for (const cJSON *c = node->child; c; c = c->next) {
        size_t cn, ch;
        tree_measure(c, &cn, &ch);
        n += cn;
        below = ch > below ? ch : below;
    }
    *n_nodes = n;
    *height = below + 1;
}

cJSON *tree_copy(struct tree *t, const cJSON *node, uint32_t line)
{
    cJSON *copy = tree_node(t, node->type, line);
    copy->valueint = node->valueint;
    copy->valuedouble = node->valuedouble;
    if (node->valuestring)
        tree_set_string(copy, node->valuestring, strlen(node->valuestring));
    for (const cJSON *c = node->child; c; c = c->next) {
        cJSON *child = tree_copy(t, c, line);
        if (c->string)
            child->string = copy_text(c->string, strlen(c->string));
        cJSON_AddItemToArray(copy, child);
    }
    return copy;
}
