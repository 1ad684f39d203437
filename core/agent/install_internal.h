/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside the installer.
 *
 *   install.c          arguments, the verbs, what is printed
 *   install_require.c  requirements: what must hold before anything is changed
 *   install_steps.c    steps: what is changed, in order; each knows whether anything is to be done
 *   install_files.c    files placed and taken away so that it can be undone
 *   install_system.c   what is asked of the machine
 *
 * Everything that is done puts its reverse on a stack.  If a step fails, the stack is unwound, last
 * first; if all went well, what was kept for that is thrown away. */
#ifndef SEINE_AGENT_INSTALL_INTERNAL_H
#define SEINE_AGENT_INSTALL_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/agent/options.h"
#include "core/base/err.h"
#include "core/base/sbuf.h"
#include "core/base/vec.h"
#include "platform/service.h"
#include "platform/setup.h"

#define INSTALL_SERVICE "seine-agent"
#define INSTALL_CONFLIST "10-seine.conflist"

enum install_verb {
    INSTALL_INSTALL,
    INSTALL_UNINSTALL,
    INSTALL_UPGRADE,
    INSTALL_STATUS,
    INSTALL_CHECK,
    INSTALL_N_VERBS
};
enum install_result { INSTALL_OK, INSTALL_FAIL, INSTALL_SKIP, INSTALL_WOULD, INSTALL_N_RESULTS };

struct install_options {
    enum install_verb verb;
    const char *config, *cni_bin_dir, *cni_conf_dir, *containerd_config; /* NULL: not given */
    bool dry_run, json, purge, no_service, help;
};

/* What is asked of the machine.  Tests give their own; files are real in any case. */
struct install_system {
    bool (*is_administrator)(void);
    int (*system_version)(struct setup_version *out, struct err *err);
    /* Of the network service.  ERR_UNSUPPORTED: it is not there.  Minor and build may be 0. */
    int (*hns_version)(struct setup_version *out, struct err *err);
    /* Asks the database at o->ovsdb for Open vSwitch's version: "" if it answers without one.
     * ERR_PERMISSION: not for us. */
    int (*ovs_answers)(const struct options *o, char *version, size_t size, struct err *err);
    /* "ovs-vswitchd --version" of the installed program, '*program_out' (the caller frees).
     * ERR_NOT_FOUND: none is installed. */
    int (*ovs_installed)(char **program_out, char *version, size_t size, struct err *err);
    /* Whether the agent is ready; *why_out says why not. */
    int (*agent_ready)(const struct options *o, bool *ready_out, struct sbuf *why_out,
                       struct err *err);
    int (*service_install)(const struct service_spec *spec, struct err *err);
    int (*service_set_command)(const char *name, const char *command, struct err *err);
    int (*service_remove)(const char *name, struct err *err);
    int (*service_start)(const char *name, unsigned timeout_ms, struct err *err);
    int (*service_stop)(const char *name, unsigned timeout_ms, struct err *err);
    int (*service_query)(const char *name, struct service_status *out, struct err *err);
    void (*sleep_ms)(unsigned ms);
    char *program_files, *program_data; /* folders */
    char *own_folder;                   /* where the programs come from */
    char separator;
};
/* The machine itself.  ERR_UNSUPPORTED where there is nothing to install on. */
int install_system_open(struct install_system *out, struct err *err);
void install_system_close(struct install_system *s);

struct install;
struct install_undo {
    int (*undo)(struct install *i, const struct install_undo *u, struct err *err);
    void (*commit)(struct install *i, const struct install_undo *u); /* NULL: nothing to do */
    const char *what; /* the step that it takes back */
    char *path, *kept;
};

typedef void install_line_fn(void *aux, enum install_result result, const char *name,
                             const char *detail);
struct install {
    const struct install_options *o;
    const struct install_system *system;
    install_line_fn *line;
    void *aux;

    char *programs, *data; /* Seine's own folders */
    char *config;          /* the agent's configuration file, full path */
    bool config_exists;
    struct options agent; /* what it says */
    char *bin_dir, *conf_dir;
    uint32_t containerd_version; /* of its configuration; 0: not known */
    struct service_status service;

    VEC(struct install_undo) undo;
    bool failed;
    const char *failed_at;
};

/* ---- install.c ---- */
/* Carries out the verb; returns the exit code. */
int install_run(const struct install_options *o, const struct install_system *s,
                install_line_fn *line, void *aux);
/* Reads arguments (argv[0] is the verb).  ERR_INVALID with the line to print. */
int install_parse(struct install_options *o, int argc, char **argv, struct err *err);
void install_tell(struct install *i, enum install_result result, const char *name, const char *fmt,
                  ...) PORT_PRINTF(4, 5);
/* Puts on the stack; strings are copied ('kept' may be NULL). */
void install_push(struct install *i, struct install_undo u);
/* DIR, the separator, NAME. */
char *install_path(const struct install *i, const char *dir, const char *name);

/* ---- install_require.c ---- */
/* Looks at what the verb needs to hold; tells each; false if one does not. */
bool install_require(struct install *i);

/* ---- install_steps.c ---- */
struct install_step {
    const char *name;
    /* OK, SKIP or WOULD with its detail, or FAIL with the reason in it. */
    enum install_result (*run)(struct install *i, struct sbuf *detail);
    bool of_service; /* left out with --no-service */
};
/* Steps of a verb, ended by a NULL name. */
const struct install_step *install_steps(enum install_verb verb);

/* Removes what runs that were killed left beside the files: the node is whole now, and what was
 * kept then is no way back any more. */
void install_clean(const struct install *i);

/* ---- install_files.c ---- */
/* Places a copy of 'from' at 'to'. */
int install_put_file(struct install *i, const char *what, const char *from, const char *to,
                     struct err *err);
/* Places these bytes at 'to'. */
int install_put_text(struct install *i, const char *what, const char *to, const char *text,
                     struct err *err);
/* Takes the file away; absent is success. */
int install_drop_file(struct install *i, const char *what, const char *path, struct err *err);
/* Makes a folder with the rights of the one it is in, or for SYSTEM and Administrators alone;
 * undone if it was not there and is empty then. */
int install_put_folder(struct install *i, const char *what, const char *path, struct err *err);
int install_put_private_folder(struct install *i, const char *what, const char *path,
                               struct err *err);
bool install_file_exists(const char *path);
/* Equal bytes? */
bool install_files_equal(const char *a, const char *b);

#endif
