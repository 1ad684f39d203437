/* SPDX-License-Identifier: Apache-2.0
 *
 * seinectl, also installed as kubectl-seine. */
#include <stdio.h>
#include <string.h>

#include "core/base/version.h"
#include "core/ctl/ctl.h"
#include "platform/program.h"

static void main_help_flags(uint32_t flags, struct sbuf *out)
{
    for (int i = 0; i < CTL_N_FLAGS; i++) {
        if (i != CTL_FLAG_SOCKET && !(flags & (1u << i))) {
            continue;
        }
        auto_sbuf left = SBUF_INIT;
        sbuf_printf(&left, "--%s %s", ctl_flags[i].name,
                    ctl_flags[i].operand ? ctl_flags[i].operand : "");
        sbuf_printf(out, "  %-18s%s\n", left.data, ctl_flags[i].meaning);
    }
}

static void main_help(const struct ctl_command *command, struct sbuf *out)
{
    if (command) {
        sbuf_printf(out, "usage: seinectl %s%s%s [FLAGS]\n\n%s\n\n", command->name,
                    *command->operands ? " " : "", command->operands, command->meaning);
        main_help_flags(command->flags, out);
        return;
    }
    sbuf_puts(out, "usage: seinectl COMMAND [FLAGS]\n\n");
    for (size_t i = 0; i < ctl_n_commands; i++) {
        sbuf_printf(out, "  %-12s%s\n", ctl_commands[i].name, ctl_commands[i].meaning);
    }
    sbuf_puts(out, "\n  --socket PATH     the agent's socket (or SEINE_SOCKET)\n"
                   "  -o FORM           table, wide, json or yaml\n"
                   "  --help            print this; after a command: its flags\n"
                   "  --version         print the version\n\n"
                   "Exit codes: 0 done, 1 failed, 2 wrong usage.\n");
}

/* --help and --version hold wherever they stand: true if one did. */
static bool main_print(int argc, char **argv, int *rc)
{
    auto_sbuf out = SBUF_INIT;
    const struct ctl_command *command = NULL;
    bool help = false, version = false;
    for (int i = 1; i < argc; i++) {
        help = help || strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0;
        version = version || strcmp(argv[i], "--version") == 0;
        for (size_t j = 0; !command && j < ctl_n_commands; j++) {
            command = strcmp(ctl_commands[j].name, argv[i]) == 0 ? &ctl_commands[j] : NULL;
        }
    }
    if (help) {
        main_help(command, &out);
    } else if (version) {
        sbuf_printf(&out, "seinectl %s\n", version_text());
    }
    *rc = out.len ? ctl_puts(out.data, out.len) : CTL_DONE;
    return out.len > 0;
}

int main(int argc, char **argv)
{
    struct ctl c;
    struct err err = {0};
    int rc;
    program_start(&argc, &argv);
    if (main_print(argc, argv, &rc)) {
        return rc;
    }
    if (ctl_parse(&c, argc, argv, &err) < 0) {
        fprintf(stderr, "seinectl: %s (see seinectl --help)\n", err.text);
        return CTL_USAGE;
    }
    return c.command->run(&c);
}
