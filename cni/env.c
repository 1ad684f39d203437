/* SPDX-License-Identifier: Apache-2.0
 *
 * Verbs, versions and variables of the CNI specification (sections 2 and "Parameters"). */
#include "cni/env.h"

#include <ctype.h>
#include <string.h>

enum { CNI_NEEDS_CONTAINER = 1, CNI_NEEDS_NETNS = 2, CNI_NEEDS_IFNAME = 4 };
static const struct {
    const char *name;
    unsigned needs;
    const char *since;
} cni_verbs[CNI_N_VERBS] = {
    [CNI_ADD] = {"ADD", CNI_NEEDS_CONTAINER | CNI_NEEDS_NETNS | CNI_NEEDS_IFNAME, "0.3.0"},
    [CNI_DEL] = {"DEL", CNI_NEEDS_CONTAINER | CNI_NEEDS_IFNAME, "0.3.0"},
    [CNI_CHECK] = {"CHECK", CNI_NEEDS_CONTAINER | CNI_NEEDS_NETNS | CNI_NEEDS_IFNAME, "0.4.0"},
    [CNI_GC] = {"GC", 0, "1.1.0"},
    [CNI_STATUS] = {"STATUS", 0, "1.1.0"},
    [CNI_VERSION] = {"VERSION", 0, "0.3.0"},
};

const struct cni_version cni_versions[] = {
    {.name = "0.3.0", .ips_have_version = true},    {.name = "0.3.1", .ips_have_version = true},
    {.name = "0.4.0", .ips_have_version = true},    {.name = "1.0.0"},
    {.name = "1.1.0", .interfaces_have_mtu = true},
};
const size_t cni_n_versions = ARRAY_LEN(cni_versions);

const char *cni_verb_name(enum cni_verb verb)
{
    return cni_verbs[verb].name;
}

bool cni_verb_parse(const char *name, enum cni_verb *out)
{
    for (size_t i = 0; i < CNI_N_VERBS; i++) {
        if (strcmp(cni_verbs[i].name, name) == 0) {
            *out = (enum cni_verb)i;
            return true;
        }
    }
    return false;
}

const struct cni_version *cni_version_find(const char *name)
{
    for (size_t i = 0; i < cni_n_versions; i++) {
        if (strcmp(cni_versions[i].name, name) == 0) {
            return &cni_versions[i];
        }
    }
    return NULL;
}

const struct cni_version *cni_version_newest(void)
{
    return &cni_versions[cni_n_versions - 1];
}

bool cni_version_has(const struct cni_version *v, enum cni_verb verb)
{
    return v >= cni_version_find(cni_verbs[verb].since);
}

void cni_version_format(const char *asked, struct sbuf *out)
{
    sbuf_puts(out, "{\"cniVersion\":");
    sbuf_put_json(out, asked ? asked : cni_version_newest()->name);
    sbuf_puts(out, ",\"supportedVersions\":[");
    for (size_t i = 0; i < cni_n_versions; i++) {
        sbuf_printf(out, "%s\"%s\"", i ? "," : "", cni_versions[i].name);
    }
    sbuf_puts(out, "]}\n");
}

bool cni_is_name(const char *s)
{
    if (!isalnum((unsigned char)*s)) {
        return false;
    }
    for (; *s; s++) {
        if (!isalnum((unsigned char)*s) && !strchr("._-", *s)) {
            return false;
        }
    }
    return true;
}

bool cni_is_ifname(const char *s)
{
    size_t n = strlen(s);
    if (!n || n > 15 || strcmp(s, ".") == 0 || strcmp(s, "..") == 0) {
        return false;
    }
    for (; *s; s++) {
        if (*s == '/' || *s == ':' || (unsigned char)*s <= ' ' || *s == 127) {
            return false;
        }
    }
    return true;
}

int cni_env_check(const struct cni_env *env, struct cni_error *e)
{
    enum cni_verb verb;
    if (!cni_verb_parse(env->command, &verb)) {
        return cni_error_set(e, CNI_INVALID_ENVIRONMENT, "CNI_COMMAND: unknown verb \"%.40s\"",
                             env->command);
    }
    unsigned needs = cni_verbs[verb].needs;
    if (needs & CNI_NEEDS_CONTAINER && !cni_is_name(env->container_id)) {
        return cni_error_set(e, CNI_INVALID_ENVIRONMENT, "CNI_CONTAINERID: %s",
                             *env->container_id ? "not a container's id" : "missing");
    }
    if (needs & CNI_NEEDS_NETNS && !*env->netns) {
        return cni_error_set(e, CNI_INVALID_ENVIRONMENT, "CNI_NETNS: missing");
    }
    if (needs & CNI_NEEDS_IFNAME && !cni_is_ifname(env->ifname)) {
        return cni_error_set(e, CNI_INVALID_ENVIRONMENT, "CNI_IFNAME: %s",
                             *env->ifname ? "not an interface's name" : "missing");
    }
    return 0;
}

void cni_env_format(const struct cni_env *env, const char *config, struct sbuf *out)
{
    const struct {
        const char *key, *value;
    } members[] = {
        {"{\"command\":", env->command}, {",\"containerID\":", env->container_id},
        {",\"netns\":", env->netns},     {",\"ifname\":", env->ifname},
        {",\"args\":", env->args},       {",\"config\":", config},
    };
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        sbuf_puts(out, members[i].key);
        sbuf_put_json(out, members[i].value);
    }
    sbuf_puts(out, "}\n");
}
