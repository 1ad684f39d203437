/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside core/k8s: trees of cJSON nodes made from text by json.c and yaml.c, and the lines on which
 * their nodes are said.  Both parsers hold the same limits, so what a file can cost is bounded. */
#ifndef SEINE_K8S_TREE_H
#define SEINE_K8S_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "core/base/err.h"
#include "core/base/vec.h"

enum {
    TREE_NODES_MAX = 4000000, /* of one document */
    TREE_KEYS_MAX = 4096,     /* of one map */
};
struct tree_line {
    const cJSON *node;
    uint32_t line;
};
struct tree {
    VEC(struct tree_line) lines;
    size_t n_nodes;
};

/* Text to parse; 'line' is the number of its first line. */
struct tree_text {
    const char *text;
    size_t len;
    uint32_t line;
    uint32_t error_line; /* set by a parser that fails */
};

void tree_done(struct tree *t);
void tree_reset(struct tree *t);
/* A new node of a cJSON type, noted with its line; never NULL. */
cJSON *tree_node(struct tree *t, int type, uint32_t line);
/* Gives a string node its text. */
void tree_set_string(cJSON *node, const char *s, size_t n);
#define TREE_TWICE "occurs twice in this map"
/* Why the map cannot have one more member of this key: there is one, or it has too many.  NULL if
 * it can. */
const char *tree_bad_key(const cJSON *map, const char *key);
/* Appends 'value' (taken over) to the map under the key, of which it makes a copy.  False if there
 * is such a key, or too many: then 'value' is still the caller's and '*why' says so. */
bool tree_add_member(cJSON *map, const char *key, cJSON *value, const char **why);
/* The string that a map (NULL: none) has by this name, "" if there is none. */
const char *tree_member_text(const cJSON *map, const char *name);
/* The line of a node, 0 if none was noted. */
uint32_t tree_line(const struct tree *t, const cJSON *node);
/* Counts nodes and levels (a scalar: 1, 1). */
void tree_measure(const cJSON *node, size_t *n_nodes, size_t *height);
/* A copy whose nodes are all noted with 'line'. */
cJSON *tree_copy(struct tree *t, const cJSON *node, uint32_t line);

/* One JSON value after RFC 8259; '*used_out' tells where it ended (white space after it included).
 * ERR_INVALID, ERR_TOO_BIG. */
int json_parse(struct tree *t, struct tree_text *in, cJSON **out, size_t *used_out,
               struct err *err);
/* The one YAML document of the text; NULL if there is none (comments). */
int yaml_parse(struct tree *t, struct tree_text *in, cJSON **out, struct err *err);

/* A look at a JSON object without parsing what is in it: where it ends, and if it is a List kind,
 * its items. */
struct json_piece {
    size_t at, len;
};
struct json_skim {
    size_t len;            /* of the object */
    size_t kind, kind_len; /* texts of these members, without quotes; length 0: none */
    size_t api, api_len;
    bool has_items;
    VEC(struct json_piece) items;
};
/* False if the text does not begin with an object of sound outer form. */
bool json_skim(const char *text, size_t len, struct json_skim *out);
void json_skim_done(struct json_skim *s);

#endif
