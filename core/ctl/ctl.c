/* SPDX-License-Identifier: Apache-2.0
 *
 * The tables of commands and flags, and how arguments are read by them. */
#include "core/ctl/ctl.h"

#include <string.h>

#include "core/agent/options.h"

#define BIT(flag) (1u << (flag))
const struct ctl_command ctl_commands[] = {
    {"status", "", "whether the agent is ready, and its counters", 0, 0,
     BIT(CTL_FLAG_OUTPUT) | BIT(CTL_FLAG_WAIT), NULL, ctl_status},
    {"sync", "", "wait until all that the source holds now is in the switch", 0, 0,
     BIT(CTL_FLAG_OUTPUT) | BIT(CTL_FLAG_TIMEOUT), NULL, ctl_sync},
    {"get", "pods|nodes|policies|rules|services|endpoints|flows|groups|meters|acls",
     "what the agent holds", 1, 1,
     BIT(CTL_FLAG_OUTPUT) | BIT(CTL_FLAG_DESIRED) | BIT(CTL_FLAG_INSTALLED) | BIT(CTL_FLAG_TABLE) |
         BIT(CTL_FLAG_EXPLAIN) | BIT(CTL_FLAG_ALL),
     ctl_get_check, ctl_get},
    {"why", "SRC DST [PORT[/PROTO]]",
     "which rules decide about this traffic, and whether the switch agrees", 2, 3,
     BIT(CTL_FLAG_OUTPUT) | BIT(CTL_FLAG_FAMILY), ctl_why_check, ctl_why},
    {"recompute", "", "derive everything again and tell what differs", 0, 0, BIT(CTL_FLAG_OUTPUT),
     NULL, ctl_recompute},
    {"pipeline", "", "the stages of the flow pipeline", 0, 0, BIT(CTL_FLAG_MARKDOWN), NULL,
     ctl_pipeline},
    {"version", "", "versions of seinectl and of the agent", 0, 0, BIT(CTL_FLAG_OUTPUT), NULL,
     ctl_version},
    {"completion", "bash|zsh|powershell", "completion code for a shell", 1, 1, 0,
     ctl_completion_check, ctl_completion},
};
#undef BIT
const size_t ctl_n_commands = ARRAY_LEN(ctl_commands);

const struct ctl_flag_info ctl_flags[CTL_N_FLAGS] = {
    [CTL_FLAG_SOCKET] = {"socket", "PATH", "the agent's socket (or SEINE_SOCKET)"},
    [CTL_FLAG_OUTPUT] = {"output", "FORM", "table, wide, json or yaml; short: -o"},
    [CTL_FLAG_WAIT] = {"wait", "TIME", "wait so long for readiness; exit 1 if it does not come"},
    [CTL_FLAG_TIMEOUT] = {"timeout", "TIME", "how long to wait (default: 30s)"},
    [CTL_FLAG_FAMILY] = {"family", "4|6", "address family (default: 4 where both have it)"},
    [CTL_FLAG_TABLE] = {"table", "NAME", "only this stage of the pipeline, by name or number"},
    [CTL_FLAG_DESIRED] = {"desired", NULL, "what the switch should hold (default)"},
    [CTL_FLAG_INSTALLED] = {"installed", NULL, "what the switch has acknowledged"},
    [CTL_FLAG_EXPLAIN] = {"explain", NULL, "add what each one is derived from"},
    [CTL_FLAG_ALL] = {"all", NULL, "Pods: the finished ones and those in their node's network too"},
    [CTL_FLAG_MARKDOWN] = {"markdown", NULL, "the page docs/pipeline.md"},
};
const char *const ctl_output_names[CTL_N_OUTPUTS] = {
    [CTL_TABLE] = "table", [CTL_WIDE] = "wide", [CTL_JSON] = "json", [CTL_YAML] = "yaml"};

enum { CTL_WAIT_MS = 30000 };

static int ctl_find_flag(const char *name, size_t n)
{
    for (int i = 0; i < CTL_N_FLAGS; i++) {
        if (strlen(ctl_flags[i].name) == n && strncmp(ctl_flags[i].name, name, n) == 0) {
            return i;
        }
    }
    return -1;
}

