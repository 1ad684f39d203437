/* SPDX-License-Identifier: Apache-2.0
 *
 * What a runtime gives a plugin besides its standard input: verbs, versions, and the CNI_ variables
 * with their rules.  Shared by the plugin and the agent; needs no JSON. */
#ifndef SEINE_CNI_ENV_H
#define SEINE_CNI_ENV_H

#include <stdbool.h>
#include <stddef.h>

#include "cni/code.h"

enum cni_verb { CNI_ADD, CNI_DEL, CNI_CHECK, CNI_GC, CNI_STATUS, CNI_VERSION, CNI_N_VERBS };
const char *cni_verb_name(enum cni_verb verb); /* "ADD" */
bool cni_verb_parse(const char *name, enum cni_verb *out);

/* The versions of the specification that are spoken, oldest first. */
struct cni_version {
    const char *name;
    bool ips_have_version; /* each of "ips" says "4" or "6" */
    bool interfaces_have_mtu;
};
extern const struct cni_version cni_versions[];
extern const size_t cni_n_versions;
const struct cni_version *cni_version_find(const char *name); /* NULL: not spoken */
const struct cni_version *cni_version_newest(void);
/* Whether the verb is part of that version: CHECK came with 0.4.0, GC and STATUS with 1.1.0. */
bool cni_version_has(const struct cni_version *v, enum cni_verb verb);
/* What VERSION prints, with 'asked' (NULL: the newest) as cniVersion, and a newline. */
void cni_version_format(const char *asked, struct sbuf *out);

/* The variables; never NULL, "" if absent. */
struct cni_env {
    const char *command, *container_id, *netns, *ifname, *args;
};
/* Whether the verb's variables are there and well formed.  0, or CNI_INVALID_ENVIRONMENT. */
int cni_env_check(const struct cni_env *env, struct cni_error *e);
/* Names of containers and networks: a letter or digit, then those and ".", "_", "-". */
bool cni_is_name(const char *s);
/* A name that Linux takes for an interface. */
bool cni_is_ifname(const char *s);

/* What seine-cni sends to the agent: one JSON object of the variables and the configuration. */
void cni_env_format(const struct cni_env *env, const char *config, struct sbuf *out);

#endif
