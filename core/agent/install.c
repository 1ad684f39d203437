/* SPDX-License-Identifier: Apache-2.0 */
#include "core/agent/install.h"

#include <stdio.h>
#include <string.h>

#include "core/agent/install_internal.h"
#include "core/agent/jsonout.h"
#include "core/base/mem.h"
#include "core/base/output.h"

static const struct {
    const char *name, *meaning;
} install_verbs[INSTALL_N_VERBS] = {
    [INSTALL_INSTALL] = {"install", "programs, service, CNI plugin and network configuration"},
    [INSTALL_UNINSTALL] = {"uninstall", "takes them away; keeps %ProgramData%\\seine"},
    [INSTALL_UPGRADE] = {"upgrade", "replaces the programs by those beside this one"},
    [INSTALL_STATUS] = {"status", "what is installed, and how it does"},
    [INSTALL_CHECK] = {"check", "whether this node could be installed on; changes nothing"},
};
static const char *const install_results[INSTALL_N_RESULTS] = {[INSTALL_OK] = "ok",
                                                               [INSTALL_FAIL] = "fail",
                                                               [INSTALL_SKIP] = "skip",
                                                               [INSTALL_WOULD] = "would"};

/* ---- arguments ---- */
struct install_flag {
    const char *name, *operand, *meaning;
    size_t text, word; /* offset of the member; one of them, the other SIZE_MAX */
};
#define TEXT(member) offsetof(struct install_options, member), SIZE_MAX
#define WORD(member) SIZE_MAX, offsetof(struct install_options, member)
static const struct install_flag install_flags[] = {
    {"--config", "FILE",
     "the agent's configuration; without it the service's, else "
     "%ProgramData%\\seine\\config.yaml, written if absent",
     TEXT(config)},
    {"--cni-bin-dir", "DIR", "where the runtime looks for CNI plugins", TEXT(cni_bin_dir)},
    {"--cni-conf-dir", "DIR", "where it looks for network configurations", TEXT(cni_conf_dir)},
    {"--containerd-config", "FILE", "which says both folders; without it containerd's own place",
     TEXT(containerd_config)},
    {"--dry-run", NULL, "only says what would be done", WORD(dry_run)},
    {"--purge", NULL, "uninstall: %ProgramData%\\seine goes too", WORD(purge)},
    {"--no-service", NULL, "no programs and no service: the agent runs in a container",
     WORD(no_service)},
    {"--help", NULL, "this text", WORD(help)},
};
#undef TEXT
#undef WORD

static int install_verb_of(const char *word)
{
    for (int v = 0; v < INSTALL_N_VERBS; v++) {
        if (strcmp(install_verbs[v].name, word) == 0) {
            return v;
        }
    }
    return -1;
}

bool install_is_verb(const char *word)
{
    return install_verb_of(word) >= 0;
}

void install_help(struct sbuf *out)
{
    sbuf_puts(out, "usage: seine-agent install|uninstall|upgrade|status|check [flags]\n\n"
                   "Puts Seine on this Windows node, or takes it away.\n\n");
    for (int v = 0; v < INSTALL_N_VERBS; v++) {
        sbuf_printf(out, "  %-10s %s\n", install_verbs[v].name, install_verbs[v].meaning);
    }
    sbuf_puts(out, "\n");
    for (size_t n = 0; n < ARRAY_LEN(install_flags); n++) {
        const struct install_flag *f = &install_flags[n];
        auto_sbuf flag = SBUF_INIT;
        sbuf_printf(&flag, "%s%s%s", f->name, f->operand ? " " : "", f->operand ? f->operand : "");
        sbuf_printf(out, "  %-26s %s\n", flag.data, f->meaning);
    }
    sbuf_printf(out, "  %-26s %s\n\nExit codes: 0 done, 1 failed, 2 wrong usage.\n", "-o text|json",
                "form of the lines on stdout");
}