/* One flag, and its value if that is the next argument: returns how many were taken. */
static int ctl_parse_flag(struct ctl *c, char **argv, int left, struct err *err)
{
    const char *arg = argv[0];
    bool brief = arg[1] != '-';
    const char *name = brief ? "output" : arg + 2;
    size_t n = brief ? strlen(name) : strcspn(name, "=");
    const char *value = brief ? (arg[2] ? arg + 2 : NULL) : name[n] == '=' ? name + n + 1 : NULL;
    int flag = brief && arg[1] != 'o' ? -1 : ctl_find_flag(name, n);
    if (flag < 0) {
        return err_set(err, ERR_INVALID, "%s: no such flag", arg);
    }
    if (!ctl_flags[flag].operand) {
        c->flags[flag] = "";
        return value ? err_set(err, ERR_INVALID, "--%s: takes no value", ctl_flags[flag].name) : 1;
    }
    if (!value && left < 2) {
        return err_set(err, ERR_INVALID, "--%s: needs a value", ctl_flags[flag].name);
    }
    c->flags[flag] = value ? value : argv[1];
    return value ? 1 : 2;
}

static int ctl_parse_operand(struct ctl *c, const char *arg, struct err *err)
{
    for (size_t i = 0; !c->command && i < ctl_n_commands; i++) {
        if (strcmp(ctl_commands[i].name, arg) == 0) {
            c->command = &ctl_commands[i];
            return 1;
        }
    }
    if (!c->command) {
        return err_set(err, ERR_INVALID, "%s: no such command", arg);
    }
    if (c->n_operands >= c->command->max_operands || c->n_operands >= CTL_MAX_OPERANDS) {
        return err_set(err, ERR_INVALID, "%s: one word too many", arg);
    }
    c->operands[c->n_operands++] = arg;
    return 1;
}

static int ctl_check_flags(struct ctl *c, struct err *err)
{
    static const enum ctl_flag times[] = {CTL_FLAG_WAIT, CTL_FLAG_TIMEOUT};
    for (int i = 0; i < CTL_N_FLAGS; i++) {
        if (c->flags[i] && i != CTL_FLAG_SOCKET && !(c->command->flags & (1u << i))) {
            return err_set(err, ERR_INVALID, "--%s: not a flag of %s", ctl_flags[i].name,
                           c->command->name);
        }
    }
    c->wait_ms = c->command->flags & (1u << CTL_FLAG_TIMEOUT) ? CTL_WAIT_MS : 0;
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        const char *value = c->flags[times[i]];
        if (value && !options_duration(value, &c->wait_ms)) {
            return err_set(err, ERR_INVALID, "--%s: '%s' is not a time like 30s or 500ms",
                           ctl_flags[times[i]].name, value);
        }
    }
    const char *form = c->flags[CTL_FLAG_OUTPUT];
    for (int i = 0; form && i < CTL_N_OUTPUTS; i++) {
        if (strcmp(ctl_output_names[i], form) == 0) {
            c->output = (enum ctl_output)i;
            form = NULL;
        }
    }
    return form ? err_set(err, ERR_INVALID, "-o: '%s' is none of table, wide, json, yaml", form)
                : 0;
}

int ctl_parse(struct ctl *c, int argc, char **argv, struct err *err)
{
    *c = (struct ctl){.output = CTL_TABLE};
    for (int i = 1; i < argc;) {
        int taken = argv[i][0] == '-' && argv[i][1] ? ctl_parse_flag(c, argv + i, argc - i, err)
                                                    : ctl_parse_operand(c, argv[i], err);
        if (taken < 0) {
            return taken;
        }
        i += taken;
    }
    if (!c->command) {
        return err_set(err, ERR_INVALID, "a command is missing");
    }
    if (c->n_operands < c->command->min_operands) {
        return err_set(err, ERR_INVALID, "%s: needs %s", c->command->name, c->command->operands);
    }
    int rc = ctl_check_flags(c, err);
    return rc == 0 && c->command->check ? c->command->check(c, err) : rc;
}
