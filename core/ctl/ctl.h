/* SPDX-License-Identifier: Apache-2.0
 *
 * seinectl: what its parts share.  Commands ask the agent over its local socket; lists come in
 * kubectl's shape and are printed as table, wide, JSON or YAML.
 *
 * Exit codes: 0 done, 1 failed, 2 wrong usage. */
#ifndef SEINE_CTL_CTL_H
#define SEINE_CTL_CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/sbuf.h"

struct cJSON;

enum ctl_output { CTL_TABLE, CTL_WIDE, CTL_JSON, CTL_YAML, CTL_N_OUTPUTS };
enum { CTL_DONE = 0, CTL_FAILED = 1, CTL_USAGE = 2, CTL_MAX_OPERANDS = 4 };

/* Flags of commands, each valid for those that name it in the table of commands. */
enum ctl_flag {
    CTL_FLAG_SOCKET,
    CTL_FLAG_OUTPUT,
    CTL_FLAG_WAIT,
    CTL_FLAG_TIMEOUT,
    CTL_FLAG_FAMILY,
    CTL_FLAG_TABLE,
    CTL_FLAG_DESIRED,
    CTL_FLAG_INSTALLED,
    CTL_FLAG_EXPLAIN,
    CTL_FLAG_ALL,
    CTL_FLAG_MARKDOWN,
    CTL_N_FLAGS
};

/* One call of the program, arguments taken apart. */
struct ctl {
    const struct ctl_command *command;
    const char *flags[CTL_N_FLAGS]; /* NULL: not given; "" : given, takes no value */
    const char *operands[CTL_MAX_OPERANDS];
    size_t n_operands;
    enum ctl_output output;
    uint32_t wait_ms; /* of --wait or --timeout */
};

struct ctl_command {
    const char *name, *operands, *meaning;
    size_t min_operands, max_operands;
    uint32_t flags; /* bits 1 << CTL_FLAG_ besides --socket */
    /* Checks the operands before anything is asked; NULL: nothing to check. */
    int (*check)(struct ctl *c, struct err *err);
    int (*run)(struct ctl *c);
};
extern const struct ctl_command ctl_commands[];
extern const size_t ctl_n_commands;

struct ctl_flag_info {
    const char *name, *operand, *meaning; /* operand NULL: takes no value */
};
extern const struct ctl_flag_info ctl_flags[CTL_N_FLAGS];
extern const char *const ctl_output_names[CTL_N_OUTPUTS];
/* Lists of `get`, NULL at the end. */
extern const char *const ctl_lists[];

/* Takes the arguments apart.  0, or ERR_INVALID with the line to print. */
int ctl_parse(struct ctl *c, int argc, char **argv, struct err *err);

/* ---- asking: ctl_ask.c ---- */
/* The agent's answer to 'path'; 'answer_ms' is how long it may take.  0 if the agent answered with
 * 200; else the error that it told. */
struct ctl_request {
    const char *method, *path;
    uint32_t answer_ms;
};
int ctl_ask(const struct ctl *c, const struct ctl_request *r, struct sbuf *body, struct err *err);
/* The same with the answer as JSON, which the caller cJSON_Delete()s. */
int ctl_ask_json(const struct ctl *c, const struct ctl_request *r, struct cJSON **out,
                 struct err *err);
/* Appends text percent-encoded. */
void ctl_put_query(struct sbuf *out, const char *text);
/* Tells a failure on stderr; returns CTL_FAILED. */
int ctl_fail(const struct err *err);

/* ---- printing: ctl_print.c ---- */
int ctl_puts(const char *text, size_t n);
/* Prints as JSON or YAML. */
int ctl_print_tree(const struct cJSON *json, enum ctl_output output);
void ctl_yaml(const struct cJSON *json, struct sbuf *out);
void ctl_json(const struct cJSON *json, struct sbuf *out);
/* Prints the items of a list as a table by its kind. */
struct ctl_column {
    const char *title, *member;
    bool wide; /* only with -o wide */
};
void ctl_table(const struct cJSON *items, const struct ctl_column *columns, bool wide,
               struct sbuf *out);

/* ---- commands ---- */
int ctl_status(struct ctl *c);
int ctl_sync(struct ctl *c);
int ctl_get_check(struct ctl *c, struct err *err);
int ctl_get(struct ctl *c);
int ctl_why_check(struct ctl *c, struct err *err);
int ctl_why(struct ctl *c);
int ctl_recompute(struct ctl *c);
int ctl_pipeline(struct ctl *c);
int ctl_version(struct ctl *c);
int ctl_completion_check(struct ctl *c, struct err *err);
int ctl_completion(struct ctl *c);

#endif
