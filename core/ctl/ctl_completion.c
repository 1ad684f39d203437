/* SPDX-License-Identifier: Apache-2.0
 *
 * Completion code for shells, made from the tables of commands and flags. */
#include <string.h>

#include "core/ctl/ctl.h"

/* Words that may follow a command: its flags, and what its first operand can be. */
static void completion_words(const struct ctl_command *command, struct sbuf *out)
{
    for (int i = 0; i < CTL_N_FLAGS; i++) {
        if (i == CTL_FLAG_SOCKET || command->flags & (1u << i)) {
            sbuf_printf(out, "--%s ", ctl_flags[i].name);
        }
    }
    sbuf_puts(out, "--help");
    if (command->operands[0] >= 'a' && command->operands[0] <= 'z') {
        sbuf_putc(out, ' ');
        for (const char *p = command->operands; *p; p++) {
            sbuf_putc(out, *p == '|' ? ' ' : *p);
        }
    }
}

static void completion_names(struct sbuf *out)
{
    for (size_t i = 0; i < ctl_n_commands; i++) {
        sbuf_printf(out, "%s%s", i ? " " : "", ctl_commands[i].name);
    }
}

static void completion_bash(struct sbuf *out)
{
    sbuf_puts(out,
              "_seinectl() {\n"
              "    local cur=\"${COMP_WORDS[COMP_CWORD]}\" prev=\"${COMP_WORDS[COMP_CWORD-1]}\"\n"
              "    local i command= words=\n"
              "    case \"$prev\" in\n"
              "        -o|--output) COMPREPLY=($(compgen -W \"table wide json yaml\" -- "
              "\"$cur\")); return ;;\n"
              "        --socket) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n"
              "    esac\n"
              "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
              "        case \"${COMP_WORDS[i]}\" in\n"
              "            --socket|-o|--output) ((i++)) ;;\n"
              "            -*) ;;\n"
              "            *) command=\"${COMP_WORDS[i]}\"; break ;;\n"
              "        esac\n"
              "    done\n"
              "    case \"$command\" in\n");
    for (size_t i = 0; i < ctl_n_commands; i++) {
        sbuf_printf(out, "        %s) words=\"", ctl_commands[i].name);
        completion_words(&ctl_commands[i], out);
        sbuf_puts(out, "\" ;;\n");
    }
    sbuf_puts(out, "        *) words=\"");
    completion_names(out);
    sbuf_puts(out, " --socket --help --version\" ;;\n"
                   "    esac\n"
                   "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
                   "}\n"
                   "complete -F _seinectl seinectl kubectl-seine\n");
}

static void completion_zsh(struct sbuf *out)
{
    sbuf_puts(out, "#compdef seinectl kubectl-seine\n"
                   "autoload -U +X bashcompinit && bashcompinit\n");
    completion_bash(out);
}

static void completion_powershell(struct sbuf *out)
{
    sbuf_puts(out, "Register-ArgumentCompleter -Native -CommandName seinectl, kubectl-seine "
                   "-ScriptBlock {\n"
                   "    param($word, $ast, $position)\n"
                   "    $words = @{\n");
    for (size_t i = 0; i < ctl_n_commands; i++) {
        sbuf_printf(out, "        '%s' = '", ctl_commands[i].name);
        completion_words(&ctl_commands[i], out);
        sbuf_puts(out, "'\n");
    }
    sbuf_puts(out, "    }\n"
                   "    $given = $ast.CommandElements | Select-Object -Skip 1 | "
                   "ForEach-Object { $_.ToString() }\n"
                   "    $command = $given | Where-Object { $words.ContainsKey($_) } | "
                   "Select-Object -First 1\n"
                   "    $choice = if ($command) { $words[$command] } else { '");
    completion_names(out);
    sbuf_puts(out,
              " --socket --help --version' }\n"
              "    $choice.Split(' ') | Where-Object { $_ -like \"$word*\" } | ForEach-Object {\n"
              "        [System.Management.Automation.CompletionResult]::new($_)\n"
              "    }\n"
              "}\n");
}

static const struct {
    const char *shell;
    void (*print)(struct sbuf *out);
} completions[] = {
    {"bash", completion_bash}, {"zsh", completion_zsh}, {"powershell", completion_powershell}};

int ctl_completion_check(struct ctl *c, struct err *err)
{
    for (size_t i = 0; i < ARRAY_LEN(completions); i++) {
        if (strcmp(completions[i].shell, c->operands[0]) == 0) {
            return 0;
        }
    }
    return err_set(err, ERR_INVALID, "completion: '%s' is none of %s", c->operands[0],
                   c->command->operands);
}

int ctl_completion(struct ctl *c)
{
    auto_sbuf out = SBUF_INIT;
    for (size_t i = 0; i < ARRAY_LEN(completions); i++) {
        if (strcmp(completions[i].shell, c->operands[0]) == 0) {
            completions[i].print(&out);
        }
    }
    return ctl_puts(sbuf_cstr(&out), out.len);
}