static int install_output(struct install_options *o, const char *form, struct err *err)
{
    o->json = strcmp(form, "json") == 0;
    return o->json || strcmp(form, "text") == 0
               ? 0
               : err_set(err, ERR_INVALID, "-o: '%s' is not one of text, json", form);
}

/* How many arguments were taken. */
static int install_argument(struct install_options *o, char **argv, int left, struct err *err)
{
    const char *arg = argv[0];
    bool output = strcmp(arg, "-o") == 0 || strcmp(arg, "--output") == 0;
    size_t n = strcspn(arg, "=");
    if (output) {
        return left < 2 ? err_set(err, ERR_INVALID, "%s: needs a value", arg)
               : install_output(o, argv[1], err) < 0 ? ERR_INVALID
                                                     : 2;
    }
    for (size_t k = 0; k < ARRAY_LEN(install_flags); k++) {
        const struct install_flag *f = &install_flags[k];
        if (strlen(f->name) != n || strncmp(f->name, arg, n) != 0) {
            continue;
        }
        if (!f->operand) {
            *(bool *)(void *)((char *)o + f->word) = true;
            return arg[n] ? err_set(err, ERR_INVALID, "%s: takes no value", f->name) : 1;
        }
        const char *value = arg[n] ? arg + n + 1 : left > 1 ? argv[1] : "";
        if (!*value) {
            return err_set(err, ERR_INVALID, "%s: needs a value", f->name);
        }
        *(const char **)(void *)((char *)o + f->text) = value;
        return arg[n] ? 1 : 2;
    }
    return err_set(err, ERR_INVALID, "%s: no such flag (see --help)", arg);
}

int install_parse(struct install_options *o, int argc, char **argv, struct err *err)
{
    *o = (struct install_options){.verb = (enum install_verb)install_verb_of(argv[0])};
    for (int n = 1; n < argc;) {
        int taken = install_argument(o, argv + n, argc - n, err);
        if (taken < 0) {
            return taken;
        }
        n += taken;
    }
    if (o->purge && o->verb != INSTALL_UNINSTALL) {
        return err_set(err, ERR_INVALID, "--purge: only with uninstall");
    }
    return 0;
}

/* ---- carrying it out ---- */
char *install_path(const struct install *i, const char *dir, const char *name)
{
    size_t n = strlen(dir);
    bool ended = n && (dir[n - 1] == '/' || dir[n - 1] == i->system->separator);
    auto_sbuf path = SBUF_INIT;
    sbuf_puts(&path, dir);
    if (!ended) {
        sbuf_putc(&path, i->system->separator);
    }
    sbuf_puts(&path, name);
    return sbuf_take(&path);
}

void install_tell(struct install *i, enum install_result result, const char *name, const char *fmt,
                  ...)
{
    auto_sbuf text = SBUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    sbuf_vprintf(&text, fmt, ap);
    va_end(ap);
    for (char *c = text.data; c && *c; c++) {
        *c = (unsigned char)*c < 0x20 ? ' ' : *c; /* one line, whatever a file's name holds */
    }
    i->failed = i->failed || result == INSTALL_FAIL;
    i->line(i->aux, result, name, sbuf_cstr(&text));
}

void install_push(struct install *i, struct install_undo u)
{
    VEC_PUSH(&i->undo, u);
}

static void install_unwind(struct install *i)
{
    const char *told = "";
    bool whole = true;
    for (size_t n = i->undo.n; n-- > 0;) {
        const struct install_undo *u = &i->undo.v[n];
        struct err err = {0};
        if (u->undo(i, u, &err) < 0) {
            whole = false;
            install_tell(i, INSTALL_FAIL, "rollback", "%s: %s", u->what, err.text);
        } else if (strcmp(told, u->what) != 0) {
            install_tell(i, INSTALL_OK, "rollback", "%s", u->what);
        }
        told = u->what;
    }
    install_tell(i, INSTALL_FAIL, install_verbs[i->o->verb].name, "%s",
                 !whole      ? "could not be rolled back whole: see above"
                 : i->undo.n ? "rolled back: the node is as it was"
                             : "nothing was changed");
}

static void install_commit(struct install *i)
{
    for (size_t n = i->undo.n; n-- > 0;) {
        if (i->undo.v[n].commit) {
            i->undo.v[n].commit(i, &i->undo.v[n]);
        }
    }
}

static void install_end(struct install *i)
{
    for (size_t n = 0; n < i->undo.n; n++) {
        mem_free(i->undo.v[n].path);
        mem_free(i->undo.v[n].kept);
    }
    VEC_DONE(&i->undo);
    options_done(&i->agent);
    mem_free(i->programs);
    mem_free(i->data);
    mem_free(i->config);
    mem_free(i->bin_dir);
    mem_free(i->conf_dir);
}

static bool install_changes(enum install_verb verb)
{
    return verb != INSTALL_STATUS && verb != INSTALL_CHECK;
}

/* True if all went well. */
static bool install_all_steps(struct install *i)
{
    for (const struct install_step *s = install_steps(i->o->verb); s->name; s++) {
        auto_sbuf detail = SBUF_INIT;
        if (s->of_service && i->o->no_service) {
            continue;
        }
        enum install_result r = s->run(i, &detail);
        install_tell(i, r, s->name, "%s", sbuf_cstr(&detail));
        if (r == INSTALL_FAIL && install_changes(i->o->verb)) {
            return false;
        }
    }
    return true;
}

int install_run(const struct install_options *o, const struct install_system *s,
                install_line_fn *line, void *aux)
{
    struct install i = {.o = o, .system = s, .line = line, .aux = aux};
    i.programs = install_path(&i, s->program_files, "Seine");
    i.data = install_path(&i, s->program_data, "seine");
    bool go = install_require(&i) || !install_changes(o->verb);
    if (go && install_all_steps(&i)) {
        install_commit(&i);
        if (install_changes(o->verb) && !o->dry_run) {
            install_clean(&i);
        }
    } else {
        install_unwind(&i);
    }
    install_end(&i);
    return i.failed ? 1 : 0;
}

/* ---- what is printed ---- */
static void install_line_text(void *aux, enum install_result result, const char *name,
                              const char *detail)
{
    (void)aux;
    printf("%s %s%s%s\n", install_results[result], name, *detail ? ": " : "", detail);
    fflush(stdout);
}

static void install_line_json(void *aux, enum install_result result, const char *name,
                              const char *detail)
{
    struct jsonout *j = aux;
    jsonout_open(j, NULL, '{');
    jsonout_text(j, "name", name);
    jsonout_text(j, "result", install_results[result]);
    jsonout_text(j, "detail", detail);
    jsonout_close(j, '}');
}

static int install_print(const struct install_options *o, const struct install_system *s)
{
    auto_sbuf text = SBUF_INIT;
    struct jsonout j = {.out = &text};
    if (!o->json) {
        return install_run(o, s, install_line_text, NULL);
    }
    jsonout_list_open(&j, "StepList");
    int rc = install_run(o, s, install_line_json, &j);
    jsonout_list_close(&j);
    fputs(text.data, stdout);
    return rc;
}

int install_main(int argc, char **argv)
{
    struct install_options o;
    struct install_system s;
    struct err err = {0};
    if (install_parse(&o, argc, argv, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return 2;
    }
    if (o.help) {
        auto_sbuf text = SBUF_INIT;
        install_help(&text);
        return output_put("seine-agent", text.data, text.len);
    }
    if (install_system_open(&s, &err) < 0) {
        fprintf(stderr, "seine-agent %s: %s\n", argv[0], err.text);
        return err.code == ERR_UNSUPPORTED ? 2 : 1;
    }
    int rc = install_print(&o, &s);
    install_system_close(&s);
    return fflush(stdout) == 0 ? rc : 1;
}
